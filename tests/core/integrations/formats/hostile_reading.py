"""Reads hostile files with every format in a process whose memory is bounded; run by test_hostile.py.

    python hostile_reading.py FOLDER BYTES ROWS

Every file in FOLDER is given to every format, recognised or not; one named FORMAT=NAME to that format alone. Prints
{file: {format: [what, message, hint, seconds, bytes read]}}; what is "refused", "read" (to its end), "enough" (more
rows were refused than an import takes) or, for a fault, the name of the exception.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from engagerr.core.errors import EngagerrError
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.formats.table import FORMATS
from engagerr.core.integrations.records import Rejection

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def bytes_read() -> int:
    """What this process has read from files so far."""
    for line in Path("/proc/self/io").read_text().splitlines():
        if line.startswith("rchar:"):
            return int(line.split()[1])
    return 0


def outcome(known: Format, path: Path, rows: int) -> list[str | float | None]:
    source = Source(path, NOW)
    before, began = bytes_read(), time.process_time()
    what: list[str | None]
    try:
        known.recognise(source)
        refused = 0
        what = ["read", None, None]
        for record in known.parse(source, Reading(now=NOW)):
            refused += isinstance(record, Rejection)
            if refused > rows:
                what = ["enough", record.reason if isinstance(record, Rejection) else None, None]
                break
    except EngagerrError as error:
        what = ["refused", error.message, error.hint]
    except BaseException as error:  # noqa: BLE001  every fault is told to the parent
        what = [type(error).__name__, str(error)[:300], None]
    return [*what, round(time.process_time() - began, 3), bytes_read() - before]


def main() -> None:
    folder, limit, rows = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    print(
        json.dumps(
            {
                path.name: {
                    known.name: outcome(known, path, rows)
                    for known in FORMATS
                    if path.name.partition("=")[0] in (path.name, known.name)
                }
                for path in sorted(folder.iterdir())
            }
        )
    )


if __name__ == "__main__":
    main()
