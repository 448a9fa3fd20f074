"""The payment provider, as the rest of the product knows it: plain dicts in and out, and errors of ours.

The only file that imports stripe, and it does so when the first call is made. It neither retries nor decides: whoever
calls has written down beforehand what they ask for, and under which key (`operations`).
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, cast

from engagerr.core.payments.provider.errors import ForgedEvent, Refusal, in_words, no_answer
from engagerr.core.payments.provider.requests import storable

if TYPE_CHECKING:
    import httpx
    import stripe

    from engagerr.core.clock import Clock
    from engagerr.core.settings import Settings

# Objects are rendered by this version whatever the account's own is. Raised together with the library, on purpose.
API_VERSION = "2026-10-28.endive"
# Without a key of yours, this one is shown to the sandbox, which takes any that says test.
SANDBOX_KEY = "sk_test_engagerr_sandbox"
# Signatures older than this are replays; those from further in the future were made by a clock that cannot be trusted.
SIGNATURE_SECONDS = 300
_PAGE = 100
_CONNECT_SECONDS = 10.0

# type: where the library keeps it.
_SERVICES: Mapping[str, str] = {
    "account": "v1.accounts", "account_link": "v1.account_links", "balance": "v1.balance",
    "balance_transaction": "v1.balance_transactions", "bank_account": "v1.accounts.external_accounts",
    "charge": "v1.charges", "checkout.session": "v1.checkout.sessions", "coupon": "v1.coupons",
    "credit_note": "v1.credit_notes", "customer": "v1.customers", "dispute": "v1.disputes", "event": "v1.events",
    "invoice": "v1.invoices", "invoiceitem": "v1.invoice_items", "payment_intent": "v1.payment_intents",
    "payment_method": "v1.payment_methods", "payout": "v1.payouts", "price": "v1.prices", "product": "v1.products",
    "refund": "v1.refunds", "subscription": "v1.subscriptions",
    "test_helpers.test_clock": "v1.test_helpers.test_clocks",
    "transfer": "v1.transfers", "transfer_reversal": "v1.transfers.reversals", "v2.core.account": "v2.core.accounts",
    "v2.core.event": "v2.core.events", "webhook_endpoint": "v1.webhook_endpoints",
}  # fmt: skip
# What is always wanted of an object: the answer says no more than asked for.
_INCLUDE: Mapping[str, Mapping[str, Any]] = {
    "v2.core.account": {"include": ["configuration.recipient", "defaults", "identity", "requirements"]},
    "checkout.session": {"expand": ["payment_intent"]},
    "payment_intent": {"expand": ["latest_charge.balance_transaction"]},
    "charge": {"expand": ["balance_transaction"]},
    "transfer": {"expand": ["balance_transaction"]},
    "refund": {"expand": ["balance_transaction"]},
}

# kind of operation: (type of the object, method of its service, what the request calls the object that is acted upon)
ACTIONS: Mapping[str, tuple[str, str, str | None]] = {
    "customer": ("customer", "create", None),
    "payment_method": ("payment_method", "attach", "payment_method"),
    "account": ("v2.core.account", "create", None),
    "payment": ("payment_intent", "create", None),
    "capture": ("payment_intent", "capture", "payment_intent"),
    "payment_cancel": ("payment_intent", "cancel", "payment_intent"),
    "checkout": ("checkout.session", "create", None),
    "checkout_expire": ("checkout.session", "expire", "checkout_session"),
    "transfer": ("transfer", "create", None),
    "reversal": ("transfer_reversal", "create", "transfer"),
    "refund": ("refund", "create", None),
    "payout": ("payout", "create", None),
    "dispute_evidence": ("dispute", "update", "dispute"),
    "dispute_close": ("dispute", "close", "dispute"),
    "product": ("product", "create", None),
    "price": ("price", "create", None),
    "coupon": ("coupon", "create", None),
    "subscription": ("subscription", "create", None),
    "subscription_change": ("subscription", "update", "subscription"),
    "subscription_cancel": ("subscription", "cancel", "subscription"),
    "subscription_resume": ("subscription", "resume", "subscription"),
    "invoice": ("invoice", "create", None),
    "invoice_item": ("invoiceitem", "create", None),
    "invoice_finalize": ("invoice", "finalize_invoice", "invoice"),
    "invoice_pay": ("invoice", "pay", "invoice"),
    "invoice_void": ("invoice", "void_invoice", "invoice"),
}
# The provider knows the currency from what these act upon, and refuses to be told.
_NO_CURRENCY = frozenset(("reversal", "refund", "capture"))


class Closes(Protocol):
    """A server that was started for this process."""

    def close(self) -> None:
        """Stop it."""
        ...


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, newest first, and whether there is more."""

    objects: tuple[dict[str, Any], ...]
    more: bool


class StripeGateway:
    """Stripe, or whatever speaks its language at `url`. Threads may share one.

    Methods raise `Declined`, `ProviderRefused`, `NotAtProvider`, `AuthenticationRefused` (it said no), `ProviderBusy`
    and `ProviderUnreachable` (nothing was done), `OutcomeUnknown` (nobody knows) and `KeyClash` (see provider_errors).
    """

    def __init__(
        self,
        key: str,
        *,
        clock: Clock,
        url: str | None = None,
        timeout_seconds: float = 30,
        server: Closes | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = url
        self.clock = clock
        self.livemode = key.startswith(("sk_live_", "rk_live_"))
        self.mode = "sandbox" if url is not None else "live" if self.livemode else "test"
        self._key = key
        self.timeout_seconds = timeout_seconds
        self._server = server
        self._transport = transport

    def send(self, kind: str, request: Mapping[str, Any], *, key: str) -> dict[str, Any]:
        """Do what an operation of this kind asks for, under this idempotency key.

        What is acted upon stands in the request under its own name (`transfer` for a reversal, `subscription` for a
        change of one). Keys that begin with an underscore are not sent; `_account` is the connected account in whose
        name it is done.
        """
        of_type, method, acted_upon = ACTIONS[kind]
        params = {name: value for name, value in request.items() if not name.startswith("_")}
        if kind in _NO_CURRENCY:
            params.pop("currency", None)
        path = (str(params.pop(acted_upon)),) if acted_upon else ()
        for name, value in _INCLUDE.get(of_type, {}).items():
            params.setdefault(name, list(value))
        return self._ask(of_type, method, *path, params=params, account=request.get("_account"), key=key)

    def retrieve(
        self, of_type: str, object_id: str, *, of: str | None = None, account: str | None = None
    ) -> dict[str, Any]:
        """The object as it is now; `of` names what it hangs on (the transfer of a reversal)."""
        path = (of, object_id) if of is not None else (object_id,)
        return self._ask(of_type, "retrieve", *path, params=dict(_INCLUDE.get(of_type, {})), account=account)

    def balance(self, *, account: str | None = None) -> dict[str, Any]:
        """What is available and pending, ours or a connected account's."""
        return self._ask("balance", "retrieve", params={}, account=account)

    def page(self, of_type: str, *, of: str | None = None, account: str | None = None, **filters: Any) -> Page:
        """One page of the objects of a type that fit these filters (Stripe's own parameters), newest first."""
        given = {name: value for name, value in filters.items() if value is not None}
        params: dict[str, Any] = {"limit": _PAGE, **given}
        path = (of,) if of is not None else ()
        answer = self._ask(of_type, "list", *path, params=params, account=account)
        return Page(tuple(answer["data"]), bool(answer.get("has_more") or answer.get("next_page_url")))

    def list(
        self, of_type: str, *, of: str | None = None, account: str | None = None, **filters: Any
    ) -> Iterator[dict[str, Any]]:
        """All of them, newest first, page by page from the last one seen: what is new meanwhile shifts nothing."""
        if of_type.startswith("v2."):
            yield from self._list_v2(of_type, filters)
            return
        after: str | None = None
        while True:
            page = self.page(of_type, of=of, account=account, starting_after=after, **filters)
            yield from page.objects
            if not page.more or not page.objects:
                return
            after = page.objects[-1]["id"]

    def events(self, *, since: datetime | None, account: str | None = None, after: str | None = None) -> Page:
        """One page of what happened since then (None: as far back as is known), newest first; `after` is the last event
        of the page before."""
        moment = None if since is None else {"gte": int(since.timestamp())}
        return self.page("event", account=account, created=moment, starting_after=after)

    def account_link(self, account: str, *, return_url: str, refresh_url: str) -> dict[str, Any]:
        """A page of the provider's, good for minutes, on which a payee says who they are and where to pay to."""
        params = {
            "account": account, "type": "account_onboarding", "return_url": return_url, "refresh_url": refresh_url,
            "collection_options": {"fields": "eventually_due"},
        }  # fmt: skip
        return self._ask("account_link", "create", params=params)

    def create_test_clock(self, now: datetime, *, name: str) -> dict[str, Any]:
        """A clock of the provider's that subscriptions can be tried on."""
        params = {"frozen_time": int(now.timestamp()), "name": name}
        return self._ask("test_helpers.test_clock", "create", params=params)

    def advance_test_clock(self, test_clock: str, to: datetime) -> dict[str, Any]:
        """Let it be later on that clock, with all that happens until then."""
        params = {"frozen_time": int(to.timestamp())}
        return self._ask("test_helpers.test_clock", "advance", test_clock, params=params)

    def close(self) -> None:
        """Close all connections, and the sandbox if it was started for this process."""
        if "_http" in self.__dict__:
            self._http.close()
        if self._server is not None:
            self._server.close()

    @functools.cached_property
    def _client(self) -> stripe.StripeClient:
        import stripe

        # The library would tell its maker how long the calls before took, and about this machine.
        stripe.enable_telemetry = False
        return stripe.StripeClient(
            self._key,
            stripe_version=API_VERSION,
            base_addresses=None if self.url is None else {"api": self.url, "connect": self.url, "files": self.url},
            max_network_retries=0,
            http_client=_wire(self._http),
        )

    @functools.cached_property
    def _http(self) -> httpx.Client:
        import httpx

        # A proxy of the environment has no business with a server of this machine.
        return httpx.Client(
            transport=self._transport,
            trust_env=self.url is None,
            timeout=httpx.Timeout(self.timeout_seconds, connect=min(_CONNECT_SECONDS, self.timeout_seconds)),
        )

    @contextlib.contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        import stripe

        try:
            yield
        except stripe.APIConnectionError as error:
            raise no_answer(error.__cause__, doing=doing, sandbox=self.url) from error
        except stripe.StripeError as error:
            raise in_words(cast("Refusal", error), doing=doing) from error

    def _ask(
        self, of_type: str, method: str, *path: str, params: dict[str, Any], account: str | None = None,
        key: str | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        options: dict[str, Any] = {}
        if account is not None:
            options["stripe_account"] = account
        if key is not None:
            options["idempotency_key"] = key
        with self._translated(f"{of_type} {method}"):
            service: Any = self._client
            for name in _SERVICES[of_type].split("."):
                service = getattr(service, name)
            answer = getattr(service, method)(*path, params, options)
            return cast("dict[str, Any]", storable(answer.to_dict(for_json=True)))

    def _list_v2(self, of_type: str, filters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Lists of the second version turn their pages by an address that the answer names."""
        with self._translated(f"{of_type} list"):
            service: Any = self._client
            for name in _SERVICES[of_type].split("."):
                service = getattr(service, name)
            for found in service.list(dict(filters), {}).auto_paging_iter():
                yield storable(found.to_dict(for_json=True))


def _wire(client: httpx.Client) -> stripe.HTTPClient:
    """The library's calls over our client: its own would start an asynchronous one beside it and has one time limit."""
    import stripe

    class Wire(stripe.HTTPClient):
        name = "httpx"

        def request(
            self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, *,
            _usage: list[str] | None = None,
        ) -> tuple[str, int, Mapping[str, str]]:  # fmt: skip
            import httpx

            try:
                answer = client.request(method, url, headers=headers, content=post_data or None)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise stripe.APIConnectionError(type(error).__name__) from error  # type: ignore[no-untyped-call]
            return answer.text, answer.status_code, answer.headers

        def close(self) -> None:
            client.close()

    return Wire()


def checked_event(payload: bytes, header: str | None, *, secret: str | None, now: datetime) -> dict[str, Any]:
    """The event in a webhook's body, if its signature is ours and was made within five minutes of now, either way.

    `ForgedEvent` otherwise. The library looks only at the past, and by the machine's clock.
    """
    import json

    import stripe

    if not secret or not secret.strip():
        raise ForgedEvent("No signing secret is set, so no webhook can be believed.")
    try:
        stripe.WebhookSignature.verify_header(payload, header, secret, None)
        signed_at = next(int(part[2:]) for part in (header or "").split(",") if part.startswith("t="))
        event = json.loads(payload)
    except (stripe.SignatureVerificationError, ValueError, StopIteration) as error:
        raise ForgedEvent("The signature of a webhook is not the provider's.") from error
    skew_seconds = abs(now.timestamp() - signed_at)
    if skew_seconds > SIGNATURE_SECONDS:
        raise ForgedEvent(f"A webhook was signed {skew_seconds:,.0f} seconds from now, more than {SIGNATURE_SECONDS}.")
    if not isinstance(event, dict) or not isinstance(event.get("id"), str) or not isinstance(event.get("type"), str):
        raise ForgedEvent("A webhook's body is no event.")
    return event


def gateway_of(settings: Settings, *, clock: Clock) -> StripeGateway:
    """Stripe with the key of the settings; without one, the sandbox of this home, started for this process."""
    section = settings.payments
    key = section.secret_key()
    if section.stripe_url is not None or key is not None:
        return StripeGateway(
            key or SANDBOX_KEY, clock=clock, url=section.stripe_url, timeout_seconds=section.timeout_seconds
        )
    from engagerr.core.payments.sandbox import local_sandbox

    server = local_sandbox(settings.home, clock=clock)
    return StripeGateway(
        SANDBOX_KEY, clock=clock, url=server.url, timeout_seconds=section.timeout_seconds, server=server
    )
