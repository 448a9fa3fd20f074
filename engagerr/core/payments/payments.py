"""`Workspace.payments`: the features of money, each made when it is first used.

`settled` is told the subject of each hold in which nothing is held any more. `silence` is asked whether the want of an
answer may release what is held for a subject, `approved` whether the payer has approved all that it pays for: whatever
the money is for.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.payments.billing.invoices import Invoices
    from engagerr.core.payments.billing.plans import Plans
    from engagerr.core.payments.billing.subscriptions import Subscriptions
    from engagerr.core.payments.billing.tax_forms import Taxes
    from engagerr.core.payments.held.conversions import Conversions
    from engagerr.core.payments.held.disputes import Disputes
    from engagerr.core.payments.held.held_money import Holds
    from engagerr.core.payments.held.limits import Limits
    from engagerr.core.payments.held.payouts import Payouts
    from engagerr.core.payments.held.receipts import Receipts
    from engagerr.core.payments.ledger.ledger import Ledger
    from engagerr.core.payments.provider.inbox import ProviderEvents
    from engagerr.core.payments.provider.payees import Payees
    from engagerr.core.payments.reconciling.differences import Differences
    from engagerr.core.payments.reconciling.reconciliation import Reconciliation
    from engagerr.core.payments.reconciling.statements import Statements
    from engagerr.core.payments.rounds import Rounds
    from engagerr.core.payments.stripe_gateway import StripeGateway
    from engagerr.core.tenancy import Access


class Payments:
    """Money of this workspace. Nothing speaks to the provider before a verb has to."""

    def __init__(
        self,
        access: Access,
        gateway: Callable[[], StripeGateway],
        *,
        settled: Callable[[Session, Access, str], None],
        silence: Callable[[Session, Access, str], bool],
        approved: Callable[[Session, Access, str], bool],
    ) -> None:
        self._access = access
        self._gateway = gateway
        self._settled = settled
        self._silence = silence
        self._approved = approved

    @functools.cached_property
    def ledger(self) -> Ledger:
        """The books: accounts, balances now and then, transfers, and the proof that nobody touched them."""
        from engagerr.core.payments.ledger.ledger import Ledger

        return Ledger(self._access)

    @functools.cached_property
    def holds(self) -> Holds:
        """Held money: fund, release, refund, recall."""
        from engagerr.core.payments.held.held_money import Holds

        return Holds(self._access, self._gateway, settled=self._settled, silence=self._silence, approved=self._approved)

    @functools.cached_property
    def limits(self) -> Limits:
        """How much a role may move."""
        from engagerr.core.payments.held.limits import Limits

        return Limits(self._access)

    @functools.cached_property
    def receipts(self) -> Receipts:
        """What was done with money, as it was given out."""
        from engagerr.core.payments.held.receipts import Receipts

        return Receipts(self._access)

    @functools.cached_property
    def disputes(self) -> Disputes:
        """Payments that banks take back."""
        from engagerr.core.payments.held.disputes import Disputes

        return Disputes(self._access)

    @functools.cached_property
    def payouts(self) -> Payouts:
        """What reached the payees' banks."""
        from engagerr.core.payments.held.payouts import Payouts

        return Payouts(self._access)

    @functools.cached_property
    def conversions(self) -> Conversions:
        """One currency into another, at a quote."""
        from engagerr.core.payments.held.conversions import Conversions

        return Conversions(self._access)

    @functools.cached_property
    def payees(self) -> Payees:
        """Who is paid."""
        from engagerr.core.payments.provider.payees import Payees

        return Payees(self._access, self._gateway)

    @functools.cached_property
    def events(self) -> ProviderEvents:
        """What the provider told, and taking it in again."""
        from engagerr.core.payments.provider.inbox import ProviderEvents

        return ProviderEvents(self._access, self._gateway)

    @functools.cached_property
    def rounds(self) -> Rounds:
        """What has to happen regularly: hear the provider, finish what was begun, release what is due."""
        from engagerr.core.payments.rounds import Rounds

        return Rounds(self)

    @functools.cached_property
    def plans(self) -> Plans:
        """What can be subscribed to."""
        from engagerr.core.payments.billing.plans import Plans

        return Plans(self._access, self._gateway)

    @functools.cached_property
    def subscriptions(self) -> Subscriptions:
        """Who subscribes to what."""
        from engagerr.core.payments.billing.subscriptions import Subscriptions

        return Subscriptions(self._access, self._gateway)

    @functools.cached_property
    def invoices(self) -> Invoices:
        """Invoices, credit notes and self-billing."""
        from engagerr.core.payments.billing.invoices import Invoices

        return Invoices(self._access)

    @functools.cached_property
    def taxes(self) -> Taxes:
        """Tax forms and reports."""
        from engagerr.core.payments.billing.tax_forms import Taxes

        return Taxes(self._access)

    @functools.cached_property
    def reconciliation(self) -> Reconciliation:
        """Our books against the provider's."""
        from engagerr.core.payments.reconciling.reconciliation import Reconciliation

        return Reconciliation(self._access, self._gateway)

    @functools.cached_property
    def differences(self) -> Differences:
        """What reconciliation found, and what became of it."""
        from engagerr.core.payments.reconciling.differences import Differences

        return Differences(self._access, self._gateway)

    @functools.cached_property
    def statements(self) -> Statements:
        """What moved for a party in a month: opening, movements, closing."""
        from engagerr.core.payments.reconciling.statements import Statements

        return Statements(self._access)
