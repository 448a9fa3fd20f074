"""`engagerr db partitions`, `retire` and `restore`, as operations type them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from tests.cli.conftest import CommandLine
from tests.factories import an_observation, in_tenant
from tests.fakes.cluster import Clone


@pytest.fixture
def operations(clone: Clone, home: Path) -> CommandLine:
    """The home that prepared the database, with figures in three months of 2019."""
    clone.settings_of_the_owner(home)
    cli = CommandLine(home, None)
    cli.env["ENGAGERR_DATABASE__URL"] = clone.url("engagerr_owner")
    cli("init", "--agency", "Northlight", "--email", "ann@northlight.example")
    with clone.connect("postgres") as connection:
        found = connection.execute("SELECT id FROM tenants").fetchone()
    assert found is not None
    with clone.connect() as connection, in_tenant(connection, found[0]):
        for month in (3, 4, 5):
            an_observation(connection, found[0], UUID(int=1), observed_at=datetime(2019, month, 9, tzinfo=UTC))
    return cli


def states(cli: CommandLine) -> dict[str, str]:
    return {row["month"]: row["state"] for row in cli.json("db", "partitions")}


def test_old_months_go_to_files_and_come_back(operations: CommandLine) -> None:
    assert operations.json("db", "retire", "--keep", 24, "--dry-run") == [
        {"month": "2019-03"}, {"month": "2019-04"}, {"month": "2019-05"},
    ]  # fmt: skip
    (moved,) = operations.json("db", "retire", "2019-03", "--yes")
    assert (moved["month"], moved["moved"], moved["rows"]) == ("2019-03", True, 1)
    assert Path(moved["file"]).parent == operations.home / "archive"
    assert states(operations) == {"2019-03": "retired", "2019-04": "here", "2019-05": "here"}
    assert "retired" in operations("db", "partitions").out
    assert "1 figure restored from" in operations("db", "restore", "2019-03").out
    assert "is here already" in operations("db", "restore", "2019-03").out
    assert states(operations)["2019-03"] == "restored"


def test_nothing_is_taken_away_without_a_yes(operations: CommandLine) -> None:
    refused = operations("db", "retire", "2019-03", "-o", "json", code=2)
    assert "--yes" in refused.error["hint"]
    assert states(operations)["2019-03"] == "here"


def test_the_setting_says_what_is_due(operations: CommandLine) -> None:
    assert operations.json("db", "retire") == []
    assert "Nothing to retire" in operations("db", "retire").out
    due = operations("db", "retire", "--dry-run", ENGAGERR_DATABASE__KEEP_OBSERVATIONS_MONTHS="36").out
    assert "2019-03, 2019-04, 2019-05" in due


def test_an_old_file_waits_until_its_month_is_back(operations: CommandLine, tmp_path: Path) -> None:
    operations("db", "retire", "2019-03", "--yes")
    file = tmp_path / "old.jsonl"
    said = {"name": "views", "value": 12, "observed_at": "2019-03-20T08:00:00Z"}
    item = {
        "type": "item", "platform": "youtube", "account": "@ann", "native_id": "rbMdIF1MB2U", "title": "Trail",
        "published_at": "2019-03-01T08:00:00Z", "metrics": [said],
    }  # fmt: skip
    file.write_text(json.dumps(item) + "\n", encoding="utf-8")
    for options in ([], ["--dry-run"]):
        refused = operations("import", "file", file, *options, "-o", "json", code=5).error
        assert "2019-03 were retired" in refused["message"]
        assert refused["hint"].endswith("engagerr db restore 2019-03")
    operations("db", "restore", "2019-03")
    (landed,) = operations.json("import", "file", file)["files"]
    assert landed["observations_new"] == 1


@pytest.mark.parametrize("month", ["2019", "2019-13", "March", "2019-03-01"])
def test_what_is_no_month_is_said(operations: CommandLine, month: str) -> None:
    assert "like 2019-03" in operations("db", "restore", month, "-o", "json", code=2).error["hint"]


def test_a_home_without_the_owners_login_is_told_where_to_go(cli: CommandLine, clone: Clone) -> None:
    with clone.connect("postgres", autocommit=True) as connection:
        connection.execute("SELECT engagerr_ensure_partitions(ARRAY['2019-03-01']::date[])")
    refused = cli("db", "retire", "2019-03", "--yes", "-o", "json", code=4)
    assert "engagerr db upgrade" in refused.error["hint"]
    assert states(cli) == {"2019-03": "here"}
