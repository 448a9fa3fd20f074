"""What a title says: its words in one spelling, and its markers (episode, part, date, clip or rerun).

Works for any script. Decorated letters become plain ones, languages without spaces are cut into pairs of characters,
and numbers are read as what they count: an episode is not a part, and a part is not a year.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_MARKS = re.compile("[\u0300-\u036f]")
# Characters that show nothing: zero-width ones, joiners, variation selectors, byte order marks, soft hyphens.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]")
_APOSTROPHES = re.compile("(?<=\\w)['’ʼ`´](?=\\w)")
_WORD = re.compile(r"[^\W_]+")
_SCRIPTS = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+|[\uac00-\ud7af]+|[^\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af]+")  # fmt: skip  # noqa: E501
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af]")
_NUMERALS = {"一": 1, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "两": 2, "〇": 0, "零": 0}
EITHER_WAY = 10_000  # a day at or above this is two numbers, of which one is the month
LAST = 99  # a part that is only known to be the last one: of two, of three
_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7, "viii": 8, "ix": 9, "x": 10}
_COUNTED = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "eins": 1, "zwei": 2, "drei": 3, "uno": 1,
            "dos": 2, "tres": 3, "une": 1, "deux": 2, "trois": 3, "first": 1, "second": 2, "third": 3}  # fmt: skip

_SEASON_EPISODE = re.compile(
    r"\b(?:s|season|staffel|saison|temporada|stagione|seizoen|sezon|сезон)\s*(\d{1,2})\s*[,.:·|x–—-]?\s*"
    r"(?:e|ep|ep\.|episode|episodio|folge|capitulo|aflevering|odcinek|серия)\s*(\d{1,4})\b"
    r"|시즌\s*(\d{1,2})\s*(\d{1,4})\s*[화회]"
    r"|\b(\d{1,2})x(\d{2,3})\b"
    r"|第\s*(\d{1,2})\s*季\s*第\s*(\d{1,4})\s*[集期话話回]"
)
_EPISODE = re.compile(
    r"(?:\b(?:episode|episodio|ep|folge|capitulo|cap|avsnitt|aflevering|odcinek|bolum|выпуск|lecture|lec|lesson|chapter|"
    r"week|session|volume|vol|issue|no|nr|call|meeting|show|tag|day|e|l)\s*[.:#№-]?\s*|"
    r"(?<!the )(?<!your )(?<!my )(?<!our )(?<!his )(?<!her )(?<!their )(?<!world's )[#№]\s*)0*(\d{1,5})\b"
    r"|第\s*([0-9一二三四五六七八九十百〇零两]+)\s*[回話话期集輯讲講夜]"
    r"|(?<![0-9])(\d{1,4})\s*[화회話회편](?![가-힣])"
    r"|^\W*0*(\d{1,4})\s*(?:[:.)\]]|\s[-–—|])\s"
)
# "Week 8, lecture 16" is the sixteenth of something, and the eighth of nothing.
_COARSE = re.compile(r"(?:week|day|tag|chapter|volume|vol|issue)\b")
_PART = re.compile(
    r"\b(?:part|pt|teil|parte|partie|deel|часть)(?=[\s.:#\d-])[\s.:#-]*(\d{1,2}|[ivx]{1,4}|[a-z]{3,5})\b"
    r"|[(\[（]\s*(\d)\s*(?:/|of|von|de|sur)\s*\d\s*[)\]）]"
    r"|\b(\d)\s*(?:of|von)\s*\d\b"
    r"|(?:パート|その|第)\s*(\d)\s*(?:部|弾|$|\W)|(?<![0-9])(\d)\s*부"
    r"|(前[編篇])|(中[編篇])|(後[編篇]|后[編篇])|[(（【]\s*(?:(上)|(中)|(下))\s*[)）】]|([上])[集篇]|([下])[集篇]"
)
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar enero janvier januari gennaio janeiro", "february feb februar febrero fevrier febbraio",
            "march mar marz maerz marzo mars maart", "april apr abril avril aprile", "may mai mayo mei maggio maio",
            "june jun juni junio juin giugno junho", "july jul juli julio juillet luglio julho",
            "august aug agosto aout", "september sept sep septiembre septembre settembre setembro",
            "october oct oktober okt octubre octobre ottobre outubro", "november nov noviembre novembre novembro",
            "december dec dezember dez diciembre decembre dicembre dezembro",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
# Words as well as months: they count only beside a number or at an end of the title.
_DOUBTFUL_MONTHS = frozenset({"may", "mai", "march", "mars", "mar", "jan", "dec", "mei"})
_MONTH_NAMES = "|".join(sorted(_MONTHS, key=len, reverse=True))
_ISO_DATE = re.compile(r"\b((?:19|20)\d\d)\s*[-./年년]\s*(\d{1,2})(?:\s*[-./月월]\s*(\d{1,2}))?")
_WRITTEN_DATE = re.compile(
    rf"(?:\b(\d{{1,2}})(?:st|nd|rd|th|\.)?\s+(?:of\s+|de\s+)?)?\b({_MONTH_NAMES})\b\.?"
    r"(?:\s+(?!(?:19|20)\d\d\b)(\d{1,2})(?:st|nd|rd|th)?\b)?(?:,?\s*(?:de\s+)?((?:19|20)\d\d)\b)?"
)
_EASTERN_DATE = re.compile(r"(?<!\d)(\d{1,2})\s*[月월](?:\s*(\d{1,2})\s*[日일])?")
_NUMERIC_DATE = re.compile(r"\b(\d{1,2})(?:([./-])(\d{1,2})\2((?:19|20)?\d\d)| (\d{1,2}) ((?:19|20)\d\d))\b")
_YEAR = re.compile(r"(?<!\d)((?:19|20)\d\d)(?!\d)")
# "32 hours of outrage - linux unplugged 311" is the 311th: what stands last counts before what stands first.
_LAST_NUMBER = re.compile(r"(?<![\d.,$€£%])\b0*(\d{1,4})\W*$")
_MIDDLE_NUMBER = re.compile(r"(?<=\w )0*(\d{1,4})(?::\s|\s+[-–—|]\s)")
_FIRST_NUMBER = re.compile(r"^[^\w$€£]*0*(\d{1,4})\b(?!\s*(?:[%/]|(?:ways|things|tips|reasons)\b)|[.,]\d)")
_RERUN = re.compile(
    r"\b(?:best of|encore|re-?run|re-?air(?:ed)?|re-?broadcast|rewind|from the (?:archive|vault)s?|throwback|flashback|"
    r"wiederholung|classic episode|remaster(?:ed)?|compilation|re-?upload)\b|再放送|総集編|总集篇|重播|재방송|몰아보기"
)
_CLIP = re.compile(
    r"\b(?:clips?|highlights?|teaser|trailer|preview|snippet|excerpt|best moments?|ausschnitt|extrait|"
    r"fragmento|recorte)\b|#shorts?\b|[(\[]shorts?[)\]]|切り?抜き?|ハイライト|클립|하이라이트|쇼츠|片段|切片|剪[辑輯]|精[华華]"
)
# The patterns cost far more than to see that they cannot match: each finds a digit, a month, the letters of a part, or
# begins with a word of these (in titles without eastern characters).
_DIGIT = re.compile(r"\d")
_MONTH_WORDS = frozenset(_MONTHS)
_PART_LETTERS = ("part", "pt", "teil", "deel", "часть")
_CUES = frozenset({
    "best", "encore", "re", "rerun", "reair", "reaired", "rebroadcast", "rewind", "from", "throwback", "flashback",
    "wiederholung", "classic", "remaster", "remastered", "compilation", "reupload", "clip", "clips", "short", "shorts",
    "highlight", "highlights", "teaser", "trailer", "preview", "snippet", "excerpt", "ausschnitt", "extrait",
    "fragmento", "recorte",
})  # fmt: skip
_ENDING = re.compile(r"\.(?:html?|php|aspx?|mp3|mp4|m4a|ogg)$")
_DISTINCT_WORDS = 65_536


@dataclass(frozen=True, slots=True)
class Markers:
    """What the numbers and cues of a title stand for; None (or False) where it says nothing.

    `bare` is a number at an end of the title that nothing explains: an episode's, perhaps. `day` and `month` are of the
    date in the title, `years` all years that it names.
    """

    season: int | None = None
    episode: int | None = None
    bare: int | None = None
    part: int | None = None
    year: int | None = None
    month: int | None = None
    day: int | None = None
    years: frozenset[int] = frozenset()
    rerun: bool = False
    clip: bool = False


NOTHING = Markers()


def fold(text: str) -> str:
    """The text in one spelling: compatibility forms made plain, marks, invisible characters and case taken away.

    >>> fold("𝗖𝗮𝗳é  ﾃｽﾄ")
    'cafe  テスト'
    """
    if text.isascii():
        return text.lower()
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    plain = _MARKS.sub("", unicodedata.normalize("NFKD", plain))
    return unicodedata.normalize("NFC", plain).casefold()


def words(folded: str) -> list[str]:
    """The words of folded text, in order: plural and -ing endings off, runs without spaces as pairs of characters.

    >>> words("theres a snap")
    ['there', 'a', 'snap']
    >>> words("東京駅")
    ['東京', '京駅']
    """
    return [stem(word) for word in whole_words(folded)]


def whole_words(folded: str) -> list[str]:
    """The words of folded text with their endings; runs without spaces are cut into pairs here."""
    if not folded.isascii() or "'" in folded or "`" in folded:
        folded = _APOSTROPHES.sub("", folded)
    written = _WORD.findall(folded)
    if folded.isascii() or not any(_CJK.search(word) for word in written if not word.isascii()):
        return written
    found: list[str] = []
    for word in written:
        if word.isascii() or not _CJK.search(word):
            found.append(word)
            continue
        for run in _SCRIPTS.findall(word):
            if len(run) == 1 or not _CJK.match(run):
                found.append(run)
            else:
                found.extend(run[at : at + 2] for at in range(len(run) - 1))
    return found


@functools.lru_cache(maxsize=_DISTINCT_WORDS)
def stem(word: str) -> str:
    """Enough for "tools" to meet "tool" and "building" to meet "build"; no more."""
    if not word.isascii():
        return word
    if len(word) > 3 and word[-1] == "s" and word[-2] not in "su":
        word = word[:-1]
    if len(word) > 6 and word.endswith("ing"):
        return word[:-3]
    return word.lstrip("0") or "0" if word.isdigit() else word


def markers(folded: str) -> Markers:
    """The markers of a folded title."""
    eastern = not folded.isascii() and _CJK.search(folded) is not None
    plain = frozenset(_WORD.findall(folded))
    numbered = eastern or _DIGIT.search(folded) is not None
    cued = eastern or not _CUES.isdisjoint(plain)
    dated = numbered or not _MONTH_WORDS.isdisjoint(plain)
    parted = numbered or any(letters in folded for letters in _PART_LETTERS)
    if not (cued or dated or parted):
        return NOTHING
    rerun = cued and _RERUN.search(folded) is not None
    clip = cued and _CLIP.search(folded) is not None
    # The date first: "call 9 Feb" is no ninth call.
    year, month, day, years, rest = _date(folded) if dated else (None, None, None, frozenset[int](), folded)
    season, episode, rest = _episode(rest) if numbered else (None, None, rest)
    part, rest = _part(rest) if parted else (None, rest)
    bare = None
    if numbered and episode is None and part is None:
        found = _LAST_NUMBER.search(rest) or _FIRST_NUMBER.search(rest) or _MIDDLE_NUMBER.search(rest)
        number = int(found[1]) if found else None
        bare = None if number is None or 1900 <= number <= 2100 else number
    if not (rerun or clip or season or years) and episode is bare is part is month is None:
        return NOTHING
    return Markers(season, episode, bare, part, year, month, day, years, rerun, clip)


def _episode(folded: str) -> tuple[int | None, int | None, str]:
    if found := _SEASON_EPISODE.search(folded):
        season, episode = (int(one) for one in found.groups() if one is not None)
        return season, episode, folded[: found.start()] + " " + folded[found.end() :]
    coarse: tuple[None, int, str] | None = None
    for found in _EPISODE.finditer(folded):
        number = _number(next(one for one in found.groups() if one is not None))
        if number is not None and not 1900 <= number <= 2100:
            told = None, number, folded[: found.start()] + " " + folded[found.end() :]
            if not _COARSE.match(found[0]):
                return told
            coarse = coarse or told
    return coarse or (None, None, folded)


def _part(folded: str) -> tuple[int | None, str]:
    for found in _PART.finditer(folded):
        at = found.lastindex or 1
        said = found[at]
        if at <= 5:
            number = int(said) if said.isdigit() else _ROMAN.get(said) or _COUNTED.get(said)
        else:
            number = {6: 1, 7: 2, 8: LAST, 9: 1, 10: 2, 11: LAST, 12: 1, 13: LAST}[at]
        if number is not None:
            return number, folded[: found.start()] + " " + folded[found.end() :]
    return None, folded


def _date(folded: str) -> tuple[int | None, int | None, int | None, frozenset[int], str]:
    """(year, month, day, all years, the text without the date)."""
    years = frozenset(int(year) for year in _YEAR.findall(folded))
    lone_year = next(iter(years)) if len(years) == 1 else None
    if years and (found := _ISO_DATE.search(folded)):
        month = int(found[2])
        if 1 <= month <= 12:
            day = int(found[3]) if found[3] else None
            return int(found[1]), month, day, years, folded[: found.start()] + " " + folded[found.end() :]
    for found in _WRITTEN_DATE.finditer(folded):
        day_said = found[1] or found[3]
        # A title may begin with a word that is no month ("Mars rover lands", "Jan Vogel on sleep").
        at_an_end = not folded[found.end() :].strip(" )]】.!|")
        if found[2] in _DOUBTFUL_MONTHS and not (day_said or found[4] or at_an_end):
            continue
        day = int(day_said) if day_said and 1 <= int(day_said) <= 31 else None
        year = int(found[4]) if found[4] else lone_year
        return year, _MONTHS[found[2]], day, years, folded[: found.start()] + " " + folded[found.end() :]
    if found := _EASTERN_DATE.search(folded):
        month = int(found[1])
        if 1 <= month <= 12:
            day = int(found[2]) if found[2] else None
            return lone_year, month, day, years, folded[: found.start()] + " " + folded[found.end() :]
    if found := _NUMERIC_DATE.search(folded):
        one, other, year = int(found[1]), int(found[3] or found[5]), int(found[4] or found[6])
        year += 2000 if year < 100 else 0
        day_first = found[2] == "." or one > 12
        month, day = (other, one) if day_first else (one, other)
        # Which of the two is the month is not told when both could be: such a date fits itself only.
        if 1 <= month <= 12 and (found[2] == "." or max(one, other) > 12):
            return year, month, day, years | {year}, folded[: found.start()] + " " + folded[found.end() :]
        return (
            year,
            None,
            EITHER_WAY + min(one, other) * 100 + max(one, other),
            years | {year},
            folded[: found.start()] + " " + folded[found.end() :],
        )
    return lone_year, None, None, years, _YEAR.sub(" ", folded)


def _number(said: str) -> int | None:
    if said.isdigit():
        return int(said)
    total = digit = 0
    for character in said:
        if character.isdigit():
            return None
        if character == "十":
            total, digit = total + (digit or 1) * 10, 0
        elif character == "百":
            total, digit = total + (digit or 1) * 100, 0
        else:
            digit = _NUMERALS[character]
    return total + digit


@functools.lru_cache(maxsize=4096)
def _is_wordy(segment: str) -> bool:
    letters = sum(1 for word in _WORD.findall(segment) if len(word) > 1 and not any(sign.isdigit() for sign in word))
    return letters >= 2


def address_words(url: str) -> str:
    """The words of a web address whose path is written in words; empty for addresses that are ids.

    >>> address_words("https://www.jupiterbroadcasting.com/20497/gateways-to-programming-cr-01/index.html")
    'gateways to programming cr 01'
    """
    # Most addresses are ids, and to take an address apart costs more than to see that.
    told = url.partition("?")[0]
    if told.isascii() and "show" not in told and not any(sign in told for sign in "-_+% "):
        return ""
    try:
        path = urlsplit(url).path
    except ValueError:
        return ""
    for segment in reversed(path.split("/")):
        plain = fold(unquote(segment)).replace("-", " ").replace("_", " ").replace("+", " ")
        plain = _ENDING.sub("", plain)
        if " " in plain and _is_wordy(plain):
            return plain
        if plain.isdigit() and len(plain) <= 4 and "show" in path:
            return plain
    return ""
