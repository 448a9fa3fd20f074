"""The one place where the console leaves the event loop: every call of the core runs on a thread from here."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from textual.message import Message
from textual.screen import ScreenResultType
from textual.worker import active_worker, get_current_worker

from engagerr.core.clock import Clock, SystemClock
from engagerr.core.errors import Broken, EngagerrError
from engagerr.tui.closing import ClosesOnce


class WorkState(StrEnum):
    """How far a piece of work is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Cancelled(Exception):
    """The person left the work: raised inside it by `Progress.report`."""


@dataclass(slots=True)
class Work:
    """A piece of long work that the person sees in the list of jobs: what, how far, and how it ended."""

    name: str
    began_at: datetime
    state: WorkState = WorkState.RUNNING
    done: int = 0
    of: int | None = None
    said: str = ""
    stop: threading.Event = field(default_factory=threading.Event)


class Progress:
    """What long work tells of itself. `report` also is where it notices that it was cancelled."""

    def __init__(self, work: Work, tell: Callable[[], None]) -> None:
        self.work = work
        self._tell = tell

    @property
    def stop(self) -> threading.Event:
        """Set when the person cancels: for verbs of the core that take an event."""
        return self.work.stop

    def report(self, done: int, of: int | None = None, said: str = "") -> None:
        """So many of so many are done.

        Raises:
            Cancelled: the person wants no more of it.
        """
        if self.work.stop.is_set():
            raise Cancelled
        self.work.done, self.work.of = done, of
        self.work.said = said or self.work.said
        self._tell()


class Loading(ClosesOnce[ScreenResultType]):
    """A screen that asks the core on a thread and draws the answer on the loop."""

    class Loaded(Message):
        """The answer to the newest question of this topic."""

        def __init__(self, topic: str, result: Any) -> None:
            super().__init__()
            self.topic = topic
            self.result = result

    class Failed(Message):
        """The newest question of this topic ended in an error."""

        def __init__(self, topic: str, error: EngagerrError) -> None:
            super().__init__()
            self.topic = topic
            self.error = error

    class Told(Message):
        """Long work of this topic told how far it is."""

        def __init__(self, topic: str, work: Work) -> None:
            super().__init__()
            self.topic = topic
            self.work = work

    def load(self, topic: str, call: Callable[..., Any], *args: Any) -> None:
        """Run `call` off the loop; a newer load of the same topic supersedes it."""

        def run() -> None:
            answer = self._answer(topic, call, *args)
            # A thread cannot be killed: a superseded one must not answer.
            if not get_current_worker().is_cancelled:
                self.post_message(answer)

        self._on_thread(run, topic, exclusive=True)

    def act(self, topic: str, call: Callable[..., Any], *args: Any) -> bool:
        """Run a verb that changes something: never superseded. False while one of this topic still runs."""
        group = f"act:{topic}"
        if any(worker.group == group and worker.is_running for worker in self.workers if worker.node is self):
            return False
        self._on_thread(lambda: self.post_message(self._answer(topic, call, *args)), group)
        return True

    def work(self, topic: str, name: str, call: Callable[[Progress], Any], *, clock: Clock | None = None) -> Work:
        """Run long work that reports its progress, can be cancelled, and stands in the list of jobs until it ends."""
        work = Work(name, (clock or SystemClock()).now())
        progress = Progress(work, lambda: self._tell(topic, work))

        def run() -> None:
            try:
                answer = self._answer(topic, call, progress)
            except Cancelled:
                work.state = WorkState.CANCELLED
                self._tell(topic, work)
                return
            work.state = WorkState.FAILED if isinstance(answer, self.Failed) else WorkState.DONE
            if isinstance(answer, self.Failed):
                work.said = answer.error.message
            self._tell(topic, work)
            self.post_message(answer)

        self._on_thread(run, f"work:{topic}")
        return work

    def _on_thread(self, call: Callable[[], Any], group: str, *, exclusive: bool = False) -> None:
        def run() -> None:
            try:
                call()
            finally:
                # A thread remembers whom it worked for until its next work: a closed screen would live on in it.
                active_worker.set(None)  # type: ignore[arg-type]

        self.run_worker(run, thread=True, exclusive=exclusive, group=group)

    def _answer(self, topic: str, call: Callable[..., Any], *args: Any) -> Message:
        try:
            return self.Loaded(topic, call(*args))
        except EngagerrError as error:
            return self.Failed(topic, error)
        except Cancelled:
            raise
        except Exception as bug:  # noqa: BLE001  the boundary of this skin: a bug costs one answer, not the console
            return self.Failed(topic, self._bug(topic, bug))

    def _bug(self, topic: str, bug: Exception) -> EngagerrError:
        import traceback

        from engagerr.core.telemetry import log

        trace = "".join(traceback.format_exception(bug))
        log("console.bug", level="error", screen=type(self).__name__, topic=topic, trace=trace)
        error = Broken(
            f"Engagerr made a mistake here ({type(bug).__name__}).",
            hint="The log of this home has the details. Before you do it again, see whether it was done.",
        )
        error.__cause__ = bug
        if isinstance(bugs := getattr(self.app, "bugs", None), list):
            bugs.append(bug)
        return error

    def _tell(self, topic: str, work: Work) -> None:
        self.post_message(self.Told(topic, work))
