"""No import path turns absent into zero: not the formats, not the database, not any sum or export made from it."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from engagerr import Workspace
from engagerr.core.content.families import ConceptTotal, FamilyNode
from engagerr.core.integrations.formats import instagram_business_suite, tiktok_studio, x_analytics, youtube_studio
from engagerr.core.integrations.formats.csv_text import Metric
from engagerr.core.integrations.formats.numbers import Unit
from engagerr.core.integrations.formats.source import Reading, Source
from engagerr.core.integrations.formats.table import format_named
from engagerr.core.integrations.records import AccountRecord, ItemRecord, MetricRecord, Rejection, State
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.lines import Line, a_figure, an_edge, an_item, bring, exported_lines

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
WITHOUT_VALUE = {state.value for state in State} - {"value", "zero", "estimated"}
ABSENT = ("", " ", "undefined", "-", "–", "N/A", "null", "NaN")
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Layout:
    """A CSV format: its fixed columns, its metrics by heading with native name and unit, and its rows' own part."""

    format: str
    fixed: tuple[str, ...]
    metrics: dict[str, tuple[str, Unit]]
    row: Callable[[int], tuple[str, ...]]
    platform: str
    of_items: bool = True

    def subject(self, cells: tuple[str, ...]) -> str:
        """The platform:native_id of a row's item."""
        return f"{self.platform}:{cells[0]}"


def _named(vocabulary: dict[str, Metric], *headings: str, money: str = "") -> dict[str, tuple[str, Unit]]:
    found = {}
    for heading in headings:
        metric = vocabulary[heading]
        found[heading + money] = (metric.name, metric.unit)
    return found


def _video_id(number: int) -> str:
    return f"v{number:010}"


_YOUTUBE = {
    **_named(youtube_studio.METRICS, "views", "subscribers", "likes", "watch time (hours)", "average view duration",
             "impressions click-through rate (%)", "comments added"),
    **_named(youtube_studio.METRICS, "estimated revenue", "rpm", money=" (USD)"),
}  # fmt: skip
LAYOUTS = (
    Layout(
        "youtube-studio-table",
        ("content", "video title", "video publish time", "duration"),
        _YOUTUBE,
        lambda n: (_video_id(n), f"Video {n}", "Sep 14, 2026", "61"),
        "youtube",
    ),
    Layout(
        "youtube-studio-chart",
        ("content", "date", "video title"),
        _YOUTUBE,
        lambda n: (_video_id(n), "2026-09-14", f"Video {n}"),
        "youtube",
    ),
    Layout(
        "youtube-studio-totals",
        ("date",),
        _named(youtube_studio.METRICS, "views"),
        lambda n: (f"{2020 + n // 300 % 6}-{n % 300 // 25 + 1:02}-{n % 25 + 1:02}",),
        "youtube",
        of_items=False,
    ),
    Layout(
        "instagram-business-suite",
        (
            "post id",
            "account id",
            "account username",
            "account name",
            "description",
            "duration (sec)",
            "publish time",
            "permalink",
            "post type",
            "data comment",
            "date",
        ),
        _named(instagram_business_suite.METRICS, "views", "reach", "likes", "shares", "follows", "comments", "saves"),
        lambda n: (
            f"17{n:014}7",
            "178414000000000",
            "ann",
            "Ann",
            f"Post {n}",
            "15",
            "09/14/2026 10:00",
            f"https://www.instagram.com/reel/C{n:010}/",
            "IG reel",
            "",
            "Lifetime",
        ),
        "instagram",
    ),
    Layout(
        "tiktok-studio-content",
        ("video title", "video link", "post time"),
        _named(tiktok_studio.CONTENT_METRICS, "total views", "total likes", "total comments", "total shares"),
        lambda n: (f"Clip {n}", f"https://www.tiktok.com/@ann/video/74{n:016}7", "2026-09-14"),
        "tiktok",
    ),
    Layout(
        "tiktok-studio-overview",
        ("date",),
        _named(tiktok_studio.OVERVIEW_METRICS, "video views", "profile views", "likes", "comments", "shares"),
        lambda n: (f"2026-{n % 250 // 25 + 1:02}-{n % 25 + 1:02}",),
        "tiktok",
        of_items=False,
    ),
    Layout(
        "x-analytics",
        ("post id", "date", "post text", "post link"),
        _named(x_analytics.METRICS, "impressions", "likes", "engagements", "bookmarks", "replies", "reposts"),
        lambda n: (f"19{n:016}7", "Mon, Sep 14, 2026", f"Post {n}", f"https://x.com/ann/status/19{n:016}7"),
        "x",
    ),
    Layout(
        "x-tweet-activity",
        ("tweet id", "tweet permalink", "tweet text", "time"),
        _named(
            x_analytics.TWEET_METRICS,
            "impressions",
            "engagements",
            "engagement rate",
            "retweets",
            "promoted impressions",
            "promoted engagement rate",
        ),
        lambda n: (f"18{n:016}7", f"https://twitter.com/ann/status/18{n:016}7", f"Tweet {n}", "2022-09-14 10:00 +0000"),
        "x",
    ),
)


def _written(unit: Unit) -> st.SearchStrategy[str]:
    """A cell: zero as it may be written, a number, or one of the ways of saying nothing."""
    zeros = {Unit.SECONDS: ("0", "0:00:00", "0:00"), Unit.PERCENT: ("0", "0.0", "0%"), Unit.MONEY: ("0", "0.00")}
    numbers = {Unit.SECONDS: ("0:01:30", "7"), Unit.NET: ("12", "-3", "1,234"), Unit.COUNT: ("1", "20", "1,234")}
    return st.sampled_from((*zeros.get(unit, ("0",)), *numbers.get(unit, ("1", "0.5", "12.25")), *ABSENT))


def _is_zero(cell: str) -> bool:
    return cell.strip() != "" and set(cell) <= set("0.:%")


def _rows(layout: Layout) -> st.SearchStrategy[list[list[str]]]:
    row = st.tuples(*(_written(unit) for _, unit in layout.metrics.values())).map(list)
    return st.lists(row, min_size=1, max_size=12)


def _csv(layout: Layout, cells: list[list[str]], first: int) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*(heading.capitalize() for heading in layout.fixed), *layout.metrics])
    for number, row in enumerate(cells, start=first):
        writer.writerow([*layout.row(number), *row])
    return text.getvalue()


def _agrees(state: str, value: object, cell: str, where: str) -> None:
    """The figure that came of a cell says what the cell said."""
    if cell.strip() in {word.strip() for word in ABSENT}:
        assert value is None, where
        assert state in WITHOUT_VALUE, where
    elif _is_zero(cell):
        assert (value, state) == (0, "zero"), where
    else:
        assert value not in (None, 0), where
        assert state == "value", where


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.format)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_a_parser_makes_of_a_cell_is_what_the_cell_says(
    layout: Layout, data: st.DataObject, tmp_path: Path
) -> None:
    cells = data.draw(_rows(layout))
    path = tmp_path / "export.csv"
    path.write_text(_csv(layout, cells, 1), encoding="utf-8")
    known = format_named(layout.format)
    source = Source(path, NOW)
    assert known.recognise(source)
    records = list(known.parse(source, Reading(now=NOW)))
    assert not [record for record in records if isinstance(record, Rejection)]
    found: dict[int, dict[str, MetricRecord]] = {}
    for record in records:
        if isinstance(record, ItemRecord | AccountRecord):
            found.setdefault(record.row, {}).update({metric.name: metric for metric in record.metrics})
    for number, row in enumerate(cells, start=2):
        for (native, _), cell in zip(layout.metrics.values(), row, strict=True):
            metric = found.get(number, {}).get(native)
            if metric is None:
                assert cell.strip() in {word.strip() for word in ABSENT}, f"{native} of {cell!r} is lost"
            else:
                _agrees(metric.state.value, metric.value, cell, f"{native} from {cell!r} in row {number}")


@pytest.mark.parametrize("layout", [layout for layout in LAYOUTS if layout.of_items], ids=lambda layout: layout.format)
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_is_shown_of_an_imported_cell_is_what_the_cell_says(
    workspace: Workspace, tmp_path: Path, layout: Layout, data: st.DataObject
) -> None:
    cells = data.draw(_rows(layout))
    first = next(_numbers) * 1000
    path = tmp_path / f"export-{first}.csv"
    path.write_text(_csv(layout, cells, first), encoding="utf-8")
    result = workspace.ingestion.import_file(path, creator="Ann", account=f"{layout.platform}:ann")
    assert (result.items_new, result.quarantined) == (len(cells), ())
    items = {item.native_id: item for item in workspace.content.list(platform=layout.platform)}
    for number, row in enumerate(cells, start=first):
        own = set(layout.row(number)) | {part.rstrip("/").rpartition("/")[2] for part in layout.row(number)}
        item = next(items[native_id] for native_id in own if native_id in items)
        shown = {seen.metric: seen for seen in workspace.metrics.show(str(item.id))}
        for (native, _), cell in zip(layout.metrics.values(), row, strict=True):
            if native in shown:
                where = f"{native} from {cell!r} of {item.native_id}"
                _agrees(shown[native].state, shown[native].reported, cell, where)
                if shown[native].reported is None:
                    assert shown[native].standard.value is None, where
            else:
                assert cell.strip() in {word.strip() for word in ABSENT}, f"{native} of {cell!r} is lost"
        for figure in workspace.content.tree(str(item.id)).figures:
            assert (figure.reported is None) == (figure.state in WITHOUT_VALUE)
            assert figure.reported is not None or figure.value is None
    _nothing_invented(workspace)


# --- interchange ----------------------------------------------------------------------------------------------------

_NAMES = ("views", "likes", "comments", "shares", "a_metric_of_nobody")


@st.composite
def figures(draw: st.DrawFn) -> Line:
    name = draw(st.sampled_from(_NAMES))
    at = draw(st.sampled_from(["2026-09-01", "2026-10-01", None]))
    kind = draw(st.sampled_from(["number", "zero", "silent", "null", "why"]))
    figure = a_figure(name, at=at, period_days=draw(st.sampled_from([0, 0, 28])))
    if kind == "number":
        figure["value"] = draw(st.integers(1, 10**12) | st.floats(0.25, 1e6))
        figure |= draw(st.sampled_from([{}, {"state": "value"}, {"state": "estimated"}, {"state": None}]))
    elif kind == "zero":
        figure["value"] = draw(st.sampled_from([0, 0.0, -0.0]))
        figure |= draw(st.sampled_from([{}, {"state": "value"}, {"state": "zero"}]))
    elif kind == "null":
        figure["value"] = None
    elif kind == "why":
        figure["state"] = draw(st.sampled_from(sorted(WITHOUT_VALUE)))
        figure |= draw(st.sampled_from([{}, {"value": None}]))
    return figure


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(items=st.lists(st.lists(figures(), max_size=4), min_size=2, max_size=12), own=st.lists(figures(), max_size=3))
def test_what_an_interchange_file_leaves_out_is_never_a_zero(
    workspace: Workspace, tmp_path: Path, items: list[list[Line]], own: list[Line]
) -> None:
    example = next(_numbers)
    platforms = ("youtube", "instagram", "facebook", "tiktok", "podcast")
    names = [f"{platforms[number % 5]}:{example}-{number}" for number in range(len(items))]
    account = {"platform": "youtube", "handle": f"@{example}", "metrics": own}
    bring(
        workspace, tmp_path,
        {"type": "creator", "name": f"Creator {example}", "accounts": [account]},
        *(an_item(name, creator=f"Creator {example}", account=f"@{example}", metrics=metrics)
          for name, metrics in zip(names, items, strict=True)),
        *(an_edge(name, names[0], "same_work") for name in names[1:]),
    )  # fmt: skip
    subjects = [*zip(names, items, strict=True), (f"youtube:@{example}", own)]
    lines = exported_lines(workspace)
    told: dict[str, list[Line]] = {
        f"{line['platform']}:{line['native_id']}": line.get("metrics", []) for line in lines if line["type"] == "item"
    }
    [creator] = [line for line in lines if line.get("name") == f"Creator {example}"]
    [of_account] = [one for one in creator["accounts"] if one["platform"] == "youtube"]
    told[f"youtube:@{example}"] = of_account.get("metrics", [])
    for name, metrics in subjects:
        said = list(_as_said(metrics))
        shown = workspace.metrics.show(name)
        assert {(row.metric, row.period_days) for row in shown} == {(word.name, word.period_days) for word in said}
        for row in shown:
            words = [word for word in said if (word.name, word.period_days) == (row.metric, row.period_days)]
            assert any((word.value, word.state.value) == (_plain(row.reported), row.state) for word in words), (
                row,
                words,
            )
            assert (row.reported is None) == (row.state in WITHOUT_VALUE)
            assert row.reported is not None or row.standard.value is None
        for line in told[name]:
            assert ("value" in line) == (line["state"] not in WITHOUT_VALUE)
            assert ("value" in line and line["value"] == 0) == (line["state"] == "zero")
    _nothing_invented(workspace, f"Creator {example}")


def _plain(value: object) -> object:
    return None if value is None else float(value)  # type: ignore[arg-type]


def _as_said(metrics: list[Line]) -> Iterator[MetricRecord]:
    for metric in metrics:
        value = metric.get("value")
        state = State(metric.get("state") or ("not_reported" if value is None else "value"))
        if value is not None and value == 0 and state is State.VALUE:
            state = State.ZERO
        yield MetricRecord(
            metric["name"], None if value is None else float(value), state, period_days=metric["period_days"]
        )


def _nothing_invented(workspace: Workspace, creator: str | None = None) -> None:
    """Wherever figures are added: a sum has a value only of items that reported one, and what is missing is counted."""
    reports = [workspace.metrics.report(creator, by=by) for by in ("creator", "platform", "family", "kind")]
    totals = [row.total for report in reports for row in report.rows]
    for family in workspace.content.families(creator):
        totals += family.totals
        _of_figures(family.totals, workspace.content.tree(str(family.id)))
    for total in totals:
        assert (total.value is None) == (total.items == 0), total
        assert total.value is not None or total.state in WITHOUT_VALUE or total.counted_elsewhere, total
        assert (total.state == "zero") <= (total.value == 0), total
    for report in reports:
        frame = report.frame()
        assert [row.total.value is None for row in report.rows] == list(frame["value"].isna())


def _of_figures(totals: tuple[ConceptTotal, ...], root: FamilyNode) -> None:
    """A family's total is zero only if a figure in it is, and missing if all of its figures are."""
    waiting, reported = [root], set()
    while waiting:
        node = waiting.pop()
        waiting += node.children
        reported |= {figure.concept for figure in node.figures if figure.value is not None}
    for total in totals:
        assert total.value is None or total.concept in reported


def test_a_sum_of_nothing_but_missing_figures_is_missing(workspace: Workspace, tmp_path: Path) -> None:
    bring(
        workspace, tmp_path,
        an_item("youtube:one", metrics=[a_figure("views", state="suppressed")]),
        an_item("youtube:two", metrics=[a_figure("views", state="suppressed")]),
        an_edge("youtube:two", "youtube:one"),
    )  # fmt: skip
    [total] = workspace.content.families()[0].totals
    assert (total.value, total.state, total.items, total.missing) == (None, "suppressed", 0, 2)
    [row] = workspace.metrics.report().rows
    assert (row.total.value, row.total.state, row.total.missing) == (None, "suppressed", 2)


def test_a_file_whose_cells_all_say_nothing_is_no_file_of_zeros(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "Table data.csv"
    path.write_text("Content,Video title,Video publish time,Duration,Views\ndQw4w9WgXcQ,A,,,\n", encoding="utf-8")
    workspace.ingestion.import_file(path, creator="Ann")
    item = workspace.content.list()[0]
    assert (item.duration_seconds, item.published_at) == (None, None)
    assert [(row.reported, row.state) for row in workspace.metrics.show(str(item.id))] == [(None, "not_reported")]
