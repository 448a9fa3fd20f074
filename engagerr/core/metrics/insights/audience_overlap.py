"""How alike the audiences of creators are, and the bounds of how many people they share: splits say no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from engagerr.core.errors import InvalidInput
from engagerr.core.metrics.insights.audience_splits import ROUNDING, Split, creator_name, frame_of, read_splits

if TYPE_CHECKING:
    import pandas as pd

    from engagerr.core.db import Session

# Where both sides name values of less than half of an audience, the rest decides, and nobody knows it.
LEAST_COMPARED = 0.5


@dataclass(frozen=True, slots=True)
class OverlapCreator:
    """One side of a comparison. Followers of all accounts as people: at least the largest account's, at most the sum.

    Both are None where the followers of an account are not known; `uncounted` names those accounts.
    """

    creator_id: UUID
    creator: str
    people_low: int | None
    people_high: int | None
    uncounted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OverlapRow:
    """How alike two audiences are by one dimension. It says who they are, not that they are the same people.

    `similarity` is 1 - the Jensen-Shannon distance (base 2) between the two splits: 1 for equal ones, 0 for nothing in
    common. What only one side names is lumped together, so it is rather too high, and it is not said where the values
    in common make less than half of either audience; `values` counts them. `common_low` to `common_high` is
    Σ min(p, q), the part that both splits share, without and with what is not stated. `at_most` is how many people the
    two could share by this split, where all their followers are counted. `why` says what is missing.
    """

    first: str
    second: str
    dimension: str
    values: int
    similarity: float | None
    common_low: float | None
    common_high: float | None
    at_most: int | None
    why: str | None
    first_at: datetime | None
    second_at: datetime | None


@dataclass(frozen=True, slots=True)
class OverlapPair:
    """How many people two creators can share: bounds and no guess.

    `by` is the dimension that bounds it tightest, None where it is the followers of the smaller one. `why` names whose
    followers are not known; `at_most` is None where that goes for both.
    """

    first: str
    second: str
    at_least: int
    at_most: int | None
    by: str | None
    why: str | None


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two or more creators' audiences beside each other, pair by pair."""

    until: datetime | None
    creators: tuple[OverlapCreator, ...]
    pairs: tuple[OverlapPair, ...]
    rows: tuple[OverlapRow, ...]
    assumptions: tuple[str, ...]

    def frame(self) -> pd.DataFrame:
        """One row a pair and dimension; what cannot be said is NA."""
        return frame_of(self.rows, OverlapRow, numbers=("similarity", "common_low", "common_high", "at_most"))


_OVERLAP = (
    "Splits say what audiences are made of and not who is in them: two audiences can be all alike and share nobody.",
    "Nothing that platforms report forces two audiences to meet, so the least is 0. It would be more only if the two "
    "together were larger than the public that they are drawn from (Fréchet: max(0, A + B - N)).",
    "The most is Σ min over the values of the split with the most favourable numbers (Fréchet's upper bound): nobody "
    "follows two accounts of one creator, and whoever is not stated fits wherever they would be shared.",
    "Followers are taken for people, and a split of viewers for one of followers.",
)


@dataclass(frozen=True, slots=True)
class Parts:
    """A split as parts of a whole (shares of 1, or people), and what no value is named for.

    `anywhere`: the rest may be of a value that is named too, as it comes of other accounts than those that name it.
    """

    named: dict[str, float]
    rest: float
    anywhere: bool


@dataclass(frozen=True, slots=True)
class Side:
    """One creator's audience by one dimension; `people` are the most that each value can have."""

    shares: Parts
    people: Parts | None
    observed_at: datetime


def overlap(session: Session, *, tenant_id: UUID, creator_ids: Sequence[UUID], until: datetime | None) -> Overlap:
    """How alike the audiences of two or more creators are, and the bounds of how many people they share.

    Source of the bounds: M. Fréchet, Sur les tableaux de corrélation dont les marges sont données, 1951 [k: general
    knowledge, not looked up].
    """
    wanted = list(dict.fromkeys(creator_ids))
    if len(wanted) < 2:
        raise InvalidInput("An overlap is between two creators or more.", hint="Name another creator.")
    creators: list[OverlapCreator] = []
    sides: dict[str, dict[str, Side | str]] = {}
    for creator_id in wanted:
        name = creator_name(session, tenant_id=tenant_id, creator_id=creator_id)
        accounts, splits = read_splits(session, tenant_id=tenant_id, creator_id=creator_id, until=until)
        known = [account.followers for account in accounts if account.followers is not None]
        uncounted = tuple(account.account for account in accounts if account.followers is None)
        whole = bool(known) and not uncounted
        creators.append(
            OverlapCreator(creator_id, name, max(known) if whole else None, sum(known) if whole else None, uncounted)
        )
        sides[name] = {
            dimension: side_of(
                [split for split in splits if split.dimension == dimension],
                people=sum(known) if whole else None,
            )
            for dimension in dict.fromkeys(split.dimension for split in splits)
        }
    pairs, rows = [], []
    for at, first in enumerate(creators):
        for second in creators[at + 1 :]:
            compared = _compared(first.creator, sides[first.creator], second.creator, sides[second.creator])
            rows += compared
            pairs.append(_pair(first, second, compared))
    return Overlap(until, tuple(creators), tuple(pairs), tuple(rows), _OVERLAP)


def side_of(splits: Sequence[Split], *, people: int | None) -> Side | str:
    """The split by one dimension over the accounts that give one, or else by a list; or why there is none."""
    given = [split for split in splits if split.account] or list(splits)
    if any(split.excess for split in given):
        return "shares that add to more than 1 say nothing about single people"
    if len(given) > 1 and any(split.followers is None for split in given):
        return "several accounts give a split, and the followers of one are not known"
    sizes = [float(split.followers or 0) if len(given) > 1 else 1.0 for split in given]
    if not sum(sizes):
        return "nobody follows the accounts that give a split"
    shares: dict[str, float] = {}
    for split, size in zip(given, sizes, strict=True):
        for value, share in split.shares.items():
            shares[value] = shares.get(value, 0.0) + share * size / sum(sizes)
    rest = max(1 - sum(shares.values()), 0.0)
    several = len(given) > 1
    placed: Parts | None = None
    if people is not None:
        whole = float(people if given[0].account is None else sum(split.followers or 0 for split in given))
        named = {value: share * whole for value, share in shares.items()}
        # Followers of accounts without a split may be of any value.
        placed = Parts(named, max(people - sum(named.values()), 0.0), anywhere=several or people > whole)
    return Side(
        Parts(shares, rest if rest > ROUNDING else 0.0, anywhere=several),
        placed,
        min(split.observed_at for split in given),
    )


def _compared(first: str, ours: dict[str, Side | str], second: str, theirs: dict[str, Side | str]) -> list[OverlapRow]:
    rows = []
    for dimension in sorted({*ours, *theirs}):
        mine, other = ours.get(dimension), theirs.get(dimension)
        if not isinstance(mine, Side) or not isinstance(other, Side):
            lacking = "; ".join(
                f"{name}: {side or 'no split by it'}"
                for name, side in ((first, mine), (second, other))
                if not isinstance(side, Side)
            )
            rows.append(OverlapRow(first, second, dimension, 0, None, None, None, None, lacking, None, None))
            continue
        low, high = common(mine.shares, other.shares)
        most = None
        if mine.people is not None and other.people is not None:
            most = round(common(mine.people, other.people)[1])
        values, similarity, why = _likeness(mine.shares.named, other.shares.named)
        rows.append(
            OverlapRow(
                first, second, dimension, values, similarity, min(low, 1.0), min(high, 1.0), most, why,
                mine.observed_at, other.observed_at,
            )
        )  # fmt: skip
    return rows


def _likeness(first: dict[str, float], second: dict[str, float]) -> tuple[int, float | None, str | None]:
    """(values that both name, how alike the two are, why that is not said)."""
    import numpy as np
    from scipy.spatial.distance import jensenshannon

    both = [value for value in first if value in second]
    if not both:
        return 0, None, "the two name no value in common"
    # What only one of them names, or nobody, is one part: lumping never makes two splits less alike.
    lumped = [
        [*shares, max(1 - sum(shares), 0.0)]
        for shares in ([split[value] for value in both] for split in (first, second))
    ]
    compared = min(1 - shares[-1] for shares in lumped)
    if compared < LEAST_COMPARED:
        return len(both), None, f"the values that both name are {compared:.0%} of one of the audiences"
    # Of two all but equal splits the distance is the root of a rounding error, which may be below zero.
    with np.errstate(invalid="ignore"):
        return len(both), 1 - float(np.nan_to_num(jensenshannon(*lumped, base=2))), None


def common(first: Parts, second: Parts) -> tuple[float, float]:
    """Σ min of two splits, without and with what either leaves unstated, wherever that would be in common."""
    least = {value: min(part, second.named.get(value, 0.0)) for value, part in first.named.items()}
    filled, filling = min(second.rest, _open(second, first, least)), min(first.rest, _open(first, second, least))
    low = sum(least.values())
    return low, low + filled + filling + min(first.rest - filling, second.rest - filled)


def _open(resting: Parts, other: Parts, least: dict[str, float]) -> float:
    """How much of the other's named parts the rest of this one could be, beyond what is in common already."""
    return sum(
        part - least.get(value, 0.0)
        for value, part in other.named.items()
        if resting.anywhere or value not in resting.named
    )


def _pair(first: OverlapCreator, second: OverlapCreator, rows: Sequence[OverlapRow]) -> OverlapPair:
    uncounted = [side for side in (first, second) if side.people_high is None]
    missing = [name for side in uncounted for name in side.uncounted or (side.creator,)]
    why = f"no followers are known of {', '.join(missing)}" if missing else None
    sizes = [side.people_high for side in (first, second) if side.people_high is not None]
    if not sizes:
        return OverlapPair(first.creator, second.creator, 0, None, None, why)
    # Nobody shares more people than they have, however many the other has.
    bounds = [(row.at_most, row.dimension) for row in rows if row.at_most is not None]
    most, by = min(bounds, default=(min(sizes), ""))
    return OverlapPair(first.creator, second.creator, 0, min(most, *sizes), by if most < min(sizes) else None, why)
