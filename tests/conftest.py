"""What every test can ask for: a home, a database of its own, an Engagerr on it, and two workspaces that never meet."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from engagerr import Engagerr, Settings, Workspace
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import SUPERUSER, Clone, Cluster, Connection, new_run, take_away, take_dead_runs_away

# The machine may be busy: how long an example takes says nothing about the code.
hypothesis.settings.register_profile("engagerr", deadline=None)
hypothesis.settings.load_profile("engagerr")

_FOLDER = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """The process that the person started owns the run's server; workers are told where it is."""
    # Without what was compiled before, collecting takes thrice as long, and every program that a test starts longer.
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # A run in the background of a shell ignores Ctrl-C, and so would every program that a test starts and interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    told = getattr(config, "workerinput", None)
    if told is not None:
        config.stash[_FOLDER] = Path(told["engagerr_folder"])
        return
    # A polite kill ends the run the way Ctrl-C does, and the server with it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    take_dead_runs_away()
    folder, alive = new_run()
    config.stash[_FOLDER] = folder
    config.add_cleanup(alive.close)
    config.add_cleanup(lambda: take_away(folder))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Called for each worker of pytest-xdist before it starts."""
    node.workerinput["engagerr_folder"] = str(node.config.stash[_FOLDER])


@pytest.fixture(scope="session", autouse=True)
def nothing_of_the_callers_environment() -> Iterator[None]:
    """Settings and libpq read the environment; a test sees only what it sets itself."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.upper().startswith(("ENGAGERR_", "PG")):
                patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def run_folder(request: pytest.FixtureRequest) -> Path:
    """Where servers have their homes: whatever stands here is stopped and removed with the run, or by the next one."""
    return request.config.stash[_FOLDER]


@pytest.fixture(scope="session")
def cluster(run_folder: Path, nothing_of_the_callers_environment: None) -> Iterator[Cluster]:
    """The run's PostgreSQL. Its databases share their roles: a test that changes those brings a server of its own."""
    cluster = Cluster(run_folder)
    yield cluster
    cluster.close()


@pytest.fixture
def clone(cluster: Cluster) -> Iterator[Clone]:
    """A fresh, migrated database, dropped afterwards."""
    with cluster.clone() as clone:
        yield clone


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that nobody has used."""
    return tmp_path / "home"


@pytest.fixture
def settings(home: Path, clone: Clone) -> Settings:
    """Settings on the test's database, as the application role."""
    return clone.settings(home)


@pytest.fixture
def clock() -> SteeredClock:
    """Stands at 2026-11-01 12:00 UTC until the test moves it."""
    return SteeredClock()


@pytest.fixture
def engagerr(settings: Settings, clock: SteeredClock) -> Iterator[Engagerr]:
    """An Engagerr without a workspace yet."""
    with Engagerr(settings, clock=clock) as engagerr:
        yield engagerr


@pytest.fixture
def workspace(engagerr: Engagerr) -> Workspace:
    """The agency Northlight, opened by its owner."""
    return engagerr.init("Northlight", email="ann@northlight.example")


@pytest.fixture
def other_workspace(tmp_path: Path, clone: Clone, clock: SteeredClock) -> Iterator[Workspace]:
    """The agency Southgate: another tenant in the same database, with a home of its own."""
    with Engagerr(clone.settings(tmp_path / "other-home"), clock=clock) as engagerr:
        yield engagerr.init("Southgate", email="sue@southgate.example")


@pytest.fixture
def owner_connection(clone: Clone) -> Iterator[Connection]:
    """As engagerr_owner: owns the tables, but row-level security binds it too. Commits by itself."""
    with clone.connect("engagerr_owner", autocommit=True) as connection:
        yield connection


@pytest.fixture
def superuser_connection(clone: Clone) -> Iterator[Connection]:
    """As postgres: sees and may do everything. Commits by itself."""
    with clone.connect(SUPERUSER, autocommit=True) as connection:
        yield connection


@pytest.fixture
def app_connection(clone: Clone) -> Iterator[Connection]:
    """As engagerr_app, the role that Engagerr works with; no tenant is set. A transaction begins with a statement."""
    with clone.connect() as connection:
        yield connection
