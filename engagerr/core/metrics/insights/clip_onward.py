"""What platforms report of people who went on from clips and posts. None of it counts plays of the work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from engagerr.core.content.families import FamilyNode
from engagerr.core.metrics.registry import Registry

WORK = "work"
# What a platform says of people who went on from a piece, and what that can mean.
_ONWARD: Mapping[str, str] = {
    "clicks": "Clicks on links of these pieces. At most so many visits came by those links: a click need not lead to"
    " the work, and nobody says whether it was played. People who came another way are in no figure.",
    "follows_gained": "People who began to follow at these pieces, by the platform's count. They follow the account;"
    " whether they played the work is not said.",
    "profile_visits": "Visits to the profile from these pieces. A profile is not the work: it is an interest, and no"
    " play.",
}


@dataclass(frozen=True, slots=True)
class Onward:
    """What a platform reports of people who went on from clips and posts. No figure of plays of the work."""

    concept: str
    platform: str
    role: str
    items: int
    with_figure: int
    missing: int
    value: Decimal | None
    meaning: str


def onward(nodes: Sequence[tuple[FamilyNode, str]]) -> tuple[Onward, ...]:
    """Link clicks, follows and profile visits that platforms report for the pieces, by platform and role."""
    tallies: dict[tuple[str, str, str], tuple[int, int, Decimal]] = {}
    for node, role in nodes:
        if role == WORK:
            continue
        for concept in _ONWARD:
            named = [
                figure for figure in node.figures if figure.concept == concept and figure.grade != "not_comparable"
            ]
            told = [figure for figure in named if figure.value is not None and figure.period_days == 0]
            newest = max(told, key=lambda figure: (figure.observed_at, figure.metric), default=None)
            items, known, total = tallies.get((concept, node.platform, role), (0, 0, Decimal(0)))
            more = newest.value if newest is not None and newest.value is not None else Decimal(0)
            tallies[concept, node.platform, role] = (items + 1, known + (newest is not None), total + more)
    return tuple(
        Onward(concept, platform, role, items, known, items - known, total, _ONWARD[concept])
        for (concept, platform, role), (items, known, total) in sorted(tallies.items())
        if known
    )


def not_reported(registry: Registry, nodes: Sequence[tuple[FamilyNode, str]]) -> tuple[str, ...]:
    """Which figures of attribution nobody gave, for the platforms that the work is on."""
    said = []
    for platform in sorted({node.platform for node, role in nodes if role == WORK}):
        named = {name for one in registry.definitions(platform=platform) for name in one.names}
        if not any("traffic_source" in name or "referr" in name for name in named):
            said.append(
                f"{platform}: where viewers of the work came from is not among the figures that it reports here"
            )
    linked = [(node, role) for node, role in nodes if role != WORK]
    silent = sorted(
        {node.platform for node, _ in linked}
        - {
            node.platform
            for node, _ in linked
            for one in node.figures
            if one.concept == "clicks" and one.value is not None
        }
    )
    return (*said, *(f"{platform}: clicks on the links of its clips and posts are not reported" for platform in silent))
