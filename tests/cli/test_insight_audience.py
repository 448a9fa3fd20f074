"""insight audience, overlap and reach, on the sample workspace: what is there, and how to bring what is not."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from tests.cli.conftest import CommandLine
from tests.lines import a_figure, an_edge, an_item, write_lines

FAMILY = "youtube:rbMdIF1MB2U"


def test_an_audience_as_listed_with_what_nobody_stated(sample: CommandLine) -> None:
    found = sample.json("insight", "audience", "Marlo Vestenegg")
    countries = {row["value"]: row for row in found["rows"] if row["dimension"] == "country"}
    assert countries["DE"]["share"] == 0.46
    assert round(countries["not stated"]["share"], 9) == 0.13
    assert countries["not stated"]["state"] == "not_reported"
    assert {row["source"] for row in found["rows"]} == {"list"}
    assert any("gives no split" in line for line in found["missing"])
    drawn = sample("insight", "audience", "Marlo Vestenegg").out
    assert "46 %" in drawn
    assert "not stated" in drawn
    assert "youtube:@northlight_marlo" in drawn


def test_an_audience_of_which_nobody_spoke_says_how_to_bring_it(sample: CommandLine) -> None:
    drawn = " ".join(sample("insight", "audience", "Nordhang").out.split())
    assert "engagerr platform connect" in drawn
    assert sample.json("insight", "audience", "Nordhang")["rows"] == []
    sheet = sample("insight", "audience", "Nordhang", "-o", "csv").out
    assert sheet == "dimension,value,share,low,high,state,source,account,observed_at\n"


def test_a_table_has_the_largest_of_each_split_and_says_so(sample: CommandLine) -> None:
    drawn = sample("insight", "audience", "Jonna Brenner", "--limit", "1").out
    assert "smaller shares are not shown" in drawn
    assert "CH" not in drawn
    assert "not stated" in drawn


def test_an_overlap_is_bounds_and_likeness_and_no_guess(sample: CommandLine) -> None:
    found = sample.json("insight", "overlap", "Kolja Wendtland", "Marlo Vestenegg")
    [country] = [row for row in found["rows"] if row["dimension"] == "country"]
    assert 0 < country["similarity"] < 1
    assert round(country["common_low"], 9) == 0.58
    assert country["common_low"] <= country["common_high"] <= 1
    [pair] = found["pairs"]
    assert pair["at_least"] == 0
    drawn = sample("insight", "overlap", "Kolja Wendtland", "Marlo Vestenegg").out
    assert "share nobody" in " ".join(drawn.split())
    rows = list(
        csv.DictReader(io.StringIO(sample("insight", "overlap", "Imogen Farrow-Blythe", "Nordhang", "-o", "csv").out))
    )
    assert all(row["similarity"] == "" and row["why"] for row in rows)
    assert "two creators or more" in sample("insight", "overlap", "Jonna Brenner", code=2).err


def test_the_reach_of_a_family_of_the_sample(sample: CommandLine) -> None:
    found = sample.json("insight", "reach", FAMILY)
    assert len(found["items"]) > 1
    for item in found["items"]:
        assert (item["reach"] is None) == (item["why"] is not None)
    reaches = [item["reach"] for item in found["items"] if item["reach"] is not None]
    assert (found["low"], found["high"]) == ((max(reaches), sum(reaches)) if reaches else (None, None))
    assert (found["estimate"] is None) == (found["why"] is not None)
    drawn = sample("insight", "reach", FAMILY).out
    for item in found["items"]:
        assert item["native_id"] in drawn


def test_a_reach_is_drawn_with_its_assumptions(cli: CommandLine, tmp_path: Path) -> None:
    def reached(name: str, people: int) -> dict[str, object]:
        return an_item(name, kind="reel", metrics=[a_figure("reach", people, "2026-10-20")], title=f"The {name}")

    cli(
        "import", "file",
        write_lines(
            tmp_path / "lines.jsonl", reached("instagram:a", 30_000), reached("tiktok:b", 10_000),
            an_edge("tiktok:b", "instagram:a"),
        ),
    )  # fmt: skip
    drawn = " ".join(cli("insight", "reach", "tiktok:b").out.split())
    assert "At least 30,000 people" in drawn
    # By chance in a public of 40,000: 40,000 (1 - 1/4 x 3/4).
    assert "Estimate 32,500 people" in drawn
    assert "At most 40,000 people" in drawn
    assert "Sainsbury" in drawn
    [first, second] = csv.DictReader(io.StringIO(cli("insight", "reach", "tiktok:b", "-o", "csv").out))
    assert (first["reach"], second["reach"]) == ("30000", "10000")


def test_a_reach_that_nobody_told_is_a_dash_and_names_the_way(cli: CommandLine, tmp_path: Path) -> None:
    cli("import", "file", write_lines(tmp_path / "lines.jsonl", an_item("x:a", metrics=[a_figure("views", 9)])))
    drawn = cli("insight", "reach", "x:a").out
    assert "No item of the family has a reach" in drawn
    assert "At least" not in drawn.split("Account")[0]
    assert "engagerr import formats" in " ".join(drawn.split())
    assert cli.json("insight", "reach", "x:a")["low"] is None
