"""Which role may do what: one table, read by every verb."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a member is in a workspace."""

    OWNER = "owner"
    MANAGER = "manager"
    FINANCE = "finance"
    ANALYST = "analyst"
    VIEWER = "viewer"


class Permission(StrEnum):
    """What a verb asks for before it begins."""

    READ = "read"
    READ_TERMS = "read terms and rates"
    IMPORT = "import files"
    SYNC = "sync platforms"
    CONNECT = "connect platforms"
    SCHEDULE = "change the schedule"
    EDIT_ROSTER = "edit the roster"
    EDIT_TERMS = "edit terms and rates"
    DECIDE_CONTENT = "confirm and reject content edges"
    USE_AI = "run models"
    SET_AI_POLICY = "set the policy of models"
    EDIT_BRIEFS = "edit briefs, searches and shortlists"
    TRADE = "publish to the marketplace and approach others"
    READ_DEALS = "read deals and contracts"
    EDIT_DEALS = "edit deals, proposals and contracts"
    SIGN_CONTRACTS = "sign contracts"
    APPROVE_DELIVERY = "approve deliverables"
    READ_MONEY = "read the books"
    FUND = "fund holds and bill"
    APPROVE_RELEASE = "approve that money is released or refunded"
    RELEASE = "release, refund and pay out"
    SET_PAYMENTS = "set up payees, plans, tax and payment limits"
    MANAGE_MEMBERS = "manage members and tokens"
    READ_AUDIT = "read the audit log"


_EVERYONE = frozenset({Permission.READ})

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.MANAGER: frozenset(Permission) - {Permission.MANAGE_MEMBERS},
    Role.FINANCE: _EVERYONE
    | {
        Permission.READ_TERMS,
        Permission.EDIT_TERMS,
        Permission.READ_AUDIT,
        Permission.READ_DEALS,
        Permission.READ_MONEY,
        Permission.FUND,
        Permission.APPROVE_RELEASE,
        Permission.RELEASE,
        Permission.SET_PAYMENTS,
    },
    Role.ANALYST: _EVERYONE
    | {
        Permission.IMPORT,
        Permission.SYNC,
        Permission.DECIDE_CONTENT,
        Permission.READ_TERMS,
        Permission.USE_AI,
        Permission.EDIT_BRIEFS,
        Permission.READ_DEALS,
    },
    Role.VIEWER: _EVERYONE,
}
