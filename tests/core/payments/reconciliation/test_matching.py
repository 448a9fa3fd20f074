"""What reconciliation finds: each kind of difference where it was planted, and nothing where nothing was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.errors import Forbidden, InvalidInput, NotFound, Unavailable
from tests.core.payments.reconciliation.two_books import Provider, TwoBooks, access_of, later
from tests.factories import colleague
from tests.fakes.clock import SteeredClock


@pytest.fixture
def books(workspace: Workspace, clock: SteeredClock) -> TwoBooks:
    provider = Provider(clock.now(), access_of(workspace).tenant.id)
    return TwoBooks(workspace, provider)


def test_books_that_agree_show_no_difference(books: TwoBooks, clock: SteeredClock) -> None:
    payee = books.payee("acct_1")
    for _ in range(3):
        books.paid()
    books.transferred("acct_1", f"payee:{payee}")
    books.paid_out("acct_1", f"payee:{payee}", 2_000)
    clock.advance(hours=1)
    run = books.reconcile()
    assert (run.kinds, run.opened, run.waiting, run.troubles) == ({}, 0, 0, ())
    assert (run.lines, run.transfers, run.payouts) == (6, 8, 1)
    assert [(one.account, one.ours, one.theirs) for one in run.control] == [
        ("", 24_475, 24_475), ("acct_1", 3_000, 3_000)
    ]  # fmt: skip


def plant_missing_here(books: TwoBooks) -> None:
    books.paid(ours=False, state="intended")


def plant_missing_there(books: TwoBooks) -> None:
    books.paid(theirs=False)


def plant_amount(books: TwoBooks) -> None:
    books.paid(ours_amount=9_900)


def plant_currency(books: TwoBooks) -> None:
    books.paid(fee=0, currency="usd")


def plant_fee(books: TwoBooks) -> None:
    books.paid(fee=175, ours_fee=150)


def plant_a_fee_of_the_provider(books: TwoBooks) -> None:
    books.provider.line("stripe_fee", -700, None)


def plant_done_twice(books: TwoBooks) -> None:
    made = books.paid()
    books.provider.line("charge", 10_000, books.provider.thing("ch", "charge", made), fee=175)


def plant_booked_twice(books: TwoBooks) -> None:
    made = books.paid(fee=0)
    books.book(f"op:{made}:again", ("outside", "stripe", "revenue", "deals", 10_000))


def plant_another_payee(books: TwoBooks) -> None:
    meant, other = books.payee("acct_1"), books.payee("acct_2")
    assert meant != other
    books.transferred("acct_1", f"payee:{meant}", went_to="acct_2")


def plant_an_unknown_payee(books: TwoBooks) -> None:
    meant = books.payee("acct_1")
    books.transferred("acct_1", f"payee:{meant}", went_to="acct_of_nobody")


def plant_an_unknown_charge(books: TwoBooks) -> None:
    books.provider.line("charge", 4_000, books.provider.thing("ch", "charge"), fee=80)


def plant_a_payout_that_does_not_add_up(books: TwoBooks) -> None:
    books.paid(fee=0)
    payout = books.provider.thing("po", "payout", amount=10_000, status="paid")
    line = books.provider.lines[""][-1]
    line["_payout"] = payout
    books.provider.line("payout", -9_000, payout)
    books.provider.payouts[""] = [
        {
            "id": payout, "amount": 9_000, "currency": "eur", "status": "paid", "automatic": True, "metadata": {},
            "created": line["created"], "arrival_date": line["created"],
        }
    ]  # fmt: skip
    books.book(f"payout:{payout}", ("receivable", "own bank", "outside", "stripe", 9_000))


def plant_a_payout_that_came_back(books: TwoBooks) -> None:
    payee = books.payee("acct_1")
    books.transferred("acct_1", f"payee:{payee}")
    books.paid_out("acct_1", f"payee:{payee}", 2_000, status="failed")


def plant_what_failed_here(books: TwoBooks) -> None:
    books.paid(ours=False, state="failed")


def plant_no_event(books: TwoBooks) -> None:
    books.paid(ours=False, state="unknown", at=later(books.provider.now, days=-45))


def plant_a_lost_operation(books: TwoBooks) -> None:
    books.paid(ours=False, operation=False)


def plant_on_its_way(books: TwoBooks) -> None:
    payee = books.payee("acct_1")
    books.transferred("acct_1", f"payee:{payee}")
    books.paid_out("acct_1", f"payee:{payee}", 2_000, status="in_transit", ours=False)


def plant_another_balance(books: TwoBooks) -> None:
    books.provider.off_by = 1


PLANTED = {
    plant_missing_here: "missing_here", plant_missing_there: "missing_there", plant_amount: "amount",
    plant_currency: "currency", plant_fee: "fee", plant_a_fee_of_the_provider: "fee", plant_done_twice: "duplicate",
    plant_booked_twice: "duplicate", plant_another_payee: "wrong_party", plant_an_unknown_payee: "wrong_party",
    plant_an_unknown_charge: "unknown_object", plant_a_payout_that_does_not_add_up: "payout_composition",
    plant_a_payout_that_came_back: "status", plant_what_failed_here: "status", plant_no_event: "without_event",
    plant_a_lost_operation: "older_books", plant_on_its_way: "in_flight", plant_another_balance: "balance",
}  # fmt: skip


@pytest.mark.parametrize(("plant", "kind"), PLANTED.items(), ids=lambda value: getattr(value, "__name__", value))
def test_what_was_planted_is_found_for_what_it_is_and_nothing_else(
    books: TwoBooks, clock: SteeredClock, plant: Callable[[TwoBooks], None], kind: str
) -> None:
    books.paid(2_500)
    plant(books)
    clock.advance(hours=1)
    run = books.reconcile(adopt=False)
    assert run.kinds == {kind: 1}
    assert run.waiting == (0 if kind == "in_flight" else 1)
    [found] = books.differences.list(state=None)
    assert (found.kind, found.state) == (kind, "explained" if kind == "in_flight" else "open")
    assert found.explanation.endswith(".")
    assert "None" not in found.explanation


def test_all_of_them_at_once_are_told_apart(books: TwoBooks, clock: SteeredClock) -> None:
    together = [
        plant
        for plant in PLANTED
        if plant not in (plant_an_unknown_payee, plant_on_its_way, plant_a_payout_that_came_back)
    ]
    for plant in together:
        plant(books)
    clock.advance(hours=1)
    run = books.reconcile(adopt=False)
    expected = Counter(PLANTED[plant] for plant in together)
    assert run.kinds == dict(expected)


def test_a_run_that_is_repeated_finds_the_same_and_opens_nothing(books: TwoBooks, clock: SteeredClock) -> None:
    plant_amount(books)
    clock.advance(hours=1)
    first = books.reconcile(adopt=False)
    clock.advance(days=1)
    second = books.reconcile(adopt=False)
    assert (first.opened, second.opened, second.cleared, second.waiting) == (1, 0, 0, 1)
    assert first.kinds == second.kinds


def test_a_difference_that_is_gone_is_cleared(books: TwoBooks, clock: SteeredClock) -> None:
    made = books.paid(ours_amount=9_900)
    clock.advance(hours=1)
    books.reconcile(adopt=False)
    books.book(f"op:{made}:rest", ("outside", "stripe", "revenue", "deals", 100))
    assert books.reconcile(adopt=False).cleared == 1
    assert [row.state for row in books.differences.list(state=None)] == ["cleared"]


def test_what_was_booked_a_moment_ago_is_on_its_way_and_missing_later(books: TwoBooks, clock: SteeredClock) -> None:
    books.paid(theirs=False)
    assert books.reconcile().kinds == {"in_flight": 1}
    clock.advance(hours=1)
    assert books.reconcile().kinds == {"missing_there": 1}
    assert {row.kind: row.state for row in books.differences.list(state=None)} == {
        "in_flight": "cleared", "missing_there": "open"
    }  # fmt: skip


def test_only_what_is_new_is_copied_again(books: TwoBooks, clock: SteeredClock) -> None:
    for _ in range(3):
        books.paid()
        books.provider.asked.clear()
        run = books.reconcile()
        books.provider.now = clock.advance(days=3)
    # The last line of the run before is read again: what came in the same second must not be lost.
    assert (len(books.provider.asked), run.lines, run.kinds) == (2, 3, {})
    books.provider.asked.clear()
    assert books.reconcile(whole=True).lines == 3
    assert len(books.provider.asked) == 3


def test_lines_of_another_workspace_are_not_copied(books: TwoBooks, clock: SteeredClock) -> None:
    charge = books.provider.thing("ch", "charge", UUID(int=7))
    books.provider.objects[charge]["metadata"]["engagerr_tenant"] = str(UUID(int=8))
    books.provider.line("charge", 3_000, charge)
    clock.advance(hours=1)
    run = books.reconcile()
    assert (run.lines, set(run.kinds)) == (0, {"balance"})


def test_a_connected_account_that_cannot_be_read_is_named_and_hides_nothing_else(
    books: TwoBooks, clock: SteeredClock
) -> None:
    payee = books.payee("acct_1")
    books.transferred("acct_1", f"payee:{payee}")
    plant_amount(books)
    books.provider.refuses = "acct_1"
    clock.advance(hours=1)
    run = books.reconcile()
    assert list(run.unread) == ["acct_1"]
    assert run.kinds == {"amount": 1}


def test_each_balance_is_explained_to_the_cent(books: TwoBooks, clock: SteeredClock) -> None:
    for plant in (plant_amount, plant_fee, plant_done_twice, plant_missing_there, plant_an_unknown_charge):
        plant(books)
    clock.advance(hours=1)
    for one in books.reconcile(adopt=False).control:
        assert one.theirs == one.ours + one.differences
        assert one.rest == 0


def test_a_run_that_breaks_off_is_repeated_without_loss_or_doubling(books: TwoBooks, clock: SteeredClock) -> None:
    for _ in range(4):
        books.paid()
    books.provider.breaks_after = 2
    with pytest.raises(Unavailable):
        books.reconcile()
    books.provider.breaks_after = None
    clock.advance(hours=1)
    run = books.reconcile()
    assert (run.lines, run.kinds, run.copied_lines) == (4, {}, 4)


def test_two_runs_at_once_write_each_difference_once(books: TwoBooks, clock: SteeredClock) -> None:
    plant_amount(books)
    plant_missing_there(books)
    clock.advance(hours=1)
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: books.reconcile(adopt=False), range(4)))
    assert sum(run.opened for run in runs) == 2
    assert all(run.kinds == {"amount": 1, "missing_there": 1} for run in runs)
    assert len(books.differences.list(state=None)) == 2


def test_who_may_only_read_may_look_and_not_take_over(books: TwoBooks, engagerr: Engagerr, clock: SteeredClock) -> None:
    plant_an_unknown_charge(books)
    clock.advance(hours=1)
    viewer = colleague(books.workspace, engagerr, "viewer")
    theirs = TwoBooks(viewer, books.provider)
    for ask in (theirs.reconcile, theirs.differences.list):
        with pytest.raises(Forbidden):
            ask()
    books.reconcile()
    [found] = books.differences.list()
    with pytest.raises(Forbidden):
        theirs.differences.adopt(found.id, reason="mine")
    with pytest.raises(Forbidden):
        theirs.differences.dismiss(found.id, reason="mine")


def test_other_workspaces_see_nothing_of_it(books: TwoBooks, other_workspace: Workspace, clock: SteeredClock) -> None:
    plant_amount(books)
    clock.advance(hours=1)
    books.reconcile(adopt=False)
    [found] = books.differences.list()
    others = TwoBooks(other_workspace, Provider(clock.now(), access_of(other_workspace).tenant.id))
    assert others.differences.list(state=None) == ()
    with pytest.raises(NotFound):
        others.differences.show(found.id)
    assert others.reconcile().lines == 0


def test_pages_of_differences_leave_none_out(books: TwoBooks, clock: SteeredClock) -> None:
    for _ in range(5):
        plant_amount(books)
    clock.advance(hours=1)
    books.reconcile(adopt=False)
    seen, after = [], None
    while page := books.differences.list(after=after, limit=2):
        seen += page
        after = page[-1].id
    assert tuple(seen) == books.differences.list()
    assert len({row.id for row in seen}) == 5
    for wrong in ({"limit": 0}, {"state": "lost"}, {"kind": "odd"}):
        with pytest.raises(InvalidInput):
            books.differences.list(**wrong)


def test_a_transfer_to_somebody_else_is_noticed_even_where_no_account_can_be_read(
    books: TwoBooks, clock: SteeredClock
) -> None:
    payee = books.payee("acct_1")
    books.transferred("acct_1", f"payee:{payee}")
    books.transferred("acct_1", f"payee:{payee}", went_to="acct_of_nobody")
    books.provider.refuses = "acct_1"
    clock.advance(hours=1)
    assert books.reconcile().kinds == {"wrong_party": 1}
    [found] = books.differences.list()
    assert found.explanation.endswith("went to acct_of_nobody; our books say acct_1.")
