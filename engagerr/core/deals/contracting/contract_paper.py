"""A contract as paragraphs and tables: the sentences of its wording, filled from its terms. What the PDF shows."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from importlib import resources
from typing import Any

from engagerr.core.deals.contracting.clauses import (
    AGENCY,
    BRAND,
    LIVE,
    ContractTerms,
    Deliverable,
    ExclusivityPromise,
    UsageRight,
)
from engagerr.core.deals.contracting.contract_reading import DRAFT, SENT, SIGNED, SignatureRow, VersionRow
from engagerr.core.errors import Broken
from engagerr.core.money import Money

Block = dict[str, Any]
Wording = dict[str, Any]

_STATES = {
    DRAFT: "Draft, not for signature",
    SENT: "For signature",
    SIGNED: "Signed by both parties",
    "superseded": "Signed; an amendment has taken its place",
    "declined": "Declined",
    "withdrawn": "Withdrawn",
    "ended": "Signed; ended",
}
_EMPTY = "–"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@functools.cache
def wording_of(name: str) -> Wording:
    """The sentences of a wording by its name (2026-11); `Broken` for one that this Engagerr does not have."""
    path = resources.files("engagerr.core.deals") / "templates" / f"wording_{name.replace('-', '_')}.toml"
    if not path.is_file():
        raise Broken(f"This Engagerr does not have the wording {name!r} of contracts.", hint="Upgrade it.")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def layout(version: VersionRow, *, signed: bool) -> dict[str, Any]:
    """What the paper says, ready to be set; `signed` puts the signatures in, otherwise there is room for them.

    The same version gives the same layout, whoever asks and whenever.
    """
    terms, words = version.terms, wording_of(version.terms.wording)
    clauses = [
        clause(terms, words[name])
        for name, clause in _CLAUSES
        if name != "renewal" or terms.renewal is not None or terms.term.until is not None
    ]
    clauses[-1:-1] = [{"heading": one.heading, "blocks": [_paragraph(one.text)]} for one in terms.clauses]
    shown = version.signatures if signed else ()
    return {
        "title": words["title"],
        "campaign": terms.title,
        "between": words["between"],
        "and": words["and"],
        "state": _STATES[version.state] if signed else _STATES[DRAFT if version.state == DRAFT else SENT],
        "draft": version.state == DRAFT,
        "amendment": _amendment(terms, words),
        "facts": [
            ["Contract", str(version.contract_id)],
            ["Version", f"{version.version} of {_day(version.created_at.date())}"],
            ["SHA-256 of the terms", version.terms_hash.hex()],
        ],
        "parties": [_party(terms, AGENCY), _party(terms, BRAND)],
        "clauses": clauses,
        "signatures": [_signature(version, side, shown) for side in (AGENCY, BRAND)],
        "foot": f"{terms.title} · version {version.version}",
        "hash": version.terms_hash.hex(),
    }


def _amendment(terms: ContractTerms, words: Wording) -> str:
    change = terms.amendment
    return "" if change is None else words["amendment"].format(version=change.version, reason=change.reason)


def table_of(
    columns: Sequence[tuple[str, float, bool]], rows: Sequence[Sequence[str]], *, total: bool = False
) -> Block:
    """A table: (heading, share of the width, to the right) by column; with `total`, the last row is one."""
    return {
        "kind": "table",
        "columns": [{"text": text, "width": width, "right": right} for text, width, right in columns],
        "rows": [list(row) for row in rows],
        "total": total,
    }


def _paragraph(text: str) -> Block:
    return {"kind": "text", "text": text}


def _names(terms: ContractTerms) -> dict[str, str]:
    return {"agency": terms.parties.agency.name, "brand": terms.parties.brand.name, "title": terms.title}


# ── Clauses ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _subject(terms: ContractTerms, words: Wording) -> Block:
    names = _names(terms)
    said = [words["agency" if terms.flow == AGENCY else "creator"].format(**names)]
    if terms.categories:
        said.append(words["categories"].format(**names, categories=", ".join(terms.categories)))
    said.append(
        words["territories"].format(territories=", ".join(terms.territories))
        if terms.territories
        else words["everywhere"]
    )
    blocks = [_paragraph(" ".join(said))]
    blocks.append(
        table_of(
            [("Creator", 2, False), ("Address", 3, False), ("Country", 1, False)],
            [[one.name, one.address or _EMPTY, one.country or _EMPTY] for one in terms.creators],
        )
    )
    begins = {"from": _day(terms.term.starts), "until": _day(terms.term.until)}
    blocks.append(_paragraph(words["until" if terms.term.until else "open"].format(**begins)))
    return {"heading": words["heading"], "blocks": blocks}


def _deliverables(terms: ContractTerms, words: Wording) -> Block:
    rows = [
        [
            one.ref, terms.creator(one.creator).name, _piece(one), one.platform,
            str(one.count), _day(one.due_on), "unlimited" if one.revisions is None else str(one.revisions),
        ]
        for one in terms.deliverables
    ]  # fmt: skip
    columns = [
        ("No.", 0.6, False), ("Creator", 1.6, False), ("Piece", 3.4, False), ("Platform", 1.2, False),
        ("Pieces", 0.8, True), ("By", 1.4, False), ("Revisions", 1.3, True),
    ]  # fmt: skip
    return {
        "heading": words["heading"],
        "blocks": [_paragraph(words["text"].format(**_names(terms))), table_of(columns, rows)],
    }


def _piece(one: Deliverable) -> str:
    said = one.kind.replace("_", " ")
    if one.description:
        said += f"\n{one.description}"
    if one.disclosure:
        said += f"\nLabelled: {one.disclosure}"
    return said


def _approval(terms: ContractTerms, words: Wording) -> Block:
    names = _names(terms)
    said = [words["text"].format(**names)]
    days = {one.ref: one.silence_days for one in terms.milestones if one.silence_days is not None}
    if len(set(days.values())) == 1 and len(days) == len(terms.milestones):
        said.append(words["silence"].format(**names, days=next(iter(days.values()))))
    elif days:
        listed = ", ".join(f"{ref} {count} days" for ref, count in days.items())
        said.append(words["silences"].format(**names, list=listed))
    return {"heading": words["heading"], "blocks": [_paragraph(" ".join(said))]}


def _payment(terms: ContractTerms, words: Wording) -> Block:
    names = _names(terms)
    rows = [
        [
            one.ref,
            one.title,
            ", ".join(one.deliverables),
            _day(one.due_on),
            str(Money(one.amount_minor, terms.currency)),
        ]
        for one in terms.milestones
    ]
    rows.append(["", "Total", "", "", str(terms.total)])
    columns = [
        ("No.", 0.6, False), ("Milestone", 3, False), ("Deliverables", 2.2, False), ("By", 1.5, False),
        ("Amount", 1.8, True),
    ]  # fmt: skip
    payment = terms.payment_terms
    money = [
        _falls_due(terms, words),
        words["held"].format(**names) if payment.held else "",
        words["net"].format(days=payment.net_days) if payment.net_days else words["net_now"],
    ]
    blocks = [
        _paragraph(words["text"].format(**names, total=terms.total)), table_of(columns, rows, total=True),
        _paragraph(" ".join(filter(None, money))), _paragraph(_division(terms, words)),
    ]  # fmt: skip
    return {"heading": words["heading"], "blocks": blocks}


def _division(terms: ContractTerms, words: Wording) -> str:
    """Who gets what of a payment; or, the same for who knows it and who does not, which annex says so."""
    names = _names(terms)
    if terms.annex is not None or terms.commission_rate is None:
        return str(words[f"annex_{terms.flow}"].format(**names, annex=terms.annex))
    said = [words[f"commission_{terms.flow}"].format(**names, rate=percent(terms.commission_rate))]
    if len(terms.shares) > 1:
        total = sum(share.weight for share in terms.shares)
        shares = ", ".join(f"{terms.creator(one.creator).name} {one.weight}/{total}" for one in terms.shares)
        said.append(words["shares"].format(shares=shares))
    return " ".join(said)


def _falls_due(terms: ContractTerms, words: Wording) -> str:
    early = [one.ref for one in terms.milestones if one.paid_when != LIVE]
    if not early:
        return str(words["due_live"])
    if len(early) == len(terms.milestones):
        return str(words["due_approved"])
    return " ".join((words["due_live"], words["due_early"].format(list=", ".join(early))))


def _usage(terms: ContractTerms, words: Wording) -> Block:
    names = _names(terms)
    if not terms.usage_rights:
        return {"heading": words["heading"], "blocks": [_paragraph(words["none"].format(**names))]}
    rows = [
        [
            ", ".join(right.channels) + (" (paid media included)" if right.paid_media else "")
            + (f"\n{right.note}" if right.note else ""),
            ", ".join(right.territories) or "everywhere", ", ".join(right.deliverables) or "all", lasts(right),
        ]
        for right in terms.usage_rights
    ]  # fmt: skip
    columns = [("Channels", 3, False), ("Territories", 2, False), ("Deliverables", 1.4, False), ("Time", 2.6, False)]
    return {"heading": words["heading"], "blocks": [_paragraph(words["text"].format(**names)), table_of(columns, rows)]}


def _exclusivity(terms: ContractTerms, words: Wording) -> Block:
    names = _names(terms)
    if not terms.exclusivity:
        return {"heading": words["heading"], "blocks": [_paragraph(words["none"].format(**names))]}
    rows = [
        [
            one.category or "every category", _who(terms, one), ", ".join(one.territories) or "everywhere",
            f"{_day(one.starts)} to {_day(one.until) if one.until else 'without end'}",
        ]
        for one in terms.exclusivity
    ]  # fmt: skip
    columns = [("Category", 2, False), ("Creators", 2.2, False), ("Territories", 2, False), ("Time", 2.8, False)]
    return {"heading": words["heading"], "blocks": [_paragraph(words["text"].format(**names)), table_of(columns, rows)]}


def _who(terms: ContractTerms, promise: ExclusivityPromise) -> str:
    if not promise.creators:
        return f"everybody whom {terms.parties.agency.name} represents"
    return ", ".join(terms.creator(key).name for key in promise.creators)


def _disclosure(terms: ContractTerms, words: Wording) -> Block:
    rule = terms.disclosure
    said = [words["text"].format(wording=" or ".join(f"“{one}”" for one in rule.wording))] if rule.wording else []
    said += [words["label"]] if rule.platform_label else []
    said += [rule.note] if rule.note else []
    return {"heading": words["heading"], "blocks": [_paragraph(" ".join([*said, words["law"]]))]}


def _cancellation(terms: ContractTerms, words: Wording) -> Block:
    names = _names(terms)
    if not terms.kill_fees:
        return {"heading": words["heading"], "blocks": [_paragraph(words["none"].format(**names))]}
    rows = [[words[fee.stage], percent(fee.rate)] for fee in terms.kill_fees]
    columns = [("When", 6, False), ("Part of what is not yet paid", 3, True)]
    return {"heading": words["heading"], "blocks": [_paragraph(words["text"].format(**names)), table_of(columns, rows)]}


def _renewal(terms: ContractTerms, words: Wording) -> Block:
    renewal = terms.renewal
    said = words["none"] if renewal is None else words["text"].format(months=renewal.months, days=renewal.notice_days)
    return {"heading": words["heading"], "blocks": [_paragraph(said)]}


def _general(terms: ContractTerms, words: Wording) -> Block:
    said = [words["amendments"], words["signature"], words["law"].format(law=terms.governing_law)]
    if terms.jurisdiction:
        said[-1] += " " + words["courts"].format(jurisdiction=terms.jurisdiction)
    return {"heading": words["heading"], "blocks": [_paragraph(one) for one in said]}


_CLAUSES: tuple[tuple[str, Callable[[ContractTerms, Wording], Block]], ...] = (
    ("subject", _subject), ("deliverables", _deliverables), ("approval", _approval), ("payment", _payment),
    ("usage", _usage), ("exclusivity", _exclusivity), ("disclosure", _disclosure), ("cancellation", _cancellation),
    ("renewal", _renewal), ("general", _general),
)  # fmt: skip


# ── Parties and signatures ─────────────────────────────────────────────────────────────────────────────────────────


def _party(terms: ContractTerms, side: str) -> Block:
    party = terms.parties.agency if side == AGENCY else terms.parties.brand
    lines = [
        *(party.address or "").splitlines(), party.country or "",
        f"Registered: {party.registration}" if party.registration else "",
        f"VAT: {party.vat_id}" if party.vat_id else "", party.email or "",
        "represented by " + ", ".join(filter(None, (party.signer, party.signer_title))) if party.signer else "",
    ]  # fmt: skip
    role = {"agency": "the Agency", "brand": "the Brand"}[side]
    return {"name": party.name, "role": role, "lines": [line for line in lines if line.strip()]}


def _signature(version: VersionRow, side: str, shown: Sequence[SignatureRow]) -> Block:
    party = version.party(side)
    signature = next((one for one in shown if one.side == side and one.decision == SIGNED), None)
    if signature is None:
        return {"party": party.name, "signed": False, "name": party.signer or "", "title": party.signer_title or ""}
    return {
        "party": party.name, "signed": True, "name": signature.name, "title": signature.title or "",
        "email": signature.email, "at": f"{_day(signature.at.date())}, {signature.at:%H:%M:%S} UTC",
        "statement": signature.statement, "how": _how(signature), "proof": signature.proof.hex(),
    }  # fmt: skip


def _how(signature: SignatureRow) -> str:
    evidence = signature.evidence
    said = (
        f"with a one-time code sent to {evidence.get('code_sent_to', signature.email)}"
        if evidence.get("method") == "code"
        else f"signed in to the workspace {evidence.get('workspace')}"
    )
    if evidence.get("address"):
        said += f", from {evidence['address']}"
    if evidence.get("program"):
        said += f", with {evidence['program']}"
    return said


# ── Words ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def lasts(right: UsageRight) -> str:
    """From when until when a right may be used."""
    if right.starts:
        begins = f"from {_day(right.starts)}"
    elif right.days_after_live:
        begins = f"from {right.days_after_live} days after publication"
    else:
        begins = "from publication"
    if right.perpetual:
        return f"{begins}, without end"
    if right.until:
        return f"{begins} until {_day(right.until)}"
    return f"{begins}, for {right.term_days} days"


def percent(rate: Decimal) -> str:
    """0.125 is 12.5 %."""
    return f"{format((rate * 100).normalize(), 'f')} %"


def _day(day: date | None) -> str:
    # Not strftime: a locale must not change a contract.
    return _EMPTY if day is None else f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
