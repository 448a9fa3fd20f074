"""The log: events as JSON lines, private to their owner, without secrets, joined to the rows by one id."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.settings import TelemetrySettings
from engagerr.core.telemetry import configure_logs, correlation_id, log, new_correlation
from engagerr.core.telemetry.logs import redact
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.cluster import Connection


@pytest.fixture
def logged(home: Path) -> Iterator[Path]:
    """Logs of this test's own; the logger is as before afterwards."""
    logger = logging.getLogger("engagerr")
    before = (list(logger.handlers), logger.level, logger.propagate)
    configure_logs(home, TelemetrySettings(level="debug"))
    yield home / "logs" / "engagerr.jsonl"
    for handler in logger.handlers:
        handler.close()
    logger.handlers, logger.level, logger.propagate = before[0], before[1], before[2]
    logger.setLevel(before[1])


def events(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_an_event_is_one_line_of_json_with_time_level_and_fields(logged: Path) -> None:
    log("import.landed", rows=12, file="Jülich – „Videos“.csv")
    log("quota.low", level="warning")
    first, second = events(logged)
    assert (first["event"], first["level"], first["rows"], first["file"]) == (
        "import.landed", "info", 12, "Jülich – „Videos“.csv",
    )  # fmt: skip
    assert first["timestamp"].endswith(("Z", "+00:00"))
    assert second["level"] == "warning"
    assert "Jülich" in logged.read_text(encoding="utf-8")


def test_line_breaks_in_a_field_do_not_break_the_line(logged: Path) -> None:
    log("import.landed", file='a\nb\r\n{"event": "forged"}')
    assert [event["event"] for event in events(logged)] == ["import.landed"]


def test_quieter_events_than_asked_for_are_not_written(home: Path, logged: Path) -> None:
    configure_logs(home, TelemetrySettings(level="warning"))
    log("noise")
    log("signal", level="error")
    assert [event["event"] for event in events(logged)] == ["signal"]


def test_the_log_is_for_its_owner_only_and_so_are_the_rotated_ones(home: Path, logged: Path) -> None:
    configure_logs(home, TelemetrySettings(max_file_megabytes=1, files_kept=2))
    for _ in range(50):
        log("bulk", text="x" * 50_000)
    files = sorted(path.name for path in logged.parent.iterdir())
    assert files == ["engagerr.jsonl", "engagerr.jsonl.1", "engagerr.jsonl.2"]
    assert {path.stat().st_mode & 0o777 for path in logged.parent.iterdir()} == {0o600}
    assert logged.parent.stat().st_mode & 0o777 == 0o700


# ── Secrets ─────────────────────────────────────────────────────────────────────────────────────────────────────────

TOKEN = "engagerr_a_mfrggzdfmztwq2lknnwg23tpoa_Zk3-x_9QnE0d7wq"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("podcast:https://feeds.example/ann.xml?auth=s3cret&x=1", "podcast:https://feeds.example/ann.xml?auth=***&x=1"),
        ("https://feeds.example/ann.xml?x=1&user_token=s3cret", "https://feeds.example/ann.xml?x=1&user_token=***"),
        ("sent Bearer ya.s3cret and more", "sent Bearer *** and more"),
        ("https://x.example/?page=2&tokens=3", "https://x.example/?page=2&tokens=3"),
    ],
)
def test_keys_in_addresses_and_headers_are_blacked_out(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"opened with {TOKEN}.", "opened with ***."),
        (TOKEN.replace("_a_", "_s_"), "***"),
        ("postgresql://ann:s3cret@db.example:5432/shop", "postgresql://ann:***@db.example:5432/shop"),
        ("https://ann:p%40ss:w@host/x?y=1", "https://ann:***@host/x?y=1"),
        ("postgresql:///shop?user=ann&password=s3cret&host=/tmp", "postgresql:///shop?user=ann&password=***&host=/tmp"),
        ("host=db password=s3cret user=ann", "host=db password=*** user=ann"),
        ("https://example.org/a:b@c", "https://example.org/a:b@c"),
        ("at 12:30 mail ann@north.example", "at 12:30 mail ann@north.example"),
    ],
)
def test_tokens_and_passwords_are_blacked_out_of_any_text(text: str, shown: str) -> None:
    assert redact(text) == shown


SECRETS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_~.!$%", min_size=6, max_size=40)


@given(before=st.text(max_size=30), secret=SECRETS, after=st.sampled_from(["", " ", "\n", ")", " and more"]))
def test_no_password_of_a_url_survives(before: str, secret: str, after: str) -> None:
    assert f":{secret}@" not in redact(f"{before} postgresql://role:{secret}@host/db{after}")


def test_secrets_do_not_reach_the_log_in_any_field(logged: Path) -> None:
    url = "postgresql://ann:s3cret@db/shop"
    log(
        f"tried {TOKEN}",
        token="word-one",
        client_secret="word-two",
        Authorization="Bearer word-three",
        api_key="word-four",
        password="word-five",
        address=url,
        nested={"url": url, "password": "word-six", "deeper": [{"access_token": "word-seven"}, url]},
        several=(TOKEN, url),
    )
    written = logged.read_text()
    for secret in ("s3cret", TOKEN, "word-"):
        assert secret not in written
    assert "postgresql://ann:***@db/shop" in written


def test_secrets_in_an_exception_do_not_reach_the_log_either(logged: Path) -> None:
    log("database.unreachable", failure=ValueError("no way to postgresql://ann:s3cret@db/shop"))
    assert "s3cret" not in logged.read_text()


# ── One id from the command to its rows ─────────────────────────────────────────────────────────────────────────────


def test_the_log_and_the_audit_row_carry_the_same_id(
    logged: Path, workspace: Workspace, superuser_connection: Connection
) -> None:
    chain = new_correlation()
    workspace.roster.add("Ann Lee")
    log("roster.changed")
    row = superuser_connection.execute("SELECT correlation_id FROM audit_log WHERE action = 'creator.added'").fetchone()
    assert row == (chain,)
    assert events(logged)[-1]["correlation_id"] == chain == correlation_id()


def test_a_new_chain_has_a_new_id() -> None:
    assert len({new_correlation() for _ in range(100)}) == 100


def test_a_session_leaves_no_secret_in_the_log(
    logged: Path, engagerr: Engagerr, workspace: Workspace, home: Path
) -> None:
    token = workspace.members.issue_token(name="nightly").token
    engagerr.workspace(token)
    log("end")
    written = logged.read_text()
    assert token not in written
    assert (home / "session").read_text() not in written


def test_nothing_is_written_before_logs_are_configured(home: Path) -> None:
    log("nobody.listens", level="error")
    assert not home.exists()
