"""Reading again what was kept, against the import of the same rows as a file in the same run.

Three replays: of the file with the same mapping; of as many figures that came as pages of a platform, with the same
mapping; and of those pages with a mapping that was mended, so that one of four metrics reads otherwise.
"""

from __future__ import annotations

import dataclasses
import gc
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from engagerr import Engagerr, Workspace
from engagerr.core.integrations.connector import Account, Ask, Connector, Identity, NoSignIn, Page, Part, Stream, Window
from engagerr.core.integrations.records import AccountRecord, ItemRecord, MetricRecord, Record
from interchange_files import CREATORS, FIRST_DAY, METRICS, Shape, write_interchange
from measuring import SUPERUSER, Home, Limit, arguments, finish, say, spread, step, temporary_home

EMPTY = """
TRUNCATE content_items, content_item_versions, content_links, content_edges, content_decisions, content_nodes,
  content_terms, content_review_skips,
  campaign_items, metric_observations, imports, raw_payloads, quarantined_rows, events, event_heads,
         event_cursors, tasks, sync_checkpoints, sync_results
"""
ITEMS_A_PAGE = 50


def connector_of(items: int, observations: int, *, views_times: int = 1) -> Connector:
    """A platform that needs no network: an account has `items` items with `observations` figures each."""

    def fetch(_ask: Ask, window: Window) -> Iterator[Page]:
        for first in range(int(window.cursor or 0), items, ITEMS_A_PAGE):
            body = [
                {
                    "id": f"{window.account.handle}-{number}",
                    "figures": [
                        [METRICS[place % len(METRICS)], place // len(METRICS), 1 + number * 7919 + place]
                        for place in range(observations)
                    ],
                }
                for number in range(first, min(first + ITEMS_A_PAGE, items))
            ]
            following = first + ITEMS_A_PAGE
            yield Page((Part("items", body),), next=str(following) if following < items else None)

    def read(page: Page, account: Account) -> Iterator[Record]:
        moments = [FIRST_DAY + timedelta(days=day) for day in range(observations // len(METRICS) + 1)]
        for place, entry in enumerate((entry for part in page.parts for entry in part.body), 1):
            yield ItemRecord(
                row=place,
                platform="youtube",
                native_id=entry["id"],
                account=account.handle,
                kind="long_video",
                title=f"Video {entry['id']}",
                metrics=tuple(
                    MetricRecord(name, value * views_times if name == "views" else value, observed_at=moments[day])
                    for name, day, value in entry["figures"]
                ),
            )

    stream = Stream(name="items", title="items", yields="items", fetch=fetch, read=read)
    return Connector(
        name="bench", platform="youtube", title="Bench", base_url="https://bench.example", auth=NoSignIn(),
        streams=(stream,), judge=lambda _: None, documentation="",
        identify=lambda _, account: (Identity(AccountRecord(1, "youtube", account.handle if account else None)),),
    )  # fmt: skip


def timed(work: Callable[[], Any]) -> float:
    """Seconds that it takes."""
    gc.collect()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def settled(home: Home) -> None:
    """As it is days after the pages came: written down, vacuumed, analysed. Otherwise the server does so meanwhile."""
    with home.connect(SUPERUSER) as connection:
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")


def replayed(work: Workspace, *, corrected: int) -> None:
    """Replay everything, and see that just so many figures changed."""
    report = work.sync.replay()
    errors = [result.error for result in report.results if result.error]
    changed = sum(result.figures_corrected + result.figures_withdrawn for result in report.results)
    if errors or changed != corrected:
        raise RuntimeError(f"{changed} figures changed instead of {corrected}: {errors[:1]}")


def main() -> None:
    """Import, sync, replay, print."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--items", type=int, default=12_000)
    parser.add_argument("--observations", type=int, default=40, help="observations of each item")
    parser.add_argument("--accounts", type=int, default=60, help="accounts that the pages are of")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    shape = Shape(options.items, options.observations)
    each = options.items // options.accounts
    right = connector_of(each, options.observations)
    mended = connector_of(each, options.observations, views_times=2)
    rows = shape.rows
    seconds: dict[str, list[float]] = {name: [] for name in ("import", "file", "pages", "mended")}
    with temporary_home() as home:
        file = home.path / "export.jsonl"
        with (
            Engagerr.open(home=home.path) as engagerr,
            Engagerr(engagerr.settings, connectors={"bench": right}) as first,
            Engagerr(engagerr.settings, connectors={"bench": mended}) as second,
        ):
            work = engagerr.init("Bench")
            as_it_was, as_it_is = first.workspace(), second.workspace()
            for number in range(options.accounts):
                as_it_was.platforms.connect(
                    "bench", account=f"youtube:@page{number}", creator=f"Creator {number % CREATORS}"
                )
            for number in range(options.rounds):
                with home.connect(SUPERUSER) as connection:
                    connection.execute(EMPTY)
                write_interchange(file, shape, seed=number)
                settled(home)
                seconds["import"].append(timed(lambda: work.ingestion.import_file(file)))
                settled(home)
                seconds["file"].append(timed(lambda: replayed(work, corrected=0)))
                with home.connect(SUPERUSER) as connection:
                    connection.execute(EMPTY)
                with step(f"round {number + 1}: pages land"):
                    report = as_it_was.sync.run(now=True)
                if sum(result.observations_new for result in report.results) != rows:
                    raise RuntimeError(f"the pages did not land: {report.results[:1]}")
                settled(home)
                seconds["pages"].append(timed(lambda: replayed(as_it_was, corrected=0)))
                settled(home)
                seconds["mended"].append(timed(lambda: replayed(as_it_is, corrected=rows // len(METRICS))))
                say("  " + ", ".join(f"{name} {taken[-1]:.2f} s" for name, taken in seconds.items()))
    limits = [
        Limit(
            f"rows/s of a replay ({words}) / rows/s of the import of as many rows as a file",
            statistics.median(base / taken for base, taken in zip(seconds["import"], seconds[name], strict=True)),
            at_least=0.6,
            figures={
                "replay_rows_per_s": spread([rows / taken for taken in seconds[name]], 0),
                "import_rows_per_s": spread([rows / taken for taken in seconds["import"]], 0),
            },
        )
        for name, words in (
            ("file", "of the file, same mapping"),
            ("pages", "of pages, same mapping"),
            ("mended", "of pages, a quarter of the figures mended"),
        )
    ]
    finish(
        "replay", limits, assert_limits=options.assert_limits, also={"rounds": options.rounds},
        sizes={**dataclasses.asdict(shape), "rows": rows, "accounts": options.accounts, "items_a_page": ITEMS_A_PAGE},
    )  # fmt: skip


if __name__ == "__main__":
    main()
