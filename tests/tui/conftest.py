"""The console as tests drive it: on the sample agency, with the clock standing still."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from engagerr import Engagerr, Workspace
from engagerr.tui.app import Console
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone, Cluster

import sample_partnership

SAMPLE = Path(__file__).parents[2] / "scripts" / "sample_data"
NARROW, WIDE = (80, 24), (140, 45)


class _Screens(SingleFileSnapshotExtension):
    """One text file a screen, so that a change of it can be read."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


@pytest.fixture
def anyio_backend() -> str:
    """Textual runs on asyncio."""
    return "asyncio"


@pytest.fixture
def screen(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """`assert cells(console) == screen`: compared with the file of this test; `--snapshot-update` writes it."""
    return snapshot.use_extension(_Screens)


def fill_with_sample(engagerr: Engagerr) -> Workspace:
    """Northlight with the sample's files, families and partnerships, as scripts/quickstart has it."""
    work = engagerr.init("Northlight", email="you@northlight.example")
    for entry in json.loads((SAMPLE / "manifest.json").read_text()):
        said = {key: entry[key] for key in ("creator", "account", "period", "observed_at") if entry[key]}
        work.ingestion.import_file(SAMPLE / entry["path"], **_typed(said))
    sample_partnership.fill(work)
    # What screens would make when they are first read is made now: no test finds the sample otherwise than another.
    work.profiles.keep_up()
    work.metrics.performance(since=date(2026, 8, 1), until=date(2026, 11, 1))
    return work


def _typed(said: dict[str, str]) -> dict[str, object]:
    from engagerr.cli.moments import first_moment, period

    read: dict[str, Callable[[str], object]] = {"period": period, "observed_at": first_moment}
    return {key: read[key](value) if key in read else value for key, value in said.items()}


@pytest.fixture(scope="session")
def sample_clone(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Clone, Path]]:
    """The database and the home of the sample agency. Shared: only for tests that read."""
    with cluster.clone() as clone:
        home = tmp_path_factory.mktemp("northlight")
        with Engagerr(clone.settings(home), clock=SteeredClock()) as engagerr:
            fill_with_sample(engagerr)
        yield clone, home


@pytest.fixture
def sample_work(sample_clone: tuple[Clone, Path]) -> Iterator[Workspace]:
    """The sample agency, opened by its owner; the clock stands at 2026-11-01 12:00 UTC."""
    clone, home = sample_clone
    with Engagerr(clone.settings(home), clock=SteeredClock()) as engagerr:
        yield engagerr.workspace()


@pytest.fixture
def console(sample_clone: tuple[Clone, Path], tmp_path: Path) -> Iterator[Console]:
    """The console on the sample agency; it remembers nothing of other tests."""
    clone, home = sample_clone
    with Engagerr(clone.settings(home), clock=SteeredClock()) as engagerr:
        yield opened_console(engagerr, tmp_path)


@pytest.fixture
def empty_console(engagerr: Engagerr, workspace: Workspace, tmp_path: Path) -> Console:
    """The console on an agency that has nothing yet, with a database of its own."""
    return opened_console(engagerr, tmp_path, workspace)


def opened_console(engagerr: Engagerr, folder: Path, workspace: Workspace | None = None) -> Console:
    """A console that is signed in, listens to nobody and keeps its memory in this folder."""
    from engagerr.tui.memory import Memory

    console = Console(engagerr, workspace=workspace or engagerr.workspace(), follow=False)
    console.memory = Memory(folder / "console.json")
    return console
