"""One currency into another, only at a quote that somebody asked for, as two balanced pairs of the books."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from engagerr.core.money import Money, minor_digits
from engagerr.core.payments.held.limits import needs_second, within_limit
from engagerr.core.payments.held.receipts import Receipt, give_receipt, receipt_of
from engagerr.core.payments.ledger import Leg, account, balance, post
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session

_LONGEST_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Quote:
    """What selling `sell` brings: `buy`, at `rate` units of the one for a unit of the other, until `expires_at`.

    `source` says who quoted it; `converted`, whether it was used.
    """

    id: UUID
    sell: Money
    buy: Money
    rate: str
    source: str
    quoted_at: datetime
    expires_at: datetime
    converted: bool


class Conversions:
    """Quotes and conversions of our own commission into another currency. Held money is never converted."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def quote(self, sell: Money, *, into: str, rate: str, source: str, minutes: int = 60) -> Quote:
        """Keep a quote: `rate` is exact ("1.0834" or "13/12"), whole units of `into` for a whole unit that is sold.

        A part of a minor unit is not paid out: the amount is rounded down.
        """
        if into == sell.currency:
            raise InvalidInput(f"{sell} is in {into} already.")
        if sell.minor <= 0 or not 1 <= minutes <= _LONGEST_MINUTES:
            raise InvalidInput("A quote is for an amount above zero, and good for 1 minute to a day.")
        try:
            exact = Fraction(rate.strip())
        except (ValueError, ZeroDivisionError) as error:
            raise InvalidInput(f"{rate!r} is no rate.", hint='Write it like "1.0834" or "13/12".') from error
        if exact <= 0:
            raise InvalidInput(f"A rate of {rate} is not possible.", hint="It is above zero.")
        whole = Fraction(sell.minor, 10 ** minor_digits(sell.currency)) * exact * 10 ** minor_digits(into)
        buy = Money(int(whole), into)
        if not buy:
            raise InvalidInput(f"{sell} at {rate} is less than the smallest amount of {into}.")
        now = self._access.clock.now()
        with self._access.transaction(Permission.RELEASE) as session:
            made: UUID = session.execute(
                text(
                    """
                    INSERT INTO fx_quotes (tenant_id, sell_minor, sell_currency, buy_minor, buy_currency, rate, source,
                                           member_id, quoted_at, expires_at)
                    VALUES (:tenant_id, :sell, :sell_currency, :buy, :into, :rate, :source, :member_id, :now,
                            :expires_at)
                    RETURNING id
                    """
                ),
                {
                    "tenant_id": self._access.tenant.id, "sell": sell.minor, "sell_currency": sell.currency,
                    "buy": buy.minor, "into": into, "rate": str(exact), "source": source.strip() or "unknown",
                    "member_id": self._access.member.id, "now": now, "expires_at": now + timedelta(minutes=minutes),
                },
            ).scalar_one()  # fmt: skip
            return self._quote(session, str(made))

    def list(self, *, limit: int = 50) -> tuple[Quote, ...]:
        """The newest quotes."""
        with self._access.transaction(Permission.READ_MONEY) as session:
            return self._read(session, "true ORDER BY quote.id DESC LIMIT :limit", limit=limit)

    def convert(self, quote: str | UUID) -> Receipt:
        """Sell our commission at a quote that is still good; done once. The same quote again gives the same receipt.

        No more than there is of it (`Conflict`); a large sum is converted by somebody else than asked for the quote.
        """
        tenant_id = self._access.tenant.id
        with self._access.transaction(Permission.RELEASE) as session:
            # The commission may be below zero for a while (a recall), so its account does not guard itself.
            session.execute(
                text("SELECT pg_advisory_xact_lock(hashtextextended('engagerr.conversions.' || :tenant_id, 0))"),
                {"tenant_id": str(tenant_id)},
            )
            row = self._quote(session, str(quote))
            subject = f"quote:{row.id}"
            if row.converted:
                there = receipt_of(session, self._access, subject, "conversion")
                assert there is not None
                return there
            now = self._access.clock.now()
            if now >= row.expires_at:
                raise Conflict(
                    f"The quote ended at {row.expires_at:%Y-%m-%d %H:%M} UTC.",
                    hint="Ask for a new one: engagerr payment quote", facts={"quote": str(row.id)},
                )  # fmt: skip
            self._refuse(session, row)
            pair = f"{row.sell.currency}/{row.buy.currency}"

            def of(kind: str, party: str, currency: str) -> UUID:
                return account(session, tenant_id=tenant_id, kind=kind, party=party, currency=currency)

            post(
                session, tenant_id=tenant_id, key=f"conversion:{row.id}", subject=subject, now=now,
                member_id=self._access.member.id,
                legs=[
                    Leg(
                        source=of("commission", "commission", row.sell.currency),
                        destination=of("fx", pair, row.sell.currency), amount=row.sell, kind="conversion",
                    ),
                    Leg(
                        source=of("fx", pair, row.buy.currency),
                        destination=of("commission", "commission", row.buy.currency), amount=row.buy,
                        kind="conversion",
                    ),
                ],
            )  # fmt: skip
            give_receipt(
                session, self._access, kind="conversion", subject=subject, title=f"{row.sell} sold at {row.rate}",
                amount=row.buy, lines=[(f"{row.sell} at {row.rate} ({row.source})", row.buy)],
                by=self._access.member.id,
            )  # fmt: skip
            self._access.audit(
                session, "payment.converted", subject, sell=row.sell.minor, buy=row.buy.minor, pair=pair, rate=row.rate
            )
            receipt = receipt_of(session, self._access, subject, "conversion")
            assert receipt is not None
            return receipt

    def _refuse(self, session: Session, quote: Quote) -> None:
        within_limit(session, self._access, quote.sell)
        asker = session.execute(
            text("SELECT member_id FROM fx_quotes WHERE tenant_id = :tenant_id AND id = :id"),
            {"tenant_id": self._access.tenant.id, "id": quote.id},
        ).scalar_one()
        if needs_second(self._access, quote.sell) and asker == self._access.member.id:
            raise Forbidden(
                f"You asked for the quote of {quote.sell} yourself; somebody else converts it.",
                hint="`engagerr member list` says who may.", facts={"quote": str(quote.id)},
            )  # fmt: skip
        commission = account(
            session, tenant_id=self._access.tenant.id, kind="commission", party="commission",
            currency=quote.sell.currency,
        )  # fmt: skip
        there = balance(session, tenant_id=self._access.tenant.id, account_id=commission).posted
        if there < quote.sell:
            raise Conflict(
                f"The commission is {there}, so {quote.sell} cannot be sold.",
                hint="`engagerr payment accounts` shows what there is.",
                facts={"quote": str(quote.id), "there": there.minor, "asked": quote.sell.minor},
            )  # fmt: skip

    def _quote(self, session: Session, word: str) -> Quote:
        found = self._read(
            session,
            "quote.id::text = lower(:word)"
            " OR length(:word) >= 6 AND right(quote.id::text, length(:word)) = lower(:word)",
            word=word.strip(),
        )
        if len(found) != 1:
            raise NotFound(f"There is no quote {word!r}.", hint="`engagerr payment quotes` lists them.")
        return found[0]

    def _read(self, session: Session, where: str, **values: object) -> tuple[Quote, ...]:
        rows = session.execute(
            text(
                f"""
                SELECT quote.*, EXISTS (
                  SELECT FROM receipts AS receipt WHERE receipt.tenant_id = quote.tenant_id
                    AND receipt.subject = 'quote:' || quote.id AND receipt.kind = 'conversion') AS converted
                FROM fx_quotes AS quote WHERE quote.tenant_id = :tenant_id AND {where}
                """  # noqa: S608  `where` is a constant of this file
            ),
            {"tenant_id": self._access.tenant.id, **values},
        )
        return tuple(_row(row) for row in rows)


def _row(row: Row[tuple[object, ...]]) -> Quote:
    return Quote(
        row.id, Money(row.sell_minor, row.sell_currency), Money(row.buy_minor, row.buy_currency), row.rate, row.source,
        row.quoted_at, row.expires_at, row.converted,
    )  # fmt: skip
