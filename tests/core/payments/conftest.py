"""A workspace with a sandbox of its own, whose clock is the test's, and what tests of money do over and over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from engagerr import Engagerr, Money, Workspace
from engagerr.core.payments.held.held_money import Funding
from engagerr.core.payments.held.holds import HoldRow, Share, open_hold
from engagerr.core.payments.sandbox import KEY, Sandbox, Server, serve
from engagerr.core.payments.stripe_gateway import StripeGateway
from engagerr.core.settings import Settings
from engagerr.core.tenancy import Permission
from tests.fakes.clock import SteeredClock

Control = Callable[..., Any]


@pytest.fixture
def sandbox(tmp_path: Path, clock: SteeredClock) -> Iterator[Server]:
    """The provider, with the test's clock."""
    with serve(Sandbox(tmp_path / "provider.sqlite", clock=clock, seed="test")) as server:
        yield server


@pytest.fixture
def gateway(sandbox: Server, clock: SteeredClock) -> Iterator[StripeGateway]:
    """The way to it, as the product goes it."""
    gateway = StripeGateway(KEY, clock=clock, url=sandbox.url, timeout_seconds=5)
    yield gateway
    gateway.close()


@pytest.fixture
def engagerr(settings: Settings, clock: SteeredClock, gateway: StripeGateway) -> Iterator[Engagerr]:
    """An Engagerr that speaks to the sandbox of this test."""
    with Engagerr(settings, clock=clock, stripe=gateway) as engagerr:
        yield engagerr


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A sign-in that outlasts a hold."""
    return settings.model_copy(update={"tenancy": settings.tenancy.model_copy(update={"session_days": 3650})})


@pytest.fixture
def control(sandbox: Server) -> Control:
    """The sandbox's own controls: `control("disputes", charge=…)`, `control("accounts/acct_1", state="restricted")`."""

    def ask(path: str, **form: Any) -> Any:
        answer = httpx.post(f"{sandbox.url}/_sandbox/{path}", data=form, headers={"Authorization": f"Bearer {KEY}"})
        assert answer.status_code in (200, 303), answer.text
        return answer.json() if answer.content[:1] in (b"{", b"[") else None

    return ask


@dataclass
class Hands:
    """Hands for tests of held money."""

    work: Workspace
    control: Control
    gateway: StripeGateway

    def creator(self, name: str) -> UUID:
        """A creator of the roster."""
        return self.work.roster.add(name).id

    def payee(self, name: str, *, state: str = "active") -> UUID:
        """A creator who is set up to be paid, as far as `state` says."""
        creator = self.creator(name)
        self.work.payments.payees.add(name, email=f"{name.lower().replace(' ', '.')}@creators.example", creator=name)
        self.work.payments.payees.onboard(name)
        account = self.work.payments.payees.show(name).account
        if state == "active":
            self.control(f"onboarding/{account}")
        else:
            self.control(f"accounts/{account}", state=state)
        self.work.payments.payees.refresh(name)
        return creator

    def hold(self, *shares: tuple[str, int], amount: str = "1000.00", subject: str = "work:1") -> HoldRow:
        """A hold that was agreed, between these parties."""
        access = self.work.access
        with access.transaction(Permission.FUND) as session:
            open_hold(
                session, access, subject=subject, title=f"Trail video {subject[-1]}", amount=Money.parse(amount, "EUR"),
                shares=[Share(party, weight) for party, weight in shares], terms_hash=bytes(32), customer="Trailpeak",
            )  # fmt: skip
        return self.work.payments.holds.show(subject).hold

    def paid(self, hold: HoldRow, amount: Money | None = None) -> Funding:
        """Money for it came in."""
        return self.work.payments.holds.fund(hold.id, amount=amount, method="pm_card_visa")

    def top_up(self) -> None:
        """Let us have money of our own at the provider: fees make a charge less than a full refund of it."""
        request = {"amount": 1_000_00, "currency": "eur", "payment_method": "pm_card_bypassPending", "confirm": True,
                   "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}  # fmt: skip
        self.gateway.send("payment", request, key="top-up")

    def pay_out(self, name: str) -> None:
        """All that a payee has at the provider goes to their bank."""
        account = self.work.payments.payees.show(name).account
        assert account is not None
        self.control("clock", days=10)
        available = self.gateway.balance(account=account)["available"]
        amount = next(line["amount"] for line in available if line["currency"] == "eur")
        self.gateway.send("payout", {"amount": amount, "currency": "eur", "_account": account}, key=f"out {name}")

    def of(self, hold: HoldRow) -> HoldRow:
        """The hold as it stands now."""
        return self.work.payments.holds.show(hold.id).hold

    def dispute(self, hold: HoldRow) -> str:
        """A bank takes the first payment of a hold back; returns the dispute's id."""
        payment = self.work.payments.holds.show(hold.id).payments[0].provider_id
        assert payment is not None
        charge = self.gateway.retrieve("payment_intent", payment)["latest_charge"]
        opened = self.control("disputes", charge=charge["id"] if isinstance(charge, dict) else charge)
        self.hear()
        return str(opened["id"])

    def hear(self) -> None:
        """Listen to what the provider told, and do what is due."""
        self.work.payments.rounds.run()

    def balance(self, kind: str, party: str, currency: str = "EUR") -> int:
        """Minor units on an account of the books; 0 where there is none."""
        from engagerr.core.payments.ledger import account, balance

        access = self.work.access
        with access.transaction(Permission.READ_MONEY) as session:
            account_id = account(session, tenant_id=access.tenant.id, kind=kind, party=party, currency=currency)
            return balance(session, tenant_id=access.tenant.id, account_id=account_id).posted.minor


@pytest.fixture
def money(workspace: Workspace, control: Control, gateway: StripeGateway) -> Hands:
    """Northlight, and its hands."""
    return Hands(workspace, control, gateway)
