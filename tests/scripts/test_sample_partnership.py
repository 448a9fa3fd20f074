"""scripts/sample_partnership.py: made once, taken up where it stopped, and never with somebody's real provider."""

from __future__ import annotations

import pytest
from engagerr import Engagerr, Money, Workspace
from engagerr.core.errors import InvalidInput
from engagerr.core.settings import Settings

import quickstart_demo
import sample_partnership


@pytest.fixture
def northlight(workspace: Workspace) -> Workspace:
    """Northlight with the creator of the sample's deals."""
    workspace.roster.add(sample_partnership.CREATOR, country="DE")
    return workspace


def test_it_is_made_once_and_its_money_adds_up(northlight: Workspace) -> None:
    assert sample_partnership.fill(northlight)
    stages = {one.row.title: one.row.stage for one in northlight.deals.list()}
    assert stages == {
        "Trail shoes, spring": "submitted", "Autumn jackets": "contracted", "Winter gloves": "negotiating",
        "Camp kitchen, summer": "enquiry",
    }  # fmt: skip
    hold = northlight.payments.holds.show(sample_partnership.DEAL).hold
    assert (hold.held, hold.released) == (Money.parse("600", "EUR"), Money.parse("300", "EUR"))
    assert [one.state for one in northlight.payments.subscriptions.list()] == ["trialing"]
    [invoice] = northlight.payments.invoices.list()
    assert (invoice.buyer["name"], invoice.gross) == ("Alpenpfad GmbH", Money.parse("400", "EUR"))
    assert northlight.payments.ledger.verify().sound
    before = northlight.payments.ledger.transfers()
    assert not sample_partnership.fill(northlight)
    assert northlight.payments.ledger.transfers() == before


def test_what_was_interrupted_is_gone_on_with(northlight: Workspace) -> None:
    day = northlight.access.clock.now().date()
    sample_partnership._offer(northlight, sample_partnership.DEAL, "youtube_integration", "900.00", until=day)
    sample_partnership._sign(northlight, sample_partnership.DEAL)
    northlight.payments.payees.add(
        sample_partnership.CREATOR, email="jonna@brenner.example", creator=sample_partnership.CREATOR
    )
    assert sample_partnership.fill(northlight)
    assert northlight.payments.holds.show(sample_partnership.DEAL).hold.state == "funded"
    assert not sample_partnership.fill(northlight)


@pytest.mark.parametrize("own", [{"stripe_key": "sk_test_mine"}, {"stripe_url": "http://127.0.0.1:9"}])
def test_where_there_is_a_provider_of_their_own_nothing_is_made(
    northlight: Workspace, settings: Settings, own: dict[str, str]
) -> None:
    database = {"url": settings.database.url.get_secret_value()} if settings.database.url else {}
    with Engagerr(Settings.load(home=settings.home, database=database, payments=own)) as engagerr:
        work = engagerr.workspace()
        with pytest.raises(InvalidInput, match="sandbox only"):
            sample_partnership.fill(work)
        assert work.deals.list() == ()


def test_the_tour_looks_at_what_is_made() -> None:
    looks = [look.command for look in quickstart_demo.TOUR if look.command[0] in ("deal", "payment")]
    assert looks == [("deal", "show", sample_partnership.DEAL), ("payment", "show", sample_partnership.DEAL)]
