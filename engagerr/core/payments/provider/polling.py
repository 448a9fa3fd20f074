"""Polling: what the provider has to tell, fetched from its lists. Works without an address that it could call.

Webhooks may be lost for days; the lists go back thirty. A list is read from its newest end, so that the cursor moves
only once all of it has been kept; whoever dies before reads the same again, and what is known is not kept twice.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import text

from engagerr.core.errors import EngagerrError, Unavailable
from engagerr.core.events import open_task
from engagerr.core.payments.provider.errors import AuthenticationRefused, NotAtProvider
from engagerr.core.payments.provider.inbox import Handled, handle_pending, take_in
from engagerr.core.payments.provider.mode import keep_to
from engagerr.core.payments.provider.payee_mirror import moment_of, refresh_account
from engagerr.core.telemetry import log

if TYPE_CHECKING:
    from engagerr.core.payments.stripe_gateway import StripeGateway
    from engagerr.core.tenancy import Access

# How far back the provider's lists go.
EVENTS_KEPT = timedelta(days=30)
GAP_TASK = "payment.events_gap"
# Events of one second may become visible one after the other, and late ones after those that are newer.
_OVERLAP = timedelta(minutes=15)
# So many payees' lists are read in every run; of more, each is read the less often.
_ACCOUNTS_AT_ONCE = 20
_STALE, _STALE_ACTIVE, _REFRESHES = timedelta(minutes=10), timedelta(days=1), 100


@dataclass(frozen=True, slots=True)
class PollReport:
    """What a poll brought. `new` events were kept, `known` had come before; `accounts` of payees were read as well.

    `gap`: the last poll lies further back than the provider's lists, so that only reconciliation finds what happened.
    `troubles` says what could not be read.
    """

    new: int
    known: int
    held: int
    accounts: int
    refreshed: int
    gap: bool
    events: Handled
    troubles: tuple[str, ...]


def poll(access: Access, gateway: StripeGateway) -> PollReport:
    """Fetch what happened since the last poll, with us and with payees, act upon it, and ask about unsettled payees.

    `Unavailable` if not even our own list can be read; whatever was fetched before is kept.
    """
    counts: Counter[str] = Counter()
    with access.database.transaction(access.tenant.id) as session:
        keep_to(session, access, gateway)
    gap = _read_list(access, gateway, None, counts)
    accounts, troubles = 0, list[str]()
    for account in _accounts_due(access):
        try:
            _read_list(access, gateway, account, counts)
            accounts += 1
        except (NotAtProvider, AuthenticationRefused) as error:
            troubles.append(f"{account}: {error.message}")
        except Unavailable as error:
            troubles.append(f"{account}: {error.message}")
            break
    handled = handle_pending(access, gateway)
    refreshed = _refresh_stale(access, gateway, troubles)
    report = PollReport(
        new=counts["new"], known=counts["known"], held=counts["held"], accounts=accounts, refreshed=refreshed, gap=gap,
        events=handled, troubles=tuple(troubles),
    )  # fmt: skip
    log("payment.polled", new=report.new, known=report.known, handled=handled.handled, gap=gap)
    return report


def _read_list(access: Access, gateway: StripeGateway, account: str | None, counts: Counter[str]) -> bool:
    """Keep every event of one list since its cursor, then move the cursor; whether it lay too far back."""
    name = "events" if account is None else f"events:{account}"
    now = access.clock.now()
    with access.database.transaction(access.tenant.id) as session:
        cursor = session.execute(
            text(
                "SELECT created_at, last_id, updated_at FROM provider_cursors"
                " WHERE tenant_id = :tenant_id AND name = :name"
            ),
            {"tenant_id": access.tenant.id, "name": name},
        ).one_or_none()
    gap = cursor is not None and now - cursor.updated_at > EVENTS_KEPT
    since = None if cursor is None or gap else cursor.created_at - _OVERLAP
    newest: tuple[datetime, str] | None = None
    after: str | None = None
    while True:
        page = gateway.events(since=since, account=account, after=after)
        with access.database.transaction(access.tenant.id) as session:
            for event in page.objects:
                # Lists of a payee's account do not say whose they are.
                told = event if account is None else {**event, "account": account}
                counts[take_in(session, access, told, via="poll", livemode=gateway.livemode)] += 1
        if newest is None and page.objects:
            newest = (moment_of(page.objects[0]["created"]) or now, page.objects[0]["id"])
        if not page.more or not page.objects:
            break
        after = page.objects[-1]["id"]
    _move(access, name, newest, now)
    if gap:
        _tell_gap(access, name, cursor.updated_at if cursor else now)
    return gap


def _move(access: Access, name: str, newest: tuple[datetime, str] | None, now: datetime) -> None:
    with access.database.transaction(access.tenant.id) as session:
        session.execute(
            text(
                """
                INSERT INTO provider_cursors AS held (tenant_id, name, created_at, last_id, updated_at)
                VALUES (:tenant_id, :name, :created_at, :last_id, :now)
                ON CONFLICT (tenant_id, name) DO UPDATE
                SET created_at = greatest(held.created_at, excluded.created_at), updated_at = :now,
                    last_id = CASE WHEN excluded.created_at >= held.created_at
                      THEN coalesce(excluded.last_id, held.last_id) ELSE held.last_id END
                """
            ),
            {
                "tenant_id": access.tenant.id, "name": name, "now": now,
                # Without any event, the beginning of time: a provider's clock may be behind ours.
                "created_at": newest[0] if newest else datetime(2000, 1, 1, tzinfo=UTC),
                "last_id": newest[1] if newest else None,
            },
        )  # fmt: skip


def _tell_gap(access: Access, name: str, last: datetime) -> None:
    with access.database.transaction(access.tenant.id) as session:
        open_task(
            session, tenant_id=access.tenant.id, kind=GAP_TASK, about=access.tenant.id, subject=name,
            message=f"The provider was last asked on {last:%Y-%m-%d}; what it told before its list began is lost.",
            hint="Compare the books with its balance: engagerr payment reconcile", now=access.clock.now(),
        )  # fmt: skip


def _accounts_due(access: Access) -> list[str]:
    """The payees' accounts whose lists are to be read now: all of a few, of many those that were read longest ago."""
    with access.database.transaction(access.tenant.id) as session:
        rows = session.execute(
            text(
                "SELECT payee.provider_account FROM payees AS payee LEFT JOIN provider_cursors AS held"
                " ON held.tenant_id = payee.tenant_id AND held.name = 'events:' || payee.provider_account"
                " WHERE payee.tenant_id = :tenant_id AND payee.provider_account IS NOT NULL"
                " ORDER BY held.updated_at NULLS FIRST, payee.provider_account LIMIT :most"
            ),
            {"tenant_id": access.tenant.id, "most": _ACCOUNTS_AT_ONCE},
        )
        return list(rows.scalars())


def _refresh_stale(access: Access, gateway: StripeGateway, troubles: list[str]) -> int:
    """Ask about payees of whom nothing was heard lately: often while they are not settled, daily once they are."""
    now = access.clock.now()
    with access.database.transaction(access.tenant.id) as session:
        accounts = session.execute(
            text(
                "SELECT provider_account FROM payees WHERE tenant_id = :tenant_id AND provider_account IS NOT NULL"
                " AND coalesce(refreshed_at, '-infinity')"
                " <= CASE capability WHEN 'active' THEN :stale_active ELSE :stale END"
                " ORDER BY refreshed_at NULLS FIRST LIMIT :most"
            ),
            {
                "tenant_id": access.tenant.id, "stale": now - _STALE, "stale_active": now - _STALE_ACTIVE,
                "most": _REFRESHES,
            },
        ).scalars().all()  # fmt: skip
    refreshed = 0
    for account in accounts:
        try:
            refresh_account(access, gateway, account)
            refreshed += 1
        except EngagerrError as error:
            troubles.append(f"{account}: {error.message}")
            if isinstance(error, Unavailable):
                break
    return refreshed
