"""The time of the sandbox and of test clocks: what was put off is done in its order, each at its own moment."""

from __future__ import annotations

from engagerr.core.payments.sandbox.desk import Desk
from engagerr.core.payments.sandbox.routes import HAPPENINGS
from engagerr.core.payments.sandbox.store import Store

_MOST_HAPPENINGS = 100_000


def run_due(store: Store, clock: str, until: int, url: str) -> int:
    """Do all that is due on this clock ("" is the sandbox's own); how many things were done."""
    for done in range(_MOST_HAPPENINGS):
        found = store.rows(
            "SELECT n, at, account, what, ref FROM due WHERE clock = ? AND at <= ? ORDER BY at, n LIMIT 1",
            clock, until,
        )  # fmt: skip
        if not found:
            return done
        number, at, account, what, ref = found[0]
        store.run("DELETE FROM due WHERE n = ?", number)
        HAPPENINGS[what](Desk(store, account, at, clock=clock, url=url), ref)
    return _MOST_HAPPENINGS
