"""Engagerr's own JSONL: what a line says becomes a record, and a line that says it wrongly becomes a rejection."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.interchange import INTERCHANGE, MAX_LINE_BYTES
from engagerr.core.integrations.formats.source import Reading, Source
from engagerr.core.integrations.records import (
    AccountRecord,
    CreatorRecord,
    EdgeRecord,
    ItemRecord,
    Notice,
    RateRecord,
    Record,
    Rejection,
    State,
)  # fmt: skip
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NOW = datetime(2026, 11, 1, tzinfo=UTC)
ITEM = {"type": "item", "platform": "youtube", "account": "@ann", "native_id": "v1"}


def a_source(folder: Path, content: bytes) -> Source:
    path = folder / "lines.jsonl"
    path.write_bytes(content)
    return Source(path, NOW)


def parsed(folder: Path, *lines: Any) -> list[Record]:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    return list(INTERCHANGE.parse(a_source(folder, text.encode()), Reading(now=NOW)))


def figure(folder: Path, **metric: Any) -> Any:
    [record] = parsed(folder, {**ITEM, "metrics": [{"name": "views", **metric}]})
    if isinstance(record, Rejection):
        return record
    assert isinstance(record, ItemRecord)
    return record.metrics[0]


# --- the example of the contract ------------------------------------------------------------------------------------

CONTRACT = """\
{"type": "creator", "name": "Ann Lee", "country": "DE", "languages": ["de", "en"], "topics": ["cooking"], "bio": "…",\
 "accounts": [{"platform": "youtube", "handle": "@annlee", "followers": 120000,\
 "observed_at": "2026-11-01T00:00:00Z"}],\
 "rates": [{"deliverable": "youtube_integration", "amount": {"minor": 250000, "currency": "EUR"}}],\
 "audience": [{"dimension": "country", "value": "DE", "share": 0.41, "observed_at": "2026-11-01T00:00:00Z"}]}
{"type": "item", "creator": "Ann Lee", "platform": "youtube", "account": "@annlee", "native_id": "3FKyVeipMss",\
 "kind": "long_video", "title": "…", "body": "…", "url": "https://n.example", "published_at": "2026-09-14T10:00:00Z",\
 "duration_seconds": 3600, "language": "en", "links": ["https://n.example"],\
 "hints": {"video_id": "x", "vod_offset": 61},\
 "metrics": [{"name": "views", "value": 1200, "state": "value", "observed_at": "2026-11-01T00:00:00Z"}]}
{"type": "edge", "child": {"platform": "youtube", "native_id": "a"}, "parent": {"platform": "x", "native_id": "b"},\
 "relation": "clip_of", "state": "confirmed"}
"""


def test_the_example_of_the_contract_is_read_whole(tmp_path: Path) -> None:
    creator, item, edge = INTERCHANGE.parse(a_source(tmp_path, CONTRACT.encode()), Reading(now=NOW))
    assert isinstance(creator, CreatorRecord)
    assert (creator.row, creator.name, creator.country, creator.languages) == (1, "Ann Lee", "DE", ("de", "en"))
    assert creator.rates == (RateRecord("youtube_integration", 250000, "EUR"),)
    [account] = creator.accounts
    assert isinstance(account, AccountRecord)
    assert [(one.name, one.value, one.observed_at) for one in account.metrics] == [("followers", 120000, NOW)]
    assert [(one.dimension, one.value, float(one.share)) for one in creator.audience] == [("country", "DE", 0.41)]
    assert isinstance(item, ItemRecord)
    assert (item.row, item.native_id, item.duration_seconds, item.links) == (
        2,
        "3FKyVeipMss",
        3600,
        ("https://n.example",),
    )
    assert item.hints == {"video_id": "x", "vod_offset": 61}
    assert edge == EdgeRecord(3, ("youtube", "a"), ("x", "b"), "clip_of", "confirmed")


def test_absent_and_null_fields_are_none_and_nothing_is_made_up(tmp_path: Path) -> None:
    optional = (
        "creator",
        "kind",
        "title",
        "body",
        "url",
        "published_at",
        "duration_seconds",
        "language",
        "links",
        "hints",
        "metrics",
    )
    absent, null = parsed(tmp_path, ITEM, {**ITEM, **dict.fromkeys(optional)})
    for record in (absent, null):
        assert isinstance(record, ItemRecord)
        assert {name: getattr(record, name) for name in optional} == {
            **dict.fromkeys(optional), "links": (), "hints": {}, "metrics": (),
        }  # fmt: skip
    [creator] = parsed(tmp_path, {"type": "creator", "name": "Ann"})
    assert isinstance(creator, CreatorRecord)
    assert (creator.languages, creator.topics, creator.rates, creator.audience) == (None, None, (), ())
    [bare] = parsed(tmp_path, {"type": "creator", "name": "Ann", "accounts": [{"platform": "x", "handle": "a"}]})
    assert isinstance(bare, CreatorRecord)
    assert bare.accounts[0].metrics == (), "no followers is no figure, and not a figure of zero"


# --- figures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "value", "state"),
    [
        ({"value": 5}, 5, State.VALUE), ({"value": 5, "state": "value"}, 5, State.VALUE),
        ({"value": 5, "state": None}, 5, State.VALUE), ({"value": 5, "state": "estimated"}, 5, State.ESTIMATED),
        ({"value": 0}, 0, State.ZERO), ({"value": 0.0, "state": "value"}, 0, State.ZERO),
        ({"value": 0, "state": "zero"}, 0, State.ZERO), ({"value": -0.0}, 0, State.ZERO),
        ({}, None, State.NOT_REPORTED), ({"value": None}, None, State.NOT_REPORTED),
        ({"state": "suppressed"}, None, State.SUPPRESSED), ({"value": None, "state": "expired"}, None, State.EXPIRED),
        ({"state": "permission_denied"}, None, State.PERMISSION_DENIED),
        ({"state": "not_applicable"}, None, State.NOT_APPLICABLE),
    ],
)  # fmt: skip
def test_a_figure_and_why_it_is_there_or_not(tmp_path: Path, metric: Any, value: Any, state: State) -> None:
    read = figure(tmp_path, **metric)
    assert (read.value, read.state) == (value, state)


@pytest.mark.parametrize(
    "metric",
    [
        {"state": "value"}, {"state": "zero"}, {"state": "estimated"}, {"value": None, "state": "value"},
        {"value": 0, "state": "not_reported"}, {"value": 3, "state": "suppressed"}, {"value": 1, "state": "zero"},
    ],
)  # fmt: skip
def test_a_figure_that_contradicts_itself_is_set_aside(tmp_path: Path, metric: Any) -> None:
    read = figure(tmp_path, **metric)
    assert isinstance(read, Rejection)
    assert read.column == "metrics.views"
    assert read.fix
    [of_account] = parsed(
        tmp_path,
        {
            "type": "creator",
            "name": "A",
            "accounts": [{"platform": "x", "handle": "a", "metrics": [{"name": "v", **metric}]}],
        },
    )
    assert isinstance(of_account, Rejection)


@pytest.mark.parametrize(
    "digits", ["0.1000000000000000000000000000001", "123456789012345678901", "1.10", "1e3", "0.30000000000000004"]
)
def test_a_number_is_read_to_its_last_digit(tmp_path: Path, digits: str) -> None:
    text = json.dumps({**ITEM, "metrics": [{"name": "views", "value": 1}]}).replace('"value": 1', f'"value": {digits}')
    [record] = parsed(tmp_path, text)
    assert isinstance(record, ItemRecord)
    value = record.metrics[0].value
    assert value is not None
    assert Decimal(str(value)) == Decimal(digits)


def test_zero_followers_are_zero_and_followers_keep_their_moment(tmp_path: Path) -> None:
    [creator] = parsed(tmp_path, {"type": "creator", "name": "A", "accounts": [
        {"platform": "X", "handle": "a", "followers": 0, "observed_at": "2026-10-01T02:00:00+02:00"}]})  # fmt: skip
    assert isinstance(creator, CreatorRecord)
    [account] = creator.accounts
    [followers] = account.metrics
    assert (account.platform, followers.value, followers.state) == ("x", 0, State.ZERO)
    assert followers.observed_at == datetime(2026, 10, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "line",
    [
        {**ITEM, "metrics": [{"name": "views", "value": "5"}]},
        {**ITEM, "metrics": [{"name": "views", "value": False}]},
        {**ITEM, "metrics": [{"value": 5}]},
        {**ITEM, "metrics": {"views": 5}},
        {**ITEM, "metrics": [{"name": "", "value": 5}]},
        {**ITEM, "published_at": "2026-09-14"},
        {**ITEM, "published_at": "2026-09-14T10:00:00"},
        {**ITEM, "published_at": 0},
        {**ITEM, "native_id": 7},
        {**ITEM, "platform": ""},
        {**ITEM, "duration_seconds": "61"},
        {**ITEM, "links": "https://x"},
        {**ITEM, "hints": []},
        {**ITEM, "type": "video"},
        {"type": "creator"},
        {"type": "edge", "relation": "clip_of"},
        {
            "type": "creator",
            "name": "A",
            "rates": [{"deliverable": "post", "amount": {"minor": 1.5, "currency": "EUR"}}],
        },
        {
            "type": "creator",
            "name": "A",
            "rates": [{"deliverable": "post", "amount": {"minor": 1, "currency": "euro"}}],
        },
        {"type": "creator", "name": "A", "audience": [{"dimension": "age", "value": "x", "share": -0.1}]},
        {
            "type": "edge",
            "child": {"platform": "a", "native_id": "b"},
            "parent": {"platform": "a", "native_id": "c"},
            "relation": "x",
        },
        "[]",
        "7",
        "null",
        '"text"',
        "{",
        "{}",
        "not json",
        '{"type": "item"',
        '{"type": "item", "platform": Infinity}',
        "[" * 5000,
        '{"type":null,"x":NaN}',
        json.dumps(ITEM).replace('"v1"', "1e999"),
    ],
)
def test_a_wrong_line_is_one_rejection_with_place_and_cure_and_the_rest_is_read(tmp_path: Path, line: Any) -> None:
    before, bad, after = parsed(tmp_path, ITEM, line, ITEM)
    assert isinstance(before, ItemRecord)
    assert isinstance(after, ItemRecord)
    assert isinstance(bad, Rejection)
    assert (bad.row, after.row) == (2, 3)
    assert bad.reason
    assert bad.fix
    assert bad.value is None or len(bad.value) <= 200


def test_a_rejection_names_the_field_and_its_value(tmp_path: Path) -> None:
    [bad] = parsed(tmp_path, {**ITEM, "metrics": [{"name": "views", "value": 1}, {"name": "likes", "value": "many"}]})
    assert isinstance(bad, Rejection)
    assert bad.column == "metrics[1].value"
    assert bad.value is not None
    assert "many" in bad.value


def test_unknown_fields_are_left_out_and_said_once_each(tmp_path: Path) -> None:
    records = parsed(
        tmp_path,
        {
            **ITEM,
            "mood": 1,
            "metrics": [{"name": "views", "value": 1, "was": 0}, {"name": "likes", "value": 2, "was": 0}],
        },
        {**ITEM, "mood": {"mood": 1}, "colour": None},
        {
            "type": "creator",
            "name": "A",
            "accounts": [{"platform": "x", "handle": "a", "metrics": [{"name": "v", "now": 1}]}],
        },
    )
    assert [type(record) for record in records[:3]] == [ItemRecord, ItemRecord, CreatorRecord]
    assert isinstance(records[0], ItemRecord)
    assert [metric.value for metric in records[0].metrics] == [1, 2]
    notices = sorted(record.text for record in records[3:] if isinstance(record, Notice))
    assert [notice.split(" is not known to Engagerr")[0] for notice in notices] == [
        "The field accounts[].metrics[].now", "The field colour", "The field metrics[].was", "The field mood",
    ]  # fmt: skip
    assert all("first in line" in notice for notice in notices)


def test_hints_may_hold_anything_and_are_no_unknown_fields(tmp_path: Path) -> None:
    hints = {"type": "item", "deep": [{"mood": None}, 1.5, "x"], "": 0}
    [record] = parsed(tmp_path, {**ITEM, "hints": hints})
    assert isinstance(record, ItemRecord)
    assert record.hints == hints


def test_blank_lines_line_ends_and_a_byte_order_mark_are_no_errors(tmp_path: Path) -> None:
    line = json.dumps(ITEM).encode()
    source = a_source(tmp_path, b"\xef\xbb\xbf" + line + b"\r\n\r\n  \n" + line)
    records = list(INTERCHANGE.parse(source, Reading(now=NOW)))
    assert [record.row for record in records if isinstance(record, ItemRecord)] == [1, 4]
    assert len(records) == 2


def test_a_line_without_end_is_refused_with_its_place(tmp_path: Path) -> None:
    source = a_source(tmp_path, json.dumps(ITEM).encode() + b"\n{" + b" " * (MAX_LINE_BYTES + 10))
    with pytest.raises(InvalidInput, match="Line 2") as refused:
        list(INTERCHANGE.parse(source, Reading(now=NOW)))
    assert refused.value.hint


@pytest.mark.parametrize(
    ("content", "is_ours"),
    [
        (CONTRACT, True),
        ("\n" + CONTRACT, True),
        ("\ufeff" + CONTRACT, True),
        ('{"name":"A","type" : "creator"}', True),
        ('{"type": "video"}', False),
        ('{"kind": "youtube#videoListResponse"}', False),
        ("[]", False),
        ("", False),
        ("type,item\n", False),
        ('"type": "item"', False),
    ],
)
def test_it_is_recognised_by_its_first_line(tmp_path: Path, content: str, is_ours: bool) -> None:
    assert INTERCHANGE.recognise(a_source(tmp_path, content.encode())) is is_ours


def test_platforms_are_told_in_lower_case_and_unknown_ones_are_kept(tmp_path: Path) -> None:
    one, other = parsed(tmp_path, {**ITEM, "platform": "YouTube"}, {**ITEM, "platform": "PeerTube"})
    assert isinstance(one, ItemRecord)
    assert isinstance(other, ItemRecord)
    assert (one.platform, other.platform) == ("youtube", "peertube")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.binary(max_size=60)
        | st.sampled_from(
            [
                json.dumps(ITEM).encode(),
                b'{"type": "item"',
                b'{"type": 7, "x": NaN}',
                b'{"type":"creator","name":"\xff"}',
                b"\x00",
                b"[[[",
            ]
        ),
        max_size=6,
    )
)
def test_no_bytes_break_the_reader(tmp_path: Path, lines: list[bytes]) -> None:
    source = a_source(tmp_path, b"\n".join(lines))
    INTERCHANGE.recognise(source)
    for record in INTERCHANGE.parse(source, Reading(now=NOW)):
        assert isinstance(record, ItemRecord | Rejection | Notice | CreatorRecord | EdgeRecord)
        assert not isinstance(record, Rejection) or (record.reason and record.fix)


_VALUES = st.none() | st.integers(0, 3) | st.sampled_from([0.0, -0.0, 0.5])
_STATES = st.none() | st.sampled_from([state.value for state in State])


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(_VALUES, _STATES, st.booleans()), min_size=1, max_size=4))
def test_absent_is_never_read_as_zero(tmp_path: Path, figures: list[tuple[Any, Any, bool]]) -> None:
    metrics = [
        {
            "name": f"m{number}",
            **({} if bare and value is None else {"value": value}),
            **({} if state is None else {"state": state}),
        }
        for number, (value, state, bare) in enumerate(figures)
    ]
    [record] = parsed(tmp_path, {**ITEM, "metrics": metrics})
    consistent = all(
        state is None or (value is None) == (State(state) not in (State.VALUE, State.ZERO, State.ESTIMATED))
        for value, state, _ in figures
    ) and not any(state == "zero" and value for value, state, _ in figures)
    assert isinstance(record, ItemRecord if consistent else Rejection)
    if isinstance(record, ItemRecord):
        for (value, _, _), metric in zip(figures, record.metrics, strict=True):
            assert (metric.value is None) == (value is None)
            assert (metric.state in (State.VALUE, State.ZERO, State.ESTIMATED)) == (value is not None)
            assert metric.value is None or metric.value == value


def test_a_wrong_field_before_bytes_that_are_no_text_costs_its_line_only(tmp_path: Path) -> None:
    sound = json.dumps(ITEM).encode()
    wrong = b'{"type": "item", "platform": 5, "account": "@\xff"}'
    records = list(INTERCHANGE.parse(a_source(tmp_path, wrong + b"\n" + sound), Reading(now=NOW)))
    assert [(type(record), record.row) for record in records if not isinstance(record, Notice)] == [
        (Rejection, 1),
        (ItemRecord, 2),
    ]
