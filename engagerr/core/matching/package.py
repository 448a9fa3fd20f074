"""The set of creators that reaches most people for a budget, and how near to the best possible set it must be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from uuid import UUID

from engagerr.core.errors import InvalidInput
from engagerr.core.matching.asking import Question, asked_of
from engagerr.core.matching.candidates import read_pool
from engagerr.core.matching.lexical import lexical_of
from engagerr.core.matching.matching import Excluded
from engagerr.core.matching.package_candidates import (
    POPULATION_MULTIPLE,
    Candidate,
    Population,
    Scoring,
    Wish,
    columns_of,
    read_candidates,
)
from engagerr.core.matching.package_sets import Candidates, Limits
from engagerr.core.matching.package_solver import Solved, solve
from engagerr.core.matching.scoring import score
from engagerr.core.matching.weights import read_weights
from engagerr.core.money import Money
from engagerr.core.roster import find_creator
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.matching.brief_file import Brief
    from engagerr.core.matching.candidates import Pool

_MOST_PICKS = 200


@dataclass(frozen=True, slots=True)
class Pick:
    """One creator of a package. `reach` is what the pieces reach alone; `adds` is what the package has only by them."""

    creator_id: UUID
    creator: str
    score: float
    price: Money
    price_basis: str
    reach: float
    adds: float
    platforms: tuple[str, ...]
    main_topic: str | None


@dataclass(frozen=True, slots=True)
class Package:
    """The best set that was found, and what is proven of it: no set that keeps the limits reaches more than `bound`.

    `reach` is the expected number of people who see at least one piece. `gap` is 1 − reach / bound; `proven` says
    whether it is as small as was asked. `excluded` counts who could not be picked, by the first reason; `assumptions`
    are what the figures rest on, in words.
    """

    brief: Brief
    budget: Money
    picks: tuple[Pick, ...]
    price: Money
    reach: float
    bound: float
    gap: float
    proven: bool
    candidates: int
    considered: int
    excluded: tuple[Excluded, ...]
    populations: tuple[Population, ...]
    assumptions: tuple[str, ...]
    seconds: float = field(compare=False)

    @property
    def mean_score(self) -> float:
        """The mean score of the picks."""
        return sum(pick.score for pick in self.picks) / len(self.picks)


class Packages:
    """Sets of creators for briefs. `question` makes a brief ready to be asked, with profiles up to date."""

    def __init__(self, access: Access, question: Callable[[Brief], Question]) -> None:
        self._access = access
        self._question = question

    def build(self, brief: Brief, wish: Wish | None = None) -> Package:
        """The set that reaches most people within the budget and the wish's limits.

        Reach is deduplicated by segment: the country of the audience where it is known, else the platform. Of a segment
        of N people, pieces that reach r₁, r₂, … of them at random reach N (1 − Π (1 − rᵢ/N)) together. `Infeasible`
        (an `InvalidInput`) names the limits that cannot be kept together.
        """
        wish = wish or Wish()
        brief, budget = _with_budget(brief, wish)
        question = self._question(brief)
        with self._access.transaction(Permission.READ_TERMS, snapshot=True) as session:
            must = {find_creator(session, name)[0]: name for name in wish.must}
            must_not = frozenset(find_creator(session, name)[0] for name in wish.must_not)
            pool, scored = self._scored(session, question)
            candidates, out = read_candidates(
                session, scored, tenant_id=self._access.tenant.id, brief=brief, budget=budget, wish=wish,
                must_not=must_not,
            )  # fmt: skip
        excluded = (*(Excluded(reason, count) for reason, count in pool.excluded), *_counted(out))
        if pool.passed > len(scored):
            excluded += (Excluded("further from the brief than those who were scored", pool.passed - len(scored)),)
        if not candidates:
            raise InvalidInput(
                f"Of {pool.considered:,} creators none can be picked.",
                hint="; ".join(f"{one.count:,}: {one.reason}" for one in excluded) or "Add creators.",
                facts={one.reason: one.count for one in excluded},
            )
        columns, populations = columns_of(
            candidates, one_per_topic=wish.one_per_topic, populations=wish.populations
        )  # fmt: skip
        solved = solve(
            columns,
            _limits(candidates, wish, budget, must),
            target_gap=wish.target_gap,
            most_seconds=wish.most_seconds,
        )
        picks = _picks(candidates, columns, solved)
        return Package(
            brief=brief,
            budget=budget,
            picks=picks,
            price=Money(sum(pick.price.minor for pick in picks), budget.currency),
            reach=solved.reach,
            bound=solved.bound,
            gap=solved.gap,
            proven=solved.gap <= wish.target_gap,
            candidates=len(candidates),
            considered=pool.considered,
            excluded=excluded,
            populations=populations,
            assumptions=_assumptions(candidates, populations, picks),
            seconds=solved.seconds,
        )

    def _scored(self, session: Session, question: Question) -> tuple[Pool, list[Scoring]]:
        tenant_id, brief = self._access.tenant.id, question.brief
        lexical = lexical_of(session, tenant_id=tenant_id, words=brief.words, languages=brief.languages)
        asked = asked_of(session, question, lexical, tenant_id=tenant_id, now=self._access.clock.now())
        pool = read_pool(session, tenant_id=tenant_id, asked=asked, meaning=question.meaning, lexical=lexical)
        scores = score(asked, pool, read_weights(session, tenant_id=tenant_id)).scores
        columns = (pool.columns["creator_id"], pool.columns["name"], scores.tolist())
        return pool, [Scoring(*cells) for cells in zip(*columns, strict=True)]


def _with_budget(brief: Brief, wish: Wish) -> tuple[Brief, Money]:
    budget = wish.budget or brief.budget
    if budget is None or budget.minor <= 0:
        raise InvalidInput("There is no budget to spend.", hint="Give the brief a budget, or say --budget 15000 EUR.")
    assumed = wish.price_per_thousand_views
    if assumed is not None and (assumed.currency != budget.currency or assumed.minor <= 0):
        raise InvalidInput(
            f"A price of {assumed} for a thousand views does not do for a budget in {budget.currency}.",
            hint=f"Say it in {budget.currency}, above nothing.",
        )
    if not brief.deliverables and assumed is None:
        raise InvalidInput(
            "The brief names no deliverables, so nothing has a price.",
            hint="Name them, such as youtube_integration, or give a price per thousand views.",
        )
    least, most = wish.picks
    if not 1 <= least <= most <= _MOST_PICKS:
        raise InvalidInput(
            f"From {least} to {most} picks is not possible.", hint=f"Choose from 1 to {_MOST_PICKS}, least first."
        )
    for platform, (fewest, largest) in wish.platforms.items():
        if fewest < 0 or (largest is not None and largest < fewest):
            raise InvalidInput(f"From {fewest} to {largest} picks on {platform} is not possible.", hint="Least first.")
    for segment, people in wish.populations.items():
        if segment.partition(":")[0] not in ("country", "platform") or people <= 0:
            raise InvalidInput(
                f"{segment} with {people:,} people is no segment.", hint="Such as country:DE or platform:youtube."
            )
    if not 0 < wish.target_gap < 1 or not wish.most_seconds > 0:
        raise InvalidInput("The gap lies between 0 and 1, and the time is above 0.", hint="Such as 0.005 and 20.")
    return replace(brief, budget=budget), budget


def _limits(candidates: Sequence[Candidate], wish: Wish, budget: Money, must: dict[UUID, str]) -> Limits:
    places = {one.creator_id: place for place, one in enumerate(candidates)}
    for creator_id, name in must.items():
        if creator_id not in places:
            raise InvalidInput(
                f"{name} must be in the package, and cannot be picked.",
                hint=f'See why: engagerr match explain "{name}" --brief …; or give them a rate.',
                facts={"creator": name},
            )
    return Limits(
        budget=budget.minor,
        least=wish.picks[0],
        most=wish.picks[1],
        platforms=wish.platforms,
        one_per_group=wish.one_per_topic,
        must=frozenset(places[creator_id] for creator_id in must),
        least_mean_score=wish.mean_score_min,
    )


def _picks(candidates: Sequence[Candidate], columns: Candidates, solved: Solved) -> tuple[Pick, ...]:
    """The largest addition first."""
    found = []
    for place in solved.places:
        one = candidates[place]
        without = columns.reach(other for other in solved.places if other != place)
        found.append(
            Pick(
                creator_id=one.creator_id,
                creator=one.creator,
                score=one.score,
                price=one.price,
                price_basis=one.price_basis,
                reach=columns.reach([place]),
                adds=solved.reach - without,
                platforms=one.platforms,
                main_topic=one.main_topic,
            )
        )
    return tuple(sorted(found, key=lambda pick: (-pick.adds, pick.creator)))


def _counted(out: dict[str, int]) -> tuple[Excluded, ...]:
    return tuple(Excluded(reason, count) for reason, count in sorted(out.items(), key=lambda pair: (-pair[1], pair[0])))


def _assumptions(
    candidates: Sequence[Candidate], populations: Sequence[Population], picks: Sequence[Pick]
) -> tuple[str, ...]:
    by_country = sum(any(segment.startswith("country:") for segment in one.reach) for one in candidates)
    by_platform = len(candidates) - by_country
    said = ["A piece is seen by as many people as the creator's median piece of the last 90 days has views."]
    if by_country:
        said.append(f"Overlap by country of the audience, where it is known: {by_country:,} of {len(candidates):,}.")
    if by_platform:
        said.append(f"Overlap by platform, where no audience is known: {by_platform:,} of {len(candidates):,}.")
    said.append("Within a segment people are reached at random.")
    if assumed := [one for one in populations if one.basis == "assumed"]:
        said.append(
            f"The size of {len(assumed):,} of {len(populations):,} segments is not known: {POPULATION_MULTIPLE:g} times"
            " the largest reach of one candidate stands for it."
        )
    if guessed := sum(pick.price_basis == "assumed" for pick in picks):
        said.append(f"The price of {guessed:,} of {len(picks):,} picks is assumed from views, not from a rate card.")
    return tuple(said)
