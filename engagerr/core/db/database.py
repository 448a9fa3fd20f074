"""Transactions: each belongs to one tenant, by a setting that ends with it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import sqlalchemy
from sqlalchemy import text

from engagerr.core.db.server import APP, OWNER, DatabaseStatus, EmbeddedAddress, GivenAddress, Login, address_of
from engagerr.core.errors import Broken, Conflict, EngagerrError, InvalidInput, Unavailable
from engagerr.core.telemetry import log

if TYPE_CHECKING:
    from engagerr.core.settings import Settings

# A step takes a session and never commits. (SQLAlchemy's word for it is a connection: Core, not the ORM.)
Session = sqlalchemy.Connection

_VERSIONS = Path(__file__).parent / "migrations" / "versions"


class Database:
    """The one door to PostgreSQL. Opening it is cheap: nothing is connected before the first transaction."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._address: EmbeddedAddress | GivenAddress = address_of(settings)
        self._engine: sqlalchemy.Engine | None = None
        self._opening = threading.Lock()  # threads that begin at once must share one pool

    @contextlib.contextmanager
    def transaction(self, tenant_id: UUID, *, snapshot: bool = False) -> Iterator[Session]:
        """One transaction that sees and writes this tenant's rows only; with `snapshot`, all of one moment."""
        with self._begin(snapshot=snapshot) as session:
            session.execute(_SET_TENANT, {"tenant": str(tenant_id)})
            yield session

    @contextlib.contextmanager
    def system(self) -> Iterator[Session]:
        """One transaction without a tenant: it sees no tenant's rows. For the server's own facts and for partitions."""
        with self._begin() as session:
            yield session

    @contextlib.contextmanager
    def apart(self) -> Iterator[Session]:
        """Like `system`, on a connection of its own beside a transaction that this thread already has open."""
        login = self._reachable_login()
        engine = sqlalchemy.create_engine(
            "postgresql+psycopg://",
            creator=lambda: psycopg.connect(**self._arguments(login)),
            poolclass=sqlalchemy.NullPool,
            hide_parameters=True,
        )
        with _translated(), engine.begin() as session:
            yield session

    def connection_of_its_own(self, *, application_name: str) -> psycopg.Connection[Any]:
        """A bare connection outside the pool and outside transactions, for locks that live as long as it does.

        When a machine vanishes without a word, both ends know within 20 seconds. Close it.
        """
        login = self._reachable_login()
        arguments = self._arguments(login)
        # The server's end is told by its own settings, ours by libpq's.
        ends = (
            "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 -c tcp_user_timeout=15000"
        )
        arguments |= {
            "options": f"{arguments['options']} {ends}", "application_name": application_name[:63], "keepalives": 1,
            "keepalives_idle": 5, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 15_000,
        }  # fmt: skip
        with _translated():
            return psycopg.connect(**arguments, autocommit=True)

    def close(self) -> None:
        """Close all connections of this process; the server keeps running."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def status(self) -> DatabaseStatus:
        """Whether the server runs, where it is and which schema it has; starts nothing."""
        pid = data_dir = started_at = None
        running = True
        if isinstance(self._address, EmbeddedAddress):
            server = self._address.server.status()
            running, pid, data_dir, started_at = server.running, server.pid, server.data_dir, server.started_at
        version = revision = None
        size: int | None = None
        if running:
            login = self._address.login(APP)
            try:
                if login is not None:
                    with psycopg.connect(**self._arguments(login), autocommit=True) as connection:
                        version = (
                            str(connection.info.server_version // 10000)
                            + "."
                            + str(connection.info.server_version % 10000)
                        )
                        revision = _revision(connection)
                        found = connection.execute("SELECT pg_database_size(current_database())").fetchone()
                        size = found[0] if found else None
            except psycopg.OperationalError:
                running = False
        return DatabaseStatus(
            kind=self._address.kind,
            running=running,
            address=self._address.describe(),
            server_version=version,
            revision=revision,
            newest_revision=newest_revision(),
            size_bytes=size,
            pid=pid,
            data_dir=data_dir,
            started_at=started_at,
        )

    def start(self) -> None:
        """Start the embedded server if it does not run, and bring its schema up to date."""
        self._require_embedded("started").server.start()
        self._connect()

    def stop(self) -> bool:
        """Stop the embedded server; False when it did not run."""
        self.close()
        return self._require_embedded("stopped").server.stop()

    def upgrade(self) -> tuple[str | None, str]:
        """Make roles and extensions where they lack, and run the migrations. Returns (revision before, after)."""
        from engagerr.core.db.migrate import migrate, prepare_server

        if isinstance(self._address, GivenAddress):
            prepare_server(self._address, self._settings)
            owner = self._address.login(OWNER)
        else:
            owner = self._address.login(OWNER, start=True)
        if owner is None:
            raise Broken("The owner role has no password here.", hint="Run `engagerr db upgrade` again.")
        before, after = migrate(self._arguments(owner), app_role=APP)
        log("db.upgraded", before=before, after=after)
        return before, after

    def check_migrations(self) -> list[str]:
        """What separates the migrated schema from the metadata, one line a difference; empty when they agree."""
        from engagerr.core.db.migrate import differences

        self._reachable_login()  # a home that is new is brought up to date first
        owner = self._address.login(OWNER, start=True)
        if owner is None:
            raise InvalidInput("The owner role is not known here.", hint="Run `engagerr db upgrade` first.")
        return differences(self._arguments(owner), app_role=APP)

    @contextlib.contextmanager
    def _begin(self, *, snapshot: bool = False) -> Iterator[Session]:
        with _translated(), self._connect().connect() as session:
            if snapshot:
                session.execution_options(isolation_level="REPEATABLE READ")
            with session.begin():
                yield session

    def _connect(self) -> sqlalchemy.Engine:
        with self._opening:
            if self._engine is None:
                login = self._reachable_login()
                self._engine = sqlalchemy.create_engine(
                    "postgresql+psycopg://",
                    creator=lambda: psycopg.connect(**self._arguments(login)),
                    pool_size=self._settings.database.pool_size,
                    max_overflow=0,
                    hide_parameters=True,
                    pool_pre_ping=False,
                )
            return self._engine

    def _reachable_login(self) -> Login:
        """A login that answers and finds the newest schema; starts and upgrades the embedded server if need be."""
        login = self._address.login(APP)
        revision: str | None = None
        try:
            if login is not None:
                revision = self._revision_as(login)
        except psycopg.OperationalError as error:
            if isinstance(self._address, GivenAddress):
                raise Unavailable(
                    f"{self._address.describe()} cannot be reached: {_first_line(error)}.",
                    hint="Check ENGAGERR_DATABASE__URL, the server and the network.",
                ) from error
            login = None
        if login is None and isinstance(self._address, EmbeddedAddress):
            login = self._address.login(APP, start=True)
            revision = self._revision_as(login) if login else None
        if login is None:
            raise Broken("No way into the database is known.", hint="Run `engagerr db upgrade`.")
        if revision != newest_revision():
            if isinstance(self._address, GivenAddress):
                raise Conflict(
                    f"{self._address.describe()} has schema {revision or 'none'}; this Engagerr needs "
                    f"{newest_revision()}.",
                    hint="Run `engagerr db upgrade`.",
                    facts={"revision": revision, "needed": newest_revision()},
                )
            self.upgrade()
        return login

    def _revision_as(self, login: Login) -> str | None:
        with psycopg.connect(**self._arguments(login)) as connection:
            revision = _revision(connection)
            connection.rollback()
            if revision is not None and isinstance(self._address, GivenAddress):
                _refuse_unbound(connection)
            return revision

    def _arguments(self, login: Login) -> dict[str, Any]:
        limits = {
            "statement_timeout": self._settings.database.statement_timeout_seconds * 1000,
            "lock_timeout": self._settings.database.lock_timeout_seconds * 1000,
            "timezone": "UTC",
        }
        given = login.arguments()
        options = " ".join([given.get("options") or "", *(f"-c {name}={value}" for name, value in limits.items())])
        return {
            **given,
            "connect_timeout": self._settings.database.connect_timeout_seconds,
            "application_name": "engagerr",
            "options": options.strip(),
        }

    def _require_embedded(self, verb: str) -> EmbeddedAddress:
        if isinstance(self._address, GivenAddress):
            raise InvalidInput(
                f"{self._address.describe()} is yours; it is not {verb} by Engagerr.",
                hint="Only the embedded server of a home is. Unset ENGAGERR_DATABASE__URL to use that.",
            )
        return self._address


_SET_TENANT = text("SELECT set_config('engagerr.tenant_id', :tenant, true)")


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """The driver's errors in our words."""
    try:
        yield
    except sqlalchemy.exc.DBAPIError as error:
        raise in_words(error.orig if isinstance(error.orig, psycopg.Error) else error) from error
    except sqlalchemy.exc.TimeoutError as error:
        raise Unavailable(
            "All connections of this process are in use.", hint="Run it again, or raise database.pool_size."
        ) from error
    except psycopg.Error as error:  # from COPY, which goes to the driver directly
        raise in_words(error) from error
    except UnicodeEncodeError as error:  # half of a character: what a shell makes of bytes that are no UTF-8
        raise InvalidInput("The database cannot hold a value: it is no text.", hint="Write it in UTF-8.") from error


def newest_revision() -> str:
    """The revision that this package's code needs, read from the names of its migrations."""
    return max(path.name.split("_", 1)[0] for path in _VERSIONS.glob("[0-9]*_*.py"))


def constraint_of(error: sqlalchemy.exc.DBAPIError) -> str | None:
    """The name of the constraint that refused a statement, if one did."""
    original = error.orig
    return original.diag.constraint_name if isinstance(original, psycopg.Error) else None


def in_words(original: Exception) -> EngagerrError:
    """A driver's error as ours, for those that no verb has translated by constraint name."""
    line = _first_line(original)
    for kinds, category, message, hint in _WORDS:
        if isinstance(original, kinds):
            return category(message.format(line=line), hint=hint)
    if isinstance(original, psycopg.errors.CheckViolation) and line.startswith("no partition of relation"):
        return Conflict(
            "A month was retired while figures of it were being written.", hint="Run it again; it says which month."
        )
    constraint = original.diag.constraint_name if isinstance(original, psycopg.Error) else None
    return Broken(f"The database refused a statement: {line}.", facts={"constraint": constraint})


# First match wins: the broad OperationalError comes last.
_WORDS: tuple[tuple[tuple[type[psycopg.Error], ...], type[EngagerrError], str, str], ...] = (
    (
        (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected),
        Unavailable,
        "Two writers met; the database gave way to the other one.",
        "Run it again.",
    ),
    (
        (psycopg.errors.UniqueViolation, psycopg.errors.ExclusionViolation),
        Conflict,
        "Somebody wrote the same at the same time: {line}.",
        "Run it again.",
    ),
    (
        (psycopg.errors.LockNotAvailable,),
        Unavailable,
        "Another import or migration holds what this one needs, and did not end in time.",
        "Run it again later, or raise database.lock_timeout_seconds.",
    ),
    (
        (psycopg.errors.QueryCanceled,),
        Unavailable,
        "The database stopped a statement: {line}.",
        "Raise database.statement_timeout_seconds.",
    ),
    (
        (psycopg.errors.DiskFull, psycopg.errors.OutOfMemory),
        Unavailable,
        "The database has no room: {line}.",
        "Free some disk, then run it again.",
    ),
    (
        (psycopg.errors.ProgramLimitExceeded, psycopg.DataError),
        InvalidInput,
        "The database cannot hold a value: {line}.",
        "Correct or shorten it.",
    ),
    (
        (psycopg.OperationalError,),
        Unavailable,
        "The database went away: {line}.",
        "See `engagerr db status`, then run it again.",
    ),
)


def _revision(connection: psycopg.Connection[Any]) -> str | None:
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
        return None
    return row[0] if row else None


def _refuse_unbound(connection: psycopg.Connection[Any]) -> None:
    """Refuse a login that row-level security would not bind: tenants would not be closed to each other."""
    unbound = connection.execute(
        "SELECT rolname FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls OR oid ="
        " (SELECT relowner FROM pg_class WHERE oid = to_regclass('public.tenants')))"
    ).fetchone()
    if unbound:
        raise InvalidInput(
            f"The database login {unbound[0]} owns the tables or may bypass row-level security.",
            hint="Run `engagerr db upgrade` with this URL once: it makes an application role, used from then on.",
            facts={"role": unbound[0]},
        )


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
