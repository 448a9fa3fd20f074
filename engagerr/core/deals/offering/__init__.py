"""What is offered in a deal: drafts, versions, counter-offers, and how far one goes."""
