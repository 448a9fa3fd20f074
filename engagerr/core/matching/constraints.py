"""Hard constraints of a brief: whom it rules out, in the order in which a person would ask, and how many for what.

A constraint rules out what is known to break it. Where the figure is missing it rules out nobody: that nobody knows is
shown with the match, and widens its range.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engagerr.core.matching.lexical import LEAST_WORDS
from engagerr.core.matching.profile_words import configurations, folded
from engagerr.core.matching.signals.price_fit import least_price_sql, price_sql

if TYPE_CHECKING:
    from datetime import date

    from engagerr.core.matching.signals import Asked

DO_NOT_PITCH = "do not pitch"
# Less alike in meaning than this to a word that must be there, the creator is about something else. Looked at by hand:
# single words against creators of other topics rarely reach 0.2, against their own rarely stay below 0.3.
_LEAST_LIKENESS = 0.25
# Nobody follows an account there, so that there is no number to miss.
_WITHOUT_FOLLOWERS = "{website,podcast,apple_podcasts}"


@dataclass(frozen=True, slots=True)
class Constraint:
    """`broken` is SQL over `profile` that is true where the constraint is known to be broken."""

    reason: str
    broken: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


def followers_sql(asked: Asked) -> str:
    """Followers of the largest known account on the brief's platforms, of all where it names none; NULL without any."""
    if not asked.brief.platforms:
        return "profile.followers"
    on_them = ", ".join(
        f"(profile.by_platform #>> ARRAY[%(platform_{place})s, 'followers'])::float8"
        for place in range(len(asked.brief.platforms))
    )
    return f"greatest({on_them})"


def _larger_one_possible(asked: Asked) -> str:
    """Whether there is an account whose followers are not known: it may be the largest."""
    named = " AND held = ANY (%(platforms)s::text[])" if asked.brief.platforms else ""
    return (
        f"EXISTS (SELECT FROM unnest(profile.platforms) AS held WHERE held <> ALL ('{_WITHOUT_FOLLOWERS}'::text[])"
        f"{named} AND profile.by_platform #> ARRAY[held, 'followers'] IS NULL)"
    )


def constraints_of(asked: Asked, *, musts_by_meaning: bool) -> tuple[Constraint, ...]:
    """The constraints of this brief. `musts_by_meaning`: the parameters must_vector_0, … are given by the caller."""
    found = [
        Constraint(DO_NOT_PITCH, "profile.do_not_pitch"),
        Constraint("not active", "profile.status IN ('paused', 'former')"),
    ]
    return tuple(found + _of_profile(asked) + _of_dates(asked) + _of_words(asked, musts_by_meaning=musts_by_meaning))


def _of_profile(asked: Asked) -> list[Constraint]:
    brief, found = asked.brief, []
    if brief.platforms:
        found.append(
            Constraint(
                f"no account on {_listed(brief.platforms)}",
                "cardinality(profile.platforms) > 0 AND NOT profile.platforms && %(platforms)s::text[]",
                {"platforms": list(brief.platforms)},
            )
        )
    if brief.countries:
        found.append(
            Constraint(
                f"not in {_listed(brief.countries)}",
                "profile.country <> ALL (%(countries)s::text[])",
                {"countries": list(brief.countries)},
            )
        )
    if brief.languages:
        spoken = "(profile.languages || profile.content_languages)"
        found.append(
            Constraint(
                f"not in the language {_listed(brief.languages)}",
                f"cardinality({spoken}) > 0 AND NOT {spoken} && %(languages)s::text[]",
                {"languages": list(brief.languages)},
            )
        )
    followers = followers_sql(asked)
    if brief.followers_min is not None:
        limit = {"followers_min": brief.followers_min, "platforms": list(brief.platforms)}
        too_few = f"{followers} < %(followers_min)s AND NOT {_larger_one_possible(asked)}"
        found.append(Constraint(f"fewer than {brief.followers_min:,} followers", too_few, limit))
    if brief.followers_max is not None:
        limit = {"followers_max": brief.followers_max}
        found.append(
            Constraint(f"more than {brief.followers_max:,} followers", f"{followers} > %(followers_max)s", limit)
        )
    found += [
        Constraint(
            f"under {wish.share_min:.0%} of the audience is {wish.dimension} {wish.value}",
            f"coalesce((profile.audience #>> ARRAY[%(asked_dimension_{place})s, %(asked_value_{place})s])::float8,"
            f" {_left_over(wish.dimension)}) < %(asked_share_{place})s",
            {
                f"asked_dimension_{place}": wish.dimension,
                f"asked_value_{place}": wish.value,
                f"asked_share_{place}": wish.share_min,
            },
        )
        for place, wish in enumerate(brief.audience)
        if wish.share_min > 0
    ]
    if (price := price_sql(asked)).columns and brief.budget is not None:
        found.append(
            Constraint(
                f"asks more than {brief.budget}",
                f"{least_price_sql(asked)} > %(budget_minor)s",
                {**price.parameters, "budget_minor": brief.budget.minor},
            )
        )
    return found


def _of_dates(asked: Asked) -> list[Constraint]:
    found = []
    start, end = asked.window
    if asked.brief.window_from or end:
        found.append(
            Constraint(
                f"not available {_said(start, end)}",
                "profile.unavailable @> daterange(%(window_from)s, %(window_to)s, '[]')",
                {"window_from": start, "window_to": end},
            )
        )
    if asked.category:
        # Its own table, not the profile: a promise that was noted a minute ago counts.
        clash = """profile.creator_id IN (
          SELECT promise.creator_id FROM creator_exclusivities AS promise
          WHERE promise.tenant_id = %(tenant_id)s AND promise.category = %(promised_category)s
            AND promise.during && daterange(%(promised_from)s, %(promised_to)s, '[]')
            AND (promise.countries = '{}' OR %(promised_countries)s::text[] = '{}'
                 OR promise.countries && %(promised_countries)s::text[])
            AND (promise.brand IS NULL OR lower(promise.brand) <> lower(%(promised_brand)s)))"""
        found.append(
            Constraint(
                f"promised to a competitor in {asked.brief.category}",
                clash,
                {
                    "promised_category": asked.category,
                    "promised_from": start,
                    "promised_to": end,
                    "promised_countries": list(asked.brief.countries),
                    "promised_brand": asked.brief.brand or "",
                },
            )
        )
    return found


def _of_words(asked: Asked, *, musts_by_meaning: bool) -> list[Constraint]:
    """What must not be there counts where the creator says it of themselves; one mention in a title is no vocation."""
    found = [
        Constraint(
            f"must not: {word}",
            f"profile.words @@ ({_phrase(asked, f'must_not_{place}', 'AB')})",
            {f"must_not_{place}": folded(word)},
        )
        for place, word in enumerate(asked.brief.must_not)
    ]
    for place, word in enumerate(asked.brief.must):
        phrase = _phrase(asked, f"must_{place}", "ABC")
        # Signs alone are no words: nothing can be looked for.
        lacks = f"NOT profile.words @@ ({phrase}) AND length(profile.words) >= {LEAST_WORDS} AND numnode({phrase}) > 0"
        if musts_by_meaning:
            # Who has no vector of this space is judged by words alone, as everybody is without an embedder.
            likeness = f"-(profile.vector <#> %(must_vector_{place})s::halfvec)"
            alike = f"CASE WHEN profile.space = %(space)s THEN {likeness} >= {_LEAST_LIKENESS} END"
            lacks += f" AND NOT coalesce({alike}, false)"
        found.append(Constraint(f"must: nothing of {word}", lacks, {f"must_{place}": folded(word)}))
    return found


def _left_over(dimension: str) -> str:
    """What the known shares leave for a value that is not among them, where they are of countries, each in its code.

    Whoever has 95 % of their audience in the US does not have 30 % in Germany. Other dimensions overlap, or are
    spelled in many ways.
    """
    if dimension != "country":
        return "NULL"
    return (
        "(SELECT 1 - sum(part.value::float8) FROM jsonb_each_text(profile.audience -> 'country') AS part"
        " HAVING bool_and(part.key ~ '^[A-Z]{2}$'))"
    )


def _phrase(asked: Asked, parameter: str, weights: str) -> str:
    """A phrase in its own form and in the stems of English and of the brief's languages, as a tsquery that looks at
    parts of these weights only.
    """
    languages = configurations(dict.fromkeys(["en", *asked.brief.languages]))
    forms = " || ".join(f"phraseto_tsquery('{form}', %({parameter})s)" for form in languages)
    if weights == "ABC":
        return forms
    return f"regexp_replace(({forms})::text, '''( |$|\\))', ''':{weights}\\1', 'g')::tsquery"


def _said(start: date, end: date | None) -> str:
    return f"from {start} on" if end is None else f"from {start} to {end}"


def _listed(words: tuple[str, ...]) -> str:
    return " or ".join(words) if len(words) < 3 else f"{', '.join(words[:-1])} or {words[-1]}"
