"""What can be done with creators, one or many at once: each by the verb of one, and a failure stops no other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

from textual import on

from engagerr.core.errors import EngagerrError, Unavailable
from engagerr.core.tenancy.permissions import Permission
from engagerr.tui import glyphs
from engagerr.tui.loading import Loading, Progress, WorkState
from engagerr.tui.page import Page
from engagerr.tui.rights import refused_for
from engagerr.tui.screens.marking import first_names
from engagerr.tui.widgets.chrome import Reason
from engagerr.tui.widgets.dialogs import Ask, Choice, Confirm, Field, Form, Menu, Sheet
from engagerr.tui.writing import BLANK, Cell, cell

if TYPE_CHECKING:
    pass

_STATUSES = (("p", "prospect"), ("a", "active"), ("u", "paused"), ("f", "former"))
_NOBODY = "Nobody is under the cursor."


@dataclass(frozen=True, slots=True)
class Person:
    """A creator whom a verb is about, and what the verb would change."""

    id: UUID
    name: str
    status: str = "active"
    agent: str | None = None
    connected: bool = False
    do_not_pitch: bool = False


@dataclass(slots=True)
class Outcome:
    """How a verb went over many: for whom it is done, and for whom not and why."""

    title: str
    done: list[Person] = field(default_factory=list)
    failed: list[tuple[Person, EngagerrError]] = field(default_factory=list)
    undo: Callable[[], Any] | None = None
    said: str = ""


class CreatorVerbs(Page):
    """A page of creators. `people()` are those whom the verbs are about."""

    def people(self) -> Sequence[Person]:
        """The marked creators, or the one under the cursor, or the one whose page it is."""
        return ()

    def who(self) -> str:
        """Them in words: a name, or how many."""
        people = self.people()
        return people[0].name if len(people) == 1 else f"{len(people):,} creators"

    def person_choices(self) -> list[Choice[Callable[[], Any]]]:
        """The menu of `x` for them."""
        people = self.people()
        nobody = None if people else _NOBODY
        edit, terms = refused_for(self.desk, Permission.EDIT_ROSTER), refused_for(self.desk, Permission.EDIT_TERMS)
        offline = None if any(one.connected for one in people) else "No account of theirs is signed in."
        may = all(one.do_not_pitch for one in people) and bool(people)
        return [
            Choice("s", "Sync now", self.sync_now, refused_for(self.desk, Permission.SYNC) or nobody or offline),
            Choice("l", "Add to a shortlist …", self.to_shortlist,
                   refused_for(self.desk, Permission.EDIT_BRIEFS) or nobody),
            Choice("t", "Change the status …", self.change_status, edit or nobody),
            Choice("a", "Who looks after them …", self.change_agent, edit or nobody),
            Choice("p", "May be pitched again" if may else "Do not pitch …", self.change_pitch, edit or nobody),
            Choice("r", "Set a rate …", self.set_rate, terms or nobody),
            Choice("b", "Begin representation …", self.represent, terms or nobody),
            Choice("e", "End representation …", self.end_representation, terms or nobody, danger=True),
        ]  # fmt: skip

    # The verbs.

    def sync_now(self) -> None:
        """Fetch what the platforms have, due or not, of those who are signed in."""
        work = self.desk

        def one(person: Person, progress: Progress) -> None:
            def told(step: Any) -> None:
                # Raising within a run would count as a fault of the platform: `stop` ends it instead.
                progress.work.said = f"{person.name}: {step.account} {step.stream}, {step.items:,} items"

            report = work.sync.run(creator=str(person.id), now=True, progress=told, stop=progress.stop)
            for result in report.failures:
                error = result.error or {}
                raise Unavailable(
                    f"{result.account} {result.stream}: {error.get('message', 'failed')}", hint=error.get("hint")
                )

        self.over("Sync", [person for person in self.people() if person.connected], one, "Synced {}.")

    def to_shortlist(self) -> None:
        """Choose the list, or name a new one."""
        self.do("shortlists", self.desk.shortlists.list, then=self._choose_shortlist)

    def _choose_shortlist(self, lists: Sequence[Any]) -> None:
        choices = [
            Choice(str(at), f"{row.name}  ({row.entries:,})", row.name) for at, row in enumerate(lists[:9], start=1)
        ]
        choices.append(Choice("n", "A new one …", ""))

        def chosen(name: str | None) -> None:
            if name:
                self.add_to_shortlist(name, make=False)
            elif name == "":
                self.app.push_screen(
                    Ask("A new shortlist", label="Its name", words="make it"),
                    lambda said: self.add_to_shortlist(said, make=True) if said else None,
                )

        self.app.push_screen(Menu(f"Put {self.who()} on", choices), chosen)

    def add_to_shortlist(self, name: str, *, make: bool) -> None:
        """Put them on this list; all at once, and one by one only where that is refused."""
        work, people = self.desk, list(self.people())

        def call(progress: Progress) -> Outcome:
            if make:
                work.shortlists.create(name)
            outcome = Outcome("Shortlist", said=f"{{}} on {name}.")
            try:
                progress.report(0, len(people))
                work.shortlists.add(name, [str(person.id) for person in people])
                outcome.done = people
            except EngagerrError as error:
                if len(people) == 1:
                    raise
                del error
                _one_by_one(outcome, people, progress, lambda one, _: work.shortlists.add(name, [str(one.id)]))
            return outcome

        self._begin("Shortlist", call)

    def change_status(self) -> None:
        """Prospect, active, paused, former."""
        people = list(self.people())
        same = {person.status for person in people}
        choices = [
            Choice(key, status.capitalize(), status, "They are that already." if same == {status} else None)
            for key, status in _STATUSES
        ]

        def chosen(status: str | None) -> None:
            if status is not None:
                self._edit("Status", people, {"status": status}, lambda one: {"status": one.status},
                           f"{{}} now {status}.")  # fmt: skip

        self.app.push_screen(Menu(f"{self.who()} is to be" if len(people) == 1 else f"{self.who()} are to be", choices),
                             chosen)  # fmt: skip

    def change_agent(self) -> None:
        """Who of the agency looks after them."""
        people = list(self.people())
        if not people:
            return
        before = {person.agent for person in people}
        value = next(iter(before)) or "" if len(before) == 1 else ""

        def said(name: str | None) -> None:
            if name is not None:
                agent = name.strip() or None
                self._edit("Agent", people, {"agent": agent}, lambda one: {"agent": one.agent},
                           f"{{}}: {agent or 'nobody'} looks after them.")  # fmt: skip

        self.app.push_screen(Ask(f"Who looks after {self.who()}", label="A name; empty for nobody.", value=value), said)

    def change_pitch(self) -> None:
        """Leave them out of searches and matches, or not any more."""
        people = list(self.people())
        if all(person.do_not_pitch for person in people):
            self._edit("Pitch", people, {"do_not_pitch": False, "do_not_pitch_reason": None},
                       lambda _one: {"do_not_pitch": True}, "{} may be pitched.")  # fmt: skip
            return

        def said(reason: str | None) -> None:
            if reason is not None:
                self._edit(
                    "Pitch", people, {"do_not_pitch": True, "do_not_pitch_reason": reason.strip() or None},
                    lambda one: {"do_not_pitch": one.do_not_pitch}, "{} not to be pitched.",
                )  # fmt: skip

        self.app.push_screen(Ask(f"Do not pitch {self.who()}", label="Why; it stands on their page."), said)

    def set_rate(self) -> None:
        """What they ask for a deliverable."""
        people = list(self.people())

        def said(form: dict[str, str] | None) -> None:
            if form is None:
                return
            from engagerr.core.money import Money

            try:
                amount = Money.parse(form["amount"], form["currency"].upper())
            except EngagerrError as error:
                self.console.complain(error)
                return
            work = self.desk
            self.over(
                "Rate", people,
                lambda one, _: work.roster.set_rate(str(one.id), deliverable=form["deliverable"], amount=amount),
                f"{{}}: {form['deliverable']} {amount}.",
            )  # fmt: skip

        self.app.push_screen(
            Form(
                f"A rate of {self.who()}",
                [
                    Field("deliverable", "What is delivered", placeholder="youtube_integration", check=_needed),
                    Field("amount", "Price in major units", placeholder="4800 or 4800.50", check=_amount),
                    Field("currency", "Currency, ISO 4217", "EUR", check=_currency),
                ],
                words="set it",
            ),
            said,
        )

    def represent(self) -> None:
        """Terms from a day on."""
        people, today = list(self.people()), self.desk.access.clock.now().date()

        def said(form: dict[str, str] | None) -> None:
            if form is None:
                return
            rate, work = _share(form["commission"]), self.desk
            since, until = day_of(form["since"]), day_of(form["until"])
            exclusive = not form["exclusive"].lower().startswith("n")
            self.over(
                "Representation", people,
                lambda one, _: work.roster.set_terms(
                    str(one.id), commission_rate=rate, exclusive=exclusive, since=since, until=until
                ),
                "{} represented.",
            )  # fmt: skip

        self.app.push_screen(
            Form(
                f"Represent {self.who()}",
                [
                    Field("commission", "Your share of their deals", "15%", check=_checked(_share)),
                    Field("exclusive", "Nobody else represents them (yes or no)", "yes", check=_yes_or_no),
                    Field("since", "First day; empty for since ever", f"{today}", check=checked_day),
                    Field("until", "Last day; empty until it is ended", check=checked_day),
                ],
                words="begin it",
            ),
            said,
        )

    def end_representation(self) -> None:
        """The last day, then how many and who, then it is done."""
        people, today = list(self.people()), self.desk.access.clock.now().date()

        def sure(last: date) -> None:
            work = self.desk

            def answered(ended: bool | None) -> None:
                if ended:
                    self.over("Representation", people, lambda one, _: work.roster.end_terms(str(one.id), on=last),
                              f"{{}} represented until {last}.")  # fmt: skip

            many = f"{len(people):,} creators" if len(people) > 1 else people[0].name
            self.app.push_screen(
                Confirm(
                    f"End the representation of {many}",
                    [first_names([person.name for person in people]), f"Their last day is {last}.",
                     "Deals and contracts that stand go on."],
                    key="d", words="end it", keep="keep them",
                ),
                answered,
            )  # fmt: skip

        def said(day: str | None) -> None:
            if day is not None and (last := day_of(day)) is not None:
                sure(last)

        self.app.push_screen(
            Ask("End representation", label="Their last day", value=f"{today}", words="go on",
                check=lambda day: _needed(day) or checked_day(day)),
            said,
        )  # fmt: skip

    # How they run.

    def _edit(
        self,
        title: str,
        people: Sequence[Person],
        changes: dict[str, Any],
        before: Callable[[Person], dict[str, Any]],
        said: str,
    ) -> None:
        work = self.desk

        def back(done: Sequence[Person]) -> None:
            for person in done:
                work.roster.edit(str(person.id), **before(person))

        self.over(title, people, lambda one, _: work.roster.edit(str(one.id), **changes), said, back=back)

    def over(
        self,
        title: str,
        people: Sequence[Person],
        one: Callable[[Person, Progress], Any],
        said: str,
        *,
        back: Callable[[Sequence[Person]], Any] | None = None,
    ) -> None:
        """Run a verb of one for each; `said` names who (`{}`), `back` takes it back for those for whom it was done."""
        chosen = list(people)

        def call(progress: Progress) -> Outcome:
            outcome = Outcome(title, said=said)
            _one_by_one(outcome, chosen, progress, one)
            if back is not None and outcome.done:
                outcome.undo = lambda: back(outcome.done)
            return outcome

        self._begin(title, call)

    def _begin(self, title: str, call: Callable[[Progress], Outcome]) -> None:
        self.console.works.append(
            self.work(f"people:{title}", f"{title}: {self.who()}", call, clock=self.desk.access.clock)
        )

    def answered(self, topic: str, result: Any) -> None:
        """How a verb went: one toast, and a list of those for whom it did not work."""
        if not isinstance(result, Outcome):
            super().answered(topic, result)
            return
        self.query_one(Reason).said = ""
        if result.done:
            names = first_names([person.name for person in result.done])
            self.console.say(result.said.format(names))
            if result.undo is not None:
                self.console.remember_undo(f"{result.title.lower()} of {names}", result.undo)
        if len(result.failed) == 1 and not result.done:
            self.console.complain(result.failed[0][1])
        elif result.failed:
            self.app.push_screen(Sheet(f"{result.title}: not done for {len(result.failed):,}", _failures(result)))
        self.changed_here()

    def changed_here(self) -> None:
        """What this console did itself: every screen that shows creators reads again, this one at once."""
        for page in self.console.pages():
            if page is not self:
                page.changed("creator")
        self.read_now()

    @on(Loading.Told)
    def _told(self, event: Loading.Told) -> None:
        work, reason = event.work, self.query_one(Reason)
        if work.state is WorkState.RUNNING:
            far = f"{work.done:,} of {work.of:,}" if work.of else ""
            reason.token = "soft"
            reason.said = f"{work.name}  {far}  {work.said}  (. then x stops it)"
        else:
            reason.said = ""
        if work.state is WorkState.CANCELLED:
            done = f" after {work.done:,} of {work.of:,}" if work.of else ""
            self.console.say(f"{work.name}: stopped{done}. What was done stays.", mood="attention")
            if event.topic.startswith("people:"):
                self.changed_here()


def _one_by_one(
    outcome: Outcome, people: Sequence[Person], progress: Progress, one: Callable[[Person, Progress], Any]
) -> None:
    for at, person in enumerate(people):
        progress.report(at, len(people), person.name)
        try:
            one(person, progress)
        except EngagerrError as error:
            outcome.failed.append((person, error))
        else:
            outcome.done.append(person)


def _failures(outcome: Outcome) -> list[Cell]:
    lines = [cell(f"Done for {len(outcome.done):,}. The others stay as they were.", "soft"), BLANK]
    for person, error in outcome.failed[:200]:
        lines.append(Cell(((f"{glyphs.FAILED} ", "danger"), (person.name, "ink-bold"))))
        lines.append(cell(f"  {error.message}{f' {error.hint}' if error.hint else ''}", "soft"))
    return lines


def _needed(said: str) -> str | None:
    return None if said.strip() else "This is needed."


def _currency(said: str) -> str | None:
    return None if len(said.strip()) == 3 and said.strip().isalpha() else "Three letters, such as EUR."


def _amount(said: str) -> str | None:
    from engagerr.core.money import Money

    return _checked(lambda amount: Money.parse(amount, "EUR"))(said)


def _yes_or_no(said: str) -> str | None:
    return None if said.lower() in ("yes", "no", "y", "n") else "yes or no."


def _checked(read: Callable[[str], Any]) -> Callable[[str], str | None]:
    def check(said: str) -> str | None:
        try:
            read(said)
        except EngagerrError as error:
            return error.message
        return None

    return check


def day_of(said: str) -> date | None:
    """A day that was typed; empty is none. `InvalidInput` for anything else."""
    from engagerr.core.errors import InvalidInput

    if not said.strip():
        return None
    try:
        return date.fromisoformat(said.strip())
    except ValueError as error:
        raise InvalidInput(f"{said!r} is not a day; write it as 2026-01-31.") from error


def _share(said: str) -> Any:
    from decimal import Decimal, InvalidOperation

    from engagerr.core.errors import InvalidInput

    words = said.strip()
    try:
        rate = Decimal(words.removesuffix("%").strip())
    except InvalidOperation:
        rate = Decimal("NaN")
    rate = rate / 100 if words.endswith("%") else rate
    if not rate.is_finite() or not 0 <= rate < 1:
        raise InvalidInput(f"{said!r} is no rate; write 15% or 0.15.")
    return rate


def checked_day(said: str) -> str | None:
    """What is wrong with a day that was typed."""
    return _checked(day_of)(said)
