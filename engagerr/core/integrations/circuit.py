"""The circuit breaker of one account and connector: after so many failures in a row, it leaves the platform alone.

Its state is a row that anybody can look at, and that outlives the process. Only who holds the account's lease calls the
platform in its name, so the row is read once and written when it changes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pybreaker

from engagerr.core.integrations.connector import Answer, Connector, Fault, FaultKind
from engagerr.core.integrations.faults import CircuitOpen
from engagerr.core.integrations.redaction import redacted
from engagerr.core.integrations.refusals import in_words
from engagerr.core.telemetry import log

if TYPE_CHECKING:
    from engagerr.core.clock import Clock
    from engagerr.core.db import Database

# Two calls that failed in all their attempts: more than a hiccup, and no more than a minute lost to it.
FAILURES = 10
# Long enough that an outage is not hammered, short enough that the next scheduled pass finds it tried again.
PAUSE_SECONDS = 300.0


class _Down(Exception):
    """A failure as the breaker counts it."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class Circuit:
    """Guards the calls that one worker makes for one account. `DOWN` is a failure; any other answer shows life."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        tenant_id: UUID,
        account_id: UUID,
        connector: Connector,
        failures: int = FAILURES,
        pause_seconds: float = PAUSE_SECONDS,
    ) -> None:
        self._clock = clock
        self._connector = connector
        self._pause = timedelta(seconds=pause_seconds)
        self._row = _Row(database, clock, tenant_id=tenant_id, account_id=account_id, connector=connector.name)
        self._breaker: pybreaker.CircuitBreaker | None = None
        self._failures = failures

    def check(self) -> None:
        """Raise `CircuitOpen` while the platform is left alone, with the seconds until it is tried again."""
        breaker = self._loaded()
        opened_at = self._row.opened_on_our_clock
        if breaker.current_state == pybreaker.STATE_OPEN and opened_at is not None:
            left = (opened_at + self._pause - self._clock.now()).total_seconds()
            if left > 0:
                raise self._is_open(left)

    def guard(self, exchange: Callable[[], Answer | Fault]) -> Answer | Fault:
        """Make one exchange and count how it ended."""
        breaker = self._loaded()

        def counted() -> Answer | Fault:
            outcome = exchange()
            if isinstance(outcome, Fault) and outcome.kind is FaultKind.DOWN:
                self._row.reason = redacted(outcome.message)[:300]
                raise _Down(outcome)
            return outcome

        try:
            return breaker.call(counted)
        except _Down as down:
            return down.fault
        except pybreaker.CircuitBreakerError:
            pass
        raise self._is_open(self._pause.total_seconds())

    def _loaded(self) -> pybreaker.CircuitBreaker:
        if self._breaker is None:
            self._row.load()
            self._breaker = pybreaker.CircuitBreaker(
                fail_max=self._failures,
                reset_timeout=self._pause.total_seconds(),
                # What is neither an answer nor a failure of theirs (Ctrl-C, a bug of ours) proves nothing either way;
                # the breaker must call it one of the two, and a failure at least never closes a circuit.
                state_storage=self._row,
                listeners=[_Log(self._connector)],
                throw_new_error_on_trip=False,
            )
        return self._breaker

    def _is_open(self, left: float) -> CircuitOpen:
        return CircuitOpen(
            f"{self._connector.title} failed so often for this account that it is left alone"
            f" for {in_words(left)} more: {self._row.reason or 'no answer'}.",
            hint="It is tried again by itself after that.",
            facts={
                "platform": self._connector.platform,
                "connector": self._connector.name,
                "failures": self._row.counter,
                "said": self._row.reason,
            },
            retry_after=left,
        )


class _Row(pybreaker.CircuitBreakerStorage):
    """The breaker's memory: one row of `circuits`."""

    def __init__(self, database: Database, clock: Clock, *, tenant_id: UUID, account_id: UUID, connector: str) -> None:
        super().__init__("engagerr")
        self._database = database
        self._clock = clock
        self._key = {"tenant": tenant_id, "account": account_id, "connector": connector}
        self._state = pybreaker.STATE_CLOSED
        self._failures = 0
        self._successes = 0
        self.reason: str | None = None
        self.opened_on_our_clock: datetime | None = None

    def load(self) -> None:
        """Read the row, if there is one."""
        from sqlalchemy import text

        with self._database.transaction(self._key["tenant"]) as session:  # type: ignore[arg-type]
            row = session.execute(
                text(
                    "SELECT state, failures, opened_at, reason FROM circuits"
                    " WHERE tenant_id = :tenant AND account_id = :account AND connector = :connector"
                ),
                self._key,
            ).one_or_none()
        if row is not None:
            self._state, self._failures, self.opened_on_our_clock, self.reason = row

    def _save(self) -> None:
        from sqlalchemy import text

        with self._database.transaction(self._key["tenant"]) as session:  # type: ignore[arg-type]
            session.execute(
                text(
                    "INSERT INTO circuits"
                    " (tenant_id, account_id, connector, state, failures, opened_at, reason, updated_at)"
                    " VALUES (:tenant, :account, :connector, :state, :failures, :opened, :reason, :now)"
                    " ON CONFLICT (tenant_id, account_id, connector) DO UPDATE SET state = EXCLUDED.state,"
                    " failures = EXCLUDED.failures, opened_at = EXCLUDED.opened_at, reason = EXCLUDED.reason,"
                    " updated_at = EXCLUDED.updated_at"
                ),
                {
                    **self._key,
                    "state": self._state,
                    "failures": self._failures,
                    "opened": self.opened_on_our_clock,
                    "reason": self.reason,
                    "now": self._clock.now(),
                },
            )

    @property
    def state(self) -> str:
        """Closed, open or half-open."""
        return self._state

    @state.setter
    def state(self, state: str) -> None:
        self._state = state
        if state == pybreaker.STATE_CLOSED:
            self._failures, self.opened_on_our_clock, self.reason = 0, None, None
        self._save()

    def increment_counter(self) -> None:
        """One more failure in a row."""
        self._failures += 1
        self._save()

    def reset_counter(self) -> None:
        """A call went well, or the circuit closed."""
        if self._failures and self._state == pybreaker.STATE_CLOSED:
            self._failures, self.reason = 0, None
            self._save()

    def increment_success_counter(self) -> None:
        """A trial went well."""
        self._successes += 1

    def reset_success_counter(self) -> None:
        """No trials yet."""
        self._successes = 0

    @property
    def counter(self) -> int:
        """Failures in a row."""
        return self._failures

    @property
    def success_counter(self) -> int:
        """Trials in a row that went well."""
        return self._successes

    @property
    def opened_at(self) -> datetime | None:
        """When it opened, told on the machine's clock: the breaker knows no other to compare it with."""
        if self.opened_on_our_clock is None:
            return None
        return self.opened_on_our_clock + (datetime.now(UTC) - self._clock.now())

    @opened_at.setter
    def opened_at(self, _: datetime) -> None:
        self.opened_on_our_clock = self._clock.now()


class _Log(pybreaker.CircuitBreakerListener):
    def __init__(self, connector: Connector) -> None:
        self._connector = connector

    def state_change(self, cb: pybreaker.CircuitBreaker, old_state: Any, new_state: Any) -> None:
        """One event a change."""
        log(
            "platform.circuit",
            level="warning" if new_state.name == pybreaker.STATE_OPEN else "info",
            platform=self._connector.platform,
            before=old_state.name if old_state else None,
            after=new_state.name,
            failures=cb.fail_counter,
        )
