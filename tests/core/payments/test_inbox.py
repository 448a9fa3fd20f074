"""However often and in whatever order the provider tells something, it comes to the same, and once."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from engagerr import Workspace
from engagerr.core.errors import Forbidden, InvalidInput, NotFound
from engagerr.core.events import open_tasks
from engagerr.core.payments.provider.inbox import Handled, ProviderEvents, handle_pending, take_in
from engagerr.core.payments.provider.operations import OpKind, perform
from engagerr.core.payments.sandbox import KEY, Server
from engagerr.core.payments.stripe_gateway import StripeGateway
from engagerr.core.tenancy import Role
from tests.core.payments.conftest import Control, Hands
from tests.factories import colleague
from tests.fakes.clock import SteeredClock
from tests.fakes.payment_provider import Killed, Plan, TroubledGateway, a_payment, asked, kill

Tell = Callable[..., str]


@pytest.fixture
def tell(workspace: Workspace) -> Tell:
    """Put an event into the inbox, as a webhook or a poll would."""

    def told(event: dict[str, Any], *, via: str = "webhook") -> str:
        with workspace.access.database.transaction(workspace.tenant.id) as session:
            return take_in(session, workspace.access, event, via=via, livemode=False)

    return told


def event(event_id: str, type_: str, about: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "id": event_id, "object": "event", "type": type_, "api_version": "2026-10-28.endive", "created": 1_793_534_400,
        "livemode": False, "data": {"object": about}, **changes,
    }  # fmt: skip


def inbox(work: Workspace) -> ProviderEvents:
    return work.payments.events


def notes(work: Workspace) -> dict[str, tuple[str, str | None]]:
    return {one.event_id: (one.state, one.note) for one in inbox(work).list(limit=1000)}


def test_the_same_event_is_kept_and_acted_upon_once(workspace: Workspace, gateway: StripeGateway, tell: Tell) -> None:
    done = perform(workspace.access, gateway, asked(workspace.access, OpKind.PAYMENT, a_payment()).id)
    succeeded = event("evt_1", "payment_intent.succeeded", done.outcome())
    assert [tell(succeeded) for _ in range(3)] == ["new", "known", "known"]
    assert tell(succeeded, via="poll") == "known"
    assert inbox(workspace).handle() == Handled(handled=1, held=0, dead=0, waiting=0)
    assert inbox(workspace).handle() == Handled(handled=0, held=0, dead=0, waiting=0)


def test_an_event_that_outruns_our_own_answer_is_the_answer(
    workspace: Workspace, sandbox: Server, clock: SteeredClock, tell: Tell
) -> None:
    """The process dies after the call, or is only slow; the event knows the operation by what the object says."""
    slow = TroubledGateway(KEY, clock=clock, url=sandbox.url, timeout_seconds=5).trouble(Plan(after=kill))
    operation = asked(workspace.access, OpKind.PAYMENT, a_payment())
    with pytest.raises(Killed):
        perform(workspace.access, slow, operation.id)
    (made,) = slow.list("payment_intent")
    tell(event("evt_1", "payment_intent.succeeded", made))
    inbox(workspace).handle()
    (after,) = inbox(workspace).operations()
    assert (after.state, after.provider_id) == ("succeeded", made["id"])
    # The slow answer comes after all, and changes nothing.
    clock.advance(minutes=10)
    assert perform(workspace.access, slow, operation.id) == after
    slow.close()


def test_an_event_about_the_charge_settles_the_payment_that_made_it(
    workspace: Workspace, sandbox: Server, clock: SteeredClock, tell: Tell
) -> None:
    slow = TroubledGateway(KEY, clock=clock, url=sandbox.url, timeout_seconds=5).trouble(Plan(after=kill))
    operation = asked(workspace.access, OpKind.PAYMENT, a_payment())
    with pytest.raises(Killed):
        perform(workspace.access, slow, operation.id)
    (charge,) = slow.list("charge")
    tell(event("evt_1", "charge.succeeded", charge))
    inbox(workspace).handle()
    assert inbox(workspace).operations()[0].state == "succeeded"
    slow.close()


def test_every_order_of_the_same_events_ends_alike(
    money: Hands, workspace: Workspace, gateway: StripeGateway, tell: Tell, control: Control
) -> None:
    """Told out of order, and each twice: what is fetched decides, not what was said."""
    hold = money.hold(("commission", 1), amount="100.00")
    money.top_up()
    money.paid(hold)
    workspace.payments.holds.refund(hold.id, reason="changed their mind")
    told = list(gateway.page("event").objects)
    assert {"payment_intent.succeeded", "refund.created"} <= {one["type"] for one in told}
    ends = set()
    for number, order in enumerate(itertools.islice(itertools.permutations(told[:6]), 0, 720, 60)):
        for one in (*order, *order):
            tell({**one, "id": f"{one['id']}_{number}"})
        inbox(workspace).handle()
        held = money.of(hold)
        ends.add((held.state, str(held.funded), str(held.held), str(held.refunded)))
    assert ends == {(money.of(hold).state, "EUR 100.00", "EUR 0.00", "EUR 100.00")}
    assert workspace.payments.ledger.verify().sound
    assert {state for state, _ in notes(workspace).values()} == {"handled"}


def test_what_says_nothing_new_is_noted_and_left_at_that(
    workspace: Workspace, gateway: StripeGateway, tell: Tell
) -> None:
    done = perform(workspace.access, gateway, asked(workspace.access, OpKind.PAYMENT, a_payment()).id)
    tell(event("evt_1", "payment_intent.created", done.outcome()))
    tell(event("evt_2", "payment_intent.succeeded", done.outcome()))
    inbox(workspace).handle()
    assert notes(workspace) == {
        "evt_1": ("handled", "payment succeeded"), "evt_2": ("handled", "nothing new"),
    }  # fmt: skip


def test_a_lie_about_the_state_is_not_believed(workspace: Workspace, gateway: StripeGateway, tell: Tell) -> None:
    """Even signed: an old snapshot, or one that was made up. The object is fetched."""
    operation = asked(workspace.access, OpKind.CHECKOUT, a_checkout())
    session = perform(workspace.access, gateway, operation.id).outcome()
    tell(event("evt_1", "checkout.session.completed", {**session, "status": "complete", "payment_status": "paid"}))
    inbox(workspace).handle()
    assert inbox(workspace).operations()[0].state == "awaiting"


def test_a_thin_event_is_enough(workspace: Workspace, gateway: StripeGateway, tell: Tell, control: Control) -> None:
    workspace.payments.payees.add("Ann Lee", email="ann@creators.example")
    account = workspace.payments.payees.onboard("Ann Lee").payee.account
    control(f"accounts/{account}", state="active")
    thin = {
        "id": "evt_thin", "object": "v2.core.event", "created": "2026-11-01T12:00:00.000Z", "livemode": False,
        "type": "v2.core.account[configuration.recipient].capability_status_updated",
        "related_object": {"id": account, "type": "v2.core.account", "url": f"/v2/core/accounts/{account}"},
    }  # fmt: skip
    assert tell(thin) == "new"
    inbox(workspace).handle()
    assert workspace.payments.payees.show("Ann Lee").capability == "active"


def test_poison_is_put_aside_and_the_others_go_on(
    workspace: Workspace, gateway: StripeGateway, tell: Tell, clock: SteeredClock
) -> None:
    done = perform(workspace.access, gateway, asked(workspace.access, OpKind.PAYMENT, a_payment()).id)
    tell(event("evt_1", "payment_intent.succeeded", {"object": "payment_intent"}, created=1))  # says nothing of what
    tell(event("evt_2", "charge.dispute.created", {"id": 17, "metadata": "not a table"}, created=2))
    tell(event("evt_5", "charge.succeeded", {"id": "ch_\x00\ud83d"}, created="yesterday"))
    tell(event("evt_6", "payout.paid", [], created=10**30, account=5, data=None))  # type: ignore[arg-type]
    tell(event("evt_3", "something.new.in.2027", {"id": "sn_1"}, created=3, api_version="2027-01-01.fig"))
    tell(event("evt_4", "payment_intent.succeeded", done.outcome(), created=4))
    assert inbox(workspace).handle() == Handled(handled=3, held=0, dead=0, waiting=3)
    assert notes(workspace)["evt_3"] == ("handled", "nothing to be done")
    assert notes(workspace)["evt_4"] == ("handled", "payment succeeded")
    for _ in range(5):
        clock.advance(days=1)
        inbox(workspace).handle()
    assert {name: state for name, (state, _) in notes(workspace).items()} == {
        "evt_1": "dead", "evt_2": "dead", "evt_3": "handled", "evt_4": "handled", "evt_5": "handled", "evt_6": "dead",
    }  # fmt: skip
    with workspace.access.database.transaction(workspace.tenant.id) as session:
        tasks = open_tasks(session, tenant_id=workspace.tenant.id)
    assert {task.subject for task in tasks if task.kind == "payment.dead_event"} == {"evt_1", "evt_2", "evt_6"}


def test_a_dead_event_is_replayed_once_it_was_mended(
    workspace: Workspace, gateway: StripeGateway, tell: Tell, clock: SteeredClock
) -> None:
    tell(event("evt_1", "payout.paid", {"id": "po_1", "object": "payout"}))
    # The provider does not know it: nothing to be done, which is no fault.
    inbox(workspace).handle()
    assert notes(workspace)["evt_1"] == ("handled", "nothing to be done")
    replayed = inbox(workspace).replay("evt_1")
    assert (replayed.state, replayed.attempts) == ("handled", 1)
    with pytest.raises(NotFound):
        inbox(workspace).replay("evt_2")


def test_replaying_settles_again_without_posting_again(money: Hands, workspace: Workspace) -> None:
    hold = money.hold(("commission", 1), amount="100.00")
    money.paid(hold)
    inbox(workspace).poll()
    for one in inbox(workspace).list(limit=100):
        assert inbox(workspace).replay(one.event_id).state == "handled"
    assert str(money.of(hold).held) == "EUR 100.00"
    assert workspace.payments.ledger.verify().sound


def test_what_is_held_is_not_replayed(workspace: Workspace, tell: Tell) -> None:
    assert tell(event("evt_1", "charge.succeeded", {"id": "ch_1"}, livemode=True)) == "held"
    with pytest.raises(InvalidInput, match="is held"):
        inbox(workspace).replay("evt_1")


def test_without_a_line_events_wait_and_none_is_counted_against(
    workspace: Workspace, gateway: StripeGateway, tell: Tell, clock: SteeredClock
) -> None:
    done = perform(workspace.access, gateway, asked(workspace.access, OpKind.PAYMENT, a_payment()).id)
    tell(event("evt_1", "payment_intent.succeeded", done.outcome()))
    nobody = StripeGateway(KEY, clock=clock, url="http://127.0.0.1:9", timeout_seconds=1)
    for _ in range(8):
        clock.advance(minutes=5)
        assert handle_pending(workspace.access, nobody).waiting == 1
    nobody.close()
    clock.advance(minutes=5)
    assert inbox(workspace).handle().handled == 1
    assert inbox(workspace).list()[0].attempts == 1


def test_who_dies_while_handling_leaves_the_event_to_the_next(
    workspace: Workspace, gateway: StripeGateway, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = perform(workspace.access, gateway, asked(workspace.access, OpKind.PAYMENT, a_payment()).id)
    tell(event("evt_1", "payment_intent.succeeded", done.outcome()))

    class Dying(StripeGateway):
        def retrieve(self, *args: Any, **options: Any) -> dict[str, Any]:
            raise Killed

    dying = Dying(KEY, clock=workspace.access.clock, url=gateway.url)
    with pytest.raises(Killed):
        handle_pending(workspace.access, dying)
    assert notes(workspace)["evt_1"] == ("received", None)
    assert inbox(workspace).handle().handled == 1


def test_a_payout_of_a_payee_is_told_to_the_books(money: Hands, workspace: Workspace, gateway: StripeGateway) -> None:
    money.top_up()
    workspace.payments.payees.add("Ann Lee", email="ann+verified@creators.example")
    account = workspace.payments.payees.onboard("Ann Lee").payee.account
    workspace.payments.payees.refresh("Ann Lee")
    gateway.send("transfer", {"amount": 10_00, "currency": "eur", "destination": account}, key="t")
    gateway.send("payout", {"amount": 4_00, "currency": "eur", "_account": account}, key="p")
    assert inbox(workspace).poll().accounts == 1
    assert [(one.type, one.state) for one in inbox(workspace).list(limit=100) if one.type == "payout.created"] == [
        ("payout.created", "handled")
    ]


def test_another_tenant_sees_nothing_of_it(workspace: Workspace, other_workspace: Workspace, tell: Tell) -> None:
    tell(event("evt_1", "charge.succeeded", {"id": "ch_1"}))
    assert other_workspace.payments.events.list() == ()
    with pytest.raises(NotFound):
        other_workspace.payments.events.replay("evt_1")


def test_roles_that_may_not_do_not(workspace: Workspace, engagerr: Any, tell: Tell) -> None:
    tell(event("evt_1", "charge.succeeded", {"id": "ch_1"}))
    viewer = colleague(workspace, engagerr, Role.VIEWER)
    for verb in (viewer.payments.events.list, viewer.payments.events.handle, viewer.payments.events.poll):
        with pytest.raises(Forbidden):
            verb()
    with pytest.raises(Forbidden):
        viewer.payments.events.replay("evt_1")


def test_a_state_that_there_is_not_is_refused(workspace: Workspace) -> None:
    with pytest.raises(InvalidInput, match="No event is 'lost'"):
        inbox(workspace).list(state="lost")
    with pytest.raises(InvalidInput, match="No operation is 'lost'"):
        inbox(workspace).operations(state="lost")


def a_checkout() -> dict[str, Any]:
    product = {"currency": "eur", "unit_amount": 50_00, "product_data": {"name": "Trail video"}}
    return {
        "mode": "payment", "success_url": "https://example.com/",
        "line_items": [{"quantity": 1, "price_data": product}],
    }  # fmt: skip
