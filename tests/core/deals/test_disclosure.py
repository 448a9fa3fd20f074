"""What is advertising says so: read by the rule of a country and a day, over the whole family, before money goes."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from engagerr import Workspace
from engagerr.core.content.families import FamilyNode
from engagerr.core.deals.delivery.disclosure import (
    Asked,
    Finding,
    Judgement,
    Piece,
    fold_of,
    judge,
    judged_hash,
    names,
    reached,
    read_labels,
)
from engagerr.core.deals.delivery.disclosure_gate import CheckRow
from engagerr.core.deals.delivery.disclosure_rules import GENERAL, LABELS, REGIMES, countries, regime_of, wording_of
from engagerr.core.errors import Conflict, Forbidden, InvalidInput
from engagerr.core.events.tasks import open_tasks
from engagerr.core.tenancy import Permission
from hypothesis import given
from hypothesis import strategies as st
from tests.core.deals.signed_deals import SignedDeal, a_signed_deal
from tests.core.deals.test_deliverables import DRAFT, hold_of, of
from tests.factories import colleague
from tests.fakes.clock import SteeredClock
from tests.lines import an_edge, an_item, bring

SHARED = Path(__file__).parents[4] / "shared" / "data"
A_LONG_TEXT = "Three weeks in the mountains, and this is what was left of them in the end. " * 3


def judged(body: str, country: str | None = "US", *, platform: str = "instagram", **asked: Any) -> Judgement:
    return judge(Piece(platform, None, body), Asked(regime_of(country, date(2026, 11, 1)), **asked))


def labels(text: str) -> set[str]:
    return {one.label for one in read_labels(text)}


# ── The rules ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("country", ["DE", "AT", "CH", "FR", "ES", "IT", "GB", "US", "AU", "CA", "IE", "BR", None])
def test_the_wording_that_a_contract_asks_for_is_enough_where_it_is_asked(country: str | None) -> None:
    wording = wording_of(country)
    for label in (f"{wording}:", f"#{wording.removeprefix('#')}"):
        assert judged(f"{label} a week in the mountains", country, wording=(wording,)).finding is Finding.DISCLOSED


def test_every_rule_has_a_source_and_names_labels_that_there_are() -> None:
    known = {label.name for label in LABELS}
    for regime in (*REGIMES, GENERAL):
        assert regime.source
        assert regime.clear
        assert regime.clear <= known
        assert regime.clear_for_gifts <= known
    days = [(regime.country, -regime.since.toordinal()) for regime in REGIMES]
    assert all(a < b for a, b in itertools.pairwise(days) if a[0] == b[0])  # the newest first


def test_no_hashtag_belongs_to_two_labels() -> None:
    hashtags = [hashtag for label in LABELS for hashtag in label.hashtags]
    assert len(hashtags) == len(set(hashtags))
    assert all(hashtag == hashtag.casefold() and hashtag.isalnum() for hashtag in hashtags)


@pytest.mark.parametrize(
    ("country", "day", "name"),
    [
        ("GB", date(2026, 11, 1), "GB 2020-02-06"),
        ("GB", date(2020, 2, 5), "GB 2018-09-28"),
        ("GB", date(2018, 9, 27), "general 2005-06-12"),
        ("FR", date(2024, 11, 7), "FR 2023-06-11"),
        ("FR", date(2024, 11, 8), "FR 2024-11-08"),
        ("FR", date(2023, 6, 10), "general 2005-06-12"),
        ("ZZ", date(2026, 11, 1), "general 2005-06-12"),
        (None, date(2026, 11, 1), "general 2005-06-12"),
        ("US", None, "US 2019-11-05"),
    ],
)
def test_a_post_is_judged_by_the_rule_of_its_day(country: str | None, day: date | None, name: str) -> None:
    assert regime_of(country, day).name == name


def test_countries_with_a_rule_of_their_own_are_listed() -> None:
    assert countries() == ("AU", "BE", "BR", "CA", "DE", "ES", "FR", "GB", "IE", "IT", "NL", "US")


# ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("#ad New shoes", "ad"), ("#AD", "ad"), ("Ad: new shoes", "ad"), ("[AD] shoes", "ad"), ("(ad) shoes", "ad"),
        ("👟 Ad | shoes", "ad"), ("Ad\nshoes", "ad"), ("Ad with @trailpeak", "ad"), ("𝗔𝗱: shoes", "ad"), ("＃ad", "ad"),
        ("#advertisement", "advertisement"), ("#sponsored", "sponsored"),
        ("This video is sponsored by X.", "sponsored"),
        ("Thank you to X for sponsoring this episode", "sponsored"), ("Thank you to our sponsors", "sponsored"),
        ("Paid partnership with X", "paid_partnership"), ("#Werbung | Schuhe", "werbung"),
        ("Anzeige: Schuhe", "anzeige"),
        ("Dieses Video enthält Werbung", "werbung"), ("Unbezahlte Werbung, da Markennennung", "werbung"),
        ("Publicité – chaussures", "publicite"), ("#PUBLICITE", "publicite"),
        ("Collaboration commerciale avec X", "collaboration_commerciale"), ("#pubblicità", "pubblicita"),
        ("Sponsorizzato da X", "promosso_da"), ("#publi", "publicidad"), ("#adv", "adv"), ("#sp", "spon"),
        ("#spon", "spon"), ("Thanks to @trailpeak", "thanks"), ("#gifted", "gift"),
        ("in collaboration with X", "collaboration"),
        ("use my code ANN10", "affiliate"), ("brought to you by X", "brought_by"),
    ],
)  # fmt: skip
def test_labels_are_read_however_they_are_written(text: str, label: str) -> None:
    assert label in labels(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "Ad Astra, a film", "Add salt", "Adidas shoes", "The ad break is too long", "#adventure #adidas #advice",
        "Ad-free since 2019", "This video is not sponsored.", "not an ad", "NOT sponsored by anybody", "#notsponsored",
        "keine Werbung", "Ich hasse Werbung im Fernsehen", "Werbungskosten von der Steuer absetzen", "sans publicité",
        "unsponsored", "It isn't sponsored by X", "partnership of two rivers", "a powerful ad campaign of 1984",
        "Die Anzeige am Tacho", "reclamebureau", "#spice", "ponsored",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_label_is_none(text: str) -> None:
    assert labels(text) == set()


def test_a_label_stands_where_it_stands_in_the_text_as_it_is() -> None:
    text = "Größe ﬁne 👟: This Video Is Sponsored by X"
    [found] = read_labels(text)
    assert text[found.at :].startswith(found.words) is True
    assert found.words == "Is Sponsored"


@given(st.text(max_size=400))
def test_any_text_at_all_can_be_read_and_judged(text: str) -> None:
    for found in read_labels(text):
        assert 0 <= found.at < len(text)
        assert found.words in text
    for country in (*countries(), None):
        judge(Piece("instagram", None, text), Asked(regime_of(country, None), wording=("#ad",)))


@given(
    st.text(alphabet=st.characters(codec="ascii", categories=["Ll", "Zs"]), max_size=200),
    st.sampled_from(["US", "GB", "DE"]),
)
def test_a_label_at_the_very_beginning_is_enough_whatever_follows(text: str, country: str) -> None:
    head = "Anzeige" if country == "DE" else "Ad"
    assert judged(f"{head}: {text}", country).finding is Finding.DISCLOSED


# ── Judging ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "country", "finding"),
    [
        ("#ad New shoes", "US", Finding.DISCLOSED),
        ("New shoes from @trailpeak #sponsored", "US", Finding.DISCLOSED),
        ("New shoes from @trailpeak #sponsored", "GB", Finding.WEAK),
        ("Paid partnership with @trailpeak. New shoes", "GB", Finding.WEAK),
        ("Ad - new shoes", "GB", Finding.DISCLOSED),
        ("#ad Neue Schuhe", "DE", Finding.WEAK),
        ("Anzeige | Neue Schuhe", "DE", Finding.DISCLOSED),
        ("Neue Schuhe, drei Wochen lang getestet. #werbung", "DE", Finding.WEAK),
        ("Collaboration commerciale : chaussures", "FR", Finding.DISCLOSED),
        ("Partenariat rémunéré avec X", "FR", Finding.DISCLOSED),
        ("#sponsorisé Chaussures", "FR", Finding.WEAK),
        ("Publi: zapatillas", "ES", Finding.DISCLOSED),
        ("#collab with @trailpeak", "US", Finding.WEAK),
        ("#sp @trailpeak", "US", Finding.WEAK),
        ("Thanks @trailpeak for the shoes", "US", Finding.WEAK),
        ("New shoes", "US", Finding.MISSING),
        ("Werbung: Schuhe", None, Finding.DISCLOSED),
        ("#gifted shoes", None, Finding.WEAK),
    ],
)
def test_what_is_clear_depends_on_the_country(body: str, country: str | None, finding: Finding) -> None:
    judgement = judged(body, country)
    assert judgement.finding is finding, judgement


def test_behind_more_is_too_late() -> None:
    assert judged("#ad " + A_LONG_TEXT).finding is Finding.DISCLOSED
    late = judged(A_LONG_TEXT + " #ad")
    assert (late.finding, late.found) == (Finding.WEAK, "#ad")
    assert "behind “more”: 125 characters are seen" in late.why
    # Pushed down by empty lines: the fold counts lines as well.
    assert judged("Shoes!\n.\n.\n.\n#ad").finding is Finding.WEAK
    # Where nothing is folded away, it may stand at the end.
    assert judged(A_LONG_TEXT + "\n\n#ad", platform="mastodon").finding is Finding.DISCLOSED


def test_a_hashtag_is_lost_in_a_row_of_others() -> None:
    assert judged("Run! #run #ad #shoes #trail").finding is Finding.DISCLOSED
    lost = judged("Run! #run #shoes #trail #fun #ad")
    assert (lost.finding, lost.why) == (Finding.WEAK, "“#ad” is lost as number 5 of a row of hashtags (US 2019-11-05).")
    # In Italy it is the first three of the post that count, wherever they stand.
    assert judged(A_LONG_TEXT + "#ad #corsa", "IT").finding is Finding.DISCLOSED
    assert judged(A_LONG_TEXT + "#corsa #scarpe #monti #ad", "IT").finding is Finding.WEAK


def test_a_gift_has_words_of_its_own_where_the_rule_says_so() -> None:
    assert judged("#gifted by @trailpeak", "US").finding is Finding.WEAK
    assert judged("#gifted by @trailpeak", "US", is_gift=True).finding is Finding.DISCLOSED
    assert judged("#gifted by @trailpeak", "GB", is_gift=True).finding is Finding.WEAK


@pytest.mark.parametrize(
    ("label", "country", "finding"),
    [
        (True, "AU", Finding.DISCLOSED), (True, "US", Finding.WEAK), (False, "US", Finding.MISSING),
        (None, "AU", Finding.MISSING),
    ],
)  # fmt: skip
def test_the_platforms_label_is_rarely_enough_alone(label: bool | None, country: str, finding: Finding) -> None:
    piece = Piece("youtube", "New shoes", None, label)
    assert judge(piece, Asked(regime_of(country, None))).finding is finding


def test_a_label_that_a_platform_does_not_tell_of_is_unknown_and_not_off() -> None:
    assert Piece.of("youtube", "x", None, {}).platform_label is None
    assert Piece.of("youtube", "x", None, {"paid_product_placement": None}).platform_label is None
    assert Piece.of("youtube", "x", None, {"paid_product_placement": False}).platform_label is False
    assert Piece.of("tiktok", "x", None, {"branded_content": True, "is_sponsored": False}).platform_label is True
    asked = Asked(regime_of("US", None), platform_label=True)
    assert judge(Piece("youtube", "x", "#ad", None), asked).finding is Finding.DISCLOSED
    assert judge(Piece("youtube", "x", "#ad", False), asked).finding is Finding.WEAK


def test_without_any_text_nobody_can_tell() -> None:
    assert judged("  ").finding is Finding.UNREADABLE


def test_the_contract_may_want_more_than_the_law() -> None:
    assert judged("Anzeige | Schuhe", "DE", wording=("#ad",)).finding is Finding.WEAK
    assert judged("Anzeige | #ad Schuhe", "DE", wording=("#ad",)).finding is Finding.DISCLOSED
    # Another form of the same label will do, and one of several wordings.
    assert judged("Ad: shoes", "US", wording=("#ad",)).finding is Finding.DISCLOSED
    assert judged("#sponsored shoes", "US", wording=("#ad", "#sponsored")).finding is Finding.DISCLOSED
    assert judged("#ad shoes", "US", wording=("Made with Trailpeak",)).finding is Finding.WEAK
    assert judged("#ad Made with TRAILPEAK: shoes", "US", wording=("Made with Trailpeak",)).finding is Finding.DISCLOSED


def test_a_title_is_read_without_a_click() -> None:
    piece = Piece("youtube", "[Ad] I ran 100 km", A_LONG_TEXT)
    assert judge(piece, Asked(regime_of("GB", None))).finding is Finding.DISCLOSED


def test_what_a_judgement_rests_on_has_a_hash_that_changes_with_it() -> None:
    piece, asked = Piece("youtube", "a", "b"), Asked(regime_of("GB", None))
    others = [
        (Piece("youtube", "a", "c"), asked), (Piece("youtube", "a", "b", True), asked),
        (piece, Asked(regime_of("US", None))), (piece, Asked(asked.regime, wording=("#ad",))),
        (piece, Asked(asked.regime, is_gift=True)), (piece, Asked(asked.regime, brand="X")),
    ]  # fmt: skip
    assert len({judged_hash(piece, asked), *(judged_hash(*other) for other in others)}) == 7


@pytest.mark.parametrize(
    ("text", "named"),
    [("new @TrailPeak shoes", True), ("#trailpeak", True), ("Trail Peak", True), ("a trail", False), ("", False)],
)
def test_a_brand_is_named_as_a_word_a_hashtag_or_a_mention(text: str, named: bool) -> None:
    assert names("Trail Peak", Piece("x", None, text)) is named
    assert names(None, Piece("x", None, text)) is False


def test_what_is_seen_is_counted_in_characters_and_lines() -> None:
    assert fold_of("instagram", "x" * 500) == 125
    assert fold_of("instagram", "a\nb\nc\nd") == 5
    assert fold_of("mastodon", "x" * 500) == 500
    assert fold_of("elsewhere", "x" * 500) == 150


def test_real_captions_of_sponsored_pieces_are_told_from_the_others() -> None:
    """Huberman Lab thanks its sponsors in the notes of every episode but previews of its own subscription."""
    source = SHARED / "relations" / "groups" / "huberman.jsonl"
    if not source.exists():
        pytest.skip("the shared data is not on this machine")
    lines = source.read_text(encoding="utf-8").splitlines()
    items = [item for line in lines for item in json.loads(line)["items"] if item.get("description")]
    sponsored = [item for item in items if "sponsor" in item["description"].lower()]
    others = [item for item in items if "sponsor" not in item["description"].lower()]
    assert (len(sponsored), len(others)) == (161, 16)
    assert all("sponsored" in labels(item["description"]) for item in sponsored)
    assert not any(labels(item["description"]) for item in others)


# ── The family ──────────────────────────────────────────────────────────────────────────────────────────────────────


def a_node(name: str, depth: int, relation: str | None = None) -> FamilyNode:
    return FamilyNode(
        id=uuid4(), platform="x", native_id=name, account="x:@a", kind=None, title=None, url=None, published_at=None,
        duration_seconds=None, depth=depth, edge_id=uuid4() if relation else None, relation=relation,
        edge_state="confirmed", confidence=None, hints_crosspost=False,
    )  # fmt: skip


def test_a_duty_goes_down_every_edge_and_up_to_the_same_work_alone() -> None:
    nodes = [
        a_node("episode", 1), a_node("video", 2, "same_work"), a_node("clip", 3, "clip_of"),
        a_node("copy", 4, "same_work"), a_node("post", 4, "promotes"), a_node("part", 2, "part_of"),
    ]  # fmt: skip
    ids = {node.native_id: node.id for node in nodes}

    def ways(name: str) -> dict[str, str]:
        return {one.name[2:]: one.way for one in reached(nodes, ids[name])}

    assert ways("video") == {
        "video": "own", "episode": "same_work", "part": "same_work > part_of", "clip": "clip_of",
        "copy": "clip_of > same_work", "post": "clip_of > promotes",
    }  # fmt: skip
    assert ways("clip") == {"clip": "own", "copy": "same_work", "post": "promotes"}
    assert ways("copy") == {"copy": "own", "clip": "same_work", "post": "same_work > promotes"}
    assert ways("part") == {"part": "own"}


Bring = Callable[..., Any]


@pytest.fixture
def deal(workspace: Workspace) -> SignedDeal:
    return a_signed_deal(workspace)


@pytest.fixture
def put(deal: SignedDeal, tmp_path: Path) -> Bring:
    """Bring items and edges into the workspace."""
    return lambda *lines: bring(deal.work, tmp_path, *lines)


def post(name: str, body: str | None, **fields: Any) -> dict[str, Any]:
    return an_item(name, creator=None, account="@ann", published_at="2026-11-01T00:00:00Z", body=body, **fields)


def approved(deal: SignedDeal) -> SignedDeal:
    deal.work.deliverables.submit(of(deal).id, link=DRAFT)
    deal.work.deliverables.approve(of(deal).id)
    return deal


def checks(deal: SignedDeal) -> dict[str, CheckRow]:
    return {one.item: one for one in deal.work.deliverables.show(of(deal).id).checks}


def blocks(deal: SignedDeal) -> list[str]:
    return [block.reason for block in hold_of(deal).blocks if block.kind == "disclosure"]


def test_a_piece_that_discloses_is_checked_at_once(deal: SignedDeal, put: Bring) -> None:
    put(post("youtube:video", "Ad: new shoes"))
    done = approved(deal).work.deliverables.live(of(deal).id, "youtube:video")
    assert (done.row.state, done.row.item, blocks(deal)) == ("checked", "youtube:video", [])
    [check] = done.checks
    assert (check.way, check.finding, check.found, check.regime) == ("own", Finding.DISCLOSED, "Ad", "US 2019-11-05")


def test_one_clip_that_does_not_disclose_blocks_the_money_of_the_milestone(deal: SignedDeal, put: Bring) -> None:
    put(
        post("youtube:video", "Ad: new shoes"), post("tiktok:clip", "The best part"),
        post("tiktok:copy", "Ad: the best part"), an_edge("tiktok:clip", "youtube:video"),
        an_edge("tiktok:copy", "tiktok:clip", "same_work"),
    )  # fmt: skip
    done = approved(deal).work.deliverables.live(of(deal).id, "youtube:video")
    assert done.row.state == "live"
    found = checks(deal)
    assert {name: (one.way, one.finding) for name, one in found.items()} == {
        "youtube:video": ("own", Finding.DISCLOSED), "tiktok:clip": ("clip_of", Finding.MISSING),
        "tiktok:copy": ("clip_of > same_work", Finding.DISCLOSED),
    }  # fmt: skip
    [reason] = blocks(deal)
    assert "tiktok:clip (clip of): Nothing in its text says that it is advertising" in reason
    with deal.work.access.transaction(Permission.READ) as session:
        assert [task.kind for task in open_tasks(session, tenant_id=deal.work.tenant.id)] == ["disclosure.missing"]


def test_a_corrected_caption_lifts_the_block_and_a_spoilt_one_brings_it_back(
    deal: SignedDeal, put: Bring, clock: SteeredClock
) -> None:
    put(post("youtube:video", "New shoes"))
    work = approved(deal).work.deliverables
    work.live(of(deal).id, "youtube:video")
    assert blocks(deal)
    for body, state in (("Ad: new shoes", "checked"), ("Shoes", "live"), ("#ad new shoes", "checked")):
        clock.advance(hours=1)
        put(post("youtube:video", body))
        rechecked = work.recheck()
        assert ([one.state for one in rechecked.changed], rechecked.failing) == ([state], int(state == "live"))
        assert bool(blocks(deal)) == (state == "live")
    assert work.recheck().changed == ()
    assert len([one for one in work.show(of(deal).id).steps if one.to_state == "live"]) == 2


def test_a_clip_that_joins_the_family_later_is_checked_too(deal: SignedDeal, put: Bring, clock: SteeredClock) -> None:
    put(post("youtube:video", "Ad: new shoes"))
    work = approved(deal).work.deliverables
    work.live(of(deal).id, "youtube:video")
    clock.advance(days=3)
    put(post("tiktok:clip", "Look!"), an_edge("tiktok:clip", "youtube:video"))
    assert [one.name for one in work.recheck().changed] == ["D1"]
    assert "tiktok:clip" in blocks(deal)[0]


def test_looking_again_at_what_did_not_change_writes_nothing(
    deal: SignedDeal, put: Bring, superuser_connection: psycopg.Connection[Any], clock: SteeredClock
) -> None:
    put(post("youtube:video", "New shoes"))
    work = approved(deal).work.deliverables
    work.live(of(deal).id, "youtube:video")

    def rows() -> list[Any]:
        return [
            superuser_connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            for table in ("deliverable_checks", "deliverable_steps", "hold_blocks", "content_terms", "audit_log")
        ]

    before = rows()
    clock.advance(days=1)
    work.check(of(deal).id)
    work.recheck()
    assert rows() == before


def test_a_person_lets_one_item_pass_with_a_reason_and_for_its_text_alone(
    deal: SignedDeal, put: Bring, clock: SteeredClock
) -> None:
    put(post("youtube:video", "Ad: shoes"), post("tiktok:clip", "Look!"), an_edge("tiktok:clip", "youtube:video"))
    work = approved(deal).work.deliverables
    work.live(of(deal).id, "youtube:video")
    with pytest.raises(InvalidInput, match="for a reason"):
        work.override(of(deal).id, reason=" ")
    done = work.override(of(deal).id, item="tiktok:clip", reason="The shoes are not in it.")
    assert (done.row.state, blocks(deal)) == ("checked", [])
    assert checks(deal)["tiktok:clip"].let_pass == "The shoes are not in it."
    with pytest.raises(Conflict, match="waits for that"):
        work.override(of(deal).id, reason="again")
    with deal.work.access.transaction(Permission.READ) as session:
        assert open_tasks(session, tenant_id=deal.work.tenant.id) == ()
    clock.advance(hours=1)
    put(post("tiktok:clip", "Look at my new @Trailpeak shoes!"))
    assert work.recheck().failing == 1
    assert len(blocks(deal)) == 1


def test_who_may_not_approve_lets_nothing_pass(deal: SignedDeal, put: Bring, engagerr: Any) -> None:
    put(post("youtube:video", "New shoes"))
    approved(deal).work.deliverables.live(of(deal).id, "youtube:video")
    with pytest.raises(Forbidden):
        colleague(deal.work, engagerr, "finance").deliverables.override(of(deal).id, reason="Fine.")
    assert blocks(deal)


def test_a_post_that_points_at_the_work_must_disclose_if_it_names_the_brand(deal: SignedDeal, put: Bring) -> None:
    put(
        post("youtube:video", "Ad: new shoes"), post("x:silent", "New video is out"),
        post("x:naming", "New video with Trailpeak is out"), an_edge("x:silent", "youtube:video", "promotes"),
        an_edge("x:naming", "youtube:video", "promotes"),
    )  # fmt: skip
    approved(deal).work.deliverables.live(of(deal).id, "youtube:video")
    found = checks(deal)
    assert (found["x:silent"].finding, found["x:naming"].finding) == (Finding.NOT_NEEDED, Finding.MISSING)


def test_two_pieces_of_a_milestone_share_a_block_that_stays_until_both_disclose(
    deal: SignedDeal, put: Bring, clock: SteeredClock
) -> None:
    work = deal.work.deliverables
    put(post("tiktok:one", "One"), post("tiktok:two", "Two"))
    for name, item in (("D2", "tiktok:one"), ("D2#2", "tiktok:two")):
        work.submit(of(deal, name).id, link=DRAFT)
        work.approve(of(deal, name).id)
        work.live(of(deal, name).id, item)
    clock.advance(hours=1)
    put(post("tiktok:two", "#ad Two"))
    work.recheck()
    assert [block.kind for block in hold_of(deal, "M2").blocks] == ["disclosure"]
    put(post("tiktok:one", "#ad One"))
    work.recheck()
    assert hold_of(deal, "M2").blocks == ()


def test_another_item_can_be_linked_and_the_first_one_counts_no_more(
    deal: SignedDeal, put: Bring, clock: SteeredClock
) -> None:
    put(post("youtube:wrong", "My holidays"), post("youtube:video", "Ad: shoes"))
    work = approved(deal).work.deliverables
    work.live(of(deal).id, "youtube:wrong")
    assert deal.work.terms.list("youtube:wrong")
    clock.advance(hours=1)
    assert work.live(of(deal).id, "youtube:video").row.state == "checked"
    assert (deal.work.terms.list("youtube:wrong"), blocks(deal), set(checks(deal))) == ((), [], {"youtube:video"})
    clock.advance(hours=1)
    assert work.live(of(deal).id, "youtube:wrong").row.state == "live"


def test_one_item_does_not_deliver_two_pieces(deal: SignedDeal, put: Bring) -> None:
    work = deal.work.deliverables
    put(post("tiktok:one", "#ad One"))
    for name in ("D2", "D2#2"):
        work.submit(of(deal, name).id, link=DRAFT)
        work.approve(of(deal, name).id)
    work.live(of(deal, "D2").id, "tiktok:one")
    with pytest.raises(Conflict, match=r"tiktok:one is D2 of .* already"):
        work.live(of(deal, "D2#2").id, "tiktok:one")
    with pytest.raises(Conflict, match="nothing is up yet"):
        work.check(of(deal, "D2#2").id)


def test_the_law_of_the_day_of_the_post_counts_and_not_that_of_the_check(workspace: Workspace, tmp_path: Path) -> None:
    deal = a_signed_deal(workspace)
    deal.terms["creators"][0]["country"] = "FR"
    deal.sign()
    for name, day in (("tiktok:old", "2024-11-07"), ("tiktok:new", "2024-11-08")):
        said = post(name, "Partenariat rémunéré : voici")
        bring(workspace, tmp_path, {**said, "published_at": f"{day}T00:00:00Z"})
    work = approved(deal).work.deliverables
    assert work.live(of(deal).id, "tiktok:old").checks[0].finding is Finding.WEAK
    assert work.live(of(deal).id, "tiktok:new").checks[0].finding is Finding.DISCLOSED


def test_the_other_side_sees_what_was_found_and_not_why_it_was_let_pass(
    workspace: Workspace, other_workspace: Workspace, tmp_path: Path, clock: SteeredClock
) -> None:
    deal = a_signed_deal(workspace, brand=other_workspace)
    bring(workspace, tmp_path, post("youtube:video", "New shoes"))
    piece = of(deal)
    workspace.deliverables.submit(piece.id, link=DRAFT)
    other_workspace.deliverables.approve(piece.id)
    workspace.deliverables.live(piece.id, "youtube:video")
    workspace.deliverables.override(piece.id, reason="internal words")
    seen = other_workspace.deliverables.show(piece.id)
    assert [(one.item, one.finding, one.let_pass) for one in seen.checks] == [("youtube:video", Finding.MISSING, None)]
    assert seen.row.state == "checked"
    assert "internal words" not in str(seen)
    with pytest.raises(Conflict, match="by the workspace that keeps the deal"):
        other_workspace.deliverables.override(piece.id, reason="mine")
    clock.advance(days=1)
    assert other_workspace.deliverables.recheck().pieces == 0


def test_money_is_not_released_while_a_piece_does_not_disclose(deal: SignedDeal, put: Bring) -> None:
    put(post("youtube:video", "New shoes"))
    approved(deal).work.deliverables.live(of(deal).id, "youtube:video")
    assert hold_of(deal).auto_release_at == deal.work.access.clock.now() + timedelta(days=7)
    assert hold_of(deal).blocks[0].kind == "disclosure"
