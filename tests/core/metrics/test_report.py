"""Reports: totals of the items of a window, by creator, platform, kind and family, as known by a moment."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.metrics.metrics import GROUPINGS, Report
from tests.factories import colleague
from tests.lines import a_creator, a_figure, an_edge, an_item, bring

SEPTEMBER = datetime(2026, 9, 1, tzinfo=UTC)
OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)


def an(name: str, published: str | None, *figures: dict[str, Any], **fields: Any) -> dict[str, Any]:
    moment = {} if published is None else {"published_at": f"{published}T00:00:00Z"}
    return an_item(name, metrics=list(figures), kind=fields.pop("kind", "long_video"), **moment, **fields)


def likes(value: Any = None, at: str = "2026-10-20", **fields: Any) -> dict[str, Any]:
    return a_figure("likes", value, at, **fields)


def sums(report: Report) -> dict[str, Decimal | None]:
    return {row.group: row.total.value for row in report.rows}


@pytest.fixture
def roster(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Ann on three platforms with a family, Bo on one; a figure is missing, another is zero."""
    bring(
        workspace, tmp_path,
        an("youtube:a", "2026-08-10", likes(1), likes(4, "2026-09-20"), likes(9), title="Episode A"),
        an("youtube:b", "2026-09-10", likes(10), title="Episode B"),
        an("tiktok:c", "2026-09-12", likes(100), kind="short_video"),
        an("instagram:d", "2026-10-02", likes(state="suppressed"), kind="reel"),
        an("x:e", None, likes(1000), kind="post"),
        an("youtube:f", "2026-09-15", likes(0), creator="Bo", title="Bo's"),
        an_edge("tiktok:c", "youtube:b"), an_edge("x:e", "youtube:b", "promotes"),
    )  # fmt: skip
    return workspace


def test_by_platform_every_platform_has_its_sum_and_what_is_missing_is_counted(roster: Workspace) -> None:
    report = roster.metrics.report("Ann Lee")
    assert (report.by, report.items, report.since, report.until) == ("platform", 5, None, None)
    assert sums(report) == {"instagram": None, "tiktok": 100, "x": 1000, "youtube": 19}
    [missing] = [row.total for row in report.rows if row.group == "instagram"]
    assert (missing.state, missing.items, missing.missing) == ("suppressed", 0, 1)
    assert [row.group for row in report.rows] == sorted(row.group for row in report.rows)


def test_of_everybody_by_creator(roster: Workspace) -> None:
    report = roster.metrics.report(by="creator")
    assert report.items == 6
    assert sums(report) == {"Ann Lee": 1119, "Bo": 0}
    states = {row.group: row.total.state for row in report.rows}
    assert states == {"Ann Lee": "value", "Bo": "zero"}


def test_by_kind_and_by_family(roster: Workspace) -> None:
    by_kind = sums(roster.metrics.report(by="kind"))
    assert by_kind == {"long_video": 19, "short_video": 100, "reel": None, "post": 1000}
    by_family = roster.metrics.report("Ann Lee", by="family")
    assert sums(by_family) == {"Episode A": 9, "Episode B": 1110, "instagram:d": None}
    ids = {row.group: row.group_id for row in by_family.rows}
    assert ids["Episode B"] == str(roster.content.tree("youtube:b").id)


def test_families_of_one_title_stay_two(workspace: Workspace, tmp_path: Path) -> None:
    bring(
        workspace,
        tmp_path,
        an("youtube:a", None, likes(1), title="Same"),
        an("youtube:b", None, likes(2), title="Same"),
    )
    report = workspace.metrics.report(by="family")
    assert sorted(int(row.total.value or 0) for row in report.rows) == [1, 2]
    assert len({row.group_id for row in report.rows}) == 2


def test_the_window_is_of_publication_from_its_first_moment_to_before_its_end(roster: Workspace) -> None:
    assert sums(roster.metrics.report("Ann Lee", since=SEPTEMBER)) == {"instagram": None, "tiktok": 100, "youtube": 10}
    exactly = datetime(2026, 9, 10, tzinfo=UTC)
    assert roster.metrics.report("Ann Lee", since=exactly).items == 3
    assert roster.metrics.report("Ann Lee", until=exactly).items == 1
    between = roster.metrics.report(since=SEPTEMBER, until=OCTOBER)
    assert (between.items, between.since, between.until) == (3, SEPTEMBER, OCTOBER)


def test_figures_are_the_newest_known_by_the_end_of_the_window(roster: Workspace) -> None:
    assert sums(roster.metrics.report("Ann Lee", until=OCTOBER, by="family"))["Episode A"] == 4
    later = datetime(2026, 10, 21, tzinfo=UTC)
    assert sums(roster.metrics.report("Ann Lee", until=later, by="family"))["Episode A"] == 9
    # What was published but not yet measured by then is no zero.
    assert "tiktok" not in sums(roster.metrics.report("Ann Lee", until=OCTOBER))


def test_the_newest_word_on_a_moment_counts(roster: Workspace, tmp_path: Path) -> None:
    bring(roster, tmp_path, an("youtube:a", "2026-08-10", likes(7)))
    assert sums(roster.metrics.report("Ann Lee", by="family"))["Episode A"] == 7


def test_what_may_not_be_added_is_shown_apart(workspace: Workspace, tmp_path: Path) -> None:
    def money(name: str, value: float, currency: str) -> dict[str, Any]:
        return an(name, None, a_figure("estimated_revenue", value, "2026-10-01", currency=currency))

    bring(
        workspace,
        tmp_path,
        money("youtube:a", 1.1, "EUR"),
        money("youtube:b", 2.2, "USD"),
        money("youtube:c", 2.2, "EUR"),
    )
    rows = workspace.metrics.report(by="creator").rows
    assert [(row.total.value, row.total.currency, row.total.items) for row in rows] == [
        (Decimal("3.3"), "EUR", 2), (Decimal("2.2"), "USD", 1),
    ]  # fmt: skip


def test_averages_and_ratios_are_not_added(workspace: Workspace, tmp_path: Path) -> None:
    figures = [
        a_figure("average_view_duration_seconds", 60, "2026-10-01"),
        a_figure("impressions_ctr_percent", 5, "2026-10-01"),
    ]
    bring(workspace, tmp_path, *(an(f"youtube:{name}", None, *figures) for name in "ab"))
    assert all(row.total.value is None for row in workspace.metrics.report().rows)


def test_account_figures_are_not_among_the_items(workspace: Workspace, tmp_path: Path) -> None:
    bring(
        workspace,
        tmp_path,
        a_creator("Ann Lee", accounts=[{"platform": "youtube", "handle": "@ann", "followers": 5000}]),
        an("youtube:a", None, likes(1)),
    )
    assert sums(workspace.metrics.report()) == {"youtube": 1}


def test_in_a_frame_missing_is_na_and_never_zero(roster: Workspace) -> None:
    frame = roster.metrics.report().frame()
    by_group = frame.set_index("group")["value"]
    assert pd.isna(by_group["instagram"])
    assert by_group["tiktok"] == 100
    assert frame["value"].sum() == 1119
    assert frame["value"].count() == 3, "a mean over the frame divides by what was reported"
    assert pd.api.types.is_numeric_dtype(frame["value"])
    assert list(frame["missing"]) == [1, 0, 0, 0]


def test_a_frame_of_nothing_but_missing_figures_is_still_of_numbers(workspace: Workspace, tmp_path: Path) -> None:
    assert workspace.metrics.report().frame().empty
    assert {"group", "value", "state"} <= set(workspace.metrics.report().frame().columns)
    bring(workspace, tmp_path, an("instagram:d", None, likes(state="suppressed")))
    frame = workspace.metrics.report().frame()
    assert frame["value"].isna().all()
    assert frame["value"].sum(min_count=1) is not None
    assert pd.isna(frame["value"].sum(min_count=1))
    assert pd.api.types.is_numeric_dtype(frame["value"])


def test_an_empty_workspace_has_an_empty_report(workspace: Workspace) -> None:
    for by in GROUPINGS:
        report = workspace.metrics.report(by=by)
        assert (report.items, report.rows) == (0, ())


def test_what_cannot_be_reported_is_refused_with_a_hint(roster: Workspace) -> None:
    with pytest.raises(InvalidInput, match="cannot be grouped by 'colour'") as refused:
        roster.metrics.report(by="colour")
    assert "platform" in (refused.value.hint or "")
    with pytest.raises(NotFound) as unknown:
        roster.metrics.report("Annie")
    assert unknown.value.hint


def test_a_creator_is_named_by_name_in_any_case_or_by_id(roster: Workspace) -> None:
    by_id = str(roster.roster.show("Bo").id)
    assert sums(roster.metrics.report("BO")) == sums(roster.metrics.report(by_id)) == {"youtube": 0}


def test_a_viewer_may_read_and_another_tenant_sees_nothing(
    roster: Workspace, other_workspace: Workspace, engagerr: Engagerr
) -> None:
    assert colleague(roster, engagerr, "viewer").metrics.report() == roster.metrics.report()
    assert other_workspace.metrics.report().items == 0


def test_many_items_are_summed_completely(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, *(an(f"youtube:{number}", None, likes(number)) for number in range(4100)))
    report = workspace.metrics.report()
    assert (report.items, sums(report)) == (4100, {"youtube": sum(range(4100))})


def test_pandas_is_loaded_for_a_frame_and_not_before() -> None:
    code = "import sys; import engagerr; from engagerr.core.metrics import Metrics; print('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
