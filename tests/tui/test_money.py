"""Money: balances, holds and their entries, what waits for a decision, and that nothing moves by mistake."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from engagerr import Engagerr, Money, Workspace
from engagerr.core.desk.money_export import rows_csv
from engagerr.core.desk.money_page import (
    BooksProof,
    balances,
    entry_sums,
    hold_entries,
    hold_lines,
    hold_rule,
    pay_lines,
)
from engagerr.core.errors import Forbidden, Unavailable
from engagerr.core.payments.held.holds import HoldRow
from engagerr.tui.app import Console
from engagerr.tui.screens.ledger_entries import EntriesPage
from engagerr.tui.screens.ledger_statement import StatementPage
from engagerr.tui.screens.money import MoneyPage
from engagerr.tui.widgets.dialogs import Ask, MoneyDialog, Sheet
from engagerr.tui.widgets.grid import Grid
from engagerr.tui.writing import money_text
from syrupy.assertion import SnapshotAssertion
from tests.core.payments.conftest import (  # noqa: F401
    Control,
    Hands,
    control,
    engagerr,
    gateway,
    money,
    sandbox,
    settings,
)
from tests.factories import colleague
from tests.fakes.clock import SteeredClock
from tests.tui.conftest import NARROW, WIDE, opened_console
from tests.tui.dealing import answer, choose, menu, said, shown, type_amount
from tests.tui.drawing import cells, settled
from textual.pilot import Pilot
from textual.widgets import Input

pytestmark = pytest.mark.anyio
SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])


async def at_money(console: Console, pilot: Pilot[Any], view: str = "holds") -> MoneyPage:
    """The Money screen, with a view."""
    console.action_tab("money")
    await settled(pilot)
    page = console.screen
    assert isinstance(page, MoneyPage)
    if view != page.view.name:
        page.go_to_view(view)
        await settled(pilot)
    return page


def eur(amount: str) -> Money:
    return Money.parse(amount, "EUR")


def held(money: Hands, name: str = "Ann Lee", amount: str = "600.00", subject: str = "work:1") -> HoldRow:  # noqa: F811
    """Money is held for a creator who can be paid."""
    hold = money.hold((f"creator:{money.payee(name)}", 85), ("commission", 15), amount=amount, subject=subject)
    money.paid(hold)
    return money.of(hold)


@pytest.fixture
def approving(monkeypatch: pytest.MonkeyPatch) -> Callable[[Workspace], None]:
    """What a hold of these tests is for has no deal: its payer has approved it."""

    def approve(work: Workspace) -> None:
        work.payments.holds._approved = lambda _session, _access, _subject: True
        monkeypatch.setattr("engagerr.core.deals.pipeline.settlement.is_approved", lambda *_: True)

    return approve


# ── What it shows ───────────────────────────────────────────────────────────────────────────────────────────────────


@SIZES
async def test_holds(console: Console, screen: SnapshotAssertion, size: tuple[int, int]) -> None:
    async with console.run_test(size=size) as pilot:
        await at_money(console, pilot)
        assert cells(console) == screen


@SIZES
async def test_views(console: Console, screen: SnapshotAssertion, size: tuple[int, int]) -> None:
    async with console.run_test(size=size) as pilot:
        for view in ("invoices", "payees", "receipts", "accounts", "subscriptions"):
            await at_money(console, pilot, view)
            assert still(cells(console)) == screen(name=view)


@SIZES
async def test_entries(console: Console, screen: SnapshotAssertion, size: tuple[int, int]) -> None:
    async with console.run_test(size=size) as pilot:
        await at_money(console, pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert cells(console) == screen


def still(text: str) -> str:
    """The screen without ids, which differ each time."""
    return re.sub(r"(Receipt {7}|hold:)[0-9a-f][0-9a-f-]*", lambda found: f"{found.group(1)}00000000", text)


async def test_the_list_and_the_balances_are_those_of_the_core(console: Console) -> None:
    work = console.workspace
    async with console.run_test(size=WIDE) as pilot:
        page = await at_money(console, pilot)
        lines = [line for line in hold_lines(work) if line.hold.state not in ("settled", "cancelled")]
        assert [row.hold.id for row in page.grid.rows] == [line.hold.id for line in lines]
        text = shown(console)
        table = balances(work)
        assert len(table.lines) >= 4
        for line in table.lines:
            assert re.search(rf"{line.label} .*{re.escape(money_text(line.amounts[0]))}", text)
        assert f"{hold_rule(work).days} days" in text


async def test_balances_are_what_the_accounts_hold_and_never_a_sum_over_currencies(sample_work: Workspace) -> None:
    table = balances(sample_work)
    for kind, label in (("hold", "Held for deals"), ("commission", "Commission earned")):
        line = next(one for one in table.lines if one.label == label)
        for amount in line.amounts:
            rows = sample_work.payments.ledger.accounts(kind=kind)
            assert amount.minor == sum(
                row.balance.posted.minor for row in rows if row.account.currency == amount.currency
            )
        assert [amount.currency for amount in line.amounts] == sorted({amount.currency for amount in line.amounts})
    before = balances(sample_work, at=sample_work.access.clock.now() - timedelta(days=2))
    assert not any(amount.minor for line in before.lines for amount in line.amounts)


async def test_the_entries_of_a_hold_sum_equal(sample_work: Workspace) -> None:
    hold = hold_lines(sample_work)[0].hold
    shown_entries = hold_entries(sample_work, hold.id)
    assert shown_entries.sums
    assert all(one.debit == one.credit for one in shown_entries.sums)
    booked = [one for one in shown_entries.entries if one.kind == "hold" and not one.pending]
    into = sum(one.credit.minor for one in booked if one.credit is not None)
    out = sum(one.debit.minor for one in booked if one.debit is not None)
    assert into - out == hold.held.minor
    assert into == hold.funded.minor
    assert entry_sums(shown_entries.entries) == shown_entries.sums
    assert {one.kind for one in shown_entries.receipts} == {"fund", "release"}


@SIZES
async def test_an_empty_workspace_says_when_holds_start(
    empty_console: Console, screen: SnapshotAssertion, size: tuple[int, int]
) -> None:
    async with empty_console.run_test(size=size) as pilot:
        await at_money(empty_console, pilot)
        assert "No money held. Holds start when a deal is funded." in shown(empty_console)
        assert cells(empty_console) == screen


async def test_every_view_can_be_read_in_an_empty_workspace(empty_console: Console) -> None:
    async with empty_console.run_test(size=NARROW) as pilot:
        page = await at_money(empty_console, pilot)
        for name in list(page.views)[1:]:
            await pilot.press("v")
            await settled(pilot)
            assert page.view.name == name
            assert page.view.empty.split(".")[0] in " ".join(shown(empty_console).split())
            assert page.commands()
        await pilot.press("v")
        await settled(pilot)
        assert page.view.name == "holds"


async def test_a_lost_connection_leaves_what_was_read_and_moves_nothing(
    console: Console, screen: SnapshotAssertion
) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await at_money(console, pilot)
        page.post_message(page.Failed("page", Unavailable("The database does not answer.")))
        await settled(pilot)
        assert "The database does not answer. Trying again in 2 s." in shown(console)
        assert page.grid.rows
        assert cells(console) == screen
        await pilot.press("x", "r")
        await settled(pilot)
        assert not isinstance(console.screen, MoneyDialog)


async def test_balances_that_cannot_be_read_are_never_a_part_of_them(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await at_money(console, pilot)
        page.post_message(page.Failed("balances", Unavailable("The database does not answer.")))
        await settled(pilot)
        assert "Balances could not be read: The database does not answer." in shown(console)
        assert "Held for deals" not in shown(console)


async def test_who_may_not_read_the_books_is_told_who_may(
    workspace: Workspace, engagerr: Engagerr, tmp_path: Path, screen: SnapshotAssertion  # noqa: F811
) -> None:  # fmt: skip
    console = opened_console(engagerr, tmp_path, colleague(workspace, engagerr, "viewer"))
    async with console.run_test(size=NARROW) as pilot:
        page = await at_money(console, pilot)
        assert page.state.value == "forbidden"
        assert "Owner, manager or finance may." in shown(console)
        assert cells(console) == screen


async def test_books_that_do_not_balance_are_said_in_red_above_everything(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await at_money(console, pilot)
        broken = BooksProof(page.now, False, "The books are not sound.", False)
        page.answer = type(page.answer)(
            page.answer.view, page.answer.rows, broken, page.answer.rule, page.answer.unknown
        )
        page.draw(page.answer)
        await settled(pilot)
        assert "! books do not balance" in shown(console)
        assert "Pay nothing before it is understood." in shown(console)


# ── Money moves only when its amount is typed ───────────────────────────────────────────────────────────────────────


async def test_a_release_in_the_console_leaves_balanced_books_and_a_receipt(
    money: Hands, engagerr: Engagerr, tmp_path: Path, approving: Callable[[Workspace], None]  # noqa: F811
) -> None:  # fmt: skip
    hold = held(money)
    work = money.work
    approving(work)
    console = opened_console(engagerr, tmp_path, work)
    async with console.run_test(size=NARROW) as pilot:
        page = await at_money(console, pilot)
        await choose(console, pilot, "release €600.00")
        assert "€510.00" in shown(console)
        assert "Ann Lee" in shown(console)
        await type_amount(console, pilot, "510")
        assert any("Released €510.00 to Ann Lee." in words for words in said(console)), said(console)
        after = money.of(hold)
        assert (after.held, after.released) == (eur("0.00"), eur("600.00"))
        assert work.payments.ledger.verify().sound
        receipt = next(one for one in work.payments.receipts.list() if one.kind == "release")
        assert receipt.amount == eur("600.00")
        assert sum(part.minor for _, part in receipt.lines) == 60_000
        found = hold_entries(work, hold.id)
        assert all(one.debit == one.credit for one in found.sums)
        # It is over by now, and stands in the list only for who asks for all.
        assert page.grid.rows == []
        page.filter_by("all")
        await settled(pilot)
        assert [row.hold.state for row in page.grid.rows] == ["settled"]


async def test_typing_anything_but_the_amount_moves_nothing(
    money: Hands, engagerr: Engagerr, tmp_path: Path, approving: Callable[[Workspace], None]  # noqa: F811
) -> None:  # fmt: skip
    hold = held(money)
    approving(money.work)
    console = opened_console(engagerr, tmp_path, money.work)
    async with console.run_test(size=NARROW) as pilot:
        await at_money(console, pilot)
        await choose(console, pilot, "release €600.00")
        dialog = console.screen
        assert isinstance(dialog, MoneyDialog)
        for typed in ("", "1", "51", "509", "5100", "511", "600", "51O", "-510", "€", "510.00", "y", "release"):
            dialog.query_one(Input).value = typed
            await pilot.press("enter")
            await pilot.pause()
            assert console.screen is dialog, f"{typed!r} is not the amount"
        await pilot.press("escape")
        await settled(pilot)
        assert money.of(hold) == hold
        assert money.work.payments.holds.movements() == ()


async def test_a_refused_verb_says_who_may(
    money: Hands, engagerr: Engagerr, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    held(money)
    work = colleague(money.work, engagerr, "finance")
    console = opened_console(engagerr, tmp_path, work)
    async with console.run_test(size=WIDE) as pilot:
        page = await at_money(console, pilot)
        money.work.payments.holds.block(page.current.hold.id, reason="the brand asked to wait")
        page.read_now()
        await settled(pilot)
        offered = await menu(console, pilot)
        release = next(choice for choice in offered if choice.words.startswith("release €"))
        assert release.refused == "Stopped: the brand asked to wait"
        longer = next(choice for choice in offered if choice.words == "hold it longer")
        assert longer.refused is not None
        await pilot.press("escape")
        await choose(console, pilot, "lift the stop")
        await answer(console, pilot, "they agree")
        assert money.work.payments.holds.show(page.current.hold.id).hold.blocks == ()


async def test_whoever_asked_cannot_approve_and_a_second_person_can(
    money: Hands, engagerr: Engagerr, tmp_path: Path, approving: Callable[[Workspace], None]  # noqa: F811
) -> None:  # fmt: skip
    hold = held(money, amount="2000.00")
    approving(money.work)
    asked = money.work.payments.holds.release(hold.id).movement
    assert asked.state == "requested"
    console = opened_console(engagerr, tmp_path, money.work)
    async with console.run_test(size=NARROW) as pilot:
        await at_money(console, pilot, "approvals")
        offered = await menu(console, pilot)
        approve = next(choice for choice in offered if choice.key == "y")
        assert approve.refused is not None
        assert "somebody else approves it" in approve.refused
    second = colleague(money.work, engagerr, "finance")
    console = opened_console(engagerr, tmp_path / "second", second)
    async with console.run_test(size=NARROW) as pilot:
        await at_money(console, pilot, "approvals")
        await choose(console, pilot, "approve €2,000.00")
        assert money.of(hold).held == eur("2000.00")
        await type_amount(console, pilot, "2000")
        assert money.of(hold).released == eur("2000.00"), said(console)
        assert money.work.payments.ledger.verify().sound


async def test_a_rejected_movement_moves_nothing_and_asks_why(
    money: Hands, engagerr: Engagerr, tmp_path: Path, approving: Callable[[Workspace], None]  # noqa: F811
) -> None:  # fmt: skip
    hold = held(money, amount="2000.00")
    approving(money.work)
    asked = money.work.payments.holds.release(hold.id).movement
    console = opened_console(engagerr, tmp_path, colleague(money.work, engagerr, "finance"))
    async with console.run_test(size=NARROW) as pilot:
        await at_money(console, pilot, "approvals")
        await choose(console, pilot, "reject, for a reason")
        await answer(console, pilot, "the link is missing")
        rejected = next(one for one in money.work.payments.holds.movements() if one.id == asked.id)
        assert (rejected.state, rejected.answer) == ("rejected", "the link is missing")
        assert money.of(hold).held == eur("2000.00")


async def test_a_recall_asks_for_amount_and_reason_and_ends_in_balanced_books(
    money: Hands, engagerr: Engagerr, tmp_path: Path, approving: Callable[[Workspace], None]  # noqa: F811
) -> None:  # fmt: skip
    hold = held(money)
    approving(money.work)
    money.work.payments.holds.release(hold.id)
    console = opened_console(engagerr, tmp_path, money.work)
    async with console.run_test(size=NARROW) as pilot:
        page = await at_money(console, pilot)
        page.filter_by("all")
        await settled(pilot)
        await choose(console, pilot, "recall what was released")
        assert isinstance(console.screen, Ask)
        await answer(console, pilot, "100")
        await answer(console, pilot, "the link was missing")
        await type_amount(console, pilot, "100")
        assert money.of(hold).held == eur("100.00"), said(console)
        assert any("Recalled €100.00" in words for words in said(console)), said(console)
        assert money.work.payments.ledger.verify().sound


async def test_paying_out_to_many_names_who_is_left_out_and_asks_for_their_number(
    money: Hands, engagerr: Engagerr, tmp_path: Path, approving: Callable[[Workspace], None]  # noqa: F811
) -> None:  # fmt: skip
    approving(money.work)
    for number, name in enumerate(("Ann Lee", "Ben Okafor"), start=1):
        creator = money.payee(name, state="restricted")
        hold = money.hold((f"creator:{creator}", 1), amount="300.00", subject=f"work:{number}")
        money.paid(hold)
        money.work.payments.holds.release(hold.id)
    account = money.work.payments.payees.show("Ann Lee").account
    money.control(f"accounts/{account}", state="active")
    money.work.payments.payees.refresh("Ann Lee")
    states = {line.payee: line.state for line in pay_lines(money.work)}
    assert states == {"Ann Lee": "ready", "Ben Okafor": "left_out"}
    console = opened_console(engagerr, tmp_path, money.work)
    async with console.run_test(size=NARROW) as pilot:
        await at_money(console, pilot, "payouts")
        await choose(console, pilot, "pay out what was released")
        text = " ".join(shown(console).split())
        assert "Type 1 to" in text
        assert "Left out: Ben Okafor" in text
        await pilot.press("2", "enter")
        await settled(pilot)
        assert {line.payee: line.state for line in pay_lines(money.work)} == states
        await pilot.press("backspace", "1", "enter")
        await settled(pilot)
        assert [(line.payee, line.state) for line in pay_lines(money.work)] == [("Ben Okafor", "left_out")], said(
            console
        )
        assert money.work.payments.ledger.verify().sound


async def test_an_unknown_outcome_is_said_and_read_again_until_it_is_known(
    money: Hands, engagerr: Engagerr, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    held(money)
    console = opened_console(engagerr, tmp_path, money.work)
    async with console.run_test(size=NARROW) as pilot:
        page = await at_money(console, pilot)
        page.answer = type(page.answer)(page.answer.view, page.answer.rows, page.answer.proof, page.answer.rule, 1)
        page.draw(page.answer)
        await settled(pilot)
        assert "? 1 outcome is not known. Do not repeat. Checking every 30 s." in shown(console)
        assert page._watch is not None
        page._check()
        await settled(pilot)
        assert "Do not repeat" not in shown(console)


# ── Views, keys, where it stood ─────────────────────────────────────────────────────────────────────────────────────


async def test_enter_opens_entries_then_an_account_and_esc_goes_back(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        await at_money(console, pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(console.screen, EntriesPage)
        await pilot.press("down", "enter")
        await settled(pilot)
        page = console.screen
        assert isinstance(page, StatementPage)
        lines = page.query_one(Grid).rows
        balance = console.workspace.payments.ledger.balance(page.account_id).balance.posted
        assert lines[-1].balance == balance
        assert money_text(balance) in shown(console)
        await pilot.press("escape", "escape")
        await settled(pilot)
        assert isinstance(console.screen, MoneyPage)


async def test_enter_on_a_receipt_shows_it(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        await at_money(console, pilot)
        await pilot.press("enter")
        await settled(pilot)
        console.screen.query_one("#receipts", Grid).focus()
        await pilot.press("end", "enter")
        await settled(pilot)
        assert isinstance(console.screen, Sheet)
        text = shown(console)
        assert "Receipt: released" in text
        assert re.search(r"Sum +€300\.00", text)


async def test_the_rule_names_country_days_source_and_date(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        await at_money(console, pilot)
        await pilot.press("w")
        await settled(pilot)
        text = " ".join(shown(console).split())
        rule = hold_rule(console.workspace)
        for words in (rule.country, f"{rule.days} days", rule.source, f"{rule.read_on:%B %Y}"):
            assert words in text


async def test_balances_at_the_end_of_a_day_that_has_passed(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        await at_money(console, pilot)
        await pilot.press("t")
        await settled(pilot)
        await answer(console, pilot, "2026-10-01")
        assert "As of Thu 1 Oct 2026" in shown(console)
        await pilot.press("t")
        await settled(pilot)
        await answer(console, pilot, "2027-01-01")
        assert "That day has not come yet." in shown(console)
        await pilot.press("escape")


async def test_the_view_and_the_cursor_are_kept(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await at_money(console, pilot, "receipts")
        await pilot.press("down")
        kept = page.kept()
        assert kept["view"] == "receipts"
        fresh = MoneyPage()
        await console.push_screen(fresh)
        fresh.restore(kept)
        fresh.read_now()
        await settled(pilot)
        assert fresh.view.name == "receipts"
        assert fresh.kept() == kept


async def test_a_thing_that_was_asked_for_has_the_cursor(console: Console) -> None:
    payments = console.workspace.payments
    wanted = {
        "hold": hold_lines(console.workspace)[-1].hold.id, "invoice": payments.invoices.list()[-1].id,
        "payee": payments.payees.list()[-1].id, "receipt": payments.receipts.list()[-1].id,
    }  # fmt: skip
    async with console.run_test(size=NARROW) as pilot:
        page = await at_money(console, pilot)
        for kind, subject in wanted.items():
            page.show_thing(kind, str(subject))
            await settled(pilot)
            assert str(subject) in page.view.ids(page.current), kind


async def test_the_filter_and_the_order_leave_every_row_findable(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await at_money(console, pilot)
        every = len(page.grid.rows)
        await pilot.press("f", *"autumn")
        await settled(pilot)
        assert [row.hold.title.startswith("Autumn") for row in page.grid.rows] == [True]
        await pilot.press("escape")
        await settled(pilot)
        assert len(page.grid.rows) == every


async def test_the_palette_has_every_verb_of_money(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await at_money(console, pilot)
        words = [command.words for command in page.commands()]
        for wanted in ("verify the books", "reconcile now", "poll the provider", "statement of a party and a month",
                       "Hold: release", "Money: show tax forms"):  # fmt: skip
            assert any(wanted in one for one in words), wanted
        assert len(set(words)) == len(words)


async def test_proving_the_books_from_the_console_is_seen_by_everybody(
    money: Hands, engagerr: Engagerr, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    held(money)
    console = opened_console(engagerr, tmp_path, money.work)
    async with console.run_test(size=NARROW) as pilot:
        page = await at_money(console, pilot)
        assert "books never proven" in shown(console)
        next(one for one in page.commands() if "verify the books" in one.words).run()
        await settled(pilot)
        await settled(pilot)
        assert "books balance ✓" in shown(console)


async def test_an_invoice_is_written_as_a_file(console: Console, tmp_path: Path) -> None:
    async with console.run_test(size=NARROW) as pilot:
        await at_money(console, pilot, "invoices")
        await choose(console, pilot, "EN 16931")
        target = tmp_path / "invoice.xml"
        await answer(console, pilot, str(target))
        assert target.read_bytes() == console.workspace.payments.invoices.xml(
            console.workspace.payments.invoices.list()[0].id
        )


async def test_an_export_has_amounts_in_major_units_and_no_formula(sample_work: Workspace) -> None:
    rows = sample_work.payments.receipts.list()
    text = rows_csv(rows).decode("utf-8-sig")
    head, *lines = text.splitlines()
    assert "amount,amount_currency" in head
    assert len(lines) == len(rows)
    assert ",300.00,EUR," in text
    hold = hold_lines(sample_work)[0].hold
    formula = type(rows[0])(
        rows[0].id, "=1+1", rows[0].subject, "@SUM(A1)", rows[0].amount, rows[0].lines, None, None, rows[0].at
    )
    escaped = rows_csv([formula]).decode("utf-8-sig")
    assert "'=1+1" in escaped
    assert "'@SUM(A1)" in escaped
    assert hold.title


async def test_holds_press_as_their_last_day_comes_nearer(
    money: Hands, clock: SteeredClock, engagerr: Engagerr  # noqa: F811
) -> None:  # fmt: skip
    hold = held(money)
    assert hold.must_end_by is not None
    for days, press in ((40, ""), (29, "attention"), (9, "danger"), (-1, "danger")):
        clock.set(hold.must_end_by - timedelta(days=days, hours=-1))
        line = hold_lines(money.work)[0]
        assert line.press == press, days
        assert line.days_left is not None


async def test_reading_needs_the_right_to_read_the_books(
    workspace: Workspace, engagerr: Engagerr  # noqa: F811
) -> None:  # fmt: skip
    viewer = colleague(workspace, engagerr, "viewer")
    for read in (balances, hold_lines, pay_lines):
        with pytest.raises(Forbidden):
            read(viewer)


async def test_the_order_of_a_view_is_taken_back_while_another_one_is_shown(console: Console) -> None:
    async with console.run_test(size=WIDE) as pilot:
        page = await at_money(console, pilot)
        holds = page.grid
        before = holds.order
        column = next(column for column in holds.columns if column.sort is not None)
        page._sorted(column.key)
        assert holds.order != before
        page.go_to_view("invoices")
        await settled(pilot)
        await pilot.press("u")
        await settled(pilot)
        assert holds.order == before
