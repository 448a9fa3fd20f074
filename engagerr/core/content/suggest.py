"""Content mapping of what the database holds: show by show, pieces in, claims out, edges reconciled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.content.agreeing import Moved, agreed, both, is_certain, moved_within, without
from engagerr.core.content.detection import Detection, FoundEdge, Judgements, Piece, detect
from engagerr.core.content.detection.corpus import BODY_CHARACTERS
from engagerr.core.content.evidence import LONG_KINDS, POST_KINDS, SHORT_KINDS, Claim, order_of
from engagerr.core.content.linked import linked_claims
from engagerr.core.content.meanings import kept_meanings
from engagerr.core.content.thresholds import PRECISION, Thresholds, read_thresholds
from engagerr.core.content.writing import Scope, reconcile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sqlalchemy import Row

    from engagerr.core.db import Session

Linked = dict[frozenset[UUID], Claim]

# A show up to this size is looked at as a whole whenever something of it lands; of a larger one only what could belong
# to what landed. (A full `content suggest` looks at everything.)
WHOLE_SHOW = 5_000
ITEMS_AT_A_TIME = 8_000


@dataclass(frozen=True, slots=True)
class SuggestStats:
    """What a run of suggestion looked at and wrote.

    `linked_pairs` counts pairs of known items that a link joins, `items` those that were compared and `compared` the
    pairs of them. `new` edges, of them `auto_confirmed`; `reweighed` that no person decided on and that are now more or
    less sure; `withdrawn` that nothing speaks for any more.
    """

    items: int = 0
    compared: int = 0
    linked_pairs: int = 0
    claims: int = 0
    new: int = 0
    auto_confirmed: int = 0
    reweighed: int = 0
    withdrawn: int = 0

    def __add__(self, other: SuggestStats) -> SuggestStats:
        return SuggestStats(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Show:
    """Whose items are compared with each other: a creator's, or those of an account that is nobody's."""

    id: UUID
    items: int


def read_shows(
    session: Session, *, creator_id: UUID | None = None, accounts: Sequence[UUID] | None = None
) -> list[Show]:
    """The shows of the workspace (of this creator, or that these accounts belong to) that have items."""
    rows = session.execute(
        text(
            """
            WITH chosen AS (
              SELECT coalesce(creator_id, id) AS show FROM accounts
              WHERE tenant_id = engagerr_tenant()
                AND (CAST(:creator_id AS uuid) IS NULL OR creator_id = :creator_id)
                AND (CAST(:accounts AS uuid[]) IS NULL OR id = ANY (CAST(:accounts AS uuid[])))
              GROUP BY 1
            )
            SELECT chosen.show, count(*) AS items
            FROM chosen
            JOIN accounts AS account
              ON account.tenant_id = engagerr_tenant() AND coalesce(account.creator_id, account.id) = chosen.show
            JOIN content_items AS item ON item.tenant_id = account.tenant_id AND item.account_id = account.id
            GROUP BY chosen.show ORDER BY chosen.show
            """
        ),
        {
            "creator_id": creator_id,
            "accounts": None if accounts is None else [str(account_id) for account_id in accounts],
        },
    )
    return [Show(row.show, row.items) for row in rows]


def together(shows: Sequence[Show]) -> Iterator[list[Show]]:
    """Shows in batches of a bounded number of items, each show whole."""
    batch: list[Show] = []
    for show in shows:
        if batch and sum(one.items for one in batch) + show.items > ITEMS_AT_A_TIME:
            yield batch
            batch = []
        batch.append(show)
    if batch:
        yield batch


def suggest_landed(
    session: Session, *, tenant_id: UUID, accounts: Sequence[UUID], imports: Sequence[UUID]
) -> SuggestStats:
    """Look at the shows of these accounts for what the imports brought or changed."""
    total = SuggestStats()
    shows = _with_something_to_find(session, read_shows(session, accounts=accounts))
    small = [show for show in shows if show.items <= WHOLE_SHOW]
    for batch in together(small):
        total += suggest_edges(session, tenant_id=tenant_id, shows=batch)
    large = [show for show in shows if show.items > WHOLE_SHOW]
    if large:
        landed = session.execute(
            text(
                "SELECT id FROM content_items WHERE tenant_id = engagerr_tenant()"
                " AND account_id = ANY (CAST(:accounts AS uuid[])) AND import_id = ANY (CAST(:imports AS uuid[]))"
            ),
            {"accounts": [str(one) for one in accounts], "imports": [str(one) for one in imports]},
        )
        focus = set(landed.scalars())
        for show in large:
            total += suggest_edges(session, tenant_id=tenant_id, shows=[show], focus=focus)
    return total


def _with_something_to_find(session: Session, shows: Sequence[Show]) -> list[Show]:
    """Without the shows of one account whose pieces are all of one known kind and much of a length, that no link leaves
    or reaches and that have no edges: there nothing can be a rendition or a cut of anything."""
    found = session.execute(
        text(
            """
            SELECT coalesce(account.creator_id, account.id) AS show
            FROM accounts AS account
            JOIN content_items AS item ON item.tenant_id = account.tenant_id AND item.account_id = account.id
            WHERE account.tenant_id = engagerr_tenant()
              AND coalesce(account.creator_id, account.id) = ANY (CAST(:shows AS uuid[]))
            GROUP BY 1
            HAVING count(DISTINCT item.account_id) > 1 OR count(DISTINCT item.kind) > 1
                OR bool_or(item.kind IS NULL OR item.kind <> ALL (:kinds))
                OR min(item.duration_seconds) <= 0.4 * max(item.duration_seconds)
                OR bool_or(EXISTS (SELECT FROM content_links AS link
                                   WHERE link.tenant_id = item.tenant_id AND link.item_id = item.id))
                OR bool_or(EXISTS (SELECT FROM content_links AS link
                                   WHERE link.tenant_id = item.tenant_id AND link.platform = item.platform
                                     AND link.native_id = item.native_id))
                OR bool_or(EXISTS (SELECT FROM content_edges AS edge
                                   WHERE edge.tenant_id = item.tenant_id AND edge.child_id = item.id))
            """
        ),
        {
            "shows": [str(show.id) for show in shows],
            "kinds": sorted(SHORT_KINDS | LONG_KINDS | POST_KINDS),
        },
    )
    there = set(found.scalars())
    return [show for show in shows if show.id in there]


def suggest_edges(
    session: Session, *, tenant_id: UUID, shows: Sequence[Show], focus: Collection[UUID] | None = None
) -> SuggestStats:
    """Look at these shows (at what touches `focus`, if given) and make the machine's edges what it now claims.

    What is claimed follows from the items, their links, what people decided and which vectors of meaning are kept (see
    `meanings`), and from nothing else: not from the order in which they came, and not from the edges of an earlier run.
    Only with a `focus` a pair may be left as it was although a look at the whole show would judge it anew, since words
    and habits are learned from all of it.
    """
    pieces = _read_pieces(session, [show.id for show in shows])
    if not pieces:
        return SuggestStats()
    item_ids = sorted(UUID(str(piece.id)) for piece in pieces)
    linked, linked_pairs = linked_claims(session, item_ids=item_ids)
    thresholds = read_thresholds(session, tenant_id=tenant_id, precision=PRECISION)
    vectors = kept_meanings(session, tenant_id=tenant_id, pieces=pieces)
    judged, moved = _judgements(session, item_ids, linked)
    if moved:
        _, claims = _found(pieces, linked, without(judged, moved), thresholds, focus, vectors)
        judged = without(judged, moved_within(claims, moved))
    found, claims = _found(pieces, linked, judged, thresholds, focus, vectors)
    scope = Scope(frozenset(item_ids), frozenset(UUID(str(item_id)) for item_id in found.settled))
    done: Counter[str] = reconcile(session, tenant_id=tenant_id, claims=claims, scope=scope)
    return SuggestStats(
        items=len(pieces),
        compared=found.compared,
        linked_pairs=linked_pairs,
        claims=len(claims),
        new=done["suggested"] + done["auto_confirmed"],
        auto_confirmed=done["auto_confirmed"],
        reweighed=done["reweighed"],
        withdrawn=done["withdrawn"],
    )


def _found(
    pieces: Sequence[Piece],
    linked: Linked,
    judged: Judgements,
    thresholds: Thresholds,
    focus: Collection[UUID] | None,
    vectors: Mapping[Hashable, NDArray[np.float32]] | None,
) -> tuple[Detection, list[Claim]]:
    """What is alike and what was written down, in agreement with what people said about whole works.

    A rejection is known of a pair; of which works it speaks shows once they are found. What then turns out to be
    against it is looked for again without, so that the next best can take its place.
    """
    against: frozenset[frozenset[Hashable]] = frozenset()
    while True:
        known = replace(
            judged,
            rejected=judged.rejected | against,
            parents=_written_twins(linked, judged.rejected | against) | dict(judged.parents),
        )
        found = detect(pieces, focus=focus, vectors=vectors, judgements=known, thresholds=thresholds)
        claims, more = agreed(_together(pieces, found.edges, linked, thresholds), judged)
        if more <= against:
            return found, claims
        against |= more


def _written_twins(linked: Linked, rejected: Collection[frozenset[Hashable]]) -> dict[Hashable, tuple[Hashable, str]]:
    """Renditions that links join for sure: cuts of the one are cuts of the other."""
    return {
        claim.child_id: (claim.parent_id, claim.relation) for pair, claim in sorted(linked.items(), key=_weakest_first)
        if claim.relation == "same_work" and claim.state == "auto_confirmed" and pair not in rejected
    }  # fmt: skip


def _weakest_first(entry: tuple[frozenset[UUID], Claim]) -> tuple[float, str]:
    return entry[1].confidence, entry[1].order


_PIECES = """
SELECT item.id, coalesce(account.creator_id, account.id) AS show, item.platform, account.handle, item.native_id,
       item.kind, item.title, left(item.body, :characters) AS body, item.url, item.published_at, item.duration_seconds,
       item.language, item.hints -> 'episode' AS episode, item.hints -> 'season' AS season,
       item.hints -> 'chapters' AS chapters, link.links
FROM accounts AS account
JOIN content_items AS item ON item.tenant_id = account.tenant_id AND item.account_id = account.id
LEFT JOIN LATERAL (
  SELECT array_agg(ARRAY[link.platform, link.native_id]) AS links FROM content_links AS link
  WHERE link.tenant_id = item.tenant_id AND link.item_id = item.id AND link.stands AND link.found_in = 'link'
) AS link ON true
WHERE account.tenant_id = engagerr_tenant() AND coalesce(account.creator_id, account.id) = ANY (CAST(:shows AS uuid[]))
"""


def _read_pieces(session: Session, shows: Sequence[UUID]) -> list[Piece]:
    rows = session.execute(
        text(_PIECES), {"shows": [str(show) for show in shows], "characters": max(BODY_CHARACTERS.values())}
    )  # fmt: skip
    return [_piece(row) for row in rows]


def _piece(row: Row[Any]) -> Piece:
    hints = {
        name: value
        for name, value in (("episode", row.episode), ("season", row.season), ("chapters", row.chapters))
        if value is not None
    }
    return Piece(
        id=row.id, show=row.show, platform=row.platform, account=row.handle, native_id=row.native_id, kind=row.kind,
        title=row.title, body=row.body, url=row.url, published_at=row.published_at,
        duration_seconds=None if row.duration_seconds is None else float(row.duration_seconds), language=row.language,
        links=tuple((platform, native_id) for platform, native_id in row.links or ()), hints=hints,
    )  # fmt: skip


def _judgements(
    session: Session, item_ids: Sequence[UUID], linked: Collection[frozenset[UUID]]
) -> tuple[Judgements, frozenset[Moved]]:
    """(what people and files said about these items, and what links say; what they rejected to hang it elsewhere)."""
    rows = session.execute(
        text(
            """
            SELECT edge.child_id, edge.parent_id, edge.relation,
                   edge.state NOT IN ('confirmed', 'auto_confirmed') AS rejected
            FROM content_edges AS edge
            WHERE edge.tenant_id = engagerr_tenant() AND edge.child_id = ANY (CAST(:ids AS uuid[]))
              AND (edge.state IN ('confirmed', 'rejected')
                OR (edge.state = 'auto_confirmed' AND edge.evidence -> 0 ->> 'kind' IN ('file', 'person'))
                -- Rejected, and asked again since something was written: it is rejected until the answer is another.
                OR (edge.state = 'suggested' AND edge.evidence @> '[{"kind": "rejected_before"}]'
                  AND EXISTS (SELECT FROM content_decisions AS decision
                              WHERE decision.tenant_id = edge.tenant_id AND decision.edge_id = edge.id)))
            """
        ),
        {"ids": [str(item_id) for item_id in item_ids]},
    ).all()
    parents = {row.child_id: (row.parent_id, row.relation) for row in rows if not row.rejected}
    # Who turns an edge around or names it otherwise rejects the one and draws the other.
    standing = {frozenset({child, parent}) for child, (parent, _) in parents.items()}
    rejected = [row for row in rows if row.rejected and frozenset({row.child_id, row.parent_id}) not in standing]
    moved = {(row.child_id, row.parent_id, parents[row.child_id][0]) for row in rejected if row.child_id in parents}
    judged = Judgements(
        rejected=frozenset(frozenset({row.child_id, row.parent_id}) for row in rejected),
        linked=frozenset(linked),
        parents=parents,
    )
    return judged, frozenset(moved)


def _together(
    pieces: Sequence[Piece], found: Sequence[FoundEdge], linked: Linked, thresholds: Thresholds
) -> list[Claim]:
    """One claim a pair: of what was written down, of what was found, or of both."""
    claims = dict(linked)
    names = {piece.id: (piece.platform, piece.native_id) for piece in pieces}
    for edge in found:
        pair = frozenset({UUID(str(edge.child)), UUID(str(edge.parent))})
        own = Claim(
            UUID(str(edge.child)), UUID(str(edge.parent)), edge.relation, edge.confidence, edge.evidence,
            asked=edge.state != "auto_confirmed", certain_from=thresholds.of(edge.relation).auto_confirm,
            written=False, order=order_of(names[edge.child], names[edge.parent]),
        )  # fmt: skip
        written = claims.get(pair)
        if written is None:
            claims[pair] = own
        elif written.relation == own.relation:
            claims[pair] = both(written, own)
        elif written.confidence < own.confidence and not is_certain(written):
            claims[pair] = own
    return list(claims.values())
