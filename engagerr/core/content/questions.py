"""Which open questions there are and what an answer to each is worth: the steps behind the review."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.content.families import ItemFigure, Numbers

if TYPE_CHECKING:
    from engagerr.core.db import Session

# How far an item got, by the platforms' own names, the most telling first. Only ever compared by order of magnitude:
# what these names mean differs from platform to platform, so they are neither added nor shown as one.
AUDIENCE_METRICS = ("views", "plays", "downloads", "streams", "video_views", "impressions")
# An item of whose creator no figure is known at all counts as one that some hundred saw.
_UNKNOWN_REACH = 2.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """An edge that waits for an answer; its child hangs on nothing yet. `creators` are those of its two ends.

    `rivals` are other questions about the same child.
    """

    id: UUID
    child_id: UUID
    parent_id: UUID
    relation: str
    confidence: Decimal
    creators: tuple[UUID | None, UUID | None]
    skipped_at: datetime | None
    rivals: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Stake:
    """What hangs on an answer: the items that would move, and how far they got.

    `value` is 4·p·(1 − p) · Σ log10(1 + audience) · (1 + p · rivals). `largest` is the largest audience figure among
    the items, None where no figure is known; `unknown` of them have none.
    """

    value: float
    items: int
    largest: Decimal | None
    metric: str | None
    unknown: int


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two items of a question: what a person compares.

    `audience` is its newest figure that says how far it got, with the platform's name for it and its state; None where
    the platform was never asked. `family_id` is the item's own id where it is alone; `family_items` counts the family
    that it is in now, 1 for an item alone, and `family_title` is the title of that family's root. `text` is how its
    caption or description begins.
    """

    id: UUID
    platform: str
    native_id: str
    account: str
    kind: str | None
    title: str | None
    url: str | None
    published_at: datetime | None
    duration_seconds: Decimal | None
    audience: ItemFigure | None
    family_id: UUID
    family_title: str | None
    family_items: int
    text: str | None


# An edge whose child hangs on a parent already is no question: confirmed, it would be a second parent.
_WAITING = """
SELECT edge.id, edge.child_id, edge.parent_id, edge.relation, edge.confidence,
       child_account.creator_id AS child_creator, parent_account.creator_id AS parent_creator, skip.at AS skipped_at
FROM content_edges AS edge
JOIN content_items AS child ON child.tenant_id = edge.tenant_id AND child.id = edge.child_id
JOIN content_items AS parent ON parent.tenant_id = edge.tenant_id AND parent.id = edge.parent_id
JOIN accounts AS child_account ON child_account.tenant_id = child.tenant_id AND child_account.id = child.account_id
JOIN accounts AS parent_account ON parent_account.tenant_id = parent.tenant_id AND parent_account.id = parent.account_id
LEFT JOIN content_review_skips AS skip ON skip.tenant_id = edge.tenant_id AND skip.edge_id = edge.id
                                      AND skip.member_id = :member_id
WHERE edge.tenant_id = :tenant_id AND edge.state = 'suggested'
  AND NOT EXISTS (SELECT FROM content_edges AS held
                  WHERE held.tenant_id = edge.tenant_id AND held.child_id = edge.child_id
                    AND held.state IN ('confirmed', 'auto_confirmed'))
ORDER BY edge.id
"""

_COUNT = """
SELECT count(*) AS waiting, count(skip.at) AS skipped
FROM content_edges AS edge
LEFT JOIN content_review_skips AS skip ON skip.tenant_id = edge.tenant_id AND skip.edge_id = edge.id
                                      AND skip.member_id = :member_id
WHERE edge.tenant_id = :tenant_id AND edge.state = 'suggested'
  AND (CAST(:relation AS text) IS NULL OR edge.relation = :relation)
  AND NOT EXISTS (SELECT FROM content_edges AS held
                  WHERE held.tenant_id = edge.tenant_id AND held.child_id = edge.child_id
                    AND held.state IN ('confirmed', 'auto_confirmed'))
"""
_COUNT_OF_CREATOR = f"""{_COUNT}
  AND EXISTS (SELECT FROM content_items AS item
              JOIN accounts AS account ON account.tenant_id = item.tenant_id AND account.id = item.account_id
              WHERE item.tenant_id = edge.tenant_id AND item.id IN (edge.child_id, edge.parent_id)
                AND account.creator_id = :creator_id)
"""

# A child without a parent is alone or the root of its family, so all that would move with it bears its id.
_MOVING = """
SELECT family_id, item_id FROM content_nodes
WHERE tenant_id = :tenant_id AND family_id = ANY (CAST(:children AS uuid[])) AND item_id <> family_id
"""

# The newest number of one name, found through the index item by item: reading all that was ever observed of thousands
# of items would take minutes.
_REACH = """
SELECT item.id, newest.value
FROM unnest(CAST(:ids AS uuid[])) AS item (id)
CROSS JOIN LATERAL (
  SELECT seen.value FROM metric_observations AS seen
  WHERE seen.tenant_id = :tenant_id AND seen.subject_id = item.id AND seen.metric = :metric AND seen.value IS NOT NULL
  ORDER BY seen.observed_at DESC, seen.period_days DESC, seen.revision DESC LIMIT 1
) AS newest
"""


def read_waiting(session: Session, *, tenant_id: UUID, member_id: UUID) -> list[Waiting]:
    """All edges that wait for an answer, with their rivals and whether this member put them off."""
    rows = session.execute(text(_WAITING), {"tenant_id": tenant_id, "member_id": member_id}).all()
    of_child: dict[UUID, list[UUID]] = {}
    for row in rows:
        of_child.setdefault(row.child_id, []).append(row.id)
    return [
        Waiting(
            row.id, row.child_id, row.parent_id, row.relation, row.confidence, (row.child_creator, row.parent_creator),
            row.skipped_at, tuple(other for other in of_child[row.child_id] if other != row.id),
        )
        for row in rows
    ]  # fmt: skip


def count_waiting(
    session: Session, *, tenant_id: UUID, member_id: UUID, creator_id: UUID | None, relation: str | None
) -> tuple[int, int]:
    """How many edges wait for an answer, and how many of them this member put off."""
    values = {"tenant_id": tenant_id, "member_id": member_id, "creator_id": creator_id, "relation": relation}
    row = session.execute(text(_COUNT if creator_id is None else _COUNT_OF_CREATOR), values).one()
    return row.waiting, row.skipped


def read_stakes(session: Session, waiting: Sequence[Waiting], *, tenant_id: UUID) -> dict[UUID, Stake]:
    """What hangs on each of these questions, by edge.

    The value of an answer is what it is expected to change: how unsure the machine is (4·p·(1 − p): 1 where it could
    as well toss a coin, 0 where it knows), times the reach of the items that would move, each on a logarithmic scale,
    so that one viral hit does not hide ten good ones, times the questions that are settled with it (a yes, of
    probability p, settles the rivals too; a no settles none).

    An item without a figure is not one that nobody saw: it counts as the median of its creator's items that are at
    stake here, else of all of them.
    """
    children = list({one.child_id: None for one in waiting})
    moving: dict[UUID, list[UUID]] = {child: [child] for child in children}
    values = {"tenant_id": tenant_id, "children": [str(child) for child in children]}
    for row in session.execute(text(_MOVING), values):
        moving[row.family_id].append(row.item_id)
    figures = _figures(session, [item for items in moving.values() for item in items], tenant_id=tenant_id)
    creators = {one.child_id: one.creators[0] for one in waiting}
    stand_in = _medians({child: (creators[child], items) for child, items in moving.items()}, figures)
    stakes = {}
    for one in waiting:
        items = moving[one.child_id]
        known = [figures[item] for item in items if item in figures]
        unknown = len(items) - len(known)
        reach = sum(_reach(value) for value, _ in known) + unknown * stand_in[creators[one.child_id]]
        probable = float(one.confidence)
        largest = max(known, default=(None, None), key=lambda figure: figure[0])
        stakes[one.id] = Stake(
            value=4 * probable * (1 - probable) * reach * (1 + probable * len(one.rivals)),
            items=len(items),
            largest=largest[0],
            metric=largest[1],
            unknown=unknown,
        )
    return stakes


_SIDES = """
SELECT item.id, item.platform, item.native_id, account.platform || ':' || account.handle AS account, item.kind,
       item.title, item.url, item.published_at, item.duration_seconds, left(item.body, 300) AS text,
       coalesce(node.family_id, item.id) AS family_id, coalesce(root.title, item.title) AS family_title,
       CASE WHEN node.family_id IS NULL THEN 1
            ELSE (SELECT count(*) FROM content_nodes AS other
                  WHERE other.tenant_id = :tenant_id AND other.family_id = node.family_id) END AS family_items
FROM content_items AS item
JOIN accounts AS account ON account.tenant_id = item.tenant_id AND account.id = item.account_id
LEFT JOIN content_nodes AS node ON node.tenant_id = item.tenant_id AND node.item_id = item.id
LEFT JOIN content_items AS root ON root.tenant_id = node.tenant_id AND root.id = node.family_id
WHERE item.tenant_id = :tenant_id AND item.id = ANY (CAST(:ids AS uuid[]))
"""


def read_sides(session: Session, items: Sequence[UUID], *, tenant_id: UUID, numbers: Numbers) -> dict[UUID, Side]:
    """What is shown of these items, by id."""
    rows = session.execute(text(_SIDES), {"tenant_id": tenant_id, "ids": [str(item) for item in set(items)]}).all()
    figures = numbers.figures(session, [row.id for row in rows])
    return {row.id: Side(**row._mapping, audience=_audience(figures.get(row.id, ()))) for row in rows}


def _audience(figures: Sequence[ItemFigure]) -> ItemFigure | None:
    """The figure of the most telling name: one with a number, else one that says why there is none."""
    telling = sorted(
        (figure for figure in figures if figure.metric in AUDIENCE_METRICS),
        key=lambda figure: (figure.reported is None, AUDIENCE_METRICS.index(figure.metric)),
    )
    return telling[0] if telling else None


def _figures(session: Session, items: Sequence[UUID], *, tenant_id: UUID) -> dict[UUID, tuple[Decimal, str]]:
    """The audience figure of each item that has one: its newest number of the most telling name, and that name."""
    found: dict[UUID, tuple[Decimal, str]] = {}
    for metric in AUDIENCE_METRICS:
        # Name after name, since looking for a name that an item does not have goes through every month.
        left = [str(item) for item in items if item not in found]
        if left:
            rows = session.execute(text(_REACH), {"tenant_id": tenant_id, "ids": left, "metric": metric})
            found |= {row.id: (row.value, metric) for row in rows}
    return found


def _reach(audience: Decimal) -> float:
    return math.log10(1 + float(audience))


def _medians(
    moving: Mapping[UUID, tuple[UUID | None, Sequence[UUID]]], figures: Mapping[UUID, tuple[Decimal, str]]
) -> dict[UUID | None, float]:
    """What an item without a figure counts as, by creator."""
    of_creator: dict[UUID | None, list[float]] = {creator: [] for creator, _ in moving.values()}
    for creator, items in moving.values():
        of_creator[creator] += [_reach(figures[item][0]) for item in items if item in figures]
    everyone = [reach for reaches in of_creator.values() for reach in reaches]
    of_all = statistics.median(everyone) if everyone else _UNKNOWN_REACH
    return {creator: statistics.median(reaches) if reaches else of_all for creator, reaches in of_creator.items()}
