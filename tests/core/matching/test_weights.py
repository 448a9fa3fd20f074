"""What signals weigh: as shipped, as said, or as learnt from what came of pitches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.errors import Forbidden, InvalidInput
from engagerr.core.matching.fitting import LEAST_OUTCOMES, Outcome, fit_weights, rescored, signals_of, why_not
from engagerr.core.matching.signals import STATED_WEIGHTS
from engagerr.core.matching.weights import Weights, WeightsNow, read_weights
from engagerr.core.tenancy import Permission
from psycopg.types.json import Jsonb
from tests.factories import colleague, in_tenant, insert
from tests.fakes.cluster import Connection

BEGIN = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
NAMES = tuple(STATED_WEIGHTS)


def outcomes_of(
    seed: int, briefs: int, each: int, *, speaks: dict[str, float], known: tuple[str, ...] = NAMES
) -> list[Outcome]:
    """Pitches of chance, of which those win more often for whom the signals that `speak` are high."""
    rng = np.random.default_rng(seed)
    found = []
    for place in range(briefs):
        brief = UUID(int=place + 1)
        for other in range(each):
            signals = {name: float(rng.random()) for name in known}
            logit = sum(weight * (signals[name] - 0.5) for name, weight in speaks.items()) - 0.5
            won = bool(rng.random() < 1 / (1 + np.exp(-logit)))
            at = BEGIN + timedelta(days=7 * place, minutes=other)
            found.append(Outcome(brief, UUID(int=1000 * (place + 1) + other), won, at, signals))
    return found


def keep_outcomes(connection: Connection, work: Workspace, outcomes: list[Outcome]) -> None:
    """Write outcomes as shortlists do."""
    briefs: dict[UUID, Any] = {}
    with in_tenant(connection, work.tenant.id):
        creators = {}
        for one in outcomes:
            if one.brief_id not in briefs:
                title = f"Brief {one.brief_id}"
                row = {"tenant_id": work.tenant.id, "title": title, "document": Jsonb({"title": title})}
                briefs[one.brief_id] = insert(connection, "briefs", row)["id"]
            if one.creator_id not in creators:
                row = {"tenant_id": work.tenant.id, "name": f"Creator {one.creator_id}"}
                creators[one.creator_id] = insert(connection, "creators", row)["id"]
            score = {
                "score": 0.5,
                "signals": [{"name": name, "value": value} for name, value in one.signals.items()],
            }  # fmt: skip
            insert(
                connection, "match_outcomes",
                {
                    "tenant_id": work.tenant.id, "brief_id": briefs[one.brief_id], "at": one.at,
                    "creator_id": creators[one.creator_id], "outcome": "won" if one.won else "lost",
                    "score": Jsonb(score),
                },
            )  # fmt: skip


def weight(found: WeightsNow, signal: str) -> float:
    return next(one.weight for one in found.weights if one.signal == signal)


def test_the_shipped_weights_stand_until_somebody_says_otherwise(workspace: Workspace) -> None:
    found = Weights(workspace.access).show()
    assert (found.version, found.basis, found.made_at) == ("shipped", "shipped", None)
    assert sum(one.weight for one in found.weights) == pytest.approx(1)
    assert all(one.weight == one.shipped for one in found.weights)


def test_weights_that_are_said_stand_and_the_others_keep_theirs(workspace: Workspace) -> None:
    weights = Weights(workspace.access)
    found = weights.set({"price_fit": 0.5})
    assert found.basis == "stated"
    with workspace.access.transaction(Permission.READ) as session:
        now = read_weights(session, tenant_id=workspace.tenant.id)
    assert now == {**STATED_WEIGHTS, "price_fit": 0.5}
    before = found.version
    assert weights.set({"price_fit": 0.6}).version != before
    shipped = STATED_WEIGHTS["price_fit"] / sum(STATED_WEIGHTS.values())
    assert weight(weights.reset(), "price_fit") == pytest.approx(shipped)
    assert weights.show().version == "shipped"


@pytest.mark.parametrize(
    "said", [{"charm": 1.0}, {"topic_fit": -1.0}, {"topic_fit": float("nan")}, {}, dict.fromkeys(NAMES, 0.0)]
)
def test_weights_that_mean_nothing_are_refused(workspace: Workspace, said: dict[str, float]) -> None:
    with pytest.raises(InvalidInput):
        Weights(workspace.access).set(said)
    assert Weights(workspace.access).show().basis == "shipped"


def test_too_few_outcomes_are_not_fitted_on(workspace: Workspace, app_connection: Connection) -> None:
    keep_outcomes(app_connection, workspace, outcomes_of(1, 4, 4, speaks={"topic_fit": 4.0}))
    fit = Weights(workspace.access).fit()
    assert fit.weights is None
    assert fit.why is not None
    assert "16 outcomes" in fit.why
    assert fit.hit_at_1.value is None
    with pytest.raises(InvalidInput, match="too few"):
        Weights(workspace.access).fit(apply=True)


def test_only_one_kind_of_outcome_is_not_fitted_on() -> None:
    won = [Outcome(uuid4(), uuid4(), True, BEGIN, {"topic_fit": 0.5}) for _ in range(3 * LEAST_OUTCOMES)]
    assert why_not(won) is not None
    lost = [Outcome(uuid4(), uuid4(), False, BEGIN, {"topic_fit": 0.5}) for _ in range(5)]
    assert why_not(won + lost) is None


def test_the_fit_finds_the_signals_that_speak() -> None:
    weights = fit_weights(outcomes_of(2, 60, 12, speaks={"price_fit": 6.0, "reliability": 3.0})).weights
    assert sum(weights.values()) == pytest.approx(1, abs=1e-5)
    assert weights["price_fit"] > weights["reliability"] > max(
        value for name, value in weights.items() if name not in ("price_fit", "reliability")
    )  # fmt: skip
    assert weights["price_fit"] / weights["reliability"] == pytest.approx(2, rel=0.4)


def test_few_outcomes_move_the_weights_less_than_many() -> None:
    def far(briefs: int) -> float:
        weights = fit_weights(outcomes_of(3, briefs, 8, speaks={"price_fit": 8.0})).weights
        return sum(abs(weights[name] - stated) for name, stated in STATED_WEIGHTS.items())

    assert far(4) < far(60)


def test_a_signal_that_speaks_against_weighs_nothing_and_never_less() -> None:
    weights = fit_weights(outcomes_of(4, 60, 10, speaks={"topic_fit": -6.0, "price_fit": 4.0})).weights
    assert weights["topic_fit"] == 0
    assert min(weights.values()) >= 0


def test_a_signal_that_no_brief_asked_for_keeps_its_proportion() -> None:
    known = tuple(name for name in NAMES if name not in ("audience_fit", "brand_history"))
    weights = fit_weights(outcomes_of(5, 30, 8, speaks={"topic_fit": 4.0}, known=known)).weights
    assert weights["audience_fit"] / weights["brand_history"] == pytest.approx(
        STATED_WEIGHTS["audience_fit"] / STATED_WEIGHTS["brand_history"], rel=0.01
    )


def test_the_same_outcomes_give_the_same_weights_in_any_order() -> None:
    outcomes = outcomes_of(6, 20, 6, speaks={"price_fit": 5.0})
    assert fit_weights(outcomes).weights == fit_weights(outcomes).weights
    turned = fit_weights(outcomes[::-1]).weights
    assert turned == pytest.approx(fit_weights(outcomes).weights, abs=1e-4)


def test_a_fit_stands_only_when_it_is_applied(workspace: Workspace, app_connection: Connection) -> None:
    keep_outcomes(app_connection, workspace, outcomes_of(7, 16, 6, speaks={"price_fit": 8.0}))
    weights = Weights(workspace.access)
    tried = weights.fit()
    assert tried.weights is not None
    assert not tried.applied
    assert weights.show().basis == "shipped"
    assert (tried.outcomes, tried.won + tried.lost) == (96, 96)
    assert tried.hit_at_1.value is not None
    done = weights.fit(apply=True)
    assert done.applied
    found = weights.show()
    assert found.basis == "fitted"
    assert found.detail["outcomes"] == 96
    assert weight(found, "price_fit") > STATED_WEIGHTS["price_fit"]


def test_what_was_unknown_stands_with_what_stood_in_for_it() -> None:
    score = {
        "signals": [
            {"name": "topic_fit", "value": 0.8, "stand_in": None},
            {"name": "price_fit", "value": None, "stand_in": 0.4},
            {"name": "reliability", "value": None},
            {"name": "a signal of yore", "value": 0.9},
        ]
    }
    assert signals_of(score) == {"topic_fit": 0.8, "price_fit": 0.4}
    assert rescored({"topic_fit": 0.8, "price_fit": 0.4}, {"topic_fit": 3.0, "price_fit": 1.0}) == pytest.approx(0.7)


def test_who_may_not_edit_briefs_may_not_set_weights(workspace: Workspace, engagerr: Engagerr) -> None:
    viewer = colleague(workspace, engagerr, "viewer")
    assert Weights(viewer.access).show().basis == "shipped"
    for act in (lambda: Weights(viewer.access).set({"topic_fit": 1}), Weights(viewer.access).reset):
        with pytest.raises(Forbidden):
            act()


def test_weights_of_another_workspace_are_not_seen(workspace: Workspace, other_workspace: Workspace) -> None:
    Weights(workspace.access).set({"price_fit": 0.9})
    assert Weights(other_workspace.access).show().basis == "shipped"
