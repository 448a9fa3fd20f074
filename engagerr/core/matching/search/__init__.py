"""Finding creators: filters, the language in which they are written, free text, and searches that are kept."""

from engagerr.core.matching.search.searching import Found, FoundCreator, Query
from engagerr.core.matching.search.verbs import Search

__all__ = ["Found", "FoundCreator", "Query", "Search"]
