"""metric: observations, reports, the registry."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest
from tests.cli.conftest import CommandLine

VIDEO = "youtube:rbMdIF1MB2U"


def test_every_observation_is_told_with_its_standard_figure(sample: CommandLine) -> None:
    rows = sample.json("metric", "show", VIDEO)
    assert isinstance(rows, list)
    for row in rows:
        assert set(row) >= {"metric", "reported", "state", "definition", "observed_at", "source", "standard"}
        assert set(row["standard"]) >= {"concept", "value", "grade", "how"}
        assert row["standard"]["how"]
        assert row["observed_at"].endswith("Z")
        assert (row["reported"] is not None) == (row["state"] in {"value", "zero", "estimated"})


def test_money_is_minor_units_and_the_report_of_the_platform_stays_exact(sample: CommandLine) -> None:
    [revenue] = [row for row in sample.json("metric", "show", VIDEO) if row["metric"] == "estimated_revenue"]
    assert (revenue["reported"], revenue["currency"]) == (80.339, "EUR")
    assert revenue["standard"]["value"] == {"minor": 8034, "currency": "EUR"}


def test_what_was_known_by_a_day(sample: CommandLine) -> None:
    oldest = sample.json("content", "list", "--creator", "Dez Whitlocke", "--platform", "youtube")[-1]

    def views(*words: str) -> set[tuple[str, str]]:
        rows = sample.json("metric", "show", f"youtube:{oldest['native_id']}", *words)
        return {
            (row["observed_at"], row["metric"]) for row in rows if row["metric"] == "views" and not row["period_days"]
        }

    every = sorted(when for when, _ in views())
    assert len(every) > 2
    day = every[1][:10]
    [(seen, _)] = views("--at", day)
    assert seen == max(when for when in every if when[:10] <= day)
    [(seen, _)] = views("--at", every[0])
    assert seen == every[0]
    assert views("--at", "2020-01-01") == set()


def test_an_account_has_figures_too(sample: CommandLine) -> None:
    rows = sample.json("metric", "show", "tiktok:@northlight_despensa")
    assert {row["metric"] for row in rows} >= {"followers"}


def test_how_a_figure_was_made_is_told_on_request(sample: CommandLine) -> None:
    out = " ".join(sample("metric", "show", VIDEO, "--how").out.split())
    for row in sample.json("metric", "show", VIDEO):
        assert " ".join(row["standard"]["how"].split())[:40] in out


@pytest.mark.parametrize("by", ["platform", "family", "kind", "creator"])
def test_a_report_is_rows_of_groups_and_concepts(sample: CommandLine, by: str) -> None:
    rows = sample.json("metric", "report", "--all", "--by", by)
    keys = [(row["group_id"], row["sum_group"]) for row in rows]
    assert len(set(keys)) == len(keys)
    for row in rows:
        assert (row["value"] is None) == (row["items"] == 0)
        assert row["state"]


def test_a_missing_number_is_null_beside_its_state_and_a_dash_for_people(sample: CommandLine) -> None:
    [missing] = [
        row for row in sample.json("metric", "report", "Kolja Wendtland")
        if row["group"] == "twitch" and row["concept"] == "reach"
    ]  # fmt: skip
    assert (missing["value"], missing["state"], missing["items"]) == (None, "suppressed", 0)
    assert missing["missing"] > 0
    assert "— (suppressed)" in sample("metric", "report", "Kolja Wendtland").out
    sheet = csv.DictReader(io.StringIO(sample("metric", "report", "Kolja Wendtland", "-o", "csv").out))
    [row] = [row for row in sheet if row["group"] == "twitch" and row["concept"] == "reach"]
    assert (row["value"], row["state"]) == ("", "suppressed")


def test_money_in_csv_is_in_major_units_with_its_currency(sample: CommandLine) -> None:
    [total] = [row for row in sample.json("metric", "report", "--all") if row["sum_group"] == "revenue/EUR"]
    sheet = csv.DictReader(io.StringIO(sample("metric", "report", "--all", "-o", "csv").out))
    [row] = [row for row in sheet if row["sum_group"] == "revenue/EUR"]
    assert row["currency"] == "EUR"
    assert round(Decimal(row["value"]) * 100) == total["value"]["minor"]


def test_the_window_of_a_report_takes_whole_days(sample: CommandLine) -> None:
    def likes(*words: str) -> int:
        rows = sample.json("metric", "report", "Jonna Brenner", *words)
        return sum(row["items"] for row in rows if row["sum_group"] == "likes")

    day = sample.json("content", "list", "--creator", "Jonna Brenner", "--kind", "reel")[0]["published_at"][:10]
    until = ["--until", "2026-12-31"]
    assert likes("--since", day, *until) > likes("--since", day + "T23:59:59Z", *until)
    assert 0 < likes("--since", "2026-06-01", *until) < likes()
    assert likes("--since", "2027-01-01") == 0


def test_the_registry_names_its_sources(sample: CommandLine) -> None:
    rows = sample.json("metric", "definitions", "--platform", "youtube")
    assert {row["platform"] for row in rows} == {"youtube"}
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        assert set(row["source"]) == {"title", "mark", "url", "retrieved_at"}
        assert row["concept"] is None or isinstance(row["concept"], str)
    assert {row["valid_to"] for row in rows} >= {"2026-08-24"}
    assert sample.json("metric", "definitions", "--platform", "nowhere") == []
    assert len(sample.json("metric", "definitions")) > len(rows)
