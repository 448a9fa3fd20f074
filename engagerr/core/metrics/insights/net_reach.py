"""How many different people a family reached across platforms: bounds that hold, and an estimate that says its model.

Platforms report the people reached by one item and never who they were, so the people of several items together lie
between the largest item and the sum of all. Within that range the estimate supposes chance, step by step:

1. Within an account (the followers see one post after the other). Of each item's people as many as the account has
   followers are taken for followers, and fall together by chance among the followers: F (1 - Π (1 - rᵢ / F)), which is
   Sainsbury's method, the random duplication that media planning has combined audiences by for ninety years. People
   beyond the followers came by recommendation from a public that nobody knows the size of; it is taken as large as all
   of them together, the smallest public in which no item's people have to be another's.
2. Across accounts and platforms, the same method over the public of all accounts together (for each its followers, or
   its reach where that is more, added up).

Sources, of which the abstracts were read on 2026-11-22, not the papers. [P] Z. Anesbury et al., "Net audiences: a
comparison of the Sainsbury Normal Method and the Sainsbury Weighted Method", Journal of Marketing Management 36 (2020)
1591-1610, doi 10.1080/0267257X.2020.1794933: the method, in use for almost nine decades; weighting by age made it
better by 0.5 percentage points, or 49 %, across media, so it was off by about one. [S] Media Guru, amic.com, 2007:
practice takes another 5 % off, as who sees one is likelier to see the next; so the estimate errs to the high side. [P]
Journal of Marketing Research, doi 10.1177/002224379102800311: Goodhardt and Ehrenberg's duplication of viewing law (of
which chance is the case with the constant 1 [k]) and Metheringham's beta-binomial, which need measured duplication. [P]
Wang et al., "Subset-Reach Estimation in Cross-Media Measurement", arXiv 2309.16774: without data on single people the
answer can be anything between the bounds. None of these measured one creator's posts: hence the range beside the
estimate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Appearance:
    """One item with its reach, as the model takes it. `copy_of` is the item whose cross-posted copy it is, and that
    item's account, whether or not its own reach is known."""

    item: str
    account: str
    reach: int
    copy_of: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class NetReach:
    """People reached by several items together. `largest` <= `estimate` <= `total`, whatever the items."""

    largest: int
    estimate: int
    total: int
    by_account: Mapping[str, NetReach]
    beyond_followers: tuple[str, ...]
    unshared: int


def net_reach(appearances: Sequence[Appearance], followers: Mapping[str, int | None]) -> NetReach:
    """The people that these items reached together, with bounds; pure arithmetic, in any order of the items.

    Adding an item lowers none of the three figures. Of one item all three are its reach.
    """
    if not appearances:
        raise ValueError("no reach is not a reach of nobody")
    by_account: dict[str, list[Appearance]] = {}
    for appearance in sorted(appearances, key=lambda one: one.item):
        by_account.setdefault(appearance.account, []).append(appearance)
    parts = {
        account: _within([one.reach for one in held], followers.get(account)) for account, held in by_account.items()
    }
    people = {account: _chance_within(held, followers.get(account)) for account, held in _merged(appearances).items()}
    # A copy's account brings its followers along, though its people are counted with the original's.
    public = math.fsum(
        max(
            people.get(account, 0.0),
            float(parts[account].estimate if account in parts else 0),
            float(followers.get(account) or 0),
        )
        for account in sorted({*people, *parts})
    )
    largest, total = max(one.reach for one in appearances), sum(one.reach for one in appearances)
    estimate = _chance(list(people.values()), public) if len(people) > 1 else math.fsum(people.values())
    return NetReach(
        largest=largest,
        estimate=_between(largest, estimate, total),
        total=total,
        by_account=parts,
        beyond_followers=tuple(
            account
            for account, held in by_account.items()
            if any(one.reach > (followers.get(account) or 0) for one in held)
        ),
        unshared=_between(largest, math.fsum(people.values()), total),
    )


def _merged(appearances: Sequence[Appearance]) -> dict[str, list[int]]:
    """The reaches by account, an original and its copies being one on the original's, with the largest of theirs."""
    largest: dict[tuple[str, str], int] = {}
    for one in appearances:
        work = one.copy_of or (one.item, one.account)
        largest[work] = max(largest.get(work, 0), one.reach)
    merged: dict[str, list[int]] = {}
    for (_, account), reach in sorted(largest.items()):
        merged.setdefault(account, []).append(reach)
    return dict(sorted(merged.items()))


def _within(reaches: Sequence[int], followers: int | None) -> NetReach:
    largest, total = max(reaches), sum(reaches)
    estimate = _between(largest, _chance_within(reaches, followers), total)
    return NetReach(largest, estimate, total, {}, (), estimate)


def _chance_within(reaches: Sequence[int], followers: int | None) -> float:
    """Step 1 of the model: among the followers, and beyond them."""
    crowd = float(followers or 0)
    among = [min(float(reach), crowd) for reach in reaches]
    beyond = [float(reach) - part for reach, part in zip(reaches, among, strict=True)]
    return _chance(among, crowd) + _chance(beyond, math.fsum(beyond))


def _chance(reaches: Sequence[float], public: float) -> float:
    """Sainsbury: how many of a public are reached at least once, each item reaching its part of it by chance."""
    if public <= 0:
        return 0.0
    return public * (1 - math.prod(1 - min(reach / public, 1.0) for reach in sorted(reaches)))


def _between(low: int, value: float, high: int) -> int:
    return min(max(round(value), low), high)
