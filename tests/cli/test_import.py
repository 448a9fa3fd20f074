"""import: several files at once, refusals among them, and rows set aside."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import SAMPLE, CommandLine

TABLE = SAMPLE / "hinako" / "2026-10-31" / "Table data.csv"
WITH_A_BAD_ROW = next((SAMPLE / "despensa").glob("Nov-*.csv"))
CREATORS = SAMPLE / "creators.jsonl"
UNKNOWN = SAMPLE / "README.md"


def test_a_file_answers_with_what_it_brought(cli: CommandLine) -> None:
    [answer] = cli.json("import", "file", TABLE, "--creator", "Hinako", "--observed-at", "2026-11-01T06:00:00Z")[
        "files"
    ]
    assert answer["path"] == str(TABLE)
    assert answer["sha256"] == hashlib.sha256(TABLE.read_bytes()).hexdigest()
    assert answer["format"] == "youtube-studio-table"
    assert (answer["rows"], answer["items_new"], answer["items_updated"], answer["unchanged"]) == (24, 24, 0, 0)
    assert answer["observations_new"] > 24
    assert (answer["creators_new"], answer["accounts_new"], answer["quarantined"]) == (1, 1, [])
    assert (answer["already_imported"], answer["dry_run"]) == (None, False)
    assert set(answer) >= {"edges_new", "notices"}


def test_the_same_file_again_changes_nothing(cli: CommandLine) -> None:
    cli("import", "file", TABLE, "--creator", "Hinako")
    [again] = cli.json("import", "file", TABLE, "--creator", "Hinako")["files"]
    assert (again["items_new"], again["observations_new"], again["unchanged"]) == (0, 0, 24)
    assert again["already_imported"].endswith("Z")
    assert "nothing changed" in cli("import", "file", TABLE, "--creator", "Hinako").out


def test_a_dry_run_says_the_same_and_writes_nothing(cli: CommandLine) -> None:
    [dry] = cli.json("import", "file", TABLE, "--creator", "Hinako", "--dry-run")["files"]
    assert (dry["items_new"], dry["dry_run"], dry["import_id"]) == (24, True, None)
    assert cli.json("content", "list") == cli.json("creator", "list") == cli.json("import", "history") == []
    assert "nothing was written" in cli("import", "file", TABLE, "--creator", "Hinako", "--dry-run").out


def test_a_refused_file_does_not_stop_the_others(cli: CommandLine, tmp_path: Path) -> None:
    missing = tmp_path / "missing.csv"
    answer = cli("import", "file", missing, CREATORS, UNKNOWN, "-o", "json", code=3)

    first, second, third = answer.document["files"]
    assert (first["path"], first["error"]["category"]) == (str(missing), "NotFound")
    assert (second["path"], second["rows"]) == (str(CREATORS), 8)
    assert (third["path"], third["error"]["category"]) == (str(UNKNOWN), "InvalidInput")

    assert answer.error["category"] == "NotFound"
    assert "2 of 3" in answer.error["message"]
    assert [entry["path"] for entry in answer.error["facts"]["files"]] == [str(missing), str(UNKNOWN)]
    assert len(cli.json("creator", "list")) == 8


def test_one_refused_file_is_told_as_itself(cli: CommandLine) -> None:
    answer = cli("import", "file", CREATORS, UNKNOWN, "-o", "json", code=2)
    assert answer.error == answer.document["files"][1]["error"]


def test_a_file_whose_account_is_not_named_is_refused_with_what_helps(cli: CommandLine) -> None:
    error = cli("import", "file", TABLE, "-o", "json", code=2).error
    assert "--creator" in error["hint"]


def test_when_every_file_is_refused_standard_output_stays_empty(cli: CommandLine) -> None:
    for form in ("json", "csv", "table"):
        answer = cli("import", "file", UNKNOWN, UNKNOWN, "-o", form, code=2)
        assert answer.out == ""
        assert answer.err


def test_every_refusal_is_told_to_a_person(cli: CommandLine, tmp_path: Path) -> None:
    answer = cli("import", "file", tmp_path / "a.csv", tmp_path / "b.csv", code=3)
    assert [line for line in answer.err.splitlines() if line.startswith("error: ")] == [
        f"error: There is no file {tmp_path / name}." for name in ("a.csv", "b.csv")
    ]


def test_rows_set_aside_are_a_warning_and_can_be_looked_at(cli: CommandLine) -> None:
    answer = cli("import", "file", WITH_A_BAD_ROW, "--creator", "Lucía")
    assert answer.err == "warning: 1 row was set aside; engagerr import quarantine shows it.\n"
    assert "1.80526E+16" in answer.out

    [bad] = cli.json("import", "quarantine")
    assert (bad["file"], bad["row"], bad["column"]) == (WITH_A_BAD_ROW.name, 19, "Post ID")
    assert bad["reason"]
    assert bad["fix"]
    [imported] = cli.json("import", "history")
    assert cli.json("import", "quarantine", imported["id"]) == [bad]
    cli("import", "quarantine", "last-week", code=2)


def test_rows_set_aside_stand_in_the_answer_of_a_script(cli: CommandLine) -> None:
    answer = cli("import", "file", WITH_A_BAD_ROW, "--creator", "Lucía", "-o", "json")
    [bad] = answer.document["files"][0]["quarantined"]
    assert (bad["row"], bad["column"], bad["value"]) == (19, "Post ID", "1.80526E+16")
    assert answer.err == ""


def test_rows_refused_for_one_reason_are_told_once(cli: CommandLine, tmp_path: Path) -> None:
    lines = [json.dumps({"type": "item", "platform": "x", "account": "@a"}) for _ in range(15)]
    path = tmp_path / "bad.jsonl"
    path.write_text("\n".join([json.dumps({"type": "creator", "name": "Ann"}), *lines]))
    out = cli("import", "file", path, "--creator", "Ann", columns=160).out
    assert "… (15)" in out
    assert len(cli.json("import", "quarantine")) == 15


def test_one_row_a_file_as_csv(cli: CommandLine) -> None:
    answer = cli("import", "file", CREATORS, UNKNOWN, "-o", "csv", code=2)
    good, bad = csv.DictReader(io.StringIO(answer.out))
    assert (good["rows"], good["quarantined"], good["error_category"]) == ("8", "0", "")
    assert (bad["path"], bad["rows"], bad["error_category"]) == (str(UNKNOWN), "", "InvalidInput")


def test_files_of_one_name_are_told_apart_by_their_folder(cli: CommandLine) -> None:
    out = cli("import", "file", *sorted((SAMPLE / "hinako").glob("*/*.csv")), "--creator", "Hinako").out
    assert "2026-07-31/Table data.csv" in out
    assert "2026-10-31/Table data.csv" in out


def test_the_period_goes_to_the_figures(cli: CommandLine) -> None:
    cli("import", "file", TABLE, "--creator", "Hinako", "--period", "2026-10-01..2026-10-31")
    item = cli.json("content", "list")[0]
    rows = cli.json("metric", "show", f"{item['platform']}:{item['native_id']}")
    assert {row["period_days"] for row in rows} == {31}


def test_the_formats_say_how_they_are_recognised(cli: CommandLine) -> None:
    formats = cli.json("import", "formats")
    assert {"name", "platform", "recognised_by", "yields"} <= set(formats[0])
    assert "engagerr-jsonl" in {row["name"] for row in formats}
    cli("import", "file", CREATORS, "--format", "engagerr-jsonl")
    assert "xlsx" in cli("import", "file", CREATORS, "--format", "xlsx", code=2).err


def test_history_is_newest_first(cli: CommandLine) -> None:
    cli("import", "file", CREATORS)
    cli("import", "file", TABLE, "--creator", "Hinako")
    assert [row["file_name"] for row in cli.json("import", "history")] == [TABLE.name, CREATORS.name]
    assert len(cli.json("import", "history", "--limit", "1")) == 1


@pytest.mark.parametrize("moment", ["2026-11-01T06:00:00", "tomorrow", "2126-01-01T00:00:00Z"])
def test_a_moment_that_cannot_be_is_refused(cli: CommandLine, moment: str) -> None:
    cli("import", "file", CREATORS, "--observed-at", moment, code=2)


@pytest.mark.parametrize("output", ["table", "json"])
def test_a_terminal_for_the_bar_leaves_standard_output_alone(cli: CommandLine, output: str) -> None:
    words = ["import", "file", str(CREATORS), "--output", output]
    plain = cli(*words, "--dry-run").out
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "engagerr", *words, "--dry-run"]
    env = {**os.environ, **cli.env, "COLUMNS": "120"}
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=theirs, check=True)
    os.close(theirs)
    os.close(ours)
    assert done.stdout.decode() == plain
