"""Partnerships that wait: signatures, answers, drafts to approve, what is late, what does not disclose, what ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import text

from engagerr.core.desk.agenda_items import (
    MOST_OF_A_KIND,
    AgendaItem,
    AgendaKind,
    Subject,
    Urgency,
    day_in_words,
    span_in_words,
)
from engagerr.core.money import Money
from engagerr.core.tenancy import Permission

if TYPE_CHECKING:
    from engagerr.core.api import Workspace
    from engagerr.core.deals.delivery.deliverable_rounds import DeliverableRow
    from engagerr.core.deals.delivery.usage_rights import RightRow
    from engagerr.core.deals.pipeline.deal_pages import ListedDeal

RIGHTS_DAYS = 30
OFFER_DAYS = 3
# Contracts whose promises are compared with those of all others; each is two reads.
CLASHES_LOOKED_AT = 10
ASKED = MOST_OF_A_KIND + 1


def contracts(work: Workspace, _now: datetime) -> Iterator[AgendaItem]:
    """Contracts that were sent and that this side has not signed."""
    with work.access.transaction(Permission.READ_DEALS) as session:
        rows = session.execute(text(_TO_SIGN), {"tenant_id": work.tenant.id, "limit": ASKED}).all()
    for row in rows:
        signed = f"{row.brand if row.kept else 'The other side'} has signed. " if row.others else ""
        yield AgendaItem(
            key=f"contract:{row.id}",
            kind=AgendaKind.CONTRACT,
            urgency=Urgency.ATTENTION,
            title=f"Contract waits for your signature: {row.title}",
            detail=f"Sent on {day_in_words(row.sent_at)}. {signed}Nothing is agreed until both sides have signed.",
            amount=None,
            due=None,
            subject=Subject("contract", row.id, row.title),
            decision="sign",
        )


def exclusivities(work: Workspace, _now: datetime) -> Iterator[AgendaItem]:
    """Contracts on their way whose signature would break a promise: the newest ten are looked at."""
    from engagerr.core.deals.contracting.exclusivity import clashes_of, noted_clashes

    tenant_id = work.tenant.id
    with work.access.transaction(Permission.READ_DEALS) as session:
        rows = session.execute(text(_OPEN_VERSIONS), {"tenant_id": tenant_id, "limit": CLASHES_LOOKED_AT}).all()
        found = [
            (row, clash)
            for row in rows
            for clash in (
                *clashes_of(session, row.version_id, tenant_id=tenant_id),
                *noted_clashes(session, row.version_id, tenant_id=tenant_id),
            )[:1]
        ]
    for row, clash in found:
        who = f"{clash.creator} has promised" if clash.creator else "A promise stands to"
        yield AgendaItem(
            key=f"exclusivity:{row.id}",
            kind=AgendaKind.EXCLUSIVITY,
            urgency=Urgency.ATTENTION,
            title=f"Exclusivity stands against {row.title}",
            detail=f"{who} {clash.brand} {clash.category or 'to work for nobody else'} ({clash.contract}). "
            + ("It would be signed and broken." if clash.kind == "noted" else "It cannot be signed as it is."),
            amount=None,
            due=None,
            subject=Subject("contract", row.id, row.title),
            decision="change or end",
        )


def proposals(work: Workspace, now: datetime) -> Iterator[AgendaItem]:
    """Offers that this side is to answer, and own ones that expire within three days."""
    with work.access.transaction(Permission.READ_DEALS) as session:
        rows = session.execute(
            text(_OFFERS), {"tenant_id": work.tenant.id, "soon": now + timedelta(days=OFFER_DAYS), "limit": ASKED}
        ).all()
    for row in rows:
        theirs = row.offered_by != row.our_side
        until = row.valid_until
        over = until is not None and until <= now
        said = "It is open without an end." if until is None else (
            f"It {'was' if over else 'is'} valid until {day_in_words(until)}"
            + (" and counts no longer." if over else "; after that it has to be offered again.")
        )  # fmt: skip
        yield AgendaItem(
            key=f"proposal:{row.id}",
            kind=AgendaKind.PROPOSAL,
            urgency=Urgency.ATTENTION,
            title=f"Offer waits for your answer: {row.title}" if theirs
            else f"Your offer {'has expired' if over else 'expires'}: {row.title}",
            detail=f"{row.sent_by} sent version {row.version} on {day_in_words(row.sent_at)}. {said}",
            amount=Money(row.total_minor, row.currency),
            due=until,
            subject=Subject("deal", row.deal_id, row.title),
            decision="answer" if theirs else "offer again",
        )  # fmt: skip


def deliverables(work: Workspace, now: datetime) -> Iterator[AgendaItem]:
    """Drafts that wait for a yes, and pieces that are late."""
    today, seen = now.date(), set()
    for piece in work.deliverables.list(state="submitted"):
        seen.add(piece.id)
        late = (piece.days_left(today) or 0) < 0
        yield _piece(
            piece, AgendaKind.DELIVERABLE, f"Draft waits for approval: {_whose(piece)}",
            f"Handed in on {day_in_words(piece.submitted_at or piece.state_since)}, round {piece.round}; {piece.brand}"
            " is to answer. Silence may count as a yes, as the contract says.",
            urgency=Urgency.ATTENTION, decision="approve", late=late,
        )  # fmt: skip
    for piece in work.deliverables.deadlines(within_days=0):
        days = piece.days_left(today)
        if piece.id in seen or days is None or days >= 0 or piece.due_on is None:
            continue
        yield _piece(
            piece, AgendaKind.DELIVERABLE, f"Late {-days} d: {_whose(piece)}",
            f"Due {day_in_words(piece.due_on)}, and {piece.state.replace('_', ' ')}; it is the turn of"
            f" {piece.waits_for or 'nobody'}. Its money waits until it is live.",
            urgency=Urgency.ATTENTION, decision="remind or move", late=True,
        )  # fmt: skip


def disclosures(work: Workspace, _now: datetime) -> Iterator[AgendaItem]:
    """Pieces that are live and do not say that they are advertising."""
    for piece in work.deliverables.list(state="live"):
        yield _piece(
            piece, AgendaKind.DISCLOSURE, f"Live without a clear disclosure: {_whose(piece)}",
            f"{piece.item or 'It'} is live since {day_in_words(piece.live_at or piece.state_since)}. Its money stays"
            " blocked until the text is changed, or somebody lets it pass with a reason.",
            urgency=Urgency.DANGER, decision="mend or let pass",
        )  # fmt: skip


def deals(work: Workspace, now: datetime) -> Iterator[AgendaItem]:
    """Deals that stand in their stage for longer than is thought right, those of longest standing first."""
    offered = {"proposed", "negotiating"}
    for deal in work.deals.list():
        if not deal.age.stuck or (deal.row.stage in offered and deal.turn == deal.side):
            continue  # an offer that waits for us is listed as that
        yield _stuck(deal, now)


def rights(work: Workspace, now: datetime) -> Iterator[AgendaItem]:
    """Usage rights that end within 30 days."""
    for right in work.deliverables.rights(expiring_days=RIGHTS_DAYS)[:ASKED]:
        yield _right(right, now)


def _right(right: RightRow, now: datetime) -> AgendaItem:
    assert right.ends_on is not None
    reach = f" and {len(right.reaches)} items of its family" if right.reaches else ""
    return AgendaItem(
        key=f"rights:{right.term_id}",
        kind=AgendaKind.RIGHTS,
        urgency=Urgency.ATTENTION if (right.ends_on - now.date()).days <= 7 else Urgency.QUESTION,
        title=f"Usage rights end {span_in_words((right.ends_on - now.date()).days)}: {right.deal}/{right.deliverable}",
        detail=f"{right.party or 'The brand'} may use {right.item}{reach} until {day_in_words(right.ends_on)}. After"
        " that it has to come down, unless an amendment renews it.",
        amount=None,
        due=_end_of(right.ends_on),
        subject=Subject("deliverable", right.deliverable_id, f"{right.deal}/{right.deliverable}"),
        decision="renew or take down",
    )


def _stuck(deal: ListedDeal, now: datetime) -> AgendaItem:
    turn = "it is your turn" if deal.turn == deal.side else "it is the other side's turn" if deal.turn else "it is over"
    return AgendaItem(
        key=f"deal:{deal.row.id}",
        kind=AgendaKind.DEAL,
        urgency=Urgency.ATTENTION if deal.turn == deal.side else Urgency.QUESTION,
        title=f"Stuck for {deal.age.days} d: {deal.row.title}",
        detail=f"{deal.row.stage.replace('_', ' ').capitalize()} since {day_in_words(deal.row.stage_since)}, {turn};"
        f" {deal.age.limit} days are usual. Nothing happens by itself.",
        amount=deal.worth.amount,
        due=min(now, deal.row.stage_since + timedelta(days=deal.age.limit or 0)),
        subject=Subject("deal", deal.row.id, deal.row.title),
        decision="move or end",
    )


def _piece(
    piece: DeliverableRow, kind: AgendaKind, title: str, detail: str, *, urgency: Urgency, decision: str,
    late: bool = False,
) -> AgendaItem:  # fmt: skip
    return AgendaItem(
        key=f"{kind.value}:{piece.id}",
        kind=kind,
        urgency=urgency,
        title=title,
        detail=detail + (" It is late already." if late and not title.startswith("Late") else ""),
        amount=None,
        due=_end_of(piece.due_on) if piece.due_on and kind is AgendaKind.DELIVERABLE else None,
        subject=Subject("deliverable", piece.id, f"{piece.deal}/{piece.name}"),
        decision=decision,
    )


def _whose(piece: DeliverableRow) -> str:
    by = f" by {piece.creator}" if piece.creator else ""
    return f"{piece.brand}, {piece.kind.replace('_', ' ')}{by} ({piece.deal}/{piece.name})"


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time(23, 59, 59), tzinfo=UTC)


_OURS = "(contract.tenant_id = :tenant_id OR contract.counterparty_id = :tenant_id)"
_TO_SIGN = f"""
SELECT contract.id, contract.title, contract.brand, version.sent_at, contract.tenant_id = :tenant_id AS kept,
       EXISTS (SELECT FROM contract_signatures AS theirs
               WHERE theirs.tenant_id = version.tenant_id AND theirs.version_id = version.id) AS others
FROM contracts AS contract
JOIN contract_versions AS version ON version.tenant_id = contract.tenant_id AND version.contract_id = contract.id
                                 AND version.state = 'sent'
WHERE {_OURS} AND NOT EXISTS (
  SELECT FROM contract_signatures AS own
  WHERE own.tenant_id = version.tenant_id AND own.version_id = version.id
    AND own.side = CASE WHEN (contract.tenant_id = :tenant_id) = (contract.owner_side = 'agency') THEN 'agency'
                        ELSE 'brand' END)
ORDER BY version.sent_at LIMIT :limit
"""  # noqa: S608  a condition of this module
_OPEN_VERSIONS = """
SELECT contract.id, contract.title, version.id AS version_id
FROM contract_versions AS version
JOIN contracts AS contract ON contract.tenant_id = version.tenant_id AND contract.id = version.contract_id
WHERE version.tenant_id = :tenant_id AND version.state IN ('draft', 'sent')
ORDER BY version.id DESC LIMIT :limit
"""
_OFFERS = """
SELECT offer.id, offer.deal_id, offer.version, offer.side AS offered_by, offer.sent_by, offer.sent_at,
       offer.valid_until, offer.total_minor, offer.currency, deals.title,
       CASE WHEN deals.tenant_id = :tenant_id THEN deals.side WHEN deals.side = 'agency' THEN 'brand'
            ELSE 'agency' END AS our_side
FROM proposals AS offer
JOIN deals ON deals.tenant_id = offer.tenant_id AND deals.id = offer.deal_id
WHERE offer.state = 'sent' AND (offer.tenant_id = :tenant_id OR offer.counterparty_id = :tenant_id)
  AND (offer.side <> CASE WHEN deals.tenant_id = :tenant_id THEN deals.side WHEN deals.side = 'agency' THEN 'brand'
                          ELSE 'agency' END
       OR offer.valid_until <= :soon)
ORDER BY offer.valid_until NULLS LAST, offer.id LIMIT :limit
"""
