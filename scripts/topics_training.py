"""Training the topic models: labelled pieces, folds that keep channels apart, a support vector machine, its file."""

from __future__ import annotations

import csv
import io
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from engagerr.core.ai.floor.topic_features import LISTS, TOPICS, letter_terms, said_by_lists, weighed, word_terms
from engagerr.core.ai.tasks import YOUTUBE_CATEGORIES, Piece, Topic
from numpy.typing import NDArray

SCRIPTS = Path(__file__).resolve().parent
FLOOR = SCRIPTS.parent / "engagerr/core/ai/floor"
LOCAL = SCRIPTS.parent / "engagerr/core/ai/local"
TITLES = SCRIPTS / "topic_titles.txt"
FOLDS = 5
SEEDS: tuple[int, ...] = (0, 1, 2)
# How much each kind of feature may say: the square of its length. Found on folds; a third more or less changes little.
WORDS, LETTERS, VECTORS = 1.0, 1.0, 1.0
LIST_SHARES = (0.5, 0.5, 0.7, 0.5, 0.5, 0.7, 1.5)  # as in LISTS
WRITTEN_WEIGHT = 1.0
SOFTNESS = 1.0


@dataclass(frozen=True, slots=True)
class Labelled:
    """A piece, the topic that its publisher chose, and the channel that must not stand on both sides of a split."""

    piece: Piece
    topic: Topic
    channel: str


def read_trending(file: Path) -> list[Labelled]:
    """Each video of the file once; rows of another length are left out."""
    with file.open(encoding="utf-8", newline="") as opened:
        head, *rows = csv.reader(opened)
    videos: dict[str, dict[str, str]] = {}
    for row in rows:
        if len(row) == len(head):
            videos.setdefault(row[0], dict(zip(head, row, strict=True)))
    found = []
    for video in videos.values():
        tags = () if video["tags"] == "[none]" else tuple(video["tags"].split("|"))
        piece = Piece(title=video["title"], tags=tags, channel=video["channel_title"])
        found.append(Labelled(piece, YOUTUBE_CATEGORIES[int(video["category_id"])], video["channel_title"]))
    return found


def read_written(file: Path = TITLES) -> list[Labelled]:
    """The titles that were written for training."""
    found, topic = [], Topic.PEOPLE
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            topic = Topic(line.strip("[]"))
        elif line and not line.startswith("#"):
            title, _, tags = line.partition(" | ")
            found.append(Labelled(Piece(title=title, tags=tuple(tags.split(", "))), topic, ""))
    return found


def without_channel(piece: Piece) -> Piece:
    """The piece as a source that names no channel gives it."""
    return Piece(title=piece.title, tags=piece.tags, body=piece.body)


def places_of(topics: Sequence[Topic]) -> NDArray[np.int64]:
    """Their places in `TOPICS`."""
    return np.array([TOPICS.index(topic) for topic in topics])


def folds(labelled: Sequence[Labelled], seed: int) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Places to learn from and to judge by; no channel on both sides, topics spread evenly."""
    from sklearn.model_selection import StratifiedGroupKFold

    topics = places_of([one.topic for one in labelled])
    groups = [one.channel for one in labelled]
    yield from StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(topics, topics, groups)


def macro_f1(right: NDArray[Any], said: NDArray[Any]) -> float:
    """The mean of the F1 of each category present."""
    from sklearn.metrics import f1_score

    return float(f1_score(right, said, labels=sorted(set(right.tolist())), average="macro", zero_division=0))


@dataclass(slots=True)
class Terms:
    """Terms that stand in at least `least` of the pieces learnt from, and how rare each is."""

    places: dict[str, int]
    rarity: list[float]

    @classmethod
    def learnt(cls, counted: Sequence[Counter[str]], least: int) -> Terms:
        """In the order of the alphabet."""
        often = Counter(term for terms in counted for term in terms)
        kept = sorted(term for term, times in often.items() if times >= least and "\n" not in term)
        rarity = [float(np.log((1 + len(counted)) / (1 + often[term])) + 1) for term in kept]
        return cls({term: place for place, term in enumerate(kept)}, rarity)

    def matrix(self, counted: Sequence[Counter[str]], share: float) -> Any:
        """A row per piece."""
        from scipy.sparse import csr_matrix

        rows = [weighed(terms, self.places, self.rarity) for terms in counted]
        ends = np.cumsum([0, *(len(found) for found, _ in rows)]).astype(np.int32)
        values = np.concatenate([np.asarray(values) for _, values in rows]) if rows else np.zeros(0)
        found = np.concatenate([np.asarray(found, dtype=np.int32) for found, _ in rows])
        return csr_matrix((values * share**0.5, found, ends), shape=(len(rows), len(self.places)))


@dataclass(slots=True)
class Seen:
    """What was counted of pieces once, so that folds need not count again. `vectors` is None for the floor."""

    words: list[Counter[str]]
    letters: list[Counter[str]]
    lists: NDArray[np.float64]
    vectors: NDArray[np.float32] | None

    @classmethod
    def of(cls, pieces: Sequence[Piece], vectors: NDArray[np.float32] | None = None) -> Seen:
        """Count them."""
        said = np.array([said_by_lists(piece) for piece in pieces]) * np.sqrt(np.array(LIST_SHARES))[:, None]
        return cls(
            [word_terms(piece) for piece in pieces],
            [letter_terms(piece) for piece in pieces],
            said.reshape(len(pieces), -1),
            vectors,
        )

    def only(self, places: Sequence[int]) -> Seen:
        """Some of them."""
        vectors = None if self.vectors is None else self.vectors[places]
        words, letters = [self.words[place] for place in places], [self.letters[place] for place in places]
        return Seen(words, letters, self.lists[places], vectors)


@dataclass(slots=True)
class Trained:
    """A support vector machine per topic, all of them linear."""

    words: Terms
    letters: Terms
    weights: NDArray[np.float64]
    begin: NDArray[np.float64]

    def matrix(self, seen: Seen) -> Any:
        """Features side by side."""
        from scipy.sparse import csr_matrix, hstack

        parts = [self.words.matrix(seen.words, WORDS), self.letters.matrix(seen.letters, LETTERS), seen.lists]
        if seen.vectors is not None:
            parts.append(seen.vectors * VECTORS**0.5)
        return csr_matrix(hstack([csr_matrix(part) for part in parts])) / _whole(seen.vectors is not None)

    def scores(self, seen: Seen) -> NDArray[np.float64]:
        """One number per piece and topic; a topic that was not learnt is out of reach."""
        return np.asarray(self.matrix(seen) @ self.weights + self.begin)


def train(seen: Seen, topics: NDArray[np.int64], sure: NDArray[np.float64]) -> Trained:
    """Learn; `sure` is how much each piece counts. Categories count alike, however many pieces they have."""
    from sklearn.svm import LinearSVC

    model = Trained(Terms.learnt(seen.words, 2), Terms.learnt(seen.letters, 4), np.zeros((0, 0)), np.zeros(0))
    machine = LinearSVC(C=SOFTNESS, class_weight="balanced", random_state=0)
    machine.fit(model.matrix(seen), topics, sample_weight=sure)
    model.weights = np.zeros((machine.coef_.shape[1], len(TOPICS)))
    model.begin = np.full(len(TOPICS), -9.0)
    model.weights[:, machine.classes_] = machine.coef_.T
    model.begin[machine.classes_] = machine.intercept_
    return model


@dataclass(slots=True)
class Lesson:
    """Everything that a model learns from: labelled pieces with and without their channel, and written titles."""

    labelled: list[Labelled]
    seen: Seen
    bare: Seen
    written: Seen
    written_topics: NDArray[np.int64]

    @classmethod
    def of(cls, labelled: list[Labelled], vectors: Any = None) -> Lesson:
        """`vectors` gives those of pieces, or is None for the floor."""
        written = read_written()
        pieces, titles = [one.piece for one in labelled], [one.piece for one in written]
        bare = [without_channel(piece) for piece in pieces]
        made = None if vectors is None else vectors(pieces)
        return cls(
            labelled,
            Seen.of(pieces, made),
            Seen.of(bare, None if made is None else _without_channels(made)),
            Seen.of(titles, None if vectors is None else vectors(titles)),
            places_of([one.topic for one in written]),
        )

    def learn(self, places: Sequence[int]) -> Trained:
        """From some of the labelled pieces, each with and without its channel, and all written titles."""
        topics = places_of([self.labelled[place].topic for place in places])
        parts = (self.seen.only(places), self.bare.only(places), self.written)
        vectors = None if parts[0].vectors is None else np.concatenate([part.vectors for part in parts])  # type: ignore[misc]
        whole = Seen(
            [terms for part in parts for terms in part.words],
            [terms for part in parts for terms in part.letters],
            np.concatenate([part.lists for part in parts]),
            vectors,
        )
        sure = np.concatenate([np.full(2 * len(topics), 0.5), np.full(len(self.written_topics), WRITTEN_WEIGHT)])
        return train(whole, np.concatenate([topics, topics, self.written_topics]), sure)

    def out_of_fold(self, seed: int, *, channel: bool = True) -> NDArray[np.float64]:
        """Scores of every labelled piece by a model that saw nothing of its channel."""
        scores = np.zeros((len(self.labelled), len(TOPICS)))
        for learnt, judged in folds(self.labelled, seed):
            scores[judged] = self.learn(learnt).scores((self.seen if channel else self.bare).only(judged))
        return scores


def sharpness(scores: NDArray[np.float64], right: NDArray[np.int64]) -> float:
    """The factor that makes probabilities of scores most likely."""
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    def unlikely(factor: float) -> float:
        return -float(log_softmax(scores * factor, axis=1)[np.arange(len(right)), right].mean())

    return round(float(minimize_scalar(unlikely, bounds=(0.5, 20), method="bounded").x), 3)


def as_file(model: Trained, sharp: float, *, vectors: bool) -> bytes:
    """The model's file: weights in eighths of a byte's range for terms, the rest in half precision."""
    size = _whole(vectors)
    words, letters, said = len(model.words.places), len(model.letters.places), len(LISTS) * len(TOPICS)
    parts = np.split(model.weights / size, np.cumsum([words, letters, said]))
    word_weights, word_scale = _bytes(parts[0] * WORDS**0.5)
    letter_weights, letter_scale = _bytes(parts[1] * LETTERS**0.5)
    shares = np.repeat(np.sqrt(np.array(LIST_SHARES)), len(TOPICS))[:, None]
    held = io.BytesIO()
    np.savez_compressed(
        held,
        word_terms=np.frombuffer("\n".join(model.words.places).encode(), dtype=np.uint8),
        word_rarity=np.asarray(model.words.rarity, dtype=np.float16),
        word_weights=word_weights,
        word_scale=word_scale,
        letter_terms=np.frombuffer("\n".join(model.letters.places).encode(), dtype=np.uint8),
        letter_rarity=np.asarray(model.letters.rarity, dtype=np.float16),
        letter_weights=letter_weights,
        letter_scale=letter_scale,
        list_weights=(parts[2] * shares).astype(np.float16),
        vector_weights=(parts[3] * VECTORS**0.5).astype(np.float16),
        begin=model.begin.astype(np.float32),
        sharpness=np.float32(sharp),
    )
    return held.getvalue()


def lists_digest() -> str:
    """Changes with the packaged lists: a model is good only with those that it was trained with."""
    return f"{zlib.crc32(b''.join((FLOOR / f'topic_{kind}.txt').read_bytes() for kind in ('words', 'channels'))):08x}"


def _without_channels(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The last of the four vectors of a piece is its channel's."""
    kept = vectors.copy()
    kept[:, -vectors.shape[1] // 4 :] = 0
    return kept


def _whole(vectors: bool) -> float:
    """How long a row with everything in it is, so that `SOFTNESS` means the same for both models."""
    return float((WORDS + LETTERS + sum(LIST_SHARES) + (4 * VECTORS if vectors else 0)) ** 0.5)


def _bytes(weights: NDArray[np.float64]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    scale = np.maximum(np.abs(weights).max(axis=0), 1e-9) / 127
    return np.round(weights / scale).astype(np.int8), scale.astype(np.float32)
