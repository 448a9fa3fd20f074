"""Replays while others work, of streams that are no more, and of files that somebody corrected: nothing changes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from engagerr import Workspace
from engagerr.core.ingestion.sync.replay import ReplayReport
from engagerr.core.integrations.connector import Connector
from engagerr.core.integrations.registry import installed_connectors
from sqlalchemy import Engine, text
from sqlalchemy import event as engine_events
from tests.core.ingestion.sync.conftest import World
from tests.core.ingestion.test_prospects import list_of
from tests.fakes.platforms.instagram import FakeInstagram
from tests.fakes.platforms.youtube import FakeYouTube
from tests.lines import a_figure, an_item, write_lines

OCTOBER = datetime(2026, 10, 4, tzinfo=UTC)


def rows(work: Workspace, query: str) -> list[tuple[Any, ...]]:
    with work.access.database.transaction(work.tenant.id) as session:
        return sorted((tuple(row) for row in session.execute(text(query))), key=repr)


def figures(work: Workspace) -> list[tuple[Any, ...]]:
    return rows(work, "SELECT subject_id, metric, observed_at, value, state, revision FROM metric_observations")


def standing(work: Workspace) -> dict[tuple[str, datetime], Any]:
    """{(metric, moment): its last value}."""
    query = "SELECT metric, observed_at, revision, value FROM metric_observations"
    return {(metric, at): value for metric, at, _, value in rows(work, query)}


def changed_nothing(report: ReplayReport) -> bool:
    return all(
        (result.items_new, result.items_changed, result.figures_corrected, result.figures_withdrawn, result.error)
        == (0, 0, 0, 0, None)
        for result in report.results
    )


# After the first of the kept pages were read, and when all were.
@pytest.mark.parametrize(("moment", "time"), [("JOIN raw_payloads", 2), ("pg_advisory_xact_lock", 1)])
def test_what_a_sync_lands_while_a_replay_reads_is_not_withdrawn(world: World, moment: str, time: int) -> None:
    fake = FakeYouTube(items=4)
    world.connect(fake)
    world.work.sync.run(stream="videos")
    world.clock.advance(days=1, minutes=1)
    fake.items[0].figures["views"] += 500
    landed: list[dict[tuple[str, datetime], Any]] = []
    times = itertools.count(1)

    def before_statement(_: Any, __: Any, statement: str, *___: Any) -> None:
        if moment in statement and not landed and next(times) == time:
            landed.append({})
            world.work.sync.run(stream="videos")
            landed[0] = standing(world.work)

    engine_events.listen(Engine, "before_cursor_execute", before_statement)
    try:
        report = world.work.sync.replay()
    finally:
        engine_events.remove(Engine, "before_cursor_execute", before_statement)
    assert landed[0]
    assert changed_nothing(report)
    assert standing(world.work) == landed[0]


def test_what_a_stream_said_that_is_no_more_stands(
    world: World, reopened: Callable[[Mapping[str, Connector]], Workspace]
) -> None:
    world.connect(FakeYouTube(items=3))
    world.work.sync.run()
    before = figures(world.work)
    known = installed_connectors()
    streams = tuple(stream for stream in known["youtube"].streams if stream.name != "video_analytics")
    work = reopened({**known, "youtube": replace(known["youtube"], streams=streams)})
    assert changed_nothing(work.sync.replay())
    assert figures(work) == before


def test_a_link_that_the_text_lost_since_does_not_stand_again(world: World) -> None:
    links = "SELECT native_id, found_in, stands FROM content_links"
    fake = FakeInstagram(items=3)
    world.connect(fake)
    world.work.sync.run()
    world.clock.advance(days=1, minutes=1)
    fake.items[1].title = "Without its link"
    world.work.sync.run()
    before = rows(world.work, links)
    assert ("https://example.com/1", "link", False) in before
    world.work.sync.replay()
    assert rows(world.work, links) == before


def test_a_moment_that_the_user_gave_is_known_to_a_replay(world: World, tmp_path: Path) -> None:
    path = list_of(tmp_path, "jun2022.csv", "1,ann,Ann,1M,1000000,5,5")
    world.work.ingestion.import_file(path)
    world.work.ingestion.import_file(path, observed_at=datetime(2022, 7, 4, tzinfo=UTC))
    before = figures(world.work)
    assert changed_nothing(world.work.sync.replay())
    assert figures(world.work) == before


def test_a_list_that_calls_somebody_otherwise_is_read_again(world: World, tmp_path: Path) -> None:
    world.work.ingestion.import_file(list_of(tmp_path, "jun2022.csv", "1,ann,Ann,1M,1000000,5,5"))
    world.work.ingestion.import_file(list_of(tmp_path, "sep2022.csv", "1,ann,Ann Lee,2M,2000000,5,5"))
    before = figures(world.work)
    assert changed_nothing(world.work.sync.replay())
    assert figures(world.work) == before
    assert [row.name for row in world.work.roster.list()] == ["Ann"]


def test_a_correction_of_when_takes_back_only_what_the_file_does_not_date(world: World, tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "lines.jsonl",
        an_item("tiktok:1", metrics=[a_figure("views", 7), a_figure("likes", 3, "2026-10-01")], title="One"),
    )
    world.work.ingestion.import_file(path)
    imported_at = world.clock.now()
    world.work.ingestion.import_file(path, observed_at=OCTOBER)
    assert standing(world.work) == {
        ("likes", datetime(2026, 10, 1, tzinfo=UTC)): 3, ("views", imported_at): None, ("views", OCTOBER): 7,
    }  # fmt: skip
    before = figures(world.work)
    assert changed_nothing(world.work.sync.replay())
    assert figures(world.work) == before
