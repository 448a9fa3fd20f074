"""What a listing shows: the closed list of figures that may be chosen, and the snapshot that is made of the choice.

A snapshot has no field for what is internal, so nothing internal can be put into one by mistake. Every part of a
profile that is a document is read key by key: a key that nobody foresaw is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any

from engagerr.core.errors import InvalidInput
from engagerr.core.money import Money

Shares = Mapping[str, float]

# A choice names a group or a single figure. Rates are in none: each is stated with its amount.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "identity": ("country", "languages", "topics", "platforms"),
    "reach": ("followers", "followers_sum", "growth_30d", "growth_90d", "median_views", "by_platform"),
    "engagement": ("engagement_by_views", "engagement_by_followers", "engagement_by_reach"),
    "cadence": ("posts_30d", "posts_90d", "days_between_posts", "last_published_at"),
    "content": (
        "content_languages", "kinds", "kind_shares", "main_topic", "topic_shares", "median_duration_seconds",
    ),
    "families": ("families", "platforms_per_family", "clip_share"),
    "audience": ("audience", "audience_as_of"),
    "record": ("sponsored_share", "disclosed_share", "safety", "unsafe_share", "sentiment"),
    "availability": ("unavailable",),
}  # fmt: skip
AT_FIRST = ("identity", "reach")
SHOWABLE = tuple(name for names in GROUPS.values() for name in names)
_OF_A_PLATFORM = (
    "followers", "growth_30d", "growth_90d", "median_views", "posts_30d", "posts_90d", "engagement_by_views",
    "engagement_by_followers", "engagement_by_reach",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person chose to show: figures (names of `SHOWABLE`), words of their own, and rates with their amounts.

    `meaning`: whether searches by meaning may find the listing. For that the creator's vector is shown with it, which
    is made of topics, bio and recent titles; so it is shown only if it was chosen.
    """

    figures: tuple[str, ...] = ()
    headline: str | None = None
    about: str | None = None
    rates: Mapping[str, Money] = field(default_factory=dict)
    meaning: bool = False


@dataclass(frozen=True, slots=True)
class ListingSnapshot:
    """A listing as others see it. What was not chosen is empty or None, and so is what is not known: for chosen figures
    `missing` says why. Figures are what a profile's are (see `creator_profiles`); shares and rates from 0 to 1.
    """

    name: str
    headline: str | None = None
    about: str | None = None
    country: str | None = None
    languages: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    content_languages: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    main_topic: str | None = None
    topic_shares: Shares = field(default_factory=dict)
    kind_shares: Shares = field(default_factory=dict)
    by_platform: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    audience: Mapping[str, Shares] = field(default_factory=dict)
    rates: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    safety: Shares = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    followers: int | None = None
    followers_sum: int | None = None
    growth_30d: float | None = None
    growth_90d: float | None = None
    median_views: int | None = None
    engagement_by_views: float | None = None
    engagement_by_followers: float | None = None
    engagement_by_reach: float | None = None
    posts_30d: int | None = None
    posts_90d: int | None = None
    days_between_posts: float | None = None
    last_published_at: datetime | None = None
    median_duration_seconds: float | None = None
    families: int | None = None
    platforms_per_family: float | None = None
    clip_share: float | None = None
    sponsored_share: float | None = None
    disclosed_share: float | None = None
    unsafe_share: float | None = None
    sentiment: float | None = None
    audience_as_of: datetime | None = None
    figures_as_of: datetime | None = None
    unavailable: tuple[tuple[date | None, date | None], ...] = ()

    @property
    def quoted(self) -> tuple[tuple[str, Money], ...]:
        """The rates that are shown, as money."""
        return tuple(
            (deliverable, Money(minor, currency))
            for deliverable, amounts in sorted(self.rates.items())
            for currency, minor in sorted(amounts.items())
        )


FIELDS = tuple(part.name for part in fields(ListingSnapshot))


def chosen_figures(names: Iterable[str]) -> tuple[str, ...]:
    """The figures that these names of groups and figures mean, in the order of the list; `InvalidInput` for others."""
    wanted: set[str] = set()
    for name in names:
        if name not in GROUPS and name not in SHOWABLE:
            near = get_close_matches(name.strip().lower(), (*GROUPS, *SHOWABLE), n=1, cutoff=0.7)
            meant = f"Did you mean {near[0]}? " if near else ""
            raise InvalidInput(
                f"A listing cannot show {name!r}.",
                hint=f"{meant}It can show {', '.join(GROUPS)}, or single figures: {', '.join(SHOWABLE)}. "
                "Rates are stated with their amounts.",
                facts={"field": name},
            )
        wanted |= set(GROUPS.get(name, (name,)))
    return tuple(name for name in SHOWABLE if name in wanted)


def snapshot_of(profile: Mapping[str, Any], choice: Choice) -> ListingSnapshot:
    """The snapshot of a creator's profile (columns by name) under a choice."""
    shown = {name: _READ[name](profile.get(name)) for name in choice.figures if name in _READ}
    shown |= {name: profile.get(name) for name in choice.figures if name not in _READ}
    reasons = profile.get("missing") or {}
    missing = {
        name: str(reasons.get(name, "not_observed"))
        for name in choice.figures
        if shown.get(name) in (None, (), {}) and name != "unavailable"
    }
    rates = {deliverable: {money.currency: money.minor} for deliverable, money in sorted(choice.rates.items())}
    return ListingSnapshot(
        name=str(profile["name"]),
        headline=choice.headline,
        about=choice.about,
        rates=rates,
        missing=missing,
        figures_as_of=profile.get("figures_as_of") if choice.figures else None,
        **shown,
    )


def columns_of(snapshot: ListingSnapshot) -> dict[str, Any]:
    """The snapshot as the columns of `market_listings`; documents are dicts, days that are taken are text."""
    found = {name: getattr(snapshot, name) for name in FIELDS}
    found = {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}
    spans = (f"[{_day(first)},{_day(end)})" for first, end in snapshot.unavailable)
    found["unavailable"] = f"{{{','.join(spans)}}}"
    return found


def snapshot_from(row: Mapping[str, Any]) -> ListingSnapshot:
    """A snapshot from columns of `market_listings`, or from its own document."""
    known = {name: row[name] for name in FIELDS if name in row and row[name] is not None}
    for name, value in known.items():
        if name == "unavailable":
            known[name] = _spans(value)
        elif isinstance(value, list):
            known[name] = tuple(value)
        elif name.endswith(("_at", "_as_of")) and isinstance(value, str):
            known[name] = datetime.fromisoformat(value)
    return ListingSnapshot(**known)


def document_of(snapshot: ListingSnapshot) -> dict[str, Any]:
    """The snapshot as JSON knows it; what is empty is left out."""
    found = {name: getattr(snapshot, name) for name in FIELDS}
    found["unavailable"] = [[_day(first) or None, _day(end) or None] for first, end in snapshot.unavailable]
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in found.items()
        if value not in (None, (), [], {})
    }


def _words(value: Any) -> tuple[str, ...]:
    return tuple(str(word) for word in value or ())


def _shares(value: Any) -> dict[str, float]:
    return {str(key): number for key, number in _pairs(value) if _is_number(number)}


def _by_platform(value: Any) -> dict[str, dict[str, float]]:
    return {
        str(platform): {name: own[name] for name in _OF_A_PLATFORM if _is_number(own.get(name))}
        for platform, own in _pairs(value)
        if isinstance(own, Mapping)
    }


def _audience(value: Any) -> dict[str, dict[str, float]]:
    return {str(dimension): _shares(shares) for dimension, shares in _pairs(value)}


def _spans(value: Any) -> tuple[tuple[date | None, date | None], ...]:
    """Days that are taken, the end not among them: from the driver's ranges, or from a document's pairs."""
    found = []
    for span in value or ():
        first, end = (span.lower, span.upper) if hasattr(span, "lower_inc") else span
        found.append((_as_day(first), _as_day(end)))
    return tuple(found)


def _pairs(value: Any) -> Sequence[tuple[Any, Any]]:
    return list(value.items()) if isinstance(value, Mapping) else []


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _as_day(value: Any) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) else value


def _day(value: date | None) -> str:
    return value.isoformat() if value else ""


_READ: Mapping[str, Callable[[Any], Any]] = {
    "languages": _words, "topics": _words, "platforms": _words, "content_languages": _words, "kinds": _words,
    "topic_shares": _shares, "kind_shares": _shares, "safety": _shares, "by_platform": _by_platform,
    "audience": _audience, "unavailable": _spans,
}  # fmt: skip
