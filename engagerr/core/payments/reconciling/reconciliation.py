"""Reconciliation: our ledger, the provider's balance transactions and its payouts, brought together.

A run copies what is new in the provider's books, compares all there is, takes over what the provider alone can say, and
leaves the rest to a person. It can be broken off and repeated anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import Broken, EngagerrError
from engagerr.core.payments.reconciling.adoption import what_went_wrong
from engagerr.core.payments.reconciling.difference_kinds import BY_ITSELF
from engagerr.core.payments.reconciling.differences import adopt_row, keep_tasks, read_rows
from engagerr.core.payments.reconciling.provider_lines import Copied, copy_books
from engagerr.core.payments.reconciling.reconciliation_steps import (
    Compared,
    Control,
    changes,
    compare,
    write_differences,
)
from engagerr.core.telemetry import log
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session
    from engagerr.core.payments.stripe_gateway import StripeGateway

# What we booked so lately may be missing in the provider's lists although it was done.
FRESH = timedelta(minutes=10)
# Stripe tells events of the last 30 days (docs.stripe.com/api/events).
EVENTS_KEPT = timedelta(days=30)
_ADOPTED_AT_ONCE = 1_000
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `lines`, `payouts`: of the provider's, compared; `transfers`: of ours; `matched`: objects that agree.

    `opened`: new differences that wait; `adopted`: taken over by this run; `cleared`: gone since the last run;
    `waiting`: open when it ended. `kinds` counts all that differs, by kind. `control`: each balance, both added up.
    `unread`: connected accounts that could not be read; `troubles`: why something could not be taken over.
    """

    id: UUID
    started_at: datetime
    finished_at: datetime
    copied_lines: int
    copied_payouts: int
    lines: int
    payouts: int
    transfers: int
    matched: int
    opened: int
    adopted: int
    cleared: int
    waiting: int
    kinds: dict[str, int]
    control: tuple[Control, ...]
    unread: dict[str, str]
    troubles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run as it was written down."""

    id: UUID
    started_at: datetime
    finished_at: datetime
    by: str | None
    lines: int
    payouts: int
    transfers: int
    matched: int
    opened: int
    cleared: int
    kinds: dict[str, int]


class Reconciliation:
    """Our books against the provider's."""

    def __init__(self, access: Access, gateway: Callable[[], StripeGateway]) -> None:
        self._access = access
        self._gateway = gateway

    def run(self, *, adopt: bool = True, whole: bool = False) -> Run:
        """Copy, compare, and take over what the provider alone can say (`adopt`; needs the right to release).

        `whole` copies the provider's books from their beginning, and not from where the last run ended.
        """
        access = self._access
        access.require(Permission.RELEASE if adopt else Permission.READ_MONEY)
        started = access.clock.now()
        copied = copy_books(access, self._gateway(), whole=whole)
        first = last = self._compare(started, copied)
        opened, cleared = first.opened, first.cleared
        tried: dict[UUID, str | None] = {}
        # What is taken over may show what it hid: a payment that is booked now, the fee of which is not.
        for _ in range(_ROUNDS if adopt else 0):
            before = len(tried)
            self._adopt(tried)
            if len(tried) == before:
                break
            last = self._compare(started, copied)
            opened, cleared = opened + last.opened, cleared + last.cleared
        with access.transaction(Permission.READ_MONEY) as session:
            keep_tasks(session, access)
            waiting = _waiting(session, access)
            adopted = _adopted(session, access, list(tried))
        log(
            "reconciliation.done", lines=last.lines, transfers=last.transfers, matched=last.matched, adopted=adopted,
            waiting=waiting, kinds=last.kinds,
        )  # fmt: skip
        return Run(
            id=last.id, started_at=started, finished_at=access.clock.now(), copied_lines=copied.lines,
            copied_payouts=copied.payouts, lines=last.lines, payouts=last.payouts, transfers=last.transfers,
            matched=last.matched, opened=opened, adopted=adopted, cleared=cleared, waiting=waiting, kinds=last.kinds,
            control=last.control, unread=dict(copied.unread),
            troubles=tuple(trouble for trouble in tried.values() if trouble is not None),
        )  # fmt: skip

    def runs(self, *, limit: int = 20) -> tuple[PastRun, ...]:
        """The latest runs, the newest first."""
        with self._access.transaction(Permission.READ_MONEY) as session:
            rows = session.execute(
                text(
                    """
                    SELECT run.*, member.name AS by FROM reconciliations AS run
                    LEFT JOIN members AS member ON member.tenant_id = run.tenant_id AND member.id = run.member_id
                    WHERE run.tenant_id = :tenant_id ORDER BY run.started_at DESC, run.id DESC LIMIT :limit
                    """
                ),
                {"tenant_id": self._access.tenant.id, "limit": limit},
            )
            return tuple(
                PastRun(
                    row.id, row.started_at, row.finished_at, row.by, row.lines, row.payouts, row.transfers, row.matched,
                    row.opened, row.cleared, row.kinds,
                )
                for row in rows
            )  # fmt: skip

    def _compare(self, started: datetime, copied: Copied) -> _Kept:
        access = self._access
        tenant_id, now = access.tenant.id, access.clock.now()
        with access.transaction(Permission.READ_MONEY) as session:
            # One at a time: two would write the same differences.
            session.execute(
                text("SELECT pg_advisory_xact_lock(hashtextextended('engagerr.reconciliation.' || :tenant_id, 0))"),
                {"tenant_id": str(tenant_id)},
            )
            seen = compare(
                session, tenant_id=tenant_id, now=now, fresh_after=started - FRESH, events_since=now - EVENTS_KEPT,
                read=tuple(copied.read), balances=copied.balances,
            )  # fmt: skip
            rest = [one for one in seen.control if one.rest]
            if rest:
                raise Broken(
                    "The differences that were found do not explain what lies between both sides.",
                    hint="Nothing was changed. Please report this as a bug.",
                    facts={"control": [asdict(one) for one in rest]},
                )
            opened, cleared = changes(session, tenant_id=tenant_id)
            run_id = _write_run(session, access, started, seen, opened, cleared)
            write_differences(session, tenant_id=tenant_id, run_id=run_id, now=now)
        return _Kept(
            run_id, seen.lines, seen.payouts, seen.transfers, seen.matched, opened, cleared, seen.kinds, seen.control
        )

    def _adopt(self, tried: dict[UUID, str | None]) -> None:
        """Take over, each in a transaction of its own and once a run, what needs nobody's word.

        `tried` gets each with what stood in the way, if anything did.
        """
        after = None
        while rows := self._adoptable(after):
            for row in rows:
                if row.id in tried:
                    continue
                tried[row.id] = None
                try:
                    adopt_row(self._access, self._gateway, row)
                except EngagerrError as error:
                    log("reconciliation.not_adopted", object=row.object_id, kind=row.kind, error=error.message)
                    if row.kind != "in_flight":
                        tried[row.id] = what_went_wrong(error)
            after = rows[-1].id

    def _adoptable(self, after: UUID | None) -> tuple[Row[Any], ...]:
        with self._access.transaction(Permission.READ_MONEY) as session:
            return read_rows(
                session, self._access,
                "(difference.state = 'open' AND (difference.kind = ANY (:kinds) OR difference.facts ? 'own_bank')"
                " OR difference.state = 'explained' AND difference.kind = 'in_flight'"
                "   AND difference.facts ->> 'operation_state' = 'awaiting')"
                " AND (CAST(:after AS uuid) IS NULL OR difference.id > :after)",
                limit=_ADOPTED_AT_ONCE, kinds=list(BY_ITSELF), after=after,
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Kept:
    """A comparison as it was written down."""

    id: UUID
    lines: int
    payouts: int
    transfers: int
    matched: int
    opened: int
    cleared: int
    kinds: dict[str, int]
    control: tuple[Control, ...]


def _write_run(session: Session, access: Access, started: datetime, seen: Compared, opened: int, cleared: int) -> UUID:
    run_id: UUID = session.execute(
        text(
            """
            INSERT INTO reconciliations (tenant_id, started_at, finished_at, through_at, member_id, lines, payouts,
                                         transfers, matched, opened, cleared, kinds, control)
            VALUES (:tenant_id, :started, :now, :started, :member_id, :lines, :payouts, :transfers, :matched, :opened,
                    :cleared, CAST(:kinds AS jsonb), CAST(:control AS jsonb))
            RETURNING id
            """
        ),
        {
            "tenant_id": access.tenant.id, "started": started, "now": access.clock.now(),
            "member_id": access.member.id, "lines": seen.lines, "payouts": seen.payouts,
            "transfers": seen.transfers, "matched": seen.matched, "opened": opened, "cleared": cleared,
            "kinds": json.dumps(seen.kinds), "control": json.dumps([asdict(one) for one in seen.control]),
        },
    ).scalar_one()  # fmt: skip
    return run_id


def _waiting(session: Session, access: Access) -> int:
    waiting: int = session.execute(
        text("SELECT count(*) FROM differences WHERE tenant_id = :tenant_id AND state = 'open'"),
        {"tenant_id": access.tenant.id},
    ).scalar_one()
    return waiting


def _adopted(session: Session, access: Access, tried: list[UUID]) -> int:
    """How many of these the books say now as the provider does."""
    adopted: int = session.execute(
        text(
            "SELECT count(*) FROM differences WHERE tenant_id = :tenant_id AND id = ANY (:tried) AND state = 'adopted'"
        ),
        {"tenant_id": access.tenant.id, "tried": tried},
    ).scalar_one()
    return adopted
