"""What a contract says of a piece that is live: who sponsors it, that it discloses, who may use it and until when.

These become terms of the content item, so that they reach its family as far as `content.term_rules` lets them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.content.families import family_of
from engagerr.core.content.term_rules import Standing, TermKind, Verdict
from engagerr.core.content.terms import Inherited, inherited_terms
from engagerr.core.deals.contracting.clauses import ContractTerms, UsageRight, terms_of
from engagerr.core.events import open_task, resolve_tasks

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.deals.delivery.deliverable_rounds import DeliverableRow
    from engagerr.core.tenancy import Access

RIGHTS_TASK = "rights.expiring"


@dataclass(frozen=True, slots=True)
class Reach:
    """An item of the family that a right reaches: whether it covers it, and why."""

    item: str
    verdict: Verdict
    why: str


@dataclass(frozen=True, slots=True)
class RightRow:
    """What a brand may do with one live piece. `days_left` is None without an end, below zero once it is over."""

    term_id: UUID
    deliverable_id: UUID
    deliverable: str
    deal: str
    creator: str | None
    item: str
    url: str | None
    party: str | None
    detail: str | None
    starts_on: date | None
    ends_on: date | None
    standing: Standing
    days_left: int | None
    reaches: tuple[Reach, ...]


@dataclass(frozen=True, slots=True)
class _Term:
    kind: TermKind
    party: str
    detail: str | None
    starts_on: date | None
    ends_on: date | None


def days_of(right: UsageRight, live_on: date) -> tuple[date, date | None]:
    """(first day, last day) of a right for a piece that went live on a day; both are within it, None is without end."""
    begins = right.starts or live_on + timedelta(days=right.days_after_live or 0)
    if right.perpetual:
        return begins, None
    ends = right.until or (begins + timedelta(days=right.term_days - 1) if right.term_days else None)
    return (min(begins, ends) if ends else begins), ends


def write_terms(session: Session, access: Access, piece: DeliverableRow) -> int:
    """Step: note on the item what the contract says of a piece that is live; returns how many terms are new."""
    assert piece.item_id is not None
    added = 0
    for term in _terms_of(session, piece):
        added += session.execute(text(_ADD), _values(access, piece.item_id, term)).rowcount
    if added:
        access.audit(session, "deliverable.terms_noted", piece.subject, item=piece.item, terms=added)
    return added


def remove_terms(session: Session, access: Access, piece: DeliverableRow) -> int:
    """Step: take back what `write_terms` noted, of a piece whose item or contract changes after this."""
    if piece.item_id is None:
        return 0
    removed = 0
    for term in _terms_of(session, piece):
        removed += session.execute(text(_REMOVE), _values(access, piece.item_id, term)).rowcount
    return removed


def read_rights(
    session: Session, access: Access, *, on: date, deal_id: UUID | None = None, expiring_days: int | None = None
) -> tuple[RightRow, ...]:
    """The rights to live pieces, the next to end first; with `expiring_days`, those that run and end by then."""
    rows = session.execute(
        text(_RIGHTS),
        {
            "tenant_id": access.tenant.id, "deal_id": deal_id, "on": on,
            "until": None if expiring_days is None else on + timedelta(days=expiring_days),
        },
    ).all()  # fmt: skip
    families: dict[UUID, tuple[Inherited, ...]] = {}
    found = []
    for row in rows:
        family_id = family_of(session, tenant_id=access.tenant.id, item_id=row.item_id)
        if family_id not in families:
            families[family_id] = inherited_terms(session, tenant_id=access.tenant.id, family_id=family_id, on=on)
        over = [one for one in families[family_id] if one.term.id == row.id]
        found.append(
            RightRow(
                row.id, row.deliverable_id, row.ref if row.number == 1 else f"{row.ref}#{row.number}", row.deal,
                row.creator, row.item, row.url, row.party, row.detail, row.starts_on, row.ends_on,
                next(one.standing for one in over if one.is_own),
                (row.ends_on - on).days if row.ends_on else None,
                tuple(Reach(f"{one.platform}:{one.native_id}", one.verdict, one.why) for one in over if not one.is_own),
            )
        )  # fmt: skip
    return tuple(found)


def warn_of_ends(session: Session, access: Access, *, on: date, within_days: int) -> int:
    """Step: a task for every right that ends within days; others of this kind are closed. How many end."""
    ending = read_rights(session, access, on=on, expiring_days=within_days)
    for right in ending:
        ends = right.ends_on.isoformat() if right.ends_on else ""
        open_task(
            session, tenant_id=access.tenant.id, kind=RIGHTS_TASK, about=right.deliverable_id,
            subject=f"{right.item} {ends}",
            message=f"{right.party or 'The brand'} may use {right.item} ({right.deal}) until {ends}.",
            hint="Renew it by an amendment, or see to it that it is taken down: engagerr deliverable rights",
            now=access.clock.now(),
        )  # fmt: skip
    standing = {f"{right.item} {right.ends_on}" for right in ending}
    for task in session.execute(
        text("SELECT about, subject FROM tasks WHERE tenant_id = :tenant_id AND kind = :kind AND resolved_at IS NULL"),
        {"tenant_id": access.tenant.id, "kind": RIGHTS_TASK},
    ):
        if task.subject not in standing:
            resolve_tasks(
                session, tenant_id=access.tenant.id, kind=RIGHTS_TASK, about=task.about, subject=task.subject,
                now=access.clock.now(),
            )  # fmt: skip
    return len(ending)


def _terms_of(session: Session, piece: DeliverableRow) -> list[_Term]:
    document = session.execute(
        text("SELECT terms FROM contract_versions WHERE tenant_id = :keeper AND id = :id"),
        {"keeper": piece.tenant_id, "id": piece.contract_version_id},
    ).scalar_one()
    assert piece.live_at is not None
    return terms_for(terms_of(document), piece, piece.live_at.date())


def terms_for(terms: ContractTerms, piece: DeliverableRow, live_on: date) -> list[_Term]:
    """What a contract says of one piece that went live on a day."""
    brand = terms.parties.brand.name
    found = [
        _Term(TermKind.SPONSORSHIP, brand, f"{piece.deal}: {piece.name}", None, None),
        _Term(TermKind.DISCLOSURE, brand, " or ".join(piece.wording) or None, None, None),
    ]
    for right in terms.usage_rights:
        if not right.deliverables or piece.ref in right.deliverables:
            begins, ends = days_of(right, live_on)
            found.append(_Term(TermKind.USAGE_RIGHTS, brand, _in_words(right), begins, ends))
    return found


def _in_words(right: UsageRight) -> str:
    parts = [", ".join(right.channels), ", ".join(right.territories) or "everywhere"]
    if right.paid_media:
        parts.append("paid media")
    if right.perpetual:
        parts.append("without end")
    if right.note:
        parts.append(right.note)
    return "; ".join(part for part in parts if part)


def _values(access: Access, item_id: UUID, term: _Term) -> dict[str, object]:
    return {
        "tenant_id": access.tenant.id, "item_id": item_id, "kind": str(term.kind), "party": term.party,
        "detail": term.detail, "starts_on": term.starts_on, "ends_on": term.ends_on,
    }  # fmt: skip


_SAME = """
tenant_id = :tenant_id AND item_id = :item_id AND kind = :kind
  AND (party, detail, starts_on, ends_on) IS NOT DISTINCT FROM
      (CAST(:party AS text), CAST(:detail AS text), CAST(:starts_on AS date), CAST(:ends_on AS date))
"""
_ADD = f"""
INSERT INTO content_terms (tenant_id, item_id, kind, party, detail, starts_on, ends_on)
SELECT :tenant_id, :item_id, :kind, :party, :detail, CAST(:starts_on AS date), CAST(:ends_on AS date)
WHERE NOT EXISTS (SELECT FROM content_terms WHERE {_SAME})
"""  # noqa: S608  a condition of this module
_REMOVE = f"DELETE FROM content_terms WHERE {_SAME}"  # noqa: S608  likewise
_RIGHTS = """
SELECT term.id, term.item_id, term.party, term.detail, term.starts_on, term.ends_on, piece.id AS deliverable_id,
       piece.ref, piece.number, piece.creator, piece.item, piece.url, deals.title AS deal
FROM deal_deliverables AS piece
JOIN deals ON deals.tenant_id = piece.tenant_id AND deals.id = piece.deal_id
JOIN content_terms AS term ON term.tenant_id = piece.tenant_id AND term.item_id = piece.item_id
WHERE piece.tenant_id = :tenant_id AND piece.state IN ('live', 'checked') AND term.kind = 'usage_rights'
  AND (CAST(:deal_id AS uuid) IS NULL OR piece.deal_id = :deal_id)
  AND (CAST(:until AS date) IS NULL OR term.ends_on BETWEEN :on AND :until)
ORDER BY term.ends_on NULLS LAST, deals.title, piece.ref, piece.number, term.id
"""
