"""YouTube Studio's advanced-mode export: Table data.csv, Chart data.csv, Totals.csv, and the zip that holds all three.

The user chooses which metrics are in the file and in which order. English headings are those of a real export of 2025
and of lists in public code; the German, Spanish and French ones come from public code alone and may be incomplete.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import pairwise

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.bounded_zip import ZipLimits, opened_zip
from engagerr.core.integrations.formats.csv_text import (
    BadCell,
    Columns,
    Metric,
    Row,
    Table,
    Vocabulary,
    after_period,
    head_matches,
    metric_records,
    read_table,
    recognises,
    source_table,
    translations,
)
from engagerr.core.integrations.formats.numbers import Unit, is_missing, read_day, read_duration, read_moment
from engagerr.core.integrations.formats.source import MAX_WHOLE_BYTES, Format, Reading, Source
from engagerr.core.integrations.records import AccountRecord, ItemRecord, Notice, Period, Record, Rejection

FIELDS = {
    "content": "content",
    "video title": "title",
    "video publish time": "published",
    "duration": "duration",
    "date": "date",
}

# Heading → native name and unit. Subscribers, reactions and comments are net of what was taken back, so they may be
# below zero; money may be, after an adjustment.
METRICS = {
    "views": Metric("views", Unit.COUNT),
    "engaged views": Metric("engaged_views", Unit.COUNT),
    "watch time (hours)": Metric("watch_time_hours", Unit.HOURS),
    "average view duration": Metric("average_view_duration_seconds", Unit.SECONDS),
    "average percentage viewed (%)": Metric("average_percentage_viewed", Unit.PERCENT),
    "stayed to watch (%)": Metric("stayed_to_watch_percent", Unit.PERCENT),
    "impressions": Metric("impressions", Unit.COUNT),
    "impressions click-through rate (%)": Metric("impressions_ctr_percent", Unit.PERCENT),
    "unique viewers": Metric("unique_viewers", Unit.COUNT),
    "average views per viewer": Metric("average_views_per_viewer", Unit.DECIMAL),
    "unique reach": Metric("unique_reach", Unit.COUNT),
    "new viewers": Metric("new_viewers", Unit.COUNT),
    "returning viewers": Metric("returning_viewers", Unit.COUNT),
    "casual viewers": Metric("casual_viewers", Unit.COUNT),
    "regular viewers": Metric("regular_viewers", Unit.COUNT),
    "subscribers": Metric("subscribers", Unit.NET),
    "subscribers gained": Metric("subscribers_gained", Unit.COUNT),
    "subscribers lost": Metric("subscribers_lost", Unit.COUNT),
    "likes": Metric("likes", Unit.NET),
    "dislikes": Metric("dislikes", Unit.NET),
    "likes (vs. dislikes) (%)": Metric("likes_vs_dislikes_percent", Unit.PERCENT),
    "shares": Metric("shares", Unit.COUNT),
    "comments added": Metric("comments_added", Unit.NET),
    "hypes": Metric("hypes", Unit.COUNT),
    "hype points": Metric("hype_points", Unit.COUNT),
    "remix count": Metric("remix_count", Unit.COUNT),
    "remix views": Metric("remix_views", Unit.COUNT),
    "playlist watch time (hours)": Metric("playlist_watch_time_hours", Unit.HOURS),
    "views from playlist": Metric("views_from_playlist", Unit.COUNT),
    "youtube premium views": Metric("youtube_premium_views", Unit.COUNT),
    "youtube premium watch time (hours)": Metric("youtube_premium_watch_time_hours", Unit.HOURS),
    "end screen element clicks": Metric("end_screen_element_clicks", Unit.COUNT),
    "end screen elements shown": Metric("end_screen_elements_shown", Unit.COUNT),
    "clicks per end screen element shown (%)": Metric("end_screen_ctr_percent", Unit.PERCENT),
    "card clicks": Metric("card_clicks", Unit.COUNT),
    "cards shown": Metric("cards_shown", Unit.COUNT),
    "clicks per card shown (%)": Metric("card_ctr_percent", Unit.PERCENT),
    "card teaser clicks": Metric("card_teaser_clicks", Unit.COUNT),
    "card teasers shown": Metric("card_teasers_shown", Unit.COUNT),
    "teaser clicks per card teaser shown (%)": Metric("card_teaser_ctr_percent", Unit.PERCENT),
    "ad impressions": Metric("ad_impressions", Unit.COUNT),
    "estimated monetized playbacks": Metric("estimated_monetized_playbacks", Unit.COUNT),
    "transactions": Metric("transactions", Unit.COUNT),
    # Money: the heading ends in the currency, such as "Estimated revenue (USD)".
    "estimated revenue": Metric("estimated_revenue", Unit.MONEY),
    "your estimated revenue": Metric("estimated_revenue", Unit.MONEY),
    "estimated ad revenue": Metric("estimated_ad_revenue", Unit.MONEY),
    "youtube ad revenue": Metric("estimated_ad_revenue", Unit.MONEY),
    "youtube premium": Metric("youtube_premium_revenue", Unit.MONEY),
    "watch page ads": Metric("watch_page_ad_revenue", Unit.MONEY),
    "estimated adsense revenue": Metric("estimated_adsense_revenue", Unit.MONEY),
    "estimated doubleclick revenue": Metric("estimated_doubleclick_revenue", Unit.MONEY),
    "transaction revenue": Metric("transaction_revenue", Unit.MONEY),
    "revenue per transaction": Metric("revenue_per_transaction", Unit.MONEY),
    "rpm": Metric("rpm", Unit.MONEY),
    "cpm": Metric("cpm", Unit.MONEY),
    "playback-based cpm": Metric("playback_based_cpm", Unit.MONEY),
}

_GERMAN = {
    "Videos": "content", "Inhalte": "content", "Videotitel": "video title", "Dauer": "duration", "Datum": "date",
    "Veröffentlichungszeitpunkt des Videos": "video publish time", "Aufrufe": "views",
    "Wiedergabezeit (Stunden)": "watch time (hours)", "Durchschnittliche Wiedergabedauer": "average view duration",
    "Durchschnittliche Wiedergabedauer in Prozent (%)": "average percentage viewed (%)",
    "Durchschnittlich angesehen (%)": "average percentage viewed (%)", "Abonnenten": "subscribers",
    "Impressionen": "impressions", "Thumbnail-Impressionen": "impressions",
    "Klickrate der Impressionen (%)": "impressions click-through rate (%)", "Geteilte Inhalte": "shares",
    "Kommentare hinzugefügt": "comments added", "„Mag ich“-Bewertungen": "likes",
    "Geschätzter Umsatz": "estimated revenue",
}  # fmt: skip
_SPANISH = {
    "Contenido": "content", "Título del vídeo": "video title", "Título del video": "video title",
    "Duración": "duration", "Fecha": "date", "Hora de publicación del vídeo": "video publish time",
    "Hora de publicación del video": "video publish time", "Visualizaciones": "views", "Vistas": "views",
    "Tiempo de visualización (horas)": "watch time (hours)", "Suscriptores": "subscribers",
    "Duración media de las visualizaciones": "average view duration",
    "Porcentaje medio visto (%)": "average percentage viewed (%)", "Impresiones": "impressions",
    "Porcentaje de clics de las impresiones (%)": "impressions click-through rate (%)", "Me gusta": "likes",
    "Suscriptores ganados": "subscribers gained", "Suscriptores perdidos": "subscribers lost",
    "Ingresos estimados": "estimated revenue",
}  # fmt: skip
_FRENCH = {
    "Contenu": "content", "Titre de la vidéo": "video title", "Durée": "duration",
    "Heure de publication de la vidéo": "video publish time", "Vues": "views", "Partages": "shares",
    "Durée de visionnage (heures)": "watch time (hours)", "Abonnés": "subscribers",
    "Durée moyenne d'une vue": "average view duration", "Durée moyenne de visionnage": "average view duration",
    "Pourcentage moyen de vidéo regardé (%)": "average percentage viewed (%)",
    "Pourcentage moyen regardé (%)": "average percentage viewed (%)", "Spectateurs uniques": "unique viewers",
    "Taux de clics par impression (%)": "impressions click-through rate (%)", "J'aime": "likes",
    "Ont continué de regarder (%)": "stayed to watch (%)", "Vues engagées": "engaged views",
    "Revenus estimés": "estimated revenue",
}  # fmt: skip
VOCABULARY = Vocabulary(FIELDS, METRICS, translations(_GERMAN, _SPANISH, _FRENCH))

_TOTAL_WORDS = {"total", "totals", "gesamt", "summe", "totales", "totaux"}
_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_ID_FIX = (
    "Export again from YouTube Studio and import the file as it came: spreadsheets change video ids when they save."
)
_ZIP_LIMITS = ZipLimits(members=50, wanted_bytes=MAX_WHOLE_BYTES)
_STUDIO_MEMBERS = (b"Table data.csv", b"Chart data.csv", b"Totals.csv")


def _is_table(columns: Columns) -> bool:
    return columns.has("content", "title") and not columns.has("date") and bool(columns.metrics)


def _is_chart(columns: Columns) -> bool:
    return columns.has("content", "date") and bool(columns.metrics)


def _is_totals(columns: Columns) -> bool:
    known = len(columns.fields) + len(columns.metrics)
    # Just the day and one metric: other platforms' daily files carry several columns at once.
    return set(columns.fields) == {"date"} and len(columns.metrics) == 1 and known == len(columns.headings)


@dataclass(frozen=True, slots=True)
class _Span:
    """The days that a file covers, and how long one point of its series is."""

    first: date
    last: date
    step: str  # "day", "week" or "month"

    def end_of(self, day: date) -> date:
        """The day after the point that begins on `day`."""
        if self.step == "week":
            return day + timedelta(days=7)
        if self.step == "month":
            return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        return day + timedelta(days=1)

    @property
    def period(self) -> Period:
        return Period(self.first, self.end_of(self.last) - timedelta(days=1))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _day(table: Table, row: Row) -> date:
    cell = table.cell(row, "date")
    try:
        day = read_day(cell)
    except ValueError as error:
        raise BadCell(table.columns.heading("date"), cell, f"It cannot be read as a date: {error}.") from error
    if day.year is None:
        raise BadCell(table.columns.heading("date"), cell, "The date names no year.")
    return date(day.year, day.month, day.day)


def _span(table: Table) -> _Span | None:
    days = set()
    for row in table.rows():
        if row.damage is None:
            try:
                days.add(_day(table, row))
            except BadCell:
                continue
    if not days:
        return None
    ordered = sorted(days)
    gaps = {(later - earlier).days for earlier, later in pairwise(ordered)}
    step = "day"
    if gaps and all(day.day == 1 for day in ordered) and min(gaps) >= 28:
        step = "month"
    elif gaps == {7}:
        step = "week"
    return _Span(ordered[0], ordered[-1], step)


def _item(
    table: Table,
    row: Row,
    marks: Mapping[int, str | None],
    *,
    part: str | None,
    observed_at: datetime | None,
    days: int,
) -> ItemRecord | None:
    """The video of a row with its figures; `None` for the row of totals."""
    native_id = table.cell(row, "content")
    if native_id.casefold() in _TOTAL_WORDS:
        return None
    if not _VIDEO_ID.fullmatch(native_id):
        reason = "It is not a video id: eleven letters, digits, - or _."
        if native_id.startswith("#") or re.fullmatch(r"-?\d+([.,]\d+)?E[+-]?\d+", native_id, re.I):
            reason = "A spreadsheet took the video id for a formula or a number and destroyed it."
        raise BadCell(table.columns.heading("content"), native_id, reason, _ID_FIX)
    published = duration = None
    cell = table.cell(row, "published")
    try:
        published = None if is_missing(cell) else read_moment(cell)
    except ValueError as error:
        raise BadCell(table.columns.heading("published"), cell, f"It cannot be read as a date: {error}.") from error
    cell = table.cell(row, "duration")
    try:
        duration = None if is_missing(cell) else float(read_duration(cell))
    except ValueError as error:
        raise BadCell(table.columns.heading("duration"), cell, f"It cannot be read: {error}.") from error
    return ItemRecord(
        row=row.number,
        platform="youtube",
        native_id=native_id,
        title=table.cell(row, "title") or None,
        url=f"https://www.youtube.com/watch?v={native_id}",
        published_at=published,
        duration_seconds=duration,
        metrics=metric_records(table, row, marks, observed_at=observed_at, period_days=days),
        part=part,
    )


def _table_records(table: Table, period: Period | None, part: str | None = None) -> Iterator[Record]:
    observed_at, days = after_period(period) if period else (None, 0)
    marks = table.decimal_marks()
    for row in table.sound_rows(part):
        if isinstance(row, Rejection):
            yield row
            continue
        try:
            item = _item(table, row, marks, part=part, observed_at=observed_at, days=days)
            if item is not None:
                yield item
        except BadCell as bad:
            yield bad.rejection(row.number, part)
    yield from table.notices()


def _series_records(table: Table, span: _Span | None, part: str | None = None) -> Iterator[Record]:
    """Chart data (one video a row) and Totals (the channel): figures about one point of the series each."""
    of_items = table.columns.has("content")
    marks = table.decimal_marks()
    for row in table.sound_rows(part):
        if isinstance(row, Rejection):
            yield row
            continue
        try:
            if (table.cell(row, "content") if of_items else table.cell(row, "date")).casefold() in _TOTAL_WORDS:
                continue
            day = _day(table, row)
            end = span.end_of(day) if span else day + timedelta(days=1)
            observed_at, days = _midnight(end), (end - day).days
            if of_items:
                item = _item(table, row, marks, part=part, observed_at=observed_at, days=days)
                if item is not None:
                    yield item
            else:
                metrics = metric_records(table, row, marks, observed_at=observed_at, period_days=days)
                yield AccountRecord(row=row.number, platform="youtube", metrics=metrics, part=part)
        except BadCell as bad:
            yield bad.rejection(row.number, part)
    if span and span.step != "day":
        yield Notice(f"{table.name} has one point a {span.step}; each figure is kept as that {span.step}'s.")
    yield from table.notices()


def _parse_table(source: Source, reading: Reading) -> Iterator[Record]:
    table = source_table(source, VOCABULARY, _is_table, "YouTube Studio Table data")
    if reading.period is None:
        yield Notice(
            f"{source.name} does not say which period it covers, so its figures were taken as lifetime figures. If you "
            "exported a period, import it again with --period FIRST..LAST, or import the zip, which names its days."
        )
    yield from _table_records(table, reading.period)


def _parse_chart(source: Source, _: Reading) -> Iterator[Record]:
    table = source_table(source, VOCABULARY, _is_chart, "YouTube Studio Chart data")
    yield from _series_records(table, _span(table))


def _parse_totals(source: Source, _: Reading) -> Iterator[Record]:
    table = source_table(source, VOCABULARY, _is_totals, "YouTube Studio Totals")
    yield from _series_records(table, _span(table))


def _csv_members(archive: zipfile.ZipFile, name: str) -> list[zipfile.ZipInfo]:
    """The CSV members; refused where they unpack to too much. Their paths are never used."""
    members = [info for info in archive.infolist() if info.filename.casefold().endswith(".csv")]
    _ZIP_LIMITS.check(name, members)
    return members


def _is_zip(source: Source) -> bool:
    if not source.head.startswith(b"PK\x03\x04") or source.path.stat().st_size > MAX_WHOLE_BYTES:
        return False
    try:
        with source.open() as file, opened_zip(file, source.name, _ZIP_LIMITS) as archive:
            for info in _csv_members(archive, source.name):
                if info.flag_bits & 0x1:
                    continue
                with archive.open(info) as member:
                    head = member.read(64 * 1024)
                if head_matches(head, VOCABULARY, lambda columns: _is_table(columns) or _is_chart(columns)):
                    return True
    except InvalidInput:
        pass
    # A damaged or encrypted one is recognised so that the refusal can say why.
    return any(member in source.head for member in _STUDIO_MEMBERS)


def _parse_zip(source: Source, reading: Reading) -> Iterator[Record]:
    with source.open() as file, opened_zip(file, source.name, _ZIP_LIMITS) as archive:
        yield from _zip_records(source, archive, reading)


def _zip_records(source: Source, archive: zipfile.ZipFile, reading: Reading) -> Iterator[Record]:
    tables: list[Table] = []
    series: list[tuple[Table, _Span | None]] = []
    for info in _csv_members(archive, source.name):
        opener = partial(archive.open, info)
        with opener() as member:
            head = member.read(64 * 1024)
        for wanted in (_is_table, _is_chart, _is_totals):
            if head_matches(head, VOCABULARY, wanted):
                table = read_table(info.filename, opener, VOCABULARY, wanted, "YouTube Studio")
                if wanted is _is_table:
                    tables.append(table)
                else:
                    series.append((table, _span(table)))
                break
    if not tables and not series:
        raise InvalidInput(
            f"{source.name} holds no Table data, Chart data or Totals of YouTube Studio.",
            hint="In YouTube Studio choose Analytics, Advanced mode, Export, Comma-separated values.",
        )
    period = reading.period
    spans = [span.period for _, span in series if span]
    if period is None and spans:
        period = Period(min(span.first for span in spans), max(span.last for span in spans))
        if tables:
            yield Notice(
                f"The figures of {tables[0].name} were taken as those of {period.first} to {period.last}, the first "
                "and last day in the chart data and totals."
            )
    elif period is None:
        yield Notice(
            f"Nothing in {source.name} says which period it covers, so its figures were taken as lifetime figures. If "
            "you exported a period, import it again with --period FIRST..LAST."
        )
    for table in tables:
        yield from _table_records(table, period, table.name)
    for table, span in series:
        yield from _series_records(table, span, table.name)


TABLE = Format(
    name="youtube-studio-table",
    platform="youtube",
    title="YouTube Studio: Table data.csv",
    recognised_by="the headings Content and Video title with at least one metric of YouTube Studio, and no Date",
    yields="videos with their figures over the exported period (--period FIRST..LAST) or since publication",
    recognise=lambda source: recognises(source, VOCABULARY, _is_table),
    parse=_parse_table,
    names_account=False,
    suffixes=(".csv",),
)
CHART = Format(
    name="youtube-studio-chart",
    platform="youtube",
    title="YouTube Studio: Chart data.csv",
    recognised_by="the headings Date and Content with a metric of YouTube Studio",
    yields="videos with one figure a day",
    recognise=lambda source: recognises(source, VOCABULARY, _is_chart),
    parse=_parse_chart,
    names_account=False,
    suffixes=(".csv",),
)
TOTALS = Format(
    name="youtube-studio-totals",
    platform="youtube",
    title="YouTube Studio: Totals.csv",
    recognised_by="exactly two columns: Date and one metric of YouTube Studio",
    yields="one figure of the channel a day",
    recognise=lambda source: recognises(source, VOCABULARY, _is_totals),
    parse=_parse_totals,
    names_account=False,
    suffixes=(".csv",),
)
ZIP = Format(
    name="youtube-studio-zip",
    platform="youtube",
    title="YouTube Studio: the zip of a CSV export",
    recognised_by="a zip that holds a Table data or Chart data file",
    yields="videos with their figures over the period that the chart data names, and their figures a day",
    recognise=_is_zip,
    parse=_parse_zip,
    names_account=False,
    suffixes=(".zip",),
)
FORMATS = (TABLE, CHART, TOTALS, ZIP)
