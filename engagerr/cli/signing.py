"""`engagerr contract send|sign|decline|…`: from a draft to what both have signed, its paper and its proofs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engagerr.cli.command import YesOption, ask, verb, workspace
from engagerr.cli.contract import (
    CSV,
    ContractArgument,
    ReasonOption,
    VersionOption,
    app,
    flat_row,
    place_columns,
    put_shown,
    version_document,
)
from engagerr.cli.output import MISSING, Column, clean, facts, minute, note, plain, put, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engagerr.core.deals.contracting.contract_proofs import Proof
    from engagerr.core.deals.contracting.contracts import Sent, Signed

_PROOF_CSV = ("name", "good", "detail")
_FILE_CSV = ("path", "sha256", "sealed")
_SENT_CSV = (*CSV, "code", "code_email", "code_expires_at")

NameOption = Annotated[str, typer.Option("--name", metavar="NAME", help="Who signs.")]
EmailOption = Annotated[str, typer.Option("--email", metavar="ADDRESS", help="Where they can be reached.")]
TitleOption = Annotated[str | None, typer.Option("--title", metavar="WORDS", help="What they are to their party.")]
CodeOption = Annotated[
    str | None,
    typer.Option(
        "--code", metavar="CODE", help="For the side without a workspace: its one-time code; - reads it from stdin."
    ),
]


@verb(
    app,
    "send",
    examples=(
        'engagerr contract send "Trail shoes, spring"',
        'engagerr contract send "Trail shoes, spring" --email mara@alpenpfad.example --days 7',
    ),
)
def send(
    contract: ContractArgument,
    email: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Whom the signing code is for; else the contract says it.")
    ] = None,
    days: Annotated[int, typer.Option(metavar="N", help="How long the code is good.")] = 14,
) -> None:
    """Open a draft for signature. A side without a workspace signs with the code that this shows, once."""
    with workspace() as work:
        found = work.contracts.send(contract, email=email, days=days)
    code = found.code
    document = {
        **plain(found.contract), "open": version_document(found.version), "code": code and code.code,
        "code_email": code and code.email, "code_expires_at": code and plain(code.expires_at),
        "flags": plain(list(found.flags)), "clashes": plain(list(found.clashes)),
    }  # fmt: skip
    flat = {name: value for name, value in document.items() if name.startswith("code")}
    put(document, csv=_SENT_CSV, flat=[{**flat_row(found.contract, found.version), **flat}],
        drawing=lambda: _drawn_sent(found))  # fmt: skip


@verb(app, "recall", examples=('engagerr contract recall "Trail shoes, spring"',))
def recall(contract: ContractArgument) -> None:
    """Take back what was sent and nobody has signed, to change it."""
    with workspace() as work:
        found = work.contracts.recall(contract)
    put_shown(found)


@verb(app, "withdraw", examples=('engagerr contract withdraw "Trail shoes, spring" --reason "the dates moved" --yes',))
def withdraw(contract: ContractArgument, reason: ReasonOption, yes: YesOption = False) -> None:
    """Give up the version that is open, whoever has signed it. What stands goes on standing."""
    with workspace() as work:
        ask(f"Withdraw {contract}?", yes=yes)
        found = work.contracts.withdraw(contract, reason=reason)
    put_shown(found)


@verb(
    app,
    "sign",
    examples=(
        'engagerr contract sign "Trail shoes, spring" --name "Ann Berg" --email ann@northlight.example'
        ' --title "Managing Director" --yes',
    ),
)
def sign(
    contract: ContractArgument,
    name: NameOption,
    email: EmailOption,
    title: TitleOption = None,
    code: CodeOption = None,
    read: Annotated[
        str | None, typer.Option("--read", metavar="SHA256", help="The hash of the terms that were read.")
    ] = None,
    yes: YesOption = False,
) -> None:
    """Sign what was sent, for your workspace or with a code. With the second signature it binds both."""
    from engagerr.core.deals.contracting.signing import Signer

    with workspace() as work:
        waiting = work.contracts.show(contract).version
        ask(
            f"Sign {waiting.terms.title}, version {waiting.version} ({waiting.terms.total}), as {name}? It binds.",
            yes=yes,
        )
        found = work.contracts.sign(
            contract, Signer(name, email, title, program="engagerr contract sign"),
            terms_hash=read or waiting.terms_hash.hex(), code=_typed(code),
        )  # fmt: skip
    _put_signed(found)


@verb(
    app,
    "decline",
    examples=(
        'engagerr contract decline "Trail shoes, spring" --name "Mara Keller" --email mara@alpenpfad.example'
        ' --reason "too late" --code ABCD-EFGH-IJKL-MNOP --yes',
    ),
)
def decline(
    contract: ContractArgument,
    name: NameOption,
    email: EmailOption,
    reason: ReasonOption,
    title: TitleOption = None,
    code: CodeOption = None,
    yes: YesOption = False,
) -> None:
    """Say no to what was sent, for your workspace or with a code."""
    from engagerr.core.deals.contracting.signing import Signer

    with workspace() as work:
        ask(f"Decline {contract}?", yes=yes)
        work.contracts.decline(contract, Signer(name, email, title), reason=reason, code=_typed(code))
        found = work.contracts.show(contract)
    put_shown(found)


@verb(app, "end", examples=('engagerr contract end "Trail shoes, spring" --reason "the brand was sold" --yes',))
def end(contract: ContractArgument, reason: ReasonOption, yes: YesOption = False) -> None:
    """End what both have signed: its exclusivity is free again. Money that is held comes first."""
    with workspace() as work:
        ask(f"End {contract}, which both have signed?", yes=yes)
        found = work.contracts.end(contract, reason=reason)
    put_shown(found)


@verb(app, "pdf", examples=('engagerr contract pdf "Trail shoes, spring" --to contract.pdf --overwrite',))
def pdf(
    contract: ContractArgument,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Where; else a name of its own, here.")
    ] = None,
    version: VersionOption = None,
    unsigned: Annotated[bool, typer.Option("--unsigned", help="As it was put before the parties.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file of this name.")] = False,
) -> None:
    """Write the contract as PDF/A with its terms attached; sealed once both have signed."""
    from engagerr.cli.files import write_file

    with workspace() as work:
        paper = work.contracts.paper(contract, version=version, unsigned=unsigned)
    path = to or Path(paper.name)
    write_file(path, paper.content, overwrite=overwrite)
    row = {"path": str(path), "sha256": paper.sha256, "sealed": paper.sealed}
    lines = [("File", str(path)), ("SHA-256", paper.sha256), ("Sealed", "yes" if paper.sealed else "no")]
    put(row, csv=_FILE_CSV, drawing=lambda: [facts(lines)])


@verb(app, "verify", examples=('engagerr contract verify "Trail shoes, spring"',))
def verify(
    contract: ContractArgument,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="PDF", help="A file that claims to be it; else what is kept.")
    ] = None,
    version: VersionOption = None,
    annex: Annotated[
        Path | None, typer.Option("--annex", metavar="FILE", help="Commission and shares, as somebody showed you them.")
    ] = None,
) -> None:
    """Check that nothing was changed since it was agreed: terms, signatures, paper, annex, seal."""
    with workspace() as work:
        found = work.contracts.verify(contract, file=file, version=version, annex=annex)
    columns: list[Column[Proof]] = [
        Column("What", lambda row: row.name),
        Column("Good", lambda row: {True: "yes", False: "NO", None: MISSING}[row.good]),
        Column("Detail", lambda row: row.detail, fold=True),
    ]
    document = {**plain(found), "intact": found.intact}
    put(document, csv=_PROOF_CSV, flat=[plain(proof) for proof in found.proofs],
        drawing=lambda: [table(found.proofs, columns)])  # fmt: skip
    if not found.intact:
        raise typer.Exit(1)


@verb(app, "certificate", examples=("engagerr contract certificate --file seal.p12 --passphrase-file passphrase.txt",))
def certificate(
    file: Annotated[Path, typer.Option("--file", metavar="P12", help="Key and certificate (PKCS#12).")],
    passphrase_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file with its passphrase, if it has one.")
    ] = None,
) -> None:
    """Seal with a certificate of yours from now on, instead of the one that this workspace made."""
    from engagerr.cli.files import read_text

    passphrase = read_text(str(passphrase_file)).strip() if passphrase_file else None
    with workspace() as work:
        found = work.contracts.use_certificate(file, passphrase=passphrase)
    row = {"fingerprint": found.fingerprint, "own": found.own, "made_at": plain(found.made_at)}
    put(row, csv=tuple(row), drawing=lambda: [facts([("Fingerprint", found.fingerprint)])])


def _put_signed(found: Signed) -> None:
    document = {**plain(found.contract), "complete": found.complete, "open": version_document(found.version)}
    lines = [("Contract", found.contract.title), ("Version", f"{found.version.version}, {found.version.state}")]
    for one in found.version.signatures:
        lines.append(
            (f"For the {one.side}", f"{one.decision} by {one.name}, {minute(one.at)}, proof {one.proof.hex()}")
        )
    lines.append(("SHA-256", found.version.terms_hash.hex()))
    put(document, csv=CSV, flat=[flat_row(found.contract, found.version)], drawing=lambda: [facts(lines)])
    note("It binds both; its milestones are open." if found.complete else "It waits for the other signature.")


def _drawn_sent(found: Sent) -> list[RenderableType]:
    version = found.version
    lines = [
        ("Contract", f"{found.contract.title}, version {version.version}"),
        ("To", version.party(found.contract.other_side).name),
        ("SHA-256", version.terms_hash.hex()),
    ]
    if found.code is not None:
        lines += [
            ("Signing code", f"{found.code.code} for {found.code.email}, good until {minute(found.code.expires_at)}"),
            ("What now", "Send the PDF (engagerr contract pdf), and the code by another way: it is shown once."),
        ]
    else:
        lines.append(("What now", "They find it in their workspace, and sign it there."))
    parts: list[RenderableType] = [facts([(name, clean(said)) for name, said in lines])]
    if found.clashes:
        parts.append(table(found.clashes, place_columns(), title="It clashes with"))
    return parts


def _typed(code: str | None) -> str | None:
    """The code, from standard input where it is -: what stands in a command line, others on the machine can read."""
    from engagerr.cli.files import read_text

    return read_text("-").strip() if code == "-" else code
