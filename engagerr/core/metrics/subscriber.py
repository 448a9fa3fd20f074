"""The registry follows what lands: a figure whose name it does not define stands in no sum, and people should know."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from engagerr.core.events import Event, Subscriber, open_task
from engagerr.core.metrics.registry import Registry

if TYPE_CHECKING:
    from engagerr.core.db import Session


def _name_the_undefined(session: Session, tenant_id: UUID, events: Sequence[Event], now: datetime) -> int:
    registry = Registry.load()
    seen = {(event.detail["platform"], metric) for event in events for metric in event.detail["metrics"]}
    return sum(
        open_task(
            session,
            tenant_id=tenant_id,
            kind="metric.undefined",
            about=tenant_id,
            subject=f"{platform} {metric}",
            message=f"Figures of {platform} named {metric!r} have no definition: kept as reported, in no standard sum.",
            hint=f"`engagerr metric definitions --platform {platform}` shows the names that are defined.",
            now=now,
        )
        for platform, metric in sorted(seen)
        # A platform that the registry does not know at all was somebody's own choice of a word.
        if registry.definitions(platform=platform) and not registry.named(platform=platform, metric=metric)
    )


UNDEFINED_METRICS = Subscriber(
    "metrics",
    "opens a task for figures whose name has no definition",
    frozenset({"metrics.landed"}),
    _name_the_undefined,
)
