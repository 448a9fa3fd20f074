"""What the page of a creator shows: columns of its lists, the month strip, sparklines, and the side pane. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from rich.cells import cell_len
from textual import events
from textual.message import Message
from textual.reactive import reactive

from engagerr.core.desk.creator_accounts import AccountPage
from engagerr.core.desk.roster import platform_codes
from engagerr.tui import glyphs
from engagerr.tui.widgets.chrome import Line
from engagerr.tui.widgets.evidence import CONCEPTS, platform_name
from engagerr.tui.widgets.grid import Column
from engagerr.tui.widgets.roster_words import (
    MEANINGS,
    NO_TERMS,
    SYNC,
    change_cell,
    expiry_cell,
    full,
    number_cell,
    sync_cell,
    sync_words,
    until_words,
)
from engagerr.tui.writing import (
    BLANK,
    Cell,
    cell,
    count,
    cut,
    day,
    hidden,
    missing,
    money,
    money_text,
    ratio,
    short,
    sparkline,
)

if TYPE_CHECKING:
    from engagerr.core.content.families import FamilyRow
    from engagerr.core.desk.creator import CalendarEntry, CreatorPage, DealLine
    from engagerr.core.desk.creator_trends import TrendLine, Trends
    from engagerr.core.desk.notes import Note

Now = Callable[[], datetime]
GROUPS = (
    ("overview", "Overview"), ("families", "Families"), ("deals", "Deals"), ("calendar", "Calendar"),
    ("notes", "Notes"), ("sign-ins", "Sign-ins"),
)  # fmt: skip
KINDS = {
    "away": ("×", "attention", "away"), "promise": ("━", "accent", "promised to one brand"),
    "exclusive": ("━", "accent", "exclusive by contract"), "engagement": ("━", "dim", "engaged by contract"),
    "deliverable": ("●", "good", "deliverable due"),
}  # fmt: skip
_LABEL = 12
_MONTHS = 4


class Groups(Line):
    """The parts of a creator's page; the one that is shown is a chip."""

    shown: reactive[str] = reactive("overview")
    counts: reactive[Mapping[str, int]] = reactive(dict)

    class Chosen(Message):
        """A part was clicked."""

        def __init__(self, group: str) -> None:
            super().__init__()
            self.group = group

    def parts(self, width: int) -> Sequence[tuple[str, str]]:
        """` Overview  Families 3 …`."""
        made: list[tuple[str, str]] = []
        for key, title in GROUPS:
            made.append((f" {title} ", "chip" if key == self.shown else "soft"))
            made.append((f"{self.counts[key]} " if self.counts.get(key) else "", "faint"))
        return made

    def on_click(self, event: events.Click) -> None:
        """Show the part that was clicked."""
        left = 0
        for key, title in GROUPS:
            left += len(title) + 2 + (len(f"{self.counts[key]} ") if self.counts.get(key) else 0)
            if event.x < left:
                self.post_message(self.Chosen(key))
                return


def account_name(one: AccountPage) -> Cell:
    """`YouTube  @handle`."""
    return Cell(((f"{platform_name(one.platform)}  ", "ink"), (one.handle, "soft")))


def account_columns(now: Now) -> list[Column[AccountPage]]:
    """The accounts with their figures."""
    return [
        Column("sync", "", lambda one: sync_cell(one.sync, one.sync_since, now()), 1),
        Column("account", "Account", account_name, 20, grow=True),
        Column("items", "Items", lambda one: cell(f"{one.items:,}", "soft"), 6, right=True, rank=3),
        Column("followers", "Followers", lambda one: number_cell(one.followers, now(), platform=one.platform), 9,
               right=True),
        Column("views", "Views 90 d ", lambda one: number_cell(one.views, now(), platform=one.platform, hang=True), 11,
               right=True),
        Column("change", "Change", lambda one: change_cell(one.change, now(), platform=one.platform), 7, right=True,
               rank=1),
        Column("until", "Sign-in until", lambda one: _until(one, now()), 13, right=True, rank=2),
    ]  # fmt: skip


def sign_in_columns(now: Now) -> list[Column[AccountPage]]:
    """The accounts with how their sign-ins stand."""
    return [
        Column("sign", "", lambda one: cell(*SYNC[one.sync]), 1),
        Column("account", "Account", account_name, 20, grow=True),
        Column("through", "Through", lambda one: cell(one.connector or "files", "soft"), 9, rank=2),
        Column("state", "State", _state, 13),
        Column("synced", "Synced", lambda one: cell(day(one.synced_at, now()), "soft") if one.connector else BLANK, 10,
               rank=1),
        Column("until", "Until", lambda one: _until(one, now()), 10, right=True),
    ]  # fmt: skip


def _state(one: AccountPage) -> Cell:
    words = {"fresh": ("in step", "good"), "late": ("late", "attention"), "broken": ("broken", "danger"),
             "none": ("not signed in", "soft")}[one.sync]  # fmt: skip
    return cell(*words, reason=one.problem)


def _until(one: AccountPage, now: datetime) -> Cell:
    return expiry_cell(one.expires_at, now, connected=one.connector is not None)


def family_columns(now: Now) -> list[Column[FamilyRow]]:
    """Families by the views that they had."""
    return [
        Column("title", "Family", lambda one: cell(one.title or one.native_id), 20, grow=True),
        Column("on", "On", lambda one: cell(" ".join(platform_codes(list(one.platforms))), "soft"), 11, rank=2),
        Column("items", "Items", lambda one: cell(f"{one.items:,}", "soft"), 5, right=True, rank=1),
        Column("published", "Published", lambda one: cell(day(one.published_at, now()), "soft"), 11, right=True,
               rank=3),
        Column("views", "Views ", family_views, 14, right=True),
    ]  # fmt: skip


def family_views(one: FamilyRow) -> Cell:
    """The most views by one way of counting, and which."""
    known = [total for total in one.totals if total.concept in CONCEPTS and total.unit == "count"]
    best = max((total for total in known if total.value is not None), key=lambda total: total.value or 0, default=None)
    if best is None:
        return missing("no item of it has a figure")
    broken = "it spans a change of definition" if best.spans_break else None
    made = count(best.value, estimated=best.state == "estimated", broken=broken)
    unit = "" if best.concept == "play_start" else f" {CONCEPTS[best.concept]}"
    tail = () if broken else ((" ", "ink"),)
    return Cell((*made.parts, *tail), made.reason or (f"counted as{unit}" if unit else None))


def deal_columns(now: Now) -> list[Column[DealLine]]:
    """Deals, the open ones first."""
    return [
        Column("title", "Deal", lambda one: cell(one.title, "ink" if one.open else "soft"), 16, grow=True),
        Column("brand", "Brand", lambda one: cell(one.brand, "soft"), 14, rank=2),
        Column("stage", "Stage", lambda one: cell(one.stage, "ink" if one.open else "faint"), 12),
        Column("since", "Since", lambda one: cell(day(one.since, now()), "soft"), 11, rank=1),
        Column("amount", "Whole deal", lambda one: money(one.amount, why="no amount was offered yet"), 13, right=True),
    ]  # fmt: skip


def calendar_columns(now: Now, clashes: Callable[[], Mapping[UUID, str]]) -> list[Column[CalendarEntry]]:
    """Days in order; `!` where two stand in each other's way."""
    return [
        Column("clash", "", lambda one: cell(glyphs.DANGER, "danger", reason=clashes()[one.id])
               if one.id in clashes() else BLANK, 1),
        Column("kind", "", lambda one: cell(KINDS[one.kind][0], KINDS[one.kind][1]), 1),
        Column("when", "When", lambda one: cell(until_words(one.since, one.until, now())), 25),
        Column("title", "What", lambda one: cell(one.title), 16, grow=True),
        Column("detail", "", lambda one: cell(one.detail or "", "soft"), 16, grow=True, rank=1),
    ]  # fmt: skip


def note_columns(now: Now) -> list[Column[Note]]:
    """Notes, newest first."""
    return [
        Column("text", "Note", lambda one: cell(one.text.replace("\n", " ")), 24, grow=True),
        Column("by", "By", lambda one: cell(one.member, "soft"), 16, rank=1),
        Column("at", "Written", lambda one: cell(day(one.written_at, now()), "soft"), 11, right=True),
    ]  # fmt: skip


def month_strip(entries: Sequence[CalendarEntry], clashing: Mapping[UUID, str], today: date) -> list[Cell]:
    """A line a month, a cell a day: `×` away, `●` due, `━` kept free or engaged, `!` where two clash, `·` free."""
    ruler = "".join(f"{number:<5}" for number in range(1, 31, 5))
    lines = [Cell((("          ", "faint"), (ruler, "faint")))]
    first = today.replace(day=1)
    for _ in range(_MONTHS):
        after = (first + timedelta(days=32)).replace(day=1)
        parts: list[tuple[str, str]] = [(f"{first:%b %Y}  ", "soft")]
        at = first
        while at < after:
            sign, token = _sign_of(at, entries, clashing)
            parts.append((sign, "accent-bold" if at == today and sign == glyphs.GAP else token))
            at += timedelta(days=1)
        lines.append(Cell(tuple(parts)))
        first = after
    used = {entry.kind for entry in entries}
    legend = [part for kind, (sign, token, words) in KINDS.items() if kind in used
              for part in ((f"{sign} ", token), (f"{words}   ", "faint"))]  # fmt: skip
    if clashing:
        legend += [(f"{glyphs.DANGER} ", "danger"), ("two that clash", "faint")]
    return [*lines, Cell(tuple(legend))] if legend else lines


def _sign_of(at: date, entries: Sequence[CalendarEntry], clashing: Mapping[UUID, str]) -> tuple[str, str]:
    here = [one for one in entries if (one.since or date.min) <= at <= (one.until or date.max)]
    if sum(one.id in clashing for one in here) > 1:
        return glyphs.DANGER, "danger"
    for kind in ("deliverable", "away", "engagement", "exclusive", "promise"):
        if any(one.kind == kind for one in here):
            return KINDS[kind][0], KINDS[kind][1]
    return glyphs.GAP, "faint"


def trend_lines(trends: Trends | None, now: datetime, width: int) -> list[Cell]:
    """A sparkline a quantity, with its newest week."""
    if trends is None:
        return [cell("Weeks are being read …", "soft")]
    head = f"By week, {day(trends.since, now)} – {day(trends.until, now)}"
    if not trends.lines:
        return [cell(head, "faint"), cell("No week of this time has a figure.", "soft")]
    lines = [cell(head, "faint")]
    before = ""
    for line in trends.lines:
        name = platform_name(line.platform) if line.platform != before else ""
        before = line.platform
        lines.append(Cell((*_pad(name, 10, "ink"), *_pad(quantity(line), 16, "soft"), *_spark(line, width).parts)))
    if trends.left_out:
        lines.append(cell(f"{trends.left_out} more; 3 Analytics has them all.", "faint"))
    return lines


def quantity(line: TrendLine) -> str:
    """What is counted, in words."""
    name, _, rest = line.quantity.partition("/")
    words = CONCEPTS.get(name, name.replace("_", " "))
    return f"{words} {rest}".strip()


def _spark(line: TrendLine, width: int) -> Cell:
    drawn = sparkline(line.weeks, width=26 if width >= 90 else 20, breaks=line.breaks)
    last = line.last
    value = glyphs.MISSING if last is None else f"{short(last / 3600)} h" if line.unit == "seconds" else short(last)
    when = len(line.weeks) - 1 - next(at for at, one in enumerate(reversed(line.weeks)) if one is not None)
    ago = len(line.weeks) - 1 - when
    return Cell((*drawn.parts, (f"  {value:>8}", "ink"), (f"  {ago} weeks ago" if ago else "  last week", "faint")))


def _pad(text: str, width: int, token: str) -> tuple[tuple[str, str], ...]:
    said = cut(text, width)
    return (said, token), (" " * (width - cell_len(said) + 1), token)


def head_words(page: CreatorPage) -> str:
    """Topics, country, languages, status, who looks after them."""
    basics = page.basics.value
    if basics is None:
        return page.basics.hidden or page.basics.failed or ""
    parts = [", ".join(basics.topics), basics.country or "", ", ".join(basics.languages), basics.status,
             f"with {basics.agent}" if basics.agent else "",
             "not to be pitched" if basics.do_not_pitch else ""]  # fmt: skip
    return " · ".join(part for part in parts if part)


def rate_lines(page: CreatorPage, now: datetime) -> list[Cell]:
    """Terms and rates, or `hidden`."""
    basics = page.basics.value
    if basics is None:
        return []
    lines = [cell("Terms and rates", "faint")]
    if basics.terms is None or basics.rates is None:
        return [*lines, Cell((*hidden(NO_TERMS).parts, (f"  {NO_TERMS}", "faint")))]
    for terms in basics.terms:
        kind = "exclusive" if terms.exclusive else "not exclusive"
        share = ratio(terms.commission_rate).text
        lines.append(Cell((*_pad("represented", _LABEL, "soft"),
                           (f"{share}, {kind}, {until_words(terms.since, terms.until, now)}", "ink"))))  # fmt: skip
    for rate in basics.rates:
        lines.append(
            Cell((*_pad(rate.deliverable.replace("_", " "), 22, "soft"), (f"{money_text(rate.amount):>13}", "ink"),
                  (f"  {day(rate.quoted_at, now)}", "faint")))
        )  # fmt: skip
    if len(lines) == 1:
        lines.append(cell("None is known.  x r sets a rate, x b begins representation.", "soft"))
    return lines


def profile_lines(page: CreatorPage, now: datetime) -> list[Cell]:
    """The figures of the profile, each in full or with why it is missing; the audience and the brands below."""
    if page.profile.failed or page.profile.hidden:
        return [cell(page.profile.failed or page.profile.hidden or "", "danger")]
    profile = page.profile.value
    if profile is None:
        return [cell("Figures", "faint"), cell("not put together yet", "soft")]
    lines = [cell(f"Figures as of {day(profile.as_of, now, year=True)}" if profile.as_of else "Figures", "faint")]
    for name, figure in profile.figures.items():
        kind = "change" if name.startswith("growth") else "share" if _is_share(name) else "count"
        if figure.value is None and name not in ("followers", "median_views", "engagement_by_followers"):
            continue
        lines.append(Cell((*_pad(_named(name), 26, "soft"), (full(figure, now, kind=kind), "ink"))))
    for dimension, shares in profile.audience.items():
        top = sorted(shares.items(), key=lambda pair: -pair[1])[:4]
        lines.append(Cell((*_pad(f"audience {dimension}", 26, "soft"),
                           (", ".join(f"{name} {ratio(share).text}" for name, share in top), "ink"))))  # fmt: skip
    if profile.brands:
        lines.append(Cell((*_pad("brands", 26, "soft"), (", ".join(profile.brands[:8]), "ink"))))
    return lines


def _is_share(name: str) -> bool:
    return name.startswith("engagement") or name.endswith("_share")


def _named(name: str) -> str:
    return name.replace("_", " ")


def side_facts(page: CreatorPage, now: datetime) -> list[Cell]:
    """The side pane: who they are, terms and rates, the profile."""
    basics = page.basics.value
    lines = [cell(page.name, "ink-bold"), cell(head_words(page), "soft"), BLANK]
    if basics is not None and basics.bio:
        lines += [cell(basics.bio, "soft"), BLANK]
    if basics is not None and basics.do_not_pitch:
        lines += [cell(f"Not to be pitched: {basics.do_not_pitch_reason or 'no reason was said'}", "attention"), BLANK]
    return [*lines, *rate_lines(page, now), BLANK, *profile_lines(page, now)]


def account_why(one: AccountPage, now: datetime) -> list[Cell]:
    """How an account stands and what its figures mean."""
    from engagerr.tui.widgets.creator_why import figure_lines
    from engagerr.tui.widgets.roster_words import counted_words

    seen = f"seen {day(one.followers_at, now, year=True)}" if one.followers_at else ""
    counted = counted_words(one.counted)
    lines = [cell(sync_words(one.sync, one.sync_since, now), "soft")]
    if one.problem:
        lines.append(cell(one.problem, "danger"))
    return [
        *lines, BLANK,
        *figure_lines("Followers", one.followers, number_cell(one.followers, now, platform=one.platform),
                      "As the platform gives them.", seen, now),
        *figure_lines("Views 90 d", one.views, number_cell(one.views, now, platform=one.platform), MEANINGS["views"],
                      f"counted as {counted}" if counted else "", now),
        *figure_lines("Change", one.change, change_cell(one.change, now, platform=one.platform), MEANINGS["change"], "",
                      now),
    ]  # fmt: skip
