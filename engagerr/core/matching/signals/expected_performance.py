"""Expected performance: where views, engagement and growth stand among those who were considered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engagerr.core.matching.signals.signal import Asked, Reading, Shown, SignalKind, always, known, profile_row, ranks

if TYPE_CHECKING:
    from engagerr.core.matching.signals.signal import Columns, Values

# Of the value, by what is known; the rest shares what is missing, and without views too little is known.
_PARTS = {"expected_views": 0.6, "engagement": 0.3, "growth": 0.1}
_LEAST_KNOWN = 0.5
_SAID = {
    "expected_views": ("median_views", "a piece has {:,.0f} views (median of 90 days)"),
    "engagement_by_followers": ("engagement_by_followers", "an engagement rate of {:.2%} by followers"),
    "engagement_by_views": ("engagement_by_views", "an engagement rate of {:.2%} by views"),
    "growth": ("growth_90d", "followers changed by {:+.1%} in 90 days"),
}


def _reads(asked: Asked) -> Reading:
    platforms = list(asked.brief.platforms)
    views = "profile.median_views::float8"
    if platforms:
        # On the platforms of the brief, the one where the creator's pieces are seen most: plays elsewhere, by another
        # rule of counting, say nothing of views here.
        on_them = ", ".join(
            f"(profile.by_platform #>> ARRAY[%(platform_{place})s, 'median_views'])::float8"
            for place in range(len(platforms))
        )
        views = f"greatest({on_them})"
    return Reading(
        {
            "expected_views": views,
            "engagement_by_followers": "profile.engagement_by_followers",
            "engagement_by_views": "profile.engagement_by_views",
            "growth": "profile.growth_90d",
        },
        {f"platform_{place}": platform for place, platform in enumerate(platforms)},
    )


def _values(_: Asked, columns: Columns) -> Values:
    import numpy as np

    # Each formula among its own: a rate by views is larger than one by followers, whoever has it.
    by_followers, by_views = (ranks(columns[f"engagement_by_{base}"]) for base in ("followers", "views"))
    engagement = np.where(np.isnan(by_followers), by_views, by_followers)
    parts = np.array([ranks(columns["expected_views"]), engagement, ranks(columns["growth"])])
    weights = np.where(np.isnan(parts), 0.0, np.array(list(_PARTS.values()))[:, None])
    total = weights.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > _LEAST_KNOWN, (np.nan_to_num(parts) * weights).sum(axis=0) / total, np.nan)


def _shows(asked: Asked, row: Mapping[str, Any]) -> tuple[Shown, ...]:
    found = []
    for name, (column, said) in _SAID.items():
        if known(row.get(name)) and not (name == "engagement_by_views" and known(row.get("engagement_by_followers"))):
            where = "by_platform" if name == "expected_views" and asked.brief.platforms else column
            found.append(Shown("figure", profile_row(row, where), said.format(row[name])))
    return tuple(found)


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
