"""Words of a text against the words of profiles: what counts, for how much, and when nothing can be said."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from engagerr import Workspace
from engagerr.core.matching.lexical import lexical_of
from engagerr.core.matching.profiles import Profiles
from engagerr.core.tenancy import Permission
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LONG = "I run and climb and hike in all mountains that there are between Munich, Vienna, Zurich, Turin, Lyon and Nice"
BIOS = {
    "Runner": f"{LONG}, on trails.", "Cyclist": f"{LONG}, on a bicycle.", "Painter": LONG.replace("run", "paint"),
    "Silent": "",
}  # fmt: skip


@pytest.fixture
def bios(workspace: Workspace) -> Workspace:
    for name, bio in BIOS.items():
        workspace.roster.add(name, bio=bio or None)
    Profiles(workspace.access).keep_up()
    return workspace


def said(work: Workspace, words: str, languages: Sequence[str] = ()) -> dict[str, float | None]:
    """How well each profile says these words."""
    tenant_id = work.access.tenant.id
    with work.access.transaction(Permission.READ) as session:
        lexical = lexical_of(session, tenant_id=tenant_id, words=words, languages=languages)
        cursor = session.connection.driver_connection.cursor()  # type: ignore[union-attr]
        cursor.execute(
            f"SELECT name, {lexical.sql} FROM creator_profiles AS profile WHERE tenant_id = %(tenant_id)s",
            {"tenant_id": tenant_id, **lexical.parameters},
        )
        return dict(cursor.fetchall())


def test_who_says_a_rare_word_says_more_than_who_says_a_usual_one(bios: Workspace) -> None:
    found = said(bios, "trails and mountains")
    assert found["Runner"] > found["Cyclist"] > 0  # type: ignore[operator]


def test_who_says_hardly_anything_says_nothing_for_or_against(bios: Workspace) -> None:
    found = said(bios, "trails")
    assert found["Silent"] is None
    assert found["Painter"] == 0


def test_without_words_nothing_is_known(bios: Workspace) -> None:
    assert set(said(bios, "🎿 !!! - ").values()) == {None}


def test_words_that_nobody_has_do_not_crowd_out_those_that_somebody_has(bios: Workspace) -> None:
    unheard = " ".join(f"aa{place}xq" for place in range(100))
    assert said(bios, f"{unheard} trails")["Runner"] > 0  # type: ignore[operator]


def test_the_last_words_of_a_long_text_count_like_the_first(bios: Workspace) -> None:
    filler = " ".join(f"a{place}" for place in range(3_000))
    assert said(bios, f"{filler} trails")["Runner"] > 0  # type: ignore[operator]


def test_words_are_found_in_any_form_of_letters(bios: Workspace) -> None:
    assert said(bios, "TRÁILS")["Runner"] == said(bios, "trails")["Runner"]
    assert said(bios, "the #trail")["Runner"] > 0  # type: ignore[operator]


def test_a_language_that_the_database_does_not_know_is_no_error(bios: Workspace) -> None:
    assert said(bios, "trails", languages=("xx", "de", "ja"))["Runner"] > 0  # type: ignore[operator]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60))
def test_any_text_is_words_and_never_a_query(bios: Workspace, words: str) -> None:
    for value in said(bios, words).values():
        assert value is None or 0 <= value <= 1
