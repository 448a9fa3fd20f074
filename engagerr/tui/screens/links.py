"""What the map and the review share: who may decide on links, where an item may go, how it is taken back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engagerr.core.tenancy.permissions import Permission
from engagerr.tui import glyphs
from engagerr.tui.page import Page
from engagerr.tui.rights import refused_for
from engagerr.tui.widgets.choosing import Chooser, Option
from engagerr.tui.widgets.dialogs import Menu
from engagerr.tui.widgets.evidence import RELATIONS, confidence
from engagerr.tui.widgets.family_rows import code
from engagerr.tui.writing import cut

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.content.edges import EdgeRow

_LONGEST_NAME = 44
_RIVALS = 8
_FOUND = 12


@dataclass(frozen=True, slots=True)
class Rehung:
    """Where an item is to hang: below this item, or by this edge that was suggested already."""

    item: str
    title: str
    edge: str | None = None


def named(title: str) -> str:
    """A title as it stands in a sentence: `“This €99 synth …”`."""
    words = cut(title, _LONGEST_NAME)
    return words if words.startswith("“") else f"“{words}”"


class LinksPage(Page):
    """A screen on which people decide what belongs together."""

    @property
    def refusal(self) -> str | None:
        """Why this person may not decide on links; None for who may."""
        who = refused_for(self.desk, Permission.DECIDE_CONTENT)
        return None if who is None else f"You are {self.desk.member.role}: you may look. To decide: {who}"

    def may_decide(self) -> bool:
        """Whether this person may; if not, it is said who may."""
        refusal = self.refusal
        if refusal is not None:
            self.console.say(refusal, mood="attention")
        return refusal is None

    def remember_link(self, words: str, edge: UUID | str) -> None:
        """What was just done to this edge can be taken back as a whole: the command and all that it did."""
        work, name = self.desk, str(edge)
        self.console.remember_undo(words, lambda: work.content.undo(name))

    def show_address(self, url: str | None) -> None:
        """Copy the address of a post, and say it."""
        if not url:
            self.console.say("No address of this item is known.", mood="attention")
            return
        self.app.copy_to_clipboard(url)
        self.console.say(f"Copied: {url}")

    # Moving.

    def ask_parent(
        self, child: UUID, name: str, title: str, chosen: Callable[[Rehung], None], *, without: UUID | None = None
    ) -> None:
        """Ask below which item this one is to hang: other suggestions for it first, then whatever is searched."""
        work = self.desk
        self.app.push_screen(
            Chooser(
                f"Where does {named(title)} belong?",
                offer=lambda: suggested_parents(work, name, without=without),
                find=lambda words: found_parents(work, words, child=child),
                words="hang it there", placeholder="a title, an address or an id of the item it comes from",
            ),
            lambda option: chosen(option.answer) if option is not None else None,
        )  # fmt: skip

    def ask_relation(self, title: str, chosen: Callable[[str], None]) -> None:
        """Ask what an item is to its new parent."""
        from engagerr.tui.widgets.dialogs import Choice

        choices = [
            Choice(key, f"it is {words}" if relation != "promotes" else "it points to it", relation)
            for key, (relation, words) in zip("scpmd", RELATIONS.items(), strict=False)
        ]

        def answered(relation: str | None) -> None:
            if relation is not None:
                chosen(relation)

        self.app.push_screen(Menu(f"What is it to {named(title)}?", choices), answered)


def suggested_parents(work: Workspace, item: str, *, without: UUID | None) -> list[Option]:
    """Other items that this one might hang on, as they were suggested, the surest first."""
    from engagerr.core.errors import NotFound

    platform, _, native_id = item.partition(":")
    try:
        edges = work.content.edges(of=item)
    except NotFound:
        return []
    mine = [
        edge
        for edge in edges
        if (edge.child.platform, edge.child.native_id) == (platform, native_id)
        and edge.state == "suggested"
        and edge.id != without
    ]
    return [_suggested(edge) for edge in mine[:_RIVALS]]


def _suggested(edge: EdgeRow) -> Option:
    name = f"{edge.parent.platform}:{edge.parent.native_id}"
    title = edge.parent.title or name
    return Option(
        str(edge.id), code(edge.parent.platform), title, edge.parent.account,
        f"{glyphs.SUGGESTED} {confidence(edge.confidence)}", Rehung(name, title, str(edge.id)),
    )  # fmt: skip


def found_parents(work: Workspace, words: str, *, child: UUID) -> list[Option]:
    """Items that words, an address or an id name; families before items within them."""
    from engagerr.core.desk.families_page import families_page
    from engagerr.core.desk.lookup import find

    options: dict[UUID, Option] = {}
    for head in families_page(work, words=words, limit=_FOUND).heads:
        items = "alone" if head.items == 1 else f"{head.items:,} items" if head.items < 1_000 else f"{head.items:,}"
        options[head.id] = Option(
            str(head.id), code(head.platform), head.title, head.creator or head.account, items,
            Rehung(str(head.id), head.title),
        )  # fmt: skip
    for hit in find(work, words, limit=_FOUND).items:
        options.setdefault(hit.id, Option(str(hit.id), "", hit.title, hit.subtitle, "", Rehung(str(hit.id), hit.title)))
    options.pop(child, None)
    return list(options.values())[: 2 * _FOUND]


def as_text(rows: Sequence[dict[str, Any]], path: str) -> bytes:
    """Rows as CSV or JSON, as the path ends."""
    import json

    from engagerr.core.desk.files import table_csv

    if path.lower().endswith(".json"):
        return (json.dumps(list(rows), ensure_ascii=False, indent=2, default=str) + "\n").encode()
    names = list(dict.fromkeys(name for row in rows for name in row))
    return table_csv(names, ([row.get(name) for name in names] for row in rows))
