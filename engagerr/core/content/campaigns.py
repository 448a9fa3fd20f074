"""Campaigns: which items belong to one piece of work for a brand, so that they are reported together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from engagerr.core.content.families import family_of
from engagerr.core.content.items import find_item
from engagerr.core.db import constraint_of
from engagerr.core.errors import Conflict, InvalidInput, NotFound
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.db import Session

_FIELDS = ("name", "brand", "starts_on", "ends_on", "note")
# Which item belongs to which campaign is judged like which clip belongs to which film, and by the same people: the
# analyst who prepares the report as well as the manager. Nothing on the roster and no terms are touched.
_CHANGE = Permission.DECIDE_CONTENT


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """One campaign in a list. Both days are within it; None is open. `items` counts what was linked to it itself."""

    id: UUID
    name: str
    brand: str | None
    starts_on: date | None
    ends_on: date | None
    items: int
    creators: tuple[str, ...]
    platforms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CampaignItem:
    """One item that was linked to a campaign; `relation` says how it hangs on its parent, None where it has none."""

    id: UUID
    platform: str
    native_id: str
    account: str
    creator: str | None
    kind: str | None
    title: str | None
    url: str | None
    published_at: datetime | None
    relation: str | None
    added_at: datetime


@dataclass(frozen=True, slots=True)
class CampaignPage:
    """One campaign with its items by date. `note` is for members of the workspace; no report reads it."""

    id: UUID
    name: str
    brand: str | None
    starts_on: date | None
    ends_on: date | None
    note: str | None
    created_at: datetime
    items: tuple[CampaignItem, ...]


@dataclass(frozen=True, slots=True)
class CampaignChange:
    """What linking or unlinking came to: how many items changed sides, and how many stood so already."""

    campaign: CampaignPage
    changed: int
    unchanged: int


class CampaignNameTaken(Conflict):
    """Another campaign of the workspace has this name, letter case aside."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is a campaign {name!r} already.",
            hint=f'See engagerr campaign show "{name}", or choose another name.',
            facts={"campaign": name},
        )


class Campaigns:
    """The campaigns of this workspace. Everybody in it may read; who may decide on content may change."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def add(
        self,
        name: str,
        *,
        brand: str | None = None,
        starts_on: date | None = None,
        ends_on: date | None = None,
        note: str | None = None,
    ) -> CampaignPage:
        """Add a campaign. Both days are within it. The note is for your own people and stands in no report."""
        values = _checked(
            {"name": name, "brand": brand, "starts_on": starts_on, "ends_on": ends_on, "note": note}
        )  # fmt: skip
        _in_order(values["starts_on"], values["ends_on"])
        with self._access.transaction(_CHANGE) as session:
            try:
                campaign_id = session.execute(
                    text(
                        "INSERT INTO campaigns (tenant_id, name, brand, starts_on, ends_on, note)"
                        " VALUES (:tenant_id, :name, :brand, :starts_on, :ends_on, :note) RETURNING id"
                    ),
                    {**values, "tenant_id": self._access.tenant.id},
                ).scalar_one()
            except IntegrityError as error:
                raise _clash(error, values["name"]) from error
            self._audit(session, "campaign.added", campaign_id, values)
            return self._page(session, campaign_id)

    def update(self, campaign: str, **changes: Any) -> CampaignPage:
        """Change fields of a campaign: name, brand, starts_on, ends_on, note. None empties all but the name."""
        unknown = sorted(set(changes) - set(_FIELDS))
        if unknown:
            raise InvalidInput(
                f"A campaign has no field {', '.join(unknown)}.", hint=f"Fields: {', '.join(_FIELDS)}."
            )  # fmt: skip
        values = _checked(changes)
        with self._access.transaction(_CHANGE) as session:
            campaign_id, _ = find_campaign(session, campaign)
            before = session.execute(
                text(
                    "SELECT name, brand, starts_on, ends_on, note FROM campaigns"
                    " WHERE tenant_id = :tenant_id AND id = :id FOR UPDATE"
                ),
                {"tenant_id": self._access.tenant.id, "id": campaign_id},
            ).one()
            after = {**before._mapping, **values}
            _in_order(after["starts_on"], after["ends_on"])
            changed = {field: value for field, value in values.items() if value != getattr(before, field)}
            if changed:
                try:
                    session.execute(
                        text(
                            "UPDATE campaigns SET name = :name, brand = :brand, starts_on = :starts_on,"
                            " ends_on = :ends_on, note = :note WHERE tenant_id = :tenant_id AND id = :id"
                        ),
                        {**after, "tenant_id": self._access.tenant.id, "id": campaign_id},
                    )
                except IntegrityError as error:
                    raise _clash(error, after["name"]) from error
                self._audit(session, "campaign.changed", campaign_id, changed)
            return self._page(session, campaign_id)

    def list(self) -> tuple[CampaignRow, ...]:
        """All campaigns, the latest to begin first; those without dates last."""
        with self._access.transaction(Permission.READ) as session:
            rows = session.execute(
                text(
                    """
                    SELECT campaign.id, campaign.name, campaign.brand, campaign.starts_on, campaign.ends_on,
                           coalesce(held.items, 0) AS items, coalesce(held.creators, '{}') AS creators,
                           coalesce(held.platforms, '{}') AS platforms
                    FROM campaigns AS campaign LEFT JOIN (
                      SELECT linked.campaign_id, count(*) AS items, array_agg(DISTINCT item.platform) AS platforms,
                             array_agg(DISTINCT creator.name) FILTER (WHERE creator.name IS NOT NULL) AS creators
                      FROM campaign_items AS linked
                      JOIN content_items AS item ON item.tenant_id = linked.tenant_id AND item.id = linked.item_id
                      JOIN accounts AS account ON account.tenant_id = item.tenant_id AND account.id = item.account_id
                      LEFT JOIN creators AS creator
                        ON creator.tenant_id = account.tenant_id AND creator.id = account.creator_id
                      WHERE linked.tenant_id = :tenant_id GROUP BY linked.campaign_id
                    ) AS held ON held.campaign_id = campaign.id
                    WHERE campaign.tenant_id = :tenant_id
                    ORDER BY campaign.starts_on DESC NULLS LAST, lower(campaign.name), campaign.id
                    """
                ),
                {"tenant_id": self._access.tenant.id},
            )
            return tuple(
                CampaignRow(
                    row.id, row.name, row.brand, row.starts_on, row.ends_on, row.items, tuple(sorted(row.creators)),
                    tuple(sorted(row.platforms)),
                )
                for row in rows
            )  # fmt: skip

    def show(self, campaign: str) -> CampaignPage:
        """One campaign and its items, by id or name."""
        with self._access.transaction(Permission.READ) as session:
            return self._page(session, find_campaign(session, campaign)[0])

    def add_items(self, campaign: str, items: Sequence[str], *, with_family: bool = False) -> CampaignChange:
        """Link items (id or platform:native_id): all, or none if one is unknown. Linking again changes nothing.

        `with_family` links every item of their families too, as they stand now.
        """
        with self._access.transaction(_CHANGE) as session:
            campaign_id, item_ids = self._named(session, campaign, items, with_family=with_family)
            linked = (
                session.execute(
                    text(
                        "INSERT INTO campaign_items (tenant_id, campaign_id, item_id)"
                        " SELECT :tenant_id, :campaign_id, one FROM unnest(CAST(:ids AS uuid[])) AS one"
                        " ON CONFLICT DO NOTHING RETURNING item_id"
                    ),
                    self._values(campaign_id, item_ids),
                )
                .scalars()
                .all()
            )
            return self._changed(session, "campaign.items_added", campaign_id, linked, item_ids)

    def remove_items(self, campaign: str, items: Sequence[str], *, with_family: bool = False) -> CampaignChange:
        """Take items out of a campaign; those that are not in it change nothing. The items themselves stay."""
        with self._access.transaction(_CHANGE) as session:
            campaign_id, item_ids = self._named(session, campaign, items, with_family=with_family)
            taken = (
                session.execute(
                    text(
                        "DELETE FROM campaign_items WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id"
                        " AND item_id = ANY (CAST(:ids AS uuid[])) RETURNING item_id"
                    ),
                    self._values(campaign_id, item_ids),
                )
                .scalars()
                .all()
            )
            return self._changed(session, "campaign.items_removed", campaign_id, taken, item_ids)

    def _named(
        self, session: Session, campaign: str, items: Sequence[str], *, with_family: bool
    ) -> tuple[UUID, Sequence[UUID]]:
        if not items:
            raise InvalidInput("Name at least one item.", hint="`engagerr content list` shows what there is.")
        campaign_id, _ = find_campaign(session, campaign)
        item_ids = [find_item(session, item) for item in items]
        if with_family:
            tenant_id = self._access.tenant.id
            families = {family_of(session, tenant_id=tenant_id, item_id=item_id) for item_id in item_ids}
            item_ids += session.execute(
                text(
                    "SELECT item_id FROM content_nodes"
                    " WHERE tenant_id = :tenant_id AND family_id = ANY (CAST(:families AS uuid[]))"
                ),
                {"tenant_id": tenant_id, "families": [str(family_id) for family_id in families]},
            ).scalars()
        return campaign_id, tuple(dict.fromkeys(item_ids))

    def _values(self, campaign_id: UUID, item_ids: Sequence[UUID]) -> dict[str, Any]:
        ids = [str(item_id) for item_id in item_ids]
        return {"tenant_id": self._access.tenant.id, "campaign_id": campaign_id, "ids": ids}

    def _changed(
        self, session: Session, action: str, campaign_id: UUID, changed: Sequence[UUID], asked: Sequence[UUID]
    ) -> CampaignChange:
        if changed:
            self._audit(session, action, campaign_id, {"items": sorted(str(item_id) for item_id in changed)})
        return CampaignChange(self._page(session, campaign_id), len(changed), len(asked) - len(changed))

    def _audit(self, session: Session, action: str, campaign_id: UUID, detail: dict[str, Any]) -> None:
        # The audit log is kept for good and read by others: that the note changed, not what it says.
        told = {field: ("changed" if field == "note" and value else value) for field, value in detail.items()}
        self._access.audit(session, action, f"campaign:{campaign_id}", **told)

    def _page(self, session: Session, campaign_id: UUID) -> CampaignPage:
        values = {"tenant_id": self._access.tenant.id, "id": campaign_id}
        row = session.execute(
            text(
                "SELECT id, name, brand, starts_on, ends_on, note, created_at FROM campaigns"
                " WHERE tenant_id = :tenant_id AND id = :id"
            ),
            values,
        ).one()
        items = session.execute(
            text(
                """
                SELECT item.id, item.platform, item.native_id, account.platform || ':' || account.handle,
                       creator.name, item.kind, item.title, item.url, item.published_at, node.relation, linked.added_at
                FROM campaign_items AS linked
                JOIN content_items AS item ON item.tenant_id = linked.tenant_id AND item.id = linked.item_id
                JOIN accounts AS account ON account.tenant_id = item.tenant_id AND account.id = item.account_id
                LEFT JOIN creators AS creator
                  ON creator.tenant_id = account.tenant_id AND creator.id = account.creator_id
                LEFT JOIN content_nodes AS node ON node.tenant_id = item.tenant_id AND node.item_id = item.id
                WHERE linked.tenant_id = :tenant_id AND linked.campaign_id = :id
                ORDER BY item.published_at NULLS LAST, item.platform, item.native_id
                """
            ),
            values,
        )
        return CampaignPage(**row._mapping, items=tuple(CampaignItem(*item) for item in items))


def find_campaign(session: Session, name: str) -> tuple[UUID, str]:
    """Step: (id, name) of the campaign with this id or name (letter case aside)."""
    try:
        wanted = UUID(name.strip())
    except ValueError:
        wanted = None
    row = session.execute(
        text(
            "SELECT id, name FROM campaigns"
            " WHERE tenant_id = engagerr_tenant() AND (id = :id OR lower(name) = lower(:name))"
        ),
        {"id": wanted, "name": name.strip()},
    ).one_or_none()
    if row is None:
        raise NotFound(
            f"There is no campaign {name!r} here.",
            hint="`engagerr campaign list` shows them, `engagerr campaign add NAME` makes one.",
            facts={"campaign": name},
        )
    return row.id, row.name


# The families come first, by uuid equality, which row-level security leaves to the index; `<@` then only sorts out
# within them. An item that is alone has no node and stands for itself.
_WITH_CLIPS = """
SELECT linked.item_id FROM campaign_items AS linked
WHERE linked.tenant_id = :tenant_id AND linked.campaign_id = :campaign_id
UNION
SELECT below.item_id
FROM campaign_items AS linked
JOIN content_nodes AS node ON node.tenant_id = linked.tenant_id AND node.item_id = linked.item_id
JOIN content_nodes AS below ON below.tenant_id = node.tenant_id AND below.family_id = node.family_id
WHERE linked.tenant_id = :tenant_id AND linked.campaign_id = :campaign_id AND below.path <@ node.path
ORDER BY item_id
"""


def campaign_item_ids(session: Session, *, tenant_id: UUID, campaign_id: UUID, with_clips: bool) -> list[UUID]:
    """Step: the items of a campaign, each once; `with_clips` adds whatever hangs below them in their families."""
    query = (
        _WITH_CLIPS
        if with_clips
        else "SELECT item_id FROM campaign_items"
        " WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id ORDER BY item_id"
    )
    return list(session.execute(text(query), {"tenant_id": tenant_id, "campaign_id": campaign_id}).scalars())


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    """The same fields without stray spaces; empty words are none."""
    checked = {
        field: (value.strip() or None) if isinstance(value, str) else value for field, value in values.items()
    }  # fmt: skip
    if "name" in checked and checked["name"] is None:
        raise InvalidInput("A campaign needs a name.", hint='For example: engagerr campaign add "Trail shoes, spring"')
    return checked


def _in_order(starts_on: date | None, ends_on: date | None) -> None:
    if starts_on and ends_on and ends_on < starts_on:
        raise InvalidInput(
            f"The campaign would end on {ends_on}, before it begins on {starts_on}.", hint="Swap the days."
        )  # fmt: skip


def _clash(error: IntegrityError, name: str) -> Exception:
    return CampaignNameTaken(name) if constraint_of(error) == "campaigns_name_key" else error
