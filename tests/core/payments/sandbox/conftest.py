"""A sandbox on a port of this machine, judged at every request, and stripe-python in front of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe
from engagerr.core.payments.sandbox import KEY, Server, serve
from tests.core.payments.sandbox.judging import Judged
from tests.fakes.clock import SteeredClock

Control = Callable[..., Any]
RECIPIENT = {"recipient": {"capabilities": {"stripe_balance": {"stripe_transfers": {"requested": True}}}}}
RESPONSIBLE = {"responsibilities": {"fees_collector": "application", "losses_collector": "application"}}


@pytest.fixture
def clock() -> SteeredClock:
    """The test's own clock."""
    return SteeredClock()


@pytest.fixture
def sandbox(tmp_path: Path, clock: SteeredClock) -> Iterator[Judged]:
    """The sandbox; at the end nothing that it was asked, answered or told may break Stripe's description."""
    sandbox = Judged(tmp_path / "sandbox.sqlite", clock=clock, seed="test")
    yield sandbox
    sandbox.judge_events()
    sandbox.close()
    assert sandbox.wrong == []


@pytest.fixture
def server(sandbox: Judged) -> Iterator[Server]:
    """The sandbox on a port."""
    with serve(sandbox) as server:
        yield server


@pytest.fixture
def client(server: Server) -> stripe.StripeClient:
    """stripe-python, which does not try again by itself."""
    return stripe.StripeClient(KEY, base_addresses={"api": server.url}, max_network_retries=0)


@pytest.fixture
def control(sandbox: Judged) -> Control:
    """The sandbox's own controls: `control("clock", days=3)`."""

    def ask(where: str, method: str = "POST", /, **form: Any) -> Any:
        answer = sandbox.answer(method, f"/_sandbox/{where}", {}, json.dumps(form).encode())
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    return ask


@pytest.fixture
def pay(client: stripe.StripeClient) -> Callable[..., Any]:
    """Pay by a test card; the payment intent with its charge and the entry of that."""

    def paid(amount: int = 10_000, method: str = "pm_card_visa", **more: Any) -> Any:
        return client.v1.payment_intents.create(
            {"amount": amount, "currency": "eur", "payment_method": method, "confirm": True,
             "payment_method_types": ["card"], "expand": ["latest_charge.balance_transaction"], **more}
        )  # fmt: skip

    return paid


@pytest.fixture
def payee(client: stripe.StripeClient) -> Callable[..., Any]:
    """A connected account; one with `+verified` in its address may receive at once."""

    def made(email: str = "ann+verified@creators.example") -> Any:
        return client.v2.core.accounts.create(
            {"contact_email": email, "display_name": "Ann", "dashboard": "express", "identity": {"country": "de"},
             "configuration": RECIPIENT, "defaults": RESPONSIBLE,
             "include": ["configuration.recipient", "identity", "requirements", "defaults"]}
        )  # fmt: skip

    return made


def state(account: Any) -> str:
    """Whether a v2 account may receive transfers."""
    status: str = account.configuration.recipient.capabilities.stripe_balance.stripe_transfers.status
    return status
