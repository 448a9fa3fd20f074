"""TikTok Studio's exports: Overview.csv and FollowerHistory.csv (the account by day), Content.csv (its videos).

The daily files name neither the account nor the year; days are written "August 31", "31 August", "31 de agosto".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.csv_text import (
    BadCell,
    Columns,
    Metric,
    Row,
    Table,
    Vocabulary,
    metric_records,
    recognises,
    source_table,
    translations,
)
from engagerr.core.integrations.formats.numbers import Day, Unit, at_clock, dates_of, is_missing, read_day, split_time
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.records import AccountRecord, ItemRecord, Notice, Record, Rejection

# Reactions of one day are net of what was taken back, so a day may hold -2 comments.
OVERVIEW_METRICS = {
    "video views": Metric("video_views", Unit.COUNT),
    "profile views": Metric("profile_views", Unit.COUNT),
    "likes": Metric("likes", Unit.NET),
    "comments": Metric("comments", Unit.NET),
    "shares": Metric("shares", Unit.NET),
}
# "Difference in followers from previous day" is known and not taken: see `_followers`.
FOLLOWERS_METRICS = {"followers": Metric("followers", Unit.COUNT)}
CONTENT_METRICS = {
    "total views": Metric("views", Unit.COUNT),
    "total likes": Metric("likes", Unit.COUNT),
    "total comments": Metric("comments", Unit.COUNT),
    "total shares": Metric("shares", Unit.COUNT),
}
CONTENT_FIELDS = {
    "video title": "title",
    "video link": "link",
    "post time": "published",
    "video publish time": "published",
}

_DAYS = {"Datum": "date", "Fecha": "date"}
_OVERVIEW_LOCAL = {
    "Videoaufrufe": "video views", "Profilaufrufe": "profile views", "Kommentare": "comments",
    "Visualizaciones de vídeos": "video views", "Visualizaciones de video": "video views",
    "Visualizaciones del perfil": "profile views", "Me gusta": "likes", "Comentarios": "comments",
    "Compartidos": "shares", "Vues de vidéos": "video views", "Vues de la vidéo": "video views",
    "Vues du profil": "profile views", "Vues de profil": "profile views", "J'aime": "likes",
    "Commentaires": "comments", "Partages": "shares",
}  # fmt: skip
_FOLLOWERS_LOCAL = {
    "Follower": "followers", "Seguidores": "followers", "Abonnés": "followers",
    "Differenz der Follower zum Vortag": "difference in followers from previous day",
    "Diferencia de seguidores con respecto al día anterior": "difference in followers from previous day",
}  # fmt: skip
_CONTENT_LOCAL = {
    "Videotitel": "video title", "Videolink": "video link", "Veröffentlichungszeit": "post time",
    "Título del video": "video title", "Título del vídeo": "video title", "Enlace del video": "video link",
    "Enlace del vídeo": "video link", "Hora de publicación": "post time", "Total de visualizaciones": "total views",
    "Total de Me gusta": "total likes", "Total de comentarios": "total comments",
    "Total de veces compartido": "total shares", "Visualizaciones totales": "total views",
    "Me gusta totales": "total likes", "Comentarios totales": "total comments", "Titre de la vidéo": "video title",
    "Lien de la vidéo": "video link", "Heure de publication": "post time", "Total des vues": "total views",
    "Total des J'aime": "total likes", "Total des commentaires": "total comments", "Total des partages": "total shares",
}  # fmt: skip
OVERVIEW_VOCABULARY = Vocabulary({"date": "date"}, OVERVIEW_METRICS, translations(_DAYS, _OVERVIEW_LOCAL))
FOLLOWERS_VOCABULARY = Vocabulary(
    {"date": "date", "difference in followers from previous day": "difference"},
    FOLLOWERS_METRICS,
    translations(_DAYS, _FOLLOWERS_LOCAL),
)
CONTENT_VOCABULARY = Vocabulary(CONTENT_FIELDS, CONTENT_METRICS, translations(_CONTENT_LOCAL))

_LINK = re.compile(r"(?:https?://)?(?:www\.|m\.)?tiktok\.com/@([^/?#\s]+)/(video|photo)/(\d{5,20})(?![\d])", re.I)
_KINDS = {"video": "short_video", "photo": "image"}


def _is_overview(columns: Columns) -> bool:
    return columns.has("date") and {"video_views", "profile_views"} <= columns.metric_names


def _is_followers(columns: Columns) -> bool:
    alone = len([heading for heading in columns.headings if heading.strip()]) == 2
    return columns.has("date") and columns.metric_names == {"followers"} and (columns.has("difference") or alone)


def _is_content(columns: Columns) -> bool:
    return columns.has("link") and bool(columns.metrics)


def _bound(reading: Reading) -> date:
    """The last day that a date without a year may mean."""
    return reading.period.last if reading.period else reading.now.astimezone(UTC).date()


def _dates(table: Table, reading: Reading) -> tuple[dict[int, date], list[Rejection], bool]:
    """The date of each row by its number, the rows whose date is unusable, and whether years had to be found."""
    written: list[tuple[int, Day]] = []
    refused = []
    for row in table.rows():
        if row.damage is None:
            cell = table.cell(row, "date")
            try:
                written.append((row.number, read_day(cell)))
            except ValueError as error:
                bad = BadCell(table.columns.heading("date"), cell, f"It cannot be read as a day: {error}.")
                refused.append(bad.rejection(row.number))
    try:
        dates = dates_of([day for _, day in written], bound=_bound(reading))
    except ValueError as error:
        raise InvalidInput(
            f"The dates of {table.name} cannot be placed: {error}.",
            hint="Download the export again and import it unsorted; a series of days is told by its order.",
        ) from error
    placed = {number: day for (number, _), day in zip(written, dates, strict=True)}
    return placed, refused, any(day.year is None for _, day in written)


def _by_day(
    source: Source,
    reading: Reading,
    vocabulary: Vocabulary,
    *,
    wanted: Callable[[Columns], bool],
    what: str,
    period_days: int,
) -> Iterator[Record]:
    table = source_table(source, vocabulary, wanted, what)
    marks = table.decimal_marks()
    dates, refused, assumed = _dates(table, reading)
    if assumed and dates:
        reason = "the period that you gave" if reading.period else "the latest that are not in the future"
        first, last = min(dates.values()), max(dates.values())
        wrong = "" if reading.period else " If that is wrong, import it again with --period FIRST..LAST."
        yield Notice(f"The dates of {source.name} name no year; they were taken as {first} to {last}, {reason}.{wrong}")
    if reading.period and dates and (min(dates.values()) < reading.period.first):
        yield Notice(f"{source.name} begins on {min(dates.values())}, before the period that you gave.")
    refusals = {rejection.row: rejection for rejection in refused}
    for row in table.sound_rows():
        if isinstance(row, Rejection):
            yield row
            continue
        if row.number in refusals:
            yield refusals[row.number]
            continue
        end = dates[row.number] + timedelta(days=1)
        observed_at = datetime(end.year, end.month, end.day, tzinfo=UTC)
        try:
            metrics = metric_records(table, row, marks, observed_at=observed_at, period_days=period_days)
        except BadCell as bad:
            yield bad.rejection(row.number)
            continue
        yield AccountRecord(row=row.number, platform="tiktok", metrics=metrics)
    yield from table.notices()


def _parse_overview(source: Source, reading: Reading) -> Iterator[Record]:
    yield from _by_day(
        source, reading, OVERVIEW_VOCABULARY, wanted=_is_overview, what="TikTok Studio Overview", period_days=1
    )


def _followers(source: Source, reading: Reading) -> Iterator[Record]:
    """The number of followers a day. The column of differences is left out.

    In a real file of 18 days the figure beside a day was the change to the *following* day in 14 of 17 cases, whatever
    its heading says, and agreed with neither neighbour in the rest. Differences can be had from the gauge.
    """
    yield from _by_day(
        source, reading, FOLLOWERS_VOCABULARY, wanted=_is_followers, what="TikTok Studio FollowerHistory", period_days=0
    )
    if recognises(source, FOLLOWERS_VOCABULARY, lambda columns: columns.has("difference")):
        yield Notice(
            f"{source.name}: the column of differences was not taken, because TikTok writes the change to the next day "
            "there and it does not always agree with the totals. The followers of each day were."
        )


def _written_at(video_id: str, now: datetime) -> date | None:
    """The day that a TikTok id carries: its upper 32 bits are the second of upload.

    TikTok does not document it. It agreed to the day with six published upload times of 2019 to 2023, and is only used
    to pick the year of a day that agrees with it.
    """
    seconds = int(video_id) >> 32
    if len(video_id) != 19 or not 1_400_000_000 < seconds <= now.timestamp() + 86_400:
        return None
    return datetime.fromtimestamp(seconds, UTC).date()


def _published(table: Table, row: Row, video_id: str, reading: Reading) -> tuple[datetime | None, bool]:
    """When it was posted, and whether the year had to be found."""
    cell = table.cell(row, "published")
    if is_missing(cell):
        return None, False
    try:
        words, clock = split_time(cell)
        written = read_day(words)
        uploaded = _written_at(video_id, reading.now)
        found = written.latest(_bound(reading))
        if written.year is None and uploaded is not None:
            years = (written.on(year) for year in range(uploaded.year - 1, uploaded.year + 2))
            near = [day for day in years if day is not None and abs((day - uploaded).days) <= 3]
            found = near[0] if near else found
        return at_clock(found, clock), written.year is None
    except ValueError as error:
        raise BadCell(table.columns.heading("published"), cell, f"It cannot be read as a time: {error}.") from error


def _item(table: Table, row: Row, marks: Mapping[int, str | None], reading: Reading) -> tuple[ItemRecord, bool]:
    link = table.cell(row, "link")
    match = _LINK.match(link)
    if match is None:
        raise BadCell(
            table.columns.heading("link"),
            link,
            "The link does not name a video, and the id stands nowhere else.",
            "A link reads https://www.tiktok.com/@name/video/NUMBER; download the export again from TikTok Studio.",
        )
    handle, kind, native_id = match[1], match[2].casefold(), match[3]
    published, assumed = _published(table, row, native_id, reading)
    record = ItemRecord(
        row=row.number,
        platform="tiktok",
        native_id=native_id,
        kind=_KINDS[kind],
        account=handle,
        title=table.cell(row, "title") or None,
        url=link,
        published_at=published,
        metrics=metric_records(table, row, marks),
    )
    return record, assumed


def _parse_content(source: Source, reading: Reading) -> Iterator[Record]:
    table = source_table(source, CONTENT_VOCABULARY, _is_content, "TikTok Studio Content")
    marks = table.decimal_marks()
    assumed: list[datetime] = []
    for row in table.sound_rows():
        if isinstance(row, Rejection):
            yield row
            continue
        try:
            item, without_year = _item(table, row, marks, reading)
        except BadCell as bad:
            yield bad.rejection(row.number)
            continue
        if without_year and item.published_at is not None:
            assumed = [min([*assumed, item.published_at]), max([*assumed, item.published_at])]
        yield item
    if assumed:
        yield Notice(
            f"Post times in {source.name} name no year; {assumed[0].date()} to {assumed[1].date()} were taken, by the "
            "time in the video's id where it has one, or else the latest such day that is not in the future."
        )
    yield from table.notices()


OVERVIEW = Format(
    name="tiktok-studio-overview",
    platform="tiktok",
    title="TikTok Studio: Overview.csv",
    recognised_by="the headings Date, Video Views and Profile Views",
    yields="the account's figures a day",
    recognise=lambda source: recognises(source, OVERVIEW_VOCABULARY, _is_overview),
    parse=_parse_overview,
    names_account=False,
    suffixes=(".csv",),
)
CONTENT = Format(
    name="tiktok-studio-content",
    platform="tiktok",
    title="TikTok Studio: Content.csv",
    recognised_by="the heading Video link with Total views, Total likes, Total comments or Total shares",
    yields="videos and photo posts with their figures so far",
    recognise=lambda source: recognises(source, CONTENT_VOCABULARY, _is_content),
    parse=_parse_content,
    suffixes=(".csv",),
)
FOLLOWERS = Format(
    name="tiktok-studio-followers",
    platform="tiktok",
    title="TikTok Studio: FollowerHistory.csv",
    recognised_by="the headings Date and Followers with the difference from the previous day, or alone",
    yields="the account's followers at the end of each day",
    recognise=lambda source: recognises(source, FOLLOWERS_VOCABULARY, _is_followers),
    parse=_followers,
    names_account=False,
    suffixes=(".csv",),
)
FORMATS = (OVERVIEW, CONTENT, FOLLOWERS)
