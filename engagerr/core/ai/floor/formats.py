"""Platforms, deliverables, languages and the subject of a brief, by the words that people use for them."""

from __future__ import annotations

import re

from engagerr.core.ai.floor.names import countries_in, language_of, language_pattern
from engagerr.core.ai.tasks import Topic

_PLATFORMS = {
    "youtube": (
        r"you\s?tube\w*|\byt\b(?!\w)"
    ), "instagram": r"instagram|\binsta\b|(?<![\w.])IG\b", "tiktok": r"tik\s?tok\w*",
    "twitch": r"twitch", "podcast": r"podcasts?\w*", "linkedin": r"linked\s?in", "facebook": r"facebook",
    "spotify": r"spotify", "x": r"\btwitter\b|(?-i:(?<![\w'’-])X(?=\s*(?:and|und|y|et|,|/|&|or|\(|posts?\b|\.|$)))",
}  # fmt: skip
# Each with the platform that it belongs to. Order is that of the text, so these may overlap in any order.
_DELIVERABLES = {
    "youtube_integration": ("youtube", (
        r"(?:you\s?tube[\s-]*)?(?:integrations?|integrationen|integraci(?:ón|ones)|intégrations?)\b"
    )),
    "youtube_short": ("youtube", r"(?:you\s?tube[\s-]*)?(?-i:Shorts?|SHORTS?)\b|you\s?tube[\s-]shorts?\b"),
    "youtube_video": (
        "youtube",
        r"dedicated (?:you\s?tube )?videos?|(?:dedicated )?you\s?tube[\s-]*(?:videos?|vídeos?|essays?)|"
        r"(?:video|vídeo|vidéo)s? "
        r"(?:de |en |sur |auf |on )?you\s?tube|vidéos? (?:you\s?tube )?dédiées?|eigenes video",
    ),
    "instagram_reel": ("instagram", r"\breels?\b"),
    "instagram_story": ("instagram", (
        r"\b(?:instagram[\s-]*)?(?:stor(?:y|ies|ys)|historias?(?= (?:en|de) instagram|\.|,| y )|"
        r"insta-?stor\w+)\b"
    )),
    "instagram_carousel": ("instagram", r"\b(?:carousels?|karussells?|carrus(?:el|eles)|carrousels?)\b"),
    "instagram_post": ("instagram", r"\b(?:instagram|insta|ig|feed)[\s-]*(?:post|beitrag|publicación|publication)\w*|"
        r"(?:post|beitrag|publications?|publicaci\w+) "
        r"(?:im feed|in feed|on instagram|auf instagram|instagram|en instagram)"),
    "tiktok_video": (
        "tiktok",
        r"tik\s?tok[\s-]*(?:videos?|vídeos?|vidéos?|clips?)|(?:videos?|vídeos?|vidéos?) (?:de |en |sur |"
        r"auf |on )?tik\s?tok|"
        r"(?<!\d)\d{1,3}\s?x?\s?tik\s?toks?\b|tik\s?toks?\s*x\s*\d|\b(?:one|two|three|four|five|ein|zwei|"
        r"drei|un|deux|trois|dos|tres) tik\s?toks?\b",
    ),
    "podcast_ad": ("podcast", (
        r"host[\s-]*read\w*(?:[\s-]*(?:ads?|spots?))?|podcast[\s-]*(?:ads?|spots?|werbung)|(?:pre|mid)-?roll"
    )),
    "twitch_stream": ("twitch", (
        r"sponsored (?:twitch )?streams?|twitch[\s-]*streams?(?!ers?)|(?:hour|stündiger|"
        r"horas?) (?:sponsored )?(?:live)?stream"
    )),
    "linkedin_post": ("linkedin", r"linked\s?in[\s-]*(?:posts?|beitr[äa]g\w*|publicaci\w+|publications?)"),
    "x_post": ("x", r"(?-i:\bX)[\s-]*posts?|\btweets?\b|threads? (?:on|auf|en|sur) x\b"),
    "facebook_post": ("facebook", r"facebook[\s-]*(?:posts?|beitr[äa]g\w*|publicaci\w+|publications?)"),
}  # fmt: skip
_BARE_POSTS = re.compile(r"(?<!\d)\d{1,3}\s?x?\s?(?:posts?|beiträge|publicaciones|publications)\b", re.IGNORECASE)
_POSTS_OF = {"linkedin": "linkedin_post", "x": "x_post", "instagram": "instagram_post", "facebook": "facebook_post"}

_SUBJECTS = {
    Topic.PETS: (
        r"dogs?|cats?|pets?|kibble|puppy|puppies|hund\w*|katze\w*|haustier\w*|perros?|gatos?|mascotas?|"
        r"chiens?|chats?|animaux"
    ),
    Topic.STYLE: (
        r"fashion|beauty|make-?up|skin\s?care|cosmetic\w*|k-beauty|hair|outfit\w*|meal kits?|food|cook\w*|"
        r"recipe\w*|kitchen|"
        r"mode|pflege\w*|\w+pflege|kosmetik\w*|koch\w*|rezept\w*|moda|belleza|maquillaje|cocina\w*|recetas?|"
        r"beauté|maquillage|cuisine\w*|recettes?"
    ),
    Topic.TRAVEL: (
        r"travel\w*|hik(?:e|es|ing|er|ers)|outdoor\w*|trekking|tourism\w*|reise\w*|wander\w*|urlaub|viaj\w*|"
        r"turismo|senderis\w*|"
        r"voyag\w*|randonn\w*|tourisme"
    ),
    Topic.GAMING: r"gam(?:e|es|ing|er|ers)|esports?|videospiel\w*|videojuegos?|jeux? vidéos?|twitch streamers?",
    Topic.EDUCATION: (
        r"education\w*|science|scienc\w*|learn\w*|stud(?:y|ying)|revision|teach\w*|bildung\w*|lern\w*|"
        r"wissenschaft\w*|"
        r"educaci\w*|ciencia\w*|éducation|révision|science[s]?|apprendre"
    ),
    Topic.AUTOS: (
        r"cars?|automotive|auto\w*zubehör|kfz\w*|werkstatt|coches?|motor(?:bikes?|cycles?|rad|räder)|"
        r"voitures?|autom\w+"
    ),
    Topic.SPORTS: (
        r"runn(?:er|ers|ing)|marathon\w*|maraton\w*|triathl\w*|sport\w*|fitness|gym|football|soccer|läufer\w*|"
        r"corred\w+|deport\w*|coureu\w+"
    ),
    Topic.TECHNOLOGY: (
        r"software|tech|laptops?|phones?|smartphones?|gadgets?|saas|apps? for developers|ki|informatik|"
        r"tecnolog\w*|móvil\w*|"
        r"ordinateur\w*|technolog\w*|logiciels?"
    ),
    Topic.MUSIC: r"music\w*|musik\w*|músic\w*|musi(?:que|cien)\w*|bands?|songs?",
    Topic.FILM: r"films?|movies?|cinema|kino|cine|cinéma",
    Topic.COMEDY: r"comed\w*|sketch\w*|funny|humor\w*|humour|lustig\w*",
    Topic.PEOPLE: r"famil(?:y|ies)|famili\w*|parents?|eltern|children['’]s|kids|padres|familles?|vlog\w*|lifestyle",
    Topic.NEWS: r"news|politic\w*|journalis\w*|nachrichten|noticias|actualité",
    Topic.NONPROFITS: r"non-?profits?|ngos?|charit\w*|spenden\w*|ong",
}  # fmt: skip
_SUBJECT_WORDS = {
    topic: re.compile(rf"(?<![^\W_])(?:{words})(?![^\W_])", re.IGNORECASE) for topic, words in _SUBJECTS.items()
}
_PLATFORM_WORDS = {name: re.compile(words, re.IGNORECASE) for name, words in _PLATFORMS.items()}
_DELIVERABLE_WORDS = {
    name: (platform, re.compile(words, re.IGNORECASE)) for name, (platform, words) in _DELIVERABLES.items()
}

_TAIL = (
    r"(?:[\s-]*(?:only|speaking|speakers?|content|language|posts?|subtitles|sprachig\w*|uniquement|solo|nur|natives?))?"
)
_SPEAKING = (
    r"(?:in|auf|en|spricht|sprechen|speak|speaks|speaking|hablar|hablen|hablan|parler|parlent|parlant|"
    r"languages?\s*:?|sprachen?\s*:?|idiomas?\s*:?|langues?\s*:?|content in|post in)"
)

_AUDIENCE = (
    r"(?<![^\W_])(?:audiences?|viewers?|viewership|followers?|following|listeners?|readers?|reach|fans|subscribers?|"
    r"communit(?:y|ies)|zielgruppe\w*|publikum\w*|zuschauer\w*|abonnent\w*|reichweite|hörer\w*|leser\w*|audiencia|"
    r"público|seguidores|espectadores|public|abonnés|spectateurs|auditeurs)(?![^\W_])"
)
_SHARE = (
    r"(?:\d{1,3}(?:[.,]\d+)?\s?(?:%|percent\b|per cent\b|prozent\b|por ciento\b|pour cent\b)|"
    r"(?<![^\W_])(?:half|most of|majority|mainly|mostly|predominantly|(?:a|one|two) thirds?|hälfte|mehrheit\w*|"
    r"überwiegend|hauptsächlich|größtenteils|drittel|mitad|mayoría|mayoritariamente|principalmente|moitié|majorité|"
    r"majoritairement|principalement)(?![^\W_]))"
)
_IN = r"\s+(?:in|from|out of|based in|located in|aus|de|del|en|au|aux|du|des)\s"
# A share of somebody's audience: 40 % aus Deutschland; at least 30 % of the audience should be in Germany.
_SHARE_OF_AUDIENCE = re.compile(
    rf"{_SHARE}[^.;\n]{{0,60}}?{_AUDIENCE}|{_AUDIENCE}[^.;\n]{{0,60}}?{_SHARE}|"
    rf"\d{{1,3}}\s?(?:%|percent|prozent|por ciento|pour cent)(?:\s+(?:should|must|sollten?|müssen|davon|of them))?"
    rf"(?:\s+(?:be|come|sein|live|leben))?{_IN}",
    re.IGNORECASE,
)
_SPEAKS_OF_CREATORS = re.compile(
    r"creator|influencer|youtuber|streamer|kreator|creador|créat|\b(?:based in|living in|aus|from)\b", re.IGNORECASE
)
_PLACES = re.compile(r"[.!?](?=\s|$)|[;\n()]")
# "…, Austria and 10 % Switzerland" goes on with the list of places; ", based in Germany" is something else.
_FIRST_WORDS = re.compile(r"\s*(?:\S+\s*){1,3}")


def without_audience_shares(text: str) -> str:
    """The text without what it says of where an audience lives: that is no country of the creators."""
    kept, start = [], 0
    for end in [*(match.end() for match in _PLACES.finditer(text)), len(text)]:
        part, start = text[start:end], end
        share = _SHARE_OF_AUDIENCE.search(part)
        kept.append(part if share is None else part[: share.start()] + "\n" + _after_places(part[share.end() :]))
    return "".join(kept)


def _after_places(words: str) -> str:
    """What follows a list of places."""
    parts = words.split(",")
    for place, part in enumerate(parts[1:], start=1):
        first = _FIRST_WORDS.match(part)
        if first is None or not countries_in(first.group()) or _SPEAKS_OF_CREATORS.search(part):
            return ",".join(parts[place:])
    return ""


def platforms_in(text: str) -> tuple[str, ...]:
    """The platforms that are named, or to which a deliverable belongs, in the order of the text."""
    found = [(match.start(), name) for name, words in _PLATFORM_WORDS.items() if (match := words.search(text))]
    found += [
        (match.start(), platform) for platform, words in _DELIVERABLE_WORDS.values() if (match := words.search(text))
    ]
    return tuple(dict.fromkeys(name for _, name in sorted(found)))


def deliverables_in(text: str) -> tuple[str, ...]:
    """What is to be delivered, as rate cards call it (instagram_reel), in the order of the text, each once."""
    found = [(match.start(), name) for name, (_, words) in _DELIVERABLE_WORDS.items() if (match := words.search(text))]
    if posts := _BARE_POSTS.search(text):
        found += [
            (posts.start() + place, _POSTS_OF[name])
            for place, name in enumerate(platforms_in(text))
            if name in _POSTS_OF
        ]
    return tuple(dict.fromkeys(name for _, name in sorted(found)))


def languages_in(text: str) -> tuple[str, ...]:
    """ISO 639-1 codes of the languages that are asked for. A bare "German" before a noun may mean people, so it takes
    a "speaking", an "in" or a place of its own.
    """
    name = language_pattern(text)
    if name is None:
        return ()
    more = rf"(?:\s*(?:,|/|or|and|&|oder|und|o|y|ou|et)\s*{name})*"
    listed = rf"{name}{more}"
    pattern = re.compile(
        rf"(?:(?<![^\W_]){_SPEAKING}\s*(?P<after>{listed})"
        rf"|(?P<before>{listed})[\s-]*(?:only|speaking|speakers?|content|language|natives?|sprachig\w*|subtitles)"
        rf"|(?:^|(?<=[.,;\n]))\s*(?P<alone>{listed}){_TAIL}\s*(?=[.,;\n]|$))",
        re.IGNORECASE,
    )
    found: dict[str, None] = {}
    for match in pattern.finditer(text):
        for word in re.findall(name, match["after"] or match["before"] or match["alone"], re.IGNORECASE):
            if (code := language_of(word)) is not None:
                found[code] = None
    for match in re.finditer(r"\b(\w+?)(?:sprachige?[rnms]?)\b", text, re.IGNORECASE):
        if (code := language_of(match[1])) is not None:
            found[code] = None
    return tuple(found)


def subject_of(text: str) -> Topic | None:
    """The topic with the most words in the text; None where no word speaks of one. Of equals, the first named."""
    counts = [
        (-len(found), found[0].start(), topic)
        for topic, words in _SUBJECT_WORDS.items()
        if (found := [*words.finditer(text)])
    ]
    return min(counts)[2] if counts else None
