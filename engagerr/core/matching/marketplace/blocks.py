"""Verbs on blocks: whom this workspace does not want to meet. The other side is not told."""

from __future__ import annotations

import builtins
import contextlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.matching.marketplace.shelf import named, read
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session

# Everybody whom this workspace could have met, by the name under which it met them.
_MET = """
  SELECT tenant_id, publisher AS name, listing_id AS about FROM market_listings
  UNION ALL SELECT tenant_id, publisher, brief_id FROM market_briefs
  UNION ALL SELECT tenant_id, sender, id FROM market_approaches
  UNION ALL SELECT tenant_id, sender, tenant_id FROM market_approaches
  UNION ALL SELECT tenant_id, publisher, tenant_id FROM market_listings
  UNION ALL SELECT tenant_id, publisher, tenant_id FROM market_briefs
"""


@dataclass(frozen=True, slots=True)
class Block:
    """A workspace that is blocked: what it was called then, and why (for your own people)."""

    tenant_id: UUID
    name: str
    reason: str | None
    at: datetime


class Blocks:
    """Who sees nothing of this workspace, sends it nothing, and is not seen by it."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def block(self, whom: str | UUID, *, reason: str | None = None) -> Block:
        """Block a workspace, named by its id or name, or by the id of a listing, brief or approach of theirs.

        It holds at once, for what is shown already too; what this workspace sent to them and stands open is withdrawn.
        Blocking again changes nothing. `NotFound` for a name that this workspace never met.
        """
        with self._access.transaction(Permission.TRADE) as session:
            held = self._held(session, whom)
            if held is not None:
                return held
            tenant_id, name = self._met(session, whom)
            if tenant_id == self._access.tenant.id:
                raise InvalidInput("A workspace does not block itself.", hint="Name somebody else.")
            now = self._access.clock.now()
            session.execute(
                text(
                    "INSERT INTO market_blocks (tenant_id, blocked_tenant_id, name, reason, at)"
                    " VALUES (:tenant_id, :blocked, :name, :reason, :now) ON CONFLICT DO NOTHING"
                ),
                {
                    "tenant_id": self._access.tenant.id, "blocked": tenant_id, "name": name, "now": now,
                    "reason": (reason or "").strip() or None,
                },
            )  # fmt: skip
            self._access.audit(session, "market.blocked", f"tenant:{tenant_id}", name=name, reason=reason)
            blocked = self._held(session, tenant_id)
            assert blocked is not None
            return blocked

    def unblock(self, whom: str | UUID) -> Block:
        """Take a block away, by the id or the name of the workspace; returns it as it stood."""
        with self._access.transaction(Permission.TRADE) as session:
            held = self._held(session, whom)
            if held is None:
                raise NotFound(
                    f"{str(whom)!r} is not blocked.", hint="`engagerr market blocks` shows who is.",
                    facts={"blocked": str(whom)},
                )  # fmt: skip
            session.execute(
                text("DELETE FROM market_blocks WHERE tenant_id = :tenant_id AND blocked_tenant_id = :blocked"),
                {"tenant_id": self._access.tenant.id, "blocked": held.tenant_id},
            )
            self._access.audit(session, "market.unblocked", f"tenant:{held.tenant_id}", name=held.name)
            return held

    def list(self) -> tuple[Block, ...]:
        """Whom this workspace blocks, by name."""
        with self._access.transaction(Permission.READ) as session:
            return tuple(self._blocks(session, "true", {}))

    def _held(self, session: Session, whom: str | UUID) -> Block | None:
        meant = named("blocked_tenant_id", "name", whom)
        found = self._blocks(session, meant.sql, dict(meant.parameters))
        if len(found) > 1:
            raise InvalidInput(f"More than one workspace is called {whom}.", hint="Give its id.")
        return found[0] if found else None

    def _blocks(self, session: Session, where: str, parameters: dict[str, str]) -> builtins.list[Block]:
        rows = read(
            session,
            f"""
            SELECT profile.blocked_tenant_id AS tenant_id, profile.name, profile.reason, profile.at
            FROM market_blocks AS profile
            WHERE profile.tenant_id = %(tenant_id)s AND ({where}) ORDER BY lower(profile.name), 1
            """,  # noqa: S608  conditions of this package, values are bound
            {**parameters, "tenant_id": self._access.tenant.id},
        )
        return [Block(**row) for row in rows]

    def _met(self, session: Session, whom: str | UUID) -> tuple[UUID, str]:
        meant = named("about", "name", whom)
        rows = read(
            session,
            f"""
            SELECT tenant_id, max(name) AS name FROM ({_MET}) AS profile
            WHERE ({meant.sql}) AND tenant_id <> %(tenant_id)s GROUP BY tenant_id LIMIT 2
            """,  # noqa: S608  conditions of this package, values are bound
            {**meant.parameters, "tenant_id": self._access.tenant.id},
        )
        if len(rows) > 1:
            raise InvalidInput(f"More than one workspace is meant by {whom}.", hint="Give its id.")
        if not rows:
            with contextlib.suppress(ValueError):  # who shows nothing can be blocked all the same, by the whole id
                return UUID(str(whom)), str(whom)
            raise NotFound(
                f"There is no workspace {str(whom)!r} that you could have met.",
                hint="Name it, or a listing, brief or approach of theirs; or give its whole id.",
                facts={"workspace": str(whom)},
            )
        return rows[0]["tenant_id"], rows[0]["name"]
