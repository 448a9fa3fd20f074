"""kill -9 at every boundary around every call to the payment provider, and fifty immediate stops of the database under
load: what is lost, done twice or left lying after it.

A process goes through a story (fund, release, recall and refund a hold; onboard a payee; begin, change, give back and
cancel a subscription) and dies at boundary 1; another one at boundary 2; and so on to the last (see
payment_crash_worker.py). After each death the time of a lease goes by, a fresh process does one round, and then the
books are verified and reconciled with the provider; then what was not answered is asked for again under the same keys,
and all must be as where nobody died. Home, database and provider are real ones on this machine.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

sys.path.insert(0, str(Path(__file__).parents[2]))

from measuring import Home, Limit, arguments, finish, percentile, step, temporary_home
from scripts.bench.payment_crash_worker import BUSY, CARD, LEASE_SECONDS, STORIES, Scene, keep_posting, keep_releasing
from scripts.bench.payment_crash_world import (
    PATIENCE_SECONDS,
    Tally,
    World,
    calm,
    context_of_processes,
    death,
    look,
    provider,
)

# ── The database stops ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Stopped:
    """What the stops of the database did."""

    stops: int = 0
    acked: int = 0
    unheard: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    given_up: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    seconds_down: list[float] = field(default_factory=list)


def stop_the_database(world: World, home: Home, context: Any, *, stops: int, chance: random.Random) -> Stopped:
    """Immediate stops (what `pg_ctl stop -m immediate` sends) while two post and two release."""
    accounts, holds = _busy_accounts(world), [world.hold(900_000_00) for _ in range(2)]
    for hold in holds:
        assert world.work.payments.holds.fund(hold, method=CARD).payment.state == "succeeded"
    world.scene = Scene(world.scene.home, world.scene.provider, world.scene.ahead, world.scene.database, waits=True)
    enough, kept = context.Event(), [home.path / f"kept-{number}" for number in range(4)]
    workers = [
        context.Process(target=keep_posting, args=(world.scene, f"post {n}", accounts, kept[n], enough))
        for n in range(2)
    ] + [
        context.Process(target=keep_releasing, args=(world.scene, f"release {n}", str(holds[n]), kept[2 + n], enough))
        for n in range(2)
    ]
    result = Stopped()
    for worker in workers:
        worker.start()
    _until(lambda: all(path.exists() and path.stat().st_size > 300 for path in kept))
    for _ in range(stops):
        before = [path.stat().st_size for path in kept]
        time.sleep(chance.uniform(0.05, 0.8))
        postmaster = home.server.status().pid
        assert postmaster is not None
        began = time.perf_counter()
        os.kill(postmaster, signal.SIGQUIT)
        _until(lambda: not home.server.is_running())
        home.server.start()
        result.seconds_down.append(time.perf_counter() - began)
        result.stops += 1
        _until(lambda before=before: any(path.stat().st_size > size for path, size in zip(kept, before, strict=True)))
    enough.set()
    for worker in workers:
        worker.join(PATIENCE_SECONDS)
        if worker.exitcode != 0:
            result.wrong.append(f"a worker ended with {worker.exitcode}")
            worker.kill()
    _compare(world, [path.read_text().splitlines() for path in kept], holds, result)
    return result


def _busy_accounts(world: World) -> tuple[UUID, UUID]:
    from engagerr.core.payments.ledger import account
    from engagerr.core.tenancy import Permission

    with world.work.access.transaction(Permission.FUND) as session:
        first, second = (
            account(session, tenant_id=world.work.tenant.id, kind=kind, party="load", currency=BUSY)
            for kind in ("revenue", "suspense")
        )
    return first, second


def _compare(world: World, told: list[list[str]], holds: list[UUID], result: Stopped) -> None:
    """What was answered against what stands: every key once, and its money once at the provider."""
    acked: set[str] = set()
    for lines in told:
        missed = set()
        for line in lines:
            what, key = line.split("\t")
            if what in ("ack", "again"):
                acked.add(key)
                result.unheard += what == "again" and key in missed
            else:
                missed.add(key)
                result.errors[what.partition(":")[0]] += 1
        result.given_up += len(missed - acked)
    result.acked = len(acked)
    world.engagerr.close()
    vars(world.engagerr).pop("database", None)
    _come_to_rest(world, result)
    standing = _standing(world)
    result.lost += sorted(acked - standing.keys())
    result.doubled += sorted(key for key, times in standing.items() if times > 1)
    more = standing.keys() - acked
    if len(more) > result.given_up:
        result.wrong.append(f"stand without having been answered: {sorted(more)[:3]}")
    for number, hold in enumerate(holds):
        _compare_hold(world, hold, sum(key.startswith(f"release {number} ") for key in standing), result)
    result.wrong += world.breaks() + world.differences()
    if world.made_twice():
        result.doubled.append(f"{world.made_twice()} operations have several objects at the provider")


def _come_to_rest(world: World, result: Stopped) -> None:
    from engagerr.core.payments.stripe_gateway import StripeGateway  # noqa: F401  loaded before it is timed

    world.engagerr = world.scene.open()
    world.work = world.engagerr.workspace()
    for _ in range(5):
        world.later(LEASE_SECONDS)
        world.work.payments.rounds.run()
        if not world.left_open():
            return
    result.wrong += world.left_open()[:5]


def _standing(world: World) -> Counter[str]:
    from sqlalchemy import text

    with world.engagerr.database.transaction(world.work.tenant.id) as session:
        rows = session.execute(
            text(
                "SELECT key, count(*) FROM ledger_transfers WHERE tenant_id = :tenant_id AND subject LIKE 'load:%'"
                " GROUP BY key UNION ALL SELECT movement.key, count(DISTINCT transfer.key) FROM hold_movements AS"
                " movement JOIN ledger_transfers AS transfer ON transfer.tenant_id = movement.tenant_id"
                "   AND transfer.key = 'release:' || movement.id AND transfer.leg = 0"
                " WHERE movement.tenant_id = :tenant_id AND movement.key LIKE 'release _ %' GROUP BY movement.key"
            ),
            {"tenant_id": world.work.tenant.id},
        )
        return Counter({row[0]: row[1] for row in rows})


def _compare_hold(world: World, hold: UUID, releases: int, result: Stopped) -> None:
    page = world.work.payments.holds.show(hold)
    if page.hold.released.minor != releases * 100:
        result.wrong.append(f"{releases} releases of 1.00 came to {page.hold.released}")
    sent = list(world.engagerr.stripe.list("transfer", transfer_group=f"hold_{hold}"))
    owed = sum(share.amount.minor for share in page.shares if share.party != "commission")
    at_provider = sum(transfer["amount"] for transfer in sent)
    if at_provider != owed:
        (result.doubled if at_provider > owed else result.lost).append(f"payees are owed {owed}, and got {at_provider}")


def _until(it_is: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not it_is():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not come about")
        time.sleep(0.01)


# ── The whole ──────────────────────────────────────────────────────────────────────────────────────────────────────


def main() -> None:
    """Die everywhere, stop the server, look, print."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--stories", nargs="*", default=list(STORIES), choices=list(STORIES))
    parser.add_argument("--stops", type=int, default=50, help="immediate stops of the database server")
    parser.add_argument("--every", type=int, default=1, help="only every n-th boundary")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    context, tally, began = context_of_processes(), Tally(), time.perf_counter()
    with temporary_home() as home, provider(home.path / "provider.sqlite", context) as url:
        world = World(Scene(home.path, url), home.path / "provider.sqlite", context)
        try:
            for story in options.stories:
                like = calm(world, story, tally)
                with step(f"{story}: {len(tally.boundaries[story])} boundaries"):
                    for at in range(1, len(tally.boundaries[story]) + 1, options.every):
                        death(world, story, at, like, tally)
                    look(world, f"the end of {story}", tally)
            killed_seconds = time.perf_counter() - began
            with step(f"{options.stops} stops of the database"):
                stopped = stop_the_database(
                    world, home, context, stops=options.stops, chance=random.Random(options.seed)
                )
        finally:
            world.close()
    names = ("lost", "doubled", "left lying", "books not sound", "differences", "cannot be asked for again",
             "not killed")  # fmt: skip
    limits = [Limit(f"kill -9: {name}", tally.count(name), at_most=0) for name in names]
    limits += [
        Limit("immediate stops: acknowledged and lost", float(len(stopped.lost)), at_most=0),
        Limit("immediate stops: doubled", float(len(stopped.doubled)), at_most=0),
        Limit("immediate stops: anything else wrong", float(len(stopped.wrong) + stopped.given_up), at_most=0),
        Limit("immediate stops: errors in the driver's words", float(sum(
            times for name, times in stopped.errors.items() if name.startswith("untold"))), at_most=0),
    ]  # fmt: skip
    also = {
        "kills": dict(tally.kills),
        "boundaries": {story: dict(Counter(passed)) for story, passed in tally.boundaries.items()},
        "found": tally.found,
        "seconds_of_a_round_after_a_kill": {
            "median": round(percentile(tally.recoveries, 0.5), 2), "most": round(max(tally.recoveries), 2),
        } if tally.recoveries else {},
        "kills_seconds": round(killed_seconds, 1),
        "stops": {
            "stops": stopped.stops, "acknowledged": stopped.acked, "answered_again_after_an_error": stopped.unheard,
            "errors": dict(stopped.errors), "lost": stopped.lost[:5], "doubled": stopped.doubled[:5],
            "wrong": stopped.wrong[:5],
            "seconds_down": {
                "median": round(percentile(stopped.seconds_down, 0.5), 2), "most": round(max(stopped.seconds_down), 2),
            } if stopped.seconds_down else {},
        },
    }  # fmt: skip
    sizes = {"boundaries": sum(tally.kills.values()), "stops": options.stops, "workers": 4, "every": options.every}
    finish("payment_crash", limits, sizes=sizes, also=also, assert_limits=options.assert_limits)


if __name__ == "__main__":
    main()
