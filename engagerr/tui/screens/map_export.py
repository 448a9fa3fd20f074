"""What the content map writes to a file: its rows as a table, or one family as a picture, a page or a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.tui.widgets.family_rows import MapRow

_FORMS = (".csv", ".json", ".svg", ".html", ".png", ".graphml")


def known_form(path: str) -> str | None:
    """What is wrong with a path to export to; None where it is known what to write there."""
    if not path.strip():
        return "Name a file."
    known = path.strip().lower().endswith(_FORMS)
    return None if known else f"It ends in {', '.join(_FORMS[:-1])} or {_FORMS[-1]}."


def family_file(work: Workspace, family: UUID, path: str) -> str | bytes | None:
    """One family as a picture, a page or a graph, as the path ends; None where the list is meant."""
    form = path.lower().rpartition(".")[2]
    if form in ("csv", "json"):
        return None
    from engagerr.core.content.family_picture import MOST_DRAWN, to_html, to_svg

    if form == "graphml":
        from engagerr.core.content.graph_files import to_graphml

        return to_graphml(work.content.graph(str(family)))
    graph = work.content.graph(str(family), limit=MOST_DRAWN)
    if form == "png":
        from engagerr.core.content.family_png import to_png

        return to_png(graph)
    return to_svg(graph) if form == "svg" else to_html(graph)


def export_row(row: MapRow, totals: Any) -> dict[str, Any]:
    """A row as it is written to a file: what is missing is empty, with the word for why beside it."""
    from engagerr.core.desk.families_page import headline_total

    head, piece = row.head, row.piece
    own: dict[str, Any] = {"row": row.kind, "family": str(head.id), "creator": head.creator}
    item = piece or head
    own |= {
        "item": f"{item.platform}:{item.native_id}", "title": item.title, "account": item.account, "kind": item.kind,
        "url": item.url, "published_at": item.published_at.isoformat() if item.published_at else None,
        "duration_seconds": None if item.duration_seconds is None else float(item.duration_seconds),
    }  # fmt: skip
    if piece is None:
        first = headline_total(totals) if totals else None
        read = "not_read" if totals is None else "not_imported"
        own |= {
            "items": head.items, "waiting": head.waiting,
            "concept": first.concept if first else None,
            "value": float(first.value) if first and first.value is not None else None,
            "state": first.state if first else read, "group": first.group if first else None,
            "spans_break": first.spans_break if first else None,
        }  # fmt: skip
        return own
    seen = piece.audience
    return own | {
        "concept": seen.concept, "value": None if seen.value is None else float(seen.value), "state": seen.state,
        "group": seen.group, "spans_break": seen.spans_break, "relation": piece.relation, "link": piece.state,
        "confidence": None if piece.confidence is None else float(piece.confidence),
    }  # fmt: skip
