"""Campaigns: named once, linked as often as one likes, read by everybody, changed by those who decide on content."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from uuid import uuid4

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.content.campaigns import CampaignNameTaken, campaign_item_ids, find_campaign
from engagerr.core.errors import Forbidden, InvalidInput, NotFound
from engagerr.core.tenancy import Permission
from tests.factories import colleague
from tests.fakes.cluster import Connection
from tests.lines import an_edge, an_item, bring

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 30)


@pytest.fixture
def spring(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Ann's film b with a clip c, of which there is a copy d; a lone film a; and a campaign for it all."""
    bring(
        workspace, tmp_path,
        an_item("youtube:a", title="Alone", published_at="2026-03-02T00:00:00Z"),
        an_item("youtube:b", title="The film", published_at="2026-03-01T00:00:00Z"),
        an_item("tiktok:c", title="A clip", published_at="2026-03-03T00:00:00Z"),
        an_item("instagram:d", title="The clip again", published_at="2026-03-04T00:00:00Z"),
        an_edge("tiktok:c", "youtube:b"), an_edge("instagram:d", "tiktok:c", "same_work"),
    )  # fmt: skip
    workspace.campaigns.add("Trail shoes", brand="Trailhead", starts_on=MARCH, ends_on=APRIL, note="They pay late.")
    return workspace


def linked(workspace: Workspace, campaign: str = "Trail shoes") -> list[str]:
    return [f"{item.platform}:{item.native_id}" for item in workspace.campaigns.show(campaign).items]


def test_a_campaign_is_found_by_name_in_any_case_and_by_id(spring: Workspace) -> None:
    page = spring.campaigns.show("TRAIL shoes ")
    assert (page.name, page.brand, page.starts_on, page.ends_on) == ("Trail shoes", "Trailhead", MARCH, APRIL)
    assert page.note == "They pay late."
    assert spring.campaigns.show(str(page.id)) == page
    with pytest.raises(NotFound, match="no campaign 'Winter'"):
        spring.campaigns.show("Winter")
    with pytest.raises(NotFound):
        spring.campaigns.show(str(uuid4()))


def test_two_campaigns_do_not_share_a_name(spring: Workspace) -> None:
    with pytest.raises(CampaignNameTaken):
        spring.campaigns.add(" trail SHOES")
    spring.campaigns.add("Winter")
    with pytest.raises(CampaignNameTaken):
        spring.campaigns.update("Winter", name="Trail Shoes")
    assert [row.name for row in spring.campaigns.list()] == ["Trail shoes", "Winter"]


@pytest.mark.parametrize("name", ["", "   "])
def test_a_campaign_needs_a_name(spring: Workspace, name: str) -> None:
    with pytest.raises(InvalidInput):
        spring.campaigns.add(name)
    with pytest.raises(InvalidInput):
        spring.campaigns.update("Trail shoes", name=name)


def test_a_campaign_does_not_end_before_it_begins(spring: Workspace) -> None:
    with pytest.raises(InvalidInput, match="before it begins"):
        spring.campaigns.add("Backwards", starts_on=APRIL, ends_on=MARCH)
    with pytest.raises(InvalidInput, match="before it begins"):
        spring.campaigns.update("Trail shoes", ends_on=date(2026, 2, 1))
    assert spring.campaigns.add("One day", starts_on=MARCH, ends_on=MARCH).ends_on == MARCH


def test_only_what_is_named_changes(spring: Workspace) -> None:
    page = spring.campaigns.update("Trail shoes", brand=" Peak ", note=None)
    assert (page.brand, page.note, page.starts_on) == ("Peak", None, MARCH)
    assert spring.campaigns.update("Trail shoes") == page
    with pytest.raises(InvalidInput, match="no field budget"):
        spring.campaigns.update("Trail shoes", budget=5)


def test_linking_again_changes_nothing(spring: Workspace, superuser_connection: Connection) -> None:
    first = spring.campaigns.add_items("Trail shoes", ["youtube:b", "youtube:a", "youtube:b"])
    assert (first.changed, first.unchanged) == (2, 0)
    assert linked(spring) == ["youtube:b", "youtube:a"], "by the day of publication"
    before = audited(superuser_connection)
    again = spring.campaigns.add_items("Trail shoes", ["youtube:a"])
    assert (again.changed, again.unchanged) == (0, 1)
    assert again.campaign == first.campaign
    assert audited(superuser_connection) == before


def test_an_unknown_item_links_none_of_them(spring: Workspace) -> None:
    with pytest.raises(NotFound, match="no item"):
        spring.campaigns.add_items("Trail shoes", ["youtube:a", "youtube:nowhere"])
    with pytest.raises(InvalidInput):
        spring.campaigns.add_items("Trail shoes", [])
    assert linked(spring) == []


def test_a_family_is_linked_as_a_whole_on_request(spring: Workspace) -> None:
    change = spring.campaigns.add_items("Trail shoes", ["tiktok:c"], with_family=True)
    assert change.changed == 3
    assert linked(spring) == ["youtube:b", "tiktok:c", "instagram:d"]
    relations = [item.relation for item in change.campaign.items]
    assert relations == [None, "clip_of", "same_work"]
    assert spring.campaigns.add_items("Trail shoes", ["youtube:a"], with_family=True).changed == 1


def test_unlinking_takes_out_what_is_in_and_keeps_the_items(spring: Workspace) -> None:
    spring.campaigns.add_items("Trail shoes", ["youtube:a", "youtube:b"])
    change = spring.campaigns.remove_items("Trail shoes", ["youtube:a", "tiktok:c"])
    assert (change.changed, change.unchanged) == (1, 1)
    assert linked(spring) == ["youtube:b"]
    assert len(spring.content.list()) == 4


def test_with_clips_all_that_hangs_below_is_in_and_nothing_above(spring: Workspace) -> None:
    def ids(*items: str, with_clips: bool) -> set[str]:
        name = f"With {'-'.join(items)} {with_clips}"
        spring.campaigns.add(name)
        spring.campaigns.add_items(name, items)
        names = {row.id: f"{row.platform}:{row.native_id}" for row in spring.content.list()}
        with spring.access.transaction(Permission.READ) as session:
            campaign_id, found = find_campaign(session, name)
            assert found == name
            held = campaign_item_ids(
                session, tenant_id=spring.tenant.id, campaign_id=campaign_id, with_clips=with_clips
            )
        assert len(set(held)) == len(held)
        return {names[item_id] for item_id in held}

    assert ids("youtube:b", with_clips=False) == {"youtube:b"}
    assert ids("youtube:b", with_clips=True) == {"youtube:b", "tiktok:c", "instagram:d"}
    assert ids("tiktok:c", with_clips=True) == {"tiktok:c", "instagram:d"}
    assert ids("youtube:a", with_clips=True) == {"youtube:a"}
    assert ids("youtube:b", "instagram:d", "youtube:a", with_clips=True) == {
        "youtube:a", "youtube:b", "tiktok:c", "instagram:d",
    }  # fmt: skip


def test_a_list_counts_what_was_linked(spring: Workspace) -> None:
    spring.campaigns.add("Undated")
    spring.campaigns.add_items("Trail shoes", ["youtube:b", "tiktok:c"])
    first, second = spring.campaigns.list()
    assert (first.name, first.items, first.creators, first.platforms) == (
        "Trail shoes", 2, ("Ann Lee",), ("tiktok", "youtube"),
    )  # fmt: skip
    assert (second.name, second.items, second.creators) == ("Undated", 0, ())
    assert not hasattr(first, "note")


def test_who_may_not_decide_on_content_may_look_and_no_more(spring: Workspace, engagerr: Engagerr) -> None:
    viewer, analyst = (colleague(spring, engagerr, role) for role in ("viewer", "analyst"))
    assert viewer.campaigns.show("Trail shoes") == spring.campaigns.show("Trail shoes")
    for refused in (
        lambda: viewer.campaigns.add("Mine"),
        lambda: viewer.campaigns.update("Trail shoes", brand="Mine"),
        lambda: viewer.campaigns.add_items("Trail shoes", ["youtube:a"]),
        lambda: viewer.campaigns.remove_items("Trail shoes", ["youtube:a"]),
    ):
        with pytest.raises(Forbidden):
            refused()
    assert analyst.campaigns.add_items("Trail shoes", ["youtube:a"]).changed == 1


def test_another_tenant_has_campaigns_of_its_own(spring: Workspace, other_workspace: Workspace) -> None:
    assert other_workspace.campaigns.list() == ()
    with pytest.raises(NotFound):
        other_workspace.campaigns.show(str(spring.campaigns.show("Trail shoes").id))
    assert other_workspace.campaigns.add("Trail shoes").items == ()


def test_every_change_is_in_the_audit_log_and_no_note_is(spring: Workspace, superuser_connection: Connection) -> None:
    spring.campaigns.add_items("Trail shoes", ["youtube:a"])
    spring.campaigns.update("Trail shoes", note="They never pay.")
    spring.campaigns.remove_items("Trail shoes", ["youtube:a"])
    log = audited(superuser_connection)
    assert [action for action, _ in log] == [
        "campaign.added", "campaign.items_added", "campaign.changed", "campaign.items_removed",
    ]  # fmt: skip
    assert not any("pay" in detail for _, detail in log)
    assert spring.verify_audit().intact


def audited(superuser: Connection) -> list[tuple[str, str]]:
    rows = superuser.execute(
        "SELECT action, detail::text FROM audit_log WHERE action LIKE 'campaign.%' ORDER BY sequence"
    )
    return [(row[0], row[1]) for row in rows.fetchall()]
