"""Rollups are a pure function of what stands: hand-worked cases, and properties over arbitrary series and arrivals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from engagerr import Workspace
from engagerr.core.metrics.registry import Registry
from engagerr.core.metrics.rollups import rebuild, refresh
from engagerr.core.tenancy import Permission
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

REGISTRY = Registry.load()
START = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Told:
    """One observation: hours after START, a number or None for not reported, and the revision of that moment."""

    hours: int
    value: int | None
    item: int = 0
    metric: str = "likes"
    period_days: int = 0
    revision: int = 0

    @property
    def at(self) -> datetime:
        return START + timedelta(hours=self.hours)


@dataclass
class Channel:
    """An account with some items, whose figures land import by import."""

    workspace: Workspace
    account: UUID
    items: list[UUID]

    def land(self, told: Sequence[Told]) -> UUID:
        imported = uuid4()
        with self.workspace.access.transaction(Permission.READ) as session:
            session.execute(
                text("SELECT engagerr_ensure_partitions(CAST(:months AS date[]))"),
                {"months": sorted({one.at.date().replace(day=1) for one in told})},
            )
            session.execute(
                text(
                    "INSERT INTO metric_observations (tenant_id, subject_id, metric, observed_at, period_days,"
                    " revision, value, state, import_id, row) VALUES (:tenant, :subject, :metric, :at, :period,"
                    " :revision, :value, :state, :import, 1)"
                ),
                [
                    {
                        "tenant": self.workspace.tenant.id, "metric": one.metric, "at": one.at,
                        "subject": self.account if one.item < 0 else self.items[one.item], "period": one.period_days,
                        "revision": one.revision, "value": one.value, "import": imported,
                        "state": "not_reported" if one.value is None else "zero" if one.value == 0 else "value",
                    }
                    for one in told
                ],
            )  # fmt: skip
        return imported

    def refresh(self, *imports: UUID) -> None:
        with self.workspace.access.transaction(Permission.READ) as session:
            refresh(session, REGISTRY, tenant_id=self.workspace.tenant.id, accounts=[self.account], imports=imports)

    def rebuild(self) -> int:
        with self.workspace.access.transaction(Permission.READ) as session:
            return rebuild(session, REGISTRY, tenant_id=self.workspace.tenant.id, accounts=[self.account]).differed

    def tell(self, *told: Told) -> Channel:
        self.refresh(self.land(told))
        return self

    def rows(self, grain: str, metric: str = "likes") -> dict[date, dict[str, Any]]:
        with self.workspace.access.transaction(Permission.READ) as session:
            found = session.execute(
                text(
                    "SELECT * FROM metric_rollups WHERE account_id = :account AND grain = :grain AND metric = :metric"
                    " ORDER BY bucket, definition"
                ),
                {"account": self.account, "grain": grain, "metric": metric},
            ).mappings()
            return {row["bucket"]: dict(row) for row in found}


def a_channel(workspace: Workspace, *, items: int = 1, platform: str = "tiktok", published: datetime | None = START):
    with workspace.access.transaction(Permission.READ) as session:
        account = session.execute(
            text(
                "INSERT INTO accounts (tenant_id, platform, handle, handle_key) VALUES (:tenant, :platform, :key, :key)"
                " RETURNING id"
            ),
            {"tenant": workspace.tenant.id, "platform": platform, "key": uuid4().hex},
        ).scalar_one()
        made = [
            session.execute(
                text(
                    "INSERT INTO content_items (tenant_id, account_id, platform, native_id, kind, published_at,"
                    " import_id, described_at) VALUES (:tenant, :account, :platform, :native, 'short_video',"
                    " :published, :import, now()) RETURNING id"
                ),
                {
                    "tenant": workspace.tenant.id, "account": account, "platform": platform, "native": uuid4().hex,
                    "published": published, "import": uuid4(),
                },
            ).scalar_one()
            for _ in range(items)
        ]  # fmt: skip
    return Channel(workspace, account, made)


DAY = 24


def test_a_counter_grows_by_the_difference_and_its_first_figure_counts_from_publication(workspace: Workspace) -> None:
    days = a_channel(workspace).tell(Told(10, 100), Told(DAY + 10, 150), Told(2 * DAY + 10, 150)).rows("day")
    assert [(row["value"], row["carried"]) for row in days.values()] == [(100, None), (50, None), (0, None)]
    assert list(days) == [date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)]


def test_a_gap_has_no_rows_and_what_grew_in_it_is_carried(workspace: Workspace) -> None:
    channel = a_channel(workspace).tell(Told(10, 100), Told(10 * DAY + 10, 900))
    days, months = channel.rows("day"), channel.rows("month")
    assert list(days) == [date(2026, 3, 1), date(2026, 3, 11)]
    assert (days[date(2026, 3, 11)]["value"], days[date(2026, 3, 11)]["carried"]) == (None, 800)
    # The month holds both ends of the step, so it fell within.
    assert (months[date(2026, 3, 1)]["value"], months[date(2026, 3, 1)]["carried"]) == (900, None)


def test_what_is_first_seen_long_after_publication_did_not_grow_that_month(workspace: Workspace) -> None:
    channel = a_channel(workspace, published=datetime(2024, 1, 1, tzinfo=UTC)).tell(
        Told(10, 1_000_000), Told(34, 1_000_007)
    )
    month = channel.rows("month")[date(2026, 3, 1)]
    assert (month["value"], month["carried"]) == (7, 1_000_000)


def test_an_item_without_a_date_of_publication_begins_nobody_knows_when(workspace: Workspace) -> None:
    month = a_channel(workspace, published=None).tell(Told(10, 500)).rows("month")[date(2026, 3, 1)]
    assert (month["value"], month["carried"]) == (None, 500)


@pytest.mark.parametrize(
    ("series", "grown", "lost", "resets"),
    [
        ((100, 150, 20, 60), 100 + 50 + 20 + 40, None, 1),  # began anew
        ((1000, 0, 1001), 1001, None, 1),  # a slip of the platform: nothing is counted twice
        ((1000, 100, 1001), 1001, None, 1),
        ((1000, 990, 1000), 1000, 10, 0),  # a correction is taken off
        ((0, 0, 5), 5, None, 0),
    ],
)
def test_a_counter_that_falls(
    workspace: Workspace, series: tuple[int, ...], grown: int, lost: int | None, resets: int
) -> None:
    channel = a_channel(workspace).tell(*(Told(DAY * day + 10, value) for day, value in enumerate(series)))
    month = channel.rows("month")[date(2026, 3, 1)]
    assert (month["value"], month["lost"], month["resets"]) == (grown, lost, resets)


def test_a_figure_that_is_not_reported_is_counted_as_missing_and_never_as_zero(workspace: Workspace) -> None:
    days = a_channel(workspace).tell(Told(10, None), Told(DAY + 10, 7), Told(2 * DAY + 10, None)).rows("day")
    assert [(row["value"], row["carried"], row["figures"], row["missing"]) for row in days.values()] == [
        (None, None, 0, 1), (7, None, 1, 0), (None, None, 0, 1),
    ]  # fmt: skip


def test_a_revised_figure_stands_and_a_withdrawn_one_is_gone(workspace: Workspace) -> None:
    channel = a_channel(workspace).tell(Told(10, 100), Told(DAY + 10, 400), Told(2 * DAY + 10, 500))
    channel.tell(Told(DAY + 10, 200, revision=1))
    assert [row["value"] for row in channel.rows("day").values()] == [100, 100, 300]
    channel.tell(Told(DAY + 10, None, revision=2))
    days = channel.rows("day")
    assert [(row["value"], row["carried"]) for row in days.values()] == [(100, None), (None, None), (None, 400)]


def test_a_figure_about_one_day_that_ends_at_midnight_is_that_day_s(workspace: Workspace) -> None:
    channel = a_channel(workspace).tell(
        *(Told(DAY * day, value, metric="views", period_days=1) for day, value in ((1, 10), (2, 20), (32, 5)))
    )
    days = channel.rows("day", "views")
    assert {bucket: row["value"] for bucket, row in days.items()} == {
        date(2026, 3, 1): 10, date(2026, 3, 2): 20, date(2026, 4, 1): 5,
    }  # fmt: skip
    assert {row["basis"] for row in days.values()} == {"daily"}
    assert {bucket: row["value"] for bucket, row in channel.rows("month", "views").items()} == {
        date(2026, 3, 1): 30, date(2026, 4, 1): 5,
    }  # fmt: skip


def test_a_level_is_the_last_one_seen_with_its_lowest_and_highest(workspace: Workspace) -> None:
    channel = a_channel(workspace)
    channel.tell(*(Told(DAY * day + 3, value, item=-1, metric="followers") for day, value in enumerate((50, 80, 60))))
    month = channel.rows("month", "followers")[date(2026, 3, 1)]
    assert (month["value"], month["lowest"], month["highest"], month["carried"]) == (60, 50, 80, None)
    assert month["basis"] == "level"


def test_two_names_of_one_figure_make_one_series(workspace: Workspace) -> None:
    channel = a_channel(workspace, platform="youtube").tell(
        Told(10, 5, metric="comments"), Told(DAY + 10, 9, metric="comments_added"),
        Told(2 * DAY + 10, 12, metric="comments"),
    )  # fmt: skip
    assert [row["value"] for row in channel.rows("day", "comments").values()] == [5, 4, 3]


def test_a_step_across_a_change_of_definition_is_marked(workspace: Workspace) -> None:
    channel = a_channel(workspace, platform="youtube", published=datetime(2026, 8, 20, tzinfo=UTC))
    with workspace.access.transaction(Permission.READ) as session:
        session.execute(text("UPDATE content_items SET kind = 'long_video' WHERE id = :id"), {"id": channel.items[0]})
    start = int((datetime(2026, 8, 20, 10, tzinfo=UTC) - START).total_seconds() // 3600)
    channel.tell(*(Told(start + DAY * day, 100 * (day + 1), metric="views") for day in range(7)))
    with workspace.access.transaction(Permission.READ) as session:
        rows = session.execute(
            text(
                "SELECT definition, value, mixed FROM metric_rollups WHERE account_id = :account AND grain = 'month'"
                " ORDER BY definition"
            ),
            {"account": channel.account},
        ).all()
    assert [tuple(row) for row in rows] == [("youtube.views.2026-08-24", 300, 1), ("youtube.views.long", 400, 0)]


# ── Properties ──────────────────────────────────────────────────────────────────────────────────────────────────────

MOMENTS = st.integers(0, 75 * 24 // 6).map(lambda sixth: sixth * 6)
FIGURES = st.builds(
    Told,
    hours=MOMENTS,
    value=st.none() | st.integers(0, 1000),
    item=st.integers(0, 1),
    metric=st.sampled_from(["likes", "views"]),
    period_days=st.sampled_from([0, 0, 0, 1]),
    revision=st.integers(0, 1),
)


def as_history(told: list[Told]) -> list[Told]:
    """One row a moment and revision, and no second revision without a first."""
    firsts: dict[tuple[Any, ...], Told] = {}
    for one in told:
        firsts.setdefault((one.item, one.metric, one.hours, one.period_days, one.revision), one)
    return [
        one for one in firsts.values()
        if one.revision == 0 or (one.item, one.metric, one.hours, one.period_days, 0) in firsts
    ]  # fmt: skip


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(FIGURES, min_size=1, max_size=25).map(as_history).filter(bool), data=st.data())
def test_any_order_of_arrival_gives_what_a_rebuild_gives(workspace: Workspace, told: list[Told], data: Any) -> None:
    channel = a_channel(workspace, items=2)
    arriving = data.draw(st.permutations(told))
    # A revision is numbered by the import that brings it, so it never lands before what it revises.
    arriving.sort(key=lambda one: one.revision)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(arriving)), max_size=4)))
    for first, last in zip([0, *cuts], [*cuts, len(arriving)], strict=True):
        if arriving[first:last]:
            channel.tell(*arriving[first:last])
    assert channel.rebuild() == 0


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(FIGURES, min_size=1, max_size=40).map(as_history).filter(bool))
def test_the_parts_of_a_rollup_come_to_the_whole(workspace: Workspace, told: list[Told]) -> None:
    channel = a_channel(workspace, items=2).tell(*told)
    with workspace.access.transaction(Permission.READ) as session:
        totals = session.execute(
            text(
                "SELECT metric, basis, grain, sum(coalesce(value, 0) + coalesce(carried, 0)) AS total,"
                " sum(figures) AS figures, sum(missing) AS missing, sum(lost) AS lost, sum(resets) AS resets"
                " FROM metric_rollups WHERE account_id = :account GROUP BY metric, basis, grain"
            ),
            {"account": channel.account},
        ).all()
    by_grain: dict[str, set[tuple[Any, ...]]] = {"day": set(), "week": set(), "month": set()}
    for row in totals:
        by_grain[row.grain].add((row.metric, row.basis, row.total, row.figures, row.missing, row.lost, row.resets))
    assert by_grain["day"] == by_grain["week"] == by_grain["month"]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rises=st.lists(st.integers(0, 50), min_size=1, max_size=30))
def test_what_a_counter_that_only_grows_comes_to_is_its_last_figure(workspace: Workspace, rises: list[int]) -> None:
    series = [sum(rises[: place + 1]) for place in range(len(rises))]
    channel = a_channel(workspace).tell(*(Told(DAY * day + 5, value) for day, value in enumerate(series)))
    months = channel.rows("month").values()
    assert sum((row["value"] or Decimal(0)) + (row["carried"] or Decimal(0)) for row in months) == series[-1]
