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
                shared = agency.json("deal", "share", DEAL)["code"]
                agency("deal", "unshare", DEAL)
                assert brand("deal", "join", shared, code=3).err
                continue
            answer = agency(*words, code=None)
            assert answer.code == 0, (example, answer)
            assert answer.out
    assert len(found) >= 28
    assert shared
