"""The list of deals and its board: what they show, their keys, what is done with many."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from engagerr import Engagerr, Money, Workspace
from engagerr.core.deals.pipeline.deal_pages import Worth
from engagerr.core.deals.pipeline.deals import NewDeal
from engagerr.core.desk.deals import DealLine, deal_list
from engagerr.core.errors import Forbidden, Unavailable
from engagerr.tui.app import Console
from engagerr.tui.page import State
from engagerr.tui.screens.contract import ContractPage
from engagerr.tui.screens.deal import DealPage
from engagerr.tui.screens.deal_lists import as_csv, lanes_of, matches
from engagerr.tui.screens.deals import Deals
from engagerr.tui.widgets.board import Board
from engagerr.tui.widgets.deal_cells import parties, stage_words, sums_text
from engagerr.tui.widgets.dialogs import FilterLine, Menu
from engagerr.tui.widgets.grid import Grid
from engagerr.tui.widgets.stages import StageLine
from engagerr.tui.writing import money_text
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion
from tests.factories import colleague
from tests.tui.conftest import NARROW, WIDE, opened_console
from tests.tui.dealing import answer, body, choose, fill, menu, said, shown
from tests.tui.drawing import settled

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


async def deals_page(console: Console, pilot: Any) -> Deals:
    """The seventh tab."""
    await pilot.press("7")
    await settled(pilot)
    assert isinstance(console.screen, Deals)
    return console.screen


def a_deal(work: Workspace, title: str, *, brand: str = "Alpenpfad", expected: str | None = None, currency: str = "EUR",
           mail: str | None = None) -> None:  # fmt: skip
    """An enquiry."""
    amount = None if expected is None else Money.parse(expected, currency)
    work.deals.add(NewDeal(title, brand=brand, brand_email=mail, expected=amount, currency=currency))


# ── What it shows ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_list_shows_what_the_core_says(console: Console, sample_work: Workspace) -> None:
    expected = [line for line in deal_list(sample_work).lines if line.open]
    async with console.run_test(size=WIDE) as pilot:
        page = await deals_page(console, pilot)
        assert [line.id for line in page.grid.rows] == [line.id for line in expected]
        text = shown(console)
        for line in expected:
            assert parties(line) in text
            assert stage_words(line.deal.row.stage) in text
            assert line.deal.worth.amount is None or money_text(line.deal.worth.amount) in text
        assert "7 Deals" in text


async def test_every_missing_value_of_the_list_has_a_reason(console: Console) -> None:
    async with console.run_test(size=WIDE) as pilot:
        page = await deals_page(console, pilot)
        written = [column.cell(line) for line in page.grid.rows for column in page.grid.columns]
        assert any(cell.text == "–" for cell in written)
        assert all(cell.reason for cell in written if cell.text == "–")


async def test_sums_are_one_a_currency_and_say_what_is_a_guess_and_what_is_missing(
    workspace: Workspace, engagerr: Engagerr, tmp_path: Path
) -> None:
    a_deal(workspace, "One", expected="4000")
    a_deal(workspace, "Two", expected="8400", currency="USD")
    a_deal(workspace, "Three")
    console = opened_console(engagerr, tmp_path, workspace)
    async with console.run_test(size=NARROW) as pilot:
        await deals_page(console, pilot)
        assert "≈\u00a0€4,000 · ≈\u00a0$8,400 · 1 without a value" in shown(console)


@given(
    st.lists(
        st.builds(
            Worth, st.builds(Money, st.integers(0, 10**12), st.sampled_from(["EUR", "USD", "JPY"])) | st.none(),
            st.sampled_from(["accepted", "offered"]),
        ),
        max_size=12,
    )
)  # fmt: skip
def test_no_sum_is_taken_over_currencies_and_nothing_missing_counts_as_zero(worths: list[Worth]) -> None:
    text = sums_text(worths)
    parts = [part for part in text.split(" · ") if part]
    currencies = {worth.amount.currency for worth in worths if worth.amount is not None}
    silent = sum(worth.amount is None for worth in worths)
    assert len(parts) == len(currencies) + (1 if silent else 0)
    for currency in currencies:
        total = Money(
            sum(one.amount.minor for one in worths if one.amount and one.amount.currency == currency), currency
        )
        assert money_text(total) in parts


async def test_the_side_pane_says_what_the_deal_needs(console: Console, sample_work: Workspace) -> None:
    async with console.run_test(size=WIDE) as pilot:
        page = await deals_page(console, pilot)
        for _ in page.grid.rows[:2]:
            deal = sample_work.deals.show(page.grid.current.id if page.grid.current else "")
            text = shown(console)
            assert all(check.sentence[:24] in text for check in deal.checks)
            await pilot.press("down")
            await settled(pilot)


async def test_the_line_above_the_keys_names_the_deal_and_what_presses(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await deals_page(console, pilot)
        line = page.grid.current
        assert line is not None
        assert f"{line.deal.row.title} · {line.why}" in shown(console)


# ── Keys ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _line(console_lines: list[DealLine], title: str) -> DealLine:
    return next(one for one in console_lines if one.deal.row.title == title)


def test_a_filter_takes_words_and_fields(sample_work: Workspace) -> None:
    lines = list(deal_list(sample_work).lines)
    me = sample_work.member.name

    def kept(words: str) -> set[str]:
        return {line.deal.row.title for line in lines if matches(line, words, me, NOW)}

    everything = {line.deal.row.title for line in lines if line.open}
    assert kept("") == everything
    assert kept("HERDWERK") == {"Camp kitchen, summer"} == kept("brand:herd") == kept("stage:enquiry")
    assert kept("brand:alpenpfad stage:negotiating") == {"Winter gloves"}
    assert kept("creator:jonna") == everything
    assert kept("mine") == everything
    assert kept("stuck") == set() == kept("nobody")
    assert kept("stage:in_production brand:alpenpfad") == kept("stage:production")


async def test_the_list_is_filtered_as_one_types_and_shown_whole_again_by_esc(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await deals_page(console, pilot)
        whole = len(page.grid.rows)
        await pilot.press("f", *"herd")
        await settled(pilot)
        assert [line.deal.row.brand for line in page.grid.rows] == ["Herdwerk"]
        assert "filter: herd" in shown(console)
        await pilot.press("escape")
        await settled(pilot)
        assert len(page.grid.rows) == whole
        assert page.grid.has_focus


async def test_the_list_is_ordered_by_a_column_and_the_other_way_round(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await deals_page(console, pilot)
        for turned in (False, True):
            await choose(console, pilot, "brand", key="s")
            order = page.grid.order
            assert order is not None
            assert (order.column, order.descending) == ("deal", turned)
            brands = [line.deal.row.brand for line in page.grid.rows]
            assert brands == sorted(brands, reverse=turned)
        await pilot.press("u")
        await settled(pilot)
        assert page.grid.order is not None
        assert not page.grid.order.descending


async def test_the_board_has_a_lane_a_stage_and_is_walked_with_h_l_j_k(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await deals_page(console, pilot)
        line = page.grid.current
        await pilot.press("v")
        await settled(pilot)
        board = console.screen.query_one(Board)
        assert board.has_focus
        assert board.current is not None
        assert line is not None
        assert board.current.id == line.id
        assert "3 of 9" in shown(console)
        headings = shown(console).splitlines()[2]
        assert headings.split() == ["Proposed", "0", "Negotiating", "1"]
        await pilot.press("l")
        await settled(pilot)
        assert "4 of 9" in shown(console)
        assert board.current.deal.row.stage == "contracted"
        await pilot.press("h", "h", "h", "h", "h")
        await settled(pilot)
        assert "1 of 9" in shown(console)
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(console.screen, DealPage)


def test_every_open_deal_stands_in_exactly_one_lane(sample_work: Workspace) -> None:
    lines = deal_list(sample_work).lines
    lanes = lanes_of(lines, lambda line: line.open)
    shown_ids = [card.id for lane in lanes for card in lane.cards]
    assert sorted(map(str, shown_ids)) == sorted(str(line.id) for line in lines if line.open)
    assert all(card.deal.row.stage == lane.key for lane in lanes for card in lane.cards)


async def test_moving_shows_what_is_lacking_and_the_core_decides(
    workspace: Workspace, engagerr: Engagerr, tmp_path: Path
) -> None:
    a_deal(workspace, "Trail shoes")
    console = opened_console(engagerr, tmp_path, workspace)
    async with console.run_test(size=NARROW) as pilot:
        await deals_page(console, pilot)
        offered = await _stages(console, pilot)
        assert "✕ There is somebody to send an offer to" in shown(console)
        assert [choice.answer for choice in offered] == list(workspace.deals.show("Trail shoes").nexts)
        assert offered[0].refused == "lacks 3 of 3: see above"
        await pilot.press(offered[0].key)
        await settled(pilot)
        assert isinstance(console.screen, Menu)
        await pilot.press(next(choice.key for choice in offered if choice.answer == "declined"))
        await pilot.pause()
        await answer(console, pilot, " ")
        assert "Say it in a few words." in shown(console)
        await answer(console, pilot, "no budget this year")
        assert workspace.deals.show("Trail shoes").row.stage == "declined"
        assert workspace.deals.show("Trail shoes").row.stage_reason == "no budget this year"
        await pilot.press("u")
        await settled(pilot)
        assert workspace.deals.show("Trail shoes").row.stage == "enquiry"


async def _stages(console: Console, pilot: Any) -> list[Any]:
    await pilot.press("m")
    await settled(pilot)
    assert isinstance(console.screen, Menu)
    return console.screen.choices


async def test_many_marked_deals_are_cancelled_for_one_reason(
    workspace: Workspace, engagerr: Engagerr, tmp_path: Path
) -> None:
    for title in ("One", "Two", "Three"):
        a_deal(workspace, title)
    console = opened_console(engagerr, tmp_path, workspace)
    async with console.run_test(size=NARROW) as pilot:
        page = await deals_page(console, pilot)
        await pilot.press("space", "space")
        chosen = {line.deal.row.title for line in page.chosen}
        assert len(chosen) == 2
        await choose(console, pilot, "cancel, for a reason")
        assert "2 deals: " in shown(console)
        await answer(console, pilot, "the launch was put off")
        assert said(console)[-1] == "Cancelled 2 of 2."
        assert {line.deal.row.title for line in page.grid.rows} == {"One", "Two", "Three"} - chosen
        assert not page.grid.marked


async def test_a_deal_is_given_to_somebody_and_taken_back_by_u(
    workspace: Workspace, engagerr: Engagerr, tmp_path: Path
) -> None:
    a_deal(workspace, "Trail shoes")
    workspace.members.add("bo@northlight.example", role="manager", name="Bo Lind")
    before = workspace.deals.show("Trail shoes").own.owner
    console = opened_console(engagerr, tmp_path, workspace)
    async with console.run_test(size=NARROW) as pilot:
        await deals_page(console, pilot)
        await pilot.press("a")
        await settled(pilot)
        assert isinstance(console.screen, Menu)
        await pilot.press(next(choice.key for choice in console.screen.choices if choice.words == "Bo Lind"))
        await settled(pilot)
        assert workspace.deals.show("Trail shoes").own.owner == "Bo Lind"
        await pilot.press("u")
        await settled(pilot)
        assert workspace.deals.show("Trail shoes").own.owner == before


async def test_the_shown_deals_are_written_as_csv_with_amounts_that_are_exact(
    console: Console, sample_work: Workspace, tmp_path: Path
) -> None:
    target = tmp_path / "deals.csv"
    async with console.run_test(size=NARROW) as pilot:
        await deals_page(console, pilot)
        await pilot.press("e")
        await pilot.pause()
        await answer(console, pilot, str(target))
    rows = list(csv.DictReader(io.StringIO(target.read_text(encoding="utf-8-sig"))))
    expected = [line for line in deal_list(sample_work).lines if line.open]
    assert [row["deal"] for row in rows] == [line.deal.row.title for line in expected]
    for row, line in zip(rows, expected, strict=True):
        amount = line.deal.worth.amount
        assert (row["value"], row["currency"]) == (
            ("", "") if amount is None else (str(amount.amount), amount.currency)
        )
    hostile = replace(expected[0], deal=replace(expected[0].deal, row=replace(expected[0].deal.row, title="=1+1")))
    assert as_csv([hostile]).decode("utf-8-sig").splitlines()[1].startswith("'=1+1,")
    assert as_csv([]).decode().count("\n") == 1


@pytest.mark.parametrize("kind", ["deal", "contract", "deliverable"])
async def test_a_thing_asked_for_from_elsewhere_is_shown(console: Console, sample_work: Workspace, kind: str) -> None:
    deal = sample_work.deals.show("Trail shoes, spring").row
    subject = {
        "deal": deal.id, "contract": sample_work.contracts.show(deal.title).contract.id,
        "deliverable": sample_work.deliverables.list(deal=deal.id)[0].id,
    }[kind]  # fmt: skip
    async with console.run_test(size=NARROW) as pilot:
        await settled(pilot)
        console.open_thing(kind, subject)
        await settled(pilot)
        await settled(pilot)
        assert isinstance(console.screen, ContractPage if kind == "contract" else DealPage), shown(console)
        assert deal.title in shown(console)
        if kind == "deliverable":
            row = console.screen.query_one("#pieces", Grid).current
            assert row is not None
            assert row.key == f"piece:{subject}"


async def test_what_is_asked_for_while_something_else_is_open_takes_its_place(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        await settled(pilot)
        console.open_thing("contract", "Autumn jackets")
        await settled(pilot)
        await settled(pilot)
        assert isinstance(console.screen, ContractPage), shown(console)
        console.open_thing("deal", "Winter gloves")
        await settled(pilot)
        await settled(pilot)
        assert isinstance(console.screen, DealPage)
        assert "Winter gloves" in shown(console)
        await pilot.press("escape")
        await settled(pilot)
        assert isinstance(console.screen, Deals)


async def test_the_list_is_found_again_as_it_was_left(workspace: Workspace, engagerr: Engagerr, tmp_path: Path) -> None:
    for title in ("One", "Two", "Three"):
        a_deal(workspace, title, expected="100")
    console = opened_console(engagerr, tmp_path, workspace)
    async with console.run_test(size=NARROW) as pilot:
        page = await deals_page(console, pilot)
        page.filter_by("brand:alpen t")
        await pilot.press("down")
        await settled(pilot)
        kept = page.kept()
        console.save()
    again = opened_console(engagerr, tmp_path, workspace)
    async with again.run_test(size=NARROW) as pilot:
        page = await deals_page(again, pilot)
        assert page.query_one(FilterLine).value == "brand:alpen t"
        assert page.grid.cursor == 1
        assert page.kept() == kept


# ── States ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_without_a_deal_it_says_where_deals_come_from_and_plus_opens_one(
    empty_console: Console, screen: SnapshotAssertion
) -> None:
    async with empty_console.run_test(size=NARROW) as pilot:
        page = await deals_page(empty_console, pilot)
        assert page.state is State.EMPTY
        assert body(empty_console) == screen
        await pilot.press("plus")
        await fill(empty_console, pilot, title="A deal", brand="")
        assert "This is needed." in shown(empty_console)
        await fill(empty_console, pilot, brand="Alpenpfad", expected="much")
        assert "is no amount" in shown(empty_console)
        await fill(empty_console, pilot, expected="1,250.50")
        worth = empty_console.workspace.deals.show("A deal").worth
        assert worth.amount == Money.parse("1250.50", "EUR")


async def test_a_failed_refresh_leaves_the_list_on_screen(console: Console, screen: SnapshotAssertion) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await deals_page(console, pilot)
        page.post_message(page.Failed("page", Unavailable("The database does not answer.")))
        await pilot.pause()
        assert body(console) == screen


async def test_who_may_not_read_deals_is_told_so(workspace: Workspace, engagerr: Engagerr, tmp_path: Path) -> None:
    a_deal(workspace, "Trail shoes", expected="4000")
    viewer = colleague(workspace, engagerr, "viewer")
    with pytest.raises(Forbidden):
        deal_list(viewer)
    console = opened_console(engagerr, tmp_path, viewer)
    async with console.run_test(size=NARROW) as pilot:
        page = await deals_page(console, pilot)
        assert page.state is State.FORBIDDEN
        text = shown(console)
        assert "Trail shoes" not in text
        assert "4,000" not in text


async def test_who_may_only_read_sees_the_verbs_refused(
    workspace: Workspace, engagerr: Engagerr, tmp_path: Path
) -> None:
    a_deal(workspace, "Trail shoes")
    console = opened_console(engagerr, tmp_path, colleague(workspace, engagerr, "analyst"))
    async with console.run_test(size=NARROW) as pilot:
        page = await deals_page(console, pilot)
        offered = await menu(console, pilot)
        refused = {choice.words: choice.refused for choice in offered}
        assert refused.pop("open its page, with all its verbs") is None
        assert set(refused.values()) == {"Owner or manager may."}
        await pilot.press("escape", "plus")
        await pilot.pause()
        assert console.screen is page
        assert said(console)[-1] == "Owner or manager may."


# ── Parts ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.integers(0, 8), st.integers(20, 160))
def test_the_way_of_a_deal_always_shows_where_it_stands(here: int, width: int) -> None:
    stages = (
        "enquiry",
        "proposed",
        "negotiating",
        "contracted",
        "in_production",
        "submitted",
        "approved",
        "live",
        "paid",
    )
    line = StageLine()
    line.set_reactive(StageLine.stages, stages)
    line.set_reactive(StageLine.stage, stages[here])
    parts = line.parts(width)
    text = "".join(part for part, _ in parts)
    assert stages[here].replace("_", " ") in text
    if width >= 40:
        assert len(text) <= width


@pytest.mark.parametrize(("size", "name"), [(NARROW, "narrow"), (WIDE, "wide")])
async def test_snapshot_list(console: Console, size: tuple[int, int], name: str, screen: SnapshotAssertion) -> None:
    async with console.run_test(size=size) as pilot:
        await deals_page(console, pilot)
        assert body(console) == screen


@pytest.mark.parametrize(("size", "name"), [(NARROW, "narrow"), (WIDE, "wide")])
async def test_snapshot_board(console: Console, size: tuple[int, int], name: str, screen: SnapshotAssertion) -> None:
    async with console.run_test(size=size) as pilot:
        await deals_page(console, pilot)
        await pilot.press("v")
        await settled(pilot)
        assert body(console) == screen


async def test_below_eighty_columns_nothing_refuses_to_start(console: Console) -> None:
    async with console.run_test(size=(40, 12)) as pilot:
        await deals_page(console, pilot)
        assert "Negotiating" in shown(console)
        await pilot.press("enter")
        await settled(pilot)
        assert "negotiating" in shown(console)


def test_what_presses_is_said_of_a_hold_that_ends_soon(sample_work: Workspace) -> None:
    lines = list(deal_list(sample_work).lines)
    trail = _line(lines, "Trail shoes, spring")
    assert [due.kind for due in trail.dues] == ["release", "piece", "hold"]
    assert trail.due is not None
    assert trail.due.at - NOW <= timedelta(days=15)
    assert all(line.urgency is None or line.why for line in lines)
