"""Adding figures: only what may be added, nothing twice, and absent stays absent through every sum."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.content.families import ConceptTotal, ItemFigure
from engagerr.core.metrics.figures import FigureReader, one_per_group, sum_figures
from hypothesis import given
from hypothesis import strategies as st
from tests.lines import a_figure, an_item, bring

NOW = datetime(2026, 11, 1, tzinfo=UTC)
WITHOUT_VALUE = ("not_reported", "not_applicable", "suppressed", "expired", "permission_denied")


def a(concept: str | None = "reaction", value: int | str | None = 1, **fields: Any) -> ItemFigure:
    number = None if value is None else Decimal(value)
    values: dict[str, Any] = {
        "metric": "likes",
        "reported": number,
        "observed_at": NOW,
        "period_days": 0,
        "currency": None,
        "state": "not_reported" if number is None else "value" if number else "zero",
        "concept": concept,
        "value": number,
        "unit": "count",
        "grade": "same",
        "definition": "d",
        "sum_group": None if number is None else concept,
        "spans_break": False,
        **fields,
    }
    return ItemFigure(**values)


def summed(*figures: ItemFigure) -> list[ConceptTotal]:
    return list(sum_figures((figure, False) for figure in figures))


def test_figures_of_one_group_add_up() -> None:
    [total] = summed(a(value=3), a(value=0), a(value="0.5"))
    assert (total.value, total.items, total.missing, total.state) == (Decimal("3.5"), 3, 0, "value")


def test_missing_figures_are_counted_beside_the_sum_and_add_nothing() -> None:
    [total] = summed(a(value=3), a(value=None), a(value=None, state="expired"))
    assert (total.value, total.items, total.missing) == (3, 1, 2)


@pytest.mark.parametrize("states", [("suppressed",), ("suppressed", "suppressed"), ("suppressed", "expired")])
def test_of_missing_figures_only_the_total_is_missing_and_says_why(states: tuple[str, ...]) -> None:
    [total] = summed(*(a(value=None, state=state) for state in states))
    why = states[0] if len(set(states)) == 1 else "not_reported"
    assert (total.value, total.state, total.items, total.missing) == (None, why, 0, len(states))


def test_zero_is_the_sum_of_zeros_only() -> None:
    assert [(total.value, total.state) for total in summed(a(value=0), a(value=0))] == [(0, "zero")]
    assert [(total.value, total.state) for total in summed(a(value=-2), a(value=2))] == [(0, "zero")]


def test_an_estimate_makes_the_sum_an_estimate_wherever_it_stands() -> None:
    for figures in ((a(value=1), a(value=2, state="estimated")), (a(value=2, state="estimated"), a(value=1))):
        [total] = summed(*figures)
        assert (total.value, total.state) == (3, "estimated")


def test_different_groups_of_a_concept_stay_apart() -> None:
    totals = summed(
        a("revenue", 1, sum_group="revenue/EUR", currency="EUR"),
        a("revenue", 2, sum_group="revenue/USD", currency="USD"),
        a("revenue", 4, sum_group="revenue/EUR", currency="EUR"),
    )
    assert [(total.group, total.value, total.currency) for total in totals] == [
        ("revenue/EUR", 5, "EUR"), ("revenue/USD", 2, "USD"),
    ]  # fmt: skip


def test_what_has_no_group_and_what_has_no_concept_is_not_added() -> None:
    assert summed(a("watch_ratio", 5, sum_group=None), a(None, 5, sum_group=None)) == []


def test_a_figure_that_another_one_holds_is_left_out_and_counted() -> None:
    [total] = sum_figures([(a(value=10), False), (a(value=3), True)])
    assert (total.value, total.items, total.counted_elsewhere) == (10, 1, 1)
    [alone] = sum_figures([(a(value=3), True)])
    assert (alone.value, alone.items, alone.counted_elsewhere) == (None, 0, 1)


def test_a_total_of_figures_that_are_counted_elsewhere_does_not_claim_to_hold_a_value() -> None:
    [alone] = sum_figures([(a(value=3), True)])
    assert alone.state in WITHOUT_VALUE


def test_the_mark_of_a_change_of_rule_is_carried_to_the_sum() -> None:
    [total] = summed(a(value=1), a(value=1, spans_break=True), a(value=1))
    assert total.spans_break
    [clean] = sum_figures([(a(value=1), False), (a(value=1, spans_break=True), True)])
    assert not clean.spans_break, "what was left out marks nothing"


def test_of_two_names_of_one_thing_the_newer_counts() -> None:
    old = a(value=5, metric="comments", observed_at=NOW - timedelta(days=9))
    new = a(value=4, metric="comments_added")
    assert one_per_group([old, new]) == one_per_group([new, old]) == [new]


def test_a_name_without_a_number_does_not_stand_beside_one_with() -> None:
    missing = a(value=None, metric="comments_added", observed_at=NOW + timedelta(days=1))
    assert one_per_group([missing, a(value=4)]) == [a(value=4)]
    assert one_per_group([missing]) == [missing]
    assert one_per_group([missing, replace(missing, metric="x")]) == [missing]


def test_groups_of_one_concept_are_kept_each() -> None:
    figures = [a("revenue", 1, sum_group="revenue/EUR"), a("revenue", 2, sum_group="revenue/USD")]
    assert one_per_group(figures) == figures


_FIGURES = st.builds(
    a,
    st.sampled_from(["reaction", "comment", None]),
    st.none() | st.integers(0, 10**12) | st.decimals(0, 10**6, places=3).map(str),
    metric=st.sampled_from(["likes", "shares"]),
    spans_break=st.booleans(),
)


@given(st.lists(st.tuples(_FIGURES, st.booleans()), max_size=20))
def test_a_sum_invents_nothing_and_loses_nothing(figures: list[tuple[ItemFigure, bool]]) -> None:
    totals = {total.concept: total for total in sum_figures(figures)}
    for concept in ("reaction", "comment"):
        own = [(figure, doubled) for figure, doubled in figures if figure.concept == concept]
        counted = [figure.value for figure, doubled in own if figure.value is not None and not doubled]
        assert (concept in totals) == bool(own)
        if own:
            total = totals[concept]
            assert total.value == (sum(counted, Decimal(0)) if counted else None)
            assert total.items == len(counted)
            assert total.missing == len([figure for figure, _ in own if figure.value is None])
            assert total.counted_elsewhere == len([f for f, doubled in own if doubled and f.value is not None])


@given(st.lists(_FIGURES, max_size=12), st.randoms())
def test_the_order_of_figures_does_not_matter(figures: list[ItemFigure], chance: Any) -> None:
    shuffled = list(figures)
    chance.shuffle(shuffled)
    values = [(total.concept, total.group, total.value, total.items, total.missing) for total in summed(*figures)]
    assert values == [(t.concept, t.group, t.value, t.items, t.missing) for t in summed(*shuffled)]


# --- read from the database -----------------------------------------------------------------------------------------


def newest(engagerr: Engagerr, workspace: Workspace, *, until: datetime | None = None) -> dict[str, ItemFigure]:
    [item] = workspace.content.list()
    with engagerr.database.transaction(workspace.tenant.id) as session:
        found = FigureReader().figures(session, [item.id], until=until)
    return {figure.metric: figure for figure in found.get(item.id, ())}


def test_the_headline_of_a_metric_is_its_newest_lifetime_number(
    workspace: Workspace, engagerr: Engagerr, tmp_path: Path
) -> None:
    bring(
        workspace,
        tmp_path,
        an_item(
            "youtube:v",
            published_at="2026-01-01T00:00:00Z",
            metrics=[
                a_figure("views", 100, "2026-09-01"),
                a_figure("views", 300, "2026-10-01"),
                a_figure("views", 9, "2026-10-02", period_days=28),
                a_figure("views", at="2026-10-03", state="expired"),
                a_figure("likes", 5, "2026-10-01", period_days=7),
                a_figure("likes", 25, "2026-10-01", period_days=28),
                a_figure("shares", at="2026-09-01", state="expired"),
                a_figure("shares", at="2026-10-01", state="suppressed"),
            ],
        ),
    )
    found = newest(engagerr, workspace)
    assert (found["views"].reported, found["views"].period_days) == (300, 0)
    assert (found["likes"].reported, found["likes"].period_days) == (25, 28)
    assert found["likes"].sum_group is not None
    assert found["likes"].sum_group.endswith("28 d")
    assert (found["shares"].reported, found["shares"].state, found["shares"].sum_group) == (None, "suppressed", None)


def test_until_shows_what_was_known_then(workspace: Workspace, engagerr: Engagerr, tmp_path: Path) -> None:
    bring(
        workspace,
        tmp_path,
        an_item("youtube:v", metrics=[a_figure("views", 100, "2026-09-01"), a_figure("views", 300, "2026-10-01")]),
    )
    assert newest(engagerr, workspace, until=datetime(2026, 9, 15, tzinfo=UTC))["views"].reported == 100
    assert newest(engagerr, workspace, until=datetime(2026, 10, 1, tzinfo=UTC))["views"].reported == 300
    assert newest(engagerr, workspace, until=datetime(2026, 8, 1, tzinfo=UTC)) == {}


def test_of_no_items_there_are_no_figures(workspace: Workspace, engagerr: Engagerr) -> None:
    with engagerr.database.transaction(workspace.tenant.id) as session:
        assert FigureReader().figures(session, []) == {}
