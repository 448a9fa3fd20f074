"""Who follows and watches: the split of an audience as each platform says it, and what several accounts' splits allow
to be said together. Platforms give shares, never people, so most answers here are ranges.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from engagerr.core.metrics.insights.audience_overlap import Overlap, OverlapCreator, OverlapPair, OverlapRow, overlap
from engagerr.core.metrics.insights.audience_splits import (
    AudienceAccount,
    Split,
    creator_name,
    frame_of,
    read_splits,
)

if TYPE_CHECKING:
    import pandas as pd

    from engagerr.core.db import Session

__all__ = [
    "Audience",
    "AudienceAccount",
    "AudienceRow",
    "Overlap",
    "OverlapCreator",
    "OverlapPair",
    "OverlapRow",
    "audience",
    "combine",
    "overlap",
]

NOT_STATED = "not stated"


@dataclass(frozen=True, slots=True)
class AudienceRow:
    """One share of an audience (0 to 1), or the part of it that the source names no value for (`not stated`).

    `source` is account (one platform's word on one account, `account` is platform:handle), list (somebody's word on
    the creator's whole audience) or combined (ours, of all accounts that say). `share` is None where it cannot be
    said; `low` and `high` are what it could be. `state` is value, estimated or not_reported.
    """

    dimension: str
    value: str
    share: float | None
    low: float | None
    high: float | None
    state: str
    source: str
    account: str | None
    observed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Audience:
    """The audience of one creator: what each account says, what lists say, and what follows for all accounts."""

    creator_id: UUID
    creator: str
    until: datetime | None
    rows: tuple[AudienceRow, ...]
    accounts: tuple[AudienceAccount, ...]
    assumptions: tuple[str, ...]
    missing: tuple[str, ...]

    def frame(self) -> pd.DataFrame:
        """The rows as a pandas frame; a share that is not known is NA, never zero."""
        return frame_of(self.rows, AudienceRow, numbers=("share", "low", "high"))


def audience(session: Session, *, tenant_id: UUID, creator_id: UUID, until: datetime | None) -> Audience:
    """The split of a creator's audience as known by `until`: per account, by lists, and combined with its range."""
    name = creator_name(session, tenant_id=tenant_id, creator_id=creator_id)
    accounts, splits = read_splits(session, tenant_id=tenant_id, creator_id=creator_id, until=until)
    rows = [row for split in splits for row in _as_said(split)]
    missing = [
        f"{account.account} gives no split of its audience"
        + (" and no number of followers." if account.followers is None else f" ({account.followers:,} followers).")
        for account in accounts
        if not account.dimensions
    ]
    missing += [
        f"{split.account or 'The list'} splits by {split.dimension} into shares that add to {1 + split.excess:.3f}:"
        " people in several groups, or rounding; they are shown as they are and not combined."
        for split in splits
        if split.excess
    ]
    combined = False
    for dimension in sorted({split.dimension for split in splits if split.account}):
        together, why = combine([split for split in splits if split.account and split.dimension == dimension])
        rows += together
        missing += why
        combined = combined or bool(together)
    return Audience(
        creator_id=creator_id,
        creator=name,
        until=until,
        rows=tuple(rows),
        accounts=accounts,
        assumptions=_COMBINED if combined else (),
        missing=tuple(missing),
    )


_COMBINED = (
    "Combined shares weigh each account by its followers, also where the platform splits viewers and not followers.",
    "How many people follow several of the accounts is not known. Low and high are the least and the most that the "
    "share among all of them together can be, whoever follows twice.",
    "Where an account does not name a value, its share there is unknown: the combined one has a range and no estimate.",
)


def _as_said(split: Split) -> Iterable[AudienceRow]:
    source = "account" if split.account else "list"
    for value, share in split.shares.items():
        yield AudienceRow(
            split.dimension, value, share, share, share, "value" if share else "zero", source, split.account,
            split.observed_at,
        )  # fmt: skip
    if split.rest:
        yield AudienceRow(
            split.dimension, NOT_STATED, split.rest, split.rest, split.rest, "not_reported", source, split.account,
            split.observed_at,
        )  # fmt: skip


def combine(splits: Sequence[Split]) -> tuple[list[AudienceRow], list[str]]:
    """The share of each value among all the accounts' followers together, and what kept accounts out of it.

    Whoever follows several accounts is one person, with one value. With x people of the value and y of the others on
    each account, the share of the union lies between max x / (max x + Σ y) and Σ x / (Σ x + max y).
    """
    usable = [split for split in splits if split.followers and not split.excess]
    why = [
        f"{split.account} is left out of the combined split by {split.dimension}: its followers are not known."
        for split in splits
        if split.followers is None and len(splits) > 1
    ]
    if len(usable) < 2:
        return [], why
    total = sum(split.followers or 0 for split in usable)
    oldest = min(split.observed_at for split in usable)
    estimates: dict[str, tuple[float | None, float, float]] = {}
    for value in dict.fromkeys(value for split in usable for value in split.shares):
        least = [(split.followers or 0) * split.shares.get(value, 0.0) for split in usable]
        most = [(split.followers or 0) * split.shares.get(value, split.rest) for split in usable]
        sizes = [split.followers or 0 for split in usable]
        others_least = [size - people for size, people in zip(sizes, most, strict=True)]
        others_most = [size - people for size, people in zip(sizes, least, strict=True)]
        everywhere = all(value in split.shares or not split.rest for split in usable)
        estimates[value] = (
            sum(least) / total if everywhere else None,
            _part(max(least), sum(others_most)),
            _part(sum(most), max(others_least)),
        )
    rows = [
        AudienceRow(
            usable[0].dimension, value, estimate, low, high, "not_reported" if estimate is None else "estimated",
            "combined", None, oldest,
        )
        for value, (estimate, low, high) in sorted(estimates.items(), key=lambda one: (-one[1][2], one[0]))
    ]  # fmt: skip
    return rows, why


def _part(part: float, others: float) -> float:
    return part / (part + others) if part + others > 0 else 0.0
