"""Who is told of what happens, in this order."""

from __future__ import annotations

from engagerr.core.content.subscriber import MAPPING
from engagerr.core.events import Subscriber
from engagerr.core.metrics.subscriber import UNDEFINED_METRICS
from engagerr.core.ops.alerts import ALERTS

SUBSCRIBERS: tuple[Subscriber, ...] = (MAPPING, UNDEFINED_METRICS, ALERTS)
