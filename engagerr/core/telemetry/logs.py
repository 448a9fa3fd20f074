"""The log: JSON lines in the home, secrets redacted, each event with the correlation id of the command behind it."""

from __future__ import annotations

import logging
import logging.handlers
import os
import re
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

if TYPE_CHECKING:
    from engagerr.core.settings import TelemetrySettings

_correlation: ContextVar[str | None] = ContextVar("engagerr_correlation", default=None)
_SECRET_KEYS = re.compile(r"token|password|secret|authorization|api_key", re.IGNORECASE)
_SECRET_VALUES = re.compile(
    r"(engagerr_[sa]_[A-Za-z0-9_-]+)|(://[^:/@\s]+:)[^@\s]+@|(password=|\bBearer\s+"
    # A private feed's key is part of its address, and so of the account's name.
    r"|[?&](?:auth|key|code|sig|signature|secret|(?:\w{1,20}_)?(?:token|secret|key))=)[^&\s'\"]+",
    re.IGNORECASE,
)
_logger = logging.getLogger("engagerr")
_logger.addHandler(logging.NullHandler())


def new_correlation() -> str:
    """Begin a new chain: everything logged and written from here on carries this id."""
    fresh = uuid4().hex
    _correlation.set(fresh)
    return fresh


def correlation_id() -> str:
    """The id of the command now running; begins a chain if there is none."""
    return _correlation.get() or new_correlation()


def redact(text: str) -> str:
    """The text without tokens, and without passwords and keys in URLs."""
    return _SECRET_VALUES.sub(lambda hit: f"{hit[2]}***@" if hit[2] else f"{hit[3] or ''}***", text)


def log(event: str, *, level: str = "info", **fields: Any) -> None:
    """Write one event: a name with fields. Costs nothing when logs are not configured."""
    severity = logging.getLevelName(level.upper())
    if _logger.isEnabledFor(severity):
        _logger.log(severity, event, extra={"fields": {"correlation_id": correlation_id(), **fields}})


def configure_logs(home: Path, settings: TelemetrySettings) -> None:
    """Send events to `logs/engagerr.jsonl` in the home (rotated, 0600) and, if asked for, to standard error."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = home / "logs"
    folder.mkdir(mode=0o700, exist_ok=True)
    file = _PrivateFileHandler(
        folder / "engagerr.jsonl",
        maxBytes=settings.max_file_megabytes * 1_000_000,
        backupCount=settings.files_kept,
        encoding="utf-8",
        delay=True,
    )
    handlers: list[logging.Handler] = [file]
    if settings.stderr:
        handlers.append(logging.StreamHandler(sys.stderr))
    for old in list(_logger.handlers):
        _logger.removeHandler(old)
        old.close()
    for handler in handlers:
        handler.setFormatter(_StructuredFormatter())
        _logger.addHandler(handler)
    _logger.setLevel(settings.level.upper())
    _logger.propagate = False


class _PrivateFileHandler(logging.handlers.RotatingFileHandler):
    """A rotated log of which every file is readable by its owner only."""

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        return cast("TextIOWrapper", os.fdopen(descriptor, self.mode, encoding=self.encoding))


class _StructuredFormatter(logging.Formatter):
    """Renders through structlog, which is imported only when something is really written."""

    def format(self, record: logging.LogRecord) -> str:
        import structlog

        event: MutableMapping[str, Any] = {
            "event": record.getMessage(),
            "level": record.levelname.lower(),
            **getattr(record, "fields", {}),
        }
        for processor in (structlog.processors.TimeStamper(fmt="iso", utc=True), _redacted):
            event = processor(None, record.levelname.lower(), event)
        rendered = structlog.processors.JSONRenderer(sort_keys=False, ensure_ascii=False, default=str)(
            None, record.levelname.lower(), event
        )
        return rendered if isinstance(rendered, str) else rendered.decode()


def _redacted(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: "***" if _SECRET_KEYS.search(key) else _redacted_value(value) for key, value in event.items()}


def _redacted_value(value: Any) -> Any:
    if isinstance(value, dict):
        return _redacted(None, "", value)
    if isinstance(value, list | tuple):
        return [_redacted_value(entry) for entry in value]
    # Anything else is written as text, so it is read as text: an exception may quote a URL with its password.
    return value if value is None or isinstance(value, bool | int | float) else redact(str(value))
