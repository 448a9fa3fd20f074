"""Column types that SQLAlchemy lacks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy.types import UserDefinedType


class Ltree(UserDefinedType[str]):
    """A path of labels, `root.child.leaf`, as text in Python."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """The type's name in DDL."""
        return "ltree"


class Halfvec(UserDefinedType[object]):
    """A vector of half-precision numbers, of any length or of a given one; written and read as pgvector's text."""

    cache_ok = True

    def __init__(self, dimensions: int | None = None) -> None:
        self.dimensions = dimensions

    def get_col_spec(self, **_: Any) -> str:
        """The type's name in DDL."""
        return "halfvec" if self.dimensions is None else f"halfvec({self.dimensions})"


def as_halfvec(numbers: Iterable[float]) -> str:
    """A vector as pgvector reads it; six digits are more than half precision keeps."""
    return f"[{','.join(f'{number:.6g}' for number in numbers)}]"
