"""deliverable: rounds, approvals, disclosure and usage rights on the command line."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Iterator

import pytest
from engagerr import Engagerr, Workspace
from engagerr.cli import deliverable
from tests.cli.conftest import CommandLine
from tests.core.deals.signed_deals import SignedDeal, a_signed_deal, some_terms
from tests.fakes.cluster import Clone
from tests.lines import an_edge, an_item, write_lines

DEAL = "Trail shoes, spring"
PIECE = f"{DEAL}/1"
VIDEO, CLIP = "youtube:rbMdIF1MB2U", "tiktok:clip"


@pytest.fixture
def work(cli: CommandLine, clone: Clone) -> Iterator[Workspace]:
    """The same workspace as the command line's, for what no command here does."""
    with Engagerr(clone.settings(cli.home)) as engagerr:
        yield engagerr.workspace()


@pytest.fixture
def deal(work: Workspace) -> SignedDeal:
    """A signed deal with one piece in its milestone, named as in the examples."""
    terms = some_terms(work.tenant.id)
    [first, clips] = terms["deliverables"]
    made = a_signed_deal(work, title=DEAL)
    who = {"creator": str(made.creator_id)}
    made.sign(
        deliverables=[{**first, **who, "ref": "1"}, {**clips, **who, "ref": "2", "count": 1}],
        milestones=[
            {**terms["milestones"][0], "deliverables": ["1"]},
            {**terms["milestones"][1], "deliverables": ["2"]},
        ],
    )
    return made


def bring(cli: CommandLine, text: str, clip: str = "Look at these!") -> None:
    path = write_lines(
        cli.home.parent / f"{abs(hash((text, clip)))}.jsonl",
        an_item(VIDEO, creator=None, account="@ann", body=text), an_item(CLIP, creator=None, account="@ann", body=clip),
        an_edge(CLIP, VIDEO),
    )  # fmt: skip
    cli("import", "file", path)


def test_the_examples_work_one_after_the_other(cli: CommandLine, deal: SignedDeal) -> None:
    bring(cli, "My new shoes")
    every = {command.name: vars(command.callback)["examples"] for command in deliverable.app.registered_commands}
    order = ["submit", "grant", "request-changes", "submit", "approve", "live"]
    for name in [*order, *(name for name in every if name not in order)]:
        for example in every[str(name)]:
            answer = cli(*shlex.split(example)[1:], code=None)
            assert answer.code == 0, (example, answer)
            assert answer.out
    assert cli.json("deliverable", "show", PIECE)["state"] == "checked"


def test_what_only_reads_answers_in_a_workspace_without_deals(cli: CommandLine) -> None:
    for words in (("list",), ("deadlines",), ("rights",), ("rights", "--expiring", "30")):
        assert cli.json("deliverable", *words) == []
        assert len(cli("deliverable", *words).out.strip().splitlines()) == 1


def test_a_piece_goes_through_its_rounds(cli: CommandLine, deal: SignedDeal) -> None:
    listed = cli.json("deliverable", "list", DEAL)
    assert [(row["name"], row["state"], row["waits_for"]) for row in listed] == [
        ("1", "planned", "the maker"), ("2", "planned", "the maker"),
    ]  # fmt: skip
    assert "round 1. It is Trailpeak's turn" in cli("deliverable", "submit", PIECE, "--link", "https://d.example/1").out
    assert "0 rounds are left" in cli("deliverable", "request-changes", PIECE, "--note", "Louder", "--by", "Pat").out
    cli("deliverable", "submit", PIECE, "--note", "louder")
    refused = cli("deliverable", "request-changes", PIECE, "--note", "Again", "-o", "json", code=5).error
    assert "1 of 1 rounds" in refused["message"]
    assert "engagerr deliverable grant" in refused["hint"]
    cli("deliverable", "approve", PIECE, "--by", "Pat")
    shown = cli.json("deliverable", "show", PIECE)
    assert (shown["state"], shown["round"], shown["revisions"]) == ("approved", 2, 1)
    assert [(step["to_state"], step["actor"]) for step in shown["steps"]][1::2] == [
        ("changes_requested", "Pat"), ("approved", "Pat"),
    ]  # fmt: skip
    out = cli("deliverable", "show", PIECE).out
    assert "Louder" in out
    assert "waits for publication" in out


def test_what_does_not_disclose_is_shown_with_its_reason_and_let_pass_with_one(
    cli: CommandLine, deal: SignedDeal
) -> None:
    bring(cli, "Ad: my new shoes")
    for verb in (("submit", PIECE, "--note", "it is done"), ("approve", PIECE)):
        cli("deliverable", *verb)
    shown = cli.json("deliverable", "live", PIECE, VIDEO)
    assert (shown["state"], {one["item"]: one["finding"] for one in shown["checks"]}) == (
        "live", {VIDEO: "disclosed", CLIP: "missing"},
    )  # fmt: skip
    out = cli("deliverable", "show", PIECE).out
    assert f"· {CLIP}: Nothing in its text says that it is advertising" in out
    rows = list(csv.DictReader(io.StringIO(cli("deliverable", "check", PIECE, "-o", "csv").out)))
    assert [(row["item"], row["way"], row["passes"]) for row in rows] == [
        (VIDEO, "own", "true"), (CLIP, "clip_of", "false"),
    ]  # fmt: skip
    assert "so that their money waits: 1." in cli("deliverable", "check").out
    bring(cli, "Ad: my new shoes", clip="#ad Look at these!")
    checked = cli.json("deliverable", "check")
    assert (checked["pieces"], checked["failing"], [row["state"] for row in checked["changed"]]) == (1, 0, ["checked"])
    bring(cli, "Ad: my new shoes", clip="Look again")
    cli("deliverable", "check")
    passed = cli.json("deliverable", "override", PIECE, "--item", CLIP, "--reason", "they are not in it")
    assert [one["let_pass"] for one in passed["checks"]] == [None, "they are not in it"]
    assert "they are not in it" in cli("deliverable", "show", PIECE).out


def test_rights_say_until_when_and_what_they_cover(cli: CommandLine, deal: SignedDeal) -> None:
    bring(cli, "Ad: my new shoes")
    cli("deliverable", "submit", PIECE, "--note", "done")
    cli("deliverable", "approve", PIECE)
    cli("deliverable", "live", PIECE, VIDEO)
    [right] = cli.json("deliverable", "rights", DEAL)
    assert (right["party"], right["detail"], right["days_left"]) == ("Trailpeak", "paid social; DE; paid media", 89)
    assert [(one["item"], one["verdict"]) for one in right["reaches"]] == [(CLIP, "check")]
    assert "1, check 1" in cli("deliverable", "rights").out
    assert cli.json("deliverable", "rights", "--expiring", "30") == []
    assert len(cli.json("deliverable", "rights", "--expiring", "90")) == 1
    assert "No right ends within 30 days" in cli("deliverable", "rights", "--expiring", "30").out


def test_what_is_late_is_said_in_days(cli: CommandLine, deal: SignedDeal, work: Workspace) -> None:
    today = work.access.clock.now().date()
    due = today.fromisoformat("2026-11-20")
    found = cli.json("deliverable", "deadlines", "--days", "3000")
    assert [row["name"] for row in found] == ["1"]
    assert found[0]["days_left"] == (due - today).days
    if today > due:
        assert found[0]["timing"] == "late"
        assert f"{(today - due).days} days late" in cli("deliverable", "deadlines", columns=140).out


def test_a_wrong_name_a_wrong_state_and_a_wrong_day_are_refused(cli: CommandLine, deal: SignedDeal) -> None:
    assert "engagerr deliverable list" in cli("deliverable", "show", "nothing", "-o", "json", code=3).error["hint"]
    assert cli("deliverable", "list", "--state", "odd", "-o", "json", code=2).error
    assert cli("deliverable", "rights", "--on", "yesterday", "-o", "json", code=2).error
    assert cli("deliverable", "override", PIECE, "--reason", "why", "-o", "json", code=5).error


def test_a_table_fits_a_narrow_terminal(cli: CommandLine, deal: SignedDeal) -> None:
    for columns in (60, 80, 120, 160):
        out = cli("deliverable", "list", columns=columns).out
        assert max(map(len, out.splitlines())) <= columns
