from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Context, Decimal
from fractions import Fraction

import pytest
from engagerr.core.integrations.records import State
from engagerr.core.metrics.registry import Definition, Registry
from engagerr.core.metrics.standard import StandardFigure, standardise
from hypothesis import given
from hypothesis import strategies as st

REGISTRY = Registry.load()
ALL = REGISTRY.definitions()
NOW = datetime(2026, 11, 1, tzinfo=UTC)
WITH_VALUE = (State.VALUE, State.ZERO, State.ESTIMATED)
WITHOUT = tuple(state for state in State if state not in WITH_VALUE)

values = st.decimals(min_value=-(10**15), max_value=10**15, allow_nan=False, places=3)
moments = st.datetimes(datetime(2019, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
kinds = st.sampled_from((None, "long_video", "short_video", "post", "story", "episode", "account", "hologram"))
names = st.sampled_from([*((one.platform, name) for one in ALL for name in one.names), ("threads", "views")])


def made(
    platform: str,
    metric: str,
    kind: str | None,
    value: str | None,
    state: State = State.VALUE,
    *,
    observed_at: datetime = NOW,
    published_at: datetime | None = None,
    currency: str | None = None,
    period_days: int = 0,
) -> StandardFigure:
    return standardise(
        REGISTRY,
        platform=platform,
        metric=metric,
        kind=kind,
        value=None if value is None else Decimal(value),
        state=state,
        observed_at=observed_at,
        published_at=published_at,
        currency=currency,
        period_days=period_days,
    )


def test_watch_hours_become_seconds_exactly_and_in_words() -> None:
    figure = made("youtube", "watch_time_hours", "long_video", "28571")
    assert (figure.concept, figure.unit, figure.value, figure.grade) == (
        "watch_time",
        "seconds",
        Decimal(102_855_600),
        "same",
    )
    assert figure.how.startswith("28,571 hours × 3,600 = 102,855,600 seconds; rule: ")


@pytest.mark.parametrize(
    ("platform", "metric", "value", "seconds"),
    [
        ("instagram", "ig_reels_avg_watch_time", "8421", "8.421"),
        ("linkedin", "watch_time", "15000", "15"),
        ("youtube", "estimated_minutes_watched", "90", "5400"),
        ("twitch", "minutes_watched", "0.5", "30"),
        ("tiktok", "total_time_watched", "77", "77"),
    ],
)
def test_watch_times_of_every_unit_meet_in_seconds(platform: str, metric: str, value: str, seconds: str) -> None:
    figure = made(platform, metric, None, value)
    assert figure.unit == "seconds"
    assert figure.value == Decimal(seconds)


def test_a_converted_figure_carries_no_idle_zeros() -> None:
    assert str(made("linkedin", "watch_time", None, "15000").value) == "15"
    assert str(made("linkedin", "watch_time", None, "100000").value) == "100"


def test_a_percentage_becomes_a_share_and_stays_incomparable() -> None:
    figure = made("youtube", "average_percentage_viewed", "long_video", "43.5")
    assert (figure.concept, figure.unit, figure.value) == ("completion", "ratio", Decimal("0.435"))
    assert (figure.grade, figure.sum_group) == ("not_comparable", None)
    assert "not comparable. A mean part watched" in figure.how


def test_revenue_stays_in_the_currency_that_was_given() -> None:
    figure = made("youtube", "estimated_revenue", "long_video", "12.34", currency="EUR")
    assert (figure.value, figure.unit, figure.currency, figure.sum_group) == (
        Decimal("12.34"),
        "currency",
        "EUR",
        "revenue/EUR",
    )
    assert "12.34 EUR, not converted" in figure.how


def test_revenue_without_a_currency_is_never_added() -> None:
    figure = made("youtube", "estimated_revenue", "long_video", "12.34")
    assert (figure.value, figure.currency, figure.sum_group) == (Decimal("12.34"), None, None)
    assert "does not name" in figure.how


def test_an_estimate_says_so() -> None:
    assert "estimate" in made("youtube", "likes", "long_video", "1200", State.ESTIMATED).how


def test_a_reported_zero_is_a_number() -> None:
    assert made("youtube", "likes", "long_video", "0", State.ZERO).value == 0


# ------------------------------------------------------------------------------------------------ absent is not zero


@given(names, kinds, st.none() | values, st.sampled_from(tuple(State)), moments, st.none() | moments)
def test_no_state_without_a_value_ever_yields_a_number(
    name: tuple[str, str],
    kind: str | None,
    value: Decimal | None,
    state: State,
    observed_at: datetime,
    published_at: datetime | None,
) -> None:
    figure = standardise(
        REGISTRY,
        platform=name[0],
        metric=name[1],
        kind=kind,
        value=value,
        state=state,
        observed_at=observed_at,
        published_at=published_at,
    )
    if value is None or state in WITHOUT:
        assert figure.value is None
        assert figure.sum_group is None
        assert "no figure: " in figure.how
    if figure.concept is None:
        assert (figure.value, figure.unit, figure.grade) == (None, None, None)
    assert figure.how


@pytest.mark.parametrize("state", WITHOUT)
def test_every_missing_state_has_words_of_its_own_and_keeps_the_definition(state: State) -> None:
    figure = made("tiktok", "views", "short_video", None, state)
    others = {made("tiktok", "views", "short_video", None, other).how for other in WITHOUT if other is not state}
    assert (figure.concept, figure.definition) == ("play_start", "tiktok.views")
    assert figure.how not in others


def test_a_missing_figure_names_the_platforms_limit_where_one_is_known() -> None:
    assert "gone after 24 hours" in made("instagram", "views", "story", None, State.EXPIRED).how
    assert "two years" in made("instagram", "views", "reel", None, State.EXPIRED).how
    assert "error 10" in made("instagram", "reach", "reel", None, State.SUPPRESSED).how
    assert "403" in made("youtube", "estimated_revenue", None, None, State.PERMISSION_DENIED).how


def test_a_value_state_without_a_number_stays_missing() -> None:
    assert "without a number" in made("tiktok", "views", None, None, State.VALUE).how


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_stays_missing(value: str) -> None:
    figure = made("tiktok", "views", None, value)
    assert figure.value is None
    assert "no number" in figure.how


# ------------------------------------------------------------------------------------------- exact and deterministic


@given(
    names, kinds, st.none() | values, st.sampled_from(tuple(State)), moments, st.none() | moments, st.integers(0, 40)
)
def test_the_same_observation_always_gives_the_same_figure(
    name: tuple[str, str],
    kind: str | None,
    value: Decimal | None,
    state: State,
    observed_at: datetime,
    published_at: datetime | None,
    period_days: int,
) -> None:
    def again(registry: Registry) -> StandardFigure:
        return standardise(
            registry,
            platform=name[0],
            metric=name[1],
            kind=kind,
            value=value,
            state=state,
            observed_at=observed_at,
            published_at=published_at,
            currency="EUR",
            period_days=period_days,
        )

    assert again(REGISTRY) == again(REGISTRY)


@given(
    st.sampled_from([one for one in ALL if one.conversion != 1 and one.valid_to is None]),
    st.builds(
        lambda digits, places: Decimal(digits).scaleb(-places, Context(prec=80)),
        st.integers(-(10**60), 10**60),
        st.integers(0, 20),
    ),
)
def test_conversion_is_exact_however_long_the_number(definition: Definition, value: Decimal) -> None:
    published = datetime(2024, 1, 1, tzinfo=UTC)
    kind = next(iter(sorted(definition.surfaces)), "long")
    figure = standardise(
        REGISTRY,
        platform=definition.platform,
        metric=definition.metric,
        kind=kind,
        value=value,
        state=State.VALUE,
        observed_at=NOW,
        published_at=published,
        currency="EUR",
    )
    assert figure.definition == definition.id
    assert figure.value is not None
    assert Fraction(figure.value) == Fraction(value) * Fraction(definition.conversion)


def test_a_scalable_metric_is_scaled_by_its_own_factor_and_names_its_source() -> None:
    registry = Registry.read(
        concepts='[watch_time]\ntitle = "T"\nunit = "seconds"\ndefinition = "D"\n',
        definitions="""
[source.page]
title = "A page"
mark = "P"

[[p]]
id = "p.hours"
metric = "hours"
unit = "hours"
trigger = "hours of households"
source = "page"
concept = "watch_time"
grade = "scalable"
factor = "1.25"
factor_source = "panel of 2026"
""",
    )
    figure = standardise(
        registry, platform="p", metric="hours", kind=None, value=Decimal(2), state=State.VALUE, observed_at=NOW
    )
    assert (figure.value, figure.grade, figure.sum_group) == (Decimal(9000), "scalable", "watch_time")
    assert figure.how.startswith("2 hours × 3,600 × 1.25 = 9,000 seconds (factor 1.25: panel of 2026); ")


# ----------------------------------------------------------------------------------------------- no rule, or too many


def test_an_unknown_metric_is_kept_as_reported() -> None:
    figure = made("threads", "views", None, "3")
    assert figure == StandardFigure(None, None, None, None, None, "no definition for threads views; kept as reported")


def test_a_retired_metric_says_when_it_ended() -> None:
    figure = made("instagram", "plays", "reel", "3")
    assert figure.value is None
    assert "on 2026-11-01 (instagram.plays, until 2025-04-20); kept as reported" in figure.how


def test_a_metric_of_another_surface_says_so() -> None:
    assert made("instagram", "reels_skip_rate", "story", "3").how.startswith(
        "no definition for instagram reels_skip_rate of a story"
    )


def test_an_ambiguous_figure_says_what_would_settle_it() -> None:
    figure = made("instagram", "views", None, "3")
    assert (figure.concept, figure.value, figure.definition) == (None, None, None)
    assert "kind" in figure.how
    assert "would settle it; kept as reported" in figure.how


def test_a_metric_without_a_standard_concept_keeps_its_definition() -> None:
    figure = made("instagram", "followers", "account", "15000")
    assert (figure.concept, figure.value, figure.definition) == (None, None, "instagram.followers")
    assert figure.how.startswith("no standard concept; kept as reported; ")


# ----------------------------------------------------------------------------------------------------------- breaks


def test_a_counter_of_an_older_video_says_that_it_holds_plays_of_both_rules() -> None:
    figure = made("youtube", "views", "long_video", "1200", published_at=datetime(2026, 5, 1, tzinfo=UTC))
    assert (figure.concept, figure.value, figure.definition) == ("play_start", 1200, "youtube.views.2026-08-24")
    assert figure.spans_break == date(2026, 8, 24)
    assert "published on 2026-05-01" in figure.how
    assert "until 2026-08-23 under the older rule (about 30 seconds of play)" in figure.how


def test_a_counter_of_a_younger_video_holds_one_rule_only() -> None:
    figure = made("youtube", "views", "long_video", "1200", published_at=datetime(2026, 8, 24, tzinfo=UTC))
    assert figure.spans_break is None
    assert "older rule" not in figure.how


def test_a_counter_of_a_video_of_unknown_age_names_the_doubt() -> None:
    figure = made("youtube", "views", "long_video", "1200")
    assert figure.spans_break is None
    assert "if it was published before 2026-08-24, it also contains counts under an older rule" in figure.how


def test_a_short_of_2024_spans_the_break_of_2025_and_not_the_rewording_of_2026() -> None:
    figure = made("youtube", "views", "short_video", "1200", published_at=datetime(2024, 5, 1, tzinfo=UTC))
    assert figure.spans_break == date(2025, 3, 31)
    recent = made("youtube", "views", "short_video", "1200", published_at=datetime(2025, 5, 1, tzinfo=UTC))
    assert recent.spans_break is None


def test_a_daily_figure_after_the_break_is_clean_however_old_the_video() -> None:
    figure = made("youtube", "views", "long_video", "7", published_at=datetime(2020, 1, 1, tzinfo=UTC), period_days=1)
    assert figure.spans_break is None
    assert "older rule" not in figure.how


def test_a_period_across_the_break_says_so() -> None:
    observed_at = datetime(2026, 8, 26, tzinfo=UTC)
    figure = made("youtube", "views", "long_video", "7", observed_at=observed_at, period_days=28)
    assert figure.spans_break == date(2026, 8, 24)
    assert "28 days begin on 2026-07-29" in figure.how


def test_engaged_views_run_through_the_break() -> None:
    figure = made("youtube", "engaged_views", "long_video", "900", published_at=datetime(2026, 5, 1, tzinfo=UTC))
    assert (figure.concept, figure.grade, figure.spans_break) == ("engaged_play", "same", None)


# ------------------------------------------------------------------------------------------------------------- sums


def test_qualified_plays_of_different_seconds_are_never_one_sum() -> None:
    groups = [
        made("spotify", "streams", "episode", "1").sum_group,
        made("linkedin", "video_plays", "post", "1").sum_group,
        made("youtube", "views", "long_video", "1", observed_at=datetime(2026, 8, 1, tzinfo=UTC)).sum_group,
    ]
    assert groups == ["qualified_play/60 s", "qualified_play/2 s", "qualified_play/30 s"]


def test_starts_of_play_of_two_platforms_are_one_sum() -> None:
    assert made("tiktok", "views", None, "1").sum_group == made("instagram", "views", "reel", "1").sum_group


@pytest.mark.parametrize(
    ("platform", "metric"),
    [
        ("instagram", "reach"),
        ("youtube", "average_view_duration_seconds"),
        ("twitch", "average_viewers"),
        ("tiktok", "full_video_watched_rate"),
        ("apple_podcasts", "listeners"),
    ],
)
def test_people_averages_and_shares_are_never_added(platform: str, metric: str) -> None:
    figure = made(platform, metric, None, "1")
    assert figure.grade == "same"
    assert figure.sum_group is None


@pytest.mark.parametrize("metric", ["crossposted_views", "facebook_views"])
def test_cross_posted_views_are_shown_and_never_added(metric: str) -> None:
    figure = made("instagram", metric, "reel", "100")
    assert (figure.value, figure.grade, figure.sum_group) == (Decimal(100), "not_comparable", None)
