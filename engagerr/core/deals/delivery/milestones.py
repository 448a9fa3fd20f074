"""Milestones: what is paid for together, opened from a signed contract and changed by a newer signed one alone.

Each milestone with money in it has a hold, whose shares are the signed contract's: what somebody edits afterwards
changes nothing for money that was agreed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.deals.contracting.clauses import COMMISSION, ContractTerms, CreatorParty, Deliverable, Milestone
from engagerr.core.deals.delivery.disclosure_gate import gate, live_pieces
from engagerr.core.deals.delivery.usage_rights import remove_terms, write_terms
from engagerr.core.events import open_task, resolve_tasks
from engagerr.core.money import Money
from engagerr.core.payments.held.holds import HoldRow, Share, cancel_hold, change_hold, open_hold, read_holds

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.deals.contracting.contract_reading import VersionRow
    from engagerr.core.deals.pipeline.visibility import DealRow
    from engagerr.core.tenancy import Access

_NO_HOLD = "milestone.no_hold"


@dataclass(frozen=True, slots=True)
class MilestoneRow:
    """What is paid for together, as far as it has come.

    `state`: open, submitted (all of it is handed in), approved, cancelled. `pieces` of it are agreed, of which
    `handed_in` were submitted, `approved` approved, `live` are up and `checked` disclose. `hold` is None where nothing
    is held for it, and for the other side of the deal, which sees the books of nobody else.
    """

    id: UUID
    deal_id: UUID
    deal: str
    ref: str
    title: str
    amount: Money
    due_on: date | None
    silence_days: int | None
    state: str
    state_since: datetime
    hold_id: UUID | None
    hold: HoldRow | None
    pieces: int
    handed_in: int
    approved: int
    live: int
    checked: int


def open_milestones(session: Session, access: Access, version: VersionRow) -> tuple[UUID, ...]:
    """Step: make the milestones, deliverables and holds of a deal what a version says that both have signed.

    Of an amendment: what is new is opened, what changed is changed, what is left out is cancelled. `Conflict` where
    money stands against it (less than is funded; a milestone left out that holds some): it is refunded first. Doing it
    again changes nothing. Returns the ids of the milestones, in the order of the contract.
    """
    standing = _refs(session, access, version.deal_id)
    deal = _deal_title(session, access, version)
    before = live_pieces(session, access, deal_id=version.deal_id)
    for piece in before:
        remove_terms(session, access, piece)
    ids: dict[str, UUID] = {}
    for milestone in version.terms.milestones:
        if milestone.ref in standing:
            ids[milestone.ref] = _amend_milestone(session, access, version, milestone, standing[milestone.ref])
        else:
            ids[milestone.ref] = _add_milestone(session, access, version, milestone)
    _bring_deliverables(session, access, version, ids)
    _drop(session, access, version, standing, ids)
    for milestone in version.terms.milestones:
        _bring_hold(session, access, version, milestone, ids[milestone.ref], deal)
    for piece in live_pieces(session, access, deal_id=version.deal_id) if before else ():
        write_terms(session, access, piece)
        gate(session, access, piece)
    access.audit(
        session, "milestones.opened", f"deal:{version.deal_id}", version=version.version, milestones=len(ids),
        deliverables=sum(deliverable.count for deliverable in version.terms.deliverables),
    )  # fmt: skip
    return tuple(ids.values())


def read_milestones(session: Session, access: Access, deal: DealRow) -> tuple[MilestoneRow, ...]:
    """The milestones of a deal, in the order in which they are due; holds of who keeps it."""
    rows = session.execute(text(_MILESTONES), {"keeper": deal.tenant_id, "deal_id": deal.id}).all()
    holds = {}
    if deal.kept_by(access.tenant.id):
        found = read_holds(
            session, tenant_id=access.tenant.id, where="hold.id = ANY (CAST(:ids AS uuid[]))",
            ids=[str(row.hold_id) for row in rows if row.hold_id],
        )  # fmt: skip
        holds = {hold.id: hold for hold in found}
    return tuple(
        MilestoneRow(
            row.id, deal.id, deal.title, row.ref, row.title, Money(row.amount_minor, row.currency), row.due_on,
            row.silence_days, row.state, row.state_since, row.hold_id, holds.get(row.hold_id), row.pieces,
            row.handed_in, row.approved, row.live, row.checked,
        )
        for row in rows
    )  # fmt: skip


_MILESTONES = """
SELECT milestone.*, counted.* FROM deal_milestones AS milestone
CROSS JOIN LATERAL (
  SELECT count(*) AS pieces,
         count(*) FILTER (WHERE piece.state NOT IN ('planned', 'changes_requested')) AS handed_in,
         count(*) FILTER (WHERE piece.state IN ('approved', 'live', 'checked')) AS approved,
         count(*) FILTER (WHERE piece.state IN ('live', 'checked')) AS live,
         count(*) FILTER (WHERE piece.state = 'checked') AS checked
  FROM deal_deliverables AS piece
  WHERE piece.tenant_id = milestone.tenant_id AND piece.milestone_id = milestone.id AND piece.state <> 'cancelled'
) AS counted
WHERE milestone.tenant_id = :keeper AND milestone.deal_id = :deal_id
ORDER BY milestone.due_on NULLS LAST, milestone.ref
"""


# ── Milestones ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _refs(session: Session, access: Access, deal_id: UUID) -> dict[str, Any]:
    rows = session.execute(
        text(
            "SELECT * FROM deal_milestones WHERE tenant_id = :tenant_id AND deal_id = :deal_id ORDER BY id FOR UPDATE"
        ),
        {"tenant_id": access.tenant.id, "deal_id": deal_id},
    )
    return {row.ref: row for row in rows}


def _add_milestone(session: Session, access: Access, version: VersionRow, milestone: Milestone) -> UUID:
    made: UUID = session.execute(
        text(
            """
            INSERT INTO deal_milestones (tenant_id, deal_id, contract_version_id, ref, title, currency, amount_minor,
                                         due_on, silence_days, paid_when, state_since, created_at)
            VALUES (:tenant_id, :deal_id, :version_id, :ref, :title, :currency, :amount, :due_on, :silence_days,
                    :paid_when, :now, :now)
            RETURNING id
            """
        ),
        {**_terms(access, version, milestone), "deal_id": version.deal_id, "currency": version.terms.currency},
    ).scalar_one()
    return made


def _amend_milestone(session: Session, access: Access, version: VersionRow, milestone: Milestone, held: Any) -> UUID:
    session.execute(
        text(
            "UPDATE deal_milestones SET contract_version_id = :version_id, title = :title, amount_minor = :amount,"
            " due_on = :due_on, silence_days = :silence_days, paid_when = :paid_when"
            " WHERE tenant_id = :tenant_id AND id = :id"
        ),
        {**_terms(access, version, milestone), "id": held.id},
    )
    return UUID(str(held.id))


def _terms(access: Access, version: VersionRow, milestone: Milestone) -> dict[str, Any]:
    return {
        "tenant_id": access.tenant.id, "version_id": version.id, "ref": milestone.ref, "title": milestone.title,
        "amount": milestone.amount_minor, "due_on": milestone.due_on, "silence_days": milestone.silence_days,
        "paid_when": milestone.paid_when, "now": access.clock.now(),
    }  # fmt: skip


def _drop(
    session: Session, access: Access, version: VersionRow, standing: dict[str, Any], ids: dict[str, UUID]
) -> None:
    """What the amendment leaves out. Its hold must be empty; the hold refuses otherwise."""
    for ref, row in standing.items():
        if ref in ids or row.state == "cancelled":
            continue
        if row.hold_id is not None:
            cancel_hold(session, access, row.hold_id)
        session.execute(
            text(
                "UPDATE deal_milestones SET contract_version_id = :version_id, state = 'cancelled', state_since = :now"
                " WHERE tenant_id = :tenant_id AND id = :id"
            ),
            {"tenant_id": access.tenant.id, "id": row.id, "version_id": version.id, "now": access.clock.now()},
        )


# ── Deliverables ───────────────────────────────────────────────────────────────────────────────────────────────────

_ADD_PIECE = """
INSERT INTO deal_deliverables (tenant_id, deal_id, milestone_id, contract_version_id, ref, number, creator_id, creator,
                               kind, platform, description, due_on, revisions_allowed, wording, platform_label, country,
                               in_kind, state_since, created_at)
VALUES (:tenant_id, :deal_id, :milestone_id, :version_id, :ref, :number, :creator_id, :creator, :kind, :platform,
        :description, :due_on, :revisions, :wording, :platform_label, :country, :in_kind, :now, :now)
ON CONFLICT (tenant_id, deal_id, ref, number) DO UPDATE SET
  milestone_id = excluded.milestone_id, contract_version_id = excluded.contract_version_id,
  creator_id = excluded.creator_id, creator = excluded.creator, kind = excluded.kind, platform = excluded.platform,
  description = excluded.description, due_on = excluded.due_on, revisions_allowed = excluded.revisions_allowed,
  wording = excluded.wording, platform_label = excluded.platform_label, country = excluded.country,
  in_kind = excluded.in_kind
"""


def _bring_deliverables(session: Session, access: Access, version: VersionRow, ids: dict[str, UUID]) -> None:
    terms = version.terms
    milestone_of = {ref: ids[one.ref] for one in reversed(terms.milestones) for ref in one.deliverables}
    countries = _countries(session, access, terms)
    paid = {share.creator for share in terms.shares if share.weight}
    for deliverable in terms.deliverables:
        who = terms.creator(deliverable.creator)
        values = {
            "tenant_id": access.tenant.id, "deal_id": version.deal_id, "version_id": version.id, "ref": deliverable.ref,
            "milestone_id": milestone_of.get(deliverable.ref), "creator_id": who.creator_id, "creator": who.name,
            "kind": deliverable.kind, "platform": deliverable.platform, "description": deliverable.description,
            "due_on": deliverable.due_on, "revisions": deliverable.revisions, "wording": _wording(terms, deliverable),
            "platform_label": terms.disclosure.platform_label, "country": countries.get(who.key),
            "in_kind": who.key not in paid, "now": access.clock.now(),
        }  # fmt: skip
        for number in range(1, deliverable.count + 1):
            session.execute(text(_ADD_PIECE), {**values, "number": number})
    kept = {deliverable.ref: deliverable.count for deliverable in terms.deliverables}
    _cancel_left_out(session, access, version, kept)


def _cancel_left_out(session: Session, access: Access, version: VersionRow, kept: dict[str, int]) -> None:
    """Pieces that the amendment does not want any more; what is live was made, and stays."""
    left_out = session.execute(
        text(
            "SELECT id, ref, number FROM deal_deliverables WHERE tenant_id = :tenant_id AND deal_id = :deal_id"
            " AND state IN ('planned', 'submitted', 'changes_requested', 'approved') ORDER BY id"
        ),
        {"tenant_id": access.tenant.id, "deal_id": version.deal_id},
    )
    for row in left_out:
        if row.number <= kept.get(row.ref, 0):
            continue
        session.execute(
            text(
                """
                INSERT INTO deliverable_steps (tenant_id, deal_id, deliverable_id, sequence, from_state, to_state, side,
                                               actor_tenant_id, member_id, actor, round, note, contract_version_id, at)
                VALUES (:tenant_id, :deal_id, :id, 0, '', 'cancelled', '', :tenant_id, :member_id, :actor, 0, :note,
                        :version_id, :now)
                """
            ),
            {
                "tenant_id": access.tenant.id, "deal_id": version.deal_id, "id": row.id, "version_id": version.id,
                "member_id": access.member.id, "actor": access.member.name, "now": access.clock.now(),
                "note": f"Version {version.version} of the contract leaves it out.",
            },
        )  # fmt: skip


def _wording(terms: ContractTerms, deliverable: Deliverable) -> list[str]:
    return [deliverable.disclosure] if deliverable.disclosure else list(terms.disclosure.wording)


def _countries(session: Session, access: Access, terms: ContractTerms) -> dict[str, str]:
    """Whose rules of disclosure hold for each creator: where they live, else where the campaign runs if that is one
    country; else the general ones."""
    homes = {
        str(row.id): row.country
        for row in session.execute(
            text("SELECT id, country FROM creators WHERE tenant_id = :tenant_id AND id = ANY (CAST(:ids AS uuid[]))"),
            {"tenant_id": access.tenant.id, "ids": [str(who.creator_id) for who in terms.creators if who.creator_id]},
        )
    }
    campaign = terms.territories[0] if len(terms.territories) == 1 else None
    found = {who.key: who.country or homes.get(str(who.creator_id)) or campaign for who in terms.creators}
    return {key: country.upper() for key, country in found.items() if country and _is_code(country)}


def _is_code(country: str) -> bool:
    return len(country) == 2 and country.isascii() and country.isalpha()


# ── Holds ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _deal_title(session: Session, access: Access, version: VersionRow) -> str:
    title: str = session.execute(
        text("SELECT title FROM deals WHERE tenant_id = :tenant_id AND id = :id"),
        {"tenant_id": access.tenant.id, "id": version.deal_id},
    ).scalar_one()
    return title


def _bring_hold(
    session: Session, access: Access, version: VersionRow, milestone: Milestone, milestone_id: UUID, deal: str
) -> None:
    """Open the hold of a milestone, or bring it to the new terms."""
    held = session.execute(
        text("SELECT hold_id FROM deal_milestones WHERE tenant_id = :tenant_id AND id = :id"),
        {"tenant_id": access.tenant.id, "id": milestone_id},
    ).scalar_one()
    if not held and not (version.terms.payment_terms.held and milestone.amount_minor):
        return
    outside = _not_of_the_roster(version.terms, milestone)
    if outside:
        _ask_for_the_roster(session, access, milestone_id, f"{deal}: {milestone.title}", outside)
        return
    amount = Money(milestone.amount_minor, version.terms.currency)
    shares = [Share(_party(version.terms, key), weight) for key, weight in version.terms.weights(milestone) if weight]
    if held:
        _amend_hold(session, access, held, amount, shares, version.terms_hash)
        return
    hold_id = open_hold(
        session, access, subject=f"milestone:{milestone_id}", title=f"{deal}: {milestone.title}", amount=amount,
        shares=shares, terms_hash=version.terms_hash, customer=version.terms.parties.brand.name,
        silence_days=milestone.silence_days,
    )  # fmt: skip
    session.execute(
        text("UPDATE deal_milestones SET hold_id = :hold_id WHERE tenant_id = :tenant_id AND id = :id"),
        {"tenant_id": access.tenant.id, "id": milestone_id, "hold_id": hold_id},
    )
    resolve_tasks(session, tenant_id=access.tenant.id, kind=_NO_HOLD, about=milestone_id, now=access.clock.now())


def _amend_hold(
    session: Session, access: Access, hold_id: UUID, amount: Money, shares: list[Share], terms_hash: bytes
) -> None:
    if not amount:
        cancel_hold(session, access, hold_id)
        return
    [hold] = read_holds(session, tenant_id=access.tenant.id, where="hold.id = :id", id=hold_id)
    if (hold.agreed, set(hold.shares)) != (amount, set(shares)):
        change_hold(session, access, hold_id, amount=amount, shares=shares, terms_hash=terms_hash)


def _party(terms: ContractTerms, key: str) -> str:
    return COMMISSION if key == COMMISSION else f"creator:{terms.creator(key).creator_id}"


def _not_of_the_roster(terms: ContractTerms, milestone: Milestone) -> list[CreatorParty]:
    """Whom money cannot be held for: nobody here knows how to pay them."""
    keys = [key for key, weight in terms.weights(milestone) if weight and key != COMMISSION]
    return [terms.creator(key) for key in keys if terms.creator(key).creator_id is None]


def _ask_for_the_roster(
    session: Session, access: Access, milestone_id: UUID, title: str, outside: list[CreatorParty]
) -> None:
    who = ", ".join(creator.name for creator in outside)
    open_task(
        session, tenant_id=access.tenant.id, kind=_NO_HOLD, about=milestone_id, subject=title,
        message=f"No money can be held for {title}: {who} is not in the roster.",
        hint="Add them to the roster, and amend the contract so that it names them.", now=access.clock.now(),
    )  # fmt: skip
