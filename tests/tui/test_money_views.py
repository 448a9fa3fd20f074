"""Views of Money that need books of their own: differences, disputes, payees, tax forms, subscriptions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from engagerr import Engagerr, Money, Workspace
from engagerr.core.desk.money_page import BalanceTable, Entry, EntrySum, entry_sums, pay_lines, payout_entries
from engagerr.core.desk.pulse import MoneyLine
from engagerr.core.payments.billing.invoice_parties import PartyDetails
from engagerr.tui.app import Console
from engagerr.tui.screens.money_tax import TaxReport
from engagerr.tui.widgets.dialogs import Menu, Sheet
from engagerr.tui.widgets.money_cells import balance_lines, entry_lines
from rich.cells import cell_len
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
from tests.core.payments.reconciliation.two_books import Provider, TwoBooks, access_of
from tests.fakes.clock import SteeredClock
from tests.tui.conftest import NARROW, WIDE, opened_console
from tests.tui.dealing import answer, choose, fill, menu, said, shown, type_amount
from tests.tui.drawing import lines, settled
from tests.tui.test_money import approving, at_money, eur, held  # noqa: F401


@pytest.fixture
def books(workspace: Workspace, clock: SteeredClock) -> TwoBooks:
    """Our books and a provider's, in which differences can be planted."""
    books = TwoBooks(workspace, Provider(clock.now(), access_of(workspace).tenant.id))
    workspace.payments.__dict__["differences"] = books.differences
    return books


@pytest.mark.anyio
async def test_a_difference_is_explained_adopted_or_left_with_a_reason(
    books: TwoBooks, workspace: Workspace, clock: SteeredClock, engagerr: Engagerr, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    books.paid(fee=175, ours_fee=150)
    books.paid(theirs=False)
    clock.advance(hours=1)
    books.reconcile(adopt=False)
    found = {one.kind: one for one in books.differences.list()}
    assert set(found) == {"fee", "missing_there"}
    console = opened_console(engagerr, tmp_path, workspace)
    async with console.run_test(size=WIDE) as pilot:
        page = await at_money(console, pilot, "differences")
        text = shown(console)
        for one in found.values():
            assert one.title in text
        page.grid.go_to(found["fee"].id)
        await settled(pilot)
        assert found["fee"].explanation.split(",")[0][:30] in " ".join(shown(console).split())
        await choose(console, pilot, "adopt: book what the provider says")
        fee = found["fee"].theirs or found["fee"].ours
        assert fee is not None
        await type_amount(console, pilot, "9999")
        assert books.differences.show(found["fee"].id).state == "open"
        console.screen.query_one("#typed").value = ""  # type: ignore[attr-defined]
        await type_amount(console, pilot, str(int(abs(fee.amount))) if abs(fee.amount) >= 1 else str(abs(fee.amount)))
        assert books.differences.show(found["fee"].id).state == "adopted", said(console)
        page.grid.go_to(found["missing_there"].id)
        await choose(console, pilot, "leave it, for a reason")
        await answer(console, pilot, "the payer paid by bank")
        left = books.differences.show(found["missing_there"].id)
        assert (left.state, left.reason) == ("dismissed", "the payer paid by bank")
        assert "Nothing waits here. 2 are over or left out." in shown(console)
        assert workspace.payments.ledger.verify().sound


@pytest.mark.anyio
async def test_what_a_lost_dispute_left_is_given_up_by_its_amount(
    money: Hands, engagerr: Engagerr, tmp_path: Path, approving: Callable[[Workspace], None]  # noqa: F811
) -> None:  # fmt: skip
    hold = held(money)
    approving(money.work)
    money.work.payments.holds.release(hold.id)
    money.top_up()
    opened = money.dispute(hold)
    console = opened_console(engagerr, tmp_path, money.work)
    async with console.run_test(size=NARROW) as pilot:
        page = await at_money(console, pilot, "disputes")
        offered = await menu(console, pilot)
        refused = next(choice for choice in offered if choice.words.startswith("give it up")).refused
        assert refused is not None
        assert "not lost" in refused
        await pilot.press("escape")
        money.control(f"disputes/{opened}", status="lost")
        money.hear()
        page.read_now()
        await settled(pilot)
        await choose(console, pilot, "give it up")
        await answer(console, pilot, "not worth a lawyer")
        await type_amount(console, pilot, "600")
        (row,) = money.work.payments.holds.movements(limit=1)
        assert (row.kind, row.state, row.amount) == ("write_off", "done", eur("600.00")), said(console)
        assert any("Gave up €600.00" in words for words in said(console))
        assert money.work.payments.ledger.verify().sound


@pytest.mark.anyio
async def test_a_payout_has_entries_that_sum_equal_and_says_when_it_arrives(
    money: Hands, engagerr: Engagerr, tmp_path: Path, approving: Callable[[Workspace], None]  # noqa: F811
) -> None:  # fmt: skip
    hold = held(money)
    approving(money.work)
    money.work.payments.holds.release(hold.id)
    money.pay_out("Ann Lee")
    money.hear()
    (line,) = pay_lines(money.work)
    assert line.payout is not None
    assert line.state != "paid"
    assert payout_entries(money.work, line.payout) == ()
    money.control(f"payouts/{line.key}", status="paid")
    money.hear()
    (line,) = pay_lines(money.work)
    assert line.payout is not None
    assert (line.payee, line.amount) == ("Ann Lee", eur("510.00"))
    entries = payout_entries(money.work, line.payout)
    assert [one.account for one in entries] == ["On the way to banks", "In bank accounts"]
    assert [(one.debit, one.credit) for one in entry_sums(entries)] == [(eur("510.00"), eur("510.00"))]
    console = opened_console(engagerr, tmp_path, money.work)
    async with console.run_test(size=WIDE) as pilot:
        page = await at_money(console, pilot, "holds")
        page.show_thing("payout", line.key)
        await settled(pilot)
        assert page.view.name == "payouts"
        assert "In bank accounts" in shown(console)
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(console.screen, Sheet)
        assert line.key in shown(console)


@pytest.mark.anyio
async def test_a_changed_bank_account_is_marked_and_confirmed_by_its_last_four(
    money: Hands, engagerr: Engagerr, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    money.payee("Ann Lee")
    payees = money.work.payments.payees
    money.control(f"accounts/{payees.show('Ann Lee').account}", bank_account="DE89370400440532011111")
    payees.refresh("Ann Lee")
    assert not payees.show("Ann Lee").pinned
    console = opened_console(engagerr, tmp_path, money.work)
    async with console.run_test(size=NARROW) as pilot:
        await at_money(console, pilot, "payees")
        assert "▲ …1111" in shown(console)
        assert "nobody has confirmed it" in shown(console)
        await choose(console, pilot, "confirm the bank account")
        await answer(console, pilot, "2222")
        assert not payees.show("Ann Lee").pinned
        await choose(console, pilot, "confirm the bank account")
        await answer(console, pilot, "1111")
        assert payees.show("Ann Lee").pinned, said(console)


@pytest.mark.anyio
async def test_a_payee_is_added_and_gets_a_page_to_sign_up(
    money: Hands, engagerr: Engagerr, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    console = opened_console(engagerr, tmp_path, money.work)
    async with console.run_test(size=NARROW) as pilot:
        await at_money(console, pilot, "payees")
        await pilot.press("plus")
        await fill(console, pilot, name="Cara Diaz", email="cara@creators.example", country="DE", currency="EUR")
        assert money.work.payments.payees.show("Cara Diaz").capability == "none"
        await choose(console, pilot, "make the page")
        assert isinstance(console.screen, Sheet)
        assert money.work.payments.payees.show("Cara Diaz").account is not None


@pytest.mark.anyio
async def test_tax_forms_are_asked_for_kept_and_reported(
    workspace: Workspace, engagerr: Engagerr, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    workspace.payments.invoices.parties.save_self("Northlight GmbH", PartyDetails(country="DE"))
    workspace.payments.invoices.parties.save("Ann Lee", PartyDetails(country="US"))
    console = opened_console(engagerr, tmp_path, workspace)
    async with console.run_test(size=WIDE) as pilot:
        page = await at_money(console, pilot, "tax")
        await choose(console, pilot, "ask somebody for a form")
        await fill(console, pilot, party="Ann Lee", kind="W-9")
        assert "asked for" in shown(console)
        await choose(console, pilot, "keep the signed form")
        await fill(console, pilot, name="Ann Lee", country="US", tin="123-45-6789", tin_kind="SSN", signed="2026-10-30")
        (form,) = workspace.payments.taxes.list()
        assert (form.standing, form.tin_ends_in, form.signed_on) == ("valid", "6789", date(2026, 10, 30)), said(console)
        text = shown(console)
        assert "…6789" in text
        assert "123-45" not in text
        await choose(console, pilot, "1099-NEC of a year")
        await fill(console, pilot, year="2026", rates="EUR=1.08")
        assert isinstance(console.screen, TaxReport)
        assert "1099-NEC of 2026" in shown(console)
        await pilot.press("escape")
        await settled(pilot)
        assert console.screen is page


@pytest.mark.anyio
async def test_a_subscription_is_paused_and_goes_on(
    money: Hands, engagerr: Engagerr, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    payments = money.work.payments
    address = PartyDetails(country="DE", street="Kai 1", postcode="20459", city="Hamburg", vat_id="DE136695976")
    payments.invoices.parties.save_self("Northlight GmbH", address)
    payments.invoices.parties.save("Trailpeak GmbH", address)
    payments.plans.add("desk", name="Desk", prices=[("month", eur("49.00"))], trial_days=0, features=("reports",))
    payments.subscriptions.start("Trailpeak GmbH", "desk", payment_method="pm_card_visa")
    money.hear()
    console = opened_console(engagerr, tmp_path, money.work)
    async with console.run_test(size=NARROW) as pilot:
        await at_money(console, pilot, "subscriptions")
        assert "€49.00 a month" in shown(console)
        await choose(console, pilot, "pause")
        assert payments.subscriptions.list()[0].state == "paused", said(console)
        await choose(console, pilot, "resume")
        assert payments.subscriptions.list()[0].state == "active", said(console)
        await choose(console, pilot, "send back what was paid")
        await answer(console, pilot, "10")
        await answer(console, pilot, "goodwill")
        await type_amount(console, pilot, "10")
        assert any("€10.00 to Trailpeak GmbH" in words for words in said(console)), said(console)
        assert payments.ledger.verify().sound


@pytest.mark.anyio
async def test_nothing_is_wider_than_a_small_terminal(console: Console) -> None:
    async with console.run_test(size=(40, 12)) as pilot:
        page = await at_money(console, pilot)
        for name in page.views:
            page.go_to_view(name)
            await settled(pilot)
            assert all(cell_len(line) <= 40 for line in lines(console))


@pytest.mark.anyio
async def test_every_view_has_verbs_with_keys_of_their_own(console: Console) -> None:
    async with console.run_test(size=WIDE) as pilot:
        page = await at_money(console, pilot)
        for name, view in page.views.items():
            page.go_to_view(name)
            await settled(pilot)
            keys = [choice.key for choice in page.verbs()]
            assert len(set(keys)) == len(keys), (name, keys)
            if page.current is not None:
                await pilot.press("w")
                await settled(pilot)
                assert isinstance(console.screen, Sheet), name
                await pilot.press("escape")
                assert view.searched(page.current)
        await pilot.press("x")
        await pilot.pause()
        assert isinstance(console.screen, Menu | type(page))


def test_a_currency_is_a_column_and_what_there_is_not_is_no_zero() -> None:
    now = datetime(2026, 11, 1, 12, tzinfo=UTC)
    lines_of = (
        MoneyLine("Held for deals", (Money(6_124_000, "EUR"), Money(1_890_000, "USD"))),
        MoneyLine("On the way to banks", (Money(275_000, "EUR"),)),
        MoneyLine("Not explained yet", (Money(-100, "EUR"),)),
    )
    drawn = [line.text for line in balance_lines(BalanceTable(lines_of, ("EUR", "USD"), None), 60, now, most=None)]
    assert {len(line) for line in drawn} == {60}
    assert drawn[0].split() == ["EUR", "USD"]
    assert drawn[1].split()[-2:] == ["€61,240.00", "$18,900.00"]
    assert drawn[2].split()[-2:] == ["€2,750.00", "–"]
    assert drawn[3].split()[-2:] == ["−€1.00", "–"]


def test_entries_of_two_currencies_have_a_sum_each() -> None:
    at = datetime(2026, 11, 1, 12, tzinfo=UTC)

    def pair(amount: Money, *, pending: bool = False) -> list[Entry]:
        sides = ((amount, None), (None, amount))
        return [Entry(at, uuid4(), "fx", "Being exchanged", "", debit, credit, "conversion", pending, uuid4())
                for debit, credit in sides]  # fmt: skip

    entries = [*pair(eur("100.00")), *pair(Money(10_834, "USD")), *pair(eur("7.00"), pending=True)]
    sums = entry_sums(entries)
    assert [(one.debit, one.credit) for one in sums] == [
        (eur("100.00"), eur("100.00")), (Money(10_834, "USD"), Money(10_834, "USD"))
    ]  # fmt: skip
    drawn = [line.text for line in entry_lines(entries, sums)]
    assert all(cell_len(line) <= 48 for line in drawn)
    assert [line.split()[0] for line in drawn].count("Sum") == 2
    assert sum("set aside" in line for line in drawn) == 1
    wrong = EntrySum(eur("1.00"), eur("1.01"))
    assert entry_lines([], [wrong])[-1].text.rstrip().endswith("!")
