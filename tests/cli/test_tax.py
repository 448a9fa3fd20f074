"""tax: forms on record and the reports of a year."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from engagerr.cli import tax
from tests.cli.billing_line import examples_of, set_up, typed
from tests.cli.conftest import CommandLine

OWN = examples_of(tax.app)
FORM = {"name": "Sentier SARL", "country": "FR", "tin": "40303265045", "registration": "RCS Lyon 303 265 045"}


@pytest.fixture
def billing(cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "form.json").write_text(json.dumps(FORM), encoding="utf-8")
    return set_up(cli)


def test_the_examples_work_one_after_the_other(billing: CommandLine) -> None:
    assert len(OWN) == 7
    for _, examples in OWN:
        for example in examples:
            assert typed(billing, example).out, example


def test_a_form_is_asked_for_received_and_shown_by_its_last_digits(billing: CommandLine) -> None:
    assert billing.json("tax", "ask", "Sentier SARL", "--form", "DAC7")["standing"] == "asked"
    billing("tax", "receive", "Sentier SARL", "--form", "DAC7", "--signed", "2026-02-03", "--file", "form.json")
    [row] = billing.json("tax", "list")
    assert (row["standing"], row["tin_ends_in"], row["expires_on"]) == ("valid", "5045", "2029-02-03")
    listed = billing("tax", "list").out
    assert "5045" in listed
    assert FORM["tin"] not in listed
    assert billing.json("tax", "show", "Sentier SARL", "--form", "DAC7")["tin"] == FORM["tin"]


@pytest.mark.parametrize(
    ("body", "words"),
    [("[]", "no JSON object"), ('{"nick": 1}', "'nick'"), ('{"name": "A"}', "lacks"), ("{", "no JSON object")],
)
def test_a_file_that_is_no_form_is_refused(billing: CommandLine, tmp_path: Path, body: str, words: str) -> None:
    (tmp_path / "odd.json").write_text(body, encoding="utf-8")
    answer = billing("tax", "receive", "Sentier SARL", "--form", "W-8BEN-E", "--signed", "2026-02-03", "--file",
                     "odd.json", code=2)  # fmt: skip
    assert words in answer.err


def test_reports_name_their_threshold_and_its_source(billing: CommandLine) -> None:
    out = billing("tax", "us", "--form", "1099-NEC", "--year", "2026").out
    assert "USD 2,000" in out
    assert "70433" in out
    assert billing("tax", "us", "--year", "2027", "-o", "json", code=2).error["hint"]
    report = billing.json("tax", "dac7", "--year", "2026", "--filed")
    assert (report["rows"], report["due_on"]) == ([], "2027-01-31")
