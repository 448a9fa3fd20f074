"""`engagerr contract …`: drafting, changing, reading and comparing contracts; their flags and clashes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagerr.cli.amounts import share_of
from engagerr.cli.command import noun, verb, workspace
from engagerr.cli.output import MISSING, Column, clean, facts, minute, note, number, plain, put, show, table, write
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from engagerr.core.deals.contracting.clauses import ContractTerms, ExclusivityPromise, UsageRight
    from engagerr.core.deals.contracting.contract_reading import ContractRow, SignatureRow, VersionRow
    from engagerr.core.deals.contracting.contracts import ContractShown
    from engagerr.core.deals.contracting.exclusivity import Claim, Clash
    from engagerr.core.deals.contracting.flags import Flag

app = noun("contract")

CSV = ("id", "title", "deal", "brand", "side", "version", "state", "total", "total_currency", "terms_hash",
       "created_at", "updated_at")  # fmt: skip
_LIST_CSV = ("id", "title", "deal", "brand", "side", "version", "state", "created_at", "updated_at")
_FLAG_CSV = ("rule", "severity", "clause", "says", "ask", "source")
_CHANGE_CSV = ("where", "before", "after")
_PLACE_CSV = ("kind", "contract_id", "contract", "brand", "creator", "category", "territory", "since", "until")

ContractArgument = Annotated[
    str, typer.Argument(metavar="CONTRACT", help="Its title, its deal's, its id, or the last digits of the id.")
]
DealArgument = Annotated[
    str, typer.Argument(metavar="DEAL", help="The deal's title, its id, or the last digits of the id.")
]
FileOption = Annotated[
    Path | None, typer.Option("--file", metavar="FILE", help="Terms, as JSON or TOML; see `contract example`.")
]
VersionOption = Annotated[
    int | None, typer.Option("--version", metavar="N", help="This version; else the open one, or the one that stands.")
]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="WORDS", help="Why. It is kept with the contract.")]


@verb(app, "list", examples=("engagerr contract list", "engagerr contract list --state signed"))
def list_(
    state: Annotated[
        str | None, typer.Option(metavar="STATE", help="draft, sent, signed, declined, withdrawn or ended.")
    ] = None,
) -> None:
    """List contracts, yours and those that were sent to you, the newest first."""
    with workspace() as work:
        rows = work.contracts.list(state=state)
    columns: list[Column[ContractRow]] = [
        Column("Id", lambda row: row.id.hex[-8:]),
        Column("Title", lambda row: row.title, elastic=True),
        Column("Deal", lambda row: row.deal, elastic=True, above=100),
        Column("Brand", lambda row: row.brand, elastic=True),
        Column("State", lambda row: row.state),
        Column("Version", lambda row: str(row.version), right=True),
        Column("You are", lambda row: row.side),
        Column("Changed", lambda row: minute(row.updated_at)),
    ]
    show(rows, columns=columns, csv=_LIST_CSV, empty="There is no contract yet: engagerr contract draft DEAL")


@verb(app, "show", examples=('engagerr contract show "Trail shoes, spring"',))
def show_(contract: ContractArgument, version: VersionOption = None) -> None:
    """Show what a contract says, who signed it, and what hurts in it."""
    with workspace() as work:
        found = work.contracts.show(contract, version=version)
    put_shown(found)


@verb(app, "example", examples=("engagerr contract example",))
def example() -> None:
    """Print terms to begin with, as TOML."""
    from engagerr.core.deals.contracting.contract_drafts import example_terms

    write(example_terms().encode())


@verb(app, "terms", examples=('engagerr contract terms "Trail shoes, spring"',))
def terms(contract: ContractArgument, version: VersionOption = None) -> None:
    """Print the terms of a contract as JSON: a file to change and give to `edit` or `amend`.

    Who keeps it has its commission and shares in it; the other side the hash of the annex that says them.
    """
    from engagerr.core.deals.contracting.clauses import whole

    with workspace() as work:
        found = work.contracts.show(contract, version=version).version
    written = json.dumps(whole(found.terms), indent=2, ensure_ascii=False)
    write(f"{written}\n".encode())


@verb(app, "annex", examples=('engagerr contract annex "Trail shoes, spring"',))
def annex(contract: ContractArgument, version: VersionOption = None) -> None:
    """Print commission and shares as the contract's hash has them, to be shown to whom you like; `sha256sum` proves it.

    The other side of the contract cannot read it here; `engagerr contract verify --annex` checks what they were given.
    """
    with workspace() as work:
        write(work.contracts.annex(contract, version=version))


@verb(
    app,
    "draft",
    examples=(
        'engagerr contract draft "Trail shoes, spring"',
        'engagerr contract draft "Trail shoes, spring" --file terms.toml',
        'engagerr contract draft "Trail shoes, spring" --commission 0.15 --law Germany',
    ),
)
def draft(
    deal: DealArgument,
    file: FileOption = None,
    commission: Annotated[
        str | None,
        typer.Option(metavar="RATE", help="Your commission: 15% or 0.15; else that of the creators' terms."),
    ] = None,
    law: Annotated[str | None, typer.Option(metavar="WORDS", help="Whose law applies; else your country's.")] = None,
) -> None:
    """Draft the contract of a deal, of its accepted proposal or of a file. Nobody else sees a draft."""
    with workspace() as work:
        found = work.contracts.draft(
            deal, file=file, commission_rate=None if commission is None else share_of(commission), law=law
        )
    put_shown(found)
    note(f'Nobody has seen it yet. Send it with: engagerr contract send "{found.contract.deal}"')


@verb(app, "edit", examples=('engagerr contract edit "Trail shoes, spring" --file terms.json',))
def edit(
    contract: ContractArgument,
    file: Annotated[Path, typer.Option("--file", metavar="FILE", help="Terms, as JSON or TOML.")],
) -> None:
    """Write a draft anew. What is signed is amended."""
    with workspace() as work:
        found = work.contracts.edit(contract, file=file)
    put_shown(found)


@verb(
    app,
    "amend",
    examples=('engagerr contract amend "Trail shoes, spring" --file terms.json --reason "a third clip"',),
)
def amend(
    contract: ContractArgument,
    file: Annotated[Path, typer.Option("--file", metavar="FILE", help="All the terms, as JSON or TOML.")],
    reason: ReasonOption,
) -> None:
    """Draft the next version of what is signed. It changes nothing until both have signed it."""
    with workspace() as work:
        found = work.contracts.amend(contract, file=file, reason=reason)
        changes = work.contracts.compare(contract).changes
    put_shown(found)
    note(f"It changes {len(changes)} things. See them: engagerr contract compare; then send it.")


@verb(app, "compare", examples=('engagerr contract compare "Trail shoes, spring"',))
def compare(
    contract: ContractArgument,
    before: Annotated[int | None, typer.Argument(metavar="[N]", help="The earlier version.")] = None,
    after: Annotated[int | None, typer.Argument(metavar="[M]", help="The later one.")] = None,
) -> None:
    """Compare two versions, else the newest with the one before it."""
    with workspace() as work:
        found = work.contracts.compare(contract, before=before, after=after)
    columns: list[Column[Any]] = [
        Column("Where", lambda row: row.where, fold=True),
        Column(f"Version {found.before}", lambda row: _value(row.before), fold=True),
        Column(f"Version {found.after}", lambda row: _value(row.after), fold=True),
    ]
    put(
        plain(found), csv=_CHANGE_CSV, flat=[plain(change) for change in found.changes],
        drawing=lambda: [table(found.changes, columns) if found.changes else "They say the same."],
    )  # fmt: skip


@verb(
    app,
    "check",
    examples=("engagerr contract check --file terms.toml",),
)
def check(
    contract: Annotated[str | None, typer.Argument(metavar="[CONTRACT]", help="One that is kept here.")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Terms (.json, .toml), or anybody's contract (.txt).")
    ] = None,
) -> None:
    """Say what hurts in a contract: for ever, unlimited, late, industry-wide, renewed by itself."""
    if (contract is None) == (file is None):
        raise InvalidInput("Name a contract, or a file.", hint="engagerr contract check --file contract.txt")
    with workspace() as work:
        if file is not None:
            found = work.contracts.flagging.of_file(file)
        else:
            version = work.contracts.show(str(contract)).version
            found = (
                *work.contracts.flagging.of_terms(version.terms),
                *work.contracts.flagging.of_free_clauses(version.terms),
            )
    show(found, columns=flag_columns(), csv=_FLAG_CSV, empty="Nothing in it hurts, as far as this can see.")


@verb(app, "clashes", examples=('engagerr contract clashes "Trail shoes, spring"',))
def clashes(contract: ContractArgument) -> None:
    """Say with which contracts its exclusivity clashes: it could not be signed beside them."""
    with workspace() as work:
        found = work.contracts.clashes(contract)
    show(found, columns=place_columns(), csv=_PLACE_CSV, empty="It clashes with nothing.")


@verb(app, "exclusivities", examples=("engagerr contract exclusivities",))
def exclusivities(
    contract: Annotated[str | None, typer.Argument(metavar="[CONTRACT]", help="Of this one alone.")] = None,
) -> None:
    """List what signed contracts keep free for their brands, and where they engage creators."""
    with workspace() as work:
        found = work.contracts.exclusivities(contract)
    show(found, columns=place_columns(), csv=_PLACE_CSV, empty="No signed contract keeps anything free.")


# ── What is shown ──────────────────────────────────────────────────────────────────────────────────────────────────


def put_shown(found: ContractShown) -> None:
    """A contract with its version, signatures and flags."""
    put(_document(found), csv=CSV, flat=[flat_row(found.contract, found.version)], drawing=lambda: _drawn(found))


def flat_row(contract: ContractRow, version: VersionRow) -> dict[str, Any]:
    """One line about a contract and a version of it."""
    return {
        **plain(contract), "version": version.version, "state": version.state, "total": plain(version.terms.total),
        "terms_hash": version.terms_hash.hex(),
    }  # fmt: skip


def _document(found: ContractShown) -> dict[str, Any]:
    return {
        **plain(found.contract), "open": version_document(found.version),
        "versions": [
            {"version": one.version, "state": one.state, "terms_hash": one.terms_hash.hex(), "reason": one.reason,
             "created_at": plain(one.created_at), "sent_at": plain(one.sent_at), "signed_at": plain(one.signed_at)}
            for one in found.versions
        ],
        "flags": plain(list(found.flags)),
    }  # fmt: skip


def version_document(version: VersionRow) -> dict[str, Any]:
    """A version as JSON: its terms as they are signed, its annex for who keeps it, hashes and signatures."""
    from engagerr.core.deals.contracting.clauses import canonical

    return {
        "version": version.version, "state": version.state, "total": plain(version.terms.total),
        "terms": json.loads(canonical(version.terms)), "terms_hash": version.terms_hash.hex(),
        "annex": None if version.annex is None else json.loads(version.annex),
        "document_hash": version.document_hash.hex() if version.document_hash else None, "reason": version.reason,
        "created_at": plain(version.created_at), "sent_at": plain(version.sent_at),
        "signed_at": plain(version.signed_at), "signatures": [_signature(one) for one in version.signatures],
    }  # fmt: skip


def _signature(one: SignatureRow) -> dict[str, Any]:
    hidden = {"terms_hash": one.terms_hash.hex(), "proof": one.proof.hex()}
    return {**{name: plain(getattr(one, name)) for name in type(one).__slots__ if name not in hidden}, **hidden}


def _drawn(found: ContractShown) -> Sequence[RenderableType]:
    from engagerr.core.deals.contracting.contract_paper import lasts

    version, terms = found.version, found.version.terms
    many = len(terms.milestones)
    lines = [
        ("Contract", f"{found.contract.title} ({found.contract.id})"),
        ("Deal", found.contract.deal),
        ("Parties", f"{terms.parties.agency.name} (agency) and {terms.parties.brand.name} (brand)"),
        ("Version", f"{version.version}, {version.state}" + (f": {version.reason}" if version.reason else "")),
        ("Total", f"{terms.total} in {many} milestone{'' if many == 1 else 's'}"),
        *_division(terms),
        ("Term", f"{terms.term.starts} to {terms.term.until or MISSING}; law of {terms.governing_law}"),
        ("SHA-256", version.terms_hash.hex()),
    ]
    lines += [("May be used", f"{', '.join(one.channels)}; {_places(one)}; {lasts(one)}") for one in terms.usage_rights]
    lines += [
        ("Exclusive", f"{one.category or 'every category'}; {_places(one)}; {one.starts} to {one.until or MISSING}")
        for one in terms.exclusivity
    ]
    for side in ("agency", "brand"):
        one = version.signature(side)
        said = f"{one.decision} by {one.name}, {minute(one.at)}" if one else "not signed yet"
        lines.append((f"For the {side}", said))
    pieces: list[Column[Any]] = [
        Column("No.", lambda row: row.ref),
        Column("Creator", lambda row: terms.creator(row.creator).name, elastic=True),
        Column("Piece", lambda row: row.kind.replace("_", " "), elastic=True),
        Column("Platform", lambda row: row.platform),
        Column("Pieces", lambda row: str(row.count), right=True),
        Column("By", lambda row: str(row.due_on or MISSING)),
        Column("Revisions", lambda row: "unlimited" if row.revisions is None else str(row.revisions), right=True),
    ]
    paid: list[Column[Any]] = [
        Column("No.", lambda row: row.ref),
        Column("Milestone", lambda row: row.title, elastic=True),
        Column("Pieces", lambda row: ", ".join(row.deliverables), elastic=True),
        Column("By", lambda row: str(row.due_on or MISSING)),
        Column("Amount", lambda row: _amount(row.amount_minor, terms.currency), right=True),
    ]
    parts: list[RenderableType] = [
        facts(lines), "", table(terms.deliverables, pieces), "", table(terms.milestones, paid),
    ]  # fmt: skip
    if found.flags:
        parts += ["", table(found.flags, flag_columns(), title="What hurts")]
    return parts


def _division(terms: ContractTerms) -> list[tuple[str, str]]:
    """Commission and shares, for who knows them."""
    if terms.commission_rate is None:
        return [("Annex", f"kept by {terms.parties.agency.name}; SHA-256 {terms.annex}")]
    whole = sum(one.weight for one in terms.shares)
    shares = ", ".join(f"{terms.creator(one.creator).name} {one.weight}/{whole}" for one in terms.shares)
    rate = f"{number(terms.commission_rate * 100, places=3)} %; {shares}"
    return [("Commission", rate if terms.annex is None else f"{rate} (in your annex: the other side reads none of it)")]


def _places(clause: UsageRight | ExclusivityPromise) -> str:
    return ", ".join(clause.territories) or "everywhere"


def flag_columns() -> list[Column[Flag]]:
    """Columns of flags."""
    return [
        Column("Severity", lambda row: row.severity),
        Column("Clause", lambda row: row.clause, elastic=True),
        Column("It says", lambda row: row.says, fold=True),
        Column("Ask for", lambda row: row.ask, fold=True),
        Column("Found by", lambda row: row.source, above=110),
    ]


def place_columns() -> list[Column[Any]]:
    """Columns of clashes and claims; what is empty is everything."""
    return [
        Column("Kind", _kind),
        Column("Contract", _contract, elastic=True),
        Column("Brand", lambda row: row.brand, elastic=True),
        Column("Creator", lambda row: row.creator or "the whole roster", elastic=True),
        Column("Category", lambda row: row.category or "every category", elastic=True),
        Column("Where", lambda row: row.territory or "everywhere"),
        Column("From", lambda row: str(row.since or MISSING)),
        Column("Until", lambda row: str(row.until or MISSING)),
    ]


def _kind(row: Clash | Claim) -> str:
    return row.kind


def _contract(row: Clash | Claim) -> str:
    return row.contract


def _amount(minor: int, currency: str) -> str:
    from engagerr.core.money import Money

    return str(Money(minor, currency))


def _value(value: Any) -> str:
    if value is None:
        return MISSING
    return clean(value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False))


# The verbs of signing live in a file of their own, and register themselves with this noun.
from engagerr.cli import signing  # noqa: E402, F401
