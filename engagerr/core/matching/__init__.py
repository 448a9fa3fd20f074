"""Briefs, search, scoring, explanations, shortlists, and the marketplace."""
