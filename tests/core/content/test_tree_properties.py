"""Whatever people decide, in whatever order: families are what the confirmed edges say, and undo is exact.

The verbs are run beside a model of a forest in plain Python that knows nothing of paths, locks or SQL.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from engagerr import Engagerr, Settings, Workspace
from engagerr.core.content.decisions import Circle, SecondParent
from engagerr.core.content.reshaping import SameFamily
from engagerr.core.content.undoing import Overtaken
from engagerr.core.errors import Conflict, EngagerrError, InvalidInput
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
from tests.factories import an_account, an_edge, an_item, in_tenant, number
from tests.fakes.cluster import Connection

NAMES = "abcdefghij"
RELATIONS = ("clip_of", "same_work")
STANDING = ("confirmed", "auto_confirmed")

Key = tuple[str, str, str]  # child, parent, relation


@dataclass(frozen=True)
class Edge:
    """All that undo must bring back."""

    state: str
    confidence: Decimal
    evidence: tuple[str, ...]


Edges = dict[Key, Edge]


@dataclass
class Forest:
    """Edges, and what each command found before it changed them; the newest command comes last."""

    edges: Edges = field(default_factory=dict)
    done: list[dict[Key, Edge | None]] = field(default_factory=list)

    def held(self, child: str) -> Key | None:
        return next((key for key, edge in self.edges.items() if key[0] == child and edge.state in STANDING), None)

    def above(self, item: str) -> list[str]:
        """The item and what it hangs on, up to the root."""
        found = [item]
        while (held := self.held(found[-1])) is not None:
            found.append(held[1])
        return found

    def families(self) -> dict[str, list[str]]:
        """{item: the way to it from its root} of every item that is not alone."""
        standing = [key for key, edge in self.edges.items() if edge.state in STANDING]
        return {item: self.above(item)[::-1] for key in standing for item in key[:2]}

    def put(self, key: Key, edge: Edge | None) -> None:
        """Let this be so of one edge, if it can be."""
        stood = key in self.edges and self.edges[key].state in STANDING
        if edge is None:
            del self.edges[key]
            return
        if edge.state in STANDING and not stood:
            if self.held(key[0]) is not None:
                raise SecondParent("")
            if key[0] in self.above(key[1]):
                raise Circle("")
        self.edges[key] = edge

    def change(self, *changes: tuple[Key, Edge]) -> None:
        """One command: in this order, or not at all."""
        before = {key: self.edges.get(key) for key, edge in changes if self.edges.get(key) != edge}
        for key, edge in changes:
            self.put(key, edge)
        if before:
            self.done.append(before)

    def judged(self, key: Key, state: str) -> tuple[Key, Edge]:
        return key, replace(self.edges[key], state=state)

    def drawn(self, key: Key, by: str) -> tuple[Key, Edge]:
        known = self.edges.get(key)
        if known is not None and known.state == "confirmed":
            return key, known
        return key, Edge("confirmed", Decimal(1), (by, *(known.evidence if known else ())))

    def move(self, child: str, parent: str, relation: str | None, by: str) -> None:
        held = self.held(child)
        if held is None and relation is None:
            raise InvalidInput("")
        key = (child, parent, relation or (held[2] if held else ""))
        if child == parent:
            raise Circle("")
        off = [self.judged(held, "rejected")] if held is not None and held != key else []
        self.change(*off, self.drawn(key, by))

    def undo(self, touching: Key | None = None) -> None:
        place = next(
            (at for at in range(len(self.done) - 1, -1, -1) if touching is None or touching in self.done[at]), None
        )
        if place is None:
            raise InvalidInput("")
        before = self.done[place]
        if any(key in later for later in self.done[place + 1 :] for key in before):
            raise Overtaken("")
        # What stood comes last, so that there is room for it.
        for key, edge in sorted(before.items(), key=lambda one: one[1] is not None and one[1].state in STANDING):
            self.put(key, edge)
        del self.done[place]

    def copy(self) -> Forest:
        return Forest(dict(self.edges), [dict(before) for before in self.done])


class Deciding(RuleBasedStateMachine):
    """Commands at random on ten items of which some are suggested to belong together."""

    workspace: Workspace
    connection: Connection

    def __init__(self) -> None:
        super().__init__()
        self.forest = Forest()
        self.prefix = f"p{number()}-"
        self.before: list[Any] = []  # what the database held before each command that can be taken back
        self.ids: dict[Key, str] = {}

    @initialize(
        pairs=st.lists(st.permutations(NAMES).map(lambda names: tuple(names[:2])), min_size=4, max_size=9, unique=True),
        data=st.data(),
    )
    def items_and_suggestions(self, pairs: list[tuple[str, str]], data: st.DataObject) -> None:
        tenant = self.workspace.tenant.id
        with in_tenant(self.connection, tenant) as connection:
            account = an_account(connection, tenant)["id"]
            items = {
                name: an_item(connection, tenant, account_id=account, native_id=self.prefix + name)["id"]
                for name in NAMES
            }
            for place, (child, parent) in enumerate(pairs):
                key = (child, parent, data.draw(st.sampled_from(RELATIONS)))
                confidence = Decimal(data.draw(st.integers(0, 1000))) / 1000
                certain = data.draw(st.booleans()) and self.would_stand(key)
                edge = Edge("auto_confirmed" if certain else "suggested", confidence, (f"found {place}",))
                self.forest.edges[key] = edge
                evidence = [{"kind": "link", "detail": edge.evidence[0], "weight": 0.123}]
                an_edge(
                    connection, tenant, items[child], items[parent], relation=key[2], state=edge.state,
                    confidence=confidence, evidence=evidence,
                )  # fmt: skip

    def would_stand(self, key: Key) -> bool:
        with contextlib.suppress(Conflict):
            self.forest.copy().put(key, Edge("auto_confirmed", Decimal(1), ()))
            return True
        return False

    def both(self, on_model: Callable[[Forest], object], on_product: Callable[[], object]) -> bool:
        """Run a command on either; they must end alike. Whether it changed something."""
        now, then = self.forest.copy(), self.look()
        expected: type[EngagerrError] | None = None
        try:
            on_model(now)
        except EngagerrError as error:
            expected = type(error)
        if expected is None:
            on_product()
            taken = len(now.done) > len(self.forest.done)
            if taken:
                self.before.append(then)
            self.forest = now
            return taken
        with pytest.raises(EngagerrError) as refused:
            on_product()
        assert type(refused.value) is expected, (refused.value, expected)
        assert refused.value.hint
        assert self.look() == then
        return False

    def name(self, letter: str) -> str:
        return f"youtube:{self.prefix}{letter}"

    def known(self, data: st.DataObject) -> Key:
        key: Key = data.draw(st.sampled_from(sorted(self.forest.edges)))
        return key

    # ── The commands ────────────────────────────────────────────────────────────────────────────────────────────────

    @precondition(lambda self: self.forest.edges)
    @rule(data=st.data(), verb=st.sampled_from(["confirm", "confirm", "reject"]), count=st.integers(1, 3))
    def judge(self, data: st.DataObject, verb: str, count: int) -> None:
        keys = list(dict.fromkeys(self.known(data) for _ in range(count)))
        state = "confirmed" if verb == "confirm" else "rejected"
        self.both(
            lambda forest: forest.change(*(forest.judged(key, state) for key in keys)),
            lambda: getattr(self.workspace.content, verb)(*(self.ids[key] for key in keys)),
        )

    @rule(child=st.sampled_from(NAMES), parent=st.sampled_from(NAMES), relation=st.sampled_from(RELATIONS))
    def link(self, child: str, parent: str, relation: str) -> None:
        by, key = f"drawn {number()}", (child, parent, relation)

        def on_model(forest: Forest) -> None:
            if child == parent:
                raise Circle("")
            forest.change(forest.drawn(key, by))

        self.both(
            on_model,
            lambda: self.workspace.content.link(self.name(child), self.name(parent), relation=relation, reason=by),
        )

    @rule(data=st.data(), verb=st.sampled_from(["unlink", "split"]))
    def cut(self, data: st.DataObject, verb: str) -> None:
        hanging = [name for name in NAMES if self.forest.held(name)]
        child = data.draw(st.sampled_from([*hanging, "a"]))

        def on_model(forest: Forest) -> None:
            held = forest.held(child)
            if held is None:
                raise InvalidInput("")
            forest.change(forest.judged(held, "rejected"))

        def on_product() -> None:
            answer = getattr(self.workspace.content, verb)(self.name(child))
            if verb == "split":
                assert len(answer.families) == 2
                assert answer.families[1].root.native_id == self.prefix + child

        self.both(on_model, on_product)

    @rule(
        child=st.sampled_from(NAMES), parent=st.sampled_from(NAMES), relation=st.sampled_from([None, None, *RELATIONS])
    )
    def move(self, child: str, parent: str, relation: str | None) -> None:
        by = f"drawn {number()}"
        self.both(
            lambda forest: forest.move(child, parent, relation, by),
            lambda: self.workspace.content.move(self.name(child), self.name(parent), relation=relation, reason=by),
        )

    @rule(one=st.sampled_from(NAMES), other=st.sampled_from(NAMES))
    def merge(self, one: str, other: str) -> None:
        by = f"drawn {number()}"

        def on_model(forest: Forest) -> None:
            below, above = forest.above(one)[-1], forest.above(other)[-1]
            if below == above:
                raise SameFamily("")
            forest.change(forest.drawn((below, above, "same_work"), by))

        def on_product() -> None:
            [family] = self.workspace.content.merge(self.name(one), self.name(other), reason=by).families
            assert family.items >= 2

        self.both(on_model, on_product)

    @rule()
    def undo(self) -> None:
        # Other tests' commands on the same database are not this one's to take back.
        if not self.forest.done:
            return
        then = self.before[-1] if self.before else None
        undone = len(self.forest.done)
        self.both(Forest.undo, self.workspace.content.undo)
        if len(self.forest.done) < undone and then is not None:
            assert self.look() == then
            self.before.pop()

    @precondition(lambda self: self.forest.done)
    @rule(data=st.data())
    def undo_what_touched_an_edge(self, data: st.DataObject) -> None:
        touched = sorted({key for before in self.forest.done for key in before})
        key = data.draw(st.sampled_from(touched)) if data.draw(st.integers(0, 3)) else self.known(data)
        undone = len(self.forest.done)
        self.both(lambda forest: forest.undo(key), lambda: self.workspace.content.undo(self.ids[key]))
        if len(self.forest.done) < undone:
            self.before.clear()  # one from the middle: no earlier picture is right any more

    # ── What is always so ───────────────────────────────────────────────────────────────────────────────────────────

    @invariant()
    def edges_are_those_of_the_model(self) -> None:
        found = {
            (child, parent, relation): (edge_id, Edge(state, confidence, tuple(piece["detail"] for piece in evidence)))
            for edge_id, child, parent, relation, state, confidence, evidence in self.look()[0]
        }
        assert {key: edge for key, (_, edge) in found.items()} == self.forest.edges
        self.ids = {key: str(edge_id) for key, (edge_id, _) in found.items()}

    @invariant()
    def families_are_those_of_the_model(self) -> None:
        expected = self.forest.families()
        labels = {}
        with in_tenant(self.connection, self.workspace.tenant.id):
            for native_id, label in self.connection.execute(
                "SELECT native_id, engagerr_label(id)::text FROM content_items WHERE native_id LIKE %s",
                [f"{self.prefix}%"],
            ):
                labels[label] = native_id.removeprefix(self.prefix)
        nodes = {
            item: (family, [labels[label] for label in path.split(".")], tuple(hangs))
            for item, family, path, *hangs in self.look()[1]
        }
        assert {item: path for item, (_, path, _) in nodes.items()} == expected
        assert all(family == path[0] for family, path, _ in nodes.values())
        for item, (_, _, hangs) in nodes.items():
            key = self.forest.held(item)
            edge = self.forest.edges[key] if key else None
            told = (key[2], edge.state, edge.confidence) if key and edge else (None, None, None)
            assert hangs == told

    def look(self) -> tuple[list[Any], list[Any]]:
        """Every edge and every node of this run, as the database holds them."""
        with in_tenant(self.connection, self.workspace.tenant.id):
            edges = self.connection.execute(
                """SELECT edge.id, substr(child.native_id, %(own)s), substr(parent.native_id, %(own)s), edge.relation,
                          edge.state, edge.confidence, edge.evidence
                   FROM content_edges AS edge JOIN content_items AS child ON child.id = edge.child_id
                   JOIN content_items AS parent ON parent.id = edge.parent_id
                   WHERE child.native_id LIKE %(mine)s ORDER BY edge.id""",
                {"own": len(self.prefix) + 1, "mine": f"{self.prefix}%"},
            ).fetchall()
            nodes = self.connection.execute(
                """SELECT substr(node.native_id, %(own)s), substr(root.native_id, %(own)s), node.path::text,
                          node.relation, node.edge_state, node.confidence
                   FROM content_nodes AS node JOIN content_items AS root ON root.id = node.family_id
                   WHERE node.native_id LIKE %(mine)s ORDER BY node.item_id""",
                {"own": len(self.prefix) + 1, "mine": f"{self.prefix}%"},
            ).fetchall()
        return edges, nodes


def test_families_follow_any_sequence_of_commands_and_undo_is_exact(
    workspace: Workspace, owner_connection: Connection
) -> None:
    Deciding.workspace, Deciding.connection = workspace, owner_connection
    run_state_machine_as_test(
        Deciding,
        settings=settings(
            max_examples=10, stateful_step_count=30, suppress_health_check=list(HealthCheck), deadline=None
        ),
    )
    assert workspace.verify_audit().intact


# ── Two people at once ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def three_at_once(workspace: Workspace, settings: Settings) -> Iterator[list[Workspace]]:
    """The workspace, opened three times over: each with connections of its own."""
    token = workspace.members.issue_token(name="at once").token
    with contextlib.ExitStack() as open_ones:
        yield [open_ones.enter_context(Engagerr(settings)).workspace(token) for _ in range(3)]


def at_once(*commands: Callable[[], object]) -> list[BaseException | None]:
    """Run the commands in threads that begin together; what each raised."""
    together = threading.Barrier(len(commands))
    ends: list[BaseException | None] = [TimeoutError("it never ended")] * len(commands)

    def run(place: int) -> None:
        together.wait(10)
        try:
            commands[place]()
        except Exception as error:  # noqa: BLE001 - to be shown by the thread that asserts
            ends[place] = error
        else:
            ends[place] = None

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(commands))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return ends


def meadow(workspace: Workspace, connection: Connection, *pairs: str, state: str = "suggested") -> dict[str, str]:
    """New items by letter, and edges between them as {child + parent: edge id}."""
    tenant = workspace.tenant.id
    with in_tenant(connection, tenant):
        account = an_account(connection, tenant)["id"]
        prefix = f"m{number()}"
        items = {
            name: an_item(connection, tenant, account_id=account, native_id=prefix + name)["id"]
            for name in sorted(set("".join(pairs)))
        }
        edges = {
            pair: str(an_edge(connection, tenant, items[pair[0]], items[pair[1]], state=state)["id"]) for pair in pairs
        }
    return edges | {name: f"youtube:{prefix}{name}" for name in items}


@pytest.mark.parametrize("circle", [("ab", "ba"), ("ab", "bc", "ca")])
def test_of_edges_that_would_close_a_circle_one_is_refused_however_close_they_come(
    three_at_once: list[Workspace], owner_connection: Connection, circle: tuple[str, ...]
) -> None:
    one = three_at_once[0]
    for _ in range(4):
        ids = meadow(one, owner_connection, *circle)
        ends = at_once(
            *(partial(work.content.confirm, ids[pair]) for work, pair in zip(three_at_once, circle, strict=False))
        )
        assert [type(end) for end in ends if end is not None] == [Circle], ends
        with in_tenant(owner_connection, one.tenant.id):
            left = owner_connection.execute(
                "SELECT count(*) FROM content_edges WHERE id = ANY (%s::uuid[]) AND state = 'confirmed'",
                [[ids[pair] for pair in circle]],
            ).fetchone()
        assert left == (len(circle) - 1,)
        root = one.content.tree(ids["a"])
        assert 1 + len(list(below(root))) == len(circle)


def test_two_who_move_each_others_item_leave_no_circle(
    three_at_once: list[Workspace], owner_connection: Connection
) -> None:
    """a and b hang on r; one moves a under b while the other moves b under a."""
    one, other, _ = three_at_once
    for _ in range(4):
        ids = meadow(one, owner_connection, "ar", "br", state="confirmed")
        ends = at_once(partial(one.content.move, ids["a"], ids["b"]), partial(other.content.move, ids["b"], ids["a"]))
        assert [type(end) for end in ends if end is not None] == [Circle], ends
        root = one.content.tree(ids["r"])
        assert f"youtube:{root.native_id}" == ids["r"]
        assert sorted(node.depth for node in below(root)) == [2, 3]


def test_of_two_parents_at_once_one_is_refused(three_at_once: list[Workspace], owner_connection: Connection) -> None:
    one, other, _ = three_at_once
    for _ in range(4):
        ids = meadow(one, owner_connection, "ab", "ac")
        ends = at_once(partial(one.content.confirm, ids["ab"]), partial(other.content.confirm, ids["ac"]))
        assert [type(end) for end in ends if end is not None] == [SecondParent], ends


def below(node: Any) -> Iterator[Any]:
    for child in node.children:
        yield child
        yield from below(child)
