"""The metadata object and the three columns that almost every table begins with."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, ForeignKeyConstraint, MetaData, Uuid, text

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_1_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)


def tenant_id() -> Column[object]:
    """The tenant that owns the row; first part of every key."""
    return Column("tenant_id", Uuid, nullable=False)


def new_id(name: str = "id") -> Column[object]:
    """A UUIDv7 made by the database."""
    return Column(name, Uuid, nullable=False, server_default=text("engagerr_new_id()"))


def timestamp(name: str, *, nullable: bool = False, default_now: bool = False) -> Column[object]:
    """An aware moment in UTC."""
    return Column(
        name, DateTime(timezone=True), nullable=nullable, server_default=text("now()") if default_now else None
    )


def belongs_to(table: str, column: str) -> ForeignKeyConstraint:
    """A reference that cannot leave the tenant."""
    return ForeignKeyConstraint(["tenant_id", column], [f"{table}.tenant_id", f"{table}.id"])
