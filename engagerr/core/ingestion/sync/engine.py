"""One run: accounts are shared out among workers; each takes its lease and goes through its streams, page by page."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.content import lock_tree
from engagerr.core.errors import Broken, EngagerrError, Unavailable
from engagerr.core.events import deliver, emit
from engagerr.core.ingestion.subscribers import SUBSCRIBERS
from engagerr.core.ingestion.sync.checkpoints import Checkpoint, CheckpointMoved, read_checkpoint, write_checkpoint
from engagerr.core.ingestion.sync.leases import (
    Heartbeat,
    LeaseHeld,
    LeaseLost,
    release_lease,
    require_lease,
    take_lease,
)
from engagerr.core.ingestion.sync.pages import ConnectedAccount, land_page
from engagerr.core.ingestion.sync.reports import StreamResult, StreamState, SyncProgress
from engagerr.core.integrations.circuit import Circuit
from engagerr.core.integrations.connector import Ask, Connector, Page, Stream, Window
from engagerr.core.integrations.faults import (
    CallRefused,
    CircuitOpen,
    GrantLost,
    NotThere,
    PermissionDenied,
    PlatformUnavailable,
)
from engagerr.core.integrations.grants import GrantBook, NotConnected, lose_grant
from engagerr.core.integrations.quota import Pace, limits_of
from engagerr.core.integrations.redaction import clean_body, redacted
from engagerr.core.telemetry import log
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.clock import Clock
    from engagerr.core.db import Session
    from engagerr.core.integrations.http import PlatformHttp

# How soon somebody who waits for a platform sees that the run was stopped.
_PATIENCE_SECONDS = 0.5


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


def run_all(run: Run, work: Sequence[Work], *, workers: int) -> Iterator[StreamResult]:
    """Sync every account, `workers` at a time, and yield what each stream brought as it ends.

    When the caller stops listening (Ctrl-C), workers end after the page in flight and give their leases back.
    """
    run.accounts = len({one.whose.id for one in work})
    beat = Heartbeat(
        run.access.database, clock=run.access.clock, tenant_id=run.access.tenant.id, run_id=run.run_id,
        seconds=run.lease_seconds,
    )  # fmt: skip
    with beat, ThreadPoolExecutor(max_workers=workers, thread_name_prefix="engagerr-sync") as pool:
        by_account: dict[UUID, list[Work]] = {}
        for one in work:
            by_account.setdefault(one.whose.id, []).append(one)
        waiting: set[Future[list[StreamResult]]] = {
            pool.submit(_sync_account, run, works) for works in by_account.values()
        }
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=1.0, return_when=FIRST_COMPLETED)
                for future in done:
                    yield from future.result()
        finally:
            run.stop.set()
            for future in waiting:
                future.cancel()


def _sync_account(run: Run, works: Sequence[Work]) -> list[StreamResult]:
    """All that is to be read of one account, by one connector after the other, under one lease."""
    whose = works[0].whose
    if run.stop.is_set():
        return _all(works, StreamState.INTERRUPTED)
    try:
        with run.access.transaction(Permission.SYNC) as session:
            take_lease(
                session, tenant_id=run.access.tenant.id, account_id=whose.id, account=whose.name, run_id=run.run_id,
                now=run.access.clock.now(), seconds=run.lease_seconds,
            )  # fmt: skip
    except LeaseHeld as held:
        return _all(works, StreamState.SKIPPED, held)
    except EngagerrError as error:
        return _all(works, StreamState.FAILED, error)
    results: list[StreamResult] = []
    try:
        for work in works:
            results.extend(_sync_connector(run, work))
    finally:
        _end_account(run, whose)
    return results


def _sync_connector(run: Run, work: Work) -> list[StreamResult]:
    results: list[StreamResult] = []
    stream = work.streams[0]
    try:
        ask = _ask(run, work)
        for stream in work.streams:
            if run.stop.is_set():
                results.append(_result(work, stream, StreamState.INTERRUPTED))
                continue
            results.append(_sync_stream(run, work, stream, ask))
            if (results[-1].error or {}).get("kind") in (GrantLost.__name__, LeaseLost.__name__):
                break
    except (GrantLost, NotConnected) as error:
        results.append(_lost(run, work, stream, error))
    except EngagerrError as error:
        results.append(_fail_anyhow(run, work, stream, error))
    return results


def _end_account(run: Run, whose: ConnectedAccount) -> None:
    """Tell subscribers what happened, and give the lease back, even if they cannot be told now."""
    tenant_id = run.access.tenant.id
    try:
        with run.access.transaction(Permission.SYNC) as session:
            lock_tree(session, tenant_id)
            deliver(
                session, tenant_id=tenant_id, subscribers=SUBSCRIBERS, about=(whose.id,), now=run.access.clock.now()
            )
    except EngagerrError as error:
        # The job that delivers events tells them.
        log("sync.untold", level="warning", account=whose.name, error=str(error))
    finally:
        try:
            with run.access.database.transaction(tenant_id) as session:
                release_lease(session, tenant_id=tenant_id, account_id=whose.id, run_id=run.run_id)
        except EngagerrError as error:
            log("sync.lease_not_released", level="warning", account=whose.name, error=str(error))
        run.done.append(whose.id)


def _ask(run: Run, work: Work) -> Ask:
    access, whose, connector = run.access, work.whose, work.connector
    tokens = run.grants.open_grant(whose.id, connector)
    return run.http.ask(
        connector,
        account=whose.account,
        token=tokens.token,
        renew=tokens.renew,
        pace=Pace(
            access.database, clock=access.clock, tenant_id=access.tenant.id, account_id=whose.id, connector=connector,
            limits=limits_of(connector, access.settings.platforms.get(connector.name)),
        ),
        circuit=Circuit(
            access.database, clock=access.clock, tenant_id=access.tenant.id, account_id=whose.id, connector=connector
        ),
        clock=_StoppableClock(access.clock, run.stop),
    )  # fmt: skip


class _Stopped(Unavailable):
    """The run was stopped while it waited for a platform."""


class _StoppableClock:
    """The run's clock; who waits for a platform on it finds out soon that the run was stopped."""

    def __init__(self, clock: Clock, stop: threading.Event) -> None:
        self._clock = clock
        self._stop = stop

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        """Wait, in pieces."""
        while seconds > 0:
            if self._stop.is_set():
                raise _Stopped("The run was stopped.")
            self._clock.sleep(min(seconds, _PATIENCE_SECONDS))
            seconds -= _PATIENCE_SECONDS


@dataclass(slots=True)
class _Part:
    """One stream of one account in this run: where it is, and what it brought so far."""

    checkpoint: Checkpoint
    result: StreamResult
    unread: EngagerrError | None = None
    gap: str | None = None


def _sync_stream(run: Run, work: Work, stream: Stream, ask: Ask) -> StreamResult:
    part = _Part(Checkpoint(), _result(work, stream, StreamState.DONE))
    try:
        with run.access.transaction(Permission.SYNC) as session:
            before = _checkpoint(session, run, work, stream)
        part.gap = before.gap(stream, work.whose.name, run.access.clock.now())
        part.checkpoint = before.begun(stream, run.access.clock.now(), since=work.since)
        for _ in _pass(run, work, stream, ask, part):
            run.report(_progress(run, part.result))
            if run.stop.is_set() and part.checkpoint.cursor is not None:
                part.result = replace(part.result, state=StreamState.INTERRUPTED)
                break
        part.result = replace(part.result, next_due_at=part.checkpoint.next_due_at)
        if part.unread is not None:
            raise part.unread
        with run.access.transaction(Permission.SYNC) as session:
            _write_result(session, run, work, stream, part.result)
    except (GrantLost, NotConnected) as error:
        part.result = _lost(run, work, stream, error, brought=part.result)
    except LeaseLost as error:
        part.result = replace(part.result, state=StreamState.SKIPPED, error=_facts(error))
    except _Stopped:
        part.result = replace(part.result, state=StreamState.INTERRUPTED, next_due_at=part.checkpoint.next_due_at)
        with run.access.transaction(Permission.SYNC) as session:
            _write_result(session, run, work, stream, part.result)
    except Exception as error:  # noqa: BLE001  whatever it is costs its stream: to streams a run is a job runner
        part.result = _fail_anyhow(run, work, stream, error, brought=part.result)
    run.report(_progress(run, part.result, ended=True))
    return part.result


def _pass(run: Run, work: Work, stream: Stream, ask: Ask, part: _Part) -> Iterator[None]:
    """Fetch and land the pages of a pass from the checkpoint on; yields after each page that landed."""
    resumed = part.checkpoint.cursor is not None
    while True:
        window = Window(
            account=work.whose.account,
            until=part.checkpoint.moment or run.access.clock.now(),
            since=part.checkpoint.pass_since,
            cursor=part.checkpoint.cursor,
            remembered=part.checkpoint.remembered,
        )
        landed = 0
        try:
            for page in fetched(work.connector, stream, ask, window):
                _land(run, work, stream, page, part)
                landed += 1
                yield
        except (CallRefused, NotThere):
            # Cursors of platforms age. A pass that cannot go on where it was begins anew, once: nothing lands twice.
            if not resumed or landed:
                raise
            resumed = False
            part.checkpoint = replace(part.checkpoint, cursor=None)
            continue
        if part.checkpoint.pass_began_at is not None:
            # The stream ended without a last page: nothing (new) to be had.
            _land(run, work, stream, Page(()), part)
            yield
        return


def fetched(connector: Connector, stream: Stream, ask: Ask, window: Window) -> Iterator[Page]:
    """The stream's pages, cleaned of secrets; a connector that stumbles costs its stream and says so."""
    try:
        for page in stream.fetch(ask, window):
            yield Page(
                tuple(replace_body(part) for part in page.parts), page.next, page.gaps, page.remember, page.moved_to
            )
    except EngagerrError:
        raise
    except Exception as error:
        # A connector may be anybody's: what it does not expect must cost its stream and not the run.
        log("connector.stumbled", level="error", connector=connector.name, stream=stream.name, error=repr(error)[:300])
        raise Broken(
            f"The connector {connector.name} stumbled over an answer for {stream.name}: {type(error).__name__}.",
            hint="What landed before stays; please report it. The other streams go on.",
            facts={"connector": connector.name, "stream": stream.name},
        ) from error


def replace_body(part: Any) -> Any:
    """The part without the tokens that some platforms write into their answers."""
    import msgspec

    return msgspec.structs.replace(part, body=clean_body(part.body))


def _land(run: Run, work: Work, stream: Stream, page: Page, part: _Part) -> None:
    checkpoint, result = part.checkpoint, part.result
    access, whose, connector = run.access, work.whose, work.connector
    tenant_id = access.tenant.id
    with access.transaction(Permission.SYNC) as session:
        now = access.clock.now()
        require_lease(
            session, tenant_id=tenant_id, account_id=whose.id, account=whose.name, run_id=run.run_id, now=now,
            seconds=run.lease_seconds,
        )  # fmt: skip
        items = updated = observations = bad = 0
        if page.parts:
            arrival, unread = land_page(
                access, session, connector=connector, stream=stream, whose=whose, page=page,
                moment=checkpoint.moment or now, run_id=run.run_id, months=run.months,
            )  # fmt: skip
            part.unread = unread or part.unread
            items, updated = arrival.items_new, arrival.items_updated
            observations, bad = arrival.observations_new, len(arrival.rejections)
        if page.moved_to:
            log("account.moved", account=whose.name, moved_to=redacted(page.moved_to))
        ahead = checkpoint.after(page, stream, now)
        # With the checkpoint, so that each is told once, wherever the run ends: what was lost before the pass began,
        # and that a stream which had failed is through.
        if part.gap:
            _emit(session, run, work, stream, "sync.gap", gap=part.gap)
        if ahead.pass_began_at is None and checkpoint.failures:
            if part.unread is None:
                _emit(session, run, work, stream, "sync.recovered")
            else:
                ahead = replace(ahead, failures=checkpoint.failures)
        write_checkpoint(
            session, tenant_id=tenant_id, account_id=whose.id, connector=connector.name, stream=stream.name,
            before=checkpoint, after=ahead, now=now,
        )  # fmt: skip
    log(
        "page.landed", account=whose.name, connector=connector.name, stream=stream.name, position=ahead.position,
        items_new=items, observations_new=observations, quarantined=bad,
    )  # fmt: skip
    part.checkpoint = ahead
    gaps = (*result.gaps, *([part.gap] if part.gap else []), *page.gaps)
    part.gap = None
    part.result = replace(
        result,
        pages=result.pages + bool(page.parts),
        items_new=result.items_new + items,
        items_updated=result.items_updated + updated,
        observations_new=result.observations_new + observations,
        quarantined=result.quarantined + bad,
        gaps=tuple(dict.fromkeys(gaps)),
    )


# ── What went wrong ────────────────────────────────────────────────────────────────────────────────────────────────


def _fail(
    run: Run, work: Work, stream: Stream, error: EngagerrError, *, brought: StreamResult | None = None
) -> StreamResult:
    """What a fault means for the stream: it waits, is not allowed, or failed and is tried again later."""
    now = run.access.clock.now()
    brought = brought or _result(work, stream, StreamState.FAILED)
    with run.access.transaction(Permission.SYNC) as session:
        checkpoint = _checkpoint(session, run, work, stream)
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
            stream=stream.name, before=checkpoint, after=checkpoint.stumbled(kept, _facts(error), due=due), now=now,
        )  # fmt: skip
        # A platform that does not answer now is nobody's task; one that does not for hours is.
        lasting = not isinstance(error, Unavailable) or checkpoint.failures >= 5
        if state is StreamState.FAILED and lasting:
            _emit(session, run, work, stream, "sync.failed", error=str(error), hint=error.hint)
        result = replace(brought, state=state, error=_facts(error), next_due_at=due)
        _write_result(session, run, work, stream, result)
    log(
        "stream.ended", level="warning", account=work.whose.name, stream=stream.name, state=str(state),
        error=str(error),
    )  # fmt: skip
    return result


def _fail_anyhow(
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
        return _fail(run, work, stream, error, brought=brought)
    except EngagerrError as unwritten:
        log("sync.fault_not_written", level="warning", account=work.whose.name, error=str(unwritten))
        brought = brought or _result(work, stream, StreamState.FAILED)
        return replace(brought, state=StreamState.FAILED, error=_facts(error))


def _lost(
    run: Run, work: Work, stream: Stream, error: EngagerrError, *, brought: StreamResult | None = None
) -> StreamResult:
    """The grant is gone: one task for a person, and no further calls for this account."""
    now = run.access.clock.now()
    brought = brought or _result(work, stream, StreamState.FAILED)
    result = replace(
        brought, state=StreamState.FAILED,
        error={
            **_facts(error), "kind": GrantLost.__name__,
            "hint": f"engagerr platform connect {work.connector.name} --account {work.whose.name}",
        },
        next_due_at=None,
    )  # fmt: skip
    with run.access.transaction(Permission.SYNC) as session:
        lose_grant(
            session, tenant_id=run.access.tenant.id, account_id=work.whose.id, connector=work.connector.name,
            reason=str(error), now=now,
        )  # fmt: skip
        _write_result(session, run, work, stream, result)
    log("grant.lost", level="warning", account=work.whose.name, connector=work.connector.name)
    return result


# ── Small steps ────────────────────────────────────────────────────────────────────────────────────────────────────


def _checkpoint(session: Session, run: Run, work: Work, stream: Stream) -> Checkpoint:
    return read_checkpoint(
        session, tenant_id=run.access.tenant.id, account_id=work.whose.id, connector=work.connector.name,
        stream=stream.name,
    )  # fmt: skip


def _emit(session: Session, run: Run, work: Work, stream: Stream, kind: str, **detail: Any) -> None:
    emit(
        session, tenant_id=run.access.tenant.id, about=work.whose.id, kind=kind, now=run.access.clock.now(),
        connector=work.connector.name, stream=stream.name, **detail,
    )  # fmt: skip


def _write_result(session: Session, run: Run, work: Work, stream: Stream, result: StreamResult) -> None:
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


def _all(works: Sequence[Work], state: StreamState, error: EngagerrError | None = None) -> list[StreamResult]:
    """The same result for everything that was to be read of an account."""
    return [
        replace(_result(work, stream, state), error=None if error is None else _facts(error))
        for work in works
        for stream in work.streams
    ]


def _result(work: Work, stream: Stream, state: StreamState) -> StreamResult:
    return StreamResult(work.whose.name, work.connector.name, stream.name, state)


def _facts(error: EngagerrError) -> dict[str, Any]:
    return {
        "category": error.category, "kind": type(error).__name__, "message": redacted(str(error)), "hint": error.hint,
        "retry_after": getattr(error, "retry_after", None),
    }  # fmt: skip


def _progress(run: Run, result: StreamResult, *, ended: bool = False) -> SyncProgress:
    return SyncProgress(
        result.account, result.connector, result.stream, result.pages, result.items_new + result.items_updated,
        result.observations_new, len(run.done), run.accounts, result.state if ended else None,
    )  # fmt: skip
