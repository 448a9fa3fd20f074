"""What a deal needs before it leaves a stage: named checks in words, each with the command that meets it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.deals.pipeline.stages import LINE, OFFERING, is_forward

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.deals.pipeline.visibility import DealRow


@dataclass(frozen=True, slots=True)
class Criterion:
    """One check. `sql` gives one row (met, detail) of `:keeper`, `:deal_id` and `:now`; `command` has `{deal}` for the
    title.

    `between`: what to do instead where the other side has a workspace and speaks for itself. `keepers`: it reads what
    only the workspace that keeps the deal may read, so the other side is not told.
    """

    name: str
    sentence: str
    command: str
    sql: str
    keepers: bool = False
    between: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """A criterion of one deal. `met` is None where this side cannot know; `detail` says what is there or lacking."""

    stage: str
    name: str
    sentence: str
    met: bool | None
    detail: str | None
    command: str


_DELIVERABLES = """
    SELECT count(*) > 0 AND count(*) FILTER (WHERE NOT {done}) = 0,
           CASE WHEN count(*) = 0 THEN 'none is agreed'
                ELSE count(*) FILTER (WHERE {done}) || ' of ' || count(*) END
    FROM deal_deliverables
    WHERE tenant_id = :keeper AND deal_id = :deal_id AND state <> 'cancelled'
"""
_EVERY_HOLD = (
    "FROM deal_milestones AS due LEFT JOIN holds ON holds.tenant_id = due.tenant_id AND holds.id = due.hold_id"
    " WHERE due.tenant_id = :keeper AND due.deal_id = :deal_id"
)
_HOLDS = f"{_EVERY_HOLD} AND due.state <> 'cancelled'"

_CONTACT = Criterion(
    "contact", "There is somebody to send an offer to: a mail address, or their workspace.",
    'engagerr deal edit "{deal}" --brand-email ADDRESS',
    "SELECT brand_email IS NOT NULL OR counterparty_id IS NOT NULL, coalesce(counterparty, brand_email)"
    " FROM deals WHERE tenant_id = :keeper AND id = :deal_id",
)  # fmt: skip
_WANTED = Criterion(
    "wanted", "It is known what is wanted: creators are named.", 'engagerr deal edit "{deal}" --add-creator NAME',
    "SELECT count(*) > 0, nullif(string_agg(name, ', ' ORDER BY name), '') FROM deal_creators"
    " WHERE tenant_id = :keeper AND deal_id = :deal_id",
)  # fmt: skip
_OFFERED = Criterion(
    "offered", "An offer stands: it was sent, is still valid, and neither taken back nor declined.",
    'engagerr proposal draft "{deal}", then engagerr proposal send "{deal}"',
    "SELECT count(*) FILTER (WHERE NOT past) > 0, coalesce(max(said) FILTER (WHERE NOT past), max(said)) FROM ("
    "SELECT past, 'version ' || version || ' is ' || CASE WHEN past THEN 'expired' ELSE state END AS said FROM ("
    "SELECT version, state, state = 'sent' AND coalesce(valid_until <= :now, false) AS past FROM proposals"
    " WHERE tenant_id = :keeper AND deal_id = :deal_id AND state IN ('sent', 'accepted')) AS made) AS offer",
)  # fmt: skip
_ANSWERED = Criterion(
    "answered", "The other side answered: with an offer of its own, or with a yes.",
    'engagerr proposal counter "{deal}" --theirs, or engagerr proposal accept "{deal}" --theirs',
    "SELECT count(*) > 0, max('version ' || version || ' was ' || state) FROM proposals"
    " WHERE tenant_id = :keeper AND deal_id = :deal_id AND state IN ('countered', 'accepted')",
    between='engagerr proposal accept "{deal}", or engagerr proposal counter "{deal}", by who was offered',
)  # fmt: skip
_ACCEPTED = Criterion(
    "accepted", "Both sides want the same version of the offer.", 'engagerr proposal accept "{deal}"',
    "SELECT count(*) > 0, max('version ' || version) FROM proposals"
    " WHERE tenant_id = :keeper AND deal_id = :deal_id AND state = 'accepted'",
)  # fmt: skip
_SIGNED = Criterion(
    "signed", "The contract is signed by both sides.", 'engagerr contract draft "{deal}", send it, sign it',
    "SELECT count(*) FILTER (WHERE state = 'signed') > 0, coalesce(max('it is ' || state), 'there is none')"
    " FROM contracts WHERE tenant_id = :keeper AND deal_id = :deal_id AND state NOT IN ('declined', 'withdrawn')",
)  # fmt: skip
_PLANNED = Criterion(
    "planned", "What is to be made stands in milestones.", 'engagerr contract show "{deal}"',
    "SELECT count(*) > 0, count(*) || ' milestones' FROM deal_milestones"
    " WHERE tenant_id = :keeper AND deal_id = :deal_id AND state <> 'cancelled'",
)  # fmt: skip
_FUNDED = Criterion(
    "funded", "The first milestone is funded before anybody works for it.", 'engagerr payment fund "{deal}"',
    f"SELECT count(*) FILTER (WHERE due.hold_id IS NOT NULL) = 0 OR count(*) FILTER (WHERE holds.funded_minor > 0) > 0,"
    f" CASE WHEN count(*) FILTER (WHERE due.hold_id IS NOT NULL) = 0 THEN 'no milestone is paid through a hold'"
    f" ELSE count(*) FILTER (WHERE holds.funded_minor > 0) || ' of ' || count(due.hold_id) || ' holds are funded' END"
    f" {_HOLDS}",
    keepers=True,
)  # fmt: skip
_SUBMITTED = Criterion(
    "submitted", "Every piece was submitted, and none waits for changes.",
    'engagerr deliverable submit "{deal}/1" --link URL',
    _DELIVERABLES.format(done="state IN ('submitted', 'approved', 'live', 'checked')"),
)  # fmt: skip
_APPROVED = Criterion(
    "approved", "Every piece is approved.", 'engagerr deliverable approve "{deal}/1"',
    _DELIVERABLES.format(done="state IN ('approved', 'live', 'checked')"),
)  # fmt: skip
_LIVE = Criterion(
    "live", "Every piece is live, and linked to its content item.", 'engagerr deliverable live "{deal}/1" ITEM',
    _DELIVERABLES.format(done="state IN ('live', 'checked')"),
)  # fmt: skip
_SETTLED = Criterion(
    "settled", "Every hold is settled: released, or paid back.", 'engagerr payment release "{deal}"',
    f"SELECT coalesce(bool_and(due.hold_id IS NULL OR coalesce(holds.state IN ('settled', 'cancelled'), false)), true),"
    f" count(*) FILTER (WHERE holds.state IN ('settled', 'cancelled')) || ' of ' || count(due.hold_id) || ' holds'"
    f" {_HOLDS}",
    keepers=True,
)  # fmt: skip
_NOTHING_HELD = Criterion(
    "nothing_held", "No money is held for it: what was funded is released or paid back first.",
    'engagerr payment refund "{deal}"',
    f"SELECT coalesce(sum(holds.held_minor), 0) = 0,"
    f" count(*) FILTER (WHERE holds.held_minor > 0) || ' holds have money' {_EVERY_HOLD}",
    keepers=True,
)  # fmt: skip
_NOT_BOUND = Criterion(
    "not_bound", "No signed contract stands.", 'engagerr contract show "{deal}"',
    "SELECT count(*) = 0, max('it is ' || state) FROM contracts"
    " WHERE tenant_id = :keeper AND deal_id = :deal_id AND state = 'signed'",
)  # fmt: skip

# What must be so before a deal leaves this stage for the next one of the line.
CRITERIA: Mapping[str, tuple[Criterion, ...]] = {
    "enquiry": (_CONTACT, _WANTED, _OFFERED),
    "proposed": (_ANSWERED,),
    "negotiating": (_ACCEPTED, _SIGNED),
    "contracted": (_PLANNED, _FUNDED),
    "in_production": (_SUBMITTED,),
    "submitted": (_APPROVED,),
    "approved": (_LIVE,),
    "live": (_SETTLED,),
    "paid": (),
}
# What must be so before a deal that was contracted ends, or goes back to be negotiated.
LEAVING: Mapping[str, tuple[Criterion, ...]] = {
    "cancelled": (_NOTHING_HELD,),
    "negotiating": (_NOTHING_HELD, _NOT_BOUND),
}


def checks_of(
    session: Session, deal: DealRow, *, tenant_id: UUID, now: datetime, stage: str | None = None
) -> tuple[Check, ...]:
    """The exit criteria of the deal's stage (or of another one), met or not."""
    of = stage or deal.stage
    return _checked(session, deal, [(of, one) for one in CRITERIA.get(of, ())], tenant_id=tenant_id, now=now)


def needed(session: Session, deal: DealRow, to: str, *, tenant_id: UUID, now: datetime) -> tuple[Check, ...]:
    """What a person's step to a stage needs: onwards the exit criteria of every stage that is left behind."""
    wanted: list[tuple[str, Criterion]] = []
    if deal.closed_from is None and is_forward(deal.stage, to):
        left = LINE[LINE.index(deal.stage) : LINE.index(to)]
        wanted = [(stage, one) for stage in left for one in CRITERIA[stage]]
    elif deal.closed_from is None and deal.stage not in OFFERING:
        wanted = [(deal.stage, one) for one in LEAVING.get(to, ())]
    return _checked(session, deal, wanted, tenant_id=tenant_id, now=now)


def missing_of(session: Session, deal: DealRow, stage: str, *, tenant_id: UUID, now: datetime) -> tuple[Check, ...]:
    """The exit criteria of a stage that are not met, or not known to this side."""
    return tuple(one for one in checks_of(session, deal, tenant_id=tenant_id, now=now, stage=stage) if not one.met)


def _checked(
    session: Session, deal: DealRow, wanted: Sequence[tuple[str, Criterion]], *, tenant_id: UUID, now: datetime
) -> tuple[Check, ...]:
    keeps = deal.kept_by(tenant_id)
    answers: dict[int, Any] = {}
    known = [(at, one) for at, (_, one) in enumerate(wanted) if keeps or not one.keepers]
    if known:
        # All at once: a list of stuck deals asks this for each of them.
        together = " UNION ALL ".join(
            f"SELECT {at} AS at, a.* FROM ({one.sql}) AS a (met, detail)"  # noqa: S608  the criteria above
            for at, one in known
        )
        rows = session.execute(text(together), {"keeper": deal.tenant_id, "deal_id": deal.id, "now": now})
        answers = {row.at: row for row in rows}
    return tuple(
        Check(
            stage=stage, name=one.name, sentence=one.sentence,
            met=bool(answers[at].met) if at in answers else None,
            detail=answers[at].detail if at in answers else "only who keeps the deal can see it",
            command=(one.command if deal.alone else one.between or one.command).replace("{deal}", deal.title),
        )
        for at, (stage, one) in enumerate(wanted)
    )  # fmt: skip
