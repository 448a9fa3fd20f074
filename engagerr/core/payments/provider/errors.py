"""What the payment provider says no with, in our words, and above all: whether something was done nevertheless."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from engagerr.core.errors import Conflict, EngagerrError, InvalidInput, NotFound, Rejected, Unavailable

# Refusals that pass once something else has changed, and what that is.
WAITS: Mapping[str, str] = {
    "balance_insufficient": "balance",
    "insufficient_funds": "balance",
    "insufficient_capabilities_for_transfer": "capability",
    "capability_not_enabled": "capability",
    "account_closed": "capability",
}


class Refusal(Protocol):
    """An error of the provider's library, as far as it is read here."""

    http_status: int | None
    json_body: object
    headers: Mapping[str, str] | None
    code: str | None


class Declined(Rejected):
    """A card or a bank said no. `facts` has its code, and the payment if one was made."""


class ProviderRefused(Rejected):
    """The provider understood and will not do it as asked. Nothing was done."""


class NotAtProvider(NotFound):
    """The provider does not know the object."""


class AuthenticationRefused(Rejected):
    """The provider does not accept our key, or the key may not do this. Nothing was done."""


class ProviderBusy(Unavailable):
    """The provider did not take the call: too many at a time, or the object is held. Nothing was done."""


class ProviderUnreachable(Unavailable):
    """No connection came about. Nothing was sent."""


class OutcomeUnknown(Unavailable):
    """It was sent and no answer came, or none that says what was done. It may have happened."""


class KeyInUse(OutcomeUnknown):
    """Another call under this key is being answered just now. What comes of it is told to that one."""


class KeyClash(Conflict):
    """The provider knows our key for another request. Somebody has to look."""


class ForgedEvent(InvalidInput):
    """What came to the webhook was not sent by the provider, or not now."""


def error_facts(error: EngagerrError) -> dict[str, Any]:
    """An error as an operation keeps it."""
    return {"message": error.message, "class": type(error).__name__, **error.facts}


def in_words(refusal: Refusal, *, doing: str) -> EngagerrError:
    """An answer of the provider's that is no success, as one of ours."""
    body = refusal.json_body if isinstance(refusal.json_body, Mapping) else {}
    error = body.get("error")
    said: Mapping[str, Any] = error if isinstance(error, Mapping) else {}
    status = refusal.http_status
    facts = _facts(refusal, said, doing)
    words = str(said.get("message") or refusal).strip().rstrip(".")
    if status == 409:
        return KeyInUse(
            f"The {doing} is being done by another call: {words}.", hint="It is looked up by itself.", facts=facts,
            retry_after=_retry_after(refusal.headers),
        )  # fmt: skip
    if said.get("type") == "idempotency_error":
        return KeyClash(
            f"The provider knows the key of this {doing} for another request: {words}.",
            hint="Nothing was sent again. Look at the operation: engagerr payment operations", facts=facts,
        )  # fmt: skip
    if status == 429 or said.get("code") in ("rate_limit", "lock_timeout"):
        return ProviderBusy(
            f"The provider is busy: {words}.", hint="It is tried again by itself.", facts=facts,
            retry_after=_retry_after(refusal.headers),
        )  # fmt: skip
    if status is not None and status in _STATUSES:
        category, begin, hint = _STATUSES[status]
        return category(f"{begin}: {words}.", hint=hint, facts=facts)
    if status is None or status >= 500 or status < 400:
        return OutcomeUnknown(
            f"Whether the {doing} came about is not known: {words}.", hint="It is looked up by itself.", facts=facts,
            retry_after=_retry_after(refusal.headers),
        )  # fmt: skip
    return ProviderRefused(f"The provider refused the {doing}: {words}.", facts=facts)


def no_answer(cause: BaseException | None, *, doing: str, sandbox: str | None) -> EngagerrError:
    """No answer at all: nothing was sent if no connection came about, else nobody knows."""
    name = type(cause).__name__ if cause is not None else "no answer"
    if name in ("ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol", "ProxyError"):
        where = "Stripe" if sandbox is None else sandbox
        return ProviderUnreachable(
            f"{where} cannot be reached ({name}).", hint="Nothing was sent; it is tried again by itself.",
            facts={"doing": doing},
        )  # fmt: skip
    return OutcomeUnknown(
        f"The provider gave no answer to the {doing} ({name}).",
        hint="It may have come about: it is looked up by itself.", facts={"doing": doing},
    )  # fmt: skip


_STATUSES: Mapping[int, tuple[type[EngagerrError], str, str]] = {
    401: (AuthenticationRefused, "The provider does not accept the key", "Set ENGAGERR_PAYMENTS__STRIPE_KEY anew."),
    402: (Declined, "The payment was declined", "Ask for another means of payment."),
    403: (AuthenticationRefused, "The key may not do this", "Give it the right in the provider's dashboard."),
    404: (NotAtProvider, "The provider does not know it", "It may belong to another account, or to test mode."),
}


def _facts(refusal: Refusal, said: Mapping[str, Any], doing: str) -> dict[str, Any]:
    facts: dict[str, Any] = {"doing": doing, "status": refusal.http_status}
    for name in ("type", "code", "decline_code", "param", "request_log_url"):
        if isinstance(said.get(name), str):
            facts[name] = said[name]
    if "code" not in facts and isinstance(said.get("type"), str):
        facts["code"] = said["type"]
    made = said.get("payment_intent")
    if isinstance(made, Mapping):
        facts["object"] = dict(made)
    headers = {name.lower(): value for name, value in (refusal.headers or {}).items()}
    facts |= {
        name: headers[header]
        for name, header in (("request_id", "request-id"), ("should_retry", "stripe-should-retry"))
        if header in headers
    }
    return facts


def _retry_after(headers: Mapping[str, str] | None) -> float | None:
    told = {name.lower(): value for name, value in (headers or {}).items()}.get("retry-after", "")
    return min(float(told), 600.0) if told.isascii() and told.isdigit() else None
