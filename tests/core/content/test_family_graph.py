"""A family as a graph, as files for other programs, and as a picture that can be read, trusted and repeated."""

from __future__ import annotations

import io
import json
import struct
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

import networkx
import pytest
from engagerr import Workspace
from engagerr.core.content import family_graph as family_graph_module
from engagerr.core.content.evidence import Evidence
from engagerr.core.content.family_graph import Audience, FamilyGraph, GraphEdge, GraphNode, narrowed
from engagerr.core.content.family_layout import CARD_HEIGHT, CARD_WIDTH, TAG_HEIGHT, laid_out
from engagerr.core.content.family_picture import audience_words, lines_of, name_of, to_html, to_svg
from engagerr.core.content.family_png import to_png
from engagerr.core.content.graph_files import to_graphml, to_json
from engagerr.core.errors import InvalidInput, NotFound
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lines import a_figure, an_edge, an_item, bring

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)> & \x00\x1b\u202e"
NONE = Audience(None, None, "not_imported", None, None, None, comparable=False, spans_break=False)
Shape = list[int]


def plays(value: int | None, state: str = "value") -> Audience:
    number = None if value is None else Decimal(value)
    return Audience("play_start", number, state, "play_start", "views", None, comparable=True, spans_break=False)


def an_id(number: int) -> UUID:
    return UUID(int=number + 1)


def a_node(number: int, **fields: Any) -> GraphNode:
    node = GraphNode(
        an_id(number), an_id(0), "youtube", f"v{number}", "youtube:@ann", "long_video", f"Title {number}",
        "https://youtu.be/1", datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number), Decimal(600), 1, plays(number),
    )  # fmt: skip
    return replace(node, **fields)


def a_graph(parents: Shape, **fields: Any) -> FamilyGraph:
    """Item 0 is the root; item n + 1 hangs on `parents[n]`, which is an earlier one. Nodes in the order of the tree."""
    below: dict[int, list[int]] = {}
    for child, parent in enumerate(parents, 1):
        below.setdefault(parent, []).append(child)
    nodes, waiting = [], [(0, 1)]
    while waiting:
        number, depth = waiting.pop()
        nodes.append(a_node(number, depth=depth, **fields))
        waiting += [(child, depth + 1) for child in reversed(below.get(number, []))]
    edges = tuple(
        GraphEdge(
            an_id(10_000_000 + child), an_id(child), an_id(parent), "clip_of", Decimal("0.97"), "auto_confirmed",
            (Evidence("title", "the same words", 0.97),),
        )
        for child, parent in enumerate(parents, 1)
    )  # fmt: skip
    return FamilyGraph(an_id(0), tuple(nodes), edges, items=len(nodes))


def asked(graph: FamilyGraph, *ends: tuple[int, int], **fields: Any) -> FamilyGraph:
    """The graph with suggestions between these (child, parent); numbers from 500 on are items outside."""
    outside = [
        a_node(number, family_id=an_id(number), **fields) for number in sorted({one for pair in ends for one in pair})
        if number >= 500
    ]  # fmt: skip
    edges = [
        GraphEdge(an_id(20_000_000 + at), an_id(child), an_id(parent), "clip_of", Decimal("0.61"), "suggested", ())
        for at, (child, parent) in enumerate(ends)
    ]
    return replace(graph, nodes=(*graph.nodes, *outside), edges=(*graph.edges, *edges))


shapes = st.lists(st.integers(0, 10**6), max_size=60).map(
    lambda numbers: [number % (at + 1) for at, number in enumerate(numbers)]
)


@pytest.fixture
def family(workspace: Workspace, tmp_path: Path) -> Workspace:
    """An episode without figures, its video, two clips (one has a zero), and clips that a person has to judge."""
    bring(
        workspace, tmp_path,
        an_item("podcast:e", title="Folge 58 – 日本 🎉", published_at="2026-03-01T00:00:00Z", duration_seconds=3600.5),
        an_item("youtube:v", title="The video", kind="long_video", published_at="2026-03-02T00:00:00Z",
                metrics=[a_figure("views", 1_234_567, "2026-10-01"), a_figure("likes", 900, "2026-10-01")]),
        an_item("instagram:late", title="Late", kind="reel", published_at="2026-05-01T00:00:00Z",
                metrics=[a_figure("views", 0, "2026-10-01")]),
        an_item("instagram:early", kind="reel", published_at="2026-04-01T00:00:00Z",
                metrics=[a_figure("views", at="2026-10-01", state="not_reported")]),
        an_item("tiktok:asked", title="Asked"), an_item("tiktok:no", title="No"), an_item("tiktok:alone"),
        an_edge("youtube:v", "podcast:e", "same_work"), an_edge("instagram:late", "youtube:v"),
        an_edge("instagram:early", "youtube:v"),
        an_edge("tiktok:asked", "youtube:v", state="suggested", confidence=0.6),
        an_edge("tiktok:no", "youtube:v", state="rejected", confidence=0.4),
    )  # fmt: skip
    return workspace


# --- reading --------------------------------------------------------------------------------------------------------


def test_a_graph_holds_the_family_in_the_order_of_its_tree_and_then_what_is_only_asked(family: Workspace) -> None:
    graph = family.content.graph("instagram:late")
    assert [node.native_id for node in graph.nodes] == ["e", "v", "early", "late", "asked"]
    assert [node.depth for node in graph.nodes] == [1, 2, 3, 3, 1]
    assert [node.family_id == graph.family_id for node in graph.nodes] == [True, True, True, True, False]
    assert (graph.root.native_id, graph.items, graph.more, graph.more_suggested) == ("e", 4, 0, 0)
    named = {node.id: node.native_id for node in graph.nodes}
    assert [(named[edge.child_id], edge.relation, named[edge.parent_id], edge.stands) for edge in graph.edges] == [
        ("v", "same_work", "e", True), ("early", "clip_of", "v", True), ("late", "clip_of", "v", True),
        ("asked", "clip_of", "v", False),
    ]  # fmt: skip
    assert graph == family.content.graph("podcast:e")


def test_without_suggestions_only_what_stands_is_there(family: Workspace) -> None:
    graph = family.content.graph("podcast:e", suggested=False)
    assert [node.native_id for node in graph.nodes] == ["e", "v", "early", "late"]
    assert all(edge.stands for edge in graph.edges)


def test_a_headline_figure_says_why_it_is_missing_and_a_zero_is_a_zero(family: Workspace) -> None:
    told = {node.native_id: node.audience for node in family.content.graph("podcast:e").nodes}
    assert (told["v"].concept, told["v"].value, told["v"].state) == ("play_start", Decimal(1_234_567), "value")
    assert (told["late"].value, told["late"].state) == (Decimal(0), "zero")
    assert (told["early"].value, told["early"].state) == (None, "not_reported")
    assert told["e"] == NONE


def test_an_item_that_is_alone_is_a_graph_of_one_and_a_question_brings_both_ends(family: Workspace) -> None:
    alone = family.content.graph("tiktok:alone")
    assert ([node.native_id for node in alone.nodes], alone.edges) == (["alone"], ())
    question = family.content.graph("tiktok:asked")
    assert [node.native_id for node in question.nodes] == ["asked", "v"]
    assert [edge.stands for edge in question.edges] == [False]
    with pytest.raises(NotFound):
        family.content.graph("tiktok:nothing")


def test_a_post_without_a_title_is_called_by_how_its_text_begins(family: Workspace, tmp_path: Path) -> None:
    bring(
        family, tmp_path, an_item("x:p", body="\n  Neue Folge ist da 🏔️  \nMit Lea"),
        an_item("x:q"), an_edge("x:p", "podcast:e", "promotes"), an_edge("x:q", "podcast:e", "promotes"),
    )  # fmt: skip
    by_name = {node.native_id: node for node in family.content.graph("podcast:e").nodes}
    assert (by_name["p"].title, by_name["p"].opening) == (None, "Neue Folge ist da 🏔️")
    assert name_of(by_name["p"]) == "“Neue Folge ist da 🏔️”"
    quoting = replace(by_name["p"], opening="“Go!” – Lea")
    assert name_of(quoting) == "“Go!” – Lea"
    assert (name_of(by_name["q"]), name_of(by_name["v"])) == ("x:q", "The video")


def test_all_families_hold_each_item_once_and_lone_items_only_with_a_question(
    family: Workspace, tmp_path: Path
) -> None:
    bring(family, tmp_path, an_item("x:p", creator="Bo Berg"), an_item("x:q", creator="Bo Berg"), an_edge("x:q", "x:p"))
    graphs = family.content.graphs()
    document = json.loads(to_json(*graphs))
    names = [node["native_id"] for node in document["nodes"]]
    assert sorted(names) == ["asked", "e", "early", "late", "p", "q", "v"]
    assert len(document["edges"]) == 5
    # As its own family shows it, whichever family was read first.
    assert {node["native_id"]: node["depth"] for node in document["nodes"]}["v"] == 2
    assert {node.native_id for graph in family.content.graphs("Bo Berg") for node in graph.nodes} == {"p", "q"}
    assert {node.native_id for graph in family.content.graphs(suggested=False) for node in graph.nodes} == {
        "e", "v", "early", "late", "p", "q",
    }  # fmt: skip


def test_what_is_too_large_for_a_file_is_refused_before_it_is_read(
    family: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(family_graph_module, "MOST_EXPORTED", 4)
    with pytest.raises(InvalidInput, match="5 items") as refused:
        family.content.graphs()
    assert "--creator" in (refused.value.hint or "")


def test_another_tenants_items_are_in_no_graph(family: Workspace, other_workspace: Workspace) -> None:
    with pytest.raises(NotFound):
        other_workspace.content.graph(str(family.content.graph("podcast:e").family_id))
    assert other_workspace.content.graphs() == ()


def test_reading_with_a_limit_is_reading_all_and_narrowing(family: Workspace) -> None:
    whole = family.content.graph("podcast:e")
    for limit in (1, 2, 3, 4, 9):
        assert family.content.graph("podcast:e", limit=limit) == narrowed(whole, limit)


# --- narrowing ------------------------------------------------------------------------------------------------------


@given(shapes, st.integers(1, 70))
def test_a_narrowed_graph_is_whole_in_itself_and_counts_what_it_left_out(parents: Shape, limit: int) -> None:
    graph = a_graph(parents)
    small = narrowed(graph, limit)
    kept = {node.id for node in small.nodes}
    assert len(kept) == min(limit, graph.items)
    assert small.more == graph.items - len(kept) == sum(node.left_out for node in small.nodes)
    assert {edge.child_id for edge in small.edges} == kept - {graph.root.id}
    assert all(edge.parent_id in kept for edge in small.edges)
    assert small.root == replace(graph.root, left_out=small.root.left_out)
    # What is nearest to the root stays.
    depths = [node.depth for node in graph.nodes if node.id not in kept]
    assert not depths or max(node.depth for node in small.nodes) <= min(depths)
    assert narrowed(small, limit) == small


def test_of_many_suggestions_the_surest_stay_and_the_others_are_counted() -> None:
    graph = asked(a_graph([0]), *((500 + at, at % 2) for at in range(9)))
    small = narrowed(graph, 4)
    assert (len(small.nodes), small.more_suggested) == (2 + 4, 5)
    # A question about an item that had no room goes with it.
    assert narrowed(asked(a_graph([0, 0]), (500, 2)), 2).more_suggested == 1


# --- files ----------------------------------------------------------------------------------------------------------


def test_graphml_comes_back_from_networkx_as_it_went(family: Workspace) -> None:
    graph = family.content.graph("podcast:e")
    read = networkx.read_graphml(io.BytesIO(to_graphml(graph)))
    assert read.is_directed()
    assert len(read.nodes) == 5
    for node in graph.nodes:
        back = read.nodes[str(node.id)]
        assert (back["platform"], back["native_id"], back["depth"]) == (node.platform, node.native_id, node.depth)
        assert back.get("title") == node.title
        assert back.get("duration_seconds") == (None if node.duration_seconds is None else float(node.duration_seconds))
        assert back.get("audience") == node.audience.value
        assert back["audience_state"] == node.audience.state
    for edge in graph.edges:
        back = read.edges[str(edge.child_id), str(edge.parent_id)]
        assert (back["relation"], back["state"], back["id"]) == (edge.relation, edge.state, str(edge.id))
        assert back["confidence"] == float(edge.confidence)
        pieces = json.loads(back["evidence_json"])
        assert tuple(Evidence(**piece) for piece in pieces) == edge.evidence


def test_in_graphml_what_is_not_known_is_absent_and_a_zero_is_there(family: Workspace) -> None:
    read = networkx.read_graphml(io.BytesIO(to_graphml(family.content.graph("podcast:e"))))
    by_name = {data["name"]: data for _, data in read.nodes(data=True)}
    assert by_name["instagram:late"]["audience"] == 0
    early = by_name["instagram:early"]
    assert not {"audience", "title", "url", "duration_seconds"} & set(early)
    assert "audience_concept" not in by_name["podcast:e"]
    assert "None" not in {value for data in by_name.values() for value in data.values()}


def test_graphml_survives_letters_that_xml_cannot_hold() -> None:
    graph = a_graph([0], title=f"{HOSTILE}\ud800")
    read = networkx.read_graphml(io.BytesIO(to_graphml(graph)))
    title = read.nodes[str(graph.root.id)]["title"]
    assert title.startswith("<script>alert('x')</script>")
    assert "\x00" not in title
    assert title.count("\ufffd") == 3


def test_json_is_the_node_link_form_with_null_for_what_is_not_known(family: Workspace) -> None:
    graph = family.content.graph("podcast:e")
    document = json.loads(to_json(graph))
    read = networkx.node_link_graph(document, edges="edges")
    assert (len(read.nodes), len(read.edges)) == (5, 4)
    by_name = {node["name"]: node for node in document["nodes"]}
    assert by_name["podcast:e"]["audience"] is None
    assert by_name["instagram:late"]["audience"] == 0
    assert by_name["youtube:v"]["audience"] == 1_234_567
    assert by_name["podcast:e"]["title"] == "Folge 58 – 日本 🎉"
    assert document["edges"][0]["evidence"] == [
        {"kind": piece.kind, "detail": piece.detail, "weight": piece.weight} for piece in graph.edges[0].evidence
    ]


# --- picture --------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a browser would find in a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def words_of(svg: str) -> str:
    return " ".join(ElementTree.fromstring(svg).itertext())


@settings(max_examples=60)
@given(shapes, st.lists(st.tuples(st.integers(500, 505), st.integers(0, 60)), max_size=8, unique=True))
def test_no_card_lies_on_another_and_every_edge_has_its_tag(parents: Shape, questions: list[tuple[int, int]]) -> None:
    graph = narrowed(asked(a_graph(parents), *((child, at % (len(parents) + 1)) for child, at in questions)), 60)
    layout = laid_out(graph)
    assert {card.node.id for card in layout.cards} == {node.id for node in graph.nodes}
    assert len(layout.cards) == len(graph.nodes)
    boxes = sorted((card.x, card.y) for card in layout.cards)
    for at, (x, y) in enumerate(boxes):
        assert 0 <= x <= layout.width - CARD_WIDTH
        assert 0 <= y <= layout.height - CARD_HEIGHT
        for right, lower in boxes[at + 1 :]:
            assert right >= x + CARD_WIDTH or abs(lower - y) >= CARD_HEIGHT + TAG_HEIGHT
    shown = [tag.edge.id for tag in layout.tags] + [edge.id for edge, _, _ in layout.crossing]
    assert sorted(shown) == sorted(edge.id for edge in graph.edges)


def test_siblings_stand_by_date() -> None:
    dates = [datetime(2026, 5, day, tzinfo=UTC) for day in (9, 3, 6)]
    graph = a_graph([0, 0, 0, 0])
    moved = {an_id(at): date for at, date in enumerate(dates, 1)} | {an_id(4): None}
    graph = replace(
        graph, nodes=tuple(replace(node, published_at=moved.get(node.id, node.published_at)) for node in graph.nodes)
    )
    layout = laid_out(graph)
    below = sorted((card for card in layout.cards if card.node.id != an_id(0)), key=lambda card: card.y)
    assert [card.node.native_id for card in below] == ["v2", "v3", "v1", "v4"]


def test_a_picture_says_relation_confidence_and_audience_and_dashes_what_is_only_asked() -> None:
    graph = a_graph([0], audience=plays(1_234_567))
    svg = to_svg(asked(graph, (500, 0), audience=plays(None, "not_reported")))
    words = words_of(svg)
    assert "clip of 97 %" in words
    assert "clip of? 61 %" in words
    assert "1.23 M plays" in words
    assert "plays: not reported" in words
    assert " 0 plays" not in words
    assert "Dashed: only suggested." in words
    assert "2 items on 1 platform · 1 suggestion waiting for a person" in words
    assert 'stroke-dasharray="5 5"' in svg
    confirmed = to_svg(graph)
    assert "stroke-dasharray" not in confirmed
    assert "Dashed" not in confirmed


def test_a_picture_has_a_title_and_a_description_for_those_who_hear_it() -> None:
    root = ElementTree.fromstring(to_svg(a_graph([0, 0])))
    assert root.get("role") == "img"
    labels = root.get("aria-labelledby", "").split()
    texts = {element.get("id"): element.text for element in root}
    assert [texts[label] for label in labels] == ["Title 0", "A family of content: 3 items on 1 platform."]


def test_a_family_of_ten_thousand_is_drawn_in_part_and_says_so() -> None:
    graph = a_graph([0] * 9_999)
    for drawn in (words_of(to_svg(graph)), to_html(graph).decode()):
        assert "10,000 items" in drawn
        assert "and 9,940 more" in drawn
    assert to_svg(graph).count("<g>") < 200


@pytest.mark.parametrize("items", [1, 2, 7, 60])
def test_a_family_of_any_size_is_well_formed_and_the_same_each_time(items: int) -> None:
    graph = a_graph([at // 4 for at in range(items - 1)])
    ElementTree.fromstring(to_svg(graph))
    assert to_svg(graph) == to_svg(graph)
    assert to_html(graph) == to_html(graph)
    assert to_graphml(graph) == to_graphml(graph)


def test_titles_of_strangers_are_words_and_nothing_else() -> None:
    graph = a_graph([0, 1], title=HOSTILE, url="javascript:alert(1)", kind=HOSTILE, platform=HOSTILE)
    hostile = Evidence("title", HOSTILE, 0.5)
    graph = replace(graph, edges=tuple(replace(edge, evidence=(hostile,), relation=HOSTILE) for edge in graph.edges))
    page = Page(to_html(graph).decode())
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "img", "iframe", "object", "link", "foreignobject"}
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert not [attributes for tag, attributes in page.tags if tag == "a"]
    assert any("<script>alert('x')</script>" in words for words in page.words)
    svg = to_svg(graph)
    assert {element.tag.removeprefix(SVG) for element in ElementTree.fromstring(svg).iter()} <= {
        "svg", "title", "desc", "rect", "text", "tspan", "g", "path",
    }  # fmt: skip
    assert not set("\x00\x1b\u202e") & set(svg)


def test_nothing_is_loaded_from_elsewhere() -> None:
    for drawn in (to_svg(a_graph([0])), to_html(a_graph([0])).decode()):
        for _, attributes in Page(drawn).tags:
            assert not {"src", "xlink:href", "srcset"} & set(attributes)
        assert "url(" not in drawn
        assert "@import" not in drawn
    links = [attributes["href"] for tag, attributes in Page(to_html(a_graph([0])).decode()).tags if tag == "a"]
    assert links == ["https://youtu.be/1"] * 2


def test_the_page_tells_every_item_and_every_edge_with_its_evidence() -> None:
    graph = asked(a_graph([0, 0]), (500, 1))
    page = " ".join(Page(to_html(graph).decode()).words)
    for node in graph.nodes:
        assert f"youtube:{node.native_id}" in page
    assert page.count("the same words") >= 2
    assert "confirmed by its evidence" in page
    assert "waits for a person" in page
    assert "not in the family: only suggested" in page


def test_an_audience_is_said_as_people_say_it() -> None:
    late = replace(plays(12_345), group="play_start in 28 d", spans_break=True)
    assert audience_words(late) == "12.3 K plays† (in 28 d)"
    assert audience_words(plays(1)) == "1 play"
    assert audience_words(plays(0, "zero")) == "0 plays"
    assert audience_words(plays(999_999, "estimated")) == "~1.00 M plays"
    assert audience_words(plays(None, "permission_denied")) == "plays: not permitted to be read"
    assert audience_words(NONE) == "no audience figure imported"
    own = replace(plays(5), concept="exposure", group="exposure as youtube.impressions", comparable=False)
    assert audience_words(own) == "5 impressions (its own count)"


@given(st.text(max_size=120), st.integers(20, 400), st.integers(1, 3))
def test_a_cut_title_is_the_beginning_of_the_whole(words: str, room: int, most: int) -> None:
    lines = lines_of(words, room, most=most)
    assert len(lines) <= most
    joined = "".join(lines)
    assert all(mark.isprintable() or mark == "\u200d" or not mark.isascii() for mark in joined)
    whole = "".join(lines_of(words, 10**6, most=1)).replace(" ", "")
    assert whole.startswith(joined.removesuffix("…").replace(" ", ""))


def test_an_emoji_is_not_cut_in_two() -> None:
    runner = "🏃\u200d♀\ufe0f"
    for room in range(20, 120):
        [line] = lines_of(runner * 8, room, most=1)
        kept = line.removesuffix("…")
        assert kept in {runner * count for count in range(9)} | {"🏃"}


def test_a_png_is_twice_as_sharp_as_the_picture_and_the_same_each_time() -> None:
    graph = a_graph([0], title="Plain Ω – é")
    root = ElementTree.fromstring(to_svg(graph))
    png = to_png(graph)
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", png[16:24])
    assert (width, height) == (2 * int(root.get("width", "0")), 2 * int(root.get("height", "0")))
    assert to_png(graph) == png
    # Letters that our font lacks are drawn with others, or as boxes; never an error.
    assert to_png(a_graph([0], title="日本 🎉 𝕯𝖊𝖈𝖔"))[:4] == b"\x89PNG"
