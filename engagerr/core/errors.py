"""The error tree of Engagerr: seven categories that every skin maps once.

    EngagerrError
    ├── InvalidInput   what was given cannot be used as it is
    ├── NotFound       no such thing here (also: it belongs to someone else)
    ├── Forbidden      the role of the caller does not allow it
    ├── Conflict       it clashes with what already stands
    ├── Unavailable    try again later (`retry_after` seconds, where known)
    ├── Rejected       the other company said no
    └── Broken         our bug, or corrupt books: always alerts

Subclasses live beside the code that raises them, hold facts and build the sentence.
"""

from __future__ import annotations

from typing import Any


class EngagerrError(Exception):
    """What happened, to what, and what to do next.

    `hint` is the next step in words; `facts` are JSON-ready values for scripts.
    """

    category = "Broken"

    def __init__(self, message: str, *, hint: str | None = None, facts: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.facts = facts or {}


class InvalidInput(EngagerrError):
    """What was given cannot be used as it is."""

    category = "InvalidInput"


class NotFound(EngagerrError):
    """No such thing in this workspace. Someone else's thing reads exactly the same."""

    category = "NotFound"


class Forbidden(EngagerrError):
    """The caller's role does not allow this."""

    category = "Forbidden"


class Conflict(EngagerrError):
    """It clashes with what already stands."""

    category = "Conflict"


class Unavailable(EngagerrError):
    """Something we need is not reachable just now; trying again is sensible."""

    category = "Unavailable"

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        facts: dict[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint, facts=facts)
        self.retry_after = retry_after


class Rejected(EngagerrError):
    """The other company understood us and said no."""

    category = "Rejected"


class Broken(EngagerrError):
    """A bug of ours, or books that do not add up. Always alerts."""

    category = "Broken"
