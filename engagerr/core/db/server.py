"""Where the database is and with which role to log in: the embedded server of a home, or a server of yours."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from engagerr.core.db.embedded.files import write_file
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from engagerr.core.settings import Settings

OWNER = "engagerr_owner"
APP = "engagerr_app"


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """What `engagerr db status` shows. `size_bytes` and the revision are None while the server is down."""

    kind: str
    running: bool
    address: str
    server_version: str | None
    revision: str | None
    newest_revision: str
    size_bytes: int | None
    pid: int | None = None
    data_dir: Path | None = None
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """One way in: keyword arguments of `psycopg.connect`. Holds a password, so it is never shown."""

    role: str
    parameters: tuple[tuple[str, Any], ...]

    def __repr__(self) -> str:
        return f"Login(role={self.role!r})"

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments for the driver."""
        return dict(self.parameters)


class EmbeddedAddress:
    """The PostgreSQL that lives in the home and starts when it is needed."""

    kind = "embedded"

    def __init__(self, settings: Settings) -> None:
        from engagerr.core.db.embedded import EmbeddedServer

        self.server = EmbeddedServer(settings.home)

    def login(self, role: str, *, start: bool = False) -> Login | None:
        """The way in as `role`; None while the server was never made and `start` is false."""
        address = self.server.start() if start else self.server.address()
        if address is None:
            return None
        return Login(
            role,
            tuple(
                {
                    "host": str(address.socket_dir),
                    "port": address.port,
                    "dbname": address.database,
                    "user": role,
                    "password": self.server.password(role),
                }.items()
            ),
        )

    def describe(self) -> str:
        """Where it is, in words without secrets."""
        address = self.server.address()
        return f"embedded PostgreSQL in {address.data_dir}" if address else "embedded PostgreSQL, not made yet"


class GivenAddress:
    """A server that `ENGAGERR_DATABASE__URL` names.

    The URL's own role prepares the database once (`engagerr db upgrade`): it makes the two roles, whose passwords then
    stand in `secrets/` of the home. Without them the URL's role itself must be an application role.
    """

    kind = "server"

    def __init__(self, settings: Settings, url: str) -> None:
        import psycopg.conninfo

        unreadable = InvalidInput(
            "The database URL cannot be read.",
            hint="Write it like postgresql://role:password@host:5432/database; an @ in a password is %40.",
        )
        try:
            self.parameters = psycopg.conninfo.conninfo_to_dict(url)
        except psycopg.ProgrammingError:
            # Without its cause, which would quote the URL and the password in it.
            raise unreadable from None
        if "@" in str(self.parameters.get("host", "")):
            raise unreadable
        parts = urlsplit(url)
        self.place = (
            f"{self.parameters.get('host') or parts.hostname or 'local'}:{self.parameters.get('port') or 5432}"
            f"/{self.parameters.get('dbname') or self.parameters.get('user') or ''}"
        )
        self._secrets = settings.home / "secrets" / "servers.json"

    def login(self, role: str, *, start: bool = False) -> Login | None:  # noqa: ARG002  same face as the embedded one
        """The way in as `role`: with the password made by `db upgrade`, else with the URL's own role."""
        held = self._known().get(self.place, {}).get(role)
        if held is None:
            return self.given_login() if role == APP else None
        # A login of this home's own acts as the role that owns the tables.
        acting = {"options": f"-c role={OWNER}"} if role == OWNER else {}
        return Login(role, tuple({**self.parameters, **held, **acting}.items()))

    def given_login(self) -> Login:
        """The way in that the URL itself describes."""
        return Login(str(self.parameters.get("user", "")), tuple(self.parameters.items()))

    def keep_logins(self, logins: dict[str, dict[str, str]]) -> None:
        """Remember {role: {"user", "password"}} of this server, 0600."""
        known = self._known()
        known[self.place] = {**known.get(self.place, {}), **logins}
        self._secrets.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(self._secrets, json.dumps(known, indent=1))

    def describe(self) -> str:
        """Where it is, in words without secrets."""
        return f"PostgreSQL at {self.place}"

    def _known(self) -> dict[str, dict[str, dict[str, str]]]:
        try:
            known = json.loads(self._secrets.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return known if isinstance(known, dict) else {}


def address_of(settings: Settings) -> EmbeddedAddress | GivenAddress:
    """The database that the settings name."""
    url = settings.database.secret_url()
    return GivenAddress(settings, url) if url else EmbeddedAddress(settings)
