"""Rows that cannot be used are set aside with place, value, reason and cure; the rest of the file lands."""

from __future__ import annotations

import json
import random
import string
from pathlib import Path
from typing import Any

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.errors import InvalidInput
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fakes.cluster import Clone, Connection
from tests.lines import Line, a_creator, a_figure, an_edge, an_item, bring, row_counts

# Longer than any index takes, and nothing that could be packed.
LONG = "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=6000))

BAD_LINES: dict[str, tuple[Line | str, str | None]] = {
    "not json": ("to whom it may concern", None),
    "cut off": ('{"type": "item", "platform": "you', None),
    "an array": ('[{"type": "item"}]', None),
    "a number": ("7", None),
    "no type": ('{"platform": "youtube", "account": "a", "native_id": "b"}', None),
    "unknown type": ('{"type": "video", "platform": "youtube", "account": "a", "native_id": "b"}', "type"),
    "no native id": ({"type": "item", "platform": "youtube", "account": "@ann"}, None),
    "empty native id": (an_item("youtube:"), "native_id"),
    "null native id": (an_item("youtube:x", native_id=None), "native_id"),
    "views in words": (an_item("youtube:x", metrics=[a_figure("views", "many")]), "metrics[0].value"),
    "views of true": (an_item("youtube:x", metrics=[a_figure("views", True)]), "metrics[0].value"),
    "a date without a zone": (an_item("youtube:x", published_at="2026-09-01T10:00:00"), "published_at"),
    "a date that does not exist": (an_item("youtube:x", published_at="2026-02-30T10:00:00Z"), "published_at"),
    "the year 1": (an_item("youtube:x", published_at="0001-01-01T00:00:00+14:00"), "published_at"),
    "a negative duration": (an_item("youtube:x", duration_seconds=-1), "duration_seconds"),
    "an unknown state": (an_item("youtube:x", metrics=[a_figure("views", 1, state="roughly")]), "metrics[0].state"),
    "a value without a value": (an_item("youtube:x", metrics=[a_figure("views", state="value")]), "metrics.views"),
    "zero without a value": (an_item("youtube:x", metrics=[a_figure("views", state="zero")]), "metrics.views"),
    "a missing one with a value": (
        an_item("youtube:x", metrics=[a_figure("views", 0, state="not_reported")]),
        "metrics.views",
    ),
    "zero that is not": (an_item("youtube:x", metrics=[a_figure("views", 1, state="zero")]), "metrics.views"),
    "observed in the future": (
        an_item("youtube:x", metrics=[a_figure("views", 1, "2027-01-01")]),
        "views (observed_at)",
    ),
    "observed too early": (an_item("youtube:x", metrics=[a_figure("views", 1, "1999-01-01")]), "views (observed_at)"),
    "followers observed too early": (
        a_creator(
            "Cy", accounts=[{"platform": "x", "handle": "cy", "followers": 1, "observed_at": "1999-01-01T00:00:00Z"}]
        ),
        "followers (observed_at)",
    ),
    "a currency of no letters": (
        an_item("youtube:x", metrics=[a_figure("revenue", 1, currency="E\tR")]),
        "metrics[0].currency",
    ),
    "a negative period": (
        an_item("youtube:x", metrics=[a_figure("views", 1, period_days=-1)]),
        "metrics[0].period_days",
    ),
    "a number beyond all": (
        json.dumps(an_item("youtube:x", metrics=[a_figure("views", 1)])).replace('"value": 1', '"value": 1e999'),
        "metrics[0].value",
    ),
    "an endless id": (an_item(f"youtube:{LONG}"), "native_id"),
    "a country in words": (a_creator("Cy", country="Germany"), "country"),
    "a share of two": (
        a_creator("Cy", audience=[{"dimension": "country", "value": "DE", "share": 2}]),
        "audience[0].share",
    ),
    "a negative rate": (
        a_creator("Cy", rates=[{"deliverable": "post", "amount": {"minor": -1, "currency": "EUR"}}]),
        "rates[0].amount.minor",
    ),
    "an unknown relation": (an_edge("youtube:good", "youtube:two", "cousin_of"), "relation"),
    "an unknown edge state": (an_edge("youtube:good", "youtube:two", state="maybe"), "state"),
    "an edge from nowhere": (an_edge("youtube:gone", "youtube:two"), "child"),
    "an edge to nowhere": (an_edge("youtube:good", "youtube:gone"), "parent"),
    "an edge to itself": (an_edge("youtube:good", "youtube:good"), None),
    # What no platform sends, but a file may.
    "a nul as id": (an_item("youtube:\0"), None),
    "an edge of nul": (an_edge("youtube:good", "youtube:\0"), None),
    "a blank creator": (a_creator("  "), None),
    "a creator of nul": (a_creator("\0"), None),
    "an item of a blank creator": (an_item("youtube:x", creator=" ", account="@x"), None),
    "a handle of nothing but @": (an_item("youtube:x", account="@"), None),
    "a blank handle": (an_item("youtube:x", account=" "), None),
    "an account of a blank handle": (a_creator("Cy", accounts=[{"platform": "x", "handle": " @ "}]), None),
    "an endless handle": (an_item("youtube:x", account=LONG), None),
    "an endless handle of a creator": (a_creator("Cy", accounts=[{"platform": "x", "handle": LONG}]), None),
    "an endless native id of an account": (
        a_creator("Cy", accounts=[{"platform": "x", "handle": "cy", "native_id": LONG}]),
        None,
    ),
    "an endless name of a creator": (a_creator(LONG), None),
    "an item of an endless creator": (an_item("youtube:x", creator=LONG, account="@x"), None),
    "an endless dimension": (a_creator("Cy", audience=[{"dimension": LONG, "value": "DE", "share": 0.5}]), None),
    "a blank deliverable": (
        a_creator("Cy", rates=[{"deliverable": " ", "amount": {"minor": 1, "currency": "EUR"}}]),
        None,
    ),
    "an endless rate": (
        a_creator("Cy", rates=[{"deliverable": "post", "amount": {"minor": 10**30, "currency": "EUR"}}]),
        None,
    ),
    "an endless deliverable": (
        a_creator("Cy", rates=[{"deliverable": LONG, "amount": {"minor": 1, "currency": "EUR"}}]),
        None,
    ),
}


@pytest.mark.parametrize("what", BAD_LINES)
def test_a_bad_line_is_set_aside_with_its_cure_and_the_rest_lands(
    workspace: Workspace, tmp_path: Path, what: str
) -> None:
    line, column = BAD_LINES[what]
    result = bring(workspace, tmp_path, an_item("youtube:good"), line, an_item("youtube:two"))
    assert (result.rows, result.items_new) == (3, 2)
    [bad] = result.quarantined
    assert bad.row == 2
    assert bad.reason
    assert bad.fix
    if column is not None:
        assert bad.column == column
    [(file_name, kept)] = workspace.ingestion.quarantine(result.import_id)
    assert file_name.startswith("lines-")
    assert (kept.row, kept.column, kept.reason, kept.fix) == (bad.row, bad.column, bad.reason, bad.fix)


# Odd, but nothing that must be refused: each may be taken or set aside, and never breaks the file.
ODD_LINES: dict[str, Line | str] = {
    "nul in a creator's bio": a_creator("Cy", bio="a\0b", topics=["a\0"], languages=["\0"]),
    "nul in a creator's name": a_creator("C\0y"),
    "nul in a handle": an_item("youtube:x", creator="Cy", account="@c\0y"),
    "nul in an account's name": a_creator(
        "Cy", accounts=[{"platform": "x", "handle": "cy", "name": "\0", "url": "\0"}]
    ),
    "nul in an audience": a_creator("Cy", audience=[{"dimension": "a\0", "value": "\0b", "share": 0.5}]),
    "nul in a deliverable": a_creator("Cy", rates=[{"deliverable": "p\0", "amount": {"minor": 1, "currency": "EUR"}}]),
    "nul in a metric": an_item("youtube:x", metrics=[a_figure("vi\0ews", 1)]),
    "an endless address": an_item("youtube:x", body=f"https://example.org/{LONG}", url=f"https://e.example/{LONG}"),
    "a hint that is no flag": an_item("facebook:x", hints={"is_crosspost": "maybe"}),
    "a number of 300 digits": an_item("youtube:x", metrics=[a_figure("views", 10**300)], duration_seconds=1e300),
    "hints in each other": an_item("youtube:x", hints={"a": json.loads("[" * 500 + "]" * 500)}),
    "a platform in several words": an_item("my own site: ünïcode:x"),
    "unknown fields": {**an_item("youtube:x"), "mood": "good", "metrics": [{"name": "views", "value": 1, "was": 2}]},
    "an escape that is half a character": json.dumps(an_item("youtube:x", title="@@")).replace("@@", "\\ud83d"),
}


@pytest.mark.parametrize("what", ODD_LINES)
def test_an_odd_line_never_breaks_its_file(workspace: Workspace, tmp_path: Path, what: str) -> None:
    result = bring(workspace, tmp_path, an_item("youtube:good"), ODD_LINES[what])
    names = {item.native_id for item in workspace.content.list()}
    assert "good" in names
    assert result.quarantined or len(names) == 2 or '"creator"' in json.dumps(ODD_LINES[what])
    for item in workspace.content.list():
        workspace.content.tree(str(item.id))
        workspace.metrics.show(str(item.id))
    workspace.metrics.report()


def test_unknown_fields_are_reported_once_and_kept_in_the_raw_record(workspace: Workspace, tmp_path: Path) -> None:
    lines = [
        {**an_item(f"youtube:{n}"), "mood": "good", "metrics": [{"name": "views", "value": n, "was": 2}]}
        for n in range(3)
    ]
    result = bring(workspace, tmp_path, *lines)
    assert (result.items_new, result.observations_new, result.quarantined) == (3, 3, ())
    assert sorted(notice.split(" is not known")[0] for notice in result.notices) == [
        "The field metrics[].was", "The field mood",
    ]  # fmt: skip


def test_a_file_in_which_too_much_is_bad_is_refused_as_a_whole(
    clone: Clone, tmp_path: Path, superuser_connection: Connection
) -> None:
    with Engagerr(clone.settings(tmp_path / "h", ingestion={"quarantine_limit": 3})) as engagerr:
        workspace = engagerr.init("Strict")
        before = row_counts(superuser_connection)
        with pytest.raises(InvalidInput, match="More than 3 rows") as refused:
            bring(workspace, tmp_path, an_item("youtube:good"), *(f"bad {n}" for n in range(4)))
        assert "row 2" in (refused.value.hint or "")
        assert row_counts(superuser_connection) == before
        assert (
            len(bring(workspace, tmp_path, an_item("youtube:good"), *(f"bad {n}" for n in range(3))).quarantined) == 3
        )


def test_quarantine_lists_all_files_newest_first_each_in_its_own_order(workspace: Workspace, tmp_path: Path) -> None:
    first = bring(workspace, tmp_path, an_item("youtube:one"), "bad", "worse")
    second = bring(workspace, tmp_path, an_item("youtube:two"), "worst")
    every = workspace.ingestion.quarantine()
    assert sorted(bad.value or "" for _, bad in every) == ["bad", "worse", "worst"]
    assert [bad.row for _, bad in workspace.ingestion.quarantine(first.import_id)] == [2, 3]
    assert [bad.row for _, bad in workspace.ingestion.quarantine(second.import_id)] == [2]


def test_edges_that_clash_with_what_stands_are_set_aside(workspace: Workspace, tmp_path: Path) -> None:
    result = bring(
        workspace, tmp_path,
        *(an_item(f"youtube:{name}") for name in "abcd"),
        an_edge("youtube:a", "youtube:b"),
        an_edge("youtube:b", "youtube:c"),
        an_edge("youtube:a", "youtube:d"),
        an_edge("youtube:c", "youtube:a"),
        an_edge("youtube:a", "youtube:d", state="suggested"),
    )  # fmt: skip
    assert [(bad.row, bad.reason) for bad in result.quarantined] == [
        (7, "the child hangs on another parent already"), (8, "the parent already hangs below the child"),
    ]  # fmt: skip
    assert result.edges_new == 3
    root = workspace.content.tree("youtube:a")
    assert (root.native_id, root.children[0].native_id, root.children[0].children[0].native_id) == ("c", "b", "a")


def test_an_edge_that_was_rejected_here_stays_so(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, an_item("youtube:a"), an_item("youtube:b"), an_edge("youtube:a", "youtube:b"))
    workspace.content.unlink("youtube:a")
    result = bring(workspace, tmp_path, an_edge("youtube:a", "youtube:b"))
    [bad] = result.quarantined
    assert "rejected" in bad.reason
    assert [edge.state for edge in workspace.content.edges()] == ["rejected"]


def test_an_edge_that_a_person_confirmed_is_not_taken_back_by_a_file_that_only_suggests_it(
    workspace: Workspace, tmp_path: Path
) -> None:
    bring(workspace, tmp_path, an_item("youtube:a"), an_item("youtube:b"),
          an_edge("youtube:a", "youtube:b", state="suggested"))  # fmt: skip
    workspace.content.confirm(str(workspace.content.edges()[0].id))
    bring(workspace, tmp_path, an_edge("youtube:a", "youtube:b", state="suggested"), an_item("youtube:c"))
    assert [edge.state for edge in workspace.content.edges()] == ["confirmed"]
    assert len(workspace.content.tree("youtube:b").children) == 1


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
_FIELDS = st.sampled_from([
    "type", "platform", "account", "native_id", "creator", "kind", "title", "body", "url", "published_at", "links",
    "duration_seconds", "language", "hints", "metrics", "name", "country", "accounts", "rates", "audience", "child",
    "parent", "relation", "state", "topics",
])  # fmt: skip


@st.composite
def damaged_lines(draw: st.DrawFn) -> Line:
    good: Line = draw(st.sampled_from([
        an_item("youtube:x", account="@damaged", creator=None, title="T", metrics=[a_figure("views", 1)]),
        a_creator("Dee", accounts=[{"platform": "x", "handle": "dee", "followers": 1}], country="DE"),
        an_edge("youtube:good", "youtube:two"),
    ]))  # fmt: skip
    changes: dict[str, Any] = draw(st.dictionaries(_FIELDS, _JSON, min_size=1, max_size=3))
    return {**good, **changes}


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(damaged_lines(), min_size=5, max_size=25))
def test_whatever_stands_in_a_line_the_good_ones_land(workspace: Workspace, tmp_path: Path, lines: list[Line]) -> None:
    # Names of their own, so that one example's creators do not claim another's accounts.
    lines = [line if line.get("type") != "creator" else {**line, "accounts": None} for line in lines]
    encoded = [json.dumps(line) for line in lines]
    result = bring(workspace, tmp_path, an_item("youtube:good"), *encoded, an_item("youtube:two"), dry_run=True)
    assert result.items_new >= 2
    assert all(bad.reason and bad.fix and 2 <= bad.row <= len(lines) + 1 for bad in result.quarantined)
