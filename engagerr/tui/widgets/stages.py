"""Two lines of a deal: its way, with what lies behind and what is to come; and which of its tables is shown."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.reactive import reactive

from engagerr.tui import glyphs
from engagerr.tui.widgets.chrome import Line

_BETWEEN = " ── "


class StageLine(Line):
    """`✓ proposed ── ● contracted ── ○ in production`; where room is short, the ends become counts (`✓ 3`, `○ 2`)."""

    stages: reactive[tuple[str, ...]] = reactive(())
    stage: reactive[str] = reactive("")
    closed: reactive[str] = reactive("")

    def parts(self, width: int) -> Sequence[tuple[str, str]]:
        """The line, as much of it as there is room for; where it stands always is."""
        if not self.stages:
            return []
        here = self.stages.index(self.stage) if self.stage in self.stages else 0
        first, last = _window(self.stages, here, width - 2)
        pieces: list[list[tuple[str, str]]] = []
        if first:
            pieces.append([(f"{glyphs.DONE} {first}", "good")])
        for at in range(first, last):
            pieces.append(self._piece(at, here))
        if last < len(self.stages):
            pieces.append([(f"{glyphs.WAITING} {len(self.stages) - last}", "faint")])
        parts: list[tuple[str, str]] = [(" ", "ink")]
        for number, piece in enumerate(pieces):
            if number:
                parts.append((_BETWEEN, "line"))
            parts += piece
        return parts

    def _piece(self, at: int, here: int) -> list[tuple[str, str]]:
        words = self.stages[at].replace("_", " ")
        if at < here:
            return [(f"{glyphs.DONE} ", "good"), (words, "soft")]
        if at > here:
            return [(f"{glyphs.WAITING} ", "faint"), (words, "faint")]
        if self.closed:
            return [(f"{glyphs.FAILED} ", "danger"), (f"{words}, {self.closed}", "ink-bold")]
        last = at == len(self.stages) - 1
        return [(f"{glyphs.DONE if last else glyphs.CONFIRMED} ", "good" if last else "accent"), (words, "ink-bold")]


class ViewLine(Line):
    """Which table is shown, and which others there are: `Pieces · Papers · History · Needs`."""

    def __init__(self, views: Sequence[str]) -> None:
        super().__init__()
        self.views, self.shown, self.hint = tuple(views), views[0], ""

    def parts(self, width: int) -> Sequence[tuple[str, str]]:
        """The names, the shown one strong, and a hairline to the end."""
        parts: list[tuple[str, str]] = [("── ", "line")]
        for number, name in enumerate(self.views):
            if number:
                parts.append((" · ", "line"))
            parts.append((name.capitalize(), "accent-bold" if name == self.shown else "faint"))
        if self.hint:
            parts.append((f"  {self.hint}", "soft"))
        used = sum(len(text) for text, _ in parts) + 1
        return [*parts, (" ", "line"), ("─" * max(width - used, 0), "line")]


def _window(stages: Sequence[str], here: int, room: int) -> tuple[int, int]:
    """From which stage to which they are written out: as many as fit, those around the present one."""
    first, last = here, here + 1
    while True:
        wider = [(first - 1, last)] if first and (here - first) <= (last - here) else []
        wider += [(first, last + 1)] if last < len(stages) else []
        wider += [(first - 1, last)] if first else []
        fits = next((one for one in wider if _width(stages, *one) <= room), None)
        if fits is None:
            return first, last
        first, last = fits


def _width(stages: Sequence[str], first: int, last: int) -> int:
    shown = [cell_len(stage) + 2 for stage in stages[first:last]]
    ends = [3] * bool(first) + [3] * (last < len(stages))
    # A closed deal says so behind its stage.
    return sum(shown) + sum(ends) + cell_len(_BETWEEN) * (len(shown) + len(ends) - 1) + 1
