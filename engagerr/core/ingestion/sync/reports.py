"""What a sync says of itself: while it runs, when it is done, and when somebody asks later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from engagerr.core.events import Task


class StreamState(StrEnum):
    """How a stream's part of a run ended."""

    DONE = "done"
    WAITING = "waiting"  # quota or a busy platform: goes on by itself at `next_due_at`
    PERMISSION_DENIED = "permission_denied"  # the grant or the account does not allow it: costs this stream only
    FAILED = "failed"
    SKIPPED = "skipped"  # another run holds the account
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class SyncProgress:
    """A page has landed, or a stream has ended (`state`). `accounts_done` of the run's `accounts` are through."""

    account: str
    connector: str
    stream: str
    pages: int
    items: int
    observations: int
    accounts_done: int
    accounts: int
    state: StreamState | None = None


@dataclass(frozen=True, slots=True)
class StreamResult:
    """What one stream of one account brought in one run. `error` is {category, message, hint} where it failed.

    `gaps` say in words what is missing and will not come any more.
    """

    account: str
    connector: str
    stream: str
    state: StreamState
    pages: int = 0
    items_new: int = 0
    items_updated: int = 0
    observations_new: int = 0
    quarantined: int = 0
    gaps: tuple[str, ...] = ()
    error: dict[str, Any] | None = None
    next_due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SyncReport:
    """One run. `state`: succeeded (nothing failed; streams may wait for quota), partial, failed, interrupted.

    `next_due_at` is when the next stream of those that the run looked at is due. `tasks` are open for a person.
    """

    run_id: UUID
    state: str
    started_at: datetime
    finished_at: datetime
    results: tuple[StreamResult, ...]
    not_due: int
    next_due_at: datetime | None
    tasks: tuple[Task, ...]

    @property
    def failures(self) -> tuple[StreamResult, ...]:
        """The streams that failed."""
        return tuple(result for result in self.results if result.state is StreamState.FAILED)

    @property
    def skipped(self) -> tuple[StreamResult, ...]:
        """The accounts that another run is working on."""
        return tuple(result for result in self.results if result.state is StreamState.SKIPPED)


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run in the history, with sums over its streams."""

    id: UUID
    started_at: datetime
    finished_at: datetime | None
    state: str
    holder: str
    member: str | None
    options: dict[str, Any]
    streams: int
    failed: int
    pages: int
    items_new: int
    observations_new: int


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """How one stream of one account stands. `complete_until`: everything published before then was seen."""

    account: str
    creator: str | None
    connector: str
    stream: str
    state: str
    in_pass: bool
    complete_until: datetime | None
    next_due_at: datetime | None
    failures: int
    error: dict[str, Any] | None
    pages: int


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """How one connected account stands: its grant, who works on it, its circuit, its streams."""

    account: str
    creator: str | None
    connector: str
    grant: str
    expires_at: datetime | None
    held_by: str | None
    held_until: datetime | None
    circuit: str
    circuit_reason: str | None
    streams: tuple[StreamStatus, ...]
