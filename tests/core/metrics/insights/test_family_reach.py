"""The reach of a family: bounds that hold, an estimate between them, and refusal where too little is known."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from engagerr import Workspace
from engagerr.core.errors import NotFound
from engagerr.core.metrics.insights.family_reach import FamilyReach
from engagerr.core.metrics.insights.net_reach import Appearance, NetReach, net_reach
from hypothesis import given
from hypothesis import strategies as st
from tests.lines import a_creator, a_figure, an_edge, an_item, bring

ACCOUNTS = ("youtube:@ann", "instagram:ann", "facebook:ann", "tiktok:ann")
COPIES = {f"facebook{number}": (f"instagram{number % 2}", "instagram:ann") for number in range(4)}
FOLLOWERS = st.dictionaries(
    st.sampled_from(ACCOUNTS), st.none() | st.integers(0, 10_000_000), max_size=len(ACCOUNTS)
)  # fmt: skip


@st.composite
def families(draw: st.DrawFn, at_least: int = 1) -> list[Appearance]:
    """Items on up to four accounts, among them Facebook copies of what may be there on Instagram."""
    names = draw(
        st.lists(
            st.sampled_from([(account, number) for account in ACCOUNTS for number in range(4)]),
            min_size=at_least, max_size=8, unique=True,
        )
    )  # fmt: skip
    found = []
    for account, number in names:
        item = f"{account.partition(':')[0]}{number}"
        copy_of = COPIES.get(item) if draw(st.booleans()) else None
        found.append(Appearance(item, account, draw(st.integers(0, 5_000_000)), copy_of))
    return found


@given(families(), FOLLOWERS)
def test_the_estimate_lies_between_the_largest_item_and_the_sum(
    items: list[Appearance], followers: dict[str, int | None]
) -> None:
    net = net_reach(items, followers)
    assert net.largest == max(one.reach for one in items)
    assert net.total == sum(one.reach for one in items)
    assert net.largest <= net.estimate <= net.unshared <= net.total
    for part in net.by_account.values():
        assert part.largest <= part.estimate <= part.total


@given(families(at_least=2), FOLLOWERS)
def test_an_item_more_lowers_nothing(items: list[Appearance], followers: dict[str, int | None]) -> None:
    before, after = net_reach(items[:-1], followers), net_reach(items, followers)
    assert before.largest <= after.largest
    assert before.estimate <= after.estimate
    assert before.total <= after.total


@given(families(at_least=2), FOLLOWERS, st.randoms())
def test_the_order_of_the_items_says_nothing(
    items: list[Appearance], followers: dict[str, int | None], random: Any
) -> None:
    shuffled = list(items)
    random.shuffle(shuffled)
    assert net_reach(shuffled, followers) == net_reach(items, followers)


@given(st.sampled_from(ACCOUNTS), st.integers(0, 5_000_000), FOLLOWERS)
def test_of_one_item_all_figures_are_its_reach(account: str, reach: int, followers: dict[str, int | None]) -> None:
    net = net_reach([Appearance("one", account, reach)], followers)
    assert net.largest == net.estimate == net.unshared == net.total == reach


@given(st.lists(st.integers(0, 1_000_000), min_size=1, max_size=6), st.integers(0, 1_000_000), st.integers(0, 10**6))
def test_more_followers_among_whom_to_meet_are_fewer_who_meet(reaches: list[int], followers: int, more: int) -> None:
    def estimate(crowd: int) -> int:
        items = [Appearance(str(at), "youtube:@ann", reach) for at, reach in enumerate(reaches)]
        return net_reach(items, {"youtube:@ann": crowd}).estimate

    largest = max(reaches)
    assert estimate(largest + followers) <= estimate(largest + followers + more)


def test_within_an_account_people_meet_by_chance_among_its_followers() -> None:
    items = [Appearance("a", "youtube:@ann", 50_000), Appearance("b", "youtube:@ann", 20_000)]
    # By Sainsbury: 100,000 (1 - 0.5 x 0.8).
    assert two(items, 100_000) == (50_000, 60_000, 70_000)
    # Followers that are not known: the base is all people of the two, 70,000 (1 - 20/70 x 50/70).
    assert two(items, None) == (50_000, 55_714, 70_000)
    # Of 50,000 people 40,000 follow, as do all of the 20,000: 40,000 (1 - 0 x 0.5) + 10,000.
    assert two(items, 40_000) == (50_000, 50_000, 70_000)
    # None follow, and nothing is known of where they come from.
    assert two(items, 0) == two(items, None)


def two(items: list[Appearance], followers: int | None) -> tuple[int, int, int]:
    net = net_reach(items, {"youtube:@ann": followers})
    return net.largest, net.estimate, net.total


def test_across_accounts_people_meet_by_chance_in_the_public_of_all() -> None:
    items = [Appearance("a", "youtube:@ann", 50_000), Appearance("b", "tiktok:ann", 30_000)]
    net = net_reach(items, {"youtube:@ann": 100_000, "tiktok:ann": 20_000})
    # The public is 100,000 followers and 30,000 people: 130,000 (1 - 80/130 x 100/130).
    assert net.estimate == round(130_000 * (1 - 80 / 130 * 100 / 130)) == 68_462
    assert net.unshared == 80_000
    assert net.beyond_followers == ("tiktok:ann",)


def test_a_copy_and_its_original_are_one_in_the_estimate_and_two_in_the_bounds() -> None:
    original = Appearance("i", "instagram:ann", 30_000)
    copy = Appearance("f", "facebook:ann", 10_000, copy_of=("i", "instagram:ann"))
    assert figures(net_reach([original, copy], {})) == (30_000, 30_000, 40_000)
    larger = Appearance("f", "facebook:ann", 50_000, copy_of=("i", "instagram:ann"))
    assert figures(net_reach([original, larger], {})) == (50_000, 50_000, 80_000)
    apart = Appearance("f", "facebook:ann", 10_000)
    assert net_reach([original, apart], {}).estimate > 30_000


def figures(net: NetReach) -> tuple[int, int, int]:
    return net.largest, net.estimate, net.total


def test_nobody_is_not_the_reach_of_nothing() -> None:
    with pytest.raises(ValueError, match="no reach"):
        net_reach([], {})


def seen(name: str, value: Any = None, at: str = "2026-10-20", **fields: Any) -> dict[str, Any]:
    return a_figure(name, value, at, **fields)


def an(name: str, *figures: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return an_item(name, metrics=list(figures), published_at="2026-10-01T00:00:00Z", **fields)


def account(platform: str, handle: str, followers: int | None) -> dict[str, Any]:
    known = {} if followers is None else {"followers": followers, "observed_at": "2026-10-01T00:00:00Z"}
    return {"platform": platform, "handle": handle, **known}


@pytest.fixture
def family(workspace: Workspace, tmp_path: Path) -> Workspace:
    """A film with a reel, a TikTok and a Facebook copy of the reel; the film says no reach."""
    bring(
        workspace, tmp_path,
        a_creator(
            "Ann Lee",
            accounts=[
                account("youtube", "@ann", 100_000), account("instagram", "@ann", 50_000),
                account("tiktok", "@ann", 20_000), account("facebook", "@ann", None),
            ],
        ),
        an("youtube:film", seen("views", 10_000), kind="long_video", title="The film"),
        an("instagram:reel", seen("views", 40_000), seen("reach", 30_000), kind="reel"),
        an("tiktok:clip", seen("views", 25_000), seen("reach", 22_000), kind="short_video"),
        an(
            "facebook:copy", seen("views", 9_000), seen("reach", 8_000), kind="reel", hints={"is_crosspost": True},
            url="https://facebook.example/1",
        ),
        an_edge("instagram:reel", "youtube:film"), an_edge("tiktok:clip", "youtube:film"),
        an_edge("facebook:copy", "instagram:reel", "same_work"),
    )  # fmt: skip
    return workspace


def test_a_family_is_bounded_estimated_and_says_what_is_missing(family: Workspace) -> None:
    found = family.insights.family_reach("youtube:film")
    assert (found.title, found.low, found.high, found.why) == ("The film", 30_000, 60_000, None)
    assert found.estimate is not None
    # Instagram's 30,000 and TikTok's 22,000 in a public of 50,000 + 22,000 and the 8,000 on Facebook.
    assert found.estimate == round(80_000 * (1 - 50 / 80 * 58 / 80)) == 43_750
    assert found.unshared == 52_000
    assert found.covered == pytest.approx(65_000 / 75_000), "the copy's views are in the reel's"
    assert found.missing == ("youtube:film: no reach was reported for it",)
    by_item = {item.native_id: item for item in found.items}
    assert (by_item["film"].reach, by_item["film"].state, by_item["film"].views) == (None, "not_reported", 10_000)
    assert by_item["copy"].doubled
    assert not by_item["reel"].doubled
    parts = {row.account: (row.followers, row.items, row.with_reach, row.low, row.estimate) for row in found.accounts}
    assert parts["youtube:@ann"] == (100_000, 1, 0, None, None)
    assert parts["tiktok:@ann"] == (20_000, 1, 1, 22_000, 22_000)


def test_every_member_of_a_family_names_it(family: Workspace) -> None:
    assert family.insights.family_reach("tiktok:clip") == family.insights.family_reach("youtube:film")
    with pytest.raises(NotFound):
        family.insights.family_reach("youtube:nowhere")


def test_the_assumptions_say_what_the_estimate_rests_on(family: Workspace) -> None:
    told = " ".join(family.insights.family_reach("youtube:film").assumptions)
    assert "Sainsbury" in told
    assert "52,000" in told
    assert "facebook:@ann are not known" in told
    assert "tiktok:@ann reached more people than follow" in told
    assert "Facebook copy" in told


def one(workspace: Workspace, folder: Path, *figures: dict[str, Any], platform: str = "instagram") -> FamilyReach:
    bring(workspace, folder, an(f"{platform}:one", *figures, kind="reel"))
    return workspace.insights.family_reach(f"{platform}:one")


def test_a_lone_item_is_its_own_family(workspace: Workspace, tmp_path: Path) -> None:
    found = one(workspace, tmp_path, seen("reach", 1200))
    assert (found.low, found.estimate, found.high, found.missing) == (1200, 1200, 1200, ())


def test_plays_are_no_people(workspace: Workspace, tmp_path: Path) -> None:
    found = one(workspace, tmp_path, seen("views", 90_000))
    assert (found.low, found.estimate, found.high, found.unshared) == (None, None, None, None)
    assert found.why
    assert "no item of the family has a reach" in found.why.lower()
    assert found.assumptions == ()


def test_a_withheld_reach_is_no_zero_and_a_zero_is_one(workspace: Workspace, tmp_path: Path) -> None:
    withheld = one(workspace, tmp_path, seen("reach", state="suppressed"))
    assert (withheld.low, withheld.items[0].reach, withheld.items[0].state) == (None, None, "suppressed")
    assert withheld.missing == ("instagram:one: its reach is missing (suppressed)",)
    nobody = one(workspace, tmp_path, seen("reach", 0), platform="tiktok")
    assert (nobody.low, nobody.estimate, nobody.high) == (0, 0, 0)


def test_devices_are_not_taken_for_people(workspace: Workspace, tmp_path: Path) -> None:
    found = one(workspace, tmp_path, seen("unique_viewers", 500), platform="twitch")
    assert found.low is None
    assert "does not count people as the others do" in found.missing[0]


def test_the_reach_of_some_days_is_not_that_of_a_life(workspace: Workspace, tmp_path: Path) -> None:
    some = one(workspace, tmp_path, seen("unique_viewers", 500, period_days=7), platform="youtube")
    assert some.low is None
    assert "7 days only" in some.missing[0]
    bring(workspace, tmp_path, an("youtube:one", seen("unique_viewers", 900, period_days=28), kind="reel"))
    assert workspace.insights.family_reach("youtube:one").low == 900


def test_under_half_of_the_exposure_only_the_bounds_are_said(workspace: Workspace, tmp_path: Path) -> None:
    bring(
        workspace, tmp_path,
        an("youtube:film", seen("views", 60_000), kind="long_video"),
        an("instagram:reel", seen("views", 40_000), seen("reach", 30_000), kind="reel"),
        an_edge("instagram:reel", "youtube:film"),
    )  # fmt: skip
    found = workspace.insights.family_reach("youtube:film")
    assert (found.low, found.estimate, found.high, found.unshared) == (30_000, None, 30_000, None)
    assert found.why
    assert "40%" in found.why
    assert all(row.estimate is None for row in found.accounts)
    bring(workspace, tmp_path, an("youtube:film", seen("views", 40_000, at="2026-10-21"), kind="long_video"))
    bring(workspace, tmp_path, an("youtube:film", seen("views", 30_000, at="2026-10-22"), kind="long_video"))
    assert workspace.insights.family_reach("youtube:film").estimate == 30_000


def test_where_nothing_weighs_the_items_they_are_counted(workspace: Workspace, tmp_path: Path) -> None:
    bring(
        workspace, tmp_path,
        an("youtube:film", kind="long_video"), an("x:post", kind="post"),
        an("instagram:reel", seen("reach", 30_000), kind="reel"),
        an_edge("instagram:reel", "youtube:film"), an_edge("x:post", "youtube:film", "promotes"),
    )  # fmt: skip
    found = workspace.insights.family_reach("youtube:film")
    assert (found.covered, found.estimate, found.low) == (None, None, 30_000)
    assert found.why
    assert "1 of 3 items" in found.why


def test_what_was_known_by_a_day(family: Workspace, tmp_path: Path) -> None:
    bring(family, tmp_path, an("tiktok:clip", seen("reach", 90_000, at="2026-10-25"), kind="short_video"))
    assert family.insights.family_reach("youtube:film").low == 90_000
    day = datetime(2026, 10, 22, tzinfo=UTC)
    assert family.insights.family_reach("youtube:film", until=day).low == 30_000
    before = family.insights.family_reach("youtube:film", until=datetime(2026, 9, 1, tzinfo=UTC))
    assert (before.low, before.items) == (None, ())


def test_in_a_frame_a_missing_reach_is_na(family: Workspace) -> None:
    frame = family.insights.family_reach("youtube:film").frame().set_index("native_id")
    assert pd.isna(frame["reach"]["film"])
    assert frame["reach"]["reel"] == 30_000
    assert frame["reach"].count() == 3


def test_another_tenant_has_no_such_family(family: Workspace, other_workspace: Workspace) -> None:
    with pytest.raises(NotFound):
        other_workspace.insights.family_reach("youtube:film")
