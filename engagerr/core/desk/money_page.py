"""The Money page: whether the books are proven, what stands on them, holds by their last day, and double entries.

Every function reads; nothing moves money here. All of it needs the right to read the books.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.desk.money_facts import waiting_pay
from engagerr.core.desk.pulse import MoneyLine
from engagerr.core.desk.waiting_money import HOLD_DANGER_DAYS, HOLD_DAYS
from engagerr.core.money import Money
from engagerr.core.payments.held.deadlines import longest_hold
from engagerr.core.payments.held.movement_rows import claim_left, party_names
from engagerr.core.payments.held.receipts import Receipt, receipt_of
from engagerr.core.payments.ledger.posting import PENDING, POST, SINGLE, TransferRow
from engagerr.core.tenancy import Permission

if TYPE_CHECKING:
    from engagerr.core.api import Workspace
    from engagerr.core.payments.held.disputes import DisputeRow
    from engagerr.core.payments.held.held_money import HoldPage
    from engagerr.core.payments.held.holds import HoldRow
    from engagerr.core.payments.held.payouts import PayoutRow

PROOF = "verify-books"
# What accounts of a kind are called. Those of _OWED are below zero where we are owed or have paid: turned round.
KINDS = {
    "hold": "Held for deals", "payable": "Due to creators", "connected": "On the way to banks",
    "commission": "Commission earned", "revenue": "Other revenue", "tax": "Tax owed", "receivable": "Owed to us",
    "fees": "Fees paid", "loss": "Given up", "fx": "Being exchanged", "suspense": "Not explained yet",
    "outside": "Outside",
}  # fmt: skip
_OWED = frozenset({"receivable", "fees", "loss"})
_ALWAYS = ("hold", "payable", "connected", "commission")
_OUTSIDE = {"stripe": "At the provider", "bank": "In bank accounts"}
_FOLLOWS = ("fund", "fee", "release", "commission", "refund", "transfer", "payout")
_PAGE, _MOST_ENTRIES = 1000, 5000
_SOURCE = "docs.stripe.com/connect/manual-payouts"
_SOURCE_READ = date(2026, 11, 1)
_PLACES = (("USA", "US"), ("Thailand", "TH"), ("elsewhere", ""))


@dataclass(frozen=True, slots=True)
class BooksProof:
    """How the last proof of the books ended, as the job `verify-books` left it.

    `sound` is None where they were never proven, or where the proof itself did not come to an end; `what` says what
    was found or what went wrong. `transfers` is how many it read.
    """

    at: datetime | None
    sound: bool | None
    what: str | None
    running: bool
    transfers: int | None = None


@dataclass(frozen=True, slots=True)
class BalanceTable:
    """What stands on the books, an amount a kind of account and currency; `at` None is now. Never a sum over
    currencies: a currency is a column."""

    lines: tuple[MoneyLine, ...]
    currencies: tuple[str, ...]
    at: datetime | None


@dataclass(frozen=True, slots=True)
class HoldRule:
    """How long money may be held by a business of `country` (ISO 3166-1), where that stands, and when it was read.

    `others` are the days elsewhere, by the names of the places.
    """

    country: str
    days: int
    others: tuple[tuple[str, int], ...]
    source: str
    read_on: date


@dataclass(frozen=True, slots=True)
class HoldLine:
    """A hold as the list has it: whom it is for, and how it presses.

    `press` is "danger" within 10 days of its end, "attention" within 30, else "". `days_left` is None where nothing is
    held. `unknown`: how many things the provider was asked about it whose outcome nobody knows.
    """

    hold: HoldRow
    creators: tuple[str, ...]
    days_left: int | None
    press: str
    unknown: int

    @property
    def parties(self) -> str:
        """`Lumen Audio × Mara Voss`."""
        return f"{self.hold.customer} × {', '.join(self.creators)}" if self.creators else self.hold.customer


@dataclass(frozen=True, slots=True)
class Entry:
    """One side of a booking: an account that is debited or credited; the other of the two amounts is None.

    `pending` entries are set aside and move nothing yet: they count in no sum.
    """

    at: datetime
    account_id: UUID
    kind: str
    account: str
    whose: str
    debit: Money | None
    credit: Money | None
    booked_as: str
    pending: bool
    transfer_id: UUID


@dataclass(frozen=True, slots=True)
class EntrySum:
    """Both sides in one currency: they are equal, or the books are wrong."""

    debit: Money
    credit: Money


@dataclass(frozen=True, slots=True)
class HoldEntries:
    """A hold with its double entries, the oldest first, and its receipts. `more`: entries beyond those read."""

    page: HoldPage
    line: HoldLine
    entries: tuple[Entry, ...]
    sums: tuple[EntrySum, ...]
    receipts: tuple[Receipt, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class PayLine:
    """Money on its way to a payee.

    `state`: ready (released, can be sent now), left_out (cannot be sent; `why`), or how the provider's payout stands:
    pending, in_transit, paid, failed, canceled. `to` is the bank account as people read it.
    """

    key: str
    payee: str
    amount: Money
    state: str
    to: str | None
    arrives_on: date | None
    at: datetime | None
    why: str | None
    payout: PayoutRow | None = None


def books_proof(work: Workspace) -> BooksProof:
    """How the books were found when they were last proven."""
    from engagerr.core.jobs import Jobs

    row = next(one for one in Jobs(work).list() if one.name == PROOF)
    result, error, running = row.result or {}, row.error or {}, row.state == "running"
    if error:
        broken = "breaks" in (error.get("facts") or {})
        return BooksProof(row.last_finished_at, False if broken else None, str(error.get("message")), running)
    if row.last_finished_at is None:
        return BooksProof(None, None, None, running)
    return BooksProof(row.last_finished_at, True, None, running, result.get("transfers"))


def prove_books(work: Workspace) -> BooksProof:
    """Prove the books now, as the schedule does each morning; everybody sees how it ended."""
    from engagerr.core.jobs import Jobs

    Jobs(work).run(PROOF)
    return books_proof(work)


def hold_rule(work: Workspace) -> HoldRule:
    """How long money may be held here: the country is the one of the settings."""
    country = work.access.settings.payments.country
    others = tuple((name, longest_hold(code).days) for name, code in _PLACES)
    return HoldRule(country, longest_hold(country).days, others, _SOURCE, _SOURCE_READ)


def balances(work: Workspace, *, at: datetime | None = None) -> BalanceTable:
    """What stands on the books now, or stood at the end of the moment `at`: all of it read at one moment.

    The first four kinds always have their line; of the others, those on which something stands.
    """
    minor: dict[tuple[str, str], int] = defaultdict(int)
    for entry in work.payments.ledger.accounts(at=at):
        if entry.account.kind != "outside":
            posted = entry.balance.posted
            minor[entry.account.kind, posted.currency] += posted.minor
    currencies = tuple(sorted({currency for _, currency in minor}))
    lines = []
    for kind, label in KINDS.items():
        turned = -1 if kind in _OWED else 1
        amounts = tuple(Money(turned * minor[kind, one], one) for one in currencies if (kind, one) in minor)
        if kind in _ALWAYS or any(amounts):
            lines.append(MoneyLine(label, amounts))
    return BalanceTable(tuple(lines) if currencies else (), currencies, at)


def hold_lines(work: Workspace) -> tuple[HoldLine, ...]:
    """Every hold: those in which money is held by their last day, then those that wait for money, then the others."""
    rows = work.payments.holds.list()
    lines = _lines(work, rows)
    return tuple(sorted(lines, key=_place))


def hold_entries(work: Workspace, hold: str | UUID) -> HoldEntries:
    """One hold with its double entries and receipts; `NotFound` where there is none."""
    page = work.payments.holds.show(hold)
    booked, more = _transfers(work, f"hold:{page.hold.id}")
    entries = _entries(work, booked)
    return HoldEntries(
        page=page, line=_lines(work, [page.hold])[0], entries=entries, sums=entry_sums(entries),
        receipts=_receipts(work, page), more=more,
    )  # fmt: skip


def payout_entries(work: Workspace, payout: PayoutRow) -> tuple[Entry, ...]:
    """The double entries of a payout to a payee's bank."""
    payee = next((one for one in work.payments.payees.list() if one.account == payout.account), None)
    if payee is None:
        return ()
    parties = [f"payee:{payee.id}", *([f"creator:{payee.creator_id}"] if payee.creator_id else [])]
    booked: list[TransferRow] = []
    for party in parties:
        found, _ = _transfers(work, f"party:{party}")
        booked += [one for one in found if one.key.startswith(f"payout:{payout.provider_id}:")]
    return _entries(work, sorted(booked, key=_order))


def entry_sums(entries: Iterable[Entry]) -> tuple[EntrySum, ...]:
    """Debit and credit in each currency; what is only set aside is not in them."""
    debit: dict[str, int] = defaultdict(int)
    credit: dict[str, int] = defaultdict(int)
    for one in entries:
        if one.pending:
            continue
        if one.debit is not None:
            debit[one.debit.currency] += one.debit.minor
        if one.credit is not None:
            credit[one.credit.currency] += one.credit.minor
    return tuple(
        EntrySum(Money(debit[currency], currency), Money(credit[currency], currency))
        for currency in sorted({*debit, *credit})
    )


def pay_lines(work: Workspace) -> tuple[PayLine, ...]:
    """What was released and waits, who is left out and why, then the payouts, the newest first."""
    waiting = waiting_pay(work)
    payees = {one.account: one for one in work.payments.payees.list() if one.account}
    lines = [
        PayLine(f"{state}:{number}:{part.party}", part.name, part.amount, state, part.to, None, None, part.waits)
        for state, parts in (("left_out", waiting.stuck), ("ready", waiting.ready))
        for number, part in enumerate(parts)
    ]
    for row in work.payments.payouts.list():
        payee = payees.get(row.account)
        lines.append(
            PayLine(
                row.provider_id, row.payee or row.account, row.amount, row.state, payee.destination if payee else None,
                row.arrives_on, row.updated_at, row.failure, row,
            )
        )  # fmt: skip
    return tuple(lines)


def owed_for(work: Workspace, dispute: DisputeRow) -> Money:
    """What a lost dispute took that is neither recalled, nor being recalled, nor given up."""
    with work.access.transaction(Permission.READ_MONEY) as session:
        return claim_left(session, work.access, dispute.id, dispute.amount.currency)


def account_words(kind: str, party: str) -> str:
    """What an account is called: `Held for deals`, `At the provider`."""
    return _OUTSIDE.get(party, f"Outside: {party}") if kind == "outside" else KINDS.get(kind, kind)


def _lines(work: Workspace, rows: Sequence[HoldRow]) -> list[HoldLine]:
    now = work.access.clock.now()
    unknown: dict[str, int] = defaultdict(int)
    for one in work.payments.events.operations(state="unknown", limit=200):
        unknown[one.subject] += 1
    parties = sorted({share.party for row in rows for share in row.shares} - {"commission"})
    with work.access.transaction(Permission.READ_MONEY) as session:
        names = party_names(session, work.access, parties)
    lines = []
    for row in rows:
        left = (row.must_end_by - now).days if row.must_end_by is not None and row.held else None
        press = ""
        if left is not None:
            press = "danger" if left <= HOLD_DANGER_DAYS else "attention" if left <= HOLD_DAYS else ""
        creators = tuple(names.get(one.party, one.party) for one in row.shares if one.party != "commission")
        lines.append(HoldLine(row, creators, left, press, unknown[f"hold:{row.id}"]))
    return lines


def _place(line: HoldLine) -> tuple[int, datetime]:
    row = line.hold
    if row.held:
        return 0, row.must_end_by or row.opened_at
    return {"agreed": 1, "funded": 0}.get(row.state, 2), row.opened_at


def _transfers(work: Workspace, subject: str) -> tuple[list[TransferRow], bool]:
    """The bookings about a subject, the oldest first, and whether there are more than are read."""
    booked: list[TransferRow] = []
    after: str | None = None
    while True:
        page = work.payments.ledger.transfers(subject=subject, after=after, limit=_PAGE)
        booked += page.transfers
        after = page.next
        if after is None or len(booked) >= _MOST_ENTRIES:
            return sorted(booked, key=_order), after is not None


def _order(one: TransferRow) -> tuple[datetime, int, int]:
    """As they came about; what was booked in one moment, as one follows from the other."""
    return one.recorded_at, _FOLLOWS.index(one.kind) if one.kind in _FOLLOWS else len(_FOLLOWS), one.leg


def _entries(work: Workspace, booked: Sequence[TransferRow]) -> tuple[Entry, ...]:
    """Two entries a transfer: where it comes from is debited, where it goes is credited."""
    # What was set aside and has an end by now is told by its end.
    ended = {one.pending_id for one in booked if one.pending_id is not None}
    shown = [
        one for one in booked
        if one.phase in (SINGLE, POST) or (one.phase == PENDING and one.id not in ended)
    ]  # fmt: skip
    accounts = _accounts(work, {side for one in shown for side in (one.source, one.destination)})
    entries = []
    for one in shown:
        for account_id, debited in ((one.source, True), (one.destination, False)):
            kind, party, whose = accounts[account_id]
            entries.append(
                Entry(
                    at=one.recorded_at, account_id=account_id, kind=kind, account=account_words(kind, party),
                    whose=whose, debit=one.amount if debited else None, credit=None if debited else one.amount,
                    booked_as=one.kind, pending=one.phase == PENDING, transfer_id=one.id,
                )
            )  # fmt: skip
    return tuple(entries)


def _accounts(work: Workspace, ids: Iterable[UUID]) -> dict[UUID, tuple[str, str, str]]:
    """(kind, party, what people call the party) of these accounts; empty where it is the account's own name."""
    with work.access.transaction(Permission.READ_MONEY) as session:
        rows = session.execute(
            text(
                "SELECT account.id, account.kind, account.party, hold.title FROM ledger_accounts AS account"
                " LEFT JOIN holds AS hold ON hold.tenant_id = account.tenant_id"
                " AND CAST(hold.id AS text) = account.party"
                " WHERE account.tenant_id = :tenant_id AND account.id = ANY(:ids)"
            ),
            {"tenant_id": work.access.tenant.id, "ids": list(ids)},
        ).all()
        people = [row.party for row in rows if row.party.partition(":")[0] in ("creator", "payee")]
        names = party_names(session, work.access, people)
    return {row.id: (row.kind, row.party, names.get(row.party, row.title or "")) for row in rows}


def _receipts(work: Workspace, page: HoldPage) -> tuple[Receipt, ...]:
    """What was given out for a hold, the oldest first."""
    wanted = [(f"operation:{one.operation_id}", "fund") for one in page.payments]
    for one in page.movements:
        wanted += [(f"movement:{one.id}", one.kind), (f"movement:{one.id}", "cover")]
    with work.access.transaction(Permission.READ_MONEY) as session:
        found = [receipt_of(session, work.access, subject, kind) for subject, kind in wanted]
    return tuple(sorted((one for one in found if one is not None), key=lambda one: (one.at, str(one.id))))
