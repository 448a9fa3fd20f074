"""What is made for a deal: submitted, sent back, approved, put up, checked for its disclosure, licensed for a while."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.content.items import find_item
from engagerr.core.deals.delivery.deliverable_rounds import (
    APPROVED,
    CHANGES_REQUESTED,
    CHECKED,
    LIVE,
    PLANNED,
    STATES,
    SUBMITTED,
    DeliverableRow,
    NoStep,
    StepRow,
    checked_words,
    deadlines,
    find_deliverable,
    read_deliverables,
    said,
    steps_of,
    take_step,
)
from engagerr.core.deals.delivery.disclosure_gate import CheckRow, gate, let_pass, live_pieces, read_checks
from engagerr.core.deals.delivery.milestones import MilestoneRow, read_milestones
from engagerr.core.deals.delivery.usage_rights import RightRow, read_rights, remove_terms, warn_of_ends, write_terms
from engagerr.core.deals.pipeline.stages import LINE, advance, deal_money_changed
from engagerr.core.deals.pipeline.visibility import find_deal, held_deal
from engagerr.core.errors import Conflict, InvalidInput
from engagerr.core.events import open_task, resolve_tasks
from engagerr.core.roster import find_creator
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session

_ANSWER_DUE = "deliverable.answer_due"
_MOST_DAYS = 3_650
# Rights that end are told of this long before.
RIGHTS_WARNED_DAYS = 30


@dataclass(frozen=True, slots=True)
class DeliverableDetail:
    """One deliverable with its trail, from the beginning, and what its family says, as it was last looked at."""

    row: DeliverableRow
    steps: tuple[StepRow, ...]
    checks: tuple[CheckRow, ...]


@dataclass(frozen=True, slots=True)
class Rechecked:
    """What a look at everything that is live came to: how many pieces, how many fail, which of them changed."""

    pieces: int
    failing: int
    changed: tuple[DeliverableRow, ...]
    approved_by_silence: int
    rights_ending: int


class Deliverables:
    """The pieces of every deal that this workspace keeps or has joined."""

    def __init__(self, access: Access) -> None:
        self._access = access

    # ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def list(
        self, deal: str | UUID | None = None, *, creator: str | None = None, state: str | None = None
    ) -> tuple[DeliverableRow, ...]:
        """Deliverables, the next due first; of one deal, of one creator of the roster, in one state. What was cancelled
        is listed only where that is the state asked for."""
        with self._access.transaction(Permission.READ_DEALS) as session:
            return read_deliverables(
                session, tenant_id=self._access.tenant.id,
                where="(CAST(:deal_id AS uuid) IS NULL OR piece.deal_id = :deal_id)"
                " AND (CAST(:creator_id AS uuid) IS NULL OR piece.creator_id = :creator_id)"
                " AND (piece.state = :state OR (CAST(:state AS text) IS NULL AND piece.state <> 'cancelled'))",
                deal_id=self._deal_id(session, deal), creator_id=find_creator(session, creator)[0] if creator else None,
                state=_checked_state(state),
            )  # fmt: skip

    def show(self, deliverable: str | UUID) -> DeliverableDetail:
        """One deliverable: by its id, the end of its id, its ref (D1, D1#2), or DEAL/REF."""
        with self._access.transaction(Permission.READ_DEALS) as session:
            return self._detail(session, self._found(session, deliverable))

    def milestones(self, deal: str | UUID) -> tuple[MilestoneRow, ...]:
        """The milestones of a deal, with their holds where this workspace keeps it."""
        with self._access.transaction(Permission.READ_DEALS) as session:
            return read_milestones(session, self._access, find_deal(session, deal, tenant_id=self._access.tenant.id))

    def deadlines(self, *, within_days: int = 14, deal: str | UUID | None = None) -> tuple[DeliverableRow, ...]:
        """What is late, and what is due within days; see `DeliverableRow.timing`."""
        with self._access.transaction(Permission.READ_DEALS) as session:
            return deadlines(
                session, tenant_id=self._access.tenant.id, today=self._today(), within_days=_checked_days(within_days),
                deal_id=self._deal_id(session, deal),
            )  # fmt: skip

    def rights(
        self, deal: str | UUID | None = None, *, expiring_days: int | None = None, on: date | None = None
    ) -> tuple[RightRow, ...]:
        """Who may use what is live, the next to end first, and which items of the family that reaches."""
        with self._access.transaction(Permission.READ_DEALS) as session:
            return read_rights(
                session, self._access, on=on or self._today(), deal_id=self._deal_id(session, deal),
                expiring_days=None if expiring_days is None else _checked_days(expiring_days),
            )  # fmt: skip

    # ── Rounds ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def submit(self, deliverable: str | UUID, *, link: str | None = None, note: str | None = None) -> DeliverableRow:
        """Hand in a draft. Once all of a milestone is handed in, the time runs after which silence counts as a yes."""
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            piece = self._found(session, deliverable)
            after = take_step(session, self._access, piece, SUBMITTED, link=link, note=note)
            self._answer_is_due(session, after)
            self._deal_follows(session, after)
            return after

    def request_changes(self, deliverable: str | UUID, *, note: str, by: str | None = None) -> DeliverableRow:
        """Send a draft back, saying what is to be changed; `by` is who said so at a brand without a workspace.

        Silence no longer counts. `RevisionsUsedUp` over the agreed rounds; `ReleasedAlready` once its money went out.
        """
        with self._access.transaction(Permission.APPROVE_DELIVERY) as session:
            piece = self._found(session, deliverable)
            if not checked_words(note, "note"):
                raise InvalidInput("Nobody would know what is to be changed.", hint="Say it with --note.")
            after = take_step(session, self._access, piece, CHANGES_REQUESTED, note=note, actor=by)
            self._answered(session, after)
            self._deal_follows(session, after)
            return after

    def grant(self, deliverable: str | UUID, *, note: str | None = None) -> DeliverableRow:
        """Accept one round of changes more than was agreed, on the side that makes it."""
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            piece = self._found(session, deliverable)
            if piece.revisions_allowed is None:
                raise Conflict(
                    f"{piece.name} of {piece.deal!r} has no limit of rounds.", hint="There is nothing to grant.",
                    facts={"deliverable": str(piece.id)},
                )  # fmt: skip
            return take_step(session, self._access, piece, SUBMITTED, note=note, grants_revision=True)

    def approve(self, deliverable: str | UUID, *, note: str | None = None, by: str | None = None) -> DeliverableRow:
        """Say yes to what was handed in; `by` is who said so at a brand without a workspace. It is not taken back."""
        with self._access.transaction(Permission.APPROVE_DELIVERY) as session:
            piece = self._found(session, deliverable)
            after = take_step(session, self._access, piece, APPROVED, note=note, actor=by)
            self._answered(session, after)
            self._deal_follows(session, after)
            return after

    # ── Live ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def live(self, deliverable: str | UUID, item: str, *, url: str | None = None) -> DeliverableDetail:
        """Link the content item that a piece became (again: instead of the one before), and look at its disclosure.

        Sponsor, disclosure and usage rights of the contract are noted on the item, so that its family has them. What
        does not disclose blocks the money of its milestone.
        """
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            piece = self._kept(session, deliverable)
            item_id = find_item(session, item)
            self._refuse_taken(session, piece, item_id)
            if piece.state == CHECKED:
                piece = take_step(session, self._access, piece, LIVE, note="Another item is linked.")
            remove_terms(session, self._access, piece)
            piece = take_step(
                session, self._access, piece, LIVE, item_id=item_id, link=url or _url_of(session, self._access, item_id)
            )
            write_terms(session, self._access, piece)
            piece = gate(session, self._access, piece)
            self._deal_follows(session, piece)
            return self._detail(session, piece)

    def check(self, deliverable: str | UUID) -> DeliverableDetail:
        """Look at the disclosure of a live piece and its family again."""
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            piece = self._up(session, deliverable)
            return self._detail(session, gate(session, self._access, piece))

    def override(self, deliverable: str | UUID, *, reason: str, item: str | None = None) -> DeliverableDetail:
        """Let what does not disclose pass, with a reason: one item of the family, or all that fail.

        It holds for the text as it was judged: once that changes, it is judged again. `Conflict` where nothing fails.
        """
        with self._access.transaction(Permission.APPROVE_DELIVERY) as session:
            piece = self._up(session, deliverable)
            why = checked_words(reason, "reason")
            if not why:
                raise InvalidInput("It is let pass for a reason.", hint="Add --reason.")
            piece = gate(session, self._access, piece)
            item_id = find_item(session, item) if item else None
            if not let_pass(session, self._access, piece, item_id=item_id, reason=why):
                raise Conflict(
                    f"Nothing of {piece.name} of {piece.deal!r} waits for that.",
                    hint=f"See `engagerr deliverable show {str(piece.id)[-8:]}`.", facts={"deliverable": str(piece.id)},
                )  # fmt: skip
            return self._detail(session, gate(session, self._access, piece))

    def recheck(self, deal: str | UUID | None = None) -> Rechecked:
        """Look at everything that is live again (families grow, captions are edited), at what silence approved, and at
        rights that end. It may be run as often as one likes: what did not change is not written again.
        """
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            deal_id = self._deal_id(session, deal)
            self._close_answered(session)
            silent = self._silent(session, deal_id)
            live = live_pieces(session, self._access, deal_id=deal_id)
        # Each on its own: a long look at many must not hold up who works on one.
        approved = sum(self._approve_silent(piece) for piece in silent)
        after = [self._looked_at(piece) for piece in live]
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            ending = warn_of_ends(session, self._access, on=self._today(), within_days=RIGHTS_WARNED_DAYS)
        return Rechecked(
            pieces=len(after), failing=sum(piece.state == LIVE for piece in after),
            changed=tuple(new for old, new in zip(live, after, strict=True) if old.state != new.state),
            approved_by_silence=approved, rights_ending=ending,
        )  # fmt: skip

    # ── In between ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _looked_at(self, piece: DeliverableRow) -> DeliverableRow:
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            after = gate(session, self._access, piece)
            if after.state != piece.state:
                self._deal_follows(session, after)
            return after

    def _silent(self, session: Session, deal_id: UUID | None) -> tuple[DeliverableRow, ...]:
        """What nobody answered in time: approved, as the contract says of silence. Where it is paid for when approved,
        the release comes first: until then changes may still be asked for."""
        return read_deliverables(
            session, tenant_id=self._access.tenant.id,
            where="piece.tenant_id = :tenant_id AND piece.state = 'submitted'"
            " AND (CAST(:deal_id AS uuid) IS NULL OR piece.deal_id = :deal_id) AND EXISTS ("
            "SELECT FROM holds WHERE holds.tenant_id = piece.tenant_id AND holds.id = milestone.hold_id"
            " AND (held_minor = 0 AND released_minor > 0"
            " OR milestone.paid_when = 'live' AND auto_release_at <= :now))",
            deal_id=deal_id, now=self._access.clock.now(),
        )  # fmt: skip

    def _approve_silent(self, piece: DeliverableRow) -> bool:
        with contextlib.suppress(NoStep), self._access.transaction(Permission.EDIT_DEALS) as session:
            after = take_step(session, self._access, piece, APPROVED, actor="silence", note="Nobody answered in time.")
            self._answered(session, after)
            self._deal_follows(session, after)
            return True
        return False

    def _deal_follows(self, session: Session, piece: DeliverableRow) -> None:
        """The stage of a deal that is contracted is that of the last of its pieces."""
        deal = held_deal(session, piece.deal_id, tenant_id=self._access.tenant.id)
        if deal.stage not in LINE[LINE.index("contracted") : LINE.index("paid")]:
            return
        states = session.execute(
            text(
                "SELECT array_agg(state) FROM deal_deliverables"
                " WHERE tenant_id = :keeper AND deal_id = :deal_id AND state <> 'cancelled'"
            ),
            {"keeper": piece.tenant_id, "deal_id": piece.deal_id},
        ).scalar_one()
        to = _stage_of(set(states or ()))
        if to == deal.stage or (to == "in_production" and deal.stage == "live"):
            return
        if to != "in_production" and LINE.index(to) < LINE.index(deal.stage):
            return
        advance(session, self._access, piece.deal_id, to, f"{piece.name} is {said(piece.state)}")
        if to == "live" and piece.kept:
            deal_money_changed(session, self._access, piece.deal_id)

    def _answer_is_due(self, session: Session, piece: DeliverableRow) -> None:
        if not piece.kept:
            return
        open_task(
            session, tenant_id=self._access.tenant.id, kind=_ANSWER_DUE, about=piece.id,
            subject=f"{piece.deal}/{piece.name}", now=self._access.clock.now(),
            message=f"{piece.deal}/{piece.name} was submitted (round {piece.round}) and waits for {piece.brand}.",
            hint=f'engagerr deliverable approve "{piece.deal}/{piece.name}", or … request-changes',
        )  # fmt: skip

    def _answered(self, session: Session, piece: DeliverableRow) -> None:
        if piece.kept:
            resolve_tasks(
                session,
                tenant_id=self._access.tenant.id,
                kind=_ANSWER_DUE,
                about=piece.id,
                now=self._access.clock.now(),
            )

    def _close_answered(self, session: Session) -> None:
        """The other side answers in its own workspace, and cannot close a task of this one."""
        session.execute(
            text(
                """
                UPDATE tasks SET resolved_at = :now
                WHERE tenant_id = :tenant_id AND kind = :kind AND resolved_at IS NULL AND EXISTS (
                  SELECT FROM deal_deliverables AS piece
                  WHERE piece.tenant_id = tasks.tenant_id AND piece.id = tasks.about AND piece.state <> 'submitted')
                """
            ),
            {"tenant_id": self._access.tenant.id, "kind": _ANSWER_DUE, "now": self._access.clock.now()},
        )

    def _detail(self, session: Session, piece: DeliverableRow) -> DeliverableDetail:
        return DeliverableDetail(piece, steps_of(session, piece), read_checks(session, piece))

    def _found(self, session: Session, word: str | UUID) -> DeliverableRow:
        return find_deliverable(session, word, tenant_id=self._access.tenant.id)

    def _kept(self, session: Session, word: str | UUID) -> DeliverableRow:
        piece = self._found(session, word)
        if not piece.kept:
            raise Conflict(
                f"What {piece.name} of {piece.deal!r} became is linked by the workspace that keeps the deal.",
                hint="Send them the link.", facts={"deliverable": str(piece.id)},
            )  # fmt: skip
        return piece

    def _up(self, session: Session, word: str | UUID) -> DeliverableRow:
        piece = self._kept(session, word)
        if piece.state not in (LIVE, CHECKED):
            raise Conflict(
                f"{piece.name} of {piece.deal!r} is {said(piece.state)}: nothing is up yet.",
                hint=f"Link what it became: engagerr deliverable live {str(piece.id)[-8:]} ITEM",
                facts={"deliverable": str(piece.id), "state": piece.state},
            )
        return piece

    def _refuse_taken(self, session: Session, piece: DeliverableRow, item_id: UUID) -> None:
        taken = read_deliverables(
            session, tenant_id=self._access.tenant.id,
            where="piece.item_id = :item_id AND piece.deal_id = :deal_id AND piece.id <> :id", item_id=item_id,
            deal_id=piece.deal_id, id=piece.id,
        )  # fmt: skip
        if taken:
            raise Conflict(
                f"{taken[0].item} is {taken[0].name} of {piece.deal!r} already.",
                hint="One item delivers one piece; link another one.",
                facts={"deliverable": str(taken[0].id), "item": taken[0].item},
            )

    def _deal_id(self, session: Session, deal: str | UUID | None) -> UUID | None:
        return find_deal(session, deal, tenant_id=self._access.tenant.id).id if deal else None

    def _today(self) -> date:
        return self._access.clock.now().date()


def _stage_of(states: set[str]) -> str:
    """The stage of a deal whose pieces stand so."""
    if states and states <= {LIVE, CHECKED}:
        return "live"
    if states and states <= {APPROVED, LIVE, CHECKED}:
        return "approved"
    if states and not states & {PLANNED, CHANGES_REQUESTED}:
        return "submitted"
    return "in_production"


def _url_of(session: Session, access: Access, item_id: UUID) -> str | None:
    url: str | None = session.execute(
        text("SELECT url FROM content_items WHERE tenant_id = :tenant_id AND id = :id"),
        {"tenant_id": access.tenant.id, "id": item_id},
    ).scalar_one()
    return url


def _checked_state(state: str | None) -> str | None:
    if state is None:
        return None
    known = "_".join(state.lower().replace("-", " ").replace("_", " ").split())
    if known not in STATES:
        raise InvalidInput(f"No deliverable is {state!r}.", hint=f"One of: {', '.join(map(said, STATES))}.")
    return known


def _checked_days(days: int) -> int:
    if not 0 <= days <= _MOST_DAYS:
        raise InvalidInput(f"{days} days are not possible.", hint=f"From 0 to {_MOST_DAYS}.")
    return days
