"""What an import would do: the import itself, in a transaction that is looked at and then rolled back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import EngagerrError, InvalidInput
from engagerr.core.ingestion.importer import ImportProgress, ImportResult, RolledBack
from engagerr.core.ingestion.ingestion import Ingestion
from engagerr.core.integrations.records import Period, Rejection
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.db import Session

NAMED = 50


@dataclass(frozen=True, slots=True)
class FamilyChange:
    """A family that would change: its items as they would stand, how many of them would have `joined` it, and of how
    many (`touched`) something new would be said, in words, figures or edges."""

    id: UUID
    title: str | None
    platform: str
    items: int
    joined: int
    touched: int


@dataclass(frozen=True, slots=True)
class FilePreview:
    """What one file would do; with `refused`, nothing, for that reason, and `hint` says what mends it.

    `result` counts as an import does. `figures_new` are of moments of which nothing was known, `figures_changed` differ
    from what stood for theirs and would be written beside it. At most fifty creators, accounts and families are named,
    families with most new items first; `families_total` counts all.
    """

    path: Path
    result: ImportResult | None
    refused: str | None = None
    hint: str | None = None
    creators: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    figures_new: int = 0
    figures_changed: int = 0
    families: tuple[FamilyChange, ...] = ()
    families_total: int = 0

    @property
    def quarantined(self) -> tuple[Rejection, ...]:
        """Rows that would be set aside: each with row, column, value, reason and what mends it."""
        return self.result.quarantined if self.result else ()

    @property
    def changes_nothing(self) -> bool:
        """Whether the file is refused, known, or says nothing new."""
        found = self.result
        return found is None or not (
            found.items_new or found.items_updated or found.observations_new or found.creators_new
            or found.accounts_new or found.edges_new
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ImportPreview:
    """The files in the order given. Each was looked at by itself, as if it came first: a creator whom two files name is
    new in both."""

    files: tuple[FilePreview, ...]

    @property
    def rows(self) -> int:
        """Rows read, of all files that were not refused."""
        return sum(one.result.rows for one in self.files if one.result)

    @property
    def quarantined(self) -> tuple[tuple[Path, Rejection], ...]:
        """All rows that would be set aside, with the file that each stands in."""
        return tuple((one.path, row) for one in self.files for row in one.quarantined)

    @property
    def creators(self) -> tuple[str, ...]:
        """Everybody who would be new, once each."""
        return tuple(sorted({name for one in self.files for name in one.creators}, key=str.casefold))

    @property
    def accounts(self) -> tuple[str, ...]:
        """Every account that would be new, once each."""
        return tuple(sorted({name for one in self.files for name in one.accounts}))

    @property
    def changes_nothing(self) -> bool:
        """Whether no file would change anything."""
        return all(one.changes_nothing for one in self.files)


def preview(
    work: Workspace,
    paths: Sequence[str | Path],
    *,
    account: str | None = None,
    creator: str | None = None,
    format: str = "auto",
    period: Period | None = None,
    observed_at: datetime | None = None,
    progress: Callable[[Path, ImportProgress], None] | None = None,
) -> ImportPreview:
    """What importing these files, with these options of `ingestion.import_file`, would do. Nothing is written.

    It takes as long as the import, and other imports wait for it meanwhile. A file that would be refused does not stop
    the others; `Forbidden` where the role may not import at all.
    """
    if not paths:
        raise InvalidInput("There is no file to look at.", hint="Name one or more.")
    work.access.require(Permission.IMPORT)
    options: dict[str, Any] = {
        "account": account, "creator": creator, "format": format, "period": period, "observed_at": observed_at,
    }  # fmt: skip
    return ImportPreview(tuple(_look_at(work.access, Path(path), options, progress) for path in paths))


def _look_at(
    access: Access,
    path: Path,
    options: dict[str, Any],
    progress: Callable[[Path, ImportProgress], None] | None,
) -> FilePreview:
    seen: dict[str, Any] = {}
    watched = _Watched(
        access.database, access.settings, access.clock, access.tenant, access.member, access.token_id, seen=seen
    )
    heard = None if progress is None else lambda step: progress(path, step)
    try:
        result = Ingestion(watched).import_file(path, **options, dry_run=True, progress=heard)
    except EngagerrError as error:
        return FilePreview(path, None, error.message, error.hint)
    return FilePreview(path, result, **seen)


@dataclass(frozen=True, slots=True)
class _Watched(Access):
    """An access whose transactions are looked into before a dry run rolls them back."""

    seen: dict[str, Any] = field(kw_only=True)

    @contextlib.contextmanager
    def transaction(self, permission: Permission, *, snapshot: bool = False) -> Iterator[Session]:
        """As any, but what a dry run has written is read before it is gone."""
        with Access.transaction(self, permission, snapshot=snapshot) as session:
            begun = session.execute(text("SELECT engagerr_new_id()")).scalar_one()
            try:
                yield session
            except RolledBack as dry:
                self.seen.update(_written(session, self.tenant.id, begun, dry.result))
                raise


# Rows of this transaction carry its time; nobody else's carry the same microsecond.
_NEW_NAMES = """
SELECT ARRAY(SELECT name FROM creators WHERE tenant_id = :tenant_id AND created_at = now() ORDER BY lower(name)
             LIMIT :most) AS creators,
       ARRAY(SELECT platform || ':' || handle FROM accounts WHERE tenant_id = :tenant_id AND created_at = now()
             ORDER BY platform, handle_key LIMIT :most) AS accounts
"""

# Imports take turns, and ids grow: of the subjects at hand, the newest import is this one.
_FIGURES = """
WITH landed AS MATERIALIZED (
  SELECT seen.import_id, seen.revision
  FROM (SELECT DISTINCT subject_id FROM stage_subjects) AS subject
  JOIN metric_observations AS seen ON seen.tenant_id = :tenant_id AND seen.subject_id = subject.subject_id
  WHERE seen.import_id > :begun
)
SELECT count(*) FILTER (WHERE revision = 0) AS new, count(*) FILTER (WHERE revision > 0) AS changed
FROM landed WHERE import_id = (SELECT import_id FROM landed ORDER BY import_id DESC LIMIT 1)
"""

_FAMILIES = """
WITH touched AS (
  SELECT item.id AS item_id FROM stage_subjects AS subject
  JOIN content_items AS item ON item.tenant_id = :tenant_id AND item.id = subject.subject_id
  WHERE item.import_id > :begun OR EXISTS (
    SELECT FROM metric_observations AS seen
    WHERE seen.tenant_id = :tenant_id AND seen.subject_id = subject.subject_id AND seen.import_id > :begun)
  UNION
  SELECT child_id FROM content_edges WHERE tenant_id = :tenant_id AND created_at = now()
), family AS (
  SELECT node.family_id, count(*) AS touched FROM touched
  JOIN content_nodes AS node ON node.tenant_id = :tenant_id AND node.item_id = touched.item_id
  GROUP BY node.family_id
), changed AS (
  SELECT family.family_id, family.touched,
         (SELECT count(*) FROM content_nodes AS node
          WHERE node.tenant_id = :tenant_id AND node.family_id = family.family_id) AS items,
         (SELECT count(*) FROM content_nodes AS node
          JOIN content_edges AS edge ON edge.tenant_id = node.tenant_id AND edge.id = node.edge_id
          WHERE node.tenant_id = :tenant_id AND node.family_id = family.family_id AND edge.created_at = now())
           AS joined
  FROM family
)
SELECT changed.family_id AS id, root.title, root.platform, changed.items, changed.joined, changed.touched,
       count(*) OVER () AS total
FROM changed JOIN content_items AS root ON root.tenant_id = :tenant_id AND root.id = changed.family_id
-- An item by itself is no family yet.
WHERE changed.items > 1
ORDER BY changed.joined DESC, changed.touched DESC, root.published_at DESC NULLS LAST, root.id
LIMIT :most
"""


def _written(session: Session, tenant_id: UUID, begun: UUID, result: ImportResult) -> dict[str, Any]:
    """What the dry run wrote, as fields of `FilePreview`."""
    values = {"tenant_id": tenant_id, "most": NAMED, "begun": begun}
    names = session.execute(text(_NEW_NAMES), values).one()
    new = changed = 0
    if result.observations_new:
        new, changed = session.execute(text(_FIGURES), values).one()
    families = session.execute(text(_FAMILIES), values).all() if not _says_nothing(result) else []
    return {
        "creators": tuple(names.creators), "accounts": tuple(names.accounts), "figures_new": new,
        "figures_changed": changed,
        "families": tuple(
            FamilyChange(row.id, row.title, row.platform, row.items, row.joined, row.touched) for row in families
        ),
        "families_total": families[0].total if families else 0,
    }  # fmt: skip


def _says_nothing(result: ImportResult) -> bool:
    return not (result.items_new or result.items_updated or result.observations_new or result.edges_new)
