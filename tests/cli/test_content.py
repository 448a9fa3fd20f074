"""content: items, edges with evidence, families."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from rich.cells import cell_len
from tests.cli.conftest import SAMPLE, CommandLine

# An episode of the sample and its twin on YouTube, from which clips were cut.
TWIN = "youtube:rbMdIF1MB2U"


@pytest.fixture
def suggested(cli: CommandLine) -> CommandLine:
    """One creator with videos and reels; some edges wait for a person."""
    cli("import", "file", SAMPLE / "creators.jsonl")
    for path in sorted((SAMPLE / "despensa").glob("*")):
        if path.suffix in {".zip", ".csv"}:
            cli("import", "file", path, "--creator", "Lucía Ferrán Olmedo", "--account", account_of(path.suffix))
    return cli


def account_of(suffix: str) -> str:
    return {".zip": "youtube:@northlight_despensa", ".csv": "instagram:@northlight_despensa"}[suffix]


def name(end: dict[str, Any]) -> str:
    return f"{end['platform']}:{end['native_id']}"


def short(edge: dict[str, Any]) -> str:
    return str(edge["id"]).replace("-", "")[-8:]


def waiting(cli: CommandLine) -> list[dict[str, Any]]:
    edges: list[dict[str, Any]] = cli.json("content", "edges", "--state", "suggested")
    assert edges
    return edges


def test_items_are_listed_newest_first_with_every_field(sample: CommandLine) -> None:
    items = sample.json("content", "list")
    assert set(items[0]) >= {
        "id", "platform", "native_id", "account", "kind", "title", "url", "published_at", "duration_seconds",
    }  # fmt: skip
    dates = [item["published_at"] for item in items if item["published_at"]]
    assert dates == sorted(dates, reverse=True)
    assert all(date.endswith("Z") for date in dates)
    assert all(item["account"].startswith(f"{item['platform']}:") for item in items)


def test_the_list_is_narrowed(sample: CommandLine) -> None:
    narrowed = sample.json(
        "content",
        "list",
        "--creator",
        "Jonna Brenner",
        "--platform",
        "instagram",
        "--kind",
        "reel",
        "--since",
        "2026-06-01",
    )
    assert narrowed
    assert {(item["platform"], item["kind"], item["creator"]) for item in narrowed} == {
        ("instagram", "reel", "Jonna Brenner")
    }
    assert min(item["published_at"] for item in narrowed) >= "2026-06-01"
    assert len(sample.json("content", "list", "--limit", "3")) == 3


def test_a_suggestion_shows_its_evidence(suggested: CommandLine) -> None:
    found = suggested.json("content", "suggest")
    assert set(found) == {"edges", "stats"}
    edge = next(edge for edge in found["edges"] if edge["state"] == "suggested")
    assert set(edge) == {"id", "child", "parent", "relation", "confidence", "evidence", "state"}
    assert set(edge["child"]) == {"platform", "native_id", "title", "account"}
    assert edge["child"]["account"].startswith(f"{edge['child']['platform']}:")
    assert 0 < edge["confidence"] < 1
    assert all(set(piece) == {"kind", "detail", "weight"} for piece in edge["evidence"])
    assert edge["evidence"]
    assert all(isinstance(count, int) for count in found["stats"].values())

    out = suggested("content", "suggest").out
    assert edge["id"].replace("-", "")[-8:] in out
    assert edge["evidence"][0]["detail"] in out
    assert "nothing new" in out


def test_the_table_of_suggest_sums_up_and_says_what_to_type_next(suggested: CommandLine) -> None:
    found = suggested.json("content", "suggest")["edges"]
    open_ones = [edge for edge in found if edge["state"] == "suggested"]
    out = suggested("content", "suggest", columns=80).out
    for relation in {edge["relation"] for edge in found}:
        of_it = [edge["state"] for edge in found if edge["relation"] == relation]
        line = next(line for line in out.splitlines() if f" {relation} " in line and "sure" not in line)
        assert line.split()[-3:] == [str(of_it.count(state)) for state in ("suggested", "auto_confirmed", "confirmed")]
    shown = [edge for edge in open_ones if short(edge) in out]
    assert 1 <= len(shown) <= 5
    assert f"{len(open_ones) - 5:,} more wait" in out
    assert "engagerr content review" in out
    assert all(cell_len(line) <= 80 for line in out.splitlines())


def test_the_edges_of_an_item_say_why_they_are_there_and_how_to_take_them_back(suggested: CommandLine) -> None:
    edge = waiting(suggested)[0]
    child = name(edge["child"])
    out = suggested("content", "edges", child).out
    for piece in edge["evidence"]:
        if piece["kind"] != "prior":
            sign = "+" if piece["weight"] >= 0 else "\N{MINUS SIGN}"
            assert f"{sign}{abs(piece['weight']):.2f} {piece['detail'][:40]}" in out
    of_it = suggested.json("content", "edges", child)
    assert {child in (name(row["child"]), name(row["parent"])) for row in of_it} == {True}
    [alone] = suggested.json("content", "edges", short(edge))
    assert alone == edge

    suggested("content", "reject", short(edge), "--reason", "another recipe")
    out = suggested("content", "edges", short(edge)).out
    assert "reject by ann@northlight.example" in out
    assert "another recipe" in out
    assert f"engagerr content confirm {short(edge)}" in out
    assert "engagerr content undo" in out


def test_what_weighs_most_stands_first(suggested: CommandLine) -> None:
    for row in csv.DictReader(io.StringIO(suggested("content", "edges", "-o", "csv").out)):
        told = [
            float(sign.replace("\N{MINUS SIGN}", "-"))
            for sign in re.findall(r"\(([+\u2212]\d\.\d\d)\)", row["evidence"])
        ]
        assert told
        said_of_this_pair = [abs(weight) for weight in told[:-1]]
        assert said_of_this_pair == sorted(said_of_this_pair, reverse=True)


def test_a_long_list_of_edges_is_cut_for_people_and_whole_for_files(suggested: CommandLine) -> None:
    whole = suggested.json("content", "edges")
    assert len(whole) > 20
    out = suggested("content", "edges").out
    assert sum(short(edge) in out.split() for edge in whole) == 20
    assert f"20 of {len(whole):,}." in out
    assert len(suggested.json("content", "edges", "--limit", 3)) == 3


def test_what_names_no_edge_is_refused(suggested: CommandLine) -> None:
    assert suggested("content", "edges", "youtube:nothing", "-o", "json", code=3).error["facts"] == {
        "edge": "youtube:nothing"
    }
    assert "auto_confirmed" in suggested("content", "edges", "--state", "sure", code=2).err


def test_a_suggestion_is_confirmed_rejected_and_taken_back(suggested: CommandLine) -> None:
    first, second = waiting(suggested)[:2]
    [confirmed] = suggested.json("content", "confirm", first["id"], "--reason", "seen it")
    assert (confirmed["id"], confirmed["state"]) == (first["id"], "confirmed")
    # The end of an id is enough.
    [rejected] = suggested.json("content", "reject", second["id"].replace("-", "")[-8:])
    assert (rejected["id"], rejected["state"]) == (second["id"], "rejected")
    assert second["id"] not in {edge["id"] for edge in suggested.json("content", "suggest")["edges"]}

    made = suggested.json("content", "decisions")
    assert [(row["edge"]["id"], row["after"], row["reason"]) for row in made] == [
        (second["id"], "rejected", None), (first["id"], "confirmed", "seen it"),
    ]  # fmt: skip

    [undone] = suggested.json("content", "undo")
    assert (undone["id"], undone["state"]) == (second["id"], "suggested")
    [undone] = suggested.json("content", "undo", first["id"])
    assert (undone["id"], undone["state"]) == (first["id"], "suggested")


def test_all_edges_are_confirmed_or_none(suggested: CommandLine) -> None:
    edge = waiting(suggested)[0]
    other = "00000000-0000-7000-8000-000000000000"
    assert suggested("content", "confirm", edge["id"], other, "-o", "json", code=3).error["category"] == "NotFound"
    assert edge["id"] in {row["id"] for row in waiting(suggested)}


def test_an_edge_is_drawn_by_hand_and_taken_off(suggested: CommandLine) -> None:
    edge = waiting(suggested)[0]
    child, parent = name(edge["child"]), name(edge["parent"])
    [drawn] = suggested.json("content", "link", child, parent, "--relation", "clip_of")
    assert (name(drawn["child"]), name(drawn["parent"]), drawn["state"]) == (child, parent, "confirmed")
    assert suggested("content", "link", parent, child, "--relation", "clip_of", "-o", "json", code=5).error["hint"]
    [off] = suggested.json("content", "unlink", child)
    assert (off["id"], off["state"]) == (drawn["id"], "rejected")
    suggested("content", "unlink", child, code=2)
    assert "no relation" in suggested("content", "link", child, parent, "--relation", "twin", code=2).err


def test_a_tree_is_nested_and_each_node_has_its_figures(sample: CommandLine) -> None:
    root = sample.json("content", "tree", TWIN)
    assert set(root) == {
        "id", "platform", "native_id", "account", "kind", "title", "url", "published_at", "duration_seconds", "edge",
        "metrics", "children",
    }  # fmt: skip
    assert root["edge"] is None
    assert root["platform"] == "podcast"
    twin = next(child for child in root["children"] if name(child) == TWIN)
    assert set(twin["edge"]) == {"id", "relation", "state", "confidence"}
    assert twin["edge"]["relation"] == "same_work"
    assert twin["children"]
    views = next(figure for figure in twin["metrics"] if figure["metric"] == "views")
    assert set(views) >= {"metric", "reported", "state", "definition", "observed_at", "period_days", "standard"}
    assert set(views["standard"]) >= {"concept", "value", "unit", "grade"}
    money = next(figure for figure in twin["metrics"] if figure["metric"] == "estimated_revenue")
    assert set(money["standard"]["value"]) == {"minor", "currency"}
    missing = next(figure for figure in twin["metrics"] if figure["state"] == "not_reported")
    assert (missing["reported"], missing["standard"]["value"]) == (None, None)
    # The family is found by any of its items and by its own id.
    assert (
        sample.json("content", "tree", root["id"]) == root == sample.json("content", "tree", name(twin["children"][0]))
    )


def test_a_tree_is_drawn_with_headline_figures(sample: CommandLine) -> None:
    out = sample("content", "tree", TWIN, columns=80).out
    assert "same_work 99 %  youtube:rbMdIF1MB2U" in out
    assert "plays 15,403†" in out
    assert "† The platform changed its counting rule" in out
    assert "└── " in out


def test_a_tree_as_csv_names_the_parent_of_each_node(sample: CommandLine) -> None:
    rows = list(csv.DictReader(io.StringIO(sample("content", "tree", TWIN, "-o", "csv").out)))
    ids = {row["id"] for row in rows}
    assert {row["parent_id"] for row in rows} - {""} <= ids
    assert {row["depth"] for row in rows if not row["parent_id"]} == {"1"}
    missing = [row for row in rows if row["state"] == "not_reported"]
    assert missing
    assert {(row["reported"], row["value"]) for row in missing} == {("", "")}


def test_an_item_that_is_alone_is_a_tree_of_one(sample: CommandLine) -> None:
    families = {family["id"] for family in sample.json("content", "families", "--limit", "1000")}
    for item in sample.json("content", "list", "--creator", "Priya Nandwell", "--limit", "3"):
        tree = sample.json("content", "tree", name(item))
        assert (tree["id"], tree["children"]) == (item["id"], [])
        assert item["id"] not in families


def test_a_family_is_one_row_with_totals(sample: CommandLine) -> None:
    families = sample.json("content", "families", "--creator", "Jonna Brenner")
    assert {family["creator"] for family in families} == {"Jonna Brenner"}
    family = max(families, key=lambda family: family["items"])
    assert family["items"] == sum(family["relations"].values()) + 1
    totals = {total["group"]: total for total in family["totals"]}
    assert set(totals["likes"]) >= {"concept", "unit", "value", "state", "items", "missing", "counted_elsewhere"}
    assert totals["revenue/EUR"]["value"]["currency"] == "EUR"
    assert totals["reach"]["value"] is None
    assert totals["reach"]["state"] == "not_reported"


def test_a_family_without_a_number_shows_a_dash_and_never_zero(sample: CommandLine) -> None:
    family = next(
        family
        for family in sample.json("content", "families")
        if not any(total["concept"] == "likes" for total in family["totals"])
    )
    heading, _, *lines = sample("content", "families", columns=200).out.splitlines()
    line = next(line for line in lines if line.startswith(family["title"][:20]))
    end_of_column = heading.index("Likes") + len("Likes")
    assert line[:end_of_column].endswith("—")


def test_an_item_that_is_not_here_is_not_found(sample: CommandLine) -> None:
    for words in (("content", "tree", "youtube:nothing"), ("metric", "show", "youtube:nothing")):
        assert sample(*words, "-o", "json", code=3).error["facts"]["item"] == "youtube:nothing"
    assert "platform:native_id" in sample("content", "tree", "nothing", code=2).err
