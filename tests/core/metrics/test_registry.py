from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from engagerr.core.errors import InvalidInput
from engagerr.core.metrics.definition import Grade, Mark, Unit
from engagerr.core.metrics.reference import reference_markdown
from engagerr.core.metrics.registry import Ambiguous, BadRegistry, Definition, Registry, surface_of
from hypothesis import given
from hypothesis import strategies as st

REGISTRY = Registry.load()
ALL = REGISTRY.definitions()

CONCEPTS = """
[play_start]
title = "Play"
unit = "count"
definition = "It plays."

[watch_time]
title = "Watch time"
unit = "seconds"
definition = "Time."

[qualified_play]
title = "Qualified"
unit = "count"
definition = "It plays for some seconds."
by_seconds = true
"""
SOURCE = '[source.page]\ntitle = "A page"\nmark = "P"\n'


def at(day: str, time: str = "12:00:00") -> datetime:
    return datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=UTC)


def rule(platform: str, metric: str, kind: str | None, day: str, published: str | None = None) -> Definition:
    found = REGISTRY.resolve(
        platform=platform,
        metric=metric,
        kind=kind,
        observed_at=at(day),
        published_at=at(published) if published else None,
    )
    assert isinstance(found, Definition), found
    return found


def concept(definition: Definition) -> str | None:
    return definition.concept.name if definition.concept else None


def entry(**fields: object) -> str:
    """One definition of platform `p` as TOML, with enough fields to be valid."""
    every = {"id": "p.views", "metric": "views", "trigger": "it plays", "source": "page"} | fields
    lines = []
    for name, value in every.items():
        if isinstance(value, date | int):
            lines.append(f"{name} = {value}")
        elif isinstance(value, list):
            lines.append(f"{name} = {[str(one) for one in value]}")
        else:
            lines.append(f'{name} = "{value}"')
    return "\n".join(["[[p]]", *lines, ""])


def read(*entries: str, concepts: str = CONCEPTS) -> Registry:
    return Registry.read(concepts=concepts, definitions=SOURCE + "".join(entries))


# ------------------------------------------------------------- DOMAIN: what a platform's number means, and since when


def test_a_youtube_view_of_a_long_or_live_video_is_about_30_seconds_of_play_until_2026_08_23() -> None:
    for kind in ("long_video", "live"):
        old = rule("youtube", "views", kind, "2026-08-23")
        assert (concept(old), old.minimum_seconds, old.mark) == ("qualified_play", 30, Mark.SECONDARY)


def test_a_youtube_shorts_view_is_any_start_or_replay_from_2025_03_31() -> None:
    new = rule("youtube", "views", "short_video", "2025-03-31")
    assert (concept(new), new.minimum_seconds, new.counts_replays, new.mark) == ("play_start", 0, True, Mark.PRIMARY)
    old = rule("youtube", "views", "short_video", "2025-03-30")
    assert (concept(old), old.minimum_seconds, old.grade) == ("qualified_play", None, Grade.NOT_COMPARABLE)


def test_a_youtube_view_of_every_format_is_the_first_frame_from_2026_08_24() -> None:
    found = {rule("youtube", "views", kind, "2026-08-24") for kind in ("long_video", "short_video", "live", None)}
    assert len(found) == 1
    new = found.pop()
    assert (concept(new), new.counts_autoplay) == ("play_start", True)
    assert (new.mark, new.date_mark) == (Mark.PRIMARY, Mark.SECONDARY)


def test_youtube_engaged_views_keep_the_old_method_from_2025_06_30() -> None:
    engaged = rule("youtube", "engaged_views", "long_video", "2025-06-30")
    assert (concept(engaged), engaged.mark, engaged.valid_to) == ("engaged_play", Mark.PRIMARY, None)
    assert rule("youtube", "engaged_views", "long_video", "2026-11-01") == engaged
    assert REGISTRY.breaks("youtube", "engaged_views", "long_video") == ()


def test_youtube_analytics_is_late_refuses_bad_pairs_and_keeps_revenue_from_outsiders() -> None:
    limits = {limit.id: limit for limit in REGISTRY.limits(platform="youtube")}
    assert limits["youtube.lag"].lag_hours == 72
    assert "400" in limits["youtube.bad-pair"].rule
    assert "403" in limits["youtube.revenue"].rule
    assert limits["youtube.revenue"].concerns("estimated_revenue", None)
    assert not limits["youtube.revenue"].concerns("views", None)


def test_instagram_views_are_plays_for_reels_and_appearances_for_photos_and_stories() -> None:
    assert concept(rule("instagram", "views", "reel", "2026-11-01")) == "play_start"
    for kind in ("image", "carousel", "story"):
        assert concept(rule("instagram", "views", kind, "2026-11-01")) == "exposure"


@pytest.mark.parametrize(
    ("metric", "last_day", "first_day_without"),
    [
        ("plays", "2025-04-20", "2025-04-21"),
        ("clips_replays_count", "2025-04-20", "2025-04-21"),
        ("ig_reels_aggregated_all_plays_count", "2025-04-20", "2025-04-21"),
        ("video_views", "2025-01-07", "2025-01-08"),
    ],
)
def test_instagram_removed_metrics_have_no_rule_any_more(metric: str, last_day: str, first_day_without: str) -> None:
    assert rule("instagram", metric, "reel", last_day)
    gone = REGISTRY.resolve(platform="instagram", metric=metric, kind="reel", observed_at=at(first_day_without))
    assert gone is None


def test_instagram_impressions_live_on_only_for_media_published_before_2024_07_02() -> None:
    assert concept(rule("instagram", "impressions", "image", "2026-11-01", published="2024-07-01")) == "exposure"
    assert concept(rule("instagram", "impressions", "image", "2025-04-20", published="2024-07-02")) == "exposure"
    late = REGISTRY.resolve(
        platform="instagram",
        metric="impressions",
        kind="image",
        observed_at=at("2025-04-21"),
        published_at=at("2024-07-02"),
    )
    assert late is None
    assert REGISTRY.breaks("instagram", "impressions", "image") == ()


def test_instagram_limits_stand_in_the_data() -> None:
    limits = {limit.id: limit for limit in REGISTRY.limits(platform="instagram")}
    assert limits["instagram.story"].kept_hours == 24
    assert limits["instagram.few"].minimum_audience == 5
    assert limits["instagram.kept"].kept_hours == 2 * 365 * 24
    assert limits["instagram.lag"].lag_hours == 48
    assert limits["instagram.empty"].state == "not_reported"
    assert limits["instagram.replies"].metrics == {"replies"}


@pytest.mark.parametrize("metric", ["ig_reels_avg_watch_time", "ig_reels_video_view_total_time"])
def test_instagram_watch_times_are_in_milliseconds(metric: str) -> None:
    assert rule("instagram", metric, "reel", "2026-11-01").unit is Unit.MILLISECONDS


def test_facebook_plays_and_impressions_became_views_in_november_2024_and_were_retired() -> None:
    assert rule("facebook", "plays", "reel", "2024-10-31")
    assert concept(rule("facebook", "views", "reel", "2024-11-01")) == "play_start"
    assert concept(rule("facebook", "views", "post", "2024-11-01")) == "exposure"
    assert rule("facebook", "impressions", "post", "2025-11-14")
    for metric in ("plays", "impressions"):
        gone = REGISTRY.resolve(platform="facebook", metric=metric, kind="post", observed_at=at("2025-11-15"))
        assert gone is None
    (change,) = REGISTRY.breaks("facebook", "reach", "post")
    assert (change.date, change.comparable) == (date(2026, 6, 15), True)
    assert any("fails the whole request" in limit.rule for limit in REGISTRY.limits(platform="facebook"))


def test_a_tiktok_view_is_a_start_of_play_with_replays() -> None:
    view = rule("tiktok", "views", "short_video", "2026-11-01")
    assert (concept(view), view.minimum_seconds, view.counts_replays, view.mark) == (
        "play_start",
        0,
        True,
        Mark.SECONDARY,
    )
    assert "own views do not" in view.trigger


def test_an_x_impression_is_any_visible_part_and_private_metrics_last_30_days() -> None:
    shown = rule("x", "impressions", "post", "2026-11-01")
    assert (concept(shown), shown.unique, shown.mark) == ("exposure", False, Mark.PRIMARY)
    (limit,) = REGISTRY.limits(platform="x")
    assert limit.kept_hours == 30 * 24


def test_a_linkedin_video_play_is_two_seconds_once_per_loop_and_watch_time_is_in_milliseconds() -> None:
    play = rule("linkedin", "video_plays", None, "2026-11-01")
    assert (concept(play), play.minimum_seconds, play.counts_replays, play.mark) == (
        "qualified_play",
        2,
        False,
        Mark.PRIMARY,
    )
    watched = rule("linkedin", "watch_time", None, "2026-11-01")
    assert (watched.unit, watched.counts_replays) == (Unit.MILLISECONDS, True)
    (limit,) = REGISTRY.limits(platform="linkedin")
    assert limit.kept_hours == 365 * 24


def test_a_podcast_download_is_60_seconds_by_iab_2_2_from_may_2024() -> None:
    download = rule("podcast", "downloads", "episode", "2024-05-01")
    assert (download.id, concept(download), download.minimum_seconds) == ("podcast.downloads.iab-2.2", "downloads", 60)
    assert rule("podcast", "downloads", "episode", "2024-04-30").id == "podcast.downloads.iab-2.1"


def test_spotify_streams_and_downloads_are_60_seconds_and_starts_ended_in_may_2025() -> None:
    stream, download = (rule("spotify", metric, "episode", "2026-11-01") for metric in ("streams", "downloads"))
    assert (concept(stream), stream.minimum_seconds) == ("qualified_play", 60)
    assert (concept(download), download.minimum_seconds) == ("downloads", 60)
    assert rule("spotify", "plays", "episode", "2026-11-01").counts_replays is False
    assert rule("spotify", "starts", "episode", "2025-05-31")
    assert REGISTRY.resolve(platform="spotify", metric="starts", kind=None, observed_at=at("2025-06-01")) is None


def test_twitch_watch_time_comes_from_the_csv_alone() -> None:
    assert concept(rule("twitch", "minutes_watched", "account", "2026-11-01")) == "watch_time"
    assert concept(rule("twitch", "average_viewers", "live", "2026-11-01")) == "concurrent_viewers"
    assert rule("twitch", "max_viewers", "live", "2026-11-01").grade is Grade.NOT_COMPARABLE
    assert rule("twitch", "unique_viewers", "account", "2026-11-01").unique
    assert rule("twitch", "engaged_viewers", "account", "2026-11-01").mark is Mark.FILE
    assert any(limit.concerns("minutes_watched", None) for limit in REGISTRY.limits(platform="twitch"))


# -------------------------------------------------------------------------------------------- what parsers may emit

NATIVE = {
    "youtube": "views engaged_views watch_time_hours average_view_duration_seconds average_percentage_viewed "
    "impressions impressions_ctr_percent likes dislikes comments_added comments shares subscribers subscribers_gained "
    "subscribers_lost unique_viewers average_views_per_viewer new_viewers returning_viewers casual_viewers "
    "regular_viewers stayed_to_watch_percent estimated_revenue estimated_ad_revenue rpm cpm playback_based_cpm "
    "estimated_minutes_watched videos followers",
    "instagram": "views reach likes shares follows comments saves impressions plays video_views profile_visits "
    "total_interactions reposts ig_reels_avg_watch_time ig_reels_video_view_total_time reels_skip_rate "
    "crossposted_views facebook_views followers",
    "facebook": "views reach reactions likes comments shares saves total_clicks impressions followers",
    "tiktok": "views likes comments shares saves reach total_time_watched average_time_watched full_video_watched_rate "
    "video_views profile_views followers",
    "x": "impressions views likes favorites engagements bookmarks saves shares new_follows follows replies comments "
    "reposts retweets profile_visits user_profile_clicks detail_expands url_clicks hashtag_clicks permalink_clicks "
    "media_views media_engagements video_views followers",
    "linkedin": "impressions members_reached reach reshares shares reactions likes comments saves video_plays "
    "watch_time views followers",
    "podcast": "downloads listeners followers likes comments shares",
    "spotify": "streams starts plays listeners followers downloads impressions",
    "apple_podcasts": "plays listeners engaged_listeners followers",
    "twitch": "views average_viewers max_viewers unique_viewers engaged_viewers minutes_watched minutes_streamed "
    "follows followers live_views ad_revenue sub_revenue",
    "website": "views reach clicks conversions",
}


@pytest.mark.parametrize(
    ("platform", "metric"), [(platform, name) for platform, names in NATIVE.items() for name in names.split()]
)
def test_every_name_that_a_parser_emits_has_a_definition(platform: str, metric: str) -> None:
    assert REGISTRY.named(platform=platform, metric=metric)


def test_an_alias_finds_the_same_definition_as_the_name() -> None:
    assert rule("x", "favorites", None, "2026-11-01") == rule("x", "likes", None, "2026-11-01")


def test_followers_are_a_level_without_a_standard_concept_on_every_platform() -> None:
    for definition in ALL:
        if definition.metric == "followers":
            assert (definition.concept, definition.grade, definition.measure) == (None, None, "gauge")


# -------------------------------------------------------------------------------------------------------- resolving


@given(st.sampled_from(ALL), st.integers(min_value=0, max_value=4000), st.sampled_from(("00:00:00", "23:59:59")))
def test_every_definition_resolves_on_every_day_of_its_validity(definition: Definition, step: int, time: str) -> None:
    first = definition.valid_from or (definition.valid_to or date(2031, 1, 1)) - timedelta(days=4000)
    last = (definition.valid_to or date(2031, 1, 1)) - timedelta(days=1)
    day = min(first + timedelta(days=step), last)
    published = definition.published_from or (definition.published_to or date(2020, 1, 1)) - timedelta(days=1)
    for name in definition.names:
        for surface in definition.surfaces or ("long", "account"):
            found = REGISTRY.resolve(
                platform=definition.platform,
                metric=name,
                kind=str(surface),
                observed_at=at(str(day), time),
                published_at=at(str(published)),
            )
            assert found == definition


@given(st.sampled_from(ALL), st.dates(date(2015, 1, 1), date(2031, 1, 1)))
def test_a_resolved_definition_is_in_force_that_day(definition: Definition, day: date) -> None:
    found = REGISTRY.resolve(
        platform=definition.platform, metric=definition.metric, kind=None, observed_at=at(str(day))
    )
    candidates = found.candidates if isinstance(found, Ambiguous) else (found,) if found else ()
    assert all(one.validity.has(day) for one in candidates)


def test_an_item_of_unknown_kind_is_ambiguous_while_the_surfaces_differ() -> None:
    found = REGISTRY.resolve(platform="youtube", metric="views", kind=None, observed_at=at("2026-08-23"))
    assert isinstance(found, Ambiguous)
    assert {one.id for one in found.candidates} == {"youtube.views.long", "youtube.views.short.2025-03-31"}
    assert "kind" in found.reason


def test_a_kind_that_tells_no_surface_is_as_good_as_none() -> None:
    found = REGISTRY.resolve(platform="instagram", metric="views", kind="hologram", observed_at=at("2026-11-01"))
    assert isinstance(found, Ambiguous)
    assert "hologram" in found.reason


def test_an_item_of_unknown_kind_is_never_taken_for_the_account() -> None:
    assert rule("youtube", "subscribers", None, "2026-11-01").id == "youtube.subscribers"
    assert rule("youtube", "subscribers", "account", "2026-11-01").id == "youtube.subscribers.account"
    assert rule("youtube", "videos", None, "2026-11-01").id == "youtube.videos"


def test_the_day_of_an_observation_is_its_utc_day() -> None:
    evening_in_new_york = datetime.fromisoformat("2026-08-23T20:30:00-04:00")
    found = REGISTRY.resolve(platform="youtube", metric="views", kind="long_video", observed_at=evening_in_new_york)
    assert isinstance(found, Definition)
    assert found.id == "youtube.views.2026-08-24"


def test_a_daily_figure_that_ends_at_midnight_belongs_to_the_day_that_ended() -> None:
    found = REGISTRY.resolve(
        platform="youtube", metric="views", kind="long_video", observed_at=at("2026-08-24", "00:00:00"), period_days=1
    )
    assert isinstance(found, Definition)
    assert found.id == "youtube.views.long"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(InvalidInput, match="time zone"):
        REGISTRY.resolve(platform="x", metric="likes", kind=None, observed_at=datetime(2026, 11, 1))


@pytest.mark.parametrize(("platform", "metric"), [("threads", "views"), ("youtube", "sparkles")])
def test_an_unknown_platform_or_metric_has_no_definition(platform: str, metric: str) -> None:
    assert REGISTRY.resolve(platform=platform, metric=metric, kind=None, observed_at=at("2026-11-01")) is None
    assert REGISTRY.breaks(platform, metric, None) == ()


@pytest.mark.parametrize(
    ("kind", "surface"),
    [
        ("long_video", "long"),
        ("short_video", "short"),
        ("reel", "short"),
        ("clip", "short"),
        ("live", "live"),
        ("story", "story"),
        ("image", "feed"),
        ("carousel", "feed"),
        ("post", "feed"),
        ("episode", "audio"),
        ("audio", "audio"),
        ("account", "account"),
        ("hologram", None),
        (None, None),
    ],
)
def test_a_kind_tells_its_surface(kind: str | None, surface: str | None) -> None:
    assert surface_of(kind) == surface


# ----------------------------------------------------------------------------------------------------------- breaks


def test_the_breaks_of_a_shorts_series_are_two_and_only_the_first_changes_the_quantity() -> None:
    changes = REGISTRY.breaks("youtube", "views", "short_video")
    assert [(change.date, change.comparable) for change in changes] == [
        (date(2025, 3, 31), False),
        (date(2026, 8, 24), True),
    ]
    assert changes[0].after is changes[1].before


def test_the_breaks_of_an_unknown_kind_are_those_of_all_item_surfaces() -> None:
    changes = REGISTRY.breaks("youtube", "views", None)
    assert {change.before.id for change in changes} == {
        "youtube.views.short",
        "youtube.views.short.2025-03-31",
        "youtube.views.long",
    }
    assert [change.date for change in changes] == sorted(change.date for change in changes)


@given(st.sampled_from(ALL), st.sampled_from((None, "long_video", "short_video", "post", "account")))
def test_a_break_stands_between_what_ended_and_what_began(definition: Definition, kind: str | None) -> None:
    for change in REGISTRY.breaks(definition.platform, definition.metric, kind):
        assert change.after.valid_from == change.date
        assert change.before.valid_to is not None
        assert change.before.valid_to <= change.date


# ------------------------------------------------------------------------------------------- the packaged data itself


def test_there_are_at_most_twenty_concepts_and_each_is_used() -> None:
    used = {concept(definition) for definition in ALL}
    assert len(REGISTRY.concepts()) <= 20
    assert {one.name for one in REGISTRY.concepts()} == used - {None}


def test_every_definition_names_its_source_and_whoever_read_it_says_when() -> None:
    for definition in ALL:
        assert definition.source.title
        assert definition.source.mark is Mark.KNOWLEDGE or definition.source.retrieved_at, definition.id


def test_every_definition_that_is_not_comparable_or_fits_no_concept_says_why() -> None:
    unexplained = [one.id for one in ALL if one.grade is Grade.NOT_COMPARABLE and not one.note]
    assert unexplained == []


def test_an_id_finds_its_definition_again() -> None:
    assert all(REGISTRY.definition(definition.id) is definition for definition in ALL)
    assert REGISTRY.definition("nobody.ever") is None


def test_the_registry_is_read_once() -> None:
    assert Registry.load() is Registry.load()


def test_the_reference_page_names_every_definition_concept_limit_and_break() -> None:
    page = reference_markdown()
    for definition in ALL:
        assert f"`{definition.id}`" in page
        assert definition.source.title in page
    assert all(f"`{one.name}`" in page and one.definition in page for one in REGISTRY.concepts())
    assert all(limit.rule in page for limit in REGISTRY.limits())
    assert "| 2026-08-24 | youtube `views` |" in page
    tables = [line for line in page.splitlines() if line.startswith("| ")]
    assert {line.count(" | ") for line in tables} == {3, 4, 7}


# --------------------------------------------------------------------------------------------------- contradictions


def test_the_same_id_twice_is_refused() -> None:
    with pytest.raises(BadRegistry, match="stands twice"):
        read(entry(), entry(metric="likes"))


@given(
    st.dates(date(2020, 1, 1), date(2020, 12, 31)),
    st.integers(1, 400),
    st.integers(-400, 400),
    st.integers(1, 400),
)
def test_overlapping_validity_is_refused_and_touching_is_not(start: date, length: int, shift: int, other: int) -> None:
    first = (start, start + timedelta(days=length))
    second = (start + timedelta(days=shift), start + timedelta(days=shift + other))
    entries = (
        entry(id="p.views.1", valid_from=first[0], valid_to=first[1]),
        entry(id="p.views.2", valid_from=second[0], valid_to=second[1]),
    )
    if first[0] < second[1] and second[0] < first[1]:
        with pytest.raises(BadRegistry, match="at the same time"):
            read(*entries)
    else:
        assert len(read(*entries).definitions()) == 2


def test_overlap_through_an_alias_is_refused() -> None:
    with pytest.raises(BadRegistry, match="at the same time"):
        read(entry(), entry(id="p.plays", metric="plays", aliases=["views"]))


def test_different_surfaces_and_different_days_of_publication_do_not_overlap() -> None:
    read(entry(id="p.views.long", surfaces=["long"]), entry(id="p.views.short", surfaces=["short"]))
    read(
        entry(id="p.views.old", published_to=date(2024, 7, 2)), entry(id="p.views.new", published_from=date(2024, 7, 2))
    )
    with pytest.raises(BadRegistry, match="at the same time"):
        read(entry(id="p.views.long", surfaces=["long"]), entry(id="p.views.all"))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"concept": "wonder"}, "unknown concept"),
        ({"source": "rumour"}, "unknown source"),
        ({"unit": "furlongs"}, "furlongs"),
        ({"concept": "play_start", "grade": "nearly"}, "nearly"),
        ({"grade": "same"}, "no concept"),
        ({"unit": "hours", "concept": "play_start"}, "cannot become"),
        ({"concept": "qualified_play"}, "minimum seconds"),
        ({"concept": "play_start", "grade": "scalable"}, "factor"),
        ({"concept": "play_start", "grade": "scalable", "factor": "0.5"}, "factor"),
        ({"concept": "play_start", "factor": "0.5", "factor_source": "a study"}, "factor"),
        ({"id": "q.views"}, "does not begin with its platform"),
        ({"valid_from": date(2026, 1, 1), "valid_to": date(2026, 1, 1)}, "ends before"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_definition_that_does_not_fit_is_refused(fields: dict[str, object], words: str) -> None:
    with pytest.raises(BadRegistry, match=words):
        read(entry(**fields))


def test_more_than_twenty_concepts_are_refused() -> None:
    many = "".join(f'[c{n}]\ntitle = "C"\nunit = "count"\ndefinition = "A."\n' for n in range(21))
    with pytest.raises(BadRegistry, match="at most 20"):
        read(concepts=many)


def test_text_that_is_no_toml_is_refused() -> None:
    with pytest.raises(BadRegistry, match="cannot be read"):
        Registry.read(concepts=CONCEPTS, definitions="[[p")
