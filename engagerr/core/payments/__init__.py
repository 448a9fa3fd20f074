"""Money: the ledger, holds and what moves them, the payment provider, billing, and the check that all of it agrees."""

from engagerr.core.payments.payments import Payments

__all__ = ["Payments"]
