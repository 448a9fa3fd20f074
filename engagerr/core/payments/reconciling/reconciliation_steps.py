"""The steps of a comparison: both sets of books as sets, what they come to, and what is kept of it.

`reconciliation_sql` says what is compared with what.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.payments.reconciling.reconciliation_sql import (
    ALIASES,
    BALANCES,
    CLASSES,
    CLEAR,
    CONTROL,
    COUNT,
    FEE_LINES,
    MARK,
    MOVING,
    NAMES,
    OURS,
    OWN_BANK_LINES,
    PAIRS,
    PAYOUTS,
    THEIRS,
    UNDOING_LINES,
    WRITE,
)

if TYPE_CHECKING:
    from engagerr.core.db import Session


@dataclass(frozen=True, slots=True)
class Control:
    """One balance at the provider in one currency, in minor units: theirs = ours + differences + rest; rest must be 0.

    `account` is empty for our own balance, else the connected account.
    """

    account: str
    currency: str
    ours: int
    theirs: int
    differences: int
    rest: int


@dataclass(frozen=True, slots=True)
class Compared:
    """What one comparison saw. `kinds` counts every difference that stands, new or not."""

    lines: int
    payouts: int
    transfers: int
    matched: int
    kinds: dict[str, int]
    control: tuple[Control, ...]


def compare(
    session: Session,
    *,
    tenant_id: UUID,
    now: datetime,
    fresh_after: datetime,
    events_since: datetime,
    read: tuple[str, ...],
    balances: Mapping[tuple[str, str], int],
) -> Compared:
    """Compare all there is; what was found stays in `recon_marked` until the transaction ends.

    `fresh_after`: what we booked since then may not have reached the provider's lists. `events_since`: how far back the
    provider still tells events. `read`: connected accounts whose lines were copied. `balances`: what the provider says
    is on each balance, by account and currency.
    """
    aliases = [(kind, path) for kind, paths in ALIASES.items() for path in paths]
    values: dict[str, Any] = {
        "tenant_id": tenant_id, "now": now, "fresh_after": fresh_after, "events_since": events_since,
        "read": list(read), "read_too": ["", *read], "moving": list(MOVING), "fee_lines": list(FEE_LINES),
        "undoing": list(UNDOING_LINES), "own_bank": list(OWN_BANK_LINES), "alias_kinds": [kind for kind, _ in aliases],
        "alias_paths": [path for _, path in aliases], "balance_accounts": [account for account, _ in balances],
        "balance_currencies": [currency for _, currency in balances], "balance_minors": list(balances.values()),
    }  # fmt: skip
    for script in (NAMES, OURS, THEIRS, PAIRS, CLASSES, PAYOUTS, BALANCES, MARK):
        for statement in _statements(script):
            _run(session, statement, values)
    seen = session.execute(
        text(
            """
            SELECT (SELECT count(*) FROM recon_theirs) AS lines,
                   (SELECT count(*) FROM provider_payouts WHERE tenant_id = :tenant_id) AS payouts,
                   (SELECT count(DISTINCT id) FROM recon_ours) AS transfers,
                   (SELECT count(*) FROM recon_pairs) - (SELECT count(*) FROM recon_wrong) AS matched,
                   (SELECT coalesce(jsonb_object_agg(kind, number), '{}') FROM (
                     SELECT kind, count(*) AS number FROM recon_found GROUP BY kind) AS counted) AS kinds
            """
        ),
        {"tenant_id": tenant_id},
    ).one()
    control = tuple(Control(**row._mapping) for row in _run(session, CONTROL, values))
    return Compared(seen.lines, seen.payouts, seen.transfers, seen.matched, dict(seen.kinds), control)


def changes(session: Session, *, tenant_id: UUID) -> tuple[int, int]:
    """Of what was found: (how much is new, or stands again; how much that was open is no longer found)."""
    row = session.execute(text(COUNT), {"tenant_id": tenant_id}).one()
    return row.opened, row.cleared


def write_differences(session: Session, *, tenant_id: UUID, run_id: UUID, now: datetime) -> None:
    """Keep what was found under a run that is written down; what is no longer found is cleared."""
    values = {"tenant_id": tenant_id, "run_id": run_id, "now": now}
    session.execute(text(WRITE), values)
    session.execute(text(CLEAR), values)


def _statements(script: str) -> list[str]:
    """The statements of a script: each ends with a semicolon at the end of a line, and none holds one elsewhere."""
    return [statement for part in script.split(";\n") if (statement := part.strip())]


def _run(session: Session, statement: str, values: Mapping[str, Any]) -> Any:
    return session.execute(text(statement), values)
