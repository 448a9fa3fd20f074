"""What counts as a good answer to each task: one figure from 0 to 1 over all cases, and how sure it is.

A case without an answer counts as wrong. Prose is measured by what can be checked: what has to be said is said, and no
number stands there that the facts do not have. How it reads is for people to judge.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from engagerr.core.ai.tasks import StructuredBrief, TaskName

if TYPE_CHECKING:
    from msgspec import Struct

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_WORD = re.compile(r"\w+")
# A score between them is neither warm nor hostile.
_NEUTRAL = 0.2
# Of two texts that say the same thing, about half of the words are the same.
_SAME_WORDS = 0.5
# Narrower intervals would be false comfort: with fewer cases there is none.
FEWEST_CASES = 10
_RESAMPLES = 400


@dataclass(frozen=True, slots=True)
class Case:
    """What was asked, what is right, and what was answered (None: nothing that fits)."""

    asked: Struct
    expected: Mapping[str, Any]
    answer: Any


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure's name and its formula over cases; `hits` where it is the share of cases that are right."""

    name: str
    figure: Callable[[Sequence[Case]], float]
    hits: Callable[[Sequence[Case]], Sequence[bool]] | None = None


def share_of(name: str, hits: Callable[[Sequence[Case]], Sequence[bool]]) -> Measure:
    """The share of cases that are right."""
    return Measure(name, lambda cases: _mean([float(hit) for hit in hits(cases)]), hits)


def interval(measure: Measure, cases: Sequence[Case]) -> tuple[float, float] | None:
    """The 95 % interval of the figure; None for too few cases.

    Wilson's for shares, else by resampling cases (percentile bootstrap). Resampling what is right throughout would say
    that nothing else can happen; there Wilson's stands in, as if each case were right or wrong.
    """
    if len(cases) < FEWEST_CASES:
        return None
    import numpy as np
    from scipy.stats import binomtest, bootstrap

    if measure.hits is None:

        def figure(places: Any) -> float:
            return measure.figure([cases[place] for place in places])

        found = bootstrap(
            (np.arange(len(cases)),), figure, vectorized=False, n_resamples=_RESAMPLES, method="percentile",
            rng=np.random.default_rng(0),
        ).confidence_interval  # fmt: skip
        if found.low < found.high:
            return float(found.low), float(found.high)
    right = sum(measure.hits(cases)) if measure.hits else round(measure.figure(cases) * len(cases))
    found = binomtest(right, len(cases)).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


# --- labels ---------------------------------------------------------------------------------------------------------


def _macro_f1(pairs: Sequence[tuple[Any, Any]]) -> float:
    """The mean of the F1 of each label that is right somewhere; pairs are (right, said)."""
    labels = sorted({str(right) for right, _ in pairs})
    each = []
    for label in labels:
        hits = sum(str(right) == label == str(said) for right, said in pairs)
        named = sum(str(right) == label for right, _ in pairs) + sum(str(said) == label for _, said in pairs)
        each.append(2 * hits / named)
    return sum(each) / len(each) if each else 0.0


def _topic(cases: Sequence[Case]) -> float:
    return _macro_f1([(case.expected["topic"], case.answer and str(case.answer.topics[0].topic)) for case in cases])


def _language(cases: Sequence[Case]) -> list[bool]:
    return [case.answer is not None and case.answer.language == case.expected["language"] for case in cases]


def _sentiment(cases: Sequence[Case]) -> float:
    def word(answer: Any) -> str | None:
        if answer is None:
            return None
        return "neutral" if abs(answer.score) < _NEUTRAL else "positive" if answer.score > 0 else "negative"

    return _macro_f1([(case.expected["sentiment"], word(case.answer)) for case in cases])


# --- sets -----------------------------------------------------------------------------------------------------------


def _f1(counts: Sequence[tuple[int, int, int]]) -> float:
    """Over all cases together; each is (found and right, found, right)."""
    hits, found, right = (sum(column) for column in zip(*counts, strict=True))
    return 2 * hits / (found + right) if found + right else 1.0


def _safety(cases: Sequence[Case]) -> float:
    counts = []
    for case in cases:
        found = {str(finding.flag) for finding in case.answer.findings} if case.answer else set()
        right = set(case.expected["flags"])
        # A piece without a flag is a thing to get right too: else who flags nothing at all would lose nothing by it.
        found, right = found or {"none"} if case.answer else found, right or {"none"}
        counts.append((len(found & right), len(found), len(right)))
    return _f1(counts)


def _clauses(cases: Sequence[Case]) -> float:
    """Clauses of the right kind with the right words, and whether what hurts in them was noticed."""
    counts = []
    for case in cases:
        left = list(case.answer.clauses) if case.answer else []
        right = case.expected["clauses"]
        found = len(left) + sum(one.concern is not None for one in left)
        hits = 0
        for wanted in right:
            match = next(
                (one for one in left if one.kind == wanted["kind"] and _alike(one.words, wanted["words"])), None
            )
            if match is not None:
                left.remove(match)
                hits += 1 + (match.concern is not None and "concern" in wanted)
        counts.append((hits, found, len(right) + sum("concern" in wanted for wanted in right)))
    return _f1(counts)


def _brief(cases: Sequence[Case]) -> float:
    """Field by field and value by value, without the title: what the brief says is found, and nothing else."""
    counts = []
    names = [field.name for field in msgspec.structs.fields(StructuredBrief) if field.name != "title"]
    for case in cases:
        hits = found = right = 0
        for name in names:
            wanted = _values(case.expected.get(name))
            said = _values(getattr(case.answer, name)) if case.answer else []
            found, right = found + len(said), right + len(wanted)
            hits += _matches(said, wanted)
        counts.append((hits, found, right))
    return _f1(counts)


def _values(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(one) for one in value] if isinstance(value, (list, tuple)) else [str(value)]


def _matches(said: Sequence[str], wanted: Sequence[str]) -> int:
    left, hits = list(said), 0
    for one in wanted:
        match = next((other for other in left if other == one or _alike(other, one)), None)
        if match is not None:
            left.remove(match)
            hits += 1
    return hits


# --- prose ----------------------------------------------------------------------------------------------------------


def _summary(cases: Sequence[Case]) -> float:
    """Words in common with a person's summary (F1, as ROUGE-1), and none for a summary with a number of its own."""

    def score(case: Case) -> float:
        if case.answer is None or _invents(case.answer.summary, case.asked):
            return 0.0
        return _overlap(case.answer.summary, case.expected["summary"])

    return _mean([score(case) for case in cases])


def _reason(cases: Sequence[Case]) -> float:
    """The strongest, the weakest and every unknown signal are named; no number of its own."""

    def score(case: Case) -> float:
        if case.answer is None or _invents(case.answer.reason, case.asked):
            return 0.0
        signals = case.asked.signals  # type: ignore[attr-defined]
        known = [one for one in signals if one.value is not None]
        wanted = [{one.name} for one in signals if one.value is None]
        if known:
            # By its value or by what it does to the score: people mean either.
            wanted.append({max(known, key=key).name for key in (_value, lambda one: one.weight * one.value)})
            wanted.append({min(known, key=key).name for key in (_value, lambda one: one.weight * (one.value - 1))})
        named = [max(_said(case.answer.reason, [name]) for name in either) for either in wanted]
        return _mean(named) if named else 1.0

    return _mean([score(case) for case in cases])


def _value(signal: Any) -> float:
    return float(signal.value)


def _pitch(cases: Sequence[Case]) -> float:
    """Creator, brief and every strength are named; no number of its own."""

    def score(case: Case) -> float:
        if case.answer is None:
            return 0.0
        whole, facts = f"{case.answer.subject} {case.answer.body}", case.asked
        if _invents(whole, facts):
            return 0.0
        return _said(whole, [facts.creator, facts.brief, *facts.strengths])  # type: ignore[attr-defined]

    return _mean([score(case) for case in cases])


def _said(whole: str, wanted: Sequence[str]) -> float:
    """The share of these that stand in the text: as they are, or with most of their words."""
    there = _tokens(whole)

    def stands(one: str) -> bool:
        parts = _tokens(one)
        return one.casefold() in whole.casefold() or sum((parts & there).values()) > 0.7 * sum(parts.values())

    return _mean([float(stands(one)) for one in wanted]) if wanted else 1.0


def _invents(answer: str, asked: Struct) -> bool:
    """Whether a number stands in the answer that does not stand in what was asked."""
    given = set(_numbers(msgspec.json.encode(asked).decode()))
    return any(number not in given and not _rounds(number, given) for number in _numbers(answer))


def _numbers(text: str) -> list[str]:
    return [found.group().strip(".,").replace(",", ".") for found in _NUMBER.finditer(text)]


def _rounds(number: str, given: set[str]) -> bool:
    """0.40 is 0.4, 81 (per cent) is 0.81, and 0.8 is 0.81 in fewer digits."""
    try:
        value = float(number)
        places = len(number.partition(".")[2])
    except ValueError:
        return False
    for other in given:
        try:
            exact = float(other)
        except ValueError:
            continue
        if round(exact, places) == value or round(100 * exact, places) == value:
            return True
    return False


def _tokens(text: str) -> Counter[str]:
    return Counter(_WORD.findall(text.replace("_", " ").casefold()))


def _overlap(first: str, second: str) -> float:
    one, other = _tokens(first), _tokens(second)
    total = sum(one.values()) + sum(other.values())
    return 2 * sum((one & other).values()) / total if total else 0.0


def _alike(first: str, second: str) -> bool:
    return _overlap(first, second) >= _SAME_WORDS


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


# --- vectors --------------------------------------------------------------------------------------------------------


def _embed(cases: Sequence[Case]) -> list[bool]:
    """Each text is half of a pair that says the same: whether the other half is the nearest of all the others."""
    import numpy as np

    known = [place for place, case in enumerate(cases) if case.answer is not None]
    if len(known) < 2:
        return [False] * len(cases)
    rows = np.array([cases[place].answer.vector for place in known])
    likeness = rows @ rows.T
    np.fill_diagonal(likeness, -np.inf)
    nearest = {place: known[int(best)] for place, best in zip(known, likeness.argmax(axis=1), strict=True)}
    pairs = [case.expected["pair"] for case in cases]
    return [place in nearest and pairs[nearest[place]] == pair for place, pair in enumerate(pairs)]


MEASURES: Mapping[TaskName, Measure] = {
    TaskName.EMBED: share_of("nearest is its pair", _embed),
    TaskName.TOPIC: Measure("macro-F1", _topic),
    TaskName.LANGUAGE: share_of("accuracy", _language),
    TaskName.SENTIMENT: Measure("macro-F1", _sentiment),
    TaskName.SAFETY: Measure("F1 of flags", _safety),
    TaskName.SUMMARY: Measure("F1 of words, nothing invented", _summary),
    TaskName.BRIEF: Measure("F1 of fields", _brief),
    TaskName.CLAUSES: Measure("F1 of clauses and concerns", _clauses),
    TaskName.MATCH_REASON: Measure("share of what must be said, nothing invented", _reason),
    TaskName.PITCH: Measure("share of what must be said, nothing invented", _pitch),
}
