"""`engagerr content …`: items, how they belong together, and the families that they form."""

from engagerr.cli.content import deciding, evaluating, items, picturing, review, suggesting
from engagerr.cli.content.noun import app

__all__ = ["app", "deciding", "evaluating", "items", "picturing", "review", "suggesting"]
