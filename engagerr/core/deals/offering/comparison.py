"""Two versions of an offer, line by line: what came, what went, what changed, and what it does to the total."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from engagerr.core.deals.offering.line_items import Line, ProposalDocument, stored_of
from engagerr.core.money import Money

_FIELDS = ("creator", "deliverable", "platform", "quantity", "unit_minor", "due_on", "package", "note")


@dataclass(frozen=True, slots=True)
class Change:
    """One field that is otherwise."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class LineChange:
    """A line in both versions, or in one: kind is same, changed, added or removed; `difference` is what it adds."""

    kind: str
    ref: str
    before: Line | None
    after: Line | None
    changes: tuple[Change, ...]
    difference: Money


@dataclass(frozen=True, slots=True)
class TermChange:
    """A right, a promise or another term that came, went, or is otherwise."""

    kind: str
    term: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions of one offer. `lines` has those that are the same as well, in the order of the later version."""

    before: str
    after: str
    total_before: Money
    total_after: Money
    lines: tuple[LineChange, ...]
    terms: tuple[TermChange, ...]

    @property
    def difference(self) -> Money:
        """What the later version costs more."""
        return self.total_after - self.total_before

    @property
    def same(self) -> bool:
        """Nothing is otherwise."""
        return not self.terms and all(line.kind == "same" for line in self.lines)


def compare(before: ProposalDocument, after: ProposalDocument, *, names: tuple[str, str] = ("", "")) -> Comparison:
    """Line by line: by ref first, and then by creator, deliverable and platform, since an offer may be written anew."""
    pairs = _paired(before.lines, after.lines)
    return Comparison(
        before=names[0],
        after=names[1],
        total_before=before.total,
        total_after=after.total,
        lines=tuple(_line(one, other, after.currency) for one, other in pairs),
        terms=(
            *_listed("usage right", stored_of(before)["usage_rights"], stored_of(after)["usage_rights"]),
            *_listed("exclusivity", stored_of(before)["exclusivity"], stored_of(after)["exclusivity"]),
            *_single("notes", before.notes, after.notes),
            *_single("valid until", before.valid_until, after.valid_until),
        ),
    )


def _paired(before: Sequence[Line], after: Sequence[Line]) -> list[tuple[Line | None, Line | None]]:
    """Every line once; what has no partner by ref may have one by what it is."""
    partner: dict[str, Line] = {}
    by_ref = {line.ref: line for line in before}
    for line in after:
        old = by_ref.get(line.ref)
        # A ref that was given away anew names another thing.
        if old is not None and (_identity(old) == _identity(line) or _same_creator(old, line)):
            partner[line.ref] = old
    left = [line for line in before if line.ref not in {old.ref for old in partner.values()}]
    for line in after:
        if line.ref in partner:
            continue
        like = next((old for old in left if _identity(old) == _identity(line)), None)
        if like is not None:
            partner[line.ref] = like
            left.remove(like)
    return [*((partner.get(line.ref), line) for line in after), *((line, None) for line in left)]


def _identity(line: Line) -> tuple[Any, ...]:
    return (line.creator_id or line.creator, line.deliverable, line.platform)


def _same_creator(one: Line, other: Line) -> bool:
    return (one.creator_id or one.creator) == (other.creator_id or other.creator)


def _line(before: Line | None, after: Line | None, currency: str) -> LineChange:
    one = after or before
    assert one is not None
    difference = Money((after.minor if after else 0) - (before.minor if before else 0), currency)
    if before is None or after is None:
        return LineChange("added" if before is None else "removed", one.ref, before, after, (), difference)
    changes = tuple(
        Change(field, getattr(before, field), getattr(after, field))
        for field in _FIELDS
        if getattr(before, field) != getattr(after, field)
    )
    return LineChange("changed" if changes else "same", one.ref, before, after, changes, difference)


def _listed(term: str, before: Sequence[Any], after: Sequence[Any]) -> list[TermChange]:
    gone = [TermChange("removed", term, one, None) for one in before if one not in after]
    return gone + [TermChange("added", term, None, one) for one in after if one not in before]


def _single(term: str, before: Any, after: Any) -> list[TermChange]:
    if before == after:
        return []
    kind = "added" if before is None else "removed" if after is None else "changed"
    return [TermChange(kind, term, before, after)]


def changed_fields(before: ProposalDocument, after: ProposalDocument) -> bool:
    """Whether anything is otherwise, order included."""
    return msgspec.json.encode(before) != msgspec.json.encode(after)
