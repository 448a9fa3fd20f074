"""The roster as one table: figures with reasons, freshness, deals and notes, and what a role may not see."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from engagerr import Engagerr, Money, Workspace
from engagerr.core.deals.pipeline.deal_writing import NewDeal
from engagerr.core.desk import notes, reach, roster
from engagerr.core.errors import InvalidInput
from tests.factories import colleague, in_tenant, insert
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Connection
from tests.lines import a_creator, a_figure, an_item, bring

TODAY = date(2026, 11, 1)


def the_row(workspace: Workspace, name: str = "Ann Lee") -> roster.RosterRow:
    return next(row for row in roster.roster(workspace).rows if row.name == name)


def counters(first: date, last: date, a_day: int, *, start: int = 0) -> list[dict[str, Any]]:
    """A counter that grows by so much between six in the morning and ten at night, and stands still by night."""
    figures, total, day = [], start, first
    while day <= last:
        figures.append(a_figure("views", total, f"{day}T06:00:00Z"))
        total += a_day
        figures.append(a_figure("views", total, f"{day}T22:00:00Z"))
        day += timedelta(days=1)
    return figures


def a_post(name: str, figures: Sequence[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    return an_item(name, kind="short_video", published_at="2026-04-01T00:00:00Z", metrics=list(figures), **fields)


def test_an_empty_roster_is_an_empty_table(workspace: Workspace) -> None:
    found = roster.roster(workspace)
    assert (found.rows, found.total, found.stale, found.as_of, found.note) == ((), 0, 0, None, None)


def test_somebody_without_a_profile_has_no_figures_and_the_table_says_so(workspace: Workspace) -> None:
    workspace.roster.add("Ann Lee", country="DE", topics=["tech"])

    found = roster.roster(workspace)

    [row] = found.rows
    assert (row.name, row.country, row.topics, row.platforms) == ("Ann Lee", "DE", ("tech",), ())
    assert (row.followers.value, row.followers.why) == (None, "no_profile")
    assert (row.views.value, row.views.why) == (None, "not_observed")
    assert (row.sync, row.open_deals, row.notes) == ("none", 0, 0)
    assert found.behind == 1
    assert found.note is not None


def test_once_profiles_have_kept_up_nobody_is_behind(
    workspace: Workspace, tmp_path: Path, superuser_connection: Connection
) -> None:
    accounts = [{"platform": "tiktok", "handle": "@ann", "followers": 9000, "observed_at": "2026-10-30T00:00:00Z"}]
    bring(workspace, tmp_path, a_creator("Ann Lee", accounts=accounts))
    assert roster.roster(workspace).behind == 1

    # The database dates rows by the machine's clock, which is ahead of the test's.
    superuser_connection.execute("UPDATE creators SET updated_at = '2026-11-01'")
    workspace.profiles.keep_up()

    found = roster.roster(workspace)
    assert (found.behind, found.note) == (0, None)
    assert found.as_of == workspace.access.clock.now()
    assert (found.rows[0].followers.value, found.rows[0].platforms, found.rows[0].handle) == (9000, ("TT",), "@ann")


def test_what_a_platform_did_not_report_says_so_and_is_no_zero(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, a_post("tiktok:v1", [a_figure("views", None, "2026-10-30", state="not_reported")]))
    workspace.profiles.keep_up()

    row = the_row(workspace)

    assert (row.views.value, row.change.value) == (None, None)
    assert row.engagement.value is None
    assert row.engagement.why


def test_views_are_of_ninety_days_and_the_change_is_against_the_ninety_before(
    workspace: Workspace, tmp_path: Path
) -> None:
    since, middle, until = reach.windows(TODAY)
    bring(workspace, tmp_path, a_post("tiktok:v1", [
        *counters(since, middle - timedelta(days=1), 100),
        *counters(middle, until - timedelta(days=1), 150, start=100 * reach.DAYS),
    ]))  # fmt: skip

    row = the_row(workspace)

    # The first sight of the counter lies before its day: it is in neither.
    assert row.views.value == 150 * reach.DAYS
    assert row.change.value == pytest.approx(0.5)
    assert (row.counted, row.views.broken) == ("play_start", None)


def test_views_are_those_that_performance_tells_by_day_of_the_month(workspace: Workspace, tmp_path: Path) -> None:
    since, middle, until = reach.windows(TODAY)
    bring(workspace, tmp_path, a_post("tiktok:v1", counters(since, until - timedelta(days=1), 37)))
    bring(workspace, tmp_path, a_post("tiktok:v2", counters(middle, until - timedelta(days=1), 11)))

    told = workspace.metrics.performance(since=middle, until=until, grain="month", by="creator")

    summed = sum(row.value for row in told.rows if row.sum_group == "play_start" and row.value is not None)
    assert the_row(workspace).views.value == float(summed)


def test_a_change_that_spans_a_change_of_definition_is_not_told(workspace: Workspace, tmp_path: Path) -> None:
    since, _, until = reach.windows(TODAY)
    post = an_item(
        "youtube:v1", kind="long_video", published_at="2026-04-01T00:00:00Z",
        metrics=counters(since, until - timedelta(days=1), 100),
    )  # fmt: skip
    bring(workspace, tmp_path, post)

    row = the_row(workspace)

    assert (row.change.value, row.change.why, row.change.broken) == (None, "definition_changed", date(2026, 8, 24))
    assert row.views.broken == date(2026, 8, 24)
    # Only of the days since then, by the newer rule: views before and after are never added.
    assert row.views.value == 100 * (until - date(2026, 8, 24)).days


def test_a_change_needs_figures_of_all_of_the_time_before(workspace: Workspace, tmp_path: Path) -> None:
    _, middle, until = reach.windows(TODAY)
    bring(workspace, tmp_path, a_post("tiktok:v1", counters(middle - timedelta(days=40), until, 100)))

    row = the_row(workspace)

    assert row.views.value is not None
    assert (row.change.value, row.change.why) == (None, "too_short")


def test_figures_too_far_apart_are_put_in_no_window(workspace: Workspace, tmp_path: Path) -> None:
    seen = [a_figure("views", 1000 * month, f"2026-{month:02}-15") for month in range(5, 11)]
    bring(workspace, tmp_path, a_post("tiktok:v1", seen))

    row = the_row(workspace)

    assert (row.views.value, row.views.why) == (None, "too_rare")


def test_plays_and_exposures_are_never_added(workspace: Workspace, tmp_path: Path) -> None:
    since, _, until = reach.windows(TODAY)
    bring(
        workspace, tmp_path, a_post("tiktok:v1", counters(since, until - timedelta(days=1), 10)),
        an_item("instagram:p1", kind="image", published_at="2026-04-01T00:00:00Z",
                metrics=counters(since, until - timedelta(days=1), 5000)),
    )  # fmt: skip

    row = the_row(workspace)

    assert (row.views.value, row.counted) == (10 * reach.DAYS, "play_start")


def test_views_can_be_left_for_later_and_filled_in(workspace: Workspace, tmp_path: Path) -> None:
    since, _, until = reach.windows(TODAY)
    bring(workspace, tmp_path, a_post("tiktok:v1", counters(since, until - timedelta(days=1), 10)))

    table = roster.roster(workspace, views=False)
    assert (table.rows[0].views.value, table.rows[0].views.why) == (None, "not_read")

    roster.fill(table, roster.reach_of_everybody(workspace))
    assert table == roster.roster(workspace)


@pytest.mark.parametrize("days", [0, 1, 13, 27, 28, 30, 31, 60, 90, 150, 200, 300])
def test_the_two_windows_are_of_ninety_days_each_and_every_day_is_read_once(days: int) -> None:
    since, middle, until = reach.windows(TODAY + timedelta(days=days))
    months, singles = reach._buckets(since, middle, until)

    covered = list(singles)
    for month in months:
        day = month
        while day.month == month.month:
            covered.append(day)
            day += timedelta(days=1)

    assert sorted(covered) == [since + timedelta(days=number) for number in range(180)]
    assert (middle - since).days == (until - middle).days == 90


def _connect(connection: Connection, workspace: Workspace, account_id: Any, **grant: Any) -> None:
    row = {"tenant_id": workspace.tenant.id, "account_id": account_id, "connector": "tiktok"}
    now = workspace.access.clock.now()
    with in_tenant(connection, workspace.tenant.id):
        insert(connection, "platform_grants", {**row, "state": "active", "connected_at": now, **grant})


def _checkpoint(connection: Connection, workspace: Workspace, account_id: Any, **fields: Any) -> None:
    now = workspace.access.clock.now()
    row = {"tenant_id": workspace.tenant.id, "account_id": account_id, "connector": "tiktok", "stream": "videos",
           "position": 1, "state": "ok", "next_due_at": now + timedelta(hours=1), "updated_at": now}  # fmt: skip
    with in_tenant(connection, workspace.tenant.id):
        insert(connection, "sync_checkpoints", {**row, **fields})


def test_a_sync_is_fresh_late_or_broken_and_the_table_counts_the_stale(
    workspace: Workspace, app_connection: Connection, clock: SteeredClock
) -> None:
    now = clock.now()
    held = {}
    for name in ("Fresh", "Late", "Lost", "Failed", "Alone"):
        workspace.roster.add(name)
        held[name] = workspace.roster.add_account(name, f"tiktok:@{name}").id
    for name in ("Fresh", "Late", "Failed"):
        _connect(app_connection, workspace, held[name])
    _connect(app_connection, workspace, held["Lost"], state="lost", lost_at=now - timedelta(days=3))
    _checkpoint(app_connection, workspace, held["Fresh"])
    _checkpoint(app_connection, workspace, held["Late"], next_due_at=now - timedelta(days=2))
    _checkpoint(app_connection, workspace, held["Failed"], state="failed", updated_at=now - timedelta(hours=2))
    app_connection.commit()

    table = roster.roster(workspace)

    assert {row.name: (row.sync, row.sync_since) for row in table.rows} == {
        "Alone": ("none", None),
        "Failed": ("broken", now - timedelta(hours=2)),
        "Fresh": ("fresh", now),
        "Late": ("late", now - timedelta(days=2)),
        "Lost": ("broken", now - timedelta(days=3)),
    }
    assert table.stale == 3


def test_open_deals_and_notes_are_counted(workspace: Workspace) -> None:
    for name in ("Ann Lee", "Ben Orr"):
        workspace.roster.add(name)
    workspace.deals.add(NewDeal(title="Shoes", brand="Alpenpfad", currency="EUR", creators=("Ann Lee",)))
    closed = workspace.deals.add(NewDeal(title="Hats", brand="Alpenpfad", currency="EUR", creators=("Ann Lee",)))
    workspace.deals.decline(closed.row.id, reason="too late")
    notes.add(workspace, "Ann Lee", "Answers quickly.")
    notes.remove(workspace, notes.add(workspace, "Ann Lee", "A slip.").id)

    found = {row.name: (row.open_deals, row.notes) for row in roster.roster(workspace).rows}

    assert found == {"Ann Lee": (1, 1), "Ben Orr": (0, 0)}


def test_the_price_is_the_lowest_of_one_currency_and_two_do_not_compare(workspace: Workspace) -> None:
    workspace.roster.add("Ann Lee")
    workspace.roster.set_rate("Ann Lee", deliverable="story", amount=Money(9000, "EUR"))
    workspace.roster.set_rate("Ann Lee", deliverable="video", amount=Money(90_000, "EUR"))
    workspace.profiles.keep_up()
    assert the_row(workspace).price_from == Money(9000, "EUR")

    workspace.roster.set_rate("Ann Lee", deliverable="story", amount=Money(8000, "USD"))
    workspace.profiles.refresh()

    row = the_row(workspace)
    assert row.price_from is None
    assert row.prices == (Money(9000, "EUR"), Money(8000, "USD"))


def test_a_viewer_sees_neither_rates_nor_deals_and_is_told_so(workspace: Workspace, engagerr: Engagerr) -> None:
    workspace.roster.add("Ann Lee")
    workspace.roster.set_rate("Ann Lee", deliverable="story", amount=Money(9000, "EUR"))
    workspace.profiles.keep_up()

    table = roster.roster(colleague(workspace, engagerr, "viewer"))

    assert table.hidden == {"open_deals", "rates"}
    assert (table.rows[0].open_deals, table.rows[0].prices) == (None, ())


def test_nobody_of_another_workspace_is_in_the_table(workspace: Workspace, other_workspace: Workspace) -> None:
    workspace.roster.add("Ann Lee")
    assert roster.roster(other_workspace).total == 0


def test_rows_are_by_name_whatever_its_case(workspace: Workspace) -> None:
    for name in ("bea", "Ann", "Cy"):
        workspace.roster.add(name)
    assert [row.name for row in roster.roster(workspace).rows] == ["Ann", "bea", "Cy"]


def test_an_unknown_rate_is_refused(workspace: Workspace) -> None:
    with pytest.raises(InvalidInput, match="no rate"):
        roster.roster(workspace, engagement="id; DROP TABLE creators")
