"""The roster report: everybody who is represented, month by month, with who moved most and what each platform came to.

One read of the month rollups and one of the followers, and pandas on whole columns: three hundred creators are a few
thousand rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text as sql

from engagerr.core.metrics.figures import FigureReader
from engagerr.core.metrics.reports.appendix import SUMS, Appendix
from engagerr.core.metrics.reports.document import (
    Chart,
    ChartSeries,
    Column,
    DataTable,
    Drawing,
    Form,
    KeyFigure,
    KeyFigures,
    Kind,
    ReportDocument,
    Row,
    Section,
    decimal,
    missing,
    number,
    series,
    text,
)
from engagerr.core.metrics.reports.months import read_followers, read_months, whole_months
from engagerr.core.metrics.reports.names import platform_name, sum_name

if TYPE_CHECKING:
    import pandas as pd

    from engagerr.core.db import Session

# Below that, a change in per cent is noise.
_FEWEST_BEFORE = 1_000
# Fewer figures than this share of the month before: the month was looked at less.
_NO_LESS = 0.9
_LINE = ["creator", "creator_id", "platform", "counted"]
_MOST_MOVERS = 10
_TWO = 2

# Prospects are not represented, and who has left is not reported on.
_REPRESENTED = ("active", "paused")
_ACCOUNTS = """
SELECT account.id::text AS account_id, account.platform, account.platform || ':' || account.handle AS account,
       creator.id::text AS creator_id, creator.name AS creator
FROM accounts AS account
JOIN creators AS creator ON creator.tenant_id = account.tenant_id AND creator.id = account.creator_id
WHERE account.tenant_id = :tenant_id AND creator.status = ANY (CAST(:represented AS text[]))
"""
_HOW_MANY = """
SELECT count(*) FROM creators WHERE tenant_id = :tenant_id AND status = ANY (CAST(:represented AS text[]))
"""
# Joined to the accounts in pandas: a join here is planned by statistics that a fresh import has not made yet.
_AGES = """
SELECT account_id::text AS account_id, max(last_at) AS newest
FROM metric_rollups WHERE tenant_id = :tenant_id AND grain = 'month' AND last_at < :until
GROUP BY account_id
"""


def roster_report(
    session: Session,
    *,
    reader: FigureReader,
    tenant_id: UUID,
    prepared_by: str,
    since: datetime,
    until: datetime,
) -> ReportDocument:
    """Everybody represented, in the whole months of [since, until)."""
    import pandas as pd

    appendix = Appendix(reader.registry, until)
    months = whole_months(since, until)
    accounts = _accounts(session, tenant_id)
    followers = read_followers(session, reader.registry, tenant_id=tenant_id, until=until)
    known = [followers.get(account_id, (None, None)) for account_id in accounts["account_id"]]
    accounts["followers"] = pd.Series([count for count, _ in known], index=accounts.index, dtype="float64")
    names = accounts[["account_id", "platform", "creator_id", "creator"]]
    moved = read_months(session, reader.registry, tenant_id=tenant_id, months=months, followers=False)
    moved = moved.merge(names, on="account_id")
    groups = {group: sum_name(group, reader.registry) for group in moved["sum_group"].dropna().unique()}
    moved["counted"] = moved["sum_group"].map(groups).fillna("Views")
    views = _wide(moved, _LINE, months)
    _note_gaps(session, tenant_id, until, accounts, views, months, appendix)
    for definition in sorted({*moved["definition"], *(rule for _, rule in known if rule)}):
        rule = reader.registry.definition(str(definition))
        appendix.counts_by(str(definition), rule.concept.name if rule and rule.concept else None)
    sections = (
        _glance(accounts, views, months),
        _movers(views, moved, months),
        _platforms(views, months),
        Section(
            "Everybody", "One line a creator and platform: what they count differently is never added.",
            (_table(accounts, views, months),),
        ),
    )  # fmt: skip
    subtitle = f"Roster report, {months[-1]:%Y-%m}" if months else "Roster report"
    return ReportDocument(
        kind=Kind.ROSTER, title=prepared_by, subtitle=subtitle, subject="roster", prepared_by=prepared_by, since=since,
        until=until, sections=tuple(section for section in sections if section.blocks), **appendix.closing(),
    )  # fmt: skip


def _accounts(session: Session, tenant_id: UUID) -> pd.DataFrame:
    """The accounts of everybody represented, by creator."""
    import pandas as pd

    rows = session.execute(sql(_ACCOUNTS), {"tenant_id": tenant_id, "represented": list(_REPRESENTED)})
    accounts = pd.DataFrame([tuple(row) for row in rows], columns=list(rows.keys()))
    return accounts.sort_values(["creator", "creator_id", "platform", "account"], kind="stable")


def _wide(moved: pd.DataFrame, keys: list[str], months: Sequence[date]) -> pd.DataFrame:
    """One row a line, one column a month; a month without any number stays empty."""
    summed = moved.groupby([*keys, "bucket"], dropna=False, sort=True)["value"].sum(min_count=1)
    return summed.unstack("bucket").reindex(columns=list(months)).reset_index()


def _note_gaps(
    session: Session,
    tenant_id: UUID,
    until: datetime,
    accounts: pd.DataFrame,
    views: pd.DataFrame,
    months: Sequence[date],
    appendix: Appendix,
) -> None:
    platform_of = dict(zip(accounts["account_id"], accounts["platform"], strict=True))
    for row in session.execute(sql(_AGES), {"tenant_id": tenant_id, "until": until}):
        if row.account_id in platform_of:
            appendix.seen(platform_of[row.account_id], row.newest, pieces=None)
    represented = {"tenant_id": tenant_id, "represented": list(_REPRESENTED)}
    alone = session.execute(sql(_HOW_MANY), represented).scalar_one() - accounts["creator_id"].nunique()
    if alone:
        appendix.gap(f"{alone:,} of the creators without an account, and so without figures.")
    if not months:
        appendix.gap("Not enough data: no whole month lies in this time.")
        return
    last = views.dropna(subset=[months[-1]]) if len(views) else views
    seen = set(zip(last["creator_id"], last["platform"], strict=True))
    pairs = set(zip(accounts["creator_id"], accounts["platform"], strict=True))
    silent = Counter(platform for _, platform in pairs - seen)
    of_platform = Counter(platform for _, platform in pairs)
    for platform, count in sorted(silent.items()):
        appendix.gap(
            f"{platform_name(platform)}: {count:,} of {of_platform[platform]:,} creators without a figure for"
            f" {months[-1]:%Y-%m}; what was seen once only, or by a part of its life, shows no growth."
        )
    appendix.says(SUMS)


def _glance(accounts: pd.DataFrame, views: pd.DataFrame, months: Sequence[date]) -> Section:
    figures = [
        KeyFigure("Creators", number(accounts["creator_id"].nunique()), "represented, with an account"),
        KeyFigure("Accounts", number(len(accounts)), f"on {accounts['platform'].nunique()} platforms"),
    ]
    if months and len(views):
        last = views.groupby(["platform", "counted"], dropna=False)[months[-1]].agg(["sum", "count"])
        largest = last[last["count"] > 0].sort_values("sum", ascending=False, kind="stable").head(4).reset_index()
        figures += [
            KeyFigure(
                f"{group} on {platform_name(str(platform))}", number(float(total)),
                f"in {months[-1]:%Y-%m}, of {creators:,} creators",
            )
            for platform, group, total, creators in zip(
                largest["platform"], largest["counted"], largest["sum"], largest["count"], strict=True
            )
        ]  # fmt: skip
    return Section("At a glance", "", (KeyFigures(tuple(figures)),))


def _looked_at_alike(lines: pd.DataFrame, moved: pd.DataFrame, before: date, after: date) -> list[bool]:
    """Of which lines both months were seen alike: stated by the accounts in both, or in neither and no less often."""
    by_month = moved.groupby([*_LINE, "bucket"], dropna=False).agg(
        figures=("figures", "sum"), stated=("of_account", "mean")
    )
    figures: dict[Any, float] = by_month["figures"].to_dict()
    stated: dict[Any, float] = by_month["stated"].to_dict()
    alike = []
    for line in lines[_LINE].itertuples(index=False, name=None):
        was, now = (*line, before), (*line, after)
        no_less = stated[now] == 1 or figures[now] >= figures[was] * _NO_LESS
        alike.append(stated[was] == stated[now] and no_less)
    return alike


def _movers(views: pd.DataFrame, moved: pd.DataFrame, months: Sequence[date]) -> Section:
    if len(months) < _TWO or not len(views):
        return Section("Who moved most", "", ())
    before, after = months[-2], months[-1]
    candidates = views[(views[before] >= _FEWEST_BEFORE) & views[after].notna()]
    enough = candidates[_looked_at_alike(candidates, moved, before, after)].copy()
    unlike = len(candidates) - len(enough)
    enough["change"] = enough[after] / enough[before] - 1
    ranked = enough.sort_values(["change", "creator", "platform"], ascending=[False, True, True], kind="stable")
    half = _MOST_MOVERS // 2
    shown = ranked if len(ranked) <= _MOST_MOVERS else ranked.iloc[[*range(half), *range(-half, 0)]]
    columns = (
        Column("Creator"), Column("Platform"), Column(f"{before:%Y-%m}", Form.NUMBER),
        Column(f"{after:%Y-%m}", Form.NUMBER), Column("Change", Form.CHANGE),
    )  # fmt: skip
    rows = tuple(
        Row(
            (
                text(str(creator)), text(f"{platform_name(str(platform))}, {group.lower()}"), number(was),
                number(now), number(change, form=Form.CHANGE),
            )
        )
        for creator, platform, group, was, now, change in zip(
            shown["creator"], shown["platform"], shown["counted"], shown[before], shown[after], shown["change"],
            strict=True,
        )
    )  # fmt: skip
    table = DataTable(
        "Most up and most down on the month before", columns, rows,
        notes=(
            f"Of lines with at least {_FEWEST_BEFORE:,} in the month before."
            + (f" {unlike:,} more were looked at less often than the month before, or in another way, so that a change"
               " would say more of the looking than of the views." if unlike else ""),
        ),
        empty=f"Not enough data: nobody has two months with at least {_FEWEST_BEFORE:,}.",
    )  # fmt: skip
    return Section("Who moved most", "", (table,))


def _platforms(views: pd.DataFrame, months: Sequence[date]) -> Section:
    if not len(views):
        return Section("Platforms by month", "", ())
    totals = views.groupby(["platform", "counted"], dropna=False)[list(months)].sum(min_count=1).dropna(how="all")
    charts = []
    for platform, of_platform in totals.reset_index().groupby("platform"):
        values = of_platform[list(months)].to_numpy().tolist()
        lines = [
            (group, [decimal(value) for value in line])
            for group, line in zip(of_platform["counted"], values, strict=True)
        ]
        known = [value for _, line in lines for value in line if value is not None]
        name = platform_name(str(platform))
        what = lines[0][0] if len(lines) == 1 else "Views"
        charts.append(
            Chart(
                f"{name}: {what.lower()}",
                f"{what} on {name} by month, between {min(known):,.0f} and {max(known):,.0f}.",
                Drawing.COLUMN, "Month", tuple(f"{month:%Y-%m}" for month in months),
                tuple(ChartSeries(group, tuple(line)) for group, line in lines),
            )
        )  # fmt: skip
    lead = "Sums over the creators with a figure in the month. Every chart has a scale of its own."
    return Section("Platforms by month", lead, tuple(charts))


def _table(accounts: pd.DataFrame, views: pd.DataFrame, months: Sequence[date]) -> DataTable:
    """One row a creator, platform and way of counting, in the order of the accounts."""
    most = accounts.groupby(["creator_id", "platform"])["followers"].max().to_dict()
    lines: dict[tuple[str, str], list[tuple[Any, list[Any]]]] = {}
    values = views[list(months)].astype("object").where(views[list(months)].notna(), None).to_numpy().tolist()
    for creator_id, platform, group, line in zip(
        views["creator_id"], views["platform"], views["counted"], values, strict=True
    ):
        lines.setdefault((creator_id, platform), []).append((group, line))
    columns = (
        Column("Creator"), Column("Platform"), Column("Followers", Form.NUMBER, note="The most of one account."),
        Column(f"{months[-1]:%Y-%m}" if months else "Last month", Form.NUMBER),
        Column("On the month before", Form.CHANGE), Column(f"{len(months)} months", Form.NUMBER),
        Column("By month", Form.SERIES),
    )  # fmt: skip
    pairs = accounts[["creator", "creator_id", "platform"]].drop_duplicates()
    rows = tuple(
        row
        for creator, creator_id, platform in zip(pairs["creator"], pairs["creator_id"], pairs["platform"], strict=True)
        for row in _lines(creator, platform, most.get((creator_id, platform)), lines.get((creator_id, platform), []))
    )
    return DataTable("Creators by month", columns, rows, empty="Nobody is represented yet.")


_NO_GROWTH = "not enough data: growth needs two figures of one piece, or a platform's figures by day"


def _lines(creator: str, platform: str, followers: Any, lines: list[tuple[Any, list[Any]]]) -> Iterator[Row]:
    who, reach = text(creator), number(followers, why="not in the data that was imported")
    if not lines:
        nothing = (missing(_NO_GROWTH, form) for form in (Form.NUMBER, Form.CHANGE, Form.NUMBER, Form.SERIES))
        yield Row((who, text(platform_name(platform)), reach, *nothing))
        return
    for group, line in lines:
        exact = tuple(decimal(value) for value in line)
        known = [value for value in exact if value is not None]
        last, before = (exact[-1], exact[-2] if len(exact) > 1 else None) if exact else (None, None)
        change = last / before - 1 if last is not None and before else None
        yield Row(
            (
                who, text(platform_name(platform), note=group), reach, number(last, why="no figure in that month"),
                number(change, form=Form.CHANGE, why="two months in a row are needed"),
                number(sum(known) if known else None, note=_of_months(len(known), len(exact))), series(exact),
            )
        )  # fmt: skip


def _of_months(known: int, months: int) -> str | None:
    return None if known == months else f"{known} of {months} months"
