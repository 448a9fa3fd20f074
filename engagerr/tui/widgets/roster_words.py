"""A creator's figures as cells and sentences: what is missing says why, what changed meaning says since when. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from engagerr.tui import glyphs
from engagerr.tui.widgets.evidence import CONCEPTS, platform_name, why_missing
from engagerr.tui.widgets.signals import STATES
from engagerr.tui.writing import BLANK, Cell, age, cell, change, clock, count, day, hidden, missing, money, ratio, whole

if TYPE_CHECKING:
    from engagerr.core.desk.figures import Figure
    from engagerr.core.money import Money

MIXED_PRICES = "rates in several currencies, which do not compare"
NO_TERMS = "Terms and rates are not for your role."
NO_DEALS = "Deals are not for your role."
# What the signs beside a name mean.
SYNC: Mapping[str, tuple[str, str]] = {
    "broken": (glyphs.DANGER, "danger"), "late": (glyphs.LATE, "attention"), "fresh": ("", "ink"), "none": ("", "ink"),
}  # fmt: skip
# What each figure is. As the search language and `engagerr insight formulas` say it.
MEANINGS: Mapping[str, str] = {
    "followers": "Followers of the largest account.",
    "views": "Views of the 90 days that end today, by the one way of counting that saw most.",
    "change": "Views of the last 90 days against the 90 before, counted in the same way.",
    "engagement_by_followers": "By the formula `stellar`, on the account with most pieces.",
    "engagement_by_views": "By the formula `engagerr`, on the account with most pieces.",
    "engagement_by_reach": "By the formula `rivaliq-reach`, on the account with most pieces.",
    "followers_sum": "Over all accounts: who follows two is counted twice.",
    "growth_30d": "How the largest account grew in 30 days.",
    "growth_90d": "How the largest account grew in 90 days.",
    "median_views": "Median views of the pieces of 90 days (three at least), by one counting rule.",
    "posts_30d": "Pieces published in 30 days.",
    "posts_90d": "Pieces published in 90 days.",
    "days_between_posts": "Median days between two pieces.",
    "families": "Families of content.",
    "platforms_per_family": "Platforms that a family reaches.",
    "clip_share": "Share of the pieces that are clips of others.",
    "sponsored_share": "Share of the pieces that are sponsored.",
    "disclosed_share": "Share of the sponsored pieces that say so.",
    "median_duration_seconds": "Median length of a piece.",
}  # fmt: skip


def in_words(state: str | None, *, platform: str | None = None) -> str:
    """Why a figure is missing, as words that end a sentence; of one platform by its name."""
    said = STATES.get(state or "") or why_missing(state or "unknown")
    return said if platform is None else said.replace("the platform", platform_name(platform))


def why(figure: Figure, now: datetime, *, platform: str | None = None) -> str:
    """The reason of a figure that is missing, estimated or broken; empty where there is nothing to say."""
    if figure.value is None:
        since = f" since {day(figure.broken, now, year=True)}" if figure.broken is not None else ""
        if figure.why == "definition_changed":
            whose = "the platform" if platform is None else platform_name(platform)
            return f"{whose} counts otherwise{since}, so the two times do not compare"
        return in_words(figure.why, platform=platform) + since
    if figure.broken is not None:
        return f"it spans {day(figure.broken, now, year=True)}, from when on the platform counts otherwise"
    return "estimated" if figure.estimated else ""


def number_cell(figure: Figure, now: datetime, *, platform: str | None = None, hang: bool = False) -> Cell:
    """A count; `hang` keeps a cell free behind it for `†`, so that units stand below one another."""
    said = why(figure, now, platform=platform)
    broken = said if figure.broken is not None and figure.value is not None else None
    made = count(figure.value, why=said, estimated=figure.estimated, broken=broken)
    return made if not hang or broken else Cell((*made.parts, (" ", "ink")), made.reason)


def change_cell(figure: Figure, now: datetime, *, platform: str | None = None) -> Cell:
    """A change; `†` in its place where the two times are counted in different ways."""
    said = why(figure, now, platform=platform)
    if figure.value is None and figure.broken is not None:
        return Cell(((glyphs.CHANGED, "attention"),), said)
    made = change(figure.value, why=said)
    return Cell(made.parts, said or None) if figure.value is not None and said else made


def share_cell(figure: Figure, now: datetime) -> Cell:
    """A share as per cent."""
    return ratio(figure.value, why=why(figure, now), estimated=figure.estimated)


def full(figure: Figure, now: datetime, *, kind: str = "count") -> str:
    """A figure in full, for the side pane and for `w`; `kind` is count, share or change."""
    if figure.value is None:
        return f"{glyphs.CHANGED if figure.broken is not None else glyphs.MISSING}  {why(figure, now)}"
    about = f"{glyphs.ABOUT} " if figure.estimated else ""
    if kind == "share":
        text = ratio(figure.value).text
    elif kind == "change":
        text = change(figure.value).text
    else:
        text = whole(Decimal(str(figure.value))) if figure.value >= 100 else f"{figure.value:.3g}"
    return f"{about}{text}{glyphs.CHANGED if figure.broken is not None else ''}"


def counted_words(counted: str | None) -> str:
    """How views are counted: `play_start` is "plays"."""
    return "" if counted is None else CONCEPTS.get(counted, counted.replace("_", " "))


def sync_cell(state: str, since: datetime | None, now: datetime) -> Cell:
    """`!` where a sync is broken, `▲` where it is late."""
    sign, token = SYNC.get(state, ("", "ink"))
    return Cell(((sign, token),), sync_words(state, since, now)) if sign else BLANK


def sync_words(state: str, since: datetime | None, now: datetime) -> str:
    """How a sync stands, in words."""
    if state == "none":
        return "nobody is signed in; figures come from files"
    if state == "fresh":
        return f"synced {clock(since, now)}" if since else "signed in, not yet synced"
    at = f" since {day(since, now)}" if since else ""
    return f"the sync is broken{at}" if state == "broken" else f"the sync is late{at}"


def price_cell(prices: Sequence[Money], *, seen: bool) -> Cell:
    """The lowest rate, where all are of one currency."""
    if not seen:
        return hidden(NO_TERMS)
    if len(prices) > 1:
        return missing(MIXED_PRICES)
    return money(prices[0] if prices else None, why="no rate is known")


def post_cell(last: datetime | None, now: datetime) -> Cell:
    """How long ago the newest piece came."""
    return missing("no piece is known") if last is None else cell(f"{age(last, now)} ago" if last < now else "today")


def expiry_cell(expires: datetime | None, now: datetime, *, connected: bool) -> Cell:
    """Until when a sign-in holds."""
    if not connected:
        return BLANK
    if expires is None:
        return cell("no end", "soft")
    left = (expires - now).days
    return cell(day(expires, now), "danger" if expires < now else "attention" if left < 14 else "soft")


def until_words(since: date | None, until: date | None, now: datetime) -> str:
    """`Sun 1 Nov – 31 Jan 2027`, `from Sun 1 Nov`, `without an end`."""
    if since is None and until is None:
        return "always"
    if since == until:
        return day(since, now)
    if until is None:
        return f"from {day(since, now)}, without an end"
    if since is None:
        return f"until {day(until, now)}"
    return f"{day(since, now)} – {day(until, now)}"
