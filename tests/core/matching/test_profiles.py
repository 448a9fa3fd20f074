"""Profiles: the figures are those that the insights show, what is missing says why, and rows follow what lands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from engagerr import Workspace
from engagerr.core.ai.tasks import (
    Language,
    Piece,
    PlainText,
    Safety,
    SafetyFinding,
    SafetyFlag,
    Sentiment,
    Topic,
    Topics,
    TopicShare,
)
from engagerr.core.matching.profile_readings import Readers
from engagerr.core.matching.profiles import Profiles
from engagerr.core.matching.vectors import active_space, creator_text, refresh_vectors
from engagerr.core.tenancy import Permission
from sqlalchemy import text
from tests.fakes.clock import SteeredClock
from tests.fakes.embedder import WordEmbedder
from tests.lines import a_creator, a_figure, an_edge, an_item, bring

SEEN = "2026-10-30"
READERS = Readers()


def profiles(workspace: Workspace, readers: Readers = READERS) -> Profiles:
    return Profiles(workspace.access, lambda: readers)


def row(workspace: Workspace, name: str = "Ann Lee") -> Mapping[str, Any]:
    with workspace.access.transaction(Permission.READ) as session:
        found = session.execute(
            text("SELECT * FROM creator_profiles WHERE tenant_id = :tenant_id AND name = :name"),
            {"tenant_id": workspace.tenant.id, "name": name},
        )
        return found.mappings().one()


def an_account(handle: str, *followers: tuple[str, int], platform: str = "youtube") -> list[dict[str, Any]]:
    return [
        {"platform": platform, "handle": handle, "followers": count, "observed_at": f"{day}T00:00:00Z"}
        for day, count in followers
    ]


def a_video(number: int, views: int | None, likes: int, comments: int, **fields: Any) -> dict[str, Any]:
    counted = () if views is None else (a_figure("views", views, SEEN),)
    return an_item(
        f"youtube:v{number}", kind="long_video", title=f"Video {number}", published_at=f"2026-10-{number:02}T10:00:00Z",
        metrics=[*counted, a_figure("likes", likes, SEEN), a_figure("comments", comments, SEEN)], **fields,
    )  # fmt: skip


@pytest.fixture
def ann(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Ann has two accounts that were watched for three months, six videos, a bio, rates and an audience."""
    lines = []
    for handle, *counts in (
        ("@ann", ("2026-08-01", 80_000), ("2026-10-01", 100_000), ("2026-10-31", 110_000)),
        ("@anntwo", ("2026-10-31", 9_000)),
    ):
        for account in an_account(handle, *counts):
            lines.append(a_creator("Ann Lee", accounts=[account]))
    bring(
        workspace, tmp_path, *lines,
        a_creator(
            "Ann Lee", country="DE", languages=["de"], topics=["outdoor"],
            bio="Läuferin aus dem Allgäu. Kein Glücksspiel.",
            rates=[
                {"deliverable": "youtube_integration", "amount": {"minor": 250_000, "currency": "EUR"}},
                {"deliverable": "youtube_integration", "amount": {"minor": 270_000, "currency": "USD"}},
            ],
            audience=[
                {"dimension": "country", "value": "DE", "share": 0.6, "observed_at": "2026-10-01T00:00:00Z"},
                {"dimension": "country", "value": "AT", "share": 0.2, "observed_at": "2026-09-01T00:00:00Z"},
            ],
        ),
        *(a_video(number, 1_000 * number, 30 * number, number) for number in range(1, 7)),
    )  # fmt: skip
    profiles(workspace).refresh()
    return workspace


def test_reach_is_of_the_largest_account_and_growth_is_its_own(ann: Workspace) -> None:
    found = row(ann)
    assert (found["followers"], found["followers_sum"]) == (110_000, 119_000)
    assert found["growth_30d"] == pytest.approx(0.1)
    assert found["growth_90d"] == pytest.approx(0.375)
    assert found["by_platform"]["youtube"]["followers"] == 110_000
    assert found["handles"] == ["youtube:@ann", "youtube:@anntwo"]


def test_the_rates_are_those_that_the_insights_show(ann: Workspace) -> None:
    found = row(ann)
    for column, formula in (("engagement_by_views", "engagerr"), ("engagement_by_followers", "stellar")):
        shown = [one for one in ann.insights.engagement("Ann Lee", formula=formula).rows if one.value is not None]
        assert shown, formula
        assert found[column] == pytest.approx(max(shown, key=lambda one: one.n).value)
    assert found["missing"]["engagement_by_reach"] == "not_applicable"


def test_views_cadence_and_kinds_are_of_the_pieces(ann: Workspace) -> None:
    found = row(ann)
    assert found["median_views"] == 3_500
    assert (found["posts_30d"], found["posts_90d"]) == (4, 6)
    assert found["days_between_posts"] == pytest.approx(1.0)
    assert found["last_published_at"] == datetime(2026, 10, 6, 10, tzinfo=UTC)
    assert (found["kinds"], found["kind_shares"]) == (["long_video"], {"long_video": 1.0})
    assert found["families"] == 0
    assert found["missing"]["clip_share"] == "not_applicable"


def test_shares_of_an_older_moment_are_not_mixed_into_the_newest(ann: Workspace) -> None:
    assert row(ann)["audience"] == {"country": {"DE": 0.6}}
    assert row(ann)["rates"] == {"youtube_integration": {"EUR": 250_000, "USD": 270_000}}


def test_where_nothing_is_known_of_the_whole_the_largest_accounts_audience_stands(ann: Workspace) -> None:
    with ann.access.transaction(Permission.EDIT_ROSTER) as session:
        for handle, dimension, value, share, day in (
            ("@ann", "gender", "female", 0.7, "2026-10-20"), ("@ann", "gender", "male", 0.2, "2026-08-20"),
            ("@anntwo", "gender", "female", 0.9, "2026-10-25"), ("@anntwo", "country", "DE", 0.1, "2026-10-25"),
        ):  # fmt: skip
            session.execute(
                text(
                    "INSERT INTO account_audience_shares (tenant_id, account_id, dimension, value, share, observed_at)"
                    " SELECT tenant_id, id, :dimension, :value, :share, CAST(:day AS timestamptz) FROM accounts"
                    " WHERE tenant_id = :tenant_id AND handle = :handle"
                ),
                {"tenant_id": ann.tenant.id, "handle": handle, "dimension": dimension, "value": value, "share": share,
                 "day": day},
            )  # fmt: skip
    profiles(ann).refresh()
    assert row(ann)["audience"] == {"country": {"DE": 0.6}, "gender": {"female": 0.7}}


def test_what_nobody_observed_is_missing_and_never_zero(workspace: Workspace) -> None:
    workspace.roster.add("Cara Diaz")
    profiles(workspace).refresh()
    found = row(workspace, "Cara Diaz")
    figures = (
        "followers", "followers_sum", "growth_30d", "growth_90d", "median_views", "engagement_by_views",
        "engagement_by_followers", "engagement_by_reach", "posts_30d", "posts_90d", "days_between_posts",
        "last_published_at", "median_duration_seconds", "families", "platforms_per_family", "clip_share",
        "sponsored_share", "disclosed_share",
    )  # fmt: skip
    for name in figures:
        assert (found[name], found["missing"][name]) == (None, "not_observed"), name
    assert {found["missing"][name] for name in ("main_topic", "unsafe_share", "sentiment")} == {"no_model"}
    assert {found["missing"][name] for name in ("country", "languages", "platforms", "audience", "rates")} == {
        "not_observed"
    }


def test_a_few_pieces_give_no_median_and_say_so(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, a_video(1, 1_000, 3, 1), a_video(2, 2_000, 3, 1))
    profiles(workspace).refresh()
    found = row(workspace)
    assert (found["median_views"], found["missing"]["median_views"]) == (None, "too_few")
    assert (found["engagement_by_views"], found["missing"]["engagement_by_views"]) == (None, "too_few")


def test_followers_that_a_platform_withholds_say_so(workspace: Workspace, tmp_path: Path) -> None:
    bring(
        workspace, tmp_path,
        a_creator("Ann Lee", accounts=[{"platform": "youtube", "handle": "@ann", "metrics": [
            {"name": "subscribers", "state": "suppressed", "observed_at": "2026-10-30T00:00:00Z"}]}]),
    )  # fmt: skip
    profiles(workspace).refresh()
    found = row(workspace)
    assert (found["followers"], found["missing"]["followers"]) == (None, "suppressed")


def test_views_by_two_counting_rules_are_not_mixed(workspace: Workspace, tmp_path: Path) -> None:
    bring(
        workspace, tmp_path, *(a_video(number, 1_000, 3, 1) for number in range(1, 5)),
        *(
            an_item(f"x:p{number}", kind="post", title="A post", published_at=f"2026-10-{number:02}T10:00:00Z",
                    metrics=[a_figure("impressions", 90_000, SEEN)])
            for number in range(1, 4)
        ),
    )  # fmt: skip
    profiles(workspace).refresh()
    found = row(workspace)
    assert found["median_views"] == 1_000
    assert found["by_platform"]["x"]["median_views"] == 90_000


def test_what_clips_bring_is_what_the_insight_shows(workspace: Workspace, tmp_path: Path) -> None:
    def played(name: str, views: int, kind: str) -> dict[str, Any]:
        return an_item(name, kind=kind, title=name, published_at="2026-09-01T00:00:00Z",
                       metrics=[a_figure("views", views, SEEN)])  # fmt: skip

    bring(
        workspace, tmp_path, played("youtube:v", 6_000, "long_video"), played("youtube:s", 1_000, "short_video"),
        played("instagram:r", 3_000, "reel"), an_edge("youtube:s", "youtube:v"),
        an_edge("instagram:r", "youtube:s", "same_work"),
    )  # fmt: skip
    profiles(workspace).refresh()
    found = row(workspace)
    [shown] = [one for one in workspace.insights.clips("youtube:v").groups if one.group == "play_start"]
    assert found["clip_share"] == pytest.approx(shown.share) == 0.4
    assert (found["families"], found["platforms_per_family"]) == (1, 2.0)


def test_nothing_on_record_of_sponsors_is_no_share_of_zero(ann: Workspace) -> None:
    assert row(ann)["sponsored_share"] is None
    ann.terms.add("youtube:v1", kind="sponsorship", party="Trailhead")
    ann.terms.add("youtube:v2", kind="sponsorship", party="Brook")
    ann.terms.add("youtube:v2", kind="disclosure")
    profiles(ann).refresh(["Ann Lee"])
    found = row(ann)
    assert found["sponsored_share"] == pytest.approx(2 / 6)
    assert found["disclosed_share"] == pytest.approx(0.5)
    assert found["brands"] == ["Brook", "Trailhead"]
    assert found["last_sponsored_on"].isoformat() == "2026-10-02"


def test_words_are_folded_and_what_a_bio_denies_is_not_among_them(ann: Workspace) -> None:
    def says(query: str) -> bool:
        with ann.access.transaction(Permission.READ) as session:
            return bool(session.execute(
                text("SELECT words @@ to_tsquery('german', :query) FROM creator_profiles WHERE tenant_id = :tenant_id"),
                {"query": query, "tenant_id": ann.tenant.id},
            ).scalar_one())  # fmt: skip

    assert says("lauferin")
    assert says("lauferinnen")
    assert says("allgau")
    assert not says("glucksspiel")


def topics(pieces: Sequence[Piece]) -> list[Topics]:
    return [
        Topics(topics=(
            TopicShare(topic=Topic.SPORTS, probability=0.75 if "1" in piece.title else 0.25),
            TopicShare(topic=Topic.TRAVEL, probability=0.25),
        ))
        for piece in pieces
    ]  # fmt: skip


def languages(texts: Sequence[PlainText]) -> list[Language]:
    return [Language(language="de" if "1" in one.text else "en", probability=0.9) for one in texts]


def tones(texts: Sequence[PlainText]) -> list[Sentiment]:
    return [Sentiment(score=1.0 if "1" in one.text else 0.0, sure=0.5) for one in texts]


def findings(pieces: Sequence[Piece]) -> list[Safety]:
    severe = SafetyFinding(flag=SafetyFlag.GAMBLING, severity=2, words="bet")
    return [Safety(findings=(severe,) if "1" in piece.title else ()) for piece in pieces]


def test_what_models_read_is_averaged_over_the_pieces(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, *(a_video(number, 10, 1, 1) for number in range(1, 5)))
    profiles(workspace, Readers(topics, languages, tones, findings)).refresh()
    found = row(workspace)
    assert found["topic_shares"] == {"sports": 0.375, "travel": 0.25}
    assert found["main_topic"] == "sports"
    assert found["content_languages"] == ["en", "de"]
    assert found["sentiment"] == pytest.approx(0.25)
    assert (found["safety"], found["unsafe_share"]) == ({"gambling": 0.25}, 0.25)


def test_only_who_changed_is_made_again(ann: Workspace, clock: SteeredClock, tmp_path: Path) -> None:
    # Rows are stamped by the database; the clock has to agree with it.
    clock.set(datetime.now(UTC) + timedelta(minutes=1))
    ann.roster.add("Ben Okafor")
    assert profiles(ann).refresh().profiles == 2
    assert profiles(ann).keep_up().made == 0
    clock.advance(minutes=1)
    bring(ann, tmp_path, a_video(7, 90_000, 10, 10))
    refreshed = profiles(ann).keep_up()
    assert (refreshed.made, refreshed.profiles) == (1, 2)
    assert row(ann)["made_at"] == clock.now()
    assert row(ann, "Ben Okafor")["made_at"] < clock.now()
    assert profiles(ann).keep_up().made == 0
    clock.advance(hours=21)
    assert profiles(ann).keep_up().made == 0
    assert profiles(ann).keep_up(overnight=True).made == 2


def test_days_away_and_promises_are_in_the_profile_at_once(ann: Workspace) -> None:
    from engagerr.core.matching.availability import Availability

    availability = Availability(ann.access)
    away = availability.add("Ann Lee", since=datetime(2027, 3, 1).date(), until=datetime(2027, 3, 10).date())
    promise = availability.add_exclusivity("Ann Lee", category="Sports Shoes", brand="Trailhead", countries=["de"])
    profiles(ann).keep_up()
    found = row(ann)
    assert str(found["unavailable"]) not in ("{}", "")
    assert [(one["category"], one["countries"]) for one in found["exclusivities"]] == [("sports shoes", ["DE"])]
    assert [one.id for one in availability.list()] == [away.id]
    assert [one.id for one in availability.exclusivities("Ann Lee")] == [promise.id]
    availability.remove(str(away.id))
    availability.remove_exclusivity(promise.id.hex[-8:])
    profiles(ann).keep_up()
    assert row(ann)["exclusivities"] == []


def test_profiles_of_another_workspace_are_not_seen_or_made(ann: Workspace, other_workspace: Workspace) -> None:
    assert profiles(other_workspace).refresh().profiles == 0
    assert row(ann)["followers"] == 110_000


def test_a_creators_text_has_no_name_and_nothing_that_they_deny() -> None:
    said = creator_text(topics=["outdoor"], bio="Läuferin. Kein Glücksspiel.", titles=["Ein Lauf", "Noch ein Lauf"])
    assert said == "outdoor. Läuferin. Ein Lauf. Noch ein Lauf"


def test_only_changed_words_are_embedded_and_a_new_model_takes_over_when_it_is_complete(
    ann: Workspace, tmp_path: Path
) -> None:
    first, second = WordEmbedder("words 1"), WordEmbedder("words 2")

    def space() -> str | None:
        with ann.access.transaction(Permission.READ) as session:
            return active_space(session, tenant_id=ann.tenant.id, embedder=second)

    ann.roster.add("Ben Okafor", topics=["gaming"])
    ann.roster.add("Cara Diaz")
    profiles(ann).refresh()
    made = refresh_vectors(ann.access, first)
    assert (made.embedded, made.unchanged, made.without_words) == (2, 0, 1)
    assert not any("Ann" in said or "Ben" in said for said in first.asked)
    assert refresh_vectors(ann.access, first).embedded == 0
    assert space() == "words 1"
    ann.roster.edit("Ben Okafor", topics=["cooking"])
    profiles(ann).refresh()
    assert refresh_vectors(ann.access, first).embedded == 1
    assert refresh_vectors(ann.access, second).complete
    assert space() == "words 2"
    with ann.access.transaction(Permission.READ) as session:
        spaces = session.execute(text("SELECT DISTINCT space FROM creator_vectors")).scalars().all()
    assert spaces == ["words 2"]
