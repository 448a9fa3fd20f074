"""The receiver believes who signed now, keeps what came once, and says yes before it acts."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.payments.provider.errors import ForgedEvent
from engagerr.core.payments.provider.operations import OpKind, perform
from engagerr.core.payments.provider.webhook_server import WebhookServer
from engagerr.core.payments.stripe_gateway import StripeGateway, checked_event
from engagerr.core.settings import Settings
from pydantic import SecretStr
from stripe import WebhookSignature
from tests.fakes.clock import SteeredClock
from tests.fakes.payment_provider import asked

SECRET = "whsec_of_the_test"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    payments = settings.payments.model_copy(update={"stripe_webhook_secret": SecretStr(SECRET)})
    return settings.model_copy(update={"payments": payments})


@pytest.fixture
def receiver(workspace: Workspace) -> Iterator[WebhookServer]:
    with WebhookServer(workspace.payments.events) as server:
        yield server


def an_event(event_id: str = "evt_1", type_: str = "payment_intent.succeeded", **changes: Any) -> dict[str, Any]:
    return {
        "id": event_id, "object": "event", "type": type_, "api_version": "2026-10-28.endive", "created": 1_793_534_400,
        "livemode": False, "data": {"object": {"id": "pi_1", "object": "payment_intent", "metadata": {}}}, **changes,
    }  # fmt: skip


def signed(body: str, clock: SteeredClock, *, skew_seconds: float = 0, secret: str = SECRET) -> str:
    return WebhookSignature.generate_signature_header(body, secret, int(clock.now().timestamp() + skew_seconds))


def post(server: WebhookServer, body: str, header: str | None) -> httpx.Response:
    headers = {} if header is None else {"Stripe-Signature": header}
    return httpx.post(server.url, content=body, headers=headers, timeout=20)


def test_an_event_is_kept_and_answered_at_once(
    workspace: Workspace, receiver: WebhookServer, clock: SteeredClock
) -> None:
    body = json.dumps(an_event())
    assert post(receiver, body, signed(body, clock)).status_code == 200
    (kept,) = workspace.payments.events.list()
    assert (kept.event_id, kept.type, kept.object_id, kept.via) == (
        "evt_1", "payment_intent.succeeded", "pi_1", "webhook",
    )  # fmt: skip


def test_an_event_told_by_webhook_is_acted_upon_without_anybody_asking(
    workspace: Workspace, gateway: StripeGateway, clock: SteeredClock
) -> None:
    operation = asked(workspace.access, OpKind.CHECKOUT, {
        "mode": "payment", "success_url": "https://example.com/",
        "line_items": [{"quantity": 1, "price_data": {"currency": "eur", "unit_amount": 5000,
                                                      "product_data": {"name": "Trail video"}}}],
    })  # fmt: skip
    session = perform(workspace.access, gateway, operation.id).outcome()
    body = json.dumps(an_event(type_="checkout.session.expired", data={"object": session}))
    gateway.send("checkout_expire", {"checkout_session": session["id"]}, key="k")
    with WebhookServer(workspace.payments.events) as server:
        assert post(server, body, signed(body, clock)).status_code == 200
    assert workspace.payments.events.operations()[0].state == "failed"
    assert workspace.payments.events.list()[0].note == "checkout failed"


def test_a_hundred_of_the_same_at_once_are_one(
    workspace: Workspace, receiver: WebhookServer, clock: SteeredClock
) -> None:
    body = json.dumps(an_event())
    header = signed(body, clock)
    answers: list[int] = []

    def send() -> None:
        answers.extend(post(receiver, body, header).status_code for _ in range(10))

    threads = [threading.Thread(target=send) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == [200] * 100
    assert len(workspace.payments.events.list()) == 1
    assert receiver.counts == {"new": 1, "known": 99}


@pytest.mark.parametrize(
    "forge",
    [
        lambda body, clock: signed(body, clock, secret="whsec_of_somebody"),
        lambda body, clock: signed(body + " ", clock),
        lambda body, clock: signed(body, clock).replace("v1=", "v0="),
        lambda body, clock: signed(body, clock).split(",")[1],
        lambda body, clock: "",
        lambda body, clock: None,
        lambda body, clock: "t=abc,v1=def",
        lambda body, clock: signed(body, clock, skew_seconds=-301),
        lambda body, clock: signed(body, clock, skew_seconds=301),
        lambda body, clock: signed(body, clock, skew_seconds=3_000),
    ],
    ids=["secret", "body", "scheme", "no time", "empty", "none", "rubbish", "old", "future", "far future"],
)
def test_what_is_forged_or_late_or_early_is_refused_and_not_kept(
    workspace: Workspace, clock: SteeredClock, forge: Any
) -> None:
    receiver = workspace.payments.events
    body = json.dumps(an_event())
    with pytest.raises(ForgedEvent):
        receiver.take_webhook(body.encode(), forge(body, clock))
    assert receiver.list() == ()


@pytest.mark.parametrize("skew_seconds", [-299, 299])
def test_a_clock_that_is_off_by_less_than_five_minutes_is_believed(
    workspace: Workspace, clock: SteeredClock, skew_seconds: int
) -> None:
    body = json.dumps(an_event())
    header = signed(body, clock, skew_seconds=skew_seconds)
    assert workspace.payments.events.take_webhook(body.encode(), header) == "new"


@pytest.mark.parametrize("secret", [None, "", "  "])
def test_without_a_secret_nothing_is_believed(clock: SteeredClock, secret: str | None) -> None:
    body = json.dumps(an_event())
    with pytest.raises(ForgedEvent, match="No signing secret"):
        checked_event(body.encode(), signed(body, clock, secret=secret or ""), secret=secret, now=clock.now())


@pytest.mark.parametrize("body", ["[]", "{}", '{"id": 5, "type": "x"}', "\ud83d", '"text"', "null"])
def test_what_is_signed_and_no_event_is_refused(clock: SteeredClock, body: str) -> None:
    raw = body.encode("utf-8", "surrogatepass")
    header = signed(body, clock) if raw.isascii() else f"t={int(clock.now().timestamp())},v1=00"
    with pytest.raises(ForgedEvent):
        checked_event(raw, header, secret=SECRET, now=clock.now())


def test_an_event_of_live_mode_is_refused_and_put_aside(
    workspace: Workspace, receiver: WebhookServer, clock: SteeredClock
) -> None:
    body = json.dumps(an_event(livemode=True))
    assert post(receiver, body, signed(body, clock)).status_code == 400
    (held,) = workspace.payments.events.list(state="held")
    assert held.note == "it is of live mode, and the key is not"
    workspace.payments.events.handle()
    assert workspace.payments.events.list(state="held") == (held,)


def test_an_event_about_another_workspaces_payment_is_put_aside(workspace: Workspace, clock: SteeredClock) -> None:
    about = {"id": "pi_1", "object": "payment_intent", "metadata": {"engagerr_tenant": "somebody"}}
    body = json.dumps(an_event(data={"object": about}))
    assert workspace.payments.events.take_webhook(body.encode(), signed(body, clock)) == "held"


def test_an_event_of_an_account_that_nobody_knows_is_put_aside(workspace: Workspace, clock: SteeredClock) -> None:
    body = json.dumps(an_event(account="acct_nobody"))
    assert workspace.payments.events.take_webhook(body.encode(), signed(body, clock)) == "held"


def test_a_database_that_is_away_is_no_yes(settings: Settings, clock: SteeredClock, tmp_path: Any) -> None:
    """The provider sends it again."""

    class Away:
        def take_webhook(self, body: bytes, signature: str | None) -> str:
            from engagerr.core.errors import Unavailable

            raise Unavailable("The database went away.")

        def handle(self) -> None:
            """Nothing was kept."""

    with WebhookServer(Away()) as server:  # type: ignore[arg-type]
        assert post(server, "{}", "t=1,v1=2").status_code == 503


def test_other_paths_and_methods_and_sizes_are_turned_away(receiver: WebhookServer) -> None:
    base = receiver.url.removesuffix("/webhook")
    assert httpx.get(f"{base}/health").text == "up"
    assert httpx.get(base).status_code == 404
    assert httpx.post(f"{base}/other", content=b"{}").status_code == 404
    caller = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=10)
    caller.putrequest("POST", "/webhook")
    caller.putheader("Content-Length", "99999999")
    caller.endheaders()
    assert caller.getresponse().status == 413
    caller.close()


def test_it_listens_on_this_machine_only(receiver: WebhookServer) -> None:
    assert receiver.url.startswith("http://127.0.0.1:")


def test_an_engagerr_of_another_secret_refuses(engagerr: Engagerr, workspace: Workspace, clock: SteeredClock) -> None:
    assert engagerr.settings.payments.secret_webhook_secret() == SECRET
    body = json.dumps(an_event())
    with pytest.raises(ForgedEvent):
        workspace.payments.events.take_webhook(body.encode(), signed(body, clock, secret="whsec_older"))
