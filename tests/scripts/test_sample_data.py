"""scripts/sample_data: made by its script to the byte, true to the real formats, and consistent in itself."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
SAMPLE = SCRIPTS / "sample_data"
BY_HAND = {"README.md", ".gitattributes"}
ITUNES = "{http://www.itunes.com/dtds/podcast-1.0.dtd}"
PODCAST = "{https://podcastindex.org/namespace/1.0}"
STUDIO_ZIPS = sorted(SAMPLE.glob("*/Content *.zip"))
INSTAGRAM = sorted(SAMPLE.glob("*/Nov-01-2025_*.csv"))
INTERCHANGE = ("kolja/twitch.jsonl", "dez/youtube.jsonl", "nightly/benchgrain.jsonl")
NIGHTLY = sorted(str(path.relative_to(SAMPLE)) for path in SAMPLE.glob("nightly/*.jsonl"))
CARRIES_A_VALUE = {"value", "zero", "estimated"}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in BY_HAND
    }


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def read(path: Path) -> list[dict[str, str]]:
    return rows(path.read_text(encoding="utf-8"))


def members(archive: Path) -> dict[str, list[dict[str, str]]]:
    with zipfile.ZipFile(archive) as bundle:
        return {name: rows(bundle.read(name).decode()) for name in bundle.namelist()}


def json_lines(path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SAMPLE / path).read_text(encoding="utf-8").splitlines()]


def videos(pattern: str) -> list[dict[str, Any]]:
    return [item for path in sorted(SAMPLE.glob(pattern)) for item in json.loads(path.read_text())["items"]]


def feed_items(show: str) -> list[ElementTree.Element]:
    return ElementTree.parse(SAMPLE / show / "feed.xml").findall("channel/item")


def key(end: dict[str, str]) -> tuple[str, str]:
    return end["platform"], end["native_id"]


@pytest.fixture(scope="module")
def exported() -> dict[tuple[str, str], datetime | None]:
    """Every item that the imported files hold, by platform and native id, with the day or time of publication."""
    found: dict[tuple[str, str], datetime | None] = {}
    for archive in STUDIO_ZIPS:
        found |= dict.fromkeys(("youtube", row["Content"].strip()) for row in members(archive)["Table data.csv"][1:])
    for path in SAMPLE.glob("hinako/*/Table data.csv"):
        found |= dict.fromkeys(("youtube", row["Content"].strip()) for row in read(path)[1:])
    for show in ("bergschritt", "quietmachines"):
        found |= dict.fromkeys(("podcast", guid) for item in feed_items(show) if (guid := item.findtext("guid")))
    for path in INSTAGRAM:
        for row in read(path):
            found["instagram", row["Post ID"]] = datetime.strptime(row["Publish time"], "%m/%d/%Y %H:%M")
    for path in SAMPLE.glob("*/tiktok/Content.csv"):
        for row in read(path):
            native_id = row["Video link"].rpartition("/")[2]
            year = datetime.fromtimestamp(int(native_id) >> 32, UTC).year
            found["tiktok", native_id] = datetime.strptime(f"{row['Post time']} {year}", "%B %d %Y")
    for path in SAMPLE.glob("*/account_analytics_content_*.csv"):
        for row in read(path):
            found["x", row["Post id"]] = datetime.strptime(row["Date"], "%a, %b %d, %Y")
    for line in [line for path in INTERCHANGE for line in json_lines(path)]:
        found[key(line)] = datetime.fromisoformat(line["published_at"])
    return found


def test_the_committed_files_are_what_the_script_makes_on_any_machine(tmp_path: Path) -> None:
    env = os.environ | {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    subprocess.run(
        [sys.executable, SCRIPTS / "make_sample_data.py", tmp_path], check=True, env=env, stdout=subprocess.DEVNULL
    )
    fresh, committed = contents(tmp_path), contents(SAMPLE)
    assert sorted(fresh) == sorted(committed)
    assert [path for path in fresh if fresh[path] != committed[path]] == []


def test_the_sample_stays_small() -> None:
    assert sum(map(len, contents(SAMPLE).values())) < 1_200_000


def test_the_manifest_names_every_file_once_but_the_truth_and_the_brief() -> None:
    manifest = json.loads((SAMPLE / "manifest.json").read_text())
    paths = [entry["path"] for entry in manifest]
    assert Counter(paths) == Counter(
        contents(SAMPLE).keys() - {"manifest.json", "truth_edges.jsonl", "brief-trail-running.json"}
    )
    assert paths[0] == "creators.jsonl"
    known = {line["name"] for line in json_lines("creators.jsonl")}
    assert {entry["creator"] for entry in manifest} - {None} <= known
    assert all(set(entry) == {"path", "creator", "account", "period", "observed_at"} for entry in manifest)


def test_every_account_of_the_manifest_is_on_the_roster_of_its_creator() -> None:
    accounts = {
        (line["name"], f"{account['platform']}:{account['handle'].removeprefix('@')}")
        for line in json_lines("creators.jsonl")
        for account in line["accounts"]
    }
    for entry in json.loads((SAMPLE / "manifest.json").read_text()):
        if entry["account"]:
            assert (entry["creator"], entry["account"].replace(":@", ":")) in accounts


def test_the_roster_has_eight_creators_two_currencies_and_untold_followers() -> None:
    lines = json_lines("creators.jsonl")
    assert len({line["name"] for line in lines}) == len(lines) == 8
    assert {rate["amount"]["currency"] for line in lines for rate in line["rates"]} == {"EUR", "USD"}
    followers = [account.get("followers") for line in lines for account in line["accounts"]]
    assert None in followers
    assert any(followers)
    for line in lines:
        shares: dict[str, float] = defaultdict(float)
        for part in line.get("audience", []):
            shares[part["dimension"]] += part["share"]
        assert all(total <= 1 for total in shares.values())


@pytest.mark.parametrize("archive", STUDIO_ZIPS, ids=lambda path: path.name)
def test_table_chart_and_totals_of_a_studio_archive_agree(archive: Path) -> None:
    files = members(archive)
    total, *table = files["Table data.csv"]
    assert total["Content"] == "Total"
    assert int(total["Views"]) == sum(int(row["Views"]) for row in table)
    assert int(total["Views"]) == sum(int(row["Views"]) for row in files["Totals.csv"])
    charted: Counter[str] = Counter()
    for row in files["Chart data.csv"]:
        charted[row["Content"]] += int(row["Views"])
    views = {row["Content"].strip(): int(row["Views"]) for row in table}
    assert charted == {native_id: views[native_id] for native_id in charted}
    days = [row["Date"] for row in files["Totals.csv"]]
    assert f" {days[0]}_{days[-1]} " in archive.name


def test_studio_tables_have_the_faults_of_real_ones() -> None:
    table = [row for archive in STUDIO_ZIPS for row in members(archive)["Table data.csv"]]
    ids = [row["Content"] for row in table]
    assert any(re.match(r" -", native_id) for native_id in ids)
    assert any(re.match(r"-", native_id) for native_id in ids)
    assert any(row["Video publish time"] == "" and row["Content"] != "Total" for row in table)
    assert any(row.get("Subscribers", "0").startswith("-") for row in table)
    assert any(row["Estimated revenue (EUR)"] == "" for row in table)
    stayed = [row for row in table if row.get("Stayed to watch (%)") and row["Content"] != "Total"]
    assert stayed
    assert all(int(row["Duration"]) < 60 for row in stayed)


def test_the_later_export_has_larger_figures_new_videos_and_one_new_title() -> None:
    first, second = (
        {row["Content"].strip(): row for row in read(path)[1:]}
        for path in sorted(SAMPLE.glob("hinako/*/Table data.csv"))
    )
    assert first.keys() < second.keys()
    assert all(int(second[native_id]["Views"]) > int(row["Views"]) for native_id, row in first.items())
    assert [row["Video title"] != second[native_id]["Video title"] for native_id, row in first.items()].count(True) == 1


def test_the_german_table_has_german_headings_and_decimal_commas() -> None:
    total, *table = read(SAMPLE / "marlo" / "Tabellendaten.csv")
    assert total["Videos"] == "Gesamt"
    assert int(total["Aufrufe"]) == sum(int(row["Aufrufe"]) for row in table)
    hours = [row["Wiedergabezeit (Stunden)"] for row in table]
    assert all(re.fullmatch(r"\d+,\d+", figure) for figure in hours)


def test_api_videos_are_those_of_the_studio_archive() -> None:
    for show in ("bergschritt", "quietmachines"):
        (archive,) = SAMPLE.glob(f"{show}/Content *.zip")
        titles = {row["Content"].strip(): row["Video title"] for row in members(archive)["Table data.csv"][1:]}
        items = videos(f"{show}/videos.list-2026-11-01-*.json")
        assert {item["id"]: item["snippet"]["title"] for item in items} == titles
        assert all(len(item["snippet"]["title"]) <= 100 for item in items)


def test_hidden_likes_are_missing_and_one_sponsored_video_lacks_its_label() -> None:
    items = videos("*/videos.list-2026-11-01-*.json")
    assert any("likeCount" not in item["statistics"] for item in items)
    assert any("commentCount" not in item["statistics"] for item in items)
    assert any("liveStreamingDetails" in item for item in items)
    disclosed = [item for item in items if re.search(r"#ad\b|Werbung", item["snippet"]["description"])]
    labels = [item["paidProductPlacementDetails"]["hasPaidProductPlacement"] for item in disclosed]
    assert labels.count(False) == 1
    assert labels.count(True) >= 5


def test_the_feeds_have_one_missing_guid_one_bad_date_and_both_forms_of_duration() -> None:
    items = [item for show in ("bergschritt", "quietmachines") for item in feed_items(show)]
    assert len(items) == 48
    assert [item.find("guid") is None for item in items].count(True) == 1
    unreadable = 0
    for item in items:
        try:
            parsedate_to_datetime(item.findtext("pubDate") or "")
        except ValueError:
            unreadable += 1
    assert unreadable == 1
    durations = {":" in (item.findtext(f"{ITUNES}duration") or "") for item in items}
    assert durations == {True, False}


def test_some_episodes_name_their_video_twice_some_once_and_some_never() -> None:
    ways: Counter[tuple[bool, bool]] = Counter()
    for show in ("bergschritt", "quietmachines"):
        for item in feed_items(show):
            linked = "youtube.com/watch?v=" in (item.findtext("description") or "")
            ways[linked, item.find(f"{PODCAST}alternateEnclosure") is not None] += 1
    assert len(ways) == 4


def test_exactly_one_instagram_id_is_damaged() -> None:
    ids = [row["Post ID"] for path in INSTAGRAM for row in read(path)]
    damaged = [native_id for native_id in ids if not re.fullmatch(r"1[78]\d{15}", native_id)]
    assert len(damaged) == 1
    assert re.fullmatch(r"1\.\d{5}E\+16", damaged[0])
    assert {row["Post type"] for path in INSTAGRAM for row in read(path)} == {
        "IG reel",
        "IG carousel",
        "IG image",
        "IG story",
    }
    assert any("\n" in row["Description"] for path in INSTAGRAM for row in read(path))


def test_tiktok_files_have_no_year_short_numbers_and_undefined() -> None:
    content = [row for path in SAMPLE.glob("*/tiktok/Content.csv") for row in read(path)]
    assert any(row["Total views"].endswith("K") for row in content)
    assert any("undefined" in row.values() for row in content)
    for path in SAMPLE.glob("*/tiktok/Overview.csv"):
        days = [row["Date"] for row in read(path)]
        assert days.index("December 31") + 1 == days.index("January 1")
        assert not path.read_bytes().endswith(b"\n")


def test_ids_have_their_platforms_shape_and_carry_their_time(exported: dict[tuple[str, str], datetime | None]) -> None:
    shapes = {
        "youtube": r"[\w-]{10}[AEIMQUYcgkosw048]",
        "x": r"\d{19}",
        "tiktok": r"\d{19}",
        "twitch": r"\d{10}|[A-Za-z]+-[\w-]{11}",
    }
    for (platform, native_id), published in exported.items():
        assert re.fullmatch(shapes.get(platform, r".+"), native_id, re.ASCII), (platform, native_id)
        if platform == "x" and published:
            made = datetime(2010, 11, 4, 1, 42, 54, 657000) + timedelta(milliseconds=int(native_id) >> 22)
            assert made.date() == published.date()
        if platform == "tiktok" and published:
            assert datetime.fromtimestamp(int(native_id) >> 32, UTC).date() == published.date()


def test_every_true_edge_joins_two_items_of_the_files_and_gives_a_child_one_parent(
    exported: dict[tuple[str, str], datetime | None],
) -> None:
    edges = json_lines("truth_edges.jsonl")
    children = [key(edge["child"]) for edge in edges]
    assert len(set(children)) == len(children) >= 250
    assert [edge for edge in edges if key(edge["child"]) not in exported or key(edge["parent"]) not in exported] == []
    parents = {key(edge["child"]): key(edge["parent"]) for edge in edges}
    for child in children:
        ancestors = [parents[child]]
        while ancestors[-1] in parents:
            ancestors.append(parents[ancestors[-1]])
            assert child not in ancestors
            assert len(ancestors) <= 3


def test_at_least_twenty_episodes_have_a_video_one_to_four_clips_and_posts() -> None:
    below: dict[tuple[str, str], list[tuple[str, tuple[str, str]]]] = defaultdict(list)
    for edge in json_lines("truth_edges.jsonl"):
        below[key(edge["parent"])].append((edge["relation"], key(edge["child"])))
    complete = 0
    for parent in [parent for parent in below if parent[0] == "podcast"]:
        twins = [child for relation, child in below[parent] if relation == "same_work"]
        assert [platform for platform, _ in twins] == ["youtube"]
        relations = Counter(relation for relation, _ in below[parent] + below[twins[0]])
        assert relations["clip_of"] <= 4
        complete += relations["clip_of"] >= 1 and relations["promotes"] >= 1
    assert complete >= 20


def test_most_clips_of_an_episode_link_it_and_some_do_not() -> None:
    descriptions = {item["id"]: item["snippet"]["description"] for item in videos("*/videos.list-2026-11-01-*.json")}
    linked = [
        bool(re.search(r"youtu\.be|youtube\.com|\.example/", descriptions[edge["child"]["native_id"]]))
        for edge in json_lines("truth_edges.jsonl")
        if edge["relation"] == "clip_of" and edge["child"]["native_id"] in descriptions
    ]
    assert 0.4 < sum(linked) / len(linked) < 0.9


@pytest.mark.parametrize("path", ["kolja/twitch.jsonl", "dez/youtube.jsonl"])
def test_an_interchange_figure_has_a_value_exactly_when_its_state_says_so(path: str) -> None:
    for line in json_lines(path):
        for metric in line["metrics"]:
            assert (metric["value"] is not None) == (metric["state"] in CARRIES_A_VALUE)
            assert (metric["value"] == 0) == (metric["state"] == "zero")
            assert metric["observed_at"] > line["published_at"]


def test_missing_numbers_are_missing_for_many_reasons() -> None:
    states = {metric["state"] for line in json_lines("kolja/twitch.jsonl") for metric in line["metrics"]}
    assert states >= {"not_reported", "not_applicable", "suppressed", "expired", "permission_denied", "zero", "value"}


def test_twitch_clips_point_into_a_broadcast_of_the_file() -> None:
    lines = json_lines("kolja/twitch.jsonl")
    lengths = {line["native_id"]: line["duration_seconds"] for line in lines if line["kind"] == "live"}
    clips = [line["hints"] for line in lines if line["kind"] == "clip"]
    assert len(clips) >= 10
    assert all(0 < hint["vod_offset"] < lengths[hint["video_id"]] for hint in clips)


def test_views_and_engaged_views_part_when_youtube_changes_its_definition() -> None:
    for line in json_lines("dez/youtube.jsonl") + json_lines("nightly/benchgrain.jsonl"):
        seen: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for metric in line["metrics"]:
            seen[metric["name"]].append((metric["observed_at"], metric["value"]))
        for (day, views), (_, engaged) in zip(seen["views"], seen["engaged_views"], strict=True):
            # A handful of first views rounds to as many engaged ones.
            assert views == engaged if day < "2026-08-24" else views > engaged or views < 50, line["title"]
        for figures in (seen["views"], seen["engaged_views"]):
            assert figures == sorted(figures)
            assert [value for _, value in figures] == sorted(value for _, value in figures)


def series(line: dict[str, Any]) -> dict[str, list[tuple[datetime, int]]]:
    """The figures of an item or account by name, as (moment, value)."""
    found: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
    for metric in line["metrics"]:
        found[metric["name"]].append((datetime.fromisoformat(metric["observed_at"]), metric["value"]))
    return found


def nightly_items() -> list[dict[str, Any]]:
    return [line for path in NIGHTLY for line in json_lines(path) if line["type"] == "item"]


def nightly_accounts() -> dict[str, dict[str, Any]]:
    return {
        f"{account['platform']}:{account['handle']}": account
        for line in json_lines("nightly/accounts.jsonl")
        for account in line["accounts"]
    }


def newest_exported() -> dict[tuple[str, str], dict[str, int]]:
    """The figures of each item in the exports of the last day, where they are exact."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for item in videos("*/videos.list-2026-11-01-*.json"):
        names = {"viewCount": "views", "likeCount": "likes", "commentCount": "comments"}
        figures = {name: int(item["statistics"][said]) for said, name in names.items() if said in item["statistics"]}
        found["youtube", item["id"]] = figures
    for row in [row for path in INSTAGRAM for row in read(path)]:
        names = {name.capitalize(): name for name in ("views", "likes", "comments", "shares")}
        found["instagram", row["Post ID"]] = {name: int(row[said]) for said, name in names.items() if row[said]}
    return found


def test_no_figure_of_the_nightly_sync_falls_and_none_is_above_the_newest_export() -> None:
    exported_last = newest_exported()
    items = nightly_items()
    assert len(items) >= 25
    for line in items:
        ends = exported_last.get(key(line), {})
        assert ends or line["account"] == "@northlight_benchgrain", line["native_id"]
        for name, figures in series(line).items():
            values = [value for _, value in sorted(figures)]
            assert values == sorted(values)
            assert values[-1] <= ends.get(name, values[-1]), (line["native_id"], name)


def test_a_series_begins_on_the_night_of_publication_and_only_meta_was_out_for_a_week() -> None:
    for line in nightly_items():
        nights = [at.date() for at, _ in series(line)["views"]]
        first_weeks = {nights[0] + timedelta(days=place) for place in range(min(25, (nights[-1] - nights[0]).days))}
        away = first_weeks - {*nights}
        assert bool(away) <= (line["platform"] == "instagram")
        assert all(datetime(2026, 8, 9).date() <= night <= datetime(2026, 8, 15).date() for night in away)
    published = {line["native_id"]: line["published_at"][:10] for line in json_lines("nightly/benchgrain.jsonl")}
    for line in json_lines("nightly/benchgrain.jsonl"):
        assert series(line)["views"][0][0].date().isoformat() == published[line["native_id"]]


def test_enough_posts_of_one_kind_are_seen_for_a_month_since_youtube_changed_its_definition() -> None:
    lines = [line for line in json_lines("nightly/benchgrain.jsonl") if line["published_at"] >= "2026-08-24"]
    ages = [
        (max(series(line)["views"])[0] - datetime.fromisoformat(line["published_at"])) / timedelta(days=1)
        for line in lines
    ]
    assert {line["kind"] for line in lines} == {"long_video"}
    assert sum(age > 29.5 for age in ages) >= 8
    assert len(json_lines("nightly/benchgrain.jsonl")) - len(lines) >= 5


def test_followers_by_night_end_at_what_the_roster_says_and_youtube_rounds_them() -> None:
    told = {
        f"{account['platform']}:{account['handle']}": account.get("followers")
        for line in json_lines("creators.jsonl")
        for account in line["accounts"]
    }
    seen = {name: series(account)["followers"] for name, account in nightly_accounts().items() if "metrics" in account}
    assert len(seen) >= 5
    for name, figures in seen.items():
        assert 110 <= len(figures) <= 120
        assert 0.999 * told[name] < figures[-1][1] <= told[name]
        if name.startswith("youtube:"):
            assert {value % 1_000 for _, value in figures} == {0}
        else:
            assert len({value % 10 for _, value in figures}) == 10


def test_one_audience_adds_up_to_less_than_one_and_no_other_split_does() -> None:
    sums: dict[tuple[str, str], float] = defaultdict(float)
    for name, account in nightly_accounts().items():
        for part in account.get("audience", []):
            sums[name, part["dimension"]] += part["share"]
    assert {dimension for _, dimension in sums} == {"country", "age", "gender"}
    assert {key: round(total, 4) for key, total in sums.items() if round(total, 4) != 1} == {
        ("instagram:northlight_despensa", "country"): 0.93
    }


def test_the_prospects_are_nobody_of_the_roster_and_their_figures_come_twice() -> None:
    (path,) = SAMPLE.glob("prospects/*.csv")
    with path.open(encoding="utf-8", newline="") as file:
        headings, *table = csv.reader(file)
    assert headings.count("Subscribers") == 2
    assert sum(100_000 <= int(row[6]) < 500_000 for row in table) >= 8
    assert any("#VALOR!" in row for row in table)
    assert {row[0] for row in table}.isdisjoint(line["name"] for line in json_lines("creators.jsonl"))
    assert all(row[1].startswith("northlight_scout_") for row in table)


def test_every_web_address_is_a_platforms_or_ends_in_example() -> None:
    hosts: set[str] = set()
    for path, content in contents(SAMPLE).items():
        found = set(re.findall(rb"https?://([\w.-]+)", content))
        if path.endswith(".xml"):
            found -= {b"www.itunes.com", b"podcastindex.org", b"purl.org", b"www.w3.org"}
        hosts |= {host.decode() for host in found}
    platforms = {"youtu.be", "www.youtube.com", "i.ytimg.com", "www.instagram.com", "www.tiktok.com", "x.com", "t.co"}
    platforms |= {"www.twitch.tv", "clips.twitch.tv"}
    assert {host for host in hosts if not host.endswith(".example")} == platforms


def test_the_brief_asks_for_what_somebody_on_the_roster_offers() -> None:
    brief = json.loads((SAMPLE / "brief-trail-running.json").read_text())
    fitting = [
        line["name"]
        for line in json_lines("creators.jsonl")
        if line["country"] in brief["countries"] and set(brief["must"]) <= set(line["topics"])
    ]
    assert len(fitting) == 2
    assert any(set(brief["must_not"]) & set(line["topics"]) for line in json_lines("creators.jsonl"))
