"""What is asked of the provider is done once, whoever dies and whatever gets lost on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from engagerr import Engagerr, Settings, Workspace
from engagerr.core.errors import Broken, Conflict, InvalidInput, NotFound, Rejected, Unavailable
from engagerr.core.payments.provider.errors import OutcomeUnknown, ProviderBusy, ProviderUnreachable
from engagerr.core.payments.provider.inbox import handle_pending
from engagerr.core.payments.provider.mode import OtherMoney
from engagerr.core.payments.provider.operations import (
    Operation,
    OpKind,
    PurposeReused,
    adopt,
    converge,
    intend,
    list_operations,
    operation_by_id,
    perform,
    withdraw,
)
from engagerr.core.payments.provider.polling import poll
from engagerr.core.payments.sandbox import KEY, Server
from engagerr.core.payments.stripe_gateway import StripeGateway
from psycopg import sql
from sqlalchemy import text
from tests.core.payments.conftest import Control, Hands
from tests.factories import in_tenant
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import SUPERUSER, Clone, Connection
from tests.fakes.payment_provider import (
    Killed,
    Plan,
    TroubledGateway,
    a_payment,
    a_transfer,
    asked,
    faulty,
    kill,
    raising,
)


@pytest.fixture
def troubled(sandbox: Server, clock: SteeredClock) -> Iterator[TroubledGateway]:
    """The sandbox behind a line that drops when the test says so."""
    gateway = TroubledGateway(KEY, clock=clock, url=sandbox.url, timeout_seconds=5).trouble()
    yield gateway
    gateway.close()


@pytest.fixture
def account(money: Hands) -> str:
    """The provider's account of a payee who can be paid, and money to pay them with."""
    money.top_up()
    return a_payee(money.work)


def a_payee(work: Workspace) -> str:
    """A payee whom the sandbox finds in order at once, by their address; their account."""
    work.payments.payees.add("Ann Lee", email="ann+verified@creators.example")
    work.payments.payees.onboard("Ann Lee")
    account = work.payments.payees.refresh("Ann Lee")[0].account
    assert account is not None
    return account


def now_is(work: Workspace, operation: Operation) -> Operation:
    with work.access.database.transaction(work.tenant.id) as session:
        return operation_by_id(session, work.access, operation.id)


def transfers(gateway: StripeGateway) -> list[dict[str, Any]]:
    return list(gateway.list("transfer"))


# --- intents ---------------------------------------------------------------------------------------------------------


def test_an_intent_alone_sends_nothing(workspace: Workspace, gateway: StripeGateway) -> None:
    operation = asked(workspace.access, OpKind.PAYMENT, a_payment())
    assert (operation.state, operation.attempts, operation.generation) == ("intended", 0, 1)
    assert list(gateway.list("payment_intent")) == []


def test_an_intent_that_was_rolled_back_never_was(workspace: Workspace, gateway: StripeGateway) -> None:
    def die_before_the_commit() -> None:
        with workspace.access.database.transaction(workspace.tenant.id) as session:
            intend(
                session, access=workspace.access, kind=OpKind.PAYMENT, subject="test:1", purpose="p1",
                request=a_payment(), now=workspace.access.clock.now(),
            )  # fmt: skip
            kill()

    with pytest.raises(Killed):
        die_before_the_commit()
    with workspace.access.database.transaction(workspace.tenant.id) as session:
        assert list_operations(session, workspace.access, state=None, subject=None, limit=10) == ()
    assert list(gateway.list("payment_intent")) == []
    # … and may be asked for again.
    again = asked(workspace.access, OpKind.PAYMENT, a_payment())
    assert perform(workspace.access, gateway, again.id).state == "succeeded"


def test_the_same_purpose_is_the_same_operation(workspace: Workspace) -> None:
    first = asked(workspace.access, OpKind.PAYMENT, a_payment())
    assert asked(workspace.access, OpKind.PAYMENT, a_payment()) == first
    assert asked(workspace.access, OpKind.PAYMENT, a_payment(), purpose="p2").id != first.id


def test_other_particulars_under_the_same_purpose_are_refused_before_anything_is_sent(
    workspace: Workspace, gateway: StripeGateway
) -> None:
    first = asked(workspace.access, OpKind.PAYMENT, a_payment(50_00))
    with pytest.raises(PurposeReused, match="asked for before, with other particulars") as refused:
        asked(workspace.access, OpKind.PAYMENT, a_payment(50_01))
    assert refused.value.facts["operation"] == str(first.id)
    with pytest.raises(PurposeReused):
        asked(workspace.access, OpKind.PAYMENT, {**a_payment(50_00), "_movement": "m2"})
    assert list(gateway.list("payment_intent")) == []


def test_threads_that_ask_for_the_same_at_once_are_given_one_operation_and_one_payment(
    workspace: Workspace, gateway: StripeGateway
) -> None:
    found: list[Operation] = []
    errors: list[BaseException] = []
    gate = threading.Barrier(8)

    def ask() -> None:
        try:
            gate.wait(10)
            found.append(perform(workspace.access, gateway, asked(workspace.access, OpKind.PAYMENT, a_payment()).id))
        except BaseException as error:  # noqa: BLE001  told by the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert errors == []
    assert len({operation.id for operation in found}) == 1
    assert now_is(workspace, found[0]).state == "succeeded"
    assert len(list(gateway.list("payment_intent"))) == 1


UNFIT: tuple[dict[str, Any], ...] = (
    {"amount": -5, "currency": "eur"},
    {"amount": 0, "currency": "eur"},
    {"amount": True, "currency": "eur"},
    {"amount": float("nan"), "currency": "eur"},
    {"amount": 1e400, "currency": "eur"},
    {"amount": 10.5, "currency": "eur"},
    {"amount": "１２", "currency": "eur"},
    {"amount": 10**16, "currency": "eur"},
    {"amount": 5, "description": "Ann\u202eeeL"},
    {"amount": 5, "description": "Ann\x00"},
    {"amount": 5, "description": "a" * 5_001},
    {"amount": 5, "metadata": {f"key{n}": "v" for n in range(51)}},
    {"amount": 5, "metadata": {"note": "a" * 501}},
    {"amount": 5, "metadata": {"a" * 41: "v"}},
    {"amount": 5, "metadata": {"engagerr_operation": "another's"}},
    {"amount": 5, "when": object()},
)


def test_what_the_provider_would_choke_on_is_never_written_down(workspace: Workspace) -> None:
    for unfit in UNFIT:
        with pytest.raises(InvalidInput):
            asked(workspace.access, OpKind.PAYMENT, unfit)
    with workspace.access.database.transaction(workspace.tenant.id) as session:
        assert list_operations(session, workspace.access, state=None, subject=None, limit=10) == ()


# --- performing ------------------------------------------------------------------------------------------------------


def test_an_operation_says_at_the_provider_whose_it_is(workspace: Workspace, gateway: StripeGateway) -> None:
    operation = asked(workspace.access, OpKind.PAYMENT, a_payment(metadata={"deal": "7"}))
    done = perform(workspace.access, gateway, operation.id)
    assert done.state == "succeeded"
    assert done.provider_id is not None
    told = gateway.retrieve("payment_intent", done.provider_id)["metadata"]
    assert told["deal"] == "7"
    assert told["engagerr_operation"] == str(operation.id)
    assert told["engagerr_tenant"] == str(workspace.tenant.id)
    assert told["engagerr_purpose"] == "p1"
    assert done.outcome()["amount"] == 50_00


def test_what_is_private_in_a_request_is_not_sent(workspace: Workspace, troubled: TroubledGateway) -> None:
    # The sandbox, as Stripe, refuses parameters that it does not know.
    done = perform(workspace.access, troubled, asked(workspace.access, OpKind.PAYMENT, a_payment(_share="s1")).id)
    assert done.state == "succeeded"
    assert done.request["_share"] == "s1"


def test_performing_what_is_done_asks_nobody(workspace: Workspace, troubled: TroubledGateway) -> None:
    operation = asked(workspace.access, OpKind.PAYMENT, a_payment())
    first = perform(workspace.access, troubled, operation.id)
    assert perform(workspace.access, troubled, operation.id) == first
    assert len(troubled.seen.calls) == 1


def test_a_declined_card_fails_the_operation_and_another_payment_is_another_operation(
    workspace: Workspace, gateway: StripeGateway
) -> None:
    operation = asked(workspace.access, OpKind.PAYMENT, a_payment(method="pm_card_chargeDeclinedInsufficientFunds"))
    failed = perform(workspace.access, gateway, operation.id)
    assert failed.state == "failed"
    assert failed.provider_id is not None
    assert failed.error is not None
    assert failed.error["decline_code"] == "insufficient_funds"
    assert perform(workspace.access, gateway, operation.id).state == "failed"
    with pytest.raises(Rejected, match="declined"):
        failed.outcome()
    assert (
        perform(workspace.access, gateway, asked(workspace.access, OpKind.PAYMENT, a_payment(), purpose="p2").id).state
        == "succeeded"
    )


def test_a_debit_that_takes_days_is_awaited_and_then_settled(
    workspace: Workspace, gateway: StripeGateway, control: Control, clock: SteeredClock
) -> None:
    from engagerr.core.payments.provider.janitor import run_janitor

    request = {**a_payment(method="pm_sepaDebit"), "return_url": "https://example.com/"}
    operation = perform(workspace.access, gateway, asked(workspace.access, OpKind.PAYMENT, request).id)
    assert operation.state == "awaiting"
    control("clock", days=10)
    clock.advance(days=10)
    assert run_janitor(workspace.access, gateway).sent == 1
    assert now_is(workspace, operation).state == "succeeded"


def test_what_is_in_somebodys_hands_is_left_to_them(
    workspace: Workspace, troubled: TroubledGateway, clock: SteeredClock
) -> None:
    operation = asked(workspace.access, OpKind.PAYMENT, a_payment())
    seen: list[str] = []

    def another_comes_along() -> None:
        seen.append(perform(workspace.access, troubled, operation.id).state)
        clock.advance(seconds=70)  # longer than the call may take, and less than it may with all its tries
        seen.append(perform(workspace.access, troubled, operation.id).state)

    troubled.trouble(Plan(before=another_comes_along))
    assert perform(workspace.access, troubled, operation.id).state == "succeeded"
    assert seen == ["sent", "sent"]
    assert len(troubled.seen.calls) == 1


# --- dying on the way ------------------------------------------------------------------------------------------------


def test_who_dies_before_the_call_leaves_an_operation_that_the_janitor_sends_once(
    workspace: Workspace, troubled: TroubledGateway, clock: SteeredClock
) -> None:
    operation = asked(workspace.access, OpKind.PAYMENT, a_payment())
    troubled.trouble(Plan(before=kill))
    with pytest.raises(Killed):
        perform(workspace.access, troubled, operation.id)
    assert now_is(workspace, operation).state == "sent"
    # As long as the call may last, it is somebody's.
    assert workspace.payments.events.janitor().sent == 0
    clock.advance(minutes=5)
    report = _janitor(workspace, troubled)
    assert (report.sent, report.adopted) == (1, 0)
    assert _janitor(workspace, troubled).sent == 0
    assert {key for _, key in troubled.seen.calls} == {f"engagerr-{operation.id}-1"}
    assert len(list(troubled.list("payment_intent"))) == 1


def test_who_dies_after_the_call_leaves_an_operation_that_the_janitor_adopts(
    workspace: Workspace, troubled: TroubledGateway, clock: SteeredClock, account: str
) -> None:
    operation = asked(workspace.access, OpKind.TRANSFER, a_transfer(account))
    troubled.trouble(Plan(after=kill))
    with pytest.raises(Killed):
        perform(workspace.access, troubled, operation.id)
    clock.advance(minutes=5)
    assert _janitor(workspace, troubled).adopted == 1
    assert len(troubled.seen.calls) == 1
    assert now_is(workspace, operation).provider_id == transfers(troubled)[0]["id"]


def test_days_later_when_the_key_is_forgotten_what_was_made_is_adopted(
    workspace: Workspace, troubled: TroubledGateway, clock: SteeredClock, account: str
) -> None:
    operation = asked(workspace.access, OpKind.TRANSFER, a_transfer(account))
    troubled.trouble(Plan(after=kill))
    with pytest.raises(Killed):
        perform(workspace.access, troubled, operation.id)
    clock.advance(days=3)
    assert _janitor(workspace, troubled).adopted == 1
    assert len(transfers(troubled)) == 1
    assert now_is(workspace, operation).generation == 1


def test_days_later_what_was_not_made_is_sent_under_a_new_key_that_the_audit_log_links_to_the_old_one(
    workspace: Workspace, troubled: TroubledGateway, clock: SteeredClock, account: str
) -> None:
    operation = asked(workspace.access, OpKind.TRANSFER, a_transfer(account))
    troubled.trouble(Plan(before=kill))
    with pytest.raises(Killed):
        perform(workspace.access, troubled, operation.id)
    clock.advance(days=3)
    assert _janitor(workspace, troubled).sent == 1
    after = now_is(workspace, operation)
    assert (after.state, after.generation) == ("succeeded", 2)
    assert [key for _, key in troubled.seen.calls] == [f"engagerr-{operation.id}-{n}" for n in (1, 2)]
    assert len(transfers(troubled)) == 1


def test_an_intent_of_long_ago_is_looked_up_before_it_is_sent(
    workspace: Workspace, troubled: TroubledGateway, clock: SteeredClock, account: str, superuser_connection: Connection
) -> None:
    """Books restored from a backup say that it was never sent."""
    operation = asked(workspace.access, OpKind.TRANSFER, a_transfer(account))
    assert perform(workspace.access, troubled, operation.id).state == "succeeded"
    superuser_connection.execute("ALTER TABLE payment_operations DISABLE TRIGGER operation_moves")
    superuser_connection.execute(
        "UPDATE payment_operations SET state = 'intended', sent_at = NULL, provider_id = NULL, result = NULL,"
        " attempts = 0 WHERE id = %s", [operation.id],
    )  # fmt: skip
    superuser_connection.execute("ALTER TABLE payment_operations ENABLE TRIGGER operation_moves")
    clock.advance(days=2)
    assert _janitor(workspace, troubled).adopted == 1
    assert len(transfers(troubled)) == 1


DIES = """
import os, signal, sys
from engagerr import Engagerr
from engagerr.core.payments.provider.operations import perform
from engagerr.core.payments.stripe_gateway import gateway_of
from tests.fakes.payment_provider import Plan, TroubledGateway
from uuid import UUID
def die(): os.kill(os.getpid(), signal.SIGKILL)
with Engagerr.open() as engagerr:
    work = engagerr.workspace()
    gateway = TroubledGateway("sk_test_engagerr_sandbox", clock=engagerr.clock, url=sys.argv[2])
    gateway.trouble(Plan(**{sys.argv[3]: die}))
    perform(work.access, gateway, UUID(sys.argv[1]))
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_kill_9_around_the_call_loses_nothing_and_doubles_nothing(
    workspace: Workspace, gateway: StripeGateway, sandbox: Server, clock: SteeredClock, moment: str, clone: Clone
) -> None:
    operation = asked(workspace.access, OpKind.PAYMENT, a_payment())
    env = {
        **os.environ, "ENGAGERR_HOME": str(workspace.access.settings.home), "ENGAGERR_DATABASE__URL": clone.url(),
        "PYTHONPATH": str(Path.cwd()),
    }  # fmt: skip
    died = subprocess.run(
        [sys.executable, "-c", DIES, str(operation.id), sandbox.url, moment], env=env, capture_output=True, check=False
    )
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()[-2000:]
    assert now_is(workspace, operation).state == "sent"
    clock.set(max(clock.now(), now_is(workspace, operation).lease_until or clock.now()))
    clock.advance(seconds=1)
    report = _janitor(workspace, gateway)
    assert (report.sent, report.adopted) == ((1, 0) if moment == "before" else (0, 1))
    assert len(list(gateway.list("payment_intent"))) == 1
    assert now_is(workspace, operation).state == "succeeded"


# --- not knowing -----------------------------------------------------------------------------------------------------


def test_a_time_out_leaves_it_unknown_and_says_so_until_it_is_looked_up(
    workspace: Workspace, troubled: TroubledGateway, clock: SteeredClock, account: str
) -> None:
    operation = asked(workspace.access, OpKind.TRANSFER, a_transfer(account))
    troubled.trouble(Plan(after=raising(OutcomeUnknown("no answer"))))
    unknown = perform(workspace.access, troubled, operation.id)
    assert unknown.state == "unknown"
    with pytest.raises(Unavailable, match="no answer"):
        unknown.outcome()
    assert _janitor(workspace, troubled).adopted == 0  # it is not due yet
    clock.advance(minutes=2)
    assert _janitor(workspace, troubled).adopted == 1
    assert len(troubled.seen.calls) == len(transfers(troubled)) == 1


def test_a_time_out_before_anything_was_done_is_sent_again_under_the_same_key(
    workspace: Workspace, troubled: TroubledGateway, account: str
) -> None:
    operation = asked(workspace.access, OpKind.TRANSFER, a_transfer(account))
    troubled.trouble(Plan(before=raising(OutcomeUnknown("no answer"))))
    assert perform(workspace.access, troubled, operation.id).state == "unknown"
    after = perform(workspace.access, troubled, operation.id)
    assert (after.state, after.generation) == ("succeeded", 1)
    assert len({key for _, key in troubled.seen.calls}) == 1
    assert len(transfers(troubled)) == 1


def test_a_real_time_out_on_the_line_after_the_effect_is_found_out(
    workspace: Workspace, sandbox: Server, clock: SteeredClock, account: str
) -> None:
    hasty = StripeGateway(KEY, clock=clock, url=sandbox.url, timeout_seconds=0.3)
    operation = asked(workspace.access, OpKind.TRANSFER, a_transfer(account))
    faulty(sandbox, "timeout_after", "/v1/transfers", method="POST", seconds=1)
    assert perform(workspace.access, hasty, operation.id).state == "unknown"
    assert perform(workspace.access, hasty, operation.id).state == "succeeded"
    assert len(transfers(hasty)) == 1
    hasty.close()


def test_an_alarm_is_raised_for_what_nobody_knows_of_for_an_hour_and_ends_with_it(
    workspace: Workspace, troubled: TroubledGateway, clock: SteeredClock, account: str
) -> None:
    lost = raising(OutcomeUnknown("no answer"))
    operation = asked(workspace.access, OpKind.TRANSFER, a_transfer(account))
    troubled.trouble(Plan(before=lost))
    perform(workspace.access, troubled, operation.id)
    clock.advance(minutes=30)
    troubled.trouble(Plan(before=lost))
    assert _janitor(workspace, troubled).overdue == 0
    clock.advance(minutes=45)
    troubled.trouble(Plan(before=lost))
    assert _janitor(workspace, troubled).overdue == 1
    assert [task.kind for task in _tasks(workspace)] == ["payment.unknown"]
    clock.advance(hours=2)
    assert _janitor(workspace, troubled).sent == 1
    assert _tasks(workspace) == ()


def test_a_failure_that_is_stored_under_the_key_gets_a_new_one_once_it_is_proven_that_nothing_was_made(
    workspace: Workspace, troubled: TroubledGateway, sandbox: Server, clock: SteeredClock, account: str
) -> None:
    operation = asked(workspace.access, OpKind.TRANSFER, a_transfer(account))
    faulty(sandbox, "500_stored", "/v1/transfers", method="POST")
    assert perform(workspace.access, troubled, operation.id).state == "unknown"
    clock.advance(minutes=2)
    assert _janitor(workspace, troubled).unknown == 1  # the same failure under the same key
    clock.advance(minutes=20)
    assert _janitor(workspace, troubled).sent == 1
    assert [key[-2:] for _, key in troubled.seen.calls] == ["-1", "-1", "-2"]
    assert len(transfers(troubled)) == 1


def test_a_failure_after_which_the_object_is_there_is_no_failure(
    workspace: Workspace, troubled: TroubledGateway, clock: SteeredClock, account: str
) -> None:
    operation = asked(workspace.access, OpKind.TRANSFER, a_transfer(account))
    troubled.trouble(Plan(after=raising(OutcomeUnknown("it failed here", facts={"status": 500}))))
    assert perform(workspace.access, troubled, operation.id).state == "unknown"
    clock.advance(hours=1)
    assert _janitor(workspace, troubled).adopted == 1
    assert now_is(workspace, operation).generation == 1
    assert len(transfers(troubled)) == 1


@pytest.mark.parametrize("kind", ["429", "409"])
def test_a_busy_provider_is_asked_again_at_once_under_the_same_key(
    workspace: Workspace, troubled: TroubledGateway, sandbox: Server, kind: str
) -> None:
    faulty(sandbox, kind, "/v1/payment_intents", times=2)
    operation = asked(workspace.access, OpKind.PAYMENT, a_payment())
    before = workspace.access.clock.now()
    assert perform(workspace.access, troubled, operation.id).state == "succeeded"
    assert len({key for _, key in troubled.seen.calls}) == 1
    assert workspace.access.clock.now() > before  # it waited in between


def test_a_provider_that_stays_busy_is_asked_later(
    workspace: Workspace, gateway: StripeGateway, sandbox: Server, clock: SteeredClock
) -> None:
    faulty(sandbox, "429", "/v1/payment_intents", times=3)
    operation = perform(workspace.access, gateway, asked(workspace.access, OpKind.PAYMENT, a_payment()).id)
    assert (operation.state, operation.waits_for) == ("intended", "provider")
    clock.advance(minutes=3)
    assert _janitor(workspace, gateway).sent == 1


def test_another_request_under_a_known_key_stops_the_operation_and_calls_a_person(
    workspace: Workspace, gateway: StripeGateway, clock: SteeredClock
) -> None:
    operation = asked(workspace.access, OpKind.CUSTOMER, {"name": "Trailpeak", "email": "pay@trailpeak.example"})
    gateway.send("customer", {"name": "Somebody else"}, key=operation.key)
    stopped = perform(workspace.access, gateway, operation.id)
    assert stopped.state == "unknown"
    assert stopped.error is not None
    assert stopped.error["class"] == "KeyClash"
    assert [task.kind for task in _tasks(workspace)] == ["payment.stopped"]
    assert len(list(gateway.list("customer"))) == 1


def test_an_unreachable_provider_leaves_it_as_it_was(workspace: Workspace, clock: SteeredClock) -> None:
    nobody = StripeGateway(KEY, clock=clock, url="http://127.0.0.1:9", timeout_seconds=1)
    operation = perform(workspace.access, nobody, asked(workspace.access, OpKind.PAYMENT, a_payment()).id)
    assert (operation.state, operation.waits_for, operation.sent_at) == ("intended", "provider", None)
    nobody.close()


def test_what_was_doubtful_stays_so_when_the_provider_cannot_be_reached(
    workspace: Workspace, troubled: TroubledGateway, account: str
) -> None:
    operation = asked(workspace.access, OpKind.TRANSFER, a_transfer(account))
    troubled.trouble(
        Plan(before=raising(OutcomeUnknown("no answer"))), Plan(before=raising(ProviderUnreachable("no line")))
    )
    perform(workspace.access, troubled, operation.id)
    assert perform(workspace.access, troubled, operation.id).state == "unknown"


# --- refusals that pass ----------------------------------------------------------------------------------------------


def test_a_transfer_waits_for_the_balance_and_is_made_once(
    workspace: Workspace, money: Hands, gateway: StripeGateway, clock: SteeredClock
) -> None:
    account = a_payee(workspace)
    operation = perform(workspace.access, gateway, asked(workspace.access, OpKind.TRANSFER, a_transfer(account)).id)
    assert (operation.state, operation.waits_for, operation.generation) == ("intended", "balance", 2)
    money.top_up()
    clock.advance(minutes=10)
    assert _janitor(workspace, gateway).sent == 1
    assert now_is(workspace, operation).state == "succeeded"
    assert _janitor(workspace, gateway).sent == 0
    assert len(transfers(gateway)) == 1


def test_a_second_partial_reversal_of_the_same_day_is_its_own_operation(
    workspace: Workspace, gateway: StripeGateway, account: str
) -> None:
    made = perform(workspace.access, gateway, asked(workspace.access, OpKind.TRANSFER, a_transfer(account)).id)
    for purpose, minor in (("r1", 3_00), ("r2", 4_00)):
        request = {"transfer": made.provider_id, "amount": minor, "currency": "eur"}
        reversal = asked(workspace.access, OpKind.REVERSAL, request, purpose=purpose)
        assert perform(workspace.access, gateway, reversal.id).state == "succeeded"
    assert made.provider_id is not None
    assert gateway.retrieve("transfer", made.provider_id)["amount_reversed"] == 7_00


def test_a_refusal_that_does_not_pass_fails(workspace: Workspace, gateway: StripeGateway) -> None:
    request = {"payment_intent": "pi_nobody", "amount": 1_00}
    failed = perform(workspace.access, gateway, asked(workspace.access, OpKind.REFUND, request).id)
    assert failed.state == "failed"
    assert failed.error is not None
    assert "pi_nobody" in failed.error["message"]


def test_what_was_never_sent_can_be_withdrawn_and_what_was_sent_cannot(
    workspace: Workspace, troubled: TroubledGateway
) -> None:
    operation = asked(workspace.access, OpKind.PAYMENT, a_payment())
    with workspace.access.database.transaction(workspace.tenant.id) as session:
        gone = withdraw(session, workspace.access, operation.id, reason="the deal fell through")
    assert (gone.state, gone.error) == ("failed", {"code": "withdrawn", "message": "the deal fell through"})
    assert perform(workspace.access, troubled, operation.id).state == "failed"
    assert troubled.seen.calls == []
    lost = asked(workspace.access, OpKind.PAYMENT, a_payment(), purpose="p2")
    troubled.trouble(Plan(before=raising(OutcomeUnknown("no answer"))))
    perform(workspace.access, troubled, lost.id)
    with (
        pytest.raises(Conflict, match="may have been done"),
        workspace.access.database.transaction(workspace.tenant.id) as session,
    ):
        withdraw(session, workspace.access, lost.id, reason="too slow")


# --- converging ------------------------------------------------------------------------------------------------------


def test_older_news_changes_nothing(workspace: Workspace, gateway: StripeGateway) -> None:
    done = perform(workspace.access, gateway, asked(workspace.access, OpKind.PAYMENT, a_payment()).id)
    older = {**done.outcome(), "status": "processing"}
    with workspace.access.database.transaction(workspace.tenant.id) as session:
        assert converge(session, workspace.access, done.id, older) == done


def test_an_object_that_another_operation_made_is_refused(workspace: Workspace, gateway: StripeGateway) -> None:
    done = perform(workspace.access, gateway, asked(workspace.access, OpKind.PAYMENT, a_payment()).id)
    other = asked(workspace.access, OpKind.PAYMENT, a_payment(), purpose="p2")
    with (
        pytest.raises(Broken, match="is not what the payment for test:1 made"),
        workspace.access.database.transaction(workspace.tenant.id) as session,
    ):
        converge(session, workspace.access, other.id, done.outcome())
    assert now_is(workspace, other).state == "intended"


def test_an_object_of_another_amount_is_refused(workspace: Workspace, gateway: StripeGateway) -> None:
    operation = asked(workspace.access, OpKind.PAYMENT, a_payment(50_00))
    made = gateway.send("payment", a_payment(49_00), key="elsewhere")
    with (
        pytest.raises(Broken, match="5000 was asked for"),
        workspace.access.database.transaction(workspace.tenant.id) as session,
    ):
        converge(session, workspace.access, operation.id, {**made, "metadata": {}})


def test_books_that_forgot_an_operation_adopt_its_object_and_make_no_other(
    workspace: Workspace, troubled: TroubledGateway, superuser_connection: Connection, account: str
) -> None:
    done = perform(workspace.access, troubled, asked(workspace.access, OpKind.TRANSFER, a_transfer(account)).id)
    superuser_connection.execute("DELETE FROM payment_operations WHERE id = %s", [done.id])
    assert done.provider_id is not None
    there = troubled.retrieve("transfer", done.provider_id)
    for _ in range(2):
        with workspace.access.database.transaction(workspace.tenant.id) as session:
            again = adopt(session, workspace.access, OpKind.TRANSFER, there)
        assert (again.id, again.state, again.provider_id) == (done.id, "succeeded", done.provider_id)
    # The verb that asks for the same again finds it.
    assert asked(workspace.access, OpKind.TRANSFER, a_transfer(account)).id == done.id
    assert len(transfers(troubled)) == 1


def test_what_somebody_else_made_is_not_adopted(workspace: Workspace, gateway: StripeGateway) -> None:
    made = gateway.send("payment", a_payment(), key="elsewhere")
    with (
        pytest.raises(NotFound, match="does not say that this workspace made it"),
        workspace.access.database.transaction(workspace.tenant.id) as session,
    ):
        adopt(session, workspace.access, OpKind.PAYMENT, made)


def test_a_worker_that_stood_still_until_another_took_over_sends_nothing(
    workspace: Workspace, troubled: TroubledGateway, clock: SteeredClock, account: str
) -> None:
    """Its first try is turned away; while it naps, the machine sleeps for an hour, and the janitor does the work."""
    operation = asked(workspace.access, OpKind.TRANSFER, a_transfer(account))

    def turned_away_and_asleep() -> None:
        clock.advance(hours=1)
        assert _janitor(workspace, troubled).sent == 1
        raise ProviderBusy("too many")

    troubled.trouble(Plan(before=turned_away_and_asleep))
    after = perform(workspace.access, troubled, operation.id)
    assert (after.state, after.generation) == ("succeeded", 1)
    assert len(troubled.seen.calls) == 2
    assert len(transfers(troubled)) == 1


def test_what_a_sandbox_was_asked_is_never_sent_with_real_money(
    workspace: Workspace, gateway: StripeGateway, clock: SteeredClock
) -> None:
    perform(workspace.access, gateway, asked(workspace.access, OpKind.PAYMENT, a_payment()).id)
    waiting = asked(workspace.access, OpKind.PAYMENT, a_payment(), purpose="p2")
    live = TroubledGateway("sk_live_of_somebody", clock=clock).trouble()
    clock.advance(hours=1)
    for verb in (
        lambda: perform(workspace.access, live, waiting.id),
        lambda: _janitor(workspace, live),
        lambda: poll(workspace.access, live),
        lambda: handle_pending(workspace.access, live),
    ):
        with pytest.raises(OtherMoney, match="begun with the sandbox, and now it is real money"):
            verb()
    assert live.seen.calls == []
    assert now_is(workspace, waiting).state == "intended"


def test_no_secret_of_a_payment_is_kept(workspace: Workspace, gateway: StripeGateway) -> None:
    done = perform(workspace.access, gateway, asked(workspace.access, OpKind.PAYMENT, a_payment()).id)
    workspace.payments.events.poll()
    assert "client_secret" not in str(done.result)
    with workspace.access.database.transaction(workspace.tenant.id) as session:
        kept = session.execute(text("SELECT payload::text FROM provider_events")).scalars().all()
    assert len(kept) > 0
    assert not any("client_secret" in one for one in kept)


def test_books_that_are_locked_for_a_moment_take_it_in_without_asking_the_provider_again(
    workspace: Workspace, settings: Settings, troubled: TroubledGateway, clock: SteeredClock, clone: Clone
) -> None:
    """Somebody else holds the row when the answer comes; the wait for it is cut short, and it is tried again."""
    impatient = settings.model_copy(
        update={"database": settings.database.model_copy(update={"lock_timeout_seconds": 1})}
    )
    operation = asked(workspace.access, OpKind.PAYMENT, a_payment())
    with clone.connect(SUPERUSER) as other, Engagerr(impatient, clock=clock, stripe=troubled) as engagerr:
        access = engagerr.workspace().access

        def hold_the_row() -> None:
            other.execute("SELECT 1 FROM payment_operations WHERE id = %s FOR UPDATE", [operation.id])
            threading.Timer(1.3, other.rollback).start()

        troubled.trouble(Plan(after=hold_the_row))
        assert perform(access, troubled, operation.id).state == "succeeded"
    assert len(troubled.seen.calls) == 1


# --- what the database itself refuses --------------------------------------------------------------------------------


def test_a_row_that_is_done_is_not_undone(
    workspace: Workspace, gateway: StripeGateway, app_connection: Connection
) -> None:
    done = perform(workspace.access, gateway, asked(workspace.access, OpKind.PAYMENT, a_payment()).id)
    for change, constraint in {
        "state = 'intended'": "payment_operations_moves_check",
        "state = 'awaiting'": "payment_operations_moves_check",
        "generation = 2": "payment_operations_generation_check",
        "provider_id = 'pi_other'": "payment_operations_one_object_check",
    }.items():
        statement = sql.SQL("UPDATE payment_operations SET {} WHERE id = %s").format(sql.SQL(change))  # type: ignore[arg-type]
        with pytest.raises(psycopg.errors.CheckViolation) as refused, in_tenant(app_connection, workspace.tenant.id):
            app_connection.execute(statement, [done.id])
        assert refused.value.diag.constraint_name == constraint


def test_what_was_asked_for_cannot_be_rewritten(workspace: Workspace, app_connection: Connection) -> None:
    asked(workspace.access, OpKind.PAYMENT, a_payment())
    for column in ("request", "request_hash", "purpose", "kind", "subject", "id", "created_at", "lane"):
        statement = sql.SQL("UPDATE payment_operations SET {0} = {0}").format(sql.Identifier(column))
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            in_tenant(app_connection, workspace.tenant.id),
        ):
            app_connection.execute(statement)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), in_tenant(app_connection, workspace.tenant.id):
        app_connection.execute("DELETE FROM payment_operations")


def test_an_operation_cannot_be_written_as_done(workspace: Workspace, app_connection: Connection) -> None:
    with pytest.raises(psycopg.errors.CheckViolation) as refused, in_tenant(app_connection, workspace.tenant.id):
        app_connection.execute(
            "INSERT INTO payment_operations (tenant_id, kind, purpose, subject, request, request_hash, state,"
            " provider_id, result, sent_at, created_at, updated_at) VALUES (%s, 'payment', 'p', 's', '{}', %s,"
            " 'succeeded', 'pi_1', '{}', now(), now(), now())", [workspace.tenant.id, bytes(32)],
        )  # fmt: skip
    assert refused.value.diag.constraint_name == "payment_operations_begins_check"


def _janitor(work: Workspace, gateway: StripeGateway) -> Any:
    from engagerr.core.payments.provider.janitor import run_janitor

    return run_janitor(work.access, gateway)


def _tasks(work: Workspace) -> Any:
    from engagerr.core.events import open_tasks

    with work.access.database.transaction(work.tenant.id) as session:
        return open_tasks(session, tenant_id=work.tenant.id)
