"""Creators set aside for a brief: with the score of that day, what became of them, and what is otherwise by now."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import Conflict, InvalidInput, NotFound
from engagerr.core.matching.briefs import BriefRow, find_brief
from engagerr.core.matching.fitting import signals_of
from engagerr.core.matching.kept_scores import KeptScore, Moved, document_of, kept_of, moved
from engagerr.core.matching.weights import weights_version
from engagerr.core.roster import find_creator
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.matching.matching import Explanation, Matching

STATES = ("candidate", "pitched", "won", "lost", "dropped")
_OUTCOMES = ("won", "lost")
_MOST_NAME = 120
_NAMED = 5


@dataclass(frozen=True, slots=True)
class ShortlistRow:
    """A shortlist, its brief, and how many of its creators are in which state."""

    id: UUID
    name: str
    brief_id: UUID | None
    brief: str | None
    entries: int
    states: Mapping[str, int]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """A creator on a shortlist. `then` is the score when they were added, `pitched` when they were pitched, `now` now.

    `changes` are the signals that moved from `then` to `now`; whom the brief rules out now has none to hold against
    those of then. Without a brief there are no scores.
    """

    creator_id: UUID
    creator: str
    state: str
    note: str | None
    reason: str | None
    added_at: datetime
    decided_at: datetime | None
    do_not_pitch: bool
    then: KeptScore | None
    pitched: KeptScore | None
    now: KeptScore | None
    changes: tuple[Moved, ...]


@dataclass(frozen=True, slots=True)
class Shortlist:
    """A shortlist with its entries, the best score of the day they were added first. `added` is how many just came."""

    row: ShortlistRow
    entries: tuple[Entry, ...]
    added: int = 0


@dataclass(frozen=True, slots=True)
class Decided:
    """What an entry became. `counted`: the outcome is kept for the weights, which takes a brief and a score.

    `withdrawn`: an outcome that was kept before counts no longer.
    """

    shortlist: str
    creator: str
    before: str
    state: str
    reason: str | None
    counted: bool
    withdrawn: bool = False


class Shortlists:
    """The shortlists of this workspace."""

    def __init__(self, access: Access, matching: Matching) -> None:
        self._access = access
        self._matching = matching

    def create(self, name: str, brief: str | None = None) -> ShortlistRow:
        """Make a shortlist, for a kept brief (its title or id). One that is there for the same brief stays as it is."""
        called = " ".join(name.split())
        if not called or len(called) > _MOST_NAME:
            raise InvalidInput(f"{name!r} is no name of a shortlist.", hint=f"Give 1 to {_MOST_NAME} characters.")
        with self._access.transaction(Permission.EDIT_BRIEFS) as session:
            wanted = None if brief is None else find_brief(session, brief, tenant_id=self._access.tenant.id)
            made = session.execute(
                text(
                    "INSERT INTO shortlists (tenant_id, name, brief_id, created_at)"
                    " VALUES (:tenant_id, :name, :brief_id, :now) ON CONFLICT DO NOTHING RETURNING id"
                ),
                {
                    "tenant_id": self._access.tenant.id, "name": called,
                    "brief_id": wanted.id if wanted else None, "now": self._access.clock.now(),
                },
            ).scalar_one_or_none()  # fmt: skip
            row = self._row(session, called)
            if made is not None:
                self._access.audit(session, "shortlist.created", f"shortlist {made}", name=called, brief=row.brief)
            elif row.brief_id != (wanted.id if wanted else None):
                raise Conflict(
                    f"There is a shortlist {row.name!r} already, for {row.brief or 'no brief'}.",
                    hint="Give this one another name.",
                    facts={"shortlist": row.name, "brief": row.brief},
                )
            return row

    def add(self, name: str, creators: Sequence[str], *, note: str | None = None) -> Shortlist:
        """Put creators on a shortlist, by name or id, with their score of today. Who is on it stays as they are.

        Whom the brief rules out can be added too; the entry says what they break.
        """
        row, brief = self._open(name)
        with self._access.transaction(Permission.READ) as session:
            ids = [str(find_creator(session, creator)[0]) for creator in dict.fromkeys(creators)]
        return self._add(row, brief, ids, note)

    def fill(self, name: str, limit: int = 10) -> Shortlist:
        """Put the best `limit` matches of its brief on a shortlist, as far as they are not on it."""
        row, brief = self._open(name)
        if brief is None:
            raise InvalidInput(
                f"The shortlist {row.name!r} has no brief to fill it by.",
                hint="Add creators by name, or make a shortlist for a brief.",
                facts={"shortlist": row.name},
            )
        ids = [str(match.creator_id) for match in self._matching.find(brief.brief, limit=limit).results]
        return self._add(row, brief, ids, None)

    def list(self) -> tuple[ShortlistRow, ...]:
        """The shortlists, the newest first."""
        with self._access.transaction(Permission.READ) as session:
            return _rows(session, self._access.tenant.id)

    def show(self, name: str) -> Shortlist:
        """A shortlist with its entries: the score then and now, and which signals moved."""
        row, brief = self._open(name)
        with self._access.transaction(Permission.READ_TERMS) as session:
            held = [str(entry.creator_id) for entry in _entries(session, self._access.tenant.id, row.id)]
        return self._shown(row.name, self._explained(brief, held))

    def note(self, name: str, creator: str, note: str | None) -> Shortlist:
        """Write a note beside a creator, in place of the one that was there; None takes it away."""
        with self._access.transaction(Permission.EDIT_BRIEFS) as session:
            row = self._row(session, name)
            entry = self._entry(session, row, creator)
            self._update(session, row, entry.creator_id, {"note": note})
        return self.show(row.name)

    def set_state(self, name: str, creator: str, state: str, *, reason: str | None = None) -> Decided:
        """Say what became of a creator: candidate, pitched, won, lost or dropped.

        To pitch keeps the score of that moment; nobody is pitched who is not to be (`Conflict`). Won and lost are kept
        for the weights with the score as it stood when they were pitched, or else when they were added; who changes
        their mind writes another outcome, and the newest counts; back to any other state, none does.
        """
        if state not in STATES:
            raise InvalidInput(f"There is no state {state!r} of an entry.", hint=f"Choose one of {', '.join(STATES)}.")
        scored = self._pitch_score(name, creator) if state == "pitched" else None
        with self._access.transaction(Permission.EDIT_BRIEFS) as session:
            row = self._row(session, name)
            entry = self._entry(session, row, creator)
            if state == "pitched" and entry.do_not_pitch:
                raise _not_to_be_pitched(entry.creator)
            values: dict[str, Any] = {"state": state, "reason": reason, "decided_at": self._access.clock.now()}
            document = dict(entry.score or {})
            if scored is not None:
                document["pitched"] = scored
                values["score"] = json.dumps(document)
            self._update(session, row, entry.creator_id, values)
            counted = state in _OUTCOMES and (state, reason) != (entry.state, entry.reason)
            if counted:
                counted = self._keep_outcome(session, row, entry, state, reason)
            withdrawn = entry.state in _OUTCOMES and state not in _OUTCOMES
            if withdrawn:
                withdrawn = self._keep_outcome(session, row, entry, "withdrawn", reason)
            self._access.audit(
                session, f"shortlist.{state}", f"creator {entry.creator_id}", shortlist=row.name, reason=reason
            )
            return Decided(row.name, entry.creator, entry.state, state, reason, counted, withdrawn)

    def remove_entry(self, name: str, creator: str) -> Shortlist:
        """Take a creator off a shortlist. What was won or lost with them stays kept."""
        with self._access.transaction(Permission.EDIT_BRIEFS) as session:
            row = self._row(session, name)
            entry = self._entry(session, row, creator)
            session.execute(
                text(
                    "DELETE FROM shortlist_entries WHERE tenant_id = :tenant_id AND shortlist_id = :shortlist_id"
                    " AND creator_id = :creator_id"
                ),
                {"tenant_id": self._access.tenant.id, "shortlist_id": row.id, "creator_id": entry.creator_id},
            )
            self._access.audit(session, "shortlist.entry_removed", f"creator {entry.creator_id}", shortlist=row.name)
        return self.show(row.name)

    def remove(self, name: str) -> ShortlistRow:
        """Remove a shortlist and its entries. Outcomes stay kept."""
        with self._access.transaction(Permission.EDIT_BRIEFS) as session:
            row = self._row(session, name)
            values = {"tenant_id": self._access.tenant.id, "id": row.id}
            session.execute(
                text("DELETE FROM shortlist_entries WHERE tenant_id = :tenant_id AND shortlist_id = :id"), values
            )
            session.execute(text("DELETE FROM shortlists WHERE tenant_id = :tenant_id AND id = :id"), values)
            self._access.audit(session, "shortlist.removed", f"shortlist {row.id}", name=row.name)
            return row

    # Steps

    def _open(self, name: str) -> tuple[ShortlistRow, BriefRow | None]:
        with self._access.transaction(Permission.READ) as session:
            row = self._row(session, name)
            if row.brief_id is None:
                return row, None
            return row, find_brief(session, str(row.brief_id), tenant_id=self._access.tenant.id)

    def _explained(self, brief: BriefRow | None, ids: Sequence[str]) -> dict[UUID, Explanation]:
        """The scores of these creators now. Matching has transactions of its own, so it is asked outside of any."""
        if brief is None or not ids:
            return {}
        return {one.creator_id: one for one in self._matching.compare(brief.brief, ids)}

    def _add(self, row: ShortlistRow, brief: BriefRow | None, ids: Sequence[str], note: str | None) -> Shortlist:
        with self._access.transaction(Permission.EDIT_BRIEFS) as session:
            held = [str(entry.creator_id) for entry in _entries(session, self._access.tenant.id, row.id)]
        # All at once: to rank the candidates of a brief takes as long for one creator as for fifty.
        scored = self._explained(brief, list(dict.fromkeys((*held, *ids))))
        now = self._access.clock.now()
        with self._access.transaction(Permission.EDIT_BRIEFS) as session:
            version = weights_version(session, tenant_id=self._access.tenant.id)
            added = 0
            for creator in ids:
                found = scored.get(UUID(creator))
                document = None if found is None else json.dumps(document_of(found, weights=version, at=now))
                added += session.execute(
                    text(
                        "INSERT INTO shortlist_entries (tenant_id, shortlist_id, creator_id, note, score, added_at)"
                        " VALUES (:tenant_id, :shortlist_id, :creator_id, :note, CAST(:score AS jsonb), :now)"
                        " ON CONFLICT DO NOTHING RETURNING 1"
                    ),
                    {
                        "tenant_id": self._access.tenant.id, "shortlist_id": row.id, "creator_id": creator,
                        "note": note, "score": document, "now": now,
                    },
                ).scalar_one_or_none() or 0  # fmt: skip
            if added:
                self._access.audit(session, "shortlist.added", f"shortlist {row.id}", name=row.name, added=added)
        return self._shown(row.name, scored, added=added)

    def _shown(self, name: str, scored: Mapping[UUID, Explanation], *, added: int = 0) -> Shortlist:
        # Scores are made of rates as well.
        with self._access.transaction(Permission.READ_TERMS) as session:
            row = self._row(session, name)
            held = _entries(session, self._access.tenant.id, row.id)
            version = weights_version(session, tenant_id=self._access.tenant.id)
        at = self._access.clock.now()
        entries = []
        for entry in held:
            found = scored.get(entry.creator_id)
            now = None if found is None else kept_of(document_of(found, weights=version, at=at))
            then = kept_of(entry.score)
            entries.append(
                Entry(
                    creator_id=entry.creator_id,
                    creator=entry.creator,
                    state=entry.state,
                    note=entry.note,
                    reason=entry.reason,
                    added_at=entry.added_at,
                    decided_at=entry.decided_at,
                    do_not_pitch=entry.do_not_pitch,
                    then=then,
                    pitched=kept_of((entry.score or {}).get("pitched")),
                    now=now,
                    changes=() if then is None or now is None or now.broken else moved(then, now),
                )
            )
        entries.sort(key=lambda one: (-(one.then.score or 0.0) if one.then else 0.0, one.creator.casefold()))
        return Shortlist(row, tuple(entries), added)

    def _pitch_score(self, name: str, creator: str) -> dict[str, Any] | None:
        row, brief = self._open(name)
        with self._access.transaction(Permission.READ) as session:
            entry = self._entry(session, row, creator)
            version = weights_version(session, tenant_id=self._access.tenant.id)
        if entry.do_not_pitch:
            raise _not_to_be_pitched(entry.creator)
        if entry.state == "pitched":
            # The score of the pitch stands.
            return None
        found = self._explained(brief, [str(entry.creator_id)]).get(entry.creator_id)
        if found is None or found.match is None:
            return None
        return document_of(found, weights=version, at=self._access.clock.now())

    def _keep_outcome(self, session: Session, row: ShortlistRow, entry: Any, state: str, reason: str | None) -> bool:
        document = (entry.score or {}).get("pitched") or entry.score
        if row.brief_id is None or not document:
            return False
        session.execute(
            text(
                "INSERT INTO match_outcomes (tenant_id, brief_id, creator_id, outcome, reason, score, at)"
                " VALUES (:tenant_id, :brief_id, :creator_id, :outcome, :reason, CAST(:score AS jsonb), :now)"
            ),
            {
                "tenant_id": self._access.tenant.id, "brief_id": row.brief_id, "creator_id": entry.creator_id,
                "outcome": state, "reason": reason, "now": self._access.clock.now(),
                "score": json.dumps({key: value for key, value in document.items() if key != "pitched"}),
            },
        )  # fmt: skip
        return bool(signals_of(document))

    def _row(self, session: Session, name: str) -> ShortlistRow:
        rows = _rows(session, self._access.tenant.id)
        wanted = " ".join(name.split()).casefold()
        for row in rows:
            if wanted in (row.name.casefold(), str(row.id)):
                return row
        raise NotFound(
            f"There is no shortlist {name!r}.",
            hint=f"There are: {', '.join(row.name for row in rows[:_NAMED])}."
            if rows
            else "Make one: engagerr match shortlist --brief FILE --name NAME",
            facts={"shortlist": name},
        )

    def _entry(self, session: Session, row: ShortlistRow, creator: str) -> Any:
        creator_id, name = find_creator(session, creator)
        for entry in _entries(session, self._access.tenant.id, row.id):
            if entry.creator_id == creator_id:
                return entry
        raise NotFound(
            f"{name} is not on the shortlist {row.name!r}.",
            hint=f'Add them: engagerr shortlist add "{row.name}" "{name}"',
            facts={"shortlist": row.name, "creator": name},
        )

    def _update(self, session: Session, row: ShortlistRow, creator_id: UUID, values: Mapping[str, Any]) -> None:
        sets = ", ".join(
            f"{name} = CAST(:{name} AS jsonb)" if name == "score" else f"{name} = :{name}" for name in values
        )
        session.execute(
            text(
                f"UPDATE shortlist_entries SET {sets} WHERE tenant_id = :tenant_id"  # noqa: S608  names from above
                " AND shortlist_id = :shortlist_id AND creator_id = :creator_id"
            ),
            {
                **values, "tenant_id": self._access.tenant.id, "shortlist_id": row.id, "creator_id": creator_id,
            },
        )  # fmt: skip


def _rows(session: Session, tenant_id: UUID) -> tuple[ShortlistRow, ...]:
    rows = session.execute(
        text(
            "SELECT list.id, list.name, list.brief_id, brief.title AS brief, list.created_at,"
            " coalesce(sum(held.entries), 0)::int AS entries,"
            " coalesce(jsonb_object_agg(held.state, held.entries) FILTER (WHERE held.state IS NOT NULL), '{}')"
            "   AS states"
            " FROM shortlists AS list"
            " LEFT JOIN briefs AS brief ON brief.tenant_id = list.tenant_id AND brief.id = list.brief_id"
            " LEFT JOIN (SELECT shortlist_id, state, count(*)::int AS entries FROM shortlist_entries"
            "   WHERE tenant_id = :tenant_id GROUP BY shortlist_id, state) AS held ON held.shortlist_id = list.id"
            " WHERE list.tenant_id = :tenant_id"
            " GROUP BY list.id, list.name, list.brief_id, brief.title, list.created_at"
            " ORDER BY list.created_at DESC, list.id DESC"
        ),
        {"tenant_id": tenant_id},
    )
    return tuple(
        ShortlistRow(
            row.id, row.name, row.brief_id, row.brief, row.entries,
            {state: row.states[state] for state in STATES if state in row.states}, row.created_at,
        )
        for row in rows
    )  # fmt: skip


def _entries(session: Session, tenant_id: UUID, shortlist_id: UUID) -> Sequence[Any]:
    return session.execute(
        text(
            "SELECT entry.*, creator.name AS creator, creator.do_not_pitch"
            " FROM shortlist_entries AS entry JOIN creators AS creator"
            "   ON creator.tenant_id = entry.tenant_id AND creator.id = entry.creator_id"
            " WHERE entry.tenant_id = :tenant_id AND entry.shortlist_id = :shortlist_id"
            " ORDER BY entry.added_at, creator.name, creator.id"
        ),
        {"tenant_id": tenant_id, "shortlist_id": shortlist_id},
    ).all()


def _not_to_be_pitched(creator: str) -> Conflict:
    return Conflict(
        f"{creator} is not to be pitched.",
        hint=f'See why: engagerr creator show "{creator}"',
        facts={"creator": creator},
    )
