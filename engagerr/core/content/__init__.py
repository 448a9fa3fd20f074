"""Content items, the edges between them with their evidence, and the families that confirmed edges make."""

from engagerr.core.content.campaigns import Campaigns
from engagerr.core.content.content import Content, ItemRow, Suggestions
from engagerr.core.content.decisions import Decision
from engagerr.core.content.edges import EdgeRow
from engagerr.core.content.families import FamilyNode, FamilyRow, Numbers
from engagerr.core.content.items import find_item
from engagerr.core.content.links import OutgoingLink, outgoing_links
from engagerr.core.content.writing import draw_edge, lock_tree

__all__ = [
    "Campaigns",
    "Content",
    "Decision",
    "EdgeRow",
    "FamilyNode",
    "FamilyRow",
    "ItemRow",
    "Numbers",
    "OutgoingLink",
    "Suggestions",
    "draw_edge",
    "find_item",
    "lock_tree",
    "outgoing_links",
]
