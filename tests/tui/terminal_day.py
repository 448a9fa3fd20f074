"""A copy of the sample agency to write in, and the console in a real terminal: keys go in, cells come out."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from tests.fakes.cluster import Clone, Cluster

ENGAGERR = Path(sys.executable).with_name("engagerr")
_LONGEST_SECONDS = 60.0
_LOOK_AGAIN_SECONDS = 0.05
_QUIET_SECONDS = 0.25


@contextlib.contextmanager
def copied(cluster: Cluster, sample: tuple[Clone, Path], folder: Path) -> Iterator[tuple[Clone, Path]]:
    """The sample agency in a database and a home of the test's own. Nobody may be connected to the shared one."""
    clone, home = sample
    own_home = folder / "northlight"
    shutil.copytree(home, own_home, symlinks=True)
    with cluster.clone(clone.name) as own:
        yield own, own_home


def environment(clone: Clone, home: Path) -> dict[str, str]:
    """What a process needs to work in this home; nothing of the caller's own Engagerr."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ENGAGERR_", "PG", "TMUX"))}
    kept.pop("NO_COLOR", None)
    return kept | {
        "ENGAGERR_HOME": str(home), "ENGAGERR_DATABASE__URL": clone.url(), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8",
    }  # fmt: skip


def command(*words: str, env: Mapping[str, str]) -> str:
    """What `engagerr …` prints; it must succeed."""
    done = subprocess.run(
        [ENGAGERR, *words], env={**env, "COLUMNS": "140"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Tmux:
    """`engagerr console` in a terminal of its own server of tmux."""

    def __init__(self, folder: Path, env: Mapping[str, str], *, columns: int = 80, rows: int = 24) -> None:
        self._env = dict(env)
        # A path to a socket may have about a hundred characters, and folders of tests are deep.
        self._server = ["tmux", "-L", f"engagerr-{os.getpid()}-{time.monotonic_ns() % 10**8}", "-f", "/dev/null"]
        self._tmux("new-session", "-d", "-s", "day", "-x", str(columns), "-y", str(rows), "-c", str(folder),
                   f"{ENGAGERR} console; echo CONSOLE ENDED; sleep 600")  # fmt: skip

    def press(self, *keys: str) -> str:
        """Press keys by tmux's names, as a person does who looks after each; the screen after them."""
        for key in keys:
            self._tmux("send-keys", "-t", "day", key)
            self.quiet()
        return self.screen()

    def quiet(self) -> None:
        """Wait until nothing is painted for a moment."""
        deadline = time.monotonic() + _LONGEST_SECONDS
        before, since = self.screen(), time.monotonic()
        while time.monotonic() - since < _QUIET_SECONDS and time.monotonic() < deadline:
            time.sleep(_LOOK_AGAIN_SECONDS)
            if (now := self.screen()) != before:
                before, since = now, time.monotonic()

    def type(self, words: str) -> None:
        """Type letters as they are."""
        self._tmux("send-keys", "-t", "day", "-l", words)

    def screen(self) -> str:
        """The cells, as text."""
        return self._tmux("capture-pane", "-p", "-t", "day")

    def until(self, wanted: str | Callable[[str], object], why: str = "") -> str:
        """The screen as soon as it shows this text (or satisfies this question)."""
        shows = (lambda screen: wanted in screen) if isinstance(wanted, str) else wanted
        deadline = time.monotonic() + _LONGEST_SECONDS
        while not shows(screen := self.screen()):
            if time.monotonic() > deadline or "CONSOLE ENDED" in screen:
                pytest.fail(f"not shown: {why or wanted}\n{screen}")
            time.sleep(_LOOK_AGAIN_SECONDS)  # a terminal tells nobody when it has painted
        return screen

    def close(self) -> None:
        """End the terminal and what runs in it."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self._tmux("kill-server")

    def __enter__(self) -> Tmux:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _tmux(self, *words: str) -> str:
        done = subprocess.run([*self._server, *words], env=self._env, capture_output=True, text=True, check=True)
        return done.stdout


def line_with(screen: str, words: str) -> str:
    """The line of the screen that has these words."""
    return next(line for line in screen.splitlines() if words in line)


def key_of(screen: str, words: str) -> str:
    """The key that a menu on the screen gives a verb."""
    found = re.search(rf"(\S)  {re.escape(words)}", screen)
    assert found, f"no verb {words!r}\n{screen}"
    return found[1]
