"""A process that moves money is killed at some boundaries, and a fresh one picks up: each thing is done, and done once.

scripts/bench/bench_payment_crash.py does it at every boundary, and stops the database under load.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripts.bench.payment_crash_worker import Death, Scene
from scripts.bench.payment_crash_world import Tally, World, calm, context_of_processes, death, provider
from tests.fakes.cluster import Clone


@pytest.fixture
def world(clone: Clone, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """An agency whose processes are real ones, and so is its provider's."""
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))  # put back afterwards
    context, books = context_of_processes(), tmp_path / "provider.sqlite"
    with provider(books, context) as url:
        world = World(Scene(home, url, database=clone.url()), books, context)
        yield world
        world.close()


def test_whoever_is_killed_around_a_transfer_leaves_nothing_undone_and_nothing_doubled(world: World) -> None:
    tally = Tally()
    like = calm(world, "hold", tally)
    passed = tally.boundaries["hold"]
    asked = passed.index("release: before POST /v1/transfers") + 1
    # Before and after the intent, before the call leaves, after the provider did it, before and after we booked it.
    for at in (1, 2, asked, asked + 1, asked + 2, asked + 3):
        death(world, "hold", at, like, tally)
    assert not tally.found
    assert sum(tally.kills.values()) == 6


def test_a_boundary_kills_with_what_nobody_can_catch(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)))
    mortal = Death(at=2)
    mortal.reach("before anything is done")
    mortal.doing = "fund"
    for where in ("one", "two", "three"):
        mortal.reach(where)
    assert sent == [(os.getpid(), signal.SIGKILL)]
    assert mortal.passed == ["fund: one", "fund: two", "fund: three"]
