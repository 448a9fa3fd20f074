"""listing and market: what is shown, what is sent, between two homes on one database."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
from pathlib import Path

import pytest
from engagerr.cli.reference import commands
from tests.cli.conftest import CommandLine
from tests.fakes.cluster import Clone

BRIEF = "Trail running shoes, spring launch"
NEEDS_ANOTHER = ("apply", "invite", "accept", "decline", "withdraw", "block", "unblock")


@pytest.fixture
def agency(cli: CommandLine) -> CommandLine:
    """Northlight, with Jonna Brenner and a rate card that is nobody else's business."""
    cli("creator", "add", "Jonna Brenner", "--country", "DE", "--topic", "outdoor")
    cli("creator", "set-rate", "Jonna Brenner", "instagram_story", "731.37", "EUR")
    return cli


@pytest.fixture
def brand(clone: Clone, tmp_path: Path) -> CommandLine:
    """The brand Southgate, with an open brief."""
    cli = CommandLine(tmp_path / "brand", clone)
    cli("init", "--brand", "Southgate", "--email", "bo@southgate.example")
    brief = tmp_path / "spring.json"
    document = {
        "title": BRIEF,
        "category": "sports",
        "brand": "Kamm",
        "budget": {"minor": 1_500_000, "currency": "EUR"},
    }
    brief.write_text(json.dumps(document), encoding="utf-8")
    cli("brief", "add", brief)
    return cli


@pytest.fixture
def shown(agency: CommandLine, brand: CommandLine) -> tuple[CommandLine, CommandLine]:
    """Both show what they have."""
    agency("listing", "publish", "Jonna Brenner", "--headline", "Mountains, slowly")
    brand("market", "publish", BRIEF)
    return agency, brand


def test_a_preview_shows_what_others_would_see_and_nobody_sees_it(agency: CommandLine, brand: CommandLine) -> None:
    preview = agency("listing", "preview", "Jonna Brenner", "--rate", "instagram_story=450 EUR")
    assert "Nobody sees this yet; it would be version 1." in preview.err
    assert "EUR 450.00" in preview.out
    assert "731" not in preview.out
    assert agency.json("listing", "list") == []
    assert brand.json("market", "listings") == []


def test_a_listing_is_published_read_and_withdrawn(shown: tuple[CommandLine, CommandLine]) -> None:
    agency, brand = shown
    found = brand.json("market", "listings")
    assert [(one["name"], one["publisher"], one["own"]) for one in found] == [("Jonna Brenner", "Northlight", False)]
    page = brand("market", "listing", found[0]["id"][-8:]).out
    assert "Mountains, slowly" in page
    assert "not observed" in page
    assert "Northlight" in page
    assert "you" in agency("market", "listings").out
    assert "published, version 1" in agency("listing", "show", "Jonna Brenner").out
    agency("listing", "withdraw", "Jonna Brenner")
    assert "Nobody shows such a creator" in brand("market", "listings").out
    assert brand("market", "listing", "Jonna Brenner", code=3).err
    assert agency.json("listing", "list")[0]["state"] == "withdrawn"


def test_a_rate_is_written_in_one_way(agency: CommandLine) -> None:
    for word in ("450 EUR", "story=450", "story="):
        assert "is no rate" in agency("listing", "publish", "Jonna Brenner", "--rate", word, code=2).err
    page = agency.json("listing", "publish", "Jonna Brenner", "--rate", "story=450.50 eur")
    assert page["versions"][0]["shown"]["rates"] == {"story": {"EUR": 45_050}}
    assert agency.json("listing", "publish", "Jonna Brenner", "--rate", "none")["versions"][0]["shown"]["rates"] == {}


def test_a_brief_hides_budget_and_brand_until_they_are_chosen(shown: tuple[CommandLine, CommandLine]) -> None:
    agency, brand = shown
    page = agency("market", "brief", BRIEF).out
    assert "not shown" in page
    assert "15,000" not in page
    assert "Kamm" not in page
    brand("market", "publish", BRIEF, "--budget", "--brand", "--until", "2099-02-15")
    found = agency.json("market", "briefs")[0]
    assert (found["budget"], found["brand"], found["closes_on"]) == (
        {"minor": 1_500_000, "currency": "EUR"}, "Kamm", "2099-02-15",
    )  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(agency("market", "briefs", "--output", "csv").out)))
    assert (rows[0]["title"], rows[0]["budget"], rows[0]["budget_currency"]) == (BRIEF, "15000.00", "EUR")
    brand("market", "unpublish", BRIEF)
    assert agency.json("market", "briefs") == []


def test_an_application_goes_there_and_the_answer_comes_back(shown: tuple[CommandLine, CommandLine]) -> None:
    agency, brand = shown
    sent = agency.json("market", "apply", BRIEF, "Jonna Brenner", "--message", "She hikes every week.")
    inbox = brand("market", "inbox").out
    assert "Northlight" in inbox
    assert "Jonna Brenner" in inbox
    brand("market", "accept", sent["id"][-8:], "--answer", "Gladly.")
    assert agency.json("market", "outbox", "--state", "accepted")[0]["answer"] == "Gladly."
    assert "was accepted already" in agency("market", "withdraw", sent["id"], code=5).err


def test_who_is_blocked_finds_nothing(shown: tuple[CommandLine, CommandLine]) -> None:
    agency, brand = shown
    agency("market", "block", "Southgate", "--reason", "copies our listings")
    assert "copies our listings" in agency("market", "blocks").out
    assert brand.json("market", "listings") == []
    assert "no listing" in brand("market", "invite", "Jonna Brenner", BRIEF, code=3).err
    agency("market", "unblock", "Southgate")
    assert len(brand.json("market", "listings")) == 1
    assert "You block nobody." in agency("market", "blocks").out


def test_open_briefs_are_found_for_a_creator(shown: tuple[CommandLine, CommandLine]) -> None:
    agency, brand = shown
    found = agency.json("market", "fitting", "Jonna Brenner")
    assert [(one["title"], one["publisher"]) for one in found] == [(BRIEF, "Southgate")]
    brand("market", "unpublish", BRIEF)
    assert "None of 0 open briefs fits Jonna Brenner." in agency("market", "fitting", "Jonna Brenner").out


@pytest.mark.parametrize("columns", [80, 120])
def test_tables_fit_the_terminal(shown: tuple[CommandLine, CommandLine], columns: int) -> None:
    agency, brand = shown
    agency("market", "apply", BRIEF, "Jonna Brenner", "--message", "She hikes every week, in all weathers, and far.")
    for who, words in (
        (agency, ("market", "listings")), (agency, ("market", "briefs")), (brand, ("market", "inbox")),
        (agency, ("listing", "show", "Jonna Brenner")), (brand, ("market", "brief", BRIEF)),
    ):  # fmt: skip
        assert max(map(len, who(*words, columns=columns).out.splitlines())) <= columns, words


def test_the_examples_that_need_another_workspace_work(shown: tuple[CommandLine, CommandLine]) -> None:
    """Typed by the side that can: ids stand for what the other side shows or sent."""
    agency, brand = shown
    sides = {"invite": brand, "accept": brand, "decline": brand}
    every = {command.path.split()[-1]: command for command in ALL}
    for name in NEEDS_ANOTHER:
        side = sides.get(name, agency)
        for example in every[name].examples:
            typed = re.sub(r"\b[0-9a-f]{12}\b", some_id(name, agency, brand), example)
            assert side(*shlex.split(typed)[1:]).out, typed


def some_id(verb: str, agency: CommandLine, brand: CommandLine) -> str:
    """What an id in the example of this verb stands for; for an answer, something is sent first."""
    if verb == "apply":
        found = agency.json("market", "briefs")[0]["id"]
    elif verb == "invite":
        found = brand.json("market", "listings")[0]["id"]
    elif verb in ("accept", "decline", "withdraw"):
        agency("creator", "add", f"For {verb}")
        agency("listing", "publish", f"For {verb}")
        found = agency.json("market", "apply", BRIEF, f"For {verb}")["id"]
    else:
        return "0" * 12
    return str(found).replace("-", "")[-12:]


ALL = [command for name, _, found in commands() if name == "market" for command in found]
