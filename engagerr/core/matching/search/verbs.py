"""Verbs of search: find creators, list the filters, and keep searches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engagerr.core.matching.profiles import Profiles
from engagerr.core.matching.search import saved as keeping
from engagerr.core.matching.search.compiling import compile_search
from engagerr.core.matching.search.expression import Node
from engagerr.core.matching.search.filters import Filter, filters, find_filter
from engagerr.core.matching.search.meaning import Meaning, asked_of, meaning_of
from engagerr.core.matching.search.searching import Found, Query, search
from engagerr.core.matching.vectors import embed_newcomers, standing_model
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.ai.embeddings import Embedder
    from engagerr.core.db import Session

# So many new creators are embedded before a search; more wait for the job, or for `engagerr match prepare`.
_FEW = 300


class Search:
    """Finds creators of this workspace by their figures and by words, and remembers searches."""

    def __init__(
        self,
        access: Access,
        embedder: Callable[[], Embedder | None] = lambda: None,
        *,
        profiles: Profiles | None = None,
        older: Callable[[str], Embedder | None] = lambda _space: None,
    ) -> None:
        """`older` opens the model of a space that the embedder has not taken over yet, where it still can be."""
        self._access = access
        self._embedder = embedder
        self._older = older
        self._profiles = profiles or Profiles(access)

    def creators(
        self,
        where: str | Mapping[str, Any] | Node | None = None,
        *,
        text: str | None = None,
        sort: str | None = None,
        limit: int = 20,
        offset: int = 0,
        include_missing: Sequence[str] = (),
    ) -> Found:
        """The creators whom an expression (or its JSON, or its tree) and a free text mean.

        `sort` is a filter's name, with - for the largest first; without it, free text has the best first, and all else
        is by name. `include_missing` names the figures whose absence lets a creator in ("*": all). Profiles are brought
        up to date first.
        """
        query = Query.of(where, text=text, sort=sort, limit=limit, offset=offset, include_missing=include_missing)
        return self._run(query)

    def filters(self) -> tuple[Filter, ...]:
        """Every filter, with help, an example and the operators that it has."""
        return filters()

    def save(
        self,
        name: str,
        where: str | Mapping[str, Any] | Node | None = None,
        *,
        text: str | None = None,
        sort: str | None = None,
        include_missing: Sequence[str] = (),
        alerts: bool = False,
    ) -> keeping.SavedSearch:
        """Keep a search under a name, in place of one that has it. With `alerts`, creators who come to be found later
        are told as a task; whom it finds now is not news."""
        query = Query.of(where, text=text, sort=sort, include_missing=include_missing)
        found = self._everybody(query)
        with self._access.transaction(Permission.EDIT_BRIEFS) as session:
            self._may(session, query)
            return keeping.keep(session, self._access, name, query, alerts=alerts, found=found)

    def saved(self) -> tuple[keeping.SavedSearch, ...]:
        """The searches that are kept, by name."""
        with self._access.transaction(Permission.READ) as session:
            return keeping.read_all(session, tenant_id=self._access.tenant.id)

    def run(self, name: str, *, limit: int = 20, offset: int = 0) -> Found:
        """A kept search, asked now."""
        with self._access.transaction(Permission.READ) as session:
            held = keeping.read_one(session, tenant_id=self._access.tenant.id, name=name)
        return self._run(Query.from_document(held.query, limit=limit, offset=offset))

    def remove(self, name: str) -> None:
        """Forget a kept search, with whom it found."""
        with self._access.transaction(Permission.EDIT_BRIEFS) as session:
            keeping.forget(session, self._access, name)

    def check(self, name: str | None = None) -> tuple[keeping.Checked, ...]:
        """Ask the kept searches that have alerts (or this one), and open one task each for creators who are new."""
        with self._access.transaction(Permission.READ) as session:
            if name is not None:
                held = [keeping.read_one(session, tenant_id=self._access.tenant.id, name=name)]
            else:
                held = [one for one in keeping.read_all(session, tenant_id=self._access.tenant.id) if one.alerts]
        checked = []
        for one in held:
            found = self._everybody(Query.from_document(one.query))
            with self._access.transaction(Permission.EDIT_BRIEFS) as session:
                checked.append(keeping.note(session, self._access, one, found))
        return tuple(checked)

    # Steps

    def _run(self, query: Query) -> Found:
        self._profiles.keep_up()
        meaning = self._meaning(query)
        with self._access.transaction(Permission.READ, snapshot=True) as session:
            self._may(session, query)
            return search(
                session, tenant_id=self._access.tenant.id, query=query, now=self._access.clock.now(), meaning=meaning
            )

    def _everybody(self, query: Query) -> keeping.Hits:
        """Whom a kept search finds, without pages. Of free text, the best hundred: behind them nobody is news."""
        self._profiles.keep_up()
        meaning = self._meaning(query)
        with self._access.transaction(Permission.READ, snapshot=True) as session:
            self._may(session, query)
            return keeping.hits(
                session, tenant_id=self._access.tenant.id, query=query, now=self._access.clock.now(), meaning=meaning
            )

    def _may(self, session: Session, query: Query) -> None:
        """What a role may not read, it may not ask by either: an answer would tell."""
        compiled = compile_search(query.where, now=self._access.clock.now(), include_missing=query.include_missing)
        asks_terms = bool(compiled.needs_terms)
        if query.sort is not None:
            asks_terms = asks_terms or find_filter(query.sort.lstrip("+-")).filter.terms
        if asks_terms:
            self._access.require(Permission.READ_TERMS, session)

    def _meaning(self, query: Query) -> Meaning | None:
        """The text's vectors in the space that stands. No model is called while a transaction is open."""
        if query.text is None or (embedder := self._embedder()) is None:
            return None
        embed_newcomers(self._access, embedder, most=_FEW)
        model = standing_model(self._access, embedder, older=self._older)
        return None if model is None else meaning_of(asked_of(query.text), model)
