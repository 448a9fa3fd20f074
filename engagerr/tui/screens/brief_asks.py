"""Questions that several screens of Discover ask before a verb: the stage, the new deal, what is published."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engagerr.tui.screens.marking import Marking, first_names
from engagerr.tui.widgets.dialogs import Ask, Choice, Field, Form, Menu
from engagerr.tui.widgets.discovery import STATES

if TYPE_CHECKING:
    from engagerr.core.matching.briefs import BriefRow

_LONGEST_TITLE = 200


def ask_stage(page: Marking, shortlist: str, creator_id: UUID, name: str, before: str) -> None:
    """Choose what became of a creator; won, lost and dropped ask for the reason. `u` takes it back."""
    work = page.desk
    choices = [
        Choice(state[0] if state != "dropped" else "x", f"{STATES[state][0]} {state}", state,
               "It is this already." if state == before else None)
        for state in STATES
    ]  # fmt: skip

    def keep(state: str, reason: str | None) -> None:
        page.do("stage", lambda: work.shortlists.set_state(shortlist, str(creator_id), state, reason=reason),
                said=lambda decided: f"{decided.creator}: {decided.state}."
                + (" Kept for the weights." if decided.counted else ""))  # fmt: skip
        page.console.remember_undo(
            f"{name} {state}", lambda: work.shortlists.set_state(shortlist, str(creator_id), before)
        )

    def chosen(state: str | None) -> None:
        if state in ("won", "lost", "dropped"):
            page.app.push_screen(
                Ask(f"{name}: {state}", label="Why, in a few words (may stay empty)", words="keep it"),
                lambda reason: None if reason is None else keep(state, reason.strip() or None),
            )
        elif state is not None:
            keep(state, None)

    page.app.push_screen(Menu(f"{name}: what became of it", choices), chosen)


def ask_new_deal(page: Marking, brief: BriefRow, shortlist: str | None, names: Sequence[str]) -> None:
    """Ask for what a deal needs, open it with these creators, and go to it."""
    work = page.desk
    fields = [
        Field("title", f"Deal with {first_names(names)}: its title", brief.title[:_LONGEST_TITLE]),
        Field(
            "brand", "Brand", brief.brief.brand or "", check=lambda said: None if said else "A deal is with a brand."
        ),
        Field("email", "Mail address of the brand (may stay empty)", placeholder="mara@brand.example"),
        Field("note", "Note for ourselves (may stay empty)"),
    ]

    def opened(found: Any) -> None:
        page.console.open_thing("deal", found.row.id, found.row.title)

    def filled(said: dict[str, str] | None) -> None:
        if said is None:
            return
        from engagerr.core.deals.pipeline.deals import NewDeal

        new = NewDeal(
            said["title"], brand=said["brand"], brand_email=said["email"] or None, brief=str(brief.id),
            shortlist=shortlist, creators=() if shortlist else tuple(names), note=said["note"] or None,
        )  # fmt: skip
        page.do(
            "deal", work.deals.add, new, said=f"Opened {said['title']}. The proposal is drafted there.", then=opened
        )

    page.app.push_screen(Form("New deal", fields, words="open it after the last"), filled)


def ask_publish(page: Marking, row: BriefRow) -> None:
    """Ask what others may see of a brief, then show it."""
    fields = [
        Field("title", "Title that others read", row.title),
        Field("show", "Also show (budget, brand; empty: neither)", placeholder="budget, brand", check=_shown_wrong),
        Field("text", "Show its text (yes, no)", "yes", check=_yes_wrong),
        Field("until", "Last day for applications (empty: until withdrawn)", placeholder="2027-02-15",
              check=_day_wrong),
    ]  # fmt: skip

    def filled(said: dict[str, str] | None) -> None:
        if said is None:
            return
        from datetime import date

        shown = _words(said["show"])
        until = date.fromisoformat(said["until"]) if said["until"] else None
        page.do(
            "publish",
            lambda: page.desk.marketplace.briefs.publish(
                str(row.id), title=said["title"] or None, text_shown=said["text"].lower() != "no",
                budget="budget" in shown, brand="brand" in shown, closes_on=until,
            ),
            said=lambda found: f"{found.shown.title} is on the marketplace, version {found.version}.",
        )  # fmt: skip

    page.app.push_screen(Form(f"Publish {row.title}", fields, words="publish after the last"), filled)


def _shown_wrong(said: str) -> str | None:
    strange = _words(said) - {"budget", "brand"}
    return f"{', '.join(sorted(strange))}: only budget and brand can be shown here." if strange else None


def _yes_wrong(said: str) -> str | None:
    return None if said.lower() in ("yes", "no", "") else "yes or no"


def _day_wrong(said: str) -> str | None:
    from datetime import date

    if not said:
        return None
    try:
        date.fromisoformat(said)
    except ValueError:
        return "A day is written 2027-02-15."
    return None


def count_wrong(said: str) -> str | None:
    """What is wrong with a number of creators, or None."""
    return None if said.strip().isdigit() and 1 <= int(said) <= 1000 else "A number from 1 to 1,000."


def _words(said: str) -> set[str]:
    return {word.strip().lower() for word in said.replace(",", " ").split() if word.strip()}
