"""Audiences: what each account says stays as it was said, and what follows from several is a range."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from engagerr import Workspace
from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.metrics.insights.audience import Audience, AudienceRow, Overlap, combine
from engagerr.core.metrics.insights.audience_overlap import Side, common, side_of
from engagerr.core.metrics.insights.audience_splits import Split
from hypothesis import given
from hypothesis import strategies as st
from tests.factories import in_tenant, insert
from tests.fakes.cluster import Connection
from tests.lines import a_creator, bring

OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)


def account(platform: str, followers: int | None = None) -> dict[str, Any]:
    known = {} if followers is None else {"followers": followers, "observed_at": "2026-10-01T00:00:00Z"}
    return {"platform": platform, "handle": "@ann", **known}


class Shares:
    """Says what platforms say of the accounts of a workspace."""

    def __init__(self, workspace: Workspace, connection: Connection) -> None:
        self._workspace = workspace
        self._connection = connection

    def __call__(self, named: str, dimension: str, at: datetime = OCTOBER, **shares: str) -> None:
        accounts = {f"{row.platform}:{row.handle}": row.id for row in self._workspace.roster.accounts()}
        with in_tenant(self._connection, self._workspace.tenant.id):
            for value, share in shares.items():
                insert(
                    self._connection, "account_audience_shares",
                    {
                        "tenant_id": self._workspace.tenant.id, "account_id": accounts[named], "dimension": dimension,
                        "value": value, "share": share, "observed_at": at,
                    },
                )  # fmt: skip


@pytest.fixture
def ann(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Ann with 60,000 on YouTube, 40,000 on Instagram and an uncounted TikTok."""
    accounts = [account("youtube", 60_000), account("instagram", 40_000), account("tiktok")]
    bring(workspace, tmp_path, a_creator("Ann Lee", accounts=accounts))
    return workspace


@pytest.fixture
def say(workspace: Workspace, owner_connection: Connection) -> Shares:
    return Shares(workspace, owner_connection)


def rows(found: Audience, source: str, whose: str | None = None) -> dict[str, AudienceRow]:
    return {row.value: row for row in found.rows if (row.source, row.account) == (source, whose)}


def test_each_account_says_its_own_and_what_it_leaves_out_has_a_name(ann: Workspace, say: Shares) -> None:
    say("youtube:@ann", "country", DE="0.5", AT="0.2")
    found = ann.insights.audience("Ann Lee")
    said = rows(found, "account", "youtube:@ann")
    assert list(said) == ["DE", "AT", "not stated"]
    assert (said["DE"].share, said["DE"].state, said["DE"].observed_at) == (0.5, "value", OCTOBER)
    assert said["not stated"].share == pytest.approx(0.3)
    assert said["not stated"].state == "not_reported"
    assert found.missing == (
        "instagram:@ann gives no split of its audience (40,000 followers).",
        "tiktok:@ann gives no split of its audience and no number of followers.",
    )
    assert rows(found, "combined") == {}, "one account is no combination"


def test_shares_that_add_to_one_leave_nothing_unstated(ann: Workspace, say: Shares) -> None:
    say("youtube:@ann", "gender", female="0.6", male="0.3998")
    assert list(rows(ann.insights.audience("Ann Lee"), "account", "youtube:@ann")) == ["female", "male"]


def test_a_share_of_zero_is_a_zero(ann: Workspace, say: Shares) -> None:
    say("youtube:@ann", "gender", female="1", male="0")
    male = rows(ann.insights.audience("Ann Lee"), "account", "youtube:@ann")["male"]
    assert (male.share, male.state) == (0, "zero")


def test_the_newest_set_stands_alone(ann: Workspace, say: Shares) -> None:
    say("youtube:@ann", "country", FR="0.9", DE="0.1", at=OCTOBER - timedelta(days=90))
    say("youtube:@ann", "country", DE="0.7")
    now = rows(ann.insights.audience("Ann Lee"), "account", "youtube:@ann")
    assert set(now) == {"DE", "not stated"}
    before = ann.insights.audience("Ann Lee", until=OCTOBER - timedelta(days=1))
    assert set(rows(before, "account", "youtube:@ann")) == {"FR", "DE"}
    assert ann.insights.audience("Ann Lee", until=OCTOBER - timedelta(days=365)).rows == ()


def test_several_accounts_make_an_estimate_and_the_range_that_it_could_have(ann: Workspace, say: Shares) -> None:
    say("youtube:@ann", "gender", female="0.5", male="0.5")
    say("instagram:@ann", "gender", female="0.8", male="0.2")
    found = ann.insights.audience("Ann Lee")
    female = rows(found, "combined")["female"]
    assert female.state == "estimated"
    assert female.share == pytest.approx((30 + 32) / 100)
    # Women 30 and 32 thousand, others 30 and 8: all women shared and no other, or the other way round.
    assert female.low == pytest.approx(32 / (32 + 38))
    assert female.high == pytest.approx(62 / (62 + 30))
    assert any("by its followers" in line for line in found.assumptions)


def test_a_value_that_one_account_does_not_name_has_a_range_and_no_estimate(ann: Workspace, say: Shares) -> None:
    say("youtube:@ann", "country", DE="0.5", AT="0.3")
    say("instagram:@ann", "country", DE="0.6", CH="0.1")
    together = rows(ann.insights.audience("Ann Lee"), "combined")
    assert together["DE"].share == pytest.approx(0.54)
    austria = together["AT"]
    assert (austria.share, austria.state) == (None, "not_reported")
    # 18 thousand on YouTube, none to 12 thousand on Instagram.
    assert austria.low == pytest.approx(18 / (18 + 42 + 40))
    assert austria.high == pytest.approx(30 / (30 + 42))


def test_an_account_of_unknown_size_is_left_out_and_named(ann: Workspace, say: Shares) -> None:
    for named in ("youtube:@ann", "instagram:@ann", "tiktok:@ann"):
        say(named, "gender", female="0.5", male="0.5")
    say("tiktok:@ann", "city", Berlin="1")
    found = ann.insights.audience("Ann Lee")
    assert "tiktok:@ann is left out of the combined split by gender: its followers are not known." in found.missing
    assert rows(found, "combined")["female"].share == pytest.approx(0.5)
    assert {row.dimension for row in found.rows if row.source == "combined"} == {"gender"}


def test_shares_over_one_are_shown_and_not_combined(ann: Workspace, say: Shares) -> None:
    say("youtube:@ann", "language", de="0.9", en="0.7")
    say("instagram:@ann", "language", de="0.5", en="0.5")
    found = ann.insights.audience("Ann Lee")
    assert {row.share for row in rows(found, "account", "youtube:@ann").values()} == {0.9, 0.7}
    assert rows(found, "combined") == {}
    assert any("add to 1.600" in line for line in found.missing)


def test_a_list_s_word_on_the_whole_audience_stands_apart(ann: Workspace, say: Shares, tmp_path: Path) -> None:
    bring(ann, tmp_path, a_creator("Ann Lee", audience=[listed("country", "DE", 0.4)]))
    found = ann.insights.audience("Ann Lee")
    assert rows(found, "list")["DE"].share == 0.4
    assert rows(found, "list")["not stated"].share == pytest.approx(0.6)


def listed(dimension: str, value: str, share: float) -> dict[str, Any]:
    return {"dimension": dimension, "value": value, "share": share, "observed_at": "2026-10-01T00:00:00Z"}


def test_an_audience_of_which_nobody_spoke_is_empty_and_says_so(ann: Workspace) -> None:
    found = ann.insights.audience("Ann Lee")
    assert found.rows == ()
    assert len(found.missing) == 3
    frame = found.frame()
    assert frame.empty
    assert {"share", "state", "observed_at"} <= set(frame.columns)


def test_in_a_frame_an_unknown_share_is_na(ann: Workspace, say: Shares) -> None:
    say("youtube:@ann", "country", DE="0.5", AT="0.3")
    say("instagram:@ann", "country", DE="0.6")
    frame = ann.insights.audience("Ann Lee").frame()
    austria = frame[(frame["source"] == "combined") & (frame["value"] == "AT")]
    assert pd.isna(austria["share"].item())
    assert austria["low"].item() > 0


def test_an_audience_belongs_to_one_workspace(ann: Workspace, say: Shares, other_workspace: Workspace) -> None:
    with pytest.raises(NotFound):
        other_workspace.insights.audience("Ann Lee")


@given(
    st.lists(
        st.tuples(
            st.integers(1, 1_000_000),
            st.dictionaries(st.sampled_from("abcd"), st.floats(0, 0.25), min_size=1),
        ),
        min_size=2, max_size=5,
    )
)  # fmt: skip
def test_an_estimate_lies_in_its_range(given_splits: list[tuple[int, dict[str, float]]]) -> None:
    splits = [
        Split("country", dict(shares), OCTOBER, f"x:{at}", size) for at, (size, shares) in enumerate(given_splits)
    ]
    together, why = combine(splits)
    assert why == []
    assert {row.value for row in together} == {value for split in splits for value in split.shares}
    for row in together:
        assert row.low is not None
        assert row.high is not None
        assert 0 <= row.low <= row.high <= 1
        named_by_all = all(row.value in split.shares for split in splits)
        assert (row.share is not None) >= named_by_all
        if row.share is not None:
            assert row.low - 1e-9 <= row.share <= row.high + 1e-9


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=2, max_size=2), st.data())
def test_the_range_holds_whoever_follows_twice(groups: list[tuple[int, int]], data: st.DataObject) -> None:
    (women, men), (more_women, more_men) = groups
    if not (women + men and more_women + more_men):
        return
    splits = [
        Split("gender", {"f": f / (f + m), "m": m / (f + m)}, OCTOBER, f"x:{at}", f + m)
        for at, (f, m) in enumerate(groups)
    ]
    both_women = data.draw(st.integers(0, min(women, more_women)))
    both_men = data.draw(st.integers(0, min(men, more_men)))
    all_women, all_men = women + more_women - both_women, men + more_men - both_men
    [row] = [row for row in combine(splits)[0] if row.value == "f"]
    assert row.low is not None
    assert row.high is not None
    assert row.low - 1e-9 <= all_women / (all_women + all_men) <= row.high + 1e-9


@pytest.fixture
def pair(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Ann and Bo with lists of their countries; Cy whose accounts nobody counted."""
    bring(
        workspace, tmp_path,
        a_creator(
            "Ann Lee", accounts=[account("youtube", 60_000)],
            audience=[listed("country", "DE", 0.6), listed("country", "AT", 0.4), listed("age", "18-24", 1)],
        ),
        a_creator(
            "Bo", accounts=[{**account("youtube", 10_000), "handle": "@bo"}],
            audience=[listed("country", "DE", 0.5), listed("country", "FR", 0.5)],
        ),
        a_creator(
            "Cy", accounts=[{**account("youtube"), "handle": "@cy"}], audience=[listed("country", "DE", 0.3)]
        ),
    )  # fmt: skip
    return workspace


def compared(found: Overlap, first: str, second: str, dimension: str = "country") -> Any:
    [row] = [row for row in found.rows if (row.first, row.second, row.dimension) == (first, second, dimension)]
    return row


def test_an_overlap_is_likeness_and_bounds(pair: Workspace) -> None:
    found = pair.insights.overlap(["Ann Lee", "Bo"])
    row = compared(found, "Ann Lee", "Bo")
    assert (row.values, row.common_low, row.common_high) == (1, pytest.approx(0.5), pytest.approx(0.5))
    # Germans alone can be both: 36,000 of Ann's and 5,000 of Bo's.
    assert row.at_most == 5_000
    # The entropy of (0.55, 0.45) is 0.99277 bits; those of (0.6, 0.4) and (0.5, 0.5) are 0.97095 and 1.
    assert row.similarity == pytest.approx(1 - (0.99277 - (0.97095 + 1) / 2) ** 0.5, abs=1e-3)
    [between] = found.pairs
    assert (between.at_least, between.at_most, between.by, between.why) == (0, 5_000, "country", None)


def test_equal_splits_are_all_alike_and_need_not_share_anybody(pair: Workspace, tmp_path: Path) -> None:
    bring(
        pair, tmp_path,
        a_creator("Di", accounts=[{**account("youtube", 9_000), "handle": "@di"}],
                  audience=[listed("country", "DE", 0.6), listed("country", "AT", 0.4)]),
    )  # fmt: skip
    found = pair.insights.overlap(["Ann Lee", "Di"])
    assert compared(found, "Ann Lee", "Di").similarity == pytest.approx(1)
    [between] = found.pairs
    assert (between.at_least, between.at_most, between.by) == (0, 9_000, None)


def test_what_is_not_stated_widens_what_may_be_in_common(pair: Workspace) -> None:
    row = compared(pair.insights.overlap(["Ann Lee", "Cy"]), "Ann Lee", "Cy")
    assert row.common_low == pytest.approx(0.3)
    assert row.common_high == pytest.approx(0.7), "Cy's unnamed 0.7 may be Austrians, of whom Ann has 0.4"
    assert row.similarity is None, "both name the Germans alone, and of Cy's audience they are not half"
    assert row.why == "the values that both name are 30% of one of the audiences"


def test_followers_that_nobody_counted_bound_nothing(pair: Workspace) -> None:
    found = pair.insights.overlap(["Ann Lee", "Cy"])
    [between] = found.pairs
    assert compared(found, "Ann Lee", "Cy").at_most is None
    assert (between.at_most, between.by) == (60_000, None), "Cy cannot share more than Ann has"
    assert between.why
    assert "youtube:@cy" in between.why


def test_where_neither_was_counted_nothing_bounds_what_they_share(pair: Workspace, tmp_path: Path) -> None:
    bring(pair, tmp_path, a_creator("Di", accounts=[{**account("youtube"), "handle": "@di"}]))
    [between] = pair.insights.overlap(["Di", "Cy"]).pairs
    assert (between.at_least, between.at_most) == (0, None)
    assert between.why == "no followers are known of youtube:@di, youtube:@cy"


def test_a_dimension_that_one_side_lacks_is_named_without_a_figure(pair: Workspace) -> None:
    row = compared(pair.insights.overlap(["Ann Lee", "Bo"]), "Ann Lee", "Bo", "age")
    assert (row.similarity, row.common_low, row.at_most) == (None, None, None)
    assert row.why == "Bo: no split by it"


def test_followers_of_accounts_without_a_split_may_be_anybody(ann: Workspace, say: Shares, tmp_path: Path) -> None:
    bring(
        ann, tmp_path,
        a_creator("Ann Lee", accounts=[account("tiktok", 5_000)]),
        a_creator("Bo", accounts=[{**account("x", 50_000), "handle": "@bo"}], audience=[listed("country", "FR", 1)]),
    )  # fmt: skip
    say("youtube:@ann", "country", DE="0.9", FR="0.1")
    found = ann.insights.overlap(["Ann Lee", "Bo"])
    # 6,000 French on YouTube, and perhaps all 40,000 on Instagram and 5,000 on TikTok.
    assert compared(found, "Ann Lee", "Bo").at_most == 50_000
    [between] = found.pairs
    assert between.at_most == 50_000


def test_three_creators_are_three_pairs(pair: Workspace) -> None:
    found = pair.insights.overlap(["Ann Lee", "Bo", "Cy"])
    assert [(row.first, row.second) for row in found.pairs] == [("Ann Lee", "Bo"), ("Ann Lee", "Cy"), ("Bo", "Cy")]
    frame = found.frame()
    assert frame["at_most"].isna().any()
    assert len(frame) == len(found.rows)


def test_an_overlap_needs_two(pair: Workspace) -> None:
    for names in (["Ann Lee"], ["Ann Lee", "ann lee"], []):
        with pytest.raises(InvalidInput, match="two creators or more"):
            pair.insights.overlap(names)


PEOPLE = st.lists(
    st.tuples(st.sampled_from("abc"), st.booleans(), st.booleans(), st.booleans(), st.booleans()), max_size=40
)


@given(PEOPLE, st.tuples(*[st.sets(st.sampled_from("abc"), min_size=1)] * 3), st.booleans(), st.booleans())
def test_no_two_audiences_share_more_people_than_the_bound(
    people: list[tuple[str, bool, bool, bool, bool]],
    named: tuple[set[str], set[str], set[str]],
    second_tells: bool,
    fourth_tells: bool,
) -> None:
    """Everybody has a value and follows any of two accounts of one creator and two of another; splits name some."""
    crowds = [[person[0] for person in people if person[1 + account]] for account in range(4)]

    def split(account: int, names: set[str]) -> Split:
        crowd = crowds[account]
        shares = {value: crowd.count(value) / len(crowd) for value in sorted(names)}
        return Split("country", shares, OCTOBER, f"x:{account}", len(crowd))

    if not (crowds[0] and crowds[1] and crowds[2] and crowds[3]):
        return
    ours = [split(0, named[0]), *([split(1, named[1])] if second_tells else [])]
    theirs = [split(2, named[2]), *([split(3, named[1])] if fourth_tells else [])]
    one = side_of(ours, people=len(crowds[0]) + len(crowds[1]))
    other = side_of(theirs, people=len(crowds[2]) + len(crowds[3]))
    assert isinstance(one, Side)
    assert isinstance(other, Side)
    assert one.people is not None
    assert other.people is not None
    shared = sum((person[1] or person[2]) and (person[3] or person[4]) for person in people)
    low, high = common(one.people, other.people)
    assert shared <= high + 1e-6
    assert low <= high
    assert common(other.people, one.people) == pytest.approx((low, high))
