"""What holds for every connector, whatever its platform: run over each connector with the fake of its platform.

The checks themselves are in `engagerr.core.integrations.contract`, so that connectors of others can be held to them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
import pytest
from engagerr.core.integrations.connector import Answer, FaultKind, Page, Stream
from engagerr.core.integrations.contract import CHECKS, UNTIL, Check, FakePlatform, metrics_of
from engagerr.core.integrations.contract.checks import refusable
from engagerr.core.integrations.contract.damage import damaged, pages_with_places, with_body
from engagerr.core.integrations.records import ItemRecord
from engagerr.core.metrics.registry import Registry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.core.integrations.platforms.one_pass import CONNECTORS, FAKE_OF, FAKES, NAMES, rehearsal, start

every_connector = pytest.mark.parametrize("name", NAMES)


def test_every_connector_has_a_fake_and_every_fake_a_connector() -> None:
    assert sorted(CONNECTORS) == sorted(fake.connector for fake in FAKES)


@every_connector
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_contract(name: str, check: Check) -> None:
    assert list(check(rehearsal(name))) == []


@every_connector
def test_a_fake_that_can_refuse_fields_names_some(name: str) -> None:
    # Otherwise the check of refused fields would check nothing.
    assert bool(refusable(rehearsal(name))) == (FAKE_OF[name].refused is not FakePlatform.refused)


@every_connector
def test_every_figure_has_a_definition_that_rules_it(name: str) -> None:
    registry = Registry.load()
    unknown = set()
    for record, metric in metrics_of(start(name).every_record()):
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


# ── Anything at all ────────────────────────────────────────────────────────────────────────────────────────────────

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


@cache
def where_it_can_be_damaged(name: str) -> list[tuple[Stream, Page, int, tuple[Any, ...]]]:
    return pages_with_places(rehearsal(name))


@every_connector
@given(data=st.data())
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_answer_is_too_strange_to_be_read(name: str, data: st.DataObject) -> None:
    stream, page, number, place = data.draw(st.sampled_from(where_it_can_be_damaged(name)))
    part = page.parts[number]
    body = damaged(part.body, place, data.draw(anything), drop=data.draw(st.booleans()))
    raw = part.raw
    if raw is not None:
        cut = data.draw(st.integers(0, len(raw)))
        raw = raw[:cut] + data.draw(st.binary(max_size=20)) + raw[cut + data.draw(st.integers(0, 40)) :]
    for record in stream.read(with_body(page, number, body, raw), start(name).account):
        assert isinstance(record, msgspec.Struct)
        msgspec.json.encode(record)
