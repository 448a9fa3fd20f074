"""A page lands: kept as it came first, then as standard rows, with its checkpoint, in one transaction."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import msgspec
from sqlalchemy import text

from engagerr.core.errors import Broken, EngagerrError
from engagerr.core.ingestion.arrival import Arrival, land_staged, lock_page, make_room
from engagerr.core.ingestion.import_rows import PageOf, write_import
from engagerr.core.ingestion.quarantine import quarantine
from engagerr.core.ingestion.raw import keep_bytes
from engagerr.core.ingestion.staging import Stage, Staged
from engagerr.core.integrations.connector import Account, Connector, Page, Stream
from engagerr.core.integrations.records import Record, Rejection
from engagerr.core.telemetry import log

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.tenancy import Access

_FUTURE = timedelta(days=2)


class KeptPage(msgspec.Struct, frozen=True):
    """A page as it is kept: enough to read it again without anything else."""

    connector: str
    version: int
    stream: str
    account: Account
    moment: datetime
    page: Page


@dataclass(frozen=True, slots=True)
class ConnectedAccount:
    """An account that a connector may read, as the roster and its grant have it."""

    id: UUID
    platform: str
    handle: str
    native_id: str | None
    url: str | None
    creator_id: UUID | None
    creator: str | None
    connector: str
    grant: str

    @property
    def name(self) -> str:
        """`platform:handle`."""
        return f"{self.platform}:{self.handle}"

    @property
    def account(self) -> Account:
        """As connectors know it."""
        return Account(self.platform, self.handle, self.native_id, self.url)


@contextlib.contextmanager
def blamed_on(connector: Connector, stream: Stream, *, what: str, hint: str) -> Iterator[None]:
    """A connector may be anybody's: what it does not expect must cost its stream and not the run."""
    try:
        yield
    except EngagerrError:
        raise
    except Exception as error:
        log("connector.stumbled", level="error", connector=connector.name, stream=stream.name, error=repr(error)[:300])
        raise Broken(
            f"The connector {connector.name} {what} {stream.name}: {type(error).__name__}.",
            hint=hint,
            facts={"connector": connector.name, "stream": stream.name},
        ) from error


def read_records(connector: Connector, stream: Stream, page: Page, account: Account) -> Iterator[Record]:
    """The records of a page; a mapping that stumbles is our bug or the connector's, and says where it was."""
    with blamed_on(
        connector,
        stream,
        what="could not read a page of",
        hint="The page is kept as it came: after an update, `engagerr sync replay` reads it. Please report it.",
    ):
        yield from stream.read(page, account)


def land_page(
    access: Access,
    session: Session,
    *,
    connector: Connector,
    stream: Stream,
    whose: ConnectedAccount,
    page: Page,
    moment: datetime,
    run_id: UUID,
    months: set[Any],
) -> tuple[Arrival, Broken | None]:
    """Land one page inside the transaction at hand; the caller holds the lease and writes the checkpoint.

    A page that the mapping cannot read is kept all the same, and the error is returned: what a platform gives for a
    day only must not be lost to a bug of ours.
    """
    tenant_id, now = access.tenant.id, access.clock.now()
    account = whose.account
    unread: Broken | None = None
    try:
        with session.begin_nested():
            staged = _staged(access, session, read_records(connector, stream, page, account), moment)
    except Broken as error:
        unread = error
        staged = _staged(access, session, [Rejection(1, None, None, str(error), error.hint or "")], moment)
    make_room(access.database, session, staged, known=months)
    _forget_plans(session)
    lock_page(session, tenant_id)
    import_id: UUID = session.execute(text("SELECT engagerr_new_id()")).scalar_one()
    accounts = own_accounts(session, tenant_id, whose, staged)
    source = f"{connector.title}, {stream.title}"
    arrival = land_staged(
        session, tenant_id=tenant_id, import_id=import_id, staged=staged, accounts=accounts, observed_at=moment,
        source=source, now=now, tell=False,
    )  # fmt: skip
    kept = msgspec.json.encode(KeptPage(connector.name, connector.version, stream.name, account, moment, page))
    write_import(
        session, access, import_id=import_id, sha256=hashlib.sha256(kept).hexdigest(), file_name=source,
        size_bytes=len(kept), format=f"{connector.name}/{stream.name}", observed_at=moment,
        page=PageOf(whose.id, connector.name, stream.name, run_id),
        counts={
            "rows": staged.rows, "items_new": arrival.items_new, "items_updated": arrival.items_updated,
            "observations_new": arrival.observations_new, "quarantined": len(arrival.rejections),
        },
    )  # fmt: skip
    keep_bytes(session, tenant_id=tenant_id, import_id=import_id, body=kept, rows=staged.rows)
    quarantine(session, tenant_id=tenant_id, import_id=import_id, rejections=arrival.rejections)
    return arrival, unread


def _forget_plans(session: Session) -> None:
    """Have statements planned anew each time that this connection has landed twice as many pages.

    A plan is kept until somebody analyses its tables; the first ones of a new home were made for empty tables.
    """
    landed = session.info["pages_landed"] = session.info.get("pages_landed", 0) + 1
    if landed & (landed - 1) == 0:
        session.execute(text("DISCARD PLANS"))


def _staged(access: Access, session: Session, records: Iterable[Record], moment: datetime) -> Staged:
    stage = stage_for_pages(access, session, moment)
    for record in records:
        stage.add(record)
    return stage.finish()


def stage_for_pages(access: Access, session: Session, moment: datetime) -> Stage:
    """A stage for the records of pages, which are true at `moment` where they do not say when."""
    return Stage(
        cast("Any", session.connection.driver_connection),
        observed_at=moment,
        latest=access.clock.now() + _FUTURE,
        rejection_limit=access.settings.ingestion.quarantine_limit,
        too_many=lambda limit: Broken(
            f"More than {limit:,} entries of a page cannot be used.", hint="The platform may have changed its answers."
        ),
    )


def own_accounts(session: Session, tenant_id: UUID, whose: ConnectedAccount, staged: Staged) -> dict[int, UUID]:
    """{staged account number: the account's id}: a page is about the account that it was fetched for.

    What the platform says of the account itself (its id, its name) is kept; its handle is the roster's business.
    """
    native_id, name, url = whose.native_id, None, whose.url
    for account in staged.accounts.values():
        native_id = native_id or account.native_id
        name, url = account.name or name, account.url or url
    if staged.accounts:
        session.execute(
            text(
                """
                UPDATE accounts SET native_id = coalesce(native_id, :native_id), name = coalesce(:name, name),
                       url = coalesce(:url, url), provisional = false
                WHERE tenant_id = :tenant_id AND id = :id
                  AND (native_id, name, url, provisional) IS DISTINCT FROM
                      (coalesce(native_id, :native_id), coalesce(:name, name), coalesce(:url, url), false)
                  AND NOT EXISTS (SELECT FROM accounts AS other WHERE other.tenant_id = :tenant_id
                                    AND other.platform = accounts.platform AND other.native_id = :native_id
                                    AND other.id <> :id)
                """
            ),
            {"tenant_id": tenant_id, "id": whose.id, "native_id": native_id, "name": name, "url": url},
        )
    return {account.number: whose.id for account in staged.accounts.values()}
