"""Statements: the opening and the movements come to the closing, on every page and in every file."""

from __future__ import annotations

import csv
import io
import json

import pytest
from engagerr import Money
from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.payments.reconciling.statement_files import as_csv
from tests.core.payments.conftest import Hands
from tests.core.payments.reconciliation.two_books import Provider, TwoBooks, access_of
from tests.fakes.clock import SteeredClock

# The clock of a test begins on 2026-11-01.
MONTH = "2026-11"


def eur(amount: str) -> Money:
    return Money.parse(amount, "EUR")


@pytest.fixture
def ann(money: Hands) -> str:
    """Ann was released 400.00, and 100.00 of it were taken back in December."""
    creator = money.payee("Ann Lee", state="pending")
    account = money.work.payments.payees.show("Ann Lee").account
    money.control(f"accounts/{account}", state="active")
    money.work.payments.payees.refresh("Ann Lee")
    hold = money.hold((f"creator:{creator}", 8), ("commission", 2), amount="500.00")
    money.paid(hold)
    money.work.payments.holds.release(hold.id)
    return str(hold.id)


def test_a_payees_month_opens_with_nothing_and_closes_with_what_they_have(money: Hands, ann: str) -> None:
    page = money.work.payments.statements.show("ann lee", month=MONTH)
    assert (page.opening, page.came_in, page.went_out, page.closing) == (eur("0"), eur("400"), eur("0"), eur("400"))
    assert [(line.words, line.about, line.amount, line.moved, line.balance) for line in page.lines] == [
        ("Released", "Trail video 1", eur("400"), eur("400"), eur("400")),
        ("Transferred to the account at the provider", "Trail video 1", eur("0"), eur("400"), eur("400")),
    ]
    assert {side.account: (side.opening, side.closing) for side in page.sides} == {
        "released, with us": (eur("0"), eur("0")), "in the account at the provider": (eur("0"), eur("400")),
    }  # fmt: skip


def test_the_next_month_opens_with_what_the_last_closed_with(money: Hands, ann: str, clock: SteeredClock) -> None:
    clock.advance(days=35)
    money.work.payments.holds.recall(ann, amount=eur("100.00"), reason="half of it was wrong")
    statements = money.work.payments.statements
    november, december = statements.show("Ann Lee", month=MONTH), statements.show("Ann Lee")
    assert (november.complete, december.month, december.complete) == (True, "2026-12", False)
    assert december.opening == november.closing == eur("400.00")
    assert (december.went_out, december.closing) == (eur("80.00"), eur("320.00"))


def test_customers_and_we_ourselves_have_statements_too(money: Hands, ann: str) -> None:
    statements = money.work.payments.statements
    assert [(one.kind, one.name) for one in statements.parties()] == [
        ("payee", "Ann Lee"), ("customer", "Trailpeak"), ("workspace", "Northlight"),
    ]  # fmt: skip
    held = statements.show("Trailpeak", month=MONTH)
    assert [(line.words, line.amount) for line in held.lines[:1]] == [("Paid in", eur("500.00"))]
    assert held.closing == eur("0")
    ours = statements.show("Northlight", month=MONTH)
    assert {line.words for line in ours.lines} == {"Commission", "Fee of the provider"}
    assert ours.closing == ours.opening + ours.came_in - ours.went_out == eur("92.25")


def test_pages_carry_the_balance_on(workspace_books: TwoBooks, clock: SteeredClock) -> None:
    for amount in (500, 300, 200, 100, 50):
        workspace_books.book(f"act:{amount}", ("outside", "stripe", "revenue", "deals", amount))
        clock.advance(minutes=1)
    statements = workspace_books.workspace.payments.statements
    whole = statements.show("Northlight", month=MONTH)
    seen, after = [], None
    while True:
        page = statements.show("Northlight", month=MONTH, after=after, limit=2)
        assert (page.opening, page.closing, page.movements) == (whole.opening, whole.closing, 5)
        seen += page.lines
        after = page.after
        if after is None:
            break
    assert tuple(seen) == whole.lines
    assert whole.lines[-1].balance == whole.closing == Money(1150, "EUR")


def test_currencies_are_never_added(workspace_books: TwoBooks) -> None:
    workspace_books.book("euros", ("outside", "stripe", "revenue", "deals", 500))
    workspace_books.book("dollars", ("outside", "stripe", "revenue", "deals", 700), currency="USD")
    statements = workspace_books.workspace.payments.statements
    with pytest.raises(InvalidInput, match="EUR, USD"):
        statements.show("Northlight", month=MONTH)
    assert statements.show("Northlight", month=MONTH, currency="usd").closing == Money(700, "USD")


@pytest.mark.parametrize("month", ["2026-13", "November", "2026-1-1", ""])
def test_what_is_no_month_is_refused(money: Hands, ann: str, month: str) -> None:
    with pytest.raises(InvalidInput, match="is no month"):
        money.work.payments.statements.show("Ann Lee", month=month or " ")


def test_months_to_come_and_strangers_have_no_statement(money: Hands, ann: str) -> None:
    with pytest.raises(InvalidInput, match="has not begun"):
        money.work.payments.statements.show("Ann Lee", month="2027-01")
    with pytest.raises(NotFound, match="nobody called 'Bea Ott'"):
        money.work.payments.statements.show("Bea Ott")
    with pytest.raises(InvalidInput, match="no place to go on from"):
        money.work.payments.statements.show("Ann Lee", after="page 2")


def test_files_say_the_same_and_are_the_same_bytes_every_time(money: Hands, ann: str) -> None:
    statements = money.work.payments.statements
    page = statements.show("Ann Lee", month=MONTH)
    made = {kind: statements.file("Ann Lee", month=MONTH, format=kind) for kind in ("pdf", "csv", "json")}
    assert made == {kind: statements.file("Ann Lee", month=MONTH, format=kind) for kind in made}
    assert made["pdf"].startswith(b"%PDF-")
    rows = list(csv.DictReader(io.StringIO(made["csv"].decode())))
    assert [row["balance"] for row in rows] == ["0.00", "400.00", "400.00", "400.00"]
    assert sum(float(row["amount"] or 0) for row in rows) == 400.0
    document = json.loads(made["json"])
    assert document["closing"] == {"minor": page.closing.minor, "currency": "EUR"}
    assert [line["what"] for line in document["movements"]] == [line.words for line in page.lines]
    with pytest.raises(InvalidInput, match="no format 'xlsx'"):
        statements.file("Ann Lee", month=MONTH, format="xlsx")


def test_a_title_that_a_spreadsheet_would_run_stays_words(money: Hands, ann: str) -> None:
    from dataclasses import replace

    page = money.work.payments.statements.show("Ann Lee", month=MONTH)
    harmful = replace(page, lines=(replace(page.lines[0], about='=HYPERLINK("x")'),))
    assert "'=HYPERLINK" in as_csv(harmful, "Northlight").decode()


@pytest.fixture
def workspace_books(money: Hands, clock: SteeredClock) -> TwoBooks:
    """Books in which only acts of ours are written."""
    return TwoBooks(money.work, Provider(clock.now(), access_of(money.work).tenant.id))
