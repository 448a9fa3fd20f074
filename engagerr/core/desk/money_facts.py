"""What a person has to know before money moves: who gets what, what is not in order, what it costs. Nothing moves here.

Each function reads anew, so that what a dialog says is what stands; the verbs of `payments.holds` have the last word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from engagerr.core.errors import EngagerrError
from engagerr.core.money import Money
from engagerr.core.tenancy import Permission

if TYPE_CHECKING:
    from engagerr.core.api import Workspace
    from engagerr.core.payments.held.held_money import HoldPage
    from engagerr.core.payments.held.holds import HoldRow
    from engagerr.core.payments.held.movement_rows import MovementRow, ShareRow
    from engagerr.core.payments.provider.payees import Payee

_UP = ("live", "checked")
_MILESTONE = "milestone:"


@dataclass(frozen=True, slots=True)
class Part:
    """What one party gets. `commission`: it is ours. `to` is the bank account as people read it, `waits` why the party
    cannot be paid yet; both None where nothing is known against it."""

    party: str
    name: str
    amount: Money
    commission: bool = False
    to: str | None = None
    waits: str | None = None


@dataclass(frozen=True, slots=True)
class HoldFacts:
    """A hold before money moves out of it or into it.

    `deal` is what it belongs to, `pieces` how many are up of how many, `open_pieces` those that are not, by name.
    `approved`: the payer approved all that it pays for. `second`: from this amount on, a second person has to approve.
    `fee` is what the provider kept of its payments, None where nobody told. `stands` changes whenever the hold does.
    """

    page: HoldPage
    amount: Money
    parts: tuple[Part, ...]
    deal: str | None
    deal_id: UUID | None
    pieces: int
    pieces_up: int
    open_pieces: tuple[str, ...]
    approved: bool
    second: bool
    fee: Money | None
    sandbox: bool
    stands: str
    at: datetime

    @property
    def hold(self) -> HoldRow:
        """The hold."""
        return self.page.hold

    @property
    def ours(self) -> Money:
        """What we keep of it."""
        return _sum([part.amount for part in self.parts if part.commission], self.amount.currency)

    @property
    def theirs(self) -> Money:
        """What creators and other payees get of it."""
        return self.amount - self.ours


@dataclass(frozen=True, slots=True)
class WaitingPay:
    """What was released and has not left, because its payee could not be paid then. `ready` can be sent now.

    `stands` changes whenever what waits does.
    """

    ready: tuple[Part, ...]
    stuck: tuple[Part, ...]
    stands: str
    at: datetime

    @property
    def amounts(self) -> tuple[Money, ...]:
        """What is ready, an amount a currency."""
        currencies = sorted({part.amount.currency for part in self.ready})
        return tuple(
            _sum([part.amount for part in self.ready if part.amount.currency == currency], currency)
            for currency in currencies
        )

    @property
    def payees(self) -> int:
        """How many get something."""
        return len({part.party for part in self.ready})


def hold_facts(work: Workspace, hold: str | UUID, *, amount: Money | None = None, fund: bool = False) -> HoldFacts:
    """All that a dialog about a hold says; `amount` None is all of what is available (with `fund`: of what lacks)."""
    from engagerr.core.deals.pipeline.settlement import is_approved
    from engagerr.core.payments.held.limits import needs_second

    page = work.payments.holds.show(hold)
    row = page.hold
    wanted = amount or (row.agreed - row.funded if fund else page.available)
    with work.access.transaction(Permission.READ_MONEY) as session:
        approved = is_approved(session, work.access, row.subject)
    deal, deal_id, pieces, up, still_open = _work_of(work, row)
    alone = _sum([one.amount for one in page.movements if _moved_alone(one)], row.currency)
    section = work.access.settings.payments
    return HoldFacts(
        page=page, amount=wanted, parts=() if fund else _parts(work, page, wanted), deal=deal, deal_id=deal_id,
        pieces=pieces, pieces_up=up, open_pieces=still_open, approved=approved,
        second=needs_second(work.access, wanted + alone), fee=_fee(work, row),
        sandbox=section.secret_key() is None or section.stripe_url is not None, stands=standing(page),
        at=work.access.clock.now(),
    )  # fmt: skip


def standing(page: HoldPage) -> str:
    """A word that is another one as soon as the hold, its shares, what stops it or what moved has changed."""
    row = page.hold
    said = (
        row.state, row.agreed.minor, row.funded.minor, row.held.minor, row.released.minor, row.refunded.minor,
        row.lost.minor, page.available.minor, row.terms_hash.hex(),
        tuple((share.party, share.weight) for share in row.shares), tuple(block.kind for block in row.blocks),
        tuple((one.id.hex, one.state) for one in page.movements),
    )  # fmt: skip
    return repr(said)


def waiting_pay(work: Workspace) -> WaitingPay:
    """What was released and waits for its payee, over all holds: what can be sent now, and what cannot and why."""
    with work.access.transaction(Permission.READ_MONEY) as session:
        from engagerr.core.payments.held.movement_rows import party_names, read_shares

        rows = [row for row in read_shares(session, work.access, "share.state = 'waiting'") if row.rest]
        names = party_names(session, work.access, sorted({row.party for row in rows}))
    payees = work.payments.payees.list()
    parts = [_paid(row.party, names[row.party], row.rest, payees) for row in rows]
    return WaitingPay(
        ready=tuple(part for part in parts if part.waits is None),
        stuck=tuple(part for part in parts if part.waits is not None),
        stands=repr(sorted((row.id.hex, row.rest.minor) for row in rows)), at=work.access.clock.now(),
    )  # fmt: skip


def movement_since(work: Workspace, hold_id: UUID, kind: str, amount: Money, since: datetime) -> MovementRow | None:
    """What became of a release, refund or recall that this member asked for: looked up, and not asked for again."""
    for one in work.payments.holds.show(hold_id).movements:
        mine = one.requested_by_id == work.member.id and one.requested_at >= since
        if mine and one.kind == kind and one.amount == amount:
            return one
    return None


def unknown_operations(work: Workspace, movement: MovementRow) -> frozenset[UUID]:
    """What the provider was asked about what a movement is of, and nobody knows the outcome of."""
    subject = movement.subject if movement.hold_id is None else f"hold:{movement.hold_id}"
    asked = work.payments.events.operations(state="unknown", subject=subject)
    return frozenset(one.id for one in asked)


def _parts(work: Workspace, page: HoldPage, amount: Money) -> tuple[Part, ...]:
    """How a release of so much is divided, as the release itself will divide it."""
    from engagerr.core.payments.held.splits import COMMISSION, parts_of

    if amount.minor <= 0:
        return ()
    before: dict[str, int] = {}
    for share in page.shares:
        before[share.party] = before.get(share.party, 0) + share.rest.minor
    payees = work.payments.payees.list()
    return tuple(
        Part(party, "Commission", part, commission=True) if party == COMMISSION
        else _paid(party, page.parties.get(party, party), part, payees)
        for party, part in parts_of(amount, page.hold.shares, agreed=page.hold.agreed, before=before).items()
    )  # fmt: skip


def _paid(party: str, name: str, amount: Money, payees: Sequence[Payee]) -> Part:
    kind, _, named = party.partition(":")
    payee = next((one for one in payees if named == str(one.id if kind == "payee" else one.creator_id)), None)
    if payee is None:
        return Part(party, name, amount, waits=f"nobody is set up to be paid for {name}")
    waits = None
    if payee.currency != amount.currency:
        waits = f"{name} is paid in {payee.currency}, and this is in {amount.currency}"
    elif payee.capability in ("none", "pending"):
        waits = f"{name} has not finished signing up to be paid"
    elif payee.capability != "active":
        waits = f"{name} may not be paid: {payee.reason or 'the bank asks for more'}"
    elif payee.destination and not payee.pinned:
        waits = f"the bank account of {name} has changed, and nobody has confirmed it"
    return Part(party, name, amount, to=payee.destination, waits=waits)


def _work_of(work: Workspace, row: HoldRow) -> tuple[str | None, UUID | None, int, int, tuple[str, ...]]:
    """(deal, its id, pieces, how many are up, the names of those that are not) of what a hold pays for."""
    if not row.subject.startswith(_MILESTONE):
        return None, None, 0, 0, ()
    try:
        pieces = [one for one in work.deliverables.list() if one.hold_id == row.id and one.state != "cancelled"]
    except EngagerrError:
        return None, None, 0, 0, ()
    still_open = tuple(f"{one.kind.replace('_', ' ')} ({one.name})" for one in pieces if one.state not in _UP)
    first = pieces[0] if pieces else None
    return (
        first.deal if first else None, first.deal_id if first else None, len(pieces), len(pieces) - len(still_open),
        still_open,
    )  # fmt: skip


def _moved_alone(one: MovementRow) -> bool:
    return (
        one.kind in ("release", "refund")
        and one.state in ("approved", "done")
        and not one.needs_second
        and one.requested_by_id is not None
    )


def _fee(work: Workspace, row: HoldRow) -> Money | None:
    """What the provider kept of the payments for a hold, as far as it told."""
    if not row.funded:
        return None
    fees = [
        one.amount for one in work.payments.ledger.transfers(subject=f"hold:{row.id}").transfers if one.kind == "fee"
    ]
    return _sum(fees, row.currency) if fees else None


def _sum(amounts: Sequence[Money], currency: str) -> Money:
    total = Money(0, currency)
    for amount in amounts:
        total += amount
    return total


def shares_unknown(shares: Sequence[ShareRow], unknown: frozenset[UUID]) -> tuple[ShareRow, ...]:
    """Those parts of a release whose transfer was asked for, and nobody knows whether it came about."""
    return tuple(share for share in shares if share.operation_id in unknown)
