"""`engagerr payee …`, against the sandbox of the home."""

from __future__ import annotations

import shlex

from engagerr.cli import payee
from tests.cli.billing_line import examples_of
from tests.cli.conftest import CommandLine


def test_from_nobody_to_somebody_who_can_be_paid(cli: CommandLine) -> None:
    assert "Nobody yet" in cli("payee", "list").err + cli("payee", "list").out
    added = cli.json("payee", "add", "Ann Lee", "--email", "ann+verified@lee.example", "--country", "AT")[0]
    assert (added["capability"], added["account"], added["currency"]) == ("none", None, "EUR")
    page = cli.json("payee", "onboard", "Ann Lee")
    assert page["url"].startswith("http")
    assert page["payee"]["account"].startswith("acct_")
    assert cli.json("payee", "refresh")[0]["capability"] == "active"
    drawn = cli("payee", "show", "ann lee").out
    assert "Can be paid" in drawn
    assert "yes" in drawn
    assert "Ann Lee" in cli("payee", "list", "--capability", "active").out
    assert cli.json("payee", "list", "--capability", "restricted") == []


def test_what_is_still_wanted_is_said(cli: CommandLine) -> None:
    cli("payee", "add", "Ann Lee", "--email", "ann@lee.example")
    cli("payee", "onboard", "Ann Lee")
    cli("payee", "refresh", "Ann Lee")
    drawn = cli("payee", "show", "Ann Lee").out
    assert "requirements_past_due" in drawn
    assert "bank_account (past due)" in drawn


def test_a_bank_account_is_confirmed_only_by_somebody_who_says_so(cli: CommandLine) -> None:
    cli("payee", "add", "Ann Lee", "--email", "ann+verified@lee.example")
    cli("payee", "onboard", "Ann Lee")
    cli("payee", "refresh", "Ann Lee")
    refused = cli("payee", "confirm", "Ann Lee", "--saw", "6789", code=2)
    assert "--yes" in refused.err
    other = cli("payee", "confirm", "Ann Lee", "--saw", "1234", "--yes", code=5)
    assert "You named the bank account '1234'; Ann Lee has …6789 (EUR) now." in other.err
    assert cli.json("payee", "confirm", "Ann Lee", "--saw", "6789", "--yes")[0]["pinned"] is True


def test_the_table_is_a_csv_too(cli: CommandLine) -> None:
    cli("payee", "add", "Ann Lee")
    heading, row = cli("payee", "list", "--output", "csv").out.splitlines()
    assert heading.startswith("id,name,creator,kind,email,country,currency,account,capability")
    assert "Ann Lee" in row


def test_what_is_wrong_is_said_with_what_to_do(cli: CommandLine) -> None:
    assert "engagerr payee list" in cli("payee", "show", "Nobody", code=3).err
    cli("payee", "add", "Ann Lee")
    assert "a payee already" in cli("payee", "add", "Ann Lee", code=5).err
    assert "no e-mail address" in cli("payee", "onboard", "Ann Lee", code=2).err
    assert "no country code" in cli("payee", "add", "Bea", "--country", "Germany", code=2).err


def test_the_examples_work_one_after_the_other(cli: CommandLine) -> None:
    cli("creator", "add", "Jonna Brenner", "--country", "DE")
    for _, examples in examples_of(payee.app):
        for example in examples:
            assert cli(*shlex.split(example)[1:]).out, example
    assert cli.json("payee", "show", "Jonna Brenner")["capability"] == "active"
