"""The workspace of bench_payment_crash.py, whose processes die one after the other, and the look after each of them."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from uuid import UUID

from scripts.bench.payment_crash_worker import (
    CARD,
    LEASE_SECONDS,
    Scene,
    Told,
    act,
    go_on,
    provide,
    rounds,
    subscription_of,
)

PATIENCE_SECONDS = 120.0
# What a story makes at the provider. Not its events and payouts: those come by themselves as time goes by.
_MADE = (
    "v2.core.account", "account", "customer", "payment_method", "payment_intent", "charge", "transfer",
    "transfer_reversal", "refund", "product", "price", "subscription", "invoice", "credit_note", "checkout.session",
)  # fmt: skip


class World:
    """A workspace, its provider's own file, and processes that come and go."""

    def __init__(self, scene: Scene, books: Path, context: Any) -> None:
        from engagerr.core.payments.sandbox import KEY

        self.scene = scene
        self._books = books
        self._context = context
        self._key = KEY
        self._number = 0
        self.engagerr = scene.open()
        self.work = self.engagerr.init("Crash Test", email="owner@crash.example")
        self._set_up()

    def close(self) -> None:
        """Let go of connections."""
        self.engagerr.close()

    def run(self, target: Callable[..., None], *args: Any) -> tuple[int | None, Told]:
        """Let a process live as long as it does; its exit status and what it told."""
        ours, theirs = self._context.Pipe(duplex=False)
        process = self._context.Process(target=target, args=(self.scene, *args, theirs))
        process.start()
        theirs.close()
        told = _heard(ours)
        process.join(PATIENCE_SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()
            return None, told
        return process.exitcode, told

    def later(self, seconds: int) -> None:
        """Let time go by, here and at the provider."""
        self.control("clock", seconds=seconds)
        self.scene = self.scene.later(seconds)
        vars(self.engagerr.clock)["ahead"] = self.scene.ahead

    def control(self, path: str, **form: Any) -> Any:
        """The provider's own controls."""
        import httpx

        url = f"{self.scene.provider}/_sandbox/{path}"
        answer = httpx.post(url, data=form, headers={"Authorization": f"Bearer {self._key}"}, trust_env=False)
        assert answer.status_code in (200, 303), answer.text
        return answer.json() if answer.content[:1] in (b"{", b"[") else None

    def about(self, story: str) -> dict[str, str]:
        """What a story can be told about: something of its own each time."""
        self._number += 1
        if story == "hold":
            return {"hold": str(self.hold(1000_00))}
        if story == "payee":
            return {"payee": f"Payee {self._number}"}
        name = f"Brand {self._number} GmbH"
        self._party(name)
        return {"party": name, "plan": f"plan-{self._number}"}

    def hold(self, minor: int) -> UUID:
        """A hold that was agreed; nothing is in it."""
        from engagerr import Money
        from engagerr.core.payments.held.holds import Share, open_hold
        from engagerr.core.tenancy import Permission

        self._number += 1
        access = self.work.access
        with access.transaction(Permission.FUND) as session:
            return open_hold(
                session, access, subject=f"work:{self._number}", title=f"Milestone {self._number}",
                amount=Money(minor, "EUR"), terms_hash=bytes(32), customer="Trailpeak",
                shares=[*(Share(f"creator:{one}", 40) for one in self.creators), Share("commission", 20)],
            )  # fmt: skip

    def stands(self, story: str, about: Mapping[str, str]) -> dict[str, Any]:
        """Each verb of a story with what came of it, as the books say just now; None where nothing did."""
        payments = self.work.payments
        if story == "hold":
            page = payments.holds.show(about["hold"])
            by_key = {movement.kind: movement.state for movement in page.movements}
            paid = [payment.state for payment in page.payments if payment.state == "succeeded"]
            return {"fund": paid[0] if paid else None, **{kind: by_key.get(kind) for kind in ("release", "recall",
                    "refund")}, "sums": [str(amount) for amount in (page.hold.funded, page.hold.held,
                    page.hold.released, page.hold.refunded, page.hold.lost)]}  # fmt: skip
        if story == "payee":
            found = [one for one in payments.payees.list() if one.name == about["payee"]]
            if not found:
                return {"add": None, "onboard": None, "refresh": None}
            return {"add": str(found[0].id), "onboard": found[0].account, "refresh": found[0].capability}
        plans = [plan for plan in payments.plans.list() if plan.code == about["plan"]]
        subscription = subscription_of(self.work, about)
        found = None if subscription is None else payments.subscriptions.show(subscription)
        # Not how much: what a change costs depends on the second at which the provider made it.
        refunded = [] if found is None else [
            bill.refunded == bill.total for bill in found.invoices if bill.refunded.minor
        ]  # fmt: skip
        return {
            "plan": plans[0].provider_id if plans else None,
            "start": found.subscription.state if found and found.subscription.provider_id else None,
            "change": str(found.subscription.quantity) if found else None,
            "give back": refunded or None,
            "cancel": found.subscription.state if found else None,
            "bills": None if found is None else sorted(bill.state for bill in found.invoices),
        }  # fmt: skip

    def made(self) -> Counter[str]:
        """How many objects the provider has, by kind, as its own file says."""
        return Counter(dict(self._asked(
            f"SELECT kind, count(*) FROM objects WHERE kind IN ({', '.join('?' * len(_MADE))}) GROUP BY kind", *_MADE
        )))  # fmt: skip

    def made_twice(self) -> int:
        """Operations of ours for which the provider has more than one object of a kind."""
        return len(self._asked(
            "SELECT kind, json_extract(body, '$.metadata.engagerr_operation') AS operation FROM objects"
            f" WHERE kind IN ({', '.join('?' * len(_MADE))}) AND operation IS NOT NULL"
            " GROUP BY 1, 2 HAVING count(*) > 1",
            *_MADE,
        ))  # fmt: skip

    def left_open(self) -> list[str]:
        """Operations and events that have no end yet."""
        from sqlalchemy import text

        with self.engagerr.database.transaction(self.work.tenant.id) as session:
            return list(session.execute(
                text(
                    "SELECT concat_ws(' ', kind, state, waits_for, error ->> 'message') FROM payment_operations"
                    " WHERE tenant_id = :tenant_id AND state NOT IN ('succeeded', 'failed')"
                    " UNION ALL SELECT concat_ws(' ', 'event', type, state, note) FROM provider_events"
                    " WHERE tenant_id = :tenant_id AND state IN ('received', 'dead')"
                ),
                {"tenant_id": self.work.tenant.id},
            ).scalars())  # fmt: skip

    def breaks(self) -> list[str]:
        """What a proof of the books finds."""
        return [str(found) for found in self.work.payments.ledger.verify().breaks] + [
            f"revenue: {check}" for check in self.work.payments.subscriptions.verify() if not check.agrees
        ]

    def differences(self) -> list[str]:
        """What is left between our books and the provider's when both have been compared."""
        self.work.payments.reconciliation.run()
        return [one.explanation for one in self.work.payments.differences.list(state="open")]

    def _asked(self, statement: str, *values: Any) -> list[Any]:
        with contextlib.closing(sqlite3.connect(f"file:{self._books}?mode=ro", uri=True, timeout=30)) as books:
            return books.execute(statement, values).fetchall()

    def _set_up(self) -> None:
        """Two payees who can be paid, an address of ours, and money of our own at the provider."""
        from engagerr.core.payments.billing.invoice_parties import PartyDetails

        self.creators = []
        for name in ("Ann Lee", "Bo Ek"):
            self.creators.append(self.work.roster.add(name).id)
            self.work.payments.payees.add(name, email=f"{name[:2].lower()}@creators.example", creator=name)
            self.work.payments.payees.onboard(name)
            self.control(f"onboarding/{self.work.payments.payees.show(name).account}")
            self.work.payments.payees.refresh(name)
        self.work.payments.invoices.parties.save_self(
            "Crash Test GmbH", PartyDetails(country="DE", vat_id="DE 136695976", iban="DE02120300000000202051",
                                            street="Gertrudenkirchhof 4", postcode="20095", city="Hamburg"),
        )  # fmt: skip
        request = {"amount": 90_000_00, "currency": "eur", "payment_method": CARD, "confirm": True,
                   "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}  # fmt: skip
        self.engagerr.stripe.send("payment", request, key="top-up")
        self.work.payments.reconciliation.run()
        for ours in self.work.payments.differences.list(state="open"):
            self.work.payments.differences.dismiss(ours.id, reason="our own money", explained=True)

    def _party(self, name: str) -> None:
        from engagerr.core.payments.billing.invoice_parties import PartyDetails

        self.work.payments.invoices.parties.save(
            name, PartyDetails(country="DE", street="Industriestr. 12", city="München")
        )


def _heard(ours: Connection) -> Told:
    told = Told()
    with contextlib.suppress(EOFError, ConnectionResetError):
        while ours.poll(PATIENCE_SECONDS):
            kind, first, second = ours.recv()
            if kind == "answer":
                told.answers.append((first, second))
            else:
                told.passed = first
    ours.close()
    return told


@dataclass
class Tally:
    """What was found."""

    kills: Counter[str] = field(default_factory=Counter)
    found: dict[str, list[str]] = field(default_factory=dict)
    boundaries: dict[str, list[str]] = field(default_factory=dict)
    recoveries: list[float] = field(default_factory=list)
    unkilled: int = 0

    def note(self, what: str, where: str, findings: list[str]) -> None:
        """Findings of one kind at one boundary."""
        for one in findings:
            print(f"  ! {what} ({where}): {one}", file=sys.stderr, flush=True)
            self.found.setdefault(what, []).append(f"{where}: {one}")

    def count(self, what: str) -> float:
        """How many findings of a kind there are."""
        return float(len(self.found.get(what, ())))


def calm(world: World, story: str, tally: Tally) -> tuple[dict[str, Any], Counter[str]]:
    """A story in which nobody dies: its boundaries, how it stands in the end, and what it made at the provider."""
    about, before = world.about(story), world.made()
    code, told = world.run(act, story, about, None)
    if code != 0 or not told.passed:
        raise RuntimeError(f"{story} ended with {code} though nobody disturbed it")
    world.work.payments.rounds.run()
    tally.boundaries[story] = told.passed
    return _alike(world.stands(story, about)), world.made() - before


def death(world: World, story: str, at: int, like: tuple[dict[str, Any], Counter[str]], tally: Tally) -> None:
    """One death at one boundary, one round of a fresh process after the lease, and a look at everything."""
    where = f"{story} {at}, {tally.boundaries[story][at - 1]}"
    about, before = world.about(story), world.made()
    code, told = world.run(act, story, about, at)
    if code != -signal.SIGKILL:
        tally.unkilled += 1
        tally.note("not killed", where, [f"ended with {code}"])
    tally.kills[story] += 1
    world.later(LEASE_SECONDS)
    began = time.perf_counter()
    code, _ = world.run(rounds)
    tally.recoveries.append(time.perf_counter() - began)
    if code != 0:
        tally.note("left lying", where, [f"a round ended with {code}"])
    tally.note("left lying", where, world.left_open())
    stands = world.stands(story, about)
    for verb, answer in told.answers:
        if _lost(story, verb, answer, stands[verb]):
            tally.note("lost", where, [f"{verb} was answered with {answer} and is {stands[verb]}"])
    look(world, where, tally)
    tally.note("cannot be asked for again", where, go_on(world.work, story, about, len(told.answers)))
    world.work.payments.rounds.run()
    ends, made = _alike(world.stands(story, about)), world.made() - before
    if made != like[1]:
        more, less = made - like[1], like[1] - made
        tally.note("doubled" if more else "lost", where, [f"the provider has {dict(more)} more, {dict(less)} less"])
    if ends != like[0]:
        tally.note("lost", where, [f"it ended as {ends} and not as {like[0]}"])


def look(world: World, where: str, tally: Tally) -> None:
    if twice := world.made_twice():
        tally.note("doubled", where, [f"{twice} operations have several objects"])
    tally.note("books not sound", where, world.breaks())
    tally.note("differences", where, world.differences())


def _lost(story: str, verb: str, answer: str, now: Any) -> bool:
    """Whether what was answered is not so any more. What has gone on since is not lost."""
    if story == "payee" or verb in ("plan", "change"):
        return bool(now != answer)
    if story == "hold":
        return (answer, now) not in {(answer, answer), ("approved", "done")}
    return now is None


def _alike(stands: Mapping[str, Any]) -> dict[str, Any]:
    """How it stands, without the names that differ each time."""
    named = ("acct_", "prod_")
    return {
        verb: "there" if isinstance(value, str) and (value.startswith(named) or len(value) == 36) else value
        for verb, value in stands.items()
    }


def context_of_processes() -> Any:
    """How processes are started: from one that has loaded everything and connected to nothing."""
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["scripts.bench.payment_crash_worker"])
    return context


@contextlib.contextmanager
def provider(books: Path, context: Any) -> Iterator[str]:
    """The provider as a process of its own; its URL."""
    ours, theirs = context.Pipe(duplex=False)
    enough = context.Event()
    process = context.Process(target=provide, args=(books, theirs, enough))
    process.start()
    try:
        yield ours.recv()
    finally:
        enough.set()
        process.join(10)
        if process.exitcode is None:
            process.kill()
            process.join()
