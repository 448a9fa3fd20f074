"""The review asks what matters most first, remembers what was put off, and answers many at once without guessing."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.content import FamilyNode
from engagerr.core.content.review import AnsweredAlready, Question
from engagerr.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from tests.factories import colleague, in_tenant
from tests.fakes.cluster import Connection
from tests.lines import a_figure, an_edge, an_item, bring

Asked = dict[str, UUID]


class Desk:
    """Puts questions into a workspace: items named by letters, and how sure the machine is of each pair."""

    def __init__(self, workspace: Workspace, folder: Path, superuser: Connection) -> None:
        self.work = workspace
        self._folder = folder
        self._superuser = superuser

    def items(self, names: str, **fields: Any) -> None:
        bring(self.work, self._folder, *(an_item(f"youtube:{name}", **fields) for name in names))

    def seen(self, **views: int) -> None:
        bring(
            self.work,
            self._folder,
            *(
                an_item(f"youtube:{name}", metrics=[a_figure("views", value, at="2026-10-01")])
                for name, value in views.items()
            ),
        )

    def ask(self, relation: str = "clip_of", **pairs: float) -> Asked:
        """Questions as child + parent = confidence; returns the ids of all edges under these names."""
        bring(
            self.work,
            self._folder,
            *(an_edge(f"youtube:{pair[0]}", f"youtube:{pair[1]}", relation, state="suggested") for pair in pairs),
        )
        found = {edge.child.native_id + edge.parent.native_id: edge.id for edge in self.work.content.edges()}
        with in_tenant(self._superuser, self.work.tenant.id):
            for pair, confidence in pairs.items():
                evidence = json.dumps([{"kind": "title", "detail": "the same words", "weight": confidence}])
                self._superuser.execute(
                    "UPDATE content_edges SET confidence = %s, evidence = %s WHERE id = %s",
                    [confidence, evidence, found[pair]],
                )
        return found


@pytest.fixture
def desk(workspace: Workspace, tmp_path: Path, superuser_connection: Connection) -> Desk:
    return Desk(workspace, tmp_path, superuser_connection)


def pairs(questions: tuple[Question, ...]) -> list[str]:
    return [one.edge.child.native_id + one.edge.parent.native_id for one in questions]


def queue(workspace: Workspace, **options: Any) -> list[str]:
    return pairs(workspace.review.queue(**options))


def states(workspace: Workspace) -> dict[str, str]:
    return {edge.child.native_id + edge.parent.native_id: edge.state for edge in workspace.content.edges()}


def family(node: FamilyNode) -> set[str]:
    return {node.native_id}.union(*(family(child) for child in node.children))


# --- the order --------------------------------------------------------------------------------------------------------


def test_what_the_machine_is_least_sure_of_is_asked_first(desk: Desk) -> None:
    desk.items("abcxyz")
    desk.ask(ax=0.9, by=0.5, cz=0.2)
    assert queue(desk.work) == ["by", "cz", "ax"]


def test_of_equal_doubts_the_one_that_more_people_saw_comes_first(desk: Desk) -> None:
    desk.items("abxy")
    desk.seen(a=100, b=1_000_000)
    desk.ask(ax=0.6, by=0.6)
    first, second = desk.work.review.queue()
    assert pairs((first, second)) == ["by", "ax"]
    assert "1,000,000 views" in first.why
    # On a logarithmic scale: ten thousand times the views are three times the value.
    assert first.value / second.value == pytest.approx(6 / 2.0043, rel=0.01)


def test_one_viral_hit_does_not_hide_a_family_that_would_move(desk: Desk) -> None:
    desk.items("abcdxy")
    desk.seen(a=1_000_000, b=1_000, c=1_000, d=1_000)
    desk.work.content.link("youtube:c", "youtube:b", relation="clip_of")
    desk.work.content.link("youtube:d", "youtube:c", relation="clip_of")
    desk.ask(ax=0.6, by=0.6)
    first, second = desk.work.review.queue()
    assert (first.edge.child.native_id, first.moves, second.moves) == ("b", 3, 1)
    assert first.child.family_items == 3
    assert "3 items would move; the largest has 1,000 views" in first.why


def test_an_item_without_a_figure_counts_as_its_creators_median_and_says_so(desk: Desk) -> None:
    desk.items("abcdxyzw")
    desk.seen(a=10, b=1_000, c=1_000_000)
    desk.ask(ax=0.6, by=0.6, cz=0.6, dw=0.6)
    found = {one.edge.child.native_id: one for one in desk.work.review.queue()}
    assert found["d"].value == pytest.approx(found["b"].value)
    assert (found["d"].unknown, found["b"].unknown) == (1, 0)
    assert found["d"].child.audience is None
    assert "it has no figure, so the creator's median stands in" in found["d"].why


def test_a_figure_that_the_platform_withheld_is_shown_as_such_and_is_not_zero(desk: Desk) -> None:
    desk.items("abxy")
    bring(
        desk.work, desk._folder,
        an_item("youtube:a", metrics=[a_figure("views", at="2026-10-01", state="permission_denied")]),
        an_item("youtube:b", metrics=[a_figure("views", 0, at="2026-10-01")]),
    )  # fmt: skip
    desk.ask(ax=0.6, by=0.6)
    found = {one.edge.child.native_id: one for one in desk.work.review.queue()}
    withheld, nobody = found["a"].child.audience, found["b"].child.audience
    assert withheld is not None
    assert (withheld.reported, withheld.state, found["a"].unknown) == (None, "permission_denied", 1)
    assert nobody is not None
    assert (nobody.reported, nobody.state, found["b"].unknown) == (Decimal(0), "zero", 0)


def test_a_question_that_settles_others_comes_before_one_that_stands_alone(desk: Desk) -> None:
    desk.items("abxyz")
    asked = desk.ask(ax=0.5, by=0.7, bz=0.2)
    assert queue(desk.work) == ["by", "ax", "bz"]
    by = desk.work.review.queue()[0]
    assert [(rival.edge_id, rival.parent.native_id) for rival in by.rivals] == [(asked["bz"], "z")]
    assert "a yes settles another question" in by.why


def test_both_sides_are_shown_with_the_families_that_they_are_in(desk: Desk) -> None:
    desk.items("a", title="A minute of it", duration_seconds=60, published_at="2026-09-02T10:00:00Z", body="words")
    desk.items("x", title="The whole", duration_seconds=3600, kind="long_video")
    desk.items("y", title="The series")
    desk.seen(x=500)
    desk.work.content.link("youtube:x", "youtube:y", relation="part_of")
    desk.ask(ax=0.6)
    (one,) = desk.work.review.queue()
    assert (one.child.title, one.child.duration_seconds, one.child.family_items) == ("A minute of it", Decimal(60), 1)
    assert (one.child.text, one.child.account, one.child.family_id) == ("words", "youtube:@ann", one.child.id)
    assert (one.parent.title, one.parent.family_title, one.parent.family_items) == ("The whole", "The series", 2)
    assert one.parent.audience is not None
    assert (one.parent.audience.metric, one.parent.audience.reported) == ("views", Decimal(500))


def test_only_one_creators_or_one_relations_questions_are_asked_if_wanted(desk: Desk) -> None:
    desk.items("abxy")
    bring(desk.work, desk._folder, *(an_item(f"youtube:{name}", creator="Bo Ray") for name in "cz"))
    desk.ask(ax=0.6, cz=0.6)
    desk.ask("same_work", by=0.6)
    assert queue(desk.work, creator="Bo Ray") == ["cz"]
    assert queue(desk.work, relation="same_work") == ["by"]
    assert desk.work.review.progress(creator="Bo Ray").waiting == 1
    assert desk.work.review.progress(relation="clip_of").waiting == 2
    assert len(queue(desk.work, limit=2)) == 2
    with pytest.raises(InvalidInput, match="sequel_of"):
        desk.work.review.queue(relation="sequel_of")
    with pytest.raises(NotFound):
        desk.work.review.queue(creator="Nobody")


def test_whose_child_hangs_on_a_parent_is_no_question_until_it_is_taken_off(desk: Desk) -> None:
    desk.items("axy")
    asked = desk.ask(ax=0.6, ay=0.5)
    desk.work.content.confirm(str(asked["ax"]))
    assert queue(desk.work) == []
    assert desk.work.review.progress().waiting == 0
    desk.work.content.unlink("youtube:a")
    assert queue(desk.work) == ["ay"]


# --- answers ----------------------------------------------------------------------------------------------------------


def test_each_answer_is_saved_at_once_and_says_what_it_changed(desk: Desk) -> None:
    desk.items("abxyz", title="T")
    asked = desk.ask(ax=0.6, ay=0.5, bz=0.5)
    done = desk.work.review.answer(str(asked["ax"]), right=True)
    assert (done.family_items, done.settled, done.edges[0].state) == (2, 1, "confirmed")
    assert states(desk.work)["ax"] == "confirmed"
    refused = desk.work.review.answer(str(asked["bz"]), right=False)
    assert (refused.family_items, refused.settled, refused.edges[0].state) == (1, 0, "rejected")
    assert queue(desk.work) == []
    assert desk.work.review.progress().decided_today == 2


def test_what_a_colleague_answered_meanwhile_is_not_overturned(desk: Desk, engagerr: Engagerr) -> None:
    desk.items("axy")
    asked = desk.ask(ax=0.7, ay=0.6)
    colleague(desk.work, engagerr, "owner").review.answer(str(asked["ax"]), right=False)
    with pytest.raises(AnsweredAlready, match="youtube:a and youtube:x were decided on already: rejected") as refused:
        desk.work.review.answer(str(asked["ax"]), right=True)
    assert "undo" in (refused.value.hint or "")
    with pytest.raises(AnsweredAlready):
        desk.work.review.choose(str(asked["ay"]), instead_of=str(asked["ax"]))
    assert states(desk.work) == {"ax": "rejected", "ay": "suggested"}


def test_choosing_a_rival_is_one_decision_that_is_taken_back_whole(desk: Desk) -> None:
    desk.items("axyz")
    asked = desk.ask(ax=0.7, ay=0.6, az=0.5)
    done = desk.work.review.choose(str(asked["ay"]), instead_of=str(asked["ax"]))
    assert [edge.state for edge in done.edges] == ["confirmed", "rejected"]
    assert done.settled == 1
    assert family(desk.work.content.tree("youtube:y")) == {"a", "y"}
    desk.work.content.undo()
    assert set(states(desk.work).values()) == {"suggested"}
    assert desk.work.review.thresholds().of("clip_of").decisions == 0


def test_only_rivals_can_be_chosen_instead(desk: Desk) -> None:
    desk.items("abxy")
    asked = desk.ask(ax=0.7, by=0.6)
    with pytest.raises(InvalidInput, match="no rivals"):
        desk.work.review.choose(str(asked["ax"]), instead_of=str(asked["by"]))
    assert set(states(desk.work).values()) == {"suggested"}


def test_a_choice_that_cannot_stand_changes_nothing(desk: Desk) -> None:
    desk.items("axy")
    asked = desk.ask(ax=0.7, ay=0.6)
    desk.work.content.link("youtube:y", "youtube:a", relation="clip_of")
    with pytest.raises(Conflict, match="circle"):
        desk.work.review.choose(str(asked["ay"]), instead_of=str(asked["ax"]))
    assert states(desk.work)["ax"] == "suggested"


def test_what_was_decided_before_and_taken_back_is_told(desk: Desk) -> None:
    desk.items("ax")
    asked = desk.ask(ax=0.7)
    assert desk.work.review.queue()[0].earlier is None
    desk.work.content.reject(str(asked["ax"]), reason="another episode")
    desk.work.content.undo()
    earlier = desk.work.review.queue()[0].earlier
    assert earlier is not None
    assert (earlier.after, earlier.undone, earlier.reason) == ("rejected", True, "another episode")
    assert desk.work.review.progress().decided_today == 0


# --- putting off ------------------------------------------------------------------------------------------------------


def test_what_was_put_off_comes_last_for_this_member_alone(desk: Desk, engagerr: Engagerr) -> None:
    desk.items("abcxyz")
    asked = desk.ask(ax=0.5, by=0.6, cz=0.7)
    desk.work.review.skip(str(asked["ax"]))
    desk.work.review.skip(str(asked["by"]))
    assert queue(desk.work) == ["cz"]
    assert queue(desk.work, include_skipped=True) == ["cz", "ax", "by"]
    # Put off once more, it comes after the others that were.
    desk.work.review.skip(str(asked["ax"]))
    assert queue(desk.work, include_skipped=True) == ["cz", "by", "ax"]
    assert desk.work.review.progress().skipped == 2
    other = colleague(desk.work, engagerr, "owner")
    assert queue(other) == ["ax", "by", "cz"]
    assert (other.review.progress().skipped, other.review.progress().decided_today) == (0, 0)


def test_who_may_only_read_is_shown_the_queue_and_decides_nothing(desk: Desk, engagerr: Engagerr) -> None:
    desk.items("ax")
    asked = desk.ask(ax=0.7)
    reader = colleague(desk.work, engagerr, "viewer")
    assert queue(reader) == ["ax"]
    assert len(reader.review.confirm_above(0.5).edges) == 1
    for act in (
        lambda: reader.review.skip(str(asked["ax"])),
        lambda: reader.review.answer(str(asked["ax"]), right=True),
        lambda: reader.review.confirm_above(0.5, dry_run=False),
    ):
        with pytest.raises(Forbidden):
            act()
    assert states(desk.work)["ax"] == "suggested"


def test_another_workspace_has_questions_of_its_own(desk: Desk, other_workspace: Workspace) -> None:
    desk.items("ax")
    asked = desk.ask(ax=0.7)
    assert queue(other_workspace) == []
    with pytest.raises(NotFound):
        other_workspace.review.answer(str(asked["ax"]), right=True)
    with pytest.raises(NotFound):
        other_workspace.review.skip(str(asked["ax"]))


# --- many at once -----------------------------------------------------------------------------------------------------


def test_in_bulk_only_what_is_sure_enough_and_without_a_rival_is_confirmed(desk: Desk) -> None:
    desk.items("abcdvwxyz")
    desk.ask(av=0.95, bw=0.9, cx=0.92, cy=0.91, dz=0.89)
    before = states(desk.work)
    planned = desk.work.review.confirm_above(0.9)
    assert states(desk.work) == before
    assert [edge.child.native_id for edge in planned.edges] == ["a", "b"]
    assert planned.expected_wrong == pytest.approx(0.05 + 0.1)
    assert {one.edge.parent.native_id for one in planned.left_open} == {"x", "y"}
    assert all("it has one parent" in one.why for one in planned.left_open)
    done = desk.work.review.confirm_above(0.9, dry_run=False)
    assert done.edges != planned.edges
    assert {edge.id for edge in done.edges} == {edge.id for edge in planned.edges}
    assert {pair for pair, state in states(desk.work).items() if state == "confirmed"} == {"av", "bw"}


def test_edges_that_would_close_a_circle_together_are_not_all_confirmed(desk: Desk) -> None:
    desk.items("abc")
    desk.ask(ab=0.99, bc=0.97, ca=0.95)
    done = desk.work.review.confirm_above(0.9, dry_run=False)
    assert [edge.child.native_id for edge in done.edges] == ["a", "b"]
    assert ["circle" in one.why for one in done.left_open] == [True]
    assert family(desk.work.content.tree("youtube:a")) == {"a", "b", "c"}


def test_a_bulk_is_taken_back_whole_and_teaches_the_thresholds_nothing(desk: Desk) -> None:
    desk.items("abcxyz")
    desk.ask(ax=0.95, by=0.95, cz=0.95)
    desk.work.review.confirm_above(0.9, dry_run=False)
    assert desk.work.review.thresholds().of("clip_of").decisions == 0
    assert len({decision.action_id for decision in desk.work.content.decisions()}) == 1
    desk.work.content.undo()
    assert set(states(desk.work).values()) == {"suggested"}


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.01, 90.0, float("nan")])
def test_a_threshold_that_is_no_confidence_is_refused(workspace: Workspace, threshold: float) -> None:
    with pytest.raises(InvalidInput, match="no confidence"):
        workspace.review.confirm_above(threshold)


def test_where_nothing_waits_nothing_is_asked(workspace: Workspace) -> None:
    assert workspace.review.queue() == ()
    progress = workspace.review.progress()
    assert (progress.waiting, progress.skipped, progress.decided_today) == (0, 0, 0)
    assert workspace.review.confirm_above(0.5, dry_run=False).edges == ()
