"""What a process of bench_payment_crash.py does: move money and die at a numbered boundary, pick up after one that
died, be the payment provider, or keep the books busy.

A boundary is a place at which what is lasting differs from the place before: on either side of a commit that wrote
something, on either side of a call that makes or changes something at the provider, and after a verb has answered. A
death between two of them leaves behind what one at the earlier of them does.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from uuid import UUID

sys.path.insert(0, str(Path(__file__).parents[2]))

# What Engagerr loads when it needs it is loaded before the fork.
import httpx
import sqlalchemy.dialects.postgresql.psycopg  # noqa: F401
import stripe
from engagerr import Engagerr, Money, Settings, Workspace
from engagerr.core.db import Database
from engagerr.core.db.database import Session
from engagerr.core.errors import Conflict, EngagerrError, InvalidInput
from engagerr.core.payments.ledger import Leg, post
from engagerr.core.payments.sandbox import KEY, Sandbox, serve
from engagerr.core.payments.stripe_gateway import StripeGateway
from engagerr.core.tenancy import Permission
from sqlalchemy import text

httpx.HTTPTransport().close()
_client = stripe.StripeClient("sk_test_loads_what_it_needs")
_v1, _accounts = _client.v1, _client.v2.core.accounts
_SERVICES = (
    "accounts", "account_links", "balance_transactions", "charges", "customers", "events", "invoices",
    "payment_intents", "payment_methods", "payouts", "prices", "products", "refunds", "subscriptions", "transfers",
)  # fmt: skip
_OBJECTS = (
    "account", "balance_transaction", "charge", "customer", "event", "invoice", "list", "payment_intent",
    "payment_method", "price", "product", "refund", "subscription", "transfer", "transfer_reversal",
)  # fmt: skip
for _name in _SERVICES:
    getattr(_v1, _name)
for _name in _OBJECTS:
    stripe.convert_to_stripe_object({"object": _name, "data": []}, api_key="sk_test_loads_what_it_needs")

CARD = "pm_card_bypassPending"
# Nothing at the provider is in this currency, so what is posted to keep the books busy is nothing to reconcile.
BUSY = "CHF"
TIMEOUT_SECONDS = 5.0
# A lease of three tries and a minute, and then some.
LEASE_SECONDS = 180
# Tries of one key, twenty a second and more slowly, before a worker gives up on it.
_PATIENCE = 1_200


class AheadClock:
    """The machine's clock, so many seconds ahead of it. It waits by jumping, unless it `waits`."""

    def __init__(self, ahead: float = 0, *, waits: bool = False) -> None:
        self.ahead = ahead
        self._waits = waits

    def now(self) -> datetime:
        """That moment."""
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def sleep(self, seconds: float) -> None:
        """Let it be later."""
        if self._waits:
            time.sleep(seconds)
        else:
            self.ahead += seconds


class Death:
    """Counts boundaries, and ends this very process with SIGKILL at one of them."""

    def __init__(self, at: int | None = None) -> None:
        self.at = at
        self.doing: str | None = None
        self.passed: list[str] = []

    def reach(self, where: str) -> None:
        """One boundary; nothing is counted while nothing is being done."""
        if self.doing is None:
            return
        self.passed.append(f"{self.doing}: {where}")
        if len(self.passed) == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


class MortalDatabase(Database):
    """The database, with a boundary on either side of every commit that wrote something."""

    def __init__(self, settings: Settings, death: Death) -> None:
        super().__init__(settings)
        self._death = death

    @contextmanager
    def transaction(self, tenant_id: UUID, *, snapshot: bool = False) -> Iterator[Session]:
        """As ever."""
        wrote = False
        with super().transaction(tenant_id, snapshot=snapshot) as session:
            yield session
            if self._death.doing is not None:
                wrote = session.execute(text("SELECT pg_current_xact_id_if_assigned() IS NOT NULL")).scalar_one()
                if wrote:
                    self._death.reach("before the commit")
        if wrote:
            self._death.reach("after the commit")


class MortalWire(httpx.BaseTransport):
    """The way to the provider, with a boundary on either side of every call that does something there."""

    def __init__(self, death: Death) -> None:
        self._death = death
        self._wire = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """As ever."""
        if request.method == "GET":
            return self._wire.handle_request(request)
        path = "/".join("…" if any(sign.isdigit() for sign in part[2:]) else part
                        for part in request.url.path.split("/"))  # fmt: skip
        self._death.reach(f"before POST {path}")
        response = self._wire.handle_request(request)
        response.read()
        self._death.reach(f"after POST {path}")
        return response

    def close(self) -> None:
        """Close connections."""
        self._wire.close()


@dataclass(frozen=True)
class Scene:
    """Where a process finds everything: the home, the database (the home's own without a URL), the provider."""

    home: Path
    provider: str
    ahead: float = 0
    database: str | None = None
    waits: bool = False

    def later(self, seconds: float) -> Scene:
        """The same, so much later."""
        return replace(self, ahead=self.ahead + seconds)

    def open(self, death: Death | None = None) -> Engagerr:
        """Engagerr here, in a process that may die."""
        given = {} if self.database is None else {"database": {"url": self.database}}
        settings = Settings(home=self.home, tenancy={"session_days": 3650}, **given)  # type: ignore[arg-type]
        clock = AheadClock(self.ahead, waits=self.waits)
        death = death or Death()
        gateway = StripeGateway(
            KEY, clock=clock, url=self.provider, timeout_seconds=TIMEOUT_SECONDS, transport=MortalWire(death)
        )
        engagerr = Engagerr(settings, clock=clock, stripe=gateway)
        vars(engagerr)["database"] = MortalDatabase(settings, death)
        return engagerr


@dataclass(frozen=True)
class Story:
    """What is done with one hold, payee or subscription, verb after verb; `about` is what each verb is told."""

    name: str
    verbs: Mapping[str, Callable[[Workspace, Mapping[str, str]], str]]


def _fund(work: Workspace, about: Mapping[str, str]) -> str:
    return work.payments.holds.fund(about["hold"], method=CARD).payment.state


def _release(work: Workspace, about: Mapping[str, str]) -> str:
    done = work.payments.holds.release(about["hold"], amount=Money(600_00, "EUR"), key=f"release {about['hold']}")
    return done.movement.state


def _recall(work: Workspace, about: Mapping[str, str]) -> str:
    done = work.payments.holds.recall(
        about["hold"], amount=Money(200_00, "EUR"), reason="taken down", key=f"recall {about['hold']}"
    )
    return done.movement.state


def _refund(work: Workspace, about: Mapping[str, str]) -> str:
    done = work.payments.holds.refund(about["hold"], amount=Money(300_00, "EUR"), key=f"refund {about['hold']}")
    return done.movement.state


def _add(work: Workspace, about: Mapping[str, str]) -> str:
    return str(work.payments.payees.add(about["payee"], email="payee@creators.example").id)


def _onboard(work: Workspace, about: Mapping[str, str]) -> str:
    return str(work.payments.payees.onboard(about["payee"]).payee.account)


def _refresh(work: Workspace, about: Mapping[str, str]) -> str:
    return work.payments.payees.refresh(about["payee"])[0].capability


def _plan(work: Workspace, about: Mapping[str, str]) -> str:
    prices = [("month", Money(49_00, "EUR"))]
    return str(work.payments.plans.add(about["plan"], name=about["plan"], prices=prices).provider_id)


def _start(work: Workspace, about: Mapping[str, str]) -> str:
    return work.payments.subscriptions.start(about["party"], about["plan"], payment_method="pm_card_visa").state


def subscription_of(work: Workspace, about: Mapping[str, str]) -> UUID | None:
    """The one subscription of this story, if it has begun."""
    found = [one.id for one in work.payments.subscriptions.list() if one.party == about["party"]]
    assert len(found) <= 1, found
    return found[0] if found else None


def _change(work: Workspace, about: Mapping[str, str]) -> str:
    subscription = subscription_of(work, about)
    assert subscription is not None
    after = work.payments.subscriptions.change(subscription, quantity=3, proration="always_invoice")
    return str(after.quantity)


def _give_back(work: Workspace, about: Mapping[str, str]) -> str:
    subscription = subscription_of(work, about)
    assert subscription is not None
    work.payments.subscriptions.refresh(subscription)  # what the provider billed is known by its events, or when asked
    return work.payments.subscriptions.refund(subscription, reason="within 14 days").state


def _cancel(work: Workspace, about: Mapping[str, str]) -> str:
    subscription = subscription_of(work, about)
    assert subscription is not None
    return work.payments.subscriptions.cancel(subscription, at_once=True).state


STORIES = {
    "hold": Story("hold", {"fund": _fund, "release": _release, "recall": _recall, "refund": _refund}),
    "payee": Story("payee", {"add": _add, "onboard": _onboard, "refresh": _refresh}),
    "subscription": Story(
        "subscription",
        {"plan": _plan, "start": _start, "change": _change, "give back": _give_back, "cancel": _cancel},
    ),
}


@dataclass
class Told:
    """What a process told before it ended: each verb that answered, in turn, with what it said, and the boundaries that
    it passed if it lived to the end."""

    answers: list[tuple[str, str]] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)


def act(scene: Scene, story: str, about: Mapping[str, str], at: int | None, told: Connection) -> None:
    """Do all verbs of a story, and die at a boundary; each answer is told as it is given."""
    death = Death(at)
    with scene.open(death) as engagerr:
        work = engagerr.workspace()
        for name, verb in STORIES[story].verbs.items():
            death.doing = name
            answer = verb(work, about)
            told.send(("answer", name, answer))
            death.reach("after the answer")
    told.send(("passed", death.passed, None))


def go_on(work: Workspace, story: str, about: Mapping[str, str], answered: int) -> list[str]:
    """What somebody does whose process died: asks again for what was not answered, under the same keys; returns what
    could not be asked for. A refusal because it is done already is none."""
    for name, verb in list(STORIES[story].verbs.items())[answered:]:
        try:
            verb(work, about)
        except (Conflict, InvalidInput):
            continue
        except EngagerrError as error:
            return [f"{name}: {type(error).__name__}: {error.message}"]
    return []


def rounds(scene: Scene, told: Connection) -> None:
    """A fresh process does what is regularly done; the exit status says whether it went through."""
    with scene.open() as engagerr:
        told.send(("answer", "rounds", str(engagerr.workspace().payments.rounds.run())))


def provide(path: Path, told: Connection, enough: Event) -> None:
    """Be the payment provider until it is enough."""
    with serve(Sandbox(path, clock=AheadClock(), seed="crash")) as server:
        told.send(server.url)
        enough.wait()


# ── The books, busy ────────────────────────────────────────────────────────────────────────────────────────────────


def keep_posting(scene: Scene, name: str, accounts: tuple[UUID, UUID], kept: Path, enough: Event) -> None:
    """Post one transfer after the other, each under its own key, and again under the same until it is answered."""

    def once(work: Workspace, key: str) -> bool:
        access = work.access
        leg = Leg(source=accounts[0], destination=accounts[1], amount=Money(1, BUSY), kind="correction")
        with access.transaction(Permission.FUND) as session:
            done = post(
                session, tenant_id=access.tenant.id, key=key, subject=f"load:{name}", legs=[leg],
                member_id=access.member.id, now=access.clock.now(),
            )  # fmt: skip
        return done.replayed

    _keep_at_it(scene, name, once, kept, enough)


def keep_releasing(scene: Scene, name: str, hold: str, kept: Path, enough: Event) -> None:
    """Release one euro after the other from a hold, each under its own key, and again until it is answered."""

    def once(work: Workspace, key: str) -> bool:
        return work.payments.holds.release(hold, amount=Money(1_00, "EUR"), key=key).already

    _keep_at_it(scene, name, once, kept, enough)


def _keep_at_it(
    scene: Scene, name: str, once: Callable[[Workspace, str], bool], kept: Path, enough: Event
) -> None:  # fmt: skip
    """Each line of `kept`: what happened (ack, again = ack of what had been done, or the error), and the key."""
    tries = 0
    file = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with scene.open() as engagerr:
        work: Workspace | None = None
        number, key = 0, ""
        while not enough.is_set() or key:
            if not key:
                number, key = number + 1, f"{name} {number}"
            try:
                work = work or engagerr.workspace()
                what = "again" if once(work, key) else "ack"
            except EngagerrError as error:
                what = f"{type(error).__name__}:{error.message[:80]}".replace("\t", " ").replace("\n", " ")
            except Exception as error:  # noqa: BLE001  what is not in our words is a finding
                what = f"untold {type(error).__name__}:{error}"[:200].replace("\t", " ").replace("\n", " ")
            os.write(file, f"{what}\t{key}\n".encode())
            tries = tries + 1 if what not in ("ack", "again") else 0
            if not tries or tries >= _PATIENCE:
                key, tries = "", 0
            else:
                time.sleep(0.05)
    os.close(file)
