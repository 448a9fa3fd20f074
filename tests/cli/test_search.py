"""`engagerr search …`, `engagerr availability …` and `engagerr exclusivity …` as people type them."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from tests.cli.conftest import CommandLine
from tests.lines import write_lines


def _with_creators(cli: CommandLine, folder: Path) -> CommandLine:
    accounts = {"platform": "youtube", "handle": "@ann", "followers": 50_000, "observed_at": "2026-10-30T00:00:00Z"}
    path = write_lines(
        folder / "creators.jsonl",
        {"type": "creator", "name": "Ann Lee", "country": "DE", "topics": ["outdoor"], "accounts": [accounts],
         "rates": [{"deliverable": "reel", "amount": {"minor": 90_000, "currency": "EUR"}}]},
        {"type": "creator", "name": "Ben Okafor", "topics": ["gaming"]},
    )  # fmt: skip
    cli("import", "file", path)
    return cli


def test_what_is_missing_is_said_below_the_table(cli: CommandLine, tmp_path: Path) -> None:
    _with_creators(cli, tmp_path)
    shown = cli("search", "creators", "followers >= 20k and rate.reel.EUR <= 1k").out
    assert "Ann Lee" in shown
    assert "900.00 EUR" in shown
    assert "1 found, by name." in shown
    assert (
        "Left out, because followers is missing: 1 never observed. --include-missing followers lets them in." in shown
    )
    both = cli.json("search", "creators", "followers >= 20k", "--include-missing", "followers")
    assert [row["creator"] for row in both["rows"]] == ["Ann Lee", "Ben Okafor"]
    assert both["rows"][1]["followers"] is None
    assert both["rows"][1]["missing"]["followers"] == "not_observed"


def test_the_figures_that_were_asked_for_are_columns_of_the_csv(cli: CommandLine, tmp_path: Path) -> None:
    _with_creators(cli, tmp_path)
    out = cli("search", "creators", "platform_count >= 1 or rate.reel.EUR > 5", "--output", "csv").out
    [row] = csv.DictReader(io.StringIO(out))
    assert (row["creator"], row["platform_count"], row["rate.reel.EUR"]) == ("Ann Lee", "1", "90000")
    assert row["median_views"] == ""


def test_a_mistake_is_pointed_at(cli: CommandLine) -> None:
    refused = cli("search", "creators", "country = DE and folowers > 3", "--output", "json", code=2).error
    assert refused["facts"]["column"] == 18
    assert refused["hint"].startswith("Did you mean followers?")
    assert "at column 13, at its end" in cli("search", "creators", "followers >=", code=2).err


def test_searches_are_kept_run_checked_and_forgotten(cli: CommandLine, tmp_path: Path) -> None:
    _with_creators(cli, tmp_path)
    cli("search", "save", "Outdoor", "topic ~ outdoor", "--alerts")
    assert [row["expression"] for row in cli.json("search", "list")] == ["topic ~ outdoor"]
    assert cli.json("search", "run", "Outdoor")["total"] == 1
    assert cli.json("search", "check") == [{"name": "Outdoor", "found": 1, "new": [], "best": False}]
    cli("creator", "add", "Cara Diaz", "--topic", "outdoor")
    assert "Cara Diaz" in cli("search", "check").out
    cli("search", "remove", "Outdoor", code=2)
    cli("search", "remove", "Outdoor", "--yes")
    assert cli("search", "list").out.startswith("No search is kept.")


def test_who_is_not_to_be_pitched_is_left_out_and_counted(cli: CommandLine, tmp_path: Path) -> None:
    _with_creators(cli, tmp_path)
    cli("creator", "edit", "Ann Lee", "--do-not-pitch", "--reason", "on leave")
    shown = cli("search", "creators", "platform_count >= 1").out
    assert "Ann Lee" not in shown
    assert "Left out, though they meet the filters: 1 not to be pitched." in shown
    assert cli.json("search", "creators", "")["not_to_be_pitched"] == 1
    asked = cli.json("search", "creators", "do_not_pitch")
    assert ([row["creator"] for row in asked["rows"]], asked["not_to_be_pitched"]) == (["Ann Lee"], 0)


def test_days_away_and_promises_are_searched_by(cli: CommandLine, tmp_path: Path) -> None:
    _with_creators(cli, tmp_path)
    [away] = cli.json("availability", "add", "Ann Lee", "--since", "2027-03-01", "--until", "2027-03-10")
    [bound] = cli.json("exclusivity", "add", "Ann Lee", "--category", "Sports Shoes", "--country", "DE")
    free = "available 2027-03-05..2027-03-06"
    clash = 'conflicts("sports shoes", DE, 2027-03-05..2027-03-06)'
    assert [row["creator"] for row in cli.json("search", "creators", free)["rows"]] == ["Ben Okafor"]
    assert [row["creator"] for row in cli.json("search", "creators", clash)["rows"]] == ["Ann Lee"]
    assert "2027-03-10" in cli("availability", "list").out
    assert "everywhere" not in cli("exclusivity", "list").out
    cli("availability", "remove", away["id"][-8:], "--yes")
    cli("exclusivity", "remove", bound["id"], "--yes")
    assert cli.json("search", "creators", f"{free} and not {clash}")["total"] == 2
    assert cli("availability", "list").out == "Nobody is away.\n"


def test_the_filters_are_listed_with_an_example_each(cli: CommandLine) -> None:
    listed = cli.json("search", "filters")
    assert len(listed) >= 40
    assert all(row["example"] and row["help"] and row["operators"] for row in listed)
    assert "audience.country.DE" in cli("search", "filters", "audience").out
