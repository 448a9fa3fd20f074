"""The content map: families and items stand as the core has them; each decision is a key and can be undone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.desk.families_page import ORDERS, FamilyHead, families_page, family_totals, headline_total
from engagerr.core.desk.link_effect import link_effect
from engagerr.core.desk.opened_family import OpenedFamily, Piece, open_family
from engagerr.core.errors import Forbidden, InvalidInput, Unavailable
from engagerr.tui.app import Console
from engagerr.tui.screens.map import ContentMap
from engagerr.tui.widgets.chrome import Heading
from engagerr.tui.widgets.dialogs import FilterLine, Menu
from engagerr.tui.widgets.evidence import changes
from engagerr.tui.widgets.family_rows import MapRow, family_key, item_key, rows_of
from engagerr.tui.writing import short
from syrupy.assertion import SnapshotAssertion
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone, Cluster
from tests.tui.conftest import NARROW, WIDE, opened_console
from tests.tui.drawing import cells, lines, settled
from textual.pilot import Pilot

pytestmark = pytest.mark.anyio
SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])
# One with suggestions of several kinds, and a podcast feed without figures at its root.
FAMILY = "One year, one soldering iron"


@pytest.fixture
def own_console(cluster: Cluster, sample_clone: tuple[Clone, Path], tmp_path: Path) -> Iterator[Console]:
    """The console on a copy of the sample agency, for tests that decide."""
    clone, home = sample_clone
    with cluster.clone(clone.name) as own, Engagerr(own.settings(home), clock=SteeredClock()) as engagerr:
        console = opened_console(engagerr, tmp_path)
        console.memory.keep("tab", "map")
        yield console


@pytest.fixture
def console(console: Console) -> Console:
    """It opens here, and not with what waits today."""
    console.memory.keep("tab", "map")
    return console


@pytest.fixture
def empty_console(empty_console: Console) -> Console:
    """It opens here, and not with what waits today."""
    empty_console.memory.keep("tab", "map")
    return empty_console


def the_map(console: Console) -> ContentMap:
    assert isinstance(console.screen, ContentMap)
    return console.screen


def family(work: Workspace, title: str = FAMILY) -> FamilyHead:
    return next(head for head in families_page(work).heads if head.title == title)


def piece(work: Workspace, state: str, title: str = FAMILY) -> Piece:
    return next(one for one in open_family(work, family(work, title).id).pieces if one.state == state)


async def shown(pilot: Pilot[None], console: Console, title: str = FAMILY) -> ContentMap:
    """The map with this family open and the cursor on its head."""
    console.action_tab("map")
    await settled(pilot)
    page = the_map(console)
    assert page.grid.go_to(family_key(family(console.workspace, title).id))
    await pilot.press("enter")
    await settled(pilot)
    return page


def on_item(page: ContentMap, piece: Piece, title: str = FAMILY) -> MapRow:
    assert page.grid.go_to(item_key(family(page.desk, title).id, piece))
    assert page.grid.current is not None
    return page.grid.current


@SIZES
async def test_the_families(console: Console, screen: SnapshotAssertion, size: tuple[int, int]) -> None:
    async with console.run_test(size=size) as pilot:
        await pilot.press("4")
        await settled(pilot)
        assert cells(console) == screen


@SIZES
async def test_a_suggestion_under_the_cursor(
    console: Console, screen: SnapshotAssertion, size: tuple[int, int]
) -> None:
    async with console.run_test(size=size) as pilot:
        page = await shown(pilot, console)
        on_item(page, piece(console.workspace, "suggested"))
        await settled(pilot)
        assert cells(console) == screen


async def test_the_list_is_what_the_core_has(console: Console) -> None:
    work = console.workspace
    found = families_page(work)
    totals = family_totals(work, [head.id for head in found.heads[:20]])
    async with console.run_test(size=WIDE) as pilot:
        await pilot.press("4")
        await settled(pilot)
        page = the_map(console)
        assert [row.head.id for row in page.grid.rows] == [head.id for head in found.heads]
        assert f"{found.total} families" in page.query_one(Heading).scope
        assert f"{work.review.progress().waiting} to review" in page.query_one(Heading).freshness
        text = lines(console)
        for head in found.heads[:20]:
            first = headline_total(totals[head.id])
            row = next(line for line in text if "▸" in line and head.title[:20] in line)
            assert first is not None
            assert (short(first.value) if first.value is not None else "–") in row


async def test_the_heads_count_what_waits_as_the_review_does(sample_work: Workspace) -> None:
    found = families_page(sample_work)
    assert found.waiting == sum(head.waiting for head in found.heads) == sample_work.review.progress().waiting
    assert {row.id for row in sample_work.content.families(limit=1000)} <= {head.id for head in found.heads}
    for head in found.heads:
        if head.waiting:
            pieces = open_family(sample_work, head.id).pieces
            assert sum(one.state == "suggested" and not one.held for one in pieces) == head.waiting


async def test_an_opened_family_has_the_items_of_its_tree_in_their_places(sample_work: Workspace) -> None:
    head = family(sample_work)
    opened = open_family(sample_work, head.id)
    root = sample_work.content.tree(str(head.id))
    waiting, depths = [(root, 0)], {}
    while waiting:
        node, depth = waiting.pop()
        depths[node.id] = depth
        waiting += [(child, depth + 1) for child in node.children]
    assert {one.id: one.depth for one in opened.pieces if one.stands} == depths
    trunks = [row.trunk for row in rows_of([head], {head.id: opened}) if row.piece is not None]
    assert trunks[0] == "└ "
    assert all(trunk.endswith(("├ ", "└ ")) for trunk in trunks)


async def test_every_order_has_every_family(sample_work: Workspace) -> None:
    everything = {head.id for head in families_page(sample_work).heads}
    for order in ORDERS:
        assert {head.id for head in families_page(sample_work, order=order).heads} == everything
    most = [head.waiting for head in families_page(sample_work, order="waiting").heads]
    assert most == sorted(most, reverse=True)
    with pytest.raises(InvalidInput):
        families_page(sample_work, order="nothing")
    few = families_page(sample_work, limit=10)
    assert len(few.heads) == 10
    assert few.left_out == len(everything) - 10


async def test_words_find_a_family_by_title_creator_and_platform(sample_work: Workspace) -> None:
    found = families_page(sample_work, words="imogen TikTok").heads
    assert found
    assert all(head.creator == "Imogen Farrow-Blythe" and "tiktok" in head.platforms for head in found)
    assert not families_page(sample_work, words="100%_nothing").heads


async def test_what_would_change_is_what_changes(own_console: Console) -> None:
    work = own_console.workspace
    one, head = piece(work, "suggested"), family(work)
    effect = link_effect(work, str(one.edge_id))
    before = {(total.concept, total.group): total.value for total in family_totals(work, [head.id])[head.id]}
    work.review.answer(str(one.edge_id), right=True)
    after = {(total.concept, total.group): total.value for total in family_totals(work, [head.id])[head.id]}
    assert effect.totals
    assert changes(effect)
    for changed in effect.totals:
        key = (changed.after.concept, changed.after.group)
        assert after[key] == changed.after.value
        assert before.get(key) == (changed.before.value if changed.before else None)
    untouched = set(after) - {(changed.after.concept, changed.after.group) for changed in effect.totals}
    assert all(after[key] == before[key] for key in untouched)


async def test_a_sponsor_of_the_parent_would_reach_a_clip_that_is_accepted(own_console: Console) -> None:
    work = own_console.workspace
    one = next(found for found in open_family(work, family(work).id).pieces
               if found.state == "suggested" and found.relation == "clip_of")  # fmt: skip
    assert link_effect(work, str(one.edge_id)).terms == ()
    work.terms.add(str(one.parent_id), kind="disclosure", party="Lumen Audio")
    [term] = link_effect(work, str(one.edge_id)).terms or ()
    assert (term.party, str(term.verdict)) == ("Lumen Audio", "check")
    async with own_console.run_test(size=NARROW) as pilot:
        page = await shown(pilot, own_console)
        on_item(page, one)
        await settled(pilot)
        assert "Terms          ▲ disclosure of Lumen Audio to be checked" in cells(own_console)


async def test_yes_accepts_and_undo_takes_it_back(own_console: Console) -> None:
    work = own_console.workspace
    one = piece(work, "suggested")
    async with own_console.run_test(size=NARROW) as pilot:
        page = await shown(pilot, own_console)
        on_item(page, one)
        await pilot.press("y")
        await settled(pilot)
        [edge] = work.content.edges(of=str(one.edge_id).replace("-", ""))
        assert edge.state == "confirmed"
        assert on_item(page, one).piece.state == "confirmed"  # type: ignore[union-attr]
        await pilot.press("u")
        await settled(pilot)
        [edge] = work.content.edges(of=str(one.edge_id).replace("-", ""))
        assert edge.state == "suggested"
        assert on_item(page, one).piece.state == "suggested"  # type: ignore[union-attr]


async def test_no_turns_down_and_it_stays_in_sight(own_console: Console) -> None:
    work = own_console.workspace
    one = piece(work, "suggested")
    async with own_console.run_test(size=NARROW) as pilot:
        page = await shown(pilot, own_console)
        on_item(page, one)
        await pilot.press("n")
        await settled(pilot)
        assert on_item(page, one).piece.state == "rejected"  # type: ignore[union-attr]
        assert any("✕" in line and one.title[:20] in line for line in lines(own_console))
        await pilot.press("n")
        await settled(pilot)
        assert len(own_console.undos) == 1


async def test_marked_links_are_accepted_together_after_their_names(own_console: Console) -> None:
    work = own_console.workspace
    pieces = [one for one in open_family(work, family(work).id).pieces if one.state == "suggested"]
    chosen = list({one.id: one for one in pieces}.values())[:2]
    async with own_console.run_test(size=NARROW) as pilot:
        page = await shown(pilot, own_console)
        for one in chosen:
            on_item(page, one)
            await pilot.press("space")
        await pilot.press("y")
        await pilot.pause()
        text = cells(own_console)
        assert "Accept 2 links" in text
        assert all(one.title[:20] in text for one in chosen)
        await pilot.press("y", "enter")
        await settled(pilot)
        assert work.review.progress().waiting == families_page(work).waiting
        assert {str(one.edge_id) for one in chosen} & {str(q.edge.id) for q in work.review.queue(limit=500)}
        await pilot.press("y")
        await pilot.pause()
        await pilot.press("a")
        await settled(pilot)
        assert all(work.content.edges(of=one.edge_id.hex)[0].state == "confirmed" for one in chosen if one.edge_id)
        await pilot.press("u")
        await settled(pilot)
        assert all(work.content.edges(of=one.edge_id.hex)[0].state == "suggested" for one in chosen if one.edge_id)


async def test_an_item_is_split_off_and_comes_back(own_console: Console) -> None:
    work = own_console.workspace
    one = piece(work, "auto_confirmed")
    before = family(work).items
    async with own_console.run_test(size=NARROW) as pilot:
        page = await shown(pilot, own_console)
        on_item(page, one)
        await pilot.press("plus")
        await settled(pilot)
        assert family_of(work, one) == one.id
        await pilot.press("u")
        await settled(pilot)
        assert family(work).items == before
        assert family_of(work, one) != one.id


async def test_an_item_moves_to_the_parent_that_is_searched(own_console: Console) -> None:
    work = own_console.workspace
    one, target = piece(work, "suggested"), family(work, "Weather stations in gardens")
    async with own_console.run_test(size=NARROW) as pilot:
        page = await shown(pilot, own_console)
        on_item(page, one)
        await pilot.press("m")
        await settled(pilot)
        await pilot.press(*"weather")
        await pilot.pause(0.3)
        await settled(pilot)
        assert target.title in cells(own_console)
        await pilot.press("enter")
        await settled(pilot)
        assert family_of(work, one) == target.id
        await pilot.press("u")
        await settled(pilot)
        assert family_of(work, one) == one.id


async def test_two_marked_families_become_one(own_console: Console) -> None:
    work = own_console.workspace
    into, other = [head for head in families_page(work).heads if head.items > 1][:2]
    async with own_console.run_test(size=WIDE) as pilot:
        await pilot.press("4")
        await settled(pilot)
        page = the_map(own_console)
        for head in (into, other):
            page.grid.go_to(family_key(head.id))
            await pilot.press("space")
        await pilot.press("m")
        await pilot.pause()
        assert isinstance(own_console.screen, Menu)
        await pilot.press("1")
        await settled(pilot)
        assert {row.id: row.items for row in work.content.families(limit=1000)}[into.id] == into.items + other.items
        await pilot.press("u")
        await settled(pilot)
        assert {row.id: row.items for row in work.content.families(limit=1000)}[into.id] == into.items


def family_of(work: Workspace, one: Piece) -> UUID:
    return work.content.tree(str(one.id)).id


async def test_the_list_is_searched_as_one_types(console: Console) -> None:
    async with console.run_test(size=WIDE) as pilot:
        await pilot.press("4")
        await settled(pilot)
        page = the_map(console)
        await pilot.press("f", *"jonna waiting")
        await settled(pilot)
        shown = [row.head for row in page.grid.rows]
        assert shown
        assert all(head.creator == "Jonna Brenner" and head.waiting for head in shown)
        await pilot.press("escape")
        await settled(pilot)
        assert len(page.grid.rows) == families_page(console.workspace).total
        assert page.query_one(FilterLine).display is False


async def test_items_are_grouped_by_platform_and_by_relation(console: Console) -> None:
    async with console.run_test(size=WIDE) as pilot:
        page = await shown(pilot, console)
        tree = {row.key for row in page.grid.rows if row.piece is not None}
        for key, word in (("g", "by platform"), ("g", "by relation"), ("g", "")):
            await pilot.press(key)
            await settled(pilot)
            assert {row.key for row in page.grid.rows if row.piece is not None} == tree
            assert page.query_one(Heading).scope.endswith(word)


async def test_most_plays_first_reads_all_totals(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        await pilot.press("4")
        await settled(pilot)
        await pilot.press("s", "p")
        await settled(pilot)
        page = the_map(console)
        firsts = [headline_total(page.totals[row.head.id]) for row in page.grid.rows]
        values = [-1 if first is None or first.value is None else first.value for first in firsts]
        assert values == sorted(values, reverse=True)
        assert len(values) == families_page(console.workspace).total


async def test_a_family_asked_for_from_elsewhere_is_open_with_the_cursor_on_the_item(console: Console) -> None:
    one = piece(console.workspace, "auto_confirmed")
    async with console.run_test(size=NARROW) as pilot:
        await settled(pilot)
        console.open_thing("item", one.id)
        await settled(pilot)
        row = the_map(console).grid.current
        assert row is not None
        assert row.piece is not None
        assert row.piece.id == one.id


async def test_what_is_on_the_screen_is_exported(console: Console, tmp_path: Path) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await shown(pilot, console)
        rows = [row for row in page.grid.rows if row.kind in ("family", "item")]
        for name in ("map.json", "map.csv", "map.svg"):
            await pilot.press("e")
            await pilot.pause()
            console.screen.query_one("#answer").value = str(tmp_path / name)  # type: ignore[attr-defined]
            await pilot.press("enter")
            await settled(pilot)
    written = json.loads((tmp_path / "map.json").read_text())
    assert [row["title"] for row in written] == [(row.piece or row.head).title for row in rows]
    feed = next(row for row in written if row["row"] == "item" and row["item"].startswith("podcast:"))
    assert feed["value"] is None
    assert feed["state"]
    assert len((tmp_path / "map.csv").read_text().splitlines()) == len(rows) + 1
    assert (tmp_path / "map.svg").read_text().startswith("<svg")


async def test_a_file_that_is_there_is_not_written_over(console: Console, tmp_path: Path) -> None:
    there = tmp_path / "map.csv"
    there.write_text("mine")
    async with console.run_test(size=NARROW) as pilot:
        await shown(pilot, console)
        await pilot.press("e")
        await pilot.pause()
        console.screen.query_one("#answer").value = str(there)  # type: ignore[attr-defined]
        await pilot.press("enter")
        await settled(pilot)
    assert there.read_text() == "mine"


async def test_who_may_only_look_is_told_who_decides(
    cluster: Cluster, sample_clone: tuple[Clone, Path], tmp_path: Path
) -> None:
    clone, home = sample_clone
    with cluster.clone(clone.name) as own, Engagerr(own.settings(home), clock=SteeredClock()) as engagerr:
        work = engagerr.workspace()
        work.members.add("vera@northlight.example", role="viewer")
        viewer = engagerr.workspace(work.members.issue_token(name="v", member="vera@northlight.example").token)
        console = opened_console(engagerr, tmp_path, viewer)
        one = piece(work, "suggested")
        async with console.run_test(size=NARROW) as pilot:
            page = await shown(pilot, console)
            on_item(page, one)
            await settled(pilot)
            assert "Terms          hidden" in cells(console)
            await pilot.press("y", "m", "plus")
            await settled(pilot)
            assert page.refusal is not None
            assert "Owner, manager or analyst may." in page.refusal
            assert all(choice.refused for choice in page.verbs())
        assert work.content.edges(of=one.edge_id.hex)[0].state == "suggested"  # type: ignore[union-attr]


async def test_nothing_yet(empty_console: Console, screen: SnapshotAssertion) -> None:
    async with empty_console.run_test(size=NARROW) as pilot:
        await pilot.press("4")
        await settled(pilot)
        assert cells(empty_console) == screen


async def test_a_database_that_does_not_answer_takes_nothing_off_the_screen(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        await pilot.press("4")
        await settled(pilot)
        page = the_map(console)
        before = [row.key for row in page.grid.rows]
        page.post_message(page.Failed("page", Unavailable("The database does not answer.")))
        page.post_message(page.Failed("totals", Unavailable("The database does not answer.")))
        await pilot.pause()
        assert "Trying again in" in cells(console)
        assert [row.key for row in page.grid.rows] == before


async def test_who_may_not_read_sees_why(console: Console, screen: SnapshotAssertion) -> None:
    async with console.run_test(size=NARROW) as pilot:
        await pilot.press("4")
        await settled(pilot)
        page = the_map(console)
        page.post_message(page.Failed("page", Forbidden("You are no member any more.")))
        await pilot.pause()
        assert cells(console) == screen


async def test_evidence_that_cannot_be_computed_is_said_where_it_would_stand(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await shown(pilot, console)
        on_item(page, piece(console.workspace, "suggested"))
        await settled(pilot)
        page._effects.clear()
        page.post_message(page.Failed("effect", Unavailable("The model is missing.")))
        await pilot.pause()
        assert "If you accept  Could not be computed: The model is missing." in cells(console)


async def test_how_it_was_left_is_kept(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await shown(pilot, console)
        on_item(page, piece(console.workspace, "suggested"))
        await pilot.press("g")
        left = json.loads(json.dumps(page.kept()))
    again = Console(console.engagerr, workspace=console.workspace, follow=False)
    again.memory = type(console.memory)(None)
    again.memory.keep(f"page.{console.workspace.tenant.id}.contentmap", left)
    async with again.run_test(size=NARROW) as pilot:
        await pilot.press("4")
        await settled(pilot)
        page = the_map(again)
        assert page.group == "platform"
        assert page.grid.current is not None
        assert page.grid.current.key == left["at"]


async def test_it_goes_on_working_on_a_very_small_terminal(console: Console) -> None:
    async with console.run_test(size=(40, 12)) as pilot:
        page = await shown(pilot, console)
        await pilot.press("j", "j", "p", "p")
        await settled(pilot)
        assert all(len(line) <= 40 for line in lines(console))
        assert page.grid.current is not None


async def test_the_address_is_copied_and_shown(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await shown(pilot, console)
        one = piece(console.workspace, "suggested")
        on_item(page, one)
        await pilot.press("o")
        await settled(pilot)
        assert one.url
        assert console.clipboard == one.url
        assert f"Copied: {one.url}" in [note.message for note in console._notifications]


async def test_a_long_explanation_is_read_line_by_line(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await shown(pilot, console)
        on_item(page, piece(console.workspace, "suggested"))
        await settled(pilot)
        await pilot.press("w")
        await settled(pilot)
        assert "No disclosure, sponsor or licence" not in cells(console)
        await pilot.press("pagedown", "pagedown")
        await settled(pilot)
        assert "No disclosure, sponsor or licence" in cells(console)


async def test_a_term_is_noted_and_reaches_what_is_below(own_console: Console) -> None:
    work = own_console.workspace
    one = piece(work, "auto_confirmed")
    async with own_console.run_test(size=NARROW) as pilot:
        page = await shown(pilot, own_console)
        [note] = [command for command in page.commands() if command.words.startswith("Term: note")]
        assert note.refused is None
        note.run()
        await pilot.pause()
        await pilot.press("enter", *"Lumen", "enter", "enter")
        await settled(pilot)
        on_item(page, one)
        await settled(pilot)
        [term] = work.terms.list()
        assert (str(term.kind), term.party) == ("disclosure", "Lumen")
        assert "disclosure of Lumen" in cells(own_console)


async def test_a_deep_family_keeps_its_columns(sample_work: Workspace) -> None:
    head = family(sample_work)
    root = open_family(sample_work, head.id).pieces[0]
    chain = [replace(root, depth=depth, id=UUID(int=depth)) for depth in range(200)]
    opened = OpenedFamily(head.id, tuple(chain), 200, 0, 0, ())
    trunks = [row.trunk for row in rows_of([head], {head.id: opened}) if row.piece is not None]
    assert max(len(trunk) for trunk in trunks) <= 16


async def test_words_that_fit_nothing_say_how_to_come_back(console: Console) -> None:
    async with console.run_test(size=NARROW) as pilot:
        await pilot.press("4")
        await settled(pilot)
        await pilot.press("f", *"no such words", "enter")
        await settled(pilot)
        assert not the_map(console).grid.rows
        assert "No family fits these words.  esc shows all" in cells(console)
        await pilot.press("escape")
        await settled(pilot)
        assert the_map(console).grid.rows


async def test_what_somebody_else_decides_is_seen(own_console: Console) -> None:
    work = own_console.workspace
    one = piece(work, "suggested")
    async with own_console.run_test(size=NARROW) as pilot:
        page = await shown(pilot, own_console)
        work.review.answer(str(one.edge_id), right=True)
        own_console.post_message(Console.Changed("edge.confirmed"))
        await pilot.pause(0.6)
        await settled(pilot)
        row = on_item(page, one)
        assert row.piece is not None
        assert row.piece.state == "confirmed"


async def test_a_large_family_is_read_in_parts_and_says_what_is_left_out(console: Console) -> None:
    head = max(families_page(console.workspace).heads, key=lambda one: one.items)
    async with console.run_test(size=WIDE) as pilot:
        await pilot.press("4")
        await settled(pilot)
        page = the_map(console)
        page.limits[head.id] = 2
        page.grid.go_to(family_key(head.id))
        await pilot.press("enter")
        await settled(pilot)
        standing = [row for row in page.grid.rows if row.piece is not None and row.piece.stands]
        assert len(standing) == 2
        more = next(row for row in page.grid.rows if row.kind == "more")
        assert more.words.startswith(f"{head.items - 2} more of {head.items} items")
        page.grid.go_to(more.key)
        await pilot.press("enter")
        await settled(pilot)
        standing = [row for row in page.grid.rows if row.piece is not None and row.piece.stands]
        assert len(standing) == head.items
        assert not any(row.kind == "more" for row in page.grid.rows)


async def test_more_families_than_are_read_are_counted_and_come_when_asked_for(console: Console) -> None:
    total = families_page(console.workspace).total
    async with console.run_test(size=NARROW) as pilot:
        await pilot.press("4")
        await settled(pilot)
        page = the_map(console)
        page.heads_limit = 10
        await pilot.press("r")
        await settled(pilot)
        assert page.query_one(Heading).scope.startswith(f"10 of {total} families")
        await pilot.press("end")
        await settled(pilot)
        assert page.grid.current is not None
        assert page.grid.current.words.startswith(f"{total - 10} more families")
        await pilot.press("enter")
        await settled(pilot)
        assert len(page.grid.rows) == total


@pytest.mark.parametrize("key", ["x", "m", "s", "slash"])
async def test_a_dialog_stands_in_the_middle_and_the_list_stays_in_sight(console: Console, key: str) -> None:
    async with console.run_test(size=NARROW) as pilot:
        page = await shown(pilot, console)
        on_item(page, piece(console.workspace, "suggested"))
        await pilot.press(key)
        await settled(pilot)
        text = lines(console)
        bar = next(line for line in text[4:] if "▌" in line[1:20])
        assert bar.index("▌") > 0
        assert "4 Map" in text[0] or "▌" in text[0][1:8]
