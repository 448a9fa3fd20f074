"""`engagerr insight …`: what an analyst asks of the figures."""

from engagerr.cli.insights import audience, engagement, families, growth
from engagerr.cli.insights.noun import app

__all__ = ["app", "audience", "engagement", "families", "growth"]
