"""Topics of real titles: macro-F1 of our two models beside word and TF-IDF baselines on the same folds, and pieces/s.

    scripts/bench/bench_topics.py ../shared/data/youtube_meta/us_trending_2017_sep_oct.csv

Channels are kept apart: none stands on both sides of a split. Every baseline learns from the same videos as ours and
sees the same text; its settings are the best of a grid by the figure itself, which favours the baselines. The
`local` model is left out where the english embedder is not installed.
"""

from __future__ import annotations

import statistics
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(SCRIPTS.parent), str(SCRIPTS)]

import numpy as np  # noqa: E402
from engagerr.core.ai.embeddings import local_embedder, local_embedders  # noqa: E402
from engagerr.core.ai.floor import topic as floor_topic  # noqa: E402
from engagerr.core.ai.floor.topic_features import read, said_by_lists  # noqa: E402
from engagerr.core.ai.local import topic as local_topic  # noqa: E402
from measuring import Limit, arguments, finish, say, step  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

import topics_training as training  # noqa: E402

DATA = SCRIPTS.parent.parent / "shared/data/youtube_meta/us_trending_2017_sep_oct.csv"
BY_HAND = ("word lists, no training", "word lists and channels, no training")


def text_of(one: training.Labelled, *, channel: bool) -> str:
    """What a baseline reads."""
    parts = [one.piece.title, " | ".join(one.piece.tags)] + ([one.channel] if channel else [])
    return " \n ".join(parts)


def baselines() -> dict[str, Callable[[], Any]]:
    """TF-IDF with each of the usual learners, in the settings that came out best."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import ComplementNB
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.svm import LinearSVC

    def words() -> Any:
        return TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, strip_accents="unicode")

    def letters() -> Any:
        return TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2)

    def machine(softness: float) -> Any:
        return LinearSVC(C=softness, class_weight="balanced", random_state=0)

    return {
        "words, logistic regression": lambda: make_pipeline(
            words(), LogisticRegression(C=10, class_weight="balanced", solver="saga", max_iter=40, random_state=0)
        ),
        "words, complement naive Bayes": lambda: make_pipeline(words(), ComplementNB(alpha=0.1)),
        "words, SVM": lambda: make_pipeline(words(), machine(1)),
        "letters, SVM": lambda: make_pipeline(letters(), machine(0.5)),
        "words and letters, SVM C=0.3": lambda: make_pipeline(make_union(words(), letters()), machine(0.3)),
        "words and letters, SVM C=0.1": lambda: make_pipeline(make_union(words(), letters()), machine(0.1)),
    }


def measured(labelled: Sequence[training.Labelled], said_by_seed: Sequence[NDArray[Any]]) -> dict[str, float]:
    """Macro-F1 over all videos, mean and spread over seeds; over the half never looked at; and over single folds."""
    right = training.places_of([one.topic for one in labelled])
    unread = np.array([training.is_unread(one.channel) for one in labelled])
    whole = [training.macro_f1(right, said) for said in said_by_seed]
    single = [
        training.macro_f1(right[judged], said[judged])
        for seed, said in zip(training.SEEDS, said_by_seed, strict=False)
        for _, judged in training.folds(labelled, seed)
    ]
    return {
        "macro_f1": round(statistics.mean(whole), 3),
        "spread_over_seeds": round(statistics.pstdev(whole), 3),
        "macro_f1_of_unread_half": round(
            statistics.mean(training.macro_f1(right[unread], said[unread]) for said in said_by_seed), 3
        ),
        "macro_f1_of_single_folds": round(statistics.mean(single), 3),
        "spread_over_folds": round(statistics.pstdev(single), 3),
    }


def by_baseline(labelled: Sequence[training.Labelled], make: Callable[[], Any], *, channel: bool) -> dict[str, float]:
    """One baseline on every seed's folds."""
    texts = np.array([text_of(one, channel=channel) for one in labelled], dtype=object)
    right = training.places_of([one.topic for one in labelled])
    rounds = []
    for seed in training.SEEDS:
        said = np.zeros(len(right), dtype=np.int64)
        for learnt, judged in training.folds(labelled, seed):
            said[judged] = make().fit(texts[learnt], right[learnt]).predict(texts[judged])
        rounds.append(said)
    return measured(labelled, rounds)


def by_hand(labelled: Sequence[training.Labelled]) -> dict[str, dict[str, float]]:
    """The packaged lists alone: the topic whose words stand most often; with the channel where it is listed."""
    rows = said_by_lists([read(one.piece) for one in labelled])
    words, channels = rows[:, 2], rows[:, 6]
    usual = training.TOPICS.index(training.Topic.ENTERTAINMENT)
    said = [words, words + 3 * channels]
    answers = [np.where(some.any(axis=1), some.argmax(axis=1), usual) for some in said]
    return {
        name: measured(labelled, [answer] * len(training.SEEDS)) for name, answer in zip(BY_HAND, answers, strict=True)
    }


def by_ours(labelled: list[training.Labelled], vectors: Callable[..., Any] | None) -> dict[str, dict[str, float]]:
    """One of our models, with the channel's name and without; and without the packaged lists."""
    lesson = training.Lesson.of(labelled, vectors)

    def of(lesson: training.Lesson, *, channel: bool) -> dict[str, float]:
        rounds = [lesson.out_of_fold(seed, channel=channel) for seed in training.SEEDS]
        return measured(labelled, [scores.argmax(axis=1) for scores in rounds])

    found = {"with channel": of(lesson, channel=True), "without channel": of(lesson, channel=False)}
    for seen in (lesson.seen, lesson.bare, lesson.written):
        seen.lists = np.zeros_like(seen.lists)
    lesson.learnt.clear()
    return {**found, "with channel, without lists": of(lesson, channel=True)}


def a_second(answer: Callable[[], object], pieces: int) -> int:
    """Pieces a second of processor time, the median of three runs after one to load."""
    answer()
    taken = []
    for _ in range(3):
        started = time.process_time()
        answer()
        taken.append(time.process_time() - started)
    return round(pieces / statistics.median(taken))


def main() -> None:
    """Measure and print one document."""
    parser = arguments(__doc__ or "")
    parser.add_argument("file", nargs="?", type=Path, default=DATA, help="videos with title, tags, channel, category")
    parser.add_argument("--seeds", type=int, default=len(training.SEEDS), help="ways to divide the channels")
    parser.add_argument("--words-only", action="store_true", help="leave out the model with vectors")
    options = parser.parse_args()
    training.SEEDS = tuple(range(options.seeds))
    warnings.simplefilter("ignore")  # a category with fewer videos than folds
    labelled = training.read_trending(options.file)
    pieces = [one.piece for one in labelled]
    found: dict[str, Any] = {"baselines": by_hand(labelled)}
    for name, make in baselines().items():
        for channel in (False, True):
            with step(f"{name}, {'with' if channel else 'without'} channel"):
                label = f"{name}, {'with' if channel else 'without'} channel"
                found["baselines"][label] = by_baseline(labelled, make, channel=channel)
    with step("floor"):
        found["floor"] = by_ours(labelled, None)
    found["pieces_a_second"] = {"floor": a_second(lambda: floor_topic.answer(pieces), len(pieces))}
    if "english" in local_embedders() and not options.words_only:
        embedder = local_embedder()
        with step("local"):
            found["local"] = by_ours(labelled, lambda some: local_topic.vectors(some, embedder))
        some = pieces[:256]
        found["pieces_a_second"]["local"] = a_second(lambda: local_topic.answer(some, embedder), len(some))
    trained = {name: row["macro_f1"] for name, row in found["baselines"].items() if name not in BY_HAND}
    best = max(trained, key=lambda name: trained[name])
    found["best_baseline"] = best
    ours = {kind: found[kind]["with channel"]["macro_f1"] for kind in ("floor", "local") if kind in found}
    say(f"best baseline: {best}, {trained[best]}")
    floor_speed = found["pieces_a_second"]["floor"]
    limits = [
        Limit(f"macro-F1 of {kind} above the best baseline's", round(figure - trained[best], 3), at_least=0.15)
        for kind, figure in ours.items()
    ]
    limits.append(Limit("pieces a second of processor time of floor", floor_speed, at_least=5000))
    sizes = {"videos": len(labelled), "channels": len({one.channel for one in labelled})}
    sizes |= {"folds": training.FOLDS, "seeds": len(training.SEEDS)}
    finish("topics", limits, sizes=sizes, also=found, assert_limits=options.assert_limits)


if __name__ == "__main__":
    main()
