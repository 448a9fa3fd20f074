"""What was agreed about an item reaches its family: down every standing edge, up to its twin alone, never further."""

from __future__ import annotations

import itertools
import random
from datetime import date
from pathlib import Path
from uuid import uuid4

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.content.edges import RELATIONS
from engagerr.core.content.families import family_of
from engagerr.core.content.items import find_item
from engagerr.core.content.term_rules import OWN, RULES, Standing, TermKind, Verdict, weakest
from engagerr.core.content.terms import Inherited, TermThere, inherited_terms
from engagerr.core.errors import Forbidden, InvalidInput, NotFound
from engagerr.core.tenancy import Permission
from hypothesis import given
from hypothesis import strategies as st
from tests.factories import colleague, in_tenant
from tests.fakes.cluster import Connection
from tests.lines import an_edge, an_item, bring

# The clock of the tests stands at 2026-11-01.
TODAY, YESTERDAY, TOMORROW = date(2026, 11, 1), date(2026, 10, 31), date(2026, 11, 2)
STRENGTH = [Verdict.APPLIES, Verdict.CHECK, Verdict.DOES_NOT_APPLY]


@pytest.fixture
def family(workspace: Workspace, tmp_path: Path) -> Workspace:
    """An episode, its video with a clip that has a copy and a post about it, a part, and a remix; one clip is asked."""
    bring(
        workspace, tmp_path,
        an_item("podcast:episode", title="The episode", published_at="2026-03-01T00:00:00Z"),
        an_item("youtube:video", title="The video", published_at="2026-03-02T00:00:00Z"),
        *(an_item(f"tiktok:{name}") for name in ("clip", "copy", "post", "part", "remix", "asked")),
        an_item("youtube:alone"),
        an_edge("youtube:video", "podcast:episode", "same_work"),
        an_edge("tiktok:clip", "youtube:video", "clip_of"),
        an_edge("tiktok:copy", "tiktok:clip", "same_work"),
        an_edge("tiktok:post", "tiktok:clip", "promotes"),
        an_edge("tiktok:part", "podcast:episode", "part_of"),
        an_edge("tiktok:remix", "youtube:video", "derived_from"),
        an_edge("tiktok:asked", "youtube:video", "clip_of", state="suggested", confidence=0.6),
    )  # fmt: skip
    return workspace


def verdicts(reached: tuple[Inherited, ...]) -> dict[str, str]:
    """{native id: verdict} of a family with one term."""
    assert len({row.term.id for row in reached}) == 1
    return {row.native_id: str(row.verdict) for row in reached}


def only(reached: tuple[Inherited, ...], name: str) -> Inherited:
    [row] = [row for row in reached if row.native_id == name]
    return row


def test_the_table_has_a_rule_with_a_reason_for_every_kind_and_relation() -> None:
    assert set(RULES) == set(itertools.product(TermKind, RELATIONS))
    assert all(rule.why.endswith(".") for rule in RULES.values())
    for kind in TermKind:
        assert RULES[kind, "same_work"].verdict is Verdict.APPLIES
        assert all(RULES[kind, other].verdict is not Verdict.APPLIES for other in RELATIONS if other != "same_work")


@given(st.sampled_from(TermKind), st.lists(st.sampled_from(RELATIONS)), st.lists(st.sampled_from(RELATIONS)))
def test_a_longer_way_never_makes_a_term_stronger(kind: TermKind, first: list[str], then: list[str]) -> None:
    both = max(weakest(kind, first).verdict, weakest(kind, then).verdict, key=STRENGTH.index)
    assert weakest(kind, first + then).verdict is both
    assert weakest(kind, []) is OWN


@pytest.mark.parametrize("kind", ["sponsorship", "disclosure"])
def test_a_sponsor_and_a_duty_to_disclose_reach_the_same_work_and_ask_about_the_rest(
    family: Workspace, kind: str
) -> None:
    family.terms.add("podcast:episode", kind=kind, party="Trailhead")
    assert verdicts(family.terms.inherited("tiktok:post")) == {
        "episode": "applies", "video": "applies", "clip": "check", "copy": "check", "post": "check", "part": "check",
        "remix": "check",
    }  # fmt: skip


def test_a_licence_speaks_of_cut_downs_perhaps_and_of_posts_about_them_never(family: Workspace) -> None:
    family.terms.add("podcast:episode", kind="usage_rights", party="Trailhead")
    assert verdicts(family.terms.inherited("podcast:episode")) == {
        "episode": "applies", "video": "applies", "clip": "check", "copy": "check", "post": "does_not_apply",
        "part": "check", "remix": "check",
    }  # fmt: skip


def test_which_twin_is_the_parent_makes_no_difference(family: Workspace) -> None:
    family.terms.add("youtube:video", kind="sponsorship", party="Trailhead")
    reached = family.terms.inherited("podcast:episode")
    assert verdicts(reached)["episode"] == "applies"
    part = only(reached, "part")
    assert (part.verdict, [(step.relation, step.down) for step in part.path]) == (
        Verdict.CHECK, [("same_work", False), ("part_of", True)],
    )  # fmt: skip


def test_a_clips_sponsor_binds_what_was_made_of_the_clip_and_never_the_episode(family: Workspace) -> None:
    family.terms.add("tiktok:clip", kind="sponsorship", party="Trailhead")
    assert verdicts(family.terms.inherited("podcast:episode")) == {
        "clip": "applies",
        "copy": "applies",
        "post": "check",
    }
    family.terms.remove(family.terms.list()[0].id)
    family.terms.add("tiktok:copy", kind="sponsorship", party="Trailhead")
    # Up to its twin, down from there, and no further up.
    assert verdicts(family.terms.inherited("podcast:episode")) == {
        "clip": "applies",
        "copy": "applies",
        "post": "check",
    }


def test_the_way_names_the_edges_from_the_ancestor_on(family: Workspace) -> None:
    term = family.terms.add("podcast:episode", kind="usage_rights", party="Trailhead", detail="paid social")
    post = only(family.terms.inherited("podcast:episode"), "post")
    assert post.term == term
    assert [step.relation for step in post.path] == ["same_work", "clip_of", "promotes"]
    edges = {edge.id: (edge.child.native_id, edge.parent.native_id) for edge in family.content.edges()}
    assert [edges[step.edge_id] for step in post.path] == [("video", "episode"), ("clip", "video"), ("post", "clip")]
    # The reason is that of the weakest edge, not of the first or the last.
    assert post.why == RULES[TermKind.USAGE_RIGHTS, "promotes"].why
    own = only(family.terms.inherited("podcast:episode"), "episode")
    assert (own.is_own, own.path, own.verdict) == (True, (), Verdict.APPLIES)


def test_a_suggestion_passes_nothing_on_until_it_is_confirmed(family: Workspace) -> None:
    family.terms.add("youtube:video", kind="disclosure")
    assert "asked" not in verdicts(family.terms.inherited("youtube:video"))
    [edge] = family.content.edges(state="suggested")
    family.content.confirm(str(edge.id))
    assert verdicts(family.terms.inherited("youtube:video"))["asked"] == "check"
    family.content.reject(str(edge.id))
    assert "asked" not in verdicts(family.terms.inherited("youtube:video"))
    assert family.terms.inherited("tiktok:asked") == ()


def test_what_an_item_was_agreed_for_itself_needs_no_look(family: Workspace) -> None:
    family.terms.add("youtube:video", kind="sponsorship", party="Trailhead")
    family.terms.add("tiktok:clip", kind="sponsorship", party="TRAILHEAD")
    clip = [row for row in family.terms.inherited("tiktok:clip") if row.native_id == "clip"]
    assert [(row.is_own, row.verdict) for row in clip] == [(True, Verdict.APPLIES), (False, Verdict.APPLIES)]
    assert "itself" in clip[1].why
    # Somebody else's sponsorship says nothing of this one.
    family.terms.add("youtube:video", kind="sponsorship", party="Summit")
    summit = [row for row in family.terms.inherited("tiktok:clip") if row.term.party == "Summit"]
    assert only(tuple(summit), "clip").verdict is Verdict.CHECK


def test_a_licence_that_is_over_permits_nothing_and_says_so(family: Workspace) -> None:
    family.terms.add("youtube:video", kind="usage_rights", ends_on=YESTERDAY)
    reached = family.terms.inherited("youtube:video")
    assert {(row.verdict, row.standing) for row in reached} == {(Verdict.DOES_NOT_APPLY, Standing.ENDED)}
    assert "ended on 2026-10-31" in reached[0].why
    # Both days are within it.
    assert only(family.terms.inherited("youtube:video", on=YESTERDAY), "video").verdict is Verdict.APPLIES


def test_a_term_that_has_not_begun_does_not_bind_yet(family: Workspace) -> None:
    family.terms.add("youtube:video", kind="usage_rights", starts_on=TOMORROW)
    row = only(family.terms.inherited("youtube:video"), "video")
    assert (row.verdict, row.standing) == (Verdict.DOES_NOT_APPLY, Standing.NOT_BEGUN)
    assert "begins on 2026-11-02" in row.why
    assert only(family.terms.inherited("youtube:video", on=TOMORROW), "video").verdict is Verdict.APPLIES


def test_what_was_paid_for_is_still_looked_at_when_the_deal_is_over(family: Workspace) -> None:
    family.terms.add("youtube:video", kind="disclosure", ends_on=YESTERDAY)
    row = only(family.terms.inherited("youtube:video"), "episode")
    assert (row.verdict, row.standing) == (Verdict.CHECK, Standing.ENDED)
    assert "stays advertising" in row.why


def test_an_item_that_is_alone_has_its_own_terms(family: Workspace) -> None:
    assert family.terms.inherited("youtube:alone") == ()
    family.terms.add("youtube:alone", kind="disclosure")
    assert verdicts(family.terms.inherited("youtube:alone")) == {"alone": "applies"}


def test_items_come_in_the_order_of_the_tree_with_their_own_terms_first(family: Workspace) -> None:
    family.terms.add("podcast:episode", kind="disclosure")
    family.terms.add("youtube:video", kind="sponsorship")
    reached = family.terms.inherited("youtube:video")
    assert list(dict.fromkeys(row.native_id for row in reached))[:3] == ["episode", "video", "clip"]
    assert [row.is_own for row in reached if row.native_id == "video"] == [True, False]


def test_any_family_is_judged_as_by_walking_its_edges_one_by_one(workspace: Workspace, tmp_path: Path) -> None:
    """Against a plain model: from the term's item, down any edge, up only to a twin; the weakest edge counts."""
    chance = random.Random(20261101)
    names = [f"tiktok:{at}" for at in range(40)]
    above = {at: (chance.randrange(at), chance.choice(RELATIONS)) for at in range(1, 40)}
    bring(
        workspace, tmp_path, *map(an_item, names),
        *(an_edge(names[child], names[parent], relation) for child, (parent, relation) in above.items()),
    )  # fmt: skip
    holders = chance.sample(range(40), 8)
    for at in holders:
        workspace.terms.add(names[at], kind=chance.choice(list(TermKind)), party=f"Brand {at}")
    with workspace.access.transaction(Permission.READ) as session:
        tenant_id = workspace.tenant.id
        family_id = family_of(session, tenant_id=tenant_id, item_id=find_item(session, names[0]))
        reached = inherited_terms(session, tenant_id=tenant_id, family_id=family_id, on=TODAY)

    expected = set()
    for at in holders:
        kind = next(row.term.kind for row in reached if row.term.party == f"Brand {at}")
        walked, waiting = set(), [(at, Verdict.APPLIES)]
        while waiting:
            here, verdict = waiting.pop()
            walked.add(here)
            expected.add((f"Brand {at}", str(here), verdict))
            steps = [(child, relation) for child, (parent, relation) in above.items() if parent == here]
            if here in above and above[here][1] == "same_work":
                steps.append(above[here])
            waiting += [
                (there, max(verdict, RULES[kind, relation].verdict, key=STRENGTH.index))
                for there, relation in steps
                if there not in walked
            ]
    assert {(row.term.party, row.native_id, row.verdict) for row in reached} == expected


def test_terms_are_listed_with_what_they_are_about(family: Workspace) -> None:
    endless = family.terms.add("youtube:video", kind=" Usage-Rights ", party=" Trailhead ", detail="  ")
    ends = family.terms.add("tiktok:clip", kind="sponsorship", starts_on=TODAY, ends_on=TODAY)
    assert family.terms.list() == (endless, ends)
    assert (endless.kind, endless.party, endless.detail, endless.title) == (
        TermKind.USAGE_RIGHTS, "Trailhead", None, "The video",
    )  # fmt: skip
    assert family.terms.list("tiktok:clip") == (ends,)
    assert family.terms.list(creator="Ann Lee") == (endless, ends)
    with pytest.raises(NotFound):
        family.terms.list(creator="Nobody")


def test_the_same_is_noted_once(family: Workspace) -> None:
    family.terms.add("youtube:video", kind="sponsorship", party="Trailhead", ends_on=TODAY)
    with pytest.raises(TermThere, match="noted for youtube:video already"):
        family.terms.add("youtube:video", kind="sponsorship", party="Trailhead", ends_on=TODAY)
    family.terms.add("youtube:video", kind="sponsorship", party="Trailhead", ends_on=TOMORROW)
    assert len(family.terms.list()) == 2


def test_what_cannot_be_a_term_is_refused_with_what_can(family: Workspace) -> None:
    with pytest.raises(InvalidInput, match="no kind of term") as refused:
        family.terms.add("youtube:video", kind="gift")
    assert "usage_rights" in (refused.value.hint or "")
    with pytest.raises(InvalidInput, match="before it begins"):
        family.terms.add("youtube:video", kind="sponsorship", starts_on=TODAY, ends_on=YESTERDAY)
    with pytest.raises(NotFound):
        family.terms.add("youtube:nothing", kind="sponsorship")
    assert family.terms.list() == ()


def test_a_term_is_taken_away_by_its_id_or_the_end_of_it(family: Workspace) -> None:
    first = family.terms.add("youtube:video", kind="sponsorship", party="Trailhead")
    second = family.terms.add("youtube:video", kind="disclosure")
    assert family.terms.remove(first.id.hex[-8:].upper()) == first
    assert family.terms.remove(second.id) == second
    for wrong, error in (("abc", InvalidInput), ("what?!", InvalidInput), (str(uuid4()), NotFound)):
        with pytest.raises(error):
            family.terms.remove(wrong)
    assert family.terms.inherited("youtube:video") == ()


def test_the_audit_log_says_who_noted_what_and_not_the_detail(family: Workspace, owner_connection: Connection) -> None:
    row = family.terms.add("youtube:video", kind="sponsorship", party="Trailhead", detail="8,000 EUR", ends_on=TODAY)
    family.terms.remove(row.id)
    with in_tenant(owner_connection, family.tenant.id):
        logged = owner_connection.execute(
            "SELECT action, subject, detail FROM audit_log WHERE action LIKE 'content.term%' ORDER BY sequence"
        ).fetchall()
    assert [(action, subject) for action, subject, _ in logged] == [
        ("content.term_added", f"item:{row.item_id}"), ("content.term_removed", f"item:{row.item_id}"),
    ]  # fmt: skip
    assert logged[0][2]["party"] == "Trailhead"
    assert "8,000" not in str(logged)
    assert family.verify_audit().intact


def test_terms_are_for_those_who_may_see_terms(family: Workspace, engagerr: Engagerr) -> None:
    row = family.terms.add("youtube:video", kind="sponsorship")
    analyst, viewer = (colleague(family, engagerr, role) for role in ("analyst", "viewer"))
    assert analyst.terms.list() == (row,)
    for attempt in (
        lambda: analyst.terms.add("youtube:video", kind="disclosure"), lambda: analyst.terms.remove(row.id),
        viewer.terms.list, lambda: viewer.terms.inherited("youtube:video"),
    ):  # fmt: skip
        with pytest.raises(Forbidden):
            attempt()


def test_another_tenants_terms_do_not_exist_here(family: Workspace, other_workspace: Workspace) -> None:
    row = family.terms.add("youtube:video", kind="sponsorship")
    assert other_workspace.terms.list() == ()
    for attempt in (
        lambda: other_workspace.terms.remove(row.id), lambda: other_workspace.terms.remove(row.id.hex[-8:]),
        lambda: other_workspace.terms.inherited(str(row.item_id)),
        lambda: other_workspace.terms.add(str(row.item_id), kind="sponsorship"),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            attempt()
    assert family.terms.list() == (row,)
