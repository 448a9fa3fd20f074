"""What a brief demands and what it shuts out, in its own words: must love dogs; no gambling, nothing with alcohol."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

# A demand is a few words; what runs on is no demand that could be held against anybody.
_MOST_WORDS, _MOST_CHARACTERS, _MOST_WISHES, _MOST_READ, _MOST_LOOKED_AT = 12, 90, 12, 240, 200

_MUST_NOT = re.compile(
    r"(?<![^\W_])(?:"
    # English
    r"must(?:\s+not|n['’]t)\s+(?:be\s+(?=in\b))?|must never\s+|should(?:\s+not|n['’]t)\s+|may not\s+|"
    r"cannot\s+|can['’]t\s+|"
    r"(?:we\s+)?(?:do not|don['’]t)\s+want\s+(?:to\s+(?:see|hear|have|use|show|feature|work with)\s+)?(?:any\s+)?|"
    r"nothing (?:with|about|to do with)\s+|without(?: any)?\s+|"
    r"avoid(?:ing)?\s+|except(?: for)?\s+|excluding\s+|never (?:any\s+)?|"
    r"(?:we\s+)?(?:do not|don['’]t)\s+do\s+|nobody (?:with|who)\s+|"
    r"no(?=\s)\s+(?!one\b|later\b|"
    r"matter\b|need\b|more\b)|"
    # German
    r"(?:darf|dürfen)\s+nicht\s+|nichts mit\s+|niemand(?:en)? mit\s+|keine?[rnms]?\s+|ohne\s+|außer\s+|"
    # Spanish
    r"no\s+(?:deben?|pueden?|queremos|quiero)\s+|nada de\s+|sin\s+|excepto\s+|salvo\s+|"
    # French
    r"pas d(?:e\s+|['’]\s?)|aucune?\s+|sans\s+|(?:interdits?|exclus?)\s*:\s*|sauf\s+|ne (?:doit|doivent|"
    r"peut|peuvent) pas\s+"
    r")",
    re.IGNORECASE,
)
_MUST = re.compile(
    r"(?<![^\W_])(?:(?:must|shall)\s+(?!not\b|never\b|-|-haves?\b)|(?:needs?|has|have) to\s+|required to\s+|"
    r"muss\s+|müssen\s+|"
    r"deben?\s+(?:de\s+)?|tienen?\s+que\s+|"
    r"(?:doit|doivent)\s+(?!pas\b))",
    re.IGNORECASE,
)
# "Es darf kein Alkohol zu sehen sein", "Kinder dürfen nicht erkennbar sein".
_GERMAN_MAY_NOT = re.compile(
    r"(?:^|(?<=[.!?;\n])) ?(?:es\s+)?(?P<who>[^.!?;\n]{0,60}?)\b(?:darf|dürfen)\s+(?P<not>nicht|"
    r"keine?[rnms]?)\s+(?P<what>[^.!?;\n]+)",
    re.IGNORECASE,
)
# A line that names a list: "Must: …", "Don'ts: …".
_LIST = re.compile(
    r"^[ \t*•-]*(?:(?P<not>must not|must nots|don['’]?ts|no[- ]gos?|avoid|exclusions?|excluded|"
    r"ausschlüsse|nicht erwünscht|"
    r"exclusiones|interdits?|à éviter|a evitar)|(?P<must>musts?|must[- ]haves?|requirements?|dos|"
    r"anforderungen|voraussetzungen|"
    r"requisitos|exigences|obligatoire))\s*:\s*(?P<rest>.+)$",
    re.IGNORECASE | re.MULTILINE,
)
# Nouns after "no" that say something about the deal and nothing about the creator.
_OF_THE_DEAL = re.compile(
    r"^(?:budgets?|fee|fees|money|problem|problems?|rush|hurry|idea|limit|deadline|exclusivity|exclusive|"
    r"pressure|strings|"
    r"worries|agency|agencies|eile|ahnung|honorar|frist|presupuesto|prisa|límite|compromiso|souci|"
    r"problème|urgence|limite|"
    r"frais|cachet|honoraires|yet|longer|less|fewer|than)\b",
    re.IGNORECASE,
)
_FILLERS = re.compile(
    r"^(?:(?:any|the|a|an|also|please|ein|eine|einen|bitte|los|las|el|la|le|les|des|du|de l['’]|de la|"
    r"d['’]|with|mit|con|avec|y|"
    r"and|und|et|ni|ou|or|oder)\s+|d['’]|l['’])+(?=\w)",
    re.IGNORECASE,
)
_KEPT_ARTICLE = re.compile(r"^(?:a|an|the|ein|eine|einen|los|las|el|la|le|les|un|une|una)\s", re.IGNORECASE)
_ENDS = re.compile(r"[.;!?\n]|\s[-–—]\s|\bbut\b|\baber\b|\bpero\b|\bmais\b")
_NEITHER_NOR = re.compile(
    r"\s*(?:,|/|\bnor\b|\bor\b|\band\b|&|\bund\b|\boder\b|\bnoch\b|\bni\b|\by\b|\bo\b|\bet\b|\bou\b)\s*"
)
_AND = re.compile(r"\s+(?:and|und|y|et)\s+|\s*,\s*")
# Nothing that a profile could be found by: their faces, the ones who did it last year, to see it again.
_NO_THING = re.compile(
    r"(?<![^\W_])(?:to|they|them|their|theirs|he|him|his|she|hers?|it|its|this|that|these|those|we|us|our|you|your|i|me|my|"
    r"again|anybody|anyone|someone|"
    r"sie|er|es|ihn|ihm|ihnen|ihre?[rnms]?|seine?[rnms]?|wir|uns|unsere?[rnms]?|euch|eure?[rnms]?|ich|mich|meine?[rnms]?|"
    r"diese[rnms]?|"
    r"ellos|ellas|su|sus|nosotros|nuestr[oa]s?|est[oae]s?|es[oa]s?|"
    r"ils|elles?|leurs?|nous|notre|nos|vous|votre|vos|cet|cette|ces|cela|ça)(?![^\W_])",
    re.IGNORECASE,
)
# What follows the thing and is none of its words: gambling sponsors | in the last year.
_MORE_ABOUT_IT = re.compile(
    r"\s(?:in|of|with|from|for|on|at|by|mit|von|aus|für|auf|bei|de|del|d['’]|en|con|para|avec|pour|dans|au|sur|who|that|"
    r"which)\b",
    re.IGNORECASE,
)
_MOST_WORDS_OF_A_THING = 3
_BRACKETS = re.compile(r"\([^()]*\)")


def wishes_in(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(demands, exclusions), each in the brief's words without the "must" or the "no", in the order of the text."""
    must: list[tuple[int, str]] = []
    must_not: list[tuple[int, str]] = []
    # Runs of spaces are squeezed: patterns that may begin in any of them would be tried in each.
    plain = re.sub(r"[^\S\n]+", " ", _BRACKETS.sub(" ", text))
    for match in _LIST.finditer(plain):
        for wish in re.split(r"[;,]", match["rest"]):
            opening = _MUST_NOT if match["not"] else _MUST
            (must_not if match["not"] else must).append((match.start(), opening.sub("", wish, count=1)))
    plain = _blank(_LIST, plain)
    for match in _GERMAN_MAY_NOT.finditer(plain):
        words = f"{match['what'] if match['not'] != 'nicht' else match['who'] + ' ' + match['what']}"
        must_not.append((match.start(), words))
    plain = _blank(_GERMAN_MAY_NOT, plain)
    for match in itertools.islice(_MUST_NOT.finditer(plain), _MOST_LOOKED_AT):
        must_not += ((match.start(), part) for part in _shut_out(plain, match))
    for match in itertools.islice(_MUST.finditer(plain), _MOST_LOOKED_AT):
        must += ((match.start(), part) for part in _demanded(plain, match))
    return _tidy(must, keep_article=True), _tidy(must_not, keep_article=False)


def _shut_out(text: str, match: re.Match[str]) -> Iterator[str]:
    rest = _ENDS.split(text[match.end() : match.end() + _MOST_READ], maxsplit=1)[0]
    verb = match.group().casefold().rstrip().endswith(("not", "n't", "n’t", "never", "cannot", "pas", "nicht"))
    if verb or match.group().casefold().startswith(("must", "should", "may")):
        yield rest.split(",")[0]
        return
    if _OF_THE_DEAL.match(rest):
        return
    listed = _NEITHER_NOR.split(rest)
    for place, part in enumerate(listed):
        # After a comma a new thought may begin: only short things are still part of the list.
        if place and (len(part.split()) > 3 or _MUST.match(f"{part} ")):
            return
        if place and _MUST_NOT.match(f"{part} "):
            return
        if _is_a_thing(part):
            yield part


def _is_a_thing(words: str) -> bool:
    """A noun of a few words; what more is said about it (in the last year) may follow."""
    plain = _FILLERS.sub("", words.strip())
    thing = _MORE_ABOUT_IT.split(plain, maxsplit=1)[0]
    return len(thing.split()) <= _MOST_WORDS_OF_A_THING and _NO_THING.search(plain) is None


def _demanded(text: str, match: re.Match[str]) -> Iterator[str]:
    rest = _ENDS.split(text[match.end() : match.end() + _MOST_READ], maxsplit=1)[0]
    for place, part in enumerate(_AND.split(rest)):
        if place and (len(part.split()) < 2 or _MUST_NOT.match(f"{part} ")):
            return
        yield _MUST.sub("", part, count=1) if place else part


def _tidy(found: list[tuple[int, str]], *, keep_article: bool) -> tuple[str, ...]:
    kept: dict[str, str] = {}
    for _, words in sorted(found, key=lambda one: one[0]):
        plain = " ".join(words.split()).strip(" .,:;-–—*•\"'")
        if not (keep_article and _KEPT_ARTICLE.match(plain)):
            plain = _FILLERS.sub("", plain)
        if plain and len(plain.split()) <= _MOST_WORDS and len(plain) <= _MOST_CHARACTERS:
            kept.setdefault(plain.casefold(), plain)
    return tuple(kept.values())[:_MOST_WISHES]


def _blank(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub("\n", text)
