"""Alembic's entry: always online, always on the connection that `migrate` hands over."""

from __future__ import annotations

from typing import Any

from alembic import context

from engagerr.core.db.columns import Halfvec, Ltree
from engagerr.core.db.schema import metadata


def _ours(_thing: Any, name: str | None, kind: str, reflected: bool, _: Any) -> bool:
    # alembic has no way to compare an index of vectors.
    if kind == "index" and reflected and name is not None and name == "creator_vectors_384_idx":
        return False
    # Partitions come and go by month; only their parent is part of the schema.
    return not (kind == "table" and reflected and name is not None and name.startswith("metric_observations_"))


connection = context.config.attributes["connection"]
connection.dialect.ischema_names["ltree"] = Ltree
connection.dialect.ischema_names["halfvec"] = Halfvec
context.configure(
    connection=connection,
    target_metadata=metadata,
    include_object=_ours,
    compare_type=True,
    compare_server_default=False,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
