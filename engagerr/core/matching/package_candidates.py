"""Whom a package may be made of: score, price of what is to be delivered, and whom their pieces reach, by segment.

What nobody knows is not made up: a creator without a price in the budget's currency, or without views on the platform
of a deliverable, cannot be picked, and is counted with that reason.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import InvalidInput
from engagerr.core.matching.package_sets import Candidates
from engagerr.core.money import Money
from engagerr.core.roster.identity import PLATFORMS

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.matching.brief_file import Brief

# Of a segment whose size nobody gave: so many times the largest reach that one candidate has in it. Nobody then reaches
# more than a quarter of it alone, and ten who are equally large overlap noticeably.
POPULATION_MULTIPLE = 4.0
# Views are counted, people are not: nobody reaches more than this share of a segment, whatever the counter says.
_MOST_SHARE = 0.95
_REST = "country:other"

_ROWS = """
SELECT creator_id, main_topic, platforms, by_platform, audience -> 'country' AS countries, rates, median_views,
       coalesce(unavailable && daterange(CAST(:window_from AS date), CAST(:window_to AS date), '[]'), false) AS away
FROM creator_profiles WHERE tenant_id = :tenant_id AND creator_id = ANY (CAST(:creators AS uuid[]))
"""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a package shall be like, beyond what the brief says; creators are named by name or id.

    `picks` are (at least, at most). `platforms` are so many picks that deliver there, None without a limit.
    `one_per_topic` takes at most one creator of each main topic. `free_all_window` leaves out whoever is away on any
    day of the brief's window. `price_per_thousand_views` stands in where no rate is known; `populations` are people by
    segment (country:DE, platform:youtube).
    """

    budget: Money | None = None
    picks: tuple[int, int] = (1, 10)
    platforms: Mapping[str, tuple[int, int | None]] = field(default_factory=dict)
    one_per_topic: bool = False
    must: tuple[str, ...] = ()
    must_not: tuple[str, ...] = ()
    score_min: float = 0.0
    mean_score_min: float | None = None
    free_all_window: bool = False
    price_per_thousand_views: Money | None = None
    populations: Mapping[str, int] = field(default_factory=dict)
    target_gap: float = 0.005
    most_seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class Scoring:
    """A creator who broke no constraint of the brief, and the score."""

    creator_id: UUID
    creator: str
    score: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """Who can be picked. `price_basis` is "rate card" or "assumed"; `reach` is people by segment, before overlap."""

    creator_id: UUID
    creator: str
    score: float
    price: Money
    price_basis: str
    platforms: tuple[str, ...]
    main_topic: str | None
    views: Mapping[str, float]
    reach: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Population:
    """How many people a segment has; `basis` is "given", or "assumed": a stated multiple of the largest reach."""

    segment: str
    people: float
    basis: str


def read_candidates(
    session: Session, scored: Sequence[Scoring], *, tenant_id: UUID, brief: Brief, budget: Money, wish: Wish,
    must_not: frozenset[UUID],
) -> tuple[list[Candidate], dict[str, int]]:  # fmt: skip
    """Who can be picked, in the order in which they are given, and how many cannot, by reason."""
    window = (brief.window_from, brief.window_to)
    if wish.free_all_window and None in window:
        raise InvalidInput("The brief names no days on which to be free.", hint="Give it a window with from and to.")
    rows = {
        row.creator_id: row
        for row in session.execute(
            text(_ROWS),
            {
                "tenant_id": tenant_id, "creators": [str(one.creator_id) for one in scored],
                "window_from": window[0], "window_to": window[1],
            },
        )
    }  # fmt: skip
    found, out = [], Counter[str]()
    for one in scored:
        made = _candidate(one, rows[one.creator_id], brief, budget, wish, must_not)
        if isinstance(made, str):
            out[made] += 1
        else:
            found.append(made)
    return found, dict(out)


def _candidate(
    one: Scoring, row: Any, brief: Brief, budget: Money, wish: Wish, must_not: frozenset[UUID]
) -> Candidate | str:
    """The candidate, or why not."""
    if (reason := _unwanted(one, row, brief, wish, must_not)) is not None:
        return reason
    seen: list[tuple[str, float]] = []
    for word in brief.deliverables or brief.platforms or ("",):
        platform, views = _views(word, row)
        if views is None:
            return f"views on {platform or 'any platform'} that are not known"
        if views <= 0:
            return f"a median of no views on {platform or 'any platform'}"
        seen.append((platform or "any", float(views)))
    priced = _price(row, brief, budget, wish, [views for _, views in seen])
    if priced is None:
        return f"a price in {budget.currency} that is not known"
    reached: dict[str, float] = {}
    for platform, views in seen:
        # A second piece on one platform is seen by the same people.
        reached[platform] = max(reached.get(platform, 0.0), views)
    return Candidate(
        creator_id=one.creator_id,
        creator=one.creator,
        score=one.score,
        price=priced[0],
        price_basis=priced[1],
        platforms=tuple(sorted(platform for platform in reached if platform != "any")) or tuple(sorted(row.platforms)),
        main_topic=row.main_topic,
        views=reached,
        reach=_by_segment(reached, row.countries or {}),
    )


def _unwanted(one: Scoring, row: Any, brief: Brief, wish: Wish, must_not: frozenset[UUID]) -> str | None:
    if one.creator_id in must_not:
        return "not wanted in this package"
    if one.score < wish.score_min:
        return f"a score under {wish.score_min:g}"
    if wish.free_all_window and row.away:
        return f"away on a day from {brief.window_from} to {brief.window_to}"
    if wish.one_per_topic and row.main_topic is None:
        return "a main topic that is not known"
    return None


def _views(word: str, row: Any) -> tuple[str | None, float | None]:
    """The platform that a deliverable is for, where its name says so, and what a piece there is seen; None: unknown."""
    platform = word.partition("_")[0]
    if platform not in PLATFORMS:
        return None, row.median_views
    own = (row.by_platform or {}).get(platform, {}).get("median_views")
    if own is None and list(row.platforms) == [platform]:
        own = row.median_views
    return platform, own


def _price(row: Any, brief: Brief, budget: Money, wish: Wish, views: Sequence[float]) -> tuple[Money, str] | None:
    """What all deliverables cost together: by the rate card, or else by the assumed price of a thousand views."""
    rates = [(row.rates or {}).get(word, {}).get(budget.currency) for word in brief.deliverables]
    if rates and None not in rates:
        return Money(int(sum(rates)), budget.currency), "rate card"
    assumed = wish.price_per_thousand_views
    if assumed is None:
        return None
    return Money(math.ceil(sum(views) * assumed.minor / 1000), budget.currency), "assumed"


def _by_segment(reached: Mapping[str, float], countries: Mapping[str, float]) -> dict[str, tuple[float, ...]]:
    """People by segment, one number a platform: by country of the audience where it is known, else by platform."""
    if not countries:
        return {f"platform:{platform}": (views,) for platform, views in reached.items()}
    # Shares that were rounded up may come to more than a whole.
    whole = max(math.fsum(float(share) for share in countries.values()), 1.0)
    shares = {f"country:{country}": float(share) / whole for country, share in countries.items() if share}
    rest = 1 - math.fsum(shares.values())
    if rest > 1e-6:
        shares[_REST] = shares.get(_REST, 0.0) + rest
    return {segment: tuple(share * views for views in reached.values()) for segment, share in shares.items()}


def columns_of(
    candidates: Sequence[Candidate], *, one_per_topic: bool, populations: Mapping[str, int]
) -> tuple[Candidates, tuple[Population, ...]]:
    """Candidates as the solver takes them, and how large each segment was taken to be."""
    import numpy as np

    segments = sorted({segment for one in candidates for segment in one.reach})
    places = {segment: place for place, segment in enumerate(segments)}
    largest = np.zeros(len(segments))
    for one in candidates:
        for segment, parts in one.reach.items():
            largest[places[segment]] = max(largest[places[segment]], sum(parts))
    people = np.array(
        [
            float(populations.get(segment, 0)) or POPULATION_MULTIPLE * most
            for segment, most in zip(segments, largest, strict=True)
        ]
    )
    exposure = np.zeros((len(candidates), len(segments)))
    for row, one in enumerate(candidates):
        for segment, parts in one.reach.items():
            shares = np.minimum(np.array(parts) / people[places[segment]], _MOST_SHARE)
            exposure[row, places[segment]] = -np.log1p(-shares).sum()
    topics = sorted({one.main_topic for one in candidates if one.main_topic})
    platforms = sorted({platform for one in candidates for platform in one.platforms})
    return (
        Candidates(
            prices=np.array([one.price.minor for one in candidates], dtype=np.int64),
            scores=np.array([one.score for one in candidates], dtype=np.float64),
            exposure=exposure,
            populations=people,
            platforms={name: np.array([name in one.platforms for one in candidates]) for name in platforms},
            groups=np.array(
                [topics.index(one.main_topic) if one.main_topic else -1 for one in candidates], dtype=np.intp
            )
            if one_per_topic
            else None,
        ),
        tuple(
            Population(segment, float(size), "given" if populations.get(segment) else "assumed")
            for segment, size in zip(segments, people, strict=True)
        ),
    )
