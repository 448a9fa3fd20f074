"""What the provider says, in our words; above all, whether something was done."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from engagerr.core.errors import EngagerrError
from engagerr.core.payments.provider.errors import (
    AuthenticationRefused,
    Declined,
    KeyClash,
    KeyInUse,
    NotAtProvider,
    OutcomeUnknown,
    ProviderBusy,
    ProviderRefused,
    ProviderUnreachable,
)
from engagerr.core.payments.stripe_gateway import ACTIONS, API_VERSION, StripeGateway, gateway_of
from engagerr.core.settings import Settings
from tests.fakes.clock import SteeredClock
from tests.fakes.payment_provider import a_payment

Answers = Callable[[httpx.Request], httpx.Response]


def speaking_to(answers: Answers, key: str = "sk_test_1") -> StripeGateway:
    return StripeGateway(
        key, clock=SteeredClock(), url="http://127.0.0.1:1", transport=httpx.MockTransport(answers)
    )  # fmt: skip


def saying(status: int, error: dict[str, Any] | None = None, **headers: str) -> StripeGateway:
    return speaking_to(lambda _: httpx.Response(status, json={"error": error or {}}, headers=headers))


@pytest.fixture
def heard() -> list[httpx.Request]:
    return []


def test_every_call_carries_the_pinned_version_and_the_key_that_it_was_given(heard: list[httpx.Request]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        heard.append(request)
        return httpx.Response(200, json={"id": "tr_1", "object": "transfer"})

    gateway = speaking_to(answer)
    made = gateway.send("transfer", {"amount": 5, "currency": "eur", "_payee": "p", "destination": "acct_1"}, key="k-1")
    assert made == {"id": "tr_1", "object": "transfer"}
    gateway.close()
    (request,) = heard
    assert request.headers["Stripe-Version"] == API_VERSION
    assert request.headers["Idempotency-Key"] == "k-1"
    assert b"_payee" not in request.content
    assert b"destination=acct_1" in request.content
    # Nothing about this machine is told.
    assert "platform" not in request.headers["X-Stripe-Client-User-Agent"]
    assert "telemetry" not in request.headers["X-Stripe-Client-User-Agent"]


def test_the_pinned_version_is_the_librarys_own() -> None:
    from stripe._api_version import _ApiVersion

    assert API_VERSION == _ApiVersion.CURRENT


def test_what_is_acted_upon_goes_into_the_address_and_a_currency_does_not_go_along(heard: list[httpx.Request]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        heard.append(request)
        return httpx.Response(200, json={"id": "trr_1"})

    gateway = speaking_to(answer)
    gateway.send("reversal", {"transfer": "tr_9", "amount": 5, "currency": "eur"}, key="k")
    gateway.send("payout", {"amount": 5, "currency": "eur", "_account": "acct_9"}, key="k")
    gateway.close()
    assert heard[0].url.path == "/v1/transfers/tr_9/reversals"
    assert heard[0].content == b"amount=5"
    assert heard[1].headers["Stripe-Account"] == "acct_9"


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (402, {"type": "card_error", "code": "card_declined", "decline_code": "do_not_honor"}, Declined),
        (400, {"type": "invalid_request_error", "code": "parameter_unknown", "param": "x"}, ProviderRefused),
        (400, {"type": "invalid_request_error", "code": "balance_insufficient"}, ProviderRefused),
        (400, {"type": "idempotency_error"}, KeyClash),
        (409, {"type": "idempotency_error", "code": "idempotency_key_in_use"}, KeyInUse),
        (429, {"code": "rate_limit"}, ProviderBusy),
        (429, {"code": "lock_timeout"}, ProviderBusy),
        (401, {"type": "invalid_request_error"}, AuthenticationRefused),
        (403, {"type": "invalid_request_error"}, AuthenticationRefused),
        (404, {"type": "invalid_request_error", "code": "resource_missing"}, NotAtProvider),
        (500, {"type": "api_error"}, OutcomeUnknown),
        (503, {"type": "api_error"}, OutcomeUnknown),
    ],
)
def test_a_no_is_told_by_what_was_done_nevertheless(
    status: int, error: dict[str, Any], kind: type[EngagerrError]
) -> None:
    gateway = saying(status, {"message": "Because.", **error})
    with pytest.raises(kind) as refused:
        gateway.send("payment", a_payment(), key="k")
    assert type(refused.value) is kind
    assert "Because" in str(refused.value)
    assert refused.value.facts["status"] == status
    gateway.close()


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(502, text="<html>Bad gateway</html>"),
        httpx.Response(500, json={"detail": "not Stripe's"}),
        httpx.Response(200, text='{"id": "pi_1", "amou'),
        httpx.Response(200, text="<html>a proxy's page</html>"),
    ],
)
def test_an_answer_that_is_no_answer_leaves_it_unknown(answer: httpx.Response) -> None:
    gateway = speaking_to(lambda _: answer)
    with pytest.raises(OutcomeUnknown):
        gateway.send("payment", a_payment(), key="k")
    gateway.close()


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (httpx.ConnectError("refused"), ProviderUnreachable),
        (httpx.ConnectTimeout("slow"), ProviderUnreachable),
        (httpx.PoolTimeout("busy"), ProviderUnreachable),
        (httpx.ReadTimeout("slow"), OutcomeUnknown),
        (httpx.WriteTimeout("slow"), OutcomeUnknown),
        (httpx.ReadError("reset"), OutcomeUnknown),
        (httpx.RemoteProtocolError("hung up"), OutcomeUnknown),
    ],
)
def test_a_line_that_fails_is_told_by_whether_anything_was_sent(fault: Exception, kind: type[EngagerrError]) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise fault

    gateway = speaking_to(answer)
    with pytest.raises(EngagerrError) as failed:
        gateway.send("payment", a_payment(), key="k")
    assert type(failed.value) is kind
    gateway.close()


def test_the_provider_says_how_long_to_wait() -> None:
    gateway = saying(429, {"message": "Slow down"}, **{"Retry-After": "7", "Stripe-Should-Retry": "true"})
    with pytest.raises(ProviderBusy) as busy:
        gateway.send("payment", a_payment(), key="k")
    assert busy.value.retry_after == 7
    assert busy.value.facts["should_retry"] == "true"
    gateway.close()


def test_nothing_is_tried_twice_by_the_library_itself(heard: list[httpx.Request]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        heard.append(request)
        return httpx.Response(500, json={"error": {"message": "no"}})

    gateway = speaking_to(answer)
    with pytest.raises(OutcomeUnknown):
        gateway.send("payment", a_payment(), key="k")
    assert len(heard) == 1
    gateway.close()


def test_a_list_is_read_to_its_end_from_the_last_one_seen(heard: list[httpx.Request]) -> None:
    pages = {None: (["c", "b"], True), "b": (["a"], False)}

    def answer(request: httpx.Request) -> httpx.Response:
        heard.append(request)
        ids, more = pages[request.url.params.get("starting_after")]
        data = [{"id": name, "object": "transfer"} for name in ids]
        return httpx.Response(200, json={"object": "list", "data": data, "has_more": more, "url": "/v1/transfers"})

    gateway = speaking_to(answer)
    assert [found["id"] for found in gateway.list("transfer", transfer_group="hold_1")] == ["c", "b", "a"]
    assert all(request.url.params["transfer_group"] == "hold_1" for request in heard)
    gateway.close()


def test_every_kind_of_operation_is_a_call_that_the_library_has() -> None:
    gateway = saying(200)
    for of_type, method, _ in ACTIONS.values():
        service: Any = gateway._client
        from engagerr.core.payments.stripe_gateway import _SERVICES

        for name in _SERVICES[of_type].split("."):
            service = getattr(service, name)
        assert callable(getattr(service, method))
    gateway.close()


def test_a_live_key_is_known_by_its_letters() -> None:
    assert [StripeGateway(key, clock=SteeredClock()).livemode for key in ("sk_live_1", "rk_live_1", "sk_test_1")] == [
        True, True, False,
    ]  # fmt: skip


def test_without_a_key_the_sandbox_of_the_home_answers(settings: Settings) -> None:
    gateway = gateway_of(settings, clock=SteeredClock())
    try:
        assert gateway.url is not None
        assert gateway.url.startswith("http://127.0.0.1:")
        assert gateway.send("customer", {"name": "Trailpeak"}, key="k")["name"] == "Trailpeak"
    finally:
        gateway.close()


def test_stripe_is_not_loaded_before_it_is_spoken_to() -> None:
    code = (
        "import sys, engagerr.core.payments.stripe_gateway, engagerr.core.payments.provider.inbox, engagerr.cli.payee,"
        " engagerr.core.payments.provider.polling, engagerr.core.payments.provider.janitor,"
        " engagerr.core.payments.provider.payees\n"
        "print([name for name in ('stripe', 'httpx', 'pandas', 'requests') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
