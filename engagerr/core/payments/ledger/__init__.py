"""The ledger: transfers between accounts that never change, and what each account holds.

Steps for the rest of the core are functions on a session; `Ledger` has the verbs.
"""

from engagerr.core.payments.ledger.accounts import AccountRow, account
from engagerr.core.payments.ledger.balances import Balance, balance
from engagerr.core.payments.ledger.posting import (
    AlreadySettled,
    Expired,
    KeyReused,
    Leg,
    NotEnough,
    Order,
    Posting,
    TransferRow,
    post,
    post_many,
    settle_pending,
)

__all__ = [
    "AccountRow",
    "AlreadySettled",
    "Balance",
    "Expired",
    "KeyReused",
    "Leg",
    "NotEnough",
    "Order",
    "Posting",
    "TransferRow",
    "account",
    "balance",
    "post",
    "post_many",
    "settle_pending",
]
