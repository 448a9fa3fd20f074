"""Reviewing what the machine is unsure of: the questions that matter most first, and many answers at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.content.decisions import conflicts_of, decide, new_action
from engagerr.core.content.edges import RELATIONS, EdgeEnd, EdgeRow, edges_by_id
from engagerr.core.content.families import Numbers
from engagerr.core.content.items import find_edge
from engagerr.core.content.questions import Side, Stake, Waiting, count_waiting, read_sides, read_stakes, read_waiting
from engagerr.core.content.thresholds import IN_BULK, PRECISION, Thresholds, read_thresholds
from engagerr.core.content.writing import lock_tree
from engagerr.core.errors import Conflict, InvalidInput
from engagerr.core.roster import find_creator
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session


@dataclass(frozen=True, slots=True)
class Rival:
    """Another parent that is suggested for the same child (or the same parent in another relation)."""

    edge_id: UUID
    parent: EdgeEnd
    relation: str
    confidence: Decimal


@dataclass(frozen=True, slots=True)
class Earlier:
    """What was decided on this edge before, and whether that was taken back."""

    after: str
    member: str | None
    at: datetime
    reason: str | None
    undone: bool


@dataclass(frozen=True, slots=True)
class Question:
    """An edge that waits for an answer, the two items side by side, and why it is asked now.

    `value` orders the queue; `moves` counts the items that would move with a yes, of which `unknown` have no figure.
    `rivals` are the surest first.
    """

    edge: EdgeRow
    value: float
    why: str
    child: Side
    parent: Side
    moves: int
    unknown: int
    rivals: tuple[Rival, ...]
    earlier: Earlier | None
    skipped: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the review is. `waiting` counts questions that can be answered, `skipped` those of them that this member
    put off, and `decided_today` the edges that they decided since midnight UTC."""

    waiting: int
    skipped: int
    decided_today: int


@dataclass(frozen=True, slots=True)
class Answered:
    """What an answer changed: the edges decided, and the family that the child is in now. `settled` counts the other
    questions about the child that are none any more."""

    edges: tuple[EdgeRow, ...]
    family_id: UUID
    family_title: str | None
    family_items: int
    settled: int


@dataclass(frozen=True, slots=True)
class LeftOpen:
    """An edge above the threshold that stays a question, and why."""

    edge: EdgeRow
    why: str


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """What confirming everything from a confidence on does, or would do.

    `expected_wrong` is Σ (1 − p) over `edges`: how many of them are wrong if the machine knows how sure it is.
    """

    threshold: float
    dry_run: bool
    edges: tuple[EdgeRow, ...]
    left_open: tuple[LeftOpen, ...]
    expected_wrong: float


class AnsweredAlready(Conflict):
    """The question is none any more: somebody, or the machine, settled it meanwhile."""


class Review:
    """The questions of this workspace, asked in the order in which answers are worth most."""

    def __init__(self, access: Access, numbers: Numbers) -> None:
        self._access = access
        self._numbers = numbers

    def queue(
        self,
        *,
        creator: str | None = None,
        relation: str | None = None,
        limit: int = 20,
        include_skipped: bool = False,
    ) -> tuple[Question, ...]:
        """The questions whose answers change most, most first; those that this member put off come last.

        The value of an answer is 4·p·(1 − p) · Σ log10(1 + audience) · (1 + p · rivals): how unsure the machine is,
        times the reach of the items that would move, times the questions that are settled with it. Audience is the
        newest number that the platform gave; an item without one counts as its creator's median, and `unknown` says how
        many did. A question whose child hangs on a parent already is not asked.
        """
        with self._access.transaction(Permission.READ) as session:
            waiting = self._waiting(session, creator=creator, relation=relation)
            asked = [one for one in waiting if include_skipped or one.skipped_at is None]
            stakes = read_stakes(session, asked, tenant_id=self._access.tenant.id)
            asked.sort(key=lambda one: _order(one, stakes[one.id]))
            return self._questions(session, asked[:limit], stakes)

    def progress(self, *, creator: str | None = None, relation: str | None = None) -> Progress:
        """How many questions wait, how many of them this member put off, and what they decided today."""
        with self._access.transaction(Permission.READ) as session:
            values = {"tenant_id": self._access.tenant.id, "member_id": self._access.member.id}
            creator_id = find_creator(session, creator)[0] if creator else None
            waiting, skipped = count_waiting(session, **values, creator_id=creator_id, relation=relation)
            return Progress(waiting, skipped, session.execute(text(_DECIDED_TODAY), values).scalar_one())

    def answer(self, edge: str, *, right: bool, reason: str | None = None) -> Answered:
        """Confirm or reject one edge that waits. It is saved at once; `Content.undo` takes it back.

        Raises:
            AnsweredAlready: it waits no more.
            SecondParent, Circle: it cannot stand.
        """
        with self._access.transaction(Permission.DECIDE_CONTENT) as session:
            lock_tree(session, self._access.tenant.id)
            edge_id = find_edge(session, edge)
            _still_open(edges_by_id(session, [edge_id])[edge_id])
            after, action = ("confirmed", "confirm") if right else ("rejected", "reject")
            decide(session, self._access, [edge_id], after=after, action=action, reason=reason)
            return self._answered(session, [edge_id], settles=right)

    def choose(self, edge: str, *, instead_of: str, reason: str | None = None) -> Answered:
        """Confirm one edge and reject a rival of it that was asked about: one decision, taken back together.

        Raises:
            AnsweredAlready: one of them waits no more.
            SecondParent, Circle: the chosen one cannot stand.
        """
        with self._access.transaction(Permission.DECIDE_CONTENT) as session:
            lock_tree(session, self._access.tenant.id)
            chosen, refused = find_edge(session, edge), find_edge(session, instead_of)
            found = edges_by_id(session, [chosen, refused])
            if chosen == refused or found[chosen].child != found[refused].child:
                raise InvalidInput(
                    "These two edges are no rivals: they are not about the same child.",
                    hint="`engagerr content review` shows the rivals of a question.",
                )
            _still_open(found[chosen])
            _still_open(found[refused])
            action_id = new_action(session)
            for edge_id, after, action in ((refused, "rejected", "reject"), (chosen, "confirmed", "confirm")):
                decide(session, self._access, [edge_id], after=after, action=action, reason=reason, action_id=action_id)
            return self._answered(session, [chosen, refused], settles=True)

    def skip(self, edge: str) -> None:
        """Put a question off: for this member it comes after all others."""
        with self._access.transaction(Permission.DECIDE_CONTENT) as session:
            session.execute(
                text(
                    "INSERT INTO content_review_skips (tenant_id, member_id, edge_id, at)"
                    " VALUES (:tenant_id, :member_id, :edge_id, clock_timestamp())"
                    " ON CONFLICT (tenant_id, member_id, edge_id) DO UPDATE SET at = excluded.at"
                ),
                {
                    "tenant_id": self._access.tenant.id, "member_id": self._access.member.id,
                    "edge_id": find_edge(session, edge),
                },
            )  # fmt: skip

    def confirm_above(
        self, threshold: float, *, creator: str | None = None, relation: str | None = None, dry_run: bool = True
    ) -> BulkOutcome:
        """Confirm every question from this confidence (0 to 1) on, as one decision that is taken back together.

        Where two parents of one child are above it, or edges would close a circle, a person is asked as before. What
        is confirmed in bulk was not looked at, and is no evidence for `thresholds`.
        """
        if not 0 < threshold <= 1:
            raise InvalidInput(f"{threshold:g} is no confidence.", hint="Give a number up to 1: 0.9 is 90 %.")
        permission = Permission.READ if dry_run else Permission.DECIDE_CONTENT
        with self._access.transaction(permission) as session:
            if not dry_run:
                lock_tree(session, self._access.tenant.id)
            above = [
                one
                for one in self._waiting(session, creator=creator, relation=relation)
                if float(one.confidence) >= threshold
            ]
            above.sort(key=lambda one: (-one.confidence, one.id))
            standing, why = _apart(session, self._access, above)
            if standing and not dry_run:
                decide(
                    session, self._access, standing, after="confirmed", action="confirm",
                    reason=f"{IN_BULK}{threshold:g} or surer",
                )  # fmt: skip
            edges = edges_by_id(session, [one.id for one in above])
            return BulkOutcome(
                threshold=threshold,
                dry_run=dry_run,
                edges=tuple(edges[edge_id] for edge_id in standing),
                left_open=tuple(LeftOpen(edges[edge_id], words) for edge_id, words in why.items()),
                expected_wrong=sum(1 - float(edges[edge_id].confidence) for edge_id in standing),
            )

    def thresholds(self, *, precision: float = PRECISION) -> Thresholds:
        """From which confidence edges confirm themselves here, and what that rests on.

        `precision` is the share of these that is to be right, from 0.5 to below 1.
        """
        with self._access.transaction(Permission.READ) as session:
            return read_thresholds(session, tenant_id=self._access.tenant.id, precision=precision)

    def _waiting(self, session: Session, *, creator: str | None, relation: str | None) -> list[Waiting]:
        if relation is not None and relation not in RELATIONS:
            raise InvalidInput(f"{relation!r} is no relation.", hint=f"One of: {', '.join(RELATIONS)}.")
        creator_id = find_creator(session, creator)[0] if creator else None
        waiting = read_waiting(session, tenant_id=self._access.tenant.id, member_id=self._access.member.id)
        return [
            one
            for one in waiting
            if (creator_id is None or creator_id in one.creators) and relation in {None, one.relation}
        ]

    def _questions(
        self, session: Session, asked: Sequence[Waiting], stakes: Mapping[UUID, Stake]
    ) -> tuple[Question, ...]:
        edges = edges_by_id(session, [edge_id for one in asked for edge_id in (one.id, *one.rivals)])
        ends = [item for one in asked for item in (one.child_id, one.parent_id)]
        sides = read_sides(session, ends, tenant_id=self._access.tenant.id, numbers=self._numbers)
        earlier = _earlier(session, self._access.tenant.id, [one.id for one in asked])
        return tuple(
            Question(
                edge=edges[one.id],
                value=stakes[one.id].value,
                why=_why(one, stakes[one.id]),
                child=sides[one.child_id],
                parent=sides[one.parent_id],
                moves=stakes[one.id].items,
                unknown=stakes[one.id].unknown,
                rivals=_rivals([edges[rival] for rival in one.rivals]),
                earlier=earlier.get(one.id),
                skipped=one.skipped_at is not None,
            )
            for one in asked
        )

    def _answered(self, session: Session, edge_ids: Sequence[UUID], *, settles: bool) -> Answered:
        place = session.execute(text(_PLACE), {"tenant_id": self._access.tenant.id, "edge_id": edge_ids[0]}).one()
        return Answered(
            edges=tuple(edges_by_id(session, edge_ids).values()),
            family_id=place.family_id,
            family_title=place.family_title,
            family_items=place.family_items,
            settled=place.others if settles else 0,
        )


def _still_open(edge: EdgeRow) -> None:
    """Two people may have the same question before them: the second answer must not overturn the first unseen."""
    if edge.state != "suggested":
        child, parent = (f"{end.platform}:{end.native_id}" for end in (edge.child, edge.parent))
        raise AnsweredAlready(
            f"{child} and {parent} were decided on already: {edge.state}.",
            hint=f"If that is wrong: engagerr content undo {edge.id.hex[-8:]}",
            facts={"edge": str(edge.id), "state": edge.state},
        )


def _order(one: Waiting, stake: Stake) -> tuple[bool, float, float, Decimal, UUID]:
    """Of what was put off, the longest ago first."""
    skipped = one.skipped_at.timestamp() if one.skipped_at else 0.0
    return one.skipped_at is not None, skipped, -stake.value, -one.confidence, one.id


def _why(one: Waiting, stake: Stake) -> str:
    """What makes this question worth asking, in words."""
    said = [f"{float(one.confidence) * 100:.0f} % sure"]
    said.append("1 item would move" if stake.items == 1 else f"{stake.items:,} items would move")
    if stake.largest is not None:
        words = (stake.metric or "").replace("_", " ")
        said.append(
            f"{stake.largest:,.0f} {words}" if stake.items == 1 else f"the largest has {stake.largest:,.0f} {words}"
        )
    if stake.unknown:
        whose = "it has" if stake.items == 1 else f"{stake.unknown:,} of them have"
        said.append(f"{whose} no figure, so the creator's median stands in")
    if one.rivals:
        others = "another question" if len(one.rivals) == 1 else f"{len(one.rivals):,} other questions"
        said.append(f"a yes settles {others}")
    return "; ".join(said)


def _rivals(edges: Sequence[EdgeRow]) -> tuple[Rival, ...]:
    surest = sorted(edges, key=lambda edge: (-edge.confidence, edge.id))
    return tuple(Rival(edge.id, edge.parent, edge.relation, edge.confidence) for edge in surest)


def _apart(session: Session, access: Access, above: Sequence[Waiting]) -> tuple[list[UUID], dict[UUID, str]]:
    """Which of these edges can all stand together, and why the others stay questions."""
    parents: dict[UUID, int] = {}
    for one in above:
        parents[one.child_id] = parents.get(one.child_id, 0) + 1
    why = {
        one.id: f"{parents[one.child_id]} suggestions for this child are this sure; it has one parent"
        for one in above
        if parents[one.child_id] > 1
    }
    single = [one.id for one in above if one.id not in why]
    why |= {edge_id: clash.message for edge_id, clash in conflicts_of(session, access, single).items()}
    return [edge_id for edge_id in single if edge_id not in why], why


def _earlier(session: Session, tenant_id: UUID, edge_ids: Sequence[UUID]) -> dict[UUID, Earlier]:
    rows = session.execute(text(_EARLIER), {"tenant_id": tenant_id, "ids": [str(edge_id) for edge_id in edge_ids]})
    return {row.edge_id: Earlier(row.after, row.member, row.at, row.reason, row.undone) for row in rows}


_PLACE = """
SELECT coalesce(node.family_id, child.id) AS family_id, coalesce(root.title, child.title) AS family_title,
       greatest(1, (SELECT count(*) FROM content_nodes AS other
                    WHERE other.tenant_id = :tenant_id AND other.family_id = node.family_id)) AS family_items,
       (SELECT count(*) FROM content_edges AS other
        WHERE other.tenant_id = :tenant_id AND other.child_id = child.id AND other.state = 'suggested') AS others
FROM content_edges AS edge
JOIN content_items AS child ON child.tenant_id = edge.tenant_id AND child.id = edge.child_id
LEFT JOIN content_nodes AS node ON node.tenant_id = edge.tenant_id AND node.item_id = edge.child_id
LEFT JOIN content_items AS root ON root.tenant_id = node.tenant_id AND root.id = node.family_id
WHERE edge.tenant_id = :tenant_id AND edge.id = :edge_id
"""

_DECIDED_TODAY = """
SELECT count(DISTINCT decision.edge_id)
FROM content_decisions AS decision
WHERE decision.tenant_id = :tenant_id AND decision.member_id = :member_id AND decision.undoes IS NULL
  AND decision.at >= date_trunc('day', now(), 'UTC')
  AND NOT EXISTS (SELECT FROM content_decisions AS later
                  WHERE later.tenant_id = decision.tenant_id AND later.undoes = decision.id)
"""

_EARLIER = """
SELECT DISTINCT ON (decision.edge_id)
       decision.edge_id, decision.after, member.name AS member, decision.at, decision.reason,
       EXISTS (SELECT FROM content_decisions AS later
               WHERE later.tenant_id = decision.tenant_id AND later.undoes = decision.id) AS undone
FROM content_decisions AS decision
LEFT JOIN members AS member ON member.tenant_id = decision.tenant_id AND member.id = decision.member_id
WHERE decision.tenant_id = :tenant_id AND decision.edge_id = ANY (CAST(:ids AS uuid[])) AND decision.undoes IS NULL
ORDER BY decision.edge_id, decision.at DESC, decision.id DESC
"""
