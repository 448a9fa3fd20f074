"""The machine of one deliverable: which step leads where and whose it is, and the one way in which a step is taken.

The database keeps the same table (`engagerr_deliverable_rules`), moves the deliverable, its milestone and the clock of
its hold, and has the last word: whatever is refused there is said in words here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from engagerr.core.db import constraint_of
from engagerr.core.deals.words import readable
from engagerr.core.errors import Conflict, EngagerrError, InvalidInput, NotFound

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.tenancy import Access

PLANNED, SUBMITTED, CHANGES_REQUESTED, APPROVED, LIVE, CHECKED, CANCELLED = (
    "planned", "submitted", "changes_requested", "approved", "live", "checked", "cancelled",
)  # fmt: skip
STATES = (PLANNED, SUBMITTED, CHANGES_REQUESTED, APPROVED, LIVE, CHECKED, CANCELLED)
MAKER, BRAND, KEEPER = "maker", "brand", "keeper"

# (from, to): whose step it is. The maker is the agency's side; where the other side of a deal has no workspace here,
# who keeps the deal puts down what it said. What is live is linked by the keeper, in whose workspace the families are.
RULES: Mapping[tuple[str, str], str] = {
    (PLANNED, SUBMITTED): MAKER,
    (SUBMITTED, SUBMITTED): MAKER,
    (CHANGES_REQUESTED, SUBMITTED): MAKER,
    (SUBMITTED, CHANGES_REQUESTED): BRAND,
    (SUBMITTED, APPROVED): BRAND,
    (PLANNED, CANCELLED): KEEPER,
    (SUBMITTED, CANCELLED): KEEPER,
    (CHANGES_REQUESTED, CANCELLED): KEEPER,
    (APPROVED, CANCELLED): KEEPER,
    (APPROVED, LIVE): KEEPER,
    (LIVE, LIVE): KEEPER,
    (LIVE, CHECKED): KEEPER,
    (CHECKED, LIVE): KEEPER,
}

# Whose turn it is while a deliverable stands somewhere; nobody's once it is checked or cancelled.
_TURN = {PLANNED: "the maker", CHANGES_REQUESTED: "the maker", SUBMITTED: "the brand", APPROVED: "publication",
         LIVE: "a disclosure"}  # fmt: skip
# How long before its day a draft ought to be there, so that the brand can answer and a round of changes still fits.
AT_RISK_DAYS = 3
_LEAST_DIGITS = 4
_NAMED = 5
_LONGEST_WORDS = 5_000


@dataclass(frozen=True, slots=True)
class DeliverableRow:
    """One piece that is to be made, as both sides read it. `kept`: by this workspace, which alone links what is live.

    `revisions_allowed` None is without limit; `revisions_left` counts the rounds that may still be asked for. `state`:
    planned, submitted, changes_requested, approved, live (up, and not known to disclose), checked, cancelled.
    """

    id: UUID
    tenant_id: UUID
    kept: bool
    deal_id: UUID
    deal: str
    brand: str
    milestone_id: UUID | None
    milestone: str | None
    contract_version_id: UUID
    ref: str
    number: int
    creator_id: UUID | None
    creator: str | None
    kind: str
    platform: str | None
    description: str | None
    due_on: date | None
    revisions_allowed: int | None
    extra_revisions: int
    revisions: int
    round: int
    wording: tuple[str, ...]
    platform_label: bool
    country: str | None
    in_kind: bool
    state: str
    state_since: datetime
    submitted_at: datetime | None
    approved_at: datetime | None
    item_id: UUID | None
    item: str | None
    url: str | None
    live_at: datetime | None
    hold_id: UUID | None

    @property
    def name(self) -> str:
        """How the contract calls it; of several pieces of one ref, with the number."""
        return self.ref if self.number == 1 else f"{self.ref}#{self.number}"

    @property
    def subject(self) -> str:
        """How the audit log names it."""
        return f"deliverable:{self.id}"

    @property
    def revisions_left(self) -> int | None:
        """How many rounds of changes may still be asked for; None is without limit."""
        if self.revisions_allowed is None:
            return None
        return max(self.revisions_allowed + self.extra_revisions - self.revisions, 0)

    @property
    def waits_for(self) -> str | None:
        """Whose turn it is; None where nobody's."""
        return _TURN.get(self.state)

    def days_left(self, today: date) -> int | None:
        """Days until it has to be live, below zero when it is late; None once it is, or where no day was agreed."""
        if self.due_on is None or self.state in (LIVE, CHECKED, CANCELLED):
            return None
        return (self.due_on - today).days

    def timing(self, today: date) -> str | None:
        """`late`, or `at risk`: due within days, and not even submitted (or waiting for changes)."""
        left = self.days_left(today)
        if left is None:
            return None
        if left < 0:
            return "late"
        return "at risk" if left <= AT_RISK_DAYS and self.state in (PLANNED, CHANGES_REQUESTED) else None


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step on the trail of a deliverable: who took it for which side, and what went with it."""

    sequence: int
    from_state: str
    to_state: str
    side: str
    actor: str
    round: int
    link: str | None
    note: str | None
    grants_revision: bool
    at: datetime


class NoStep(Conflict):
    """The deliverable does not go from where it stands to where it was asked to go."""

    def __init__(self, piece: DeliverableRow, to: str) -> None:
        onwards = [after for (before, after) in RULES if before == piece.state and after not in (before, CANCELLED)]
        hint = f"From here it becomes {' or '.join(map(said, onwards))}." if onwards else "It is at its end."
        super().__init__(
            f"{piece.name} of {piece.deal!r} is {said(piece.state)} and does not become {said(to)}.", hint=hint,
            facts={"deliverable": str(piece.id), "state": piece.state, "to": to},
        )  # fmt: skip


class RevisionsUsedUp(Conflict):
    """The rounds of changes that were agreed have all been asked for."""

    def __init__(self, piece: DeliverableRow) -> None:
        agreed = (piece.revisions_allowed or 0) + piece.extra_revisions
        super().__init__(
            f"{piece.revisions} of {agreed} rounds of changes to {piece.name} of {piece.deal!r} are used up.",
            hint=f"Whoever makes it may grant one more: engagerr deliverable grant {str(piece.id)[-8:]}",
            facts={"deliverable": str(piece.id), "revisions": piece.revisions, "agreed": agreed},
        )


class ReleasedAlready(Conflict):
    """Its money went out before changes were requested: by an approval, or because nobody answered in time."""

    def __init__(self, piece: DeliverableRow) -> None:
        super().__init__(
            f"The money for {piece.name} of {piece.deal!r} is released already, so it is taken as approved.",
            hint="What is wrong with it now is for the two sides to settle; a recall asks for money back.",
            facts={"deliverable": str(piece.id)},
        )


def said(state: str) -> str:
    """The state in words."""
    return state.replace("_", " ")


_COLUMNS = """
SELECT piece.id, piece.tenant_id, piece.tenant_id = :tenant_id AS kept, piece.deal_id, deals.title AS deal, deals.brand,
       piece.milestone_id, milestone.title AS milestone, piece.contract_version_id, piece.ref, piece.number,
       piece.creator_id, piece.creator, piece.kind, piece.platform, piece.description, piece.due_on,
       piece.revisions_allowed, piece.extra_revisions, piece.revisions, piece.round, piece.wording,
       piece.platform_label, piece.country, piece.in_kind, piece.state, piece.state_since, piece.submitted_at,
       piece.approved_at, piece.item_id, piece.item, piece.url, piece.live_at, milestone.hold_id
FROM deal_deliverables AS piece
JOIN deals ON deals.tenant_id = piece.tenant_id AND deals.id = piece.deal_id
LEFT JOIN deal_milestones AS milestone
  ON milestone.tenant_id = piece.tenant_id AND milestone.id = piece.milestone_id
WHERE (piece.tenant_id = :tenant_id OR piece.counterparty_id = :tenant_id)
"""


def read_deliverables(
    session: Session, *, tenant_id: UUID, where: str = "true", **values: object
) -> tuple[DeliverableRow, ...]:
    """Deliverables of this workspace, kept or joined, the next due first. `where` is SQL of ours, never a caller's."""
    rows = session.execute(
        text(f"{_COLUMNS} AND ({where}) ORDER BY piece.due_on NULLS LAST, piece.deal_id, piece.ref, piece.number"),
        {"tenant_id": tenant_id, **values},
    ).mappings()
    return tuple(DeliverableRow(**{**row, "wording": tuple(row["wording"])}) for row in rows)


def find_deliverable(session: Session, word: str | UUID, *, tenant_id: UUID) -> DeliverableRow:
    """The deliverable of this id, tail of an id (4 digits or more), or ref of its contract (D1, D1#2), if one alone has
    it; `DEAL/REF` names it for certain. `NotFound`; `InvalidInput` where the word fits several.
    """
    named = " ".join(str(word).split())
    deal, separator, ref = named.rpartition("/")
    ref, _, number = ref.partition("#")
    tail = named.lower().replace("-", "")
    digits = len(tail) >= _LEAST_DIGITS and all(digit in "0123456789abcdef" for digit in tail)
    found = read_deliverables(
        session, tenant_id=tenant_id,
        where="(lower(piece.ref) = lower(:ref) AND piece.number = :number"
        " AND (:deal = '' OR lower(deals.title) = lower(:deal)))"
        " OR (:digits AND right(replace(piece.id::text, '-', ''), length(:tail)) = :tail)",
        ref=ref, number=int(number) if number.isdecimal() and number.isascii() and len(number) < 6 else 1,
        deal=deal if separator else "", digits=digits, tail=tail,
    )  # fmt: skip
    # A ref may read like the tail of another one's id.
    found = tuple(one for one in found if one.ref.lower() == ref.lower()) or found
    if len(found) > 1:
        shown = ", ".join(f"{one.deal}/{one.name} ({str(one.id)[-8:]})" for one in found[:_NAMED])
        raise InvalidInput(
            f"{named!r} may be any of {len(found)} deliverables: {shown}.",
            hint="Write DEAL/REF, or the end of its id.",
            facts={"deliverable": named, "deliverables": [str(one.id) for one in found]},
        )  # fmt: skip
    if not found:
        raise NotFound(
            f"There is no deliverable {named!r}.", hint="`engagerr deliverable list` shows those there are.",
            facts={"deliverable": named},
        )  # fmt: skip
    return found[0]


def steps_of(session: Session, piece: DeliverableRow) -> tuple[StepRow, ...]:
    """The trail of a deliverable, from its beginning."""
    rows = session.execute(
        text(
            "SELECT sequence, from_state, to_state, side, actor, round, link, note, grants_revision, at"
            " FROM deliverable_steps WHERE tenant_id = :keeper AND deliverable_id = :id ORDER BY sequence"
        ),
        {"keeper": piece.tenant_id, "id": piece.id},
    ).mappings()
    return tuple(StepRow(**row) for row in rows)


def take_step(
    session: Session,
    access: Access,
    piece: DeliverableRow,
    to: str,
    *,
    link: str | None = None,
    note: str | None = None,
    item_id: UUID | None = None,
    actor: str | None = None,
    grants_revision: bool = False,
) -> DeliverableRow:
    """Step: take a step of a deliverable, whichever party acts; returns it as it stands then.

    `actor` names who said it where somebody without a workspace did; without it, the member at work. Raises `NoStep`,
    `RevisionsUsedUp`, `ReleasedAlready`, and `Conflict` where the step is the other side's.
    """
    with _refused_in_words(piece, to):
        session.execute(
            text(
                """
                INSERT INTO deliverable_steps (tenant_id, deal_id, deliverable_id, sequence, from_state, to_state, side,
                                               actor_tenant_id, member_id, actor, round, link, note, item_id,
                                               grants_revision, at)
                VALUES (:keeper, :deal_id, :id, 0, '', :to, '', :tenant_id, :member_id, :actor, 0, :link, :note,
                        :item_id, :grants_revision, :now)
                """
            ),
            {
                "keeper": piece.tenant_id, "deal_id": piece.deal_id, "id": piece.id, "to": to,
                "tenant_id": access.tenant.id, "member_id": access.member.id,
                "actor": checked_words(actor, "name") or access.member.name, "link": checked_words(link, "link"),
                "note": checked_words(note, "note"), "item_id": item_id, "grants_revision": grants_revision,
                "now": access.clock.now(),
            },
        )  # fmt: skip
    done = "round_granted" if grants_revision else to
    access.audit(session, f"deliverable.{done}", piece.subject, deal=str(piece.deal_id), before=piece.state)
    [after] = read_deliverables(session, tenant_id=access.tenant.id, where="piece.id = :id", id=piece.id)
    return after


def checked_words(words: str | None, what: str) -> str | None:
    """Words of a person without blanks around them; None for none. `InvalidInput` for what no terminal should show."""
    kept = (words or "").replace("\r\n", "\n").strip()
    return readable(kept, what, most=_LONGEST_WORDS) or None


def deadlines(
    session: Session, *, tenant_id: UUID, today: date, within_days: int, deal_id: UUID | None = None
) -> tuple[DeliverableRow, ...]:
    """What is late, and what is due within days, the latest first. Cancelled and live pieces have no deadline left."""
    return read_deliverables(
        session, tenant_id=tenant_id,
        where="piece.due_on <= :until AND piece.state NOT IN ('live', 'checked', 'cancelled')"
        " AND (CAST(:deal_id AS uuid) IS NULL OR piece.deal_id = :deal_id)",
        until=today + timedelta(days=within_days), deal_id=deal_id,
    )  # fmt: skip


@contextlib.contextmanager
def _refused_in_words(piece: DeliverableRow, to: str) -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        known = _in_words(piece, to, constraint_of(error))
        if known is None:
            raise
        raise known from error


# What a refused step says, by the constraint that refused it.
_REFUSED: Mapping[str, tuple[type[EngagerrError], str, str]] = {
    "taker": (
        Conflict, "Whether {name} becomes {to} is for the other side to say.",
        "It has a workspace of its own here: `engagerr deliverable list` shows it what waits for it.",
    ),
    "funded": (
        Conflict, "Money is held for {name}, so it is not simply cancelled.",
        "Both sides sign an amendment that leaves it out: engagerr contract amend",
    ),
    "at": (
        Conflict, "The last step of {name} was taken at {since:%Y-%m-%d %H:%M:%S} UTC, which is later than now.",
        "Set the clock of this machine right.",
    ),
    "grants": (
        Conflict, "{name} is {state}: a round is granted while the brand has an answer to give.", "Submit it first.",
    ),
    "draft": (InvalidInput, "Nothing is submitted.", "Give --link to the draft, or --note."),
    "note": (InvalidInput, "Nobody would know what is to be changed.", "Say it with --note."),
}  # fmt: skip


def _in_words(piece: DeliverableRow, to: str, constraint: str | None) -> EngagerrError | None:
    own: dict[str, EngagerrError] = {
        "step": NoStep(piece, to), "revisions": RevisionsUsedUp(piece), "released": ReleasedAlready(piece),
    }  # fmt: skip
    which = (constraint or "").removeprefix("deliverable_steps_").removesuffix("_check")
    if which in own:
        return own[which]
    if which not in _REFUSED:
        return None
    kind, sentence, hint = _REFUSED[which]
    return kind(
        sentence.format(
            name=f"{piece.name} of {piece.deal!r}", to=said(to), state=said(piece.state), since=piece.state_since
        ),
        hint=hint, facts={"deliverable": str(piece.id), "state": piece.state, "to": to},
    )  # fmt: skip
