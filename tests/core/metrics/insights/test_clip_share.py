"""Which part of a work's plays is its clips': like with like, what is missing said, no claim about who came."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engagerr import Workspace
from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.metrics.insights.clip_lift import FEWEST_STRETCHES, WINDOW_DAYS, Counter, daily_gains, lift_of
from engagerr.core.metrics.insights.clip_share import ClipShare, GroupShare
from engagerr.core.metrics.insights.observed import GrowthPoint
from tests.lines import a_figure, an_edge, an_item, bring

OUT = "2026-09-01T00:00:00Z"
SEEN = "2026-10-20"


def an(name: str, views: int | None, *figures: dict[str, Any], **fields: Any) -> dict[str, Any]:
    counted = () if views is None else (a_figure("views", views, SEEN),)
    return an_item(name, metrics=[*counted, *figures], **{"published_at": OUT, **fields})


def group(found: ClipShare, name: str) -> GroupShare:
    [one] = [one for one in found.groups if one.group == name]
    return one


def shares(one: GroupShare) -> dict[tuple[str, str], tuple[Decimal | None, float | None]]:
    return {(part.role, part.platform): (part.value, part.share) for part in one.parts}


@pytest.fixture
def family(workspace: Workspace, tmp_path: Path) -> Workspace:
    """An episode with its video, a Short, a reel with its Facebook copy, and a post that links it."""
    bring(
        workspace, tmp_path,
        an("podcast:e", None, kind="episode", title="The episode"),
        # Published after the day from which a view is the first frame.
        an("youtube:v", 6000, kind="long_video"),
        an("youtube:s", 1000, kind="short_video"),
        an("instagram:r", 3000, a_figure("follows", 12, SEEN), kind="reel"),
        an("facebook:r", 800, kind="reel", hints={"is_crosspost": True}),
        an("x:p", None, a_figure("impressions", 5000, SEEN), a_figure("url_clicks", 70, SEEN), kind="post"),
        an_edge("youtube:v", "podcast:e", "same_work"), an_edge("youtube:s", "youtube:v"),
        an_edge("instagram:r", "youtube:s", "same_work"), an_edge("facebook:r", "instagram:r", "same_work"),
        an_edge("x:p", "podcast:e", "promotes"),
    )  # fmt: skip
    return workspace


def test_the_plays_of_a_family_are_told_by_what_they_are_plays_of(family: Workspace) -> None:
    found = family.insights.clips("podcast:e")
    plays = group(found, "play_start")
    assert (plays.total, plays.share, plays.bound, plays.why) == (10_000, 0.4, "exact", None)
    assert shares(plays) == {
        ("work", "youtube"): (6000, 0.6),
        ("clip_of", "youtube"): (1000, 0.1),
        ("clip_of", "instagram"): (3000, 0.3),
        ("clip_of", "facebook"): (None, None),
    }
    [copy] = [part for part in plays.parts if part.platform == "facebook"]
    assert (copy.items, copy.with_figure, copy.missing, copy.counted_elsewhere) == (1, 0, 0, 1)
    assert plays.definitions == ("instagram.views.reel", "youtube.views.2026-08-24")
    assert any("2 rules that mean the same" in line for line in found.cautions)
    assert found.answer == "Clips and posts have 40% of its plays."


def test_any_item_of_the_family_names_it(family: Workspace) -> None:
    assert family.insights.clips("facebook:r") == family.insights.clips("podcast:e")
    with pytest.raises(NotFound):
        family.insights.clips("youtube:nowhere")


def test_a_group_that_one_side_alone_has_gives_no_share(family: Workspace) -> None:
    exposure = group(family.insights.clips("podcast:e"), "exposure")
    assert (exposure.total, exposure.share, exposure.bound) == (5000, None, None)
    assert exposure.why == "counted for clips and posts only"
    assert all(part.share is None for part in exposure.parts)


def test_items_without_any_count_are_named_and_in_no_share(family: Workspace) -> None:
    [told] = family.insights.clips("podcast:e").families
    assert told.without_figure == ("podcast:e (the work itself)",)
    assert (told.items, told.pieces) == (6, 4)


@pytest.mark.parametrize(
    ("missing", "bound", "said"),
    [
        ("youtube:s", "at_least", "at least 33%"),
        ("youtube:v2", "at_most", "at most 40%"),
        ("both", "known", "of what is known, 33%"),
    ],
)
def test_what_is_missing_makes_the_share_a_bound(
    family: Workspace, tmp_path: Path, missing: str, bound: str, said: str
) -> None:
    lines: list[dict[str, Any]] = []
    if missing in {"youtube:s", "both"}:
        withheld = a_figure("views", at="2026-10-21", state="suppressed")
        lines += [
            an("youtube:s2", None, withheld, kind="short_video"), an_edge("youtube:s2", "youtube:v"),
            # The platform takes the Short's number back.
            an("youtube:s", None, a_figure("views", at=SEEN, state="suppressed"), kind="short_video"),
        ]  # fmt: skip
    if missing in {"youtube:v2", "both"}:
        lines += [an("youtube:v2", None, kind="live"), an_edge("youtube:v2", "podcast:e", "same_work")]
    bring(family, tmp_path, *lines)
    found = family.insights.clips("podcast:e")
    plays = group(found, "play_start")
    assert plays.bound == bound
    assert said in found.answer
    assert plays.total == (9000 if bound != "at_most" else 10_000), "what is missing adds nothing"


def test_what_platforms_report_of_people_who_went_on_is_told_apart(family: Workspace) -> None:
    found = family.insights.clips("podcast:e")
    told = {(one.concept, one.platform): (one.role, one.value, one.items, one.missing) for one in found.onward}
    assert told == {("clicks", "x"): ("promotes", 70, 1, 0), ("follows_gained", "instagram"): ("clip_of", 12, 1, 0)}
    assert all(one.meaning for one in found.onward)
    assert any(line.startswith("youtube: where viewers of the work came from") for line in found.not_reported)
    assert any(line.startswith("instagram: clicks on the links") for line in found.not_reported)
    assert not any(line.startswith("x: clicks") for line in found.not_reported)
    assert found.lift.ratio is None
    assert found.lift.why
    assert found.lift.why in found.lift.sentence


def test_figures_are_those_known_then_of_what_was_out_then(family: Workspace, tmp_path: Path) -> None:
    bring(
        family, tmp_path,
        an("youtube:late", 50_000, kind="short_video", published_at="2026-10-25T00:00:00Z"),
        an_edge("youtube:late", "youtube:v"),
        an("youtube:v", None, a_figure("views", 9000, "2026-10-28"), kind="long_video"),
    )  # fmt: skip
    then = family.insights.clips("podcast:e", until=datetime(2026, 10, 21, tzinfo=UTC))
    assert (group(then, "play_start").total, then.families[0].items) == (10_000, 6)
    assert group(family.insights.clips("podcast:e"), "play_start").total == 63_000


def test_a_creators_families_are_added_where_both_sides_are_counted(family: Workspace, tmp_path: Path) -> None:
    bring(
        family, tmp_path,
        an("youtube:w", 4000, kind="long_video", title="Another"), an("tiktok:c", 6000, kind="short_video"),
        an_edge("tiktok:c", "youtube:w"),
        # A clip whose work has no number would make the clips' share larger than it is.
        an("youtube:dark", None, kind="long_video"), an("tiktok:d", 90_000, kind="short_video"),
        an_edge("tiktok:d", "youtube:dark"),
        an("youtube:alone", 7000, kind="long_video"), an("podcast:alone", None, kind="episode"),
        an_edge("podcast:alone", "youtube:alone", "same_work"),
    )  # fmt: skip
    found = family.insights.clips(creator="Ann Lee")
    assert (len(found.families), found.without_pieces, found.creator) == (3, 1, "Ann Lee")
    plays = group(found, "play_start")
    assert (plays.total, plays.families, plays.share) == (20_000, 2, 0.5)
    frame = found.frame()
    assert len(frame) == sum(len(one.parts) for told in found.families for one in told.groups)
    assert frame.loc[frame["with_figure"] == 0, "value"].isna().all()
    assert frame["value"].sum() == sum(float(one.total) for told in found.families for one in told.groups)


def test_a_work_without_pieces_says_so(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, an("youtube:alone", 7000, kind="long_video"))
    found = workspace.insights.clips("youtube:alone")
    assert (found.families, found.groups, found.without_pieces) == ((), (), 1)
    assert "No clips or posts are known" in found.answer
    assert found.frame().empty


def test_an_item_or_a_creator_has_to_be_named(family: Workspace) -> None:
    for both in ({}, {"family": "podcast:e", "creator": "Ann Lee"}):
        with pytest.raises(InvalidInput, match="not both"):
            family.insights.clips(**both)


# --- the lift -------------------------------------------------------------------------------------------------------

PUBLISHED = date(2026, 1, 1)


def a_work(lift: float, *clip_days: int, days: int = 70, seed: int = 1, noise: float = 0.05) -> Any:
    """A video that falls off by a power of its age, with so much more on the days of clips."""
    rng = np.random.default_rng(seed)
    touched = {day + more for day in clip_days for more in range(WINDOW_DAYS)}
    gains = {
        PUBLISHED + timedelta(days=day): 50_000
        * (1 + day / 9) ** -2.1
        * float(np.exp(rng.normal(0, noise)))
        * (lift if day in touched else 1)
        for day in range(days)
    }
    return (Counter(gains, PUBLISHED),), tuple(PUBLISHED + timedelta(days=day) for day in clip_days)


@pytest.mark.parametrize("lift", [1.0, 1.6, 0.5])
def test_a_lift_that_is_there_is_found_and_one_that_is_not_is_not(lift: float) -> None:
    found = lift_of([a_work(lift, 12, 30)])
    assert found.ratio == pytest.approx(lift, rel=0.08)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= lift <= found.high
    assert (found.low > 1) == (lift > 1)
    assert (found.high < 1) == (lift < 1)
    assert (found.clips, found.works, found.not_seen, found.why) == (2, 1, 0, None)
    words = {1.0: "do as well", 1.6: "not yet the clip's doing", 0.5: "less than days without"}[lift]
    assert words in found.sentence


def test_the_same_days_give_the_same_interval() -> None:
    assert lift_of([a_work(1.2, 12, 30)]) == lift_of([a_work(1.2, 30, 12)])


def test_too_few_days_give_no_lift_and_the_reason() -> None:
    short = lift_of([a_work(3.0, 8, days=20)])
    assert (short.ratio, short.low, short.high) == (None, None, None)
    assert short.stretches < FEWEST_STRETCHES
    assert f"{FEWEST_STRETCHES} are needed" in str(short.why)
    early = lift_of([a_work(3.0, 1)])
    assert (early.ratio, early.clips, early.not_seen) == (None, 0, 1)
    assert "no count of the work was seen" in str(early.why)
    assert lift_of([]).ratio is None


def test_two_renditions_are_not_two_proofs() -> None:
    counters, clips = a_work(1.5, 12, 30)
    assert lift_of([((*counters, *counters), clips)]) == lift_of([(counters, clips)])


def test_a_gap_a_fall_and_a_change_of_rule_are_no_day() -> None:
    first = datetime(2026, 8, 20, 6, tzinfo=UTC)
    values = {0: 100.0, 1: 150.0, 2: 140.0, 3: 200.0, 4: 500.0, 5: 510.0, 9: 600.0, 10: 605.0}
    points = [GrowthPoint(first + timedelta(days=day), value, "value") for day, value in values.items()]
    gains = daily_gains(points, [datetime(2026, 8, 24, tzinfo=UTC)])
    assert gains == {date(2026, 8, 20): 50, date(2026, 8, 22): 60, date(2026, 8, 24): 10, date(2026, 8, 29): 5}


def test_daily_observations_of_a_work_give_its_lift(workspace: Workspace, tmp_path: Path) -> None:
    [counter], clips = a_work(2.0, 12, 30, noise=0.02)
    total, seen = 0.0, []
    for day in sorted(counter.gains):
        seen.append(a_figure("views", round(total), day.isoformat()))
        total += counter.gains[day]
    at = {"published_at": "2026-01-01T00:00:00Z"}
    lines = [an_item("tiktok:w", kind="short_video", metrics=seen, **at)]
    for number, day in enumerate(clips):
        lines += [
            an_item(f"instagram:c{number}", kind="reel", published_at=f"{day.isoformat()}T09:00:00Z"),
            an_edge(f"instagram:c{number}", "tiktok:w"),
        ]
    bring(workspace, tmp_path, *lines)
    found = workspace.insights.clips("tiktok:w").lift
    assert found.ratio == pytest.approx(2, rel=0.1)
    assert found.low is not None
    assert found.low > 1
