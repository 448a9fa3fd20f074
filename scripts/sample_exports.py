"""The spreadsheets that people download: YouTube Studio, Meta Business Suite, TikTok Studio and X analytics.

Headings, orders, quoting and line ends are those of real files.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sample_world import END, FIRST_DAY, Piece, engaged, roll, share_of, views, whole

START = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC)


def csv_text(rows: Iterable[Sequence[object]], *, quoting: int = csv.QUOTE_MINIMAL) -> str:
    """Rows as the platforms write them: commas, and LF at the end of each line."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    return out.getvalue()


def archive(members: dict[str, str]) -> bytes:
    """A zip whose bytes depend on its contents alone."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as bundle:
        for name, text in members.items():
            entry = zipfile.ZipInfo(name, date_time=(2026, 11, 1, 6, 0, 0))
            entry.create_system = 3
            bundle.writestr(entry, text.encode())
    return out.getvalue()


# ---------------------------------------------------------------------------------------------------- YouTube Studio

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def studio_date(piece: Piece) -> str:
    """ "Sep 14, 2026"; nothing for a video that was never listed."""
    at = piece.published_at
    return f"{_MONTHS[at.month - 1]} {at.day}, {at.year}" if piece.listed else ""


def studio_figures(piece: Piece, since: datetime, until: datetime) -> dict[str, Any]:
    """What Studio knows of a video in a period; what it leaves empty is `None`."""
    seen = views(piece, until) - views(piece, since)
    engaging = engaged(piece, until) - engaged(piece, since)
    watched_share = (0.62 if piece.kind == "short" else 0.18) * (0.6 + 0.9 * roll("watched", *piece.key))
    average_seconds = round(piece.seconds * watched_share) if engaging else None
    impressions = share_of(piece, "impressions", seen, 4.0, 11.0) if piece.listed else 0
    hours = engaging * (average_seconds or 0) / 3600
    return {
        "views": seen,
        "engaged": engaging,
        "hours": round(hours, 4),
        "average": average_seconds,
        "percent": round(100 * watched_share, 2) if engaging else None,
        "stayed": round(55 + 35 * roll("stayed", *piece.key), 2) if piece.kind == "short" else None,
        "impressions": impressions,
        "ctr": round(2 + 7 * roll("ctr", *piece.key), 2) if impressions else None,
        "likes": share_of(piece, "likes", seen, 0.02, 0.07),
        "comments": share_of(piece, "comments", seen, 0.001, 0.006),
        "shares": share_of(piece, "shares", seen, 0.002, 0.012),
        # A clip may cost subscribers.
        "subscribers": whole(-3, -1, "lost", *piece.key)
        if roll("unpopular", *piece.key) < 0.06
        else share_of(piece, "subscribers", seen, 0.0005, 0.008),
        "gained": share_of(piece, "gained", seen, 0.001, 0.009),
        "lost": share_of(piece, "lost", seen, 0.0001, 0.001),
        "unique": share_of(piece, "unique", seen, 0.7, 0.9),
        "revenue": round(hours * (0.02 + 0.09 * roll("rpm", *piece.key)), 3) if hours >= 20 else None,
    }


_AUDIENCE = ("unique_viewers", "per_viewer", "new", "returning", "casual")
# Studio's English headings; the user chooses the columns, so the files differ.
_HEADINGS = {
    "stayed": "Stayed to watch (%)",
    "unique_viewers": "Unique viewers",
    "per_viewer": "Average views per viewer",
    "new": "New viewers",
    "returning": "Returning viewers",
    "casual": "Casual viewers",
    "engaged": "Engaged views",
    "average": "Average view duration",
    "percent": "Average percentage viewed (%)",
    "views": "Views",
    "hours": "Watch time (hours)",
    "subscribers": "Subscribers",
    "revenue": "Estimated revenue (EUR)",
    "impressions": "Impressions",
    "ctr": "Impressions click-through rate (%)",
    "likes": "Likes",
    "comments": "Comments added",
    "shares": "Shares",
    "gained": "Subscribers gained",
    "lost": "Subscribers lost",
    "unique": "Unique viewers",
}
_LEAD = ("Content", "Video title", "Video publish time", "Duration")
_GERMAN_LEAD = ("Videos", "Videotitel", "Veröffentlichungszeitpunkt des Videos", "Dauer")
_GERMAN = {
    "views": "Aufrufe",
    "hours": "Wiedergabezeit (Stunden)",
    "average": "Durchschnittliche Wiedergabedauer",
    "subscribers": "Abonnenten",
    "revenue": "Geschätzter Umsatz (EUR)",
    "impressions": "Impressionen",
    "ctr": "Klickrate der Impressionen (%)",
}
PODCASTER_COLUMNS = (
    "stayed",
    *_AUDIENCE,
    *("engaged", "average", "percent", "views", "hours", "subscribers", "revenue", "impressions", "ctr"),
)
CHANNEL_COLUMNS = (
    *("views", "engaged", "hours", "average", "impressions", "ctr", "likes", "comments", "shares", "gained", "lost"),
    *("unique", "revenue"),
)
GERMAN_COLUMNS = tuple(_GERMAN)


def _total(rows: list[dict[str, Any]]) -> dict[str, Any]:
    summed: dict[str, Any] = {key: sum(row[key] or 0 for row in rows) for key in rows[0]}
    summed["hours"] = round(summed["hours"], 4)
    summed["revenue"] = round(summed["revenue"], 3)
    summed["average"] = round(summed["hours"] * 3600 / summed["engaged"])
    summed["percent"] = round(sum(row["percent"] or 0 for row in rows) / len(rows), 2)
    summed["ctr"] = round(sum((row["ctr"] or 0) * row["impressions"] for row in rows) / summed["impressions"], 2)
    summed["stayed"] = 71.07
    return summed | dict.fromkeys(_AUDIENCE, 0)


def studio_table(
    pieces: list[Piece], columns: Sequence[str], *, since: datetime = START, until: datetime = END, german: bool = False
) -> str:
    """Table data.csv: first the total, then the videos by views. German browsers get German headings and commas."""

    def cell(key: str, figures: dict[str, Any]) -> str:
        value = figures.get(key)
        if value is None:
            return ""
        if key == "average":
            return f"{value // 3600}:{value // 60 % 60:02d}:{value % 60:02d}"
        return str(value).replace(".", ",") if german else str(value)

    known = [piece for piece in pieces if piece.published_at < until]
    figures = {piece.key: studio_figures(piece, since, until) for piece in known}
    rows: list[list[str]] = [
        [*(_GERMAN_LEAD if german else _LEAD), *((_GERMAN if german else _HEADINGS)[key] for key in columns)],
        ["Gesamt" if german else "Total", "", "", "", *(cell(key, _total(list(figures.values()))) for key in columns)],
    ]
    for piece in sorted(known, key=lambda each: (-figures[each.key]["views"], each.native_id)):
        # Studio writes a blank before most ids that begin with a hyphen, so that no spreadsheet takes them for sums,
        # but not before all.
        guarded = piece.native_id.startswith("-") and piece.kind != "short"
        native_id = f" {piece.native_id}" if guarded else piece.native_id
        lead = [native_id, piece.title, studio_date(piece), str(piece.seconds)]
        rows.append(lead + [cell(key, figures[piece.key]) for key in columns])
    return csv_text(rows)


def studio_zip(
    pieces: list[Piece], columns: Sequence[str], *, charted: int, since: datetime = START, until: datetime = END
) -> bytes:
    """The archive of Studio's "Export current view": the table, the charted videos' days, and every day's total."""
    days = [since + timedelta(days=place) for place in range((until - since).days)]
    top = sorted(pieces, key=lambda each: -(views(each, until) - views(each, since)))[:charted]
    chart: list[Sequence[object]] = [("Date", *_LEAD, "Views")]
    totals: list[Sequence[object]] = [("Date", "Views")]
    for day in days:
        shown, end = day.date().isoformat(), day + timedelta(days=1)
        for piece in top:
            seen = views(piece, end) - views(piece, day)
            chart.append((shown, piece.native_id, piece.title, studio_date(piece), piece.seconds, seen))
        totals.append((shown, sum(views(piece, end) - views(piece, day) for piece in pieces)))
    table = studio_table(pieces, columns, since=since, until=until)
    return archive({"Table data.csv": table, "Chart data.csv": csv_text(chart), "Totals.csv": csv_text(totals)})


# --------------------------------------------------------------------------------------- Instagram, TikTok, X exports


def instagram_csv(pieces: list[Piece], handle: str, name: str, *, mark: bool = False, damaged: bool = False) -> bytes:
    """Meta Business Suite's posts export. `damaged`: a spreadsheet has rounded one Post ID away."""
    account = str(whole(17_841_400_000_000_000, 17_841_499_999_999_999, "instagram account", handle))
    kinds = {"reel": "IG reel", "carousel": "IG carousel", "image": "IG image", "story": "IG story"}
    rows: list[Sequence[object]] = [
        [
            "Post ID",
            "Account ID",
            "Account username",
            "Account name",
            "Description",
            "Duration (sec)",
            "Publish time",
            "Permalink",
            "Post type",
            "Data comment",
            "Date",
            "Views",
            "Likes",
            "Shares",
            "Comments",
            "Saves",
            "Reach",
            "Follows",
        ]
    ]
    ordered = sorted(pieces, key=lambda each: each.published_at)[::-1]
    rounded = next(piece for piece in ordered if piece.kind == "carousel")
    for piece in ordered:
        seen, story = views(piece, END), piece.kind == "story"
        post_id = f"{int(piece.native_id):.5E}" if damaged and piece is rounded else piece.native_id
        at = piece.published_at.strftime("%m/%d/%Y %H:%M")
        lead = [post_id, account, handle, name, piece.body, piece.seconds, at, piece.url, kinds[piece.kind], ""]
        figures = [
            seen,
            share_of(piece, "likes", seen, 0.01, 0.02) if story else share_of(piece, "likes", seen, 0.03, 0.08),
            share_of(piece, "shares", seen, 0.002, 0.02),
            "" if story else share_of(piece, "comments", seen, 0.001, 0.008),
            "" if story else share_of(piece, "saves", seen, 0.004, 0.03),
            share_of(piece, "reach", seen, 0.68, 0.9),
            "" if story else share_of(piece, "follows", seen, 0.0005, 0.004),
        ]
        rows.append([*lead, "Lifetime", *figures])
    return (("\ufeff" if mark else "") + csv_text(rows)).encode()


def short_number(count: int) -> str:
    """1234 is "1.2K", as TikTok and lists of influencers round it."""
    for size, letter in ((1_000_000, "M"), (1_000, "K")):
        if count >= size:
            return f"{count / size:.1f}{letter}".replace(".0", "")
    return str(count)


def tiktok_content(pieces: list[Piece]) -> bytes:
    """TikTok Studio's Content.csv: no year, no id but in the link, rounded counts, and "undefined" for the unknown."""
    rows: list[Sequence[object]] = [
        ["Video title", "Video link", "Post time", "Total likes", "Total comments", "Total shares", "Total views"]
    ]
    for place, piece in enumerate(sorted(pieces, key=lambda each: each.published_at)[::-1]):
        seen = views(piece, END)
        rows.append(
            (
                "undefined" if place == 11 else (piece.body or piece.title).replace("\n", " "),
                piece.url,
                f"{piece.published_at:%B} {piece.published_at.day}",
                short_number(share_of(piece, "likes", seen, 0.04, 0.12)),
                short_number(share_of(piece, "comments", seen, 0.001, 0.006)),
                "undefined" if place == 4 else short_number(share_of(piece, "shares", seen, 0.002, 0.02)),
                short_number(seen),
            )
        )
    # TikTok ends its files without a line end.
    return csv_text(rows, quoting=csv.QUOTE_ALL).removesuffix("\n").encode()


def tiktok_overview(pieces: list[Piece], first: date, days: int) -> bytes:
    """TikTok Studio's Overview.csv: the account's figures by day, without a year."""
    rows: list[Sequence[object]] = [("Date", "Video Views", "Profile Views", "Likes", "Comments", "Shares")]
    for place in range(days):
        day = datetime(first.year, first.month, first.day, tzinfo=UTC) + timedelta(days=place)
        seen = sum(views(piece, day + timedelta(days=1)) - views(piece, day) for piece in pieces)
        rest = [int(seen * share * (0.8 + 0.4 * roll("overview", day, share))) for share in (0.012, 0.07, 0.004, 0.009)]
        rows.append((f"{day:%B} {day.day}", seen, *rest))
    return csv_text(rows, quoting=csv.QUOTE_ALL).removesuffix("\n").encode()


def x_csv(pieces: list[Piece]) -> bytes:
    """X's account_analytics_content: the day has no time, and the id is too long for a spreadsheet."""
    rows: list[Sequence[object]] = [
        [
            "Post id",
            "Date",
            "Post text",
            "Post Link",
            "Impressions",
            "Likes",
            "Engagements",
            "Bookmarks",
            "Shares",
            "New follows",
            "Replies",
            "Reposts",
            "Profile visits",
            "Detail Expands",
            "URL Clicks",
            "Hashtag Clicks",
            "Permalink Clicks",
        ]
    ]
    for piece in sorted(pieces, key=lambda each: each.published_at)[::-1]:
        seen, at = views(piece, END), piece.published_at
        likes, *parts = (
            share_of(piece, name, seen, low, high)
            for name, low, high in (
                ("likes", 0.01, 0.05),
                ("bookmarks", 0.001, 0.006),
                ("shares", 0.0, 0.002),
                ("follows", 0.0, 0.002),
                ("replies", 0.0, 0.006),
                ("reposts", 0.002, 0.01),
                ("visits", 0.001, 0.009),
                ("details", 0.01, 0.04),
                ("clicks", 0.004, 0.03),
                ("hashtags", 0.0, 0.002),
                ("permalinks", 0.0, 0.003),
            )
        )
        day = f"{at:%a}, {_MONTHS[at.month - 1]} {at.day}, {at.year}"
        rows.append([piece.native_id, day, piece.body, piece.url, seen, likes, likes + sum(parts), *parts])
    return csv_text(rows).encode()
