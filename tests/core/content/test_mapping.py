"""Families found by what is alike: the same again, in any order, and in keeping with what people decided."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from engagerr import Workspace
from engagerr.core.content import EdgeRow
from tests.fakes.cluster import Connection
from tests.lines import Line, an_item, bring, contents

WHEN = datetime(2026, 1, 5, 6, tzinfo=UTC)
GUESTS = (
    ("Maren Aldous", "rewilding the Danube delta"), ("Teo Vasquez", "bicycle couriers and cargo"),
    ("Ines Haldorsen", "glacier caves at midnight"), ("Kwame Osei-Bonsu", "cocoa without middlemen"),
    ("Priya Raghunathan", "sleep in shift workers"), ("Lukas Brandt", "forging kitchen knives"),
    ("Noor El-Amin", "mapping informal bus lines"), ("Sofia Petrakis", "the economics of olive oil"),
)  # fmt: skip


def episode(number: int, platform: str, **fields: Any) -> Line:
    """One rendition of an episode of the show."""
    guest, topic = GUESTS[number]
    days = {"podcast": 0, "youtube": 1, "spotify": 0}[platform]
    told: Line = {
        "kind": "long_video" if platform == "youtube" else "episode",
        "title": {
            "podcast": f"#{number + 41}: {guest} on {topic}", "youtube": f"{guest}: {topic} | Ann Lee Show",
            "spotify": f"{number + 41}. {guest} on {topic}",
        }[platform],
        "body": f"{guest} talks with Ann about {topic}.",
        "published_at": (WHEN + timedelta(days=7 * number + days)).isoformat(),
        "duration_seconds": 3000 + 137 * number + len(platform),
    }  # fmt: skip
    return an_item(f"{platform}:{native(number, platform)}", **told | fields)


def native(number: int, platform: str) -> str:
    return f"vid{number:08}" if platform == "youtube" else f"{platform}-{number}"


def clip(number: int, take: int = 1, **fields: Any) -> Line:
    """A short that is cut from an episode."""
    guest, topic = GUESTS[number]
    told: Line = {
        "kind": "short_video", "title": f"{guest} on {topic}" if take == 1 else f"Why {topic} matters, {guest}",
        "published_at": (WHEN + timedelta(days=7 * number + 1 + take)).isoformat(), "duration_seconds": 31 + take,
    }  # fmt: skip
    return an_item(f"tiktok:74{number:02}{take}", **told | fields)


def the_show() -> list[Line]:
    """Thirty items: eight episodes on three platforms, and six clips."""
    episodes = [episode(number, platform) for number in range(8) for platform in ("podcast", "youtube", "spotify")]
    return [*episodes, *(clip(number) for number in range(6))]


def drawn(workspace: Workspace) -> set[tuple[str, str, str, str]]:
    return {named(edge) for edge in workspace.content.edges()}


def named(edge: EdgeRow) -> tuple[str, str, str, str]:
    return (
        f"{edge.child.platform}:{edge.child.native_id}", edge.relation,
        f"{edge.parent.platform}:{edge.parent.native_id}", edge.state,
    )  # fmt: skip


def one(workspace: Workspace, child: str) -> EdgeRow:
    """The only edge that hangs this item somewhere."""
    [edge] = [edge for edge in workspace.content.edges() if named(edge)[0] == child and edge.state != "rejected"]
    return edge


def test_probe(workspace: Workspace, tmp_path: Path, superuser_connection: Connection) -> None:
    bring(workspace, tmp_path, *the_show())
    for edge in workspace.content.edges():
        print(named(edge), edge.confidence)
    before = contents(superuser_connection)
    for _ in range(2):
        print(workspace.content.suggest().stats)
    print(bring(workspace, tmp_path, *the_show()).edges_new)
    assert contents(superuser_connection, ["content_edges"])["content_edges"] == before["content_edges"]
