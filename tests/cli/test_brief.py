"""Briefs as typed on the command line: from an example or plain words to a kept brief, and what is said of mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import CommandLine

BRIEF: dict[str, Any] = {
    "title": "Trail running shoes", "text": "Runners.", "brand": "Trailhead", "category": "sports",
    "budget": {"minor": 400_000, "currency": "EUR"}, "window": {"from": "2027-03-01"},
}  # fmt: skip
TITLE = "Trail running shoes"


def written(folder: Path, document: Any, name: str = "brief.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_the_example_is_kept_as_it_is_printed(cli: CommandLine, tmp_path: Path) -> None:
    example = tmp_path / "spring.toml"
    example.write_text(cli("brief", "example").out, encoding="utf-8")
    kept = cli.json("brief", "add", example)
    assert (kept["state"], kept["brand"], kept["brief"]["budget"]) == (
        "open", "Trailhead", {"minor": 1_500_000, "currency": "EUR"},
    )  # fmt: skip
    assert cli.json("brief", "add", example) == kept
    assert cli.json("brief", "show", kept["title"].upper()) == kept
    assert cli.json("brief", "list") == [kept]


def test_a_brief_is_kept_edited_closed_and_opened(cli: CommandLine, tmp_path: Path) -> None:
    kept = cli.json("brief", "add", written(tmp_path, BRIEF), "--draft")
    assert kept["state"] == "draft"
    changed = cli.json("brief", "edit", TITLE, written(tmp_path, BRIEF | {"brand": "Peak"}))
    assert (changed["id"], changed["brand"], changed["state"]) == (kept["id"], "Peak", "draft")
    assert cli.json("brief", "open", kept["id"])["state"] == "open"
    assert cli.json("brief", "close", TITLE)["state"] == "closed"
    assert cli.json("brief", "list", "--state", "open") == []


def test_another_brief_of_that_title_is_a_conflict_with_a_next_step(cli: CommandLine, tmp_path: Path) -> None:
    cli("brief", "add", written(tmp_path, BRIEF))
    error = cli("brief", "add", written(tmp_path, BRIEF | {"text": "Hikers."}), "-o", "json", code=None)
    assert error.code != 0
    assert error.out == ""
    assert error.error["category"] == "Conflict"
    assert "engagerr brief edit" in error.error["hint"]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"text": "no title"}, "title is missing"),
        ({"title": "Shoes", "budget": {"minor": 1.5, "currency": "EUR"}}, "budget"),
        ({"title": "Shoes", "window": {"from": "soon"}}, "window.from is soon"),
        ({"title": "Shoes", "countries": ["Germany"]}, "GERMANY"),
        ({"title": "Shoes", "mustnot": ["gambling"]}, "no field 'mustnot'"),
        (["Shoes"], "the whole"),
    ],
)
def test_a_mistake_in_a_file_is_named_with_the_next_step(
    cli: CommandLine, tmp_path: Path, document: Any, said: str
) -> None:
    answer = cli("brief", "add", written(tmp_path, document), code=2)
    assert said in answer.err
    assert "Traceback" not in answer.err
    error = cli("brief", "add", written(tmp_path, document), "-o", "json", code=2).error
    assert error["category"] == "InvalidInput"
    assert error["hint"]


def test_what_is_not_there_is_not_found(cli: CommandLine, tmp_path: Path) -> None:
    for words in (("show", "Nothing"), ("close", "Nothing"), ("edit", "Nothing", written(tmp_path, BRIEF))):
        assert cli("brief", *words, "-o", "json", code=None).error["category"] == "NotFound"
    assert cli("brief", "add", tmp_path / "none.toml", "-o", "json", code=2).error["category"] == "InvalidInput"
    assert "no state" in cli("brief", "list", "--state", "opne", code=2).err


def test_what_was_not_understood_is_said(cli: CommandLine, tmp_path: Path) -> None:
    answer = cli("brief", "add", written(tmp_path, BRIEF | {"x_colour": "green"}))
    assert "x_colour" in answer.out


def test_plain_words_become_a_brief_that_can_be_kept(cli: CommandLine, tmp_path: Path) -> None:
    words = "Outdoor brand seeks hikers on YouTube, 20k-200k followers, EUR 8,000, March 2027"
    drafted = cli.json("brief", "draft", words)
    assert drafted["text"] == words
    kept = cli.json("brief", "add", written(tmp_path, drafted))
    assert kept["brief"] == drafted
    from_file = tmp_path / "words.txt"
    from_file.write_text(words, encoding="utf-8")
    assert cli.json("brief", "draft", "--file", from_file) == drafted
    assert cli("brief", "draft", code=2).err
    assert cli("brief", "draft", "words", "--file", from_file, code=2).err


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
def test_lists_fit_the_screen(cli: CommandLine, tmp_path: Path, columns: int) -> None:
    cli("brief", "add", written(tmp_path, BRIEF | {"title": "Trail running shoes of a very long name " * 4}))
    cli("brief", "add", written(tmp_path, BRIEF | {"title": "\u001b[31mRed 鞋 👟"}))
    for words in (("list",), ("show", "\u001b[31mRed 鞋 👟")):
        answer = cli("brief", *words, columns=columns)
        assert "\u001b[31m" not in answer.out
        assert max(map(len, answer.out.splitlines())) <= columns
    assert len(cli("brief", "list", "-o", "csv").out.splitlines()) == 3
