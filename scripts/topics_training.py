"""Training the topic models: labelled pieces, folds that keep channels apart, learners, their stack, and its file.

Three learners see the pieces: a support vector machine over words and lists, one over words alone, and a ridge over
vectors. How much to believe each of them, and each packaged list as it stands, is learnt from what the learners say of
channels that they did not see (stacking, Wolpert 1992): one weight per learner and list, never below zero, and a bias
per topic, both drawn towards naught. All of it is linear, so that the model that comes out is one matrix.
"""

from __future__ import annotations

import csv
import io
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from engagerr.core.ai.floor.topic_features import LISTS, TOPICS, read, said_by_lists, word_terms
from engagerr.core.ai.floor.topic_model import TopicModel, read_model
from engagerr.core.ai.tasks import YOUTUBE_CATEGORIES, Piece, Topic
from numpy.typing import NDArray

SCRIPTS = Path(__file__).resolve().parent
FLOOR = SCRIPTS.parent / "engagerr/core/ai/floor"
LOCAL = SCRIPTS.parent / "engagerr/core/ai/local"
TITLES = SCRIPTS / "topic_titles.txt"
FOLDS = 5
SEEDS: tuple[int, ...] = (0, 1, 2)
# How much each kind of feature may say beside words: the square of its length, as in LISTS.
LIST_SHARES = (0.5, 0.5, 0.7, 0.5, 0.5, 0.7, 1.5)
WRITTEN_WEIGHT = 1.0
SOFTNESS = 1.0
# The ridge over vectors: its penalty, and how often at most a piece of a rare topic counts.
RIDGE, MOST = 3.0, 8.0
# Of the stack: how far rare topics are raised (0 as many as there are, 1 all alike), and what draws biases and weights.
RAISED, FEWEST, BIAS_PENALTY, WEIGHT_PENALTY = 0.5, 8.0, 0.02, 0.001
_FAR = -2.0  # the score of a topic of which there is nothing to learn from


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
    rarity: NDArray[np.float64]

    @classmethod
    def learnt(cls, counted: Sequence[Counter[str]], least: int) -> Terms:
        """In the order of the alphabet."""
        often = Counter(term for terms in counted for term in terms)
        kept = sorted(term for term, times in often.items() if times >= least and "\n" not in term)
        rarity = [float(np.log((1 + len(counted)) / (1 + often[term])) + 1) for term in kept]
        return cls({term: place for place, term in enumerate(kept)}, np.array(rarity))

    def matrix(self, counted: Sequence[Counter[str]]) -> Any:
        """A row per piece: (1 + log count) x rarity, of length one."""
        from scipy.sparse import csr_matrix
        from sklearn.preprocessing import normalize

        rows = [
            [(self.places[term], times) for term, times in terms.items() if term in self.places] for terms in counted
        ]
        ends = np.cumsum([0, *map(len, rows)])
        found = np.array([place for row in rows for place, _ in row], dtype=np.int32)
        times = np.array([times for row in rows for _, times in row], dtype=np.float64)
        values = (1 + np.log(times)) * self.rarity[found]
        return normalize(csr_matrix((values, found, ends), shape=(len(rows), len(self.places))))


@dataclass(slots=True)
class Seen:
    """What was counted of pieces once, so that folds need not count again. `vectors` is None for the floor."""

    words: list[Counter[str]]
    lists: NDArray[np.float64]
    vectors: NDArray[np.float32] | None

    @classmethod
    def of(cls, pieces: Sequence[Piece], vectors: NDArray[np.float32] | None = None) -> Seen:
        """Count them."""
        found = [read(piece) for piece in pieces]
        return cls([word_terms(one) for one in found], said_by_lists(found), vectors)

    @classmethod
    def joined(cls, parts: Sequence[Seen]) -> Seen:
        """One after the other."""
        vectors = None if parts[0].vectors is None else np.concatenate([part.vectors for part in parts])
        words = [terms for part in parts for terms in part.words]
        return cls(words, np.concatenate([part.lists for part in parts]), vectors)

    def only(self, places: NDArray[np.int64]) -> Seen:
        """Some of them."""
        vectors = None if self.vectors is None else self.vectors[places]
        return Seen([self.words[place] for place in places], self.lists[places], vectors)


@dataclass(slots=True)
class Linear:
    """Weights of words, lists and vectors, of shape (features, topics), and where scores begin."""

    words: NDArray[np.float64]
    lists: NDArray[np.float64]
    vectors: NDArray[np.float64]
    begin: NDArray[np.float64]

    @classmethod
    def empty(cls, words: int, vectors: int) -> Linear:
        """Of these sizes, with nothing in it."""
        size = len(TOPICS)
        sizes = (words, len(LISTS) * size, vectors)
        return cls(*(np.zeros((rows, size)) for rows in sizes), np.zeros(size))  # type: ignore[call-arg]

    def scores(self, matrix: Any, seen: Seen) -> NDArray[np.float64]:
        """One number per piece and topic."""
        said = matrix @ self.words + seen.lists.reshape(len(seen.lists), -1) @ self.lists + self.begin
        return np.asarray(said if seen.vectors is None else said + seen.vectors @ self.vectors)


@dataclass(slots=True)
class Learners:
    """Each learner by itself, over the same terms."""

    terms: Terms
    each: list[Linear]

    @classmethod
    def of(cls, seen: Seen, topics: NDArray[np.int64], sure: NDArray[np.float64]) -> Learners:
        """Learn; `sure` is how much each piece counts."""
        terms = Terms.learnt(seen.words, 2)
        matrix = terms.matrix(seen.words)
        each = [_machine(matrix, seen, topics, sure, lists=True), _machine(matrix, seen, topics, sure, lists=False)]
        if seen.vectors is not None:
            each.append(_ridge(len(terms.places), seen.vectors, topics, sure))
        return cls(terms, each)

    def scores(self, seen: Seen) -> NDArray[np.float64]:
        """Of shape (pieces, learners and lists, topics): what is to be weighed."""
        matrix = self.terms.matrix(seen.words)
        return np.concatenate([np.stack([one.scores(matrix, seen) for one in self.each], axis=1), seen.lists], axis=1)


@dataclass(slots=True)
class Stack:
    """How much to believe each learner and list, and a bias per topic."""

    weights: NDArray[np.float64]
    bias: NDArray[np.float64]

    @classmethod
    def of(cls, said: NDArray[np.float64], topics: NDArray[np.int64]) -> Stack:
        """The most likely weights, none below zero, where rare topics are raised."""
        from scipy.optimize import minimize
        from scipy.special import log_softmax

        kinds, size, rows = said.shape[1], len(TOPICS), np.arange(len(topics))
        often = np.bincount(topics, minlength=size)
        sure: NDArray[np.float64] = (np.maximum(often, FEWEST) ** -RAISED)[topics]
        sure = sure / sure.sum()

        def unlikely(given: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            weights, bias = given[:kinds], given[kinds:]
            shares = log_softmax(np.tensordot(said, weights, (1, 0)) + bias, axis=1)
            slope = np.exp(shares) * sure[:, None]
            slope[rows, topics] -= sure
            penalty = WEIGHT_PENALTY * (weights @ weights) + BIAS_PENALTY * (bias @ bias)
            by_weight = np.einsum("nk,nqk->q", slope, said) + 2 * WEIGHT_PENALTY * weights
            by_bias = slope.sum(axis=0) + 2 * BIAS_PENALTY * bias
            return float(penalty - (sure * shares[rows, topics]).sum()), np.concatenate([by_weight, by_bias])

        begin = np.concatenate([np.ones(kinds), np.zeros(size)])
        bounds = [(0, None)] * kinds + [(None, None)] * size
        found = minimize(unlikely, begin, jac=True, method="L-BFGS-B", bounds=bounds)
        return cls(found.x[:kinds], found.x[kinds:])


@dataclass(slots=True)
class Trained:
    """Everything in one matrix."""

    terms: Terms
    linear: Linear

    @classmethod
    def of(cls, learners: Learners, stack: Stack) -> Trained:
        """The learners and lists, each as much as the stack believes it."""
        first = learners.each[0]
        whole = Linear.empty(len(first.words), len(first.vectors))
        for weight, one in zip(stack.weights, learners.each, strict=False):
            whole.words += weight * one.words
            whole.lists += weight * one.lists
            whole.begin += weight * one.begin
            whole.vectors = whole.vectors + weight * one.vectors if len(one.vectors) else whole.vectors
        believed = stack.weights[len(learners.each) :]
        whole.lists += np.concatenate([weight * np.eye(len(TOPICS)) for weight in believed])
        whole.begin += stack.bias
        return cls(learners.terms, whole)

    def scores(self, seen: Seen) -> NDArray[np.float64]:
        """One number per piece and topic."""
        return self.linear.scores(self.terms.matrix(seen.words), seen)


@dataclass(slots=True)
class Lesson:
    """Everything that a model learns from: labelled pieces with and without their channel, and written titles."""

    labelled: list[Labelled]
    seen: Seen
    bare: Seen
    written: Seen
    written_topics: NDArray[np.int64]
    learnt: dict[int, list[Trained]] = field(default_factory=dict)

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

    def learn(self, places: Sequence[int] | NDArray[np.int64], seed: int = 0) -> Trained:
        """From some of the labelled pieces, each with and without its channel, and all written titles.

        The stack is fitted on what learners say of the channels of these pieces that they did not see.
        """
        chosen = np.asarray(places, dtype=np.int64)
        among = [self.labelled[place] for place in chosen]
        topics = places_of([one.topic for one in among])
        said: NDArray[np.float64] | None = None
        for learnt, judged in folds(among, 100 + seed):
            scores = self._learners(chosen[learnt]).scores(self.seen.only(chosen[judged]))
            said = np.zeros((len(among), *scores.shape[1:])) if said is None else said
            said[judged] = scores
        assert said is not None
        return Trained.of(self._learners(chosen), Stack.of(said, topics))

    def out_of_fold(self, seed: int, *, channel: bool = True) -> NDArray[np.float64]:
        """Scores of every labelled piece by a model that saw nothing of its channel."""
        parts = list(folds(self.labelled, seed))
        if seed not in self.learnt:
            self.learnt[seed] = [self.learn(learnt, seed) for learnt, _ in parts]
        scores = np.zeros((len(self.labelled), len(TOPICS)))
        for model, (_, judged) in zip(self.learnt[seed], parts, strict=True):
            scores[judged] = model.scores((self.seen if channel else self.bare).only(judged))
        return scores

    def _learners(self, places: NDArray[np.int64]) -> Learners:
        topics = places_of([self.labelled[place].topic for place in places])
        whole = Seen.joined([self.seen.only(places), self.bare.only(places), self.written])
        sure = np.concatenate([np.full(2 * len(topics), 0.5), np.full(len(self.written_topics), WRITTEN_WEIGHT)])
        return Learners.of(whole, np.concatenate([topics, topics, self.written_topics]), sure)


def fit(labelled: Sequence[Labelled], seed: int = 0) -> TopicModel:
    """The model of the floor as `scripts/train_topics` makes it, from these pieces alone."""
    lesson = Lesson.of(list(labelled))
    right = places_of([one.topic for one in labelled])
    return read_model(as_file(lesson.learn(range(len(labelled))), sharpness(lesson.out_of_fold(seed), right)))


def sharpness(scores: NDArray[np.float64], right: NDArray[np.int64]) -> float:
    """The factor that makes probabilities of scores most likely."""
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    def unlikely(factor: float) -> float:
        return -float(log_softmax(scores * factor, axis=1)[np.arange(len(right)), right].mean())

    return round(float(minimize_scalar(unlikely, bounds=(0.1, 20), method="bounded").x), 3)


def miscalibration(scores: NDArray[np.float64], right: NDArray[np.int64], sharp: float) -> float:
    """Expected calibration error of the first topic, in ten bins of as many pieces (Guo et al. 2017)."""
    from scipy.special import softmax

    shares = softmax(scores * sharp, axis=1)
    first, hit = shares.max(axis=1), shares.argmax(axis=1) == right
    bins = np.array_split(np.argsort(first, kind="stable"), 10)
    return float(sum(len(some) * abs(first[some].mean() - hit[some].mean()) for some in bins) / len(right))


def as_file(model: Trained, sharp: float) -> bytes:
    """The model's file: weights of words in 127ths of the largest of their topic, the rest in half precision."""
    linear, scale = model.linear, np.maximum(np.abs(model.linear.words).max(axis=0), 1e-9) / 127
    held = io.BytesIO()
    np.savez_compressed(
        held,
        word_terms=np.frombuffer("\n".join(model.terms.places).encode(), dtype=np.uint8),
        word_rarity=model.terms.rarity.astype(np.float16),
        word_weights=np.round(linear.words / scale).astype(np.int8),
        word_scale=scale.astype(np.float32),
        list_weights=linear.lists.astype(np.float16),
        vector_weights=linear.vectors.astype(np.float16),
        begin=linear.begin.astype(np.float32),
        sharpness=np.float32(sharp),
    )
    return held.getvalue()


def lists_digest() -> str:
    """Changes with the packaged lists: a model is good only with those that it was trained with."""
    return f"{zlib.crc32(b''.join((FLOOR / f'topic_{kind}.txt').read_bytes() for kind in ('words', 'channels'))):08x}"


def is_unread(channel: str) -> bool:
    """Whether nobody looked at this channel's errors while lists and learners were made: about half of them."""
    return zlib.crc32(channel.encode()) % 2 == 1


def _machine(matrix: Any, seen: Seen, topics: NDArray[np.int64], sure: NDArray[np.float64], *, lists: bool) -> Linear:
    """A support vector machine per topic; topics count alike, however many pieces they have."""
    from scipy.sparse import csr_matrix, hstack
    from sklearn.svm import LinearSVC

    rows, said = matrix.shape[1], len(LISTS) * len(TOPICS)
    shares = np.repeat(np.sqrt(np.array(LIST_SHARES)), len(TOPICS))
    whole = float((1 + sum(LIST_SHARES)) ** 0.5)
    found = Linear.empty(rows, 0 if seen.vectors is None else seen.vectors.shape[1])
    machine = LinearSVC(C=SOFTNESS, class_weight="balanced", random_state=0)
    if lists:
        matrix = csr_matrix(hstack([matrix, csr_matrix(seen.lists.reshape(len(topics), said) * shares)])) / whole
    machine.fit(matrix, topics, sample_weight=sure)
    weights = machine.coef_.T
    found.words[:, machine.classes_] = weights[:rows] / (whole if lists else 1)
    if lists:
        found.lists[:, machine.classes_] = weights[rows:] * shares[:, None] / whole
    found.begin[:] = _FAR
    found.begin[machine.classes_] = machine.intercept_
    return found


def _ridge(words: int, vectors: NDArray[np.float32], topics: NDArray[np.int64], sure: NDArray[np.float64]) -> Linear:
    """Ridge regression of +1 and -1 on vectors, one per topic; rare topics count more, to a limit."""
    size = len(TOPICS)
    often = np.bincount(topics, weights=sure, minlength=size)
    raised = np.minimum(sure * (sure.sum() / size / np.maximum(often[topics], 1e-9)), MOST)
    wanted = -np.ones((len(topics), size))
    wanted[np.arange(len(topics)), topics] = 1
    given = np.hstack([vectors.astype(np.float64), np.ones((len(topics), 1))])
    square = given.T @ (given * raised[:, None]) + RIDGE * np.eye(given.shape[1])
    solved = np.linalg.solve(square, given.T @ (wanted * raised[:, None]))
    found = Linear.empty(words, vectors.shape[1])
    found.vectors, found.begin = solved[:-1], solved[-1]
    return found


def _without_channels(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The last of the four vectors of a piece is its channel's."""
    kept = vectors.copy()
    kept[:, -vectors.shape[1] // 4 :] = 0
    return kept
