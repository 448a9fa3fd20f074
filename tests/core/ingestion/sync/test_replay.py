"""Replays: after a mapping was mended, what is kept reads as a fresh import would, and history stays."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import httpx
import msgspec
import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.integrations.connector import Account, Connector, Page
from engagerr.core.integrations.records import ItemRecord, Record
from engagerr.core.integrations.registry import installed_connectors
from tests.core.ingestion.sync.conftest import Internet, World
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone
from tests.fakes.platforms.youtube import FakeYouTube
from tests.lines import a_figure, an_item, bring, write_lines

Reopen = Callable[[Mapping[str, Connector]], Workspace]


def with_mapping(mended: Callable[[ItemRecord], ItemRecord]) -> dict[str, Connector]:
    """The connectors, with YouTube's mapping followed by a change of its items."""

    def read(page: Page, account: Account, original: Callable[[Page, Account], Iterator[Record]]) -> Iterator[Record]:
        for record in original(page, account):
            yield mended(record) if isinstance(record, ItemRecord) else record

    known = installed_connectors()
    youtube = known["youtube"]
    streams = tuple(
        replace(stream, read=lambda page, account, original=stream.read: read(page, account, original))
        for stream in youtube.streams
    )
    return {**known, "youtube": replace(youtube, streams=streams)}


def mistaken(item: ItemRecord) -> ItemRecord:
    """Views ten times too high, no likes, a title that is not one, and a hint that should not be there."""
    metrics = tuple(
        msgspec.structs.replace(metric, value=metric.value * 10 if metric.value else metric.value)
        if metric.name == "views"
        else metric
        for metric in item.metrics
        if metric.name != "likes"
    )
    title = f"?{item.title}" if item.title else None
    return msgspec.structs.replace(item, metrics=metrics, title=title, hints={**item.hints, "category_id": "wrong"})


def exported(work: Workspace) -> bytes:
    target = io.BytesIO()
    work.ingestion.export_jsonl(target)
    return target.getvalue()


def standing(work: Workspace) -> list[object]:
    """Everything as it stands: of each figure the last word (an export keeps them all)."""
    lines = [json.loads(line) for line in exported(work).splitlines()]
    for line in lines:
        for holder in (line, *line.get("accounts", ())):
            last = {
                (said["name"], said["observed_at"], said.get("period_days")): said for said in holder.get("metrics", ())
            }
            holder["metrics"] = sorted(last.values(), key=json.dumps)
    return lines


@pytest.fixture
def connectors() -> Mapping[str, Connector]:
    return with_mapping(mistaken)


@pytest.fixture
def fresh(clone: Clone, clock: SteeredClock, internet: Internet, tmp_path: Path) -> Iterator[World]:
    """Another agency, whose connectors were right from the beginning."""
    with Engagerr(clone.settings(tmp_path / "fresh"), clock=clock, transport=httpx.MockTransport(internet)) as engagerr:
        yield World(engagerr.init("Southgate"), engagerr, clock, internet)


def two_days(world: World, fake: FakeYouTube) -> None:
    world.connect(fake)
    world.work.sync.run()
    world.clock.advance(days=1, minutes=1)
    fake.items[0].figures["views"] += 500
    fake.items[0].title = "Renamed"
    world.work.sync.run()


def test_after_a_mend_everything_reads_as_a_fresh_import_would(world: World, fresh: World, reopened: Reopen) -> None:
    began = world.clock.now()
    two_days(world, FakeYouTube(items=7, page_size=3))
    world.clock.set(began)
    world.internet.platforms.clear()
    two_days(fresh, FakeYouTube(items=7, page_size=3))
    assert standing(world.work) != standing(fresh.work)

    report = reopened(installed_connectors()).sync.replay()
    assert {result.error for result in report.results} == {None}
    assert standing(world.work) == standing(fresh.work)


def test_what_was_said_before_stays_in_the_history(world: World, reopened: Reopen) -> None:
    fake = FakeYouTube(items=1)
    world.connect(fake)
    world.work.sync.run(stream="videos")
    work = reopened(installed_connectors())
    work.sync.replay()
    views = fake.items[0].figures["views"]
    told = [row.reported for row in work.metrics.show(f"youtube:{fake.items[0].native_id}") if row.metric == "views"]
    assert told == [views * 10, views]


def test_a_replay_with_the_same_mapping_changes_nothing(world: World) -> None:
    two_days(world, FakeYouTube(items=7, page_size=3))
    before = exported(world.work)
    imports = len(world.work.ingestion.history())
    report = world.work.sync.replay()
    assert all(
        (result.items_changed, result.figures_corrected, result.figures_withdrawn) == (0, 0, 0)
        for result in report.results
    )
    assert sum(result.imports for result in report.results) > 3
    assert exported(world.work) == before
    assert len(world.work.ingestion.history()) == imports


def test_a_second_replay_after_a_mend_changes_nothing_more(world: World, reopened: Reopen) -> None:
    two_days(world, FakeYouTube(items=3))
    work = reopened(installed_connectors())
    work.sync.replay()
    after_one = exported(work)
    second = work.sync.replay()
    assert sum(result.figures_corrected + result.items_changed for result in second.results) == 0
    assert exported(work) == after_one


def test_a_figure_that_is_read_no_more_is_withdrawn_and_not_deleted(world: World, reopened: Reopen) -> None:
    fake = FakeYouTube(items=1)
    world.connect(fake)
    world.work.sync.run(stream="videos")
    without_comments = with_mapping(
        lambda item: msgspec.structs.replace(
            item, metrics=tuple(metric for metric in item.metrics if metric.name != "comments")
        )
    )
    work = reopened(without_comments)
    (result,) = work.sync.replay().results
    assert result.figures_withdrawn == 1
    told = [row for row in work.metrics.show(f"youtube:{fake.items[0].native_id}") if row.metric == "comments"]
    assert [row.state for row in told] == ["zero", "not_reported"]


def test_what_somebody_else_said_later_is_not_overruled(world: World, reopened: Reopen, tmp_path: Path) -> None:
    fake = FakeYouTube(items=1)
    account = world.connect(fake)
    world.work.sync.run(stream="videos")
    moment = world.clock.now()
    name = f"youtube:{fake.items[0].native_id}"
    world.clock.advance(hours=1)
    bring(
        world.work, tmp_path,
        an_item(
            name, account=account.partition(":")[2], title="By hand",
            metrics=[a_figure("views", 42, moment.isoformat().replace("+00:00", "Z"))],
        ),
    )  # fmt: skip
    work = reopened(installed_connectors())
    work.sync.replay(platform="youtube")
    assert [row.reported for row in work.metrics.show(name) if row.metric == "views"][-1] == 42
    assert work.content.list()[0].title == "By hand"


def test_files_are_read_again_from_what_was_kept(world: World, tmp_path: Path) -> None:
    file = write_lines(
        tmp_path / "lines.jsonl", an_item("tiktok:1", metrics=[a_figure("views", 7, "2026-10-01")], title="One")
    )
    world.work.ingestion.import_file(file)
    file.unlink()
    before = exported(world.work)
    (result,) = world.work.sync.replay().results
    assert (result.source, result.rows, result.error) == ("lines.jsonl", 1, None)
    assert exported(world.work) == before


def test_one_page_that_cannot_be_read_any_more_keeps_nobody_else_from_it(world: World, reopened: Reopen) -> None:
    def stumbles(item: ItemRecord) -> ItemRecord:
        raise KeyError(item.native_id)

    world.connect(FakeYouTube(items=2))
    world.work.sync.run()
    work = reopened(with_mapping(stumbles))
    (result,) = work.sync.replay().results
    assert result.error is not None
    assert "youtube" in result.error


def test_a_page_that_the_mapping_cannot_read_is_kept_and_read_after_the_mend(world: World, reopened: Reopen) -> None:
    def stumbles(item: ItemRecord) -> ItemRecord:
        raise KeyError(item.native_id)

    fake = FakeYouTube(items=5, page_size=2)
    world.connect(fake)
    old = reopened(with_mapping(stumbles))
    report = old.sync.run(stream="videos")
    assert report.failures[0].pages == 3
    assert report.failures[0].error is not None
    assert "replay" in report.failures[0].error["hint"]
    assert [task.kind for task in report.tasks] == ["sync.failed"]
    assert world.ids("youtube") == []
    fake.items.clear()  # gone there: only what was kept has them

    work = reopened(installed_connectors())
    (result,) = work.sync.replay().results
    assert result.items_new == 5
    assert len(world.ids("youtube")) == 5
