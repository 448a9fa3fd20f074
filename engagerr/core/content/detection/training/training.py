"""Fitting the model: pairs that blocking lets through, of real sets and of made worlds, and a logistic regression."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from engagerr.core.content.detection.assigning import Works
from engagerr.core.content.detection.blocking import block
from engagerr.core.content.detection.comparing import Comparison, by_habits, compare
from engagerr.core.content.detection.corpus import Shape, are_cuts, lay_out
from engagerr.core.content.detection.cuts import compare_cuts
from engagerr.core.content.detection.detect import SURE, find_works, score_cuts, score_twins
from engagerr.core.content.detection.pieces import Piece
from engagerr.core.content.detection.scoring import Model, RelationModel, Scores, lead_over_rivals
from engagerr.core.content.detection.training.works import works_of
from engagerr.core.content.detection.training.worlds import make_world
from engagerr.core.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engagerr.core.content.detection.corpus import Corpus, Flags, Floats, Ints

VERSION = "1"
WORLDS_A_SHOW = 14
_ROUNDS = 3
_STRENGTH = 0.5  # of the regression's freedom from zero (C), chosen on shows outside the training
# Which way a feature may speak. One that the data would turn round is left out: it would say of the data, not of works.
_AGAINST = frozenset({
    "date_far", "number_differs", "number_off_habit", "lengths_differ", "title_date_off", "one_part_only", "rerun_once",
    "language_differs", "same_platform", "before", "late",
})  # fmt: skip
_EITHER_WAY = frozenset({"date_unknown", "nameless"})
# What the data never shows (or shows by accident) is stated, in log-odds, and marked so in the file.
STATED_SAME_WORK = {
    "number_differs": -3.0, "title_date_fits": 2.0, "title_date_off": -3.0, "one_part_only": -1.5, "rerun_once": -3.0,
    "language_differs": -0.5, "links_shared": 3.0, "same_platform": -1.5, "meaning_alike": 4.0,
}  # fmt: skip
STATED_CUT = {
    "number_equal": 2.5, "number_differs": -3.0, "links_shared": 5.0, "same_platform": 0.3, "same_account": 0.3,
    "meaning_alike": 4.0,
}  # fmt: skip


class _Answers(Protocol):
    """Which work each piece is of."""

    @property
    def works(self) -> Mapping[Hashable, int]: ...


@dataclass(frozen=True, slots=True)
class _Sample:
    """Pairs of one set: features by name, the answers, and the places that rivals contend for."""

    features: Mapping[str, Floats]
    right: NDArray[np.bool_]
    vetoed: NDArray[np.bool_]
    lead: Callable[[Floats, float], Floats]
    chosen: Callable[[Floats], Any]
    again: Callable[[RelationModel], _Sample] | None = None


def train(pieces_by_show: Mapping[Any, Sequence[Piece]], gold: _Answers, *, leave_out: str | None = None) -> Model:
    """A model of every show but `leave_out`. Needs scikit-learn; the same input gives the same model."""
    if find_spec("sklearn") is None:
        raise Unavailable(
            "Training needs scikit-learn, which is not installed.", hint='Install it: pip install "engagerr[train]"'
        )
    shows = {
        str(show): sorted(pieces, key=lambda piece: (piece.platform, piece.native_id, str(piece.id)))
        for show, pieces in pieces_by_show.items()
        if str(show) != leave_out
    }
    twins: list[_Sample] = []
    cuts: list[_Sample] = []
    for show in sorted(shows):
        labelled = {piece.id: gold.works[piece.id] for piece in shows[show] if piece.id in gold.works}
        works = works_of(shows[show], labelled)
        titled = [piece for piece in shows[show] if piece.title and piece.id in labelled]
        if len({piece.account for piece in titled} | {piece.platform for piece in titled}) > 1:
            twins += [_twin_sample(_thinned(titled, how), labelled) for how in ("", "text", "address")]
        if len(works) < 10:
            continue
        for seed in range(WORLDS_A_SHOW):
            world = make_world(works, seed)
            twins.append(_twin_sample(world.pieces, world.work_of))
            cuts.append(_cut_sample(world.pieces, world.work_of, world.cut_from))
    twins = [sample for sample in twins if len(sample.right)]
    cuts = [sample for sample in cuts if len(sample.right)]
    if not _both_answers(twins) or not _both_answers(cuts):
        raise InvalidInput(
            "There is too little to learn from: pairs that belong together and pairs that do not are both needed.",
            hint="Give at least one show with ten works or more, each with two renditions that have titles.",
        )
    first = _fit(twins, STATED_SAME_WORK, ask=0.35)
    twins = [sample.again(first) for sample in twins if sample.again is not None]
    return Model(
        version=VERSION,
        trained_on=tuple(sorted(shows)),
        same_work=_fit(twins, STATED_SAME_WORK, ask=0.35),
        cut=_fit(cuts, STATED_CUT, ask=0.12),
    )


def _both_answers(samples: Sequence[_Sample]) -> bool:
    answers = {bool(right) for sample in samples for right in sample.right[~sample.vetoed]}
    return len(answers) == 2


def _thinned(pieces: Sequence[Piece], how: str) -> list[Piece]:
    """The pieces without something, so that no feature is leaned upon that others may lack."""
    if how == "text":
        return [replace(piece, body=None, hints={}) for piece in pieces]
    if how == "address":
        return [replace(piece, url=None) for piece in pieces]
    return list(pieces)


def _twin_sample(pieces: Sequence[Piece], work_of: Mapping[Any, Any]) -> _Sample:
    corpus = lay_out(pieces)
    blocks = block(corpus)
    cut, _ = are_cuts(corpus, blocks.one, blocks.other)
    short = (corpus.shape[blocks.one] == Shape.SHORT) | (corpus.shape[blocks.other] == Shape.SHORT)
    twin = ~cut & ~short & (corpus.account[blocks.one] != corpus.account[blocks.other])
    found = compare(corpus, replace(blocks, one=blocks.one[twin], other=blocks.other[twin]))
    return _of_twins(corpus, found, work_of)


def _of_twins(corpus: Corpus, found: Comparison, work_of: Mapping[Any, Any]) -> _Sample:
    accounts = int(corpus.account.max()) + 1
    left = found.one * accounts + corpus.account[found.other]
    right = found.other * accounts + corpus.account[found.one]

    def lead(alone: Floats, base: float) -> Floats:
        return lead_over_rivals(left, right, alone, stranger=base)

    def chosen(total: Floats) -> Flags:
        scores = Scores(total, total, total)
        return find_works(corpus, found, scores, _stub(), ask=0.05).held

    def again(model: RelationModel) -> _Sample:
        """As detection does: what is sure by a first model tells the habits."""
        sure = score_twins(corpus, found, model).probability >= SURE
        return _of_twins(corpus, by_habits(corpus, found, sure=sure), work_of)

    right_ones = _same(corpus, found.one, found.other, work_of, work_of)
    return _Sample(found.features, right_ones, found.vetoed, lead, chosen, again)


def _cut_sample(pieces: Sequence[Piece], work_of: Mapping[Any, int], cut_from: Mapping[Any, int]) -> _Sample:
    import numpy as np

    corpus = lay_out(pieces)
    cuts = compare_cuts(corpus, block(corpus))
    numbers = {work: at for at, work in enumerate(sorted(set(work_of.values())))}
    work = np.array([
        numbers[work_of[piece.id]] if piece.id in work_of else len(numbers) + row for row, piece in enumerate(pieces)
    ])  # fmt: skip
    works = Works(work, np.zeros(0, dtype=bool))

    def lead(alone: Floats, base: float) -> Floats:
        return score_cuts(replace(cuts, features={"alone": alone - base}), works, _stub(base, alone=1.0)).lead

    def chosen(total: Floats) -> Flags:
        order = np.lexsort((-total, cuts.child))
        best = np.zeros(len(total), dtype=bool)
        if len(order):
            best[order[np.r_[True, np.diff(cuts.child[order]) != 0]]] = True
        return best

    return _Sample(cuts.features, _same(corpus, cuts.child, cuts.parent, cut_from, work_of), cuts.vetoed, lead, chosen)


def _stub(base: float = 0.0, **weights: float) -> RelationModel:
    return RelationModel(base, weights, frozenset(), 1.0, 1.0, 0.0, 1.0, 0.0)


def _same(
    corpus: Corpus, one: Ints, other: Ints, left: Mapping[Any, Any], right: Mapping[Any, Any]
) -> NDArray[np.bool_]:
    import numpy as np

    ids = [piece.id for piece in corpus.pieces]
    return np.array(
        [
            ids[first] in left and ids[second] in right and left[ids[first]] == right[ids[second]]
            for first, second in zip(one, other, strict=True)
        ],
        dtype=bool,
    )


def _fit(samples: Sequence[_Sample], stated: Mapping[str, float], *, ask: float) -> RelationModel:
    """Logistic regression with stated weights held fast and signs kept, in rounds: the lead over rivals depends on the
    weights, and the weights on the lead."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    names = [name for name in samples[0].features if name not in stated]
    right = np.concatenate([sample.right[~sample.vetoed] for sample in samples])
    # Every set counts alike, however large.
    weight = np.concatenate([
        np.full(int((~sample.vetoed).sum()), 1_000.0 / max(1, int((~sample.vetoed).sum()))) for sample in samples
    ])  # fmt: skip
    columns = {name: np.concatenate([sample.features[name][~sample.vetoed] for sample in samples]) for name in names}
    fixed = np.concatenate([_stated(sample, stated)[~sample.vetoed] for sample in samples])
    weights: dict[str, float] = dict.fromkeys(names, 1.0)
    base, lead_weight = -5.0, 2.0
    for _ in range(_ROUNDS):
        lead = np.concatenate([
            sample.lead(_alone(sample, base, weights, stated), base)[~sample.vetoed] for sample in samples
        ])  # fmt: skip
        kept = list(names)
        while True:
            # What is stated enters with its weight as it is: as one column whose coefficient is pulled to one.
            matrix = np.stack([*(columns[name] for name in kept), lead, fixed], axis=1)
            fitted = LogisticRegression(C=_STRENGTH, max_iter=2_000).fit(matrix, right, sample_weight=weight)
            found = dict(zip(kept, fitted.coef_[0], strict=False))
            wrong = [
                name for name, value in found.items()
                if name not in _EITHER_WAY and (value > 0) == (name in _AGAINST) and abs(value) > 1e-9
            ]  # fmt: skip
            if not wrong:
                break
            # One at a time: what is wrong beside another may be right without it.
            kept.remove(max(wrong, key=lambda name: abs(found[name])))
        weights = {name: float(found.get(name, 0.0)) for name in names}
        base, lead_weight = float(fitted.intercept_[0]), float(fitted.coef_[0][len(kept)])
    slope, shift, auto_confirm = _calibrated(samples, base, weights, stated, lead_weight)
    told = {name: round(value, 3) for name, value in weights.items() if abs(value) >= 0.005}
    return RelationModel(
        base=round(base, 3),
        weights=told | dict(stated),
        stated=frozenset(stated),
        lead=round(lead_weight, 3),
        slope=slope,
        shift=shift,
        auto_confirm=auto_confirm,
        ask=ask,
    )


def _stated(sample: _Sample, stated: Mapping[str, float]) -> Floats:
    import numpy as np

    total = np.zeros(len(sample.right))
    for name, value in stated.items():
        if name in sample.features:
            total = total + value * sample.features[name]
    return total


def _alone(sample: _Sample, base: float, weights: Mapping[str, float], stated: Mapping[str, float]) -> Floats:
    import numpy as np

    total = base + _stated(sample, stated)
    for name, value in weights.items():
        total = total + value * sample.features[name]
    return np.where(sample.vetoed, -30.0, total)


def _calibrated(
    samples: Sequence[_Sample], base: float, weights: Mapping[str, float], stated: Mapping[str, float], lead: float
) -> tuple[float, float, float]:
    """(slope, shift, auto-confirm) of the pairs that the assignment chooses (Platt 1999): what a sum is worth then, and
    the least probability above which 995 of 1,000 are right, not below 0.95: made worlds are kinder than real shows.
    """
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    totals, answers, weight = [], [], []
    for sample in samples:
        alone = _alone(sample, base, weights, stated)
        total = np.where(sample.vetoed, -30.0, alone + lead * sample.lead(alone, base))
        chosen = sample.chosen(total) & ~sample.vetoed
        totals.append(total[chosen])
        answers.append(sample.right[chosen])
        weight.append(np.full(int(chosen.sum()), 1.0 / max(1, int(chosen.sum()))))
    total, answer = np.concatenate(totals), np.concatenate(answers)
    if answer.all() or not answer.any():
        return 1.0, 0.0, 0.99
    fitted = LogisticRegression(C=1e6).fit(total[:, None], answer, sample_weight=np.concatenate(weight) * 100)
    slope, shift = float(fitted.coef_[0][0]), float(fitted.intercept_[0])
    chance = 1.0 / (1.0 + np.exp(-(slope * total + shift)))
    for threshold in np.arange(0.95, 0.99, 0.01):
        above = chance >= threshold
        if above.any() and answer[above].mean() >= 0.995:
            return round(slope, 3), round(shift, 3), round(float(threshold), 2)
    return round(slope, 3), round(shift, 3), 0.99


def as_json(model: Model) -> dict[str, Any]:
    """The model as its file has it: weights by name, largest first, each with where it comes from."""

    def relation(one: RelationModel) -> dict[str, Any]:
        return {
            "base": one.base, "lead": one.lead, "slope": one.slope, "shift": one.shift,
            "auto_confirm": one.auto_confirm, "ask": one.ask,
            "weights": {
                name: {"weight": value, "from": "statement" if name in one.stated else "data"}
                for name, value in sorted(one.weights.items(), key=lambda item: (-abs(item[1]), item[0]))
            },
        }  # fmt: skip

    return {
        "version": model.version, "trained_on": list(model.trained_on), "same_work": relation(model.same_work),
        "cut": relation(model.cut),
    }  # fmt: skip
