"""Families as the content map lists them: heads first, then totals for those in sight (`opened_family` has the items).

Everything is bounded: so many heads at once, totals of so many families. What is left out is counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.content.families import ConceptTotal, family_of, read_many_nodes
from engagerr.core.content.family_graph import AUDIENCES
from engagerr.core.content.items import find_item
from engagerr.core.errors import InvalidInput
from engagerr.core.metrics import FigureReader
from engagerr.core.metrics.figures import sum_figures
from engagerr.core.tenancy import Permission

if TYPE_CHECKING:
    from engagerr.core.api import Workspace
    from engagerr.core.db import Session

MOST_HEADS = 2_000
# Totals of a family read every figure of every item of it.
MOST_TOTALS = 100
_LONGEST_OPENING = 140
_MOST_WORDS = 8

ORDERS: Mapping[str, str] = {
    "newest": "item.published_at DESC NULLS LAST, item.id",
    "oldest": "item.published_at ASC NULLS LAST, item.id",
    "items": "chosen.items DESC, item.published_at DESC NULLS LAST, item.id",
    "waiting": "chosen.waiting DESC, item.published_at DESC NULLS LAST, item.id",
    "title": "lower(coalesce(nullif(trim(item.title), ''), item.body)), item.id",
}


@dataclass(frozen=True, slots=True)
class FamilyHead:
    """One family without its items. `items` is 1 for an item alone to which suggestions wait; `waiting` counts these.

    `title` is the root's, else how its text begins, else its name.
    """

    id: UUID
    creator: str | None
    account: str
    title: str
    platform: str
    native_id: str
    kind: str | None
    url: str | None
    published_at: datetime | None
    duration_seconds: Decimal | None
    items: int
    platforms: tuple[str, ...]
    waiting: int


@dataclass(frozen=True, slots=True)
class FamiliesPage:
    """So many families in the order asked for. `total` are all that fit; `waiting` are suggestions at all of them.

    `unsorted` counts items of the workspace that are in no family.
    """

    heads: tuple[FamilyHead, ...]
    total: int
    waiting: int
    unsorted: int
    order: str

    @property
    def left_out(self) -> int:
        """Families that fit and are not among the heads."""
        return self.total - len(self.heads)


def families_page(work: Workspace, *, words: str = "", order: str = "newest", limit: int = MOST_HEADS) -> FamiliesPage:
    """The families of the workspace, and items alone to which suggestions wait.

    `words`: all of them in the title, the creator's name or account, or a platform's name. `order` is one of `ORDERS`.

    Raises:
        InvalidInput: another order, or a limit below 1.
    """
    if order not in ORDERS or limit < 1:
        raise InvalidInput(f"Families cannot be read by {order!r}, {limit} at a time.", hint=", ".join(ORDERS))
    with work.access.transaction(Permission.READ) as session:
        values = {
            "tenant_id": work.tenant.id, "limit": limit,
            "words": [f"%{_escaped(word)}%" for word in words.split()[:_MOST_WORDS]],
        }  # fmt: skip
        rows = session.execute(text(_HEADS.format(order=ORDERS[order])), values).all()
        counted = session.execute(text(_UNSORTED), {"tenant_id": work.tenant.id}).one()
        return FamiliesPage(
            heads=tuple(_head(row) for row in rows),
            total=rows[0].families if rows else 0,
            waiting=int(rows[0].all_waiting) if rows else 0,
            unsorted=counted.items,
            order=order,
        )


def family_head(work: Workspace, item: str) -> FamilyHead:
    """The head of the family that an item (an id, or platform:native_id) is in; an item alone is its own.

    Raises:
        NotFound: there is no such item.
    """
    with work.access.transaction(Permission.READ) as session:
        item_id = family_of(session, tenant_id=work.tenant.id, item_id=find_item(session, item))
        row = session.execute(text(_ONE_HEAD), {"tenant_id": work.tenant.id, "id": item_id}).one()
        return _head(row)


def family_totals(work: Workspace, families: Sequence[UUID]) -> dict[UUID, tuple[ConceptTotal, ...]]:
    """The totals of these families, each figure counted once; at most `MOST_TOTALS` families in one question.

    Raises:
        InvalidInput: more families than that.
    """
    if len(families) > MOST_TOTALS:
        raise InvalidInput(f"Totals of {len(families)} families at once are too many.", hint=f"At most {MOST_TOTALS}.")
    with work.access.transaction(Permission.READ) as session:
        return totals_of(session, tenant_id=work.tenant.id, families=families)


def totals_of(session: Session, *, tenant_id: UUID, families: Sequence[UUID]) -> dict[UUID, tuple[ConceptTotal, ...]]:
    """Step: the totals of these families, or of an item alone."""
    reader = FigureReader()
    members = read_many_nodes(session, tenant_id=tenant_id, family_ids=families)
    alone = [family for family, nodes in members.items() if not nodes]
    figures = reader.figures(session, [*(node.id for nodes in members.values() for node in nodes), *alone])
    return {
        family: reader.total([replace(node, figures=figures.get(node.id, ())) for node in nodes])
        if nodes
        else sum_figures((figure, False) for figure in figures.get(family, ()))
        for family, nodes in members.items()
    }


def headline_total(totals: Sequence[ConceptTotal]) -> ConceptTotal | None:
    """The one total that says best how many a family reached; None where no measure of an audience is named.

    What was reported before what was not, comparable counts before a platform's own, whole lives before parts, then
    as `AUDIENCES` has them, and the largest.
    """
    place = {concept: at for at, concept in enumerate(AUDIENCES)}
    found = [total for total in totals if total.concept in place]
    return min(
        found,
        key=lambda total: (
            total.value is None, " as " in total.group, " in " in total.group, place[total.concept],
            -(total.value or 0), total.group,
        ),
        default=None,
    )  # fmt: skip


def _head(row: Any) -> FamilyHead:
    return FamilyHead(
        id=row.id, creator=row.creator, account=row.account,
        title=titled(row.title, row.opening, f"{row.platform}:{row.native_id}"),
        platform=row.platform, native_id=row.native_id, kind=row.kind, url=row.url, published_at=row.published_at,
        duration_seconds=row.duration_seconds, items=row.items,
        platforms=tuple((row.platforms or row.platform).split()), waiting=row.waiting,
    )  # fmt: skip


def titled(title: str | None, opening: str | None, name: str) -> str:
    """What an item is called: its title, else how its text begins, in quotes, else its name."""
    if title and title.strip():
        return title.strip()
    first = next((line.strip() for line in (opening or "").splitlines() if line.strip()), "")
    return f"“{first[:_LONGEST_OPENING]}”" if first else name


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


# A suggestion whose child hangs on a parent already is no question, as in the review. It stands with the family of its
# parent, where its child would come.
_ASKED = """
  SELECT coalesce(node.family_id, edge.parent_id) AS id, count(*) AS waiting
  FROM content_edges AS edge
  LEFT JOIN content_nodes AS node ON node.tenant_id = edge.tenant_id AND node.item_id = edge.parent_id
  WHERE edge.tenant_id = :tenant_id AND edge.state = 'suggested'
    AND NOT EXISTS (SELECT FROM content_edges AS held
                    WHERE held.tenant_id = edge.tenant_id AND held.child_id = edge.child_id
                      AND held.state IN ('confirmed', 'auto_confirmed'))
  GROUP BY 1"""

_SHOWN = """
       item.id, item.title, CASE WHEN coalesce(trim(item.title), '') = '' THEN left(item.body, 400) END AS opening,
       item.platform, item.native_id, item.kind, item.url, item.published_at, item.duration_seconds,
       account.platform || ':' || account.handle AS account, creator.name AS creator"""
_OF_ITEM = """
JOIN accounts AS account ON account.tenant_id = item.tenant_id AND account.id = item.account_id
LEFT JOIN creators AS creator ON creator.tenant_id = account.tenant_id AND creator.id = account.creator_id"""

_HEADS = f"""
WITH asked AS MATERIALIZED ({_ASKED}
), homes AS MATERIALIZED (
  SELECT node.family_id AS id, count(*) AS items, string_agg(DISTINCT node.platform, ' ') AS platforms
  FROM content_nodes AS node WHERE node.tenant_id = :tenant_id GROUP BY node.family_id
), chosen AS (
  SELECT coalesce(homes.id, asked.id) AS id, coalesce(homes.items, 1) AS items, homes.platforms,
         coalesce(asked.waiting, 0) AS waiting
  FROM homes FULL JOIN asked ON asked.id = homes.id
)
SELECT {_SHOWN}, chosen.items, chosen.platforms, chosen.waiting,
       count(*) OVER () AS families, sum(chosen.waiting) OVER () AS all_waiting
FROM chosen
JOIN content_items AS item ON item.tenant_id = :tenant_id AND item.id = chosen.id{_OF_ITEM}
WHERE NOT EXISTS (SELECT FROM unnest(CAST(:words AS text[])) AS wanted (word)
                  WHERE concat_ws(' ', item.title, creator.name, account.handle,
                                  coalesce(chosen.platforms, item.platform)) NOT ILIKE wanted.word)
ORDER BY {{order}}
LIMIT :limit
"""  # noqa: S608  the order is one of ORDERS

_ONE_HEAD = f"""
WITH asked AS MATERIALIZED ({_ASKED}
)
SELECT {_SHOWN},
       greatest(1, (SELECT count(*) FROM content_nodes AS node
                    WHERE node.tenant_id = :tenant_id AND node.family_id = item.id)) AS items,
       (SELECT string_agg(DISTINCT node.platform, ' ') FROM content_nodes AS node
        WHERE node.tenant_id = :tenant_id AND node.family_id = item.id) AS platforms,
       coalesce((SELECT asked.waiting FROM asked WHERE asked.id = item.id), 0) AS waiting
FROM content_items AS item{_OF_ITEM}
WHERE item.tenant_id = :tenant_id AND item.id = :id
"""  # noqa: S608  constants

_UNSORTED = """
SELECT count(*) AS items FROM content_items AS item
WHERE item.tenant_id = :tenant_id
  AND NOT EXISTS (SELECT FROM content_nodes AS node
                  WHERE node.tenant_id = :tenant_id AND node.item_id = item.id)
"""
