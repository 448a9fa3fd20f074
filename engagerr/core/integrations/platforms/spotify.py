"""Spotify, by its Web API: podcast shows and their episodes. It has no figures and names no followers of shows.

Facts: https://developer.spotify.com/documentation/web-api/reference/get-a-show and …/get-a-shows-episodes, read
2026-11-22. An app's own token is of no country, so a market must be named, or shows are "not found" and episodes null.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from engagerr.core.integrations.connector import (
    Account,
    Answer,
    AppToken,
    Ask,
    Call,
    Connector,
    Fault,
    FaultKind,
    Identity,
    Limits,
    Page,
    Part,
    Stream,
    Window,
)
from engagerr.core.integrations.faults import NotThere, judge_by_status, words_of
from engagerr.core.integrations.formats.saved_json import BadField, objects, part, words
from engagerr.core.integrations.platforms.spotify_payloads import (
    episodes_of_page,
    is_spotify_id,
    released_at,
    show_of,
)
from engagerr.core.integrations.records import AccountRecord, Record
from engagerr.core.integrations.urls import parse_url

_MARKET = "US"
_A_PAGE = 50
_MOST_PAGES = 10_000


def _show_id(account: Account) -> str:
    """The id of the show that an account is: known, or in its handle or address."""
    for known in (account.native_id, account.handle):
        if known is not None and is_spotify_id(known):
            return known
    for address in (account.url, account.handle):
        named = parse_url(address) if address else None
        if named and named.platform == "spotify" and named.kind == "account" and is_spotify_id(named.native_id):
            return named.native_id or ""
    raise NotThere(
        f"{account.handle!r} names no show on Spotify.",
        hint="Name it by the id in its address, open.spotify.com/show/ID.",
        facts={"account": account.handle},
    )


def _show_call(show: str) -> Call:
    return Call(name="shows.one", path=f"/v1/shows/{show}", params={"market": _MARKET})


def _identify(ask: Ask, account: Account | None) -> tuple[Identity, ...]:
    """The show that was named: an app's token opens every public show, and lists none."""
    if account is None:
        return ()
    body = ask(_show_call(_show_id(account))).body
    return tuple(Identity(account=record) for record in show_of(body, account) if isinstance(record, AccountRecord))


def _fetch_show(ask: Ask, window: Window) -> Iterator[Page]:
    yield Page(parts=(Part(name="show", body=ask(_show_call(_show_id(window.account))).body),))


def _read_show(page: Page, account: Account) -> Iterator[Record]:
    for answer in page.bodies("show"):
        yield from show_of(answer.body, account)


def _fetch_episodes(ask: Ask, window: Window) -> Iterator[Page]:
    show = _show_id(window.account)
    call = Call(name="shows.episodes", path=f"/v1/shows/{show}/episodes", params={"limit": _A_PAGE, "market": _MARKET})
    for answer, following in _pages(ask, call, window.cursor):
        entries = objects(part(answer.body, "items"))
        hidden = sum(entry is None for entry in entries)
        gaps = (
            (f"hidden by Spotify, as not offered in the market {_MARKET}: {hidden} of the episodes",) if hidden else ()
        )
        at_end = following is None or _all_before(entries, window.since)
        # The show's id is kept with the page, so that it can be read again without asking.
        episodes = Part(name="episodes", body=answer.body, of=show)
        yield Page(parts=(episodes,), next=None if at_end else following, gaps=gaps)
        if at_end:
            return


def _pages(ask: Ask, call: Call, cursor: str | None) -> Iterator[tuple[Answer, str | None]]:
    """Follows the offset in `next`. Its other parameters are not taken over: the market may be missing there."""
    offset = int(cursor) if cursor and cursor.isdigit() else 0
    for _ in range(_MOST_PAGES):
        answer = ask(replace(call, params={**call.params, "offset": offset}))
        named = parse_qs(urlsplit(words(part(answer.body, "next")) or "").query).get("offset", [""])[0]
        following = int(named) if named.isascii() and named.isdigit() and len(named) < 10 else 0
        more = following > offset
        yield answer, str(following) if more else None
        if not more:
            return
        offset = following


def _all_before(entries: list[Any], since: datetime | None) -> bool:
    """Whether every episode of the page came out before the day of `since`; a release has no time of day."""
    moments = []
    for entry in entries:
        try:
            moments.append(released_at(entry) if isinstance(entry, dict) else None)
        except BadField:
            moments.append(None)
    known = [at for at in moments if at is not None]
    return since is not None and bool(known) and max(known) < since - timedelta(days=1)


def _read_episodes(page: Page, account: Account) -> Iterator[Record]:
    for answer in page.bodies("episodes"):
        known = Account(account.platform, account.handle, account.native_id or answer.of, account.url)
        yield from episodes_of_page(answer.body, known)


def _judge(answer: Answer) -> Fault | None:
    """Plain HTTP; a malformed id is a 400, and no such show a 404."""
    said = words_of(answer.body)
    if answer.status == 400 and "id" in said.lower().split():
        return Fault(kind=FaultKind.GONE, message=said)
    return judge_by_status(answer)


CONNECTOR = Connector(
    name="spotify",
    platform="spotify",
    title="Spotify",
    base_url="https://api.spotify.com",
    documentation="https://developer.spotify.com/documentation/web-api",
    auth=AppToken(token_url="https://accounts.spotify.com/api/token", client_auth="basic"),  # noqa: S106 - an address
    streams=(
        Stream(
            name="profile",
            title="Show",
            yields="the show with its number of episodes; Spotify tells no followers of shows",
            fetch=_fetch_show,
            read=_read_show,
            revisit=timedelta(0),
            whole_every=None,
        ),
        Stream(
            name="episodes",
            title="Episodes",
            yields="episodes with their texts, links, days of release and durations; no figures, as the Web API has "
            "none: import the exports of Spotify for Creators for these",
            fetch=_fetch_episodes,
            read=_read_episodes,
            revisit=timedelta(days=7),
        ),
    ),
    identify=_identify,
    judge=_judge,
    # Spotify counts calls in a rolling window of 30 seconds and does not say how many it allows.
    limits=Limits(account_per_second=2.0, app_per_second=5.0, burst=5),
)
