"""One run: accounts are shared out among workers; each takes its lease and goes through its streams, page by page."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from engagerr.core.content import lock_tree
from engagerr.core.errors import EngagerrError, Unavailable
from engagerr.core.events import deliver
from engagerr.core.ingestion.subscribers import AT_ONCE
from engagerr.core.ingestion.sync.checkpoints import Checkpoint, write_checkpoint
from engagerr.core.ingestion.sync.leases import (
    Heartbeat,
    LeaseHeld,
    LeaseLost,
    release_lease,
    require_lease,
    take_lease,
)
from engagerr.core.ingestion.sync.pages import ConnectedAccount, blamed_on, land_page
from engagerr.core.ingestion.sync.reports import StreamResult, StreamState
from engagerr.core.ingestion.sync.trouble import fail_anyhow, lose
from engagerr.core.ingestion.sync.work import (
    Run,
    Work,
    all_streams,
    checkpoint_of,
    emit_about_stream,
    empty_result,
    error_facts,
    progress_of,
    write_result,
)
from engagerr.core.integrations.circuit import Circuit
from engagerr.core.integrations.connector import Ask, Connector, Page, Stream, Window
from engagerr.core.integrations.faults import CallRefused, GrantLost, NotThere
from engagerr.core.integrations.grants import NotConnected
from engagerr.core.integrations.quota import Pace, limits_of
from engagerr.core.integrations.redaction import clean_body, redacted
from engagerr.core.telemetry import log
from engagerr.core.tenancy import Permission

if TYPE_CHECKING:
    from engagerr.core.clock import Clock

# How soon somebody who waits for a platform sees that the run was stopped.
_PATIENCE_SECONDS = 0.5


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
        return all_streams(works, StreamState.INTERRUPTED)
    try:
        with run.access.transaction(Permission.SYNC) as session:
            take_lease(
                session, tenant_id=run.access.tenant.id, account_id=whose.id, account=whose.name, run_id=run.run_id,
                now=run.access.clock.now(), seconds=run.lease_seconds,
            )  # fmt: skip
    except LeaseHeld as held:
        return all_streams(works, StreamState.SKIPPED, held)
    except EngagerrError as error:
        return all_streams(works, StreamState.FAILED, error)
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
                results.append(empty_result(work, stream, StreamState.INTERRUPTED))
                continue
            results.append(_sync_stream(run, work, stream, ask))
            if (results[-1].error or {}).get("kind") in (GrantLost.__name__, LeaseLost.__name__):
                break
    except (GrantLost, NotConnected) as error:
        results.append(lose(run, work, stream, error))
    except EngagerrError as error:
        results.append(fail_anyhow(run, work, stream, error))
    return results


def _end_account(run: Run, whose: ConnectedAccount) -> None:
    """Tell subscribers what happened, and give the lease back, even if they cannot be told now."""
    tenant_id = run.access.tenant.id
    try:
        with run.access.transaction(Permission.SYNC) as session:
            lock_tree(session, tenant_id)
            deliver(session, tenant_id=tenant_id, subscribers=AT_ONCE, about=(whose.id,), now=run.access.clock.now())
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
    part = _Part(Checkpoint(), empty_result(work, stream, StreamState.DONE))
    try:
        with run.access.transaction(Permission.SYNC) as session:
            before = checkpoint_of(session, run, work, stream)
        part.gap = before.gap(stream, work.whose.name, run.access.clock.now())
        part.checkpoint = before.begun(stream, run.access.clock.now(), since=work.since)
        for _ in _pass(run, work, stream, ask, part):
            run.report(progress_of(run, part.result))
            if run.stop.is_set() and part.checkpoint.cursor is not None:
                part.result = replace(part.result, state=StreamState.INTERRUPTED)
                break
        part.result = replace(part.result, next_due_at=part.checkpoint.next_due_at)
        if part.unread is not None:
            raise part.unread
        with run.access.transaction(Permission.SYNC) as session:
            write_result(session, run, work, stream, part.result)
    except (GrantLost, NotConnected) as error:
        part.result = lose(run, work, stream, error, brought=part.result)
    except LeaseLost as error:
        part.result = replace(part.result, state=StreamState.SKIPPED, error=error_facts(error))
    except _Stopped:
        part.result = replace(part.result, state=StreamState.INTERRUPTED, next_due_at=part.checkpoint.next_due_at)
        with run.access.transaction(Permission.SYNC) as session:
            write_result(session, run, work, stream, part.result)
    except Exception as error:  # noqa: BLE001  whatever it is costs its stream: to streams a run is a job runner
        part.result = fail_anyhow(run, work, stream, error, brought=part.result)
    run.report(progress_of(run, part.result, ended=True))
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
            for page in _fetched(work.connector, stream, ask, window):
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


def _fetched(connector: Connector, stream: Stream, ask: Ask, window: Window) -> Iterator[Page]:
    """The stream's pages, without the tokens that some platforms write into their answers."""
    with blamed_on(
        connector,
        stream,
        what="stumbled over an answer for",
        hint="What landed before stays; please report it. The other streams go on.",
    ):
        for page in stream.fetch(ask, window):
            parts = tuple(msgspec.structs.replace(part, body=clean_body(part.body)) for part in page.parts)
            yield msgspec.structs.replace(page, parts=parts)


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
            emit_about_stream(session, run, work, stream, "sync.gap", gap=part.gap)
        if ahead.pass_began_at is None and checkpoint.failures:
            if part.unread is None:
                emit_about_stream(session, run, work, stream, "sync.recovered")
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
