"""Scenarios 1 to 8: a process that dies around a call, and answers that never come or say nothing."""

from __future__ import annotations

import pytest
from engagerr.core.errors import Conflict
from sqlalchemy import text
from tests.core.payments.faults.conftest import Stage, eur


def released(money: Stage) -> tuple[str, object]:
    """A funded hold of 500, 400 of it Ann's; (her party, the hold's id)."""
    party = f"creator:{money.payee('Ann Lee')}"
    hold = money.hold((party, 8), ("commission", 2), amount="500.00")
    money.paid(hold)
    return party, hold.id


def paid_out_once(money: Stage, party: str) -> bool:
    """Ann has her part, and one transfer made it so."""
    return (money.balance("connected", party), money.balance("payable", party), len(money.there("transfer"))) == (
        400_00, 0, 1,
    )  # fmt: skip


def test_a_crash_before_the_intent_commits_leaves_nothing_and_can_be_repeated(money: Stage) -> None:
    """Scenario 1"""
    party, hold = released(money)
    money.database.dies(1, after=False)
    money.dies(lambda: money.work.payments.holds.release(hold))
    assert money.work.payments.holds.show(hold).movements == ()
    assert money.operations("transfer") == []
    assert money.wire.posted("/v1/transfers") == []
    assert money.work.payments.events.janitor().sent == 0
    assert not money.work.payments.holds.release(hold).already
    assert paid_out_once(money, party)
    money.ends_well()


def test_a_crash_after_the_intent_is_sent_once_by_the_janitor_with_the_stored_key(money: Stage) -> None:
    """Scenario 2"""
    party, hold = released(money)
    money.database.dies(1, after=True)
    money.dies(lambda: money.work.payments.holds.release(hold))
    [operation] = money.operations("transfer")
    assert (operation.state, operation.attempts) == ("intended", 0)
    assert money.work.payments.events.janitor().sent == 1
    assert money.work.payments.events.janitor().sent == 0
    assert [call.key for call in money.wire.posted("/v1/transfers")] == [f"engagerr-{operation.id}-1"]
    assert money.work.payments.holds.release(hold).already
    assert paid_out_once(money, party)
    money.ends_well()


@pytest.mark.parametrize("moment", ["before the answer", "before our commit", "after our commit"])
def test_a_crash_after_the_provider_did_it_is_posted_once(money: Stage, moment: str) -> None:
    """Scenario 3"""
    party, hold = released(money)
    if moment == "before the answer":
        money.wire.next("killed after", "/v1/transfers")
    else:
        late = moment == "after our commit"
        money.wire.next("fine", "/v1/transfers", meanwhile=lambda: money.database.dies(1, after=late))
    money.dies(lambda: money.work.payments.holds.release(hold))
    report = money.work.payments.events.janitor()
    assert report.adopted + report.sent == (0 if moment == "after our commit" else 1)
    [operation] = money.operations("transfer")
    assert operation.provider_id == money.there("transfer")[0]["id"]
    assert {call.key for call in money.wire.posted("/v1/transfers")} == {operation.key}
    assert paid_out_once(money, party)
    again = money.work.payments.holds.release(hold)
    assert again.already
    assert again.receipt is not None
    money.ends_well()


def test_days_later_what_was_done_is_looked_up_and_adopted_and_never_sent_blindly(money: Stage) -> None:
    """Scenario 4: a payment, a transfer, a reversal and a refund, each answered to a process that was dead."""
    money.top_up()
    party = f"creator:{money.payee('Ann Lee')}"
    hold = money.hold((party, 8), ("commission", 2), amount="500.00")
    holds = money.work.payments.holds
    for path, verb in (
        ("/v1/payment_intents", lambda: holds.fund(hold.id, method="pm_card_visa")),
        ("/v1/transfers", lambda: holds.release(hold.id, amount=eur("300.00"), key="part")),
        ("/v1/transfers/", lambda: holds.recall(hold.id, amount=eur("100.00"), reason="half of it")),
        ("/v1/refunds", lambda: holds.refund(hold.id, amount=eur("50.00"))),
    ):
        money.wire.next("killed after", path)
        money.dies(verb)
        money.clock.advance(days=3)
        before = len([call for call in money.wire.calls if call.method == "POST"])
        assert money.work.payments.events.janitor().adopted == 1, path
        assert len([call for call in money.wire.calls if call.method == "POST"]) == before
    assert {operation.generation for operation in money.work.payments.events.operations()} == {1}
    after = money.of(hold)
    assert (after.held, after.released, after.refunded) == (eur("250.00"), eur("200.00"), eur("50.00"))
    money.ends_well()


def test_a_time_out_is_in_flight_is_not_sent_anew_and_raises_an_alarm(money: Stage) -> None:
    """Scenario 5"""
    party, hold = released(money)
    money.wire.next("unheard", "/v1/transfers")
    moved = money.work.payments.holds.release(hold)
    assert len(moved.troubles) == 1
    assert moved.receipt is not None
    assert [share.state for share in moved.shares] == ["sending", "kept"]
    [operation] = money.operations("transfer")
    assert operation.state == "unknown"
    assert money.pending("payable", party) == 400_00, "shown as on its way, and not as gone"
    assert money.balance("connected", party) == 0
    money.wire.next("unsent", "/v1/", method="GET", times=1_000)
    for minutes, overdue in ((5, 0), (40, 0), (61, 1)):
        money.clock.advance(minutes=minutes)
        assert money.work.payments.events.janitor().overdue == overdue
    assert "nobody knows" in money.tasks()["payment.unknown"].message
    assert [call.key for call in money.wire.posted("/v1/transfers")] == [operation.key]
    money.wire.fates.clear()
    money.ends_well()
    assert paid_out_once(money, party)
    assert "payment.unknown" not in money.tasks()


def test_a_failure_that_is_stored_gets_a_new_key_only_once_nothing_is_proven_to_be_there(money: Stage) -> None:
    """Scenario 6"""
    party, hold = released(money)
    money.control("faults", kind="500_stored", method="POST", path="/v1/transfers")
    money.work.payments.holds.release(hold)
    [operation] = money.operations("transfer")
    for minutes in (2, 20):
        assert money.operations("transfer")[0].generation == 1
        money.clock.advance(minutes=minutes)
        money.work.payments.events.janitor()
    assert [call.key for call in money.wire.posted("/v1/transfers")] == [
        f"engagerr-{operation.id}-{generation}" for generation in (1, 1, 2)
    ]
    with money.database.transaction(money.work.tenant.id) as session:
        renewed = session.execute(text("SELECT detail FROM audit_log WHERE action = 'operation.renewed'")).scalar_one()
    assert (renewed["before"], renewed["after"]) == (f"engagerr-{operation.id}-1", f"engagerr-{operation.id}-2")
    assert paid_out_once(money, party)
    money.ends_well()


def test_a_failure_after_which_it_is_there_all_the_same_is_adopted(money: Stage) -> None:
    """Scenario 6"""
    party, hold = released(money)
    money.wire.next("broken", "/v1/transfers", times=3)
    money.work.payments.holds.release(hold)
    money.clock.advance(hours=1)
    assert money.work.payments.events.janitor().adopted == 1
    assert [operation.generation for operation in money.operations("transfer")] == [1]
    assert paid_out_once(money, party)
    money.ends_well()


@pytest.mark.parametrize("status", [409, 429])
def test_a_busy_provider_is_asked_again_by_the_same_key_after_a_nap_as_long_as_it_says(
    money: Stage, status: int
) -> None:
    """Scenario 7"""
    party, hold = released(money)
    money.wire.next("refused", "/v1/transfers", status=status, headers={"Retry-After": "2"})
    money.wire.next("refused", "/v1/transfers", status=status)
    before = money.clock.now()
    assert money.work.payments.holds.release(hold).troubles == ()
    napped = (money.clock.now() - before).total_seconds()
    assert 2 + 1 <= napped <= 1.5 * (2 + 2), "half of it by chance"
    assert napped != round(napped), "nobody returns together"
    assert len(money.wire.posted("/v1/transfers")) == 3
    assert len({call.key for call in money.wire.posted("/v1/transfers")}) == 1
    assert paid_out_once(money, party)
    money.ends_well()


@pytest.mark.parametrize("status", [409, 429])
def test_who_is_told_not_to_ask_again_waits_for_the_janitor(money: Stage, status: int) -> None:
    """Scenario 7"""
    party, hold = released(money)
    money.wire.next("refused", "/v1/transfers", status=status, headers={"Stripe-Should-Retry": "false"})
    before = money.clock.now()
    money.work.payments.holds.release(hold)
    assert money.clock.now() == before
    assert len(money.wire.posted("/v1/transfers")) == 1
    money.clock.advance(minutes=5)
    assert money.work.payments.events.janitor().sent == 1
    assert len({call.key for call in money.wire.posted("/v1/transfers")}) == 1
    assert paid_out_once(money, party)
    money.ends_well()


def test_a_key_with_other_particulars_is_refused_here_and_stops_for_a_person_there(money: Stage) -> None:
    """Scenario 8"""
    party, hold = released(money)
    holds = money.work.payments.holds
    money.database.dies(1, after=True)
    money.dies(lambda: holds.release(hold, amount=eur("300.00"), key="mine"))
    with pytest.raises(Conflict, match="was used for a release"):
        holds.release(hold, amount=eur("100.00"), key="mine")
    with pytest.raises(Conflict, match="was used for a release"):
        holds.refund(hold, amount=eur("100.00"), key="mine")
    assert money.wire.posted("/v1/transfers") == money.wire.posted("/v1/refunds") == []
    # Somebody used the key at the provider for something else.
    [operation] = money.operations("transfer")
    money.gateway.send("customer", {"name": "Somebody else"}, key=operation.key)
    money.work.payments.events.janitor()
    [stopped] = money.operations("transfer")
    assert (stopped.state, (stopped.error or {})["class"]) == ("unknown", "KeyClash")
    assert "payment.stopped" in money.tasks()
    assert (money.balance("connected", party), money.there("transfer")) == (0, [])
    # Once the provider has forgotten the key, and does not have the transfer, it goes out under another one.
    money.ends_well(hours=12)
    assert money.balance("connected", party) == 240_00
    assert money.operations("transfer")[0].generation == 2
    assert "payment.stopped" not in money.tasks()
