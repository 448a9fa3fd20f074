"""What may be sent to the payment provider and what may be kept of its answers: nobody chokes on either."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from engagerr.core.errors import InvalidInput

# Stripe's own bounds (docs.stripe.com/api/metadata); six keys of the fifty are ours.
_METADATA_KEYS, _METADATA_KEY_LENGTH, _METADATA_LENGTH = 44, 40, 500
_LONGEST_TEXT, _DEEPEST = 5_000, 8
_LARGEST = 10**15
# Marks that override the direction of writing: a name that reads otherwise than it is.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def checked_request(request: Mapping[str, Any]) -> dict[str, Any]:
    """The request as JSON without what is None; `InvalidInput` for anything that is no text, whole number or flag."""
    body = _checked(request, "request", 0)
    assert isinstance(body, dict)
    amount = body.get("amount")
    if amount is not None and (not isinstance(amount, int) or isinstance(amount, bool) or not 0 < amount <= _LARGEST):
        raise InvalidInput(f"{amount!r} is no amount to be moved.", hint="It takes whole minor units above zero.")
    metadata = body.get("metadata", {})
    if len(metadata) > _METADATA_KEYS:
        raise InvalidInput(f"{len(metadata)} notes are too many.", hint=f"At most {_METADATA_KEYS}.")
    for name, value in metadata.items():
        if len(name) > _METADATA_KEY_LENGTH or len(str(value)) > _METADATA_LENGTH or name.startswith("engagerr_"):
            raise InvalidInput(
                f"The note {name[:_METADATA_KEY_LENGTH]!r} is too long, or its name is ours.",
                hint=f"Names of up to {_METADATA_KEY_LENGTH} characters, texts of up to {_METADATA_LENGTH}.",
            )
    return body


def _checked(value: Any, where: str, depth: int) -> Any:
    if depth > _DEEPEST:
        raise InvalidInput(f"{where} is nested too deeply.")
    if isinstance(value, Mapping):
        return {
            _text(name, where): _checked(inner, f"{where}.{name}", depth + 1)
            for name, inner in value.items()
            if inner is not None
        }
    if isinstance(value, (list, tuple)):
        return [_checked(inner, where, depth + 1) for inner in value]
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        if abs(value) > _LARGEST:
            raise InvalidInput(f"{where} is larger than any amount: {value}.")
        return value
    if isinstance(value, str):
        return _text(value, where)
    raise InvalidInput(
        f"{where} cannot be sent: {value!r} is no text, whole number or flag.", hint="Amounts are whole minor units."
    )


def storable(value: Any) -> Any:
    """What the provider says, without secrets and without the few signs that PostgreSQL's JSON does not hold."""
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        # With its client secret, whoever reads the books could act in a payer's name.
        return {storable(name): storable(inner) for name, inner in value.items() if name != "client_secret"}
    return [storable(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"{where} has a name that is no text: {value!r}.")
    if len(value) > _LONGEST_TEXT:
        raise InvalidInput(f"{where} is longer than {_LONGEST_TEXT:,} characters.")
    odd = next((sign for sign in value if sign in _TURNING or unicodedata.category(sign) in ("Cc", "Cs")), None)
    if odd is not None and odd not in "\n\t\r":
        raise InvalidInput(
            f"{where} has the invisible character U+{ord(odd):04X} in it.", hint="Write it without.",
            facts={"character": f"U+{ord(odd):04X}"},
        )  # fmt: skip
    return value
