"""A statement as a file: PDF/A for people, CSV for spreadsheets, JSON for scripts; always the same bytes."""

from __future__ import annotations

import csv
import functools
import io
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagerr.core.errors import Broken
from engagerr.core.money import Money, minor_digits

if TYPE_CHECKING:
    import typst

    from engagerr.core.payments.reconciling.statements import Statement

_FONT = "DejaVu Sans"
_KINDS = {"payee": "Statement", "customer": "Statement of held funds", "workspace": "Statement of our own account"}
_HEADINGS = ("at", "what", "about", "amount", "moved", "balance", "currency", "transfer")
_NOT_ESCROW = "Held funds wait at the payment provider for what they pay for; they are not an escrow account."


def as_csv(statement: Statement, _workspace: str) -> bytes:
    """One row a movement, between a row for what it opened and one for what it closed with; amounts in major units."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADINGS)
    writer.writerow(
        (_time(statement.since), "Opening balance", "", "", "", _plain(statement.opening), statement.currency, "")
    )
    for line in statement.lines:
        writer.writerow(
            (
                _time(line.at), line.words, _safe(line.about), _plain(line.amount), _plain(line.moved),
                _plain(line.balance), statement.currency, line.transfer,
            )
        )  # fmt: skip
    writer.writerow(
        (_time(statement.until), "Closing balance", "", "", "", _plain(statement.closing), statement.currency, "")
    )
    return text.getvalue().encode()


def as_json(statement: Statement, workspace: str) -> bytes:
    """One document; money in minor units with its currency."""
    document = {
        "workspace": workspace, "party": statement.party, "kind": statement.kind, "month": statement.month,
        "since": _time(statement.since), "until": _time(statement.until), "complete": statement.complete,
        "opening": _minor(statement.opening), "came_in": _minor(statement.came_in),
        "went_out": _minor(statement.went_out), "closing": _minor(statement.closing),
        "accounts": [
            {"account": side.account, "opening": _minor(side.opening), "closing": _minor(side.closing)}
            for side in statement.sides
        ],
        "movements": [
            {
                "at": _time(line.at), "kind": line.kind, "what": line.words, "about": line.about,
                "amount": _minor(line.amount), "moved": _minor(line.moved), "balance": _minor(line.balance),
                "transfer": str(line.transfer),
            }
            for line in statement.lines
        ],
    }  # fmt: skip
    return json.dumps(document, ensure_ascii=False, indent=2).encode() + b"\n"


def as_pdf(statement: Statement, workspace: str) -> bytes:
    """A4, PDF/A-2a, tagged for screen readers; dated at the end of what it tells."""
    import typst

    fonts, families = _fonts()
    try:
        made = typst.compile(
            _template(), format="pdf", font_paths=fonts, pdf_standards=["ua-1", "a-2a"],
            timestamp=(statement.until - timedelta(microseconds=1)).replace(microsecond=0),
            sys_inputs={
                "statement": json.dumps(_page(statement, workspace), ensure_ascii=False),
                "fonts": json.dumps(families),
            },
        )  # fmt: skip
    except typst.TypstError as error:
        raise Broken(
            f"The statement of {statement.party} could not be set as PDF: {error.message}",
            hint="CSV and JSON have the same figures. Please report this as a bug.",
            facts={"diagnostic": error.diagnostic},
        ) from error
    assert isinstance(made, bytes)
    return made


FORMATS: Mapping[str, Callable[[Statement, str], bytes]] = {"pdf": as_pdf, "csv": as_csv, "json": as_json}


def _page(statement: Statement, workspace: str) -> dict[str, Any]:
    """What the template sets: words only, every figure as it is read."""
    last = statement.until - timedelta(days=1)
    notes = ["All times are UTC. A movement belongs to the month in which it was booked."]
    if not statement.complete:
        notes.insert(0, f"The month is not over: {_month(statement)} may bring more.")
    if statement.kind == "customer":
        notes.append(_NOT_ESCROW)
    if any(not line.amount for line in statement.lines):
        notes.append("A movement without an amount went from one account of the party to another.")
    return {
        "kind": _KINDS[statement.kind],
        "title": f"{_KINDS[statement.kind]}: {statement.party}, {_month(statement)}",
        "author": workspace,
        "party": statement.party,
        "month": _month(statement),
        "currency": statement.currency,
        "facts": [
            ("Period", f"{_day(statement.since)} – {_day(last)}"), ("Currency", statement.currency),
            ("Movements", f"{statement.movements:,}"),
        ],
        "figures": [
            ("Opening balance", _amount(statement.opening)), ("Came in", _amount(statement.came_in)),
            ("Went out", _amount(-statement.went_out)), ("Closing balance", _amount(statement.closing)),
        ],
        "sides": [(side.account, _amount(side.opening), _amount(side.closing)) for side in statement.sides],
        "lines": [
            {
                "at": f"{line.at.astimezone(UTC):%d %b %H:%M}", "what": line.words, "about": line.about,
                "amount": _amount(line.amount) if line.amount else "", "balance": _amount(line.balance),
                "moved": "" if line.amount else _amount(line.moved),
            }
            for line in statement.lines
        ],
        "notes": notes,
        "foot": f"{workspace} · {statement.party} · {_month(statement)} · {statement.currency}",
    }  # fmt: skip


def _month(statement: Statement) -> str:
    return f"{statement.since:%B %Y}"


def _day(moment: datetime) -> str:
    return f"{moment:%d %B %Y}".lstrip("0")


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _amount(money: Money) -> str:
    return f"{money.amount:,.{minor_digits(money.currency)}f}".replace("-", "\N{MINUS SIGN}")


def _plain(money: Money) -> str:
    return str(money.amount)


def _minor(money: Money) -> dict[str, Any]:
    return {"minor": money.minor, "currency": money.currency}


def _safe(words: str) -> str:
    """A spreadsheet takes a cell that begins so for a formula."""
    return f"'{words}" if words.startswith(("=", "+", "-", "@", "\t", "\r")) else words


@functools.cache
def _template() -> bytes:
    return (resources.files("engagerr.core.payments.templates") / "statement.typ").read_bytes()


@functools.cache
def _fonts() -> tuple[typst.Fonts, tuple[str, ...]]:
    """DejaVu, which comes with a dependency; and a last resort that draws a box for what it cannot write."""
    import matplotlib
    import typst

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return typst.Fonts(include_system_fonts=False, font_paths=[folder]), (_FONT, "Last Resort High-Efficiency")
