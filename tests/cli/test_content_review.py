"""content review: one key an answer in a terminal, data and nothing asked elsewhere, many at once only when meant."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import select
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engagerr import Workspace
from engagerr.cli.content.reviewing import Round
from tests.cli.conftest import SAMPLE, CommandLine
from tests.factories import in_tenant
from tests.fakes.cluster import Connection
from tests.lines import an_edge, an_item, bring

PAIRS = {"ax": 0.5, "ay": 0.4, "bz": 0.7}


@pytest.fixture
def asked(workspace: Workspace, tmp_path: Path, superuser_connection: Connection) -> Workspace:
    """Two clips: of one it is asked whether it belongs to x or y, of the other whether it belongs to z."""
    bring(
        workspace, tmp_path,
        *(an_item(f"youtube:{name}", title=f"Title of {name}", url=f"https://n.example/{name}") for name in "abxyz"),
        *(an_edge(f"youtube:{pair[0]}", f"youtube:{pair[1]}", state="suggested") for pair in PAIRS),
    )  # fmt: skip
    ids = {edge.child.native_id + edge.parent.native_id: edge.id for edge in workspace.content.edges()}
    with in_tenant(superuser_connection, workspace.tenant.id):
        for pair, confidence in PAIRS.items():
            evidence = [
                {"kind": "title", "detail": f"words of {pair}", "weight": confidence + 0.2},
                {"kind": "date", "detail": "a month apart", "weight": -0.2},
            ]
            superuser_connection.execute(
                "UPDATE content_edges SET confidence = %s, evidence = %s WHERE id = %s",
                [confidence, json.dumps(evidence), ids[pair]],
            )
    return workspace


def sit(workspace: Workspace, typed: str, **options: Any) -> None:
    """One round in which these keys are typed."""
    wanted = {"creator": None, "relation": None, "limit": None, **options}
    Round(workspace, **wanted).run(iter(typed))


def states(workspace: Workspace) -> dict[str, str]:
    return {edge.child.native_id + edge.parent.native_id: edge.state for edge in workspace.content.edges()}


# --- in a terminal ----------------------------------------------------------------------------------------------------


def test_a_question_shows_both_items_the_evidence_and_the_rivals(
    asked: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    sit(asked, "q")
    out = capsys.readouterr().out
    assert "3 to go, 0 decided today" in out
    assert "Is the left one cut from the right one?  50 % sure" in out
    assert "Title of a" in out
    assert "Title of x" in out
    assert "+0.70 ████" in out
    assert "\N{MINUS SIGN}0.20 ██" in out
    assert "1  40 %  clip_of  Title of y" in out
    assert "1 that one" in out
    assert set(states(asked).values()) == {"suggested"}


def test_yes_and_no_are_saved_and_what_a_yes_settles_is_not_asked(
    asked: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    sit(asked, "yn")
    out = " ".join(capsys.readouterr().out.split())  # lines break where the terminal ends
    assert states(asked) == {"ax": "confirmed", "ay": "suggested", "bz": "rejected"}
    assert "confirmed: youtube:a is in the family Title of x, 2 items now; 1 other question settled with it" in out
    assert "rejected: youtube:b does not belong to youtube:z" in out
    assert "All questions are answered." in out
    assert "2 answered. All is saved" in out


def test_a_digit_chooses_the_other_parent(asked: Workspace) -> None:
    sit(asked, "1q")
    assert states(asked) == {"ax": "rejected", "ay": "confirmed", "bz": "suggested"}


def test_an_answer_is_taken_back_and_asked_again(asked: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    sit(asked, "1unq")
    assert states(asked) == {"ax": "rejected", "ay": "suggested", "bz": "suggested"}
    assert "taken back" in capsys.readouterr().out


def test_only_answers_of_this_round_are_taken_back(asked: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    sit(asked, "yq")
    sit(asked, "uq")
    assert states(asked)["ax"] == "confirmed"
    assert "Nothing was answered in this round" in capsys.readouterr().out


def test_what_is_skipped_comes_last_in_the_next_round(asked: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    sit(asked, "sss")
    assert "Only what you put off is left" in capsys.readouterr().out
    assert asked.review.progress().skipped == 3
    sit(asked, "nq")
    assert states(asked)["ax"] == "rejected"


def test_a_round_ends_at_its_limit(asked: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    sit(asked, "sny", limit=2)
    assert sorted(states(asked).values()) == ["rejected", "suggested", "suggested"]
    assert "That was as many as you wanted." in capsys.readouterr().out


@pytest.mark.parametrize("last", ["q", "\x03", "\x04", ""])
def test_whoever_leaves_loses_nothing(asked: Workspace, last: str, capsys: pytest.CaptureFixture[str]) -> None:
    sit(asked, f"y{last}")
    assert states(asked)["ax"] == "confirmed"
    assert "All is saved" in capsys.readouterr().out


def test_a_key_without_a_meaning_decides_nothing(asked: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    Round(asked, creator=None, relation=None, limit=None).run(iter(["x", "2", "\x1b[A", "?", "o", "q"]))
    out = capsys.readouterr().out
    assert set(states(asked).values()) == {"suggested"}
    assert "u  undo your last answer" in out
    assert "https://n.example/a" in out
    assert "https://n.example/x" in out


def test_what_cannot_stand_is_said_and_the_question_stays(asked: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    def typed() -> Iterator[str]:
        # Meanwhile a colleague hangs the parent under the child.
        asked.content.link("youtube:x", "youtube:a", relation="clip_of")
        yield "y"
        yield "n"
        yield "q"

    Round(asked, creator=None, relation=None, limit=None).run(typed())
    assert "would close a circle" in " ".join(capsys.readouterr().out.split())
    assert states(asked)["ax"] == "rejected"


def test_what_a_colleague_answered_meanwhile_is_said_and_asked_no_more(
    asked: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    def typed() -> Iterator[str]:
        asked.content.reject(str(asked.review.queue()[0].edge.id))
        yield "y"
        yield "q"

    Round(asked, creator=None, relation=None, limit=None).run(typed())
    assert "were decided on already: rejected" in " ".join(capsys.readouterr().out.split())
    assert states(asked)["ax"] == "rejected"


def test_where_nothing_waits_the_next_step_is_said(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    sit(workspace, "y")
    assert "engagerr content suggest" in capsys.readouterr().out


def test_a_narrow_terminal_shows_all_of_it(
    asked: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    sit(asked, "q")
    out = capsys.readouterr().out
    assert all(len(line) <= 60 for line in out.splitlines() if " · " not in line)
    assert "Title of x" in out


def test_one_key_without_enter_is_enough_in_a_real_terminal(cli: CommandLine) -> None:
    with_questions(cli)
    before = len(cli.json("content", "review", "--limit", 1000))
    here, there = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "engagerr", "content", "review"], stdin=there, stdout=there, stderr=there,
        env={**os.environ, **cli.env, "TERM": "xterm", "COLUMNS": "100"}, start_new_session=True,
    )  # fmt: skip
    os.close(there)
    said = read_until(here, "q quit >")
    press(here, b"n")
    said += read_until(here, "q quit >")
    press(here, b"\x03")
    said += read_until(here, "All is saved")
    os.close(here)
    assert running.wait(timeout=30) == 0
    assert "rejected:" in said
    assert len(cli.json("content", "review", "--limit", 1000)) == before - 1


def read_until(terminal: int, words: str) -> str:
    """What the terminal shows until these words; fails when it falls silent before."""
    seen = b""
    while words.encode() not in seen:
        ready, _, _ = select.select([terminal], [], [], 30)
        assert ready, seen.decode()
        seen += os.read(terminal, 4096)
    return seen.decode()


def press(terminal: int, key: bytes) -> None:
    """Press a key once the program listens: what is typed before is dropped, so that it answers nothing unseen."""
    while termios.tcgetattr(terminal)[3] & termios.ICANON:
        select.select([], [], [], 0.01)
    os.write(terminal, key)


# --- elsewhere --------------------------------------------------------------------------------------------------------


def with_questions(cli: CommandLine) -> None:
    """One creator with videos and reels, some of which are questions."""
    cli("import", "file", SAMPLE / "creators.jsonl")
    for pattern, account in (("*.zip", "youtube"), ("Nov*.csv", "instagram")):
        for path in sorted((SAMPLE / "despensa").glob(pattern)):
            cli(
                "import", "file", path, "--creator", "Lucía Ferrán Olmedo",
                "--account", f"{account}:@northlight_despensa",
            )  # fmt: skip


def test_elsewhere_the_questions_are_data_and_nothing_is_asked(sample: CommandLine) -> None:
    found = sample.json("content", "review", "--limit", "3")
    assert len(found) == 3
    assert set(found[0]) == {
        "edge", "value", "why", "child", "parent", "moves", "unknown", "rivals", "earlier", "skipped",
    }  # fmt: skip
    assert found[0]["edge"]["state"] == "suggested"
    assert found[0]["child"]["audience"]["state"] == "value"
    assert [one["value"] for one in found] == sorted((one["value"] for one in found), reverse=True)
    out = sample("content", "review").out
    assert found[0]["edge"]["id"].replace("-", "")[-8:] in out
    assert "questions. Answer them one by one in a terminal" in out
    rows = list(csv.DictReader(io.StringIO(sample("content", "review", "--output", "csv", "--limit", "3").out)))
    assert [row["id"] for row in rows] == [one["edge"]["id"] for one in found]
    assert rows[0]["child_audience"] == str(found[0]["child"]["audience"]["reported"])
    assert sample("content", "review", "--relation", "derived_from").out.strip() == "No question is like that."


def test_in_bulk_nothing_is_confirmed_where_nobody_can_be_asked_without_yes(cli: CommandLine) -> None:
    with_questions(cli)
    planned = cli.json("content", "review", "--confirm-above", "0.1", "--dry-run")
    assert planned["dry_run"]
    assert planned["edges"]
    confidences = [edge["confidence"] for edge in planned["edges"]]
    assert planned["expected_wrong"] == pytest.approx(sum(1 - one for one in confidences), abs=0.001)
    refused = cli("content", "review", "--confirm-above", "0.1", code=2)
    assert "--yes" in refused.err
    assert cli.json("content", "review", "--confirm-above", "0.1", "--dry-run") == planned
    done = cli.json("content", "review", "--confirm-above", "0.1", "--yes")
    assert {edge["state"] for edge in done["edges"]} == {"confirmed"}
    assert not done["dry_run"]
    cli("content", "undo")
    assert cli.json("content", "review", "--confirm-above", "0.1", "--dry-run") == planned
    out = cli("content", "review", "--confirm-above", "0.1", "--dry-run").out
    assert "by the machine's own account" in out
    rows = list(
        csv.DictReader(io.StringIO(cli("content", "review", "--confirm-above", "0.1", "--dry-run", "-o", "csv").out))
    )
    assert len(rows) == len(planned["edges"]) + len(planned["left_open"])


def test_the_thresholds_are_shown_with_what_they_rest_on(sample: CommandLine) -> None:
    rows = sample.json("content", "review", "--thresholds")
    assert {"relation", "auto_confirm", "ask", "decisions", "right", "basis"} == set(rows[0])
    assert "As the model states it" in sample("content", "review", "--thresholds").out


@pytest.mark.parametrize(
    "words",
    [
        ("--dry-run",),
        ("--yes",),
        ("--thresholds", "--confirm-above", "0.9"),
        ("--confirm-above", "90"),
        ("--relation", "sequel_of"),
    ],
)
def test_what_makes_no_sense_is_refused(sample: CommandLine, words: tuple[str, ...]) -> None:
    assert sample("content", "review", *words, code=2).err
