"""Export, import into an empty workspace, export again: the same bytes."""

from __future__ import annotations

import itertools
import json
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.errors import Forbidden
from engagerr.core.integrations.records import Period
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.factories import colleague
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone
from tests.lines import Line, a_creator, a_figure, an_edge, an_item, bring, exported, exported_lines

SAMPLE = Path(__file__).parents[3] / "scripts" / "sample_data"
Opened = Callable[[], Workspace]


@pytest.fixture
def an_empty_workspace(clone: Clone, tmp_path: Path) -> Iterator[Opened]:
    """Opens a new agency in the test's database: tenants never meet, so each is empty. The last two stay open."""
    opened: deque[Engagerr] = deque()
    numbers = itertools.count()

    def open_one() -> Workspace:
        number = next(numbers)
        opened.append(Engagerr(clone.settings(tmp_path / f"home-{number}"), clock=SteeredClock()))
        if len(opened) > 2:
            opened.popleft().close()
        return opened[-1].init(f"Agency {number}")

    yield open_one
    for engagerr in opened:
        engagerr.close()


def again(exported_bytes: bytes, empty: Workspace, folder: Path) -> bytes:
    """What an empty workspace exports after it imported these bytes."""
    path = folder / "export.jsonl"
    path.write_bytes(exported_bytes)
    result = empty.ingestion.import_file(path)
    assert result.quarantined == ()
    return exported(empty)


def assert_same(first: bytes, second: bytes) -> None:
    """With the first difference in words: two exports are long."""
    for one, other in zip(first.splitlines(), second.splitlines(), strict=False):
        assert json.loads(one) == json.loads(other)
        assert one == other
    assert first == second


# --- the sample that comes with Engagerr ----------------------------------------------------------------------------


def import_sample(workspace: Workspace) -> None:
    for entry in json.loads((SAMPLE / "manifest.json").read_text(encoding="utf-8")):
        first, _, last = (entry["period"] or "").partition("..")
        workspace.ingestion.import_file(
            SAMPLE / entry["path"],
            creator=entry["creator"],
            account=entry["account"],
            period=Period(date.fromisoformat(first), date.fromisoformat(last)) if first else None,
            observed_at=datetime.fromisoformat(entry["observed_at"]),
        )


def test_the_sample_agency_comes_back_byte_for_byte_after_decisions(
    workspace: Workspace, an_empty_workspace: Opened, tmp_path: Path
) -> None:
    import_sample(workspace)
    edges = workspace.content.suggest().edges
    automatic = [str(edge.id) for edge in edges if edge.state == "auto_confirmed"]
    hung = {(edge.child.platform, edge.child.native_id) for edge in edges if edge.state == "auto_confirmed"}
    suggested = [
        str(edge.id)
        for edge in edges
        if edge.state == "suggested" and (edge.child.platform, edge.child.native_id) not in hung
    ]
    assert len(automatic) > 5
    workspace.content.reject(*automatic[:3], *suggested[:1])
    workspace.content.confirm(automatic[4])
    if len(suggested) > 1:
        workspace.content.confirm(suggested[1])
    workspace.content.suggest()  # what was rejected makes room for the next best
    states = {edge.state for edge in workspace.content.edges()}
    assert states >= {"rejected", "confirmed", "auto_confirmed"}
    first = exported(workspace)
    assert first.count(b"\n") > 300
    empty = an_empty_workspace()
    assert_same(first, again(first, empty, tmp_path))
    # The families came back too, and not only their lines.
    assert [(family.title, family.items, family.totals) for family in empty.content.families()] == [
        (family.title, family.items, family.totals) for family in workspace.content.families()
    ]


# --- generated workspaces -------------------------------------------------------------------------------------------

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12) | st.sampled_from(
    [
        "tab\there",
        "new\nline\r\n",
        "back\\slash \\N \\.",
        "quote \" ' {a,b}",
        "nul\0nul",
        "𝔘𝔫𝔦\u202e",
        " lead and trail ",
        "null",
    ]
)
_MOMENT = st.datetimes(datetime(2005, 1, 1), datetime(2026, 10, 31), timezones=st.just(UTC)).map(
    lambda moment: moment.isoformat()
)
_FEW_MOMENTS = st.sampled_from(["2026-09-01T00:00:00Z", "2026-10-01T00:00:00.123456Z", "2026-10-01T02:00:00+02:00"])
_LONG_DECIMALS = (
    "0.1000000000000000000000000000001", "123456789012345678901234567890.5", "1e-30", "12345678901234567890123",
    "0.30000000000000004", "1e22", "2.5e3", "100.00", "-0.0", "1E+5",
)  # fmt: skip
_NUMBER = st.integers(0, 10**20) | st.floats(0, 1e15) | st.sampled_from(_LONG_DECIMALS)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.floats(-1e9, 1e9) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=5,
)


class _Number(str):
    """A number as it is written in the file, digit for digit."""


def _figure() -> st.SearchStrategy[Line]:
    with_value = st.fixed_dictionaries(
        {
            "name": st.sampled_from(["views", "likes", "revenue"]),
            "value": _NUMBER.map(_as_number),
            "observed_at": _FEW_MOMENTS,
        },
        optional={
            "period_days": st.sampled_from([0, 1, 28]),
            "currency": st.sampled_from(["EUR", "USD"]),
            "state": st.sampled_from(["estimated"]),
        },
    )
    without = st.fixed_dictionaries(
        {"name": st.sampled_from(["views", "likes", "saves"]), "observed_at": _FEW_MOMENTS,
         "state": st.sampled_from(["not_reported", "suppressed", "expired", "not_applicable", "permission_denied"])},
        optional={"period_days": st.sampled_from([0, 7])},
    )  # fmt: skip
    return with_value | without


def _as_number(value: Any) -> Any:
    return _Number(value) if isinstance(value, str) else value


def _written(line: Line) -> str:
    """JSON, with long decimals written as they are and not through a float."""
    held: list[str] = []

    def keep(value: Any) -> Any:
        if isinstance(value, _Number):
            held.append(str(value))
            return f"@@{len(held) - 1}@@"
        if isinstance(value, dict):
            return {key: keep(entry) for key, entry in value.items()}
        return [keep(entry) for entry in value] if isinstance(value, list) else value

    text = json.dumps(keep(line))
    for number, digits in enumerate(held):
        text = text.replace(f'"@@{number}@@"', digits)
    return text


@st.composite
def a_workspace(draw: st.DrawFn) -> list[Line]:
    """Lines of a whole workspace: creators with all that hangs on them, items, edges in all states."""
    creators = draw(st.lists(st.sampled_from(["Ann", "bo", "Čy", "Ünal", "李"]), min_size=1, max_size=3, unique=True))
    platforms = ("youtube", "podcast", "x", "my own: platform")
    lines: list[Line] = []
    for number, name in enumerate(creators):
        optional = {
            "country": st.sampled_from(["DE", "us"]), "languages": st.lists(_TEXT, max_size=2),
            "topics": st.lists(_TEXT, max_size=2), "bio": _TEXT,
            "rates": st.lists(st.fixed_dictionaries({
                "deliverable": st.sampled_from(["post", "reel"]),
                "amount": st.fixed_dictionaries({"minor": st.integers(0, 10**12),
                                                 "currency": st.sampled_from(["EUR", "USD"])})}), max_size=3),
            "audience": st.lists(st.fixed_dictionaries({
                "dimension": st.sampled_from(["country", "age"]), "value": st.sampled_from(["DE", "18-24", "ü"]),
                "share": st.floats(0, 1) | st.sampled_from([_Number("0.3333333333333333333333333333333333")]),
                "observed_at": _FEW_MOMENTS}), max_size=3),
        }  # fmt: skip
        account = {"platform": draw(st.sampled_from(platforms[:3])), "handle": f"@Acc.{number}",
                   **draw(st.fixed_dictionaries({}, optional={
                       "native_id": st.just(f"UC{number}"), "name": _TEXT, "url": _TEXT,
                       "metrics": st.lists(_figure(), max_size=3)}))}  # fmt: skip
        lines.append(a_creator(name, accounts=[account], **draw(st.fixed_dictionaries({}, optional=optional))))
    items = draw(st.integers(2, 7))
    names = []
    for number in range(items):
        platform = draw(st.sampled_from(platforms))
        native_id = f"{number}{draw(st.sampled_from(['', ':x', '/ä', 'Z', 'a']))}"
        owner = draw(st.integers(0, len(creators) - 1))
        names.append((platform, native_id))
        fields = draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "kind": st.sampled_from(["long_video", "short_video", "episode", "post", "odd kind", ""]),
                    "title": _TEXT,
                    "body": _TEXT,
                    "url": _TEXT,
                    "published_at": _MOMENT,
                    "language": st.sampled_from(["de", ""]),
                    "duration_seconds": _NUMBER.map(_as_number),
                    "links": st.lists(_TEXT, max_size=3),
                    "hints": st.dictionaries(_TEXT, _JSON, max_size=3),
                    "metrics": st.lists(_figure(), max_size=6),
                },
            )
        )
        whose = draw(st.sampled_from([creators[owner], None]))
        handle = f"@own{owner}" if whose else "@nobodys"
        lines.append({"type": "item", "platform": platform, "native_id": native_id, "account": handle,
                      **({"creator": whose} if whose else {}), **fields})  # fmt: skip
    for child in range(1, items):
        # Each hangs on an earlier one, so that no confirmed edges clash.
        if draw(st.booleans()):
            parent = draw(st.integers(0, child - 1))
            ends = (
                {"platform": platform, "native_id": native_id} for platform, native_id in (names[child], names[parent])
            )
            lines.append(
                {
                    "type": "edge",
                    "child": next(ends),
                    "parent": next(ends),
                    "relation": draw(st.sampled_from(["clip_of", "same_work", "part_of"])),
                    "state": draw(st.sampled_from(["suggested", "auto_confirmed", "confirmed", "rejected"])),
                }
            )
    return lines


# Not shrunk: each example is two imports, and the first difference is told line by line.
@settings(
    max_examples=12,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(lines=a_workspace())
def test_any_workspace_comes_back_byte_for_byte(an_empty_workspace: Opened, tmp_path: Path, lines: list[Line]) -> None:
    one = an_empty_workspace()
    result = bring(one, tmp_path, *(_written(line) for line in lines))
    assert result.quarantined == ()
    first = exported(one)
    assert_same(first, again(first, an_empty_workspace(), tmp_path))


@pytest.mark.parametrize("digits", _LONG_DECIMALS)
def test_a_number_keeps_every_digit(an_empty_workspace: Opened, tmp_path: Path, digits: str) -> None:
    one = an_empty_workspace()
    line = _written(an_item("x:1", duration_seconds=_Number(digits), metrics=[
        {"name": "likes", "value": _Number(digits), "observed_at": "2026-10-01T00:00:00Z"}]))  # fmt: skip
    bring(one, tmp_path, line)
    first = exported(one)
    parsed = [json.loads(text, parse_float=Decimal, parse_int=Decimal) for text in first.splitlines()][-1]
    assert parsed["metrics"][0]["value"] == Decimal(digits)
    assert parsed["duration_seconds"] == Decimal(digits)
    assert_same(first, again(first, an_empty_workspace(), tmp_path))


def test_long_decimals_of_a_csv_survive_export_and_import(
    workspace: Workspace, an_empty_workspace: Opened, tmp_path: Path
) -> None:
    path = tmp_path / "Table data.csv"
    path.write_text(
        "Content,Video title,Video publish time,Duration,Estimated revenue (USD)\n"
        "dQw4w9WgXcQ,A,,61,0.1000000000000000000000000000001\n",
        encoding="utf-8",
    )
    workspace.ingestion.import_file(path, creator="Ann")
    first = exported(workspace)
    assert b"0.1000000000000000000000000000001" in first
    assert_same(first, again(first, an_empty_workspace(), tmp_path))


def test_revisions_come_back_in_their_order(workspace: Workspace, an_empty_workspace: Opened, tmp_path: Path) -> None:
    for title, value in (("a", 1), ("b", 2), ("c", 1), ("d", None)):
        bring(
            workspace, tmp_path, an_item("youtube:one", title=title, metrics=[a_figure("views", value, "2026-10-01")])
        )
    first = exported(workspace)
    empty = an_empty_workspace()
    assert_same(first, again(first, empty, tmp_path))
    assert [(row.reported, row.state, row.revision) for row in empty.metrics.show("youtube:one")] == [
        (1, "value", 0), (2, "value", 1), (1, "value", 2), (None, "not_reported", 3),
    ]  # fmt: skip


def test_edges_in_all_four_states_come_back(workspace: Workspace, an_empty_workspace: Opened, tmp_path: Path) -> None:
    bring(workspace, tmp_path, *(an_item(f"youtube:{name}", kind="long_video") for name in "abcdef"))
    workspace.content.link("youtube:b", "youtube:a", relation="part_of")
    workspace.content.link("youtube:c", "youtube:b", relation="clip_of")
    workspace.content.unlink("youtube:c")
    bring(workspace, tmp_path, an_edge("youtube:d", "youtube:a", state="suggested"),
          an_edge("youtube:e", "youtube:d", "same_work", state="auto_confirmed"))  # fmt: skip
    first = exported(workspace)
    empty = an_empty_workspace()
    assert_same(first, again(first, empty, tmp_path))
    assert sorted(edge.state for edge in empty.content.edges()) == [
        "auto_confirmed", "confirmed", "rejected", "suggested",
    ]  # fmt: skip


def test_what_was_rejected_and_linked_otherwise_is_not_suggested_by_the_way_back(
    workspace: Workspace, an_empty_workspace: Opened, tmp_path: Path
) -> None:
    # The link says clip_of; a person said derived_from, and then took even that back.
    bring(
        workspace, tmp_path, an_item("youtube:dQw4w9WgXcQ", kind="long_video"), an_item("tiktok:1", kind="short_video")
    )
    workspace.content.link("tiktok:1", "youtube:dQw4w9WgXcQ", relation="derived_from")
    bring(workspace, tmp_path, an_item("tiktok:1", body="https://youtu.be/dQw4w9WgXcQ"))
    workspace.content.unlink("tiktok:1")
    first = exported(workspace)
    assert_same(first, again(first, an_empty_workspace(), tmp_path))


def test_a_link_that_was_taken_out_of_a_text_adds_nothing_on_the_way_back(
    workspace: Workspace, an_empty_workspace: Opened, tmp_path: Path
) -> None:
    bring(
        workspace, tmp_path,
        *(an_item(f"youtube:{video}", kind="long_video") for video in ("aaaaaaaaaaa", "bbbbbbbbbbb")),
        an_item("youtube:ccccccccccc", kind="long_video",
                body="https://youtu.be/aaaaaaaaaaa https://youtu.be/bbbbbbbbbbb"),
    )  # fmt: skip
    assert workspace.content.edges() == ()
    bring(workspace, tmp_path, an_item("youtube:ccccccccccc", body="https://youtu.be/aaaaaaaaaaa"))
    workspace.content.suggest()
    first = exported(workspace)
    assert_same(first, again(first, an_empty_workspace(), tmp_path))


def test_an_export_of_nothing_is_empty(workspace: Workspace) -> None:
    assert exported(workspace) == b""


def test_an_export_does_not_depend_on_the_order_of_import(an_empty_workspace: Opened, tmp_path: Path) -> None:
    lines = [
        a_creator("Zoe", topics=["b", "a"]),
        a_creator("adam", accounts=[{"platform": "x", "handle": "Adam"}]),
        an_item(
            "youtube:b", creator="Zoe", metrics=[a_figure("views", 2, "2026-10-01"), a_figure("likes", 1, "2026-09-01")]
        ),
        an_item("youtube:B", creator="Zoe"),
        an_item("instagram:ä", creator="adam"),
        an_edge("youtube:b", "youtube:B"),
        an_edge("instagram:ä", "youtube:B", state="rejected"),
    ]
    one, other = an_empty_workspace(), an_empty_workspace()
    bring(one, tmp_path, *lines)
    for line in (*reversed(lines[:5]), *reversed(lines[5:])):
        bring(other, tmp_path, line)
    assert_same(exported(one), exported(other))


def test_an_export_holds_only_what_this_tenant_has(
    workspace: Workspace, other_workspace: Workspace, tmp_path: Path
) -> None:
    bring(workspace, tmp_path, an_item("youtube:ours"), a_creator("Ann Lee", bio="Secret"))
    bring(other_workspace, tmp_path, an_item("youtube:theirs", creator="Bo"))
    assert [line.get("native_id") for line in exported_lines(other_workspace) if line["type"] == "item"] == ["theirs"]
    assert b"Secret" not in exported(other_workspace)


def test_rates_go_out_only_with_those_who_may_read_them(workspace: Workspace, engagerr: Engagerr) -> None:
    with pytest.raises(Forbidden):
        exported(colleague(workspace, engagerr, "viewer"))
    assert exported(colleague(workspace, engagerr, "finance")) == b""


def test_an_export_of_many_pages_is_complete(workspace: Workspace, tmp_path: Path) -> None:
    bring(
        workspace,
        tmp_path,
        *(an_item(f"youtube:{n}", metrics=[a_figure("views", n, "2026-10-01")]) for n in range(2500)),
    )
    lines = [line for line in exported_lines(workspace) if line["type"] == "item"]
    assert [line["native_id"] for line in lines] == sorted(str(n) for n in range(2500))
    assert all(line["metrics"][0]["value"] == int(line["native_id"]) for line in lines)
