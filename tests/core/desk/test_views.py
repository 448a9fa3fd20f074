"""Saved views of a screen: one's own and shared ones, of bounded size."""

from __future__ import annotations

from typing import Any

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.desk import views
from engagerr.core.errors import Forbidden, InvalidInput, NotFound
from tests.factories import colleague

STATE = {"sort": "followers", "columns": ["name", "followers"], "filter": {"country": ["DE"]}}


def test_a_view_is_kept_replaced_and_removed(workspace: Workspace) -> None:
    made = views.save(workspace, "roster", "Big ones", STATE)
    assert (made.state, made.shared, made.mine) == (STATE, False, True)
    again = views.save(workspace, "roster", " big  ONES ", {"sort": "name"})
    assert (again.id, again.name, again.state) == (made.id, "big ONES", {"sort": "name"})
    assert views.list(workspace, "roster") == (again,)
    assert views.list(workspace, "deals") == ()
    views.remove(workspace, "roster", "BIG ones")
    assert views.list(workspace, "roster") == ()
    with pytest.raises(NotFound):
        views.remove(workspace, "roster", "Big ones")
    assert workspace.verify_audit().intact


def test_ones_own_view_is_nobody_elses_and_a_shared_one_everybodys(
    workspace: Workspace, engagerr: Engagerr, other_workspace: Workspace
) -> None:
    manager, viewer = (colleague(workspace, engagerr, role) for role in ("manager", "viewer"))
    views.save(manager, "roster", "Mine", STATE)
    shared = views.save(manager, "roster", "Ours", STATE, shared=True)
    assert [view.name for view in views.list(manager, "roster")] == ["Mine", "Ours"]
    assert [(view.name, view.mine, view.by) for view in views.list(viewer, "roster")] == [("Ours", False, shared.by)]
    assert views.list(other_workspace, "roster") == ()
    with pytest.raises(Forbidden):
        views.remove(viewer, "roster", "Ours", shared=True)
    with pytest.raises(Forbidden):
        views.save(viewer, "roster", "Ours", {}, shared=True)
    views.save(viewer, "roster", "Ours", {})  # of the same name, their own
    views.remove(workspace, "roster", "Ours", shared=True)
    assert [view.name for view in views.list(viewer, "roster")] == ["Ours"]


@pytest.mark.parametrize(
    ("screen", "name", "state"),
    [
        ("roster", "x", {"rows": "x" * views.LARGEST_STATE_BYTES}),
        ("roster", "x", {"value": object()}),
        ("roster", "x", {"value": float("nan")}),
        ("roster", "x", {"value": "\x00"}),
        ("roster", "", {}),
        ("roster", "x" * 81, {}),
        ("roster", "a\x1bb", {}),
        ("Roster!", "x", {}),
    ],
)
def test_what_is_no_view_is_refused(workspace: Workspace, screen: str, name: str, state: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        views.save(workspace, screen, name, state)


def test_the_largest_view_is_kept_whole(workspace: Workspace) -> None:
    state = {"k": "ü" * ((views.LARGEST_STATE_BYTES - 10) // 2)}
    assert views.save(workspace, "roster", "x", state).state == state


def test_a_screen_holds_so_many_views_and_no_more(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MOST_VIEWS", 2)
    for name in ("a", "b", "b"):
        views.save(workspace, "roster", name, {})
    with pytest.raises(InvalidInput):
        views.save(workspace, "roster", "c", {})
    views.save(workspace, "deals", "c", {})
