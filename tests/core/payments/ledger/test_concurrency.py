"""Many at once: one effect a key, nothing lost, nothing below zero, and whoever dies leaves nothing half done."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from engagerr import Workspace
from engagerr.core.errors import Conflict, EngagerrError
from engagerr.core.payments.ledger import AlreadySettled, KeyReused, Leg, NotEnough
from tests.core.payments.ledger.conftest import NOW, Books, euros
from tests.factories import in_tenant
from tests.fakes.cluster import SUPERUSER, Clone, Connection

THREADS = 8


def at_once(what: Callable[[int], Any], times: int = THREADS) -> list[Any]:
    """What each thread got: what it returned, or the error of ours that it met. They begin together."""
    gate = threading.Barrier(THREADS)

    def one(number: int) -> Any:
        gate.wait(30)
        try:
            return what(number)
        except EngagerrError as error:
            return error

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(one, range(times)))


@pytest.fixture
def books(books: Books, workspace: Workspace) -> Books:
    """The pool of a workspace has fewer connections than there are threads; they wait for each other there."""
    assert workspace is not None
    return books


@pytest.mark.parametrize("legs", [1, 2])
def test_one_key_posted_by_many_is_posted_once(books: Books, legs: int) -> None:
    asked = [Leg(books.outside, books.ann, euros(100), "fund")] * legs
    got = at_once(lambda _: books.post("k", *asked))
    assert sorted(posting.replayed for posting in got) == [False] + [True] * (THREADS - 1)
    assert len({posting.transfers for posting in got}) == 1
    assert books.held(books.ann) == (100 * legs, 0, 0)


def test_one_key_between_accounts_that_are_not_guarded_is_posted_once(books: Books) -> None:
    got = at_once(lambda _: books.post("k", Leg(books.outside, books.commission, euros(7), "fund")))
    assert sorted(posting.replayed for posting in got) == [False] + [True] * (THREADS - 1)
    assert books.held(books.commission) == (7, 0, 0)


def test_one_key_for_different_requests_stands_for_one_of_them(books: Books) -> None:
    got = at_once(lambda number: books.post("k", Leg(books.outside, books.ann, euros(100 + number), "fund")))
    refused = [error for error in got if isinstance(error, EngagerrError)]
    assert len(refused) == THREADS - 1
    assert all(isinstance(error, KeyReused) for error in refused)


def test_what_is_there_once_is_given_once(books: Books) -> None:
    books.fund(books.ann, 100)
    got = at_once(lambda number: books.post(f"k{number}", Leg(books.ann, books.outside, euros(60), "payout")))
    assert len([error for error in got if isinstance(error, NotEnough)]) == THREADS - 1
    assert books.held(books.ann) == (40, 0, 0)


def test_what_is_pending_is_settled_by_one(books: Books) -> None:
    pending = books.post("p", Leg(books.outside, books.commission, euros(10), "fund", "pending")).transfers[0]
    got = at_once(lambda number: books.settle(f"s{number}", [pending.id], "post" if number % 2 else "void"))
    won = [posting for posting in got if not isinstance(posting, EngagerrError)]
    assert len(won) == 1
    assert all(isinstance(error, AlreadySettled) for error in got if isinstance(error, EngagerrError))


def test_transfers_across_each_other_do_not_block_each_other_for_good(books: Books, workspace: Workspace) -> None:
    books.fund(books.ann, 1000, key="ann")
    books.fund(books.ben, 1000, key="ben")

    def across(number: int) -> None:
        ends = (books.ann, books.ben) if number % 2 else (books.ben, books.ann)
        for turn in range(10):
            legs = [Leg(*ends, euros(1), "release"), Leg(ends[1], books.commission, euros(1), "commission")]
            books.post(f"{number}.{turn}", *legs[: 1 + turn % 2])

    assert at_once(across) == [None] * THREADS
    assert books.held(books.commission) == (THREADS * 5, 0, 0)
    assert workspace.payments.ledger.verify().sound


def test_posters_of_a_busy_account_do_not_wait_for_each_other(books: Books, clone: Clone) -> None:
    """A transaction that has posted to the commission stays open, and others post to it meanwhile."""
    books.fund(books.ann, 1000, key="ann")
    books.fund(books.ben, 1000, key="ben")
    with clone.connect() as holder, in_tenant(holder, books.tenant_id):
        leg = {
            "key": "held", "source": str(books.ann), "destination": str(books.commission), "currency": "EUR",
            "amount": 1, "kind": "commission", "subject": "test:1",
        }  # fmt: skip
        holder.execute("SELECT engagerr_post(%s, %s, now())", [books.tenant_id, json.dumps([leg])])
        books.post("meanwhile", Leg(books.ben, books.commission, euros(2), "commission"))
        assert books.held(books.commission) == (2, 0, 0)
    assert books.held(books.commission) == (3, 0, 0)


def test_more_than_sixteen_at_once_wait_for_a_lane_and_get_it(books: Books, clone: Clone, workspace: Workspace) -> None:
    holders: list[Connection] = []
    try:
        for number in range(16):
            holder = clone.connect(autocommit=False)
            holders.append(holder)
            holder.execute("SELECT set_config('engagerr.tenant_id', %s, true)", [str(books.tenant_id)])
            leg = {
                "key": f"k{number}", "source": str(books.outside), "destination": str(books.commission),
                "currency": "EUR", "amount": 1, "kind": "fund", "subject": "test:1",
            }  # fmt: skip
            holder.execute("SELECT engagerr_post(%s, %s, now())", [books.tenant_id, json.dumps([leg])])
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(books.post, "late", Leg(books.outside, books.commission, euros(1), "fund"))
            assert not waiting.done()
            for holder in holders:
                holder.commit()
            assert not waiting.result(30).replayed
    finally:
        for holder in holders:
            holder.close()
    assert books.held(books.commission) == (17, 0, 0)
    found = workspace.payments.ledger.verify()
    assert (found.sound, found.transfers) == (True, 17)
    assert {row.lane for row in workspace.payments.ledger.transfers().transfers} == set(range(16))


@pytest.mark.parametrize("size", [1, 50])
def test_a_backend_that_is_killed_in_the_middle_leaves_nothing(
    books: Books, clone: Clone, workspace: Workspace, size: int
) -> None:
    legs = [
        {"key": f"k{number}", "source": str(books.outside), "destination": str(books.ann), "currency": "EUR",
         "amount": 1, "kind": "fund", "subject": "test:1"} for number in range(size)
    ]  # fmt: skip
    dying = clone.connect(autocommit=False)
    dying.execute("SELECT set_config('engagerr.tenant_id', %s, true)", [str(books.tenant_id)])
    dying.execute("SELECT engagerr_post(%s, %s, now())", [books.tenant_id, json.dumps(legs)])
    with clone.connect(SUPERUSER, autocommit=True) as superuser:
        superuser.execute("SELECT pg_terminate_backend(%s, 10000)", [dying.info.backend_pid])
    with pytest.raises(psycopg.OperationalError):
        dying.commit()
    assert books.held(books.ann) == (0, 0, 0)
    asked = [Leg(books.outside, books.ann, euros(1), "fund")]
    assert not books.post("k0", *asked, now=NOW).replayed
    assert books.held(books.ann) == (1, 0, 0)
    assert workspace.payments.ledger.verify().sound


def test_a_reused_key_is_a_conflict(books: Books) -> None:
    books.fund(books.ann, 1)
    with pytest.raises(Conflict):
        books.fund(books.ann, 2)
