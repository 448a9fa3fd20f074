"""Notes on creators: what people of one workspace tell each other. Nothing of them leaves it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.roster import find_creator
from engagerr.core.tenancy import Permission

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.db import Session

MOST_LETTERS = 4000


@dataclass(frozen=True, slots=True)
class Note:
    """A note on a creator, and who wrote it."""

    id: UUID
    creator_id: UUID
    creator: str
    text: str
    member: str
    written_at: datetime


_NOTES = """
SELECT note.id, note.creator_id, creator.name AS creator, note.body AS text, member.name AS member, note.written_at
FROM creator_notes AS note
JOIN creators AS creator ON creator.tenant_id = note.tenant_id AND creator.id = note.creator_id
JOIN members AS member ON member.tenant_id = note.tenant_id AND member.id = note.member_id
WHERE note.tenant_id = :tenant_id AND note.removed_at IS NULL
  AND (CAST(:creator_id AS uuid) IS NULL OR note.creator_id = :creator_id)
  AND (CAST(:id AS uuid) IS NULL OR note.id = :id)
ORDER BY note.written_at DESC, note.id DESC
LIMIT :limit
"""


def add(work: Workspace, creator: str | UUID, body: str) -> Note:
    """Write a note on a creator (by id or exact name); `InvalidInput` without words, or with more than 4,000 letters.

    The audit log says that a note was written, and not what it says.
    """
    words = body.replace("\x00", "").strip()
    if not words:
        raise InvalidInput("The note says nothing.", hint="Write a word or two.")
    if len(words) > MOST_LETTERS:
        raise InvalidInput(
            f"The note has {len(words):,} letters; {MOST_LETTERS:,} is the most.", hint="Write two notes of it."
        )
    access = work.access
    with access.transaction(Permission.EDIT_ROSTER) as session:
        creator_id, _ = find_creator(session, str(creator))
        made = session.execute(
            text(
                "INSERT INTO creator_notes (tenant_id, creator_id, body, member_id, written_at)"
                " VALUES (:tenant_id, :creator_id, :body, :member_id, :now) RETURNING id"
            ),
            {
                "tenant_id": access.tenant.id, "creator_id": creator_id, "body": words, "member_id": access.member.id,
                "now": access.clock.now(),
            },
        ).scalar_one()  # fmt: skip
        access.audit(session, "note.added", f"creator:{creator_id}", note=str(made))
        return read(session, tenant_id=access.tenant.id, note_id=made)[0]


def list_notes(work: Workspace, creator: str | UUID | None = None, *, limit: int = 200) -> tuple[Note, ...]:
    """The notes that stand, newest first: of everybody, or on one creator."""
    with work.access.transaction(Permission.READ) as session:
        creator_id = None if creator is None else find_creator(session, str(creator))[0]
        return read(session, tenant_id=work.access.tenant.id, creator_id=creator_id, limit=limit)


def remove(work: Workspace, note: str | UUID) -> Note:
    """Take a note off its page; the row stays, marked. `NotFound` for one that is not there, or no more."""
    access = work.access
    with access.transaction(Permission.EDIT_ROSTER) as session:
        found = read(session, tenant_id=access.tenant.id, note_id=wanted) if (wanted := _id_of(note)) else ()
        # Of two who remove it at once, one does.
        removed = found and session.execute(
            text(
                "UPDATE creator_notes SET removed_at = :now, removed_by = :member_id"
                " WHERE tenant_id = :tenant_id AND id = :id AND removed_at IS NULL"
            ),
            {
                "tenant_id": access.tenant.id, "id": wanted, "now": access.clock.now(), "member_id": access.member.id,
            },
        ).rowcount  # fmt: skip
        if not removed:
            raise NotFound(f"There is no note {note}.", hint="It may have been removed already.")
        access.audit(session, "note.removed", f"creator:{found[0].creator_id}", note=str(wanted))
        return found[0]


def read(
    session: Session, *, tenant_id: UUID, creator_id: UUID | None = None, note_id: UUID | None = None, limit: int = 200
) -> tuple[Note, ...]:
    """Step: notes that stand, newest first."""
    rows = session.execute(
        text(_NOTES), {"tenant_id": tenant_id, "creator_id": creator_id, "id": note_id, "limit": limit}
    )
    return tuple(Note(*row) for row in rows)


def _id_of(word: str | UUID) -> UUID | None:
    try:
        return UUID(str(word))
    except ValueError:
        return None
