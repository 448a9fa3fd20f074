"""Answering the review: what was said is saved behind the screen, in order, and many are accepted after a look."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual.containers import VerticalScroll

from engagerr.core.errors import Conflict, EngagerrError, Forbidden, NotFound, Unavailable
from engagerr.tui import glyphs
from engagerr.tui.screens.links import LinksPage, Rehung, named
from engagerr.tui.screens.outbox import CHOOSE, LATER, MOVE, NO, YES, Answer, Outbox, save, take_back
from engagerr.tui.widgets.chrome import Reason
from engagerr.tui.widgets.dialogs import Ask, Confirm
from engagerr.tui.widgets.question import side_title
from engagerr.tui.writing import NARROW_SPACE

if TYPE_CHECKING:
    from engagerr.core.content.review import BulkOutcome, Question

AHEAD = 3
FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 2.0, 30.0
OWN_ECHO_SECONDS = 1.5
_NAMED = 3


class ReviewAnswers(LinksPage):
    """The answers; the screen itself is `Review`."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Question] = []
        self.marked: list[Question] = []
        self.outbox = Outbox()
        self.relation: str | None = None
        self.creator: str | None = None
        self._answered: dict[str, Answer] = {}
        self._put_off: list[str] = []
        self._back: str | None = None
        self._send_timer: Any = None
        self._send_seconds = FIRST_RETRY_SECONDS
        self._saved_at = float("-inf")

    @property
    def current(self) -> Question | None:
        """The question that is asked."""
        return self.waiting[0] if self.waiting else None

    def show_question(self) -> None:
        """Draw the question that is asked now."""
        raise NotImplementedError

    def changed(self, kind: str) -> None:
        """Other people's answers; our own were told of as they were given, and reading all again would only cost."""
        if not (kind.startswith("edge.") and time.monotonic() - self._saved_at < OWN_ECHO_SECONDS):
            super().changed(kind)

    def answered(self, topic: str, result: Any) -> None:
        """An answer that was saved, or a bulk that was looked at."""
        if topic.startswith("answer:"):
            self.outbox.saved()
            self._saved_at = time.monotonic()
            self._send_seconds = FIRST_RETRY_SECONDS
            self.say_heading()
            self._send()
        elif topic == "strong":
            self._confirm_strong(result)

    def refused(self, topic: str, error: EngagerrError) -> None:
        """An answer that the database did not take is kept and sent again; one that it refused is told."""
        if topic.startswith("answer:"):
            self._not_saved(error)
        else:
            super().refused(topic, error)

    def say_heading(self) -> None:
        """How far the review is."""
        raise NotImplementedError

    # Answering.

    def action_answer(self, right: bool) -> None:
        """Say yes or no; the next question is there at once, the answer is saved behind it."""
        question = self.current
        if question is None or not self.may_decide():
            return
        word = "yes" if right else "no"
        self._give(
            Answer(YES if right else NO, str(question.edge.id), side_title(question.child), child_name(question)), word
        )

    def action_later(self) -> None:
        """Put the question off: it comes after all others."""
        question = self.current
        if question is None or not self.may_decide():
            return
        edge = str(question.edge.id)
        self._put_off.append(edge)
        self.waiting.append(self.waiting.pop(0))
        answer = Answer(LATER, edge, side_title(question.child), child_name(question))
        self.outbox.add(answer)
        self._remember(answer)
        self._note(f"Later: {named(answer.title)}")
        self._go_on()

    def action_move(self) -> None:
        """Say that the first belongs to another item than the one that is suggested."""
        question = self.current
        if question is None or not self.may_decide():
            return

        def chosen(to: Rehung) -> None:
            what, target = (CHOOSE, to.edge) if to.edge is not None else (MOVE, to.item)
            answer = Answer(what, str(question.edge.id), side_title(question.child), child_name(question), target or "",
                            question.edge.relation)  # fmt: skip
            self._give(answer, f"moved below {named(to.title)}")

        self.ask_parent(
            question.child.id, child_name(question), side_title(question.child), chosen, without=question.edge.id
        )

    def _give(self, answer: Answer, word: str) -> None:
        self._answered[answer.edge] = answer
        settles = answer.what in (YES, CHOOSE, MOVE)
        self.waiting = [one for one in self.waiting if str(one.edge.id) != answer.edge and not
                        (settles and child_name(one) == answer.item)]  # fmt: skip
        self.outbox.add(answer)
        self._remember(answer)
        self._note(f"{glyphs.DONE} {named(answer.title)}: {word}.  u undo")
        self._go_on()

    def _go_on(self) -> None:
        self.query_one("#question-scroll", VerticalScroll).scroll_home(animate=False)
        self.show_question()
        self._send()
        if len(self.waiting) <= AHEAD and not self._reading and self.answer.progress.waiting > len(self.waiting):
            self._outdated = True
            self.set_timer(FIRST_RETRY_SECONDS / 10, self._read_changes)

    def _remember(self, answer: Answer) -> None:
        work, outbox = self.desk, self.outbox
        what = "later" if answer.what == LATER else "move" if answer.what in (CHOOSE, MOVE) else "link"

        def back() -> Any:
            done = take_back(work, outbox, answer)
            self.app.call_from_thread(self._forget, answer)
            return done

        self.console.remember_undo(f"{what} of {named(answer.title)}", back)

    def _forget(self, answer: Answer) -> None:
        """An answer was taken back: its question is asked again now."""
        self._answered.pop(answer.edge, None)
        if answer.edge in self._put_off:
            self._put_off.remove(answer.edge)
        self._back = answer.edge
        self._note("")

    def _note(self, words: str) -> None:
        self.query_one(Reason).said = words

    # Saving behind the screen.

    def _send(self) -> None:
        self._send_timer = None
        answer = self.outbox.next()
        if answer is not None:
            self.act(f"answer:{answer.edge}:{answer.what}", save, self.desk, answer)

    def _not_saved(self, error: EngagerrError) -> None:
        answer = self.outbox.answers[0] if len(self.outbox) else None
        if isinstance(error, Unavailable):
            self.outbox.failed()
            self._send_timer = self.set_timer(self._send_seconds, self._send)
            self._send_seconds = min(self._send_seconds * 2, LAST_RETRY_SECONDS)
            self.say_heading()
            return
        self.outbox.saved()
        if answer is not None and not isinstance(error, Conflict | NotFound):
            self._answered.pop(answer.edge, None)
            self._back = answer.edge
        title = f"{named(answer.title)} was not saved. " if answer is not None else ""
        self.console.say(f"{title}{error.message}", mood="attention")
        if not isinstance(error, Forbidden):
            self.read_now()
        self._send()

    def action_read_again(self) -> None:
        """Read again, and try now to save what was not."""
        if self._send_timer is not None:
            self._send_timer.stop()
            self._send()
        super().action_read_again()

    # Many at once.

    def action_mark(self) -> None:
        """Set the question aside, to be accepted with others."""
        if self.current is None or not self.may_decide():
            return
        self.marked.append(self.waiting.pop(0))
        self._note(f"{glyphs.MARKED} {len(self.marked):,} marked.  x decide  esc give back")
        self._go_on()

    def action_back(self) -> None:
        """Marked questions come back first."""
        if self.marked and not self.query(".side.-open"):
            self.waiting = [*self.marked, *self.waiting]
            self.marked = []
            self._note("")
            self.show_question()
        else:
            super().action_back()

    def accept_marked(self) -> None:
        """Accept what is marked, after saying what that is."""
        marked = list(self.marked)
        lines = [*_three([side_title(one.child) for one in marked]), "All of it or nothing; u takes all of it back."]
        self._confirm_many(len(marked), lines, [str(one.edge.id) for one in marked])

    def _confirm_many(self, number: int, lines: Sequence[str], edges: Sequence[str]) -> None:
        work = self.desk

        def sure(yes: bool | None) -> None:
            if yes:
                self.do("many", lambda: work.content.confirm(*edges), said=f"Accepted: {number:,} links.", then=done)

        def done(_edges: Any) -> None:
            self.remember_link(f"{number:,} links", edges[0])
            self.marked = []
            self.read_now()

        links = "1 link" if number == 1 else f"{number:,} links"
        self.app.push_screen(
            Confirm(f"Accept {links}", lines, key="a", words=f"accept {links}", keep="leave them"), sure
        )

    def action_strong(self) -> None:
        """Accept everything that is at least so sure, after saying what that is."""
        if not self.may_decide():
            return

        def answered(words: str | None) -> None:
            if words is not None:
                work, threshold = self.desk, _share(words)
                asked = {"creator": self.creator, "relation": self.relation}
                self.load("strong", lambda: work.review.confirm_above(threshold or 1.0, dry_run=True, **asked))

        self.app.push_screen(
            Ask("Accept the strong ones", label="From how sure on, in per cent? What is found is shown first.",
                value="95", words="show them", check=_per_cent),
            answered,
        )  # fmt: skip

    def _confirm_strong(self, found: BulkOutcome) -> None:
        number, threshold = len(found.edges), found.threshold
        if not number:
            self.console.say(f"No question is {threshold * 100:.0f}{NARROW_SPACE}% sure or surer.", mood="attention")
            return
        titles = [edge.child.title or f"{edge.child.platform}:{edge.child.native_id}" for edge in found.edges]
        lines = [*_three(titles), f"By the machine's own account {found.expected_wrong:.1f} of them are wrong."]
        lines += [f"{len(found.left_open):,} as sure stay open: two parents of one item."] if found.left_open else []
        lines.append("All of it or nothing; u takes all of it back.")
        work, asked = self.desk, {"creator": self.creator, "relation": self.relation}

        def sure(yes: bool | None) -> None:
            if yes:
                self.do("many", lambda: work.review.confirm_above(threshold, dry_run=False, **asked),
                        said=lambda outcome: f"Accepted: {len(outcome.edges):,} links.", then=done)  # fmt: skip

        def done(outcome: BulkOutcome) -> None:
            if outcome.edges:
                self.remember_link(f"{len(outcome.edges):,} links", outcome.edges[0].id)
            self.read_now()

        links = "1 link" if number == 1 else f"{number:,} links"
        self.app.push_screen(
            Confirm(
                f"Accept {links} that nobody looked at", lines, key="a", words=f"accept {links}", keep="leave them"
            ),
            sure,
        )


def child_name(question: Question) -> str:
    """How the item of a question is named: platform:native_id."""
    return f"{question.child.platform}:{question.child.native_id}"


def _three(titles: Sequence[str]) -> list[str]:
    """Three names, and how many there are besides."""
    more = [f"and {len(titles) - _NAMED:,} more"] if len(titles) > _NAMED else []
    return [*(named(title) for title in titles[:_NAMED]), *more]


def _share(words: str) -> float | None:
    try:
        value = float(words.strip().removesuffix("%").replace(",", "."))
    except ValueError:
        return None
    return value / 100 if 0 < value <= 100 else None


def _per_cent(words: str) -> str | None:
    return None if _share(words) is not None else "A number from 1 to 100."
