"""From a link to a claim: direction, relation, confidence and the reasons for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from engagerr.core.content.evidence import AUTO_CONFIRM, LEAST_SUGGESTED, Claim, LinkedItem, judge
from hypothesis import given
from hypothesis import strategies as st

DAY = datetime(2026, 9, 14, tzinfo=UTC)


def an(platform: str = "youtube", kind: str | None = None, *, number: int = 1, **fields: Any) -> LinkedItem:
    values = {"title": None, "body": None, "published_at": None, "duration_seconds": None, **fields}
    return LinkedItem(UUID(int=number), platform, kind, **values)


def judged(source: LinkedItem, target: LinkedItem, found_in: str = "link", rivals: int = 0) -> Claim:
    claim = judge(source, target, found_in=found_in, detail="https://n.example", rivals=rivals)
    assert claim is not None
    return claim


def ends(claim: Claim) -> tuple[int, int]:
    return claim.child_id.int, claim.parent_id.int


CLIP = an("twitch", "clip", number=1)
STREAM = an("twitch", "live", number=2)
EPISODE = an("podcast", "episode", number=3, duration_seconds=3600.0, published_at=DAY)
VIDEO = an("youtube", "long_video", number=4, duration_seconds=3500.0, published_at=DAY + timedelta(days=1))
SHORT = an("youtube", "short_video", number=5, duration_seconds=45.0)
POST = an("x", "post", number=6)


def test_what_the_platform_itself_names_is_certain() -> None:
    claim = judged(CLIP, STREAM, "hint", rivals=9)
    assert (ends(claim), claim.relation, claim.confidence, claim.state) == ((1, 2), "clip_of", 1.0, "auto_confirmed")


@pytest.mark.parametrize(("source", "target"), [(EPISODE, VIDEO), (VIDEO, EPISODE)])
@pytest.mark.parametrize("found_in", ["alternate_enclosure", "canonical"])
def test_a_feed_names_the_same_work_and_the_podcast_is_its_home(
    source: LinkedItem, target: LinkedItem, found_in: str
) -> None:
    claim = judged(source, target, found_in)
    assert (ends(claim), claim.relation, claim.state) == ((4, 3), "same_work", "auto_confirmed")
    assert [piece.kind for piece in claim.evidence] == [
        "alternate_enclosure" if found_in == "alternate_enclosure" else "canonical_url"
    ]


def test_of_two_renditions_on_one_platform_the_earlier_is_the_parent() -> None:
    early = an("youtube", "long_video", number=9, published_at=DAY)
    late = an("youtube", "long_video", number=8, published_at=DAY + timedelta(days=3))
    undated = an("youtube", "long_video", number=7)
    assert ends(judged(early, late, "canonical")) == ends(judged(late, early, "canonical")) == (8, 9)
    assert ends(judged(undated, late, "canonical")) == ends(judged(late, undated, "canonical")) == (7, 8)


def test_a_short_that_links_to_a_long_video_is_suggested_as_its_clip() -> None:
    claim = judged(SHORT, an("youtube", "long_video", number=4))
    assert (ends(claim), claim.relation, claim.confidence, claim.state) == ((5, 4), "clip_of", 0.8, "suggested")


def test_words_and_lengths_make_a_clip_sure() -> None:
    worded = an("youtube", "short_video", number=5, duration_seconds=45.0, body="Watch the FULL episode here")
    claim = judged(worded, VIDEO)
    assert (claim.confidence, claim.state) == (0.97, "auto_confirmed")
    assert [(piece.kind, piece.weight) for piece in claim.evidence] == [
        ("link", 0.8),
        ("wording", 0.12),
        ("duration", 0.05),
    ]
    assert "“full episode”" in claim.evidence[1].detail
    german = an("tiktok", "short_video", number=5, title="Ganze Folge im Link")
    assert judged(german, VIDEO).confidence == 0.92


def test_a_long_video_that_links_to_a_clip_tells_the_same_from_the_other_side() -> None:
    claim = judged(VIDEO, SHORT)
    assert (ends(claim), claim.relation, claim.confidence, claim.state) == ((5, 4), "clip_of", 0.6, "suggested")


def test_a_post_promotes_what_it_links_to() -> None:
    claim = judged(POST, VIDEO)
    assert (ends(claim), claim.relation, claim.confidence, claim.state) == ((6, 4), "promotes", 0.96, "auto_confirmed")
    assert judged(POST, VIDEO, rivals=1).state == "suggested"


def test_two_shorts_promote_each_other_at_most() -> None:
    assert judged(SHORT, an("tiktok", "short_video", number=7)).relation == "promotes"


def test_long_items_on_two_platforms_are_twins_by_length_and_date() -> None:
    claim = judged(VIDEO, EPISODE)
    assert (ends(claim), claim.relation, claim.confidence, claim.state) == ((4, 3), "same_work", 0.97, "auto_confirmed")
    assert [piece.kind for piece in claim.evidence] == ["link", "duration", "date"]
    half = an("youtube", "long_video", number=4, duration_seconds=1800.0, published_at=DAY)
    assert judged(half, EPISODE).confidence == 0.42
    later = an("youtube", "long_video", number=4, duration_seconds=3600.0, published_at=DAY + timedelta(days=60))
    assert judged(later, EPISODE).confidence == 0.65
    unknown = an("youtube", "long_video", number=4)
    assert (judged(unknown, EPISODE).confidence, judged(unknown, EPISODE).state) == (0.6, "suggested")


def test_twins_of_other_length_and_time_are_no_twins() -> None:
    stranger = an("youtube", "long_video", number=4, duration_seconds=60.0 * 20, published_at=DAY + timedelta(days=90))
    assert judge(stranger, EPISODE, found_in="link", detail="u", rivals=0) is None


def test_one_video_that_mentions_another_is_a_weak_reference() -> None:
    claim = judged(VIDEO, an("youtube", "long_video", number=9))
    assert (claim.relation, claim.confidence, claim.state) == ("promotes", 0.4, "suggested")
    assert judge(VIDEO, an("youtube", "long_video", number=9), found_in="link", detail="u", rivals=1) is None


def test_a_kind_that_is_not_known_is_read_from_the_length() -> None:
    assert an(duration_seconds=180.0).is_short
    assert an(duration_seconds=180.5).is_long
    for neither in (an(), an(duration_seconds=0.0), an(kind="hologram", duration_seconds=20.0)):
        assert not neither.is_short
        assert not neither.is_long
    assert an(kind="live", duration_seconds=20.0).is_long


def test_every_further_link_makes_each_less_sure() -> None:
    confidences = [judged(POST, VIDEO, rivals=rivals).confidence for rivals in range(6)]
    assert confidences == [0.96, 0.81, 0.66, 0.51, 0.46, 0.46]


def test_an_item_is_never_related_to_itself() -> None:
    for found_in in ("hint", "canonical", "alternate_enclosure", "link"):
        assert judge(VIDEO, VIDEO, found_in=found_in, detail="u", rivals=0) is None


_ITEMS = st.builds(
    LinkedItem, st.uuids(), st.sampled_from(["youtube", "podcast", "x", "tiktok", "website", "unheard_of"]),
    st.sampled_from([None, "long_video", "short_video", "post", "episode", "clip", "live", "hologram"]),
    st.none() | st.text(max_size=5), st.sampled_from([None, "the full episode", "words"]),
    st.none() | st.datetimes(datetime(2010, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC)),
    st.none() | st.floats(0, 1e5),
)  # fmt: skip
_PLACES = st.sampled_from(["hint", "alternate_enclosure", "canonical", "link"])


@given(_ITEMS, _ITEMS, _PLACES, st.integers(0, 50))
def test_a_claim_is_between_its_two_items_and_its_confidence_is_the_sum_of_its_reasons(
    source: LinkedItem, target: LinkedItem, found_in: str, rivals: int
) -> None:
    claim = judge(source, target, found_in=found_in, detail="u", rivals=rivals)
    if claim is None:
        return
    assert {claim.child_id, claim.parent_id} == {source.id, target.id}
    assert LEAST_SUGGESTED <= claim.confidence <= 1
    assert claim.confidence == round(min(1.0, sum(piece.weight for piece in claim.evidence)), 3)
    assert (claim.state == "auto_confirmed") == (claim.confidence >= AUTO_CONFIRM)
    assert claim.evidence
    assert all(piece.detail for piece in claim.evidence)


@given(_ITEMS, _ITEMS, st.sampled_from(["alternate_enclosure", "canonical"]))
def test_the_same_work_has_one_parent_whoever_says_it(one: LinkedItem, other: LinkedItem, found_in: str) -> None:
    forth = judge(one, other, found_in=found_in, detail="u", rivals=0)
    back = judge(other, one, found_in=found_in, detail="u", rivals=0)
    assert (forth is None) == (back is None) == (one.id == other.id)
    if forth and back:
        assert (forth.child_id, forth.parent_id) == (back.child_id, back.parent_id)


@given(_ITEMS, _ITEMS, st.integers(0, 10))
def test_more_rivals_never_make_a_claim_surer(source: LinkedItem, target: LinkedItem, rivals: int) -> None:
    fewer = judge(source, target, found_in="link", detail="u", rivals=rivals)
    more = judge(source, target, found_in="link", detail="u", rivals=rivals + 1)
    if more is not None:
        assert fewer is not None
        assert more.confidence <= fewer.confidence
