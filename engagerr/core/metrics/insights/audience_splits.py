"""What platforms and lists say an audience is made of: the newest split of each account, and how many follow it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from math import isnan
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.metrics.dataset import read_accounts

if TYPE_CHECKING:
    import pandas as pd

    from engagerr.core.db import Session

# Shares are shown to a tenth of a per cent; what adds to one but for half of that adds to one.
ROUNDING = 0.0005


@dataclass(frozen=True, slots=True)
class AudienceAccount:
    """An account of the creator: its followers as last known, and the dimensions that its platform splits them by."""

    account: str
    platform: str
    followers: int | None
    followers_at: datetime | None
    dimensions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """The newest split of one audience by one dimension: {value: share}, `rest` being what no value is named for.

    `excess` is by how much the shares add to more than 1: people in several groups, or rounding.
    """

    dimension: str
    shares: dict[str, float]
    observed_at: datetime
    account: str | None
    followers: int | None

    @property
    def rest(self) -> float:
        """The part for which no value is stated; 0 where the shares add to 1 as exactly as they are given."""
        rest = 1 - sum(self.shares.values())
        return rest if rest > ROUNDING else 0.0

    @property
    def excess(self) -> float:
        """How far the shares add to more than 1."""
        excess = sum(self.shares.values()) - 1
        return excess if excess > ROUNDING else 0.0


# Per account and dimension the set of shares that was said last; an older set may name other values and is left alone.
_ACCOUNT_SHARES = """
WITH newest AS (
  SELECT said.account_id, said.dimension, max(said.observed_at) AS observed_at,
         account.platform || ':' || account.handle AS account
  FROM accounts AS account
  JOIN account_audience_shares AS said ON said.tenant_id = account.tenant_id AND said.account_id = account.id
  WHERE account.tenant_id = :tenant_id AND account.creator_id = :creator_id
    AND said.observed_at <= coalesce(CAST(:until AS timestamptz), 'infinity')
  GROUP BY said.account_id, said.dimension, account.platform, account.handle
)
SELECT newest.account, said.dimension, said.value, said.share::float8 AS share, said.observed_at
FROM newest
JOIN account_audience_shares AS said
  ON said.tenant_id = :tenant_id AND said.account_id = newest.account_id AND said.dimension = newest.dimension
 AND said.observed_at = newest.observed_at
ORDER BY newest.account, said.dimension, said.share DESC, said.value
"""
_LIST_SHARES = """
WITH newest AS (
  SELECT dimension, max(observed_at) AS observed_at FROM audience_shares
  WHERE tenant_id = :tenant_id AND creator_id = :creator_id
    AND observed_at <= coalesce(CAST(:until AS timestamptz), 'infinity')
  GROUP BY dimension
)
SELECT said.dimension, said.value, said.share::float8 AS share, said.observed_at
FROM newest
JOIN audience_shares AS said
  ON said.tenant_id = :tenant_id AND said.creator_id = :creator_id AND said.dimension = newest.dimension
 AND said.observed_at = newest.observed_at
ORDER BY said.dimension, said.share DESC, said.value
"""


def read_followers(
    session: Session,
    *,
    tenant_id: UUID,
    until: datetime | None,
    creator_id: UUID | None = None,
    names: Sequence[str] = (),
) -> tuple[AudienceAccount, ...]:
    """Step: accounts of a creator, or of these names (platform:handle), with the followers they had last."""
    found = read_accounts(
        session, tenant_id=tenant_id, creator_ids=None if creator_id is None else [creator_id],
        names=list(names) if creator_id is None else None, until=until,
    ).sort_values("account")  # fmt: skip
    told: list[dict[Any, Any]] = found.to_dict("records")
    return tuple(
        AudienceAccount(
            row["account"], row["platform"], None if isnan(row["followers"]) else int(row["followers"]),
            None if isnan(row["followers"]) else row["followers_at"].to_pydatetime(), (),
        )
        for row in told
    )  # fmt: skip


def read_splits(
    session: Session, *, tenant_id: UUID, creator_id: UUID, until: datetime | None
) -> tuple[tuple[AudienceAccount, ...], list[Split]]:
    """Step: the creator's accounts, and the newest split of each by each dimension; lists come last."""
    values = {"tenant_id": tenant_id, "creator_id": creator_id, "until": until}
    accounts = read_followers(session, tenant_id=tenant_id, creator_id=creator_id, until=until)
    followers = {account.account: account.followers for account in accounts}
    found: dict[tuple[str | None, str], Split] = {}
    for row in session.execute(text(_ACCOUNT_SHARES), values):
        key = (row.account, row.dimension)
        split = found.setdefault(
            key, Split(row.dimension, {}, row.observed_at, row.account, followers.get(row.account))
        )
        split.shares[row.value] = row.share
    for row in session.execute(text(_LIST_SHARES), values):
        split = found.setdefault((None, row.dimension), Split(row.dimension, {}, row.observed_at, None, None))
        split.shares[row.value] = row.share
    named = tuple(
        AudienceAccount(
            account.account, account.platform, account.followers, account.followers_at,
            tuple(dimension for whose, dimension in found if whose == account.account),
        )
        for account in accounts
    )  # fmt: skip
    return named, list(found.values())


def creator_name(session: Session, *, tenant_id: UUID, creator_id: UUID) -> str:
    """Step: what a creator is called."""
    return str(
        session.execute(
            text("SELECT name FROM creators WHERE tenant_id = :tenant_id AND id = :id"),
            {"tenant_id": tenant_id, "id": creator_id},
        ).scalar_one()
    )


def frame_of(rows: Sequence[object], kind: type, *, numbers: Sequence[str]) -> pd.DataFrame:
    """Dataclass rows as a pandas frame with the columns of their kind; what is missing in `numbers` is NA."""
    import pandas as pd

    columns = list(kind.__dataclass_fields__)  # type: ignore[attr-defined]
    frame = pd.DataFrame([asdict(row) for row in rows], columns=columns)  # type: ignore[call-overload]
    for column in numbers:
        frame[column] = pd.to_numeric(frame[column]).astype("Float64")
    return frame
