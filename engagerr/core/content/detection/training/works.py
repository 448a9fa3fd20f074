"""Real works to learn from: what each was called, said to be about, and cut into."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from engagerr.core.content.detection.pieces import Piece

_STAMP = re.compile(r"^\s*\(?\d{1,2}:\d{2}(?::\d{2})?\)?\s*[-–:]?\s*")
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|\n+")


@dataclass(frozen=True, slots=True)
class Work:
    """One work as its renditions told of it: `guest` is what a title has beyond another, `moments` name parts of it."""

    show: str
    titles: tuple[str, ...]
    text: str
    guest: str
    moments: tuple[str, ...]
    number: int | None


def works_of(pieces: Sequence[Piece], work_of: Mapping[Hashable, Hashable]) -> tuple[Work, ...]:
    """The works behind pieces whose labels are known; those without any title are left out."""
    members: dict[Hashable, list[Piece]] = {}
    for piece in pieces:
        if piece.id in work_of:
            members.setdefault(work_of[piece.id], []).append(piece)
    return tuple(
        work for key in sorted(members, key=str) if (work := _work(sorted(members[key], key=lambda p: str(p.id))))
    )


def _work(renditions: Sequence[Piece]) -> Work | None:
    titles = tuple(dict.fromkeys(
        piece.title for piece in renditions if piece.title and len(piece.title) > 3 and piece.title != "index.html"
        and not piece.title.isdigit()
    ))  # fmt: skip
    if not titles:
        return None
    text = max((piece.body or "" for piece in renditions), key=len)
    moments = [_STAMP.sub("", line).strip() for piece in renditions for line in _lines(piece.hints.get("chapters"))]
    moments += [sentence.strip() for sentence in _SENTENCE.split(text[:1_500])]
    numbers = [int(piece.hints["episode"]) for piece in renditions if str(piece.hints.get("episode", "")).isdigit()]
    return Work(
        show=str(renditions[0].show),
        titles=titles,
        text=text,
        guest=_guest(titles),
        moments=tuple(moment[:120] for moment in moments if 3 <= len(moment.split()) <= 30),
        number=numbers[0] if numbers else None,
    )


def _lines(chapters: object) -> list[str]:
    if isinstance(chapters, str):
        return chapters.splitlines()
    return [str(chapter) for chapter in chapters] if isinstance(chapters, list) else []


def _guest(titles: Sequence[str]) -> str:
    """The capital words that one title has after another's whole text: the name of who was there."""
    for longer in titles:
        for shorter in titles:
            plain = re.sub(r"[^\w\s]", "", shorter).casefold().split()
            words = longer.split()
            folded = [re.sub(r"[^\w]", "", word).casefold() for word in words]
            if len(plain) >= 2 and len(plain) < len(words) <= len(plain) + 4 and folded[: len(plain)] == plain:
                rest = words[len(plain) :]
                if len(rest) >= 2 and all(word[:1].isupper() for word in rest):
                    return " ".join(rest)
    return ""
