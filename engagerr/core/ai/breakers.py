"""Who is left alone for a while: a model that failed or lied so often in a row that the next call would only cost time.

And how long a call may take at all: `within` waits so long and no longer, whatever the other side does.
"""

from __future__ import annotations

import contextlib
import threading
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pybreaker

from engagerr.core.ai.provider import ProviderFailed
from engagerr.core.telemetry import log

if TYPE_CHECKING:
    from engagerr.core.clock import Clock

# A hiccup and its repetition are borne; the third failure in a row is an outage.
FAILURES = 3
PAUSE_SECONDS = 60.0
Result = TypeVar("Result")


class Breakers:
    """One breaker a model, in this process: a command or a job is over before it would matter to the next one."""

    def __init__(self, clock: Clock, *, failures: int = FAILURES, pause_seconds: float = PAUSE_SECONDS) -> None:
        self._clock = clock
        self._failures = failures
        self._pause_seconds = pause_seconds
        self._breakers: dict[str, tuple[pybreaker.CircuitBreaker, _Memory]] = {}
        self._rests_until: dict[str, datetime] = {}
        self._making = threading.Lock()

    def why_not(self, label: str) -> str | None:
        """None if the model may be asked; else why it is left alone."""
        now = self._clock.now()
        if (until := self._rests_until.get(label)) is not None and now < until:
            return f"it asked to be left alone for {(until - now).total_seconds():.0f} s more"
        breaker, memory = self._breaker(label)
        if breaker.current_state == pybreaker.STATE_OPEN and memory.opened_on_our_clock is not None:
            left = (memory.opened_on_our_clock + timedelta(seconds=self._pause_seconds) - now).total_seconds()
            if left > 0:
                return f"it failed {self._failures} times in a row and is left alone for {left:.0f} s more"
        return None

    def guard(self, label: str, exchange: Callable[[], Result]) -> Result:
        """Make one exchange and count how it ended; what it raises is raised.

        The library's own lock is held while it counts and not while the model thinks: nobody waits for somebody else's
        call.
        """
        breaker, _ = self._breaker(label)
        try:
            result = exchange()
        except ProviderFailed as failure:
            if failure.retry_after_seconds:
                until = self._clock.now() + timedelta(seconds=failure.retry_after_seconds)
                self._rests_until[label] = until
            # Another thread's failures may have opened it meanwhile: then there is nothing to count.
            with contextlib.suppress(ProviderFailed, pybreaker.CircuitBreakerError):
                breaker.call(_fail, failure)
            raise
        with contextlib.suppress(pybreaker.CircuitBreakerError):
            breaker.call(lambda: None)
        return result

    def _breaker(self, label: str) -> tuple[pybreaker.CircuitBreaker, _Memory]:
        with self._making:
            if label not in self._breakers:
                memory = _Memory(self._clock)
                breaker = pybreaker.CircuitBreaker(
                    fail_max=self._failures, reset_timeout=self._pause_seconds, state_storage=memory,
                    listeners=[_Log(label)], throw_new_error_on_trip=False,
                )  # fmt: skip
                self._breakers[label] = breaker, memory
            return self._breakers[label]


def _fail(failure: ProviderFailed) -> None:
    raise failure


class _Memory(pybreaker.CircuitMemoryStorage):
    """The breaker's own memory, on our clock: the library compares with the machine's."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(pybreaker.STATE_CLOSED)
        self._clock = clock
        self.opened_on_our_clock: datetime | None = None

    @property
    def opened_at(self) -> datetime | None:
        """When it opened, told on the machine's clock."""
        if self.opened_on_our_clock is None:
            return None
        return self.opened_on_our_clock + (datetime.now(UTC) - self._clock.now())

    @opened_at.setter
    def opened_at(self, _: datetime) -> None:
        self.opened_on_our_clock = self._clock.now()


class _Log(pybreaker.CircuitBreakerListener):
    def __init__(self, label: str) -> None:
        self._label = label

    def state_change(self, cb: pybreaker.CircuitBreaker, old_state: Any, new_state: Any) -> None:  # noqa: ARG002
        """One event a change."""
        log(
            "ai.circuit",
            level="warning" if new_state.name == pybreaker.STATE_OPEN else "info",
            model=self._label,
            before=old_state.name if old_state else None,
            after=new_state.name,
        )


class _Outcome(Generic[Result]):
    """Where the thread of a call leaves what came of it."""

    def __init__(self) -> None:
        self.there = threading.Event()
        self.result: Result | None = None
        self.error: BaseException | None = None


def within(seconds: float, exchange: Callable[[], Result], *, name: str) -> Result:
    """What `exchange` returns, if it does so in time.

    A library's time-outs are for each phase of a call, and a model on this machine has none: the caller's wait is
    bounded here. A call that is given up goes on in a thread of its own, and nobody hears of it any more.

    Raises:
        ProviderFailed: it did not end in time, or it failed in a way of its own.
    """
    outcome: _Outcome[Result] = _Outcome()

    def run() -> None:
        try:
            outcome.result = exchange()
        except BaseException as error:  # noqa: BLE001  handed to the thread that waits
            outcome.error = error
        outcome.there.set()

    threading.Thread(target=run, name=f"model {name}", daemon=True).start()
    if not outcome.there.wait(seconds):
        raise TimedOut(f"no answer within {seconds:g} s", transient=True)
    if isinstance(outcome.error, ProviderFailed):
        raise outcome.error
    if outcome.error is not None:
        # Its message may hold words of the text: told is what it was and where.
        last = traceback.extract_tb(outcome.error.__traceback__)[-1]
        place = f"{Path(last.filename).name}:{last.lineno}"
        log("ai.provider_broke", level="error", model=name, error=type(outcome.error).__name__, place=place)
        raise ProviderFailed(f"it failed with {type(outcome.error).__name__}", transient=True) from outcome.error
    return outcome.result  # type: ignore[return-value]


class TimedOut(ProviderFailed):
    """No answer in time."""
