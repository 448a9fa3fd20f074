"""The pages of the documentation, and what stands in their fences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Fence:
    """One fenced block: its language, its text, the line where the text begins, and whether the next one follows it."""

    language: str
    text: str
    line: int
    answer: str | None


def written_pages() -> list[Path]:
    """Every Markdown page that people read."""
    return sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])


def fences(page: Path, *languages: str) -> Iterator[Fence]:
    """The blocks in these languages. `answer` is the ```text block that stands right below, if one does."""
    text = page.read_text(encoding="utf-8")
    found = list(_FENCE.finditer(text))
    for here, below in zip_longest(found, found[1:]):
        if here[1] in languages:
            shown = below is not None and below[1] == "text" and _is_short(text[here.end() : below.start()])
            line = text.count("\n", 0, here.start()) + 2
            yield Fence(here[1], here[2], line, below[2] if below is not None and shown else None)


def _is_short(between: str) -> bool:
    """Nothing but a sentence such as "it prints:" stands between a block and its answer."""
    return len(between.strip().splitlines()) <= 1 and (not between.strip() or between.strip().endswith(":"))
