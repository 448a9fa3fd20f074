"""What goes wrong on the way, on demand; and events that are sent, signed, again, and never in the way of an answer."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
import stripe
from engagerr.core.payments.sandbox.delivering import Courier
from tests.core.payments.sandbox.conftest import Control
from tests.core.payments.sandbox.judging import Judged
from tests.fakes.clock import SteeredClock

TOPUP = {"amount": 1_000, "currency": "eur"}


class Receiver:
    """Takes what is sent, and says what it was told to say."""

    def __init__(self) -> None:
        self.status = 200
        self.taken: list[tuple[bytes, dict[str, str]]] = []

    def __call__(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        self.taken.append((body, headers))
        return self.status

    @property
    def types(self) -> list[str]:
        return [json.loads(body)["type"] for body, _ in self.taken]


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def courier(sandbox: Judged, receiver: Receiver, control: Control) -> Courier:
    """Sends when the test says so; everything goes to the receiver."""
    control("endpoints", url="http://127.0.0.1:1/webhook", secret="whsec_test")
    return Courier(sandbox, send=receiver)


def create(sandbox: Judged, kind: str, form: str = "") -> Any:
    answer = sandbox.answer("POST", f"/v1/{kind}", {"Authorization": "Bearer sk_test_x"}, form.encode())
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "500", "429", "409"])
def test_a_fault_strikes_as_often_as_it_was_told_to(client: stripe.StripeClient, control: Control, kind: str) -> None:
    control("faults", kind=kind, path="/v1/topups", method="POST", times=2)
    for _ in range(2):
        with pytest.raises(stripe.StripeError) as failed:
            client.v1.topups.create(TOPUP)
        assert (failed.value.http_status or "dropped") == {"500": 500, "429": 429, "409": 409}.get(kind, "dropped")
    client.v1.topups.create(TOPUP)
    assert len(client.v1.topups.list().data) == (3 if kind == "drop_after" else 1)
    [fault] = control("faults", "GET")["faults"]
    assert (fault["hits"], fault["times"]) == (2, 0)


def test_a_timeout_hides_what_happened(sandbox: Judged, control: Control) -> None:
    for kind, made in (("timeout_before", 0), ("timeout_after", 1)):
        control("faults", kind=kind, path="/v1/topups", method="POST")
        answer = sandbox.answer("POST", "/v1/topups", {"Authorization": "Bearer sk_test_x"}, b"amount=1&currency=eur")
        assert (answer.dropped, answer.delay) == (True, 60)
        found = sandbox.answer("GET", "/v1/topups", {"Authorization": "Bearer sk_test_x"})
        assert len(json.loads(found.body)["data"]) == made


def test_a_fault_that_does_not_exist_is_refused(sandbox: Judged) -> None:
    answer = sandbox.answer("POST", "/_sandbox/faults", {}, b'{"kind": "earthquake"}')
    assert answer.status == 400
    assert b"timeout_before" in answer.body


def test_an_event_is_signed_as_stripe_signs(
    sandbox: Judged, courier: Courier, receiver: Receiver, clock: SteeredClock
) -> None:
    create(sandbox, "customers", "name=Ann")
    assert courier.round() == 1
    [(body, headers)] = receiver.taken
    signature = headers["Stripe-Signature"]
    at = int(clock.now().timestamp())
    expected = hmac.new(b"whsec_test", f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    assert signature == f"t={at},v1={expected}"
    stripe.WebhookSignature.verify_header(body.decode(), signature, "whsec_test", tolerance=None)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(body.decode() + " ", signature, "whsec_test", tolerance=None)


def test_an_event_that_is_not_taken_is_sent_again_for_three_days_and_then_given_up(
    sandbox: Judged, courier: Courier, receiver: Receiver, control: Control
) -> None:
    create(sandbox, "customers", "name=Ann")
    receiver.status = 500
    while courier.round() or sandbox.store.rows("SELECT 1 FROM deliveries WHERE state = 'waiting'"):
        control("clock", seconds=3_600)
    assert len(receiver.taken) == 12
    assert len({body for body, _ in receiver.taken}) == 1
    [event] = _list(sandbox, "/v1/events?delivery_success=false")
    assert (event["type"], event["pending_webhooks"]) == ("customer.created", 1)
    assert _list(sandbox, "/v1/events?delivery_success=true") == []


def _list(sandbox: Judged, path: str) -> list[dict[str, Any]]:
    answer = sandbox.answer("GET", path, {"Authorization": "Bearer sk_test_x"})
    data: list[dict[str, Any]] = json.loads(answer.body)["data"]
    return data


def test_events_come_twice_or_late_or_never_where_they_are_told_to(
    sandbox: Judged, courier: Courier, receiver: Receiver, control: Control
) -> None:
    control("faults", kind="webhook_duplicate")
    create(sandbox, "customers", "name=Ann")
    courier.round()
    assert receiver.types == ["customer.created"] * 2
    receiver.taken.clear()
    control("faults", kind="webhook_lose")
    create(sandbox, "products", "name=Studio")
    create(sandbox, "tax_rates", "display_name=VAT&percentage=19&inclusive=false")
    courier.round()
    assert receiver.types == ["tax_rate.created"]
    receiver.taken.clear()
    control("faults", kind="webhook_reorder", times=3)
    create(sandbox, "payment_intents", "amount=10&currency=eur&payment_method=pm_card_visa&confirm=true")
    courier.round()
    assert receiver.types == ["payment_intent.succeeded", "charge.succeeded", "payment_intent.created"]


def test_an_endpoint_hears_what_it_asked_for(client: stripe.StripeClient, sandbox: Judged, receiver: Receiver) -> None:
    ours = client.v1.webhook_endpoints.create({"url": "http://127.0.0.1:1/", "enabled_events": ["customer.created"]})
    theirs = client.v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:1/", "enabled_events": ["*"], "connect": True}
    )
    assert ours.secret != theirs.secret
    assert not hasattr(client.v1.webhook_endpoints.retrieve(ours.id), "secret")
    client.v1.products.create({"name": "Studio"})
    client.v1.customers.create({"name": "Ann"})
    waiting = sandbox.store.rows("SELECT endpoint, state FROM deliveries WHERE endpoint IN (?, ?)", ours.id, theirs.id)
    assert [endpoint for endpoint, _ in waiting] == [ours.id]
    client.v1.webhook_endpoints.delete(ours.id)
    assert [endpoint.id for endpoint in client.v1.webhook_endpoints.list()] == [theirs.id]


def test_two_couriers_send_an_event_once(sandbox: Judged, courier: Courier, receiver: Receiver) -> None:
    create(sandbox, "customers", "name=Ann")
    other = Courier(sandbox, send=receiver)
    claimed = courier._claimed()
    assert other.round() == 0
    for delivery in claimed:
        courier._one(delivery)
    assert receiver.types == ["customer.created"]
    assert other.round() == 0


def test_an_answer_does_not_wait_for_a_webhook(sandbox: Judged, courier: Courier, receiver: Receiver) -> None:
    create(sandbox, "customers", "name=Ann")
    assert receiver.taken == []
    assert courier.round() == 1
