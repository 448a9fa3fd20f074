"""The review: one suggestion at a time, what is worth most first; an answer is a key, and the next is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from engagerr.core.errors import EngagerrError
from engagerr.tui import glyphs
from engagerr.tui.page import Command
from engagerr.tui.screens.outbox import CHOOSE, LATER, MOVE, YES
from engagerr.tui.screens.review_answers import AHEAD, ReviewAnswers, child_name
from engagerr.tui.widgets.chrome import Heading
from engagerr.tui.widgets.dialogs import Choice, Menu, Sheet, written
from engagerr.tui.widgets.evidence import RELATIONS
from engagerr.tui.widgets.question import beside_lines, kept_words, long_lines, short_lines, side_title
from engagerr.tui.writing import BLANK, cell

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.content.review import Progress, Question
    from engagerr.core.content.thresholds import Threshold

_AT_A_TIME = 24
_MOST_ASKED = 5_000


@dataclass(frozen=True, slots=True)
class ReviewRead:
    """The next questions, how many there are, and what the machine has learnt."""

    questions: tuple[Question, ...]
    progress: Progress
    thresholds: tuple[Threshold, ...]


class Review(ReviewAnswers):
    """Tab 5."""

    tab: ClassVar[str] = "review"
    name_in_words: ClassVar[str] = "Review"
    kinds: ClassVar[frozenset[str]] = frozenset({"edge", "content", "import", "sync"})
    has_side: ClassVar[bool] = True
    AUTO_FOCUS = "#question-scroll"
    DEFAULT_CSS = """
    Review #question-scroll { padding: 0 1; scrollbar-size-vertical: 1; }
    Review #question { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes", id="review.yes"),
        Binding("n", "answer(False)", "no", id="review.no"),
        Binding("z", "later", "later", id="review.later"),
        Binding("m", "move", "other parent", id="review.move"),
        Binding("w", "why", "why", id="page.why"),
        Binding("space", "mark", "mark", id="review.mark"),
        Binding("x", "decide", "decide", id="page.decide"),
        Binding("asterisk", "strong", "the strong ones", id="review.strong"),
        Binding("enter", "open", "on the map", id="review.open"),
        Binding("o", "address", "addresses", id="page.address"),
        Binding("f", "filter", "filter", id="page.filter"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._effects: dict[str, Any] = {}
        self._effect_asked: str | None = None
        self._whole = 0

    # The frame.

    def main(self) -> ComposeResult:
        """The question."""
        with VerticalScroll(id="question-scroll"):
            yield Static(id="question")

    @property
    def now(self) -> datetime:
        """The moment by the engine's clock."""
        return self.console.engagerr.clock.now()

    def kept(self) -> dict[str, Any]:
        """The filter, and answers that are not saved yet."""
        unsaved = {"of": str(self.desk.tenant.id), "answers": self.outbox.kept()}
        return {"relation": self.relation, "creator": self.creator, "unsaved": unsaved}

    def restore(self, kept: dict[str, Any]) -> None:
        """Take up the filter; answers that were not saved are sent now."""
        self.relation = kept.get("relation") if kept.get("relation") in RELATIONS else None
        self.creator = kept.get("creator")
        unsaved = kept.get("unsaved") or {}
        if unsaved.get("of") == str(self.desk.tenant.id):
            self.outbox.restore(unsaved.get("answers", ()))
        for answer in self.outbox.answers:
            self._answered[answer.edge] = answer
        self._send()

    # Reading.

    def read(self, work: Workspace) -> ReviewRead:
        """The next questions: those that were put off come last."""
        limit = _AT_A_TIME + len(self._put_off) + len(self.marked) + len(self.outbox)
        asked = {"creator": self.creator, "relation": self.relation}
        return ReviewRead(
            questions=work.review.queue(**asked, limit=limit, include_skipped=True),
            progress=work.review.progress(**asked),
            thresholds=work.review.thresholds().rows,
        )

    def has_nothing(self, answer: ReviewRead) -> bool:
        """Every question has its answer."""
        return not self._left(answer.questions) and not self.marked

    def empty_words(self) -> Sequence[tuple[str, str]]:
        """What was done, and what to do next."""
        if self.relation or self.creator:
            return [("Nothing to review that is like that.  ", "soft"), ("f", "accent"), (" show all", "soft")]
        rows = self.answer.thresholds if self.answer is not None else ()
        return [(f"Nothing to review. {kept_words(rows)}  ", "soft"), ("4", "accent"), (" the map", "soft")]

    def forbidden_words(self, error: EngagerrError) -> str:
        """Who may."""
        return f"Reviewers only. {error.message}"

    def draw(self, answer: ReviewRead) -> None:
        """Take up what was read; the question that is asked stays, unless somebody else answered it."""
        before = self.current
        found = self._left(answer.questions)
        first = [self._back, str(before.edge.id) if before is not None else None]
        self._back = None
        found.sort(key=lambda one: next((at for at, edge in enumerate(first) if edge == str(one.edge.id)), len(first)))
        self.waiting = found
        unsaved = sum(one.what != LATER for one in self.outbox.answers)
        self._whole = self._done + answer.progress.waiting - unsaved - len(self.marked)
        self._effects.clear()
        self.show_question()

    def _left(self, questions: Sequence[Question]) -> list[Question]:
        """Without what was answered here, what a yes of ours settled, and what is marked; what was put off last."""
        gone = set(self._answered) | {str(one.edge.id) for one in self.marked}
        settled = {answer.item for answer in self._answered.values() if answer.what in (YES, CHOOSE, MOVE)}
        left = [one for one in questions if str(one.edge.id) not in gone and child_name(one) not in settled]
        return sorted(left, key=lambda one: self._put_off.index(edge) + 1 if (edge := str(one.edge.id)) in self._put_off
                      else 0)  # fmt: skip

    # Showing.

    def show_question(self) -> None:
        """Draw the question that is asked now, or why there is none."""
        question = self.current
        self.say_heading()
        if question is None:
            if self.answer is not None:
                self._say_instead(self._nothing_left())
            self.show_side(())
            return
        self._say_instead(())
        effect, said = self._effect_of(question)
        ahead = self.waiting[1 : 1 + AHEAD]
        width = max(self.query_one("#question-scroll").size.width - 3, 36)
        if self.has_class("-wide"):
            lines = long_lines(question, ahead, width, self.now)
        else:
            rows = max(self.query_one("#question-scroll").size.height, 10)
            lines = short_lines(question, effect, said, ahead, width, rows, self.now)
        self.query_one("#question", Static).update(Content("\n").join(written(line.parts) for line in lines))
        side_width = 48 if self.has_class("-wide") else max(self.size.width - 3, 20)
        self.show_side(beside_lines(question, effect, said, self._threshold(question), side_width))
        self._read_effects()

    def _nothing_left(self) -> Sequence[tuple[str, str]]:
        if self._reading or self._outdated:
            return [("Reading the next ones …", "soft")]
        if self.marked:
            return [(f"{len(self.marked):,} marked, none besides.  ", "soft"), ("x", "accent"), (" decide", "soft")]
        return self.empty_words()

    def _effect_of(self, question: Question) -> tuple[Any, str]:
        found = self._effects.get(str(question.edge.id))
        return (None, found) if isinstance(found, str) else (found, "")

    def _threshold(self, question: Question) -> Threshold | None:
        rows = self.answer.thresholds if self.answer is not None else ()
        return next((row for row in rows if row.relation == question.edge.relation), None)

    @property
    def _done(self) -> int:
        """What was answered or marked in this sitting."""
        return len(self._answered) + len(self.marked)

    def say_heading(self) -> None:
        """How far the review is, and what is not saved."""
        heading = self.query_one(Heading)
        if self.answer is None:
            return
        saved = {answer.edge for answer in self.outbox.answers}
        done = self._done
        unsaved = len(saved)
        said = [f"{done + 1:,} of {max(self._whole, done + len(self.waiting)):,}"] if self.waiting else []
        said += [f"{len(self.marked):,} marked"] if self.marked else []
        said += [self.creator] if self.creator else []
        said += [RELATIONS[self.relation]] if self.relation else []
        heading.scope = " · ".join(said)
        words = kept_words(self.answer.thresholds)
        heading.freshness = words.removesuffix(".")
        heading.mood = "soft"
        if unsaved and self._send_timer is not None:
            answers = "1 answer" if unsaved == 1 else f"{unsaved:,} answers"
            heading.freshness, heading.mood = f"{glyphs.LATE} {answers} not saved", "attention"

    def on_resize(self) -> None:
        """Other widths, other lines."""
        if self.answer is not None:
            self.call_after_refresh(self.show_question)

    # What a yes would change, read ahead.

    def _read_effects(self) -> None:
        if self._effect_asked is not None:
            return
        wanted = [str(one.edge.id) for one in self.waiting[: 1 + AHEAD]]
        edge = next((one for one in wanted if one not in self._effects), None)
        if edge is None:
            return
        self._effect_asked, work = edge, self.desk

        def read() -> Any:
            from engagerr.core.desk.link_effect import link_effect

            return link_effect(work, edge)

        self.load("effect", read)

    def answered(self, topic: str, result: Any) -> None:
        """An effect, an answer that was saved, a bulk that was looked at, a question that was asked for."""
        if topic == "effect":
            self._keep_effect(result)
        elif topic == "find":
            self._bring(*result)
        else:
            super().answered(topic, result)

    def refused(self, topic: str, error: EngagerrError) -> None:
        """An answer that the database did not take is kept and sent again; one that it refused is told."""
        if topic == "effect":
            self._keep_effect(f"Could not be computed: {error.message}")
        else:
            super().refused(topic, error)

    def _keep_effect(self, found: Any) -> None:
        edge, self._effect_asked = self._effect_asked, None
        if edge is not None:
            self._effects[edge] = found
        if self.current is not None and edge == str(self.current.edge.id):
            self.show_question()
        else:
            self._read_effects()

    # Looking closer.

    def action_why(self) -> None:
        """Every reason, and when the machine stops asking."""
        question = self.current
        if question is not None:
            effect, said = self._effect_of(question)
            lines = beside_lines(question, effect, said, self._threshold(question), 60)
            text = [cell(" ".join((question.child.text or "no text").split()), "soft"), BLANK]
            self.app.push_screen(Sheet(side_title(question.child), [*text, *lines]))

    def action_open(self) -> None:
        """See the question in its family, on the map."""
        if self.current is not None:
            self.console.open_thing("item", self.current.parent.id, side_title(self.current.parent))

    def action_address(self) -> None:
        """Copy both addresses, and show them."""
        if self.current is not None:
            urls = [side.url for side in (self.current.child, self.current.parent) if side.url]
            self.show_address("\n".join(urls) or None)

    def action_filter(self) -> None:
        """Only one kind of question, or one creator's."""
        choices: list[Choice[Any]] = [Choice("a", "all questions", (None, None))]
        choices += [
            Choice(key, f"only: {words}", (relation, self.creator))
            for key, (relation, words) in zip("scpmd", RELATIONS.items(), strict=True)
        ]

        def chosen(answer: tuple[str | None, str | None] | None) -> None:
            if answer is not None:
                self.relation, self.creator = answer
                self.waiting, self.marked = [], []
                self.read_now()

        self.app.push_screen(Menu("Which questions", choices), chosen)

    def show_thing(self, kind: str, subject: str) -> None:
        """Ask the question about this edge now."""
        work = self.desk
        if kind not in ("review", "suggestion", "edge") or subject == "content":
            return

        def find() -> Any:
            asked = work.review.queue(limit=_MOST_ASKED, include_skipped=True)
            return subject, next((one for one in asked if str(one.edge.id) == subject), None)

        self.load("find", find)

    def _bring(self, subject: str, question: Question | None) -> None:
        if question is None:
            self.console.say("This question is answered already.", mood="attention")
            return
        self.waiting = [question, *(one for one in self.waiting if str(one.edge.id) != subject)]
        self._back = subject
        self.show_question()

    # Menu and palette.

    def verbs(self) -> Sequence[Choice[Callable[[], Any]]]:
        """What `x` offers."""
        nothing, refusal = (None if self.current else "no question is asked"), self.refusal
        none_marked = None if self.marked else "mark some with space first"
        return [
            Choice("y", "yes, it belongs there", lambda: self.action_answer(True), refusal or nothing),
            Choice("n", "no, it does not", lambda: self.action_answer(False), refusal or nothing),
            Choice("m", "it belongs to another item …", self.action_move, refusal or nothing),
            Choice("z", "ask me later", self.action_later, refusal or nothing),
            Choice("a", f"accept the {len(self.marked):,} marked …", self.accept_marked, refusal or none_marked),
            Choice("*", "accept the strong ones …", self.action_strong, refusal),
        ]

    def verbs_title(self) -> str:
        """The question."""
        return side_title(self.current.child) if self.current else "Review"

    def commands(self) -> Sequence[Command]:
        """The same in the command palette."""
        found = [Command(f"Review: {one.words}", one.answer, one.key, one.refused) for one in self.verbs()]
        return [
            *found,
            Command("Review: why this is suggested, and when links confirm themselves", self.action_why, "w"),
            Command("Review: see it on the map", self.action_open, "enter"),
            Command("Review: copy the addresses", self.action_address, "o"),
            Command("Review: only some questions …", self.action_filter, "f"),
        ]
