"""Saved answers of Anchor, Spotify for Creators, Apple Podcasts Connect and podcast hosts."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats import anchor_payloads, apple_payloads, hoster_payloads, spotify_payloads
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.records import (
    AccountRecord,
    ItemRecord,
    MetricRecord,
    Notice,
    Record,
    Rejection,
    State,
)
from engagerr.core.metrics.registry import Registry
from hypothesis import HealthCheck, settings
from hypothesis import given as for_all
from hypothesis import strategies as st

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
REAL = Path(__file__).parents[5] / "shared" / "data" / "api" / "podcast_platforms"
FILES = sorted(REAL.glob("*.json"))
FORMATS = (*anchor_payloads.FORMATS, *spotify_payloads.FORMATS, *apple_payloads.FORMATS, *hoster_payloads.FORMATS)
REFUSED = {"anchorPlaysByEpisode.json": "no episode's id", "forwarder.json": "the log of one download"}
WITH_VALUE = (State.VALUE, State.ZERO, State.ESTIMATED)
real = pytest.mark.skipif(not FILES, reason="the sample answers are not on this machine")


def source(folder: Path, document: Any, name: str = "answer.json") -> Source:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return Source(path, NOW)


def envelope(provider: str, endpoint: str, data: Any, *, episode: str | None = None, **more: Any) -> dict[str, Any]:
    meta = {"show": "show1", "endpoint": endpoint} | ({"episode": episode} if episode else {})
    return {
        "provider": provider,
        "version": 1,
        "retrieved": "2026-11-01T08:00:00",
        "meta": meta,
        "range": {"start": "2026-10-01", "end": "2026-10-31"},
        "data": data,
    } | more


def table(kind: str, rows: list[Any], *headings: str, **more: Any) -> dict[str, Any]:
    return {
        "stationId": 1,
        "kind": kind,
        "data": {"rows": rows, "columnHeaders": [{"name": h} for h in headings]},
    } | more


def chosen(given: Source) -> Format:
    [using] = [one for one in FORMATS if one.recognise(given)]
    return using


def read(given: Source) -> list[Record]:
    return list(chosen(given).parse(given, Reading(now=NOW)))


def metrics(records: list[Record]) -> Iterator[MetricRecord]:
    for record in records:
        if isinstance(record, ItemRecord | AccountRecord):
            yield from record.metrics


def figures(records: list[Record]) -> dict[str, Any]:
    return {metric.name: metric.value for metric in metrics(records)}


def rejections(records: list[Record]) -> list[Rejection]:
    return [record for record in records if isinstance(record, Rejection)]


# ------------------------------------------------------------------------------------------------- every real answer


@real
@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_real_answer_is_imported_or_refused_with_the_reason_and_the_cure(path: Path) -> None:
    given = Source(path, NOW)
    if path.name in REFUSED:
        with pytest.raises(InvalidInput, match=REFUSED[path.name]) as refused:
            read(given)
        assert refused.value.hint
        return
    records = read(given)
    assert any(isinstance(record, ItemRecord | AccountRecord) for record in records)
    for metric in metrics(records):
        assert (metric.value is not None) == (metric.state in WITH_VALUE)
        assert metric.observed_at is not None


@real
def test_every_figure_of_the_real_answers_has_a_definition_but_those_of_single_apps() -> None:
    registry = Registry.load()
    without = set()
    for path in FILES:
        if path.name not in REFUSED:
            for record in read(Source(path, NOW)):
                if isinstance(record, ItemRecord | AccountRecord):
                    without |= {
                        metric.name
                        for metric in record.metrics
                        if not registry.named(platform=record.platform, metric=metric.name)
                    }
    assert without <= {"clients_pocketcasts"}


@real
def test_only_the_figures_of_another_episode_are_set_aside() -> None:
    bad = {path.name: rejections(read(Source(path, NOW))) for path in FILES if path.name not in REFUSED}
    assert {name: [one.column for one in found] for name, found in bad.items() if found} == {
        "appleEpisodeDetailsNoFollowState.json": ["episodePlayCountAllTime.episodeid"]
    }


@real
def test_the_real_plays_of_an_episode_are_fourteen_days() -> None:
    records = read(Source(REAL / "anchorEpisodePlays.json", NOW))
    assert {record.native_id for record in records if isinstance(record, ItemRecord)} == {"e215pm4"}
    days = list(metrics(records))
    assert [day.value for day in days] == [43, 8, 6, 6, 9, 12, 7, 2, 6, 3, 1, 2, 2, 5]
    assert {day.period_days for day in days} == {1}
    assert days[0].observed_at == datetime(2023, 4, 22, tzinfo=UTC)


@real
def test_the_real_episodes_of_apple_have_lifetime_figures_and_their_feeds_guid() -> None:
    records = read(Source(REAL / "appleEpisodes.json", NOW))
    items = {record.native_id: record for record in records if isinstance(record, ItemRecord)}
    assert len(items) == 44
    item = items["1000580014637"]
    assert item.account_native_id == "1603082924"
    assert {metric.name: metric.value for metric in item.metrics} == {
        "plays": 48,
        "listeners": 17,
        "engaged_listeners": 14,
        "total_time_listened": 51337,
    }
    assert {metric.period_days for metric in item.metrics} == {0}
    assert items["1000584604988"].hints["guid"] == "55a63c33-3839-4daa-ab64-3a5983d7c0ef"


@real
def test_the_real_listening_times_add_up_to_the_week_and_a_missing_day_is_absent() -> None:
    records = read(Source(REAL / "appleTrendsListeningTimeFollowerState.json", NOW))
    found = list(metrics(records))
    for name, days, week in (
        ("time_listened", 7, 200_627),
        ("time_listened_followed", 7, 149_593),
        ("time_listened_not_followed", 6, 51_034),
    ):
        daily = [metric.value for metric in found if metric.name == name and metric.period_days == 1]
        assert len(daily) == days
        assert sum(value for value in daily if value is not None) == week
        assert [metric.value for metric in found if metric.name == name and metric.period_days == 7] == [week]


@real
def test_the_real_followers_are_those_that_apple_calls_current() -> None:
    found = list(metrics(read(Source(REAL / "appleTrendsFollowers.json", NOW))))
    [followers] = [metric for metric in found if metric.name == "followers"]
    last = {metric.name: metric.value for metric in found if metric.observed_at == datetime(2022, 11, 7, tzinfo=UTC)}
    assert followers.value == 108 == last["follows_all_time"] - last["unfollows_all_time"]  # type: ignore[operator]
    assert followers.observed_at == datetime(2022, 11, 7, tzinfo=UTC)


@real
def test_the_real_impressions_are_about_thirty_days_and_split_by_place() -> None:
    found = list(metrics(read(Source(REAL / "spotifyImpressionsFacetedPayload.json", NOW))))
    values = {metric.name: metric.value for metric in found}
    assert values["impressions"] == 44_636 == sum(v for k, v in values.items() if k != "impressions" and v is not None)
    assert values["impressions_other"] == 0
    assert {(metric.period_days, metric.observed_at) for metric in found} == {(30, datetime(2025, 8, 26, tzinfo=UTC))}


@real
def test_the_real_audience_is_shares_of_the_show() -> None:
    [account] = [one for one in read(Source(REAL / "anchorPlaysByGender.json", NOW)) if isinstance(one, AccountRecord)]
    assert (account.native_id, account.metrics) == ("123abcde", ())
    shares = {one.value: float(one.share) for one in account.audience}
    assert shares.keys() == {"male", "female", "not_specified", "non_binary"}
    assert sum(shares.values()) == pytest.approx(1)
    spotify = read(Source(REAL / "spotifyPodcastAggregate.json", NOW))
    [show] = [one for one in spotify if isinstance(one, AccountRecord)]
    assert {(one.dimension, one.value) for one in show.audience if one.share == 1} == {
        ("gender", "male"),
        ("age", "28-34"),
        ("country", "AT"),
    }


@real
@pytest.mark.parametrize("name", ["spotifyImpressionsTotal.json", "spotifyImpressionsFaceted.json"])
def test_an_answer_without_its_envelope_names_no_account_and_says_so(name: str) -> None:
    records = read(Source(REAL / name, NOW))
    assert [one.native_id for one in records if isinstance(one, AccountRecord)] == [None]
    assert any(isinstance(one, Notice) and "does not name its show" in one.text for one in records)


# ------------------------------------------------------------------------------------------------------------ Anchor


def test_lifetime_plays_are_true_when_they_were_retrieved(tmp_path: Path) -> None:
    document = envelope("anchor", "totalPlays", table("totalPlays", [1234], "Plays"))
    [metric] = metrics(read(source(tmp_path, document)))
    assert metric == MetricRecord("total_plays", 1234, State.VALUE, datetime(2026, 11, 1, 8, tzinfo=UTC), 0)


def test_an_episode_that_is_not_ready_has_no_title_and_keeps_its_plays(tmp_path: Path) -> None:
    entry = {"webEpisodeId": "e1abcd", "title": None, "totalPlays": 0, "duration": 61500, "episodeId": 5}
    [item] = [
        one
        for one in read(source(tmp_path, envelope("anchor", "episodesPage", [entry])))
        if isinstance(one, ItemRecord)
    ]
    assert (item.title, item.duration_seconds, item.hints["anchor_episode_number"]) == (None, Decimal("61.5"), "5")
    assert item.metrics[0].state is State.ZERO


def test_an_episode_outside_the_catalogue_is_known_by_anchors_number(tmp_path: Path) -> None:
    headings = ("Episode Title", "Episode ID", "Streams & Downloads", "Episode URI")
    rows = [["In", 1, 5, "spotify:episode:0p841lr0BDXqXD7zWvljwz"], ["Out", 2, None, None]]
    records = read(source(tmp_path, envelope("anchor", "x", table("totalPlaysByEpisode", rows, *headings))))
    assert [one.native_id for one in records if isinstance(one, ItemRecord)] == ["0p841lr0BDXqXD7zWvljwz", "2"]
    assert [metric.state for metric in metrics(records)] == [State.VALUE, State.NOT_REPORTED]


def test_plays_by_the_hour_are_refused_as_they_are_no_days(tmp_path: Path) -> None:
    data = table("plays", [[1682899200, 9]], "Time (UTC)", "Plays", parameters={"timeInterval": 3600})
    with pytest.raises(InvalidInput, match="by steps of 3600"):
        read(source(tmp_path, envelope("anchor", "plays", data)))


@pytest.mark.parametrize("row", [[1682899200], ["soon", 1], [1682899200, -1], [1682899200, "x"], None, [None, 3]])
def test_a_bad_day_is_set_aside_and_the_others_go_on(tmp_path: Path, row: Any) -> None:
    data = table("plays", [row, [1682985600, 10]], "Time (UTC)", "Plays")
    records = read(source(tmp_path, envelope("anchor", "plays", data)))
    assert [one.row for one in rejections(records)] == [1]
    assert [metric.value for metric in metrics(records)] == [10]


def test_a_day_with_two_figures_is_told_and_one_that_repeats_itself_is_not(tmp_path: Path) -> None:
    rows = [[1682899200, 9], [1682899200, 9], [1682899200, 8]]
    data = table("plays", rows, "Time (UTC)", "Plays")
    records = read(source(tmp_path, envelope("anchor", "plays", data)))
    assert [one.row for one in rejections(records)] == [3]


@pytest.mark.parametrize("share", [1.2, -0.1, None, "much"])
def test_what_is_no_share_is_no_audience(tmp_path: Path, share: Any) -> None:
    data = table("playsByAgeRange", [["18-22", share], ["23-27", 0.5]], "Age Range", "Percent of Plays")
    records = read(source(tmp_path, envelope("anchor", "playsByAgeRange", data)))
    assert [one.row for one in rejections(records)] == [1]
    [account] = [one for one in records if isinstance(one, AccountRecord)]
    assert [(one.value, one.share) for one in account.audience] == [("23-27", Decimal("0.5"))]


def test_a_bare_table_is_recognised_by_its_shape_alone(tmp_path: Path) -> None:
    data = table("plays", [[1682899200, 9]], "Time (UTC)", "Plays")
    records = read(source(tmp_path, data, name="whatever.txt"))
    assert [one.native_id for one in records if isinstance(one, AccountRecord)] == [None]


# ----------------------------------------------------------------------------------------------------------- Spotify


@pytest.mark.parametrize(("endpoint", "metric"), [("listeners", "listeners"), ("impressions_daily", "impressions")])
def test_counts_a_day_are_what_the_envelope_says_they_are(tmp_path: Path, endpoint: str, metric: str) -> None:
    data = {"counts": [{"count": 0, "date": "2026-10-31"}]}
    [found] = metrics(read(source(tmp_path, envelope("spotify", endpoint, data, episode="ep1234"))))
    assert found == MetricRecord(metric, 0, State.ZERO, datetime(2026, 11, 1, tzinfo=UTC), 1)


def test_counts_a_day_of_nothing_named_are_refused(tmp_path: Path) -> None:
    document = envelope("spotify", "somethingNew", {"counts": [{"count": 1, "date": "2026-10-31"}]})
    with pytest.raises(InvalidInput, match="does not say of what"):
        read(source(tmp_path, document))


def test_figures_of_days_that_nobody_names_are_refused(tmp_path: Path) -> None:
    data = {"count": 5, "genderedCounts": {"counts": {"MALE": 5}}}
    with pytest.raises(InvalidInput, match="which days") as refused:
        read(source(tmp_path, envelope("spotify", "aggregate", data, range=None)))
    assert refused.value.hint


def test_a_shows_metadata_are_lifetime_figures_and_what_it_lacks_is_absent(tmp_path: Path) -> None:
    data = {
        "id": "0WgG3O6LTgbGN5SQmVrNRG",
        "url": "https://open.spotify.com/show/0WgG3O6LTgbGN5SQmVrNRG",
        "followers": 9,
    }
    records = read(source(tmp_path, envelope("spotify", "metadata", data)))
    assert figures(records) == {"followers": 9}
    assert {metric.period_days for metric in metrics(records)} == {0}


@pytest.mark.parametrize("nobody", [{"MALE": 0, "FEMALE": 0}, {}])
def test_an_aggregate_of_nobody_has_a_zero_and_no_audience(tmp_path: Path, nobody: dict[str, int]) -> None:
    data = {"count": 0, "genderedCounts": {"counts": nobody}}
    [account] = [
        one for one in read(source(tmp_path, envelope("spotify", "aggregate", data))) if isinstance(one, AccountRecord)
    ]
    assert (account.audience, account.metrics[0].state) == ((), State.ZERO)


@for_all(st.lists(st.integers(min_value=0, max_value=10**9), min_size=1, max_size=6), st.integers(0, 10**9))
def test_shares_never_make_more_than_the_whole(
    tmp_path_factory: pytest.TempPathFactory, counts: list[int], count: int
) -> None:
    gendered = {f"G{number}": value for number, value in enumerate(counts)}
    document = envelope("spotify", "aggregate", {"count": count, "genderedCounts": {"counts": gendered}})
    [account] = [one for one in read(source(tmp_path_factory.mktemp("a"), document)) if isinstance(one, AccountRecord)]
    assert all(0 <= one.share <= 1 for one in account.audience)
    assert sum(one.share for one in account.audience) <= 1 + Decimal("0.000006")


@pytest.mark.parametrize(
    "document",
    [
        {"count": 5, "start": "2026-10-01"},
        {"count": 5, "start": 1, "end": 2},
        {"count": 5},
        {"counts": []},
        {"name": "x"},
    ],
)
def test_json_that_is_like_anything_is_not_claimed(tmp_path: Path, document: Any) -> None:
    given = source(tmp_path, document)
    assert [one.name for one in FORMATS if one.recognise(given)] == []


# ------------------------------------------------------------------------------------------------------------- Apple


def test_an_episode_without_figures_has_none_and_figures_without_an_episode_make_one(tmp_path: Path) -> None:
    counts = {"episodeid": "1000000000002", "podcastid": "1603082924", "playscount": 4.0, "uniquelistenerscount": None}
    data = {
        "content": {"results": {"1000000000001": {"id": "1000000000001", "name": "Up"}}},
        "episodesPlayCount": {
            "1000000000002": [counts | {"followstate": "followed", "playscount": 1.0}, counts | {"followstate": "*"}]
        },
    }
    first, second = (
        one for one in read(source(tmp_path, envelope("apple", "episodes", data))) if isinstance(one, ItemRecord)
    )
    assert (first.title, first.metrics) == ("Up", ())
    assert [(metric.name, metric.value, metric.state) for metric in second.metrics] == [
        ("plays", 4, State.VALUE),
        ("listeners", None, State.NOT_REPORTED),
    ]
    assert {first.account_native_id, second.account_native_id} == {"1603082924"}


# -------------------------------------------------------------------------------------------------------------- host


def test_the_end_of_a_hosts_period_is_the_day_after_it(tmp_path: Path) -> None:
    entry = {
        "start": "2026-10-20",
        "end": "2026-10-21",
        "dimension": "downloads",
        "subdimension": "downloads",
        "value": 7,
    }
    [metric] = metrics(read(source(tmp_path, envelope("podigee", "metrics", {"metrics": [entry]}))))
    assert metric == MetricRecord("downloads", 7, State.VALUE, datetime(2026, 10, 21, tzinfo=UTC), 1)


def test_a_figure_that_contradicts_an_earlier_one_is_set_aside(tmp_path: Path) -> None:
    entry = {
        "start": "2026-10-20",
        "end": "2026-10-21",
        "dimension": "downloads",
        "subdimension": "downloads",
        "value": 7,
    }
    data = {"metrics": [entry, entry, entry | {"value": 8}]}
    records = read(source(tmp_path, envelope("podigee", "metrics", data)))
    assert [one.row for one in rejections(records)] == [3]
    assert figures(records) == {"downloads": 7}


# --------------------------------------------------------------------------------------------------- whatever comes

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from([
            "data", "rows", "columnHeaders", "kind", "name", "counts", "count", "date", "start", "end", "content",
            "results", "id", "url", "genderedCounts", "ageFacetedCounts", "sourcedCounts", "detailedStreams", "metrics",
            "dimension", "value", "episodesPlayCount", "followerAllTimeTrends", "timeListenedByFollowState",
        ]),
        inner,
        max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=150)
@for_all(
    st.sampled_from(["anchor", "spotify", "apple", "podigee"]),
    st.sampled_from(
        ["plays", "totalPlays", "playsByGender", "aggregate", "listeners", "metadata", "impressions_total"]
    ),
    JSON,
)
def test_whatever_the_data_are_the_answer_is_records_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, provider: str, endpoint: str, data: Any
) -> None:
    given = source(tmp_path_factory.getbasetemp(), envelope(provider, endpoint, data), name="fuzzed.json")
    using = chosen(given)
    try:
        records = list(using.parse(given, Reading(now=NOW)))
    except InvalidInput:
        return
    for metric in metrics(records):
        assert (metric.value is not None) == (metric.state in WITH_VALUE)
