"""Documents for tests of reports: one with every kind of block, cell and gap, and words that formats stumble over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from engagerr.core.metrics.reports.document import (
    Chart,
    ChartSeries,
    Column,
    DataAge,
    DataTable,
    DefinitionNote,
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
    missing,
    number,
    series,
    text,
)

# What HTML, Markdown, CSV and spreadsheets would each take for something else.
NASTY = '=2+3|<b>&amp; "Zoë’s" #1 — 日本\u202etxt'


def a_document(**changes: Any) -> ReportDocument:
    """A media kit of nobody, with every block, form and gap that there is."""
    document = ReportDocument(
        kind=Kind.CREATOR,
        title="Zoë Brandt",
        subtitle="Media kit",
        subject="Zoë Brandt",
        prepared_by="Northlight & Söhne",
        since=datetime(2025, 11, 1, tzinfo=UTC),
        until=datetime(2026, 11, 1, tzinfo=UTC),
        sections=(_figures(), _pieces(), _growth(), Section("Nothing", "", ())),
        terms=(
            Term("Engagement rate", "Likes, comments, shares and saves per view.", source="Engagerr 1"),
            Term("Reach", "Distinct people.", source="IAB", url="https://iab.example/reach"),
        ),
        definitions=(
            DefinitionNote(
                id="youtube.views.long",
                platform="youtube",
                metric="views",
                surfaces=("long", "live"),
                concept="qualified_play",
                grade="not_comparable",
                rule="A play that the viewer started | and <stayed> with.",
                valid_from=date(2012, 1, 1),
                valid_to=date(2026, 8, 24),
                source="YouTube Help",
                url="https://support.google.com/youtube/answer/2991785",
                retrieved_at=date(2026, 11, 20),
                note="Replays count.",
            ),
        ),
        data_age=(
            DataAge("youtube", datetime(2026, 10, 30, 9, 30, tzinfo=UTC), 1, 12),
            DataAge("tiktok", None, None, 0),
        ),
        missing=("Saves on YouTube: the platform does not report them.", NASTY),
    )
    return replace(document, **changes)


def _figures() -> Section:
    return Section(
        "Key figures",
        "Figures of the last 90 days.",
        (
            Facts((Fact("Languages", text("de, en")), Fact("Country", missing("nobody stated it")))),
            KeyFigures(
                (
                    KeyFigure("Followers on YouTube", number(1_234_567, cell="cell:account/followers"), "2026-10-30"),
                    KeyFigure(
                        "Engagement rate", number(Decimal("0.0312"), form=Form.PERCENT), "14 videos, 2.8 % to 3.5 %"
                    ),
                    KeyFigure("Typical saves", missing("not enough data: 2 posts, and 5 are needed"), "median"),
                )
            ),
            Paragraph("A sentence, read first."),
            Paragraph("A note, read last.", quiet=True),
        ),
    )


def _pieces() -> Section:
    columns = (
        Column("Piece"),
        Column("Published", Form.DATE),
        Column("Views", Form.NUMBER, note="The platform's own count."),
        Column("Watched", Form.SECONDS),
        Column("Completion", Form.PERCENT),
        Column("Change", Form.CHANGE),
        Column("Paid", Form.MONEY),
        Column("By month", Form.SERIES),
    )
    rows = (
        Row(
            (
                text("Trail shoes, tested", url="https://www.youtube.com/watch?v=1"),
                day(date(2026, 10, 15)),
                number(1_234_567, estimated=True, note="spans a change of rule", cell="cell:item/views"),
                number(3_723, form=Form.SECONDS),
                number(Decimal("0.415"), form=Form.PERCENT),
                number(Decimal("-0.05"), form=Form.CHANGE),
                number(Decimal("1234.5"), form=Form.MONEY, currency="EUR"),
                series((Decimal(10), None, Decimal("12.5"))),
            )
        ),
        Row(
            (
                text(NASTY),
                day(None),
                number(0),
                number(None, form=Form.SECONDS, why="the platform does not report it"),
                number(None, form=Form.PERCENT),
                number(Decimal("0.31"), form=Form.CHANGE),
                number(1000, form=Form.MONEY, currency="JPY"),
                series((None, None, None)),
            ),
            depth=1,
        ),
        Row(
            (
                text("Total"),
                missing("not one day", Form.DATE),
                number(1_234_567),
                number(360_000, form=Form.SECONDS),
                missing("shares are not added", Form.PERCENT),
                missing("shares are not added", Form.CHANGE),
                missing("two currencies are not added", Form.MONEY),
                series((Decimal(1), Decimal(2), Decimal(3))),
            ),
            strong=True,
        ),
    )
    return Section(
        "Pieces",
        "",
        (
            DataTable("Top pieces", columns, rows, notes=("~ estimated by the platform.",)),
            DataTable("Empty", (Column("Piece"), Column("Views", Form.NUMBER)), (), empty="No piece was published."),
        ),
    )


def _growth() -> Section:
    months = ("2026-08", "2026-09", "2026-10")
    return Section(
        "Growth",
        "",
        (
            Chart(
                "Followers by month",
                "Followers rose from 1,000 to 1,300 between August and October 2026; September is not known.",
                Drawing.LINE,
                "Month",
                months,
                (
                    ChartSeries("YouTube", (Decimal(1000), None, Decimal(1300))),
                    ChartSeries("Instagram", (Decimal(400), Decimal(410), Decimal(405))),
                ),
                notes=("September is missing: nothing was imported.",),
            ),
            Chart(
                "Views by format",
                "Long videos have 900 views at the median, shorts 300.",
                Drawing.BAR,
                "Format",
                ("Long video", "Short", NASTY),
                (ChartSeries("Median views", (Decimal(900), Decimal(300), None)),),
            ),
            Chart(
                "Audience by age",
                "Most are between 25 and 34.",
                Drawing.STACKED,
                "Account",
                ("YouTube", "Instagram"),
                (
                    ChartSeries("18–24", (Decimal("0.4"), Decimal("0.3"))),
                    ChartSeries("25–34", (Decimal("0.6"), Decimal("0.5"))),
                ),
                form=Form.PERCENT,
            ),
        ),
    )
