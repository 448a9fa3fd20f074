"""The sample has enough in it that each analysis has something to say, refusals included."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cli.conftest import CommandLine

WINDOW = ("--since", "2026-07-01", "--until", "2026-10-31")


def grown(sample: CommandLine, account: str) -> dict[str, Any]:
    [one] = sample.json("insight", "growth", account)["subjects"]
    assert isinstance(one, dict)
    return one


def test_a_rise_of_followers_is_explained_by_the_post_that_brought_them(sample: CommandLine) -> None:
    one = grown(sample, "instagram:northlight_despensa")
    [rise] = one["anomalies"]
    assert rise["change"] > 8_000
    assert rise["verdict"] == "explained by a post"


def test_a_rise_that_nothing_explains_fell_back_and_the_weeks_around_the_gap_are_calm(sample: CommandLine) -> None:
    one = grown(sample, "instagram:northlight_smallchange")
    assert one["anomalies"][0]["verdict"] == "unexplained rise that fell back"
    assert [round(gap["days"]) for gap in one["gaps"]] == [8]
    assert all(spike["since"] > one["gaps"][0]["until"] for spike in one["anomalies"])


def test_rounded_subscribers_of_calm_months_show_no_rise(sample: CommandLine) -> None:
    one = grown(sample, "youtube:@northlight_benchgrain")
    assert one["anomalies"] == []
    assert any("rounded to 3 significant digits" in limit for limit in one["limits"])


def test_a_forecast_rests_on_posts_at_the_age_asked_for(sample: CommandLine) -> None:
    found = sample.json("insight", "forecast", "Dez Whitlocke", "--platform", "youtube", "--days", "7")
    assert found["basis"] == "at_age"
    assert 8 <= found["posts"] <= 20
    assert found["low"] < found["value"] < found["high"]
    assert found["backtest"]["posts"] >= 5


def test_the_hours_of_a_creator_differ_and_their_weekdays_do_not(sample: CommandLine) -> None:
    hours = sample.json("insight", "best", "Dez Whitlocke", "--by", "hour")
    days = sample.json("insight", "best", "Dez Whitlocke", "--by", "weekday")
    assert hours["p_value"] < 0.01
    assert any(one["stands_out"] for one in hours["bins"])
    assert days["p_value"] > 0.05
    assert not any(one["stands_out"] for one in days["bins"])


def test_what_youtube_changed_is_estimated_from_items_seen_on_both_sides(sample: CommandLine) -> None:
    found = sample.json("metric", "performance", "Dez Whitlocke", *WINDOW)
    [note] = found["breaks"]
    assert "% of this growth is the change" in note["text"]
    assert "at 95 %" in note["text"]


@pytest.mark.parametrize("creator", ["Jonna Brenner", "Dez Whitlocke"])
def test_a_months_growth_is_known_of_figures_seen_every_night(sample: CommandLine, creator: str) -> None:
    rows = sample.json("metric", "performance", creator, *WINDOW)["rows"]
    likes = {
        row["bucket"]: row["value"]
        for row in rows
        if (row["group"], row["concept"], row["basis"]) == ("youtube", "likes", "growth")
    }
    assert set(likes) == {"2026-07-01", "2026-08-01", "2026-09-01", "2026-10-01"}
    assert all(value for value in likes.values())


def test_a_tier_has_enough_peers_to_stand_among(sample: CommandLine) -> None:
    rows = sample.json("insight", "benchmark", "Jonna Brenner", "--against", "all")["rows"]
    placed = [row for row in rows if row["platform"] == "youtube" and row["percentile"] is not None]
    assert {row["basis"] for row in placed} >= {"level", "as listed"}
    assert all(row["n"] >= 8 for row in placed)


def test_an_incomplete_split_says_what_nobody_stated(sample: CommandLine) -> None:
    rows = sample.json("insight", "audience", "Lucía Ferrán Olmedo")["rows"]
    [rest] = [
        row["share"]
        for row in rows
        if (row["source"], row["dimension"], row["value"]) == ("account", "country", "not stated")
    ]
    assert round(rest, 9) == 0.07
