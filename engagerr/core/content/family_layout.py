"""Where the cards of a family stand: each item's children in a column to its right, many leaves side by side.

Coordinates are pixels of the picture, from its upper left corner. Above each card but the root's hangs a tag that names
the edge; the tags of one row hang on one line, which comes from the parent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from uuid import UUID

from engagerr.core.content.family_graph import FamilyGraph, GraphEdge, GraphNode, by_date

MARGIN, HEAD, FOOT = 32, 104, 56
CARD_WIDTH, CARD_HEIGHT = 288, 92
TAG_HEIGHT = 20
_GAP_BELOW, _GAP_BESIDE, _GAP_TO_CHILDREN = 18, 22, 60
_MORE_HEIGHT = 30
# One column for so many leaves, two for so many, and so on: a picture that is neither a ribbon nor a band.
_MOST_IN_COLUMNS = (5, 12, 24)
_LEAST_WIDTH = 760


@dataclass(frozen=True, slots=True)
class Card:
    """One item; `asked` if it is not in the family and only suggested."""

    node: GraphNode
    x: int
    y: int
    asked: bool


@dataclass(frozen=True, slots=True)
class Tag:
    """What an edge is, above the card that it leads to. `upwards`: the card would be the parent."""

    edge: GraphEdge
    x: int
    y: int
    upwards: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A line between a parent and its children, as a path of SVG."""

    path: str
    asked: bool


@dataclass(frozen=True, slots=True)
class Rest:
    """How many items there are that had no room, where they would stand."""

    x: int
    y: int
    count: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything in its place. `crossing` are suggestions between two items that both have a card."""

    width: int
    height: int
    cards: tuple[Card, ...]
    tags: tuple[Tag, ...]
    lines: tuple[Line, ...]
    rests: tuple[Rest, ...]
    crossing: tuple[tuple[GraphEdge, Card, Card], ...]


def laid_out(graph: FamilyGraph) -> Layout:
    """Every item of the graph in its place. Takes time in proportion to the items."""
    board = _Board(graph)
    right, bottom = board.place(graph.root, MARGIN, HEAD - TAG_HEIGHT)
    width = max(right + MARGIN, _LEAST_WIDTH)
    at = {card.node.id: card for card in board.cards}
    crossing = tuple(
        (edge, at[edge.child_id], at[edge.parent_id])
        for edge in graph.edges
        if not edge.stands and edge.id not in board.hung
    )
    return Layout(
        width, bottom + FOOT, tuple(board.cards), tuple(board.tags), tuple(board.lines), tuple(board.rests), crossing
    )  # fmt: skip


@dataclass(slots=True)
class _Board:
    """What was placed so far."""

    graph: FamilyGraph
    cards: list[Card] = field(default_factory=list)
    tags: list[Tag] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    rests: list[Rest] = field(default_factory=list)
    hung: set[UUID] = field(default_factory=set)
    _children: dict[UUID, list[tuple[GraphNode, GraphEdge]]] = field(default_factory=dict)
    _asked: dict[UUID, list[tuple[GraphNode, GraphEdge]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        nodes = {node.id: node for node in self.graph.nodes}
        placed = {node.id for node in self.graph.nodes if node.family_id == self.graph.family_id}
        for edge in self.graph.edges:
            if edge.stands:
                self._children.setdefault(edge.parent_id, []).append((nodes[edge.child_id], edge))
        # The surest suggestion comes first: that is where the item gets its card.
        for edge in self.graph.edges:
            inner, outer = (
                (edge.parent_id, edge.child_id) if edge.parent_id in placed else (edge.child_id, edge.parent_id)
            )
            if not edge.stands and outer not in placed and inner in placed and outer not in self._carded(edge):
                self._asked.setdefault(inner, []).append((nodes[outer], edge))
                self.hung.add(edge.id)

    def _carded(self, edge: GraphEdge) -> set[UUID]:
        return {
            node.id for pairs in self._asked.values() for node, other in pairs if other.id != edge.id
        }  # fmt: skip

    def place(self, node: GraphNode, x: int, y: int, *, asked: bool = False) -> tuple[int, int]:
        """Put the card below its tag at (x, y) and all below it to its right; returns the right and lower ends."""
        self.cards.append(Card(node, x, y + TAG_HEIGHT, asked))
        right, bottom = x + CARD_WIDTH, y + TAG_HEIGHT + CARD_HEIGHT
        left = right + _GAP_TO_CHILDREN
        trunk = right + _GAP_TO_CHILDREN // 2
        rows: list[int] = []
        below = y
        for pairs in self._groups(node):
            ends, below, some = self._group(pairs, left, below, trunk)
            right, bottom = max(right, ends), max(bottom, below)
            rows += some
            below += _GAP_BELOW
        if node.left_out:
            self.rests.append(Rest(left, below, node.left_out))
            rows.append(below + _MORE_HEIGHT // 2)
            self.lines.append(Line(f"M{trunk} {rows[-1]}H{left}", asked=False))
            right, bottom = max(right, left + CARD_WIDTH), max(bottom, below + _MORE_HEIGHT)
        if rows:
            middle = y + TAG_HEIGHT + CARD_HEIGHT // 2
            self.lines.append(Line(f"M{x + CARD_WIDTH} {middle}H{trunk}", asked=False))
            self.lines.append(Line(f"M{trunk} {min(*rows, middle)}V{max(*rows, middle)}", asked=False))
        return self._place_asked(node, x, left, right, bottom)

    def _place_asked(self, node: GraphNode, x: int, left: int, right: int, bottom: int) -> tuple[int, int]:
        """Items that are only suggested, below the rest, on a dashed line from the lower edge of the card."""
        pairs = sorted(self._asked.get(node.id, ()), key=lambda pair: (-pair[1].confidence, by_date(pair[0])))
        if not pairs:
            return right, bottom
        trunk, card_bottom = x + 26, self._bottom_of(node)
        ends, lower, rows = self._group(pairs, left, bottom + _GAP_BELOW, trunk, asked=True)
        self.lines.append(Line(f"M{trunk} {card_bottom}V{max(rows)}", asked=True))
        return max(right, ends), lower

    def _bottom_of(self, node: GraphNode) -> int:
        return next(card.y for card in reversed(self.cards) if card.node.id == node.id) + CARD_HEIGHT

    def _groups(self, node: GraphNode) -> Iterator[Sequence[tuple[GraphNode, GraphEdge]]]:
        """The children by date: neighbours that have nothing below them together, the others each alone."""
        children = sorted(self._children.get(node.id, ()), key=lambda pair: by_date(pair[0]))
        for is_leaf, pairs in groupby(children, key=lambda pair: self._is_leaf(pair[0])):
            if is_leaf:
                yield list(pairs)
            else:
                yield from ([pair] for pair in pairs)

    def _is_leaf(self, node: GraphNode) -> bool:
        return not (self._children.get(node.id) or self._asked.get(node.id) or node.left_out)

    def _group(
        self,
        pairs: Sequence[tuple[GraphNode, GraphEdge]],
        left: int,
        top: int,
        trunk: int,
        *,
        asked: bool = False,
    ) -> tuple[int, int, list[int]]:
        """Place them in rows; returns the right and lower ends, and the heights at which the rows meet the trunk."""
        columns = 1 + sum(len(pairs) > most for most in _MOST_IN_COLUMNS)
        right, bottom, rows = left, top, []
        for at, (node, edge) in enumerate(pairs):
            column, row = at % columns, at // columns
            x = left + column * (CARD_WIDTH + _GAP_BESIDE)
            y = top + row * (TAG_HEIGHT + CARD_HEIGHT + _GAP_BELOW)
            line_at = y + TAG_HEIGHT // 2
            if column == 0:
                rows.append(line_at)
            self.lines.append(
                Line(f"M{trunk if column == 0 else x - CARD_WIDTH - _GAP_BESIDE} {line_at}H{x + 8}", asked=asked)
            )
            self.tags.append(Tag(edge, x, y, upwards=asked and edge.parent_id == node.id))
            ends, lower = self.place(node, x, y, asked=asked)
            right, bottom = max(right, ends), max(bottom, lower)
        return right, bottom, rows
