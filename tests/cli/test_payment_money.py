"""`engagerr payment …`: held money at the command line, on the sample's partnerships and the sandbox of the home."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
from typing import Any

import httpx
import pytest
from engagerr import Engagerr
from engagerr.cli.payment import money, moves
from engagerr.core.payments.sandbox import KEY, local_sandbox
from tests.cli.billing_line import examples_in
from tests.cli.conftest import CommandLine

import sample_partnership

# Nothing is approved yet in the sample: whoever releases before says why.
WHY = ("--reason", "agreed")

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


def test_the_examples_work_where_they_have_their_place(dealing: CommandLine, finance: dict[str, str]) -> None:
    left = set(examples_in(money, moves))
    assert len(left) > 30

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
    dealing("payment", "release", AUTUMN, *WHY, "--amount", "700", "--yes", code=5)
    dealing("payment", "release", SPRING, *WHY, "--amount", "200", "--yes")  # more is sold than was earned so far
    run("quote ")
    run("convert", known_as=dealing.json("payment", "quotes")[0]["id"][-12:])
    with_four_eyes = {"ENGAGERR_PAYMENTS__FOUR_EYES_MINOR": "0"}
    one = str(dealing("payment", "release", AUTUMN, *WHY, "--amount", "1", "--yes", "-o", "json", **with_four_eyes
        ).document["movement"]["id"])  # fmt: skip
    run("approve", known_as=one[-12:], **finance)
    two = str(dealing("payment", "release", AUTUMN, *WHY, "--amount", "2", "--yes", "-o", "json", **with_four_eyes
        ).document["movement"]["id"])  # fmt: skip
    run("reject", known_as=two[-12:], **finance)
    account = dealing.json("payee", "show", "Jonna Brenner")["account"]
    dealing("payment", "sandbox", "payout", account)  # every day, as far as it is settled
    dealing("payment", "sandbox", "advance", "10d")
    for verb in ("withdraw", "cover"):  # what is at their bank cannot be taken back
        asked = dealing.json("payment", "recall", SPRING, "--amount", "100", "--reason", "taken down", "--yes")
        assert asked["movement"]["state"] == "approved"
        run(verb, known_as=asked["movement"]["id"][-12:])
    run("write-off", known_as=a_lost_dispute(dealing))
    assert left == set()


def a_lost_dispute(cli: CommandLine) -> str:
    """The bank takes the payment for the trail shoes back, and the dispute is lost."""
    payment = cli.json("payment", "show", SPRING)["payments"][0]["provider_id"]
    charge = cli.json("payment", "operations", "--state", "succeeded")
    charge_id = next(one["result"]["latest_charge"]["id"] for one in charge if one["provider_id"] == payment)
    opened = str(provider(cli, "disputes", charge=charge_id)["id"])
    cli("payment", "run")
    assert cli.json("payment", "disputes")[0]["state"] == "open"
    assert "a bank disputes" in cli("payment", "show", SPRING).out
    provider(cli, f"disputes/{opened}", status="lost")
    cli("payment", "run")
    return opened


@pytest.mark.parametrize("amount", ["12,50", "1.000,00", "1,0000", "5 USD", "five", ""])
def test_an_amount_that_may_be_read_in_two_ways_moves_nothing(dealing: CommandLine, amount: str) -> None:
    for verb in ("release", "refund"):
        assert dealing("payment", verb, SPRING, "--amount", amount, "--yes", code=2).err
    assert dealing.json("payment", "show", SPRING)["hold"]["held"]["minor"] == 600_00


def test_an_amount_may_have_its_currency_and_thousands(dealing: CommandLine) -> None:
    assert dealing.json("payment", "release", SPRING, *WHY, "--amount", "1.50 eur", "--yes")["movement"]["amount"] == {
        "minor": 150, "currency": "EUR",
    }  # fmt: skip
    assert (
        "not EUR 1,000.00" in dealing("payment", "release", SPRING, *WHY, "--amount", "1,000.00", "--yes", code=5).err
    )


def test_what_was_moved_is_a_line_of_csv_and_hashes_are_hex(dealing: CommandLine) -> None:
    out = dealing("payment", "release", SPRING, *WHY, "--amount", "20", "--yes", "--output", "csv").out
    row = next(csv.DictReader(io.StringIO(out)))
    assert (row["movement_kind"], row["movement_amount"], row["movement_amount_currency"], row["movement_state"]) == (
        "release", "20.00", "EUR", "done",
    )  # fmt: skip
    assert row["movement_id"]
    assert row["receipt_id"]
    assert re.fullmatch("[0-9a-f]{64}", dealing.json("payment", "show", SPRING)["hold"]["terms_hash"])


def test_the_books_name_people_and_holds(dealing: CommandLine) -> None:
    out = dealing("payment", "balance").out
    assert re.search(r"connected\s+Jonna Brenner\s+EUR 255\.00", out)
    assert re.search(rf"hold\s+{SPRING}: Work of Jonna Brenner\s+EUR 600\.00", out)
    assert "connected:Jonna Brenner" in dealing("payment", "ledger", columns=160).out
    held = dealing.json("payment", "balance", "connected:jonna brenner:EUR")
    assert (held["posted"]["minor"], held["whose"], held["party"][:8]) == (255_00, "Jonna Brenner", "creator:")
    assert "connected:Jonna Brenner:EUR" in dealing("payment", "ledger", "connected:Jonna Brenner").out
    newest = dealing.json("payment", "ledger", "--limit", "1")["transfers"][0]
    assert newest["destination_whose"] == "Jonna Brenner"


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
    alone = dealing("payment", "release", SPRING, *WHY, "--yes", ENGAGERR_PAYMENTS__FOUR_EYES_MINOR="1000").out
    assert "Nobody else here may: engagerr member add" in alone
    dealing("member", "add", "fin@northlight.example", "--role", "finance")
    again = dealing("payment", "release", SPRING, *WHY, "--yes", ENGAGERR_PAYMENTS__FOUR_EYES_MINOR="1000").out
    assert "Who may: fin@northlight.example." in again
    assert "done before" in again


def test_a_lost_dispute_is_written_off(dealing: CommandLine) -> None:
    opened = a_lost_dispute(dealing)
    done = dealing.json("payment", "write-off", opened, "--reason", "not worth a lawyer", "--yes")
    assert done["movement"]["amount"] == {"minor": 300_00, "currency": "EUR"}
    assert json.loads(dealing("payment", "verify", "-o", "json").out)
