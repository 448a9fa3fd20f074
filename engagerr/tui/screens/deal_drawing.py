"""What stands on the page of a deal, in cells: its facts, its pieces, its papers, what happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from engagerr.tui import glyphs
from engagerr.tui.screens.contract_verbs import short_hash
from engagerr.tui.screens.deal_moves import plain_lines
from engagerr.tui.screens.deal_side import needs_lines, people_lines, turn_words
from engagerr.tui.widgets.deal_cells import stage_words, worth_cell
from engagerr.tui.writing import BLANK, Cell, bar, cell, count, cut, day, hidden, missing, money_text, span

if TYPE_CHECKING:
    from engagerr.core.deals.contracting.contract_reading import VersionRow
    from engagerr.core.deals.contracting.contracts import ContractShown
    from engagerr.core.deals.delivery.deliverables import DeliverableDetail
    from engagerr.core.deals.delivery.milestones import MilestoneRow
    from engagerr.core.deals.offering.offers import Proposal
    from engagerr.core.desk.deal import DealView
    from engagerr.core.payments.held.held_money import HoldPage

_STATES = {
    "planned": (glyphs.WAITING, "open", "soft"), "submitted": (glyphs.CONFIRMED, "handed in", "accent"),
    "changes_requested": (glyphs.LATE, "sent back", "attention"), "approved": (glyphs.DONE, "approved", "good"),
    "live": (glyphs.DANGER, "live", "danger"), "checked": (glyphs.DONE, "live", "good"),
    "cancelled": (glyphs.FAILED, "cancelled", "faint"), "open": (glyphs.WAITING, "open", "soft"),
}  # fmt: skip
LABELS = {
    "disclosed": (glyphs.DONE, "found", "good"), "weak": (glyphs.LATE, "weak", "attention"),
    "missing": (glyphs.DANGER, "missing", "danger"), "unreadable": (glyphs.QUESTION, "not read", "unknown"),
    "not_needed": (glyphs.DONE, "none needed", "soft"),
}  # fmt: skip
_WORST = ("missing", "weak", "unreadable", "disclosed", "not_needed")
_PAPER = {"signed": "good", "accepted": "good", "sent": "accent", "draft": "soft"}
_LABEL = 10
_MOST_HOLDS, _MOST_NEEDS = 2, 2
MONEY_HIDDEN = "Only people who may read the books see what is held."


@dataclass(frozen=True, slots=True)
class PieceRow:
    """A line of the table of pieces: a milestone, or a piece of it."""

    key: str
    milestone: MilestoneRow | None
    piece: DeliverableDetail | None


@dataclass(frozen=True, slots=True)
class PaperRow:
    """A version of a contract, or of the offer."""

    key: str
    paper: ContractShown | None = None
    version: VersionRow | None = None
    offer: Proposal | None = None


def piece_rows(view: DealView) -> list[PieceRow]:
    """Each milestone with its pieces below it; pieces without one at the end."""
    pieces = list(view.pieces.value or ())
    rows: list[PieceRow] = []
    for milestone in view.milestones.value or ():
        mine = [one for one in pieces if one.row.milestone_id == milestone.id]
        rows.append(PieceRow(f"milestone:{milestone.id}", milestone, None))
        rows += [PieceRow(f"piece:{one.row.id}", milestone, one) for one in mine]
    known = {row.key for row in rows}
    return [*rows, *(PieceRow(f"piece:{one.row.id}", None, one) for one in pieces
                     if f"piece:{one.row.id}" not in known)]  # fmt: skip


def paper_rows(view: DealView) -> list[PaperRow]:
    """The versions of the contract, the newest first; then the draft and the versions of the offer."""
    rows = []
    for paper in view.papers.value or ():
        for version in sorted(paper.versions, key=lambda one: one.version, reverse=True):
            rows.append(PaperRow(f"contract:{version.id}", paper, version))
    if view.draft is not None:
        rows.append(PaperRow("offer:draft", offer=view.draft))
    return [*rows, *(PaperRow(f"offer:{one.version}", offer=one) for one in view.page.offers)]


# Cells of the table of pieces.


def what_cell(row: PieceRow) -> Cell:
    """`M1 Work of Jonna · €900.00`, and below it its pieces."""
    if row.piece is None and row.milestone is not None:
        milestone = row.milestone
        return Cell(((f"{milestone.ref} {money_text(milestone.amount)}", "ink-bold"), (f"  {milestone.title}", "soft")))
    assert row.piece is not None
    piece = row.piece.row
    words = piece.kind.replace("_", " ")
    count_of = f" · {piece.creator}" if piece.creator else ""
    return Cell(((f"  {piece.name} ", "faint"), (words, "ink"), (count_of, "soft")))


def piece_due(row: PieceRow, now: datetime) -> Cell:
    """The day by which it has to be up."""
    due = row.piece.row.due_on if row.piece is not None else row.milestone.due_on if row.milestone else None
    if due is None:
        return missing("no day was agreed")
    late = row.piece is not None and row.piece.row.timing(now.date()) is not None
    return cell(day(due, now), "attention" if late else "soft" if row.piece is None else "ink")


def state_cell(row: PieceRow) -> Cell:
    """How far it has come."""
    state = row.piece.row.state if row.piece is not None else row.milestone.state if row.milestone else "planned"
    sign, words, token = _STATES.get(state, ("·", state.replace("_", " "), "soft"))
    return Cell(((f"{sign} ", token), (words, "ink" if row.piece is not None else "soft")))


def views_cell(row: PieceRow, view: DealView) -> Cell:
    """What the item was last seen at."""
    if row.piece is None:
        return BLANK
    figure = view.views.get(row.piece.row.id)
    if figure is None:
        return missing("it is not linked to an item yet")
    broken = None if figure.broken is None else f"views are counted otherwise since {figure.broken}"
    return count(figure.value, why="no views were seen yet", estimated=figure.estimated, broken=broken)


def label_cell(row: PieceRow) -> Cell:
    """Whether it says that it is advertising: the worst that was found in its family."""
    if row.piece is None:
        return BLANK
    checks = row.piece.checks
    if not checks:
        up = row.piece.row.state in ("live", "checked")
        return missing("its ad label was not looked at yet" if up else "it is not live yet")
    failing = [one for one in checks if not one.passes]
    if not failing and any(one.let_pass for one in checks):
        return Cell(((f"{glyphs.DONE} ", "attention"), ("let pass", "ink")))
    worst = min((str(one.finding) for one in failing or checks), key=_WORST.index)
    sign, words, token = LABELS[worst]
    return Cell(((f"{sign} ", token), (words, "ink")))


def rounds_cell(row: PieceRow) -> Cell:
    """Rounds of changes: asked for, of how many agreed."""
    if row.piece is None:
        return BLANK
    piece = row.piece.row
    agreed = "any" if piece.revisions_allowed is None else str(piece.revisions_allowed + piece.extra_revisions)
    return cell(f"{piece.revisions} of {agreed}", "soft")


# Cells of the papers.


def paper_cell(row: PaperRow) -> Cell:
    """`Contract 2`, `Offer 1`, `Draft of an offer`."""
    if row.version is not None:
        return cell(f"Contract {row.version.version}", "ink-bold" if row.version.state == "signed" else "ink")
    assert row.offer is not None
    return cell("Draft of an offer" if row.offer.version is None else f"Offer {row.offer.version}")


def paper_state(row: PaperRow) -> Cell:
    """Its state, and who has signed."""
    if row.version is None:
        assert row.offer is not None
        return cell(row.offer.state, _PAPER.get(row.offer.state, "soft"))
    state = row.version.state
    signed = sum(one.decision == "signed" for one in row.version.signatures)
    words = f"{state}, {signed} of 2 signed" if state == "sent" else state
    return cell(words, _PAPER.get(state, "soft"))


def paper_total(row: PaperRow) -> Cell:
    """What it comes to."""
    total = row.version.terms.total if row.version is not None else row.offer.total if row.offer else None
    return BLANK if total is None else cell(money_text(total))


def paper_day(row: PaperRow, now: datetime) -> Cell:
    """When it was sent or signed, else made."""
    if row.version is not None:
        return cell(day(row.version.signed_at or row.version.sent_at or row.version.created_at, now), "soft")
    assert row.offer is not None
    return cell(day(row.offer.sent_at, now), "soft") if row.offer.sent_at else missing("it was not sent yet")


def paper_whose(row: PaperRow) -> Cell:
    """Whose it is."""
    if row.version is not None:
        return cell(f"sha {short_hash(row.version.terms_hash)}", "faint")
    assert row.offer is not None
    return cell(f"of {'you' if row.offer.mine else 'the ' + str(row.offer.side)}", "soft")


# The facts above the table, and the side pane.


def facts_lines(view: DealView, now: datetime, width: int, *, wide: bool) -> list[Cell]:
    """Money, contract, exclusivity and what is lacking, in a few lines."""
    lines = [*money_lines(view, now, width), *contract_lines(view, now, width)]
    if not (view.papers.value or ()):
        lines += offer_lines(view, now)
    if not wide:
        lacking = view.page.missing[:_MOST_NEEDS]
        for number, check in enumerate(lacking):
            label = "Needs" if not number else ""
            words = check.sentence if not check.detail else f"{check.sentence.rstrip('.')} ({check.detail})"
            sign = (f"{glyphs.FAILED} ", "attention") if check.met is False else (f"{glyphs.QUESTION} ", "unknown")
            lines.append(Cell(((f" {label:<{_LABEL}}", "faint"), sign, (cut(words, width - _LABEL - 3), "ink"))))
        said = nobody_words(view)
        if said:
            lines.append(Cell(((f" {'By itself':<{_LABEL}}", "faint"), (cut(said[0], width - _LABEL - 1), "soft"))))
    return lines


def money_lines(view: DealView, now: datetime, width: int) -> list[Cell]:
    """Each hold: what is in it, since when, until when; `hidden` for who may not read the books."""
    label = f" {'Hold':<{_LABEL}}"
    if view.holds.hidden:
        if not any(one.hold_id for one in view.milestones.value or ()):
            return []
        return [Cell(((label, "faint"), *hidden().parts, (f"  {MONEY_HIDDEN}", "faint")))]
    if view.holds.failed:
        return [Cell(((label, "faint"), (f"{glyphs.FAILED} {view.holds.failed} Money is unchanged.", "danger")))]
    holds = view.holds.value or ()
    lines = []
    for held in holds[:_MOST_HOLDS]:
        lines += _hold_lines(held, now, width, label)
        label = " " * (_LABEL + 1)
    if len(holds) > _MOST_HOLDS:
        lines.append(Cell(((label, "faint"), (f"and {len(holds) - _MOST_HOLDS} more holds below", "soft"))))
    return lines


def _hold_lines(held: HoldPage, now: datetime, width: int, label: str) -> list[Cell]:
    hold = held.hold
    if hold.state == "agreed":
        agreed = f"{money_text(hold.agreed)} agreed, nothing paid yet"
        return [Cell(((label, "faint"), (agreed, "ink"), (f"  {hold.title}", "faint")))]
    parts: list[tuple[str, str]] = [(label, "faint"), (f"{money_text(hold.held)} held", "ink-bold")]
    since = f" since {day(hold.funded_at, now, year=True)}" if hold.funded_at else ""
    if not hold.held:
        parts, since = [(label, "faint"), (f"{money_text(hold.funded)} paid", "ink-bold")], ""
    gone = [f"{money_text(amount)} {word}" for word, amount in
            (("released", hold.released), ("refunded", hold.refunded), ("lost", hold.lost)) if amount]  # fmt: skip
    parts.append((f"{since}{' · ' + ', '.join(gone) if gone else ''}", "soft"))
    lines = [Cell(tuple(parts))]
    waiting = [move for move in held.movements if move.state == "requested"]
    for move in waiting:
        words = f"{move.kind} of {money_text(move.amount)} waits for a second person"
        lines.append(Cell(((" " * (_LABEL + 1), "ink"), (f"{glyphs.LATE} ", "attention"), (words, "ink"))))
    for block in hold.blocks[:1]:
        words = cut(f"not released: {block.reason}", width - _LABEL - 3)
        lines.append(Cell(((" " * (_LABEL + 1), "ink"), (f"{glyphs.DANGER} ", "danger"), (words, "ink"))))
    if hold.held and hold.must_end_by is not None:
        left = (hold.must_end_by - now).days
        token = "danger" if left <= 10 else "attention" if left <= 30 else "soft"
        ends = f"ends {day(hold.must_end_by, now, year=True)}, {span(hold.must_end_by, now)}"
        since_at = hold.funded_at or hold.opened_at
        whole = (hold.must_end_by - since_at).total_seconds()
        share = (now - since_at).total_seconds() / whole if whole > 0 else 1.0
        room = max(min(width - _LABEL - 3 - len(ends), 40), 8)
        lines.append(Cell(((" " * (_LABEL + 1), "ink"), *bar(share, room).parts, (f"  {ends}", token))))
    return lines


def contract_lines(view: DealView, now: datetime, width: int) -> list[Cell]:
    """The version that stands or is open, its seal, and what it keeps free."""
    paper = view.paper
    if view.papers.failed:
        return [Cell(((f" {'Contract':<{_LABEL}}", "faint"), (f"{glyphs.FAILED} {view.papers.failed}", "danger")))]
    if paper is None:
        return []
    version = paper.version
    signed = [one for one in version.signatures if one.decision == "signed"]
    who = "signed by both" if version.both_signed else (
        f"signed by {signed[0].name}" if signed else "signed by nobody yet"
    )  # fmt: skip
    on = f" on {day(version.signed_at, now, year=True)}" if version.signed_at else ""
    state = "" if version.state == "signed" else f"{version.state}, "
    seal = f"sealed {short_hash(version.terms_hash)}" if version.state == "signed" else short_hash(version.terms_hash)
    lines = [Cell(((f" {'Contract':<{_LABEL}}", "faint"), (f"v{version.version}, {state}{who}{on}", "ink"),
                   (f"   {seal}", "faint")))]  # fmt: skip
    said = [*(f"exclusive {one.category or 'of all brands'} until {one.until or 'without end'}"
              for one in version.terms.exclusivity),
            *(f"usage {', '.join(one.channels)}" for one in version.terms.usage_rights)]  # fmt: skip
    flags = ("no flags", "soft")
    if paper.flags:
        grave = any(one.severity == "high" for one in paper.flags)
        many = "1 flag" if len(paper.flags) == 1 else f"{len(paper.flags)} flags"
        flags = (f"{glyphs.LATE} {many}", "attention" if grave else "soft")
    words = cut(" · ".join(said) or "nothing exclusive, no usage rights", width - _LABEL - 14)
    lines.append(Cell(((" " * (_LABEL + 1), "ink"), (words, "soft"), ("  ", "ink"), flags)))
    return lines


def offer_lines(view: DealView, now: datetime) -> list[Cell]:
    """The offer that stands, before there is a contract."""
    label = f" {'Offer':<{_LABEL}}"
    lines = []
    standing = next((one for one in view.page.offers if one.state in ("sent", "accepted")), None)
    if standing is not None:
        whose = "yours" if standing.mine else f"of the {standing.side}"
        until = f", valid until {day(standing.valid_until, now)}" if standing.valid_until else ""
        ends = until if standing.state == "sent" else ""
        lines.append(Cell(((label, "faint"), (f"{standing.version}, {standing.state}, {whose}: ", "ink"),
                           (money_text(standing.total), "ink-bold"), (ends, "soft"))))  # fmt: skip
    if view.draft is not None:
        said = f"a draft of {money_text(view.draft.total)}, which nobody else sees"
        lines.append(Cell(((label if standing is None else " " * (_LABEL + 1), "faint"), (said, "ink"))))
    if not lines:
        lines.append(Cell(((label, "faint"), (f"{glyphs.MISSING}  none yet", "soft"), ("   x", "accent"),
                           (" draft one", "soft"))))  # fmt: skip
    return lines


def nobody_words(view: DealView) -> list[str]:
    """What happens if nobody acts, as sentences."""
    return [
        one.words.replace("{amount}", money_text(one.amount) if one.amount is not None else "")
        for one in view.nobody
    ]  # fmt: skip


def deal_side(view: DealView, now: datetime, width: int = 48) -> list[Cell]:
    """The side pane: the split of the money, what is needed, people, what happened, what happens by itself."""
    deal = view.page
    lines = [
        cell(deal.row.title, "ink-bold"),
        Cell((("Turn       ", "faint"), (turn_words(deal), "ink"))),
        Cell((("Value      ", "faint"), *worth_cell(deal.worth).parts, (f"  {deal.worth.basis or ''}", "soft"))),
    ]  # fmt: skip
    lines += split_lines(view, width)
    lines += [BLANK, *needs_lines(deal, width), BLANK, *people_lines(deal)]
    said = nobody_words(view)
    if said:
        lines += [BLANK, cell("If nobody acts", "faint")]
        for words in said:
            lines += plain_lines(words, width)
    if view.history:
        lines += [BLANK, cell("History", "faint"), *history_lines(view, now, width, most=8)]
    if deal.own.note:
        lines += [BLANK, cell("Your note", "faint"), *plain_lines(deal.own.note, width, "soft")]
    return lines


def split_lines(view: DealView, width: int) -> list[Cell]:
    """Who gets what of each hold: commission, creators, to the cent as it will be."""
    if view.holds.hidden or not view.holds.value:
        return []
    lines: list[Cell] = []
    for held in view.holds.value:
        hold = held.hold
        lines += [BLANK, _right("Split of", money_text(hold.agreed), width, "faint", "ink-bold")]
        weights = sum(share.weight for share in hold.shares)
        parts = hold.agreed.split([share.weight for share in hold.shares]) if weights else []
        for share, part in zip(hold.shares, parts, strict=True):
            name = "Our commission" if share.party == "commission" else held.parties.get(share.party, share.party)
            rate = f" {100 * share.weight / weights:.4g} %"
            lines.append(_right(cut(f"{name}", width - 24) + rate, money_text(part), width, "ink", "ink"))
    return lines


def history_lines(view: DealView, now: datetime, width: int, *, most: int) -> list[Cell]:
    """What happened, the newest first."""
    lines = []
    for one in view.history[:most]:
        amount = f" {money_text(one.amount)}" if one.amount is not None else ""
        words = f"{one.words}{amount}"
        lines.append(Cell(((f"{day(one.at, now):<11}", "faint"), (cut(words, width - 12), "ink"))))
    return lines


def _right(label: str, value: str, width: int, label_token: str, value_token: str) -> Cell:
    pad = max(width - len(label) - len(value), 1)
    return Cell(((label, label_token), (" " * pad, "ink"), (value, value_token)))


def stage_name(view: DealView) -> str:
    """`In production`, and the end of the id."""
    return f"{stage_words(view.page.row.stage)} · {_tail(view.page.row.id)}"


def _tail(deal_id: UUID) -> str:
    return str(deal_id)[-8:]
