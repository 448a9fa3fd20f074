"""Verbs on deals: open, look at, take from stage to stage, end, open again, and let the other side in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.deals.pipeline.ageing import AgeLimit, limits_by_stage, set_limit
from engagerr.core.deals.pipeline.criteria import Check, missing_of, needed
from engagerr.core.deals.pipeline.deal_pages import (
    DealPage,
    ListedDeal,
    PipelineRow,
    Step,
    StuckDeal,
    deal_page,
    list_deals,
    pipeline_of,
    trail_of,
)
from engagerr.core.deals.pipeline.deal_writing import (
    Changes,
    NewDeal,
    edit_own,
    edit_shared,
    open_deal,
    words_of,
    write_side,
)
from engagerr.core.deals.pipeline.stages import (
    LINE,
    StepRefused,
    advance,
    checked_stage,
    deal_money_changed,
    said,
    told,
    way,
)
from engagerr.core.deals.pipeline.visibility import DealRow, find_deal, held_deal, new_code, read_code
from engagerr.core.errors import Conflict, InvalidInput, NotFound
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session

__all__ = [
    "Changes", "CriteriaMissing", "DealPage", "Deals", "Invitation", "NewDeal", "advance", "deal_money_changed",
    "find_deal",
]  # fmt: skip

_CODE_DAYS, _MOST_CODE_DAYS = 14, 90


@dataclass(frozen=True, slots=True)
class Invitation:
    """A code with which another workspace joins a deal, once. It is shown now and never again."""

    deal_id: UUID
    deal: str
    code: str
    expires_at: datetime


class CriteriaMissing(Conflict):
    """The deal lacks what it takes to leave its stage."""

    def __init__(self, deal: DealRow, to: str, missing: Sequence[Check]) -> None:
        self.missing = tuple(missing)
        lacking = "; ".join(f"{one.sentence.rstrip('.')} ({one.detail})" if one.detail else one.sentence.rstrip(".")
                            for one in missing)  # fmt: skip
        super().__init__(
            f"{deal.title!r} is {said(deal.stage)} and lacks what it takes to be {said(to)}: {lacking}.",
            hint=f"First: {missing[0].command}",
            facts={
                "deal": str(deal.id), "stage": deal.stage, "to": to,
                "missing": [{"name": one.name, "met": one.met, "detail": one.detail} for one in missing],
            },
        )  # fmt: skip


class Deals:
    """The deals of this workspace, and those of others that it has joined."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def add(self, new: NewDeal) -> DealPage:
        """Open a deal; it begins as an enquiry. `Conflict` where one of the same title is there."""
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            deal = open_deal(session, self._access, new)
            told(session, self._access, deal, before=None, to="enquiry", reason=None)
            return self._page(session, deal.id)

    def list(self, *, stage: str | None = None, closed: bool = False, mine: bool = False) -> tuple[ListedDeal, ...]:
        """The deals that go on (with `closed`, those that ended as well), who waits longest first.

        `stage` are those in one stage, `mine` those that this member looks after.
        """
        stages = (checked_stage(stage),) if stage else () if closed else LINE[:-1]
        with self._access.transaction(Permission.READ_DEALS) as session:
            return self._list(session, stages, owner_id=self._access.member.id if mine else None)

    def show(self, deal: str | UUID) -> DealPage:
        """A deal with its offers, its trail, and which exit criteria of its stage are met and which are missing."""
        with self._access.transaction(Permission.READ_DEALS) as session:
            return self._page(session, find_deal(session, deal, tenant_id=self._access.tenant.id).id)

    def trail(self, deal: str | UUID) -> tuple[Step, ...]:
        """Every step of a deal: from where to where, who took it, why and when."""
        with self._access.transaction(Permission.READ_DEALS) as session:
            return trail_of(session, find_deal(session, deal, tenant_id=self._access.tenant.id))

    def edit(self, deal: str | UUID, changes: Changes) -> DealPage:
        """Change what a deal is about, or what this workspace keeps to itself about it.

        Title, brand, flow, currency and creators are the keeper's; owner, expected value, brief, shortlist and note are
        each side's own.
        """
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            held = self._held(session, deal)
            edit_shared(session, self._access, held, changes)
            held = held_deal(session, held.id, tenant_id=self._access.tenant.id)
            edit_own(session, self._access, held, changes)
            self._access.audit(session, "deal.edited", held.subject, title=held.title)
            return self._page(session, held.id)

    def move(self, deal: str | UUID, to: str, *, reason: str | None = None) -> DealPage:
        """Take a deal to a stage. Onwards, every exit criterion on the way must be met, or it is a `CriteriaMissing`.

        Back (an offer taken back, a contract that fell through) it needs a reason, and after a contract that no money
        is held. `StepRefused` (a `Conflict`) where no step leads there.
        """
        to = checked_stage(to)
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            held = self._held(session, deal)
            if held.stage != to:
                self._check(session, held, to)
                onwards = held.closed_from is None and to in LINE and LINE.index(to) > LINE.index(held.stage)
                advance(session, self._access, held.id, to, reason if onwards else _reason(reason))
            return self._page(session, held.id)

    def decline(self, deal: str | UUID, *, reason: str) -> DealPage:
        """End a deal that one side does not want; the open offer ends with it. The other side reads the reason."""
        return self._close(deal, "declined", reason)

    def cancel(self, deal: str | UUID, *, reason: str) -> DealPage:
        """End a deal, whyever. After a contract only who keeps it may, and only while no money is held for it."""
        return self._close(deal, "cancelled", reason)

    def reopen(self, deal: str | UUID, *, reason: str) -> DealPage:
        """Open a declined or cancelled deal again, at the stage that it was left at."""
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            held = self._held(session, deal)
            if held.closed_from is None:
                raise Conflict(
                    f"{held.title!r} is {said(held.stage)}, not closed.", hint=f'engagerr deal show "{held.title}"'
                )
            advance(session, self._access, held.id, held.closed_from, _reason(reason))
            return self._page(session, held.id)

    def stuck(self, *, days: int | None = None) -> tuple[StuckDeal, ...]:
        """The deals that have stood in their stage for too long (or for so many days), with what each lacks."""
        with self._access.transaction(Permission.READ_DEALS) as session:
            late = [
                deal
                for deal in self._list(session, LINE[:-1])
                if (deal.age.stuck if days is None else deal.age.days >= days)
            ]
            tenant_id, now = self._access.tenant.id, self._access.clock.now()
            return tuple(
                StuckDeal(deal, missing_of(session, deal.row, deal.row.stage, tenant_id=tenant_id, now=now))
                for deal in late
            )

    def ageing(self) -> tuple[AgeLimit, ...]:
        """From how many days on a deal is stuck, by stage."""
        with self._access.transaction(Permission.READ_DEALS) as session:
            return limits_by_stage(session, tenant_id=self._access.tenant.id)

    def set_ageing(self, stage: str, days: int | None) -> AgeLimit:
        """Set the days of a stage for this workspace; None goes back to the usual."""
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            limit = set_limit(session, stage, days, tenant_id=self._access.tenant.id)
            self._access.audit(session, "deal.ageing_set", f"stage {limit.stage}", days=days)
            return limit

    def pipeline(self) -> tuple[PipelineRow, ...]:
        """How many deals stand in each stage and what they come to, by currency and by what the amounts rest on."""
        with self._access.transaction(Permission.READ_DEALS) as session:
            return pipeline_of(self._list(session, LINE))

    # The other side

    def share(self, deal: str | UUID, *, days: int = _CODE_DAYS) -> Invitation:
        """Make a code with which the other side's workspace joins the deal, once; codes made before count no longer.

        Who joins reads the deal, its trail and its offers from the beginning, and nothing that is kept to oneself.
        """
        if not 1 <= days <= _MOST_CODE_DAYS:
            raise InvalidInput(f"A code for {days} days cannot be made.", hint=f"1 to {_MOST_CODE_DAYS} days.")
        now = self._access.clock.now()
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            held = self._kept(session, deal)
            if not held.alone:
                raise Conflict(
                    f"{held.counterparty} has joined {held.title!r} already.", hint="A deal has two parties."
                )
            self._void_codes(session, held, now)
            code, code_hash = new_code(self._access.tenant.id)
            session.execute(
                text(
                    "INSERT INTO deal_invitations (tenant_id, deal_id, code_hash, made_at, expires_at)"
                    " VALUES (:tenant_id, :deal_id, :code_hash, :now, :expires_at)"
                ),
                {
                    "tenant_id": held.tenant_id, "deal_id": held.id, "code_hash": code_hash, "now": now,
                    "expires_at": now + timedelta(days=days),
                },
            )  # fmt: skip
            self._access.audit(session, "deal.shared", held.subject, days=days)
            return Invitation(held.id, held.title, code, now + timedelta(days=days))

    def unshare(self, deal: str | UUID) -> int:
        """Take back the codes that nobody used; how many there were."""
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            held = self._kept(session, deal)
            voided = self._void_codes(session, held, self._access.clock.now())
            self._access.audit(session, "deal.unshared", held.subject, codes=voided)
            return voided

    def join(self, code: str) -> DealPage:
        """Join the deal of a code as its other side. `NotFound` for a code that was used, taken back, or is too old."""
        keeper, code_hash = read_code(code)
        if keeper == self._access.tenant.id:
            raise InvalidInput("This code is of this workspace.", hint="Give it to the other side.")
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            deal_id = session.execute(
                text("SELECT engagerr_join_deal(:keeper, :code_hash, :now)"),
                {"keeper": keeper, "code_hash": code_hash, "now": self._access.clock.now()},
            ).scalar_one()
            if deal_id is None:
                raise NotFound("No deal can be joined with this code.", hint="Ask the other side for a new one.")
            joined = held_deal(session, deal_id, tenant_id=self._access.tenant.id)
            write_side(session, self._access, joined, {"owner_id": self._access.member.id})
            self._access.audit(session, "deal.joined", joined.subject, keeper=joined.tenant_id, title=joined.title)
            return self._page(session, joined.id)

    # Steps

    def _page(self, session: Session, deal_id: UUID) -> DealPage:
        tenant_id = self._access.tenant.id
        deal = find_deal(session, deal_id, tenant_id=tenant_id)
        return deal_page(session, deal, tenant_id=tenant_id, now=self._access.clock.now())

    def _list(
        self, session: Session, stages: tuple[str, ...], *, owner_id: UUID | None = None
    ) -> tuple[ListedDeal, ...]:
        return list_deals(
            session, tenant_id=self._access.tenant.id, now=self._access.clock.now(), stages=stages, owner_id=owner_id
        )

    def _held(self, session: Session, deal: str | UUID) -> DealRow:
        return find_deal(session, deal, tenant_id=self._access.tenant.id, lock=True)

    def _kept(self, session: Session, deal: str | UUID) -> DealRow:
        held = self._held(session, deal)
        if not held.kept_by(self._access.tenant.id):
            raise Conflict(f"{held.title!r} is kept by {held.keeper}.", hint="They change what it is about.")
        return held

    def _check(self, session: Session, deal: DealRow, to: str) -> None:
        tenant_id = self._access.tenant.id
        keeps = deal.kept_by(tenant_id)
        if not way(deal, to, keeps=keeps) and not (deal.closed_from is None and to in LINE):
            raise StepRefused(deal, to, keeps=keeps)
        now = self._access.clock.now()
        missing = [one for one in needed(session, deal, to, tenant_id=tenant_id, now=now) if not one.met]
        if missing:
            raise CriteriaMissing(deal, to, missing)

    def _close(self, deal: str | UUID, to: str, reason: str) -> DealPage:
        with self._access.transaction(Permission.EDIT_DEALS) as session:
            held = self._held(session, deal)
            if held.stage != to:
                self._check(session, held, to)
                advance(session, self._access, held.id, to, _reason(reason))
            return self._page(session, held.id)

    def _void_codes(self, session: Session, deal: DealRow, now: datetime) -> int:
        return session.execute(
            text(
                "UPDATE deal_invitations SET expires_at = :now WHERE tenant_id = :tenant_id AND deal_id = :deal_id"
                " AND used_at IS NULL AND expires_at > :now"
            ),
            {"tenant_id": deal.tenant_id, "deal_id": deal.id, "now": now},
        ).rowcount


def _reason(words: str | None) -> str:
    said_why = words_of(words or "")
    if said_why is None:
        raise InvalidInput("Say why: the trail of the deal keeps it.", hint="Add --reason WORDS.")
    return said_why
