"""The model card says what the shipped model is."""

from __future__ import annotations

import importlib.util
import re
import sys
from dataclasses import replace
from importlib.machinery import SourceFileLoader
from types import ModuleType

import pytest
from engagerr.core.content.detection.scoring import shipped_model
from tests.docs.pages import ROOT

CARD = (ROOT / "docs" / "model-card-mapping.md").read_text(encoding="utf-8")
_ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \| ([+−][\d.]+) \| (data|statement) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def model_card() -> ModuleType:
    loader = SourceFileLoader("model_card", str(ROOT / "scripts" / "model_card"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    loader.exec_module(module)
    return module


def explained() -> list[dict[str, tuple[float, str]]]:
    """By relation (renditions, cuts): feature, its weight and where that comes from, as the card has it."""
    section = CARD.partition("<!-- weights:begin -->")[2].partition("<!-- weights:end -->")[0]
    renditions, cuts = section.split("**Cuts")
    return [
        {name: (float(weight.replace("−", "-")), origin) for name, _, weight, origin in _ROW.findall(part)}
        for part in (renditions, cuts)
    ]


def test_every_feature_of_the_model_is_explained_in_the_card_and_no_other() -> None:
    model = shipped_model()
    for told, relation in zip(explained(), (model.same_work, model.cut), strict=True):
        assert set(told) == set(relation.weights)


def test_the_card_has_the_weights_that_are_shipped_and_says_which_are_stated() -> None:
    model = shipped_model()
    for told, relation in zip(explained(), (model.same_work, model.cut), strict=True):
        for name, (weight, origin) in told.items():
            assert weight == pytest.approx(relation.weights[name], abs=0.0051), name
            assert origin == ("statement" if name in relation.stated else "data"), name


def test_the_table_of_weights_is_the_one_that_the_model_gives(model_card: ModuleType) -> None:
    assert model_card.with_weights(CARD, shipped_model()) == CARD, "run scripts/model_card"


def test_a_feature_that_nobody_explained_is_refused(model_card: ModuleType) -> None:
    model = shipped_model()
    odd = replace(model.cut, weights={**model.cut.weights, "moon_phase": 1.0})
    with pytest.raises(KeyError, match="moon_phase"):
        model_card.weight_tables(replace(model, cut=odd))


def test_every_show_that_the_model_was_trained_on_is_named_in_the_card() -> None:
    assert [show for show in shipped_model().trained_on if show not in CARD] == []
