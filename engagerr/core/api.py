"""The composition root: `Engagerr` without a tenant, `Workspace` with one, and nothing else."""

from __future__ import annotations

import functools
from types import TracebackType
from typing import TYPE_CHECKING, Any

from engagerr.core.clock import Clock, SystemClock
from engagerr.core.errors import InvalidInput
from engagerr.core.settings import Settings
from engagerr.core.tenancy import Access, Members, Tenant, verify_audit
from engagerr.core.tenancy.audit import AuditVerdict
from engagerr.core.tenancy.home import SignInMemory
from engagerr.core.tenancy.permissions import Permission
from engagerr.core.tenancy.signin import SignIn, find_tenant, found_tenant, sign_in, sign_in_again
from engagerr.core.tenancy.tokens import NotSignedIn, not_signed_in

if TYPE_CHECKING:
    from engagerr.core.content import Content
    from engagerr.core.db import Database
    from engagerr.core.ingestion import Ingestion
    from engagerr.core.metrics import FigureReader, Metrics
    from engagerr.core.ops import Health
    from engagerr.core.roster import Roster


class Engagerr:
    """One Engagerr: settings, database and clock; no tenant. Cheap to open: nothing connects before it is needed.

    >>> with Engagerr.open() as engagerr:
    ...     work = engagerr.workspace()
    ...     work.ingestion.import_file("Table data.csv", creator="Ann Lee")
    """

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()

    @classmethod
    def open(cls, **flags: Any) -> Engagerr:
        """Read the settings (flags over environment over TOML over defaults) and make an Engagerr of them."""
        return cls(Settings.load(**flags))

    @functools.cached_property
    def database(self) -> Database:
        """The database of these settings."""
        from engagerr.core.db import Database

        return Database(self.settings)

    def init(self, name: str, *, kind: str = "agency", email: str | None = None) -> Workspace:
        """Found a workspace in this home and sign in; in a home that has one, sign in to that and change nothing."""
        memory = SignInMemory(self.settings.home)
        with memory.exclusive():
            held = self._signed_in(memory)
            if held is not None:
                self._refuse_another(held.tenant, kind=kind, name=name)
                return Workspace(self, held)
            if (tenant_id := memory.tenant_id()) is not None:
                there = find_tenant(self.database, tenant_id)
                if there is not None:
                    self._refuse_another(there, kind=kind, name=name)
                    held, token = sign_in_again(
                        self.database, there, email=email, session_days=self.settings.tenancy.session_days,
                        now=self.clock.now(),
                    )  # fmt: skip
                    memory.keep(tenant_id=tenant_id, token=token)
                    return Workspace(self, held)
            held, token = found_tenant(
                self.database, kind=kind, name=name, email=email,
                session_days=self.settings.tenancy.session_days, now=self.clock.now(),
            )  # fmt: skip
            memory.keep(tenant_id=held.tenant.id, token=token)
        return Workspace(self, held)

    def workspace(self, token: str | None = None) -> Workspace:
        """Open a workspace with a token; without one, with ENGAGERR_TOKEN or the home's own sign-in."""
        if token is None:
            token = SignInMemory(self.settings.home).token()
        if token is None:
            raise not_signed_in()
        return Workspace(self, sign_in(self.database, token, now=self.clock.now()))

    def close(self) -> None:
        """Close connections. The embedded server keeps running for the next command."""
        if "database" in self.__dict__:
            self.database.close()

    def __enter__(self) -> Engagerr:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _refuse_another(self, there: Tenant, *, kind: str, name: str) -> None:
        if (there.kind, there.name) != (kind, name.strip()):
            raise InvalidInput(
                f"This home holds the {there.kind} {there.name} already.",
                hint="One home is one workspace: set ENGAGERR_HOME to another folder for another one.",
                facts={"workspace": there.name, "kind": there.kind, "home": str(self.settings.home)},
            )

    def _signed_in(self, memory: SignInMemory) -> SignIn | None:
        token = memory.token()
        if token is None:
            return None
        try:
            return sign_in(self.database, token, now=self.clock.now())
        except NotSignedIn:
            return None


class Workspace:
    """A tenant and a person in it: the only way to tenant data. Each property is a feature."""

    def __init__(self, engagerr: Engagerr, signed_in: SignIn) -> None:
        self.tenant = signed_in.tenant
        self.member = signed_in.member
        self._engagerr = engagerr
        self._access = Access(
            engagerr.database, engagerr.settings, engagerr.clock, self.tenant, self.member, signed_in.token_id
        )

    @functools.cached_property
    def members(self) -> Members:
        """People and tokens."""
        return Members(self._access)

    @functools.cached_property
    def roster(self) -> Roster:
        """Creators, accounts, terms and rates."""
        from engagerr.core.roster import Roster

        return Roster(self._access)

    @functools.cached_property
    def ingestion(self) -> Ingestion:
        """Files in, interchange out."""
        from engagerr.core.ingestion import Ingestion

        return Ingestion(self._access)

    @functools.cached_property
    def content(self) -> Content:
        """Items, edges, families."""
        from engagerr.core.content import Content

        return Content(self._access, self._figures)

    @functools.cached_property
    def metrics(self) -> Metrics:
        """Observations, standard figures, reports."""
        from engagerr.core.metrics import Metrics

        return Metrics(self._access, self._figures)

    @functools.cached_property
    def health(self) -> Health:
        """Is all well?"""
        from engagerr.core.ops import Health

        return Health(self._access)

    def verify_audit(self) -> AuditVerdict:
        """Check the audit log's chain of hashes from end to end."""
        with self._access.transaction(Permission.READ_AUDIT):
            pass
        return verify_audit(self._engagerr.database, self.tenant.id)

    @functools.cached_property
    def _figures(self) -> FigureReader:
        from engagerr.core.metrics import FigureReader

        return FigureReader()
