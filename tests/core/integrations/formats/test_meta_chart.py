"""Meta Business Suite: the chart of one metric."""

import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.meta_chart import CHART, FACEBOOK, FORMATS, INSTAGRAM
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.records import AccountRecord, MetricRecord, Notice, Record, Rejection, State
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAYS = ('"2026-08-01T00:00:00","20"', '"2026-08-02T00:00:00","0"', '"2026-08-03T00:00:00",""')


def section(title: str, *days: str, heading: str = '"Date","Primary"') -> str:
    return "\r\n".join([f'"{title}"', heading, *(days or DAYS)])


def source(folder: Path, *sections: str, encoding: str = "utf-16-le") -> Source:
    path = folder / "chart.csv"
    text = "\r\n\r\n".join(sections)
    path.write_bytes("\ufeff".encode(encoding) + f"sep=,\r\n{text}\r\n".encode(encoding))
    return Source(path, NOW)


def read(given: Source, using: Format = CHART) -> list[Record]:
    return list(using.parse(given, Reading(now=NOW)))


def figures(records: list[Record]) -> list[tuple[int, str, MetricRecord]]:
    return [(one.row, one.platform, one.metrics[0]) for one in records if isinstance(one, AccountRecord)]


def test_a_chart_gives_one_figure_a_day_at_the_days_end(tmp_path: Path) -> None:
    given = source(tmp_path, section("Instagram follows"))
    assert [one.name for one in FORMATS if one.recognise(given)] == ["meta-chart"]
    assert figures(read(given)) == [
        (3, "instagram", MetricRecord("follows", 20, State.VALUE, datetime(2026, 8, 2, tzinfo=UTC), 1)),
        (4, "instagram", MetricRecord("follows", 0, State.ZERO, datetime(2026, 8, 3, tzinfo=UTC), 1)),
        (5, "instagram", MetricRecord("follows", None, State.NOT_REPORTED, datetime(2026, 8, 4, tzinfo=UTC), 1)),
    ]


@pytest.mark.parametrize(
    ("title", "platform", "metric"),
    [("Facebook visits", "facebook", "visits"), ("Instagram profile visits", "instagram", "profile_visits"),
     ("Facebook link clicks", "facebook", "link_clicks"), ("Instagram reach", "instagram", "reach"),
     ("Reichweite auf Instagram", "instagram", "reach"), ("Facebook-Besuche", "facebook", "visits"),
     ("Visitas de Facebook", "facebook", "visits"), ("Visites sur Facebook", "facebook", "visits")],
)  # fmt: skip
def test_the_title_names_the_metric_and_the_platform(tmp_path: Path, title: str, platform: str, metric: str) -> None:
    found = figures(read(source(tmp_path, section(title))))
    assert {(where, figure.name) for _, where, figure in found} == {(platform, metric)}


def test_a_title_without_a_platform_is_refused_with_the_two_formats_to_choose_from(tmp_path: Path) -> None:
    given = source(tmp_path, section("Views"))
    with pytest.raises(InvalidInput, match="Facebook or of Instagram") as refused:
        read(given)
    assert refused.value.hint is not None
    assert "meta-chart-facebook" in refused.value.hint
    assert {where for _, where, _ in figures(read(given, FACEBOOK))} == {"facebook"}
    assert {where for _, where, _ in figures(read(given, INSTAGRAM))} == {"instagram"}


def test_the_rest_of_the_file_settles_a_title_without_a_platform_and_says_so(tmp_path: Path) -> None:
    records = read(source(tmp_path, section("Views"), section("Facebook follows")))
    assert [(row, where, figure.name) for row, where, figure in figures(records)] == [
        (3, "facebook", "views"), (4, "facebook", "views"), (5, "facebook", "views"),
        (9, "facebook", "follows"), (10, "facebook", "follows"), (11, "facebook", "follows"),
    ]  # fmt: skip
    assert any(isinstance(note, Notice) and "Views" in note.text and "facebook" in note.text for note in records)


def test_the_chosen_platform_may_not_contradict_a_title(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="facebook"):
        read(source(tmp_path, section("Facebook follows")), INSTAGRAM)


def test_a_metric_that_is_not_known_is_never_guessed(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no metric that Engagerr knows"):
        read(source(tmp_path, section("Facebook zaps")))
    records = read(source(tmp_path, section("Facebook zaps"), section("Facebook follows")))
    assert {figure.name for _, _, figure in figures(records)} == {"follows"}
    assert any(isinstance(note, Notice) and "Facebook zaps" in note.text for note in records)


def test_sections_that_are_no_chart_are_passed_over_and_told(tmp_path: Path) -> None:
    cities = '"Top cities"\r\n"Berlin, Germany","Graz, Austria"\r\n"12.5","3"'
    records = read(source(tmp_path, cities, section("Facebook follows")))
    assert len(figures(records)) == 3
    assert any(isinstance(note, Notice) and "Top cities" in note.text for note in records)


def test_two_charts_of_one_metric_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="several charts of follows"):
        read(source(tmp_path, section("Facebook follows"), section("Facebook follows")))


def test_a_bad_day_or_figure_refuses_its_row_only(tmp_path: Path) -> None:
    days = ('"2026-08-01T00:00:00","20"', '"someday","1"', '"2026-08-03T00:00:00","many"', '"2026-08-01T00:00:00","9"')
    records = read(source(tmp_path, section("Facebook follows", *days)))
    assert [row for row, _, _ in figures(records)] == [3]
    refused = [(one.row, one.column, one.value) for one in records if isinstance(one, Rejection)]
    assert refused == [(4, "Date", "someday"), (5, "Primary", "many"), (6, "Date", "2026-08-01T00:00:00")]


def test_a_chart_saved_as_utf_8_is_still_a_chart(tmp_path: Path) -> None:
    given = source(tmp_path, section("Facebook follows"), encoding="utf-8")
    assert CHART.recognise(given)
    assert len(figures(read(given))) == 3


def test_a_further_column_is_told_and_not_read(tmp_path: Path) -> None:
    text = section("Facebook follows", '"2026-08-01T00:00:00","20","3"', heading='"Date","Primary","stars"')
    records = read(source(tmp_path, text))
    assert len(figures(records)) == 1
    assert any(isinstance(note, Notice) and "stars" in note.text for note in records)


@pytest.mark.parametrize(
    "data",
    [b"", b"sep=,", b"\xff\xfe", b"\xff\xfes", b"\x00" * 100, b"PK\x03\x04", b"Date,Primary\n2026-08-01,3\n",
     b"sep=,\nDate,Views\n2026-08-01,3\n", b'sep=,\n"never closed\nDate,Primary\n'],
)  # fmt: skip
def test_other_bytes_are_not_recognised_and_refused_with_a_cure(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(data)
    given = Source(path, NOW)
    assert not CHART.recognise(given)
    with pytest.raises(InvalidInput) as refused:
        read(given)
    assert refused.value.hint


@given(
    st.lists(st.integers(0, 10**9), min_size=1, max_size=40),
    st.dates(date(2015, 1, 1), date(2026, 1, 1)),
)
def test_every_day_comes_back_as_it_was_written(values: list[int], first: date) -> None:
    with tempfile.TemporaryDirectory() as folder:
        days = [f'"{first + timedelta(days=at)}T00:00:00","{value}"' for at, value in enumerate(values)]
        found = figures(read(source(Path(folder), section("Facebook follows", *days))))
    ends = [figure.observed_at.date() for _, _, figure in found if figure.observed_at]
    assert [figure.value for _, _, figure in found] == values
    assert ends == [first + timedelta(days=at + 1) for at in range(len(values))]
