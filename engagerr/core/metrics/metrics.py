"""Verbs on numbers: what was observed, what it means by the standard, and reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.content import find_item
from engagerr.core.content.campaigns import campaign_item_ids, find_campaign
from engagerr.core.content.families import ConceptTotal, family_of, read_nodes
from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.integrations.records import State
from engagerr.core.metrics.cells import CellChain, ReportedItem, explain_cell
from engagerr.core.metrics.definition import Definition
from engagerr.core.metrics.explain import (
    CELL,
    CellRef,
    ObservationChain,
    RawRecords,
    Subject,
    explain_observation,
)
from engagerr.core.metrics.figures import HELD_BY_ITS_TWIN, FigureReader, Totals
from engagerr.core.metrics.moves import MOVE, MoveChain, MoveRef, explain_move
from engagerr.core.metrics.performance import Performance, PerformanceRow, performance
from engagerr.core.metrics.rollups import Rebuilt
from engagerr.core.metrics.standard import StandardFigure, standardise
from engagerr.core.metrics.upkeep import RollupState, keep_up, rebuild_all, rollup_state
from engagerr.core.roster import account_key, accounts_of, find_creator, parse_account
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
    """One concept of one group. `group` is a creator, platform, kind or family title; `total` the sum and its gaps.

    `cell` is the reference by which `Metrics.explain` tells how the total came about.
    """

    group: str
    group_id: str
    total: ConceptTotal
    cell: str


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
SELECT item.id, item.platform, item.native_id, item.title, item.published_at,
       coalesce(item.kind, 'unknown') AS kind,
       coalesce(creator.name, account.platform || ':' || account.handle) AS creator,
       coalesce(node.family_id, item.id)::text AS family_id,
       coalesce(root.title, root.platform || ':' || root.native_id, item.title,
                item.platform || ':' || item.native_id) AS family,
       {doubled} AS doubled
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

    def __init__(self, access: Access, reader: FigureReader, raw: RawRecords | None = None) -> None:
        self._access = access
        self._reader = reader
        self._raw = raw

    def show(self, subject: str, *, at: datetime | None = None) -> tuple[ObservationRow, ...]:
        """Every observation of an item (or of an account, `platform:handle`), oldest first within each metric.

        With `at`, only the newest of each metric that was known by then.
        """
        with self._access.transaction(Permission.READ) as session:
            found = self._subject(session, subject)
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
                {"tenant_id": self._access.tenant.id, "subject_id": found.id, "at": at},
            ).all()
        if at is not None:
            rows = list({(row.metric, row.period_days): row for row in rows}.values())
        observations = []
        for row in rows:
            standard = standardise(
                self._reader.registry,
                platform=found.platform,
                metric=row.metric,
                kind=found.kind,
                value=row.value,
                state=State(row.state),
                observed_at=row.observed_at,
                published_at=found.published_at,
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
        with self._access.transaction(Permission.READ) as session:
            creator_id = find_creator(session, creator)[0] if creator else None
            items = 0
            labels: dict[str, str] = {}
            groups: dict[str, Totals] = {}
            for item in self._reported(session, creator_id, since=since, until=until, by=by):
                items += 1
                labels.setdefault(item.group_id, item.group)
                totals = groups.setdefault(item.group_id, Totals())
                for figure, doubled in item.counted():
                    totals.add(figure, doubled=doubled)
        return Report(
            by=by,
            since=since,
            until=until,
            items=items,
            without_standard=sum(totals.without_standard for totals in groups.values()),
            rows=tuple(
                ReportRow(
                    labels[group_id],
                    group_id,
                    total,
                    str(
                        CellRef(
                            by=by,
                            group=group_id,
                            sum=total.group,
                            concept=total.concept,
                            since=since,
                            until=until,
                            creator=str(creator_id) if creator_id else None,
                        )
                    ),
                )
                for group_id in sorted(groups, key=lambda group_id: (labels[group_id], group_id))
                for total in groups[group_id].result()
            ),
        )

    def explain(
        self, reference: str, *, metric: str | None = None, at: datetime | None = None, period_days: int | None = None
    ) -> ObservationChain | CellChain | MoveChain:
        """The chain behind a figure: of an item's or account's `metric` to the raw record, of a report's cell to items.

        `reference` is an item, an account, or the `cell` of a row of a report or a performance. With `at`, the figure
        as it was known then; with `period_days`, one about so many days (0: since publication).
        """
        with self._access.transaction(Permission.READ) as session:
            if reference.startswith(MOVE):
                move = MoveRef.parse(reference)
                accounts, items = self._movers(
                    session, creator=move.creator, campaign=move.campaign, family=move.family
                )
                return explain_move(
                    session, self._reader.registry, move, tenant_id=self._access.tenant.id, account_ids=accounts,
                    item_ids=items,
                )  # fmt: skip
            if not reference.startswith(CELL):
                return explain_observation(
                    session, self._reader.registry, self._raw, self._subject(session, reference),
                    tenant_id=self._access.tenant.id, metric=metric, at=at, period_days=period_days,
                    sees_terms=self._access.allows(session, Permission.READ_TERMS),
                )  # fmt: skip
            if metric is not None or at is not None or period_days is not None:
                raise InvalidInput(
                    "A cell names its figure and time itself.", hint=f'engagerr metric explain "{reference}"'
                )
            cell = CellRef.parse(reference)
            creator_id = find_creator(session, cell.creator)[0] if cell.creator else None
            reported = self._reported(session, creator_id, since=cell.since, until=cell.until, by=cell.by)
            return explain_cell(cell, reported, self._reader.registry)

    def performance(
        self,
        creator: str | None = None,
        *,
        since: date,
        until: date,
        grain: str = "month",
        by: str = "platform",
        campaign: str | None = None,
        family: str | None = None,
        platform: str | None = None,
    ) -> Performance:
        """How figures moved in the whole days [since, until), UTC: of a creator, a campaign, a family, or everybody.

        What landed is rolled up first. Quantities that may not be added stand apart, gaps are named, and so are the
        changes of definition within the window.
        """
        if sum(one is not None for one in (creator, campaign, family)) > 1:
            raise InvalidInput("Name a creator, a campaign or a family, and not two of them.", hint="Leave one out.")
        keep_up(self._access, self._reader.registry)
        with self._access.transaction(Permission.READ) as session:
            accounts, items = self._movers(session, creator=creator, campaign=campaign, family=family)
            found = performance(
                session, self._reader.registry, tenant_id=self._access.tenant.id, since=since, until=until, grain=grain,
                by=by, account_ids=accounts, item_ids=items, platform=platform,
            )  # fmt: skip

        def reference(row: PerformanceRow) -> MoveRef:
            return MoveRef(
                by=by, group=row.group, of=row.of, sum=row.sum_group, grain=grain, bucket=row.bucket, since=since,
                until=until, basis=row.basis, currency=row.currency, creator=creator, campaign=campaign, family=family,
                platform=platform,
            )  # fmt: skip

        return replace(found, rows=tuple(replace(row, cell=str(reference(row))) for row in found.rows))

    def _movers(
        self, session: Session, *, creator: str | None, campaign: str | None, family: str | None
    ) -> tuple[list[UUID] | None, list[UUID] | None]:
        """The accounts, or the items, whose movement is asked for; neither for everybody's."""
        tenant_id = self._access.tenant.id
        if creator is not None:
            return accounts_of(session, tenant_id=tenant_id, creator_id=find_creator(session, creator)[0]), None
        if campaign is not None:
            campaign_id = find_campaign(session, campaign)[0]
            return None, campaign_item_ids(session, tenant_id=tenant_id, campaign_id=campaign_id, with_clips=True)
        if family is not None:
            family_id = family_of(session, tenant_id=tenant_id, item_id=find_item(session, family))
            return None, [node.id for node in read_nodes(session, tenant_id=tenant_id, family_id=family_id)]
        return None, None

    def rollups(self) -> RollupState:
        """How the rollups stand: whether anything waits to be rolled up, and by which definitions they were made."""
        with self._access.transaction(Permission.READ) as session:
            return rollup_state(session, self._reader.registry, tenant_id=self._access.tenant.id)

    def rebuild_rollups(self, *, progress: Callable[[int, int], None] | None = None) -> Rebuilt:
        """Make every rollup again; `differed` in the answer says how many were not what they should have been."""
        with self._access.transaction(Permission.IMPORT):
            pass
        return rebuild_all(self._access, self._reader.registry, progress=progress)

    def definitions(self, *, platform: str | None = None) -> tuple[Definition, ...]:
        """The registry: what each platform's number means, since when, and who says so."""
        return self._reader.registry.definitions(platform=platform)

    def _reported(
        self, session: Session, creator_id: UUID | None, *, since: datetime | None, until: datetime | None, by: str
    ) -> Iterator[ReportedItem]:
        """The items published in a window with their figures, each with the group that it belongs to."""
        if by not in GROUPINGS:
            raise InvalidInput(f"A report cannot be grouped by {by!r}.", hint=f"One of: {', '.join(GROUPINGS)}.")
        rows = session.execute(
            text(_REPORTED_ITEMS.format(doubled=HELD_BY_ITS_TWIN)),
            {"tenant_id": self._access.tenant.id, "creator_id": creator_id, "since": since, "until": until},
            execution_options={"yield_per": _BATCH_OF_ITEMS},
        )
        for batch in rows.partitions():
            figures = self._reader.figures(session, [row.id for row in batch], until=until)
            for row in batch:
                group_id = row.family_id if by == "family" else getattr(row, by)
                yield ReportedItem(
                    name=f"{row.platform}:{row.native_id}",
                    title=row.title,
                    published_at=row.published_at,
                    group_id=group_id,
                    group=row.family if by == "family" else group_id,
                    doubled=row.doubled,
                    figures=figures.get(row.id, ()),
                )

    def _subject(self, session: Session, name: str) -> Subject:
        try:
            item_id = find_item(session, name)
        except NotFound as not_an_item:
            if ":" not in name:
                raise
            account = parse_account(name)
            found = session.execute(
                text(
                    "SELECT id, handle, native_id, name FROM accounts"
                    " WHERE tenant_id = :tenant_id AND platform = :platform AND handle_key = :key"
                ),
                {
                    "tenant_id": self._access.tenant.id,
                    "platform": account.platform,
                    "key": account_key(account.handle),
                },
            ).one_or_none()
            if found is None:
                raise not_an_item from None
            return Subject(
                found.id, f"{account.platform}:{found.handle}", found.native_id, account.platform, "account", found.name
            )
        row = session.execute(
            text(
                "SELECT platform, native_id, kind, title, published_at FROM content_items"
                " WHERE tenant_id = :tenant_id AND id = :id"
            ),
            {"tenant_id": self._access.tenant.id, "id": item_id},
        ).one()
        return Subject(
            item_id, f"{row.platform}:{row.native_id}", row.native_id, row.platform, row.kind, row.title,
            row.published_at,
        )  # fmt: skip
