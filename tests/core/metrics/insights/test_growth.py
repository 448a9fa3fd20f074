"""Growth: series with their gaps, changes, and spikes with the evidence for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from engagerr import Workspace
from engagerr.core.errors import NotFound
from engagerr.core.metrics.insights.evidence import weigh
from engagerr.core.metrics.insights.observed import GrowthPoint, change_over, steps_between, views_a_day, with_steps
from engagerr.core.metrics.insights.spikes import FEWEST_STEPS, Search, find_spikes, rounded_to
from hypothesis import given
from hypothesis import strategies as st
from tests.factories import an_account, an_observation, in_tenant
from tests.fakes.cluster import Connection
from tests.lines import a_figure, an_item, bring

START = datetime(2026, 5, 1, 6, tzinfo=UTC)
DAY = timedelta(days=1)

counts = st.one_of(st.none(), st.integers(1, 10**7).map(float))


def daily(values: list[float | None]) -> list[datetime]:
    return [START + DAY * place for place in range(len(values))]


def calm(days: int, *, seed: int = 7, start: float = 50_000, rate: float = 0.001, noise: float = 0.0004) -> list[float]:
    """An account that grows by a tenth of a per cent a day, give or take."""
    steps = np.random.default_rng(seed).normal(rate, noise, days)
    return [float(value) for value in np.round(start * np.exp(np.concatenate([[0], np.cumsum(steps)])))]


def with_bought(values: list[float], *, at: int, bought: float, purged: float = 0.0, purged_at: int = 0) -> list[float]:
    """The same account with followers added at once, and some of them taken away again later."""
    return [
        value + (bought if place >= at else 0) - (purged if purged and place >= purged_at else 0)
        for place, value in enumerate(values)
    ]


def posts(*rows: dict[str, Any]) -> pd.DataFrame:
    """Posts as `read_items` tells them; views and interactions are usual ones unless said."""
    usual = {
        "account_id": "a", "account": "youtube:@ann", "kind": "long_video", "views_group": "play_start",
        "views": 10_000.0, "likes": 500.0, "comments": 50.0, "title": "A usual one", "native_id": "n", "era": 0,
    }  # fmt: skip
    frame = pd.DataFrame([usual | row for row in rows])
    frame["published_at"] = pd.to_datetime(frame["published_at"], utc=True)
    return frame


def every_fourth_day(days: int, **at: dict[str, Any]) -> pd.DataFrame:
    rows = [{"published_at": START + DAY * place, **at.get(f"day{place}", {})} for place in range(0, days, 4)]
    return posts(*rows)


def verdict(values: list[float], known: pd.DataFrame | None, views: pd.Series | None = None) -> tuple[str, str]:
    search = find_spikes(daily(list(values)), values)
    [spike] = search.spikes
    said, evidence = weigh(spike, search, at=daily(list(values)), values=values, posts=known, views_a_day=views)
    return said, " | ".join(one.text for one in evidence)


def test_a_planted_purchase_is_found_where_it_was_and_named_unexplained() -> None:
    values = with_bought(calm(90), at=60, bought=4000)
    [spike] = find_spikes(daily(list(values)), values).spikes
    assert (spike.first, spike.last) == (59, 60)
    assert 3900 < spike.change < 4200
    said, why = verdict(values, every_fourth_day(90))
    assert said == "unexplained rise that stayed"
    assert "times that" in why
    assert "none out of the ordinary" in why


def test_a_purchase_spread_over_three_days_is_one_spike() -> None:
    values = calm(90)
    for place, part in ((40, 2000), (41, 2500), (42, 1800)):
        values = with_bought(values, at=place, bought=part)
    [spike] = find_spikes(daily(list(values)), values).spikes
    assert (spike.first, spike.last) == (39, 42)


def test_a_rise_that_was_purged_is_told_so() -> None:
    values = with_bought(calm(90), at=40, bought=4000, purged=2500, purged_at=55)
    search = find_spikes(daily(list(values)), values)
    assert [spike.change > 0 for spike in search.spikes] == [True, False]
    rise, fall = search.spikes
    at = daily(list(values))
    known = every_fourth_day(90)
    said, evidence = weigh(rise, search, at=at, values=values, posts=known, views_a_day=None)
    assert said == "unexplained rise that fell back"
    [afterwards] = [one for one in evidence if one.about == "afterwards"]
    assert afterwards.speaks == "against"
    lost = float(afterwards.text.split()[0].replace(",", ""))
    # It went on growing by about fifty a day before and after, which does not make up for what was lost at once.
    assert 2350 < lost < 2500
    assert weigh(fall, search, at=at, values=values, posts=known, views_a_day=None)[0] == "unusual fall"


def test_a_viral_post_explains_its_followers() -> None:
    values = with_bought(calm(90), at=61, bought=4000)
    said, why = verdict(values, every_fourth_day(90, day60={"views": 90_000.0, "title": "The viral one"}))
    assert said == "explained by a post"
    assert "The viral one" in why
    assert "9.0 times the views" in why


def test_a_viral_post_after_the_rise_explains_nothing() -> None:
    values = with_bought(calm(90), at=57, bought=4000)
    assert verdict(values, every_fourth_day(90, day60={"views": 90_000.0}))[0] == "unexplained rise that stayed"


def test_more_views_on_the_older_posts_explain_as_well() -> None:
    values = with_bought(calm(90), at=60, bought=4000)
    views = pd.Series(2000.0, index=pd.date_range(START.date(), periods=90, freq="D", tz="UTC"))
    assert verdict(values, every_fourth_day(90), views)[0] == "unexplained rise that stayed"
    views.iloc[59:61] = 30_000.0
    said, why = verdict(values, every_fourth_day(90), views)
    assert said == "came with more views"
    assert "15.0 times a usual day" in why


def test_where_nothing_is_known_of_the_days_nothing_is_called_unexplained() -> None:
    values = with_bought(calm(90), at=60, bought=4000)
    assert verdict(values, None)[0].endswith("with too little known to explain it")
    assert verdict(values, posts({"published_at": START - 400 * DAY}))[0].endswith("too little known to explain it")
    assert verdict(values, posts({"published_at": None}))[0].endswith("too little known to explain it")


def test_whether_it_stays_is_not_known_on_the_next_day() -> None:
    values = with_bought(calm(60), at=58, bought=4000)
    said, why = verdict(values, every_fourth_day(60))
    assert said == "unexplained rise"
    assert "not known: 2 days were seen since" in why


def test_fewer_likes_a_follower_afterwards_are_told() -> None:
    values = with_bought(calm(90), at=45, bought=40_000)
    said, why = verdict(values, every_fourth_day(90))
    # 550 of them each, among 51,000 followers before and 93,000 after.
    assert "likes and comments a follower: 1.07% before (8 posts), 0.59% after (7)" in why
    assert said == "unexplained rise that stayed"


def test_no_words_speak_of_fakes() -> None:
    values = with_bought(calm(90), at=60, bought=4000, purged=3000, purged_at=70)
    said, why = verdict(values[:69], every_fourth_day(90))
    assert "fake" not in f"{said} {why}".lower()


@pytest.mark.parametrize("days", [30, 90])
def test_calm_series_raise_no_more_alarms_than_stated(days: int) -> None:
    alarms = sum(
        bool(find_spikes(daily([0.0] * (days + 1)), list(calm(days, seed=seed))).spikes) for seed in range(150)
    )
    # One in a hundred is stated; five of 150 would be the 98th percentile of that.
    assert alarms <= 5


def test_days_that_bring_many_times_the_usual_by_themselves_are_no_anomalies() -> None:
    alarms = 0
    for seed in range(100):
        generator = np.random.default_rng(seed)
        # Lognormal: of ninety days the best brings about twelve times the median, and the week has its rhythm.
        gained = generator.poisson(generator.lognormal(4, 1, 90) * (1 + 0.5 * np.sin(np.arange(90) * 2 * np.pi / 7)))
        values = [float(value) for value in 80_000 + np.cumsum(gained)]
        alarms += bool(find_spikes(daily(list(values)), values).spikes)
    assert alarms <= 4


@pytest.mark.parametrize(("times", "at_least"), [(5, 80), (10, 97)])
def test_most_purchases_of_several_days_worth_are_found(times: int, at_least: int) -> None:
    found = 0
    for seed in range(100):
        gained = np.random.default_rng(seed).lognormal(np.log(100), 0.3, 90)
        gained[60] += 100 * times
        values = [float(value) for value in np.round(100_000 + np.cumsum(gained))]
        found += any(spike.last == 60 for spike in find_spikes(daily(list(values)), values).spikes)
    assert found >= at_least


def test_steps_of_a_rounded_counter_are_no_anomalies() -> None:
    generator = np.random.default_rng(3)
    for gained in (40, 300, 900):
        true = 123_456 + np.cumsum(generator.normal(gained, gained / 4, 120))
        shown = [float(value // 1000 * 1000) for value in true]
        assert rounded_to(shown) == 3
        assert find_spikes(daily(list(shown)), shown).spikes == ()


def test_a_purchase_shows_through_rounding() -> None:
    true = 123_456 + np.cumsum(np.random.default_rng(3).normal(300, 80, 120)) + np.where(np.arange(120) >= 70, 9000, 0)
    shown = [float(value // 1000 * 1000) for value in true]
    search = find_spikes(daily(list(shown)), shown)
    [spike] = search.spikes
    assert (spike.first, spike.last) == (69, 70)


def test_exact_figures_are_not_taken_for_rounded_ones() -> None:
    assert rounded_to(list(calm(60))) is None
    assert rounded_to([1000.0] * 50) is None
    assert rounded_to([None, 0.0]) is None
    assert rounded_to([1200.0, 1300.0, 1250.0, 12_300.0, 14_400.0]) == 3


def test_a_source_known_to_round_is_believed_only_where_its_figures_agree() -> None:
    assert rounded_to([142_000.0], at_most=3) == 3
    assert rounded_to([142_000.0]) is None
    assert rounded_to([142_137.0, 142_000.0], at_most=3) is None
    assert rounded_to([950.0, 951.0], at_most=3) is None, "a thousand and less is told exactly"


def test_a_weekday_that_always_brings_more_is_no_anomaly_but_a_purchase_on_it_is() -> None:
    alarms = 0
    for seed in range(40):
        generator = np.random.default_rng(seed)
        values = list(50_000 + np.cumsum([generator.poisson(160 if day % 7 == 5 else 40) for day in range(90)]) * 1.0)
        alarms += bool(find_spikes(daily(values), values).spikes)
        bought = with_bought(values, at=54, bought=2_000)
        assert [spike.first for spike in find_spikes(daily(bought), bought).spikes] == [53]
    assert alarms <= 3


def test_a_handful_of_followers_more_is_counting_noise() -> None:
    gained = np.random.default_rng(5).poisson(0.4, 120)
    values = [float(value) for value in 300 + np.cumsum(gained)]
    assert find_spikes(daily(list(values)), values).spikes == ()


def test_too_few_steps_are_refused_with_the_reason() -> None:
    values: list[float | None] = list(calm(FEWEST_STEPS - 1))
    search = find_spikes(daily(values), values)
    assert search == Search((), FEWEST_STEPS - 1, None, None, None, search.why)
    assert "too few" in (search.why or "")
    values = list(calm(FEWEST_STEPS))
    assert find_spikes(daily(values), values).why is None


def test_a_step_over_a_gap_or_over_a_new_rule_is_not_judged() -> None:
    values: list[float | None] = list(with_bought(calm(90), at=50, bought=5000))
    values[45:50] = [None] * 5
    assert find_spikes(daily(values), values).spikes == ()
    values = list(with_bought(calm(90), at=50, bought=5000))
    assert find_spikes(daily(values), values, breaks=[START + 49.5 * DAY]).spikes == ()
    assert len(find_spikes(daily(values), values).spikes) == 1


@given(st.lists(counts, max_size=40))
def test_steps_add_up_to_the_whole_change_and_cover_the_whole_time(values: list[float | None]) -> None:
    known = [value for value in values if value is not None]
    steps = steps_between(daily(values), values)
    assert len(steps) == max(len(known) - 1, 0)
    assert sum(step.change for step in steps) == (known[-1] - known[0] if known else 0)
    assert all(values[step.first] is not None and values[step.last] is not None for step in steps)


@given(st.lists(counts, max_size=40))
def test_a_series_with_steps_keeps_every_point_and_adds_only_missing_ones(values: list[float | None]) -> None:
    observed = [GrowthPoint(at, value, "value") for at, value in zip(daily(values), values, strict=True)]
    told, gaps = with_steps(observed)
    assert [(point.at, point.value) for point in told if point.state != "not_observed"] == [
        (point.at, point.value) for point in observed
    ]
    assert all(point.value is None for point in told if point.state == "not_observed")
    assert [point.at for point in told] == sorted(point.at for point in told)
    assert len(gaps) == sum(point.over_gap for point in told)
    for gap in gaps:
        assert any(gap.since < point.at < gap.until and point.value is None for point in told)


@given(st.lists(counts, min_size=2, max_size=40), st.sampled_from([2.0, 1024.0, 0.5]))
def test_relative_growth_does_not_depend_on_the_scale(values: list[float | None], factor: float) -> None:
    def seen(times: float) -> list[GrowthPoint]:
        scaled = [None if value is None else value * times for value in values]
        return [GrowthPoint(at, value, "value") for at, value in zip(daily(values), scaled, strict=True)]

    small, large = change_over(seen(1)), change_over(seen(factor))
    assert (small is None) == (sum(value is not None for value in values) < 2) == (large is None)
    if small is not None and large is not None:
        assert (large.ratio, large.days) == (small.ratio, small.days)
        assert (large.change, large.per_day) == (small.change * factor, small.per_day * factor)


@given(st.lists(counts, min_size=2, max_size=40))
def test_missing_numbers_at_the_ends_and_in_between_change_no_growth(values: list[float | None]) -> None:
    points = [GrowthPoint(at, value, "value") for at, value in zip(daily(values), values, strict=True)]
    assert change_over(points) == change_over([point for point in points if point.value is not None])
    assert change_over(with_steps(points)[0]) == change_over(points)


def test_from_nothing_there_is_no_relative_growth() -> None:
    grown = change_over([GrowthPoint(START, 0.0, "zero"), GrowthPoint(START + 2 * DAY, 10.0, "value")])
    assert grown is not None
    assert (grown.change, grown.per_day, grown.ratio) == (10, 5, None)


def test_views_a_day_are_known_only_where_a_step_covers_the_day() -> None:
    one = [GrowthPoint(START + DAY * place, float(100 * place), "value") for place in (0, 1, 2, 9)]
    two = [GrowthPoint(START + DAY * place, float(10 * place), "value") for place in (1, 2, 3)]
    views = views_a_day([one, two])
    assert list(views) == [100.0, 110.0, 10.0]
    assert views_a_day([]).empty


def test_the_growth_of_an_account_is_read_from_what_stands(workspace: Workspace, app_connection: Connection) -> None:
    tenant_id = workspace.tenant.id
    with in_tenant(app_connection, tenant_id):
        account = an_account(app_connection, tenant_id, handle="@ann", handle_key="ann")["id"]

        def seen(day: int, value: float | None, **more: Any) -> None:
            state = "value" if value is not None else "suppressed"
            row = {"metric": "followers", "value": value, "state": state, "observed_at": START + DAY * day, **more}
            an_observation(app_connection, tenant_id, account, **row)

        for day, value in enumerate([1000, 1010, 1020]):
            seen(day, value)
        seen(2, 1025, revision=1)
        seen(3, 9999)
        seen(3, None, revision=1, state="not_reported")
        seen(4, None)
        seen(8, 1100)
        # About the 28 days before it: not a level.
        seen(8, 77, period_days=28)
    [one] = workspace.insights.growth("youtube:@ann").subjects
    assert (one.subject, one.subject_type, one.metric) == ("youtube:@ann", "account", "followers")
    assert (one.definition, one.unit) == ("youtube.followers", "count")
    assert (one.first, one.last, one.change, one.days) == (1000, 1100, 100, 8)
    assert one.change_ratio == pytest.approx(0.1)
    assert one.per_day == pytest.approx(12.5)
    assert [(point.value, point.state) for point in one.points] == [
        (1000, "value"), (1010, "value"), (1025, "value"), (None, "suppressed"), (1100, "value"),
    ]  # fmt: skip
    [gap] = one.gaps
    assert (gap.days, gap.change) == (6, 75)
    assert one.points[-1].over_gap
    assert "too few" in (one.anomalies_why or "")
    frame = workspace.insights.growth("youtube:@ann").frame()
    assert frame["value"].isna().tolist() == [False, False, False, True, False]
    assert frame["value"].sum() == 1000 + 1010 + 1025 + 1100
    cut = workspace.insights.growth("youtube:@ann", since=START + DAY, until=START + 2 * DAY).subjects[0]
    assert (cut.first, cut.last) == (1010, 1025)


def test_a_planted_purchase_is_told_through_the_library_with_its_posts(
    workspace: Workspace, tmp_path: Path, app_connection: Connection
) -> None:
    videos = [
        an_item(
            f"youtube:v{place}",
            kind="long_video",
            title=f"Video {place}",
            published_at=(START + DAY * place).isoformat(),
            metrics=[a_figure("views", 90_000 if place == 60 else 10_000 + place, "2026-09-20")],
        )
        for place in range(0, 90, 6)
    ]
    bring(workspace, tmp_path, *videos)
    tenant_id = workspace.tenant.id
    [account] = [row for row in workspace.roster.accounts() if row.platform == "youtube"]
    levels = with_bought(with_bought(calm(90), at=61, bought=3000), at=32, bought=3000)
    with in_tenant(app_connection, tenant_id):
        for at, value in zip(daily(list(levels)), levels, strict=True):
            an_observation(app_connection, tenant_id, account.id, metric="subscribers", value=value, observed_at=at)
    [one] = workspace.insights.growth("Ann Lee").subjects
    assert one.metric == "subscribers"
    assert {anomaly.since.date(): anomaly.verdict for anomaly in one.anomalies} == {
        (START + 31 * DAY).date(): "unexplained rise that stayed", (START + 60 * DAY).date(): "explained by a post",
    }  # fmt: skip
    assert any("no proof of a purchase" in limit for limit in one.limits)


def test_an_items_count_over_a_new_rule_is_marked(workspace: Workspace, tmp_path: Path) -> None:
    bring(
        workspace,
        tmp_path,
        an_item(
            "youtube:a", kind="long_video", published_at="2026-08-01T00:00:00Z",
            metrics=[a_figure("views", 100, "2026-08-10"), a_figure("views", 900, "2026-09-10")],
        ),
    )  # fmt: skip
    [one] = workspace.insights.growth("youtube:a").subjects
    assert (one.subject_type, one.change, str(one.spans_break)) == ("item", 800, "2026-08-24")
    assert any("changed its counting rule on 2026-08-24" in limit for limit in one.limits)


def test_what_was_never_seen_has_no_growth_and_says_so(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, an_item("youtube:a", metrics=[a_figure("likes", 5, "2026-09-01")]))
    [never] = workspace.insights.growth("youtube:a").subjects
    assert (never.change, never.points, never.metric) == (None, (), None)
    assert "no number" in (never.why or "")
    [once] = workspace.insights.growth("youtube:a", metric="likes").subjects
    assert (once.change, once.last) == (None, 5)
    assert "one observation is no growth" in (once.why or "")


def test_who_is_not_here_is_named_as_what_it_was_asked_for(workspace: Workspace) -> None:
    with pytest.raises(NotFound, match="no account and no item 'youtube:nobody'"):
        workspace.insights.growth("youtube:nobody")
    with pytest.raises(NotFound, match="no creator 'Nobody'"):
        workspace.insights.growth("Nobody")


def test_another_tenant_sees_none_of_it(workspace: Workspace, other_workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, an_item("youtube:a", metrics=[a_figure("views", 5, "2026-09-01")]))
    with pytest.raises(NotFound):
        other_workspace.insights.growth("youtube:a")
