"""A plain message to a creator about a brief, in four languages, from a template. It names no price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engagerr.core.ai.floor.amounts import budget_in
from engagerr.core.ai.floor.sentences import plain_lines, sentences_of, spoken_to_machines
from engagerr.core.ai.tasks import Pitch, PitchFacts

VERSION = "pitch 1"
# Over all cases of the evaluation, see docs/decisions/0024 for what they can and cannot tell.
QUALITY: float | None = 1.0

_LONGEST_SUBJECT, _LONGEST_PART, _MOST_STRENGTHS = 200, 400, 5


@dataclass(frozen=True, slots=True)
class _Words:
    subject: str
    greeting: str
    about: str
    why: str
    close: str
    regards: str


_IN = {
    "en": _Words(
        "{brief}: would you like to hear more?", "Hello {creator},", "we are preparing {brief} and thought of you.",
        "Why you: {strengths}.", "Would you like to hear more? Then just answer this message.", "Kind regards",
    ),
    "de": _Words(
        "{brief}: Haben Sie Interesse?", "Hallo {creator},", "wir bereiten {brief} vor und haben an Sie gedacht.",
        "Warum Sie: {strengths}.", "Möchten Sie mehr erfahren? Dann antworten Sie einfach auf diese Nachricht.",
        "Mit freundlichen Grüßen",
    ),
    "es": _Words(
        "{brief}: ¿te interesa?", "Hola, {creator}:", "Estamos preparando {brief} y hemos pensado en ti.",
        "Por qué tú: {strengths}.", "¿Quieres saber más? Responde a este mensaje.", "Un saludo",
    ),
    "fr": _Words(
        "{brief} : souhaitez-vous en savoir plus ?", "Bonjour {creator},",
        "nous préparons {brief} et avons pensé à vous.",
        "Pourquoi vous : {strengths}.", "Souhaitez-vous en savoir plus ? Il suffit de répondre à ce message.",
        "Bien cordialement",
    ),
}  # fmt: skip


def answer(inputs: Sequence[PitchFacts]) -> list[Pitch]:
    """One message per creator, in the language that is asked for, or else in English.

    Sentences of the brief and strengths that name a sum of money are left out: rates are nobody's opening line.
    """
    return [_pitch(facts) for facts in inputs]


def _pitch(facts: PitchFacts) -> Pitch:
    words = _IN.get(facts.language.casefold()[:2], _IN["en"])
    creator, brief = _short(facts.creator, 120), _short(facts.brief, 120)
    strengths = [_short(one, _LONGEST_PART) for one in facts.strengths if _may_be_said(one)][:_MOST_STRENGTHS]
    about = words.about.replace("{brief}", brief)
    told = next((sentence for sentence in sentences_of(plain_lines(facts.brief_text)) if _may_be_said(sentence)), None)
    paragraphs = [
        words.greeting.replace("{creator}", creator),
        f"{about} {_short(told, _LONGEST_PART)}." if told else about,
        words.why.replace("{strengths}", "; ".join(strengths)) if strengths else "",
        words.close,
        words.regards,
    ]
    subject = words.subject.replace("{brief}", brief)[:_LONGEST_SUBJECT]
    return Pitch(subject=subject, body="\n\n".join(paragraph for paragraph in paragraphs if paragraph))


def _may_be_said(sentence: str) -> bool:
    return bool(sentence.strip()) and budget_in(sentence) is None and not spoken_to_machines(sentence)


def _short(words: str, longest: int) -> str:
    plain = " ".join(words.split()).rstrip(".")
    return plain if len(plain) <= longest else f"{plain[: longest - 1]}…"
