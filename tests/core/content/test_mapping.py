"""Families found by what is alike: the same again, in any order, and in keeping with what people decided."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from engagerr import Engagerr, Settings, Workspace
from engagerr.core.content import EdgeRow
from engagerr.core.content.suggest import read_shows, suggest_edges
from engagerr.core.errors import Forbidden
from engagerr.core.tenancy import Permission
from tests.factories import colleague
from tests.fakes.cluster import Connection
from tests.lines import Line, an_edge, an_item, bring, contents

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


def between(workspace: Workspace, child: str, parent: str) -> EdgeRow:
    """The only edge between these two."""
    [edge] = [edge for edge in workspace.content.edges() if {named(edge)[0], named(edge)[2]} == {child, parent}]
    return edge


def hanging(workspace: Workspace) -> dict[str, str]:
    """{child: parent} of what stands."""
    return {child: parent for child, _, parent, state in drawn(workspace) if state in ("confirmed", "auto_confirmed")}


def test_looking_again_and_bringing_again_writes_nothing(
    workspace: Workspace, tmp_path: Path, superuser_connection: Connection
) -> None:
    bring(workspace, tmp_path, *the_show())
    assert len(hanging(workspace)) == 22
    before = contents(superuser_connection, ["content_edges"])
    again = [workspace.content.suggest().stats for _ in range(2)]
    assert {(one.new, one.reweighed, one.withdrawn) for one in again} == {(0, 0, 0)}
    bring(workspace, tmp_path, *reversed(the_show()))
    assert contents(superuser_connection, ["content_edges"]) == before


# --- what a person rejected -----------------------------------------------------------------------------------------


def test_who_takes_a_clip_off_an_episode_takes_it_off_all_its_renditions(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, *the_show())
    workspace.content.split("tiktok:74001")
    for _ in range(2):
        workspace.content.suggest()
        assert "tiktok:74001" not in hanging(workspace)
        asked = {
            parent for child, _, parent, state in drawn(workspace) if (child, state) == ("tiktok:74001", "suggested")
        }
        assert not asked & {"podcast:podcast-0", "spotify:spotify-0", "youtube:vid00000000"}
    stats = workspace.content.suggest().stats
    assert (stats.new, stats.reweighed, stats.withdrawn) == (0, 0, 0)


def test_who_rejects_a_rendition_rejects_the_work(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, *the_show())
    workspace.content.unlink("youtube:vid00000003")
    for _ in range(2):
        workspace.content.suggest()
        hung = hanging(workspace)
        assert "youtube:vid00000003" not in hung
        assert hung["spotify:spotify-3"] == "podcast:podcast-3"
        assert "youtube:vid00000003" not in hung.values() or hung["tiktok:74031"] == "youtube:vid00000003"
    stats = workspace.content.suggest().stats
    assert (stats.new, stats.reweighed, stats.withdrawn) == (0, 0, 0)


def test_a_rendition_that_arrives_later_does_not_bring_back_what_was_rejected(
    workspace: Workspace, tmp_path: Path
) -> None:
    late = episode(0, "podcast")
    bring(workspace, tmp_path, *(line for line in the_show() if line != late))
    workspace.content.reject(str(between(workspace, "tiktok:74001", "youtube:vid00000000").id))
    bring(workspace, tmp_path, late)
    assert "tiktok:74001" not in hanging(workspace)
    assert hanging(workspace)["youtube:vid00000000"] == "podcast:podcast-0"


def test_a_link_to_another_rendition_of_what_was_rejected_is_a_question(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, *the_show())
    workspace.content.reject(str(between(workspace, "tiktok:74001", "youtube:vid00000000").id))
    bring(
        workspace,
        tmp_path,
        clip(0, url="https://www.tiktok.com/@ann/video/74001", body="Full episode: https://pod.example/0"),
        episode(0, "podcast", url="https://pod.example/0"),
    )
    for _ in range(2):
        edge = between(workspace, "tiktok:74001", "podcast:podcast-0")
        assert (edge.relation, edge.state) == ("clip_of", "suggested")
        assert "rejected_before" in {piece.kind for piece in edge.evidence}
        assert workspace.content.suggest().stats.new == 0
    workspace.content.reject(str(edge.id))
    assert workspace.content.suggest().stats.new == 0


def test_a_rejected_edge_is_asked_once_again_when_a_link_speaks_for_it(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, *the_show())
    workspace.content.reject(str(between(workspace, "tiktok:74001", "youtube:vid00000000").id))
    workspace.content.suggest()
    bring(workspace, tmp_path, clip(0, body="Full episode: https://youtu.be/vid00000000"))
    edge = between(workspace, "tiktok:74001", "youtube:vid00000000")
    assert (edge.relation, edge.state) == ("clip_of", "suggested")
    assert "rejected_before" in {piece.kind for piece in edge.evidence}
    workspace.content.reject(str(edge.id))
    bring(workspace, tmp_path, clip(0, body="Full episode, really: https://youtu.be/vid00000000"))
    assert workspace.content.suggest().stats.new == 0
    assert "tiktok:74001" not in hanging(workspace)


def test_when_a_rejection_is_taken_back_the_machine_may_claim_again(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, *the_show())
    before = drawn(workspace)
    workspace.content.reject(str(between(workspace, "tiktok:74001", "youtube:vid00000000").id))
    workspace.content.suggest()
    workspace.content.undo()
    workspace.content.suggest()
    assert drawn(workspace) == before
    bring(workspace, tmp_path, clip(0, title="Making bread", published_at="2024-01-01T00:00:00Z"))
    assert "tiktok:74001" not in hanging(workspace)


# --- what a person said ---------------------------------------------------------------------------------------------


def test_what_a_person_confirmed_stands_whatever_is_found_later(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, *the_show())
    workspace.content.move("tiktok:74001", "youtube:vid00000005")
    bring(workspace, tmp_path, clip(0, body="Full episode: https://youtu.be/vid00000000"), clip(0, 2))
    workspace.content.suggest()
    assert hanging(workspace)["tiktok:74001"] == "youtube:vid00000005"
    assert hanging(workspace)["tiktok:74002"] == "youtube:vid00000000"


def test_a_rendition_that_a_person_hung_on_another_stays_in_the_family(workspace: Workspace, tmp_path: Path) -> None:
    lines = the_show()
    bring(workspace, tmp_path, *(line for line in lines if line["platform"] != "podcast"))
    workspace.content.unlink("spotify:spotify-2")
    workspace.content.link("youtube:vid00000002", "spotify:spotify-2", relation="same_work")
    bring(workspace, tmp_path, *lines)
    for _ in range(2):
        workspace.content.suggest()
        members = {node.native_id for node in flat(workspace.content.tree("youtube:vid00000002"))}
        assert {"vid00000002", "spotify-2", "podcast-2", "74021"} == members
        assert hanging(workspace)["youtube:vid00000002"] == "spotify:spotify-2"


def flat(node: Any) -> list[Any]:
    return [node, *(below for child in node.children for below in flat(child))]


@pytest.mark.parametrize("item", ["spotify:spotify-2", "tiktok:74021"])
def test_a_move_within_a_family_leaves_the_family_whole(workspace: Workspace, tmp_path: Path, item: str) -> None:
    bring(workspace, tmp_path, *the_show())
    other = "youtube:vid00000002" if item.startswith("spotify") else "podcast:podcast-2"
    workspace.content.move(item, other)
    before = drawn(workspace)
    for _ in range(2):
        workspace.content.suggest()
        assert drawn(workspace) == before
    assert len(flat(workspace.content.tree(item))) == 4


def test_a_move_to_another_family_takes_the_item_out_of_the_old_one(workspace: Workspace, tmp_path: Path) -> None:
    archived = episode(2, "spotify", title="From the archive", body="")
    bring(workspace, tmp_path, *the_show()[:8], *the_show()[9:], archived)
    if "spotify:spotify-2" not in hanging(workspace):
        workspace.content.link("spotify:spotify-2", "podcast:podcast-2", relation="same_work")
    workspace.content.move("spotify:spotify-2", "youtube:vid00000007")
    for _ in range(2):
        workspace.content.suggest()
        assert {node.native_id for node in flat(workspace.content.tree("podcast:podcast-2"))} == {
            "podcast-2", "vid00000002", "74021"
        }  # fmt: skip
        assert hanging(workspace)["spotify:spotify-2"] == "youtube:vid00000007"
        assert hanging(workspace)["youtube:vid00000007"] == "podcast:podcast-7"


def test_what_a_file_states_stands(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, *the_show(), an_edge("tiktok:74001", "spotify:spotify-0"))
    workspace.content.suggest()
    assert hanging(workspace)["tiktok:74001"] == "spotify:spotify-0"
    assert [state for child, _, _, state in drawn(workspace) if child == "tiktok:74001"] == ["confirmed"]


# --- what no longer holds -------------------------------------------------------------------------------------------


def test_a_corrected_title_takes_the_old_edge_away(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, *the_show())
    guest, topic = GUESTS[7]
    bring(
        workspace, tmp_path, clip(0, title=f"{guest} on {topic}", published_at=(WHEN + timedelta(days=51)).isoformat())
    )
    assert hanging(workspace)["tiktok:74001"] == "youtube:vid00000007"
    assert len([edge for edge in drawn(workspace) if edge[0] == "tiktok:74001"]) == 1


def test_a_link_that_is_gone_takes_its_edge_along_unless_a_person_decided(workspace: Workspace, tmp_path: Path) -> None:
    posts = [an_item(f"x:{number}", kind="post", body="https://youtu.be/vid00000000") for number in (1, 2)]
    bring(workspace, tmp_path, *the_show(), *posts)
    workspace.content.confirm(str(between(workspace, "x:2", "youtube:vid00000000").id))
    bring(workspace, tmp_path, *({**post, "body": "Good morning."} for post in posts))
    workspace.content.suggest()
    assert "x:1" not in hanging(workspace)
    assert hanging(workspace)["x:2"] == "youtube:vid00000000"


def test_an_edge_between_two_creators_goes_with_its_link_and_not_before(workspace: Workspace, tmp_path: Path) -> None:
    post = an_item("x:1", creator="Bo", kind="post", body="https://youtu.be/vid00000000")
    bring(workspace, tmp_path, *the_show(), post)
    for creator in ("Ann Lee", "Bo", None):
        workspace.content.suggest(creator=creator)
        assert hanging(workspace)["x:1"] == "youtube:vid00000000"
    bring(workspace, tmp_path, {**post, "body": "Good morning."})
    assert "x:1" not in hanging(workspace)


def test_an_account_that_gets_a_creator_is_compared_with_theirs(workspace: Workspace, tmp_path: Path) -> None:
    lines = the_show()
    for line in lines:
        if line["platform"] == "tiktok":
            del line["creator"]
    bring(workspace, tmp_path, *lines)
    assert not any(child.startswith("tiktok") for child in hanging(workspace))
    workspace.roster.add_account("Ann Lee", "tiktok:@ann")
    workspace.content.suggest()
    assert hanging(workspace)["tiktok:74001"] == "youtube:vid00000000"


def test_an_edge_goes_with_a_link_that_its_parent_had(workspace: Workspace, tmp_path: Path) -> None:
    short = an_item("tiktok:7412345678901234567", kind="short_video")
    address = "https://www.tiktok.com/@ann/video/7412345678901234567"
    film = an_item("youtube:film0000001", creator="Bo", kind="long_video", body=address)
    bring(workspace, tmp_path, short, film)
    assert drawn(workspace) == {("tiktok:7412345678901234567", "clip_of", "youtube:film0000001", "suggested")}
    bring(workspace, tmp_path, {**film, "body": "On tour in May."})
    assert drawn(workspace) == set()


def test_of_a_large_show_what_landed_finds_its_place_and_leaves_the_rest(
    workspace: Workspace, tmp_path: Path, engagerr: Engagerr
) -> None:
    lines = the_show()
    bring(workspace, tmp_path, *lines)
    before = drawn(workspace)
    ids = {f"{item.platform}:{item.native_id}": item.id for item in workspace.content.list(limit=100)}
    access = workspace.content._access
    with access.transaction(Permission.DECIDE_CONTENT) as session:
        shows = read_shows(session)
        for focus in ({ids["tiktok:74001"]}, {ids["youtube:vid00000003"], ids["spotify:spotify-7"]}, set()):
            stats = suggest_edges(session, tenant_id=access.tenant.id, shows=shows, focus=focus)
            assert (stats.new, stats.withdrawn) == (0, 0)
    assert {edge[:4] for edge in drawn(workspace)} == before


# --- who may, and several at once -----------------------------------------------------------------------------------


def test_a_viewer_may_look_and_not_suggest(workspace: Workspace, engagerr: Engagerr, tmp_path: Path) -> None:
    bring(workspace, tmp_path, *the_show())
    viewer = colleague(workspace, engagerr, "viewer")
    assert len(viewer.content.edges()) == 22
    with pytest.raises(Forbidden):
        viewer.content.suggest()


def test_an_import_and_two_looks_at_once_end_as_one_after_the_other_would(
    workspace: Workspace, settings: Settings, tmp_path: Path
) -> None:
    lines = the_show()
    bring(workspace, tmp_path, *lines[:20])
    token = workspace.members.issue_token(name="a job").token
    start = threading.Barrier(3)

    def run(step: Callable[[Workspace], object]) -> None:
        with Engagerr(settings) as another:
            own = another.workspace(token)
            start.wait()
            step(own)

    def more(own: Workspace) -> None:
        bring(own, tmp_path, *lines[20:])

    with ThreadPoolExecutor(3) as threads:
        for done in [threads.submit(run, step) for step in (more, _look, _look)]:
            done.result()
    arrived = drawn(workspace)
    stats = workspace.content.suggest().stats
    assert (stats.new, stats.reweighed, stats.withdrawn) == (0, 0, 0)
    assert len(arrived) == 22


def _look(own: Workspace) -> None:
    for _ in range(3):
        own.content.suggest()


# --- questions ------------------------------------------------------------------------------------------------------


def test_nothing_is_asked_within_a_family(workspace: Workspace, tmp_path: Path) -> None:
    link = "Listen: https://pod.example/0 Watch: https://youtu.be/vid00000000"
    bring(workspace, tmp_path, *the_show(), episode(0, "podcast", url="https://pod.example/0"), clip(0, body=link))
    assert [edge for edge in drawn(workspace) if edge[3] == "suggested"] == []
    assert hanging(workspace)["tiktok:74001"] in {"youtube:vid00000000", "podcast:podcast-0"}


# --- the order of arrival -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_arrival_does_not_change_the_families(workspace: Workspace, tmp_path: Path, seed: int) -> None:
    order = random.Random(seed)
    lines = the_show()
    order.shuffle(lines)
    files = 1 + seed * 3
    for part in range(files):
        bring(workspace, tmp_path, *lines[part::files])
    arrived = drawn(workspace)
    workspace.content.suggest()
    assert drawn(workspace) == arrived
    assert len(arrived) == 22
    assert {parent for child, parent in hanging(workspace).items() if child.startswith("youtube")} == {
        f"podcast:podcast-{number}" for number in range(8)
    }


def test_an_import_looks_at_kinds_that_nobody_knows(workspace: Workspace, tmp_path: Path) -> None:
    talk = an_item(
        "youtube:talk", kind="webinar", title="Keeping tide mills alive with Ines Roth", duration_seconds=3000
    )
    part = an_item("youtube:part", kind="webinar", title="Clip: Ines Roth on tide mills")
    others = [an_item(f"youtube:{n}", kind="webinar", title=f"Webinar of {word}") for n, word in enumerate("abcdefgh")]
    bring(workspace, tmp_path, talk, part, *others)
    found = {(edge.child.native_id, edge.parent.native_id) for edge in workspace.content.edges()}
    assert ("part", "talk") in found
    assert workspace.content.suggest().stats.new == 0
