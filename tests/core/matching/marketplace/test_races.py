"""Two at once: whatever the order, a block and a do-not-pitch hold in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from engagerr.core.matching.marketplace.listings import NotToBePitched
from tests.core.matching.marketplace.conftest import Side
from tests.factories import in_tenant
from tests.fakes.cluster import Clone, Connection


@pytest.fixture
def beside() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as threads:
        yield threads


def meanwhile(threads: ThreadPoolExecutor, superuser: Connection, verb: Callable[[], object]) -> Future[object]:
    """The verb, begun in another thread and now waiting for the transaction at hand."""
    waits = threads.submit(verb)
    while not waits.done():
        found = superuser.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ).fetchone()
        if found != (0,):
            break
    assert not waits.done(), "it did not wait"
    return waits


def test_a_mark_that_is_set_while_a_listing_is_published_takes_it_away_again(
    agency: Side, third: Side, clone: Clone, superuser_connection: Connection, beside: ThreadPoolExecutor
) -> None:
    agency.market.listings.publish("Ann Lee")
    superuser_connection.execute("DELETE FROM market_listings")  # so that no row of the shelf is there to wait for
    with clone.connect() as publishing:
        with in_tenant(publishing, agency.id):
            publishing.execute(
                "INSERT INTO market_listings (tenant_id, listing_id, version, shown, publisher, name, published_at)"
                " SELECT tenant_id, id, 1, true, '', 'Ann Lee', now() FROM listings"
            )
            marked = meanwhile(
                beside, superuser_connection, lambda: agency.work.roster.edit("Ann Lee", do_not_pitch=True)
            )
        marked.result()
    assert third.market.shelf.browse().listings == ()
    assert agency.market.listings.show("Ann Lee").state == "withdrawn"


def test_a_listing_that_is_published_while_the_mark_is_set_is_refused(
    agency: Side, third: Side, clone: Clone, superuser_connection: Connection, beside: ThreadPoolExecutor
) -> None:
    with clone.connect() as marking:
        with in_tenant(marking, agency.id):
            marking.execute("UPDATE creators SET do_not_pitch = true")
            published = meanwhile(beside, superuser_connection, lambda: agency.market.listings.publish("Ann Lee"))
        with pytest.raises(NotToBePitched):
            published.result()
    assert third.market.shelf.browse().listings == ()


def test_a_block_that_is_made_while_a_brief_is_published_hides_it(
    agency: Side, brand: Side, clone: Clone, superuser_connection: Connection, beside: ThreadPoolExecutor
) -> None:
    with clone.connect() as publishing:
        with in_tenant(publishing, brand.id):
            publishing.execute(
                """
                INSERT INTO market_briefs (tenant_id, brief_id, version, shown, publisher, title, document,
                                           published_at)
                SELECT tenant_id, id, 1, true, '', title, '{}', now() FROM briefs
                """
            )
            blocked = meanwhile(beside, superuser_connection, lambda: brand.market.blocks.block(agency.id))
        blocked.result()
    assert agency.market.briefs.browse() == ()


def test_a_brief_that_is_published_while_a_block_is_made_is_hidden(
    agency: Side, brand: Side, clone: Clone, superuser_connection: Connection, beside: ThreadPoolExecutor
) -> None:
    with clone.connect() as blocking:
        with in_tenant(blocking, brand.id):
            blocking.execute(
                "INSERT INTO market_blocks (tenant_id, blocked_tenant_id, name, at) VALUES (%s, %s, 'x', now())",
                [brand.id, agency.id],
            )
            published = meanwhile(
                beside, superuser_connection, lambda: brand.market.briefs.publish("Trail shoes, spring")
            )
        published.result()
    assert agency.market.briefs.browse() == ()


def test_of_two_answers_at_once_one_is_given(
    agency: Side, brand: Side, clone: Clone, superuser_connection: Connection, beside: ThreadPoolExecutor
) -> None:
    agency.market.listings.publish("Ann Lee")
    brand.market.briefs.publish("Trail shoes, spring")
    sent = agency.market.approaches.apply("Trail shoes, spring", creator="Ann Lee").id
    with clone.connect() as withdrawing:
        with in_tenant(withdrawing, agency.id):
            withdrawing.execute("UPDATE market_approaches SET state = 'withdrawn'")
            accepted = meanwhile(beside, superuser_connection, lambda: brand.market.approaches.accept(sent))
        with pytest.raises(Exception, match="was withdrawn already"):
            accepted.result()


def test_versions_that_are_published_at_once_are_two(
    agency: Side, clone: Clone, superuser_connection: Connection, beside: ThreadPoolExecutor
) -> None:
    agency.market.listings.publish("Ann Lee")
    with clone.connect() as publishing:
        with in_tenant(publishing, agency.id):
            publishing.execute("UPDATE listings SET version = version + 1")
            publishing.execute(
                "INSERT INTO listing_versions (tenant_id, listing_id, version, snapshot, published_at)"
                ' SELECT tenant_id, id, 2, \'{"figures": [], "meaning": true, "shown": {"name": "Ann Lee"}}\', now()'
                " FROM listings"
            )
            published = meanwhile(beside, superuser_connection, lambda: agency.market.listings.publish("Ann Lee"))
        published.result()
    assert [version.version for version in agency.market.listings.show("Ann Lee").versions] == [3, 2, 1]
