"""Who is told of what happens, in this order."""

from __future__ import annotations

from engagerr.core.content.subscriber import MAPPING
from engagerr.core.events import Subscriber
from engagerr.core.metrics.rollups import ROLLUPS
from engagerr.core.metrics.subscriber import UNDEFINED_METRICS
from engagerr.core.ops.alerts import ALERTS

# Within the import or the page itself.
AT_ONCE: tuple[Subscriber, ...] = (MAPPING, UNDEFINED_METRICS, ALERTS)
# Rollups follow later, by the job or before they are read: a large import is not held up by its sums.
SUBSCRIBERS: tuple[Subscriber, ...] = (*AT_ONCE, ROLLUPS)
