"""Creators set aside for a brief: the score of that day is kept, and what became of them is what weights learn from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from engagerr import Engagerr, Money, Settings, Workspace
from engagerr.core.ai.provider import Said, Where
from engagerr.core.ai.tasks import Piece, Task, TaskName, Topic, Topics, TopicShare
from engagerr.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from engagerr.core.matching.asking import _HISTORY
from engagerr.core.matching.brief_file import brief_of
from engagerr.core.matching.fitting import read_outcomes
from engagerr.core.matching.matching import Matching
from engagerr.core.matching.profile_readings import Readers
from engagerr.core.matching.profiles import Profiles
from engagerr.core.matching.shortlists import Entry, Shortlist, Shortlists
from engagerr.core.matching.weights import Weights
from engagerr.core.tenancy import Permission
from msgspec import Struct
from sqlalchemy import text
from tests.factories import colleague, in_tenant
from tests.fakes.ai_provider import FakeProvider
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Connection

BRIEF = brief_of(
    {
        "title": "Trail running shoes", "text": "Runners who show their trail.", "category": "sports",
        "platforms": ["youtube"], "followers": {"max": 500_000}, "brand": "Fjellzahn",
        "budget": {"minor": 400_000, "currency": "EUR"}, "deliverables": ["youtube_integration"],
    }
)  # fmt: skip
ROSTER: list[dict[str, Any]] = [
    {"name": "Ann Lee", "topics": ["outdoor"], "titles": ["Trail running for beginners", "Running shoes"],
     "rates": [{"deliverable": "youtube_integration", "amount": {"minor": 100_000, "currency": "EUR"}}]},
    {"name": "Ben Okafor", "topics": ["gaming"], "titles": ["The game that nobody wins", "Game night"]},
    {"name": "Cara Diaz", "topics": ["outdoor"], "titles": ["Trail running in the rain"]},
    {"name": "Dan Fox", "topics": ["outdoor"], "titles": ["Trail tips"], "followers": 900_000},
]  # fmt: skip


def topics_by_word(pieces: Any) -> list[Topics]:
    """Sports where somebody runs, else games."""
    found = []
    for piece in pieces:
        assert isinstance(piece, Piece)
        topic = Topic.SPORTS if "running" in f"{piece.title} {piece.body}".lower() else Topic.GAMING
        found.append(Topics(topics=(TopicShare(topic=topic, probability=0.9),)))
    return found


def rules(task: Task, inputs: Sequence[Struct], complaint: str | None) -> list[Said]:
    assert task.name is TaskName.TOPIC
    return [Said(topics) for topics in topics_by_word(inputs)]


@pytest.fixture
def engagerr(settings: Settings, clock: SteeredClock) -> Iterator[Engagerr]:
    local = FakeProvider("local", rules, where=Where.HERE, tasks=(TaskName.TOPIC,))
    with Engagerr(settings, clock=clock, models=[local]) as engagerr:
        yield engagerr


def shortlists_of(work: Workspace) -> Shortlists:
    profiles = Profiles(work.access, lambda: Readers(topic=topics_by_word))
    matching = Matching(work.access, profiles=profiles, ai=lambda: work.ai, embedder=lambda: None)
    return Shortlists(work.access, matching)


@pytest.fixture
def roster(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Ann and Cara fit, Ben plays, Dan has too many followers."""
    lines = []
    for one in ROSTER:
        handle = f"@{one['name'].split()[0].lower()}"
        followers = {"followers": one.get("followers", 90_000), "observed_at": "2026-10-30T00:00:00Z"}
        told = {key: value for key, value in one.items() if key not in ("titles", "followers")}
        accounts = [{"platform": "youtube", "handle": handle, **followers}]
        lines.append({"type": "creator", **told, "accounts": accounts})
        lines += [
            {
                "type": "item", "creator": one["name"], "platform": "youtube", "account": handle,
                "native_id": f"{handle[1:]}{place}", "kind": "long_video", "title": title,
                "published_at": f"2026-10-{10 + place}T10:00:00Z",
            }
            for place, title in enumerate(one["titles"])
        ]  # fmt: skip
    path = tmp_path / "roster.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert workspace.ingestion.import_file(path).quarantined == ()
    workspace.briefs.add(BRIEF)
    return workspace


@pytest.fixture
def spring(roster: Workspace) -> Shortlists:
    """The shortlist Spring, with the two best."""
    shortlists = shortlists_of(roster)
    shortlists.create("Spring", BRIEF.title)
    shortlists.fill("Spring", 2)
    return shortlists


def entry(found: Shortlist, creator: str) -> Entry:
    return next(one for one in found.entries if one.creator == creator)


def outcomes(connection: Connection, work: Workspace) -> list[tuple[str, float | None, str | None]]:
    with in_tenant(connection, work.tenant.id):
        rows = connection.execute(
            "SELECT outcome, score ->> 'score', reason FROM match_outcomes WHERE tenant_id = %s ORDER BY at, id",
            [work.tenant.id],
        ).fetchall()
    return [(outcome, None if score is None else float(score), reason) for outcome, score, reason in rows]


def test_a_shortlist_is_filled_with_the_best_matches_and_their_scores(spring: Shortlists) -> None:
    found = spring.show("Spring")
    assert [one.creator for one in found.entries] == ["Ann Lee", "Cara Diaz"]
    assert found.row.brief == BRIEF.title
    assert found.row.states == {"candidate": 2}
    for one in found.entries:
        assert one.then is not None
        assert one.then.score is not None
        assert one.then.weights == "shipped"
        assert one.then.signals["topic_fit"] is not None
        assert one.now is not None
        assert (one.now.score, one.changes) == (pytest.approx(one.then.score), ())


def test_to_fill_or_add_again_changes_nothing(spring: Shortlists, clock: SteeredClock) -> None:
    before = spring.show("Spring")
    clock.advance(days=1)
    assert spring.fill("Spring", 2).added == 0
    assert spring.add("Spring", ["Ann Lee"], note="again").added == 0
    assert [(one.then, one.added_at, one.note) for one in spring.show("Spring").entries] == [
        (one.then, one.added_at, one.note) for one in before.entries
    ]
    assert spring.create("spring", BRIEF.title).id == before.row.id


def test_another_brief_under_the_same_name_is_a_conflict(spring: Shortlists) -> None:
    with pytest.raises(Conflict):
        spring.create("Spring")


def test_whom_the_brief_rules_out_is_kept_with_the_reason(spring: Shortlists) -> None:
    found = spring.add("Spring", ["Dan Fox", "Ben Okafor"], note="by hand")
    assert found.added == 2
    dan = entry(found, "Dan Fox")
    assert dan.then is not None
    assert (dan.then.score, dan.then.broken) == (None, ("more than 500,000 followers",))
    assert dan.note == "by hand"


def test_without_a_brief_there_are_no_scores_and_nothing_to_fill_by(roster: Workspace) -> None:
    shortlists = shortlists_of(roster)
    shortlists.create("Friends")
    assert shortlists.add("Friends", ["Ben Okafor"]).entries[0].then is None
    with pytest.raises(InvalidInput, match="no brief"):
        shortlists.fill("Friends")
    done = shortlists.set_state("Friends", "Ben Okafor", "won")
    assert (done.state, done.counted) == ("won", False)


def test_a_change_of_rates_or_weights_shows_beside_the_score_of_that_day(spring: Shortlists, roster: Workspace) -> None:
    then = entry(spring.show("Spring"), "Ann Lee").then
    roster.roster.set_rate("Ann Lee", deliverable="youtube_integration", amount=Money(400_000, "EUR"))
    Weights(roster.access).set({"price_fit": 0.9})
    ann = entry(spring.show("Spring"), "Ann Lee")
    assert ann.then == then
    assert ann.now is not None
    assert ann.then is not None
    assert ann.now.score is not None
    assert ann.then.score is not None
    assert ann.now.score != ann.then.score
    assert ann.now.weights != "shipped"
    [price] = [one for one in ann.changes if one.signal == "price_fit"]
    assert (price.before, price.after) == (1.0, pytest.approx(0.6))


def test_won_is_kept_with_the_score_as_it_stood_when_pitched(
    spring: Shortlists, roster: Workspace, app_connection: Connection
) -> None:
    roster.roster.set_rate("Ann Lee", deliverable="youtube_integration", amount=Money(300_000, "EUR"))
    spring.set_state("Spring", "Ann Lee", "pitched")
    ann = entry(spring.show("Spring"), "Ann Lee")
    assert ann.pitched is not None
    assert ann.then is not None
    assert ann.pitched.score != ann.then.score
    roster.roster.set_rate("Ann Lee", deliverable="youtube_integration", amount=Money(390_000, "EUR"))
    # Said once more, the pitch is still the one of before.
    spring.set_state("Spring", "Ann Lee", "pitched", reason="by mail")
    done = spring.set_state("Spring", "Ann Lee", "won", reason="signed")
    assert (done.before, done.state, done.counted) == ("pitched", "won", True)
    assert outcomes(app_connection, roster) == [("won", pytest.approx(ann.pitched.score), "signed")]


def test_who_changes_their_mind_writes_another_outcome_and_the_newest_counts(
    spring: Shortlists, roster: Workspace, app_connection: Connection, clock: SteeredClock
) -> None:
    for state in ("won", "won", "lost"):
        clock.advance(hours=1)
        spring.set_state("Spring", "Ann Lee", state)
    assert [outcome for outcome, _, _ in outcomes(app_connection, roster)] == ["won", "lost"]
    with roster.access.transaction(Permission.READ) as session:
        [newest] = read_outcomes(session, tenant_id=roster.tenant.id).rows
    assert not newest.won


@pytest.mark.parametrize("back", ["candidate", "pitched", "dropped"])
def test_a_mark_that_is_taken_back_counts_no_longer(
    spring: Shortlists, roster: Workspace, app_connection: Connection, clock: SteeredClock, back: str
) -> None:
    assert not spring.set_state("Spring", "Ann Lee", "won").withdrawn
    clock.advance(hours=1)
    assert spring.set_state("Spring", "Ann Lee", back, reason="by mistake").withdrawn
    clock.advance(hours=1)
    assert not spring.set_state("Spring", "Ann Lee", "dropped").withdrawn
    assert [outcome for outcome, _, _ in outcomes(app_connection, roster)] == ["won", "withdrawn"]
    with roster.access.transaction(Permission.READ) as session:
        assert read_outcomes(session, tenant_id=roster.tenant.id).rows == ()
        assert session.execute(text(_HISTORY), {"tenant_id": roster.tenant.id, "brand": BRIEF.brand}).all() == []
    clock.advance(hours=1)
    assert spring.set_state("Spring", "Ann Lee", "lost").counted
    with roster.access.transaction(Permission.READ) as session:
        [newest] = read_outcomes(session, tenant_id=roster.tenant.id).rows
    assert not newest.won


def test_the_signals_that_were_kept_come_to_the_score_of_that_time(spring: Shortlists, roster: Workspace) -> None:
    spring.set_state("Spring", "Cara Diaz", "lost")
    then = entry(spring.show("Spring"), "Cara Diaz").then
    with roster.access.transaction(Permission.READ) as session:
        [outcome] = read_outcomes(session, tenant_id=roster.tenant.id).rows
        document = session.execute(text("SELECT score FROM match_outcomes")).scalar_one()
    assert then is not None
    assert None in then.signals.values()
    weights = {signal["name"]: signal["weight"] for signal in document["signals"]}
    again = sum(weights[name] * value for name, value in outcome.signals.items())
    assert again == pytest.approx(then.score)


def test_who_is_not_to_be_pitched_is_not(spring: Shortlists, roster: Workspace) -> None:
    roster.roster.edit("Ann Lee", do_not_pitch=True, do_not_pitch_reason="on leave")
    with pytest.raises(Conflict, match="not to be pitched"):
        spring.set_state("Spring", "Ann Lee", "pitched")
    ann = entry(spring.show("Spring"), "Ann Lee")
    assert (ann.state, ann.do_not_pitch) == ("candidate", True)
    assert ann.now is not None
    assert "do not pitch" in ann.now.broken
    assert ann.changes == ()


def test_notes_and_removal(spring: Shortlists, roster: Workspace, app_connection: Connection) -> None:
    assert entry(spring.note("Spring", "Ann Lee", "call in May"), "Ann Lee").note == "call in May"
    assert entry(spring.note("Spring", "Ann Lee", None), "Ann Lee").note is None
    spring.set_state("Spring", "Ann Lee", "won")
    assert [one.creator for one in spring.remove_entry("Spring", "Ann Lee").entries] == ["Cara Diaz"]
    spring.remove("Spring")
    assert spring.list() == ()
    assert len(outcomes(app_connection, roster)) == 1


def test_what_is_not_there_is_not_found(spring: Shortlists) -> None:
    with pytest.raises(NotFound, match="no shortlist"):
        spring.show("Autumn")
    with pytest.raises(NotFound, match="not on the shortlist"):
        spring.set_state("Spring", "Ben Okafor", "pitched")
    with pytest.raises(InvalidInput):
        spring.set_state("Spring", "Ann Lee", "married")
    with pytest.raises(InvalidInput):
        spring.create("  ")


def test_shortlists_of_another_workspace_are_not_seen(spring: Shortlists, other_workspace: Workspace) -> None:
    theirs = shortlists_of(other_workspace)
    assert theirs.list() == ()
    with pytest.raises(NotFound):
        theirs.show("Spring")


def test_a_viewer_sees_the_lists_and_no_scores(spring: Shortlists, roster: Workspace, engagerr: Engagerr) -> None:
    theirs = shortlists_of(colleague(roster, engagerr, "viewer"))
    assert [row.name for row in theirs.list()] == ["Spring"]
    for act in (lambda: theirs.show("Spring"), lambda: theirs.create("Mine"), lambda: theirs.remove("Spring")):
        with pytest.raises(Forbidden):
            act()
