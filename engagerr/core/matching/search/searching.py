"""Searching creators: filters, order, pages and free text, with what was left out because nobody knows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engagerr.core.db.driver import driver_cursor
from engagerr.core.errors import InvalidInput
from engagerr.core.matching.condition import Condition
from engagerr.core.matching.search.compiling import Compiled, compile_search, sort_key
from engagerr.core.matching.search.expression import All, Node, as_json, each_test, from_json
from engagerr.core.matching.search.filters import ORDERED, Kind, find_filter
from engagerr.core.matching.search.language import parse
from engagerr.core.matching.search.meaning import CANDIDATES, Meaning, asked_of, ranked, unwanted_condition

if TYPE_CHECKING:
    from engagerr.core.db import Session

MOST_ROWS = 1_000
MAY_BE_PITCHED = Condition("NOT profile.do_not_pitch")


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked: a tree of tests, free text, an order ("-followers" is largest first), a page, and the figures
    whose absence lets a creator in ("*" is all of them)."""

    where: Node = dataclass_field(default_factory=All)
    text: str | None = None
    sort: str | None = None
    limit: int = 20
    offset: int = 0
    include_missing: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        where: str | Mapping[str, Any] | Node | None = None,
        *,
        text: str | None = None,
        sort: str | None = None,
        limit: int = 20,
        offset: int = 0,
        include_missing: Sequence[str] = (),
    ) -> Query:
        """A query of an expression, of JSON or of a tree; `InvalidInput` where it cannot be read."""
        if not 1 <= limit <= MOST_ROWS:
            raise InvalidInput(f"A limit of {limit} is not possible.", hint=f"Choose from 1 to {MOST_ROWS:,}.")
        if offset < 0:
            raise InvalidInput(f"No page begins at {offset}.", hint="Offsets count from 0.")
        if where is None or isinstance(where, str):
            tree = parse(where or "")
        else:
            tree = from_json(where) if isinstance(where, Mapping) else where
        words = text.strip() if text else None
        return cls(tree, words or None, sort, limit, offset, tuple(include_missing))

    def document(self) -> dict[str, Any]:
        """The query as it is saved: without its page."""
        return {
            "where": as_json(self.where), "text": self.text, "sort": self.sort,
            "include_missing": list(self.include_missing),
        }  # fmt: skip

    @classmethod
    def from_document(cls, document: Mapping[str, Any], *, limit: int = 20, offset: int = 0) -> Query:
        """A saved query, asked again."""
        return cls.of(
            document.get("where") or {"all": []}, text=document.get("text"), sort=document.get("sort"), limit=limit,
            offset=offset, include_missing=document.get("include_missing") or (),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class FoundCreator:
    """One creator of a search. Figures are None where `missing` says why; `figures` are those that were asked for.

    `score` is only an order: it compares within one search.
    """

    creator_id: UUID
    creator: str
    country: str | None
    status: str
    platforms: tuple[str, ...]
    topics: tuple[str, ...]
    main_topic: str | None
    followers: int | None
    growth_30d: float | None
    median_views: int | None
    engagement_by_views: float | None
    posts_90d: int | None
    last_published_at: datetime | None
    figures_as_of: datetime | None
    made_at: datetime
    score: float | None
    figures: Mapping[str, Any]
    missing: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """A page of creators, how many there are in all, and how many were left out because a figure is missing:
    {filter: {state: creators}}. `how` says how they were found and in which order; `as_of` is when the oldest of the
    rows shown was made. `not_to_be_pitched` are those who meet the filters and are left out for their mark alone."""

    rows: tuple[FoundCreator, ...]
    total: int
    left_out: Mapping[str, Mapping[str, int]]
    how: tuple[str, ...]
    as_of: datetime | None
    not_to_be_pitched: int = 0


def search(
    session: Session,
    *,
    tenant_id: UUID,
    query: Query,
    now: datetime,
    meaning: Meaning | None = None,
) -> Found:
    """The creators whom a query means; those who are not to be pitched only where it asks for them.

    Without `meaning` (see `meaning_of`) free text is looked for by word alone, and `how` says so.
    """
    compiled = compile_search(query.where, now=now, include_missing=query.include_missing)
    asked = asked_of(query.text or "")
    unwanted, how = unwanted_condition(session, tenant_id=tenant_id, asked=asked, meaning=meaning)
    marked = 0
    if not asks_for_marked(query.where):
        marked = _count(session, tenant_id, compiled.condition & unwanted & Condition("profile.do_not_pitch"))
        compiled = replace(compiled, condition=compiled.condition & MAY_BE_PITCHED)
    condition = compiled.condition & unwanted
    scores: dict[UUID, float] | None = None
    if asked.wanted:
        by_text = ranked(session, tenant_id=tenant_id, wanted=asked.wanted, meaning=meaning, condition=condition)
        scores, how = by_text.scores, (*by_text.how, *how)
        if len(scores) >= CANDIDATES:
            how = (*how, f"no further than the best {len(scores):,}")
        if meaning is None:
            how = (*how, "no model compares meanings here, so other words for the same thing are not found")
        elif waiting := _without_vector(session, tenant_id, meaning.space):
            how = (*how, f"{waiting:,} creators have no vector yet and are found by word alone")
    order, ordered_how = _order(query, scores, now)
    meant, left_out = counted(session, tenant_id=tenant_id, compiled=compiled)
    rows = _rows(session, tenant_id, query, condition, order, scores, now)
    if scores is not None:
        meant = len(scores)
    elif asked.unwanted:
        meant = _count(session, tenant_id, condition)
    return Found(
        rows=rows,
        total=meant,
        left_out=left_out,
        how=(*how, ordered_how),
        as_of=min((row.made_at for row in rows), default=None),
        not_to_be_pitched=marked,
    )


def asks_for_marked(where: Node) -> bool:
    """Whether a search says itself what it wants of the mark `do_not_pitch`."""
    return any(test.filter.lower() == "do_not_pitch" for test in each_test(where))


def counted(session: Session, *, tenant_id: UUID, compiled: Compiled) -> tuple[int, dict[str, dict[str, int]]]:
    """How many creators are meant, and of how many that cannot be said, by the figure that is missing and why it is.

    Who lacks two figures is counted under both. One pass over the profiles answers both.
    """
    where = compiled.condition.sql
    states = "".join(f", CASE WHEN {leaf.is_missing} THEN {leaf.state} END" for leaf in compiled.leaves)
    places = ", ".join(str(place) for place in range(1, len(compiled.leaves) + 2))
    cursor = driver_cursor(session)
    cursor.execute(
        f"SELECT ({where}) IS NULL{states}, count(*) FROM creator_profiles AS profile"  # noqa: S608  registered SQL
        f" WHERE profile.tenant_id = %(tenant_id)s AND ({where}) IS NOT FALSE GROUP BY {places}",
        {"tenant_id": tenant_id, **compiled.condition.parameters},
    )
    total = 0
    found: dict[str, dict[str, int]] = {}
    for unknown, *of_leaves, count in cursor.fetchall():
        if not unknown:
            total += count
            continue
        for leaf, state in zip(compiled.leaves, of_leaves, strict=True):
            if state is not None:
                held = found.setdefault(leaf.name, {})
                held[state] = held.get(state, 0) + count
    return total, {name: dict(sorted(found[name].items())) for name in sorted(found)}


def _without_vector(session: Session, tenant_id: UUID, space: str) -> int:
    """How many creators with something to say cannot be compared by meaning."""
    cursor = driver_cursor(session)
    cursor.execute(
        """
        SELECT count(*) FROM creator_profiles AS profile
        LEFT JOIN creator_vectors AS spoken ON spoken.tenant_id = profile.tenant_id
          AND spoken.space = %(space)s AND spoken.creator_id = profile.creator_id
        WHERE profile.tenant_id = %(tenant_id)s AND spoken.creator_id IS NULL
          AND (profile.main_topic IS NOT NULL OR profile.topics <> '{}')
        """,
        {"tenant_id": tenant_id, "space": space},
    )
    return int((cursor.fetchone() or (0,))[0])


@dataclass(frozen=True, slots=True)
class _Order:
    sql: str
    parameters: Mapping[str, Any]


def _order(query: Query, scores: Mapping[UUID, float] | None, now: datetime) -> tuple[_Order, str]:
    """How rows are ordered, and that in words. Missing figures come last, whichever way."""
    if query.sort is None:
        if scores is not None:
            return _Order("found.score DESC NULLS LAST", {}), "best first"
        return _Order("lower(profile.name)", {}), "by name"
    name = query.sort.removeprefix("-").removeprefix("+")
    down = query.sort.startswith("-")
    sql, parameters, _ = sort_key(name, now=now)
    way = "falling" if down else "rising"
    return _Order(f"{sql} {'DESC' if down else 'ASC'} NULLS LAST", parameters), f"by {name}, {way}, missing last"


_FIELDS = (
    "creator_id", "creator", "country", "status", "platforms", "topics", "main_topic", "followers", "growth_30d",
    "median_views", "engagement_by_views", "posts_90d", "last_published_at", "figures_as_of", "made_at",
)  # fmt: skip
_SHOWN = ", ".join(f"profile.{'name' if field == 'creator' else field}" for field in _FIELDS)


def _rows(
    session: Session,
    tenant_id: UUID,
    query: Query,
    condition: Condition,
    order: _Order,
    scores: Mapping[UUID, float] | None,
    now: datetime,
) -> tuple[FoundCreator, ...]:
    figures = _figures(query, now)
    parameters: dict[str, Any] = {
        "tenant_id": tenant_id, **condition.parameters, **order.parameters, "page": query.limit,
        "skipped": query.offset,
    }  # fmt: skip
    source, score = "creator_profiles AS profile", "NULL::float8"
    if scores is not None:
        # What free text found already meets the condition.
        source += """ JOIN unnest(%(found)s::uuid[], %(scores)s::float8[]) AS found (creator_id, score)
            ON found.creator_id = profile.creator_id"""
        score = "found.score"
        parameters |= {"found": list(scores), "scores": list(scores.values())}
    where = "profile.tenant_id = %(tenant_id)s" + ("" if scores is not None else f" AND ({condition.sql})")
    extra = "".join(f", {figure.sql}" for figure in figures)
    for figure in figures:
        parameters |= figure.parameters
    cursor = driver_cursor(session)
    cursor.execute(
        f"SELECT {_SHOWN}, {score}, profile.missing{extra} FROM {source} WHERE {where}"  # noqa: S608  as above
        f" ORDER BY {order.sql}, profile.creator_id LIMIT %(page)s OFFSET %(skipped)s",
        parameters,
    )
    return tuple(_found(row, figures) for row in cursor.fetchall())


def _count(session: Session, tenant_id: UUID, condition: Condition) -> int:
    cursor = driver_cursor(session)
    cursor.execute(
        f"SELECT count(*) FROM creator_profiles AS profile"  # noqa: S608  registered SQL, bound values
        f" WHERE profile.tenant_id = %(tenant_id)s AND ({condition.sql})",
        {"tenant_id": tenant_id, **condition.parameters},
    )
    return int((cursor.fetchone() or (0,))[0])


@dataclass(frozen=True, slots=True)
class _Figure:
    name: str
    key: str | None
    kind: Kind
    sql: str
    parameters: Mapping[str, Any]


def _figures(query: Query, now: datetime) -> list[_Figure]:
    """The figures that the query asks for, to be shown beside each row."""
    names = dict.fromkeys(test.filter for test in each_test(query.where))
    if query.sort is not None:
        names[query.sort.lstrip("+-")] = None
    found = []
    for place, name in enumerate(names):
        known = find_filter(name).filter
        if known.kind in ORDERED:
            sql, parameters, _ = sort_key(name, now=now, prefix=f"figure_{place}_")
            if known.kind is Kind.AGE:
                sql = known.sql
            found.append(_Figure(name, known.missing, known.kind, sql, parameters))
    return found


def _found(row: Sequence[Any], figures: Sequence[_Figure]) -> FoundCreator:
    *shown, score, missing = row[: len(row) - len(figures)]
    values = dict(zip((figure.name for figure in figures), row[len(row) - len(figures) :], strict=True))
    states = {
        figure.name: missing.get(figure.key, "not_reported")
        for figure in figures
        if values[figure.name] is None and figure.key is not None
    }
    always = {
        name: missing[name] for name in ("followers", "growth_30d", "median_views", "engagement_by_views", "posts_90d")
        if name in missing
    }  # fmt: skip
    fields = dict(zip(_FIELDS, shown, strict=True))
    fields |= {"platforms": tuple(fields["platforms"]), "topics": tuple(fields["topics"])}
    return FoundCreator(**fields, score=score, figures=values, missing={**always, **states})
