"""Checkpoints: how far a stream of an account is. A page and its checkpoint land in one transaction, so a process that
dies loses at most the page in flight; `position` only grows, so that a page can land once only."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import Conflict
from engagerr.core.integrations.connector import Page, Stream

if TYPE_CHECKING:
    from engagerr.core.db import Session

# Figures of a pass share one moment; a pass that went on after a pause says when it really looked.
_ONE_MOMENT = timedelta(minutes=15)
# Platforms say when something was published by their own clocks, in whole seconds, and list it a while later.
_OVERLAP = timedelta(minutes=15)
_FIRST_RETRY = timedelta(minutes=5)


class CheckpointMoved(Conflict):
    """Somebody else landed a page of this stream meanwhile."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a stream stands. Between passes `cursor` and `pass_began_at` are None.

    `complete_until`: everything published before then was seen. `whole_at`: when the last pass from the start began.
    """

    position: int = 0
    cursor: str | None = None
    pass_began_at: datetime | None = None
    pass_since: datetime | None = None
    moment: datetime | None = None
    whole: bool = False
    complete_until: datetime | None = None
    whole_at: datetime | None = None
    remembered: dict[str, str] = field(default_factory=dict)
    next_due_at: datetime | None = None
    state: str = "ok"
    failures: int = 0
    error: dict[str, Any] | None = None

    def is_due(self, now: datetime) -> bool:
        """Whether it is time for a pass, or for the rest of one."""
        return self.next_due_at is None or self.next_due_at <= now

    def begun(self, stream: Stream, now: datetime, *, since: datetime | None = None) -> Checkpoint:
        """The checkpoint as a pass begins or goes on: a pass that was cut off goes on where it was, unless the user
        asks for another range."""
        if self.pass_began_at is not None and (since is None or since == self.pass_since):
            stale = self.moment is None or now - self.moment >= _ONE_MOMENT or now < self.moment
            return replace(self, moment=now if stale else self.moment)
        whole = since is None and (
            self.whole_at is None or (stream.whole_every is not None and now - self.whole_at >= stream.whole_every)
        )
        if since is not None:
            begin: datetime | None = since
        elif whole:
            begin = None if stream.look_back is None else now - stream.look_back
        else:
            begin = min((self.complete_until or now) - max(stream.lag, _OVERLAP), now - stream.revisit)
            if stream.look_back is not None:
                begin = max(begin, now - stream.look_back)
        return replace(self, cursor=None, pass_began_at=now, pass_since=begin, moment=now, whole=whole)

    def after(self, page: Page, stream: Stream, now: datetime) -> Checkpoint:
        """The checkpoint once this page has landed; the last page of a pass completes it."""
        ahead = replace(
            self,
            position=self.position + 1,
            remembered={**self.remembered, **page.remember},
            state="ok",
            # Once the pass is through, it has recovered; until then somebody may still wait to hear of it.
            failures=min(self.failures, 1),
            error=None,
        )
        if page.next is not None:
            moment = now if self.moment is None or now - self.moment >= _ONE_MOMENT else self.moment
            return replace(ahead, cursor=page.next, moment=moment, next_due_at=now)
        return ahead.completed(stream, now)

    def completed(self, stream: Stream, now: datetime) -> Checkpoint:
        """The checkpoint when the pass is through."""
        began = self.pass_began_at or now
        # A pass over a part that somebody asked for does not make the rest complete. One that went back as far as the
        # platform gives anything does: what was lost before that is a gap, and named already.
        everything = self.whole or self.pass_since is None
        if self.pass_since is not None and stream.look_back is not None:
            everything = everything or self.pass_since <= began - stream.look_back
        joined = None not in (self.complete_until, self.pass_since) and self.pass_since <= self.complete_until  # type: ignore[operator]
        reached = self.complete_until
        if everything or joined:
            reached = began if reached is None else max(began, reached)
        return replace(
            self,
            cursor=None, pass_began_at=None, pass_since=None, moment=None, whole=False,
            complete_until=reached, whole_at=began if self.whole else self.whole_at,
            # Counted from when it began: a pass that was cut off and ends late has seen nothing that came since.
            next_due_at=max(now, began + stream.every), state="ok", failures=0, error=None,
        )  # fmt: skip

    def stumbled(self, state: str, error: dict[str, Any], *, due: datetime) -> Checkpoint:
        """The checkpoint after a fault: what landed stays, and the pass goes on from there at `due`."""
        return replace(
            self, state=state, error=error, next_due_at=due, failures=self.failures + (1 if state == "failed" else 0)
        )

    def pause(self, stream: Stream) -> timedelta:
        """How long to leave a stream alone that failed: twice as long each time, at most its usual interval."""
        return min(stream.every, _FIRST_RETRY * float(2 ** min(self.failures, 10)))

    def gap(self, stream: Stream, account: str, now: datetime) -> str | None:
        """What the platform no longer gives because the last complete pass is too long ago."""
        if stream.look_back is None or self.complete_until is None or self.pass_began_at is not None:
            return None
        lost_until = now - stream.look_back
        if self.complete_until >= lost_until:
            return None
        return (
            f"{stream.title} of {account} from {self.complete_until:%Y-%m-%d %H:%M} to {lost_until:%Y-%m-%d %H:%M} UTC"
            f" were not fetched in time: the platform gives them for {_in_words(stream.look_back)} only."
        )


def read_checkpoint(session: Session, *, tenant_id: UUID, account_id: UUID, connector: str, stream: str) -> Checkpoint:
    """The stream's checkpoint; a fresh one if it has none."""
    row = session.execute(
        text(
            "SELECT position, cursor, pass_began_at, pass_since, moment, whole, complete_until, whole_at, remembered,"
            " next_due_at, state, failures, error FROM sync_checkpoints WHERE tenant_id = :tenant_id"
            " AND account_id = :account_id AND connector = :connector AND stream = :stream"
        ),
        {"tenant_id": tenant_id, "account_id": account_id, "connector": connector, "stream": stream},
    ).one_or_none()
    return Checkpoint() if row is None else Checkpoint(**row._asdict())


def write_checkpoint(
    session: Session,
    *,
    tenant_id: UUID,
    account_id: UUID,
    connector: str,
    stream: str,
    before: Checkpoint,
    after: Checkpoint,
    now: datetime,
) -> None:
    """Write it, if it still stands where `before` stood; raises `CheckpointMoved` otherwise."""
    written = session.execute(
        text(
            """
            INSERT INTO sync_checkpoints AS known (tenant_id, account_id, connector, stream, position, cursor,
              pass_began_at, pass_since, moment, whole, complete_until, whole_at, remembered, next_due_at, state,
              failures, error, updated_at)
            VALUES (:tenant_id, :account_id, :connector, :stream, :position, :cursor, :pass_began_at, :pass_since,
              :moment, :whole, :complete_until, :whole_at, CAST(:remembered AS jsonb), :next_due_at, :state, :failures,
              CAST(:error AS jsonb), :now)
            ON CONFLICT (tenant_id, account_id, connector, stream) DO UPDATE
              SET position = excluded.position, cursor = excluded.cursor, pass_began_at = excluded.pass_began_at,
                  pass_since = excluded.pass_since, moment = excluded.moment, whole = excluded.whole,
                  complete_until = excluded.complete_until, whole_at = excluded.whole_at,
                  remembered = excluded.remembered, next_due_at = excluded.next_due_at, state = excluded.state,
                  failures = excluded.failures, error = excluded.error, updated_at = excluded.updated_at
              WHERE known.position = :expected
            RETURNING 1
            """
        ),
        {
            "tenant_id": tenant_id, "account_id": account_id, "connector": connector, "stream": stream,
            "expected": before.position, "now": now,
            **{name: getattr(after, name) for name in Checkpoint.__slots__},
            "remembered": json.dumps(after.remembered),
            "error": None if after.error is None else json.dumps(after.error),
        },
    ).one_or_none()  # fmt: skip
    if written is None:
        raise CheckpointMoved(
            f"The {stream} stream moved on while a page of it was landing.",
            hint="Nothing is lost or doubled: the page is fetched again from where the stream stands now.",
            facts={"stream": stream, "position": before.position},
        )


def _in_words(span: timedelta) -> str:
    hours = span.total_seconds() / 3600
    return f"{hours:.0f} hours" if hours < 72 else f"{hours / 24:.0f} days"
