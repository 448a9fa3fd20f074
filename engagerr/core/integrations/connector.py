"""What a connector is: auth × paginator × fields × mapping, said as data. One file a platform, in `platforms/`.

A connector has streams (profile, videos, insights …). A stream *fetches* pages with the calls it is given, and *reads*
records out of a page. Fetching needs the network; reading is pure, so that a page that was kept as it came can be read
again after the mapping was mended. `paging` has the paginators, `fields` asks for many figures at once and loses only
those that the platform refuses, `http` makes the calls, `oauth` gets the tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, Protocol

import msgspec

from engagerr.core.integrations.records import AccountRecord, Record, State

# ── One call and its answer ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, without its secrets. `path` is joined to the connector's base URL; a full URL stays as it is, and
    carries the token only to the connector's own hosts. `units` are what it takes of the platform's daily quota.
    `name` stands for the call in logs and raw pages ("videos.list")."""

    name: str
    path: str
    params: Mapping[str, str | int] = field(default_factory=dict)
    method: Literal["GET", "POST"] = "GET"
    json: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    units: int = 1
    expects: Literal["json", "bytes"] = "json"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `headers` have lower-case names; `body` is parsed JSON, or bytes where the call expects them;
    `url` is where redirects ended, and `moved_to` the address that only permanent ones lead to, if any did."""

    status: int
    headers: Mapping[str, str]
    body: Any
    url: str = ""
    moved_to: str | None = None


class FaultKind(StrEnum):
    """What an answer that is no answer means, whatever words and codes the platform uses for it."""

    BUSY = "busy"  # too many requests now: waits as told and asks again
    DOWN = "down"  # their fault, may pass: asks again with growing pauses
    SPENT = "spent"  # the day's quota is gone: the stream goes on when it is renewed
    GRANT = "grant"  # the authorisation is expired or revoked: renewed once, then one task for a person
    DENIED = "denied"  # not allowed to read this: costs the stream or the item, never the run
    FIELDS = "fields"  # some of the fields asked for are retired, forbidden or unknown: costs those fields
    GONE = "gone"  # no such thing (any more)
    REFUSED = "refused"  # any other no: asking again changes nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A judgement on an answer. `message` are the platform's words. `retry_after` is in seconds. `fields` are the
    refused ones where the platform names them, else empty; `state` is why they will be missing."""

    kind: FaultKind
    message: str
    retry_after: float | None = None
    fields: tuple[str, ...] = ()
    state: State = State.NOT_REPORTED


Judge = Callable[[Answer], Fault | None]


class Ask(Protocol):
    """Makes calls in the name of one account: paced, retried, counted against quotas, with its token.

    Raises the errors of `http`: `PlatformUnavailable` and its kin (try again later), `GrantLost`, `PermissionDenied`,
    `FieldsRefused`, `NotThere`, `CallRefused`. `refused` remembers, for this account and run, which fields a kind of
    call was refused ("insights:reels:plays" → why), so that each refusal is paid for once.
    """

    refused: dict[str, State]

    def __call__(self, call: Call) -> Answer:
        """The answer to one call; never one that the connector's judge calls a fault."""
        ...


# ── Streams and pages ──────────────────────────────────────────────────────────────────────────────────────────────


class Account(msgspec.Struct, frozen=True):
    """Whose figures: as the roster knows the account. A podcast's `handle` is the address of its feed."""

    platform: str
    handle: str
    native_id: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What one pass over a stream shall bring.

    Items published at `since` or later (None: all there are); `until` is the moment of the pass, and figures without a
    date of their own are true then. `cursor` is what the page before gave as its `next`: None at the start of a pass.
    `remembered` is what the stream itself left at the end of its last whole pass (an ETag, a feed's new address).
    """

    account: Account
    until: datetime
    since: datetime | None = None
    cursor: str | None = None
    remembered: Mapping[str, str] = field(default_factory=dict)


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answer on a page: the call's name, the native id that it was about, and the body as it came.

    `raw` holds bodies that are not JSON. `missing` names figures that were asked for and refused, and why.
    """

    name: str
    body: Any = None
    raw: bytes | None = None
    of: str | None = None
    missing: dict[str, State] = {}


class Page(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece of a stream that lands as one: in one transaction with its checkpoint.

    `next` is the cursor of the page after it (None: the stream is at its end). `gaps` say in words what could not be
    had. `remember` is kept for the next pass (see `Window.remembered`). `moved_to` is where the account lives now by
    the platform's word, for the log.
    """

    parts: tuple[Part, ...]
    next: str | None = None
    gaps: tuple[str, ...] = ()
    remember: dict[str, str] = {}
    moved_to: str | None = None

    def bodies(self, name: str) -> Iterator[Part]:
        """The parts that answer calls of this name."""
        return (part for part in self.parts if part.name == name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One kind of data of a platform.

    `yields` says in words what it brings. `fetch` yields pages from `window.cursor` on, newest items first where the
    platform allows it, and stops at `window.since`. `read` turns a page into records: pure, never raises on strange
    content (a bad entry becomes a `Rejection`), items and accounts in the order of the page, `row` counting from 1.

    `every`: how often it is due. `lag`: how long the platform still changes its figures; so long they are fetched
    again. `revisit`: items younger than this are fetched at each pass. `whole_every`: how often everything is fetched
    from the start. `look_back`: how far back the platform answers at all; figures that no pass fetched in time are a
    gap. `scopes`: what the grant must allow.
    """

    name: str
    title: str
    yields: str
    fetch: Callable[[Ask, Window], Iterator[Page]]
    read: Callable[[Page, Account], Iterator[Record]]
    every: timedelta = timedelta(hours=24)
    lag: timedelta = timedelta(0)
    revisit: timedelta = timedelta(days=30)
    whole_every: timedelta | None = timedelta(days=7)
    look_back: timedelta | None = None
    scopes: tuple[str, ...] = ()


# ── Auth ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Scope:
    """A permission as the platform names it, and what it lets us do, in words for the person who grants it.

    `asked` is false for one that most apps may not ask for (the sign-in would fail): a grant may have it all the same.
    """

    name: str
    words: str
    asked: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth2:
    """Authorisation code with PKCE; `device_url` where the platform has the device flow too.

    `client_id_name` is what the platform calls the client id (TikTok: client_key). `scope_separator` stands between
    scopes. `sent_in` says how a token travels: the Authorization header, or a query parameter of that name.
    `exchange`: the name of a further step after the code was redeemed ("facebook": short-lived to long-lived token),
    known to `oauth`. `renews`: false where tokens cannot be refreshed. `extra_params` go with the authorize request.
    `device_scope_name` is what the device endpoint calls the scopes (Twitch: scopes, and again when asked for tokens).
    """

    authorize_url: str
    token_url: str
    scopes: tuple[Scope, ...]
    revoke_url: str | None = None
    device_url: str | None = None
    device_scope_name: str = "scope"
    client_id_name: str = "client_id"
    scope_separator: str = " "
    sent_in: str = "header"
    client_auth: Literal["body", "basic"] = "body"
    pkce: bool = True
    exchange: str | None = None
    renews: bool = True
    client_id_header: str | None = None
    extra_params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppToken:
    """Client credentials: the app's own token, enough for public figures. `client_id_header` where it must be sent."""

    token_url: str
    client_id_header: str | None = None
    client_auth: Literal["body", "basic"] = "body"


@dataclass(frozen=True, slots=True)
class NoSignIn:
    """Public addresses: nothing to sign in to."""


Auth = OAuth2 | AppToken | NoSignIn


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How fast we may ask. `daily_units` are the app's quota a day, which begins anew at midnight in `day_zone`."""

    account_per_second: float = 5.0
    app_per_second: float = 10.0
    burst: int = 10
    daily_units: int | None = None
    day_zone: str = "UTC"


class Identity(msgspec.Struct, frozen=True):
    """An account that a grant opens. `token` where this account is read with a token of its own (Facebook's pages)."""

    account: AccountRecord
    token: str | None = None

    def __repr__(self) -> str:
        return f"Identity(account={self.account!r}, token={'***' if self.token else None})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """A platform that Engagerr reads from. `name` is unique among connectors, `platform` what its records say.

    `identify` tells which accounts a fresh grant opens. `hosts` are further hosts that the token may be sent to.
    `token_headers`: {host: header} for hosts that want the bare token in a header of their own instead of
    Authorization (TikTok's API for Business: Access-Token). `max_bytes` bounds one answer. `version` counts changes of
    the mapping, and is kept with every page.
    """

    name: str
    platform: str
    title: str
    base_url: str
    auth: Auth
    streams: tuple[Stream, ...]
    identify: Callable[[Ask, Account | None], tuple[Identity, ...]]
    judge: Judge
    documentation: str
    limits: Limits = Limits()
    hosts: tuple[str, ...] = ()
    token_headers: Mapping[str, str] = field(default_factory=dict)
    max_bytes: int = 16 * 1024 * 1024
    version: int = 1

    def stream(self, name: str) -> Stream | None:
        """The stream of that name."""
        return next((stream for stream in self.streams if stream.name == name), None)
