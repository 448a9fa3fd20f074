"""Verbs on a piece of a deal: hand in, send back, approve, link what is live, its ad label."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engagerr.core.tenancy.permissions import Permission
from engagerr.tui.rights import refused_for
from engagerr.tui.screens.deal_moves import when_said
from engagerr.tui.widgets.dialogs import Ask, Confirm, Field, Form

if TYPE_CHECKING:
    from engagerr.core.deals.delivery.deliverables import DeliverableDetail
    from engagerr.core.desk.deal import DealView
    from engagerr.tui.page import Page

Verb = tuple[str, str, Callable[[], Any], str | None, bool]


def verbs(page: Page, view: DealView, piece: DeliverableDetail) -> list[Verb]:
    """What the piece waits for, by its state; whose step it is, the core knows."""
    row = piece.row
    edit, approve = refused_for(page.desk, Permission.EDIT_DEALS), refused_for(page.desk, Permission.APPROVE_DELIVERY)
    alone, ours = view.page.row.alone, view.page.side
    kept = None if row.kept else "Who keeps the deal links what is live."
    makes = None if ours == "agency" or alone else "The agency hands it in."
    answers = None if ours == "brand" or alone else "The brand answers in its own workspace."
    name = f"{row.kind.replace('_', ' ')} ({row.name})"
    found: list[Verb] = []
    if row.state in ("planned", "changes_requested", "submitted"):
        words = f"hand in {name} …" if row.state != "submitted" else f"hand in another draft of {name} …"
        found.append(("h", words, lambda: submit(page, piece), edit or makes, False))
    if row.state == "submitted":
        found = [
            ("a", f"approve {name} …", lambda: approve_piece(page, view, piece), approve or answers, False),
            ("q", f"send {name} back …", lambda: request_changes(page, view, piece), approve or answers, False),
            ("g", "accept one more round of changes …", lambda: grant(page, piece), edit or makes, False),
            *found,
        ]
    if row.state in ("approved", "live", "checked"):
        words = f"link what {name} became …" if row.state == "approved" else f"link {name} to another item …"
        found.append(("l", words, lambda: live(page, piece), edit or kept, False))
    if row.state in ("live", "checked"):
        found.append(("v", "look at its ad label again", lambda: check(page, piece), edit or kept, False))
    if row.state == "live":
        found.append(
            ("o", "let its ad label pass, with a reason …", lambda: override(page, piece), approve or kept, True)
        )  # fmt: skip
    return found


def submit(page: Page, piece: DeliverableDetail) -> None:
    """Hand in a draft by its address."""
    row = piece.row

    def said(typed: dict[str, str] | None) -> None:
        if typed is not None:
            link, note = typed["link"] or None, typed["note"] or None
            page.do(
                f"piece:{row.id}", lambda: page.desk.deliverables.submit(row.id, link=link, note=note),
                said=lambda done: f"Handed in, round {done.round}. It is {done.brand}'s turn.",
            )  # fmt: skip

    fields = [
        Field("link", "Where the draft can be seen", placeholder="https://drive.example/cut-1"),
        Field("note", "What you say with it; both sides read it"),
    ]
    page.app.push_screen(Form(f"Hand in {row.kind.replace('_', ' ')} ({row.name})", fields, words="hand it in"), said)


def approve_piece(page: Page, view: DealView, piece: DeliverableDetail) -> None:
    """Say yes to what was handed in; there is no way back."""
    row = piece.row

    def said(typed: dict[str, str] | None) -> None:
        if typed is not None:
            note, by = typed["note"] or None, typed.get("by") or None
            page.do(
                f"piece:{row.id}", lambda: page.desk.deliverables.approve(row.id, note=note, by=by),
                said=f"{row.deal}/{row.name} is approved. It may go live.",
            )  # fmt: skip

    title = f"Approve {row.kind.replace('_', ' ')} ({row.name}), round {row.round}. It is not taken back."
    page.app.push_screen(Form(title, [*_by(view), Field("note", "What is said with it")], words="approve it"), said)


def request_changes(page: Page, view: DealView, piece: DeliverableDetail) -> None:
    """Send a draft back within the rounds that were agreed; the money waits."""
    row = piece.row
    left = row.revisions_left

    def said(typed: dict[str, str] | None) -> None:
        if typed is not None:
            note, by = typed["note"], typed.get("by") or None
            page.do(
                f"piece:{row.id}", lambda: page.desk.deliverables.request_changes(row.id, note=note, by=by),
                said="Sent back. The money waits.",
            )  # fmt: skip

    rounds = "without limit" if left is None else f"{left} left"
    fields = [*_by(view), Field("note", "What is to be changed; both sides read it", check=_needed)]
    page.app.push_screen(Form(f"Send {row.name} back (rounds: {rounds})", fields, words="send it back"), said)


def grant(page: Page, piece: DeliverableDetail) -> None:
    """One round more than was agreed."""
    row = piece.row
    page.app.push_screen(
        Confirm(f"One round of changes more for {row.name}", ["It goes beyond what was agreed."], key="y",
                words="accept it", keep="leave it as agreed"),
        when_said(page, f"piece:{row.id}", lambda _yes: page.desk.deliverables.grant(row.id),
                  said="One more round is accepted."),
    )  # fmt: skip


def live(page: Page, piece: DeliverableDetail) -> None:
    """Link the item that a piece became; its ad label is looked at in the same step."""
    row = piece.row

    def said(typed: dict[str, str] | None) -> None:
        if typed is not None:
            item, url = typed["item"], typed["url"] or None
            page.do(
                f"piece:{row.id}", lambda: page.desk.deliverables.live(row.id, item, url=url),
                said=_found,
            )  # fmt: skip

    fields = [
        Field("item", "The item: platform:id, or its id", value=row.item or "", placeholder="youtube:rbMdIF1MB2U",
              check=_needed),
        Field("url", "Its address, if the item does not say it", value=row.url or ""),
    ]  # fmt: skip
    page.app.push_screen(Form(f"What {row.kind.replace('_', ' ')} ({row.name}) became", fields, words="link it"), said)


def check(page: Page, piece: DeliverableDetail) -> None:
    """Look again whether the piece and its family say that they are advertising."""
    row = piece.row
    page.do(f"piece:{row.id}", lambda: page.desk.deliverables.check(row.id), said=_found)


def override(page: Page, piece: DeliverableDetail) -> None:
    """Let what does not disclose pass; the reason is kept with one's name."""
    row = piece.row
    page.app.push_screen(
        Ask(f"Let {row.name} pass without a clear ad label",
            label="Why it may pass; kept with your name. It holds for the text as it is now.", words="let it pass",
            check=_needed),
        when_said(page, f"piece:{row.id}", lambda why: page.desk.deliverables.override(row.id, reason=why),
                  said=_found),
    )  # fmt: skip


def _found(done: DeliverableDetail) -> str:
    failing = [one for one in done.checks if not one.passes]
    if not done.checks:
        return f"{done.row.name} is {done.row.state.replace('_', ' ')}; nothing of it was looked at yet."
    if failing:
        return f"{len(failing)} of {len(done.checks)} items do not say that they are advertising; the money waits."
    return f"All {len(done.checks)} items of {done.row.name} pass."


def _by(view: DealView) -> list[Field]:
    if not view.page.row.alone or view.page.side == "brand":
        return []
    return [Field("by", f"Who said so at {view.page.row.brand}", placeholder="Mara Voss", check=_needed)]


def _needed(words: str) -> str | None:
    return None if words.strip() else "This is needed."
