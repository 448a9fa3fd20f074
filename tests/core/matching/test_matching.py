"""Briefs held against a roster in a real database: who is found, who is ruled out and why, and what shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from engagerr import Engagerr, Money, Settings, Workspace
from engagerr.core.ai.provider import Said, Where
from engagerr.core.ai.tasks import (
    MatchFacts,
    Piece,
    Pitch,
    PitchFacts,
    Reason,
    Task,
    TaskName,
    Topic,
    Topics,
    TopicShare,
)
from engagerr.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from engagerr.core.matching.brief_file import brief_of
from engagerr.core.matching.matching import Found, Matching
from engagerr.core.matching.profile_readings import Readers
from engagerr.core.matching.profiles import Profiles
from msgspec import Struct
from tests.factories import colleague
from tests.fakes.ai_provider import FakeProvider
from tests.fakes.clock import SteeredClock
from tests.fakes.embedder import WordEmbedder

WORDS = {Topic.SPORTS: ("running", "match", "trail"), Topic.GAMING: ("game", "speedrun"), Topic.STYLE: ("makeup",)}


def topics_by_word(pieces: Any) -> list[Topics]:
    """A classifier that knows a few words: sports where there are none."""
    found = []
    for piece in pieces:
        assert isinstance(piece, Piece)
        said = f"{piece.title} {' '.join(piece.tags)} {piece.body or ''}".lower()
        counts = {topic: sum(word in said for word in words) for topic, words in WORDS.items()}
        total = sum(counts.values())
        shares = [TopicShare(topic=topic, probability=count / total) for topic, count in counts.items() if count]
        shares.sort(key=lambda share: -share.probability)
        found.append(Topics(topics=tuple(shares) or (TopicShare(topic=Topic.PEOPLE, probability=0.3),)))
    return found


def rules(task: Task, inputs: Sequence[Struct], complaint: str | None) -> list[Said]:
    """Topics by word; a reason that says the name and the score."""
    if task.name is TaskName.TOPIC:
        return [Said(topics) for topics in topics_by_word(inputs)]
    reasons = [facts for facts in inputs if isinstance(facts, MatchFacts)]
    return [Said(Reason(reason=f"{facts.creator} comes to {facts.score:.2f}.")) for facts in reasons]


@pytest.fixture
def engagerr(settings: Settings, clock: SteeredClock) -> Iterator[Engagerr]:
    """With models of rules, and vectors of words."""
    local = FakeProvider("local", rules, where=Where.HERE, tasks=(TaskName.TOPIC, TaskName.MATCH_REASON))
    with Engagerr(settings, clock=clock, models=[local], embedder=WordEmbedder(dimensions=384)) as engagerr:
        yield engagerr


@pytest.fixture
def matching(engagerr: Engagerr, workspace: Workspace) -> Matching:
    profiles = Profiles(workspace.access, lambda: Readers(topic=topics_by_word))
    return Matching(workspace.access, profiles=profiles, ai=lambda: workspace.ai, embedder=lambda: engagerr.meaning)


SEEN = "2026-10-30T00:00:00Z"
ROSTER: list[dict[str, Any]] = [
    {"name": "Ann Lee", "country": "DE", "languages": ["de"], "topics": ["outdoor"], "bio": "I run in the mountains.",
     "accounts": [{"platform": "youtube", "handle": "@ann", "followers": 120_000, "observed_at": SEEN}],
     "rates": [{"deliverable": "youtube_integration", "amount": {"minor": 250_000, "currency": "EUR"}}],
     "audience": [{"dimension": "country", "value": "DE", "share": 0.6, "observed_at": "2026-10-01T00:00:00Z"}],
     "titles": ["Trail running for beginners", "A match of two running shoes", "My trail this week"]},
    {"name": "Ben Okafor", "country": "DE", "languages": ["de"], "topics": ["gaming"],
     "accounts": [{"platform": "youtube", "handle": "@ben", "followers": 90_000, "observed_at": SEEN}],
     "titles": ["The game that nobody wins", "A speedrun of a new game", "Game night"]},
    {"name": "Cara Diaz", "topics": ["outdoor"],
     "accounts": [{"platform": "youtube", "handle": "@cara"}],
     "titles": ["Trail running in the rain", "Running for a year"]},
    {"name": "Dan Fox", "country": "US", "topics": ["outdoor"],
     "accounts": [{"platform": "tiktok", "handle": "@dan", "followers": 5_000, "observed_at": SEEN}],
     "titles": ["Trail running tips"]},
]  # fmt: skip
BRIEF = brief_of(
    {
        "title": "Trail running shoes", "text": "Runners who show their trail.", "category": "sports",
        "platforms": ["youtube"], "countries": ["DE"], "followers": {"min": 20_000, "max": 500_000},
        "audience": [{"dimension": "country", "value": "DE", "share_min": 0.3}],
        "budget": {"minor": 400_000, "currency": "EUR"}, "deliverables": ["youtube_integration"],
    }
)  # fmt: skip


@pytest.fixture
def roster(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Four creators: Ann fits, Ben plays, of Cara little is known, Dan is elsewhere."""
    lines = []
    for creator in ROSTER:
        titles, account = creator["titles"], creator["accounts"][0]
        lines.append({"type": "creator", **{key: value for key, value in creator.items() if key != "titles"}})
        lines += [
            {
                "type": "item", "creator": creator["name"], "platform": account["platform"],
                "account": account["handle"], "native_id": f"{account['handle'][1:]}{place}", "kind": "long_video",
                "title": title, "published_at": f"2026-10-{10 + place}T10:00:00Z",
            }
            for place, title in enumerate(titles)
        ]  # fmt: skip
    path = tmp_path / "roster.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert workspace.ingestion.import_file(path).quarantined == ()
    return workspace


def names(found: Found) -> list[str]:
    return [match.creator for match in found.results]


def signal(found: Found, creator: str, name: str) -> Any:
    match = next(match for match in found.results if match.creator == creator)
    return next(signal for signal in match.signals if signal.name == name)


def test_who_fits_comes_first_and_who_breaks_a_constraint_is_counted(roster: Workspace, matching: Matching) -> None:
    found = matching.find(BRIEF)
    assert names(found)[0] == "Ann Lee"
    assert "Dan Fox" not in names(found)
    assert found.considered == 4
    assert found.passed == 3
    assert [(one.reason, one.count) for one in found.excluded] == [("no account on youtube", 1)]


def test_what_is_not_known_excludes_nobody_and_widens_the_range(roster: Workspace, matching: Matching) -> None:
    found = matching.find(BRIEF)
    ann, cara = (next(match for match in found.results if match.creator == name) for name in ("Ann Lee", "Cara Diaz"))
    audience = signal(found, "Cara Diaz", "audience_fit")
    assert audience.value is None
    assert audience.state == "not_observed"
    assert audience.evidence == ()
    assert cara.high - cara.low > ann.high - ann.low


def test_every_known_value_points_to_rows(roster: Workspace, matching: Matching) -> None:
    found = matching.find(BRIEF)
    pieces = [shown for shown in signal(found, "Ann Lee", "topic_fit").evidence if shown.kind == "item"]
    assert {shown.ref for shown in pieces} <= {"youtube:ann0", "youtube:ann1", "youtube:ann2"}
    assert pieces
    assert "EUR 2,500.00" in signal(found, "Ann Lee", "price_fit").evidence[0].detail
    for match in found.results:
        for one in match.signals:
            assert one.value is None or one.evidence, one.name


def test_the_same_data_gives_the_same_answer(roster: Workspace, matching: Matching) -> None:
    assert matching.find(BRIEF).results == matching.find(BRIEF).results


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"must_not": ["mountains"]}, "must not: mountains"),
        ({"must": ["makeup"]}, "must: nothing of makeup"),
        ({"countries": ["FR"]}, "not in FR"),
        ({"languages": ["fr"]}, "not in the language fr"),
        ({"followers": {"min": 200_000}}, "fewer than 200,000 followers"),
        ({"followers": {"max": 1_000}}, "more than 1,000 followers"),
        ({"budget": {"minor": 100_000, "currency": "EUR"}}, "asks more than EUR 1,000.00"),
        (
            {"audience": [{"dimension": "country", "value": "DE", "share_min": 0.7}]},
            "under 70% of the audience is country DE",
        ),
    ],
)
def test_each_constraint_rules_out_whom_it_should(
    roster: Workspace, matching: Matching, change: dict[str, Any], reason: str
) -> None:
    explained = matching.explain(brief_of(BRIEF.document() | change), "Ann Lee")
    assert explained.match is None
    assert reason in explained.broken


def test_a_price_in_another_currency_is_not_known(roster: Workspace, matching: Matching) -> None:
    found = matching.find(brief_of(BRIEF.document() | {"budget": {"minor": 1, "currency": "USD"}}))
    assert signal(found, "Ann Lee", "price_fit").value is None


def test_do_not_pitch_and_former_creators_are_never_found(roster: Workspace, matching: Matching) -> None:
    roster.roster.edit("Ann Lee", do_not_pitch=True, do_not_pitch_reason="on leave")
    roster.roster.edit("Cara Diaz", status="former")
    found = matching.find(BRIEF)
    assert names(found) == ["Ben Okafor"]
    assert {(one.reason, one.count) for one in found.excluded} >= {("do not pitch", 1), ("not active", 1)}


def test_what_was_imported_a_moment_ago_counts(roster: Workspace, matching: Matching) -> None:
    assert matching.find(BRIEF).considered == 4
    roster.roster.add("Eve Holm", topics=["outdoor"])
    assert matching.find(BRIEF).considered == 5


def test_an_explanation_has_rank_reason_and_what_would_change_it(roster: Workspace, matching: Matching) -> None:
    explained = matching.explain(BRIEF, "Ben Okafor")
    assert explained.match is not None
    assert explained.rank == 3
    assert explained.passed == 3
    assert explained.reason == f"Ben Okafor comes to {explained.match.score:.2f}."
    assert explained.reason_by == "local/local-model"
    assert "topic_fit" in {one.signal for one in explained.what_if}
    assert all(one.rank < 3 for one in explained.what_if)


def test_creators_are_compared_in_the_order_of_the_brief(roster: Workspace, matching: Matching) -> None:
    compared = matching.compare(BRIEF, ["Dan Fox", "Ben Okafor", "Ann Lee"])
    assert [one.creator for one in compared] == ["Ann Lee", "Ben Okafor", "Dan Fox"]
    assert compared[-1].broken[0] == "no account on youtube"


def test_a_search_narrows_the_candidates(roster: Workspace, matching: Matching) -> None:
    assert names(matching.find(BRIEF, where="country = DE")) == ["Ann Lee", "Ben Okafor"]


def test_lookalikes_are_near_in_words_and_topics_and_never_the_creator_itself(
    roster: Workspace, matching: Matching
) -> None:
    matching.prepare()
    found = matching.lookalikes({"Ann Lee": 1.0})
    assert found[0].creator in {"Cara Diaz", "Dan Fox"}
    assert "Ann Lee" not in {one.creator for one in found}
    assert found[0].evidence
    heavier = matching.lookalikes({"Ann Lee": 0.1, "Dan Fox": 5.0})
    assert {one.creator for one in heavier} == {"Ben Okafor", "Cara Diaz"}


def test_limits_and_weights_that_mean_nothing_are_refused(roster: Workspace, matching: Matching) -> None:
    with pytest.raises(InvalidInput):
        matching.find(BRIEF, limit=0)
    with pytest.raises(InvalidInput):
        matching.lookalikes({"Ann Lee": 0})
    with pytest.raises(NotFound):
        matching.explain(BRIEF, "Nobody")


def test_another_workspace_finds_nobody(roster: Workspace, other_workspace: Workspace, engagerr: Engagerr) -> None:
    theirs = Matching(
        other_workspace.access, profiles=Profiles(other_workspace.access, Readers), ai=lambda: roster.ai,
        embedder=lambda: None,
    )  # fmt: skip
    found = theirs.find(BRIEF)
    assert (found.considered, found.results) == (0, ())


def test_who_may_not_read_rates_may_not_match_by_them(roster: Workspace, engagerr: Engagerr) -> None:
    viewer = colleague(roster, engagerr, "viewer")
    with pytest.raises(Forbidden):
        viewer.matching.find(BRIEF)


def test_a_change_of_the_embedder_goes_on_in_the_old_space_until_the_new_one_is_whole(
    roster: Workspace,
) -> None:
    old, new = WordEmbedder("words 1", 384), WordEmbedder("words 2", 384)
    chosen = [old]
    matching = Matching(
        roster.access, profiles=Profiles(roster.access, lambda: Readers(topic=topics_by_word)), ai=lambda: roster.ai,
        embedder=lambda: chosen[0], older=lambda space: old if space == old.name else None, newcomers=0,
    )  # fmt: skip
    matching.prepare()
    before = matching.find(BRIEF)
    assert before.by_meaning
    chosen[0] = new
    during = matching.find(BRIEF)
    assert during.results == before.results
    assert new.asked == []
    matching.prepare()
    after = matching.find(BRIEF)
    assert new.asked
    assert [match.creator for match in after.results] == [match.creator for match in before.results]
    assert signal(after, "Ann Lee", "topic_fit").evidence[1].kind == "meaning"


def test_a_pitch_speaks_of_what_shows_the_match_and_never_of_rates(settings: Settings, clock: SteeredClock) -> None:
    heard: list[PitchFacts] = []

    def written(task: Task, inputs: Sequence[Struct], complaint: str | None) -> list[Said]:
        if task.name is not TaskName.PITCH:
            return rules(task, inputs, complaint)
        heard.extend(facts for facts in inputs if isinstance(facts, PitchFacts))
        return [Said(Pitch(subject="Shoes", body="Hello"))]

    local = FakeProvider(
        "local", written, where=Where.HERE, tasks=(TaskName.TOPIC, TaskName.MATCH_REASON, TaskName.PITCH)
    )
    with Engagerr(settings, clock=clock, models=[local], embedder=WordEmbedder(dimensions=384)) as engagerr:
        work = engagerr.init("Northlight", email="ann@northlight.example")
        work.roster.add("Ann Lee", topics=["outdoor"], bio="I run.")
        work.roster.set_rate("Ann Lee", deliverable="youtube_integration", amount=Money(250_000, "EUR"))
        draft = work.matching.pitch(BRIEF, "Ann Lee", language="de")
        assert (draft.subject, draft.body, draft.by) == ("Shoes", "Hello", "local/local-model")
        assert heard[0].language == "de"
        assert "2,500" not in repr(heard)
        work.roster.edit("Ann Lee", do_not_pitch=True, do_not_pitch_reason="on leave")
        with pytest.raises(Conflict, match="not to be pitched"):
            work.matching.pitch(BRIEF, "Ann Lee")
        assert len(heard) == 1
