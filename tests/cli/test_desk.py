"""desk: what needs a decision, and one search, on the command line."""

from __future__ import annotations

import csv
import io

from tests.cli.conftest import CommandLine


def test_what_waits_in_the_sample_is_listed_the_most_urgent_first(sample: CommandLine) -> None:
    document = sample.json("desk", "today")
    kinds = [item["kind"] for item in document["items"]]
    assert kinds[:2] == ["proposal", "deliverable"]
    assert {"review", "definition"} <= set(kinds)
    assert document["unread"] == document["hidden"] == []
    offer = document["items"][0]
    assert offer["amount"] == {"minor": 30_000, "currency": "EUR"}
    assert offer["subject"]["name"] == "Winter gloves"
    shown = sample("desk", "today", columns=160).out
    assert "Offer waits for your answer: Winter gloves" in shown
    assert "Sources: 0 fresh, 0 late, 0 broken." in shown


def test_the_agenda_as_csv_has_one_line_a_thing_and_no_amount_where_none_is_known(sample: CommandLine) -> None:
    rows = list(csv.DictReader(io.StringIO(sample("desk", "today", "--output", "csv").out)))
    assert [row["kind"] for row in rows][:2] == ["proposal", "deliverable"]
    assert (rows[0]["amount"], rows[0]["amount_currency"], rows[1]["amount"]) == ("300.00", "EUR", "")
    assert rows[0]["subject_kind"] == "deal"


def test_an_empty_workspace_has_nothing_to_decide(cli: CommandLine) -> None:
    assert "Nothing needs a decision." in cli("desk", "today").out
    assert cli("desk", "find", "nobody").out == "Nothing found.\n"


def test_a_search_finds_a_creator_a_deal_and_a_post(sample: CommandLine) -> None:
    assert sample.json("desk", "find", "jonna")["creators"][0]["title"] == "Jonna Brenner"
    found = sample.json("desk", "find", "trail shoes")
    assert [hit["title"] for hit in found["deals"]] == ["Trail shoes, spring"]
    post = next(hit for hit in sample.json("desk", "find", "jonna")["items"] if hit["url"])
    assert sample.json("desk", "find", post["url"])["items"][0]["id"] == post["id"]
    assert "is the address of something that is not here" in sample("desk", "find", "https://youtu.be/zzzzzzzzzzz").out
    assert sample("desk", "find", "jonna", "--limit", "0", code=2).err
    rows = list(csv.DictReader(io.StringIO(sample("desk", "find", "jonna", "--output", "csv").out)))
    assert rows[0]["kind"] == "creator"
