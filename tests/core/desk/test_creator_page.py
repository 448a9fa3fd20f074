"""The page of a creator: its parts, what hides or fails by itself, the calendar, and notes."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from engagerr import Engagerr, Money, Workspace
from engagerr.core.deals.pipeline.deal_writing import NewDeal
from engagerr.core.desk import creator as page
from engagerr.core.desk import notes
from engagerr.core.errors import Forbidden, InvalidInput, NotFound
from tests.factories import colleague, in_tenant, insert
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Connection
from tests.lines import a_creator, a_figure, an_edge, an_item, bring


@pytest.fixture
def ann(workspace: Workspace, tmp_path: Path) -> Workspace:
    """A workspace in which Ann Lee has two accounts, two families and a lone post."""
    accounts = [
        {"platform": "tiktok", "handle": "@ann", "followers": 9000, "observed_at": "2026-10-30T00:00:00Z"},
        {"platform": "youtube", "handle": "@ann"},
    ]

    def post(name: str, views: int) -> dict[str, object]:
        return an_item(
            name, kind="short_video", title=name, published_at="2026-10-01T00:00:00Z",
            metrics=[a_figure("views", views, "2026-10-30")],
        )  # fmt: skip

    bring(
        workspace, tmp_path, a_creator("Ann Lee", country="DE", accounts=accounts), post("tiktok:a1", 10),
        post("tiktok:a2", 10), post("tiktok:b1", 700), post("tiktok:b2", 800), post("youtube:c1", 5),
        an_edge("tiktok:a2", "tiktok:a1"), an_edge("tiktok:b2", "tiktok:b1"),
    )  # fmt: skip
    return workspace


def test_a_page_has_every_part_of_somebody_who_is_new(workspace: Workspace) -> None:
    workspace.roster.add("Ann Lee")

    found = page.creator(workspace, "ann lee")

    parts = [getattr(found, name) for name in page.CreatorPage.__dataclass_fields__ if name not in ("id", "name")]
    assert [(part.hidden, part.failed) for part in parts] == [(None, None)] * len(parts)
    assert found.name == "Ann Lee"
    assert found.profile.value is None
    assert found.calendar == ()


def test_a_page_is_found_by_id_and_by_name_and_nobody_elses(ann: Workspace, other_workspace: Workspace) -> None:
    found = page.creator(ann, "Ann Lee")
    assert page.creator(ann, found.id).name == "Ann Lee"
    with pytest.raises(NotFound):
        page.creator(other_workspace, found.id)


def test_accounts_have_their_own_followers_and_what_is_missing_says_why(ann: Workspace) -> None:
    accounts = page.creator(ann, "Ann Lee").accounts.value
    assert accounts is not None
    told = {account.platform: account for account in accounts}
    assert (told["tiktok"].followers.value, told["tiktok"].items) == (9000, 4)
    assert (told["youtube"].followers.value, told["youtube"].followers.why) == (None, "not_observed")
    assert (told["tiktok"].sync, told["tiktok"].connector) == ("none", None)


def test_an_account_tells_why_its_sync_is_broken_and_how_long_the_sign_in_holds(
    ann: Workspace, app_connection: Connection, clock: SteeredClock
) -> None:
    now = clock.now()
    accounts = {account.platform: account.id for account in ann.roster.accounts()}
    with in_tenant(app_connection, ann.tenant.id):
        row = {"tenant_id": ann.tenant.id, "connected_at": now}
        insert(app_connection, "platform_grants", {
            **row, "account_id": accounts["tiktok"], "connector": "tiktok", "state": "lost", "lost_at": now,
            "lost_reason": "The password was changed.",
        })  # fmt: skip
        insert(app_connection, "platform_grants", {
            **row, "account_id": accounts["youtube"], "connector": "youtube", "state": "active",
            "expires_at": now + timedelta(days=5),
        })  # fmt: skip
    app_connection.commit()

    told = {account.platform: account for account in page.creator(ann, "Ann Lee").accounts.value or ()}

    assert (told["tiktok"].sync, told["tiktok"].problem) == ("broken", "The password was changed.")
    assert (told["youtube"].sync, told["youtube"].expires_at) == ("fresh", now + timedelta(days=5))


def test_figures_come_from_the_profile_with_a_reason_for_each_that_is_missing(ann: Workspace) -> None:
    ann.profiles.keep_up()

    profile = page.creator(ann, "Ann Lee").profile.value

    assert profile is not None
    assert profile.figures["followers"].value == 9000
    assert profile.made_at == ann.access.clock.now()
    assert all((figure.value is None) == (figure.why is not None) for figure in profile.figures.values())


def test_families_are_those_with_most_views_first(ann: Workspace) -> None:
    families = page.creator(ann, "Ann Lee").families.value
    assert families is not None
    assert [family.title for family in families][:2] == ["tiktok:b1", "tiktok:a1"]


def test_deals_that_go_on_come_first_and_closed_ones_are_marked(ann: Workspace) -> None:
    closed = ann.deals.add(NewDeal(title="Hats", brand="Alpenpfad", currency="EUR", creators=("Ann Lee",)))
    ann.deals.decline(closed.row.id, reason="too late")
    ann.deals.add(NewDeal(title="Shoes", brand="Alpenpfad", currency="EUR", creators=("Ann Lee",)))
    ann.deals.add(NewDeal(title="Without her", brand="Alpenpfad", currency="EUR"))

    deals = page.creator(ann, "Ann Lee").deals.value

    assert deals is not None
    assert [(deal.title, deal.open, deal.amount) for deal in deals] == [("Shoes", True, None), ("Hats", False, None)]


def test_the_calendar_brings_days_away_and_promises_together_in_order(ann: Workspace) -> None:
    ann.availability.add("Ann Lee", since=date(2026, 12, 24), until=date(2026, 12, 31), note="skiing")
    ann.availability.add_exclusivity(
        "Ann Lee", category="Running shoes", brand="Alpenpfad", since=date(2026, 11, 1), until=date(2027, 1, 31)
    )

    calendar = page.creator(ann, "Ann Lee").calendar

    assert [(entry.kind, entry.since, entry.until) for entry in calendar] == [
        ("promise", date(2026, 11, 1), date(2027, 1, 31)),
        ("away", date(2026, 12, 24), date(2026, 12, 31)),
    ]
    assert calendar[0].title == "running shoes: only Alpenpfad"


def test_a_viewer_reads_who_may_see_what_is_hidden_and_the_rest_as_ever(ann: Workspace, engagerr: Engagerr) -> None:
    ann.roster.set_rate("Ann Lee", deliverable="story", amount=Money(9000, "EUR"))

    found = page.creator(colleague(ann, engagerr, "viewer"), "Ann Lee")

    for part in (found.deals, found.promises, found.contracts, found.deliverables):
        assert part.value is None
        assert part.hidden is not None
        assert "Ask somebody who is" in part.hidden
        assert part.failed is None
    assert found.basics.value is not None
    assert found.basics.value.rates is None
    assert found.accounts.value
    assert found.recent.value


def test_recent_content_is_bounded(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, *(an_item(f"tiktok:v{number}") for number in range(page.RECENT_ITEMS + 5)))
    assert len(page.creator(workspace, "Ann Lee").recent.value or ()) == page.RECENT_ITEMS


# ── Notes ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_notes_are_listed_newest_first_with_who_wrote_them(ann: Workspace, clock: SteeredClock) -> None:
    notes.add(ann, "Ann Lee", "  Answers quickly. ")
    clock.advance(hours=1)
    notes.add(ann, page.creator(ann, "Ann Lee").id, "Never on Fridays.")

    found = page.creator(ann, "Ann Lee").notes.value

    assert found == notes.list_notes(ann, "Ann Lee") == notes.list_notes(ann)
    assert [note.text for note in found] == ["Never on Fridays.", "Answers quickly."]
    assert found[0].member == ann.member.name


def test_a_removed_note_is_off_the_page_and_its_row_stays(ann: Workspace, superuser_connection: Connection) -> None:
    note = notes.add(ann, "Ann Lee", "A slip.")

    notes.remove(ann, note.id)

    assert notes.list_notes(ann) == ()
    with pytest.raises(NotFound):
        notes.remove(ann, str(note.id))
    kept = superuser_connection.execute("SELECT body, removed_at, removed_by FROM creator_notes").fetchall()
    assert kept == [("A slip.", ann.access.clock.now(), ann.member.id)]


def test_the_audit_log_says_that_there_is_a_note_and_not_what_it_says(
    ann: Workspace, superuser_connection: Connection
) -> None:
    notes.remove(ann, notes.add(ann, "Ann Lee", "She is moving to Lisbon.").id)

    rows = superuser_connection.execute("SELECT action, detail::text FROM audit_log WHERE action LIKE 'note.%'")

    told = rows.fetchall()
    assert sorted(action for action, _ in told) == ["note.added", "note.removed"]
    assert not any("Lisbon" in detail for _, detail in told)


@pytest.mark.parametrize("body", ["", "  \n ", "\x00", "x" * 4001])
def test_a_note_needs_words_and_not_too_many(ann: Workspace, body: str) -> None:
    with pytest.raises(InvalidInput):
        notes.add(ann, "Ann Lee", body)


def test_who_may_not_edit_the_roster_reads_notes_and_writes_none(ann: Workspace, engagerr: Engagerr) -> None:
    note = notes.add(ann, "Ann Lee", "Answers quickly.")
    viewer = colleague(ann, engagerr, "viewer")
    assert notes.list_notes(viewer) == (note,)
    with pytest.raises(Forbidden):
        notes.add(viewer, "Ann Lee", "Me too.")
    with pytest.raises(Forbidden):
        notes.remove(viewer, note.id)


def test_a_note_of_another_workspace_is_neither_read_nor_removed(ann: Workspace, other_workspace: Workspace) -> None:
    note = notes.add(ann, "Ann Lee", "Ours.")
    assert notes.list_notes(other_workspace) == ()
    for word in (note.id, "no id at all"):
        with pytest.raises(NotFound):
            notes.remove(other_workspace, word)


def test_the_application_changes_no_word_of_a_note_and_revives_none(ann: Workspace, app_connection: Connection) -> None:
    import psycopg

    note = notes.add(ann, "Ann Lee", "As it was.")
    notes.remove(ann, note.id)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), in_tenant(app_connection, ann.tenant.id):
        app_connection.execute("UPDATE creator_notes SET body = 'other'")
    app_connection.rollback()
    with pytest.raises(psycopg.errors.CheckViolation), in_tenant(app_connection, ann.tenant.id):
        app_connection.execute("UPDATE creator_notes SET removed_at = NULL, removed_by = NULL")
