"""Who is who: how creators and accounts are named, found and told apart."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from engagerr.core.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from engagerr.core.db import Session

# Any other word is kept as given and marked as unknown.
PLATFORMS = (
    "youtube", "instagram", "facebook", "tiktok", "twitch", "x", "linkedin", "podcast", "spotify", "apple_podcasts",
    "website",
)  # fmt: skip
_PLATFORM = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True, slots=True)
class AccountName:
    """An account as a person names it: `youtube:@ann`."""

    platform: str
    handle: str

    def __str__(self) -> str:
        return f"{self.platform}:{self.handle}"


def parse_account(text: str) -> AccountName:
    """Read `platform:handle`."""
    platform, separator, handle = text.strip().partition(":")
    if not separator or not account_key(handle) or not _PLATFORM.fullmatch(platform.lower()):
        raise InvalidInput(
            f"{text!r} does not name an account.", hint="Write platform:handle, for example youtube:@annlee."
        )
    return AccountName(platform.lower(), handle.strip())


def account_key(handle: str) -> str:
    """What makes a handle unique on its platform: no leading @, no case, no stray spaces."""
    return unicodedata.normalize("NFKC", handle).strip().removeprefix("@").casefold()


def provisional_handle(creator: str) -> str:
    """The stand-in handle of an account that no file has named yet."""
    slug = re.sub(r"[^\w]+", "-", unicodedata.normalize("NFKC", creator).casefold()).strip("-")
    return f"{slug or 'creator'}?"


def find_creator(session: Session, name: str) -> tuple[UUID, str]:
    """(id, name) of the creator with this id or exact name (letter case aside)."""
    from sqlalchemy import text

    try:
        wanted = UUID(name)
    except ValueError:
        wanted = None
    row = session.execute(
        text("SELECT id, name FROM creators WHERE id = :id OR lower(name) = lower(:name)"),
        {"id": wanted, "name": name.strip()},
    ).one_or_none()
    if row is None:
        near = session.execute(
            text("SELECT name FROM creators WHERE lower(name) LIKE '%' || lower(:part) || '%' ORDER BY name LIMIT 3"),
            {"part": (name.strip().split() or [name])[0].replace("%", r"\%").replace("_", r"\_")},
        ).scalars()
        names = ", ".join(near)
        raise NotFound(
            f"There is no creator {name!r} on the roster.",
            hint=f"Did you mean {names}?" if names else f'Add one: engagerr creator add "{name.strip()}"',
            facts={"creator": name},
        )
    return row.id, row.name


def account_id_of(session: Session, name: str) -> UUID | None:
    """The account named `platform:handle`; `None` where the words name none, or none that is known here."""
    from sqlalchemy import text

    try:
        account = parse_account(name)
    except InvalidInput:
        return None
    found = session.execute(
        text(
            "SELECT id FROM accounts WHERE tenant_id = engagerr_tenant() AND platform = :platform AND handle_key = :key"
        ),
        {"platform": account.platform, "key": account_key(account.handle)},
    ).scalar_one_or_none()
    return None if found is None else UUID(str(found))


def accounts_of(session: Session, *, tenant_id: UUID, creator_id: UUID) -> list[UUID]:
    """The accounts of a creator, by platform."""
    from sqlalchemy import text

    found = session.execute(
        text(
            "SELECT id FROM accounts WHERE tenant_id = :tenant_id AND creator_id = :creator_id"
            " ORDER BY platform, handle_key"
        ),
        {"tenant_id": tenant_id, "creator_id": creator_id},
    )
    return list(found.scalars())
