"""What the agenda is made of: one thing that needs a decision, and how urgent it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from engagerr.core.money import Money

# More of one kind are counted and not listed: nobody decides a thousand things from one list.
MOST_OF_A_KIND = 50


class AgendaKind(StrEnum):
    """What sort of thing waits."""

    HOLD = "hold"
    APPROVAL = "approval"
    PAYMENT = "payment"
    RECONCILIATION = "reconciliation"
    CONTRACT = "contract"
    EXCLUSIVITY = "exclusivity"
    PROPOSAL = "proposal"
    DELIVERABLE = "deliverable"
    DISCLOSURE = "disclosure"
    DEAL = "deal"
    RIGHTS = "rights"
    APPLICATION = "application"
    CONNECTION = "connection"
    SYNC = "sync"
    JOB = "job"
    REVIEW = "review"
    ANOMALY = "anomaly"
    DEFINITION = "definition"
    TASK = "task"


class Urgency(StrEnum):
    """How urgent: money or a right is lost; somebody waits; a question that is open; good to know."""

    DANGER = "danger"
    ATTENTION = "attention"
    QUESTION = "question"
    NEWS = "news"

    @property
    def rank(self) -> int:
        """0 for the most urgent."""
        return list(Urgency).index(self)


@dataclass(frozen=True, slots=True)
class Subject:
    """What it is about. `id` is a UUID, or the word by which the verbs know the thing (a job's name, an account)."""

    kind: str
    id: UUID | str
    name: str


@dataclass(frozen=True, slots=True)
class AgendaItem:
    """One thing that needs a decision.

    `key` stays the same from one reading to the next. `detail` says in a sentence or two what it is and what happens if
    nobody acts; `amount` is what is at stake, None where nothing is or where it is not known. `due` is when it is too
    late. `decision` is the verb: release, sign, answer, approve, sign in. `snoozed_until` and `assigned_to` are marks.
    """

    key: str
    kind: AgendaKind
    urgency: Urgency
    title: str
    detail: str
    amount: Money | None
    due: datetime | None
    subject: Subject
    decision: str
    snoozed_until: datetime | None = None
    assigned_to: str | None = None


@dataclass(frozen=True, slots=True)
class Sources:
    """Connected accounts: `fresh` ones are in step with their platforms, `late` behind, `broken` ones need somebody."""

    fresh: int
    late: int
    broken: int


@dataclass(frozen=True, slots=True)
class Agenda:
    """What needs a decision, the most urgent first, as of a moment.

    `sources` is None where it could not be read. `unread` names the kinds that could not be read, each with the reason;
    `hidden` those that this member may not read. `later` counts what this member put off, `more` what is not listed
    because a kind has more than 50.
    """

    items: tuple[AgendaItem, ...]
    as_of: datetime
    sources: Sources | None
    unread: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    later: int = 0
    more: Mapping[AgendaKind, int] = field(default_factory=dict)


def day_in_words(moment: datetime | date) -> str:
    """Tue 1 Dec 2026, in UTC."""
    return f"{moment:%a} {moment.day} {moment:%b %Y}"


def span_in_words(days: int) -> str:
    """9 d, today, 3 d late."""
    return "today" if days == 0 else f"in {days} d" if days > 0 else f"{-days} d late"
