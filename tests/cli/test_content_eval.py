"""`engagerr content eval`: a table for people, all figures for scripts, and no workspace anywhere."""

from __future__ import annotations

import csv
import io
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
    out = nowhere("content", "eval", "--groups", GROUPS, "--no-baseline", columns=100).out
    assert "Precision" in out
    assert "Children and their parents" in out
    assert "title_ratio" not in out
    assert all(len(line) <= 100 for line in out.splitlines())


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
