"""Books that are known not to be what was written pay nobody; proved again, they pay as before."""

from __future__ import annotations

import pytest
from engagerr import Engagerr, Money
from engagerr.core.desk.agenda import agenda
from engagerr.core.desk.audit_page import audit_log
from engagerr.core.jobs import Jobs
from engagerr.core.payments.held.holds import HoldRow, delivered
from engagerr.core.payments.ledger.stopping import Unsound
from engagerr.core.tenancy import Permission
from tests.core.payments.conftest import Hands
from tests.factories import colleague
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone


@pytest.fixture
def hold(money: Hands) -> HoldRow:
    """€2,000.00 that were paid in for Ann Lee's work."""
    hold = money.hold((f"creator:{money.payee('Ann Lee')}", 1), amount="2000.00")
    money.paid(hold)
    return hold


class Tampering:
    """Somebody with every right changes a row of the ledger, and changes it back."""

    def __init__(self, clone: Clone) -> None:
        self.clone = clone
        self.was = ""

    def change(self) -> None:
        with self.clone.connect("postgres", autocommit=True) as superuser:
            superuser.execute("SET session_replication_role = replica")
            found = superuser.execute("SELECT subject FROM ledger_transfers ORDER BY sequence LIMIT 1").fetchone()
            assert found is not None
            self.was = found[0]
            superuser.execute("UPDATE ledger_transfers SET subject = 'hold:other' WHERE sequence = 1")

    def mend(self) -> None:
        with self.clone.connect("postgres", autocommit=True) as superuser:
            superuser.execute("SET session_replication_role = replica")
            superuser.execute("UPDATE ledger_transfers SET subject = %s WHERE sequence = 1", [self.was])


@pytest.fixture
def tampering(clone: Clone) -> Tampering:
    return Tampering(clone)


def test_nothing_is_released_from_the_moment_at_which_a_proof_fails_until_one_holds(
    money: Hands, hold: HoldRow, tampering: Tampering
) -> None:
    holds, ledger = money.work.payments.holds, money.work.payments.ledger
    tampering.change()
    assert not ledger.verify().sound
    with pytest.raises(Unsound, match="Nothing is released while the books are not sound") as refused:
        holds.release(hold.id, amount=Money(100, "EUR"), reason="urgent")
    assert "engagerr payment verify" in str(refused.value.hint)
    assert holds.movements() == ()
    assert money.of(hold).held == Money(200_000, "EUR")
    tampering.mend()
    with pytest.raises(Unsound):
        holds.release(hold.id, amount=Money(100, "EUR"), reason="urgent")
    assert ledger.verify().sound
    holds.release(hold.id, amount=Money(100, "EUR"), reason="urgent")
    assert money.of(hold).held == Money(199_900, "EUR")
    told = [entry.action for entry in audit_log(money.work) if entry.action.startswith("books.")]
    assert sorted(told) == ["books.sound", "books.unsound"]


def test_a_second_person_cannot_approve_and_silence_does_not_release(
    money: Hands, engagerr: Engagerr, hold: HoldRow, clock: SteeredClock, tampering: Tampering
) -> None:
    holds = money.work.payments.holds
    asked = holds.release(hold.id, reason="live").movement
    assert asked.state == "requested"
    tampering.change()
    money.work.payments.ledger.verify()
    other = colleague(money.work, engagerr, "owner").payments.holds
    with pytest.raises(Unsound):
        other.approve(asked.id)
    other.reject(asked.id, reason="not now")
    silent = money.hold((f"creator:{money.payee('Ben Okafor')}", 1), amount="300.00", subject="work:2")
    money.paid(silent)
    access = money.work.access
    with access.transaction(Permission.FUND) as session:
        delivered(session, access, silent.id, at=clock.now())
    clock.advance(days=60)
    assert holds.release_due() == ()
    assert money.of(silent).held == Money(30_000, "EUR")
    tampering.mend()
    money.work.payments.ledger.verify()
    assert len(holds.release_due()) == 1


def test_money_goes_back_to_who_paid_it_even_so(money: Hands, hold: HoldRow, tampering: Tampering) -> None:
    tampering.change()
    money.work.payments.ledger.verify()
    assert money.work.payments.holds.refund(hold.id, amount=Money(100, "EUR"), reason="too much").movement.id


def test_the_nightly_job_stops_it_and_today_says_so(money: Hands, hold: HoldRow, tampering: Tampering) -> None:
    tampering.change()
    assert Jobs(money.work).run("verify-books").state == "failed"
    with pytest.raises(Unsound):
        money.work.payments.holds.release(hold.id, amount=Money(100, "EUR"), reason="urgent")
    assert "The books are not sound" in " ".join(item.title for item in agenda(money.work).items)
    tampering.mend()
    Jobs(money.work).run("verify-books")
    assert "The books are not sound" not in " ".join(item.title for item in agenda(money.work).items)
