"""A fault in words: whose call it was, what happened, what the platform says, and what to do about it."""

from __future__ import annotations

from typing import Any

from engagerr.core.errors import EngagerrError
from engagerr.core.integrations.connector import Connector, Fault, FaultKind
from engagerr.core.integrations.faults import (
    CallRefused,
    FieldsRefused,
    GrantLost,
    NotThere,
    PermissionDenied,
    PlatformBusy,
    PlatformUnavailable,
    QuotaSpent,
)
from engagerr.core.integrations.redaction import redacted

_UNAVAILABLE: dict[FaultKind, tuple[type[PlatformUnavailable], str, str]] = {
    FaultKind.BUSY: (PlatformBusy, "asks us to slow down with {whose}", "Try again in {when}."),
    FaultKind.DOWN: (
        PlatformUnavailable,
        "does not answer {whose}",
        "Try again in {when}; what was fetched before it is kept.",
    ),
    FaultKind.SPENT: (
        QuotaSpent,
        "says at {whose} that the quota is spent",
        "It is renewed in {when}; the stream goes on where it stopped.",
    ),
}
_REJECTED: dict[FaultKind, tuple[type[EngagerrError], str, str]] = {
    FaultKind.GRANT: (
        GrantLost,
        "no longer accepts the sign-in with which {whose} was asked",
        "Connect the account again: engagerr platform connect {connector}",
    ),
    FaultKind.DENIED: (
        PermissionDenied,
        "does not allow {whose}",
        "Check what the account may do there, and what was allowed when it was connected.",
    ),
    FaultKind.GONE: (
        NotThere,
        "finds nothing for {whose}",
        "It was deleted or hidden there, or its address is wrong.",
    ),
    FaultKind.REFUSED: (
        CallRefused,
        "refuses {whose}",
        "Asking again changes nothing. What the call takes: {documentation}",
    ),
}


def error_of(
    fault: Fault, *, connector: Connector, call: str, account: str | None, attempts: int, status: int | None = None
) -> EngagerrError:
    """The error that a fault is, after this many attempts at a call in the name of an account (its handle)."""
    said = redacted(fault.message).strip().rstrip(".") or "no reason given"
    words = {
        "whose": f"{call} for {account}" if account else call,
        "when": in_words(fault.retry_after),
        "connector": connector.name,
        "documentation": connector.documentation,
    }
    times = f" after {attempts} attempts" if attempts > 1 else ""
    facts: dict[str, Any] = {
        "platform": connector.platform, "connector": connector.name, "account": account, "call": call, "said": said,
        "status": status,
    }  # fmt: skip
    if fault.kind is FaultKind.FIELDS:
        what = f"{connector.title} refuses fields of {words['whose']}: {said}."
        refusal = FieldsRefused(what, fields=fault.fields, state=fault.state)
        refusal.facts |= facts
        return refusal
    if fault.kind in _UNAVAILABLE:
        passing, what, hint = _UNAVAILABLE[fault.kind]
        return passing(
            f"{connector.title} {what.format(**words)}{times}: {said}.",
            hint=hint.format(**words),
            facts=facts,
            retry_after=fault.retry_after,
        )
    final, what, hint = _REJECTED[fault.kind]
    return final(f"{connector.title} {what.format(**words)}{times}: {said}.", hint=hint.format(**words), facts=facts)


def in_words(seconds: float | None) -> str:
    """A stretch of time for a hint: "45 seconds", "12 minutes"."""
    if seconds is None:
        return "a while"
    if seconds < 120:
        count = max(1, round(seconds))
        return f"{count} second{'s' if count > 1 else ''}"
    return f"{round(seconds / 60)} minutes" if seconds < 7200 else f"{round(seconds / 3600)} hours"
