"""Import of every real file beside the checkout (../shared/data) through the public verb, each into its own workspace.

A file that names no account is imported a second time with what the refusal asks for. A broken file must be refused,
quarantined or read with a word on its damage; every other is imported, or stands in the argued list of `real_files`.
The outcomes are exact, so their limits are counts and not ratios of time.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engagerr import Engagerr, Workspace
from engagerr.core.errors import EngagerrError
from engagerr.core.ingestion import ImportResult
from engagerr.core.settings import Settings
from measuring import APP, Home, Limit, arguments, finish, say, temporary_home
from real_files import (
    BROKEN_WITHOUT_LOSS,
    FILES_ARE_AT,
    broken_files,
    real_files,
    tells_of_damage,
    why_nothing,
)

WHEN = datetime(2026, 11, 1, tzinfo=UTC)
CREATOR = "A Creator"
IMPORTED, QUARANTINED, REFUSED, CRASHED = "imported", "imported with quarantine", "refused", "crashed"
NOTHING = "nothing to import"


@dataclass(slots=True)
class Outcome:
    """What became of one file. `asked_for` is what the first refusal wanted to know."""

    path: str
    what: str
    seconds: float
    asked_for: str | None = None
    format: str | None = None
    rows: int = 0
    items: int = 0
    observations: int = 0
    quarantined: int = 0
    notices: tuple[str, ...] = ()
    category: str | None = None
    message: str | None = None
    hint: str | None = None
    argument: str | None = None
    wrong: str | None = None

    def document(self) -> dict[str, Any]:
        """As it is printed: without what is not there."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name)) not in (None, ())}


def attempt(work: Workspace, path: Path, **owner: str) -> ImportResult | EngagerrError:
    """One call of the public verb."""
    try:
        return work.ingestion.import_file(path, observed_at=WHEN, **owner)  # type: ignore[arg-type]
    except EngagerrError as error:
        return error


def imported(work: Workspace, path: Path, name: str) -> Outcome:
    """Import one file; where the refusal asks whose it is, say it and try again."""
    started = time.perf_counter()
    asked_for = None
    try:
        answer = attempt(work, path)
        hint = (answer.hint or "") if isinstance(answer, EngagerrError) else ""
        if "--creator NAME" in hint:
            asked_for, answer = "--creator", attempt(work, path, creator=CREATOR)
        elif "--account " in hint and isinstance(answer, EngagerrError) and "platform" in answer.facts:
            asked_for, answer = "--account", attempt(work, path, account=f"{answer.facts['platform']}:bench")
    except Exception as error:  # noqa: BLE001  a crash is what is looked for
        traceback.print_exc(file=sys.stderr)
        seconds = time.perf_counter() - started
        return Outcome(name, CRASHED, seconds, category=type(error).__name__, message=str(error)[:500])
    seconds = time.perf_counter() - started
    if isinstance(answer, EngagerrError):
        what = CRASHED if answer.category == "Broken" else REFUSED
        return Outcome(
            name, what, seconds, asked_for, category=answer.category, message=answer.message, hint=answer.hint
        )
    return Outcome(
        name, QUARANTINED if answer.quarantined else IMPORTED, seconds, asked_for, answer.format, answer.rows,
        answer.items_new + answer.items_updated, answer.observations_new, len(answer.quarantined), answer.notices,
    )  # fmt: skip


def judge(outcome: Outcome, *, broken: bool) -> None:
    """Say what is wrong with an outcome, if anything is, and move an argued refusal to where it belongs."""
    argument = why_nothing(outcome.path)
    if outcome.what == CRASHED:
        outcome.wrong = "it crashed"
    elif outcome.what == REFUSED and not outcome.hint:
        outcome.wrong = "it was refused without a word on what to do"
    elif broken:
        told = outcome.what != IMPORTED or tells_of_damage(outcome.notices)
        if not told and outcome.path not in BROKEN_WITHOUT_LOSS:
            outcome.wrong = "it is broken, and nothing says so"
    elif outcome.what == REFUSED and argument is None:
        outcome.wrong = "it is sound, and was refused"
    elif outcome.what != REFUSED and argument is not None:
        outcome.wrong = "it is listed as holding nothing, and was imported"
    elif outcome.what == REFUSED:
        outcome.what, outcome.argument = NOTHING, argument
    elif not outcome.rows:
        outcome.wrong = "nothing of it was read"


def settings_for(home: Home, number: int) -> Settings:
    """A home of its own for each file, and so a workspace, on the one server."""
    address = home.server.address()
    assert address is not None
    return Settings(
        home=home.path / f"file{number}",
        database={"url": address.url(APP, home.server.password(APP))},  # type: ignore[arg-type]
    )


def table(outcomes: list[Outcome]) -> None:
    """One line a file, for a person."""
    for outcome in outcomes:
        said = outcome.message or (f"+{outcome.quarantined} quarantined" if outcome.quarantined else "")
        counts = f"{outcome.rows:>5} rows {outcome.items:>5} items {outcome.observations:>6} figures"
        say(f"{'!!' if outcome.wrong else '  '} {outcome.what:<25}{outcome.path:<78}{outcome.format or '':<26}"
            f"{counts if outcome.format else ''} {said[:120]}")  # fmt: skip
        if outcome.wrong:
            say(f"     {outcome.wrong}")


def main() -> None:
    """Import, judge, print."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--data", type=Path, default=FILES_ARE_AT, help="the folder with api, exports, feeds …")
    options = parser.parse_args()
    root = options.data.resolve()
    files, broken = real_files(root), broken_files(root)
    if not files:
        say(f"  there are no real files in {root}; name another folder with --data")
        finish("files", [], sizes={"files": 0}, also={"skipped": f"no files in {root}"}, assert_limits=False)
    outcomes = []
    with temporary_home() as home:
        with Engagerr.open(home=home.path) as first:
            first.init("Bench")
        for number, path in enumerate(files):
            name = path.relative_to(root).as_posix()
            with Engagerr(settings_for(home, number)) as engagerr:
                outcome = imported(engagerr.init(f"Bench {number}"), path, name)
            judge(outcome, broken=name in broken)
            outcomes.append(outcome)
    table(outcomes)
    counts = Counter(outcome.what for outcome in outcomes)
    wrong = [outcome for outcome in outcomes if outcome.wrong]
    for what, count in counts.most_common():
        say(f"{count:>5} {what}")
    finish(
        "files",
        [
            Limit("files that crashed", counts[CRASHED], at_most=0),
            Limit(
                "files with another outcome than the README and the argued list say",
                len(wrong),
                at_most=0,
                figures={outcome.path: outcome.wrong for outcome in wrong},
            ),
        ],
        sizes={
            "files": len(files),
            "megabytes": round(sum(path.stat().st_size for path in files) / 1e6, 1),
            "marked_broken": len(broken),
        },
        also={
            "counts": dict(counts),
            "by_format": dict(Counter(outcome.format or "refused" for outcome in outcomes).most_common()),
            "rows": sum(outcome.rows for outcome in outcomes),
            "items": sum(outcome.items for outcome in outcomes),
            "observations": sum(outcome.observations for outcome in outcomes),
            "quarantined": sum(outcome.quarantined for outcome in outcomes),
            "slowest": max(outcomes, key=lambda outcome: outcome.seconds).document(),
            "files": [outcome.document() for outcome in outcomes],
        },
        assert_limits=options.assert_limits,
    )


if __name__ == "__main__":
    main()
