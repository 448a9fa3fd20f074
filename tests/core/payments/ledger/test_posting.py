"""Posting: what is booked, what is refused and how, and that a key stands for one request."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from engagerr import Workspace
from engagerr.core.errors import EngagerrError, InvalidInput
from engagerr.core.payments.ledger import (
    AlreadySettled,
    Expired,
    KeyReused,
    Leg,
    NotEnough,
    Order,
    account,
    balance,
    post_many,
)
from tests.core.payments.ledger.conftest import NOW, Books, books_of, euros


def test_a_posting_moves_money_and_says_what_it_wrote(books: Books) -> None:
    posting = books.post(
        "k", Leg(books.outside, books.ann, euros(1000), "fund"), Leg(books.ann, books.commission, euros(150), "fee"),
        effective_at=NOW - timedelta(days=1),
    )  # fmt: skip
    first, second = posting.transfers
    assert not posting.replayed
    assert (first.leg, second.leg) == (0, 1)
    assert second.sequence == first.sequence + 1
    assert first.amount == euros(1000)
    assert (first.source, first.destination, first.kind, first.subject) == (books.outside, books.ann, "fund", "test:1")
    assert (first.recorded_at, first.effective_at) == (NOW, NOW - timedelta(days=1))
    assert first.member_id is None
    assert books.held(books.ann) == (850, 0, 0)
    assert books.held(books.commission) == (150, 0, 0)
    assert books.held(books.outside) == (-1000, 0, 0)


@pytest.mark.parametrize("legs", [1, 3])
def test_the_same_key_with_the_same_request_is_answered_with_what_stands(books: Books, legs: int) -> None:
    asked = [Leg(books.outside, books.ann, euros(100 + number), "fund") for number in range(legs)]
    first = books.post("k", *asked)
    again = books.post("k", *asked, now=NOW + timedelta(days=3))
    assert (first.replayed, again.replayed) == (False, True)
    assert again.transfers == first.transfers
    assert books.held(books.ann)[0] == sum(leg.amount.minor for leg in asked)


def test_the_same_key_with_another_request_is_refused(books: Books) -> None:
    leg = Leg(books.outside, books.ann, euros(100), "fund")
    books.post("one", leg)
    books.post("two", leg, leg)
    others = {
        "amount": ("one", [Leg(books.outside, books.ann, euros(101), "fund")]),
        "account": ("one", [Leg(books.outside, books.ben, euros(100), "fund")]),
        "kind": ("one", [Leg(books.outside, books.ann, euros(100), "correction")]),
        "phase": ("one", [Leg(books.outside, books.ann, euros(100), "fund", "pending")]),
        "more legs": ("one", [leg, leg]),
        "fewer legs": ("two", [leg]),
        "another second leg": ("two", [leg, Leg(books.outside, books.ann, euros(1), "fund")]),
    }
    for what, (key, legs) in others.items():
        with pytest.raises(KeyReused) as refused:
            books.post(key, *legs)
        assert refused.value.facts["key"] == key, what
    with pytest.raises(KeyReused):
        books.post("one", leg, subject="test:2")
    assert books.held(books.ann) == (300, 0, 0)


def test_a_guarded_account_never_falls_below_zero(books: Books) -> None:
    books.fund(books.ann, 500)
    with pytest.raises(NotEnough) as refused:
        books.post("k", Leg(books.ann, books.outside, euros(501), "payout"))
    assert str(refused.value) == "The payable account of ann has EUR 5.00 to give, not EUR 5.01."
    assert refused.value.facts["available"] == 500
    books.post("k", Leg(books.ann, books.outside, euros(500), "payout"))
    assert books.held(books.ann) == (0, 0, 0)


def test_not_even_for_a_moment_within_one_posting(books: Books) -> None:
    """What comes in later in the same call does not pay for what went out before it."""
    out = Leg(books.ann, books.outside, euros(10), "payout")
    into = Leg(books.outside, books.ann, euros(10), "fund")
    with pytest.raises(NotEnough):
        books.post("k", out, into)
    books.post("k", into, out)
    assert books.held(books.ann) == (0, 0, 0)


def test_what_is_reserved_cannot_be_given_again(books: Books) -> None:
    books.fund(books.ann, 500)
    pending = books.post("p", Leg(books.ann, books.outside, euros(400), "payout", "pending")).transfers[0]
    assert books.held(books.ann) == (500, 0, 400)
    assert books.held(books.outside) == (-500, 400, 0)
    with pytest.raises(NotEnough):
        books.post("k", Leg(books.ann, books.outside, euros(101), "payout"))
    books.settle("v", [pending.id], "void")
    books.post("k", Leg(books.ann, books.outside, euros(101), "payout"))
    assert books.held(books.ann) == (399, 0, 0)


def test_less_can_be_posted_than_was_pending_and_the_rest_is_free(books: Books) -> None:
    books.fund(books.ann, 500)
    pending = books.post("p", Leg(books.ann, books.outside, euros(400), "payout", "pending")).transfers[0]
    settled = books.settle("s", [pending.id], "post", amounts={pending.id: 150}).transfers[0]
    assert (settled.phase, settled.pending_id, settled.amount) == ("post", pending.id, euros(150))
    assert (settled.source, settled.destination) == (books.ann, books.outside)
    assert books.held(books.ann) == (350, 0, 0)
    other = books.post("q", Leg(books.ann, books.outside, euros(10), "payout", "pending")).transfers[0]
    with pytest.raises(InvalidInput, match="No more can be posted"):
        books.settle("t", [other.id], "post", amounts={other.id: 11})


@pytest.mark.parametrize("first", ["post", "void"])
@pytest.mark.parametrize("second", ["post", "void"])
def test_what_is_pending_is_settled_once(books: Books, first: str, second: str) -> None:
    pending = books.post("p", Leg(books.outside, books.ann, euros(400), "fund", "pending")).transfers[0]
    settled = books.settle("first", [pending.id], first)
    with pytest.raises(AlreadySettled):
        books.settle("second", [pending.id], second)
    assert books.settle("first", [pending.id], first) == type(settled)("first", True, settled.transfers)
    assert books.held(books.ann) == (400 if first == "post" else 0, 0, 0)


def test_what_lapsed_can_only_expire_and_not_before_its_time(books: Books) -> None:
    until = NOW + timedelta(days=7)
    leg = Leg(books.outside, books.ann, euros(400), "fund", "pending", expires_at=until)
    pending = books.post("p", leg).transfers[0]
    assert pending.expires_at == until
    with pytest.raises(Expired):
        books.settle("early", [pending.id], "expire", now=until - timedelta(seconds=1))
    with pytest.raises(Expired):
        books.settle("late", [pending.id], "post", now=until)
    books.settle("over", [pending.id], "expire", now=until)
    assert books.held(books.ann) == (0, 0, 0)


def test_several_pending_transfers_are_settled_together(books: Books) -> None:
    pending = books.post(
        "p", *(Leg(books.outside, books.ann, euros(n), "fund", "pending") for n in (1, 2, 3))
    ).transfers
    books.settle("s", [one.id for one in pending], "post", amounts={pending[1].id: 1})
    assert books.held(books.ann) == (5, 0, 0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"amount": 0}, "at least one minor unit"),
        ({"amount": -1}, "at least one minor unit"),
        ({"destination": "source"}, "two different accounts"),
        ({"currency": "USD"}, "one of both its accounts"),
        ({"kind": "present"}, "no kind of transfer"),
        ({"phase": "maybe"}, "A phase is"),
        ({"phase": "post"}, "names the pending transfer"),
        ({"source": uuid4()}, "no such source account"),
        ({"destination": uuid4()}, "no such destination account"),
        ({"expires": True}, "Only a pending transfer lapses"),
    ],
)
@pytest.mark.parametrize("beside", [0, 1])
def test_what_cannot_be_is_refused_in_words(books: Books, change: dict[str, object], says: str, beside: int) -> None:
    """Alone and beside a good leg: there are two ways through the database."""
    from engagerr.core.money import Money

    ends = {"source": books.outside, "destination": books.ann} | {
        name: value for name, value in change.items() if isinstance(value, UUID)
    }
    if change.get("destination") == "source":
        ends["destination"] = ends["source"]
    leg = Leg(
        ends["source"], ends["destination"],
        Money(int(str(change.get("amount", 100))), str(change.get("currency", "EUR"))),
        str(change.get("kind", "fund")), str(change.get("phase", "single")),
        expires_at=NOW + timedelta(days=1) if change.get("expires") else None,
    )  # fmt: skip
    good = [Leg(books.outside, books.ben, euros(5), "fund")] * beside
    with pytest.raises(InvalidInput, match=says):
        books.post("k", *good, leg)
    assert books.held(books.ben) == (0, 0, 0)


@pytest.mark.parametrize("beside", [0, 1])
def test_a_settlement_keeps_to_the_accounts_of_what_is_pending(books: Books, beside: int) -> None:
    pending = books.post("p", Leg(books.outside, books.ann, euros(400), "fund", "pending")).transfers[0]
    good = [Leg(books.outside, books.ben, euros(5), "fund")] * beside
    elsewhere = Leg(books.outside, books.ben, euros(400), "fund", "post", pending.id)
    with pytest.raises(InvalidInput, match="between the same accounts"):
        books.post("k", *good, elsewhere)
    with pytest.raises(InvalidInput, match="no such pending"):
        books.post("k", *good, Leg(books.outside, books.ann, euros(400), "fund", "post", uuid4()))
    not_pending = books.fund(books.ann, 3).transfers[0]
    with pytest.raises(InvalidInput, match="names the pending transfer"):
        books.post("k", *good, Leg(books.outside, books.ann, euros(3), "fund", "post", not_pending.id))


def test_a_refused_posting_leaves_nothing(books: Books) -> None:
    with pytest.raises(EngagerrError):
        books.post("k", Leg(books.outside, books.ann, euros(10), "fund"), Leg(books.ben, books.ann, euros(1), "fund"))
    assert books.held(books.ann) == (0, 0, 0)
    assert not books.post("k", Leg(books.outside, books.ann, euros(10), "fund")).replayed


# Few keys are looked up before anything is written, many are not.
SIZES = pytest.mark.parametrize("count", [3, 40])


def batch(books: Books, orders: list[Order]) -> dict[str, bool]:
    with books.access.database.transaction(books.tenant_id) as session:
        return post_many(session, tenant_id=books.tenant_id, orders=orders, now=NOW)


def funds(books: Books, count: int, minor: int = 2) -> list[Order]:
    """So many orders, k0 and on, of two legs each."""
    legs = [Leg(books.outside, books.ann, euros(minor), "fund"), Leg(books.ann, books.commission, euros(1), "fee")]
    return [Order(f"k{number}", "test:1", legs, effective_at=None) for number in range(count)]


@SIZES
def test_a_batch_says_which_keys_stood_before(books: Books, count: int) -> None:
    orders = funds(books, count)
    books.post("k1", *orders[1].legs)
    assert batch(books, orders) == {order.key: order.key == "k1" for order in orders}
    assert books.held(books.ann) == (count, 0, 0)
    assert set(batch(books, orders).values()) == {True}
    assert books.held(books.ann) == (count, 0, 0)
    assert batch(books, []) == {}


@SIZES
def test_a_batch_with_a_reused_key_is_refused_whole(books: Books, count: int) -> None:
    orders = funds(books, count)
    books.post("k1", *orders[1].legs)
    with pytest.raises(KeyReused):
        batch(books, funds(books, count, minor=3))
    with pytest.raises(KeyReused):
        batch(books, [*orders, Order("k1", "test:1", orders[1].legs)])
    assert books.held(books.ann) == (1, 0, 0)


@SIZES
def test_a_batch_that_stands_is_answered_though_it_could_not_be_posted_now(books: Books, count: int) -> None:
    books.fund(books.ann, 5 * count)
    orders = [
        Order(f"k{number}", "test:1", [Leg(books.ann, books.ben, euros(5), "release")]) for number in range(count)
    ]
    assert set(batch(books, orders).values()) == {False}
    assert books.held(books.ann) == (0, 0, 0)
    assert set(batch(books, orders).values()) == {True}
    with pytest.raises(NotEnough):
        batch(books, [*orders, Order("more", "test:1", orders[0].legs)])
    assert books.held(books.ben) == (5 * count, 0, 0)


@SIZES
def test_legs_of_a_key_count_on_wherever_they_stand_in_a_batch(books: Books, count: int) -> None:
    apart = [
        Order(f"k{number % 2}", "test:1", [Leg(books.outside, books.ann, euros(2), "fund")]) for number in range(count)
    ]
    batch(books, apart)
    assert books.held(books.ann) == (2 * count, 0, 0)
    assert set(batch(books, apart).values()) == {True}


def test_books_never_run_backwards(books: Books) -> None:
    later = NOW + timedelta(hours=1)
    books.fund(books.ann, 1, key="a", now=later)
    early = books.fund(books.ann, 1, key="b", now=NOW).transfers[0]
    assert (early.recorded_at, early.effective_at) == (later, NOW)


def test_an_account_is_opened_once_and_has_one_currency(books: Books) -> None:
    assert books.open("payable", "ann") == books.ann
    assert books.open("payable", "ann", "USD") != books.ann
    for kind, party, currency in (("pocket", "ann", "EUR"), ("payable", "", "EUR"), ("payable", "ann", "eur")):
        with pytest.raises(InvalidInput, match="There can be no"):
            books.open(kind, party, currency)


def test_another_tenants_accounts_and_pendings_read_like_nothing(books: Books, other_workspace: Workspace) -> None:
    theirs = books_of(other_workspace)
    pending = theirs.post("p", Leg(theirs.outside, theirs.ann, euros(400), "fund", "pending")).transfers[0]
    with pytest.raises(InvalidInput, match="no such source"):
        books.post("k", Leg(theirs.outside, books.ann, euros(1), "fund"))
    with pytest.raises(InvalidInput, match="no such pending"):
        books.settle("s", [pending.id], "post")
    assert books.post("p", Leg(books.outside, books.ann, euros(1), "fund")).replayed is False
    with books.access.database.transaction(books.tenant_id) as session, pytest.raises(EngagerrError):
        balance(session, tenant_id=books.tenant_id, account_id=theirs.ann)
    # Not even with their id in hand.
    with pytest.raises(EngagerrError), books.access.database.transaction(books.tenant_id) as session:
        account(session, tenant_id=theirs.tenant_id, kind="payable", party="new", currency="EUR")
