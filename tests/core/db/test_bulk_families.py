"""Many edges in one statement come to the same families as one after the other, and are refused as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.factories import a_tenant, an_account, an_edge, an_item
from tests.fakes.cluster import Clone, Cluster, Connection

ITEMS = 8
STANDING = ("confirmed", "auto_confirmed")
NODES = """
SELECT item_id, family_id, path::text, title, account, relation, edge_state, confidence, edge_id
FROM content_nodes ORDER BY item_id
"""
# What a statement does to all edges at once, each by its own state and confidence.
SET_ALL = """
UPDATE content_edges AS edge SET state = wanted.state, confidence = wanted.confidence
FROM unnest(%s::uuid[], %s::text[], %s::numeric[]) AS wanted (id, state, confidence) WHERE edge.id = wanted.id
"""


@pytest.fixture(scope="module")
def shared_clone(cluster: Cluster) -> Iterator[Clone]:
    with cluster.clone() as clone:
        yield clone


def new_items(connection: Connection) -> tuple[UUID, list[UUID]]:
    """A new tenant, which the connection works in from now on, and its items."""
    tenant = a_tenant(connection)
    connection.execute("SELECT set_config('engagerr.tenant_id', %s, false)", [str(tenant)])
    account = an_account(connection, tenant)["id"]
    items = [an_item(connection, tenant, account_id=account, title=f"Part {n}")["id"] for n in range(ITEMS)]
    connection.commit()
    return tenant, items


def insert_at_once(
    connection: Connection, tenant: UUID, edges: Sequence[tuple[UUID, UUID]], state: str = "auto_confirmed"
) -> list[UUID]:
    found = connection.execute(
        "INSERT INTO content_edges (tenant_id, child_id, parent_id, relation, state, confidence)"
        " SELECT %s, child, parent, 'clip_of', %s, 0.97 FROM unnest(%s::uuid[], %s::uuid[]) AS edge (child, parent)"
        " RETURNING id",
        [tenant, state, [child for child, _ in edges], [parent for _, parent in edges]],
    )
    return [edge for (edge,) in found]


def standing(connection: Connection) -> dict[UUID, tuple[UUID, UUID]]:
    """{child: (parent, edge)} of the edges that stand."""
    found = connection.execute(
        "SELECT child_id, parent_id, id FROM content_edges WHERE state = ANY (%s)", [list(STANDING)]
    )
    return {child: (parent, edge) for child, parent, edge in found}


def upwards(above: dict[UUID, tuple[UUID, UUID]]) -> dict[UUID, tuple[UUID, str, UUID | None]] | None:
    """{item: (family, path, edge)} as following parents upwards tells; None where that runs in a circle."""
    found: dict[UUID, tuple[UUID, str, UUID | None]] = {}
    for item in {*above, *(parent for parent, _ in above.values())}:
        line = [item]
        while line[-1] in above:
            line.append(above[line[-1]][0])
            if len(line) > ITEMS:
                return None
        path = ".".join(str(member).replace("-", "")[-15:] for member in reversed(line))
        found[item] = (line[-1], path, above[item][1] if item in above else None)
    return found


def places(connection: Connection) -> dict[UUID, tuple[UUID, str, UUID | None]]:
    found = connection.execute("SELECT item_id, family_id, path::text, edge_id FROM content_nodes")
    return {item: (family, path, edge) for item, family, path, edge in found}


def copies_are_true(connection: Connection) -> None:
    """Each node holds what its item and the edge that it hangs by say."""
    wrong = connection.execute(
        """
        SELECT node.item_id FROM content_nodes AS node JOIN content_items AS item ON item.id = node.item_id
        LEFT JOIN content_edges AS edge
          ON edge.child_id = item.id AND edge.state IN ('confirmed', 'auto_confirmed')
        WHERE (node.title, node.platform, node.native_id, node.url, node.published_at, node.edge_id, node.relation,
               node.edge_state, node.confidence)
          IS DISTINCT FROM (item.title, item.platform, item.native_id, item.url, item.published_at, edge.id,
                            edge.relation, edge.state, edge.confidence)
        """
    ).fetchall()
    assert wrong == []


def rows(connection: Connection) -> list[Any]:
    return connection.execute(NODES).fetchall()


FORESTS = st.permutations(range(ITEMS)).flatmap(
    lambda order: st.tuples(
        *(st.tuples(st.just(order[n]), st.sampled_from(order[:n])) for n in range(1, ITEMS))
    ).flatmap(lambda edges: st.lists(st.sampled_from(edges), unique=True, min_size=1))
)  # fmt: skip


@given(before=FORESTS, also=FORESTS)
@settings(max_examples=40)
def test_edges_written_at_once_come_to_the_nodes_of_edges_written_one_by_one(
    shared_clone: Clone, before: list[tuple[int, int]], also: list[tuple[int, int]]
) -> None:
    """`before` stands already, so that families, and not only items, are hung on families."""
    taken = {child for child, _ in before}
    fresh = [(child, parent) for child, parent in also if child not in taken]
    with shared_clone.connect() as connection:
        tenant, items = new_items(connection)
        for child, parent in before:
            an_edge(connection, tenant, items[child], items[parent])
        connection.commit()
        edges = [(items[child], items[parent]) for child, parent in fresh]
        one_by_one = at_once = None
        refused: list[str | None] = []
        try:
            for edge in edges:
                insert_at_once(connection, tenant, [edge])
            one_by_one = [row[:-1] for row in rows(connection)]
        except psycopg.errors.CheckViolation as error:
            refused.append(error.diag.constraint_name)
        connection.rollback()
        try:
            insert_at_once(connection, tenant, edges)
            at_once = [row[:-1] for row in rows(connection)]
            assert places(connection) == upwards(standing(connection))
            copies_are_true(connection)
        except psycopg.errors.CheckViolation as error:
            refused.append(error.diag.constraint_name)
        connection.rollback()
        assert at_once == one_by_one
        assert refused in ([], ["content_edges_no_cycle"] * 2)


EDGES = st.lists(
    st.tuples(st.integers(0, ITEMS - 1), st.integers(0, ITEMS - 1)).filter(lambda ends: ends[0] != ends[1]),
    min_size=2, max_size=12, unique=True,
)  # fmt: skip
STEPS = st.lists(
    st.lists(
        st.tuples(st.integers(0, 11), st.sampled_from(["confirmed", "auto_confirmed", "rejected", "suggested"])),
        min_size=1, max_size=8, unique_by=lambda change: change[0],
    ),
    min_size=1, max_size=6,
)  # fmt: skip


@given(drawn=EDGES, steps=STEPS, gone=st.sets(st.integers(0, 11), min_size=2))
@settings(max_examples=60)
def test_nodes_say_what_the_edges_say_whatever_a_statement_stands_up_and_takes_away(
    shared_clone: Clone, drawn: list[tuple[int, int]], steps: list[list[tuple[int, str]]], gone: set[int]
) -> None:
    with shared_clone.connect() as connection:
        tenant, items = new_items(connection)
        edges = insert_at_once(connection, tenant, [(items[c], items[p]) for c, p in drawn], "suggested")
        connection.commit()
        for number, step in enumerate(steps):
            changes = [(edges[place], state) for place, state in step if place < len(edges)]
            ids, states = [edge for edge, _ in changes], [state for _, state in changes]
            refusal = None
            try:
                with connection.transaction():
                    connection.execute(SET_ALL, [ids, states, [number / 10] * len(ids)])
            except psycopg.errors.IntegrityError as error:
                refusal = error.diag.constraint_name
            assert refusal in (None, "content_edges_one_parent", "content_edges_no_cycle")
            if refusal == "content_edges_no_cycle":
                # Because it would end in a circle, and not because of the order in which it was done.
                wanted = dict(changes)
                found = connection.execute("SELECT id, child_id, parent_id, state FROM content_edges").fetchall()
                would = {c: (p, edge) for edge, c, p, state in found if wanted.get(edge, state) in STANDING}
                assert upwards(would) is None
            assert places(connection) == upwards(standing(connection))
            copies_are_true(connection)
            connection.commit()
        connection.execute(
            "DELETE FROM content_edges WHERE id = ANY (%s)", [[edges[place] for place in gone if place < len(edges)]]
        )
        assert places(connection) == upwards(standing(connection))
        copies_are_true(connection)


def test_one_statement_may_hang_an_item_elsewhere(clone: Clone) -> None:
    with clone.connect() as connection:
        tenant, items = new_items(connection)
        insert_at_once(connection, tenant, [(items[1], items[0]), (items[2], items[1]), (items[4], items[3])])
        [elsewhere] = insert_at_once(connection, tenant, [(items[1], items[4])], "suggested")
        connection.execute(
            "UPDATE content_edges SET state = CASE WHEN id = %s THEN 'confirmed' ELSE 'rejected' END"
            " WHERE child_id = %s",
            [elsewhere, items[1]],
        )
        assert places(connection) == upwards(standing(connection))
        assert {family for family, _, _ in places(connection).values()} == {items[3]}


def test_a_circle_among_edges_of_one_statement_is_refused_by_name(clone: Clone) -> None:
    with clone.connect() as connection:
        tenant, items = new_items(connection)
        ring = [(items[n], items[(n + 1) % 3]) for n in range(3)]
        with pytest.raises(psycopg.errors.CheckViolation) as refused, connection.transaction():
            insert_at_once(connection, tenant, [*ring, (items[4], items[0]), (items[6], items[5])])
        assert refused.value.diag.constraint_name == "content_edges_no_cycle"
        assert rows(connection) == []


def test_edges_of_another_tenant_move_nothing_here_and_are_refused(clone: Clone) -> None:
    """The superuser is above row-level security and may write edges of nobody's transaction; nodes would be missing."""
    with clone.connect() as connection:
        tenant, items = new_items(connection)
        with clone.connect("postgres") as above, pytest.raises(psycopg.errors.NoDataFound):
            insert_at_once(above, tenant, [(items[1], items[0]), (items[2], items[0])])
        assert rows(connection) == []
