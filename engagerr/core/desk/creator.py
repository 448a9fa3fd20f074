"""The page of one creator, in parts: each is read by itself, so that one that fails takes no other with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import text

from engagerr.core.desk import notes
from engagerr.core.desk.creator_accounts import AccountPage, read_accounts
from engagerr.core.desk.figures import Figure
from engagerr.core.errors import EngagerrError, Forbidden
from engagerr.core.metrics.registry import Registry
from engagerr.core.metrics.upkeep import keep_up
from engagerr.core.money import Money
from engagerr.core.roster import find_creator
from engagerr.core.tenancy import Permission

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.content.content import ItemRow
    from engagerr.core.content.families import ConceptTotal, FamilyRow
    from engagerr.core.db import Session
    from engagerr.core.desk.notes import Note
    from engagerr.core.roster.roster import CreatorPage as RosterPage

RECENT_ITEMS = 20
FAMILIES_READ, FAMILIES_SHOWN = 60, 10
DEALS = 50
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Part(Generic[Value]):
    """A part of a page: its value; or `hidden`, in words, where the role may not see it; or why it `failed`."""

    value: Value | None = None
    hidden: str | None = None
    failed: str | None = None


@dataclass(frozen=True, slots=True)
class ProfileFigures:
    """What is known of a creator in figures, put together at `made_at` from what was observed until `as_of`.

    `figures` are by the name of their column in profiles (followers, growth_90d, engagement_by_views, …); the shares of
    `topics` and `audience` are from 0 to 1. `by_platform` holds what each platform gives for itself.
    """

    made_at: datetime
    as_of: datetime | None
    figures: dict[str, Figure]
    last_post: datetime | None
    topics: dict[str, float]
    audience: dict[str, dict[str, float]]
    by_platform: dict[str, dict[str, Any]]
    brands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DealLine:
    """A deal that a creator is in. `amount` is of the whole deal, as accepted or offered (`basis`), never a share."""

    id: UUID
    title: str
    brand: str
    stage: str
    since: datetime
    open: bool
    amount: Money | None
    basis: str | None


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """Days in a creator's calendar; both are within, None is open.

    `kind`: away, promise (an exclusivity that was noted by hand), exclusive and engagement (what a signed contract
    keeps free, or takes), deliverable (due on its day). `category` and `brand`: what is kept free, and for whom.
    """

    kind: str
    since: date | None
    until: date | None
    title: str
    detail: str | None
    id: UUID
    category: str | None = None
    brand: str | None = None


Calendar = tuple[CalendarEntry, ...]


@dataclass(frozen=True, slots=True)
class CreatorPage:
    """One creator. `basics` is what the roster keeps, with rates and terms where the role may see them (else None).

    `families` are those of the newest sixty that saw most views; the calendar's parts are apart, as they ask for other
    rights, and `calendar` is what may be seen of them, in order.
    """

    id: UUID
    name: str
    basics: Part[RosterPage]
    profile: Part[ProfileFigures | None]
    accounts: Part[tuple[AccountPage, ...]]
    families: Part[tuple[FamilyRow, ...]]
    deals: Part[tuple[DealLine, ...]]
    away: Part[Calendar]
    promises: Part[Calendar]
    contracts: Part[Calendar]
    deliverables: Part[Calendar]
    notes: Part[tuple[Note, ...]]
    recent: Part[tuple[ItemRow, ...]]

    @property
    def calendar(self) -> Calendar:
        """All days that may be seen, the soonest first; what has no first day begins the list."""
        parts = (self.away, self.promises, self.contracts, self.deliverables)
        entries = [entry for part in parts for entry in part.value or ()]
        return tuple(sorted(entries, key=lambda one: (one.since or date.min, one.until or date.max, one.title)))


def creator(work: Workspace, creator_id_or_name: str | UUID) -> CreatorPage:
    """The page of a creator, by id or exact name; `NotFound` where there is none here."""
    access = work.access
    with access.transaction(Permission.READ) as session:
        creator_id, name = find_creator(session, str(creator_id_or_name))
    tenant_id, key = access.tenant.id, str(creator_id)

    def read(permission: Permission, step: Callable[..., Value], **values: Any) -> Callable[[], Value]:
        def run() -> Value:
            with access.transaction(permission) as session:
                return step(session, tenant_id=tenant_id, creator_id=creator_id, **values)

        return run

    return CreatorPage(
        id=creator_id,
        name=name,
        basics=_part(lambda: work.roster.show(key)),
        profile=_part(read(Permission.READ, _profile)),
        accounts=_part(lambda: _accounts(work, creator_id)),
        families=_part(lambda: _families(work, key)),
        deals=_part(read(Permission.READ_DEALS, _deals)),
        away=_part(lambda: _away(work, key)),
        promises=_part(lambda: _promises(work, key)),
        contracts=_part(read(Permission.READ_DEALS, _contracts)),
        deliverables=_part(lambda: _deliverables(work, key)),
        notes=_part(read(Permission.READ, notes.read)),
        recent=_part(lambda: work.content.list(creator=key, limit=RECENT_ITEMS)),
    )


def _part(run: Callable[[], Value]) -> Part[Value]:
    try:
        return Part(run())
    except Forbidden as error:
        return Part(hidden=" ".join(filter(None, (error.message, error.hint))))
    except EngagerrError as error:
        return Part(failed=" ".join(filter(None, (error.message, error.hint))))


_FIGURES = (
    "followers", "followers_sum", "growth_30d", "growth_90d", "median_views", "engagement_by_views",
    "engagement_by_followers", "engagement_by_reach", "posts_30d", "posts_90d", "days_between_posts",
    "median_duration_seconds", "families", "platforms_per_family", "clip_share", "sponsored_share", "disclosed_share",
)  # fmt: skip
_PROFILE = f"""
SELECT made_at, figures_as_of, last_published_at, topic_shares, audience, by_platform, brands, missing,
       {", ".join(_FIGURES)}
FROM creator_profiles WHERE tenant_id = :tenant_id AND creator_id = :creator_id
"""  # noqa: S608  the columns are the fixed list above


def _profile(session: Session, *, tenant_id: UUID, creator_id: UUID) -> ProfileFigures | None:
    """None where the profile has not been made yet, or was thrown away and waits to be made again."""
    row = session.execute(text(_PROFILE), {"tenant_id": tenant_id, "creator_id": creator_id}).mappings().one_or_none()
    if row is None:
        return None
    return ProfileFigures(
        made_at=row["made_at"],
        as_of=row["figures_as_of"],
        figures={
            name: Figure.missing(row["missing"].get(name, "not_observed")) if row[name] is None
            else Figure(float(row[name]))
            for name in _FIGURES
        },
        last_post=row["last_published_at"],
        topics=dict(row["topic_shares"]),
        audience=dict(row["audience"]),
        by_platform=dict(row["by_platform"]),
        brands=tuple(row["brands"]),
    )  # fmt: skip


def _accounts(work: Workspace, creator_id: UUID) -> tuple[AccountPage, ...]:
    access = work.access
    keep_up(access, Registry.load())
    with access.transaction(Permission.READ) as session:
        return read_accounts(session, tenant_id=access.tenant.id, creator_id=creator_id, now=access.clock.now())


def _families(work: Workspace, key: str) -> tuple[FamilyRow, ...]:
    found = work.content.families(key, limit=FAMILIES_READ)
    return tuple(sorted(found, key=lambda family: -views_of(family.totals))[:FAMILIES_SHOWN])


def views_of(totals: tuple[ConceptTotal, ...]) -> float:
    """The most views by one way of counting, to sort by; -1 where none are known, which is less than none."""
    counted = (one.value for one in totals if one.concept in ("play_start", "qualified_play", "downloads", "exposure"))
    return max((float(value) for value in counted if value is not None), default=-1.0)


_DEALS = """
SELECT deals.id, deals.title, deals.brand, deals.stage, deals.stage_since,
       deals.stage NOT IN ('paid', 'declined', 'cancelled') AS is_open, deals.currency, offer.state, offer.total_minor
FROM deal_creators AS held
JOIN deals ON deals.tenant_id = held.tenant_id AND deals.id = held.deal_id
LEFT JOIN LATERAL (
  SELECT state, total_minor FROM proposals
  WHERE proposals.tenant_id = deals.tenant_id AND proposals.deal_id = deals.id
    AND proposals.state IN ('sent', 'accepted')
  ORDER BY proposals.state LIMIT 1) AS offer ON true
WHERE held.tenant_id = :tenant_id AND held.creator_id = :creator_id
ORDER BY is_open DESC, deals.stage_since DESC, deals.id
LIMIT :limit
"""


def _deals(session: Session, *, tenant_id: UUID, creator_id: UUID) -> tuple[DealLine, ...]:
    rows = session.execute(text(_DEALS), {"tenant_id": tenant_id, "creator_id": creator_id, "limit": DEALS})
    return tuple(
        DealLine(
            row.id, row.title, row.brand, row.stage, row.stage_since, row.is_open,
            None if row.total_minor is None else Money(row.total_minor, row.currency),
            {"accepted": "accepted", "sent": "offered"}.get(row.state),
        )
        for row in rows
    )  # fmt: skip


def _away(work: Workspace, key: str) -> Calendar:
    return tuple(
        CalendarEntry("away", one.since, one.until, "Away", one.note, one.id) for one in work.availability.list(key)
    )


def _promises(work: Workspace, key: str) -> Calendar:
    return tuple(
        CalendarEntry(
            "promise", one.since, one.until, f"{one.category}: only {one.brand or 'one brand'}",
            ", ".join((*one.countries, *([one.note] if one.note else []))) or None, one.id, one.category, one.brand,
        )
        for one in work.availability.exclusivities(key)
    )  # fmt: skip


# Contracts bind a creator by id, by name where the roster did not have them, or the whole roster.
_CLAIMS = """
SELECT claim.id, claim.kind, contract.title, contract.brand, rtrim(lower(claim.category), '/') AS category,
       lower(claim.territory) AS territory, lower(claim.during) AS since, upper(claim.during) - 1 AS until
FROM contract_exclusivities AS claim
JOIN contract_versions AS version ON version.tenant_id = claim.tenant_id AND version.id = claim.version_id
JOIN contracts AS contract ON contract.tenant_id = version.tenant_id AND contract.id = version.contract_id
WHERE claim.tenant_id = :tenant_id
  AND (lower(claim.creators) IS NULL OR lower(claim.creators) = CAST(:creator_id AS text)
       OR lower(claim.creators) = (SELECT 'name:' || lower(name) FROM creators
                                   WHERE tenant_id = :tenant_id AND id = CAST(:creator_id AS uuid)))
ORDER BY lower(claim.during) NULLS FIRST, claim.id
LIMIT 200
"""


def _contracts(session: Session, *, tenant_id: UUID, creator_id: UUID) -> Calendar:
    rows = session.execute(text(_CLAIMS), {"tenant_id": tenant_id, "creator_id": str(creator_id)})
    return tuple(
        CalendarEntry(
            row.kind, row.since, row.until, f"{row.category or 'every category'}: {row.brand}",
            ", ".join(filter(None, (row.title, row.territory))), row.id, row.category, row.brand,
        )
        for row in rows
    )  # fmt: skip


def _deliverables(work: Workspace, key: str) -> Calendar:
    return tuple(
        CalendarEntry(
            "deliverable", one.due_on, one.due_on, f"{one.name} {one.kind}", f"{one.deal}, {one.state}", one.id
        )
        for one in work.deliverables.list(creator=key)
        if one.due_on is not None
    )
