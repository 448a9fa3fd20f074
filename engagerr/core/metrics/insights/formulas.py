"""The named engagement rates: what each divides by what, over which window, and who published it; tiers of accounts.

The facts stand in `formulas.toml`. A rate is a formula, a window and a platform, and compares only with its like.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

import msgspec

from engagerr.core.errors import Broken, InvalidInput
from engagerr.core.metrics.definition import Evidence

TERMS = ("likes", "comments", "shares", "saves", "clicks")


class Per(StrEnum):
    """What a rate divides by: the item's headline plays, its reach, or the followers of the account."""

    VIEWS = "views"
    REACH = "reach"
    FOLLOWERS = "followers"


class Combine(StrEnum):
    """How the items of the window become one figure."""

    RATIO_OF_SUMS = "ratio_of_sums"
    MEAN_OF_RATIOS = "mean_of_ratios"
    MEDIAN_OF_RATIOS = "median_of_ratios"


class BadFormulas(Broken):
    """The packaged formulas contradict themselves."""


@dataclass(frozen=True, slots=True)
class Window:
    """The last `days` days, or the last `posts` posts; one of the two is None."""

    days: int | None
    posts: int | None

    def __str__(self) -> str:
        return f"{self.days} d" if self.posts is None else f"{self.posts} posts"


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A formula on some platforms. `minimum` items at least; `youngest_days` is the age from which figures count."""

    platforms: tuple[str, ...]
    terms: tuple[str, ...]
    per: Per
    combine: Combine
    days: int | None = None
    posts: int | None = None
    window_stated: bool = True
    minimum: int = 1
    minimum_followers: int = 0
    youngest_days: int = 0

    @property
    def window(self) -> Window:
        """The window as one value."""
        return Window(self.days, self.posts)

    @property
    def item_inputs(self) -> tuple[str, ...]:
        """The figures of an item that it needs."""
        return self.terms if self.per is Per.FOLLOWERS else (*self.terms, self.per.value)

    @property
    def in_words(self) -> str:
        """Such as "(likes + comments) / views, ratio of sums"."""
        terms = " + ".join(self.terms)
        above = f"({terms})" if len(self.terms) > 1 else terms
        return f"{above} / {self.per.value}, {self.combine.value.replace('_', ' ')}"


class Formula(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A named engagement rate with its rules, one a group of platforms, and where it was published."""

    id: str
    title: str
    vendor: str
    version: str
    source: Evidence
    rule: tuple[Rule, ...]
    note: str | None = None

    def rule_for(self, platform: str) -> Rule | None:
        """The rule for a platform, or None where the vendor publishes none."""
        return next((rule for rule in self.rule if platform in rule.platforms), None)

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms that it is defined for."""
        return tuple(platform for rule in self.rule for platform in rule.platforms)


class Tier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A size of account: up to but without `below` followers; the last tier has no end."""

    name: str
    below: int | None = None


class Tiers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tiers, smallest first, and who draws the bounds there."""

    source: Evidence
    bounds: tuple[Tier, ...]


def formulas() -> tuple[Formula, ...]:
    """Every named formula, ours first."""
    return _packaged()[0]


def find_formula(name: str) -> Formula:
    """The formula with this id; `InvalidInput` with the nearest names where there is none."""
    known = {formula.id: formula for formula in formulas()}
    found = known.get(name.strip().casefold())
    if found is None:
        near = get_close_matches(name.casefold(), known, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"One of: {', '.join(known)}."
        raise InvalidInput(f"There is no formula {name!r}.", hint=hint, facts={"known": list(known)})
    return found


def tiers() -> Tiers:
    """The sizes of accounts."""
    return _packaged()[1]


def tier_of(followers: float | None) -> str | None:
    """The tier of an account with so many followers; None where they are not known."""
    if followers is None or followers != followers:  # noqa: PLR0124  NaN
        return None
    return next(tier.name for tier in tiers().bounds if tier.below is None or followers < tier.below)


def read_formulas(text: str) -> tuple[tuple[Formula, ...], Tiers]:
    """Formulas and tiers from the text of a TOML file; `BadFormulas` where they contradict themselves."""
    try:
        tables: dict[str, Any] = tomllib.loads(text)
        tiers = msgspec.convert(tables.pop("tiers"), Tiers)
        found = tuple(msgspec.convert({"id": name, **entry}, Formula) for name, entry in tables.items())
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, KeyError) as error:
        raise BadFormulas(f"The formulas cannot be read: {error}.") from error
    for formula in found:
        _refuse_contradictions(formula)
    bounds = [tier.below for tier in tiers.bounds]
    ends = [bound for bound in bounds[:-1] if bound is not None]
    if bounds[-1] is not None or len(ends) != len(bounds) - 1 or ends != sorted(set(ends)):
        raise BadFormulas("The tiers do not follow one another up to an open end.")
    return found, tiers


def _refuse_contradictions(formula: Formula) -> None:
    if len(set(formula.platforms)) != len(formula.platforms):
        raise BadFormulas(f"{formula.id} has two rules for one platform.")
    for rule in formula.rule:
        if (rule.days is None) == (rule.posts is None):
            raise BadFormulas(f"{formula.id}: a rule has a window of days or of posts, one of them.")
        if not rule.terms or set(rule.terms) - set(TERMS):
            raise BadFormulas(f"{formula.id}: terms are some of {', '.join(TERMS)}.")
        if not 1 <= rule.minimum <= (rule.posts or rule.minimum):
            raise BadFormulas(f"{formula.id}: the minimum does not fit into the window.")


@cache
def _packaged() -> tuple[tuple[Formula, ...], Tiers]:
    return read_formulas((resources.files(__package__) / "formulas.toml").read_text("utf-8"))
