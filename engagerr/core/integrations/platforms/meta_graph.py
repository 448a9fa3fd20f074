"""What Instagram and Facebook share: Meta's Graph API, its errors, its pages, its insights.

Sources, below https://developers.facebook.com/docs/: graph-api/guides/error-handling (codes and subcodes),
graph-api/overview/rate-limiting (the usage headers), graph-api/results (paging), graph-api/reference/insights.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from engagerr.core.integrations.connector import (
    Answer,
    Ask,
    Call,
    Fault,
    FaultKind,
    Limits,
    OAuth2,
    Page,
    Part,
    Scope,
    Window,
)
from engagerr.core.integrations.faults import (
    CallRefused,
    FieldsRefused,
    NotThere,
    PermissionDenied,
    judge_by_status,
)
from engagerr.core.integrations.fields import ask_for_fields
from engagerr.core.integrations.formats.saved_json import figure, identifier, objects, part, words
from engagerr.core.integrations.paging import by_token
from engagerr.core.integrations.platforms.salvage import Salvage
from engagerr.core.integrations.records import MetricRecord, State

# A version lives about two years. v22 brought Instagram's `views`; v25 is of February 2026.
VERSION = "v25.0"
BASE_URL = f"https://graph.facebook.com/{VERSION}"
DIALOG_URL = f"https://www.facebook.com/{VERSION}/dialog/oauth"
TOKEN_URL = f"{BASE_URL}/oauth/access_token"
# A grant is ended by DELETE here: every permission that the person gave to the app.
PERMISSIONS_URL = f"{BASE_URL}/me/permissions"
# 200 calls an hour, user and app at the worst; the business use case limits of an account in use are far wider.
LIMITS = Limits(account_per_second=5.0, app_per_second=20.0, burst=20)
# Insights come up to 48 hours late and are kept for two years (graph-api/reference/insights, limitations).
LAG = timedelta(hours=48)
TWO_YEARS = timedelta(days=730)
FIX = "Fetch it again; the page is kept as it came and can be read again after a new version."

# Code 10 is also the word for a grant that may not; only the message tells the two apart.
_TOO_FEW = re.compile(r"not enough (?:viewers|followers|data)", re.I)
_GRANT_CODES = {102, 190, 458, 459, 460, 463, 464, 467, 492}
_BUSY_CODES = {4, 17, 32, 341, 613} | set(range(80_000, 80_015))
_DENIED_CODES = {3, 10} | set(range(200, 300))
_GONE_SUBCODES = {33, 2_207_006}  # no such object, or none that this grant may see; no such media
_BEFORE_CONVERSION = 2_108_006  # "Media Posted Before Business Account Conversion"
# "Please reduce the amount of data you're asking for, then retry your request": the same call would fail for ever.
_TOO_MUCH = re.compile(r"reduce the amount of data", re.I)
_ONE_OF = re.compile(r"(?:metric|fields)\[(\d+)\] must be one of the following values:(.*)", re.I | re.S)
_ABOUT_FIELDS = re.compile(r"metric|insight|non-?exist(?:ing|ent) field|field", re.I)
_WORD = re.compile(r"[A-Za-z0-9_]+")


# --- its no ----------------------------------------------------------------------------------------------------------


def judge(answer: Answer) -> Fault | None:
    """Meta's error object, by code and subcode; it comes with status 400 for nearly everything, sometimes with 200."""
    error = answer.body.get("error") if isinstance(answer.body, dict) else None
    if not isinstance(error, dict):
        return judge_by_status(answer)
    code, subcode = _whole(error.get("code")), _whole(error.get("error_subcode"))
    message = words(error.get("message")) or f"error {code}"
    passing = (code in (1, 2) or error.get("is_transient") is True) and not _TOO_MUCH.search(message)
    kinds = (
        (code in _GRANT_CODES, FaultKind.GRANT),
        (code in _BUSY_CODES, FaultKind.BUSY),
        (subcode in _GONE_SUBCODES or code == 803, FaultKind.GONE),
        (code in _DENIED_CODES, FaultKind.DENIED),
        (code == 100 and subcode != _BEFORE_CONVERSION and _ABOUT_FIELDS.search(message), FaultKind.FIELDS),
        (passing, FaultKind.DOWN),
    )
    by_status = judge_by_status(answer)
    otherwise = by_status.kind if by_status and not _TOO_MUCH.search(message) else FaultKind.REFUSED
    kind = next((kind for applies, kind in kinds if applies), otherwise)
    if kind is FaultKind.BUSY:
        return Fault(kind=kind, message=message, retry_after=_regained_after(answer.headers))
    if kind is FaultKind.FIELDS:
        return Fault(kind=kind, message=message, fields=_refused(message, answer.url))
    if kind is FaultKind.DENIED and not _TOO_FEW.search(message):
        named = _named(message, _asked(answer.url))
        if named:
            return Fault(kind=FaultKind.FIELDS, message=message, fields=named, state=State.PERMISSION_DENIED)
    return Fault(kind=kind, message=message)


def too_few_viewers(error: Exception) -> bool:
    """Whether Meta withholds figures because fewer than five people saw it (error 10)."""
    return bool(_TOO_FEW.search(str(error)))


def _whole(value: Any) -> int | None:
    try:
        return int(value) if isinstance(value, int | str) and not isinstance(value, bool) else None
    except ValueError:
        return None


def _regained_after(headers: Mapping[str, str]) -> float | None:
    """Seconds until calls are answered again: `estimated_time_to_regain_access` is in minutes."""
    minutes = 0.0
    for name in ("x-business-use-case-usage", "x-app-usage", "x-page-usage"):
        try:
            usage = msgspec.json.decode(headers.get(name, "null"))
        except (msgspec.DecodeError, RecursionError):
            continue
        buckets = [usage] if isinstance(usage, dict) and "call_count" in usage else []
        if isinstance(usage, dict):
            buckets += [bucket for entry in usage.values() for bucket in objects(entry)]
        for bucket in buckets:
            told = bucket.get("estimated_time_to_regain_access") if isinstance(bucket, dict) else None
            if isinstance(told, int | float) and not isinstance(told, bool) and 0 < told < 7 * 1440:
                minutes = max(minutes, float(told))
    waiting = headers.get("retry-after", "").strip()
    return minutes * 60 or (float(waiting[:9]) if waiting.isascii() and waiting.isdigit() else None)


def _asked(url: str) -> list[str]:
    """The metrics or fields that a call named, in order; what stands in braces belongs to its field."""
    query = parse_qs(urlsplit(url).query)
    names = ",".join(query.get("metric", []) or query.get("fields", []))
    while (flat := re.sub(r"\{[^{}]*\}|\([^()]*\)", "", names)) != names:
        names = flat
    return [name.split(".")[0] for name in names.split(",") if name]


def _named(message: str, asked: Sequence[str]) -> tuple[str, ...]:
    said = set(_WORD.findall(message))
    # A plain English word such as "views" may stand in any sentence; one with an underscore, or all of them, may not.
    named = [name for name in asked if name in said]
    return tuple(named) if len(named) < max(len(asked), 2) else ()


def _refused(message: str, url: str) -> tuple[str, ...]:
    """Which of the fields asked for the message means, as far as it tells."""
    asked = _asked(url)
    one_of = _ONE_OF.search(message)
    if one_of is None:
        return _named(message, asked)
    allowed = set(_WORD.findall(one_of[2]))
    unknown = tuple(name for name in asked if name not in allowed)
    index = int(one_of[1][:6])
    return unknown or (tuple(asked[index : index + 1]))


# --- who signs in, and what that opens --------------------------------------------------------------------------------


def sign_in(*scopes: Scope) -> OAuth2:
    """Facebook Login, asking for these permissions; the token is exchanged for one of long life."""
    return OAuth2(
        authorize_url=DIALOG_URL,
        token_url=TOKEN_URL,
        revoke_url=PERMISSIONS_URL,
        scopes=scopes,
        scope_separator=",",
        pkce=False,
        exchange="facebook",
    )


def managed_pages(ask: Ask, fields: str) -> Iterator[Any]:
    """The pages that the grant opens, each with these fields as they came."""
    call = Call(name="accounts", path="/me/accounts", params={"fields": fields, "limit": 100})
    for answer, _ in by_token(ask, call, param="after", at="paging.cursors.after", cursor=None, more="paging.next"):
        yield from objects(part(answer.body, "data"))


def followers(count: Any) -> tuple[MetricRecord, ...]:
    """The followers as a figure, where it is a number of them."""
    is_count = isinstance(count, int) and not isinstance(count, bool) and 0 <= count < 10**15
    return (figure("followers", count),) if is_count else ()


def one_object(ask: Ask, about: str, names: Sequence[str], *, name: str) -> Part:
    """One object with these fields, and why those are missing that were refused."""

    def call_of(wanted: tuple[str, ...]) -> Call:
        return Call(name=name, path=f"/{about}", params={"fields": ",".join(("id", *wanted))})

    answers, missing = ask_for_fields(ask, names, call_of, kind=name)
    body = {key: value for answer in answers for key, value in _object(answer.body).items()}
    return Part(name=name, of=about, body=without_links(body), missing=missing)


def _object(body: Any) -> Mapping[str, Any]:
    return body if isinstance(body, dict) else {}


# --- its pages -------------------------------------------------------------------------------------------------------


def without_links(body: Any) -> Any:
    """The body without the addresses of neighbouring pages: Meta writes the access token into them."""
    if isinstance(body, dict):
        return {
            key: without_links(value)
            for key, value in body.items()
            if not (key in ("next", "previous") and isinstance(value, str)) and key != "access_token"
        }
    return [without_links(value) for value in body] if isinstance(body, list) else body


class TolerantAsk:
    """Asks for a page of a list; again without those of its `optional` fields that are refused, and for half the
    entries where Meta finds the page too much to gather."""

    def __init__(self, ask: Ask, *, kind: str, optional: Iterable[str]) -> None:
        self.refused = ask.refused
        self._ask, self._kind, self._optional = ask, kind, tuple(optional)
        self._most = 1000

    def __call__(self, call: Call) -> Answer:
        """The answer to the call, with as many of its fields as may be had."""
        while True:
            missing = self.missing()
            kept = [name for name in str(call.params["fields"]).split("|") if _bare(name) not in missing]
            size = min(int(call.params["limit"]), self._most)
            try:
                return self._ask(replace(call, params={**call.params, "fields": ",".join(kept), "limit": size}))
            except CallRefused as refusal:
                if size == 1 or not _TOO_MUCH.search(str(refusal)):
                    raise
                self._most = size // 2
            except FieldsRefused as refusal:
                left = [name for name in self._optional if name not in self.missing()]
                culprits = [name for name in left if name in refusal.fields] or left[:1]
                if not culprits:
                    raise
                for name in culprits:
                    self.refused[f"{self._kind}:{name}"] = refusal.state

    def missing(self) -> dict[str, State]:
        """The optional fields that were refused so far, and why."""
        return {
            name: state for name in self._optional if (state := self.refused.get(f"{self._kind}:{name}")) is not None
        }


def _bare(field: str) -> str:
    return _WORD.findall(field)[0] if _WORD.search(field) else field


def listed(
    ask: Ask,
    window: Window,
    call: Call,
    *,
    optional: Iterable[str],
    of: str | None,
    published_at: Callable[[Any], datetime | None],
    insights_of: Callable[[str, Any], Iterable[Part]],
) -> Iterator[Page]:
    """The list's pages, newest first, each with the insights of its entries, until they are older than wanted.

    `optional` fields cost only themselves when they are refused; `insights_of` takes the id of an entry and the entry.
    """
    tolerant = TolerantAsk(ask, kind=call.name, optional=optional)
    pages = by_token(tolerant, call, param="after", at="paging.cursors.after", cursor=window.cursor, more="paging.next")
    for answer, following in pages:
        entries = objects(part(answer.body, "data"))
        kept, over = _since_filtered(entries, [published_at(entry) for entry in entries], window.since)
        body = without_links({**_object(answer.body), "data": kept})
        parts = [Part(name=call.name, of=of, body=body, missing=tolerant.missing())]
        for entry in kept:
            native_id = identifier(part(entry, "id"))
            if native_id and native_id.replace("_", "").isalnum():
                parts += insights_of(native_id, entry)
        yield Page(parts=tuple(parts), next=None if over else following)
        if over:
            return


def with_insights(page: Page, list_name: str) -> Iterator[tuple[int, Any, list[Part], Mapping[str, State]]]:
    """(row, entry, its insights, why fields of the list are missing) of the entries of the page's lists."""
    of_item: dict[str | None, list[Part]] = {}
    for one in page.bodies("insights"):
        of_item.setdefault(one.of, []).append(one)
    row = 0
    for listing in page.bodies(list_name):
        for entry in objects(part(listing.body, "data")):
            row += 1
            yield row, entry, of_item.get(identifier(part(entry, "id")), []), listing.missing


def _since_filtered(
    entries: Sequence[Any], moments: Sequence[datetime | None], since: datetime | None
) -> tuple[list[Any], bool]:
    """The entries of a page, newest first, that are not older than `since`, and whether the older ones have begun."""
    if since is None:
        return list(entries), False
    kept = [entry for entry, at in zip(entries, moments, strict=True) if at is None or at >= since]
    dated = [at for at in moments if at is not None]
    return kept, bool(dated) and dated[-1] < since


# --- its insights ----------------------------------------------------------------------------------------------------


def insight_parts(
    ask: Ask, about: str, names: Sequence[str], *, kind: str, edge: str = "insights", name: str = "insights"
) -> tuple[Part, ...]:
    """The figures of one post, as Parts. What is refused is named in `missing` and costs nothing else.

    A refusal of the whole edge is the grant's, so it is remembered; too few viewers is this post's own.
    """

    def call_of(wanted: tuple[str, ...]) -> Call:
        return Call(name=f"{kind}.insights", path=f"/{about}/{edge}", params={"metric": ",".join(wanted)})

    try:
        answers, missing = ask_for_fields(ask, names, call_of, kind=f"insights:{kind}")
    except PermissionDenied as error:
        if too_few_viewers(error):
            return (Part(name=name, of=about, missing=dict.fromkeys(names, State.SUPPRESSED)),)
        for metric in names:
            ask.refused[f"insights:{kind}:{metric}"] = State.PERMISSION_DENIED
        return (Part(name=name, of=about, missing=dict.fromkeys(names, State.PERMISSION_DENIED)),)
    except (NotThere, CallRefused):  # deleted since the list was made, or older than the business account
        return (Part(name=name, of=about, missing=dict.fromkeys(names, State.NOT_REPORTED)),)
    if not answers:
        return (Part(name=name, of=about, missing=missing),)
    first, *others = (Part(name=name, of=about, body=without_links(answer.body)) for answer in answers)
    return (msgspec.structs.replace(first, missing=missing), *others)


def insight_values(body: Any) -> Iterator[tuple[str, Any, Any]]:
    """(metric, value, end of its period as written) of an insights answer, old shape and new."""
    for entry in objects(part(body, "data")):
        name = words(part(entry, "name"))
        if name is None:
            continue
        total = part(entry, "total_value")
        if isinstance(total, dict) and "value" in total:
            yield name, total["value"], None
        for value in objects(part(entry, "values")):
            if isinstance(value, dict):
                yield name, value.get("value"), value.get("end_time")


def insight_figures(
    parts: Iterable[Part], names: Sequence[str], renamed: Mapping[str, str], salvage: Salvage
) -> list[MetricRecord]:
    """One record for each of `names`: its value, or why there is none. Other metrics that came are taken too.

    Meta answers an empty set for "no data", so a figure that was asked for and did not come is *not reported*.
    """
    found: dict[str, MetricRecord] = {}
    asked = False
    for one in parts:
        asked = True
        for name, value, _ in insight_values(one.body):
            read = salvage.figure(renamed.get(name, name), _sum_of_kinds(value))
            if read is not None:
                found.setdefault(name, read)
        for name, state in one.missing.items():
            found.setdefault(name, MetricRecord(renamed.get(name, name), None, state))
    if asked:
        for name in names:
            found.setdefault(name, MetricRecord(renamed.get(name, name), None, State.NOT_REPORTED))
    return list(found.values())


def _sum_of_kinds(value: Any) -> Any:
    """Reactions come by kind: what they come to. Anything else as it is."""
    if not isinstance(value, dict):
        return value
    counts = [count for count in value.values() if isinstance(count, int) and not isinstance(count, bool)]
    return sum(counts) if counts and len(counts) == len(value) else None
