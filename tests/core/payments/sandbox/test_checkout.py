"""A link, a page, a payer: checkout sessions, and means of payment kept for later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
import stripe
from tests.core.payments.sandbox.conftest import Control
from tests.core.payments.sandbox.judging import Judged

ITEM = {"quantity": 2, "price_data": {"currency": "eur", "unit_amount": 5_000, "product_data": {"name": "Milestone"}}}
URLS = {"success_url": "https://a.example/done?s={CHECKOUT_SESSION_ID}", "cancel_url": "https://a.example/no"}
Session = Callable[..., Any]


@pytest.fixture
def session(client: stripe.StripeClient) -> Session:
    """A session over 100 euros."""

    def made(**more: Any) -> Any:
        return client.v1.checkout.sessions.create({"mode": "payment", "line_items": [ITEM], **URLS, **more})

    return made


def press(sandbox: Judged, url: str, **form: str) -> tuple[int, str, str]:
    """Press a button of a page: (status, where it leads, what it says)."""
    path = "/_sandbox" + url.partition("/_sandbox")[2]
    answer = sandbox.answer("POST", path, {}, urlencode(form).encode())
    return answer.status, answer.headers.get("Location", ""), answer.body.decode()


def test_a_payer_pays_on_the_page_and_is_sent_on(
    client: stripe.StripeClient, sandbox: Judged, session: Session
) -> None:
    made = session(payment_intent_data={"transfer_group": "hold_1", "metadata": {"engagerr_operation": "op"}})
    assert (made.amount_total, made.payment_status, made.payment_intent) == (10_000, "unpaid", None)
    page = sandbox.answer("GET", "/_sandbox" + made.url.partition("/_sandbox")[2], {}).body.decode()
    assert "2 × Milestone" in page
    assert "100.00" in page
    status, target, _ = press(sandbox, made.url, payment_method="pm_card_visa")
    assert (status, target) == (303, f"https://a.example/done?s={made.id}")
    found = client.v1.checkout.sessions.retrieve(made.id, {"expand": ["payment_intent", "line_items"]})
    assert (found.status, found.payment_status, found.url) == ("complete", "paid", None)
    assert (found.payment_intent.transfer_group, found.payment_intent.metadata["engagerr_operation"]) == (
        "hold_1",
        "op",
    )
    assert found.line_items.data[0].amount_total == 10_000
    assert client.v1.events.list({"type": "checkout.session.completed"}).data[0].data.object.id == made.id


def test_a_declined_card_leaves_the_session_open(
    client: stripe.StripeClient, sandbox: Judged, session: Session
) -> None:
    made = session()
    status, _, says = press(sandbox, made.url, payment_method="pm_card_chargeDeclined")
    assert status == 200
    assert "declined" in says
    assert client.v1.checkout.sessions.retrieve(made.id).status == "open"
    assert press(sandbox, made.url, cancel="true")[:2] == (303, "https://a.example/no")
    assert press(sandbox, made.url, payment_method="pm_card_visa")[0] == 303
    assert len(client.v1.charges.list().data) == 2


def test_a_session_is_paid_once(client: stripe.StripeClient, sandbox: Judged, session: Session) -> None:
    made = session()
    press(sandbox, made.url, payment_method="pm_card_visa")
    assert press(sandbox, made.url, payment_method="pm_card_visa")[0] == 400
    assert len(client.v1.charges.list().data) == 1


@pytest.mark.parametrize(
    ("method", "event", "paid"),
    [
        ("pm_sepaDebit_slow", "async_payment_succeeded", "paid"),
        ("pm_sepaDebit_slowFails", "async_payment_failed", "unpaid"),
    ],
)
def test_a_bank_debit_ends_after_the_session_did(
    client: stripe.StripeClient, session: Session, control: Control, method: str, event: str, paid: str
) -> None:
    made = session(payment_method_types=["sepa_debit"])
    assert control(f"checkout/{made.id}", payment_method=method)["payment_status"] == "unpaid"
    control("clock", seconds=180)
    assert client.v1.checkout.sessions.retrieve(made.id).payment_status == paid
    assert len(client.v1.events.list({"type": f"checkout.session.{event}"}).data) == 1


def test_a_session_expires_after_a_day_or_when_it_is_told_to(
    client: stripe.StripeClient, session: Session, control: Control
) -> None:
    late, now, paid = session(), session(), session()
    assert client.v1.checkout.sessions.expire(now.id).status == "expired"
    control(f"checkout/{paid.id}")
    control("clock", days=1)
    assert client.v1.checkout.sessions.retrieve(late.id).status == "expired"
    assert client.v1.checkout.sessions.retrieve(paid.id).status == "complete"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.checkout.sessions.expire(paid.id)


def test_a_subscription_can_begin_on_the_page(client: stripe.StripeClient, session: Session, control: Control) -> None:
    product = client.v1.products.create({"name": "Studio"}).id
    price = client.v1.prices.create(
        {"product": product, "currency": "eur", "unit_amount": 4_900, "recurring": {"interval": "month"}}
    ).id
    made = session(mode="subscription", line_items=[{"price": price, "quantity": 1}],
                   subscription_data={"metadata": {"plan": "studio"}})  # fmt: skip
    assert "declined" in control(f"checkout/{made.id}", payment_method="pm_card_chargeDeclined")
    done = control(f"checkout/{made.id}", email="ann@a.example", name="Ann")
    found = client.v1.subscriptions.retrieve(done["subscription"])
    assert (found.status, found.metadata["plan"]) == ("active", "studio")
    assert client.v1.customers.retrieve(done["customer"]).email == "ann@a.example"
    assert [one.id for one in client.v1.subscriptions.list()] == [found.id]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"line_items": []}, "line_items"),
        ({"mode": "subscription"}, "line_items"),
        ({"success_url": ""}, "success_url"),
    ],
)
def test_a_session_that_cannot_be_paid_is_refused(session: Session, change: dict[str, Any], param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        session(**change)
    assert refused.value.param == param


def test_a_means_of_payment_is_kept_without_a_payment(
    client: stripe.StripeClient, session: Session, control: Control
) -> None:
    customer = client.v1.customers.create({"name": "Northlight"}).id
    made = client.v1.setup_intents.create({"customer": customer, "payment_method": "pm_card_visa", "confirm": True})
    assert made.status == "succeeded"
    page = client.v1.checkout.sessions.create({"mode": "setup", "currency": "eur", "customer": customer, **URLS})
    control(f"checkout/{page.id}", payment_method="pm_card_mastercard")
    brands = [method.card.brand for method in client.v1.customers.payment_methods.list(customer)]
    assert brands == ["mastercard", "visa"]
    with pytest.raises(stripe.CardError):
        client.v1.setup_intents.create(
            {"customer": customer, "payment_method": "pm_card_chargeDeclined", "confirm": True}
        )
    asked = client.v1.setup_intents.create(
        {"customer": customer, "payment_method": "pm_card_authenticationRequired", "confirm": True}
    )
    assert asked.status == "requires_action"
    assert client.v1.setup_intents.cancel(asked.id).status == "canceled"


def test_a_method_belongs_to_one_customer(client: stripe.StripeClient) -> None:
    ann, ben = (client.v1.customers.create({"name": name}).id for name in ("Ann", "Ben"))
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": ann})
    with pytest.raises(stripe.InvalidRequestError, match="already been attached"):
        client.v1.payment_methods.attach(method.id, {"customer": ben})
    with pytest.raises(stripe.InvalidRequestError, match="belongs to customer"):
        client.v1.payment_intents.create(
            {"amount": 1_000, "currency": "eur", "customer": ben, "payment_method": method.id}
        )
    with pytest.raises(stripe.CardError):
        client.v1.payment_methods.attach("pm_card_chargeDeclined", {"customer": ben})
    assert client.v1.payment_methods.detach(method.id).customer is None


def test_a_customer_who_is_gone_says_only_that(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({"name": "Ann", "source": "tok_visa"})
    client.v1.customers.delete(customer.id)
    assert client.v1.customers.retrieve(customer.id).deleted
    assert client.v1.customers.list().data == []
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.update(customer.id, {"name": "Ben"})
