"""The shelf: what others show, narrowed down, a page at a time, and no faster than a person reads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from engagerr import InvalidInput, Money, NotFound
from engagerr.core.db import Database
from engagerr.core.matching.condition import Condition
from engagerr.core.matching.marketplace import Marketplace
from engagerr.core.matching.marketplace.reads import ROWS_AN_HOUR, ReadEnough
from engagerr.core.matching.search.filters import filters
from engagerr.core.tenancy import Access
from tests.core.matching.marketplace.conftest import Side, add_creator
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone, Connection


@pytest.fixture
def listed(agency: Side, clock: SteeredClock) -> Side:
    """Northlight shows Ann, Ben and Cid, one after the other."""
    for name in ("Ann Lee", "Ben Ode", "Cid Ray"):
        if name != "Ann Lee":
            add_creator(agency.work, name)
        clock.advance(seconds=1)
        agency.market.listings.publish(name, headline=f"{name} über Wege", rates={"story": Money(1000, "EUR")})
    return agency


def names(side: Side, **asked: object) -> list[str]:
    return [found.shown.name for found in side.market.shelf.browse(**asked).listings]  # type: ignore[arg-type]


def test_the_newest_come_first_and_ones_own_are_among_them(listed: Side, third: Side) -> None:
    assert names(third) == names(listed) == ["Cid Ray", "Ben Ode", "Ann Lee"]
    assert {found.own for found in listed.market.shelf.browse().listings} == {True}
    found = third.market.shelf.browse().listings[0]
    assert (found.own, found.publisher, found.publisher_id) == (False, "Northlight", listed.id)


def test_a_page_says_where_the_next_one_begins(listed: Side, third: Side) -> None:
    first = third.market.shelf.browse(limit=2)
    second = third.market.shelf.browse(limit=2, after=first.after)
    assert [found.shown.name for found in (*first.listings, *second.listings)] == ["Cid Ray", "Ben Ode", "Ann Lee"]
    assert second.after is None
    with pytest.raises(InvalidInput, match="begins no page"):
        third.market.shelf.browse(after="next please")
    with pytest.raises(InvalidInput, match="A page holds"):
        third.market.shelf.browse(limit=10_000)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"platform": "YouTube", "country": "de", "language": "de", "topic": "outdoor"}, 3),
        ({"topic": "sport"}, 0),
        ({"followers_min": 48_000, "followers_max": 48_000}, 3),
        ({"followers_min": 48_001}, 0),
        ({"words": "uber wege"}, 3),
        ({"words": "Ben"}, 1),
        ({"words": "zzinternal"}, 0),
        ({"condition": Condition("profile.growth_30d > %(least)s", {"least": 0.02})}, 3),
        ({"condition": Condition("profile.name LIKE %(like)s", {"like": "%Ray"}), "country": "DE"}, 1),
    ],
)
def test_listings_are_narrowed_down_by_what_they_show(
    listed: Side, third: Side, asked: dict[str, object], found: int
) -> None:
    assert len(names(third, **asked)) == found


def test_an_expression_of_the_search_narrows_down_and_says_who_does_not_show_it(listed: Side, third: Side) -> None:
    listed.market.listings.publish("Ben Ode", fields=["identity"])
    found = third.market.shelf.browse("followers >= 40000 and country in DE, AT")
    assert {one.shown.name for one in found.listings} == {"Ann Lee", "Cid Ray"}
    assert found.unknown == 1
    with pytest.raises(InvalidInput, match="Listings have no"):
        third.market.shelf.browse("commission > 10%")


def test_every_public_filter_can_be_asked_of_the_shelf(listed: Side, third: Side) -> None:
    public = [one for one in filters() if one.public]
    assert len(public) > 30
    for one in public:
        third.market.shelf.browse(one.example)


def test_one_is_shown_by_id_by_its_last_digits_and_by_name(listed: Side, third: Side) -> None:
    wanted = third.market.shelf.browse(words="Ben").listings[0]
    for given in (wanted.id, str(wanted.id), wanted.id.hex[-8:], "ben ode"):
        assert third.market.shelf.show(given) == wanted
    with pytest.raises(NotFound):
        third.market.shelf.show("Zoe")


def test_two_of_one_name_must_be_told_apart_by_id(listed: Side, third: Side, brand: Side) -> None:
    add_creator(third.work, "Ann Lee")
    third.market.listings.publish("Ann Lee")
    with pytest.raises(InvalidInput, match="More than one"):
        brand.market.shelf.show("Ann Lee")


# ── How fast ────────────────────────────────────────────────────────────────────────────────────────────────────────


def already_read(connection: Connection, side: Side, rows: int) -> None:
    connection.execute(
        "INSERT INTO market_reads (tenant_id, hour, rows) VALUES (%s, date_trunc('hour', %s::timestamptz), %s)",
        [side.id, side.work.access.clock.now(), rows],
    )


def test_only_rows_of_others_are_counted_and_a_question_is_one_at_least(listed: Side, third: Side) -> None:
    assert third.market.shelf.browse().left == ROWS_AN_HOUR - 3
    assert third.market.shelf.browse(words="nobody").left == ROWS_AN_HOUR - 4
    assert listed.market.shelf.browse().left == ROWS_AN_HOUR - 1


def test_who_has_read_enough_waits_for_the_next_hour(
    listed: Side, third: Side, clock: SteeredClock, superuser_connection: Connection
) -> None:
    already_read(superuser_connection, third, ROWS_AN_HOUR - 2)
    with pytest.raises(ReadEnough) as stopped:
        third.market.shelf.browse()
    assert stopped.value.retry_after == 3600 - 3  # the clock stands three seconds after the hour
    assert names(third, limit=2) == ["Cid Ray", "Ben Ode"]  # what is left is left
    for ask in (third.market.shelf.browse, lambda: third.market.shelf.show("Ann Lee"), third.market.briefs.browse):
        with pytest.raises(ReadEnough):
            ask()
    clock.advance(seconds=stopped.value.retry_after)
    assert len(names(third)) == 3


@pytest.fixture
def eight(clone: Clone, third: Side, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Access]:
    """The third workspace with room for eight connections."""
    settings = clone.settings(tmp_path_factory.mktemp("eight"), database={"pool_size": 8})
    database = Database(settings)
    yield replace(third.work.access, database=database, settings=settings)
    database.close()


def test_many_at_once_read_no_more_than_one_after_the_other(
    listed: Side, third: Side, eight: Access, superuser_connection: Connection
) -> None:
    already_read(superuser_connection, third, ROWS_AN_HOUR - 30)
    at_once = threading.Barrier(8)

    def read_greedily() -> int:
        market, seen = Marketplace(eight), 0
        at_once.wait()
        for _ in range(5):
            try:
                seen += len(market.shelf.browse().listings)
            except ReadEnough:
                break
        return seen

    with ThreadPoolExecutor(8) as threads:
        seen = sum(thread.result() for thread in [threads.submit(read_greedily) for _ in range(8)])
    assert seen == 30  # 120 were asked for
    read = superuser_connection.execute("SELECT rows FROM market_reads WHERE tenant_id = %s", [third.id]).fetchone()
    assert read == (ROWS_AN_HOUR,)
