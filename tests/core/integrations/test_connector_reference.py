"""The page on connectors says what the connectors say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from engagerr.core.integrations.connector import AppToken, Limits, NoSignIn, Scope
from engagerr.core.integrations.platforms.twitch import CONNECTOR
from engagerr.core.integrations.reference import connectors_markdown, in_words


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(minutes=15), "15 minutes"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(hours=24), "1 day"),
        (timedelta(hours=36), "36 hours"),
        (timedelta(days=730), "730 days"),
        (timedelta(seconds=90), "90 seconds"),
    ],
)
def test_spans_are_told_as_people_say_them(span: timedelta, words: str) -> None:
    assert in_words(span) == words


def test_every_stream_and_every_permission_has_a_row() -> None:
    page = connectors_markdown([CONNECTOR], {})
    assert "| `moderator:read:followers` | see how many follow the channel | channel |" in page
    for stream in CONNECTOR.streams:
        assert f"| `{stream.name}` | {stream.yields} | {in_words(stream.every)} |" in page


def test_the_settings_of_the_app_are_named_where_there_is_an_app() -> None:
    assert "`ENGAGERR_PLATFORMS__TWITCH__CLIENT_ID`" in connectors_markdown([CONNECTOR], {})
    app_only = replace(CONNECTOR, auth=AppToken(token_url="https://id.twitch.tv/oauth2/token"))
    assert "`ENGAGERR_PLATFORMS__TWITCH__CLIENT_SECRET`" in connectors_markdown([app_only], {})
    public = connectors_markdown([replace(CONNECTOR, auth=NoSignIn())], {})
    assert "CLIENT_ID" not in public
    assert "what is public is read" in public


def test_a_permission_that_is_not_asked_for_is_told_apart() -> None:
    auth = replace(CONNECTOR.auth, scopes=(Scope("bits:read", "see cheers", asked=False),))
    assert "`bits:read` (not asked for; used where the grant has it)" in connectors_markdown(
        [replace(CONNECTOR, auth=auth)], {}
    )


def test_a_quota_says_when_it_is_renewed() -> None:
    limits = Limits(daily_units=10_000, day_zone="America/Los_Angeles")
    page = connectors_markdown([replace(CONNECTOR, limits=limits)], {})
    assert "10,000 units a day, renewed at midnight in America/Los_Angeles" in page


def test_figures_stand_below_their_stream_and_nothing_stands_where_there_are_none() -> None:
    page = connectors_markdown([CONNECTOR], {("twitch", "videos"): {"views": "→ play_start", "odd": ""}})
    assert "Figures of videos: `odd`, `views` → play_start." in page
    assert "Figures of clips" not in page
