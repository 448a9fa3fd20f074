"""Searches that are kept: whom they found before is known, and who is new is told once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from engagerr import Engagerr, Forbidden, InvalidInput, NotFound, Workspace
from engagerr.core.events import Task, open_tasks, resolve_tasks
from engagerr.core.matching.profile_readings import Readers
from engagerr.core.matching.profiles import Profiles
from engagerr.core.matching.search import Search
from engagerr.core.matching.search.saved import TASK
from engagerr.core.tenancy import Permission
from tests.factories import colleague
from tests.fakes.clock import SteeredClock


@pytest.fixture
def search(workspace: Workspace, clock: SteeredClock) -> Search:
    """Two outdoor creators are on the roster."""
    clock.set(datetime.now(UTC) + timedelta(minutes=1))
    for name in ("Ann Lee", "Ben Okafor"):
        workspace.roster.add(name, topics=["outdoor"])
    return Search(workspace.access, profiles=Profiles(workspace.access, Readers))


def tasks(workspace: Workspace) -> list[Task]:
    with workspace.access.transaction(Permission.READ) as session:
        return [one for one in open_tasks(session, tenant_id=workspace.tenant.id) if one.kind == TASK]


def close_tasks(workspace: Workspace, now: datetime) -> None:
    with workspace.access.transaction(Permission.EDIT_BRIEFS) as session:
        resolve_tasks(session, tenant_id=workspace.tenant.id, kind=TASK, about=workspace.tenant.id, now=now)


def test_whom_a_search_finds_when_it_is_kept_is_no_news(search: Search, workspace: Workspace) -> None:
    kept = search.save("Outdoor", "topic ~ outdoor", alerts=True)
    assert (kept.known, kept.expression, kept.alerts) == (2, "topic ~ outdoor", True)
    assert [(one.found, one.new) for one in search.check()] == [(2, ())]
    assert tasks(workspace) == []


def test_who_is_new_is_told_once_as_a_task(search: Search, workspace: Workspace, clock: SteeredClock) -> None:
    search.save("Outdoor", "topic ~ outdoor", alerts=True)
    clock.advance(minutes=1)
    workspace.roster.add("Cara Diaz", topics=["outdoor"])
    assert [one.new for one in search.check()] == [("Cara Diaz",)]
    [task] = tasks(workspace)
    assert (task.subject, task.message) == ("Outdoor", "The search 'Outdoor' finds 1 new: Cara Diaz.")
    assert "engagerr search run" in task.hint
    assert [one.new for one in search.check()] == [()]
    close_tasks(workspace, clock.now())
    clock.advance(minutes=1)
    assert [one.new for one in search.check()] == [()]
    assert tasks(workspace) == []


def test_of_a_search_by_words_the_best_hundred_count_and_that_is_said(search: Search, workspace: Workspace) -> None:
    search.save("Words", text="outdoor")
    [checked] = search.check("Words")
    assert (checked.found, checked.best) == (2, False)
    for place in range(99):
        workspace.roster.add(f"Creator {place}", topics=["outdoor"])
    [checked] = search.check("Words")
    assert (checked.found, checked.best) == (100, True)


def test_who_is_not_to_be_pitched_is_no_news(search: Search, workspace: Workspace, clock: SteeredClock) -> None:
    # The roster's own times are the database's: of a clock behind them, every change is after the profiles were made.
    clock.set(datetime.now(UTC) - timedelta(hours=1))
    workspace.roster.edit("Ben Okafor", do_not_pitch=True)
    search.save("Outdoor", "topic ~ outdoor", alerts=True)
    workspace.roster.add("Cara Diaz", topics=["outdoor"])
    workspace.roster.edit("Cara Diaz", do_not_pitch=True)
    assert [(one.found, one.new) for one in search.check()] == [(1, ())]
    workspace.roster.edit("Cara Diaz", do_not_pitch=False)
    assert [(one.found, one.new) for one in search.check()] == [(2, ("Cara Diaz",))]


def test_an_open_task_grows_and_a_closed_one_begins_anew(
    search: Search, workspace: Workspace, clock: SteeredClock
) -> None:
    search.save("Outdoor", "topic ~ outdoor", alerts=True)
    for name in ("Cara Diaz", "Dan Fox"):
        clock.advance(minutes=1)
        workspace.roster.add(name, topics=["outdoor"])
        search.check()
    assert [one.message for one in tasks(workspace)] == ["The search 'Outdoor' finds 2 new: Cara Diaz, Dan Fox."]
    close_tasks(workspace, clock.now())
    clock.advance(minutes=1)
    workspace.roster.add("Eve Wander", topics=["outdoor"])
    search.check()
    assert [one.message for one in tasks(workspace)] == ["The search 'Outdoor' finds 1 new: Eve Wander."]


def test_who_leaves_and_comes_back_is_not_news(search: Search, workspace: Workspace, clock: SteeredClock) -> None:
    # The roster's own times are the database's: of a clock behind them, every change is after the profiles were made.
    clock.set(datetime.now(UTC) - timedelta(hours=1))
    search.save("Outdoor", "topic ~ outdoor", alerts=True)
    for topics, found in ((["cooking"], 1), (["outdoor"], 2)):
        workspace.roster.edit("Ann Lee", topics=topics)
        assert [(one.found, one.new) for one in search.check()] == [(found, ())]


def test_a_search_without_alerts_is_asked_only_by_name(
    search: Search, workspace: Workspace, clock: SteeredClock
) -> None:
    search.save("Quiet", "topic ~ outdoor")
    clock.advance(minutes=1)
    workspace.roster.add("Cara Diaz", topics=["outdoor"])
    assert search.check() == ()
    assert [(one.name, one.new) for one in search.check("quiet")] == [("Quiet", ("Cara Diaz",))]
    assert tasks(workspace) == []


def test_a_kept_search_is_run_replaced_and_forgotten(search: Search) -> None:
    search.save("Mine", 'topic ~ outdoor and not (name ~ "ben")', sort="-name", include_missing=["topic"])
    assert [row.creator for row in search.run("mine").rows] == ["Ann Lee"]
    search.save("Mine", {"all": []}, text="ann")
    [kept] = search.saved()
    assert (kept.expression, kept.text, kept.known) == ("", "ann", 1)
    search.remove("Mine")
    assert search.saved() == ()
    with pytest.raises(NotFound, match="No search is kept as 'Mine'"):
        search.run("Mine")
    with pytest.raises(NotFound):
        search.check("Mine")


def test_a_search_that_cannot_be_read_is_not_kept(search: Search) -> None:
    for name, expression in (("x", "folowers > 3"), ("x", "followers >"), (" ", "followers > 3"), ("y" * 121, "")):
        with pytest.raises(InvalidInput):
            search.save(name, expression)
    assert search.saved() == ()


def test_a_viewer_may_run_kept_searches_and_not_keep_any(
    search: Search, workspace: Workspace, engagerr: Engagerr, other_workspace: Workspace
) -> None:
    search.save("Outdoor", "topic ~ outdoor")
    theirs = Search(colleague(workspace, engagerr, "viewer").access, profiles=Profiles(workspace.access, Readers))
    assert theirs.run("Outdoor").total == 2
    for forbidden in (lambda: theirs.save("Mine", ""), lambda: theirs.remove("Outdoor")):
        with pytest.raises(Forbidden):
            forbidden()
    assert Search(other_workspace.access).saved() == ()
