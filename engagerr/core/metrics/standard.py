"""Turns one reported figure into a standard one, and says in words how it was made or why there is none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Context, Decimal

from engagerr.core.integrations.records import State
from engagerr.core.metrics.definition import Ambiguous, Definition, Grade, Mark, Measure, Unit, surface_of
from engagerr.core.metrics.registry import Registry, ruling_day

_WITH_VALUE = frozenset({State.VALUE, State.ZERO, State.ESTIMATED})

_MISSING = {
    State.NOT_REPORTED: "the source did not report it",
    State.NOT_APPLICABLE: "it does not apply here",
    State.SUPPRESSED: "the platform withheld it, as it does for small audiences",
    State.EXPIRED: "the platform no longer keeps it",
    State.PERMISSION_DENIED: "the platform did not permit it to be read",
}

_DOUBT = {Mark.SECONDARY: ", secondary source", Mark.KNOWLEDGE: ", not looked up", Mark.FILE: ", as seen in files"}
_DATE_DOUBT = {Mark.SECONDARY: "; the date from a secondary source", Mark.KNOWLEDGE: "; the date not looked up"}


@dataclass(frozen=True, slots=True)
class StandardFigure:
    """A figure in the terms of a standard concept, and `how` it came about, as a sentence.

    `value` is in `unit` ("currency": major units of `currency`, never converted) and `None` whenever nothing was
    reported or nothing standard can be said. `definition` is the id of the rule in force. `minimum_seconds` is given
    for the concepts that it is a part of (qualified_play).

    Figures may be added only within one `sum_group` ("qualified_play/30 s", "revenue/EUR"); `None` means never. A
    figure that holds counts of an older, different rule too says so in `spans_break`, the day of the change; it keeps
    its sum group, and whoever adds it carries the mark over to the sum.
    """

    concept: str | None
    unit: str | None
    value: Decimal | None
    grade: str | None
    definition: str | None
    how: str
    currency: str | None = None
    minimum_seconds: int | None = None
    sum_group: str | None = None
    spans_break: date | None = None


def standardise(
    registry: Registry,
    *,
    platform: str,
    metric: str,
    kind: str | None,
    value: Decimal | None,
    state: State,
    observed_at: datetime,
    published_at: datetime | None = None,
    currency: str | None = None,
    period_days: int = 0,
) -> StandardFigure:
    """The standard figure for one observation, by the definition in force when it was made.

    `value` is in the platform's own unit. `period_days` is 0 for a figure since publication or a level, n for a figure
    about the n days that end at `observed_at`. A missing value stays missing, whatever the definition.
    """
    found = registry.resolve(
        platform=platform,
        metric=metric,
        kind=kind,
        observed_at=observed_at,
        published_at=published_at,
        period_days=period_days,
    )
    missing = _why_missing(registry, platform, metric, kind, value=value, state=state)
    if found is None or isinstance(found, Ambiguous):
        if found:
            reason = found.reason
        else:
            reason = _why_undefined(registry, platform, metric, kind, ruling_day(observed_at, period_days))
        return StandardFigure(None, None, None, None, None, f"{reason}; {_kept(missing)}")
    concept = found.concept
    if concept is None:
        how = f"no standard concept; {_kept(missing)}; {_rule(found)}{_note(found)}"
        return StandardFigure(None, None, None, None, found.id, how)
    named = StandardFigure(
        concept.name,
        concept.unit.value,
        None,
        found.grade.value if found.grade else None,
        found.id,
        "",
        currency=currency if concept.unit is Unit.CURRENCY else None,
        minimum_seconds=found.minimum_seconds if concept.by_seconds else None,
    )
    if missing or value is None:
        return replace(named, how=f"no figure: {missing or 'none was given'}; {_rule(found)}")
    figure, arithmetic = _computed(found, value, currency)
    changed_on, mixture = _mixture(
        registry,
        found,
        kind=kind,
        day=ruling_day(observed_at, period_days),
        published_on=ruling_day(published_at) if published_at else None,
        period_days=period_days,
    )
    estimate = " (the source calls it an estimate)" if state is State.ESTIMATED else ""
    grade = "; not comparable" if found.grade is Grade.NOT_COMPARABLE else ""
    return replace(
        named,
        value=figure,
        how=f"{arithmetic}{estimate}; {_rule(found)}{grade}{mixture}{_note(found)}",
        sum_group=_sum_group(found, currency),
        spans_break=changed_on,
    )


def _computed(definition: Definition, value: Decimal, currency: str | None) -> tuple[Decimal, str]:
    """The figure in the concept's unit, exact, and the arithmetic in words."""
    if definition.unit is Unit.CURRENCY:
        return value, f"{_digits(value)} {currency or 'in a currency that the source does not name'}, not converted"
    amount = _digits(value) if definition.unit is Unit.COUNT else f"{_digits(value)} {definition.unit}"
    factors = [factor for factor in (definition.conversion, definition.factor) if factor not in (None, Decimal(1))]
    if not factors:
        return value, f"{amount}, as reported"
    figure = value
    for factor in factors:
        figure = _product(figure, factor or Decimal(1))
    scaled = f" (factor {definition.factor}: {definition.factor_source})" if definition.factor else ""
    times = " × ".join(_digits(factor) for factor in factors if factor is not None)
    unit = f" {definition.concept.unit}" if definition.concept and definition.concept.unit is not Unit.COUNT else ""
    return figure, f"{amount} × {times} = {_digits(figure)}{unit}{scaled}"


def _product(value: Decimal, factor: Decimal) -> Decimal:
    """value × factor without rounding, and without the zeros that a decimal fraction leaves behind."""
    exact = Context(prec=len(value.as_tuple().digits) + len(factor.as_tuple().digits) + 1)
    product = exact.multiply(value, factor)
    if product == product.to_integral_value(context=exact):
        return product.to_integral_value(context=exact)
    return exact.normalize(product)


def _mixture(
    registry: Registry,
    definition: Definition,
    *,
    kind: str | None,
    day: date,
    published_on: date | None,
    period_days: int,
) -> tuple[date | None, str]:
    """The latest change of rule that the figure is known to span, and the words for it (also for a likely one)."""
    changes = [
        change
        for change in registry.breaks(definition.platform, definition.metric, kind)
        if change.date <= day and not change.comparable
    ]
    if not changes or (definition.measure is not Measure.COUNTER and not period_days):
        return None, ""
    if period_days:
        first = day - timedelta(days=period_days - 1)
        since = f"; its {period_days} days begin on {first}"
    elif published_on:
        first = published_on
        since = f"; published on {first}"
    else:
        return None, f"; if it was published before {changes[-1].date}, it also contains counts under an older rule"
    spanned = [change for change in changes if change.date > first]
    if not spanned:
        return None, ""
    older = " and ".join(
        f"until {change.date - timedelta(days=1)} under the older rule ({change.before.trigger})" for change in spanned
    )
    return spanned[-1].date, f"{since}, so it also contains counts {older}"


def _sum_group(definition: Definition, currency: str | None) -> str | None:
    concept = definition.concept
    if concept is None or not concept.additive or definition.grade is Grade.NOT_COMPARABLE:
        return None
    if concept.unit is Unit.CURRENCY:
        return f"{concept.name}/{currency}" if currency else None
    return f"{concept.name}/{definition.minimum_seconds} s" if concept.by_seconds else concept.name


def _why_missing(
    registry: Registry, platform: str, metric: str, kind: str | None, *, value: Decimal | None, state: State
) -> str | None:
    if state not in _WITH_VALUE:
        surface = surface_of(kind)
        known = (
            limit.rule
            for limit in registry.limits(platform=platform)
            if limit.state is state and limit.concerns(metric, surface)
        )
        limit = next(known, None)
        return f"{_MISSING[state]} ({limit})" if limit else _MISSING[state]
    if value is None:
        return "the source names it without a number"
    if not value.is_finite():
        return f"the source gave {value}, which is no number"
    return None


def _why_undefined(registry: Registry, platform: str, metric: str, kind: str | None, day: date) -> str:
    named = registry.named(platform=platform, metric=metric)
    surface = surface_of(kind)
    if not named:
        return f"no definition for {platform} {metric}"
    of_surface = [definition for definition in named if surface is None or definition.covers(surface)]
    if not of_surface:
        return f"no definition for {platform} {metric} of a {kind}"
    spans = "; ".join(f"{definition.id}{_dates(definition)}" for definition in of_surface)
    return f"no definition for {platform} {metric} on {day} ({spans})"


def _kept(missing: str | None) -> str:
    return f"no figure: {missing}" if missing else "kept as reported"


def _rule(definition: Definition) -> str:
    date_doubt = ""
    if definition.date_mark is not definition.mark and (definition.valid_from or definition.valid_to):
        date_doubt = _DATE_DOUBT.get(definition.date_mark, "")
    source = f"{definition.source.title}{_DOUBT.get(definition.mark, '')}"
    return f"rule: {definition.trigger} ({source}{_dates(definition)}{date_doubt})"


def _dates(definition: Definition) -> str:
    words = ""
    if definition.valid_from:
        words += f", from {definition.valid_from}"
    if definition.valid_to:
        words += f", until {definition.valid_to - timedelta(days=1)}"
    if definition.published_from:
        words += f", for items published from {definition.published_from}"
    if definition.published_to:
        words += f", for items published until {definition.published_to - timedelta(days=1)}"
    return words


def _note(definition: Definition) -> str:
    return f". {definition.note.rstrip('.')}" if definition.note else ""


def _digits(value: Decimal) -> str:
    return f"{value:,f}"
