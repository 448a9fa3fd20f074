"""The console on an agency that looks for runners."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from engagerr import Engagerr, Settings, Workspace
from engagerr.tui.app import Console
from tests.factories import colleague
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone, Cluster
from tests.fakes.embedder import WordEmbedder
from tests.tui.conftest import opened_console
from tests.tui.discover.world import BRIEF, HARD, fill, watch


@pytest.fixture(scope="package")
def filled(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Clone, Path]]:
    """The agency that looks for runners; shared by the tests that only read."""
    with cluster.clone() as clone:
        home = tmp_path_factory.mktemp("runners")
        with Engagerr(clone.settings(home), clock=SteeredClock(), embedder=WordEmbedder()) as engagerr:
            work = engagerr.init("Northlight", email="you@northlight.example")
            fill(work, home)
            work.matching.prepare()
        yield clone, home


def on_discover(engagerr: Engagerr, folder: Path, work: Workspace | None = None) -> Console:
    console = opened_console(engagerr, folder, work)
    console.memory.keep("tab", "discover")
    return console


@pytest.fixture
def reading(filled: tuple[Clone, Path], tmp_path: Path) -> Iterator[Console]:
    """The console on the shared agency: nothing may be written."""
    clone, home = filled
    with Engagerr(clone.settings(home), clock=SteeredClock(), embedder=WordEmbedder()) as engagerr:
        yield on_discover(engagerr, tmp_path)


@pytest.fixture
def runners(settings: Settings, tmp_path: Path) -> Iterator[Engagerr]:
    """The agency in a database of the test's own."""
    with Engagerr(settings, clock=SteeredClock(), embedder=WordEmbedder()) as engagerr:
        fill(engagerr.init("Northlight", email="you@northlight.example"), tmp_path)
        yield engagerr


@pytest.fixture
def own(runners: Engagerr, tmp_path: Path) -> Console:
    """The console on it."""
    return on_discover(runners, tmp_path)


@pytest.fixture
def two_briefs(runners: Engagerr, tmp_path: Path) -> Console:
    """The same with a second, newer brief that nobody passes."""
    runners.workspace().briefs.add(HARD)
    return on_discover(runners, tmp_path)


@pytest.fixture
def hard(two_briefs: Console) -> Console:
    """Opened on the newer one."""
    return two_briefs


@pytest.fixture
def viewing(runners: Engagerr, tmp_path: Path) -> Console:
    """The console of somebody who may only look."""
    return on_discover(runners, tmp_path, colleague(runners.workspace(), runners, "viewer"))


@pytest.fixture
def views(runners: Engagerr, tmp_path: Path) -> Console:
    """The console on the same agency, where the views of pieces are known, too."""
    watch(runners.workspace(), tmp_path)
    return on_discover(runners, tmp_path)


@pytest.fixture
def applied(runners: Engagerr, clone: Clone, tmp_path: Path) -> Console:
    """Somebody applied for the brief, which is published."""
    work = runners.workspace()
    shown = work.marketplace.briefs.publish(BRIEF.title)
    with Engagerr(clone.settings(tmp_path / "south"), clock=SteeredClock(), embedder=WordEmbedder()) as other:
        theirs = other.init("Southgate", email="sue@southgate.example")
        (tmp_path / "theirs").mkdir()
        fill(theirs, tmp_path / "theirs")
        theirs.marketplace.listings.publish("Ann Lee")
        theirs.marketplace.approaches.apply(shown.id, creator="Ann Lee", message="She runs every day.")
    return on_discover(runners, tmp_path)
