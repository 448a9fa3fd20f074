"""Everything that the provider told is heard, without an address, however long nobody listened."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from engagerr import Workspace
from engagerr.core.errors import Unavailable
from engagerr.core.events import open_tasks
from engagerr.core.payments.provider.operations import OpKind, perform
from engagerr.core.payments.provider.payee_mirror import refresh_account
from engagerr.core.payments.provider.polling import PollReport, poll
from engagerr.core.payments.sandbox import KEY, Server
from engagerr.core.payments.stripe_gateway import Page, StripeGateway
from tests.core.payments.conftest import Control, Hands
from tests.fakes.clock import SteeredClock
from tests.fakes.payment_provider import Killed, a_payment, asked, faulty


class Listening(StripeGateway):
    """A gateway that notes which pages of events were read, and does something between them."""

    pages: list[Page]
    between: Any = None
    size: int | None = None

    def page(self, of_type: str, *, of: str | None = None, account: str | None = None, **filters: Any) -> Page:
        """As the gateway's, in pages of `size`."""
        if of_type != "event":
            return super().page(of_type, of=of, account=account, **filters)
        small = {} if self.size is None else {"limit": self.size}
        page = super().page(of_type, of=of, account=account, **small, **filters)
        self.pages.append(page)
        if self.between is not None:
            self.between(len(self.pages))
        return page


@pytest.fixture
def listening(sandbox: Server, clock: SteeredClock) -> Iterator[Listening]:
    gateway = Listening(KEY, clock=clock, url=sandbox.url, timeout_seconds=5)
    gateway.pages = []
    yield gateway
    gateway.close()


def heard(work: Workspace) -> set[str]:
    return {one.event_id for one in work.payments.events.list(limit=10_000)}


def told(gateway: StripeGateway) -> set[str]:
    return {one["id"] for one in gateway.list("event")}


def payments(gateway: StripeGateway, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        gateway.send("payment", a_payment(1_000 + number), key=f"payment-{number}")


def test_a_first_poll_hears_all_that_the_provider_remembers(workspace: Workspace, listening: Listening) -> None:
    payments(listening, 3)
    report = poll(workspace.access, listening)
    assert heard(workspace) == told(listening)
    assert report.new == len(told(listening)) == report.events.handled
    again = poll(workspace.access, listening)
    assert (again.new, again.gap) == (0, False)


def test_four_days_without_a_webhook_are_made_up_for(
    money: Hands, workspace: Workspace, gateway: StripeGateway, clock: SteeredClock, control: Control
) -> None:
    poll(workspace.access, gateway)
    request = {**a_payment(100_00, method="pm_sepaDebit"), "return_url": "https://example.com/"}
    operation = perform(workspace.access, gateway, asked(workspace.access, OpKind.PAYMENT, request).id)
    assert operation.state == "awaiting"
    control("clock", days=10)
    clock.advance(days=10)
    report = poll(workspace.access, gateway)
    assert report.new > 0
    assert not report.gap
    assert workspace.payments.events.operations()[0].state == "succeeded"
    assert poll(workspace.access, gateway).new == 0


def test_who_was_away_for_longer_than_the_list_is_told_to_reconcile(
    workspace: Workspace, gateway: StripeGateway, clock: SteeredClock
) -> None:
    payments(gateway, 1)
    poll(workspace.access, gateway)
    clock.advance(days=31)
    payments(gateway, 1, first=1)
    assert poll(workspace.access, gateway).gap
    with workspace.access.database.transaction(workspace.tenant.id) as session:
        (task,) = open_tasks(session, tenant_id=workspace.tenant.id)
    assert task.kind == "payment.events_gap"
    assert "reconcile" in task.hint
    assert not poll(workspace.access, gateway).gap


def test_what_happens_while_pages_are_read_is_neither_skipped_nor_heard_twice(
    workspace: Workspace, listening: Listening, gateway: StripeGateway
) -> None:
    payments(gateway, 6)
    listening.size = 3
    listening.between = lambda page: payments(gateway, 2, first=10 * page)
    first = poll(workspace.access, listening)
    assert len(listening.pages) > 3
    listening.between = None
    second = poll(workspace.access, listening)
    assert heard(workspace) == told(gateway)
    assert first.new + second.new == len(told(gateway))


def test_who_dies_between_two_pages_skips_nothing(
    workspace: Workspace, listening: Listening, gateway: StripeGateway
) -> None:
    payments(gateway, 6)
    listening.size = 2

    def die_on_the_third(page: int) -> None:
        if page == 3:
            raise Killed

    listening.between = die_on_the_third
    with pytest.raises(Killed):
        poll(workspace.access, listening)
    assert 0 < len(heard(workspace)) < len(told(gateway))
    listening.between = None
    poll(workspace.access, listening)
    assert heard(workspace) == told(gateway)


def test_an_event_that_becomes_visible_late_is_heard(
    workspace: Workspace, listening: Listening, gateway: StripeGateway, clock: SteeredClock
) -> None:
    """It is older than the newest that was heard."""
    payments(gateway, 1)
    late = gateway.page("event").objects[0]["id"]
    clock.advance(minutes=2)
    payments(gateway, 1, first=1)

    class Hiding(Listening):
        def page(self, of_type: str, **filters: Any) -> Page:
            found = super().page(of_type, **filters)
            return Page(tuple(one for one in found.objects if one["id"] != late), found.more)

    hiding = Hiding(KEY, clock=clock, url=gateway.url)
    hiding.pages = []
    poll(workspace.access, hiding)
    hiding.close()
    assert late not in heard(workspace)
    clock.advance(minutes=5)
    payments(gateway, 1, first=5)
    poll(workspace.access, listening)
    assert late in heard(workspace)


def test_a_poll_reads_little_where_little_happened(
    workspace: Workspace, listening: Listening, clock: SteeredClock
) -> None:
    payments(listening, 3)
    poll(workspace.access, listening)
    clock.advance(days=2)
    listening.send("customer", {"name": "Trailpeak"}, key="c")
    poll(workspace.access, listening)
    clock.advance(days=2)
    listening.send("customer", {"name": "Trailhead"}, key="d")
    listening.pages.clear()
    poll(workspace.access, listening)
    assert [one["type"] for page in listening.pages for one in page.objects] == ["customer.created"] * 2


def test_what_payees_accounts_tell_is_heard_as_theirs(
    money: Hands, workspace: Workspace, gateway: StripeGateway
) -> None:
    money.top_up()
    workspace.payments.payees.add("Ann Lee", email="ann+verified@creators.example")
    account = workspace.payments.payees.onboard("Ann Lee").payee.account
    gateway.send("transfer", {"amount": 10_00, "currency": "eur", "destination": account}, key="t")
    gateway.send("payout", {"amount": 4_00, "currency": "eur", "_account": account}, key="p")
    report = poll(workspace.access, gateway)
    assert report.accounts == 1
    about = {one.type: one.account for one in workspace.payments.events.list(limit=1_000)}
    assert about["payout.created"] == account
    assert about["transfer.created"] is None


def test_payees_that_are_not_settled_are_asked_about(
    workspace: Workspace, gateway: StripeGateway, control: Control, clock: SteeredClock
) -> None:
    workspace.payments.payees.add("Ann Lee", email="ann@creators.example")
    account = workspace.payments.payees.onboard("Ann Lee").payee.account
    poll(workspace.access, gateway)
    assert workspace.payments.payees.show("Ann Lee").capability == "restricted"
    control(f"accounts/{account}", state="active")
    clock.advance(minutes=11)
    assert poll(workspace.access, gateway).refreshed <= 1
    assert workspace.payments.payees.show("Ann Lee").capability == "active"
    assert poll(workspace.access, gateway).refreshed == 0


def test_without_a_line_it_says_so_and_the_next_poll_hears_all(
    workspace: Workspace, gateway: StripeGateway, sandbox: Server
) -> None:
    payments(gateway, 2)
    faulty(sandbox, "500", "/v1/events")
    with pytest.raises(Unavailable):
        poll(workspace.access, gateway)
    assert heard(workspace) == set()
    poll(workspace.access, gateway)
    assert heard(workspace) == told(gateway)


def test_a_payees_list_that_cannot_be_read_is_said_and_stops_nothing(
    workspace: Workspace, gateway: StripeGateway, control: Control, clock: SteeredClock
) -> None:
    workspace.payments.payees.add("Ann Lee", email="ann+verified@creators.example")
    workspace.payments.payees.onboard("Ann Lee")
    payments(gateway, 1)

    class Deaf(StripeGateway):
        def events(self, *, account: str | None = None, **options: Any) -> Page:
            from engagerr.core.payments.provider.errors import AuthenticationRefused

            if account is not None:
                raise AuthenticationRefused("The key may not do this.")
            return super().events(account=account, **options)

    deaf = Deaf(KEY, clock=clock, url=gateway.url)
    report = poll(workspace.access, deaf)
    deaf.close()
    assert isinstance(report, PollReport)
    assert report.accounts == 0
    assert "may not do this" in report.troubles[0]
    assert report.new > 0


def test_an_account_of_nobody_is_mirrored_nowhere(workspace: Workspace, gateway: StripeGateway) -> None:
    made = gateway.send("account", {"display_name": "Somebody", "contact_email": "x@y.example"}, key="a")
    assert refresh_account(workspace.access, gateway, made["id"]) is None
