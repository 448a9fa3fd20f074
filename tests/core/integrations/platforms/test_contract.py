"""What holds for every connector, whatever its platform: run over each connector with the fake of its platform."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import cache
from typing import Any

import httpx
import msgspec
import pytest
from engagerr.core.integrations.connector import (
    Account,
    Answer,
    Connector,
    FaultKind,
    NoSignIn,
    OAuth2,
    Page,
    Part,
    Stream,
)
from engagerr.core.integrations.faults import GrantLost, PlatformUnavailable
from engagerr.core.integrations.records import AccountRecord, ItemRecord, Rejection, State
from engagerr.core.metrics.registry import Registry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.core.integrations.platforms.one_pass import (
    CONNECTORS,
    FAKE_OF,
    FAKES,
    NAMES,
    UNTIL,
    has_items,
    metrics_of,
    start,
    stream_of,
    whole,
)
from tests.fakes.platforms.fake_platform import NEWEST, FakePlatform

WITH_VALUE = {State.VALUE, State.ZERO, State.ESTIMATED}
STREAMS = [(name, stream.name) for name in NAMES for stream in CONNECTORS[name].streams]
every_connector = pytest.mark.parametrize("name", NAMES)
every_stream = pytest.mark.parametrize(("name", "stream_name"), STREAMS, ids=[".".join(pair) for pair in STREAMS])


# ── What there is ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_connector_has_a_fake_and_every_fake_a_connector() -> None:
    assert sorted(CONNECTORS) == sorted(fake.connector for fake in FAKES)


@every_connector
def test_a_connector_says_as_data_what_it_yields_and_what_its_grant_must_allow(name: str) -> None:
    connector = CONNECTORS[name]
    assert connector.name == name
    assert connector.streams
    assert connector.title
    assert connector.documentation.startswith("https://")
    assert len({stream.name for stream in connector.streams}) == len(connector.streams)
    allowed = {scope.name for scope in connector.auth.scopes} if isinstance(connector.auth, OAuth2) else set()
    for stream in connector.streams:
        assert stream.title
        assert stream.yields
        assert stream.every > timedelta(0)
        assert set(stream.scopes) <= allowed
    if isinstance(connector.auth, OAuth2):
        assert all(scope.words for scope in connector.auth.scopes)


@every_connector
def test_a_grant_opens_the_account_that_it_is_for(name: str) -> None:
    one = start(name)
    found = one.connector.identify(one.ask, one.account)
    assert [identity.account.native_id for identity in found] == [one.fake.native_id]
    assert all(identity.account.platform == one.connector.platform for identity in found)


# ── Items ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@every_connector
def test_every_item_comes_over_the_pages(name: str) -> None:
    one = start(name)
    found = [set(whole(name, stream.name)[1]) for stream in one.connector.streams]
    assert set().union(*found) == {item.native_id for item in one.fake.items}


@every_stream
def test_no_item_comes_twice_in_a_stream(name: str, stream_name: str) -> None:
    counted = Counter(whole(name, stream_name)[1])
    assert [native_id for native_id, times in counted.items() if times > 1] == []


@every_stream
@pytest.mark.parametrize("items", [0, 1, 8])
@pytest.mark.parametrize("page_size", [1, 4])
def test_no_number_of_items_and_no_page_size_loses_or_doubles_one(
    name: str, stream_name: str, items: int, page_size: int
) -> None:
    one, stream = start(name, items=items, page_size=page_size), stream_of(name, stream_name)
    found = one.ids(stream, one.fetch(stream))
    assert len(found) == len(set(found))
    assert set(found) <= {item.native_id for item in one.fake.items}
    if page_size == 4 and items == 8:
        other = start(name, items=items, page_size=100)
        assert set(found) == set(other.ids(stream, other.fetch(stream)))


@every_stream
def test_nothing_that_a_sound_platform_says_is_rejected(name: str, stream_name: str) -> None:
    one, stream = start(name), stream_of(name, stream_name)
    records = one.records(stream, one.fetch(stream))
    assert [record for record in records if isinstance(record, Rejection)] == []
    assert records


@every_stream
def test_records_name_their_platform_and_their_account(name: str, stream_name: str) -> None:
    one, stream = start(name), stream_of(name, stream_name)
    for record in one.records(stream, one.fetch(stream)):
        assert getattr(record, "row", 1) >= 1
        if isinstance(record, ItemRecord):
            assert (record.platform, record.account) == (one.connector.platform, one.account.handle)
            assert record.account_native_id in (None, one.account.native_id)
        if isinstance(record, AccountRecord):
            assert record.platform == one.connector.platform
            assert one.account.handle == record.handle or one.account.native_id == record.native_id


# ── Pages ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@every_stream
def test_only_the_last_page_has_no_cursor(name: str, stream_name: str) -> None:
    pages, _ = whole(name, stream_name)
    assert [page.next is None for page in pages] == [False] * (len(pages) - 1) + [True] * bool(pages)
    cursors = [page.next for page in pages if page.next]
    assert len(set(cursors)) == len(cursors)


@every_stream
def test_a_pass_goes_on_after_any_page_as_if_nothing_had_happened(name: str, stream_name: str) -> None:
    pages, _ = whole(name, stream_name)
    stream = stream_of(name, stream_name)
    for place, page in enumerate(pages):
        if page.next is not None:
            one = start(name)
            rest = one.fetch(stream, cursor=page.next)
            assert [one.records(stream, [each]) for each in rest] == [
                one.records(stream, [each]) for each in pages[place + 1 :]
            ]
            assert [each.next for each in rest] == [each.next for each in pages[place + 1 :]]


@every_stream
def test_reading_a_page_again_gives_the_same_records(name: str, stream_name: str) -> None:
    pages, _ = whole(name, stream_name)
    stream, account = stream_of(name, stream_name), start(name).account
    for page in pages:
        assert list(stream.read(page, account)) == list(stream.read(page, account))


@every_stream
def test_a_page_that_was_kept_reads_as_the_one_that_came(name: str, stream_name: str) -> None:
    pages, _ = whole(name, stream_name)
    stream, account = stream_of(name, stream_name), start(name).account
    for page in pages:
        kept = msgspec.json.decode(msgspec.json.encode(page), type=Page)
        assert list(stream.read(kept, account)) == list(stream.read(page, account))


@every_stream
def test_since_bounds_what_is_fetched(name: str, stream_name: str) -> None:
    stream = stream_of(name, stream_name)
    everything = start(name, items=12, page_size=2)
    pages = everything.fetch(stream)
    known = everything.ids(stream, pages)
    published = {item.native_id: item.published_at for item in everything.fake.items}
    if len(pages) < 3 or len(known) < 4:
        pytest.skip("the stream is one page, so there is nothing to leave out")
    since = sorted(published[native_id] for native_id in known)[-2]
    one = start(name, items=12, page_size=2)
    found = one.ids(stream, one.fetch(stream, since=since))
    assert {native_id for native_id in known if published[native_id] >= since} <= set(found)
    assert len(found) < len(known)
    assert len(one.fake.requests) < len(everything.fake.requests)


@every_stream
def test_an_item_that_is_published_between_two_pages_costs_no_other(name: str, stream_name: str) -> None:
    stream = stream_of(name, stream_name)
    if len(whole(name, stream_name)[0]) < 2 or not has_items(name, stream_name):
        pytest.skip("the stream is one page")
    one = start(name)
    found: list[str] = []
    for number, page in enumerate(stream.fetch(one.ask, one.window())):
        found += one.ids(stream, [page])
        if number == 0:
            one.fake.publish(NEWEST + timedelta(minutes=5))
    assert set(whole(name, stream_name)[1]) <= set(found)


@every_stream
def test_an_item_that_two_pages_repeat_is_one_item(name: str, stream_name: str) -> None:
    stream = stream_of(name, stream_name)
    if not has_items(name, stream_name):
        pytest.skip("the stream has no items")
    one = start(name)
    one.fake.duplicate_last_of_page = True
    assert set(one.ids(stream, one.fetch(stream))) == set(whole(name, stream_name)[1])


# ── Figures ────────────────────────────────────────────────────────────────────────────────────────────────────────


@every_connector
def test_every_figure_has_a_definition_that_rules_it(name: str) -> None:
    one, registry = start(name), Registry.load()
    unknown = set()
    for record, metric in metrics_of(one.every_record()):
        kind = record.kind if isinstance(record, ItemRecord) else "account"
        found = registry.resolve(
            platform=record.platform,
            metric=metric.name,
            kind=kind,
            observed_at=metric.observed_at or UNTIL,
            period_days=metric.period_days,
        )
        if found is None:
            unknown.add((record.platform, kind, metric.name))
    assert unknown == set()


@every_connector
def test_a_figure_has_a_value_exactly_when_its_state_says_so(name: str) -> None:
    for _, metric in metrics_of(start(name).every_record()):
        assert (metric.value is not None) == (metric.state in WITH_VALUE), metric
        assert (metric.state is State.ZERO) <= (metric.value == 0), metric
        assert metric.observed_at is None or metric.observed_at.utcoffset() == timedelta(0), metric


@every_stream
def test_no_figure_is_told_twice_for_the_same_moment(name: str, stream_name: str) -> None:
    one, stream = start(name), stream_of(name, stream_name)
    for record in one.records(stream, one.fetch(stream)):
        if isinstance(record, ItemRecord | AccountRecord):
            told = [(metric.name, metric.observed_at, metric.period_days) for metric in record.metrics]
            assert len(told) == len(set(told)), record.metrics


def refusable(name: str) -> dict[str, str]:
    """What the fake can refuse: {platform's field: native metric}. Fields that bear a metric's own name go unsaid."""
    fake = FAKE_OF[name]
    if fake.refused is FakePlatform.refused:
        return {}
    if fake.refusable:
        return dict(fake.refusable)
    one = start(name)
    told = {metric.name for _, metric in metrics_of(one.every_record())}
    asked = {word for request in one.fake.requests for text in request.url.params.values() for word in text.split(",")}
    return {word: word for word in sorted(asked & told)}


@every_connector
@pytest.mark.parametrize("why", ["retired", "forbidden"])
def test_a_refused_field_costs_that_field_only(name: str, why: str) -> None:
    if FAKE_OF[name].refused is FakePlatform.refused:
        pytest.skip("the platform refuses no single field")
    fields = refusable(name)
    assert fields, "the fake can refuse fields and names none: give it `refusable`"
    before = start(name)
    sound = before.every_record()
    told = {metric.name for _, metric in metrics_of(sound) if metric.state in WITH_VALUE}
    for native, metric_name in fields.items():
        one = start(name)
        one.fake.refused_fields = {native: why}
        records = one.every_record()
        assert {record.native_id for record in records if isinstance(record, ItemRecord)} == {
            record.native_id for record in sound if isinstance(record, ItemRecord)
        }, native
        found = metrics_of(records)
        left = {metric.name for _, metric in found if metric.state in WITH_VALUE}
        lost = told - left
        said = {metric.name for _, metric in found if metric.name in lost}
        assert lost == said, f"{native}: {lost - said} vanished without a word"
        assert len(lost) < len(told), f"{native} cost everything"
        states = {metric.state for _, metric in found if metric.name == metric_name}
        assert states & {State.NOT_REPORTED, State.PERMISSION_DENIED}, f"{native}: {metric_name} is {states}"


# ── A no ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def answer_of(connector: Connector, response: httpx.Response) -> Answer:
    try:
        body = response.json()
    except ValueError:
        body = response.content
    return Answer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, body, connector.base_url)


@every_connector
def test_a_dead_token_is_judged_as_a_lost_grant(name: str) -> None:
    connector = CONNECTORS[name]
    fault = connector.judge(answer_of(connector, FAKE_OF[name]().unauthorised()))
    # Where nobody signs in there is no grant to lose: the door is just shut.
    expected = FaultKind.DENIED if isinstance(connector.auth, NoSignIn) else FaultKind.GRANT
    assert fault is not None
    assert fault.kind is expected


@every_connector
@pytest.mark.parametrize("retry_after", [None, "30"])
def test_too_many_requests_are_judged_as_busy(name: str, retry_after: str | None) -> None:
    connector = CONNECTORS[name]
    fault = connector.judge(answer_of(connector, FAKE_OF[name]().busy(retry_after=retry_after)))
    assert fault is not None
    assert fault.kind is FaultKind.BUSY


@every_connector
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_their_breakdown_is_judged_as_down(name: str, status: int) -> None:
    connector = CONNECTORS[name]
    for body in ({}, b"<html>Bad gateway</html>", None, [], "sorry", {"error": None}):
        fault = connector.judge(Answer(status, {}, body, connector.base_url))
        assert fault is not None
        assert fault.kind is FaultKind.DOWN


@every_stream
def test_a_revoked_token_and_a_busy_platform_end_the_pass_with_their_names(name: str, stream_name: str) -> None:
    stream = stream_of(name, stream_name)
    if not isinstance(CONNECTORS[name].auth, NoSignIn):
        one = start(name)
        one.fake.valid_tokens = set()
        with pytest.raises(GrantLost):
            one.fetch(stream)
    one = start(name)
    one.fake.faults = ["busy"]
    with pytest.raises(PlatformUnavailable):
        one.fetch(stream)


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


@every_connector
@given(status=st.integers(200, 599), body=anything | st.dictionaries(st.sampled_from(["error", "errors"]), anything))
@settings(max_examples=40, deadline=None)
def test_no_answer_is_too_strange_to_be_judged(name: str, status: int, body: Any) -> None:
    connector = CONNECTORS[name]
    fault = connector.judge(Answer(status, {}, body, connector.base_url))
    assert fault is None or isinstance(fault.kind, FaultKind)


# ── Damage ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def places(body: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in nested JSON; of each list, its first two entries."""
    inner = body.items() if isinstance(body, dict) else enumerate(body[:2]) if isinstance(body, list) else ()
    return [path, *(place for key, value in inner for place in places(value, (*path, key)))]


def damaged(body: Any, path: tuple[Any, ...], value: Any, *, drop: bool) -> Any:
    """The body with another value at a place, or without it."""
    if not path:
        return value
    key, rest = path[0], path[1:]
    copy = dict(body) if isinstance(body, dict) else list(body)
    if not rest and drop:
        del copy[key]
    else:
        copy[key] = damaged(copy[key], rest, value, drop=drop)
    return copy


@cache
def pages_with_places(name: str) -> list[tuple[Stream, Page, int, tuple[Any, ...]]]:
    """Where the first pages of each stream can be damaged."""
    found = []
    for stream in CONNECTORS[name].streams:
        small = start(name, items=2, page_size=2)
        for page in small.fetch(stream, since=NEWEST - timedelta(days=3))[:2]:
            for number, part in enumerate(page.parts):
                found += [(stream, page, number, place) for place in places(part.body)]
    return found


def with_body(page: Page, number: int, body: Any, raw: bytes | None) -> Page:
    part = page.parts[number]
    return Page((*page.parts[:number], Part(part.name, body, raw, part.of, part.missing), *page.parts[number + 1 :]))


def read_all(stream: Stream, page: Page, account: Account) -> None:
    for record in stream.read(page, account):
        assert isinstance(record, msgspec.Struct)
        msgspec.json.encode(record)


ODD = (None, True, -1, 0.5, 2**70, "", "x", "9" * 40, [], [None], [[]], {}, {"id": []}, float("nan"))


@every_connector
def test_no_field_that_changes_its_type_breaks_the_reading(name: str) -> None:
    account = start(name).account
    for stream, page, number, place in pages_with_places(name):
        part = page.parts[number]
        for value in ODD:
            damage = damaged(part.body, place, value, drop=False)
            try:
                read_all(stream, with_body(page, number, damage, part.raw), account)
            except Exception as error:  # noqa: BLE001 - any at all is what must not happen
                pytest.fail(f"{stream.name}: {part.name}{list(place)} = {value!r} breaks the reading: {error!r}")


@every_connector
def test_no_field_that_goes_missing_breaks_the_reading(name: str) -> None:
    account = start(name).account
    for stream, page, number, place in pages_with_places(name):
        part = page.parts[number]
        read_all(stream, with_body(page, number, damaged(part.body, place, None, drop=True), part.raw), account)


@every_connector
@given(data=st.data())
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_answer_is_too_strange_to_be_read(name: str, data: st.DataObject) -> None:
    stream, page, number, place = data.draw(st.sampled_from(pages_with_places(name)))
    part = page.parts[number]
    body = damaged(part.body, place, data.draw(anything), drop=data.draw(st.booleans()))
    raw = part.raw
    if raw is not None:
        cut = data.draw(st.integers(0, len(raw)))
        raw = raw[:cut] + data.draw(st.binary(max_size=20)) + raw[cut + data.draw(st.integers(0, 40)) :]
    read_all(stream, with_body(page, number, body, raw), start(name).account)


@every_connector
def test_moments_are_aware(name: str) -> None:
    for record in start(name).every_record():
        if isinstance(record, ItemRecord) and record.published_at is not None:
            assert record.published_at.utcoffset() == timedelta(0)
