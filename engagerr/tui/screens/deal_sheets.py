"""What opens upon a deal: a piece with its rounds, the money of a milestone, an offer, what two versions change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from engagerr.core.money import Money
from engagerr.tui import glyphs
from engagerr.tui.screens.deal_drawing import LABELS, MONEY_HIDDEN
from engagerr.tui.screens.deal_moves import plain_lines
from engagerr.tui.screens.deal_side import labelled
from engagerr.tui.writing import BLANK, Cell, cell, clock, day, money_text, span

if TYPE_CHECKING:
    from engagerr.core.deals.delivery.deliverables import DeliverableDetail
    from engagerr.core.deals.delivery.milestones import MilestoneRow
    from engagerr.core.deals.offering.offers import Proposal
    from engagerr.core.payments.held.held_money import HoldPage


def piece_sheet(row: DeliverableDetail, now: datetime) -> list[Cell]:
    """A piece: what was agreed, its rounds, what each item of its family says of being advertising."""
    piece = row.row
    parts = (piece.kind.replace("_", " "), piece.platform, piece.description)
    lines = labelled(
        [
            ("What", ", ".join(part for part in parts if part)),
            ("Creator", piece.creator or glyphs.MISSING),
            ("Waits for", piece.waits_for or "nobody"),
            ("Due", f"{day(piece.due_on, now)}, {span(piece.due_on, now)}" if piece.due_on else "no day was agreed"),
            ("Live as", piece.item or glyphs.MISSING), ("Rules", piece.country or "general"),
        ]
    )  # fmt: skip
    if row.steps:
        lines += [BLANK, cell("Rounds", "faint")]
        for step in row.steps:
            words = "one round more" if step.grants_revision else step.to_state.replace("_", " ")
            tail = " ".join(part for part in (step.note, step.link) if part)
            lines.append(
                Cell(((f"{clock(step.at, now)}  ", "faint"), (words, "ink"), (f"  {step.actor}  {tail}", "soft")))
            )
    if row.checks:
        lines += [BLANK, cell("Its ad label, by item of its family", "faint")]
        for one in row.checks:
            sign, words, token = LABELS[str(one.finding)]
            lines.append(Cell(((f"{sign} ", token), (f"{one.item}: {words}", "ink"), (f"  {one.regime}", "faint"))))
            lines += [Cell((("  ", "ink"), *rest.parts)) for rest in plain_lines(one.let_pass or one.why, 56, "soft")]
    return lines


def hold_sheet(milestone: MilestoneRow, held: HoldPage | None, now: datetime, *, may_see: bool) -> list[Cell]:
    """The money of a milestone: what was agreed, paid, moved, and by which rule it moves on."""
    lines = labelled(
        [
            ("Milestone", f"{milestone.ref} {milestone.title}"), ("Amount", money_text(milestone.amount)),
            ("Pieces", f"{milestone.live} of {milestone.pieces} live, {milestone.approved} approved"),
            ("Silence", f"{milestone.silence_days or glyphs.MISSING} days count as a yes"),
        ]
    )  # fmt: skip
    if held is None:
        words = "No hold: it is not paid through one." if may_see else MONEY_HIDDEN
        return [*lines, BLANK, cell(words, "soft")]
    hold = held.hold
    pairs = [("Agreed", hold.agreed), ("Paid", hold.funded), ("Held", hold.held), ("Released", hold.released),
             ("Refunded", hold.refunded), ("Available", held.available)]  # fmt: skip
    lines += [BLANK, *labelled([(name, money_text(amount)) for name, amount in pairs])]
    for payment in held.payments:
        said = f"payment {money_text(payment.amount)} {payment.state}"
        lines.append(
            Cell(((f"{clock(payment.at, now)}  ", "faint"), (said, "ink"), (f"  {payment.error or ''}", "danger")))
        )
    for move in held.movements:
        said = f"{move.kind} {money_text(move.amount)} {move.state}"
        lines.append(Cell(((f"{clock(move.requested_at, now)}  ", "faint"), (said, "ink"),
                           (f"  {move.requested_by or 'silence'}  {move.reason or ''}", "soft"))))  # fmt: skip
    for share in held.shares:
        to = held.parties.get(share.party, share.party)
        lines.append(Cell((("  ", "ink"), (f"{to} {money_text(share.amount)} {share.state}", "ink"),
                           (f"  {share.note or ''}", "attention"))))  # fmt: skip
    return lines


def offer_sheet(offer: Proposal, now: datetime) -> list[Cell]:
    """An offer as the other side reads it."""
    document = offer.document
    lines = []
    for line in document.lines:
        what = f"{line.quantity} × {line.deliverable.replace('_', ' ')}"
        amount = money_text(Money(line.minor, document.currency))
        until = f"  by {line.due_on}" if line.due_on else ""
        lines.append(Cell(((f"{line.ref:<3}", "faint"), (f"{what}, {line.creator or glyphs.MISSING}", "ink"),
                           (f"  {amount}", "ink-bold"), (until, "soft"))))  # fmt: skip
    lines += [BLANK, Cell((("Total      ", "faint"), (money_text(offer.total), "ink-bold")))]
    for right in document.usage_rights:
        where = ", ".join(right.territories) or "everywhere"
        lines.append(Cell((("Usage      ", "faint"), (f"{', '.join(right.channels)}; {where}", "ink"))))
    for promise in document.exclusivity:
        words = f"{promise.category or 'every category'} until {promise.until or 'without end'}"
        lines.append(Cell((("Exclusive  ", "faint"), (words, "ink"))))
    pairs = [("Valid until", offer.valid_until and day(offer.valid_until, now)), ("Sent by", offer.sent_by),
             ("Message", offer.message), ("Answer", offer.answer), ("Notes", document.notes)]  # fmt: skip
    lines += [Cell(((f"{label:<11}", "faint"), (str(value), "ink"))) for label, value in pairs if value]
    return lines


def changed_lines(changes: Sequence[tuple[str, str, str]]) -> list[Cell]:
    """(where, before, after) as lines: `−` what it was, `+` what it is."""
    lines: list[Cell] = []
    for where, before, after in changes:
        lines.append(cell(where, "faint"))
        if before:
            lines.append(Cell(((f"  {glyphs.MINUS} ", "danger"), (before, "ink"))))
        if after:
            lines.append(Cell((("  + ", "good"), (after, "ink"))))
    return lines
