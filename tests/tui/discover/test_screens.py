"""The screens behind Discover: compare, package, shortlist, the editor of briefs, the marketplace."""

from __future__ import annotations

import threading

import pytest
from engagerr import Workspace
from engagerr.core.errors import Unavailable
from engagerr.tui.app import Console
from engagerr.tui.screens.brief_editor import BriefEditor
from engagerr.tui.screens.compare_creators import CompareCreators
from engagerr.tui.screens.discover import Discover
from engagerr.tui.screens.marketplace import Market
from engagerr.tui.screens.packages import PackageView
from engagerr.tui.screens.shortlist import ShortlistView
from engagerr.tui.widgets.chrome import Heading
from engagerr.tui.widgets.grid import Grid
from syrupy.assertion import SnapshotAssertion
from tests.tui.conftest import NARROW, WIDE
from tests.tui.discover.driving import opened, typed
from tests.tui.discover.world import BRIEF
from tests.tui.drawing import cells, settled
from textual.widgets import Input, TextArea

pytestmark = pytest.mark.anyio
SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])


@SIZES
async def test_creators_side_by_side(reading: Console, screen: SnapshotAssertion, size: tuple[int, int]) -> None:
    async with reading.run_test(size=size) as pilot:
        await opened(pilot)
        await pilot.press("c")
        await settled(pilot)
        assert isinstance(reading.screen, CompareCreators)
        assert cells(reading) == screen


async def test_compared_creators_stand_in_the_order_of_the_brief_and_none_is_added_up(reading: Console) -> None:
    async with reading.run_test(size=WIDE) as pilot:
        await opened(pilot)
        await pilot.press("end", "c")
        await settled(pilot)
        page = reading.screen
        assert isinstance(page, CompareCreators)
        await pilot.press("plus")
        await pilot.press("enter")
        await settled(pilot)
        found = reading.workspace.matching.compare(BRIEF, [str(one) for one in page.creators])
        assert [one.creator for one in page.answer.people] == [one.creator for one in found]
        assert len(found) == 3
        headings = [column.heading for column in page.query_one(Grid).columns]
        assert headings[1:] == [one.creator for one in found]
        await pilot.press("x", "a")
        await settled(pilot)
        assert len(page.answer.people) == 2
        # Two are the fewest: neither can be taken out.
        await pilot.press("x", "a")
        await settled(pilot)
        await pilot.press("escape")
        assert len(page.creators) == 2


@SIZES
async def test_a_shortlist(own: Console, screen: SnapshotAssertion, size: tuple[int, int]) -> None:
    listed(own.workspace)
    async with own.run_test(size=size) as pilot:
        await opened(pilot)
        await pilot.press("v", "s")
        await opened(pilot)
        assert isinstance(own.screen, ShortlistView)
        assert cells(own) == screen


async def test_a_stage_is_changed_with_its_reason_and_taken_back(own: Console) -> None:
    work = own.workspace
    listed(work)
    async with own.run_test(size=NARROW) as pilot:
        await opened(pilot)
        await pilot.press("v", "s")
        await opened(pilot)
        first = own.screen.query_one("#entries", Grid).current
        await pilot.press("m", "l")
        await typed(pilot, "too dear")
        await pilot.press("enter")
        await opened(pilot)
        entry = next(one for one in work.shortlists.show(BRIEF.title).entries if one.creator_id == first.creator_id)
        assert (entry.state, entry.reason) == ("lost", "too dear")
        await pilot.press("u")
        await opened(pilot)
        entry = next(one for one in work.shortlists.show(BRIEF.title).entries if one.creator_id == first.creator_id)
        assert entry.state == "candidate"


async def test_a_shortlist_counts_what_it_does_not_know(own: Console) -> None:
    listed(own.workspace)
    async with own.run_test(size=WIDE) as pilot:
        await opened(pilot)
        text = cells(own)
        # Ann and Eva have a rate, Cara has none; nobody's views are known.
        assert "used from €2,200.00" in text
        assert "1 of 3 without a rate, not in it" in text
        assert "3 of 3 without views, not in it" in text


@SIZES
async def test_a_package(views: Console, screen: SnapshotAssertion, size: tuple[int, int]) -> None:
    async with views.run_test(size=size) as pilot:
        await opened(pilot)
        await pilot.press("v", "k")
        await opened(pilot)
        assert isinstance(views.screen, PackageView)
        assert cells(views) == screen


async def test_another_set_is_built_without_the_creator_under_the_cursor(views: Console) -> None:
    async with views.run_test(size=NARROW) as pilot:
        await opened(pilot)
        await pilot.press("v", "k")
        await opened(pilot)
        page = views.screen
        assert isinstance(page, PackageView)
        expected = views.workspace.packages.build(BRIEF)
        assert page.shown is not None
        assert [pick.creator for pick in page.shown.picks] == [pick.creator for pick in expected.picks]
        out = page.query_one("#picks", Grid).current.creator
        await pilot.press("n")
        await opened(pilot)
        assert len(page.sets) == 2
        assert out not in [pick.creator for pick in page.shown.picks]
        await pilot.press("v")
        await settled(pilot)
        assert out in [pick.creator for pick in page.shown.picks]


class Patient:
    """Packages that take as long as somebody lets them."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.asked = 0

    def build(self, *_: object) -> object:
        self.asked += 1
        assert self.go_on.wait(20)
        raise Unavailable("Nobody waits for this any more.")


async def test_building_can_be_left_and_what_comes_of_it_is_not_shown(views: Console) -> None:
    patient = Patient()
    views.workspace.__dict__["packages"] = patient
    async with views.run_test(size=NARROW) as pilot:
        await opened(pilot)
        await pilot.press("v", "k")
        while not patient.asked:
            await pilot.pause(0.02)
        page = views.screen
        assert isinstance(page, PackageView)
        assert page.query_one(Heading).freshness.startswith("building")
        await pilot.press("escape")
        assert page.query_one(Heading).freshness == "left: nothing was built"
        assert views.screen is page
        patient.go_on.set()
        await settled(pilot)
        assert page.sets == []
        assert page.query_one(Heading).freshness == "left: nothing was built"
        await pilot.press("escape")
        assert isinstance(views.screen, Discover)


async def test_limits_that_no_set_keeps_are_named(reading: Console) -> None:
    async with reading.run_test(size=NARROW) as pilot:
        await opened(pilot)
        await pilot.press("v", "k")
        await opened(pilot)
        # Nobody's views are known here, so nobody can be picked.
        assert "No package" in cells(reading)
        assert "none can be picked" in cells(reading)


@SIZES
async def test_a_brief_as_words_and_as_lines(own: Console, screen: SnapshotAssertion, size: tuple[int, int]) -> None:
    async with own.run_test(size=size) as pilot:
        await opened(pilot)
        await pilot.press("plus")
        await settled(pilot)
        page = own.screen
        assert isinstance(page, BriefEditor)
        page.query_one("#words", TextArea).text = "Hikers on YouTube, 20k-200k followers, EUR 8,000, March 2027"
        await pilot.press("escape", "w")
        await settled(pilot)
        assert cells(own) == screen


async def test_words_are_read_looked_at_taken_and_kept(own: Console) -> None:
    work = own.workspace
    words = "Hikers on YouTube, 20k-200k followers, EUR 8,000, March 2027"
    async with own.run_test(size=NARROW) as pilot:
        await opened(pilot)
        await pilot.press("plus")
        await settled(pilot)
        page = own.screen
        assert isinstance(page, BriefEditor)
        page.query_one("#words", TextArea).text = words
        await pilot.press("escape", "w")
        await settled(pilot)
        assert "Not found in the words" in cells(own)
        assert page.lines()["platforms"] == ""
        await pilot.press("y")
        await settled(pilot)
        read = work.briefs.structure(words).brief
        assert page.lines()["platforms"] == ", ".join(read.platforms)
        await pilot.press("u")
        await settled(pilot)
        assert page.lines()["platforms"] == ""
        await pilot.press("w")
        await settled(pilot)
        await pilot.press("y", "enter")
        await opened(pilot)
        assert isinstance(own.screen, Discover)
        kept = work.briefs.list()[0].brief
        assert (kept.platforms, kept.followers_min, kept.budget) == (read.platforms, 20_000, read.budget)
        assert kept.text == words


async def test_a_line_that_cannot_be_read_is_named_and_gets_the_focus(own: Console) -> None:
    async with own.run_test(size=NARROW) as pilot:
        await opened(pilot)
        await pilot.press("plus")
        await settled(pilot)
        page = own.screen
        page.query_one("#field-title", Input).value = "Autumn"
        page.query_one("#field-budget", Input).value = "much"
        await pilot.press("escape", "enter")
        await settled(pilot)
        assert "Budget" in cells(own).splitlines()[-2]
        assert page.focused is page.query_one("#field-budget")
        assert len(own.workspace.briefs.list()) == 1


async def test_leaving_what_was_typed_is_asked_about(own: Console) -> None:
    async with own.run_test(size=NARROW) as pilot:
        await opened(pilot)
        await pilot.press("plus")
        await settled(pilot)
        await typed(pilot, "hikers")
        await pilot.press("escape", "escape")
        await settled(pilot)
        assert "Leave without keeping it" in cells(own)
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(own.screen, BriefEditor)


async def test_a_brief_is_edited_and_the_edit_taken_back(own: Console) -> None:
    work = own.workspace
    async with own.run_test(size=NARROW) as pilot:
        await opened(pilot)
        await pilot.press("x", "e")
        await settled(pilot)
        own.screen.query_one("#field-must", Input).value = "outdoor"
        await pilot.press("escape", "enter")
        await opened(pilot)
        assert work.briefs.show(BRIEF.title).brief.must == ("outdoor",)
        await pilot.press("u")
        await opened(pilot)
        assert work.briefs.show(BRIEF.title).brief == BRIEF


async def test_a_brief_is_published_without_budget_and_brand_unless_said(own: Console) -> None:
    async with own.run_test(size=NARROW) as pilot:
        await opened(pilot)
        await pilot.press("x", "p")
        await settled(pilot)
        await pilot.press("enter", "enter", "enter", "enter")
        await opened(pilot)
        [shown] = own.workspace.marketplace.briefs.browse(own=True)
        assert (shown.shown.budget, shown.shown.brand) == (None, None)


@SIZES
async def test_what_others_sent(applied: Console, screen: SnapshotAssertion, size: tuple[int, int]) -> None:
    async with applied.run_test(size=size) as pilot:
        await opened(pilot)
        await pilot.press("v", "m")
        await opened(pilot)
        assert isinstance(applied.screen, Market)
        assert cells(applied) == screen


async def test_an_application_is_accepted_with_an_answer(applied: Console) -> None:
    async with applied.run_test(size=NARROW) as pilot:
        await opened(pilot)
        await pilot.press("v", "m")
        await opened(pilot)
        assert "1 to answer" in applied.screen.query_one(Heading).freshness
        await pilot.press("y")
        await typed(pilot, "gladly")
        await pilot.press("enter")
        await opened(pilot)
        [one] = applied.workspace.marketplace.approaches.inbox()
        assert (one.state, one.answer) == ("accepted", "gladly")


async def test_a_listing_is_seen_before_it_is_published_and_withdrawn_after_a_question(own: Console) -> None:
    work = own.workspace
    async with own.run_test(size=NARROW) as pilot:
        await opened(pilot)
        await pilot.press("v", "l")
        await opened(pilot)
        await pilot.press("plus")
        await typed(pilot, "Ann Lee")
        await pilot.press("enter")
        await opened(pilot)
        assert "Publish Ann Lee, version 1" in cells(own)
        assert work.marketplace.listings.list() == ()
        await pilot.press("y")
        await opened(pilot)
        [row] = work.marketplace.listings.list()
        assert (row.creator, row.state) == ("Ann Lee", "published")
        await pilot.press("x", "w")
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert work.marketplace.listings.list()[0].state == "published"
        await pilot.press("x", "w", "y")
        await opened(pilot)
        assert work.marketplace.listings.list()[0].state != "published"


def listed(work: Workspace) -> None:
    """A shortlist with three creators, of whom one has no rate."""
    brief = work.briefs.list()[0]
    work.shortlists.create(brief.title, str(brief.id))
    work.shortlists.add(brief.title, ["Ann Lee", "Eva Novak", "Cara Díaz [Berlin]"])
    work.shortlists.note(brief.title, "Eva Novak", "met in May")
