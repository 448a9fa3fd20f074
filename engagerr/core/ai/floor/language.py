"""In which language a text is written, by py3langid's packaged model; None rather than a guess.

A text in a script that one language alone writes needs a word, one in Latin letters a few. Among 1,800 real titles of
United States' trends a sixth are too short to tell: names, products, two words.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engagerr.core.ai.tasks import Language, PlainText

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION = "1"
# Share of the 78 titles of tests/data/ai/languages.tsv told rightly: 32 languages, and None where nobody could tell.
QUALITY: float | None = 1.0
_SUREST = 0.5
_FEWEST_LETTERS, _FEWEST_WORDS = 10, 3
_CHARACTERS = 1000
# Those of which creators publish in numbers; rare ones take short English titles away (Nigerian Pidgin above all).
_LANGUAGES = (
    "ar", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr", "gu", "he", "hi", "hr", "hu",
    "id", "it", "ja", "kn", "ko", "lt", "lv", "ml", "mr", "nl", "no", "pa", "pl", "pt", "ro", "ru", "sk", "sl", "sr",
    "sv", "sw", "ta", "te", "th", "tl", "tr", "uk", "ur", "vi", "zh",
)  # fmt: skip
_NO_WORDS = re.compile(r"https?://\S+|www\.\S+|[@#]\w+|\S+@\S+\.\S+|[\d_]+")
_LETTERS = re.compile(r"[^\W\d_]")
_WORDS = re.compile(r"[^\W\d_]{2,}")
# Letters whose words are short or run together: counting words would say nothing.
_DENSE = re.compile(r"[\u0590-\u06ff\u0900-\u0dff\u0e00-\u0eff\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_KANA, _HANGUL = re.compile(r"[\u3040-\u30ff]"), re.compile(r"[\uac00-\ud7af\u1100-\u11ff]")


def answer(inputs: Sequence[PlainText]) -> list[Language]:
    """The language of each text, and how likely it is among those that are told apart."""
    return [_language(given.text) for given in inputs]


def _language(text: str) -> Language:
    plain = _NO_WORDS.sub(" ", text[:_CHARACTERS])
    letters, dense = len(_LETTERS.findall(plain)), len(_DENSE.findall(plain))
    if dense >= 2 and dense * 3 >= letters:
        for script, language in ((_KANA, "ja"), (_HANGUL, "ko")):
            if len(script.findall(plain)) * 4 >= dense:
                return Language(language=language, probability=0.99)
    elif letters < _FEWEST_LETTERS or len(_WORDS.findall(plain)) < _FEWEST_WORDS:
        return Language(language=None, probability=0.0)
    # Titles in capitals read like abbreviations, that is like no language.
    found, probability = _classify()(plain.lower())
    likely = min(1.0, max(0.0, float(probability)))
    return Language(language=found if likely >= _SUREST else None, probability=round(likely, 4))


@functools.cache
def _classify() -> Callable[[str], tuple[str, float]]:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(_LANGUAGES))
    classify: Callable[[str], tuple[str, float]] = identifier.classify
    return classify
