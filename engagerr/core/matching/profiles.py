"""One row a creator, of all that a search may ask for: made from roster, figures, families and deals, and kept fresh.

Before every search whoever has changed since their row was made is made again (`keep_up`), so that no search shows
figures older than the last import. What only the passing of days changes (posts of 30 days) is made again every night;
`made_at` says when.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypedDict
from uuid import UUID

from sqlalchemy import text

from engagerr.core.ai.tasks import Piece, Topics
from engagerr.core.events.delivery import take_as_told
from engagerr.core.matching.profile_readings import Readers, floor_readers, read_into, tags_of
from engagerr.core.matching.profile_words import configurations, weighted_words
from engagerr.core.roster import find_creator
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import RowMapping

    from engagerr.core.db import Session
    from engagerr.core.matching.profile_figures import Sheet

SUBSCRIBER = "profiles"
_AT_A_TIME = 1_000
# The nightly job makes rows again that are older than this, as their windows have moved on.
STALE_AFTER = timedelta(hours=20)
# What is written beside no event and no audit entry (edges that a model confirms) is looked for so often.
_LOOK_AGAIN = timedelta(minutes=1)
_TITLES = 30


@dataclass(frozen=True, slots=True)
class Refreshed:
    """How many profiles were made, how many there are, and when the oldest of them was made."""

    made: int
    profiles: int
    oldest: datetime | None


class _Whose(TypedDict):
    tenant_id: UUID
    creators: Sequence[UUID]


class Profiles:
    """The rows that searches and matching read."""

    def __init__(self, access: Access, readers: Callable[[], Readers] = floor_readers) -> None:
        self._access = access
        self._readers = readers
        self._checked: tuple[Any, datetime, Refreshed] | None = None

    def refresh(
        self, creators: Sequence[str] | None = None, *, progress: Callable[[int, int], None] | None = None
    ) -> Refreshed:
        """Make the profiles of these creators (by name or id) again, or of all; `progress` hears (done, of all)."""
        with self._access.transaction(Permission.READ) as session:
            if creators is None:
                wanted = _everybody(session, self._access.tenant.id)
            else:
                wanted = [find_creator(session, name)[0] for name in creators]
        return self._make(wanted, progress)

    def keep_up(self, *, progress: Callable[[int, int], None] | None = None, overnight: bool = False) -> Refreshed:
        """Make again what has changed since it was made; `overnight` also what is merely older than 20 hours."""
        now = self._access.clock.now()
        with self._access.transaction(Permission.READ) as session:
            state = _state(session, self._access.tenant.id)
            if not overnight and (before := self._unchanged_since(state, now)) is not None:
                return replace(before, made=0)
            stale = stale_creators(
                session,
                tenant_id=self._access.tenant.id,
                now=now,
                older_than=STALE_AFTER if overnight else None,
            )
        refreshed = self._make(stale, progress)
        self._checked = (state, now, refreshed)
        return refreshed

    def _unchanged_since(self, state: Any, now: datetime) -> Refreshed | None:
        """How the profiles stood when this object looked last, if that is a moment ago and nothing was written since
        that could concern one."""
        if self._checked is None:
            return None
        before, at, refreshed = self._checked
        return refreshed if before == state and timedelta(0) <= now - at < _LOOK_AGAIN else None

    def _make(self, wanted: Sequence[UUID], progress: Callable[[int, int], None] | None) -> Refreshed:
        tenant_id = self._access.tenant.id
        readers = self._readers() if wanted else Readers()
        made = 0
        for start in range(0, len(wanted), _AT_A_TIME):
            some = wanted[start : start + _AT_A_TIME]
            with self._access.transaction(Permission.READ) as session:
                lock_profiles(session, tenant_id)
                made += refresh_profiles(
                    session, tenant_id=tenant_id, now=self._access.clock.now(), creators=some, readers=readers
                )
            if progress is not None:
                progress(start + len(some), len(wanted))
        with self._access.transaction(Permission.READ) as session:
            return _refreshed(session, tenant_id, made)


def _refreshed(session: Session, tenant_id: UUID, made: int) -> Refreshed:
    row = session.execute(
        text("SELECT count(*) AS n, min(made_at) AS oldest FROM creator_profiles WHERE tenant_id = :tenant_id"),
        {"tenant_id": tenant_id},
    ).one()
    return Refreshed(made, row.n, row.oldest)


def _state(session: Session, tenant_id: UUID) -> Any:
    """The newest of what is written beside whatever changes a roster, a piece or a figure: one row of an index each."""
    return tuple(session.execute(text(_STATE), {"tenant_id": tenant_id}).one())


_STATE = """
SELECT (SELECT sequence FROM audit_heads WHERE tenant_id = :tenant_id),
       (SELECT id FROM events WHERE tenant_id = :tenant_id ORDER BY id DESC LIMIT 1),
       (SELECT id FROM content_decisions WHERE tenant_id = :tenant_id ORDER BY at DESC, id DESC LIMIT 1),
       (SELECT id FROM imports WHERE tenant_id = :tenant_id ORDER BY id DESC LIMIT 1)
"""


def lock_profiles(session: Session, tenant_id: UUID) -> None:
    """Be the only one who makes this tenant's profiles, until the transaction ends."""
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended('engagerr.profiles.' || CAST(:tenant_id AS text), 0))"),
        {"tenant_id": str(tenant_id)},
    )


def stale_creators(
    session: Session, *, tenant_id: UUID, now: datetime, older_than: timedelta | None = None
) -> list[UUID]:
    """Whose profile is not there, or is older than what it is made from."""
    values = {
        "tenant_id": tenant_id, "subscriber": SUBSCRIBER,
        "made_before": None if older_than is None else now - older_than,
    }  # fmt: skip
    return list(session.execute(text(_STALE), values).scalars())


# Edges and deals are looked through from the oldest profile on; everything else by creator.
_STALE = """
WITH oldest AS MATERIALIZED (
  SELECT min(made_at) AS made_at FROM creator_profiles WHERE tenant_id = :tenant_id
), touched AS MATERIALIZED (
  SELECT account.creator_id, NULL::timestamptz AS at
  FROM event_heads AS head
  LEFT JOIN event_cursors AS seen ON seen.tenant_id = head.tenant_id AND seen.about = head.about
                                 AND seen.subscriber = :subscriber
  JOIN accounts AS account ON account.tenant_id = head.tenant_id AND account.id = head.about
  WHERE head.tenant_id = :tenant_id AND head.sequence > coalesce(seen.sequence, 0)
  UNION ALL
  SELECT account.creator_id, max(change.at)
  FROM (
    SELECT child_id AS item_id, updated_at AS at FROM content_edges, oldest
    WHERE content_edges.tenant_id = :tenant_id AND updated_at > oldest.made_at
    UNION ALL
    SELECT item_id, content_terms.created_at FROM content_terms, oldest
    WHERE content_terms.tenant_id = :tenant_id AND content_terms.created_at > oldest.made_at
    UNION ALL
    SELECT item_id, added_at FROM campaign_items, oldest
    WHERE campaign_items.tenant_id = :tenant_id AND added_at > oldest.made_at
  ) AS change
  JOIN content_items AS item ON item.tenant_id = :tenant_id AND item.id = change.item_id
  JOIN accounts AS account ON account.tenant_id = :tenant_id AND account.id = item.account_id
  GROUP BY account.creator_id
  UNION ALL SELECT creator_id, created_at FROM accounts WHERE tenant_id = :tenant_id
  UNION ALL SELECT creator_id, created_at FROM representation_terms WHERE tenant_id = :tenant_id
  UNION ALL SELECT creator_id, quoted_at FROM rates WHERE tenant_id = :tenant_id
  UNION ALL SELECT creator_id, created_at FROM creator_unavailability WHERE tenant_id = :tenant_id
  UNION ALL SELECT creator_id, created_at FROM creator_exclusivities WHERE tenant_id = :tenant_id
), newest AS (
  SELECT creator_id, max(coalesce(at, 'infinity')) AS at FROM touched WHERE creator_id IS NOT NULL GROUP BY creator_id
)
SELECT creator.id
FROM creators AS creator
LEFT JOIN creator_profiles AS profile ON profile.tenant_id = creator.tenant_id AND profile.creator_id = creator.id
LEFT JOIN newest ON newest.creator_id = creator.id
WHERE creator.tenant_id = :tenant_id
  AND (profile.creator_id IS NULL OR creator.updated_at > profile.made_at OR newest.at > profile.made_at
       OR profile.made_at < CAST(:made_before AS timestamptz)
       OR EXISTS (SELECT FROM audience_shares AS share
                  WHERE share.tenant_id = creator.tenant_id AND share.creator_id = creator.id
                    AND share.observed_at > coalesce(profile.audience_as_of, '-infinity')
                    AND share.observed_at <= profile.made_at))
ORDER BY creator.id
"""


def _everybody(session: Session, tenant_id: UUID) -> list[UUID]:
    found = session.execute(
        text("SELECT id FROM creators WHERE tenant_id = :tenant_id ORDER BY id"), {"tenant_id": tenant_id}
    )
    return list(found.scalars())


def refresh_profiles(
    session: Session,
    *,
    tenant_id: UUID,
    now: datetime,
    creators: Collection[UUID] | None = None,
    topic_of: Callable[[Sequence[Piece]], Sequence[Topics]] | None = None,
    readers: Readers | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Make the profiles of these creators (None: of all) anew; returns how many. The caller holds `lock_profiles`.

    `readers` are the models that read pieces (None: the floors that come with Engagerr); `topic_of` takes the place of
    their model of topics.
    """
    wanted = sorted(creators) if creators is not None else _everybody(session, tenant_id)
    reading = floor_readers() if readers is None else readers
    if topic_of is not None:
        reading = replace(reading, topic=topic_of)
    made = 0
    for start in range(0, len(wanted), _AT_A_TIME):
        some = wanted[start : start + _AT_A_TIME]
        made += _refresh_some(session, tenant_id, some, now, reading)
        if progress is not None:
            progress(start + len(some), len(wanted))
    return made


def _refresh_some(session: Session, tenant_id: UUID, some: Sequence[UUID], now: datetime, readers: Readers) -> int:
    from engagerr.core.matching import profile_reading as reading
    from engagerr.core.matching.profile_figures import WINDOW_DAYS, sheets_of
    from engagerr.core.metrics.dataset import read_items
    from engagerr.core.metrics.registry import Registry

    whose: _Whose = {"tenant_id": tenant_id, "creators": some}
    # First, so that what lands while we read is told again.
    take_as_told(
        session, tenant_id=tenant_id, subscriber=SUBSCRIBER,
        about=list(
            session.execute(
                text("SELECT id FROM accounts"
                    " WHERE tenant_id = :tenant_id AND creator_id = ANY (CAST(:ids AS uuid[]))"),
                {"tenant_id": tenant_id, "ids": [str(one) for one in some]},
            ).scalars()
        ),
    )  # fmt: skip
    roster = reading.read_roster(session, **whose, now=now)
    registry = Registry.load()
    pieces = reading.read_pieces(session, **whose, now=now)
    nodes = reading.read_family_nodes(session, **whose)
    recent = nodes[nodes["begun_at"] >= now - timedelta(days=reading.YEAR_DAYS)] if len(nodes) else nodes
    accounts = reading.read_followers(session, **whose, now=now)
    sheets = sheets_of(
        [str(row["id"]) for row in roster],
        accounts=accounts,
        follower_states=reading.read_follower_states(session, **whose, now=now),
        items=read_items(
            session, registry, tenant_id=tenant_id, creator_ids=some, since=now - timedelta(days=WINDOW_DAYS), until=now
        ),
        pieces=pieces,
        nodes=nodes,
        family_items=read_items(
            session, registry, tenant_id=tenant_id, item_ids=[UUID(one) for one in recent["item_id"]], until=now
        ),
        deals=reading.read_deals(session, **whose),
        looked_at={str(row["id"]): row["looked_at"] for row in roster},
        now=now,
    )
    read_into(sheets, pieces, readers, {str(row["id"]): row["topics"] for row in roster})
    titles = _titles(pieces)
    known = accounts.dropna(subset=["followers"])
    sizes = dict(zip(known["account_id"], known["followers"], strict=True))
    rows = [_row(row, sheets[str(row["id"])], titles.get(str(row["id"]), []), sizes) for row in roster]
    _write(session, tenant_id, some, rows, now)
    return len(rows)


def _titles(pieces: pd.DataFrame) -> dict[str, list[str]]:
    """The titles of recent pieces, each with its tags: those are words by which its publisher wants it found."""
    found: dict[str, list[str]] = {}
    columns = (pieces[name] for name in ("creator_id", "title", "tags", "place"))
    for creator, title, tags, place in zip(*columns, strict=True):
        if place <= _TITLES and title:
            found.setdefault(creator, []).append(" ".join([title, *tags_of(tags)]))
    return found


def _row(row: RowMapping, sheet: Sheet, titles: Sequence[str], sizes: Mapping[str, float]) -> dict[str, Any]:
    """One profile as JSON has it, with its words still as three texts."""
    from engagerr.core.matching.negation import positive_part
    from engagerr.core.matching.profile_figures import NOT_OBSERVED

    audience, audience_at = _audience(row, sizes)
    for name, value in (
        ("country", row["country"]), ("languages", row["languages"]), ("topics", row["topics"]),
        ("platforms", row["platforms"]), ("audience", audience), ("rates", row["rates"]),
        ("commission_rate", row["commission_rate"]), ("represented_until", row["represented_until"]),
        ("synced_at", row["synced_at"]),
    ):  # fmt: skip
        if not value:
            sheet.missing[name] = NOT_OBSERVED
    values = sheet.values
    spoken = [*row["languages"], *(values.get("content_languages") or [])]
    words = weighted_words(
        name=row["name"], handles=row["handles"] or (), topics=row["topics"],
        # "No gambling" in a bio does not make somebody found by gambling.
        bio=positive_part(row["bio"] or ""), titles=titles,
    )  # fmt: skip
    return {
        "creator_id": str(row["id"]),
        **{name: row[name] for name in _FROM_ROSTER},
        **{name: _plain(value) for name, value in values.items()},
        "handles": row["handles"] or [],
        "languages": row["languages"],
        "audience": audience,
        "audience_as_of": _plain(audience_at),
        "rates": row["rates"] or {},
        "by_platform": sheet.platforms,
        "exclusivities": row["exclusivities"] or [],
        "unavailable": row["unavailable"] or "{}",
        "commission_rate": None if row["commission_rate"] is None else str(row["commission_rate"]),
        "represented_until": _plain(row["represented_until"]),
        "synced_at": _plain(row["synced_at"]),
        "missing": sheet.missing,
        "a_words": words[0],
        "b_words": words[1],
        "c_words": words[2],
        # Of whom no language is known, most write English: its stems do no harm to other words.
        "configurations": configurations(spoken or ("en",)),
    }


_FROM_ROSTER = (
    "name", "country", "topics", "platforms", "status", "agent", "do_not_pitch", "represented", "exclusive",
)  # fmt: skip


def _audience(row: RowMapping, sizes: Mapping[str, float]) -> tuple[dict[str, dict[str, float]], datetime | str | None]:
    """The shares of the creator's audience as a whole; where there are none of a dimension, the largest account's."""
    shares: dict[str, dict[str, float]] = {
        dimension: {value: float(share) for value, share in of.items()}
        for dimension, of in (row["audience"] or {}).items()
    }
    moments = [row["audience_at"].isoformat()] if row["audience_at"] else []
    by_account: dict[str, dict[str, dict[str, float]]] = {}
    for account, dimension, value, share, observed_at in row["account_audience"] or ():
        if dimension not in shares:
            by_account.setdefault(dimension, {}).setdefault(account, {})[value] = float(share)
            moments.append(observed_at)
    for dimension, accounts in by_account.items():
        # Of equally large ones the first by id, so that the same data gives the same row.
        largest = min(accounts, key=lambda account: (-sizes.get(account, 0.0), account))
        shares[dimension] = accounts[largest]
    return shares, max(moments, default=None)


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


# (column, its type in the JSON record). Those that a row lacks are missing.
_COLUMNS: Mapping[str, str] = {
    "name": "text", "country": "text", "languages": "text[]", "topics": "text[]", "platforms": "text[]",
    "content_languages": "text[]", "kinds": "text[]", "main_topic": "text", "topic_shares": "jsonb",
    "kind_shares": "jsonb", "by_platform": "jsonb", "audience": "jsonb", "rates": "jsonb", "safety": "jsonb",
    "missing": "jsonb", "followers": "bigint", "followers_sum": "bigint", "growth_30d": "float8",
    "growth_90d": "float8", "median_views": "bigint", "engagement_by_views": "float8",
    "engagement_by_followers": "float8", "engagement_by_reach": "float8", "posts_30d": "integer",
    "posts_90d": "integer", "days_between_posts": "float8", "last_published_at": "timestamptz",
    "median_duration_seconds": "float8", "families": "integer", "platforms_per_family": "float8",
    "clip_share": "float8", "sponsored_share": "float8", "disclosed_share": "float8", "unsafe_share": "float8",
    "sentiment": "float8", "audience_as_of": "timestamptz", "figures_as_of": "timestamptz",
    "unavailable": "datemultirange", "status": "text", "agent": "text", "do_not_pitch": "boolean",
    "handles": "text[]", "represented": "boolean", "exclusive": "boolean", "represented_until": "date",
    "commission_rate": "numeric", "exclusivities": "jsonb", "brands": "text[]", "last_sponsored_on": "date",
    "synced_at": "timestamptz",
}  # fmt: skip
_EMPTY = {"text[]": "'{}'::text[]", "jsonb": "'{}'::jsonb"}


def _selected(column: str, kind: str) -> str:
    return f"coalesce(row.{column}, {_EMPTY[kind]})" if kind in _EMPTY else f"row.{column}"


_INSERT = f"""
INSERT INTO creator_profiles (tenant_id, creator_id, made_at, {", ".join(_COLUMNS)}, words)
SELECT :tenant_id, row.creator_id, :now, {", ".join(_selected(*column) for column in _COLUMNS.items())},
       (SELECT coalesce(engagerr_all.words, ''::tsvector) FROM (
          SELECT string_agg(
            CAST(setweight(to_tsvector(CAST(one AS regconfig), row.a_words), 'A')
                 || setweight(to_tsvector(CAST(one AS regconfig), row.b_words), 'B')
                 || setweight(to_tsvector(CAST(one AS regconfig), row.c_words), 'C') AS text), ' ')::tsvector AS words
          FROM unnest(row.configurations) AS one) AS engagerr_all)
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS row(
  creator_id uuid, a_words text, b_words text, c_words text, configurations text[],
  {", ".join(f"{column} {kind}" for column, kind in _COLUMNS.items())})
"""  # noqa: S608  the columns are the fixed list above


def _write(
    session: Session, tenant_id: UUID, creators: Sequence[UUID], rows: Sequence[Mapping[str, Any]], now: datetime
) -> None:
    session.execute(
        text("DELETE FROM creator_profiles WHERE tenant_id = :tenant_id AND creator_id = ANY (CAST(:ids AS uuid[]))"),
        {"tenant_id": tenant_id, "ids": [str(one) for one in creators]},
    )
    document = json.dumps(rows, ensure_ascii=False).replace("\\u0000", "")
    session.execute(text(_INSERT), {"tenant_id": tenant_id, "now": now, "rows": document})
