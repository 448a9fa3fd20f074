"""A seeded world in which everything goes wrong: money moves through random deals while workers die, answers get lost,
events come twice and in any order, banks take payments back, and payees may not be paid; and in the end it all adds up.

One seed is one world: `World(seed, …).run()` raises `Violation`, and the same seed raises it again. The provider is the
sandbox that ships, spoken to through stripe-python; only the wire between them is short, and cut where the seed says.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from engagerr import Engagerr, Money, Workspace
from engagerr.core.db import Database
from engagerr.core.db.database import Session
from engagerr.core.errors import Broken, EngagerrError
from engagerr.core.payments.held.holds import HoldRow, Share, delivered, not_delivered, open_hold
from engagerr.core.payments.sandbox import KEY, Sandbox
from engagerr.core.payments.stripe_gateway import StripeGateway
from engagerr.core.settings import Settings
from engagerr.core.tenancy import Permission
from sqlalchemy import text
from tests.factories import colleague
from tests.fakes.clock import SteeredClock

METHODS = ("pm_card_visa", "pm_card_visa", "pm_card_bypassPending", "pm_card_chargeDeclined", "pm_sepaDebit",
           "pm_sepaDebit_failed")  # fmt: skip


class Violation(AssertionError):
    """Something that must hold did not."""


class Killed(BaseException):
    """The worker died here: nothing after this line of it ran."""


class Wire(httpx.BaseTransport):
    """The way to the sandbox, without a network: some of what goes over it is lost, before or after it took effect."""

    def __init__(self, sandbox: Sandbox, chance: random.Random) -> None:
        self.sandbox = sandbox
        self.chance = chance
        self.trouble = 0.0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """One call, and perhaps no answer to it."""
        what = self._fate(request)
        if what == "lost":
            raise httpx.ConnectError("lost on the way there", request=request)
        if what == "killed before":
            raise Killed
        if what == "busy":
            return httpx.Response(429, json={"error": {"type": "invalid_request_error", "code": "rate_limit",
                                                       "message": "Too many requests."}}, request=request)  # fmt: skip
        headers = {name.title(): value for name, value in request.headers.items()}
        answer = self.sandbox.answer(request.method, str(request.url.raw_path.decode()), headers, request.read())
        if what == "killed after":
            raise Killed
        if what == "unheard":
            raise httpx.ReadTimeout("no answer came", request=request)
        if what == "broken":
            return httpx.Response(500, json={"error": {"type": "api_error", "message": "It broke."}}, request=request)
        return httpx.Response(answer.status, headers=answer.headers, content=answer.body, request=request)

    def _fate(self, request: httpx.Request) -> str:
        if self.chance.random() >= self.trouble:
            return "fine"
        if request.method == "GET":
            return self.chance.choice(("lost", "unheard", "killed before", "busy"))
        return self.chance.choice(("lost", "killed before", "killed after", "unheard", "unheard", "broken", "busy"))


class MortalDatabase(Database):
    """The database, whose client dies now and then just before a commit, or just after it."""

    def __init__(self, settings: Settings, chance: random.Random) -> None:
        super().__init__(settings)
        self.chance = chance
        self.trouble = 0.0

    @contextmanager
    def transaction(self, tenant_id: UUID, *, snapshot: bool = False) -> Iterator[Session]:
        """As ever, and then it may die."""
        fate = self.chance.random() / self.trouble if self.trouble else 2.0
        with super().transaction(tenant_id, snapshot=snapshot) as session:
            yield session
            if fate < 0.5:
                raise Killed
        if fate < 1.0:
            raise Killed


class World:
    """An agency, its payees, its holds, and a provider, all of one seed."""

    def __init__(self, seed: int, settings: Settings, home: Path) -> None:
        self.seed = seed
        self.chance = random.Random(seed)
        self.clock = SteeredClock()
        self.sandbox = Sandbox(":memory:", clock=self.clock, seed=str(seed))
        self.wire = Wire(self.sandbox, self.chance)
        gateway = StripeGateway(KEY, clock=self.clock, url="http://127.0.0.1:1", timeout_seconds=5)
        vars(gateway)["_http"] = httpx.Client(transport=self.wire)
        own = settings.model_copy(update={"home": home, "tenancy": settings.tenancy.model_copy(
            update={"session_days": 3650})})  # fmt: skip
        self.engagerr = Engagerr(own, clock=self.clock, stripe=gateway)
        self.database = MortalDatabase(own, self.chance)
        vars(self.engagerr)["database"] = self.database
        self.gateway = gateway
        self.done: Counter[str] = Counter()
        self.work: Workspace = self.engagerr.init(f"Agency {seed}", email=f"owner{seed}@agency.example")
        self.second = colleague(self.work, self.engagerr, "finance")
        self.payees: list[str] = []
        self.holds: list[UUID] = []

    def close(self) -> None:
        """Let go of everything."""
        self.engagerr.close()
        self.sandbox.close()

    def run(self, *, steps: int = 22, trouble: float = 0.12) -> Counter[str]:
        """Set up, let it happen, let it end, and look. Returns what happened, counted."""
        self._set_up()
        self.wire.trouble, self.database.trouble = trouble, trouble / 4
        for _ in range(steps):
            self._step()
        self.wire.trouble = self.database.trouble = 0.0
        self._end()
        self._look()
        return self.done

    def control(self, path: str, **form: Any) -> Any:
        """The sandbox's own controls."""
        answer = httpx.Client(transport=Wire(self.sandbox, self.chance)).post(
            f"http://127.0.0.1:1/_sandbox/{path}", data=form, headers={"Authorization": f"Bearer {KEY}"}
        )
        return answer.json() if answer.content[:1] in (b"{", b"[") else None

    # ── What there is ─────────────────────────────────────────────────────────────────────────────────────────────

    def _set_up(self) -> None:
        parties = []
        for number in range(self.chance.randint(1, 3)):
            name = f"Creator {number}"
            creator = self.work.roster.add(name).id
            self.work.payments.payees.add(name, email=f"c{number}@creators.example", creator=name)
            self.work.payments.payees.onboard(name)
            account = self.work.payments.payees.show(name).account
            assert account is not None
            if self.chance.random() < 0.8:
                self.control(f"onboarding/{account}")
            self.work.payments.payees.refresh(name)
            self.payees.append(account)
            parties.append(f"creator:{creator}")
        access = self.work.access
        for number in range(self.chance.randint(1, 3)):
            shares = [Share(party, self.chance.choice((1, 7, 70, 3333))) for party in parties]
            shares.append(Share("commission", self.chance.choice((0, 1, 15, 20))))
            with access.transaction(Permission.FUND) as session:
                self.holds.append(
                    open_hold(
                        session, access, subject=f"work:{number}", title=f"Milestone {number}",
                        amount=Money(self.chance.choice((100, 999_99, 1_000_01, 33_333, 5_000_00)), "EUR"),
                        shares=shares, terms_hash=bytes(32), customer="Trailpeak",
                    )
                )  # fmt: skip

    # ── What happens ──────────────────────────────────────────────────────────────────────────────────────────────

    def _step(self) -> None:
        name = self.chance.choice(
            ("fund",) * 5 + ("release",) * 4 + ("part",) * 2 + ("approve",) * 3 + ("refund",) * 2 + ("recall",) * 2
            + ("dispute", "close_dispute", "payout", "payee", "deliver", "silence", "poll", "hear_twice", "janitor",
               "round", "time", "late_debit", "again", "reject")
        )  # fmt: skip
        try:
            getattr(self, f"_{name}")()
            self.done[name] += 1
        except Killed:
            self.done["killed"] += 1
        except Broken as error:
            raise Violation(f"{name}: {error.message}") from error
        except EngagerrError as error:
            self.done[f"{name}: {type(error).__name__}"] += 1
        self.clock.advance(seconds=self.chance.choice((1, 5, 60, 600)))

    def _hold(self) -> UUID:
        return self.chance.choice(self.holds)

    def _row(self, state: str = "funded") -> HoldRow:
        """A hold, mostly one in this state: what is tried with the others is refused."""
        rows = self.work.payments.holds.list()
        fitting = [row for row in rows if row.state == state]
        return self.chance.choice(fitting if fitting and self.chance.random() < 0.85 else rows)

    def _amount(self, most: Money) -> Money:
        return Money(max(1, int(most.minor * self.chance.choice((0.1, 1 / 3, 0.5, 0.99)))), most.currency)

    def _fund(self) -> None:
        self.work.payments.holds.fund(self._row("agreed").id, method=self.chance.choice(METHODS))

    def _release(self) -> None:
        self.work.payments.holds.release(self._row().id, reason="approved")

    def _again(self) -> None:
        hold = self._row().id
        for _ in range(2):
            self.work.payments.holds.release(hold)

    def _part(self) -> None:
        row = self._row()
        key = f"part {self.chance.randint(0, 3)} of {row.id}"
        self.work.payments.holds.release(row.id, amount=self._amount(row.agreed), key=key)

    def _approve(self) -> None:
        for movement in self.second.payments.holds.movements(state="requested"):
            self.second.payments.holds.approve(movement.id)

    def _reject(self) -> None:
        for movement in self.second.payments.holds.movements(state="requested")[:1]:
            self.second.payments.holds.reject(movement.id, reason="no")

    def _refund(self) -> None:
        row = self._row()
        amount = None if self.chance.random() < 0.5 else self._amount(row.agreed)
        self.work.payments.holds.refund(row.id, amount=amount, reason="fell through")

    def _recall(self) -> None:
        row = self._row("settled")
        disputes = [one for one in self.work.payments.disputes.list(state="lost") if one.hold_id == row.id]
        dispute = self.chance.choice(disputes).provider_id if disputes and self.chance.random() < 0.5 else None
        self.work.payments.holds.recall(row.id, amount=self._amount(row.agreed), reason="taken down", dispute=dispute)

    def _dispute(self) -> None:
        charges = [charge for charge in self._provider("charge") if charge["status"] == "succeeded"]
        if charges:
            charge = self.chance.choice(charges)
            self.control("disputes", charge=charge["id"], inquiry=str(self.chance.random() < 0.2).lower())

    def _close_dispute(self) -> None:
        for dispute in self._provider("dispute"):
            if dispute["status"] not in ("won", "lost"):
                self.control(f"disputes/{dispute['id']}", status=self.chance.choice(("won", "lost")))

    def _payout(self) -> None:
        account = self.chance.choice(self.payees)
        for payout in self._provider("payout", account=account):
            status = self.chance.choice(("paid", "failed"))
            self.control(f"payouts/{payout['id']}", status=status)
            return
        available = self.gateway.balance(account=account)["available"]
        amount = next((line["amount"] for line in available if line["currency"] == "eur"), 0)
        if amount > 0:
            self.gateway.send(
                "payout", {"amount": amount, "currency": "eur", "_account": account},
                key=f"payout {self.seed} {self.chance.random()}",
            )  # fmt: skip

    def _payee(self) -> None:
        account = self.chance.choice(self.payees)
        self.control(f"accounts/{account}", state=self.chance.choice(("active", "active", "pending", "restricted")))
        if self.chance.random() < 0.5:
            self.work.payments.payees.refresh()

    def _deliver(self) -> None:
        access = self.work.access
        with access.transaction(Permission.FUND) as session:
            if self.chance.random() < 0.7:
                delivered(session, access, self._hold(), at=self.clock.now())
            else:
                not_delivered(session, access, self._hold())

    def _silence(self) -> None:
        self.clock.advance(days=15)
        self.work.payments.holds.release_due()

    def _poll(self) -> None:
        self.work.payments.events.poll()

    def _hear_twice(self) -> None:
        """Events come by webhook: some twice, some late, in any order."""
        from engagerr.core.payments.provider.inbox import take_in

        known = list(self.gateway.list("event", limit=50))
        self.chance.shuffle(known)
        access = self.work.access
        for event in known[: self.chance.randint(0, len(known))] + known[:3]:
            with self.database.transaction(access.tenant.id) as session:
                take_in(session, access, event, via="webhook", livemode=False)
        self.work.payments.events.handle()

    def _janitor(self) -> None:
        self.work.payments.events.janitor()

    def _round(self) -> None:
        self.work.payments.rounds.run()

    def _time(self) -> None:
        self.clock.advance(hours=self.chance.choice((1, 23, 25, 24 * 8)))

    def _late_debit(self) -> None:
        self.clock.advance(days=9)
        self.control("clock", days=0)

    # ── How it ends ───────────────────────────────────────────────────────────────────────────────────────────────

    def _end(self) -> None:
        for account in self.payees:
            self.control(f"accounts/{account}", state="active")
        self._top_up()
        for _ in range(12):
            self.clock.advance(hours=3)
            self.control("clock", seconds=0)
            self.work.payments.payees.refresh()
            self.work.payments.rounds.run()
            if not self._left_open():
                return
        raise Violation(f"never came to rest: {self._left_open()}")

    def _top_up(self) -> None:
        """Fees and disputes may have left less at the provider than refunds and transfers need."""
        self.gateway.send(
            "payment",
            {"amount": 90_000_00, "currency": "eur", "payment_method": "pm_card_bypassPending", "confirm": True,
             "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}},
            key=f"top-up {self.seed}",
        )  # fmt: skip

    def _left_open(self) -> list[str]:
        with self.database.transaction(self.work.tenant.id) as session:
            rows = session.execute(
                text(
                    "SELECT concat_ws(' ', kind, state, waits_for, error ->> 'message')"
                    " FROM payment_operations WHERE tenant_id = :tenant_id"
                    " AND state IN ('intended', 'sent', 'unknown', 'awaiting')"
                    # A payee whose balance is gone owes it: that waits for them, and a person knows.
                    " AND NOT (kind = 'reversal' AND waits_for IS NOT DISTINCT FROM 'balance')"
                    " UNION ALL SELECT concat_ws(' ', 'event', type, state, note) FROM provider_events"
                    " WHERE tenant_id = :tenant_id AND state IN ('received', 'dead')"
                    " UNION ALL SELECT 'share waiting: ' || coalesce(note, '') FROM hold_shares"
                    " WHERE tenant_id = :tenant_id AND state IN ('waiting', 'sending')"
                    "   AND amount_minor > recalled_minor AND coalesce(note, '') NOT LIKE 'a bank disputes%'"
                ),
                {"tenant_id": self.work.tenant.id},
            )
            return [row[0] for row in rows]

    def _provider(self, of_type: str, **filters: Any) -> list[dict[str, Any]]:
        """All objects of a type, as the provider has them; this look goes wrong for nobody."""
        held, self.wire.trouble = self.wire.trouble, 0.0
        try:
            return list(self.gateway.list(of_type, **filters))
        finally:
            self.wire.trouble = held

    # ── What must hold ────────────────────────────────────────────────────────────────────────────────────────────

    def _look(self) -> None:
        verdict = self.work.payments.ledger.verify()
        self._must(verdict.sound, f"the books are not intact: {verdict}")
        self._one_effect_each()
        run = self.work.payments.reconciliation.run()
        left = self.work.payments.differences.list(state="open")
        ours = [one for one in left if not self._is_top_up(one)]
        self._must(not ours, f"differences are left after {run}: {ours[:3]}")
        self._balances()
        for page in (self.work.payments.holds.show(hold) for hold in self.holds):
            row = page.hold
            self._must(
                row.funded == row.held + row.released + row.refunded + row.lost,
                f"{row.title}: {row.funded} is not what became of it",
            )
            self._must(row.funded.minor <= row.agreed.minor, f"{row.title}: more was funded than agreed")
            given = sum(share.amount.minor for share in page.shares)
            done = sum(m.amount.minor for m in page.movements if m.kind == "release" and m.state == "done")
            self._must(given == done, f"{row.title}: {done} was released and {given} given out")

    def _one_effect_each(self) -> None:
        seen: Counter[tuple[str, str]] = Counter()
        for of_type in ("payment_intent", "transfer", "refund"):
            for made in self._provider(of_type):
                operation = (made.get("metadata") or {}).get("engagerr_operation")
                if operation:
                    seen[of_type, operation] += 1
        twice = [key for key, count in seen.items() if count > 1]
        self._must(not twice, f"made twice at the provider: {twice}")

    def _balances(self) -> None:
        """What the provider has of ours and of the payees' is what our books say."""
        inside = -self._posted("outside")
        connected = {account: self._worth(account) + self._on_its_way(account) for account in self.payees}
        platform = self._worth(None) - self._top_up_net()
        booked = self._posted("connected")
        self._must(sum(connected.values()) == booked, f"payees have {connected}, our books say {booked}")
        self._must(platform == inside - booked, f"the provider has {platform} of ours, our books say {inside - booked}")

    def _worth(self, account: str | None) -> int:
        balance = self.gateway.balance(account=account)
        return sum(
            line["amount"] for name in ("available", "pending") for line in balance.get(name, ())
            if line["currency"] == "eur"
        )  # fmt: skip

    def _on_its_way(self, account: str) -> int:
        """What left a payee's balance and has not reached their bank: it is theirs until then."""
        payouts = self._provider("payout", account=account)
        return sum(payout["amount"] for payout in payouts if payout["status"] in ("pending", "in_transit"))

    def _posted(self, kind: str) -> int:
        with self.database.transaction(self.work.tenant.id) as session:
            posted: int = session.execute(
                text(
                    "SELECT coalesce(sum(balance.posted), 0) FROM ledger_balances AS balance"
                    " JOIN ledger_accounts AS account"
                    " ON account.tenant_id = balance.tenant_id AND account.id = balance.account_id"
                    " WHERE balance.tenant_id = :tenant_id AND account.kind = :kind AND account.currency = 'EUR'"
                ),
                {"tenant_id": self.work.tenant.id, "kind": kind},
            ).scalar_one()
            return int(posted)

    def _top_up_net(self) -> int:
        lines = self._provider("balance_transaction")
        ours = {charge["id"] for charge in self._provider("charge") if charge["amount"] == 90_000_00}
        return sum(line["net"] for line in lines if line.get("source") in ours)

    def _is_top_up(self, difference: Any) -> bool:
        return difference.kind == "unknown_object" and difference.theirs == Money(self._top_up_net(), "EUR")

    def _must(self, holds: bool, words: str) -> None:
        if not holds:
            raise Violation(words)


def run_seed(seed: int, settings: Settings, home: Path, **how: Any) -> Counter[str]:
    """One world from beginning to end; a `Violation` names its seed."""
    world = World(seed, settings, home)
    try:
        return world.run(**how)
    except BaseException as error:
        error.add_note(f"seed {seed}: python scripts/bench/bench_simulation.py --seed {seed}")
        raise
    finally:
        world.close()
