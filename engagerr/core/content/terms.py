"""Terms of items: who sponsored one, who may use it, what must be disclosed, and what of that reaches its family.

How far a term reaches, and why, is in `term_rules`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.content.families import FamilyNode, family_of, read_nodes
from engagerr.core.content.family_graph import in_tree_order
from engagerr.core.content.items import find_item
from engagerr.core.content.term_rules import OWN_TOO, Standing, TermKind, Verdict, out_of_time, weakest
from engagerr.core.errors import Conflict, InvalidInput, NotFound
from engagerr.core.roster import find_creator
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session


@dataclass(frozen=True, slots=True)
class TermRow:
    """What was agreed about one item. Both days are within it; None is open."""

    id: UUID
    item_id: UUID
    platform: str
    native_id: str
    title: str | None
    creator: str | None
    kind: TermKind
    party: str | None
    detail: str | None
    starts_on: date | None
    ends_on: date | None
    created_at: datetime

    def standing(self, on: date) -> Standing:
        """Whether the term runs on that day."""
        if self.ends_on is not None and self.ends_on < on:
            return Standing.ENDED
        if self.starts_on is not None and self.starts_on > on:
            return Standing.NOT_BEGUN
        return Standing.RUNS


@dataclass(frozen=True, slots=True)
class Step:
    """One edge on the way of a term: it goes `down` to the child, or up to the parent (over `same_work` alone)."""

    edge_id: UUID
    child_id: UUID
    parent_id: UUID
    relation: str
    state: str
    confidence: Decimal
    down: bool


@dataclass(frozen=True, slots=True)
class Inherited:
    """A term that reaches an item: from which item, along which edges (none for its own), and whether it binds."""

    item_id: UUID
    platform: str
    native_id: str
    title: str | None
    term: TermRow
    path: tuple[Step, ...]
    verdict: Verdict
    standing: Standing
    why: str

    @property
    def is_own(self) -> bool:
        """Agreed for this very item."""
        return not self.path


class TermThere(Conflict):
    """The very same was noted about the item already."""

    def __init__(self, kind: TermKind, item: str) -> None:
        super().__init__(
            f"The same {kind.replace('_', ' ')} is noted for {item} already.",
            hint=f"See engagerr term list --item {item}.",
            facts={"kind": str(kind), "item": item},
        )


class Terms:
    """Sponsorships, usage rights and disclosure duties of items. They are terms: who may read those, reads them."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def add(
        self,
        item: str,
        *,
        kind: str,
        party: str | None = None,
        detail: str | None = None,
        starts_on: date | None = None,
        ends_on: date | None = None,
    ) -> TermRow:
        """Note what was agreed about an item. Both days are within it; `detail` is for people.

        Raises `InvalidInput` for an unknown kind or days out of order, `TermThere` if it is noted already.
        """
        known = _kind(kind)
        if starts_on and ends_on and ends_on < starts_on:
            raise InvalidInput(
                f"The term would end on {ends_on}, before it begins on {starts_on}.", hint="Swap the days."
            )
        with self._access.transaction(Permission.EDIT_TERMS) as session:
            values = {
                "tenant_id": self._access.tenant.id, "item_id": find_item(session, item), "kind": str(known),
                "party": _words(party), "detail": _words(detail), "starts_on": starts_on, "ends_on": ends_on,
            }  # fmt: skip
            if session.execute(text(_SAME_TERM), values).first():
                raise TermThere(known, item)
            term_id = session.execute(text(_ADD), values).scalar_one()
            [row] = _read(session, tenant_id=self._access.tenant.id, where="term.id = :id", id=term_id)
            self._audit(session, "content.term_added", row)
            return row

    def list(self, item: str | None = None, creator: str | None = None) -> tuple[TermRow, ...]:
        """What was agreed, as noted on the items themselves: those that end last (or never) first."""
        with self._access.transaction(Permission.READ_TERMS) as session:
            return _read(
                session,
                tenant_id=self._access.tenant.id,
                where="(CAST(:item_id AS uuid) IS NULL OR term.item_id = :item_id)"
                " AND (CAST(:creator_id AS uuid) IS NULL OR account.creator_id = :creator_id)",
                item_id=find_item(session, item) if item else None,
                creator_id=find_creator(session, creator)[0] if creator else None,
            )

    def remove(self, term_id: str | UUID) -> TermRow:
        """Take a term away (by its id, or the last six or more digits of it); returns it as it stood."""
        with self._access.transaction(Permission.EDIT_TERMS) as session:
            tenant_id = self._access.tenant.id
            found = _read(
                session,
                tenant_id=tenant_id,
                where="right(replace(term.id::text, '-', ''), length(:tail)) = :tail",
                tail=_tail(term_id),
            )
            if len(found) > 1:
                raise InvalidInput(f"More than one term ends in {term_id}.", hint="Give more digits of the id.")
            if not found:
                raise NotFound(
                    f"There is no term {term_id} here.", hint="`engagerr term list` shows their ids.",
                    facts={"term": str(term_id)},
                )  # fmt: skip
            session.execute(
                text("DELETE FROM content_terms WHERE tenant_id = :tenant_id AND id = :id"),
                {"tenant_id": tenant_id, "id": found[0].id},
            )
            self._audit(session, "content.term_removed", found[0])
            return found[0]

    def inherited(self, item_or_family: str, *, on: date | None = None) -> tuple[Inherited, ...]:
        """What reaches each item of the family of this item: items in the order of the tree, own terms first.

        `on` is the day that terms are looked at; without it, today (UTC).
        """
        with self._access.transaction(Permission.READ_TERMS) as session:
            tenant_id = self._access.tenant.id
            family_id = family_of(session, tenant_id=tenant_id, item_id=find_item(session, item_or_family))
            return inherited_terms(
                session, tenant_id=tenant_id, family_id=family_id, on=on or self._access.clock.now().date()
            )

    def _audit(self, session: Session, action: str, row: TermRow) -> None:
        # The audit log is kept for good: that there was a detail, not what it says.
        self._access.audit(
            session, action, f"item:{row.item_id}", term=str(row.id), kind=str(row.kind), party=row.party,
            detail=None if row.detail is None else "noted", starts_on=row.starts_on, ends_on=row.ends_on,
        )  # fmt: skip


def inherited_terms(session: Session, *, tenant_id: UUID, family_id: UUID, on: date) -> tuple[Inherited, ...]:
    """Step: what reaches each item of one family on a day. Two queries, whatever the size of the family.

    Items in the order of the tree, each with its own terms first. Raises `NotFound` for a family that is not here.
    """
    nodes = read_nodes(session, tenant_id=tenant_id, family_id=family_id)
    terms = _read(
        session, tenant_id=tenant_id, where="term.item_id = ANY (CAST(:item_ids AS uuid[]))",
        item_ids=[str(node.id) for node in nodes],
    )  # fmt: skip
    if not terms:
        return ()
    ways = _Ways(nodes)
    reaching: dict[UUID, list[tuple[TermRow, tuple[Step, ...]]]] = {}
    for term in terms:
        for item_id, path in ways.from_item(term.item_id):
            reaching.setdefault(item_id, []).append((term, path))
    found = []
    for node in in_tree_order(nodes):
        here = reaching.get(node.id, [])
        own = {_claim(term) for term, path in here if not path and term.standing(on) is Standing.RUNS}
        for term, path in sorted(here, key=lambda one: len(one[1])):
            found.append(_judged(node, term, path, on=on, own=own))
    return tuple(found)


class _Ways:
    """The standing edges of one family, to be walked from any of its items."""

    def __init__(self, nodes: Sequence[FamilyNode]) -> None:
        self._up: dict[UUID, Step] = {}
        self._below: dict[UUID, list[UUID]] = {}
        above: list[FamilyNode] = []
        for node in nodes:
            del above[node.depth - 1 :]
            if above and node.edge_id and node.relation and node.confidence is not None:
                parent = above[-1]
                self._up[node.id] = Step(
                    node.edge_id, node.id, parent.id, node.relation, node.edge_state or "", node.confidence, down=False
                )
                self._below.setdefault(parent.id, []).append(node.id)
            above.append(node)

    def from_item(self, item_id: UUID) -> Iterator[tuple[UUID, tuple[Step, ...]]]:
        """Every item that a term of this one reaches, with the edges on the way: a tree has one way between two."""
        waiting: list[tuple[UUID, UUID | None, tuple[Step, ...]]] = [(item_id, None, ())]
        while waiting:
            here, came_from, path = waiting.pop()
            yield here, path
            up = self._up.get(here)
            if up is not None and up.parent_id != came_from and up.relation == "same_work":
                waiting.append((up.parent_id, here, (*path, up)))
            for child_id in self._below.get(here, ()):
                if child_id != came_from:
                    waiting.append((child_id, here, (*path, replace(self._up[child_id], down=True))))


def _judged(
    node: FamilyNode, term: TermRow, path: tuple[Step, ...], *, on: date, own: set[tuple[TermKind, str]]
) -> Inherited:
    rule = weakest(term.kind, [step.relation for step in path])
    if rule.verdict is not Verdict.APPLIES and _claim(term) in own:
        rule = OWN_TOO
    standing = term.standing(on)
    if standing is Standing.ENDED:
        rule = out_of_time(term.kind, rule, ended_on=term.ends_on)
    elif standing is Standing.NOT_BEGUN:
        rule = out_of_time(term.kind, rule, begins_on=term.starts_on)
    return Inherited(node.id, node.platform, node.native_id, node.title, term, path, rule.verdict, standing, rule.why)


def _claim(term: TermRow) -> tuple[TermKind, str]:
    """What two terms share that say the same of two items."""
    return term.kind, (term.party or "").casefold()


_SAME_TERM = """
SELECT id FROM content_terms
WHERE tenant_id = :tenant_id AND item_id = :item_id AND kind = :kind
  AND (party, detail, starts_on, ends_on) IS NOT DISTINCT FROM
      (CAST(:party AS text), CAST(:detail AS text), CAST(:starts_on AS date), CAST(:ends_on AS date))
"""
_ADD = """
INSERT INTO content_terms (tenant_id, item_id, kind, party, detail, starts_on, ends_on)
VALUES (:tenant_id, :item_id, :kind, :party, :detail, :starts_on, :ends_on) RETURNING id
"""
_TERMS = """
SELECT term.id, term.item_id, item.platform, item.native_id, item.title, creator.name AS creator, term.kind, term.party,
       term.detail, term.starts_on, term.ends_on, term.created_at
FROM content_terms AS term
JOIN content_items AS item ON item.tenant_id = term.tenant_id AND item.id = term.item_id
JOIN accounts AS account ON account.tenant_id = item.tenant_id AND account.id = item.account_id
LEFT JOIN creators AS creator ON creator.tenant_id = account.tenant_id AND creator.id = account.creator_id
WHERE term.tenant_id = :tenant_id AND {where}
ORDER BY term.ends_on DESC NULLS FIRST, term.kind, term.party, term.id
"""


def _read(session: Session, *, tenant_id: UUID, where: str, **values: object) -> tuple[TermRow, ...]:
    rows = session.execute(text(_TERMS.format(where=where)), {"tenant_id": tenant_id, **values})
    return tuple(TermRow(**{**row._mapping, "kind": TermKind(row.kind)}) for row in rows)


def _kind(word: str) -> TermKind:
    try:
        return TermKind(word.strip().lower().replace("-", "_"))
    except ValueError:
        raise InvalidInput(
            f"{word!r} is no kind of term.", hint=f"One of: {', '.join(TermKind)}.", facts={"kind": word}
        ) from None


def _words(words: str | None) -> str | None:
    return (words.strip() or None) if words else None


def _tail(term_id: str | UUID) -> str:
    digits = str(term_id).strip().lower().replace("-", "")
    if len(digits) < 6 or set(digits) - set("0123456789abcdef"):
        raise InvalidInput(
            f"{term_id!r} does not name a term.", hint="Give its id, or the last six or more digits of it."
        )
    return digits
