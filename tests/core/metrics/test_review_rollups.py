"""Rollups against everything that changes what stands: imports of all kinds, in any order, compared with a rebuild."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from threading import Event
from typing import Any
from uuid import uuid4

import pandas as pd
import pytest
from engagerr import Engagerr, Settings, Workspace
from engagerr.core.db import Database
from engagerr.core.db.partitions import Partitions
from engagerr.core.events import emit
from engagerr.core.metrics.dataset import FIGURES, HEADLINES, read_items
from engagerr.core.metrics.figures import FigureReader
from engagerr.core.metrics.moves import MoveChain
from engagerr.core.metrics.registry import Registry
from engagerr.core.metrics.rulings import rulings
from engagerr.core.tenancy import Permission
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of_examples
from hypothesis import strategies as st
from sqlalchemy import text
from tests.cli.conftest import CommandLine
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone

REGISTRY = Registry.load()
MARCH = datetime(2026, 3, 1, tzinfo=UTC)
_numbers = count()


def figure(name: str, hours: float, value: float | None, **fields: Any) -> dict[str, Any]:
    """A figure, `hours` after the first of March."""
    state = "not_reported" if value is None else "value" if value else "zero"
    at = (MARCH + timedelta(hours=hours)).isoformat()
    return {"name": name, "value": value, "state": state, "observed_at": at, **fields}


def an_item(native_id: str, *figures: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "type": "item", "creator": "Ann Lee", "platform": "tiktok", "account": "@ann", "native_id": native_id,
        "kind": "short_video", "published_at": MARCH.isoformat(), "metrics": list(figures),
    } | fields  # fmt: skip


def bring(workspace: Workspace, folder: Path, *lines: dict[str, Any], path: Path | None = None, **options: Any) -> Path:
    if path is None:
        path = folder / f"{next(_numbers)}.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    workspace.ingestion.import_file(path, **options)
    return path


def wrong_after(workspace: Workspace) -> int:
    """How many rollups a rebuild finds other than they were kept."""
    workspace.metrics.performance(since=date(2026, 1, 1), until=date(2026, 10, 1))
    return workspace.metrics.rebuild_rollups().differed


# ── What changes what stands ────────────────────────────────────────────────────────────────────────────────────────


def test_a_correction_that_only_withdraws_is_rolled_up(workspace: Workspace, tmp_path: Path) -> None:
    undated = {"name": "likes", "value": 100, "state": "value"}
    wrong = bring(workspace, tmp_path, an_item("a", undated), observed_at=MARCH + timedelta(days=9))
    bring(workspace, tmp_path, an_item("a", figure("likes", 10, 100)))
    workspace.metrics.performance(since=date(2026, 3, 1), until=date(2026, 4, 1))
    # All that it says of the right moment is known already.
    bring(workspace, tmp_path, path=wrong, observed_at=MARCH + timedelta(hours=10))
    days = workspace.metrics.performance(since=date(2026, 3, 1), until=date(2026, 4, 1), grain="day").rows
    assert [(row.bucket, row.value, row.missing) for row in days] == [
        (date(2026, 3, 1), 100, 0), (date(2026, 3, 10), None, 1),
    ]  # fmt: skip
    assert wrong_after(workspace) == 0


def test_a_figure_that_comes_under_another_account_of_the_creator_is_rolled_up(
    workspace: Workspace, tmp_path: Path
) -> None:
    bring(workspace, tmp_path, an_item("a", figure("likes", 10, 100)))
    workspace.metrics.performance(since=date(2026, 3, 1), until=date(2026, 4, 1))
    bring(workspace, tmp_path, an_item("a", figure("likes", 34, 150), account="@ann.second"))
    assert wrong_after(workspace) == 0


def test_a_kind_that_is_learnt_under_another_account_of_the_creator_is_rolled_up(
    workspace: Workspace, tmp_path: Path
) -> None:
    bring(workspace, tmp_path, an_item("a", figure("likes", 10, 100), kind=None))
    workspace.metrics.performance(since=date(2026, 3, 1), until=date(2026, 4, 1))
    bring(workspace, tmp_path, an_item("a", kind="short_video", account="@ann.second"))
    assert wrong_after(workspace) == 0


def test_a_late_figure_in_one_currency_changes_the_step_beyond_those_in_another(
    workspace: Workspace, tmp_path: Path
) -> None:
    def earned(hours: int, value: int, currency: str) -> dict[str, Any]:
        line = figure("estimated_revenue", hours, value, currency=currency)
        return an_item("a", line, platform="youtube", kind="long_video")

    told = [(10, 1, "USD"), (90, 5, "EUR"), (120, 6, "EUR"), (150, 9, "USD")]
    bring(workspace, tmp_path, *(earned(*one) for one in told))
    workspace.metrics.performance(since=date(2026, 3, 1), until=date(2026, 4, 1))
    bring(workspace, tmp_path, earned(60, 4, "USD"))
    assert wrong_after(workspace) == 0


def test_a_missing_figure_spans_no_change_of_definition(workspace: Workspace, tmp_path: Path) -> None:
    seen = (datetime(2026, 8, 26, 10, tzinfo=UTC) - MARCH).total_seconds() / 3600
    published = datetime(2026, 8, 20, tzinfo=UTC).isoformat()
    bring(
        workspace, tmp_path,
        an_item("a", figure("views", seen, None), platform="youtube", kind="long_video", published_at=published),
    )  # fmt: skip
    found = workspace.metrics.performance(since=date(2026, 8, 1), until=date(2026, 9, 1))
    assert [(row.value, row.missing, row.mixed) for row in found.rows] == [(None, 1, 0)]


@pytest.mark.parametrize("series", [(5, -3, 4), (-5, -10, -2), (100, -5, 100), (0, -1, 1)])
def test_what_is_corrected_to_below_zero_still_comes_to_its_last_figure(
    workspace: Workspace, tmp_path: Path, series: tuple[int, ...]
) -> None:
    earned = (figure("estimated_revenue", 10 + 24 * day, value, currency="USD") for day, value in enumerate(series))
    bring(workspace, tmp_path, an_item("a", *earned, platform="youtube", kind="long_video"))
    found = workspace.metrics.performance(since=date(2026, 3, 1), until=date(2026, 4, 1))
    assert [(row.value, row.resets) for row in found.rows] == [(series[-1], 0)]


# ── What stands beside what ─────────────────────────────────────────────────────────────────────────────────────────


def test_an_account_s_levels_stand_beside_each_other(workspace: Workspace, tmp_path: Path) -> None:
    levels = {"followers": 1000, "following": 20, "total_likes": 50_000, "videos": 300}
    account = {
        "platform": "tiktok",
        "handle": "@ann",
        "metrics": [figure(name, 10, value) for name, value in levels.items()],
    }
    bring(workspace, tmp_path, {"type": "creator", "name": "Ann Lee", "accounts": [account]})
    found = workspace.metrics.performance(by="account", since=date(2026, 3, 1), until=date(2026, 4, 1))
    assert {row.sum_group: row.value for row in found.rows} == levels


def test_the_parts_of_a_day_s_revenue_are_added(workspace: Workspace, tmp_path: Path) -> None:
    parts = {"sub_revenue": 30, "ad_revenue": 50, "bits_revenue": 20}
    account = {
        "platform": "twitch", "handle": "@ann",
        "metrics": [figure(name, 24, value, period_days=1, currency="USD") for name, value in parts.items()],
    }  # fmt: skip
    bring(workspace, tmp_path, {"type": "creator", "name": "Ann Lee", "accounts": [account]})
    found = workspace.metrics.performance(since=date(2026, 3, 1), until=date(2026, 4, 1))
    assert [(row.sum_group, row.currency, row.value) for row in found.rows] == [("revenue", "USD", 100)]
    chain = workspace.metrics.explain(found.rows[0].cell)
    assert isinstance(chain, MoveChain)
    assert (chain.value, len(chain.steps)) == (100, 3)


def test_a_cell_of_the_table_holds_what_accounts_grew_by_and_what_others_state_a_day(
    home: Path, clone: Clone, tmp_path: Path
) -> None:
    cli = CommandLine(home, clone)
    cli("init", "--agency", "Northlight", "--email", "ann@northlight.example")
    grown = an_item("a", figure("likes", 10, 1_000))
    stated = an_item("b", figure("likes", 24, 234, period_days=1), account="@ann.second")
    path = tmp_path / "figures.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in (grown, stated)))
    cli("import", "file", path)
    window = ("--since", "2026-03-01", "--until", "2026-03-31")
    assert "1,234" in cli("metric", "performance", "Ann Lee", *window).out


def test_cells_of_two_bases_and_of_one_platform_are_told_by_their_own_steps(
    workspace: Workspace, tmp_path: Path
) -> None:
    grown = an_item("a", figure("likes", 10, 1_000))
    stated = an_item("b", figure("likes", 24, 234, period_days=1), account="@ann.second")
    bring(workspace, tmp_path, grown, stated, an_item("c", figure("likes", 10, 7), platform="x", kind="post"))
    for platform in (None, "tiktok"):
        found = workspace.metrics.performance(
            by="total", since=date(2026, 3, 1), until=date(2026, 4, 1), platform=platform
        )
        assert {row.basis: row.value for row in found.rows} == {"growth": 1_000 if platform else 1_007, "daily": 234}
        for row in found.rows:
            chain = workspace.metrics.explain(row.cell)
            assert isinstance(chain, MoveChain)
            assert (chain.value, chain.carried) == (row.value, row.carried)


# ── Failing, and after ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_rebuild_is_the_way_out_where_an_event_cannot_be_rolled_up(workspace: Workspace, tmp_path: Path) -> None:
    from engagerr.core.errors import Unavailable

    window = {"since": date(2026, 3, 1), "until": date(2026, 4, 1)}
    workspace.metrics.performance(**window)
    bring(workspace, tmp_path, an_item("a", figure("likes", 10, 100)))
    with workspace.access.transaction(Permission.READ) as session:
        account = session.execute(text("SELECT id FROM accounts")).scalar_one()
        emit(
            session, tenant_id=workspace.tenant.id, about=account, kind="metrics.landed",
            now=workspace.access.clock.now(), import_id="not an id",
        )  # fmt: skip
    with pytest.raises(Unavailable) as told:
        workspace.metrics.performance(**window)
    assert "--rebuild" in (told.value.hint or "")
    workspace.metrics.rebuild_rollups()
    assert [row.value for row in workspace.metrics.performance(**window).rows] == [100]


def test_rollups_of_retired_months_outlive_what_is_learnt_and_made_again(
    workspace: Workspace, tmp_path: Path, clone: Clone, clock: SteeredClock
) -> None:
    seen = [figure("likes", 24 * day + 12, 10 * day) for day in (1, 20, 40, 70, 100)]
    bring(workspace, tmp_path, an_item("a", *seen, kind=None))
    window = {"since": date(2026, 3, 1), "until": date(2026, 8, 1)}
    before = {row.bucket: row.value for row in workspace.metrics.performance(**window).rows}
    home = clone.settings_of_the_owner(tmp_path / "owner-home")
    with closing(Database(home)) as database:
        Partitions(database, home, clock).retire([date(2026, 3, 1)])
    assert workspace.metrics.rebuild_rollups().differed == 0
    bring(workspace, tmp_path, an_item("a", kind="short_video"))
    after = workspace.metrics.performance(by="kind", **window).rows
    assert {row.bucket: row.value for row in after} == before
    assert {row.group for row in after} == {"unknown", "short_video"}
    assert workspace.metrics.rebuild_rollups().differed == 0


def test_what_another_version_rolled_up_is_made_again_by_the_next_reader(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, an_item("a", figure("likes", 10, 100)))
    window = {"since": date(2026, 3, 1), "until": date(2026, 4, 1)}
    workspace.metrics.performance(**window)
    with workspace.access.transaction(Permission.READ) as session:
        session.execute(text("UPDATE rollup_states SET registry = 'of a newer version'"))
    bring(workspace, tmp_path, an_item("a", figure("likes", 34, 150)))
    workspace.events.deliver()  # the job of a process that was not updated yet
    with workspace.access.transaction(Permission.READ) as session:
        # Neither version would read these as its own.
        assert session.execute(text("SELECT registry FROM rollup_states")).scalar_one() == ""
    assert not workspace.metrics.rollups().current
    assert [row.value for row in workspace.metrics.performance(**window).rows] == [150]
    assert workspace.metrics.rollups().current


def test_figures_that_land_while_others_are_read_are_all_rolled_up(
    engagerr: Engagerr, workspace: Workspace, tmp_path: Path, settings: Settings
) -> None:
    stop = Event()

    def read_on() -> None:
        with Engagerr(settings) as other:
            work = other.workspace()
            while not stop.is_set():
                work.metrics.performance(since=date(2026, 3, 1), until=date(2026, 6, 1))

    with ThreadPoolExecutor(2) as readers:
        reading = [readers.submit(read_on) for _ in range(2)]
        try:
            for number in range(12):
                bring(workspace, tmp_path, an_item(str(number % 3), figure("likes", 37 * number % 200, number + 1)))
        finally:
            stop.set()
        for one in reading:
            one.result()
    assert wrong_after(workspace) == 0


# ── Frames and figures ──────────────────────────────────────────────────────────────────────────────────────────────

SUBJECTS = sorted({(one.platform, one.kind) for one in rulings(REGISTRY) if one.kind != "account"})
READ = sorted(
    {(one.platform, one.metric) for one in rulings(REGISTRY) if one.concept in FIGURES}
    | {(platform, name) for platform, names in HEADLINES.items() for name in names}
)


@settings_of_examples(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(random=st.randoms(use_true_random=False))
def test_the_frame_of_items_holds_what_the_figures_of_items_say(
    workspace: Workspace, tmp_path: Path, random: Random
) -> None:
    told: dict[str, dict[str, Any]] = {}
    # Many items an example: reading a frame is dear, and one more row in it is not.
    for native_id in (uuid4().hex for _ in range(100)):
        platform, kind = random.choice(SUBJECTS)
        names = [name for of, name in READ if of == platform]
        day = random.choice([None, -3, 0, 1, 30, 175, 176, random.randint(-30, 200)])
        published = None if day is None else MARCH + timedelta(days=day, hours=9)
        figures: dict[tuple[str, float, int], dict[str, Any]] = {}
        for _ in range(random.randint(1, 8)):
            name, hours = random.choice(names), 12 * random.choice([10, 200, 399, random.randint(-60, 400)])
            period = random.choice([0, 0, 0, 1, 7, 90])
            value = random.choice([None, 0, random.randint(0, 1000)])
            figures[name, hours, period] = figure(name, hours, value, period_days=period)
        told[native_id] = an_item(
            native_id, *figures.values(), platform=platform, kind=kind or None,
            published_at=published and published.isoformat(),
        )  # fmt: skip
    bring(workspace, tmp_path, *told.values())
    with workspace.access.transaction(Permission.READ) as session:
        found = session.execute(
            text("SELECT id, platform, published_at FROM content_items WHERE native_id = ANY (:native_ids)"),
            {"native_ids": list(told)},
        ).all()
        ids = [row.id for row in found]
        frame = read_items(session, REGISTRY, tenant_id=workspace.tenant.id, item_ids=ids).set_index("item_id")
        figures_of = FigureReader(REGISTRY).figures(session, ids)
    assert len(frame) == len(told)
    for item in found:
        row = frame.loc[str(item.id)]
        of_life = [
            one for one in figures_of.get(item.id, ())
            if one.value is not None and (one.period_days == 0 or (
                item.published_at and item.published_at >= one.observed_at - timedelta(one.period_days + 1)))
        ]  # fmt: skip
        for concept in FIGURES:
            held = [one for one in of_life if one.concept == concept and one.grade != "not_comparable"]
            expected = max(held, key=lambda one: one.observed_at, default=None)
            assert (None if pd.isna(row[concept]) else row[concept]) == (
                None if expected is None else pytest.approx(float(expected.value or 0))
            )
        by_name = {one.metric: one for one in of_life}
        headline = next((by_name[name] for name in HEADLINES.get(item.platform, ()) if name in by_name), None)
        assert row["views_metric"] == (headline.metric if headline else None)
        if headline is not None:
            assert row["views"] == pytest.approx(float(headline.value or 0))
            assert row["views_group"] == headline.sum_group


def test_of_two_names_at_one_moment_the_frame_holds_the_one_that_sums_and_rollups_take(
    workspace: Workspace, tmp_path: Path
) -> None:
    two = figure("comments", 10, 5), figure("comments_added", 10, 9)
    bring(workspace, tmp_path, an_item("a", *two, platform="youtube", kind="long_video"))
    with workspace.access.transaction(Permission.READ) as session:
        frame = read_items(session, REGISTRY, tenant_id=workspace.tenant.id)
    found = workspace.metrics.performance(since=date(2026, 3, 1), until=date(2026, 4, 1))
    assert list(frame["comments"]) == [row.value for row in found.rows] == [5]


# ── Properties ──────────────────────────────────────────────────────────────────────────────────────────────────────

NAMES = {
    "youtube": ("views", "likes", "comments", "comments_added", "estimated_revenue", "watch_time_hours"),
    "tiktok": ("views", "likes", "comments"),
    "instagram": ("views", "likes", "saves", "saved", "shares"),
}
KINDS = {
    "youtube": ("long_video", "short_video", "live", None),
    "tiktok": ("short_video", None),
    "instagram": ("reel", "story", "post", None),
}
# Midnights, a second to either side, noons; around the edges of months and the day a rule changed.
HOURS = st.builds(
    lambda day, hour: day * 24 + hour,
    st.sampled_from([0, 1, 2, 5, 29, 30, 31, 32, 175, 176]),
    st.sampled_from([0, 0, 12, -1 / 3600, 1 / 3600, 23]),
).filter(lambda hours: hours >= 0)


@st.composite
def lines(draw: st.DrawFn) -> dict[str, Any]:
    platform = draw(st.sampled_from(sorted(NAMES)))
    figures = []
    for _ in range(draw(st.integers(0, 5))):
        name = draw(st.sampled_from(NAMES[platform]))
        more: dict[str, Any] = {"period_days": draw(st.sampled_from([0, 0, 0, 1, 7]))}
        if "revenue" in name:
            more["currency"] = draw(st.sampled_from(["USD", "EUR"]))
        figures.append(figure(name, draw(HOURS), draw(st.none() | st.integers(0, 300)), **more))
    published = draw(st.none() | st.sampled_from([-400, -20, 0, 3, 30]).map(lambda day: MARCH + timedelta(days=day)))
    return an_item(
        f"{platform}-{draw(st.integers(0, 1))}", *figures, platform=platform,
        kind=draw(st.sampled_from(KINDS[platform])), published_at=published and published.isoformat(),
        account=draw(st.sampled_from(["@ann", "@ann", "@ann.second"])),
    )  # fmt: skip


@settings_of_examples(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(st.lists(lines(), min_size=1, max_size=6), min_size=2, max_size=5), data=st.data())
def test_whatever_is_imported_in_whatever_order_a_rebuild_finds_nothing_to_mend(
    workspace: Workspace, tmp_path: Path, files: list[list[dict[str, Any]]], data: Any
) -> None:
    for told in files:
        bring(workspace, tmp_path, *told)
        if data.draw(st.booleans()):
            workspace.metrics.performance(since=date(2026, 3, 1), until=date(2026, 4, 1))
    assert wrong_after(workspace) == 0
