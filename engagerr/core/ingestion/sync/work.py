"""What all workers of a run share, what each is to do, and the small steps with which they write it down."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import EngagerrError
from engagerr.core.events import emit
from engagerr.core.ingestion.sync.checkpoints import Checkpoint, read_checkpoint
from engagerr.core.ingestion.sync.pages import ConnectedAccount
from engagerr.core.ingestion.sync.reports import StreamResult, StreamState, SyncProgress
from engagerr.core.integrations.connector import Connector, Stream
from engagerr.core.integrations.grants import GrantBook
from engagerr.core.integrations.redaction import redacted
from engagerr.core.tenancy import Access

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.integrations.http import PlatformHttp


@dataclass(frozen=True, slots=True)
class Work:
    """An account, its connector and the streams to be synced; `since` where the user asked for a range."""

    whose: ConnectedAccount
    connector: Connector
    streams: tuple[Stream, ...]
    since: datetime | None = None


@dataclass(slots=True)
class Run:
    """What all workers of a run share."""

    access: Access
    http: PlatformHttp
    grants: GrantBook
    run_id: UUID
    report: Callable[[SyncProgress], None]
    lease_seconds: int
    stop: threading.Event = field(default_factory=threading.Event)
    months: set[Any] = field(default_factory=set)
    accounts: int = 0
    done: list[UUID] = field(default_factory=list)


def checkpoint_of(session: Session, run: Run, work: Work, stream: Stream) -> Checkpoint:
    """Where the stream stands."""
    return read_checkpoint(
        session, tenant_id=run.access.tenant.id, account_id=work.whose.id, connector=work.connector.name,
        stream=stream.name,
    )  # fmt: skip


def emit_about_stream(session: Session, run: Run, work: Work, stream: Stream, kind: str, **detail: Any) -> None:
    """Write an event about the account, naming connector and stream."""
    emit(
        session, tenant_id=run.access.tenant.id, about=work.whose.id, kind=kind, now=run.access.clock.now(),
        connector=work.connector.name, stream=stream.name, **detail,
    )  # fmt: skip


def write_result(session: Session, run: Run, work: Work, stream: Stream, result: StreamResult) -> None:
    """Write what the stream brought in this run; said again, only how it ended is written anew."""
    session.execute(
        text(
            "INSERT INTO sync_results AS known (tenant_id, run_id, account_id, connector, stream, started_at,"
            " finished_at, state, pages, items_new, items_updated, observations_new, quarantined, gaps, error,"
            " next_due_at) VALUES (:tenant_id, :run_id, :account_id, :connector, :stream, :now, :now, :state, :pages,"
            " :items_new, :items_updated, :observations_new, :quarantined, CAST(:gaps AS jsonb),"
            " CAST(:error AS jsonb), :next_due_at)"
            " ON CONFLICT (tenant_id, run_id, account_id, connector, stream) DO UPDATE SET state = excluded.state,"
            " error = excluded.error, next_due_at = excluded.next_due_at"
        ),
        {
            "tenant_id": run.access.tenant.id, "run_id": run.run_id, "account_id": work.whose.id,
            "connector": work.connector.name, "stream": stream.name, "now": run.access.clock.now(),
            "state": str(result.state), "pages": result.pages, "items_new": result.items_new,
            "items_updated": result.items_updated, "observations_new": result.observations_new,
            "quarantined": result.quarantined, "gaps": json.dumps(result.gaps),
            "error": None if result.error is None else json.dumps(result.error, default=str),
            "next_due_at": result.next_due_at,
        },
    )  # fmt: skip


def all_streams(works: Sequence[Work], state: StreamState, error: EngagerrError | None = None) -> list[StreamResult]:
    """The same result for everything that was to be read of an account."""
    return [
        replace(empty_result(work, stream, state), error=None if error is None else error_facts(error))
        for work in works
        for stream in work.streams
    ]


def empty_result(work: Work, stream: Stream, state: StreamState) -> StreamResult:
    """A result that brought nothing."""
    return StreamResult(work.whose.name, work.connector.name, stream.name, state)


def error_facts(error: EngagerrError) -> dict[str, Any]:
    """The error as reports and checkpoints keep it, without secrets."""
    return {
        "category": error.category, "kind": type(error).__name__, "message": redacted(str(error)), "hint": error.hint,
        "retry_after": getattr(error, "retry_after", None),
    }  # fmt: skip


def progress_of(run: Run, result: StreamResult, *, ended: bool = False) -> SyncProgress:
    """What to tell whoever watches."""
    return SyncProgress(
        result.account, result.connector, result.stream, result.pages, result.items_new + result.items_updated,
        result.observations_new, len(run.done), run.accounts, result.state if ended else None,
    )  # fmt: skip
