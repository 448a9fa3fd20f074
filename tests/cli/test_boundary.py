"""Every failure ends as one line, or one JSON object, and the exit code of its category."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from engagerr.cli import main
from engagerr.cli.command import noun, verb
from engagerr.core import errors
from tests.cli.conftest import CommandLine
from tests.fakes.cluster import Clone


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> dict[str, BaseException]:
    """A noun `fail` whose verb `now` raises what the test puts under "error"."""
    planned: dict[str, BaseException] = {}
    app = noun("fail")

    @verb(app, "now", examples=("engagerr fail now",))
    def now() -> None:
        """Fail."""
        raise planned["error"]

    module = type(sys)("engagerr.cli.fail")
    module.app = app
    monkeypatch.setitem(sys.modules, "engagerr.cli.fail", module)
    monkeypatch.setitem(main.NOUNS, "fail", ("fail", "Fail."))
    return planned


@pytest.mark.parametrize(
    ("category", "code"),
    [
        ("Broken", 1), ("InvalidInput", 2), ("NotFound", 3), ("Forbidden", 4), ("Conflict", 5), ("Unavailable", 6),
        ("Rejected", 7),
    ],
)  # fmt: skip
def test_each_category_has_its_exit_code(
    fresh: CommandLine, failing: dict[str, BaseException], category: str, code: int
) -> None:
    failing["error"] = getattr(errors, category)("It did not work.", hint="Do this.", facts={"thing": 7})

    answer = fresh("fail", "now", code=code)
    assert (answer.out, answer.err) == ("", "error: It did not work.\nhint: Do this.\n")

    answer = fresh("fail", "now", "-o", "json", code=code)
    assert answer.out == ""
    assert answer.error == {
        "category": category, "message": "It did not work.", "hint": "Do this.", "facts": {"thing": 7},
    }  # fmt: skip


def test_the_exit_codes_cover_every_category() -> None:
    from engagerr.cli.failure import EXIT_CODES

    categories = [kind for kind in errors.EngagerrError.__subclasses__() if kind.__module__ == errors.__name__]
    assert set(EXIT_CODES) == {kind.category for kind in categories}
    assert len(set(EXIT_CODES.values())) == 7


def test_when_to_try_again_is_a_fact(fresh: CommandLine, failing: dict[str, BaseException]) -> None:
    failing["error"] = errors.Unavailable("Busy.", retry_after=2.5)
    assert fresh("fail", "now", "--output=json", code=6).error["facts"] == {"retry_after": 2.5}


def test_a_bug_is_one_line_with_the_place_of_its_traceback(
    fresh: CommandLine, failing: dict[str, BaseException]
) -> None:
    failing["error"] = ZeroDivisionError("division by engagerr_a_secret")

    answer = fresh("fail", "now", "-ojson", code=1)
    facts = answer.error["facts"]
    assert "Traceback" not in answer.err
    assert "ZeroDivisionError" in answer.error["message"]
    assert "engagerr_a_secret" not in answer.err

    log = [json.loads(line) for line in Path(facts["log"]).read_text().splitlines()]
    crashed = next(event for event in log if event["event"] == "command.crashed")
    assert crashed["correlation_id"] == facts["correlation_id"]
    assert "raise planned" in crashed["traceback"]
    assert "engagerr_a_secret" not in crashed["traceback"]


@pytest.mark.parametrize("how", [("--verbose",), ()])
def test_the_traceback_is_shown_to_who_asks_for_it(
    fresh: CommandLine, failing: dict[str, BaseException], how: tuple[str, ...]
) -> None:
    failing["error"] = ZeroDivisionError()
    level = {} if how else {"ENGAGERR_TELEMETRY__LEVEL": "debug"}
    assert "raise planned" in fresh("fail", "now", *how, code=1, **level).err


def test_ctrl_c_is_told_in_one_line(fresh: CommandLine, failing: dict[str, BaseException]) -> None:
    failing["error"] = KeyboardInterrupt()
    answer = fresh("fail", "now", code=130)
    assert answer.out == ""
    assert answer.err.count("\n") == 1
    assert "not finished was not written" in answer.err
    assert fresh("fail", "now", "-o", "json", code=130).error["category"] == "Interrupted"


def test_a_command_that_chooses_its_code_keeps_it(fresh: CommandLine, failing: dict[str, BaseException]) -> None:
    failing["error"] = typer.Exit(6)
    answer = fresh("fail", "now", code=6)
    assert (answer.out, answer.err) == ("", "")


@pytest.mark.parametrize(
    ("words", "in_message"),
    [
        (["creato", "list"], "Did you mean 'creator'"),
        (["creator", "lits"], "Did you mean"),
        (["creator", "list", "--topik", "x"], "--topik"),
        (["creator", "show"], "CREATOR"),
        (["content", "list", "--limit", "many"], "--limit"),
        (["content", "list", "--limit", "0"], "--limit"),
        (["metric", "report"], "--all"),
        (["metric", "report", "Ann", "--all"], "--all"),
        (["content", "list", "--since", "yesterday"], "yesterday"),
        (["metric", "show", "x:1", "--at", "2026-01-31T08:00:00"], "time zone"),
        (["import", "file", "x.csv", "--period", "2026-01-31"], "2026-01-31"),
        (["import", "file", "x.csv", "--period", "2026-02-01..2026-01-01"], "before it begins"),
        (["creator"], "add, list, show"),
        (["init"], "who you are"),
        (["init", "--agency", "A", "--brand", "B"], "Name one"),
        (["member", "remove", "kim@north.example"], "Nobody can be asked"),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_understood_says_why(fresh: CommandLine, words: list[str], in_message: str) -> None:
    answer = fresh(*words, code=2)
    assert answer.out == ""
    assert in_message in answer.err
    assert answer.err.startswith("error: ")

    error = fresh("-o", "json", *words, code=2).error
    assert error["category"] == "InvalidInput"
    assert in_message in error["message"] + error["hint"]


@pytest.mark.parametrize("spelling", [["-o", "json"], ["-ojson"], ["--output", "json"], ["--output=json"]])
def test_an_unusable_line_is_told_in_the_format_that_it_asks_for(fresh: CommandLine, spelling: list[str]) -> None:
    assert fresh("creator", "list", "--topik", "x", *spelling, code=2).error["category"] == "InvalidInput"
    assert fresh(*spelling, "creatro", code=2).error["category"] == "InvalidInput"


def test_an_unusable_output_format_is_refused(fresh: CommandLine) -> None:
    assert "xml" in fresh("creator", "list", "--output", "xml", code=2).err


def test_output_may_stand_before_the_noun_and_the_later_one_wins(cli: CommandLine) -> None:
    assert cli("--output", "json", "creator", "list").document == []
    assert cli("-o", "csv", "creator", "list", "-o", "json").document == []
    assert cli("creator", "list", "--output", "csv").out.startswith("id,name,")


def test_one_command_does_not_hand_its_format_on_to_the_next(cli: CommandLine) -> None:
    cli("creator", "list", "-o", "json")
    assert cli("creator", "list").out.startswith("No creator yet")


def test_who_is_not_signed_in_is_told_how_to(fresh: CommandLine) -> None:
    error = fresh("creator", "list", "-o", "json", code=4).error
    assert error["category"] == "Forbidden"
    assert "engagerr init" in error["hint"]


def test_a_home_that_cannot_be_written_is_named(fresh: CommandLine, tmp_path: Path) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    error = fresh("whoami", "-o", "json", code=2, ENGAGERR_HOME=str(blocked)).error
    assert str(blocked) in error["message"]


def test_names_from_elsewhere_cannot_steer_the_terminal(cli: CommandLine) -> None:
    answer = cli("creator", "show", "\x1b[2JAnn\u202e\nLee", code=3)
    assert "\x1b" not in answer.err
    assert "\u202e" not in answer.err
    assert answer.err.count("\n") == 2


def typed(cli: CommandLine, *words: str, **options: object) -> subprocess.Popen[bytes]:
    """`engagerr WORDS` as a process of its own."""
    env = {**os.environ, **cli.env}
    return subprocess.Popen([sys.executable, "-m", "engagerr", *words], env=env, **options)  # type: ignore[call-overload]


def test_a_reader_that_goes_away_ends_the_command_quietly(sample: CommandLine) -> None:
    process = typed(sample, "content", "list", "-o", "json", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    said = process.stderr.read()
    assert (process.wait(), said) == (141, b"")
    process.stderr.close()


def test_ctrl_c_ends_a_process_with_130_and_without_a_traceback(cli: CommandLine, clone: Clone, tmp_path: Path) -> None:
    # Nobody reads this pipe, so the export waits where it is until the signal comes.
    pipe = tmp_path / "unread.jsonl"
    os.mkfifo(pipe)
    with clone.connect("postgres", autocommit=True) as connection:
        process = typed(cli, "export", "jsonl", str(pipe), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while not connection.execute(
            "SELECT FROM pg_stat_activity WHERE datname = %s AND application_name = 'engagerr'", [clone.name]
        ).fetchall():
            assert process.poll() is None
            time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, b"")
    assert b"Traceback" not in err
    assert b"not finished was not written" in err


def test_an_answer_that_finds_no_room_is_told_as_that(cli: CommandLine) -> None:
    with Path("/dev/full").open("wb") as full:
        process = typed(cli, "creator", "list", "-o", "json", stdout=full, stderr=subprocess.PIPE)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 6
    assert json.loads(err)["error"]["category"] == "Unavailable"


def test_a_closed_standard_output_is_no_bug(cli: CommandLine) -> None:
    env = {**os.environ, **cli.env}
    line = ["sh", "-c", '"$0" -m engagerr creator list >&-', sys.executable]
    done = subprocess.run(line, env=env, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
