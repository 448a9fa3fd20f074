"""Whatever arrives, in whatever order, and whatever people decide in between: what the machine draws keeps its word."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from engagerr import Engagerr, Workspace
from engagerr.core.content import EdgeRow
from engagerr.core.errors import EngagerrError
from hypothesis import given, note, settings
from hypothesis import strategies as st
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import SUPERUSER, Cluster, Connection
from tests.lines import Line, an_item, bring, contents

WHEN = datetime(2026, 1, 5, 6, tzinfo=UTC)
STANDING = ("confirmed", "auto_confirmed")
WORDS = ("Aldous", "Vasquez", "glacier", "cocoa", "sleep", "knives", "buses", "olive", "tides", "looms")
PLATFORMS = ("podcast", "youtube", "spotify", "tiktok", "x")
KINDS = {"podcast": "episode", "youtube": "long_video", "spotify": "episode", "tiktok": "short_video", "x": "post"}


@st.composite
def items(draw: st.DrawFn) -> list[Line]:
    """Items of one or two creators that are alike more or less, with links to one another here and there."""
    found: list[Line] = []
    for number in range(draw(st.integers(6, 16))):
        platform = draw(st.sampled_from(PLATFORMS))
        names = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=3, unique=True))
        day = draw(st.integers(0, 30))
        fields: Line = {
            "title": " ".join(names), "kind": KINDS[platform],
            "creator": draw(st.sampled_from(("Ann Lee", "Ann Lee", "Ann Lee", "Bo"))),
            "published_at": (WHEN + timedelta(days=day)).isoformat(),
            "duration_seconds": draw(st.sampled_from((40, 3000, 3100) if platform != "podcast" else (3000, 3100))),
        }  # fmt: skip
        native_id = f"video{number:06}" if platform == "youtube" else f"{platform}{number}"
        if platform == "podcast":
            fields["url"] = f"https://pod.example/{number}"
        found.append(an_item(f"{platform}:{native_id}", **fields))
    for line in found:
        targets = [_address(other) for other in found if other is not line and _address(other)]
        if targets and draw(st.integers(0, 3)) == 0:
            links = draw(st.lists(st.sampled_from(targets), max_size=2))
            line["body"] = draw(st.sampled_from(("", "Full episode: "))) + " ".join(links)
    return found


def _address(line: Line) -> str | None:
    return f"https://youtu.be/{line['native_id']}" if line["platform"] == "youtube" else line.get("url")


@contextmanager
def a_workspace(cluster: Cluster) -> Iterator[tuple[Workspace, Connection, Path]]:
    with tempfile.TemporaryDirectory() as folder, cluster.clone() as clone:
        home = Path(folder)
        with (
            Engagerr(clone.settings(home / "home"), clock=SteeredClock()) as engagerr,
            clone.connect(SUPERUSER, autocommit=True) as superuser,
        ):
            yield engagerr.init("Northlight", email="ann@northlight.example"), superuser, home


def name(edge: EdgeRow) -> tuple[str, str]:
    return f"{edge.child.platform}:{edge.child.native_id}", f"{edge.parent.platform}:{edge.parent.native_id}"


def drawn(workspace: Workspace) -> set[tuple[Any, ...]]:
    return {(*name(edge), edge.relation, edge.state, edge.confidence) for edge in workspace.content.edges()}


@settings(max_examples=5)
@given(items(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_change_what_is_found(
    cluster: Cluster, lines: list[Line], order: random.Random
) -> None:
    found = []
    for files in (1, 3):
        shuffled = list(lines)
        order.shuffle(shuffled)
        with a_workspace(cluster) as (workspace, _, folder):
            for part in range(files):
                if shuffled[part::files]:
                    bring(workspace, folder, *shuffled[part::files])
            arrived = drawn(workspace)
            workspace.content.suggest()
            found += [arrived, drawn(workspace)]
    assert found[0] == found[1] == found[2] == found[3]


@settings(max_examples=5)
@given(items(), st.data())
def test_what_people_decide_holds_and_looking_again_changes_nothing(
    cluster: Cluster, lines: list[Line], data: st.DataObject
) -> None:
    with a_workspace(cluster) as (workspace, superuser, folder):
        half = len(lines) // 2
        for part in (lines[:half], lines[half:], []):
            if part:
                bring(workspace, folder, *part)
            for _ in range(data.draw(st.integers(0, 3))):
                _decide(workspace, data)
            decided = _decided(workspace, superuser)
            workspace.content.suggest()
            _keeps_its_word(workspace, decided)
            before = contents(superuser, ["content_edges", "content_nodes"])
            stats = workspace.content.suggest().stats
            assert (stats.new, stats.reweighed, stats.withdrawn) == (0, 0, 0)
            assert contents(superuser, ["content_edges", "content_nodes"]) == before


def _decide(workspace: Workspace, data: st.DataObject) -> None:
    edges = workspace.content.edges()
    if not edges:
        return
    verb = data.draw(st.sampled_from(("confirm", "reject", "split", "move", "undo")))
    edge = data.draw(st.sampled_from(edges))
    note(f"{verb} {name(edge)} {edge.relation} {edge.state}")
    with suppress(EngagerrError):
        if verb in ("confirm", "reject"):
            getattr(workspace.content, verb)(str(edge.id))
        elif verb == "split":
            workspace.content.split(name(edge)[0])
        elif verb == "move":
            workspace.content.move(name(edge)[0], name(data.draw(st.sampled_from(edges)))[1])
        else:
            workspace.content.undo()


def _decided(workspace: Workspace, superuser: Connection) -> dict[tuple[str, str, str], str]:
    """{(child, parent, relation): state} of what people have the last word on."""
    settled = {
        row[0]
        for row in superuser.execute(
            "SELECT edge_id FROM content_decisions GROUP BY 1"
            " HAVING count(*) FILTER (WHERE undoes IS NULL) > count(*) FILTER (WHERE undoes IS NOT NULL)"
        )
    }
    return {(*name(edge), edge.relation): edge.state for edge in workspace.content.edges() if edge.id in settled}


def _keeps_its_word(workspace: Workspace, decided: dict[tuple[str, str, str], str]) -> None:
    edges = workspace.content.edges()
    now = {(*name(edge), edge.relation): edge for edge in edges}
    for key, state in decided.items():
        # What was rejected is at most asked again, and then says so.
        again = state == "rejected" and "rejected_before" in {piece.kind for piece in now[key].evidence}
        assert now[key].state == state or (again and now[key].state == "suggested")
    for edge in edges:
        if (*name(edge), edge.relation) not in decided:
            assert abs(sum(piece.weight for piece in edge.evidence) - float(edge.confidence)) < 1e-6
            assert edge.state != "rejected"
    works = _works(edges)
    rejected = {
        frozenset({works(child), works(parent)}) for (child, parent, _), state in decided.items() if state == "rejected"
    }
    for edge in edges:
        child, parent = name(edge)
        if (child, parent, edge.relation) in decided or works(child) == works(parent):
            continue
        if edge.state == "auto_confirmed":
            assert frozenset({works(child), works(parent)}) not in rejected


def _works(edges: tuple[EdgeRow, ...]) -> Any:
    above = {name(edge)[0]: name(edge)[1] for edge in edges if edge.relation == "same_work" and edge.state in STANDING}

    def work(item: str) -> str:
        while item in above:
            item = above[item]
        return item

    return work
