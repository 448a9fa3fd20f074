"""A tree of tests as one SQL condition over `profile`, in three values: true, false, and missing.

A test of a missing figure is NULL, and so is its negation; a row is found where the whole is true, and left out for
what is missing where the whole is NULL. Nothing that somebody wrote stands in the SQL itself: names come from the
registry, values are parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engagerr.core.errors import InvalidInput
from engagerr.core.matching.condition import Condition
from engagerr.core.matching.search.closed import why_not
from engagerr.core.matching.search.expression import Either, Node, Not, Test, each_test
from engagerr.core.matching.search.filters import ORDERED, Filter, Found, Kind, find_filter
from engagerr.core.matching.search.values import bad_value, moment_before, read_days, read_flag, read_value

EVERY_FIGURE = "*"
# What `missing` says where a row has no reason of its own: the source spoke of the matter, and not of this.
_UNSTATED = "not_reported"
_MOST_TESTS = 200


@dataclass(frozen=True, slots=True)
class Leaf:
    """One figure that the tree asks for: SQL of whether it is missing, and of why."""

    name: str
    is_missing: str
    state: str


@dataclass(frozen=True, slots=True)
class Compiled:
    """`condition` is true of the rows meant and NULL where that cannot be said; `leaves` are the figures it reads."""

    condition: Condition
    leaves: tuple[Leaf, ...]
    needs_terms: tuple[str, ...]


@dataclass(slots=True)
class _Maker:
    now: datetime
    include: frozenset[str]
    prefix: str
    parameters: dict[str, Any] = field(default_factory=dict)

    def bound(self, value: Any) -> str:
        name = f"{self.prefix}{len(self.parameters)}"
        self.parameters[name] = value
        return f"%({name})s"


def compile_search(
    node: Node,
    *,
    now: datetime,
    include_missing: Collection[str] = (),
    public: bool = False,
    prefix: str = "filter_",
) -> Compiled:
    """The tree as a condition.

    `include_missing` names figures (as written in the tree; "*" is all) whose absence lets a row in instead of leaving
    it out. `public` refuses what a listing of the marketplace does not have. Raises `InvalidInput` for unknown filters,
    operators that a filter does not have, and values that it cannot use.
    """
    tests = list(each_test(node))
    if len(tests) > _MOST_TESTS:
        raise InvalidInput(f"The search has {len(tests)} tests.", hint=f"At most {_MOST_TESTS} are taken.")
    asked = {test.filter: find_filter(test.filter, column=test.column) for test in tests}
    if public and (hidden := [name for name, found in asked.items() if not found.filter.public]):
        raise InvalidInput(
            f"Listings have no {hidden[0]}.", hint="Only what a listing shows can be searched there: leave it out."
        )
    include = frozenset(asked) if EVERY_FIGURE in include_missing else frozenset(include_missing)
    if unasked := sorted(include - set(asked)):
        raise InvalidInput(
            f"The search does not ask for {unasked[0]}.", hint=f"It asks for: {', '.join(sorted(asked)) or 'nothing'}."
        )
    maker = _Maker(now, include, prefix)
    sql = _node(node, maker, negated=False)
    held = {test.filter for test in tests if test.operator not in ("known", "missing")} - include
    leaves = tuple(leaf for name, found in asked.items() if name in held and (leaf := _leaf(found, maker)) is not None)
    needs = tuple(name for name, found in asked.items() if found.filter.terms)
    return Compiled(Condition(sql, maker.parameters), leaves, needs)


def _node(node: Node, maker: _Maker, *, negated: bool) -> str:
    """Negations go down to the tests, so that a missing figure can be let in on either side of them."""
    if isinstance(node, Test):
        return _literal(node, maker, negated=negated)
    if isinstance(node, Not):
        return _node(node.part, maker, negated=not negated)
    parts = [_node(part, maker, negated=negated) for part in node.parts]
    if not parts:
        return "false" if negated else "true"
    joined = " OR " if isinstance(node, Either) != negated else " AND "
    return f"({joined.join(parts)})"


def _literal(test: Test, maker: _Maker, *, negated: bool) -> str:
    found = find_filter(test.filter, column=test.column)
    if test.operator in ("known", "missing"):
        is_null = f"{_figure(found, maker)} IS {'NULL' if (test.operator == 'missing') != negated else 'NOT NULL'}"
        return f"({is_null})"
    sql = f"({_test(found, test, maker)})"
    if negated:
        sql = f"(NOT {sql})"
    return f"coalesce({sql}, true)" if test.filter in maker.include else sql


def _figure(found: Found, maker: _Maker) -> str:
    """The filter's SQL with its parts as parameters."""
    parts = [f"CAST({maker.bound(part)} AS text)" for part in found.parts]
    known = found.filter
    if known.kind is Kind.CALL or known.kind is Kind.RANGE:
        return "true"
    return known.sql.format(*parts) if parts else known.sql


def _test(found: Found, test: Test, maker: _Maker) -> str:
    known = found.filter
    if test.operator == "=" and known.kind is Kind.FLAG and len(test.values) == 1:
        holds = _figure(found, maker)
        return holds if read_flag(found, test.values[0], test.column) else f"NOT {holds}"
    if known.kind is Kind.RANGE and test.operator in ("in", "=") and len(test.values) == 1:
        test = Test(test.filter, "range", test.values, test.column)
    if test.operator not in known.operators:
        raise _bad_operator(found, test)
    if known.kind is Kind.FLAG:
        return _figure(found, maker)
    if not test.values:
        raise bad_value(found, "", f"Such as: {known.example}.", test.column)
    return _COMPILED[known.kind](found, test, maker)


def _bad_operator(found: Found, test: Test) -> InvalidInput:
    at = "" if test.column is None else f" (column {test.column})"
    names = {"flag": "nothing", "range": "FROM..TO", "call": "(…)"}
    known = ", ".join(names.get(one, one) for one in found.filter.operators)
    return InvalidInput(
        f"{found.written} does not go with {names.get(test.operator, test.operator)!r}{at}.",
        hint=f"It goes with {known}. Such as: {found.filter.example}.",
        facts={"filter": found.written, "operator": test.operator, "column": test.column},
    )


def _ordered(found: Found, test: Test, maker: _Maker) -> str:
    if test.operator == "in":
        parts = [_within(found, value, test.column, maker) for value in test.values]
        return " OR ".join(parts)
    return _compared(found, test.operator, read_value(found, test.values[0], test.column), maker)


def _within(found: Found, value: str, column: int | None, maker: _Maker) -> str:
    low, dots, high = value.partition("..")
    if not dots:
        return _compared(found, "=", read_value(found, low, column), maker)
    lowest = _compared(found, ">=", read_value(found, low, column), maker)
    return f"({lowest} AND {_compared(found, '<=', read_value(found, high, column), maker)})"


# An age is the larger, the earlier the moment is.
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "<>"}


def _compared(found: Found, operator: str, value: Any, maker: _Maker) -> str:
    if found.filter.kind is Kind.AGE:
        moment = moment_before(maker.now, value)
        column = f"CAST({_figure(found, maker)} AS timestamptz)"
        return f"{column} {_TURNED[operator]} CAST({maker.bound(moment)} AS timestamptz)"
    sql = "<>" if operator == "!=" else operator
    kind = {Kind.DATE: "date", Kind.MONEY: "bigint"}.get(found.filter.kind, "float8")
    return f"{_figure(found, maker)} {sql} CAST({maker.bound(value)} AS {kind})"


def _read_words(found: Found, test: Test) -> list[str]:
    """The words of a test; one that the filter can never have is refused, unless only a part of a word is given."""
    for value in test.values if test.operator != "~" else ():
        if (hint := why_not(found.filter.name, value)) is not None:
            raise bad_value(found, value, hint, test.column)
    return [read_value(found, value, test.column) for value in test.values]


def _word(found: Found, test: Test, maker: _Maker) -> str:
    column = f"lower({_figure(found, maker)})"
    values = _read_words(found, test)
    if test.operator == "~":
        return f"strpos({column}, {maker.bound(values[0])}) > 0"
    if test.operator == "!=":
        return f"{column} <> {maker.bound(values[0])}"
    return f"{column} = ANY (CAST({maker.bound(values)} AS text[]))"


def _words(found: Found, test: Test, maker: _Maker) -> str:
    column = _figure(found, maker)
    values = _read_words(found, test)
    if test.operator == "~":
        among = f"strpos(lower(one), {maker.bound(values[0])}) > 0"
    else:
        among = f"lower(one) = ANY (CAST({maker.bound(values)} AS text[]))"
    exists = f"EXISTS (SELECT FROM unnest({column}) AS one WHERE {among})"
    if test.operator == "!=":
        exists = f"NOT {exists}"
    if found.filter.missing is None:
        return exists
    return f"CASE WHEN {column} IS NOT NULL THEN {exists} END"


def _days(found: Found, value: str, column: int | None, maker: _Maker) -> str:
    since, until = read_days(found, value, column)
    return f"daterange(CAST({maker.bound(since)} AS date), CAST({maker.bound(until)} AS date), '[]')"


def _conflicts(found: Found, test: Test, maker: _Maker) -> str:
    """conflicts(CATEGORY, COUNTRY…, FROM..TO, for BRAND): what follows the category is told apart by how it looks."""
    category, *rest = test.values
    brand = next((one[4:].casefold() for one in rest if one.startswith("for ")), None)
    days = next((one for one in rest if one[:1].isdigit()), None)
    countries = [one.upper() for one in rest if not one.startswith("for ") and not one[:1].isdigit()]
    if wrong := [one for one in countries if len(one) != 2 or not one.isalpha()]:
        raise bad_value(found, wrong[0], "Countries are two letters, such as DE.", test.column)
    return found.filter.sql.format(
        category=f"CAST({maker.bound(category.casefold())} AS text)",
        countries=f"CAST({maker.bound(countries)} AS text[])",
        range="NULL::daterange" if days is None else _days(found, days, test.column, maker),
        brand=f"CAST({maker.bound(brand)} AS text)",
    )


def _away(found: Found, test: Test, maker: _Maker) -> str:
    return found.filter.sql.format(range=_days(found, test.values[0], test.column, maker))


_COMPILED: Mapping[Kind, Callable[[Found, Test, _Maker], str]] = {
    **dict.fromkeys(ORDERED, _ordered),
    Kind.WORD: _word,
    Kind.WORDS: _words,
    Kind.RANGE: _away,
    Kind.CALL: _conflicts,
}


def _leaf(found: Found, maker: _Maker) -> Leaf | None:
    key = found.filter.missing
    if key is None:
        return None
    figure = _figure(found, maker)
    stated = f"CAST({maker.bound(key)} AS text)"
    return Leaf(found.written, f"{figure} IS NULL", f"coalesce(profile.missing ->> {stated}, '{_UNSTATED}')")


def sort_key(name: str, *, now: datetime, prefix: str = "sort_") -> tuple[str, Mapping[str, Any], Filter]:
    """SQL to sort by a filter's figure, its parameters, and the filter. `InvalidInput` for one that has no order."""
    found = find_filter(name)
    if found.filter.kind not in ORDERED and found.filter.kind is not Kind.WORD:
        raise InvalidInput(
            f"Creators cannot be sorted by {name}.", hint="Sort by a figure, such as followers, or by name."
        )
    maker = _Maker(now, frozenset(), prefix)
    sql = _figure(found, maker)
    if found.filter.kind is Kind.WORD:
        sql = f"lower({sql})"
    elif found.filter.kind is Kind.AGE:
        # The younger, the smaller: an age grows as the moment falls back.
        sql = f"-extract(epoch FROM CAST({sql} AS timestamptz))"
    return sql, maker.parameters, found.filter
