"""What an advertiser may not want to stand beside: packaged words in their contexts, quoted as they stand.

Nothing that a text says changes how it is read: its words are looked up, never followed.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files

from engagerr.core.ai.tasks import Piece, Safety, SafetyFinding, SafetyFlag

VERSION = "1"
# Share of 110 findings in real titles and tags that a reader agreed with (docs/model-card-topics.md).
QUALITY: float | None = 0.86
_CHARACTERS = 20_000
_MOST_FINDINGS = 40
_SHORTEST_STEM = 3
# A star within a word is a letter that was left out: f*ck.
_TOKEN = re.compile(r"[\w*]+")
_BETWEEN = re.compile(r"[\s\-]+")
# Films, games and songs show what they do not do: their violence is a tale's, one step less grave.
_TALE = re.compile(
    r"\b(trailer|teaser|movie|film|episode|season \d|gameplay|walkthrough|let's play|official video|music video|lyrics?"
    r"|netflix|hbo|marvel|call of duty|gta|fortnite|minecraft|zombies|xbox|ps[345]|parody|sketch)\b",
    re.IGNORECASE,
)
_TALES_TOO = frozenset(
    {SafetyFlag.ARMS, SafetyFlag.CRIME, SafetyFlag.DEATH_OR_INJURY, SafetyFlag.TERRORISM, SafetyFlag.SENSITIVE_NEWS}
)
# Whoever warns of a thing or helps against it does not promote it.
_AGAINST = re.compile(
    r"\b(awareness|prevention|prevent|charity|documentary|recovery|recovering|sober|quit(ting)?|against|stop|anti|help"
    r"line|hotline|relief|donate|survivors?|history of|explained|debunk\w*)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Phrases:
    """Phrases by their first word, or by the stem that it begins with, as one pattern for each."""

    by_word: dict[str, re.Pattern[str]]
    by_stem: dict[str, re.Pattern[str]]

    def found(self, text: str) -> Iterator[tuple[int, int]]:
        """Where they stand, at most one at each word: the longest of its first word."""
        for match in _TOKEN.finditer(text):
            word, begin = match.group().lower(), match.start()
            patterns = [self.by_word.get(word)]
            patterns += [self.by_stem.get(word[:end]) for end in range(_SHORTEST_STEM, len(word) + 1)]
            ends = [hit.end() for pattern in patterns if pattern and (hit := pattern.match(text, begin))]
            if ends:
                yield begin, max(ends)


@dataclass(frozen=True, slots=True)
class _Words:
    """All phrases of the lists, and what each is a sign of."""

    harmful: _Phrases
    harmless: _Phrases
    exact: dict[str, tuple[SafetyFlag, int]]
    stems: dict[str, tuple[SafetyFlag, int]]

    def meaning(self, found: str) -> tuple[SafetyFlag, int]:
        """The flag and severity of the words found; the longest stem that they begin with, unless they are listed."""
        plain = _plain(found)
        if plain in self.exact:
            return self.exact[plain]
        return next(self.stems[plain[:end]] for end in range(len(plain), 0, -1) if plain[:end] in self.stems)


def answer(inputs: Sequence[Piece]) -> list[Safety]:
    """What was found in each piece's title, tags and body, gravest first; a thing said twice is one finding."""
    return [_safety(piece) for piece in inputs]


def _safety(piece: Piece) -> Safety:
    found: dict[tuple[SafetyFlag, str], SafetyFinding] = {}
    whole = " \n ".join((piece.title, *piece.tags, piece.body or ""))[:_CHARACTERS]
    milder = {
        "tale": _TALE.search(whole) is not None,
        "against": _AGAINST.search(whole) is not None,
    }
    for flag, severity, words in _found(whole):
        finding = SafetyFinding(flag=flag, severity=_weighed(flag, severity, milder), words=words)
        found.setdefault((flag, words.lower()), finding)
    gravest = sorted(found.values(), key=lambda finding: -finding.severity)
    return Safety(findings=tuple(gravest[:_MOST_FINDINGS]))


def _found(text: str) -> Iterator[tuple[SafetyFlag, int, str]]:
    lists = _words()
    hidden = list(lists.harmless.found(text))
    for begin, end in lists.harmful.found(text):
        if not any(start <= begin < stop for start, stop in hidden):
            words = text[begin:end]
            yield (*lists.meaning(words), words)


def _weighed(flag: SafetyFlag, severity: int, milder: dict[str, bool]) -> int:
    if milder["tale"] and flag in _TALES_TOO:
        severity -= 1
    if milder["against"] and flag is not SafetyFlag.PROFANITY:
        severity -= 1
    return max(1, severity)


@functools.cache
def _words() -> _Words:
    exact: dict[str, tuple[SafetyFlag, int]] = {}
    stems: dict[str, tuple[SafetyFlag, int]] = {}
    sign = (SafetyFlag.ADULT, 1)
    for line in _lines("safety_words.txt"):
        if line.startswith("["):
            flag, severity = line.strip("[]").split()
            sign = (SafetyFlag(flag), int(severity))
            continue
        for phrase in _phrases(line):
            # "f*ck" is a word as it stands; a star at the end makes a stem.
            kept = stems if phrase.endswith("*") else exact
            kept[_plain(phrase.removesuffix("*"))] = sign
    return _Words(
        _by_first_words([*exact, *(f"{stem}*" for stem in stems)]),
        _by_first_words([_plain(phrase) for line in _lines("safety_harmless.txt") for phrase in _phrases(line)]),
        exact,
        stems,
    )


def _by_first_words(phrases: Sequence[str]) -> _Phrases:
    by_word: dict[str, list[str]] = {}
    by_stem: dict[str, list[str]] = {}
    for phrase in phrases:
        stem = phrase.endswith("*")
        plain = phrase.removesuffix("*")
        first = _TOKEN.match(plain)
        assert first is not None, phrase
        kept = by_stem if stem and first.group() == plain else by_word
        kept.setdefault(first.group(), []).append(phrase)
    return _Phrases(
        {word: _pattern(some) for word, some in by_word.items()},
        {stem: _pattern(some) for stem, some in by_stem.items()},
    )


def _pattern(phrases: Sequence[str]) -> re.Pattern[str]:
    """Any of the phrases, longest first, as whole words; `\\b` would not hold beside signs."""
    parts = []
    for phrase in sorted(set(phrases), key=lambda phrase: (-len(phrase), phrase)):
        words = r"[\s\-]+".join(re.escape(word) for word in phrase.removesuffix("*").split())
        parts.append(words.replace("'", "['’]") + (r"\w*" if phrase.endswith("*") else ""))
    return re.compile(rf"(?:{'|'.join(parts)})(?![\w*])", re.IGNORECASE)


def _plain(words: str) -> str:
    return _BETWEEN.sub(" ", words.lower().replace("’", "'"))


def _phrases(line: str) -> list[str]:
    return [phrase for entry in line.split(",") if (phrase := entry.strip())]


def _lines(file: str) -> Iterator[str]:
    for line in (files(__package__) / file).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line.strip()
