"""`engagerr tax …`: forms that payees sign, and the reports that are due each year."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engagerr.cli.command import YesOption, ask, noun, verb, workspace
from engagerr.cli.moments import day as a_day
from engagerr.cli.output import MISSING, Column, facts, note, number, plain, put, show, table, words
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal
    from typing import Any

    from rich.console import RenderableType

    from engagerr.core.payments.billing.tax_forms import TaxDetails, TaxForm
    from engagerr.core.payments.billing.tax_reports import Dac7Report, UsReport, UsRow

app = noun("tax")

_FORM_CSV = (
    "party", "kind", "standing", "country", "tin_kind", "tin_ends_in", "signed_on", "expires_on", "asked_at",
    "received_at",
)  # fmt: skip
_US_CSV = (
    "party", "country", "tin", "tin_kind", "address", "amounts", "transactions", "usd", "usd_currency", "reportable",
    "why", "problems",
)  # fmt: skip
_DAC7_CSV = (
    "party", "country", "tin", "vat_id", "born_on", "registration", "address", "account", "quarter", "currency",
    "consideration", "fees", "activities", "problems",
)  # fmt: skip

PartyArgument = Annotated[str, typer.Argument(metavar="PARTY", help="A party on your invoices, by name.")]
FormOption = Annotated[str, typer.Option("--form", metavar="FORM", help="W-9, W-8BEN, W-8BEN-E or DAC7.")]
YearOption = Annotated[int, typer.Option(min=2020, max=2100, help="The calendar year.")]
RecordOption = Annotated[bool, typer.Option("--filed", help="Put on record that this report was handed in as it is.")]


@verb(app, "ask", examples=('engagerr tax ask "Sentier SARL" --form W-8BEN-E',))
def ask_(party: PartyArgument, form: FormOption) -> None:
    """Note that a form was asked for; a task stays open until it is there."""
    with workspace() as work:
        _put(work.payments.taxes.ask(party, form))


@verb(
    app,
    "receive",
    examples=('engagerr tax receive "Sentier SARL" --form W-8BEN-E --signed 2026-10-01 --file form.json',),
)
def receive(
    party: PartyArgument,
    form: FormOption,
    signed: Annotated[str, typer.Option(metavar="DAY", help="The day on the form.")],
    file: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="JSON: name, country, tin, tin_kind, born_on, registration, treaty_country, treaty_rate. - is stdin.",
        ),
    ],
) -> None:
    """Keep a form that was signed. What it says is sealed; of its number only the last four characters are shown."""
    signed_on = a_day(signed)
    assert signed_on is not None
    with workspace() as work:
        _put(work.payments.taxes.receive(party, form, _details(file), signed_on=signed_on))


@verb(app, "list", examples=("engagerr tax list", "engagerr tax list --expiring 90"))
def list_(
    expiring: Annotated[
        int | None, typer.Option(metavar="DAYS", min=0, help="Only what ends within so many days.")
    ] = None,
) -> None:
    """List the forms on record: which count, which were asked for, which expire."""
    with workspace() as work:
        rows = work.payments.taxes.list(expiring_days=expiring)
    columns: list[Column[TaxForm]] = [
        Column("Party", lambda row: row.party, elastic=True),
        Column("Form", lambda row: row.kind),
        Column("Stands", lambda row: row.standing),
        Column("Number", lambda row: f"{row.tin_kind} …{row.tin_ends_in}" if row.tin_ends_in else MISSING),
        Column("Signed", lambda row: str(row.signed_on or MISSING)),
        Column("Until", lambda row: str(row.expires_on or ("always" if row.kind == "W-9" else MISSING))),
    ]
    show(rows, columns=columns, csv=_FORM_CSV, empty="No forms on record.")


@verb(app, "show", examples=('engagerr tax show "Sentier SARL" --form W-8BEN-E',))
def show_(party: PartyArgument, form: FormOption) -> None:
    """Show what a form says, with its whole number. That you looked goes into the audit log."""
    with workspace() as work:
        found = work.payments.taxes.details(party, form)
    said = [(name.replace("_", " "), str(value)) for name, value in plain(found).items() if value is not None]
    put(found, csv=("name", "country", "tin", "tin_kind", "born_on", "registration"), drawing=lambda: [facts(said)])


@verb(app, "revoke", examples=('engagerr tax revoke "Sentier SARL" --form W-8BEN-E --reason "they moved" --yes',))
def revoke(
    party: PartyArgument,
    form: FormOption,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="What has changed.")],
    yes: YesOption = False,
) -> None:
    """Let a form count no longer."""
    with workspace() as work:
        ask(f"Let the {form} of {party} count no longer?", yes=yes)
        _put(work.payments.taxes.revoke(party, form, reason=reason))


@verb(
    app,
    "us",
    examples=(
        "engagerr tax us --form 1099-NEC --year 2026",
        "engagerr tax us --form 1099-K --year 2026 --rate EUR=1.08",
    ),
)
def us(
    year: YearOption,
    form: Annotated[str, typer.Option("--form", metavar="FORM", help="1099-NEC or 1099-K.")] = "1099-NEC",
    rate: Annotated[
        list[str] | None, typer.Option("--rate", metavar="CODE=USD", help="US dollars for one unit: EUR=1.08.")
    ] = None,
    threshold: Annotated[
        str | None, typer.Option(metavar="USD", help="Where the year's is not known here: it is indexed from 2027 on.")
    ] = None,
    filed: RecordOption = False,
) -> None:
    """Report who gets a 1099 for a year, from the books; one payment never stands on two forms."""
    with workspace() as work:
        report = work.payments.taxes.us_report(
            form, year, rates=_rates(rate), threshold=None if threshold is None else _number(threshold)
        )
        if filed:
            work.payments.taxes.filed(report)
    put(report, csv=_US_CSV, flat=[_us_flat(row) for row in report.rows], drawing=lambda: _us_drawn(report))


@verb(app, "dac7", examples=("engagerr tax dac7 --year 2026", "engagerr tax dac7 --year 2026 --output csv"))
def dac7(year: YearOption, filed: RecordOption = False) -> None:
    """Report the sellers of the European Union for a year: quarters with consideration, fees and activities."""
    with workspace() as work:
        report = work.payments.taxes.dac7_report(year)
        if filed:
            work.payments.taxes.filed(report)
    put(report, csv=_DAC7_CSV, flat=_dac7_flat(report), drawing=lambda: _dac7_drawn(report))


def _put(form: TaxForm) -> None:
    said = [
        ("Party", form.party),
        ("Form", form.kind),
        ("Stands", form.standing),
        ("Signed", str(form.signed_on or MISSING)),
        ("Until", str(form.expires_on or MISSING)),
    ]
    put(form, csv=_FORM_CSV, drawing=lambda: [facts(said)])


def _details(file: str) -> TaxDetails:
    import json
    from dataclasses import fields

    from engagerr.cli.files import read_text
    from engagerr.core.payments.billing.tax_forms import TaxDetails

    try:
        said = json.loads(read_text(file))
        if not isinstance(said, dict):
            raise ValueError("not an object")
    except ValueError:
        raise InvalidInput(
            f"{file} is no JSON object.", hint='Such as {"name": "Ann Lee", "country": "US", …}.'
        ) from None
    known = {field.name for field in fields(TaxDetails)}
    if unknown := sorted(set(said) - known):
        raise InvalidInput(
            f"{file} has {unknown[0]!r}, which no form has.", hint=f"One of: {', '.join(sorted(known))}."
        )
    if said.get("born_on"):
        said["born_on"] = a_day(said["born_on"])
    if said.get("treaty_rate") is not None:
        said["treaty_rate"] = _number(str(said["treaty_rate"]))
    if not said.get("name") or not said.get("country"):
        raise InvalidInput(f"{file} lacks the name or the country.", hint="Both stand on every form.")
    return TaxDetails(**said)


def _rates(given: list[str] | None) -> dict[str, Decimal]:
    found = {}
    for said in given or ():
        code, sign, rate = said.partition("=")
        if not sign:
            raise InvalidInput(f"{said!r} is no rate.", hint="Write EUR=1.08.")
        found[code.strip().upper()] = _number(rate)
    return found


def _number(said: str) -> Decimal:
    from decimal import Decimal, InvalidOperation

    try:
        found = Decimal(said.strip())
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or found < 0:
        raise InvalidInput(f"{said!r} is no number that can be meant.", hint="Such as 1.08 or 2000.")
    return found


def _us_flat(row: UsRow) -> Mapping[str, Any]:
    return {**plain(row), "amounts": [str(money) for money in row.amounts]}


def _us_drawn(report: UsReport) -> list[RenderableType]:
    columns: list[Column[UsRow]] = [
        Column("Payee", lambda row: row.party, elastic=True),
        Column("Number", lambda row: f"…{row.tin[-4:]}" if row.tin else MISSING),
        Column("Paid", lambda row: words([str(money) for money in row.amounts]), right=True),
        Column("Times", lambda row: number(row.transactions), right=True),
        Column("In dollars", lambda row: str(row.usd) if row.usd is not None else MISSING, right=True),
        Column("Due", lambda row: MISSING if row.reportable is None else "yes" if row.reportable else "no"),
        Column("Missing", lambda row: words(row.problems), fold=True),
    ]
    limit = report.threshold
    head = facts([
        ("Report", f"{report.kind} for {report.year}, due {report.due_on}"),
        ("Threshold", f"{'more than ' if limit.above else ''}USD {limit.amount:,}"
         + (f" and more than {limit.transactions} transactions" if limit.transactions else "") + f" ({limit.source})"),
        ("Others", f"{report.foreign} paid who are no US persons"),
    ])  # fmt: skip
    if not report.rows:
        note("Nobody who may be a US person was paid.")
        return [head]
    return [head, "", table(report.rows, columns)]


def _dac7_flat(report: Dac7Report) -> list[Mapping[str, Any]]:
    return [
        {**plain(row), "quarter": quarter.quarter, "currency": quarter.consideration.currency,
         "consideration": str(quarter.consideration.amount), "fees": str(quarter.fees.amount),
         "activities": quarter.activities}
        for row in report.rows
        for quarter in row.quarters
    ]  # fmt: skip


def _dac7_drawn(report: Dac7Report) -> list[RenderableType]:
    columns: list[Column[Mapping[str, Any]]] = [
        Column("Seller", lambda row: str(row["party"]), elastic=True),
        Column("In", lambda row: str(row["country"] or MISSING)),
        Column("Quarter", lambda row: f"Q{row['quarter']}"),
        Column("Consideration", lambda row: f"{row['currency']} {row['consideration']}", right=True),
        Column("Fees", lambda row: f"{row['currency']} {row['fees']}", right=True),
        Column("Activities", lambda row: number(row["activities"]), right=True),
        Column("Missing", lambda row: words(row["problems"]), fold=True),
    ]
    head = facts([
        ("Report", f"DAC7 for {report.year}, due {report.due_on}"),
        ("Others", f"{report.outside} earned something and live outside the Union"),
    ])  # fmt: skip
    rows = _dac7_flat(report)
    return [head, "", table(rows, columns)] if rows else [head]
