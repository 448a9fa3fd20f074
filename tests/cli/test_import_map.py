"""import map: an unknown table is looked at, asked about, and kept as a format."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import CommandLine

VIDEO = "https://www.youtube.com/watch?v={}"


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "September report.csv"
    rows = [f"{VIDEO.format(native_id)},Ann Lee,1{at}00,5{at},gut" for at, native_id in
            enumerate(("dQw4w9WgXcQ", "LVM86jvKWEU"))]  # fmt: skip
    path.write_text("\n".join(["Link,Creator,Aufrufe,Engaged views,Laune", *rows]), encoding="utf-8")
    return path


def test_a_proposal_shows_every_column_with_its_reason_and_the_rows_as_read(cli: CommandLine, report: Path) -> None:
    document = cli.json("import", "map", report)
    assert {column["heading"]: column["role"] for column in document["columns"]} == {
        "Link": "url", "Creator": "creator", "Aufrufe": "metric:views", "Engaged views": "ignore", "Laune": "ignore",
    }  # fmt: skip
    assert (document["mapping"]["platform"], document["saved"], document["problems"]) == ("youtube", False, [])
    assert document["rows"][0]["values"]["views"] == 1000
    out = cli("import", "map", report, columns=160).out
    assert "metric:engaged_views" in out
    assert "native_id: dQw4w9WgXcQ" in " ".join(out.split())
    assert "Nothing was saved" in out
    assert cli("import", "map", report, "-o", "csv").out.startswith("position,heading,role,")


def test_a_saved_mapping_is_a_format_until_it_is_removed(cli: CommandLine, report: Path) -> None:
    cli("import", "file", report, code=2)
    document = cli.json("import", "map", report, "--save", "agentur", "--set", "Engaged views=metric:engaged_views")
    assert document["saved"]
    assert cli.json("import", "formats")[-1]["name"] == "agentur"
    [brought] = cli.json("import", "file", report)["files"]
    assert (brought["format"], brought["items_new"], brought["observations_new"]) == ("agentur", 2, 4)
    cli("import", "remove-format", "agentur")
    assert "agentur" not in {row["name"] for row in cli.json("import", "formats")}
    cli("import", "remove-format", "agentur", code=3)
    other = report.with_name("October.csv")
    other.write_text(report.read_text() + "\n")
    cli("import", "file", other, "--format", "agentur", code=2)


def test_a_mapping_that_lacks_what_it_needs_is_shown_and_not_saved(cli: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "few.csv"
    path.write_text("Headline,Views\nOne,5\nTwo,6\n")
    assert "Not ready yet" in cli("import", "map", path).out
    error = cli("import", "map", path, "--save", "few", "-o", "json", code=2).error
    assert len(error["facts"]["problems"]) == 2
    assert "few" not in {row["name"] for row in cli.json("import", "formats")}


def test_a_built_in_name_is_refused(cli: CommandLine, report: Path) -> None:
    cli("import", "map", report, "--save", "youtube-api", code=5)


@pytest.mark.parametrize("said", ["Laune", "=title", "Laune=", "Laune=mood", "Nichts=title"])
def test_a_column_that_cannot_be_set_is_refused(cli: CommandLine, report: Path, said: str) -> None:
    assert cli("import", "map", report, "--set", said, "-o", "json", code=2).error["hint"]


def test_on_a_terminal_each_column_that_is_not_sure_is_asked_about(cli: CommandLine, report: Path) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, b"y\n")
    command = [sys.executable, "-m", "engagerr", "import", "map", str(report), "--save", "agentur"]
    env = {**os.environ, **cli.env, "COLUMNS": "160"}
    done = subprocess.run(command, env=env, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, check=True)
    asked = os.read(ours, 65536).decode()
    os.close(theirs)
    os.close(ours)
    assert asked.count("[y/N]") == 1
    assert "Engaged views" in asked
    assert "metric:engaged_views" in done.stdout.decode()
    [brought] = cli.json("import", "file", report)["files"]
    assert brought["observations_new"] == 4
