"""The roster: creators, their platform accounts, representation terms and rates."""

from engagerr.core.roster.identity import (
    AccountName,
    account_id_of,
    account_key,
    accounts_of,
    find_creator,
    parse_account,
)
from engagerr.core.roster.roster import AccountRow, CreatorPage, CreatorRow, RateRow, Roster, TermsRow

__all__ = [
    "AccountName",
    "AccountRow",
    "CreatorPage",
    "CreatorRow",
    "RateRow",
    "Roster",
    "TermsRow",
    "account_id_of",
    "account_key",
    "accounts_of",
    "find_creator",
    "parse_account",
]
