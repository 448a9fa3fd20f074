"""engagerr platform: against a fake authorisation server behind the gateway, with a connector that somebody shipped."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import pty
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from engagerr.cli.main import app
from engagerr.cli.reference import commands
from tests.cli.conftest import Answer, CommandLine
from tests.fakes.authorisation_server import CLIENT_ID, CLIENT_SECRET, AuthorisationServer, Grant
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Connection
from tests.fakes.gateway import Gateway
from typer.testing import CliRunner

ROOT = Path(__file__).parents[2]
ALL = [command for noun, _, found in commands() if noun == "platform" for command in found]


@pytest.fixture
def server() -> AuthorisationServer:
    # The command line has the machine's clock.
    return AuthorisationServer(SteeredClock(datetime.now(UTC)))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that somebody shipped: three connectors by entry point."""
    folder = tmp_path / "site"
    info = folder / "sample_connectors-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sample-connectors\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[engagerr.connectors]\nsample = tests.fakes.sample_connector:CONNECTOR\n"
        "apponly = tests.fakes.sample_connector:APP_ONLY\nfeed = tests.fakes.sample_connector:FEED\n"
    )
    monkeypatch.syspath_prepend(str(folder))
    return folder


@pytest.fixture
def cli(fresh: CommandLine, server: AuthorisationServer, package: Path) -> Iterator[CommandLine]:
    """Signed in to Northlight; every call to a platform ends at the fake."""
    with Gateway(server) as gateway:
        fresh.env |= {
            "ENGAGERR_INTEGRATIONS__GATEWAY_URL": gateway.url,
            "ENGAGERR_PLATFORMS__SAMPLE__CLIENT_ID": CLIENT_ID,
            "ENGAGERR_PLATFORMS__SAMPLE__CLIENT_SECRET": CLIENT_SECRET,
            "ENGAGERR_PLATFORMS__APPONLY__CLIENT_ID": CLIENT_ID,
            "ENGAGERR_PLATFORMS__APPONLY__CLIENT_SECRET": CLIENT_SECRET,
        }
        fresh("init", "--agency", "Northlight")
        yield fresh


def bring_token(cli: CommandLine, token: str, *words: str, code: int = 0) -> Answer:
    """Run `platform connect sample --token-stdin WORDS` with this on standard input."""
    typed = ["platform", "connect", "sample", "--token-stdin", *words]
    result = CliRunner().invoke(app, typed, env={**cli.env, "COLUMNS": "120"}, input=f"{token}\n")
    answer = Answer(result.exit_code, result.stdout, result.stderr)
    assert answer.code == code, answer
    return answer


def new_token(server: AuthorisationServer) -> str:
    """A token that somebody got elsewhere."""
    grant = Grant("videos.read", expires_at=server.clock.now().timestamp() + 3600, access=f"sekret-brought-{'y' * 20}")
    server.grants.append(grant)
    return grant.access


@contextlib.contextmanager
def process(cli: CommandLine, package: Path, *words: str, **streams: Any) -> Iterator[subprocess.Popen[str]]:
    """`engagerr WORDS` as a process of its own."""
    env = {
        name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    } | {**cli.env, "PYTHONPATH": f"{package}:{ROOT}", "COLUMNS": "120", **streams.pop("env", {})}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
    with subprocess.Popen([sys.executable, "-m", "engagerr", *words], env=env, text=True, cwd=ROOT, **pipes) as running:
        try:
            yield running
        finally:
            running.kill()


def address_in(stream: Iterable[str]) -> str:
    """The address that the person is to open, as soon as it is written."""
    return next(line.strip() for line in stream if line.startswith("https://"))


def test_the_list_says_what_can_be_connected_and_what_is_to_be_done_first(cli: CommandLine) -> None:
    rows = {row["name"]: row for row in cli.json("platform", "list")}
    assert rows["sample"]["to_do"] is None
    assert rows["youtube"]["to_do"].startswith("Register one")
    out = cli("platform", "list").out
    assert "engagerr platform show NAME" in out
    assert "Register one" in cli("platform", "show", "youtube").out
    assert "no app is named yet" in out
    assert next(csv.reader(io.StringIO(cli("platform", "list", "-o", "csv").out)))[0] == "name"


def test_a_platform_is_shown_with_its_scopes_in_words(cli: CommandLine) -> None:
    out = cli("platform", "show", "sample").out
    assert "see your audience and watch time" in out
    assert "videos.read" not in out
    document = cli.json("platform", "show", "sample")
    assert document["scopes"][0] == {"name": "videos.read", "words": "see your videos and their public figures"}
    assert document["streams"][0]["look_back_days"] == 90
    assert "platform list" in cli("platform", "show", "myspace", "-o", "json", code=3).error["hint"]


def test_a_token_from_standard_input_connects(cli: CommandLine, server: AuthorisationServer) -> None:
    token = new_token(server)
    answer = bring_token(cli, token, "--creator", "Ann Lee", "-o", "json")
    assert answer.document["account"] == "sample:@annlee"
    assert answer.document["state"] == "active"
    assert "sekret" not in answer.out + answer.err
    [row] = cli.json("platform", "connections")
    assert (row["creator"], row["last_error"]) == ("Ann Lee", None)
    assert "sample:@annlee" in cli("platform", "connections").out
    assert bring_token(cli, "", code=2).err.count("nothing came on standard input") == 1
    refused = bring_token(cli, "a-stale-token-of-yesterday", "-o", "json", code=7)
    assert refused.error["category"] == "Rejected"
    assert "a-stale-token" not in refused.err


def test_no_option_takes_a_secret() -> None:
    [connect] = [command for command in ALL if command.path.endswith(" connect")]
    with_value = [name.lower() for name, _ in connect.options if " " in name]
    assert "--account platform:handle" in with_value
    assert not [name for name in with_value if "token" in name or "code" in name or "secret" in name]


def test_a_person_pastes_the_address_that_the_browser_ended_at(
    cli: CommandLine, server: AuthorisationServer, package: Path
) -> None:
    words = ("platform", "connect", "sample", "--code-stdin", "--creator", "Ann Lee", "--port", "9005")
    with process(cli, package, *words, "-o", "json") as running:
        assert running.stderr is not None
        came = server.visit(address_in(running.stderr))
        assert came.startswith("http://127.0.0.1:9005/?")
        out, err = running.communicate(f"{came}\n", timeout=30)
    assert running.returncode == 0, err
    assert json.loads(out)["scopes"] == ["videos.read", "insights.read"]
    assert "sekret" not in out + err


def test_the_browser_comes_back_by_itself(
    cli: CommandLine, server: AuthorisationServer, package: Path, tmp_path: Path
) -> None:
    server.withhold = {"insights.read"}
    visit = tmp_path / "visit"
    browser = tmp_path / "browser.py"
    gateway = cli.env["ENGAGERR_INTEGRATIONS__GATEWAY_URL"]
    browser.write_text(
        "import sys, urllib.request\n"
        f"url = sys.argv[1].replace('https:/', {gateway!r}, 1)\n"
        f"print(urllib.request.urlopen(url).read().decode(), file=open({str(visit)!r}, 'w'))\n"
    )
    env = {"BROWSER": f"{sys.executable} {browser} %s &", "no_proxy": "*"}
    with process(cli, package, "platform", "connect", "sample", "--creator", "Ann Lee", env=env) as running:
        out, err = running.communicate(timeout=30)
    assert running.returncode == 0, err
    # What is asked for is said before the browser opens, and what was not given after it.
    assert err.index("see your audience and watch time") < err.index("https://auth.sample.example")
    assert "warning: it was not allowed to: see your audience and watch time" in err
    assert "sample:@annlee" in out


def test_at_a_terminal_a_person_is_asked_what_is_not_clear(
    cli: CommandLine, server: AuthorisationServer, package: Path
) -> None:
    server.accounts.append({"id": "c-2", "handle": "@annplays"})
    ours, theirs = pty.openpty()
    with (
        process(cli, package, "platform", "connect", "sample", "--no-browser", stdin=theirs, stderr=theirs) as running,
        os.fdopen(ours, "w+b", buffering=0) as terminal,
    ):
        os.close(theirs)

        def read_until(words: str) -> str:
            read = ""
            while words not in read:
                read += os.read(terminal.fileno(), 4096).decode()
            return read

        shown = read_until("Paste the address")
        address = next(line.strip() for line in shown.splitlines() if line.startswith("https://"))
        terminal.write(f"{server.visit(address)}\n".encode())
        assert "opens 2 accounts" in read_until("Which of them?")
        terminal.write(b"sample:annplays\n")
        read_until("Whose is it?")
        terminal.write(b"Ann Lee\n")
        assert running.stdout is not None
        out = running.stdout.read()
    assert "sample:@annplays" in out
    assert running.returncode == 0


def test_a_device_code_is_shown_and_waited_for(cli: CommandLine, server: AuthorisationServer) -> None:
    server.interval = server.slow_down_below = 0.001
    server.before_answer = lambda request: [server.type_in(code) for code in server.devices] and None
    answer = cli("platform", "connect", "sample", "--device", "--creator", "Ann Lee", "-o", "json")
    assert answer.document["state"] == "active"
    assert "type in: WXYZ-0" in answer.err
    assert "https://auth.sample.example/activate" in answer.err


def test_what_needs_no_sign_in_is_connected_by_its_name(cli: CommandLine) -> None:
    feed = cli.json("platform", "connect", "feed", "--account", "feed:https://feeds.example/a.xml", "--creator", "Ann")
    assert (feed["account"], feed["state"]) == ("feed:https://feeds.example/a.xml", "active")
    own = cli.json("platform", "connect", "apponly", "--account", "sample:@annlee", "--creator", "Ann")
    assert own["connector"] == "apponly"
    assert "--account feed:https" in cli("platform", "connect", "feed", "-o", "json", code=2).error["hint"]


FAILURES: list[tuple[tuple[str, ...], int, str]] = [
    (("connect", "myspace"), 3, "no connector"),
    (("connect", "youtube"), 2, "No app is named"),
    (("connect", "sample", "--device", "--no-browser"), 2, "choose one"),
    (("connect", "sample", "--no-browser"), 2, "Nobody can be asked"),
    (("connect", "sample", "--code-stdin"), 2, "nothing came on standard input"),
    (("connect", "sample", "--port", "80"), 2, "--port"),
    (("connect", "sample", "--token"), 2, "--token"),
    (("disconnect", "sample:@annlee"), 2, "Nobody can be asked"),
    (("disconnect", "sample:@annlee", "--yes"), 3, "no account"),
    (("disconnect", "annlee", "--yes"), 2, "does not name an account"),
]


@pytest.mark.parametrize(
    ("words", "code", "said"), FAILURES, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_each_failure_has_its_code(cli: CommandLine, words: tuple[str, ...], code: int, said: str) -> None:
    assert said in cli("platform", *words, code=code).err


def test_a_device_that_is_denied_and_a_platform_that_is_down_have_codes_of_their_own(
    cli: CommandLine, server: AuthorisationServer
) -> None:
    server.interval = server.slow_down_below = 0.001
    server.before_answer = lambda request: [server.type_in(code, allow=False) for code in server.devices] and None
    denied = cli("platform", "connect", "sample", "--device", code=7)
    assert "denied" in denied.err
    server.next_answers = [httpx.Response(503)]
    assert "does not answer" in cli("platform", "connect", "sample", "--device", code=6).err


def test_an_account_is_let_go(cli: CommandLine, server: AuthorisationServer) -> None:
    token = new_token(server)
    bring_token(cli, token, "--creator", "Ann Lee")
    [ended] = cli.json("platform", "disconnect", "sample:@annlee", "--yes")
    assert ended == {"account": "sample:@annlee", "connector": "sample", "at_platform": True, "reason": None}
    assert not server.alive(token)
    assert [row["state"] for row in cli.json("platform", "connections")] == ["revoked"]
    assert cli("platform", "connections", "-o", "csv").out.count("\n") == 2


def test_a_lost_sign_in_says_what_to_type(
    cli: CommandLine, server: AuthorisationServer, superuser_connection: Connection
) -> None:
    bring_token(cli, new_token(server), "--creator", "Ann Lee")
    superuser_connection.execute("UPDATE platform_grants SET state = 'lost', lost_reason = 'The password was changed'")
    out = cli("platform", "connections").out
    assert "The password was changed" in out
    assert "Connect sample:@annlee again: engagerr platform connect sample --account sample:@annlee" in out


def test_keys_are_rotated(cli: CommandLine, server: AuthorisationServer) -> None:
    bring_token(cli, new_token(server), "--creator", "Ann Lee")
    file = cli.home / "vault.key"
    key = file.read_text()
    rotated = cli.json("platform", "rotate-keys")
    assert (rotated["resealed"], rotated["place"]) == (1, str(file))
    assert key != file.read_text()
    assert "1 secret was put under" in cli("platform", "rotate-keys").out
    assert cli.json("platform", "disconnect", "sample:@annlee", "--yes")[0]["at_platform"]


def test_no_log_holds_a_token(cli: CommandLine, server: AuthorisationServer) -> None:
    bring_token(cli, new_token(server), "--creator", "Ann Lee", "--verbose")
    bring_token(cli, "sekret-stale-zzzzzzzzzzzz", "--verbose", code=7)
    cli("platform", "disconnect", "sample:@annlee", "--yes", "--verbose")
    logs = list((cli.home / "logs").iterdir())
    assert logs
    assert not [path for path in logs if "sekret" in path.read_text()]


@pytest.mark.parametrize("columns", [80, 120])
def test_tables_fit_the_terminal(cli: CommandLine, server: AuthorisationServer, columns: int) -> None:
    bring_token(cli, new_token(server), "--creator", "Ann Lee with quite a long name for a creator")
    for words in (("list",), ("show", "sample"), ("show", "youtube"), ("connections",)):
        lines = cli("platform", *words, columns=columns).out.splitlines()
        assert max(map(len, lines)) <= columns, words


@pytest.mark.parametrize("example", [example for command in ALL for example in command.examples])
def test_the_examples_work(
    cli: CommandLine, server: AuthorisationServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, example: str
) -> None:
    for name in ("youtube", "twitch", "podcast", "instagram"):
        if name in example:
            example = example.replace(name, "feed" if name == "podcast" else "sample")
    server.accounts = [{"id": "c-1", "handle": "annlee"}]
    server.interval = server.slow_down_below = 0.001
    server.before_answer = lambda request: [server.type_in(code) for code in server.devices] and None
    bring_token(cli, new_token(server), "--creator", "Ann Lee")
    typed, _, source = example.partition(" < ")
    if "connect sample --creator" in typed:
        typed += " --token-stdin"  # with a browser it is tried above
        source = "token.txt"
    given = f"{server.grants[0].access}\n" if source == "token.txt" else ""
    result = CliRunner().invoke(app, shlex.split(typed)[1:], env={**cli.env, "COLUMNS": "120"}, input=given)
    assert result.exit_code == 0, (typed, result.stderr)
    assert result.stdout
