"""export, db, health and settings."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import CommandLine
from tests.fakes.cluster import Clone, take_server_away


def test_an_export_goes_to_a_file_or_to_standard_output(sample: CommandLine, tmp_path: Path) -> None:
    target = tmp_path / "all.jsonl"
    answer = sample.json("export", "jsonl", target)
    lines = target.read_text(encoding="utf-8").splitlines()
    assert answer == {"path": str(target), "lines": len(lines)}
    assert {json.loads(line)["type"] for line in lines} == {"creator", "item", "edge"}
    assert sample("export", "jsonl").out == sample("export", "jsonl", "-").out == target.read_text(encoding="utf-8")


def test_an_export_is_private_and_whole_or_not_there(cli: CommandLine, tmp_path: Path) -> None:
    target = tmp_path / "all.jsonl"
    target.write_text("of yesterday")
    cli("export", "jsonl", target)
    assert target.read_text() == ""
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [target] or {path.name for path in tmp_path.iterdir()} == {"all.jsonl", "home"}

    error = cli("export", "jsonl", tmp_path / "nowhere" / "all.jsonl", "-o", "json", code=2).error
    assert "nowhere" in error["message"]
    error = cli("export", "jsonl", tmp_path, "-o", "json", code=2).error
    assert str(tmp_path) in error["message"]


def test_an_export_does_not_put_a_file_in_the_place_of_a_device(cli: CommandLine, tmp_path: Path) -> None:
    link = tmp_path / "out"
    link.symlink_to("/dev/null")
    cli("export", "jsonl", link)
    assert link.is_symlink()
    assert Path("/dev/null").is_char_device()


def test_a_role_that_may_not_read_rates_exports_nothing(cli: CommandLine, tmp_path: Path) -> None:
    cli("member", "add", "kim@north.example", "--role", "viewer")
    token = cli.json("token", "add", "t", "--member", "kim@north.example")["token"]
    cli("export", "jsonl", tmp_path / "all.jsonl", code=4, ENGAGERR_TOKEN=token)
    assert not (tmp_path / "all.jsonl").exists()


def test_the_status_of_a_given_server(cli: CommandLine) -> None:
    status = cli.json("db", "status")
    assert status["running"] is True
    assert status["revision"] == status["newest_revision"]
    for verb in ("start", "stop"):
        assert "yours" in cli("db", verb, "-o", "json", code=2).error["message"]


def test_the_audit_log_is_verified(cli: CommandLine) -> None:
    cli("creator", "add", "Ann")
    verdict = cli.json("db", "verify-audit")
    assert (verdict["intact"], verdict["first_bad"]) == (True, None)
    assert verdict["entries"] >= 2


def test_an_altered_audit_log_ends_with_1(cli: CommandLine, clone: Clone) -> None:
    cli("creator", "add", "Ann")
    with clone.connect("postgres", autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE audit_log SET action = 'nothing.happened' WHERE sequence = 2")
    answer = cli("db", "verify-audit", "-o", "json", code=1)
    assert (answer.document["intact"], answer.document["first_bad"]) == (False, 2)
    assert answer.error["category"] == "Broken"
    sick = cli("health", "-o", "json", code=6).document
    assert sick["well"] is False
    assert {check["name"]: check["state"] for check in sick["checks"]}["audit log"] == "failed"


def test_health_has_named_checks_with_state_and_age(sample: CommandLine) -> None:
    report = sample.json("health")
    assert report["well"] is True
    checks = {check["name"]: check for check in report["checks"]}
    assert {"database", "schema", "disk", "audit log", "imports"} <= set(checks)
    assert {check["state"] for check in report["checks"]} <= {"ok", "warning"}
    assert checks["imports"]["age_seconds"] >= 0
    assert checks["disk"]["age_seconds"] is None
    assert "All is well." in sample("health").out


def test_health_answers_when_the_database_does_not(cli: CommandLine) -> None:
    url = {"ENGAGERR_DATABASE__URL": "postgresql://engagerr_app@127.0.0.1:9/none"}
    sick = cli("health", "-o", "json", code=6, **url)
    assert (sick.document["well"], sick.document["checks"][0]["state"]) == (False, "failed")
    assert "Not well." in cli("health", code=6, **url).out


def test_settings_show_what_is_in_force_and_no_secret(cli: CommandLine) -> None:
    rows = {row["name"]: row for row in cli("settings", "-o", "json", ENGAGERR_TENANCY__SESSION_DAYS="7").document}
    assert rows["tenancy.session_days"]["value"] == 7
    assert rows["tenancy.session_days"]["default"] == 90
    assert rows["tenancy.session_days"]["env"] == "ENGAGERR_TENANCY__SESSION_DAYS"
    assert rows["home"]["value"] == str(cli.home)
    assert rows["database.url"]["value"] == "***"
    for form in ("table", "json", "csv"):
        assert cli.env["ENGAGERR_DATABASE__URL"] not in cli("settings", "-o", form).out


def test_settings_are_listed_even_when_one_is_wrong(cli: CommandLine) -> None:
    for wrong in ({"ENGAGERR_TENANCY__SESSION_DAYS": "many"}, {"ENGAGERR_TENANCY__SESION_DAYS": "7"}):
        answer = cli("settings", "-o", "json", code=2, **wrong)
        assert "tenancy.session_days" in {row["name"] for row in answer.document}
        assert answer.error["category"] == "InvalidInput"
        # Every other command is refused, in one line.
        assert cli("creator", "list", code=2, **wrong).err.startswith("error: ")


def test_an_embedded_server_starts_by_itself_answers_and_stops(tmp_path: Path) -> None:
    """As a user's first minute: no server, no setting but the home."""
    from engagerr.core.db.embedded import EmbeddedServer

    home = tmp_path / "home"
    env = {**os.environ, "ENGAGERR_HOME": str(home)}

    def typed(*words: str) -> subprocess.CompletedProcess[str]:
        with (tmp_path / "out").open("w+") as out, (tmp_path / "err").open("w+") as err:
            # Not pipes: the server outlives the command that starts it and would keep them open.
            done = subprocess.run(
                [sys.executable, "-m", "engagerr", *words], env=env, stdout=out, stderr=err, check=False
            )
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, out.read(), err.read())

    try:
        assert json.loads(typed("db", "status", "-o", "json").stdout)["running"] is False
        assert typed("init", "--agency", "North").returncode == 0
        assert json.loads(typed("db", "status", "-o", "json").stdout)["running"] is True
        assert json.loads(typed("db", "check-migrations", "-o", "json").stdout) == {"agree": True, "differences": []}
        assert json.loads(typed("db", "stop", "-o", "json").stdout) == {"stopped": True}
        assert json.loads(typed("db", "stop", "-o", "json").stdout) == {"stopped": False}
        assert json.loads(typed("whoami", "-o", "json").stdout)["workspace"]["name"] == "North"
    finally:
        take_server_away(EmbeddedServer(home), home)
