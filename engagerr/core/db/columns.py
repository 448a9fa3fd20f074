"""Column types that SQLAlchemy lacks."""

from __future__ import annotations

from typing import Any

from sqlalchemy.types import UserDefinedType


class Ltree(UserDefinedType[str]):
    """A path of labels, `root.child.leaf`, as text in Python."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """The type's name in DDL."""
        return "ltree"
