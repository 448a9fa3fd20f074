"""Briefs on the shelf: what is asked for is shown, the rest only if it was chosen."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from engagerr import Conflict, Engagerr, Forbidden, InvalidInput, NotFound
from tests.core.matching.marketplace.conftest import BRAND_MARK, BUDGET, Side, add_brief, side
from tests.factories import colleague
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Connection

TITLE = "Trail shoes, spring"


def test_budget_and_brand_are_hidden_unless_they_are_chosen(brand: Side, third: Side) -> None:
    brand.market.briefs.publish(TITLE)
    shown = third.market.briefs.show(TITLE)
    assert (shown.publisher, shown.own, shown.version) == ("Trailhead", False, 1)
    assert (shown.shown.category, shown.shown.platforms, shown.shown.followers_min) == ("sport", ("youtube",), 20_000)
    assert (shown.shown.budget, shown.shown.brand) == (None, None)
    brand.market.briefs.publish(TITLE, budget=True, brand=True)
    shown = third.market.briefs.show(TITLE)
    assert (shown.version, shown.shown.budget, shown.shown.brand) == (2, BUDGET, f"{BRAND_MARK} brand")


def test_another_title_and_no_text_can_be_shown(brand: Side, third: Side) -> None:
    brand.market.briefs.publish(TITLE, title="Shoes", text_shown=False)
    found = third.market.briefs.browse()[0]
    assert (found.shown.title, found.shown.text) == ("Shoes", "")
    with pytest.raises(NotFound):
        third.market.briefs.show(TITLE)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ({"title": f"Shoes of {BRAND_MARK} Brand"}, "names the brand"),
        ({"title": "Shoes for EUR 91,191.19"}, "names the budget"),
        ({"title": "Shoes, write to bo@trailhead.example"}, "a mail address"),
        ({"title": "  "}, "under a title"),
        ({"title": "x" * 201}, "characters long"),
    ],
)
def test_a_title_that_gives_away_what_is_hidden_is_refused(brand: Side, words: dict[str, str], complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        brand.market.briefs.publish(TITLE, **words)  # type: ignore[arg-type]
    assert brand.market.briefs.browse() == ()


def test_a_text_that_names_the_hidden_brand_is_refused_unless_it_is_left_out(brand: Side) -> None:
    add_brief(brand.work, "Bags", text=f"Only {BRAND_MARK} brand makes these.")
    with pytest.raises(InvalidInput, match="names the brand"):
        brand.market.briefs.publish("Bags")
    assert brand.market.briefs.publish("Bags", text_shown=False).shown.text == ""
    assert BRAND_MARK in brand.market.briefs.publish("Bags", brand=True).shown.text


def test_only_an_open_brief_is_shown_and_closing_it_takes_it_away(
    brand: Side, third: Side, superuser_connection: Connection
) -> None:
    add_brief(brand.work, "Later", state="draft")
    with pytest.raises(Conflict, match="is draft"):
        brand.market.briefs.publish("Later")
    brand.market.briefs.publish(TITLE)
    superuser_connection.execute("UPDATE briefs SET state = 'closed' WHERE title = %s", [TITLE])
    assert third.market.briefs.browse() == ()


def test_a_brief_is_shown_until_the_day_it_closes_on(brand: Side, third: Side, clock: SteeredClock) -> None:
    with pytest.raises(InvalidInput, match="is over"):
        brand.market.briefs.publish(TITLE, closes_on=date(2026, 10, 31))
    brand.market.briefs.publish(TITLE, closes_on=date(2026, 11, 2))
    clock.advance(days=1)
    assert third.market.briefs.browse()[0].closes_on == date(2026, 11, 2)
    clock.advance(days=1)
    assert third.market.briefs.browse() == ()


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"platform": "YouTube", "country": "de", "category": "Sport", "words": "trail ground"}, {TITLE}),
        ({"platform": "tiktok"}, {"Anything"}),
        ({"country": "FR"}, {"Anything"}),
        ({"category": "food"}, set()),
        ({"words": BRAND_MARK}, set()),
        ({"own": True}, set()),
    ],
)
def test_briefs_are_narrowed_down_and_one_without_wishes_is_for_all(
    brand: Side, third: Side, asked: dict[str, str], found: set[str]
) -> None:
    add_brief(brand.work, "Anything", platforms=[], countries=[])
    for title in (TITLE, "Anything"):
        brand.market.briefs.publish(title)
    assert {brief.shown.title for brief in third.market.briefs.browse(**asked)} == found  # type: ignore[arg-type]


def test_a_withdrawn_brief_is_gone_with_its_open_invitations(agency: Side, brand: Side, third: Side) -> None:
    brand.market.briefs.publish(TITLE)
    listing = agency.market.listings.publish("Ann Lee").id
    brand.market.approaches.invite(listing, brief=TITLE)
    assert brand.market.briefs.withdraw(TITLE) == TITLE
    assert brand.market.briefs.withdraw(TITLE) == TITLE
    assert third.market.briefs.browse() == ()
    assert agency.market.approaches.inbox()[0].state == "withdrawn"


def test_a_brief_whose_document_cannot_be_read_is_named(brand: Side, superuser_connection: Connection) -> None:
    superuser_connection.execute('UPDATE briefs SET document = \'{"followers": "many"}\'')
    with pytest.raises(InvalidInput, match="followers"):
        brand.market.briefs.publish(TITLE)
    superuser_connection.execute("UPDATE briefs SET document = '[1]'")
    assert brand.market.briefs.publish(TITLE).shown.platforms == ()


def test_what_another_version_wrote_shows_its_title(brand: Side, third: Side, superuser_connection: Connection) -> None:
    brand.market.briefs.publish(TITLE)
    superuser_connection.execute('UPDATE market_briefs SET document = \'{"followers": "many"}\'')
    assert third.market.briefs.browse()[0].shown.title == TITLE


def test_who_may_not_trade_does_not_publish(brand: Side, tmp_path: Path, engagerr: Engagerr) -> None:
    analyst = side(colleague(brand.work, engagerr, "analyst")).market
    with pytest.raises(Forbidden):
        analyst.briefs.publish(TITLE)
    with pytest.raises(NotFound):
        brand.market.briefs.publish("No such brief")
