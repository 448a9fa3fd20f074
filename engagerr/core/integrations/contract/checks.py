"""The checks: each leads a connector through the fake of its platform and yields, in words, what does not hold.

They know nothing of any one platform and need nothing but the fake. What a sound connector does with a damaged answer
is in `damage`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

import msgspec

from engagerr.core.errors import EngagerrError
from engagerr.core.integrations.connector import Answer, Connector, FaultKind, NoSignIn, OAuth2, Page, Stream
from engagerr.core.integrations.contract.damage import no_damage_breaks_the_reading
from engagerr.core.integrations.contract.fake_platform import NEWEST, FakePlatform
from engagerr.core.integrations.contract.rehearsal import Pass, Rehearsal, metrics_of
from engagerr.core.integrations.faults import GrantLost, PlatformUnavailable
from engagerr.core.integrations.records import AccountRecord, ItemRecord, MetricRecord, Rejection, State

Check = Callable[[Rehearsal], Iterator[str]]
"""Yields what does not hold; nothing where all is well."""

_WITH_VALUE = {State.VALUE, State.ZERO, State.ESTIMATED}
_STRANGE: tuple[Any, ...] = (
    None, True, 0, -1, 0.5, "", "sorry", b"<html>Bad gateway</html>", [], [None], {}, {"error": None}, {"error": []},
    {"error": {"code": {}}}, {"error": {"message": 7}}, {"errors": {}}, {"errors": [None]},
    {"errors": [{"detail": []}]},
)  # fmt: skip


def complaints(connector: Connector, fake: type[FakePlatform]) -> tuple[str, ...]:
    """Everything that does not hold, each with the check that found it."""
    rehearsal = Rehearsal(connector, fake)
    return tuple(f"{check.__name__}: {said}" for check in CHECKS for said in check(rehearsal))


# ── What there is ──────────────────────────────────────────────────────────────────────────────────────────────────


def it_says_as_data_what_it_yields_and_what_its_grant_must_allow(one: Rehearsal) -> Iterator[str]:
    """Names, titles, words, and scopes that the sign-in asks for."""
    connector = one.connector
    if one.fake.connector != connector.name:
        yield f"the fake is of {one.fake.connector!r}, the connector is {connector.name!r}"
    if not connector.title or not connector.streams:
        yield "it needs a title and at least one stream"
    if not connector.documentation.startswith("https://"):
        yield f"its documentation is no address: {connector.documentation!r}"
    # Without a base URL each call names its whole address, as those to feeds do.
    if connector.base_url and not connector.base_url.startswith("https://"):
        yield f"its base_url is not https: {connector.base_url!r}"
    for name, times in Counter(stream.name for stream in connector.streams).items():
        if times > 1:
            yield f"{times} streams are called {name}"
    scopes = connector.auth.scopes if isinstance(connector.auth, OAuth2) else ()
    yield from (f"the scope {scope.name} has no words" for scope in scopes if not scope.words)
    for stream in connector.streams:
        if not stream.title or not stream.yields:
            yield f"{stream.name}: it needs a title and words for what it yields"
        if stream.every <= timedelta(0):
            yield f"{stream.name}: every must be positive"
        strange = set(stream.scopes) - {scope.name for scope in scopes}
        if strange:
            yield f"{stream.name} wants scopes that the sign-in does not know: {sorted(strange)}"


def a_grant_opens_the_account_that_it_is_for(one: Rehearsal) -> Iterator[str]:
    """`identify` names the fake's account, and nothing else."""
    tried = one.start()
    found = tried.connector.identify(tried.ask, tried.account)
    if [identity.account.native_id for identity in found] != [tried.fake.native_id]:
        yield f"identify found {[identity.account.native_id for identity in found]}, not {[tried.fake.native_id]}"
    for identity in found:
        if identity.account.platform != tried.connector.platform:
            yield f"identify says platform {identity.account.platform!r}, the connector {tried.connector.platform!r}"


# ── Items and pages ────────────────────────────────────────────────────────────────────────────────────────────────


def every_item_comes_once_however_many_there_are_and_whatever_the_size_of_a_page(one: Rehearsal) -> Iterator[str]:
    """None lost, none doubled, none made up."""
    for items, page_size in ((7, 3), (0, 1), (1, 1), (8, 1), (8, 4), (8, 100)):
        tried = one.start(items=items, page_size=page_size)
        there = {item.native_id for item in tried.fake.items}
        seen: set[str] = set()
        for stream in tried.connector.streams:
            found = tried.ids(stream, tried.fetch(stream))
            where = f"{stream.name}, {items} items, {page_size} a page"
            yield from (f"{where}: {known} comes {n} times" for known, n in Counter(found).items() if n > 1)
            if set(found) - there:
                yield f"{where}: there are no such items: {sorted(set(found) - there)}"
            seen |= set(found)
        if there - seen:
            yield f"{items} items, {page_size} a page: no stream brought {sorted(there - seen)}"


def nothing_that_a_sound_platform_says_is_rejected(one: Rehearsal) -> Iterator[str]:
    """Every stream brings something, and no entry of it is a `Rejection`."""
    tried = one.start()
    for stream in tried.connector.streams:
        records = tried.records(stream, tried.fetch(stream))
        if not records:
            yield f"{stream.name} brings nothing"
        yield from (f"{stream.name}: {record}" for record in records if isinstance(record, Rejection))


def records_name_their_platform_and_their_account(one: Rehearsal) -> Iterator[str]:
    """Each under the handle that `read` was given; moments are aware, in UTC."""
    tried = one.start()
    handle, native_id, platform = tried.account.handle, tried.account.native_id, tried.connector.platform
    for record in tried.every_record():
        if not isinstance(record, ItemRecord | AccountRecord):
            continue
        if record.row < 1 or record.platform != platform:
            yield f"platform {record.platform!r}, row {record.row}: it must be {platform!r}, counted from 1"
        if isinstance(record, ItemRecord):
            if record.account != handle or record.account_native_id not in (None, native_id):
                yield f"{record.native_id} is said to be of {record.account!r}, {record.account_native_id!r}"
            if record.published_at is not None and record.published_at.utcoffset() != timedelta(0):
                yield f"{record.native_id}: published_at is not in UTC: {record.published_at!r}"
        elif handle != record.handle and native_id != record.native_id:
            yield f"an account is called {record.handle!r}, {record.native_id!r}"


def only_the_last_page_has_no_cursor(one: Rehearsal) -> Iterator[str]:
    """And no cursor comes twice."""
    tried = one.start()
    for stream in tried.connector.streams:
        cursors = [page.next for page in tried.fetch(stream)]
        if None in cursors[:-1] or cursors[-1:] not in ([], [None]):
            yield f"{stream.name}: its pages go on at {cursors}"
        yield from (f"{stream.name}: {at} comes {n} times" for at, n in Counter(cursors).items() if at and n > 1)


def a_pass_goes_on_after_any_page_as_if_nothing_had_happened(one: Rehearsal) -> Iterator[str]:
    """From the cursor alone, in a new process."""
    for stream in one.connector.streams:
        pages = (tried := one.start()).fetch(stream)
        for place, page in enumerate(pages):
            if page.next is None:
                continue
            rest = (again := one.start()).fetch(stream, cursor=page.next)
            after = pages[place + 1 :]
            if [again.records(stream, [each]) for each in rest] != [tried.records(stream, [each]) for each in after]:
                yield f"{stream.name}: from {page.next!r} on it brings other records"
            if [each.next for each in rest] != [each.next for each in after]:
                yield f"{stream.name}: from {page.next!r} on its pages go on otherwise"


def a_page_that_was_kept_reads_again_as_it_did(one: Rehearsal) -> Iterator[str]:
    """Reading is pure: the same page, also from the database, gives the same records."""
    for stream in one.connector.streams:
        tried = one.start()
        for number, page in enumerate(tried.fetch(stream), start=1):
            first = tried.records(stream, [page])
            kept = msgspec.json.decode(msgspec.json.encode(page), type=Page)
            if tried.records(stream, [page]) != first:
                yield f"{stream.name}, page {number}: reading it twice gives two answers"
            if tried.records(stream, [kept]) != first:
                yield f"{stream.name}, page {number}: kept as JSON it reads otherwise"


def since_bounds_what_is_fetched(one: Rehearsal) -> Iterator[str]:
    """Everything published from then on comes, and the pages beyond are not asked for."""
    for stream in one.connector.streams:
        everything = one.start(items=12, page_size=2)
        pages = everything.fetch(stream)
        known = everything.ids(stream, pages)
        published = {item.native_id: item.published_at for item in everything.fake.items}
        if len(pages) < 3 or len(known) < 4 or not set(known) <= set(published):
            continue
        since = sorted(published[native_id] for native_id in known)[len(known) // 2]
        tried = one.start(items=12, page_size=2)
        found = tried.ids(stream, tried.fetch(stream, since=since))
        lost = {native_id for native_id in known if published[native_id] >= since} - set(found)
        if lost:
            yield f"{stream.name}, since {since}: {sorted(lost)} did not come"
        if len(tried.fake.requests) >= len(everything.fake.requests) or len(found) >= len(known):
            yield f"{stream.name}, since {since}: it asked for as much as without"


def an_item_that_is_published_between_two_pages_costs_no_other(one: Rehearsal) -> Iterator[str]:
    """It moves all the others by one place."""
    for stream in one.connector.streams:
        whole = (tried := one.start()).ids(stream, tried.fetch(stream))
        moving = one.start()
        found: list[str] = []
        for number, page in enumerate(stream.fetch(moving.ask, moving.window())):
            found += moving.ids(stream, [page])
            if number == 0:
                moving.fake.publish(NEWEST + timedelta(minutes=5))
        if set(whole) - set(found):
            yield f"{stream.name}: {sorted(set(whole) - set(found))} did not come"


def an_item_that_two_pages_repeat_is_one_item(one: Rehearsal) -> Iterator[str]:
    """Platforms repeat the last entry of a page on the next."""
    for stream in one.connector.streams:
        whole = (tried := one.start()).ids(stream, tried.fetch(stream))
        doubling = one.start()
        doubling.fake.duplicate_last_of_page = True
        found = doubling.ids(stream, doubling.fetch(stream))
        if set(found) != set(whole):
            yield f"{stream.name}: {sorted(set(found) ^ set(whole))}"


# ── Figures ────────────────────────────────────────────────────────────────────────────────────────────────────────


def a_figure_has_a_value_exactly_when_its_state_says_so(one: Rehearsal) -> Iterator[str]:
    """Absent is never zero."""
    yield from _contradictions(metric for _, metric in metrics_of(one.start().every_record()))


def _contradictions(metrics: Iterable[MetricRecord]) -> Iterator[str]:
    for metric in metrics:
        if (metric.value is not None) != (metric.state in _WITH_VALUE):
            yield f"{metric.name} is {metric.state} and {metric.value}"
        if metric.state is State.ZERO and metric.value != 0:
            yield f"{metric.name} is zero and {metric.value}"
        if metric.observed_at is not None and metric.observed_at.utcoffset() != timedelta(0):
            yield f"{metric.name}: observed_at is not in UTC: {metric.observed_at!r}"


def no_figure_is_told_twice_for_the_same_moment(one: Rehearsal) -> Iterator[str]:
    """Of one item or account, in one record."""
    for record in one.start().every_record():
        if isinstance(record, ItemRecord | AccountRecord):
            told = Counter((metric.name, metric.observed_at, metric.period_days) for metric in record.metrics)
            yield from (f"{name} comes {n} times" for (name, _, _), n in told.items() if n > 1)


def a_refused_field_costs_that_field_only(one: Rehearsal) -> Iterator[str]:
    """Retired or forbidden: it stays as a figure without a value that says why, and all else comes."""
    sound = one.start().every_record()
    items = {record.native_id for record in sound if isinstance(record, ItemRecord)}
    told = {metric.name for _, metric in metrics_of(sound) if metric.state in _WITH_VALUE}
    for native, name in refusable(one).items():
        for why in ("retired", "forbidden"):
            tried = one.start()
            tried.fake.refused_fields = {native: why}
            records = tried.every_record()
            found = metrics_of(records)
            lost = told - {metric.name for _, metric in found if metric.state in _WITH_VALUE}
            yield from (f"without {native} ({why}) {said}" for said in _contradictions(metric for _, metric in found))
            unsaid = lost - {metric.name for _, metric in found}
            if {record.native_id for record in records if isinstance(record, ItemRecord)} != items:
                yield f"without {native} ({why}) there are other items"
            if unsaid:
                yield f"without {native} ({why}) {sorted(unsaid)} vanished without a word"
            if len(lost) >= len(told):
                yield f"without {native} ({why}) there is no figure at all"
            states = {metric.state for _, metric in found if metric.name == name}
            if not states & {State.NOT_REPORTED, State.PERMISSION_DENIED}:
                yield f"without {native} ({why}) {name} is {sorted(states)}"


def refusable(one: Rehearsal) -> dict[str, str]:
    """What the fake can refuse: {platform's field: native metric}. Fields that bear a metric's own name go unsaid."""
    if one.fake.refused is FakePlatform.refused:
        return {}
    if one.fake.refusable:
        return dict(one.fake.refusable)
    tried = one.start()
    told = {metric.name for _, metric in metrics_of(tried.every_record())}
    params = (text for request in tried.fake.requests for text in request.url.params.values())
    return {word: word for word in sorted({word for text in params for word in text.split(",")} & told)}


# ── A no ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def a_no_is_judged_as_what_it_is(one: Rehearsal) -> Iterator[str]:
    """A dead token, too many requests, their breakdown."""
    connector, fake = one.connector, one.fake()
    broken: tuple[Any, ...] = ({}, b"<html>Bad gateway</html>", None, [], "sorry", {"error": None})
    # Where nobody signs in there is no grant to lose: the door is just shut.
    dead = FaultKind.DENIED if isinstance(connector.auth, NoSignIn) else FaultKind.GRANT
    expected = [
        ("a dead token", _answer(connector, fake.unauthorised()), dead),
        ("too many requests", _answer(connector, fake.busy(retry_after=None)), FaultKind.BUSY),
        ("too many requests, wait 30 s", _answer(connector, fake.busy(retry_after="30")), FaultKind.BUSY),
        *(
            (f"status {status}, {body!r}", Answer(status, {}, body, connector.base_url), FaultKind.DOWN)
            for status in (500, 502, 503, 504)
            for body in broken
        ),
    ]
    for words, answer, kind in expected:
        fault = connector.judge(answer)
        if fault is None or fault.kind is not kind:
            yield f"{words} is judged as {fault and fault.kind}, not {kind}"


def no_answer_is_too_strange_to_be_judged(one: Rehearsal) -> Iterator[str]:
    """Whatever the status and the body: a fault or none, and never an exception."""
    for status in (200, 204, 299, 301, 400, 401, 403, 404, 410, 418, 429, 499, 500, 503, 599):
        for body in _STRANGE:
            try:
                fault = one.connector.judge(Answer(status, {}, body, one.connector.base_url))
            except Exception as error:  # noqa: BLE001 - any at all is what must not happen
                yield f"status {status}, {body!r}: {error!r}"
                continue
            if fault is not None and not isinstance(fault.kind, FaultKind):
                yield f"status {status}, {body!r} is judged as {fault!r}"


def a_revoked_token_and_a_busy_platform_end_the_pass_with_their_names(one: Rehearsal) -> Iterator[str]:
    """`GrantLost` and `PlatformUnavailable` come through `fetch` as they are."""
    for stream in one.connector.streams:
        if not isinstance(one.connector.auth, NoSignIn):
            revoked = one.start()
            revoked.fake.valid_tokens = set()
            yield from _ends_with(GrantLost, revoked, stream)
        busy = one.start()
        busy.fake.faults = ["busy"]
        yield from _ends_with(PlatformUnavailable, busy, stream)


def _ends_with(expected: type[EngagerrError], tried: Pass, stream: Stream) -> Iterator[str]:
    try:
        tried.fetch(stream)
    except expected:
        return
    except Exception as error:  # noqa: BLE001 - whatever else it is, it is told
        yield f"{stream.name} ends with {error!r}, not {expected.__name__}"
        return
    yield f"{stream.name} goes on as if nothing had happened, where {expected.__name__} should end it"


def _answer(connector: Connector, response: Any) -> Answer:
    try:
        body = response.json()
    except ValueError:
        body = response.content
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, headers, body, connector.base_url)


CHECKS: tuple[Check, ...] = (
    it_says_as_data_what_it_yields_and_what_its_grant_must_allow,
    a_grant_opens_the_account_that_it_is_for,
    every_item_comes_once_however_many_there_are_and_whatever_the_size_of_a_page,
    nothing_that_a_sound_platform_says_is_rejected,
    records_name_their_platform_and_their_account,
    only_the_last_page_has_no_cursor,
    a_pass_goes_on_after_any_page_as_if_nothing_had_happened,
    a_page_that_was_kept_reads_again_as_it_did,
    since_bounds_what_is_fetched,
    an_item_that_is_published_between_two_pages_costs_no_other,
    an_item_that_two_pages_repeat_is_one_item,
    a_figure_has_a_value_exactly_when_its_state_says_so,
    no_figure_is_told_twice_for_the_same_moment,
    a_refused_field_costs_that_field_only,
    a_no_is_judged_as_what_it_is,
    no_answer_is_too_strange_to_be_judged,
    a_revoked_token_and_a_busy_platform_end_the_pass_with_their_names,
    no_damage_breaks_the_reading,
)
