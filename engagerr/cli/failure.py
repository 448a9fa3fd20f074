"""How a failure is told: one readable line or one JSON object on standard error, and the exit code of its category."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engagerr.cli.command import Output, presentation
from engagerr.cli.output import clean, json_bytes
from engagerr.core.errors import Broken, EngagerrError, InvalidInput, Unavailable

if TYPE_CHECKING:
    from pathlib import Path

# The seven categories of the core, mapped once.
EXIT_CODES = {
    "Broken": 1,
    "InvalidInput": 2,
    "NotFound": 3,
    "Forbidden": 4,
    "Conflict": 5,
    "Unavailable": 6,
    "Rejected": 7,
}
INTERRUPTED = 130
# What a shell calls a program that a closed pipe ended (128 + SIGPIPE).
NOBODY_READS = 141


def tell(error: EngagerrError, *, output: Output | None = None) -> int:
    """Write the failure to standard error and log it; returns the exit code of its category."""
    _log(error)
    if (output or presentation().output) is Output.JSON:
        _write(json_bytes({"error": as_object(error)}).decode())
    else:
        _write(f"error: {clean(error.message)}\n" + (f"hint: {clean(error.hint)}\n" if error.hint else ""))
    return EXIT_CODES.get(error.category, 1)


def as_object(error: EngagerrError) -> dict[str, Any]:
    """Category, message, hint and facts, as they stand in JSON."""
    facts = dict(error.facts)
    if isinstance(error, Unavailable) and error.retry_after is not None:
        facts["retry_after"] = error.retry_after
    return {"category": error.category, "message": error.message, "hint": error.hint, "facts": facts}


def tell_interrupted(
    *, output: Output | None = None, words: str = "Interrupted; what was not finished was not written."
) -> int:
    """Say that the user stopped it. Nearly every verb is one transaction, so there is nothing to clean up."""
    if (output or presentation().output) is Output.JSON:
        fields = {"category": "Interrupted", "message": words, "hint": "Run it again.", "facts": {}}
        _write(json_bytes({"error": fields}).decode())
    else:
        _write(f"{words} Run it again.\n")
    return INTERRUPTED


def several(refused: Sequence[tuple[Path, EngagerrError]], *, of: int) -> EngagerrError:
    """One error for several refused files, in the category of the first."""
    first = refused[0][1]
    if len(refused) == 1:
        return first
    together = EngagerrError(
        f"{len(refused)} of {of} files were refused; the first: {first.message}",
        hint=first.hint,
        facts={"files": [{"path": str(path), "error": as_object(error)} for path, error in refused]},
    )
    together.category = first.category
    return together


def usage(message: str, *, command: str, facts: dict[str, Any] | None = None) -> InvalidInput:
    """A command line that cannot be understood."""
    return InvalidInput(message, hint=f"`{command} --help` shows how it is written.", facts=facts)


def unexpected(error: Exception) -> Broken:
    """Our own bug as an error of ours: the traceback goes to the log, and the sentence says where to find it."""
    from engagerr.core.telemetry import correlation_id, log
    from engagerr.core.telemetry.logs import redact

    trace = redact("".join(traceback.format_exception(error)))
    path = _log_path()
    log("command.crashed", level="error", error=type(error).__name__, traceback=trace)
    if presentation().verbose or _is_debug():
        _write(trace)
    identity = correlation_id()
    where = f"The details are in {path} under {identity}" if path else "Run it again with --verbose for the details"
    line = redact(str(error)).strip().splitlines()
    return Broken(
        f"Something in Engagerr went wrong ({type(error).__name__}{': ' + line[0] if line else ''}).",
        hint=f"{where}; please report it.",
        facts={"correlation_id": identity, "log": str(path) if path else None},
    )


def _log(error: EngagerrError) -> None:
    from engagerr.core.telemetry import log

    broken = isinstance(error, Broken)
    log(
        "command.failed",
        level="error" if broken else "warning",
        category=error.category,
        message=error.message,
        **({"cause": repr(error.__cause__)} if error.__cause__ else {}),
    )


def _log_path() -> Path | None:
    """Where the log is; it is set up now if the command failed before it could be."""
    from engagerr.cli.command import keep_log
    from engagerr.core.api import Engagerr

    try:
        with Engagerr.open() as engagerr:
            keep_log(engagerr)
            return engagerr.settings.home / "logs" / "engagerr.jsonl"
    except Exception:  # noqa: BLE001  a failure while telling of a failure must not hide the first one
        return None


def _is_debug() -> bool:
    import os

    return os.environ.get("ENGAGERR_TELEMETRY__LEVEL", "").lower() == "debug"


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
