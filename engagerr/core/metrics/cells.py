"""From a report's cell back to its items: which figures are in it, which were left out and why, and whether it adds up.

Nothing here is remembered: the cell is made again, by the code that makes the report.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from engagerr.core.content.families import ConceptTotal, ItemFigure
from engagerr.core.errors import NotFound
from engagerr.core.metrics.explain import CellRef, ObservationRef
from engagerr.core.metrics.figures import DOUBLED_METRIC, Totals, one_per_group
from engagerr.core.metrics.registry import Registry


@dataclass(frozen=True, slots=True)
class ReportedItem:
    """An item as a report reads it: the group it belongs to, and the newest figure of each of its metrics.

    `doubled`: its views are held already by its Instagram twin's figure.
    """

    name: str
    title: str | None
    published_at: datetime | None
    group_id: str
    group: str
    doubled: bool
    figures: tuple[ItemFigure, ...]

    def counted(self) -> Iterator[tuple[ItemFigure, bool]]:
        """The figures that a report looks at, one a sum group, and whether another item's figure holds it already."""
        for figure in one_per_group(self.figures):
            yield figure, self.doubled and figure.metric == DOUBLED_METRIC


@dataclass(frozen=True, slots=True)
class Contribution:
    """One item's figure in a cell, or one that was left out and `why`. `observation` can itself be explained."""

    item: str
    title: str | None
    published_at: datetime | None
    metric: str
    value: Decimal | None
    unit: str | None
    state: str
    sum_group: str | None
    definition: str | None
    spans_break: bool
    observation: ObservationRef
    why: str | None = None


@dataclass(frozen=True, slots=True)
class CellChain:
    """A cell of a report, made again: the total, the figures in it, those left out, and whether it adds up.

    `without_figure` counts items of the group of which no figure of the concept was ever seen: they are not zero.
    `beside` are the other totals of the concept in this group. `adds_up` was computed from the contributions.
    """

    reference: str
    by: str
    group: str
    group_id: str
    since: datetime | None
    until: datetime | None
    total: ConceptTotal
    how: str
    contributions: tuple[Contribution, ...]
    left_out: tuple[Contribution, ...]
    items: int
    without_figure: int
    beside: tuple[ConceptTotal, ...]
    sum_of_contributions: Decimal | None
    adds_up: bool
    check: str


def explain_cell(reference: CellRef, items: Iterable[ReportedItem], registry: Registry) -> CellChain:
    """The chain of a cell, from the items of its report. `NotFound` where the report has no such cell (any more)."""
    inside = [item for item in items if item.group_id == reference.group]
    totals = Totals()
    for item in inside:
        for figure, doubled in item.counted():
            totals.add(figure, doubled=doubled)
    rows = totals.result()
    total = next((row for row in rows if row.group == reference.sum and reference.concept in (None, row.concept)), None)
    if total is None:
        there = ", ".join(row.group for row in rows) or "none"
        raise NotFound(
            f"The report has no cell {reference.sum!r} for {reference.group!r}.",
            hint=f"Sum groups there: {there}. Run the report again for cells that exist now.",
            facts={"reference": str(reference)},
        )
    contributions: list[Contribution] = []
    left_out: list[Contribution] = []
    without = 0
    for item in inside:
        of_concept = [figure for figure in item.figures if figure.concept == total.concept]
        without += not of_concept
        counted = {id(figure): doubled for figure, doubled in item.counted()}
        for figure in of_concept:
            why = _why_left_out(figure, total, doubled=counted.get(id(figure)))
            (left_out if why else contributions).append(replace(_contribution(item, figure), why=why))
    summed = sum((one.value for one in contributions if one.value is not None), Decimal(0)) if contributions else None
    adds_up = summed == total.value and len(contributions) == total.items
    return CellChain(
        reference=str(reference),
        by=reference.by,
        group=inside[0].group,
        group_id=reference.group,
        since=reference.since,
        until=reference.until,
        total=total,
        how=_how(reference, total, registry, len(inside)),
        contributions=tuple(sorted(contributions, key=lambda one: (-(one.value or 0), one.item, one.metric))),
        left_out=tuple(sorted(left_out, key=lambda one: (one.why or "", one.item, one.metric))),
        items=len(inside),
        without_figure=without,
        beside=tuple(row for row in rows if row.concept == total.concept and row is not total),
        sum_of_contributions=summed,
        adds_up=adds_up,
        check=_check(total, summed, len(contributions), adds_up=adds_up),
    )


def _contribution(item: ReportedItem, figure: ItemFigure) -> Contribution:
    return Contribution(
        item=item.name, title=item.title, published_at=item.published_at, metric=figure.metric, value=figure.value,
        unit=figure.unit, state=figure.state, sum_group=figure.sum_group, definition=figure.definition,
        spans_break=figure.spans_break,
        observation=ObservationRef(item.name, figure.metric, figure.observed_at, figure.period_days),
    )  # fmt: skip


def _why_left_out(figure: ItemFigure, total: ConceptTotal, *, doubled: bool | None) -> str | None:
    """Why a figure of the concept is not in the total; None where it is. `doubled` is None where it was not counted."""
    if figure.value is None:
        beside = "; the item has it under another name" if doubled is None else ""
        return f"missing: {figure.state.replace('_', ' ')}{beside}"
    if figure.sum_group is None:
        return "never added: an average, a share or distinct people"
    if figure.sum_group != total.group:
        return f"other sum group: {figure.sum_group}"
    if doubled is None:
        return "another name of the same figure was seen later"
    if doubled:
        return "counted elsewhere: the figure of its Instagram twin holds it"
    return None


def _how(reference: CellRef, total: ConceptTotal, registry: Registry, items: int) -> str:
    concept = next((one for one in registry.concepts() if one.name == total.concept), None)
    title = concept.title if concept else total.concept
    window = f" from {reference.since:%Y-%m-%d %H:%M} UTC" if reference.since else ""
    window += f" until {reference.until:%Y-%m-%d %H:%M} UTC" if reference.until else ""
    published = f" published{window}" if window else ""
    known = f"by {reference.until:%Y-%m-%d %H:%M} UTC" if reference.until else "now"
    if total.value is None:
        return f"{title}: of {items:,} items{published} none has a figure that may be added, as known {known}."
    return (
        f"{title}: the newest figure of each of {items:,} items{published}, as known {known}, by the definition in "
        f"force when it was seen; only figures of the sum group {total.group} are added, one an item, and none twice."
    )


def _check(total: ConceptTotal, summed: Decimal | None, count: int, *, adds_up: bool) -> str:
    if total.value is None and adds_up:
        return "Nothing was reported, so there is no total. It is not zero."
    said = "none" if total.value is None else f"{total.value:,f}"
    found = "none" if summed is None else f"{summed:,f}"
    verdict = "as the report says" if adds_up else f"but the report says {said} from {total.items:,}: please report it"
    return f"{count:,} figures add up to {found}, {verdict}."
