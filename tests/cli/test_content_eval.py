"""`engagerr content eval`: a table for people, all figures for scripts, and no workspace anywhere."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from tests.cli.conftest import CommandLine

GROUPS = Path(__file__).parents[1] / "data" / "groups.jsonl"


@pytest.fixture
def nowhere(tmp_path: Path) -> CommandLine:
    """A home in which nothing was founded, and no database."""
    return CommandLine(tmp_path / "home", None)


def test_detection_is_measured_without_a_workspace(nowhere: CommandLine) -> None:
    document = nowhere.json("content", "eval", "--groups", GROUPS)
    rows = {(row["relation"], row["method"]): row for row in document["rows"]}
    ours = rows["same_work", "engagerr"]
    assert ours["items"] == 25
    assert ours["decidable_gold"] == 10
    assert ours["decidable_f1"] >= 0.9
    assert rows["clip_of", "engagerr"]["children"] == 3
    assert {"title_ratio", "title_ratio_at_its_best"} <= {method for _, method in rows}
    assert document["notes"]
    assert not (nowhere.home / "postgres").exists()


def test_the_table_fits_and_says_how_to_read_it(nowhere: CommandLine) -> None:
    out = nowhere("content", "eval", "--groups", GROUPS, columns=100).out
    heading = out.splitlines()[0].split()
    assert {"F1", "Reached", "ECE"} <= set(heading)
    assert heading[-2:] == ["Titles", "best"]
    assert "Children and their parents" in out
    assert "Reached: the pairs that blocking lets through" in out
    assert all(len(line) <= 100 for line in out.splitlines())
    assert "Titles best" not in nowhere("content", "eval", "--groups", GROUPS, "--no-baseline").out.splitlines()[0]


def test_a_figure_that_is_missed_is_marked_and_told_with_what_is_aimed_at(nowhere: CommandLine, tmp_path: Path) -> None:
    # Each pair has nothing in common but its makers' word: nobody can find it.
    lines = [
        {
            "show": "S",
            "relation": "same_episode",
            "items": [
                {"platform": "podcast", "id": f"p{at}", "title": one},
                {"platform": "youtube", "id": f"y{at}", "title": other},
            ],
        }
        for at, (one, other) in enumerate(
            [("Lighthouse keepers", "Tidal mills"), ("Weather poems", "Hemp ropes"), ("Salt", "Harbour cranes")]
        )
    ]
    path = tmp_path / "hard.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    out = nowhere("content", "eval", "--groups", path, "--no-baseline", columns=100).out
    # Nothing is found: recall is 0, and what was never said cannot be precise or not.
    assert "! hard, same_work: " in out
    assert "Auto R 0.000 < 0.8" in out
    row = next(line for line in out.splitlines() if line.startswith("hard "))
    assert "0.000!" in row


def test_csv_has_a_row_for_each_and_an_empty_cell_where_there_is_no_figure(nowhere: CommandLine) -> None:
    rows = list(csv.DictReader(io.StringIO(nowhere("content", "eval", "--groups", GROUPS, "--output", "csv").out)))
    assert {row["set"] for row in rows} == {"groups"}
    baseline = next(row for row in rows if row["method"] == "title_ratio")
    assert baseline["blocking_recall"] == ""


def test_files_may_follow_one_option_as_a_shell_writes_them(nowhere: CommandLine, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    other.write_bytes(GROUPS.read_bytes())
    document = nowhere.json("content", "eval", "--groups", GROUPS, other, "--no-baseline")
    assert {row["set"] for row in document["rows"]} == {"groups", "other"}


def test_a_broken_line_is_refused_with_its_number(nowhere: CommandLine, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text(GROUPS.read_text() + '{"show": "S"}\n')
    error = nowhere("content", "eval", "--groups", broken, "--output", "json", code=2).error
    assert "line 13" in error["message"]


def test_an_unknown_kind_of_folds_is_refused(nowhere: CommandLine) -> None:
    assert "show" in nowhere("content", "eval", "--groups", GROUPS, "--folds", "group", code=2).err


def test_an_embedder_that_does_not_exist_is_refused(nowhere: CommandLine) -> None:
    said = nowhere("content", "eval", "--groups", GROUPS, "--embedder", "klingon", code=2).err
    assert "no local embedder 'klingon'" in said
    assert "english, multilingual" in said
