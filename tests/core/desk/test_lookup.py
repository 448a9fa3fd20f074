"""One search over everything, as somebody types."""

from __future__ import annotations

from pathlib import Path

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.desk.lookup import Found, Hit, find
from engagerr.core.errors import InvalidInput
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.core.deals.parties import a_deal
from tests.core.matching.marketplace.conftest import add_brief
from tests.factories import colleague
from tests.lines import an_item, bring

VIDEO = "https://www.youtube.com/watch?v=dQw4w9WgXcQ"


@pytest.fixture
def full(workspace: Workspace, tmp_path: Path) -> Workspace:
    bring(
        workspace, tmp_path,
        an_item("youtube:dQw4w9WgXcQ", creator="Ann Lee", account="@annlee", title="My kitchen, rebuilt",
                published_at="2026-10-01T10:00:00Z"),
        an_item("youtube:aaaaaaaaaaa", creator="Ann Lee", account="@annlee", title="Running 100% of the trail",
                published_at="2026-10-02T10:00:00Z"),
        an_item("x:1", creator="Mara Kaya", account="@marak", body="A kitchen thread",
                published_at="2026-10-03T10:00:00Z"),
    )  # fmt: skip
    a_deal(workspace, "Kitchen knives", creators=("Ann Lee",))
    add_brief(workspace, "Kitchen brief")
    return workspace


def titles(hits: tuple[Hit, ...]) -> list[str]:
    return [hit.title for hit in hits]


def test_words_are_found_in_every_group(full: Workspace) -> None:
    found = find(full, "  KITCHEN ")
    assert titles(found.items) == ["A kitchen thread", "My kitchen, rebuilt"]
    assert titles(found.deals) == ["Kitchen knives"]
    assert titles(found.briefs) == ["Kitchen brief"]
    assert (found.creators, found.hidden, found.unknown_url) == ((), (), None)
    assert found.items[1].subtitle == "Ann Lee · youtube · 2026-10-01"


def test_a_creator_is_found_by_parts_of_the_name_and_by_a_handle(full: Workspace) -> None:
    for typed in ("an", "lee", "Lee Ann", "@annlee", "youtube:@annlee", "annle"):
        found = find(full, typed)
        assert "Ann Lee" in titles(found.creators), typed
    assert titles(find(full, "@annlee").accounts) == ["youtube:@annlee"]
    assert find(full, "tiktok:@annlee").accounts == ()


def test_words_of_a_name_and_of_a_title_find_the_piece_of_that_creator(full: Workspace) -> None:
    assert titles(find(full, "mara kitchen").items) == ["A kitchen thread"]
    assert titles(find(full, "ann kitchen").items) == ["My kitchen, rebuilt"]
    assert find(full, "mara rebuilt").items == ()


@pytest.mark.parametrize(
    "typed",
    [VIDEO, "youtu.be/dQw4w9WgXcQ", "https://m.youtube.com/watch?v=dQw4w9WgXcQ&t=42", "youtube:dQw4w9WgXcQ"],
)
def test_the_address_of_a_post_finds_the_post(full: Workspace, typed: str) -> None:
    assert titles(find(full, typed).items) == ["My kitchen, rebuilt"]


def test_an_address_that_is_not_here_is_told_so_and_one_of_an_account_finds_it(full: Workspace) -> None:
    unknown = find(full, "https://www.youtube.com/watch?v=zzzzzzzzzzz")
    assert (unknown.hits, unknown.unknown_url) == ((), "https://www.youtube.com/watch?v=zzzzzzzzzzz")
    assert titles(find(full, "https://www.youtube.com/@annlee").accounts) == ["youtube:@annlee"]


def test_an_id_and_the_end_of_one_find_the_thing(full: Workspace) -> None:
    deal = full.deals.show("Kitchen knives").row
    assert titles(find(full, str(deal.id)).deals) == ["Kitchen knives"]
    assert titles(find(full, str(deal.id)[-8:]).deals) == ["Kitchen knives"]
    item = find(full, "rebuilt").items[0]
    assert find(full, str(item.id)).items == (item,)


def test_signs_of_patterns_mean_themselves(full: Workspace) -> None:
    assert titles(find(full, "100%").items) == ["Running 100% of the trail"]
    assert find(full, "k%n").items == ()
    assert find(full, "%%").hits == ()
    assert find(full, "__").hits == ()


def test_the_best_creators_come_first_and_no_more_than_asked_for(workspace: Workspace) -> None:
    for name in ("Zoe Mara", "Tamara Ito", "Mara Voss"):
        workspace.roster.add(name)
    assert titles(find(workspace, "mara").creators) == ["Mara Voss", "Zoe Mara", "Tamara Ito"]
    assert titles(find(workspace, "mara", limit=1).creators) == ["Mara Voss"]


def test_who_may_not_read_deals_finds_none_and_is_told(full: Workspace, engagerr: Engagerr) -> None:
    found = find(colleague(full, engagerr, "viewer"), "kitchen")
    assert (found.deals, found.contracts, found.hidden) == ((), (), ("deals", "contracts"))
    assert len(found.items) == 2


def test_another_tenant_finds_nothing(full: Workspace, other_workspace: Workspace) -> None:
    for typed in ("kitchen", VIDEO, "ann", str(full.deals.show("Kitchen knives").row.id)):
        assert find(other_workspace, typed).hits == ()


@pytest.mark.parametrize("limit", [0, 51, -1])
def test_a_limit_has_limits(workspace: Workspace, limit: int) -> None:
    with pytest.raises(InvalidInput):
        find(workspace, "kitchen", limit=limit)


def test_one_character_finds_nothing(full: Workspace) -> None:
    assert find(full, "k") == Found()
    assert find(full, "  ") == Found()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(typed=st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_whatever_is_typed_is_answered(workspace: Workspace, typed: str) -> None:
    assert find(workspace, typed).hits == ()
