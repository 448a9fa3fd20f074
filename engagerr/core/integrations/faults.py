"""What a platform's no means for us: the errors that calls raise, and the judge that most platforms share.

Unavailable
└── PlatformUnavailable     try again later
    ├── PlatformBusy        it asks us to slow down
    ├── QuotaSpent          the day's units are gone (`retry_after` says until when)
    └── CircuitOpen         it failed so often that we leave it alone for a while
Rejected
├── GrantLost               sign-in expired or revoked: a person must connect the account again
├── PermissionDenied        this account or grant may not read that
├── FieldsRefused           some of the fields asked for
├── NotThere                no such thing (any more)
└── CallRefused             any other no
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from engagerr.core.errors import Rejected, Unavailable
from engagerr.core.integrations.connector import Answer, Fault, FaultKind
from engagerr.core.integrations.records import State

# No platform renews a quota later than this; a stream that was told more would stand still unnoticed.
LONGEST_TOLD_SECONDS = 7 * 86_400


class PlatformUnavailable(Unavailable):
    """The platform does not answer, or not with an answer."""


class PlatformBusy(PlatformUnavailable):
    """The platform asks us to slow down, for longer than we wait within a call."""


class QuotaSpent(PlatformUnavailable):
    """The app's quota for the day is spent."""


class CircuitOpen(PlatformUnavailable):
    """The platform failed so often for this account that it is left alone for a while."""


class GrantLost(Rejected):
    """The authorisation is expired or revoked and could not be renewed."""


class PermissionDenied(Rejected):
    """The grant does not allow this."""


class NotThere(Rejected):
    """The platform knows no such thing, or no longer."""


class CallRefused(Rejected):
    """The platform refuses the call as it is; asking again changes nothing."""


class FieldsRefused(Rejected):
    """The platform refuses some of the fields: `fields` where it names them; `state` says why they are missing."""

    def __init__(self, message: str, *, fields: tuple[str, ...] = (), state: State = State.NOT_REPORTED) -> None:
        super().__init__(message, hint="The other figures are fetched without it.", facts={"fields": list(fields)})
        self.fields = fields
        self.state = state


def retry_after_seconds(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """`Retry-After` as seconds from now: it may be seconds or an HTTP date. Nonsense and negatives are no answer."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError):
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = (moment - now).total_seconds()
    return seconds if 0 <= seconds < LONGEST_TOLD_SECONDS else None


def words_of(body: Any) -> str:
    """The platform's own words in an error body, wherever common shapes keep them; at most 300 characters."""
    if isinstance(body, dict):
        error = body.get("error", body)
        if isinstance(error, dict):
            for key in ("message", "error_description", "detail", "description", "title", "log_id"):
                if isinstance(error.get(key), str) and error[key]:
                    return str(error[key])[:300]
        elif isinstance(error, str):
            return str(body.get("error_description") or body.get("message") or error)[:300]
        errors = body.get("errors")
        if isinstance(errors, list) and errors and isinstance(errors[0], dict):
            return words_of(errors[0])
    return ""


def judge_by_status(answer: Answer) -> Fault | None:
    """What the status alone says: the judge of platforms that use HTTP as it is meant, and a fallback for the rest."""
    status = answer.status
    if status < 400:
        return None
    message = words_of(answer.body) or f"status {status}"
    kind = {
        401: FaultKind.GRANT,
        403: FaultKind.DENIED,
        404: FaultKind.GONE,
        408: FaultKind.DOWN,
        410: FaultKind.GONE,
        425: FaultKind.DOWN,
        429: FaultKind.BUSY,
    }.get(status, FaultKind.DOWN if status >= 500 else FaultKind.REFUSED)
    return Fault(kind=kind, message=message)
