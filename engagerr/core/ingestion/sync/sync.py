"""Verbs that sync connected accounts, and show how they stand."""

from __future__ import annotations

import builtins
import json
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.events import Task, open_tasks
from engagerr.core.ingestion.sync.checkpoints import read_checkpoint
from engagerr.core.ingestion.sync.engine import run_all
from engagerr.core.ingestion.sync.leases import holder_of_this_process, is_gone
from engagerr.core.ingestion.sync.pages import ConnectedAccount
from engagerr.core.ingestion.sync.reports import (
    AccountStatus,
    RunRow,
    StreamResult,
    StreamState,
    StreamStatus,
    SyncProgress,
    SyncReport,
)
from engagerr.core.ingestion.sync.work import Run, Work
from engagerr.core.integrations.connector import Connector
from engagerr.core.integrations.grants import GrantBook
from engagerr.core.roster import account_key, parse_account
from engagerr.core.roster.identity import find_creator
from engagerr.core.telemetry import correlation_id, log
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.ingestion.sync.replay import ReplayReport
    from engagerr.core.integrations.http import PlatformHttp


class Sync:
    """Connected accounts kept in step with their platforms.

    `connectors` and `http` are asked for when they are needed: looking at the history loads neither.
    """

    def __init__(
        self,
        access: Access,
        connectors: Callable[[], Mapping[str, Connector]],
        http: Callable[[], PlatformHttp],
    ) -> None:
        self._access = access
        self._connectors = connectors
        self._http = http

    def run(
        self,
        *,
        creator: str | None = None,
        platform: str | None = None,
        account: str | None = None,
        stream: str | None = None,
        since: datetime | None = None,
        now: bool = False,
        workers: int | None = None,
        progress: Callable[[SyncProgress], None] | None = None,
        stop: threading.Event | None = None,
    ) -> SyncReport:
        """Sync what is due, of all connected accounts or of those named.

        `now` syncs streams that are not due, too. `since` (aware) fetches everything published from then on, as far
        back as the platform goes, and implies `now`. A page that has landed stays, whatever happens after it; the
        next run goes on after it. So it does when `stop` is set, which ends the run after the pages in flight. Raises
        for wrong names only: what went wrong at a platform stands in the report.
        """
        self._access.require(Permission.SYNC)
        if since is not None and since.tzinfo is None:
            raise InvalidInput(f"{since.isoformat()} has no time zone.", hint="Write it like 2026-11-01T00:00:00Z.")
        work, not_due, next_due = self._due(
            creator=creator, platform=platform, account=account, stream=stream, since=since, now=now
        )
        return self._run(
            work, not_due=not_due, next_due=next_due, workers=workers, progress=progress, stop=stop,
            options={
                "creator": creator, "platform": platform, "account": account, "stream": stream, "now": now,
                "since": since.isoformat() if since else None, "workers": workers,
            },
        )  # fmt: skip

    def retry(
        self,
        *,
        account: str | None = None,
        workers: int | None = None,
        progress: Callable[[SyncProgress], None] | None = None,
    ) -> SyncReport:
        """Sync at once what failed or was not allowed the last time; circuits that were opened are closed first."""
        with self._access.transaction(Permission.SYNC) as session:
            session.execute(
                text(
                    "UPDATE circuits SET state = 'closed', failures = 0, opened_at = NULL, reason = NULL,"
                    " updated_at = :now WHERE tenant_id = :tenant_id AND state <> 'closed'"
                    " AND (CAST(:account AS uuid) IS NULL OR account_id = :account)"
                ),
                {
                    "tenant_id": self._access.tenant.id, "now": self._access.clock.now(),
                    "account": None if account is None else self._account_id(session, account),
                },
            )  # fmt: skip
        work, not_due, next_due = self._due(account=account, now=True, states=("failed", "permission_denied"))
        return self._run(
            work, not_due=not_due, next_due=next_due, workers=workers, progress=progress,
            options={"retry": True, "account": account},
        )  # fmt: skip

    def status(
        self, *, creator: str | None = None, platform: str | None = None, account: str | None = None
    ) -> tuple[AccountStatus, ...]:
        """How every connected account stands: grant, lease, circuit, and each of its streams."""
        connectors = self._connectors()
        with self._access.transaction(Permission.READ, snapshot=True) as session:
            connected = self._connected(session, creator=creator, platform=platform, account=account)
            leases = {
                row.account_id: row
                for row in session.execute(
                    text("SELECT account_id, holder, until FROM sync_leases WHERE tenant_id = :tenant_id"),
                    {"tenant_id": self._access.tenant.id},
                )
            }
            circuits = {
                (row.account_id, row.connector): row
                for row in session.execute(
                    text("SELECT account_id, connector, state, reason FROM circuits WHERE tenant_id = :tenant_id"),
                    {"tenant_id": self._access.tenant.id},
                )
            }
            expiries = {
                (row.account_id, row.connector): row.expires_at
                for row in session.execute(
                    text("SELECT account_id, connector, expires_at FROM platform_grants WHERE tenant_id = :tenant_id"),
                    {"tenant_id": self._access.tenant.id},
                )
            }
            rows = []
            now = self._access.clock.now()
            for whose in connected:
                known = connectors.get(whose.connector)
                lease = leases.get(whose.id)
                if lease is not None and lease.until <= now:
                    lease = None
                circuit = circuits.get((whose.id, whose.connector))
                rows.append(
                    AccountStatus(
                        account=whose.name,
                        creator=whose.creator,
                        connector=whose.connector,
                        grant=whose.grant,
                        expires_at=expiries.get((whose.id, whose.connector)),
                        held_by=lease.holder if lease else None,
                        held_until=lease.until if lease else None,
                        circuit=circuit.state if circuit else "closed",
                        circuit_reason=circuit.reason if circuit and circuit.state != "closed" else None,
                        streams=tuple(self._stream_status(session, whose, known) if known else ()),
                    )
                )
        return tuple(rows)

    def tasks(self) -> tuple[Task, ...]:
        """What a person should see to, oldest first."""
        with self._access.transaction(Permission.READ) as session:
            return open_tasks(session, tenant_id=self._access.tenant.id)

    def history(self, *, limit: int = 50) -> tuple[RunRow, ...]:
        """The newest runs, newest first. A run whose process died without a word is shown as interrupted."""
        with self._access.transaction(Permission.READ) as session:
            rows = session.execute(
                text(
                    """
                    SELECT run.*, members.name AS member, count(part.stream) AS streams,
                           count(*) FILTER (WHERE part.state = 'failed') AS failed, coalesce(sum(pages), 0) AS pages,
                           coalesce(sum(items_new), 0) AS items_new,
                           coalesce(sum(observations_new), 0) AS observations_new,
                           EXISTS (SELECT FROM sync_leases AS lease WHERE lease.tenant_id = run.tenant_id
                                     AND lease.run_id = run.id AND lease.until > :now) AS alive
                    FROM (SELECT * FROM sync_runs WHERE tenant_id = :tenant_id ORDER BY id DESC LIMIT :limit) AS run
                    LEFT JOIN members ON members.tenant_id = run.tenant_id AND members.id = run.member_id
                    LEFT JOIN sync_results AS part ON part.tenant_id = run.tenant_id AND part.run_id = run.id
                    GROUP BY run.tenant_id, run.id, run.member_id, run.correlation_id, run.holder, run.options,
                             run.started_at, run.finished_at, run.state, members.name
                    ORDER BY run.id DESC
                    """
                ),
                {"tenant_id": self._access.tenant.id, "limit": limit, "now": self._access.clock.now()},
            ).all()
        return tuple(
            RunRow(
                row.id, row.started_at, row.finished_at,
                "interrupted" if row.state == "running" and (is_gone(row.holder) or not row.alive) else row.state,
                row.holder, row.member, row.options, row.streams, row.failed, int(row.pages), int(row.items_new),
                int(row.observations_new),
            )
            for row in rows
        )  # fmt: skip

    def results(self, run_id: UUID) -> tuple[StreamResult, ...]:
        """What each stream brought in one run."""
        with self._access.transaction(Permission.READ) as session:
            known = session.execute(
                text("SELECT 1 FROM sync_runs WHERE tenant_id = :tenant_id AND id = :id"),
                {"tenant_id": self._access.tenant.id, "id": run_id},
            ).one_or_none()
            if known is None:
                raise NotFound(f"There is no sync run {run_id}.", hint="`engagerr sync history` shows their ids.")
            rows = session.execute(
                text(
                    "SELECT platform || ':' || handle AS account, result.* FROM sync_results AS result"
                    " JOIN accounts ON accounts.tenant_id = result.tenant_id AND accounts.id = result.account_id"
                    " WHERE result.tenant_id = :tenant_id AND run_id = :id ORDER BY account, connector, stream"
                ),
                {"tenant_id": self._access.tenant.id, "id": run_id},
            )
            return tuple(
                StreamResult(
                    row.account, row.connector, row.stream, StreamState(row.state), row.pages, row.items_new,
                    row.items_updated, row.observations_new, row.quarantined, tuple(row.gaps), row.error,
                    row.next_due_at,
                )
                for row in rows
            )  # fmt: skip

    def replay(
        self,
        *,
        creator: str | None = None,
        platform: str | None = None,
        account: str | None = None,
        files: bool = True,
        progress: Callable[[str, int], None] | None = None,
    ) -> ReplayReport:
        """Make the standard rows again from what was kept as it came: after a mapping was mended.

        Nothing is fetched and nothing is deleted: a figure that reads otherwise now becomes a further revision, and
        one that is no longer read is withdrawn by one. Repeating changes nothing.
        """
        from engagerr.core.ingestion.sync.replay import replay_all

        return replay_all(
            self._access, self._connectors(), creator=creator, platform=platform, account=account, files=files,
            progress=progress,
        )  # fmt: skip

    # ── What is to be done ─────────────────────────────────────────────────────────────────────────────────────────

    def _due(
        self,
        *,
        creator: str | None = None,
        platform: str | None = None,
        account: str | None = None,
        stream: str | None = None,
        since: datetime | None = None,
        now: bool = False,
        states: tuple[str, ...] | None = None,
    ) -> tuple[builtins.list[Work], int, datetime | None]:
        """The work, how many streams are not due, and when the first of those is."""
        connectors = self._connectors()
        moment = self._access.clock.now()
        work: builtins.list[Work] = []
        later: builtins.list[datetime] = []
        known_streams: set[str] = set()
        with self._access.transaction(Permission.SYNC) as session:
            connected = self._connected(session, creator=creator, platform=platform, account=account)
            for whose in connected:
                connector = connectors.get(whose.connector)
                if connector is None or whose.grant != "active":
                    continue
                due = []
                for known in connector.streams:
                    known_streams.add(known.name)
                    if stream is not None and known.name != stream:
                        continue
                    checkpoint = read_checkpoint(
                        session, tenant_id=self._access.tenant.id, account_id=whose.id, connector=connector.name,
                        stream=known.name,
                    )  # fmt: skip
                    if states is not None and checkpoint.state not in states:
                        continue
                    if now or since is not None or checkpoint.is_due(moment):
                        due.append(known)
                    elif checkpoint.next_due_at is not None:
                        later.append(checkpoint.next_due_at)
                if due:
                    work.append(Work(whose, connector, tuple(due), since))
        if stream is not None and connected and stream not in known_streams:
            raise NotFound(
                f"There is no stream {stream!r} among the connected accounts.",
                hint=f"One of: {', '.join(sorted(known_streams))}.",
            )
        return work, len(later), min(later, default=None)

    def _connected(
        self, session: Session, *, creator: str | None, platform: str | None, account: str | None
    ) -> builtins.list[ConnectedAccount]:
        account_id = None if account is None else self._account_id(session, account)
        creator_id = None if creator is None else find_creator(session, creator)[0]
        rows = session.execute(
            text(
                """
                SELECT accounts.id, platform, handle, native_id, url, creator_id, creators.name AS creator,
                       grants.connector, grants.state
                FROM platform_grants AS grants
                JOIN accounts ON accounts.tenant_id = grants.tenant_id AND accounts.id = grants.account_id
                LEFT JOIN creators ON creators.tenant_id = accounts.tenant_id AND creators.id = creator_id
                WHERE grants.tenant_id = :tenant_id AND grants.state <> 'revoked'
                  AND (CAST(:account_id AS uuid) IS NULL OR accounts.id = :account_id)
                  AND (CAST(:creator_id AS uuid) IS NULL OR creator_id = :creator_id)
                  AND (CAST(:platform AS text) IS NULL OR platform = :platform OR grants.connector = :platform)
                ORDER BY platform, handle_key, grants.connector
                """
            ),
            {
                "tenant_id": self._access.tenant.id, "account_id": account_id, "creator_id": creator_id,
                "platform": platform,
            },
        )  # fmt: skip
        connected = [
            ConnectedAccount(
                row.id, row.platform, row.handle, row.native_id, row.url, row.creator_id, row.creator, row.connector,
                row.state,
            )
            for row in rows
        ]  # fmt: skip
        if account is not None and not connected:
            raise NotFound(f"{account} is not connected.", hint="`engagerr platform connect` signs in to a platform.")
        return connected

    def _account_id(self, session: Session, account: str) -> UUID:
        name = parse_account(account)
        found: UUID | None = session.execute(
            text(
                "SELECT id FROM accounts WHERE tenant_id = :tenant_id AND platform = :platform"
                " AND (handle_key = :key OR native_id = :handle) ORDER BY handle_key = :key DESC LIMIT 1"
            ),
            {
                "tenant_id": self._access.tenant.id, "platform": name.platform, "key": account_key(name.handle),
                "handle": name.handle,
            },
        ).scalar_one_or_none()  # fmt: skip
        if found is None:
            raise NotFound(f"There is no account {name}.", hint="`engagerr creator show` lists a creator's accounts.")
        return found

    def _stream_status(
        self, session: Session, whose: ConnectedAccount, connector: Connector
    ) -> builtins.list[StreamStatus]:
        rows = []
        for stream in connector.streams:
            checkpoint = read_checkpoint(
                session, tenant_id=self._access.tenant.id, account_id=whose.id, connector=connector.name,
                stream=stream.name,
            )  # fmt: skip
            never = checkpoint.position == 0 and checkpoint.next_due_at is None
            rows.append(
                StreamStatus(
                    whose.name, whose.creator, connector.name, stream.name, "never" if never else checkpoint.state,
                    checkpoint.pass_began_at is not None, checkpoint.complete_until, checkpoint.next_due_at,
                    checkpoint.failures, checkpoint.error, checkpoint.position,
                )
            )  # fmt: skip
        return rows

    # ── A run ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _run(
        self,
        work: builtins.list[Work],
        *,
        not_due: int,
        next_due: datetime | None,
        workers: int | None,
        progress: Callable[[SyncProgress], None] | None,
        options: dict[str, Any],
        stop: threading.Event | None = None,
    ) -> SyncReport:
        settings = self._access.settings
        workers = settings.sync.workers if workers is None else workers
        if not 1 <= workers <= settings.database.pool_size - 1:
            raise InvalidInput(
                f"{workers} workers cannot work with database.pool_size = {settings.database.pool_size}.",
                hint="Each worker needs a connection of its own, and the run itself one: raise it, or take fewer.",
                facts={"workers": workers, "pool_size": settings.database.pool_size},
            )
        started_at = self._access.clock.now()
        with self._access.transaction(Permission.SYNC) as session:
            run_id: UUID = session.execute(
                text(
                    "INSERT INTO sync_runs (tenant_id, member_id, correlation_id, holder, options, started_at, state)"
                    " VALUES (:tenant_id, :member_id, :correlation_id, :holder, CAST(:options AS jsonb), :now,"
                    " 'running') RETURNING id"
                ),
                {
                    "tenant_id": self._access.tenant.id, "member_id": self._access.member.id,
                    "correlation_id": correlation_id(), "holder": holder_of_this_process(),
                    "options": json.dumps({name: value for name, value in options.items() if value is not None}),
                    "now": started_at,
                },
            ).scalar_one()  # fmt: skip
            self._access.audit(session, "sync.started", f"run:{run_id}", **options)
        results: builtins.list[StreamResult] = []
        state = "interrupted"
        try:
            if work:
                run = Run(
                    self._access, self._http(),
                    GrantBook(
                        self._access.database, tenant_id=self._access.tenant.id, settings=settings, http=self._http()
                    ),
                    run_id, progress or (lambda _: None), settings.sync.lease_seconds, stop or threading.Event(),
                )  # fmt: skip
                results.extend(run_all(run, work, workers=workers))
            state = _verdict(results)
        finally:
            finished_at = self._access.clock.now()
            with self._access.transaction(Permission.SYNC) as session:
                session.execute(
                    text(
                        "UPDATE sync_runs SET finished_at = :now, state = :state"
                        " WHERE tenant_id = :tenant_id AND id = :id"
                    ),
                    {"tenant_id": self._access.tenant.id, "id": run_id, "now": finished_at, "state": state},
                )
                tasks = open_tasks(session, tenant_id=self._access.tenant.id)
            log("sync.finished", run=str(run_id), state=state, streams=len(results))
        due = [result.next_due_at for result in results if result.next_due_at is not None]
        return SyncReport(
            run_id, state, started_at, finished_at, tuple(results), not_due,
            min([*due, *([next_due] if next_due else [])], default=None), tasks,
        )  # fmt: skip


def _verdict(results: builtins.list[StreamResult]) -> str:
    states = {result.state for result in results}
    if StreamState.INTERRUPTED in states:
        return "interrupted"
    if StreamState.FAILED not in states:
        return "succeeded"
    return "failed" if states == {StreamState.FAILED} else "partial"
