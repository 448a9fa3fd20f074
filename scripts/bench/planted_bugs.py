"""Bugs that code which moves money could have, each as a change of one place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Bug:
    """One bug: in `file`, `before` becomes `after`. `before` stands there exactly once."""

    name: str
    file: str
    before: str
    after: str


def planted(root: Path, bug: Bug) -> None:
    """Put the bug in; `LookupError` where its place is gone."""
    path = root / bug.file
    text = path.read_text(encoding="utf-8")
    if text.count(bug.before) != 1:
        raise LookupError(f"{bug.name}: {bug.file} has its place {text.count(bug.before)} times, not once")
    path.write_text(text.replace(bug.before, bug.after), encoding="utf-8")


_P = "engagerr/core/payments/"
_SQL = "engagerr/core/db/migrations/sql/"

BUGS: tuple[Bug, ...] = (
    Bug("a hold is not locked before it is looked at", _P + "held/holds.py", "id = :id FOR UPDATE", "id = :id"),
    Bug("shares are rounded down", _P + "held/splits.py",
        "    parts = dict(zip((share.party for share in shares), split_in_steps(amount, weights), strict=True))",
        "    down = [Money(amount.minor * w // sum(weights), amount.currency) for w in weights]\n"
        "    parts = dict(zip((share.party for share in shares), down, strict=True))"),
    Bug("a payment is booked each time it is told of", _P + "held/settling.py",
        "if _is_booked(session, access, operation):", "if False:"),
    Bug("the payment's key in the books is forgotten", _P + "held/settling.py",
        'key=f"op:{operation.id}:fund"', 'key=f"op:{operation.id}:fund:{now.isoformat()}"'),
    Bug("a failed transfer counts as sent", _P + "held/settling.py",
        "how=\"post\" if well else \"void\"", "how=\"post\""),
    Bug("a transfer that failed is not sent again", _P + "held/settling.py",
        "CASE WHEN :well THEN 'sent' ELSE 'waiting' END", "'sent'"),
    Bug("fees are booked the wrong way round", _P + "held/settling.py",
        'source=account(session, tenant_id=tenant_id, kind="fees", party="stripe", currency=currency),\n'
        '                destination=account(session, tenant_id=tenant_id, kind="outside",',
        'source=account(session, tenant_id=tenant_id, kind="outside", party="stripe", currency=currency),\n'
        '                destination=account(session, tenant_id=tenant_id, kind="fees",'),
    Bug("a refund that failed stays refunded", _P + "held/settling.py",
        "SET refunded_minor = refunded_minor - :amount", "SET refunded_minor = refunded_minor"),
    Bug("a dispute that is won gives back nothing", _P + "held/disputes.py", "if lines.returned:", "if False:"),
    Bug("a dispute takes all from the hold, held or not", _P + "held/disputes.py",
        "min(balance(session, tenant_id=tenant_id, account_id=in_hold).available, taken)", "taken"),
    Bug("a dispute told twice is booked twice", _P + "held/disputes.py",
        'key=f"dispute:{row.id}", subject', 'key=f"dispute:{row.id}:{now.isoformat()}", subject'),
    Bug("an inquiry takes money", _P + "held/disputes.py", "    if lines.taken:", "    if True:"),
    Bug("the dispute's fee is not booked", _P + "held/disputes.py", "if fee and row.fee is None:", "if False:"),
    Bug("a payout that fails stays gone", _P + "held/payouts.py",
        'elif payout["status"] in ("failed", "canceled") and booked:', "elif False:"),
    Bug("a payout is booked whenever it is told of", _P + "held/payouts.py",
        'if payout["status"] == "paid" and not booked:', 'if payout["status"] == "paid":'),
    Bug("a release looks at no block", _P + "held/movements.py",
        "    if hold.blocks:\n        raise Blocked(hold)\n    tenant_id", "    tenant_id"),
    Bug("a refund goes out though a bank takes the payment back", _P + "held/movements.py",
        " AND NOT (operation_id = ANY(:disputed)) ORDER BY at", " ORDER BY at"),
    Bug("a recall takes from everybody alike", _P + "held/movements.py",
        "split_in_steps(movement.amount, [share.rest.minor for share in shares])",
        "split_in_steps(movement.amount, [1 for share in shares])"),
    Bug("a recall forgets what it took", _P + "held/movements.py",
        "SET recalled_minor = recalled_minor + :part, state =", "SET recalled_minor = recalled_minor, state ="),
    Bug("a second person may be the first one", _P + "held/movements.py",
        "if movement.requested_by_id == access.member.id:", "if False:"),
    Bug("what needs two people is done by one", _P + "held/held_money.py",
        "if movement.needs_second and approver is None:", "if False:"),
    Bug("silence runs out early", _P + "held/held_money.py",
        "row.auto_release_at <= judged_at(session, self._access)", "True"),
    Bug("a transfer goes out to whoever is not active", _P + "held/transfers.py",
        'if payee["capability"] != "active":', "if False:"),
    Bug("an open dispute lets what was released go out", _P + "held/transfers.py",
        "why = frozen or _why_not(", "why = _why_not("),
    Bug("a new transfer has the purpose of the one that failed", _P + "held/transfers.py",
        "return failed + 1", "return 1"),
    Bug("transfers take more from a charge than it is", _P + "held/transfers.py",
        "charges[0].amount_minor - charges[0].used_minor >= share.rest.minor", "True"),
    Bug("the idempotency key is new each time", _P + "provider/operations.py",
        'return f"engagerr-{self.id}-{self.generation}"',
        'import uuid\n\n        return f"engagerr-{self.id}-{uuid.uuid4()}"'),
    Bug("what is unknown is sent again without a look", _P + "provider/sending_out.py",
        "if claim.doubtful or access.clock.now() - operation.created_at > KEY_LIVES:", "if False:"),
    Bug("a purpose asked twice is two operations", _P + "provider/operations.py",
        '"subject": subject, "purpose": purpose,', '"subject": subject, "purpose": f"{purpose}:{now.isoformat()}",'),
    Bug("an event is believed as it was told", _P + "provider/inbox.py",
        "ON CONFLICT (tenant_id, event_id) DO NOTHING RETURNING event_id",
        "ON CONFLICT (tenant_id, event_id) DO UPDATE SET state = 'received' RETURNING event_id"),
    Bug("the books let a hold go below zero", _SQL + "0006_ledger.sql",
        "  IF source.guarded AND source.posted - moved < source.pending_out + reserved THEN", "  IF false THEN"),
    Bug("what is pending is not set aside", _SQL + "0006_ledger.sql",
        "WHEN 'single' THEN 0 WHEN 'pending' THEN asked.amount ELSE -reserve.amount_minor END;",
        "WHEN 'single' THEN 0 WHEN 'pending' THEN 0 ELSE 0 END;"),
    Bug("nobody asks who approved a release", _SQL + "0006_holds.sql",
        "          AND movement.state = 'approved'\n", ""),
    Bug("a recall makes the hold's figures wrong", _SQL + "0006_holds.sql",
        "FILTER (WHERE leg.kind IN ('release', 'commission', 'reversal', 'recovery')), 0)",
        "FILTER (WHERE leg.kind IN ('release', 'commission')), 0)"),
)  # fmt: skip
