"""Terms put into one shape and checked for sense, before anybody is asked to sign them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from engagerr.core.deals.contracting.clauses import (
    AGENCY,
    APPROVED,
    LIVE,
    ContractTerms,
    Deliverable,
    ExclusivityPromise,
    Milestone,
)
from engagerr.core.errors import InvalidInput
from engagerr.core.money import Money

_MOST_IN_A_LINE, _MOST_IN_A_TEXT = 300, 20_000
_MOST_PARTS = 500
_MOST_MINOR = 10**15
# As large as a hold takes a weight.
_MOST_WEIGHT = 10**9
_MOST_PIECES = 10_000
_MOST_CLAIMS = 5_000
_RATE_DECIMALS = 5
WORDINGS = ("2026-11", "2026-11-23")
_FLOWS = ("agency", "creator")
_KILL_STAGES = ("signed", "in_production", "submitted")
_COUNTRY = re.compile(r"^[A-Z]{2}$")
# Long texts, in which a line may end.
_TEXTS = frozenset({"address", "description", "note", "text"})
# Words for many countries, as of January 2026: EU, EEA and Benelux by their treaties; DACH and the Nordics as the trade
# uses the words.
_EU = (
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV",
    "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
)  # fmt: skip
_REGIONS: dict[str, tuple[str, ...]] = {
    "EU": _EU,
    "EEA": (*_EU, "IS", "LI", "NO"),
    "DACH": ("AT", "CH", "DE"),
    "BENELUX": ("BE", "LU", "NL"),
    "NORDICS": ("DK", "FI", "IS", "NO", "SE"),
    "UK": ("GB",),
    "USA": ("US",),
    "WORLDWIDE": (),
    "EVERYWHERE": (),
}
Struct = TypeVar("Struct", bound=msgspec.Struct)


def checked(terms: ContractTerms) -> ContractTerms:
    """The same terms in one shape, or `InvalidInput` with what does not make sense.

    Texts are normalised (NFC, no control or turning marks), countries and regions become ISO codes in order, categories
    lower-case paths, so that terms that mean the same have the same hash.
    """
    if terms.commission_rate is None:
        raise _wrong("The terms name no commission.", 'Write commission_rate = "0.15" for 15 %; 0 is allowed.')
    terms = _in_one_shape(terms)
    _check_frame(terms)
    _check_work(terms)
    _check_money(terms)
    _check_rights(terms)
    return terms


def countries_of(words: Iterable[str]) -> tuple[str, ...]:
    """ISO codes, sorted, of countries and regions ("EU", "DACH"); none means everywhere, and so does "worldwide"."""
    found: set[str] = set()
    everywhere = False
    for word in words:
        code = " ".join(word.split()).upper()
        if code in _REGIONS:
            found |= set(_REGIONS[code])
            everywhere |= not _REGIONS[code]
        elif _COUNTRY.match(code):
            found.add(code)
        else:
            raise InvalidInput(
                f"{word!r} is no territory.",
                hint=f"Two letters of ISO 3166, such as DE, or one of {', '.join(sorted(_REGIONS))}.",
            )
    return () if everywhere else tuple(sorted(found))


def category_of(words: str) -> str:
    """A category as a path in lower case: "Beauty / Skin Care" is beauty/skin care, which stands under beauty."""
    parts = [" ".join(part.split()).casefold() for part in words.split("/")]
    if not all(parts):
        raise InvalidInput(f"{words!r} is no category.", hint="Write it like beauty, or beauty/skin care.")
    return "/".join(parts)


# ── One shape ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _in_one_shape(terms: ContractTerms) -> ContractTerms:
    terms = _clean(terms, "terms")
    return msgspec.structs.replace(
        terms,
        currency=Money(0, terms.currency).currency,
        commission_rate=None if terms.commission_rate is None else _rate(terms.commission_rate, "commission_rate"),
        categories=tuple(sorted({category_of(word) for word in terms.categories})),
        territories=countries_of(terms.territories),
        usage_rights=tuple(
            msgspec.structs.replace(right, territories=countries_of(right.territories)) for right in terms.usage_rights
        ),
        exclusivity=tuple(
            msgspec.structs.replace(
                promise,
                category=None if promise.category is None else category_of(promise.category),
                territories=countries_of(promise.territories),
                creators=tuple(sorted(set(promise.creators))),
            )
            for promise in terms.exclusivity
        ),
        kill_fees=tuple(msgspec.structs.replace(fee, rate=_rate(fee.rate, "kill fee")) for fee in terms.kill_fees),
    )


def _clean(part: Struct, where: str) -> Struct:
    """Every text within, in Unicode's composed form and without marks that nobody sees; empty ones are None."""
    changed = {}
    for name in part.__struct_fields__:
        changed[name] = _cleaned(getattr(part, name), f"{where}.{name}", long=name in _TEXTS)
    return msgspec.structs.replace(part, **changed)


def _cleaned(value: Any, where: str, *, long: bool) -> Any:
    if isinstance(value, str):
        return plain_text(value, where, long=long)
    if isinstance(value, tuple):
        if len(value) > _MOST_PARTS:
            raise InvalidInput(f"{where} has {len(value)} parts; {_MOST_PARTS} are as many as a contract holds.")
        return tuple(_cleaned(part, f"{where}[{at}]", long=long) for at, part in enumerate(value, start=1))
    return _clean(value, where) if isinstance(value, msgspec.Struct) else value


def plain_text(value: str, where: str, *, long: bool = False) -> str:
    """A text without marks that nobody sees, in Unicode's composed form; `InvalidInput` names `where` it stands."""
    text = unicodedata.normalize("NFC", value).replace("\r\n", "\n").strip()
    for mark in text:
        # Control characters, and format characters that turn or hide what is read (bidi overrides, zero width).
        if unicodedata.category(mark) in ("Cc", "Cf", "Cs", "Co", "Cn") and not (long and mark in "\n\t"):
            raise InvalidInput(
                f"{where} holds the mark U+{ord(mark):04X}, which nobody sees on paper.",
                hint="Write it anew, without what was pasted along.", facts={"field": where},
            )  # fmt: skip
    most = _MOST_IN_A_TEXT if long else _MOST_IN_A_LINE
    if len(text) > most:
        raise InvalidInput(f"{where} is {len(text)} characters long; {most} are as many as it may have.")
    if not text:
        raise InvalidInput(f"{where} is empty.", hint="Leave it out, or say what it should be.", facts={"field": where})
    return text


def _rate(rate: Decimal, what: str) -> Decimal:
    if not rate.is_finite() or not 0 <= rate <= 1 or rate != round(rate, _RATE_DECIMALS):
        raise InvalidInput(
            f"The {what} is {str(rate)[:40]}, which is no rate.",
            hint=f'Write 15 % as "0.15", with at most {_RATE_DECIMALS} decimals.',
        )
    # 0.150 and 0.15 are one rate, and must have one hash.
    return Decimal(format(rate.normalize(), "f")) if rate else Decimal(0)


# ── Sense ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _wrong(message: str, hint: str | None = None) -> InvalidInput:
    return InvalidInput(message, hint=hint or "Correct the terms, then try again.")


def _check_frame(terms: ContractTerms) -> None:
    if terms.wording not in WORDINGS:
        raise _wrong(f"There is no wording {terms.wording!r}.", f"One of: {', '.join(WORDINGS)}.")
    if terms.flow not in _FLOWS:
        raise _wrong(f"The flow of money is {terms.flow!r}.", f"One of: {', '.join(_FLOWS)}.")
    if terms.term.until is not None and terms.term.until < terms.term.starts:
        raise _wrong(f"The contract would end on {terms.term.until}, before it begins on {terms.term.starts}.")
    if not terms.creators:
        raise _wrong("The contract names no creator.", "List them under creators.")
    _once([creator.key for creator in terms.creators], "creator")
    for creator in terms.creators:
        if creator.creator_id is not None and creator.key != str(creator.creator_id):
            raise _wrong(f"The key of {creator.name} is not their id.")
    if terms.renewal is not None and (terms.renewal.months < 1 or terms.renewal.notice_days < 0):
        raise _wrong("The contract would renew itself for no time at all.")
    if not 0 <= terms.payment_terms.net_days <= 365:
        raise _wrong(f"Payment within {terms.payment_terms.net_days} days is no term of payment.", "0 to 365 days.")


def _check_work(terms: ContractTerms) -> None:
    keys = {creator.key for creator in terms.creators}
    if not terms.deliverables or not terms.milestones:
        raise _wrong("Nothing is delivered, or nothing is paid for.", "A contract has deliverables and milestones.")
    _once([deliverable.ref for deliverable in terms.deliverables], "deliverable")
    _once([milestone.ref for milestone in terms.milestones], "milestone")
    for deliverable in terms.deliverables:
        _known([deliverable.creator], keys, f"Deliverable {deliverable.ref}")
        _check_deliverable(deliverable)
    placed = [ref for milestone in terms.milestones for ref in milestone.deliverables]
    refs = {deliverable.ref for deliverable in terms.deliverables}
    for milestone in terms.milestones:
        _known(milestone.deliverables, refs, f"Milestone {milestone.ref}")
        _check_milestone(milestone)
    _once(placed, "deliverable of a milestone")
    if left_out := sorted(refs - set(placed)):
        raise _wrong(f"{', '.join(left_out)} stands in no milestone.", "Everything delivered is paid for somewhere.")


def _check_deliverable(deliverable: Deliverable) -> None:
    if not 1 <= deliverable.count <= _MOST_PIECES:
        raise _wrong(f"Deliverable {deliverable.ref} is {deliverable.count} pieces.", f"1 to {_MOST_PIECES:,}.")
    if deliverable.revisions is not None and not 0 <= deliverable.revisions <= 100:
        raise _wrong(f"Deliverable {deliverable.ref} has {deliverable.revisions} revisions.", "0 to 100, or null.")


def _check_milestone(milestone: Milestone) -> None:
    if not 0 < milestone.amount_minor <= _MOST_MINOR:
        raise _wrong(f"Milestone {milestone.ref} pays {milestone.amount_minor} minor units.", "Amounts are above zero.")
    if not milestone.deliverables:
        raise _wrong(f"Milestone {milestone.ref} pays for nothing.", "Name its deliverables.")
    if milestone.silence_days is not None and not 1 <= milestone.silence_days <= 365:
        raise _wrong(f"Milestone {milestone.ref} waits {milestone.silence_days} days for an answer.", "1 to 365.")
    if milestone.paid_when not in (LIVE, APPROVED):
        raise _wrong(f"Milestone {milestone.ref} is paid when {milestone.paid_when!r}.", f"{LIVE} or {APPROVED}.")


def _check_money(terms: ContractTerms) -> None:
    keys = {creator.key for creator in terms.creators}
    _known([share.creator for share in terms.shares], keys, "A share")
    _once([share.creator for share in terms.shares], "share")
    if any(not 0 <= share.weight <= 1_000 for share in terms.shares) or not any(s.weight for s in terms.shares):
        raise _wrong("The shares of the creators divide nothing.", "Whole weights from 0 to 1,000, one above zero.")
    at_work = {deliverable.creator for deliverable in terms.deliverables}
    if unpaid := sorted(at_work - {share.creator for share in terms.shares}):
        raise _wrong(f"{terms.creator(unpaid[0]).name} delivers and has no share.", "Give them a weight; 0 is allowed.")
    for milestone in terms.milestones:
        if not any(weight for _, weight in terms.weights(milestone)):
            raise _wrong(f"Nobody who works for milestone {milestone.ref} has a share of it.")
        if max(weight for _, weight in terms.weights(milestone)) > _MOST_WEIGHT:
            raise _wrong("The shares are finer than money can be divided.", "Smaller whole numbers in the same ratio.")
    if terms.flow == AGENCY and terms.commission_rate == 1:
        raise _wrong("A commission of 100 % leaves the creators nothing.")
    _once([fee.stage for fee in terms.kill_fees], "kill fee")
    if wrong := [fee.stage for fee in terms.kill_fees if fee.stage not in _KILL_STAGES]:
        raise _wrong(f"A kill fee begins at {wrong[0]!r}.", f"One of: {', '.join(_KILL_STAGES)}.")


def _check_rights(terms: ContractTerms) -> None:
    refs = {deliverable.ref for deliverable in terms.deliverables}
    keys = {creator.key for creator in terms.creators}
    for at, right in enumerate(terms.usage_rights, start=1):
        _known(right.deliverables, refs, f"Usage right {at}")
        if not right.channels:
            raise _wrong(f"Usage right {at} names no channel.", "Such as organic social, paid social, website.")
        ends = [right.until is not None, right.term_days is not None, right.perpetual]
        if sum(ends) != 1:
            raise _wrong(f"Usage right {at} does not say how long it lasts.", "Until a day, term_days, or perpetual.")
        if right.starts and right.until and right.until < right.starts:
            raise _wrong(f"Usage right {at} would end on {right.until}, before it begins on {right.starts}.")
        if (right.term_days is not None and right.term_days < 1) or (right.days_after_live or 0) < 0:
            raise _wrong(f"Usage right {at} lasts no time at all.")
    claims = 0
    for at, promise in enumerate(terms.exclusivity, start=1):
        _known(promise.creators, keys, f"Exclusivity {at}")
        if promise.until is not None and promise.until < promise.starts:
            raise _wrong(f"Exclusivity {at} would end on {promise.until}, before it begins on {promise.starts}.")
        claims += _size(promise)
    if claims > _MOST_CLAIMS:
        raise _wrong(
            f"The exclusivity comes to {claims} places.", f"{_MOST_CLAIMS} at most; name regions more broadly."
        )


def _size(promise: ExclusivityPromise) -> int:
    return max(1, len(promise.creators)) * max(1, len(promise.territories))


def _once(names: Sequence[str], what: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise _wrong(f"The {what} {twice[0]!r} stands twice.", "Each has a name of its own, and one place.")


def _known(names: Iterable[str], known: set[str], where: str) -> None:
    if missing := [name for name in names if name not in known]:
        raise _wrong(f"{where} speaks of {missing[0]!r}, which the contract does not name.")
