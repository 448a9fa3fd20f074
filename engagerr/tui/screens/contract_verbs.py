"""Verbs on the contract of a deal: draft, send, sign with one's own name, the other side's code, amend, end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input, Static

from engagerr.core.desk.files import write_new
from engagerr.core.errors import EngagerrError
from engagerr.core.tenancy.permissions import Permission
from engagerr.tui import glyphs
from engagerr.tui.rights import refused_for
from engagerr.tui.screens.deal_moves import ask_path, ask_reason
from engagerr.tui.screens.offer_verbs import amount_or_nothing
from engagerr.tui.widgets.dialogs import Confirm, Dialog, Field, Form, Sheet, written
from engagerr.tui.writing import Cell, cell, money_text

if TYPE_CHECKING:
    from engagerr.core.deals.contracting.contracts import ContractShown
    from engagerr.core.desk.deal import DealView
    from engagerr.tui.page import Page

Verb = tuple[str, str, Callable[[], Any], str | None, bool]


def verbs(page: Page, view: DealView) -> list[Verb]:
    """What can be done with the contract as it stands."""
    edit, sign = refused_for(page.desk, Permission.EDIT_DEALS), refused_for(page.desk, Permission.SIGN_CONTRACTS)
    paper = view.paper
    if view.page.row.closed_from is not None:
        return []
    if paper is None or paper.contract.state in ("declined", "withdrawn", "ended"):
        accepted = any(one.state == "accepted" for one in view.page.offers)
        kept = None if view.page.row.kept_by(page.desk.tenant.id) else "Who keeps the deal drafts the contract."
        if not accepted:
            return []
        return [("d", "draft the contract …", lambda: draft(page, view), edit or kept, False)]
    return verbs_of(page, paper, edit=edit, sign=sign)


def verbs_of(page: Page, paper: ContractShown, *, edit: str | None, sign: str | None) -> list[Verb]:
    """The verbs of one contract."""
    row = paper.contract
    kept = None if row.kept else "Who drafted the contract does that."
    newest = max(paper.versions, key=lambda one: one.version)
    found: list[Verb] = []
    if newest.state == "draft":
        found = [
            ("s", f"send contract {newest.version} for signature …", lambda: send(page, paper), edit or kept, False),
            ("t", "give the draft up …", lambda: withdraw(page, paper), edit or kept, True),
        ]
    elif newest.state == "sent":
        if newest.signature(row.side) is None:
            found.append(("s", f"sign contract {newest.version} …", lambda: sign_own(page, paper), sign, False))
        if row.counterparty_id is None and newest.signature(row.other_side) is None:
            found.append(("b", f"put down the signature of {newest.party(row.other_side).name} …",
                          lambda: sign_theirs(page, paper), edit or kept, False))  # fmt: skip
            found.append(("c", "make another signing code …", lambda: send(page, paper), edit or kept, False))
        if not newest.signatures:
            found.append(("t", "take it back, to change it", lambda: recall(page, paper), edit or kept, False))
        found.append(("w", "give the open contract up …", lambda: withdraw(page, paper), edit or kept, True))
    if any(one.state == "signed" for one in paper.versions):
        if newest.state not in ("draft", "sent"):
            found.append(("i", "amend the contract, by a file …", lambda: amend(page, paper), edit or kept, False))
        found.append(("n", "end the contract …", lambda: end(page, paper), sign or kept, True))
    return found


class SignDialog(Dialog[dict[str, str]]):
    """Before a signature: what is signed, that it binds, and one's own name typed."""

    money: ClassVar[bool] = True

    def __init__(self, title: str, lines: Sequence[Cell], fields: Sequence[Field], *, name: str, words: str) -> None:
        super().__init__()
        self.sign_title, self.lines, self.fields, self.own_name, self.words = title, lines, fields, name, words

    def body(self) -> ComposeResult:
        """The facts, the fields."""
        yield Static(written([(self.sign_title, "ink-bold")]), classes="dialog-title")
        for line in self.lines:
            yield Static(written(line.parts) if line.text else "")
        yield Static("", classes="space")
        for field in self.fields:
            yield Static(written([(field.label, "soft")]))
            yield Input(field.value, placeholder=field.placeholder, id=f"sign-{field.name}", compact=True,
                        select_on_focus=False)  # fmt: skip
        yield Static("", id="wrong")
        yield Static(
            written([("esc", "accent"), (" sign nothing     ", "ink"), ("enter", "accent"), (f" {self.words}", "ink")]),
            classes="dialog-keys",
        )

    def on_mount(self) -> None:
        """The name has the focus."""
        self.query(Input).first().focus()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        if event.input.id != f"sign-{self.fields[-1].name}":
            self.focus_next(Input)
            return
        said = {one.name: self.query_one(f"#sign-{one.name}", Input).value.strip() for one in self.fields}
        for field in self.fields:
            wrong = field.check(said[field.name]) if field.check else None
            if wrong:
                self.query_one("#wrong", Static).update(written([(f"{glyphs.FAILED} {wrong}", "danger")]))
                self.query_one(f"#sign-{field.name}", Input).focus()
                return
        self.dismiss(said)


def sign_own(page: Page, paper: ContractShown) -> None:
    """Sign for this workspace: the own name is typed, and the terms that were read are those that are signed."""
    version = max(paper.versions, key=lambda one: one.version)
    member = page.desk.member
    known = member.name if member.name and "@" not in member.name else ""

    def check(said: str) -> str | None:
        if not said.strip():
            return "Type your own name."
        same = not known or " ".join(said.split()).casefold() == known.casefold()
        return None if same else f"You are {known} here: type that name."

    def said(typed: dict[str, str] | None) -> None:
        if typed is None:
            return
        from engagerr.core.deals.contracting.signing import Signer

        signer = Signer(typed["name"], typed["mail"], typed["title"] or None, program="engagerr console")
        page.do(
            f"contract:{paper.contract.id}",
            lambda: page.desk.contracts.sign(paper.contract.id, signer, terms_hash=version.terms_hash.hex()),
            said=_signed,
        )

    fields = [
        Field("name", f"Your own name{f', {known}' if known else ''}", check=check),
        Field("title", "What you are to your company", placeholder="Managing Director"),
        Field("mail", "Where you can be reached", value=member.email or "", check=_mail),
    ]
    title = f"Sign {version.terms.title}, version {version.version}"
    page.app.push_screen(SignDialog(title, _facts(paper), fields, name=known, words="sign; it binds"), said)


def sign_theirs(page: Page, paper: ContractShown) -> None:
    """Put down the signature of a side that has no workspace here; its one-time code proves it."""
    version = max(paper.versions, key=lambda one: one.version)
    party = version.party(paper.contract.other_side)

    def said(typed: dict[str, str] | None) -> None:
        if typed is None:
            return
        from engagerr.core.deals.contracting.signing import Signer

        signer = Signer(typed["name"], typed["mail"], typed["title"] or None, program="engagerr console")
        code = typed["code"]
        page.do(
            f"contract:{paper.contract.id}",
            lambda: page.desk.contracts.sign(
                paper.contract.id, signer, terms_hash=version.terms_hash.hex(), code=code
            ),
            said=_signed,
        )  # fmt: skip

    fields = [
        Field("name", f"Who signs for {party.name}", value=party.signer or "", check=_needed),
        Field("title", "What they are there", value=party.signer_title or ""),
        Field("mail", "Where they can be reached", value=party.email or "", check=_mail),
        Field("code", "Their one-time code", placeholder="ABCD-EFGH-IJKL-MNOP", check=_needed),
    ]
    title = f"The signature of {party.name}, version {version.version}"
    page.app.push_screen(SignDialog(title, _facts(paper), fields, name="", words="sign; it binds"), said)


def draft(page: Page, view: DealView) -> None:
    """Draft the contract of the accepted offer."""
    deal_id = view.page.row.id

    def said(typed: dict[str, str] | None) -> None:
        if typed is None:
            return
        rate = Decimal(typed["rate"].replace("%", "").strip()) / 100 if typed["rate"] else None
        law = typed["law"] or None
        page.do(
            "contract", lambda: page.desk.contracts.draft(deal_id, commission_rate=rate, law=law),
            said=lambda made: f"Version {made.version.version} is drafted, for you alone. Flags: {len(made.flags)}.",
        )  # fmt: skip

    fields = [
        Field("rate", "Your commission in per cent; empty: that of the creators' terms", placeholder="15", check=_rate),
        Field("law", "Whose law applies; empty: your country's", placeholder="Germany"),
    ]
    page.app.push_screen(Form(f"Draft the contract of {view.page.row.title}", fields, words="draft it"), said)


def send(page: Page, paper: ContractShown) -> None:
    """Open it for signature; a side without a workspace gets a one-time code, which is shown once."""
    row = paper.contract
    version = max(paper.versions, key=lambda one: one.version)
    known = version.party(row.other_side).email or ""

    def run(email: str | None) -> None:
        page.do("contract", lambda: page.desk.contracts.send(row.id, email=email), then=sent)

    def sent(done: Any) -> None:
        page.read_now()
        if done.code is None:
            page.console.say(f"Contract {done.version.version} is open for signature.")
            return
        page.app.push_screen(
            Sheet(
                "The signing code, once",
                [cell(done.code.code, "accent"), cell(""),
                 cell(f"For {done.code.email}, good until {done.code.expires_at:%Y-%m-%d %H:%M} UTC.", "soft"),
                 cell("Give it by a way that shows who they are, and not with the contract. It is", "soft"),
                 cell("not shown again; sending anew makes another one.", "soft"),
                 *(cell(f"{glyphs.LATE} It clashes with {one.contract} for {one.brand}.", "attention")
                   for one in done.clashes[:3])],
            )
        )  # fmt: skip

    if row.counterparty_id is not None:
        lines = [f"{version.party(row.other_side).name} reads it from then on, and nobody changes it."]
        page.app.push_screen(
            Confirm(f"Send contract {version.version} for signature", lines, key="y", words="send it", keep="keep it"),
            lambda yes: run(None) if yes else None,
        )
        return
    fields = [Field("mail", f"Whom of {version.party(row.other_side).name} the code is for", value=known, check=_mail)]
    page.app.push_screen(
        Form(f"Send contract {version.version} ({money_text(version.terms.total)}) for signature", fields,
             words="send it"),
        lambda typed: None if typed is None else run(typed["mail"]),
    )  # fmt: skip


def recall(page: Page, paper: ContractShown) -> None:
    """Take back what nobody has signed."""
    row = paper.contract
    page.do("contract", lambda: page.desk.contracts.recall(row.id), said="Taken back; its codes open nothing any more.")


def withdraw(page: Page, paper: ContractShown) -> None:
    """Give the open version up; what stands goes on standing."""
    row = paper.contract
    ask_reason(
        page, "Give the open contract up",
        lambda why: page.do("contract", lambda: page.desk.contracts.withdraw(row.id, reason=why),
                            said="The open version is given up."),
        words="give it up",
    )  # fmt: skip


def amend(page: Page, paper: ContractShown) -> None:
    """Draft the next version from a file of terms; it changes nothing before both have signed it."""
    row = paper.contract

    def said(typed: dict[str, str] | None) -> None:
        if typed is not None:
            file, why = Path(typed["file"]).expanduser(), typed["why"]
            page.do(
                "contract", lambda: page.desk.contracts.amend(row.id, file=file, reason=why),
                said=lambda made: f"Version {made.version.version} is drafted. c compares it with what stands.",
            )  # fmt: skip

    fields = [
        Field("file", "The terms as a file, JSON or TOML; e in the contract writes them", check=_needed),
        Field("why", "Why; it is kept with the contract", check=_needed),
    ]
    page.app.push_screen(Form("Amend the contract", fields, words="draft it"), said)


def end(page: Page, paper: ContractShown) -> None:
    """End what both have signed; money that is held comes first."""
    row = paper.contract
    ask_reason(
        page, "End the contract, which both have signed",
        lambda why: page.do("contract", lambda: page.desk.contracts.end(row.id, reason=why),
                            said="The contract is ended; its exclusivity is free again."),
        words="end it",
    )  # fmt: skip


def export_pdf(page: Page, paper: ContractShown, version: int) -> None:
    """Write the contract as PDF to a path of one's own."""
    row = paper.contract
    name = "".join(sign if sign.isalnum() else "-" for sign in row.title.casefold()).strip("-") or "contract"

    def write(path: str) -> Path:
        return write_new(path, page.desk.contracts.paper(row.id, version=version).content)

    ask_path(page, f"Write version {version} as PDF", f"{name}-v{version}.pdf", write)


def export_terms(page: Page, paper: ContractShown, version: int) -> None:
    """Write the terms as JSON: a file to change and to amend the contract with."""
    row = paper.contract

    def write(path: str) -> Path:
        import json

        from engagerr.core.deals.contracting.clauses import whole

        terms = page.desk.contracts.show(row.id, version=version).version.terms
        return write_new(path, (json.dumps(whole(terms), indent=2, ensure_ascii=False) + "\n").encode())

    ask_path(page, f"Write the terms of version {version} as JSON", f"terms-v{version}.json", write)


def short_hash(digest: bytes) -> str:
    """`7f3a…c21e`."""
    text = digest.hex()
    return f"{text[:4]}…{text[-4:]}"


def _facts(paper: ContractShown) -> list[Cell]:
    version = max(paper.versions, key=lambda one: one.version)
    terms = version.terms
    rate = terms.commission_rate
    # What an agency keeps is none of the brand's business: its own terms do not say it.
    commission = "" if rate is None else f", commission {rate * 100:.4g} %"
    pairs = [
        ("Between", f"{terms.parties.agency.name} and {terms.parties.brand.name}"),
        ("Total", f"{money_text(terms.total)}{commission}"),
        ("Term", f"{terms.term.starts} to {terms.term.until or 'without end'}; law of {terms.governing_law}"),
        ("Terms", f"SHA-256 {short_hash(version.terms_hash)}"),
    ]
    lines = [Cell(((f"{label:<10}", "soft"), (value, "ink"))) for label, value in pairs]
    grave = [one for one in paper.flags if one.severity == "high"]
    if paper.flags:
        said = f"{len(paper.flags)} flags, {len(grave)} of them grave; w in the contract says why."
        lines.append(Cell(((f"{glyphs.LATE} ", "attention"), (said, "ink"))))
    return [*lines, cell("A signature binds and cannot be undone.", "ink")]


def _signed(done: Any) -> str:
    version = done.version.version
    if done.complete:
        return f"Version {version} is signed by both: it binds, and its milestones and holds are open."
    return f"Version {version} is signed. It waits for the other signature."


def _needed(words: str) -> str | None:
    return None if words.strip() else "This is needed."


def _mail(words: str) -> str | None:
    return None if "@" in words.strip() else "A mail address."


def _rate(words: str) -> str | None:
    if not words.strip():
        return None
    try:
        wrong = amount_or_nothing(words.replace("%", ""))
        return wrong or (None if Decimal(words.replace("%", "").strip()) <= 100 else "0 to 100 per cent.")
    except (EngagerrError, ArithmeticError):
        return "0 to 100 per cent."
