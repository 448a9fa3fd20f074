"""What every benchmark needs: a durable Engagerr in a temporary home, ratios with their spread, one JSON document."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

APP, SUPERUSER = "engagerr_app", "postgres"


def say(line: str) -> None:
    """Progress, for a person."""
    print(line, file=sys.stderr, flush=True)


@contextlib.contextmanager
def step(name: str) -> Iterator[None]:
    """Say what is being done and how long it took."""
    started = time.perf_counter()
    yield
    say(f"  {name}: {time.perf_counter() - started:.1f} s")


class Home:
    """A temporary Engagerr home with its own embedded server, as durable as a user's."""

    def __init__(self, path: Path) -> None:
        from engagerr.core.db.embedded import EmbeddedServer

        self.path = path
        self.server = EmbeddedServer(path)

    def environment(self) -> dict[str, str]:
        """The environment of a command that works in this home and in no other."""
        return {**_without_settings(), "ENGAGERR_HOME": str(self.path)}

    def connect(self, role: str, *, autocommit: bool = True) -> psycopg.Connection[Any]:
        """A plain connection over the server's own socket."""
        address = self.server.address()
        assert address is not None
        return psycopg.connect(
            host=str(address.socket_dir),
            port=address.port,
            dbname=address.database,
            user=role,
            password=self.server.password(role),
            autocommit=autocommit,
        )

    def remove(self) -> None:
        """Stop the server and remove every file, wherever the server keeps them."""
        with contextlib.suppress(Exception):
            self.server.stop()
        link = self.path / "postgres"
        if link.is_symlink():
            shutil.rmtree(link.readlink(), ignore_errors=True)
        shutil.rmtree(self.path, ignore_errors=True)


@contextlib.contextmanager
def temporary_home() -> Iterator[Home]:
    """A home that is gone afterwards, also after Ctrl-C or SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for name in set(os.environ) - set(_without_settings()):
        del os.environ[name]
    home = Home(Path(tempfile.mkdtemp(prefix="engagerr-bench-")))
    try:
        yield home
    finally:
        home.remove()


def _without_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("ENGAGERR_", "PG"))}


@dataclass(slots=True)
class Limit:
    """One ratio and its bound; exactly one of `at_most` and `at_least` is given."""

    name: str
    ratio: float
    at_most: float | None = None
    at_least: float | None = None
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool:
        """Whether the ratio keeps its bound."""
        if self.at_most is not None:
            return self.ratio <= self.at_most
        assert self.at_least is not None
        return self.ratio >= self.at_least

    def document(self) -> dict[str, Any]:
        """As it is printed."""
        bound = {"at_most": self.at_most} if self.at_most is not None else {"at_least": self.at_least}
        return {"name": self.name, "ratio": round(self.ratio, 3), **bound, "met": self.met, "figures": self.figures}


def percentile(values: Iterable[float], share: float) -> float:
    """The nearest-rank percentile: a value that was really seen."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spread(values: Sequence[float], digits: int = 3) -> dict[str, float]:
    """Median and range of repeated measurements: how far the noise of the machine reaches."""
    return {
        "median": round(statistics.median(values), digits),
        "min": round(min(values), digits),
        "max": round(max(values), digits),
        "runs": len(values),
    }


def arguments(description: str) -> argparse.ArgumentParser:
    """A parser with what all benchmarks take."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assert", dest="assert_limits", action="store_true", help="exit 1 when a limit is missed")
    return parser


def finish(
    benchmark: str, limits: Sequence[Limit], *, sizes: dict[str, Any], also: dict[str, Any], assert_limits: bool
) -> None:
    """Print the one JSON document and end the program."""
    met = all(limit.met for limit in limits)
    print(
        json.dumps(
            {
                "benchmark": benchmark,
                "met": met,
                "limits": [limit.document() for limit in limits],
                "sizes": sizes,
                "also": also,
                "machine": {
                    "cores": os.cpu_count(),
                    "load_1_5_15_minutes": [round(load, 2) for load in os.getloadavg()],
                    "python": platform.python_version(),
                    "system": f"{platform.system()} {platform.machine()}",
                },
            },
            indent=2,
        )
    )
    sys.exit(1 if assert_limits and not met else 0)
