"""`engagerr ai …`: answers, files, figures and policies, offline and without a key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import CommandLine

# Tasks whose floor reads the text itself.
BRIEF = "Dog creators in the UK on TikTok, 10k to 50k followers, budget 8000 dollars"


def test_an_answer_without_any_key_comes_from_the_floor_and_says_so(cli: CommandLine) -> None:
    [answer] = cli.json("ai", "run", "brief", BRIEF)
    assert answer["provider"] == "floor"
    assert answer["from_floor"] is True
    assert answer["input"]["text"] == BRIEF
    assert answer["output"]["countries"] == ["GB"]
    table = cli("ai", "run", "brief", BRIEF)
    assert "1 answered, 1 from the cache, 1 by the floor; $0.00." in table.out


def test_models_are_listed_with_what_was_measured_and_by_whom(cli: CommandLine) -> None:
    [before] = [row for row in cli.json("ai", "models", "clauses") if row["provider"] == "floor"]
    assert (before["place"], before["where"]) == (1, "here")
    [measured] = cli.json("ai", "eval", "clauses", "--model", "floor")
    [after] = [row for row in cli.json("ai", "models", "clauses") if row["provider"] == "floor"]
    assert after["quality"] == measured["quality"]
    assert (after["quality_from"], after["cases"]) == ("here", measured["cases"])
    assert measured["low"] <= measured["quality"] <= measured["high"]
    assert "95 %" in cli("ai", "eval", "clauses").out


def test_a_file_is_answered_line_by_line_and_once(cli: CommandLine, tmp_path: Path) -> None:
    source, target = tmp_path / "briefs.jsonl", tmp_path / "answers.jsonl"
    lines = [json.dumps({"text": f"Budget {n} EUR for a reel", "today": "2026-11-01"}) for n in range(1000, 1250)]
    source.write_text("\n".join(lines))
    first = cli.json("ai", "run", "brief", "--file", source, "--to", target)
    assert (first["inputs"], first["cached"]) == (250, 0)
    written = [json.loads(line) for line in target.read_text().splitlines()]
    assert [one["output"]["budget_minor"] for one in written] == [100 * n for n in range(1000, 1250)]
    again = cli.json("ai", "run", "brief", "--file", source, "--to", target)
    assert again["cached"] == 250
    assert [json.loads(line)["output"] for line in target.read_text().splitlines()] == [
        one["output"] for one in written
    ]
    [run] = cli.json("ai", "runs")
    assert (run["name"], run["state"], run["done"], run["total"]) == ("brief briefs.jsonl", "done", 250, 250)


def test_a_bad_line_is_told_before_anybody_is_asked(cli: CommandLine, tmp_path: Path) -> None:
    source = tmp_path / "briefs.jsonl"
    source.write_text('{"text": "a reel"}\n{"txt": "oops"}\n')
    error = cli("ai", "run", "brief", "--file", source, "--output", "json", code=2).error
    assert "Line 2" in error["message"]
    assert cli.json("ai", "usage") == []
    assert cli.json("ai", "runs") == []


def test_a_table_with_a_heading_is_read_by_its_columns(cli: CommandLine, tmp_path: Path) -> None:
    source = tmp_path / "texts.csv"
    source.write_text('id,text\n1,"A reel for 900 EUR, please"\n2,Two posts\n')
    answers = cli.json("ai", "run", "brief", "--file", source)
    assert [answer["input"]["text"] for answer in answers] == ["A reel for 900 EUR, please", "Two posts"]
    source.write_text("id\n1\n")
    assert "no column text" in cli("ai", "run", "brief", "--file", source, "--output", "json", code=2).error["message"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run", "brief"), "texts or --file"),
        (("run", "haiku", "x"), "'haiku' is no task"),
        (("run", "brief", " "), "Input 1 is empty"),
        (("run", "pitch", "a text"), "takes a JSON object"),
        (("run", "brief", "x", "--provider", "nobody"), "No model here is called nobody"),
        (("run", "brief", "--file", "/nowhere/x.jsonl"), "cannot be read"),
        (("usage", "--month", "November"), "'November' cannot be used"),
        (("usage", "--by", "mood"), "'mood' cannot be used"),
        (("set-policy", "--provider", "deepsek"), "'deepsek' is no provider"),
        (("set-policy", "--over-budget", "panic"), "'panic' cannot be used"),
        (("set-policy", "--allow-confidential"), "one task at a time"),
    ],
)
def test_what_cannot_be_used_is_told_with_what_could(cli: CommandLine, words: tuple[str, ...], message: str) -> None:
    error = cli("ai", *words, "--output", "json", code=2).error
    assert message in error["message"]
    assert error["hint"]


def test_usage_counts_answers_of_the_month(cli: CommandLine) -> None:
    cli("ai", "run", "brief", BRIEF)
    cli("ai", "run", "brief", BRIEF)
    [row] = cli.json("ai", "usage")
    assert (row["key"], row["calls"], row["answered"], row["cached"], row["micro_usd"]) == ("brief", 1, 1, 1, 0)
    [model] = cli.json("ai", "usage", "--by", "model")
    assert model["key"].startswith("floor/")
    [member] = cli.json("ai", "usage", "--by", "member")
    assert member["key"] == "ann@northlight.example"
    assert cli.json("ai", "usage", "--month", "2020-01") == []


def test_a_policy_is_set_shown_and_taken_back(cli: CommandLine) -> None:
    cli("ai", "set-policy", "--stays-here", "--monthly", "12.50", "--over-budget", "refuse")
    rows = {row["task"]: row for row in cli.json("ai", "policy")}
    assert not any(row["may_leave"] for row in rows.values())
    assert rows["topic"]["monthly_of_all_micro_usd"] == 12_500_000
    cli("ai", "set-policy", "--may-leave", "--monthly", "none")
    cli("ai", "set-policy", "summary", "--provider", "deepseek", "--provider", "floor")
    rows = {row["task"]: row for row in cli.json("ai", "policy")}
    assert rows["summary"]["providers"] == ["deepseek", "floor"]
    assert rows["topic"]["monthly_of_all_micro_usd"] is None
    # Contracts stay unless somebody says so of contracts.
    assert [task for task, row in rows.items() if not row["may_leave"]] == ["clauses"]
    cli("ai", "set-policy", "clauses", "--allow-confidential")
    cli("ai", "remove-policy", "summary", "--yes")
    rows = {row["task"]: row for row in cli.json("ai", "policy")}
    assert rows["summary"]["providers"] == []
    assert all(row["may_leave"] for row in rows.values())
    assert cli("ai", "remove-policy", "summary", "--yes", "--output", "json", code=3).error
