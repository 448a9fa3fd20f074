"""One key, one effect: whatever is sent how often, by whom, at once or a day later."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import stripe
from engagerr.core.payments.sandbox import KEY
from tests.core.payments.sandbox.conftest import Control
from tests.core.payments.sandbox.judging import Judged
from tests.fakes.clock import SteeredClock

TOPUP = {"amount": 1_000, "currency": "eur"}


def topups(client: stripe.StripeClient) -> int:
    return len(client.v1.topups.list({"limit": 100}).data)


def test_thirty_at_once_with_one_key_make_one_object(client: stripe.StripeClient) -> None:
    start, ids = threading.Barrier(30), []

    def create() -> None:
        start.wait()
        ids.append(client.v1.topups.create(TOPUP, {"idempotency_key": "one"}).id)

    threads = [threading.Thread(target=create) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 30
    assert len(set(ids)) == 1
    assert topups(client) == 1


def test_a_replay_says_that_it_is_one(client: stripe.StripeClient) -> None:
    first, again = (client.v1.topups.create(TOPUP, {"idempotency_key": "k"}).last_response for _ in range(2))
    assert first.body == again.body
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Original-Request"] == first.headers["Request-Id"]


@pytest.mark.parametrize("change", [{"amount": 1_001}, {"currency": "usd"}, {"metadata": {"a": "b"}}])
def test_a_key_with_other_parameters_is_refused(client: stripe.StripeClient, change: dict[str, Any]) -> None:
    client.v1.topups.create(TOPUP, {"idempotency_key": "k"})
    with pytest.raises(stripe.IdempotencyError, match="same parameters"):
        client.v1.topups.create({**TOPUP, **change}, {"idempotency_key": "k"})
    assert topups(client) == 1


def test_the_order_of_parameters_is_no_difference(sandbox: Judged) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Idempotency-Key": "k"}
    bodies = [
        b"amount=1000&currency=eur&metadata[a]=1&metadata[b]=2",
        b"metadata[b]=2&metadata[a]=1&currency=eur&amount=1000",
    ]
    first, again = (sandbox.answer("POST", "/v1/topups", headers, body) for body in bodies)
    assert first.body == again.body


def test_a_key_at_another_endpoint_is_refused(client: stripe.StripeClient) -> None:
    client.v1.topups.create(TOPUP, {"idempotency_key": "k"})
    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        client.v1.customers.create({}, {"idempotency_key": "k"})


def test_keys_of_two_accounts_have_nothing_to_do_with_each_other(
    client: stripe.StripeClient, payee: Callable[..., Any]
) -> None:
    ann = payee().id
    client.v1.customers.create({"name": "ours"}, {"idempotency_key": "k"})
    hers = client.v1.customers.create({"name": "hers"}, {"idempotency_key": "k", "stripe_account": ann})
    assert hers.name == "hers"


def test_a_decline_is_remembered_too(client: stripe.StripeClient, pay: Callable[..., Any]) -> None:
    form = {"amount": 1_000, "currency": "eur", "payment_method": "pm_card_chargeDeclined", "confirm": True,
            "payment_method_types": ["card"]}  # fmt: skip
    charges = set()
    for _ in range(3):
        with pytest.raises(stripe.CardError) as refused:
            client.v1.payment_intents.create(form, {"idempotency_key": "k"})
        charges.add(refused.value.json_body["error"]["charge"])
    assert len(charges) == 1
    assert len(client.v1.charges.list().data) == 1


def test_a_wrong_parameter_is_not_remembered(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="unknown parameter"):
        client.v1.topups.create({**TOPUP, "colour": "red"}, {"idempotency_key": "k"})  # type: ignore[typeddict-unknown-key]
    assert client.v1.topups.create(TOPUP, {"idempotency_key": "k"}).amount == 1_000


def test_too_little_money_stays_under_the_key(client: stripe.StripeClient, payee: Callable[..., Any]) -> None:
    send = {**TOPUP, "destination": payee().id}
    for key in ("k", "k"):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.transfers.create(send, {"idempotency_key": key})
        assert refused.value.code == "balance_insufficient"
        client.v1.topups.create(TOPUP)
    assert client.v1.transfers.create(send, {"idempotency_key": "k, second generation"}).amount == 1_000


def test_a_key_is_forgotten_after_a_day(client: stripe.StripeClient, clock: SteeredClock) -> None:
    client.v1.topups.create(TOPUP, {"idempotency_key": "k"})
    clock.advance(hours=23, minutes=59)
    client.v1.topups.create(TOPUP, {"idempotency_key": "k"})
    assert topups(client) == 1
    clock.advance(minutes=2)
    client.v1.topups.create(TOPUP, {"idempotency_key": "k"})
    assert topups(client) == 2


def test_a_failure_of_theirs_may_stay_under_the_key(client: stripe.StripeClient, control: Control) -> None:
    control("faults", kind="500_stored", path="/v1/topups")
    for _ in range(3):
        with pytest.raises(stripe.APIError):
            client.v1.topups.create(TOPUP, {"idempotency_key": "k"})
    assert topups(client) == 0
    client.v1.topups.create(TOPUP, {"idempotency_key": "k2"})
    assert topups(client) == 1


def test_a_failure_before_the_work_began_does_not(client: stripe.StripeClient, control: Control) -> None:
    control("faults", kind="500", path="/v1/topups")
    with pytest.raises(stripe.APIError):
        client.v1.topups.create(TOPUP, {"idempotency_key": "k"})
    assert client.v1.topups.create(TOPUP, {"idempotency_key": "k"}).amount == 1_000


def test_a_request_that_is_still_worked_on_locks_its_key(
    sandbox: Judged, control: Control, clock: SteeredClock
) -> None:
    control("faults", kind="slow", path="/v1/topups", seconds=5)
    headers = {"Authorization": f"Bearer {KEY}", "Idempotency-Key": "k"}
    first = sandbox.answer("POST", "/v1/topups", headers, b"amount=1000&currency=eur")
    during = sandbox.answer("POST", "/v1/topups", headers, b"amount=1000&currency=eur")
    clock.advance(seconds=5)
    after = sandbox.answer("POST", "/v1/topups", headers, b"amount=1000&currency=eur")
    assert (first.delay, during.status, during.headers["Stripe-Should-Retry"]) == (5, 409, "true")
    assert after.body == first.body


def test_the_second_version_tries_failed_work_again(client: stripe.StripeClient) -> None:
    form = {"contact_email": "a@b.example", "configuration": {"recipient": {}}}
    options = {"idempotency_key": "k"}
    with pytest.raises(stripe.InvalidRequestError):
        client.v2.core.accounts.create({**form, "colour": "red"}, options)  # type: ignore[typeddict-unknown-key]
    first, again = (client.v2.core.accounts.create(form, options).id for _ in range(2))
    assert first == again
