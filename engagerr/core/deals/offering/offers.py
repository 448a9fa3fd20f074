"""Offers as they stand in the database: reading them, sending one, what becomes of it. Steps; none commits."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from engagerr.core.db import constraint_of
from engagerr.core.deals.offering.line_items import ProposalDocument, checked, document_of, stored_of
from engagerr.core.deals.pipeline.stages import OFFERING, said
from engagerr.core.deals.pipeline.visibility import DealRow, Side
from engagerr.core.deals.words import readable
from engagerr.core.errors import Conflict, InvalidInput, NotFound
from engagerr.core.money import Money

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.tenancy import Access

DRAFT = "draft"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A version of the offer in a deal, or this workspace's draft of the next one (then `id` and `version` are None).

    `side` is who offers; `mine` whether this workspace is on that side. `state` is draft, sent, countered, accepted,
    declined, expired or withdrawn. `valid_until` is the first moment at which it is not valid any more.
    """

    deal_id: UUID
    deal: str
    id: UUID | None
    version: int | None
    side: Side
    mine: bool
    state: str
    document: ProposalDocument
    total: Money
    valid_until: datetime | None
    message: str | None
    sent_by: str | None
    sent_at: datetime | None
    answer: str | None
    answered_by: str | None
    answered_at: datetime | None

    @property
    def name(self) -> str:
        """ "version 2", or "the draft"."""
        return "the draft" if self.version is None else f"version {self.version}"


class NothingAccepted(Conflict):
    """The two sides do not want the same version yet."""

    def __init__(self, deal_id: UUID) -> None:
        super().__init__(
            "No version of the offer is accepted.",
            hint="Who was offered last says yes: engagerr proposal accept DEAL (--theirs for an outside brand).",
            facts={"deal": str(deal_id)},
        )


def read_offers(session: Session, deal: DealRow, *, tenant_id: UUID, now: datetime) -> tuple[Proposal, ...]:
    """Every version that was sent, the newest first. What is past its day reads as expired."""
    rows = session.execute(
        text("SELECT * FROM proposals WHERE tenant_id = :keeper AND deal_id = :deal_id ORDER BY version DESC"),
        {"keeper": deal.tenant_id, "deal_id": deal.id},
    )
    return tuple(_proposal(row, deal, tenant_id=tenant_id, now=now) for row in rows)


def open_offer(session: Session, deal: DealRow, *, tenant_id: UUID, now: datetime) -> Proposal | None:
    """The version that waits for an answer; one that is past its day waits for none."""
    for offer in read_offers(session, deal, tenant_id=tenant_id, now=now):
        if offer.state == "sent":
            return offer
    return None


def accepted_proposal(session: Session, deal_id: UUID) -> Proposal:
    """The version that both sides want, as either of them reads it; `NothingAccepted` where there is none."""
    row = session.execute(
        text(
            "SELECT proposals.*, deals.title, deals.side AS keeper_side FROM proposals JOIN deals"
            " ON deals.tenant_id = proposals.tenant_id AND deals.id = proposals.deal_id"
            " WHERE (deals.tenant_id = engagerr_tenant() OR deals.counterparty_id = engagerr_tenant())"
            " AND proposals.deal_id = :deal_id AND proposals.state = 'accepted'"
        ),
        {"deal_id": deal_id},
    ).one_or_none()
    if row is None:
        raise NothingAccepted(deal_id)
    mine = session.execute(text("SELECT engagerr_tenant() = :keeper"), {"keeper": row.tenant_id}).scalar_one()
    my_side = Side(row.keeper_side) if mine else Side(row.keeper_side).other
    return _of_row(row, title=row.title, mine=Side(row.side) is my_side, state=row.state)


def read_draft(session: Session, deal: DealRow, *, tenant_id: UUID) -> Proposal | None:
    """What this workspace is about to send; nobody else sees it."""
    row = session.execute(
        text("SELECT * FROM proposal_drafts WHERE tenant_id = :tenant_id AND deal_id = :deal_id"),
        {"tenant_id": tenant_id, "deal_id": deal.id},
    ).one_or_none()
    if row is None:
        return None
    return drafted(deal, document_of(row.document), row.message, tenant_id=tenant_id)


def drafted(deal: DealRow, document: ProposalDocument, message: str | None, *, tenant_id: UUID) -> Proposal:
    """A draft of this workspace."""
    return Proposal(
        deal_id=deal.id, deal=deal.title, id=None, version=None, side=deal.side_of(tenant_id), mine=True, state=DRAFT,
        document=document, total=document.total, valid_until=_end_of(document.valid_until), message=message,
        sent_by=None, sent_at=None, answer=None, answered_by=None, answered_at=None,
    )  # fmt: skip


def write_draft(
    session: Session, deal: DealRow, document: ProposalDocument, message: str | None, *, tenant_id: UUID, now: datetime
) -> Proposal:
    """Keep the draft in place of the one that was there; what is kept to oneself beside it stays."""
    session.execute(
        text(
            """
            INSERT INTO proposal_drafts (tenant_id, deal_id, deal_tenant_id, document, message, updated_at)
            VALUES (:tenant_id, :deal_id, :keeper, CAST(:document AS jsonb), :message, :now)
            ON CONFLICT (tenant_id, deal_id) DO UPDATE
              SET document = excluded.document, message = excluded.message, updated_at = excluded.updated_at
            """
        ),
        {
            "tenant_id": tenant_id, "deal_id": deal.id, "keeper": deal.tenant_id, "now": now,
            "message": readable(message or "", "message") or None,
            "document": json.dumps(stored_of(checked(document))),
        },
    )  # fmt: skip
    return drafted(deal, document, message, tenant_id=tenant_id)


def drop_draft(session: Session, deal: DealRow, *, tenant_id: UUID) -> bool:
    """Throw the draft away; true if there was one."""
    values = {"tenant_id": tenant_id, "deal_id": deal.id}
    statement = text("DELETE FROM proposal_drafts WHERE tenant_id = :tenant_id AND deal_id = :deal_id")
    return bool(session.execute(statement, values).rowcount)


def write_offer(
    session: Session, access: Access, deal: DealRow, document: ProposalDocument, message: str | None, *, side: Side
) -> Proposal:
    """Send a version, for this side or (of an outside brand) for the other. It takes the place of the open one."""
    now = access.clock.now()
    if not document.lines:
        raise InvalidInput("An offer of nothing is none.", hint=f'Add lines: engagerr proposal add "{deal.title}" …')
    if document.valid_until is not None and document.valid_until < now.date():
        raise InvalidInput(f"It would be valid until {document.valid_until}, which is past.", hint="Give a later day.")
    mine = side is deal.side_of(access.tenant.id)
    with refused_in_words(deal):
        row = session.execute(
            text(
                """
                INSERT INTO proposals (tenant_id, deal_id, version, side, document, currency, total_minor, valid_until,
                                       message, sent_by, sent_at)
                VALUES (:keeper, :deal_id, 0, :side, CAST(:document AS jsonb), :currency, :total, :valid_until,
                        :message, :sent_by, :now)
                RETURNING *
                """
            ),
            {
                "keeper": deal.tenant_id, "deal_id": deal.id, "side": side, "currency": document.currency,
                "document": json.dumps(stored_of(checked(document))), "total": document.total.minor, "now": now,
                "valid_until": _end_of(document.valid_until), "message": readable(message or "", "message") or None,
                "sent_by": spoken_by(access, deal, theirs=not mine),
            },
        ).one()  # fmt: skip
    sent = _proposal(row, deal, tenant_id=access.tenant.id, now=now)
    access.audit(session, "proposal.sent", f"proposal:{sent.id}", deal=deal.id, version=sent.version, side=side,
                 total=sent.total.minor, currency=sent.total.currency)  # fmt: skip
    return sent


def answer_offer(
    session: Session, access: Access, deal: DealRow, offer: Proposal, state: str, *, answer: str | None, theirs: bool
) -> Proposal:
    """Accept, decline or withdraw; the database knows who may."""
    now = access.clock.now()
    with refused_in_words(deal, offer):
        row = session.execute(
            text(
                "UPDATE proposals SET state = :state, answer = :answer, answered_by = :by, answered_at = :now"
                " WHERE tenant_id = :keeper AND id = :id RETURNING *"
            ),
            {
                "state": state, "answer": readable(answer or "", "answer") or None,
                "by": spoken_by(access, deal, theirs=theirs), "now": now,
                "keeper": deal.tenant_id, "id": offer.id,
            },
        ).one()  # fmt: skip
    access.audit(session, f"proposal.{state}", f"proposal:{offer.id}", deal=deal.id, version=offer.version,
                 answer=answer)  # fmt: skip
    return _proposal(row, deal, tenant_id=access.tenant.id, now=now)


def spoken_by(access: Access, deal: DealRow, *, theirs: bool) -> str:
    """Who says it: a member here, or the outside side as a member put it down."""
    return f"{deal.brand} (put down by {access.member.name})" if theirs else access.member.name


def version_of(offers: tuple[Proposal, ...], draft: Proposal | None, word: str | int | None) -> Proposal:
    """The version that is meant: a number, "draft", or None for the draft if there is one and else the newest."""
    if word is None and draft is not None:
        return draft
    if word is None and offers:
        return offers[0]
    named = str(word).strip().lower().removeprefix("version").strip().removeprefix("v")
    versions: tuple[Proposal, ...] = (*((draft,) if draft is not None else ()), *offers)
    for offer in versions:
        if named == (DRAFT if offer.version is None else str(offer.version)):
            return offer
    known = [*(["draft"] if draft else []), *(str(offer.version) for offer in offers)]
    raise NotFound(
        f"There is no version {word} of the offer." if word is not None else "Nothing was drafted or offered yet.",
        hint=f"There are: {', '.join(known)}." if known else "Begin one: engagerr proposal draft DEAL",
    )


@contextlib.contextmanager
def refused_in_words(deal: DealRow, offer: Proposal | None = None) -> Iterator[None]:
    """What the database refuses about an offer, in words."""
    try:
        yield
    except IntegrityError as error:
        constraint = constraint_of(error)
        facts = {"deal": str(deal.id), "constraint": constraint}
        if constraint == "proposals_deal_open":
            raise Conflict(
                f"{deal.title!r} is {said(deal.stage)}: offers are made while it is {', '.join(OFFERING)}.",
                hint="What a signed contract says is changed by an amendment: engagerr contract amend", facts=facts,
            ) from error  # fmt: skip
        if constraint in ("proposals_none_accepted", "proposals_accepted_key"):
            raise Conflict(
                "A version is accepted already.",
                hint=f'Give it up first: engagerr proposal withdraw "{deal.title}" --reason WORDS', facts=facts,
            ) from error  # fmt: skip
        if constraint == "proposals_valid":
            raise Conflict(
                "The offer is not valid any more.", hint="Ask for it again, or make an offer of your own.", facts=facts
            ) from error
        if constraint in ("proposals_step", "proposals_own_side") and offer is not None:
            raise Conflict(
                f"{offer.name.capitalize()} is {offer.state}, and this side cannot change that so.",
                hint="Who was offered accepts or declines; who offers takes back.", facts=facts,
            ) from error  # fmt: skip
        raise


def _end_of(day: date | None) -> datetime | None:
    """The end of a day in UTC."""
    return None if day is None else datetime.combine(day + timedelta(days=1), time(), UTC)


def _proposal(row: Any, deal: DealRow, *, tenant_id: UUID, now: datetime) -> Proposal:
    late = row.state == "sent" and row.valid_until is not None and row.valid_until <= now
    return _of_row(
        row, title=deal.title, mine=Side(row.side) is deal.side_of(tenant_id), state="expired" if late else row.state
    )


def _of_row(row: Any, *, title: str, mine: bool, state: str) -> Proposal:
    return Proposal(
        deal_id=row.deal_id, deal=title, id=row.id, version=row.version, side=Side(row.side), mine=mine, state=state,
        document=document_of(row.document), total=Money(row.total_minor, row.currency), valid_until=row.valid_until,
        message=row.message, sent_by=row.sent_by, sent_at=row.sent_at, answer=row.answer, answered_by=row.answered_by,
        answered_at=row.answered_at,
    )  # fmt: skip
