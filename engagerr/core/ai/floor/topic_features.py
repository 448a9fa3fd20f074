"""What the topic models see of a piece: its words, and what lists of words and channels say of it."""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from engagerr.core.ai.tasks import Piece, Topic

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TOPICS = tuple(Topic)
BODY_CHARACTERS = 300
# What the lists say of: the title, the tags as one text, title and tags, each tag on its own, the channel's name as
# words; tags that name a channel, and the channel itself.
LISTS = ("title", "tags", "all", "votes", "channel_words", "tag_names", "channel")
_LONGEST_PHRASE = 5
_MOST_TAGS = 60
_MOST_CHARACTERS = 2000
_WORD = re.compile(r"[^\W_]+(?:[&'][^\W_]+)*")
_SIGNS = re.compile("[^a-z0-9]+")
_PLACES = {topic.value: place for place, topic in enumerate(TOPICS)}
_MUSIC = _PLACES["music"]


@dataclass(frozen=True, slots=True)
class Lists:
    """Phrases (as words) and channels (as `name_key` writes them), each with the place of its topics in `shared`.

    A row of `shared` is one divided between some topics; the first rows are those of single topics, as in `TOPICS`.
    `longest` is the number of words of the longest phrase that begins with a word.
    """

    phrases: Mapping[tuple[str, ...], int]
    longest: Mapping[str, int]
    channels: Mapping[str, int]
    shared: Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True)
class Read:
    """The words of a piece: of its title, and of each of its tags, which may be names of channels."""

    title: list[str]
    tags: list[list[str]]
    names: tuple[str, ...]
    channel: str


def words(text: str) -> list[str]:
    """The words of a text, in lower case and without accents; signs between them are left out."""
    plain = text[:_MOST_CHARACTERS].lower()
    if not plain.isascii():
        plain = unicodedata.normalize("NFKD", plain.replace("’", "'"))
        plain = "".join(character for character in plain if not unicodedata.combining(character))
    return _WORD.findall(plain)


def name_key(name: str) -> str:
    """A name of a channel without case, blanks and signs."""
    if name.isascii():
        return name.lower() if name.isalnum() else _SIGNS.sub("", name.lower())
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", name).lower()))


@functools.cache
def lists() -> Lists:
    """The packaged lists."""
    phrases: dict[tuple[str, ...], set[int]] = {}
    for place, phrase in _entries("topic_words.txt"):
        if key := tuple(words(phrase)):
            phrases.setdefault(key, set()).add(place)
    channels: dict[str, set[int]] = {}
    for place, name in _entries("topic_channels.txt"):
        if key_of_name := name_key(name):
            channels.setdefault(key_of_name, set()).add(place)
    longest: dict[str, int] = {}
    for key in phrases:
        longest[key[0]] = max(longest.get(key[0], 0), min(len(key), _LONGEST_PHRASE))
    size = len(TOPICS)
    rows: dict[tuple[int, ...], int] = {(place,): place for place in range(size)}

    def row_of(places: set[int]) -> int:
        return rows.setdefault(tuple(sorted(places)), len(rows))

    by_phrase = {key: row_of(places) for key, places in phrases.items()}
    by_channel = {key: row_of(places) for key, places in channels.items()}
    shared = [[(place in places) / len(places) for place in range(size)] for places in rows]
    return Lists(by_phrase, longest, by_channel, shared)


def tags_of(piece: Piece) -> tuple[str, ...]:
    """Its tags, or where it has none, the beginning of its body, as one."""
    if piece.tags or not piece.body:
        return piece.tags[:_MOST_TAGS]
    return (piece.body[:BODY_CHARACTERS],)


def read(piece: Piece) -> Read:
    """Its words, found once for everything that is asked of them."""
    tags = tags_of(piece)
    return Read(words(piece.title), [words(tag) for tag in tags], tags, piece.channel or "")


def said_by_lists(pieces: Sequence[Read]) -> NDArray[np.float64]:
    """Of shape (pieces, len(LISTS), topics): each row of length one, or of zeros where no list knows a word.

    Where several phrases begin at a word, the longest counts; a phrase of several topics is shared between them.
    """
    import numpy as np

    known, kinds = lists(), len(LISTS)
    rows: list[int] = []
    found: list[int] = []
    shares: list[float] = []

    def count(row: int, kind: Sequence[int], share: float = 1.0) -> None:
        rows.extend([row] * len(kind))
        found.extend(kind)
        shares.extend([share] * len(kind))

    for place, piece in enumerate(pieces):
        first = place * kinds
        count(first, _phrases(piece.title, known))
        for tag in piece.tags:
            if of_tag := _phrases(tag, known):
                count(first + 1, of_tag)
                count(first + 3, of_tag, 1 / len(of_tag))
        if piece.channel:
            count(first + 4, _phrases(words(piece.channel), known))
            count(first + 6, _named(piece.channel, known))
        for name in piece.names:
            if named := _named(name, known):
                count(first + 5, named)
    counts = np.zeros((len(pieces), kinds, len(TOPICS)))
    by_row = counts.reshape(-1, len(TOPICS))
    np.add.at(by_row, rows, np.asarray(known.shared)[found] * np.asarray(shares)[:, None])
    counts[:, 2] = counts[:, 0] + counts[:, 1]
    # Ten words of a list say more than one, and not ten times as much.
    grown = np.log1p(counts)
    length = np.sqrt((grown * grown).sum(axis=2, keepdims=True))
    return np.asarray(grown / np.where(length > 0, length, 1.0))


def word_terms(piece: Read) -> Counter[str]:
    """Its words and pairs of neighbours, within the title and within each tag."""
    found = [*piece.title, *map(" ".join, itertools.pairwise(piece.title))]
    for tag in piece.tags:
        found += tag
        found += map(" ".join, itertools.pairwise(tag))
    return Counter(found)


def _entries(file: str) -> Iterable[tuple[int, str]]:
    place = -1
    for line in (files(__package__) / file).read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            place = _PLACES[line.strip("[]")]
        elif line and not line.startswith("#"):
            yield from ((place, entry) for entry in line.split(","))


def _phrases(text: list[str], known: Lists) -> list[int]:
    found = []
    longest, phrases, place, end = known.longest, known.phrases, 0, len(text)
    while place < end:
        most = longest.get(text[place])
        if most is None:
            place += 1
            continue
        for length in range(min(most, end - place), 0, -1):
            if (topics := phrases.get(tuple(text[place : place + length]))) is not None:
                found.append(topics)
                place += length
                break
        else:
            place += 1
    return found


def _named(name: str, known: Lists) -> tuple[int, ...]:
    key = name_key(name)
    if (topics := known.channels.get(key)) is not None:
        return (topics,)
    # Music's labels publish under the artist's name with this ending.
    return (_MUSIC,) if key.endswith("vevo") else ()
