"""A contract's text → its clauses, by their headings and their wording, and what hurts the creator in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from engagerr.core.ai.floor.clause_words import BODIES, CONCERNS, HEADINGS, days_to_payment
from engagerr.core.ai.floor.sentences import sentences_of, spoken_to_machines
from engagerr.core.ai.tasks import Clause, ClauseKind, Clauses, PlainText

VERSION = "clauses 2"
# Over all cases of the evaluation, see docs/decisions/0024 for what they can and cannot tell.
QUALITY: float | None = 0.789

# Net 30 is the norm; beyond net 60 a creator lends money to the brand.
_LONGEST_NET_DAYS = 60
_HEADING_SAYS, _BODY_SAYS, _ENOUGH = 3, 1, 1
_LONGEST_HEADING = 60
# "Usage rights and licence." is a name; "Exclusive for six months in sports." says something.
_WORDS_OF_A_NAME = 4
_NUMBERED = re.compile(
    r"^\s*(?:§\s*\d+|art(?:icle|ículo|ikel|\.)\s*\d+|clause\s+\d+|\d{1,2}(?:\.\d{1,2})*[.)]?|[A-Z][.)]|"
    r"\([a-z0-9]\)|[-–•*])\s*",
    re.IGNORECASE,
)
_SPANISH_ORDINAL = re.compile(
    r"^\s*(?:primera|segunda|tercera|cuarta|quinta|sexta|séptima|octava|novena|décima)\s*[.:]\s*", re.IGNORECASE
)
_NEW_CLAUSE = re.compile(
    r"^\s*(?:§|art(?:icle|ículo|ikel)\s*\d|clause\s+\d|\d{1,2}(?:\.\d{1,2})*[.)]\s|\d{1,2}\.\d{1,2}\s|"
    r"[A-Z][.)]\s|[-–•*]\s|"
    r"(?:primera|segunda|tercera|cuarta|quinta|sexta|séptima|octava|novena|décima)\s*[.:]|[A-ZÀ-Þ][\w /&'’-]{2,40}:\s)",
    re.IGNORECASE,
)


def answer(inputs: Sequence[PlainText]) -> list[Clauses]:
    """The clauses of each contract in the order of the text, their words as they stand."""
    return [Clauses(clauses=tuple(_clauses(given.text))) for given in inputs]


def _clauses(text: str) -> Iterator[Clause]:
    above: str | None = None
    for words in _pieces(text):
        if _is_heading(words):
            above = words
            continue
        for part in _parts(words, above):
            kind = _kind(part, above)
            if kind is not None and not spoken_to_machines(part):
                yield Clause(kind=kind, words=part, concern=_concern(kind, part))
        above = None


def _parts(words: str, above: str | None) -> list[str]:
    """A clause as it is, or the sentences of a paragraph that nothing names: a letter says several things in one."""
    if above is not None or _NUMBERED.match(words):
        return [words]
    name, _ = _heading_and_body(words)
    if name is not None and not (_is_sentence(words, name) and _of_several_kinds(words)):
        return [words]
    return sentences_of(words) if "\n" not in words else [words]


def _is_sentence(words: str, name: str) -> bool:
    """Whether what stands like a heading before a full stop is the first of the sentences."""
    return len(name.split()) > _WORDS_OF_A_NAME and words[len(name) :].lstrip().startswith(".")


def _of_several_kinds(words: str) -> bool:
    return len({kind for one in sentences_of(words) if (kind := _kind(one, None)) is not None}) > 1


def _pieces(text: str) -> Iterator[str]:
    """Headings and clauses: a paragraph, a numbered line or a line that begins with a name and a colon."""
    start = end = 0
    for line in text.splitlines(keepends=True):
        begins = (
            not line.strip()
            or _NEW_CLAUSE.match(line)
            or _ended(text[start:end])
            or _is_heading(text[start:end].strip())
        )
        if begins and text[start:end].strip():
            yield text[start:end].strip()
            start = end
        end += len(line)
        if not text[start:end].strip():
            start = end
    if text[start:end].strip():
        yield text[start:end].strip()


def _ended(piece: str) -> bool:
    return piece.rstrip().endswith((".", "!", "?", ";", ":", ",")) and piece.rstrip()[-1] in ".!?"


def _is_heading(words: str) -> bool:
    name = _NUMBERED.sub("", words)
    if (
        not name
        or re.search(r"[.:]\s", name)
        or len(words) > _LONGEST_HEADING
        or "\n" in words
        or words.rstrip().endswith((".", ",", ";"))
    ):
        return False
    return len(name.split()) <= 6 and (
        name == name.upper() or _NUMBERED.match(words) is not None or len(name.split()) <= 3
    )


def _kind(words: str, above: str | None) -> ClauseKind | None:
    name, body = _heading_and_body(words)
    scores: dict[ClauseKind, int] = {}
    for kind in ClauseKind:
        said = HEADINGS[kind]
        heading = bool(name and said.search(name)) or bool(above and said.search(above))
        scores[kind] = _HEADING_SAYS * heading + _BODY_SAYS * len(
            {found.group().casefold() for found in BODIES[kind].finditer(body)}
        )
    best = max(scores, key=lambda kind: scores[kind])
    return best if scores[best] >= _ENOUGH else None


def _heading_and_body(words: str) -> tuple[str | None, str]:
    plain = _SPANISH_ORDINAL.sub("", _NUMBERED.sub("", words, count=1), count=1).lstrip("–-— ")
    match = re.match(rf"([^.:\n]{{2,{_LONGEST_HEADING}}}?)\s*[.:]\s+", plain)
    return (match[1], plain[match.end() :]) if match else (None, plain)


def _concern(kind: ClauseKind, words: str) -> str | None:
    if kind is ClauseKind.PAYMENT:
        days = days_to_payment(words)
        return f"net {days}" if days is not None and days > _LONGEST_NET_DAYS else None
    for name, hurts, unless in CONCERNS.get(kind, ()):
        if hurts.search(words) and not (unless and unless.search(words)):
            return name
    return None
