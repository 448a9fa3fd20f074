"""Briefs that a workspace keeps: kept once, replaced on purpose, found by title or id, opened and closed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from engagerr.core.matching.brief_file import Brief, brief_of
from tests.factories import colleague
from tests.fakes.clock import SteeredClock

BRIEF = brief_of(
    {
        "title": "Trail running shoes", "text": "Runners.", "brand": "Trailhead", "platforms": ["youtube"],
        "budget": {"minor": 400_000, "currency": "EUR"}, "window": {"from": "2027-03-01"},
    }
)  # fmt: skip


def test_a_brief_comes_back_as_it_was_kept(workspace: Workspace) -> None:
    row = workspace.briefs.add(BRIEF)
    assert row.brief == BRIEF
    assert row.state == "open"
    for named in ("Trail running shoes", "TRAIL running SHOES", " Trail running shoes ", str(row.id)):
        assert workspace.briefs.show(named) == row


def test_the_same_brief_is_kept_once(workspace: Workspace) -> None:
    first = workspace.briefs.add(BRIEF)
    again = workspace.briefs.add(replace(BRIEF, unread=("colour",)))
    assert again == first
    assert workspace.briefs.list() == (first,)


def test_a_brief_that_was_made_by_hand_is_kept_once_too(workspace: Workspace) -> None:
    by_hand = Brief(title=" Shoes ", text=" Runners. ", platforms=("YouTube",), countries=("de",))
    assert workspace.briefs.add(by_hand) == workspace.briefs.add(by_hand)


@pytest.mark.parametrize("wrong", [Brief(title=" "), Brief(title="Shoes", countries=("Germany",))])
def test_a_brief_that_no_file_could_say_is_refused(workspace: Workspace, wrong: Brief) -> None:
    with pytest.raises(InvalidInput):
        workspace.briefs.add(wrong)
    workspace.briefs.add(BRIEF)
    with pytest.raises(InvalidInput):
        workspace.briefs.edit(BRIEF.title, wrong)


def test_another_brief_of_the_same_title_is_a_conflict(workspace: Workspace) -> None:
    workspace.briefs.add(BRIEF)
    with pytest.raises(Conflict, match="something else"):
        workspace.briefs.add(replace(BRIEF, title="trail RUNNING shoes", text="Hikers."))
    workspace.briefs.add(replace(BRIEF, title="Sandals"))
    with pytest.raises(Conflict, match="another brief"):
        workspace.briefs.edit("Sandals", BRIEF)


def test_an_edit_replaces_what_a_brief_says_and_keeps_who_it_is(workspace: Workspace, clock: SteeredClock) -> None:
    row = workspace.briefs.add(BRIEF, state="draft")
    clock.advance(hours=1)
    edited = workspace.briefs.edit("Trail running shoes", replace(BRIEF, title="Trail shoes", budget=None))
    assert (edited.id, edited.state, edited.brief.budget) == (row.id, "draft", None)
    assert edited.updated_at > row.updated_at
    with pytest.raises(NotFound):
        workspace.briefs.show("Trail running shoes")


def test_to_close_what_is_closed_changes_nothing(workspace: Workspace, clock: SteeredClock) -> None:
    workspace.briefs.add(BRIEF)
    closed = workspace.briefs.set_state(BRIEF.title, "closed")
    clock.advance(hours=1)
    assert workspace.briefs.set_state(BRIEF.title, "closed") == closed
    assert workspace.briefs.list(state="open") == ()


def test_a_state_that_there_is_not_is_refused(workspace: Workspace) -> None:
    with pytest.raises(InvalidInput, match="no state"):
        workspace.briefs.add(BRIEF, state="lost")
    workspace.briefs.add(BRIEF)
    with pytest.raises(InvalidInput, match="no state"):
        workspace.briefs.set_state(BRIEF.title, "lost")
    with pytest.raises(InvalidInput, match="no state"):
        workspace.briefs.list(state="opne")


def test_a_title_that_reads_like_another_briefs_id_hides_nobody(workspace: Workspace) -> None:
    first = workspace.briefs.add(BRIEF)
    workspace.briefs.add(replace(BRIEF, title=str(first.id)))
    assert workspace.briefs.show(str(first.id)) == first


@pytest.mark.parametrize("title", ["x'; DROP TABLE briefs; --", "100 % \\ & | ! :* <->", "Schuhe „Ä“ 🏔"])
def test_odd_titles_are_titles(workspace: Workspace, title: str) -> None:
    row = workspace.briefs.add(replace(BRIEF, title=title))
    assert workspace.briefs.show(title.upper()) == row


def test_briefs_of_another_workspace_are_not_there(workspace: Workspace, other_workspace: Workspace) -> None:
    row = workspace.briefs.add(BRIEF)
    assert other_workspace.briefs.list() == ()
    for named in (BRIEF.title, str(row.id)):
        with pytest.raises(NotFound):
            other_workspace.briefs.set_state(named, "closed")
    assert other_workspace.briefs.add(replace(BRIEF, text="Hikers.")).brief.text == "Hikers."


def test_who_only_looks_may_read_briefs_and_change_none(workspace: Workspace, engagerr: Engagerr) -> None:
    workspace.briefs.add(BRIEF)
    viewer = colleague(workspace, engagerr, "viewer")
    assert viewer.briefs.show(BRIEF.title).brief == BRIEF
    for act in (
        lambda: viewer.briefs.add(replace(BRIEF, title="Sandals")),
        lambda: viewer.briefs.edit(BRIEF.title, BRIEF),
        lambda: viewer.briefs.set_state(BRIEF.title, "closed"),
    ):
        with pytest.raises(Forbidden):
            act()
