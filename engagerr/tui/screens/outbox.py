"""Answers on their way to the database: in order, one at a time, and never lost when it does not answer."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engagerr import Workspace

YES, NO, CHOOSE, MOVE, LATER = "yes", "no", "choose", "move", "later"


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody said to one question. `edge` is the question's; `to` the edge or item that was chosen instead."""

    what: str
    edge: str
    title: str
    item: str = ""
    to: str = ""
    relation: str = ""


class Outbox:
    """Answers that are not saved yet. Used by the loop and by the thread that takes an answer back."""

    def __init__(self) -> None:
        self._answers: list[Answer] = []
        self._sending: Answer | None = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        with self._lock:
            return len(self._answers)

    @property
    def answers(self) -> Sequence[Answer]:
        """Those that are not saved, in order."""
        with self._lock:
            return tuple(self._answers)

    def add(self, answer: Answer) -> None:
        """One more."""
        with self._lock:
            self._answers.append(answer)

    def next(self) -> Answer | None:
        """The first, unless one is on its way already; it stays here until `saved` or `given_up`."""
        with self._lock:
            if self._sending is not None or not self._answers:
                return None
            self._sending = self._answers[0]
            return self._sending

    def saved(self) -> None:
        """The one on its way has arrived, or will never: it is none of ours any more."""
        with self._lock:
            if self._sending in self._answers:
                self._answers.remove(self._sending)
            self._sending = None

    def failed(self) -> None:
        """The one on its way did not arrive: it is tried again."""
        with self._lock:
            self._sending = None

    def drop(self, answer: Answer) -> bool:
        """Take an answer back before it was sent; False where it is on its way or has arrived."""
        with self._lock:
            there = answer in self._answers and answer is not self._sending
            if there:
                self._answers.remove(answer)
            return there

    def kept(self) -> list[dict[str, Any]]:
        """As JSON, for the memory of the console."""
        return [asdict(one) for one in self.answers]

    def restore(self, kept: Sequence[dict[str, Any]]) -> None:
        """What `kept` gave."""
        for one in kept:
            try:
                self.add(Answer(**one))
            except TypeError:
                continue


def save(work: Workspace, answer: Answer) -> Any:
    """Tell the core what was said. Runs on a thread."""
    if answer.what == LATER:
        return work.review.skip(answer.edge)
    if answer.what == CHOOSE:
        return work.review.choose(answer.to, instead_of=answer.edge)
    if answer.what == MOVE:
        return work.content.move(answer.item, answer.to, relation=answer.relation)
    return work.review.answer(answer.edge, right=answer.what == YES)


def take_back(work: Workspace, outbox: Outbox, answer: Answer) -> Any:
    """Undo an answer: one that was not sent yet is dropped, one that arrived is taken back with all that it did."""
    if outbox.drop(answer) or answer.what == LATER:
        return None
    if answer.what == MOVE:
        edges = work.content.edges(of=answer.item, state="confirmed")
        parent = next(edge for edge in edges if f"{edge.child.platform}:{edge.child.native_id}" == answer.item)
        return work.content.undo(str(parent.id))
    return work.content.undo(answer.edge)
