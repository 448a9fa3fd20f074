"""How warm or hostile a text is, by packaged words in six languages and emoji; negation and emphasis count.

What is known of English, French, German, Italian, Portuguese and Spanish; of other languages only what emoji say.
"""

from __future__ import annotations

import functools
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files

from engagerr.core.ai.tasks import PlainText, Sentiment

VERSION = "1"
# Share of the 184 sentences of tests/data/ai/sentiment.tsv told rightly (warm, hostile, neither), when first measured.
QUALITY: float | None = 0.83
_CHARACTERS = 5000
_TOKEN = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*['’]?|[.!?;:,]|[^\w\s]")
_JOINED = re.compile(r"\b([jlcdnmst]|qu|un|dell|nell|all|quest)'(?=[^\W\d_]{2})")
_LONGEST_PHRASE, _SHORTEST_STEM = 4, 3
# A negation reaches so many words, and no further than the end of its part of the sentence.
_REACH = 4
# "Not good" is bad, "not bad" is not as good as "good": a negated feeling is turned round and weaker.
_NEGATED, _STRONGER, _WEAKER, _AFTER_BUT, _BEFORE_BUT = -0.6, 1.4, 0.5, 1.3, 0.6
_SPREAD = 2.5
_ENDS = frozenset(".!?;,")


@dataclass(slots=True)
class _Lexicon:
    """One language: strengths of words and stems, and its words that change what stands beside them."""

    words: dict[str, float] = field(default_factory=dict)
    stems: dict[str, float] = field(default_factory=dict)
    roles: dict[str, set[str]] = field(default_factory=dict)

    def strength(self, word: str) -> float | None:
        """Of a word or phrase; the longest stem counts where it is not listed itself."""
        if word in self.words:
            return self.words[word]
        ends = range(len(word), _SHORTEST_STEM - 1, -1)
        return next((self.stems[word[:end]] for end in ends if word[:end] in self.stems), None)

    def plays(self, role: str, word: str) -> bool:
        """Whether the word is one of those."""
        return word in self.roles.get(role, ())


def answer(inputs: Sequence[PlainText]) -> list[Sentiment]:
    """Of each text. Where no word is known, the score is 0 and nothing is sure."""
    return [_sentiment(given.text) for given in inputs]


def _sentiment(text: str) -> Sentiment:
    plain = text[:_CHARACTERS].lower().replace("’", "'")
    feelings = list(_emoji(plain))
    tokens = _tokens(plain)
    lexicon = _lexicons()[_language(tokens)]
    feelings += _in_words(tokens, lexicon)
    if not feelings:
        return Sentiment(score=0.0, sure=0.0)
    whole, strengths = math.fsum(feelings), math.fsum(map(abs, feelings))
    score = whole / math.sqrt(whole * whole + _SPREAD * _SPREAD)
    # Feelings that pull both ways make a text less sure than those that agree.
    sure = (abs(whole) / strengths if strengths else 0.0) * (1 - math.exp(-strengths / 2))
    return Sentiment(score=round(score, 4), sure=round(min(1.0, sure), 4))


def _tokens(text: str) -> list[str]:
    """Words and signs without accents, with what French and Italian join by an apostrophe taken apart."""
    return _TOKEN.findall(_JOINED.sub(r"\1 ", _without_accents(text)))


def _without_accents(text: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))


def _in_words(tokens: Sequence[str], lexicon: _Lexicon) -> list[float]:
    found: list[tuple[int, float]] = []
    place, turn_at, but_at = 0, -1, None
    while place < len(tokens):
        length, strength = _phrase(tokens, place, lexicon)
        word = tokens[place]
        reaching = turn_at >= 0 and place - turn_at <= _REACH and not _ENDS.intersection(tokens[turn_at:place])
        if strength is not None:
            strength *= _emphasis(tokens, place, lexicon)
            reaching = reaching or _turned_behind(tokens[place + length :], lexicon)
            found.append((place, strength * _NEGATED if reaching else strength))
            place += length
            continue
        if lexicon.plays("not", word):
            # "nothing" may itself stand within "not"'s reach: two of them are one in these languages' speech.
            turn_at = place
        if lexicon.plays("but", word):
            but_at = place
        place += 1
    if but_at is None:
        return [strength for _, strength in found]
    return [strength * (_AFTER_BUT if at > but_at else _BEFORE_BUT) for at, strength in found]


def _turned_behind(tokens: Sequence[str], lexicon: _Lexicon) -> bool:
    """German denies behind the verb: "gefällt mir nicht"."""
    for token in tokens[: _REACH - 1]:
        if token in _ENDS:
            return False
        if lexicon.plays("behind", token):
            return True
    return False


def _phrase(tokens: Sequence[str], place: int, lexicon: _Lexicon) -> tuple[int, float | None]:
    for length in range(min(_LONGEST_PHRASE, len(tokens) - place), 0, -1):
        phrase = " ".join(tokens[place : place + length])
        strength = lexicon.words.get(phrase) if length > 1 else lexicon.strength(phrase)
        if strength is not None:
            return length, strength
    return 1, None


def _emphasis(tokens: Sequence[str], place: int, lexicon: _Lexicon) -> float:
    before = [" ".join(tokens[max(0, place - length) : place]) for length in (1, 2)]
    if any(lexicon.plays("very", words) for words in before):
        return _STRONGER
    return _WEAKER if any(lexicon.plays("little", words) for words in before) else 1.0


def _language(tokens: Sequence[str]) -> str:
    known = {
        language: sum(1 for token in tokens if lexicon.plays("common", token))
        + 0.5 * sum(1 for place in range(len(tokens)) if _phrase(tokens, place, lexicon)[1] is not None)
        for language, lexicon in _lexicons().items()
        if language != "emoji"
    }
    # The first of the best: English is listed first, and short texts of the trade are often English.
    return max(known, key=lambda language: known[language])


def _emoji(text: str) -> Iterator[float]:
    for sign, strength in _lexicons()["emoji"].words.items():
        # The tenth heart says little more than the third.
        yield from [strength] * min(3, text.count(sign))


@functools.cache
def _lexicons() -> Mapping[str, _Lexicon]:
    found: dict[str, _Lexicon] = {}
    language, kind = "en", ""
    for line in (files(__package__) / "sentiment_words.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            language, kind = line.strip("[]").split()
        elif line and not line.startswith("#"):
            _add(found.setdefault(language, _Lexicon()), kind, line.split(","))
    return found


def _add(lexicon: _Lexicon, kind: str, entries: Sequence[str]) -> None:
    for entry in entries:
        # Emoji words such as ":D" are compared in lower case, like the text.
        word = entry.strip().lower()
        if any(map(str.isalpha, word)):
            word = _without_accents(_JOINED.sub(r"\1 ", word))
        if kind.lstrip("-").isdigit():
            kept = lexicon.stems if word.endswith("*") else lexicon.words
            kept.setdefault(word.removesuffix("*"), float(kind))
        else:
            lexicon.roles.setdefault(kind, set()).add(word)
