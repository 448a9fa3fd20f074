"""History with the brand: what came of its earlier briefs, and whether the creator worked for it before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engagerr.core.matching.signals.signal import Asked, Reading, Shown, SignalKind, known, profile_row

if TYPE_CHECKING:
    from engagerr.core.matching.signals.signal import Columns, Values

# Nothing between them is neither for nor against: it is known that there is no history.
_NONE, _WORKED_BEFORE = 0.5, 0.9


def _reads(asked: Asked) -> Reading:
    worked = "(SELECT bool_or(lower(brand) = lower(%(brand)s)) FROM unnest(profile.brands) AS brand)::int::float8"
    return Reading({"worked_before": f"coalesce({worked}, 0)"}, {"brand": asked.brief.brand})


def _values(asked: Asked, columns: Columns) -> Values:
    import numpy as np

    values = np.where(columns["worked_before"] > 0, _WORKED_BEFORE, _NONE)
    for place, creator_id in enumerate(columns["creator_id"]):
        if (outcomes := asked.history.get(creator_id)) is not None:
            won, lost = outcomes
            # As if one deal had been won and one lost before: a single outcome does not settle it.
            values[place] = max((won + 1) / (won + lost + 2), values[place] if won else 0)
    return values


def _shows(asked: Asked, row: Mapping[str, Any]) -> tuple[Shown, ...]:
    found = []
    if outcomes := asked.history.get(row["creator_id"]):
        won, lost = outcomes
        detail = f"{won} won and {lost} lost with {asked.brief.brand}"
        found.append(Shown("outcome", f"match_outcomes?creator={row['creator_id']}", detail))
    if known(row.get("worked_before")) and row["worked_before"]:
        found.append(Shown("sponsorship", profile_row(row, "brands"), f"pieces for {asked.brief.brand} before"))
    if not found:
        found.append(Shown("sponsorship", profile_row(row, "brands"), f"nothing with {asked.brief.brand} before"))
    return tuple(found)


BRAND_HISTORY = SignalKind(
    name="brand_history",
    meaning="what came of earlier work with the brand",
    weight=0.05,
    applies=lambda asked: bool(asked.brief.brand),
    reads=_reads,
    values=_values,
    shows=_shows,
)
