"""subscription: plans, a start, changes, refunds, entitlements, against the sandbox of the home."""

from __future__ import annotations

import pytest
from engagerr.cli import subscription
from tests.cli.billing_line import examples_of, set_up, typed
from tests.cli.conftest import CommandLine

OWN = examples_of(subscription.app)
# What it takes for the next examples, in the order of the help.
_FIRST = {"refund": ("subscription", "start", "Trailpeak GmbH", "desk-now", "--card", "pm_card_visa", "--yes")}


@pytest.fixture
def billing(cli: CommandLine) -> CommandLine:
    return set_up(cli)


def test_the_examples_work_one_after_the_other(billing: CommandLine) -> None:
    for verb, examples in OWN:
        if verb == "refund":
            billing("subscription", "cancel", "Trailpeak GmbH", "--at-once", "--yes")
            billing("subscription", "add-plan", "desk-now", "--name", "Desk Now", "--price", "month=49")
            billing(*_FIRST["refund"])
            billing("subscription", "refresh", "Trailpeak GmbH")
        for example in examples:
            assert typed(billing, example).out, example
    [check] = [row for row in billing.json("subscription", "verify") if row["paid"]["minor"]]
    assert check["paid"] == check["invoiced"] == check["booked"] == {"minor": 3_900, "currency": "EUR"}


def test_a_plan_is_listed_with_its_prices(billing: CommandLine) -> None:
    billing("subscription", "add-plan", "desk", "--name", "Desk", "--price", "month=49", "--price", "year=490")
    assert "EUR 49.00 a month, EUR 490.00 a year" in billing("subscription", "plans", columns=140).out
    assert billing("subscription", "add-plan", "x", "--name", "X", "--price", "49", "-o", "json", code=2).error["hint"]


def test_money_is_charged_only_when_it_was_meant(billing: CommandLine) -> None:
    billing("subscription", "add-plan", "desk", "--name", "Desk", "--price", "month=49")
    refused = billing("subscription", "start", "Trailpeak GmbH", "desk", "--card", "pm_card_visa", code=2)
    assert "--yes" in refused.err
    assert billing.json("subscription", "list") == []
    begun = billing.json("subscription", "start", "Trailpeak GmbH", "desk", "--card", "pm_card_visa", "--yes")
    assert (begun["state"], begun["price"]) == ("active", {"minor": 4_900, "currency": "EUR"})
    shown = billing.json("subscription", "show", "trailpeak gmbh")
    assert shown["changes"][0]["kind"] == "began"
    assert "active" in billing("subscription", "show", "Trailpeak GmbH").out
