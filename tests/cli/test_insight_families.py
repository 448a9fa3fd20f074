"""insight clips and formats, and the form of every insight: as people, scripts and spreadsheets read them."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from rich.cells import cell_len
from tests.cli.conftest import CommandLine
from tests.cli.test_insight_growth import COMMANDS as OF_GROWTH
from tests.lines import a_figure, an_edge, an_item, write_lines

EPISODE = "podcast:81adafef903e4d16487e90126c6088ab"
COMMANDS = [
    ("insight", "clips", EPISODE, "--until", "2026-11-01"),
    ("insight", "clips", "--creator", "Imogen Farrow-Blythe"),
    ("insight", "clips", "--creator", "Kolja Wendtland"),
    ("insight", "formats", "Jonna Brenner"),
    ("insight", "formats", "--platform", "instagram", "--days", "14"),
]


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("words", [*COMMANDS, *OF_GROWTH], ids=" ".join)
def test_every_answer_fits_its_terminal(sample: CommandLine, words: tuple[str, ...], columns: int) -> None:
    lines = sample(*words, columns=columns).out.splitlines()
    assert lines
    assert max(map(cell_len, lines)) <= columns
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize("words", [*COMMANDS, *OF_GROWTH], ids=" ".join)
def test_every_answer_is_one_document_and_one_sheet(sample: CommandLine, words: tuple[str, ...]) -> None:
    assert isinstance(sample.json(*words), dict)
    headings, *lines = csv.reader(io.StringIO(sample(*words, "--output", "csv").out))
    assert lines
    assert len(set(headings)) == len(headings)
    assert all(len(line) == len(headings) for line in lines)


def test_clips_tells_shares_and_what_nobody_reported(sample: CommandLine) -> None:
    found = sample.json(*COMMANDS[0])
    plays = next(one for one in found["groups"] if one["group"] == "play_start")
    values = [(part["role"], part["value"]) for part in plays["parts"] if part["value"] is not None]
    made = sum(value for role, value in values if role != "work")
    assert 0 < made < plays["total"] == sum(value for _, value in values)
    assert plays["share"] == pytest.approx(made / plays["total"])
    out = " ".join(sample(*COMMANDS[0]).out.split())
    assert found["answer"] in out
    assert "where viewers of the work came from is not among the figures" in out
    assert f"No lift can be told: {found['lift']['why']}." in out
    assert "A share of plays is no share of people" in out
    assert "podcast:81adafef903e4d16487e90126c6088ab (the work itself)" in found["families"][0]["without_figure"]


def test_the_families_of_a_creator_stand_below_each_other(sample: CommandLine) -> None:
    found = sample.json(*COMMANDS[1])
    out = sample(*COMMANDS[1]).out
    assert f"Imogen Farrow-Blythe: {len(found['families'])} families with clips or posts" in out
    assert found["families"][0]["title"][:20] in out
    rows = list(csv.DictReader(io.StringIO(sample(*COMMANDS[1], "-o", "csv").out)))
    assert {row["family_id"] for row in rows} == {one["family_id"] for one in found["families"] if one["groups"]}


def test_a_missing_figure_is_an_empty_cell_and_makes_a_bound(cli: CommandLine, tmp_path: Path) -> None:
    at = {"published_at": "2026-09-01T00:00:00Z"}
    path = write_lines(
        tmp_path / "family.jsonl",
        an_item("youtube:v", kind="long_video", metrics=[a_figure("views", 600, "2026-10-20")], **at),
        an_item("tiktok:a", kind="short_video", metrics=[a_figure("views", 400, "2026-10-20")], **at),
        an_item("instagram:b", kind="reel", metrics=[a_figure("views", at="2026-10-20", state="suppressed")], **at),
        an_edge("tiktok:a", "youtube:v"), an_edge("instagram:b", "tiktok:a", "same_work"),
    )  # fmt: skip
    cli("import", "file", path)
    rows = list(csv.DictReader(io.StringIO(cli("insight", "clips", "tiktok:a", "-o", "csv").out)))
    missing = [row for row in rows if row["platform"] == "instagram"]
    assert [(row["value"], row["share"], row["missing"]) for row in missing] == [("", "", "1")]
    out = cli("insight", "clips", "tiktok:a").out
    assert "at least 40% of its plays" in out


def test_an_item_and_a_creator_together_are_refused(sample: CommandLine) -> None:
    error = sample("insight", "clips", EPISODE, "--creator", "Jonna Brenner", "-o", "json", code=2).error
    assert "not both" in error["message"]
    assert sample("insight", "clips", "-o", "json", code=2).error["category"] == "InvalidInput"


def test_formats_says_its_numbers_its_guard_and_what_it_did_not_compare(sample: CommandLine) -> None:
    found = sample.json(*COMMANDS[3])
    told = [one for one in found["comparisons"] if one["ratio"] is not None]
    assert told
    assert all(one["low"] <= one["ratio"] <= one["high"] for one in told)
    assert all(one["adjusted"] >= one["p_value"] for one in told)
    out = " ".join(sample(*COMMANDS[3]).out.split())
    assert all(one["sentence"] in out for one in found["comparisons"])
    assert f"{len(told)} comparisons were made" in out
    assert all(f"Left out: {count} pieces, {reason}." in out for reason, count in found["left_out"])
    few = [row for row in csv.DictReader(io.StringIO(sample(*COMMANDS[3], "-o", "csv").out)) if row["why"]]
    assert few
    assert all((row["ratio"], row["low"], row["high"], row["p_value"]) == ("", "", "", "") for row in few)


def test_without_families_formats_says_what_to_do(cli: CommandLine) -> None:
    assert "link them first" in " ".join(cli("insight", "formats").out.split())
