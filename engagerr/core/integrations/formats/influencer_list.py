"""Lists of the top influencers of a month ("top 1000", one CSV a platform), read as prospects for the roster.

Such lists pass through many hands: headings repeat, stand over the wrong column or are missing, a figure comes twice
("50.7M" and 50700000), and "N/A'" and "#VALOR!" stand where nothing is known. What a column is, is decided by its
heading and by what its cells look like; where the two contradict each other the column is left out and the user told.
"""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.csv_text import (
    Columns,
    Row,
    Table,
    Vocabulary,
    after_period,
    plain_heading,
    recognises,
    source_table,
)
from engagerr.core.integrations.formats.numbers import Unit, read_number
from engagerr.core.integrations.formats.source import Format, Reading, Source
from engagerr.core.integrations.formats.workbook import is_absent
from engagerr.core.integrations.records import (
    AccountRecord,
    CreatorRecord,
    MetricRecord,
    Notice,
    Record,
    Rejection,
    State,
)

_PLATFORM_OF = {
    "instagram name": "instagram", "tiktoker": "tiktok", "tiktoker name": "tiktok", "tiktok name": "tiktok",
    "youtuber": "youtube",
}  # fmt: skip
_NAMES = {*_PLATFORM_OF, "channel name", "influencer name", "name"}
_RANKS = {"s.no", "s.no.", "no", "no.", "#", "rank"}
_COUNTRY = {"country", "audience country"}
# An average per post; the lists say neither over which posts nor over what time.
_FIGURES = {
    "views": "views_average", "likes": "likes_average", "comments": "comments_average", "shares": "shares_average",
    "authentic engagement": "authentic_engagement", "engagement": "engagement_average",
}  # fmt: skip
_AVERAGE = re.compile(r"(?:avg\.? |average )?(views|likes|comments|shares|engagement)(?: avg\.?| average)?")

# ISO 3166-1 alpha-2 codes of the countries that the lists of 2022 name, under the names that they use.
_COUNTRIES = {
    "albania": "AL", "algeria": "DZ", "argentina": "AR", "bangladesh": "BD", "brazil": "BR", "chile": "CL",
    "china": "CN", "colombia": "CO", "cyprus": "CY", "ecuador": "EC", "egypt": "EG", "france": "FR", "germany": "DE",
    "india": "IN", "indonesia": "ID", "iran": "IR", "iraq": "IQ", "italy": "IT", "japan": "JP", "jordan": "JO",
    "kazakhstan": "KZ", "malaysia": "MY", "mexico": "MX", "morocco": "MA", "nigeria": "NG", "pakistan": "PK",
    "peru": "PE", "philippines": "PH", "poland": "PL", "romania": "RO", "russia": "RU", "saudi arabia": "SA",
    "serbia": "RS", "somalia": "SO", "south korea": "KR", "spain": "ES", "syria": "SY", "thailand": "TH",
    "turkey": "TR", "united arab emirates": "AE", "united kingdom": "GB", "united states": "US", "yemen": "YE",
}  # fmt: skip
_HANDLE = re.compile(r"[\w.\-]+")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = re.compile(rf"(?<![a-z])({'|'.join(_MONTHS)})[a-z]*[ _.,-]*(20\d\d)(?!\d)|(?<!\d)(20\d\d)-(\d\d)(?!\d)")
_ENOUGH_ROWS = 5
_CLEARLY = 0.1
_FIX = "Correct the row, or leave it out."


class _ListVocabulary(Vocabulary):
    """Headings of a list repeat by design, so none is "twice" and the parser looks at all of them by place."""

    def columns(self, headings: list[str]) -> Columns:
        return Columns(tuple(headings), {}, (), (), (), localised=False)


_VOCABULARY = _ListVocabulary({}, {})


def _plain(heading: str) -> str:
    return plain_heading(heading).removesuffix(" values").rstrip(".").replace("_", " ")


def _figure_of(heading: str) -> str | None:
    """The metric that a heading promises."""
    plain = _plain(heading)
    if re.fullmatch(r"(?:subscribers|followers)(?: count)?", plain):
        return "followers"
    match = _AVERAGE.fullmatch(plain)
    if match and plain != match[1]:
        return _FIGURES[match[1]]
    return _FIGURES["authentic engagement"] if plain == "authentic engagement" else None


def _platforms(headings: tuple[str, ...]) -> set[str]:
    return {_PLATFORM_OF[plain] for heading in headings if (plain := _plain(heading)) in _PLATFORM_OF}


def _is_list(columns: Columns) -> bool:
    figures = {_figure_of(heading) for heading in columns.headings} - {None}
    named = sum(_plain(heading) in _NAMES for heading in columns.headings)
    return len(_platforms(columns.headings)) == 1 and named >= 2 and "followers" in figures and len(figures) >= 2


@dataclass(slots=True)
class _Look:
    """What the cells of a column look like, counted over the whole file."""

    filled: int = 0
    figures: int = 0
    rounded: int = 0
    countries: int = 0
    handles: int = 0

    def add(self, cell: str) -> None:
        if is_absent(cell):
            return
        self.filled += 1
        figure = _number(cell)
        self.figures += figure is not None
        self.rounded += figure is not None and not cell[-1:].isdigit()
        self.countries += cell.casefold() in _COUNTRIES
        self.handles += _HANDLE.fullmatch(cell) is not None

    @property
    def share_of_handles(self) -> float:
        return self.handles / self.filled if self.filled else 0.0

    def mostly(self, count: int) -> bool:
        return self.filled > 0 and 2 * count >= self.filled


@dataclass(slots=True)
class _Shape:
    """Which column is what in one file. A figure has one place or two: the rounded text and its numeric twin."""

    platform: str
    handle: int
    name: int
    figures: dict[str, list[int]] = field(default_factory=dict)
    topics: list[int] = field(default_factory=list)
    country: int | None = None
    # A column of countries under a figure's heading: where a row has a number there, its cells have slipped.
    slips_at: int | None = None
    notices: list[str] = field(default_factory=list)


def _number(cell: str) -> Decimal | None:
    try:
        value = read_number(cell, Unit.DECIMAL).value
    except ValueError:
        return None
    return None if value is None else Decimal(value)


def _shape(table: Table) -> _Shape:
    headings = table.columns.headings
    looks = [_Look() for _ in headings]
    for row in table.rows():
        if row.damage is None:
            for look, cell in zip(looks, row.cells, strict=False):
                look.add(cell.strip())
    names = [at for at, heading in enumerate(headings) if _plain(heading) in _NAMES]
    # "youTuber" heads the names in one edition and the handles in the next: handles have no blanks in them.
    handle = next(at for at in names if _plain(headings[at]) in _PLATFORM_OF)
    likelier = max(names, key=lambda at: looks[at].share_of_handles)
    if looks[likelier].share_of_handles > looks[handle].share_of_handles + _CLEARLY:
        handle = likelier
    shape = _Shape(next(iter(_platforms(headings))), handle, next(at for at in names if at != handle))
    unread = [headings[at] for at in names if at not in (shape.handle, shape.name)]
    for at, heading in enumerate(headings):
        plain = _plain(heading)
        figure = _figure_of(heading)
        if figure is not None:
            _place_figure(shape, figure, at, heading.strip(), looks[at])
        elif plain in _COUNTRY:
            _place_country(shape, at, heading.strip())
        elif re.fullmatch(r"category(?: ?\d)?", plain):
            shape.topics.append(at)
        elif plain and at not in names and plain_heading(heading) not in _RANKS:
            unread.append(heading)
    if unread:
        shape.notices.append(
            f"Columns that were not read: {', '.join(heading.strip()[:60] for heading in unread[:8])}."
        )
    _pair_twins(table, shape, looks)
    _drop_swapped(table, shape)
    return shape


def _place_figure(shape: _Shape, figure: str, at: int, heading: str, look: _Look) -> None:
    if look.mostly(look.countries):
        shape.slips_at = at
        shape.notices.append(
            f"The column {heading!r} holds names of countries, not a figure. Whose they are is not said (later "
            "editions of such lists head the column 'Audience country'), so they were not taken."
        )
    elif look.filled and not look.mostly(look.figures):
        shape.notices.append(f"The column {heading!r} holds no figures and was not read.")
    else:
        shape.figures.setdefault(figure, []).append(at)


def _place_country(shape: _Shape, at: int, heading: str) -> None:
    if _plain(heading) == "country":
        shape.country = at
    else:
        shape.notices.append(
            f"The column {heading!r} says where most of the audience is, without a share; that is not the creator's "
            "country, and it was not taken."
        )


def _pair_twins(table: Table, shape: _Shape, looks: list[_Look]) -> None:
    """Put the rounded text of each figure before its number; refuse a file where that is unclear."""
    for figure, places in shape.figures.items():
        places.sort(key=lambda at: -looks[at].rounded)
        if len(places) > 2 or (len(places) == 2 and looks[places[1]].rounded):
            raise InvalidInput(
                f"{table.name} has {len(places)} columns for {figure.replace('_', ' ')}; which ones count is unclear.",
                hint="Keep the rounded figure and its number, and delete the others.",
            )


def _drop_swapped(table: Table, shape: _Shape) -> None:
    """Leave out likes and comments where the comments outnumber the likes throughout: their headings are wrong."""
    likes, comments = shape.figures.get("likes_average"), shape.figures.get("comments_average")
    if not likes or not comments:
        return
    compared = more = 0
    for row in table.rows():
        if row.damage is None:
            first, second = _number(row.cells[likes[-1]]), _number(row.cells[comments[-1]])
            if first and second:
                compared += 1
                more += second > first
    if compared >= _ENOUGH_ROWS and 2 * more > compared:
        del shape.figures["likes_average"], shape.figures["comments_average"]
        shape.notices.append(
            f"In {more:,} of {compared:,} rows the comments outnumber the likes, which no platform shows: the headings "
            "'Likes' and 'Comments' stand over other figures (engagement, most likely), and both were left out."
        )


class _Disagreement(Exception):
    """The rounded figure and its numeric twin say different things."""

    def __init__(self, text: str, twin: str) -> None:
        self.text, self.twin = text, twin


def _metric(name: str, cells: list[str], moment: datetime | None) -> MetricRecord:
    """One figure from its text and, if there is one, its twin. What is marked as missing is never zero."""
    text = cells[0]
    value = None if is_absent(text) else _number(text)
    if len(cells) == 2:
        twin = None if is_absent(cells[1]) else _number(cells[1])
        # A formula makes 0 of an empty cell, so a lone 0 in the twin says nothing.
        if twin is not None and value is None and (twin != 0 or not is_absent(text)):
            raise _Disagreement(text, cells[1])
        if value is not None and twin is None and not is_absent(cells[1]):
            raise _Disagreement(text, cells[1])
        if value is not None and twin is not None and value != twin:
            raise _Disagreement(text, cells[1])
    if value is None:
        if not is_absent(text):
            raise _Disagreement(text, "no number")
        return MetricRecord(name, None, State.NOT_REPORTED, moment)
    if value < 0:
        raise _Disagreement(text, "a count, which cannot be negative")
    exact = int(value) if value == value.to_integral_value() else value
    state = State.ZERO if not exact else State.VALUE if text[-1].isdigit() else State.ESTIMATED
    return MetricRecord(name, exact, state, moment)


def _key(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip().removeprefix("@").casefold()


def _cell(row: Row, at: int) -> str:
    return " ".join(row.cells[at].split())


def _names(shape: _Shape, row: Row) -> tuple[str, str]:
    """(handle, display name); a row without a name goes by its handle."""
    handle = _cell(row, shape.handle).removeprefix("@")
    name = _cell(row, shape.name)
    return handle, handle if is_absent(name) else name


def _shared_names(table: Table, shape: _Shape) -> frozenset[str]:
    """Names, letter case aside, that several handles of the file go by."""
    held: dict[str, str] = {}
    shared = set()
    for row in table.rows():
        if row.damage is None:
            handle, name = _names(shape, row)
            if held.setdefault(_key(name), _key(handle)) != _key(handle):
                shared.add(_key(name))
    return frozenset(shared)


def _moment(source: Source, reading: Reading) -> tuple[datetime | None, str | None]:
    """When the figures were true: what the user said, else the month in the file's name, else the time of import."""
    if reading.period is not None:
        return after_period(reading.period)[0], None
    if reading.observed_at is not None:
        return None, None
    months = set()
    for match in _MONTH.finditer(source.path.stem.casefold()):
        year, month = (match[2], _MONTHS.index(match[1]) + 1) if match[1] else (match[3], int(match[4]))
        if 1 <= month <= 12:
            months.add((int(year), month))
    if len(months) != 1:
        return None, None
    [(year, month)] = months
    moment = datetime(year, month, monthrange(year, month)[1], tzinfo=UTC)
    if not moment <= reading.now:
        return None, None
    return moment, (
        f"The name of {source.name} dates the list, so its figures were taken as of {moment:%Y-%m-%d}. "
        "Say --observed-at if they are of another day."
    )


def _creator(
    shape: _Shape, row: Row, shared: frozenset[str], moment: datetime | None, unknown: set[str]
) -> tuple[CreatorRecord, list[Rejection]]:
    handle, display = _names(shape, row)
    name = f"{display} (@{handle})" if _key(display) in shared else display
    slipped = shape.slips_at is not None and _number(_cell(row, shape.slips_at)) is not None
    figures, doubted = [], []
    for metric, places in shape.figures.items():
        if slipped and shape.slips_at is not None and places[0] > shape.slips_at:
            continue
        try:
            figures.append(_metric(metric, [_cell(row, at) for at in places], moment))
        except _Disagreement as disagreement:
            doubted.append((metric, disagreement.text, disagreement.twin))
    country = None if shape.country is None else _cell(row, shape.country)
    if country is not None and not is_absent(country) and country.casefold() not in _COUNTRIES:
        unknown.add(country)
    topics = dict.fromkeys(cell.lower() for at in shape.topics if not is_absent(cell := _cell(row, at)))
    account = AccountRecord(
        row=row.number,
        platform=shape.platform,
        handle=handle,
        creator=name,
        name=display,
        metrics=tuple(figures),
    )
    record = CreatorRecord(
        row=row.number,
        name=name,
        country=_COUNTRIES.get(country.casefold()) if country else None,
        topics=tuple(topics) or None,
        accounts=(account,),
        status="prospect",
    )
    rejections = []
    if doubted:
        _, text, twin = doubted[0]
        reason = (
            f"It says {text[:60]!r} and {twin[:60]!r} for one figure, so the figure was left out; the rest of the row "
            "was taken."
        )
        columns = ", ".join(metric for metric, _, _ in doubted)
        rejections.append(Rejection(row.number, columns, text[:200], reason, "Make the two cells agree."))
    return record, rejections


def _parse(source: Source, reading: Reading) -> Iterator[Record]:
    table = source_table(source, _VOCABULARY, _is_list, "top-influencer list")
    shape = _shape(table)
    shared = _shared_names(table, shape)
    moment, dated = _moment(source, reading)
    yield from (Notice(text) for text in (*shape.notices, *((dated,) if dated else ())))
    seen: dict[str, tuple[int, tuple[str, ...]]] = {}
    unknown: set[str] = set()
    repeated = titles = slipped = 0
    rank = next((at for at, heading in enumerate(table.columns.headings) if plain_heading(heading) in _RANKS), None)
    for row in table.sound_rows():
        if isinstance(row, Rejection):
            yield row
            continue
        handle, _ = _names(shape, row)
        if is_absent(handle):
            yield Rejection(
                row.number, table.columns.headings[shape.handle].strip(), None, "It names no account.", _FIX
            )
            continue
        said = tuple(_cell(row, at) for at in range(len(table.columns.headings)) if at != rank)
        first = seen.setdefault(_key(handle), (row.number, said))
        if first[0] != row.number:
            repeated += first[1] == said
            if first[1] != said:
                yield Rejection(
                    row.number, table.columns.headings[shape.handle].strip(), handle[:200],
                    f"Row {first[0]} says something else of the same account, and was kept.",
                    "Correct the handle if it is another account, or delete the row that is out of date.",
                )  # fmt: skip
            continue
        record, rejections = _creator(shape, row, shared, moment, unknown)
        titles += any(char.isspace() for char in handle)
        slipped += shape.slips_at is not None and _number(_cell(row, shape.slips_at)) is not None
        yield record
        yield from rejections
    yield from (Notice(text) for text in _closing_words(repeated, titles, slipped, unknown, shared))


def _closing_words(
    repeated: int, titles: int, slipped: int, unknown: set[str], shared: frozenset[str]
) -> Iterator[str]:
    if repeated:
        yield f"Rows that repeat an earlier row word for word were left out: {repeated:,}."
    if shared:
        yield f"Names that several accounts go by: {len(shared):,}. Their creators carry the handle: Name (@handle)."
    if titles:
        yield f"Accounts listed by a title instead of a handle: {titles:,}. The title stands in for the handle."
    if slipped:
        yield f"Rows whose cells have slipped to the left: {slipped:,}. The figures after the slip were left out."
    if unknown:
        yield f"Countries without a known code were left out: {', '.join(sorted(unknown)[:8])}."


INFLUENCER_LIST = Format(
    name="influencer-list",
    platform=None,
    title="Top-influencer list of a month (CSV)",
    recognised_by="one of the headings Instagram name, Tiktoker or Youtuber beside a name, followers and averages",
    yields="prospects: a creator with an account a row, its topics, followers and averages a post",
    recognise=lambda source: recognises(source, _VOCABULARY, _is_list),
    parse=_parse,
    suffixes=(".csv",),
)
FORMATS = (INFLUENCER_LIST,)
