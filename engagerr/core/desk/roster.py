"""The roster as one table: every creator with figures, freshness, deals and notes, read set by set, not one by one.

Figures of a creator stand in their profile; views come from the rollups (`reach`), and can be left for later, because
they take longer than all the rest.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.desk.creator_accounts import BROKEN, FRESH, LATE, LATE_AFTER, NONE
from engagerr.core.desk.figures import Figure
from engagerr.core.desk.reach import Reach, reach_of
from engagerr.core.errors import InvalidInput
from engagerr.core.matching.profile_figures import FORMULAS
from engagerr.core.metrics.registry import Registry
from engagerr.core.metrics.upkeep import keep_up
from engagerr.core.money import Money
from engagerr.core.tenancy import Permission

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.db import Session

CODES = {
    "youtube": "YT", "tiktok": "TT", "instagram": "IG", "facebook": "FB", "twitch": "TW", "x": "X", "linkedin": "LI",
    "podcast": "PO", "spotify": "SP", "apple_podcasts": "AP", "website": "WB",
}  # fmt: skip
NO_PROFILE = "no_profile"
NOT_READ = "not_read"


@dataclass(slots=True)
class RosterRow:
    """One creator. Not frozen, because a hundred thousand of them are made at once; nobody changes one but `fill`.

    `platforms` are short codes (YT TT IG). `engagement` is a share (0.041), `change` one of the views of the 90 days
    before. `sync` is fresh, late, broken or none (nobody is signed in), `sync_since` since when; of fresh ones when
    they were last synced. `open_deals` and `rates` are None where the role may not see them.
    """

    id: UUID
    name: str
    handle: str | None
    platforms: tuple[str, ...]
    followers: Figure
    views: Figure
    change: Figure
    engagement: Figure
    topic: str | None
    topics: tuple[str, ...]
    country: str | None
    last_post: datetime | None
    sync: str
    sync_since: datetime | None
    open_deals: int | None
    notes: int
    rates: str | None
    status: str
    agent: str | None
    do_not_pitch: bool
    represented: bool
    counted: str | None = None
    as_of: datetime | None = None

    @property
    def prices(self) -> tuple[Money, ...]:
        """The lowest rate of each currency, by currency; none where none is known, or none may be seen."""
        return () if self.rates is None else _lowest(self.rates)

    @property
    def price_from(self) -> Money | None:
        """The lowest rate, where all are of one currency: two currencies do not compare."""
        prices = self.prices
        return prices[0] if len(prices) == 1 else None


@dataclass(frozen=True, slots=True)
class RosterTable:
    """The whole roster, by name.

    `as_of`: no figure was put together earlier than then. `stale` counts creators whose sync is late or broken,
    `behind` those whose figures lag behind what has come in since. `hidden` names what the role may
    not see (open_deals, rates). `engagement` names the rate that the column shows. `note` says in words what is behind.
    """

    rows: tuple[RosterRow, ...]
    as_of: datetime | None
    stale: int
    total: int
    note: str | None
    behind: int = 0
    hidden: frozenset[str] = frozenset()
    engagement: str = "engagement_by_followers"


@lru_cache(maxsize=20_000)
def _lowest(rates: str) -> tuple[Money, ...]:
    lowest: dict[str, int] = {}
    for amounts in json.loads(rates).values():
        for currency, minor in amounts.items():
            lowest[currency] = min(minor, lowest.get(currency, minor))
    return tuple(Money(lowest[currency], currency) for currency in sorted(lowest))


# `missing` and `rates` stay text: they are read where a cell asks for them.
_ROWS = """
SELECT creator.id, creator.name, profile.handles[1] AS handle,
       CASE WHEN profile.creator_id IS NOT NULL THEN array_to_string(profile.platforms, ' ') ELSE (
         SELECT string_agg(DISTINCT account.platform, ' ') FROM accounts AS account
         WHERE account.tenant_id = creator.tenant_id AND account.creator_id = creator.id) END AS platforms,
       CAST(profile.followers AS float8) AS followers, profile.{engagement} AS engagement,
       CASE WHEN profile.followers IS NULL THEN profile.missing ->> 'followers' END AS no_followers,
       CASE WHEN profile.{engagement} IS NULL THEN profile.missing ->> '{engagement}' END AS no_engagement,
       profile.main_topic, array_to_string(creator.topics, E'\\x1f') AS topics, creator.country,
       profile.last_published_at, {rates} AS rates, creator.status, creator.agent, creator.do_not_pitch,
       coalesce(profile.represented, false) AS represented, profile.made_at
FROM creators AS creator
LEFT JOIN creator_profiles AS profile ON profile.tenant_id = creator.tenant_id AND profile.creator_id = creator.id
WHERE creator.tenant_id = :tenant_id
"""

# The worst of a creator's connected accounts: one that is broken hides behind no fresh one.
_SYNC = """
WITH stream AS (
  SELECT account_id, connector, min(updated_at) FILTER (WHERE state = 'failed') AS failed_at,
         min(next_due_at) AS due_at, max(updated_at) FILTER (WHERE state = 'ok') AS synced_at
  FROM sync_checkpoints WHERE tenant_id = :tenant_id GROUP BY account_id, connector
), connection AS (
  SELECT account.creator_id, CASE WHEN access.state = 'lost' THEN 3 WHEN stream.failed_at IS NOT NULL THEN 3
                                  WHEN stream.due_at < :late THEN 2 ELSE 1 END AS rank,
         CASE WHEN access.state = 'lost' THEN access.lost_at ELSE stream.failed_at END AS broken_at,
         CASE WHEN stream.due_at < :late THEN stream.due_at END AS late_at, stream.synced_at
  FROM platform_grants AS access
  JOIN accounts AS account ON account.tenant_id = access.tenant_id AND account.id = access.account_id
  LEFT JOIN stream ON stream.account_id = access.account_id AND stream.connector = access.connector
  WHERE access.tenant_id = :tenant_id AND access.state <> 'revoked' AND account.creator_id IS NOT NULL
)
SELECT creator_id, max(rank) AS rank, min(broken_at) AS broken_at, min(late_at) AS late_at,
       max(synced_at) AS synced_at
FROM connection GROUP BY creator_id
"""

_OPEN_DEALS = """
SELECT held.creator_id, count(*) AS deals
FROM deals
JOIN deal_creators AS held ON held.tenant_id = deals.tenant_id AND held.deal_id = deals.id
WHERE deals.tenant_id = :tenant_id AND deals.stage NOT IN ('paid', 'declined', 'cancelled')
GROUP BY held.creator_id
"""

_NOTES = """
SELECT creator_id, count(*) AS notes FROM creator_notes
WHERE tenant_id = :tenant_id AND removed_at IS NULL GROUP BY creator_id
"""

# Whose profile does not know of the newest arrival yet.
_BEHIND = """
SELECT count(DISTINCT creator.id)
FROM creators AS creator
LEFT JOIN creator_profiles AS profile ON profile.tenant_id = creator.tenant_id AND profile.creator_id = creator.id
LEFT JOIN (
  SELECT account.creator_id FROM event_heads AS head
  JOIN accounts AS account ON account.tenant_id = head.tenant_id AND account.id = head.about
  LEFT JOIN event_cursors AS seen ON seen.tenant_id = head.tenant_id AND seen.about = head.about
                                 AND seen.subscriber = 'profiles'
  WHERE head.tenant_id = :tenant_id AND head.sequence > coalesce(seen.sequence, 0)
) AS told ON told.creator_id = creator.id
WHERE creator.tenant_id = :tenant_id
  AND (profile.creator_id IS NULL OR told.creator_id IS NOT NULL OR creator.updated_at > profile.made_at)
"""


def roster(work: Workspace, *, views: bool = True, engagement: str = "engagement_by_followers") -> RosterTable:
    """Every creator of the workspace. Without `views` they are left out (`why` is "not_read") and can be filled in
    later by `reach_of_everybody` and `fill`: the rest is there several times sooner.

    `engagement` is engagement_by_followers, _by_views or _by_reach: one for all, as they do not compare. Views are
    of all that has come in; the other figures stand as they were put together, and `work.profiles.keep_up()` does that
    anew for whom the table says they are behind.
    """
    if engagement not in FORMULAS:
        raise InvalidInput(f"There is no rate {engagement!r}.", hint=f"One of: {', '.join(FORMULAS)}.")
    access = work.access
    if views:
        keep_up(access, Registry.load())
    with access.transaction(Permission.READ) as session:
        sees_rates = access.allows(session, Permission.READ_TERMS)
        sees_deals = access.allows(session, Permission.READ_DEALS)
        tenant = {"tenant_id": access.tenant.id}
        states = _sync_states(session, access.tenant.id, access.clock.now())
        deals = dict(_pairs(session, _OPEN_DEALS, tenant)) if sees_deals else None
        notes = dict(_pairs(session, _NOTES, tenant))
        behind = session.execute(text(_BEHIND), tenant).scalar_one()
        reached = _reached(session, access.tenant.id, access.clock.now()) if views else None
        statement = _ROWS.format(
            engagement=engagement, rates="CAST(profile.rates AS text)" if sees_rates else "CAST(NULL AS text)"
        )
        rows = _made(session.execute(text(statement), tenant).all(), states, deals, notes, reached)
    rows.sort(key=lambda row: (row.name.casefold(), row.id))
    hidden = ([] if sees_deals else ["open_deals"]) + ([] if sees_rates else ["rates"])
    return RosterTable(
        rows=tuple(rows),
        as_of=min((row.as_of for row in rows if row.as_of is not None), default=None),
        stale=sum(row.sync in (LATE, BROKEN) for row in rows),
        total=len(rows),
        note=_note(behind, len(rows)),
        behind=behind,
        hidden=frozenset(hidden),
        engagement=engagement,
    )


def reach_of_everybody(work: Workspace) -> dict[UUID, Reach]:
    """The views of all creators of whom there are figures, by creator; others have none."""
    access = work.access
    keep_up(access, Registry.load())
    with access.transaction(Permission.READ) as session:
        return _reached(session, access.tenant.id, access.clock.now())


def fill(table: RosterTable, reached: dict[UUID, Reach]) -> RosterTable:
    """The same table, its rows now with views, change and how they are counted."""
    for row in table.rows:
        row.views, row.change, row.counted = _views_of(reached.get(row.id))
    return table


def _reached(session: Session, tenant_id: UUID, now: datetime) -> dict[UUID, Reach]:
    return reach_of(session, Registry.load(), tenant_id=tenant_id, today=now.date())


def _views_of(reach: Reach | None) -> tuple[Figure, Figure, str | None]:
    if reach is None:
        nothing = Figure.missing("not_observed")
        return nothing, nothing, None
    return reach.views, reach.change, reach.counted


def _pairs(session: Session, statement: str, values: dict[str, Any]) -> list[tuple[UUID, int]]:
    return [(row[0], row[1]) for row in session.execute(text(statement), values)]


def _sync_states(session: Session, tenant_id: UUID, now: datetime) -> dict[UUID, tuple[str, datetime | None]]:
    rows = session.execute(text(_SYNC), {"tenant_id": tenant_id, "late": now - LATE_AFTER})
    return {row.creator_id: _state(row) for row in rows}


def _state(row: Any) -> tuple[str, datetime | None]:
    if row.rank == 3:
        return BROKEN, row.broken_at
    return (LATE, row.late_at) if row.rank == 2 else (FRESH, row.synced_at)


def _made(
    found: Any,
    states: dict[UUID, tuple[str, datetime | None]],
    deals: dict[UUID, int] | None,
    notes: dict[UUID, int],
    reached: dict[UUID, Reach] | None,
) -> list[RosterRow]:
    """The rows. What many of them share (sets of platforms, reasons) is made once."""
    codes: dict[str | None, tuple[str, ...]] = {}
    topics_of: dict[str, tuple[str, ...]] = {}
    not_read = Figure.missing(NOT_READ)
    unconnected = (NONE, None)
    made: list[RosterRow] = []
    for (creator, name, handle, platforms, followers, engagement, no_followers, no_engagement, topic, topics, country,
         last_post, rates, status, agent, do_not_pitch, represented, made_at) in found:  # fmt: skip
        if platforms not in codes:
            codes[platforms] = platform_codes((platforms or "").split())
        if topics not in topics_of:
            topics_of[topics] = tuple(topics.split("\x1f")) if topics else ()
        unknown = "not_observed" if made_at is not None else NO_PROFILE
        views, change, counted = (not_read, not_read, None) if reached is None else _views_of(reached.get(creator))
        sync, since = states.get(creator, unconnected)
        made.append(
            RosterRow(
                creator, name, None if handle is None else handle.partition(":")[2], codes[platforms],
                Figure(followers) if followers is not None else Figure.missing(no_followers or unknown),
                views, change,
                Figure(engagement) if engagement is not None else Figure.missing(no_engagement or unknown),
                topic, topics_of[topics], country, last_post, sync, since,
                None if deals is None else deals.get(creator, 0), notes.get(creator, 0), rates, status, agent,
                do_not_pitch, represented, counted, made_at,
            )
        )  # fmt: skip
    return made


def platform_codes(platforms: list[str]) -> tuple[str, ...]:
    """Two letters for each platform, in the order of `CODES`; an unknown one by its own first two."""
    known = [code for platform, code in CODES.items() if platform in platforms]
    return (*known, *sorted(platform[:2].upper() for platform in platforms if platform not in CODES))


def _note(behind: int, total: int) -> str | None:
    if not behind:
        return None
    return f"Figures of {behind:,} of {total:,} creators are behind what has come in since; a refresh mends that."
