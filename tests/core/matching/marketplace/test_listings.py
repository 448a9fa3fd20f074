"""Listings: what is chosen is shown, as it was chosen, version by version, and nothing else is."""

from __future__ import annotations

import dataclasses
from datetime import date

import pytest
from engagerr import Engagerr, Forbidden, InvalidInput, Money, NotFound
from engagerr.core.db.schema.discovery import public_figures
from engagerr.core.matching.marketplace.listings import NotToBePitched
from engagerr.core.matching.marketplace.snapshot import GROUPS, SHOWABLE, ListingSnapshot
from tests.core.matching.marketplace.conftest import FIGURES_OF, MARK, RATE, Side, add_creator, side
from tests.factories import colleague
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Connection


def test_a_snapshot_has_a_field_for_every_public_figure_and_for_nothing_else() -> None:
    public = {str(column.name) for column in public_figures()} - {"words"}
    assert {field.name for field in dataclasses.fields(ListingSnapshot)} == public | {"headline", "about"}
    assert set(SHOWABLE) == public - {"name", "rates", "missing", "figures_as_of"}
    assert len(SHOWABLE) == len(set(SHOWABLE)) == sum(map(len, GROUPS.values()))


def test_the_first_listing_shows_who_it_is_and_whom_they_reach(agency: Side) -> None:
    page = agency.market.listings.publish("Ann Lee", headline="Long walks, short videos")
    shown = page.versions[0].shown
    assert (page.state, page.version) == ("published", 1)
    assert (shown.name, shown.headline, shown.country) == ("Ann Lee", "Long walks, short videos", "DE")
    assert (shown.languages, shown.topics, shown.platforms) == (("de",), ("outdoor",), ("youtube",))
    assert (shown.followers, shown.growth_30d, shown.figures_as_of) == (48_000, 0.021, FIGURES_OF)
    assert shown.audience == {}
    assert shown.unavailable == ()
    assert shown.rates == {}


def test_a_figure_that_is_missing_says_why_and_one_that_was_not_chosen_says_nothing(agency: Side) -> None:
    shown = agency.market.listings.publish("Ann Lee", fields=["reach", "posts_30d"]).versions[0].shown
    assert shown.growth_90d is None
    assert shown.missing["growth_90d"] == "not_observed"
    assert shown.missing["posts_30d"] == "not_observed"
    assert "engagement_by_views" not in shown.missing
    assert shown.country is None


def test_documents_of_a_profile_are_read_key_by_key(agency: Side) -> None:
    shown = agency.market.listings.publish("Ann Lee", fields=["reach", "audience", "availability"]).versions[0].shown
    assert shown.by_platform == {"youtube": {"followers": 48_000}}
    assert shown.audience == {"country": {"DE": 0.41}}
    assert shown.unavailable == ((date(2027, 3, 1), date(2027, 4, 1)),)


def test_rates_are_stated_and_never_taken_from_the_rate_card(agency: Side) -> None:
    asked = Money(250_000, "EUR")
    page = agency.market.listings.publish("Ann Lee", rates={"youtube_integration": asked})
    assert page.versions[0].shown.quoted == (("youtube_integration", asked),)
    with pytest.raises(InvalidInput, match="cannot show 'rates'"):
        agency.market.listings.publish("Ann Lee", fields=["rates"])


@pytest.mark.parametrize("minor", [0, -1])
def test_a_price_of_nothing_is_no_price(agency: Side, minor: int) -> None:
    with pytest.raises(InvalidInput, match="is no rate"):
        agency.market.listings.publish("Ann Lee", rates={"reel": Money(minor, "EUR")})
    assert agency.market.listings.list() == ()


@pytest.mark.parametrize(("written", "meant"), [("idenity", "identity"), ("Reach", "reach"), ("follower", "followers")])
def test_a_figure_that_is_nearly_one_is_refused_with_its_name(agency: Side, written: str, meant: str) -> None:
    with pytest.raises(InvalidInput, match="cannot show") as refused:
        agency.market.listings.preview("Ann Lee", fields=[written])
    assert str(refused.value.hint).startswith(f"Did you mean {meant}?")


@pytest.mark.parametrize("field", ["agent", "commission_rate", "handles", "brands", "do_not_pitch", "name; --", ""])
def test_only_what_stands_in_the_list_can_be_chosen(agency: Side, field: str) -> None:
    with pytest.raises(InvalidInput, match="cannot show"):
        agency.market.listings.publish("Ann Lee", fields=[field])
    assert agency.market.listings.list() == ()


def test_the_vector_is_shown_only_where_it_was_chosen(agency: Side, superuser_connection: Connection) -> None:
    for meaning, shown in ((None, None), (True, "words 1"), (None, "words 1"), (False, None)):
        agency.market.listings.publish("Ann Lee", meaning=meaning)
        row = superuser_connection.execute("SELECT space, vector IS NULL FROM market_listings").fetchone()
        assert row == (shown, shown is None)


def test_a_preview_is_exactly_what_is_published_and_publishes_nothing(agency: Side, third: Side) -> None:
    words = {"fields": ["identity", "audience", "record"], "headline": "Ann", "rates": {"story": Money(1000, "EUR")}}
    preview = agency.market.listings.preview("Ann Lee", **words)  # type: ignore[arg-type]
    assert agency.market.listings.list() == ()
    assert third.market.shelf.browse().listings == ()
    agency.market.listings.publish("Ann Lee", **words)  # type: ignore[arg-type]
    assert third.market.shelf.browse().listings[0].shown == preview.shown
    assert (preview.next_version, preview.refused) == (1, None)


def test_publishing_again_keeps_the_choice_takes_the_new_figures_and_adds_a_version(
    agency: Side, clock: SteeredClock, superuser_connection: Connection
) -> None:
    rates = {"story": Money(90_000, "EUR")}
    agency.market.listings.publish("Ann Lee", fields=["followers"], headline="Ann", rates=rates)
    superuser_connection.execute("UPDATE creator_profiles SET followers = 51000")
    clock.advance(days=7)
    page = agency.market.listings.publish("Ann Lee", about="She walks.")
    newest, first = page.versions
    assert (page.version, newest.version, first.version) == (2, 2, 1)
    assert (first.shown.followers, newest.shown.followers) == (48_000, 51_000)
    assert (newest.shown.headline, newest.shown.about, dict(newest.shown.quoted)) == ("Ann", "She walks.", rates)
    assert first.shown.about is None
    assert agency.market.listings.publish("Ann Lee", headline="", rates={}).versions[0].shown.headline is None


def test_a_withdrawn_listing_is_gone_for_others_and_keeps_its_versions(agency: Side, third: Side) -> None:
    agency.market.listings.publish("Ann Lee")
    page = agency.market.listings.withdraw("Ann Lee")
    assert (page.state, len(page.versions)) == ("withdrawn", 1)
    assert third.market.shelf.browse().listings == ()
    with pytest.raises(NotFound):
        third.market.shelf.show(page.id)
    assert agency.market.listings.withdraw("Ann Lee") == page  # again changes nothing
    agency.market.listings.publish("Ann Lee")
    assert third.market.shelf.show(page.id).version == 2


def test_a_listing_is_found_by_the_creator_or_by_its_own_id(agency: Side) -> None:
    page = agency.market.listings.publish("Ann Lee")
    assert agency.market.listings.show(str(page.id)) == agency.market.listings.show("ann lee") == page
    with pytest.raises(NotFound, match="no listing of 'Nobody'"):
        agency.market.listings.show("Nobody")
    row = agency.market.listings.list()[0]
    assert (row.creator, row.state, row.version) == ("Ann Lee", "published", 1)


def test_a_creator_without_a_profile_can_be_listed_and_the_figures_are_missing(agency: Side) -> None:
    agency.work.roster.add("Ben Ode", country="AT")
    shown = agency.market.listings.publish("Ben Ode").versions[0].shown
    assert (shown.country, shown.followers, shown.missing["followers"]) == ("AT", None, "not_observed")


def test_a_creators_own_workspace_publishes_for_itself(engagerr: Engagerr, third: Side) -> None:
    own = engagerr.init("Ann Lee", kind="creator", email="ann@lee.example")
    add_creator(own, "Ann Lee")
    side(own).market.listings.publish("Ann Lee")
    assert [found.publisher for found in third.market.shelf.browse().listings] == ["Ann Lee"]


@pytest.mark.parametrize(
    "words",
    [
        f"She is {MARK} note of the terms.",
        "Write to ann@northlight.example",
        "Call +49 30 901820 any day",
        f"From {RATE} a video",
        "For 73,313.37 EUR you get a video",
        "x" * 2_001,
        "turned \u202e round",
    ],
)
def test_a_text_that_gives_something_away_is_refused(agency: Side, words: str) -> None:
    with pytest.raises(InvalidInput, match="text about the creator"):
        agency.market.listings.publish("Ann Lee", about=words)
    with pytest.raises(InvalidInput, match="text about the creator"):
        agency.market.listings.preview("Ann Lee", about=words)


def test_an_amount_that_is_shown_on_purpose_may_be_named(agency: Side) -> None:
    page = agency.market.listings.publish("Ann Lee", about=f"From {RATE} a video", rates={"video": RATE})
    assert page.versions[0].shown.about == f"From {RATE} a video"
    words = "+1 200 000 people watch, and 1,200,000 more"
    assert agency.market.listings.publish("Ann Lee", rates={}, about=words).versions[0].shown.about == words


def test_a_creator_who_is_not_to_be_pitched_is_not_listed(agency: Side) -> None:
    agency.work.roster.edit("Ann Lee", do_not_pitch=True, do_not_pitch_reason="on leave")
    with pytest.raises(NotToBePitched, match="Ann Lee is not to be pitched"):
        agency.market.listings.publish("Ann Lee")
    preview = agency.market.listings.preview("Ann Lee")
    assert preview.refused is not None
    assert "not to be pitched" in preview.refused


def test_do_not_pitch_takes_a_listing_off_the_shelf_at_once(agency: Side, third: Side) -> None:
    listing = agency.market.listings.publish("Ann Lee").id
    agency.work.roster.edit("Ann Lee", do_not_pitch=True)
    assert third.market.shelf.browse().listings == ()
    assert agency.market.listings.show("Ann Lee").state == "withdrawn"
    agency.work.roster.edit("Ann Lee", do_not_pitch=False)
    assert third.market.shelf.browse().listings == ()  # somebody has to want it again
    agency.market.listings.publish("Ann Lee")
    assert third.market.shelf.show(listing).version == 2


def test_who_may_not_trade_reads_and_does_not_publish(agency: Side, engagerr: Engagerr) -> None:
    agency.market.listings.publish("Ann Lee")
    analyst = side(colleague(agency.work, engagerr, "analyst")).market
    assert analyst.listings.list()
    for verb in (analyst.listings.publish, analyst.listings.preview, analyst.listings.withdraw):
        with pytest.raises(Forbidden, match="publish to the marketplace"):
            verb("Ann Lee")


def test_publishing_and_withdrawing_stand_in_the_audit_log(agency: Side, superuser_connection: Connection) -> None:
    agency.market.listings.publish("Ann Lee", rates={"story": Money(1000, "EUR")})
    agency.market.listings.withdraw("Ann Lee")
    found = superuser_connection.execute(
        "SELECT action, detail ->> 'creator' FROM audit_log WHERE action LIKE 'listing.%' ORDER BY sequence"
    ).fetchall()
    assert found == [("listing.published", "Ann Lee"), ("listing.withdrawn", "Ann Lee")]
