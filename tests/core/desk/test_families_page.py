"""Families for the map: heads that count what waits, one family as it is opened, and what an answer would change."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.desk.families_page import (
    MOST_TOTALS,
    FamilyHead,
    families_page,
    family_head,
    family_totals,
    headline_total,
    titled,
)
from engagerr.core.desk.link_effect import link_effect, terms_at
from engagerr.core.desk.opened_family import open_family
from engagerr.core.errors import InvalidInput, NotFound
from tests.factories import colleague
from tests.lines import an_item, bring


@pytest.fixture
def family(workspace: Workspace, tmp_path: Path) -> Workspace:
    """An episode, its video, a clip of the video, and a post that has no place yet; nothing is suggested by words."""
    bring(
        workspace, tmp_path,
        an_item("podcast:e1", kind="episode", title="Alpha", duration=3600),
        an_item("youtube:v1", kind="long_video", title="Beta", duration=3600),
        an_item("tiktok:c1", kind="short_video", title="Gamma", duration=30),
        an_item("instagram:p1", kind="reel", body="Words only\nand more"),
    )  # fmt: skip
    workspace.content.link("youtube:v1", "podcast:e1", relation="same_work")
    workspace.content.link("tiktok:c1", "youtube:v1", relation="clip_of")
    return workspace


def the_head(work: Workspace) -> FamilyHead:
    return next(head for head in families_page(work).heads if head.native_id == "e1")


def test_a_head_counts_its_items_and_platforms(family: Workspace) -> None:
    head = the_head(family)
    assert (head.title, head.creator, head.items) == ("Alpha", "Ann Lee", 3)
    assert head.platforms == ("podcast", "tiktok", "youtube")
    assert families_page(family).unsorted == 1


def test_what_was_turned_down_stays_in_sight_and_is_told_from_what_hangs_elsewhere(family: Workspace) -> None:
    edge = family.content.link("instagram:p1", "youtube:v1", relation="promotes")
    family.content.reject(str(edge.id))
    opened = open_family(family, the_head(family).id)
    assert [(one.native_id, one.depth, one.state, one.held) for one in opened.pieces] == [
        ("e1", 0, None, False), ("v1", 1, "confirmed", False), ("c1", 2, "confirmed", False),
        ("p1", 2, "rejected", False),
    ]  # fmt: skip
    assert opened.pieces[-1].title == "“Words only”"
    family.content.link("instagram:p1", "podcast:e1", relation="promotes")
    states = {one.edge_id: (one.state, one.held) for one in open_family(family, the_head(family).id).pieces}
    assert states[edge.id] == ("rejected", True)


def test_a_family_is_opened_by_any_item_of_it_and_read_in_parts(family: Workspace) -> None:
    head = the_head(family)
    clip = next(one for one in open_family(family, head.id).pieces if one.native_id == "c1")
    part = open_family(family, clip.id, limit=2)
    assert (part.family_id, [one.native_id for one in part.pieces], part.left_out) == (head.id, ["e1", "v1"], 1)
    assert family_head(family, "tiktok:c1") == head
    with pytest.raises(NotFound):
        open_family(family, uuid4())
    with pytest.raises(NotFound):
        family_head(family, "tiktok:nothing")


def test_an_item_alone_is_a_family_of_one(family: Workspace) -> None:
    head = family_head(family, "instagram:p1")
    assert (head.items, head.title, head.waiting) == (1, "“Words only”", 0)
    assert [one.native_id for one in open_family(family, head.id).pieces] == ["p1"]
    assert family_totals(family, [head.id]) == {head.id: ()}
    assert headline_total(()) is None


def test_no_number_is_none_and_not_zero(family: Workspace) -> None:
    opened = open_family(family, the_head(family).id)
    assert all(one.audience.value is None and one.audience.state for one in opened.pieces)


def test_terms_come_down_to_what_is_accepted_and_are_hidden_from_who_may_not_read_them(
    family: Workspace, engagerr: Engagerr
) -> None:
    edge = family.content.link("instagram:p1", "youtube:v1", relation="promotes")
    family.content.undo(str(edge.id))
    edge = family.content.link("instagram:p1", "youtube:v1", relation="promotes")
    family.content.reject(str(edge.id))
    family.terms.add("podcast:e1", kind="sponsorship", party="Lumen")
    [term] = link_effect(family, str(edge.id)).terms or ()
    assert (str(term.kind), str(term.verdict), term.from_title) == ("sponsorship", "check", "Alpha")
    [own] = terms_at(family, "podcast:e1") or ()
    assert own.own
    assert [str(one.verdict) for one in terms_at(family, "youtube:v1") or ()] == ["applies"]
    viewer = colleague(family, engagerr, "viewer")
    assert link_effect(viewer, str(edge.id)).terms is None
    assert terms_at(viewer, "podcast:e1") is None
    assert families_page(viewer).total == 1


def test_nothing_of_another_tenant_is_seen(family: Workspace, other_workspace: Workspace) -> None:
    head = the_head(family)
    assert families_page(other_workspace).heads == ()
    assert families_page(other_workspace).unsorted == 0
    assert family_totals(other_workspace, [head.id]) == {head.id: ()}
    with pytest.raises(NotFound):
        open_family(other_workspace, head.id)
    with pytest.raises(NotFound):
        family_head(other_workspace, str(head.id))


def test_too_much_at_once_is_refused(family: Workspace) -> None:
    with pytest.raises(InvalidInput):
        family_totals(family, [uuid4() for _ in range(MOST_TOTALS + 1)])
    with pytest.raises(InvalidInput):
        families_page(family, limit=0)


def test_an_item_is_called_by_its_title_then_its_words_then_its_name() -> None:
    assert titled(" A title ", "words", "x:1") == "A title"
    assert titled("  ", "\n words \n more", "x:1") == "“words”"
    assert titled(None, None, "x:1") == "x:1"
