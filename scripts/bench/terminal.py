"""A pseudo-terminal with a program in it: when does it first paint, and how long after a key is it quiet again?"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType

_QUIET_SECONDS = 0.06
_LONGEST_SECONDS = 120.0


class Terminal:
    """Runs a command in a terminal of `columns` × `rows` and reads what it paints."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], *, columns: int = 140, rows: int = 45) -> None:
        self.seen = bytearray()
        self.started = time.perf_counter()
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:  # pragma: no cover  the child
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execvpe(command[0], list(command), {**env, "TERM": "xterm-256color", "COLORTERM": "truecolor"})
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, marker: bytes) -> float:
        """Seconds from the start until this was painted."""
        deadline = time.perf_counter() + _LONGEST_SECONDS
        while marker not in self.seen:
            if time.perf_counter() > deadline or not self._read(0.5):
                raise TimeoutError(f"{marker!r} was not painted; the end of what was: {bytes(self.seen[-400:])!r}")
        return time.perf_counter() - self.started

    def quiet(self) -> float:
        """Read until nothing more comes for a while; seconds until the last byte."""
        began = last = time.perf_counter()
        while True:
            if self._read(_QUIET_SECONDS, or_end=False):
                last = time.perf_counter()
            elif time.perf_counter() - last >= _QUIET_SECONDS:
                return last - began

    def press(self, keys: bytes) -> tuple[float, float, int]:
        """Type: seconds to the first byte and to the last, and how many bytes came."""
        before = len(self.seen)
        os.write(self._terminal, keys)
        began = time.perf_counter()
        while not self._read(_LONGEST_SECONDS, or_end=False):
            if time.perf_counter() - began > _LONGEST_SECONDS:
                raise TimeoutError(f"nothing was painted after {keys!r}")
        first = time.perf_counter() - began
        return first, first + self.quiet(), len(self.seen) - before

    def memory_bytes(self) -> int:
        """What the program holds in memory now (its resident set)."""
        with open(f"/proc/{self.pid}/statm", encoding="ascii") as file:  # noqa: PTH123
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def close(self) -> None:
        """End the program."""
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.pid, signal.SIGTERM)
            for _ in range(100):
                if os.waitpid(self.pid, os.WNOHANG)[0]:
                    break
                self._read(0.05, or_end=False)
            else:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
        with contextlib.suppress(OSError):
            os.close(self._terminal)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self, seconds: float, *, or_end: bool = True) -> bool:
        ready, _, _ = select.select([self._terminal], [], [], seconds)
        if not ready:
            return or_end
        try:
            self.seen += os.read(self._terminal, 65536)
        except OSError:
            return False
        return True
