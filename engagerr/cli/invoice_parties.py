"""`engagerr invoice issuer|party|parties`: who stands on invoices, and what decides their VAT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engagerr.cli.command import verb, workspace
from engagerr.cli.invoice import app
from engagerr.cli.moments import day as a_day
from engagerr.cli.output import MISSING, Column, facts, put, show
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engagerr.core.payments.billing.invoice_parties import Party, PartyDetails

_CSV = (
    "id", "kind", "name", "street", "postcode", "city", "region", "country", "email", "vat_id", "tax_number",
    "registration", "business", "small_business", "settles_for_others", "iban", "bic", "self_billing_agreed_on",
)  # fmt: skip

Text = str | None


def _option(help_line: str, *names: str) -> typer.models.OptionInfo:
    made: typer.models.OptionInfo = typer.Option(*names, metavar="TEXT", help=help_line)
    return made


CountryOption = Annotated[Text, typer.Option(metavar="CC", help="Two letters of ISO 3166: decides the VAT.")]
StreetOption = Annotated[Text, _option("Street and number.")]
PostcodeOption = Annotated[Text, _option("Postal code.")]
CityOption = Annotated[Text, _option("Town.")]
EmailOption = Annotated[Text, _option("Where invoices go.")]
VatOption = Annotated[Text, _option("VAT id; its form is checked, offline.", "--vat-id")]
TaxNumberOption = Annotated[Text, _option("The national tax number.")]
RegistrationOption = Annotated[Text, _option("Number in the register of companies.")]
IbanOption = Annotated[Text, _option("Bank account; stands on invoices.")]
BicOption = Annotated[Text, _option("Of the bank.")]
SmallOption = Annotated[
    bool | None, typer.Option("--small-business/--no-small-business", help="Charges no VAT by a small-business scheme.")
]


@verb(
    app,
    "issuer",
    examples=(
        'engagerr invoice issuer "Northlight GmbH" --country DE --vat-id DE136695976 --street "Kai 1" --city Hamburg',
    ),
)
def issuer(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Your legal name.")],
    country: CountryOption = None,
    street: StreetOption = None,
    postcode: PostcodeOption = None,
    city: CityOption = None,
    email: EmailOption = None,
    vat_id: VatOption = None,
    tax_number: TaxNumberOption = None,
    registration: RegistrationOption = None,
    iban: IbanOption = None,
    bic: BicOption = None,
    small_business: SmallOption = None,
    settles: Annotated[
        bool | None,
        typer.Option(
            "--settles-for-others/--own-contractors", help="US reports: 1099-K for others' sales, or 1099-NEC."
        ),
    ] = None,
) -> None:
    """Say who issues your invoices; needed before the first one. What is not given stays as it is."""
    from engagerr.core.payments.billing.invoice_parties import PartyDetails

    details = PartyDetails(
        country=country, street=street, postcode=postcode, city=city, email=email, vat_id=vat_id,
        tax_number=tax_number, registration=registration, iban=iban, bic=bic, small_business=small_business,
        settles_for_others=settles,
    )  # fmt: skip
    with workspace() as work:
        _put(work.payments.invoices.parties.save_self(name, details))


@verb(
    app,
    "party",
    examples=(
        'engagerr invoice party "Trailpeak GmbH" --country DE --street "Industriestr. 12" --city München',
        'engagerr invoice party "Sentier SARL" --country FR --vat-id FR40303265045 --street "Rue A 3" --city Lyon',
        'engagerr invoice party "Jonna Brenner" --creator "Jonna Brenner" --country DE --small-business'
        ' --street "Deichweg 7" --city Husum --self-billing 2026-01-31',
    ),
)
def party(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The legal name; the same name is the same party.")],
    country: CountryOption = None,
    street: StreetOption = None,
    postcode: PostcodeOption = None,
    city: CityOption = None,
    email: EmailOption = None,
    vat_id: VatOption = None,
    tax_number: TaxNumberOption = None,
    registration: RegistrationOption = None,
    iban: IbanOption = None,
    private: Annotated[
        bool | None, typer.Option("--private/--business", help="A private person, or a business.")
    ] = None,
    small_business: SmallOption = None,
    self_billing: Annotated[
        Text, typer.Option("--self-billing", metavar="DAY", help="Since when you may write their invoices for them.")
    ] = None,
    creator: Annotated[Text, typer.Option(metavar="CREATOR", help="The creator of your roster who this is.")] = None,
    payee: Annotated[Text, typer.Option(metavar="PAYEE", help="The payee who this is: ties tax reports to it.")] = None,
    evidence: Annotated[
        list[str] | None,
        typer.Option("--evidence", metavar="WHAT=CC", help="What says where a private buyer is, such as bank=FR."),
    ] = None,
) -> None:
    """Add or change whom you bill, or a creator whose invoices you write."""
    from engagerr.core.payments.billing.invoice_parties import PartyDetails

    details: PartyDetails = PartyDetails(
        country=country, street=street, postcode=postcode, city=city, email=email, vat_id=vat_id,
        tax_number=tax_number, registration=registration, iban=iban, small_business=small_business,
        business=None if private is None else not private, self_billing_agreed_on=a_day(self_billing),
        evidence=_evidence(evidence),
    )  # fmt: skip
    with workspace() as work:
        _put(work.payments.invoices.parties.save(name, details, creator=creator, payee=payee))


@verb(app, "parties", examples=("engagerr invoice parties",))
def parties() -> None:
    """List who stands on your invoices: yourselves first."""
    with workspace() as work:
        rows = work.payments.invoices.parties.list()
    columns: list[Column[Party]] = [
        Column("Name", lambda row: row.name, elastic=True),
        Column("Is", lambda row: "yourselves" if row.kind == "self" else row.kind),
        Column("Where", _where, elastic=True),
        Column("VAT id", lambda row: row.vat_id or MISSING),
        Column("Self-billing", lambda row: str(row.self_billing_agreed_on or MISSING), above=100),
    ]
    show(rows, columns=columns, csv=_CSV, empty="Nobody yet: engagerr invoice issuer … says who you are.")


def _put(saved: Party) -> None:
    put(saved, csv=_CSV, drawing=lambda: [_drawn(saved)])


def _drawn(saved: Party) -> RenderableType:
    said = [
        ("Name", saved.name),
        ("Address", _where(saved)),
        ("VAT id", saved.vat_id or MISSING),
        ("Acts as", "a business" if saved.business else "a private person"),
    ]
    if saved.small_business:
        said.append(("VAT", "none: small business"))
    if saved.self_billing_agreed_on:
        said.append(("Self-billing", f"agreed on {saved.self_billing_agreed_on}"))
    return facts(said)


def _where(row: Party) -> str:
    place = " ".join(part for part in (row.postcode, row.city) if part)
    return ", ".join(part for part in (row.street, place, row.country) if part)


def _evidence(given: list[str] | None) -> dict[str, str] | None:
    if not given:
        return None
    found = {}
    for said in given:
        what, sign, where = said.partition("=")
        if not sign or not what.strip():
            raise InvalidInput(f"{said!r} is no evidence.", hint="Write WHAT=COUNTRY, such as bank=FR.")
        found[what.strip()] = where.strip()
    return found
