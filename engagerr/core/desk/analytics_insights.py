"""What is known beyond the figures of a time: growth, what stands out, best times, rank, forecast, each by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from engagerr.core.errors import EngagerrError

if TYPE_CHECKING:
    from engagerr.core.api import Workspace
    from engagerr.core.metrics.insights.benchmark import Benchmark
    from engagerr.core.metrics.insights.engagement import Engagement
    from engagerr.core.metrics.insights.forecast import Forecast
    from engagerr.core.metrics.insights.growth import Growth
    from engagerr.core.metrics.insights.timing import Best

Answer = TypeVar("Answer")
BEST_BY = ("weekday", "hour")
# What a next post is forecast of: platforms whose posts have counters.
_FORECAST = ("youtube", "instagram", "tiktok", "facebook", "x", "linkedin")


@dataclass(frozen=True, slots=True)
class InsightsRead:
    """What each insight answered; None where it was not asked (the whole roster) or failed (`failed` says how)."""

    growth: Growth | None
    best: tuple[Best, ...]
    benchmark: Benchmark | None
    forecasts: tuple[Forecast, ...]
    engagement: Engagement | None
    failed: tuple[str, ...]


def read_insights(work: Workspace, creator: str | None, platform: str | None = None) -> InsightsRead:
    """Everything that can be said of a creator, or of the whole roster. One that fails leaves the others."""
    failed: list[str] = []

    def asked(name: str, call: Callable[..., Answer], *args: Any, **options: Any) -> Answer | None:
        try:
            return call(*args, **options)
        except EngagerrError as error:
            failed.append(f"{name}: {error.message}")
            return None

    insights = work.insights
    best = tuple(
        found
        for by in BEST_BY
        if (found := asked(f"Best {by}", insights.best, creator, by=by, platform=platform)) is not None
    )
    engagement = asked("Engagement", insights.engagement, creator, platform=platform)
    if creator is None:
        return InsightsRead(None, best, None, (), engagement, tuple(failed))
    growth = asked("Growth", insights.growth, creator)
    benchmark = asked("Benchmark", insights.benchmark, creator, platform=platform)
    there = {subject.platform for subject in growth.subjects} if growth is not None else set()
    wanted = [name for name in _FORECAST if name in there and platform in (None, name)]
    tried = [asked(f"Forecast, {name}", insights.forecast, creator, platform=name) for name in wanted]
    forecasts = tuple(one for one in tried if one is not None)
    return InsightsRead(growth, best, benchmark, forecasts, engagement, tuple(failed))
