"""The newest figure of each metric of an item, and sums of them in which nothing is added that should not be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.content.families import ConceptTotal, FamilyNode, ItemFigure
from engagerr.core.integrations.records import State
from engagerr.core.metrics.registry import Registry
from engagerr.core.metrics.standard import standardise

if TYPE_CHECKING:
    from engagerr.core.db import Session

# Per item and metric: a figure with a number before one without, since publication before about a period, the longest
# period before a shorter one, then the newest, then its newest revision. One index scan per item and month.
_HEADLINES = """
SELECT DISTINCT ON (seen.subject_id, seen.metric)
       seen.subject_id, seen.metric, seen.value, seen.state, seen.observed_at, seen.period_days, seen.currency,
       item.platform, item.kind, item.published_at
FROM metric_observations AS seen
JOIN content_items AS item ON item.tenant_id = seen.tenant_id AND item.id = seen.subject_id
WHERE seen.tenant_id = engagerr_tenant() AND seen.subject_id = ANY (CAST(:ids AS uuid[]))
  AND seen.observed_at <= coalesce(CAST(:until AS timestamptz), 'infinity')
ORDER BY seen.subject_id, seen.metric, (seen.value IS NULL), (seen.period_days > 0), seen.period_days DESC,
         seen.observed_at DESC, seen.revision DESC
"""


class FigureReader:
    """Reads headline figures and adds them up. (It is the `Numbers` that content families are given.)"""

    def __init__(self, registry: Registry | None = None) -> None:
        self._registry = registry

    @property
    def registry(self) -> Registry:
        """The definitions, loaded when first needed."""
        if self._registry is None:
            self._registry = Registry.load()
        return self._registry

    def figures(
        self, session: Session, item_ids: Sequence[UUID], *, until: datetime | None = None
    ) -> Mapping[UUID, tuple[ItemFigure, ...]]:
        """The newest figure of each metric of these items, as of `until` if given; metrics by name."""
        if not item_ids:
            return {}
        rows = session.execute(text(_HEADLINES), {"ids": [str(item_id) for item_id in item_ids], "until": until})
        found: dict[UUID, list[ItemFigure]] = {}
        for row in rows:
            standard = standardise(
                self.registry,
                platform=row.platform,
                metric=row.metric,
                kind=row.kind,
                value=row.value,
                state=State(row.state),
                observed_at=row.observed_at,
                published_at=row.published_at,
                currency=row.currency,
                period_days=row.period_days,
            )
            group = standard.sum_group
            if group is not None and not _covers_life(row.published_at, row.observed_at, row.period_days):
                # A part of an item's life is not added to the whole life of another.
                group = f"{group} in {row.period_days} d"
            found.setdefault(row.subject_id, []).append(
                ItemFigure(
                    metric=row.metric,
                    reported=row.value,
                    state=row.state,
                    observed_at=row.observed_at,
                    period_days=row.period_days,
                    currency=row.currency,
                    concept=standard.concept,
                    value=standard.value,
                    unit=standard.unit,
                    grade=standard.grade,
                    definition=standard.definition,
                    sum_group=group,
                    spans_break=standard.spans_break is not None,
                )
            )
        return {item_id: tuple(figures) for item_id, figures in found.items()}

    def total(self, nodes: Sequence[FamilyNode]) -> tuple[ConceptTotal, ...]:
        """Sums over the items of one family, each audience counted once.

        A Facebook copy that Instagram's own cross-post figure holds already is left out and counted as such (Meta:
        Instagram reports `views` with the Facebook views of a cross-post in it; adding Facebook's again counts twice).
        """
        by_platform = {node.platform for node in nodes}
        doubled = {
            node.id
            for node in nodes
            if node.platform == "facebook" and node.hints_crosspost and "instagram" in by_platform
        }
        return sum_figures((figure, node.id in doubled) for node in nodes for figure in one_per_group(node.figures))


def sum_figures(figures: Iterable[tuple[ItemFigure, bool]]) -> tuple[ConceptTotal, ...]:
    """Add figures within their sum groups; the flag says that another figure holds this one already.

    A concept that is only ever missing is a total without a value, never zero. Averages and ratios have no sum group
    and are not summed at all.
    """
    sums: dict[tuple[str, str], _Sum] = {}
    missing: dict[str, list[str]] = {}
    for figure, doubled in figures:
        if figure.concept is None:
            continue
        if figure.value is None:
            missing.setdefault(figure.concept, []).append(figure.state)
            continue
        if figure.sum_group is None:
            continue
        held = sums.setdefault((figure.concept, figure.sum_group), _Sum(figure))
        held.add(figure, doubled=doubled)
    totals = [
        ConceptTotal(
            concept=concept,
            group=group,
            unit=held.unit,
            value=held.value if held.items else None,
            state=str(held.state),
            currency=held.currency,
            items=held.items,
            missing=len(missing.get(concept, ())),
            counted_elsewhere=held.doubled,
            spans_break=held.spans_break,
        )
        for (concept, group), held in sums.items()
    ]
    summed = {concept for concept, _ in sums}
    totals += [
        ConceptTotal(concept, concept, None, None, states[0] if len(set(states)) == 1 else str(State.NOT_REPORTED),
                     None, 0, len(states), 0, False)
        for concept, states in missing.items()
        if concept not in summed
    ]  # fmt: skip
    return tuple(sorted(totals, key=lambda total: (total.concept, total.group)))


class _Sum:
    def __init__(self, first: ItemFigure) -> None:
        self.unit = first.unit
        self.currency = first.currency
        self.value = Decimal(0)
        self.items = 0
        self.doubled = 0
        self.spans_break = False
        self.state = State.VALUE

    def add(self, figure: ItemFigure, *, doubled: bool) -> None:
        if doubled:
            self.doubled += 1
            return
        assert figure.value is not None
        self.value += figure.value
        self.items += 1
        self.spans_break = self.spans_break or figure.spans_break
        if figure.state == State.ESTIMATED:
            self.state = State.ESTIMATED
        elif self.state is not State.ESTIMATED:
            self.state = State.VALUE if self.value else State.ZERO


def one_per_group(figures: Sequence[ItemFigure]) -> list[ItemFigure]:
    """One figure an item and sum group: two names of one thing (an API's and an export's) are not added."""
    newest: dict[tuple[str | None, str | None], ItemFigure] = {}
    for figure in figures:
        key = (figure.concept, figure.sum_group if figure.value is not None else None)
        held = newest.get(key)
        if held is None or figure.observed_at > held.observed_at:
            newest[key] = figure
    with_value = {figure.concept for figure in newest.values() if figure.value is not None}
    return [figure for figure in newest.values() if figure.value is not None or figure.concept not in with_value]


def _covers_life(published_at: datetime | None, observed_at: datetime, period_days: int) -> bool:
    if period_days == 0:
        return True
    # A day of grace: reports count days in the platform's own zone.
    return published_at is not None and published_at >= observed_at - timedelta(days=period_days + 1)
