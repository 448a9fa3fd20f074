"""Every filter there is: its name, what it compares, where it stands, and what a missing one is called.

A name may hold parts that the user fills in: `rate.{deliverable}.{currency}`, `audience.{dimension}.{value}`,
`{platform}.followers`. A filter is `public` if a listing of the marketplace has what it reads; `terms` are readable
only by whom the role lets read terms and rates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from functools import cache

from engagerr.core.errors import InvalidInput


class Kind(StrEnum):
    """What a filter's values are, and so which operators it has."""

    NUMBER = "number"
    SHARE = "share"
    MONEY = "money"
    DURATION = "duration"
    AGE = "age"
    DATE = "date"
    WORD = "word"
    WORDS = "words"
    FLAG = "flag"
    RANGE = "range"
    CALL = "call"


ORDERED = frozenset({Kind.NUMBER, Kind.SHARE, Kind.MONEY, Kind.DURATION, Kind.AGE, Kind.DATE})
OPERATORS: Mapping[Kind, tuple[str, ...]] = {
    **dict.fromkeys(ORDERED, ("=", "!=", "<", "<=", ">", ">=", "in")),
    Kind.WORD: ("=", "!=", "~", "in"),
    Kind.WORDS: ("=", "!=", "~", "in"),
    Kind.FLAG: ("flag",),
    Kind.RANGE: ("range",),
    Kind.CALL: ("call",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One filter. `sql` is over the alias `profile`, and NULL where the figure is missing; parts that the user fills in
    are `{0}`, `{1}`: places of parameters. `missing` is its key in the profile's `missing` (None: it never is)."""

    name: str
    group: str
    kind: Kind
    sql: str
    help: str
    example: str
    missing: str | None = None
    unit: str = ""
    public: bool = True
    terms: bool = False

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the parts that the user fills in."""
        return tuple(re.findall(r"\{(\w+)\}", self.name))

    @property
    def operators(self) -> tuple[str, ...]:
        """How it is asked."""
        return OPERATORS[self.kind]


@dataclass(frozen=True, slots=True)
class Found:
    """A filter as it was written, with its parts filled in."""

    filter: Filter
    written: str
    parts: tuple[str, ...]


def _column(name: str, group: str, kind: Kind, column: str, help: str, example: str, **more: object) -> Filter:
    """A filter on a column of its own, which is missing under the column's name."""
    return Filter(name=name, group=group, kind=kind, sql=f"profile.{column}", help=help, example=example,
                  **{"missing": column, **more})  # type: ignore[arg-type]  # fmt: skip


def _known_words(column: str) -> str:
    """A set of words; none at all is missing."""
    return f"nullif(profile.{column}, '{{}}')"


_N, _S = Kind.NUMBER, Kind.SHARE


def _identity() -> Iterator[Filter]:
    group = "identity"
    yield _column("name", group, Kind.WORD, "name", "The creator's name.", "name ~ brenner", missing=None)
    yield Filter(name="handle", group=group, kind=Kind.WORDS, sql="profile.handles", public=False,
                 help="A handle, as platform:handle.", example="handle ~ bergschritt")  # fmt: skip
    yield _column("country", group, Kind.WORD, "country", "Where the creator lives (ISO 3166).", "country in DE, AT")
    yield _column("status", group, Kind.WORD, "status", "prospect, active, paused or former.", "status = active",
                  missing=None, public=False)  # fmt: skip
    yield _column("agent", group, Kind.WORD, "agent", "Who looks after the creator here.", 'agent = "Ann"',
                  public=False)  # fmt: skip
    yield _column("do_not_pitch", group, Kind.FLAG, "do_not_pitch", "Marked as not to be pitched.", "not do_not_pitch",
                  missing=None, public=False)  # fmt: skip


def _platforms() -> Iterator[Filter]:
    group = "platform"
    yield Filter(name="platform", group=group, kind=Kind.WORDS, sql=_known_words("platforms"), missing="platforms",
                 help="Has an account on the platform.", example="platform = youtube")  # fmt: skip
    yield Filter(name="platform_count", group=group, kind=_N, missing="platforms", unit="platforms",
                 sql="nullif(cardinality(profile.platforms), 0)", help="On how many platforms.",
                 example="platform_count >= 2")  # fmt: skip
    for field, kind, words, example in (
        ("followers", _N, "Followers of the largest account on that platform.", "youtube.followers > 10k"),
        ("growth_30d", _S, "How that account's followers grew in 30 days.", "instagram.growth_30d > 2%"),
        ("median_views", _N, "Median views of the last 90 days on that platform.", "tiktok.median_views > 5k"),
        ("engagement_by_views", _S, "The rate `engagerr` on that platform.", "youtube.engagement_by_views > 3%"),
        ("engagement_by_followers", _S, "The rate `stellar` there.", "instagram.engagement_by_followers > 1%"),
        ("posts_90d", _N, "Pieces published there in 90 days.", "instagram.posts_90d >= 12"),
    ):
        yield Filter(name=f"{{platform}}.{field}", group=group, kind=kind, help=words, example=example,
                     sql=f"(profile.by_platform #>> ARRAY[{{0}}, '{field}'])::float8", missing=field)  # fmt: skip


def _reach() -> Iterator[Filter]:
    yield _column("followers", "reach", _N, "followers", "Followers of the largest account.", "followers >= 20k")
    yield _column("followers.sum", "reach", _N, "followers_sum",
                  "Over all accounts: who follows two is counted twice.", "followers.sum >= 100k")  # fmt: skip
    yield _column("views.median", "reach", _N, "median_views",
                  "Median views of the pieces of 90 days (three at least), by one counting rule.",
                  "views.median > 10k")  # fmt: skip
    yield Filter(name="views.per_follower", group="reach", kind=_S, missing="median_views",
                 sql="profile.median_views / nullif(profile.followers, 0)::float8",
                 help="Median views over followers of the largest account.",
                 example="views.per_follower > 20%")  # fmt: skip
    yield _column("growth.30d", "growth", _S, "growth_30d", "How the largest account grew in 30 days.",
                  "growth.30d > 1%")  # fmt: skip
    yield _column("growth.90d", "growth", _S, "growth_90d", "The same in 90 days.", "growth.90d >= 0%")


def _engagement() -> Iterator[Filter]:
    for by, formula in (("views", "engagerr"), ("followers", "stellar"), ("reach", "rivaliq-reach")):
        yield _column(f"engagement.by_{by}", "engagement", _S, f"engagement_by_{by}",
                      f"By the formula `{formula}` (see `engagerr insight formulas`), on the account with most pieces.",
                      f"engagement.by_{by} > 3%")  # fmt: skip
    yield _column("sentiment", "engagement", _N, "sentiment", "Tone of the recent titles, -1 to 1.", "sentiment >= 0")


def _cadence() -> Iterator[Filter]:
    group = "cadence"
    yield _column("posts.30d", group, _N, "posts_30d", "Pieces published in 30 days.", "posts.30d >= 4")
    yield _column("posts.90d", group, _N, "posts_90d", "Pieces published in 90 days.", "posts.90d >= 10")
    yield _column("post_gap", group, _N, "days_between_posts", "Median days between two pieces.", "post_gap <= 7",
                  unit="days")  # fmt: skip
    yield Filter(name="last_post", group=group, kind=Kind.AGE, missing="last_published_at", unit="ago",
                 sql="profile.last_published_at", help="How long ago the newest piece came out.",
                 example="last_post < 14d")  # fmt: skip


def _formats() -> Iterator[Filter]:
    group = "formats"
    yield Filter(name="kind", group=group, kind=Kind.WORDS, sql=_known_words("kinds"), missing="kinds",
                 help="Makes pieces of this kind.", example="kind in short_video, reel")  # fmt: skip
    yield Filter(name="kind.{kind}", group=group, kind=_S, missing="kinds",
                 sql="CASE WHEN cardinality(profile.kinds) > 0"
                     " THEN coalesce((profile.kind_shares ->> {0})::float8, 0) END",
                 help="Share of the recent pieces that are of this kind.",
                 example="kind.short_video > 50%")  # fmt: skip
    yield _column("duration", group, Kind.DURATION, "median_duration_seconds", "Median length of recent pieces.",
                  "duration > 8min")  # fmt: skip


def _subjects() -> Iterator[Filter]:
    yield Filter(name="topic", group="topics", kind=Kind.WORDS, missing="topics",
                 sql="CASE WHEN cardinality(profile.topics) > 0 OR profile.main_topic IS NOT NULL"
                     " THEN profile.topics || profile.main_topic END",
                 help="A topic of the roster, or the main one of the recent pieces.",
                 example="topic ~ outdoor")  # fmt: skip
    yield _column("main_topic", "topics", Kind.WORD, "main_topic", "The likeliest topic of the recent pieces.",
                  "main_topic in sports, travel")  # fmt: skip
    yield Filter(name="topic.{topic}", group="topics", kind=_S, missing="main_topic",
                 sql="CASE WHEN profile.main_topic IS NOT NULL"
                     " THEN coalesce((profile.topic_shares ->> {0})::float8, 0) END",
                 help="How likely the topic is, over the recent pieces.", example="topic.sports > 30%")  # fmt: skip
    yield Filter(name="language", group="languages", kind=Kind.WORDS, sql=_known_words("languages"),
                 missing="languages", help="Speaks the language (ISO 639).", example="language = de")  # fmt: skip
    yield Filter(name="content_language", group="languages", kind=Kind.WORDS, sql=_known_words("content_languages"),
                 missing="content_languages", help="Publishes in the language.",
                 example="content_language in de, en")  # fmt: skip
    yield _column("unsafe.share", "safety", _S, "unsafe_share",
                  "Share of recent pieces with a finding of severity 2 or more.", "unsafe.share < 5%")  # fmt: skip
    yield Filter(name="safety.{flag}", group="safety", kind=_S, missing="unsafe_share",
                 sql="CASE WHEN profile.unsafe_share IS NOT NULL"
                     " THEN coalesce((profile.safety ->> {0})::float8, 0) END",
                 help="Share of recent pieces that show it (gambling, alcohol_or_tobacco, …).",
                 example="safety.gambling = 0%")  # fmt: skip


def _audience() -> Iterator[Filter]:
    yield Filter(name="audience.{dimension}.{value}", group="audience", kind=_S, missing="audience",
                 sql="(profile.audience #>> ARRAY[{0}, {1}])::float8",
                 help="Share of the audience. What the source did not list is missing, not zero.",
                 example="audience.country.DE >= 30%")  # fmt: skip
    yield Filter(name="audience_age", group="audience", kind=Kind.AGE, sql="profile.audience_as_of", unit="ago",
                 missing="audience", help="How long ago the audience was observed.",
                 example="audience_age < 1y")  # fmt: skip


def _business() -> Iterator[Filter]:
    yield Filter(name="rate.{deliverable}.{currency}", group="price", kind=Kind.MONEY, missing="rates", public=False,
                 terms=True, sql="(profile.rates #>> ARRAY[{0}, {1}])::bigint", unit="major units",
                 help="The rate that stands. Currencies are never converted.",
                 example="rate.youtube_integration.EUR <= 2500")  # fmt: skip
    yield Filter(name="rated", group="price", kind=Kind.FLAG, sql="profile.rates <> '{}'::jsonb", public=False,
                 terms=True, help="Has a rate at all.", example="rated")  # fmt: skip
    yield Filter(name="available", group="availability", kind=Kind.RANGE, sql="NOT profile.unavailable && {range}",
                 help="No day away on record within these days, both included.",
                 example="available 2027-03-01..2027-04-30")  # fmt: skip
    group = "representation"
    yield _column("represented", group, Kind.FLAG, "represented", "Terms stand today.", "represented", missing=None,
                  public=False, terms=True)  # fmt: skip
    yield _column("exclusive", group, Kind.FLAG, "exclusive", "The terms of today are exclusive.", "exclusive",
                  missing=None, public=False, terms=True)  # fmt: skip
    yield _column("represented_until", group, Kind.DATE, "represented_until", "Last day of the terms of today.",
                  "represented_until > 2026-06-30", public=False, terms=True)  # fmt: skip
    yield _column("commission", group, _S, "commission_rate", "The commission of today's terms.", "commission <= 15%",
                  public=False, terms=True)  # fmt: skip
    yield Filter(name="conflicts", group="exclusivity", kind=Kind.CALL, public=False, terms=True,
                 sql="""EXISTS (SELECT FROM jsonb_array_elements(profile.exclusivities) AS bound
                   WHERE bound ->> 'category' = {category}
                     AND (jsonb_array_length(bound -> 'countries') = 0 OR {countries}::text[] = '{{}}'
                          OR bound -> 'countries' ?| {countries}::text[])
                     AND ({range} IS NULL OR {range} && daterange((bound ->> 'from')::date, (bound ->> 'to')::date))
                     AND ({brand} IS NULL OR lower(bound ->> 'brand') IS DISTINCT FROM {brand}))""",
                 help="Has promised a competitor not to: conflicts(CATEGORY, COUNTRY, FROM..TO, for BRAND); all but the"
                      " category may be left out, the brand is the one that is no conflict.",
                 example="not conflicts(sports, DE, 2027-03-01..2027-04-30)")  # fmt: skip


def _record() -> Iterator[Filter]:
    group = "brand history"
    yield Filter(name="brand", group=group, kind=Kind.WORDS, sql="profile.brands", public=False, terms=True,
                 help="The brand is on record as a sponsor of a piece.", example="not brand ~ trailhead")  # fmt: skip
    yield Filter(name="brand_count", group=group, kind=_N, sql="cardinality(profile.brands)", public=False, terms=True,
                 help="How many brands are on record.", example="brand_count >= 1")  # fmt: skip
    yield _column("last_sponsored", group, Kind.AGE, "last_sponsored_on", "How long ago a sponsored piece came out.",
                  "last_sponsored < 1y", public=False, terms=True, unit="ago")  # fmt: skip
    yield _column("sponsored.share", "disclosure", _S, "sponsored_share", "Share of the year's pieces on record as"
                  " sponsored; nothing on record is missing, not zero.",
                  "sponsored.share < 30%", terms=True)  # fmt: skip
    yield _column("disclosed.share", "disclosure", _S, "disclosed_share",
                  "Of those, the share with a disclosure on record.", "disclosed.share >= 90%", terms=True)  # fmt: skip
    group = "content families"
    yield _column("families", group, _N, "families", "Works on two platforms or more, or with cuts.", "families >= 3")
    yield _column("families.platforms", group, _N, "platforms_per_family", "Platforms a family, in the mean.",
                  "families.platforms >= 2")  # fmt: skip
    yield _column("clips.share", group, _S, "clip_share", "What clips bring of a family's plays (median of families).",
                  "clips.share > 20%")  # fmt: skip
    group = "freshness"
    yield _column("fresh", group, Kind.AGE, "figures_as_of", "How long ago the newest figure was observed.",
                  "fresh < 30d", unit="ago")  # fmt: skip
    yield _column("synced", group, Kind.AGE, "synced_at", "How long ago a connected account was synced.",
                  "synced < 2d", public=False, unit="ago")  # fmt: skip


@cache
def filters() -> tuple[Filter, ...]:
    """Every filter, in the order of the reference."""
    groups = (_identity, _platforms, _reach, _engagement, _cadence, _formats, _subjects, _audience, _business, _record)
    return tuple(one for group in groups for one in group())


@cache
def _plain() -> dict[str, Filter]:
    return {one.name: one for one in filters() if not one.parts}


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], Filter], ...]:
    def pattern(name: str) -> re.Pattern[str]:
        return re.compile("".join(
            r"([^.]+)" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{\w+\})", name)
        ))  # fmt: skip

    return tuple((pattern(one.name), one) for one in filters() if one.parts)


def find_filter(name: str, *, column: int | None = None) -> Found:
    """The filter of this name; `InvalidInput` with the nearest one where there is none. `column` is where it stands."""
    if (plain := _plain().get(name.lower())) is not None:
        return Found(plain, name.lower(), ())
    for pattern, known in _patterns():
        if (match := pattern.fullmatch(name)) is not None:
            return Found(known, name, _parts(known, match.groups(), name))
    near = get_close_matches(name.lower(), [*_plain(), *(one.name for _, one in _patterns())], n=1, cutoff=0.5)
    at = "" if column is None else f" (column {column})"
    meant = f"Did you mean {near[0]}? " if near else ""
    raise InvalidInput(
        f"There is no filter {name!r}{at}.",
        hint=f"{meant}`engagerr search filters` lists them all.",
        facts={"filter": name, "column": column, "nearest": near[0] if near else None},
    )


def _parts(known: Filter, written: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Parts as the profile writes them: currencies and countries in capitals, platforms and kinds in small letters."""
    if known.name.startswith("rate."):
        deliverable, currency = written[0].lower(), written[1].upper()
        if not re.fullmatch(r"[A-Z]{3}", currency):
            raise InvalidInput(
                f"{name} names no currency.", hint="Write rate.DELIVERABLE.CURRENCY, such as rate.reel.EUR."
            )
        return deliverable, currency
    if known.name.startswith("audience."):
        dimension = written[0].lower()
        return dimension, written[1].upper() if dimension == "country" else written[1].lower()
    part = written[0].lower()
    words, strict = _words_of(known)
    near = get_close_matches(part, words, n=1, cutoff=0.6 if strict else 0.75)
    # Platforms may be called anything: only what is nearly a known one is a mistake.
    if part not in words and words and (strict or near):
        hint = f"Did you mean {name.replace(written[0], near[0])}?" if near else f"One of: {', '.join(words)}."
        raise InvalidInput(f"There is no {known.parts[0]} {part!r}.", hint=hint, facts={"filter": name})
    return (part,)


def _words_of(known: Filter) -> tuple[tuple[str, ...], bool]:
    """What the part may be, and whether it may be nothing else."""
    from engagerr.core.ai.tasks import SafetyFlag, Topic
    from engagerr.core.roster.identity import PLATFORMS

    match known.parts[0]:
        case "topic":
            return tuple(topic.value for topic in Topic), True
        case "flag":
            return tuple(flag.value for flag in SafetyFlag), True
        case "platform":
            return PLATFORMS, False
    return (), False
