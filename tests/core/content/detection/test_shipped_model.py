"""The model that comes with Engagerr: a file that people can read, and what it finds in real published sets."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from engagerr.core.content import detection
from engagerr.core.content.detection import Model, RelationModel, read_model, shipped_model
from engagerr.core.content.detection.blocking import block
from engagerr.core.content.detection.comparing import compare
from engagerr.core.content.detection.corpus import lay_out
from engagerr.core.content.detection.cuts import compare_cuts
from engagerr.core.content.detection.training import as_json
from engagerr.core.content.evaluation import evaluate
from engagerr.core.content.thresholds import stated_thresholds
from hypothesis import given
from hypothesis import strategies as st
from scripts.bench.real_files import FILES_ARE_AT
from tests.core.content.detection.shows import a_season, a_short

if TYPE_CHECKING:
    from engagerr.core.content.evaluation import EvaluationRow

TEXT = (files(detection) / "model.json").read_text("utf-8")
GROUPS = FILES_ARE_AT / "relations" / "groups"
RELATIONS = ("same_work", "cut")


def features() -> Mapping[str, set[str]]:
    """The names that comparing gives, by the part of the model that weighs them."""
    pieces = [*a_season(), a_short("tiktok:c", "Lighthouse keepers")]
    vectors = {piece.id: np.full(4, 0.5, dtype=np.float32) for piece in pieces}
    corpus = lay_out(pieces)
    blocks = block(corpus, vectors=vectors)
    return {
        "same_work": set(compare(corpus, blocks, vectors=vectors).features),
        "cut": set(compare_cuts(corpus, blocks, vectors=vectors).features),
    }


def relation(model: Model, name: str) -> RelationModel:
    part = getattr(model, name)
    assert isinstance(part, RelationModel)
    return part


def test_the_file_is_the_model() -> None:
    assert read_model(TEXT) == shipped_model()
    assert as_json(shipped_model()) == json.loads(TEXT)


def test_the_file_has_a_line_for_each_weight_and_names_what_it_learned_from() -> None:
    told: dict[str, Any] = json.loads(TEXT)
    assert len(TEXT.splitlines()) > sum(len(told[name]["weights"]) for name in RELATIONS)
    assert told["version"]
    assert told["trained_on"] == sorted(set(told["trained_on"]))
    assert len(told["trained_on"]) >= 2


@pytest.mark.parametrize("name", RELATIONS)
def test_every_weight_is_of_a_feature_and_says_where_it_comes_from(name: str) -> None:
    weights: dict[str, Any] = json.loads(TEXT)[name]["weights"]
    assert set(weights) <= features()[name]
    assert {weight["from"] for weight in weights.values()} == {"data", "statement"}
    assert all(math.isfinite(weight["weight"]) for weight in weights.values())
    stated = {feature for feature, weight in weights.items() if weight["from"] == "statement"}
    assert relation(shipped_model(), name).stated == stated


@pytest.mark.parametrize("name", RELATIONS)
def test_bands_are_in_order_and_to_be_ahead_speaks_for_a_pair(name: str) -> None:
    part = relation(shipped_model(), name)
    assert 0.0 < part.ask < part.auto_confirm < 1.0
    assert part.lead > 0.0
    assert part.slope > 0.0


@pytest.mark.parametrize("name", RELATIONS)
def test_of_a_pair_of_which_nothing_is_known_nobody_is_asked(name: str) -> None:
    part = relation(shipped_model(), name)
    assert part.chance(part.base) < part.ask


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=5))
def test_a_higher_sum_is_never_less_likely(totals: list[float]) -> None:
    for name in RELATIONS:
        chances = [relation(shipped_model(), name).chance(total) for total in sorted(totals)]
        assert chances == sorted(chances)
        assert all(0.0 <= chance <= 1.0 for chance in chances)


def test_the_stated_thresholds_are_the_model_s_bands() -> None:
    rows = stated_thresholds()
    for name, part in (("same_work", "same_work"), ("clip_of", "cut")):
        own = relation(shipped_model(), part)
        assert (rows.of(name).auto_confirm, rows.of(name).ask) == (own.auto_confirm, own.ask)


@pytest.mark.skipif(not GROUPS.is_dir(), reason="no ../shared/data beside this checkout")
class TestOnPublishedSets:
    """The shows were in training, so this guards against loss and measures nothing new; folds do that."""

    @staticmethod
    def found(name: str) -> EvaluationRow:
        rows = evaluate([GROUPS / f"{name}.jsonl"], baseline=False).rows
        return next(row for row in rows if row.relation == "same_work")

    @pytest.mark.parametrize(("name", "least"), [("huberman", 0.99), ("jupiter", 0.98)])
    def test_recordings_find_their_episodes(self, name: str, least: float) -> None:
        row = self.found(name)
        assert row.auto is not None
        assert row.decidable.f1 is not None
        assert row.auto.f1 is not None
        assert row.decidable.f1 >= least
        assert row.auto.f1 >= least, "and mostly without a question"
        self.check_candidates(row)

    def test_events_with_titles_of_their_own_are_seldom_joined_wrongly(self) -> None:
        row = self.found("datatalks")
        assert row.decidable.precision is not None
        assert row.decidable.recall is not None
        assert row.decidable.precision >= 0.95
        assert row.decidable.recall >= 0.5, "silence would be precise as well"
        self.check_candidates(row)

    @staticmethod
    def check_candidates(row: EvaluationRow) -> None:
        assert row.blocking is not None
        assert 0 < row.blocking.max_per_item <= 50
