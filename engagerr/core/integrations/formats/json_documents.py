"""Saved answers of an API in one file: one JSON document, an array of them, or one a line."""

from __future__ import annotations

from typing import Any

import msgspec

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.saved_json import text_of
from engagerr.core.integrations.formats.source import Source


def documents_of(source: Source, *, hint: str) -> list[Any]:
    """The file's documents: the one, the array's, or one a line. `InvalidInput` with `hint` for what is no JSON."""
    text = text_of(source.read())
    try:
        whole = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        fault = error
    else:
        return whole if isinstance(whole, list) else [whole]
    try:
        return [msgspec.json.decode(line) for line in text.splitlines() if line.strip()]
    except (msgspec.DecodeError, RecursionError):
        raise InvalidInput(
            f"{source.name} is not whole JSON ({fault}).", hint=f"The download may have been cut off. {hint}"
        ) from None
