"""Differences between our books and the provider's: each explained, and adopted or decided by a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import Conflict, InvalidInput, NotFound
from engagerr.core.events import open_task, resolve_tasks
from engagerr.core.money import Money
from engagerr.core.payments.held.approvals import (
    ADOPTION,
    ask_about,
    carry_out_about,
    end_about,
    ended_about,
    refuse_other_amount,
)
from engagerr.core.payments.held.movement_rows import MovementRow
from engagerr.core.payments.held.movements import decide as decide_movement
from engagerr.core.payments.reconciling import adoption
from engagerr.core.payments.reconciling.difference_kinds import KINDS, Sides
from engagerr.core.payments.reconciling.restoring import NeedsAPerson, freeze
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.db import Session
    from engagerr.core.payments.stripe_gateway import StripeGateway

STATES = ("open", "adopted", "explained", "dismissed", "cleared")
TASK = "difference.open"
_MOST = 1_000


@dataclass(frozen=True, slots=True)
class Difference:
    """One object on which the two sides do not agree.

    `account` is empty for our own balance, else the connected account. `ours` and `theirs`: what each side moved, fees
    taken off; None: it has nothing of it. `state`: open; adopted (the books say now what the provider says); explained
    and dismissed (a person said why, or it is on its way); cleared (a later run no longer found it). `asked` is the
    movement that waits for a second person, where `adopt` has just asked for it.
    """

    id: UUID
    kind: str
    title: str
    state: str
    account: str
    object_id: str
    subject: str | None
    currency: str
    ours: Money | None
    theirs: Money | None
    explanation: str
    advice: str
    happened_at: datetime | None
    found_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None
    asked: MovementRow | None = None


class Differences:
    """What reconciliation found, and what became of it."""

    def __init__(self, access: Access, gateway: Callable[[], StripeGateway]) -> None:
        self._access = access
        self._gateway = gateway

    def list(
        self, *, state: str | None = "open", kind: str | None = None, after: UUID | None = None, limit: int = 100
    ) -> tuple[Difference, ...]:
        """Differences in one state (None: in any), the oldest first; `after` is the last one of the page before."""
        if state is not None and state not in STATES:
            raise InvalidInput(f"No difference is {state!r}.", hint=f"One of: {', '.join(STATES)}.")
        if kind is not None and kind not in KINDS:
            raise InvalidInput(f"There is no kind {kind!r}.", hint=f"One of: {', '.join(KINDS)}.")
        if not 1 <= limit <= _MOST:
            raise InvalidInput(f"A page of {limit} is not possible.", hint=f"From 1 to {_MOST}.")
        with self._access.transaction(Permission.READ_MONEY) as session:
            rows = read_rows(
                session, self._access,
                "(CAST(:state AS text) IS NULL OR difference.state = :state)"
                " AND (CAST(:kind AS text) IS NULL OR difference.kind = :kind)"
                " AND (CAST(:after AS uuid) IS NULL OR difference.id > :after)",
                limit=limit, state=state, kind=kind, after=after,
            )  # fmt: skip
            return tuple(difference_of(row) for row in rows)

    def show(self, difference: str | UUID) -> Difference:
        """One difference, by its id, the end of it, or the provider's object."""
        with self._access.transaction(Permission.READ_MONEY) as session:
            return difference_of(_find(session, self._access, difference))

    def adopt(self, difference: str | UUID, *, reason: str | None = None) -> Difference:
        """Make the books say what the provider says.

        Where the provider alone says how it is to be booked, it is asked and that is booked, as a run does by itself.
        For all others a person says with a `reason` that the provider is right, and what is left over is booked against
        suspense: within their limit, and from `payments.four_eyes_minor` on once a second person has approved it.
        """
        with self._access.transaction(Permission.RELEASE) as session:
            row = _find(session, self._access, difference)
        _refuse_decided(row)
        words = (reason or "").strip()
        adopted = self._adopt_on_a_word(row, words) if words else adopt_row(self._access, self._gateway, row)
        with self._access.transaction(Permission.READ_MONEY) as session:
            keep_tasks(session, self._access)
        return adopted

    def _adopt_on_a_word(self, row: Row[Any], reason: str) -> Difference:
        """Book it because a person says so, or ask a second one; a person who booked it alone is who they are."""
        access = self._access
        try:
            with access.transaction(Permission.RELEASE) as session:
                held = _find(session, access, row.id, lock=True)
                _refuse_decided(held)
                subject = f"difference:{held.id}"
                asked = ask_about(
                    session, access, kind=ADOPTION, subject=subject, title=f"{KINDS[held.kind].title}, {_what(held)}",
                    amount=_shifted(held), key=f"adoption:{held.id}:{ended_about(session, access, subject)}",
                    reason=reason, request={"difference": str(held.id)},
                )  # fmt: skip
                if asked.needs_second:
                    return replace(difference_of(held), asked=asked)
                carry_out_about(
                    session, access, decide_movement(session, access, asked, state="approved", by=access.member.id)
                )
                return difference_of(_find(session, access, held.id))
        except NeedsAPerson as error:
            if row.kind == "older_books":
                with access.transaction(Permission.RELEASE) as session:
                    freeze(session, access, row.subject, error.message)
            raise

    def dismiss(self, difference: str | UUID, *, reason: str, explained: bool = False) -> Difference:
        """Leave the books as they are, and say why. The same difference does not come up again.

        `explained`: both sides are right, and the reason says how; else it is simply not to be pursued.
        """
        words = reason.strip()
        if not words:
            raise InvalidInput("A difference is not dismissed without a reason.", hint="Say why: --reason …")
        with self._access.transaction(Permission.RELEASE) as session:
            row = _find(session, self._access, difference, lock=True)
            _refuse_decided(row)
            decide(session, self._access, row, state="explained" if explained else "dismissed", reason=words)
            keep_tasks(session, self._access)
            return difference_of(_find(session, self._access, row.id))


def adopt_row(access: Access, gateway: Callable[[], StripeGateway], row: Row[Any]) -> Difference:
    """Take one difference over with nobody's word: only what the provider alone can say."""
    kind = KINDS[row.kind]
    own_bank = bool(row.facts.get("own_bank"))
    converges = kind.adopts == "converge" or (row.kind == "in_flight" and row.facts.get("operation_kind"))
    told = None
    if converges and not own_bank:
        told = adoption.ask(access, gateway(), row)
    elif not (kind.adopts == "book" or own_bank):
        raise NeedsAPerson(
            f"{difference_of(row).explanation} The provider alone does not say how it is to be booked.",
            hint=kind.advice if kind.adopts == "no" else "Give a --reason to book the rest to suspense.",
            facts={"difference": str(row.id), "kind": row.kind},
        )
    try:
        with access.transaction(Permission.RELEASE) as session:
            held = _find(session, access, row.id, lock=True)
            if held.state not in ("open", "explained"):
                return difference_of(held)
            if told is not None:
                done = adoption.take_over(session, access, held, told)
            else:
                done = adoption.book_rest(session, access, held, against="own_bank" if own_bank else "suspense")
            decide(session, access, held, state="adopted", reason=done)
            return difference_of(_find(session, access, row.id))
    except NeedsAPerson as error:
        if row.kind == "older_books":
            with access.transaction(Permission.RELEASE) as session:
                freeze(session, access, row.subject, error.message)
        raise


def book_approved(session: Session, access: Access, movement: MovementRow, request: Mapping[str, Any]) -> None:
    """Step: book a difference as one person said and, of a large one, another approved. `Conflict` if it changed."""
    held = _find(session, access, str(request["difference"]), lock=True)
    _refuse_decided(held)
    refuse_other_amount(movement, _shifted(held))
    adoption.book_rest(session, access, held, against="own_bank" if held.facts.get("own_bank") else "suspense")
    decide(session, access, held, state="adopted", reason=movement.reason or "")
    end_about(session, access, movement.id, well=True, words="Booked as the provider says")
    keep_tasks(session, access)


def _shifted(row: Row[Any]) -> Money:
    """How much booking it shifts: the larger of what comes and what goes, in the currency in which that is most."""
    comes: dict[str, int] = {}
    goes: dict[str, int] = {}
    for place in row.facts.get("places", ()):
        for more in (place["theirs_gross"] - place["ours_gross"], place["ours_fee"] - place["theirs_fee"]):
            side = comes if more > 0 else goes
            side[place["currency"]] = side.get(place["currency"], 0) + abs(more)
    minor, currency = max(((max(comes.get(one, 0), goes.get(one, 0)), one) for one in {*comes, *goes}), default=(0, ""))
    if not minor:
        raise NeedsAPerson(
            f"There is nothing to be booked about {row.object_id}.", hint="Explain it: engagerr payment dismiss"
        )
    return Money(minor, currency)


def decide(session: Session, access: Access, row: Row[Any], *, state: str, reason: str) -> None:
    """Write down what became of a difference."""
    session.execute(
        text(
            "UPDATE differences SET state = :state, reason = :reason, decided_at = :now, member_id = :member_id"
            " WHERE tenant_id = :tenant_id AND id = :id"
        ),
        {
            "tenant_id": access.tenant.id, "id": row.id, "state": state, "reason": reason,
            "now": access.clock.now(), "member_id": access.member.id,
        },
    )  # fmt: skip
    access.audit(
        session, f"difference.{state}", f"difference:{row.id}", kind=row.kind, object=row.object_id, reason=reason,
        ours=row.ours_minor, theirs=row.theirs_minor, currency=row.currency,
    )  # fmt: skip


def keep_tasks(session: Session, access: Access) -> None:
    """One open task for each kind of difference that waits for a person, however many there are of it."""
    tenant_id, now = access.tenant.id, access.clock.now()
    waiting = {
        row.kind: row.number
        for row in session.execute(
            text(
                "SELECT kind, count(*) AS number FROM differences WHERE tenant_id = :tenant_id AND state = 'open'"
                " GROUP BY kind"
            ),
            {"tenant_id": tenant_id},
        )
    }
    for name, kind in KINDS.items():
        number = waiting.get(name, 0)
        if number:
            open_task(
                session, tenant_id=tenant_id, kind=TASK, about=tenant_id, subject=name,
                message=f"{number:,} {'difference waits' if number == 1 else 'differences wait'} between our books and"
                f" the provider's: {kind.title}.",
                hint=f"engagerr payment differences --kind {name}", now=now,
            )  # fmt: skip
        else:
            resolve_tasks(session, tenant_id=tenant_id, kind=TASK, about=tenant_id, subject=name, now=now)


def read_rows(session: Session, access: Access, where: str, *, limit: int, **values: object) -> tuple[Row[Any], ...]:
    """Rows of differences, the oldest first; `where` is SQL of ours about `difference`."""
    return tuple(
        session.execute(
            text(
                f"""
                SELECT difference.*, member.name AS decided_by FROM differences AS difference
                LEFT JOIN members AS member
                  ON member.tenant_id = difference.tenant_id AND member.id = difference.member_id
                WHERE difference.tenant_id = :tenant_id AND ({where}) ORDER BY difference.id LIMIT :limit
                """  # noqa: S608  `where` is a constant of this package
            ),
            {"tenant_id": access.tenant.id, "limit": limit, **values},
        ).all()
    )


def difference_of(row: Row[Any]) -> Difference:
    """A row as the value that everybody is given, with its sentence."""
    kind = KINDS[row.kind]
    ours = None if row.ours_minor is None else Money(row.ours_minor, row.currency)
    theirs = None if row.theirs_minor is None else Money(row.theirs_minor, row.currency)
    sides = Sides(_what(row), row.currency, ours, theirs, row.facts)
    return Difference(
        id=row.id, kind=row.kind, title=kind.title, state=row.state, account=row.account, object_id=row.object_id,
        subject=row.subject, currency=row.currency, ours=ours, theirs=theirs, explanation=kind.sentence(sides),
        advice=kind.advice, happened_at=row.happened_at, found_at=row.found_at, decided_at=row.decided_at,
        decided_by=row.decided_by, reason=row.reason,
    )  # fmt: skip


def _what(row: Row[Any]) -> str:
    """The thing in words: what kind of act it is, of which object, for what."""
    facts = row.facts
    name = facts.get("provider_id") or next(iter(facts.get("sources", ())), None)
    if name is None:
        name = next(iter(facts.get("keys", ())), row.object_id) if row.object_id.startswith("key:") else row.object_id
    act = facts.get("operation_kind") or next(iter(facts.get("line_kinds", ())), "")
    words = " ".join(part for part in (act.replace("_", " "), name) if part)
    return f"the {words}" + (f" for {row.subject}" if row.subject else "") if act else words


def _find(session: Session, access: Access, word: str | UUID, *, lock: bool = False) -> Row[Any]:
    wanted = str(word).strip()
    rows = read_rows(
        session, access,
        "difference.id::text = lower(:word) OR difference.object_id = :word OR length(:word) >= 6"
        " AND right(difference.id::text, length(:word)) = lower(:word)",
        limit=3, word=wanted,
    )  # fmt: skip
    rows = tuple(row for row in rows if row.state == "open") or rows if len(rows) > 1 else rows
    if not rows:
        raise NotFound(
            f"There is no difference {wanted!r}.", hint="`engagerr payment differences` lists them.",
            facts={"difference": wanted},
        )  # fmt: skip
    if len(rows) > 1:
        raise InvalidInput(
            f"{wanted!r} names several differences.",
            hint="Name one by the end of its id: " + ", ".join(str(row.id)[-12:] for row in rows),
        )
    if lock:
        session.execute(
            text("SELECT FROM differences WHERE tenant_id = :tenant_id AND id = :id FOR UPDATE"),
            {"tenant_id": access.tenant.id, "id": rows[0].id},
        )
        return read_rows(session, access, "difference.id = :id", limit=1, id=rows[0].id)[0]
    return rows[0]


def _refuse_decided(row: Row[Any]) -> None:
    if row.state != "open":
        raise Conflict(
            f"The difference about {row.object_id} is {row.state} already.",
            hint="The next run opens it again if it still stands.",
            facts={"difference": str(row.id), "state": row.state},
        )
