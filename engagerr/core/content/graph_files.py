"""Graphs of families as files for other programs: JSON in networkx's node-link form, and GraphML."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from engagerr.core.content.family_graph import FamilyGraph, GraphEdge, GraphNode

Attributes = dict[str, Any]


def to_json(*graphs: FamilyGraph) -> bytes:
    """All graphs as one JSON document that `networkx.node_link_graph(document, edges="edges")` reads.

    `nodes` have an `id` (platform:native_id is in `name`), `edges` lead from child (`source`) to parent (`target`).
    What is not known is null; the evidence is a list. The same graphs give the same bytes.
    """
    import msgspec

    nodes, edges = _together(graphs)
    document = {
        "directed": True,
        "multigraph": True,
        "graph": {"made_by": "engagerr", "format": 1, **_counts(graphs)},
        "nodes": [_node(node) for node in nodes],
        "edges": [_edge(edge) | {"evidence": [_piece(piece) for piece in edge.evidence]} for edge in edges],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def to_graphml(*graphs: FamilyGraph) -> bytes:
    """All graphs as one GraphML document, for Gephi, yEd, Cytoscape or `networkx.read_graphml`.

    Edges lead from child to parent. What is not known has no `<data>`. `evidence` is in words, a line a piece;
    `evidence_json` holds the pieces with their weights. Letters that XML cannot hold are shown as �. The same graphs
    give the same bytes.
    """
    import msgspec
    import networkx

    nodes, edges = _together(graphs)
    graph = networkx.MultiDiGraph(made_by="engagerr", **_counts(graphs))
    for node in nodes:
        known = _present(_node(node))
        graph.add_node(known.pop("id"), **known)
    for edge in edges:
        pieces = [_piece(piece) for piece in edge.evidence]
        words = "\n".join(piece["detail"] for piece in pieces)
        known = _present(_edge(edge)) | {
            "evidence": _xml(words),
            "evidence_json": _xml(msgspec.json.encode(pieces).decode()),
        }
        graph.add_edge(known.pop("source"), known.pop("target"), **known)
    target = io.BytesIO()
    # The plain writer: the one with lxml would be taken where that happens to be installed, and lays out differently.
    networkx.write_graphml_xml(graph, target, named_key_ids=True, edge_id_from_attribute="id")
    return target.getvalue() + b"\n"


def _together(graphs: Iterable[FamilyGraph]) -> tuple[list[GraphNode], list[GraphEdge]]:
    """Each item and edge once; an item as its own family shows it, where that is among the graphs."""
    nodes: dict[UUID, GraphNode] = {}
    edges: dict[UUID, GraphEdge] = {}
    for graph in graphs:
        for node in graph.nodes:
            if node.id not in nodes or node.family_id == graph.family_id:
                nodes[node.id] = node
        edges |= {edge.id: edge for edge in graph.edges}
    return list(nodes.values()), list(edges.values())


def _counts(graphs: Iterable[FamilyGraph]) -> Attributes:
    graphs = tuple(graphs)
    return {
        "families": len(graphs),
        "items_left_out": sum(graph.more for graph in graphs),
        "suggestions_left_out": sum(graph.more_suggested for graph in graphs),
    }


def _node(node: GraphNode) -> Attributes:
    audience = node.audience
    return {
        "id": str(node.id),
        "name": f"{node.platform}:{node.native_id}",
        "family_id": str(node.family_id),
        "depth": node.depth,
        "platform": node.platform,
        "native_id": node.native_id,
        "account": node.account,
        "kind": node.kind,
        "title": node.title,
        "opening": node.opening,
        "url": node.url,
        "published_at": _moment(node.published_at),
        "duration_seconds": None if node.duration_seconds is None else float(node.duration_seconds),
        "audience": _count(audience.value),
        "audience_state": audience.state,
        "audience_concept": audience.concept,
        "audience_group": audience.group,
        "audience_metric": audience.metric,
        "audience_observed_at": _moment(audience.observed_at),
        "audience_spans_break": None if audience.concept is None else audience.spans_break,
        "items_left_out_below": node.left_out or None,
    }


def _edge(edge: GraphEdge) -> Attributes:
    return {
        "source": str(edge.child_id),
        "target": str(edge.parent_id),
        "key": str(edge.id),
        "id": str(edge.id),
        "relation": edge.relation,
        "confidence": float(edge.confidence),
        "state": edge.state,
    }


def _piece(piece: Any) -> Attributes:
    return {"kind": piece.kind, "detail": piece.detail, "weight": piece.weight}


def _present(attributes: Mapping[str, Any]) -> Attributes:
    known = {name: value for name, value in attributes.items() if value is not None}
    return {name: _xml(value) if isinstance(value, str) else value for name, value in known.items()}


def _count(value: Decimal | None) -> int | float | None:
    """A count as a whole number, which it nearly always is."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _xml(words: str) -> str:
    """The words without what XML 1.0 cannot hold (https://www.w3.org/TR/xml/#charsets)."""
    return "".join("\ufffd" if _is_not_xml(mark) else mark for mark in words)


def _is_not_xml(mark: str) -> bool:
    if mark in "\t\n\r":
        return False
    code = ord(mark)
    return code < 0x20 or unicodedata.category(mark) == "Cs" or code in (0xFFFE, 0xFFFF)
