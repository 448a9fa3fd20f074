"""A connector to the platform of `authorisation_server`, as a third party would ship one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from engagerr.core.integrations.connector import (
    Account,
    AppToken,
    Ask,
    Call,
    Connector,
    Identity,
    NoSignIn,
    OAuth2,
    Page,
    Part,
    Scope,
    Stream,
    Window,
)
from engagerr.core.integrations.faults import judge_by_status
from engagerr.core.integrations.records import AccountRecord, Record
from tests.fakes.authorisation_server import HOST


def _fetch(ask: Ask, window: Window) -> Iterator[Page]:
    yield Page(parts=(Part(name="me", body=ask(Call(name="me", path="/me")).body),))


def _read(page: Page, account: Account) -> Iterator[Record]:
    return iter(())


def _identify(ask: Ask, account: Account | None) -> tuple[Identity, ...]:
    body = ask(Call(name="me", path="/me")).body

    def record(at: int, one: dict[str, str]) -> AccountRecord:
        return AccountRecord(
            row=at, platform="sample", handle=one.get("handle"), native_id=one["id"], name=one.get("name")
        )

    return tuple(Identity(record(at, one), one.get("token")) for at, one in enumerate(body["accounts"], 1))


def _identify_feed(ask: Ask, account: Account | None) -> tuple[Identity, ...]:
    assert account is not None
    return (Identity(AccountRecord(row=1, platform="feed", name="The show", url=account.handle)),)


AUTH = OAuth2(
    authorize_url=f"https://{HOST}/authorize",
    token_url=f"https://{HOST}/token",
    revoke_url=f"https://{HOST}/revoke",
    device_url=f"https://{HOST}/device",
    scopes=(
        Scope("videos.read", "see your videos and their public figures"),
        Scope("insights.read", "see your audience and watch time"),
    ),
    extra_params={"access_type": "offline"},
)

CONNECTOR = Connector(
    name="sample",
    platform="sample",
    title="Sample",
    base_url="https://api.sample.example",
    auth=AUTH,
    streams=(
        Stream(
            name="profile", title="Profile", yields="followers", fetch=_fetch, read=_read,
            every=timedelta(hours=12), look_back=timedelta(days=90), scopes=("insights.read",),
        ),
    ),
    identify=_identify,
    judge=judge_by_status,
    documentation="https://developers.sample.example",
)  # fmt: skip

APP_ONLY = replace(CONNECTOR, name="apponly", title="App only", auth=AppToken(token_url=f"https://{HOST}/token"))
FEED = replace(CONNECTOR, name="feed", platform="feed", title="Feed", auth=NoSignIn(), identify=_identify_feed)


def with_auth(**changes: Any) -> Connector:
    """The sample connector, with another way of signing in."""
    return replace(CONNECTOR, auth=replace(AUTH, **changes))
