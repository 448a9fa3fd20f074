"""Paginators: every page once, whatever the platform says about the next one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pytest
from engagerr.core.integrations.connector import Answer, Call
from engagerr.core.integrations.faults import PlatformUnavailable
from engagerr.core.integrations.paging import MOST_PAGES, by_link, by_offset, by_token
from engagerr.core.integrations.records import State
from hypothesis import given
from hypothesis import strategies as st

CALL = Call(name="items.list", path="items")


class Asking:
    """Answers calls with what a function makes of them."""

    def __init__(self, answer: Callable[[Call], Any]) -> None:
        self.refused: dict[str, State] = {}
        self.calls: list[Call] = []
        self._answer = answer

    def __call__(self, call: Call) -> Answer:
        self.calls.append(call)
        return Answer(200, {}, self._answer(call))


def numbered(pages: int) -> Asking:
    """Pages whose token is the number of the next one."""

    def answer(call: Call) -> Any:
        number = int(call.params.get("page", 0))
        return {"number": number, "next": str(number + 1) if number + 1 < pages else None}

    return Asking(answer)


def numbers(pages: Iterator[tuple[Answer, str | None]]) -> list[int]:
    return [answer.body["number"] for answer, _ in pages]


@given(pages=st.integers(1, 12), cut=st.integers(0, 12))
def test_from_each_cursor_the_rest_comes_and_nothing_twice(pages: int, cut: int) -> None:
    first = list(islice(by_token(numbered(pages), CALL, param="page", at="next", cursor=None), cut))
    cursor = first[-1][1] if first else None
    came = [answer.body["number"] for answer, _ in first]
    if cursor is not None or not first:
        came += numbers(by_token(numbered(pages), CALL, param="page", at="next", cursor=cursor))
    assert came == list(range(pages))


def test_a_cursor_that_comes_again_is_not_followed_in_a_circle() -> None:
    ask = Asking(lambda call: {"number": 0, "next": "again"})
    assert len(list(by_token(ask, CALL, param="page", at="next", cursor=None))) == 2
    ask = Asking(lambda call: {"number": 0, "next": "https://p.example/again"})
    assert len(list(by_link(ask, CALL, at="next", cursor=None))) == 2


def test_a_stream_without_an_end_is_not_taken_as_complete() -> None:
    ask = numbered(MOST_PAGES + 5)
    pages = by_token(ask, CALL, param="page", at="next", cursor=None)
    for _ in range(MOST_PAGES):
        _, cursor = next(pages)
    assert cursor == str(MOST_PAGES)  # where the next run goes on
    with pytest.raises(PlatformUnavailable, match="more than") as refusal:
        next(pages)
    assert refusal.value.retry_after


@given(items=st.integers(0, 40), step=st.integers(1, 9), says_total=st.booleans())
def test_offsets_count_what_came(items: int, step: int, says_total: bool) -> None:
    def answer(call: Call) -> Any:
        offset = int(call.params["offset"])
        return {"items": list(range(items))[offset : offset + step], "total": items if says_total else None}

    pages = by_offset(Asking(answer), CALL, param="offset", step=step, total_at="total", items_at="items", cursor=None)
    assert [item for page, _ in pages for item in page.body["items"]] == list(range(items))
