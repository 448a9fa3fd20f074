"""Price fit: whether the budget pays for what is to be delivered, at the creator's own rates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engagerr.core.matching.signals.signal import Asked, Reading, Shown, SignalKind, known, profile_row
from engagerr.core.money import Money

if TYPE_CHECKING:
    from engagerr.core.matching.signals.signal import Columns, Values


def _rates(asked: Asked) -> list[str]:
    """The creator's own rate for each deliverable; NULL if unknown."""
    return [
        f"(profile.rates #>> ARRAY[%(deliverable_{place})s, %(currency)s])::float8"
        for place in range(len(asked.brief.deliverables))
    ]


def least_price_sql(asked: Asked) -> str:
    """What those deliverables cost whose rates are known: the whole costs no less. For briefs that have a price."""
    return " + ".join(f"coalesce({rate}, 0)" for rate in _rates(asked))


def price_sql(asked: Asked) -> Reading:
    """`price`: what all deliverables of the brief cost together, in its currency's minor units; NULL if unknown.

    Other currencies are not converted: a rate without a quote of its exchange is not known here.
    """
    brief = asked.brief
    if brief.budget is None or not brief.deliverables:
        return Reading()
    parameters = {f"deliverable_{place}": word for place, word in enumerate(brief.deliverables)}
    return Reading({"price": " + ".join(_rates(asked))}, parameters | {"currency": brief.budget.currency})


def _values(asked: Asked, columns: Columns) -> Values:
    """1 up to half the budget, then falling to 0.6 at the whole of it, and to 0 at double."""
    import numpy as np

    assert asked.brief.budget is not None
    return np.asarray(np.interp(columns["price"] / max(asked.brief.budget.minor, 1), [0.5, 1.0, 2.0], [1.0, 0.6, 0.0]))


def _shows(asked: Asked, row: Mapping[str, Any]) -> tuple[Shown, ...]:
    budget = asked.brief.budget
    if budget is None or not known(row.get("price")):
        return ()
    price = Money(round(row["price"]), budget.currency)
    detail = f"{', '.join(asked.brief.deliverables)}: {price} by the rate card, of a budget of {budget}"
    return (Shown("rate", profile_row(row, "rates"), detail),)


PRICE_FIT = SignalKind(
    name="price_fit",
    meaning="the budget pays for the deliverables at the creator's rates",
    weight=0.10,
    applies=lambda asked: asked.brief.budget is not None and bool(asked.brief.deliverables),
    reads=price_sql,
    values=_values,
    shows=_shows,
    figure="rates",
)
