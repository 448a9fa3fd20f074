"""Totals of families: the same whatever the order and whoever is the root, nothing twice, and absent is never zero."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from engagerr import Workspace
from engagerr.core.content.families import ConceptTotal, FamilyNode, ItemFigure
from engagerr.core.metrics.figures import FigureReader, figures_of_family, sum_figures
from engagerr.core.metrics.insights.clip_onward import WORK
from engagerr.core.metrics.insights.clip_share import family_share, roles
from engagerr.core.metrics.registry import Registry
from hypothesis import given
from hypothesis import strategies as st
from tests.lines import a_figure, an_edge, an_item, bring

NOW = datetime(2026, 11, 1, tzinfo=UTC)
READER = FigureReader()
PLATFORMS = ("youtube", "podcast", "instagram", "facebook", "tiktok", "x")
RELATIONS = ("same_work", "clip_of", "promotes", "part_of", "derived_from")
NAMES = {"views": "play_start", "plays": "play_start", "likes": "likes", "url_clicks": "clicks"}


def figure(metric: str = "views", value: int | None = 1, *, days_ago: int = 0, group: str | None = None) -> ItemFigure:
    concept = NAMES[metric]
    group = None if value is None else group or concept
    number = None if value is None else Decimal(value)
    return ItemFigure(
        metric=metric, reported=number, state="not_reported" if number is None else "value" if number else "zero",
        observed_at=NOW - timedelta(days=days_ago), period_days=0, currency=None, concept=concept, value=number,
        unit="count", grade="same", definition=f"{concept}.rule", sum_group=group,
        spans_break=False,
    )  # fmt: skip


def node(number: int, platform: str, *figures: ItemFigure, **fields: Any) -> FamilyNode:
    values: dict[str, Any] = {
        "id": UUID(int=number), "platform": platform, "native_id": f"n{number}", "account": f"{platform}:@ann",
        "kind": None, "title": None, "url": None, "published_at": NOW - timedelta(days=90 - number),
        "duration_seconds": None, "depth": 1, "edge_id": None, "relation": None, "edge_state": None, "confidence": None,
        "hints_crosspost": False, "figures": figures, **fields,
    }  # fmt: skip
    return FamilyNode(**values)


FIGURES = st.lists(
    st.builds(
        figure,
        st.sampled_from(sorted(NAMES)),
        st.none() | st.integers(0, 10**12),
        days_ago=st.integers(0, 3),
        group=st.sampled_from([None, "play_start in 28 d"]),
    ),
    max_size=4,
    # An item has one figure of a name.
    unique_by=lambda one: one.metric,
)


@st.composite
def families(draw: st.DrawFn) -> tuple[list[FamilyNode], list[int]]:
    """A tree in path order, and for each node the place of its parent (the root's is -1)."""
    count = draw(st.integers(1, 9))
    parents = [-1, *(draw(st.integers(0, place - 1)) for place in range(1, count))]
    nodes = [
        node(
            place + 1,
            draw(st.sampled_from(PLATFORMS)),
            *draw(FIGURES),
            relation=None if place == 0 else draw(st.sampled_from(RELATIONS)),
            hints_crosspost=draw(st.booleans()),
        )
        for place in range(count)
    ]
    return in_path_order(nodes, parents)


def in_path_order(nodes: Sequence[FamilyNode], parents: Sequence[int]) -> tuple[list[FamilyNode], list[int]]:
    """Each node after its parent, with its depth, as the database gives them."""
    order: list[int] = []
    depths: dict[int, int] = {}

    def visit(place: int, depth: int) -> None:
        order.append(place)
        depths[place] = depth
        for child, parent in enumerate(parents):
            if parent == place:
                visit(child, depth + 1)

    visit(parents.index(-1), 1)
    told = [replace(nodes[place], depth=depths[place]) for place in order]
    return told, [-1 if parents[place] == -1 else order.index(parents[place]) for place in order]


def comparable(totals: Sequence[ConceptTotal]) -> dict[tuple[str, str], tuple[Any, ...]]:
    return {
        (one.concept, one.group): (one.value, one.state, one.items, one.missing, one.counted_elsewhere)
        for one in totals
    }


@given(families(), st.randoms(use_true_random=False))
def test_the_order_of_items_and_of_their_figures_says_nothing(
    family: tuple[list[FamilyNode], list[int]], chance: random.Random
) -> None:
    nodes, _ = family
    shuffled = [replace(one, figures=tuple(chance.sample(one.figures, len(one.figures)))) for one in nodes]
    chance.shuffle(shuffled)
    assert READER.total(shuffled) == READER.total(nodes)


@given(families())
def test_what_was_not_reported_adds_nothing_and_is_counted(family: tuple[list[FamilyNode], list[int]]) -> None:
    nodes, _ = family
    known = [replace(one, figures=tuple(f for f in one.figures if f.value is not None)) for one in nodes]
    with_all, with_known = comparable(READER.total(nodes)), comparable(READER.total(known))
    for key, (value, state, items, missing, _) in with_all.items():
        if items == 0:
            assert value is None
            assert state not in {"value", "zero", "estimated"}
        elif key in with_known:
            assert (value, items) == (with_known[key][0], with_known[key][2])
        assert missing <= len(nodes)
    assert {key for key, one in with_known.items() if one[2]} == {key for key, one in with_all.items() if one[2]}


@given(families(), st.data())
def test_a_total_is_the_sum_over_disjoint_parts(
    family: tuple[list[FamilyNode], list[int]], data: st.DataObject
) -> None:
    nodes, _ = family
    flagged = list(figures_of_family(nodes))
    side = {one.id: data.draw(st.integers(0, 2)) for one in nodes}
    parts = [
        sum_figures((figure, doubled) for one, figure, doubled in flagged if side[one.id] == part) for part in range(3)
    ]
    assert added(parts) == added([READER.total(nodes)])


@given(families(), st.data())
def test_families_of_which_one_holds_all_of_meta_add_up(
    family: tuple[list[FamilyNode], list[int]], data: st.DataObject
) -> None:
    nodes, _ = family
    meta = {"instagram", "facebook"}
    here = {one.id: one.platform in meta or data.draw(st.booleans()) for one in nodes}
    parts = [READER.total([one for one in nodes if here[one.id] is held]) for held in (True, False)]
    assert added(parts) == added([READER.total(nodes)])


def added(parts: Sequence[Sequence[ConceptTotal]]) -> dict[tuple[str, str], tuple[Decimal, int, int]]:
    """Value, items and copies by concept and group, of what has a number."""
    sums: dict[tuple[str, str], tuple[Decimal, int, int]] = {}
    for part in parts:
        for one in part:
            if one.items or one.counted_elsewhere:
                value, items, copies = sums.get((one.concept, one.group), (Decimal(0), 0, 0))
                sums[one.concept, one.group] = (
                    value + (one.value or 0), items + one.items, copies + one.counted_elsewhere
                )  # fmt: skip
    return sums


def rerooted(nodes: Sequence[FamilyNode], parents: Sequence[int], root: int) -> tuple[list[FamilyNode], list[int]]:
    """The same family with another rendition of the work as its root: the edges on the way to it are turned."""
    relations = [one.relation for one in nodes]
    turned = list(parents)
    at, came_from, by = root, -1, None
    while at != -1:
        above, turned[at] = turned[at], came_from
        (by, relations[at]), came_from, at = (relations[at], by), at, above
    return in_path_order([replace(one, relation=by) for one, by in zip(nodes, relations, strict=True)], turned)


@given(families(), st.data())
def test_another_rendition_as_the_root_changes_no_total_and_no_role(
    family: tuple[list[FamilyNode], list[int]], data: st.DataObject
) -> None:
    nodes, parents = family
    renditions = [0]
    for place, one in enumerate(nodes):
        if place and one.relation == "same_work" and parents[place] in renditions:
            renditions.append(place)
    turned, _ = rerooted(nodes, parents, data.draw(st.sampled_from(renditions)))
    assert {one.id for one in turned} == {one.id for one in nodes}
    assert READER.total(turned) == READER.total(nodes)
    assert roles(turned) == roles(nodes)
    registry = Registry.load()
    before, after = (family_share(UUID(int=1), one, roles(one), registry) for one in (nodes, turned))
    assert after == before


@given(families())
def test_the_composition_adds_up_to_the_total(family: tuple[list[FamilyNode], list[int]]) -> None:
    nodes, _ = family
    totals = {one.group: one for one in READER.total(nodes) if one.items}
    share = family_share(nodes[0].id, nodes, roles(nodes), Registry.load())
    for group in share.groups:
        values = [part.value for part in group.parts if part.value is not None]
        total = totals.get(group.group)
        assert sum(values, Decimal(0)) == group.total == (total.value if total else 0)
        assert sum(part.with_figure for part in group.parts) == (total.items if total else 0)
        assert all(part.with_figure + part.missing + part.counted_elsewhere == part.items for part in group.parts)
        if group.share is not None:
            assert 0 <= group.share <= 1
            assert sum(part.share or 0 for part in group.parts) == pytest.approx(1)
            made = sum((part.value or 0 for part in group.parts if part.role != WORK), Decimal(0))
            assert group.share == pytest.approx(float(made / group.total))


def test_twins_of_a_clip_on_other_platforms_are_other_audiences() -> None:
    nodes = [
        node(1, "youtube", figure(value=1000)),
        node(2, "instagram", figure(value=300), depth=2, relation="clip_of"),
        node(3, "tiktok", figure(value=200), depth=3, relation="same_work"),
        node(4, "youtube", figure(value=50), depth=3, relation="same_work"),
    ]
    [total] = READER.total(nodes)
    assert (total.value, total.items, total.counted_elsewhere) == (1550, 4, 0)
    assert set(roles(nodes).values()) == {WORK, "clip_of"}
    [group] = family_share(UUID(int=1), nodes, roles(nodes), Registry.load()).groups
    assert group.share == pytest.approx(550 / 1550), "a clip's twin is a clip, and not the work once more"


def test_a_facebook_copy_of_a_reel_is_counted_once() -> None:
    reel = node(1, "instagram", figure(value=300), figure("likes", 30))
    copy = node(
        2, "facebook", figure(value=80), figure("likes", 8), depth=2, relation="same_work", hints_crosspost=True
    )
    likes, plays = READER.total([reel, copy])
    assert (plays.value, plays.items, plays.counted_elsewhere) == (300, 1, 1)
    assert (likes.value, likes.items) == (38, 2), "likes of the two are different people's"
    [alone] = [one for one in READER.total([replace(reel, figures=()), copy]) if one.concept == "play_start"]
    assert alone.value == 80, "what no other figure holds is counted"


def test_views_that_are_not_in_the_sum_hold_no_copy() -> None:
    """The newer name of the reel's plays stands in the sum; it does not have Facebook's in it."""
    reel = node(1, "instagram", figure("views", 300, days_ago=9), figure("plays", 250))
    copy = node(2, "facebook", figure("views", 80), depth=2, relation="same_work", hints_crosspost=True)
    [total] = READER.total([reel, copy])
    assert (total.value, total.items, total.counted_elsewhere) == (330, 2, 0)


def test_of_two_names_at_one_moment_one_stands_in_whatever_order() -> None:
    both = [figure("plays", 7), figure("views", 9)]
    assert READER.total([node(1, "tiktok", *both)]) == READER.total([node(1, "tiktok", *reversed(both))])


def test_a_family_has_the_same_totals_with_its_video_or_its_podcast_as_the_root(
    workspace: Workspace, tmp_path: Path
) -> None:
    def with_root(child: str, parent: str, tag: str) -> tuple[Any, Any]:
        at = {"published_at": "2026-10-01T00:00:00Z"}
        bring(
            workspace, tmp_path,
            an_item(f"podcast:e{tag}", kind="episode", metrics=[a_figure("downloads", 900, "2026-10-30")], **at),
            an_item(f"youtube:v{tag}", kind="long_video", metrics=[a_figure("views", 5000, "2026-10-30")], **at),
            an_item(f"tiktok:c{tag}", kind="short_video", metrics=[a_figure("views", 700, "2026-10-30")], **at),
            an_item(f"instagram:c{tag}", kind="reel", metrics=[a_figure("views")], **at),
            an_edge(f"{child}{tag}", f"{parent}{tag}", "same_work"),
            an_edge(f"tiktok:c{tag}", f"youtube:v{tag}"),
            an_edge(f"instagram:c{tag}", f"tiktok:c{tag}", "same_work"),
        )  # fmt: skip
        [row] = [one for one in workspace.content.families() if f"{parent}{tag}" == f"{one.platform}:{one.native_id}"]
        [share] = workspace.insights.clips(f"tiktok:c{tag}").families
        return row.totals, share.groups

    totals, groups = with_root("youtube:v", "podcast:e", "1")
    assert (totals, groups) == with_root("podcast:e", "youtube:v", "2")
    plays = next(one for one in totals if one.concept == "play_start")
    assert (plays.value, plays.items, plays.missing) == (5700, 2, 1)
    of_plays = next(one for one in groups if one.group == "play_start")
    assert (of_plays.share, of_plays.bound) == (pytest.approx(700 / 5700), "at_least")


@pytest.mark.parametrize("reel_views", [None, 300])
def test_families_reports_and_values_agree_on_what_a_twin_holds(
    workspace: Workspace, tmp_path: Path, reel_views: int | None
) -> None:
    """A reel without a number holds nothing: the plays of its Facebook copy are all that is known, and are kept."""
    at = {"published_at": "2026-10-01T00:00:00Z"}
    counted = [] if reel_views is None else [a_figure("views", reel_views, "2026-10-20")]
    bring(
        workspace, tmp_path,
        an_item("youtube:v", kind="long_video", metrics=[a_figure("views", 1000, "2026-10-20")], **at),
        an_item("instagram:r", kind="reel", metrics=[a_figure("likes", 5, "2026-10-20"), *counted], **at),
        an_item(
            "facebook:r", kind="reel", hints={"is_crosspost": True}, metrics=[a_figure("views", 80, "2026-10-20")], **at
        ),
        an_edge("instagram:r", "youtube:v"), an_edge("facebook:r", "instagram:r", "same_work"),
    )  # fmt: skip
    expected = (1080, 0) if reel_views is None else (1300, 1)
    [row] = workspace.content.families()
    [plays] = [one for one in row.totals if one.concept == "play_start"]
    assert (plays.value, plays.counted_elsewhere) == expected
    [reported] = [one.total for one in workspace.metrics.report(by="family").rows if one.total.concept == "play_start"]
    assert (reported.value, reported.counted_elsewhere) == expected
    [on_facebook] = [
        one for one in workspace.insights.media_value(family="youtube:v").rows
        if one.platform == "facebook" and one.measure == "views"
    ]  # fmt: skip
    assert (on_facebook.figure, on_facebook.counted_elsewhere) == ((80, 0) if reel_views is None else (None, 1))
    [share] = workspace.insights.clips("youtube:v").families
    assert [one.total for one in share.groups if one.group == "play_start"] == [expected[0]]
