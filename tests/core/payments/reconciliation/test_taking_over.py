"""Reconciliation against the sandbox, through the public verbs: no false alarm, and what was missed is taken over."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
from engagerr import Engagerr, Money, Settings, Workspace
from engagerr.core.errors import Conflict, InvalidInput
from engagerr.core.events.tasks import Task, open_tasks
from engagerr.core.payments.billing.invoice_parties import PartyDetails
from engagerr.core.payments.held.holds import HoldRow
from engagerr.core.payments.reconciling.reconciliation import Run
from engagerr.core.payments.reconciling.restoring import NeedsAPerson
from engagerr.core.payments.stripe_gateway import StripeGateway
from engagerr.core.tenancy import Permission
from tests.core.payments.conftest import Hands
from tests.factories import colleague
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone, Cluster


def eur(amount: str) -> Money:
    return Money.parse(amount, "EUR")


def reconciled(money: Hands, **options: bool) -> Run:
    return money.work.payments.reconciliation.run(**options)


def activate(money: Hands) -> None:
    """Ann has told the provider everything: she can be paid."""
    account = money.work.payments.payees.show("Ann Lee").account
    money.control(f"accounts/{account}", state="active", bank_account="DE89370400440532013000")
    money.work.payments.payees.refresh("Ann Lee")


def payee(money: Hands) -> UUID:
    """Ann, who can be paid."""
    ann = money.payee("Ann Lee", state="pending")
    activate(money)
    return ann


def disputed(money: Hands, hold: HoldRow) -> str:
    """A bank takes the payment of a hold back; nobody here has heard of it yet."""
    payment = money.work.payments.holds.show(hold.id).payments[0].provider_id
    assert payment is not None
    charge = money.gateway.retrieve("payment_intent", payment)["latest_charge"]["id"]
    return str(money.control("disputes", charge=charge)["id"])


def test_a_walk_through_everything_leaves_no_difference(money: Hands, clock: SteeredClock) -> None:
    ann = payee(money)
    first = money.hold((f"creator:{ann}", 8), ("commission", 2), amount="500.00")
    second = money.hold((f"creator:{ann}", 1), amount="300.00", subject="milestone:2")
    third = money.hold(("commission", 1), amount="200.00", subject="milestone:3")
    for hold in (first, second, third):
        money.paid(hold)
    money.work.payments.holds.release(first.id, amount=eur("250.00"))
    money.work.payments.holds.refund(second.id, amount=eur("100.00"), reason="less was delivered")
    money.work.payments.holds.recall(first.id, amount=eur("50.00"), reason="half of it was wrong")
    clock.advance(hours=1)
    lost, won = disputed(money, second), disputed(money, third)
    money.work.payments.events.poll()
    money.control(f"disputes/{lost}", status="lost")
    money.control(f"disputes/{won}", status="won")
    money.work.payments.events.poll()
    clock.advance(hours=1)
    run = reconciled(money)
    assert [row.explanation for row in money.work.payments.differences.list()] == []
    assert (run.kinds, run.adopted, run.troubles) == ({}, 0, ())
    assert run.lines == 11


def kinds(money: Hands, state: str | None = None) -> dict[str, str]:
    """Each difference's kind and what became of it."""
    return {row.kind: row.state for row in money.work.payments.differences.list(state=state)}


def test_a_dispute_that_nobody_heard_of_is_taken_over(money: Hands, clock: SteeredClock) -> None:
    hold = money.hold(("commission", 1), amount="500.00")
    money.paid(hold)
    disputed(money, hold)
    clock.advance(hours=1)
    run = reconciled(money)
    assert (run.adopted, run.kinds, run.waiting) == (1, {}, 0)
    assert kinds(money) == {"missing_here": "adopted"}
    after = money.of(hold)
    assert (after.lost, after.held) == (eur("500.00"), eur("0"))
    assert [block.kind for block in after.blocks] == ["dispute"]


def test_after_six_weeks_without_an_event_the_lines_alone_bring_everything(money: Hands, clock: SteeredClock) -> None:
    other = money.hold(("commission", 1), amount="300.00", subject="milestone:2")
    money.paid(other)
    disputed(money, other)
    hold = money.hold(("commission", 1), amount="500.00")
    money.control("faults", kind="drop_after", method="POST")
    money.paid(hold)
    assert money.of(hold).funded == eur("0")
    clock.advance(days=45)
    run = reconciled(money)
    found = money.work.payments.differences.list(state=None)
    assert [(row.kind, row.state) for row in found] == [("without_event", "adopted")] * 2
    assert all("longer ago than it still tells events" in row.explanation for row in found)
    assert (money.of(hold).held, money.of(other).lost) == (eur("500.00"), eur("300.00"))
    assert (run.kinds, run.waiting) == ({}, 0)
    assert len(list(money.gateway.list("payment_intent"))) == 2


def test_a_payees_payout_is_on_its_way_then_paid_then_back(money: Hands, clock: SteeredClock) -> None:
    ann = payee(money)
    hold = money.hold((f"creator:{ann}", 1), amount="500.00")
    money.paid(hold)
    money.work.payments.holds.release(hold.id)
    account = money.work.payments.payees.show("Ann Lee").account
    assert account is not None
    clock.advance(days=8)
    request = {"amount": 200_00, "currency": "eur", "_account": account}
    payout = money.gateway.send("payout", request, key="their own")["id"]
    clock.advance(hours=1)
    assert reconciled(money).kinds == {"in_flight": 1}
    clock.advance(days=3)
    assert reconciled(money).kinds == {}
    assert money.balance("connected", f"creator:{ann}") == 300_00
    money.control(f"payouts/{payout}", status="failed")
    clock.advance(hours=1)
    assert reconciled(money).kinds == {}
    assert money.balance("connected", f"creator:{ann}") == 500_00
    assert kinds(money) == {"in_flight": "cleared", "missing_here": "adopted", "status": "adopted"}


def test_what_is_paid_out_to_our_own_bank_is_booked_as_ours(money: Hands, clock: SteeredClock) -> None:
    hold = money.hold(("commission", 1), amount="500.00")
    money.paid(hold)
    clock.advance(days=8)
    payout = money.gateway.send("payout", {"amount": 100_00, "currency": "eur"}, key="own")["id"]
    clock.advance(hours=1)
    assert reconciled(money).kinds == {}
    assert money.balance("receivable", "own bank") == -100_00
    money.control(f"payouts/{payout}", status="failed")
    clock.advance(hours=1)
    assert reconciled(money).kinds == {}
    assert money.balance("receivable", "own bank") == 0


def test_what_was_made_in_the_dashboard_waits_for_a_person_and_a_large_sum_for_two(
    money: Hands, engagerr: Engagerr, clock: SteeredClock
) -> None:
    money.top_up()
    clock.advance(hours=1)
    run = reconciled(money)
    assert (run.adopted, run.kinds) == (0, {"unknown_object": 1})
    [found] = money.work.payments.differences.list()
    with pytest.raises(NeedsAPerson, match="nobody asked for through Engagerr"):
        money.work.payments.differences.adopt(found.id)
    asked = money.work.payments.differences.adopt(found.id, reason="we paid in for the fees").asked
    assert asked is not None
    colleague(money.work, engagerr, "finance").payments.holds.approve(asked.id)
    adopted = money.work.payments.differences.show(found.id)
    assert (adopted.state, adopted.reason) == ("adopted", "we paid in for the fees")
    assert money.balance("suspense", "reconciliation") == 1_000_00
    clock.advance(hours=1)
    assert reconciled(money).kinds == {}
    with pytest.raises(Conflict, match="adopted already"):
        money.work.payments.differences.adopt(found.id, reason="again")


def test_a_dismissed_difference_does_not_come_up_again(money: Hands, clock: SteeredClock) -> None:
    money.top_up()
    clock.advance(hours=1)
    reconciled(money)
    [found] = money.work.payments.differences.list()
    assert [task.kind for task in tasks(money)] == ["difference.open"]
    with pytest.raises(InvalidInput, match="without a reason"):
        money.work.payments.differences.dismiss(found.id, reason=" ")
    money.work.payments.differences.dismiss(found.id, reason="our own money", explained=True)
    assert tasks(money) == ()
    run = reconciled(money)
    assert (run.opened, run.waiting, run.kinds) == (0, 0, {"unknown_object": 1})
    assert kinds(money) == {"unknown_object": "explained"}


def test_a_refund_of_the_dashboard_names_the_hold_that_it_is_about(money: Hands, clock: SteeredClock) -> None:
    hold = money.hold(("commission", 1), amount="500.00")
    money.paid(hold)
    payment = money.work.payments.holds.show(hold.id).payments[0].provider_id
    money.gateway.send("refund", {"payment_intent": payment, "amount": 50_00}, key="by hand")
    clock.advance(hours=1)
    assert reconciled(money).kinds == {"unknown_object": 1}
    [found] = money.work.payments.differences.list()
    assert (found.subject, found.theirs) == (f"hold:{hold.id}", eur("-50.00"))
    money.work.payments.differences.adopt(found.id, reason="agreed on the phone")
    assert money.balance("suspense", str(hold.id)) == -50_00
    assert reconciled(money).kinds == {}


def test_what_the_bank_decided_meanwhile_is_taken_over(money: Hands, clock: SteeredClock) -> None:
    hold = money.hold(("commission", 1), amount="500.00")
    money.paid(hold)
    dispute = disputed(money, hold)
    clock.advance(hours=1)
    reconciled(money)
    money.control(f"disputes/{dispute}", status="won")
    clock.advance(hours=1)
    run = reconciled(money)
    assert (run.adopted, run.kinds, run.troubles) == (1, {}, ())
    assert money.of(hold).held == eur("500.00")


# ── Books that are older than the provider ──────────────────────────────────────────────────────────────────────────


@pytest.fixture
def restored(
    money: Hands, engagerr: Engagerr, cluster: Cluster, clone: Clone, settings: Settings, home: Path,
    clock: SteeredClock, gateway: StripeGateway,
) -> Callable[[], contextlib.AbstractContextManager[Callable[[], Workspace]]]:  # fmt: skip
    """`with restored() as back:` keeps a copy of the books; `back()` is the workspace on that copy."""

    @contextlib.contextmanager
    def kept() -> Iterator[Callable[[], Workspace]]:
        engagerr.database.close()
        with cluster.clone(clone.name) as older, contextlib.ExitStack() as opened:

            def back() -> Workspace:
                at = older.settings(home).model_copy(update={"tenancy": settings.tenancy})
                return opened.enter_context(Engagerr(at, clock=clock, stripe=gateway)).workspace()

            yield back

    return kept


Kept = Callable[[], contextlib.AbstractContextManager[Callable[[], Workspace]]]


def test_books_that_were_restored_find_what_the_provider_did_since_and_do_it_only_once(
    money: Hands, restored: Kept, clock: SteeredClock
) -> None:
    ann = money.payee("Ann Lee", state="pending")
    released = money.hold((f"creator:{ann}", 8), ("commission", 2), amount="500.00")
    money.paid(released)
    money.work.payments.holds.release(released.id)
    refunded = money.hold(("commission", 1), amount="400.00", subject="milestone:2")
    money.paid(refunded)
    agreed = money.hold(("commission", 1), amount="300.00", subject="milestone:3")
    with restored() as back:
        activate(money)
        money.work.payments.holds.send_waiting()
        money.work.payments.holds.refund(refunded.id, amount=eur("150.00"))
        money.paid(agreed)
        money.work.payments.holds.recall(released.id, amount=eur("100.00"), reason="too long")
        clock.advance(hours=2)
        assert reconciled(money).kinds == {}
        made = {what: len(list(money.gateway.list(what))) for what in ("payment_intent", "transfer", "refund")}

        older = back()
        run = older.payments.reconciliation.run()

        assert (run.troubles, run.kinds, run.waiting) == ((), {}, 0)
        found = older.payments.differences.list(state=None)
        assert [(row.kind, row.state) for row in found] == [("older_books", "adopted")] * 4
        for hold, held, released_minor, back_minor in (
            (refunded, "250.00", "0", "150.00"), (agreed, "300.00", "0", "0"), (released, "80.00", "420.00", "0"),
        ):  # fmt: skip
            now = older.payments.holds.show(hold.id).hold
            assert (now.held, now.released, now.refunded) == (eur(held), eur(released_minor), eur(back_minor)), hold
        older.payments.payees.refresh("Ann Lee")
        older.payments.holds.send_waiting()
        older.payments.events.janitor()
        assert made == {what: len(list(money.gateway.list(what))) for what in made}
        assert older.payments.ledger.verify().sound


def test_a_lost_release_freezes_its_hold_until_a_person_decides(
    money: Hands, restored: Kept, clock: SteeredClock
) -> None:
    ann = payee(money)
    hold = money.hold((f"creator:{ann}", 1), amount="500.00")
    money.paid(hold)
    with restored() as back:
        money.work.payments.holds.release(hold.id)
        clock.advance(hours=2)
        older = back()
        run = older.payments.reconciliation.run()
        assert (run.kinds, run.adopted) == ({"older_books": 1}, 0)
        assert len(run.troubles) == 1
        with pytest.raises(Conflict, match="is not released"):
            older.payments.holds.release(hold.id)
        [found] = older.payments.differences.list()
        older.payments.differences.adopt(found.id, reason="released before the restore")
        assert older.payments.reconciliation.run().kinds == {}
        assert len(list(money.gateway.list("transfer"))) == 1


def tasks(money: Hands) -> tuple[Task, ...]:
    access = money.work.access
    with access.transaction(Permission.READ) as session:
        return tuple(one for one in open_tasks(session, tenant_id=access.tenant.id) if one.kind.startswith("diff"))


# ── Subscriptions ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_subscription_that_nobody_listened_to_is_billed_by_the_lines(money: Hands, clock: SteeredClock) -> None:
    payments = money.work.payments
    payments.invoices.parties.save_self(
        "Northlight GmbH", PartyDetails(country="DE", vat_id="DE 136695976", street="Kai 1", city="Hamburg")
    )
    payments.invoices.parties.save("Trailhead GmbH", PartyDetails(country="DE", street="Weg 1", city="München"))
    payments.plans.add("desk", name="Desk", prices=[("month", eur("49"))], features=["reports"])
    payments.subscriptions.start("Trailhead GmbH", "desk", payment_method="pm_card_visa")
    clock.advance(hours=1)
    first = reconciled(money)
    # The bill, and then the provider's fee, which is known from its line alone.
    assert (first.adopted, first.kinds, first.troubles) == (2, {}, ())
    clock.advance(days=33)
    later = reconciled(money)
    assert (later.kinds, later.waiting, later.troubles) == ({}, 0, ())
    assert len([bill for bill in payments.invoices.list() if bill.paid_at]) == 2
    assert [check.agrees for check in payments.subscriptions.verify()] == [True]
