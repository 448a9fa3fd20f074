"""Content mapping of what the database holds: show by show, pieces in, claims out, edges reconciled."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.content.detection import FoundEdge, Judgements, Piece, detect
from engagerr.core.content.evidence import EXPLICIT, Claim, Evidence
from engagerr.core.content.linked import linked_claims
from engagerr.core.content.thresholds import PRECISION, Thresholds, read_thresholds
from engagerr.core.content.writing import reconcile

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session

# A show up to this size is looked at as a whole whenever something of it lands; of a larger one only what could belong
# to what landed. (A full `content suggest` looks at everything.)
WHOLE_SHOW = 5_000
ITEMS_AT_A_TIME = 8_000
_BODY_CHARACTERS = 3_000


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
    shows = read_shows(session, accounts=accounts)
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


def suggest_edges(
    session: Session, *, tenant_id: UUID, shows: Sequence[Show], focus: Collection[UUID] | None = None
) -> SuggestStats:
    """Look at these shows (at what touches `focus`, if given) and make the machine's edges what it now claims."""
    pieces = _read_pieces(session, [show.id for show in shows])
    if not pieces:
        return SuggestStats()
    item_ids = sorted(UUID(str(piece.id)) for piece in pieces)
    linked, linked_pairs = linked_claims(session, item_ids=item_ids)
    judged = _judgements(session, item_ids, linked)
    thresholds = read_thresholds(session, tenant_id=tenant_id, precision=PRECISION)
    found = detect(pieces, focus=focus, judgements=judged, thresholds=thresholds)
    settled = {UUID(str(item_id)) for item_id in found.settled}
    claims = _together(found.edges, linked, thresholds)
    done: Counter[str] = reconcile(session, tenant_id=tenant_id, claims=claims, settled=settled)
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
        text(_PIECES), {"shows": [str(show) for show in shows], "characters": _BODY_CHARACTERS}
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


def _judgements(session: Session, item_ids: Sequence[UUID], linked: Collection[frozenset[UUID]]) -> Judgements:
    """What people and files said about these items, and what links say: detection keeps to it."""
    rows = session.execute(
        text(
            """
            SELECT edge.child_id, edge.parent_id, edge.relation, edge.state FROM content_edges AS edge
            WHERE edge.tenant_id = engagerr_tenant() AND edge.child_id = ANY (CAST(:ids AS uuid[]))
              AND (edge.state IN ('confirmed', 'rejected')
                OR (edge.state = 'auto_confirmed' AND edge.evidence -> 0 ->> 'kind' IN ('file', 'person')))
            """
        ),
        {"ids": [str(item_id) for item_id in item_ids]},
    ).all()
    return Judgements(
        rejected=frozenset(frozenset({row.child_id, row.parent_id}) for row in rows if row.state == "rejected"),
        linked=frozenset(linked),
        parents={row.child_id: (row.parent_id, row.relation) for row in rows if row.state != "rejected"},
    )


def _together(found: Sequence[FoundEdge], linked: dict[frozenset[UUID], Claim], thresholds: Thresholds) -> list[Claim]:
    """One claim a pair: of what was written down, of what was found, or of both."""
    claims = dict(linked)
    for edge in found:
        pair = frozenset({UUID(str(edge.child)), UUID(str(edge.parent))})
        own = Claim(
            UUID(str(edge.child)), UUID(str(edge.parent)), edge.relation, edge.confidence, edge.evidence,
            asked=edge.state != "auto_confirmed", certain_from=thresholds.of(edge.relation).auto_confirm,
        )  # fmt: skip
        written = claims.get(pair)
        if written is None:
            claims[pair] = own
        elif written.relation == own.relation:
            claims[pair] = _both(written, own)
        elif written.confidence < own.confidence and not _is_certain(written):
            claims[pair] = own
    return list(claims.values())


def _is_certain(claim: Claim) -> bool:
    return any(piece.kind in EXPLICIT and piece.kind != "link" for piece in claim.evidence)


def _both(written: Claim, found: Claim) -> Claim:
    """Two independent grounds for the same thing: it is wrong only if both are. Weights are scaled to add up."""
    from dataclasses import replace

    if _is_certain(written):
        return written
    confidence = round(1.0 - (1.0 - written.confidence) * (1.0 - found.confidence), 3)
    whole = written.confidence + found.confidence
    scale = confidence / whole if whole > 0 else 0.0
    evidence = [
        Evidence(piece.kind, piece.detail, round(piece.weight * scale, 3))
        for piece in (*written.evidence, *found.evidence)
    ]
    rest = confidence - math.fsum(piece.weight for piece in evidence)
    evidence[-1] = replace(evidence[-1], weight=round(evidence[-1].weight + rest, 3))
    return replace(written, confidence=confidence, evidence=tuple(evidence), asked=False)
