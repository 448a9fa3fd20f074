"""Words that a person writes for others to read: short enough, without addresses, and without what is internal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from engagerr.core.errors import InvalidInput
from engagerr.core.money import Money

if TYPE_CHECKING:
    from engagerr.core.db import Session

LONGEST_HEADLINE = 120
LONGEST_TEXT = 2_000
_FEWEST_WORDS = 4
_FEWEST_DIGITS = 9
_MAIL = re.compile(r"[\w.+-]+\s?@\s?[\w-]+(\.[\w-]+)+")
_PHONE = re.compile(r"(?<![\w])(\+|00)[1-9][\d ()/.-]{7,}\d")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
_SENTENCE = re.compile(r"[.;!?\n]+")
_MONEY = re.compile(
    r"(?:[€$£¥]|\b[A-Z]{3})\s?(\d[\d.,'\u00a0\u202f ]*)|(\d[\d.,'\u00a0\u202f ]*)\s?(?:[€$£¥]|[A-Z]{3}\b)"
)


def checked_text(
    words: str | None,
    field: str,
    *,
    longest: int = LONGEST_TEXT,
    addresses: bool = False,
    internal: Iterable[str] = (),
    amounts: Mapping[str, Money] | None = None,
) -> str | None:
    """The words, or None where there are none; `InvalidInput` names the field and what is wrong with it.

    `internal` are texts that must not stand in it, nor any sentence of four words or more of them; `amounts` are sums
    that it must not name, by what they are. Mail addresses and telephone numbers are refused unless `addresses`.
    """
    kept = (words or "").strip()
    if not kept:
        return None
    if len(kept) > longest:
        raise _refused(field, f"is {len(kept):,} characters long", f"At most {longest:,} are shown: shorten it.")
    if _CONTROL.search(kept):
        raise _refused(field, "holds characters that cannot be seen", "Type it again as plain text.")
    if not addresses and (_MAIL.search(kept) or any(_is_telephone(found[0]) for found in _PHONE.finditer(kept))):
        raise _refused(
            field, "holds a mail address or a telephone number", "Leave it out: who is interested writes to you here."
        )
    folded = _folded(kept)
    if any(sentence in folded for note in internal for sentence in _telling(note)):
        raise _refused(field, "repeats an internal note", "Say it in other words, or leave it out.")
    said = {re.sub(r"\D", "", first or second) for first, second in _MONEY.findall(kept)} - {""}
    for what, money in (amounts or {}).items():
        if said & _digits(money):
            raise _refused(
                field, f"names {what}, which is internal", "Leave the amount out, or choose to show it as what it is."
            )
    return kept


def internal_notes(session: Session, *, tenant_id: UUID, creator_id: UUID) -> tuple[str, ...]:
    """What this workspace wrote about a creator for itself alone."""
    from sqlalchemy import text

    found = session.execute(
        text(
            """
            SELECT note FROM representation_terms WHERE tenant_id = :tenant_id AND creator_id = :creator_id
            UNION SELECT do_not_pitch_reason FROM creators WHERE tenant_id = :tenant_id AND id = :creator_id
            UNION SELECT note FROM creator_unavailability WHERE tenant_id = :tenant_id AND creator_id = :creator_id
            UNION SELECT note FROM creator_exclusivities WHERE tenant_id = :tenant_id AND creator_id = :creator_id
            UNION SELECT note FROM shortlist_entries WHERE tenant_id = :tenant_id AND creator_id = :creator_id
            UNION SELECT reason FROM shortlist_entries WHERE tenant_id = :tenant_id AND creator_id = :creator_id
            """
        ),
        {"tenant_id": tenant_id, "creator_id": creator_id},
    ).scalars()
    return tuple(note for note in found if note)


def internal_rates(session: Session, *, tenant_id: UUID, creator_id: UUID) -> dict[str, Money]:
    """The rates on a creator's card as they stand, by deliverable and currency."""
    from sqlalchemy import text

    rows = session.execute(
        text(
            "SELECT DISTINCT ON (deliverable, currency) deliverable, minor, currency FROM rates"
            " WHERE tenant_id = :tenant_id AND creator_id = :creator_id"
            " ORDER BY deliverable, currency, quoted_at DESC, id DESC"
        ),
        {"tenant_id": tenant_id, "creator_id": creator_id},
    )
    return {f"the rate for {row.deliverable}": Money(row.minor, row.currency) for row in rows}


def _is_telephone(number: str) -> bool:
    """Numbers of the world's networks have 9 digits and more with their country; +1 200 000 viewers have fewer."""
    return len(re.sub(r"\D", "", number)) >= _FEWEST_DIGITS


def _telling(note: str) -> list[str]:
    """What of a note would give it away: the whole of it, and each longer sentence."""
    whole = _folded(note)
    sentences = (_folded(sentence) for sentence in _SENTENCE.split(note))
    found = [sentence for sentence in sentences if len(sentence.split()) >= _FEWEST_WORDS]
    return [*found, whole] if len(whole) >= 8 else found


def _folded(words: str) -> str:
    return " ".join(re.findall(r"\w+", words.casefold()))


def _digits(money: Money) -> set[str]:
    """How an amount reads without its signs: 2,500.00 and 2.500 are 250000 and 2500."""
    major = money.amount
    return {str(money.minor), *([str(int(major))] if major == int(major) else [])}


def _refused(field: str, what: str, hint: str) -> InvalidInput:
    return InvalidInput(f"The {field} {what}.", hint=hint, facts={"field": field})
