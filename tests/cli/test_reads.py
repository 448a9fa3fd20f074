"""Every command that reads: in three formats, and in a terminal of any usual width."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import engagerr
import pytest
from rich.cells import cell_len
from tests.cli.conftest import CommandLine

BRIEF = str(Path(engagerr.__file__).parent / "core" / "matching" / "example_brief.toml")
READS = [
    ("creator", "list"), ("creator", "show", "森崎ひなこ"), ("account", "list"), ("content", "list"),
    ("content", "families"), ("content", "edges"), ("content", "tree", "youtube:rbMdIF1MB2U"), ("content", "decisions"),
    ("content", "edges", "youtube:rbMdIF1MB2U"), ("content", "edges", "--state", "suggested", "--limit", "5"),
    ("content", "review"), ("content", "review", "--thresholds"), ("insight", "formats"),
    ("metric", "show", "youtube:rbMdIF1MB2U"), ("metric", "report", "--all"), ("metric", "definitions"),
    ("import", "formats"), ("import", "history"), ("import", "quarantine"), ("member", "list"), ("token", "list"),
    ("metric", "explain", "youtube:rbMdIF1MB2U", "views"), ("metric", "rollup"),
    ("metric", "performance", "Dez Whitlocke", "--since", "2026-08-01", "--until", "2026-10-31"),
    ("insight", "formulas"), ("insight", "engagement", "--all", "--until", "2026-11-01"),
    ("insight", "benchmark", "Jonna Brenner", "--against", "prospects"),
    ("insight", "growth", "instagram:northlight_despensa"), ("insight", "best", "--by", "weekday"),
    ("insight", "forecast", "Kolja Wendtland", "--platform", "twitch"), ("insight", "audience", "Jonna Brenner"),
    ("insight", "overlap", "Marlo Vestenegg", "Kolja Wendtland"), ("insight", "reach", "youtube:d0gz7OxIhF4"),
    ("insight", "value", "--all"),
    ("match", "find", "--brief", BRIEF), ("match", "explain", "Jonna Brenner", "--brief", BRIEF),
    ("match", "compare", "Jonna Brenner", "Gipfelpost", "Dez Whitlocke", "--brief", BRIEF),
    ("match", "lookalike", "Jonna Brenner"), ("match", "package", "--brief", BRIEF), ("match", "weights"),
    ("brief", "draft", "Hikers on YouTube in Germany, EUR 8,000, March 2027"), ("search", "filters"),
    ("search", "creators", "clips.share > 20%", "--text", "trail running"), ("ai", "models"), ("ai", "policy"),
    ("settings",), ("whoami",), ("db", "status"), ("db", "verify-audit"), ("health",),
]  # fmt: skip
# Answers whose figures are not there, by the nature of the question or of the sample: nothing of a creator who is ruled
# out, no fit of weights without outcomes, nothing published of what is only previewed.
WITHOUT_FIGURES = [
    ("match", "explain", "Dez Whitlocke", "--brief", BRIEF), ("match", "fit"), ("match", "backtest"),
    ("search", "creators", "--sort", "-followers"), ("listing", "preview", "Jonna Brenner"),
]  # fmt: skip
OFTEN_EMPTY = {
    "agent", "do_not_pitch_reason", "url", "name", "id", "at", "member", "before", "after", "reason", "undone",
    "action", "action_id",
    "edge_id", "edge_relation", "edge_child_platform", "edge_child_native_id", "edge_parent_platform",
    "edge_parent_native_id",
    "expires_at", "revoked_at", "standard_minimum_seconds", "part", "first_bad", "pid", "data_dir", "started_at",
    "published_from", "published_to", "factor", "factor_source", "since", "age_seconds", "currency", "value_currency",
    "carried_currency", "lost", "lost_currency", "raw_heading", "why",
    "cases", "measured_at", "why_not", "exclusivity", "providers", "monthly_of_task_micro_usd",
    "monthly_of_all_micro_usd",
}  # fmt: skip


@pytest.mark.parametrize("columns", [80, 100, 120])
@pytest.mark.parametrize("words", READS + WITHOUT_FIGURES, ids=" ".join)
def test_a_table_fits_its_terminal(sample: CommandLine, words: tuple[str, ...], columns: int) -> None:
    lines = sample(*words, columns=columns).out.splitlines()
    assert lines
    # A path is as long as it is.
    assert max(cell_len(line) for line in lines if str(sample.home) not in line) <= columns
    assert all(line == line.rstrip() for line in lines)
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize("words", READS + WITHOUT_FIGURES, ids=" ".join)
def test_every_read_answers_in_all_three_formats(sample: CommandLine, words: tuple[str, ...]) -> None:
    table, document, sheet = (sample(*words, "--output", form) for form in ("table", "json", "csv"))
    assert table.out.strip()
    json.loads(document.out)
    headings, *lines = csv.reader(io.StringIO(sheet.out))
    assert len(set(headings)) == len(headings)
    assert all(len(line) == len(headings) for line in lines)
    # A heading that no row fills is most likely misspelt; some are empty in the sample.
    empty = {heading for at, heading in enumerate(headings) if not any(line[at] for line in lines)}
    assert words in WITHOUT_FIGURES or not empty - OFTEN_EMPTY, empty
    assert words in WITHOUT_FIGURES or (table.err, document.err, sheet.err) == ("", "", "")


def test_colour_is_for_terminals_that_want_it(sample: CommandLine) -> None:
    assert "\x1b[" in sample("creator", "list", FORCE_COLOR="1", TERM="xterm-256color").out
    assert "\x1b[" not in sample("creator", "list", FORCE_COLOR="1", NO_COLOR="1", TERM="dumb").out
    assert "\x1b" not in sample("creator", "list", "-o", "csv", FORCE_COLOR="1").out


def test_in_eighty_columns_texts_lose_their_ends_but_figures_do_not(sample: CommandLine) -> None:
    narrow = sample("metric", "report", "--all", columns=80).out
    counts = [
        row["value"] for row in sample.json("metric", "report", "--all") if row["unit"] == "count" and row["value"]
    ]
    assert max(counts) > 1_000_000
    assert all(f"{value:,}" in narrow for value in counts)
