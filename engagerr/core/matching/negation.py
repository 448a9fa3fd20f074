"""What a free text asks for, and what it does not want: "fitness coach, not crossfit", "ohne Alkohol", "sans jeux"."""

from __future__ import annotations

import re
from dataclasses import dataclass

# English, German, Spanish and French. Longer ones first, so that "but not" does not leave a "but" behind.
_NEGATIONS = (
    r"but not", r"other than", r"apart from", r"anything but", r"nothing about", r"nothing with", r"no longer",
    r"excluding", r"except(?: for)?", r"without", r"not", r"no", r"never", r"neither", r"nor",
    r"aber nicht", r"aber kein(?:e[mnrs]?)?", r"auf keinen fall", r"nichts mit", r"nichts über", r"nicht",
    r"kein(?:e[mnrs]?)?", r"ohne", r"au(?:ß|ss)er", r"ausgenommen", r"weder", r"noch",
    r"pero no", r"nada de", r"sin", r"excepto", r"salvo", r"ni", r"nunca",
    r"mais pas(?: d['’]| de)?", r"pas(?: d['’]| de)?", r"sans", r"sauf", r"hormis", r"ni", r"jamais", r"aucune?",
)  # fmt: skip
_ARTICLES = r"(?:about|any|the|a|an|de|d['’]|des|du|la|le|les|el|los|las|un|una|une|über|mit|zu)\s+"
# "Not only" and "no nonsense" take nothing away, and "No. 1" counts.
_IDIOMS = r"\s+(?:only|just|nonsense|brainer|nur|s[oó]lo|seulement|city)(?!\w)|\.?\s*\d"
_NEGATION = re.compile(
    rf"(?<![\w'’-])(?:{'|'.join(sorted(set(_NEGATIONS), key=len, reverse=True))})"
    rf"(?![\w])(?!{_IDIOMS})\s*(?:{_ARTICLES})*",
    re.IGNORECASE,
)
_MINUS = re.compile(r"(?:^|(?<=\s))-(?:\"([^\"]+)\"|([\w#@][\w'’-]*))")
# A negation ends where something else begins: a stop, or a word that turns back.
_END = re.compile(
    r"[,;.:!?()\n]|\s(?:but|aber|sondern|pero|sino|mais|however|with|mit|con|avec|who|die|der|que|qui)(?=\s)",
    re.IGNORECASE,
)
_AND = re.compile(r"\s+(?:and|or|nor|und|oder|noch|y|e|o|u|ni|et|ou)\s+|\s*[/&+]\s*", re.IGNORECASE)
_MOST_WORDS = 6
# Where a part was taken out, its stop stays behind: one of several is enough.
_STOPS = re.compile(r"\s*([,;.:!?])(?:\s*[,;.:!?])*(?=\s|$)")
_SPACES = re.compile(r"\s+")
_STRAY = re.compile(r"^[\s,;.:!?]+|[\s,;:]+$|\s(?:but|aber|pero|mais)(?=\s*(?:[,;.:]|$))", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Asked:
    """A text in two parts: what is wanted (may be empty) and each thing that is not."""

    wanted: str
    unwanted: tuple[str, ...]


def split_negation(text: str) -> Asked:
    """Take the negated parts out of a text; "alcohol or gambling" after one "without" are two."""
    unwanted: list[str] = []

    def take(match: re.Match[str]) -> str:
        unwanted.append(match.group(1) or match.group(2))
        return " "

    rest = _MINUS.sub(take, text)
    wanted: list[str] = []
    while (found := _NEGATION.search(rest)) is not None:
        tail = rest[found.end() :]
        end = _END.search(tail)
        part = tail[: end.start()] if end else tail
        words = part.split()
        if len(words) > _MOST_WORDS:
            # A whole clause is no list of things: the first words are what the negation stands before.
            part = " ".join(words[:_MOST_WORDS])
        unwanted += [one for one in map(_clean, _AND.split(part)) if one]
        wanted.append(rest[: found.start()])
        rest = " , " + tail[tail.find(part) + len(part) :] if part else tail
    wanted.append(rest)
    return Asked(_clean(_STOPS.sub(r"\1", " ".join(wanted))), tuple(dict.fromkeys(unwanted)))


def positive_part(text: str) -> str:
    """The text without what it negates: what somebody says they are, not what they say they are not."""
    return split_negation(text).wanted if text else ""


def _clean(text: str) -> str:
    return _SPACES.sub(" ", _STRAY.sub("", text)).strip()
