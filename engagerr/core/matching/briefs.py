"""Briefs that a workspace keeps: read from a file or from plain words, opened, closed, and asked again later."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.ai.tasks import BriefText, StructuredBrief, TaskName
from engagerr.core.errors import Conflict, InvalidInput, NotFound
from engagerr.core.matching.brief_file import Brief, brief_of
from engagerr.core.money import Money
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from sqlalchemy import Row

    from engagerr.core.ai.ai import Ai
    from engagerr.core.db import Session

_STATES = ("draft", "open", "closed")
_MOST_IN_A_TITLE = 200


@dataclass(frozen=True, slots=True)
class BriefRow:
    """A brief that is kept; `state` is draft, open or closed."""

    id: UUID
    title: str
    brief: Brief
    state: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Structured:
    """What a model made of a brief's words, to be read by a person before it is used, and which model it was."""

    brief: Brief
    by: str


class Briefs:
    """The briefs of this workspace."""

    def __init__(self, access: Access, *, ai: Callable[[], Ai]) -> None:
        self._access = access
        self._ai = ai

    def structure(self, words: str) -> Structured:
        """Fill a brief from plain words. What they do not say stays open; the words themselves are kept as its text."""
        if not words.strip():
            raise InvalidInput("There are no words to make a brief of.", hint="Write what the brand looks for.")
        today = self._access.clock.now().date().isoformat()
        [answer] = self._ai().run(TaskName.BRIEF, [BriefText(text=words, today=today)]).answers
        assert isinstance(answer.output, StructuredBrief)
        return Structured(_brief_from(answer.output, words), f"{answer.provider}/{answer.model}")

    def add(self, brief: Brief, *, state: str = "open") -> BriefRow:
        """Keep a brief. One of the same title and content stays as it is; another one of that title is a `Conflict`."""
        _check_state(state)
        brief = _as_a_file_says(brief)
        with self._access.transaction(Permission.EDIT_BRIEFS) as session:
            found = session.execute(
                text(
                    "INSERT INTO briefs (tenant_id, title, document, brand, state, created_at, updated_at)"
                    " VALUES (:tenant_id, :title, CAST(:document AS jsonb), :brand, :state, :now, :now)"
                    " ON CONFLICT DO NOTHING RETURNING *"
                ),
                self._values(brief, state),
            ).one_or_none()
            if found is not None:
                self._access.audit(session, "brief.added", f"brief {found.id}", title=brief.title)
                return _row(found)
            there = find_brief(session, brief.title, tenant_id=self._access.tenant.id)
            if there.brief != brief:
                raise Conflict(
                    f"There is a brief {there.title!r} already, and it says something else.",
                    hint="Give this one another title, or replace that one: engagerr brief edit.",
                    facts={"brief": str(there.id), "title": there.title},
                )
            return there

    def edit(self, name: str, brief: Brief) -> BriefRow:
        """Replace what a brief says. `Conflict` if another one has the title that it would have."""
        brief = _as_a_file_says(brief)
        with self._access.transaction(Permission.EDIT_BRIEFS) as session:
            before = find_brief(session, name, tenant_id=self._access.tenant.id)
            found = session.execute(
                text(
                    "UPDATE briefs SET title = :title, document = CAST(:document AS jsonb), brand = :brand,"
                    " updated_at = :now WHERE tenant_id = :tenant_id AND id = :id AND NOT EXISTS ("
                    "   SELECT FROM briefs AS other WHERE other.tenant_id = :tenant_id"
                    "   AND lower(other.title) = lower(:title) AND other.id <> :id)"
                    " RETURNING *"
                ),
                {**self._values(brief, before.state), "id": before.id},
            ).one_or_none()
            if found is None:
                raise Conflict(
                    f"There is another brief {brief.title!r}.",
                    hint="Give this one another title.",
                    facts={"title": brief.title},
                )
            self._access.audit(session, "brief.edited", f"brief {before.id}", before=before.brief.document())
            return _row(found)

    def set_state(self, name: str, state: str) -> BriefRow:
        """Open or close a brief, or make it a draft again. One that is so already stays as it is."""
        _check_state(state)
        with self._access.transaction(Permission.EDIT_BRIEFS) as session:
            before = find_brief(session, name, tenant_id=self._access.tenant.id)
            if before.state == state:
                return before
            found = session.execute(
                text(
                    "UPDATE briefs SET state = :state, updated_at = :now WHERE tenant_id = :tenant_id AND id = :id"
                    " RETURNING *"
                ),
                {
                    "tenant_id": self._access.tenant.id, "id": before.id, "state": state,
                    "now": self._access.clock.now(),
                },
            ).one()  # fmt: skip
            self._access.audit(session, f"brief.{state}", f"brief {before.id}", before=before.state)
            return _row(found)

    def list(self, *, state: str | None = None) -> tuple[BriefRow, ...]:
        """The briefs that are kept, the newest first."""
        if state is not None:
            _check_state(state)
        with self._access.transaction(Permission.READ) as session:
            rows = session.execute(
                text(
                    "SELECT * FROM briefs WHERE tenant_id = :tenant_id"
                    " AND (CAST(:state AS text) IS NULL OR state = :state) ORDER BY created_at DESC, id DESC"
                ),
                {"tenant_id": self._access.tenant.id, "state": state},
            )
            return tuple(_row(row) for row in rows)

    def show(self, name: str) -> BriefRow:
        """One brief, by id or title."""
        with self._access.transaction(Permission.READ) as session:
            return find_brief(session, name, tenant_id=self._access.tenant.id)

    def _values(self, brief: Brief, state: str) -> dict[str, object]:
        return {
            "tenant_id": self._access.tenant.id,
            "title": brief.title,
            "document": json.dumps(brief.document(), ensure_ascii=False),
            "brand": brief.brand,
            "state": state,
            "now": self._access.clock.now(),
        }


def find_brief(session: Session, name: str, *, tenant_id: UUID) -> BriefRow:
    """The brief with this id or title (letter case aside); `NotFound` otherwise."""
    name = name.strip()
    try:
        wanted: UUID | None = UUID(name)
    except ValueError:
        wanted = None
    row = session.execute(
        text(
            "SELECT * FROM briefs WHERE tenant_id = :tenant_id AND (id = :id OR lower(title) = lower(:name))"
            # A title may read like the id of another one.
            " ORDER BY id IS DISTINCT FROM CAST(:id AS uuid) LIMIT 1"
        ),
        {"tenant_id": tenant_id, "id": wanted, "name": name},
    ).one_or_none()
    if row is None:
        raise NotFound(
            f"There is no brief {name!r}.", hint="`engagerr brief list` shows those there are.", facts={"brief": name}
        )
    return _row(row)


def _check_state(state: str) -> None:
    if state not in _STATES:
        raise InvalidInput(f"There is no state {state!r} of a brief.", hint=f"Choose one of {', '.join(_STATES)}.")


def _as_a_file_says(brief: Brief) -> Brief:
    """The brief as it will be read again: what was made by hand is checked and written as in a file."""
    return brief_of(brief.document())


def _row(row: Row[Any]) -> BriefRow:
    return BriefRow(
        id=row.id,
        title=row.title,
        brief=brief_of(row.document, where=f"the brief {row.title!r}"),
        state=row.state,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _brief_from(said: StructuredBrief, words: str) -> Brief:
    budget = None
    if said.budget_minor is not None and said.budget_currency is not None:
        budget = Money(said.budget_minor, said.budget_currency)
    return Brief(
        title=said.title.strip()[:_MOST_IN_A_TITLE] or words.strip()[:_MOST_IN_A_TITLE],
        text=words.strip(),
        category=str(said.category) if said.category else None,
        platforms=said.platforms,
        countries=said.countries,
        languages=said.languages,
        followers_min=said.followers_min,
        followers_max=said.followers_max,
        budget=budget,
        deliverables=said.deliverables,
        must=said.must,
        must_not=said.must_not,
        window_from=_day(said.window_from),
        window_to=_day(said.window_to),
    )


def _day(said: str | None) -> date | None:
    """A day that a model named; None for one that no calendar has, such as 2027-02-30."""
    try:
        return None if said is None else date.fromisoformat(said)
    except ValueError:
        return None


def example_brief() -> str:
    """A brief to begin with, as a TOML file."""
    return (Path(__file__).parent / "example_brief.toml").read_text(encoding="utf-8")
