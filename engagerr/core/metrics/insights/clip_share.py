"""Which part of a work's audience its clips and posts are, and what is known of viewers whom they brought to it.

Two questions that are easily taken for one:

* *Composition*: of all plays that the family has, how many are plays of its clips and posts, and how many of the work
  itself? A count, with what is missing beside it.
* *Attribution*: how many of those who played the work came from a clip? No figure here tells that. What platforms do
  report of it (clicks on links, follows that began at a post), and the lift that can be observed (`clip_lift`), are
  given apart, each with what it can and cannot mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.content.families import FamilyNode, ItemFigure, read_many_nodes, read_nodes
from engagerr.core.integrations.records import State
from engagerr.core.metrics.dataset import HEADLINES
from engagerr.core.metrics.figures import FigureReader, figures_of_family
from engagerr.core.metrics.insights.clip_lift import ClipLift, WorkAndClips, clip_lift
from engagerr.core.metrics.insights.clip_onward import WORK, Onward, not_reported, onward
from engagerr.core.metrics.registry import Registry
from engagerr.core.metrics.reports.names import group_name

if TYPE_CHECKING:
    import pandas as pd

    from engagerr.core.db import Session

_PLAYS = frozenset({"play_start", "qualified_play", "engaged_play", "downloads"})
_EXPOSURE = "exposure"


@dataclass(frozen=True, slots=True)
class SharePart:
    """The pieces of one role on one platform, in one sum group.

    `role` is `work` (the work itself, on any platform), or the relation by which pieces belong to it: `clip_of`,
    `promotes`, `derived_from`, `part_of`. A clip's own copy elsewhere is a clip. `value` is None where none has a
    figure, and `share` (0 to 1, of the group's total) where the work or its pieces have none. `missing` pieces have no
    figure of this group though their platform counts it; `counted_elsewhere` are copies that another figure holds.
    `is_estimate` where a source gave a rounded figure ("1.2K").
    """

    role: str
    platform: str
    items: int
    with_figure: int
    missing: int
    counted_elsewhere: int
    value: Decimal | None
    share: float | None
    definitions: tuple[str, ...]
    spans_break: bool
    is_estimate: bool


@dataclass(frozen=True, slots=True)
class GroupShare:
    """What the pieces made of a work have of one sum group, `title` in words. Groups are never added to each other.

    `share` is the pieces' part (0 to 1) of what is known. `bound` says what it is of the truth: `exact` (nothing is
    missing), `at_least` (only pieces are missing), `at_most` (only the work is), `known` (both are: of what is known,
    no more). It is None, and `why` says so, where one of the two sides has no figure.
    """

    group: str
    title: str
    concept: str
    total: Decimal
    share: float | None
    bound: str | None
    why: str | None
    families: int
    spans_break: bool
    is_estimate: bool
    definitions: tuple[str, ...]
    parts: tuple[SharePart, ...]


@dataclass(frozen=True, slots=True)
class FamilyShare:
    """One family: how many items, how many of them made of the work, and the pieces' part in each sum group.

    `unseen` items are in it by evidence that no person has confirmed.
    """

    family_id: UUID
    title: str | None
    items: int
    pieces: int
    unseen: int
    groups: tuple[GroupShare, ...]
    without_figure: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClipShare:
    """The audience of a work and of what was made of it; see the module for the two questions.

    `groups` adds up the families that have both sides counted in a group. `without_pieces` counts families in which
    nothing was made of the work. `not_reported` says which figures of attribution no source gave, `lift` what can be
    observed instead.
    """

    creator: str | None
    until: datetime | None
    groups: tuple[GroupShare, ...]
    families: tuple[FamilyShare, ...]
    without_pieces: int
    onward: tuple[Onward, ...]
    not_reported: tuple[str, ...]
    lift: ClipLift
    answer: str
    cautions: tuple[str, ...]

    def frame(self) -> pd.DataFrame:
        """One row a family, sum group, role and platform; what is not known is NaN, never zero."""
        import pandas as pd

        rows = [
            {"family_id": str(family.family_id), "title": family.title, "group": group.group, **asdict(part)}
            for family in self.families
            for group in family.groups
            for part in group.parts
        ]
        frame = pd.DataFrame(rows, columns=["family_id", "title", "group", *SharePart.__dataclass_fields__])
        frame["value"] = pd.to_numeric(frame["value"].map(lambda value: None if value is None else float(value)))
        return frame.astype({"value": "float64", "share": "float64"})


@dataclass(slots=True)
class _Tally:
    items: int = 0
    with_figure: int = 0
    missing: int = 0
    counted_elsewhere: int = 0
    value: Decimal = Decimal(0)
    definitions: set[str] = field(default_factory=set)
    spans_break: bool = False
    is_estimate: bool = False


# A family is its creator's whose root is; the same order as `engagerr content families`.
_FAMILIES_OF = """
SELECT node.family_id
FROM content_nodes AS node
JOIN content_items AS root ON root.tenant_id = node.tenant_id AND root.id = node.item_id
JOIN accounts AS account ON account.tenant_id = root.tenant_id AND account.id = root.account_id
WHERE node.tenant_id = :tenant_id AND node.family_id = node.item_id AND account.creator_id = :creator_id
ORDER BY root.published_at DESC NULLS LAST, root.id
"""


def roles(nodes: Sequence[FamilyNode]) -> dict[UUID, str]:
    """What each item is to the work, of nodes in path order (each after its parent, with its depth).

    A copy (`same_work`) is what its original is: a clip's twin on another platform is a clip and no second work. So the
    roles are the same whichever rendition of the work is the root.
    """
    found: dict[UUID, str] = {}
    line: list[str] = []
    for node in nodes:
        del line[node.depth - 1 :]
        above = line[-1] if line else WORK
        role = above if node.relation in (None, "same_work") else node.relation
        line.append(role)
        found[node.id] = role
    return found


def family_ids(session: Session, *, tenant_id: UUID, creator_id: UUID) -> list[UUID]:
    """The families whose root is this creator's, newest first."""
    found = session.execute(text(_FAMILIES_OF), {"tenant_id": tenant_id, "creator_id": creator_id})
    return [UUID(str(row.family_id)) for row in found]


def clip_share(
    session: Session,
    registry: Registry,
    *,
    tenant_id: UUID,
    families: Sequence[UUID],
    creator: str | None,
    until: datetime | None,
) -> ClipShare:
    """Composition and attribution of these families, by figures as known by `until` of what was published before."""
    held = (
        {families[0]: read_nodes(session, tenant_id=tenant_id, family_id=families[0])}
        if len(families) == 1
        else read_many_nodes(session, tenant_id=tenant_id, family_ids=families)
    )
    ids = [node.id for nodes in held.values() for node in nodes]
    figures = FigureReader(registry).figures(session, ids, until=until)
    told: list[tuple[FamilyShare, list[FamilyNode], dict[UUID, str]]] = []
    without_pieces = 0
    for family_id, nodes in held.items():
        of = roles(nodes)
        out = [
            replace(node, figures=figures.get(node.id, ()))
            for node in nodes
            if until is None or node.published_at is None or node.published_at < until
        ]
        if all(of[node.id] == WORK for node in out):
            without_pieces += 1
        else:
            told.append((family_share(family_id, out, of, registry), out, of))
    shares = tuple(share for share, _, _ in told)
    everything = [(node, of[node.id]) for _, nodes, of in told for node in nodes]
    groups = shares[0].groups if len(shares) == 1 else pooled(shares)
    return ClipShare(
        creator=creator,
        until=until,
        groups=groups,
        families=shares,
        without_pieces=without_pieces,
        onward=onward(everything),
        not_reported=not_reported(registry, everything),
        lift=clip_lift(
            session, registry, tenant_id=tenant_id, until=until,
            families=[_work_and_clips(nodes, of) for _, nodes, of in told],
        ),
        answer=_answer(groups, shares),
        cautions=_cautions(groups, shares),
    )  # fmt: skip


def family_share(
    family_id: UUID, nodes: Sequence[FamilyNode], of: Mapping[UUID, str], registry: Registry
) -> FamilyShare:
    """The composition of one family, of nodes with their figures. The order of the nodes says nothing."""
    tallies: dict[tuple[str, str], dict[tuple[str, str], _Tally]] = {}
    known: dict[UUID, set[tuple[str, str]]] = {node.id: set() for node in nodes}
    for node, figure, doubled in figures_of_family(nodes):
        if figure.sum_group is None or figure.concept is None or figure.value is None or not _is_audience(node, figure):
            continue
        group = (figure.concept, figure.sum_group)
        known[node.id].add(group)
        tally = tallies.setdefault(group, {}).setdefault((of[node.id], node.platform), _Tally())
        if doubled:
            tally.counted_elsewhere += 1
            continue
        tally.with_figure += 1
        tally.value += figure.value
        tally.spans_break = tally.spans_break or figure.spans_break
        tally.is_estimate = tally.is_estimate or figure.state == State.ESTIMATED
        tally.definitions |= {figure.definition} if figure.definition else set()
    for counted, parts in tallies.items():
        counting = {platform for _, platform in parts}
        for node in nodes:
            nothing = not known[node.id] and counted[0] in _headline_concepts(registry, node.platform)
            if node.platform in counting or nothing:
                part = parts.setdefault((of[node.id], node.platform), _Tally())
                part.items += 1
                part.missing += counted not in known[node.id]
    nameless = [node for node in nodes if not known[node.id]]
    return FamilyShare(
        family_id=family_id,
        title=next((node.title for node in nodes if node.id == family_id), None),
        items=len(nodes),
        pieces=sum(of[node.id] != WORK for node in nodes),
        unseen=sum(node.edge_state == "auto_confirmed" for node in nodes),
        groups=_ordered(_group(*group, parts, families=1) for group, parts in tallies.items()),
        without_figure=tuple(sorted(f"{node.platform}:{node.native_id} ({_words(of[node.id])})" for node in nameless)),
    )


def pooled(families: Iterable[FamilyShare]) -> tuple[GroupShare, ...]:
    """The groups of several families added up, each of the families that have both sides counted in it."""
    tallies: dict[tuple[str, str], dict[tuple[str, str], _Tally]] = {}
    counted: dict[tuple[str, str], int] = {}
    for family in families:
        for group in family.groups:
            if group.share is None:
                continue
            key = (group.concept, group.group)
            counted[key] = counted.get(key, 0) + 1
            for part in group.parts:
                tally = tallies.setdefault(key, {}).setdefault((part.role, part.platform), _Tally())
                tally.items += part.items
                tally.with_figure += part.with_figure
                tally.missing += part.missing
                tally.counted_elsewhere += part.counted_elsewhere
                tally.value += part.value or 0
                tally.definitions |= set(part.definitions)
                tally.spans_break = tally.spans_break or part.spans_break
                tally.is_estimate = tally.is_estimate or part.is_estimate
    return _ordered(_group(*key, parts, families=counted[key]) for key, parts in tallies.items())


def _group(concept: str, group: str, parts: Mapping[tuple[str, str], _Tally], *, families: int) -> GroupShare:
    total = sum((part.value for part in parts.values()), Decimal(0))
    sides = {role == WORK for (role, _), part in parts.items() if part.with_figure}
    why = None
    if len(sides) < 2:
        side = "the work itself" if True in sides else "clips and posts" if sides else "copies"
        why = f"counted for {side} only"
    elif total <= 0:
        why = "nothing was counted"
    made = sum((part.value for (role, _), part in parts.items() if role != WORK), Decimal(0))
    missing = {role == WORK for (role, _), part in parts.items() if part.missing}
    bounds = {(): "exact", (False,): "at_least", (True,): "at_most"}
    return GroupShare(
        group=group,
        title=group_name(group),
        concept=concept,
        total=total,
        share=None if why else float(made / total),
        bound=None if why else bounds.get(tuple(missing), "known"),
        why=why,
        families=families,
        spans_break=any(part.spans_break for part in parts.values()),
        is_estimate=any(part.is_estimate for part in parts.values()),
        definitions=tuple(sorted({one for part in parts.values() for one in part.definitions})),
        parts=tuple(
            _part(role, platform, part, None if why else total)
            for (role, platform), part in sorted(parts.items(), key=lambda one: (one[0][0] != WORK, one[0]))
        ),
    )


def _part(role: str, platform: str, tally: _Tally, total: Decimal | None) -> SharePart:
    known = tally.with_figure > 0
    return SharePart(
        role=role,
        platform=platform,
        items=tally.items,
        with_figure=tally.with_figure,
        missing=tally.missing,
        counted_elsewhere=tally.counted_elsewhere,
        value=tally.value if known else None,
        share=float(tally.value / total) if known and total else None,
        definitions=tuple(sorted(tally.definitions)),
        spans_break=tally.spans_break,
        is_estimate=tally.is_estimate,
    )


def _ordered(groups: Iterable[GroupShare]) -> tuple[GroupShare, ...]:
    """Those that have a share first, then the larger ones."""
    return tuple(sorted(groups, key=lambda one: (one.share is None, -one.total, one.group)))


def _is_audience(node: FamilyNode, figure: ItemFigure) -> bool:
    """Plays; and appearances on a screen where the platform has them for its headline (posts and images do).

    Thumbnails of a video that were shown are nobody's visit.
    """
    return figure.concept in _PLAYS or (
        figure.concept == _EXPOSURE and figure.metric in HEADLINES.get(node.platform, ())
    )


def _headline_concepts(registry: Registry, platform: str) -> set[str]:
    names = HEADLINES.get(platform, ())
    return {
        one.concept.name
        for one in registry.definitions(platform=platform)
        if one.concept is not None and any(name in names for name in one.names)
    }


def _work_and_clips(nodes: Sequence[FamilyNode], of: Mapping[UUID, str]) -> WorkAndClips:
    return WorkAndClips(
        works=tuple(node for node in nodes if of[node.id] == WORK),
        clips_at=tuple(sorted(node.published_at for node in nodes if of[node.id] == "clip_of" and node.published_at)),
    )


_WORDS = {
    WORK: "the work itself",
    "clip_of": "clips",
    "promotes": "posts about it",
    "derived_from": "made from it",
    "part_of": "parts of it",
}
_BOUNDS = {"exact": "", "at_least": "at least ", "at_most": "at most ", "known": "of what is known, "}


def _words(role: str) -> str:
    return _WORDS.get(role, role.replace("_", " "))


def _within(title: str) -> str:
    """A title within a sentence."""
    return f"{title[:1].lower()}{title[1:]}"


def _answer(groups: Sequence[GroupShare], families: Sequence[FamilyShare]) -> str:
    if not families:
        return "No clips or posts are known of it: link them (engagerr content suggest, engagerr content review)."
    shares = [group for group in groups if group.share is not None]
    if not shares:
        return "No share can be given: no sum group counts both the work and what was made of it."
    said = [f"{_BOUNDS[group.bound or 'known']}{group.share:.0%} of its {_within(group.title)}" for group in shares]
    return f"Clips and posts have {'; '.join(said)}."


def _cautions(groups: Sequence[GroupShare], families: Sequence[FamilyShare]) -> tuple[str, ...]:
    if not families:
        return ()
    lines = [
        "A share of plays is no share of people, and does not say that anybody came to the work from a clip: who saw a"
        " clip may never have played the work, and most who played it may never have seen a clip."
    ]
    mixed = [group for group in groups if group.share is not None and len(group.definitions) > 1]
    lines += [
        f"{group.title}: added up from the {group.families} of {len(families)} families in which both the work and"
        " what was made of it are counted."
        for group in groups
        if group.share is not None and group.families < len(families)
    ]
    lines += [
        f"{group.title}: {len(group.definitions)} rules that mean the same are added ({', '.join(group.definitions)})."
        for group in mixed
    ]
    if any(group.spans_break for group in groups):
        lines.append(
            "A figure marked † was counted under two rules one after the other; its share moves with the rule. Compare"
            " what is counted as before (engaged plays), where there is any."
        )
    if apart := [_within(group.title) for group in groups if group.share is None]:
        lines.append(f"Without a share, as one side only is counted: {', '.join(apart)}.")
    if any(group.is_estimate for group in groups):
        lines.append("Figures marked ~ were rounded by their source; so are the shares that they are part of.")
    items = sum(family.items for family in families)
    if unseen := sum(family.unseen for family in families):
        lines.append(
            f"{unseen} of {items} items are in their family by evidence that nobody has looked at (engagerr content"
            " review)."
        )
    without = sum(len(family.without_figure) for family in families)
    if without:
        lines.append(f"{without} of {items} items have no count of plays at all; what they reached is in no share.")
    return tuple(lines)
