"""The media kit: who a creator is, whom they reach, what works, and how one work lives on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text as sql

from engagerr.core.metrics.dataset import read_accounts
from engagerr.core.metrics.definition import Definition
from engagerr.core.metrics.figures import FigureReader
from engagerr.core.metrics.reports.appendix import Appendix, pieces_in_words
from engagerr.core.metrics.reports.document import (
    Block,
    Chart,
    ChartSeries,
    Column,
    DataTable,
    Drawing,
    Fact,
    Facts,
    Form,
    KeyFigure,
    KeyFigures,
    Kind,
    Paragraph,
    ReportDocument,
    Row,
    Section,
    Term,
    day,
    decimal,
    missing,
    number,
    text,
)
from engagerr.core.metrics.reports.lives import UpTo, families_of, family_table, read_tree, tree_table
from engagerr.core.metrics.reports.months import by_month, read_months, whole_months
from engagerr.core.metrics.reports.names import (
    NOT_IMPORTED,
    country_name,
    group_name,
    kind_names,
    language_name,
    platform_name,
    words,
)
from engagerr.core.metrics.reports.pieces import (
    Pieces,
    Typical,
    read_pieces,
    rows_of,
    sum_table,
    sums,
    tell_of,
    top_tables,
    typical_table,
    typical_views,
)

if TYPE_CHECKING:
    import pandas as pd

    from engagerr.core.db import Session
    from engagerr.core.metrics.insights.audience import AudienceRow
    from engagerr.core.metrics.insights.engagement import Rate
    from engagerr.core.metrics.insights.formulas import Window
    from engagerr.core.metrics.insights.timing import Best

RECENT_DAYS = 90
OUR_FORMULA = "engagerr"
NOT_STATED = "not stated"
_MOST_FAMILIES = 8
_MOST_VALUES = 8
_FEWEST_MONTHS = 2

# What may leave the house about a person. Nothing else of the roster is read.
_WHO = """
SELECT name, country, languages, topics, bio FROM creators WHERE tenant_id = :tenant_id AND id = :creator_id
"""
_ADDRESSES = """
SELECT id::text, url, provisional FROM accounts WHERE tenant_id = :tenant_id AND creator_id = :creator_id
"""
_UNDATED = """
SELECT count(*) FROM content_items AS item
JOIN accounts AS account ON account.tenant_id = item.tenant_id AND account.id = item.account_id
WHERE item.tenant_id = :tenant_id AND account.creator_id = :creator_id AND item.published_at IS NULL
"""

_EARLIER = """
SELECT account.platform, count(*) FROM content_items AS item
JOIN accounts AS account ON account.tenant_id = item.tenant_id AND account.id = item.account_id
WHERE item.tenant_id = :tenant_id AND account.creator_id = :creator_id AND item.published_at < :since
GROUP BY account.platform ORDER BY account.platform
"""


@dataclass(frozen=True, slots=True)
class _Asked:
    """Of whom the kit is, over which time, and where things are read and noted."""

    session: Session
    reader: FigureReader
    tenant_id: UUID
    creator_id: UUID
    since: datetime
    until: datetime
    appendix: Appendix
    names: Mapping[str, str]

    def gap(self, sentence: str) -> None:
        """Note what is missing, in the names by which a brand knows the accounts."""
        for account, name in self.names.items():
            sentence = sentence.replace(account, name)
        self.appendix.gap(sentence)

    def rows(self, query: str) -> Sequence[Any]:
        about = {"tenant_id": self.tenant_id, "creator_id": self.creator_id, "since": self.since}
        return self.session.execute(sql(query), about).all()


def media_kit(
    session: Session,
    *,
    reader: FigureReader,
    tenant_id: UUID,
    prepared_by: str,
    creator_id: UUID,
    since: datetime,
    until: datetime,
) -> ReportDocument:
    """The kit of one creator, of pieces published in [since, until) and figures as known by `until`."""
    appendix = Appendix(reader.registry, until)
    accounts = read_accounts(session, tenant_id=tenant_id, creator_ids=[creator_id], until=until)
    names = {row.account: f"{platform_name(row.platform)} {row.handle}" for row in rows_of(accounts)}
    asked = _Asked(session, reader, tenant_id, creator_id, since, until, appendix, names)
    [who] = asked.rows(_WHO)
    pieces = read_pieces(session, reader, tenant_id=tenant_id, creator_ids=[creator_id], since=since, until=until)
    tell_of(pieces, appendix)
    if undated := asked.rows(_UNDATED)[0][0]:
        appendix.gap(f"{pieces_in_words(undated)} without a date of publication: in no list and no sum.")
    for platform, earlier in asked.rows(_EARLIER):
        appendix.gap(
            f"{platform_name(platform)}: {pieces_in_words(earlier)} published before {since.date().isoformat()}, when "
            "the time of this report begins: in no list and no sum."
        )
    typical, rates = typical_views(pieces, days=RECENT_DAYS), _rates(asked)
    sections = (
        _about(asked, who, accounts, typical, rates),
        _audience(asked),
        _works(asked, typical, rates),
        _top(asked, pieces),
        _lives(asked),
        _growth(asked, accounts),
        _sums(asked, pieces),
    )  # fmt: skip
    return ReportDocument(
        kind=Kind.CREATOR, title=who.name, subtitle="Media kit", subject=who.name, prepared_by=prepared_by, since=since,
        until=until, sections=tuple(section for section in sections if section.blocks), **appendix.closing(),
    )  # fmt: skip


def _about(
    asked: _Asked, who: Any, accounts: pd.DataFrame, typical: Sequence[Typical], rates: Sequence[Rate]
) -> Section:
    facts = [
        Fact("Based in", text(country_name(who.country)) if who.country else missing("not stated")),
        Fact(
            "Languages", text(", ".join(map(language_name, who.languages))) if who.languages else missing("not stated")
        ),
        Fact("Topics", text(", ".join(who.topics)) if who.topics else missing("not stated")),
    ]
    blocks: list[Block] = [Paragraph(who.bio)] if who.bio else []
    blocks += [Facts(tuple(facts)), *_key_figures(accounts, typical, rates), _accounts(asked, accounts)]
    return Section("At a glance", "", tuple(blocks))


def _key_figures(accounts: pd.DataFrame, typical: Sequence[Typical], rates: Sequence[Rate]) -> list[Block]:
    figures = [
        KeyFigure(
            f"Followers on {platform_name(row.platform)}", number(row.followers),
            f"as of {row.followers_at.date().isoformat()}",
        )
        for row in rows_of(accounts.dropna(subset=["followers"]).sort_values("followers", ascending=False).head(3))
    ]  # fmt: skip
    figures += [
        KeyFigure(
            f"Typical {group_name(one.group).lower()}, {one.name}", number(one.median),
            f"median of {pieces_in_words(one.n)} of {RECENT_DAYS} days",
        )
        for one in [one for one in typical if one.median is not None][:3]
    ]  # fmt: skip
    known = sorted((rate for rate in rates if rate.value is not None), key=lambda rate: (-rate.n, rate.account))
    figures += [
        KeyFigure(
            f"Engagement rate on {platform_name(rate.platform)}", number(rate.value, form=Form.PERCENT), _basis(rate)
        )
        for rate in known[:2]
    ]
    return [KeyFigures(tuple(figures))] if figures else []


def _basis(rate: Rate) -> str:
    known = rate.low is not None and rate.high is not None
    between = f"; {(rate.low or 0) * 100:.1f} to {(rate.high or 0) * 100:.1f} %" if known else ""
    return f"{_spelled(rate.window)}: {pieces_in_words(rate.n)}{between}"


def _spelled(window: Window) -> str:
    return f"last {window.posts} pieces" if window.days is None else f"last {window.days} days"


def _rates(asked: _Asked) -> tuple[Rate, ...]:
    """Engagement by our own named formula, over its own window."""
    from engagerr.core.metrics.insights.engagement import engagement

    found = engagement(
        asked.session, asked.reader.registry, tenant_id=asked.tenant_id, now=asked.until, until=asked.until,
        creator_ids=[asked.creator_id], formula=OUR_FORMULA,
    )  # fmt: skip
    formula = found.formula
    how = {rate.how for rate in found.rows}
    asked.appendix.says(
        Term(
            f"Engagement rate ({formula.id} {formula.version})",
            f"{formula.title}: {'; '.join(sorted(how))}. The interval is the 95 % bootstrap over the pieces.",
            source=formula.source.title if formula.source.url else None, url=formula.source.url,
        )
    )  # fmt: skip
    for note in found.notes:
        asked.gap(f"Engagement rate: {note}")
    return found.rows


def _rate_table(rates: Sequence[Rate]) -> DataTable:
    rows = []
    for rate in rates:
        few = rate.why or "too few pieces for an interval"
        ends = [number(end, form=Form.PERCENT, why=few) for end in (rate.value, rate.low, rate.high)]
        counted = text(group_name(rate.views_group)) if rate.views_group else missing("nothing is counted")
        rows.append(Row((text(platform_name(rate.platform)), counted, number(rate.n), *ends)))
    columns = (
        Column("Platform"), Column("Per"), Column("Pieces", Form.NUMBER), Column("Engagement rate", Form.PERCENT),
        Column("At least", Form.PERCENT), Column("At most", Form.PERCENT),
    )  # fmt: skip
    window = f", {_spelled(rates[0].window)}" if rates else ""
    return DataTable(f"Engagement rate{window}", columns, tuple(rows), empty="No account has such a rate.")


def _accounts(asked: _Asked, accounts: pd.DataFrame) -> DataTable:
    addresses = {row.id: row for row in asked.rows(_ADDRESSES)}
    rows = []
    for row in rows_of(accounts):
        known = addresses[row.account_id]
        # A stand-in handle is of our making: nobody finds anything under it.
        name = platform_name(row.platform) if known.provisional else f"{platform_name(row.platform)} {row.handle}"
        if row.followers != row.followers:
            asked.appendix.gap(f"{name}: followers are {NOT_IMPORTED}.")
        rows.append(
            Row(
                (
                    text(name, url=known.url),
                    number(row.followers, why=NOT_IMPORTED),
                    day(row.followers_at.date() if row.followers == row.followers else None, why=NOT_IMPORTED),
                )
            )
        )
    columns = (Column("Account"), Column("Followers", Form.NUMBER), Column("As of", Form.DATE))
    return DataTable("Accounts", columns, tuple(rows), empty="No account is known.")


def _audience(asked: _Asked) -> Section:
    from engagerr.core.metrics.insights.audience import audience

    found = audience(asked.session, tenant_id=asked.tenant_id, creator_id=asked.creator_id, until=asked.until)
    for sentence in found.missing:
        asked.gap(sentence)
    dimensions = dict.fromkeys(row.dimension for row in found.rows)
    if not dimensions:
        asked.appendix.gap("Audience: no split of it is in the data that was imported.")
    for sentence in found.assumptions if dimensions else ():
        asked.appendix.says(Term("Audience", sentence))
    charts = tuple(_audience_chart(name, [row for row in found.rows if row.dimension == name]) for name in dimensions)
    return Section("Audience", "Shares as the platforms, or lists, state them." if charts else "", charts)


def _audience_chart(dimension: str, rows: Sequence[AudienceRow]) -> Chart:
    """One bar a value; what is combined of all accounts where that can be said, else each source by itself."""
    combined = [row for row in rows if row.source == "combined"]
    shown = [row for row in combined or rows if row.share is not None and row.value != NOT_STATED]
    if dimension == "country":
        shown = [replace(row, value=country_name(row.value)) for row in shown]
    sources = dict.fromkeys(_source(row) for row in shown)
    best: dict[str, float] = {}
    for row in shown:
        best[row.value] = max(best.get(row.value, 0.0), row.share or 0.0)
    in_order = dimension != "age"
    values = sorted(best, key=lambda value: (-best[value], value) if in_order else (0.0, value))[:_MOST_VALUES]
    held = {(_source(row), row.value): row.share for row in shown}
    series = tuple(
        ChartSeries(source, tuple(decimal(held.get((source, value))) for value in values)) for source in sources
    )
    top = max(values, key=lambda value: best[value]) if values else None
    alt = f"The largest group is {top}, with {best[top] * 100:.0f} %." if top else "No share is known."
    seen = max((row.observed_at for row in shown if row.observed_at), default=None)
    # Of what is drawn: a list beside combined accounts says nothing of their bars, however much it leaves open.
    unsaid = [row for row in combined or rows if row.value == NOT_STATED and row.share]
    notes = [f"{' and '.join(sources)}, as of {seen.date().isoformat()}."] if seen else []
    notes += [f"{_source(row)}: {(row.share or 0) * 100:.0f} % not stated." for row in unsaid]
    return Chart(
        f"By {dimension}", alt, Drawing.BAR, words(dimension), tuple(values), series, form=Form.PERCENT,
        why_gaps="not stated", notes=tuple(notes),
    )  # fmt: skip


def _source(row: AudienceRow) -> str:
    if row.account:
        return platform_name(row.account.partition(":")[0])
    return "All accounts" if row.source == "combined" else "As listed"


def _top(asked: _Asked, pieces: Pieces) -> Section:
    lead = "The most seen, by platform. Platforms count differently, so pieces of two are not ranked together."
    return Section("Top pieces", lead, tuple(top_tables(pieces, asked.appendix)))


def _works(asked: _Asked, typical: Sequence[Typical], rates: Sequence[Rate]) -> Section:
    from engagerr.core.metrics.insights.timing import best

    found = best(
        asked.session, asked.reader.registry, tenant_id=asked.tenant_id, now=asked.until, platform=None,
        creator_ids=[asked.creator_id], by="format", measure="views", since=asked.since, until=asked.until,
    )  # fmt: skip
    blocks: list[Block] = [typical_table(typical, asked.appendix, days=RECENT_DAYS), _rate_table(rates)]
    known = [row for row in found.bins if row.ratio is not None]
    if len(known) > 1:
        asked.appendix.says(Term("Against the usual", " ".join(found.cautions)))
        blocks.append(_formats_chart(found))
        blocks.append(_formats_table(found))
    else:
        blocks.append(Paragraph("By format: too few pieces that compare with those of another.", quiet=True))
    return Section("What works", "", tuple(blocks))


def _formats_chart(found: Best) -> Chart:
    known = [row for row in found.bins if row.ratio is not None]
    first = max(known, key=lambda row: row.ratio or 0)
    return Chart(
        "Views against the account's usual, by format",
        f"{kind_names(first.label)} do best, at {first.ratio:.2f} times the usual piece of its account. {found.answer}",
        Drawing.BAR, "Format", tuple(kind_names(row.label) for row in found.bins),
        (ChartSeries("Times the usual", tuple(decimal(row.ratio) for row in found.bins)),),
        places=2, why_gaps="too few pieces", notes=(found.answer,),
    )  # fmt: skip


def _formats_table(found: Best) -> DataTable:
    rows = []
    for row in found.bins:
        few = row.why or "too few pieces"
        cells = [number(end, places=2, why=few) for end in (row.ratio, row.low, row.high)]
        rows.append(Row((text(kind_names(row.label)), number(row.n), *cells)))
    columns = (
        Column("Format"), Column("Pieces", Form.NUMBER), Column("Times the usual", Form.NUMBER),
        Column("At least", Form.NUMBER), Column("At most", Form.NUMBER),
    )  # fmt: skip
    return DataTable(
        "Views against the account's usual, with the 95 % interval", columns, tuple(rows),
        notes=("1 is the usual piece of the same account.",),
    )  # fmt: skip


def _lives(asked: _Asked) -> Section:
    numbers = UpTo(asked.reader, asked.until)
    rows = families_of(
        asked.session, numbers, tenant_id=asked.tenant_id, creator_id=asked.creator_id, since=asked.since,
        until=asked.until,
    )  # fmt: skip
    if not rows:
        asked.appendix.gap("How one work lives on: no piece of this time is tied to another one.")
        return Section("How one work lives on", "", ())
    blocks: list[Block] = [
        family_table(rows[:_MOST_FAMILIES], asked.appendix, title="Works with the most pieces made of them")
    ]
    tree = read_tree(asked.session, numbers, tenant_id=asked.tenant_id, family_id=rows[0].id)
    blocks.append(tree_table(tree, asked.appendix, title=f"For example: {rows[0].title}", totals=rows[0].totals))
    clips = sum(row.items - 1 for row in rows)
    lead = f"{len(rows):,} works of this time live on in {clips:,} clips, posts and other pieces."
    return Section("How one work lives on", lead, tuple(blocks))


def _growth(asked: _Asked, accounts: pd.DataFrame) -> Section:
    months = whole_months(asked.since, asked.until)
    ids = [UUID(one) for one in accounts["account_id"]]
    found = read_months(asked.session, asked.reader.registry, tenant_id=asked.tenant_id, months=months, account_ids=ids)
    named = {row.account_id: platform_name(row.platform) for row in rows_of(accounts)}
    charts = []
    for (account_id, figure), lines in found.groupby(["account_id", "figure"], sort=True):
        chart = _month_chart(asked, named[str(account_id)], str(figure), lines, months)
        if chart is not None:
            charts.append(chart)
    if not charts:
        asked.gap("Month by month: not enough data; a figure that was seen once only shows no growth.")
    lead = "By whole month, in UTC. Every chart has a scale of its own: platforms count differently." if charts else ""
    return Section("Month by month", lead, tuple(charts))


def _month_chart(asked: _Asked, name: str, figure: str, lines: pd.DataFrame, months: Sequence[date]) -> Chart | None:
    """One chart an account and figure. Before and after a change of the rule are two series, on one scale."""
    series = []
    for definition, line in lines.groupby("definition", sort=False):
        rule = asked.reader.registry.definition(str(definition))
        if rule is None:
            continue
        series.append((rule, by_month(line, months)))
        asked.appendix.counts_by(rule.id, rule.concept.name if rule.concept else None)
    series.sort(key=lambda one: one[0].validity.start)
    known = sorted(
        (month, value) for _, values in series for month, value in zip(months, values, strict=True) if value is not None
    )
    if len({month for month, _ in known}) < _FEWEST_MONTHS:
        return None
    level = figure == "followers"
    what = "Followers" if level else words(series[0][0].metric)
    (first, at_first), (last, at_last) = known[0], known[-1]
    alt = f"{what} on {name}: {at_first:,.0f} in {first:%Y-%m}, {at_last:,.0f} in {last:%Y-%m}."
    gaps = len(months) - len({month for month, _ in known})
    notes = [f"{gaps} of {len(months)} months without a figure."] if gaps else []
    notes += [
        f"The platform changed its rule on {rule.valid_from.isoformat()}; that month has a part under each."
        for rule, _ in series[1:]
        if rule.valid_from
    ]
    return Chart(
        f"{name}: {what.lower()}{' at the end of the month' if level else ''}", alt,
        Drawing.LINE if level else Drawing.COLUMN, "Month", tuple(f"{month:%Y-%m}" for month in months),
        tuple(
            ChartSeries(_rule_name(rule) if len(series) > 1 else what, tuple(decimal(value) for value in values))
            for rule, values in series
        ),
        why_gaps="no figure", notes=tuple(notes),
    )  # fmt: skip


def _rule_name(rule: Definition) -> str:
    if rule.valid_to is not None:
        return f"rule until {(rule.valid_to - timedelta(days=1)).isoformat()}"
    return f"rule from {rule.valid_from.isoformat()}" if rule.valid_from else words(rule.metric)


def _sums(asked: _Asked, pieces: Pieces) -> Section:
    found = sums(pieces, "platform")
    table = sum_table(found, pieces, asked.appendix, title="Sums by platform", creator=asked.creator_id)
    lead = f"Published in this time: {pieces_in_words(len(pieces.frame))}."
    return Section("All pieces together", lead, (table,))
