"""The row of an import: a file, a page of a platform, or a replay of either, with what it brought."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.telemetry import correlation_id

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.tenancy import Access


@dataclass(frozen=True, slots=True)
class PageOf:
    """What a page has and a file has not."""

    account_id: UUID
    connector: str
    stream: str
    run_id: UUID


def write_import(
    session: Session,
    access: Access,
    *,
    import_id: UUID,
    sha256: str,
    file_name: str,
    size_bytes: int,
    format: str,
    counts: Mapping[str, int],
    observed_at: datetime,
    options: Mapping[str, Any] | None = None,
    page: PageOf | None = None,
) -> None:
    """Write the row. `counts` are rows, items_new, items_updated, observations_new, quarantined; `options` what the
    user said of a file. The same bytes again are the next attempt at them."""
    session.execute(
        text(
            "INSERT INTO imports (tenant_id, id, sha256, file_name, size_bytes, format, options, counts, observed_at,"
            " imported_at, member_id, correlation_id, attempt, account_id, connector, stream, run_id)"
            " VALUES (:tenant_id, :id, :sha256, :file_name, :size_bytes, :format, CAST(:options AS jsonb),"
            " CAST(:counts AS jsonb), :observed_at, :imported_at, :member_id, :correlation_id,"
            " (SELECT count(*) FROM imports WHERE tenant_id = :tenant_id AND sha256 = :sha256),"
            " :account_id, :connector, :stream, :run_id)"
        ),
        {
            "tenant_id": access.tenant.id, "id": import_id, "sha256": sha256, "size_bytes": size_bytes,
            # A name that is no UTF-8, as a file system may have it.
            "file_name": file_name.encode("utf-8", "replace").decode(), "format": format,
            "options": json.dumps(options or {}), "counts": json.dumps(counts), "observed_at": observed_at,
            "imported_at": access.clock.now(), "member_id": access.member.id, "correlation_id": correlation_id(),
            "account_id": page and page.account_id, "connector": page and page.connector,
            "stream": page and page.stream, "run_id": page and page.run_id,
        },
    )  # fmt: skip
