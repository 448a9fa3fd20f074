"""What the topic models see of a piece: its words and their letters, and what lists of words and channels say of it."""

from __future__ import annotations

import functools
import itertools
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from engagerr.core.ai.tasks import Piece, Topic

TOPICS = tuple(Topic)
BODY_CHARACTERS = 300
# What the lists say of: the title, the tags as one text, title and tags, each tag on its own, the channel's name as
# words; tags that name a channel, and the channel itself.
LISTS = ("title", "tags", "all", "votes", "channel_words", "tag_names", "channel")
_LONGEST_PHRASE = 5
_MOST_TAGS = 60
_MOST_CHARACTERS = 2000
_WORD = re.compile(r"[^\W_]+(?:[&'][^\W_]+)*")
_PLACES = {topic.value: place for place, topic in enumerate(TOPICS)}
_MUSIC = _PLACES["music"]


@dataclass(frozen=True, slots=True)
class Lists:
    """Phrases (as words) and channels (as `name_key` writes them), each with the places of its topics in `TOPICS`."""

    phrases: Mapping[tuple[str, ...], tuple[int, ...]]
    channels: Mapping[str, tuple[int, ...]]


def words(text: str) -> list[str]:
    """The words of a text, in lower case and without accents; signs between them are left out."""
    plain = unicodedata.normalize("NFKD", text[:_MOST_CHARACTERS].lower().replace("’", "'"))
    if not plain.isascii():
        plain = "".join(character for character in plain if not unicodedata.combining(character))
    return _WORD.findall(plain)


def name_key(name: str) -> str:
    """A name of a channel without case, blanks and signs."""
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
    return Lists(
        {key: tuple(sorted(places)) for key, places in phrases.items()},
        {key: tuple(sorted(places)) for key, places in channels.items()},
    )


def tags_of(piece: Piece) -> tuple[str, ...]:
    """Its tags, or where it has none, the beginning of its body, as one."""
    if piece.tags or not piece.body:
        return piece.tags[:_MOST_TAGS]
    return (piece.body[:BODY_CHARACTERS],)


def said_by_lists(piece: Piece) -> list[list[float]]:
    """A row per entry of `LISTS` with a number per topic, each of length one, or of zeros where no list knows a word.

    Where several phrases begin at a word, the longest counts; a phrase of several topics is shared between them.
    """
    tags = tags_of(piece)
    title, every = words(piece.title), [words(tag) for tag in tags]
    apart = [_counted(tag) for tag in every]
    in_title, in_tags = _counted(title), _added(apart)
    channel = piece.channel or ""
    return [
        _unit(in_title),
        _unit(in_tags),
        _unit(_added((in_title, in_tags))),
        _unit(_added(_shared(counts) for counts in apart)),
        _unit(_counted(words(channel))),
        _unit(_named(tags)),
        _unit(_named((channel,))),
    ]


def word_terms(piece: Piece) -> Counter[str]:
    """Its words and pairs of neighbours, within the title and within each tag."""
    found: Counter[str] = Counter()
    for text in (piece.title, *tags_of(piece)):
        single = words(text)
        found.update(single)
        found.update(map(" ".join, itertools.pairwise(single)))
    return found


def letter_terms(piece: Piece) -> Counter[str]:
    """Runs of three to five letters within its words, a blank at either end of a word."""
    found: Counter[str] = Counter()
    for word, times in Counter(word for text in (piece.title, *tags_of(piece)) for word in words(text)).items():
        padded = f" {word} "
        for length in (3, 4, 5):
            for start in range(max(1, len(padded) - length + 1)):
                found[padded[start : start + length]] += times
    return found


def weighed(terms: Counter[str], places: Mapping[str, int], rarity: Sequence[float]) -> tuple[list[int], list[float]]:
    """The places of the known terms, and (1 + log count) x rarity, of length one together (sublinear TF-IDF)."""
    found, values = [], []
    for term, times in terms.items():
        place = places.get(term)
        if place is not None:
            found.append(place)
            values.append((1 + math.log(times)) * rarity[place])
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return found, [value / length for value in values]


def _entries(file: str) -> Iterable[tuple[int, str]]:
    place = -1
    for line in (files(__package__) / file).read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            place = _PLACES[line.strip("[]")]
        elif line and not line.startswith("#"):
            yield from ((place, entry) for entry in line.split(","))


def _counted(text: list[str]) -> list[float]:
    counts = [0.0] * len(TOPICS)
    phrases, place = lists().phrases, 0
    while place < len(text):
        for length in range(min(_LONGEST_PHRASE, len(text) - place), 0, -1):
            topics = phrases.get(tuple(text[place : place + length]))
            if topics:
                for topic in topics:
                    counts[topic] += 1 / len(topics)
                place += length
                break
        else:
            place += 1
    return counts


def _named(names: Iterable[str]) -> list[float]:
    counts = [0.0] * len(TOPICS)
    for name in names:
        key = name_key(name)
        # Music's labels publish under the artist's name with this ending.
        topics = (_MUSIC,) if key.endswith("vevo") else lists().channels.get(key, ())
        for topic in topics:
            counts[topic] += 1 / len(topics)
    return counts


def _added(rows: Iterable[list[float]]) -> list[float]:
    return [sum(column) for column in zip([0.0] * len(TOPICS), *rows, strict=True)]


def _shared(counts: list[float]) -> list[float]:
    whole = sum(counts) or 1.0
    return [count / whole for count in counts]


def _unit(counts: list[float]) -> list[float]:
    # Ten words of a list say more than one, and not ten times as much.
    grown = [math.log1p(count) for count in counts]
    length = math.sqrt(sum(value * value for value in grown)) or 1.0
    return [value / length for value in grown]
