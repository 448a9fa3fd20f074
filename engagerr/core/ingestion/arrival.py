"""What was staged arrives: items, figures, edges and links land, what happened is written down, and subscribers hear.

Files and pages of platforms arrive through the same steps, inside the transaction of their caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.content import lock_tree
from engagerr.core.db.partitions import ensure_partitions
from engagerr.core.events import deliver, emit_about
from engagerr.core.ingestion.landing import (
    LandedItems,
    count_unchanged,
    land_audience,
    land_items,
    land_links,
    land_observations,
    lock_imports,
    months_staged,
    touches_a_tree,
    withdraw,
)
from engagerr.core.ingestion.stated_edges import land_edges
from engagerr.core.ingestion.subscribers import AT_ONCE
from engagerr.core.integrations.records import Rejection

if TYPE_CHECKING:
    from engagerr.core.db import Database, Session
    from engagerr.core.ingestion.staging import Staged


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a file or a page brought. `edges_new` counts stated and suggested edges."""

    items_new: int
    items_updated: int
    observations_new: int
    unchanged: int
    edges_new: int
    rejections: tuple[Rejection, ...]


def lock_arrivals(session: Session, tenant_id: UUID) -> None:
    """Be the only one of this tenant whose records land, until the transaction ends.

    Items and accounts that are described anew change what the nodes of families show: the same order of locks as in a
    confirm, which takes the tree first.
    """
    lock_imports(session, tenant_id)
    lock_tree(session, tenant_id)


def lock_page(session: Session, tenant_id: UUID) -> None:
    """As `lock_arrivals`, but pages land beside each other: each holds the lease of its account.

    The tree is taken only by a page that describes anew what stands in a family. Otherwise each page would wait until
    the one before it is on the disk.
    """
    lock_imports(session, tenant_id, shared=True)
    if touches_a_tree(session, tenant_id):
        lock_tree(session, tenant_id)


def make_room(database: Database, session: Session, staged: Staged, *, known: set[Any], dry_run: bool = False) -> None:
    """Partitions for the months staged, made in a transaction of their own, which waits for nobody.

    `known` are months that surely have theirs, and grows.
    """
    fallen_into = months_staged(session) if staged.months is None else sorted(staged.months)
    months = [month for month in fallen_into if month not in known]
    if not months:
        return
    if dry_run:
        ensure_partitions(session, months)
        return
    with database.apart() as own:
        ensure_partitions(own, months)
    known.update(months)


def land_staged(
    session: Session,
    *,
    tenant_id: UUID,
    import_id: UUID,
    staged: Staged,
    accounts: dict[int, UUID],
    observed_at: datetime,
    source: str,
    now: datetime,
    corrects: UUID | None = None,
    tell: bool = True,
) -> Arrival:
    """Land what is staged. `accounts` are {staged account number: account id}; `source` names file or page in words.

    `corrects` is the import that this one takes the place of. With `tell` subscribers hear at once, in this
    transaction; otherwise they are told later, and `unchanged` is not counted.
    """
    items, foreign = land_items(
        session, tenant_id=tenant_id, import_id=import_id, accounts=accounts, described_at=observed_at,
        staged=staged.items,
    )  # fmt: skip
    name_account_subjects(session, staged, accounts)
    observations, all_landed = land_observations(
        session, tenant_id=tenant_id, import_id=import_id, staged=staged.observations
    )
    land_audience(session, tenant_id=tenant_id, staged=staged, accounts=accounts)
    withdrawn = 0
    if corrects is not None:
        withdrawn = withdraw(session, tenant_id=tenant_id, import_id=import_id, corrects=corrects)
    edges_new, bad_edges = land_edges(session, tenant_id=tenant_id, edges=staged.edges, file_name=source)
    if staged.items:
        land_links(session, tenant_id=tenant_id, updated=items.updated)
    tell_what_landed(
        session, tenant_id=tenant_id, import_id=import_id, staged=staged, accounts=accounts, items=items,
        observations=observations + withdrawn, now=now,
    )  # fmt: skip
    if tell and accounts:
        for delivered in deliver(
            session, tenant_id=tenant_id, subscribers=AT_ONCE, about=tuple({*accounts.values(), *items.elsewhere}),
            now=now,
        ):  # fmt: skip
            edges_new += delivered.made if delivered.subscriber == "mapping" else 0
    return Arrival(
        items_new=items.new,
        items_updated=items.updated,
        observations_new=observations,
        unchanged=count_unchanged(session, all_landed=all_landed) if tell else 0,
        edges_new=edges_new,
        rejections=(*staged.rejections, *foreign, *bad_edges),
    )


def tell_what_landed(
    session: Session,
    *,
    tenant_id: UUID,
    import_id: UUID,
    staged: Staged,
    accounts: dict[int, UUID],
    items: LandedItems,
    observations: int,
    now: datetime,
) -> None:
    """Write the events: items that are new or say something new, and figures that were not known or stand no more."""
    if items.new or items.updated:
        emit_about(
            session, tenant_id=tenant_id, abouts=(*accounts.values(), *items.elsewhere), kind="items.seen", now=now,
            import_id=import_id, new=items.new, updated=items.updated,
        )  # fmt: skip
    if not observations:
        return
    by_platform: dict[str, set[UUID]] = {}
    for account in staged.accounts.values():
        by_platform.setdefault(account.platform, set()).add(accounts[account.number])
    for account_id, platform in items.elsewhere.items():
        by_platform.setdefault(platform, set()).add(account_id)
    for platform, ids in by_platform.items():
        emit_about(
            session, tenant_id=tenant_id, abouts=tuple(ids), kind="metrics.landed", now=now, import_id=import_id,
            platform=platform, observations=observations, metrics=sorted(staged.metrics.get(platform, ()))[:500],
        )  # fmt: skip


def name_account_subjects(session: Session, staged: Staged, accounts: dict[int, UUID]) -> None:
    """Name the subjects that stand for accounts; `land_items` names those that stand for items."""
    named = [
        {"subject": subject, "id": accounts[account.number]}
        for account in staged.accounts.values()
        for subject in account.subjects
    ]
    if named:
        session.execute(
            text("INSERT INTO stage_subjects (subject, subject_id, is_new) VALUES (:subject, :id, false)"), named
        )
