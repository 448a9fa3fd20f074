"""The fictional agency Northlight: eight creators, what they published in twelve months, and how each piece fared.

Everything is derived from `SEED` by hashing, never from a random generator's state: a value depends on its own key
alone, so adding one creator moves no other figure, and every Python version gives the same bytes. All names, handles,
brands, ids and figures are invented.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import NormalDist
from typing import TypeVar

T = TypeVar("T")

SEED = "northlight-1"
FIRST_DAY = date(2025, 11, 1)
LAST_DAY = date(2026, 10, 31)
# YouTube counts the first frame as a view, autoplay and hover included, from this day on.
VIEW_BREAK = datetime(2026, 8, 24, tzinfo=UTC)
# Past midnight of the last day, as seen by an export that covers the whole of it.
END = datetime(2026, 11, 1, tzinfo=UTC)

# Episodes whose video was a live broadcast first.
BROADCAST = frozenset({5, 24})

_ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
# 64 bits in eleven characters leave four bits for the last one.
_ID_LAST = "AEIMQUYcgkosw048"


def roll(*key: object) -> float:
    """A number in [0, 1) that belongs to the key."""
    digest = hashlib.sha256("|".join([SEED, *map(str, key)]).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def pick(options: Sequence[T], *key: object) -> T:
    """One of the options."""
    return options[int(roll(*key) * len(options))]


def whole(low: int, high: int, *key: object) -> int:
    """A whole number, both ends included."""
    return low + int(roll(*key) * (high - low + 1))


def spread(median: float, sigma: float, *key: object) -> float:
    """A log-normal figure: most are near the median, a few are far above it."""
    return median * 2.718281828 ** (sigma * NormalDist().inv_cdf(min(max(roll(*key), 1e-6), 1 - 1e-6)))


def youtube_id(*key: object, first: str = "") -> str:
    """An id of YouTube's shape that is nobody's."""
    rest = [pick(_ID_ALPHABET, "id", *key, place) for place in range(len(first), 10)]
    return first + "".join(rest) + pick(_ID_LAST, "id", *key, "last")


def channel_id(handle: str) -> str:
    """A YouTube channel id."""
    return "UC" + youtube_id("channel", handle, 1) + youtube_id("channel", handle, 2)


def shortcode(*key: object) -> str:
    """An Instagram shortcode."""
    return "D" + "".join(pick(_ID_ALPHABET, "shortcode", *key, place) for place in range(10))


def instagram_post_id(*key: object) -> str:
    """A 17-digit media id as Meta Business Suite writes it."""
    return str(whole(17_850_000_000_000_000, 18_149_999_999_999_999, "media", *key))


def snowflake(at: datetime, *key: object) -> str:
    """An X post id: milliseconds since X's epoch, then 22 bits."""
    milliseconds = int(at.timestamp() * 1000) - 1_288_834_974_657
    return str((milliseconds << 22) | whole(1, 2**22 - 1, "snowflake", *key))


def tiktok_id(at: datetime, *key: object) -> str:
    """A TikTok video id: Unix seconds, then 32 bits."""
    return str((int(at.timestamp()) << 32) | whole(1, 2**32 - 1, "tiktok", *key))


def slug(text: str) -> str:
    """A web address part: "Müde Beine?" becomes "muede-beine"."""
    for accented, plain in zip("äöüßéíóúñá", ["ae", "oe", "ue", "ss", "e", "i", "o", "u", "n", "a"], strict=True):
        text = text.lower().replace(accented, plain)
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")


def clock(seconds: int) -> str:
    """A chapter mark: 75 is "1:15", 3675 is "1:01:15"."""
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


# ------------------------------------------------------------------------------------------------ what is published


@dataclass(frozen=True, slots=True)
class Piece:
    """One publication on one platform.

    `audience` is the number of engaged views (impressions for a text post) that it will have in the end. `parent` and
    `relation` are the truth about where it comes from, and stand in no file that is imported. `page` is an episode's
    page on the show's site (for the episode itself: its audio file), `twin` the id of its other form (audio or video).
    """

    creator: str
    platform: str
    kind: str
    native_id: str
    title: str
    published_at: datetime
    seconds: int = 0
    audience: int = 0
    body: str = ""
    url: str = ""
    parent: tuple[str, str] | None = None
    relation: str = ""
    listed: bool = True
    sponsored: bool = False
    vod_offset: int = 0
    number: int = 0
    page: str = ""
    twin: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Platform and native id."""
        return self.platform, self.native_id


_HALF_LIFE_DAYS = {
    "long_video": 9.0,
    "short": 4.0,
    "live": 5.0,
    "clip": 3.0,
    "reel": 3.0,
    "carousel": 2.0,
    "image": 2.0,
    "story": 0.3,
    "tiktok": 2.5,
    "post": 0.6,
}


def engaged(piece: Piece, at: datetime) -> int:
    """Engaged views up to a moment: quick at first, with a long tail; one in eight is found again by search."""
    age_days = (at - piece.published_at).total_seconds() / 86_400
    if age_days <= 0:
        return 0
    half_life = _HALF_LIFE_DAYS[piece.kind] * (8 if roll("evergreen", *piece.key) < 0.125 else 1)
    return round(piece.audience * (1 - (1 + age_days / half_life) ** -1.1))


def views(piece: Piece, at: datetime) -> int:
    """Views up to a moment, as the platform counted them at the time."""
    if piece.platform != "youtube":
        return engaged(piece, at)
    before = 1.16 if piece.kind == "short" else 1.0
    after = 1.16 if piece.kind == "short" else 1.31
    old = engaged(piece, min(at, VIEW_BREAK))
    return round(old * before) + round((engaged(piece, at) - old) * after)


def share_of(piece: Piece, name: str, count: int, low: float, high: float) -> int:
    """A figure that goes with views (likes, comments …): a fixed share for each piece."""
    return int(count * (low + (high - low) * roll(name, *piece.key)))


def moment(day: date, hour: int, *key: object) -> datetime:
    """A time on that day in the given hour (UTC)."""
    second = whole(0, 3599, "moment", day, hour, *key)
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC) + timedelta(seconds=second)


# --------------------------------------------------------------------------------------------------------- the shows


@dataclass(frozen=True, slots=True)
class Show:
    """A podcast with a video twin, clips and posts. `episodes` has "title | guest | chapter | chapter | chapter"."""

    creator: str
    name: str
    language: str
    site: str
    first: date
    median_views: int
    clip_platforms: tuple[str, ...]
    youtube: str
    clips_handle: str
    x: str
    tags: str
    about: str
    sponsors: tuple[tuple[str, str], ...]
    words: dict[str, str]
    episodes: str


_BERGSCHRITT = Show(
    creator="Jonna Brenner",
    name="Bergschritt",
    language="de",
    site="https://bergschritt.example",
    first=date(2025, 11, 6),
    median_views=21_000,
    clip_platforms=("short", "reel"),
    youtube="@northlight_bergschritt",
    clips_handle="northlight_bergschritt",
    x="nl_bergschritt",
    tags="#trailrunning #laufen #berge #bergschritt",
    about="Trailrunning zwischen Feierabendrunde und Alpenüberquerung. Jeden zweiten Donnerstag mit Jonna Brenner.",
    sponsors=(("Fjellzahn", "fjellzahn.example/bergschritt"), ("Murmelbohne Kaffee", "murmelbohne.example/trail")),
    words={
        "episode": "Folge",
        "with": "mit",
        "full": "Ganze Folge",
        "listen": "Zum Anhören",
        "watch": "Video zur Folge",
        "chapters": "Kapitel",
        "ad": "Werbung | Anzeige: Diese Folge wird unterstützt von {brand}. 15 % mit dem Code SCHRITT: https://{link}",
        "out": "Neue Folge ist da 🏔️",
    },
    episodes="""\
Warum ich mit dem Winter anfange | Ida Sonnleitner | Der erste Lauf im Schnee | Spikes oder nicht? | Kalte Finger
Dein erster Ultra: was keiner sagt | Ruben Oberhauser | Die Nacht davor | Essen bei Kilometer 60 | Aufgeben ist erlaubt
Schuhe, Sohlen, Irrtümer | Henrike Vogtländer | Mythos Pronationsschuh | Wie viel Profil brauche ich? | Sprengung
Laufen im Dunkeln | Malik Thorau | Stirnlampen im Vergleich | Angst im Wald | Wildwechsel
Eure Fragen zum Jahreswechsel, Teil 1 | Lotte vom Team | Pause nach Infekt | Welche Uhr reicht? | Laufen mit Hund
Eure Fragen, Teil 2 | Lotte vom Team | Höhenmeter in der Stadt | Stöcke falten | Blasen vermeiden
Bergab laufen lernen | Carlotta Ebnet | Blick voraus | Kurze Schritte | Muskelkater in den Oberschenkeln
Puls, Watt, Bauchgefühl | Dr. Jasper Quandt | Was die Uhr falsch misst | Zone 2 ohne Langeweile | Laktat verständlich
Von null auf Halbmarathon mit 50 | Gudrun Pfahl | Der Anruf vom Arzt | Laufgruppe statt Sofa | Die Ziellinie
Mit dem Zug ins Karwendel | Ansgar Lutz | Fahrplan lesen | Nachts auf dem Bahnsteig | Packliste unter drei Kilo
Wenn das Knie streikt | Physiotherapeutin Nele Arndt | Schmerz deuten | Drei Übungen täglich | Zurück auf Trails
Frauen allein am Berg | Tabea Rink | Sprüche am Gipfel | Sicher unterwegs | Gruppen finden
Essen wie ein Murmeltier | Koch Benno Iversen | Kartoffeln statt Gel | Salz im Sommer | Frühstück um vier
Alpenüberquerung in sechs Tagen | Leo Staudacher | Tag zwei im Regen | Hüttennacht mit vierzig Leuten | Der letzte Pass
Was Startgelder wirklich kosten | Veranstalterin Rike Sommerfeld | Wohin das Geld geht | Müll am Berg | Startplatztausch
Gewitter! | Meteorologe Till Behrend | Die Wolke lesen | 30-30-Regel | Falsch gezeltet
Barfuß über den Wank | Yuki Hartmann | Die ersten hundert Meter | Hornhaut | Was die Leute sagen
Laufen und Trauer | Philippa Stern | Der Weg zum Grab | Tränen bei Kilometer zehn | Darüber reden
Hitze, Höhe, Hirn | Dr. Amadou Keller | Akklimatisieren | Trinkplan | Kopfschmerz am Grat
Hinter den Kulissen vom Nebelhorn-Sprint | Streckenchef Xaver Rott | Flatterband um drei Uhr | Abbruch | Der Besenläufer
Kinder auf den Trail | Familie Okoye-Brandt | Das Spiel mit den Steinen | Wie weit ist zu weit? | Pausenbrot
Ruhepuls 38 | Langläufer Emil Tharandt | Früher Profi | Der leere Akku | Neu anfangen
Die Karte im Kopf | Orientierungsläuferin Smilla Voss | Höhenlinien | Daumen auf der Karte | Verlaufen mit Stil
Ein Jahr Bergschritt | Lotte vom Team | Die peinlichste Panne | Was wir gelernt haben | Wie es weitergeht""",
)

_QUIET_MACHINES = Show(
    creator="Imogen Farrow-Blythe",
    name="Quiet Machines",
    language="en",
    site="https://quietmachines.example",
    first=date(2025, 11, 11),
    median_views=34_000,
    clip_platforms=("short", "tiktok"),
    youtube="@northlight_quietmachines",
    clips_handle="northlight_quietmachines",
    x="nl_quietmach",
    tags="#smarthome #repair #tech #quietmachines",
    about="Slow conversations about the technology that you stop noticing. Every other Tuesday with Imogen.",
    sponsors=(("Pebblekey", "pebblekey.example/quiet"), ("Mossworth Paper", "mossworth.example/machines")),
    words={
        "episode": "Episode",
        "with": "with",
        "full": "Full episode",
        "listen": "Listen",
        "watch": "Watch this episode",
        "chapters": "Chapters",
        "ad": "Paid partnership: this episode is sponsored by {brand}. Try it for 30 days at https://{link} #ad",
        "out": "New episode 🎙️",
    },
    episodes="""\
The thermostat that lied | Theo Abernathy | Two degrees off | Why averages hide draughts | Fixing it with tape
A lift engineer explains waiting | Noor Castellan | The close-door button | Counterweights | Forty floors of patience
Who repairs the repair shop? | Bram Okonjo | Parts that cost more than phones | Glue | Teaching apprentices
Batteries in the attic | Saskia Holm | A very warm loft | Second-life cells | The fire officer's checklist
The year in quiet things | listeners | Your favourite switch | A kettle story | Things we got wrong
Why hospitals beep | Dr. Lionel Marsh | Alarm fatigue | Designing a softer alarm | The night shift
Maps for people who cannot see them | Odile Brannigan | Tactile paper | Counting steps | When GPS drifts
The last VHS duplicator | Gus Penhaligon | Tape hiss | Archives in damp cellars | Saving a wedding
Traffic lights are negotiations | Ines Valcourt | Green waves | The button does something, sometimes | Trams first
Old routers, new tricks | Kit Rosewarne | Firmware and fear | Mesh on a farm | What I would never plug in
A fridge with opinions | Theo Abernathy | Notifications from butter | Turning it all off | Warranty stickers
Typewriters in the newsroom | Marguerite Dole | Ribbon shortages | Writing without undo | The smell of ink
The sound of electric buses | Farid Lindon | Fake engine noise | Kerbs and guide dogs | Composing a hum
Learning to solder at sixty | Wilma Trask | Burnt fingers | A radio that works | Joining a makerspace
Passwords your grandmother can keep | Jude Amesbury | Paper is fine | The three-word rule | Family vaults
Tides, clocks and a brass computer | Prof. Enid Garrow | Pulleys that add | Predicting a landing | Restoring the machine
What a dishwasher knows | Rafe Holloway | Turbidity sensors | Eco mode is slow on purpose | Rinse aid, honestly
Inside a parcel sorting hall | Tamsin Oduya | Barcodes at speed | Lost labels | Christmas
The ethics of the doorbell | Cyrus Whitcombe | Neighbours on film | Deleting by default | Asking first
Solar on a rented roof | Bea Lanyon | Plug-in panels | The landlord's letter | Ninety days of numbers
Keyboards for one hand | Arlo Finnegan | Chords | Printing keycaps | Typing a novel
Elevator music was a science | Noor Castellan | Tempo and shopping | The silent lift | Playlists at work
Weather stations in gardens | Hester Quill | Rain gauges lie too | Sharing data | The heatwave week
One year, one soldering iron | listeners | Best repair | Worst repair | What next""",
)

SHOWS = (_BERGSCHRITT, _QUIET_MACHINES)


def _clip_text(show: Show, number: int, chapter: str, guest: str, link: str, *key: object) -> tuple[str, str]:
    """A clip's title and body: some link the episode, some only name it, some say nothing at all."""
    first_tags = " ".join(show.tags.split()[: whole(1, 3, "tags", *key)])
    sign = pick(("😳", "👀", "🤯", "💬", "⏱️", "✨"), "sign", *key)
    speaker = guest.rsplit(maxsplit=1)[-1]
    title = pick(
        (
            f"{chapter} {sign} {first_tags}",
            f"{chapter} – {speaker} {sign}",
            f"{chapter} {first_tags}",
            f"{sign} {chapter}",
        ),
        "clip-title",
        *key,
    )
    full = show.words["full"]
    episode = f"{show.name}, {show.words['episode']} {number} {show.words['with']} {guest}"
    body = pick(
        (
            f"{chapter} {sign}\n\n{episode}\n{full}: {link}\n\n{show.tags}",
            f"{full} 👉 {link}\n{show.tags}",
            f"{chapter}\n{full}: {link}",
            f"{chapter} {sign}\n\n{episode}.\n\n{show.tags}",
            f"{chapter} {sign} {first_tags}",
        ),
        "clip-body",
        *key,
    )
    return title, body


def _clips(show: Show, video: Piece, guest: str, chapters: list[str], marks: list[int]) -> Iterator[Piece]:
    number = video.number
    for place in range(whole(1, 4, "clips", show.name, number)):
        chapter, mark = chapters[place % 3], marks[place % 3]
        key = (show.name, number, place)
        kind = show.clip_platforms[(number + place) % 2]
        at = moment(video.published_at.date() + timedelta(days=1 + 2 * place), 15, "clip", *key)
        if at >= END:
            continue
        link = pick(
            (
                f"https://youtu.be/{video.native_id}",
                f"https://youtu.be/{video.native_id}" + (f"?t={mark}" if mark else ""),
                video.url + (f"&t={mark}s" if mark else ""),
                video.page,
            ),
            "clip-link",
            *key,
        )
        title, body = _clip_text(show, number, chapter, guest, link, *key)
        platform = {"short": "youtube", "reel": "instagram", "tiktok": "tiktok"}[kind]
        if kind == "short":
            # One id of the channel begins with a hyphen: spreadsheets and Studio itself stumble over these.
            native_id = youtube_id("short", *key, first="-" if (number, place) == (6, 0) else "")
            url = f"https://www.youtube.com/shorts/{native_id}"
        elif kind == "reel":
            native_id = instagram_post_id("reel", *key)
            url = f"https://www.instagram.com/reel/{shortcode('reel', *key)}/"
        else:
            native_id = tiktok_id(at, *key)
            url = f"https://www.tiktok.com/@{show.clips_handle}/video/{native_id}"
        yield Piece(
            creator=show.creator,
            platform=platform,
            kind=kind,
            native_id=native_id,
            title=title,
            body=body,
            url=url,
            published_at=at,
            seconds=whole(17, 59, "clip-seconds", *key),
            audience=round(spread(show.median_views * 0.55, 0.9, "clip", *key)),
            parent=video.key,
            relation="clip_of",
            number=number,
        )


def _x_posts(show: Show, video: Piece, title: str, guest: str, chapters: list[str]) -> Iterator[Piece]:
    """One or two posts an episode. One in five hides its link behind X's shortener, which no file resolves."""
    for place in range(whole(1, 2, "posts", show.name, video.number)):
        key = (show.name, video.number, "x", place)
        at = video.published_at + timedelta(minutes=whole(3, 90, "delay", *key), days=place * 3)
        if at >= END:
            continue
        hidden = roll("hidden", *key) < 0.2
        to_page = place == 1 and roll("to-page", *key) < 0.5
        link = video.page if to_page else f"https://youtu.be/{video.native_id}"
        if hidden:
            link = "https://t.co/" + youtube_id("t.co", *key)[:10].replace("-", "x").replace("_", "y")
        text = (
            f"{show.words['out']} {title}, {show.words['with']} {guest}. {link}"
            if place == 0
            else f"“{chapters[whole(0, 2, 'quote', *key)]}” – {guest}\n\n{link} {show.tags.split()[0]}"
        )
        native_id = snowflake(at, *key)
        yield Piece(
            creator=show.creator,
            platform="x",
            kind="post",
            native_id=native_id,
            title="",
            body=text,
            url=f"https://x.com/{show.x}/status/{native_id}",
            published_at=at,
            audience=round(spread(show.median_views * 0.12, 0.8, *key)),
            parent=("podcast", video.twin) if to_page and not hidden else video.key,
            relation="promotes",
        )


def show_pieces(show: Show) -> list[Piece]:
    """Every episode with its video, clips and posts, in order of publication within the show."""
    pieces: list[Piece] = []
    words = show.words
    for number, line in enumerate(show.episodes.splitlines(), start=1):
        title, guest, *chapters = [part.strip() for part in line.split("|")]
        key = (show.name, number)
        day = show.first + timedelta(days=14 * (number - 1))
        seconds = whole(1_900, 5_400, "episode", *key)
        page = f"{show.site}/{slug(words['episode'])}/{number:02d}-{slug(title)}"
        # The feed of Quiet Machines once went out without a guid; readers then fall back to the enclosure's address.
        enclosure = f"{show.site}/media/{number:02d}-{slug(title)}.mp3"
        lost = show.name == "Quiet Machines" and number == 9
        guid = enclosure if lost else hashlib.md5(f"{SEED}{page}".encode(), usedforsecurity=False).hexdigest()
        marks = [0, seconds // 3, seconds * 2 // 3]
        brand, link = show.sponsors[number % 2]
        sponsored = roll("sponsored", *key) < 0.45
        ad = words["ad"].format(brand=brand, link=link)
        chapter_list = "\n".join(f"{clock(mark)} {name}" for mark, name in zip(marks, chapters, strict=True))
        video_id = youtube_id("video", *key, first="-" if number == 11 else "")
        at = moment(day, 5, "podcast", *key)
        episode = Piece(
            creator=show.creator,
            platform="podcast",
            kind="podcast_episode",
            native_id=guid,
            title=f"#{number:02d} {title} – {words['with']} {guest}" if show.language == "de" else f"{title}",
            body=f"{title} – {words['with']} {guest}.\n\n{chapter_list}" + (f"\n\n{ad}" if sponsored else ""),
            url=page,
            published_at=at,
            seconds=seconds,
            sponsored=sponsored,
            number=number,
            twin=video_id,
            page=enclosure,
        )
        video = Piece(
            creator=show.creator,
            platform="youtube",
            kind="long_video",
            native_id=video_id,
            title=pick(
                (
                    f"{title} | {guest} | {show.name} #{number}",
                    f"{title} – {guest} ({words['episode']} {number})",
                    f"{title} ({show.name} {words['with']} {guest})",
                ),
                "video-title",
                *key,
            ),
            body=(f"{ad}\n\n" if sponsored else "")
            + f"{title} – {words['with']} {guest}.\n\n🎧 {words['listen']}: {page}\n\n"
            + f"{words['chapters']}:\n{chapter_list}\n\n{show.about}\n{show.tags}",
            url=f"https://www.youtube.com/watch?v={video_id}",
            published_at=at + timedelta(hours=whole(2, 11, "video-delay", *key)),
            seconds=seconds + whole(-40, 95, "video-seconds", *key),
            audience=round(spread(show.median_views, 0.7, "video", *key)),
            parent=episode.key,
            relation="same_work",
            sponsored=sponsored,
            number=number,
            page=page,
            twin=guid,
        )
        pieces += [episode, video, *_clips(show, video, guest, chapters, marks)]
        pieces += _x_posts(show, video, title, guest, chapters)
    return pieces
