"""`engagerr payment reconcile|differences|adopt|dismiss|statement`, against the sandbox of a home."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from engagerr.cli.payment import reconciling
from engagerr.core.clock import SystemClock
from engagerr.core.payments.sandbox import local_sandbox
from engagerr.core.payments.stripe_gateway import SANDBOX_KEY, StripeGateway
from tests.cli.conftest import CommandLine

Dashboard = Callable[[int], str]


@pytest.fixture
def dashboard(cli: CommandLine) -> Dashboard:
    """Somebody takes a payment at the provider, past Engagerr; gives the charge."""

    def paid(amount: int) -> str:
        server = local_sandbox(cli.home)
        gateway = StripeGateway(SANDBOX_KEY, clock=SystemClock(), url=server.url, server=server)
        try:
            made = gateway.send(
                "payment",
                {"amount": amount, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True,
                 "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}},
                key=f"by hand {amount}",
            )  # fmt: skip
        finally:
            gateway.close()
        return str(made["latest_charge"]["id"])

    return paid


def test_books_that_agree_say_so(cli: CommandLine) -> None:
    run = cli.json("payment", "reconcile")
    assert (run["waiting"], run["kinds"], run["troubles"]) == (0, {}, [])
    assert "nothing" in cli("payment", "reconcile", "--no-adopt").out
    assert len(cli.json("payment", "reconciliations")) == 2
    assert "None." in cli("payment", "differences").out


def test_a_difference_is_shown_adopted_and_gone(cli: CommandLine, dashboard: Dashboard) -> None:
    charge = dashboard(10_000)
    assert "1 unknown_object" in cli("payment", "reconcile").out
    [found] = cli.json("payment", "differences")
    assert found["object_id"] == charge
    assert found["theirs"] == {"minor": 9_825, "currency": "EUR"}
    shown = cli("payment", "differences").out
    assert found["id"][-12:] in shown
    assert f"charge {charge}, which nobody asked for through Engagerr." in " ".join(shown.split())
    assert "needs" not in cli("payment", "adopt", charge, "--reason", "ours", code=2).out
    refused = cli("payment", "adopt", charge, "--yes", code=5)
    assert "Give a --reason" in refused.err
    adopted = cli.json("payment", "adopt", found["id"][-12:], "--reason", "our own money", "--yes")
    assert (adopted["state"], adopted["reason"]) == ("adopted", "our own money")
    assert cli.json("payment", "reconcile")["kinds"] == {}
    rows = list(csv.DictReader(io.StringIO(cli("payment", "differences", "--state", "all", "--output", "csv").out)))
    assert [(row["state"], row["theirs"], row["theirs_currency"]) for row in rows if "theirs_currency" in row] == []
    assert [(row["state"], row["theirs"]) for row in rows] == [("adopted", "98.25")]


def test_dismissed_with_a_reason_it_does_not_come_back(cli: CommandLine, dashboard: Dashboard) -> None:
    charge = dashboard(5_000)
    cli("payment", "reconcile")
    cli("payment", "dismiss", charge, code=2)
    assert "Explained" not in cli("payment", "dismiss", charge, "--reason", "a test of the till", "--explained").out
    assert cli.json("payment", "reconcile")["waiting"] == 0
    assert [row["state"] for row in cli.json("payment", "differences", "--state", "all")] == ["explained"]


def test_the_examples_work(
    cli: CommandLine, dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    amounts = iter(range(1_000, 9_000, 100))
    for verb in (
        reconciling.reconcile, reconciling.reconciliations, reconciling.differences, reconciling.adopt,
        reconciling.dismiss, reconciling.parties, reconciling.statement,
    ):  # fmt: skip
        for example in vars(verb)["examples"]:
            typed = example
            if "3fa2c1d09b7e" in example or "ch_3Q" in example:
                waiting = dashboard(next(amounts))
                cli("payment", "reconcile")
                # Nothing of ours is behind what was made by hand: only with a reason is it adopted.
                typed = example.replace("3fa2c1d09b7e --yes", f"{waiting} --reason ours --yes")
                typed = typed.replace("3fa2c1d09b7e", waiting).replace("ch_3Q", waiting)
            assert cli(*shlex.split(typed)[1:]).out
    assert (tmp_path / "northlight.pdf").read_bytes().startswith(b"%PDF-")
