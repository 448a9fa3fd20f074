"""The page of a brief: who fits it, what they cost and have promised, and who stands on its shortlist.

Scores are `work.matching`'s. What stands beside them is read of all creators at once, from their profiles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.desk.figures import Figure
from engagerr.core.money import Money
from engagerr.core.tenancy import Permission

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.db import Session
    from engagerr.core.desk.reach import Reach
    from engagerr.core.matching.brief_file import Brief
    from engagerr.core.matching.briefs import BriefRow
    from engagerr.core.matching.matching import Found
    from engagerr.core.matching.shortlists import ShortlistRow

FIRST_ROWS, MOST_ROWS = 200, 1_000
NOT_OBSERVED = "not_observed"
NO_PROFILE = "no_profile"


@dataclass(frozen=True, slots=True)
class Price:
    """What a creator asks for all that a brief wants delivered, by the rate card. Without a price, `why` in words.

    `hidden`: the role may not see rates.
    """

    amount: Money | None
    why: str | None = None
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise to a competitor that still holds, and its last day (None: without an end)."""

    brand: str | None
    until: date | None


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside the score of a creator.

    `piece_views` is the median of their pieces of 90 days. `promise` is the longest to a competitor of the brief;
    `promises_noted`: somebody wrote down what they promised, so that none is an answer. `away` are days within the
    brief's window on which they cannot work, both within, None is open.
    """

    creator_id: UUID
    followers: Figure
    engagement: Figure
    piece_views: Figure
    last_post: datetime | None
    as_of: datetime | None
    price: Price
    promise: Promise | None
    promises_noted: bool
    away: tuple[tuple[date | None, date | None], ...]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A creator on the shortlist that is open."""

    creator_id: UUID
    creator: str
    state: str
    note: str | None
    do_not_pitch: bool


@dataclass(frozen=True, slots=True)
class Sum:
    """What a shortlist comes to, of those who are not dropped or lost.

    `spent` adds prices that are known, in one currency, and `unpriced` counts those without. Reach is of one piece
    each: at least that of the largest (all others reach the same people), at most all added up (nobody sees two).
    `unreached` counts those of whom no views are known: they are in neither.
    """

    creators: int = 0
    spent: Money | None = None
    unpriced: int = 0
    prices_hidden: bool = False
    reach_low: float | None = None
    reach_high: float | None = None
    unreached: int = 0


@dataclass(frozen=True, slots=True)
class BriefPage:
    """A brief and its shortlist, without its results. `published`: other workspaces see it.

    `shortlists` are those of this brief, `shortlist` the one that is open, `chosen` who is on it.
    """

    briefs: tuple[BriefRow, ...]
    row: BriefRow | None
    published: bool = False
    shortlists: tuple[ShortlistRow, ...] = ()
    shortlist: ShortlistRow | None = None
    chosen: tuple[Chosen, ...] = ()
    beside: Mapping[UUID, Beside] = field(default_factory=dict)
    total: Sum = field(default_factory=Sum)


@dataclass(frozen=True, slots=True)
class Matches:
    """Who fits a brief, and what stands beside the scores; `limit` is how many were asked for."""

    found: Found
    beside: Mapping[UUID, Beside]
    limit: int
    where: str | None = None


_BESIDE = """
SELECT profile.creator_id, profile.followers, profile.engagement_by_followers, profile.median_views,
       profile.last_published_at, profile.figures_as_of, profile.missing,
       CASE WHEN :sees_rates THEN profile.rates END AS rates,
       profile.represented OR profile.exclusivities <> '[]' AS noted, promise.during IS NOT NULL AS promised,
       promise.brand, upper(promise.during) - 1 AS until,
       (SELECT jsonb_agg(jsonb_build_array(lower(part), upper(part) - 1) ORDER BY part)
        FROM unnest(CASE WHEN :windowed
                         THEN profile.unavailable * datemultirange(daterange(:window_from, :window_to, '[]')) END)
               AS part) AS away
FROM creator_profiles AS profile
LEFT JOIN LATERAL (
  SELECT held.brand, held.during FROM creator_exclusivities AS held
  WHERE held.tenant_id = :tenant_id AND held.creator_id = profile.creator_id AND held.category = :category
    AND (upper(held.during) IS NULL OR upper(held.during) > :today)
    AND (held.countries = '{}' OR CAST(:countries AS text[]) = '{}' OR held.countries && CAST(:countries AS text[]))
    AND (held.brand IS NULL OR lower(held.brand) <> lower(:brand))
  ORDER BY upper(held.during) DESC NULLS FIRST LIMIT 1) AS promise ON true
WHERE profile.tenant_id = :tenant_id AND profile.creator_id = ANY (CAST(:creators AS uuid[]))
"""
_CHOSEN = """
SELECT entry.creator_id, creator.name AS creator, entry.state, entry.note, creator.do_not_pitch
FROM shortlist_entries AS entry
JOIN creators AS creator ON creator.tenant_id = entry.tenant_id AND creator.id = entry.creator_id
WHERE entry.tenant_id = :tenant_id AND entry.shortlist_id = :shortlist_id
ORDER BY entry.added_at, creator.name, creator.id
"""
_PUBLISHED = "SELECT EXISTS (SELECT FROM market_briefs WHERE tenant_id = :tenant_id AND brief_id = :brief_id AND shown)"
_OUT = ("lost", "dropped")


def brief_page(work: Workspace, brief: str | None = None, *, shortlist: str | None = None) -> BriefPage:
    """A brief (by id or title; without one, the newest that is open) with its shortlist: by id, or its newest."""
    briefs = work.briefs.list()
    row = _wanted(briefs, brief)
    if row is None:
        return BriefPage(briefs, None)
    lists = tuple(one for one in work.shortlists.list() if one.brief_id == row.id)
    opened = next((one for one in lists if str(one.id) == shortlist), lists[0] if lists else None)
    with work.access.transaction(Permission.READ) as session:
        chosen = () if opened is None else _chosen(session, work, opened.id)
        published = bool(
            session.execute(text(_PUBLISHED), {"tenant_id": work.tenant.id, "brief_id": row.id}).scalar_one()
        )
        beside = _beside(session, work, row.brief, (one.creator_id for one in chosen))
    return BriefPage(briefs, row, published, lists, opened, chosen, beside, total_of(chosen, beside, row.brief))


def matches_of(work: Workspace, brief: Brief, *, where: str | None = None, limit: int = FIRST_ROWS) -> Matches:
    """The best matches of a brief, `where`: only those whom this search finds. Errors are those of `Matching.find`."""
    found = work.matching.find(brief, limit=limit, where=where)
    beside = beside_of(work, brief, (match.creator_id for match in found.results))
    return Matches(found, beside, limit, where)


def beside_of(work: Workspace, brief: Brief, creators: Iterable[UUID]) -> dict[UUID, Beside]:
    """What stands beside the scores of these creators, who need a profile; others are left out."""
    with work.access.transaction(Permission.READ) as session:
        return _beside(session, work, brief, dict.fromkeys(creators))


def chosen_of(work: Workspace, shortlist_id: UUID) -> tuple[Chosen, ...]:
    """Who is on a shortlist, without scores, which take longer: those that came first, first."""
    with work.access.transaction(Permission.READ) as session:
        return _chosen(session, work, shortlist_id)


def views_of(work: Workspace, creators: Iterable[UUID]) -> dict[UUID, Reach]:
    """The views of 90 days of these creators, of whom there are any. It takes longer than all the rest of the page."""
    from engagerr.core.desk.roster import reach_of_everybody

    wanted = set(creators)
    return {one: reach for one, reach in reach_of_everybody(work).items() if one in wanted}


def total_of(chosen: Sequence[Chosen], beside: Mapping[UUID, Beside], brief: Brief) -> Sum:
    """What those who are still in question cost and reach together, and of how many that is not known."""
    meant = [beside.get(one.creator_id) for one in chosen if one.state not in _OUT]
    prices = [one.price.amount for one in meant if one is not None and one.price.amount is not None]
    currency = (
        brief.budget.currency if brief.budget is not None else next(iter({price.currency for price in prices}), None)
    )
    same = [price for price in prices if price.currency == currency]
    views = [one.piece_views.value for one in meant if one is not None and one.piece_views.value is not None]
    return Sum(
        creators=len(meant),
        spent=Money(sum(price.minor for price in same), currency) if same and currency else None,
        unpriced=len(meant) - len(same),
        prices_hidden=any(one is not None and one.price.hidden for one in meant),
        reach_low=max(views) if views else None,
        reach_high=sum(views) if views else None,
        unreached=len(meant) - len(views),
    )


def price_of(rates: Mapping[str, Mapping[str, int]] | None, brief: Brief) -> Price:
    """What all deliverables of a brief cost together by a rate card: {deliverable: {currency: minor units}}.

    In the brief's currency; where it names none, in the one in which all of them have a rate. No currency is converted.
    """
    if not brief.deliverables:
        return Price(None, "the brief names no deliverables")
    rates = rates or {}
    if brief.budget is not None:
        currencies = [brief.budget.currency]
    else:
        currencies = sorted({currency for word in brief.deliverables for currency in rates.get(word, {})})
    whole = [code for code in currencies if all(code in rates.get(word, {}) for word in brief.deliverables)]
    if len(whole) > 1:
        return Price(None, f"rates in {' and '.join(whole)}, and the brief has no budget that names one")
    if not whole:
        lacking = [word for word in dict.fromkeys(brief.deliverables) if not set(currencies) & set(rates.get(word, {}))]
        inside = f" in {currencies[0]}" if brief.budget is not None else ""
        return Price(None, f"no rate{inside} for {', '.join(lacking or brief.deliverables).replace('_', ' ')}")
    return Price(Money(sum(int(rates[word][whole[0]]) for word in brief.deliverables), whole[0]))


def _wanted(briefs: Sequence[BriefRow], name: str | None) -> BriefRow | None:
    if name is not None:
        called = name.strip().casefold()
        for row in briefs:
            if called in (str(row.id), row.title.casefold()):
                return row
    return next((row for row in briefs if row.state == "open"), briefs[0] if briefs else None)


def _chosen(session: Session, work: Workspace, shortlist_id: UUID) -> tuple[Chosen, ...]:
    rows = session.execute(text(_CHOSEN), {"tenant_id": work.tenant.id, "shortlist_id": shortlist_id})
    return tuple(Chosen(row.creator_id, row.creator, row.state, row.note, row.do_not_pitch) for row in rows)


def _beside(session: Session, work: Workspace, brief: Brief, creators: Iterable[UUID]) -> dict[UUID, Beside]:
    sees_rates = work.access.allows(session, Permission.READ_TERMS)
    rows = session.execute(
        text(_BESIDE),
        {
            "tenant_id": work.tenant.id, "creators": [str(one) for one in creators], "sees_rates": sees_rates,
            "windowed": brief.window_from is not None or brief.window_to is not None,
            "window_from": brief.window_from, "window_to": brief.window_to,
            "category": " ".join((brief.category or "").split()).casefold(), "brand": brief.brand or "",
            "countries": list(brief.countries), "today": work.access.clock.now().date(),
        },
    )  # fmt: skip
    return {row.creator_id: _made(row, brief, sees_rates) for row in rows}


def _made(row: Any, brief: Brief, sees_rates: bool) -> Beside:
    states = row.missing or {}

    def figure(name: str) -> Figure:
        value = getattr(row, name)
        return Figure.missing(states.get(name, NOT_OBSERVED)) if value is None else Figure(float(value))

    return Beside(
        creator_id=row.creator_id,
        followers=figure("followers"),
        engagement=figure("engagement_by_followers"),
        piece_views=figure("median_views"),
        last_post=row.last_published_at,
        as_of=row.figures_as_of,
        price=price_of(row.rates, brief) if sees_rates else Price(None, "the role may not see rates", hidden=True),
        promise=Promise(row.brand, row.until) if row.promised else None,
        promises_noted=bool(row.noted),
        away=tuple((_day(first), _day(last)) for first, last in row.away or ()),
    )


def _day(said: str | None) -> date | None:
    return None if said is None else date.fromisoformat(said)
