"""`engagerr event …`: what happened, and telling it again."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from tests.cli.conftest import CommandLine
from tests.lines import a_figure, an_item, write_lines


@pytest.fixture
def eventful(cli: CommandLine, tmp_path: Path) -> CommandLine:
    """Two accounts, each of which has something new."""
    for name in ("ann", "bo"):
        lines = [an_item(f"youtube:{name}1", creator=name.title(), metrics=[a_figure("views", 3, "2026-10-01")])]
        cli("import", "file", write_lines(tmp_path / f"{name}.jsonl", *lines))
    return cli


def test_what_happened_is_listed_newest_first(eventful: CommandLine) -> None:
    rows = eventful.json("event", "list")
    assert [(row["kind"], row["account"]) for row in rows] == [
        ("metrics.landed", "youtube:@bo"), ("items.seen", "youtube:@bo"),
        ("metrics.landed", "youtube:@ann"), ("items.seen", "youtube:@ann"),
    ]  # fmt: skip
    assert rows[1]["detail"]["new"] == 1
    assert [row["sequence"] for row in rows] == [2, 1, 2, 1]
    assert rows == sorted(rows, key=lambda row: row["at"], reverse=True)


def test_the_list_is_narrowed(eventful: CommandLine) -> None:
    assert len(eventful.json("event", "list", "--kind", "items")) == 2
    assert len(eventful.json("event", "list", "--kind", "items.seen", "--account", "youtube:@ANN")) == 1
    assert eventful.json("event", "list", "--kind", "item") == []
    assert len(eventful.json("event", "list", "--limit", "3")) == 3
    eventful("event", "list", "--limit", "0", code=2)
    assert "youtube:@nobody" in eventful("event", "list", "--account", "youtube:@nobody", code=3).err


def test_a_spreadsheet_gets_one_line_an_event(eventful: CommandLine) -> None:
    rows = list(csv.DictReader(io.StringIO(eventful("event", "list", "-o", "csv").out)))
    assert len(rows) == 4
    assert json.loads(rows[1]["detail"])["new"] == 1


def test_a_person_reads_a_table(eventful: CommandLine) -> None:
    out = eventful("event", "list").out
    assert "items.seen" in out
    assert "youtube:@ann" in out
    assert "Nothing of this kind" in eventful("event", "list", "--kind", "grant").out


def test_subscribers_have_nothing_waiting_after_an_import(eventful: CommandLine) -> None:
    rows = eventful.json("event", "subscribers")
    assert {row["name"] for row in rows} == {"mapping", "metrics", "alerts", "rollups"}
    # Rollups follow later, so that their sums hold no import up.
    assert {row["name"] for row in rows if row["waiting"]} <= {"rollups"}
    assert all(row["does"] for row in rows)
    assert {row["subscriber"] for row in eventful.json("event", "deliver") if row["events"]} <= {"rollups"}
    assert {row["waiting"] for row in eventful.json("event", "subscribers")} == {0}
    assert "suggests edges" in eventful("event", "subscribers").out


def test_a_subscriber_is_told_again(eventful: CommandLine) -> None:
    assert eventful.json("event", "replay", "mapping") == [
        {"subscriber": "mapping", "events": 2, "made": 0, "error": None}
    ]
    assert eventful.json("event", "replay", "mapping", "--account", "youtube:@ann")[0]["events"] == 1
    assert eventful.json("event", "replay", "mapping", "--since", "2999-01-01")[0]["events"] == 0
    assert eventful.json("event", "replay", "mapping", "--since", "2000-01-01")[0]["events"] == 2
    assert "mapping" in eventful("event", "replay", "mapping").out
    assert len(eventful.json("content", "list")) == 2


def test_what_cannot_be_replayed_is_refused(eventful: CommandLine) -> None:
    assert "mapping" in eventful("event", "replay", "nobody", "-o", "json", code=2).error["hint"]
    eventful("event", "replay", "mapping", "--since", "yesterday", code=2)
    eventful("event", "replay", "mapping", "--account", "youtube:@nobody", code=3)
