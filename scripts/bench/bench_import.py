"""Import of a million observations from interchange JSONL, parse to commit, against a bare COPY of the same rows.

The bare COPY writes Python tuples (`cursor.copy`, `write_row`) of the same twelve columns into an unindexed copy of the
table: no parsing, no keys, no history, nothing that an import is for. It is the most that a Python client could reach.
Both run on the same server, in turns.
"""

from __future__ import annotations

import gc
import statistics
import time
from pathlib import Path
from typing import Any

from engagerr import Engagerr, Workspace
from interchange_files import Shape, write_interchange
from measuring import SUPERUSER, Home, Limit, arguments, finish, say, spread, step, temporary_home

COLUMNS = (
    "tenant_id, subject_id, metric, observed_at, period_days, revision, value, state, currency, import_id, row, part"
)
EMPTY = """
TRUNCATE content_items, content_item_versions, content_links, content_edges, content_decisions, content_nodes,
  content_terms, content_review_skips,
  campaign_items, metric_observations, imports, raw_payloads, quarantined_rows
"""


def timed_import(work: Workspace, file: Path) -> tuple[float, int, Any]:
    """Seconds from the open file to the commit, observations written, and the import's id."""
    gc.collect()
    started = time.perf_counter()
    result = work.ingestion.import_file(file)
    seconds = time.perf_counter() - started
    if result.quarantined:
        raise RuntimeError(f"{len(result.quarantined)} rows were refused: {result.quarantined[0]}")
    return seconds, result.observations_new, result.import_id


def bare_copies(home: Home, import_id: Any) -> tuple[float, float]:
    """Seconds for the rows of an import as Python tuples, and as bytes that are formatted already."""
    with home.connect(SUPERUSER, autocommit=False) as connection:
        whole = connection.execute(f"SELECT {COLUMNS} FROM metric_observations WHERE import_id = %s", [import_id])
        # As a program has them that reads JSON: plain numbers.
        rows = [
            (*row[:6], None if row[6] is None else int(row[6]) if row[6] == int(row[6]) else float(row[6]), *row[7:])
            for row in whole
        ]
        with (
            connection.cursor() as cursor,
            cursor.copy(
                f"COPY (SELECT {COLUMNS} FROM metric_observations WHERE import_id = '{import_id}') TO STDOUT"
            ) as copy,
        ):
            blocks = [bytes(block) for block in copy]
        connection.rollback()
        seconds = []
        for formatted in (False, True):
            connection.execute("DROP TABLE IF EXISTS bare")
            connection.execute("CREATE TABLE bare (LIKE metric_observations)")
            connection.commit()
            checkpoint(home)
            gc.collect()
            started = time.perf_counter()
            with connection.cursor() as cursor, cursor.copy(f"COPY bare ({COLUMNS}) FROM STDIN") as copy:
                if formatted:
                    for at in range(0, len(blocks), 1000):
                        copy.write(b"".join(blocks[at : at + 1000]))
                else:
                    for row in rows:
                        copy.write_row(row)
            connection.commit()
            seconds.append(time.perf_counter() - started)
    return seconds[0], seconds[1]


def checkpoint(home: Home) -> None:
    """Let nobody pay for what another one wrote."""
    with home.connect(SUPERUSER) as connection:
        connection.execute("CHECKPOINT")


def main() -> None:
    """Write files, import them, copy the same rows, print."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--items", type=int, default=25_000)
    parser.add_argument("--observations", type=int, default=40, help="observations of each item")
    parser.add_argument("--line-each", action="store_true", help="a line of its own for every observation")
    parser.add_argument("--newer", action="store_true", help="time a newer export of items that are known already")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    shape = Shape(options.items, options.observations, options.line_each)
    imports, tuples, formatted, ratios, ratios_formatted = [], [], [], [], []
    with temporary_home() as home, Engagerr.open(home=home.path) as engagerr:
        work = engagerr.init("Bench")
        file, newer_file = home.path / "export.jsonl", home.path / "newer.jsonl"
        for number in range(options.rounds):
            with step(f"import: round {number + 1}, writing the file"):
                write_interchange(file, shape, seed=number)
                if options.newer:
                    write_interchange(newer_file, shape, seed=number, newer=True)
            with home.connect(SUPERUSER) as connection:
                connection.execute(EMPTY)
            if options.newer:
                timed_import(work, file)
            checkpoint(home)
            with step("import"):
                seconds, observations, import_id = timed_import(work, newer_file if options.newer else file)
            bare, bytes_only = bare_copies(home, import_id)
            say(f"  {observations:,} rows: import {seconds:.2f} s, tuples {bare:.2f} s, bytes {bytes_only:.2f} s")
            imports.append(observations / seconds)
            tuples.append(observations / bare)
            formatted.append(observations / bytes_only)
            ratios.append(bare / seconds)
            ratios_formatted.append(bytes_only / seconds)
        megabytes = (newer_file if options.newer else file).stat().st_size / 1e6
    finish(
        "import",
        [
            Limit(
                "rows/s of an import, parse to commit / rows/s of a bare COPY of Python tuples",
                statistics.median(ratios),
                at_least=0.35,
                figures={
                    "import_rows_per_s": spread(imports, 0),
                    "bare_copy_rows_per_s": spread(tuples, 0),
                    "ratio": spread(ratios),
                },
            )
        ],
        sizes={
            "items": shape.items,
            "observations_of_each": shape.observations,
            "observations_written": observations,
            "a_line_for_each_observation": shape.line_each,
            "newer_export_of_known_items": options.newer,
            "file_mb": round(megabytes, 1),
        },
        also={
            "bare_copy_of_formatted_bytes_rows_per_s": spread(formatted, 0),
            "ratio_to_formatted_bytes": spread(ratios_formatted),
        },
        assert_limits=options.assert_limits,
    )


if __name__ == "__main__":
    main()
