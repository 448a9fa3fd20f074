"""Verbs on content: list items, suggest edges, decide on them, and read families."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.content import decisions, reshaping
from engagerr.core.content.decisions import Decision
from engagerr.core.content.edges import EdgeRow, edges_by_id, edges_of, known_state, read_edges
from engagerr.core.content.families import FamilyNode, FamilyRow, Numbers, family_of, nested, read_families, read_nodes
from engagerr.core.content.family_graph import FamilyGraph, family_graph, family_graphs
from engagerr.core.content.items import find_edge, find_item
from engagerr.core.content.reshaping import Reshaped
from engagerr.core.content.undoing import Undone, undo
from engagerr.core.content.writing import lock_tree
from engagerr.core.errors import InvalidInput
from engagerr.core.roster import find_creator
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.ai import Embedder
    from engagerr.core.content.suggest import SuggestStats


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One content item in a list; `duration_seconds` is None when unknown."""

    id: UUID
    platform: str
    native_id: str
    account: str
    creator: str | None
    kind: str | None
    title: str | None
    url: str | None
    published_at: datetime | None
    duration_seconds: Decimal | None


@dataclass(frozen=True, slots=True)
class Suggestions:
    """Edges in scope, surest first, and what this run wrote."""

    edges: tuple[EdgeRow, ...]
    stats: SuggestStats


class Content:
    """Items, edges and families of this workspace."""

    def __init__(
        self, access: Access, numbers: Numbers, embedder: Callable[[], Embedder | None] = lambda: None
    ) -> None:
        self._access = access
        self._numbers = numbers
        self._embedder = embedder

    def list(
        self,
        *,
        creator: str | None = None,
        platform: str | None = None,
        kind: str | None = None,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> tuple[ItemRow, ...]:
        """Items, newest first; items without a date come last."""
        with self._access.transaction(Permission.READ) as session:
            creator_id = find_creator(session, creator)[0] if creator else None
            rows = session.execute(
                text(
                    """
                    SELECT item.id, item.platform, item.native_id, account.platform || ':' || account.handle AS account,
                           creator.name AS creator, item.kind, item.title, item.url, item.published_at,
                           item.duration_seconds
                    FROM content_items AS item
                    JOIN accounts AS account ON account.tenant_id = item.tenant_id AND account.id = item.account_id
                    LEFT JOIN creators AS creator
                      ON creator.tenant_id = account.tenant_id AND creator.id = account.creator_id
                    WHERE item.tenant_id = :tenant_id
                      AND (CAST(:creator_id AS uuid) IS NULL OR account.creator_id = :creator_id)
                      AND (CAST(:platform AS text) IS NULL OR item.platform = :platform)
                      AND (CAST(:kind AS text) IS NULL OR item.kind = :kind)
                      AND (CAST(:since AS timestamptz) IS NULL OR item.published_at >= :since)
                    ORDER BY item.published_at DESC NULLS LAST, item.platform, item.native_id
                    LIMIT :limit
                    """
                ),
                {
                    "tenant_id": self._access.tenant.id, "creator_id": creator_id, "platform": platform, "kind": kind,
                    "since": since, "limit": limit,
                },
            )  # fmt: skip
            return tuple(ItemRow(*row) for row in rows)

    def suggest(
        self,
        *,
        creator: str | None = None,
        progress: Callable[[int, int], None] | None = None,
        embedding: Callable[[int, int], None] | None = None,
    ) -> Suggestions:
        """Look again at everything (or at a creator's items): what belongs together, and why.

        What is new is written and what nothing speaks for any more goes, a few thousand items at a time, so that a run
        that was cut short is taken up by the next one. Where the settings name an embedder, items whose words are new
        are embedded first, while no transaction is open; imports embed nothing and use what is kept. Returns all edges
        in scope that were not rejected. `progress` is told (items looked at, items in all), `embedding` (texts
        embedded, new texts of the shows at hand). Raises InvalidInput where the embedder is not installed.
        """
        from engagerr.core.content.meanings import compare_by, embed_shows
        from engagerr.core.content.suggest import SuggestStats, read_shows, suggest_edges, together

        embedder = self._embedder()
        compare_by(self._access, embedder)
        tenant_id = self._access.tenant.id
        with self._access.transaction(Permission.DECIDE_CONTENT) as session:
            creator_id = find_creator(session, creator)[0] if creator else None
            shows = read_shows(session, creator_id=creator_id)
        stats = SuggestStats()
        whole = sum(show.items for show in shows)
        for batch in together(shows):
            if embedder is not None:
                embed_shows(self._access, embedder, [show.id for show in batch], progress=embedding)
            with self._access.transaction(Permission.DECIDE_CONTENT) as session:
                lock_tree(session, tenant_id)
                stats += suggest_edges(session, tenant_id=tenant_id, shows=batch)
            if progress is not None:
                progress(stats.items, whole)
        with self._access.transaction(Permission.READ) as session:
            return Suggestions(read_edges(session, "edge.state <> 'rejected'", creator_id=creator_id), stats)

    def edges(
        self, *, creator: str | None = None, state: str | None = None, of: str | Sequence[str] = ()
    ) -> tuple[EdgeRow, ...]:
        """Edges as they stand, surest first; writes nothing.

        `of` names some: an edge by its id or the last six or more digits of it, or an item, as platform:native_id,
        whose edges are meant. Raises `NotFound` for a word that names none of them, `InvalidInput` for no state.
        """
        state = known_state(state) if state is not None else None
        with self._access.transaction(Permission.READ) as session:
            creator_id = find_creator(session, creator)[0] if creator else None
            if of:
                words = (of,) if isinstance(of, str) else of
                return edges_of(session, words, tenant_id=self._access.tenant.id, creator_id=creator_id, state=state)
            return read_edges(
                session, "(CAST(:state AS text) IS NULL OR edge.state = :state)", creator_id=creator_id, state=state
            )

    def confirm(self, *edges: str, reason: str | None = None) -> tuple[EdgeRow, ...]:
        """Say that the edges are right. All of them, or none if one cannot be."""
        return self._decide(edges, "confirmed", "confirm", reason)

    def reject(self, *edges: str, reason: str | None = None) -> tuple[EdgeRow, ...]:
        """Say that the edges are wrong; they are not suggested again, and families they made fall apart."""
        return self._decide(edges, "rejected", "reject", reason)

    def link(self, child: str, parent: str, *, relation: str, reason: str | None = None) -> EdgeRow:
        """Draw an edge by hand: `child` is, for example, a clip_of `parent`."""
        with self._access.transaction(Permission.DECIDE_CONTENT) as session:
            edge_id = decisions.draw(
                session,
                self._access,
                find_item(session, child),
                find_item(session, parent),
                relation=relation,
                action="link",
                reason=reason,
            )
            return edges_by_id(session, [edge_id])[edge_id]

    def unlink(self, child: str, parent: str | None = None, *, reason: str | None = None) -> tuple[EdgeRow, ...]:
        """Take the item off its parent (or off this one): the edge is rejected and not suggested again."""
        with self._access.transaction(Permission.DECIDE_CONTENT) as session:
            lock_tree(session, self._access.tenant.id)
            held = decisions.standing_edge(
                session,
                self._access.tenant.id,
                find_item(session, child),
                find_item(session, parent) if parent else None,
            )
            if held is None:
                raise InvalidInput(f"{child} hangs on no parent.", hint=f"See engagerr content tree {child}.")
            cut = decisions.decide(session, self._access, [held.id], after="rejected", action="unlink", reason=reason)
            return tuple(edges_by_id(session, cut).values())

    def move(self, child: str, parent: str, *, relation: str | None = None, reason: str | None = None) -> Reshaped:
        """Hang an item, with all below it, under another parent; the edge to the old one is rejected.

        Without `relation` it is to the new parent what it was to the old one.
        """
        with self._access.transaction(Permission.DECIDE_CONTENT) as session:
            return reshaping.move(
                session,
                self._access,
                find_item(session, child),
                find_item(session, parent),
                relation=relation,
                reason=reason,
            )

    def split(self, item: str, *, reason: str | None = None) -> Reshaped:
        """Cut an item, with all below it, out of its family: the families returned are the two that there are now."""
        with self._access.transaction(Permission.DECIDE_CONTENT) as session:
            return reshaping.split(session, self._access, find_item(session, item), reason=reason)

    def merge(self, family: str, into: str, *, relation: str = "same_work", reason: str | None = None) -> Reshaped:
        """Make one family of two, each named by any of its items: the root of the first hangs under the other's."""
        with self._access.transaction(Permission.DECIDE_CONTENT) as session:
            return reshaping.merge(
                session,
                self._access,
                find_item(session, family),
                find_item(session, into),
                relation=relation,
                reason=reason,
            )

    def undo(self, edge: str | None = None) -> Undone:
        """Take back the last command that decided (the last on this edge, if named), with all that it did.

        Every edge of it stands again exactly as before; one that was drawn by hand and had not been there is gone.
        Asked again, it goes one command further back.
        """
        with self._access.transaction(Permission.DECIDE_CONTENT) as session:
            lock_tree(session, self._access.tenant.id)
            return undo(session, self._access, find_edge(session, edge) if edge else None)

    def decisions(self, *, limit: int | None = 50, edges: Sequence[UUID] | None = None) -> tuple[Decision, ...]:
        """The newest decisions (those on these edges, if named), newest first; without a limit all of them.

        Those of one command have the same `action_id`.
        """
        with self._access.transaction(Permission.READ) as session:
            return decisions.read_decisions(session, tenant_id=self._access.tenant.id, limit=limit, edges=edges)

    def tree(self, item: str) -> FamilyNode:
        """The family of an item (or of this id), nested from its root, each node with its figures."""
        with self._access.transaction(Permission.READ) as session:
            tenant_id = self._access.tenant.id
            family_id = family_of(session, tenant_id=tenant_id, item_id=find_item(session, item))
            nodes = read_nodes(session, tenant_id=tenant_id, family_id=family_id)
            return nested(nodes, self._numbers.figures(session, [node.id for node in nodes]))

    def families(self, creator: str | None = None, *, limit: int = 100) -> tuple[FamilyRow, ...]:
        """Families of two or more items, newest first, with totals that count nothing twice."""
        with self._access.transaction(Permission.READ) as session:
            creator_id = find_creator(session, creator)[0] if creator else None
            return read_families(
                session, tenant_id=self._access.tenant.id, creator_id=creator_id, limit=limit, numbers=self._numbers
            )

    def graph(self, item: str, *, suggested: bool = True, limit: int | None = None) -> FamilyGraph:
        """The family of an item as a graph, with the edges that wait for a person unless `suggested` is off.

        `family_picture` draws it, `graph_files` writes it. `limit` leaves out what is furthest from the root.
        """
        with self._access.transaction(Permission.READ) as session:
            tenant_id = self._access.tenant.id
            family_id = family_of(session, tenant_id=tenant_id, item_id=find_item(session, item))
            return family_graph(
                session, tenant_id=tenant_id, family_id=family_id, numbers=self._numbers, include_suggested=suggested,
                limit=limit,
            )  # fmt: skip

    def graphs(self, creator: str | None = None, *, suggested: bool = True) -> tuple[FamilyGraph, ...]:
        """Every family as a graph, for export. Raises `InvalidInput` where they are too many for a file."""
        with self._access.transaction(Permission.READ) as session:
            return family_graphs(
                session, tenant_id=self._access.tenant.id, numbers=self._numbers, include_suggested=suggested,
                creator_id=find_creator(session, creator)[0] if creator else None,
            )  # fmt: skip

    def _decide(self, edges: Sequence[str], after: str, action: str, reason: str | None) -> tuple[EdgeRow, ...]:
        if not edges:
            raise InvalidInput("Name at least one edge.", hint="`engagerr content suggest` shows their ids.")
        with self._access.transaction(Permission.DECIDE_CONTENT) as session:
            lock_tree(session, self._access.tenant.id)
            ids = [find_edge(session, edge) for edge in edges]
            decisions.decide(session, self._access, ids, after=after, action=action, reason=reason)
            return tuple(edges_by_id(session, ids).values())
