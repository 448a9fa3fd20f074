"""Structured logs with one correlation id from a command to the rows it writes. Never called "metrics" here."""

from engagerr.core.telemetry.logs import configure_logs, correlation_id, log, new_correlation

__all__ = ["configure_logs", "correlation_id", "log", "new_correlation"]
