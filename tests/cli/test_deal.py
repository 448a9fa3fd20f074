"""deal: from enquiry to its end on the command line, alone and between two workspaces."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from engagerr.cli import deal, proposal
from tests.cli.conftest import CommandLine
from tests.fakes.cluster import Clone

DEAL = "Trail shoes, spring"


@pytest.fixture
def agency(cli: CommandLine) -> CommandLine:
    """Northlight, with one creator and one rate."""
    cli("creator", "add", "Jonna Brenner", "--country", "DE")
    cli("creator", "set-rate", "Jonna Brenner", "instagram_story", "450.00", "EUR")
    return cli


@pytest.fixture
def brand(clone: Clone, tmp_path: Path) -> CommandLine:
    """The brand Alpenpfad, in a home of its own on the same database."""
    cli = CommandLine(tmp_path / "brand", clone)
    cli("init", "--brand", "Alpenpfad", "--email", "mara@alpenpfad.example")
    return cli


def test_the_examples_of_deals_and_proposals_work_one_after_the_other(agency: CommandLine, brand: CommandLine) -> None:
    found = [command.callback for noun in (deal, proposal) for command in noun.app.registered_commands]
    shared = ""
    for command in found:
        for example in vars(command)["examples"]:
            words = shlex.split(example)[1:]
            if words[:2] == ["deal", "join"]:
                agency("deal", "add", "Another", "--brand", "Alpenpfad")
                shared = agency.json("deal", "share", "Another")["code"]
                assert "you are        the brand" in brand(*words[:2], shared).out
                assert brand(*words[:2], shared, code=3).err, "once"
                continue
            answer = agency(*words, code=None)
            assert answer.code == 0, (example, answer)
            assert answer.out
    assert len(found) >= 28
    assert shared


def test_a_deal_is_shown_with_what_it_needs_and_the_next_command(agency: CommandLine) -> None:
    agency("deal", "add", DEAL, "--brand", "Alpenpfad", "--note", "they pay late")
    page = agency("deal", "show", DEAL).out
    assert "waits for      you" in page
    assert "✗ There is somebody to send an offer to: a mail address, or their workspace." in page
    assert f'engagerr deal edit "{DEAL}" --brand-email ADDRESS' in page
    assert "only you read  owner ann@northlight.example; note: they pay late" in page
    document = agency.json("deal", "show", DEAL)
    assert (document["stage"], document["side"], document["worth"], document["own"]["note"]) == (
        "enquiry", "agency", None, "they pay late",
    )  # fmt: skip
    assert [(check["name"], check["met"]) for check in document["checks"]] == [
        ("contact", False), ("wanted", False), ("offered", False),
    ]  # fmt: skip
    assert document["next"] == ["proposed", "declined", "cancelled"]
    refused = agency("deal", "move", DEAL, "in production", "--output", "json", code=5).error
    assert refused["category"] == "Conflict"
    assert [one["name"] for one in refused["facts"]["missing"]][:3] == ["contact", "wanted", "offered"]


def test_lists_are_tables_json_and_csv_and_an_amount_that_nobody_knows_is_no_zero(agency: CommandLine) -> None:
    assert "No deals." in agency("deal", "list").out
    assert agency.json("deal", "list") == []
    assert agency("deal", "stuck").out == "Nothing is stuck.\n"
    agency("deal", "add", "A", "--brand", "Alpenpfad", "--expected", "6,000")
    agency("deal", "add", "B", "--brand", "Alpenpfad", "--currency", "usd")
    agency("deal", "add", "C", "--brand", "Alpenpfad")
    agency("deal", "cancel", "C", "--reason", "put off")
    rows = {row["title"]: row for row in agency.json("deal", "list", "--closed")}
    assert rows["A"]["worth"] == {"minor": 600_000, "currency": "EUR"}
    assert (rows["B"]["worth"], rows["B"]["worth_basis"], rows["B"]["currency"]) == (None, None, "USD")
    assert (rows["C"]["stage"], rows["C"]["closed_from"], rows["C"]["stage_reason"]) == (
        "cancelled", "enquiry", "put off",
    )  # fmt: skip
    lines = agency("deal", "list", "--output", "csv").out.splitlines()
    assert lines[0].startswith("id,title,brand,stage,stage_since,days,stuck,turn")
    assert [line.split(",")[1] for line in lines[1:]] == ["A", "B"]
    table = agency("deal", "list").out
    assert "EUR 6,000.00" in table
    assert "—" in table
    assert agency("deal", "pipeline", "--output", "csv").out.splitlines() == [
        "stage,currency,basis,deals,total,total_currency", "enquiry,EUR,expected,1,6000.00,EUR", "enquiry,USD,,1,,",
    ]  # fmt: skip


def test_ageing_is_shown_and_set(agency: CommandLine) -> None:
    rows = agency.json("deal", "ageing", "live", "60")
    assert {row["stage"]: (row["days"], row["own"]) for row in rows}["live"] == (60, True)
    rows = agency.json("deal", "ageing", "live", "usual")
    assert {row["stage"]: (row["days"], row["own"]) for row in rows}["live"] == (45, False)
    for words in (["live"], ["live", "soon"], ["live", "-3"]):
        assert agency("deal", "ageing", *words, code=None).code == 2


def test_two_workspaces_take_a_deal_to_its_end(agency: CommandLine, brand: CommandLine) -> None:
    agency("deal", "add", DEAL, "--brand", "Alpenpfad", "--creator", "Jonna Brenner", "--note", "zzinternal")
    shared = agency("deal", "share", DEAL).out
    code = next(line.strip() for line in shared.splitlines() if line.startswith("  "))
    joined = brand("deal", "join", code).out
    assert "you are        the brand; Northlight is in it" in joined
    agency("proposal", "draft", DEAL)
    agency("proposal", "send", DEAL)
    assert "waits for      you" in brand("deal", "show", DEAL).out
    assert "waits for      them" in agency("deal", "show", DEAL).out
    brand("proposal", "counter", DEAL, "--price", "1=400")
    agency("proposal", "accept", DEAL)
    brand("deal", "decline", DEAL, "--reason", "the board said no")
    trail = agency("deal", "trail", DEAL).out
    assert "mara@alpenpfad.example (brand)" in trail
    assert "the board said no" in trail
    assert [row["to"] for row in agency.json("deal", "trail", DEAL)] == [
        "enquiry", "proposed", "negotiating", "declined",
    ]  # fmt: skip
    for output in ("table", "json", "csv"):
        assert "zzinternal" not in brand("deal", "show", DEAL, "--output", output).out


@pytest.mark.parametrize("said", ["6,50", "6.000,50", "six", "1,0000", "", "6 EURO"])
def test_an_amount_that_may_be_read_in_two_ways_is_refused(agency: CommandLine, said: str) -> None:
    assert agency("deal", "add", DEAL, "--brand", "Alpenpfad", "--expected", said, code=2).err
    assert agency.json("deal", "list") == []
