"""Verbs on what is offered in a deal: draft it, send it, counter, accept, decline, take back, and compare versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from engagerr.core.deals.offering.comparison import Comparison, changed_fields, compare
from engagerr.core.deals.offering.drafting import (
    Counter,
    LineEdit,
    Source,
    TermsEdit,
    edited,
    first_lines,
    with_line,
    with_terms,
    without,
)
from engagerr.core.deals.offering.limits import (
    Kept,
    Limits,
    check_limit,
    in_currency,
    keep_in_draft,
    keep_with_offer,
    kept_limits,
    limits_of,
)
from engagerr.core.deals.offering.line_items import ProposalDocument, Wanted, priced_as_package
from engagerr.core.deals.offering.offers import (
    Proposal,
    accepted_proposal,
    answer_offer,
    drop_draft,
    read_draft,
    read_offers,
    version_of,
    write_draft,
)
from engagerr.core.deals.offering.sending import keep_limits, send_version
from engagerr.core.deals.pipeline.visibility import DealRow, find_deal
from engagerr.core.errors import Conflict, InvalidInput, NotFound
from engagerr.core.money import Money
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session

__all__ = [
    "Counter", "Drafted", "LineEdit", "Proposal", "ProposalDocument", "Proposals", "Source", "TermsEdit", "Wanted",
    "accepted_proposal",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Drafted:
    """A draft, and what to look at before it is sent: what has no price, what was divided evenly."""

    proposal: Proposal
    said: tuple[str, ...] = ()


class Proposals:
    """The offers of the deals that this workspace is in."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def list(self, deal: str | UUID) -> tuple[Proposal, ...]:
        """This workspace's draft, if it has one, and every version that was sent, the newest first."""
        with self._access.transaction(Permission.READ_DEALS) as session:
            return self._versions(session, self._find(session, deal))

    def show(self, deal: str | UUID, version: str | int | None = None) -> Proposal:
        """One version: a number, "draft", or None for the draft if there is one and else the newest.

        It has nothing in it that is kept to oneself, so it may be handed on as it is.
        """
        with self._access.transaction(Permission.READ_DEALS) as session:
            found = self._find(session, deal)
            return self._version(session, found, version)

    def compare(self, deal: str | UUID, before: str | int | None = None, after: str | int | None = None) -> Comparison:
        """Two versions line by line; without names, the newest (or the draft) against the one before it."""
        with self._access.transaction(Permission.READ_DEALS) as session:
            versions = self._versions(session, self._find(session, deal))
            if before is None and after is None:
                if len(versions) < 2:
                    raise Conflict("There are no two versions to compare.", hint="Send one, and have it countered.")
                later, earlier = versions[0], versions[1]
            else:
                drafts = tuple(one for one in versions if one.version is None)
                sent = tuple(one for one in versions if one.version is not None)
                draft = drafts[0] if drafts else None
                earlier = version_of(sent, draft, before if before is not None else _before(after, sent))
                later = version_of(sent, draft, after)
            return compare(earlier.document, later.document, names=(earlier.name, later.name))

    # Drafting

    def draft(
        self,
        deal: str | UUID,
        source: Source | None = None,
        *,
        version: str | int | None = None,
        replace: bool = False,
    ) -> Drafted:
        """Begin a draft: of a version that was sent, of a package, of a shortlist, or of creators' rate cards.

        Without any of these, of the newest version, and in a new deal of its creators. Deliverables not named are those
        of the deal's brief, or all that a rate card prices. A package is what `engagerr match package --output json`
        writes; its lines come to its price. Nobody but this workspace sees a draft. `Conflict` where there is one
        already and `replace` was not said.
        """
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            held = self._held(session, deal)
            if read_draft(session, held, tenant_id=self._access.tenant.id) is not None and not replace:
                raise Conflict(
                    f"There is a draft for {held.title!r} already.",
                    hint=f'See it: engagerr proposal show "{held.title}" draft; begin anew with --replace.',
                )
            kept = kept_limits(session, held, tenant_id=self._access.tenant.id)
            source = source or Source()
            sent = read_offers(session, held, tenant_id=self._access.tenant.id, now=self._access.clock.now())
            if version is not None or (sent and not source.named):
                said: tuple[str, ...] = ()
                document = msgspec.structs.replace(version_of(sent, None, version).document, valid_until=None)
            else:
                lines, said = first_lines(session, held, source, tenant_id=self._access.tenant.id)
                document = ProposalDocument(currency=held.currency, lines=lines)
            drafted = self._write_draft(session, held, document, None)
            keep_in_draft(session, held, kept, tenant_id=self._access.tenant.id, now=self._access.clock.now())
            return Drafted(drafted, said)

    def add_line(self, deal: str | UUID, line: Wanted) -> Proposal:
        """Add a line to the draft (made if missing); without a price, the creator's rate card says it."""
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            held = self._held(session, deal)
            document, message = self._draft_or_new(session, held)
            return self._write_draft(
                session, held, with_line(session, held, document, line, tenant_id=self._access.tenant.id), message
            )

    def set_line(self, deal: str | UUID, ref: str, edit: LineEdit) -> Proposal:
        """Change a line of the draft. A price makes an end of the line's part in a package."""
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            held = self._held(session, deal)
            document, message = self._draft(session, held)
            return self._write_draft(session, held, edited(document, ref, edit), message)

    def remove_line(self, deal: str | UUID, ref: str) -> Proposal:
        """Take a line out of the draft."""
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            held = self._held(session, deal)
            document, message = self._draft(session, held)
            return self._write_draft(session, held, without(document, ref), message)

    def set_terms(self, deal: str | UUID, terms: TermsEdit) -> Proposal:
        """Change the draft's rights, exclusivity, notes, last day or message."""
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            held = self._held(session, deal)
            document, message = self._draft_or_new(session, held)
            said = message if terms.message is None else terms.message.strip() or None
            return self._write_draft(session, held, with_terms(document, terms), said)

    def price_package(self, deal: str | UUID, name: str, price: Money, *, refs: Sequence[str] = ()) -> Proposal:
        """Sell lines of the draft (none named: all) together for one price, divided by what they cost alone."""
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            held = self._held(session, deal)
            document, message = self._draft(session, held)
            return self._write_draft(session, held, priced_as_package(document, name, price, refs), message)

    def discard(self, deal: str | UUID) -> bool:
        """Throw the draft away; false if there was none."""
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            return drop_draft(session, self._held(session, deal), tenant_id=self._access.tenant.id)

    # What is kept to oneself

    def limits(self, deal: str | UUID) -> Limits:
        """How far this side goes, what it costs, and the margin. The other side never sees it."""
        with self._access.transaction(Permission.READ_DEALS) as session:
            self._access.require(Permission.READ_TERMS, session)
            return self._limits(session, self._find(session, deal))

    def set_limits(
        self, deal: str | UUID, *, limit: Money | None = None, cost: Money | None = None, note: str | None = None
    ) -> Limits:
        """Set the floor (a brand: the ceiling), the cost or a note, beside the draft or else the newest version."""
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            self._access.require(Permission.EDIT_TERMS, session)
            held, tenant_id, now = self._held(session, deal), self._access.tenant.id, self._access.clock.now()
            before = kept_limits(session, held, tenant_id=tenant_id)
            kept = Kept(
                before.limit_minor if limit is None else in_currency(held, limit, "limit"),
                before.cost_minor if cost is None else in_currency(held, cost, "cost"),
                before.note if note is None else note.strip() or None,
            )
            if not keep_in_draft(session, held, kept, tenant_id=tenant_id, now=now):
                sent = read_offers(session, held, tenant_id=tenant_id, now=now)
                newest = version_of(sent, None, None).id
                assert newest is not None
                keep_with_offer(session, held, newest, kept, tenant_id=tenant_id, now=now)
            self._access.audit(session, "proposal.limits_set", held.subject)
            return self._limits(session, held)

    # Sending and answering

    def send(
        self, deal: str | UUID, *, message: str | None = None, valid_days: int | None = None, despite: str | None = None
    ) -> Proposal:
        """Send the draft: the other side reads it from now on, and nobody can change it any more.

        It takes the place of the open version. Valid for two weeks unless the draft or `valid_days` says otherwise.
        What is beyond this side's limit is refused (`BeyondLimit`) unless `despite` says why.
        """
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            held = self._held(session, deal)
            document, said = self._draft(session, held)
            kept = kept_limits(session, held, tenant_id=self._access.tenant.id)
            sent = send_version(
                session, self._access, held, document, message or said, valid_days=valid_days, despite=despite
            )
            drop_draft(session, held, tenant_id=self._access.tenant.id)
            keep_limits(session, self._access, held, sent, kept, despite)
            return sent

    def counter(
        self,
        deal: str | UUID,
        counter: Counter,
        *,
        valid_days: int | None = None,
        theirs: bool = False,
        despite: str | None = None,
    ) -> Proposal:
        """Answer the newest version with one that differs. `theirs` puts down what an outside brand asked for.

        `Conflict` where nothing differs: then accept it.
        """
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            held = self._held(session, deal)
            self._speak(held, theirs=theirs)
            now = self._access.clock.now()
            newest = version_of(read_offers(session, held, tenant_id=self._access.tenant.id, now=now), None, None)
            document = msgspec.structs.replace(newest.document, valid_until=None)
            for ref, edit in counter.edits.items():
                document = edited(document, ref, edit)
            for ref in counter.drop:
                document = without(document, ref)
            for line in counter.add:
                document = with_line(session, held, document, line, tenant_id=self._access.tenant.id)
            document = with_terms(document, counter.terms)
            if not changed_fields(msgspec.structs.replace(newest.document, valid_until=None), document):
                raise Conflict(
                    f"That is {newest.name} as it stands.", hint=f'Accept it: engagerr proposal accept "{held.title}"'
                )
            kept = kept_limits(session, held, tenant_id=self._access.tenant.id)
            sent = send_version(
                session, self._access, held, document, counter.terms.message, valid_days=valid_days, theirs=theirs,
                despite=despite,
            )  # fmt: skip
            keep_limits(session, self._access, held, sent, kept, None if theirs else despite)
            return sent

    def accept(
        self, deal: str | UUID, *, answer: str | None = None, theirs: bool = False, despite: str | None = None
    ) -> Proposal:
        """Say yes to the open version of the other side; `theirs` puts down the yes of an outside brand to ours.

        A contract is made of it next. What is beyond this side's limit is refused (`BeyondLimit`) unless `despite` says
        why.
        """
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            held = self._held(session, deal)
            self._speak(held, theirs=theirs)
            offer = self._open(session, held, mine=theirs)
            if not theirs:
                check_limit(session, held, offer.total, tenant_id=self._access.tenant.id, despite=despite)
            done = answer_offer(session, self._access, held, offer, "accepted", answer=answer, theirs=theirs)
            if despite and not theirs:
                kept = kept_limits(session, held, tenant_id=self._access.tenant.id)
                keep_limits(session, self._access, held, done, kept, despite)
            return done

    def decline(self, deal: str | UUID, *, reason: str, theirs: bool = False) -> Proposal:
        """Say no to the open version; the deal goes on. To end the deal: `Deals.decline`."""
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            held = self._held(session, deal)
            self._speak(held, theirs=theirs)
            offer = self._open(session, held, mine=theirs)
            return answer_offer(session, self._access, held, offer, "declined", answer=_why(reason), theirs=theirs)

    def withdraw(self, deal: str | UUID, *, reason: str) -> Proposal:
        """Take the open version back, or give up the accepted one while there is no contract."""
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            held = self._held(session, deal)
            now, tenant_id = self._access.clock.now(), self._access.tenant.id
            for offer in read_offers(session, held, tenant_id=tenant_id, now=now):
                if offer.state == "accepted" or (offer.state in ("sent", "expired") and offer.mine
                                                 and offer.answered_at is None):  # fmt: skip
                    return answer_offer(
                        session, self._access, held, offer, "withdrawn", answer=_why(reason), theirs=False
                    )
            raise Conflict(
                f"Nothing of yours is open in {held.title!r}.", hint=f'engagerr proposal list "{held.title}"'
            )

    # Steps

    def _find(self, session: Session, deal: str | UUID) -> DealRow:
        return find_deal(session, deal, tenant_id=self._access.tenant.id)

    def _held(self, session: Session, deal: str | UUID) -> DealRow:
        return find_deal(session, deal, tenant_id=self._access.tenant.id, lock=True)

    def _versions(self, session: Session, deal: DealRow) -> tuple[Proposal, ...]:
        draft = read_draft(session, deal, tenant_id=self._access.tenant.id)
        sent = read_offers(session, deal, tenant_id=self._access.tenant.id, now=self._access.clock.now())
        return (*((draft,) if draft else ()), *sent)

    def _version(self, session: Session, deal: DealRow, version: str | int | None) -> Proposal:
        versions = self._versions(session, deal)
        draft = versions[0] if versions and versions[0].version is None else None
        return version_of(versions[1:] if draft else versions, draft, version)

    def _draft(self, session: Session, deal: DealRow) -> tuple[ProposalDocument, str | None]:
        draft = read_draft(session, deal, tenant_id=self._access.tenant.id)
        if draft is None:
            raise NotFound(
                f"There is no draft for {deal.title!r}.", hint=f'Begin one: engagerr proposal draft "{deal.title}"'
            )
        return draft.document, draft.message

    def _draft_or_new(self, session: Session, deal: DealRow) -> tuple[ProposalDocument, str | None]:
        draft = read_draft(session, deal, tenant_id=self._access.tenant.id)
        return (draft.document, draft.message) if draft else (ProposalDocument(currency=deal.currency), None)

    def _write_draft(
        self, session: Session, deal: DealRow, document: ProposalDocument, message: str | None
    ) -> Proposal:
        return write_draft(
            session, deal, document, message, tenant_id=self._access.tenant.id, now=self._access.clock.now()
        )

    def _limits(self, session: Session, deal: DealRow) -> Limits:
        versions = self._versions(session, deal)
        of = next((one for one in versions if one.version is None or one.state in ("sent", "accepted")), None)
        newest = of or (versions[0] if versions else None)
        return limits_of(
            session, deal, newest.document if newest else None, newest.name if newest else "nothing yet",
            tenant_id=self._access.tenant.id, today=self._access.clock.now().date(),
        )  # fmt: skip

    def _open(self, session: Session, deal: DealRow, *, mine: bool) -> Proposal:
        """The version that waits for an answer, if it is of the side that is meant."""
        offers = read_offers(session, deal, tenant_id=self._access.tenant.id, now=self._access.clock.now())
        offer = next((one for one in offers if one.answered_at is None), None)
        if offer is None:
            raise Conflict(
                f"No version waits for an answer in {deal.title!r}.",
                hint=f'engagerr proposal list "{deal.title}"', facts={"deal": str(deal.id)},
            )  # fmt: skip
        if offer.mine is not mine:
            raise Conflict(
                f"{offer.name.capitalize()} is {'yours' if offer.mine else 'theirs'}: who was offered says yes or no.",
                hint="Put down what an outside brand said with --theirs, or take yours back: engagerr proposal withdraw"
                if offer.mine else "Answer it without --theirs.",
                facts={"deal": str(deal.id), "version": offer.version},
            )  # fmt: skip
        return offer

    def _speak(self, deal: DealRow, *, theirs: bool) -> None:
        if theirs and not deal.alone:
            other = deal.counterparty if deal.kept_by(self._access.tenant.id) else deal.keeper
            raise Conflict(f"{other} has a workspace here and speaks for itself.", hint="Wait for their answer.")


def _before(after: str | int | None, sent: Sequence[Proposal]) -> str | int | None:
    """The version before the one that is named."""
    named = str(after).lower().removeprefix("v")
    numbers = [one.version for one in sent if one.version is not None]
    if named.isdecimal():
        return max((number for number in numbers if number < int(named)), default=None)
    return max(numbers, default=None)


def _why(reason: str) -> str:
    if not reason.strip():
        raise InvalidInput("Say why.", hint="Add --reason WORDS; the other side reads it.")
    return reason.strip()
