"""Reconciliation: 100,000 lines of the provider's against our ledger, with every kind of difference planted among them.

The books are made by the steps of the product (operations, postings), the provider's by a list in memory that answers
as Stripe's lists do. A run copies that list into an empty mirror, compares, and writes down what it found, all as the
application role on a durable server. What is found is held against what was planted, object by object: whatever is
missing, is called by another name, or was not planted, breaks the limit.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

SCRIPTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(SCRIPTS.parent), str(SCRIPTS)]

from engagerr import Engagerr, Money, Workspace  # noqa: E402
from engagerr.core.payments.ledger import Leg, Order, account, post_many  # noqa: E402
from engagerr.core.payments.reconciling.reconciliation import Reconciliation, Run  # noqa: E402
from engagerr.core.tenancy import Access, Permission  # noqa: E402
from measuring import Limit, arguments, finish, say, step, temporary_home  # noqa: E402
from sqlalchemy import text  # noqa: E402

BATCH = 1_000
PAYEES = 50
Object = dict[str, Any]


class Provider:
    """Lists that answer like Stripe's: newest first, with what each line is about."""

    def __init__(self) -> None:
        self.lines: dict[str, list[Object]] = {"": []}
        self.payouts: dict[str, list[Object]] = {}
        self.objects: dict[str, Object] = {}

    def __call__(self) -> Provider:
        return self

    def list(self, of_type: str, *, account: str | None = None, **filters: Any) -> Iterator[Object]:
        """All that fits."""
        since = filters.get("created", {}).get("gte", 0)
        kept = (self.lines if of_type == "balance_transaction" else self.payouts).get(account or "", [])
        for found in sorted(kept, key=lambda each: -each["created"]):
            if found["created"] >= since and filters.get("payout") in (None, found.get("payout")):
                yield {**found, "source": self.objects.get(found.get("source", ""), found.get("source"))}

    def balance(self, *, account: str | None = None) -> Object:
        """What the lines come to."""
        sums: Counter[str] = Counter()
        for line in self.lines.get(account or "", []):
            sums[line["currency"]] += line["amount"] - line["fee"]
        return {"available": [{"amount": sums[name], "currency": name} for name in sums], "pending": []}


class World:
    """Both sets of books, made in bulk; each act is on both sides unless it is a planted one."""

    def __init__(self, work: Workspace, seed: int) -> None:
        self.access: Access = work._access
        self.provider = Provider()
        self.random = random.Random(seed)
        self.now = self.access.clock.now() - timedelta(hours=2)
        self.operations: list[Object] = []
        self.orders: list[Order] = []
        self.planted: dict[str, str] = {}
        self.count = 0
        with self.access.transaction(Permission.RELEASE) as session:
            self.payees = self._payees(session)
            tenant_id = self.access.tenant.id
            self.accounts = {
                (kind, party, currency): account(
                    session, tenant_id=tenant_id, kind=kind, party=party, currency=currency
                )
                for currency in ("EUR", "USD")
                for kind, party in [
                    ("outside", "stripe"), ("outside", "bank"), ("fees", "stripe"), ("revenue", "deals"),
                    *(("connected", f"payee:{payee}") for payee in self.payees.values()),
                ]
            }  # fmt: skip

    def _payees(self, session: Any) -> dict[str, UUID]:
        rows = session.execute(
            text(
                "INSERT INTO payees (tenant_id, name, name_key, kind, country, currency, provider_account, capability)"
                " SELECT :tenant_id, 'Payee ' || n, 'payee ' || n, 'individual', 'DE', 'EUR', 'acct_' || n, 'active'"
                " FROM generate_series(1, :many) AS n RETURNING provider_account, id"
            ),
            {"tenant_id": self.access.tenant.id, "many": PAYEES},
        )
        return {row.provider_account: row.id for row in rows}

    def uuid(self) -> UUID:
        return UUID(int=self.random.getrandbits(128), version=4)

    def moment(self) -> datetime:
        return self.now - timedelta(seconds=self.random.randrange(20 * 24 * 3600))

    def name(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}_{self.count:09d}"

    def thing(self, prefix: str, of_type: str, operation: UUID | None = None, **facts: Any) -> str:
        name = self.name(prefix)
        marks = (
            {"engagerr_operation": str(operation), "engagerr_tenant": str(self.access.tenant.id)} if operation else {}
        )
        self.provider.objects[name] = {"id": name, "object": of_type, "metadata": marks, **facts}
        return name

    def line(
        self, kind: str, amount: int, source: str, *, fee: int = 0, of: str = "", currency: str = "eur",
        at: datetime | None = None,
    ) -> Object:  # fmt: skip
        moment = int((at or self.moment()).timestamp())
        entry = {
            "id": self.name("txn"), "type": kind, "amount": amount, "fee": fee, "currency": currency, "source": source,
            "status": "available", "created": moment, "available_on": moment, "payout": None,
        }  # fmt: skip
        self.provider.lines.setdefault(of, []).append(entry)
        return entry

    def operation(self, kind: str, made: UUID, provider_id: str, result: Object, state: str = "succeeded") -> None:
        self.operations.append(
            {"id": str(made), "kind": kind, "provider_id": provider_id, "result": result, "state": state}
        )

    def book(self, key: str, *legs: tuple[tuple[str, str], tuple[str, str], int], currency: str = "EUR") -> None:
        self.orders.append(
            Order(
                key, "deal:bench",
                [
                    Leg(self.accounts[*source, currency], self.accounts[*target, currency], Money(amount, currency),
                        "fee" if source[0] == "fees" else "subscription")
                    for source, target, amount in legs
                ],
            )
        )  # fmt: skip

    # ── Acts ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def paid(self, **plant: Any) -> UUID:
        """A payment with its fee; `plant` says what is wrong with it."""
        made = self.uuid()
        amount, fee = self.random.randrange(1_000, 500_000), self.random.randrange(30, 900)
        payment = self.name("pi")
        charge = self.thing("ch", "charge", None if plant.get("unmarked") else made, payment_intent=payment)
        at = self.now - timedelta(days=50) if plant.get("old") else None
        if plant.get("theirs", True):
            self.line("charge", amount, charge, fee=fee, currency=plant.get("currency", "eur"), at=at)
        if plant.get("twice"):
            self.line("charge", amount, self.thing("ch", "charge", made), fee=fee)
        if plant.get("operation", True):
            self.operation(
                "payment", made, payment, {"id": payment, "latest_charge": charge}, plant.get("state", "succeeded")
            )
        if plant.get("ours", True):
            legs = [(("outside", "stripe"), ("revenue", "deals"), amount + plant.get("more", 0))]
            if not plant.get("twice"):
                legs.append((("fees", "stripe"), ("outside", "stripe"), fee + plant.get("more_fee", 0)))
            else:
                legs.append((("fees", "stripe"), ("outside", "stripe"), fee * 2))
            self.book(f"op:{made}:fund", *legs)
        return made

    def refunded(self) -> None:
        made, amount = self.uuid(), self.random.randrange(500, 9_000)
        refund = self.thing("re", "refund", made, charge="ch_of_another_time")
        self.line("refund", -amount, refund)
        self.operation("refund", made, refund, {"id": refund})
        self.book(f"op:{made}:end", (("revenue", "deals"), ("outside", "stripe"), amount))

    def transferred(self, *, went_to: str | None = None, back: bool = False) -> UUID:
        """A transfer, and if it came `back` its reversal."""
        made, amount = self.uuid(), self.random.randrange(1_000, 90_000)
        to = self.random.choice(list(self.payees))
        arrived = self.thing("py", "charge")
        transfer = self.thing("tr", "transfer", made, destination=went_to or to, destination_payment=arrived)
        self.provider.objects[arrived]["source_transfer"] = transfer
        self.line("transfer", -amount, transfer)
        self.line("payment", amount, arrived, of=went_to or to)
        self.operation("transfer", made, transfer, {"id": transfer, "destination_payment": arrived})
        party = f"payee:{self.payees[to]}"
        self.book(f"op:{made}:end", (("revenue", "deals"), ("connected", party), amount))
        if back:
            undone, part = self.uuid(), amount // 3
            left = self.name("pyr")
            reversal = self.thing("trr", "transfer_reversal", undone, destination_payment_refund=left)
            self.provider.objects[left] = {
                "id": left,
                "object": "refund",
                "transfer_reversal": reversal,
                "metadata": {},
            }
            self.line("transfer_refund", part, reversal)
            self.line("payment_refund", -part, left, of=to)
            self.operation("reversal", undone, reversal, {"id": reversal, "destination_payment_refund": left})
            self.book(f"op:{undone}:end", (("connected", party), ("revenue", "deals"), part))
        return made

    def paid_out(self, status: str = "paid", *, ours: bool = True, automatic_off: int = 0) -> str:
        """A payee's payout; `automatic_off`: one of our own that does not add up."""
        to = "" if automatic_off else self.random.choice(list(self.payees))
        amount = self.random.randrange(100, 5_000)
        payout = self.thing("po", "payout")
        made = self.line("payout", -amount, payout, of=to)
        if status == "failed":
            self.line("payout_failure", amount, payout, of=to)
        self.provider.payouts.setdefault(to, []).append(
            {
                "id": payout, "amount": amount, "currency": "eur", "status": status, "automatic": bool(automatic_off),
                "metadata": {}, "created": made["created"], "arrival_date": made["created"],
            }
        )  # fmt: skip
        if automatic_off:
            part = self.line("charge", amount - automatic_off, self.thing("ch", "charge", operation := self.uuid()))
            part["payout"] = payout
            self.operation("payment", operation, self.name("pi"), {})
            self.book(f"op:{operation}:fund", (("outside", "stripe"), ("revenue", "deals"), amount - automatic_off))
            self.book(f"payout:{payout}:out", (("revenue", "deals"), ("outside", "stripe"), amount))
        elif ours:
            party = f"payee:{self.payees[to]}"
            self.book(f"payout:{payout}:out", (("connected", party), ("outside", "bank"), amount))
        return payout

    def plant(self, each: int) -> None:
        """So many of every kind; `planted` says which object is which."""
        for _ in range(each):
            found = {
                "missing_here": f"op:{self.paid(ours=False, state='intended')}",
                "missing_there": f"op:{self.paid(theirs=False)}",
                "amount": f"op:{self.paid(more=1)}",
                "currency": f"op:{self.paid(currency='usd')}",
                "fee": f"op:{self.paid(more_fee=1)}",
                "duplicate": f"op:{self.paid(twice=True)}",
                "wrong_party": f"op:{self.transferred(went_to='acct_of_nobody')}",
                "without_event": f"op:{self.paid(ours=False, state='intended', old=True)}",
                "payout_composition": self.paid_out(automatic_off=7),
                "status": self.paid_out("failed"),
                "in_flight": self.paid_out("in_transit", ours=False),
            }  # fmt: skip
            self.planted.update({name: kind for kind, name in found.items()})
            self.paid(ours=False, operation=False)
            self.planted[self.provider.lines[""][-1]["source"]] = "older_books"
            self.paid(ours=False, operation=False, unmarked=True)
            self.planted[self.provider.lines[""][-1]["source"]] = "unknown_object"

    def write(self) -> None:
        """Put operations and postings into the database, as the application does."""
        tenant_id, now = self.access.tenant.id, self.now
        for at in range(0, len(self.operations), BATCH):
            values = {"tenant_id": tenant_id, "now": now, "rows": json.dumps(self.operations[at : at + BATCH])}
            with self.access.transaction(Permission.RELEASE) as session:
                session.execute(text(_OPERATIONS), values)
                session.execute(text(_CARRIED_OUT), values)
        for at in range(0, len(self.orders), BATCH):
            with self.access.transaction(Permission.RELEASE) as session:
                post_many(session, tenant_id=tenant_id, orders=self.orders[at : at + BATCH], now=now)


_ROWS = (
    "jsonb_to_recordset(CAST(:rows AS jsonb)) AS row (id uuid, kind text, provider_id text, result jsonb, state text)"
)
_OPERATIONS = f"""
INSERT INTO payment_operations (tenant_id, id, kind, subject, purpose, request, request_hash, created_at, updated_at)
SELECT :tenant_id, id, kind, 'deal:bench', 'bench:' || id, '{{}}', sha256(id::text::bytea), :now, :now FROM {_ROWS}
"""
_CARRIED_OUT = f"""
UPDATE payment_operations AS operation
SET state = row.state, provider_id = row.provider_id, result = row.result, sent_at = :now
FROM {_ROWS}
WHERE operation.tenant_id = :tenant_id AND operation.id = row.id AND row.state <> 'intended'
"""


def build(world: World, lines: int) -> None:
    """Ordinary acts, until there are so many lines."""
    made = 0
    while made < lines:
        act = world.random.random()
        if act < 0.45:
            world.paid()
            made += 1
        elif act < 0.5:
            world.refunded()
            made += 1
        elif act < 0.9:
            world.transferred()
            made += 2
        elif act < 0.95:
            world.transferred(back=True)
            made += 4
        else:
            world.paid_out()
            made += 1


def judged(world: World, found: Sequence[tuple[str, str]]) -> tuple[int, list[str], list[str]]:
    """(how many were found for what they are, what was missed or misnamed, what was not planted)."""
    seen = dict(found)
    right = sum(seen.get(name) == kind for name, kind in world.planted.items())
    missed = [f"{kind}: {name} ({seen.get(name)})" for name, kind in world.planted.items() if seen.get(name) != kind]
    return right, missed, [f"{kind}: {name}" for name, kind in found if name not in world.planted]


def timed(world: World) -> tuple[Run, float]:
    """One run and its seconds."""
    started = time.perf_counter()
    run = Reconciliation(world.access, world.provider).run(adopt=False)  # type: ignore[arg-type]
    return run, time.perf_counter() - started


def main() -> None:
    """Build, run, judge."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--each", type=int, default=20, help="planted differences of each kind")
    parser.add_argument("--seed", type=int, default=7)
    told = parser.parse_args()
    with temporary_home() as home, Engagerr.open(home=home.path) as engagerr:
        world = World(engagerr.init("Northlight"), told.seed)
        with step(f"writing both books of {told.lines:,} lines"):
            build(world, told.lines)
            world.plant(told.each)
            world.write()
        run, seconds = timed(world)
        say(f"  first run: {seconds:.1f} s; {run.lines:,} lines, {run.transfers:,} transfers, {run.matched:,} agree")
        with world.access.transaction(Permission.READ_MONEY) as session:
            rows = session.execute(
                text("SELECT object_id, kind FROM differences WHERE tenant_id = :tenant_id"),
                {"tenant_id": world.access.tenant.id},
            )
            found = [(row.object_id, row.kind) for row in rows]
        again, seconds_again = timed(world)
        say(f"  second run: {seconds_again:.1f} s")
    right, missed, alarms = judged(world, found)
    for line in (*missed[:20], *alarms[:20]):
        say(f"  {line}")
    kinds = len(set(world.planted.values()))
    figures = {"planted": len(world.planted), "kinds": kinds, "by_kind": run.kinds, "missed": missed[:20]}
    limits = [
        Limit(f"seconds for {run.lines:,} lines", seconds, at_most=20,
              figures={"copy_and_compare": round(seconds, 2), "again": round(seconds_again, 2)}),
        Limit("share of the planted differences found for what they are", right / len(world.planted), at_least=1,
              figures=figures),
        Limit("false alarms", len(alarms), at_most=0, figures={"alarms": alarms[:20]}),
        Limit("minor units that nothing explains", sum(abs(one.rest) for one in run.control), at_most=0),
        Limit("new differences of a second run", again.opened, at_most=0),
    ]  # fmt: skip
    finish(
        "reconciliation", limits,
        sizes={"lines": run.lines, "payouts": run.payouts, "transfers": run.transfers, "matched": run.matched,
               "planted_kinds": kinds},
        also={"role": "engagerr_app", "measured_at": datetime.now(UTC).isoformat(timespec="seconds")},
        assert_limits=told.assert_limits,
    )  # fmt: skip


if __name__ == "__main__":
    main()
