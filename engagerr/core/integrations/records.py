"""The neutral records that every file format and connector yields, before anything is known of a workspace.

A record says what the source said and nothing more: a field that the source lacks is `None`, a metric that it lacks is
not in `metrics` at all, and a metric that it names without a number carries the *state* that says why.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec


class State(StrEnum):
    """Why a number is there, or is not. Only the first three carry a value."""

    VALUE = "value"
    ZERO = "zero"
    ESTIMATED = "estimated"
    NOT_REPORTED = "not_reported"
    NOT_APPLICABLE = "not_applicable"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"
    PERMISSION_DENIED = "permission_denied"


class MetricRecord(msgspec.Struct, frozen=True):
    """One figure as reported.

    `name` is the platform's native name in snake case ("views", "watch_time_hours"). `value` is in the unit that the
    source used; it is `None` exactly when `state` is not value, zero or estimated. `observed_at` (aware UTC) is when
    the figure was true; `None` means "when the file was made", which the importer fills in. `period_days` is 0 for a
    figure since publication (or a gauge such as followers), n for a figure about the n days that end at `observed_at`.
    """

    name: str
    value: int | float | Decimal | None = None
    state: State = State.VALUE
    observed_at: datetime | None = None
    period_days: int = 0
    currency: str | None = None


class ItemRecord(msgspec.Struct, frozen=True):
    """One published piece of content on one platform.

    `row` is its 1-based place in the file as a person would count it (see `Format`); `part` names the member of an
    archive that holds the row. `account` is a handle, `account_native_id` the platform's own id of the account.
    """

    row: int
    platform: str
    native_id: str
    kind: str | None = None
    account: str | None = None
    account_native_id: str | None = None
    creator: str | None = None
    title: str | None = None
    body: str | None = None
    url: str | None = None
    published_at: datetime | None = None
    duration_seconds: float | Decimal | None = None
    language: str | None = None
    links: tuple[str, ...] = ()
    hints: dict[str, Any] = {}
    metrics: tuple[MetricRecord, ...] = ()
    part: str | None = None


class AudienceRecord(msgspec.Struct, frozen=True):
    """A share (0 to 1) of an audience: dimension "country", value "DE", share 0.41."""

    dimension: str
    value: str
    share: float | Decimal
    observed_at: datetime | None = None


class AccountRecord(msgspec.Struct, frozen=True):
    """A platform account, and figures about the account itself (followers, profile views a day).

    `handle` may be `None` where the file does not name its account (TikTok Studio's Overview.csv). `audience` are
    shares of this account's followers or viewers, not of the creator's whole audience.
    """

    row: int
    platform: str
    handle: str | None = None
    native_id: str | None = None
    creator: str | None = None
    name: str | None = None
    url: str | None = None
    metrics: tuple[MetricRecord, ...] = ()
    part: str | None = None
    audience: tuple[AudienceRecord, ...] = ()


class RateRecord(msgspec.Struct, frozen=True):
    """An asking price for one deliverable, in minor units."""

    deliverable: str
    minor: int
    currency: str


class CreatorRecord(msgspec.Struct, frozen=True):
    """A person or show. `status` ("prospect") is for a creator that is new here; one who is known keeps theirs."""

    row: int
    name: str
    country: str | None = None
    languages: tuple[str, ...] | None = None
    topics: tuple[str, ...] | None = None
    bio: str | None = None
    accounts: tuple[AccountRecord, ...] = ()
    rates: tuple[RateRecord, ...] = ()
    audience: tuple[AudienceRecord, ...] = ()
    status: str | None = None


class EdgeRecord(msgspec.Struct, frozen=True):
    """A relationship that the source states: `child` and `parent` are (platform, native_id)."""

    row: int
    child: tuple[str, str]
    parent: tuple[str, str]
    relation: str
    state: str = "confirmed"


class Rejection(msgspec.Struct, frozen=True):
    """A row that cannot be used: where it stands, what stood there, why it is refused and how to mend it."""

    row: int
    column: str | None
    value: str | None
    reason: str
    fix: str
    part: str | None = None


class Notice(msgspec.Struct, frozen=True):
    """Something that the user should know about the whole file ("the dates name no year; 2026 was taken")."""

    text: str


Record = ItemRecord | AccountRecord | CreatorRecord | EdgeRecord | Rejection | Notice


class Period(msgspec.Struct, frozen=True):
    """Whole days, both ends included."""

    first: date
    last: date
