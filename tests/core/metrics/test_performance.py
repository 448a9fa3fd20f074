"""How figures moved: over accounts from rollups, over items from observations, and that both say the same."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.metrics.performance import Performance, PerformanceRow, aligned, buckets_between
from hypothesis import given
from hypothesis import strategies as st
from tests.factories import colleague

MARCH = datetime(2026, 3, 1, tzinfo=UTC)


def an_item(native_id: str, series: dict[str, list[tuple[int, int | None]]], **fields: Any) -> dict[str, Any]:
    """An item published on 1 March, with {metric: [(day of March, value or None)]}, seen at noon."""
    return {
        "type": "item", "creator": "Ann Lee", "platform": "tiktok", "account": "@ann", "native_id": native_id,
        "kind": "short_video", "published_at": MARCH.isoformat(),
        "metrics": [
            {
                "name": name, "value": value,
                "state": "not_reported" if value is None else "value" if value else "zero",
                "observed_at": (MARCH + timedelta(days=day - 1, hours=12)).isoformat(),
            }
            for name, figures in series.items()
            for day, value in figures
        ],
        **fields,
    }  # fmt: skip


def bring(workspace: Workspace, tmp_path: Path, *lines: dict[str, Any]) -> None:
    path = tmp_path / f"{abs(hash(json.dumps(lines, sort_keys=True)))}.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    workspace.ingestion.import_file(path)


def told(found: Performance) -> list[PerformanceRow]:
    """What the rows say, but for the reference by which each is explained."""
    return [replace(row, cell="") for row in found.rows]


def test_what_a_creator_s_figures_grew_by_month_by_month(workspace: Workspace, tmp_path: Path) -> None:
    likes = [(1, 10), (20, 40), (31, 100), (33, 130)]
    bring(workspace, tmp_path, an_item("a", {"likes": likes}), an_item("b", {"likes": [(2, 5)]}))
    found = workspace.metrics.performance("Ann Lee", since=date(2026, 3, 1), until=date(2026, 5, 1))
    rows = {(row.bucket, row.sum_group): row for row in found.rows}
    assert rows[date(2026, 3, 1), "likes"].value == 105
    assert rows[date(2026, 3, 1), "likes"].items == 2 - 1  # at most one of them had a number on one day
    # From 31 March to 2 April: it began within a day and a half of the month.
    assert rows[date(2026, 4, 1), "likes"].value == 30
    assert found.gaps == ()


def test_a_month_in_which_nobody_looked_is_a_gap_and_no_zero(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, an_item("a", {"likes": [(1, 10), (70, 500)]}))
    found = workspace.metrics.performance("Ann Lee", since=date(2026, 3, 1), until=date(2026, 6, 1))
    assert {row.bucket: (row.value, row.carried) for row in found.rows} == {
        date(2026, 3, 1): (10, None), date(2026, 5, 1): (None, 490),
    }  # fmt: skip
    assert [(gap.metric, gap.buckets) for gap in found.gaps] == [("likes", (date(2026, 4, 1),))]
    frame = found.frame()
    assert frame.loc[frame["bucket"] == "2026-05-01", "value"].isna().all()


def test_a_window_that_cuts_its_months_counts_only_its_own_days(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, an_item("a", {"likes": [(day, day * 10) for day in range(1, 32)]}))
    found = workspace.metrics.performance("Ann Lee", since=date(2026, 3, 11), until=date(2026, 3, 21))
    assert [(row.bucket, row.value) for row in found.rows] == [(date(2026, 3, 1), 100)]


def test_followers_are_a_level_and_are_not_added_over_accounts(workspace: Workspace, tmp_path: Path) -> None:
    creator = {
        "type": "creator", "name": "Ann Lee",
        "accounts": [
            {"platform": platform, "handle": "@ann", "followers": followers, "observed_at": "2026-03-05T00:00:00Z"}
            for platform, followers in (("tiktok", 1000), ("x", 200))
        ],
    }  # fmt: skip
    bring(workspace, tmp_path, creator)
    window = {"since": date(2026, 3, 1), "until": date(2026, 4, 1)}
    by_account = workspace.metrics.performance("Ann Lee", by="account", **window)
    assert {(row.group, row.basis, row.value) for row in by_account.rows} == {
        ("tiktok:@ann", "level", Decimal(1000)), ("x:@ann", "level", Decimal(200)),
    }  # fmt: skip
    assert workspace.metrics.performance("Ann Lee", by="total", **window).rows == ()


def test_figures_of_different_quantities_stand_apart(workspace: Workspace, tmp_path: Path) -> None:
    bring(
        workspace, tmp_path, an_item("a", {"views": [(1, 100)]}),
        an_item("b", {"impressions": [(1, 7)]}, platform="x", kind="post"),
    )  # fmt: skip
    found = workspace.metrics.performance("Ann Lee", by="total", since=date(2026, 3, 1), until=date(2026, 4, 1))
    assert {(row.sum_group, row.value) for row in found.rows} == {("play_start", 100), ("exposure", 7)}


def test_two_views_of_one_quantity_are_not_added(workspace: Workspace, tmp_path: Path) -> None:
    # What it grew by since publication, and what the platform states for each day.
    daily = an_item("a", {"views": [(1, 100), (2, 150)]})
    daily["metrics"] += [
        {"name": "views", "value": value, "state": "value", "observed_at": at, "period_days": 1}
        for value, at in ((90, "2026-03-02T00:00:00Z"), (70, "2026-03-03T00:00:00Z"))
    ]
    bring(workspace, tmp_path, daily)
    found = workspace.metrics.performance("Ann Lee", since=date(2026, 3, 1), until=date(2026, 4, 1))
    assert [(row.value, row.basis, row.others) for row in found.rows] == [(160, "daily", 1)]


def test_a_family_and_a_campaign_are_read_from_their_items(workspace: Workspace, tmp_path: Path) -> None:
    figures = {"likes": [(day, day * day) for day in range(1, 31)]}
    bring(
        workspace, tmp_path, an_item("whole", figures), an_item("clip", figures), an_item("other", figures),
        {"type": "edge", "child": {"platform": "tiktok", "native_id": "clip"},
         "parent": {"platform": "tiktok", "native_id": "whole"}, "relation": "clip_of", "state": "confirmed"},
    )  # fmt: skip
    window = {"since": date(2026, 3, 1), "until": date(2026, 4, 1)}
    family = workspace.metrics.performance(family="tiktok:clip", **window)
    assert [(row.sum_group, row.value) for row in family.rows] == [("likes", 1800)]
    workspace.campaigns.add("Spring", brand="Trailhead", starts_on=None, ends_on=None, note=None)
    workspace.campaigns.add_items("Spring", ["tiktok:whole"])
    # A campaign has the clips of its items.
    campaign = workspace.metrics.performance(campaign="Spring", **window)
    assert told(campaign) == told(family)


def test_items_and_rollups_tell_the_same_of_the_same_figures(workspace: Workspace, tmp_path: Path) -> None:
    series = {"likes": [(1, 10), (2, 50), (9, 20), (10, 55), (40, 56)], "views": [(3, None), (4, 900), (90, 901)]}
    bring(workspace, tmp_path, an_item("only", series))
    for since, until in ((date(2026, 3, 1), date(2026, 7, 1)), (date(2026, 3, 4), date(2026, 6, 11))):
        for grain in ("day", "week", "month"):
            window = {"since": since, "until": until, "grain": grain}
            of_items = workspace.metrics.performance(family="tiktok:only", **window)
            assert told(of_items) == told(workspace.metrics.performance("Ann Lee", **window))


def test_new_figures_are_seen_at_once_and_by_whoever_may_only_read(
    engagerr: Engagerr, workspace: Workspace, tmp_path: Path
) -> None:
    window = {"since": date(2026, 3, 1), "until": date(2026, 4, 1)}
    assert workspace.metrics.performance(**window).rows == ()
    bring(workspace, tmp_path, an_item("a", {"likes": [(1, 10)]}))
    viewer = colleague(workspace, engagerr, "viewer")
    assert [row.value for row in viewer.metrics.performance(**window).rows] == [10]
    bring(workspace, tmp_path, an_item("a", {"likes": [(2, 25)]}))
    assert [row.value for row in viewer.metrics.performance(**window).rows] == [25]


def test_another_workspace_s_figures_are_not_in_it(
    workspace: Workspace, other_workspace: Workspace, tmp_path: Path
) -> None:
    bring(workspace, tmp_path, an_item("a", {"likes": [(1, 10)]}))
    assert other_workspace.metrics.performance(since=date(2026, 3, 1), until=date(2026, 4, 1)).rows == ()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"grain": "hour"}, "no grain"),
        ({"by": "colour"}, "grouped by"),
        ({"until": date(2026, 3, 1)}, "holds no day"),
        ({"since": date.min, "grain": "day"}, "more than 14,640 days"),
        ({"since": date.min, "until": date.max, "grain": "month"}, "more than 14,640 months"),
        ({"creator": "Ann Lee", "family": "tiktok:a"}, "not two"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(workspace: Workspace, wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        workspace.metrics.performance(**({"since": date(2026, 3, 1), "until": date(2026, 4, 1)} | wrong))


@pytest.mark.parametrize("grain", ["day", "week", "month"])
def test_the_buckets_of_a_window_end_with_the_calendar(grain: str) -> None:
    assert buckets_between(date(9999, 11, 1), date.max, grain)[-1] > date(9999, 11, 30)


@given(st.dates(date(2020, 1, 1), date(2026, 1, 1)), st.integers(1, 400), st.sampled_from(["day", "week", "month"]))
def test_the_buckets_of_a_window_cover_it_without_overlap(since: date, days: int, grain: str) -> None:
    until = since + timedelta(days=days)
    buckets = buckets_between(since, until, grain)
    assert buckets[0] <= since < until
    assert all(first < second for first, second in pairwise(buckets))
    assert buckets[-1] < until
    if aligned(since, until, grain):
        assert buckets[0] == since


def test_every_cell_is_told_by_its_steps_and_they_come_to_it(workspace: Workspace, tmp_path: Path) -> None:
    bring(
        workspace, tmp_path, an_item("a", {"likes": [(1, 10), (2, 50), (9, 20), (40, 56)], "views": [(4, 900)]}),
        an_item("b", {"likes": [(3, None), (5, 7)]}), an_item("c", {"watch_time_hours": [(1, 2)]}, platform="youtube"),
    )  # fmt: skip
    for by in ("total", "platform", "kind", "account", "creator"):
        for asked in ({"creator": "Ann Lee"}, {"family": "tiktok:a"}, {}):
            found = workspace.metrics.performance(
                **asked, since=date(2026, 3, 2), until=date(2026, 5, 1), by=by, grain="month"
            )
            assert found.rows
            for row in found.rows:
                chain = workspace.metrics.explain(row.cell)
                assert (chain.value, chain.carried, chain.unit) == (row.value, row.carried, row.unit)
                assert chain.missing == row.missing


def test_a_step_of_a_cell_leads_to_its_observation(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, an_item("a", {"likes": [(1, 10), (2, 50)]}))
    found = workspace.metrics.performance("Ann Lee", since=date(2026, 3, 1), until=date(2026, 4, 1))
    first, second = workspace.metrics.explain(found.rows[0].cell).steps
    assert (first.before, first.reported, first.adds) == (None, 10, 10)
    assert (second.before, second.reported, second.adds) == (10, 50, 40)
    chain = workspace.metrics.explain(
        second.observation.subject, metric=second.observation.metric, at=second.observation.at, period_days=0
    )
    assert chain.standing.reported == 50


_AT_THE_END = (
    "move:by=platform;group=tiktok;of=items;sum=likes;grain=month;bucket=9999-12-01;since=9999-12-01;until=9999-12-31"
)


@pytest.mark.parametrize(
    "reference", ["move:", "move:by=platform", "move:by=platform;colour=red", "move:bucket=x", _AT_THE_END]
)
def test_what_names_no_cell_is_refused_in_words(workspace: Workspace, reference: str) -> None:
    with pytest.raises(InvalidInput, match="names no cell of a performance"):
        workspace.metrics.explain(reference)


def test_a_cell_of_a_basis_that_nobody_has_is_not_there(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, an_item("a", {"likes": [(1, 10), (2, 50)]}))
    found = workspace.metrics.performance("Ann Lee", since=date(2026, 3, 1), until=date(2026, 4, 1))
    with pytest.raises(NotFound, match="Nothing was seen"):
        workspace.metrics.explain(found.rows[0].cell.replace("basis=growth", "basis=daily"))
