"""Suggestions: which links become edges, what is drawn at once and what is asked, and what is never asked again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from engagerr import Workspace
from engagerr.core.content import EdgeRow
from tests.fakes.cluster import Connection
from tests.lines import an_edge, an_item, bring, contents

LONG, OTHER, THIRD = "aaaaaaaaaaa", "bbbbbbbbbbb", "ccccccccccc"


def link(video: str) -> str:
    return f"https://youtu.be/{video}"


def long_video(video: str = LONG, **fields: Any) -> dict[str, Any]:
    return an_item(f"youtube:{video}", kind="long_video", **fields)


def short(native_id: str = "1", **fields: Any) -> dict[str, Any]:
    return an_item(f"tiktok:{native_id}", kind="short_video", **fields)


def named(edge: EdgeRow) -> tuple[str, str, str, str]:
    return (
        f"{edge.child.platform}:{edge.child.native_id}", edge.relation,
        f"{edge.parent.platform}:{edge.parent.native_id}", edge.state,
    )  # fmt: skip


def edges(workspace: Workspace) -> list[tuple[str, str, str, str]]:
    return [named(edge) for edge in workspace.content.edges()]


CASES: dict[str, tuple[list[dict[str, Any]], tuple[str, str, str, str], str]] = {
    "a clip's own video id": (
        [an_item("twitch:Clip", kind="clip", hints={"video_id": "2345678901", "vod_offset": 61}),
         an_item("twitch:2345678901", kind="live")],
        ("twitch:Clip", "clip_of", "twitch:2345678901", "auto_confirmed"), "platform_hint",
    ),
    "an alternate enclosure": (
        [an_item("podcast:guid", kind="episode", hints={"alternate_enclosures": [{"url": link(LONG)}]}), long_video()],
        (f"youtube:{LONG}", "same_work", "podcast:guid", "auto_confirmed"), "alternate_enclosure",
    ),
    "a canonical url": (
        [an_item("podcast:guid", kind="episode", url=f"https://www.youtube.com/watch?v={LONG}"), long_video()],
        (f"youtube:{LONG}", "same_work", "podcast:guid", "auto_confirmed"), "canonical_url",
    ),
    "a short with a link": (
        [short(body=f"More: {link(LONG)}"), long_video()],
        ("tiktok:1", "clip_of", f"youtube:{LONG}", "suggested"), "link",
    ),
    "a short with a link and words": (
        [short(body=f"Full episode: {link(LONG)}", duration_seconds=30), long_video(duration_seconds=3000)],
        ("tiktok:1", "clip_of", f"youtube:{LONG}", "auto_confirmed"), "wording",
    ),
    "a post with a link": (
        [an_item("x:1", kind="post", body=f"New! {link(LONG)}"), long_video()],
        ("x:1", "promotes", f"youtube:{LONG}", "auto_confirmed"), "link",
    ),
    "a link in the links of a long video": (
        [long_video(links=["https://www.tiktok.com/@ann/video/7412345678901234567"]), short("7412345678901234567")],
        ("tiktok:7412345678901234567", "clip_of", f"youtube:{LONG}", "suggested"), "link",
    ),
    "twins of one length and day": (
        [an_item("podcast:guid", kind="episode", body=link(LONG), duration_seconds=3600,
                 published_at="2026-09-14T06:00:00Z"),
         long_video(duration_seconds=3590, published_at="2026-09-15T06:00:00Z")],
        (f"youtube:{LONG}", "same_work", "podcast:guid", "auto_confirmed"), "duration",
    ),
    "a page that is one item's own": (
        [an_item("podcast:guid", kind="episode", url="https://show.example/7"),
         an_item("x:1", kind="post", body="Listen: https://www.show.example/7/?utm_source=x")],
        ("x:1", "promotes", "podcast:guid", "auto_confirmed"), "link",
    ),
    "one video that mentions another": (
        [long_video(body=link(OTHER)), long_video(OTHER)],
        (f"youtube:{LONG}", "promotes", f"youtube:{OTHER}", "suggested"), "link",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", CASES)
@pytest.mark.parametrize("order", ["source first", "target first", "in one file"])
def test_evidence_becomes_an_edge_whichever_side_arrives_first(
    workspace: Workspace, tmp_path: Path, what: str, order: str
) -> None:
    lines, expected, kind = CASES[what]
    if order == "in one file":
        result = bring(workspace, tmp_path, *lines)
        assert result.edges_new == 1
    else:
        for line in lines if order == "source first" else reversed(lines):
            result = bring(workspace, tmp_path, line)
        assert result.edges_new == 1
    [edge] = workspace.content.edges()
    assert named(edge) == expected
    assert kind in {piece.kind for piece in edge.evidence}
    assert float(edge.confidence) == round(sum(piece.weight for piece in edge.evidence), 3)
    hangs = len(workspace.content.tree(expected[2]).children)
    assert hangs == (1 if expected[3] == "auto_confirmed" else 0)


def test_a_page_that_several_items_call_their_own_names_none(workspace: Workspace, tmp_path: Path) -> None:
    home = "https://show.example/"
    bring(
        workspace, tmp_path,
        an_item("podcast:1", kind="episode", url=home), an_item("podcast:2", kind="episode", url=home),
        an_item("x:1", kind="post", body=home), long_video(body=home),
    )  # fmt: skip
    assert edges(workspace) == []
    assert workspace.content.suggest().stats.linked_pairs == 0


def test_a_link_to_what_nobody_knows_waits(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, an_item("x:1", kind="post", body=link(LONG)))
    assert workspace.content.suggest().edges == ()
    bring(workspace, tmp_path, long_video(OTHER))
    assert edges(workspace) == []
    bring(workspace, tmp_path, long_video())
    assert edges(workspace) == [("x:1", "promotes", f"youtube:{LONG}", "auto_confirmed")]


def test_a_link_that_a_newer_text_brings_is_looked_at(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, short(), long_video())
    assert edges(workspace) == []
    result = bring(workspace, tmp_path, short(body=f"full video {link(LONG)}", duration_seconds=20))
    assert (result.items_updated, result.edges_new) == (1, 1)


def test_suggesting_again_and_again_changes_nothing(
    workspace: Workspace, tmp_path: Path, superuser_connection: Connection
) -> None:
    for lines, _, _ in CASES.values():
        bring(workspace, tmp_path, *({**line, "title": str(line)} for line in lines))
    first = workspace.content.suggest()
    before = contents(superuser_connection)
    for _ in range(2):
        again = workspace.content.suggest()
        assert again.edges == first.edges
        assert (again.stats.new, again.stats.auto_confirmed, again.stats.reweighed) == (0, 0, 0)
        assert again.stats.linked_pairs > 0
    assert contents(superuser_connection) == before


def test_better_evidence_strengthens_an_open_question(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, short(body=link(LONG)), long_video())
    bring(workspace, tmp_path, short(body=f"Full episode {link(LONG)}"))
    [edge] = workspace.content.edges()
    assert (float(edge.confidence), edge.state) == (0.92, "suggested")
    assert [piece.kind for piece in edge.evidence] == ["link", "wording"]


def test_a_child_with_a_parent_is_asked_about_and_not_moved(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, an_item("x:1", kind="post"), long_video(OTHER), long_video())
    workspace.content.link("x:1", f"youtube:{OTHER}", relation="promotes")
    result = bring(workspace, tmp_path, an_item("x:1", body=link(LONG)))
    assert result.edges_new == 1
    assert sorted(edges(workspace)) == [
        ("x:1", "promotes", f"youtube:{LONG}", "suggested"), ("x:1", "promotes", f"youtube:{OTHER}", "confirmed"),
    ]  # fmt: skip
    [child] = workspace.content.tree(f"youtube:{OTHER}").children
    assert child.native_id == "1"


def test_of_two_sure_claims_to_one_child_one_is_drawn_and_one_is_asked(workspace: Workspace, tmp_path: Path) -> None:
    bring(
        workspace, tmp_path,
        long_video(), an_item("podcast:a", kind="episode", hints={"alternate_enclosures": [link(LONG)]}),
        an_item("podcast:b", kind="episode", url=f"https://www.youtube.com/watch?v={LONG}"),
    )  # fmt: skip
    assert edges(workspace) == [
        (f"youtube:{LONG}", "same_work", "podcast:a", "auto_confirmed"),
        (f"youtube:{LONG}", "same_work", "podcast:b", "suggested"),
    ]


def test_links_in_a_circle_end_in_a_tree_and_a_question(workspace: Workspace, tmp_path: Path) -> None:
    bring(
        workspace, tmp_path,
        an_item("x:1", kind="post", body="https://x.com/ann/status/2"),
        an_item("x:2", kind="post", body="https://x.com/ann/status/3"),
        an_item("x:3", kind="post", body="https://x.com/ann/status/1"),
    )  # fmt: skip
    states = sorted(edge[3] for edge in edges(workspace))
    assert states == ["auto_confirmed", "auto_confirmed", "suggested"]


# --- what was rejected ----------------------------------------------------------------------------------------------


def test_a_rejected_edge_is_not_suggested_again(workspace: Workspace, tmp_path: Path) -> None:
    lines = [short(body=f"full episode {link(LONG)}", duration_seconds=30), long_video(duration_seconds=3000)]
    bring(workspace, tmp_path, *lines)
    workspace.content.reject(str(workspace.content.edges()[0].id))
    assert workspace.content.suggest().edges == ()
    # Neither when the same items come again, nor with more to say for it.
    bring(workspace, tmp_path, *({**line, "title": "New"} for line in lines))
    bring(workspace, tmp_path, short(body=f"the full episode, the full video: {link(LONG)}", links=[link(LONG)]))
    assert workspace.content.suggest().stats.new == 0
    assert edges(workspace) == [("tiktok:1", "clip_of", f"youtube:{LONG}", "rejected")]


def test_rejected_twins_are_not_suggested_the_other_way_round(workspace: Workspace, tmp_path: Path) -> None:
    day = "2026-09-14T06:00:00Z"
    bring(
        workspace, tmp_path,
        an_item("podcast:guid", kind="episode", body=link(LONG), duration_seconds=3600, published_at=day),
        long_video(duration_seconds=3600, published_at=day), an_edge("podcast:guid", f"youtube:{LONG}", "same_work"),
    )  # fmt: skip
    assert edges(workspace) == [("podcast:guid", "same_work", f"youtube:{LONG}", "confirmed")]
    workspace.content.unlink("podcast:guid")
    workspace.content.suggest()
    bring(workspace, tmp_path, long_video(title="New"))
    assert edges(workspace) == [("podcast:guid", "same_work", f"youtube:{LONG}", "rejected")]


def test_a_pair_that_a_person_related_otherwise_is_settled(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, short(), long_video())
    workspace.content.link("tiktok:1", f"youtube:{LONG}", relation="derived_from")
    bring(workspace, tmp_path, short(body=f"full episode {link(LONG)}"))
    assert workspace.content.suggest().stats.new == 0
    assert edges(workspace) == [("tiktok:1", "derived_from", f"youtube:{LONG}", "confirmed")]


# --- scope ----------------------------------------------------------------------------------------------------------


def test_suggestions_for_a_creator_are_those_that_touch_them(workspace: Workspace, tmp_path: Path) -> None:
    bring(
        workspace, tmp_path,
        long_video(), an_item("x:1", kind="post", body=link(LONG)),
        an_item("x:2", kind="post", creator="Bo", body=link(LONG)),
        an_item(f"youtube:{OTHER}", kind="long_video", creator="Cy"),
        an_item("x:3", kind="post", creator="Cy", body=link(OTHER)),
    )  # fmt: skip
    assert len(workspace.content.suggest().edges) == 3
    assert [named(edge)[0] for edge in workspace.content.suggest(creator="Bo").edges] == ["x:2"]
    assert [named(edge)[0] for edge in workspace.content.suggest(creator="Cy").edges] == ["x:3"]
    assert len(workspace.content.edges(creator="Ann Lee")) == 2
    assert len(workspace.content.edges(state="suggested")) == 0


def test_another_tenants_items_are_never_related_to_ours(
    workspace: Workspace, other_workspace: Workspace, tmp_path: Path
) -> None:
    bring(workspace, tmp_path, an_item("x:1", kind="post", body=link(LONG)))
    bring(other_workspace, tmp_path, long_video())
    assert workspace.content.suggest().edges == other_workspace.content.suggest().edges == ()


def test_edges_come_surest_first(workspace: Workspace, tmp_path: Path) -> None:
    for lines, _, _ in CASES.values():
        bring(workspace, tmp_path, *({**line, "title": str(line)} for line in lines))
    confidences = [edge.confidence for edge in workspace.content.suggest().edges]
    assert confidences == sorted(confidences, reverse=True)
    assert len(confidences) > 5
