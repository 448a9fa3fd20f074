"""Keeping rollups in step: before each read what has landed since is rolled up, and all of it after new definitions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import Unavailable
from engagerr.core.events.delivery import deliver_all, take_as_told
from engagerr.core.metrics.registry import Registry
from engagerr.core.metrics.rollups import (
    ROLLUPS,
    Rebuilt,
    in_the_making,
    lock_rollups,
    maker,
    rebuild,
    remade_from,
)
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session

_ACCOUNTS_AT_A_TIME = 25


@dataclass(frozen=True, slots=True)
class RollupState:
    """How the rollups stand: rows, the events that wait for them, and whether they were made by today's definitions."""

    rows: int
    waiting: int
    current: bool
    rebuilt_at: datetime | None
    newest: datetime | None


def keep_up(access: Access, registry: Registry) -> None:
    """Roll up what landed since the last time; `Unavailable` where that did not work, so that nobody reads old sums."""
    with access.transaction(Permission.READ) as session:
        made_by = _made_by(session, access.tenant.id)
    if made_by != maker(registry):
        rebuild_all(access, registry)
    for told in deliver_all(access, (ROLLUPS,), needs=Permission.READ):
        if told.error is not None:
            raise Unavailable(
                f"The newest figures could not be rolled up: {told.error}",
                hint="`engagerr metric rollup --rebuild` makes all rollups again.",
            )


def rebuild_all(access: Access, registry: Registry, *, progress: Callable[[int, int], None] | None = None) -> Rebuilt:
    """Make every rollup again from the observations; `progress` hears (accounts done, of how many)."""
    with access.transaction(Permission.READ) as session:
        accounts = list(
            session.execute(
                text("SELECT id FROM accounts WHERE tenant_id = :tenant_id ORDER BY id"),
                {"tenant_id": access.tenant.id},
            ).scalars()
        )
        # Rollups of months whose observations were retired are all that is left of them.
        first = remade_from(session)
        lock_rollups(session, access.tenant.id)
        _note(session, access, in_the_making(registry))
    ours = (maker(registry), in_the_making(registry))
    rows = differed = 0
    for start in range(0, len(accounts), _ACCOUNTS_AT_A_TIME):
        some = accounts[start : start + _ACCOUNTS_AT_A_TIME]
        with access.transaction(Permission.READ) as session:
            lock_rollups(session, access.tenant.id)
            _refuse_others(session, access, ours)
            take_as_told(
                session, tenant_id=access.tenant.id, subscriber=ROLLUPS.name, about=some, only_failed=first is not None
            )
            made = rebuild(session, registry, tenant_id=access.tenant.id, accounts=some, first=first)
        rows += made.rows
        differed += made.differed
        if progress is not None:
            progress(start + len(some), len(accounts))
    with access.transaction(Permission.READ) as session:
        lock_rollups(session, access.tenant.id)
        _refuse_others(session, access, ours)
        _note(session, access, maker(registry))
    return Rebuilt(len(accounts), rows, differed)


def rollup_state(session: Session, registry: Registry, *, tenant_id: UUID) -> RollupState:
    """How the rollups stand now."""
    row = session.execute(
        text(
            """
            SELECT (SELECT count(*) FROM metric_rollups WHERE tenant_id = :tenant_id) AS rows,
                   (SELECT max(last_at) FROM metric_rollups WHERE tenant_id = :tenant_id AND grain = 'month') AS newest,
                   (SELECT coalesce(sum(head.sequence - coalesce(seen.sequence, 0)), 0)
                    FROM event_heads AS head LEFT JOIN event_cursors AS seen
                      ON seen.tenant_id = head.tenant_id AND seen.about = head.about AND seen.subscriber = :subscriber
                    WHERE head.tenant_id = :tenant_id) AS waiting,
                   (SELECT rebuilt_at FROM rollup_states WHERE tenant_id = :tenant_id) AS rebuilt_at
            """
        ),
        {"tenant_id": tenant_id, "subscriber": ROLLUPS.name},
    ).one()
    current = _made_by(session, tenant_id) in (None, maker(registry))
    return RollupState(row.rows, int(row.waiting), current, row.rebuilt_at, row.newest)


def _made_by(session: Session, tenant_id: UUID) -> str | None:
    return session.execute(
        text("SELECT registry FROM rollup_states WHERE tenant_id = :tenant_id"), {"tenant_id": tenant_id}
    ).scalar_one_or_none()


def _refuse_others(session: Session, access: Access, ours: tuple[str, str]) -> None:
    """Stop where a process with other definitions began to make all rollups meanwhile, or made some of them."""
    if _made_by(session, access.tenant.id) not in ours:
        raise Unavailable(
            "Another version of Engagerr makes the rollups of this workspace just now.",
            hint="Run it again after that; let only one version work on a workspace.",
        )


def _note(session: Session, access: Access, made_by: str) -> None:
    session.execute(
        text(
            "INSERT INTO rollup_states (tenant_id, registry, rebuilt_at) VALUES (:tenant_id, :registry, :now)"
            " ON CONFLICT (tenant_id) DO UPDATE SET registry = excluded.registry, rebuilt_at = excluded.rebuilt_at"
        ),
        {"tenant_id": access.tenant.id, "registry": made_by, "now": access.clock.now()},
    )
