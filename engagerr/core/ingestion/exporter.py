"""The whole workspace as interchange JSONL, in an order that depends on names only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import UUID

import msgspec
from sqlalchemy import text

if TYPE_CHECKING:
    from engagerr.core.db import Session

_BATCH_OF_ITEMS = 1_000


def write_jsonl(session: Session, *, tenant_id: UUID, target: BinaryIO) -> int:
    """Write creators, then items with their figures, then edges; returns the number of lines.

    Keys without a value are left out. An account without a creator has no place in this format but in its items.
    """
    lines = 0
    encoder = msgspec.json.Encoder()
    for line in _lines(session, tenant_id):
        target.write(encoder.encode({key: value for key, value in line.items() if value is not None and value != []}))
        target.write(b"\n")
        lines += 1
    return lines


def _lines(session: Session, tenant_id: UUID) -> Iterator[dict[str, Any]]:
    yield from _creators(session, tenant_id)
    yield from _items(session, tenant_id)
    yield from _edges(session, tenant_id)


def _creators(session: Session, tenant_id: UUID) -> Iterator[dict[str, Any]]:
    values = {"tenant_id": tenant_id}
    accounts: dict[UUID, list[dict[str, Any]]] = {}
    account_ids = []
    for row in session.execute(
        text(
            "SELECT id, creator_id, platform, handle, native_id, name, url FROM accounts WHERE tenant_id = :tenant_id"
            ' AND creator_id IS NOT NULL ORDER BY platform COLLATE "C", handle_key COLLATE "C"'
        ),
        values,
    ):
        account_ids.append(row.id)
        accounts.setdefault(row.creator_id, []).append(
            {
                "platform": row.platform, "handle": row.handle, "native_id": row.native_id, "name": row.name,
                "url": row.url, "id": row.id,
            }
        )  # fmt: skip
    figures = _figures(session, tenant_id, account_ids)
    account_audience = _grouped(
        session,
        "SELECT account_id AS creator_id, dimension, value, share, observed_at FROM account_audience_shares"
        ' WHERE tenant_id = :tenant_id ORDER BY account_id, dimension COLLATE "C", value COLLATE "C", observed_at',
        values,
        _share,
    )
    rates = _grouped(
        session,
        'SELECT DISTINCT ON (creator_id, deliverable COLLATE "C", currency) creator_id, deliverable, minor, currency'
        " FROM rates WHERE tenant_id = :tenant_id"
        ' ORDER BY creator_id, deliverable COLLATE "C", currency, quoted_at DESC, id DESC',
        values,
        lambda row: {
            "deliverable": row.deliverable, "amount": {"minor": row.minor, "currency": row.currency},
        },
    )  # fmt: skip
    audience = _grouped(
        session,
        "SELECT creator_id, dimension, value, share, observed_at FROM audience_shares WHERE tenant_id = :tenant_id"
        ' ORDER BY creator_id, dimension COLLATE "C", value COLLATE "C", observed_at',
        values,
        _share,
    )
    for row in session.execute(
        text(
            "SELECT id, name, country, languages, topics, bio FROM creators WHERE tenant_id = :tenant_id"
            ' ORDER BY lower(name) COLLATE "C"'
        ),
        values,
    ):
        yield {
            "type": "creator",
            "name": row.name,
            "country": row.country,
            "languages": row.languages,
            "topics": row.topics,
            "bio": row.bio,
            "accounts": [
                _present(
                    {
                        **account,
                        "id": None,
                        "metrics": figures.get(account["id"]),
                        "audience": account_audience.get(account["id"]),
                    }
                )
                for account in accounts.get(row.id, ())
            ],
            "rates": rates.get(row.id),
            "audience": audience.get(row.id),
        }


def _share(row: Any) -> dict[str, Any]:
    return {
        "dimension": row.dimension, "value": row.value, "share": _number(row.share),
        "observed_at": _moment(row.observed_at),
    }  # fmt: skip


def _items(session: Session, tenant_id: UUID) -> Iterator[dict[str, Any]]:
    # Keyset pages: memory stays flat, and each page is one index range.
    last = ("", "")
    while True:
        page = session.execute(
            text(
                """
                SELECT item.id, item.platform, item.native_id, account.handle AS account, creator.name AS creator,
                       item.kind, item.title, item.body, item.url, item.published_at, item.duration_seconds,
                       item.language, item.links, item.hints
                FROM content_items AS item
                JOIN accounts AS account ON account.tenant_id = item.tenant_id AND account.id = item.account_id
                LEFT JOIN creators AS creator
                  ON creator.tenant_id = account.tenant_id AND creator.id = account.creator_id
                WHERE item.tenant_id = :tenant_id AND (item.platform, item.native_id) > (:platform, :native_id)
                ORDER BY item.platform, item.native_id LIMIT :page
                """
            ),
            {"tenant_id": tenant_id, "platform": last[0], "native_id": last[1], "page": _BATCH_OF_ITEMS},
        ).all()
        if not page:
            return
        figures = _figures(session, tenant_id, [row.id for row in page])
        for row in page:
            yield {
                "type": "item",
                "creator": row.creator,
                "platform": row.platform,
                "account": row.account,
                "native_id": row.native_id,
                "kind": row.kind,
                "title": row.title,
                "body": row.body,
                "url": row.url,
                "published_at": _moment(row.published_at),
                "duration_seconds": _number(row.duration_seconds),
                "language": row.language,
                "links": row.links,
                "hints": _sorted(row.hints) or None,
                "metrics": figures.get(row.id),
            }
        last = (page[-1].platform, page[-1].native_id)


def _edges(session: Session, tenant_id: UUID) -> Iterator[dict[str, Any]]:
    for row in session.execute(
        text(
            """
            SELECT child.platform AS child_platform, child.native_id AS child_native_id,
                   parent.platform AS parent_platform, parent.native_id AS parent_native_id, edge.relation, edge.state
            FROM content_edges AS edge
            JOIN content_items AS child ON child.tenant_id = edge.tenant_id AND child.id = edge.child_id
            JOIN content_items AS parent ON parent.tenant_id = edge.tenant_id AND parent.id = edge.parent_id
            WHERE edge.tenant_id = :tenant_id
            ORDER BY child.platform, child.native_id, parent.platform, parent.native_id, edge.relation COLLATE "C"
            """
        ),
        {"tenant_id": tenant_id},
    ):
        yield {
            "type": "edge",
            "child": {"platform": row.child_platform, "native_id": row.child_native_id},
            "parent": {"platform": row.parent_platform, "native_id": row.parent_native_id},
            "relation": row.relation,
            "state": row.state,
        }


def _figures(session: Session, tenant_id: UUID, subject_ids: list[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row in session.execute(
        text(
            "SELECT subject_id, metric, value, state, observed_at, period_days, currency FROM metric_observations"
            " WHERE tenant_id = :tenant_id AND subject_id = ANY (CAST(:ids AS uuid[]))"
            " ORDER BY subject_id, metric, observed_at, period_days, revision"
        ),
        {"tenant_id": tenant_id, "ids": [str(subject_id) for subject_id in subject_ids]},
    ):
        found.setdefault(row.subject_id, []).append(
            _present(
                {
                    "name": row.metric,
                    "value": _number(row.value),
                    "state": row.state,
                    "observed_at": _moment(row.observed_at),
                    "period_days": row.period_days or None,
                    "currency": row.currency,
                }
            )
        )
    return found


def _grouped(session: Session, statement: str, values: dict[str, Any], shape: Any) -> dict[UUID, list[dict[str, Any]]]:
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row in session.execute(text(statement), values):
        found.setdefault(row.creator_id, []).append(shape(row))
    return found


def _present(line: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in line.items() if value is not None}


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(entry) for entry in value] if isinstance(value, list) else value


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _number(value: Decimal | None) -> int | msgspec.Raw | None:
    """The number exactly as it is stored: through a float, a long decimal would change."""
    if value is None:
        return None
    whole = int(value)
    # Not normalize(), which rounds to the context's digits.
    return whole if whole == value else msgspec.Raw(format(value, "f").rstrip("0").encode())
