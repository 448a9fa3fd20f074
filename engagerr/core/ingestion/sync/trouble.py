"""What went wrong, and what it means: for the stream, for the account, for a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from engagerr.core.errors import Broken, EngagerrError, Unavailable
from engagerr.core.ingestion.sync.checkpoints import CheckpointMoved, write_checkpoint
from engagerr.core.ingestion.sync.reports import StreamResult, StreamState
from engagerr.core.ingestion.sync.work import (
    Run,
    Work,
    checkpoint_of,
    emit_about_stream,
    empty_result,
    error_facts,
    write_result,
)
from engagerr.core.integrations.connector import Stream
from engagerr.core.integrations.faults import (
    CircuitOpen,
    GrantLost,
    PermissionDenied,
    PlatformUnavailable,
)
from engagerr.core.integrations.grants import lose_grant
from engagerr.core.telemetry import log
from engagerr.core.tenancy import Permission

if TYPE_CHECKING:
    pass

# How soon somebody who waits for a platform sees that the run was stopped.
_PATIENCE_SECONDS = 0.5


def fail(
    run: Run, work: Work, stream: Stream, error: EngagerrError, *, brought: StreamResult | None = None
) -> StreamResult:
    """What a fault means for the stream: it waits, is not allowed, or failed and is tried again later."""
    now = run.access.clock.now()
    brought = brought or empty_result(work, stream, StreamState.FAILED)
    with run.access.transaction(Permission.SYNC) as session:
        checkpoint = checkpoint_of(session, run, work, stream)
        if isinstance(error, PermissionDenied):
            state, kept, due = StreamState.PERMISSION_DENIED, "permission_denied", now + stream.every
        elif isinstance(error, CircuitOpen):
            state, kept, due = StreamState.FAILED, "failed", now + timedelta(seconds=error.retry_after or 0)
        elif isinstance(error, PlatformUnavailable) and error.retry_after:
            state, kept, due = StreamState.WAITING, "waiting", now + timedelta(seconds=error.retry_after)
        elif isinstance(error, CheckpointMoved):
            state, kept, due = StreamState.FAILED, checkpoint.state, now
        elif isinstance(error, Broken) and checkpoint.pass_began_at is None and checkpoint.next_due_at is not None:
            # The pass is through, though not all of it could be read: to fetch the same again soon helps nobody.
            state, kept, due = StreamState.FAILED, "failed", checkpoint.next_due_at
        else:
            state, kept, due = StreamState.FAILED, "failed", now + checkpoint.pause(stream)
        write_checkpoint(
            session, tenant_id=run.access.tenant.id, account_id=work.whose.id, connector=work.connector.name,
            stream=stream.name, before=checkpoint, now=now,
            after=checkpoint.stumbled(kept, error_facts(error), due=due),
        )  # fmt: skip
        # A platform that does not answer now is nobody's task; one that does not for hours is.
        lasting = not isinstance(error, Unavailable) or checkpoint.failures >= 5
        if state is StreamState.FAILED and lasting:
            emit_about_stream(session, run, work, stream, "sync.failed", error=str(error), hint=error.hint)
        result = replace(brought, state=state, error=error_facts(error), next_due_at=due)
        write_result(session, run, work, stream, result)
    log(
        "stream.ended", level="warning", account=work.whose.name, stream=stream.name, state=str(state),
        error=str(error),
    )  # fmt: skip
    return result


def fail_anyhow(
    run: Run, work: Work, stream: Stream, error: Exception, *, brought: StreamResult | None = None
) -> StreamResult:
    """What nobody caught; if it cannot even be written down (the database is gone), the report says it."""
    if not isinstance(error, EngagerrError):
        log("sync.stumbled", level="error", account=work.whose.name, stream=stream.name, error=repr(error)[:300])
        error = Broken(
            f"Engagerr stumbled over {stream.name} of {work.whose.name}: {type(error).__name__}.",
            hint="What landed before stays; please report it. The other accounts go on.",
            facts={"connector": work.connector.name, "stream": stream.name},
        )
    try:
        return fail(run, work, stream, error, brought=brought)
    except EngagerrError as unwritten:
        log("sync.fault_not_written", level="warning", account=work.whose.name, error=str(unwritten))
        brought = brought or empty_result(work, stream, StreamState.FAILED)
        return replace(brought, state=StreamState.FAILED, error=error_facts(error))


def lose(
    run: Run, work: Work, stream: Stream, error: EngagerrError, *, brought: StreamResult | None = None
) -> StreamResult:
    """The grant is gone: one task for a person, and no further calls for this account."""
    now = run.access.clock.now()
    brought = brought or empty_result(work, stream, StreamState.FAILED)
    result = replace(
        brought, state=StreamState.FAILED,
        error={
            **error_facts(error), "kind": GrantLost.__name__,
            "hint": f"engagerr platform connect {work.connector.name} --account {work.whose.name}",
        },
        next_due_at=None,
    )  # fmt: skip
    with run.access.transaction(Permission.SYNC) as session:
        lose_grant(
            session, tenant_id=run.access.tenant.id, account_id=work.whose.id, connector=work.connector.name,
            reason=str(error), now=now,
        )  # fmt: skip
        write_result(session, run, work, stream, result)
    log("grant.lost", level="warning", account=work.whose.name, connector=work.connector.name)
    return result
