"""Imports that run at the same time: one set of rows, no error, and nobody waits for another tenant."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from engagerr import Engagerr, Settings, Workspace
from engagerr.core.errors import Conflict
from engagerr.core.ingestion import ImportProgress, ImportResult
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone, Connection
from tests.lines import a_creator, a_figure, an_edge, an_item, bring, row_counts, write_lines

WAIT = 30


@contextmanager
def several(settings: Settings, clock: SteeredClock, count: int) -> Iterator[list[Workspace]]:
    """The same workspace, opened by several Engagerr objects as several processes would."""
    with ExitStack() as stack:
        yield [stack.enter_context(Engagerr(settings, clock=clock)).workspace() for _ in range(count)]


def together(*imports: Callable[[Callable[[ImportProgress], None]], ImportResult]) -> list[ImportResult]:
    """Run the imports at once: none begins to land before all have read their file."""
    ready = threading.Barrier(len(imports))

    def wait_for_the_others(progress: ImportProgress) -> None:
        if progress.phase == "landing":
            ready.wait(timeout=WAIT)

    with ThreadPoolExecutor(len(imports)) as pool:
        running: list[Future[ImportResult]] = [pool.submit(start, wait_for_the_others) for start in imports]
        return [result.result(timeout=WAIT) for result in running]


def importer(
    workspace: Workspace, path: Path, **options: str
) -> Callable[[Callable[[ImportProgress], None]], ImportResult]:
    return lambda progress: workspace.ingestion.import_file(path, progress=progress, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [2, 4])
def test_of_concurrent_imports_of_one_file_one_lands_and_the_others_say_so(
    workspace: Workspace,
    settings: Settings,
    clock: SteeredClock,
    tmp_path: Path,
    superuser_connection: Connection,
    count: int,
) -> None:
    lines = [
        an_item(f"youtube:v{n}", metrics=[a_figure("views", n, f"2026-{month:02}-01") for month in range(1, 11)])
        for n in range(200)
    ]
    path = write_lines(tmp_path / "one.jsonl", a_creator("Ann Lee", topics=["tech"]), *lines, "not json")
    with several(settings, clock, count) as workspaces:
        results = together(*(importer(one, path) for one in workspaces))
    landed = [result for result in results if result.already_imported is None]
    assert len(landed) == 1
    assert (landed[0].items_new, landed[0].observations_new, landed[0].creators_new) == (200, 2000, 1)
    for result in results:
        assert (result.import_id, result.rows, len(result.quarantined)) == (landed[0].import_id, 202, 1)
        assert result is landed[0] or (result.items_new, result.observations_new, result.unchanged) == (0, 0, 201)
    counts = row_counts(superuser_connection)
    assert (counts["content_items"], counts["metric_observations"], counts["imports"]) == (200, 2000, 1)
    assert (counts["creators"], counts["accounts"], counts["quarantined_rows"]) == (1, 1, 1)
    assert workspace.verify_audit().intact


def test_concurrent_imports_of_overlapping_files_end_in_the_union(
    workspace: Workspace, settings: Settings, clock: SteeredClock, tmp_path: Path, superuser_connection: Connection
) -> None:
    def lines(first: int, last: int, month: int) -> list[dict[str, object]]:
        return [
            *(an_item(f"youtube:v{n}", title=f"Video {n}",
                      metrics=[a_figure("views", n, "2026-06-01"), a_figure("views", n, f"2026-{month:02}-01")])
              for n in range(first, last)),
            an_edge("youtube:v55", "youtube:v50"),
        ]  # fmt: skip

    one = write_lines(tmp_path / "one.jsonl", *lines(0, 100, 7))
    two = write_lines(tmp_path / "two.jsonl", *reversed(lines(50, 150, 8)[:-1]), lines(0, 0, 8)[-1])
    with several(settings, clock, 2) as (left, right):
        results = together(importer(left, one), importer(right, two))
    assert sum(result.items_new for result in results) == 150
    assert sum(result.observations_new for result in results) == 150 + 200
    assert sum(result.items_updated for result in results) == 0
    assert sum(result.edges_new for result in results) == 1
    assert all(result.quarantined == () for result in results)
    counts = row_counts(superuser_connection)
    assert (counts["content_items"], counts["metric_observations"]) == (150, 350)
    assert (counts["creators"], counts["accounts"], counts["content_edges"]) == (1, 1, 1)


def test_two_corrections_of_one_moment_at_once_are_both_kept(
    workspace: Workspace, settings: Settings, clock: SteeredClock, tmp_path: Path
) -> None:
    bring(workspace, tmp_path, an_item("youtube:one", metrics=[a_figure("views", 1, "2026-10-01")]))
    paths = [
        write_lines(tmp_path / f"{n}.jsonl", an_item("youtube:one", metrics=[a_figure("views", n, "2026-10-01")]))
        for n in (2, 3)
    ]
    with several(settings, clock, 2) as workspaces:
        together(*(importer(one, path) for one, path in zip(workspaces, paths, strict=True)))
    shown = workspace.metrics.show("youtube:one")
    assert [row.revision for row in shown] == [0, 1, 2]
    assert {row.reported for row in shown} == {1, 2, 3}


def test_a_dry_run_beside_an_import_of_the_same_file_disturbs_nothing(
    workspace: Workspace, settings: Settings, clock: SteeredClock, tmp_path: Path, superuser_connection: Connection
) -> None:
    path = write_lines(tmp_path / "one.jsonl", *(an_item(f"youtube:v{n}", metrics=[a_figure("views", 1, "2011-03-01")])
                                                 for n in range(50)))  # fmt: skip
    with several(settings, clock, 2) as (left, right):
        real, dry = together(
            importer(left, path),
            lambda progress: right.ingestion.import_file(path, progress=progress, dry_run=True),
        )
    assert (real.items_new, real.already_imported, dry.dry_run) == (50, None, True)
    assert row_counts(superuser_connection)["content_items"] == 50


def test_the_same_bytes_for_two_creators_at_once_go_to_one_of_them(
    workspace: Workspace, settings: Settings, clock: SteeredClock, tmp_path: Path
) -> None:
    path = tmp_path / "Table data.csv"
    path.write_text("Content,Video title,Video publish time,Duration,Views\ndQw4w9WgXcQ,A,,61,5\n", encoding="utf-8")
    outcomes: list[object] = []

    def attempt(one: Workspace, creator: str) -> Callable[[Callable[[ImportProgress], None]], ImportResult]:
        def run(progress: Callable[[ImportProgress], None]) -> ImportResult:
            try:
                result = one.ingestion.import_file(path, creator=creator, progress=progress)
            except Conflict as refused:
                outcomes.append(refused)
                raise
            outcomes.append(result)
            return result

        return run

    with (
        several(settings, clock, 2) as (left, right),
        pytest.raises(Conflict, match="was imported on 2026-11-01 for"),
    ):
        together(attempt(left, "Ann"), attempt(right, "Bo"))
    assert len([outcome for outcome in outcomes if isinstance(outcome, ImportResult)]) == 1
    assert len(workspace.roster.list()) == 1


def test_another_tenant_does_not_wait(
    workspace: Workspace, other_workspace: Workspace, engagerr: Engagerr, tmp_path: Path
) -> None:
    ours = write_lines(tmp_path / "ours.jsonl", an_item("youtube:one", metrics=[a_figure("views", 1)]))
    theirs = write_lines(tmp_path / "theirs.jsonl", an_item("youtube:one", metrics=[a_figure("views", 2)]))
    with engagerr.database.transaction(workspace.tenant.id) as session:
        from engagerr.core.ingestion.landing import lock_imports

        lock_imports(session, workspace.tenant.id)
        # Somebody of ours is landing a file; the other agency's import goes through all the same.
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(other_workspace.ingestion.import_file, theirs).result(timeout=WAIT).items_new == 1
    assert workspace.ingestion.import_file(ours).items_new == 1
    assert [row.reported for row in workspace.metrics.show("youtube:one")] == [1]


def test_decisions_while_a_file_lands_are_neither_lost_nor_refused(
    workspace: Workspace, settings: Settings, clock: SteeredClock, tmp_path: Path
) -> None:
    bring(workspace, tmp_path, *(an_item(f"youtube:v{n}") for n in range(60)))
    path = write_lines(
        tmp_path / "edges.jsonl", *(an_edge(f"youtube:v{n}", "youtube:v0", "part_of") for n in range(1, 30))
    )
    landing = threading.Event()
    with several(settings, clock, 2) as (left, right), ThreadPoolExecutor(1) as pool:
        imported = pool.submit(
            left.ingestion.import_file,
            path,
            progress=lambda progress: landing.set() if progress.phase == "landing" else None,
        )
        assert landing.wait(timeout=WAIT)
        for n in range(30, 60):
            right.content.link(f"youtube:v{n}", "youtube:v0", relation="part_of")
        assert imported.result(timeout=WAIT).edges_new == 29
    assert len(workspace.content.tree("youtube:v0").children) == 59


def test_as_many_imports_as_one_engagerr_has_connections_do_not_block_each_other(
    clone: Clone, tmp_path: Path, clock: SteeredClock
) -> None:
    paths = [
        write_lines(
            tmp_path / f"{n}.jsonl", an_item(f"youtube:{n}", metrics=[a_figure("views", n, f"2026-0{n + 1}-01")])
        )
        for n in range(2)
    ]
    with Engagerr(clone.settings(tmp_path / "h", database={"pool_size": 2}), clock=clock) as shared:
        workspace = shared.init("Shared")
        results = together(*(importer(workspace, path) for path in paths))
    assert [result.items_new for result in results] == [1, 1]
