"""Tax forms of those who are paid: which were asked for and received, until when they count, sealed by the vault.

W-9 (US persons), W-8BEN and W-8BEN-E (others) and the self-certification of DAC7. What a form says is read again only
to file; everywhere else the last four characters of its number are enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.events import open_task, resolve_tasks
from engagerr.core.integrations.grants import share_the_keys
from engagerr.core.payments.billing.invoice_parties import Party, find_party
from engagerr.core.payments.billing.vat import EU
from engagerr.core.tenancy import Access, Permission
from engagerr.core.tenancy.vault import Sealed, Vault

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.payments.billing.tax_reports import Dac7Report, UsReport

KINDS = ("W-9", "W-8BEN", "W-8BEN-E", "DAC7")
TASK = "tax.form"
_SOON_DAYS = 90
_US_NUMBERS = ("SSN", "EIN", "ITIN")


@dataclass(frozen=True, slots=True)
class TaxDetails:
    """What a form says. `tin` is the tax number and `tin_kind` SSN, EIN, ITIN or foreign; `born_on` or `registration`
    identifies a person or a company; `treaty_rate` a fraction."""

    name: str
    country: str
    tin: str | None = None
    tin_kind: str | None = None
    born_on: date | None = None
    registration: str | None = None
    treaty_country: str | None = None
    treaty_rate: Decimal | None = None


@dataclass(frozen=True, slots=True)
class TaxForm:
    """A form on record, without what it says. `standing`: asked, valid, expiring (within 90 days), expired, replaced,
    revoked. `expires_on` is the last day on which it counts; None: it does not expire."""

    id: UUID
    party_id: UUID
    party: str
    kind: str
    standing: str
    country: str | None
    tin_kind: str | None
    tin_ends_in: str | None
    signed_on: date | None
    expires_on: date | None
    asked_at: datetime
    received_at: datetime | None


class Taxes:
    """Tax forms of this workspace's parties, and the reports that they make possible."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def ask(self, party: str, kind: str) -> TaxForm:
        """Note that a form was asked for; a task stays open until it is there. Asking again changes nothing."""
        _known_kind(kind)
        with self._access.transaction(Permission.SET_PAYMENTS) as session:
            tenant_id, now = self._access.tenant.id, self._access.clock.now()
            whose = find_party(session, party, tenant_id=tenant_id)
            made = session.execute(
                text(
                    "INSERT INTO tax_forms (tenant_id, party_id, kind, state, member_id, asked_at)"
                    " VALUES (:tenant_id, :party, :kind, 'asked', :member, :now)"
                    " ON CONFLICT (tenant_id, party_id, kind) WHERE state = 'asked' DO NOTHING RETURNING id"
                ),
                {
                    "tenant_id": tenant_id, "party": whose.id, "kind": kind, "member": self._access.member.id,
                    "now": now,
                },
            ).scalar_one_or_none()  # fmt: skip
            if made is not None:
                open_task(
                    session, tenant_id=tenant_id, kind=TASK, about=whose.id, subject=kind,
                    message=f"{whose.name} has not sent the {kind} yet.",
                    hint=f'Once it is there: engagerr tax receive "{whose.name}" --form {kind}', now=now,
                )  # fmt: skip
                self._access.audit(session, "tax_form.asked", f"party:{whose.id}", form=kind)
            return _newest(session, tenant_id, now.date(), whose.id, kind)

    def receive(self, party: str, kind: str, details: TaxDetails, *, signed_on: date) -> TaxForm:
        """Keep a form that was signed; it takes the place of an older one. Its number is checked for its form."""
        _known_kind(kind)
        now = self._access.clock.now()
        if signed_on > now.date():
            raise InvalidInput(f"{signed_on} has not come yet.", hint="The day on the form.")
        kept = checked_details(kind, details)
        with self._access.transaction(Permission.SET_PAYMENTS) as session:
            tenant_id = self._access.tenant.id
            share_the_keys(session, tenant_id)
            whose = find_party(session, party, tenant_id=tenant_id)
            form_id = _open_form(session, self._access, whose, kind)
            sealed = Vault(self._access.settings, tenant_id).seal(_as_secret(kept), place=_place(form_id))
            session.execute(
                text(
                    """
                    UPDATE tax_forms SET state = 'received', country = :country, tin_kind = :tin_kind,
                           tin_ends_in = :ends, secret = :secret, sealed_key = :sealed_key, key_id = :key_id,
                           signed_on = :signed_on, expires_on = :expires_on, received_at = :now
                    WHERE tenant_id = :tenant_id AND id = :id
                    """
                ),
                {
                    "tenant_id": tenant_id, "id": form_id, "country": kept.country, "tin_kind": kept.tin_kind,
                    "ends": kept.tin[-4:] if kept.tin else None, "secret": sealed.secret,
                    "sealed_key": sealed.sealed_key, "key_id": sealed.key_id, "signed_on": signed_on,
                    "expires_on": expiry(kind, signed_on), "now": now,
                },
            )  # fmt: skip
            resolve_tasks(session, tenant_id=tenant_id, kind=TASK, about=whose.id, now=now)
            self._access.audit(session, "tax_form.received", f"party:{whose.id}", form=kind, signed_on=signed_on)
            return _newest(session, tenant_id, now.date(), whose.id, kind)

    def revoke(self, party: str, kind: str, *, reason: str) -> TaxForm:
        """Let a form count no longer: the facts that it certified have changed."""
        with self._access.transaction(Permission.SET_PAYMENTS) as session:
            tenant_id, now = self._access.tenant.id, self._access.clock.now()
            whose = find_party(session, party, tenant_id=tenant_id)
            done = session.execute(
                text(
                    "UPDATE tax_forms SET state = 'revoked', revoked_at = :now"
                    " WHERE tenant_id = :tenant_id AND party_id = :party AND kind = :kind AND state = 'received'"
                    " RETURNING id"
                ),
                {"tenant_id": tenant_id, "party": whose.id, "kind": kind, "now": now},
            ).all()
            if not done:
                raise NotFound(f"{whose.name} has no {kind} on record.", hint="`engagerr tax list` shows all.")
            self._access.audit(session, "tax_form.revoked", f"party:{whose.id}", form=kind, reason=reason)
            return _newest(session, tenant_id, now.date(), whose.id, kind)

    def list(self, *, expiring_days: int | None = None) -> tuple[TaxForm, ...]:
        """The newest form of each kind of each party; with `expiring_days`, those that end within so many days."""
        with self._access.transaction(Permission.READ_MONEY) as session:
            today = self._access.clock.now().date()
            rows = forms(session, self._access.tenant.id, today)
            if expiring_days is None:
                return rows
            last = today + timedelta(days=expiring_days)
            return tuple(row for row in rows if row.expires_on is not None and row.expires_on <= last
                         and row.standing in ("valid", "expiring", "expired"))  # fmt: skip

    def remind(self) -> int:
        """Open a task for each form that ends within 90 days or has ended; how many stand. For the schedule."""
        with self._access.transaction(Permission.SET_PAYMENTS) as session:
            return remind(session, self._access)

    def details(self, party: str, kind: str) -> TaxDetails:
        """What a form says, whole. That somebody looked goes into the log."""
        with self._access.transaction(Permission.SET_PAYMENTS) as session:
            tenant_id = self._access.tenant.id
            whose = find_party(session, party, tenant_id=tenant_id)
            found = open_details(session, self._access, party_id=whose.id, kind=kind)
            if found is None:
                raise NotFound(f"{whose.name} has no {kind} on record.", hint="`engagerr tax list` shows all.")
            self._access.audit(session, "tax_form.read", f"party:{whose.id}", form=kind)
            return found

    def us_report(
        self, kind: str, year: int, *, rates: Mapping[str, Decimal] | None = None, threshold: Decimal | None = None
    ) -> UsReport:
        """Who gets a 1099-NEC or a 1099-K for a year. `rates`: US dollars for one unit of other currencies."""
        from engagerr.core.payments.billing.tax_reports import us_report

        with self._access.transaction(Permission.SET_PAYMENTS, snapshot=True) as session:
            return us_report(session, self._access, kind, year, rates=rates or {}, threshold=threshold)

    def dac7_report(self, year: int) -> Dac7Report:
        """Whom to report under DAC7 for a year: quarters with consideration, fees and activities."""
        from engagerr.core.payments.billing.tax_reports import dac7_report

        with self._access.transaction(Permission.SET_PAYMENTS, snapshot=True) as session:
            return dac7_report(session, self._access, year)

    def filed(self, report: UsReport | Dac7Report) -> bytes:
        """Put on record that a report was taken as it is now; returns the hash that tells it from a later one."""
        from engagerr.core.payments.billing.tax_reports import report_hash

        digest = report_hash(report)
        with self._access.transaction(Permission.SET_PAYMENTS) as session:
            session.execute(
                text(
                    "INSERT INTO tax_filings (tenant_id, kind, year, rows, content_hash, member_id, made_at)"
                    " VALUES (:tenant_id, :kind, :year, :rows, :hash, :member, :now)"
                ),
                {
                    "tenant_id": self._access.tenant.id, "kind": report.kind, "year": report.year, "hash": digest,
                    "rows": len(report.rows), "member": self._access.member.id, "now": self._access.clock.now(),
                },
            )  # fmt: skip
            self._access.audit(session, "tax.filed", f"tax:{report.kind}:{report.year}", rows=len(report.rows))
        return digest


def expiry(kind: str, signed_on: date) -> date | None:
    """The last day on which a form counts.

    W-8: the last day of the third year after the signature (Treas. Reg. § 1.1441-1(e)(4)(ii)(A)). W-9: none. DAC7: what
    was collected may be relied on for 36 months (Directive 2011/16/EU, Annex V, section II.C).
    """
    if kind == "W-9":
        return None
    if kind.startswith("W-8"):
        return date(signed_on.year + 3, 12, 31)
    return date(signed_on.year + 3, signed_on.month, min(signed_on.day, 28))


def checked_details(kind: str, details: TaxDetails) -> TaxDetails:
    """The details, tidied; `InvalidInput` where they do not fit the form."""
    name, country = " ".join(details.name.split()), details.country.strip().upper()
    tin = "".join(sign for sign in details.tin or "" if sign.isalnum()).upper() or None
    if not name or len(name) > 200 or len(country) != 2 or not country.isascii() or not country.isalpha():
        raise InvalidInput("A form needs a name and a country (two letters).", hint="Copy both from the form.")
    tin_kind = details.tin_kind
    if kind == "W-9":
        if country != "US":
            raise InvalidInput(f"A W-9 is for US persons, not for {country}.", hint="Ask for a W-8BEN or W-8BEN-E.")
        tin, tin_kind = _us_number(tin, tin_kind, written=(details.tin or "").strip())
    elif kind.startswith("W-8") and country == "US":
        raise InvalidInput("A W-8 is for those who are not US persons.", hint="Ask for a W-9.")
    elif tin is not None and not 4 <= len(tin) <= 40:
        raise InvalidInput("The tax number is too short or too long.", hint="Copy it from the form.")
    if kind == "DAC7":
        if country in EU and tin is None:
            raise InvalidInput(f"DAC7 asks for the tax number that {country} gave.", hint="Add it, or ask for it.")
        if details.born_on is None and not details.registration:
            raise InvalidInput("DAC7 asks for a date of birth or a business registration number.", hint="Add one.")
    if details.treaty_rate is not None and not 0 <= details.treaty_rate < 1:
        raise InvalidInput(f"{details.treaty_rate} is no treaty rate.", hint="A fraction: 0.15 is 15 %.")
    return TaxDetails(
        name, country, tin, tin_kind or ("foreign" if tin else None), details.born_on, details.registration,
        details.treaty_country, details.treaty_rate,
    )  # fmt: skip


# ── Steps ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def forms(session: Session, tenant_id: UUID, today: date) -> tuple[TaxForm, ...]:
    """Step: the newest form of each kind of each party."""
    rows = session.execute(
        text(
            """
            SELECT DISTINCT ON (lower(party.name), form.party_id, form.kind) form.*, party.name AS party
            FROM tax_forms AS form
            JOIN billing_parties AS party ON party.tenant_id = form.tenant_id AND party.id = form.party_id
            WHERE form.tenant_id = :tenant_id
            ORDER BY lower(party.name), form.party_id, form.kind, form.state = 'revoked',
                     coalesce(form.received_at, form.asked_at) DESC, form.id DESC
            """
        ),
        {"tenant_id": tenant_id},
    )
    return tuple(
        TaxForm(
            row.id, row.party_id, row.party, row.kind, _standing(row, today), row.country, row.tin_kind,
            row.tin_ends_in, row.signed_on, row.expires_on, row.asked_at, row.received_at,
        )
        for row in rows
    )  # fmt: skip


def open_details(session: Session, access: Access, *, party_id: UUID, kind: str) -> TaxDetails | None:
    """Step: what the newest form that counts says; None where there is none."""
    row = session.execute(
        text(
            "SELECT id, secret, sealed_key, key_id FROM tax_forms WHERE tenant_id = :tenant_id AND party_id = :party"
            " AND kind = :kind AND state = 'received' ORDER BY received_at DESC, id DESC LIMIT 1"
        ),
        {"tenant_id": access.tenant.id, "party": party_id, "kind": kind},
    ).one_or_none()
    if row is None:
        return None
    sealed = Sealed(bytes(row.secret), bytes(row.sealed_key), row.key_id)
    said = Vault(access.settings, access.tenant.id).open(sealed, place=_place(row.id))
    if said.get("born_on"):
        said["born_on"] = date.fromisoformat(said["born_on"])
    if said.get("treaty_rate"):
        said["treaty_rate"] = Decimal(said["treaty_rate"])
    return TaxDetails(**said)


def remind(session: Session, access: Access) -> int:
    """Step: a task for each form that is about to end, or has; resolved by the next one that is received."""
    now = access.clock.now()
    ending = [row for row in forms(session, access.tenant.id, now.date()) if row.standing in ("expiring", "expired")]
    for row in ending:
        open_task(
            session, tenant_id=access.tenant.id, kind=TASK, about=row.party_id, subject=row.kind,
            message=f"The {row.kind} of {row.party} counts until {row.expires_on}.",
            hint=f'Ask for a new one: engagerr tax ask "{row.party}" --form {row.kind}', now=now,
        )  # fmt: skip
    return len(ending)


def reseal_tax_forms(session: Session, *, tenant_id: UUID, vault: Vault, key_id: str) -> int:
    """Step of a rotation of the vault: every form under this key of the vault. Returns how many."""
    rows = session.execute(
        text(
            "SELECT id, secret, sealed_key, key_id FROM tax_forms WHERE tenant_id = :tenant_id AND key_id <> :key_id"
            " ORDER BY id FOR UPDATE"
        ),
        {"tenant_id": tenant_id, "key_id": key_id},
    ).all()
    for row in rows:
        fresh = vault.reseal(Sealed(bytes(row.secret), bytes(row.sealed_key), row.key_id), place=_place(row.id))
        session.execute(
            text(
                "UPDATE tax_forms SET sealed_key = :sealed_key, key_id = :key_id"
                " WHERE tenant_id = :tenant_id AND id = :id"
            ),
            {"tenant_id": tenant_id, "id": row.id, "sealed_key": fresh.sealed_key, "key_id": fresh.key_id},
        )
    return len(rows)


def _open_form(session: Session, access: Access, whose: Party, kind: str) -> UUID:
    """The row that was asked for, or a new one; what was received before stays as evidence."""
    values = {
        "tenant_id": access.tenant.id, "party": whose.id, "kind": kind, "member": access.member.id,
        "now": access.clock.now(),
    }  # fmt: skip
    asked: UUID | None = session.execute(
        text(
            "SELECT id FROM tax_forms WHERE tenant_id = :tenant_id AND party_id = :party AND kind = :kind"
            " AND state = 'asked' FOR UPDATE"
        ),
        values,
    ).scalar_one_or_none()
    if asked is not None:
        return asked
    made: UUID = session.execute(
        text(
            "INSERT INTO tax_forms (tenant_id, party_id, kind, state, member_id, asked_at)"
            " VALUES (:tenant_id, :party, :kind, 'asked', :member, :now) RETURNING id"
        ),
        values,
    ).scalar_one()
    return made


def _newest(session: Session, tenant_id: UUID, today: date, party_id: UUID, kind: str) -> TaxForm:
    return next(row for row in forms(session, tenant_id, today) if (row.party_id, row.kind) == (party_id, kind))


def _standing(row: Any, today: date) -> str:
    if row.state != "received":
        return str(row.state)
    if row.expires_on is not None and row.expires_on < today:
        return "expired"
    if row.expires_on is not None and row.expires_on <= today + timedelta(days=_SOON_DAYS):
        return "expiring"
    return "valid"


def _us_number(tin: str | None, kind: str | None, *, written: str) -> tuple[str, str]:
    """The number and its kind, which its dashes tell where nobody named it: 123-45-6789 is a person's, 12-3456789 an
    employer's."""
    from stdnum.exceptions import ValidationError
    from stdnum.us import ein, itin, ssn

    modules = {"SSN": ssn, "EIN": ein, "ITIN": itin}
    if tin is None:
        raise InvalidInput("A W-9 has a tax number.", hint="An SSN, EIN or ITIN.")
    if kind is not None and kind not in modules:
        raise InvalidInput(f"{kind!r} is no kind of US tax number.", hint=f"One of: {', '.join(_US_NUMBERS)}.")
    dashes = [at for at, sign in enumerate(written) if sign == "-"]
    of_dashes = {(2,): ("EIN",), (3, 6): ("SSN", "ITIN")}.get(tuple(dashes), _US_NUMBERS)
    found = []
    for name in (kind,) if kind else of_dashes:
        try:
            found.append((str(modules[name].validate(tin)), name))
        except ValidationError:
            continue
    if not found:
        raise InvalidInput("This is no US tax number.", hint="Nine digits; some ranges were never given out.")
    if len(found) > 1:
        raise InvalidInput(
            f"Nine digits alone may be {' or '.join(name for _, name in found)}.",
            hint="Name the kind, or write it with its dashes.",
        )
    return found[0]


def _known_kind(kind: str) -> None:
    if kind not in KINDS:
        raise InvalidInput(f"There is no form {kind!r}.", hint=f"One of: {', '.join(KINDS)}.")


def _as_secret(details: TaxDetails) -> dict[str, Any]:
    return {name: value if isinstance(value, str) else str(value) for name, value in asdict(details).items()
            if value is not None}  # fmt: skip


def _place(form_id: UUID) -> str:
    return f"tax_form/{form_id}"
