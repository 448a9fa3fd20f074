"""Filters: the language they are written in, and that the database answers as the rules of three values say."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from engagerr import InvalidInput, Workspace
from engagerr.core.matching.search.compiling import compile_search
from engagerr.core.matching.search.expression import (
    All,
    Either,
    Node,
    Not,
    Test,
    as_json,
    each_test,
    from_json,
)
from engagerr.core.matching.search.filters import ORDERED, filters, find_filter
from engagerr.core.matching.search.language import BadExpression, parse
from engagerr.core.matching.search.searching import Query, search
from engagerr.core.tenancy import Permission
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
Row = dict[str, Any]
_PROFILES = 60


def _maybe(chance: random.Random, value: Any) -> Any:
    return value if chance.random() < 0.7 else None


def _profile(chance: random.Random, number: int) -> Row:
    """A profile with holes: every figure that there may be none of is missing in three of ten."""
    away = _maybe(chance, date(2027, 3, 1) + timedelta(days=chance.randrange(60)))
    bound = [
        {
            "category": chance.choice(["sports", "beauty"]), "brand": chance.choice([None, "Trailhead"]),
            "countries": chance.choice([[], ["DE"], ["AT", "CH"]]), "from": "2027-01-01", "to": "2027-03-15",
        }
    ]  # fmt: skip
    topics = _maybe(chance, chance.sample(["outdoor", "cooking", "gaming"], chance.randrange(1, 3)))
    return {
        "creator_id": str(uuid4()), "name": f"Creator {number:02}", "status": chance.choice(["active", "prospect"]),
        "do_not_pitch": chance.random() < 0.2, "represented": chance.random() < 0.5, "exclusive": False,
        "country": _maybe(chance, chance.choice(["DE", "AT", "US"])), "topics": topics or [],
        "main_topic": _maybe(chance, chance.choice(["sports", "gaming"])),
        "followers": _maybe(chance, chance.choice([0, 900, 20_000, 450_000])),
        "engagement_by_views": _maybe(chance, chance.choice([0.0, 0.01, 0.03, 0.2])),
        "last_published_at": _maybe(chance, NOW - timedelta(days=chance.choice([1, 14, 200]))),
        "audience": _maybe(chance, {"country": {"DE": chance.choice([0.1, 0.3]), "AT": 0.05}}) or {},
        "rates": _maybe(chance, {"youtube_integration": {"EUR": chance.choice([90_000, 250_000])}}) or {},
        "by_platform": _maybe(chance, {"youtube": {"followers": chance.choice([500, 30_000])}}) or {},
        "unavailable": f"{{[{away},{away + timedelta(days=9)})}}" if away else "{}",
        "away": away, "exclusivities": bound if chance.random() < 0.5 else [],
        "missing": {"followers": chance.choice(["suppressed", "not_observed"])},
    }  # fmt: skip


class Rows(list[Row]):
    """Sixty rows are no line of a report."""

    def __repr__(self) -> str:
        return f"<{len(self)} profiles>"


@pytest.fixture
def rows(workspace: Workspace) -> Rows:
    """Sixty random profiles, written as they are."""
    chance = random.Random(20_261_101)
    made = [_profile(chance, number) for number in range(_PROFILES)]
    with workspace.access.transaction(Permission.EDIT_ROSTER) as session:
        for row in made:
            values = {**row, "tenant_id": workspace.tenant.id, "now": NOW}
            session.execute(
                text("INSERT INTO creators (tenant_id, id, name) VALUES (:tenant_id, :creator_id, :name)"), values
            )
            columns = [name for name in row if name != "away"]
            bound = ", ".join(f"CAST(:{name} AS {_TYPES.get(name, 'text')})" for name in columns)
            session.execute(
                text(
                    f"INSERT INTO creator_profiles (tenant_id, made_at, {', '.join(columns)})"
                    f" VALUES (:tenant_id, :now, {bound})"
                ),
                {
                    name: json.dumps(value) if isinstance(value, dict) or name == "exclusivities" else value
                    for name, value in values.items()
                },
            )
    return Rows(made)


_TYPES = {
    "creator_id": "uuid", "do_not_pitch": "boolean", "represented": "boolean", "exclusive": "boolean",
    "topics": "text[]", "followers": "bigint", "engagement_by_views": "float8", "last_published_at": "timestamptz",
    "audience": "jsonb", "rates": "jsonb", "by_platform": "jsonb", "unavailable": "datemultirange",
    "exclusivities": "jsonb", "missing": "jsonb",
}  # fmt: skip


# The rules, said again in Python: True, False, or None for missing.
def _ordered(value: Any, operator: str, limit: Any) -> bool | None:
    if value is None:
        return None
    return {
        "=": value == limit, "!=": value != limit, "<": value < limit, "<=": value <= limit, ">": value > limit,
        ">=": value >= limit,
    }[operator]  # fmt: skip


def _figure(name: str, row: Row) -> Any:
    if name == "last_post":
        at = row["last_published_at"]
        return None if at is None else (NOW - at) / timedelta(days=1)
    return {
        "followers": row["followers"],
        "engagement.by_views": row["engagement_by_views"],
        "audience.country.DE": row["audience"].get("country", {}).get("DE"),
        "rate.youtube_integration.EUR": row["rates"].get("youtube_integration", {}).get("EUR"),
        "youtube.followers": row["by_platform"].get("youtube", {}).get("followers"),
    }[name]


_UNITS = {"last_post": ("d", 1), "rate.youtube_integration.EUR": ("", 100), "engagement.by_views": ("", 1)}


def _words(values: list[str] | None, operator: str, wanted: tuple[str, ...]) -> bool | None:
    if not values:
        return None
    if operator == "~":
        return any(wanted[0] in value for value in values)
    found = any(value in wanted for value in values)
    return not found if operator == "!=" else found


def _answer(node: Node, row: Row) -> bool | None:
    if isinstance(node, Not):
        inner = _answer(node.part, row)
        return None if inner is None else not inner
    if isinstance(node, (All, Either)):
        answers = [_answer(part, row) for part in node.parts]
        decisive = isinstance(node, Either)
        if decisive in answers:
            return decisive
        return None if None in answers else not decisive
    return _test_answer(node, row)


def _test_answer(test: Test, row: Row) -> bool | None:
    if test.operator in ("known", "missing"):
        return (_figure(test.filter, row) is None) == (test.operator == "missing")
    if test.filter == "do_not_pitch":
        return bool(row["do_not_pitch"])
    if test.filter == "country":
        return _words([row["country"].lower()] if row["country"] else None, test.operator,
                      tuple(value.lower() for value in test.values))  # fmt: skip
    if test.filter == "topic":
        known = [*row["topics"], *([row["main_topic"]] if row["main_topic"] else [])]
        return _words(known, test.operator, test.values)
    if test.filter == "available":
        first, last = (date.fromisoformat(day) for day in test.values[0].split(".."))
        away = row["away"]
        return away is None or away > last or away + timedelta(days=9) <= first
    if test.filter == "conflicts":
        category, country = test.values[:2]
        return any(
            bound["category"] == category and (not bound["countries"] or country in bound["countries"])
            and not ("for Trailhead" in test.values and bound["brand"] == "Trailhead")
            for bound in row["exclusivities"]
        )  # fmt: skip
    unit, scale = _UNITS.get(test.filter, ("", 1))
    return _ordered(_figure(test.filter, row), test.operator, float(test.values[0].removesuffix(unit)) * scale)


_LIMITS = {
    "followers": ["0", "900", "20000"], "engagement.by_views": ["0", "0.01", "0.03"], "last_post": ["0.5d", "30d"],
    "audience.country.DE": ["0.1", "0.2", "0.3"], "rate.youtube_integration.EUR": ["900", "2500", "1000"],
    "youtube.followers": ["500", "1000"],
}  # fmt: skip


@st.composite
def _tests(draw: st.DrawFn) -> Test:
    which = draw(st.sampled_from([*_LIMITS, "country", "topic", "do_not_pitch", "available", "conflicts", "state"]))
    if which in _LIMITS:
        # Ages are moments: nothing is exactly as old as something.
        ways = ["<", "<=", ">", ">="] if which == "last_post" else ["=", "!=", "<", "<=", ">", ">="]
        return Test(which, draw(st.sampled_from(ways)), (draw(st.sampled_from(_LIMITS[which])),))
    if which == "state":
        return Test(draw(st.sampled_from(list(_LIMITS))), draw(st.sampled_from(["known", "missing"])))
    if which == "do_not_pitch":
        return Test(which, "flag")
    if which == "available":
        return Test(which, "range", (draw(st.sampled_from(["2027-03-01..2027-03-10", "2027-04-01..2027-05-30"])),))
    if which == "conflicts":
        brand = draw(st.sampled_from([(), ("for Trailhead",)]))
        category, country = draw(st.sampled_from(["sports", "beauty"])), draw(st.sampled_from(["DE", "US"]))
        return Test(which, "call", (category, country, *brand))
    words = {"country": ["DE", "AT"], "topic": ["outdoor", "gaming", "sports"]}[which]
    operator = draw(st.sampled_from(["=", "!=", "in", *(["~"] if which == "topic" else [])]))
    count = 2 if operator == "in" else 1
    return Test(which, operator, tuple(draw(st.permutations(words))[:count]))


_NODES = st.recursive(
    _tests(),
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: All(tuple(parts))),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: Either(tuple(parts))),
    ),
    max_leaves=6,
)


def _unmarked(rows: list[Row]) -> list[Row]:
    """Those who may be pitched."""
    return [row for row in rows if not row["do_not_pitch"]]


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(node=_NODES)
def test_the_database_answers_as_the_rules_of_three_values_say(workspace: Workspace, rows: Rows, node: Node) -> None:
    asks_for_marked = any(test.filter == "do_not_pitch" for test in each_test(node))
    asked = rows if asks_for_marked else _unmarked(rows)
    answers = {row["creator_id"]: _answer(node, row) for row in asked}
    with workspace.access.transaction(Permission.READ) as session:
        found = search(session, tenant_id=workspace.tenant.id, query=Query(node, limit=1_000), now=NOW)
        everyone = search(
            session, tenant_id=workspace.tenant.id, now=NOW,
            query=Query(node, limit=1_000, include_missing=("*",)),
        )  # fmt: skip
    assert {str(row.creator_id) for row in found.rows} == {one for one, answer in answers.items() if answer is True}
    assert found.total == len(found.rows)
    marked = [row for row in rows if row["creator_id"] not in answers]
    assert found.not_to_be_pitched == sum(_answer(node, row) is True for row in marked)
    assert {str(row.creator_id) for row in everyone.rows} == {one for one, said in answers.items() if said is not False}
    assert everyone.left_out == {}
    unknown = [row for row in asked if answers[row["creator_id"]] is None]
    for name in {test.filter for test in each_test(node) if test.filter in _LIMITS}:
        lacking = sum(_figure(name, row) is None for row in unknown)
        held = any(test.operator not in ("known", "missing") for test in each_test(node) if test.filter == name)
        assert sum(found.left_out.get(name, {}).values()) == (lacking if held else 0)


@given(node=_NODES)
def test_an_expression_and_its_json_are_read_back_as_they_were_written(node: Node) -> None:
    assert str(parse(str(node))) == str(parse(str(parse(str(node)))))
    assert from_json(json.loads(json.dumps(as_json(node)))) == node
    now = {"now": NOW}
    assert compile_search(parse(str(node)), **now).condition.parameters.keys() == (  # type: ignore[arg-type]
        compile_search(from_json(as_json(parse(str(node)))), **now).condition.parameters.keys()  # type: ignore[arg-type]
    )


def test_what_is_left_out_is_counted_by_figure_and_reason(workspace: Workspace, rows: Rows) -> None:
    with workspace.access.transaction(Permission.READ) as session:
        found = search(session, tenant_id=workspace.tenant.id, query=Query.of("followers >= 1k"), now=NOW)
    states = [row["missing"]["followers"] for row in _unmarked(rows) if row["followers"] is None]
    assert states
    assert found.left_out == {"followers": {state: states.count(state) for state in sorted(set(states))}}


def test_a_negated_filter_leaves_out_whom_nothing_is_known_of(workspace: Workspace, rows: Rows) -> None:
    with workspace.access.transaction(Permission.READ) as session:
        found = search(session, tenant_id=workspace.tenant.id, query=Query.of("not followers >= 1k"), now=NOW)
        let_in = search(
            session, tenant_id=workspace.tenant.id, now=NOW,
            query=Query.of("not followers >= 1k", include_missing=["followers"]),
        )  # fmt: skip
    small = sum(row["followers"] is not None and row["followers"] < 1_000 for row in _unmarked(rows))
    unknown = sum(row["followers"] is None for row in _unmarked(rows))
    assert (found.total, let_in.total) == (small, small + unknown)


def test_who_is_not_to_be_pitched_is_found_only_by_a_search_that_asks_for_it(workspace: Workspace, rows: Rows) -> None:
    marked = len(rows) - len(_unmarked(rows))
    assert marked
    with workspace.access.transaction(Permission.READ) as session:
        for where, total, left_out in (
            ("", len(rows) - marked, marked), ("do_not_pitch", marked, 0), ("not do_not_pitch", len(rows) - marked, 0),
            ("do_not_pitch or not do_not_pitch", len(rows), 0),
        ):  # fmt: skip
            found = search(session, tenant_id=workspace.tenant.id, query=Query.of(where), now=NOW)
            assert (found.total, found.not_to_be_pitched) == (total, left_out), where


def test_missing_figures_come_last_whichever_way_one_sorts(workspace: Workspace, rows: Rows) -> None:
    with workspace.access.transaction(Permission.READ) as session:
        for sort, falling in (("followers", False), ("-followers", True)):
            query = Query.of("", sort=sort, limit=1_000)
            shown = [row.followers for row in search(session, tenant_id=workspace.tenant.id, query=query, now=NOW).rows]
            known = [value for value in shown if value is not None]
            assert shown[len(known) :] == [None] * (len(_unmarked(rows)) - len(known))
            assert known == sorted(known, reverse=falling)


def test_pages_follow_each_other_without_gap_or_overlap(workspace: Workspace, rows: Rows) -> None:
    with workspace.access.transaction(Permission.READ) as session:
        pages = [
            search(
                session, tenant_id=workspace.tenant.id, now=NOW,
                query=Query.of("", sort="country", limit=7, offset=offset),
            )
            for offset in range(0, len(rows), 7)
        ]  # fmt: skip
    shown = [row.creator_id for page in pages for row in page.rows]
    assert len(shown) == len(set(shown)) == pages[0].total == len(_unmarked(rows))


def test_there_are_forty_filters_and_every_example_can_be_asked(workspace: Workspace, rows: Rows) -> None:
    assert len(filters()) >= 40
    assert len({one.name for one in filters()}) == len(filters())
    with workspace.access.transaction(Permission.READ) as session:
        for one in filters():
            name = next(iter(each_test(parse(one.example)))).filter
            assert find_filter(name).filter is one, one.example
            sort = f"-{name}" if one.kind in ORDERED else None
            for where in (one.example, f"not ({one.example})"):
                search(session, tenant_id=workspace.tenant.id, query=Query.of(where, sort=sort), now=NOW)


@pytest.mark.parametrize(
    ("expression", "column", "reason"),
    [
        ("followers >=", 13, "expected a value"),
        ("followers >= 3 topic ~ x", 16, "expected and, or, or the end"),
        ("(followers > 3", 15, "expected a closing bracket"),
        ("followers > 3)", 14, "expected and, or, or the end"),
        ("and", 1, "expected a filter"),
        ("not", 4, "expected a filter"),
        ("country in", 11, "expected a value"),
        ("followers is great", 14, "expected known or missing"),
        ("(" * 41, 41, "nested more than 40 deep"),
    ],
)
def test_what_cannot_be_read_is_pointed_at(expression: str, column: int, reason: str) -> None:
    with pytest.raises(BadExpression) as raised:
        parse(expression)
    assert raised.value.facts["column"] == column
    assert reason in raised.value.message


@pytest.mark.parametrize(
    ("expression", "message", "hint"),
    [
        ("country = DE and folowers > 3", "'folowers' (column 18)", "Did you mean followers?"),
        ("followers > 3%", "no value of followers (column 1)", "not a share"),
        ("engagement.by_views > 3", "no value of engagement.by_views", "write 3% or 0.03"),
        ("last_post < 14", "no value of last_post", "14d"),
        ("available 2027-04-30..2027-03-01", "no value of available", "end before they begin"),
        ("topic > 3", "does not go with '>'", "topic ~ outdoor"),
        ("followers ~ x", "does not go with '~'", "followers >= 20k"),
        ("conflicts(sports, Germany)", "no value of conflicts", "two letters"),
        ("youtub.followers > 3", "no platform 'youtub'", "Did you mean youtube.followers?"),
        ("topic.sport > 3%", "no topic 'sport'", "Did you mean topic.sports?"),
        ("safety.joy > 3%", "no flag 'joy'", "One of: adult"),
        ("rate.reel.euros > 3", "names no currency", "rate.reel.EUR"),
        ("rate.youtube_integration.EUR <= cheap", "no value of rate", "amount in EUR"),
        ("not " * 2_000 + "represented", "nested too deeply", "flatter"),
        ("country = Brazil", "'Brazil' is no value of country (column 1)", "Did you mean BR?"),
        ("country in DE, UK", "'UK' is no value of country", "Did you mean GB?"),
        ("country != zz", "'zz' is no value of country", "two letters, such as DE"),
        ("followers > 3 and platform in youtube, instagramm", "'instagramm' is no value", "Did you mean instagram?"),
        ("main_topic = sport", "'sport' is no value of main_topic", "Did you mean sports?"),
        ("main_topic = xyzzy", "'xyzzy' is no value of main_topic", "One of: film"),
        ("language = german", "'german' is no value of language", "Did you mean de?"),
        ("content_language in de, 1337", "'1337' is no value of content_language", "two letters, such as de"),
        ("status = activ", "'activ' is no value of status", "Did you mean active?"),
    ],
)
def test_what_a_filter_cannot_use_is_said_with_a_way_out(expression: str, message: str, hint: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        compile_search(parse(expression), now=NOW)
    assert message in raised.value.message
    assert hint in str(raised.value.hint)


@pytest.mark.parametrize(
    "expression",
    [
        "country in de, BR, xk", "country ~ b", "platform in bluesky, x, YouTube", "main_topic in Sports, news",
        "language in de, fil", "content_language = en-US", "topic = anything", "status = former",
    ],
)  # fmt: skip
def test_values_of_closed_lists_and_of_open_ones_pass(expression: str) -> None:
    assert compile_search(parse(expression), now=NOW).condition.sql


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("country = IN", ("IN",)), ("country in IN, ID", ("IN", "ID")), ("country in ID, in", ("ID", "in")),
        ("country = is", ("is",)), ("country = IS and followers > 3", ("IS",)),
        ("conflicts(sports, IN, for Kettle)", ("sports", "IN", "for Kettle")), ("name ~ or or name ~ and", ("or",)),
    ],
)  # fmt: skip
def test_a_word_of_the_language_is_a_value_where_a_value_must_stand(expression: str, values: tuple[str, ...]) -> None:
    tree = parse(expression)
    assert next(iter(each_test(tree))).values == values
    assert [test.values for test in each_test(parse(str(tree)))] == [test.values for test in each_test(tree)]
    compile_search(tree, now=NOW)


@given(words=st.text(max_size=60))
def test_no_text_makes_anything_but_a_search_or_an_error_in_words(words: str) -> None:
    for expression in (words, f"name ~ {words}", f'name = "{words}"', f"{words} > 3 and (country in {words})"):
        try:
            condition = compile_search(parse(expression), now=NOW).condition
        except InvalidInput:
            continue
        # What was written is a parameter, never a part of the statement.
        assert "'" not in words or words not in condition.sql


_HOSTILE: list[Mapping[str, Any]] = [
    {"filter": "followers", "is": "range", "value": []}, {"filter": "available", "is": "range", "value": []},
    {"filter": "conflicts", "is": "call", "value": []}, {"filter": "followers", "is": "; DROP", "value": [1]},
    {"filter": "followers", "is": ">", "value": [{}]}, {"filter": "x", "is": ">"}, {"any": []}, {"all": 3}, {},
    {"filter": "country", "is": "=", "value": []}, {"not": None}, {"filter": "followers", "is": ">", "value": [True]},
    {"filter": "followers", "is": ">", "value": 1, "more": 2},
]  # fmt: skip


@pytest.mark.parametrize("document", _HOSTILE, ids=str)
def test_json_that_is_no_search_is_refused_in_words(document: Mapping[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        compile_search(from_json(document), now=NOW)


def test_listings_have_no_internal_filters() -> None:
    internal = [one for one in filters() if not one.public]
    assert {"agent", "do_not_pitch", "brand", "rate.{deliverable}.{currency}"} <= {one.name for one in internal}
    with pytest.raises(InvalidInput, match="Listings have no agent"):
        compile_search(parse('agent = "Ann"'), now=NOW, public=True)
    assert compile_search(parse("followers > 3"), now=NOW, public=True).condition.sql


def test_a_figure_that_the_search_does_not_ask_for_cannot_be_let_in() -> None:
    with pytest.raises(InvalidInput, match="does not ask for sentiment"):
        compile_search(parse("followers > 3"), now=NOW, include_missing=["sentiment"])
