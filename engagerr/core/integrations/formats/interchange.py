"""Engagerr's own JSONL: one creator, item or edge a line. Read line by line, so its size does not matter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, cast

import msgspec

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.records import (
    AccountRecord,
    AudienceRecord,
    CreatorRecord,
    EdgeRecord,
    ItemRecord,
    MetricRecord,
    Notice,
    RateRecord,
    Record,
    Rejection,
    State,
)

MAX_LINE_BYTES = 16 * 1024 * 1024
_RELATIONS = ("same_work", "clip_of", "part_of", "promotes", "derived_from")
_EDGE_STATES = ("suggested", "auto_confirmed", "confirmed", "rejected")
_WITH_VALUE = (State.VALUE, State.ZERO, State.ESTIMATED)

_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_Named = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
_Currency = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
_Days = Annotated[int, msgspec.Meta(ge=0, le=36600)]


class _Metric(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    name: _Named
    value: int | float | None = None
    state: State | None = None
    observed_at: _Moment | None = None
    period_days: _Days = 0
    currency: _Currency | None = None


class _Audience(msgspec.Struct, forbid_unknown_fields=True):
    dimension: _Named
    value: _Named
    share: Annotated[float, msgspec.Meta(ge=0, le=1)]
    observed_at: _Moment | None = None


class _Account(msgspec.Struct, forbid_unknown_fields=True):
    platform: _Named
    handle: _Named
    native_id: str | None = None
    name: str | None = None
    url: str | None = None
    followers: int | None = None
    observed_at: _Moment | None = None
    metrics: list[_Metric] | None = None
    audience: list[_Audience] | None = None


class _Amount(msgspec.Struct, forbid_unknown_fields=True):
    minor: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    currency: _Currency


class _Rate(msgspec.Struct, forbid_unknown_fields=True):
    deliverable: _Named
    amount: _Amount


class _Creator(msgspec.Struct, tag="creator", forbid_unknown_fields=True):
    name: _Named
    country: Annotated[str, msgspec.Meta(pattern="^[A-Za-z]{2}$")] | None = None
    languages: list[str] | None = None
    topics: list[str] | None = None
    bio: str | None = None
    accounts: list[_Account] | None = None
    rates: list[_Rate] | None = None
    audience: list[_Audience] | None = None


class _Item(msgspec.Struct, tag="item", forbid_unknown_fields=True):
    platform: _Named
    account: _Named
    native_id: _Named
    creator: str | None = None
    kind: str | None = None
    title: str | None = None
    body: str | None = None
    url: str | None = None
    published_at: _Moment | None = None
    duration_seconds: Annotated[int, msgspec.Meta(ge=0)] | Annotated[float, msgspec.Meta(ge=0)] | None = None
    language: str | None = None
    links: list[str] | None = None
    hints: dict[str, Any] | None = None
    metrics: list[_Metric] | None = None


class _Pointer(msgspec.Struct, forbid_unknown_fields=True):
    platform: _Named
    native_id: _Named


class _Edge(msgspec.Struct, tag="edge", forbid_unknown_fields=True):
    child: _Pointer
    parent: _Pointer
    relation: str
    state: str = "confirmed"


# The same lines with every digit: decimals are read as floats first, which is quick and refuses quoted numbers, and a
# line that has any is read again.
class _ExactMetric(_Metric, gc=False, forbid_unknown_fields=True):
    value: int | Decimal | None = None  # type: ignore[assignment]


class _ExactAudience(_Audience, forbid_unknown_fields=True, kw_only=True):
    share: Decimal  # type: ignore[assignment]


class _ExactAccount(_Account, forbid_unknown_fields=True):
    metrics: list[_ExactMetric] | None = None  # type: ignore[assignment]
    audience: list[_ExactAudience] | None = None  # type: ignore[assignment]


class _ExactCreator(_Creator, tag="creator", forbid_unknown_fields=True):
    accounts: list[_ExactAccount] | None = None  # type: ignore[assignment]
    audience: list[_ExactAudience] | None = None  # type: ignore[assignment]


class _ExactItem(_Item, tag="item", forbid_unknown_fields=True):
    duration_seconds: int | Decimal | None = None  # type: ignore[assignment]
    metrics: list[_ExactMetric] | None = None  # type: ignore[assignment]


_Line = _Creator | _Item | _Edge
_ExactLine = _ExactCreator | _ExactItem | _Edge
_UNKNOWN_FIELD = re.compile(r"unknown field `([^`]*)`(?: - at `\$([^`]*)`)?")
_MISSING_FIELD = re.compile(r"required field `([^`]*)`")
_AT = re.compile(r" - at `\$\.?([^`]*)`$")


def parse(source: Source, reading: Reading) -> Iterator[Record]:  # noqa: ARG001  the protocol of all formats
    """Yield the records of the file; rows are line numbers."""
    decode = msgspec.json.Decoder(_Line).decode
    decode_exactly = msgspec.json.Decoder(_ExactLine).decode
    unknown: dict[str, int] = {}
    row = 0
    with source.open() as file:
        while line := file.readline(MAX_LINE_BYTES):
            row += 1
            if len(line) >= MAX_LINE_BYTES and not line.endswith(b"\n"):
                raise InvalidInput(
                    f"Line {row} of {source.name} is longer than {MAX_LINE_BYTES // 2**20} MB.",
                    hint="Is it JSON Lines, with one object a line?",
                    facts={"row": row},
                )
            if line.isspace():
                continue
            if row == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            try:
                try:
                    known = decode(line)
                    if _has_decimals(known):
                        known = decode_exactly(line)
                except msgspec.ValidationError as error:
                    if not _UNKNOWN_FIELD.search(str(error)):
                        raise
                    known = _without_unknown_fields(line, row, unknown)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                yield _rejection(row, line, error)
                continue
            yield _record(row, known)
    for field, first_row in unknown.items():
        yield Notice(
            f"The field {field} is not known to Engagerr (first in line {first_row}); only the raw record keeps it."
        )


def _without_unknown_fields(line: bytes, row: int, unknown: dict[str, int]) -> _Creator | _Item | _Edge:
    """Decode a line that has fields we do not know: they are taken out, and the row that had them first is kept."""
    plain = msgspec.json.Decoder(float_hook=Decimal).decode(line)
    while True:
        try:
            # Decimals are what this reading gives; a quoted number stays text and is refused.
            return cast("_Creator | _Item | _Edge", msgspec.convert(plain, _ExactLine, builtin_types=(Decimal,)))
        except msgspec.ValidationError as error:
            found = _UNKNOWN_FIELD.search(str(error))
            if found is None:
                raise
            field, path = found[1], re.sub(r"\[\d+\]", "[]", found[2] or "").lstrip(".")
            unknown.setdefault(f"{path}.{field}".lstrip("."), row)
            if not [holder.pop(field) for holder in _places(plain, path) if field in holder]:
                raise  # a name that the message does not give whole


def _has_decimals(line: _Creator | _Item | _Edge) -> bool:
    if type(line) is _Item:
        return type(line.duration_seconds) is float or any(type(metric.value) is float for metric in line.metrics or ())
    return type(line) is _Creator


def _places(plain: Any, path: str) -> list[dict[str, Any]]:
    """All objects at a path such as `accounts[].metrics[]`."""
    places = [plain]
    for step in filter(None, re.split(r"\.", path)):
        name = step.removesuffix("[]")
        places = [place[name] for place in places if isinstance(place, dict) and name in place]
        if step.endswith("[]"):
            places = [entry for place in places if isinstance(place, list) for entry in place]
    return [place for place in places if isinstance(place, dict)]


def _record(row: int, line: _Creator | _Item | _Edge) -> Record:
    if isinstance(line, _Item):
        wrong = _wrong_metric(row, line.metrics)
        if wrong is None and line.duration_seconds is not None and line.duration_seconds < 0:
            shown = str(line.duration_seconds)
            wrong = Rejection(row, "duration_seconds", shown, "nothing lasts less than no time", "Correct it.")
        if wrong is not None:
            return wrong
        return ItemRecord(
            row,
            line.platform.lower(),
            line.native_id,
            line.kind,
            line.account,
            None,
            line.creator,
            line.title,
            line.body,
            line.url,
            line.published_at,
            line.duration_seconds,
            line.language,
            tuple(line.links) if line.links else (),
            line.hints or {},
            # The same attributes as a MetricRecord; making a million of those anew would only cost time.
            cast("tuple[MetricRecord, ...]", line.metrics or ()),
        )
    if isinstance(line, _Creator):
        return _creator(row, line)
    edge = line
    for value, allowed, column in ((edge.relation, _RELATIONS, "relation"), (edge.state, _EDGE_STATES, "state")):
        if value not in allowed:
            return Rejection(
                row, column, value, f"{value!r} is no {column} of an edge", f"Use one of: {', '.join(allowed)}."
            )
    return EdgeRecord(
        row,
        (edge.child.platform.lower(), edge.child.native_id),
        (edge.parent.platform.lower(), edge.parent.native_id),
        edge.relation,
        edge.state,
    )


def _creator(row: int, line: _Creator) -> Record:
    accounts = []
    for account in line.accounts or ():
        wrong = _wrong_metric(row, account.metrics)
        if wrong is not None:
            return wrong
        figures = list(cast("list[MetricRecord]", account.metrics or ()))
        if account.followers is not None:
            figures.append(
                MetricRecord(
                    "followers",
                    account.followers,
                    State.VALUE if account.followers else State.ZERO,
                    account.observed_at,
                )
            )
        accounts.append(
            AccountRecord(
                row,
                account.platform.lower(),
                account.handle,
                account.native_id,
                line.name,
                account.name,
                account.url,
                tuple(figures),
                audience=_shares(account.audience),
            )
        )
    return CreatorRecord(
        row=row,
        name=line.name,
        country=line.country.upper() if line.country else None,
        languages=None if line.languages is None else tuple(line.languages),
        topics=None if line.topics is None else tuple(line.topics),
        bio=line.bio,
        accounts=tuple(accounts),
        rates=tuple(RateRecord(rate.deliverable, rate.amount.minor, rate.amount.currency) for rate in line.rates or ()),
        audience=_shares(line.audience),
    )


def _shares(said: list[_Audience] | None) -> tuple[AudienceRecord, ...]:
    return tuple(AudienceRecord(share.dimension, share.value, share.share, share.observed_at) for share in said or ())


def _wrong_metric(row: int, metrics: list[_Metric] | None) -> Rejection | None:
    """A figure whose value and state contradict each other; also settles the states that were left out."""
    for metric in metrics or ():
        if metric.value is None:
            if metric.state is None:
                metric.state = State.NOT_REPORTED
            elif metric.state in _WITH_VALUE:
                return Rejection(
                    row, f"metrics.{metric.name}", None, f"the state is {metric.state}, but there is no value",
                    "Give the value, or say why it is missing: not_reported, suppressed, expired …",
                )  # fmt: skip
        elif metric.state is None or metric.state is State.VALUE:
            metric.state = State.VALUE if metric.value else State.ZERO
        elif metric.state not in _WITH_VALUE:
            return Rejection(
                row, f"metrics.{metric.name}", str(metric.value), f"the state is {metric.state}, but there is a value",
                "Leave the value out, or set the state to value or estimated.",
            )  # fmt: skip
        elif metric.state is State.ZERO and metric.value:
            return Rejection(
                row, f"metrics.{metric.name}", str(metric.value), "the state is zero, but the value is not",
                "Set the state to value.",
            )  # fmt: skip
    return None


def _rejection(row: int, line: bytes, error: Exception) -> Rejection:
    text = str(error)
    shown = line[:200].decode("utf-8", "replace").strip()
    if not isinstance(error, msgspec.ValidationError):
        return Rejection(row, None, shown, f"the line is not JSON: {text}", "Write one JSON object a line, in UTF-8.")
    at = _AT.search(text)
    missing = _MISSING_FIELD.search(text)
    path = ".".join(filter(None, (at[1] if at else "", missing[1] if missing else ""))) or None
    reason = _AT.sub("", text)
    value = None if missing else _value_at(line, path) if path else shown
    return Rejection(row, path, value, reason[:1].lower() + reason[1:], _fix(path, reason))


def _value_at(line: bytes, path: str) -> str:
    """What stands at a path such as `metrics[0].value`, as JSON."""
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # a number beyond all numbers, bytes of no text
        return line[:200].decode("utf-8", "replace").strip()
    for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        try:
            found = found[int(index)] if index else found[name]
        except (LookupError, TypeError):
            break
    return msgspec.json.encode(found).decode()[:200]


def _fix(path: str | None, reason: str) -> str:
    if "RFC3339" in reason or "timezone" in reason:
        return "Write the moment with date, time and zone: 2026-11-01T00:00:00Z."
    if reason.endswith("got `str`") and ("int" in reason or "float" in reason):
        return "Write the number without quotes."
    if "required field" in reason:
        return "Add the field: it may not be missing."
    if path == "type":
        return "Use creator, item or edge."
    return "See the interchange format: engagerr import formats."


def _recognise(source: Source) -> bool:
    first = source.head.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n", 1)[0][:65536]
    return first.startswith(b"{") and re.search(rb'"type"\s*:\s*"(creator|item|edge)"', first) is not None


INTERCHANGE = Format(
    name="engagerr-jsonl",
    platform=None,
    title="Engagerr interchange (JSON Lines)",
    recognised_by='a first line that is a JSON object with "type": "creator", "item" or "edge"',
    yields="creators, accounts, rates, audiences, items with figures, edges",
    recognise=_recognise,
    parse=parse,
    suffixes=(".jsonl", ".ndjson"),
)
