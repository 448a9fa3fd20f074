"""Test cards and test bank accounts, after Stripe's own list: what each of them does when it is charged."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Means:
    """A means of payment and how it behaves.

    `fails` is (code, decline code, sentence) of a charge; `refuses` the same when it is attached to a customer;
    `dispute` the reason of a dispute that follows; `later` is how a bank debit ends: succeeded, failed or disputed.
    """

    type: str = "card"
    brand: str = "visa"
    last4: str = "4242"
    country: str = "US"
    funding: str = "credit"
    fails: tuple[str, str, str] | None = None
    refuses: bool = False
    authentication: bool = False
    dispute: str | None = None
    inquiry: bool = False
    at_once: bool = False
    refund: str = "succeeded"
    later: str | None = None
    delay: int = 0

    def kept(self) -> dict[str, Any]:
        """As the sandbox keeps it beside a payment method."""
        return asdict(self)


def behaving(kept: dict[str, Any]) -> Means:
    """The means as it was kept."""
    fails = kept.get("fails")
    return Means(**{**kept, "fails": tuple(fails) if fails else None})


_DECLINED = "Your card was declined."


def _fails(code: str, decline_code: str, message: str = _DECLINED, *, last4: str, refuses: bool = True) -> Means:
    return Means(last4=last4, fails=(code, decline_code, message), refuses=refuses)


NUMBERS: dict[str, Means] = {
    "4242424242424242": Means(),
    "4000056655665556": Means(last4="5556", funding="debit"),
    "5555555555554444": Means(brand="mastercard", last4="4444"),
    "5200828282828210": Means(brand="mastercard", last4="8210", funding="debit"),
    "378282246310005": Means(brand="amex", last4="0005"),
    "6011111111111117": Means(brand="discover", last4="1117"),
    "3056930009020004": Means(brand="diners", last4="0004"),
    "3566002020360505": Means(brand="jcb", last4="0505"),
    "6200000000000005": Means(brand="unionpay", last4="0005"),
    "4000002760000016": Means(last4="0016", country="DE"),
    "4000002500001001": Means(last4="1001", country="FR"),
    "4000008260000000": Means(last4="0000", country="GB"),
    "4000000000000077": Means(last4="0077", at_once=True),
    "4000000000000002": _fails("card_declined", "generic_decline", last4="0002"),
    "4000000000009995": _fails("card_declined", "insufficient_funds", "Your card has insufficient funds.",
                               last4="9995"),
    "4000000000009987": _fails("card_declined", "lost_card", last4="9987"),
    "4000000000009979": _fails("card_declined", "stolen_card", last4="9979"),
    "4000000000000069": _fails("expired_card", "expired_card", "Your card has expired.", last4="0069"),
    "4000000000000127": _fails("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.",
                               last4="0127"),
    "4000000000000119": _fails("processing_error", "processing_error",
                               "An error occurred while processing your card.", last4="0119"),
    "4000000000006975": _fails("card_declined", "card_velocity_exceeded", last4="6975"),
    "4100000000000019": _fails("card_declined", "fraudulent", last4="0019"),
    "4000000000000341": _fails("card_declined", "generic_decline", last4="0341", refuses=False),
    "4000002500003155": Means(last4="3155", authentication=True),
    "4000002760003184": Means(last4="3184", authentication=True, country="DE"),
    "4000000000003220": Means(last4="3220", authentication=True),
    "4000000000003063": Means(last4="3063", authentication=True),
    "4000000000000259": Means(last4="0259", dispute="fraudulent"),
    "4000000000002685": Means(last4="2685", dispute="product_not_received"),
    "4000000000001976": Means(last4="1976", dispute="fraudulent", inquiry=True),
    "4000000000007726": Means(last4="7726", refund="pending"),
    "4000000000005126": Means(last4="5126", refund="failed"),
}  # fmt: skip

# The part after `pm_card_` or `tok_`, without `visa_` before it.
NAMES: dict[str, str] = {
    "visa": "4242424242424242", "us": "4242424242424242", "visa_debit": "4000056655665556",
    "mastercard": "5555555555554444", "mastercard_debit": "5200828282828210", "amex": "378282246310005",
    "discover": "6011111111111117", "diners": "3056930009020004", "jcb": "3566002020360505",
    "unionpay": "6200000000000005", "de": "4000002760000016", "fr": "4000002500001001", "gb": "4000008260000000",
    "bypassPending": "4000000000000077", "chargeDeclined": "4000000000000002",
    "chargeDeclinedInsufficientFunds": "4000000000009995", "chargeDeclinedLostCard": "4000000000009987",
    "chargeDeclinedStolenCard": "4000000000009979", "chargeDeclinedExpiredCard": "4000000000000069",
    "chargeDeclinedIncorrectCvc": "4000000000000127", "chargeDeclinedProcessingError": "4000000000000119",
    "chargeDeclinedVelocityLimitExceeded": "4000000000006975", "chargeDeclinedFraudulent": "4100000000000019",
    "chargeDeclinedBlocked": "4100000000000019", "riskLevelHighest": "4100000000000019",
    "chargeCustomerFail": "4000000000000341", "authenticationRequired": "4000002500003155",
    "authenticationRequiredOnSetup": "4000002500003155", "threeDSecure2Required": "4000000000003220",
    "threeDSecureRequired": "4000000000003063", "createDispute": "4000000000000259",
    "createDisputeProductNotReceived": "4000000000002685", "createDisputeInquiry": "4000000000001976",
    "pendingRefund": "4000000000007726", "refundFail": "4000000000005126",
}  # fmt: skip

_MINUTES_3 = 180
_NO_MONEY = ("insufficient_funds", "insufficient_funds", "The customer's account has insufficient funds.")
_CLOSED = ("debit_not_authorized", "account_closed", "The customer's bank account has been closed.")
_SEPA = {
    "3000": Means("sepa_debit", last4="3000", later="succeeded"),
    "3001": Means("sepa_debit", last4="3001", later="failed", fails=_NO_MONEY),
    "3002": Means("sepa_debit", last4="3002", later="disputed"),
    "3003": Means("sepa_debit", last4="3003", later="succeeded", delay=_MINUTES_3),
    "3201": Means("sepa_debit", last4="3201", country="AT", later="succeeded"),
    "3202": Means("sepa_debit", last4="3202", country="AT", later="failed", fails=_NO_MONEY),
    "3004": Means("sepa_debit", last4="3004", later="failed", delay=_MINUTES_3, fails=_NO_MONEY),
}
_US_BANK = {
    "6789": Means("us_bank_account", last4="6789", later="succeeded"),
    "1113": Means("us_bank_account", last4="1113", later="failed", fails=_CLOSED),
    "1116": Means("us_bank_account", last4="1116", later="failed", fails=_CLOSED),
    "2227": Means("us_bank_account", last4="2227", later="failed", fails=_NO_MONEY),
    "2222": Means("us_bank_account", last4="2222", later="failed", fails=_NO_MONEY),
    "1235": Means("us_bank_account", last4="1235", later="disputed"),
}
_BANK_NAMES = {
    "pm_sepaDebit": _SEPA["3000"], "pm_sepaDebit_failed": _SEPA["3001"], "pm_sepaDebit_disputed": _SEPA["3002"],
    "pm_sepaDebit_slow": _SEPA["3003"], "pm_sepaDebit_slowFails": _SEPA["3004"],
    "pm_usBankAccount": _US_BANK["6789"], "pm_usBankAccount_success": _US_BANK["6789"],
    "pm_usBankAccount_accountClosed": _US_BANK["1113"], "pm_usBankAccount_insufficientFunds": _US_BANK["2227"],
    "pm_usBankAccount_dispute": _US_BANK["1235"],
}  # fmt: skip


def by_name(name: str) -> Means | None:
    """The means behind `pm_card_…`, `tok_…`, `pm_sepaDebit…` or `pm_usBankAccount…`; None where it is no such name."""
    if name in _BANK_NAMES:
        return _BANK_NAMES[name]
    for prefix in ("pm_card_", "tok_"):
        if name.startswith(prefix):
            word = name.removeprefix(prefix)
            number = NAMES.get(word) or NAMES.get(word.removeprefix("visa_"))
            return NUMBERS[number] if number else None
    return None


def by_number(number: str) -> Means | None:
    """The means behind a card number; None for one that is not in the list of test cards."""
    return NUMBERS.get(number.replace(" ", ""))


def by_iban(iban: str) -> Means:
    """The means behind an IBAN: its end says how it behaves."""
    return _SEPA.get(iban.replace(" ", "")[-4:], Means("sepa_debit", last4=iban[-4:], later="succeeded"))


def by_account_number(number: str) -> Means:
    """The means behind a bank account of the United States."""
    return _US_BANK.get(number[-4:], Means("us_bank_account", last4=number[-4:], later="succeeded"))
