"""The accounts of one creator: how their syncs stand, how long the sign-in holds, and what each brought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.desk.figures import Figure
from engagerr.core.desk.reach import NOT_OBSERVED, Reach, reach_of_accounts
from engagerr.core.metrics.dataset import FOLLOWERS
from engagerr.core.metrics.registry import Registry
from engagerr.core.tenancy import Permission

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.db import Session

# An account that should have been looked at a day ago is late; `engagerr health` says the same of it.
LATE_AFTER = timedelta(days=1)
FRESH, LATE, BROKEN, NONE = "fresh", "late", "broken", "none"


@dataclass(frozen=True, slots=True)
class AccountPage:
    """One account. `sync` is fresh, late, broken or none (nobody is signed in), `problem` the reason in words.

    `expires_at` is the end of the access that was granted; where the platform lets us renew it, that happens by itself.
    `views` and `change` are of 90 days, as `reach` has them.
    """

    id: UUID
    platform: str
    handle: str
    name: str | None
    url: str | None
    items: int
    followers: Figure
    followers_at: datetime | None
    views: Figure
    change: Figure
    counted: str | None
    connector: str | None
    sync: str
    sync_since: datetime | None
    synced_at: datetime | None
    expires_at: datetime | None
    problem: str | None


# The worst of the connections of an account, each with the worst of its streams.
_ACCOUNTS = """
SELECT account.id, account.platform, account.handle, account.name, account.url,
       (SELECT count(*) FROM content_items AS item
        WHERE item.tenant_id = account.tenant_id AND item.account_id = account.id) AS items,
       access.connector, access.state, access.lost_at, access.lost_reason, access.expires_at, stream.failed_at,
       stream.due_at, stream.synced_at, stream.error
FROM accounts AS account
LEFT JOIN LATERAL (
  SELECT * FROM platform_grants AS access
  WHERE access.tenant_id = account.tenant_id AND access.account_id = account.id AND access.state <> 'revoked'
  ORDER BY access.state = 'lost' DESC, access.connected_at DESC LIMIT 1) AS access ON true
LEFT JOIN LATERAL (
  SELECT min(updated_at) FILTER (WHERE state = 'failed') AS failed_at, min(next_due_at) AS due_at,
         max(updated_at) FILTER (WHERE state = 'ok') AS synced_at,
         (array_agg(coalesce(error ->> 'message', error #>> '{}') ORDER BY updated_at DESC)
            FILTER (WHERE state = 'failed' AND error IS NOT NULL))[1] AS error
  FROM sync_checkpoints AS mark
  WHERE mark.tenant_id = account.tenant_id AND mark.account_id = account.id AND mark.connector = access.connector
) AS stream ON true
WHERE account.tenant_id = :tenant_id AND account.creator_id = :creator_id
ORDER BY account.platform, account.handle_key
"""

# The newest number, and beside it the newest statement that gave none.
_FOLLOWERS = """
SELECT DISTINCT ON (subject_id, value IS NULL) subject_id, CAST(value AS float8) AS value, state, observed_at
FROM metric_observations
WHERE tenant_id = :tenant_id AND subject_id = ANY (CAST(:ids AS uuid[])) AND metric = ANY (CAST(:metrics AS text[]))
  AND period_days = 0 AND observed_at <= :now
ORDER BY subject_id, value IS NULL, observed_at DESC, revision DESC, metric
"""


def read_accounts(session: Session, *, tenant_id: UUID, creator_id: UUID, now: datetime) -> tuple[AccountPage, ...]:
    """Step: the accounts of a creator, by platform."""
    rows = session.execute(text(_ACCOUNTS), {"tenant_id": tenant_id, "creator_id": creator_id}).all()
    ids = [row.id for row in rows]
    followers = _followers(session, tenant_id, ids, now)
    reached = reach_of_accounts(session, Registry.load(), tenant_id=tenant_id, today=now.date(), account_ids=ids)
    return tuple(_page(row, followers.get(row.id), reached.get(row.id), now) for row in rows)


def _followers(
    session: Session, tenant_id: UUID, ids: Sequence[UUID], now: datetime
) -> dict[UUID, tuple[Figure, datetime]]:
    values = {"tenant_id": tenant_id, "ids": [str(one) for one in ids], "metrics": list(FOLLOWERS), "now": now}
    found: dict[UUID, tuple[Figure, datetime]] = {}
    # A number comes before the statement that there is none.
    for row in session.execute(text(_FOLLOWERS), values):
        figure = (
            Figure.missing(row.state) if row.value is None else Figure(row.value, estimated=row.state == "estimated")
        )
        found.setdefault(row.subject_id, (figure, row.observed_at))
    return found


def _page(row: Any, followers: tuple[Figure, datetime] | None, reach: Reach | None, now: datetime) -> AccountPage:
    nothing = Figure.missing(NOT_OBSERVED)
    sync, since, problem = _sync(row, now)
    figure, seen_at = followers or (nothing, None)
    return AccountPage(
        id=row.id, platform=row.platform, handle=row.handle, name=row.name, url=row.url, items=row.items,
        followers=figure, followers_at=seen_at, views=reach.views if reach else nothing,
        change=reach.change if reach else nothing, counted=reach.counted if reach else None, connector=row.connector,
        sync=sync, sync_since=since, synced_at=row.synced_at, expires_at=row.expires_at, problem=problem,
    )  # fmt: skip


def _sync(row: Any, now: datetime) -> tuple[str, datetime | None, str | None]:
    if row.connector is None:
        return NONE, None, None
    if row.state == "lost":
        return BROKEN, row.lost_at, row.lost_reason
    if row.failed_at is not None:
        return BROKEN, row.failed_at, row.error
    if row.due_at is not None and row.due_at < now - LATE_AFTER:
        return LATE, row.due_at, None
    return FRESH, row.synced_at, None


def creator_of_account(work: Workspace, account: str | UUID) -> UUID | None:
    """Whose account this is (by id or `platform:handle`); None where it is nobody's, or there is none."""
    with work.access.transaction(Permission.READ) as session:
        found: UUID | None = session.execute(
            text(
                "SELECT creator_id FROM accounts WHERE tenant_id = :tenant_id"
                " AND (CAST(id AS text) = :account OR platform || ':' || handle = :account)"
                " ORDER BY creator_id NULLS LAST LIMIT 1"
            ),
            {"tenant_id": work.access.tenant.id, "account": str(account)},
        ).scalar_one_or_none()
        return found
