"""How an offer is written: its first lines, and what is changed about them. Steps and values; none of it commits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from engagerr.core.deals.contracting.clauses import ExclusivityPromise, UsageRight
from engagerr.core.deals.offering.line_items import (
    Line,
    ProposalDocument,
    Wanted,
    checked,
    known_rates,
    lines_of_creators,
    lines_of_package,
    next_ref,
    no_rate,
    picks_of,
    platform_of,
    rate_of,
)
from engagerr.core.deals.pipeline.visibility import DealRow
from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.money import Money
from engagerr.core.roster.identity import find_creator

if TYPE_CHECKING:
    from engagerr.core.db import Session


@dataclass(frozen=True, slots=True)
class LineEdit:
    """What is to be otherwise about a line; None stays as it is, and an empty note is taken away."""

    price: Money | None = None
    quantity: int | None = None
    due_on: date | None = None
    platform: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class TermsEdit:
    """What is to be otherwise about the offer as a whole; None stays as it is."""

    usage_rights: tuple[UsageRight, ...] | None = None
    exclusivity: tuple[ExclusivityPromise, ...] | None = None
    notes: str | None = None
    valid_until: date | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Counter:
    """How an offer differs from the one that it answers: lines by their ref, dropped, or new."""

    edits: Mapping[str, LineEdit] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    add: tuple[Wanted, ...] = ()
    terms: TermsEdit = TermsEdit()


@dataclass(frozen=True, slots=True)
class Source:
    """What a draft is made of: creators' rate cards, a shortlist, or a package as `match package` writes it."""

    creators: tuple[str, ...] = ()
    deliverables: tuple[str, ...] = ()
    shortlist: str | None = None
    package: Mapping[str, Any] | None = None

    @property
    def named(self) -> bool:
        """Whether it says where creators come from."""
        return bool(self.creators or self.shortlist or self.package)


def first_lines(
    session: Session, deal: DealRow, source: Source, *, tenant_id: UUID
) -> tuple[tuple[Line, ...], tuple[str, ...]]:
    """(the lines that a draft begins with, what to look at before it is sent)."""
    brief, linked_list = _linked(session, deal, tenant_id=tenant_id)
    if source.package is not None:
        picks, titled = picks_of(source.package)
        asked = source.deliverables or _deliverables(brief) or _deliverables(_brief(session, titled, tenant_id))
        _on_the_roster(session, [pick.creator_id for pick in picks], tenant_id=tenant_id)
        return lines_of_package(session, picks, asked, tenant_id=tenant_id, currency=deal.currency)
    people: list[tuple[UUID, str]]
    if source.creators:
        people = [creator_of(session, deal, one, tenant_id=tenant_id) for one in source.creators]
    elif source.shortlist:
        people = _shortlisted(session, source.shortlist, tenant_id=tenant_id)
    else:
        people = _people(session, deal)
        if not people and linked_list is not None:
            people = _shortlisted(session, str(linked_list), tenant_id=tenant_id)
    return lines_of_creators(
        session, people, source.deliverables or _deliverables(brief), tenant_id=tenant_id, currency=deal.currency
    )


def with_line(
    session: Session, deal: DealRow, document: ProposalDocument, line: Wanted, *, tenant_id: UUID
) -> ProposalDocument:
    """The document with a further line. Without a price, the creator's rate card says it, or `InvalidInput`."""
    creator_id, name = creator_of(session, deal, line.creator, tenant_id=tenant_id)
    deliverable = "_".join(line.deliverable.split())
    price = line.price
    if price is None:
        price = rate_of(
            session, tenant_id=tenant_id, creator_id=creator_id, deliverable=deliverable, currency=document.currency
        )
    if price is None:
        known = known_rates(session, tenant_id=tenant_id, creator_id=creator_id, currency=document.currency)
        raise no_rate(name, deliverable, document.currency, known)
    added = Line(
        ref=next_ref(document.lines), creator_id=creator_id, creator=name, deliverable=deliverable,
        platform=line.platform or platform_of(deliverable), quantity=line.quantity,
        unit_minor=_minor(price, document), due_on=line.due_on, note=(line.note or "").strip() or None,
    )  # fmt: skip
    return checked(msgspec.structs.replace(document, lines=(*document.lines, added)))


def edited(document: ProposalDocument, ref: str, edit: LineEdit) -> ProposalDocument:
    """The document with one line changed. A price of its own ends the line's part in a package."""
    line = document.line(ref)
    changes: dict[str, Any] = {
        name: value for name in ("quantity", "due_on", "platform") if (value := getattr(edit, name)) is not None
    }
    if edit.note is not None:
        changes["note"] = edit.note.strip() or None
    if edit.price is not None:
        changes |= {"unit_minor": _minor(edit.price, document), "package": None, "list_minor": None}
    changed = msgspec.structs.replace(line, **changes)
    return checked(
        msgspec.structs.replace(document, lines=tuple(changed if one.ref == ref else one for one in document.lines))
    )


def without(document: ProposalDocument, ref: str) -> ProposalDocument:
    """The document without a line; the refs of the others stay."""
    gone = document.line(ref)
    return msgspec.structs.replace(document, lines=tuple(one for one in document.lines if one.ref != gone.ref))


def with_terms(document: ProposalDocument, terms: TermsEdit) -> ProposalDocument:
    """The document with other rights, exclusivity, notes or last day."""
    changes: dict[str, Any] = {
        name: value
        for name in ("usage_rights", "exclusivity", "valid_until")
        if (value := getattr(terms, name)) is not None
    }
    if terms.notes is not None:
        changes["notes"] = terms.notes.strip() or None
    return checked(msgspec.structs.replace(document, **changes))


def creator_of(session: Session, deal: DealRow, named: str, *, tenant_id: UUID) -> tuple[UUID, str]:
    """(id, name) of a creator of the deal; for who keeps it, also of anybody on the roster."""
    for creator_id, name in _people(session, deal):
        if " ".join(named.split()).casefold() in (name.casefold(), str(creator_id)):
            return creator_id, name
    if deal.kept_by(tenant_id):
        return find_creator(session, named)
    raise NotFound(
        f"{named} is not in {deal.title!r}.", hint=f"Ask {deal.keeper} to add them.", facts={"creator": named}
    )


def _minor(price: Money, document: ProposalDocument) -> int:
    if price.currency != document.currency:
        raise InvalidInput(f"{price} is no price in this offer.", hint=f"Say it in {document.currency}.")
    return price.minor


def _people(session: Session, deal: DealRow) -> list[tuple[UUID, str]]:
    rows = session.execute(
        text(
            "SELECT creator_id, name FROM deal_creators WHERE tenant_id = :keeper AND deal_id = :id"
            " ORDER BY name, creator_id"
        ),
        {"keeper": deal.tenant_id, "id": deal.id},
    )
    return [(row.creator_id, row.name) for row in rows]


def _linked(session: Session, deal: DealRow, *, tenant_id: UUID) -> tuple[dict[str, Any] | None, UUID | None]:
    """(the document of the brief that this side linked, the shortlist)."""
    row = session.execute(
        text(
            "SELECT brief.document, own.shortlist_id FROM deal_sides AS own LEFT JOIN briefs AS brief"
            " ON brief.tenant_id = own.tenant_id AND brief.id = own.brief_id"
            " WHERE own.tenant_id = :tenant_id AND own.deal_id = :deal_id"
        ),
        {"tenant_id": tenant_id, "deal_id": deal.id},
    ).one_or_none()
    return (row.document, row.shortlist_id) if row else (None, None)


def _brief(session: Session, title: str | None, tenant_id: UUID) -> dict[str, Any] | None:
    found: dict[str, Any] | None = session.execute(
        text("SELECT document FROM briefs WHERE tenant_id = :tenant_id AND lower(title) = lower(:title)"),
        {"tenant_id": tenant_id, "title": title},
    ).scalar_one_or_none()
    return found


def _deliverables(brief: Mapping[str, Any] | None) -> tuple[str, ...]:
    return tuple((brief or {}).get("deliverables") or ())


def _on_the_roster(session: Session, creators: Sequence[UUID], *, tenant_id: UUID) -> None:
    known = set(
        session.execute(
            text("SELECT id FROM creators WHERE tenant_id = :tenant_id AND id = ANY (:creators)"),
            {"tenant_id": tenant_id, "creators": list(creators)},
        ).scalars()
    )
    if strange := [creator for creator in creators if creator not in known]:
        raise NotFound(
            f"{len(strange)} of {len(creators)} picks of the package are not on this roster.",
            hint="Build the package here: engagerr match package --brief FILE --output json",
            facts={"creators": [str(creator) for creator in strange]},
        )


def _shortlisted(session: Session, named: str, *, tenant_id: UUID) -> list[tuple[UUID, str]]:
    """Who on a shortlist is still in question, the best score of the day first; nobody who is not to be pitched."""
    rows = session.execute(
        text(
            """
            SELECT list.id AS list_id, creator.id, creator.name, creator.do_not_pitch
            FROM shortlists AS list
            LEFT JOIN shortlist_entries AS entry ON entry.tenant_id = list.tenant_id AND entry.shortlist_id = list.id
              AND entry.state IN ('candidate', 'pitched', 'won')
            LEFT JOIN creators AS creator ON creator.tenant_id = entry.tenant_id AND creator.id = entry.creator_id
            WHERE list.tenant_id = :tenant_id AND (list.id::text = lower(:named) OR lower(list.name) = lower(:named))
            ORDER BY (entry.score ->> 'score')::float8 DESC NULLS LAST, creator.name
            """
        ),
        {"tenant_id": tenant_id, "named": " ".join(named.split())},
    ).all()
    if not rows:
        raise NotFound(f"There is no shortlist {named!r}.", hint="`engagerr shortlist list` shows those there are.")
    return [(row.id, row.name) for row in rows if row.id is not None and not row.do_not_pitch]
