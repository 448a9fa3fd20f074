"""Tenants, members and their rights, sign-in, tokens, and the audit log."""

from engagerr.core.tenancy.access import Access, Member, Tenant
from engagerr.core.tenancy.audit import AuditVerdict, verify_audit
from engagerr.core.tenancy.members import MemberRow, Members, NewToken, TokenRow
from engagerr.core.tenancy.permissions import PERMISSIONS, Permission, Role

__all__ = [
    "PERMISSIONS",
    "Access",
    "AuditVerdict",
    "Member",
    "MemberRow",
    "Members",
    "NewToken",
    "Permission",
    "Role",
    "Tenant",
    "TokenRow",
    "verify_audit",
]
