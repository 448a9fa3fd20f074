"""A hold as it stands, and the steps that other parts take with it: open, change, deliver, block. It moves no money.

Often called escrow; it is not. Money of a brand is kept on our balance at the payment provider until what it pays for
is delivered, or until the longest time that the rules of the country let it stay there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import Conflict, InvalidInput, NotFound
from engagerr.core.money import Money
from engagerr.core.payments.held.splits import COMMISSION, Share, checked_shares

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session
    from engagerr.core.tenancy import Access

__all__ = [
    "COMMISSION",
    "Block",
    "Blocked",
    "HoldRow",
    "Refusal",
    "Share",
    "block",
    "cancel_hold",
    "change_hold",
    "delivered",
    "find_hold",
    "hold_of",
    "lift",
    "lock_hold",
    "not_delivered",
    "open_hold",
    "read_holds",
]


@dataclass(frozen=True, slots=True)
class Block:
    """What stops a release: `kind` is disclosure, dispute, delivery or manual."""

    kind: str
    reason: str
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Refusal:
    """A release that a person said no to: silence releases nothing until a person has released something after it."""

    movement_id: UUID
    by: str | None
    at: datetime
    reason: str | None


@dataclass(frozen=True, slots=True)
class HoldRow:
    """Money that waits for a delivery. funded = held + released + refunded + lost, always.

    `state`: agreed (nothing came in yet), funded (something is held), settled (nothing is held any more), cancelled.
    `auto_release_at`: when what was delivered is released if nobody answers; None while it does not run, and while a
    `refusal` stands. `must_end_by`: the longest it may be held.
    """

    id: UUID
    subject: str
    title: str
    customer: str
    state: str
    agreed: Money
    funded: Money
    held: Money
    released: Money
    refunded: Money
    lost: Money
    shares: tuple[Share, ...]
    terms_hash: bytes
    silence_days: int
    blocks: tuple[Block, ...]
    opened_at: datetime
    funded_at: datetime | None
    delivered_at: datetime | None
    auto_release_at: datetime | None
    must_end_by: datetime | None
    refusal: Refusal | None = None

    @property
    def currency(self) -> str:
        """The one currency of the hold."""
        return self.agreed.currency


class Blocked(Conflict):
    """Something stops the release of a hold."""

    def __init__(self, hold: HoldRow) -> None:
        first = hold.blocks[0]
        super().__init__(
            f"{hold.title} is not released: {first.reason}",
            hint=_HOW_TO_LIFT[first.kind].replace("{hold}", str(hold.id)[-8:]),
            facts={"hold": str(hold.id), "blocks": [{"kind": b.kind, "reason": b.reason} for b in hold.blocks]},
        )


_HOW_TO_LIFT = {
    "disclosure": "Have the post corrected and check again (engagerr deliverable check), or override it with a reason.",
    "dispute": "The bank decides; `engagerr payment disputes` says until when evidence can be sent.",
    "delivery": "`engagerr deliverable list` says what is not delivered yet.",
    "manual": "Lift it with a reason: engagerr payment unblock {hold} --reason …",
}


def open_hold(
    session: Session,
    access: Access,
    *,
    subject: str,
    title: str,
    amount: Money,
    shares: Sequence[Share],
    terms_hash: bytes,
    customer: str,
    silence_days: int | None = None,
) -> UUID:
    """Agree on a hold for a subject, which has one hold; opening the same again changes nothing. Moves no money.

    `Conflict` where the subject has a hold on other terms.
    """
    if amount.minor <= 0:
        raise InvalidInput(f"A hold of {amount} is not possible.", hint="It must be above zero.")
    kept = checked_shares(shares)
    values = {
        "tenant_id": access.tenant.id, "subject": subject, "title": title.strip() or subject,
        "currency": amount.currency, "agreed": amount.minor, "customer": customer, "terms_hash": terms_hash,
        "shares": _as_json(kept), "now": access.clock.now(),
        "silence_days": access.settings.payments.auto_release_days if silence_days is None else silence_days,
    }  # fmt: skip
    made: UUID | None = session.execute(
        text(
            """
            INSERT INTO holds (tenant_id, subject, title, currency, agreed_minor, customer, shares, terms_hash,
                               silence_days, opened_at)
            VALUES (:tenant_id, :subject, :title, :currency, :agreed, :customer, CAST(:shares AS jsonb), :terms_hash,
                    :silence_days, :now)
            ON CONFLICT (tenant_id, subject) DO NOTHING RETURNING id
            """
        ),
        values,
    ).scalar_one_or_none()
    if made is not None:
        access.audit(session, "hold.opened", f"hold:{made}", of=subject, amount=amount.minor,
                     currency=amount.currency)  # fmt: skip
        return made
    there = hold_of(session, access, subject)
    assert there is not None
    if (there.agreed, there.shares, there.terms_hash) != (amount, kept, terms_hash):
        raise Conflict(
            f"{there.title} has a hold of {there.agreed} on other terms.",
            hint="Terms change by an amendment that both sides sign: engagerr contract amend",
            facts={"hold": str(there.id), "agreed": there.agreed.minor, "asked": amount.minor},
        )
    return there.id


def change_hold(
    session: Session, access: Access, hold_id: UUID, *, amount: Money, shares: Sequence[Share], terms_hash: bytes
) -> HoldRow:
    """Bring a hold to the terms of a newly signed version. Less than what was funded is refused: refund that first."""
    hold = lock_hold(session, access, hold_id)
    if amount.currency != hold.currency:
        raise Conflict(
            f"{hold.title} is held in {hold.currency}, not in {amount.currency}.",
            hint="Cancel the milestone and agree on a new one.",
        )
    if amount < hold.funded:
        raise Conflict(
            f"{hold.funded} of {hold.title} are funded; it cannot become {amount}.",
            hint=f"Refund {hold.funded - amount} first: engagerr payment refund {str(hold.id)[-8:]} --amount …",
            facts={"hold": str(hold.id), "funded": hold.funded.minor, "asked": amount.minor},
        )
    session.execute(
        text(
            "UPDATE holds SET agreed_minor = :agreed, shares = CAST(:shares AS jsonb), terms_hash = :terms_hash"
            " WHERE tenant_id = :tenant_id AND id = :id"
        ),
        {
            "tenant_id": access.tenant.id, "id": hold_id, "agreed": amount.minor, "terms_hash": terms_hash,
            "shares": _as_json(checked_shares(shares)),
        },
    )  # fmt: skip
    access.audit(session, "hold.changed", f"hold:{hold_id}", amount=amount.minor, before=hold.agreed.minor)
    return lock_hold(session, access, hold_id)


def cancel_hold(session: Session, access: Access, hold_id: UUID) -> HoldRow:
    """Give a hold up. What is held must have been refunded or released before, and nothing may be on its way in."""
    hold = lock_hold(session, access, hold_id)
    if hold.held or payments_under_way(session, access, hold_id):
        raise Conflict(
            f"{hold.title} still holds {hold.held}." if hold.held else f"A payment for {hold.title} is on its way.",
            hint=f"Refund it first: engagerr payment refund {str(hold.id)[-8:]}",
            facts={"hold": str(hold.id), "held": hold.held.minor},
        )
    session.execute(
        text(
            "UPDATE holds SET state = 'cancelled', delivered_at = NULL, auto_release_at = NULL"
            " WHERE tenant_id = :tenant_id AND id = :id AND state <> 'cancelled'"
        ),
        {"tenant_id": access.tenant.id, "id": hold_id},
    )
    access.audit(session, "hold.cancelled", f"hold:{hold_id}")
    return lock_hold(session, access, hold_id)


def payments_under_way(session: Session, access: Access, hold_id: UUID) -> int:
    """Minor units of payments for a hold that were asked of the provider and have no end yet."""
    under_way: int = session.execute(
        text(
            """
            SELECT coalesce(sum((request ->> '_amount_minor')::bigint), 0) FROM payment_operations
            WHERE tenant_id = :tenant_id AND subject = :subject AND kind IN ('payment', 'checkout')
              AND state IN ('intended', 'sent', 'unknown', 'awaiting')
            """
        ),
        {"tenant_id": access.tenant.id, "subject": f"hold:{hold_id}"},
    ).scalar_one()
    return int(under_way)


def delivered(session: Session, access: Access, hold_id: UUID, *, at: datetime) -> None:
    """What the hold waits for was handed in: from now on silence runs, after which it is released by itself."""
    hold = lock_hold(session, access, hold_id)
    _silence(session, access, hold_id, since=at, until=at + timedelta(days=hold.silence_days))


def not_delivered(session: Session, access: Access, hold_id: UUID) -> None:
    """It was sent back for changes: silence no longer runs."""
    lock_hold(session, access, hold_id)
    _silence(session, access, hold_id, since=None, until=None)


def block(session: Session, access: Access, hold_id: UUID, *, kind: str, reason: str) -> None:
    """Stop releases of a hold until the block of this kind is lifted; its reason is brought up to date."""
    lock_hold(session, access, hold_id)
    session.execute(
        text(
            """
            INSERT INTO hold_blocks (tenant_id, hold_id, kind, reason, opened_at, opened_by)
            VALUES (:tenant_id, :hold_id, :kind, :reason, :now, :member_id)
            ON CONFLICT (tenant_id, hold_id, kind) WHERE lifted_at IS NULL DO UPDATE SET reason = excluded.reason
            """
        ),
        {
            "tenant_id": access.tenant.id, "hold_id": hold_id, "kind": kind, "reason": reason,
            "now": access.clock.now(), "member_id": access.member.id,
        },
    )  # fmt: skip
    access.audit(session, "hold.blocked", f"hold:{hold_id}", kind=kind, reason=reason)


def lift(session: Session, access: Access, hold_id: UUID, *, kind: str, reason: str | None = None) -> bool:
    """Lift the open block of this kind; False where there is none."""
    lock_hold(session, access, hold_id)
    lifted = session.execute(
        text(
            """
            UPDATE hold_blocks SET lifted_at = :now, lifted_by = :member_id, lifted_because = :reason
            WHERE tenant_id = :tenant_id AND hold_id = :hold_id AND kind = :kind AND lifted_at IS NULL
            """
        ),
        {
            "tenant_id": access.tenant.id, "hold_id": hold_id, "kind": kind, "reason": reason,
            "now": access.clock.now(), "member_id": access.member.id,
        },
    ).rowcount  # fmt: skip
    if lifted:
        access.audit(session, "hold.unblocked", f"hold:{hold_id}", kind=kind, reason=reason)
    return bool(lifted)


def hold_of(session: Session, access: Access, subject: str) -> HoldRow | None:
    """The hold of a subject, if it has one."""
    found = read_holds(session, tenant_id=access.tenant.id, where="hold.subject = :subject", subject=subject)
    return found[0] if found else None


def lock_hold(session: Session, access: Access, hold_id: UUID) -> HoldRow:
    """The hold, still until the transaction ends: whoever decides about its money comes through here first."""
    session.execute(
        text("SELECT FROM holds WHERE tenant_id = :tenant_id AND id = :id FOR UPDATE"),
        {"tenant_id": access.tenant.id, "id": hold_id},
    )
    found = read_holds(session, tenant_id=access.tenant.id, where="hold.id = :id", id=hold_id)
    if not found:
        raise _no_hold(str(hold_id))
    return found[0]


def find_hold(session: Session, access: Access, word: str | UUID) -> UUID:
    """The hold that a word names: its id or the end of it, its subject, its title, or its deal's or milestone's."""
    wanted = str(word).strip()
    # By key where it is one: the rest looks at every hold.
    exact: UUID | None = session.execute(
        text(
            "SELECT id FROM holds WHERE tenant_id = :tenant_id AND (id = :id OR subject = :word) ORDER BY id = :id DESC"
            " LIMIT 1"
        ),
        {"tenant_id": access.tenant.id, "word": wanted, "id": _as_id(wanted)},
    ).scalar_one_or_none()
    if exact is not None:
        return exact
    rows = session.execute(
        text(
            """
            SELECT id, title FROM holds WHERE tenant_id = :tenant_id
              AND (id::text = lower(:word) OR subject = :word OR lower(title) = lower(:word)
                   OR starts_with(lower(title), lower(:word) || ': ')
                   OR right(lower(title), length(:word) + 2) = ': ' || lower(:word)
                   OR (length(:word) >= 6 AND right(id::text, length(:word)) = lower(:word)))
            ORDER BY id LIMIT 3
            """
        ),
        {"tenant_id": access.tenant.id, "word": wanted},
    ).all()
    if not rows:
        raise _no_hold(wanted)
    if len(rows) > 1:
        raise InvalidInput(
            f"{wanted!r} names several holds.",
            hint="Name it by the end of its id: " + ", ".join(str(row.id)[-8:] for row in rows),
        )
    found: UUID = rows[0].id
    return found


def read_holds(session: Session, *, tenant_id: UUID, where: str = "true", **values: object) -> tuple[HoldRow, ...]:
    """Holds as they stand, the oldest first; `where` is SQL of ours about `hold`, never of a caller's."""
    rows = session.execute(
        text(
            f"""
            SELECT hold.*, (
              SELECT json_agg(json_build_object('kind', kind, 'reason', reason, 'opened_at', opened_at)
                              ORDER BY opened_at)
              FROM hold_blocks AS block WHERE block.tenant_id = hold.tenant_id AND block.hold_id = hold.id
                AND block.lifted_at IS NULL) AS blocks, refusal.id AS refused, refusal.decided_at AS refused_at,
              refusal.answer AS refused_because, refusal.name AS refused_by
            FROM holds AS hold LEFT JOIN LATERAL (
              SELECT decision.id, decision.state, decision.decided_at, decision.answer, decider.name
              FROM hold_movements AS decision LEFT JOIN members AS decider
                ON decider.tenant_id = decision.tenant_id AND decider.id = decision.decided_by
              WHERE decision.tenant_id = hold.tenant_id AND decision.hold_id = hold.id AND decision.kind = 'release'
                AND decision.requested_by IS NOT NULL AND decision.state <> 'requested'
              ORDER BY decision.decided_at DESC, decision.id DESC LIMIT 1) AS refusal ON refusal.state = 'rejected'
            WHERE hold.tenant_id = :tenant_id AND ({where}) ORDER BY hold.id
            """  # noqa: S608  `where` is a constant of this package
        ),
        {"tenant_id": tenant_id, **values},
    )
    return tuple(_hold(row) for row in rows)


def _hold(row: Row[Any]) -> HoldRow:
    def money(minor: int) -> Money:
        return Money(minor, row.currency)

    return HoldRow(
        id=row.id, subject=row.subject, title=row.title, customer=row.customer, state=row.state,
        agreed=money(row.agreed_minor), funded=money(row.funded_minor), held=money(row.held_minor),
        released=money(row.released_minor), refunded=money(row.refunded_minor), lost=money(row.lost_minor),
        shares=tuple(Share(share["party"], share["weight"]) for share in row.shares),
        terms_hash=bytes(row.terms_hash), silence_days=row.silence_days,
        blocks=tuple(
            Block(one["kind"], one["reason"], datetime.fromisoformat(one["opened_at"])) for one in row.blocks or ()
        ),
        opened_at=row.opened_at, funded_at=row.funded_at, delivered_at=row.delivered_at,
        auto_release_at=None if row.refused else row.auto_release_at, must_end_by=row.must_end_by,
        refusal=Refusal(row.refused, row.refused_by, row.refused_at, row.refused_because) if row.refused else None,
    )  # fmt: skip


def _as_id(word: str) -> UUID | None:
    try:
        return UUID(word)
    except ValueError:
        return None


def _silence(
    session: Session, access: Access, hold_id: UUID, *, since: datetime | None, until: datetime | None
) -> None:
    session.execute(
        text(
            "UPDATE holds SET delivered_at = :since, auto_release_at = :until"
            " WHERE tenant_id = :tenant_id AND id = :id AND state <> 'cancelled'"
        ),
        {"tenant_id": access.tenant.id, "id": hold_id, "since": since, "until": until},
    )


def _as_json(shares: Sequence[Share]) -> str:
    rows: list[Mapping[str, object]] = [{"party": share.party, "weight": share.weight} for share in shares]
    return json.dumps(rows)


def _no_hold(word: str) -> NotFound:
    return NotFound(
        f"There is no hold {word!r}.",
        hint="`engagerr payment holds` lists them; each milestone of a signed contract opens one.",
        facts={"hold": word},
    )
