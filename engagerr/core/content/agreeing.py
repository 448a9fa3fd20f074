"""Where claims meet: what was written down with what is alike, and both with what people said about whole works."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import replace
from uuid import UUID

from engagerr.core.content.detection import Judgements
from engagerr.core.content.evidence import EXPLICIT, Claim, Evidence

# An item, a parent that was rejected for it, and the one that a person or a file gave it.
Moved = tuple[UUID, UUID, UUID]


def agreed(claims: Sequence[Claim], judged: Judgements) -> tuple[list[Claim], frozenset[frozenset[Hashable]]]:
    """(the claims in agreement with the judgements, the pairs that are against them).

    Who rejects one rendition of a work rejects the work: that something is a cut of, or the same as, another rendition
    of it is not claimed again because it is alike, and where it was written down it is a question. What is said of one
    thing and several renditions of a work is said once.
    """
    works = _Works(judged.rejected)
    for child, (parent, relation) in judged.parents.items():
        if relation == "same_work":
            works.join(child, parent)
    kept: list[Claim] = []
    against: set[frozenset[Hashable]] = set()
    twins = [claim for claim in claims if claim.relation == "same_work"]
    # The sure ones first: they make the works that the others are about.
    for claim in (*sorted(twins, key=_sure_first), *(claim for claim in claims if claim.relation != "same_work")):
        pair: frozenset[Hashable] = frozenset({claim.child_id, claim.parent_id})
        if pair not in judged.rejected and works.are_apart(claim.child_id, claim.parent_id):
            against.add(pair)
            if claim.written:
                note = Evidence("rejected_before", "another form of this work was rejected", 0.0)
                kept.append(replace(claim, evidence=(*claim.evidence, note), asked=True))
            continue
        if claim.relation == "same_work" and claim.state == "auto_confirmed" and pair not in judged.rejected:
            works.join(claim.child_id, claim.parent_id)
        kept.append(claim)
    return _once_a_work(kept, works, judged.rejected), frozenset(against)


def without(judged: Judgements, moved: Collection[Moved]) -> Judgements:
    """The judgements but for these rejections."""
    places = {frozenset({child, old}) for child, old, _ in moved}
    return replace(judged, rejected=judged.rejected - places)


def moved_within(claims: Sequence[Claim], moved: Collection[Moved]) -> list[Moved]:
    """Those that changed their place in a family: their rejection speaks of the place, and of no whole work.

    Whether both parents are in one family is asked without the item itself, which might be all that joins them.
    """
    within: list[Moved] = []
    for child, old, new in sorted(moved):
        families = _Works(())
        for claim in claims:
            if claim.state == "auto_confirmed" and child not in (claim.child_id, claim.parent_id):
                families.join(claim.child_id, claim.parent_id)
        if families.of(old) == families.of(new):
            within.append((child, old, new))
    return within


def _sure_first(claim: Claim) -> tuple[bool, float, str]:
    return claim.state != "auto_confirmed", -claim.confidence, claim.order


def _once_a_work(claims: Iterable[Claim], works: _Works, rejected: Collection[frozenset[Hashable]]) -> list[Claim]:
    """The claims, those of one child and several renditions of a work as one; a link says which rendition."""
    kept: list[Claim] = []
    of_work: dict[tuple[Hashable, Hashable, str], list[Claim]] = {}
    for claim in claims:
        if claim.relation == "same_work" or frozenset({claim.child_id, claim.parent_id}) in rejected:
            kept.append(claim)
        else:
            place = claim.child_id, works.of(claim.parent_id), claim.relation
            of_work.setdefault(place, []).append(claim)
    for members in of_work.values():
        written = [claim for claim in members if claim.written]
        found = [claim for claim in members if not claim.written]
        best = min(written or found, key=_sure_first)
        if written and found and not any(_rests_on_likeness(claim) for claim in written):
            best = both(best, min(found, key=_sure_first))
        kept.append(best)
    return kept


def _rests_on_likeness(claim: Claim) -> bool:
    return any(piece.kind == "prior" for piece in claim.evidence)


def is_certain(claim: Claim) -> bool:
    """Whether a platform or feed named the other end itself: nothing that is alike adds to that."""
    return any(piece.kind in EXPLICIT and piece.kind != "link" for piece in claim.evidence)


def both(written: Claim, found: Claim) -> Claim:
    """Two independent grounds for the same thing: it is wrong only if both are. Weights are scaled to add up.

    Of two renditions the found claim says which is the child, since it knows the whole work.
    """
    if written.relation == "same_work":
        written = replace(written, child_id=found.child_id, parent_id=found.parent_id, order=found.order)
    if is_certain(written):
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
    # More evidence never makes less sure: what stands by one ground stands by two.
    alone = [claim.certain_from for claim in (written, found) if claim.state == "auto_confirmed"]
    certain_from = min(alone) if alone else max(written.certain_from, found.certain_from)
    return replace(written, confidence=confidence, evidence=tuple(evidence), asked=False, certain_from=certain_from)


class _Works:
    """Which renditions are one work, and which works people said are not."""

    def __init__(self, rejected: Iterable[frozenset[Hashable]]) -> None:
        self._above: dict[Hashable, Hashable] = {}
        self._apart: dict[Hashable, set[Hashable]] = {}
        for one, other in rejected:
            self._apart.setdefault(one, set()).add(other)
            self._apart.setdefault(other, set()).add(one)

    def of(self, item: Hashable) -> Hashable:
        """One item that stands for its work."""
        while item in self._above:
            item = self._above[item]
        return item

    def are_apart(self, one: Hashable, other: Hashable) -> bool:
        """Whether some rendition of the one work was rejected for some rendition of the other."""
        return self.of(other) in self._apart.get(self.of(one), ())

    def join(self, one: Hashable, other: Hashable) -> None:
        """Let the two be one work."""
        kept, gone = sorted((self.of(one), self.of(other)), key=str)
        if kept == gone:
            return
        self._above[gone] = kept
        for enemy in self._apart.pop(gone, set()):
            self._apart[enemy].discard(gone)
            if enemy != kept:
                self._apart[enemy].add(kept)
                self._apart.setdefault(kept, set()).add(enemy)
