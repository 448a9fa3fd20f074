"""Balances now and at any moment, and statements in pages."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from engagerr.core.payments.ledger import Leg, Order, account, post_many
from tests.core.payments.ledger.conftest import NOW, Books, euros
from tests.factories import colleague


def day(number: int) -> datetime:
    return NOW + timedelta(days=number)


@pytest.fixture
def ledger_of_a_week(books: Books) -> Books:
    for number in range(7):
        books.fund(books.ann, 100 + number, key=f"in {number}", now=day(number))
        books.post(f"out {number}", Leg(books.ann, books.commission, euros(10), "commission"), now=day(number))
    return books


def test_the_balance_of_any_moment_is_what_was_booked_until_then(ledger_of_a_week: Books) -> None:
    books = ledger_of_a_week
    assert books.held(books.ann, NOW - timedelta(seconds=1)) == (0, 0, 0)
    assert books.held(books.ann, day(0)) == (90, 0, 0)
    assert books.held(books.ann, day(2)) == (273, 0, 0)
    assert books.held(books.ann, day(2) + timedelta(hours=23)) == (273, 0, 0)
    assert books.held(books.commission, day(3)) == (40, 0, 0)
    assert books.held(books.ann, day(400)) == books.held(books.ann)


def test_what_was_pending_then_is_told_as_pending(books: Books) -> None:
    pending = books.post("p", Leg(books.outside, books.ann, euros(70), "fund", "pending")).transfers[0]
    books.settle("s", [pending.id], "post", now=day(3))
    assert books.held(books.ann, day(1)) == (0, 70, 0)
    assert books.held(books.ann, day(3)) == (70, 0, 0)


def test_an_account_is_named_by_kind_party_and_currency_or_by_its_id(books: Books, workspace: Workspace) -> None:
    ledger = workspace.payments.ledger
    for word in ("payable:ann", "payable:ann:EUR", str(books.ann), books.ann, str(books.ann)[-12:]):
        assert ledger.balance(word).account.id == books.ann
    with pytest.raises(Conflict, match="names 2 accounts: payable:ann:EUR, payable:ben:EUR"):
        ledger.balance("payable")
    for word in ("payable:an", "nobody", str(uuid4())):
        with pytest.raises(NotFound, match="There is no account"):
            ledger.balance(word)


def test_accounts_are_listed_with_what_they_hold(ledger_of_a_week: Books, workspace: Workspace) -> None:
    rows = workspace.payments.ledger.accounts()
    assert [row.account.name for row in rows] == [
        "commission:us:EUR", "outside:stripe:EUR", "payable:ann:EUR", "payable:ben:EUR",
    ]  # fmt: skip
    assert [row.balance.posted.minor for row in rows] == [70, -721, 651, 0]
    assert [row.account.party for row in workspace.payments.ledger.accounts(kind="payable")] == ["ann", "ben"]


@pytest.mark.parametrize("limit", [1, 2, 3, 13, 14, 100])
def test_a_statement_opens_where_the_page_before_closed(
    ledger_of_a_week: Books, workspace: Workspace, limit: int
) -> None:
    lines, after, closing = [], None, euros(0)
    while True:
        page = workspace.payments.ledger.statement("payable:ann", after=after, limit=limit)
        assert page.opening == closing
        assert page.opening.minor + sum(line.moved.minor for line in page.lines) == page.closing.minor
        assert len(page.lines) <= limit
        lines += page.lines
        after, closing = page.next, page.closing
        if after is None:
            break
    assert [line.moved.minor for line in lines] == [part for n in range(7) for part in (100 + n, -10)]
    assert [line.other for line in lines[:2]] == ["outside:stripe", "commission:us"]
    assert closing == euros(651)


def test_a_statement_of_a_period_opens_with_what_was_before(ledger_of_a_week: Books, workspace: Workspace) -> None:
    page = workspace.payments.ledger.statement("payable:ann", since=day(2), until=day(4))
    assert page.opening == euros(181)
    assert [line.transfer.recorded_at for line in page.lines] == [day(2), day(2), day(3), day(3)]
    assert page.closing == euros(181 + 92 + 93)
    empty = workspace.payments.ledger.statement("payable:ann", since=day(100))
    assert (empty.opening, empty.lines, empty.closing, empty.next) == (euros(651), (), euros(651), None)


def test_a_busy_account_reads_as_one_whatever_lanes_its_transfers_took(books: Books, workspace: Workspace) -> None:
    """Every open transaction holds a lane of its own, so three at once take three."""
    database, tenant_id = books.access.database, books.tenant_id
    others = [books.open("payable", f"payee {number}") for number in range(3)]
    for number, other in enumerate(others):
        books.fund(other, 1000, key=f"fund {number}")
    for now in (day(1), day(2)):
        with (
            database.transaction(tenant_id) as one, database.transaction(tenant_id) as two,
            database.transaction(tenant_id) as three,
        ):  # fmt: skip
            for session, other in zip((one, two, three), others, strict=True):
                orders = [
                    Order(f"{now}{other}{n}", "test:1", [Leg(other, books.commission, euros(1 + n), "commission")])
                    for n in range(4)
                ]
                post_many(session, tenant_id=tenant_id, orders=orders, now=now)
    assert books.held(books.commission) == (60, 0, 0)
    assert books.held(books.commission, day(1)) == (30, 0, 0)
    seen, after = [], None
    while True:
        page = workspace.payments.ledger.statement("commission:us", after=after, limit=5)
        seen += page.lines
        after = page.next
        if after is None:
            break
    assert len({line.transfer.lane for line in seen}) == 3
    assert [line.balance.minor for line in seen][-1] == 60
    assert len({line.transfer.id for line in seen}) == len(seen) == 24
    assert [line.transfer.recorded_at for line in seen] == sorted(line.transfer.recorded_at for line in seen)


def test_all_transfers_are_read_newest_first_in_pages(ledger_of_a_week: Books, workspace: Workspace) -> None:
    ledger = workspace.payments.ledger
    rows, after = [], None
    while True:
        page = ledger.transfers(after=after, limit=4)
        rows += page.transfers
        after = page.next
        if after is None:
            break
    assert [row.key for row in rows] == [f"{way} {n}" for n in reversed(range(7)) for way in ("out", "in")]
    of_subject = ledger.transfers(subject="test:1", limit=10)
    rest = ledger.transfers(subject="test:1", limit=10, after=of_subject.next)
    assert [*of_subject.transfers, *rest.transfers] == rows
    assert rest.next is None
    assert ledger.transfers(subject="nothing").transfers == ()


@pytest.mark.parametrize("after", ["", "x", "1|2", "2026-11-01|a|b", "٣", "1:2:3"])
def test_what_is_no_cursor_is_refused(books: Books, workspace: Workspace, after: str) -> None:
    ledger = workspace.payments.ledger
    books.fund(books.ann, 1)
    for read in (
        lambda: ledger.statement("payable:ann", after=after or "?"),
        lambda: ledger.transfers(after=after or "?"),
        lambda: ledger.transfers(subject="test:1", after=after or "?"),
    ):
        with pytest.raises(InvalidInput, match="no end of a page"):
            read()
    for limit in (0, 1001):
        with pytest.raises(InvalidInput, match="A page has"):
            ledger.transfers(limit=limit)


def test_the_books_are_read_by_those_who_may(books: Books, workspace: Workspace, engagerr: Engagerr) -> None:
    viewer = colleague(workspace, engagerr, "viewer").payments.ledger
    finance = colleague(workspace, engagerr, "finance").payments.ledger
    for read in (viewer.accounts, viewer.transfers, viewer.verify, lambda: viewer.balance("payable:ann")):
        with pytest.raises(Forbidden):
            read()
    assert finance.verify().sound


def test_an_account_that_is_opened_twice_at_once_is_one(books: Books) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def opened(_: int) -> object:
        with books.access.database.transaction(books.tenant_id) as session:
            return account(session, tenant_id=books.tenant_id, kind="payable", party="new", currency="EUR")

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(opened, range(8)))) == 1
