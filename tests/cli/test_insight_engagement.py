"""insight engagement | formulas | benchmark | value: what people see, what scripts read."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import CommandLine
from tests.lines import write_lines

CARD = """
[card]
id = "ours"
version = "3"
valid_from = 2026-01-01
currency = "EUR"
title = "Our own"

[[rate]]
platform = "youtube"
measure = "views"
per = 1000
low = "10"
high = "10"
source = "Our media plan"
"""


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_rate_is_told_with_its_interval_and_n(sample: CommandLine) -> None:
    words = ("insight", "engagement", "--all", "--since", "2025-06-01", "--until", "2026-10-31")
    out = sample(*words, columns=160).out
    assert re.search(r"\d\.\d+ % \(\d+\.\d+–\d+\.\d+ %, n = \d+\)", out)
    assert "(likes + comments) / views, ratio of sums" in out
    document = sample.json(*words)
    assert document["formula"]["id"] == "engagerr"
    told = {row["account"]: row for row in document["rows"]}
    assert {row["platform"] for row in told.values()} >= {"youtube", "instagram", "tiktok", "x"}
    for row in document["rows"]:
        assert (row["value"] is None) == (row["why"] is not None)
        if row["low"] is not None:
            assert row["low"] <= row["value"] <= row["high"]
            assert row["n"] >= 5
    # Marlo's export names no likes: a dash and the reason, never a zero.
    marlo = told["youtube:@northlight_marlo"]
    assert marlo["value"] is None
    assert marlo["left_out"][0]["reason"] == "no likes known"
    assert all(part["missing"] for part in marlo["inputs"] if part["name"] == "likes")
    assert [part["total"] for part in marlo["inputs"]] == [None, None, None]


def test_the_csv_has_a_row_an_account_and_empty_cells_for_what_is_missing(sample: CommandLine) -> None:
    rows = rows_of(sample("insight", "engagement", "--all", "-o", "csv", "--until", "2026-10-31").out)
    assert rows
    assert all(row["formula"] == "engagerr" and row["window"] == "90 d" for row in rows)
    for row in rows:
        assert (row["value"] == "") == (row["why"] != "")
        assert int(row["left_out"]) >= 0


def test_a_rate_agrees_with_the_sums_that_metric_report_gives(sample: CommandLine) -> None:
    words = ("Imogen Farrow-Blythe", "--since", "2026-01-01")
    [tiktok] = sample.json("insight", "engagement", *words, "--platform", "tiktok")["rows"]
    assert tiktok["left_out"] == []
    report = sample.json("metric", "report", *words, "--by", "platform")
    sums = {row["concept"]: row["value"] for row in report if row["group"] == "tiktok"}
    assert tiktok["value"] == pytest.approx((sums["likes"] + sums["comments"]) / sums["play_start"])


def test_every_formula_is_listed_with_its_source(sample: CommandLine) -> None:
    documents = sample.json("insight", "formulas")
    assert documents[0]["id"] == "engagerr"
    assert {entry["vendor"] for entry in documents} >= {
        "Modash", "Upfluence", "infludata", "HypeAuditor", "Stellar", "Traackr", "Rival IQ",
    }  # fmt: skip
    rows = rows_of(sample("insight", "formulas", "-o", "csv").out)
    assert {row["source_mark"] for row in rows} == {"P", "S"}
    assert [row["how"] for row in rows if row["id"] == "modash"] == [
        "likes / views, ratio of sums", "likes / followers, median of ratios",
    ]  # fmt: skip
    assert "infludata" in sample("insight", "formulas").out


def test_what_was_mistyped_is_refused_with_the_way_out(sample: CommandLine) -> None:
    unknown = sample("insight", "engagement", "--all", "--formula", "modahs", "-o", "json", code=2).error
    assert unknown["hint"] == "Did you mean modash?"
    sample("insight", "engagement", code=2)
    sample("insight", "engagement", "Jonna Brenner", "--all", code=2)
    nobody = sample("insight", "benchmark", "Jonna Brenner", "--against", "everyone", "-o", "json", code=2).error
    assert "roster, prospects, all" in nobody["hint"]
    undefined = sample("insight", "engagement", "--all", "--platform", "twitch", "-o", "json", code=2).error
    assert "publishes no formula" in undefined["message"]


def test_a_small_roster_is_no_benchmark_and_says_so(sample: CommandLine) -> None:
    document = sample.json("insight", "benchmark", "Jonna Brenner")
    assert document["rows"]
    for row in document["rows"]:
        assert row["n"] < 8
        assert (row["percentile"], row["median"]) == (None, None)
        assert row["why"]
    out = sample("insight", "benchmark", "Jonna Brenner").out
    assert "of at least 8 peers" in out
    assert rows_of(sample("insight", "benchmark", "Jonna Brenner", "-o", "csv").out)[0]["percentile"] == ""


def peers(count: int) -> list[dict[str, Any]]:
    return [
        {"type": "creator", "name": f"Peer {at}", "topics": ["food"],
         "accounts": [{"platform": "tiktok", "handle": f"@peer{at}", "followers": 20_000 + at}]}
        for at in range(count)
    ]  # fmt: skip


def test_among_enough_peers_a_creator_has_a_percentile(cli: CommandLine, tmp_path: Path) -> None:
    cli("import", "file", write_lines(tmp_path / "peers.jsonl", *peers(11)))
    out = cli("insight", "benchmark", "Peer 5", "--platform", "tiktok").out
    assert re.search(r"followers\s+20\.0K\s+50\s", out)
    assert "10 (micro, food)" in out
    [row] = [
        row for row in cli.json("insight", "benchmark", "Peer 0")["rows"]
        if (row["measure"], row["peers"]) == ("followers", "tier and category")
    ]  # fmt: skip
    assert (row["percentile"], row["n"], row["value"], row["median"]) == (0, 10, 20_000, 20_005.5)


def test_media_value_is_a_range_with_its_card_and_what_it_is_not(sample: CommandLine) -> None:
    out = " ".join(sample("insight", "value", "--all").out.split())
    assert "engagerr-reference 2026.11" in out
    assert re.search(r"SHA-256 [0-9a-f]{64}", out)
    assert "Traackr argues against" in out
    assert "on podcast: engagerr-reference has no rate for podcast" in out
    document = sample.json("insight", "value", "--all")
    low, high = document["low"], document["high"]
    assert low["currency"] == high["currency"] == "USD"
    assert low["minor"] == sum(row["low"]["minor"] for row in document["rows"])
    assert low["minor"] < high["minor"]
    assert "score" not in sample("insight", "value", "--all", "-o", "csv").out


def test_a_card_of_ones_own_is_used_or_refused_by_name(sample: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "card.toml"
    path.write_text(CARD)
    document = sample.json("insight", "value", "Marlo Vestenegg", "--rate-card", path)
    [row] = document["rows"]
    assert (row["platform"], row["low"]) == ("youtube", row["high"])
    assert document["card"]["id"] == "ours"
    assert row["low"] == {"minor": round(row["figure"]), "currency": "EUR"}
    path.write_text(CARD.replace('low = "10"', "low = 1.5"))
    refused = sample("insight", "value", "--all", "--rate-card", path, "-o", "json", code=2).error
    assert "rate 1.low" in refused["message"]
    assert 'low = "6.50"' in refused["hint"]
