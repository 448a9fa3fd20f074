"""proposal: what is typed becomes an offer, what is drawn can be handed on, and nothing else gets out."""

from __future__ import annotations

import csv
import io
import json
import shlex
from pathlib import Path

import pytest
from engagerr.cli import deal, proposal
from tests.cli.conftest import CommandLine
from tests.fakes.cluster import Clone

DEAL = "Trail shoes, spring"
# Nobody but the agency reads these, in whatever way they may be written.
FLOOR = ("3499.17", "349917", "3,499.17")
COST = ("2876.53", "287653", "2,876.53")


@pytest.fixture
def agency(cli: CommandLine) -> CommandLine:
    """Northlight, with a deal and a draft of two lines."""
    cli("creator", "add", "Jonna Brenner", "--country", "DE")
    cli("creator", "set-rate", "Jonna Brenner", "instagram_story", "450.00", "EUR")
    cli("deal", "add", DEAL, "--brand", "Alpenpfad", "--creator", "Jonna Brenner")
    cli("proposal", "draft", DEAL)
    cli("proposal", "add", DEAL, "Jonna Brenner", "youtube_integration", "--price", "4000")
    return cli


@pytest.fixture
def brand(clone: Clone, tmp_path: Path, agency: CommandLine) -> CommandLine:
    """Alpenpfad, which joined the deal."""
    cli = CommandLine(tmp_path / "brand", clone)
    cli("init", "--brand", "Alpenpfad", "--email", "mara@alpenpfad.example")
    cli("deal", "join", agency.json("deal", "share", DEAL)["code"])
    return cli


def test_a_draft_is_typed_line_by_line(agency: CommandLine) -> None:
    agency("proposal", "set", DEAL, "1", "--pieces", "2", "--price", "480 EUR", "--due", "2027-03-15", "--note", "two")
    agency(
        "proposal", "terms", DEAL, "--right", "instagram, website; DE, AT; 90", "--right", "paid social;;perpetual",
        "--exclusive", "Running Shoes; DE; 2027-03-01..2027-04-30", "--exclusive", ";;2027-05-01..", "--notes", "n",
        "--until", "2027-02-28",
    )  # fmt: skip
    document = agency.json("proposal", "show", DEAL, "draft")["document"]
    assert [(line["ref"], line["quantity"], line["unit_minor"], line["due_on"]) for line in document["lines"]] == [
        ("1", 2, 48_000, "2027-03-15"), ("2", 1, 400_000, None),
    ]  # fmt: skip
    assert [(right["channels"], right["territories"], right["perpetual"]) for right in document["usage_rights"]] == [
        (["instagram", "website"], ["DE", "AT"], False), (["paid social"], [], True),
    ]  # fmt: skip
    assert [(one["category"], one["from"], one["until"]) for one in document["exclusivity"]] == [
        ("running shoes", "2027-03-01", "2027-04-30"), (None, "2027-05-01", None),
    ]  # fmt: skip
    drawn = agency("proposal", "show", DEAL).out
    assert "EUR 4,960.00" in drawn
    assert "instagram, website in DE, AT, 90 days" in drawn
    assert "any category in every country, 2027-05-01 to no end" in drawn
    cleared = agency.json("proposal", "terms", DEAL, "--no-rights", "--no-exclusivity", "--notes", "")["document"]
    assert (cleared["usage_rights"], cleared["exclusivity"], cleared["notes"]) == ([], [], None)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["set", DEAL, "1", "--due", "15.3.2027"], "2027-03-15"),
        (["terms", DEAL, "--right", "instagram; DE"], "instagram, website; DE, AT; 90"),
        (["terms", DEAL, "--right", "instagram; DE; some"], "A number of days"),
        (["terms", DEAL, "--exclusive", "shoes; DE; soon"], "2027-03-15"),
        (["counter", DEAL, "--price", "400"], "REF=VALUE"),
        (["counter", DEAL, "--pieces", "1=few"], "Such as 3"),
        (["counter", DEAL, "--add", "instagram_story"], "Jonna Brenner:instagram_story=450"),
        (["draft", DEAL, "--package", "nowhere.json", "--replace"], "Name a text file"),
        (["set", DEAL, "1", "--price", "400 USD"], "Say it in EUR"),
    ],
)
def test_what_is_typed_wrongly_is_said_with_how_to_write_it(agency: CommandLine, words: list[str], hint: str) -> None:
    assert hint in agency("proposal", *words, "--output", "json", code=2).error["hint"]


def test_a_package_comes_from_a_file(agency: CommandLine, tmp_path: Path) -> None:
    creator = agency.json("creator", "list")[0]["id"]
    file = tmp_path / "package.json"
    price = {"minor": 50_000, "currency": "EUR"}
    file.write_text(json.dumps({"brief": None, "picks": [
        {"creator_id": creator, "creator": "Jonna Brenner", "price": price, "price_basis": "assumed"}]}))  # fmt: skip
    made = agency(
        "proposal", "draft", DEAL, "--package", file, "--deliverable", "instagram_story", "--deliverable", "x_post",
        "--replace",
    )  # fmt: skip
    assert "EUR 500.00 (assumed), divided evenly over the deliverables" in made.err
    assert "EUR 250.00" in made.out
    file.write_text("[]")
    assert agency("proposal", "draft", DEAL, "--package", file, "--replace", code=2).err
    file.write_text("{")
    assert agency("proposal", "draft", DEAL, "--package", file, "--replace", code=2).err


def test_versions_are_compared_in_every_output(agency: CommandLine) -> None:
    agency("proposal", "send", DEAL)
    agency(
        "proposal", "counter", DEAL, "--price", "2=3600", "--drop", "1", "--add", "Jonna Brenner:x_post=80", "--theirs"
    )
    table = agency("proposal", "compare", DEAL).out
    assert "price EUR 4,000.00 → EUR 3,600.00" in table
    assert "EUR -770.00" in table
    document = agency.json("proposal", "compare", DEAL, "1", "2")
    assert [(line["kind"], line["ref"]) for line in document["lines"]] == [
        ("changed", "2"), ("added", "3"), ("removed", "1"),
    ]  # fmt: skip
    assert document["difference"] == {"minor": -77_000, "currency": "EUR"}
    rows = list(csv.DictReader(io.StringIO(agency("proposal", "compare", DEAL, "--output", "csv").out)))
    assert [(row["kind"], row["difference"]) for row in rows] == [
        ("changed", "-400.00"), ("added", "80.00"), ("removed", "-450.00"),
    ]  # fmt: skip
    lines = list(csv.DictReader(io.StringIO(agency("proposal", "show", DEAL, "--output", "csv").out)))
    assert [(row["ref"], row["quantity"], row["unit_minor"], row["currency"]) for row in lines] == [
        ("2", "1", "360000", "EUR"), ("3", "1", "8000", "EUR"),
    ]  # fmt: skip


def test_a_limit_is_kept_and_only_its_own_command_shows_it(agency: CommandLine) -> None:
    shown = agency("proposal", "limits", DEAL, "--floor", FLOOR[0], "--cost", COST[0]).out
    assert "floor   EUR 3,499.17" in shown
    assert "EUR 1,573.47, 35.4% of the total" in shown
    agency("proposal", "send", DEAL)
    agency("proposal", "counter", DEAL, "--price", "2=1000", "--theirs")
    refused = agency("proposal", "accept", DEAL, "--output", "json", code=5).error
    assert "--despite-limit" in refused["hint"]
    assert agency.json("proposal", "accept", DEAL, "--despite-limit", "a first deal")["state"] == "accepted"


def test_throwing_a_draft_away_is_asked_for(agency: CommandLine) -> None:
    assert "Add --yes" in agency("proposal", "discard", DEAL, "--output", "json", code=2).error["hint"]
    assert agency.json("proposal", "discard", DEAL, "--yes") == {"deal": DEAL, "discarded": True}


def test_no_command_of_either_side_but_limits_writes_a_limit(agency: CommandLine, brand: CommandLine) -> None:
    """Every example of both nouns, in every output, by the agency and by the other side; errors too."""
    agency("proposal", "limits", DEAL, "--floor", FLOOR[0], "--cost", COST[0], "--note", "zzinternal")
    agency("proposal", "send", DEAL)
    tried = 0
    for noun in (deal, proposal):
        for command in noun.app.registered_commands:
            for example in vars(command.callback)["examples"]:
                words = shlex.split(example)[1:]
                for output in ("json", "table", "csv"):
                    answer = brand(*words, "--output", output, code=None)
                    said = answer.out + answer.err
                    assert not any(secret in said for secret in (*FLOOR, *COST, "zzinternal")), (words, output)
                    tried += 1
                if words[1] in ("show", "list", "trail", "stuck", "compare", "pipeline", "share"):
                    answer = agency(*words, "--output", "json", code=None)
                    assert not any(secret in answer.out + answer.err for secret in (*FLOOR, *COST)), words
    assert tried > 100
    assert "3,499.17" in agency("proposal", "limits", DEAL).out
