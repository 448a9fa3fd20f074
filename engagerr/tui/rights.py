"""Who may, in words: the one place where the console says that a verb is not this member's, by the core's own table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engagerr.core.tenancy.permissions import PERMISSIONS, Permission

if TYPE_CHECKING:
    from engagerr import Workspace


def who_may(permission: Permission) -> str:
    """`Owner, manager or finance may.`"""
    roles = [role.value for role, may in PERMISSIONS.items() if permission in may]
    named = f"{', '.join(roles[:-1])} or {roles[-1]}" if len(roles) > 1 else "".join(roles)
    return f"{named.capitalize()} may."


def refused_for(work: Workspace, *permissions: Permission) -> str | None:
    """None if this member may all of it; else who may what they may not first."""
    held = PERMISSIONS[work.member.role]
    return next((who_may(permission) for permission in permissions if permission not in held), None)
