"""A condition on creators: SQL over the alias `profile`, with everything that came from outside as a parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Condition:
    """`sql` is true of the rows that are meant; its parameters are the driver's own (`%(name)s`), so `%` is `%%`."""

    sql: str = "true"
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __and__(self, other: Condition) -> Condition:
        """Both at once. Names of parameters must differ, unless they mean the same."""
        return Condition(f"({self.sql}) AND ({other.sql})", {**self.parameters, **other.parameters})
