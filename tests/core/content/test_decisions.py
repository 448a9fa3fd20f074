"""Confirm, reject, link, unlink, undo: a person's word shapes the tree, can be taken back, and is remembered."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.content import FamilyNode
from engagerr.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
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
        lambda: other_workspace.metrics.show("youtube:a"),
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
            lambda they=they: they.content.undo(),
        ):  # fmt: skip
            with pytest.raises(Forbidden):
                attempt()
    analyst = colleague(workspace, engagerr, "analyst")
    analyst.content.confirm(edge)
    assert workspace.content.decisions()[0].member == analyst.member.name


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
    assert workspace.content.undo(ids["ba"]).state == "suggested"
    assert tree(workspace, "c") == {"b": [{"c": []}]}


def test_undoing_an_edge_drawn_by_hand_takes_it_out_for_good(workspace: Workspace, tmp_path: Path) -> None:
    items(workspace, tmp_path, "ab")
    workspace.content.link("youtube:b", "youtube:a", relation="clip_of")
    assert workspace.content.undo().state == "rejected"
    assert tree(workspace, "b") == {"b": []}
    assert workspace.content.suggest().edges == ()


def test_undo_restores_what_was_drawn_automatically(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, an_item("twitch:clip", kind="clip", hints={"video_id": "1234567890"}),
          an_item("twitch:1234567890", kind="live"))  # fmt: skip
    [edge] = workspace.content.edges()
    workspace.content.reject(str(edge.id))
    assert workspace.content.undo().state == "auto_confirmed"
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


# --- whatever is done, the paths are those of the edges -------------------------------------------------------------

NAMES = "abcdef"


class Deciding(RuleBasedStateMachine):
    """Decisions at random beside a plain model of who hangs on whom."""

    workspace: Workspace
    connection: Connection
    folder: Path

    def __init__(self) -> None:
        super().__init__()
        self.parent: dict[str, str] = {}
        self.done: list[dict[str, str]] = []
        self.prefix = ""

    @initialize()
    def new_items(self) -> None:
        self.prefix = f"p{len(self.workspace.content.list())}-"
        bring(self.workspace, self.folder, *(an_item(self.name(name)) for name in NAMES))

    def name(self, letter: str) -> str:
        return f"youtube:{self.prefix}{letter}"

    def above(self, letter: str) -> set[str]:
        found = set()
        while letter in self.parent:
            letter = self.parent[letter]
            found.add(letter)
        return found

    @rule(child=st.sampled_from(NAMES), parent=st.sampled_from(NAMES))
    def link(self, child: str, parent: str) -> None:
        try:
            self.workspace.content.link(self.name(child), self.name(parent), relation="part_of")
        except Conflict:
            clash = child == parent or child in self.above(parent) or self.parent.get(child, parent) != parent
            assert clash, (child, parent, self.parent)
        else:
            assert child != parent
            assert child not in self.above(parent)
            assert self.parent.get(child, parent) == parent
            if child not in self.parent:  # else it stood already: nothing was decided
                self.done.append(dict(self.parent))
            self.parent[child] = parent

    @precondition(lambda self: self.parent)
    @rule(data=st.data())
    def unlink(self, data: st.DataObject) -> None:
        child = data.draw(st.sampled_from(sorted(self.parent)))
        self.workspace.content.unlink(self.name(child))
        self.done.append(dict(self.parent))
        del self.parent[child]

    @precondition(lambda self: self.done)
    @rule()
    def undo(self) -> None:
        self.workspace.content.undo()
        self.parent = self.done.pop()

    @invariant()
    def paths_are_those_of_the_edges(self) -> None:
        with in_tenant(self.connection, self.workspace.tenant.id):
            rows = self.connection.execute(
                """SELECT item.native_id, root.native_id, node.path::text,
                          (SELECT string_agg(engagerr_label(above.item_id)::text, '.' ORDER BY nlevel(above.path))
                           FROM content_nodes AS above WHERE above.path @> node.path)
                   FROM content_nodes AS node JOIN content_items AS item ON item.id = node.item_id
                   JOIN content_items AS root ON root.id = node.family_id WHERE item.native_id LIKE %s""",
                [f"{self.prefix}%"],
            ).fetchall()
        expected = {}
        for letter in NAMES:
            if letter in self.parent or letter in self.parent.values():
                ancestors = self.above(letter)
                root = next((name for name in ancestors if name not in self.parent), letter)
                expected[self.prefix + letter] = (self.prefix + root, len(ancestors) + 1)
        assert {name: (root, path.count(".") + 1) for name, root, path, _ in rows} == expected
        assert all(path == labels for _, _, path, labels in rows)


def test_paths_follow_the_edges_through_any_sequence_of_decisions(
    workspace: Workspace, owner_connection: Connection, tmp_path: Path
) -> None:
    Deciding.workspace, Deciding.connection, Deciding.folder = workspace, owner_connection, tmp_path
    run_state_machine_as_test(
        Deciding,
        settings=settings(
            max_examples=8, stateful_step_count=14, suppress_health_check=list(HealthCheck), deadline=None
        ),
    )
