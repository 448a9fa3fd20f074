"""X analytics: the content CSV of today, and the tweet activity CSV that Twitter gave from about 2014 to 2023."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal

from engagerr.core.integrations.formats.csv_text import (
    BadCell,
    Columns,
    Metric,
    Row,
    Table,
    Vocabulary,
    after_period,
    metric_records,
    recognises,
    source_table,
    spoiled_ids,
)
from engagerr.core.integrations.formats.numbers import Unit, is_missing, read_moment
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.records import ItemRecord, Notice, Record, Rejection, State

FIELDS = {"post id": "post", "date": "published", "post text": "text", "post link": "link"}
METRICS = {
    heading: Metric(heading.replace(" ", "_"), Unit.COUNT)
    for heading in (
        "impressions",
        "likes",
        "engagements",
        "bookmarks",
        "shares",
        "new follows",
        "unfollows",
        "replies",
        "reposts",
        "profile visits",
        "detail expands",
        "url clicks",
        "hashtag clicks",
        "permalink clicks",
        "video views",
        "media views",
        "media engagements",
        "app opens",
        "app installs",
    )
}

# The old file keeps Twitter's words of its time: a retweet is what a repost is now, a favorite what a like is.
_TWEET_COUNTS = (
    "impressions", "engagements", "retweets", "replies", "favorites", "likes", "user profile clicks", "url clicks",
    "hashtag clicks", "detail expands", "permalink clicks", "app opens", "app installs", "follows", "email tweet",
    "dial phone", "media views", "media engagements",
)  # fmt: skip
TWEET_FIELDS = {"tweet id": "post", "time": "published", "tweet text": "text", "tweet permalink": "link"}
TWEET_METRICS = {
    **{heading: Metric(heading.replace(" ", "_"), Unit.COUNT) for heading in _TWEET_COUNTS},
    "engagement rate": Metric("engagement_rate", Unit.DECIMAL),  # engagements / impressions, 0 to 1
    # "-" stands where a tweet was never promoted: the figure does not apply, it is not merely missing.
    **{
        f"promoted {heading}": Metric(f"promoted_{heading.replace(' ', '_')}", Unit.COUNT, dash=State.NOT_APPLICABLE)
        for heading in _TWEET_COUNTS
    },
    "promoted engagement rate": Metric("promoted_engagement_rate", Unit.DECIMAL, dash=State.NOT_APPLICABLE),
}
VOCABULARY = Vocabulary(FIELDS, METRICS)
TWEET_VOCABULARY = Vocabulary(TWEET_FIELDS, TWEET_METRICS)

_LINK = re.compile(
    r"https?://(?:www\.|mobile\.)?(?:x|twitter)\.com/([A-Za-z0-9_]{1,20})/(?:web/)?status(?:es)?/(\d+)", re.I
)
_ID_FIX = (
    "Download the export again and import it as it came. Post ids have 19 digits and spreadsheets keep 15, so open it "
    "there only with the id column as text."
)


def _is_posts(columns: Columns) -> bool:
    return columns.has("post") and (columns.has("link") or columns.has("text")) and bool(columns.metrics)


def _may_be_rounded(whole: str, rounded: str) -> bool:
    """Whether a spreadsheet may have made "2.07412E+18" of this id: a link moved to another row must not stand in."""
    mantissa, _, exponent = rounded.casefold().replace(",", ".").partition("e")
    places = int(exponent or 0) if len(exponent) <= 3 else 0
    kept = Decimal(mantissa).scaleb(places)
    last_place = max(places - len(mantissa.partition(".")[2]), len(whole) - 15)
    return abs(kept - Decimal(whole)) <= Decimal(10) ** last_place


def _identity(table: Table, row: Row, spoiled: frozenset[str]) -> tuple[str, str | None, bool]:
    """The post's id, its author's handle, and whether the id had to come from the link."""
    native_id, link = table.cell(row, "post"), table.cell(row, "link")
    match = _LINK.match(link)
    handle = match[1] if match and match[1].casefold() != "i" else None
    linked = match[2] if match and len(match[2]) <= 20 and match[2] not in spoiled else None
    heading = table.columns.heading("post")
    if native_id in spoiled:
        if linked is None or not _may_be_rounded(linked, native_id):
            raise BadCell(
                heading, native_id, "A spreadsheet rounded this id, so it names another post or none.", _ID_FIX
            )
        return linked, handle, True
    if not (native_id.isascii() and native_id.isdigit() and len(native_id) <= 20):
        raise BadCell(heading, native_id, "It is not a post id, which has digits only.", _ID_FIX)
    if linked is not None and linked != native_id:
        raise BadCell(heading, native_id, f"The id and the link ({link}) name different posts.", _ID_FIX)
    return native_id, handle, False


def _item(
    table: Table,
    row: Row,
    marks: Mapping[int, str | None],
    *,
    identity: tuple[str, str | None],
    observed_at: datetime | None,
    days: int,
) -> ItemRecord:
    cell = table.cell(row, "published")
    try:
        published = None if is_missing(cell) else read_moment(cell)
    except ValueError as error:
        raise BadCell(table.columns.heading("published"), cell, f"It cannot be read as a date: {error}.") from error
    native_id, handle = identity
    text = table.cell(row, "text")
    return ItemRecord(
        row=row.number,
        platform="x",
        native_id=native_id,
        kind="post",
        account=handle,
        body=text or None,
        url=table.cell(row, "link") or None,
        published_at=published,
        links=tuple(re.findall(r"https?://[^\s\"'<>]+", text)),
        metrics=metric_records(table, row, marks, observed_at=observed_at, period_days=days),
    )


def _records(source: Source, reading: Reading, vocabulary: Vocabulary, what: str) -> Iterator[Record]:
    table = source_table(source, vocabulary, _is_posts, what)
    marks = table.decimal_marks()
    spoiled = spoiled_ids(table, "post")
    observed_at, days = after_period(reading.period) if reading.period else (None, 0)
    told = False
    for row in table.sound_rows():
        if isinstance(row, Rejection):
            yield row
            continue
        try:
            native_id, handle, from_link = _identity(table, row, spoiled)
            yield _item(table, row, marks, identity=(native_id, handle), observed_at=observed_at, days=days)
        except BadCell as bad:
            yield bad.rejection(row.number)
            continue
        if from_link and not told:
            told = True
            yield Notice(
                f"{source.name}: a spreadsheet rounded post ids (first in row {row.number}); they were taken from the "
                "post links, which are whole."
            )
    yield from table.notices()


CONTENT = Format(
    name="x-analytics",
    platform="x",
    title="X analytics: content CSV",
    recognised_by="the headings Post id with Post Link or Post text, and a metric",
    yields="posts with their figures so far (X keeps most of them for 30 days)",
    recognise=lambda source: recognises(source, VOCABULARY, _is_posts),
    parse=lambda source, reading: _records(source, reading, VOCABULARY, "X analytics"),
    suffixes=(".csv",),
)
TWEETS = Format(
    name="x-tweet-activity",
    platform="x",
    title="Twitter analytics: tweet activity CSV (until about 2023)",
    recognised_by="the headings Tweet id with Tweet permalink or Tweet text, and a metric",
    yields="posts with their organic and promoted figures",
    recognise=lambda source: recognises(source, TWEET_VOCABULARY, _is_posts),
    parse=lambda source, reading: _records(source, reading, TWEET_VOCABULARY, "Twitter tweet activity"),
    suffixes=(".csv",),
)
FORMATS = (CONTENT, TWEETS)
