"""Reliability: whether the creator publishes steadily and has done so lately."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engagerr.core.matching.signals.signal import Asked, Reading, Shown, SignalKind, always, known, profile_row

if TYPE_CHECKING:
    from engagerr.core.matching.signals.signal import Columns, Values

# A piece a week is steady; after half a year of silence nothing can be relied upon.
_STEADY_POSTS_90D = 12
_FRESH_DAYS, _SILENT_DAYS = 30, 180


def _reads(asked: Asked) -> Reading:
    return Reading(
        {
            "posts_90d": "profile.posts_90d::float8",
            # Whole days: asked twice on one day, a brief has one answer.
            "silent_days": "(%(today)s::date - (profile.last_published_at AT TIME ZONE 'UTC')::date)::float8",
        },
        {"today": asked.today},
    )


def _values(_: Asked, columns: Columns) -> Values:
    import numpy as np

    steady = np.clip(columns["posts_90d"] / _STEADY_POSTS_90D, 0, 1)
    fresh = np.interp(columns["silent_days"], [_FRESH_DAYS, _SILENT_DAYS], [1.0, 0.0])
    fresh = np.where(np.isnan(columns["silent_days"]), np.nan, fresh)
    return np.asarray(0.5 * steady + 0.5 * fresh)


def _shows(_: Asked, row: Mapping[str, Any]) -> tuple[Shown, ...]:
    found = []
    if known(row.get("posts_90d")):
        found.append(Shown("cadence", profile_row(row, "posts_90d"), f"{row['posts_90d']:.0f} pieces in 90 days"))
    if known(row.get("silent_days")):
        days = max(round(row["silent_days"]), 0)
        detail = f"published last {days} day{'' if days == 1 else 's'} ago"
        found.append(Shown("cadence", profile_row(row, "last_published_at"), detail))
    return tuple(found)


RELIABILITY = SignalKind(
    name="reliability",
    meaning="publishes steadily, and did so lately",
    weight=0.05,
    applies=always,
    reads=_reads,
    values=_values,
    shows=_shows,
    figure="posts_90d",
)
