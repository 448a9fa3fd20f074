"""Where the machine stops asking: the confidence from which an edge confirms itself, learnt from decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from engagerr.core.content.evidence import AUTO_CONFIRM, LEAST_SUGGESTED
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from engagerr.core.db import Session

# The share of edges that confirm themselves which is to be right.
PRECISION = 0.99
# What the shipped model's own word counts for, in judgements: so many that one wrong edge among those that confirmed
# themselves may be somebody's slip and moves nothing, and so few that the second one does (at the usual 0.99).
MODEL_WORTH = 20
# A threshold moves only where the decisions make it this probable that it should.
CREDIBLE = 0.95
# By the model's own account one in five is wrong here: below this no run of luck lets edges confirm themselves.
FLOOR = 0.8
# Every stretch of this width below the stated threshold must bear the precision by itself: thousands that were right at
# 0.94 say little about 0.80.
STRETCH = 0.05
# Above every confidence: nothing of the relation confirms itself.
NEVER = 1.001
# What was confirmed in bulk nobody looked at one by one: it says nothing about how often the machine is right.
IN_BULK = "in bulk: "

_STEP = 0.005


@dataclass(frozen=True, slots=True)
class Threshold:
    """From which confidence edges of a relation confirm themselves, and from which they are asked about (0 to 1).

    `decisions` edges of the machine's were judged one by one by people of this tenant, `right` of them confirmed.
    `basis` says in words what the threshold rests on.
    """

    relation: str
    auto_confirm: float
    ask: float
    decisions: int
    right: int
    basis: str


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The thresholds of every relation."""

    rows: tuple[Threshold, ...]

    def of(self, relation: str) -> Threshold:
        """The threshold of a relation; one that is not listed is never confirmed without a person."""
        for row in self.rows:
            if row.relation == relation:
                return row
        return Threshold(relation, NEVER, 0.0, 0, 0, "The model knows nothing of this relation.")


@dataclass(frozen=True, slots=True)
class Judged:
    """One edge of the machine's that a person judged: how sure the machine was (0 to 1), and whether it was right."""

    confidence: float
    right: bool


def stated_thresholds() -> Thresholds:
    """The model's own thresholds, before anybody judged anything.

    Relations that the model does not score rest on links alone and have the thresholds of those.
    """
    from engagerr.core.content.detection.scoring import shipped_model

    model = shipped_model()
    bands = {
        "same_work": (model.same_work.auto_confirm, model.same_work.ask),
        "clip_of": (model.cut.auto_confirm, model.cut.ask),
        **dict.fromkeys(("part_of", "promotes", "derived_from"), (AUTO_CONFIRM, LEAST_SUGGESTED)),
    }
    basis = "As the model states it: nobody has judged any yet."
    return Thresholds(
        tuple(Threshold(relation, auto_confirm, ask, 0, 0, basis) for relation, (auto_confirm, ask) in bands.items())
    )


def read_thresholds(session: Session, *, tenant_id: UUID, precision: float) -> Thresholds:
    """This tenant's thresholds, from what its people decided on edges that the machine made.

    `precision` is the share of the edges that confirm themselves which is to be right, from 0.5 to below 1; anything
    else raises `InvalidInput`.
    """
    from sqlalchemy import text

    judged: dict[str, list[Judged]] = {}
    for row in session.execute(text(_JUDGED), {"tenant_id": tenant_id, "in_bulk": IN_BULK}):
        judged.setdefault(row.relation, []).append(Judged(float(row.confidence), row.right))
    return learnt_thresholds(stated_thresholds(), judged, precision=precision)


def learnt_thresholds(stated: Thresholds, judged: Mapping[str, Sequence[Judged]], *, precision: float) -> Thresholds:
    """The stated thresholds, each moved to where the judgements on its relation support the precision."""
    return Thresholds(
        tuple(learnt_threshold(row, judged.get(row.relation, ()), precision=precision) for row in stated.rows)
    )


def learnt_threshold(stated: Threshold, judged: Sequence[Judged], *, precision: float) -> Threshold:
    """The threshold of one relation: as stated until decisions make another one credible.

    The share of right edges is a Beta-binomial: the model's word counts as MODEL_WORTH judgements made before (a Beta
    prior), people's judgements are added to it, and the posterior is asked how probable the wanted precision is.
    Selecting by confidence does not distort the share of right ones at a confidence, so it does not matter that people
    mostly judge what they are asked.

    - It rises to the lowest confidence above which the precision is not improbable (CREDIBLE) given what was judged
      there; the prior is that the model keeps its promise. Taking apart what had confirmed itself counts. It also
      rises where people find the model overconfident just below: if it errs r times as often there as it says (at
      least so, with CREDIBLE probability), it is taken to err r times as often above, and the doubt 1 − c that is
      allowed shrinks by r.
    - Otherwise it falls by one STRETCH after the other for as long as each by itself makes the precision probable
      (CREDIBLE); the prior there is the confidence itself. Never below FLOOR.

    A further rejection therefore never lowers it, and a further confirmation never raises it.
    """
    if not 0.5 <= precision < 1:
        raise InvalidInput(
            f"A precision of {precision:g} cannot be wanted.",
            hint="Give the share that is to be right, from 0.5 to below 1: 0.99.",
        )
    if not judged:
        return stated
    from_tail = _supported_above(stated.auto_confirm, judged, precision)
    from_below, errs = _with_overconfidence(stated.auto_confirm, judged)
    found = max(from_tail, from_below)
    if found == stated.auto_confirm:
        found = _lowered(stated.auto_confirm, judged, precision)
    if found == from_below > from_tail:
        why = _between(stated.auto_confirm - 2 * STRETCH, stated.auto_confirm, judged)
        why += f", at least {errs:.1f} times as many as the model says"
    else:
        why = _why(stated.auto_confirm, found, judged, precision)
    right = sum(one.right for one in judged)
    basis = f"{len(judged):,} judged, {right:,} right: {why}."
    return Threshold(stated.relation, found, min(stated.ask, found), len(judged), right, basis)


def _why(stated: float, found: float, judged: Sequence[Judged], precision: float) -> str:
    if found == stated:
        return "too few, or too mixed, to move the model's own threshold"
    if found < stated:
        return f"{_between(found, stated, judged)}, which bears {precision * 100:g} %"
    none = ", so none confirms itself" if found >= NEVER else ""
    return f"{_between(stated, NEVER, judged)}, too many for {precision * 100:g} %{none}"


def _between(low: float, high: float, judged: Sequence[Judged]) -> str:
    count, wrong = _count(judged, round(low, 3), high)
    there = f"at {low:.3g} or surer" if high >= NEVER else f"between {low:.3g} and {high:.3g}"
    return f"of the {count:,} {there} {wrong:,} were wrong"


def _supported_above(stated: float, judged: Sequence[Judged], precision: float) -> float:
    """The lowest threshold, from the stated one up, that what was judged above it does not speak against."""
    from scipy.stats import beta

    for at in _steps(stated, 1.0):
        count, wrong = _count(judged, at, NEVER)
        probable = beta.sf(precision, MODEL_WORTH * precision + count - wrong, MODEL_WORTH * (1 - precision) + wrong)
        if probable >= 1 - CREDIBLE:
            return at
    return NEVER


def _with_overconfidence(stated: float, judged: Sequence[Judged]) -> tuple[float, float]:
    """The threshold that makes up for how much more often than it says the model errs just below the stated one; and
    that ratio, as the decisions vouch for it at least."""
    from scipy.stats import beta

    near = [one for one in judged if stated - 2 * STRETCH <= one.confidence < stated]
    if not near:
        return stated, 1.0
    # The prior stands where the stretch begins, not at what happened to be judged: a further rejection at a high
    # confidence must not pass for what was to be expected.
    says = 1 - (stated - 2 * STRETCH)
    wrong = sum(not one.right for one in near)
    errs = float(
        beta.ppf(1 - CREDIBLE, MODEL_WORTH * says + wrong, MODEL_WORTH * (1 - says) + len(near) - wrong) / says
    )
    if errs <= 1:
        return stated, 1.0
    allowed = 1 - (1 - stated) / errs
    return next(at for at in _steps(stated, 1.0) if at >= allowed), errs


def _lowered(stated: float, judged: Sequence[Judged], precision: float) -> float:
    """The lowest threshold that can be reached from the stated one over stretches that each bear the precision."""
    from scipy.stats import beta

    at = stated
    while (low := round(at - STRETCH, 3)) >= FLOOR:
        count, wrong = _count(judged, low, at)
        probable = beta.sf(precision, MODEL_WORTH * low + count - wrong, MODEL_WORTH * (1 - low) + wrong)
        if probable < CREDIBLE:
            break
        at = low
    return at


def _count(judged: Sequence[Judged], low: float, high: float) -> tuple[int, int]:
    """How many were judged at a confidence of [low, high), and how many of these were wrong."""
    there = [one.right for one in judged if low <= one.confidence < high]
    return len(there), len(there) - sum(there)


def _steps(low: float, high: float) -> list[float]:
    """`low` and what lies above it, in steps, up to and with `high`."""
    found = [low]
    while found[-1] + _STEP < high:
        found.append(round(found[-1] + _STEP, 3))
    return [at for at in [*found, high] if at <= high]


# The last word of a person on an edge counts, unless it was taken back. What the machine thought then is in the
# decision; where it is not (decisions of before that was kept) the edge still says it, since nobody reweighs what a
# person judged. An edge that a file or a person stated is not the machine's.
_JUDGED = """
WITH last AS (
  SELECT DISTINCT ON (decision.edge_id)
         decision.edge_id, decision.relation, decision.after, decision.was, decision.reason
  FROM content_decisions AS decision
  WHERE decision.tenant_id = :tenant_id AND decision.action <> 'undo' AND decision.undoes IS NULL
    AND NOT EXISTS (SELECT FROM content_decisions AS later
                    WHERE later.tenant_id = :tenant_id AND later.undoes = decision.id)
  ORDER BY decision.edge_id, decision.at DESC, decision.id DESC
), thought AS (
  SELECT last.relation, last.after = 'confirmed' AS "right", last.reason,
         coalesce(CAST(last.was ->> 'confidence' AS numeric), edge.confidence) AS confidence,
         coalesce(last.was -> 'evidence', edge.evidence) -> 0 ->> 'kind' AS first_kind
  FROM last
  LEFT JOIN content_edges AS edge ON edge.tenant_id = :tenant_id AND edge.id = last.edge_id
  WHERE last.after IN ('confirmed', 'rejected') AND last.was IS NOT NULL
)
SELECT relation, "right", confidence FROM thought
WHERE confidence IS NOT NULL AND first_kind IS NOT NULL AND first_kind NOT IN ('file', 'person')
  AND starts_with(coalesce(reason, ''), :in_bulk) IS NOT TRUE
"""
