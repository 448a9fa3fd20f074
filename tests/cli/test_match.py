"""Matching as typed on the command line: one document, missing numbers as null beside a state, and tables that fit."""

from __future__ import annotations

import csv
import io
import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from engagerr.cli.reference import commands
from tests.cli.conftest import SAMPLE, CommandLine

BRIEF = SAMPLE / "brief-trail-running.json"
READS = ("find", "explain", "compare", "lookalike")


@pytest.fixture(scope="module")
def found(sample: CommandLine) -> Any:
    return sample.json("match", "find", "--brief", BRIEF)


def first(found: Any) -> str:
    name: str = found["results"][0]["creator"]
    return name


def test_a_match_has_all_that_scripts_rely_on(found: Any) -> None:
    assert found["considered"] == found["passed"] + sum(one["count"] for one in found["excluded"])
    assert all(one["reason"] and one["count"] > 0 for one in found["excluded"])
    assert [one["rank"] for one in found["results"]] == list(range(1, len(found["results"]) + 1))
    assert found["results"]
    for result in found["results"]:
        assert result["creator"]
        assert 0 <= result["low"] <= result["score"] <= result["high"] <= 1
        assert sum(signal["weight"] for signal in result["signals"]) == pytest.approx(1, abs=1e-4)
        for signal in result["signals"]:
            assert set(signal) >= {"name", "value", "weight", "state", "evidence"}
            assert (signal["value"] is None) == (signal["state"] != "value")
            assert signal["value"] is None or signal["evidence"], signal
            assert all(set(shown) == {"kind", "ref", "detail"} for shown in signal["evidence"])


def test_the_same_question_gives_the_same_document(sample: CommandLine, found: Any) -> None:
    again = sample.json("match", "find", "--brief", BRIEF)
    assert {**again, "at": None} == {**found, "at": None}
    limited = sample.json("match", "find", "--brief", BRIEF, "--limit", 1)
    assert limited["results"] == found["results"][:1]


def test_an_explanation_agrees_with_what_was_found(sample: CommandLine, found: Any) -> None:
    best = found["results"][0]
    explained = sample.json("match", "explain", best["creator"], "--brief", BRIEF)
    assert (explained["rank"], explained["score"], explained["broken"]) == (1, best["score"], [])
    assert explained["state"] == "value"
    assert explained["reason"]
    assert explained["what_if"] == []


def test_who_is_ruled_out_has_no_score_and_a_state(sample: CommandLine, found: Any, tmp_path: Path) -> None:
    nobody = tmp_path / "nobody.json"
    nobody.write_text(json.dumps(json.loads(BRIEF.read_text()) | {"followers": {"min": 10**14}}))
    explained = sample.json("match", "explain", first(found), "--brief", nobody)
    assert (explained["score"], explained["rank"], explained["state"]) == (None, None, "ruled_out")
    assert explained["broken"]
    assert "ruled out" in sample("match", "explain", first(found), "--brief", nobody).out
    empty = sample("match", "find", "--brief", nobody).out
    assert "Nobody fits" in empty
    both = [result["creator"] for result in found["results"][:2]]
    compared = sample.json("match", "compare", *both, "--brief", nobody)
    assert [one["state"] for one in compared] == ["ruled_out", "ruled_out"]


def test_one_creator_is_compared_with_nobody(sample: CommandLine, found: Any) -> None:
    for names in ((first(found),), (first(found), first(found).upper())):
        refused = sample("match", "compare", *names, "--brief", BRIEF, "-o", "json", code=2).error
        assert refused["message"] == f"{first(found)} alone is compared with nobody."
        assert "two or more" in refused["hint"]


def test_what_lookalikes_are_not_compared_by_has_a_state(sample: CommandLine, found: Any) -> None:
    rows = sample.json("match", "lookalike", f"{first(found)}=2")
    assert rows
    for row in rows:
        for name in ("meaning", "topics", "size", "platforms"):
            assert (row[name] is None) == (name in row["states"])


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
def test_what_is_drawn_fits_the_screen(sample: CommandLine, found: Any, columns: int) -> None:
    names = [result["creator"] for result in found["results"][:3]]
    for words in (
        ("find", "--brief", BRIEF), ("lookalike", names[0]), ("compare", *names, "--brief", BRIEF),
        ("explain", names[0], "--brief", BRIEF),
    ):  # fmt: skip
        lines = sample("match", *words, columns=columns).out.splitlines()
        assert max(map(len, lines)) <= columns, words


def test_csv_has_a_row_a_match(sample: CommandLine, found: Any) -> None:
    rows = list(csv.DictReader(io.StringIO(sample("match", "find", "--brief", BRIEF, "-o", "csv").out)))
    assert [row["creator"] for row in rows] == [result["creator"] for result in found["results"]]
    unknown = [signal["name"] for signal in found["results"][0]["signals"] if signal["value"] is None]
    assert all(rows[0][name] == "" for name in unknown)
    both = [result["creator"] for result in found["results"][:2]]
    for words, names in ((("explain", both[0]), both[:1]), (("compare", *both), both)):
        shown = csv.DictReader(io.StringIO(sample("match", *words, "--brief", BRIEF, "-o", "csv").out))
        assert [row["creator"] for row in shown] == names


@pytest.mark.parametrize(
    ("words", "category"),
    [
        (("find", "--brief", "no such brief"), "NotFound"),
        (("find", "--brief", "none.toml"), "InvalidInput"),
        (("find", "--brief", "x" * 5_000), "NotFound"),
        (("find", "--brief", "."), "NotFound"),
        (("explain", "Nobody", "--brief", str(BRIEF)), "NotFound"),
        (("find", "--brief", str(BRIEF), "--where", "nonsense >"), "InvalidInput"),
        (("lookalike", "Nobody"), "NotFound"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_next_step(
    sample: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], category: str
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = sample("match", *words, "-o", "json", code=None)
    assert answer.code != 0
    assert answer.out == ""
    assert answer.error["category"] == category
    assert answer.error["hint"]


def test_a_folder_of_the_same_name_does_not_hide_a_kept_brief(
    cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spring").mkdir()
    (tmp_path / "brief.json").write_text(json.dumps({"title": "spring"}))
    cli("brief", "add", "brief.json")
    assert cli.json("match", "find", "--brief", "spring")["considered"] == 0


def test_an_empty_workspace_says_what_to_do(cli: CommandLine) -> None:
    assert "add creators" in cli("match", "find", "--brief", BRIEF).out
    assert cli.json("match", "find", "--brief", BRIEF)["results"] == []
    assert cli("match", "find", "--brief", BRIEF, "-o", "csv").out.splitlines()[0].startswith("rank,creator")


def test_the_examples_of_these_verbs_work(sample: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spring.toml").write_text(sample("brief", "example").out, encoding="utf-8")
    examples = [
        example
        for noun, _, of in commands()
        for command in of
        if noun == "match" and command.path.split()[-1] in READS
        for example in command.examples
    ]
    assert len(examples) >= len(READS)
    for example in examples:
        assert sample(*shlex.split(example)[1:]).out
