"""Lines of interchange files for tests, and the short way of bringing them into a workspace."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engagerr import Workspace
from engagerr.core.ingestion import ImportResult
from psycopg import sql
from tests.fakes.cluster import Connection

Line = dict[str, Any]

_files = itertools.count(1)
# Everything that an import may write. Partitions of observations are counted through their parent.
TABLES = (
    "creators", "accounts", "rates", "audience_shares", "content_items", "content_item_versions", "content_links",
    "content_edges", "content_decisions", "content_nodes", "metric_observations", "imports", "raw_payloads",
    "quarantined_rows", "audit_log", "audit_heads", "members", "tokens", "tenants", "representation_terms",
)  # fmt: skip


def an_item(name: str, *, creator: str | None = "Ann Lee", account: str | None = None, **fields: Any) -> Line:
    """An item line; `name` is platform:native_id, the account is the creator's first name on that platform."""
    platform, _, native_id = name.partition(":")
    handle = account or ("@" + (creator or "nobody").split()[0].lower())
    return {
        "type": "item", "platform": platform, "native_id": native_id, "account": handle,
        **({} if creator is None else {"creator": creator}), **fields,
    }  # fmt: skip


def a_figure(name: str, value: Any = None, at: str | None = None, **fields: Any) -> Line:
    """A metric of an item; without a value it has none."""
    figure: Line = {"name": name, **fields}
    if value is not None:
        figure["value"] = value
    if at is not None:
        figure["observed_at"] = at if "T" in at else f"{at}T00:00:00Z"
    return figure


def an_edge(child: str, parent: str, relation: str = "clip_of", **fields: Any) -> Line:
    """An edge line between two items that are named platform:native_id."""
    return {"type": "edge", "child": _pointer(child), "parent": _pointer(parent), "relation": relation, **fields}


def a_creator(name: str, **fields: Any) -> Line:
    """A creator line."""
    return {"type": "creator", "name": name, **fields}


def write_lines(path: Path, *lines: Line | str) -> Path:
    """Write one object a line; a string is written as it is."""
    text = "".join((line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8")
    return path


def bring(workspace: Workspace, folder: Path, *lines: Line | str, **options: Any) -> ImportResult:
    """Import these lines as a file of their own."""
    path = write_lines(folder / f"lines-{next(_files)}.jsonl", *lines)
    return workspace.ingestion.import_file(path, **options)


def exported(workspace: Workspace) -> bytes:
    """The whole workspace as interchange JSONL."""
    target = io.BytesIO()
    workspace.ingestion.export_jsonl(target)
    return target.getvalue()


def exported_lines(workspace: Workspace) -> list[Line]:
    """The same, line by line as objects."""
    return [json.loads(line) for line in exported(workspace).splitlines()]


def row_counts(superuser: Connection, tables: Iterable[str] = TABLES) -> dict[str, int]:
    """How many rows every table holds, of all tenants."""
    counts = {}
    for table in tables:
        found = superuser.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
        assert found is not None
        counts[table] = int(found[0])
    return counts


def contents(superuser: Connection, tables: Iterable[str] = TABLES) -> dict[str, list[str]]:
    """Every row of every table as text: whether anything at all was changed."""
    return {
        table: sorted(
            str(row[0])
            for row in superuser.execute(
                sql.SQL("SELECT to_jsonb(content)::text FROM {} AS content").format(sql.Identifier(table))
            )
        )
        for table in tables
    }


def _pointer(name: str) -> Line:
    platform, _, native_id = name.partition(":")
    return {"platform": platform, "native_id": native_id}
