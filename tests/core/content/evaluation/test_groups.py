"""Groups files in every form that occurs, and that nothing of their answers shows in what detection is given."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from engagerr.core.content.evaluation.fields import moment_of, seconds_of
from engagerr.core.content.evaluation.groups import GroupSet, read_groups
from engagerr.core.errors import InvalidInput
from hypothesis import given
from hypothesis import strategies as st

SHARED = Path(__file__).parents[5] / "shared" / "data" / "relations"
EPISODE = {"platform": "podcast", "id": "e1", "title": "The Tidal Mill", "published_at": "2026-01-06T05:00:00Z"}
VIDEO = {"platform": "youtube", "id": "SaltVid41xx", "title": "The Tidal Mill with Ines", "duration_seconds": 3000}


def group(*items: Mapping[str, Any], relation: str = "same_episode", name: str = "g", **more: Any) -> dict[str, Any]:
    return {"group_id": name, "show": "Salt & Signal", "relation": relation, "items": list(items), **more}


@pytest.fixture
def read(tmp_path: Path) -> Any:
    def read_rows(*rows: Any, name: str = "set.jsonl") -> GroupSet:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        [one] = read_groups([path])
        return one

    return read_rows


def works(one: GroupSet) -> set[frozenset[str]]:
    """The gold works, by native ids."""
    native = {piece.id: piece.native_id for piece in one.pieces}
    found: dict[int, set[str]] = {}
    for piece, work in one.gold.works.items():
        found.setdefault(work, set()).add(native[piece])
    return {frozenset(members) for members in found.values()}


def parents(one: GroupSet) -> dict[str, set[str]]:
    native = {piece.id: piece.native_id for piece in one.pieces}
    return {native[child]: {native[parent] for parent in right} for child, (_, right) in one.gold.parents.items()}


def test_items_of_a_group_are_renditions_of_one_work(read: Any) -> None:
    one = read(group(EPISODE, VIDEO), group(EPISODE | {"id": "e2"}, name="h"))
    assert works(one) == {frozenset({"e1", "SaltVid41xx"}), frozenset({"e2"})}
    assert one.groups == 2
    assert one.shows == ("Salt & Signal",)


def test_every_name_of_a_field_is_read(read: Any) -> None:
    item = {
        "platform": "Podcast_RSS", "guid": "g-1", "name": "A title", "caption": "words", "upload_date": "20210614",
        "length": "1:02:03", "lang": "de", "season": 2, "episode": 5, "type": "full episode",
        "links": ["https://youtu.be/dQw4w9WgXcQ"],
    }  # fmt: skip
    [piece] = read(group(item)).pieces
    assert (piece.platform, piece.native_id, piece.title, piece.body) == ("podcast", "g-1", "A title", "words")
    assert piece.published_at == datetime(2021, 6, 14, tzinfo=UTC)
    assert piece.duration_seconds == 3723
    assert (piece.language, piece.kind, piece.hints) == ("de", "episode", {"season": 2, "episode": 5})
    assert piece.links == (("youtube", "dQw4w9WgXcQ"),)


@pytest.mark.parametrize(
    "written",
    [
        "2021-06-14T17:00:00Z", "2021-06-14 17:00:00", "2021-06-14T19:00:00+02:00", "Mon, 14 Jun 2021 17:00:00 -0000",
        "Mon, 14 Jun 2021 13:00:00 -0400", 1623690000, "1623690000", 1623690000000, "2021/06/14 17:00:00",
    ],
)  # fmt: skip
def test_a_moment_is_read_in_every_form(written: Any) -> None:
    assert moment_of(written) == datetime(2021, 6, 14, 17, tzinfo=UTC)


@pytest.mark.parametrize("written", ["20210614", "2021-06-14", "14.06.2021", "June 14, 2021", 20210614])
def test_a_day_begins_at_midnight_utc(written: Any) -> None:
    assert moment_of(written) == datetime(2021, 6, 14, tzinfo=UTC)


@pytest.mark.parametrize("written", ["yesterday", "2021-13-45", True, ["2021-06-14"]])
def test_what_is_no_date_is_refused(written: Any) -> None:
    with pytest.raises(ValueError, match="no date"):
        moment_of(written)


@pytest.mark.parametrize("written", [3725, "3725", "1:02:05", "62:05", "PT1H2M5S", "pt62m5s", 3725.0])
def test_a_length_is_read_in_every_form(written: Any) -> None:
    assert seconds_of(written) == 3725


def test_a_length_of_nought_is_unknown() -> None:
    assert seconds_of(0) is None
    assert seconds_of("0:00") is None
    with pytest.raises(ValueError, match="no length"):
        seconds_of("an hour")


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2040, 1, 1)))
def test_an_iso_date_comes_back_as_it_went(moment: datetime) -> None:
    assert moment_of(moment.isoformat()) == moment.replace(tzinfo=UTC)


def test_the_kind_is_what_the_file_the_address_or_the_platform_says(read: Any) -> None:
    items = [
        {"platform": "youtube", "id": "1", "url": "https://www.youtube.com/shorts/abc"},
        {"platform": "tiktok", "id": "2"},
        {"platform": "instagram", "id": "3", "kind": "Reel"},
        {"platform": "youtube", "id": "4", "type": "video"},
        {"platform": "youtube_shorts", "id": "5"},
        {"platform": "podcast", "id": "6"},
    ]
    kinds = {piece.native_id: piece.kind for piece in read(group(*items)).pieces}
    assert kinds == {"1": "short_video", "2": "short_video", "3": "reel", "4": None, "5": "short_video", "6": None}


def test_an_editors_own_notes_are_not_shown(read: Any) -> None:
    item = EPISODE | {"original_title": "SECRET", "title_source": "SECRET", "join": "SECRET", "group_id": "SECRET"}
    one = read(group(item, VIDEO, name="SECRET", join="SECRET", source={"path": "SECRET"}))
    assert "SECRET" not in repr(one.pieces)


def shuffled(rows: Sequence[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    """The same groups in another order, with their items in another order and other names."""
    order = random.Random(seed)
    made = [
        row | {"group_id": f"{order.random()}", "items": order.sample(row["items"], len(row["items"]))} for row in rows
    ]
    order.shuffle(made)
    return made


@given(st.integers())
def test_renaming_and_reordering_groups_and_items_changes_nothing_that_detection_sees(seed: int) -> None:
    import tempfile

    rows = [
        group(
            {"platform": "podcast", "id": f"e{n}", "title": f"Title {n}"},
            {"platform": "youtube", "id": None, "title": f"{n}: a title", "url": f"https://x.example/{n}"},
            name=f"g{n}",
        )
        for n in range(8)
    ]
    with tempfile.TemporaryDirectory() as folder:
        seen = []
        for name, written in (("one", rows), ("other", shuffled(rows, seed))):
            path = Path(folder) / f"{name}.jsonl"
            path.write_text("\n".join(json.dumps(row) for row in written))
            [read_set] = read_groups([path])
            seen.append((read_set.pieces, works(read_set)))
    assert seen[0] == seen[1]


def test_neither_id_nor_place_of_a_piece_tells_its_group(read: Any) -> None:
    rows = [group(EPISODE | {"id": f"e{n}"}, VIDEO | {"id": f"v{n}"}, name=f"g{n}") for n in range(50)]
    one = read(*rows)
    labels = [one.gold.works[piece.id] for piece in one.pieces]
    neighbours = sum(here == there for here, there in itertools.pairwise(labels))
    # In the order of the file 50 neighbours belong together; by chance about one does.
    assert neighbours < 10


def test_one_id_on_two_items_names_neither(read: Any) -> None:
    one = read(group(EPISODE, VIDEO), group(EPISODE | {"title": "Another"}, VIDEO | {"id": "v2"}, name="h"))
    assert len(one.pieces) == 4
    assert one.repeated == 2
    assert len({(piece.platform, piece.native_id) for piece in one.pieces}) == 4
    assert len({piece.id for piece in one.pieces}) == 4
    assert len(set(one.gold.works.values())) == 2


def test_an_id_that_is_a_placeholder_is_none(read: Any) -> None:
    nil = "00000000-0000-0000-0000-000000000000"
    one = read(
        group(
            EPISODE | {"id": nil, "url": "https://www.youtube.com/watch?v=dQw4w9WgXcQ", "platform": "youtube"},
            EPISODE | {"id": nil, "url": "https://files.example/1.mp3"},
            EPISODE | {"id": None, "title": "No address"},
        )
    )
    names = {piece.native_id for piece in one.pieces}
    assert {"dQw4w9WgXcQ", "https://files.example/1.mp3"} < names
    assert nil not in names
    assert len(names) == 3


def test_pairs_that_share_an_item_share_a_piece(read: Any) -> None:
    third = {"platform": "spotify", "id": "s1", "title": None}
    rows = [
        {"show": "S", "relation": "same_episode", "label": 1, "item_a": a, "item_b": b}
        for a, b in ((EPISODE, VIDEO), (EPISODE, third), (VIDEO, third))
    ]
    one = read(*rows)
    assert works(one) == {frozenset({"e1", "SaltVid41xx", "s1"})}
    assert one.untitled == 1


def test_negative_pairs_are_kept_apart_and_doubtful_ones_left_out(read: Any) -> None:
    row = {"show": "S", "relation": "none", "label": 0, "item_a": EPISODE, "item_b": VIDEO}
    one = read(row, row | {"item_b": VIDEO | {"id": "v2"}, "needs_review": True})
    assert len(one.gold.apart) == 1
    assert one.unsure == 1
    assert len(set(one.gold.works.values())) == 3


def test_a_reference_to_another_video_is_not_the_same_work(read: Any) -> None:
    one = read({"show": "S", "relation": "description_links_to", "label": 1, "item_a": EPISODE, "item_b": VIDEO})
    assert len(one.gold.apart) == 1
    assert not one.gold.parents


def test_of_a_pair_the_first_is_the_clip_and_any_rendition_of_its_source_is_right(read: Any) -> None:
    clip = {"platform": "tiktok", "id": "t1", "title": "A bell"}
    one = read(
        {"show": "S", "relation": "clip_of", "item_a": clip, "item_b": VIDEO},
        {"show": "S", "relation": "same_episode", "item_a": VIDEO, "item_b": EPISODE},
    )
    assert parents(one) == {"t1": {"SaltVid41xx", "e1"}}
    assert len(set(one.gold.families.values())) == 1
    assert len(set(one.gold.works.values())) == 2


@pytest.mark.parametrize(
    ("source", "clip", "rule"),
    [
        ({"role": "source"}, {"role": "clip"}, "by its role"),
        ({}, {"role": "clip"}, "by the roles of the others"),
        ({"is_parent": True}, {}, "the file names the parent"),
        ({}, {"parent_id": "long"}, "the file names the parent"),
        ({}, {"kind": "short"}, "it is no short by its kind"),
        ({"duration": 3000}, {"duration": 40}, "it is the longest"),
    ],
)
def test_the_parent_of_clips_is_told_by_what_the_file_has(read: Any, source: Any, clip: Any, rule: str) -> None:
    items = [{"platform": "youtube", "id": "cut"} | clip, {"platform": "youtube", "id": "long"} | source]
    one = read(group(*items, relation="clip_of"))
    assert parents(one) == {"cut": {"long"}}
    assert one.rules == {rule: 1}


@pytest.mark.parametrize("works_first", [True, False])
def test_a_source_that_a_group_of_renditions_has_too_is_one_piece(read: Any, works_first: bool) -> None:
    clips = [{"platform": "tiktok", "id": f"t{n}", "title": f"Cut {n}", "role": "clip"} for n in range(2)]
    rows = [
        group(EPISODE, VIDEO),
        *(group(VIDEO | {"role": "source"}, clip, relation="clip_of", name=clip["id"]) for clip in clips),
    ]
    one = read(*(rows if works_first else rows[::-1]))
    assert sorted(piece.native_id for piece in one.pieces) == ["SaltVid41xx", "e1", "t0", "t1"]
    assert one.repeated == 0
    assert parents(one) == {"t0": {"SaltVid41xx", "e1"}, "t1": {"SaltVid41xx", "e1"}}


def test_twins_of_clips_are_known_only_where_the_file_tells_them(read: Any) -> None:
    clips = [{"platform": "tiktok", "id": f"t{n}", "role": "clip"} for n in range(3)]
    row = group(VIDEO | {"role": "source"}, *clips, relation="clip_of")
    untold, told = read(row), read(row | {"twins": [["t0", "t2"]]})
    assert len(untold.gold.cuts) == 3
    assert len(set(untold.gold.cuts.values())) == 1
    assert not told.gold.cuts
    assert frozenset({"t0", "t2"}) in works(told)
    with pytest.raises(InvalidInput, match="no items of the group"):
        read(row | {"twins": [["t0", "t9"]]})


def test_a_group_that_nothing_tells_apart_is_set_aside(read: Any) -> None:
    one = read(group(EPISODE, VIDEO, note="undecidable"), group(EPISODE | {"id": "e2"}, note="other show"))
    assert len(one.undecidable) == 2


def test_without_any_sign_the_first_item_is_the_parent(read: Any) -> None:
    items = [{"platform": "youtube", "id": "one"}, {"platform": "youtube", "id": "two"}]
    one = read(group(*items, relation="clip_of"))
    assert parents(one) == {"two": {"one"}}
    assert one.rules == {"it stands first": 1}


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"show": "S", "relation": "same_episode"}, "neither a list"),
        ({"show": "S", "relation": "same_episode", "items": [{"id": "1"}]}, "no platform"),
        ({"show": "S", "relation": "cousin_of", "items": [EPISODE]}, "cousin_of"),
        ({"show": "S", "items": [EPISODE | {"published_at": "soon"}]}, "soon"),
        ({"show": "S", "items": [EPISODE | {"duration": "long"}]}, "long"),
        ({"show": "S", "items": [EPISODE | {"title": ["a"]}]}, "no text"),
        (["a"], "object"),
    ],
)
def test_a_row_that_cannot_be_read_is_refused_with_its_line(read: Any, row: Any, says: str) -> None:
    with pytest.raises(InvalidInput, match=r"set\.jsonl, line 2: .*" + says) as refused:
        read(group(EPISODE, VIDEO), row)
    assert refused.value.hint


def test_what_is_no_json_or_no_file_or_empty_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"show": "S", "items": []\n')
    with pytest.raises(InvalidInput, match="line 1: this is no JSON"):
        read_groups([path])
    path.write_text("\n")
    with pytest.raises(InvalidInput, match="has no rows"):
        read_groups([path])
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInput, match="no UTF-8"):
        read_groups([path])
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_groups([tmp_path / "absent.jsonl"])
    with pytest.raises(InvalidInput, match="twice"):
        read_groups([path, path])
    with pytest.raises(InvalidInput, match="No file"):
        read_groups([])


def test_a_json_list_is_read_as_well(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([group(EPISODE, VIDEO), group(EPISODE | {"id": "e2"})], indent=1))
    [one] = read_groups([path])
    assert one.groups == 2


@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/data beside this checkout")
def test_the_real_files_are_read_whole() -> None:
    sets = {one.path.relative_to(SHARED).as_posix(): one for one in read_groups(sorted(SHARED.glob("*/*.jsonl")))}
    assert (len(sets["groups/jupiter.jsonl"].pieces), sets["groups/jupiter.jsonl"].groups) == (3021, 1035)
    assert len(sets["groups/datatalks.jsonl"].pieces) == 1000
    # The three real collisions of ids among others: none may weld two groups together.
    assert len(set(sets["groups/datatalks.jsonl"].gold.works.values())) == 201
    assert len(sets["pairs_negative/jupiter.jsonl"].gold.apart) + sets["pairs_negative/jupiter.jsonl"].unsure == 520
    every = [piece.id for one in sets.values() if one.path.parent.name == "groups" for piece in one.pieces]
    assert len(set(every)) == len(every)
