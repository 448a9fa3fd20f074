"""Partnerships: deals from enquiry to paid, what is offered in them, what is agreed, made and checked."""

from engagerr.core.deals.offering.offers import accepted_proposal
from engagerr.core.deals.pipeline.stages import advance, deal_money_changed
from engagerr.core.deals.pipeline.visibility import DealRow, Side, find_deal

__all__ = ["DealRow", "Side", "accepted_proposal", "advance", "deal_money_changed", "find_deal"]
