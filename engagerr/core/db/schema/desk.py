"""The desk: marks on what waits, and saved views of screens."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB

from engagerr.core.db.schema.columns_in_common import belongs_to, metadata, new_id, tenant_id, timestamp

desk_marks = Table(
    "desk_marks",
    metadata,
    tenant_id(),
    new_id(),
    Column("key", Text(collation="C"), nullable=False, comment="what the agenda calls the thing: kind and id"),
    Column(
        "kind",
        Text,
        nullable=False,
        comment="later: this member does not want to see it before then; assigned: who sees to it; undone: takes a mark"
        " back",
    ),
    timestamp("until", nullable=True),
    Column(
        "assignee_id", Uuid, comment="of assigned, and of what takes that back: who sees to it; empty: nobody any more"
    ),
    Column("undoes", Uuid),
    Column("member_id", Uuid, nullable=False),
    timestamp("at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    belongs_to("members", "assignee_id"),
    ForeignKeyConstraint(["tenant_id", "undoes"], ["desk_marks.tenant_id", "desk_marks.id"]),
    belongs_to("members", "member_id"),
    CheckConstraint("key ~ '^[a-z_]+:[^[:space:]]+$' AND octet_length(key) <= 300", name="key"),
    CheckConstraint("kind IN ('later', 'assigned', 'undone')", name="kind"),
    CheckConstraint("(kind = 'later') = (until IS NOT NULL)", name="until"),
    CheckConstraint("assignee_id IS NULL OR kind <> 'later'", name="assignee"),
    CheckConstraint("(kind = 'undone') = (undoes IS NOT NULL)", name="undone"),
    Index("desk_marks_key_idx", "tenant_id", "key", "id"),
    comment="Append-only: the newest mark that was not taken back counts.",
)
Index(
    "desk_marks_undoes_idx",
    desk_marks.c.tenant_id,
    desk_marks.c.undoes,
    postgresql_where=sql("undoes IS NOT NULL"),
)

desk_views = Table(
    "desk_views",
    metadata,
    tenant_id(),
    new_id(),
    Column("screen", Text(collation="C"), nullable=False),
    Column("name", Text, nullable=False),
    Column("member_id", Uuid, nullable=False, comment="who made it: theirs alone, or shared with the workspace"),
    Column("shared", Boolean, nullable=False, server_default=sql("false")),
    Column(
        "state",
        JSONB,
        nullable=False,
        comment="what the screen wrote: filter, sort, columns; nobody else reads into it",
    ),
    timestamp("created_at"),
    timestamp("updated_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    belongs_to("members", "member_id"),
    CheckConstraint("screen ~ '^[a-z][a-z0-9_-]{0,39}$'", name="screen"),
    CheckConstraint("name <> '' AND length(name) <= 80", name="name"),
    CheckConstraint("jsonb_typeof(state) = 'object' AND octet_length(state::text) <= 16384", name="state"),
)
Index(
    "desk_views_own_key",
    desk_views.c.tenant_id,
    desk_views.c.screen,
    desk_views.c.member_id,
    sql("lower(name)"),
    unique=True,
    postgresql_where=sql("NOT shared"),
)
Index(
    "desk_views_shared_key",
    desk_views.c.tenant_id,
    desk_views.c.screen,
    sql("lower(name)"),
    unique=True,
    postgresql_where=sql("shared"),
)
