"""Money as cells and lines: states of holds and movements, double entries as columns, sums by currency. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from engagerr.tui import glyphs
from engagerr.tui.writing import BLANK, Cell, cell, cut, day, missing, money_text, plain, span

if TYPE_CHECKING:
    from engagerr.core.desk.money_page import BalanceTable, Entry, EntrySum, HoldLine, HoldRule
    from engagerr.core.payments.held.held_money import HoldPage
    from engagerr.core.payments.held.receipts import Receipt

SIDE = 48
_LABEL = 13
_BLOCKED = {"disclosure": "ad label", "dispute": "dispute", "delivery": "delivery", "manual": "by hand"}
_STATES = {
    "agreed": ("not paid yet", "soft"), "funded": ("held", "ink"), "settled": ("settled", "soft"),
    "cancelled": ("cancelled", "faint"),
}  # fmt: skip
_BOOKED = {
    "fund": "paid in", "fee": "provider's fee", "release": "released", "commission": "commission",
    "transfer": "transferred", "refund": "refunded", "payout": "paid out", "reversal": "taken back",
}  # fmt: skip


def wrapped(words: str, width: int, token: str = "ink", *, indent: str = "") -> list[Cell]:
    """A sentence over as many lines as it takes."""
    return [
        cell(line, token)
        for line in textwrap.wrap(plain(words), width, initial_indent=indent, subsequent_indent=indent)
    ]


def fact(label: str, value: str, *, width: int = SIDE, token: str = "ink") -> Cell:
    """A label and what it is of, on one line; a value that is too long loses its end."""
    return Cell(((f"{label:<{_LABEL}} ", "faint"), (cut(value, width - _LABEL - 1), token)))


def facts(pairs: Sequence[tuple[str, str | None]], *, width: int = SIDE) -> list[Cell]:
    """Several of them; what there is not is left out."""
    return [fact(label, value, width=width) for label, value in pairs if value]


def hold_sign(line: HoldLine) -> Cell:
    """How a hold presses: its outcome unknown, its last day near, its release stopped."""
    if line.unknown:
        return cell(glyphs.QUESTION, "unknown")
    if line.press == "danger":
        return cell(glyphs.DANGER, "danger")
    if line.press == "attention":
        return cell(glyphs.LATE, "attention")
    if line.hold.blocks and line.hold.held:
        return cell(glyphs.FAILED, "attention")
    if line.hold.state == "settled":
        return cell(glyphs.DONE, "good")
    return cell(glyphs.WAITING, "faint") if line.hold.state == "agreed" else BLANK


def hold_state(line: HoldLine) -> Cell:
    """`held`, `held, release stopped`, `not paid yet`."""
    if line.unknown:
        return cell("unknown", "unknown", reason="the bank did not answer: do not repeat it; it is looked up")
    words, token = _STATES.get(line.hold.state, (line.hold.state, "ink"))
    if line.hold.held and line.hold.refusal is not None:
        return cell("release refused", "attention")
    return cell(words, token)


def hold_stops(line: HoldLine) -> Cell:
    """What stops the release, in a word each."""
    if not line.hold.held:
        return BLANK
    if not line.hold.blocks:
        return cell("nothing", "faint")
    return cell(", ".join(_BLOCKED.get(one.kind, one.kind) for one in line.hold.blocks), "attention")


def hold_ends(line: HoldLine, now: datetime) -> Cell:
    """The last day on which the money may be held."""
    if not line.hold.held:
        return missing("nothing is held") if line.hold.state != "agreed" else missing("it is not paid yet")
    return cell(day(line.hold.must_end_by, now))


def hold_left(line: HoldLine, now: datetime) -> Cell:
    """How long until then."""
    if line.days_left is None:
        return BLANK
    token = {"danger": "danger", "attention": "attention"}.get(line.press, "soft")
    return cell(span(line.hold.must_end_by, now), token)


def hold_amount(line: HoldLine) -> Cell:
    """What is held; of what was not paid yet, what was agreed; of what is over, what was paid."""
    hold = line.hold
    if hold.held:
        return cell(money_text(hold.held))
    amount = hold.agreed if hold.state in ("agreed", "cancelled") else hold.funded
    return cell(money_text(amount), "faint")


def hold_facts_lines(
    page: HoldPage, line: HoldLine, now: datetime, *, width: int = SIDE, short: bool = False
) -> list[Cell]:
    """What was agreed, paid and released, and until when the rest may be held; `short` where rows are few."""
    hold = page.hold
    left = f", {span(hold.must_end_by, now)}" if hold.must_end_by and hold.held else ""
    until = f"{day(hold.must_end_by, now, year=True)}{left}" if hold.must_end_by and hold.held else None
    gone = [("Released", hold.released), ("Refunded", hold.refunded), ("Taken back", hold.lost)]
    held = f"{money_text(hold.held)}, available {money_text(page.available)}" if hold.held else "nothing"
    since = day(hold.funded_at, now, year=True) if hold.funded_at else None
    if short:
        moved = " · ".join(f"{name.lower()} {money_text(amount)}" for name, amount in gone if amount)
        of = f"{held} of {money_text(hold.agreed)}{f', since {since}' if since else ''}"
        lines = facts(
            [("For", hold.title), ("Held", of), ("Moved", moved or None), ("At most until", until)], width=width
        )
    else:
        pairs = [("For", hold.title), ("Between", line.parties), ("Agreed", money_text(hold.agreed)), ("Held", held)]
        pairs += [(name, money_text(amount)) for name, amount in gone if amount]
        lines = facts([*pairs, ("Since", since), ("At most until", until)], width=width)
    for one in hold.blocks:
        lines += wrapped(f"{glyphs.FAILED} Release stopped: {one.reason}", width, "attention")
    if line.unknown:
        lines += wrapped(
            f"{glyphs.QUESTION} Unknown how the last thing asked of the bank ended. Do not repeat. Checking every"
            " 30 s.", width, "unknown",
        )  # fmt: skip
    return lines


def next_words(page: HoldPage, now: datetime) -> str:
    """What happens to the money if nobody acts."""
    hold = page.hold
    waiting = [one for one in page.movements if one.state == "requested"]
    if waiting:
        return (
            f"A {waiting[0].kind} of {money_text(waiting[0].amount)} waits for a second person; nothing moves before."
        )
    if not hold.held:
        return {
            "agreed": "Nothing moves. It is held from the day on which it is paid.",
            "cancelled": "Nothing: it was given up.",
        }.get(hold.state, "Nothing: all of it has gone where it belongs.")
    if hold.blocks:
        said = "Nothing is released while it is stopped."
    elif hold.auto_release_at is not None:
        said = f"Released by silence on {day(hold.auto_release_at, now, year=True)}, unless somebody says no."
    else:
        said = "It does not move by itself."
    if hold.must_end_by is not None:
        late = hold.must_end_by < now
        until = day(hold.must_end_by, now, year=True)
        said += f" It {'could' if late else 'can'} be held until {until}: release or refund it "
        said += "now." if late else "before then."
    return said


def booked_words(kind: str) -> str:
    """What an entry was booked as."""
    return _BOOKED.get(kind, kind.replace("_", " "))


def entry_lines(entries: Sequence[Entry], sums: Sequence[EntrySum], *, width: int = SIDE) -> list[Cell]:
    """Debit and credit as two columns, with the sum of each: equal, or the books are wrong."""
    shown = [one for one in entries if not one.pending]
    texts = [money_text(side) for one in shown for side in (one.debit, one.credit) if side is not None]
    texts += [money_text(side) for one in sums for side in (one.debit, one.credit)]
    room = max((cell_len(one) for one in texts), default=8)
    label = width - 2 * (room + 1) - 7
    lines = [Cell(((" " * (7 + label), "faint"), (f" {'debit':>{room}} {'credit':>{room}}", "faint")))]
    for one in shown:
        debit = "" if one.debit is None else money_text(one.debit)
        credit = "" if one.credit is None else money_text(one.credit)
        name = set_cell_size(cut(one.account, label), label)
        lines.append(
            Cell(((f"{one.at.day:>2} {one.at:%b} ", "faint"), (name, "soft"),
                  (f" {debit:>{room}} {credit:>{room}}", "ink")))
        )  # fmt: skip
    for total in sums:
        sign = "" if total.debit == total.credit else f"  {glyphs.DANGER}"
        lines.append(
            Cell((("Sum".ljust(7 + label), "ink-bold"),
                  (f" {money_text(total.debit):>{room}} {money_text(total.credit):>{room}}{sign}", "ink-bold")))
        )  # fmt: skip
    lines += [
        Cell(((f"{one.at.day:>2} {one.at:%b} ", "faint"),
              (f"set aside: {money_text(one.debit)} for {booked_words(one.booked_as)}", "unknown")))
        for one in entries if one.pending and one.debit is not None
    ]  # fmt: skip
    return lines


def balance_lines(table: BalanceTable, width: int, now: datetime, *, most: int | None) -> list[Cell]:
    """Kinds as rows, one column a currency; `most` leaves out what has no room, and says so."""
    room = 16
    when = f"As of {day(table.at, now, year=True)} {table.at:%H:%M}" if table.at else ""
    label = width - room * len(table.currencies)
    lines = [
        Cell(((set_cell_size(when, label), "attention" if when else "faint"),
              *((f"{one:>{room}}", "faint") for one in table.currencies)))
    ]  # fmt: skip
    shown = table.lines if most is None else table.lines[:most]
    for line in shown:
        held = {amount.currency: money_text(amount) for amount in line.amounts}
        figures = [(f"{held.get(one, glyphs.MISSING):>{room}}", "ink") for one in table.currencies]
        lines.append(Cell(((set_cell_size(cut(line.label, label), label), "soft"), *figures)))
    return lines


def rule_lines(rule: HoldRule, width: int) -> list[Cell]:
    """How long money may be held here, and where that stands."""
    lines = [fact("Country", f"{rule.country}, where this workspace does business", width=width),
             fact("At most", f"{rule.days} days from the day on which it was paid", width=width),
             fact("Source", rule.source, width=width),
             fact("Read in", f"{rule.read_on:%B %Y}", width=width), BLANK]  # fmt: skip
    places = ", ".join(f"{name} {days:,} days" for name, days in rule.others)
    lines += wrapped(
        f"The country is that of the business that holds, not of the brand: {places}."
        " The time cannot be made longer: before it is over the money is released or refunded. A person is told 30 and"
        " 7 days before and on the day.", width, "soft",
    )  # fmt: skip
    return lines


def receipt_lines(receipt: Receipt, now: datetime, *, width: int = SIDE) -> list[Cell]:
    """A receipt as it was given out."""
    lines = facts(
        [
            ("Receipt", str(receipt.id)[-8:]), ("What", booked_words(receipt.kind)), ("For", receipt.title),
            ("On", f"{day(receipt.at, now, year=True)} {receipt.at:%H:%M} UTC"),
            ("By", receipt.by or "silence, or the provider's word"), ("Reason", receipt.reason),
        ],
        width=width,
    )  # fmt: skip
    lines.append(BLANK)
    room = max(cell_len(money_text(one)) for one in (*(part for _, part in receipt.lines), receipt.amount))
    for what, part in receipt.lines:
        lines.append(
            Cell(((set_cell_size(cut(what, width - room - 1), width - room - 1), "soft"),
                  (f" {money_text(part):>{room}}", "ink")))
        )  # fmt: skip
    lines.append(
        Cell((("Sum".ljust(width - room - 1), "ink-bold"), (f" {money_text(receipt.amount):>{room}}", "ink-bold")))
    )
    return lines
