"""`engagerr invoice …`: drafts, numbers without a gap, credit notes, self-billing, files, and who stands on them."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engagerr.cli.amounts import money_of, share_of
from engagerr.cli.command import YesOption, ask, noun, verb, workspace
from engagerr.cli.moments import day as a_day
from engagerr.cli.output import MISSING, Column, clean, day, facts, note, put, show, table, write
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from datetime import date

    from rich.console import RenderableType

    from engagerr import Workspace
    from engagerr.core.money import Money
    from engagerr.core.payments.billing.invoice_lines import InvoiceLine, LineDraft
    from engagerr.core.payments.billing.invoice_rows import Invoice, InvoiceHead
    from engagerr.core.payments.billing.invoices import SeriesVerdict

app = noun("invoice")
# Who stands on invoices comes before the invoices, in the help too.
from engagerr.cli import invoice_parties as _invoice_parties  # noqa: E402, F401

HEAD_CSV = (
    "id", "number", "kind", "purpose", "state", "seller_name", "buyer_name", "net", "tax", "gross", "credited",
    "supplied_from", "supplied_until", "issued_on", "due_on", "sent_at", "paid_at", "paid_by", "corrects", "subject",
)  # fmt: skip
_LINE = re.compile(
    r"(?:(?P<quantity>-?\d+(?:\.\d+)?)\s*x\s+)?(?P<title>.+)=(?P<amount>[\d.,]+)(?:@(?P<rate>\d+(?:\.\d+)?)\s*%)?",
    re.DOTALL,
)

InvoiceArgument = Annotated[
    str, typer.Argument(metavar="INVOICE", help="Its number; of a draft, the last six or more digits of its id.")
]
LinesOption = Annotated[
    list[str],
    typer.Option(
        "--line", metavar="LINE", help="'TITLE=PRICE', '2 x TITLE=PRICE', '-1 x Discount=50', 'TITLE=PRICE@7%'; net."
    ),
]
CurrencyOption = Annotated[str | None, typer.Option(metavar="CODE", help="Else the setting payments.currency.")]
SinceOption = Annotated[str | None, typer.Option("--since", metavar="DAY", help="The first day of what is billed.")]
UntilOption = Annotated[str | None, typer.Option("--until", metavar="DAY", help="The last day: its VAT rate counts.")]
NoteOption = Annotated[str | None, typer.Option("--note", metavar="TEXT", help="Stands on the invoice.")]
ToOption = Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Where to; - is standard output.")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace a file of that name.")]


@verb(
    app,
    "draft",
    examples=(
        'engagerr invoice draft "Trailpeak GmbH" --line "2 x Instagram reel=1500.00" --line "Photos=300@7%"',
        'engagerr invoice draft "Sentier SARL" --line "Story=450.00" --until 2026-10-31 --reference "PO 4711"',
    ),
)
def draft(
    buyer: Annotated[str, typer.Argument(metavar="PARTY", help="Whom you bill: a party, by name.")],
    line: LinesOption,
    currency: CurrencyOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    net_days: Annotated[int, typer.Option(min=0, max=365, help="Days until it is due.")] = 14,
    reference: Annotated[str | None, typer.Option(metavar="TEXT", help="The buyer's own: an order number.")] = None,
    remark: NoteOption = None,
    digital: Annotated[
        bool, typer.Option("--digital", help="An electronic service: private buyers' VAT is theirs.")
    ] = False,
    rounding: Annotated[
        str, typer.Option(metavar="total|line", help="Round VAT on each rate's sum or each line.")
    ] = "total",
) -> None:
    """Draft an invoice. VAT follows from who you both are; nothing has a number yet, and a draft can be removed."""
    from engagerr.core.payments.billing.vat import Nature

    with workspace() as work:
        made = work.payments.invoices.draft(
            buyer, _lines(work, line, currency), nature=Nature.DIGITAL if digital else Nature.SERVICES,
            rounding=rounding, since=a_day(since), until=a_day(until), net_days=net_days, reference=reference,
            note=remark,
        )  # fmt: skip
    _put(made)


@verb(
    app,
    "self-bill",
    examples=('engagerr invoice self-bill "Jonna Brenner" --line "Reel, Trail shoes=850.00" --until 2026-10-31',),
)
def self_bill(
    creator: Annotated[str, typer.Argument(metavar="PARTY", help="The creator, as a party on your invoices.")],
    line: LinesOption,
    currency: CurrencyOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    remark: NoteOption = None,
) -> None:
    """Draft a creator's invoice to you in their name. They must have agreed (engagerr invoice party --self-billing)."""
    with workspace() as work:
        made = work.payments.invoices.self_bill(
            creator, _lines(work, line, currency), since=a_day(since), until=a_day(until), note=remark
        )
    _put(made)


@verb(
    app,
    "commission",
    examples=('engagerr invoice commission "Jonna Brenner" --of 1000.00 --rate 15% --title "Trail shoes, one reel"',),
)
def commission(
    creator: Annotated[str, typer.Argument(metavar="PARTY", help="The creator, as a party on your invoices.")],
    of: Annotated[str, typer.Option(metavar="AMOUNT", help="What they were paid, net.")],
    rate: Annotated[str, typer.Option(metavar="SHARE", help="Your commission: 15% or 0.15.")],
    title: Annotated[str, typer.Option(metavar="TEXT", help="For what.")],
    currency: CurrencyOption = None,
    withheld: Annotated[
        bool, typer.Option("--withheld", help="It was kept back already: finalise and settle it.")
    ] = False,
) -> None:
    """Draft an invoice of your commission to a creator who was paid in full."""
    with workspace() as work:
        made = work.payments.invoices.commission(
            creator, base=_money(work, of, currency), rate=share_of(rate), title=title, withheld=withheld
        )
    _put(made)


@verb(app, "list", examples=("engagerr invoice list", "engagerr invoice list --unpaid --output csv"))
def list_(
    state: Annotated[str | None, typer.Option(metavar="STATE", help="draft, finalised or void.")] = None,
    party: Annotated[str | None, typer.Option(metavar="PARTY", help="Only those to or from this party.")] = None,
    unpaid: Annotated[bool, typer.Option("--unpaid", help="Only invoices that wait for payment.")] = False,
    since: Annotated[str | None, typer.Option(metavar="DAY", help="Issued on this day or later.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="Issued on this day or before.")] = None,
) -> None:
    """List invoices and credit notes, drafts first, then the newest."""
    with workspace() as work:
        rows = work.payments.invoices.list(
            state=state, party=party, unpaid=unpaid, since=a_day(since), until=a_day(until)
        )
    columns: list[Column[InvoiceHead]] = [
        Column("Number", lambda row: row.named),
        Column("From", lambda row: str(row.seller["name"]), elastic=True, above=110),
        Column("To", lambda row: str(row.buyer["name"]), elastic=True),
        Column("For", lambda row: row.purpose.replace("_", " "), above=100),
        Column("Date", lambda row: _on(row.issued_on)),
        Column("Total", lambda row: str(row.gross), right=True),
        Column("Stands", _standing),
    ]
    show(rows, columns=columns, csv=HEAD_CSV, document=head_document, empty="No invoices yet.")


@verb(app, "show", examples=("engagerr invoice show INV-2026-00001",))
def show_(invoice: InvoiceArgument) -> None:
    """Show an invoice with its lines, its VAT and what was credited of it."""
    with workspace() as work:
        found = work.payments.invoices.show(invoice)
    _put(found)


@verb(app, "finalise", examples=("engagerr invoice finalise 3fa2c1d09b7e",))
def finalise(
    invoice: InvoiceArgument,
    on: Annotated[str | None, typer.Option("--date", metavar="DAY", help="Its date; today where not given.")] = None,
) -> None:
    """Give a draft its number. From then on it stands: it can be credited, and voided before it is sent."""
    with workspace() as work:
        stands = work.payments.invoices.finalise(invoice, issued_on=a_day(on))
    _put(stands)
    note(f"engagerr invoice pdf {stands.head.number}")


@verb(app, "pdf", examples=("engagerr invoice pdf INV-2026-00001 --to invoice.pdf",))
def pdf(invoice: InvoiceArgument, to: ToOption = None, overwrite: OverwriteOption = False) -> None:
    """Write an invoice as PDF/A-3 with its EN 16931 data inside (Factur-X, ZUGFeRD). The same bytes each time."""
    with workspace() as work:
        body = work.payments.invoices.pdf(invoice)
    _out(body, to, f"{invoice}.pdf", overwrite=overwrite)


@verb(app, "xml", examples=("engagerr invoice xml INV-2026-00001 --to - | head -5",))
def xml(invoice: InvoiceArgument, to: ToOption = None, overwrite: OverwriteOption = False) -> None:
    """Write an invoice's EN 16931 data on its own."""
    with workspace() as work:
        body = work.payments.invoices.xml(invoice)
    _out(body, to, f"{invoice}.xml", overwrite=overwrite)


@verb(app, "sent", examples=("engagerr invoice sent INV-2026-00001",))
def sent(invoice: InvoiceArgument) -> None:
    """Note that an invoice went out: from now on it is credited, not voided."""
    with workspace() as work:
        _put_head(work.payments.invoices.sent(invoice))


@verb(app, "paid", examples=("engagerr invoice paid INV-2026-00001 --by 'bank transfer of 3 November'",))
def paid(
    invoice: InvoiceArgument,
    by: Annotated[str, typer.Option(metavar="TEXT", help="How: a bank transfer, set off.")],
) -> None:
    """Note that an invoice was settled. No money is moved."""
    with workspace() as work:
        _put_head(work.payments.invoices.paid(invoice, by=by))


@verb(
    app, "credit", examples=("engagerr invoice credit INV-2026-00001 --reason 'one photo dropped' --amount 50 --yes",)
)
def credit(
    invoice: InvoiceArgument,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it stands on the note.")],
    amount: Annotated[
        str | None, typer.Option(metavar="AMOUNT", help="With VAT; all that is left if not given.")
    ] = None,
    yes: YesOption = False,
) -> None:
    """Credit an invoice in whole or in part, by a credit note that refers to it."""
    with workspace() as work:
        head = work.payments.invoices.show(invoice).head
        wanted = None if amount is None else money_of(amount, head.currency)
        ask(f"Credit {wanted or head.gross - head.credited} of {head.named}?", yes=yes)
        made = work.payments.invoices.credit(head.id, reason=reason, amount=wanted)
    _put(made)


@verb(app, "void", examples=("engagerr invoice void INV-2026-00002 --reason 'wrong buyer' --yes",))
def void(
    invoice: InvoiceArgument,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it stays with the number.")],
    yes: YesOption = False,
) -> None:
    """Void an invoice that nobody was sent. It keeps its number."""
    with workspace() as work:
        ask(f"Void {invoice} for good?", yes=yes)
        _put_head(work.payments.invoices.void(invoice, reason=reason))


@verb(app, "remove", examples=("engagerr invoice remove 3fa2c1d09b7e --yes",))
def remove(invoice: InvoiceArgument, yes: YesOption = False) -> None:
    """Throw a draft away."""
    with workspace() as work:
        ask(f"Throw the draft {invoice} away?", yes=yes)
        _put_head(work.payments.invoices.remove(invoice))


@verb(app, "verify", examples=("engagerr invoice verify",))
def verify() -> None:
    """Prove that no series of invoices has a gap or a number twice; ends with 1 if one has."""
    with workspace() as work:
        rows = work.payments.invoices.verify()
    columns: list[Column[SeriesVerdict]] = [
        Column("Issuer", lambda row: row.issuer, elastic=True),
        Column("Series", lambda row: f"{row.series}-{row.year}"),
        Column("Last", lambda row: str(row.last), right=True),
        Column("Missing", lambda row: ", ".join(map(str, row.missing[:9])) or MISSING),
        Column("Twice", lambda row: ", ".join(map(str, row.doubled[:9])) or MISSING),
    ]
    show(
        rows, columns=columns, csv=("issuer", "series", "year", "last", "missing", "doubled"),
        empty="No invoice has a number yet.",
    )  # fmt: skip
    if not all(row.whole for row in rows):
        raise typer.Exit(1)


def head_document(head: InvoiceHead) -> dict[str, object]:
    """A head as JSON has it, with the names of both sides beside their details."""
    from dataclasses import asdict

    return {**asdict(head), "seller_name": head.seller["name"], "buyer_name": head.buyer["name"]}


def _put(invoice: Invoice) -> None:
    document = {
        **head_document(invoice.head), "lines": invoice.lines, "taxes": invoice.taxes,
        "credit_notes": invoice.credit_notes,
    }  # fmt: skip
    put(document, csv=HEAD_CSV, flat=[head_document(invoice.head)], drawing=lambda: _drawn(invoice))


def _put_head(head: InvoiceHead) -> None:
    put(head_document(head), csv=HEAD_CSV, drawing=lambda: [_facts_of(head)])


def _drawn(invoice: Invoice) -> list[RenderableType]:
    columns: list[Column[InvoiceLine]] = [
        Column("", lambda line: str(line.position), right=True),
        Column("For", lambda line: line.title if line.detail is None else f"{line.title}: {line.detail}", fold=True),
        Column("Quantity", lambda line: f"{line.quantity.normalize():f}", right=True),
        Column("Price", lambda line: str(line.unit), right=True),
        Column(
            "VAT", lambda line: f"{(line.rate * 100).normalize():f} %" if line.category == "S" else MISSING, right=True
        ),
        Column("Amount", lambda line: str(line.net), right=True),
    ]
    sums = [("Net", str(invoice.head.net))]
    for one in invoice.taxes:
        said = f"VAT {(one.rate * 100).normalize():f} %" if one.category == "S" else "No VAT"
        sums.append((f"{said} on {one.basis}", str(one.tax) if one.reason is None else one.reason))
    sums.append(("Total", str(invoice.head.gross)))
    if invoice.credit_notes:
        sums.append(("Credited", f"{invoice.head.credited} ({', '.join(invoice.credit_notes)})"))
    return [_facts_of(invoice.head), "", table(invoice.lines, columns), "", facts(sums)]


def _facts_of(head: InvoiceHead) -> RenderableType:
    pairs = [
        ("Number", head.named),
        ("Stands", _standing(head)),
        ("From", str(head.seller["name"])),
        ("To", str(head.buyer["name"])),
        ("Supplied", f"{head.supplied_from} to {head.supplied_until}"),
        ("Date", _on(head.issued_on)),
        ("Due", _on(head.due_on)),
    ]
    if head.corrects:
        pairs.append(("Corrects", f"{head.corrects}: {head.reason}"))
    return facts([(name, clean(value)) for name, value in pairs])


def _standing(head: InvoiceHead) -> str:
    if head.state != "finalised":
        return head.state
    if head.kind == "credit_note":
        return "credit note"
    if head.credited == head.gross:
        return "credited"
    if head.paid_at is not None:
        return f"paid {day(head.paid_at)}"
    return "sent" if head.sent_at else "open"


def _on(when: date | None) -> str:
    return when.isoformat() if when else MISSING


def _lines(work: Workspace, given: list[str], currency: str | None) -> list[LineDraft]:
    from engagerr.core.payments.billing.invoice_lines import LineDraft

    found = []
    for said in given:
        parts = _LINE.fullmatch(said.strip())
        if parts is None:
            raise InvalidInput(f"{said!r} is no line.", hint="Write 'TITLE=PRICE', such as '2 x Reel=1500.00@7%'.")
        rate = parts["rate"]
        found.append(
            LineDraft(
                parts["title"], _money(work, parts["amount"], currency), _number(parts["quantity"] or "1"),
                rate=None if rate is None else _number(rate) / 100,
            )
        )  # fmt: skip
    return found


def _money(work: Workspace, amount: str, currency: str | None) -> Money:
    return money_of(amount, (currency or work.access.settings.payments.currency).upper())


def _number(said: str) -> Decimal:
    try:
        return Decimal(said.strip().removesuffix("%"))
    except InvalidOperation:
        raise InvalidInput(f"{said!r} is no number.", hint="Such as 15 or 7.5.") from None


def _out(body: bytes, to: Path | None, name: str, *, overwrite: bool) -> None:
    from engagerr.cli.files import write_file

    if to is not None and str(to) == "-":
        write(body)
        return
    path = to or Path(name)
    if path.is_dir():
        path /= name
    write_file(path, body, overwrite=overwrite)
    put({"path": str(path), "bytes": len(body)}, csv=("path", "bytes"), drawing=lambda: [f"Written: {path}"])
