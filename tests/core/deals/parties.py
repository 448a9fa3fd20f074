"""Two sides of a deal for tests: an agency that keeps it, with creators and rates, and a brand that joins it."""

from __future__ import annotations

from typing import Any

from engagerr import Money, Workspace
from engagerr.core.deals.offering.drafting import Counter, LineEdit
from engagerr.core.deals.offering.offers import Proposal
from engagerr.core.deals.pipeline.deal_pages import DealPage
from engagerr.core.deals.pipeline.deals import NewDeal

TITLE = "Trail shoes, spring"
RATES = {"youtube_integration": 400_000, "instagram_story": 45_000}


def eur(minor: int) -> Money:
    """So many cents of a euro."""
    return Money(minor, "EUR")


def a_creator(work: Workspace, name: str = "Ann Lee", **rates: int) -> str:
    """A creator with a rate card in EUR."""
    work.roster.add(name, country="DE")
    for deliverable, minor in (rates or RATES).items():
        work.roster.set_rate(name, deliverable=deliverable, amount=eur(minor))
    return name


def a_deal(work: Workspace, title: str = TITLE, **changes: Any) -> DealPage:
    """An enquiry of Alpenpfad for whoever is named; nobody else is in it."""
    return work.deals.add(
        NewDeal(**{"title": title, "brand": "Alpenpfad", "brand_email": "mara@alpenpfad.example", **changes})
    )


def offered(work: Workspace, title: str = TITLE) -> Proposal:
    """The first version: the creators' rate cards."""
    work.proposals.draft(title)
    return work.proposals.send(title)


def countered(work: Workspace, minor: int, *, ref: str = "1", theirs: bool = False, title: str = TITLE) -> Proposal:
    """A version with another price of one line."""
    return work.proposals.counter(title, Counter({ref: LineEdit(price=eur(minor))}), theirs=theirs)


def joined(keeper: Workspace, other: Workspace, title: str = TITLE) -> DealPage:
    """The other workspace comes in by a code."""
    return other.deals.join(keeper.deals.share(title).code)
