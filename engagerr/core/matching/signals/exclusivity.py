"""Competitive exclusivity: promises to competitors that come near the campaign. One that forbids it excludes before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from engagerr.core.matching.signals.signal import Asked, Reading, Shown, SignalKind, known

if TYPE_CHECKING:
    from engagerr.core.matching.signals.signal import Columns, Values

# Contracts slip: within so many days before the campaign, a promise to a competitor is a risk.
_NEAR_DAYS = 60


def _reads(asked: Asked) -> Reading:
    """Days between the end of the last promise to a competitor and the campaign; empty where there is none near."""
    start, _ = asked.window
    days = """
      (SELECT min(%(campaign_from)s::date - upper(promise.during)) FROM creator_exclusivities AS promise
       WHERE promise.tenant_id = profile.tenant_id AND promise.creator_id = profile.creator_id
         AND promise.category = %(category)s AND upper(promise.during) > %(near_from)s
         AND upper(promise.during) <= %(campaign_from)s
         AND (promise.countries = '{}' OR %(near_countries)s::text[] = '{}'
              OR promise.countries && %(near_countries)s::text[])
         AND (promise.brand IS NULL OR lower(promise.brand) <> lower(%(own_brand)s)))::float8
    """
    brief = asked.brief
    # Of a stranger nobody has written down what they promised: that none is noted says nothing.
    noted = "(profile.represented OR profile.exclusivities <> '[]')::int::float8"
    return Reading(
        {"days_free": days, "promises_noted": noted},
        {
            "campaign_from": start,
            "near_from": start - timedelta(days=_NEAR_DAYS),
            "near_countries": list(brief.countries),
            "category": asked.category,
            "own_brand": brief.brand or "",
        },
    )


def _values(_: Asked, columns: Columns) -> Values:
    import numpy as np

    near = columns["days_free"]
    free = np.where(columns["promises_noted"] > 0, 1.0, np.nan)
    return np.where(np.isnan(near), free, 0.3 + 0.7 * np.clip(np.nan_to_num(near) / _NEAR_DAYS, 0, 1))


def _shows(asked: Asked, row: Mapping[str, Any]) -> tuple[Shown, ...]:
    ref = f"creator_exclusivities?creator={row['creator_id']}"
    if known(row.get("days_free")):
        detail = f"a promise in {asked.brief.category} ends {row['days_free']:.0f} days before the campaign"
        return (Shown("exclusivity", ref, detail),)
    if not row.get("promises_noted"):
        return ()
    return (Shown("exclusivity", ref, f"no promise to a competitor in {asked.brief.category} is noted"),)


EXCLUSIVITY = SignalKind(
    name="exclusivity",
    meaning="no promise to a competitor comes near the campaign",
    weight=0.05,
    applies=lambda asked: bool(asked.brief.category),
    reads=_reads,
    values=_values,
    shows=_shows,
)
