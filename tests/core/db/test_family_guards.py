"""Families as the database keeps them: one parent, no circles, and paths that say what the confirmed edges say."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
import pytest
from engagerr import Workspace
from engagerr.core.content.decisions import Circle, SecondParent
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.factories import a_tenant, an_account, an_edge, an_item, in_tenant
from tests.fakes.cluster import Clone, Cluster, Connection

CONFIRMED = ("confirmed", "auto_confirmed")


@dataclass
class Meadow:
    """Some items of one tenant, by letter."""

    clone: Clone
    tenant: UUID
    items: dict[str, UUID]

    def connect(self) -> Connection:
        connection = self.clone.connect()
        connection.execute("SELECT set_config('engagerr.tenant_id', %s, false)", [str(self.tenant)])
        connection.commit()
        return connection

    def edge(self, connection: Connection, child: str, parent: str, **changes: Any) -> UUID:
        return an_edge(connection, self.tenant, self.items[child], self.items[parent], **changes)["id"]

    def paths(self, connection: Connection) -> dict[str, str]:
        """{item: its path in letters}, and each family named by its root, as content_nodes has them."""
        letters = {str(item).replace("-", "")[-15:]: letter for letter, item in self.items.items()}
        found = connection.execute("SELECT item_id, family_id, path::text FROM content_nodes").fetchall()
        names = {item: letter for letter, item in self.items.items()}
        paths = {}
        for item, family, path in found:
            spelt = "".join(letters[label] for label in path.split("."))
            assert names[family] == spelt[0]
            paths[names[item]] = spelt
        return paths


def new_meadow(clone: Clone, letters: str) -> Meadow:
    with clone.connect() as connection, connection.transaction():
        tenant = a_tenant(connection)
        account = an_account(connection, tenant)["id"]
        items = {letter: an_item(connection, tenant, account_id=account)["id"] for letter in letters}
    return Meadow(clone, tenant, items)


@pytest.fixture
def meadow(clone: Clone) -> Meadow:
    return new_meadow(clone, "abcdef")


@pytest.fixture
def connection(meadow: Meadow) -> Iterator[Connection]:
    with meadow.connect() as connection:
        yield connection


def refusal(error: pytest.ExceptionInfo[psycopg.Error]) -> str | None:
    return error.value.diag.constraint_name


# ── What is refused ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_circle_is_refused_by_name(meadow: Meadow, connection: Connection) -> None:
    meadow.edge(connection, "b", "a")
    meadow.edge(connection, "c", "b")
    for child, parent in (("a", "b"), ("a", "c")):
        with pytest.raises(psycopg.errors.CheckViolation) as refused, connection.transaction():
            meadow.edge(connection, child, parent)
        assert refusal(refused) == "content_edges_no_cycle"
    assert meadow.paths(connection) == {"a": "a", "b": "ab", "c": "abc"}


def test_a_circle_is_refused_when_a_suggestion_is_confirmed(meadow: Meadow, connection: Connection) -> None:
    meadow.edge(connection, "b", "a")
    suggested = meadow.edge(connection, "a", "b", state="suggested", relation="same_work")
    for state in CONFIRMED:
        with pytest.raises(psycopg.errors.CheckViolation) as refused, connection.transaction():
            connection.execute("UPDATE content_edges SET state = %s WHERE id = %s", [state, suggested])
        assert refusal(refused) == "content_edges_no_cycle"


def test_an_item_cannot_hang_on_itself(meadow: Meadow, connection: Connection) -> None:
    for state in ("confirmed", "suggested"):
        with pytest.raises(psycopg.errors.CheckViolation) as refused, connection.transaction():
            meadow.edge(connection, "a", "a", state=state)
        assert refusal(refused) == "content_edges_not_itself_check"


@pytest.mark.parametrize("second", CONFIRMED)
def test_a_second_parent_is_refused(meadow: Meadow, connection: Connection, second: str) -> None:
    meadow.edge(connection, "c", "a", state="auto_confirmed")
    meadow.edge(connection, "c", "b", state="suggested")  # a suggestion may stand
    with pytest.raises(psycopg.errors.UniqueViolation) as refused, connection.transaction():
        connection.execute("UPDATE content_edges SET state = %s WHERE state = 'suggested'", [second])
    assert refusal(refused) == "content_edges_one_parent"
    with pytest.raises(psycopg.errors.UniqueViolation), connection.transaction():
        meadow.edge(connection, "c", "a", relation="same_work", state=second)
    assert meadow.paths(connection) == {"a": "a", "c": "ac"}


def test_the_verbs_say_circle_and_second_parent_in_words(workspace: Workspace, clone: Clone) -> None:
    with clone.connect() as connection, in_tenant(connection, workspace.tenant.id):
        account = an_account(connection, workspace.tenant.id)["id"]
        for name in "abc":
            an_item(connection, workspace.tenant.id, account_id=account, native_id=name)
    workspace.content.link("youtube:b", "youtube:a", relation="clip_of")
    with pytest.raises(Circle, match="youtube:b already hangs below youtube:a"):
        workspace.content.link("youtube:a", "youtube:b", relation="clip_of")
    with pytest.raises(SecondParent, match="youtube:b hangs on youtube:a already"):
        workspace.content.link("youtube:b", "youtube:c", relation="part_of")
    assert [node.native_id for node in workspace.content.tree("youtube:a").children] == ["b"]


# ── What moves ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_items_that_are_alone_are_in_no_family(meadow: Meadow, connection: Connection) -> None:
    meadow.edge(connection, "b", "a", state="suggested")
    assert meadow.paths(connection) == {}
    connection.execute("UPDATE content_edges SET state = 'confirmed'")
    assert meadow.paths(connection) == {"a": "a", "b": "ab"}
    connection.execute("UPDATE content_edges SET state = 'rejected'")
    assert meadow.paths(connection) == {}


def test_a_subtree_that_leaves_and_comes_back_stands_as_before(meadow: Meadow, connection: Connection) -> None:
    edges = {child: meadow.edge(connection, child, parent) for parent, child in ("ab", "bc", "bd", "de")}
    before = meadow.paths(connection)
    assert before == {"a": "a", "b": "ab", "c": "abc", "d": "abd", "e": "abde"}
    for leaver, left in (
        ("b", {"b": "b", "c": "bc", "d": "bd", "e": "bde"}),
        ("d", {"a": "a", "b": "ab", "c": "abc", "d": "d", "e": "de"}),
        ("e", {"a": "a", "b": "ab", "c": "abc", "d": "abd"}),
    ):
        connection.execute("UPDATE content_edges SET state = 'rejected' WHERE id = %s", [edges[leaver]])
        assert meadow.paths(connection) == left
        connection.execute("UPDATE content_edges SET state = 'confirmed' WHERE id = %s", [edges[leaver]])
        assert meadow.paths(connection) == before


def test_a_subtree_moves_to_another_family_with_all_that_hangs_on_it(meadow: Meadow, connection: Connection) -> None:
    for child, parent in ("ba", "cb", "dc", "fe"):
        meadow.edge(connection, child, parent)
    connection.execute("UPDATE content_edges SET state = 'rejected' WHERE child_id = %s", [meadow.items["b"]])
    meadow.edge(connection, "b", "f")
    assert meadow.paths(connection) == {"e": "e", "f": "ef", "b": "efb", "c": "efbc", "d": "efbcd"}


def test_an_edge_that_is_deleted_takes_its_subtree_out(meadow: Meadow, connection: Connection) -> None:
    """By retention, which works as the owner; or by the application, which takes back what a person drew."""
    for child, parent in ("ba", "cb", "dc"):
        meadow.edge(connection, child, parent)
    connection.commit()
    with meadow.clone.connect("engagerr_owner") as owner, in_tenant(owner, meadow.tenant):
        owner.execute("DELETE FROM content_edges WHERE child_id = %s", [meadow.items["b"]])
    assert meadow.paths(connection) == {"b": "b", "c": "bc", "d": "bcd"}


def test_a_refused_edge_changes_no_path(meadow: Meadow, connection: Connection) -> None:
    for child, parent in ("ba", "cb", "ed"):
        meadow.edge(connection, child, parent)
    before = meadow.paths(connection)
    for child, parent in ("ac", "cd", "ca"):
        with pytest.raises(psycopg.errors.IntegrityError), connection.transaction():
            meadow.edge(connection, child, parent, relation="promotes")
        assert meadow.paths(connection) == before


# ── The same as a few lines of Python ───────────────────────────────────────────────────────────────────────────────


@dataclass
class Model:
    """What families are, in plain words: follow the parents up to the root."""

    parent_of: dict[str, str] = field(default_factory=dict)
    edge_of: dict[str, tuple[str, str, str]] = field(default_factory=dict)

    def path(self, item: str) -> str:
        return self.path(self.parent_of[item]) + item if item in self.parent_of else item

    def confirm(self, edge: tuple[str, str, str]) -> str | None:
        """Take the edge in; or the name of the constraint that forbids it."""
        child, parent, _ = edge
        if self.edge_of.get(child) == edge:
            return None
        if child in self.parent_of:
            return "content_edges_one_parent"
        if child in self.path(parent):
            return "content_edges_no_cycle"
        self.parent_of[child], self.edge_of[child] = parent, edge
        return None

    def dismiss(self, edge: tuple[str, str, str]) -> None:
        if self.edge_of.get(edge[0]) == edge:
            del self.parent_of[edge[0]], self.edge_of[edge[0]]

    def paths(self) -> dict[str, str]:
        related = {*self.parent_of, *self.parent_of.values()}
        return {item: self.path(item) for item in related}


LETTERS = "abcdefg"
PAIRS = [(child, parent) for child in LETTERS for parent in LETTERS if child != parent]
STATES = ["confirmed", "confirmed", "auto_confirmed", "rejected", "suggested"]
STEPS = st.lists(
    st.tuples(st.sampled_from(PAIRS), st.sampled_from(["clip_of", "part_of"]), st.sampled_from(STATES)),
    min_size=1, max_size=30,
)  # fmt: skip


@pytest.fixture(scope="module")
def shared_clone(cluster: Cluster) -> Iterator[Clone]:
    with cluster.clone() as clone:
        yield clone


@given(steps=STEPS)
@settings(max_examples=40)
def test_paths_always_say_what_the_confirmed_edges_say(
    shared_clone: Clone, steps: list[tuple[tuple[str, str], str, str]]
) -> None:
    meadow, model = new_meadow(shared_clone, LETTERS), Model()
    with meadow.connect() as connection:
        for (child, parent), relation, state in steps:
            edge = (child, parent, relation)
            expected = model.confirm(edge) if state in CONFIRMED else model.dismiss(edge)
            said = None
            try:
                with connection.transaction():
                    connection.execute(
                        "INSERT INTO content_edges (tenant_id, child_id, parent_id, relation, state, confidence)"
                        " VALUES (%s, %s, %s, %s, %s, 1) ON CONFLICT (tenant_id, child_id, parent_id, relation)"
                        " DO UPDATE SET state = excluded.state",
                        [meadow.tenant, meadow.items[child], meadow.items[parent], relation, state],
                    )
            except psycopg.errors.IntegrityError as error:
                said = error.diag.constraint_name
            assert said == expected
            assert meadow.paths(connection) == model.paths()


# ── Two at once ─────────────────────────────────────────────────────────────────────────────────────────────────────


def confirm_in_thread(meadow: Meadow, child: str, parent: str, said: list[str | None]) -> threading.Thread:
    def confirm() -> None:
        with meadow.connect() as connection:
            try:
                meadow.edge(connection, child, parent)
                connection.commit()
                said.append(None)
            except psycopg.errors.IntegrityError as error:
                connection.rollback()
                said.append(error.diag.constraint_name)

    thread = threading.Thread(target=confirm)
    thread.start()
    return thread


def wait_until_blocked(watcher: Connection) -> None:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        row = watcher.execute(
            "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database"
            " WHERE NOT granted AND datname = current_database()"
        ).fetchone()
        if row and row[0]:
            return
        time.sleep(0.01)
    raise AssertionError("nobody waited")


def test_two_confirms_that_together_close_a_circle_see_each_other(
    meadow: Meadow, connection: Connection, superuser_connection: Connection
) -> None:
    said: list[str | None] = []
    meadow.edge(connection, "b", "a")  # not committed yet
    second = confirm_in_thread(meadow, "a", "b", said)
    wait_until_blocked(superuser_connection)
    connection.commit()
    second.join(15)
    assert said == ["content_edges_no_cycle"]
    assert meadow.paths(connection) == {"a": "a", "b": "ab"}


def test_the_second_confirm_goes_through_when_the_first_one_is_taken_back(
    meadow: Meadow, connection: Connection, superuser_connection: Connection
) -> None:
    said: list[str | None] = []
    meadow.edge(connection, "b", "a")
    second = confirm_in_thread(meadow, "a", "b", said)
    wait_until_blocked(superuser_connection)
    connection.rollback()
    second.join(15)
    assert said == [None]
    assert meadow.paths(connection) == {"b": "b", "a": "ba"}


def test_whoever_closes_a_larger_circle_last_is_refused(clone: Clone) -> None:
    """Six edges in a ring, all at once: five stand, whichever they are, and the paths are those of the five."""
    for _ in range(5):
        meadow = new_meadow(clone, "abcdef")
        said: list[str | None] = []
        ring = ["ba", "cb", "dc", "ed", "fe", "af"]
        for thread in [confirm_in_thread(meadow, child, parent, said) for child, parent in ring]:
            thread.join(15)
        assert sorted(filter(None, said)) == ["content_edges_no_cycle"]
        assert len(said) == 6
        with meadow.connect() as connection:
            names = {item: letter for letter, item in meadow.items.items()}
            model = Model()
            for child, parent in connection.execute("SELECT child_id, parent_id FROM content_edges").fetchall():
                model.parent_of[names[child]] = names[parent]
            assert len(model.parent_of) == 5
            assert meadow.paths(connection) == model.paths()


def test_two_tenants_do_not_wait_for_each_other(clone: Clone, superuser_connection: Connection) -> None:
    ours, theirs = new_meadow(clone, "ab"), new_meadow(clone, "ab")
    with ours.connect() as one, theirs.connect() as other, contextlib.closing(other):
        other.execute("SET lock_timeout = '2s'")
        ours.edge(one, "b", "a")
        theirs.edge(other, "b", "a")
        one.commit()
        other.commit()
