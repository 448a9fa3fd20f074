"""The contract of every connector, and what is Pressling's own."""

from __future__ import annotations

import pytest
from engagerr.core.integrations.contract import CHECKS, Check, Rehearsal, metrics_of
from engagerr.core.integrations.records import State

from engagerr_pressling import CONNECTOR
from fake_pressling import FakePressling

REHEARSAL = Rehearsal(CONNECTOR, FakePressling)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_contract(check: Check) -> None:
    assert list(check(REHEARSAL)) == []


def test_each_issue_comes_with_its_figures() -> None:
    one = REHEARSAL.start(items=1)
    assert {metric.name: metric.value for _, metric in metrics_of(one.every_record())} == one.fake.items[0].figures


def test_clicks_that_the_plan_does_not_include_are_said_to_be_denied() -> None:
    one = REHEARSAL.start(items=1)
    one.fake.refused_fields = {"clicks": "forbidden"}
    states = {metric.name: metric.state for _, metric in metrics_of(one.every_record())}
    assert states == {"recipients": State.VALUE, "opens": State.VALUE, "clicks": State.PERMISSION_DENIED}
