"""To be written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.fakes.cluster import Connection

Row = dict[str, Any]


def fill(connection: Connection, write: Callable[..., Row], rows: dict[str, Row]) -> None:
    """To be written."""
