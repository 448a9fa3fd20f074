"""What was left lying is finished in its order, at the provider's pace, and never twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from engagerr import Workspace
from engagerr.core.errors import Broken, Forbidden
from engagerr.core.events import open_tasks
from engagerr.core.payments.provider.errors import OutcomeUnknown, ProviderUnreachable
from engagerr.core.payments.provider.janitor import CALLS_A_SECOND, JanitorReport, run_janitor
from engagerr.core.payments.provider.operations import Operation, OpKind, converge, operation_by_id, perform
from engagerr.core.payments.provider.states import marks
from engagerr.core.payments.sandbox import KEY, Server
from engagerr.core.payments.stripe_gateway import StripeGateway
from engagerr.core.tenancy import Role
from tests.core.payments.conftest import Hands
from tests.factories import colleague
from tests.fakes.clock import SteeredClock
from tests.fakes.payment_provider import Plan, TroubledGateway, a_payment, a_transfer, asked, raising


@pytest.fixture
def troubled(sandbox: Server, clock: SteeredClock) -> Iterator[TroubledGateway]:
    gateway = TroubledGateway(KEY, clock=clock, url=sandbox.url, timeout_seconds=5).trouble()
    yield gateway
    gateway.close()


def a_payee(work: Workspace, name: str) -> str:
    """Somebody whom the sandbox finds in order at once, by their address."""
    work.payments.payees.add(name, email=f"{name.lower().replace(' ', '.')}+verified@creators.example")
    work.payments.payees.onboard(name)
    account = work.payments.payees.refresh(name)[0].account
    assert account is not None
    return account


def now_is(work: Workspace, operation: Operation) -> Operation:
    with work.access.database.transaction(work.tenant.id) as session:
        return operation_by_id(session, work.access, operation.id)


def tidy(work: Workspace, gateway: StripeGateway) -> JanitorReport:
    return run_janitor(work.access, gateway)


def test_an_intent_whose_verb_may_still_be_at_it_is_left_alone(
    workspace: Workspace, troubled: TroubledGateway, clock: SteeredClock
) -> None:
    asked(workspace.access, OpKind.PAYMENT, a_payment())
    assert tidy(workspace, troubled).sent == 0
    clock.advance(seconds=61)
    assert tidy(workspace, troubled).sent == 1


def test_with_nothing_to_do_nothing_is_asked(workspace: Workspace, troubled: TroubledGateway) -> None:
    nothing = JanitorReport(0, 0, 0, 0, 0, 0, unreachable=False, overdue=0)
    assert tidy(workspace, troubled) == nothing
    assert troubled.seen.calls == []


def test_after_half_an_hour_without_a_line_the_queue_drains_once_in_its_order_and_not_too_fast(
    workspace: Workspace, money: Hands, troubled: TroubledGateway, clock: SteeredClock
) -> None:
    money.top_up()
    accounts = [a_payee(workspace, "Ann Lee"), a_payee(workspace, "Bea Ott")]
    nobody = StripeGateway(KEY, clock=clock, url="http://127.0.0.1:9", timeout_seconds=1)
    for number in range(30):
        operation = asked(
            workspace.access, OpKind.TRANSFER, a_transfer(accounts[number % 2], 100 + number), purpose=f"t{number}"
        )
        perform(workspace.access, nobody, operation.id)
        clock.advance(seconds=60)
        if number % 10 == 9:
            assert tidy(workspace, nobody).unreachable
    nobody.close()
    clock.advance(minutes=61)
    before = clock.now()
    for _ in range(3):
        report = tidy(workspace, troubled)
        clock.advance(minutes=61)
    assert report == JanitorReport(0, 0, 0, 0, 0, 0, unreachable=False, overdue=0)
    made = list(troubled.list("transfer"))
    for account in accounts:
        amounts = [one["amount"] for one in reversed(made) if one["destination"] == account]
        assert amounts == sorted(amounts)
    assert sorted(one["amount"] for one in made) == [100 + number for number in range(30)]
    assert (clock.now() - before).total_seconds() - 3 * 61 * 60 >= 29 / CALLS_A_SECOND


def test_a_run_without_a_line_gives_up_soon(workspace: Workspace, clock: SteeredClock) -> None:
    nobody = TroubledGateway(KEY, clock=clock, url="http://127.0.0.1:9", timeout_seconds=1).trouble()
    for number in range(20):
        asked(workspace.access, OpKind.PAYMENT, a_payment(), purpose=f"p{number}")
    clock.advance(minutes=5)
    report = tidy(workspace, nobody)
    assert report.unreachable
    assert len(nobody.seen.calls) == 3
    nobody.close()


def test_a_transfer_does_not_overtake_one_to_the_same_payee_of_which_nobody_knows(
    workspace: Workspace, money: Hands, troubled: TroubledGateway, clock: SteeredClock
) -> None:
    money.top_up()
    ann, bea = a_payee(workspace, "Ann Lee"), a_payee(workspace, "Bea Ott")
    lost = asked(workspace.access, OpKind.TRANSFER, a_transfer(ann, 1_00), purpose="t1")
    troubled.trouble(Plan(before=raising(OutcomeUnknown("no answer"))))
    perform(workspace.access, troubled, lost.id)
    clock.advance(seconds=1)
    behind = asked(workspace.access, OpKind.TRANSFER, a_transfer(ann, 2_00), purpose="t2")
    other = asked(workspace.access, OpKind.TRANSFER, a_transfer(bea, 3_00), purpose="t3")
    assert perform(workspace.access, troubled, behind.id).state == "intended"
    assert perform(workspace.access, troubled, other.id).state == "succeeded"
    clock.advance(minutes=2)
    assert tidy(workspace, troubled).sent == 2
    assert [one["amount"] for one in troubled.list("transfer")] == [2_00, 1_00, 3_00]


def test_one_that_waits_for_money_holds_no_smaller_one_up(
    workspace: Workspace, money: Hands, gateway: StripeGateway, clock: SteeredClock
) -> None:
    ann = a_payee(workspace, "Ann Lee")
    money.top_up()
    large = asked(workspace.access, OpKind.TRANSFER, a_transfer(ann, 5_000_00), purpose="t1")
    assert perform(workspace.access, gateway, large.id).waits_for == "balance"
    clock.advance(seconds=1)
    small = asked(workspace.access, OpKind.TRANSFER, a_transfer(ann, 1_00), purpose="t2")
    assert perform(workspace.access, gateway, small.id).state == "succeeded"


def test_what_our_own_books_refuse_holds_nobody_up_and_calls_a_person(
    workspace: Workspace, gateway: StripeGateway, clock: SteeredClock
) -> None:
    broken = asked(workspace.access, OpKind.PAYMENT, a_payment(), purpose="p1")
    clock.advance(seconds=1)
    sound = asked(workspace.access, OpKind.PAYMENT, a_payment(), purpose="p2")
    # Somebody made an object of another amount in the name of the first.
    clock.advance(minutes=5)
    made = gateway.send("payment", {**a_payment(49_00), **marks(broken, workspace.tenant.id)}, key="elsewhere")
    clock.advance(days=1)
    report = tidy(workspace, gateway)
    assert (report.broken, report.sent) == (1, 1)
    assert now_is(workspace, sound).state == "succeeded"
    with workspace.access.database.transaction(workspace.tenant.id) as session:
        (task,) = open_tasks(session, tenant_id=workspace.tenant.id)
    assert task.kind == "payment.unknown"
    assert made["id"] in task.message
    # It is not asked about again at once.
    assert tidy(workspace, gateway).broken == 0


def test_what_is_not_over_is_asked_about_ever_more_rarely(
    workspace: Workspace, gateway: StripeGateway, clock: SteeredClock
) -> None:
    request: dict[str, Any] = {
        "mode": "payment", "success_url": "https://example.com/",
        "line_items": [
            {"quantity": 1, "price_data": {"currency": "eur", "unit_amount": 5000, "product_data": {"name": "Trail"}}}
        ],
    }  # fmt: skip
    operation = perform(workspace.access, gateway, asked(workspace.access, OpKind.CHECKOUT, request).id)
    assert operation.state == "awaiting"
    waits = []
    for _ in range(4):
        due = now_is(workspace, operation).next_attempt_at
        assert due is not None
        waits.append(round((due - clock.now()).total_seconds() / 60))
        clock.set(due)
        assert tidy(workspace, gateway).waiting == 1
    assert waits == sorted(waits)
    assert waits[0] == 15


def test_two_janitors_at_once_send_each_operation_once(
    workspace: Workspace, troubled: TroubledGateway, clock: SteeredClock
) -> None:
    for number in range(12):
        asked(workspace.access, OpKind.PAYMENT, a_payment(), purpose=f"p{number}")
    clock.advance(minutes=5)
    reports: list[JanitorReport] = []
    threads = [threading.Thread(target=lambda: reports.append(tidy(workspace, troubled))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(report.sent for report in reports) == 12
    assert len(troubled.seen.calls) == 12
    assert len(list(troubled.list("payment_intent"))) == 12


def test_whoever_may_not_release_may_not_run_it(workspace: Workspace, engagerr: Any) -> None:
    viewer = colleague(workspace, engagerr, Role.VIEWER)
    with pytest.raises(Forbidden):
        viewer.payments.events.janitor()
    with pytest.raises(Forbidden):
        viewer.payments.events.operations()


def test_waits_grow_up_to_an_hour(workspace: Workspace, troubled: TroubledGateway, clock: SteeredClock) -> None:
    operation = asked(workspace.access, OpKind.PAYMENT, a_payment())
    waits = []
    for _ in range(10):
        troubled.trouble(Plan(before=raising(ProviderUnreachable("no line"))))
        after = perform(workspace.access, troubled, operation.id)
        assert after.next_attempt_at is not None
        waits.append((after.next_attempt_at - clock.now()).total_seconds())
        clock.set(after.next_attempt_at)
    assert waits[0] == 60
    assert waits == sorted(waits)
    assert waits[-1] == 3600


def test_a_broken_object_is_an_alarm_and_no_posting(workspace: Workspace, gateway: StripeGateway) -> None:
    operation = asked(workspace.access, OpKind.PAYMENT, a_payment(50_00))
    with (
        pytest.raises(Broken),
        workspace.access.database.transaction(workspace.tenant.id) as session,
    ):
        converge(session, workspace.access, operation.id, {"id": "pi_x", "status": "succeeded", "amount": 1})
    assert now_is(workspace, operation).state == "intended"
