"""Whatever is done in whatever order: balances are the sums of their entries, and nothing is given twice."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from engagerr.core.payments.sandbox import KEY, PLATFORM, Sandbox
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.fakes.clock import SteeredClock

METHODS = ["pm_card_visa", "pm_card_bypassPending", "pm_card_chargeDeclined", "pm_card_createDispute",
           "pm_card_refundFail", "pm_sepaDebit_disputed", "pm_sepaDebit_slowFails"]  # fmt: skip


class Trade(RuleBasedStateMachine):
    """A platform and two accounts; most of what is tried is allowed, and some is refused."""

    def __init__(self) -> None:
        super().__init__()
        self.sandbox = Sandbox(":memory:", clock=SteeredClock(), seed="trade")
        self.accounts = [self._post("/v1/accounts")["id"] for _ in range(2)]
        self.charges: list[str] = []
        self.transfers: list[str] = []

    def teardown(self) -> None:
        self.sandbox.close()

    def _post(self, path: str, account: str = PLATFORM, **form: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {KEY}", "Stripe-Account": account}
        answer = self.sandbox.answer("POST", path, headers, urlencode(form).encode())
        assert answer.status < 500, answer.body
        document: dict[str, Any] = json.loads(answer.body)
        return document

    def _one(self, ids: list[str], number: int) -> str:
        return ids[number % len(ids)] if ids else "none"

    @rule(amount=st.integers(1, 50_000), method=st.sampled_from(METHODS))
    def pay(self, amount: int, method: str) -> None:
        kind = "sepa_debit" if "sepa" in method else "card"
        form = {"amount": amount, "currency": "eur", "payment_method": method, "confirm": "true",
                "payment_method_types[]": kind}  # fmt: skip
        made = self._post("/v1/payment_intents", **form)
        if "error" not in made:
            self.charges.append(made["latest_charge"])

    @rule(number=st.integers(0, 9), amount=st.integers(1, 60_000))
    def refund(self, number: int, amount: int) -> None:
        self._post("/v1/refunds", charge=self._one(self.charges, number), amount=amount)

    @rule(number=st.integers(0, 9), to=st.integers(0, 1), amount=st.integers(1, 60_000), tied=st.booleans())
    def transfer(self, number: int, to: int, amount: int, tied: bool) -> None:
        source = {"source_transaction": self._one(self.charges, number)} if tied else {}
        made = self._post("/v1/transfers", amount=amount, currency="eur", destination=self.accounts[to], **source)
        if "error" not in made:
            self.transfers.append(made["id"])

    @rule(number=st.integers(0, 9), amount=st.integers(1, 60_000))
    def reverse(self, number: int, amount: int) -> None:
        self._post(f"/v1/transfers/{self._one(self.transfers, number)}/reversals", amount=amount)

    @rule(to=st.integers(0, 2), amount=st.integers(1, 60_000))
    def pay_out(self, to: int, amount: int) -> None:
        self._post("/v1/payouts", [*self.accounts, PLATFORM][to], amount=amount, currency="eur")

    @rule(seconds=st.integers(1, 400_000))
    def wait(self, seconds: int) -> None:
        self._post("/_sandbox/clock", seconds=seconds)

    @invariant()
    def balances_are_sums(self) -> None:
        rows = self.sandbox.store.rows(
            "SELECT account, json_extract(body, '$.status'), sum(json_extract(body, '$.net')) FROM objects"
            " WHERE kind = 'balance_transaction' GROUP BY 1, 2"
        )
        sums = {(account, status): net for account, status, net in rows}
        for account, available, pending in self.sandbox.store.rows("SELECT account, available, pending FROM funds"):
            assert available == sums.get((account, "available"), 0)
            assert pending == sums.get((account, "pending"), 0)

    @invariant()
    def transfers_leave_what_arrives(self) -> None:
        rows = self.sandbox.store.rows(
            "SELECT account = ?, sum(json_extract(body, '$.net')) FROM objects WHERE kind = 'balance_transaction'"
            " AND json_extract(body, '$.type') IN ('transfer', 'transfer_refund', 'payment', 'payment_refund')"
            " AND (account <> ? OR json_extract(body, '$.type') LIKE 'transfer%') GROUP BY 1",
            PLATFORM, PLATFORM,
        )  # fmt: skip
        assert sum(net for _, net in rows) == 0

    @invariant()
    def nothing_is_given_twice(self) -> None:
        for charge in self.charges:
            found = self.sandbox.store.read(charge)
            assert found is not None
            body = found[4]
            refunds = self.sandbox.desk().find("refund", charge=charge)
            given = sum(refund["amount"] for refund in refunds if refund["status"] != "failed")
            sent = self.sandbox.desk().find("transfer", source_transaction=charge)
            assert body["amount_refunded"] == given <= body["amount_captured"]
            assert sum(transfer["amount"] for transfer in sent) <= body["amount_captured"]
        for account in self.accounts:
            rows = self.sandbox.store.rows("SELECT available, pending FROM funds WHERE account = ?", account)
            assert all(available >= 0 and pending >= 0 for available, pending in rows)


Trade.TestCase.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
test_the_books_hold_whatever_happens = Trade.TestCase
