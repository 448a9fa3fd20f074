"""One month's table as the owner moves it: where it stands, out of its parent, filled bare, and in again.

Every function takes the owner's connection. Those that are made of several statements say whether they need a
transaction around them.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg import sql

from engagerr.core.errors import Conflict, InvalidInput
from engagerr.core.telemetry import correlation_id

Connection = psycopg.Connection[Any]

PARENT = sql.Identifier("public", "metric_observations")
# For sorting the keys of one month: a hundred bytes for each of a few million rows would not fit the usual 64 MB. And
# compressing an index's pages on their way to the log takes longer than writing them: not where the owner may say so.
_FOR_LOADING = """
SELECT set_config('maintenance_work_mem', greatest(setting::bigint, 262144)::text, true),
       CASE WHEN has_parameter_privilege('wal_compression', 'SET') THEN set_config('wal_compression', 'off', true) END
FROM pg_settings WHERE name = 'maintenance_work_mem'
"""
_INDEX_HEAD = re.compile(r"^CREATE (UNIQUE )?INDEX \S+ ON (?:ONLY )?\S+ ")


def name_of(month: date) -> str:
    """The name of the month's table."""
    return f"metric_observations_{month:%Y_%m}"


def attached(month: date) -> sql.Identifier:
    """The month's table as a partition."""
    return sql.Identifier("public", name_of(month))


def detached(month: date) -> sql.Identifier:
    """The month's table on its way out, where only the owner enters."""
    return sql.Identifier("engagerr_archive", name_of(month))


def standing(connection: Connection, month: date) -> str | None:
    """Where the month's table is: `attached`, `detaching` (cut short), `detached`, `elsewhere` or None."""
    found = connection.execute(
        """
        SELECT CASE WHEN relnamespace = 'engagerr_archive'::regnamespace THEN 'elsewhere'
                    WHEN inhrelid IS NULL THEN 'detached'
                    WHEN inhdetachpending THEN 'detaching' ELSE 'attached' END
        FROM pg_class LEFT JOIN pg_inherits ON inhrelid = pg_class.oid
        WHERE relname = %s AND relkind = 'r'
          AND relnamespace IN ('public'::regnamespace, 'engagerr_archive'::regnamespace)
        """,
        [name_of(month)],
    ).fetchone()
    return found[0] if found is not None else None


def columns_of(connection: Connection) -> tuple[str, ...]:
    """The columns of observations, in the table's order."""
    return tuple(
        row[0]
        for row in connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'public.metric_observations'::regclass"
            " AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        )
    )


def detach(connection: Connection, month: date) -> None:
    """Take the month's table out of its parent, from wherever an earlier try left it. Outside transactions.

    Readers and writers go on meanwhile: those that began before are waited for, those that come later no longer see
    the month.
    """
    found = standing(connection, month)
    if found in ("attached", "detaching"):
        how = sql.SQL("CONCURRENTLY" if found == "attached" else "FINALIZE")
        connection.execute(sql.SQL("ALTER TABLE {} DETACH PARTITION {} {}").format(PARENT, attached(month), how))
    if found != "elsewhere":
        with connection.transaction():
            # There the policies need not bind the owner, who is to read every tenant's rows.
            connection.execute(sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(attached(month)))
            connection.execute(sql.SQL("ALTER TABLE {} SET SCHEMA engagerr_archive").format(attached(month)))


def put_back(connection: Connection, month: date) -> None:
    """Undo `detach`, from wherever it was left. Outside transactions."""
    if standing(connection, month) == "detaching":
        connection.execute(sql.SQL("ALTER TABLE {} DETACH PARTITION {} FINALIZE").format(PARENT, attached(month)))
    with connection.transaction():
        found = standing(connection, month)
        if found == "elsewhere":
            connection.execute(sql.SQL("ALTER TABLE {} SET SCHEMA public").format(detached(month)))
        if found != "attached":
            attach(connection, month)


def fill(connection: Connection, month: date, rows: Iterable[Sequence[Any] | bytes], columns: Sequence[str]) -> int:
    """Make the month's table bare, COPY the rows into it, then give it key, indexes and checks. In a transaction.

    `rows` are tuples, or blocks of a binary COPY. It is not a partition yet, and closed to nobody, but nobody sees it
    before the transaction ends: `attach` comes before that.
    """
    unknown = sorted(set(columns) - set(columns_of(connection)))
    if unknown:
        raise Conflict(
            f"The figures of {month:%Y-%m} have columns that this schema does not know: {', '.join(unknown)}.",
            hint="They were written by a newer Engagerr; use that one.",
            facts={"columns": unknown},
        )
    table = attached(month)
    connection.execute(_FOR_LOADING)
    connection.execute(
        sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL EXCLUDING INDEXES EXCLUDING CONSTRAINTS)").format(table, PARENT)
    )
    try:
        landed = _copy(connection, table, rows, columns)
        for statement in _indexes(connection, month):
            connection.execute(statement)
        # All in one statement: the table is read once for them. With the bounds, attaching need not read it again.
        connection.execute(sql.SQL("ALTER TABLE {} {}").format(table, sql.SQL(", ").join(_checks(connection, month))))
    except psycopg.errors.CheckViolation as error:
        outside = error.diag.constraint_name == _bounds_name(month)
        raise InvalidInput(
            f"A figure does not lie in {month:%Y-%m}."
            if outside
            else f"A figure is none: {error.diag.message_primary}.",
            hint="Nothing was loaded. Load each month on its own." if outside else "Nothing was loaded. Correct it.",
            facts={"month": f"{month:%Y-%m}", "constraint": error.diag.constraint_name},
        ) from error
    except psycopg.errors.UniqueViolation as error:
        raise InvalidInput(
            f"Two figures of {month:%Y-%m} have the same subject, metric, moment, period and revision.",
            hint="Nothing was loaded. Take one of them out.",
            facts={"month": f"{month:%Y-%m}"},
        ) from error
    connection.execute(sql.SQL("ANALYZE {}").format(table))
    return landed


def attach(connection: Connection, month: date) -> None:
    """Close the month's table to all but each row's tenant and make it a partition. In a transaction."""
    table = attached(month)
    closed = connection.execute(
        "SELECT relrowsecurity FROM pg_class WHERE oid = to_regclass(%s)", [f"public.{name_of(month)}"]
    ).fetchone()
    if closed == (True,):
        connection.execute(sql.SQL("ALTER TABLE {} FORCE ROW LEVEL SECURITY").format(table))
    else:
        connection.execute("SELECT engagerr_close_table(%s::regclass)", [f"public.{name_of(month)}"])
    connection.execute(
        sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
            PARENT, table, *map(sql.Literal, _bounds(month))
        )
    )
    for (left,) in connection.execute(
        "SELECT conname FROM pg_constraint AS own WHERE conrelid = to_regclass(%s) AND contype = 'c'"
        " AND NOT EXISTS (SELECT FROM pg_constraint AS above WHERE above.conname = own.conname"
        " AND above.conrelid = 'public.metric_observations'::regclass)",
        [f"public.{name_of(month)}"],
    ).fetchall():
        # The bounds say it from here on.
        connection.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(table, sql.Identifier(left)))


def see_all(connection: Connection) -> None:
    """Fail rather than read less than all rows: what is archived must be every tenant's. In a transaction."""
    connection.execute("SET LOCAL row_security = off")


# ── What is known of months that are elsewhere ──────────────────────────────────────────────────────────────────────


def known(connection: Connection, month: date) -> tuple[str, str | None] | None:
    """(state, file) of a month that is or was elsewhere."""
    found: tuple[str, str | None] | None = connection.execute(
        "SELECT state, file FROM engagerr_archive.months WHERE month = %s", [month]
    ).fetchone()
    return found


def note(connection: Connection, month: date, state: str, at: datetime) -> None:
    """Keep the month's new state; what is known of its file stays."""
    connection.execute(
        "INSERT INTO engagerr_archive.months (month, state, at) VALUES (%s, %s, %s)"
        " ON CONFLICT (month) DO UPDATE SET state = excluded.state, at = excluded.at",
        [month, state, at],
    )


def forget(connection: Connection, month: date) -> None:
    """The month is where it always was."""
    connection.execute("DELETE FROM engagerr_archive.months WHERE month = %s", [month])


def tell_tenants(connection: Connection, month: date, action: str, file: str, table: sql.Identifier) -> None:
    """An entry in the audit log of each tenant whose figures moved, with how many of them. In a transaction."""
    moved = connection.execute(
        sql.SQL("SELECT tenant_id, count(*) FROM {} GROUP BY 1 ORDER BY 1").format(table)
    ).fetchall()
    for tenant_id, rows in moved:
        connection.execute("SELECT set_config('engagerr.tenant_id', %s, true)", [str(tenant_id)])
        detail = {"month": f"{month:%Y-%m}", "observations": rows, "file": file}
        connection.execute(
            "INSERT INTO audit_log (tenant_id, sequence, at, action, subject, detail, correlation_id, previous_hash,"
            " hash) VALUES (%s, 0, now(), %s, %s, %s::jsonb, %s, '', '')",
            [tenant_id, action, f"{month:%Y-%m}", json.dumps(detail), correlation_id()],
        )
    connection.execute("SELECT set_config('engagerr.tenant_id', '', true)")


# ── Statements ──────────────────────────────────────────────────────────────────────────────────────────────────────


def names(columns: Sequence[str]) -> sql.Composed:
    """Columns in a statement."""
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _copy(
    connection: Connection, table: sql.Identifier, rows: Iterable[Sequence[Any] | bytes], columns: Sequence[str]
) -> int:
    coming = iter(rows)
    first = next(coming, None)
    binary = sql.SQL(" (FORMAT binary)") if isinstance(first, bytes) else sql.SQL("")
    statement = sql.SQL("COPY {} ({}) FROM STDIN{}").format(table, names(columns), binary)
    with connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            for row in itertools.chain([] if first is None else [first], coming):
                if isinstance(row, bytes):
                    copy.write(row)
                else:
                    copy.write_row(row)
        return cursor.rowcount


def _indexes(connection: Connection, month: date) -> list[sql.Composed]:
    """The parent's key and indexes for the month's table: attaching finds them made."""
    found = connection.execute(
        """
        SELECT relname, pg_get_indexdef(indexrelid), pg_get_constraintdef(pg_constraint.oid)
        FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
        LEFT JOIN pg_constraint ON conindid = indexrelid AND conrelid = indrelid
        WHERE indrelid = 'public.metric_observations'::regclass ORDER BY indisprimary DESC, relname
        """
    ).fetchall()
    statements = []
    for name, index, constraint in found:
        own = sql.Identifier(f"{name_of(month)}_{name.removeprefix('metric_observations_')}"[:63])
        if constraint is not None:
            statements.append(
                sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(attached(month), own, sql.SQL(constraint))
            )
            continue
        unique, rest = _INDEX_HEAD.match(index), _INDEX_HEAD.sub("", index)
        kind = "UNIQUE INDEX" if unique is not None and unique[1] else "INDEX"
        statements.append(sql.SQL("CREATE {} {} ON {} {}").format(sql.SQL(kind), own, attached(month), sql.SQL(rest)))
    return statements


def _checks(connection: Connection, month: date) -> list[sql.Composed]:
    found = connection.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = 'public.metric_observations'::regclass AND contype = 'c' ORDER BY conname"
    ).fetchall()
    checks = [sql.SQL("ADD CONSTRAINT {} {}").format(sql.Identifier(name), sql.SQL(check)) for name, check in found]
    first, after = map(sql.Literal, _bounds(month))
    bounds = sql.SQL("ADD CONSTRAINT {} CHECK (observed_at >= {} AND observed_at < {})")
    return [*checks, bounds.format(sql.Identifier(_bounds_name(month)), first, after)]


def _bounds_name(month: date) -> str:
    return f"{name_of(month)}_bounds"


def _bounds(month: date) -> tuple[str, str]:
    """From and until, in UTC whatever the session's zone."""
    after = month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)
    return f"{month:%Y-%m-%d} 00:00:00+00", f"{after:%Y-%m-%d} 00:00:00+00"
