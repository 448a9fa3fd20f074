"""Posting transfers: steps on a session. The database numbers, checks and chains them; none of this commits."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from engagerr.core.db import constraint_of
from engagerr.core.errors import Conflict, EngagerrError, InvalidInput
from engagerr.core.money import Money

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session

SINGLE, PENDING, POST, VOID, EXPIRE = "single", "pending", "post", "void", "expire"
SETTLING = (POST, VOID, EXPIRE)


class KeyReused(Conflict):
    """The idempotency key stands for another request."""


class NotEnough(Conflict):
    """A guarded account would fall below zero."""


class AlreadySettled(Conflict):
    """What was pending is posted, void or expired already."""


class Expired(Conflict):
    """What was pending has lapsed, or has not lapsed yet."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One transfer that is asked for: `amount` above zero, from `source` to `destination`.

    `phase` is single, pending (reserves; lapses at `expires_at`), or post, void, expire, which settle `pending_id`.
    """

    source: UUID
    destination: UUID
    amount: Money
    kind: str
    phase: str = SINGLE
    pending_id: UUID | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TransferRow:
    """One transfer as it stands in the ledger: `sequence` is its place in its `lane`, `leg` that in its posting."""

    id: UUID
    lane: int
    sequence: int
    source: UUID
    destination: UUID
    amount: Money
    phase: str
    pending_id: UUID | None
    expires_at: datetime | None
    key: str
    leg: int
    kind: str
    subject: str
    member_id: UUID | None
    effective_at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Posting:
    """What stands under a key. `replayed`: it stood before, and nothing was written."""

    key: str
    replayed: bool
    transfers: tuple[TransferRow, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """A posting that is asked for in a batch."""

    key: str
    subject: str
    legs: Sequence[Leg]
    member_id: UUID | None = None
    effective_at: datetime | None = None


def post(
    session: Session,
    *,
    tenant_id: UUID,
    key: str,
    subject: str,
    legs: Sequence[Leg],
    member_id: UUID | None,
    now: datetime,
    effective_at: datetime | None = None,
) -> Posting:
    """Book these legs, all or none, under the caller's idempotency key.

    The same key with the same legs, kinds and subject is answered with what stands. `now` is when it is booked (the
    books never run backwards: it is moved up to the newest booking that it touches), `effective_at` when it happened.

    Raises:
        KeyReused: the key stands for another request.
        NotEnough: a guarded account has less.
        AlreadySettled, Expired: of a leg that settles something pending.
        InvalidInput: an amount, account, currency, kind or phase that cannot be.
    """
    if not legs:
        raise InvalidInput("A posting needs at least one leg.")
    return _posted(
        session, tenant_id=tenant_id, now=now, key=key,
        legs=[_leg(leg, key, subject, member_id, effective_at) for leg in legs],
    )  # fmt: skip


def post_many(session: Session, *, tenant_id: UUID, orders: Sequence[Order], now: datetime) -> dict[str, bool]:
    """Book a batch in one statement, all or none. Returns each key with whether it stood before.

    A thousand at once is many times faster than one by one. What `post` raises, for any of them.
    """
    legs = [
        _leg(leg, order.key, order.subject, order.member_id, order.effective_at)
        for order in orders
        for leg in order.legs
    ]
    if not legs:
        return {}
    with in_words():
        known = session.execute(
            _POST_MANY, {"tenant_id": tenant_id, "legs": msgspec.json.encode(legs).decode(), "now": now}
        ).scalar_one()
    before = frozenset(known)
    return {order.key: order.key in before for order in orders if order.legs}


def settle_pending(
    session: Session,
    *,
    tenant_id: UUID,
    key: str,
    pending: Sequence[UUID],
    how: str,
    subject: str,
    kind: str,
    member_id: UUID | None,
    now: datetime,
    amounts: Mapping[UUID, int] | None = None,
    effective_at: datetime | None = None,
) -> Posting:
    """Settle what is pending, once: `post` it (less than was pending frees the rest), `void` it, or `expire` it after
    its time. `amounts` are minor units by pending id, for `post`; all of it where none is given.

    Raises:
        AlreadySettled: one of them is settled.
        Expired: a post after its time, or an expire before it.
        KeyReused, InvalidInput: as for `post`.
    """
    if how not in SETTLING:
        raise InvalidInput(f"{how!r} settles nothing.", hint=f"One of: {', '.join(SETTLING)}.")
    if not pending:
        raise InvalidInput("A posting needs at least one leg.")
    parts = amounts or {}
    legs = [
        {
            "key": key, "phase": how, "pending": one, "amount": parts.get(one), "kind": kind, "subject": subject,
            "member": member_id, "effective_at": effective_at,
        }
        for one in pending
    ]  # fmt: skip
    return _posted(session, tenant_id=tenant_id, now=now, key=key, legs=legs)


_POST = text(
    """
    SELECT replayed, (transfer).id, (transfer).lane, (transfer).sequence, (transfer).source_id,
           (transfer).destination_id, (transfer).currency, (transfer).amount_minor, (transfer).phase,
           (transfer).pending_id, (transfer).expires_at, (transfer).key, (transfer).leg, (transfer).kind,
           (transfer).subject, (transfer).member_id, (transfer).effective_at, (transfer).recorded_at
    FROM engagerr_post(:tenant_id, CAST(:legs AS jsonb), :now) ORDER BY (transfer).leg
    """
)
_POST_MANY = text("SELECT engagerr_post_batch(:tenant_id, CAST(:legs AS jsonb), :now)")


def transfer_row(row: Row[Any]) -> TransferRow:
    """A row of `ledger_transfers` as a value."""
    return TransferRow(
        row.id, row.lane, row.sequence, row.source_id, row.destination_id, Money(row.amount_minor, row.currency),
        row.phase, row.pending_id, row.expires_at, row.key, row.leg, row.kind, row.subject, row.member_id,
        row.effective_at, row.recorded_at,
    )  # fmt: skip


def _posted(
    session: Session, *, tenant_id: UUID, now: datetime, key: str, legs: Sequence[Mapping[str, Any]]
) -> Posting:
    with in_words(key):
        rows = session.execute(
            _POST, {"tenant_id": tenant_id, "legs": msgspec.json.encode(legs).decode(), "now": now}
        ).all()
    return Posting(key, rows[0].replayed, tuple(transfer_row(row) for row in rows))


def _leg(leg: Leg, key: str, subject: str, member_id: UUID | None, effective_at: datetime | None) -> dict[str, Any]:
    return {
        "key": key, "source": leg.source, "destination": leg.destination, "currency": leg.amount.currency,
        "amount": leg.amount.minor, "phase": leg.phase, "pending": leg.pending_id, "expires_at": leg.expires_at,
        "kind": leg.kind, "subject": subject, "member": member_id, "effective_at": effective_at,
    }  # fmt: skip


# What each constraint means, in words: the kind of error, what happened, what to do.
_WORDS: dict[str, tuple[type[EngagerrError], str, str]] = {
    "ledger_transfers_request_key": (
        KeyReused,
        "The key {key} stands for another posting: the same key came with other amounts, accounts or kinds.",
        "See what stands with `engagerr payment ledger`; a new posting needs a key of its own.",
    ),
    "ledger_transfers_key_key": (
        Conflict, "The same key was posted at the same time.", "Run it again: it is answered with what stands.",
    ),
    "ledger_transfers_settled_key": (
        AlreadySettled, "What was pending is settled already.", "See `engagerr payment ledger`.",
    ),
    "ledger_transfers_expiry_check": (
        Expired,
        "What is pending has lapsed and can only expire, or it has not lapsed yet.",
        "Post it as a new transfer, or void it.",
    ),
    "ledger_transfers_amount_check": (
        InvalidInput, "A transfer moves at least one minor unit.", "Turn the accounts round to move it back.",
    ),
    "ledger_transfers_two_accounts_check": (
        InvalidInput, "A transfer needs two different accounts.", "Name another destination.",
    ),
    "ledger_transfers_currency_check": (
        InvalidInput,
        "The currency of a transfer is the one of both its accounts.",
        "Exchange by a quote first: two pairs of transfers through the fx accounts.",
    ),
    "ledger_transfers_source_id_fkey": (InvalidInput, "There is no such source account here.", "Open it first."),
    "ledger_transfers_destination_id_fkey": (
        InvalidInput, "There is no such destination account here.", "Open it first.",
    ),
    "ledger_transfers_pending_id_fkey": (InvalidInput, "There is no such pending transfer here.", "Look it up again."),
    "ledger_transfers_pending_check": (
        InvalidInput,
        "A post, void or expire names the pending transfer that it settles, between the same accounts.",
        "Only these three phases settle anything.",
    ),
    "ledger_transfers_pending_amount_check": (
        InvalidInput,
        "No more can be posted than was pending; void and expire free all of it.",
        "Post the rest as a new transfer.",
    ),
    "ledger_transfers_expires_check": (
        InvalidInput, "Only a pending transfer lapses, and only in the future.", "Leave expires_at out.",
    ),
    "ledger_transfers_phase_check": (
        InvalidInput, "A phase is single, pending, post, void or expire.", "Use one of these.",
    ),
    "ledger_transfers_kind_check": (InvalidInput, "That is no kind of transfer.", "See the kinds in the guide."),
    "ledger_transfers_key_check": (InvalidInput, "A key has 1 to 200 characters.", "Shorten it."),
    "ledger_transfers_subject_check": (InvalidInput, "A subject has 1 to 200 characters.", "Shorten it."),
}  # fmt: skip


@contextlib.contextmanager
def in_words(key: str | None = None) -> Iterator[None]:
    """What the ledger's constraints refuse, as errors that say what to do."""
    try:
        yield
    except DBAPIError as error:
        constraint = constraint_of(error)
        if constraint == "ledger_balances_never_negative_check":
            raise _not_enough(error) from error
        if constraint not in _WORDS:
            raise
        kind, message, hint = _WORDS[constraint]
        named = "" if key is None else repr(key)
        raise kind(
            message.format(key=named).replace("  ", " "), hint=hint, facts={"constraint": constraint, "key": key}
        ) from error


def _not_enough(error: DBAPIError) -> NotEnough:
    diagnosis = getattr(error.orig, "diag", None)
    detail = None if diagnosis is None else diagnosis.message_detail
    try:
        facts = json.loads(detail or "")
        asked, available = (Money(facts[name], facts["currency"]) for name in ("asked", "available"))
    except (ValueError, KeyError):
        return NotEnough("An account would fall below zero.", hint="See `engagerr payment balance`.")
    return NotEnough(
        f"The {facts['kind']} account of {facts['party']} has {available} to give, not {asked}.",
        hint="See `engagerr payment balance`.",
        facts=facts,
    )
