"""The proof of the books: sound books are sound, and whatever somebody with every right does to a row is found."""

from __future__ import annotations

from datetime import timedelta

import pytest
from engagerr import Workspace
from engagerr.core.payments.ledger import Leg, verifying
from engagerr.core.payments.ledger.verifying import Break, Verdict
from tests.core.payments.ledger.conftest import NOW, Books, books_of, euros
from tests.fakes.cluster import SUPERUSER, Clone


@pytest.fixture
def full(books: Books) -> Books:
    """Ten transfers of every phase, in one lane."""
    for number in range(4):
        books.fund(books.ann, 100, key=f"fund {number}", now=NOW + timedelta(days=number))
    first, second = books.post(
        "pending", *(Leg(books.ann, books.ben, euros(30), "release", "pending") for _ in range(2)),
        now=NOW + timedelta(days=5),
    ).transfers  # fmt: skip
    books.settle("post", [first.id], "post", now=NOW + timedelta(days=6), amounts={first.id: 20})
    books.settle("void", [second.id], "void", now=NOW + timedelta(days=6))
    books.post("fee", Leg(books.ann, books.commission, euros(50), "commission"), now=NOW + timedelta(days=7))
    books.post("out", Leg(books.ben, books.outside, euros(5), "payout"), now=NOW + timedelta(days=8))
    return books


def verdict(workspace: Workspace) -> Verdict:
    return workspace.payments.ledger.verify()


def tamper(clone: Clone, *statements: str) -> None:
    """As a superuser for whom no trigger fires."""
    with clone.connect(SUPERUSER, autocommit=True) as superuser:
        superuser.execute("SET session_replication_role = replica")
        for statement in statements:
            superuser.execute(statement)


def test_sound_books_are_sound(full: Books, workspace: Workspace, other_workspace: Workspace) -> None:
    theirs = books_of(other_workspace)
    theirs.fund(theirs.ann, 5)
    found = verdict(workspace)
    assert found.sound
    assert (found.transfers, found.accounts, found.holds) == (10, 4, 0)
    assert verdict(other_workspace).transfers == 1


def test_empty_books_are_sound(workspace: Workspace) -> None:
    assert verdict(workspace) == Verdict(transfers=0, accounts=0, lanes=0, holds=0, breaks=())


@pytest.mark.parametrize("rows_at_once", [1, 3, 10, 11])
def test_chains_are_read_in_parts(full: Books, workspace: Workspace, rows_at_once: int, clone: Clone) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verifying, "_ROWS_AT_ONCE", rows_at_once)
        patch.setattr(verifying, "_ENTRIES_AT_ONCE", rows_at_once)
        assert verdict(workspace).transfers == 10
        assert verdict(workspace).sound
        tamper(clone, "UPDATE ledger_transfers SET member_id = uuidv7() WHERE sequence = 4")
        assert first_break(verdict(workspace)).sequence == 4


def first_break(found: Verdict) -> Break:
    assert not found.sound
    return found.breaks[0]


TAMPERED = {
    "amount": ("UPDATE ledger_transfers SET amount_minor = 101 WHERE sequence = 3", "chain", 3),
    "destination": (
        "UPDATE ledger_transfers SET destination_id = (SELECT id FROM ledger_accounts WHERE party = 'ben')"
        " WHERE sequence = 2", "chain", 2,
    ),
    "kind": ("UPDATE ledger_transfers SET kind = 'refund' WHERE sequence = 9", "chain", 9),
    "subject": ("UPDATE ledger_transfers SET subject = 'hold:2' WHERE sequence = 5", "chain", 5),
    "key": ("UPDATE ledger_transfers SET key = 'other' WHERE sequence = 1", "chain", 1),
    "leg": ("UPDATE ledger_transfers SET leg = 3 WHERE sequence = 6", "chain", 6),
    "time": ("UPDATE ledger_transfers SET recorded_at = recorded_at + interval '1 s' WHERE sequence = 4", "chain", 4),
    "effective time": ("UPDATE ledger_transfers SET effective_at = '2020-01-01' WHERE sequence = 4", "chain", 4),
    "member": ("UPDATE ledger_transfers SET member_id = uuidv7() WHERE sequence = 8", "chain", 8),
    "hash": ("UPDATE ledger_transfers SET hash = sha256('x') WHERE sequence = 7", "chain", 7),
    "a whole new hash": (
        "UPDATE ledger_transfers SET amount_minor = 99, request_hash = engagerr_request_hash(source_id,"
        " destination_id, currency, 99, phase, pending_id, expires_at, kind, subject) WHERE sequence = 2", "chain", 2,
    ),
    "a row lost": ("DELETE FROM ledger_transfers WHERE sequence = 5", "chain", 5),
    "the first row lost": ("DELETE FROM ledger_transfers WHERE sequence = 1", "chain", 1),
    "the end cut off": ("DELETE FROM ledger_transfers WHERE sequence >= 9", "end", 9),
    "everything lost": ("DELETE FROM ledger_transfers", "end", 1),
    "another lane": ("UPDATE ledger_transfers SET lane = (lane + 1) % 16 WHERE sequence = 10", "chain", 10),
    "the end on record": ("UPDATE ledger_lanes SET hash = sha256('x') WHERE sequence > 0", "end", 10),
    "the end taken away": ("DELETE FROM ledger_lanes", "end", 10),
    "the balance after it": ("UPDATE ledger_transfers SET source_posted = 7 WHERE sequence = 8", "running", 8),
    "what was pending after it": (
        "UPDATE ledger_transfers SET destination_pending_in = 7 WHERE sequence = 5", "running", 5,
    ),
    "its version": ("UPDATE ledger_transfers SET source_version = 40 WHERE sequence = 9", "running", 9),
    "its lane of balances": (
        "UPDATE ledger_transfers SET destination_lane = (destination_lane + 1) % 16 WHERE sequence = 9", "running", 9,
    ),
    "what stands now": ("UPDATE ledger_balances SET posted = posted + 1 WHERE guarded AND posted > 300", "running", 9),
    "what stands pending": ("UPDATE ledger_balances SET pending_in = 1 WHERE NOT guarded AND posted > 0", "running", 9),
}  # fmt: skip


@pytest.mark.parametrize("what", TAMPERED)
def test_the_first_broken_row_is_named(full: Books, workspace: Workspace, clone: Clone, what: str) -> None:
    statement, kind, sequence = TAMPERED[what]
    tamper(clone, statement)
    found = verdict(workspace)
    assert kind in {one.kind for one in found.breaks}
    named = next(one for one in found.breaks if one.kind == kind)
    assert named.sequence == sequence
    if kind == "chain":
        assert found.breaks[0] == named
        assert len([one for one in found.breaks if one.kind == "chain"]) == 1


UNEXPLAINED = {
    "a balance out of nothing": (
        "INSERT INTO ledger_balances SELECT tenant_id, id, 12, false, 'EUR', 5, 0, 0, 1 FROM ledger_accounts"
        " WHERE kind = 'commission'", "balance", "without a single transfer",
    ),
    "a balance of nobody": (
        "INSERT INTO ledger_balances SELECT tenant_id, uuidv7(), 0, true, 'EUR', 5, 0, 0, 1 FROM ledger_accounts"
        " LIMIT 1", "balance", "an account that there is not",
    ),
    "a guard taken off": (
        "UPDATE ledger_balances SET guarded = false WHERE guarded AND posted > 300", "balance", "kind of its account",
    ),
    "a hold made of a payable": (
        "UPDATE ledger_balances SET of_hold = true WHERE guarded AND posted > 300", "balance", "kind of its account",
    ),
    "a balance lost": ("DELETE FROM ledger_balances WHERE guarded AND posted > 300", "balance", "without its balance"),
    "the sum": ("UPDATE ledger_balances SET posted = posted + 1 WHERE NOT guarded", "sum", "add up to 2"),
    "an account renamed into dollars": (
        "UPDATE ledger_accounts SET currency = 'USD' WHERE party = 'ben'", "account", "not the one of its accounts",
    ),
    "an account lost": ("DELETE FROM ledger_accounts WHERE party = 'ben'", "account", "names an account"),
    "a settlement of something else": (
        "UPDATE ledger_transfers SET pending_id = (SELECT id FROM ledger_transfers WHERE sequence = 1)"
        " WHERE phase = 'post'", "settlement", "not pending",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", UNEXPLAINED)
def test_figures_that_no_transfer_explains_are_told(full: Books, workspace: Workspace, clone: Clone, what: str) -> None:
    statement, kind, says = UNEXPLAINED[what]
    tamper(clone, statement)
    assert any(one.kind == kind and says in one.what for one in verdict(workspace).breaks)


def test_below_zero_is_told(books: Books, workspace: Workspace, clone: Clone) -> None:
    tamper(
        clone,
        "ALTER TABLE ledger_balances DROP CONSTRAINT ledger_balances_never_negative_check",
        "UPDATE ledger_balances SET posted = -1, version = 1 WHERE guarded",
    )
    assert "other people's money fell below zero" in {one.what for one in verdict(workspace).breaks}


def test_a_hold_whose_figures_were_touched_is_told(workspace: Workspace, clone: Clone) -> None:
    """Holds are compared with the transfers of their accounts, also those that have none."""
    from engagerr.core.money import Money
    from engagerr.core.payments.held.holds import Share, open_hold
    from engagerr.core.tenancy import Permission

    access = workspace.payments.ledger._access
    with access.transaction(Permission.EDIT_DEALS) as session:
        open_hold(
            session, access, subject="milestone:1", title="First video", amount=Money(1000, "EUR"),
            shares=[Share("commission", 1)], terms_hash=bytes(32), customer="Trailhead",
        )  # fmt: skip
    found = verdict(workspace)
    assert (found.holds, found.breaks) == (1, ())
    tamper(clone, "UPDATE holds SET funded_minor = 5, held_minor = 5")
    named = first_break(verdict(workspace))
    assert named.kind == "hold"
    assert "(First video) says funded 5, held 5" in named.what
