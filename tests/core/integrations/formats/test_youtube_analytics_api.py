"""Reports of the YouTube Analytics API that somebody saved."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from engagerr.core.errors import EngagerrError, InvalidInput
from engagerr.core.integrations.formats.source import Reading, Source
from engagerr.core.integrations.formats.youtube_analytics_api import YOUTUBE_ANALYTICS_API
from engagerr.core.integrations.formats.youtube_api import YOUTUBE_API
from engagerr.core.integrations.records import AccountRecord, ItemRecord, MetricRecord, Notice, Record, Rejection, State
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def table(dimensions: list[str], metrics: list[str], *rows: list[Any]) -> dict[str, Any]:
    headings = [{"name": name, "columnType": "DIMENSION", "dataType": "STRING"} for name in dimensions]
    headings += [{"name": name, "columnType": "METRIC", "dataType": "INTEGER"} for name in metrics]
    return {"kind": "youtubeAnalytics#resultTable", "columnHeaders": headings} | ({"rows": list(rows)} if rows else {})


def source(folder: Path, content: Any) -> Source:
    path = folder / "report.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return Source(path, NOW)


def read(given: Source) -> list[Record]:
    return list(YOUTUBE_ANALYTICS_API.parse(given, Reading(now=NOW)))


def test_a_report_by_day_is_the_channels_figures_at_the_end_of_each_day(tmp_path: Path) -> None:
    given = source(tmp_path, table(["day"], ["views", "likes"], ["2026-11-01", 5, 0], ["2026-11-02", 7, -1]))
    assert YOUTUBE_ANALYTICS_API.recognise(given)
    assert not YOUTUBE_API.recognise(given)
    first, second = read(given)
    assert isinstance(first, AccountRecord)
    assert isinstance(second, AccountRecord)
    assert (first.row, first.handle, second.row) == (1, None, 2)
    end = datetime(2026, 11, 2, tzinfo=UTC)
    assert first.metrics == (
        MetricRecord("views", 5, State.VALUE, end, 1),
        MetricRecord("likes", 0, State.ZERO, end, 1),
    )


def test_a_report_by_video_is_each_videos_figures(tmp_path: Path) -> None:
    report = table(["video"], ["averageViewPercentage", "estimatedRevenue"], ["dQw4w9WgXcQ", 41.25, 2.5], ["x", 1, 1])
    video, refused = read(source(tmp_path, [report]))
    assert isinstance(video, ItemRecord)
    assert video.metrics == (
        MetricRecord("average_percentage_viewed", Decimal("41.25")),
        MetricRecord("estimated_revenue", Decimal("2.5"), currency="USD"),
    )
    assert isinstance(refused, Rejection)
    assert refused.value == "x"


def test_a_report_that_splits_its_figures_is_not_taken_for_the_whole(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="by country, video"):
        read(source(tmp_path, table(["video", "country"], ["views"], ["dQw4w9WgXcQ", "DE", 5])))
    records = read(source(tmp_path, [table(["country"], ["views"], ["DE", 5]), table(["day"], ["views"])]))
    assert [type(record) for record in records] == [Notice, Notice]


@pytest.mark.parametrize("content", [b'{"kind": "youtubeAnalytics#resultTable"', {"error": {"code": 403}}, []])
def test_what_is_no_report_is_refused(tmp_path: Path, content: Any) -> None:
    with pytest.raises(InvalidInput):
        read(source(tmp_path, content))


@given(rows=st.recursive(st.none() | st.integers() | st.text(max_size=12), st.lists, max_leaves=12), data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_rows_import_or_are_refused(tmp_path: Path, rows: Any, data: st.DataObject) -> None:
    report = table([data.draw(st.sampled_from(["day", "video"]))], ["views"]) | {"rows": rows}
    with suppress(EngagerrError):
        read(source(tmp_path, report))
