"""Meta Business Suite's export of one chart (Insights, a metric, Export): figures of an account, one a day.

UTF-16LE with a byte order mark, `sep=,`, a title line with the metric's name, `Date,Primary`, then the days. A file may
hold several such sections, among them tables that are no chart. It names no account, and the platform only where the
title does ("Instagram follows"); where it does not, the user says it by choosing the format.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.csv_text import BadCell, plain_heading, translations
from engagerr.core.integrations.formats.numbers import Unit, months_come_first, read_day, read_number, split_time
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.records import AccountRecord, MetricRecord, Notice, Record

# What the title says without its platform. Follows and visits are those of the day, not totals.
METRICS = {
    "views": "views",
    "viewers": "viewers",
    "reach": "reach",
    "impressions": "impressions",
    "follows": "follows",
    "content interactions": "content_interactions",
    "interactions": "content_interactions",
    "link clicks": "link_clicks",
    "visits": "visits",
    "profile visits": "profile_visits",
    "page visits": "visits",
}
# English from real exports; the others reconstructed. Only what no other metric is called is here.
_LOCAL = {
    "Aufrufe": "views", "Reichweite": "reach", "Content-Interaktionen": "content interactions",
    "Interaktionen mit Inhalten": "content interactions", "Linkklicks": "link clicks", "Besuche": "visits",
    "Profilbesuche": "profile visits", "Visualizaciones": "views", "Espectadores": "viewers", "Alcance": "reach",
    "Interacciones con el contenido": "content interactions", "Clics en el enlace": "link clicks",
    "Visitas": "visits", "Visitas al perfil": "profile visits", "Vues": "views", "Couverture": "reach",
    "Spectateurs": "viewers", "Interactions avec le contenu": "content interactions",
    "Clics sur un lien": "link clicks", "Visites": "visits", "Visites du profil": "profile visits",
    "Visualizações": "views", "Interações com o conteúdo": "content interactions", "Cliques no link": "link clicks",
    "Visitas ao perfil": "profile visits", "Visualizzazioni": "views", "Copertura": "reach",
    "Interazioni con i contenuti": "content interactions", "Clic sul link": "link clicks", "Visite": "visits",
    "Visite al profilo": "profile visits",
}  # fmt: skip
_TITLES = translations(_LOCAL)
_DATE_WORDS = {"date", "datum", "fecha", "data"}
_VALUE_WORDS = {"primary", "primär", "principal", "primario", "principale", "primaire", "primário"}
_PLATFORM = re.compile(r"\b(facebook|instagram)\b")
_LINK_WORDS = re.compile(r"\b(?:on|auf|von|bei|en|de|sur|no|do|su|di)$|^(?:on|auf|von|bei|en|de|sur|no|do|su|di)\b")
_MAX_BYTES = 32 * 1024 * 1024  # a chart of ten years has 150 KB
_HOW_TO_GET_IT = (
    "In Meta Business Suite set the language to English, choose Insights, open the metric and export its chart."
)


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    cells: list[str]


@dataclass(slots=True)
class _Chart:
    """A section of the file: its title and place, what the title means, and its days."""

    title: str
    number: int
    others: list[str]
    metric: str | None
    platform: str | None
    days: list[_Line] = field(default_factory=list)


def _text(data: bytes) -> str | None:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data[: len(data) // 2 * 2].decode("utf-16", "replace")
    text = data.decode("utf-8-sig", "replace")  # a spreadsheet or an editor may have saved it so
    return None if "\0" in text[:1024] else text


def _lines(text: str) -> list[_Line] | None:
    """The lines after `sep=`, numbered as a spreadsheet does; `None` where the text does not begin with it."""
    first, _, rest = text.partition("\n")
    match = re.fullmatch(r'"?sep=([,;\t])"?', first.strip("\r\n "))
    if match is None:
        return None
    try:
        rows = csv.reader(rest.splitlines(), delimiter=match[1])
        return [_Line(number, [cell.strip() for cell in cells]) for number, cells in enumerate(rows, start=1)]
    except csv.Error:
        return None


def _is_title(line: _Line) -> bool:
    return bool(line.cells) and bool(line.cells[0]) and not any(line.cells[1:])


def _is_heading(line: _Line) -> bool:
    plain = [plain_heading(cell) for cell in line.cells[:2]]
    return len(plain) == 2 and plain[0] in _DATE_WORDS and plain[1] in _VALUE_WORDS


def _meaning(title: str) -> tuple[str | None, str | None]:
    """(metric, platform) of a title such as "Facebook visits" or "Reichweite auf Instagram"."""
    plain = plain_heading(title)
    named = _PLATFORM.search(plain)
    bare = " ".join(_PLATFORM.sub(" ", plain).split())
    if named:
        bare = _LINK_WORDS.sub("", bare).strip(" -:·")
    return METRICS.get(_TITLES.get(bare, bare)), named[1] if named else None


def _charts(lines: list[_Line]) -> tuple[list[_Chart], list[str]]:
    """The charts in file order, and the titles of sections that are something else."""
    charts: list[_Chart] = []
    strange: list[str] = []
    current: _Chart | None = None
    for at, line in enumerate(lines):
        after = lines[at + 1] if at + 1 < len(lines) else None
        if not any(line.cells):
            current = None
        elif _is_title(line) and after is not None and _is_heading(after):
            metric, platform = _meaning(line.cells[0])
            current = _Chart(line.cells[0], line.number, [cell for cell in after.cells[2:] if cell], metric, platform)
            charts.append(current)
        elif current is not None and line.number > current.number + 1:
            current.days.append(line)
        elif current is None and _is_title(line):
            strange.append(line.cells[0])
    return charts, strange


def _recognise(source: Source) -> bool:
    text = _text(source.head)
    lines = _lines(text) if text else None
    return bool(lines) and bool(_charts(lines or [])[0])


def _read(source: Source) -> tuple[list[_Chart], list[str]]:
    text = _text(source.read(limit=_MAX_BYTES))
    lines = _lines(text) if text else None
    charts, strange = _charts(lines) if lines else ([], [])
    if not charts:
        raise InvalidInput(
            f"{source.name} is not a chart of Meta Business Suite: a line sep=, then a title, then Date,Primary.",
            hint=_HOW_TO_GET_IT,
        )
    known = [chart for chart in charts if chart.metric is not None]
    if not known:
        titles = ", ".join(f"{chart.title[:60]!r}" for chart in charts[:5])
        raise InvalidInput(
            f"{source.name} shows {titles}, which is no metric that Engagerr knows.",
            hint="Set Meta Business Suite to English and export the chart again. Known are: "
            f"{', '.join(sorted(METRICS))}, each also with Facebook or Instagram before it.",
        )
    strange += [chart.title for chart in charts if chart.metric is None]
    return known, strange


def _settled(source: Source, charts: list[_Chart], given: str | None) -> list[str]:
    """The platform of each chart: what its title says, else what the user or the rest of the file does."""
    named = {chart.platform for chart in charts if chart.platform}
    if given and named - {given}:
        raise InvalidInput(
            f"{source.name} holds figures of {' and '.join(sorted(platform for platform in named if platform))}, not "
            f"only of {given}.",
            hint="Leave --format out, or export the charts one by one.",
        )
    fallback = given or (next(iter(named)) if len(named) == 1 else None)
    open_titles = [chart.title for chart in charts if chart.platform is None]
    if open_titles and fallback is None:
        raise InvalidInput(
            f"{source.name} does not say whether {open_titles[0][:60]!r} is of Facebook or of Instagram.",
            hint=f"Say which: --format {INSTAGRAM.name} or --format {FACEBOOK.name}.",
            facts={"formats": [INSTAGRAM.name, FACEBOOK.name]},
        )
    return [chart.platform or fallback or "" for chart in charts]


def _day(cell: str, *, month_first: bool) -> date:
    try:
        written = read_day(split_time(cell)[0], month_first=month_first)
        if written.year is None:
            raise ValueError("it names no year")
    except ValueError as error:
        raise BadCell("Date", cell, f"It cannot be read as a day: {error}.") from error
    return date(written.year, written.month, written.day)


def _figure(line: _Line, chart: _Chart, platform: str, *, month_first: bool) -> AccountRecord:
    if len(line.cells) < 2 or any(line.cells[2 + len(chart.others) :]):
        cells = ",".join(line.cells[:20])
        raise BadCell(None, cells, f"The row is damaged: it has {len(line.cells)} cells where its heading has 2.")
    end = _day(line.cells[0], month_first=month_first) + timedelta(days=1)
    try:
        figure = read_number(line.cells[1], Unit.COUNT)
    except ValueError as error:
        raise BadCell("Primary", line.cells[1], f"It cannot be read as a figure: {error}.") from error
    observed_at = datetime(end.year, end.month, end.day, tzinfo=UTC)
    metric = MetricRecord(chart.metric or "", figure.value, figure.state, observed_at, 1)
    return AccountRecord(row=line.number, platform=platform, metrics=(metric,), part=None)


def _parse(source: Source, _: Reading, *, given: str | None) -> Iterator[Record]:
    charts, strange = _read(source)
    platforms = _settled(source, charts, given)
    held = Counter((platform, chart.metric) for platform, chart in zip(platforms, charts, strict=True))
    twice = [f"{metric} of {platform}" for (platform, metric), times in held.items() if times > 1]
    if twice:
        raise InvalidInput(
            f"{source.name} has several charts of {', '.join(sorted(twice))}; which one counts is unclear.",
            hint="Export the charts one by one.",
        )
    unnamed = [chart.title for chart in charts if chart.platform is None]
    if unnamed and given is None:
        yield Notice(f"{source.name}: {', '.join(unnamed)} was taken as of {platforms[0]}, as the rest of the file is.")
    month_first, _proven = months_come_first(line.cells[0] for chart in charts for line in chart.days)
    for chart, platform in zip(charts, platforms, strict=True):
        seen: dict[date, int] = {}
        for line in chart.days:
            try:
                record = _figure(line, chart, platform, month_first=month_first)
                day = _day(line.cells[0], month_first=month_first)
                if day in seen:
                    reason = f"Row {seen[day]} is the same day of the same chart."
                    raise BadCell("Date", line.cells[0], reason)
            except BadCell as bad:
                yield bad.rejection(line.number)
                continue
            seen[day] = line.number
            yield record
    for title in [title for chart in charts for title in chart.others] + strange:
        yield Notice(f"{source.name}: {title[:60]!r} has no meaning here and was not read.")


def _format(
    name: str, platform: str | None, title: str, recognised_by: str, recognise: Callable[[Source], bool]
) -> Format:
    return Format(
        name=name,
        platform=platform,
        title=title,
        recognised_by=recognised_by,
        yields="one figure of the account a day",
        recognise=recognise,
        parse=partial(_parse, given=platform),
        names_account=False,
        suffixes=(".csv",),
    )


CHART = _format(
    "meta-chart",
    None,
    "Meta Business Suite: the chart of one metric",
    "a first line sep=, and the headings Date and Primary under a title; the title must name Facebook or Instagram",
    _recognise,
)
# A title without a platform cannot be told apart by its content, so these two are only ever chosen by the user.
INSTAGRAM = _format(
    "meta-chart-instagram",
    "instagram",
    "Meta Business Suite: the chart of one metric of Instagram",
    "never by itself: --format meta-chart-instagram says it where the title does not",
    lambda _: False,
)
FACEBOOK = _format(
    "meta-chart-facebook",
    "facebook",
    "Meta Business Suite: the chart of one metric of Facebook",
    "never by itself: --format meta-chart-facebook says it where the title does not",
    lambda _: False,
)
FORMATS = (CHART, INSTAGRAM, FACEBOOK)
