"""Families: one piece of work wherever it was published, with totals in which nothing is counted twice."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from engagerr import Workspace
from engagerr.core.content.families import ConceptTotal
from engagerr.core.errors import NotFound
from tests.lines import a_figure, an_edge, an_item, bring

PUBLISHED = "2026-09-14T06:00:00Z"


def an_episode(name: str, views: int | None = None, *, kind: str = "long_video", **fields: Any) -> dict[str, Any]:
    metrics = fields.pop("metrics", [a_figure("views", views, "2026-10-01")] if views is not None else [])
    return an_item(name, kind=kind, published_at=fields.pop("published_at", PUBLISHED), metrics=metrics, **fields)


def totals(workspace: Workspace, concept: str) -> list[ConceptTotal]:
    [family] = workspace.content.families()
    return [total for total in family.totals if total.concept == concept]


def concept_of(workspace: Workspace, name: str, metric: str) -> str:
    return next(str(row.standard.concept) for row in workspace.metrics.show(name) if row.metric == metric)


def test_a_family_counts_its_items_platforms_and_relations(workspace: Workspace, tmp_path: Path) -> None:
    bring(
        workspace, tmp_path,
        an_episode("podcast:1", kind="episode", title="Episode 1"), an_episode("youtube:v"),
        an_episode("tiktok:c", kind="short_video"), an_episode("x:p", kind="post"), an_episode("youtube:alone"),
        an_edge("youtube:v", "podcast:1", "same_work"), an_edge("tiktok:c", "youtube:v"),
        an_edge("x:p", "podcast:1", "promotes"),
    )  # fmt: skip
    [family] = workspace.content.families()
    assert (family.title, family.platform, family.native_id, family.creator) == ("Episode 1", "podcast", "1", "Ann Lee")
    assert (family.items, family.platforms) == (4, ("podcast", "tiktok", "x", "youtube"))
    assert family.relations == {"same_work": 1, "clip_of": 1, "promotes": 1}


def test_totals_add_what_may_be_added_and_count_what_is_missing(workspace: Workspace, tmp_path: Path) -> None:
    bring(
        workspace, tmp_path,
        an_episode("youtube:v", 1000), an_episode("youtube:s", 200, kind="short_video"),
        an_episode("youtube:m", metrics=[a_figure("views", state="suppressed")]), an_episode("youtube:n"),
        *(an_edge(f"youtube:{name}", "youtube:v") for name in "smn"),
    )  # fmt: skip
    views = totals(workspace, concept_of(workspace, "youtube:v", "views"))
    assert sum(total.value or 0 for total in views) in (1000, 1200)
    assert all(total.missing == 1 for total in views)
    assert sum(total.items for total in views) <= 2
    assert all(total.value != 0 for total in views)


def test_what_is_missing_everywhere_is_missing_in_the_total(workspace: Workspace, tmp_path: Path) -> None:
    bring(
        workspace, tmp_path,
        an_episode("youtube:v", metrics=[a_figure("likes", state="expired")]),
        an_episode("youtube:s", metrics=[a_figure("likes", state="suppressed")]), an_edge("youtube:s", "youtube:v"),
    )  # fmt: skip
    [total] = totals(workspace, concept_of(workspace, "youtube:v", "likes"))
    assert (total.value, total.state, total.items, total.missing) == (None, "not_reported", 0, 2)


def test_a_zero_that_was_reported_is_a_zero(workspace: Workspace, tmp_path: Path) -> None:
    bring(
        workspace, tmp_path, an_episode("youtube:v", 0), an_episode("youtube:w", 0), an_edge("youtube:w", "youtube:v")
    )
    [total] = totals(workspace, concept_of(workspace, "youtube:v", "views"))
    assert (total.value, total.state, total.items) == (0, "zero", 2)


def crosspost(**fields: Any) -> dict[str, Any]:
    return an_episode("facebook:f", 300, kind="reel", hints={"is_crosspost": True}, **fields)


def test_a_facebook_copy_that_instagrams_figure_holds_is_counted_once(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, an_episode("instagram:i", 1000, kind="reel"), crosspost(),
          an_edge("facebook:f", "instagram:i", "same_work"))  # fmt: skip
    views = totals(workspace, concept_of(workspace, "instagram:i", "views"))
    assert sum(total.value or 0 for total in views) == 1000
    assert sum(total.counted_elsewhere for total in views) == 1
    assert sum(total.items for total in views) == 1


def test_a_facebook_video_of_its_own_is_added(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, an_episode("instagram:i", 1000, kind="reel"), an_episode("facebook:f", 300, kind="reel"),
          an_edge("facebook:f", "instagram:i", "same_work"))  # fmt: skip
    views = [
        total for total in workspace.content.families()[0].totals if "views" in total.concept or "play" in total.concept
    ]
    assert sum(total.value or 0 for total in views) == 1300
    assert sum(total.counted_elsewhere for total in views) == 0


def test_a_crosspost_without_its_instagram_original_is_added(workspace: Workspace, tmp_path: Path) -> None:
    bring(
        workspace, tmp_path, an_episode("youtube:v", 1000), crosspost(), an_edge("facebook:f", "youtube:v", "same_work")
    )
    [family] = workspace.content.families()
    assert sum(total.counted_elsewhere for total in family.totals) == 0
    assert sum(total.value or 0 for total in family.totals) == 1300


def test_a_crosspost_is_not_taken_off_when_instagram_reported_nothing(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, an_episode("instagram:i", kind="reel", metrics=[a_figure("views", state="suppressed")]),
          crosspost(), an_edge("facebook:f", "instagram:i", "same_work"))  # fmt: skip
    [family] = workspace.content.families()
    # Nothing holds Facebook's views then: leaving them out would lose them.
    assert sum(total.value or 0 for total in family.totals) == 300


def test_only_views_of_a_crosspost_are_in_instagrams_figure(workspace: Workspace, tmp_path: Path) -> None:
    def liked(name: str, likes: int, **fields: Any) -> dict[str, Any]:
        return an_episode(name, kind="reel", metrics=[a_figure("likes", likes, "2026-10-01")], **fields)

    bring(workspace, tmp_path, liked("instagram:i", 50), liked("facebook:f", 7, hints={"is_crosspost": True}),
          an_edge("facebook:f", "instagram:i", "same_work"))  # fmt: skip
    likes = totals(workspace, concept_of(workspace, "instagram:i", "likes"))
    assert sum(total.value or 0 for total in likes) == 57


def test_figures_of_different_sum_groups_stay_apart(workspace: Workspace, tmp_path: Path) -> None:
    money = [a_figure("estimated_revenue", value, "2026-10-01", currency=currency)
             for value, currency in ((5, "EUR"), (7, "USD"))]  # fmt: skip
    bring(
        workspace, tmp_path,
        an_episode("youtube:v", metrics=[money[0]]), an_episode("youtube:w", metrics=[money[1]]),
        an_episode("youtube:x", metrics=[money[0]]),
        an_edge("youtube:w", "youtube:v", "part_of"), an_edge("youtube:x", "youtube:v", "part_of"),
    )  # fmt: skip
    revenue = totals(workspace, concept_of(workspace, "youtube:v", "estimated_revenue"))
    assert [(total.value, total.currency) for total in revenue] == [(10, "EUR"), (7, "USD")]
    assert len({total.group for total in revenue}) == 2


def test_a_part_of_an_items_life_is_not_added_to_the_whole_life_of_another(
    workspace: Workspace, tmp_path: Path
) -> None:
    bring(
        workspace, tmp_path,
        an_episode("youtube:v", 1000, published_at="2026-01-01T00:00:00Z"),
        an_episode("youtube:w", published_at="2026-01-01T00:00:00Z",
                   metrics=[a_figure("views", 50, "2026-10-01", period_days=28)]),
        an_episode("youtube:young", published_at="2026-09-20T00:00:00Z",
                   metrics=[a_figure("views", 7, "2026-10-01", period_days=28)]),
        an_edge("youtube:w", "youtube:v", "part_of"), an_edge("youtube:young", "youtube:v", "part_of"),
    )  # fmt: skip
    views = totals(workspace, concept_of(workspace, "youtube:v", "views"))
    by_value = {total.value: total.group for total in views}
    assert set(by_value) == {Decimal(1007), Decimal(50)}, "28 days that hold the whole life are added to lives"
    assert by_value[Decimal(50)].endswith("28 d")


def test_a_sum_over_a_change_of_rule_says_so(workspace: Workspace, tmp_path: Path) -> None:
    short = {"kind": "short_video"}
    bring(
        workspace, tmp_path,
        an_episode("youtube:old", 500, published_at="2024-01-01T00:00:00Z", **short),
        an_episode("youtube:new", 100, published_at="2026-05-01T00:00:00Z", **short),
        an_edge("youtube:new", "youtube:old", "part_of"),
    )  # fmt: skip
    old = workspace.metrics.show("youtube:old")[0].standard
    assert old.spans_break is not None, "YouTube counts Shorts views otherwise since 31 March 2025"
    views = totals(workspace, str(old.concept))
    assert [total.spans_break for total in views if total.value] == [True] * len([t for t in views if t.value])
    alone = workspace.metrics.show("youtube:new")[0].standard
    assert alone.spans_break is None


def test_the_newest_figure_counts_and_a_missing_one_does_not_hide_it(workspace: Workspace, tmp_path: Path) -> None:
    figures = [a_figure("views", 10, "2026-09-01"), a_figure("views", 30, "2026-10-01"),
               a_figure("views", at="2026-10-20", state="permission_denied")]  # fmt: skip
    bring(workspace, tmp_path, an_episode("youtube:v", metrics=figures), an_episode("youtube:w", 5),
          an_edge("youtube:w", "youtube:v"))  # fmt: skip
    [total] = totals(workspace, concept_of(workspace, "youtube:v", "views"))
    assert (total.value, total.items) == (35, 2)


def test_two_names_of_one_figure_of_an_item_are_not_added(workspace: Workspace, tmp_path: Path) -> None:
    named = [a_figure("comments", 5, "2026-10-01"), a_figure("comments_added", 4, "2026-09-01")]
    bring(
        workspace,
        tmp_path,
        an_episode("youtube:v", metrics=named),
        an_episode("youtube:w"),
        an_edge("youtube:w", "youtube:v"),
    )
    shown = workspace.metrics.show("youtube:v")
    if len({row.standard.concept for row in shown}) == 1 and shown[0].standard.concept:
        assert sum(total.value or 0 for total in workspace.content.families()[0].totals) == 5


# --- trees and lists ------------------------------------------------------------------------------------------------


def test_a_tree_is_nested_parents_before_children_and_complete(workspace: Workspace, tmp_path: Path) -> None:
    names = [f"youtube:n{number}" for number in range(40)]
    bring(
        workspace, tmp_path, *(an_episode(name, number) for number, name in enumerate(names)),
        *(an_edge(names[number], names[(number - 1) // 3], "part_of") for number in range(39, 0, -1)),
    )  # fmt: skip
    root = workspace.content.tree(names[17])
    seen = {}
    waiting = [(root, 1)]
    while waiting:
        node, depth = waiting.pop()
        assert node.depth == depth
        number = int(node.native_id[1:])
        seen[number] = sorted(int(child.native_id[1:]) for child in node.children)
        assert node.figures[0].reported == number
        assert (node.relation, node.edge_state) == ((None, None) if number == 0 else ("part_of", "confirmed"))
        waiting += [(child, depth + 1) for child in node.children]
    assert seen == {n: [c for c in range(3 * n + 1, 3 * n + 4) if c < 40] for n in range(40)}
    assert workspace.content.tree(str(root.id)) == root
    assert workspace.content.families()[0].items == 40


def test_an_item_alone_is_a_tree_of_one_and_no_family(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, an_episode("youtube:v", 5))
    root = workspace.content.tree("youtube:v")
    assert (root.depth, root.children, root.figures[0].reported) == (1, (), 5)
    assert workspace.content.families() == ()
    with pytest.raises(NotFound):
        workspace.content.tree("youtube:gone")


def family_of(number: int, creator: str) -> list[dict[str, Any]]:
    date = f"2026-0{number}-01T00:00:00Z"
    return [
        an_item(f"youtube:{creator}{number}", creator=creator, published_at=date, title=f"{creator} {number}"),
        an_item(f"x:{creator}{number}", creator=creator),
        an_edge(f"x:{creator}{number}", f"youtube:{creator}{number}", "promotes"),
    ]


def test_families_come_newest_first_for_a_creator_and_up_to_a_limit(workspace: Workspace, tmp_path: Path) -> None:
    lines = [line for number in (2, 5, 3) for creator in ("Ann", "Bo") for line in family_of(number, creator)]
    bring(workspace, tmp_path, *lines, an_item("youtube:undated", creator="Bo"), an_item("x:u", creator="Bo"),
          an_edge("x:u", "youtube:undated", "promotes"))  # fmt: skip
    assert [family.title for family in workspace.content.families("Ann")] == ["Ann 5", "Ann 3", "Ann 2"]
    assert [family.title for family in workspace.content.families("bo", limit=2)] == ["Bo 5", "Bo 3"]
    every = workspace.content.families()
    assert len(every) == 7
    assert every[-1].native_id == "undated"
    assert len(workspace.content.families(limit=4)) == 4
    with pytest.raises(NotFound) as refused:
        workspace.content.families("Ann Marie")
    assert refused.value.hint


def test_another_tenants_families_are_not_ours(
    workspace: Workspace, other_workspace: Workspace, tmp_path: Path
) -> None:
    bring(workspace, tmp_path, *family_of(2, "Ann"))
    assert other_workspace.content.families() == ()
    assert other_workspace.content.edges() == ()


def test_items_are_listed_newest_first_and_filtered(workspace: Workspace, tmp_path: Path) -> None:
    from datetime import UTC, datetime

    bring(
        workspace, tmp_path,
        an_item("youtube:a", kind="long_video", published_at="2026-01-01T00:00:00Z"),
        an_item("youtube:b", kind="short_video", published_at="2026-03-01T00:00:00Z"),
        an_item("x:c", kind="post", published_at="2026-02-01T00:00:00Z", creator="Bo"), an_item("x:d"),
    )  # fmt: skip

    def names(**filters: Any) -> list[str]:
        return [item.native_id for item in workspace.content.list(**filters)]

    assert names() == ["b", "c", "a", "d"]
    assert names(creator="Bo") == ["c"]
    assert names(platform="youtube") == ["b", "a"]
    assert names(kind="post") == ["c"]
    assert names(since=datetime(2026, 2, 1, tzinfo=UTC)) == ["b", "c"]
    assert names(limit=2) == ["b", "c"]
