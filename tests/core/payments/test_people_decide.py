"""What only people decide about money: silence after a no, a bank account, and large sums by whichever way."""

from __future__ import annotations

import pytest
from engagerr import Engagerr, Money
from engagerr.core.errors import Broken, Conflict, Forbidden
from engagerr.core.payments.held.holds import HoldRow, delivered
from engagerr.core.payments.reconciling.differences import Difference
from engagerr.core.tenancy import Permission
from sqlalchemy import text
from tests.core.payments.conftest import Hands
from tests.factories import colleague
from tests.fakes.clock import SteeredClock


def eur(amount: str) -> Money:
    return Money.parse(amount, "EUR")


def handed_in(money: Hands, hold: HoldRow) -> None:
    """What the hold waits for is delivered: silence runs."""
    access = money.work.access
    with access.transaction(Permission.FUND) as session:
        delivered(session, access, hold.id, at=access.clock.now())


# ── Silence after a no ─────────────────────────────────────────────────────────────────────────────────────────────


def test_silence_releases_nothing_after_a_person_rejected_a_release(
    money: Hands, engagerr: Engagerr, clock: SteeredClock
) -> None:
    hold = money.hold((f"creator:{money.payee('Ann Lee')}", 1), amount="2000.00")
    money.paid(hold)
    handed_in(money, hold)
    assert money.of(hold).auto_release_at is not None
    holds = money.work.payments.holds
    asked = holds.release(hold.id).movement
    bookkeeper = colleague(money.work, engagerr, "finance")
    bookkeeper.payments.holds.reject(asked.id, reason="the link is missing")
    clock.advance(days=60)
    assert holds.release_due() == ()
    handed_in(money, hold)  # handed in again: that decides nothing about the money
    clock.advance(days=60)
    assert holds.release_due() == ()
    stands = money.of(hold)
    assert stands.held == eur("2000.00")
    assert stands.auto_release_at is None
    assert stands.refusal is not None
    assert (stands.refusal.reason, stands.refusal.by) == ("the link is missing", bookkeeper.access.member.name)


def test_silence_goes_on_once_a_person_has_released_something_after_the_no(
    money: Hands, engagerr: Engagerr, clock: SteeredClock
) -> None:
    hold = money.hold((f"creator:{money.payee('Ann Lee')}", 1), amount="2000.00")
    money.paid(hold)
    handed_in(money, hold)
    holds = money.work.payments.holds
    other = colleague(money.work, engagerr, "owner")
    other.payments.holds.reject(holds.release(hold.id).movement.id, reason="not live")
    asked = holds.release(hold.id, amount=eur("1500.00"), key="again")
    clock.advance(days=60)
    assert holds.release_due() == (), "it was asked for, and nobody has decided"
    other.payments.holds.approve(asked.movement.id)
    assert money.of(hold).refusal is None
    (moved,) = holds.release_due()
    assert moved.movement.amount == eur("500.00")
    assert money.work.payments.ledger.verify().sound


def test_a_rejected_refund_does_not_stop_silence(money: Hands, engagerr: Engagerr, clock: SteeredClock) -> None:
    hold = money.hold((f"creator:{money.payee('Ann Lee')}", 1), amount="2000.00")
    money.paid(hold)
    handed_in(money, hold)
    asked = money.work.payments.holds.refund(hold.id).movement
    colleague(money.work, engagerr, "owner").payments.holds.reject(asked.id, reason="they delivered")
    clock.advance(days=14)
    assert len(money.work.payments.holds.release_due()) == 1


# ── A bank account, named by whoever stands for it ─────────────────────────────────────────────────────────────────


def test_who_confirms_a_bank_account_names_the_one_that_is_there(money: Hands, clock: SteeredClock) -> None:
    money.payee("Ann Lee")
    payees = money.work.payments.payees
    account = payees.show("Ann Lee").account
    clock.advance(minutes=5)
    money.control(f"accounts/{account}", bank_account="000999991111")
    payees.refresh("Ann Lee")
    assert payees.show("Ann Lee").destination == "…1111 (EUR)"
    clock.advance(minutes=5)
    money.control(f"accounts/{account}", bank_account="000999992222")  # while somebody was on the telephone
    payees.refresh("Ann Lee")
    with pytest.raises(Conflict, match=r"'1111'.*…2222 \(EUR\)") as refused:
        payees.confirm("Ann Lee", saw="1111")
    assert refused.value.facts["fingerprint"] == payees.show("Ann Lee").fingerprint
    for nothing in ("", "222", "2222 2222", "92222", "…", "(EUR)"):
        with pytest.raises(Conflict):
            payees.confirm("Ann Lee", saw=nothing)
    assert not payees.show("Ann Lee").pinned
    assert payees.confirm("Ann Lee", saw=" …2222 (EUR)").pinned


def test_a_fingerprint_names_a_bank_account_too(money: Hands, clock: SteeredClock) -> None:
    money.payee("Ann Lee")
    payees = money.work.payments.payees
    before = payees.show("Ann Lee").fingerprint
    clock.advance(minutes=5)
    # Another bank's account that ends in the same digits.
    money.control(f"accounts/{payees.show('Ann Lee').account}", bank_account="770123456789")
    payees.refresh("Ann Lee")
    now_is = payees.show("Ann Lee")
    assert before is not None
    assert now_is.fingerprint not in (None, before)
    with pytest.raises(Conflict):
        payees.confirm("Ann Lee", saw=before)
    assert payees.confirm("Ann Lee", saw=str(now_is.fingerprint)).pinned


# ── A second person for what used to need one ──────────────────────────────────────────────────────────────────────


def an_unknown_payment(money: Hands, amount: int) -> Difference:
    """Money came in at the provider that nobody asked for through us, and a run found it."""
    request = {"amount": amount, "currency": "eur", "payment_method": "pm_card_bypassPending", "confirm": True,
               "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}  # fmt: skip
    money.gateway.send("payment", request, key=f"unknown {amount}")
    money.work.payments.reconciliation.run()
    [found] = money.work.payments.differences.list(kind="unknown_object")
    return found


def test_a_large_difference_is_adopted_by_two(money: Hands, engagerr: Engagerr) -> None:
    found = an_unknown_payment(money, 150_000)
    asked = money.work.payments.differences.adopt(found.id, reason="our own money")
    assert asked.state == "open"
    assert asked.asked is not None
    assert (asked.asked.kind, asked.asked.amount, asked.asked.state) == ("adoption", eur("1500.00"), "requested")
    assert money.balance("suspense", "reconciliation") == 0
    holds = money.work.payments.holds
    with pytest.raises(Forbidden, match="somebody else approves"):
        holds.approve(asked.asked.id)
    again = money.work.payments.differences.adopt(found.id, reason="our own money")
    assert again.asked is not None
    assert again.asked.id == asked.asked.id, "asked twice is asked once"
    assert [one.id for one in holds.movements(state="requested")] == [asked.asked.id]
    other = colleague(money.work, engagerr, "finance").payments
    done = other.holds.approve(asked.asked.id)
    assert (done.movement.state, done.hold) == ("done", None)
    assert done.receipt is not None
    assert other.holds.approve(asked.asked.id).already
    assert money.work.payments.differences.show(found.id).state == "adopted"
    assert money.balance("suspense", "reconciliation") == 150_000
    assert money.work.payments.ledger.verify().sound
    assert money.work.payments.reconciliation.run().kinds == {}


def test_an_adoption_that_was_rejected_books_nothing_and_is_asked_for_anew(money: Hands, engagerr: Engagerr) -> None:
    found = an_unknown_payment(money, 150_000)
    differences, other = money.work.payments.differences, colleague(money.work, engagerr, "owner").payments
    first = differences.adopt(found.id, reason="ours").asked
    assert first is not None
    assert other.holds.reject(first.id, reason="whose?").state == "rejected"
    with pytest.raises(Conflict, match="rejected already"):
        other.holds.approve(first.id)
    second = differences.adopt(found.id, reason="ours, here is the letter").asked
    assert second is not None
    assert second.id != first.id
    differences.dismiss(found.id, reason="not pursued")
    with pytest.raises(Conflict, match="dismissed already"):
        other.holds.approve(second.id)
    assert money.balance("suspense", "reconciliation") == 0


def test_a_small_difference_is_adopted_by_one_within_their_limit(money: Hands, engagerr: Engagerr) -> None:
    found = an_unknown_payment(money, 50_000)
    money.work.payments.limits.set("finance", eur("100.00"))
    with pytest.raises(Forbidden, match="at most"):
        colleague(money.work, engagerr, "finance").payments.differences.adopt(found.id, reason="ours")
    adopted = money.work.payments.differences.adopt(found.id, reason="ours")
    assert (adopted.state, adopted.reason, adopted.asked) == ("adopted", "ours", None)
    [movement] = money.work.payments.holds.movements()
    assert (movement.state, movement.needs_second) == ("done", False)


@pytest.mark.parametrize(
    ("kind", "about"),
    [
        ("adoption", "NULL, NULL, NULL, NULL"),
        ("release", "'x', 'x', 'EUR', '{}'"),
        ("adoption", "'x', 'x', 'EUR', NULL"),
    ],
)
def test_a_movement_is_of_a_hold_or_says_what_it_is_about(money: Hands, kind: str, about: str) -> None:
    access = money.work.access
    with pytest.raises(Broken) as refused, access.transaction(Permission.RELEASE) as session:
        session.execute(
            text(
                "INSERT INTO hold_movements (tenant_id, kind, key, amount_minor, needs_second, requested_by,"
                " requested_at, subject, title, currency, request)"
                f" VALUES (:tenant_id, :kind, 'k', 1, false, :me, now(), {about})"
            ),
            {"tenant_id": access.tenant.id, "kind": kind, "me": access.member.id},
        )
    assert refused.value.facts["constraint"] == "hold_movements_about_check"


def test_the_asker_cannot_approve_an_adoption_in_the_database_either(money: Hands) -> None:
    asked = money.work.payments.differences.adopt(an_unknown_payment(money, 150_000).id, reason="ours").asked
    assert asked is not None
    access = money.work.access
    with pytest.raises(Broken) as refused, access.transaction(Permission.RELEASE) as session:
        session.execute(
            text("UPDATE hold_movements SET state = 'approved', decided_by = requested_by, decided_at = now()"
                 " WHERE tenant_id = :tenant_id AND id = :id"),
            {"tenant_id": access.tenant.id, "id": asked.id},
        )  # fmt: skip
    assert refused.value.facts["constraint"] == "hold_movements_four_eyes_check"
