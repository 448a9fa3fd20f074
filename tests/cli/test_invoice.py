"""invoice: who stands on them, drafts, numbers, files, credit."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from engagerr.cli import invoice
from tests.cli.billing_line import a_draft, examples_of, set_up, typed
from tests.cli.conftest import CommandLine

OWN = examples_of(invoice.app)


@pytest.fixture
def billing(cli: CommandLine) -> CommandLine:
    return set_up(cli)


def test_the_examples_work_one_after_the_other(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    cli("creator", "add", "Jonna Brenner")
    assert len(OWN) == 17
    for verb, examples in OWN:
        if verb == "show":  # from here on two numbers are given
            for draft in (a_draft(cli), a_draft(cli)):
                cli("invoice", "finalise", draft["id"])
        for example in examples:
            assert typed(cli, example).out
    assert (tmp_path / "invoice.pdf").read_bytes().startswith(b"%PDF-")


def test_a_draft_shows_its_lines_and_its_vat(billing: CommandLine) -> None:
    made = billing.json(
        "invoice", "draft", "Trailpeak GmbH", "--line", "2 x Reel=1,500.00", "--line", "Photos=300@7%", "--line",
        "-1 x Discount=200",
    )  # fmt: skip
    assert made["state"] == "draft"
    assert (made["net"], made["tax"]) == (
        {"minor": 310_000, "currency": "EUR"},
        {"minor": 55_300, "currency": "EUR"},
    )
    assert [(line["title"], line["rate"]) for line in made["lines"]] == [
        ("Reel", 0.19), ("Photos", 0.07), ("Discount", 0.19),
    ]  # fmt: skip
    out = billing("invoice", "show", made["id"]).out
    for words in ("Reel", "7 %", "VAT 19 % on EUR 2,800.00", "EUR 3,653.00", "draft"):
        assert words in out


def test_reverse_charge_is_said_where_it_applies(billing: CommandLine) -> None:
    out = billing("invoice", "draft", "Sentier SARL", "--line", "Story=450").out
    assert "Reverse charge" in out
    assert "EUR 450.00" in out


def test_an_invoice_goes_its_way_from_draft_to_paid_and_credited(billing: CommandLine) -> None:
    draft = a_draft(billing)
    number = billing.json("invoice", "finalise", draft["id"])["number"]
    billing("invoice", "sent", number)
    assert billing("invoice", "void", number, "--reason", "x", "--yes", "-o", "json", code=5).error["hint"]
    assert billing.json("invoice", "paid", number, "--by", "bank")["paid_by"] == "bank"
    assert billing("invoice", "credit", number, "--reason", "x", code=2).err  # nobody can be asked
    note = billing.json("invoice", "credit", number, "--reason", "one photo dropped", "--amount", "119", "--yes")
    assert (note["kind"], note["corrects"], note["gross"]["minor"]) == ("credit_note", number, 11_900)
    [series, _] = billing.json("invoice", "verify")
    assert (series["series"], series["missing"]) == ("CN", [])
    rows = list(csv.DictReader(io.StringIO(billing("invoice", "list", "--output", "csv").out)))
    assert {row["number"] for row in rows} == {number, note["number"]}
    assert {row["gross"] for row in rows} == {"1190.00", "119.00"}


def test_files_are_written_whole_and_never_over_another(billing: CommandLine, tmp_path: Path) -> None:
    number = billing.json("invoice", "finalise", a_draft(billing)["id"])["number"]
    path = tmp_path / "invoice.pdf"
    assert billing.json("invoice", "pdf", number, "--to", path)["path"] == str(path)
    first = path.read_bytes()
    billing("invoice", "pdf", number, "--to", path, code=5)
    billing("invoice", "pdf", number, "--to", path, "--overwrite")
    assert path.read_bytes() == first
    assert billing("invoice", "xml", number, "--to", "-").out.startswith("<?xml")


def test_a_creators_invoice_and_a_commission_are_told_apart(billing: CommandLine) -> None:
    billing("invoice", "self-bill", "Jonna Brenner", "--line", "Reel=850")
    made = billing.json(
        "invoice", "commission", "Jonna Brenner", "--of", "1000", "--rate", "15%", "--title", "Trail", "--withheld"
    )
    assert (made["net"]["minor"], made["paid_by"]) == (15_000, "withheld from a release")
    purposes = {row["purpose"]: row["seller_name"] for row in billing.json("invoice", "list")}
    assert purposes == {"self_billing": "Jonna Brenner", "commission": "Northlight GmbH"}


@pytest.mark.parametrize(
    ("line", "words"), [("Reel", "is no line"), ("Reel=abc", "is no line"), ("Reel=1.005", "more decimals")]
)
def test_a_line_that_cannot_be_read_is_refused(billing: CommandLine, line: str, words: str) -> None:
    assert words in billing("invoice", "draft", "Trailpeak GmbH", "--line", line, code=2).err


def test_without_an_issuer_the_next_step_is_told(cli: CommandLine) -> None:
    error = cli("invoice", "draft", "Trailpeak GmbH", "--line", "Reel=1", "-o", "json", code=3).error
    assert "engagerr invoice issuer" in error["hint"]
    assert cli("invoice", "list").out == "No invoices yet.\n"


@pytest.mark.parametrize("rate", ["15", "abc", "150%", "-1%", "nan"])
def test_a_commission_that_may_be_meant_either_way_is_refused(billing: CommandLine, rate: str) -> None:
    words = ("invoice", "commission", "Jonna Brenner", "--of", "1000", "--title", "Trail", f"--rate={rate}")
    assert "15% or 0.15" in billing(*words, code=2).err
