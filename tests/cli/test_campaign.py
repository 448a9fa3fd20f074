"""campaign: add, link, show, list, unlink."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from tests.cli.conftest import CommandLine
from tests.lines import an_edge, an_item, write_lines


@pytest.fixture
def spring(cli: CommandLine, tmp_path: Path) -> CommandLine:
    """A film with a clip, a lone film, and an empty campaign."""
    lines = write_lines(
        tmp_path / "lines.jsonl",
        an_item("youtube:a", title="The film", published_at="2026-03-01T00:00:00Z"),
        an_item("tiktok:b", title="The clip", published_at="2026-03-02T00:00:00Z"),
        an_item("youtube:c", title="Another film", published_at="2026-03-03T00:00:00Z"),
        an_edge("tiktok:b", "youtube:a"),
    )
    cli("import", "file", lines)
    words = ("--brand", "Trailhead", "--since", "2026-03-01", "--until", "2026-04-30", "--note", "They pay late.")
    cli("campaign", "add", "Trail shoes", *words)
    return cli


def test_a_campaign_is_added_linked_and_shown(spring: CommandLine) -> None:
    page = spring.json("campaign", "show", "trail shoes")
    assert (page["name"], page["brand"], page["starts_on"], page["ends_on"], page["items"]) == (
        "Trail shoes", "Trailhead", "2026-03-01", "2026-04-30", [],
    )  # fmt: skip
    assert "Nothing is linked to it yet" in spring("campaign", "show", "Trail shoes").out
    page = spring.json("campaign", "link", "Trail shoes", "youtube:a", "youtube:c")
    assert [item["native_id"] for item in page["items"]] == ["a", "c"]
    drawn = spring("campaign", "show", page["id"]).out
    assert "youtube:a" in drawn
    assert "The film" in drawn
    assert "They pay late." in drawn


def test_linking_again_says_that_nothing_changed(spring: CommandLine) -> None:
    assert "1 item linked." in spring("campaign", "link", "Trail shoes", "youtube:a").err
    again = spring("campaign", "link", "Trail shoes", "youtube:a")
    assert "0 items linked; 1 was linked already." in again.err
    whole = spring("campaign", "link", "Trail shoes", "youtube:a", "--with-family")
    assert "1 item linked; 1 was linked already." in whole.err
    assert "tiktok:b" in whole.out


def test_unlinking_takes_items_out(spring: CommandLine) -> None:
    spring("campaign", "link", "Trail shoes", "youtube:a", "--with-family")
    out = spring("campaign", "unlink", "Trail shoes", "tiktok:b", "youtube:c")
    assert "1 item taken out; 1 was not in it." in out.err
    assert [item["native_id"] for item in spring.json("campaign", "show", "Trail shoes")["items"]] == ["a"]


def test_the_list_as_rows_and_as_a_sheet(spring: CommandLine) -> None:
    assert "No campaign is" not in spring("campaign", "list").out
    spring("campaign", "link", "Trail shoes", "youtube:a", "tiktok:b")
    [row] = spring.json("campaign", "list")
    assert (row["items"], row["creators"], row["platforms"]) == (2, ["Ann Lee"], ["tiktok", "youtube"])
    assert "note" not in row
    [sheet] = csv.DictReader(io.StringIO(spring("campaign", "list", "-o", "csv").out))
    assert sheet["platforms"] == "tiktok; youtube"
    items = list(csv.DictReader(io.StringIO(spring("campaign", "show", "Trail shoes", "-o", "csv").out)))
    assert [(row["campaign"], row["native_id"], row["relation"]) for row in items] == [
        ("Trail shoes", "a", ""), ("Trail shoes", "b", "clip_of"),
    ]  # fmt: skip


def test_what_is_not_there_or_taken_is_told_with_its_exit_code(spring: CommandLine) -> None:
    assert "no campaign 'Winter'" in spring("campaign", "show", "Winter", code=3).err
    assert "no item" in spring("campaign", "link", "Trail shoes", "youtube:nowhere", code=3).err
    assert "already" in spring("campaign", "add", "TRAIL SHOES", code=5).err
    assert "is not a day" in spring("campaign", "add", "Winter", "--since", "tomorrow", code=2).err
    assert "No campaign yet" not in spring("campaign", "list").out


def test_without_campaigns_the_way_to_one_is_told(cli: CommandLine) -> None:
    assert "engagerr campaign add" in cli("campaign", "list").out
    assert cli.json("campaign", "list") == []
