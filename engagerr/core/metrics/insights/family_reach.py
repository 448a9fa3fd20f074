"""The reach of a family: which of its items say how many people they reached, what it comes to, and what is missing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from engagerr.core.content.families import FamilyNode, ItemFigure, read_nodes
from engagerr.core.metrics.dataset import HEADLINES
from engagerr.core.metrics.definition import Grade
from engagerr.core.metrics.figures import FigureReader
from engagerr.core.metrics.insights.audience_splits import read_followers
from engagerr.core.metrics.insights.net_reach import Appearance, NetReach, net_reach
from engagerr.core.metrics.registry import Registry

if TYPE_CHECKING:
    import pandas as pd

    from engagerr.core.db import Session

# Below half, more of the audience is unknown than known, and an estimate of the rest would pass for the whole.
LEAST_COVERED = 0.5


@dataclass(frozen=True, slots=True)
class ReachItem:
    """One item of the family: its reach (people on its own platform), or `why` it has none that can be used.

    `views` is the platform's own count of plays or impressions, for its weight alone: plays are no people. `doubled`
    marks a Facebook copy of a cross-post, which the estimate counts as one with its original.
    """

    item_id: UUID
    platform: str
    native_id: str
    account: str
    kind: str | None
    title: str | None
    relation: str | None
    published_at: datetime | None
    reach: int | None
    state: str
    why: str | None
    observed_at: datetime | None
    views: float | None
    doubled: bool


@dataclass(frozen=True, slots=True)
class ReachAccount:
    """One account's part: people reached by its items of this family. `low` <= `estimate` <= `high`, or all None."""

    platform: str
    account: str
    followers: int | None
    items: int
    with_reach: int
    low: int | None
    estimate: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class FamilyReach:
    """How many people a family reached, of the items whose reach is known.

    `low` (the largest item) and `high` (all items added up) hold whatever the truth is. `estimate` lies between and
    rests on the `assumptions`; it is None, and `why` says so, where too little is known. `covered` is the part (0 to 1)
    of the family's plays and impressions that items with a reach account for; items without one (`missing`) can only
    add people. `unshared` is the estimate if no two accounts shared a person.
    """

    family_id: UUID
    title: str | None
    until: datetime | None
    low: int | None
    estimate: int | None
    high: int | None
    unshared: int | None
    covered: float | None
    why: str | None
    accounts: tuple[ReachAccount, ...]
    items: tuple[ReachItem, ...]
    assumptions: tuple[str, ...]
    missing: tuple[str, ...]

    def frame(self) -> pd.DataFrame:
        """One row an item; a reach that is not known is NA, never zero."""
        import pandas as pd

        frame = pd.DataFrame([asdict(item) for item in self.items], columns=list(ReachItem.__dataclass_fields__))
        frame["item_id"] = frame["item_id"].astype("str")
        frame["reach"] = pd.to_numeric(frame["reach"]).astype("Int64")
        frame["views"] = pd.to_numeric(frame["views"]).astype("Float64")
        return frame


def family_reach(
    session: Session, registry: Registry, *, tenant_id: UUID, family_id: UUID, until: datetime | None
) -> FamilyReach:
    """The deduplicated reach of a family, by figures as known by `until`."""
    nodes = read_nodes(session, tenant_id=tenant_id, family_id=family_id)
    figures = FigureReader(registry).figures(session, [node.id for node in nodes], until=until)
    copies = _copies(nodes)
    out = [node for node in nodes if until is None or node.published_at is None or node.published_at < until]
    items = tuple(_item(node, figures.get(node.id, ()), doubled=node.id in copies) for node in out)
    names = sorted({node.account for node in out})
    followers = {
        account.account: account.followers
        for account in read_followers(session, tenant_id=tenant_id, until=until, names=names)
    }
    appearances = [
        Appearance(str(item.item_id), item.account, item.reach, copies.get(item.item_id))
        for item in items
        if item.reach is not None
    ]
    net = net_reach(appearances, followers) if appearances else None
    covered = _covered(items)
    why = _refused(items, covered)
    sure = net is not None and why is None
    return FamilyReach(
        family_id=family_id,
        title=nodes[0].title,
        until=until,
        low=net.largest if net else None,
        estimate=net.estimate if net and sure else None,
        high=net.total if net else None,
        unshared=net.unshared if net and sure else None,
        covered=covered,
        why=why,
        accounts=tuple(_account(name, items, net, followers.get(name), sure=sure) for name in names),
        items=items,
        assumptions=_assumptions(net, followers, copies=any(one.copy_of for one in appearances))
        if net and sure
        else _BOUNDS
        if net
        else (),
        missing=tuple(f"{item.platform}:{item.native_id}: {item.why}" for item in items if item.why),
    )


def _copies(nodes: Sequence[FamilyNode]) -> dict[UUID, tuple[str, str]]:
    """{Facebook copy: its Instagram original, and that one's account}.

    The original is its parent or a child of it in the tree, else the nearest by date.
    """
    parents: dict[UUID, UUID] = {}
    line: list[UUID] = []
    for node in nodes:
        del line[node.depth - 1 :]
        if line:
            parents[node.id] = line[-1]
        line.append(node.id)
    originals = {node.id: node for node in nodes if node.platform == "instagram"}
    copies: dict[UUID, tuple[str, str]] = {}
    for node in nodes:
        if node.platform == "facebook" and node.hints_crosspost and originals:
            related = {parents.get(node.id), *(child for child, parent in parents.items() if parent == node.id)}
            candidates = [originals[one] for one in related if one in originals] or list(originals.values())
            original = min(candidates, key=lambda one: (_apart(one, node), str(one.id)))
            copies[node.id] = (str(original.id), original.account)
    return copies


def _apart(one: FamilyNode, other: FamilyNode) -> float:
    if one.published_at is None or other.published_at is None:
        return math.inf
    return abs((one.published_at - other.published_at).total_seconds())


def _item(node: FamilyNode, figures: Sequence[ItemFigure], *, doubled: bool) -> ReachItem:
    told = [figure for figure in figures if figure.concept == "reach"]
    usable = [figure for figure in told if _unusable(node, figure) is None]
    best = max(usable or told, key=lambda figure: (figure.observed_at, figure.metric), default=None)
    state = best.state if best else "not_reported"
    why = _unusable(node, best) if best else "no reach was reported for it"
    known = best is not None and best.value is not None and why is None
    return ReachItem(
        item_id=node.id,
        platform=node.platform,
        native_id=node.native_id,
        account=node.account,
        kind=node.kind,
        title=node.title,
        relation=node.relation,
        published_at=node.published_at,
        reach=round(best.value) if known and best and best.value is not None else None,
        state=state,
        why=why,
        observed_at=best.observed_at if best else None,
        views=_views(node, figures),
        doubled=doubled,
    )


def _unusable(node: FamilyNode, figure: ItemFigure) -> str | None:
    """Why a reach cannot be taken for the people whom the item reached."""
    if figure.value is None:
        return f"its reach is missing ({figure.state.replace('_', ' ')})"
    if figure.grade == Grade.NOT_COMPARABLE:
        return f"{node.platform}'s {figure.metric} does not count people as the others do"
    if not _of_all_its_life(node, figure):
        return f"its {figure.metric} is of {figure.period_days} days only, and not since it was published"
    return None


def _of_all_its_life(node: FamilyNode, figure: ItemFigure) -> bool:
    if figure.period_days == 0:
        return True
    # A day of grace: reports count days in the platform's own zone.
    first = figure.observed_at - timedelta(days=figure.period_days + 1)
    return node.published_at is not None and node.published_at >= first


def _views(node: FamilyNode, figures: Sequence[ItemFigure]) -> float | None:
    for name in HEADLINES.get(node.platform, ("views",)):
        for figure in figures:
            if figure.metric == name and figure.reported is not None and _of_all_its_life(node, figure):
                return float(figure.reported)
    return None


def _covered(items: Sequence[ReachItem]) -> float | None:
    """The part of all plays and impressions that items with a reach have; None where no item has any.

    Platforms count them by different rules, so this is a weight and is shown as nothing else. The views of a
    cross-posted copy are in its original's already.
    """
    weighed = [item for item in items if item.views is not None and not item.doubled]
    total = math.fsum(item.views or 0.0 for item in weighed)
    if total <= 0:
        return None
    return math.fsum(item.views or 0.0 for item in weighed if item.reach is not None) / total


def _refused(items: Sequence[ReachItem], covered: float | None) -> str | None:
    counted = [item for item in items if not item.doubled]
    with_reach = sum(item.reach is not None for item in counted)
    if not any(item.reach is not None for item in items):
        return "No item of the family has a reach that can be used."
    if covered is not None and covered < LEAST_COVERED:
        return (
            f"Items with a reach have {covered:.0%} of the family's plays and impressions. Under half, no estimate is"
            " made."
        )
    unweighed = any(item.views is None and item.reach is None for item in counted)
    if (covered is None or unweighed) and with_reach < LEAST_COVERED * len(counted):
        return (
            f"{with_reach} of {len(counted)} items have a reach, and others have no views to weigh them by. Under half,"
            " no estimate is made."
        )
    return None


def _account(
    name: str, items: Sequence[ReachItem], net: NetReach | None, followers: int | None, *, sure: bool
) -> ReachAccount:
    held = [item for item in items if item.account == name]
    part = net.by_account.get(name) if net else None
    return ReachAccount(
        platform=name.partition(":")[0],
        account=name,
        followers=followers,
        items=len(held),
        with_reach=sum(item.reach is not None for item in held),
        low=part.largest if part else None,
        estimate=part.estimate if part and sure else None,
        high=part.total if part else None,
    )


_BOUNDS = (
    "Low is the item that reached most people: they were reached, whoever else was. High is all items added up: nobody"
    " saw two. Both are of the items whose reach is known; the others can only add people.",
)


def _assumptions(net: NetReach, followers: Mapping[str, int | None], *, copies: bool) -> tuple[str, ...]:
    lines = [*_BOUNDS]
    if len(net.by_account) > 1:
        lines.append(
            "Across accounts, people meet by chance (Sainsbury's method) in the public of all accounts together: for"
            " each its followers or its reach, whichever is more. If no two accounts shared a person it would be"
            f" {net.unshared:,}."
        )
    lines.append(
        "Within an account, people meet by chance among its followers (Sainsbury's method; followers are the base)."
    )
    beyond = [account for account in net.beyond_followers if followers.get(account) is not None]
    if beyond:
        lines.append(
            f"An item of {', '.join(beyond)} reached more people than follow: the people beyond the followers are taken"
            " from a public as large as all of them together."
        )
    unknown = [account for account in net.by_account if followers.get(account) is None]
    if unknown:
        lines.append(
            f"The followers of {', '.join(sorted(unknown))} are not known: the base is all people of the items there"
            " together."
        )
    if copies:
        lines.append(
            "A Facebook copy of a cross-post and its Instagram original are one in the estimate, with the larger reach"
            " of the two; in the bounds both stand, as Meta says of views alone that one holds the other's."
        )
    lines.append(
        "Who sees one post of a creator is likelier to see the next than chance would have it, so the truth is rather"
        " below the estimate than above."
    )
    return tuple(lines)
