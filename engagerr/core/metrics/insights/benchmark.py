"""Benchmarks: where a creator's account stands among others of its platform, size and category."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import InvalidInput
from engagerr.core.metrics.dataset import read_accounts, read_items
from engagerr.core.metrics.insights.engagement import LeftOut, Rate, rates, reach_back
from engagerr.core.metrics.insights.formulas import Combine, Formula, Per, Rule, find_formula, tier_of
from engagerr.core.metrics.registry import Registry

if TYPE_CHECKING:
    import pandas as pd

    from engagerr.core.db import Session

AGAINST = ("roster", "prospects", "all")
FEWEST_PEERS = 8
WINDOW_DAYS = 90
_WEEKS = WINDOW_DAYS / 7
# A median of fewer says little; and views younger than this are half grown.
_FEWEST_ITEMS = 5
_YOUNGEST_DAYS = 3
# What lists of prospects state of an account, by the name of the concept or column that it averages.
_LISTED = {
    "likes": "likes_average", "comments": "comments_average", "shares": "shares_average", "views": "views_average",
}  # fmt: skip
# Some lists state likes and comments as one mean. What an engagement is, is their maker's choice.
_LISTED_TOGETHER = "engagement_average"
_TOGETHER = {"likes", "comments"}

_STATED = """
SELECT subject_id, metric, value, observed_at FROM (
  SELECT DISTINCT ON (seen.subject_id, seen.metric, seen.observed_at)
         seen.subject_id, seen.metric, seen.value::float8 AS value, seen.observed_at
  FROM unnest(CAST(:ids AS uuid[])) AS one (id)
  JOIN metric_observations AS seen ON seen.tenant_id = :tenant_id AND seen.subject_id = one.id
  WHERE seen.metric = ANY (CAST(:metrics AS text[])) AND seen.observed_at <= :until
  ORDER BY seen.subject_id, seen.metric, seen.observed_at, seen.revision DESC) AS stands
WHERE value IS NOT NULL
ORDER BY subject_id, metric, observed_at
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkRow:
    """One measure of one account against one group of peers.

    `basis`: "computed" from items on both sides; "as listed": the peers' figures are averages that a list of prospects
    states, without saying over which posts or time; "level": followers. `peers` is "tier and category", "tier" or
    "platform". `percentile` is the share of peers (0 to 100) below the value, ties counted half. `value` is None where
    the account has no such figure; percentile and quartiles are None under eight peers; `why` says which. `seen_from`
    and `seen_to` are when the peers' followers, or listed figures, were observed.
    """

    account: str
    platform: str
    measure: str
    unit: str
    basis: str
    peers: str
    tier: str | None
    categories: tuple[str, ...]
    views_group: str | None
    value: float | None
    percentile: float | None
    q1: float | None
    median: float | None
    q3: float | None
    n: int
    left_out: tuple[LeftOut, ...]
    why: str | None
    seen_from: datetime | None
    seen_to: datetime | None


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Where a creator stands, by one named formula, against the roster, prospects or both."""

    creator: str
    formula: Formula
    against: str
    until: datetime
    rows: tuple[BenchmarkRow, ...]
    notes: tuple[str, ...]

    def frame(self) -> pd.DataFrame:
        """The rows as a pandas frame, `left_out` as a number; missing is NA."""
        import pandas as pd

        names = list(BenchmarkRow.__dataclass_fields__)
        rows = [
            {name: getattr(row, name) for name in names} | {"left_out": sum(left.count for left in row.left_out)}
            for row in self.rows
        ]
        frame = pd.DataFrame(rows, columns=names)
        for column in ("value", "percentile", "q1", "median", "q3"):
            frame[column] = frame[column].astype("Float64")
        return frame


@dataclass(frozen=True, slots=True)
class _Figure:
    """One account's figure, or why it has none."""

    value: float | None
    why: str = ""
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Measure:
    """One measure of the account, and the same of every other account of the platform."""

    name: str
    unit: str
    basis: str
    own: _Figure
    others: Mapping[str, _Figure]
    views_group: str | None = None


def benchmark(
    session: Session,
    registry: Registry,
    *,
    tenant_id: UUID,
    now: datetime,
    creator_id: UUID,
    formula: str,
    platform: str | None = None,
    against: str,
) -> Benchmark:
    """Each account of the creator against its peers: rate, followers, views a post and posts a week."""
    if against not in AGAINST:
        raise InvalidInput(f"{against!r} is nobody to compare with.", hint=f"One of: {', '.join(AGAINST)}.")
    named = find_formula(formula)
    everybody = read_accounts(session, tenant_id=tenant_id, until=now)
    if platform is not None:
        everybody = everybody[everybody["platform"] == platform]
    mine = everybody["creator_id"] == str(creator_id)
    own = everybody[mine]
    if own.empty:
        raise InvalidInput(
            f"This creator has no account{f' on {platform}' if platform else ''}.",
            hint="`engagerr account list` shows who has which.",
        )
    prospects = everybody["status"] == "prospect"
    wanted = {"prospects": prospects, "roster": everybody["status"].isin(("active", "paused"))}.get(against, ~mine)
    others = everybody[~mine & everybody["platform"].isin(own["platform"]) & wanted]
    creators = {*own["creator_id"], *others["creator_id"].dropna()}
    items = read_items(
        session, registry, tenant_id=tenant_id, creator_ids=[UUID(one) for one in sorted(creators)], platform=platform,
        until=now, since=now - max(reach_back(named), timedelta(days=WINDOW_DAYS)),
    )  # fmt: skip
    listed = _stated(session, tenant_id, [*own["account_id"], *others["account_id"]], now)
    rows, notes = placed(own, others, items, listed, named, until=now)
    return Benchmark(str(own["creator"].iloc[0]), named, against, now, rows, notes)


def placed(
    own: pd.DataFrame, others: pd.DataFrame, items: pd.DataFrame, listed: pd.DataFrame, formula: Formula, *,
    until: datetime,
) -> tuple[tuple[BenchmarkRow, ...], tuple[str, ...]]:  # fmt: skip
    """The rows and notes for these accounts among those others.

    Frames as `read_accounts` and `read_items` give them; `listed` has account_id, metric, value and observed_at of what
    lists of prospects state.
    """
    import pandas as pd

    computed: dict[str, list[Rate]] = {}
    with_items = others[others["account_id"].isin(items["account_id"])]
    compared = pd.concat([own, with_items])
    for rate in rates(items, compared, formula, since=None, until=until, intervals=False)[0]:
        computed.setdefault(rate.account_id, []).append(rate)
    recent = items[items["published_at"] >= until - timedelta(days=WINDOW_DAYS)]
    stated: dict[str, dict[str, Any]] = {}
    for row in listed.itertuples():
        stated.setdefault(str(row.account_id), {})[str(row.metric)] = row
    rows: list[BenchmarkRow] = []
    notes: dict[str, None] = {}
    for account in _records(own):
        peers = [other for other in _records(others) if other["platform"] == account["platform"]]
        rule = formula.rule_for(account["platform"])
        if rule is None:
            notes[f"{formula.vendor} publishes no such formula for {account['platform']}."] = None
        measures = [
            *_rate_measures(account, peers, computed, stated, formula, rule),
            _followers(account, peers),
            *_views_measures(account, peers, recent, stated),
            _cadence(account, peers, recent),
        ]
        for measure in measures:
            rows += _rows(account, peers, measure)
        notes |= dict.fromkeys(_account_notes(account, formula, rule, measures))
    return tuple(rows), tuple(notes)


def _rate_measures(
    account: dict[str, Any], peers: list[dict[str, Any]], computed: Mapping[str, list[Rate]],
    stated: Mapping[str, Mapping[str, Any]], formula: Formula, rule: Rule | None,
) -> Iterator[_Measure]:  # fmt: skip
    """The rate by the formula: among rates that compare with it, and apart from them among those of lists."""
    if rule is None:
        return
    for mine in computed.get(account["account_id"], ()):
        others = {peer["account_id"]: _comparable(mine, computed.get(peer["account_id"], ())) for peer in peers}
        yield _Measure(
            f"engagement rate ({formula.id})", "ratio", "computed", _Figure(mine.value, mine.why or ""), others,
            mine.views_group,
        )  # fmt: skip
    if not _agrees_with_lists(rule):
        return
    listed = {peer["account_id"]: _listed_rate(peer, stated.get(peer["account_id"], {}), rule) for peer in peers}
    if any(figure.value is not None for figure in listed.values()):
        largest = max(computed.get(account["account_id"], ()), key=lambda rate: rate.n, default=None)
        own = _Figure(None) if largest is None else _Figure(largest.value, largest.why or "")
        if own.value is None:
            own = _listed_rate(account, stated.get(account["account_id"], {}), rule)
        yield _Measure(f"engagement rate ({formula.id})", "ratio", "as listed", own, listed)


def _comparable(mine: Rate, theirs: Sequence[Rate]) -> _Figure:
    for rate in theirs:
        if rate.comparable_with(mine):
            # The sentence names its number of items; as a reason for leaving out, they are one.
            return _Figure(rate.value, "" if rate.why is None else "too few items, or no followers known")
    return _Figure(
        None, "its views are counted by another rule" if any(rate.n for rate in theirs) else "no items known"
    )


def _agrees_with_lists(rule: Rule) -> bool:
    """Whether a formula over items gives the same as one over the averages that lists state."""
    if rule.per is Per.REACH or not set(rule.terms) <= set(_LISTED):
        return False
    return rule.combine is Combine.RATIO_OF_SUMS or (
        rule.combine is Combine.MEAN_OF_RATIOS and rule.per is Per.FOLLOWERS
    )


def _listed_rate(account: dict[str, Any], stated: Mapping[str, Any], rule: Rule) -> _Figure:
    names = [_LISTED[term] for term in rule.terms]
    if set(rule.terms) == _TOGETHER and _LISTED_TOGETHER in stated and not set(names) & set(stated):
        names = [_LISTED_TOGETHER]
    parts = [stated.get(name) for name in names]
    below: float | None = account["followers"]
    seen = [part.observed_at for part in parts if part is not None]
    if rule.per is Per.VIEWS:
        views = stated.get(_LISTED["views"])
        below = None if views is None else views.value
    if not stated:
        return _Figure(None, "no list states its averages")
    missing = [name.removesuffix("_average") for name, part in zip(names, parts, strict=True) if part is None]
    if missing or below is None or not below > 0:
        return _Figure(None, f"its list states no {' or '.join(missing) or rule.per.value}")
    return _Figure(sum(part.value for part in parts if part is not None) / below, "", max(seen))


def _followers(account: dict[str, Any], peers: list[dict[str, Any]]) -> _Measure:
    def level(one: dict[str, Any]) -> _Figure:
        known = not math.isnan(one["followers"])
        return _Figure(one["followers"], "", one["followers_at"]) if known else _Figure(None, "followers not known")

    return _Measure("followers", "count", "level", level(account), {one["account_id"]: level(one) for one in peers})


def _views_measures(
    account: dict[str, Any], peers: list[dict[str, Any]], items: pd.DataFrame, stated: Mapping[str, Mapping[str, Any]]
) -> Iterator[_Measure]:
    """The median views of the items of 90 days, by counting rule; their mean among the means that lists state."""
    seen = items[items["views"].notna() & items["views_group"].notna() & (items["age_days"] >= _YOUNGEST_DAYS)]
    grouped = seen.groupby(["account_id", "views_group"])["views"]
    table = grouped.agg(["count", "median", "mean"]).reset_index()
    figures = {
        (row["account_id"], row["views_group"]): (int(row["count"]), row["median"], row["mean"])
        for row in _records(table)
    }
    groups = sorted(group for owner, group in figures if owner == account["account_id"])

    def over(owner: str, group: str, at: int) -> _Figure:
        count, *values = figures.get((owner, group), (0, 0.0, 0.0))
        if count < _FEWEST_ITEMS:
            return _Figure(None, f"fewer than {_FEWEST_ITEMS} items with such views in {WINDOW_DAYS} days")
        return _Figure(values[at])

    for group in groups:
        others = {peer["account_id"]: over(peer["account_id"], group, 0) for peer in peers}
        yield _Measure("median views a post", "count", "computed", over(account["account_id"], group, 0), others, group)
    listed = {peer["account_id"]: _listed_views(stated.get(peer["account_id"], {})) for peer in peers}
    if any(figure.value is not None for figure in listed.values()):
        largest = max(groups, key=lambda group: figures[account["account_id"], group][0], default="")
        own = over(account["account_id"], largest, 1)
        if own.value is None:
            own = _listed_views(stated.get(account["account_id"], {})) if account["account_id"] in stated else own
        yield _Measure("mean views a post", "count", "as listed", own, listed)


def _listed_views(stated: Mapping[str, Any]) -> _Figure:
    found = stated.get(_LISTED["views"])
    if found is None:
        return _Figure(None, "its list states no views" if stated else "no list states its averages")
    return _Figure(found.value, "", found.observed_at)


def _cadence(account: dict[str, Any], peers: list[dict[str, Any]], items: pd.DataFrame) -> _Measure:
    counts = Counter(items["account_id"])

    def posts(one: dict[str, Any]) -> _Figure:
        # An account without items may post daily; we would not know.
        count = counts[one["account_id"]]
        return _Figure(count / _WEEKS) if count else _Figure(None, f"no items known of the last {WINDOW_DAYS} days")

    return _Measure(
        "posts a week", "per week", "computed", posts(account), {one["account_id"]: posts(one) for one in peers}
    )


def _rows(account: dict[str, Any], peers: list[dict[str, Any]], measure: _Measure) -> Iterator[BenchmarkRow]:
    tier = tier_of(account["followers"])
    topics = {topic.casefold() for topic in account["topics"]}
    of_tier = [peer for peer in peers if tier is not None and tier_of(peer["followers"]) == tier]
    alike = [peer for peer in of_tier if topics & {topic.casefold() for topic in peer["topics"]}]
    untiered = sum(tier_of(peer["followers"]) is None for peer in peers)
    if tier is not None and topics:
        yield _row(account, alike, measure, "tier and category", tier, tuple(sorted(topics)), untiered)
    if tier is not None:
        yield _row(account, of_tier, measure, "tier", tier, (), untiered)
    yield _row(account, peers, measure, "platform", None, (), 0)


def _row(
    account: dict[str, Any], peers: list[dict[str, Any]], measure: _Measure, ring: str, tier: str | None,
    categories: tuple[str, ...], untiered: int,
) -> BenchmarkRow:  # fmt: skip
    import numpy as np
    from scipy import stats

    figures = [measure.others[peer["account_id"]] for peer in peers]
    values = [figure.value for figure in figures if figure.value is not None]
    reasons = Counter(figure.why for figure in figures if figure.value is None)
    if untiered:
        reasons["of no known size, so of no tier"] += untiered
    seen = sorted(figure.seen_at for figure in figures if figure.seen_at is not None)
    why = None
    if measure.own.value is None:
        why = measure.own.why or "the account has no such figure"
    elif len(values) < FEWEST_PEERS:
        why = f"{len(values)} of at least {FEWEST_PEERS} peers"
    quartiles = np.percentile(values, (25, 50, 75)) if len(values) >= FEWEST_PEERS else (None, None, None)
    q1, median, q3 = (None if one is None else float(one) for one in quartiles)
    own = None if measure.own.value is None else float(measure.own.value)
    return BenchmarkRow(
        account=account["account"], platform=account["platform"], measure=measure.name, unit=measure.unit,
        basis=measure.basis, peers=ring, tier=tier, categories=categories, views_group=measure.views_group,
        value=own, percentile=None if why or own is None else float(stats.percentileofscore(values, own, kind="mean")),
        q1=q1, median=median, q3=q3, n=len(values), why=why, seen_from=_moment(seen[0]) if seen else None,
        left_out=tuple(LeftOut(reason, count) for reason, count in sorted(reasons.items())),
        seen_to=_moment(seen[-1]) if seen else None,
    )  # fmt: skip


def _account_notes(
    account: dict[str, Any], formula: Formula, rule: Rule | None, measures: Sequence[_Measure]
) -> Iterator[str]:
    if tier_of(account["followers"]) is None:
        yield f"{account['account']}: its followers are not known, so it has no tier; compared with its whole platform."
    elif not account["topics"]:
        yield f"{account['creator']} has no topics, so there is no category to compare within."
    if any(measure.basis == "as listed" for measure in measures):
        yield "As listed: means that lists of prospects state, not saying over which posts or time. An orientation."
    if rule is not None and not _agrees_with_lists(rule):
        yield f"On {account['platform']} {formula.id} ({rule.in_words}) cannot be made from the means that lists state."


def _stated(session: Session, tenant_id: UUID, account_ids: Sequence[str], until: datetime) -> pd.DataFrame:
    """What lists state of these accounts, newest of each: account_id, metric, value, observed_at."""
    import pandas as pd

    found = session.execute(
        text(_STATED),
        {
            "tenant_id": tenant_id,
            "ids": list(account_ids),
            "metrics": [*_LISTED.values(), _LISTED_TOGETHER],
            "until": until,
        },
    )
    rows = [(str(row.subject_id), row.metric, row.value, row.observed_at) for row in found]
    frame = pd.DataFrame(rows, columns=["account_id", "metric", "value", "observed_at"])
    return frame.drop_duplicates(["account_id", "metric"], keep="last")


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in record.items()} for record in frame.to_dict("records")]


def _moment(value: Any) -> datetime:
    moment: datetime = value.to_pydatetime() if hasattr(value, "to_pydatetime") else value
    return moment
