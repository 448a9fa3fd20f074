"""The round in a terminal: one question after the other, both items side by side, one key an answer."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from datetime import UTC
from typing import TYPE_CHECKING
from uuid import UUID

from engagerr.cli.content.drawing import by_weight, item_name, sure, weight_words
from engagerr.cli.content.review import nothing_open
from engagerr.cli.output import MISSING, clean, console, day, draw, duration, number
from engagerr.core.errors import EngagerrError, NotFound

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from engagerr import Workspace
    from engagerr.core.content.evidence import Evidence
    from engagerr.core.content.questions import Side
    from engagerr.core.content.review import Answered, Question

_AT_A_TIME = 20
_CHOICES = 3
_WIDEST = 150
_BAR = 12
_LONGEST_TEXT = 160
_ASKED = {
    "same_work": "Are these two the same work?",
    "clip_of": "Is the left one cut from the right one?",
    "part_of": "Is the left one a part of the right one?",
    "promotes": "Does the left one point to the right one?",
    "derived_from": "Was the left one made from the right one?",
}
_HELP = (
    "y  yes, confirm it            n  no, reject it; it is not suggested again",
    "s  skip: it comes last        1-3  no, it belongs to this other one",
    "u  undo your last answer      o  show the addresses",
    "q  quit (so does Ctrl-C): every answer is saved already",
)


def keys() -> Iterator[str]:
    """What is typed, key by key, until there is no more to come."""
    import click

    while True:
        try:
            yield click.getchar()
        except (EOFError, KeyboardInterrupt):
            return


class Round:
    """One sitting: asks until nothing is left, the limit is reached or somebody quits."""

    def __init__(self, work: Workspace, *, creator: str | None, relation: str | None, limit: int | None) -> None:
        self._work = work
        self._creator = creator
        self._relation = relation
        self._limit = limit
        self._waiting: deque[Question] = deque()
        self._put_off: set[UUID] = set()
        self._answered: list[Question] = []

    def run(self, typed: Iterator[str]) -> None:
        """Ask one question after the other; `typed` gives the keys, and its end is the end of the round."""
        while question := self._next():
            self._show(question)
            if not self._answer(question, typed):
                break
        else:
            draw(self._why_over())
        self._part()

    def _next(self) -> Question | None:
        if self._limit is not None and len(self._answered) + len(self._put_off) >= self._limit:
            return None
        if not self._waiting:
            found = self._work.review.queue(
                creator=self._creator, relation=self._relation, limit=_AT_A_TIME + len(self._put_off),
                include_skipped=True,
            )  # fmt: skip
            self._waiting.extend(one for one in found if one.edge.id not in self._put_off)
        return self._waiting[0] if self._waiting else None

    def _answer(self, question: Question, typed: Iterator[str]) -> bool:
        """Take keys until the question is answered; False where the round is to end."""
        _prompt(question)
        for key in typed:
            word = key.lower()
            sys.stdout.write("\n")
            if word in {"q", "\x03", "\x04", "\x1b"}:
                return False
            try:
                if self._act(question, word):
                    return True
            except EngagerrError as error:
                draw(_styled(error.message, "red"), *([f"  {clean(error.hint)}"] if error.hint else []), "")
                if self._is_gone(question, error):
                    return True
            _prompt(question)
        sys.stdout.write("\n")
        return False

    def _act(self, question: Question, word: str) -> bool:
        """Do what a key says; whether that was the end of the question."""
        edge = str(question.edge.id)
        if word in {"y", "n"}:
            self._done(question, self._work.review.answer(edge, right=word == "y"), right=word == "y")
            return True
        if word == "s":
            self._work.review.skip(edge)
            self._put_off.add(question.edge.id)
            self._waiting.popleft()
            draw(_styled("put off", "dim"))
            return True
        if word.isdigit() and 1 <= int(word) <= min(_CHOICES, len(question.rivals)):
            chosen = question.rivals[int(word) - 1]
            self._done(question, self._work.review.choose(str(chosen.edge_id), instead_of=edge), right=True)
            return True
        if word == "u":
            return self._undo()
        if word == "o":
            draw(*(f"  {clean(side.url or f'{item_name_of(side)} has no address')}" for side in _sides(question)))
        elif word == "?":
            draw(*(f"  {line}" for line in _HELP))
        else:
            draw(_styled("  y, n, s, u, o, q; ? says what they do", "dim"))
        return False

    def _done(self, question: Question, answered: Answered, *, right: bool) -> None:
        self._answered.append(question)
        draw(_what_changed(answered, right=right), "")
        # What was settled with it is no question any more.
        child = question.child.id
        gone = {question.edge.id}
        self._waiting = deque(
            one for one in self._waiting if one.edge.id not in gone and not (right and one.child.id == child)
        )

    def _is_gone(self, question: Question, error: EngagerrError) -> bool:
        """Whether somebody else settled the question meanwhile; then it is not asked any longer."""
        gone = isinstance(error, NotFound) or error.facts.get("edge") == str(question.edge.id)
        if gone:
            self._waiting.remove(question)
        return gone

    def _undo(self) -> bool:
        """Take back the last answer of this round and ask that question again."""
        if not self._answered:
            draw(_styled("  Nothing was answered in this round. Before it: engagerr content undo", "dim"))
            return False
        last = self._answered[-1]
        self._work.content.undo(str(last.edge.id))
        self._answered.pop()
        self._waiting.appendleft(last)
        draw(_styled("taken back", "yellow"), "")
        return True

    def _show(self, question: Question) -> None:
        from rich.padding import Padding

        progress = self._work.review.progress(creator=self._creator, relation=self._relation)
        head = _styled(_ASKED.get(question.edge.relation, question.edge.relation), "bold")
        head.append(f"  {sure(question.edge.confidence)} sure", style="yellow")
        counts = f"{number(progress.waiting)} to go, {number(progress.decided_today)} decided today"
        counts += f", {number(progress.skipped)} skipped" if progress.skipped else ""
        draw(
            _styled(counts, "dim"), head, _side_by_side(question), "",
            *(_evidence_line(piece) for piece in by_weight(question.edge.evidence)), *_rival_lines(question),
            *_earlier_lines(question), Padding(_styled(question.why, "dim"), (0, 0, 0, 2)),
        )  # fmt: skip

    def _why_over(self) -> str:
        if self._waiting:
            return "That was as many as you wanted."
        if self._put_off:
            return "Only what you put off is left; it is asked again in the next round."
        if self._answered:
            return "All questions are answered."
        return nothing_open(creator=self._creator, relation=self._relation)

    def _part(self) -> None:
        if self._answered or self._put_off:
            put_off = f", {number(len(self._put_off))} put off" if self._put_off else ""
            draw(f"{number(len(self._answered))} answered{put_off}. All is saved; go on with: engagerr content review")


def item_name_of(side: Side) -> str:
    """How a person names the item."""
    return f"{side.platform}:{side.native_id}"


def _sides(question: Question) -> tuple[Side, Side]:
    return question.child, question.parent


def _prompt(question: Question) -> None:
    others = min(_CHOICES, len(question.rivals))
    choices = [] if not others else ["1 that one"] if others == 1 else [f"1-{others} that one"]
    sys.stdout.write(
        " · ".join(["y yes", "n no", "s skip", *choices, "u undo", "o address", "? help", "q quit"]) + " > "
    )
    sys.stdout.flush()


def _styled(words: str, style: str) -> Text:
    from rich.text import Text

    return Text(clean(words), style=style)


def _side_by_side(question: Question) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    drawn = Table.grid(padding=(0, 2), expand=False)
    room = min(console().width, _WIDEST)
    wide = max((room - 14) // 2, 16)
    drawn.add_column(style="dim", no_wrap=True, width=8)
    drawn.add_column(width=wide, overflow="fold")
    drawn.add_column(width=wide, overflow="fold")
    child, parent = question.child, question.parent
    drawn.add_row("Title", *(Text(clean(side.title or MISSING), style="bold") for side in (child, parent)))
    if child.text or parent.text:
        drawn.add_row("Text", *(Text(_beginning(side.text)) for side in (child, parent)))
    for name, cells in (
        ("Where", [f"{side.account}, {(side.kind or 'kind not said').replace('_', ' ')}" for side in (child, parent)]),
        ("Item", [item_name_of(side) for side in (child, parent)]),
        ("Date", [f"{day(child.published_at)}{_apart(question)}", day(parent.published_at)]),
        ("Length", [duration(side.duration_seconds) for side in (child, parent)]),
        ("Seen", [_audience(side) for side in (child, parent)]),
        ("Family", [_family(side) for side in (child, parent)]),
    ):
        drawn.add_row(name, *(Text(clean(cell)) for cell in cells))
    return drawn


def _beginning(text: str | None) -> str:
    if not text:
        return MISSING
    words = " ".join(clean(text).split())
    return words if len(words) <= _LONGEST_TEXT else f"{words[:_LONGEST_TEXT].rsplit(' ', 1)[0]} …"


def _apart(question: Question) -> str:
    dates = [side.published_at.astimezone(UTC).date() for side in _sides(question) if side.published_at is not None]
    if len(dates) < 2:
        return ""
    # By the days that are shown, not by the hours between.
    days = (dates[0] - dates[1]).days
    if days == 0:
        return "  (the same day)"
    return f"  ({number(abs(days))} day{'s' if abs(days) > 1 else ''} {'later' if days > 0 else 'earlier'})"


def _audience(side: Side) -> str:
    figure = side.audience
    if figure is None:
        return "no figure"
    words = figure.metric.replace("_", " ")
    if figure.reported is None:
        return f"{words}: {figure.state.replace('_', ' ')}"
    about = "about " if figure.state == "estimated" else ""
    return f"{about}{number(figure.reported)} {words} ({day(figure.observed_at)})"


def _family(side: Side) -> str:
    if side.family_items == 1:
        return "alone"
    return f"{number(side.family_items)} items: {side.family_title or MISSING}"


def _evidence_line(piece: Evidence) -> Text:
    """The weight as a bar, as long as what it adds to or takes from the confidence."""
    from rich.text import Text

    speaks_for = piece.weight >= 0
    bar = "█" * max(round(min(abs(piece.weight), 1) * _BAR), 1 if piece.weight else 0)
    line = Text(f"  {weight_words(piece.weight)} ", overflow="fold")
    line.append(f"{bar:<{_BAR}}", style="green" if speaks_for else "red")
    line.append(f" {clean(piece.detail)}")
    return line


def _rival_lines(question: Question) -> list[RenderableType]:
    if not question.rivals:
        return []
    lines: list[RenderableType] = ["", _styled("Or does it belong to", "bold")]
    for place, rival in enumerate(question.rivals, start=1):
        if place > _CHOICES:
            lines.append(_styled(f"     and {number(len(question.rivals) - _CHOICES)} more", "dim"))
            break
        line = _styled(f"  {place}  {sure(rival.confidence)}  {rival.relation}  ", "")
        line.append(clean(rival.parent.title or item_name(rival.parent)))
        line.append(f"  {clean(item_name(rival.parent))}" if rival.parent.title else "", style="dim")
        lines.append(line)
    return lines


def _earlier_lines(question: Question) -> list[RenderableType]:
    earlier = question.earlier
    if earlier is None:
        return []
    taken_back = ", and taken back" if earlier.undone else ""
    why = f" ({earlier.reason})" if earlier.reason else ""
    said = f"  {earlier.after} by {earlier.member or 'somebody'} on {day(earlier.at)}{why}{taken_back}"
    return [_styled(said, "yellow")]


def _what_changed(answered: Answered, *, right: bool) -> Text:
    edge = answered.edges[0]
    if not right:
        return _styled(f"rejected: {item_name(edge.child)} does not belong to {item_name(edge.parent)}", "red")
    family = f"{answered.family_title or item_name(edge.parent)}, {number(answered.family_items)} items now"
    settled = answered.settled
    words = f"confirmed: {item_name(edge.child)} is in the family {family}"
    words += f"; {number(settled)} other question{'s' if settled > 1 else ''} settled with it" if settled else ""
    return _styled(words, "green")
