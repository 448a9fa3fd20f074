"""Searching: words and their negation, meaning beside words, who may ask what, and rows that are never out of date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engagerr import Engagerr, Forbidden, InvalidInput, Workspace
from engagerr.core.ai.embeddings import Embedder, Progress
from engagerr.core.matching.negation import split_negation
from engagerr.core.matching.profile_readings import Readers
from engagerr.core.matching.profiles import Profiles
from engagerr.core.matching.search import Found, Search
from engagerr.core.matching.vectors import refresh_vectors
from numpy.typing import NDArray
from tests.factories import colleague
from tests.fakes.clock import SteeredClock
from tests.lines import a_creator, a_figure, an_item, bring

# Words that mean much the same point the same way.
_MEANINGS = {
    "fitness": 0, "coach": 0, "workout": 0, "strength": 0, "crossfit": 1, "wod": 1, "box": 1, "gambling": 2,
    "casino": 2, "slots": 2, "glucksspiel": 2, "glücksspiel": 2, "cooking": 3, "recipes": 3, "pasta": 3,
}  # fmt: skip


class MeaningEmbedder:
    """A word is a direction, and a synonym is the same one; a word that it does not know points nowhere."""

    name = "meanings 1"
    dimensions = 4

    def embed(self, texts: Sequence[str], *, progress: Progress | None = None) -> NDArray[np.float32]:
        rows = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for place, text in enumerate(texts):
            for word in text.lower().replace(".", " ").replace(",", " ").split():
                if word in _MEANINGS:
                    rows[place, _MEANINGS[word]] += 1
            rows[place] /= np.linalg.norm(rows[place]) or 1
        return rows


def searching(workspace: Workspace, embedder: Embedder | None = None) -> Search:
    profiles = Profiles(workspace.access, Readers)
    return Search(workspace.access, lambda: embedder, profiles=profiles)


def names(found: Found) -> list[str]:
    return [row.creator for row in found.rows]


def an_author(name: str, bio: str, *titles: str, followers: int = 1_000, **fields: Any) -> list[dict[str, Any]]:
    handle = "@" + name.split(maxsplit=1)[0].lower()
    return [
        a_creator(name, bio=bio, accounts=[{"platform": "youtube", "handle": handle, "followers": followers,
                                            "observed_at": "2026-10-30T00:00:00Z"}], **fields),
        *(
            an_item(f"youtube:{handle[1:]}{place}", creator=name, title=title, kind="long_video",
                    published_at=f"2026-10-{10 + place}T00:00:00Z")
            for place, title in enumerate(titles)
        ),
    ]  # fmt: skip


@pytest.fixture
def roster(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Coaches, a crossfitter, a gambler who never says the word, a cook, and one who says that they do not gamble."""
    bring(
        workspace, tmp_path,
        *an_author("Ann Fit", "Fitness coach.", "Strength workout", "Workout for beginners", followers=50_000),
        *an_author("Ben Box", "Fitness coach. CrossFit box.", "WOD of the week", "Crossfit WOD", followers=40_000),
        *an_author("Cleo Slots", "Slots and more.", "Casino slots night", "Slots again", followers=90_000),
        *an_author("Dan Cook", "Cooking at home. Kein Glücksspiel.", "Pasta recipes", "Pasta again", followers=70_000),
        *an_author("Eve Wander", "Walks.", "A walk in the woods", followers=60_000, country="DE"),
    )  # fmt: skip
    refreshed = Profiles(workspace.access, Readers).refresh()
    assert refreshed.profiles == 5
    refresh_vectors(workspace.access, MeaningEmbedder())
    return workspace


@pytest.mark.parametrize(
    ("words", "wanted", "unwanted"),
    [
        ("fitness coach, not crossfit", "fitness coach", ("crossfit",)),
        ("keine Glücksspiele", "", ("Glücksspiele",)),
        ("cooking without alcohol or gambling", "cooking", ("alcohol", "gambling")),
        ("trail running, ohne Alkohol und Glücksspiel", "trail running", ("Alkohol", "Glücksspiel")),
        ("recettes sans alcool, avec des légumes", "recettes, avec des légumes", ("alcool",)),
        ("viajes sin apuestas ni alcohol", "viajes", ("apuestas", "alcohol")),
        ('yoga -crossfit -"weight loss"', "yoga", ("crossfit", "weight loss")),
        ("vegan cooking but not raw food", "vegan cooking", ("raw food",)),
        ("tech but no crypto, with humour", "tech, with humour", ("crypto",)),
        ("Läuferin aus dem Allgäu. Kein Glücksspiel.", "Läuferin aus dem Allgäu.", ("Glücksspiel",)),
        ("not only travel", "not only travel", ()),
        ("no nonsense notebook reviews", "no nonsense notebook reviews", ()),
        ("notebooks and knots", "notebooks and knots", ()),
        ("", "", ()),
    ],
)
def test_a_text_is_split_into_what_is_wanted_and_what_is_not(
    words: str, wanted: str, unwanted: tuple[str, ...]
) -> None:
    asked = split_negation(words)
    assert (asked.wanted, asked.unwanted) == (wanted, unwanted)


def test_what_is_not_wanted_is_left_out_by_word_without_a_model(roster: Workspace) -> None:
    found = searching(roster).creators(text="fitness coach, not crossfit")
    assert names(found) == ["Ann Fit"]
    assert any("no model compares meanings" in one for one in found.how)


def test_what_is_not_wanted_is_left_out_by_meaning_where_no_word_says_it(roster: Workspace) -> None:
    plain = searching(roster).creators(text="without gambling")
    assert "Cleo Slots" in names(plain)
    by_meaning = searching(roster, MeaningEmbedder()).creators(text="without gambling")
    assert set(names(plain)) - set(names(by_meaning)) == {"Cleo Slots"}
    assert any("by word and by meaning" in one for one in by_meaning.how)


def test_who_says_that_they_do_not_is_not_left_out_for_saying_so(roster: Workspace) -> None:
    for embedder in (None, MeaningEmbedder()):
        assert "Dan Cook" in names(searching(roster, embedder).creators(text="ohne Glücksspiel"))
        assert "Dan Cook" not in names(searching(roster, embedder).creators(text="Glücksspiel"))


def test_a_coach_is_not_left_out_for_being_a_little_like_what_is_not_wanted(roster: Workspace) -> None:
    found = searching(roster, MeaningEmbedder()).creators(text="fitness coach, not crossfit")
    assert names(found)[0] == "Ann Fit"
    assert "Ben Box" not in names(found)


def test_other_words_for_the_same_thing_are_found_by_meaning(roster: Workspace) -> None:
    assert names(searching(roster).creators(text="casino gambling"))[0] == "Cleo Slots"
    assert names(searching(roster).creators(text="recipes"))[0] == "Dan Cook"
    assert names(searching(roster).creators(text="gambling")) == []
    assert names(searching(roster, MeaningEmbedder()).creators(text="gambling"))[0] == "Cleo Slots"


def test_words_are_found_whatever_their_accents_and_endings(roster: Workspace) -> None:
    assert names(searching(roster).creators(text="RECIPE")) == ["Dan Cook"]
    roster.roster.add("Élodie Noël", bio="Randonnées à pied", languages=["fr"])
    assert names(searching(roster).creators(text="randonnee")) == ["Élodie Noël"]
    assert names(searching(roster).creators(text="elodie noel")) == ["Élodie Noël"]


def test_free_text_keeps_to_the_filters_and_may_be_sorted_otherwise(roster: Workspace) -> None:
    search = searching(roster, MeaningEmbedder())
    assert names(search.creators("followers < 45k", text="fitness coach")) == ["Ben Box"]
    both = search.creators(text="fitness coach", sort="followers")
    assert names(both)[:2] == sorted(names(both)[:2], key=lambda name: {"Ben Box": 0, "Ann Fit": 1}.get(name, 2))
    assert [row.followers for row in both.rows] == sorted(row.followers or 0 for row in both.rows)


def test_a_search_never_shows_figures_older_than_the_last_import(
    roster: Workspace, clock: SteeredClock, tmp_path: Path
) -> None:
    clock.set(datetime.now(UTC) + timedelta(minutes=1))
    search = searching(roster)
    assert names(search.creators("followers > 200k")) == []
    clock.advance(minutes=1)
    account = {"platform": "youtube", "handle": "@eve", "followers": 250_000, "observed_at": "2026-11-20T00:00:00Z"}
    bring(roster, tmp_path, a_creator("Eve Wander", accounts=[account]))
    found = search.creators("followers > 200k")
    assert names(found) == ["Eve Wander"]
    assert found.as_of == clock.now()


def test_a_new_piece_changes_cadence_at_once(roster: Workspace, clock: SteeredClock, tmp_path: Path) -> None:
    clock.set(datetime.now(UTC) + timedelta(minutes=1))
    search = searching(roster)
    search.creators("")
    clock.advance(minutes=1)
    piece = an_item(
        "youtube:new", creator="Eve Wander", title="Falconry", kind="long_video",
        published_at=clock.now().isoformat(), metrics=[a_figure("views", 5, "2026-11-23")],
    )  # fmt: skip
    bring(roster, tmp_path, piece)
    assert names(search.creators(text="falconry")) == ["Eve Wander"]


def test_rates_are_asked_only_by_whom_the_role_lets_read_them(roster: Workspace, engagerr: Engagerr) -> None:
    viewer = colleague(roster, engagerr, "viewer")
    search = searching(viewer)
    assert search.creators("followers > 1k").total == 5
    for asked in ({"where": "rate.reel.EUR <= 500"}, {"where": "not exclusive"}, {"sort": "commission"}):
        with pytest.raises(Forbidden):
            search.creators(**asked)
    assert searching(roster).creators("rate.reel.EUR <= 500").left_out == {"rate.reel.EUR": {"not_observed": 5}}


def test_other_workspaces_creators_are_never_found(roster: Workspace, other_workspace: Workspace) -> None:
    assert searching(other_workspace, MeaningEmbedder()).creators(text="fitness coach").rows == ()
    assert searching(other_workspace).creators("").total == 0


def test_an_impossible_page_is_refused(roster: Workspace) -> None:
    for options in ({"limit": 0}, {"limit": 1_001}, {"offset": -1}, {"sort": "topic"}, {"sort": "nothing"}):
        with pytest.raises(InvalidInput):
            searching(roster).creators("", **options)  # type: ignore[arg-type]


def test_hostile_text_is_only_text(roster: Workspace) -> None:
    for words in (
        "'; DROP TABLE creators; --",
        "%(tenant_id)s",
        "a & | ! <-> (",
        "\\",
        '"',
        "not '",
        '-"\'"',
        "🦊",
        "%s",
    ):
        searching(roster, MeaningEmbedder()).creators(text=words)
        searching(roster).creators(text=f"walks, not {words}")
    assert searching(roster).creators("").total == 5
