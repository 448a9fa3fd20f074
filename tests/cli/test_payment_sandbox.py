"""`engagerr payment sandbox`: steered in one command, run in the foreground."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from engagerr.cli.payment.sandbox import sandbox
from engagerr.core.clock import SystemClock
from engagerr.core.payments.sandbox import KEY, Sandbox
from engagerr.core.payments.sandbox.server import state_of
from tests.cli.conftest import CommandLine

HEADERS = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture
def nobody(home: Path) -> CommandLine:
    """A home without a database: the sandbox needs none."""
    return CommandLine(home, None)


def asked(home: Path, method: str, path: str, body: bytes = b"") -> dict[str, Any]:
    books = Sandbox(state_of(home), clock=SystemClock())
    answer = books.answer(method, path, HEADERS, body)
    books.close()
    document: dict[str, Any] = json.loads(answer.body)
    return document


def test_the_status_says_where_it_is_and_what_is_in_it(nobody: CommandLine) -> None:
    asked(nobody.home, "POST", "/v1/customers", b"name=Ann")
    found = nobody.json("payment", "sandbox", "status")
    assert found["objects"]["customer"] == 1
    assert found["path"] == str(state_of(nobody.home))
    assert found["url"] == "http://127.0.0.1:8420"
    assert "1 customers" in nobody("payment", "sandbox", "status").out


@pytest.mark.parametrize(
    ("span", "seconds"), [("90s", 90), ("30m", 1_800), ("36h", 129_600), ("7d", 604_800), ("2w", 1_209_600)]
)
def test_the_clock_moves_ahead(nobody: CommandLine, span: str, seconds: int) -> None:
    nobody("payment", "sandbox", "advance", span)
    assert nobody.json("payment", "sandbox", "status")["ahead_seconds"] == seconds


@pytest.mark.parametrize("span", ["", "-7d", "soon", "7", "1.5d"])
def test_what_is_no_span_of_time_is_refused(nobody: CommandLine, span: str) -> None:
    answer = nobody("payment", "sandbox", "advance", "--output", "json", "--", span, code=None)
    assert answer.code != 0


def test_an_owner_is_checked_and_a_charge_disputed(nobody: CommandLine) -> None:
    account = asked(nobody.home, "POST", "/v1/accounts", b"capabilities[transfers][requested]=true")["id"]
    charge = asked(nobody.home, "POST", "/v1/charges", b"amount=1000&currency=eur&source=tok_visa")["id"]
    assert nobody.json("payment", "sandbox", "onboard", account)["state"] == "active"
    assert nobody.json("payment", "sandbox", "account", account, "--state", "restricted")["state"] == "restricted"
    assert nobody.json("payment", "sandbox", "dispute", charge)["state"] == "needs_response"


def test_a_session_is_paid_or_declined(nobody: CommandLine) -> None:
    form = (
        b"mode=payment&success_url=https://a.example&line_items[0][quantity]=1&line_items[0][price_data][currency]=eur"
        b"&line_items[0][price_data][unit_amount]=1000&line_items[0][price_data][product_data][name]=Work"
    )
    session = asked(nobody.home, "POST", "/v1/checkout/sessions", form)["id"]
    refused = nobody.json("payment", "sandbox", "pay", session, "--card", "pm_card_chargeDeclined")
    assert (refused["done"], refused["detail"]) == ("declined", "Your card was declined.")
    assert nobody.json("payment", "sandbox", "pay", session)["state"] == "paid"


def test_what_is_not_there_is_not_found(nobody: CommandLine) -> None:
    answer = nobody("payment", "sandbox", "dispute", "ch_none", "--output", "json", code=None)
    assert answer.error["category"] == "NotFound"
    answer = nobody("payment", "sandbox", "pay", "--output", "json", code=None)
    assert "needs to know of what" in answer.error["message"]


def test_the_examples_work(nobody: CommandLine) -> None:
    for example in vars(sandbox)["examples"]:
        nobody(*example.split()[1:])


def test_it_runs_until_it_is_ended_and_says_how_to_reach_it(nobody: CommandLine) -> None:
    command = [sys.executable, "-m", "engagerr", "payment", "sandbox", "--port", "0", "--output", "json",
               "--forward-to", "http://127.0.0.1:9/webhook", "--webhook-secret", "whsec_mine"]  # fmt: skip
    environment = {**os.environ, **nobody.env}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        text = ""
        while not text.endswith("}\n"):
            line = process.stdout.readline()
            assert line, "it ended before it said where it is"
            text += line
        said = json.loads(text)
        request = urllib.request.Request(
            f"{said['url']}/v1/balance", headers={"Authorization": f"Bearer {said['key']}"}
        )
        with urllib.request.urlopen(request) as answer:
            assert json.load(answer)["object"] == "balance"
        assert said["secret"] == "whsec_mine"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    assert nobody.json("payment", "sandbox", "status")["url"] == said["url"]


def test_a_port_that_is_taken_is_said(nobody: CommandLine) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = nobody("payment", "sandbox", "--port", port, "--output", "json", code=None)
    assert "--port" in answer.error["hint"]
