"""The words by which a profile is found: folded, weighted, and in the languages that PostgreSQL knows of them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

# ISO 639-1 to the text search configurations that PostgreSQL 16 comes with.
CONFIGURATIONS = {
    "ar": "arabic", "hy": "armenian", "eu": "basque", "ca": "catalan", "da": "danish", "nl": "dutch", "en": "english",
    "fi": "finnish", "fr": "french", "de": "german", "el": "greek", "hi": "hindi", "hu": "hungarian",
    "id": "indonesian", "ga": "irish", "it": "italian", "lt": "lithuanian", "ne": "nepali", "no": "norwegian",
    "nb": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian", "es": "spanish",
    "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip
_MOST_TITLES_CHARACTERS = 6_000
_SEPARATORS = re.compile(r"[_@#/\-.]+")


def folded(words: str) -> str:
    """Lower case without accents, and handles and tags cut into their words: how both sides of a search are written."""
    flat = words.casefold()
    if not flat.isascii():
        flat = "".join(one for one in unicodedata.normalize("NFKD", flat) if not unicodedata.combining(one))
    return _SEPARATORS.sub(" ", flat)


def configurations(languages: Iterable[str]) -> list[str]:
    """The configurations of these languages that PostgreSQL has, after `simple`, which takes words as they are."""
    found = [CONFIGURATIONS[one] for one in languages if one in CONFIGURATIONS]
    return ["simple", *dict.fromkeys(found)]


def weighted_words(
    *, name: str, handles: Sequence[str], topics: Sequence[str], bio: str | None, titles: Sequence[str]
) -> tuple[str, str, str]:
    """(A, B, C): names and topics, the bio, titles of recent pieces; each folded."""
    of_names = " ".join([name, *(handle.partition(":")[2] for handle in handles), *topics])
    return folded(of_names), folded(bio or ""), folded(" ".join(titles))[:_MOST_TITLES_CHARACTERS]
