"""insight growth, best and forecast: as people, scripts and spreadsheets read them."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.cli.conftest import CommandLine
from tests.lines import a_figure, an_item, write_lines

VIDEO = "youtube:zff6un0LlJo"
COMMANDS = [
    ("insight", "growth", VIDEO),
    ("insight", "growth", "Dez Whitlocke"),
    ("insight", "best", "--by", "weekday"),
    ("insight", "best", "Kolja Wendtland", "--by", "hour", "--tz", "Europe/Berlin"),
    ("insight", "best", "--by", "format", "--measure", "engagement"),
    ("insight", "forecast", "Imogen Farrow-Blythe", "--platform", "tiktok", "--kind", "short_video"),
    ("insight", "forecast", "Kolja Wendtland", "--platform", "youtube"),
]


def test_growth_tells_steps_and_gaps_and_a_changed_rule(sample: CommandLine) -> None:
    [one] = sample.json("insight", "growth", VIDEO)["subjects"]
    known = [point for point in one["points"] if point["value"] is not None]
    assert one["first"] == known[0]["value"]
    assert one["change"] == known[-1]["value"] - known[0]["value"]
    assert one["change"] == sum(point["step"] or 0 for point in one["points"])
    assert one["spans_break"] == "2026-08-24"
    gaps = [point for point in one["points"] if point["state"] == "not_observed"]
    assert len(gaps) == len(one["gaps"]) > 0
    assert all(point["value"] is None for point in gaps)
    out = " ".join(sample("insight", "growth", VIDEO).out.split())
    assert "changed its counting rule on 2026-08-24" in out
    assert "not looked for" in out


def test_growth_of_one_metric_within_a_window(sample: CommandLine) -> None:
    words = ("insight", "growth", VIDEO, "--metric", "likes", "--since", "2026-06-01", "--until", "2026-09-29")
    [one] = sample.json(*words)["subjects"]
    assert one["metric"] == "likes"
    assert {point["at"][:7] for point in one["points"]} <= {"2026-06", "2026-07", "2026-08", "2026-09"}


def test_a_missing_number_is_an_empty_cell_and_never_a_zero(sample: CommandLine) -> None:
    rows = list(csv.DictReader(io.StringIO(sample("insight", "growth", VIDEO, "-o", "csv").out)))
    missing = [row for row in rows if row["state"] == "not_observed"]
    assert missing
    assert all((row["value"], row["step"]) == ("", "") for row in missing)
    bins = list(csv.DictReader(io.StringIO(sample(*COMMANDS[3], "-o", "csv").out)))
    few = [row for row in bins if row["why"] == "too few"]
    assert few
    assert all((row["ratio"], row["low"], row["high"]) == ("", "", "") for row in few)
    assert "too few (n =" in sample(*COMMANDS[3]).out


def test_an_account_with_one_observation_has_no_growth_and_says_so(sample: CommandLine) -> None:
    by_name = {one["subject"]: one for one in sample.json("insight", "growth", "Imogen Farrow-Blythe")["subjects"]}
    once = by_name["youtube:@northlight_quietmachines"]
    assert (once["last"], once["change"], once["per_day"]) == (231_000, None, None)
    assert by_name["podcast:quietmachines.example/feed.xml"]["last"] is None
    assert "one observation is no growth" in " ".join(sample("insight", "growth", "Imogen Farrow-Blythe").out.split())


def test_best_names_its_intervals_its_test_and_what_it_left_out(sample: CommandLine) -> None:
    found = sample.json("insight", "best", "--by", "weekday")
    assert sum(one["n"] for one in found["bins"]) == found["n"]
    for one in found["bins"]:
        if one["ratio"] is not None:
            assert one["low"] <= one["ratio"] <= one["high"]
    out = sample("insight", "best", "--by", "weekday").out
    assert "Kruskal–Wallis" in out
    assert found["answer"].split(":")[0] in out
    assert all(f"Left out: {count} posts" in out for _, count in found["left_out"])


def test_a_forecast_shows_its_interval_and_how_it_did_before(sample: CommandLine) -> None:
    words = COMMANDS[5]
    found = sample.json(*words)
    assert 0 < found["low"] < found["value"] < found["high"]
    assert found["backtest"]["posts"] > 8
    out = " ".join(sample(*words).out.split())
    assert "with 80% probability between" in out
    assert f"{found['backtest']['posts']} past posts" in out
    [row] = csv.DictReader(io.StringIO(sample(*words, "-o", "csv").out))
    assert float(row["value"]) == found["value"]
    assert int(row["backtest_posts"]) == found["backtest"]["posts"]


def test_a_refused_forecast_says_why_and_gives_no_number(sample: CommandLine) -> None:
    words = COMMANDS[6]
    found = sample.json(*words)
    assert (found["value"], found["low"], found["high"]) == (None, None, None)
    assert "too few" in found["why"]
    assert "No forecast: " in sample(*words).out
    [row] = csv.DictReader(io.StringIO(sample(*words, "-o", "csv").out))
    assert (row["value"], row["why"]) == ("", found["why"])


def test_what_cannot_be_asked_is_refused_with_a_hint(sample: CommandLine) -> None:
    for words in (
        ("best", "--by", "moon"), ("best", "--tz", "Nowhere"), ("best", "--measure", "love"),
        ("forecast", "Dez Whitlocke", "--platform", "youtube", "--days", "0"),
    ):  # fmt: skip
        error = sample("insight", *words, "--output", "json", code=2).error
        assert error["category"] == "InvalidInput"
        assert error["hint"]
    assert sample("insight", "growth", "Nobody", "--output", "json", code=3).error["category"] == "NotFound"


def test_a_spike_is_drawn_and_told_with_its_evidence(cli: CommandLine, tmp_path: Path) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    # Some likes more or less every day, and five thousand at once on the sixtieth.
    likes = [1000 + 20 * day + day * 7 % 5 + (5000 if day >= 60 else 0) for day in range(90)]
    seen = [a_figure("likes", value, (start + timedelta(days=day)).isoformat()) for day, value in enumerate(likes)]
    item = an_item("youtube:a", kind="long_video", published_at="2025-12-01T00:00:00Z", metrics=seen)
    cli("import", "file", write_lines(tmp_path / "likes.jsonl", item))
    out = cli("insight", "growth", "youtube:a", "--metric", "likes", columns=100).out
    assert "2026-04-29 to 2026-04-30: +5,0" in out
    assert "no proof of a purchase" in " ".join(out.split())
    [one] = json.loads(cli("insight", "growth", "youtube:a", "--metric", "likes", "-o", "json").out)["subjects"]
    [anomaly] = one["anomalies"]
    assert anomaly["verdict"].startswith("rise that stayed")
    assert {evidence["about"] for evidence in anomaly["evidence"]} >= {"size", "posts", "afterwards"}
