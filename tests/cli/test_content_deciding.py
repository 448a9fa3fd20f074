"""content confirm, link, move, split, merge, undo: what a person decides, and how it is told."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from tests.cli.conftest import CommandLine
from tests.lines import an_edge, an_item, write_lines

SERIES = ("ep", "cut", "teaser", "late", "other")


@pytest.fixture
def families(cli: CommandLine) -> CommandLine:
    """Episode `ep` with its cut and the cut's teaser, episode `other` with a late clip; `lone` is alone."""
    lines = write_lines(
        cli.home.parent / "series.jsonl",
        *(an_item(f"youtube:{name}", title=f"The {name}", kind="long_video") for name in (*SERIES, "lone")),
        an_edge("youtube:cut", "youtube:ep"), an_edge("youtube:teaser", "youtube:cut"),
        an_edge("youtube:late", "youtube:other"), an_edge("youtube:lone", "youtube:other", state="suggested"),
    )  # fmt: skip
    cli("import", "file", lines)
    return cli


def tree(cli: CommandLine, name: str) -> dict[str, Any]:
    def names(node: dict[str, Any]) -> dict[str, Any]:
        return {node["native_id"]: [names(child) for child in node["children"]]}

    return names(cli.json("content", "tree", f"youtube:{name}"))


def test_a_move_shows_both_edges_and_the_families_that_there_are_now(families: CommandLine) -> None:
    moved = families.json("content", "move", "youtube:cut", "youtube:other", "--reason", "wrong episode")
    assert [(edge["state"], edge["parent"]["native_id"], edge["relation"]) for edge in moved["edges"]] == [
        ("confirmed", "other", "clip_of"), ("rejected", "ep", "clip_of"),
    ]  # fmt: skip
    assert [(part["root"]["native_id"], part["items"]) for part in moved["families"]] == [("other", 4), ("ep", 1)]
    assert moved["families"][0]["root"]["account"] == "youtube:@ann"
    assert tree(families, "teaser") == {"other": [{"cut": [{"teaser": []}]}, {"late": []}]}
    rows = list(csv.DictReader(io.StringIO(families("content", "move", "youtube:cut", "youtube:ep", "-o", "csv").out)))
    assert [(row["state"], row["parent_native_id"]) for row in rows] == [("confirmed", "ep"), ("rejected", "other")]


def test_an_item_that_hangs_on_nothing_is_moved_with_a_relation_only(families: CommandLine) -> None:
    error = families("content", "move", "youtube:ep", "youtube:other", "-o", "json", code=2).error
    assert "--relation" in error["hint"]
    assert error["facts"] == {"item": "youtube:ep"}
    families("content", "move", "youtube:ep", "youtube:other", "--relation", "same_work")
    families("content", "move", "youtube:other", "youtube:teaser", "--relation", "same_work", code=5)


def test_a_split_says_which_two_families_there_are_now(families: CommandLine) -> None:
    out = families("content", "split", "youtube:cut").out
    assert "rejected" in out
    assert "Family of youtube:ep: 1 item, alone" in out
    assert "Family of youtube:cut: 2 items" in out
    assert tree(families, "teaser") == {"cut": [{"teaser": []}]}
    assert "nothing to cut" in families("content", "split", "youtube:cut", code=2).err


def test_a_merge_makes_one_family_of_two_whichever_items_are_named(families: CommandLine) -> None:
    merged = families.json("content", "merge", "youtube:teaser", "youtube:late")
    [drawn] = merged["edges"]
    assert (drawn["child"]["native_id"], drawn["parent"]["native_id"]) == ("ep", "other")
    assert (drawn["relation"], drawn["state"]) == ("same_work", "confirmed")
    assert [part["items"] for part in merged["families"]] == [5]
    assert "one family already" in families("content", "merge", "youtube:ep", "youtube:other", code=5).err


def test_undo_names_everything_that_it_brought_back(families: CommandLine) -> None:
    before = families.json("content", "edges")
    families("content", "move", "youtube:cut", "youtube:other")
    out = families("content", "undo", columns=200).out
    assert out.startswith("Taken back: move of ")
    assert "by ann" in out.lower()
    for said in ("youtube:cut", "youtube:ep", "youtube:other", "none", "confirmed"):
        assert said in out
    assert families.json("content", "edges") == before
    families("content", "split", "youtube:cut")
    [restored] = families.json("content", "undo")
    assert restored in before
    families("content", "undo", code=2)


def test_decisions_of_one_command_are_one_block(families: CommandLine) -> None:
    families("content", "move", "youtube:cut", "youtube:other", "--reason", "wrong episode")
    families("content", "undo")
    rows = families.json("content", "decisions")
    assert [row["action"] for row in rows] == ["undo", "undo", "move", "move"]
    assert len({row["action_id"] for row in rows}) == 2
    assert {row["edge"]["state"] for row in rows} == {"none", "confirmed"}
    assert [row["undone"] for row in rows] == [False, False, True, True]
    _, _, *lines = families("content", "decisions", columns=160).out.splitlines()
    assert len(lines) == 4
    assert [bool(line[:16].strip()) for line in lines] == [True, False, True, False]
    assert [(" undo " in line, " move " in line) for line in lines] == [
        (True, False), (False, False), (False, True), (False, False),
    ]  # fmt: skip


def test_all_that_was_confirmed_at_once_is_taken_back_at_once(families: CommandLine) -> None:
    ids = [edge["id"] for edge in families.json("content", "edges")]
    families("content", "reject", *ids)
    assert families.json("content", "families") == []
    assert len(families.json("content", "undo")) == len(ids)
    assert len(families.json("content", "families")) == 2
