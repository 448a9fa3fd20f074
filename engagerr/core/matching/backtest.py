"""Whether the scores would have told whom a brief is won with: briefs of the past, each ranked as if it were open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from engagerr.core.matching.fitting import Outcome, Outcomes, fit_weights, rescored, why_not
from engagerr.core.matching.signals import STATED_WEIGHTS

LEAST_BRIEFS = 5
_CONFIDENCE = 0.95
_RESAMPLES = 2_000

Weigh = Callable[[UUID], Mapping[str, float] | None]


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure over `n` briefs, its 95 % interval, and what chance alone would give. None where `why` says so."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    chance: float | None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to weigh, over the briefs that it can be tried on.

    `hit_at_1` and `hit_at_3`: the share of briefs of which a won creator is among the first 1 or 3 of those pitched
    (Wilson's interval). `auc`: of pairs of a won and a lost creator of one brief, those that stand in the right order,
    equals half (mean over briefs). `mean_rank`: of won creators among those pitched. Intervals of the last two are
    bootstraps over briefs.
    """

    name: str
    hit_at_1: Measured
    hit_at_3: Measured
    auc: Measured
    mean_rank: Measured


@dataclass(frozen=True, slots=True)
class Backtest:
    """How well won creators stood. Only briefs with a won and a lost creator can be ranked (`briefs` of them).

    Variants: `stated` weights; `fitted_on_others`, on all briefs but the one that is ranked; `fitted_on_past`, on
    outcomes from before the first of that brief; and `stated_on_the_same`, the stated weights over the very briefs of
    the latter.
    """

    outcomes: int
    won: int
    lost: int
    without_score: int
    briefs: int
    variants: tuple[Variant, ...]


@dataclass(frozen=True, slots=True)
class _Standing:
    """Of one brief: how many were pitched and won, the ranks of the won (equals rank last), and its share of pairs."""

    pitched: int
    won: int
    best: float
    mean_rank: float
    pairs: float


def backtest(outcomes: Outcomes) -> Backtest:
    """Rank every brief of the past under weights that have not seen it, and under the stated ones."""
    by_brief: dict[UUID, list[Outcome]] = {}
    for one in outcomes.rows:
        by_brief.setdefault(one.brief_id, []).append(one)
    ranked = {
        brief: rows for brief, rows in by_brief.items() if {one.won for one in rows} == {True, False}
    }  # fmt: skip

    def on_others(brief: UUID) -> Mapping[str, float] | None:
        return _fitted([one for one in outcomes.rows if one.brief_id != brief])

    def on_past(brief: UUID) -> Mapping[str, float] | None:
        begun = min(one.at for one in by_brief[brief])
        return _fitted([one for one in outcomes.rows if one.at < begun and one.brief_id != brief])

    others = {brief: weights for brief in ranked if (weights := on_others(brief)) is not None}
    past = {brief: weights for brief in ranked if (weights := on_past(brief)) is not None}
    won = sum(one.won for one in outcomes.rows)
    return Backtest(
        outcomes=len(outcomes.rows),
        won=won,
        lost=len(outcomes.rows) - won,
        without_score=outcomes.without_score,
        briefs=len(ranked),
        variants=(
            _variant("stated", ranked, dict.fromkeys(ranked, STATED_WEIGHTS)),
            _variant("fitted_on_others", ranked, others),
            _variant("fitted_on_past", ranked, past),
            _variant("stated_on_the_same", ranked, dict.fromkeys(past, STATED_WEIGHTS)),
        ),
    )


def _fitted(outcomes: Sequence[Outcome]) -> Mapping[str, float] | None:
    return None if why_not(outcomes) else fit_weights(outcomes).weights


def _variant(
    name: str, ranked: Mapping[UUID, Sequence[Outcome]], weights: Mapping[UUID, Mapping[str, float]]
) -> Variant:
    standings = [_standing(ranked[brief], of_brief) for brief, of_brief in weights.items()]
    return Variant(
        name,
        hit_at_1=_hits(standings, 1),
        hit_at_3=_hits(standings, 3),
        auc=_mean([one.pairs for one in standings], [0.5] * len(standings)),
        mean_rank=_mean([one.mean_rank for one in standings], [(one.pitched + 1) / 2 for one in standings]),
    )


def _standing(rows: Sequence[Outcome], weights: Mapping[str, float]) -> _Standing:
    import numpy as np
    from scipy.stats import mannwhitneyu, rankdata

    scores = np.round([rescored(one.signals, weights) for one in rows], 9)
    won = np.array([one.won for one in rows])
    pairs = mannwhitneyu(scores[won], scores[~won]).statistic / (won.sum() * (~won).sum())
    return _Standing(
        pitched=len(rows),
        won=int(won.sum()),
        # Who shares a place has to be as good as alone on the last of it.
        best=float(rankdata(-scores, method="max")[won].min()),
        mean_rank=float(rankdata(-scores)[won].mean()),
        pairs=float(pairs),
    )


def _hits(standings: Sequence[_Standing], first: int) -> Measured:
    from scipy.stats import binomtest, hypergeom

    if (too_few := _too_few(len(standings))) is not None:
        return too_few
    hits = sum(one.best <= first for one in standings)
    interval = binomtest(hits, len(standings)).proportion_ci(_CONFIDENCE, method="wilson")
    chances = [float(hypergeom.sf(0, one.pitched, one.won, min(first, one.pitched))) for one in standings]
    return Measured(
        hits / len(standings), float(interval.low), float(interval.high), len(standings), sum(chances) / len(chances)
    )


def _mean(values: Sequence[float], chances: Sequence[float]) -> Measured:
    import numpy as np
    from scipy.stats import bootstrap

    if (too_few := _too_few(len(values))) is not None:
        return too_few
    value, chance = float(np.mean(values)), float(np.mean(chances))
    if len(set(values)) == 1:
        # Nothing varies, so resampling would claim to know it exactly.
        return Measured(value, None, None, len(values), chance, "all briefs agree: no interval can be told from them")
    interval = bootstrap(
        (np.array(values),), np.mean, confidence_level=_CONFIDENCE, n_resamples=_RESAMPLES, method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    return Measured(value, float(interval.low), float(interval.high), len(values), chance)


def _too_few(briefs: int) -> Measured | None:
    if briefs >= LEAST_BRIEFS:
        return None
    why = f"{briefs} briefs with a won and a lost creator are too few: it takes {LEAST_BRIEFS}"
    return Measured(None, None, None, briefs, None, why)
