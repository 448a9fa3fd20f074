"""What truly belongs together, as the makers of a groups file say it. Detection never sees any of this."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field

from engagerr.core.content.detection.pieces import Piece
from engagerr.core.content.evidence import SHORT_KINDS

SAME_WORK = "same_work"
NOT_THE_SAME = "none"
# What files call a relation, and what it is here. A reference is not the same content: such a pair must not be joined.
RELATIONS = {
    "same_work": SAME_WORK,
    "same_episode": SAME_WORK,
    "same_content": SAME_WORK,
    "same_video": SAME_WORK,
    "same_event": SAME_WORK,
    "same_stream": SAME_WORK,
    "event_recording": SAME_WORK,
    "recording_of": SAME_WORK,
    "cross_post": SAME_WORK,
    "crosspost": SAME_WORK,
    "cross_post_of": SAME_WORK,
    "cross_post_same_campaign": SAME_WORK,
    "repost": SAME_WORK,
    "repost_of": SAME_WORK,
    "mirror_of": SAME_WORK,
    "translation_of": SAME_WORK,
    "dub_of": SAME_WORK,
    "clip_of": "clip_of",
    "clip": "clip_of",
    "clips": "clip_of",
    "excerpt_of": "clip_of",
    "highlight_of": "clip_of",
    "short_of": "clip_of",
    "trailer_of": "clip_of",
    "teaser_of": "clip_of",
    "part_of": "part_of",
    "segment_of": "part_of",
    "promotes": "promotes",
    "derived_from": "derived_from",
    "none": NOT_THE_SAME,
    "unrelated": NOT_THE_SAME,
    "different": NOT_THE_SAME,
    "description_links_to": NOT_THE_SAME,
    "references": NOT_THE_SAME,
}
PARENT_ROLES = frozenset(
    {"parent", "source", "full", "full_episode", "full_video", "episode", "original", "long", "main", "master"}
)
CHILD_ROLES = frozenset(
    {"child", "clip", "short", "reel", "part", "segment", "excerpt", "highlight", "teaser", "trailer", "post"}
)


@dataclass(frozen=True, slots=True)
class Gold:
    """The answers to one set.

    `works` names, for every piece, the work that it is a rendition of (a piece that is alone is a work of its own).
    `parents` gives for a child its relation and all pieces that are right as its parent: the one that the file names
    and that one's renditions. `apart` are pairs that a file says do not belong together. `cuts` numbers the sources of
    clips of which nobody says whether two of them are the same cut (on two platforms, say): of two clips with one
    number, to call them the same work is neither right nor wrong.
    """

    works: Mapping[Hashable, int]
    parents: Mapping[Hashable, tuple[str, frozenset[Hashable]]]
    apart: frozenset[frozenset[Hashable]] = frozenset()
    families: Mapping[Hashable, int] = field(default_factory=dict)
    cuts: Mapping[Hashable, int] = field(default_factory=dict)


class Sets:
    """Disjoint sets that can be joined (union by path halving)."""

    def __init__(self, members: Iterable[Hashable] = ()) -> None:
        self._above: dict[Hashable, Hashable] = {member: member for member in members}

    def find(self, member: Hashable) -> Hashable:
        """The member that stands for the set; a member that is new is a set of its own."""
        above = self._above
        above.setdefault(member, member)
        while above[member] != member:
            above[member] = above[above[member]]
            member = above[member]
        return member

    def join(self, one: Hashable, other: Hashable) -> None:
        """Make one set of the two."""
        self._above[self.find(one)] = self.find(other)

    def labels(self) -> dict[Hashable, int]:
        """A number for every member, equal where the set is."""
        numbers: dict[Hashable, int] = {}
        return {member: numbers.setdefault(self.find(member), len(numbers)) for member in tuple(self._above)}


def make_gold(
    ids: Iterable[Hashable],
    *,
    same: Iterable[tuple[Hashable, Hashable]],
    children: Mapping[Hashable, tuple[str, Collection[Hashable]]],
    apart: Iterable[frozenset[Hashable]] = (),
    told: Collection[Hashable] = (),
) -> Gold:
    """The answers from what rows say: renditions are transitive, and any rendition of a parent is a right parent.

    `told` are the children of which is known which are the same cut.
    """
    ids = tuple(ids)
    works = Sets(ids)
    for one, other in same:
        works.join(one, other)
    families = Sets(ids)
    renditions: dict[Hashable, list[Hashable]] = {}
    for member in ids:
        renditions.setdefault(works.find(member), []).append(member)
        families.join(member, works.find(member))
    parents = {}
    for child, (relation, named) in children.items():
        right = {one for parent in named for one in renditions[works.find(parent)]} - {child}
        parents[child] = (relation, frozenset(right))
        for parent in named:
            families.join(child, parent)
    labels = works.labels()
    cuts = {child: labels[next(iter(named))] for child, (_, named) in children.items() if child not in told}
    return Gold(labels, parents, frozenset(apart), families.labels(), cuts)


def parents_among(
    pieces: tuple[Piece, ...], roles: tuple[str | None, ...], *, said: tuple[Hashable, ...] = ()
) -> tuple[frozenset[Hashable], str]:
    """Which pieces of a group are the parent (several: renditions of it), and by which rule it was told."""
    if said:
        return frozenset(said), "the file names the parent"
    named = {piece.id for piece, role in zip(pieces, roles, strict=True) if role in PARENT_ROLES}
    if named:
        return frozenset(named), "by its role"
    if any(role in CHILD_ROLES for role in roles):
        rest = {piece.id for piece, role in zip(pieces, roles, strict=True) if role not in CHILD_ROLES}
        if rest:
            return frozenset(rest), "by the roles of the others"
    kinds = {piece.kind in SHORT_KINDS for piece in pieces}
    if kinds == {True, False}:
        return frozenset(piece.id for piece in pieces if piece.kind not in SHORT_KINDS), "it is no short by its kind"
    timed = [piece for piece in pieces if piece.duration_seconds]
    if len(timed) == len(pieces):
        return frozenset({max(timed, key=lambda piece: piece.duration_seconds or 0).id}), "it is the longest"
    return frozenset({pieces[0].id}), "it stands first"
