"""The review: what is worth most is asked first, an answer is a key, the next is there at once, none is lost."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.content.review import Question
from engagerr.core.errors import Forbidden, Unavailable
from engagerr.tui.app import Console
from engagerr.tui.screens.outbox import NO, YES, Answer, Outbox
from engagerr.tui.screens.review import Review
from engagerr.tui.widgets.chrome import Heading
from engagerr.tui.widgets.evidence import confidence
from engagerr.tui.widgets.question import kept_words, side_title
from syrupy.assertion import SnapshotAssertion
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone, Cluster
from tests.tui.conftest import NARROW, WIDE, opened_console
from tests.tui.drawing import cells, lines, settled
from textual.pilot import Pilot

pytestmark = pytest.mark.anyio
SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])


@pytest.fixture
def own_console(cluster: Cluster, sample_clone: tuple[Clone, Path], tmp_path: Path) -> Iterator[Console]:
    """The console on a copy of the sample agency, for tests that decide."""
    clone, home = sample_clone
    with cluster.clone(clone.name) as own, Engagerr(own.settings(home), clock=SteeredClock()) as engagerr:
        console = opened_console(engagerr, tmp_path)
        console.memory.keep("tab", "review")
        yield console


@pytest.fixture
def console(console: Console) -> Console:
    """It opens here, and not with what waits today."""
    console.memory.keep("tab", "review")
    return console


@pytest.fixture
def empty_console(empty_console: Console) -> Console:
    """It opens here, and not with what waits today."""
    empty_console.memory.keep("tab", "review")
    return empty_console


def the_review(console: Console) -> Review:
    assert isinstance(console.screen, Review)
    return console.screen


async def opened(pilot: Pilot[None], console: Console) -> Review:
    await pilot.press("5")
    await settled(pilot)
    return the_review(console)


def queue(work: Workspace, limit: int = 20) -> list[Question]:
    return list(work.review.queue(limit=limit, include_skipped=True))


def state(work: Workspace, question: Question) -> str:
    [edge] = work.content.edges(of=question.edge.id.hex)
    return edge.state


@SIZES
async def test_a_question(console: Console, screen: SnapshotAssertion, size: tuple[int, int]) -> None:
    async with console.run_test(size=size) as pilot:
        await opened(pilot, console)
        assert cells(console) == screen


async def test_it_asks_in_the_order_of_the_core_and_reads_three_ahead(console: Console) -> None:
    asked = queue(console.workspace, 24)
    async with console.run_test(size=WIDE) as pilot:
        page = await opened(pilot, console)
        assert [one.edge.id for one in page.waiting] == [one.edge.id for one in asked]
        assert page.query_one(Heading).scope == f"1 of {console.workspace.review.progress().waiting}"
        text = cells(console)
        assert side_title(asked[0].child) in text
        assert confidence(asked[0].edge.confidence) in text
        assert all(side_title(one.child)[:20] in text for one in asked[1:4])
        assert set(page._effects) == {str(one.edge.id) for one in asked[:4]}


async def test_yes_and_no_go_on_at_once_and_are_saved(own_console: Console) -> None:
    work = own_console.workspace
    async with own_console.run_test(size=NARROW) as pilot:
        page = await opened(pilot, own_console)
        first = page.current
        await pilot.press("n")
        second = page.current
        assert first is not None
        assert second is not None
        assert second.edge.id != first.edge.id
        await pilot.press("y")
        await settled(pilot)
        assert (state(work, first), state(work, second)) == ("rejected", "confirmed")
        assert len(page.outbox) == 0
        assert page.query_one(Heading).scope.startswith("3 of ")


async def test_a_yes_settles_the_other_questions_about_the_same_item(own_console: Console) -> None:
    work = own_console.workspace
    with_rivals = next(one for one in queue(work) if one.rivals)
    async with own_console.run_test(size=NARROW) as pilot:
        await settled(pilot)
        own_console.open_thing("review", str(with_rivals.edge.id))
        await settled(pilot)
        page = the_review(own_console)
        assert page.current is not None
        assert page.current.edge.id == with_rivals.edge.id
        await pilot.press("y")
        await settled(pilot)
        assert all(one.child.id != with_rivals.child.id for one in page.waiting)


async def test_undo_takes_the_answer_back_and_asks_again(own_console: Console) -> None:
    work = own_console.workspace
    async with own_console.run_test(size=NARROW) as pilot:
        page = await opened(pilot, own_console)
        first = page.current
        assert first is not None
        await pilot.press("y")
        await settled(pilot)
        assert own_console.undos[-1].name.startswith("link of")
        await pilot.press("u")
        await settled(pilot)
        assert state(work, first) == "suggested"
        assert page.current is not None
        assert page.current.edge.id == first.edge.id


async def test_later_comes_after_all_others(own_console: Console) -> None:
    work = own_console.workspace
    async with own_console.run_test(size=NARROW) as pilot:
        page = await opened(pilot, own_console)
        first = page.current
        assert first is not None
        await pilot.press("z")
        await settled(pilot)
        assert page.current is not None
        assert page.current.edge.id != first.edge.id
        assert queue(work, 500)[-1].edge.id == first.edge.id
        await pilot.press("r")
        await settled(pilot)
        assert page.current.edge.id != first.edge.id


async def test_another_parent_is_chosen_from_those_that_were_suggested(own_console: Console) -> None:
    work = own_console.workspace
    question = next(one for one in queue(work) if one.rivals)
    rival = question.rivals[0]
    async with own_console.run_test(size=NARROW) as pilot:
        await settled(pilot)
        own_console.open_thing("review", str(question.edge.id))
        await settled(pilot)
        await pilot.press("m")
        await settled(pilot)
        assert (rival.parent.title or "")[:15] in cells(own_console)
        await pilot.press("enter")
        await settled(pilot)
        assert state(work, question) == "rejected"
        assert work.content.edges(of=rival.edge_id.hex)[0].state == "confirmed"
        await pilot.press("u")
        await settled(pilot)
        assert state(work, question) == "suggested"
        assert work.content.edges(of=rival.edge_id.hex)[0].state == "suggested"


class Dark:
    """A review whose database does not answer while it is dark; everything else is the real one's."""

    def __init__(self, review: Any) -> None:
        self._review = review
        self.dark = threading.Event()

    def __getattr__(self, name: str) -> Any:
        if name == "answer" and self.dark.is_set():
            return self._refuse
        return getattr(self._review, name)

    def _refuse(self, *_: Any, **__: Any) -> None:
        raise Unavailable("The database does not answer.")


async def test_answers_that_are_not_saved_are_counted_kept_and_sent_again(own_console: Console) -> None:
    work = own_console.workspace
    dark = Dark(work.review)
    work.__dict__["review"] = dark
    async with own_console.run_test(size=NARROW) as pilot:
        page = await opened(pilot, own_console)
        first, second = page.waiting[:2]
        dark.dark.set()
        await pilot.press("n", "n")
        await settled(pilot)
        assert "▲ 2 answers not saved" in lines(own_console)[1]
        kept = json.loads(json.dumps(page.kept()))
        assert [one["edge"] for one in kept["unsaved"]["answers"]] == [str(first.edge.id), str(second.edge.id)]
        assert page.current is not None
        assert page.current.edge.id not in (first.edge.id, second.edge.id)
        dark.dark.clear()
        await pilot.press("r")
        await settled(pilot)
        assert (state(work, first), state(work, second)) == ("rejected", "rejected")
        assert "not saved" not in lines(own_console)[1]


async def test_an_answer_that_was_not_sent_yet_is_simply_dropped_by_undo(own_console: Console) -> None:
    work = own_console.workspace
    dark = Dark(work.review)
    work.__dict__["review"] = dark
    async with own_console.run_test(size=NARROW) as pilot:
        page = await opened(pilot, own_console)
        first = page.current
        assert first is not None
        dark.dark.set()
        await pilot.press("n")
        await settled(pilot)
        await pilot.press("u")
        await settled(pilot)
        assert len(page.outbox) == 0
        assert state(work, first) == "suggested"
        assert page.current is not None
        assert page.current.edge.id == first.edge.id


async def test_what_somebody_else_decided_meanwhile_is_said_and_left(own_console: Console) -> None:
    work = own_console.workspace
    async with own_console.run_test(size=NARROW) as pilot:
        page = await opened(pilot, own_console)
        first = page.current
        assert first is not None
        work.review.answer(str(first.edge.id), right=True)
        await pilot.press("n")
        await settled(pilot)
        assert state(work, first) == "confirmed"
        assert len(page.outbox) == 0
        assert all(one.edge.id != first.edge.id for one in page.waiting)


async def test_marked_questions_are_accepted_together(own_console: Console) -> None:
    work = own_console.workspace
    async with own_console.run_test(size=NARROW) as pilot:
        page = await opened(pilot, own_console)
        chosen: list[Question] = []
        while len(chosen) < 3:
            assert page.current is not None
            if any(one.child.id == page.current.child.id for one in chosen):
                await pilot.press("z")
                continue
            chosen.append(page.current)
            await pilot.press("space")
        assert page.query_one(Heading).scope.endswith("3 marked")
        await pilot.press("x", "a")
        await pilot.pause()
        text = cells(own_console)
        assert "Accept 3 links" in text
        assert all(side_title(one.child)[:20] in text for one in chosen)
        await pilot.press("a")
        await settled(pilot)
        assert [state(work, one) for one in chosen] == ["confirmed"] * 3
        await pilot.press("u")
        await settled(pilot)
        assert [state(work, one) for one in chosen] == ["suggested"] * 3


async def test_the_strong_ones_are_named_before_they_are_accepted(own_console: Console) -> None:
    work = own_console.workspace
    found = work.review.confirm_above(0.9)
    assert found.edges
    async with own_console.run_test(size=NARROW) as pilot:
        await opened(pilot, own_console)
        await pilot.press("asterisk")
        await pilot.pause()
        own_console.screen.query_one("#answer").value = "90"  # type: ignore[attr-defined]
        await pilot.press("enter")
        await settled(pilot)
        text = cells(own_console)
        assert f"Accept {len(found.edges)} links that nobody looked at" in text
        assert f"By the machine's own account {found.expected_wrong:.1f} of them are wrong." in text
        await pilot.press("asterisk", "enter")
        await settled(pilot)
        assert len(work.review.confirm_above(0.9).edges) == len(found.edges)


async def test_the_thresholds_are_shown_as_the_core_says_them(console: Console) -> None:
    [rule] = [one for one in console.workspace.review.thresholds().rows
              if one.relation == queue(console.workspace, 1)[0].edge.relation]  # fmt: skip
    async with console.run_test(size=WIDE) as pilot:
        await opened(pilot, console)
        text = cells(console)
        assert f"Confirm themselves from                     {rule.auto_confirm:.2f}" in text
        assert rule.basis[:30] in text


async def test_only_one_kind_of_question(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await opened(pilot, console)
        await pilot.press("f", "s")
        await settled(pilot)
        asked = console.workspace.review.progress(relation="same_work").waiting
        assert page.query_one(Heading).scope.startswith(f"1 of {asked}")
        assert {one.edge.relation for one in page.waiting} == {"same_work"}


async def test_why_tells_everything_and_enter_goes_to_the_map(console: Console) -> None:
    async with console.run_test(size=WIDE) as pilot:
        page = await opened(pilot, console)
        question = page.current
        assert question is not None
        await pilot.press("w")
        await pilot.pause()
        assert all(piece.detail[1:12] in cells(console) for piece in question.edge.evidence)
        await pilot.press("escape", "enter")
        await settled(pilot)
        assert type(console.screen).__name__ == "ContentMap"
        current: Any = console.screen.query_one("#families")
        assert current.current.piece.id == question.parent.id


async def test_nothing_to_review(empty_console: Console, screen: SnapshotAssertion) -> None:
    async with empty_console.run_test(size=NARROW) as pilot:
        await opened(pilot, empty_console)
        assert cells(empty_console) == screen


async def test_all_answered_says_how_many_and_how_many_were_kept(own_console: Console) -> None:
    work = own_console.workspace
    for right in (True, False, True):
        work.review.answer(str(queue(work, 1)[0].edge.id), right=right)
    while left := queue(work, 500):
        work.content.reject(*(str(question.edge.id) for question in left))
    rows = work.review.thresholds().rows
    answered, kept = sum(row.decisions for row in rows), sum(row.right for row in rows)
    assert kept_words(rows) == f"{answered:,} answered, {kept / answered * 100:.0f}\N{NO-BREAK SPACE}% kept."
    async with own_console.run_test(size=NARROW) as pilot:
        await opened(pilot, own_console)
        assert f"Nothing to review. {kept_words(rows)}" in cells(own_console)


async def test_who_may_not_read_sees_who_may(console: Console, screen: SnapshotAssertion) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await opened(pilot, console)
        page.post_message(page.Failed("page", Forbidden("You are no member any more.")))
        await pilot.pause()
        assert cells(console) == screen


async def test_a_database_that_does_not_answer_leaves_the_question_on_the_screen(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await opened(pilot, console)
        before = page.current
        page.post_message(page.Failed("page", Unavailable("The database does not answer.")))
        await pilot.pause()
        text = cells(console)
        assert "Trying again in" in text
        assert before is not None
        assert side_title(before.child)[:30] in text


async def test_it_goes_on_working_on_a_very_small_terminal(console: Console) -> None:
    async with console.run_test(size=(40, 12)) as pilot:
        page = await opened(pilot, console)
        assert page.current is not None
        assert side_title(page.current.child)[:20] in cells(console)


def test_an_outbox_keeps_the_order_and_what_is_on_its_way() -> None:
    outbox = Outbox()
    for edge in "abc":
        outbox.add(Answer(YES, edge, edge))
    assert outbox.next() == Answer(YES, "a", "a")
    assert outbox.next() is None
    assert outbox.drop(outbox.answers[0]) is False
    assert outbox.drop(outbox.answers[1]) is True
    outbox.failed()
    assert [one.edge for one in outbox.answers] == ["a", "c"]
    assert outbox.next() == Answer(YES, "a", "a")
    outbox.saved()
    again = Outbox()
    again.restore([*json.loads(json.dumps(outbox.kept())), {"nothing": "known"}])
    assert list(again.answers) == [Answer(YES, "c", "c")]
    assert Answer(NO, "c", "c") not in again.answers


async def test_undo_pressed_twice_takes_back_one_after_the_other(own_console: Console) -> None:
    work = own_console.workspace
    async with own_console.run_test(size=NARROW) as pilot:
        page = await opened(pilot, own_console)
        first, second = page.waiting[:2]
        whole = page.query_one(Heading).scope.partition(" of ")[2]
        await pilot.press("n", "n")
        await settled(pilot)
        assert page.query_one(Heading).scope == f"3 of {whole}"
        for _ in range(2):
            await pilot.press("u")
            await settled(pilot)
        assert (state(work, first), state(work, second)) == ("suggested", "suggested")
        assert not own_console.undos
        assert page.query_one(Heading).scope == f"1 of {whole}"


async def test_an_undo_that_is_asked_for_while_another_runs_is_not_lost(own_console: Console) -> None:
    go_on = threading.Event()
    async with own_console.run_test(size=NARROW) as pilot:
        await opened(pilot, own_console)
        own_console.remember_undo("the first", lambda: None)
        own_console.remember_undo("the last", lambda: go_on.wait(5))
        await pilot.press("u", "u")
        assert [undo.name for undo in own_console.undos] == ["the first"]
        go_on.set()
        await settled(pilot)
        await pilot.press("u")
        await settled(pilot)
        assert not own_console.undos
