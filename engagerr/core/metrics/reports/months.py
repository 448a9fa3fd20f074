"""Figures by month: what each account's headline count grew by and where its followers stand, from the rollups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text as sql

from engagerr.core.metrics.dataset import FOLLOWERS, HEADLINES
from engagerr.core.metrics.registry import Registry
from engagerr.core.metrics.rulings import rulings

if TYPE_CHECKING:
    import pandas as pd

    from engagerr.core.db import Session

# One read of what is rolled up already; a year of an account is a few dozen rows.
_MONTHS = """
SELECT account_id::text AS account_id, bucket, kind = 'account' AS of_account, metric, definition, basis,
       value::float8 AS value, figures::float8 AS figures, mixed
FROM metric_rollups
WHERE tenant_id = :tenant_id AND grain = 'month' AND bucket >= :first AND bucket < :after
  AND metric = ANY (CAST(:metrics AS text[])) AND value IS NOT NULL
  AND (CAST(:account_ids AS uuid[]) IS NULL OR account_id = ANY (CAST(:account_ids AS uuid[])))
"""

# Whole months by the month, what there is of the last one by the day; of two names of one thing the newer. All at once:
# a LIMIT for each account would be planned by whichever index looks cheaper today.
_FOLLOWERS = """
SELECT DISTINCT ON (stood.account_id)
       stood.account_id::text AS account, stood.value::float8 AS followers, stood.definition
FROM metric_rollups AS stood
WHERE tenant_id = :tenant_id AND kind = 'account' AND basis = 'level' AND metric = ANY (CAST(:metrics AS text[]))
  AND value IS NOT NULL AND last_at <= :until
  AND (grain = 'month' AND bucket < :month OR grain = 'day' AND bucket >= :month AND bucket <= :day)
ORDER BY stood.account_id, last_at DESC, metric
"""


def month_of(moment: datetime) -> date:
    """The first day of the moment's month, in UTC."""
    return moment.astimezone(UTC).date().replace(day=1)


def months_back(first: date, months: int) -> date:
    """The first day of the month that many months before."""
    years, month = divmod(first.year * 12 + first.month - 1 - months, 12)
    return date(years, month + 1, 1)


def whole_months(since: datetime, until: datetime) -> tuple[date, ...]:
    """The months that lie wholly within [since, until), by their first days."""
    first = month_of(since)
    if since.astimezone(UTC) > datetime(first.year, first.month, 1, tzinfo=UTC):
        first = months_back(first, -1)
    after = month_of(until)
    found = []
    while first < after:
        found.append(first)
        first = months_back(first, -1)
    return tuple(found)


def read_months(
    session: Session,
    registry: Registry,
    *,
    tenant_id: UUID,
    months: Sequence[date],
    account_ids: Sequence[UUID] | None = None,
    followers: bool = True,
) -> pd.DataFrame:
    """Headline counts and followers of these whole months, one row an account, month and way of counting.

    Columns: account_id, bucket, figure (`views` or `followers`), sum_group, definition, value, mixed, figures (how many
    observations it rests on), of_account. Views that the account itself states by the day go before those that its
    items grew by: they are the same views. Followers are where they stood last in the month, unless not wanted.
    """
    import pandas as pd

    columns = [
        "account_id", "bucket", "figure", "sum_group", "definition", "value", "mixed", "figures", "of_account",
    ]  # fmt: skip
    if not months:
        return pd.DataFrame(columns=columns)
    names = {name for headline in HEADLINES.values() for name in headline} | (set(FOLLOWERS) if followers else set())
    rows = session.execute(
        sql(_MONTHS),
        {
            "tenant_id": tenant_id,
            "first": months[0],
            "after": months_back(months[-1], -1),
            "metrics": sorted(set(_first_names(registry, names))),
            "account_ids": None if account_ids is None else [str(one) for one in account_ids],
        },
    )
    # Bare tuples: pandas asks each row of SQLAlchemy for attributes that it has not.
    found = pd.DataFrame([tuple(row) for row in rows.all()], columns=list(rows.keys()))
    if found.empty:
        return pd.DataFrame(columns=columns)
    groups = {ruling.definition: ruling.sum_group for ruling in rulings(registry)}
    found["sum_group"] = found["definition"].map(groups)
    figures = {definition: _headline(registry, definition) for definition in set(found["definition"])}
    found["figure"] = found["definition"].map(figures).where(found["basis"] != "level", "followers")
    found = found[found["figure"].notna()]
    views = found[found["figure"] == "views"].sort_values("of_account", ascending=False, kind="stable")
    # The account's own daily word, where there is one for the month, else the growth of its items.
    best = views.groupby(["account_id", "bucket"])["of_account"].transform("max")
    views = views[views["of_account"] == best]
    kept = pd.concat([views, found[found["figure"] == "followers"]])
    keys = ["account_id", "bucket", "figure", "sum_group", "definition"]
    summed = kept.groupby(keys, dropna=False, sort=True).agg(
        value=("value", "sum"), mixed=("mixed", "sum"), figures=("figures", "sum"), of_account=("of_account", "max")
    )
    return summed.reset_index()[columns]


def read_followers(
    session: Session, registry: Registry, *, tenant_id: UUID, until: datetime
) -> dict[str, tuple[float, str]]:
    """The followers that each account had last, as known by `until`, with the rule by which they were counted.

    By account id; an account without any such figure is not in it.
    """
    values = {
        "tenant_id": tenant_id, "metrics": sorted(set(_first_names(registry, set(FOLLOWERS)))), "until": until,
        "day": until.astimezone(UTC).date(), "month": month_of(until),
    }  # fmt: skip
    rows = session.execute(sql(_FOLLOWERS), values)
    return {row.account: (row.followers, row.definition) for row in rows}


def _headline(registry: Registry, definition_id: str) -> str | None:
    definition = registry.definition(definition_id)
    if definition is None:
        return None
    return "views" if set(definition.names) & set(HEADLINES.get(definition.platform, ())) else None


def _first_names(registry: Registry, names: set[str]) -> Iterator[str]:
    """The names under which rollups keep these figures: a platform's several names of one thing have one there."""
    yield from names
    for definition in registry.definitions():
        if set(definition.names) & names:
            yield definition.metric


def by_month(frame: pd.DataFrame, months: Sequence[date]) -> list[Any]:
    """The values of one line in the order of the months; None where there is none."""
    held = dict(zip(frame["bucket"], frame["value"], strict=True))
    return [held.get(month) for month in months]
