"""What others change, as it happens: over the database's own channel, and never another tenant's."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.desk.changes import Change, channel_of, follow
from engagerr.core.desk.marks import assign
from engagerr.core.errors import EngagerrError, Unavailable
from tests.factories import colleague
from tests.fakes.cluster import Connection


def heard(changes: Iterator[Change | None], *, within: float = 5) -> Change | None:
    """The next change; None where none comes in time."""
    until = time.monotonic() + within
    for change in changes:
        if change is not None or time.monotonic() > until:
            return change
    return None


def test_two_workspaces_of_a_tenant_hear_each_other_and_nobody_else_does(
    workspace: Workspace, engagerr: Engagerr, other_workspace: Workspace
) -> None:
    manager = colleague(workspace, engagerr, "manager")
    ours, theirs = follow(workspace, seconds=20), follow(other_workspace, seconds=20)
    assert (next(ours), next(theirs)) == (None, None)
    began = time.monotonic()
    made = manager.roster.add("Ann Lee")
    change = heard(ours)
    assert time.monotonic() - began < 2
    assert change == Change("creator.added", f"creator:{made.id}", workspace.access.clock.now())
    kim = other_workspace.roster.add("Kim Park")
    first = heard(theirs)
    assert first is not None
    assert first.subject == f"creator:{kim.id}", "the first that the other one hears is its own"
    assert heard(ours, within=1) is None
    ours.close()  # type: ignore[attr-defined]
    theirs.close()  # type: ignore[attr-defined]


def test_nothing_of_the_content_is_told(workspace: Workspace, superuser_connection: Connection) -> None:
    listening = superuser_connection
    listening.execute(f"LISTEN {channel_of(workspace.tenant.id)}")
    workspace.roster.add("Secret Name")
    assign(workspace, "deal:1", member_email=workspace.member.email)
    workspace.deals.set_ageing("proposed", 3)
    told = [notice.payload for notice in listening.notifies(timeout=2, stop_after=3)]
    assert len(told) == 3
    assert "Secret" not in "".join(told)
    assert str(workspace.member.email) not in "".join(told)
    assert '"subject" : null' in told[2], "a subject without an id is not told"


def test_a_change_that_is_taken_back_is_not_told(workspace: Workspace) -> None:
    changes = follow(workspace, seconds=20)
    assert next(changes) is None
    with pytest.raises(EngagerrError):
        workspace.roster.set_rate("Nobody", deliverable="x", amount=None)  # type: ignore[arg-type]
    assert heard(changes, within=1) is None


def test_jobs_and_syncs_are_told_though_nobody_did_them(workspace: Workspace) -> None:
    from engagerr.core.jobs import Jobs

    changes = follow(workspace, seconds=20)
    assert next(changes) is None
    Jobs(workspace).run("deliver-events")
    kinds = [change.kind for change in itertools.islice(filter(None, changes), 2)]
    assert kinds == ["job.running", "job.succeeded"]


def test_it_beats_every_second_and_ends_after_its_time(workspace: Workspace) -> None:
    began = time.monotonic()
    beats = list(follow(workspace, seconds=1.3))
    assert beats == [None, None, None]
    assert time.monotonic() - began < 3


def test_closing_it_closes_the_connection(workspace: Workspace, superuser_connection: Connection) -> None:
    def open_ones() -> int:
        found = superuser_connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'engagerr: changes'"
            " AND datname = current_database()"
        ).fetchone()
        assert found is not None
        return int(found[0])

    changes = follow(workspace, seconds=60)
    next(changes)
    assert open_ones() == 1
    changes.close()  # type: ignore[attr-defined]
    until = time.monotonic() + 5
    while open_ones() and time.monotonic() < until:
        pass
    assert open_ones() == 0


def test_a_lost_connection_is_said_to_be_lost(workspace: Workspace, superuser_connection: Connection) -> None:
    changes = follow(workspace, seconds=60)
    next(changes)
    superuser_connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'engagerr: changes'"
        " AND datname = current_database()"
    )
    with pytest.raises(Unavailable, match="connection was lost"):
        list(changes)
