"""Texts into sentences, in several languages, and without what is said to machines."""

from __future__ import annotations

import re

from engagerr.core.ai.floor.names import month_of

# What ends in a full stop and does not end a sentence, without its stops, in lower case.
_ABBREVIATIONS = frozenset(
    [
        "dr",
        "mr",
        "mrs",
        "ms",
        "prof",
        "st",
        "jr",
        "sr",
        "sra",
        "srta",
        "no",
        "nos",
        "nr",
        "inc",
        "ltd",
        "co",
        "corp",
        "dept",
        "est",
        "approx",
        "vs",
        "etc",
        "eg",
        "ie",
        "am",
        "pm",
        "vol",
        "pp",
        "fig",
        "zb",
        "dh",
        "ua",
        "ca",
        "bzw",
        "evtl",
        "ggf",
        "inkl",
        "exkl",
        "mio",
        "mrd",
        "tsd",
        "str",
        "usw",
        "abs",
        "art",
        "tel",
        "hr",
        "fr",
        "pej",
        "eeuu",
        "uu",
        "ee",
        "ud",
        "uds",
        "aprox",
        "núm",
        "pág",
        "mme",
        "mlle",
        "mm",
        "cf",
        "env",
        "av",
        "bd",
        "sec",
        "min",
        "max",
        "feat",
        "ft",
        "vgl",
        "zzgl",
        "usd",
    ]
)
# Initials, and "M. Perrin"; but "Plan B. It works" is too rare to care for.
_INITIAL = re.compile(r"(?<![^\W_])[^\W\d_]$")
_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'»”’)\]]*(?=\s)|[。！？]+[」』）]?|\n+")
_LAST_WORD = re.compile(r"(?:[^\W_]|[.&])+$")
# Addressed to whoever processes the text: it tells nothing about the subject.
_TO_MACHINES = re.compile(
    r"\b(?:ignore|disregard|forget|override|ignoriere?n?|vergiss|ignora|olvida|ignore[zs]|oublie[zs]?)\b.{0,40}"
    r"\b(?:previous|prior|above|earlier|all|any|your|vorherige\w*|bisherige\w*|obige\w*|alle|anteriores|previas|"
    r"précédente?s|toutes)\b.{0,30}\b(?:instructions?|prompts?|rules?|messages?|guidelines|anweisungen|instrucciones|"
    r"reglas|consignes)\b"
    r"|\b(?:you are now|act as|pretend to be|as an ai|system prompt|developer mode|jailbreak|new instructions?)\b"
    r"|^\W*(?:system|assistant|developer|user)\W{0,3}:"
    r"|<\|?/?(?:im_start|im_end|system|assistant|user|endoftext|s|inst)\b[^>]*>|\[/?INST\]"
    r"|\b(?:respond|reply|answer|output|return|say)\b.{0,30}\b(?:only|json|exactly|with the (?:word|following|score))\b"
    r"|[{\[]\s*\"[a-z_]+\"\s*:",
    re.IGNORECASE | re.DOTALL,
)
# Signs that are not seen: zero-width, direction marks, tags. They hide words from readers and not from models.
_UNSEEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\U000e0000-\U000e007f]")


def sentences_of(text: str) -> list[str]:
    """The sentences in their order, each on one line. Abbreviations and German dates (am 3. März) end none."""
    found: list[str] = []
    start = 0
    for match in _END.finditer(text):
        if not _ends_here(text, start, match):
            continue
        found.append(text[start : match.end()])
        start = match.end()
    found.append(text[start:])
    return [plain for sentence in found if (plain := " ".join(sentence.split()))]


def spoken_to_machines(sentence: str) -> bool:
    """Whether the sentence addresses whoever processes it ("ignore previous instructions")."""
    return _TO_MACHINES.search(seen(sentence)) is not None


def seen(text: str) -> str:
    """The text without signs that a reader does not see."""
    return _UNSEEN.sub("", text)


def plain_lines(text: str) -> str:
    """The text without the lines in which anything is said to machines."""
    return "\n".join(line for line in seen(text).splitlines() if not spoken_to_machines(line))


def without_asides(text: str) -> str:
    """The text without unseen signs and without the sentences that are said to machines."""
    text = seen(text)
    if _TO_MACHINES.search(text) is None:
        return text
    lines = (" ".join(s for s in sentences_of(line) if not spoken_to_machines(s)) for line in text.splitlines())
    return "\n".join(lines)


def _ends_here(text: str, start: int, match: re.Match[str]) -> bool:
    mark = match.group()
    if mark[0] != ".":
        return True
    after = text[match.end() : match.end() + 24].split()
    if not after:
        return True
    if after[0][0].islower():
        return False
    word = _LAST_WORD.search(text[start : match.start()][-24:])
    if word is None or len(mark) > 1:
        return True
    before = word.group()
    if before.isdigit() and len(before) <= 2:
        return month_of(after[0].rstrip(".,")) is None
    plain = before.replace(".", "").casefold()
    return not (plain in _ABBREVIATIONS or ("." in before and len(plain) <= 3) or _INITIAL.search(before))
