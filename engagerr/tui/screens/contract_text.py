"""A contract as lines of a terminal: its clauses, what two versions say differently, its signatures."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

from engagerr.core.money import Money
from engagerr.tui import glyphs
from engagerr.tui.screens.contract_verbs import short_hash
from engagerr.tui.writing import BLANK, Cell, cell, clock, cut, money_text, plain

if TYPE_CHECKING:
    from engagerr.core.deals.contracting.contract_reading import VersionRow
    from engagerr.core.deals.contracting.contracts import ContractShown
    from engagerr.core.deals.contracting.flags import Flag
    from engagerr.core.deals.offering.comparison import Comparison

# Which clause of the paper a flag is about, by how the flag names its place.
_PLACES = (
    ("usage", ("usage", "right")), ("exclusiv", ("exclusiv",)), ("deliverable", ("deliverables", "work", "pieces")),
    ("milestone", ("payment",)), ("payment", ("payment",)), ("term", ("subject", "term")),
    ("categor", ("subject",)), ("cancel", ("cancel",)), ("renewal", ("renewal",)),
    ("disclosure", ("disclosure", "label")),
    ("held", ("payment",)), ("approval", ("approval",)),
)  # fmt: skip
_SEVERITIES = {"high": ("!", "danger"), "medium": (glyphs.LATE, "attention"), "low": ("·", "soft")}
_GAP = 2


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of the paper: the clause that it belongs to, by number and heading, and its words."""

    number: int
    clause: int
    heading: str
    words: str
    token: str
    is_heading: bool = False


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """What two versions say differently at one place. `kind`: added, removed or changed."""

    number: int
    kind: str
    where: str
    before: str
    after: str


def text_lines(layout: Mapping[str, Any], width: int) -> list[TextLine]:
    """The paper, clause by clause, wrapped to this width."""
    lines: list[TextLine] = []

    def add(clause: int, heading: str, words: str, token: str = "ink", *, is_heading: bool = False) -> None:
        lines.append(TextLine(len(lines), clause, heading, plain(words), token, is_heading))

    head = f"{layout['title']}: {layout['campaign']}"
    add(0, head, head, "ink-bold", is_heading=True)
    add(0, head, f"{layout['state']}.", "soft")
    for party in layout["parties"]:
        add(0, head, f"{party['name']}, {party['role']}: {', '.join(party['lines'])}", "soft")
    if layout["amendment"]:
        for line in textwrap.wrap(layout["amendment"], width):
            add(0, head, line)
    for number, clause in enumerate(layout["clauses"], start=1):
        heading = f"{number}. {clause['heading']}"
        add(number, heading, "", "ink")
        add(number, heading, heading, "accent-bold", is_heading=True)
        for block in clause["blocks"]:
            if block["kind"] == "text":
                for paragraph in block["text"].splitlines():
                    for line in textwrap.wrap(paragraph, width) or [""]:
                        add(number, heading, line)
            else:
                for row, token in _table_lines(block, width):
                    add(number, heading, row, token)
    return lines


def _table_lines(block: Mapping[str, Any], width: int) -> list[tuple[str, str]]:
    """A table with its columns in proportion; a cell that does not fit goes on in the next line."""
    columns = block["columns"]
    shares = [max(float(column["width"]), 0.5) for column in columns]
    # No heading is cut; what room is left is shared out as on paper.
    least = [cell_len(str(column["text"])) for column in columns]
    room = max(width - _GAP * (len(columns) - 1) - sum(least), 0)
    wanted = [max(share / sum(shares) * (room + sum(least)) - one, 0) for share, one in zip(shares, least, strict=True)]
    widths = [one + int(room * want / (sum(wanted) or 1)) for one, want in zip(least, wanted, strict=True)]
    lines = [(_row([[str(column["text"])] for column in columns], widths, columns)[0], "faint")]
    for at, row in enumerate(block["rows"]):
        cells = [
            [part for line in plain_rows(str(value)) for part in (textwrap.wrap(line, widths[number]) or [""])]
            for number, value in enumerate(row)
        ]
        last = block["total"] and at == len(block["rows"]) - 1
        lines += [(line, "ink-bold" if last else "ink") for line in _row(cells, widths, columns)]
    return lines


def plain_rows(words: str) -> list[str]:
    """The lines of a cell, fit for a terminal."""
    return [plain(line) for line in words.split("\n")]


def _row(cells: Sequence[Sequence[str]], widths: Sequence[int], columns: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = []
    for part in range(max(len(one) for one in cells)):
        written = []
        for one, width, column in zip(cells, widths, columns, strict=True):
            words = cut(one[part] if part < len(one) else "", width)
            pad = " " * (width - cell_len(words))
            written.append(pad + words if column["right"] else words + pad)
        lines.append((" " * _GAP).join(written).rstrip())
    return lines


def flags_of_clause(flags: Sequence[Flag], heading: str) -> list[Flag]:
    """The flags that are about a clause of the paper, by its heading."""
    said = heading.casefold()
    found = []
    for flag in flags:
        place = flag.clause.casefold()
        words = next((names for name, names in _PLACES if place.startswith(name) or name in place), (place,))
        if any(word in said for word in words):
            found.append(flag)
    return found


def flag_lines(flags: Sequence[Flag], width: int = 58) -> list[Cell]:
    """Each flag: how grave, where, what it says, what to ask for."""
    lines: list[Cell] = []
    for flag in flags:
        sign, token = _SEVERITIES.get(flag.severity, ("·", "soft"))
        lines.append(Cell(((f"{sign} ", token), (flag.clause, "ink-bold"), (f"  {flag.severity}", "soft"))))
        lines += [cell(f"  {line}") for line in textwrap.wrap(flag.says, width)]
        lines += [cell(f"  {line}", "soft") for line in textwrap.wrap(f"Ask for: {flag.ask}", width)]
        lines.append(BLANK)
    return lines[:-1] if lines else [cell("Nothing in it hurts, as far as this can see.", "soft")]


def change_rows(changes: Sequence[Any], currency: str) -> list[ChangeRow]:
    """What two versions of a contract say differently, the amounts as money."""
    rows = []
    for number, one in enumerate(changes):
        kind = "added" if one.before is None else "removed" if one.after is None else "changed"
        where = one.where.replace("_minor", "").replace("_", " ")
        before, after = (_value(value, one.where, currency) for value in (one.before, one.after))
        rows.append(ChangeRow(number, kind, where, before, after))
    return rows


def _value(value: Any, where: str, currency: str) -> str:
    if value is None:
        return ""
    if where.endswith("_minor") and isinstance(value, int):
        return money_text(Money(value, currency))
    if isinstance(value, Mapping):
        return "; ".join(
            f"{name.replace('_minor', '').replace('_', ' ')} {_value(part, name, currency)}"
            for name, part in value.items() if part not in (None, (), [], "")
        )  # fmt: skip
    if isinstance(value, (list, tuple)):
        return ", ".join(_value(part, where, currency) for part in value)
    return plain(str(value))


def sign_of(row: ChangeRow) -> Cell:
    """`+`, `−` or `~`: the sign first, its colour third."""
    sign, token = {"added": ("+", "good"), "removed": (glyphs.MINUS, "danger"), "changed": ("~", "attention")}[row.kind]
    return cell(sign, token)


def offer_changes(found: Comparison) -> list[tuple[str, str, str]]:
    """(where, before, after) of two versions of an offer."""
    rows: list[tuple[str, str, str]] = []
    currency = found.total_after.currency
    for line in found.lines:
        if line.kind == "same":
            continue
        named = line.after or line.before
        assert named is not None
        where = f"{line.ref} {named.deliverable.replace('_', ' ')}, {named.creator or glyphs.MISSING}"
        if line.kind == "added":
            rows.append((where, "", money_text(Money(named.minor, currency))))
        elif line.kind == "removed":
            rows.append((where, money_text(Money(named.minor, currency)), ""))
        rows += [
            (f"{where}: {change.field.replace('_minor', '').replace('_', ' ')}",
             _value(change.before, change.field, currency), _value(change.after, change.field, currency))
            for change in line.changes
        ]  # fmt: skip
    rows += [(term.term.replace("_", " "), _value(term.before, "", currency), _value(term.after, "", currency))
             for term in found.terms]  # fmt: skip
    return rows


def signature_lines(version: VersionRow, now: datetime, width: int) -> list[Cell]:
    """Who signed for each side, when, and by which evidence."""
    lines: list[Cell] = []
    for side in ("agency", "brand"):
        one = version.signature(side)
        party = version.party(side).name
        if one is None:
            waits = ((f"{glyphs.WAITING} ", "faint"), (f"{party} ({side})", "ink"), (" not signed yet", "soft"))
            lines += [Cell(waits), BLANK]
            continue
        good = one.decision == "signed"
        sign = (f"{glyphs.DONE} ", "good") if good else (f"{glyphs.FAILED} ", "danger")
        lines.append(Cell((sign, (f"{party} ({side}), {one.decision}", "ink-bold"))))
        title = f", {one.title}" if one.title else ""
        pairs = [("By", f"{one.name}{title}, {one.email}"), ("At", clock(one.at, now)),
                 *((name.replace("_", " "), _evidence(value)) for name, value in sorted(one.evidence.items()) if value),
                 ("Proof", short_hash(one.proof))]  # fmt: skip
        lines += [Cell(((f"  {label:<17}", "faint"), (cut(value, width - 19), "ink"))) for label, value in pairs]
        lines += [cell(f"  {line}", "soft") for line in textwrap.wrap(one.statement, width - 2)]
        lines.append(BLANK)
    return lines


def _evidence(value: Any) -> str:
    """A value of the evidence; of a hash, enough to tell it from others."""
    words = plain(str(value))
    is_hash = len(words) == 64 and all(sign in "0123456789abcdef" for sign in words)
    return f"{words[:4]}…{words[-4:]}" if is_hash else words


def paper_side(paper: ContractShown, now: datetime, width: int = 48) -> list[Cell]:
    """The side pane of a contract: its version, seal, signatures, flags."""
    version = paper.version
    lines = [
        cell(paper.contract.title, "ink-bold"),
        Cell((("Version    ", "faint"), (f"{version.version}, {version.state}", "ink"))),
        Cell((("Total      ", "faint"), (money_text(version.terms.total), "ink"))),
        Cell((("Terms      ", "faint"), (f"SHA-256 {short_hash(version.terms_hash)}", "ink"))),
        BLANK, cell("Signatures", "faint"),
    ]  # fmt: skip
    for side in ("agency", "brand"):
        one = version.signature(side)
        sign = (glyphs.WAITING, "faint") if one is None else (glyphs.DONE, "good") if one.decision == "signed" else (
            glyphs.FAILED, "danger"
        )  # fmt: skip
        who = version.party(side).name if one is None else f"{one.name}, {clock(one.at, now)}"
        lines.append(Cell(((f"{sign[0]} ", sign[1]), (cut(who, width - 2), "ink"))))
    return [*lines, BLANK, cell("What hurts", "faint"), *flag_lines(paper.flags, width - 4)]
