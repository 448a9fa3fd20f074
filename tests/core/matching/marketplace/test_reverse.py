"""Reverse match: which open briefs, here and on the shelf, a creator fits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from engagerr.core.matching.marketplace.reads import ROWS_AN_HOUR
from tests.core.matching.marketplace.conftest import Side, add_brief
from tests.fakes.cluster import Connection

TITLE = "Trail shoes, spring"


@pytest.fixture
def offered(agency: Side, brand: Side) -> Side:
    """Briefs of the brand and of the agency itself, of which Ann Lee fits some."""
    brand.market.briefs.publish(TITLE)
    wishes: dict[str, dict[str, Any]] = {
        "Larger": {"followers": {"min": 100_000}},
        "Elsewhere": {"countries": ["FR"]},
        "Unknown": {"platforms": [], "countries": [], "followers": {}, "category": None, "must": []},
    }
    for title, fields in wishes.items():
        add_brief(brand.work, title, **fields)
        brand.market.briefs.publish(title)
    add_brief(agency.work, "Our own", must=["outdoor"])
    add_brief(agency.work, "Our draft", state="draft")
    return agency


def test_briefs_that_break_no_constraint_fit_and_the_others_say_why(offered: Side) -> None:
    found = offered.market.fitting_briefs("Ann Lee")
    assert {one.brief.title: one.publisher for one in found.briefs} == {
        TITLE: "Trailhead", "Unknown": "Trailhead", "Our own": None,
    }  # fmt: skip
    assert (found.looked_at, found.fitting) == (5, 3)
    assert dict(found.left_out) == {"fewer than 100,000 followers": 1, "not in FR": 1}


def test_what_nobody_knows_is_named_and_earns_nothing(offered: Side, superuser_connection: Connection) -> None:
    superuser_connection.execute("UPDATE creator_profiles SET country = NULL")
    by_title = {one.brief.title: one for one in offered.market.fitting_briefs("Ann Lee").briefs}
    assert by_title["Unknown"].score is None
    assert by_title["Our own"].score == 1.0
    assert by_title["Our own"].unknown == ("countries",)
    assert [one.brief.title for one in offered.market.fitting_briefs("Ann Lee").briefs][-1] == "Unknown"


def test_another_score_can_be_plugged_in(offered: Side) -> None:
    seen: list[tuple[str, Any]] = []

    def by_title(brief: Mapping[str, Any], profile: Mapping[str, Any]) -> float | None:
        seen.append((brief["title"], profile["followers"]))
        return {"Our own": 0.9, TITLE: 0.2}.get(brief["title"])

    found = offered.market.fitting_briefs("Ann Lee", score=by_title, limit=2)
    assert [(one.brief.title, one.score) for one in found.briefs] == [("Our own", 0.9), (TITLE, 0.2)]
    assert found.fitting == 3
    assert dict(seen) == dict.fromkeys(["Our own", TITLE, "Unknown"], 48_000)


def test_only_briefs_of_others_that_are_shown_count_as_read(offered: Side) -> None:
    offered.market.fitting_briefs("Ann Lee")
    assert offered.market.shelf.browse().left == ROWS_AN_HOUR - 2 - 1


def test_nobody_is_offered_who_is_not_to_be_pitched(offered: Side, superuser_connection: Connection) -> None:
    superuser_connection.execute("UPDATE creator_profiles SET do_not_pitch = true")
    found = offered.market.fitting_briefs("Ann Lee")
    assert found.briefs == ()
    assert dict(found.left_out) == {"do not pitch": 1}


def test_blocked_briefs_are_not_among_them(offered: Side, brand: Side) -> None:
    brand.market.blocks.block(offered.id)
    assert [one.brief.title for one in offered.market.fitting_briefs("Ann Lee").briefs] == ["Our own"]


def test_a_brief_that_cannot_be_read_is_counted_and_skipped(offered: Side, superuser_connection: Connection) -> None:
    superuser_connection.execute("UPDATE briefs SET document = '{\"followers\": 3}' WHERE title = 'Our own'")
    assert dict(offered.market.fitting_briefs("Ann Lee").left_out)["the brief cannot be read"] == 1


def test_a_profile_that_is_missing_is_made(offered: Side) -> None:
    offered.work.roster.add("Ben Ode", country="DE")
    found = {one.brief.title: one for one in offered.market.fitting_briefs("Ben Ode").briefs}
    assert "platforms" in found[TITLE].unknown
