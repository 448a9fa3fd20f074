"""What an analyst asks of the figures: each question a verb, each answer with n, interval and what is missing."""

from engagerr.core.metrics.insights.insights import Insights

__all__ = ["Insights"]
