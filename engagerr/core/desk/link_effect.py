"""What an answer would change: the totals of the family with a suggested item in it, and the terms that would reach it.

Nothing is written to find out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.content.families import ConceptTotal, FamilyNode, family_of, read_nodes
from engagerr.core.content.items import find_edge, find_item
from engagerr.core.content.term_rules import Standing, TermKind, Verdict, out_of_time, weakest
from engagerr.core.content.terms import Inherited, inherited_terms
from engagerr.core.metrics import FigureReader
from engagerr.core.tenancy import Permission

if TYPE_CHECKING:
    from engagerr.core.api import Workspace
    from engagerr.core.db import Session

# Figures of so many items are read to say what a total would become; above it, it is said that they are too many.
MOST_ITEMS = 5_000


@dataclass(frozen=True, slots=True)
class Changed:
    """One total of the family before and after; `before` is None where the family has none of its kind yet."""

    before: ConceptTotal | None
    after: ConceptTotal


@dataclass(frozen=True, slots=True)
class ReachingTerm:
    """A term that reaches an item: from which one, and whether it binds, with the sentence that says why.

    `own`: agreed for this very item. `upwards`: it would come from the item to the family that takes it in.
    """

    kind: TermKind
    party: str | None
    from_title: str
    verdict: Verdict
    why: str
    own: bool = False
    upwards: bool = False


@dataclass(frozen=True, slots=True)
class LinkEffect:
    """What a yes would do: `items` come into the family; these totals change; these terms reach further than now.

    `terms` is None where the member may not read terms. `why_no_totals` says why totals were not computed.
    """

    edge_id: UUID
    items: int
    totals: tuple[Changed, ...]
    terms: tuple[ReachingTerm, ...] | None
    why_no_totals: str | None = None


def link_effect(work: Workspace, edge: str) -> LinkEffect:
    """What confirming this edge (by its id) would change.

    Raises:
        NotFound: there is no such edge.
    """
    with work.access.transaction(Permission.READ) as session:
        tenant_id = work.tenant.id
        row = session.execute(
            text(
                "SELECT id, child_id, parent_id, relation FROM content_edges WHERE tenant_id = :tenant_id AND id = :id"
            ),
            {"tenant_id": tenant_id, "id": find_edge(session, edge)},
        ).one()
        above = family_of(session, tenant_id=tenant_id, item_id=row.parent_id)
        family = read_nodes(session, tenant_id=tenant_id, family_id=above)
        coming = _branch(session, tenant_id, row.child_id)
        inside = {node.id for node in family}
        coming = [node for node in coming if node.id not in inside]
        totals, why = _totals(session, family, coming)
        terms = None
        if work.access.allows(session, Permission.READ_TERMS):
            today = work.access.clock.now().date()
            terms = _terms(session, tenant_id, row.parent_id, row.child_id, row.relation, today)
        return LinkEffect(row.id, len(coming), totals, terms, why)


def terms_at(work: Workspace, item: str) -> tuple[ReachingTerm, ...] | None:
    """The terms that reach an item (an id, or platform:native_id) where it stands; None for who may not read them.

    Raises:
        NotFound: there is no such item.
    """
    with work.access.transaction(Permission.READ) as session:
        item_id = find_item(session, item)
        if not work.access.allows(session, Permission.READ_TERMS):
            return None
        return tuple(_at(session, work.tenant.id, item_id, work.access.clock.now().date()))


def _branch(session: Session, tenant_id: UUID, item_id: UUID) -> list[FamilyNode]:
    """The item with all below it, in path order: what would move."""
    family = family_of(session, tenant_id=tenant_id, item_id=item_id)
    nodes = read_nodes(session, tenant_id=tenant_id, family_id=family)
    start = next(at for at, node in enumerate(nodes) if node.id == item_id)
    branch = [nodes[start]]
    for node in nodes[start + 1 :]:
        if node.depth <= nodes[start].depth:
            break
        branch.append(node)
    return branch


def _totals(
    session: Session, family: Sequence[FamilyNode], coming: Sequence[FamilyNode]
) -> tuple[tuple[Changed, ...], str | None]:
    items = len(family) + len(coming)
    if items > MOST_ITEMS:
        return (), f"{items:,} items are too many to add up as you go"
    reader = FigureReader()
    figures = reader.figures(session, [node.id for node in (*family, *coming)])
    nodes = [replace(node, figures=figures.get(node.id, ())) for node in (*family, *coming)]
    before = {_kind(total): total for total in reader.total(nodes[: len(family)])}
    after = reader.total(nodes)
    changed = [
        Changed(before.get(_kind(total)), total)
        for total in after
        if (held := before.get(_kind(total))) is None or held.value != total.value
    ]
    return tuple(changed), None


def _kind(total: ConceptTotal) -> tuple[str, str, str | None, str | None]:
    return total.concept, total.group, total.unit, total.currency


def _at(session: Session, tenant_id: UUID, item_id: UUID, on: date) -> list[ReachingTerm]:
    family = family_of(session, tenant_id=tenant_id, item_id=item_id)
    return [
        _told(one)
        for one in inherited_terms(session, tenant_id=tenant_id, family_id=family, on=on)
        if one.item_id == item_id and one.verdict is not Verdict.DOES_NOT_APPLY
    ]


def _told(one: Inherited) -> ReachingTerm:
    term = one.term
    name = term.title or f"{term.platform}:{term.native_id}"
    return ReachingTerm(term.kind, term.party, name, one.verdict, one.why, own=one.is_own)


def _terms(
    session: Session, tenant_id: UUID, parent_id: UUID, child_id: UUID, relation: str, on: date
) -> tuple[ReachingTerm, ...]:
    """Down from the parent over the new edge; up from the child only where both are the same work."""
    ways = [(parent_id, False)] + ([(child_id, True)] if relation == "same_work" else [])
    found = []
    for item_id, upwards in ways:
        family = family_of(session, tenant_id=tenant_id, item_id=item_id)
        for one in inherited_terms(session, tenant_id=tenant_id, family_id=family, on=on):
            if one.item_id != item_id:
                continue
            rule = weakest(one.term.kind, [*(step.relation for step in one.path), relation])
            if one.standing is Standing.ENDED:
                rule = out_of_time(one.term.kind, rule, ended_on=one.term.ends_on)
            elif one.standing is Standing.NOT_BEGUN:
                rule = out_of_time(one.term.kind, rule, begins_on=one.term.starts_on)
            if rule.verdict is not Verdict.DOES_NOT_APPLY:
                found.append(replace(_told(one), verdict=rule.verdict, why=rule.why, own=False, upwards=upwards))
    return tuple(found)
