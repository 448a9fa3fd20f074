"""Sets of creators for a budget: as good as is claimed, never over it, and honest about what cannot be had."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engagerr import Engagerr, Money, Settings, Workspace
from engagerr.core.ai.tasks import Topics
from engagerr.core.errors import Forbidden, InvalidInput, NotFound
from engagerr.core.matching.asking import Question, question_of
from engagerr.core.matching.availability import Availability
from engagerr.core.matching.brief_file import Brief, brief_of
from engagerr.core.matching.package import Package, Packages
from engagerr.core.matching.package_candidates import POPULATION_MULTIPLE, Wish
from engagerr.core.matching.package_sets import Candidates, Limits, greedy, keeps
from engagerr.core.matching.package_solver import Infeasible, solve
from engagerr.core.matching.profile_readings import Readers
from engagerr.core.matching.profiles import Profiles
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from tests.factories import colleague
from tests.fakes.clock import SteeredClock

SEEN = "2026-10-30T00:00:00Z"


def candidates_of(seed: int, count: int, *, segments: int = 3) -> Candidates:
    """Candidates of chance: views that differ widely, prices that follow them roughly."""
    rng = np.random.default_rng(seed)
    views = rng.lognormal(9, 1.2, count)
    reach = views[:, None] * rng.dirichlet(np.full(segments, 0.5), count)
    people = np.maximum(reach.max(axis=0) * 3, 1.0)
    return Candidates(
        prices=np.maximum(views**0.8 * rng.lognormal(1, 0.4, count), 1).astype(np.int64),
        scores=rng.uniform(0.2, 0.9, count),
        exposure=-np.log1p(-reach / people),
        populations=people,
        platforms={name: rng.random(count) < 0.6 for name in ("tiktok", "youtube")},
        groups=rng.integers(-1, 4, count),
    )


def best_by_trying(candidates: Candidates, limits: Limits) -> float | None:
    """The best of all sets there are; None where none keeps the limits."""
    found = [
        candidates.reach(places)
        for size in range(1, limits.most + 1)
        for places in combinations(range(len(candidates)), size)
        if keeps(candidates, limits, places)
    ]
    return max(found, default=None)


@examples(max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    count=st.integers(1, 9),
    share=st.floats(0.05, 1.2),
    least=st.integers(1, 3),
    one=st.booleans(),
    youtube=st.sampled_from([None, (1, None), (0, 1), (2, 3)]),
    mean=st.sampled_from([None, 0.5, 0.7]),
)
def test_the_set_is_as_good_as_is_claimed_and_nothing_is_better_than_its_bound(
    seed: int, count: int, share: float, least: int, one: bool, youtube: Any, mean: float | None
) -> None:
    candidates = candidates_of(seed, count)
    limits = Limits(
        budget=int(candidates.prices.sum() * share), least=least, most=4, one_per_group=one, least_mean_score=mean,
        platforms={} if youtube is None else {"youtube": youtube},
    )  # fmt: skip
    best = best_by_trying(candidates, limits)
    if best is None:
        with pytest.raises(Infeasible):
            solve(candidates, limits)
        return
    solved = solve(candidates, limits, target_gap=0.005)
    assert keeps(candidates, limits, solved.places)
    assert int(candidates.prices[list(solved.places)].sum()) <= (limits.budget or 0)
    assert solved.reach == pytest.approx(candidates.reach(solved.places))
    assert solved.bound >= best * (1 - 1e-6)
    assert solved.bound >= solved.reach >= (1 - 0.005) * solved.bound * (1 - 1e-9)
    assert best * (1 - 0.005) <= solved.reach <= best * (1 + 1e-9)


def test_reach_counts_everybody_once() -> None:
    people = np.array([1000.0])
    shares = np.array([[0.5], [0.5], [0.2]])
    three = Candidates(np.array([1, 1, 1]), np.ones(3), -np.log1p(-shares), people)
    assert three.reach([0]) == pytest.approx(500)
    assert three.reach([0, 1]) == pytest.approx(750)
    assert three.reach([0, 1, 2]) == pytest.approx(800)


def test_two_small_audiences_of_different_countries_beat_two_large_ones_of_the_same() -> None:
    people = np.array([1000.0, 1000.0])
    shares = np.array([[0.8, 0.0], [0.8, 0.0], [0.0, 0.5]])
    three = Candidates(np.array([1, 1, 1]), np.ones(3), -np.log1p(-shares), people)
    assert solve(three, Limits(most=2)).places in {(0, 2), (1, 2)}


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_of_many_candidates_the_best_pair_is_found(seed: int) -> None:
    candidates = candidates_of(seed, 700)
    budget = int(np.quantile(candidates.prices, 0.8)) * 2
    solved = solve(candidates, Limits(budget=budget, least=2, most=2), target_gap=0.001, most_seconds=60)
    first, second = np.triu_indices(700, k=1)
    affordable = candidates.prices[first] + candidates.prices[second] <= budget
    together = candidates.exposure[first[affordable]] + candidates.exposure[second[affordable]]
    best = float((candidates.populations * -np.expm1(-together)).sum(axis=1).max())
    assert best * (1 - 0.001) <= solved.reach <= best * (1 + 1e-9)
    assert solved.bound >= best * (1 - 1e-6)


def test_hundreds_of_candidates_are_solved_within_half_a_per_cent_and_not_worse_than_greedy() -> None:
    candidates = candidates_of(7, 400, segments=4)
    limits = Limits(budget=int(np.quantile(candidates.prices, 0.5)) * 10, one_per_group=True,
                    platforms={"tiktok": (3, None)}, least_mean_score=0.5)  # fmt: skip
    solved = solve(candidates, limits, most_seconds=60)
    assert solved.gap <= 0.005
    by_steps = greedy(candidates, limits)
    assert by_steps is None or solved.reach >= candidates.reach(by_steps)
    assert solve(candidates, limits, most_seconds=60).places == solved.places


def test_without_time_the_gap_is_told_as_it_is() -> None:
    candidates = candidates_of(3, 400)
    limits = Limits(budget=int(np.quantile(candidates.prices, 0.5)) * 10)
    solved = solve(candidates, limits, most_seconds=1e-9)
    assert keeps(candidates, limits, solved.places)
    assert solved.gap > 0.005
    assert solved.bound >= solve(candidates, limits, most_seconds=60).reach


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        (Limits(budget=5, least=1), ["the budget"]),
        (Limits(budget=25, least=3), ["at least 3 picks", "the budget"]),
        (Limits(budget=100, platforms={"vimeo": (1, None)}), ["at least 1 on vimeo"]),
        (Limits(budget=100, least_mean_score=0.95), ["a mean score of 0.95"]),
        (Limits(budget=100, least=3, one_per_group=True), ["at least 3 picks", "at most one of a topic"]),
        (Limits(budget=15, must=frozenset({2})), ["the budget", "who must be in"]),
        (Limits(budget=5, platforms={"vimeo": (1, None)}), []),
    ],
)
def test_what_cannot_be_kept_is_named(limits: Limits, named: list[str]) -> None:
    three = Candidates(
        prices=np.array([10, 10, 20]), scores=np.array([0.9, 0.8, 0.7]), exposure=np.full((3, 1), 0.1),
        populations=np.array([100.0]), platforms={"vimeo": np.zeros(3, dtype=bool)}, groups=np.array([0, 0, 1]),
    )  # fmt: skip
    with pytest.raises(Infeasible) as raised:
        solve(three, limits)
    assert sorted(raised.value.facts["limits"]) == sorted(named)


# In a workspace


def creator(name: str, *, views: int | None, price: int | None, **more: Any) -> dict[str, Any]:
    rates = [{"deliverable": "youtube_integration", "amount": {"minor": price, "currency": "EUR"}}] if price else []
    return {"name": name, "country": "DE", "views": views, "rates": rates, **more}


def audience(**countries: float) -> list[dict[str, Any]]:
    return [
        {"dimension": "country", "value": country, "share": share, "observed_at": "2026-10-01T00:00:00Z"}
        for country, share in countries.items()
    ]


ROSTER = [
    creator("Ann Lee", views=40_000, price=200_000, audience=audience(DE=0.7, AT=0.3)),
    creator("Ben Okafor", views=38_000, price=190_000, audience=audience(DE=0.8)),
    creator("Cara Diaz", views=20_000, price=100_000),
    creator("Dan Fox", views=30_000, price=None),
    creator("Eve Holm", views=None, price=90_000),
]
BRIEF = brief_of(
    {
        "title": "Trail running shoes", "text": "Runners who show their trail.", "platforms": ["youtube"],
        "budget": {"minor": 400_000, "currency": "EUR"}, "deliverables": ["youtube_integration"],
        "window": {"from": "2027-03-01", "to": "2027-04-30"},
    }
)  # fmt: skip


@pytest.fixture
def engagerr(settings: Settings, clock: SteeredClock) -> Iterator[Engagerr]:
    with Engagerr(settings, clock=clock, models=[]) as engagerr:
        yield engagerr


@pytest.fixture
def roster(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Five creators: of Dan there is no price, of Eve there are no views."""
    lines = []
    for one in ROSTER:
        handle = f"@{one['name'].split()[0].lower()}"
        lines.append(
            {
                "type": "creator", **{key: value for key, value in one.items() if key != "views"},
                "accounts": [{"platform": "youtube", "handle": handle, "followers": 90_000, "observed_at": SEEN}],
            }
        )  # fmt: skip
        lines += [
            {
                "type": "item", "creator": one["name"], "platform": "youtube", "account": handle,
                "native_id": f"{handle[1:]}{place}", "kind": "long_video", "title": f"Trail {place}",
                "published_at": f"2026-10-{10 + place}T10:00:00Z",
                "metrics": [{"name": "views", "value": one["views"], "observed_at": SEEN}] if one["views"] else [],
            }
            for place in range(4)
        ]  # fmt: skip
    path = tmp_path / "roster.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert workspace.ingestion.import_file(path).quarantined == ()
    return workspace


def packages_of(work: Workspace) -> Packages:
    profiles = Profiles(work.access, Readers)

    def question(brief: Brief) -> Question:
        profiles.keep_up()
        return question_of(brief, classify=lambda pieces: [Topics(topics=()) for _ in pieces], embedder=None)

    return Packages(work.access, question)


def build(work: Workspace, wish: Wish | None = None, brief: Brief = BRIEF) -> Package:
    return packages_of(work).build(brief, wish)


def picked(package: Package) -> set[str]:
    return {pick.creator for pick in package.picks}


def test_a_package_keeps_its_budget_and_says_what_it_rests_on(roster: Workspace) -> None:
    package = build(roster)
    assert picked(package) == {"Ann Lee", "Ben Okafor"}
    assert package.price == Money(390_000, "EUR")
    assert package.proven
    assert package.reach <= package.bound
    assert package.reach < sum(pick.reach for pick in package.picks)
    assert all(0 < pick.adds <= pick.reach for pick in package.picks)
    assert all(pick.price_basis == "rate card" for pick in package.picks)
    people = {one.segment: one for one in package.populations}
    assert people["country:DE"].basis == "assumed"
    assert people["country:DE"].people == pytest.approx(POPULATION_MULTIPLE * 0.8 * 38_000)
    assert people["platform:youtube"].people == pytest.approx(POPULATION_MULTIPLE * 20_000)
    assert any("2 of 3" in line for line in package.assumptions)


def test_who_has_no_price_or_no_views_cannot_be_picked_and_is_counted(roster: Workspace) -> None:
    package = build(roster)
    assert {(one.reason, one.count) for one in package.excluded} == {
        ("a price in EUR that is not known", 1),
        ("views on youtube that are not known", 1),
    }
    assert (package.candidates, package.considered) == (3, 5)


def test_a_price_that_is_assumed_is_said_to_be(roster: Workspace) -> None:
    package = build(roster, Wish(price_per_thousand_views=Money(1_000, "EUR")))
    dan = next(pick for pick in package.picks if pick.creator == "Dan Fox")
    assert (dan.price, dan.price_basis) == (Money(30_000, "EUR"), "assumed")
    assert any("assumed" in line for line in package.assumptions)


def test_a_population_that_is_given_stands(roster: Workspace) -> None:
    package = build(roster, Wish(populations={"country:DE": 60_000_000}))
    people = {one.segment: one for one in package.populations}
    assert (people["country:DE"].people, people["country:DE"].basis) == (60_000_000, "given")
    # Of so many people hardly anybody is reached twice.
    assert package.reach == pytest.approx(sum(pick.reach for pick in package.picks), rel=0.01)


def test_who_must_be_in_is_in_and_who_must_not_is_not(roster: Workspace) -> None:
    assert picked(build(roster, Wish(must=("Cara Diaz",)))) == {"Cara Diaz", "Ann Lee"}
    assert "Ann Lee" not in picked(build(roster, Wish(must_not=("Ann Lee",))))
    with pytest.raises(InvalidInput, match="Dan Fox must be in"):
        build(roster, Wish(must=("Dan Fox",)))
    with pytest.raises(NotFound):
        build(roster, Wish(must=("Nobody",)))


def test_who_is_away_on_a_day_is_left_out_when_asked(roster: Workspace) -> None:
    Availability(roster.access).add("Ann Lee", since=date(2027, 4, 29), until=date(2027, 5, 2))
    assert "Ann Lee" in picked(build(roster))
    assert "Ann Lee" not in picked(build(roster, Wish(free_all_window=True)))


def test_do_not_pitch_is_never_in_a_package(roster: Workspace) -> None:
    roster.roster.edit("Ann Lee", do_not_pitch=True, do_not_pitch_reason="on leave")
    package = build(roster)
    assert "Ann Lee" not in picked(package)
    assert ("do not pitch", 1) in {(one.reason, one.count) for one in package.excluded}


def test_the_same_data_gives_the_same_package(roster: Workspace) -> None:
    assert build(roster) == build(roster)


def test_limits_that_clash_are_named(roster: Workspace) -> None:
    with pytest.raises(Infeasible) as raised:
        build(roster, Wish(picks=(3, 5)))
    assert raised.value.facts["limits"] == ["at least 3 picks", "the budget"]


@pytest.mark.parametrize(
    ("wish", "change"),
    [
        (Wish(), {"budget": None}),
        (Wish(), {"deliverables": []}),
        (Wish(picks=(5, 2)), {}),
        (Wish(platforms={"youtube": (3, 1)}), {}),
        (Wish(price_per_thousand_views=Money(100, "USD")), {}),
        (Wish(free_all_window=True), {"window": None}),
        (Wish(target_gap=0), {}),
        (Wish(populations={"DE": 1_000_000}), {}),
        (Wish(populations={"country:DE": 0}), {}),
        (Wish(score_min=0.99), {}),
    ],
)
def test_wishes_that_mean_nothing_are_refused(roster: Workspace, wish: Wish, change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        build(roster, wish, brief_of(BRIEF.document() | change))


def test_nobody_packages_what_they_may_not_read(
    roster: Workspace, other_workspace: Workspace, engagerr: Engagerr
) -> None:
    with pytest.raises(Forbidden):
        packages_of(colleague(roster, engagerr, "viewer")).build(BRIEF)
    with pytest.raises(InvalidInput, match="Of 0 creators none can be picked"):
        build(other_workspace)
