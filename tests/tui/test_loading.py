"""The one loader: the newest answer wins, errors are told, long work can be left."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from engagerr.core.errors import Unavailable
from engagerr.tui.loading import Loading, Progress, WorkState
from textual import on
from textual.app import App
from textual.pilot import Pilot

pytestmark = pytest.mark.anyio


class Probe(Loading[None]):
    """Notes what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    @on(Loading.Loaded)
    def loaded(self, event: Loading.Loaded) -> None:
        self.seen.append((event.topic, event.result))

    @on(Loading.Failed)
    def failed(self, event: Loading.Failed) -> None:
        self.seen.append((event.topic, str(event.error)))

    @on(Loading.Told)
    def told(self, event: Loading.Told) -> None:
        if event.work.done:
            self.seen.append((event.topic, event.work.done))


class Asking(App[None]):
    """An app that shows the probe."""

    def on_mount(self) -> None:
        self.push_screen(Probe())


def probe(pilot: Pilot[None]) -> Probe:
    assert isinstance(pilot.app.screen, Probe)
    return pilot.app.screen


def broken() -> None:
    raise Unavailable("The platform is down.")


async def quiet(pilot: Pilot[None]) -> None:
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def test_a_newer_question_supersedes_an_older_one() -> None:
    async with Asking().run_test() as pilot:
        await pilot.pause()
        screen, gate = probe(pilot), threading.Event()

        def old() -> str:
            gate.wait(5)
            return "old"

        screen.load("creators", old)
        screen.load("creators", lambda: "new")
        await pilot.pause(0.05)
        gate.set()
        await pilot.pause(0.1)
        assert screen.seen == [("creators", "new")]


async def test_questions_of_two_topics_do_not_touch_each_other() -> None:
    async with Asking().run_test() as pilot:
        await pilot.pause()
        screen = probe(pilot)
        screen.load("one", lambda: 1)
        screen.load("two", broken)
        await quiet(pilot)
        assert sorted(screen.seen) == [("one", 1), ("two", "The platform is down.")]


async def test_a_verb_is_never_superseded_and_never_runs_twice_at_once() -> None:
    async with Asking().run_test() as pilot:
        await pilot.pause()
        screen, gate, runs = probe(pilot), threading.Event(), []

        def release() -> str:
            runs.append(1)
            gate.wait(5)
            return "released"

        assert screen.act("release", release)
        assert not screen.act("release", release)
        gate.set()
        await quiet(pilot)
        assert (runs, screen.seen) == ([1], [("release", "released")])
        assert screen.act("release", release)
        await quiet(pilot)
        assert len(runs) == 2


async def test_long_work_tells_how_far_it_is_and_ends_done() -> None:
    async with Asking().run_test() as pilot:
        await pilot.pause()
        screen = probe(pilot)

        def count(progress: Progress) -> str:
            for number in (1, 2):
                progress.report(number, 2, f"step {number}")
            return "all"

        work = screen.work("import", "Import of a file", count)
        await quiet(pilot)
        assert screen.seen[-1] == ("import", "all")
        assert ("import", 2) in screen.seen
        assert (work.state, work.done, work.of, work.said) == (WorkState.DONE, 2, 2, "step 2")


async def test_long_work_stops_at_its_next_report_when_it_is_cancelled() -> None:
    async with Asking().run_test() as pilot:
        await pilot.pause()
        screen, begun = probe(pilot), threading.Event()

        def endless(progress: Progress) -> None:
            number = 0
            while True:
                number += 1
                begun.set()
                progress.stop.wait(0.005)
                progress.report(number)

        work = screen.work("import", "Import of a file", endless)
        begun.wait(5)
        work.stop.set()
        await quiet(pilot)
        assert work.state is WorkState.CANCELLED
        assert not any(isinstance(said, str) for _, said in screen.seen)


async def test_work_that_fails_says_why() -> None:
    async with Asking().run_test() as pilot:
        await pilot.pause()
        work = probe(pilot).work("sync", "Sync of TikTok", lambda _progress: broken())
        await quiet(pilot)
        assert (work.state, work.said) == (WorkState.FAILED, "The platform is down.")


async def test_a_bug_costs_one_answer_and_not_the_console() -> None:
    async with Asking().run_test() as pilot:
        await pilot.pause()
        screen = probe(pilot)
        screen.load("page", lambda: {}["nothing"])
        await quiet(pilot)
        assert screen.seen == [("page", "Engagerr made a mistake here (KeyError).")]
        screen.load("page", lambda: "well")
        await quiet(pilot)
        assert screen.seen[-1] == ("page", "well")
