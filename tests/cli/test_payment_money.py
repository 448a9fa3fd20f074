"""`engagerr payment …`: held money at the command line, on the sample's partnerships and the sandbox of the home."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from engagerr import Engagerr
from engagerr.cli.payment import money, moves
from engagerr.core.payments.sandbox import KEY, local_sandbox
from tests.cli.conftest import CommandLine

import sample_partnership

AUTUMN, SPRING = "Autumn jackets", "Trail shoes, spring"


@pytest.fixture
def dealing(cli: CommandLine) -> CommandLine:
    """Northlight with Jonna Brenner, and the sample's partnerships."""
    cli("creator", "add", "Jonna Brenner", "--country", "DE")
    assert cli.clone is not None
    with Engagerr(cli.clone.settings(cli.home)) as engagerr:
        sample_partnership.fill(engagerr.workspace())
    return cli


@pytest.fixture
def finance(dealing: CommandLine) -> dict[str, str]:
    """Somebody else of the workspace, as an environment."""
    dealing("member", "add", "fin@northlight.example", "--role", "finance")
    return {"ENGAGERR_TOKEN": dealing.json("token", "add", "fin", "--member", "fin@northlight.example")["token"]}


def provider(cli: CommandLine, path: str, **form: Any) -> Any:
    """The sandbox's own controls."""
    server = local_sandbox(cli.home)
    try:
        return httpx.post(f"{server.url}/_sandbox/{path}", data=form, headers={"Authorization": f"Bearer {KEY}"}).json()
    finally:
        server.close()


def examples() -> Iterator[str]:
    """Every example of this part of the noun, in the order of the help."""
    for module in (money, moves):
        for function in vars(module).values():
            if callable(function):
                yield from vars(function).get("examples", ()) if hasattr(function, "__dict__") else ()


def test_the_examples_work_where_they_have_their_place(dealing: CommandLine, finance: dict[str, str]) -> None:
    left = set(examples())
    assert len(left) > 25

    def run(begins: str, *, known_as: str | None = None, **env: str) -> None:
        found = sorted(example for example in left if example.startswith(f"engagerr payment {begins}"))
        assert found, begins
        for example in found:
            left.remove(example)
            line = example if known_as is None else re.sub(r"3fa2c1d09b7e|dp_\w+", known_as, example)
            dealing(*shlex.split(line)[1:], **env)

    for verb in ("holds", "show", "receipts", "disputes", "payouts", "deadlines", "movements"):
        run(verb)
    run("receipt ", known_as=dealing.json("payment", "receipts")[0]["id"][-12:])
    run("set-limit")
    run("limits")
    run("remove-limit")
    run("fund")
    run("release")
    run("block")
    run("unblock")
    run("recall")
    run("refund")
    run("run")
    run("quotes")
    dealing("payment", "release", AUTUMN, "--amount", "700", "--yes", code=5)
    run("quote ")
    run("convert", known_as=dealing.json("payment", "quotes")[0]["id"][-12:])
    with_four_eyes = {"ENGAGERR_PAYMENTS__FOUR_EYES_MINOR": "0"}
    one = str(dealing("payment", "release", AUTUMN, "--amount", "1", "--yes", "-o", "json", **with_four_eyes).document[
        "movement"]["id"])  # fmt: skip
    run("approve", known_as=one[-12:], **finance)
    two = str(dealing("payment", "release", AUTUMN, "--amount", "2", "--yes", "-o", "json", **with_four_eyes).document[
        "movement"]["id"])  # fmt: skip
    run("reject", known_as=two[-12:], **finance)
    assert {example.split()[2] for example in left} <= {"write-off", "withdraw", "cover"}


def test_a_receipt_and_its_lines_are_written_out(dealing: CommandLine) -> None:
    receipt = dealing.json("payment", "receipts")[0]
    assert receipt["amount"] == {"minor": 300_00, "currency": "EUR"}
    out = dealing("payment", "receipt", receipt["id"]).out
    assert re.search(r"Jonna Brenner\s+EUR 255\.00", out)
    assert re.search(r"Commission\s+EUR 45\.00", out)


def test_nothing_is_moved_on_a_non_terminal_without_yes(dealing: CommandLine) -> None:
    for words in (("release", SPRING), ("refund", SPRING), ("recall", SPRING, "--amount", "1", "--reason", "x"),
                  ("fund", AUTUMN, "--method", "pm_card_visa")):  # fmt: skip
        answer = dealing("payment", *words, "-o", "json", code=2)
        assert "--yes" in answer.error["hint"]
    assert dealing.json("payment", "show", SPRING)["hold"]["released"]["minor"] == 300_00


def test_a_large_release_names_who_may_approve_it(dealing: CommandLine) -> None:
    alone = dealing("payment", "release", SPRING, "--yes", ENGAGERR_PAYMENTS__FOUR_EYES_MINOR="1000").out
    assert "Nobody else here may: engagerr member add" in alone
    dealing("member", "add", "fin@northlight.example", "--role", "finance")
    again = dealing("payment", "release", SPRING, "--yes", ENGAGERR_PAYMENTS__FOUR_EYES_MINOR="1000").out
    assert "Who may: fin@northlight.example." in again
    assert "done before" in again


def test_a_lost_dispute_is_written_off(dealing: CommandLine) -> None:
    payment = dealing.json("payment", "show", SPRING)["payments"][0]["provider_id"]
    charge = dealing.json("payment", "operations", "--state", "succeeded")
    charge_id = next(one["result"]["latest_charge"]["id"] for one in charge if one["provider_id"] == payment)
    opened = provider(dealing, "disputes", charge=charge_id)["id"]
    dealing("payment", "run")
    assert dealing.json("payment", "disputes")[0]["state"] == "open"
    assert "a bank disputes" in dealing("payment", "show", SPRING).out
    provider(dealing, f"disputes/{opened}", status="lost")
    dealing("payment", "run")
    done = dealing.json("payment", "write-off", opened, "--reason", "not worth a lawyer", "--yes")
    assert done["movement"]["amount"] == {"minor": 300_00, "currency": "EUR"}
    assert json.loads(dealing("payment", "verify", "-o", "json").out)
