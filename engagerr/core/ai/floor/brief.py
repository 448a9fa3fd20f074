"""A brief as a person wrote it → its fields, by rules in English, German, Spanish and French. What it does not say
stays empty; what it says about anything else than a brief (instructions to whoever reads it, say) is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date

from engagerr.core.ai.floor.amounts import budget_in, followers_in
from engagerr.core.ai.floor.formats import (
    deliverables_in,
    languages_in,
    platforms_in,
    subject_of,
    without_audience_shares,
)
from engagerr.core.ai.floor.names import countries_in
from engagerr.core.ai.floor.sentences import sentences_of, without_asides
from engagerr.core.ai.floor.windows import Window, window_in
from engagerr.core.ai.floor.wishes import wishes_in
from engagerr.core.ai.tasks import BriefText, StructuredBrief

VERSION = "brief 2"
# Over all cases of the evaluation, see docs/decisions/0024 for what they can and cannot tell.
QUALITY: float | None = 0.942

_LONGEST_TITLE = 80
_UNTITLED = "Untitled brief"
_SALUTATION = (
    r"(?:hi|hiya|hello|hey|dear|greetings|good (?:morning|afternoon|evening|day)|"
    r"hallo|liebe[rs]?|guten (?:tag|morgen|abend)|moin|servus|grüezi|grüß (?:dich|euch|gott)|sehr geehrte[rs]?|"
    r"hola|buen[oa]s(?: (?:días|tardes|noches))?|estimad[oa]s?|querid[oa]s?|"
    r"bonjour|bonsoir|salut|coucou|chère?s?|madame|monsieur)"
)
_ADDRESSEE = (
    r"(?:(?-i:[A-ZÄÖÜÉ][\w.'’-]*)|there|all|team|everyone|everybody|folks|guys|zusammen|a todos|tous|à tous|"
    r"à toutes|équipe|equipo|und|and|y|et)"
)
# With its comma or stop, or alone on its line; "Hello Kitty campaign" is none.
_GREETING = re.compile(
    rf"^{_SALUTATION}(?:(?:\s+[\w.'’-]{{1,40}}){{0,4}}\s?[,!:.–—-]{{1,3}}(?:\s+|$)|"
    rf"(?:\s+{_ADDRESSEE}){{0,3}}$)",
    re.IGNORECASE,
)
_PLEASANTRY = re.compile(
    r"^(?:i |we )?(?:hope (?:you|this|all|everything|your)|(?:many )?thanks|thank you|nice to meet|how are you|"
    r"(?:ich |wir )?hoff(?:e|en),? (?:es|dir|euch|ihnen|du|ihr|sie)|wie geht|(?:vielen )?dank|danke|"
    r"(?:espero|esperamos) que|(?:muchas )?gracias|(?:j['’]|nous )esp[éè]r\w+ que|merci|comment (?:allez|vas))\b",
    re.IGNORECASE,
)
_SIGN_OFF = re.compile(
    r"^(?:(?:all the |with )?(?:best|kind|warm|many)(?: (?:regards|wishes|greetings))?|regards|cheers|sincerely|"
    r"yours(?: \w+)?|"
    r"(?:mit )?(?:viele|liebe|beste|freundliche|herzliche|schöne)[nr]?(?: gr(?:ü|u|ue)(?:ß|ss)e?n?)|lg|vg|mfg|"
    r"gruß|grüße|(?:un )?(?:saludos?|abrazo)(?: cordial(?:es)?)?|atentamente|"
    r"(?:bien )?cordialement|(?:meilleures )?salutations|bien à (?:vous|toi))\s*[,.!]?$",
    re.IGNORECASE,
)
_ENVELOPE = re.compile(
    r"^(?:from|to|cc|bcc|sent|date|von|an|gesendet|datum|para|enviado|fecha|envoyé|à|de)\s*:.*$", re.IGNORECASE
)
_SUBJECT = re.compile(r"^(?:(?:re|fwd?|aw|wg|rv|tr|subject|betreff|betr\.?|asunto|objet)\s*:\s*)+", re.IGNORECASE)
# Words that say that something is asked for, and not what.
_SAYS_NOTHING = re.compile(
    r"(?<![^\W_])(?:(?:influencer|creator|new|our|your|a|an|the|for|of|neue|unsere|eine|für|die|der|das|zur|nueva|una|la|el|"
    r"de|nouvelle|une|le|du)|campaigns?|kampagnen?|campañas?|campagnes?|briefing|brief|request|enquiry|inquiry|anfrage|"
    r"consulta|solicitud|demande|co-?operation|kooperation|kooperationsanfrage|zusammenarbeit|collab\w*|colab\w*|"
    r"partnerships?|partnerschaft|partenariat|sponsor(?:ing|ship)s?|quick|question|frage|pregunta|hello|hi|hallo|hola|"
    r"bonjour)(?![^\W_])",
    re.IGNORECASE,
)


def answer(inputs: Sequence[BriefText]) -> list[StructuredBrief]:
    """One structured brief per text."""
    return [_structured(brief) for brief in inputs]


def _structured(brief: BriefText) -> StructuredBrief:
    text = without_asides(brief.text)
    must, must_not = wishes_in(text)
    shut_out = {country for wish in must_not for country in countries_in(wish)}
    least, most = followers_in(text)
    budget = budget_in(text)
    first, last = _window(text, brief.today)
    return StructuredBrief(
        title=title_of(text),
        category=subject_of(text),
        platforms=platforms_in(text),
        countries=tuple(country for country in countries_in(without_audience_shares(text)) if country not in shut_out),
        languages=languages_in(text),
        followers_min=least,
        followers_max=most,
        budget_minor=budget[0] if budget else None,
        budget_currency=budget[1] if budget else None,
        deliverables=deliverables_in(text),
        must=must,
        must_not=must_not,
        window_from=first.isoformat() if first else None,
        window_to=last.isoformat() if last else None,
    )


def _window(text: str, today: str) -> Window:
    try:
        first, last = window_in(text, today=date.fromisoformat(today))
    except ValueError:  # there is no such day as today
        return None, None
    return (None, None) if first and last and first > last else (first, last)


def title_of(text: str) -> str:
    """What the text is about, in its own words: the subject of a letter or the heading, else the first sentence that
    says something (greetings, pleasantries and sign-offs do not), cut at a word.
    """
    written = next(_telling(text), None)
    if written is None:
        written = next((line for line in _lines(text)), _UNTITLED)
    title = written.rstrip(" .:;,!?") or _UNTITLED
    if len(title) <= _LONGEST_TITLE:
        return title
    cut = title[: _LONGEST_TITLE - 1]
    return f"{cut[: cut.rfind(' ')] if ' ' in cut else cut}…"


def _lines(text: str) -> list[str]:
    return [plain for line in text.splitlines() if (plain := " ".join(line.split()))]


def _telling(text: str) -> Iterator[str]:
    """What may be the title, line by line and, within lines of prose, sentence by sentence."""
    lines, letter = _lines(text), False
    for line in lines:
        if _SIGN_OFF.match(line):
            return
        subject = _SUBJECT.sub("", line)
        opening = _without_greeting(subject)
        letter = letter or opening != line
        if _ENVELOPE.match(line) or not _says_something(opening):
            continue
        heading = len(lines) > 1 and len(opening) <= _LONGEST_TITLE and (subject != line or not letter)
        for sentence in (opening,) if heading else sentences_of(opening):
            plain = _without_greeting(sentence)
            if _says_something(plain) and not _PLEASANTRY.match(plain):
                yield plain if line.startswith(plain) and not letter else plain[:1].upper() + plain[1:]


def _without_greeting(line: str) -> str:
    return _GREETING.sub("", line, count=1)


def _says_something(words: str) -> bool:
    return re.search(r"[^\W\d_]{2}|\d{3}", _SAYS_NOTHING.sub(" ", words)) is not None
