"""The page of one deal, from every feature: offers, contract, pieces, money, what happened, what happens by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from engagerr.core.desk.creator import Part
from engagerr.core.desk.figures import Figure
from engagerr.core.errors import EngagerrError, Forbidden
from engagerr.core.tenancy import Permission

if TYPE_CHECKING:
    from engagerr.core.api import Workspace
    from engagerr.core.deals.contracting.contracts import ContractShown
    from engagerr.core.deals.delivery.deliverables import DeliverableDetail
    from engagerr.core.deals.delivery.milestones import MilestoneRow
    from engagerr.core.deals.offering.offers import Proposal
    from engagerr.core.deals.pipeline.deal_pages import DealPage
    from engagerr.core.money import Money
    from engagerr.core.payments.held.held_money import HoldPage

Value = TypeVar("Value")
_UP = ("live", "checked")
_PLAYS = ("play_start", "qualified_play", "downloads")


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened to a deal. `kind`: stage, offer, contract, piece or money; `amount` is what it is of."""

    at: datetime
    kind: str
    words: str
    by: str
    reason: str | None
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class Consequence:
    """A sentence about what happens if nobody acts; `{amount}` in `words` stands for the amount."""

    words: str
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class DealView:
    """A deal with all that belongs to it; each part is read by itself, so that one that fails takes no other with it.

    `papers` are its contracts, the one that stands (else the newest) first. `views` of a piece are of the item that it
    became, by the piece's id. `holds` are hidden from who may not read the books.
    """

    page: DealPage
    draft: Proposal | None
    papers: Part[tuple[ContractShown, ...]]
    milestones: Part[tuple[MilestoneRow, ...]]
    pieces: Part[tuple[DeliverableDetail, ...]]
    holds: Part[tuple[HoldPage, ...]]
    views: Mapping[UUID, Figure]
    history: tuple[Happening, ...]
    nobody: tuple[Consequence, ...]

    @property
    def paper(self) -> ContractShown | None:
        """The contract that stands, else the newest that is open; None where there is none."""
        found = self.papers.value or ()
        return next(iter(found), None)

    def hold_of(self, milestone: MilestoneRow) -> HoldPage | None:
        """The money of a milestone, where it may be seen."""
        return next((one for one in self.holds.value or () if one.hold.id == milestone.hold_id), None)


def deal_view(work: Workspace, deal: str | UUID) -> DealView:
    """The page of a deal, by id, the end of its id, or its title; `NotFound` where there is none here."""
    page = work.deals.show(deal)
    deal_id, now = page.row.id, work.access.clock.now()
    offers = work.proposals.list(deal_id)
    draft = offers[0] if offers and offers[0].version is None else None
    papers = _part(lambda: _papers(work, deal_id))
    milestones = _part(lambda: work.deliverables.milestones(deal_id))
    pieces = _part(
        lambda: tuple(work.deliverables.show(one.id) for one in work.deliverables.list(deal_id))
    )  # fmt: skip
    wanted = [one.hold_id for one in milestones.value or () if one.hold_id is not None]
    holds = _part(lambda: tuple(work.payments.holds.show(one) for one in wanted if page.row.kept_by(work.tenant.id)))
    view = DealView(
        page=page, draft=draft, papers=papers, milestones=milestones, pieces=pieces, holds=holds,
        views=_views(work, pieces.value or ()), history=(), nobody=(),
    )  # fmt: skip
    # Reversed, and not sorted in reverse: of one moment, what came last stands first.
    happened = sorted(_happened(view), key=lambda one: one.at)[::-1]
    return DealView(
        page=page, draft=draft, papers=papers, milestones=milestones, pieces=pieces, holds=holds, views=view.views,
        history=tuple(happened), nobody=tuple(_by_itself(view, now, _silent(work, holds.value or ()))),
    )  # fmt: skip


def _silent(work: Workspace, holds: Iterable[HoldPage]) -> frozenset[UUID]:
    """The holds that silence would release as things stand: those whose work is up, or whose contract says so."""
    from engagerr.core.deals.pipeline.settlement import silence_releases

    with work.access.transaction(Permission.READ) as session:
        return frozenset(one.hold.id for one in holds if silence_releases(session, work.access, one.hold.subject))


def _papers(work: Workspace, deal_id: UUID) -> tuple[ContractShown, ...]:
    rows = [one for one in work.contracts.list() if one.deal_id == deal_id]
    ranks = {"signed": 0, "sent": 1, "draft": 2}
    rows.sort(key=lambda one: ranks.get(one.state, 3))
    return tuple(work.contracts.show(one.id) for one in rows)


def _views(work: Workspace, pieces: Iterable[DeliverableDetail]) -> dict[UUID, Figure]:
    """What the item of each piece was last seen at: the newest standard figure of its plays."""
    found: dict[UUID, Figure] = {}
    for piece in pieces:
        if piece.row.item_id is None:
            continue
        try:
            seen = [one for one in work.metrics.show(str(piece.row.item_id)) if one.standard.concept in _PLAYS]
        except EngagerrError:
            found[piece.row.id] = Figure.missing("not_observed")
            continue
        newest = max(seen, key=lambda one: one.observed_at, default=None)
        value = None if newest is None else newest.standard.value
        if newest is None or value is None:
            found[piece.row.id] = Figure.missing("not_observed")
        else:
            found[piece.row.id] = Figure(
                float(value), estimated=newest.state == "estimated", broken=newest.standard.spans_break
            )
    return found


def _happened(view: DealView) -> Iterable[Happening]:
    for step in view.page.trail:
        before = "opened as" if step.before is None else f"{_said(step.before)} →"
        yield Happening(step.at, "stage", f"{before} {_said(step.to)}", step.actor, step.reason)
    for offer in view.page.offers:
        if offer.sent_at is not None:
            yield Happening(
                offer.sent_at, "offer", f"offer {offer.version} sent", offer.sent_by or "", offer.message,
                offer.total,
            )  # fmt: skip
        if offer.answered_at is not None:
            yield Happening(
                offer.answered_at, "offer", f"offer {offer.version} {offer.state}", offer.answered_by or "",
                offer.answer,
            )  # fmt: skip
    for paper in view.papers.value or ():
        for version in paper.versions:
            if version.sent_at is not None:
                yield Happening(version.sent_at, "contract", f"contract {version.version} sent", "", version.reason)
            for one in version.signatures:
                yield Happening(one.at, "contract", f"contract {version.version} {one.decision}", one.name, None)
    for piece in view.pieces.value or ():
        for taken in piece.steps:
            words = "one round more" if taken.grants_revision else _said(taken.to_state)
            reason = " ".join(part for part in (taken.note, taken.link) if part) or None
            yield Happening(taken.at, "piece", f"piece {piece.row.name}: {words}", taken.actor, reason)
    yield from _money_happened(view)


def _money_happened(view: DealView) -> Iterable[Happening]:
    for held in view.holds.value or ():
        payer = held.hold.customer
        for payment in held.payments:
            yield Happening(payment.at, "money", f"payment {payment.state}", payer, payment.error, payment.amount)
        for move in held.movements:
            words = move.kind.replace("_", " ")
            later = move.state == "requested" or move.needs_second
            yield Happening(
                move.requested_at, "money", f"{words} {'asked for' if later else move.state}",
                move.requested_by or "silence", move.reason, move.amount,
            )  # fmt: skip
            if move.needs_second and move.decided_at is not None:
                yield Happening(
                    move.decided_at, "money", f"{words} {move.state}", move.decided_by or "", move.answer, move.amount
                )


def _by_itself(view: DealView, now: datetime, silent: frozenset[UUID]) -> Iterable[Consequence]:
    """What happens if nobody acts, in sentences; the last resort is that nothing does."""
    said = False
    for held in view.holds.value or ():
        if held.hold.held:
            said = True
            yield from _held_by_itself(held, now, silent=held.hold.id in silent)
    for offer in view.page.offers:
        offering = view.page.row.stage in ("proposed", "negotiating")
        if offer.state == "sent" and offer.valid_until is not None and offering:
            said = True
            yield Consequence(f"On {_day(offer.valid_until)} offer {offer.version} expires and has to be made again.")
    if not said and view.page.turn is not None:
        whose = "your" if view.page.turn == view.page.side else "their"
        yield Consequence(f"Nothing happens by itself. It is {whose} turn.")


def _held_by_itself(held: HoldPage, now: datetime, *, silent: bool) -> Iterable[Consequence]:
    hold = held.hold
    if hold.blocks:
        yield Consequence(f"It stays held: {hold.blocks[0].reason.rstrip('.')}.")
    elif hold.auto_release_at is not None and hold.refusal is None:
        on = f"On {_day(hold.auto_release_at)} silence releases {{amount}}"
        yield Consequence(f"{on}." if silent else f"{on}, if all of its work is live by then.", hold.held)
    if hold.must_end_by is not None:
        over = hold.must_end_by <= now
        yield Consequence(
            f"{{amount}} {'could' if over else 'can'} be held until {_day(hold.must_end_by)}. It does not move by"
            f" itself: it is released or refunded {'now' if over else 'before'}.",
            hold.held,
        )


def _part(read: Callable[[], Value]) -> Part[Value]:
    try:
        return Part(read())
    except Forbidden as error:
        return Part(hidden=error.message)
    except EngagerrError as error:
        return Part(failed=error.message)


def _said(word: str) -> str:
    return word.replace("_", " ")


def _day(at: datetime) -> str:
    return f"{at:%a} {at.day} {at:%b %Y}"
