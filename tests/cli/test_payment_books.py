"""`engagerr payment ledger|accounts|balance|verify`, as people and scripts read them."""

from __future__ import annotations

import csv
import io
import shlex
from datetime import UTC, datetime, timedelta

import pytest
from engagerr import Engagerr
from engagerr.cli.payment import books as books_verbs
from engagerr.core.money import Money
from engagerr.core.payments.ledger import Leg, account, post
from engagerr.core.settings import Settings
from tests.cli.billing_line import examples_in
from tests.cli.conftest import CommandLine
from tests.fakes.cluster import SUPERUSER, Clone

WHEN = datetime(2026, 10, 1, 9, tzinfo=UTC)


@pytest.fixture
def books(cli: CommandLine, clone: Clone) -> CommandLine:
    """Northlight was paid 100 euros on each of three days, and took its commission of 15."""
    with Engagerr(Settings.load(home=cli.home, database={"url": clone.url()})) as engagerr:
        access = engagerr.workspace().payments.ledger._access
        tenant_id = access.tenant.id
        for day in range(3):
            with access.database.transaction(tenant_id) as session:
                outside, ann, us = (
                    account(session, tenant_id=tenant_id, kind=kind, party=party, currency="EUR")
                    for kind, party in (("outside", "stripe"), ("payable", "ann"), ("commission", "us"))
                )
                legs = [
                    Leg(outside, ann, Money(10_000, "EUR"), "fund"),
                    Leg(ann, us, Money(1_500, "EUR"), "commission"),
                ]
                post(
                    session, tenant_id=tenant_id, key=f"day {day}", subject=f"test:{day}", legs=legs, member_id=None,
                    now=WHEN + timedelta(days=day),
                )  # fmt: skip
    return cli


def test_empty_books_say_so(cli: CommandLine) -> None:
    assert "Nothing was booked yet." in cli("payment", "ledger").out
    assert "No accounts yet." in cli("payment", "balance").out
    assert cli.json("payment", "ledger") == {"transfers": [], "next": None}
    assert cli.json("payment", "verify")["sound"] is True


def test_the_ledger_is_listed_newest_first_with_the_names_of_its_accounts(books: CommandLine) -> None:
    document = books.json("payment", "ledger")
    newest = document["transfers"][0]
    assert (newest["source"], newest["destination"], newest["kind"]) == ("payable:ann", "commission:us", "commission")
    assert newest["amount"] == {"minor": 1500, "currency": "EUR"}
    assert [row["subject"] for row in document["transfers"]] == [
        "test:2",
        "test:2",
        "test:1",
        "test:1",
        "test:0",
        "test:0",
    ]
    assert "payable:ann" in books("payment", "ledger").out
    rows = list(csv.DictReader(io.StringIO(books("payment", "ledger", "--output", "csv").out)))
    assert [row["amount"] for row in rows] == ["15.00", "100.00"] * 3
    only = books.json("payment", "ledger", "--subject", "test:1")
    assert {row["subject"] for row in only["transfers"]} == {"test:1"}


def test_pages_go_on_where_the_last_one_ended(books: CommandLine) -> None:
    first = books.json("payment", "ledger", "--limit", 4)
    rest = books.json("payment", "ledger", "--limit", 4, "--after", first["next"])
    assert len(first["transfers"]) + len(rest["transfers"]) == 6
    assert rest["next"] is None
    assert "More: --after" in books("payment", "ledger", "-n", 4).out


def test_the_ledger_of_an_account_is_a_statement(books: CommandLine) -> None:
    whole = books.json("payment", "ledger", "payable:ann")
    assert [line["moved"]["minor"] for line in whole["lines"]] == [10_000, -1_500] * 3
    assert (whole["opening"]["minor"], whole["closing"]["minor"]) == (0, 25_500)
    part = books.json("payment", "ledger", "payable:ann", "--since", "2026-10-02", "--until", "2026-10-02")
    assert (part["opening"]["minor"], len(part["lines"]), part["closing"]["minor"]) == (8_500, 2, 17_000)
    drawn = books("payment", "ledger", "payable:ann").out
    assert "EUR 255.00" in drawn
    assert "-15.00" in drawn
    assert books("payment", "ledger", "--since", "2026-10-02", code=None).code != 0


def test_balances_are_shown_now_and_then(books: CommandLine) -> None:
    rows = {row["kind"]: row["posted"]["minor"] for row in books.json("payment", "balance")}
    assert rows == {"commission": 4_500, "outside": -30_000, "payable": 25_500}
    then = {row["kind"]: row["posted"]["minor"] for row in books.json("payment", "balance", "--at", "2026-10-01")}
    assert then == {"commission": 1_500, "outside": -10_000, "payable": 8_500}
    one = books.json("payment", "balance", "payable:ann", "--at", "2026-10-02")
    assert (one["posted"]["minor"], one["available"]["minor"], one["at"]) == (17_000, 17_000, "2026-10-03T00:00:00Z")
    assert "EUR 255.00" in books("payment", "balance", "payable").out
    assert [row["party"] for row in books.json("payment", "accounts", "--kind", "payable")] == ["ann"]
    assert "There is no account 'nobody' here." in books("payment", "balance", "nobody", code=None).err


def test_verify_says_that_the_books_are_sound_or_names_the_first_broken_row(books: CommandLine, clone: Clone) -> None:
    assert "The books are sound: 6 transfers, 3 accounts, 0 holds" in books("payment", "verify").out
    with clone.connect(SUPERUSER, autocommit=True) as superuser:
        superuser.execute("SET session_replication_role = replica")
        changed = superuser.execute(
            "UPDATE ledger_transfers SET amount_minor = 1 WHERE key = 'day 1' AND leg = 0 RETURNING id"
        ).fetchone()
    assert changed is not None
    answer = books("payment", "verify", code=None)
    assert answer.code != 0
    assert str(changed[0]) in answer.out
    assert "its accounts, amount, phase, kind or subject were changed" in answer.err
    document = books("payment", "verify", "--output", "json", code=None)
    assert document.document["sound"] is False
    assert document.document["breaks"][0]["transfer_id"] == str(changed[0])


def test_the_examples_work(books: CommandLine) -> None:
    examples = examples_in(books_verbs)
    assert len(examples) == 8
    for example in examples:
        assert books(*shlex.split(example)[1:]).out, example
