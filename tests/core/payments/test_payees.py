"""Money goes to those who may have it, to the bank account that somebody stands for, and not before."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from engagerr import Workspace
from engagerr.core.errors import Conflict, Forbidden, InvalidInput, NotFound, Rejected
from engagerr.core.events import open_tasks
from engagerr.core.payments.provider.customers import Customers
from engagerr.core.payments.provider.janitor import run_janitor
from engagerr.core.payments.provider.operations import OpKind, perform
from engagerr.core.payments.provider.payee_mirror import mirror
from engagerr.core.payments.provider.payees import Payee, Payees, active
from engagerr.core.payments.sandbox import KEY, Server
from engagerr.core.payments.stripe_gateway import StripeGateway
from engagerr.core.tenancy import Role
from tests.core.payments.conftest import Control, Hands
from tests.factories import colleague, in_tenant
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Connection
from tests.fakes.payment_provider import TroubledGateway, a_transfer, asked


@pytest.fixture
def payees(workspace: Workspace) -> Payees:
    return workspace.payments.payees


@pytest.fixture
def ann(money: Hands, payees: Payees) -> Payee:
    """Ann, who can be paid, and the money to pay her."""
    money.top_up()
    payees.add("Ann Lee", email="ann+verified@creators.example")
    payees.onboard("Ann Lee")
    return payees.refresh("Ann Lee")[0]


def tasks(work: Workspace) -> dict[str, str]:
    with work.access.database.transaction(work.tenant.id) as session:
        return {task.kind: task.message for task in open_tasks(session, tenant_id=work.tenant.id)}


# --- setting up ------------------------------------------------------------------------------------------------------


def test_a_payee_is_ours_alone_until_they_are_onboarded(payees: Payees, gateway: StripeGateway) -> None:
    row = payees.add("Ann  Lee", email="ann@lee.example", country="AT")
    assert (row.name, row.country, row.currency, row.capability, row.account) == ("Ann Lee", "AT", "EUR", "none", None)
    assert list(gateway.list("v2.core.account")) == []
    assert payees.list() == (row,)


def test_a_payee_of_a_creators_name_is_that_creators(workspace: Workspace, payees: Payees) -> None:
    creator = workspace.roster.add("Ann Lee")
    assert payees.add("Ann Lee").creator_id == creator.id
    other = workspace.roster.add("Bea Ott")
    company = payees.add("Ott Media GmbH", kind="company", creator="Bea Ott")
    assert (company.creator_id, company.creator) == (other.id, "Bea Ott")
    assert payees.show("Bea Ott") == company
    assert payees.show(str(company.id)[-8:]) == company


def test_the_same_payee_twice_is_a_conflict(payees: Payees) -> None:
    payees.add("Ann Lee")
    with pytest.raises(Conflict, match="is a payee already"):
        payees.add("ANN lee")


@pytest.mark.parametrize(
    "given",
    [
        {"name": ""},
        {"name": "  "},
        {"name": "a" * 201},
        {"name": "Ann\u202eLee"},
        {"name": "Ann\x00"},
        {"name": "Ann", "country": "Germany"},
        {"name": "Ann", "country": "de"},
        {"name": "Ann", "currency": "euro"},
        {"name": "Ann", "currency": "IQD"},
        {"name": "Ann", "kind": "robot"},
        {"name": "Ann", "email": "nobody"},
        {"name": "Ann", "email": "a b@c.example"},
    ],
)
def test_what_makes_no_payee_is_refused(payees: Payees, given: dict[str, Any]) -> None:
    name = given.pop("name")
    with pytest.raises(InvalidInput):
        payees.add(name, **given)
    assert payees.list() == ()


def test_onboarding_makes_one_account_however_often_it_is_asked_for(
    payees: Payees, gateway: StripeGateway, workspace: Workspace
) -> None:
    payees.add("Ann Lee", email="ann@lee.example", country="AT")
    pages = [payees.onboard("Ann Lee") for _ in range(3)]
    assert len({page.payee.account for page in pages}) == 1
    assert all(page.url.startswith("http") for page in pages)
    assert pages[0].expires_at is not None
    (account,) = gateway.list("v2.core.account")
    made = gateway.retrieve("v2.core.account", account["id"])
    assert made["dashboard"] == "express"
    assert made["identity"]["country"].lower() == "at"
    assert made["defaults"]["responsibilities"]["losses_collector"] == "application"
    assert made["metadata"]["engagerr_subject"] == f"payee:{pages[0].payee.id}"


def test_without_an_address_nobody_is_onboarded(payees: Payees) -> None:
    payees.add("Ann Lee")
    with pytest.raises(InvalidInput, match="has no e-mail address"):
        payees.onboard("Ann Lee")
    assert payees.onboard("Ann Lee", email="ann@lee.example").payee.email == "ann@lee.example"
    with pytest.raises(Conflict, match="The provider knows"):
        payees.onboard("Ann Lee", email="other@lee.example")


def test_a_payee_keeps_the_account_that_they_have(workspace: Workspace, ann: Payee, app_connection: Connection) -> None:
    with pytest.raises(psycopg.errors.CheckViolation) as refused, in_tenant(app_connection, workspace.tenant.id):
        app_connection.execute("UPDATE payees SET provider_account = 'acct_mallory'")
    assert refused.value.diag.constraint_name == "payees_account_stays_check"


# --- the mirror ------------------------------------------------------------------------------------------------------


def test_what_the_provider_wants_to_know_is_shown(payees: Payees, workspace: Workspace) -> None:
    payees.add("Ann Lee", email="ann@lee.example")
    payees.onboard("Ann Lee")
    (row,) = payees.refresh("Ann Lee")
    assert row.capability == "restricted"
    assert row.reason == "requirements_past_due"
    assert "configuration.recipient.bank_account" in row.requirements["past_due"]
    assert "payee.restricted" in tasks(workspace)


def test_whoever_may_be_paid_again_is_told_of_and_their_task_ends(
    payees: Payees, workspace: Workspace, control: Control
) -> None:
    payees.add("Ann Lee", email="ann@lee.example")
    account = payees.onboard("Ann Lee").payee.account
    payees.refresh("Ann Lee")
    control(f"accounts/{account}", state="active")
    (row,) = payees.refresh("Ann Lee")
    assert (row.capability, row.reason, row.requirements) == ("active", None, {})
    assert tasks(workspace) == {}
    told = [one.detail["capability"] for one in workspace.events.list(kind="payee.changed")]
    assert told == ["active", "restricted"]


def test_a_word_that_we_do_not_know_is_no_leave_to_pay(workspace: Workspace, ann: Payee, clock: SteeredClock) -> None:
    body = {
        "id": ann.account,
        "configuration": {
            "recipient": {"capabilities": {"stripe_balance": {"stripe_transfers": {"status": "paused"}}}}
        },
    }
    clock.advance(seconds=1)
    with workspace.access.database.transaction(workspace.tenant.id) as session:
        mirror(session, workspace.access, body, banks=None, fetched_at=clock.now())
        assert not active(session, workspace.access, ann.id)
    assert workspace.payments.payees.show("Ann Lee").capability == "restricted"


def test_an_answer_that_was_asked_for_earlier_does_not_undo_a_later_one(
    workspace: Workspace, gateway: StripeGateway, ann: Payee, control: Control, clock: SteeredClock
) -> None:
    assert ann.account is not None
    old, asked_at = gateway.retrieve("v2.core.account", ann.account), clock.now()
    clock.advance(minutes=1)
    control(f"accounts/{ann.account}", state="restricted")
    workspace.payments.payees.refresh("Ann Lee")
    with workspace.access.database.transaction(workspace.tenant.id) as session:
        mirror(session, workspace.access, old, banks=[], fetched_at=asked_at)
    assert workspace.payments.payees.show("Ann Lee").capability == "restricted"


# --- who may be paid -------------------------------------------------------------------------------------------------


def test_a_transfer_to_whom_the_provider_stops_waits_and_goes_once_they_may_be_paid(
    workspace: Workspace, sandbox: Server, ann: Payee, control: Control, clock: SteeredClock
) -> None:
    assert ann.account is not None
    gateway = TroubledGateway(KEY, clock=clock, url=sandbox.url, timeout_seconds=5).trouble()
    clock.advance(minutes=5)
    control(f"accounts/{ann.account}", state="restricted")
    operation = asked(workspace.access, OpKind.TRANSFER, a_transfer(ann.account))
    stopped = perform(workspace.access, gateway, operation.id)
    # What the provider says of them was asked for just before.
    assert (stopped.state, stopped.waits_for, stopped.generation) == ("intended", "capability", 1)
    assert gateway.seen.calls == []
    clock.advance(minutes=2)
    control(f"accounts/{ann.account}", state="active")
    workspace.payments.payees.refresh("Ann Lee")
    assert run_janitor(workspace.access, gateway).sent == 1
    assert run_janitor(workspace.access, gateway).sent == 0
    assert len(list(gateway.list("transfer"))) == 1
    gateway.close()


def test_a_transfer_stops_when_the_bank_account_has_changed_and_goes_on_once_somebody_stands_for_it(
    workspace: Workspace, gateway: StripeGateway, ann: Payee, control: Control, clock: SteeredClock
) -> None:
    assert ann.account is not None
    assert ann.destination is not None
    operation = asked(workspace.access, OpKind.TRANSFER, a_transfer(ann.account))
    clock.advance(minutes=5)
    control(f"accounts/{ann.account}", bank_account="000999999999")
    stopped = perform(workspace.access, gateway, operation.id)
    assert (stopped.state, stopped.waits_for) == ("intended", "destination")
    assert list(gateway.list("transfer")) == []
    now_is = workspace.payments.payees.show("Ann Lee")
    assert (now_is.pinned, now_is.destination) == (False, "…9999 (EUR)")
    assert "…6789" in tasks(workspace)["payee.destination"]
    clock.advance(hours=2)
    assert run_janitor(workspace.access, gateway).sent == 0
    workspace.payments.payees.confirm("Ann Lee", saw="9999")
    assert run_janitor(workspace.access, gateway).sent == 1
    assert len(list(gateway.list("transfer"))) == 1
    assert tasks(workspace) == {}


def test_a_bank_account_that_was_put_back_needs_nobodys_word(
    workspace: Workspace, gateway: StripeGateway, ann: Payee, control: Control, clock: SteeredClock
) -> None:
    assert ann.account is not None
    operation = asked(workspace.access, OpKind.TRANSFER, a_transfer(ann.account))
    clock.advance(minutes=5)
    control(f"accounts/{ann.account}", bank_account="000999999999")
    assert perform(workspace.access, gateway, operation.id).waits_for == "destination"
    clock.advance(minutes=5)
    control(f"accounts/{ann.account}", bank_account="000123456789")
    workspace.payments.payees.refresh("Ann Lee")
    assert run_janitor(workspace.access, gateway).sent == 1


def test_an_account_of_nobody_is_sent_nothing(workspace: Workspace, gateway: StripeGateway, ann: Payee) -> None:
    operation = asked(workspace.access, OpKind.TRANSFER, a_transfer("acct_mallory"))
    stopped = perform(workspace.access, gateway, operation.id)
    assert (stopped.state, stopped.waits_for) == ("intended", "destination")
    assert list(gateway.list("transfer")) == []


def test_roles_that_may_not_do_not(workspace: Workspace, engagerr: Any, ann: Payee) -> None:
    viewer = colleague(workspace, engagerr, Role.VIEWER).payments.payees
    for verb in (viewer.list, lambda: viewer.add("Bea"), lambda: viewer.show("Ann Lee"), viewer.refresh,
                 lambda: viewer.onboard("Ann Lee"), lambda: viewer.confirm("Ann Lee", saw="6789")):  # fmt: skip
        with pytest.raises(Forbidden):
            verb()


def test_another_workspaces_payees_are_not_there(other_workspace: Workspace, ann: Payee) -> None:
    assert other_workspace.payments.payees.list() == ()
    with pytest.raises(NotFound):
        other_workspace.payments.payees.show(str(ann.id))


# --- customers -------------------------------------------------------------------------------------------------------


def test_the_same_name_is_the_same_customer_here_and_there(workspace: Workspace, gateway: StripeGateway) -> None:
    customers = Customers(workspace.access, lambda: gateway)
    first = customers.add("Trailpeak", email="pay@trailpeak.example")
    again = customers.add("  trailPEAK ")
    assert (again.id, again.provider_id, again.email) == (first.id, first.provider_id, "pay@trailpeak.example")
    assert first.provider_id is not None
    assert gateway.retrieve("customer", first.provider_id)["email"] == "pay@trailpeak.example"
    assert len(list(gateway.list("customer"))) == 1
    assert customers.list() == (again,)


def test_what_stands_in_the_way_of_a_customer_is_raised(workspace: Workspace, clock: SteeredClock) -> None:
    refused = StripeGateway("pk_not_a_secret_key", clock=clock, url="http://127.0.0.1:9", timeout_seconds=1)
    with pytest.raises(Exception, match="cannot be reached") as failed:
        Customers(workspace.access, lambda: refused).add("Trailpeak")
    assert not isinstance(failed.value, Rejected)
    refused.close()
