"""`engagerr payment …`: held money, the books, the provider, the sandbox, and the check that all of it agrees."""

from engagerr.cli.payment import books, money, moves, provider, reconciling, sandbox
from engagerr.cli.payment.noun import app

__all__ = ["app", "books", "money", "moves", "provider", "reconciling", "sandbox"]
