"""The checks of the contract find what they are for: a sound connector, broken in one place each."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from engagerr.core.errors import EngagerrError
from engagerr.core.integrations.connector import Account, Answer, Ask, Connector, Fault, FaultKind, Page, Window
from engagerr.core.integrations.contract import CHECKS, Rehearsal, complaints
from engagerr.core.integrations.records import ItemRecord, MetricRecord, Record, State

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "connector"


def loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SOUND: Connector = loaded("engagerr_pressling").CONNECTOR
FAKE = loaded("fake_pressling").FakePressling
[STREAM] = SOUND.streams


def with_stream(**changes: Any) -> Connector:
    return replace(SOUND, streams=(replace(STREAM, **changes),))


def reading(change: Callable[[Record], Iterator[Record]]) -> Connector:
    def read(page: Page, account: Account) -> Iterator[Record]:
        for record in STREAM.read(page, account):
            yield from change(record)

    return with_stream(read=read)


def item(**changes: Any) -> Connector:
    """Each item says something else."""
    return reading(
        lambda record: iter(
            [msgspec.structs.replace(record, **{name: change(record) for name, change in changes.items()})]
            if isinstance(record, ItemRecord)
            else [record]
        )
    )


def fetching(change: Callable[[Ask, Window], Iterator[Page]]) -> Connector:
    return with_stream(fetch=change)


def without_errors(ask: Ask, window: Window) -> Iterator[Page]:
    try:
        yield from STREAM.fetch(ask, window)
    except EngagerrError:
        yield Page(())


def counting() -> Connector:
    """Reading depends on how often it was done before."""
    counter = itertools.count()
    return item(title=lambda record: f"{record.title} {next(counter)}")


def trusting(page: Page, account: Account) -> Iterator[Record]:
    for listing in page.bodies("issues"):
        for issue in listing.body["issues"]:
            yield ItemRecord(1, "pressling", issue["id"], account=account.handle)


def endless(ask: Ask, window: Window) -> Iterator[Page]:
    for page in STREAM.fetch(ask, window):
        yield msgspec.structs.replace(page, next=page.next or "more")


def unmoved(answer: Answer) -> Fault | None:
    return Fault(kind=FaultKind.REFUSED, message="no") if answer.status >= 400 else None


def brittle(answer: Answer) -> Fault | None:
    return None if answer.status < 400 else Fault(kind=FaultKind.REFUSED, message=answer.body["error"]["code"])


BROKEN: dict[str, tuple[Connector, str]] = {
    "items twice": (reading(lambda record: iter((record, record))), "every_item_comes_once"),
    "an item lost": (
        reading(lambda record: iter([record] if getattr(record, "row", 0) != 2 else [])), "every_item_comes_once"
    ),
    "an item made up": (item(native_id=lambda record: f"{record.native_id}x"), "every_item_comes_once"),
    "the cursor ignored": (
        fetching(lambda ask, window: STREAM.fetch(ask, replace(window, cursor=None))), "a_pass_goes_on_after_any_page"
    ),
    "since ignored": (
        fetching(lambda ask, window: STREAM.fetch(ask, replace(window, since=None))), "since_bounds_what_is_fetched"
    ),
    "since too strict": (
        fetching(
            lambda ask, window: STREAM.fetch(
                ask, replace(window, since=window.since and window.since + timedelta(days=5))
            )
        ),
        "since_bounds_what_is_fetched",
    ),
    "no end": (fetching(endless), "only_the_last_page_has_no_cursor"),
    "errors swallowed": (fetching(without_errors), "a_revoked_token_and_a_busy_platform_end_the_pass"),
    "reading that remembers": (counting(), "a_page_that_was_kept_reads_again"),
    "reading that trusts": (with_stream(read=trusting), "no_damage_breaks_the_reading"),
    "another's items": (item(account=lambda _: "@bob"), "records_name_their_platform"),
    "another platform": (item(platform=lambda _: "twitch"), "records_name_their_platform"),
    "a moment without a zone": (
        item(published_at=lambda record: record.published_at and record.published_at.replace(tzinfo=None)),
        "records_name_their_platform",
    ),
    "a figure twice": (item(metrics=lambda record: record.metrics * 2), "no_figure_is_told_twice"),
    "refused figures unsaid": (
        item(metrics=lambda record: tuple(metric for metric in record.metrics if metric.value is not None)),
        "a_refused_field_costs_that_field_only",
    ),
    "refused figures as zero": (
        item(metrics=lambda record: tuple(msgspec.structs.replace(m, value=m.value or 0) for m in record.metrics)),
        "a_refused_field_costs_that_field_only",
    ),
    "a value that is not there": (
        item(metrics=lambda _: (MetricRecord("opens", 3, State.NOT_REPORTED),)), "a_figure_has_a_value_exactly"
    ),
    "all no is the same": (replace(SOUND, judge=unmoved), "a_no_is_judged_as_what_it_is"),
    "a judge that trusts": (replace(SOUND, judge=brittle), "no_answer_is_too_strange_to_be_judged"),
    "nobody's account": (replace(SOUND, identify=lambda ask, account: ()), "a_grant_opens_the_account"),
    "no words": (with_stream(yields=""), "it_says_as_data"),
    "a scope that nobody asks for": (with_stream(scopes=("everything",)), "it_says_as_data"),
}  # fmt: skip


def test_a_sound_connector_gives_no_cause_for_complaint() -> None:
    assert complaints(SOUND, FAKE) == ()


@pytest.mark.parametrize("broken", BROKEN)
def test_a_connector_that_is_broken_in_one_place_is_found_out(broken: str) -> None:
    connector, expected = BROKEN[broken]
    found: set[str] = set()
    for check in CHECKS:
        # A connector may be so broken that a check cannot go on: that is a finding, too.
        try:
            if any(True for _ in check(Rehearsal(connector, FAKE))):
                found.add(check.__name__)
        except Exception:  # noqa: BLE001
            found.add(check.__name__)
    assert any(name.startswith(expected) for name in found), found


def test_every_way_of_breaking_is_told_in_words() -> None:
    told = complaints(BROKEN["items twice"][0], FAKE)
    assert any("issue-0 comes 2 times" in said for said in told)
