"""The roster report of 300 creators over 12 months beside the bare pandas and matplotlib of the same figures.

In turns, in one process and over the same rollups: the report made and drawn as HTML, and what an analyst would write
for the same figures and pictures with nothing around it: one query, sums and pivots, the same charts as SVG, and the
lines of all sparklines in one picture. Both must come to the same figures, and the report to the same bytes each time.
"""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
from bench_rollups import CREATORS, DAYS, FIRST_DAY, PLATFORMS, fill
from engagerr import Engagerr, Workspace
from engagerr.core.metrics.registry import Registry
from engagerr.core.metrics.reports.document import Chart, DataTable, KeyFigures, ReportDocument
from engagerr.core.metrics.reports.names import platform_name
from engagerr.core.metrics.upkeep import rebuild_all
from engagerr.core.tenancy import Permission
from measuring import SUPERUSER, Home, Limit, arguments, finish, say, spread, step, temporary_home
from sqlalchemy import text

SINCE = datetime.combine(FIRST_DAY, datetime.min.time(), UTC)
UNTIL = SINCE + timedelta(days=DAYS)
FEWEST_BEFORE = 1_000
MOVERS = 5
SPARK = (112, 26)
OTHER_FORMATS = ("pdf", "xlsx", "csv", "md", "png")

# Where each account stood, once a day.
FOLLOWERS = """
INSERT INTO metric_observations (tenant_id, subject_id, metric, observed_at, period_days, revision, value, state,
                                 import_id, "row")
SELECT account.tenant_id, account.id, 'followers', %(first)s::timestamptz + make_interval(days => n, hours => 6), 0, 0,
       1000 + abs(hashtext(account.handle)) %% 100000 + n * (abs(hashtext(account.handle)) %% 90), 'value',
       imported.id, 1
FROM accounts AS account CROSS JOIN imports_of_days AS imported WHERE account.tenant_id = %(tenant)s AND n < %(days)s
"""
QUERY = """
SELECT creator.name AS creator, creator.id::text AS creator_id, account.platform, account.id::text AS account_id,
       rolled.bucket, rolled.metric, rolled.value::float8 AS value, rolled.last_at
FROM metric_rollups AS rolled
JOIN accounts AS account ON account.tenant_id = rolled.tenant_id AND account.id = rolled.account_id
JOIN creators AS creator ON creator.tenant_id = account.tenant_id AND creator.id = account.creator_id
WHERE rolled.tenant_id = :tenant_id AND rolled.grain = 'month' AND rolled.bucket >= :since AND rolled.bucket < :until
  AND rolled.metric IN ('views', 'impressions', 'followers') AND rolled.value IS NOT NULL
  AND (rolled.metric <> 'followers' OR rolled.bucket = :last) AND creator.status IN ('active', 'paused')
"""


# ── What an analyst would write ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of the report, as frames: by creator, by platform, who moved most, counts, the newest figure."""

    creators: pd.DataFrame
    platforms: pd.DataFrame
    movers: pd.DataFrame
    counts: tuple[int, int]
    reported: dict[str, int]
    silent: dict[str, int]
    newest: dict[str, Any]


def compute(work: Workspace) -> Figures:
    """One query, and pandas."""
    with work.access.transaction(Permission.READ) as session:
        last_month = (UNTIL - timedelta(days=1)).date().replace(day=1)
        values = {"tenant_id": work.tenant.id, "since": SINCE.date(), "until": UNTIL.date(), "last": last_month}
        frame = pd.read_sql(text(QUERY), session, params=values)
    views, levels = frame[frame["metric"] != "followers"], frame[frame["metric"] == "followers"]
    line = ["creator", "creator_id", "platform"]
    wide = views.groupby([*line, "bucket"])["value"].sum(min_count=1).unstack("bucket")
    months = list(wide.columns)
    before, last = months[-2], months[-1]
    platforms = wide.groupby("platform")[months].sum(min_count=1)
    change = wide[last] / wide[before] - 1
    moved = wide[wide[before] >= FEWEST_BEFORE].assign(change=change).dropna(subset=["change"]).reset_index()
    moved = moved.sort_values(["change", "creator", "platform"], ascending=[False, True, True])
    movers = pd.concat([moved.head(MOVERS), moved.tail(MOVERS)])
    followers = levels.groupby(line)["value"].max()
    creators = wide.assign(change=change, total=wide.sum(axis=1, min_count=1), followers=followers)
    reported = wide[last].notna().groupby("platform").sum()
    silent = frame.groupby("platform")["creator_id"].nunique() - reported
    return Figures(
        creators, platforms, movers, (frame["creator_id"].nunique(), frame["account_id"].nunique()),
        reported.to_dict(), silent.to_dict(), frame.groupby("platform")["last_at"].max().to_dict(),
    )  # fmt: skip


def chart(name: str, months: list[date], values: list[float]) -> bytes:
    """Columns by month, as large as the report's."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter

    figure = Figure(figsize=(420 / 72, 232 / 72), dpi=72, layout="constrained")
    axes = figure.add_subplot()
    axes.bar(range(len(months)), values, 0.72)
    axes.set_xticks(range(1, len(months), 2), [f"{month:%b %y}" for month in months[1::2]])
    axes.yaxis.set_major_formatter(EngFormatter())
    axes.grid(axis="y")
    axes.set_title(name)
    written = io.BytesIO()
    figure.savefig(written, format="svg")
    return written.getvalue()


def sparklines(wide: pd.DataFrame) -> bytes:
    """All of them in one picture, each with a scale of its own; a figure for each would take far longer."""
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    width, height = SPARK
    values = wide.to_numpy()
    scaled = height * (values / values.max(axis=1, initial=0, where=values == values)[:, None])
    across = [width * at / (len(wide.columns) - 1) for at in range(len(wide.columns))]
    lines = [
        list(zip(across, line + row * height, strict=True)) for row, line in enumerate(scaled)
    ]  # fmt: skip
    figure = Figure(figsize=(width / 72, height * len(lines) / 72), dpi=72)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.add_collection(LineCollection(lines, linewidths=1.5))
    axes.set_xlim(0, width)
    axes.set_ylim(0, height * len(lines))
    written = io.BytesIO()
    figure.savefig(written, format="svg")
    return written.getvalue()


def plot(figures: Figures) -> list[bytes]:
    """Every picture of the report."""
    months = list(figures.platforms.columns)
    charts = [chart(str(name), months, list(line)) for name, line in zip(
        figures.platforms.index, figures.platforms.to_numpy(), strict=True)]  # fmt: skip
    return [*charts, sparklines(figures.creators[months])]


# ── Whether both say the same ───────────────────────────────────────────────────────────────────────────────────────


def differences(document: ReportDocument, figures: Figures) -> list[str]:
    """What the report says otherwise than the frames."""
    found: list[str] = []
    blocks = {getattr(block, "title", type(block).__name__): block for _, block in document.blocks()}

    def same(what: str, said: Any, computed: Any) -> None:
        if said != computed:
            found.append(f"{what}: {said!r} in the report, {computed!r} in pandas")

    months = list(figures.platforms.columns)
    everybody = blocks["Creators by month"]
    assert isinstance(everybody, DataTable)
    said = {(row.cells[0].value, row.cells[1].value): [_plain(cell.value) for cell in row.cells[2:]]
            for row in everybody.rows}  # fmt: skip
    same("creators", len(said), len(figures.creators))
    for (creator, _, platform), line in figures.creators.iterrows():
        computed = [line["followers"], line[months[-1]], line["change"], line["total"], [*line[months]]]
        same(f"{creator} on {platform}", said[creator, platform_name(platform)], _plain(computed))
    charts = [block for block in blocks.values() if isinstance(block, Chart)]
    same("charts", len(charts), len(figures.platforms))
    for drawn, (platform, line) in zip(charts, figures.platforms.iterrows(), strict=True):
        same(str(platform), _plain(drawn.series[0].values), _plain([*line]))
    movers = blocks["Most up and most down on the month before"]
    assert isinstance(movers, DataTable)
    columns = ["creator", months[-2], months[-1], "change"]
    said_movers = [_plain([row.cells[0].value, *(cell.value for cell in row.cells[2:])]) for row in movers.rows]
    same("movers", said_movers, _plain(figures.movers[columns].to_numpy().tolist()))
    key = blocks["KeyFigures"]
    assert isinstance(key, KeyFigures)
    largest = sorted(figures.platforms[months[-1]], reverse=True)[:4]
    same("key figures", [_plain(one.cell.value) for one in key.figures], _plain([*figures.counts, *largest]))
    same("newest", {age.platform: age.newest for age in document.data_age},
         {platform_name(platform): at for platform, at in figures.newest.items()})  # fmt: skip
    return found


def _plain(value: Any) -> Any:
    """Numbers as floats of twelve digits, None for NaN, lists for tuples."""
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, str):
        return value
    return None if value != value else float(f"{float(value):.12g}")


# ── Measuring ───────────────────────────────────────────────────────────────────────────────────────────────────────


def timed(run: Callable[[], Any], seconds: list[float]) -> Any:
    """What it answers; how long it took is added to `seconds`."""
    started = time.perf_counter()
    answer = run()
    seconds.append(time.perf_counter() - started)
    return answer


def filled(home: Home, engagerr: Engagerr, items: int) -> tuple[Workspace, int]:
    """A roster with a year of daily figures, rolled up: as it is when the nightly job has run."""
    work = engagerr.init("Bench")
    with step("filling"):
        observations = fill(home, work.tenant.id, items)
        with home.connect(SUPERUSER) as connection:
            connection.execute(FOLLOWERS, {"tenant": work.tenant.id, "first": SINCE, "days": DAYS})
    with step("rolling up"):
        rebuild_all(work.access, Registry.load())
    with home.connect(SUPERUSER) as connection:
        connection.execute("VACUUM ANALYZE")
    return work, observations + CREATORS * len(PLATFORMS) * DAYS


def main() -> None:
    """Measure, print, and exit."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--items", type=int, default=2, metavar="N", help="of each account")
    parser.add_argument("--rounds", type=int, default=7, metavar="N")
    options = parser.parse_args()
    with temporary_home() as home, Engagerr.open(home=home.path) as engagerr:
        work, observations = filled(home, engagerr, options.items)
        took: dict[str, list[float]] = {name: [] for name in ("make", "html", "compute", "plot", *OTHER_FORMATS)}
        pages = set()
        for at in range(options.rounds + 1):
            document = timed(lambda: work.reports.roster(since=SINCE, until=UNTIL), took["make"])
            pages.add(timed(lambda made=document: work.reports.render(made, "html"), took["html"]))
            figures = timed(lambda: compute(work), took["compute"])
            timed(lambda computed=figures: plot(computed), took["plot"])
            say(f"  {'warm-up' if at == 0 else f'round {at}'}: "
                + ", ".join(f"{name} {seconds[-1]:.2f} s" for name, seconds in took.items() if seconds))  # fmt: skip
        for name in OTHER_FORMATS:
            for _ in range(3):
                timed(lambda made=document, name=name: work.reports.render(made, name), took[name])
        unlike = differences(document, figures)
        for line in unlike[:5]:
            say(f"  {line}")
        # The first round imports pandas, matplotlib and the rest.
        warm = {name: seconds[1:] for name, seconds in took.items()}
        report = [made + drawn for made, drawn in zip(warm["make"], warm["html"], strict=True)]
        bare = [computed + plotted for computed, plotted in zip(warm["compute"], warm["plot"], strict=True)]
        middle = statistics.median(bare)
        finish(
            "report",
            [
                Limit("the roster report as HTML / bare pandas and matplotlib", statistics.median(report) / middle,
                      at_most=1.5, figures={"report_s": spread(report), "bare_s": spread(bare)}),
                Limit("figures that differ", float(len(unlike)), at_most=0),
                Limit("different pages of the same figures", float(len(pages) - 1), at_most=0),
            ],
            sizes={"creators": CREATORS, "accounts": CREATORS * len(PLATFORMS), "months": 12,
                   "observations": observations, "html_bytes": len(next(iter(pages)))},
            also={
                "seconds": {name: spread(warm[name]) for name in ("make", "html", "compute", "plot")},
                "made and drawn / bare": {
                    name: round((statistics.median(warm["make"]) + statistics.median(warm[name])) / middle, 3)
                    for name in OTHER_FORMATS
                },
                "first round: report / bare": round(
                    (took["make"][0] + took["html"][0]) / (took["compute"][0] + took["plot"][0]), 3
                ),
            },
            assert_limits=options.assert_limits,
        )  # fmt: skip


if __name__ == "__main__":
    main()
