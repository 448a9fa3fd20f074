"""Running it: is all well, and if not, what is it and what to do."""

from engagerr.core.ops.health import Check, Health, HealthReport

__all__ = ["Check", "Health", "HealthReport"]
