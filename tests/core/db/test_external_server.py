"""A PostgreSQL server of one's own, named by ENGAGERR_DATABASE__URL: prepared once, then used as the application.

Roles belong to a whole server, so these tests bring one of their own and wipe it before each test.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from engagerr import Conflict, Engagerr, Forbidden, InvalidInput, Settings, Unavailable
from engagerr.core.db import Database
from engagerr.core.db.database import newest_revision
from engagerr.core.db.embedded import EmbeddedServer
from psycopg import sql
from sqlalchemy import text
from tests.fakes.cluster import take_server_away

PASSWORD = "p%40ss/wörd:1"  # characters that a URL must quote


@dataclass(frozen=True)
class Server:
    """A server as a database administrator knows it."""

    embedded: EmbeddedServer

    def url(self, database: str, role: str = "postgres", password: str | None = None) -> str:
        address = self.embedded.address()
        assert address is not None
        return replace(address, database=database).url(role, password or self.embedded.password("postgres"))

    @contextlib.contextmanager
    def administrator(self, database: str = "postgres") -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            yield connection

    def wipe(self) -> None:
        with self.administrator() as connection:
            for (name,) in connection.execute(
                "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'"
            ).fetchall():
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            for (name,) in connection.execute(
                "SELECT rolname FROM pg_roles WHERE rolname <> 'postgres' AND rolname NOT LIKE 'pg\\_%'"
                " ORDER BY oid DESC"  # members before what they are members of
            ).fetchall():
                # The embedded server's owner may set a parameter, which belongs to no database.
                connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
                connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))

    def make_role(self, name: str, attributes: str = "") -> None:
        with self.administrator() as connection:
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} {}").format(
                    sql.Identifier(name), sql.Literal(PASSWORD), sql.SQL(attributes)
                )
            )

    def make_database(self, name: str, owner: str = "postgres") -> None:
        with self.administrator() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(owner))
            )
        with self.administrator(name) as connection:  # no hoster lets everybody create it
            connection.execute("CREATE EXTENSION vector")


@pytest.fixture(scope="module")
def embedded(run_folder: Path) -> Iterator[EmbeddedServer]:
    home = run_folder / f"external-{os.getpid()}"
    embedded = EmbeddedServer(home, durable=False)
    try:
        embedded.start()
        yield embedded
    finally:
        take_server_away(embedded, home)


@pytest.fixture
def server(embedded: EmbeddedServer) -> Server:
    server = Server(embedded)
    server.wipe()
    server.make_database("shop")
    return server


@pytest.fixture
def opened() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


def at(home: Path, url: str) -> Settings:
    return Settings(home=home, database={"url": url})  # type: ignore[arg-type]


def who_works(engagerr: Engagerr) -> tuple[str, list[str]]:
    """The login of a transaction, without what makes it this home's own, and the roles that it can use or become."""
    with engagerr.database.system() as session:
        login = session.execute(text("SELECT session_user WHERE session_user = current_user")).scalar_one()
        roles = session.execute(
            text(
                "SELECT rolname FROM pg_roles WHERE pg_has_role(session_user, oid, 'USAGE') AND rolname <> session_user"
                " UNION SELECT rolname FROM pg_roles WHERE pg_has_role(session_user, oid, 'SET')"
                "   AND rolname <> session_user"
                " UNION SELECT 'more' FROM pg_roles WHERE rolname = session_user"
                "   AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)"
            )
        ).scalars()
        return login.rpartition("_")[0], list(roles)


AS_THE_APPLICATION = ("engagerr_app", ["engagerr_app"])


def logins_of(home: Path) -> dict[str, dict[str, str]]:
    """{role: {"user", "password"}} as the home keeps them for its one server."""
    (logins,) = json.loads((home / "secrets" / "servers.json").read_text()).values()
    return logins


# ── Preparing ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_superusers_url_prepares_the_server_and_is_not_what_works_on_it(server: Server, home: Path) -> None:
    with Engagerr(at(home, server.url("shop"))) as engagerr:
        assert engagerr.database.upgrade() == (None, newest_revision())
        work = engagerr.init("Northlight")
        work.roster.add("Ann Lee")
        assert [row.name for row in work.roster.list()] == ["Ann Lee"]
        assert who_works(engagerr) == AS_THE_APPLICATION
        assert engagerr.database.check_migrations() == []
        assert engagerr.database.upgrade() == (newest_revision(), newest_revision())


def test_a_role_that_may_create_roles_and_owns_the_database_is_enough(server: Server, home: Path) -> None:
    server.make_role("hoster", "CREATEROLE")
    server.make_database("rented", owner="hoster")
    with Engagerr(at(home, server.url("rented", "hoster", PASSWORD))) as engagerr:
        assert engagerr.database.upgrade() == (None, newest_revision())
        engagerr.init("Northlight").roster.add("Ann Lee")
        assert who_works(engagerr) == AS_THE_APPLICATION
        assert engagerr.database.check_migrations() == []


def test_the_passwords_are_kept_in_the_home_for_nobody_else_to_read(server: Server, home: Path) -> None:
    Database(at(home, server.url("shop"))).upgrade()
    kept = home / "secrets" / "servers.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700
    roles = logins_of(home)
    assert {role: held["user"].rpartition("_")[0] for role, held in roles.items()} == {
        "engagerr_owner": "engagerr_owner",
        "engagerr_app": "engagerr_app",
    }
    for held in roles.values():
        assert len(held["password"]) >= 40
    assert server.embedded.password("postgres") not in kept.read_text()


def test_the_application_role_alone_needs_no_secrets_of_the_home(server: Server, home: Path, tmp_path: Path) -> None:
    """How a second machine is set up: with the application's own login in its URL."""
    Database(at(home, server.url("shop"))).upgrade()
    held = logins_of(home)["engagerr_app"]
    url = server.url("shop", held["user"], held["password"])
    with Engagerr(at(tmp_path / "second", url)) as engagerr:
        assert engagerr.init("Northlight").tenant.name == "Northlight"
        with pytest.raises(InvalidInput, match="owner role is not known"):
            engagerr.database.check_migrations()
    assert not (tmp_path / "second" / "secrets").exists()


def test_a_second_home_on_the_same_server_does_not_lock_the_first_one_out(
    server: Server, home: Path, tmp_path: Path, opened: contextlib.ExitStack
) -> None:
    server.make_database("laboratory")
    first = opened.enter_context(Engagerr(at(home, server.url("shop"))))
    first.database.upgrade()
    work = first.init("Northlight")
    for number, database in enumerate(("shop", "laboratory")):
        other = opened.enter_context(Engagerr(at(tmp_path / f"home{number}", server.url(database))))
        other.database.upgrade()
        assert who_works(other) == AS_THE_APPLICATION
        assert other.init("Southgate").roster.list() == ()
        assert other.database.check_migrations() == []
    first.close()
    work.roster.add("Ann Lee")
    assert [row.name for row in first.workspace().roster.list()] == ["Ann Lee"]


def test_one_home_may_use_two_databases_of_a_server(server: Server, home: Path, opened: contextlib.ExitStack) -> None:
    server.make_database("laboratory")
    both = [opened.enter_context(Engagerr(at(home, server.url(name)))) for name in ("shop", "laboratory")]
    for engagerr in both:
        engagerr.database.upgrade()
    for engagerr in both:
        engagerr.close()
        assert who_works(engagerr) == AS_THE_APPLICATION


@pytest.mark.parametrize("databases", [["shop"] * 4, ["shop", "laboratory", "museum", "shop"]], ids=["one", "several"])
def test_commands_that_prepare_a_server_at_once_do_not_meet(
    server: Server, tmp_path: Path, databases: list[str]
) -> None:
    from engagerr.core.db.migrate import prepare_server
    from engagerr.core.db.server import GivenAddress

    for name in {*databases} - {"shop"}:
        server.make_database(name)
    failures: list[Exception] = []
    together = threading.Barrier(len(databases))
    homes = {name: at(tmp_path / name, server.url(name)) for name in databases}

    def prepare(database: str) -> None:
        address = GivenAddress(homes[database], server.url(database))
        together.wait(30)
        try:
            prepare_server(address, homes[database])
        except Exception as error:  # noqa: BLE001 - to be shown by the thread that asserts
            failures.append(error)

    threads = [threading.Thread(target=prepare, args=(name,)) for name in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    for name, settings in homes.items():
        with Engagerr(settings) as engagerr:
            engagerr.database.upgrade()
            assert engagerr.init(name).tenant.name == name


def test_a_url_may_carry_options_of_its_own(server: Server, home: Path) -> None:
    url = server.url("shop") + "&connect_timeout=3&application_name=shop&options=-c%20work_mem%3D7MB"
    with Engagerr(at(home, url)) as engagerr:
        engagerr.database.upgrade()
        engagerr.init("Northlight")
        with engagerr.database.system() as session:
            assert session.execute(text("SHOW work_mem")).scalar_one() == "7MB"


def test_a_url_in_a_file_works_like_one_in_the_environment(
    server: Server, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "url").write_text(server.url("shop") + "\n")
    monkeypatch.setenv("ENGAGERR_HOME", str(home))
    monkeypatch.setenv("ENGAGERR_DATABASE__URL_FILE", str(tmp_path / "url"))
    with Engagerr.open() as engagerr:
        engagerr.database.upgrade()
        assert engagerr.database.status().kind == "server"
        assert engagerr.init("Northlight").tenant.name == "Northlight"


# ── What goes wrong, and what to do about it ────────────────────────────────────────────────────────────────────────


def test_a_role_that_may_not_create_roles_is_told_so(server: Server, home: Path) -> None:
    server.make_role("tenant")
    server.make_database("rented", owner="tenant")
    with pytest.raises(Forbidden, match="The login tenant may not prepare this database") as refused:
        Database(at(home, server.url("rented", "tenant", PASSWORD))).upgrade()
    assert "CREATEROLE" in (refused.value.hint or "")
    assert not (home / "secrets").exists()


def test_a_role_that_may_not_create_extensions_is_told_which(server: Server, home: Path) -> None:
    server.make_role("guest", "CREATEROLE")
    with pytest.raises(Forbidden, match="may not create the extension ltree") as refused:
        Database(at(home, server.url("shop", "guest", PASSWORD))).upgrade()
    assert refused.value.hint == "Let a database administrator run: CREATE EXTENSION ltree;"
    assert refused.value.facts == {"extension": "ltree"}


def test_extensions_that_an_administrator_made_are_enough(server: Server, home: Path) -> None:
    server.make_role("hoster", "CREATEROLE")
    server.make_database("rented", owner="hoster")
    with server.administrator("rented") as connection:
        connection.execute("CREATE EXTENSION ltree")
        connection.execute("CREATE EXTENSION btree_gist")
    Database(at(home, server.url("rented", "hoster", PASSWORD))).upgrade()


def test_a_server_without_the_extension_is_told_what_to_install(server: Server, home: Path) -> None:
    """PostgreSQL 18 can be told to look for extensions elsewhere: then it has none, like one without contrib."""
    with server.administrator() as connection:
        connection.execute("ALTER DATABASE shop SET extension_control_path = '/nonexistent'")
    with pytest.raises(InvalidInput, match="The server does not have the extension ltree") as refused:
        Database(at(home, server.url("shop"))).upgrade()
    assert "postgresql-contrib" in (refused.value.hint or "")


def test_a_wrong_password_is_not_repeated_in_the_answer(server: Server, home: Path) -> None:
    server.make_role("hoster", "CREATEROLE")
    url = server.url("shop", "hoster", "not-the-password")
    for use in (Database(at(home, url)).upgrade, lambda: Engagerr(at(home, url)).init("Northlight")):
        with pytest.raises(Unavailable, match="password authentication failed") as refused:
            use()
        assert "not-the-password" not in f"{refused.value} {refused.value.hint} {refused.value.facts}"
        assert "ENGAGERR_DATABASE__URL" in (refused.value.hint or "")


def test_a_server_that_is_down_is_named(home: Path, tmp_path: Path) -> None:
    for url in (
        f"postgresql://engagerr_app:secret-word@/shop?host={tmp_path}",
        "postgresql://engagerr_app:secret-word@127.0.0.1:1/shop",
    ):
        database = Database(at(home, url))
        for use in (database.upgrade, lambda: Engagerr(at(home, url)).init("Northlight")):  # noqa: B023
            with pytest.raises(Unavailable, match="cannot be reached") as refused:
                use()
            assert "secret-word" not in f"{refused.value} {refused.value.hint}"
        status = database.status()
        assert (status.running, status.revision, status.size_bytes) == (False, None, None)


def test_a_database_that_is_not_there_is_named(server: Server, home: Path) -> None:
    with pytest.raises(Unavailable, match='database "nowhere" does not exist'):
        Engagerr(at(home, server.url("nowhere"))).init("Northlight")


@pytest.mark.parametrize("url", ["postgresql://[half", "host=a nonsense", "mysql://root@db/shop", "x" * 40])
def test_a_url_that_cannot_be_read_is_not_shown(home: Path, url: str) -> None:
    with pytest.raises(InvalidInput, match="The database URL cannot be read") as refused:
        Database(at(home, url))
    assert url not in f"{refused.value} {refused.value.hint}"


def test_an_old_schema_asks_for_the_upgrade(server: Server, home: Path) -> None:
    with Engagerr(at(home, server.url("shop"))) as engagerr:
        engagerr.database.upgrade()
        with server.administrator("shop") as connection:
            connection.execute("UPDATE alembic_version SET version_num = '0000'")
        with pytest.raises(Conflict, match="has schema 0000; this Engagerr needs") as refused:
            engagerr.init("Northlight")
    assert refused.value.hint == "Run `engagerr db upgrade`."
    assert refused.value.facts == {"revision": "0000", "needed": newest_revision()}


def test_an_empty_database_asks_for_the_upgrade(server: Server, home: Path) -> None:
    with pytest.raises(Conflict, match="has schema none") as refused:
        Engagerr(at(home, server.url("shop"))).init("Northlight")
    assert refused.value.hint == "Run `engagerr db upgrade`."


@pytest.mark.parametrize("attributes", ["SUPERUSER", "BYPASSRLS", "owner"])
def test_a_login_that_row_level_security_does_not_bind_is_refused(
    server: Server, home: Path, tmp_path: Path, attributes: str
) -> None:
    Database(at(home, server.url("shop"))).upgrade()
    if attributes == "owner":
        held = logins_of(home)["engagerr_owner"]
        url = server.url("shop", held["user"], held["password"]) + "&options=-c%20role%3Dengagerr_owner"
    else:
        server.make_role("mighty", attributes)
        with server.administrator("shop") as connection:
            connection.execute("GRANT engagerr_app TO mighty")
        url = server.url("shop", "mighty", PASSWORD)
    with Engagerr(at(tmp_path / "second", url)) as engagerr:
        for _ in range(2):  # and again, not only the first time
            with pytest.raises(InvalidInput, match="may bypass row-level security") as refused:
                engagerr.init("Northlight")
            assert "engagerr db upgrade" in (refused.value.hint or "")


def test_roles_of_our_names_with_more_rights_than_ours_are_not_used(server: Server, home: Path) -> None:
    for name, attribute in (("engagerr_app", "SUPERUSER"), ("engagerr_owner", "BYPASSRLS")):
        server.make_role(name, attribute)
        with pytest.raises(InvalidInput, match=f"The role {name} exists on this server and may bypass") as refused:
            Database(at(home, server.url("shop"))).upgrade()
        assert f"ALTER ROLE {name} NOSUPERUSER NOBYPASSRLS" in (refused.value.hint or "")
        with server.administrator() as connection:
            connection.execute(f"ALTER ROLE {name} NOSUPERUSER NOBYPASSRLS")
    Database(at(home, server.url("shop"))).upgrade()


def test_a_schema_in_which_everybody_may_create_is_refused(server: Server, home: Path) -> None:
    with server.administrator("shop") as connection:
        connection.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
    with pytest.raises(InvalidInput, match="Everybody may create objects in the schema public") as refused:
        Database(at(home, server.url("shop"))).upgrade()
    assert "REVOKE CREATE ON SCHEMA public FROM PUBLIC" in (refused.value.hint or "")
