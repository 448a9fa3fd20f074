"""Memory of an import: the peak of a process that imports a million observations against one that imports a tenth.

Each import runs in a process of its own that reports the most memory it ever held (`getrusage`, as the kernel counts).
The database's own memory is not in it: that is set by its configuration and not by the file.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

from engagerr import Engagerr
from interchange_files import Shape, write_interchange
from measuring import Home, Limit, arguments, finish, spread, step, temporary_home

IMPORT = """
import json, resource, sys
from engagerr import Engagerr
unit = 1 if sys.platform == "darwin" else 1024
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
with Engagerr.open() as engagerr:
    work = engagerr.workspace()
    work.ingestion.history(limit=1)
    idle = peak()
    result = work.ingestion.import_file(sys.argv[1])
assert not result.quarantined, result.quarantined[0]
print(json.dumps({"idle": idle, "peak": peak(), "observations": result.observations_new}))
"""


def import_apart(home: Home, shape: Shape, *, seed: int) -> dict[str, int]:
    """Bytes held before and at the peak by a process that imports a new file of this shape."""
    file = home.path / f"export-{seed}.jsonl"
    write_interchange(file, shape, seed=seed)
    done = subprocess.run(
        [sys.executable, "-c", IMPORT, str(file)],
        env=home.environment(), stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    file.unlink()
    answer: dict[str, int] = json.loads(done.stdout)
    if answer["observations"] != shape.rows:
        raise RuntimeError(f"{answer['observations']} of {shape.rows} observations were imported")
    return answer


def main() -> None:
    """Import small and large files in turns, print."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--large", type=int, default=1_000_000, help="observations of the large file")
    parser.add_argument("--small", type=int, default=100_000, help="observations of the small file")
    parser.add_argument("--observations", type=int, default=40, help="observations of each item")
    parser.add_argument("--line-each", action="store_true", help="a line of its own for every observation")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    small, large = (
        Shape(rows // options.observations, options.observations, options.line_each)
        for rows in (options.small, options.large)
    )
    peaks: dict[str, list[float]] = {"small": [], "large": [], "idle": []}
    with temporary_home() as home:
        with Engagerr.open(home=home.path) as engagerr:
            engagerr.init("Bench")
        for number in range(options.rounds):
            for name, shape in (("small", small), ("large", large)):
                with step(f"memory: {shape.rows:,} observations"):
                    answer = import_apart(home, shape, seed=2 * number + (shape is large))
                peaks[name].append(answer["peak"] / 2**20)
                peaks["idle"].append(answer["idle"] / 2**20)
    finish(
        "import_memory",
        [
            Limit(
                f"peak memory for {large.rows:,} observations / for {small.rows:,}",
                statistics.median(peaks["large"]) / statistics.median(peaks["small"]),
                at_most=1.5,
                figures={
                    "small_mib": spread(peaks["small"], 1),
                    "large_mib": spread(peaks["large"], 1),
                    "before_the_import_mib": spread(peaks["idle"], 1),
                },
            )
        ],
        sizes={
            "small_observations": small.rows,
            "large_observations": large.rows,
            "observations_of_each_item": options.observations,
            "a_line_for_each_observation": options.line_each,
        },
        also={},
        assert_limits=options.assert_limits,
    )


if __name__ == "__main__":
    main()
