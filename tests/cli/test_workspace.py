"""init and whoami; members and tokens."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from tests.cli.conftest import CommandLine


@pytest.mark.parametrize("kind", ["agency", "brand", "creator"])
def test_init_founds_a_workspace_and_signs_in(fresh: CommandLine, kind: str) -> None:
    founded = fresh.json("init", f"--{kind}", "North", "--email", "ann@north.example")
    assert set(founded) == {"workspace", "member", "home"}
    assert (founded["workspace"]["kind"], founded["workspace"]["name"]) == (kind, "North")
    assert (founded["member"]["email"], founded["member"]["role"]) == ("ann@north.example", "owner")
    assert founded["home"] == str(fresh.home)
    assert fresh.json("whoami") == founded


def test_init_twice_changes_nothing_and_says_so(fresh: CommandLine) -> None:
    first = fresh.json("init", "--agency", "North")
    assert fresh.json("init", "--agency", "North") == first
    assert "Nothing changed" in fresh("init", "--agency", "North").out
    assert len(fresh.json("member", "list")) == 1


def test_another_workspace_in_the_same_home_is_refused(fresh: CommandLine) -> None:
    fresh("init", "--agency", "North")
    assert "ENGAGERR_HOME" in fresh("init", "--brand", "South", "-o", "json", code=2).error["hint"]


def test_a_member_is_added_promoted_and_removed(cli: CommandLine) -> None:
    kim = cli.json("member", "add", "kim@north.example", "--role", "analyst", "--name", "Kim")
    assert (kim["name"], kim["role"]) == ("Kim", "analyst")
    assert cli.json("member", "set-role", "kim@north.example", "manager")["role"] == "manager"
    assert "--yes" in cli("member", "remove", "kim@north.example", "-o", "json", code=2).error["hint"]
    assert [row["name"] for row in cli.json("member", "list")] == ["Kim", "ann@northlight.example"]
    cli("member", "remove", "kim@north.example", "--yes")
    assert [row["name"] for row in cli.json("member", "list")] == ["ann@northlight.example"]
    assert cli("member", "remove", "kim@north.example", "--yes", "-o", "json", code=3).error["category"] == "NotFound"


def test_the_last_owner_stays(cli: CommandLine) -> None:
    assert (
        cli("member", "remove", "ann@northlight.example", "--yes", "-o", "json", code=5).error["category"] == "Conflict"
    )


def test_a_token_acts_for_its_member_until_it_is_removed(cli: CommandLine) -> None:
    cli("member", "add", "kim@north.example", "--role", "viewer")
    made = cli.json("token", "add", "nightly", "--member", "kim@north.example", "--days", "3")
    token = {"ENGAGERR_TOKEN": made["token"]}
    assert made["expires_at"].endswith("Z")

    assert cli("whoami", "-o", "json", **token).document["member"]["role"] == "viewer"
    assert cli("creator", "add", "Ann", "-o", "json", code=4, **token).error["facts"]["role"] == "viewer"

    [listed] = [row for row in cli.json("token", "list") if row["name"] == "nightly"]
    assert "token" not in listed
    assert made["token"] not in cli("token", "list").out
    assert cli.json("token", "remove", listed["id"], "--yes")["revoked_at"]
    cli("whoami", code=4, **token)


def test_a_removed_token_is_named_by_its_id_only(cli: CommandLine) -> None:
    made = cli.json("token", "add", "nightly")
    answer = cli("token", "remove", made["token"], "--yes", code=2)
    assert made["token"] not in answer.err


def test_a_token_is_nowhere_in_the_log(cli: CommandLine) -> None:
    made = cli.json("token", "add", "nightly", "-v")
    cli("creator", "show", made["token"], code=3)
    log = cli.home / "logs" / "engagerr.jsonl"
    assert "command.failed" in log.read_text()
    assert made["token"] not in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_verbose_sends_the_log_to_standard_error(cli: CommandLine, tmp_path: Path) -> None:
    assert '"event": "workspace.exported"' in cli("export", "jsonl", tmp_path / "all.jsonl", "-v").err
    assert cli("export", "jsonl", tmp_path / "all.jsonl").err == ""
