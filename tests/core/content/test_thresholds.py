"""From when on edges confirm themselves: the model's word, moved by what this tenant's people decided."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from engagerr import Workspace
from engagerr.core.content.thresholds import (
    FLOOR,
    IN_BULK,
    MODEL_WORTH,
    NEVER,
    Judged,
    Threshold,
    learnt_threshold,
    stated_thresholds,
)
from engagerr.core.errors import InvalidInput
from hypothesis import given
from hypothesis import strategies as st
from tests.factories import in_tenant
from tests.fakes.cluster import Connection
from tests.lines import an_edge, an_item, bring

STATED = Threshold("clip_of", 0.95, 0.45, 0, 0, "as stated")
PRECISION = 0.99

judgements = st.builds(Judged, st.integers(450, 1000).map(lambda thousandths: thousandths / 1000), st.booleans())
# Many alike as well as few of many kinds: only many move a threshold down.
histories = st.one_of(
    st.lists(judgements, max_size=30),
    st.lists(st.tuples(judgements, st.integers(1, 900)), max_size=6).map(
        lambda groups: [one for judged, times in groups for one in [judged] * times]
    ),
)


def learnt(judged: list[Judged], precision: float = PRECISION) -> float:
    return learnt_threshold(STATED, judged, precision=precision).auto_confirm


def spread(count: int, low: float, high: float, *, wrong: int = 0) -> list[Judged]:
    """So many judgements evenly over [low, high), the wrong ones evenly among them."""
    step = (high - low) / count
    wrongs = {round(at * count / wrong) for at in range(wrong)} if wrong else set()
    return [Judged(round(low + at * step, 3), at not in wrongs) for at in range(count)]


# --- the rule ---------------------------------------------------------------------------------------------------------


def test_without_decisions_the_models_own_thresholds_stand() -> None:
    assert learnt_threshold(STATED, [], precision=PRECISION) == STATED
    assert {row.relation for row in stated_thresholds().rows} >= {"same_work", "clip_of", "promotes"}
    assert all(0 < row.ask < row.auto_confirm <= 1 for row in stated_thresholds().rows)


def test_of_a_relation_that_nobody_knows_nothing_confirms_itself() -> None:
    assert stated_thresholds().of("sequel_of").auto_confirm == NEVER


@given(histories, judgements.filter(lambda one: not one.right))
def test_a_further_rejection_never_lowers_it(judged: list[Judged], rejection: Judged) -> None:
    assert learnt([*judged, rejection]) >= learnt(judged)


@given(histories, judgements.filter(lambda one: one.right))
def test_a_further_confirmation_never_raises_it(judged: list[Judged], confirmation: Judged) -> None:
    assert learnt([*judged, confirmation]) <= learnt(judged)


@given(histories, st.floats(0.6, 0.995), st.floats(0.6, 0.995))
def test_who_wants_more_precision_is_asked_at_least_as_often(judged: list[Judged], one: float, other: float) -> None:
    assert learnt(judged, min(one, other)) <= learnt(judged, max(one, other))


@given(histories)
def test_it_stays_within_its_bounds_and_counts_what_it_rests_on(judged: list[Judged]) -> None:
    found = learnt_threshold(STATED, judged, precision=PRECISION)
    assert FLOOR <= found.auto_confirm <= NEVER
    assert found.ask <= found.auto_confirm
    assert found.decisions == len(judged)
    assert found.right == sum(one.right for one in judged)
    assert not judged or f"{len(judged):,} judged" in found.basis


@given(st.lists(judgements, max_size=30).map(lambda judged: [one for one in judged if one.confidence < 0.85]))
def test_a_few_decisions_far_below_move_nothing(judged: list[Judged]) -> None:
    assert learnt(judged) == STATED.auto_confirm


def test_many_confirmed_just_below_lower_it_by_one_stretch() -> None:
    assert learnt(spread(300, 0.9, 0.95)) == 0.95
    assert learnt(spread(1000, 0.9, 0.95)) == 0.9
    # The next stretch has no evidence of its own.
    assert learnt(spread(1000, 0.9, 0.95) + spread(5, 0.85, 0.9)) == 0.9
    assert learnt(spread(2400, 0.85, 0.95)) == 0.85
    assert learnt(spread(200_000, 0.5, 0.95)) == FLOOR


def test_what_the_model_states_below_the_floor_is_not_lowered_further() -> None:
    low = Threshold("same_work", 0.75, 0.4, 0, 0, "as stated")
    assert learnt_threshold(low, spread(5_000, 0.65, 0.75), precision=PRECISION).auto_confirm == 0.75
    assert learnt_threshold(low, [Judged(0.8, False)] * 3, precision=PRECISION).auto_confirm > 0.8


def test_wrong_ones_among_many_keep_it_where_it_is() -> None:
    assert learnt(spread(1000, 0.9, 0.95, wrong=20)) == 0.95


def test_one_slip_among_those_that_confirmed_themselves_moves_nothing_and_two_do() -> None:
    assert MODEL_WORTH == 20
    assert learnt([Judged(0.96, False)]) == 0.95
    # Only what is surer than these still confirms itself.
    assert learnt([Judged(0.96, False)] * 2) == 0.965
    assert learnt([Judged(0.96, False)] * 2 + [Judged(0.97, True)] * 400) == 0.95


def test_when_even_the_surest_are_wrong_nothing_confirms_itself() -> None:
    found = learnt_threshold(STATED, [Judged(1.0, False)] * 3, precision=PRECISION)
    assert found.auto_confirm == NEVER
    assert "none confirms itself" in found.basis


def test_it_rises_where_the_model_errs_more_often_than_it_says_just_below() -> None:
    # One in thirteen would be what the model says.
    assert learnt(spread(100, 0.85, 0.95, wrong=8)) == 0.95
    risen = learnt_threshold(STATED, spread(100, 0.85, 0.95, wrong=50), precision=PRECISION)
    assert 0.95 < risen.auto_confirm < 1
    assert "times as many as the model says" in risen.basis
    assert learnt(spread(100, 0.85, 0.95, wrong=90)) > risen.auto_confirm


@pytest.mark.parametrize("precision", [0.0, 0.49, 1.0, 99.0])
def test_a_precision_that_no_number_of_decisions_supports_is_refused(precision: float) -> None:
    with pytest.raises(InvalidInput, match="precision"):
        learnt_threshold(STATED, [], precision=precision)


# --- what counts as a judgement ---------------------------------------------------------------------------------------


@pytest.fixture
def questions(workspace: Workspace, tmp_path: Path, superuser_connection: Connection) -> dict[str, str]:
    """Four clips, each with a question that the machine is 0.7 sure of, as {child: edge id}."""
    bring(
        workspace, tmp_path, *(an_item(f"youtube:{name}") for name in "abcdwxyz"),
        *(an_edge(f"youtube:{child}", f"youtube:{parent}", state="suggested")
          for child, parent in zip("abcd", "wxyz", strict=True)),
    )  # fmt: skip
    with in_tenant(superuser_connection, workspace.tenant.id):
        superuser_connection.execute(
            "UPDATE content_edges SET confidence = 0.7,"
            """ evidence = '[{"kind": "title", "detail": "the same words", "weight": 0.7}]'"""
        )
    return {edge.child.native_id: str(edge.id) for edge in workspace.content.edges()}


def judged(workspace: Workspace) -> tuple[int, int]:
    """(decisions, right) that the threshold of clips rests on."""
    found = workspace.review.thresholds().of("clip_of")
    return found.decisions, found.right


def test_confirmed_and_rejected_edges_of_the_machines_are_judgements(
    workspace: Workspace, questions: dict[str, str]
) -> None:
    assert judged(workspace) == (0, 0)
    workspace.content.confirm(questions["a"])
    workspace.content.reject(questions["b"])
    assert judged(workspace) == (2, 1)


def test_a_decision_that_was_taken_back_is_none(workspace: Workspace, questions: dict[str, str]) -> None:
    workspace.content.confirm(questions["a"])
    workspace.content.reject(questions["b"])
    workspace.content.undo()
    assert judged(workspace) == (1, 1)


def test_the_last_word_on_an_edge_counts_once(workspace: Workspace, questions: dict[str, str]) -> None:
    workspace.content.confirm(questions["a"])
    workspace.content.reject(questions["a"])
    assert judged(workspace) == (1, 0)


def test_taking_an_item_off_what_it_hung_on_by_itself_is_a_rejection(
    workspace: Workspace, questions: dict[str, str], superuser_connection: Connection
) -> None:
    with in_tenant(superuser_connection, workspace.tenant.id):
        superuser_connection.execute(
            "UPDATE content_edges SET state = 'auto_confirmed', confidence = 0.96 WHERE id = %s", [UUID(questions["a"])]
        )
    workspace.content.unlink("youtube:a")
    assert judged(workspace) == (1, 0)


def test_what_a_person_or_a_file_stated_is_not_the_machines(
    workspace: Workspace, questions: dict[str, str], tmp_path: Path
) -> None:
    bring(workspace, tmp_path, an_item("youtube:e"), an_edge("youtube:e", "youtube:w", state="suggested"))
    stated = next(str(edge.id) for edge in workspace.content.edges() if edge.child.native_id == "e")
    workspace.content.reject(stated)
    workspace.content.link("youtube:a", "youtube:b", relation="clip_of")
    workspace.content.unlink("youtube:a")
    assert judged(workspace) == (0, 0)


def test_what_was_confirmed_in_bulk_is_no_judgement(workspace: Workspace, questions: dict[str, str]) -> None:
    workspace.content.confirm(questions["a"], reason=f"{IN_BULK}0.6 or surer")
    assert judged(workspace) == (0, 0)
    workspace.content.reject(questions["a"])
    assert judged(workspace) == (1, 0)


def test_another_tenants_decisions_are_not_read(
    workspace: Workspace, other_workspace: Workspace, questions: dict[str, str]
) -> None:
    workspace.content.reject(questions["a"])
    assert judged(other_workspace) == (0, 0)
