"""What each signal weighs in this workspace: as shipped, as a member set it, or as fitted on won and lost deals."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import InvalidInput
from engagerr.core.matching.signals import SIGNALS, STATED_WEIGHTS
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.matching.backtest import Backtest, Measured

SHIPPED = "shipped"

_NEWEST = """
SELECT id, weights, basis, detail, made_at FROM match_weights
WHERE tenant_id = :tenant_id ORDER BY made_at DESC, id DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Weight:
    """One signal: its share of the whole now (they add up to one), and as shipped."""

    signal: str
    meaning: str
    weight: float
    shipped: float


@dataclass(frozen=True, slots=True)
class WeightsNow:
    """The weights that stand. `basis` is shipped, stated (a member set them) or fitted; `version` names this very set.

    `detail` tells of a fit: how many outcomes, and its hit rate.
    """

    version: str
    basis: str
    weights: tuple[Weight, ...]
    made_at: datetime | None
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fit:
    """Weights fitted on outcomes. `weights` is None where `why` says that there are too few.

    `hit_at_1` is cross-validated: of each brief with weights fitted on the others, beside that of the stated weights.
    `moved` is false where the outcomes speak for no signal; `applied` says whether the weights stand now.
    """

    weights: tuple[Weight, ...] | None
    why: str | None
    outcomes: int
    won: int
    lost: int
    shrinkage: float
    moved: bool
    hit_at_1: Measured
    hit_at_1_stated: Measured
    applied: bool


class Weights:
    """What signals weigh in this workspace."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def show(self) -> WeightsNow:
        """The weights that stand now, and where they come from."""
        with self._access.transaction(Permission.READ) as session:
            return _now(session, tenant_id=self._access.tenant.id)

    def set(self, weights: Mapping[str, float]) -> WeightsNow:
        """Say what signals weigh; those that are not named keep their weight. Only their proportions matter."""
        for name, weight in weights.items():
            _check(name, weight)
        if not weights:
            raise InvalidInput("No signal is named.", hint="Say topic_fit=0.4; `engagerr match weights` lists them.")
        with self._access.transaction(Permission.EDIT_BRIEFS) as session:
            merged = {**read_weights(session, tenant_id=self._access.tenant.id), **weights}
            if not sum(merged.values()) > 0:
                raise InvalidInput("Not all signals can weigh nothing.", hint="Leave one of them a weight above 0.")
            return self._write(session, merged, "stated", {})

    def reset(self) -> WeightsNow:
        """Back to the weights as shipped."""
        with self._access.transaction(Permission.EDIT_BRIEFS) as session:
            return self._write(session, STATED_WEIGHTS, "reset", {})

    def fit(self, *, apply: bool = False) -> Fit:
        """Fit the weights on what came of pitches; with `apply`, they stand from now on.

        With too few outcomes the answer says why and has no weights; to apply it then is `InvalidInput`.
        """
        from engagerr.core.matching.backtest import backtest
        from engagerr.core.matching.fitting import SHRINKAGE, fit_weights, read_outcomes, why_not

        with self._access.transaction(Permission.EDIT_BRIEFS if apply else Permission.READ_TERMS) as session:
            outcomes = read_outcomes(session, tenant_id=self._access.tenant.id)
        why = why_not(outcomes.rows)
        if why is not None and apply:
            raise InvalidInput(
                f"The weights cannot be fitted: {why}.",
                hint="Mark what was pitched as won or lost: engagerr shortlist decide.",
                facts={"outcomes": len(outcomes.rows)},
            )
        tried = backtest(outcomes)
        fitted = None if why else fit_weights(outcomes.rows)
        stated, others = tried.variants[0].hit_at_1, tried.variants[1].hit_at_1
        if apply and fitted is not None:
            detail = {
                "outcomes": tried.outcomes, "won": tried.won, "lost": tried.lost, "shrinkage": SHRINKAGE,
                "hit_at_1": others.value, "hit_at_1_stated": stated.value, "briefs": others.n,
            }  # fmt: skip
            with self._access.transaction(Permission.EDIT_BRIEFS) as session:
                self._write(session, fitted.weights, "fitted", detail)
        return Fit(
            weights=None if fitted is None else _shares(fitted.weights),
            why=why,
            outcomes=tried.outcomes,
            won=tried.won,
            lost=tried.lost,
            shrinkage=SHRINKAGE,
            moved=fitted is not None and fitted.moved,
            hit_at_1=others,
            hit_at_1_stated=stated,
            applied=apply and fitted is not None,
        )

    def backtest(self) -> Backtest:
        """How well scores would have told whom past briefs were won with; see `Backtest`."""
        from engagerr.core.matching.backtest import backtest
        from engagerr.core.matching.fitting import read_outcomes

        with self._access.transaction(Permission.READ_TERMS) as session:
            outcomes = read_outcomes(session, tenant_id=self._access.tenant.id)
        return backtest(outcomes)

    def _write(
        self, session: Session, weights: Mapping[str, float], basis: str, detail: Mapping[str, Any]
    ) -> WeightsNow:
        session.execute(
            text(
                "INSERT INTO match_weights (tenant_id, weights, basis, detail, member_id, made_at)"
                " VALUES (:tenant_id, CAST(:weights AS jsonb), :basis, CAST(:detail AS jsonb), :member_id, :now)"
            ),
            {
                "tenant_id": self._access.tenant.id, "weights": json.dumps(dict(weights)), "basis": basis,
                "detail": json.dumps(dict(detail)), "member_id": self._access.member.id,
                "now": self._access.clock.now(),
            },
        )  # fmt: skip
        self._access.audit(session, f"weights.{basis}", "match_weights", weights=dict(weights))
        return _now(session, tenant_id=self._access.tenant.id)


def read_weights(session: Session, *, tenant_id: UUID) -> Mapping[str, float]:
    """The weights that stand now, by signal; they need not add up to one."""
    row = session.execute(text(_NEWEST), {"tenant_id": tenant_id}).one_or_none()
    if row is None or row.basis == "reset":
        return STATED_WEIGHTS
    return {name: float(row.weights.get(name, stated)) for name, stated in STATED_WEIGHTS.items()}


def weights_version(session: Session, *, tenant_id: UUID) -> str:
    """What names the weights that stand now: "shipped", or the id of the set."""
    return _now(session, tenant_id=tenant_id).version


def _now(session: Session, *, tenant_id: UUID) -> WeightsNow:
    row = session.execute(text(_NEWEST), {"tenant_id": tenant_id}).one_or_none()
    weights = _shares(read_weights(session, tenant_id=tenant_id))
    if row is None or row.basis == "reset":
        return WeightsNow(SHIPPED, SHIPPED, weights, None if row is None else row.made_at, {})
    return WeightsNow(str(row.id), row.basis, weights, row.made_at, row.detail)


def _shares(weights: Mapping[str, float]) -> tuple[Weight, ...]:
    total = sum(weights.values())
    shipped = sum(STATED_WEIGHTS.values())
    return tuple(
        Weight(signal.name, signal.meaning, weights.get(signal.name, 0.0) / total, signal.weight / shipped)
        for signal in SIGNALS
    )


def _check(name: str, weight: float) -> None:
    if name not in STATED_WEIGHTS:
        raise InvalidInput(
            f"There is no signal {name!r}.", hint=f"There are: {', '.join(STATED_WEIGHTS)}.", facts={"signal": name}
        )
    if not math.isfinite(weight) or weight < 0:
        raise InvalidInput(
            f"{name} cannot weigh {weight}.", hint="A weight is 0 or more.", facts={"signal": name, "weight": weight}
        )
