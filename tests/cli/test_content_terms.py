"""term: what was agreed about items, and what of it binds the rest of the family."""

from __future__ import annotations

import csv
import io

import pytest
from tests.cli.conftest import CommandLine

VIDEO, CLIP, POST = "youtube:video", "tiktok:clip", "x:post"


@pytest.fixture
def family(cli: CommandLine) -> CommandLine:
    """A video, a clip of it, and a post about it."""
    path = cli.home.parent / "family.jsonl"
    path.write_text(
        '{"type": "item", "platform": "youtube", "native_id": "video", "account": "@ann", "title": "The video"}\n'
        '{"type": "item", "platform": "tiktok", "native_id": "clip", "account": "@ann", "title": "\\u001b[31mclip"}\n'
        '{"type": "item", "platform": "x", "native_id": "post", "account": "@ann"}\n'
        '{"type": "edge", "child": {"platform": "tiktok", "native_id": "clip"},'
        ' "parent": {"platform": "youtube", "native_id": "video"}, "relation": "clip_of"}\n'
        '{"type": "edge", "child": {"platform": "x", "native_id": "post"},'
        ' "parent": {"platform": "youtube", "native_id": "video"}, "relation": "promotes"}\n',
        encoding="utf-8",
    )
    cli("import", "file", path)
    return cli


def test_what_was_agreed_is_noted_listed_and_taken_away(family: CommandLine) -> None:
    noted = family.json(
        "term", "add", VIDEO, "--kind", "usage_rights", "--party", "Trailhead", "--detail", "paid social",
        "--since", "2026-01-01", "--until", "2027-06-30",
    )  # fmt: skip
    assert {name: noted[name] for name in ("kind", "party", "detail", "starts_on", "ends_on", "native_id")} == {
        "kind": "usage_rights", "party": "Trailhead", "detail": "paid social", "starts_on": "2026-01-01",
        "ends_on": "2027-06-30", "native_id": "video",
    }  # fmt: skip
    assert family.json("term", "list") == [noted] == family.json("term", "list", "--item", VIDEO)
    assert family.json("term", "list", "--item", CLIP) == []
    out = family("term", "list").out
    assert "Trailhead" in out
    assert "2027-06-30" in out
    removed = family.json("term", "remove", noted["id"].replace("-", "")[-8:], "--yes")
    assert removed == noted
    assert "Nothing is noted" in family("term", "list").out


def test_nothing_is_taken_away_unasked(family: CommandLine) -> None:
    noted = family.json("term", "add", VIDEO, "--kind", "disclosure")
    assert "--yes" in family("term", "remove", noted["id"], "-o", "json", code=2).error["hint"]
    assert family.json("term", "list") == [noted]


def test_each_item_of_the_family_says_what_binds_it_from_where_and_why(family: CommandLine) -> None:
    family("term", "add", VIDEO, "--kind", "usage_rights", "--party", "Trailhead")
    reached = family.json("term", "show", CLIP)
    assert {row["native_id"]: (row["verdict"], row["own"]) for row in reached} == {
        "video": ("applies", True), "clip": ("check", False), "post": ("does_not_apply", False),
    }  # fmt: skip
    clip = next(row for row in reached if row["native_id"] == "clip")
    assert [step["relation"] for step in clip["path"]] == ["clip_of"]
    assert clip["term"]["native_id"] == "video"
    assert clip["why"]

    out = family("term", "show", VIDEO).out
    assert "its own" in out
    assert "from youtube:video by clip_of" in out
    assert "does not apply" in out
    assert "\x1b[31m" not in out

    rows = {
        row["native_id"]: row for row in csv.DictReader(io.StringIO(family("term", "show", VIDEO, "-o", "csv").out))
    }
    assert (rows["clip"]["verdict"], rows["clip"]["from"], rows["clip"]["way"], rows["clip"]["own"]) == (
        "check", "youtube:video", "clip_of", "false",
    )  # fmt: skip
    assert (rows["video"]["way"], rows["video"]["own"]) == ("", "true")


def test_terms_are_looked_at_on_a_day(family: CommandLine) -> None:
    family("term", "add", VIDEO, "--kind", "usage_rights", "--until", "2026-06-30")
    on = {
        day: {row["standing"] for row in family.json("term", "show", VIDEO, "--on", day)}
        for day in ("2026-06-30", "2026-07-01")
    }
    assert on == {"2026-06-30": {"runs"}, "2026-07-01": {"ended"}}
    assert "ended on 2026-06-30" in family("term", "show", VIDEO, "--on", "2026-07-01").out


def test_a_family_without_terms_says_how_to_note_one(family: CommandLine) -> None:
    assert "engagerr term add" in family("term", "show", VIDEO).out
    assert family.json("term", "show", VIDEO) == []


def test_the_same_noted_twice_is_a_conflict_and_an_unknown_kind_names_those_there_are(family: CommandLine) -> None:
    family("term", "add", VIDEO, "--kind", "disclosure")
    assert "term list" in family("term", "add", VIDEO, "--kind", "disclosure", "-o", "json", code=5).error["hint"]
    assert "sponsorship" in family("term", "add", VIDEO, "--kind", "gift", "-o", "json", code=2).error["hint"]
    assert family("term", "show", "youtube:none", "-o", "json", code=3).error["facts"] == {"item": "youtube:none"}
