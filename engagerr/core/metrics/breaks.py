"""What a change of definition does to a series: where it lies, and how much of a growth is the change and no growth.

History is never rewritten: both sides are shown as they were counted, and the change is marked and, where the platform
kept its old way of counting beside the new one (YouTube's engaged views), estimated.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from sqlalchemy import text

from engagerr.core.metrics.definition import Break, surface_of
from engagerr.core.metrics.registry import Registry, ruling_day

if TYPE_CHECKING:
    import numpy as np

    from engagerr.core.db import Session

Pair = tuple[float | None, float | None]

FEWEST_ITEMS = 5
CONFIDENCE = 0.95
# Percentiles of so many samples settle to the whole per cent that is told.
_SAMPLES = 4_000
_SEED = 20_260_824

_ASSUMPTIONS = (
    "engaged views are counted after the change as before it",
    "without the change a view would still come with as many engaged views as before it",
    "the items stand for all that would have been counted in their place",
)

_TITLES = {
    "youtube": "YouTube", "tiktok": "TikTok", "linkedin": "LinkedIn", "x": "X", "apple_podcasts": "Apple Podcasts",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeEffect:
    """How much of the growth from one side of a change to the other is the change itself.

    `ratio` is views for one engaged view before the change, `expected_after` the views that the side after it would
    have by the old rule, `effect` the views above that, `growth` the views after less the views before, and `share`
    the effect's part of the growth (0.31: 31 % of it; above 1 where the growth hides a fall). `low` and `high` bound
    the share at `confidence`; `effect_low` and `effect_high` the effect. All None where there is no basis; then `why`
    says it. Where only the share has no bounds, `why_unbounded` does. `items` are the pairs used of each side;
    `left_out` those without both figures.
    """

    items: tuple[int, int]
    left_out: int
    views: tuple[float, float] | None = None
    ratio: float | None = None
    expected_after: float | None = None
    effect: float | None = None
    effect_low: float | None = None
    effect_high: float | None = None
    growth: float | None = None
    share: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float = CONFIDENCE
    assumptions: tuple[str, ...] = _ASSUMPTIONS
    why: str | None = None
    why_unbounded: str | None = None


@dataclass(frozen=True, slots=True)
class BreakNote:
    """A change of definition in a window, what it does to the figures where that can be said, and both in words."""

    change: Break
    effect: ChangeEffect | None
    text: str


def find_breaks(
    registry: Registry,
    platform: str,
    metric: str,
    kind: str | None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> tuple[Break, ...]:
    """The changes within [since, until) across which figures do not compare, oldest first.

    A change at the very beginning lies before the window: every figure in it is of the newer rule.
    """
    first = ruling_day(since) if since else None
    return tuple(
        change
        for change in registry.breaks(platform, metric, kind)
        if not change.comparable
        and (first is None or change.date > first)
        and (until is None or datetime.combine(change.date, time.min, UTC) < until)
    )


def estimate_change(before: Sequence[Pair], after: Sequence[Pair], *, paired: bool = False) -> ChangeEffect:
    """How much of a growth is a change of what a view is; `before` and `after` hold (views, engaged views) an item.

    Both sides are of spans of equal length, counted by the rule of their side. With `paired`, the nth of both sides is
    the same item. Items without both figures (of either side, when paired) are left out and counted. Gives no figures
    but a `why` where engaged views are lacking, where fewer than five items have both figures on a side, or where
    nothing grew. The bounds are percentiles of a bootstrap over items (scipy), always with the same seed.
    """
    if paired and len(before) != len(after):
        raise ValueError("Paired sides have equally many items.")
    if paired:
        both = [(old, new) for old, new in zip(before, after, strict=True) if _whole(old) and _whole(new)]
        old, new = [pair for pair, _ in both], [pair for _, pair in both]
    else:
        old, new = ([pair for pair in side if _whole(pair)] for side in (before, after))
    items = (len(old), len(new))
    left_out = len(before) + len(after) - sum(items)
    if why := _why_not(before, after, items):
        return ChangeEffect(items=items, left_out=left_out, why=why)

    import numpy as np

    sides = np.asarray(old, dtype=float), np.asarray(new, dtype=float)
    views = float(sides[0][:, 0].sum()), float(sides[1][:, 0].sum())
    engaged = float(sides[0][:, 1].sum()), float(sides[1][:, 1].sum())
    growth = views[1] - views[0]
    if engaged[0] <= 0:
        return ChangeEffect(items=items, left_out=left_out, views=views, why="no engaged view was counted before it")
    if growth <= 0:
        return ChangeEffect(
            items=items, left_out=left_out, views=views, growth=growth,
            why="there is no growth that the change could be a part of",
        )  # fmt: skip
    ratio = views[0] / engaged[0]
    expected = engaged[1] * ratio
    effect = views[1] - expected
    bounds = _bounds(*sides, paired=paired)
    return ChangeEffect(
        items=items, left_out=left_out, views=views, ratio=ratio, expected_after=expected, effect=effect, growth=growth,
        share=effect / growth, effect_low=bounds.effect_low, effect_high=bounds.effect_high, low=bounds.low,
        high=bounds.high, why_unbounded=bounds.why,
    )  # fmt: skip


def note(change: Break, effect: ChangeEffect | None = None) -> str:
    """The change in words, for people who look at figures of both sides."""
    platform = _TITLES.get(change.after.platform, change.after.platform.replace("_", " ").capitalize())
    metric = change.after.metric.replace("_", " ")
    what = "what a view is" if change.after.metric == "views" else f"what it counts as {metric}"
    rules = f"until then: {change.before.trigger}; since: {change.after.trigger}"
    head = f"{platform} changed {what} on {change.date} ({rules})."
    apart = "Figures of the two sides do not compare: they are shown apart."
    if effect is None:
        return f"{head} {apart}"
    if effect.share is None:
        return f"{head} {apart} How much of a growth is the change cannot be told: {effect.why}."
    n = min(effect.items)
    if effect.low is None or effect.high is None:
        bounds = f"of {n:,} items; without bounds: {effect.why_unbounded}"
    else:
        sure = f"{effect.confidence:.0%}".replace("%", " %")
        bounds = f"{_percent(effect.low)} to {_percent(effect.high)} at {sure}, of {n:,} items"
    return (
        f"{head} About {_percent(effect.share)} of this growth is the change ({bounds}), "
        f"by engaged views, which are counted as before. {apart}"
    )


def _percent(share: float) -> str:
    return f"{share * 100:+.0f} %".replace("-", "\N{MINUS SIGN}")


def _whole(pair: Pair) -> bool:
    return all(value is not None for value in pair)


def _why_not(before: Sequence[Pair], after: Sequence[Pair], items: tuple[int, int]) -> str | None:
    for side, words in ((before, "before"), (after, "after")):
        if side and all(engaged is None for _, engaged in side):
            return f"there are no engaged views {words} it"
    if min(items) < FEWEST_ITEMS:
        return (
            f"views and engaged views are known of {items[0]:,} items before it and {items[1]:,} after; "
            f"{FEWEST_ITEMS} on each side is the least"
        )
    return None


class _Bounds(NamedTuple):
    effect_low: float | None = None
    effect_high: float | None = None
    low: float | None = None
    high: float | None = None
    why: str | None = None


def _bounds(old: np.ndarray[Any, Any], new: np.ndarray[Any, Any], *, paired: bool) -> _Bounds:
    """Bounds of the effect and of its share, by resampling items."""
    import numpy as np
    from scipy.stats import bootstrap

    def effect_and_growth(before: Any, after: Any, axis: int = -1) -> Any:
        """Of resampled items, which are indexes along `axis`."""
        views = old[before.astype(int), 0].sum(axis=axis), new[after.astype(int), 0].sum(axis=axis)
        engaged = old[before.astype(int), 1].sum(axis=axis), new[after.astype(int), 1].sum(axis=axis)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.stack([views[1] - engaged[1] * views[0] / engaged[0], views[1] - views[0]])

    drawn = bootstrap(
        (np.arange(len(old)), np.arange(len(new))), effect_and_growth, paired=paired, n_resamples=_SAMPLES,
        method="percentile", confidence_level=CONFIDENCE, rng=np.random.default_rng(_SEED), vectorized=True,
    )  # fmt: skip
    effects, growths = drawn.bootstrap_distribution
    if not np.isfinite(effects).all():
        return _Bounds(why="too few items have engaged views before it")
    tail = (1 - CONFIDENCE) / 2
    effect_low, effect_high = (float(bound) for bound in np.quantile(effects, [tail, 1 - tail]))
    if np.quantile(growths, tail) <= 0:
        return _Bounds(effect_low, effect_high, why="with other items there might be no growth at all")
    # Fewer samples than the tail are without growth; what their share would be does not move the bounds.
    shares = np.where(growths > 0, effects / np.where(growths > 0, growths, 1), np.inf)
    low, high = np.quantile(shares, [tail, 1 - tail], method="inverted_cdf")
    return _Bounds(effect_low, effect_high, float(low), float(high))


# ── From observations ───────────────────────────────────────────────────────────────────────────────────────────────

_ENGAGED = "engaged_views"
_SIDES = """
SELECT DISTINCT ON (subject_id, metric, observed_at, period_days)
       subject_id, metric, observed_at, period_days, CAST(value AS double precision) AS value
FROM metric_observations
WHERE tenant_id = :tenant_id AND subject_id = ANY (CAST(:ids AS uuid[])) AND metric = ANY (:metrics)
  AND observed_at >= coalesce(CAST(:since AS timestamptz), '-infinity')
  AND observed_at <= coalesce(CAST(:until AS timestamptz), 'infinity') AND period_days <= 1
ORDER BY subject_id, metric, observed_at, period_days, revision DESC
"""
_KINDS = "SELECT id, kind FROM content_items WHERE tenant_id = :tenant_id AND id = ANY (CAST(:ids AS uuid[]))"


def break_notes(
    session: Session,
    registry: Registry,
    *,
    tenant_id: UUID,
    platform: str,
    metric: str,
    kind: str | None,
    subject_ids: Sequence[UUID],
    since: datetime | None = None,
    until: datetime | None = None,
) -> tuple[BreakNote, ...]:
    """The changes of definition that the figures of these items in [since, until) span, each estimated where it can be.

    What an item brought a day on each side comes from its counters, first to last within the side, so that no step
    spans the change; or from its daily figures, where it has no two counters there. Only subjects of the `kind`
    ("account" for accounts) are in an estimate; without one, those whose kind the change is about.
    """
    changes = find_breaks(registry, platform, metric, kind, since, until)
    estimated = bool(
        changes and subject_ids and metric == "views" and registry.named(platform=platform, metric=_ENGAGED)
    )
    if not estimated:
        return tuple(BreakNote(change, None, note(change)) for change in changes)
    ids = {"tenant_id": tenant_id, "ids": [str(one) for one in subject_ids]}
    rows = session.execute(text(_SIDES), {**ids, "metrics": [metric, _ENGAGED], "since": since, "until": until}).all()
    kinds = {row.id: row.kind for row in session.execute(text(_KINDS), ids)}
    notes = []
    for change in changes:
        of_change = [row for row in rows if _is_about(change, kind, kinds.get(row.subject_id, "account"))]
        start, edge, end = _sides_of(change, changes)
        before = _rates([row for row in of_change if start <= _ruled_on(row) < edge], metric)
        after = _rates([row for row in of_change if edge <= _ruled_on(row) < end], metric)
        effect = estimate_change(before, after)
        notes.append(BreakNote(change, effect, note(change, effect)))
    return tuple(notes)


def _is_about(change: Break, kind: str | None, kind_of_subject: str | None) -> bool:
    """Whether a subject's figures are of the kind asked for, or of one that the change is about."""
    surface = surface_of(kind_of_subject)
    if kind is not None:
        return surface is surface_of(kind)
    return surface is not None and change.before.covers(surface) and change.after.covers(surface)


def _sides_of(change: Break, changes: Sequence[Break]) -> tuple[date, date, date]:
    """From where to where the rules before and after a change hold, as far as the changes of the window tell."""
    starts = (other.date for other in changes if other.after.id == change.before.id)
    ends = (other.date for other in changes if other.before.id == change.after.id)
    return max(starts, default=date.min), change.date, min(ends, default=date.max)


def _ruled_on(row: Any) -> date:
    return ruling_day(row.observed_at, row.period_days)


_Seen = dict[tuple[str, int], dict[datetime, float]]


def _rates(rows: Sequence[Any], metric: str) -> list[Pair]:
    """(views, engaged views) a day of each item, both over the same days; (None, None) where there are no such days."""
    found: dict[UUID, _Seen] = {}
    for row in rows:
        if row.value is not None:
            seen = found.setdefault(row.subject_id, {})
            seen.setdefault((row.metric, row.period_days), {})[row.observed_at] = row.value
    return [_pair(seen, metric) for seen in found.values()]


def _pair(seen: _Seen, metric: str) -> Pair:
    for period_days in (0, 1):
        views, engaged = (seen.get((name, period_days), {}) for name in (metric, _ENGAGED))
        moments = views.keys() & engaged.keys()
        rates = _rate(views, moments, period_days), _rate(engaged, moments, period_days)
        if _whole(rates):
            return rates
    return None, None


def _rate(figures: dict[datetime, float], moments: Set[datetime], period_days: int) -> float | None:
    """A day's worth: of a counter from first to last, of daily figures their mean. None where that tells nothing."""
    if period_days:
        return sum(figures[moment] for moment in moments) / len(moments) if moments else None
    if len(moments) < 2:
        return None
    start, end = min(moments), max(moments)
    # A counter that fell tells nothing of what was counted.
    risen = figures[end] - figures[start]
    return risen / ((end - start).total_seconds() / 86_400) if risen >= 0 else None
