"""metric explain: from a figure to the raw record, from a cell of a report to its items."""

from __future__ import annotations

import csv
import io
import shlex
from decimal import Decimal
from typing import Any

import pytest
from tests.cli.conftest import CommandLine

VIDEO = "youtube:rbMdIF1MB2U"


def explained(cli: CommandLine, *words: str) -> Any:
    return cli.json("metric", "explain", *words)


def test_a_figure_is_drawn_as_a_chain_from_top_to_bottom(sample: CommandLine) -> None:
    out = sample("metric", "explain", VIDEO, "estimated_revenue").out
    links = ["Observed", "Imported", "Raw record", "Defined", "Standard"]
    places = [out.index(f"↓ {link}") for link in links]
    assert places == sorted(places)
    assert out.startswith("estimated_revenue of youtube:rbMdIF1MB2U")
    assert "80.339 EUR reported = revenue 80.34 EUR" in out
    assert "row 30 of Table data.csv" in out
    for line in out.splitlines():
        assert len(line) <= 120


def test_the_raw_row_is_the_very_row_of_the_file(sample: CommandLine) -> None:
    chain = explained(sample, VIDEO, "estimated_revenue")
    cells = dict(zip(*csv.reader(io.StringIO(f"{chain['raw']['heading']}\n{chain['raw']['text']}")), strict=True))
    assert cells["Content"] == "rbMdIF1MB2U"
    assert Decimal(cells["Estimated revenue (EUR)"]) == Decimal(str(chain["reported"]))
    assert chain["raw"]["exact"] is True
    [said] = chain["revisions"]
    assert said["source"]["format"] == "youtube-studio-zip"
    assert len(said["source"]["sha256"]) == 64
    assert chain["standard"]["value"] == {"minor": 8034, "currency": "EUR"}
    assert (chain["definition"]["id"], chain["definition"]["concept"]) == ("youtube.estimated_revenue", "revenue")


def test_what_was_known_earlier_is_explained_as_it_was(sample: CommandLine) -> None:
    then, now = (explained(sample, "youtube:Zfvk2SqtUJc", "views", *at) for at in (("--at", "2026-08-20"), ()))
    assert then["observed_at"] < "2026-08-21" < now["observed_at"]
    assert then["reported"] < now["reported"]
    again = explained(sample, *shlex.split(then["reference"]))
    assert again["raw"] == then["raw"]
    assert again["reported"] == then["reported"]


def test_every_metric_of_an_item_has_a_chain_that_shows_the_item(sample: CommandLine) -> None:
    for row in sample.json("metric", "show", VIDEO, "--at", "2026-12-31"):
        chain = explained(sample, VIDEO, row["metric"], "--period-days", str(row["period_days"]))
        assert chain["reported"] == row["reported"]
        assert chain["standard"] == row["standard"]
        assert "rbMdIF1MB2U" in chain["raw"]["text"]


def test_an_account_can_be_explained(sample: CommandLine) -> None:
    chain = explained(sample, "tiktok:@northlight_despensa", "followers")
    assert chain["kind"] == "account"
    assert f'"followers": {chain["reported"]}' in chain["raw"]["text"]


@pytest.mark.parametrize("by", ["platform", "creator"])
def test_every_cell_of_a_report_is_explained_and_adds_up(sample: CommandLine, by: str) -> None:
    rows = sample.json("metric", "report", "--all", "--by", by, "--since", "2026-01-01", "--until", "2026-10-31")
    assert rows
    for row in rows[:: max(1, len(rows) // 5)]:
        chain = explained(sample, row["cell"])
        assert chain["adds_up"], chain["check"]
        assert chain["total"] == {
            **{name: row[name] for name in chain["total"] if name != "group"}, "group": row["sum_group"],
        }  # fmt: skip
        for one in (chain["contributions"] + chain["left_out"])[:1]:
            found = explained(sample, *shlex.split(one["observation"]))
            assert found["subject"] == one["item"]
            assert found["standard"]["value"] == one["value"]


def test_a_cell_is_drawn_with_its_figures_what_was_left_out_and_the_check(sample: CommandLine) -> None:
    [row] = [row for row in sample.json("metric", "report", "--all") if row["cell"].startswith(
        "cell:by=platform;group=youtube;sum=likes;")]  # fmt: skip
    out = " ".join(sample("metric", "explain", row["cell"]).out.split())
    assert f"{row['items']} figures add up to {row['value']:,}, as the report says." in out
    assert "missing: not reported" in out
    assert "no figure was ever seen; not zero" in out
    assert "Go on with: engagerr metric explain youtube:" in out


def test_a_missing_sum_is_a_dash_and_not_zero(sample: CommandLine) -> None:
    [row] = [
        row for row in sample.json("metric", "report", "Kolja Wendtland")
        if row["group"] == "twitch" and row["concept"] == "reach"
    ]  # fmt: skip
    answer = sample("metric", "explain", row["cell"])
    assert "reach of twitch: — (suppressed)" in answer.out
    assert "It is not zero." in answer.out
    assert explained(sample, row["cell"])["sum_of_contributions"] is None


def test_in_csv_a_cell_is_one_row_an_item_and_a_figure_one_row_a_revision(sample: CommandLine) -> None:
    [row] = [row for row in sample.json("metric", "report", "--all") if row["sum_group"] == "revenue/EUR"]
    sheet = list(csv.DictReader(io.StringIO(sample("metric", "explain", row["cell"], "-o", "csv").out)))
    counted = [Decimal(line["value"]) for line in sheet if line["counted"] == "true"]
    assert round(sum(counted) * 100) == row["value"]["minor"]
    assert all(line["why"] for line in sheet if line["counted"] == "false")
    [figure] = csv.DictReader(io.StringIO(sample("metric", "explain", VIDEO, "estimated_revenue", "-o", "csv").out))
    assert (figure["reported"], figure["standard_value"], figure["stands"]) == ("80.339", "80.339", "true")
    assert "rbMdIF1MB2U" in figure["raw_text"]


def test_the_cell_stands_in_the_report_as_csv_too(sample: CommandLine) -> None:
    sheet = csv.DictReader(io.StringIO(sample("metric", "report", "--all", "-o", "csv").out))
    assert [row["cell"] for row in sheet] == [row["cell"] for row in sample.json("metric", "report", "--all")]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([VIDEO], 2, "Name the figure of"),
        ([VIDEO, "zaps"], 3, "No zaps of"),
        (["cell:by=platform"], 2, "names no cell"),
        (["cell:by=platform;group=youtube;sum=likes", "likes"], 2, "itself"),
        (["cell:by=platform;group=nowhere;sum=likes"], 3, "no cell"),
        ([VIDEO, "views", "--at", "2000-01-01"], 3, "No views of"),
    ],
)
def test_what_cannot_be_explained_is_refused_with_a_hint(
    sample: CommandLine, words: list[str], code: int, said: str
) -> None:
    answer = sample("metric", "explain", *words, "--output", "json", code=None)
    assert answer.code == code, answer
    assert said in answer.error["message"]
    assert answer.error["hint"]
