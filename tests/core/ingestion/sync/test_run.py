"""A sync run: what it brings, what it leaves for later, and what a platform's bad day does to it."""

from __future__ import annotations

import io
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from engagerr import Workspace
from engagerr.core.ingestion.sync import SyncProgress
from engagerr.core.ingestion.sync.reports import StreamState
from tests.core.ingestion.sync.conftest import World
from tests.fakes.platforms.youtube import FakeYouTube


def test_a_first_run_brings_every_item_once_with_its_figures(world: World) -> None:
    fake = FakeYouTube(items=7, page_size=3)
    world.connect(fake)
    report = world.work.sync.run()
    assert report.state == "succeeded", report.results
    assert world.ids("youtube") == sorted(item.native_id for item in fake.items)
    newest = fake.items[0]
    figures = {
        row.metric: row.reported
        for row in world.work.metrics.show(f"youtube:{newest.native_id}")
        if row.period_days == 0
    }
    assert figures["views"] == newest.figures["views"]


def test_what_is_not_due_is_left_alone(world: World) -> None:
    fake = FakeYouTube()
    world.connect(fake)
    first = world.work.sync.run()
    asked = len(fake.requests)
    second = world.work.sync.run()
    assert second.results == ()
    assert second.not_due == len(first.results)
    assert second.next_due_at == first.next_due_at
    assert len(fake.requests) == asked


def test_a_second_pass_finds_what_is_new(world: World) -> None:
    fake = FakeYouTube()
    world.connect(fake)
    world.work.sync.run()
    world.clock.advance(days=1, minutes=1)
    fresh = fake.publish(world.clock.now() - timedelta(hours=1))
    report = world.work.sync.run()
    assert fresh.native_id in world.ids("youtube")
    assert sum(result.items_new for result in report.results) == 1


def test_progress_is_told_page_by_page(world: World) -> None:
    fake = FakeYouTube(items=7, page_size=3)
    world.connect(fake)
    told: list[SyncProgress] = []
    world.work.sync.run(progress=told.append)
    videos = [one for one in told if one.stream == "videos"]
    assert [one.pages for one in videos] == [1, 2, 3, 3]
    assert videos[-1].state is StreamState.DONE


def test_the_audience_of_an_account_stands_beside_the_creators_own(world: World) -> None:
    account = world.connect(FakeYouTube())
    world.work.sync.run()
    shares = {
        (row.dimension, row.value): (row.share, row.account) for row in world.work.roster.show("Ann Lee").audience
    }
    assert shares["gender", "female"] == (Decimal("0.61"), account)


def test_what_a_sync_brought_survives_an_export_and_an_import(
    world: World, other_workspace: Workspace, tmp_path: Path
) -> None:
    world.connect(FakeYouTube())
    world.work.sync.run()
    first = io.BytesIO()
    world.work.ingestion.export_jsonl(first)
    file = tmp_path / "export.jsonl"
    file.write_bytes(first.getvalue())
    assert other_workspace.ingestion.import_file(file).quarantined == ()
    second = io.BytesIO()
    other_workspace.ingestion.export_jsonl(second)
    assert second.getvalue() == first.getvalue()
    assert b'"audience"' in first.getvalue()
