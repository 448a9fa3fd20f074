"""The signals of a match, one file each: what it reads of a creator, what value it gives, and what shows it."""

from collections.abc import Mapping

from engagerr.core.matching.signals.audience_fit import AUDIENCE_FIT
from engagerr.core.matching.signals.brand_history import BRAND_HISTORY
from engagerr.core.matching.signals.brand_safety import BRAND_SAFETY
from engagerr.core.matching.signals.exclusivity import EXCLUSIVITY
from engagerr.core.matching.signals.expected_performance import EXPECTED_PERFORMANCE
from engagerr.core.matching.signals.price_fit import PRICE_FIT
from engagerr.core.matching.signals.reliability import RELIABILITY
from engagerr.core.matching.signals.signal import Asked, Shown, SignalKind
from engagerr.core.matching.signals.topic_fit import TOPIC_FIT

SIGNALS = (
    TOPIC_FIT, AUDIENCE_FIT, EXPECTED_PERFORMANCE, PRICE_FIT, RELIABILITY, BRAND_SAFETY, BRAND_HISTORY, EXCLUSIVITY,
)  # fmt: skip
STATED_WEIGHTS: Mapping[str, float] = {signal.name: signal.weight for signal in SIGNALS}

__all__ = ["SIGNALS", "STATED_WEIGHTS", "Asked", "Shown", "SignalKind"]
