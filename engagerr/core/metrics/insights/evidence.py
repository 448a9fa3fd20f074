"""What is known of the days around a spike, and the verdict that it allows.

A rise that nobody can explain is no proof of anything: press, advertising, a mention by somebody else and a platform's
own promotion look the same from here. So a spike gets a verdict about what was found, never a share of "fakes".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING

from engagerr.core.metrics.insights.spikes import FEWEST_STEPS, Search, Spike

if TYPE_CHECKING:
    import pandas as pd

AROUND = timedelta(days=3)
AFTERWARDS = timedelta(days=30)
_SOON_ENOUGH_TO_TELL = timedelta(days=7)
_LIFT_OF_A_POST = 3.0
_LIFT_OF_VIEWS = 2.0
_SHARE_THAT_FELL_BACK = 0.25
_ENGAGEMENT_FELL = 0.8
_FEWEST_POSTS_TO_COMPARE = 5
_FEWEST_POSTS_EACH_SIDE = 3

_VERDICTS: dict[tuple[str, bool | None], str] = {
    ("post", True): "explained by a post, and fell back in part",
    ("post", False): "explained by a post",
    ("post", None): "explained by a post",
    ("views", True): "came with more views, and fell back in part",
    ("views", False): "came with more views",
    ("views", None): "came with more views",
    ("nothing", True): "unexplained rise that fell back",
    ("nothing", False): "unexplained rise that stayed",
    ("nothing", None): "unexplained rise",
    ("unknown", True): "rise that fell back, with too little known to explain it",
    ("unknown", False): "rise that stayed, with too little known to explain it",
    ("unknown", None): "rise, with too little known to explain it",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing known of the days around a spike. `speaks` is "explains", "against" (a natural rise) or "neither"."""

    about: str
    speaks: str
    text: str


def weigh(
    spike: Spike,
    search: Search,
    *,
    at: Sequence[datetime],
    values: Sequence[float | None],
    posts: pd.DataFrame | None,
    views_a_day: pd.Series | None,
    of_followers: bool = True,
) -> tuple[str, tuple[Evidence, ...]]:
    """The verdict on a spike and everything that it rests on.

    `posts` are the creator's (other) items with the columns of `read_items` and their `era`; `views_a_day` is how many
    views those gained each UTC day where that is known (NaN: not known). None means that nothing is known, which is not
    the same as nothing. Only where the values are `of_followers` is engagement compared with them.
    """
    begins, ends = at[spike.first], at[spike.last]
    size = _size(spike, search)
    fell, fall = _fell_back(spike, search, at, values)
    if spike.change < 0:
        return "unusual fall", (size, Evidence("cause", "neither", _ON_FALLS))
    by_post = _by_post(begins, ends, posts)
    by_views = _by_views(begins, ends, views_a_day)
    engagement = _engagement(begins, ends, at, values, posts) if of_followers else None
    evidence = tuple(one for one in (size, by_post, by_views, fall, engagement) if one is not None)
    if by_post is not None and by_post.speaks == "explains":
        cause = "post"
    elif by_views is not None and by_views.speaks == "explains":
        cause = "views"
    elif any(one is not None and one.speaks == "against" for one in (by_post, by_views)):
        cause = "nothing"
    else:
        cause = "unknown"
    return _VERDICTS[cause, fell], evidence


_ON_FALLS = (
    "Platforms remove closed and false accounts from time to time; a fall of many at once is often that, and says "
    "nothing about who brought them."
)


def _size(spike: Spike, search: Search) -> Evidence:
    usual = search.usual_per_day or 0.0
    rounding = f"; the figures are rounded to {search.digits} digits" if search.digits else ""
    times = f", {abs(spike.change / spike.days / usual):,.0f} times that" if abs(usual) >= 1 else ""
    return Evidence(
        "size",
        "neither",
        f"{spike.change:+,.0f} in {spike.days:,.1f} days, usually {usual:+,.1f} a day{times}; {abs(spike.score):,.1f} "
        f"robust standard deviations from the usual rate, where {search.threshold:.1f} stand out{rounding}",
    )


def _fell_back(
    spike: Spike, search: Search, at: Sequence[datetime], values: Sequence[float | None]
) -> tuple[bool | None, Evidence]:
    """Whether a good part of the rise was lost again within 30 days; None where too little time was seen."""
    peak = values[spike.last]
    ends = at[spike.last]
    later = [
        value
        for moment, value in zip(at, values, strict=True)
        if value is not None and ends < moment <= ends + AFTERWARDS
    ]
    seen = max((m for m, v in zip(at, values, strict=True) if v is not None), default=ends) - ends
    if not later or peak is None or seen < _SOON_ENOUGH_TO_TELL:
        days = max(seen, timedelta(0)).days
        return None, Evidence("afterwards", "neither", f"whether it stays is not known: {days} days were seen since")
    beyond = spike.change - (search.usual_per_day or 0.0) * spike.days
    # The deepest fall from whatever it had risen to: growth since then must not hide it.
    reached = accumulate([peak, *later], max)
    lost = max(top - value for top, value in zip(reached, [peak, *later], strict=True))
    share = lost / beyond if beyond > 0 else 0.0
    days = min(seen, AFTERWARDS).days
    if share >= _SHARE_THAT_FELL_BACK:
        return True, Evidence(
            "afterwards", "against", f"{lost:,.0f} were lost again within {days} days, {share:.0%} of the unusual part"
        )
    return False, Evidence("afterwards", "neither", f"it stayed: {lost:,.0f} were lost within {days} days")


def _by_post(begins: datetime, ends: datetime, posts: pd.DataFrame | None) -> Evidence | None:
    """Whether one of the posts that could have brought it (from 3 days before to its end) did far better than usual."""
    posts = None if posts is None else posts.dropna(subset=["published_at"])
    if posts is None or posts.empty:
        return Evidence("posts", "neither", "no posts of the creator are known here")
    published = posts["published_at"]
    near = posts[(published >= begins - AROUND) & (published <= ends)]
    if near.empty:
        if published.min() > begins - AROUND or published.max() < begins - AFTERWARDS:
            return Evidence("posts", "neither", "no posts of that time are known here")
        return Evidence("posts", "against", "no post in the 3 days before or during it")
    best, lift = None, 0.0
    for index, post in near.iterrows():
        alike = posts[
            (posts["account_id"] == post["account_id"])
            & (posts["kind"] == post["kind"])
            & (posts["views_group"] == post["views_group"])
            & (posts["era"] == post["era"])
            & (posts.index != index)
        ]["views"].dropna()
        if len(alike) >= _FEWEST_POSTS_TO_COMPARE and alike.median() > 0 and post["views"] / alike.median() > lift:
            best, lift = post, float(post["views"] / alike.median())
    count = f"{len(near)} post{'s' if len(near) > 1 else ''} in the 3 days before or during it"
    if best is None:
        return Evidence("posts", "neither", f"{count}; too few like them are known to say how well they did")
    name = f"{best['title'] or best['native_id']} ({best['account']}, {best['published_at']:%Y-%m-%d})"
    if lift >= _LIFT_OF_A_POST:
        return Evidence("posts", "explains", f"{name} had {lift:,.1f} times the views of a usual post of its kind")
    return Evidence("posts", "against", f"{count}, none out of the ordinary: the best, {name}, had {lift:,.1f} times")


def _by_views(begins: datetime, ends: datetime, views_a_day: pd.Series | None) -> Evidence | None:
    """Whether the creator's items gained more views in those days than on others."""
    known = None if views_a_day is None else views_a_day.dropna()
    if known is None or known.empty:
        return None
    near = (known.index >= begins - AROUND) & (known.index <= ends + AROUND)
    during, others = known[near], known[~near]
    if during.empty or len(others) < FEWEST_STEPS or others.median() <= 0:
        return None
    # The best day counts: a burst of one day brings followers on that day.
    lift = float(during.max() / others.median())
    usual_best = float(others.rolling(max(1, len(during))).max().median() / others.median())
    said = f"views rose by {during.max():,.0f} on the best of these days, {lift:,.1f} times a usual day"
    if lift >= _LIFT_OF_VIEWS * max(usual_best, 1.0):
        return Evidence("views", "explains", said)
    return Evidence("views", "against", f"{said}, which is nothing unusual")


def _engagement(
    begins: datetime,
    ends: datetime,
    at: Sequence[datetime],
    values: Sequence[float | None],
    posts: pd.DataFrame | None,
) -> Evidence | None:
    """Likes and comments a follower, of the posts of 30 days before and of 30 days after."""
    import pandas as pd

    if posts is None or posts.empty:
        return None
    levels = pd.Series(list(values), index=pd.DatetimeIndex(list(at)), dtype=float).dropna().sort_index()
    known = posts.dropna(subset=["likes", "comments", "published_at"])
    published = known["published_at"]
    rates = []
    for first, last in ((begins - AFTERWARDS, begins), (ends, ends + AFTERWARDS)):
        side = known[(published > first) & (published <= last)]
        followers = pd.Series([levels.asof(moment) for moment in side["published_at"]], side.index, dtype="float64")
        rates.append(((side["likes"] + side["comments"]) / followers).dropna())
    before, after = rates
    if min(len(before), len(after)) < _FEWEST_POSTS_EACH_SIDE or before.median() <= 0:
        return None
    ratio = float(after.median() / before.median())
    said = (
        f"likes and comments a follower: {before.median():.2%} before ({len(before)} posts), {after.median():.2%} "
        f"after ({len(after)})"
    )
    return Evidence("engagement", "against" if ratio < _ENGAGEMENT_FELL else "neither", said)
