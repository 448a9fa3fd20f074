"""Whether a piece says that it is advertising, and the gate that this is before money is released.

A caption is read for labels (`read_labels`), and judged by the rule of its country and day (`judge`). The gate looks at
what a deliverable became and at everything in its family that the endorsement may have been carried into.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engagerr.core.deals.delivery.disclosure_rules import (
    FIRST_HASHTAGS,
    FOLD_ELSEWHERE,
    FOLD_LINES,
    FOLDS,
    LABELS,
    PLATFORM_LABELS,
    START_CHARACTERS,
    Place,
    Regime,
)

if TYPE_CHECKING:
    from engagerr.core.content.families import FamilyNode


class Finding(StrEnum):
    """What a piece says of itself. Everything but the first and the last stops the money."""

    DISCLOSED = "disclosed"
    WEAK = "weak"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    NOT_NEEDED = "not_needed"

    @property
    def passes(self) -> bool:
        """Whether nothing is left to be done about it."""
        return self in (Finding.DISCLOSED, Finding.NOT_NEEDED)


@dataclass(frozen=True, slots=True)
class Piece:
    """What is read of one item. `platform_label` is None where the platform does not tell."""

    platform: str
    title: str | None
    body: str | None
    platform_label: bool | None = None

    @classmethod
    def of(cls, platform: str, title: str | None, body: str | None, hints: Mapping[str, Any]) -> Piece:
        """A piece as a content item has it, with its platform's hints."""
        told = [bool(hints[name]) for name in PLATFORM_LABELS if hints.get(name) is not None]
        return cls(platform, title, body, any(told) if told else None)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a deliverable must say: by its country's rule, and by its contract (one of `wording`; the platform's label).

    `brand` decides about posts that only point at the work; `is_gift`: paid in kind, for which some rules have words.
    """

    regime: Regime
    brand: str | None = None
    wording: tuple[str, ...] = ()
    platform_label: bool = False
    is_gift: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """One label: which, the words as they stand, from which character of which part. Of a hashtag also its place:
    `in_run` among those side by side, and `in_text` among all of the text, from 0."""

    label: str
    words: str
    part: str
    at: int
    in_run: int | None = None
    in_text: int | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The finding, the words that it rests on, and why, as a sentence that can be shown."""

    finding: Finding
    found: str | None
    why: str


# ── Reading ────────────────────────────────────────────────────────────────────────────────────────────────────────

_HASHTAG = re.compile(r"#(\w+)")
# Between two hashtags of one run stands nothing but blanks.
_BLANK = re.compile(r"[\s,.·|]*")
_AFTER_A_HEAD = r"(?=\s*(?:[:|,\]\)}>*•!]|\n|$|#)|\s+[-–—+&/]\s|\s+(?:with|by|mit|von|con|avec|met|da|por)\b)"
_DENIED = re.compile(
    r"(?:\b(?:not|never|isn'?t|wasn'?t|aren'?t|no|non|nicht|keine?|pas|sin|without|ohne|niet|geen)\W+(?:\w+\W+){0,2}|\bun|#not|#no|#kein)$"
)


@functools.cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """(label, pattern) over folded text, most telling first; hashtags are read apart."""
    found = []
    for label in LABELS:
        ways = [rf"(?:{phrase})" for phrase in label.phrases]
        for head in label.heads:
            word = re.escape(head)
            ways.append(rf"(?:(?:\A|^)[^\w#\n]*\b{word}\b{_AFTER_A_HEAD})")
            ways.append(rf"(?:[\[(*]\s*{word}\s*[\])*])")
        if ways:
            found.append((label.name, re.compile("|".join(ways), re.MULTILINE)))
    return tuple(found)


@functools.cache
def _hashtags() -> Mapping[str, str]:
    return {hashtag: label.name for label in LABELS for hashtag in label.hashtags}


def _folded(text: str) -> tuple[str, list[int]]:
    """The text without case, accents and fancy letters, and the place of each of its characters in the original."""
    letters: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        plain = "'" if character in "’‘`´" else unicodedata.normalize("NFKD", character)
        for part in plain.casefold():
            if not unicodedata.combining(part):
                letters.append(part)
                places.append(place)
    return "".join(letters), places


def read_labels(text: str, *, part: str = "body") -> tuple[Found, ...]:
    """Every label in a text, clear or not, in its order. What is denied ("not sponsored") is none."""
    folded, places = _folded(text)
    found = [
        Found(name, text[places[match.start()] : places[match.end() - 1] + 1].strip(), part, places[match.start()])
        for name, pattern in _patterns()
        for match in pattern.finditer(folded)
        if match.end() > match.start() and not _DENIED.search(folded[max(match.start() - 40, 0) : match.start()])
    ]
    in_run, end = 0, None
    for in_text, match in enumerate(_HASHTAG.finditer(folded)):
        beside = end is not None and _BLANK.fullmatch(folded[end : match.start()]) is not None
        in_run, end = in_run + 1 if beside else 0, match.end()
        label = _hashtags().get(match[1])
        if label is not None:
            words = text[places[match.start()] : places[match.end() - 1] + 1]
            found.append(Found(label, words, part, places[match.start()], in_run, in_text))
    return tuple(sorted(found, key=lambda one: (one.at, one.label)))


def fold_of(platform: str, text: str) -> int:
    """How many characters of a caption are seen without a click."""
    fold = FOLDS.get(platform, FOLD_ELSEWHERE)
    if fold is None:
        return len(text)
    lines = text.split("\n")
    return min(fold, len("\n".join(lines[:FOLD_LINES])))


# ── Judging ────────────────────────────────────────────────────────────────────────────────────────────────────────


def judge(piece: Piece, asked: Asked) -> Judgement:
    """What a piece says, by a rule and a contract. It sees words and labels; pictures and sound it does not."""
    title, body = piece.title or "", piece.body or ""
    if not title.strip() and not body.strip() and not piece.platform_label:
        return Judgement(Finding.UNREADABLE, None, "No text of it is known, so nobody can tell.")
    found = (*read_labels(title, part="title"), *read_labels(body))
    fold = fold_of(piece.platform, body)
    clear = asked.regime.clear | (asked.regime.clear_for_gifts if asked.is_gift else frozenset())
    faults = [(one, _fault(one, clear=clear, regime=asked.regime, fold=fold)) for one in found]
    good = [one for one, fault in faults if fault is None]
    where = asked.regime.name
    if good:
        return _agreed(piece, asked, good[0], found, fold)
    if piece.platform_label and asked.regime.platform_label_is_enough:
        return Judgement(Finding.DISCLOSED, "the platform's label", f"The platform's own label is enough ({where}).")
    if faults:
        nearest, fault = max(faults, key=lambda one: (one[0].label in clear, -one[0].at))
        return Judgement(Finding.WEAK, nearest.words, f"“{nearest.words}” {fault} ({where}).")
    if piece.platform_label:
        return Judgement(
            Finding.WEAK,
            "the platform's label",
            f"It has the platform's own label alone, which is not enough ({where}).",
        )
    return Judgement(Finding.MISSING, None, f"Nothing in its text says that it is advertising ({where}).")


def _fault(one: Found, *, clear: frozenset[str], regime: Regime, fold: int) -> str | None:
    """What is wrong with a label by a rule, as the end of a sentence; None if nothing is."""
    if one.label not in clear:
        return "is not clear enough"
    if regime.place is Place.BEFORE_FOLD_OR_HASHTAGS and one.in_text is not None and one.in_text < FIRST_HASHTAGS:
        return None
    if one.part == "body" and one.at >= fold:
        return f"stands behind “more”: {fold} characters are seen and it begins after {one.at}"
    if regime.place is Place.START and one.at > START_CHARACTERS:
        return f"has to stand at the beginning, and comes after {one.at} characters"
    if one.in_run is not None and one.in_run >= FIRST_HASHTAGS:
        return f"is lost as number {one.in_run + 1} of a row of hashtags"
    return None


def _agreed(piece: Piece, asked: Asked, good: Found, found: Sequence[Found], fold: int) -> Judgement:
    """The law is kept: what the contract wants besides."""
    seen = [one for one in found if one.part == "title" or one.at < fold]
    if asked.wording and not _says(piece, asked.wording, seen, fold):
        wanted = " or ".join(asked.wording)
        return Judgement(
            Finding.WEAK, good.words, f"The contract wants {wanted}, before “more”; it says “{good.words}”."
        )
    if asked.platform_label and piece.platform_label is False:
        return Judgement(
            Finding.WEAK, good.words, "The contract wants the platform's own label, and it is switched off."
        )
    return Judgement(Finding.DISCLOSED, good.words, f"It says “{good.words}” ({asked.regime.name}).")


def _says(piece: Piece, wording: Sequence[str], seen: Sequence[Found], fold: int) -> bool:
    """One of the words stands there as it is, or as another form of the same label (#ad, "Ad:")."""
    text, _ = _folded(f"{piece.title or ''}\n{(piece.body or '')[:fold]}")
    wanted = {_folded(words)[0].strip() for words in wording}
    labels = {one.label for words in wording for form in (words, f"[{words}]") for one in read_labels(form)}
    return any(re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text) for words in wanted if words) or any(
        one.label in labels for one in seen
    )


def judged_hash(piece: Piece, asked: Asked) -> bytes:
    """SHA-256 of all that a judgement rests on: when it changes, it is judged again, and what was let pass is not."""
    basis = [
        piece.platform, piece.title, piece.body, piece.platform_label, asked.regime.name, asked.brand,
        sorted(asked.wording), asked.platform_label, asked.is_gift,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(basis, ensure_ascii=False).encode()).digest()


def names(brand: str | None, piece: Piece) -> bool:
    """Whether a piece names the brand: as a word, a hashtag or a mention, blanks left out or not."""
    if not brand or not brand.strip():
        return False
    text = _folded(f"{piece.title or ''}\n{piece.body or ''}")[0]
    name = _folded(brand.strip())[0]
    return any(re.search(rf"(?<!\w){re.escape(form)}", text) for form in {name, re.sub(r"\W+", "", name)} if form)


# ── The family ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Reached:
    """An item that an endorsement may have been carried into: by which relations, none for the item itself."""

    item_id: UUID
    name: str
    url: str | None
    relations: tuple[str, ...]

    @property
    def way(self) -> str:
        """The relations on the way, as they are kept and shown."""
        return " > ".join(self.relations) or "own"

    @property
    def only_points(self) -> bool:
        """It promotes the work, and need not show what was endorsed."""
        return "promotes" in self.relations


def reached(nodes: Sequence[FamilyNode], item_id: UUID) -> Iterator[Reached]:
    """From an item down every standing edge, and up over `same_work` alone: as far as `content.term_rules` lets a duty
    to disclose reach. `nodes` in path order."""
    by_id = {node.id: node for node in nodes}
    up: dict[UUID, UUID] = {}
    below: dict[UUID, list[UUID]] = {}
    above: list[FamilyNode] = []
    for node in nodes:
        del above[node.depth - 1 :]
        if above and node.relation:
            up[node.id] = above[-1].id
            below.setdefault(above[-1].id, []).append(node.id)
        above.append(node)
    waiting: list[tuple[UUID, UUID | None, tuple[str, ...]]] = [(item_id, None, ())]
    while waiting:
        here, came_from, relations = waiting.pop()
        node = by_id[here]
        yield Reached(here, f"{node.platform}:{node.native_id}", node.url, relations)
        parent = up.get(here)
        if parent is not None and parent != came_from and node.relation == "same_work":
            waiting.append((parent, here, (*relations, "same_work")))
        for child in reversed(below.get(here, [])):
            if child != came_from:
                waiting.append((child, here, (*relations, by_id[child].relation or "")))


def judge_reached(item: Reached, piece: Piece, asked: Asked) -> Judgement:
    """The judgement of one item of a family: one that only points at the work and names no brand is free."""
    if item.only_points and not names(asked.brand, piece):
        return Judgement(Finding.NOT_NEEDED, None, "It points at the work, and does not name the brand in its text.")
    return judge(piece, asked)
