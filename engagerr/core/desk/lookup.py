"""One search over everything, as somebody types: creators, accounts, items, deals, contracts, briefs.

Bounded by construction: names are few, and items are asked for by what an index gives (an address, an id, the newest,
the newest of a creator), never by a look through all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text as sql

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.urls import parse_url
from engagerr.core.roster.identity import account_key
from engagerr.core.tenancy import Permission

if TYPE_CHECKING:
    from engagerr.core.api import Workspace
    from engagerr.core.db import Session

FEWEST_CHARACTERS = 2
LONGEST = 300
MOST_HITS = 50
# So many of the newest items are read through for words in their titles, and so many of each creator that is named.
NEWEST_ITEMS = 5_000
ITEMS_OF_A_CREATOR = 200
CREATORS_LOOKED_INTO = 5
_MOST_WORDS = 8
# A handle that several platforms share is of one creator.
_ACCOUNTS_OF_A_CREATOR = 4
_TAIL = re.compile(r"[0-9a-f]{6,31}")
_NAMED = re.compile(r"([a-z][a-z0-9_]{0,39}):(\S.*)")


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that was found. `kind`: creator, account, item, deal, contract or brief; `url` where it has one."""

    kind: str
    id: UUID
    title: str
    subtitle: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, the best of each group first. `hidden` names the groups that this member may not read.

    `newest_items`: words in titles were looked for in so many of the newest items (and in the newest of creators whom
    the words name); an older one is found by its address or id. `unknown_url`: the address is of a post or account
    that is not here.
    """

    creators: tuple[Hit, ...] = ()
    accounts: tuple[Hit, ...] = ()
    items: tuple[Hit, ...] = ()
    deals: tuple[Hit, ...] = ()
    contracts: tuple[Hit, ...] = ()
    briefs: tuple[Hit, ...] = ()
    hidden: tuple[str, ...] = ()
    newest_items: int = NEWEST_ITEMS
    unknown_url: str | None = None

    @property
    def hits(self) -> tuple[Hit, ...]:
        """All of them, group after group."""
        return self.creators + self.accounts + self.items + self.deals + self.contracts + self.briefs


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was typed, as queries take it."""

    values: Mapping[str, Any]
    platform: str | None = None
    native_id: str | None = None
    handle: str | None = None
    url: str | None = None


def find(work: Workspace, text: str, *, limit: int = 8) -> Found:
    """What a person may mean: words of names and titles (all of them, in any order), a handle, an address, an id.

    Under two characters nothing is found. At most `limit` (1 to 50) of each group. `InvalidInput` for another limit.
    """
    if not 1 <= limit <= MOST_HITS:
        raise InvalidInput(f"{limit} hits of a kind are not possible.", hint=f"1 to {MOST_HITS}.")
    typed = " ".join(text.split())[:LONGEST].replace("\x00", "")
    if len(typed) < FEWEST_CHARACTERS:
        with work.access.transaction(Permission.READ):
            return Found()
    asked = _asked(typed, tenant_id=work.tenant.id, limit=limit)
    with work.access.transaction(Permission.READ) as session:
        reads_deals = work.access.allows(session, Permission.READ_DEALS)
        if asked.url is not None:
            return _by_address(session, asked)
        exact = _item_named(session, asked)
        accounts = session.execute(sql(_ACCOUNTS), {**asked.values, "limit": limit * _ACCOUNTS_OF_A_CREATOR}).all()
        asked = replace(asked, values={**asked.values, "by_handle": [str(row.creator_id) for row in accounts
                                                                     if row.creator_id is not None]})  # fmt: skip
        return Found(
            creators=_rows(session, _CREATORS, "creator", asked),
            accounts=_hits("account", accounts[:limit]),
            items=exact or _items(session, asked, limit),
            deals=_rows(session, _DEALS, "deal", asked) if reads_deals else (),
            contracts=_rows(session, _CONTRACTS, "contract", asked) if reads_deals else (),
            briefs=_rows(session, _BRIEFS, "brief", asked),
            hidden=() if reads_deals else ("deals", "contracts"),
        )


def _asked(typed: str, *, tenant_id: UUID, limit: int) -> _Asked:
    lowered = typed.lower()
    words = lowered.split()[:_MOST_WORDS]
    tail = lowered.replace("-", "")
    values = {
        "tenant_id": tenant_id, "limit": limit, "newest": NEWEST_ITEMS, "of_creator": ITEMS_OF_A_CREATOR,
        "creators": CREATORS_LOOKED_INTO, "words": [f"%{_escaped(word)}%" for word in words],
        "prefix": f"{_escaped(lowered)}%", "inner": f"% {_escaped(lowered)}%",
        "handle": f"{_escaped(account_key(typed))}%", "id": _uuid(typed),
        "tail": tail if _TAIL.fullmatch(tail) else None,
    }  # fmt: skip
    if "/" in typed or typed.lower().startswith("www."):
        ref = parse_url(typed if "://" in typed else f"https://{typed}")
        if ref is not None:
            values["addresses"] = [typed, ref.canonical_url]
            return _Asked(values, ref.platform, ref.native_id, ref.handle, ref.canonical_url)
    named = _NAMED.fullmatch(typed) or _NAMED.fullmatch(lowered)
    if named:
        values["handle"] = f"{_escaped(account_key(named[2]))}%"
        return _Asked({**values, "platform": named[1].lower()}, named[1].lower(), named[2], named[2])
    return _Asked({**values, "platform": None})


def _by_address(session: Session, asked: _Asked) -> Found:
    items = _item_named(session, asked) or _rows(session, _NEWEST_ADDRESSES, "item", asked)
    accounts: tuple[Hit, ...] = ()
    if not items and (asked.handle or asked.native_id):
        keys = {
            "platform": asked.platform, "key": account_key(asked.handle or ""), "native_id": asked.native_id or "",
        }  # fmt: skip
        accounts = _hits("account", session.execute(sql(_ACCOUNT_NAMED), {**asked.values, **keys}))
    unknown = None if items or accounts else asked.url
    return Found(items=items, accounts=accounts, unknown_url=unknown)


def _item_named(session: Session, asked: _Asked) -> tuple[Hit, ...]:
    """The item of an id, or of a platform and the platform's id."""
    if asked.values["id"] is not None:
        rows = session.execute(sql(f"{_ITEM} AND item.id = :id"), dict(asked.values))
    elif asked.platform and asked.native_id:
        rows = session.execute(
            sql(f"{_ITEM} AND item.platform = :platform AND item.native_id = :native_id"),
            {**asked.values, "platform": asked.platform, "native_id": asked.native_id},
        )
    else:
        return ()
    return _hits("item", rows)


def _items(session: Session, asked: _Asked, limit: int) -> tuple[Hit, ...]:
    """Titles with all the words, then pieces of creators who are named by some of them."""
    if asked.values["id"] is not None:
        return ()
    found = dict.fromkeys(_rows(session, _NEWEST_TITLES, "item", asked))
    if len(found) < limit:
        found |= dict.fromkeys(_rows(session, _TITLES_OF_CREATORS, "item", asked))
    return tuple(found)[:limit]


def _rows(session: Session, query: str, kind: str, asked: _Asked) -> tuple[Hit, ...]:
    return _hits(kind, session.execute(sql(query), dict(asked.values)))


def _hits(kind: str, rows: Iterable[Any]) -> tuple[Hit, ...]:
    return tuple(Hit(kind, row.id, row.title, row.subtitle, row.url) for row in rows)


def _escaped(word: str) -> str:
    return word.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")


def _uuid(typed: str) -> UUID | None:
    try:
        return UUID(typed)
    except ValueError:
        return None


# Words are compared by LIKE, which no index serves under row-level security: each of these reads a table that has at
# most some ten thousand rows of a tenant, or a bounded part of a larger one.
_MATCHES = "lower({words}) LIKE ALL (CAST(:words AS text[]))"
_OR_ID = (
    "{table}.id = CAST(:id AS uuid)"
    " OR (CAST(:tail AS text) IS NOT NULL AND right(replace({table}.id::text, '-', ''), length(:tail)) = :tail)"
)
_RANK = "CASE WHEN lower({name}) LIKE :prefix THEN 0 WHEN lower({name}) LIKE :inner THEN 1 ELSE 2 END"
_CREATORS = f"""
WITH best AS (
  SELECT creator.id, creator.name, creator.country, creator.status, {_RANK.format(name="creator.name")} AS rank
  FROM creators AS creator
  WHERE creator.tenant_id = :tenant_id
    AND ({_MATCHES.format(words="creator.name")} OR {_OR_ID.format(table="creator")}
         OR creator.id = ANY (CAST(:by_handle AS uuid[])))
  ORDER BY rank, lower(creator.name), creator.id LIMIT :limit
)
SELECT best.id, best.name AS title, NULL AS url,
       concat_ws(' · ', best.status, best.country, held.accounts) AS subtitle
FROM best
LEFT JOIN LATERAL (
  SELECT string_agg(platform || ':' || handle, ' ' ORDER BY platform, handle_key) AS accounts
  FROM accounts WHERE tenant_id = :tenant_id AND creator_id = best.id) AS held ON true
ORDER BY best.rank, lower(best.name), best.id
"""
_ACCOUNT = """
SELECT account.id, account.platform || ':' || account.handle AS title, account.url, account.creator_id,
       concat_ws(' · ', account.name, creator.name) AS subtitle
FROM accounts AS account
LEFT JOIN creators AS creator ON creator.tenant_id = account.tenant_id AND creator.id = account.creator_id
WHERE account.tenant_id = :tenant_id
"""
_ACCOUNTS = f"""{_ACCOUNT} AND (account.id = CAST(:id AS uuid)
  OR account.handle_key LIKE :handle AND (CAST(:platform AS text) IS NULL OR account.platform = :platform)
  OR {_MATCHES.format(words="coalesce(account.name, '')")})
ORDER BY account.handle_key LIKE :handle DESC, account.handle_key, account.platform LIMIT :limit
"""
_ACCOUNT_NAMED = f"""{_ACCOUNT} AND account.platform = :platform
  AND (account.handle_key = :key OR account.native_id = :native_id) LIMIT 1
"""
_ITEM_COLUMNS = """
item.id, coalesce(item.title, nullif(item.opening, ''), item.platform || ':' || item.native_id) AS title, item.url,
concat_ws(' · ', creator.name, item.platform, item.kind, to_char(item.published_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'))
  AS subtitle
"""
_OF_ITEM = """
JOIN accounts AS account ON account.tenant_id = :tenant_id AND account.id = item.account_id
LEFT JOIN creators AS creator ON creator.tenant_id = :tenant_id AND creator.id = account.creator_id
"""
# What has no title (a tweet, a reel) is known by how it begins; texts of what has one are not even read.
_OPENING = "CASE WHEN title IS NULL THEN left(body, 160) END AS opening"
_ITEM = f"""
SELECT {_ITEM_COLUMNS} FROM (SELECT *, {_OPENING} FROM content_items) AS item {_OF_ITEM}
WHERE item.tenant_id = :tenant_id
"""
_NEWEST_TITLES = f"""
SELECT {_ITEM_COLUMNS}
FROM (
  SELECT hit.* FROM (
    SELECT id, account_id, platform, native_id, kind, title, {_OPENING}, url, published_at FROM content_items
    WHERE tenant_id = :tenant_id ORDER BY published_at DESC NULLS LAST, platform, native_id LIMIT :newest) AS hit
  WHERE {_MATCHES.format(words="coalesce(hit.title, hit.opening)")} LIMIT :limit
) AS item {_OF_ITEM}
ORDER BY {_RANK.format(name="coalesce(item.title, item.opening)")}, item.published_at DESC NULLS LAST, item.platform,
         item.native_id
"""
# Some platforms' addresses do not hold the id that their exports have: those are compared as they are.
_NEWEST_ADDRESSES = f"""
SELECT {_ITEM_COLUMNS}
FROM (
  SELECT hit.* FROM (
    SELECT id, account_id, platform, native_id, kind, title, {_OPENING}, url, published_at FROM content_items
    WHERE tenant_id = :tenant_id ORDER BY published_at DESC NULLS LAST, platform, native_id LIMIT :newest) AS hit
  WHERE hit.url = ANY (CAST(:addresses AS text[])) LIMIT :limit
) AS item {_OF_ITEM}
ORDER BY item.published_at DESC NULLS LAST, item.platform, item.native_id
"""
_TITLES_OF_CREATORS = f"""
WITH creator AS (
  SELECT id, name FROM creators
  WHERE tenant_id = :tenant_id AND lower(name) LIKE ANY (CAST(:words AS text[]))
  ORDER BY {_MATCHES.format(words="name")} DESC, lower(name), id LIMIT :creators
)
SELECT {_ITEM_COLUMNS}
FROM creator
JOIN accounts AS account ON account.tenant_id = :tenant_id AND account.creator_id = creator.id
CROSS JOIN LATERAL (
  SELECT id, platform, native_id, kind, title, {_OPENING}, url, published_at FROM content_items AS held
  WHERE held.tenant_id = :tenant_id AND held.account_id = account.id
  ORDER BY held.published_at DESC LIMIT :of_creator) AS item
WHERE {_MATCHES.format(words="creator.name || ' ' || coalesce(item.title, item.opening, '')")}
ORDER BY item.published_at DESC NULLS LAST, item.platform, item.native_id LIMIT :limit
"""
_SEEN = "({table}.tenant_id = :tenant_id OR {table}.counterparty_id = :tenant_id)"
_DEALS = f"""
SELECT deals.id, deals.title, NULL AS url, concat_ws(' · ', deals.brand, replace(deals.stage, '_', ' ')) AS subtitle
FROM deals
WHERE {_SEEN.format(table="deals")}
  AND ({_MATCHES.format(words="deals.title || ' ' || deals.brand")} OR {_OR_ID.format(table="deals")})
ORDER BY deals.closed_from IS NOT NULL, {_RANK.format(name="deals.title")}, deals.updated_at DESC, deals.id LIMIT :limit
"""
_CONTRACTS = f"""
SELECT contract.id, contract.title, NULL AS url,
       concat_ws(' · ', contract.brand, 'version ' || contract.version, contract.state) AS subtitle
FROM contracts AS contract
WHERE {_SEEN.format(table="contract")}
  AND ({_MATCHES.format(words="contract.title || ' ' || contract.brand")} OR {_OR_ID.format(table="contract")})
ORDER BY contract.state IN ('declined', 'withdrawn', 'ended'), {_RANK.format(name="contract.title")},
         contract.updated_at DESC, contract.id LIMIT :limit
"""
_BRIEFS = f"""
SELECT brief.id, brief.title, NULL AS url, concat_ws(' · ', brief.brand, brief.state) AS subtitle
FROM briefs AS brief
WHERE brief.tenant_id = :tenant_id
  AND ({_MATCHES.format(words="brief.title || ' ' || coalesce(brief.brand, '')")} OR {_OR_ID.format(table="brief")})
ORDER BY brief.state = 'closed', {_RANK.format(name="brief.title")}, brief.updated_at DESC, brief.id LIMIT :limit
"""
