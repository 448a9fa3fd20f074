"""The newest figure of each metric of an item, and sums of them in which nothing is added that should not be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.content.families import ConceptTotal, FamilyNode, ItemFigure
from engagerr.core.integrations.records import State
from engagerr.core.metrics.definition import Measure
from engagerr.core.metrics.registry import Registry
from engagerr.core.metrics.standard import StandardFigure, standardise

if TYPE_CHECKING:
    from engagerr.core.db import Session

# Per item, metric and moment the newest revision stands. Of those, a figure with a number goes before one without, one
# about the item's whole life before one about a part of it, then the newest, then the one about the longer period.
_HEADLINES = """
WITH stands AS (
  SELECT DISTINCT ON (subject_id, metric, observed_at, period_days)
         subject_id, metric, value, state, observed_at, period_days, currency
  FROM metric_observations
  WHERE tenant_id = engagerr_tenant() AND subject_id = ANY (CAST(:ids AS uuid[]))
    AND observed_at <= coalesce(CAST(:until AS timestamptz), 'infinity')
  ORDER BY subject_id, metric, observed_at, period_days, revision DESC
)
SELECT DISTINCT ON (seen.subject_id, seen.metric)
       seen.*, item.platform, item.kind, item.published_at
FROM stands AS seen
JOIN content_items AS item ON item.tenant_id = engagerr_tenant() AND item.id = seen.subject_id
ORDER BY seen.subject_id, seen.metric, (seen.value IS NULL),
         -- A day of grace: reports count days in the platform's own zone.
         (seen.period_days > 0
          AND item.published_at >= seen.observed_at - make_interval(days => seen.period_days + 1)) IS NOT TRUE
         AND seen.period_days > 0,
         seen.observed_at DESC, seen.period_days DESC
"""


# Meta's overlap is in the views: likes and comments of the two copies are different people's.
DOUBLED_METRIC = "views"
# The same rule where items are read in SQL (as `item`, with its `node`): a Facebook copy whose Instagram twin has a
# number for its views. A twin without one holds nothing, and the copy is all that is known.
HELD_BY_ITS_TWIN = f"""item.platform = 'facebook' AND item.hints @> '{{"is_crosspost": true}}' AND EXISTS (
         SELECT FROM content_nodes AS twin
         JOIN metric_observations AS held ON held.tenant_id = twin.tenant_id AND held.subject_id = twin.item_id
         WHERE twin.tenant_id = node.tenant_id AND twin.family_id = node.family_id AND twin.platform = 'instagram'
           AND held.metric = '{DOUBLED_METRIC}' AND held.value IS NOT NULL
           AND held.observed_at <= coalesce(CAST(:until AS timestamptz), 'infinity'))"""


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
            group = standard.sum_group or self._apart(standard)
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

    def _apart(self, standard: StandardFigure) -> str | None:
        """The group of a count that compares with no other: it is added to its own kind only, and shown apart."""
        definition = self.registry.definition(standard.definition) if standard.definition else None
        if definition is None or standard.value is None or definition.concept is None:
            return None
        counts = definition.measure in {Measure.COUNTER, Measure.PERIOD} and definition.concept.additive
        return f"{definition.concept.name} as {definition.id}" if counts else None

    def total(self, nodes: Sequence[FamilyNode]) -> tuple[ConceptTotal, ...]:
        """Sums over the items of one family, each audience counted once."""
        return sum_figures((figure, doubled) for _, figure, doubled in figures_of_family(nodes))


def figures_of_family(nodes: Sequence[FamilyNode]) -> Iterator[tuple[FamilyNode, ItemFigure, bool]]:
    """One figure a node and sum group, and whether another of these nodes' figures holds it already.

    That is a Facebook copy that Instagram's own cross-post figure holds (Meta: Instagram reports `views` with the
    Facebook views of a cross-post in it; adding Facebook's again counts twice).
    """
    counted = [(node, one_per_group(node.figures)) for node in nodes]
    # Of the figures that are counted: an older `views` beside a newer name of plays holds nothing that is in the sum.
    holds_views = {
        figure.sum_group
        for node, figures in counted
        if node.platform == "instagram"
        for figure in figures
        if figure.metric == DOUBLED_METRIC and figure.value is not None
    }
    for node, figures in counted:
        is_copy = node.platform == "facebook" and node.hints_crosspost
        for figure in figures:
            yield node, figure, is_copy and figure.metric == DOUBLED_METRIC and figure.sum_group in holds_views


def sum_figures(figures: Iterable[tuple[ItemFigure, bool]]) -> tuple[ConceptTotal, ...]:
    """Add figures within their sum groups; the flag says that another figure holds this one already."""
    totals = Totals()
    for figure, doubled in figures:
        totals.add(figure, doubled=doubled)
    return totals.result()


class Totals:
    """Sums that grow figure by figure. Averages and ratios have no sum group and are not summed at all.

    A concept that is only ever missing is a total without a value, never zero. `without_standard` counts figures that
    have a number but no standard meaning (an unknown name, or a kind that nobody stated).
    """

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], _Sum] = {}
        self._missing: dict[str, Counter[str]] = {}
        self.without_standard = 0

    def add(self, figure: ItemFigure, *, doubled: bool = False) -> None:
        """Take one more figure; `doubled` if another one holds it already."""
        if figure.concept is None:
            self.without_standard += figure.reported is not None
        elif figure.value is None:
            self._missing.setdefault(figure.concept, Counter())[figure.state] += 1
        elif figure.sum_group is not None:
            self._sums.setdefault((figure.concept, figure.sum_group), _Sum(figure)).add(figure, doubled=doubled)

    def result(self) -> tuple[ConceptTotal, ...]:
        """The totals, by concept and sum group."""
        totals = [
            ConceptTotal(
                concept=concept,
                group=group,
                unit=held.unit,
                value=held.value if held.items else None,
                state=str(held.state if held.items else State.NOT_REPORTED),
                currency=held.currency,
                items=held.items,
                missing=self._missing.get(concept, Counter()).total(),
                counted_elsewhere=held.doubled,
                spans_break=held.spans_break,
            )
            for (concept, group), held in self._sums.items()
        ]
        summed = {concept for concept, _ in self._sums}
        for concept, states in self._missing.items():
            if concept not in summed:
                state = next(iter(states)) if len(states) == 1 else str(State.NOT_REPORTED)
                totals.append(
                    ConceptTotal(concept, concept, None, None, state, None, 0, states.total(), 0, spans_break=False)
                )
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
    """One figure an item and sum group: two names of one thing (an API's and an export's) are not added.

    The newer one stands; of two at one moment the one that is first by name, whatever order they come in.
    """
    newest: dict[tuple[str | None, str | None], ItemFigure] = {}
    for figure in figures:
        key = (figure.concept, figure.sum_group if figure.value is not None else None)
        held = newest.get(key)
        if held is None or (figure.observed_at, held.metric) > (held.observed_at, figure.metric):
            newest[key] = figure
    with_value = {figure.concept for figure in newest.values() if figure.value is not None}
    return [figure for figure in newest.values() if figure.value is not None or figure.concept not in with_value]


def _covers_life(published_at: datetime | None, observed_at: datetime, period_days: int) -> bool:
    if period_days == 0:
        return True
    # A day of grace: reports count days in the platform's own zone.
    return published_at is not None and published_at >= observed_at - timedelta(days=period_days + 1)
