"""Reading again what was kept as it came, after a mapping was mended: what reads otherwise is corrected by revision.

Pages of an account are read in the order in which they came, as one; a file is read by itself. The last word on each
figure counts, and only where one of the imports read again had the last word before: what somebody else said since
stays. Creators, rates and audiences of files are not described again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from engagerr.core.errors import EngagerrError, InvalidInput
from engagerr.core.events import deliver
from engagerr.core.ingestion.accounts import AccountBook, Owner
from engagerr.core.ingestion.arrival import lock_arrivals, make_room, name_account_subjects, tell_what_landed
from engagerr.core.ingestion.import_rows import PageOf, write_import
from engagerr.core.ingestion.landing import (
    drop_superseded_links,
    land_audience,
    land_items,
    land_links,
    reread_observations,
)
from engagerr.core.ingestion.quarantine import quarantine
from engagerr.core.ingestion.raw import read_raw
from engagerr.core.ingestion.subscribers import AT_ONCE
from engagerr.core.ingestion.sync.pages import (
    ConnectedAccount,
    KeptPage,
    own_accounts,
    read_records,
    stage_for_pages,
)
from engagerr.core.integrations.connector import Connector
from engagerr.core.integrations.formats.source import Reading, Source
from engagerr.core.integrations.records import CreatorRecord, EdgeRecord, Period
from engagerr.core.roster import account_key, parse_account
from engagerr.core.roster.identity import find_creator
from engagerr.core.telemetry import log
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.ingestion.staging import Staged

REPLAY = "replay"


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What reading one account's pages, or one file, again changed. `error` where it could not be read again."""

    source: str
    imports: int
    rows: int = 0
    items_new: int = 0
    items_changed: int = 0
    figures_corrected: int = 0
    figures_withdrawn: int = 0
    quarantined: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What a replay changed, one entry for each account's pages and each file."""

    results: tuple[ReplayResult, ...]


def replay_all(
    access: Access,
    connectors: Mapping[str, Connector],
    *,
    creator: str | None,
    platform: str | None,
    account: str | None,
    files: bool,
    progress: Callable[[str, int], None] | None,
) -> ReplayReport:
    """Replay pages, and files unless an account, a creator or a platform is named; each in a transaction of its own."""
    named = creator is not None or platform is not None or account is not None
    with access.transaction(Permission.SYNC) as session:
        pages = _accounts_with_pages(session, access, creator=creator, platform=platform, account=account)
        kept_files = _files(session, access) if files and not named else []
        access.audit(session, "sync.replayed", "workspace", creator=creator, platform=platform, account=account)
    results = []
    months: set[Any] = set()
    for whose in pages:
        results.append(_guarded(partial(_replay_pages, access, connectors, whose, progress, months), whose.name))
    for row in kept_files:
        results.append(_guarded(partial(_replay_file, access, row, progress), row.file_name))
    for result in results:
        log("replay.done", **{name: getattr(result, name) for name in result.__slots__})
    return ReplayReport(tuple(results))


def _guarded(replay: Callable[[], ReplayResult], source: str) -> ReplayResult:
    """One account or file that cannot be read again must not keep the others from it."""
    try:
        return replay()
    except EngagerrError as error:
        return ReplayResult(source, 0, error=f"{error} {error.hint or ''}".strip())


# ── Pages ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _accounts_with_pages(
    session: Session, access: Access, *, creator: str | None, platform: str | None, account: str | None
) -> list[ConnectedAccount]:
    creator_id = None if creator is None else find_creator(session, creator)[0]
    name = None if account is None else parse_account(account)
    rows = session.execute(
        text(
            """
            SELECT DISTINCT accounts.id, platform, handle, handle_key, native_id, url, creator_id, connector
            FROM imports JOIN accounts ON accounts.tenant_id = imports.tenant_id AND accounts.id = account_id
            WHERE imports.tenant_id = :tenant_id AND stream IS NOT NULL
              AND (CAST(:creator_id AS uuid) IS NULL OR creator_id = :creator_id)
              AND (CAST(:platform AS text) IS NULL OR platform = :platform OR connector = :platform)
              AND (CAST(:key AS text) IS NULL OR (handle_key = :key AND platform = :named_platform))
            ORDER BY platform, handle_key, connector
            """
        ),
        {
            "tenant_id": access.tenant.id, "creator_id": creator_id, "platform": platform,
            "key": name and account_key(name.handle), "named_platform": name and name.platform,
        },
    )  # fmt: skip
    return [
        ConnectedAccount(
            row.id, row.platform, row.handle, row.native_id, row.url, row.creator_id, None, row.connector, "active"
        )
        for row in rows
    ]


def _replay_pages(
    access: Access,
    connectors: Mapping[str, Connector],
    whose: ConnectedAccount,
    progress: Callable[[str, int], None] | None,
    months: set[Any],
) -> ReplayResult:
    connector = connectors.get(whose.connector)
    if connector is None:
        raise InvalidInput(
            f"The connector {whose.connector} is not installed.", hint="Install it, or leave its accounts out."
        )
    tenant_id = access.tenant.id
    with access.transaction(Permission.SYNC) as session:
        moment = access.clock.now()
        stage = stage_for_pages(access, session, moment)
        read: list[UUID] = []
        unknown = 0
        newest: datetime | None = None
        after: UUID | None = None
        for nobody_lands in (False, True):
            # What a sync lands while we read is read in the second round, when nobody lands any more.
            for page_id, kept in _kept_pages(session, tenant_id, whose, after=after):
                after = page_id
                stream = connector.stream(kept.stream)
                if stream is None:
                    unknown += 1
                    continue
                stage.part, stage.observed_at = f"page {page_id}", kept.moment
                for record in read_records(connector, stream, kept.page, kept.account):
                    stage.add(record)
                read.append(page_id)
                newest = kept.moment if newest is None else max(newest, kept.moment)
                if progress is not None and len(read) % 50 == 0:
                    progress(whose.name, len(read))
            staged = stage.finish()
            make_room(access.database, session, staged, known=months)
            if not nobody_lands:
                lock_arrivals(session, tenant_id)
        drop_superseded_links(session)
        # Pages of a stream that the connector no longer has are not read, so what they said stands.
        replays = [] if unknown else _replays_before(session, tenant_id, whose)
        return _reread(
            access, session, staged, lineage=[*read, *replays],
            accounts=own_accounts(session, tenant_id, whose, staged), described_at=newest or moment,
            result=ReplayResult(f"{whose.name} ({whose.connector})", len(read)),
            row=lambda import_id: {
                "file_name": f"{connector.title}, read again", "sha256": str(import_id), "size_bytes": 0,
                "format": f"{connector.name}/{REPLAY}", "observed_at": newest or moment,
                "page": PageOf(whose.id, whose.connector, REPLAY, import_id),
            },
        )  # fmt: skip


def _replays_before(session: Session, tenant_id: UUID, whose: ConnectedAccount) -> list[UUID]:
    return list(
        session.execute(
            text(
                "SELECT id FROM imports WHERE tenant_id = :tenant_id AND account_id = :id AND stream = :replay"
                " AND connector = :connector"
            ),
            {"tenant_id": tenant_id, "id": whose.id, "connector": whose.connector, "replay": REPLAY},
        ).scalars()
    )


def _kept_pages(
    session: Session, tenant_id: UUID, whose: ConnectedAccount, *, after: UUID | None
) -> Iterator[tuple[UUID, KeptPage]]:
    """The pages that landed after that one, in the order in which they landed."""
    import zstandard

    decompressor = zstandard.ZstdDecompressor()
    decoder = msgspec.json.Decoder(KeptPage)
    while True:
        rows = session.execute(
            text(
                "SELECT imports.id, body FROM imports JOIN raw_payloads AS raw ON raw.tenant_id = imports.tenant_id"
                " AND raw.import_id = imports.id WHERE imports.tenant_id = :tenant_id AND account_id = :account_id"
                " AND connector = :connector AND stream IS NOT NULL AND stream <> :replay"
                " AND (CAST(:after AS uuid) IS NULL OR imports.id > :after) ORDER BY imports.id LIMIT 200"
            ),
            {
                "tenant_id": tenant_id, "account_id": whose.id, "connector": whose.connector, "after": after,
                "replay": REPLAY,
            },
        ).all()  # fmt: skip
        for row in rows:
            yield row.id, decoder.decode(decompressor.decompress(row.body))
        if not rows:
            return
        after = rows[-1].id


# ── Files ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _files(session: Session, access: Access) -> list[Any]:
    """The newest word on each file, oldest file first; a replay is no word of its own."""
    return list(
        session.execute(
            text(
                """
                SELECT * FROM (
                  SELECT DISTINCT ON (sha256) id, sha256, file_name, size_bytes, format, options, observed_at,
                         imported_at
                  FROM imports WHERE tenant_id = :tenant_id AND stream IS NULL AND options ->> :replay IS NULL
                  ORDER BY sha256, attempt DESC) AS newest
                ORDER BY imported_at, id
                """
            ),
            {"tenant_id": access.tenant.id, "replay": REPLAY},
        )
    )


def _replay_file(access: Access, row: Any, progress: Callable[[str, int], None] | None) -> ReplayResult:
    from engagerr.core.ingestion.saved_formats import load_formats
    from engagerr.core.integrations.formats.table import FORMATS, format_named

    tenant_id = access.tenant.id
    if progress is not None:
        progress(row.file_name, 1)
    with access.transaction(Permission.SYNC) as session, tempfile.TemporaryDirectory() as folder:
        formats = {known.name: known for known in (*FORMATS, *load_formats(session, tenant_id))}
        chosen = formats.get(row.format) or format_named(row.format)
        lineage = list(
            session.execute(
                text("SELECT id FROM imports WHERE tenant_id = :tenant_id AND sha256 = :sha256 ORDER BY attempt"),
                {"tenant_id": tenant_id, "sha256": row.sha256},
            ).scalars()
        )
        path = Path(folder) / Path(row.file_name).name
        path.write_bytes(read_raw(session, tenant_id=tenant_id, import_id=lineage[0]))
        options = row.options
        stage = stage_for_pages(access, session, row.observed_at)
        said_at = options.get("observed_at")
        reading = Reading(
            now=row.imported_at, period=_period(options.get("period")),
            observed_at=datetime.fromisoformat(said_at) if said_at else None,
        )  # fmt: skip
        for record in chosen.parse(Source(path, row.imported_at), reading):
            if isinstance(record, CreatorRecord):
                # Who people are is not described again, but figures of their accounts are.
                for account in record.accounts:
                    # A list of strangers calls them what they are called that day: it does not say whose they are.
                    stage.add(msgspec.structs.replace(account, creator=None) if record.status else account)
            elif not isinstance(record, EdgeRecord):
                stage.add(record)
        staged = stage.finish()
        make_room(access.database, session, staged, known=set())
        lock_arrivals(session, tenant_id)
        book = AccountBook(
            session, tenant_id=tenant_id, file_name=row.file_name,
            owner=Owner(
                parse_account(options["account"]) if options.get("account") else None, options.get("creator"),
                may_make_accounts=chosen.platform is None,
            ),
        )  # fmt: skip
        return _reread(
            access, session, staged, lineage=lineage, accounts=book.resolve(staged),
            described_at=row.observed_at, result=ReplayResult(row.file_name, 1),
            row=lambda _: {
                "file_name": row.file_name, "sha256": row.sha256, "size_bytes": row.size_bytes, "format": row.format,
                "observed_at": row.observed_at, "options": {**options, REPLAY: str(row.id)},
            },
        )  # fmt: skip


def _period(words: str | None) -> Period | None:
    if not words:
        return None
    first, _, last = words.partition("..")
    return Period(date.fromisoformat(first), date.fromisoformat(last))


# ── Both ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _reread(
    access: Access,
    session: Session,
    staged: Staged,
    *,
    lineage: list[UUID],
    accounts: dict[int, UUID],
    described_at: datetime,
    result: ReplayResult,
    row: Callable[[UUID], dict[str, Any]],
) -> ReplayResult:
    """Land what differs; `row` says of the import's id what its row holds besides the counts."""
    tenant_id, now = access.tenant.id, access.clock.now()
    import_id: UUID = session.execute(text("SELECT engagerr_new_id()")).scalar_one()
    session.execute(
        text("INSERT INTO stage_lineage SELECT unnest(CAST(:ids AS uuid[]))"), {"ids": [str(one) for one in lineage]}
    )
    items, foreign = land_items(
        session, tenant_id=tenant_id, import_id=import_id, accounts=accounts, described_at=described_at,
        staged=staged.items, reread=True,
    )  # fmt: skip
    name_account_subjects(session, staged, accounts)
    land_audience(session, tenant_id=tenant_id, staged=staged, accounts=accounts)
    corrected, withdrawn = reread_observations(session, tenant_id=tenant_id, import_id=import_id)
    if staged.items:
        land_links(session, tenant_id=tenant_id, updated=items.updated)
    result = replace(
        result, rows=staged.rows, items_new=items.new, items_changed=items.updated, figures_corrected=corrected,
        figures_withdrawn=withdrawn, quarantined=len(staged.rejections) + len(foreign),
    )  # fmt: skip
    if not (items.new or items.updated or corrected or withdrawn):
        return result
    write_import(
        session, access, import_id=import_id,
        counts={
            "rows": staged.rows, "items_new": items.new, "items_updated": items.updated,
            "observations_new": corrected, "quarantined": result.quarantined,
        },
        **row(import_id),
    )  # fmt: skip
    quarantine(session, tenant_id=tenant_id, import_id=import_id, rejections=(*staged.rejections, *foreign))
    tell_what_landed(
        session, tenant_id=tenant_id, import_id=import_id, staged=staged, accounts=accounts, items=items,
        observations=corrected + withdrawn, now=now,
    )  # fmt: skip
    about = tuple({*accounts.values(), *items.elsewhere})
    deliver(session, tenant_id=tenant_id, subscribers=AT_ONCE, about=about, now=now)
    return result
