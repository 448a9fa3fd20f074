"""A person's word shapes the tree, can be taken back, and is remembered: confirm, reject, link, move, split, undo."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.content import EdgeRow, FamilyNode
from engagerr.core.content.decisions import conflicts_of, decide
from engagerr.core.content.edges import STATES
from engagerr.core.db.schema.content import EDGE_STATES
from engagerr.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from engagerr.core.tenancy import Permission
from tests.factories import colleague, in_tenant
from tests.fakes.cluster import Connection
from tests.lines import an_edge, an_item, bring, contents

Shape = dict[str, Any]


def items(workspace: Workspace, folder: Path, names: str) -> None:
    bring(workspace, folder, *(an_item(f"youtube:{name}", kind="long_video") for name in names))


def suggested(workspace: Workspace, folder: Path, *pairs: str, relation: str = "part_of") -> dict[str, str]:
    """Open questions between items of one letter, as {child + parent: edge id}."""
    bring(
        workspace,
        folder,
        *(an_edge(f"youtube:{pair[0]}", f"youtube:{pair[1]}", relation, state="suggested") for pair in pairs),
    )
    return {edge.child.native_id + edge.parent.native_id: str(edge.id) for edge in workspace.content.edges()}


def shape(node: FamilyNode) -> Shape:
    """A tree as nested names."""
    return {node.native_id: [shape(child) for child in node.children]}


def tree(workspace: Workspace, name: str) -> Shape:
    return shape(workspace.content.tree(f"youtube:{name}"))


def paths(connection: Connection, workspace: Workspace) -> list[tuple[UUID, UUID, str]]:
    """(item, family, path) of every node, in a fixed order."""
    with in_tenant(connection, workspace.tenant.id):
        return connection.execute(
            "SELECT item_id, family_id, path::text FROM content_nodes ORDER BY item_id"
        ).fetchall()  # type: ignore[return-value]


# --- confirm and reject ---------------------------------------------------------------------------------------------


def test_confirming_draws_and_rejecting_takes_apart(workspace: Workspace, tmp_path: Path) -> None:
    items(workspace, tmp_path, "abc")
    ids = suggested(workspace, tmp_path, "ba", "cb")
    assert workspace.content.families() == ()
    changed = workspace.content.confirm(ids["ba"], ids["cb"], reason="checked")
    assert {edge.state for edge in changed} == {"confirmed"}
    assert tree(workspace, "c") == {"a": [{"b": [{"c": []}]}]}
    workspace.content.reject(ids["ba"])
    assert tree(workspace, "a") == {"a": []}
    assert tree(workspace, "c") == {"b": [{"c": []}]}
    assert [decision.after for decision in workspace.content.decisions()] == ["rejected", "confirmed", "confirmed"]


def test_confirming_several_is_all_or_nothing(
    workspace: Workspace, tmp_path: Path, superuser_connection: Connection
) -> None:
    items(workspace, tmp_path, "abcd")
    ids = suggested(workspace, tmp_path, "ba", "cb", "cd")
    before = contents(superuser_connection)
    with pytest.raises(Conflict, match="youtube:c hangs on youtube:b already") as refused:
        workspace.content.confirm(ids["ba"], ids["cb"], ids["cd"])
    assert "unlink" in (refused.value.hint or "")
    assert contents(superuser_connection) == before
    with pytest.raises(NotFound):
        workspace.content.confirm(ids["ba"], str(UUID(int=7)))
    assert contents(superuser_connection) == before


def test_a_circle_is_refused_whichever_way_it_would_close(
    workspace: Workspace, tmp_path: Path, owner_connection: Connection
) -> None:
    items(workspace, tmp_path, "abc")
    ids = suggested(workspace, tmp_path, "ba", "cb", "ac")
    workspace.content.confirm(ids["ba"], ids["cb"])
    before = paths(owner_connection, workspace)
    with pytest.raises(Conflict, match="would close a circle") as refused:
        workspace.content.confirm(ids["ac"])
    assert refused.value.facts == {"child": "youtube:a", "parent": "youtube:c"}
    with pytest.raises(Conflict, match="circle"):
        workspace.content.link("youtube:a", "youtube:b", relation="same_work")
    with pytest.raises(Conflict, match="itself"):
        workspace.content.link("youtube:a", "youtube:a", relation="same_work")
    with pytest.raises(Conflict, match="circle"):
        workspace.content.confirm(suggested(workspace, tmp_path, "ab")["ab"])
    assert paths(owner_connection, workspace) == before


def test_confirming_what_stands_changes_nothing(
    workspace: Workspace, tmp_path: Path, owner_connection: Connection
) -> None:
    items(workspace, tmp_path, "ab")
    edge = suggested(workspace, tmp_path, "ba")["ba"]
    workspace.content.confirm(edge)
    before = paths(owner_connection, workspace)
    workspace.content.confirm(edge, edge)
    assert paths(owner_connection, workspace) == before
    assert len(workspace.content.decisions()) == 1


def test_a_rejected_edge_may_be_confirmed_after_all(workspace: Workspace, tmp_path: Path) -> None:
    items(workspace, tmp_path, "ab")
    edge = suggested(workspace, tmp_path, "ba")["ba"]
    workspace.content.reject(edge)
    workspace.content.confirm(edge)
    assert tree(workspace, "b") == {"a": [{"b": []}]}


def test_an_edge_is_named_by_its_id_or_its_end(workspace: Workspace, tmp_path: Path) -> None:
    items(workspace, tmp_path, "ab")
    edge = suggested(workspace, tmp_path, "ba")["ba"]
    assert str(workspace.content.confirm(edge[-8:].upper())[0].id) == edge
    for wrong, error in (("", InvalidInput), ("zz", InvalidInput), ("abcde", InvalidInput), ("0" * 12, NotFound)):
        with pytest.raises(error):
            workspace.content.reject(wrong)
    with pytest.raises(InvalidInput, match="at least one edge"):
        workspace.content.confirm()


# --- link and unlink ------------------------------------------------------------------------------------------------


def test_moving_a_subtree_keeps_every_path_right(workspace: Workspace, tmp_path: Path) -> None:
    items(workspace, tmp_path, "abcdef")
    for child, parent in ("ba", "cb", "dc", "fe"):
        workspace.content.link(f"youtube:{child}", f"youtube:{parent}", relation="part_of")
    workspace.content.unlink("youtube:b")
    workspace.content.link("youtube:b", "youtube:f", relation="part_of")
    assert tree(workspace, "d") == {"e": [{"f": [{"b": [{"c": [{"d": []}]}]}]}]}
    assert tree(workspace, "a") == {"a": []}
    depths = {}
    waiting = [workspace.content.tree("youtube:d")]
    while waiting:
        node = waiting.pop()
        depths[node.native_id] = node.depth
        waiting += node.children
    assert depths == {"e": 1, "f": 2, "b": 3, "c": 4, "d": 5}


def test_unlink_takes_an_item_off_with_all_below_it_and_is_remembered(workspace: Workspace, tmp_path: Path) -> None:
    items(workspace, tmp_path, "abc")
    workspace.content.link("youtube:b", "youtube:a", relation="clip_of")
    workspace.content.link("youtube:c", "youtube:b", relation="clip_of")
    [edge] = workspace.content.unlink("youtube:b", "youtube:a")
    assert (edge.state, tree(workspace, "c"), tree(workspace, "a")) == ("rejected", {"b": [{"c": []}]}, {"a": []})
    for gone in (("youtube:b", None), ("youtube:c", "youtube:a")):
        with pytest.raises(InvalidInput, match="hangs on no parent"):
            workspace.content.unlink(*gone)


def test_a_drawn_edge_names_who_drew_it_and_why(workspace: Workspace, tmp_path: Path) -> None:
    items(workspace, tmp_path, "ab")
    edge = workspace.content.link("youtube:b", "youtube:a", relation="derived_from", reason="she says so on air")
    assert (edge.state, edge.relation, float(edge.confidence)) == ("confirmed", "derived_from", 1.0)
    assert [(piece.kind, piece.detail) for piece in edge.evidence] == [("person", "she says so on air")]
    [decision] = workspace.content.decisions()
    assert (decision.before, decision.after, decision.reason) == ("none", "confirmed", "she says so on air")
    assert decision.member == workspace.member.name


def test_what_is_linked_must_exist_and_be_named_well(workspace: Workspace, tmp_path: Path) -> None:
    items(workspace, tmp_path, "ab")
    with pytest.raises(InvalidInput, match="no relation") as refused:
        workspace.content.link("youtube:b", "youtube:a", relation="cousin_of")
    assert "clip_of" in (refused.value.hint or "")
    with pytest.raises(NotFound):
        workspace.content.link("youtube:b", "youtube:zzz", relation="clip_of")
    with pytest.raises(InvalidInput, match="does not name an item"):
        workspace.content.link("youtube", "youtube:a", relation="clip_of")


def test_another_tenants_edges_and_items_do_not_exist_here(
    workspace: Workspace, other_workspace: Workspace, tmp_path: Path
) -> None:
    items(workspace, tmp_path, "ab")
    edge = suggested(workspace, tmp_path, "ba")["ba"]
    item_id = str(workspace.content.list()[0].id)
    for attempt in (
        lambda: other_workspace.content.confirm(edge), lambda: other_workspace.content.undo(edge),
        lambda: other_workspace.content.confirm(edge[-10:]), lambda: other_workspace.content.tree(item_id),
        lambda: other_workspace.metrics.show("youtube:a"), lambda: other_workspace.content.split("youtube:b"),
        lambda: other_workspace.content.move("youtube:b", "youtube:a", relation="clip_of"),
        lambda: other_workspace.content.merge(item_id, "youtube:b"),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            attempt()
    assert [edge.state for edge in workspace.content.edges()] == ["suggested"]


def test_only_those_who_decide_on_content_decide(workspace: Workspace, engagerr: Engagerr, tmp_path: Path) -> None:
    items(workspace, tmp_path, "ab")
    edge = suggested(workspace, tmp_path, "ba")["ba"]
    for role in ("viewer", "finance"):
        they = colleague(workspace, engagerr, role)
        for attempt in (
            lambda they=they: they.content.confirm(edge), lambda they=they: they.content.suggest(),
            lambda they=they: they.content.link("youtube:b", "youtube:a", relation="clip_of"),
            lambda they=they: they.content.undo(), lambda they=they: they.content.split("youtube:b"),
            lambda they=they: they.content.unlink("youtube:b"),
            lambda they=they: they.content.move("youtube:b", "youtube:a", relation="clip_of"),
            lambda they=they: they.content.merge("youtube:b", "youtube:a"),
        ):  # fmt: skip
            with pytest.raises(Forbidden):
                attempt()
    analyst = colleague(workspace, engagerr, "analyst")
    analyst.content.confirm(edge)
    assert workspace.content.decisions()[0].member == analyst.member.name


def test_linking_what_is_confirmed_already_changes_nothing(
    workspace: Workspace, tmp_path: Path, superuser_connection: Connection
) -> None:
    items(workspace, tmp_path, "ab")
    first = workspace.content.link("youtube:b", "youtube:a", relation="clip_of")
    before = contents(superuser_connection)
    assert workspace.content.link("youtube:b", "youtube:a", relation="clip_of", reason="again") == first
    assert contents(superuser_connection) == before


# --- move, split, merge ---------------------------------------------------------------------------------------------


def linked(workspace: Workspace, folder: Path, *pairs: str, relation: str = "part_of") -> dict[str, str]:
    """Items of one letter that hang on each other, as {child + parent: edge id}."""
    items(workspace, folder, "".join(sorted(set("".join(pairs)))))
    return {
        pair: str(workspace.content.link(f"youtube:{pair[0]}", f"youtube:{pair[1]}", relation=relation).id)
        for pair in pairs
    }


def test_a_move_rejects_the_old_edge_and_draws_the_new_one_in_one_action(workspace: Workspace, tmp_path: Path) -> None:
    ids = linked(workspace, tmp_path, "ba", "cb", "ed", relation="clip_of")
    moved = workspace.content.move("youtube:b", "youtube:e", reason="wrong episode")
    drawn, rejected = moved.edges
    assert (drawn.state, drawn.relation, drawn.parent.native_id) == ("confirmed", "clip_of", "e")
    assert (str(rejected.id), rejected.state) == (ids["ba"], "rejected")
    assert tree(workspace, "c") == {"d": [{"e": [{"b": [{"c": []}]}]}]}
    assert [(part.root.native_id, part.items) for part in moved.families] == [("d", 4), ("a", 1)]
    one, other, *_ = workspace.content.decisions()
    assert one.action_id == other.action_id
    assert {(row.action, row.after, row.reason) for row in (one, other)} == {
        ("move", "confirmed", "wrong episode"), ("move", "rejected", "wrong episode"),
    }  # fmt: skip
    # What is moved may become something else.
    assert workspace.content.move("youtube:b", "youtube:d", relation="same_work").edges[0].relation == "same_work"


def test_a_move_says_what_it_lacks_and_closes_no_circle(
    workspace: Workspace, tmp_path: Path, superuser_connection: Connection
) -> None:
    linked(workspace, tmp_path, "ba", "cb")
    items(workspace, tmp_path, "z")
    before = contents(superuser_connection)
    with pytest.raises(InvalidInput, match="youtube:a hangs on no parent") as refused:
        workspace.content.move("youtube:a", "youtube:z")
    assert "--relation" in (refused.value.hint or "")
    with pytest.raises(Conflict, match="youtube:c already hangs below youtube:b"):
        workspace.content.move("youtube:b", "youtube:c")
    with pytest.raises(InvalidInput, match="no relation"):
        workspace.content.move("youtube:b", "youtube:z", relation="cousin_of")
    assert contents(superuser_connection) == before
    workspace.content.move("youtube:a", "youtube:z", relation="part_of")
    assert tree(workspace, "c") == {"z": [{"a": [{"b": [{"c": []}]}]}]}
    # Moved to where it is: nothing is to be done, and nothing is remembered.
    decisions = workspace.content.decisions()
    assert workspace.content.move("youtube:a", "youtube:z").edges[0].state == "confirmed"
    assert workspace.content.decisions() == decisions


def test_a_split_says_which_two_families_there_are(workspace: Workspace, tmp_path: Path) -> None:
    ids = linked(workspace, tmp_path, "ba", "cb", "db", "ea")
    cut = workspace.content.split("youtube:b", reason="another interview")
    assert [(str(edge.id), edge.state) for edge in cut.edges] == [(ids["ba"], "rejected")]
    assert [(part.root.native_id, part.items) for part in cut.families] == [("a", 2), ("b", 3)]
    assert {family.id for family in workspace.content.families()} == {part.id for part in cut.families}
    for root in ("youtube:a", "youtube:b"):
        with pytest.raises(InvalidInput, match="nothing to cut"):
            workspace.content.split(root)


def test_a_merge_hangs_one_root_under_the_other_whichever_items_are_named(
    workspace: Workspace, tmp_path: Path, owner_connection: Connection
) -> None:
    linked(workspace, tmp_path, "ba", "cb", "yx")
    apart = paths(owner_connection, workspace)
    merged = workspace.content.merge("youtube:c", "youtube:y", reason="the same talk")
    assert [(edge.child.native_id, edge.parent.native_id, edge.relation) for edge in merged.edges] == [
        ("a", "x", "same_work")
    ]
    assert [(part.root.native_id, part.items) for part in merged.families] == [("x", 5)]
    assert tree(workspace, "c") == {"x": [{"a": [{"b": [{"c": []}]}]}, {"y": []}]}
    with pytest.raises(Conflict, match="youtube:b and youtube:y are in one family already"):
        workspace.content.merge("youtube:b", "youtube:y")
    assert workspace.content.undo().action == "merge"
    assert paths(owner_connection, workspace) == apart
    # An item that is alone is a family of one.
    items(workspace, tmp_path, "n")
    assert workspace.content.merge("youtube:n", "youtube:b", relation="promotes").families[0].items == 4


# --- in bulk --------------------------------------------------------------------------------------------------------


def test_in_bulk_what_cannot_be_confirmed_is_left_out_and_told(workspace: Workspace, tmp_path: Path) -> None:
    items(workspace, tmp_path, "abcdef")
    ids = suggested(workspace, tmp_path, "ba", "cb", "bd", "ac", "fe")
    wanted = [UUID(ids[pair]) for pair in ("ba", "cb", "bd", "ac", "fe", "ba")]
    access = workspace.content._access
    with access.transaction(Permission.DECIDE_CONTENT) as session:
        told = {edge: str(error) for edge, error in conflicts_of(session, access, wanted).items()}
        now = decide(
            session, access, wanted, after="confirmed", action="confirm", reason="all above 90 %", skip_conflicts=True
        )
    assert now == tuple(UUID(ids[pair]) for pair in ("ba", "cb", "fe"))
    assert set(told) == {UUID(ids["bd"]), UUID(ids["ac"])}
    assert "youtube:b hangs on youtube:a already" in told[UUID(ids["bd"])]
    assert "youtube:c already hangs below youtube:a" in told[UUID(ids["ac"])]
    assert tree(workspace, "c") == {"a": [{"b": [{"c": []}]}]}
    assert {row.action_id for row in workspace.content.decisions()} == {workspace.content.decisions()[0].action_id}
    assert len(workspace.content.undo().edges) == 3
    assert workspace.content.families() == ()


# --- undo -----------------------------------------------------------------------------------------------------------


def test_undo_takes_back_one_decision_after_the_other_and_the_tree_is_exactly_as_before(
    workspace: Workspace, tmp_path: Path, owner_connection: Connection
) -> None:
    items(workspace, tmp_path, "abcd")
    ids = suggested(workspace, tmp_path, "ba", "cb", "db")
    states, trees = [], []

    def look() -> None:
        states.append({edge.child.native_id + edge.parent.native_id: edge.state for edge in workspace.content.edges()})
        trees.append(paths(owner_connection, workspace))

    look()
    for step in (
        lambda: workspace.content.confirm(ids["ba"]), lambda: workspace.content.confirm(ids["cb"]),
        lambda: workspace.content.confirm(ids["db"]), lambda: workspace.content.reject(ids["ba"]),
        lambda: workspace.content.unlink("youtube:c"),
    ):  # fmt: skip
        step()
        look()
    for earlier in range(4, -1, -1):
        workspace.content.undo()
        look()
        assert (states[-1], trees[-1]) == (states[earlier], trees[earlier])
    with pytest.raises(InvalidInput, match="no decision to take back"):
        workspace.content.undo()
    assert len([decision for decision in workspace.content.decisions() if decision.undone]) == 5
    assert workspace.verify_audit().intact


def test_undo_of_one_edge_leaves_later_decisions_on_others(workspace: Workspace, tmp_path: Path) -> None:
    items(workspace, tmp_path, "abc")
    ids = suggested(workspace, tmp_path, "ba", "cb")
    workspace.content.confirm(ids["ba"])
    workspace.content.confirm(ids["cb"])
    assert [edge.state for edge in workspace.content.undo(ids["ba"]).edges] == ["suggested"]
    assert tree(workspace, "c") == {"b": [{"c": []}]}


def test_undoing_an_edge_drawn_by_hand_unmakes_it_and_its_decisions_still_name_it(
    workspace: Workspace, tmp_path: Path
) -> None:
    items(workspace, tmp_path, "ab")
    drawn = workspace.content.link("youtube:b", "youtube:a", relation="clip_of", reason="heard it")
    [gone] = workspace.content.undo().edges
    assert gone == replace(drawn, state="none")
    assert tree(workspace, "b") == {"b": []}
    assert workspace.content.edges() == ()
    undone, linked = workspace.content.decisions()
    assert (undone.action, undone.before, undone.after, undone.undone) == ("undo", "confirmed", "none", False)
    assert (linked.action, linked.before, linked.after, linked.undone) == ("link", "none", "confirmed", True)
    assert undone.edge == linked.edge == gone
    with pytest.raises(NotFound):
        workspace.content.undo(str(gone.id))
    # As if it had never been: it may be drawn anew, and taken back anew.
    again = workspace.content.link("youtube:b", "youtube:a", relation="clip_of")
    assert [piece.detail for piece in again.evidence] == [f"drawn by {workspace.member.name}"]
    assert workspace.content.undo().edges[0].state == "none"


def test_undo_restores_what_was_drawn_automatically(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, an_item("twitch:clip", kind="clip", hints={"video_id": "1234567890"}),
          an_item("twitch:1234567890", kind="live"))  # fmt: skip
    [edge] = workspace.content.edges()
    workspace.content.reject(str(edge.id))
    assert workspace.content.undo().edges == (edge,)
    assert len(workspace.content.tree("twitch:clip").children) == 1


def test_an_undo_that_would_clash_is_refused_and_changes_nothing(
    workspace: Workspace, tmp_path: Path, superuser_connection: Connection
) -> None:
    items(workspace, tmp_path, "abc")
    workspace.content.link("youtube:b", "youtube:a", relation="clip_of")
    edge = str(workspace.content.unlink("youtube:b")[0].id)
    workspace.content.link("youtube:b", "youtube:c", relation="clip_of")
    before = contents(superuser_connection)
    with pytest.raises(Conflict, match="hangs on youtube:c already"):
        workspace.content.undo(edge)
    assert contents(superuser_connection) == before


def test_undo_takes_back_all_that_one_command_did(
    workspace: Workspace, tmp_path: Path, owner_connection: Connection
) -> None:
    items(workspace, tmp_path, "abcde")
    ids = suggested(workspace, tmp_path, "ba", "ca", "dc")
    steps: list[Any] = []

    def look() -> tuple[Any, ...]:
        return workspace.content.edges(), paths(owner_connection, workspace)

    for command in (
        lambda: workspace.content.confirm(*ids.values()), lambda: workspace.content.move("youtube:c", "youtube:b"),
        lambda: workspace.content.reject(ids["ba"], ids["dc"]), lambda: workspace.content.split("youtube:c"),
        lambda: workspace.content.merge("youtube:a", "youtube:e"),
    ):  # fmt: skip
        steps.append(look())
        command()
    for action, edges in (("merge", 1), ("split", 1), ("reject", 2), ("move", 2), ("confirm", 3)):
        taken_back = workspace.content.undo()
        assert (taken_back.action, len(taken_back.edges)) == (action, edges)
        assert taken_back.member == workspace.member.name
        assert look() == steps.pop()
    assert len({row.action_id for row in workspace.content.decisions()}) == 10
    assert workspace.verify_audit().intact


def test_a_move_to_what_was_suggested_leaves_the_suggestion_when_it_is_taken_back(
    workspace: Workspace, tmp_path: Path
) -> None:
    linked(workspace, tmp_path, "ba")
    items(workspace, tmp_path, "c")
    suggested(workspace, tmp_path, "bc")
    before = workspace.content.edges()
    workspace.content.move("youtube:b", "youtube:c")
    assert {edge.state for edge in workspace.content.edges()} == {"confirmed", "rejected"}
    workspace.content.undo()
    assert workspace.content.edges() == before
    assert {edge.state for edge in before} == {"confirmed", "suggested"}


def test_undo_brings_back_confidence_and_evidence_to_the_letter(workspace: Workspace, tmp_path: Path) -> None:
    bring(
        workspace, tmp_path, an_item("tiktok:c", kind="short_video", body="See https://youtu.be/dQw4w9WgXcQ"),
        an_item("youtube:dQw4w9WgXcQ", kind="long_video"), an_item("youtube:other", kind="long_video"),
    )  # fmt: skip
    [before] = workspace.content.edges()
    assert before.confidence < 1
    workspace.content.link("tiktok:c", "youtube:dQw4w9WgXcQ", relation=before.relation, reason="he says so")
    assert workspace.content.edges()[0].confidence == 1
    workspace.content.move("tiktok:c", "youtube:other")
    workspace.content.undo()
    workspace.content.undo()
    assert workspace.content.edges() == (before,)


def test_what_was_decided_on_again_is_taken_back_from_the_end(
    workspace: Workspace, tmp_path: Path, superuser_connection: Connection
) -> None:
    """A move touches two edges: the old one cannot come back alone once the new one was decided on again."""
    ids = linked(workspace, tmp_path, "ba")
    items(workspace, tmp_path, "c")
    moved = str(workspace.content.move("youtube:b", "youtube:c").edges[0].id)
    workspace.content.unlink("youtube:b")
    before = contents(superuser_connection)
    with pytest.raises(Conflict, match="This move cannot be taken back: youtube:b and youtube:c") as refused:
        workspace.content.undo(ids["ba"])
    assert moved.replace("-", "")[-8:] in (refused.value.hint or "")
    assert contents(superuser_connection) == before
    assert workspace.content.undo(moved).action == "unlink"
    assert workspace.content.undo(ids["ba"]).action == "move"
    assert tree(workspace, "b") == {"a": [{"b": []}]}


def test_a_file_may_state_what_was_decided_and_taken_back(workspace: Workspace, tmp_path: Path) -> None:
    items(workspace, tmp_path, "ab")
    edge = suggested(workspace, tmp_path, "ba")["ba"]
    workspace.content.reject(edge)
    stated = an_edge("youtube:b", "youtube:a", "part_of")
    assert len(bring(workspace, tmp_path, stated).quarantined) == 1
    workspace.content.undo()
    assert bring(workspace, tmp_path, stated, an_item("youtube:c")).quarantined == ()
    assert tree(workspace, "b") == {"a": [{"b": []}]}


def test_decisions_of_the_time_before_actions_can_be_taken_back(
    workspace: Workspace, tmp_path: Path, superuser_connection: Connection
) -> None:
    """They know the state before and no more: confidence and evidence stay as they are."""
    items(workspace, tmp_path, "ab")
    [before] = workspace.content.confirm(suggested(workspace, tmp_path, "ba")["ba"])
    superuser_connection.execute(
        "UPDATE content_decisions SET action_id = id, was = jsonb_build_object('state', before)"
    )
    assert workspace.content.undo().edges == (replace(before, state="suggested"),)


# --- edges and decisions by name ------------------------------------------------------------------------------------


def pairs(edges: tuple[EdgeRow, ...]) -> set[str]:
    return {edge.child.native_id + edge.parent.native_id for edge in edges}


def test_edges_are_named_by_their_id_its_end_or_an_item(workspace: Workspace, tmp_path: Path) -> None:
    items(workspace, tmp_path, "abcd")
    ids = suggested(workspace, tmp_path, "ba", "cb", "da")
    assert pairs(workspace.content.edges(of=ids["ba"])) == {"ba"}
    assert pairs(workspace.content.edges(of=ids["ba"].replace("-", "")[-12:].upper())) == {"ba"}
    assert pairs(workspace.content.edges(of="youtube:b")) == {"ba", "cb"}
    assert pairs(workspace.content.edges(of=("youtube:c", ids["da"]))) == {"cb", "da"}
    # What several words name is there once, in the order of all edges.
    assert workspace.content.edges(of=("youtube:b", "youtube:a", ids["ba"])) == workspace.content.edges()


def test_a_word_that_names_no_edge_is_refused_with_the_word(
    workspace: Workspace, other_workspace: Workspace, tmp_path: Path
) -> None:
    items(workspace, tmp_path, "abc")
    ids = suggested(workspace, tmp_path, "ba")
    for word in ("youtube:c", "youtube:nothing", "00000000-0000-7000-8000-000000000000", "ffffff", ids["ba"][-5:], "b"):
        with pytest.raises(NotFound) as refused:
            workspace.content.edges(of=("youtube:b", word))
        assert refused.value.facts == {"edge": word}
    for word in (ids["ba"], "youtube:b"):
        with pytest.raises(NotFound):
            workspace.content.edges(of=word, state="rejected")
        with pytest.raises(NotFound):
            other_workspace.content.edges(of=word)


def test_a_state_that_no_edge_has_is_refused(workspace: Workspace) -> None:
    with pytest.raises(InvalidInput, match="sure") as refused:
        workspace.content.edges(state="sure")
    assert "auto_confirmed" in (refused.value.hint or "")
    # The database's own list is written there as SQL.
    assert ", ".join(f"'{state}'" for state in STATES) == EDGE_STATES


def test_decisions_on_some_edges_are_told_alone_and_without_a_limit_all(workspace: Workspace, tmp_path: Path) -> None:
    items(workspace, tmp_path, "abc")
    ids = suggested(workspace, tmp_path, "ba", "cb")
    workspace.content.reject(ids["ba"])
    workspace.content.confirm(ids["cb"])
    workspace.content.confirm(ids["ba"])
    of_one = workspace.content.decisions(edges=[UUID(ids["ba"])])
    assert [(str(row.edge.id), row.after) for row in of_one] == [(ids["ba"], "confirmed"), (ids["ba"], "rejected")]
    assert workspace.content.decisions(edges=[UUID(ids["ba"])], limit=1) == of_one[:1]
    assert workspace.content.decisions(edges=[]) == ()
    assert len(workspace.content.decisions(limit=None)) == 3
