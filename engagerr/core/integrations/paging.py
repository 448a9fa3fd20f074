"""Paginators: how a platform says where the next page is. Each yields (answer, cursor of the page after it or None).

A cursor is a short text that is kept in the checkpoint, so that a run that dies goes on at the page after the last one
that landed. A platform that repeats a cursor is not followed in a circle.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from engagerr.core.integrations.connector import Answer, Ask, Call
from engagerr.core.integrations.faults import PlatformUnavailable
from engagerr.core.integrations.redaction import without_secrets

# A run that has fetched so many pages of one stream ends there, and the next one goes on: a platform that never comes
# to an end must not hold a worker for ever.
MOST_PAGES = 10_000


def too_many_pages() -> PlatformUnavailable:
    """What ends a run over a stream that has no end."""
    return PlatformUnavailable(
        f"The stream has more than {MOST_PAGES:,} pages.",
        hint="What came so far is kept; the next run goes on from there.",
        retry_after=60,
    )


def value_at(body: Any, path: str) -> Any:
    """The value at "paging.cursors.after" in nested objects; None where a step is missing."""
    for step in path.split("."):
        if not isinstance(body, dict):
            return None
        body = body.get(step)
    return body


def by_token(
    ask: Ask, call: Call, *, param: str, at: str, cursor: str | None, more: str | None = None
) -> Iterator[tuple[Answer, str | None]]:
    """The answer names a token at `at`, which is sent as `param`; `more` is a flag that must be true, if given."""
    seen: set[str] = set()
    for _ in range(MOST_PAGES):
        answer = ask(call if cursor is None else replace(call, params={**call.params, param: cursor}))
        token = value_at(answer.body, at)
        cursor = str(token) if token not in (None, "") else None
        if more is not None and not value_at(answer.body, more):
            cursor = None
        if cursor in seen:
            cursor = None
        yield answer, cursor
        if cursor is None:
            return
        seen.add(cursor)
    raise too_many_pages()


def by_link(ask: Ask, call: Call, *, at: str, cursor: str | None) -> Iterator[tuple[Answer, str | None]]:
    """The answer names the whole address of the next page at `at`. Its secrets are cut out: Graph's has our token."""
    seen: set[str] = set()
    for _ in range(MOST_PAGES):
        answer = ask(call if cursor is None else replace(call, path=cursor, params={}))
        link = value_at(answer.body, at)
        cursor = without_secrets(link) if isinstance(link, str) and link else None
        cursor = None if cursor in seen else cursor
        yield answer, cursor
        if cursor is None:
            return
        seen.add(cursor)
    raise too_many_pages()


def by_offset(
    ask: Ask, call: Call, *, param: str, step: int, total_at: str | None, items_at: str, cursor: str | None
) -> Iterator[tuple[Answer, str | None]]:
    """Counts on by `step` (or by what came, where the platform gives fewer) until a page is empty or `total_at`."""
    offset = int(cursor) if cursor is not None and cursor.isdigit() else 0
    for _ in range(MOST_PAGES):
        answer = ask(replace(call, params={**call.params, param: offset}))
        items = value_at(answer.body, items_at)
        count = len(items) if isinstance(items, list) else 0
        total = value_at(answer.body, total_at) if total_at else None
        offset += count
        at_end = count == 0 or (offset >= total if isinstance(total, int) else count < step)
        yield answer, None if at_end else str(offset)
        if at_end:
            return
    raise too_many_pages()


def one_page(ask: Ask, call: Call) -> Iterator[tuple[Answer, str | None]]:
    """There is one page only."""
    yield ask(call), None
