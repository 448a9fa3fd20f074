"""Making the model: the same works give the same one, no feature speaks the wrong way, and too little is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest
from engagerr.core.content.detection import Model, Piece, RelationModel, detect, read_model
from engagerr.core.content.detection.training import as_json, train, works_of
from engagerr.core.errors import EngagerrError
from tests.core.content.detection.shows import GUESTS, a_season, joined

pytest.importorskip("sklearn", reason="training needs scikit-learn")

# What may only speak against a pair; everything else may only speak for it. How a lack is judged is left to the data.
AGAINST = {
    "date_far", "number_differs", "number_off_habit", "lengths_differ", "title_date_off", "one_part_only", "rerun_once",
    "language_differs", "before", "late",
}  # fmt: skip
EITHER_WAY = {"date_unknown", "nameless", "same_platform"}


EPISODES = 16


@dataclass(frozen=True)
class Answers:
    works: Mapping[object, int]


def a_show(name: str, episodes: int, *, muddled: bool = True) -> list[Piece]:
    """A show in which some episodes have a name that others have too, so that there is something to learn."""
    pieces = []
    for piece in a_season(episodes, lag=3):
        at, title = int(piece.native_id), piece.title
        if muddled and at % 4 == 0:
            title = f"Ask us anything with {GUESTS[at % 8]}" if piece.platform == "podcast" else "Ask us anything"
        if muddled and piece.platform == "youtube" and at % 5 == 0:
            title = "What nobody tells you"
        body = f"{piece.title} and more about it. We talk of many things, and of {name}."
        pieces.append(replace(piece, id=f"{name} {piece.id}", show=name, title=title, duration_seconds=None, body=body))
    return pieces


def shows(episodes: int, *, muddled: bool = True) -> tuple[dict[str, list[Piece]], Answers]:
    by_show = {name: a_show(name, episodes, muddled=muddled) for name in ("Harbour", "Mountain")}
    works = {
        piece.id: 1_000 * at + int(piece.native_id) for at, pieces in enumerate(by_show.values()) for piece in pieces
    }
    return by_show, Answers(works)


@pytest.fixture(scope="module")
def model() -> Model:
    by_show, answers = shows(EPISODES)
    return train({"Harbour": by_show["Harbour"]}, answers)


def parts(model: Model) -> dict[str, RelationModel]:
    return {"same_work": model.same_work, "cut": model.cut}


def test_no_feature_speaks_the_wrong_way(model: Model) -> None:
    for part in parts(model).values():
        judged = {name: weight for name, weight in part.weights.items() if name not in EITHER_WAY}
        assert {name for name, weight in judged.items() if weight < 0} == AGAINST & set(judged)
        assert part.lead > 0
        assert part.slope > 0
        assert 0.0 < part.ask < part.auto_confirm < 1.0


def test_what_is_learned_and_what_is_stated_is_told_apart(model: Model) -> None:
    for part in parts(model).values():
        assert part.stated < set(part.weights)
    told = as_json(model)["same_work"]["weights"]
    assert told["rerun_once"]["from"] == "statement"
    assert told["name_alike"]["from"] == "data"


def test_a_model_survives_its_file(model: Model) -> None:
    assert read_model(json.dumps(as_json(model))) == model


def test_a_trained_model_finds_works_of_a_show_it_has_not_seen(model: Model) -> None:
    found = joined(detect(a_season(), model=model))
    assert found == {(f"podcast:{at}", f"youtube:{at}") for at in range(12)}


def test_a_show_that_is_left_out_leaves_no_trace_and_the_same_works_give_the_same_model(model: Model) -> None:
    without = train(*shows(EPISODES), leave_out="Mountain")
    assert without.trained_on == ("Harbour",)
    assert without == model


def test_too_little_to_learn_from_is_refused_in_words() -> None:
    by_show, answers = shows(1, muddled=False)
    with pytest.raises(EngagerrError) as refused:
        train({"Harbour": by_show["Harbour"]}, answers)
    assert refused.value.hint


def test_where_nothing_was_ever_wrong_the_model_is_cautious_all_the_same() -> None:
    by_show, answers = shows(10, muddled=False)
    model = train({"Harbour": by_show["Harbour"]}, answers)
    for part in parts(model).values():
        assert 0.0 < part.ask < part.auto_confirm < 1.0
        assert part.slope > 0
        assert part.chance(part.base) < part.ask


def test_a_work_knows_its_titles_its_text_and_its_guest() -> None:
    by_show, answers = shows(12, muddled=False)
    works = works_of(
        [replace(piece, title=str(piece.title).partition(" | ")[0]) for piece in by_show["Harbour"]], answers.works
    )
    assert len(works) == 12
    keepers = next(work for work in works if "Lighthouse keepers" in work.titles)
    assert set(keepers.titles) == {"Lighthouse keepers", "Lighthouse keepers with Marco Ruiz"}
    assert "Marco Ruiz" in keepers.text or "Marco Ruiz" in keepers.guest
    assert keepers.show == "Harbour"


def test_a_work_without_any_title_is_none() -> None:
    by_show, answers = shows(3)
    untitled = [replace(piece, title=None) for piece in by_show["Harbour"]]
    assert works_of(untitled, answers.works) == ()
