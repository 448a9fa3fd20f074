"""Pieces laid out in columns: what their shows' words weigh, and what each piece is, ready to be compared in bulk."""

from __future__ import annotations

import itertools
import re
from array import array
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from engagerr.core.content.detection.words import Markers, address_words, fold, markers, stem, whole_words, words
from engagerr.core.content.evidence import LONG_KINDS, POST_KINDS, SHORT_KINDS, SHORT_SECONDS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from engagerr.core.content.detection.pieces import Piece

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]


class Shape(IntEnum):
    """What a piece can be in a family: a rendition of the whole, a short cut from it, or words about it."""

    UNKNOWN = 0
    LONG = 1
    SHORT = 2
    POST = 3


_SHAPES = {
    **dict.fromkeys(SHORT_KINDS, Shape.SHORT),
    **dict.fromkeys(LONG_KINDS, Shape.LONG),
    **dict.fromkeys(POST_KINDS, Shape.POST),
}
# So much of a text is read: what a piece is about stands at its beginning, and a long list of links says little.
BODY_CHARACTERS = {Shape.LONG: 3_000, Shape.UNKNOWN: 3_000, Shape.SHORT: 800, Shape.POST: 800}
_TELLING = re.compile(r"[^\W\d_]{2}")
_ADDRESS = re.compile(r"https?://\S+")  # what a text points at is compared as links, not as words
_FILE_NAME = re.compile(r"^(?:index|default)(?:\.\w+)?$")
_HEARD = frozenset({"podcast", "apple_podcasts", "spotify"})
_NUMBER_WEIGHT = 0.3  # a number in a title counts something else in every show; markers compare it properly
_UNKNOWN = -1
_SHORTEST_HASHTAG = 7
# A cut from an hour may last minutes: what is far shorter than its source is a cut of it, whatever it calls itself.
_LONGEST_CUT = 0.4
_LONGEST_CUT_SECONDS = 1_800.0


@dataclass(frozen=True, slots=True)
class Corpus:
    """Columns over pieces of whole shows; row numbers stand for pieces. Unknown is NaN, or -1 in whole numbers.

    `names` holds the words of the title, `bodies` those of the text; both are sparse, one row a piece and one
    column a word of a show, each cell the square root of the word's weight, so that the product of two rows is the
    weight of what they share.
    """

    pieces: Sequence[Piece]
    titles: list[str]
    show: Ints
    account: Ints
    platform: Ints
    shape: Ints
    published: Floats
    seconds: Floats
    season: Ints
    episode: Ints
    bare: Ints
    counted_in_title: Flags
    part: Ints
    year: Ints
    month: Ints
    day: Ints
    heard: Flags
    rerun: Flags
    clip: Flags
    language: Ints
    names: csr_array
    bodies: csr_array
    weights: Floats
    is_number: Flags
    surface: list[str]

    def __len__(self) -> int:
        return len(self.pieces)


def lay_out(pieces: Sequence[Piece]) -> Corpus:
    """The columns of these pieces; all pieces of a show must be among them, or its words are weighed wrongly."""
    import numpy as np

    vocabulary = _Vocabulary()
    folded = [fold(piece.title) if piece.title else "" for piece in pieces]
    hashtags = _Hashtags(pieces, folded)
    shows, accounts, platforms, languages = _Codes(), _Codes(), _Codes(), _Codes()
    titles: list[str] = []
    said: list[Markers] = []
    shapes: list[int] = []
    names, bodies = _Rows(), _Rows()
    show_of: list[int] = []
    for piece, title in zip(pieces, folded, strict=True):
        show = shows.of(piece.show)
        show_of.append(show)
        address = address_words(piece.url) if piece.url else ""
        shape = shape_of(piece)
        own = markers(title)
        if own.episode is own.bare is None and address:
            own = _with_number_of(own, markers(address))
        # An address tells what a title does not ("index.html", "576"); beside a title that tells, it is a kind of text.
        named = title if title and _TELLING.search(_FILE_NAME.sub("", title)) else address or title
        titles.append(named)
        said.append(own)
        shapes.append(shape)
        joined = hashtags.of(piece.show)
        names.add(vocabulary.of(show, named, joined))
        body = fold(_ADDRESS.sub(" ", piece.body[: BODY_CHARACTERS[shape]])) if piece.body else ""
        if address and named != address:
            body += " " + address
        chapters = piece.hints.get("chapters")
        if chapters:
            told = chapters if isinstance(chapters, str) else " ".join(str(chapter) for chapter in chapters)
            body += " " + fold(told)
        bodies.add(vocabulary.of(show, body, joined) if body else ())
    show_column = np.array(show_of, dtype=np.int64)
    account_column = np.array([accounts.of((p.show, p.platform, p.account)) for p in pieces], dtype=np.int64)
    name_rows, body_rows = names.matrix(len(vocabulary)), bodies.matrix(len(vocabulary))
    weights = _weights(name_rows, body_rows, show_column, account_column, vocabulary)
    root = np.sqrt(weights)
    name_rows.data, body_rows.data = root[name_rows.indices], root[body_rows.indices]
    number = _number_column
    return Corpus(
        pieces=pieces,
        titles=titles,
        show=show_column,
        account=account_column,
        platform=np.array([platforms.of(piece.platform) for piece in pieces], dtype=np.int64),
        shape=np.array(shapes, dtype=np.int64),
        published=np.array(
            [np.nan if p.published_at is None else p.published_at.timestamp() / 86_400 for p in pieces],
            dtype=np.float64,
        ),
        seconds=np.array([p.duration_seconds or np.nan for p in pieces], dtype=np.float64),
        season=number(piece_season(p) if m.season is None else m.season for p, m in zip(pieces, said, strict=True)),
        episode=number(piece_episode(p) if m.episode is None else m.episode for p, m in zip(pieces, said, strict=True)),
        bare=number(m.bare for m in said),
        counted_in_title=np.array([m.episode is not None for m in said], dtype=bool),
        part=number(m.part for m in said),
        year=number(m.year for m in said),
        month=number(m.month for m in said),
        day=number(m.day for m in said),
        heard=np.array([piece.platform in _HEARD for piece in pieces], dtype=bool),
        rerun=np.array([m.rerun for m in said], dtype=bool),
        clip=np.array([m.clip for m in said], dtype=bool),
        language=np.array(
            [languages.of(p.language.partition("-")[0].casefold()) if p.language else _UNKNOWN for p in pieces],
            dtype=np.int64,
        ),
        names=name_rows,
        bodies=body_rows,
        weights=weights,
        is_number=np.asarray(vocabulary.is_number or [False], dtype=bool),
        surface=vocabulary.surface,
    )


def shape_of(piece: Piece) -> Shape:
    """By kind, else by what the address or platform says, else by length."""
    if piece.kind is not None and (told := _SHAPES.get(piece.kind, Shape.UNKNOWN)) != Shape.UNKNOWN:
        return told
    if piece.platform == "tiktok" or (piece.url is not None and "/shorts/" in piece.url):
        return Shape.SHORT
    if piece.duration_seconds:
        return Shape.SHORT if piece.duration_seconds <= SHORT_SECONDS else Shape.LONG
    if piece.title is not None and "#shorts" in piece.title.casefold():
        return Shape.SHORT
    if piece.platform in _HEARD:
        return Shape.LONG
    return Shape.UNKNOWN


def piece_episode(piece: Piece) -> int | None:
    """The episode number that the feed states."""
    return _whole(piece.hints.get("episode"))


def piece_season(piece: Piece) -> int | None:
    """The season number that the feed states."""
    return _whole(piece.hints.get("season"))


def _whole(said: Any) -> int | None:
    try:
        number = int(said)
    except (TypeError, ValueError):
        return None
    return number if 0 <= number < 100_000 else None


def _with_number_of(own: Markers, address: Markers) -> Markers:
    from dataclasses import replace

    return replace(own, episode=address.episode, bare=address.bare)


def _number_column(values: Any) -> Ints:
    import numpy as np

    return np.array([_UNKNOWN if value is None else value for value in values], dtype=np.int64)


def _weights(names: csr_array, bodies: csr_array, show: Ints, account: Ints, vocabulary: _Vocabulary) -> Floats:
    """What each word is worth within its show: much when few pieces have it, nothing when all have.

    The measure is inverse document frequency (Spärck Jones 1972), of titles. A word is as common as it is on the
    account that uses it most: a channel that puts its name into every title does not make that name rare for having a
    feed beside it that does not.
    """
    import numpy as np
    from scipy.sparse import coo_array

    columns = names.shape[1]
    width = len(np.unique(account))
    _, account_number = np.unique(account, return_inverse=True)
    counts = np.bincount(account_number)
    row_of = np.repeat(np.arange(names.shape[0]), np.diff(names.indptr))
    used = coo_array(
        (np.ones(len(names.indices)), (names.indices, account_number[row_of])), shape=(columns, width)
    ).tocsr()
    shares = used.copy()
    shares.data = used.data / (counts[used.indices] + 4.0)
    common = np.asarray(shares.max(axis=1).todense()).ravel() if used.nnz else np.zeros(columns)
    # A word that stands in texts only is weighed by how many texts have it.
    in_bodies = np.bincount(bodies.indices, minlength=columns)
    sizes = np.bincount(show)
    share_of_texts = in_bodies / (sizes[np.asarray(vocabulary.show or [0], dtype=np.int64)] + 4.0)
    common = np.where(common > 0, common, np.maximum(share_of_texts, 1e-9))
    weights = np.clip(-np.log(np.clip(common, 1e-6, 1.0)), 0.02, 7.0)
    weights = np.where(np.asarray(vocabulary.is_number or [False], dtype=bool), weights * _NUMBER_WEIGHT, weights)
    return np.asarray(weights, dtype=np.float64)


def are_cuts(corpus: Corpus, one: Ints, other: Ints) -> tuple[Flags, Flags]:
    """(which pairs can only be a cut and its source, in which of them `one` is the cut)."""
    import numpy as np

    short_one = (corpus.shape[one] == Shape.SHORT) | (corpus.shape[one] == Shape.POST)
    short_other = (corpus.shape[other] == Shape.SHORT) | (corpus.shape[other] == Shape.POST)
    cut = short_one != short_other
    # Nothing says which is short: two uploads to one platform are no renditions of each other, as a rule.
    open_one = (corpus.shape[one] == Shape.UNKNOWN) & ~short_other
    open_other = (corpus.shape[other] == Shape.UNKNOWN) & ~short_one
    cued = (open_one | open_other) & (corpus.clip[one] != corpus.clip[other])
    unsure = open_one & open_other & (corpus.platform[one] == corpus.platform[other]) & ~cued
    unsure &= corpus.account[one] != corpus.account[other]
    seconds_one, seconds_other = corpus.seconds[one], corpus.seconds[other]
    shorter, longer = np.fmin(seconds_one, seconds_other), np.fmax(seconds_one, seconds_other)
    much_shorter = ~short_one & ~short_other & (shorter <= _LONGEST_CUT * longer) & (shorter <= _LONGEST_CUT_SECONDS)
    # A short episode of a feed is no cut of a long one.
    much_shorter &= ~(corpus.heard[one] & corpus.heard[other])
    unsure &= ~much_shorter
    cued &= ~much_shorter
    is_child = np.where(cut, short_one, np.where(much_shorter, seconds_one < seconds_other, corpus.clip[one]))
    later = np.nan_to_num(corpus.published[one], nan=np.inf) > np.nan_to_num(corpus.published[other], nan=np.inf)
    is_child = np.where(unsure, later, is_child)
    return np.asarray(cut | much_shorter | cued | unsure, dtype=bool), np.asarray(is_child, dtype=bool)


def all_alike(pieces: Sequence[Piece]) -> bool:
    """Whether these pieces of one account are all whole or all short, so that none can be a cut of another."""
    shapes = {shape_of(piece) for piece in pieces}
    if shapes == {Shape.LONG}:
        lengths = [piece.duration_seconds for piece in pieces if piece.duration_seconds]
        return not lengths or min(lengths) > min(_LONGEST_CUT * max(lengths), _LONGEST_CUT_SECONDS)
    return shapes <= {Shape.SHORT, Shape.POST}


class _Hashtags:
    """Takes hashtags apart by the show's own titles: #anniemeyer is "annie meyer" where a title has these words."""

    def __init__(self, pieces: Sequence[Piece], folded: Sequence[str]) -> None:
        tagged = {piece.show for piece in pieces if "#" in (piece.title or "") or "#" in (piece.body or "")}
        self._joined: dict[Hashable, dict[str, Sequence[str]]] = {}
        for piece, title in zip(pieces, folded, strict=True):
            if piece.show in tagged and title:
                found = words(title)
                own = self._joined.setdefault(piece.show, {})
                for runs in (itertools.pairwise(found), zip(found, found[1:], found[2:], strict=False)):
                    for run in runs:
                        joined = "".join(run)
                        if len(joined) >= _SHORTEST_HASHTAG and joined.isascii():
                            own.setdefault(joined, run)

    def of(self, show: Hashable) -> Mapping[str, Sequence[str]]:
        """By several of the show's words written as one, these words."""
        return self._joined.get(show, {})


class _Codes:
    """Small numbers for hashable things, in order of appearance."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}

    def of(self, thing: Hashable) -> int:
        return self._numbers.setdefault(thing, len(self._numbers))


class _Vocabulary:
    """Numbers for words, apart for each show."""

    def __init__(self) -> None:
        self._numbers: dict[int, _Numbers] = {}
        self.surface: list[str] = []
        self.show: list[int] = []
        self.is_number: list[bool] = []

    def __len__(self) -> int:
        return len(self.surface)

    def of(self, show: int, folded: str, joined: Mapping[str, Sequence[str]]) -> Sequence[int]:
        """The numbers of the text's words, each once, and of the parts of those that are several `joined` in one."""
        numbers = self._numbers.get(show)
        if numbers is None:
            numbers = self._numbers[show] = _Numbers(self, show)
        unique = dict.fromkeys(map(numbers.__getitem__, whole_words(folded)))
        if joined:
            parts = [joined[self.surface[number]] for number in unique if self.surface[number] in joined]
            unique |= dict.fromkeys(numbers.of_stem(part) for run in parts for part in run)
        return list(unique)

    def add(self, show: int, word: str) -> int:
        """A number for a word that is new in its show."""
        self.surface.append(word)
        self.show.append(show)
        self.is_number.append(word.isdigit())
        return len(self.surface) - 1


class _Numbers(dict[str, int]):
    """A show's words by what stands in the text: looked up far more often than anything else here."""

    def __init__(self, vocabulary: _Vocabulary, show: int) -> None:
        super().__init__()
        self._vocabulary, self._show = vocabulary, show
        self._stems: dict[str, int] = {}

    def __missing__(self, written: str) -> int:
        number = self[written] = self.of_stem(stem(written))
        return number

    def of_stem(self, word: str) -> int:
        """The number of a word whose endings are off."""
        number = self._stems.get(word)
        if number is None:
            number = self._stems[word] = self._vocabulary.add(self._show, word)
        return number


class _Rows:
    """A sparse matrix of ones in the making."""

    def __init__(self) -> None:
        self._indices = array("i")
        self._starts = array("l", [0])

    def add(self, columns: Sequence[int]) -> None:
        self._indices.extend(columns)
        self._starts.append(len(self._indices))

    def matrix(self, columns: int) -> csr_array:
        import numpy as np
        from scipy.sparse import csr_array

        indices = np.array(self._indices, dtype=np.int32)
        starts = np.array(self._starts, dtype=np.int64)
        return csr_array((np.ones(len(indices)), indices, starts), shape=(len(starts) - 1, max(columns, 1)))
