"""The campaign report: what was published for a brand, what came of it, when, where, and whom it reached."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text as sql

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
from engagerr.core.metrics.reports.names import group_name, platform_name
from engagerr.core.metrics.reports.pieces import (
    Pieces,
    all_sums,
    piece_table,
    read_pieces,
    rows_of,
    sum_table,
    sums,
    tell_of,
    total_table,
)

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.metrics.insights.family_reach import FamilyReach

_FIRST = ("play_start", "exposure", "engaged_play", "downloads", "likes", "comments")
_MOST_FAMILIES = 25
_MOST_PIECES = 200

# The note of a campaign is the agency's own: it is not read.
_CAMPAIGN = """
SELECT name, brand, starts_on, ends_on FROM campaigns WHERE tenant_id = :tenant_id AND id = :campaign_id
"""


def campaign_report(
    session: Session,
    *,
    reader: FigureReader,
    tenant_id: UUID,
    prepared_by: str,
    campaign_id: UUID,
    item_ids: Sequence[UUID],
    since: datetime | None,
    until: datetime,
) -> ReportDocument:
    """The report on these items of a campaign, published in [since, until), figures as known by `until`."""
    appendix = Appendix(reader.registry, until)
    campaign = session.execute(sql(_CAMPAIGN), {"tenant_id": tenant_id, "campaign_id": campaign_id}).one()
    pieces = read_pieces(session, reader, tenant_id=tenant_id, item_ids=item_ids, since=since, until=until)
    tell_of(pieces, appendix)
    if outside := len(item_ids) - len(pieces.frame):
        appendix.gap(f"{pieces_in_words(outside)} of the campaign: published outside this time, or without a date.")
    reaches = _reaches(session, reader, tenant_id, pieces, until, appendix)
    sections = (
        _glance(campaign, pieces),
        _pieces(pieces, appendix),
        _timeline(pieces),
        Section("By platform", "", (sum_table(sums(pieces, "platform"), pieces, appendix, title="Sums by platform"),)),
        Section("All together", "", (total_table(all_sums(pieces), pieces, appendix, title="Sums across platforms"),)),
        _people(reaches, appendix),
    )
    subtitle = f"Campaign report for {campaign.brand}" if campaign.brand else "Campaign report"
    return ReportDocument(
        kind=Kind.CAMPAIGN, title=campaign.name, subtitle=subtitle, subject=campaign.name, prepared_by=prepared_by,
        since=since, until=until, sections=tuple(section for section in sections if section.blocks),
        **appendix.closing(),
    )  # fmt: skip


def _glance(campaign: Any, pieces: Pieces) -> Section:
    creators = sorted({str(name) for name in pieces.frame["creator"].dropna()})
    facts = (
        Fact("Brand", text(campaign.brand) if campaign.brand else missing("not stated")),
        Fact("From", day(campaign.starts_on, why="no day was set")),
        Fact("To", day(campaign.ends_on, why="no day was set")),
        Fact("Creators", text(", ".join(creators)) if creators else missing("no piece of a creator")),
    )
    held = {total.group: total for total in all_sums(pieces)}
    figures = [KeyFigure("Pieces", number(len(pieces.frame)), "published, with the clips made of them")]
    figures += [
        KeyFigure(
            group_name(group),
            number(total.value, estimated=total.state == "estimated", spans_break=total.spans_break),
            f"sum of {pieces_in_words(total.items)}",
        )
        for group in _FIRST
        if (total := held.get(group)) is not None and total.value is not None
    ][:4]
    return Section("At a glance", "", (Facts(facts), KeyFigures(tuple(figures))))


def _pieces(pieces: Pieces, appendix: Appendix) -> Section:
    shown = pieces.frame.head(_MOST_PIECES)
    if len(pieces.frame) > len(shown):
        appendix.gap(f"The list has the first {len(shown):,} of {len(pieces.frame):,} pieces; the sums have all.")
    blocks: list[Block] = [
        piece_table(pieces, appendix, of_creator, title=str(name))
        if len(set(of_creator["platform"])) == 1
        else piece_table(pieces, appendix, of_creator, title=str(name), with_platform=True)
        for name, of_creator in shown.assign(by=shown["creator"].fillna("No creator")).groupby("by", sort=True)
    ]
    return Section("Pieces", "", tuple(blocks) or (piece_table(pieces, appendix, shown, title="Pieces"),))


def _timeline(pieces: Pieces) -> Section:
    """How many pieces came out in each week."""
    dated = pieces.frame.dropna(subset=["published_at"])
    if dated.empty:
        return Section("When", "", ())
    import pandas as pd

    days = dated["published_at"].dt.tz_convert(None).dt.normalize()
    weeks = days - pd.to_timedelta(days.dt.day_of_week, unit="D")
    every = pd.date_range(weeks.min(), weeks.max(), freq="7D")
    counts = dated.assign(week=weeks).groupby(["platform", "week"]).size().unstack("week", fill_value=0)
    counts = counts.reindex(columns=every, fill_value=0)
    last = {name: int(row.sum()) for name, row in counts.iterrows()}
    alt = f"{pieces_in_words(len(dated))} in {len(every)} weeks: " + ", ".join(
        f"{count:,} on {platform_name(str(name))}" for name, count in last.items()
    )
    chart = Chart(
        "Pieces published, by week", f"{alt}.", Drawing.COLUMN, "Week from",
        tuple(f"{week:%Y-%m-%d}" for week in every),
        tuple(
            ChartSeries(platform_name(str(name)), tuple(decimal(int(value)) for value in row))
            for name, row in counts.iterrows()
        ),
        why_gaps="no piece",
    )  # fmt: skip
    return Section("When", "", (chart,))


def _reaches(
    session: Session, reader: FigureReader, tenant_id: UUID, pieces: Pieces, until: datetime, appendix: Appendix
) -> list[FamilyReach]:
    from engagerr.core.metrics.insights.family_reach import family_reach

    families = list(dict.fromkeys(row.family_id for row in rows_of(pieces.frame)))
    if len(families) > _MOST_FAMILIES:
        appendix.gap(f"People reached: of the first {_MOST_FAMILIES} of {len(families):,} works.")
    return [
        family_reach(session, reader.registry, tenant_id=tenant_id, family_id=UUID(family_id), until=until)
        for family_id in families[:_MOST_FAMILIES]
    ]


def _people(reaches: Sequence[FamilyReach], appendix: Appendix) -> Section:
    """Of each work the people reached; works are not added, for the same people may have seen two."""
    known = [reach for reach in reaches if reach.low is not None]
    if not known:
        appendix.gap("People reached: no reach was reported for any piece.")
        return Section("Whom it reached", "", ())
    appendix.says(
        Term("People reached", " ".join(dict.fromkeys(said for reach in known for said in reach.assumptions)))
    )
    rows = []
    for reach in known:
        ends = [number(value, why=reach.why or "not known") for value in (reach.low, reach.estimate, reach.high)]
        covered = number(reach.covered, form=Form.PERCENT, places=0, why="not known")
        rows.append(Row((text(reach.title or "A work without a title"), number(len(reach.items)), *ends, covered)))
    columns = (
        Column("Work"), Column("Pieces", Form.NUMBER), Column("At least", Form.NUMBER),
        Column("Estimate", Form.NUMBER), Column("At most", Form.NUMBER),
        Column("Covered", Form.PERCENT, note="The part of its plays and impressions that pieces with a reach have."),
    )  # fmt: skip
    table = DataTable("People reached by each work, across platforms", columns, tuple(rows), notes=(
        "Works are not added: the same people may have seen two of them.",
    ))  # fmt: skip
    lead = "The bounds hold whatever the truth is; the estimate rests on a model."
    return Section("Whom it reached", lead, (table,))
