"""`engagerr payment poll|janitor|events|replay|operations|webhook`, against the sandbox of the home."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import httpx
from engagerr.cli.payment import provider
from tests.cli.billing_line import examples_in
from tests.cli.conftest import CommandLine


def onboarded(cli: CommandLine) -> None:
    cli("payee", "add", "Ann Lee", "--email", "ann+verified@lee.example")
    cli("payee", "onboard", "Ann Lee")


def test_what_the_provider_told_is_heard_and_shown(cli: CommandLine) -> None:
    assert cli.json("payment", "events") == []
    onboarded(cli)
    report = cli.json("payment", "poll")
    assert report["new"] > 0
    assert (report["gap"], report["troubles"]) == (False, [])
    assert cli.json("payment", "poll")["new"] == 0
    rows = cli.json("payment", "events")
    assert {row["state"] for row in rows} == {"handled"}
    assert rows[0]["event_id"] in cli("payment", "events", columns=200).out
    replayed = cli.json("payment", "replay", rows[0]["event_id"])[0]
    assert replayed["state"] == "handled"
    assert cli.json("payment", "events", "--state", "dead") == []
    about = rows[0]["object_id"]
    assert {row["object_id"] for row in cli.json("payment", "events", "--object", about)} == {about}


def test_what_the_provider_was_asked_is_shown(cli: CommandLine) -> None:
    onboarded(cli)
    (row,) = cli.json("payment", "operations")
    assert (row["kind"], row["state"]) == ("account", "succeeded")
    assert cli.json("payment", "operations", "--state", "open") == []
    assert cli.json("payment", "operations", "--subject", row["subject"]) == [row]
    assert "account" in cli("payment", "operations").out
    assert "No operation is 'lost'" in cli("payment", "operations", "--state", "lost", code=2).err


def test_the_janitor_says_what_it_did(cli: CommandLine) -> None:
    assert cli.json("payment", "janitor") == {
        "sent": 0, "adopted": 0, "waiting": 0, "unknown": 0, "failed": 0, "broken": 0, "unreachable": False,
        "overdue": 0,
    }  # fmt: skip
    assert "answers" in cli("payment", "janitor").out
    assert cli("payment", "janitor", "--output", "csv").out.splitlines()[0].startswith("sent,adopted,waiting")


def test_an_event_that_there_is_not_is_said(cli: CommandLine) -> None:
    assert "engagerr payment events" in cli("payment", "replay", "evt_none", code=3).err


def test_a_provider_that_cannot_be_reached_is_said_and_can_be_tried_again(cli: CommandLine) -> None:
    answer = cli("payment", "poll", code=6, ENGAGERR_PAYMENTS__STRIPE_URL="http://127.0.0.1:9")
    assert "cannot be reached" in answer.err


def test_the_receiver_runs_until_it_is_interrupted(cli: CommandLine) -> None:
    env = {
        **os.environ, **cli.env, "ENGAGERR_PAYMENTS__STRIPE_WEBHOOK_SECRET": "whsec_1", "PYTHONUNBUFFERED": "1",
    }  # fmt: skip
    [example] = vars(provider.webhook_)["examples"]
    command = [sys.executable, "-m", *shlex.split(example.replace("8411", "0"))]
    with subprocess.Popen(command, env=env, cwd=Path.cwd(), stderr=subprocess.PIPE, text=True) as receiver:
        assert receiver.stderr is not None
        found = re.search(r"http://127\.0\.0\.1:\d+/webhook", receiver.stderr.readline())
        assert found is not None
        assert httpx.post(found[0], content=b"{}", headers={"Stripe-Signature": "t=1,v1=2"}).status_code == 400
        receiver.send_signal(signal.SIGINT)
        said = receiver.stderr.read()
        assert receiver.wait(timeout=30) == 130
    assert "1 refused" in said


def test_the_examples_work(cli: CommandLine) -> None:
    onboarded(cli)
    for example in examples_in(provider):
        if example.startswith("engagerr payment webhook "):  # it runs until it is interrupted: see above
            continue
        rows = cli.json("payment", "events")
        known = str(rows[0]["event_id"]) if rows else ""
        assert cli(*shlex.split(re.sub(r"evt_\w+", known, example))[1:]).out, example
