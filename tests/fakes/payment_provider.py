"""The payment provider with a will of its own: a gateway to the sandbox whose calls can be lost, late or deadly."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engagerr.core.payments.provider.operations import Operation, OpKind, intend
from engagerr.core.payments.sandbox import Server
from engagerr.core.payments.stripe_gateway import StripeGateway
from engagerr.core.tenancy import Access


class Killed(BaseException):
    """What a kill -9 looks like to a process that is not there any more: nothing after it is run."""


Trouble = Callable[[], None]


def nothing() -> None:
    """No trouble."""


def kill() -> None:
    """The process dies here."""
    raise Killed


@dataclass
class Plan:
    """What happens before and after the provider has done its part of the next call."""

    before: Trouble = nothing
    after: Trouble = nothing


@dataclass
class Seen:
    """The calls that were made: (kind, key), and which of them the provider was left to answer."""

    calls: list[tuple[str, str]] = field(default_factory=list)
    answered: list[tuple[str, str]] = field(default_factory=list)


class TroubledGateway(StripeGateway):
    """A gateway whose next calls go as `plans` says; without plans, as any gateway's."""

    def trouble(self, *plans: Plan) -> TroubledGateway:
        """Have these happen, one a call."""
        self.plans = [*self.__dict__.get("plans", ()), *plans]
        self.seen = self.__dict__.get("seen") or Seen()
        return self

    def send(self, kind: str, request: Mapping[str, Any], *, key: str) -> dict[str, Any]:
        """As the plan of this call says."""
        self.trouble()
        self.seen.calls.append((kind, key))
        plan = self.plans.pop(0) if self.plans else Plan()
        plan.before()
        made = super().send(kind, request, key=key)
        self.seen.answered.append((kind, key))
        plan.after()
        return made


def raising(error: Exception) -> Trouble:
    """Trouble that is this error."""

    def trouble() -> None:
        raise error

    return trouble


def asked(access: Access, kind: OpKind, request: Mapping[str, Any], *, purpose: str = "p1") -> Operation:
    """An operation that was committed and not sent; it is about nothing that the books know."""
    with access.database.transaction(access.tenant.id) as session:
        return intend(
            session, access=access, kind=kind, subject="test:1", purpose=purpose, request=request,
            now=access.clock.now(),
        )  # fmt: skip


def a_payment(minor: int = 50_00, method: str = "pm_card_bypassPending", **more: Any) -> dict[str, Any]:
    """A request for a card payment that is over at once, and whose money is there at once."""
    return {
        "amount": minor, "currency": "eur", "payment_method": method, "confirm": True,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}, **more,
    }  # fmt: skip


def a_transfer(account: str, minor: int = 10_00, **more: Any) -> dict[str, Any]:
    """A request for a transfer to a payee."""
    return {"amount": minor, "currency": "eur", "destination": account, "transfer_group": "hold_1", **more}


def faulty(sandbox: Server, kind: str, path: str, **more: Any) -> None:
    """Have the sandbox fail in this way on the next call to this path."""
    plan = json.dumps({"kind": kind, "path": path, **more}).encode()
    answer = sandbox.sandbox.answer("POST", "/_sandbox/faults", {}, plan)
    assert answer.status == 200, answer.body
