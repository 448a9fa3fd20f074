"""From an observation back to the raw record, link by link; and how a figure is referred to.

Nothing here is remembered: a chain is walked anew, by the code that made the figure. (Of a report's cell: `cells.py`.)
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, unquote
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.integrations.records import State
from engagerr.core.metrics.definition import Definition, Limit, surface_of
from engagerr.core.metrics.registry import Registry
from engagerr.core.metrics.standard import StandardFigure, standardise

if TYPE_CHECKING:
    from engagerr.core.db import Session

CELL = "cell:"
_CELL_FORM = "cell:by=platform;group=youtube;sum=likes, as `engagerr metric report --output json` gives it."


# ── What refers to a figure ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class ObservationRef:
    """One observation by its place: subject (`platform:native_id`, an id, or `platform:handle`), metric and moment."""

    subject: str
    metric: str
    at: datetime | None = None
    period_days: int | None = None

    def __str__(self) -> str:
        """As words for `engagerr metric explain`."""
        words = [self.subject, self.metric]
        words += ["--at", _iso(self.at)] if self.at else []
        words += ["--period-days", str(self.period_days)] if self.period_days is not None else []
        return shlex.join(words)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRef:
    """One cell of a report as text: `cell:by=platform;group=youtube;sum=play_start;…`, values percent-encoded.

    `by` and `group` are the grouping and the id of the group, `sum` what may be added. `concept`, the creator's id and
    the window are left out where the report has none; without `until` the cell is explained as of now.
    """

    by: str
    group: str
    sum: str
    concept: str | None = None
    creator: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def __str__(self) -> str:
        """The text that `parse` reads."""
        said: dict[str, str | None] = {
            "by": self.by, "group": self.group, "sum": self.sum, "concept": self.concept, "creator": self.creator,
            "since": _iso(self.since) if self.since else None, "until": _iso(self.until) if self.until else None,
        }  # fmt: skip
        pairs = (f"{name}={quote(value, safe='')}" for name, value in said.items() if value is not None)
        return CELL + ";".join(pairs)

    @classmethod
    def parse(cls, reference: str) -> CellRef:
        """The cell that a text names; `InvalidInput` where it names none."""
        said: dict[str, Any] = {}
        for pair in reference.strip().removeprefix(CELL).split(";"):
            name, equals, value = pair.strip().partition("=")
            if not equals or name not in cls.__dataclass_fields__ or name in said:
                raise _no_cell(reference, f"{pair!r} is not one of its parts")
            said[name] = unquote(value)
        if lacking := [name for name in ("by", "group", "sum") if name not in said]:
            raise _no_cell(reference, f"it lacks {', '.join(lacking)}")
        for name in ("since", "until"):
            if name in said:
                said[name] = _aware(reference, said[name])
        return cls(**said)


def _no_cell(reference: str, reason: str) -> InvalidInput:
    return InvalidInput(
        f"{reference!r} names no cell of a report: {reason}.", hint=f"Copy it whole: {_CELL_FORM}",
        facts={"reference": reference},
    )  # fmt: skip


def _aware(reference: str, written: str) -> datetime:
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise _no_cell(reference, f"{written!r} is no time") from None
    if moment.tzinfo is None:
        raise _no_cell(reference, f"{written!r} has no time zone")
    return moment.astimezone(UTC)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


# ── An observation ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class RawRecord:
    """What the source said, as it came, without secrets and cut to some 2,000 characters.

    `where` says in words what is shown and how it was found ("line 12"). `text` is None where only the file as a whole
    can be shown. `heading` is the heading row of a table. `exact`: this is the very record and no excerpt around it.
    `cut`: a part of it was left out for its length.
    """

    where: str
    text: str | None = None
    heading: str | None = None
    exact: bool = False
    cut: bool = False


class RawRecords(Protocol):
    """Where raw records are read. (Ingestion, which keeps them, stands above this package and is handed in.)"""

    def read(
        self,
        session: Session,
        tenant_id: UUID,
        import_id: UUID,
        row: int,
        part: str | None,
        native_id: str | None,
        *,
        value: Decimal | None = None,
        observed_at: datetime | None = None,
        sees_terms: bool = False,
    ) -> RawRecord:
        """The record at this row of an import. The figure and its moment tell apart what has no row of its own.

        Unless who asks `sees_terms`, nothing that may hold rates is shown.
        """
        ...


@dataclass(frozen=True, slots=True)
class ImportStep:
    """The import that brought a figure: a file, or a page of a connector (then `connector` and `stream` name it).

    `attempt` counts corrections of the same file; `replay_of` is the import that was read again.
    """

    id: UUID
    file: str
    sha256: str
    size_bytes: int
    format: str
    connector: str | None
    stream: str | None
    observed_at: datetime
    imported_at: datetime
    by: str | None
    options: Mapping[str, Any]
    attempt: int
    replay_of: str | None


@dataclass(frozen=True, slots=True)
class RevisionStep:
    """What one import said of the moment, and why it stands or does not."""

    revision: int
    reported: Decimal | None
    state: str
    currency: str | None
    stands: bool
    why: str
    source: ImportStep
    row: int
    part: str | None


@dataclass(frozen=True, slots=True)
class ObservationChain:
    """A figure, link by link: the observation that stands, who said it, the raw record, the rule, the standard figure.

    `reported` is in the platform's own unit. `conversion` is the arithmetic in words, or why there is none;
    `standard.how` the whole story. `definition` is None where no rule is known or several could hold.
    """

    reference: str
    subject: str
    title: str | None
    platform: str
    kind: str | None
    published_at: datetime | None
    metric: str
    observed_at: datetime
    period_days: int
    reported: Decimal | None
    state: str
    currency: str | None
    chosen: str
    revisions: tuple[RevisionStep, ...]
    raw: RawRecord
    definition: Definition | None
    conversion: str
    standard: StandardFigure
    limits: tuple[Limit, ...]

    @property
    def standing(self) -> RevisionStep:
        """The revision that stands."""
        return self.revisions[-1]


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom figures are about: an item, or an account (kind "account")."""

    id: UUID
    name: str
    native_id: str | None
    platform: str
    kind: str | None
    title: str | None = None
    published_at: datetime | None = None


# The order in which reports choose a headline: a number before none, all of an item's life before a part of it, the
# newest, the longest.
_MOMENT = """
WITH stands AS (
  SELECT DISTINCT ON (observed_at, period_days) observed_at, period_days, value
  FROM metric_observations
  WHERE tenant_id = :tenant_id AND subject_id = :subject_id AND metric = :metric
    AND observed_at <= coalesce(CAST(:at AS timestamptz), 'infinity')
    AND (CAST(:period_days AS integer) IS NULL OR period_days = :period_days)
  ORDER BY observed_at, period_days, revision DESC
)
SELECT observed_at, period_days, count(*) OVER () AS moments, max(observed_at) OVER () AS newest
FROM stands
ORDER BY (value IS NULL),
         (period_days > 0 AND CAST(:published_at AS timestamptz)
            >= observed_at - make_interval(days => period_days + 1)) IS NOT TRUE AND period_days > 0,
         observed_at DESC, period_days DESC
LIMIT 1
"""

_REVISIONS = """
SELECT seen.value, seen.state, seen.currency, seen.revision, seen."row", seen.part,
       imports.id, imports.file_name, imports.sha256, imports.size_bytes, imports.format, imports.connector,
       imports.stream, imports.observed_at, imports.imported_at, imports.options, imports.attempt,
       coalesce(members.name || ' <' || members.email || '>', members.email) AS member
FROM metric_observations AS seen
JOIN imports ON imports.tenant_id = seen.tenant_id AND imports.id = seen.import_id
LEFT JOIN members ON members.tenant_id = imports.tenant_id AND members.id = imports.member_id
WHERE seen.tenant_id = :tenant_id AND seen.subject_id = :subject_id AND seen.metric = :metric
  AND seen.observed_at = :observed_at AND seen.period_days = :period_days
ORDER BY seen.revision
"""


def explain_observation(
    session: Session,
    registry: Registry,
    raw: RawRecords | None,
    subject: Subject,
    *,
    tenant_id: UUID,
    metric: str | None,
    at: datetime | None = None,
    period_days: int | None = None,
    sees_terms: bool = False,
) -> ObservationChain:
    """The chain of the figure that stands for a metric: the one that reports take, as known by `at` (None: now).

    With `period_days`, only figures about as many days (0: since publication). Who `sees_terms` is shown raw records
    that may hold rates, too. Raises `InvalidInput` without a metric
    and `NotFound` where none was observed; both say which there are.
    """
    if metric is None:
        names = ", ".join(_observed(session, tenant_id, subject)) or "none"
        raise InvalidInput(f"Name the figure of {subject.name} to explain.", hint=f"Observed of it: {names}.")
    whose = {"tenant_id": tenant_id, "subject_id": subject.id, "metric": metric}
    moment = session.execute(
        text(_MOMENT), {**whose, "at": at, "period_days": period_days, "published_at": subject.published_at}
    ).one_or_none()
    if moment is None:
        raise _not_observed(session, tenant_id, subject, metric, at, period_days)
    rows = session.execute(
        text(_REVISIONS), {**whose, "observed_at": moment.observed_at, "period_days": moment.period_days}
    ).all()
    row = rows[-1]
    standard = standardise(
        registry, platform=subject.platform, metric=metric, kind=subject.kind, value=row.value, state=State(row.state),
        observed_at=moment.observed_at, published_at=subject.published_at, currency=row.currency,
        period_days=moment.period_days,
    )  # fmt: skip
    definition = registry.definition(standard.definition) if standard.definition else None
    record = RawRecord("Raw records are not at hand here.")
    if raw is not None:
        record = raw.read(
            session, tenant_id, row.id, row.row, row.part, subject.native_id,
            value=row.value, observed_at=moment.observed_at, sees_terms=sees_terms,
        )  # fmt: skip
    surface = surface_of(subject.kind)
    known_as = {metric, *(definition.names if definition else ())}
    return ObservationChain(
        reference=str(ObservationRef(subject.name, metric, moment.observed_at, moment.period_days)),
        subject=subject.name,
        title=subject.title,
        platform=subject.platform,
        kind=subject.kind,
        published_at=subject.published_at,
        metric=metric,
        observed_at=moment.observed_at,
        period_days=moment.period_days,
        reported=row.value,
        state=row.state,
        currency=row.currency,
        chosen=_why_chosen(moment, at),
        revisions=tuple(_revision(entry, rows[-1]) for entry in rows),
        raw=record,
        definition=definition,
        # The sentence begins with the arithmetic, or with why there is none.
        conversion=standard.how.partition("; rule: ")[0],
        standard=standard,
        limits=tuple(
            limit
            for limit in registry.limits(platform=subject.platform)
            if any(limit.concerns(name, surface) for name in known_as)
        ),
    )


def _observed(session: Session, tenant_id: UUID, subject: Subject) -> list[str]:
    rows = session.execute(
        text("SELECT DISTINCT metric FROM metric_observations WHERE tenant_id = :tenant_id AND subject_id = :id"),
        {"tenant_id": tenant_id, "id": subject.id},
    )
    return sorted(rows.scalars())


def _not_observed(
    session: Session, tenant_id: UUID, subject: Subject, metric: str, at: datetime | None, period_days: int | None
) -> NotFound:
    names = _observed(session, tenant_id, subject)
    when = f" by {at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else ""
    over = "" if period_days is None else f" over {period_days} days" if period_days else " since publication"
    hint = f"Observed of it: {', '.join(names)}." if names else "Nothing was observed of it yet."
    if metric in names:
        hint = f"engagerr metric show {subject.name} lists the moments and periods at which it was."
    return NotFound(
        f"No {metric} of {subject.name} was observed{over}{when}.", hint=hint,
        facts={"subject": subject.name, "metric": metric},
    )  # fmt: skip


def _why_chosen(moment: Any, at: datetime | None) -> str:
    known = f"known by {at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else "known"
    if moment.moments == 1:
        return f"It is the only observation {known}."
    if moment.observed_at == moment.newest:
        return f"It is the newest of {moment.moments:,} observations {known}."
    return (
        f"Of {moment.moments:,} observations {known} it is the one that reports take: a number goes before a missing "
        f"one, and a figure about all of an item's life before one about a part (the newest is of "
        f"{moment.newest.astimezone(UTC):%Y-%m-%d %H:%M} UTC)."
    )


def _revision(row: Any, last: Any) -> RevisionStep:
    stands = row.revision == last.revision
    if not stands:
        why = "a later import says otherwise"
    elif row.revision == 0:
        why = "the only word on this moment"
    elif row.value is None:
        why = "the newest word: it takes the figure back"
    else:
        why = "the newest word on this moment"
    options = dict(row.options or {})
    return RevisionStep(
        revision=row.revision, reported=row.value, state=row.state, currency=row.currency, stands=stands, why=why,
        row=row.row, part=row.part,
        source=ImportStep(
            id=row.id, file=row.file_name, sha256=row.sha256, size_bytes=row.size_bytes, format=row.format,
            connector=row.connector, stream=row.stream, observed_at=row.observed_at, imported_at=row.imported_at,
            by=row.member, attempt=row.attempt, replay_of=options.pop("replay", None),
            options={name: value for name, value in options.items() if value is not None},
        ),
    )  # fmt: skip
