"""The verbs on reports: make the document of a creator, a campaign, the roster or a family, and draw it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.content import find_item
from engagerr.core.content.families import family_of
from engagerr.core.errors import InvalidInput
from engagerr.core.metrics.figures import FigureReader
from engagerr.core.metrics.reports.document import ReportDocument
from engagerr.core.metrics.reports.months import month_of, months_back
from engagerr.core.roster import find_creator
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session


class ReportFormat(StrEnum):
    """What a report can be drawn as."""

    HTML = "html"
    PDF = "pdf"
    XLSX = "xlsx"
    CSV = "csv"
    MD = "md"
    PNG = "png"


class Reports:
    """Reports that go out of the house.

    Only what is meant for others is read: no rates, terms, commissions, agents, notes, reasons or addresses, and no
    revenue. Without `until`, a report speaks up to the end of the day of its newest figure, so that the same data makes
    the same report on any day.
    """

    def __init__(self, access: Access, reader: FigureReader) -> None:
        self._access = access
        self._reader = reader

    def creator(self, creator: str, *, since: datetime | None = None, until: datetime | None = None) -> ReportDocument:
        """The media kit of a creator, by id or exact name; of the last twelve months unless `since` says else."""
        from engagerr.core.metrics.reports import media_kit
        from engagerr.core.metrics.upkeep import keep_up

        keep_up(self._access, self._reader.registry)
        with self._access.transaction(Permission.READ, snapshot=True) as session:
            creator_id, name = find_creator(session, creator)
            end = until or self._newest(session, f"of {name}", creator_id=creator_id)
            return media_kit.media_kit(
                session, creator_id=creator_id, since=_window(since, end), until=end, **self._asked()
            )

    def campaign(
        self, campaign: str, *, since: datetime | None = None, until: datetime | None = None
    ) -> ReportDocument:
        """What came of a campaign: its pieces with the clips made of them, their figures, sums and reach."""
        from engagerr.core.content.campaigns import campaign_item_ids, find_campaign
        from engagerr.core.metrics.reports import campaign_report

        with self._access.transaction(Permission.READ, snapshot=True) as session:
            campaign_id, name = find_campaign(session, campaign)
            ids = campaign_item_ids(session, tenant_id=self._access.tenant.id, campaign_id=campaign_id, with_clips=True)
            if not ids:
                raise InvalidInput(
                    f"Nothing is linked to {name} yet, so there is nothing to report on.",
                    hint=f'Link its pieces: engagerr campaign link "{name}" ITEM',
                )
            end = until or self._newest(session, f"of {name}", item_ids=ids)
            _window(since, end)
            return campaign_report.campaign_report(
                session, campaign_id=campaign_id, item_ids=ids, since=since, until=end, **self._asked()
            )

    def roster(self, *, since: datetime | None = None, until: datetime | None = None) -> ReportDocument:
        """Everybody who is represented, month by month; of the twelve months up to `until` unless `since` says else."""
        from engagerr.core.metrics.reports import roster_report
        from engagerr.core.metrics.upkeep import keep_up

        keep_up(self._access, self._reader.registry)
        with self._access.transaction(Permission.READ, snapshot=True) as session:
            end = until or self._newest(session, "of the roster")
            return roster_report.roster_report(session, since=_window(since, end), until=end, **self._asked())

    def family(self, family: str, *, until: datetime | None = None) -> ReportDocument:
        """One work and everything made of it. `family` is any item of it: an id, or platform:native_id."""
        from engagerr.core.content.families import read_nodes
        from engagerr.core.metrics.reports import family_report

        with self._access.transaction(Permission.READ, snapshot=True) as session:
            tenant_id = self._access.tenant.id
            family_id = family_of(session, tenant_id=tenant_id, item_id=find_item(session, family))
            nodes = read_nodes(session, tenant_id=tenant_id, family_id=family_id)
            end = until or self._newest(session, "of the family", item_ids=[node.id for node in nodes])
            _window(None, end)
            return family_report.family_report(session, nodes=nodes, until=end, **self._asked())

    def render(self, document: ReportDocument, format: str) -> bytes:
        """The document as a file: html, pdf, xlsx, csv, md or png. The same document gives the same bytes."""
        return render(document, format)

    def _asked(self) -> dict[str, Any]:
        tenant = self._access.tenant
        return {"reader": self._reader, "tenant_id": tenant.id, "prepared_by": tenant.name}

    def _newest(
        self,
        session: Session,
        whose: str,
        *,
        creator_id: UUID | None = None,
        item_ids: Sequence[UUID] | None = None,
    ) -> datetime:
        """The midnight after the newest figure, or after the newest piece where there is no figure."""
        found = session.execute(
            text(_NEWEST),
            {
                "tenant_id": self._access.tenant.id,
                "creator_id": creator_id,
                "item_ids": None if item_ids is None else [str(item_id) for item_id in item_ids],
            },
        ).scalar_one_or_none()
        if found is None:
            raise InvalidInput(
                f"There is no figure and no dated piece {whose} to report on.",
                hint="Bring some in: engagerr import file, or engagerr sync run.",
            )
        day = found.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return day + timedelta(days=1)  # type: ignore[no-any-return]


_NEWEST = """
WITH account AS (
  SELECT id FROM accounts
  WHERE tenant_id = :tenant_id AND CAST(:item_ids AS uuid[]) IS NULL
    AND (CAST(:creator_id AS uuid) IS NULL OR creator_id = :creator_id)
), item AS (
  SELECT id, published_at FROM content_items
  WHERE tenant_id = :tenant_id
    AND (account_id IN (SELECT id FROM account) OR id = ANY (CAST(:item_ids AS uuid[])))
)
SELECT coalesce(
  (SELECT max(newest.at)
   FROM (SELECT id FROM item UNION ALL SELECT id FROM account) AS subject
   CROSS JOIN LATERAL (SELECT max(observed_at) AS at FROM metric_observations AS seen
                       WHERE seen.tenant_id = :tenant_id AND seen.subject_id = subject.id) AS newest),
  (SELECT max(published_at) FROM item))
"""


def render(document: ReportDocument, format: str) -> bytes:
    """The document as a file of this format; `InvalidInput` for a format that there is not."""
    try:
        wanted = ReportFormat(format.lower())
    except ValueError as error:
        raise InvalidInput(
            f"A report cannot be drawn as {format!r}.", hint=f"One of: {', '.join(ReportFormat)}."
        ) from error
    # Each draws with a library of its own, which the others do not wait for.
    module, name = _DRAWN_BY[wanted]
    draw: Callable[[ReportDocument], bytes] = getattr(import_module(f"{__package__}.{module}"), name)
    return draw(document)


_DRAWN_BY = {
    ReportFormat.HTML: ("html", "html"),
    ReportFormat.PDF: ("pdf", "pdf"),
    ReportFormat.XLSX: ("xlsx", "xlsx"),
    ReportFormat.CSV: ("flat", "csv"),
    ReportFormat.MD: ("flat", "markdown"),
    ReportFormat.PNG: ("png", "png"),
}


# Longer than any platform has been there, and few enough months to draw.
_LONGEST = timedelta(days=40 * 366)
_FIRST_YEAR = 1990


def _window(since: datetime | None, until: datetime) -> datetime:
    """Twelve whole months and what there is of the one in which it ends, unless somebody wants another time."""
    if since is not None and since >= until:
        raise InvalidInput(
            f"The report would begin on {since.date()} and end before {until.date()}.",
            hint="Swap the dates, or choose an earlier --since.",
        )
    if until - (since or until) > _LONGEST or until.year < _FIRST_YEAR:
        raise InvalidInput(
            f"No report is of {since.date() if since else 'the year'} to {until.date()}: figures begin in 2004.",
            hint="Give a later --since and an --until of this century.",
        )
    if since is not None:
        return since
    first = months_back(month_of(until), 12)
    return datetime(first.year, first.month, 1, tzinfo=UTC)
