"""Applications and invitations: sent once, answered once, and never to or from whom somebody blocks."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from engagerr import Conflict, Engagerr, Forbidden, InvalidInput, NotFound
from engagerr.core.matching.marketplace.approaches import APPROACHES_A_DAY, DAYS_AFTER_NO
from engagerr.core.matching.marketplace.listings import NotToBePitched
from tests.core.matching.marketplace.conftest import MARK, Side, add_brief, add_creator, side
from tests.factories import colleague
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Connection

TITLE = "Trail shoes, spring"


@pytest.fixture
def shown(agency: Side, brand: Side) -> tuple[Side, Side]:
    """The agency shows Ann Lee, the brand its brief."""
    agency.market.listings.publish("Ann Lee")
    brand.market.briefs.publish(TITLE)
    return agency, brand


def test_an_application_is_in_one_outbox_and_the_other_inbox(shown: tuple[Side, Side], third: Side) -> None:
    agency, brand = shown
    sent = agency.market.approaches.apply(TITLE, creator="Ann Lee", message="She runs, mail ann@lee.example")
    assert (sent.kind, sent.state, sent.incoming, sent.other) == ("application", "sent", False, "Trailhead")
    assert agency.market.approaches.outbox() == (sent,)
    got = brand.market.approaches.inbox()[0]
    assert (got.id, got.incoming, got.other, got.other_id) == (sent.id, True, "Northlight", agency.id)
    assert (got.brief, got.creator, got.message) == (TITLE, "Ann Lee", "She runs, mail ann@lee.example")
    assert brand.market.shelf.show(got.listing_id).shown.name == "Ann Lee"
    for empty in (agency.market.approaches.inbox, brand.market.approaches.outbox, third.market.approaches.inbox):
        assert empty() == ()


def test_an_invitation_goes_the_other_way(shown: tuple[Side, Side]) -> None:
    agency, brand = shown
    sent = brand.market.approaches.invite("Ann Lee", brief=TITLE, message="Would you?")
    assert (sent.kind, sent.other) == ("invitation", "Northlight")
    accepted = agency.market.approaches.accept(sent.id, answer="Gladly")
    assert (accepted.state, accepted.answer, accepted.other) == ("accepted", "Gladly", "Trailhead")
    assert brand.market.approaches.outbox(state="accepted")[0].answer == "Gladly"
    assert brand.market.approaches.outbox(state="sent") == ()
    with pytest.raises(InvalidInput, match="No approach is"):
        brand.market.approaches.outbox(state="lost")


def test_sending_the_same_again_while_it_is_open_changes_nothing(
    shown: tuple[Side, Side], superuser_connection: Connection
) -> None:
    agency, brand = shown
    first = agency.market.approaches.apply(TITLE, creator="Ann Lee")
    assert agency.market.approaches.apply(TITLE, creator="Ann Lee", message="Again") == first
    assert len(brand.market.approaches.inbox()) == 1
    audited = superuser_connection.execute("SELECT count(*) FROM audit_log WHERE action = 'application.sent'")
    assert audited.fetchone() == (1,)


def test_an_answer_given_twice_is_given_once_and_another_one_clashes(shown: tuple[Side, Side]) -> None:
    agency, brand = shown
    sent = agency.market.approaches.apply(TITLE, creator="Ann Lee")
    declined = brand.market.approaches.decline(sent.id.hex[-8:], answer="Not this time")
    assert brand.market.approaches.decline(sent.id, answer="Something else") == declined
    with pytest.raises(Conflict, match="was declined already"):
        brand.market.approaches.accept(sent.id)
    with pytest.raises(Conflict, match="was declined already"):
        agency.market.approaches.withdraw(sent.id)


def test_each_side_has_its_own_verbs(shown: tuple[Side, Side], third: Side) -> None:
    agency, brand = shown
    sent = agency.market.approaches.apply(TITLE, creator="Ann Lee").id
    for verb in (agency.market.approaches.accept, agency.market.approaches.decline, brand.market.approaches.withdraw,
                 third.market.approaches.accept, third.market.approaches.withdraw):  # fmt: skip
        with pytest.raises(NotFound, match="no approach"):
            verb(sent)
    assert agency.market.approaches.withdraw(sent).state == "withdrawn"
    assert agency.market.approaches.withdraw(sent).state == "withdrawn"
    assert brand.market.approaches.inbox()[0].state == "withdrawn"


def test_who_was_declined_waits_before_asking_again(shown: tuple[Side, Side], clock: SteeredClock) -> None:
    agency, brand = shown
    brand.market.approaches.decline(agency.market.approaches.apply(TITLE, creator="Ann Lee").id)
    clock.advance(days=DAYS_AFTER_NO - 1)
    with pytest.raises(Conflict, match="declined on 2026-11-01"):
        agency.market.approaches.apply(TITLE, creator="Ann Lee")
    clock.advance(days=1)
    assert agency.market.approaches.apply(TITLE, creator="Ann Lee").state == "sent"


def test_what_was_withdrawn_can_be_sent_again(shown: tuple[Side, Side]) -> None:
    agency, brand = shown
    agency.market.approaches.withdraw(agency.market.approaches.apply(TITLE, creator="Ann Lee").id)
    assert agency.market.approaches.apply(TITLE, creator="Ann Lee").state == "sent"
    assert [found.state for found in brand.market.approaches.inbox()] in (["sent", "withdrawn"], ["withdrawn", "sent"])


def test_both_sides_show_what_it_is_about_before_anything_is_sent(agency: Side, brand: Side) -> None:
    brand.market.briefs.publish(TITLE)
    with pytest.raises(Conflict, match="no published listing"):
        agency.market.approaches.apply(TITLE, creator="Ann Lee")
    agency.market.listings.publish("Ann Lee")
    brand.market.briefs.withdraw(TITLE)
    with pytest.raises(NotFound):
        agency.market.approaches.apply(TITLE, creator="Ann Lee")
    with pytest.raises(NotFound):
        brand.market.approaches.invite("Ann Lee", brief=TITLE)
    with pytest.raises(NotFound):
        brand.market.approaches.invite(uuid4(), brief=TITLE)


def test_nobody_approaches_itself(agency: Side) -> None:
    agency.market.listings.publish("Ann Lee")
    add_brief(agency.work, "Our own")
    agency.market.briefs.publish("Our own")
    with pytest.raises(InvalidInput, match="brief of your own"):
        agency.market.approaches.apply("Our own", creator="Ann Lee")
    with pytest.raises(InvalidInput, match="creator of your own"):
        agency.market.approaches.invite("Ann Lee", brief="Our own")


def test_a_message_with_an_internal_note_is_refused(shown: tuple[Side, Side]) -> None:
    agency, _ = shown
    with pytest.raises(InvalidInput, match="internal note"):
        agency.market.approaches.apply(TITLE, creator="Ann Lee", message=f"By the way: {MARK} note of the terms")


def test_a_creator_who_is_not_to_be_pitched_is_not_applied_with(agency: Side, brand: Side) -> None:
    brand.market.briefs.publish(TITLE)
    agency.work.roster.edit("Ann Lee", do_not_pitch=True)
    with pytest.raises(NotToBePitched):
        agency.market.approaches.apply(TITLE, creator="Ann Lee")


def test_do_not_pitch_ends_what_stands_open_in_both_directions(shown: tuple[Side, Side]) -> None:
    agency, brand = shown
    agency.market.approaches.apply(TITLE, creator="Ann Lee")
    brand.market.approaches.invite("Ann Lee", brief=TITLE)
    agency.work.roster.edit("Ann Lee", do_not_pitch=True)
    assert {(one.kind, one.state) for one in (*brand.market.approaches.inbox(), *brand.market.approaches.outbox())} == {
        ("application", "withdrawn"), ("invitation", "declined"),
    }  # fmt: skip
    with pytest.raises(NotFound):
        brand.market.approaches.invite("Ann Lee", brief=TITLE)


def test_withdrawing_a_listing_withdraws_its_applications(shown: tuple[Side, Side]) -> None:
    agency, brand = shown
    agency.market.approaches.apply(TITLE, creator="Ann Lee")
    agency.market.listings.withdraw("Ann Lee")
    assert brand.market.approaches.inbox()[0].state == "withdrawn"


# ── Blocks ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_block_hides_both_sides_from_each_other(shown: tuple[Side, Side], third: Side) -> None:
    agency, brand = shown
    block = brand.market.blocks.block("Northlight", reason="slow to answer")
    assert (block.tenant_id, block.name) == (agency.id, "Northlight")
    assert brand.market.blocks.block(agency.id) == block == brand.market.blocks.list()[0]
    for hidden in (agency.market.briefs.browse(), brand.market.shelf.browse().listings):
        assert hidden == ()
    assert third.market.briefs.browse()
    assert third.market.shelf.browse().listings
    brand.market.blocks.unblock("Northlight")
    assert agency.market.briefs.browse()
    assert brand.market.blocks.list() == ()
    with pytest.raises(NotFound, match="is not blocked"):
        brand.market.blocks.unblock("Northlight")


def test_who_is_blocked_is_told_that_there_is_nothing_there(shown: tuple[Side, Side]) -> None:
    agency, brand = shown
    brief = brand.market.briefs.show(TITLE).id
    brand.market.blocks.block(agency.id)
    refusals = []
    for given in (brief, uuid4()):
        with pytest.raises(NotFound) as refused:
            agency.market.approaches.apply(given, creator="Ann Lee")
        refusals.append((refused.value.message.replace(str(given), "ID"), refused.value.hint))
    assert refusals[0] == refusals[1]
    assert "block" not in str(refusals).lower()


def test_a_block_also_holds_for_what_is_published_later(agency: Side, brand: Side) -> None:
    brand.market.blocks.block(agency.id)
    brand.market.briefs.publish(TITLE)
    assert agency.market.briefs.browse() == ()


def test_a_block_after_an_application_closes_the_inbox_to_it(shown: tuple[Side, Side]) -> None:
    agency, brand = shown
    sent = agency.market.approaches.apply(TITLE, creator="Ann Lee")
    brand.market.blocks.block(str(sent.id))  # by what they sent
    assert brand.market.approaches.inbox() == ()
    with pytest.raises(NotFound):
        brand.market.approaches.accept(sent.id)
    assert agency.market.approaches.outbox()[0].state == "sent"  # nothing tells them
    brand.market.blocks.unblock(agency.id)
    assert brand.market.approaches.accept(sent.id).state == "accepted"


def test_a_block_takes_back_what_was_sent_to_them(shown: tuple[Side, Side]) -> None:
    agency, brand = shown
    sent = brand.market.approaches.invite("Ann Lee", brief=TITLE)
    brand.market.blocks.block(agency.id)
    with pytest.raises(Conflict, match="was withdrawn already"):
        agency.market.approaches.accept(sent.id)
    with pytest.raises(NotFound):
        brand.market.approaches.invite("Ann Lee", brief=TITLE)


def test_nobody_can_be_blocked_who_was_never_met_unless_by_the_whole_id(agency: Side) -> None:
    with pytest.raises(NotFound, match="could have met"):
        agency.market.blocks.block("Trailhead")
    stranger = uuid4()
    assert agency.market.blocks.block(stranger).tenant_id == stranger


def test_a_workspace_does_not_block_itself(agency: Side) -> None:
    with pytest.raises(InvalidInput, match="itself"):
        agency.market.blocks.block(agency.id)


# ── Who may, and how much ───────────────────────────────────────────────────────────────────────────────────────────


def test_no_more_is_sent_in_a_day_than_a_person_sends(
    shown: tuple[Side, Side], superuser_connection: Connection, clock: SteeredClock
) -> None:
    agency, _ = shown
    superuser_connection.execute("ALTER TABLE market_approaches DISABLE TRIGGER approach_sent")
    superuser_connection.execute(
        """
        INSERT INTO market_approaches (tenant_id, to_tenant_id, kind, brief_id, listing_id, sender, brief_title,
                                       creator, state, sent_at)
        SELECT %s, engagerr_new_id(), 'application', engagerr_new_id(), engagerr_new_id(), '', '', '', 'declined', %s
        FROM generate_series(1, %s)
        """,
        [agency.id, clock.now(), APPROACHES_A_DAY],
    )
    superuser_connection.execute("ALTER TABLE market_approaches ENABLE TRIGGER approach_sent")
    with pytest.raises(Conflict, match="within a day"):
        agency.market.approaches.apply(TITLE, creator="Ann Lee")
    clock.advance(days=1, seconds=1)
    assert agency.market.approaches.apply(TITLE, creator="Ann Lee").state == "sent"


def test_who_may_not_trade_reads_and_does_not_send(
    shown: tuple[Side, Side], engagerr: Engagerr, tmp_path: Path
) -> None:
    agency, brand = shown
    sent = brand.market.approaches.invite("Ann Lee", brief=TITLE).id
    analyst = side(colleague(agency.work, engagerr, "analyst")).market
    assert analyst.approaches.inbox()
    with pytest.raises(Forbidden):
        analyst.approaches.apply(TITLE, creator="Ann Lee")
    with pytest.raises(Forbidden):
        analyst.approaches.accept(sent)
    with pytest.raises(Forbidden):
        analyst.blocks.block(brand.id)


def test_every_step_stands_in_the_audit_log_of_who_took_it(
    shown: tuple[Side, Side], superuser_connection: Connection
) -> None:
    agency, brand = shown
    add_creator(agency.work, "Ben Ode")
    agency.market.listings.publish("Ben Ode")
    brand.market.approaches.accept(agency.market.approaches.apply(TITLE, creator="Ann Lee").id)
    brand.market.approaches.decline(agency.market.approaches.apply(TITLE, creator="Ben Ode").id)
    agency.market.approaches.withdraw(agency.market.approaches.apply(TITLE, creator="Ann Lee").id)
    brand.market.blocks.block(agency.id)
    brand.market.blocks.unblock(agency.id)
    for whose, actions in (
        (agency, ["application.sent", "application.sent", "application.sent", "application.withdrawn"]),
        (brand, ["application.accepted", "application.declined", "market.blocked", "market.unblocked"]),
    ):
        found = superuser_connection.execute(
            "SELECT action FROM audit_log WHERE tenant_id = %s AND action ~ '^(application|market)' ORDER BY action",
            [whose.id],
        ).fetchall()
        assert [action for (action,) in found] == actions
