"""What nodes copy of items, accounts and edges stays what those say, whatever happens to them and in whatever order."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.factories import a_tenant, an_account, an_edge, an_item
from tests.fakes.cluster import Clone, Connection

ITEMS = 5

COPIES = """
SELECT item_id, platform, native_id, account, kind, title, url, published_at, duration_seconds, is_crosspost, edge_id,
       relation, edge_state, confidence
FROM content_nodes ORDER BY item_id
"""
ORIGINALS = """
SELECT item.id, item.platform, item.native_id, account.platform || ':' || account.handle, item.kind, item.title,
       item.url, item.published_at, item.duration_seconds, item.hints @> '{"is_crosspost": true}', edge.id,
       edge.relation, edge.state, edge.confidence
FROM content_nodes AS node JOIN content_items AS item ON item.id = node.item_id
JOIN accounts AS account ON account.id = item.account_id
LEFT JOIN content_edges AS edge ON edge.child_id = item.id AND edge.state IN ('confirmed', 'auto_confirmed')
ORDER BY item.id
"""


def open_tenant(clone: Clone, tenant: UUID) -> Connection:
    connection = clone.connect()
    connection.execute("SELECT set_config('engagerr.tenant_id', %s, false)", [str(tenant)])
    connection.commit()
    return connection


@pytest.fixture
def tenant(clone: Clone) -> UUID:
    with clone.connect() as connection, connection.transaction():
        return a_tenant(connection)


@pytest.fixture
def connection(clone: Clone, tenant: UUID) -> Iterator[Connection]:
    with open_tenant(clone, tenant) as connection:
        yield connection


def a_family(connection: Connection, tenant: UUID) -> tuple[list[UUID], list[UUID]]:
    """(items, suggested edges from each item to the one before it)."""
    with connection.transaction():
        account = an_account(connection, tenant)["id"]
        items = [an_item(connection, tenant, account_id=account)["id"] for _ in range(ITEMS)]
        edges = [
            an_edge(connection, tenant, child, parent, state="suggested")["id"]
            for parent, child in itertools.pairwise(items)
        ]
    return items, edges


def copies_are_true(connection: Connection) -> int:
    copies = connection.execute(COPIES).fetchall()
    assert copies == connection.execute(ORIGINALS).fetchall()
    return len(copies)


CHANGES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["confirmed", "auto_confirmed", "rejected"]), st.integers(0, ITEMS - 2)),
        st.tuples(st.just("judge"), st.integers(0, ITEMS - 2)),
        st.tuples(st.sampled_from(["retitle", "crosspost", "blank"]), st.integers(0, ITEMS - 1)),
        st.tuples(st.sampled_from(["rename", "retitle all"]), st.just(0)),
    ),
    max_size=12,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES)
def test_copies_follow_every_change(connection: Connection, tenant: UUID, changes: list[tuple[str, int]]) -> None:
    items, edges = a_family(connection, tenant)
    for number, (change, place) in enumerate(changes):
        match change:
            case "judge":
                connection.execute(
                    "UPDATE content_edges SET confidence = %s WHERE id = %s", [number / 20, edges[place]]
                )
            case "retitle":
                connection.execute(
                    "UPDATE content_items SET title = %s, url = %s, kind = 'post', duration_seconds = %s,"
                    " published_at = now() WHERE id = %s",
                    [f"Title {number}", f"https://example.com/{number}", number, items[place]],
                )
            case "retitle all":
                connection.execute("UPDATE content_items SET title = title || %s", [str(number)])
            case "crosspost":
                connection.execute(
                    """UPDATE content_items SET hints = '{"is_crosspost": true}' WHERE id = %s""", [items[place]]
                )
            case "blank":
                connection.execute(
                    "UPDATE content_items SET title = NULL, url = NULL, hints = '{}' WHERE id = %s", [items[place]]
                )
            case "rename":
                connection.execute("UPDATE accounts SET handle = handle || %s", [str(number)])
            case state:
                connection.execute("UPDATE content_edges SET state = %s WHERE id = %s", [state, edges[place]])
        connection.commit()
        copies_are_true(connection)


def test_a_confirmed_edge_stands_in_the_node_of_its_child_alone(connection: Connection, tenant: UUID) -> None:
    items, edges = a_family(connection, tenant)
    connection.execute("UPDATE content_edges SET state = 'confirmed' WHERE id = %s", [edges[0]])
    held = dict(connection.execute("SELECT item_id, edge_id FROM content_nodes").fetchall())
    assert held == {items[0]: None, items[1]: edges[0]}


def test_an_item_described_anew_while_it_joins_a_family_is_copied_as_it_ends(
    clone: Clone, connection: Connection, tenant: UUID
) -> None:
    items, edges = a_family(connection, tenant)
    connection.execute("UPDATE content_items SET title = 'New' WHERE id = %s", [items[1]])  # not committed yet
    confirmed = threading.Event()

    def confirm() -> None:
        with open_tenant(clone, tenant) as other:
            other.execute("UPDATE content_edges SET state = 'confirmed' WHERE id = %s", [edges[0]])
            other.commit()
            confirmed.set()

    thread = threading.Thread(target=confirm)
    thread.start()
    assert not confirmed.wait(0.3)
    connection.commit()
    thread.join(10)
    assert confirmed.is_set()
    assert copies_are_true(connection) == 2
    found = connection.execute("SELECT title FROM content_nodes WHERE item_id = %s", [items[1]]).fetchone()
    assert found == ("New",)


def test_a_description_and_a_move_of_the_same_family_wait_for_each_other_and_both_stand(
    clone: Clone, connection: Connection, tenant: UUID
) -> None:
    _, edges = a_family(connection, tenant)
    connection.execute("UPDATE content_edges SET state = 'confirmed' WHERE id = ANY (%s)", [edges[1:]])
    connection.commit()
    connection.execute("UPDATE content_items SET title = 'New'")
    failed: list[Exception] = []

    def confirm() -> None:
        try:
            with open_tenant(clone, tenant) as other:
                other.execute("UPDATE content_edges SET state = 'confirmed' WHERE id = %s", [edges[0]])
                other.commit()
        except Exception as error:  # noqa: BLE001  told to the test's own thread
            failed.append(error)

    thread = threading.Thread(target=confirm)
    thread.start()
    thread.join(0.3)
    # What an import does at its end: it takes the tree as well.
    connection.execute("UPDATE content_edges SET state = 'auto_confirmed' WHERE id = %s", [edges[-1]])
    connection.commit()
    thread.join(10)
    assert not failed
    assert copies_are_true(connection) == ITEMS
