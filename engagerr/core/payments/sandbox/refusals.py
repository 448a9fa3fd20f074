"""What the sandbox says no with, in Stripe's words and its JSON."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """A request refused, as Stripe's `{"error": {...}}`.

    `kept` says whether the answer is stored under the idempotency key: Stripe does that once an endpoint began its
    work, not where a parameter was wrong from the start.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        kept: bool = False,
        **facts: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kept = kept
        given = {"code": code, "message": message, "param": param, "type": type, **facts}
        self.error = {key: value for key, value in given.items() if value is not None}

    def document(self) -> dict[str, Any]:
        """The body of the answer."""
        return {"error": self.error}


class Told(Exception):
    """A refusal that leaves its trace: a declined charge exists, and so does its event."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


def unknown_parameters(names: list[str]) -> Refusal:
    """A parameter that the endpoint does not take."""
    many = "s" if len(names) > 1 else ""
    return Refusal(f"Received unknown parameter{many}: {', '.join(names)}", code="parameter_unknown", param=names[0])


def missing_parameter(name: str) -> Refusal:
    """A parameter that the endpoint must have."""
    return Refusal(f"Missing required param: {name}.", code="parameter_missing", param=name)


def no_such(kind: str, id: str, *, param: str = "id", status: int = 404) -> Refusal:
    """An object that this account does not have; a parameter that names one is a bad request (400)."""
    return Refusal(f"No such {kind.replace('_', ' ')}: '{id}'", status=status, code="resource_missing", param=param)


def wrong_state(message: str, *, code: str | None = None, param: str | None = None, **facts: Any) -> Refusal:
    """Something that the object's state does not allow; the answer stays under the idempotency key."""
    return Refusal(message, code=code, param=param, kept=True, **facts)


def declined(code: str, decline_code: str | None, message: str, **facts: Any) -> Refusal:
    """A card that was declined: 402, stored under the key as well."""
    return Refusal(
        message, status=402, type="card_error", code=code, kept=True,
        decline_code=decline_code, **facts,
    )  # fmt: skip


def too_little(message: str) -> Refusal:
    """The balance does not cover it."""
    return wrong_state(message, code="balance_insufficient")
