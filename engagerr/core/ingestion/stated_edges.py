"""Edges that a file states outright: written as they are said, unless they clash with what stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from engagerr.core.content.writing import draw_edge, stated_claim
from engagerr.core.db import constraint_of
from engagerr.core.integrations.records import EdgeRecord, Rejection

if TYPE_CHECKING:
    from engagerr.core.db import Session

_REASONS = {
    "content_edges_one_parent": ("the child hangs on another parent already", "An item has one parent: choose one."),
    "content_edges_no_cycle": ("the parent already hangs below the child", "Swap child and parent, or leave it out."),
    "content_edges_not_itself_check": ("an item cannot hang on itself", "Name two different items."),
}


def land_edges(
    session: Session, *, tenant_id: UUID, edges: Sequence[EdgeRecord], file_name: str
) -> tuple[int, list[Rejection]]:
    """Write the edges; returns how many were new or changed, and the lines that could not be used."""
    if not edges:
        return 0, []
    ids = _item_ids(session, tenant_id, {end for edge in edges for end in (edge.child, edge.parent)})
    standing = {
        (row.child_id, row.parent_id, row.relation): row
        for row in session.execute(
            text(
                # What was taken back is as if it had not been decided: each undoing takes back one decision.
                "SELECT child_id, parent_id, relation, state,"
                " (SELECT count(*) FILTER (WHERE undoes IS NULL) > count(*) FILTER (WHERE undoes IS NOT NULL)"
                "  FROM content_decisions AS decision"
                "  WHERE decision.tenant_id = edge.tenant_id AND decision.edge_id = edge.id) AS decided"
                " FROM content_edges AS edge WHERE tenant_id = :tenant_id AND child_id = ANY (CAST(:ids AS uuid[]))"
            ),
            {"tenant_id": tenant_id, "ids": [str(item_id) for item_id in ids.values()]},
        )
    }
    states = {key: row.state for key, row in standing.items()}
    landed, bad = 0, []
    for edge in edges:
        missing = next((end for end in (edge.child, edge.parent) if end not in ids), None)
        if missing is not None:
            name = f"{missing[0]}:{missing[1]}"
            column = "child" if missing == edge.child else "parent"
            bad.append(Rejection(edge.row, column, name, f"there is no item {name}", "Import the item first."))
            continue
        key = (ids[edge.child], ids[edge.parent], edge.relation)
        stands = states.get(key)
        if stands == edge.state or (stands is not None and edge.state == "suggested"):
            continue
        if stands in {"confirmed", "rejected"} or (key in standing and standing[key].decided):
            bad.append(
                Rejection(
                    edge.row, "state", edge.state, f"this edge was decided here: it is {stands}",
                    "A file does not overrule a person: use content confirm, reject or undo.",
                )
            )  # fmt: skip
            continue
        claim = stated_claim(*key, kind="file", detail=f"stated in {file_name}, line {edge.row}")
        try:
            with session.begin_nested():
                draw_edge(session, tenant_id=tenant_id, claim=claim, state=edge.state)
        except IntegrityError as error:
            reason, fix = _REASONS.get(constraint_of(error) or "", ("the database refused it", "Check both items."))
            bad.append(Rejection(edge.row, "child", f"{edge.child[0]}:{edge.child[1]}", reason, fix))
            continue
        states[key] = edge.state
        landed += 1
    return landed, bad


def _item_ids(session: Session, tenant_id: UUID, names: set[tuple[str, str]]) -> dict[tuple[str, str], UUID]:
    ordered = sorted(names)
    rows = session.execute(
        text(
            "SELECT platform, native_id, id FROM content_items JOIN"
            " unnest(CAST(:platforms AS text[]), CAST(:native_ids AS text[])) AS wanted (platform, native_id)"
            " USING (platform, native_id) WHERE tenant_id = :tenant_id"
        ),
        {
            "tenant_id": tenant_id,
            "platforms": [platform for platform, _ in ordered],
            "native_ids": [native_id for _, native_id in ordered],
        },
    )
    return {(row.platform, row.native_id): row.id for row in rows}
