"""Verbs on numbers: what was observed, what it means by the standard, and reports."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.content import find_item
from engagerr.core.content.families import ConceptTotal
from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.integrations.records import State
from engagerr.core.metrics.definition import Definition
from engagerr.core.metrics.figures import DOUBLED_METRIC, FigureReader, Totals, one_per_group
from engagerr.core.metrics.standard import StandardFigure, standardise
from engagerr.core.roster import account_key, find_creator, parse_account
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    import pandas as pd

    from engagerr.core.db import Session

GROUPINGS = ("creator", "platform", "family", "kind")
_BATCH_OF_ITEMS = 2_000


@dataclass(frozen=True, slots=True)
class ObservationSource:
    """Where a figure stands: the import, its file and format, and the row in it."""

    import_id: UUID
    file: str
    format: str
    row: int
    part: str | None


@dataclass(frozen=True, slots=True)
class ObservationRow:
    """One observation: as reported, and the standard figure made of it now.

    `reported` is in the platform's own unit, and None unless `state` is value, zero or estimated. `revision` is above 0
    where a source corrected an earlier word for the same moment.
    """

    metric: str
    reported: Decimal | None
    state: str
    definition: str | None
    observed_at: datetime
    period_days: int
    revision: int
    currency: str | None
    source: ObservationSource
    standard: StandardFigure


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One concept of one group. `group` is a creator, platform, kind or family title; `total` the sum and its gaps."""

    group: str
    group_id: str
    total: ConceptTotal


@dataclass(frozen=True, slots=True)
class Report:
    """Totals over items published in a window, by their figures as of `until`.

    `without_standard` counts reported figures that no standard concept could be made of, and so stand in no total.
    """

    by: str
    since: datetime | None
    until: datetime | None
    items: int
    without_standard: int
    rows: tuple[ReportRow, ...]

    def frame(self) -> pd.DataFrame:
        """The rows as a pandas frame; `sum_group` says what may be added. Missing is NA, never zero."""
        import pandas as pd

        frame = pd.DataFrame(
            [{**asdict(row.total), "sum_group": row.total.group, "group": row.group} for row in self.rows],
            columns=["group", *(name for name in ConceptTotal.__dataclass_fields__ if name != "group"), "sum_group"],
        )
        frame["concept"] = frame["concept"].astype("string")
        frame["value"] = pd.to_numeric(frame["value"].map(lambda value: None if value is None else float(value)))
        return frame


# `doubled` marks a Facebook copy whose views its Instagram twin's figure holds already.
_REPORTED_ITEMS = """
SELECT item.id, item.platform, coalesce(item.kind, 'unknown') AS kind,
       coalesce(creator.name, account.platform || ':' || account.handle) AS creator,
       coalesce(node.family_id, item.id)::text AS family_id,
       coalesce(root.title, root.platform || ':' || root.native_id, item.title,
                item.platform || ':' || item.native_id) AS family,
       item.platform = 'facebook' AND item.hints @> '{"is_crosspost": true}' AND EXISTS (
         SELECT FROM content_nodes AS twin JOIN content_items AS original
           ON original.tenant_id = twin.tenant_id AND original.id = twin.item_id
         WHERE twin.tenant_id = node.tenant_id AND twin.family_id = node.family_id
           AND original.platform = 'instagram') AS doubled
FROM content_items AS item
JOIN accounts AS account ON account.tenant_id = item.tenant_id AND account.id = item.account_id
LEFT JOIN creators AS creator ON creator.tenant_id = account.tenant_id AND creator.id = account.creator_id
LEFT JOIN content_nodes AS node ON node.tenant_id = item.tenant_id AND node.item_id = item.id
LEFT JOIN content_items AS root ON root.tenant_id = node.tenant_id AND root.id = node.family_id
WHERE item.tenant_id = :tenant_id
  AND (CAST(:creator_id AS uuid) IS NULL OR account.creator_id = :creator_id)
  AND (CAST(:since AS timestamptz) IS NULL OR item.published_at >= :since)
  AND (CAST(:until AS timestamptz) IS NULL OR item.published_at < :until)
"""


class Metrics:
    """Observations, definitions and reports of this workspace."""

    def __init__(self, access: Access, reader: FigureReader) -> None:
        self._access = access
        self._reader = reader

    def show(self, subject: str, *, at: datetime | None = None) -> tuple[ObservationRow, ...]:
        """Every observation of an item (or of an account, `platform:handle`), oldest first within each metric.

        With `at`, only the newest of each metric that was known by then.
        """
        with self._access.transaction(Permission.READ) as session:
            subject_id, platform, kind, published_at = self._subject(session, subject)
            rows = session.execute(
                text(
                    """
                    SELECT seen.metric, seen.value, seen.state, seen.observed_at, seen.period_days, seen.revision,
                           seen.currency, seen.import_id, seen."row", seen.part, imports.file_name, imports.format
                    FROM metric_observations AS seen
                    JOIN imports ON imports.tenant_id = seen.tenant_id AND imports.id = seen.import_id
                    WHERE seen.tenant_id = :tenant_id AND seen.subject_id = :subject_id
                      AND seen.observed_at <= coalesce(CAST(:at AS timestamptz), 'infinity')
                    ORDER BY seen.metric, seen.observed_at, seen.period_days, seen.revision
                    """
                ),
                {"tenant_id": self._access.tenant.id, "subject_id": subject_id, "at": at},
            ).all()
        if at is not None:
            rows = list({(row.metric, row.period_days): row for row in rows}.values())
        observations = []
        for row in rows:
            standard = standardise(
                self._reader.registry,
                platform=platform,
                metric=row.metric,
                kind=kind,
                value=row.value,
                state=State(row.state),
                observed_at=row.observed_at,
                published_at=published_at,
                currency=row.currency,
                period_days=row.period_days,
            )
            observations.append(
                ObservationRow(
                    metric=row.metric,
                    reported=row.value,
                    state=row.state,
                    definition=standard.definition,
                    observed_at=row.observed_at,
                    period_days=row.period_days,
                    revision=row.revision,
                    currency=row.currency,
                    source=ObservationSource(row.import_id, row.file_name, row.format, row.row, row.part),
                    standard=standard,
                )
            )
        return tuple(observations)

    def report(
        self,
        creator: str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        by: str = "platform",
    ) -> Report:
        """Totals per group and concept over the items of a creator (None: of everybody) published in [since, until).

        Figures are the newest known by `until`. What may not be added is shown apart; what is missing is counted.
        """
        if by not in GROUPINGS:
            raise InvalidInput(f"A report cannot be grouped by {by!r}.", hint=f"One of: {', '.join(GROUPINGS)}.")
        with self._access.transaction(Permission.READ) as session:
            creator_id = find_creator(session, creator)[0] if creator else None
            rows = session.execute(
                text(_REPORTED_ITEMS),
                {"tenant_id": self._access.tenant.id, "creator_id": creator_id, "since": since, "until": until},
                execution_options={"yield_per": _BATCH_OF_ITEMS},
            )
            items = 0
            labels: dict[str, str] = {}
            groups: dict[str, Totals] = {}
            for batch in rows.partitions():
                items += len(batch)
                figures = self._reader.figures(session, [row.id for row in batch], until=until)
                for row in batch:
                    group_id = row.family_id if by == "family" else getattr(row, by)
                    labels.setdefault(group_id, row.family if by == "family" else group_id)
                    totals = groups.setdefault(group_id, Totals())
                    for figure in one_per_group(figures.get(row.id, ())):
                        totals.add(figure, doubled=row.doubled and figure.metric == DOUBLED_METRIC)
        return Report(
            by=by,
            since=since,
            until=until,
            items=items,
            without_standard=sum(totals.without_standard for totals in groups.values()),
            rows=tuple(
                ReportRow(labels[group_id], group_id, total)
                for group_id in sorted(groups, key=lambda group_id: (labels[group_id], group_id))
                for total in groups[group_id].result()
            ),
        )

    def definitions(self, *, platform: str | None = None) -> tuple[Definition, ...]:
        """The registry: what each platform's number means, since when, and who says so."""
        return self._reader.registry.definitions(platform=platform)

    def _subject(self, session: Session, name: str) -> tuple[UUID, str, str | None, datetime | None]:
        try:
            item_id = find_item(session, name)
        except NotFound as not_an_item:
            if ":" not in name:
                raise
            account = parse_account(name)
            found = session.execute(
                text("SELECT id FROM accounts WHERE platform = :platform AND handle_key = :key"),
                {"platform": account.platform, "key": account_key(account.handle)},
            ).scalar_one_or_none()
            if found is None:
                raise not_an_item from None
            return found, account.platform, "account", None
        row = session.execute(
            text("SELECT platform, kind, published_at FROM content_items WHERE id = :id"), {"id": item_id}
        ).one()
        return item_id, row.platform, row.kind, row.published_at
