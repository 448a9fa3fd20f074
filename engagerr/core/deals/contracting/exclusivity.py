"""What contracts keep free for a brand, and who would clash with it. The database refuses; here it is put in words.

A signed contract claims places: creator (or the whole roster) by category by territory by days. An exclusive claim and
anything of a rival in the same place exclude each other (`contract_exclusivities_clash_excl`); engagements of rivals
may stand side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import Conflict
from engagerr.core.tenancy import Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.tenancy import Access

CLASH = "contract_exclusivities_clash_excl"


@dataclass(frozen=True, slots=True)
class Clash:
    """Where another contract (or a promise that was noted by hand) stands in the way.

    `kind`: exclusive (the other one bars rivals), engagement (the other one works for a rival whom this one would bar)
    or noted. `creator` None is anybody of the roster, `category` None any, `territory` None everywhere, days None open.
    """

    kind: str
    contract_id: UUID | None
    contract: str
    brand: str
    creator: str | None
    category: str | None
    territory: str | None
    since: date | None
    until: date | None


@dataclass(frozen=True, slots=True)
class Claim:
    """One place that a signed contract claims; None is everything of its kind. Both days are included."""

    contract_id: UUID
    contract: str
    kind: str
    brand: str
    creator: str | None
    category: str | None
    territory: str | None
    since: date | None
    until: date | None


class ExclusivityClash(Conflict):
    """A contract cannot be signed beside one that stands. The other one is named to who may read contracts."""

    def __init__(self, title: str, clashes: Sequence[Clash], *, named: bool) -> None:
        self.clashes = tuple(clashes) if named else ()
        first = clashes[0] if clashes else None
        if first is None or not named:
            said = "it clashes with the exclusivity of another contract that is signed"
            hint = "Ask somebody of the workspace that keeps the contract; they can see which one it is."
        else:
            said = f"it clashes with {first.contract!r} ({first.brand}): {in_words(first)}"
            hint = (
                "Change the exclusivity, the days or the territories of one of them, by an amendment if it is signed."
            )
        facts: dict[str, Any] = {"contract": title}
        if named:
            facts["clashes"] = [
                {
                    "contract": clash.contract, "contract_id": str(clash.contract_id), "brand": clash.brand,
                    "kind": clash.kind, "creator": clash.creator, "category": clash.category,
                    "territory": clash.territory, "since": clash.since and clash.since.isoformat(),
                    "until": clash.until and clash.until.isoformat(),
                }
                for clash in clashes
            ]  # fmt: skip
        super().__init__(f"{title!r} cannot be signed: {said}.", hint=hint, facts=facts)


def in_words(clash: Clash | Claim) -> str:
    """Who, what, where and when, on one line."""
    days = f"from {clash.since or 'ever'} until {clash.until or 'any day'}"
    where = (clash.creator or "the whole roster", clash.category or "every category", clash.territory or "everywhere")
    return ", ".join((*where, days))


def clashes_of(session: Session, version_id: UUID, *, tenant_id: UUID) -> tuple[Clash, ...]:
    """Step: what a version of this workspace would clash with if it were signed now."""
    rows = session.execute(
        text(
            """
            SELECT clash.kind, clash.contract_id, contract.title AS contract, contract.brand,
                   coalesce(creator.name, substring(clash.creators FROM '^(?:name:)?(.+)$')) AS creator,
                   rtrim(clash.category, '/') AS category, clash.territory, lower(clash.during) AS since,
                   upper(clash.during) - 1 AS until
            FROM engagerr_contract_clashes(:version_id) AS clash
            JOIN contracts AS contract ON contract.tenant_id = :tenant_id AND contract.id = clash.contract_id
            LEFT JOIN creators AS creator ON creator.tenant_id = :tenant_id AND creator.id::text = clash.creators
            ORDER BY contract.title, clash.kind, creator.name, clash.category, clash.territory
            """
        ),
        {"tenant_id": tenant_id, "version_id": version_id},
    ).mappings()
    return tuple(Clash(**row) for row in rows)


def noted_clashes(session: Session, version_id: UUID, *, tenant_id: UUID) -> tuple[Clash, ...]:
    """Step: promises that were noted by hand for creators of the version, to somebody else than its brand.

    They bind by no constraint: `exclusivity add` notes what stands in contracts that are not kept here.
    """
    rows = session.execute(
        text(
            """
            WITH asked AS (
              SELECT version.id, version.terms::jsonb AS terms FROM contract_versions AS version
              WHERE version.tenant_id = :tenant_id AND version.id = :version_id)
            SELECT DISTINCT 'noted' AS kind, NULL::uuid AS contract_id, coalesce(promise.note, 'a noted promise')
                     AS contract, coalesce(promise.brand, 'somebody') AS brand, creator.name AS creator,
                   promise.category, array_to_string(nullif(promise.countries, '{}'), ', ') AS territory,
                   lower(promise.during) AS since, upper(promise.during) - 1 AS until
            FROM asked
            CROSS JOIN jsonb_array_elements(asked.terms -> 'creators') AS named
            CROSS JOIN jsonb_array_elements_text(asked.terms -> 'categories') AS category
            JOIN creator_exclusivities AS promise ON promise.tenant_id = :tenant_id
              AND promise.creator_id::text = named ->> 'key'
              AND promise.category IN (category, split_part(category, '/', 1))
              AND promise.during && daterange((asked.terms #>> '{term,from}')::date,
                                              (asked.terms #>> '{term,until}')::date, '[]')
              AND (promise.countries = '{}' OR asked.terms -> 'territories' = '[]'
                   OR EXISTS (SELECT FROM unnest(promise.countries) AS country
                              WHERE asked.terms -> 'territories' ? country))
              AND lower(coalesce(promise.brand, '')) <> lower(asked.terms #>> '{parties,brand,name}')
              AND coalesce(promise.note, '') NOT LIKE 'by contract %'
            JOIN creators AS creator ON creator.tenant_id = :tenant_id AND creator.id = promise.creator_id
            ORDER BY creator.name, promise.category
            """
        ),
        {"tenant_id": tenant_id, "version_id": version_id},
    ).mappings()
    return tuple(Clash(**row) for row in rows)


def claims_of(session: Session, *, tenant_id: UUID, contract_id: UUID | None = None) -> tuple[Claim, ...]:
    """Step: every place that signed contracts of this workspace claim; of all, or of one contract."""
    rows = session.execute(
        text(
            """
            SELECT version.contract_id, contract.title AS contract, held.kind, contract.brand,
                   coalesce(creator.name, substring(lower(held.creators) FROM '^(?:name:)?(.+)$')) AS creator,
                   rtrim(lower(held.category), '/') AS category,
                   lower(held.territory) AS territory, lower(held.during) AS since, upper(held.during) - 1 AS until
            FROM contract_exclusivities AS held
            JOIN contract_versions AS version ON version.tenant_id = held.tenant_id AND version.id = held.version_id
            JOIN contracts AS contract ON contract.tenant_id = version.tenant_id AND contract.id = version.contract_id
            LEFT JOIN creators AS creator
              ON creator.tenant_id = held.tenant_id AND creator.id::text = lower(held.creators)
            WHERE held.tenant_id = :tenant_id AND (CAST(:contract_id AS uuid) IS NULL OR contract.id = :contract_id)
            ORDER BY contract.title, held.kind DESC, creator.name NULLS FIRST, held.category, held.territory
            """
        ),
        {"tenant_id": tenant_id, "contract_id": contract_id},
    ).mappings()
    return tuple(Claim(**row) for row in rows)


def refused(session: Session, access: Access, title: str, version_id: UUID, *, keeper: bool) -> ExclusivityClash:
    """Step: the error for a signature that clashes. Only who keeps the contract may learn with which one."""
    named = keeper and access.allows(session, Permission.READ_DEALS)
    clashes = clashes_of(session, version_id, tenant_id=access.tenant.id) if named else ()
    return ExclusivityClash(title, clashes, named=named)
