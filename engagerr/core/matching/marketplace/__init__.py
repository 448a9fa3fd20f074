"""The marketplace: listings and briefs that workspaces show each other, and what they send about them."""

from engagerr.core.matching.marketplace.marketplace import Marketplace

__all__ = ["Marketplace"]
