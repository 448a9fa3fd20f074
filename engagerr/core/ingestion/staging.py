"""From records to temporary tables: rows are written as COPY text in batches, so memory stays flat at any file size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from engagerr.core.content import outgoing_links
from engagerr.core.integrations.records import (
    AccountRecord,
    AudienceRecord,
    CreatorRecord,
    EdgeRecord,
    ItemRecord,
    MetricRecord,
    Notice,
    Record,
    Rejection,
    State,
)
from engagerr.core.roster import account_key

if TYPE_CHECKING:
    from psycopg import Connection

# Before the platforms existed, and in the future, nothing was observed.
EARLIEST = datetime(2004, 1, 1, tzinfo=UTC)
_BATCH_BYTES = 4 * 1024 * 1024
_RECENT_ITEMS = 20_000
_LONGEST_NAME = 500
_CALENDAR = (1900, 2200)
_MOMENTS_KEPT = 50_000

# Made once a connection and emptied by every commit: a sync lands page after page, and making tables for each would
# cost more than the page itself.
STAGE_TABLES = """
CREATE TEMPORARY TABLE IF NOT EXISTS stage_items (
  subject bigint NOT NULL, account integer NOT NULL, platform text COLLATE "C" NOT NULL,
  native_id text COLLATE "C" NOT NULL, kind text, title text, body text, url text, published_at timestamptz,
  duration_seconds numeric, language text, links text[], hints jsonb, "row" bigint NOT NULL, part text)
  ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS stage_observations (
  subject bigint NOT NULL, metric text COLLATE "C" NOT NULL, value numeric, state text COLLATE "C" NOT NULL,
  observed_at timestamptz NOT NULL, period_days integer NOT NULL, currency text COLLATE "C", "row" integer NOT NULL,
  part text COLLATE "C", sequence bigint NOT NULL) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS stage_links (
  subject bigint NOT NULL, platform text COLLATE "C" NOT NULL, native_id text COLLATE "C" NOT NULL,
  found_in text NOT NULL, detail text NOT NULL) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS stage_subjects (
  subject bigint NOT NULL, subject_id uuid NOT NULL, is_new boolean NOT NULL) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS stage_accounts (
  account integer NOT NULL, account_id uuid NOT NULL) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS stage_distinct (
  subject bigint, account_id uuid, platform text COLLATE "C", native_id text COLLATE "C", kind text, title text,
  body text, url text, published_at timestamptz, duration_seconds numeric, language text, links text[], hints jsonb,
  "row" bigint, part text) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS stage_lineage (import_id uuid NOT NULL) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS stage_landed ("row" integer NOT NULL, part text COLLATE "C")
  ON COMMIT DELETE ROWS;
"""


@dataclass(slots=True)
class StagedAccount:
    """An account as the file names it; `handle` and `native_id` may both be None where the file names none.

    `subjects` are the staged subjects that stand for the account itself (figures about the account).
    """

    number: int
    platform: str
    handle: str | None
    native_id: str | None
    creator: str | None
    name: str | None = None
    url: str | None = None
    row: int = 0
    subjects: list[int] = field(default_factory=list)
    audience: list[tuple[AudienceRecord, datetime]] = field(default_factory=list)


@dataclass(slots=True)
class Staged:
    """What a file held: small things in memory, items and observations in the temporary tables.

    `metrics` are the native names of its figures by platform. `months` are the first days of the months that its
    figures fall into; None where there were too many moments to remember.
    """

    rows: int = 0
    items: int = 0
    observations: int = 0
    links: int = 0
    creators: list[CreatorRecord] = field(default_factory=list)
    accounts: dict[tuple[str, str | None], StagedAccount] = field(default_factory=dict)
    edges: list[EdgeRecord] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    metrics: dict[str, set[str]] = field(default_factory=dict)
    months: set[date] | None = None


class Stage:
    """Takes records one by one and writes them to the temporary tables of one transaction."""

    def __init__(
        self,
        connection: Connection[Any],
        *,
        observed_at: datetime,
        latest: datetime,
        rejection_limit: int,
        too_many: Callable[[int], Exception],
    ) -> None:
        self.staged = Staged()
        # When figures are true that do not say it, and where rows stand that do not say it: a replay sets both anew for
        # each page that it reads.
        self.observed_at = observed_at
        self.part: str | None = None
        self._connection = connection
        self._latest = latest
        self._rejection_limit = rejection_limit
        self._too_many = too_many
        self._subject = 0
        self._last_place: tuple[str | None, int] | None = None
        self._items: list[str] = []
        self._observations: list[str] = []
        self._links: list[str] = []
        self._buffered = 0
        self._recent: dict[tuple[str, str], tuple[int, int]] = {}
        self._moments: dict[datetime, str] = {}
        self._published: dict[datetime, str] = {}
        self._all_moments = True
        self._names: dict[str, str] = {}
        made = connection.execute("SELECT to_regclass('pg_temp.stage_landed') IS NOT NULL").fetchone()
        if not (made and made[0]):
            connection.execute(STAGE_TABLES)

    def add(self, record: Record) -> None:
        """Stage one record."""
        if isinstance(record, ItemRecord):
            self._count_row(record.part, record.row)
            self._item(record)
        elif isinstance(record, Rejection):
            self._count_row(record.part, record.row)
            self.reject(record)
        elif isinstance(record, AccountRecord):
            self._count_row(record.part, record.row)
            self._account_figures(record)
        elif isinstance(record, CreatorRecord):
            self._count_row(None, record.row)
            wrong = _unusable_creator(record)
            if wrong is not None:
                self.reject(wrong)
                return
            self.staged.creators.append(record)
            for account in record.accounts:
                self._account_figures(account)
        elif isinstance(record, EdgeRecord):
            self._count_row(None, record.row)
            ends: list[tuple[str, str | None]] = [
                ("child", ":".join(record.child)),
                ("parent", ":".join(record.parent)),
            ]
            wrong = _first_bad(record.row, ends, None)
            if wrong is not None:
                self.reject(wrong)
                return
            self.staged.edges.append(record)
        elif isinstance(record, Notice):
            self.staged.notices.append(record.text)

    def finish(self) -> Staged:
        """Write what is still in the buffers."""
        self._flush()
        if self._all_moments:
            days = {moment.astimezone(UTC).date() for moment in self._moments}
            self.staged.months = {day.replace(day=1) for day in days}
        return self.staged

    def reject(self, rejection: Rejection) -> None:
        """Put a row into quarantine; too many mean that the file is of another kind."""
        self.staged.rejections.append(rejection)
        if len(self.staged.rejections) > self._rejection_limit:
            raise self._too_many(self._rejection_limit)

    def _count_row(self, part: str | None, row: int) -> None:
        if self._last_place != (part, row):
            self._last_place = (part, row)
            self.staged.rows += 1

    def _item(self, record: ItemRecord) -> None:
        wrong = _unusable(record) or self._out_of_time(record)
        if wrong is not None:
            self.reject(wrong)
            return
        account = self._account(record.platform, record.account, record.account_native_id, record.creator, record.row)
        if (
            record.creator
            and account.creator
            and record.creator.strip().casefold() != account.creator.strip().casefold()
        ):
            self.reject(
                Rejection(
                    record.row, "creator", record.creator,
                    f"{record.platform}:{account.handle} is {account.creator}'s in row {account.row}",
                    "An account belongs to one creator: correct one of the two.", record.part,
                )
            )  # fmt: skip
            return
        published = _NULL if record.published_at is None else self._in_text(record.published_at, self._published)
        described = (
            f"{account.number}\t{_text(record.platform)}\t{_text(record.native_id)}\t{_text(record.kind)}\t{_text(record.title)}"
            f"\t{_text(record.body)}\t{_text(record.url)}\t{published}"
            f"\t{_number(record.duration_seconds)}\t{_text(record.language)}\t{_array(record.links)}"
            f"\t{_json(record.hints)}"
        )
        key = (record.platform, record.native_id)
        recent = self._recent.get(key)
        if recent is not None and recent[1] == hash(described):
            # A file with a line per figure names the same item again and again: it is staged once.
            subject = recent[0]
        else:
            self._subject += 1
            subject = self._subject
            if len(self._recent) >= _RECENT_ITEMS:
                self._recent.clear()
            self._recent[key] = (subject, hash(described))
            self._items.append(f"{subject}\t{described}\t{record.row}\t{_text(record.part or self.part)}\n")
            self._buffered += len(described) + 24
            self.staged.items += 1
            if record.body or record.links or record.hints or record.url:
                for link in outgoing_links(record):
                    self._links.append(
                        f"{subject}\t{_text(link.platform)}\t{_text(link.native_id)}\t{link.found_in}"
                        f"\t{_text(link.detail)}\n"
                    )
                    self.staged.links += 1
        self._figures(subject, record.platform, record.metrics, record.row, record.part)

    def _account_figures(self, record: AccountRecord) -> None:
        wrong = _unusable_names(record) or self._out_of_time(record)
        if wrong is not None:
            self.reject(wrong)
            return
        account = self._account(record.platform, record.handle, record.native_id, record.creator, record.row)
        account.name = without_nul(record.name) or account.name
        account.url = without_nul(record.url) or account.url
        account.audience += [(share, share.observed_at or self.observed_at) for share in record.audience]
        if record.metrics:
            if not account.subjects:
                self._subject += 1
                account.subjects.append(self._subject)
            self._figures(account.subjects[0], record.platform, record.metrics, record.row, record.part)

    def _account(
        self, platform: str, handle: str | None, native_id: str | None, creator: str | None, row: int
    ) -> StagedAccount:
        identity = account_key(handle) if handle else native_id
        held = self.staged.accounts.get((platform, identity))
        if held is None:
            held = StagedAccount(len(self.staged.accounts), platform, handle or native_id, native_id, creator, row=row)
            self.staged.accounts[platform, identity] = held
        else:
            held.creator = held.creator or creator
            held.native_id = held.native_id or native_id
        return held

    def _figures(
        self, subject: int, platform: str, metrics: tuple[MetricRecord, ...], row: int, part: str | None
    ) -> None:
        # The innermost loop of an import: a million times, so everything that can be is looked up once.
        observations = self._observations
        names = self._names
        named = self.staged.metrics.setdefault(platform, set())
        moments = self._moments
        default = self.observed_at
        sequence = self.staged.observations
        tail = f"\t{row}\t{_text(part or self.part)}\t"
        for metric in metrics:
            moment = metric.observed_at or default
            moment_text = moments.get(moment) or self._moment(moment)
            name = names.get(metric.name) or self._name(metric.name)
            named.add(metric.name)
            value = metric.value
            if value is None:
                state = metric.state
                value_text = _NULL
            else:
                state = State.ZERO if not value and metric.state is State.VALUE else metric.state
                value_text = str(value)
            sequence += 1
            observations.append(
                f"{subject}\t{name}\t{value_text}\t{state._value_}\t{moment_text}\t{metric.period_days}"
                f"\t{metric.currency or _NULL}{tail}{sequence}\n"
            )
        self._buffered += 80 * (sequence - self.staged.observations)
        self.staged.observations = sequence
        if self._buffered > _BATCH_BYTES:
            self._flush()

    def _out_of_time(self, record: ItemRecord | AccountRecord) -> Rejection | None:
        for metric in record.metrics:
            moment = metric.observed_at
            if moment is not None and not EARLIEST <= moment <= self._latest:
                return Rejection(
                    record.row,
                    f"{metric.name} (observed_at)",
                    moment.isoformat(),
                    "the figure was observed before 2004 or lies in the future",
                    "Correct the date; figures may be at most two days ahead of the import.",
                    record.part,
                )
        return None

    def _moment(self, moment: datetime) -> str:
        if len(self._moments) >= _MOMENTS_KEPT:
            self._all_moments = False
        return self._in_text(moment, self._moments)

    @staticmethod
    def _in_text(moment: datetime, known: dict[datetime, str]) -> str:
        found = known.get(moment)
        if found is None:
            if len(known) >= _MOMENTS_KEPT:
                known.clear()
            found = known[moment] = moment.astimezone(UTC).isoformat()
        return found

    def _name(self, name: str) -> str:
        escaped = self._names[name] = _text(name)
        return escaped

    def _flush(self) -> None:
        for table, lines in (
            ("stage_items", self._items),
            ("stage_observations", self._observations),
            ("stage_links", self._links),
        ):
            if lines:
                with self._connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
                    copy.write("".join(lines).encode("utf-8", "replace"))
                lines.clear()
        self._buffered = 0


_NULL = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\x00": ""})


def _text(value: str | None) -> str:
    """COPY's text format. NUL cannot be stored in PostgreSQL and is left out; the raw payload still has it."""
    if value is None:
        return _NULL
    return value.translate(_ESCAPES) if not value.isalnum() else value


# Numbers of a file are decimals, so that no digit is lost.
_HINTS = msgspec.json.Encoder(decimal_format="number", order="sorted")


def _json(value: dict[str, Any]) -> str:
    if not value:
        return _NULL
    encoded = _HINTS.encode(value).decode()
    if "\\u0000" in encoded:
        encoded = _HINTS.encode(_without_nul(value)).decode()
    return _text(encoded)


def _without_nul(value: Any) -> Any:
    if isinstance(value, dict):
        return {key.replace("\x00", ""): _without_nul(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_without_nul(entry) for entry in value]
    return value.replace("\x00", "") if isinstance(value, str) else value


def without_nul(text: str | None) -> str | None:
    """The text as PostgreSQL can keep it; the raw payload still has the NUL."""
    return None if text is None else text.replace("\x00", "")


def _unusable(record: ItemRecord) -> Rejection | None:
    """What no platform sends and no index takes: endless or empty names, dates beyond the calendar."""
    wrong = _unusable_names(record)
    if wrong is not None:
        return wrong
    published = record.published_at
    if published is not None and not _CALENDAR[0] <= published.year <= _CALENDAR[1]:
        return Rejection(
            record.row, "published_at", published.isoformat(), f"the year {published.year} cannot be",
            "Correct the date, or leave it out.", record.part,
        )  # fmt: skip
    return None


def _unusable_names(record: ItemRecord | AccountRecord) -> Rejection | None:
    names: list[tuple[str, str | None]] = [("platform", record.platform), ("creator", record.creator)]
    if isinstance(record, ItemRecord):
        names += [("native_id", record.native_id), ("account", record.account)]
    else:
        names += [("handle", record.handle), ("native_id", record.native_id)]
        wrong = _unusable_shares(record)
        if wrong is not None:
            return wrong
    names += [("metrics", metric.name) for metric in record.metrics]
    return _first_bad(record.row, names, record.part)


def _unusable_shares(record: AccountRecord) -> Rejection | None:
    for share in record.audience:
        if not 0 <= share.share <= 1:
            return Rejection(
                record.row, f"audience.{share.dimension}", str(share.share), "a share lies between 0 and 1",
                "Give it as a part of the whole: 0.41 for 41 %.", record.part,
            )  # fmt: skip
    names: list[tuple[str, str | None]] = [("audience.dimension", share.dimension) for share in record.audience]
    names += [("audience.value", share.value) for share in record.audience]
    return _first_bad(record.row, names, record.part)


def _unusable_creator(record: CreatorRecord) -> Rejection | None:
    names: list[tuple[str, str | None]] = [("name", record.name)]
    names += [("rates.deliverable", rate.deliverable) for rate in record.rates]
    for share in record.audience:
        names += [("audience.dimension", share.dimension), ("audience.value", share.value)]
    return _first_bad(record.row, names, None) or next(
        filter(None, (_unusable_names(account) for account in record.accounts)), None
    )


def _first_bad(row: int, names: list[tuple[str, str | None]], part: str | None) -> Rejection | None:
    for column, name in names:
        if name is None:
            continue
        if "\x00" in name or not name.strip(" @\t\r\n") or len(name.encode("utf-8", "replace")) > _LONGEST_NAME:
            return Rejection(
                row, column, name[:80], f"this {column} cannot be a name: it is empty, too long, or holds a NUL",
                f"Correct it; names have 1 to {_LONGEST_NAME} bytes. The columns may have slipped.", part,
            )  # fmt: skip
    return None


def _number(value: float | Decimal | None) -> str:
    return _NULL if value is None else str(value)


def _array(values: tuple[str, ...]) -> str:
    if not values:
        return "{}"
    quoted = ",".join('"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values)
    return _text("{" + quoted + "}")
