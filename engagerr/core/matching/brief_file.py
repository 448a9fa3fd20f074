"""A brief as its file has it (JSON or TOML), checked field by field: what it asks for, and what it leaves open."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeGuard

from engagerr.core.errors import InvalidInput
from engagerr.core.matching.platform_names import platform_meant
from engagerr.core.money import Money

_MOST_BYTES = 1 << 20
_MOST_CHARACTERS = 20_000
# Of a title, a brand, a category, and of each word of a list.
_MOST_IN_A_LINE = 200
# There are 249 countries. Words that must or must not be there are each looked for in every profile.
_MOST_WORDS, _MOST_CONDITIONS = 250, 50
_MOST_NUMBER = 10**15


@dataclass(frozen=True, slots=True)
class AudienceWish:
    """At least so large a share (0 to 1) of a creator's audience, in one dimension: country DE, gender female."""

    dimension: str
    value: str
    share_min: float


@dataclass(frozen=True, slots=True)
class Brief:
    """What a brand looks for. Empty and None mean that the brief does not say, so nothing is asked.

    `window` days are both within it. `unread` are keys of the file that mean nothing here.
    """

    title: str
    text: str = ""
    brand: str | None = None
    category: str | None = None
    platforms: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    followers_min: int | None = None
    followers_max: int | None = None
    audience: tuple[AudienceWish, ...] = ()
    budget: Money | None = None
    deliverables: tuple[str, ...] = ()
    must: tuple[str, ...] = ()
    must_not: tuple[str, ...] = ()
    window_from: date | None = None
    window_to: date | None = None
    unread: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """All that it says of its subject, as one text: what creators are compared with by meaning."""
        said = (self.title, self.category or "", " ".join(self.must), self.text)
        return "\n".join(part.strip() for part in said if part.strip())

    def document(self) -> dict[str, Any]:
        """The brief as its file would have it; what it does not say is left out."""
        found: dict[str, Any] = {"title": self.title}
        found |= {name: value for name in ("text", "brand", "category") if (value := getattr(self, name))}
        for name in ("platforms", "countries", "languages", "deliverables", "must", "must_not"):
            if getattr(self, name):
                found[name] = list(getattr(self, name))
        followers = {"min": self.followers_min, "max": self.followers_max}
        if any(limit is not None for limit in followers.values()):
            found["followers"] = {name: limit for name, limit in followers.items() if limit is not None}
        if self.audience:
            found["audience"] = [
                {"dimension": wish.dimension, "value": wish.value, "share_min": wish.share_min}
                for wish in self.audience
            ]
        if self.budget:
            found["budget"] = {"minor": self.budget.minor, "currency": self.budget.currency}
        window = {"from": self.window_from, "to": self.window_to}
        if any(window.values()):
            found["window"] = {name: day.isoformat() for name, day in window.items() if day}
        return found


class BadBrief(InvalidInput):
    """A brief that cannot be read as it stands: where, what stands there, and what should."""

    def __init__(self, where: str, field: str, value: Any, want: str) -> None:
        super().__init__(
            f"{where}: {field} is {_shown(value)}, which is not {want}.",
            hint="`engagerr brief example` prints a brief to begin with.",
            facts={"file": where, "field": field, "value": _shown(value)},
        )


def read_brief(path: Path) -> Brief:
    """The brief in a JSON or TOML file; `BadBrief` (an `InvalidInput`) names the field, its value and the fix."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InvalidInput(f"{path} is larger than a megabyte.", hint="A brief is a page; is this the right file?")
        source = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise InvalidInput(
            f"The brief {path} cannot be read: {reason}.", hint="Name a JSON or TOML file.", facts={"file": str(path)}
        ) from None
    try:
        document = tomllib.loads(source) if path.suffix.lower() == ".toml" else json.loads(source)
    except (ValueError, RecursionError) as error:
        kind = "TOML" if path.suffix.lower() == ".toml" else "JSON"
        raise InvalidInput(
            f"{path} is not valid {kind}: {error}.",
            hint="A brief is JSON, or TOML in a file that ends in .toml.",
            facts={"file": str(path)},
        ) from None
    return brief_of(document, where=str(path))


def brief_of(document: Any, *, where: str = "the brief") -> Brief:
    """The brief that a document says; `where` names it in errors."""
    if not isinstance(document, Mapping):
        raise BadBrief(where, "the whole", document, "an object with a title")
    reader = _Reader(where, document)
    followers, window = reader.table("followers", ("min", "max")), reader.table("window", ("from", "to"))
    brief = Brief(
        title=reader.text("title", needed=True) or "",
        text=reader.text("text", most=_MOST_CHARACTERS) or "",
        brand=reader.text("brand"),
        category=reader.text("category"),
        platforms=reader.platforms(),
        countries=reader.codes("countries", r"[A-Z]{2}", "two letters of ISO 3166, such as DE", str.upper),
        languages=reader.codes("languages", r"[a-z]{2,3}", "two letters of ISO 639, such as de", str.lower),
        followers_min=reader.count("followers.min", followers.get("min")),
        followers_max=reader.count("followers.max", followers.get("max")),
        audience=reader.audience(),
        budget=reader.budget(),
        # Twice the same is two of them.
        deliverables=reader.listed("deliverables", folded=str.lower),
        must=reader.words("must", most=_MOST_CONDITIONS),
        must_not=reader.words("must_not", most=_MOST_CONDITIONS),
        window_from=reader.day("window.from", window.get("from")),
        window_to=reader.day("window.to", window.get("to")),
        unread=reader.unread(),
    )
    if None not in (brief.followers_min, brief.followers_max) and brief.followers_min > brief.followers_max:  # type: ignore[operator]
        raise BadBrief(where, "followers.min", brief.followers_min, f"at most followers.max ({brief.followers_max})")
    if brief.window_from and brief.window_to and brief.window_from > brief.window_to:
        raise BadBrief(where, "window.from", brief.window_from, f"before window.to ({brief.window_to})")
    return brief


_KEYS = (
    "title", "text", "brand", "category", "platforms", "countries", "languages", "followers", "audience", "budget",
    "deliverables", "must", "must_not", "window",
)  # fmt: skip


class _Reader:
    def __init__(self, where: str, document: Mapping[str, Any]) -> None:
        self._where = where
        self._document = document

    def text(self, field: str, *, needed: bool = False, most: int = _MOST_IN_A_LINE) -> str | None:
        value = self._document.get(field)
        if value is None and not needed:
            return None
        if not _is_text(value, most) or (needed and not value.strip()):
            raise BadBrief(self._where, field, value, f"a text of at most {most:,} characters")
        return value.strip() or None

    def listed(self, field: str, *, most: int = _MOST_WORDS, folded: Callable[[str], str] = str) -> tuple[str, ...]:
        value = self._document.get(field)
        if value is None:
            return ()
        if not isinstance(value, list | tuple) or not all(
            _is_text(word, _MOST_IN_A_LINE) and word.strip() for word in value
        ):
            raise BadBrief(self._where, field, value, 'a list of words, such as ["outdoor"]')
        if len(value) > most:
            raise BadBrief(self._where, field, value, f"a list of at most {most} words")
        return tuple(folded(word.strip()) for word in value)

    def words(self, field: str, *, most: int = _MOST_WORDS, folded: Callable[[str], str] = str) -> tuple[str, ...]:
        """Each word once."""
        return tuple(dict.fromkeys(self.listed(field, most=most, folded=folded)))

    def platforms(self) -> tuple[str, ...]:
        """Any name may be a platform; one that is nearly a known one would rule everybody out by a slip."""
        found = self.words("platforms", folded=str.lower)
        for platform in found:
            if meant := platform_meant(platform):
                raise InvalidInput(
                    f"{self._where}: there is no platform {_shown(platform)!r}.",
                    hint=f"Did you mean {meant}?",
                    facts={"file": self._where, "field": "platforms", "value": _shown(platform)},
                )
        return found

    def codes(self, field: str, pattern: str, want: str, folded: Callable[[str], str]) -> tuple[str, ...]:
        found = self.words(field, folded=folded)
        for code in found:
            if not re.fullmatch(pattern, code):
                raise BadBrief(self._where, field, code, want)
        return found

    def table(self, field: str, keys: Sequence[str]) -> Mapping[str, Any]:
        value = self._document.get(field)
        if value is None:
            return {}
        if not isinstance(value, Mapping) or not set(value) <= set(keys):
            raise BadBrief(self._where, field, value, f"an object of {' and '.join(keys)}")
        return value

    def count(self, field: str, value: Any) -> int | None:
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST_NUMBER:
            raise BadBrief(self._where, field, value, f"a whole number from 0 to {_MOST_NUMBER:,}")
        return value

    def day(self, field: str, value: Any) -> date | None:
        if value is None:
            return None
        if type(value) is date:
            return value
        try:
            return date.fromisoformat(value)
        except (TypeError, ValueError):
            raise BadBrief(self._where, field, value, "a day, such as 2027-03-01") from None

    def audience(self) -> tuple[AudienceWish, ...]:
        wishes = self._document.get("audience")
        if wishes is None:
            return ()
        if not isinstance(wishes, list | tuple) or len(wishes) > _MOST_CONDITIONS:
            raise BadBrief(self._where, "audience", wishes, f"a list of at most {_MOST_CONDITIONS} objects")
        found = []
        for place, wish in enumerate(wishes):
            field = f"audience[{place}]"
            if not isinstance(wish, Mapping) or not set(wish) <= {"dimension", "value", "share_min"}:
                raise BadBrief(self._where, field, wish, "an object of dimension, value and share_min")
            share = wish.get("share_min")
            if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
                raise BadBrief(self._where, f"{field}.share_min", share, "a share from 0 to 1, such as 0.3")
            for key in ("dimension", "value"):
                if not _is_text(wish.get(key), _MOST_IN_A_LINE) or not wish[key].strip():
                    raise BadBrief(self._where, f"{field}.{key}", wish.get(key), "a word, such as country or DE")
            dimension, said = wish["dimension"].strip().lower(), wish["value"].strip()
            # Written as `countries` are; what else an audience is told by has no one spelling.
            found.append(AudienceWish(dimension, said.upper() if dimension == "country" else said, float(share)))
        return tuple(found)

    def budget(self) -> Money | None:
        value = self._document.get("budget")
        if value is None:
            return None
        try:
            if set(value) != {"minor", "currency"} or not 0 <= value["minor"] <= _MOST_NUMBER:
                raise ValueError("not money")
            return Money(value["minor"], value["currency"])
        except (InvalidInput, TypeError, ValueError, KeyError):
            raise BadBrief(
                self._where, "budget", value, 'an amount in minor units, such as {"minor": 1500000, "currency": "EUR"}'
            ) from None

    def unread(self) -> tuple[str, ...]:
        """Keys that mean nothing here; one that is nearly a known one is refused: it was meant to say something."""
        strange = [str(key) for key in self._document if key not in _KEYS]
        for key in strange:
            if near := difflib.get_close_matches(key.lower(), _KEYS, n=1, cutoff=0.8):
                raise InvalidInput(
                    f"{self._where}: there is no field {key!r}.",
                    hint=f"Did you mean {near[0]}?",
                    facts={"file": self._where, "field": key},
                )
        return tuple(strange)


def _is_text(value: Any, most: int) -> TypeGuard[str]:
    """Whether it is a text that a database can hold: no NUL, and no half of a pair of surrogates."""
    if not isinstance(value, str) or len(value) > most or "\0" in value:
        return False
    return not any("\ud800" <= one <= "\udfff" for one in value)


def _shown(value: Any) -> str:
    said = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    said = "".join(one if one.isprintable() or one.isspace() else "\ufffd" for one in said[:80]) + said[80:]
    return "missing" if value is None else said if len(said) <= 80 else said[:79] + "…"
