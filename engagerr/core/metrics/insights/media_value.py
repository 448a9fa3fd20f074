"""Earned media value: what figures would come to by a versioned rate card, as a range, and never part of a score."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from engagerr.core.errors import Broken, InvalidInput
from engagerr.core.metrics.dataset import HEADLINES, read_items
from engagerr.core.metrics.definition import Evidence
from engagerr.core.metrics.registry import Registry
from engagerr.core.money import Money, minor_digits

if TYPE_CHECKING:
    import pandas as pd

    from engagerr.core.db import Session

MEASURES = ("views", "reach", "likes", "comments", "shares", "saves", "clicks")
CAVEAT = (
    "EMV is what the same figures would have cost by this card. It is no revenue, no return and no price; publishers "
    "disagree about the rates, and Traackr argues against the measure altogether."
)
_LARGEST_FILE_BYTES = 1_000_000
_MOST_DIGITS = 12
# Counts are at most 15 digits and rates 12, so nothing is rounded before the minor unit is.
_EXACT = Context(prec=60)
_PER = (1, 1_000)
_CARD_KEYS = {"id", "version", "valid_from", "currency", "title", "note"}
_RATE_KEYS = {"platform", "measure", "per", "low", "high", "source", "low_source", "high_source"}


class BadRateCard(InvalidInput):
    """A rate card cannot be used; says where in the file, what stands there and what should."""


@dataclass(frozen=True, slots=True)
class CardRate:
    """What `per` of a measure on a platform come to, in major units of the card's currency: between low and high."""

    platform: str
    measure: str
    per: int
    low: Decimal
    high: Decimal
    low_source: Evidence
    high_source: Evidence


@dataclass(frozen=True, slots=True)
class RateCard:
    """A versioned list of rates in one currency. `sha256` is that of the file that it was read from."""

    id: str
    version: str
    valid_from: date
    currency: str
    title: str
    note: str | None
    rates: tuple[CardRate, ...]
    sha256: str
    file: str

    def rates_of(self, platform: str) -> tuple[CardRate, ...]:
        """The rates for a platform, in the order of the file."""
        return tuple(rate for rate in self.rates if rate.platform == platform)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueRow:
    """One measure on one platform: `figure` over `items`, and what it comes to.

    `group` is what the figure may be added within: views under two counting rules make two rows. `missing` items have
    no such figure, `counted_elsewhere` are cross-posts that another item's views hold already; neither is valued. `low`
    and `high` are None where no item has the figure.
    """

    platform: str
    measure: str
    group: str
    per: int
    rate_low: Decimal
    rate_high: Decimal
    items: int
    missing: int
    counted_elsewhere: int
    figure: Decimal | None
    low: Money | None
    high: Money | None
    low_source: str
    high_source: str


@dataclass(frozen=True, slots=True)
class Unvalued:
    """Items that the card puts no value on, and why."""

    platform: str
    items: int
    why: str


@dataclass(frozen=True, slots=True)
class MediaValue:
    """What the items' figures come to by a card: a range, None where nothing could be valued."""

    card: RateCard
    since: datetime | None
    until: datetime | None
    items: int
    rows: tuple[ValueRow, ...]
    unvalued: tuple[Unvalued, ...]
    low: Money | None
    high: Money | None
    notes: tuple[str, ...]
    caveat: str = CAVEAT

    def frame(self) -> pd.DataFrame:
        """The rows as a pandas frame, money as exact Decimals in major units beside `currency`; missing is NA."""
        import pandas as pd

        names = list(ValueRow.__dataclass_fields__)
        rows = [
            {name: getattr(row, name) for name in names}
            | {end: pd.NA if worth is None else worth.amount for end, worth in (("low", row.low), ("high", row.high))}
            | {"figure": pd.NA if row.figure is None else row.figure, "currency": self.card.currency}
            for row in self.rows
        ]
        return pd.DataFrame(rows, columns=[*names, "currency"])


def media_value(
    session: Session,
    registry: Registry,
    *,
    tenant_id: UUID,
    now: datetime,
    creator_ids: Sequence[UUID] | None = None,
    item_ids: Sequence[UUID] | None = None,
    rate_card: RateCard,
    since: datetime | None = None,
    until: datetime | None = None,
) -> MediaValue:
    """Value the items published in [since, until), by their figures as known by `until` (now)."""
    if rate_card.valid_from > now.astimezone(UTC).date():
        raise InvalidInput(
            f"The rate card {rate_card.id} {rate_card.version} is valid from {rate_card.valid_from} on, which is still "
            "to come.",
            hint="Name the card that is in force now, or correct its card.valid_from.",
        )
    items = read_items(
        session, registry, tenant_id=tenant_id, creator_ids=creator_ids, item_ids=item_ids, since=since, until=until
    )
    return valued(items, rate_card, since=since, until=until)


def valued(
    items: pd.DataFrame, card: RateCard, *, since: datetime | None = None, until: datetime | None = None
) -> MediaValue:
    """Value a frame of items, as `read_items` gives it."""
    rows: list[ValueRow] = []
    unvalued: list[Unvalued] = []
    for platform, own in items.groupby("platform", sort=True):
        known = card.rates_of(str(platform))
        if not known:
            unvalued.append(Unvalued(str(platform), len(own), f"{card.id} has no rate for {platform}"))
        for rate in known:
            rows += _rows(own, rate, card.currency)
        without = own[[rate.measure for rate in known]].isna().all(axis=1) if known else own["doubled"] & False
        if without.any():
            measures = ", ".join(rate.measure for rate in known)
            unvalued.append(Unvalued(str(platform), int(without.sum()), f"no figure is known for {measures}"))
    worth = [(row.low, row.high) for row in rows if row.low is not None and row.high is not None]
    zero = Money(0, card.currency)
    low, high = (sum((pair[end] for pair in worth), zero) if worth else None for end in (0, 1))
    earlier = int((items["published_at"].dt.date < card.valid_from).sum()) if len(items) else 0
    notes = [] if not earlier else [
        f"{earlier:,} of the {len(items):,} items were published before the card's {card.valid_from}; they are valued "
        "by it all the same."
    ]  # fmt: skip
    return MediaValue(card, since, until, len(items), tuple(rows), tuple(unvalued), low, high, tuple(notes))


def _rows(items: pd.DataFrame, rate: CardRate, currency: str) -> Iterator[ValueRow]:
    """One row a sum group. Items without the figure are counted with the first."""
    figures = items[rate.measure]
    doubled = items["doubled"] & figures.notna() & (rate.measure == "views")
    counted = items[figures.notna() & ~doubled]
    # Only views have counting rules that do not add up; of the other measures each is one group.
    groups = counted["views_group"].fillna("not stated")
    if rate.measure != "views":
        groups = groups.map(lambda _: rate.measure)
    names = sorted(groups.unique()) or [rate.measure]
    for name in names:
        own = counted[groups == name][rate.measure]
        figure = sum((_exact(value) for value in own), Decimal(0)) if len(own) else None
        low, high = (_worth(figure, one, rate.per, currency) for one in (rate.low, rate.high))
        first = name == names[0]
        yield ValueRow(
            platform=rate.platform, measure=rate.measure, group=name, per=rate.per, rate_low=rate.low,
            rate_high=rate.high, items=len(own), missing=int(figures.isna().sum()) if first else 0,
            counted_elsewhere=int(doubled.sum()) if first else 0, figure=figure, low=low, high=high,
            low_source=_cited(rate.low_source), high_source=_cited(rate.high_source),
        )  # fmt: skip


def _exact(value: float) -> Decimal:
    return Decimal(int(value)) if value == int(value) else Decimal(repr(float(value)))


def _worth(figure: Decimal | None, rate: Decimal, per: int, currency: str) -> Money | None:
    """figure × rate / per, rounded half to even to a minor unit once, at the end."""
    if figure is None:
        return None
    major = _EXACT.divide(_EXACT.multiply(figure, rate), Decimal(per))
    minor = major.scaleb(minor_digits(currency), context=_EXACT).quantize(Decimal(1), ROUND_HALF_EVEN, context=_EXACT)
    return Money(int(minor), currency)


def _cited(source: Evidence) -> str:
    return f"{source.title} [{source.mark.value}]"


def read_rate_card(path: Path | None = None) -> RateCard:
    """The card in a TOML file, or the packaged reference card; `BadRateCard` names the key at fault and the fix."""
    if path is None:
        packaged = resources.files(__package__) / "rate_cards.toml"
        try:
            return _card(packaged.read_bytes(), "rate_cards.toml")
        except BadRateCard as error:
            raise Broken(f"The packaged rate card cannot be used: {error.message}") from error
    try:
        if path.stat().st_size > _LARGEST_FILE_BYTES:
            raise BadRateCard(f"{path} is larger than any rate card.", hint="Name the TOML file of the card.")
        content = path.read_bytes()
    except OSError as error:
        raise BadRateCard(
            f"The rate card {path} cannot be read: {error.strerror}.", hint="Name a TOML file that you can read."
        ) from error
    return _card(content, str(path))


def _card(content: bytes, file: str) -> RateCard:
    try:
        tables = tomllib.loads(content.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRateCard(f"{file} is no TOML: {error}.", hint='Write amounts as text: low = "6.50".') from error
    _only(tables, {"card", "rate"}, file, "")
    head = _table(tables.get("card"), file, "card")
    _only(head, _CARD_KEYS, file, "card")
    currency = _text(head, "currency", file, "card")
    try:
        Money(0, currency)
    except InvalidInput as error:
        raise _bad(file, "card.currency", currency, error.hint or "Write three capital letters.") from error
    valid_from = head.get("valid_from")
    if not isinstance(valid_from, date) or isinstance(valid_from, datetime):
        raise _bad(file, "card.valid_from", valid_from, "Write a day without quotes: valid_from = 2026-11-01.")
    entries = tables.get("rate")
    if not isinstance(entries, list) or not entries:
        raise _bad(file, "rate", entries, "Add at least one [[rate]] with platform, measure, per, low and high.")
    rates = tuple(_rate(entry, file, f"rate {place}") for place, entry in enumerate(entries, start=1))
    seen: set[tuple[str, str]] = set()
    for place, rate in enumerate(rates, start=1):
        if (rate.platform, rate.measure) in seen:
            raise _bad(file, f"rate {place}", f"{rate.platform} {rate.measure}", "It stands there twice; keep one.")
        seen.add((rate.platform, rate.measure))
    note = head.get("note")
    return RateCard(
        id=_text(head, "id", file, "card"), version=_text(head, "version", file, "card"), valid_from=valid_from,
        currency=currency, title=_text(head, "title", file, "card"), note=None if note is None else str(note),
        rates=rates, sha256=hashlib.sha256(content).hexdigest(), file=file,
    )  # fmt: skip


def _rate(entry: Any, file: str, where: str) -> CardRate:
    row = _table(entry, file, where)
    _only(row, _RATE_KEYS, file, where)
    platform = _one_of(row, "platform", tuple(HEADLINES), file, where)
    measure = _one_of(row, "measure", MEASURES, file, where)
    per = row.get("per")
    if per not in _PER or isinstance(per, bool):
        raise _bad(file, f"{where}.per", per, "Write 1, or 1000 for a cost per thousand.")
    low, high = (_amount(row, key, file, where) for key in ("low", "high"))
    if low > high:
        raise _bad(file, f"{where}.low", low, f"It is above high ({high}); exchange the two.")
    sources = [
        _source(row.get(f"{end}_source", row.get("source")), file, f"{where}.{end}_source") for end in ("low", "high")
    ]
    return CardRate(platform, measure, per, low, high, *sources)


def _source(entry: Any, file: str, where: str) -> Evidence:
    if isinstance(entry, str) and entry.strip():
        entry = {"title": entry, "mark": "k"}
    try:
        return msgspec.convert(entry, Evidence)
    except msgspec.ValidationError as error:
        raise _bad(
            file, where, entry, 'Say where the figure is from: source = { title = "Our 2026 media plan", mark = "P" }.'
        ) from error


def _amount(row: dict[str, Any], key: str, file: str, where: str) -> Decimal:
    given = row.get(key)
    fix = f'Write a positive amount in major units as text: {key} = "6.50".'
    # A float has lost its cents before anyone looks at it.
    if not isinstance(given, str | int) or isinstance(given, bool):
        raise _bad(file, f"{where}.{key}", given, fix)
    try:
        value = Decimal(given)
    except ArithmeticError as error:
        raise _bad(file, f"{where}.{key}", given, fix) from error
    if (
        not value.is_finite()
        or value < 0
        or len(value.as_tuple().digits) > _MOST_DIGITS
        or value.adjusted() > _MOST_DIGITS
    ):
        raise _bad(file, f"{where}.{key}", given, fix)
    return value


def _one_of(row: dict[str, Any], key: str, known: Sequence[str], file: str, where: str) -> str:
    given = row.get(key)
    if isinstance(given, str) and given in known:
        return given
    near = get_close_matches(str(given), known, n=1)
    fix = f"Did you mean {near[0]}?" if near else f"One of: {', '.join(known)}."
    if key == "measure" and given == "impressions":
        fix = "Write views: it is the platform's own headline count, impressions on X and LinkedIn."
    raise _bad(file, f"{where}.{key}", given, fix)


def _text(row: dict[str, Any], key: str, file: str, where: str) -> str:
    given = row.get(key)
    if not isinstance(given, str) or not given.strip():
        raise _bad(file, f"{where}.{key}", given, f'Write it as text: {key} = "…".')
    return given


def _table(given: Any, file: str, where: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise _bad(file, where, given, f"Begin it with {'[card]' if where == 'card' else '[[rate]]'}.")
    return given


def _only(row: dict[str, Any], known: set[str], file: str, where: str) -> None:
    for key, value in row.items():
        if key not in known:
            near = get_close_matches(key, known, n=1)
            raise _bad(
                file, f"{where}.{key}".lstrip("."), value, f"Did you mean {near[0]}?" if near else "Take it out."
            )


def _bad(file: str, where: str, given: object, fix: str) -> BadRateCard:
    stands = "is missing" if given is None else f"is {str(given)[:60]!r}, which will not do"
    return BadRateCard(f"In the rate card {file}, {where} {stands}.", hint=fix, facts={"file": file, "key": where})
