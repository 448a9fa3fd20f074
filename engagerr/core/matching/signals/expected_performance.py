"""Expected performance: where views, engagement and growth stand among those who were considered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engagerr.core.matching.signals.signal import Asked, Reading, Shown, SignalKind, always, known, profile_row, ranks

if TYPE_CHECKING:
    from engagerr.core.matching.signals.signal import Columns, Values

# Of the value, by what is known; the rest shares what is missing.
_PARTS = {"expected_views": 0.6, "engagement": 0.3, "growth": 0.1}
_SAID = {
    "expected_views": ("median_views", "a piece has {:,.0f} views (median of 90 days)"),
    "engagement": ("engagement_by_followers", "an engagement rate of {:.2%}"),
    "growth": ("growth_90d", "followers changed by {:+.1%} in 90 days"),
}


def _reads(asked: Asked) -> Reading:
    platforms = list(asked.brief.platforms)
    views = "profile.median_views::float8"
    if platforms:
        # On the platforms of the brief, the one where the creator's pieces are seen most; else what is known at all.
        on_them = ", ".join(
            f"(profile.by_platform #>> ARRAY[%(platform_{place})s, 'median_views'])::float8"
            for place in range(len(platforms))
        )
        views = f"coalesce(greatest({on_them}), {views})"
    return Reading(
        {
            "expected_views": views,
            "engagement": "coalesce(profile.engagement_by_followers, profile.engagement_by_views)",
            "growth": "profile.growth_90d",
        },
        {f"platform_{place}": platform for place, platform in enumerate(platforms)},
    )


def _values(_: Asked, columns: Columns) -> Values:
    import numpy as np

    parts = np.array([ranks(columns[name]) for name in _PARTS])
    weights = np.where(np.isnan(parts), 0.0, np.array(list(_PARTS.values()))[:, None])
    total = weights.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, (np.nan_to_num(parts) * weights).sum(axis=0) / total, np.nan)


def _shows(_: Asked, row: Mapping[str, Any]) -> tuple[Shown, ...]:
    return tuple(
        Shown("figure", profile_row(row, column), said.format(row[name]))
        for name, (column, said) in _SAID.items()
        if known(row.get(name))
    )


EXPECTED_PERFORMANCE = SignalKind(
    name="expected_performance",
    meaning="views, engagement and growth, against the others who were considered",
    weight=0.15,
    applies=always,
    reads=_reads,
    values=_values,
    shows=_shows,
    figure="median_views",
)
