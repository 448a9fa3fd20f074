"""Engagerr: every platform's numbers in one standard, content families with evidence, partnerships to payout.

>>> from engagerr import Engagerr
>>> with Engagerr.open() as engagerr:
...     work = engagerr.workspace()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engagerr.core.api import Engagerr, Workspace
    from engagerr.core.clock import Clock, SystemClock
    from engagerr.core.errors import (
        Broken,
        Conflict,
        EngagerrError,
        Forbidden,
        InvalidInput,
        NotFound,
        Rejected,
        Unavailable,
    )
    from engagerr.core.integrations.records import Period, State
    from engagerr.core.money import Money
    from engagerr.core.settings import Settings

__version__ = "0.1.0"

# Name → module. Looked up when first used, so that `import engagerr` costs nothing.
_HOMES = {
    "Broken": "engagerr.core.errors",
    "Clock": "engagerr.core.clock",
    "Conflict": "engagerr.core.errors",
    "Engagerr": "engagerr.core.api",
    "EngagerrError": "engagerr.core.errors",
    "Forbidden": "engagerr.core.errors",
    "InvalidInput": "engagerr.core.errors",
    "Money": "engagerr.core.money",
    "NotFound": "engagerr.core.errors",
    "Period": "engagerr.core.integrations.records",
    "Rejected": "engagerr.core.errors",
    "Settings": "engagerr.core.settings",
    "State": "engagerr.core.integrations.records",
    "SystemClock": "engagerr.core.clock",
    "Unavailable": "engagerr.core.errors",
    "Workspace": "engagerr.core.api",
}

__all__ = [
    "Broken",
    "Clock",
    "Conflict",
    "Engagerr",
    "EngagerrError",
    "Forbidden",
    "InvalidInput",
    "Money",
    "NotFound",
    "Period",
    "Rejected",
    "Settings",
    "State",
    "SystemClock",
    "Unavailable",
    "Workspace",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        import importlib

        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
