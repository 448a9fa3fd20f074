"""The gate before the money: what is live, and all that was made of it, has to say that it is advertising.

What the gate saw is kept for every item of the family. While anything fails, the hold of the milestone is blocked; it
is lifted when nothing does any more, or when a person lets it pass with a reason, which holds for the text as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.content.families import family_of, read_nodes
from engagerr.core.deals.delivery.deliverable_rounds import CHECKED, LIVE, DeliverableRow, read_deliverables, take_step
from engagerr.core.deals.delivery.disclosure import Asked, Finding, Piece, Reached, judge_reached, judged_hash, reached
from engagerr.core.deals.delivery.disclosure_rules import regime_of
from engagerr.core.events import open_task, resolve_tasks
from engagerr.core.payments.held.holds import block, lift

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.tenancy import Access

_TASK = "disclosure.missing"
_KIND = "disclosure"


@dataclass(frozen=True, slots=True)
class CheckRow:
    """What one item of the family says. `way`: the relations that lead to it; `own` for the deliverable itself.

    `let_pass` is the reason of who let it pass, None where nobody did (and for the other side of the deal, which only
    sees that the deliverable is checked).
    """

    item_id: UUID
    item: str
    url: str | None
    way: str
    regime: str
    finding: Finding
    found: str | None
    why: str
    checked_at: datetime
    let_pass: str | None = None

    @property
    def passes(self) -> bool:
        """Whether it keeps no money back."""
        return self.finding.passes or self.let_pass is not None


@dataclass(frozen=True, slots=True)
class _Judged:
    item: Reached
    regime: str
    finding: Finding
    found: str | None
    why: str
    text_hash: bytes


def gate(session: Session, access: Access, piece: DeliverableRow) -> DeliverableRow:
    """Step: look at a live deliverable and its family again, and block or lift accordingly; returns it as it stands.

    Only what changed since the last time is written, so that it can be run as often as one likes.
    """
    piece = _still(session, access, piece)
    assert piece.item_id is not None
    judged = _judge(session, access, piece, piece.item_id)
    if _seen(judged) != _last_seen(session, piece):
        _keep(session, access, piece, judged)
    failing = [one for one in judged if not one.finding.passes and not _let_pass(session, piece, one)]
    if failing and piece.state == CHECKED:
        piece = take_step(session, access, piece, LIVE, note=_reason(failing))
    elif not failing and piece.state == LIVE:
        piece = take_step(session, access, piece, CHECKED, note="Every item of its family discloses, or was let pass.")
    _hold_back(session, access, piece, failing)
    return piece


def let_pass(session: Session, access: Access, piece: DeliverableRow, *, item_id: UUID | None, reason: str) -> int:
    """Step: note that a person lets failing items pass (one, or all that fail now); returns how many."""
    assert piece.item_id is not None
    passed = 0
    for one in _judge(session, access, piece, piece.item_id):
        if one.finding.passes or (item_id is not None and one.item.item_id != item_id):
            continue
        passed += session.execute(
            text(
                """
                INSERT INTO deliverable_overrides (tenant_id, deliverable_id, item_id, text_hash, reason, member_id, at)
                VALUES (:tenant_id, :deliverable_id, :item_id, :text_hash, :reason, :member_id, :now)
                ON CONFLICT DO NOTHING
                """
            ),
            {
                "tenant_id": access.tenant.id, "deliverable_id": piece.id, "item_id": one.item.item_id,
                "text_hash": one.text_hash, "reason": reason, "member_id": access.member.id,
                "now": access.clock.now(),
            },
        ).rowcount  # fmt: skip
        access.audit(
            session, "deliverable.disclosure_overridden", piece.subject, item=one.item.name, finding=one.finding,
            rule=one.regime, reason=reason,
        )  # fmt: skip
    return passed


def read_checks(session: Session, piece: DeliverableRow) -> tuple[CheckRow, ...]:
    """What was found when the family was last looked at: the deliverable first."""
    rows = session.execute(text(_LAST_RUN), {"keeper": piece.tenant_id, "id": piece.id}).all()
    return tuple(
        CheckRow(
            row.item_id, row.item, row.url, row.way, row.regime, Finding(row.verdict), row.found, row.why,
            row.checked_at, row.reason,
        )
        for row in rows
    )  # fmt: skip


def live_pieces(session: Session, access: Access, *, deal_id: UUID | None = None) -> tuple[DeliverableRow, ...]:
    """What is up and kept by this workspace."""
    return read_deliverables(
        session, tenant_id=access.tenant.id,
        where="piece.tenant_id = :tenant_id AND piece.state IN ('live', 'checked')"
        " AND (CAST(:deal_id AS uuid) IS NULL OR piece.deal_id = :deal_id)",
        deal_id=deal_id,
    )  # fmt: skip


_LAST_RUN = """
SELECT seen.*, passed.reason
FROM deliverable_checks AS seen
LEFT JOIN deliverable_overrides AS passed
  ON passed.tenant_id = seen.tenant_id AND passed.deliverable_id = seen.deliverable_id
  AND passed.item_id = seen.item_id AND passed.text_hash = seen.text_hash
WHERE seen.tenant_id = :keeper AND seen.deliverable_id = :id AND seen.run_id = (
  SELECT run_id FROM deliverable_checks WHERE tenant_id = :keeper AND deliverable_id = :id
  ORDER BY checked_at DESC, id DESC LIMIT 1)
ORDER BY seen.way <> 'own', seen.id
"""


def _still(session: Session, access: Access, piece: DeliverableRow) -> DeliverableRow:
    """The deliverable as it stands, held with its milestone until the transaction ends: in the order in which steps
    take their locks, so that nobody waits in a circle."""
    for table, held in (("deal_deliverables", piece.id), ("deal_milestones", piece.milestone_id)):
        session.execute(
            text(f"SELECT FROM {table} WHERE tenant_id = :tenant_id AND id = :id FOR UPDATE"),
            {"tenant_id": access.tenant.id, "id": held},
        )
    [now] = read_deliverables(session, tenant_id=access.tenant.id, where="piece.id = :id", id=piece.id)
    return now


def _judge(session: Session, access: Access, piece: DeliverableRow, item_id: UUID) -> list[_Judged]:
    tenant_id = access.tenant.id
    family_id = family_of(session, tenant_id=tenant_id, item_id=item_id)
    items = list(reached(read_nodes(session, tenant_id=tenant_id, family_id=family_id), item_id))
    rows: dict[UUID, Any] = {
        row.id: row
        for row in session.execute(
            text(
                "SELECT id, platform, title, body, hints, published_at FROM content_items"
                " WHERE tenant_id = :tenant_id AND id = ANY (CAST(:ids AS uuid[]))"
            ),
            {"tenant_id": tenant_id, "ids": [str(item.item_id) for item in items]},
        )
    }
    return [_judged(piece, item, rows[item.item_id]) for item in items]


def _judged(piece: DeliverableRow, item: Reached, row: Any) -> _Judged:
    seen = Piece.of(row.platform, row.title, row.body, row.hints)
    asked = Asked(
        regime=regime_of(piece.country, row.published_at.date() if row.published_at else None), brand=piece.brand,
        wording=piece.wording, platform_label=piece.platform_label, is_gift=piece.in_kind,
    )  # fmt: skip
    judgement = judge_reached(item, seen, asked)
    return _Judged(item, asked.regime.name, judgement.finding, judgement.found, judgement.why, judged_hash(seen, asked))


def _seen(judged: list[_Judged]) -> set[tuple[UUID, str, str, bytes]]:
    return {(one.item.item_id, one.item.way, str(one.finding), one.text_hash) for one in judged}


def _last_seen(session: Session, piece: DeliverableRow) -> set[tuple[UUID, str, str, bytes]]:
    rows = session.execute(text(_LAST_RUN), {"keeper": piece.tenant_id, "id": piece.id})
    return {(row.item_id, row.way, row.verdict, bytes(row.text_hash)) for row in rows}


def _keep(session: Session, access: Access, piece: DeliverableRow, judged: list[_Judged]) -> None:
    run_id: UUID = session.execute(text("SELECT engagerr_new_id()")).scalar_one()
    for one in judged:
        session.execute(
            text(
                """
                INSERT INTO deliverable_checks (tenant_id, deal_id, deliverable_id, run_id, item_id, item, url, way,
                                                regime, verdict, found, why, text_hash, checked_at)
                VALUES (:tenant_id, :deal_id, :deliverable_id, :run_id, :item_id, :item, :url, :way, :regime, :verdict,
                        :found, :why, :text_hash, :now)
                """
            ),
            {
                "tenant_id": access.tenant.id, "deal_id": piece.deal_id, "deliverable_id": piece.id, "run_id": run_id,
                "item_id": one.item.item_id, "item": one.item.name, "url": one.item.url, "way": one.item.way,
                "regime": one.regime, "verdict": str(one.finding), "found": one.found, "why": one.why,
                "text_hash": one.text_hash, "now": access.clock.now(),
            },
        )  # fmt: skip


def _let_pass(session: Session, piece: DeliverableRow, one: _Judged) -> bool:
    found = session.execute(
        text(
            "SELECT 1 FROM deliverable_overrides WHERE tenant_id = :keeper AND deliverable_id = :id"
            " AND item_id = :item_id AND text_hash = :text_hash"
        ),
        {"keeper": piece.tenant_id, "id": piece.id, "item_id": one.item.item_id, "text_hash": one.text_hash},
    ).first()
    return found is not None


def _hold_back(session: Session, access: Access, piece: DeliverableRow, failing: list[_Judged]) -> None:
    """The block of the milestone's hold: there while any of its pieces is live and does not disclose."""
    now = access.clock.now()
    if failing:
        open_task(
            session, tenant_id=access.tenant.id, kind=_TASK, about=piece.id, subject=f"{piece.deal}/{piece.name}",
            message=f"{piece.name} of {piece.deal!r} does not disclose: {_reason(failing)}",
            hint="Have it corrected, or let it pass with a reason: engagerr deliverable override", now=now,
        )  # fmt: skip
    else:
        resolve_tasks(session, tenant_id=access.tenant.id, kind=_TASK, about=piece.id, now=now)
    if piece.hold_id is None:
        return
    row = session.execute(text(_BLOCKED), {"tenant_id": access.tenant.id, "id": piece.id}).one()
    reason = f"{piece.name} does not disclose: {_reason(failing)}" if failing else None
    if reason is None and row.other is not None:
        reason = row.reason or f"{row.other} does not disclose."
    if reason == row.reason:
        return
    if reason is not None:
        block(session, access, piece.hold_id, kind=_KIND, reason=reason)
    else:
        lift(session, access, piece.hold_id, kind=_KIND, reason="Everything that is live discloses, or was let pass.")


# The open block of a deliverable's milestone, and another piece of it that is live and does not disclose.
_BLOCKED = """
SELECT (SELECT ref FROM deal_deliverables AS other
        WHERE other.tenant_id = piece.tenant_id AND other.milestone_id = piece.milestone_id AND other.state = 'live'
          AND other.id <> piece.id ORDER BY ref, number LIMIT 1) AS other,
       (SELECT reason FROM hold_blocks AS block
        WHERE block.tenant_id = milestone.tenant_id AND block.hold_id = milestone.hold_id AND block.kind = 'disclosure'
          AND block.lifted_at IS NULL) AS reason
FROM deal_deliverables AS piece
JOIN deal_milestones AS milestone
  ON milestone.tenant_id = piece.tenant_id AND milestone.id = piece.milestone_id
WHERE piece.tenant_id = :tenant_id AND piece.id = :id
"""


def _reason(failing: list[_Judged]) -> str:
    first = failing[0]
    way = "" if first.item.way == "own" else f" ({first.item.way.replace('_', ' ')})"
    more = f" And {len(failing) - 1} more." if len(failing) > 1 else ""
    return f"{first.item.name}{way}: {first.why}{more}"
