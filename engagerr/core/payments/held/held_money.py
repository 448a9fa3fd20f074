"""The verbs of held money: fund, release, refund, recall, and what a second person allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import Conflict, EngagerrError, Forbidden, InvalidInput, Unavailable
from engagerr.core.events import open_task, resolve_tasks
from engagerr.core.money import Money
from engagerr.core.payments.held.approvals import approve_about, approvers_of
from engagerr.core.payments.held.deadlines import Deadline, judged_at, read_deadlines, warn_of_deadlines
from engagerr.core.payments.held.disputes import find_dispute
from engagerr.core.payments.held.hold_payments import PaymentRow, asked_under, intend_payment, open_link, payments_for
from engagerr.core.payments.held.holds import (
    Block,
    Blocked,
    HoldRow,
    block,
    cancel_hold,
    find_hold,
    lift,
    lock_hold,
    payments_under_way,
    read_holds,
)
from engagerr.core.payments.held.limits import needs_second, within_limit
from engagerr.core.payments.held.movement_rows import (
    MovementRow,
    ShareRow,
    claim_account,
    claim_left,
    find_movement,
    movement_by_id,
    party_names,
    read_movements,
    read_shares,
    shares_of,
)
from engagerr.core.payments.held.movements import (
    ask_for,
    carry_out_recall,
    carry_out_refund,
    carry_out_release,
    cover,
    decide,
    end_movement,
    refuse_asker,
    refuse_more_than_owed,
    withdraw_waiting,
)
from engagerr.core.payments.held.receipts import Receipt, receipt_of
from engagerr.core.payments.held.transfers import carry, prepare_transfers
from engagerr.core.payments.ledger import Leg, account, balance, post
from engagerr.core.payments.ledger.stopping import refuse_unsound, why_unsound
from engagerr.core.payments.provider.operations import Operation
from engagerr.core.telemetry import log
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.payments.stripe_gateway import StripeGateway

_LATELY = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class HoldPage:
    """All about one hold. `available` may be released or refunded now: what is held and not set aside already."""

    hold: HoldRow
    available: Money
    payments: tuple[PaymentRow, ...]
    movements: tuple[MovementRow, ...]
    shares: tuple[ShareRow, ...]
    parties: dict[str, str]


@dataclass(frozen=True, slots=True)
class Funding:
    """What asking for a payment came to; with a `url` where the payer has to go, and a receipt once it was paid."""

    hold: HoldRow
    payment: PaymentRow
    receipt: Receipt | None


@dataclass(frozen=True, slots=True)
class Moved:
    """What a verb of money did. `already`: it had been done, and nothing was done again. `troubles`: what the provider
    did not do yet and will be asked again. There is no receipt before a movement is done; `approvers` may allow one
    that waits for a second person. `hold` is None for what is of no hold."""

    hold: HoldRow | None
    movement: MovementRow
    receipt: Receipt | None
    shares: tuple[ShareRow, ...]
    parties: dict[str, str]
    already: bool = False
    troubles: tuple[str, ...] = ()
    approvers: tuple[str, ...] = ()


class NothingHeld(Conflict):
    """There is nothing to release or refund."""

    def __init__(self, hold: HoldRow) -> None:
        super().__init__(
            f"Nothing is held for {hold.title}.",
            hint=f"Ask the brand to pay first: engagerr payment fund {str(hold.id)[-8:]}"
            if hold.state == "agreed" else f"`engagerr payment show {str(hold.id)[-8:]}` says where it went.",
            facts={"hold": str(hold.id), "state": hold.state, "held": hold.held.minor},
        )  # fmt: skip


class Holds:
    """Held money of this workspace. A hold is named by its id, the end of it, its subject or its title."""

    def __init__(
        self,
        access: Access,
        gateway: Callable[[], StripeGateway],
        *,
        settled: Callable[[Session, Access, str], None],
        silence: Callable[[Session, Access, str], bool],
        approved: Callable[[Session, Access, str], bool],
    ) -> None:
        self._access = access
        self._gateway = gateway
        self._settled = settled
        self._silence = silence
        self._approved = approved

    def list(self, *, state: str | None = None) -> tuple[HoldRow, ...]:
        """Every hold, the oldest first; of one state (agreed, funded, settled, cancelled)."""
        with self._access.transaction(Permission.READ_MONEY) as session:
            return read_holds(
                session, tenant_id=self._access.tenant.id,
                where="CAST(:state AS text) IS NULL OR hold.state = :state", state=state,
            )  # fmt: skip

    def show(self, hold: str | UUID) -> HoldPage:
        """One hold with its payments, movements and parts."""
        with self._access.transaction(Permission.READ_MONEY, snapshot=True) as session:
            hold_id = find_hold(session, self._access, hold)
            row = read_holds(session, tenant_id=self._access.tenant.id, where="hold.id = :id", id=hold_id)[0]
            shares = shares_of(session, self._access, hold_id)
            parties = {share.party for share in shares} | {share.party for share in row.shares}
            return HoldPage(
                hold=row, available=self._available(session, row), payments=payments_for(session, self._access, row),
                movements=read_movements(session, self._access, "movement.hold_id = :id", id=hold_id), shares=shares,
                parties=dict(party_names(session, self._access, sorted(parties))),
            )  # fmt: skip

    def fund(
        self, hold: str | UUID, *, amount: Money | None = None, method: str | None = None, key: str | None = None
    ) -> Funding:
        """Ask the payer for what a hold lacks, or for part of it: by a checkout link, or at once with a payment method.

        `method` is the provider's id of a payment method. Asked again while a link is open, the same link is given.
        The money is held once the provider says that it came in, and not before. A part is asked for once per `key`.
        """
        with self._access.transaction(Permission.FUND) as session:
            row = lock_hold(session, self._access, find_hold(session, self._access, hold))
            if row.state == "cancelled":
                raise Conflict(f"{row.title} was cancelled.", facts={"hold": str(row.id)})
            if key is not None and (asked := asked_under(session, self._access, row, key)) is not None:
                return Funding(row, asked, receipt_of(session, self._access, f"operation:{asked.operation_id}", "fund"))
            pending = open_link(session, self._access, row)
            link = pending if method is None else None
            if link is not None and (amount is None or link.amount == amount):
                return Funding(row, link, None)
            missing = row.agreed - row.funded - Money(payments_under_way(session, self._access, row.id), row.currency)
            wanted = missing if amount is None else amount
            if wanted.minor <= 0 or wanted.currency != row.currency or missing < wanted:
                raise Conflict(
                    f"{row.title} lacks {missing} of {row.agreed}"
                    + (f"; {wanted} cannot be asked for." if amount else ": all of it is paid or on its way."),
                    hint=f"A page on which {pending.amount} can be paid is open: {pending.url}"
                    if pending
                    else "`engagerr payment show` says what was paid and what is on its way.",
                    facts={"hold": str(row.id), "missing": missing.minor},
                )
            operation = intend_payment(session, self._access, row, amount=wanted, method=method, key=key)
        carry(self._access, self._gateway(), [operation])
        return self._funding(row.id, operation.id)

    def release(
        self, hold: str | UUID, *, amount: Money | None = None, reason: str | None = None, key: str | None = None
    ) -> Moved:
        """Release what is held, or part of it, to the payees by the contract's shares; our commission is kept.

        From `payments.four_eyes_minor` on, it waits for a second person's `approve`. Asked again for all when all was
        released, it answers with the receipt of then; a part is asked for once per `key`. Before the payer has approved
        what it is for, it needs a `reason`. `Blocked`, `NothingHeld`, `OverLimit`, `Unsound`.
        """
        with self._access.transaction(Permission.RELEASE) as session:
            row = lock_hold(session, self._access, find_hold(session, self._access, hold))
            available = self._available(session, row)
            if (again := self._asked_before(session, row, "release", available, amount, key)) is not None:
                return again
            wanted = self._checked(session, row, available if amount is None else amount, available)
            if row.blocks:
                raise Blocked(row)
            if not (reason or "").strip() and not self._approved(session, self._access, row.subject):
                raise InvalidInput(
                    f"{row.customer} has not approved all that {row.title} is for.",
                    hint="Wait for it (engagerr deliverable list), or say why it is released before: --reason …",
                    facts={"hold": str(row.id), "subject": row.subject},
                )
            movement, _ = ask_for(
                session, self._access, row, kind="release", amount=wanted, reason=reason, by=self._access.member.id,
                key=key or _key(session, self._access, "release", row, amount),
                needs_second=needs_second(self._access, wanted + _alone(session, self._access, "release", row)),
            )  # fmt: skip
            operations = self._carry_out(session, row, movement)
        return self._moved(movement.id, operations)

    def refund(
        self, hold: str | UUID, *, amount: Money | None = None, reason: str | None = None, key: str | None = None
    ) -> Moved:
        """Send what is held, or part of it, back to whoever paid. What was released is recalled first (`recall`)."""
        with self._access.transaction(Permission.RELEASE) as session:
            row = lock_hold(session, self._access, find_hold(session, self._access, hold))
            available = self._available(session, row)
            if (again := self._asked_before(session, row, "refund", available, amount, key)) is not None:
                return again
            wanted = self._checked(session, row, available if amount is None else amount, available)
            movement, _ = ask_for(
                session, self._access, row, kind="refund", amount=wanted, reason=reason, by=self._access.member.id,
                key=key or _key(session, self._access, "refund", row, amount),
                needs_second=needs_second(self._access, wanted + _alone(session, self._access, "refund", row)),
            )  # fmt: skip
            operations = self._carry_out(session, row, movement)
        return self._moved(movement.id, operations)

    def recall(
        self, hold: str | UUID, *, amount: Money, reason: str, dispute: str | None = None, key: str | None = None
    ) -> Moved:
        """Take released money back from the payees, each by what they have of it, our commission included.

        It goes into the hold again; with `dispute`, towards the claim that a lost dispute left. Part of it can fail
        where a payee's balance is too low: a task says so, and nothing is lost from sight.
        """
        with self._access.transaction(Permission.RELEASE) as session:
            row = lock_hold(session, self._access, find_hold(session, self._access, hold))
            claim = None if dispute is None else find_dispute(session, self._access, dispute)
            if claim is not None and claim.hold_id != row.id:
                raise InvalidInput(f"The dispute {claim.provider_id} is not about {row.title}.")
            within_limit(session, self._access, amount)
            movement, new = ask_for(
                session, self._access, row, kind="recall", amount=amount, reason=reason, by=self._access.member.id,
                key=key or f"{_key(session, self._access, 'recall', row, amount)}:{claim.id if claim else ''}",
                needs_second=needs_second(self._access, amount + _alone(session, self._access, "recall", row))
                if amount.currency == row.currency else True,  # refused by `ask_for`
                dispute_id=claim.id if claim else None,
            )  # fmt: skip
            if not new and movement.state != "requested":
                return self._page(session, movement, already=True)
            operations = self._carry_out(session, row, movement)
        return self._moved(movement.id, operations)

    def write_off(self, dispute: str, *, reason: str) -> Moved:
        """Give up what a lost dispute took after it had been released, as far as it was not recalled."""
        with self._access.transaction(Permission.RELEASE) as session:
            row = find_dispute(session, self._access, dispute)
            if row.state != "lost" or row.hold_id is None:
                raise Conflict(f"The dispute {row.provider_id} is {row.state}: there is nothing to give up.")
            hold = lock_hold(session, self._access, row.hold_id)
            left = claim_left(session, self._access, row.id, row.amount.currency)
            if left.minor <= 0:
                raise Conflict(f"Nothing is owed for the dispute {row.provider_id} that is not being recalled.")
            within_limit(session, self._access, left)
            movement, _ = ask_for(
                session, self._access, hold, kind="write_off", amount=left, reason=reason, by=self._access.member.id,
                key=f"{_key(session, self._access, 'write_off', hold, left)}:{row.id}",
                needs_second=needs_second(self._access, left), dispute_id=row.id,
            )  # fmt: skip
            self._carry_out(session, hold, movement)
        return self._moved(movement.id, ())

    def withdraw(self, movement: str | UUID, *, reason: str) -> Moved:
        """Give up a refund, recall or transfer that the provider cannot do yet: the money is free again.

        A transfer that is given up is tried again in the next round if its payee can be paid then, unless what it
        was to bring is recalled before.
        """
        with self._access.transaction(Permission.RELEASE) as session:
            asked = find_movement(session, self._access, movement)
            if asked.hold_id is not None:
                lock_hold(session, self._access, asked.hold_id)
            return self._page(session, withdraw_waiting(session, self._access, asked, reason=reason))

    def cover(self, movement: str | UUID, *, reason: str) -> Moved:
        """Pay ourselves, for now, what payees could not give back of a recall: it is in the hold, and owed by them."""
        with self._access.transaction(Permission.RELEASE) as session:
            asked = find_movement(session, self._access, movement)
            if asked.kind != "recall" or asked.hold_id is None:
                raise InvalidInput(f"Only what was recalled is covered, and this is a {asked.kind}.")
            row = lock_hold(session, self._access, asked.hold_id)
            within_limit(session, self._access, asked.amount)
            if asked.needs_second and asked.requested_by_id == self._access.member.id:
                raise Forbidden(
                    f"You asked for this recall of {asked.amount} yourself; somebody else covers it.",
                    hint="`engagerr member list` says who may.", facts={"movement": str(asked.id)},
                )  # fmt: skip
            if asked.state == "approved":
                asked = withdraw_waiting(session, self._access, asked, reason=reason)
            cover(session, self._access, row, asked, by=self._access.member.id)
            page = self._page(session, asked)
            return replace(page, receipt=receipt_of(session, self._access, f"movement:{asked.id}", "cover"))

    def movements(self, *, state: str | None = None, limit: int = 50) -> tuple[MovementRow, ...]:
        """What was asked for, the newest first; of one state ("requested": what waits for a second person)."""
        with self._access.transaction(Permission.READ_MONEY) as session:
            return read_movements(
                session, self._access, "CAST(:state AS text) IS NULL OR movement.state = :state", limit=limit,
                state=state,
            )  # fmt: skip

    def approve(self, movement: str | UUID, *, answer: str | None = None) -> Moved:
        """Allow what somebody else asked for, and carry it out. `Forbidden` for whoever asked for it."""
        with self._access.transaction(Permission.APPROVE_RELEASE) as session:
            asked = find_movement(session, self._access, movement)
            if asked.hold_id is None:
                asked, carried = approve_about(session, self._access, asked.id, answer=answer)
                if carried is None:
                    return self._page(session, asked, already=True)
                operations = tuple(carried)
            else:
                row = lock_hold(session, self._access, asked.hold_id)
                asked = movement_by_id(session, self._access, asked.id)  # as it stands now that the hold is held still
                if (again := self._allowed_before(session, asked)) is not None:
                    return again
                operations = self._carry_out(session, row, asked, approver=self._access.member.id, answer=answer)
        return self._moved(asked.id, operations)

    def reject(self, movement: str | UUID, *, reason: str) -> MovementRow:
        """Say no to what somebody asked for; the money stays where it is.

        After a rejected release, silence releases nothing of the hold either, until a person has released something.
        """
        with self._access.transaction(Permission.APPROVE_RELEASE) as session:
            asked = find_movement(session, self._access, movement)
            if asked.hold_id is not None:  # whoever releases by silence meanwhile waits, and sees it
                lock_hold(session, self._access, asked.hold_id)
            return decide(
                session, self._access, asked, state="rejected", by=self._access.member.id, answer=reason
            )  # fmt: skip

    def block(self, hold: str | UUID, *, reason: str) -> tuple[Block, ...]:
        """Stop the release of a hold by hand, until `unblock`."""
        with self._access.transaction(Permission.APPROVE_RELEASE) as session:
            hold_id = find_hold(session, self._access, hold)
            block(session, self._access, hold_id, kind="manual", reason=reason)
            return lock_hold(session, self._access, hold_id).blocks

    def unblock(self, hold: str | UUID, *, reason: str) -> tuple[Block, ...]:
        """Lift what was stopped by hand. Other blocks are lifted where they come from."""
        with self._access.transaction(Permission.APPROVE_RELEASE) as session:
            hold_id = find_hold(session, self._access, hold)
            lift(session, self._access, hold_id, kind="manual", reason=reason)
            return lock_hold(session, self._access, hold_id).blocks

    def cancel(self, hold: str | UUID) -> HoldRow:
        """Give up a hold in which nothing is held."""
        with self._access.transaction(Permission.FUND) as session:
            return cancel_hold(session, self._access, find_hold(session, self._access, hold))

    def deadlines(self, *, within_days: int = 30) -> tuple[Deadline, ...]:
        """Holds whose longest time ends within so many days, the nearest first."""
        with self._access.transaction(Permission.READ_MONEY) as session:
            return read_deadlines(session, self._access, within_days=within_days)

    def warn(self) -> int:
        """Open the tasks of the holds whose time runs out; returns for how many that is news."""
        with self._access.transaction(Permission.RELEASE) as session:
            return warn_of_deadlines(session, self._access)

    def release_due(self) -> tuple[Moved, ...]:
        """Release what was delivered so long ago that silence means yes. Each in a transaction of its own.

        A hold that is blocked, was sent back for changes meanwhile, pays for what is not live yet, or of which a
        person rejected a release, stays.
        """
        with self._access.transaction(Permission.RELEASE) as session:
            due = read_holds(
                session, tenant_id=self._access.tenant.id,
                where="hold.auto_release_at <= :now AND hold.held_minor > 0 AND hold.state = 'funded'",
                now=self._access.clock.now(),
            )  # fmt: skip
        released = []
        for one in due:
            if one.refusal is not None:
                continue
            try:
                moved = self._release_one_due(one.id)
            except Unavailable:
                raise
            except EngagerrError as error:  # one that the books refuse keeps no other from being released
                log("payment.not_released", hold=str(one.id), error=error.message)
                with self._access.transaction(Permission.RELEASE) as session:
                    open_task(
                        session, tenant_id=self._access.tenant.id, kind="hold.not_released", about=one.id,
                        subject=one.subject, message=f"{one.title} was to be released by silence: {error.message}",
                        hint=f"engagerr payment show {str(one.id)[-8:]}", now=self._access.clock.now(),
                    )  # fmt: skip
                continue
            if moved is not None:
                released.append(moved)
        return tuple(released)

    def _release_one_due(self, hold_id: UUID) -> Moved | None:
        """Release a hold by silence; None if something stands in the way by now."""
        with self._access.transaction(Permission.RELEASE) as session:
            row = lock_hold(session, self._access, hold_id)
            available = self._available(session, row)
            still_due = row.auto_release_at is not None and row.auto_release_at <= judged_at(session, self._access)
            if not still_due or row.blocks or not available:
                return None
            if not self._silence(session, self._access, row.subject):
                return None
            assert row.delivered_at is not None
            movement, _ = ask_for(
                session, self._access, row, kind="release", amount=available, by=None, needs_second=False,
                reason=f"{row.silence_days} days of silence since {row.delivered_at:%Y-%m-%d}",
                key=f"{_key(session, self._access, 'silence', row, available)}:{row.delivered_at.isoformat()}",
            )  # fmt: skip
            operations = self._carry_out(session, row, movement)
            resolve_tasks(
                session, tenant_id=self._access.tenant.id, kind="hold.not_released", about=row.id,
                now=self._access.clock.now(),
            )  # fmt: skip
        return self._moved(movement.id, operations)

    def tell_settled(self) -> None:
        """Tell of every hold that was settled lately: by an event, by silence, by whoever died before telling."""
        with self._access.transaction(Permission.RELEASE) as session:
            lately = session.execute(
                text(
                    "SELECT DISTINCT hold.subject FROM holds AS hold JOIN hold_movements AS movement"
                    " ON movement.tenant_id = hold.tenant_id AND movement.hold_id = hold.id"
                    " WHERE hold.tenant_id = :tenant_id AND hold.state = 'settled' AND movement.done_at > :since"
                ),
                {"tenant_id": self._access.tenant.id, "since": self._access.clock.now() - _LATELY},
            ).scalars()
            for subject in sorted(lately):
                self._settled(session, self._access, subject)

    def send_waiting(self) -> int:
        """Transfer what was released and waited for its payee; returns how many transfers were asked for."""
        with self._access.transaction(Permission.RELEASE) as session:
            if why_unsound(session, self._access) is not None:
                return 0
            waiting = session.execute(
                text(
                    "SELECT DISTINCT movement.hold_id FROM hold_shares AS share JOIN hold_movements AS movement"
                    " ON movement.tenant_id = share.tenant_id AND movement.id = share.movement_id"
                    " WHERE share.tenant_id = :tenant_id AND share.state = 'waiting'"
                ),
                {"tenant_id": self._access.tenant.id},
            ).scalars().all()  # fmt: skip
        sent = 0
        for hold_id in waiting:
            with self._access.transaction(Permission.RELEASE) as session:
                lock_hold(session, self._access, hold_id)
                operations = prepare_transfers(session, self._access, hold_id)
            carry(self._access, self._gateway(), operations)
            sent += len(operations)
        return sent

    def _carry_out(
        self, session: Session, hold: HoldRow, movement: MovementRow, *, approver: UUID | None = None,
        answer: str | None = None,
    ) -> tuple[Operation, ...]:  # fmt: skip
        """Approve and carry out, unless a second person has to; within the transaction that holds the hold."""
        if movement.needs_second and approver is None:
            return ()
        if movement.kind == "release":
            refuse_unsound(session, self._access)
        by = approver if approver is not None else movement.requested_by_id
        approved = decide(session, self._access, movement, state="approved", by=by, answer=answer)
        if movement.kind == "release":
            carry_out_release(session, self._access, hold, approved)
            resolve_tasks(
                session, tenant_id=self._access.tenant.id, kind="hold.must_end", about=hold.id,
                now=self._access.clock.now(),
            )  # fmt: skip
            return prepare_transfers(session, self._access, hold.id)
        if movement.kind == "refund":
            return carry_out_refund(session, self._access, hold, approved)
        if movement.kind == "recall":
            return carry_out_recall(session, self._access, hold, approved)
        self._give_up(session, approved)
        return ()

    def _give_up(self, session: Session, movement: MovementRow) -> None:
        tenant_id, currency = self._access.tenant.id, movement.amount.currency
        assert movement.dispute_id is not None
        refuse_more_than_owed(session, self._access, movement)  # it may have been recalled since it was asked for
        post(
            session, tenant_id=tenant_id, key=f"write_off:{movement.id}", subject=f"hold:{movement.hold_id}",
            member_id=self._access.member.id, now=self._access.clock.now(),
            legs=[
                Leg(
                    source=account(session, tenant_id=tenant_id, kind="loss", party="disputes", currency=currency),
                    destination=claim_account(session, self._access, movement.dispute_id, currency),
                    amount=movement.amount, kind="loss",
                )
            ],
        )  # fmt: skip
        end_movement(session, self._access, movement)
        resolve_tasks(
            session, tenant_id=tenant_id, kind="dispute.claim", about=movement.dispute_id,
            now=self._access.clock.now(),
        )  # fmt: skip

    def _funding(self, hold_id: UUID, operation_id: UUID) -> Funding:
        with self._access.transaction(Permission.FUND) as session:
            row = read_holds(session, tenant_id=self._access.tenant.id, where="hold.id = :id", id=hold_id)[0]
            payment = next(p for p in payments_for(session, self._access, row) if p.operation_id == operation_id)
            return Funding(row, payment, receipt_of(session, self._access, f"operation:{operation_id}", "fund"))

    def _allowed_before(self, session: Session, asked: MovementRow) -> Moved | None:
        """One that was allowed before, as it stands; whoever asked for one allows it not, and nobody beyond a limit."""
        if asked.state in ("approved", "done"):
            return self._page(session, asked, already=True)
        refuse_asker(self._access, asked)
        within_limit(session, self._access, asked.amount)
        return None

    def _asked_before(
        self, session: Session, hold: HoldRow, kind: str, available: Money, amount: Money | None, key: str | None
    ) -> Moved | None:
        """The same asked again: the movement that waits or was done."""
        if key is not None:
            found = read_movements(session, self._access, "movement.key = :key", key=key)
            # `ask_for` refuses the key for something else.
            if not found or found[0].kind != kind or (amount is not None and found[0].amount != amount):
                return None
            return self._page(session, found[0], already=True)
        waiting = read_movements(
            session, self._access, "movement.hold_id = :id AND movement.kind = :kind AND movement.state = 'requested'",
            id=hold.id, kind=kind,
        )  # fmt: skip
        if waiting and (amount is None or amount == waiting[0].amount):
            return self._page(session, waiting[0], already=True)
        if available or amount is not None:
            return None
        done = read_movements(
            session, self._access,
            "movement.hold_id = :id AND movement.kind = :kind AND movement.state IN ('approved', 'done')",
            id=hold.id, kind=kind,
        )  # fmt: skip
        if not done:
            # What a bank took back is not held any more, and that is what stands in the way.
            raise Blocked(hold) if kind == "release" and hold.blocks else NothingHeld(hold)
        return self._page(session, done[0], already=True)

    def _checked(self, session: Session, hold: HoldRow, amount: Money, available: Money) -> Money:
        if amount.currency != hold.currency:
            raise InvalidInput(f"{hold.title} is held in {hold.currency}, not in {amount.currency}.")
        if amount.minor <= 0:
            raise InvalidInput(f"{amount} cannot be moved.", hint="It must be above zero.")
        if not available:
            raise NothingHeld(hold)
        if available < amount:
            raise Conflict(
                f"{available} are held for {hold.title}, not {amount}.",
                hint="`engagerr payment show` says what is held and what is set aside.",
                facts={"hold": str(hold.id), "available": available.minor, "asked": amount.minor},
            )
        within_limit(session, self._access, amount)
        return amount

    def _available(self, session: Session, hold: HoldRow) -> Money:
        if not hold.funded:
            return Money(0, hold.currency)
        in_hold = account(
            session, tenant_id=self._access.tenant.id, kind="hold", party=str(hold.id), currency=hold.currency
        )
        return balance(session, tenant_id=self._access.tenant.id, account_id=in_hold).available

    def _moved(self, movement_id: UUID, operations: Sequence[Operation]) -> Moved:
        troubles = carry(self._access, self._gateway(), operations) if operations else ()
        with self._access.transaction(Permission.READ) as session:
            page = self._page(session, movement_by_id(session, self._access, movement_id), troubles=troubles)
            if page.hold is not None and page.hold.state == "settled":
                self._settled(session, self._access, page.hold.subject)
            return page

    def _page(
        self, session: Session, movement: MovementRow, *, already: bool = False, troubles: tuple[str, ...] = ()
    ) -> Moved:
        shares = read_shares(session, self._access, "share.movement_id = :id", id=movement.id)
        holds = read_holds(session, tenant_id=self._access.tenant.id, where="hold.id = :id", id=movement.hold_id)
        return Moved(
            hold=holds[0] if holds else None, movement=movement, shares=shares, already=already, troubles=troubles,
            approvers=approvers_of(session, self._access, movement) if movement.state == "requested" else (),
            receipt=receipt_of(session, self._access, f"movement:{movement.id}", movement.kind),
            parties=dict(party_names(session, self._access, [share.party for share in shares])),
        )  # fmt: skip


def _key(session: Session, access: Access, kind: str, hold: HoldRow, amount: Money | None) -> str:
    """Whoever asks twice before anything has changed asks for one movement."""
    # Figures alone would not do: what was released and recalled stands as it stood before.
    ended: int = session.execute(
        text(
            "SELECT count(*) FROM hold_movements WHERE tenant_id = :tenant_id AND hold_id = :hold_id"
            " AND state IN ('done', 'rejected', 'failed')"
        ),
        {"tenant_id": access.tenant.id, "hold_id": hold.id},
    ).scalar_one()
    stands = f"{hold.funded.minor}:{hold.released.minor}:{hold.refunded.minor}:{hold.lost.minor}"
    return f"{kind}:{hold.id}:{stands}:{ended}:{'all' if amount is None else amount.minor}"


def _alone(session: Session, access: Access, kind: str, hold: HoldRow) -> Money:
    """What was moved of a hold before without a second person: many small movements are a large one.

    What came back since (a recall, a refund that the bank returned) does not count.
    """
    done, under_way = session.execute(
        text(
            "SELECT coalesce(sum(amount_minor) FILTER (WHERE state = 'done'), 0),"
            " coalesce(sum(amount_minor) FILTER (WHERE state = 'approved'), 0) FROM hold_movements"
            " WHERE tenant_id = :tenant_id AND hold_id = :hold_id AND kind = :kind AND NOT needs_second"
            " AND requested_by IS NOT NULL"
        ),
        {"tenant_id": access.tenant.id, "hold_id": hold.id, "kind": kind},
    ).one()
    stands = {"release": hold.released.minor, "refund": hold.refunded.minor}.get(kind, int(done))
    return Money(min(int(done), stands) + int(under_way), hold.currency)
