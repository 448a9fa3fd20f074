"""Discover: who fits a brief stands in the core's order, what is unknown is written so, and each verb is one key."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from engagerr.core.desk.discover import brief_page, matches_of
from engagerr.core.errors import Unavailable
from engagerr.tui.app import Console
from engagerr.tui.screens.discover import Discover
from engagerr.tui.widgets.chrome import Heading
from engagerr.tui.widgets.dialogs import Confirm, FilterLine, Sheet
from engagerr.tui.widgets.signals import fit, unknown_of
from engagerr.tui.writing import money_text
from syrupy.assertion import SnapshotAssertion
from tests.tui.conftest import NARROW, WIDE
from tests.tui.discover.driving import discover, grid, names, opened, rested, typed
from tests.tui.discover.world import BRIEF, HARD
from tests.tui.drawing import cells, lines, settled

pytestmark = pytest.mark.anyio
SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])


@SIZES
async def test_who_fits(reading: Console, screen: SnapshotAssertion, size: tuple[int, int]) -> None:
    async with reading.run_test(size=size) as pilot:
        await rested(pilot)
        assert cells(reading) == screen


@SIZES
async def test_without_a_brief_the_next_step_is_one(
    empty_console: Console, screen: SnapshotAssertion, size: tuple[int, int]
) -> None:
    empty_console.memory.keep("tab", "discover")
    async with empty_console.run_test(size=size) as pilot:
        await opened(pilot)
        assert cells(empty_console) == screen


@SIZES
async def test_when_no_one_passes_the_hardest_filter_is_named(
    hard: Console, screen: SnapshotAssertion, size: tuple[int, int]
) -> None:
    async with hard.run_test(size=size) as pilot:
        await opened(pilot)
        found = matches_of(hard.workspace, HARD).found
        hardest = max(found.excluded, key=lambda one: one.count)
        assert f"No one passes. Hardest filter: {hardest.reason}" in " ".join(cells(hard).split())
        assert cells(hard) == screen


@SIZES
async def test_who_may_not_ask_sees_the_briefs_and_is_told_who_may(
    viewing: Console, screen: SnapshotAssertion, size: tuple[int, int]
) -> None:
    async with viewing.run_test(size=size) as pilot:
        await opened(pilot)
        text = cells(viewing)
        assert BRIEF.title in text
        assert "As viewer you may not" in text
        assert text == screen


@SIZES
async def test_a_screen_that_cannot_be_read_says_why(
    reading: Console, screen: SnapshotAssertion, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(*_: object) -> None:
        raise Unavailable("The database does not answer.", hint="See `engagerr db status`.")

    monkeypatch.setattr(Discover, "read", unavailable)
    async with reading.run_test(size=size) as pilot:
        await settled(pilot)
        assert "Discover could not be read: The database does not answer." in cells(reading)
        assert cells(reading) == screen


async def test_a_failed_refresh_leaves_what_is_on_screen(reading: Console) -> None:
    async with reading.run_test(size=NARROW) as pilot:
        await opened(pilot)
        before = names(reading)
        discover(reading).post_message(Discover.Failed("page", Unavailable("The database does not answer.")))
        await pilot.pause(0.2)
        assert names(reading) == before
        banner = lines(reading)[2]
        assert banner.startswith(" ! The database does not answer.")
        assert "What you see is from" in banner


async def test_the_list_is_the_answer_of_the_core(reading: Console) -> None:
    async with reading.run_test(size=(160, 45)) as pilot:
        await opened(pilot)
        found = matches_of(reading.workspace, BRIEF)
        assert names(reading) == [match.creator for match in found.found.results]
        for match, line in zip(found.found.results, lines(reading)[4:], strict=False):
            assert fit(match).text.strip() in line
            assert f"{unknown_of(match)} of {len(match.signals)}" in line
            price = found.beside[match.creator_id].price
            if price.amount is not None:
                assert money_text(price.amount) in line
            else:
                assert price.why
        passed, considered = found.found.passed, found.found.considered
        assert f"{passed} of {considered} pass" in discover(reading).query_one(Heading).scope


async def test_the_unknown_is_written_as_unknown_and_never_as_points(reading: Console) -> None:
    async with reading.run_test(size=NARROW) as pilot:
        await opened(pilot)
        match = grid(reading).current.match
        unknown = [signal for signal in match.signals if signal.value is None]
        assert unknown
        shown = [line for line in lines(reading) if line.startswith(" ? ")]
        assert len(shown) == len(unknown)
        assert all("±" in line and " of " not in line.split("not known")[0] for line in shown)


async def test_signals_stand_for_against_unknown(reading: Console) -> None:
    async with reading.run_test(size=NARROW) as pilot:
        await opened(pilot)
        signs = [line[1] for line in lines(reading)[15:22]]
        assert signs == sorted(signs, key="+−?".index)


async def test_space_puts_on_the_shortlist_and_u_takes_off(own: Console) -> None:
    work = own.workspace
    async with own.run_test(size=NARROW) as pilot:
        await opened(pilot)
        first = grid(own).current
        await pilot.press("space")
        await opened(pilot)
        [row] = work.shortlists.list()
        assert (row.name, row.brief, row.entries) == (BRIEF.title, BRIEF.title, 1)
        assert grid(own).marked == {first.creator_id}
        assert work.shortlists.show(row.name).entries[0].then is not None
        await pilot.press("u")
        await opened(pilot)
        assert work.shortlists.list()[0].entries == 0
        assert grid(own).marked == set()


async def test_marks_one_after_the_other_are_all_kept(own: Console) -> None:
    async with own.run_test(size=NARROW) as pilot:
        await opened(pilot)
        await pilot.press("space", "space", "space")
        for _ in range(3):
            await opened(pilot)
        [row] = own.workspace.shortlists.list()
        assert row.entries == 3
        assert len(grid(own).marked) == 3


async def test_many_marks_at_once_are_asked_about(own: Console) -> None:
    async with own.run_test(size=NARROW) as pilot:
        await opened(pilot)
        everybody = names(own)
        await pilot.press("asterisk")
        await settled(pilot)
        assert isinstance(own.screen, Confirm)
        assert f"Put {len(everybody)} creators on the shortlist" in cells(own)
        await pilot.press("enter")
        await opened(pilot)
        assert own.workspace.shortlists.list() == ()
        assert grid(own).marked == set()


async def test_a_filter_names_the_column_of_its_mistake_and_what_is_shown_stays(reading: Console) -> None:
    async with reading.run_test(size=NARROW) as pilot:
        await opened(pilot)
        before = names(reading)
        await pilot.press("f")
        await typed(pilot, "folowers > 5")
        await pilot.pause(0.5)
        await settled(pilot)
        assert "(column 1)" in cells(reading)
        assert names(reading) == before


async def test_a_filter_leaves_only_those_whom_it_finds_and_esc_takes_it_away(reading: Console) -> None:
    async with reading.run_test(size=NARROW) as pilot:
        await opened(pilot)
        everybody = names(reading)
        await pilot.press("f")
        await typed(pilot, "followers >= 92000")
        await pilot.pause(0.5)
        await settled(pilot)
        wanted = matches_of(reading.workspace, BRIEF, where="followers >= 92000").found
        assert names(reading) == [match.creator for match in wanted.results]
        assert len(names(reading)) < len(everybody)
        await pilot.press("escape")
        await opened(pilot)
        assert names(reading) == everybody
        assert not discover(reading).query_one(FilterLine).display


async def test_why_says_what_the_core_says(reading: Console) -> None:
    async with reading.run_test(size=(120, 60)) as pilot:
        await opened(pilot)
        row = grid(reading).current
        await pilot.press("w")
        await settled(pilot)
        assert isinstance(reading.screen, Sheet)
        text = " ".join(cells(reading).replace("▌", " ").split())
        found = reading.workspace.matching.explain(BRIEF, row.match.creator)
        for signal in found.match.signals:
            for shown in signal.evidence:
                assert shown.detail.split("  ")[0][:40] in text


async def test_what_would_change_the_place_is_the_cores_answer(reading: Console) -> None:
    async with reading.run_test(size=WIDE) as pilot:
        await rested(pilot)
        await pilot.press("end")
        await rested(pilot)
        row = grid(reading).current
        [found] = reading.workspace.matching.compare(BRIEF, [str(row.creator_id)])
        assert found.what_if
        assert f"rank {found.what_if[0].rank} instead of {found.rank}" in cells(reading)


async def test_sorting_turns_and_what_is_missing_comes_last(reading: Console) -> None:
    async with reading.run_test(size=WIDE) as pilot:
        await opened(pilot)
        await pilot.press("s", "4")
        await settled(pilot)
        beside = matches_of(reading.workspace, BRIEF).beside
        prices = [beside[row.creator_id].price.amount for row in grid(reading).rows]
        known = [price.minor for price in prices if price is not None]
        assert known == sorted(known)
        assert prices[len(known) :] == [None] * (len(prices) - len(known))


async def test_the_brief_the_order_and_the_cursor_are_remembered(reading: Console) -> None:
    async with reading.run_test(size=NARROW) as pilot:
        await opened(pilot)
        await pilot.press("s", "1", "down", "down")
        await settled(pilot)
        page = discover(reading)
        kept, at = page.kept(), page.current
    assert at is not None
    assert kept["brief"] == str(brief_page(reading.workspace).row.id)  # type: ignore[union-attr]
    assert kept["order"] == ["creator", False]
    assert kept["at"] == str(at.creator_id)


async def test_a_brief_asked_for_from_elsewhere_is_opened(two_briefs: Console) -> None:
    async with two_briefs.run_test(size=NARROW) as pilot:
        await opened(pilot)
        rows = {row.title: row for row in two_briefs.workspace.briefs.list()}
        two_briefs.open_thing("brief", rows[BRIEF.title].id)
        await opened(pilot)
        assert BRIEF.title in discover(two_briefs).query_one(Heading).scope
        two_briefs.open_thing("brief", rows[HARD.title].id)
        await opened(pilot)
        assert HARD.title in discover(two_briefs).query_one(Heading).scope


async def test_g_chooses_a_brief(two_briefs: Console) -> None:
    async with two_briefs.run_test(size=NARROW) as pilot:
        await opened(pilot)
        await pilot.press("g")
        await typed(pilot, "trail")
        await pilot.press("enter")
        await opened(pilot)
        assert BRIEF.title in discover(two_briefs).query_one(Heading).scope


async def test_at_the_end_of_what_was_asked_for_the_rest_is_read(
    reading: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engagerr.core.desk.discover.FIRST_ROWS", 2)
    everybody = [match.creator for match in matches_of(reading.workspace, BRIEF).found.results]
    async with reading.run_test(size=NARROW) as pilot:
        await opened(pilot)
        assert names(reading) == everybody[:2]
        assert "best 2" in discover(reading).query_one(Heading).scope
        await pilot.press("end")
        await rested(pilot)
        assert names(reading) == everybody


async def test_closing_a_brief_can_be_undone(own: Console) -> None:
    async with own.run_test(size=NARROW) as pilot:
        await opened(pilot)
        await pilot.press("x", "o")
        await opened(pilot)
        assert own.workspace.briefs.show(BRIEF.title).state == "closed"
        assert "closed" in discover(own).query_one(Heading).scope
        await pilot.press("u")
        await opened(pilot)
        assert own.workspace.briefs.show(BRIEF.title).state == "open"


async def test_the_shortlist_becomes_a_deal(own: Console) -> None:
    work = own.workspace
    async with own.run_test(size=NARROW) as pilot:
        await opened(pilot)
        first = grid(own).current.match.creator
        await pilot.press("space")
        await opened(pilot)
        await pilot.press("x", "d")
        await settled(pilot)
        await pilot.press("enter", "enter", "enter", "enter")
        await opened(pilot)
        [deal] = work.deals.list()
        assert work.deals.show(deal.row.id).creators == (first,)


async def test_the_results_are_written_to_a_file_and_no_other_is_replaced(own: Console, tmp_path: Path) -> None:
    path = tmp_path / "found.csv"
    async with own.run_test(size=NARROW) as pilot:
        await opened(pilot)
        await pilot.press("e")
        await settled(pilot)
        own.screen.query_one("#answer").value = str(path)  # type: ignore[attr-defined]
        await pilot.press("enter")
        await settled(pilot)
        rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
        assert [row["creator"] for row in rows] == names(own)
        assert {row["price"] for row in rows} >= {"", "1000.00"}
        before = path.read_bytes()
        await pilot.press("e")
        await settled(pilot)
        own.screen.query_one("#answer").value = str(path)  # type: ignore[attr-defined]
        await pilot.press("enter")
        await settled(pilot)
        assert path.read_bytes() == before


async def test_the_palette_has_the_verbs_and_says_who_may(viewing: Console) -> None:
    async with viewing.run_test(size=NARROW) as pilot:
        await opened(pilot)
        commands = {command.words: command for command in discover(viewing).commands()}
        publish = next(command for words, command in commands.items() if words.startswith("Brief: publish"))
        assert publish.refused == "Owner or manager may."
        assert commands["Brief: choose …"].refused is None


async def test_a_shortlist_asked_for_from_elsewhere_opens_upon_its_brief(two_briefs: Console) -> None:
    work = two_briefs.workspace
    brief = next(row for row in work.briefs.list() if row.title == BRIEF.title)
    made = work.shortlists.create("Spring", str(brief.id))
    work.shortlists.add("Spring", ["Ann Lee"])
    async with two_briefs.run_test(size=NARROW) as pilot:
        await opened(pilot)
        two_briefs.open_thing("shortlist", made.id)
        for _ in range(2):
            await opened(pilot)
        assert "Discover › Shortlist  Spring" in cells(two_briefs)
        await pilot.press("escape")
        await opened(pilot)
        assert BRIEF.title in discover(two_briefs).query_one(Heading).scope


async def test_a_kept_search_becomes_the_filter(own: Console) -> None:
    own.workspace.search.save("Large", "followers >= 92000")
    async with own.run_test(size=NARROW) as pilot:
        await opened(pilot)
        discover(own).use_search()
        await settled(pilot)
        await pilot.press("enter")
        await pilot.pause(0.5)
        await settled(pilot)
        assert discover(own).where is not None
        wanted = matches_of(own.workspace, BRIEF, where="followers >= 92000").found
        assert names(own) == [match.creator for match in wanted.results]


async def test_every_verb_of_the_palette_can_be_run_or_says_who_may(own: Console) -> None:
    async with own.run_test(size=NARROW) as pilot:
        await opened(pilot)
        for at in range(len(discover(own).commands())):
            command = discover(own).commands()[at]
            assert command.words
            if command.refused is None:
                command.run()
                await settled(pilot)
                while own.screen.is_modal or not isinstance(own.screen, Discover):
                    await pilot.press("escape")
                    await pilot.pause()
