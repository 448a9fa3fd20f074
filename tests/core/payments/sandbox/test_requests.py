"""What is asked wrongly is refused as Stripe does; what is asked rightly is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
import stripe
from engagerr.core.payments.sandbox import KEY
from engagerr.core.payments.sandbox.forms import decoded
from hypothesis import given
from hypothesis import strategies as st
from tests.core.payments.sandbox.judging import Judged
from tests.fakes.clock import SteeredClock

HEADERS = {"Authorization": f"Bearer {KEY}"}


def refusal(sandbox: Judged, method: str, path: str, body: str = "", **headers: str) -> tuple[int, dict[str, Any]]:
    answer = sandbox.answer(method, path, {**HEADERS, **headers}, body.encode())
    document: dict[str, Any] = json.loads(answer.body)
    return answer.status, document["error"]


@pytest.mark.parametrize(
    ("body", "param", "says"),
    [
        ("amount=10&currency=eur&foo=1", "foo", "Received unknown parameter: foo"),
        ("amount=10&currency=eur&a=1&b=2", "a", "Received unknown parameters: a, b"),
        ("amount=10&currency=eur&shipping[name]=x&shipping[colour]=1", "shipping[colour]", "shipping[colour]"),
        ("amount=abc&currency=eur", "amount", "Invalid integer: abc"),
        ("amount=1e3&currency=eur", "amount", "Invalid integer: 1e3"),
        ("amount=10.5&currency=eur", "amount", "Invalid integer: 10.5"),
        ("amount=%D9%A1%D9%A2&currency=eur", "amount", "Invalid integer"),
        ("amount=1%00&currency=eur", "amount", "Invalid integer"),
        ("amount=99999999999999999999&currency=eur", "amount", "Invalid integer"),
        ("currency=eur", "amount", "Missing required param: amount."),
        ("amount=10", "currency", "Missing required param: currency."),
        ("amount=10&currency=eur&confirm=yes", "confirm", "Invalid boolean: yes"),
        ("amount=10&currency=eur&capture_method=never", "capture_method", "must be one of automatic"),
        ("amount=10&currency=eur&payment_method_types=card", "payment_method_types", "Invalid array"),
        ("amount=10&currency=eur&shipping=x", "shipping", "Invalid object"),
        ("amount=10&currency=eur&metadata[k]=" + "v" * 501, "metadata[k]", "at most 500"),
        ("amount=10&currency=eur&metadata[" + "k" * 41 + "]=v", "metadata", "at most 40"),
        ("amount=10&currency=eur&" + "&".join(f"metadata[k{n}]=v" for n in range(51)), "metadata", "at most 50"),
    ],
)
def test_a_wrong_parameter_is_named(sandbox: Judged, body: str, param: str, says: str) -> None:
    status, error = refusal(sandbox, "POST", "/v1/payment_intents", body)
    assert (status, error["type"], error["param"]) == (400, "invalid_request_error", param)
    assert says in error["message"]


def test_what_is_not_there_is_not_found(sandbox: Judged) -> None:
    assert refusal(sandbox, "GET", "/v1/charges/ch_none")[0] == 404
    assert refusal(sandbox, "GET", "/v1/nothing")[1]["code"] == "url_invalid"
    status, error = refusal(sandbox, "POST", "/v1/refunds", "charge=ch_none")
    assert (status, error["code"], error["param"]) == (400, "resource_missing", "charge")


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("", "did not provide an API key"),
        ("Bearer sk_live_secret", "takes no live keys"),
        ("Bearer nonsense", "Invalid API Key"),
        ("Basic !!", "did not provide an API key"),
    ],
)
def test_a_key_that_is_no_test_key_is_refused_and_not_repeated(sandbox: Judged, key: str, says: str) -> None:
    status, error = refusal(sandbox, "GET", "/v1/balance", Authorization=key)
    assert status == 401
    assert says in error["message"]
    assert "secret" not in error["message"]


def test_another_accounts_object_reads_as_if_it_were_not_there(
    client: stripe.StripeClient, payee: Callable[..., Any]
) -> None:
    customer = client.v1.customers.create({"name": "ours"})
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        client.v1.customers.retrieve(customer.id, options={"stripe_account": payee().id})
    with pytest.raises(stripe.PermissionError):
        client.v1.balance.retrieve(options={"stripe_account": "acct_none"})


def test_pages_neither_skip_nor_double_while_new_ones_come(client: stripe.StripeClient) -> None:
    made = [client.v1.customers.create({"name": str(number)}).id for number in range(7)]
    seen, after = [], None
    while True:
        page = client.v1.customers.list({"limit": 3, **({"starting_after": after} if after else {})})
        seen += [customer.id for customer in page.data]
        client.v1.customers.create({"name": "new"})
        if not page.has_more:
            break
        after = page.data[-1].id
    assert seen == made[::-1]
    before = client.v1.customers.list({"limit": 2, "ending_before": made[3]}).data
    assert [customer.id for customer in before] == [made[5], made[4]]


def test_lists_are_bounded_by_time(client: stripe.StripeClient, clock: SteeredClock) -> None:
    first = client.v1.customers.create({"name": "first"})
    clock.advance(days=1)
    second = client.v1.customers.create({"name": "second"})
    late = client.v1.customers.list({"created": {"gt": first.created}}).data
    early = client.v1.customers.list({"created": {"lte": first.created}}).data
    assert [[customer.id for customer in found] for found in (late, early)] == [[second.id], [first.id]]


def test_events_are_kept_for_thirty_days(client: stripe.StripeClient, clock: SteeredClock) -> None:
    client.v1.customers.create({"name": "old"})
    [event] = client.v1.events.list().data
    clock.advance(days=30)
    assert client.v1.events.retrieve(event.id).type == "customer.created"
    clock.advance(seconds=1)
    assert client.v1.events.list().data == []
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.events.retrieve(event.id)


def test_events_are_found_by_type(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({"name": "a"})
    client.v1.customers.update(customer.id, {"name": "b"})
    client.v1.products.create({"name": "p"})
    assert [event.type for event in client.v1.events.list({"type": "customer.updated"})] == ["customer.updated"]
    assert len(client.v1.events.list({"types": ["customer.created", "product.created"]}).data) == 2
    [changed] = client.v1.events.list({"type": "customer.updated"}).data
    assert changed.data.previous_attributes["name"] == "a"


def test_expansion_goes_deep_and_no_deeper_than_there_is(client: stripe.StripeClient, pay: Callable[..., Any]) -> None:
    intent = pay()
    found = client.v1.charges.retrieve(intent.latest_charge.id, {"expand": ["payment_intent.latest_charge.refunds"]})
    assert found.payment_intent.latest_charge.refunds.data == []
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        client.v1.charges.retrieve(intent.latest_charge.id, {"expand": ["currency"]})
    with pytest.raises(stripe.InvalidRequestError, match="more than 4 levels"):
        client.v1.charges.retrieve(intent.latest_charge.id, {"expand": ["a.b.c.d.e"]})


def test_a_search_finds_by_metadata_and_state(client: stripe.StripeClient, pay: Callable[..., Any]) -> None:
    wanted = pay(1_000, metadata={"engagerr_operation": "op-1"})
    pay(2_000, metadata={"engagerr_operation": "op-2"})
    for query in ('metadata["engagerr_operation"]:"op-1"', "status:'succeeded' AND amount<1500"):
        found = client.v1.payment_intents.search({"query": query})
        assert [intent.id for intent in found] == [wanted.id]
    assert len(client.v1.payment_intents.search({"query": "amount>1 OR amount<0"}).data) == 2
    assert client.v1.payment_intents.search({"query": '-status:"succeeded"'}).data == []
    with pytest.raises(stripe.InvalidRequestError, match="unable to parse"):
        client.v1.payment_intents.search({"query": "what is this"})


def test_what_the_sandbox_keeps_no_books_of_is_answered_by_an_example_that_says_so(sandbox: Judged) -> None:
    for path in ("/v1/payment_links", "/v1/country_specs", "/v1/reporting/report_types", "/v1/tax_ids"):
        answer = sandbox.answer("GET", path, HEADERS)
        assert (answer.status, answer.headers["Engagerr-Sandbox"]) == (200, "example")
    assert "Engagerr-Sandbox" not in sandbox.answer("GET", "/v1/balance", HEADERS).headers


def test_metadata_are_merged_and_taken_away(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({"name": "n", "metadata": {"a": "1", "b": "2"}})
    changed = client.v1.customers.update(customer.id, {"metadata": {"a": "", "c": "3"}})
    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
    assert client.v1.customers.update(customer.id, {"metadata": ""}).metadata.to_dict() == {}


def test_a_body_that_is_no_text_is_refused(sandbox: Judged) -> None:
    answer = sandbox.answer("POST", "/v1/customers", HEADERS, b"name=\xff\xfe")
    assert answer.status in (200, 400)
    answer = sandbox.answer("POST", "/v2/core/accounts", {**HEADERS, "Content-Type": "application/json"}, b"{no")
    assert answer.status == 400


def _flat(value: Any, name: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in _flat(inner, f"{name}[{key}]" if name else key)]
    return [(name, value)]


_KEYS = st.text("abcdefgh_", min_size=1, max_size=6)
_FORMS = st.dictionaries(
    _KEYS, st.recursive(st.text(max_size=8), lambda inner: st.dictionaries(_KEYS, inner, min_size=1, max_size=3)),
    max_size=4,
)  # fmt: skip


@given(_FORMS)
def test_brackets_say_what_was_meant(form: dict[str, Any]) -> None:
    assert decoded(urlencode(_flat(form))) == form
