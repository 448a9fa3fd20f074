"""`engagerr schedule …`: reports that go out by themselves, as people and cron meet them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import CommandLine, with_sample_data
from tests.fakes.cluster import Clone, Cluster
from tests.fakes.mail import Mailbox, smtp_server

ADD = ("schedule", "add", "monthly", "--report", "roster", "--window", "last_month", "--cron", "0 6 1 * *")
AT = ("--at", "2026-08-31")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "reports"
    place.mkdir()
    return place


@pytest.fixture(scope="module")
def full(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """Northlight with the sample data, for the tests of this file; each removes the schedule that it added."""
    with cluster.clone() as clone:
        yield with_sample_data(CommandLine(tmp_path_factory.mktemp("northlight"), clone))


def mailing(port: int) -> dict[str, str]:
    names = {"VIA": "smtp", "HOST": "127.0.0.1", "PORT": str(port), "SECURITY": "none", "SENDER": "r@north.example"}
    return {f"ENGAGERR_MAIL__{name}": value for name, value in names.items()}


def test_a_report_is_set_up_tried_sent_and_let_go(full: CommandLine, folder: Path) -> None:
    added = full.json(*ADD, "--format", "html", "--format", "csv", "--folder", folder)
    assert added["report"] == {"kind": "roster", "window": "last_month", "formats": ["html", "csv"], "subject": None}
    assert (added["folder"], added["recipients"], added["enabled"]) == (str(folder), [], True)
    assert "0 6 1 * *" in full("schedule", "list").out

    planned = full.json("schedule", "run", "monthly", *AT, "--dry-run")
    assert planned["due_at"] == "2026-08-01T06:00:00Z"
    assert (planned["since"], planned["until"]) == ("2026-07-01T00:00:00Z", "2026-08-01T00:00:00Z")
    assert [row["state"] for row in planned["deliveries"]] == ["planned"]
    assert list(folder.iterdir()) == []

    assert "delivered" in full("schedule", "run", "monthly", *AT).out
    names = sorted(file.name for file in folder.iterdir())
    assert names == sorted(planned["files"]) == ["monthly-roster-2026-07-31.csv", "monthly-roster-2026-07-31.html"]
    assert (folder / names[1]).read_text(encoding="utf-8").lower().startswith("<!doctype html>")
    before = [file.stat().st_mtime_ns for file in folder.iterdir()]
    assert full.json("schedule", "run", "monthly", *AT)["deliveries"][0]["attempts"] == 1
    assert [file.stat().st_mtime_ns for file in folder.iterdir()] == before

    header, line = full("schedule", "history", "monthly", "-o", "csv").out.splitlines()
    assert header.startswith("schedule,due_at,target,state,attempts,content_hash")
    assert line.startswith(f"monthly,2026-08-01T06:00:00Z,{folder},delivered,1,")
    assert "Nobody can be asked here" in full("schedule", "remove", "monthly", code=2).err
    assert full.json("schedule", "remove", "monthly", "--yes") == {"name": "monthly", "removed": True}
    assert full.json("schedule", "list") == []
    assert len(full.json("schedule", "history", "monthly")) == 1


def test_a_mail_goes_out_and_one_that_does_not_ends_with_the_code_of_why(full: CommandLine) -> None:
    mailbox = Mailbox()
    to = ("--to", "ann@brand.example", "--to", "kim@brand.example")
    with smtp_server(mailbox) as port:
        full("schedule", "add", "mailed", *ADD[3:], "--format", "csv", *to, **mailing(port))
        mailbox.answers["RCPT"] = "550 5.1.1 no such user"
        refused = full("schedule", "run", "mailed", *AT, "-o", "json", code=7, **mailing(port))
        assert [row["state"] for row in refused.document["deliveries"]] == ["failed", "failed"]
        assert "no such user" in refused.error["message"]
        assert mailbox.mails == []
        mailbox.answers.clear()
        sent = full("schedule", "run", "mailed", *AT, "-o", "json", **mailing(port)).document
    assert [mail["To"] for mail in mailbox.mails] == ["ann@brand.example", "kim@brand.example"]
    assert [row["reference"] for row in sent["deliveries"]] == [mail["Message-ID"] for mail in mailbox.mails]
    (attached,) = mailbox.mails[0].iter_attachments()
    assert attached.get_filename() == "mailed-roster-2026-07-31.csv"
    # Everybody has it, so nothing of the settings is needed any more.
    assert full.json("schedule", "run", "mailed", *AT)["deliveries"] == sent["deliveries"]
    full("schedule", "remove", "mailed", "--yes")


def test_mail_that_is_not_configured_is_refused_with_the_settings_to_set(cli: CommandLine) -> None:
    error = cli(*ADD, "--to", "ann@brand.example", "-o", "json", code=2).error
    assert error["message"] == "Mail is not configured: ENGAGERR_MAIL__VIA is not set."
    assert "ENGAGERR_MAIL__HOST" in error["hint"]
    assert "ENGAGERR_MAIL__RESEND_KEY_FILE" in error["hint"]
    assert cli.json("schedule", "list") == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((*ADD,), 2), ((*ADD, "--folder", "/nowhere/at/all"), 2), ((*ADD, "--to", "ann\nBcc: eve@evil.example"), 2),
        ((*ADD[:-1], "monthly", "--folder", "."), 2), ((*ADD, "--folder", ".", "--format", "doc"), 2),
        ((*ADD, "--folder", ".", "--of", "Ann"), 2), (("schedule", "run", "weekly"), 3),
        (("schedule", "remove", "weekly", "--yes"), 3), (("schedule", "history", "weekly"), 3),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(cli: CommandLine, words: tuple[str, ...], code: int) -> None:
    assert cli(*words, "-o", "json", code=code).error["hint"]


def test_who_may_only_look_sets_nothing_up(cli: CommandLine) -> None:
    cli("member", "add", "kim@north.example", "--role", "viewer")
    token = cli.json("token", "add", "t", "--member", "kim@north.example")["token"]
    for words in ((*ADD, "--folder", "."), ("schedule", "run", "x"), ("schedule", "remove", "x", "--yes")):
        cli(*words, code=4, ENGAGERR_TOKEN=token)
    assert cli("schedule", "list", "-o", "json", ENGAGERR_TOKEN=token).document == []


def test_the_password_is_shown_nowhere(cli: CommandLine, clone: Clone, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("planted-pass-4711\n")
    names = {**mailing(1), "ENGAGERR_MAIL__USER": "ann", "ENGAGERR_MAIL__PASSWORD_FILE": str(secret)}
    shown = cli("settings", "-o", "json", **names, ENGAGERR_MAIL__RESEND_KEY="re_planted_4711")
    assert "planted" not in shown.out + shown.err
    assert "mail.password_file" in json.dumps(shown.document)
