"""The six Northlight creators without a podcast, and what the two podcasters post besides their shows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sample_world import (
    END,
    LAST_DAY,
    Piece,
    instagram_post_id,
    moment,
    pick,
    roll,
    shortcode,
    spread,
    tiktok_id,
    whole,
    youtube_id,
)

# ------------------------------------------------------------------------------------- Lucía: recipes, Reels, TikToks

_RECIPES = """\
Tortilla de patatas sin prisas | cebolla pochada | 3
Croquetas de la abuela Remedios | la bechamel que no falla | 1
Potaje de vigilia en 40 minutos | espinacas y bacalao | 2
Gazpacho clásico | el truco del pan | 2
Gazpacho de sandía | sin pan y sin lágrimas | 1
Arroz al horno de los domingos | la costra perfecta | 3
Albóndigas en salsa de almendras | el majado | 1
Empanada gallega de atún | masa crujiente | 2
Fabada para principiantes | asustar las fabes | 1
Pan con tomate: cinco errores | el aceite al final | 3
Migas de pastor | pan de tres días | 1
Pisto manchego con huevo | verduras una a una | 2
Buñuelos de viento | aceite a 170 grados | 2
Salmorejo cordobés | la textura de terciopelo | 1
Escalivada a la brasa | pelar sin quemarse | 1
Marmitako del puerto | cascar la patata | 2
Torrijas de leche merengada | la canela justa | 3
Pollo al ajillo de diario | ajos sin quemar | 2
Ensaladilla para doce | patatas al dente | 1
Flan de huevo sin agujeritos | baño maría lento | 2
Lentejas viudas | sofrito de un cuarto de hora | 1
Roscón en casa: dos fermentaciones | la masa reposa de noche | 2"""


def lucia() -> Iterator[Piece]:
    """Recipes on YouTube and their short cuts; the two gazpachos are two works, not one."""
    name = "Lucía Ferrán Olmedo"
    tags = "#recetas #cocinacasera #ladespensa"
    for number, line in enumerate(_RECIPES.splitlines(), start=1):
        title, trick, cuts = (part.strip() for part in line.split("|"))
        key = ("lucia", number)
        at = moment(date(2025, 11, 3) + timedelta(days=16 * (number - 1)), 11, *key)
        native_id = youtube_id(*key, first="-" if number == 5 else "")
        sponsored = roll("sponsored", *key) < 0.3
        video = Piece(
            creator=name,
            platform="youtube",
            kind="long_video",
            native_id=native_id,
            title=f"{title} 🍳" if number % 3 == 0 else title,
            published_at=at,
            seconds=whole(412, 1_320, "seconds", *key),
            audience=round(spread(58_000, 0.9, *key)),
            sponsored=sponsored,
            number=number,
        )
        yield video
        for place in range(int(cuts)):
            when = moment(at.date() + timedelta(days=place), 17 + place, "cut", *key)
            # The same cut goes to TikTok and, next day, to Instagram: both come from the long video.
            kind = ("tiktok", "reel")[(place + number) % 2]
            opening = pick(
                (
                    f"{title}: {trick} 👩‍🍳",
                    f"¿{trick.capitalize()}? Así lo hago yo 🙌",
                    f"{trick.capitalize()} 🤫 {title}",
                ),
                "opening",
                *key,
                place,
            )
            ending = pick(
                (
                    f"Receta completa: https://youtu.be/{native_id}",
                    "Receta completa en mi canal de YouTube (enlace en la bio) 🔗",
                    "Guárdala para el domingo 📌",
                ),
                "ending",
                *key,
                place,
            )
            ad = "Publi · Sartenia Brava #ad\n" if sponsored and place == 0 else ""
            body = f"{ad}{opening}\n\n{ending}\n\n{tags}" if kind == "reel" else f"{opening} {ending} {tags}"
            cut_id = instagram_post_id(*key, place) if kind == "reel" else tiktok_id(when, *key, place)
            yield Piece(
                creator=name,
                platform="instagram" if kind == "reel" else "tiktok",
                kind=kind,
                native_id=cut_id,
                title="",
                body=body,
                url=f"https://www.instagram.com/reel/{shortcode(*key, place)}/"
                if kind == "reel"
                else f"https://www.tiktok.com/@northlight_despensa/video/{cut_id}",
                published_at=when,
                seconds=whole(24, 88, "cut-seconds", *key, place),
                audience=round(spread(41_000, 1.1, "cut", *key, place)),
                parent=video.key,
                relation="clip_of",
                sponsored=bool(ad),
            )
    # A trial upload that was never listed: Studio exports it without a publish time.
    yield Piece(
        creator=name,
        platform="youtube",
        kind="long_video",
        native_id=youtube_id("lucia", "unlisted"),
        title="PRUEBA de cámara cenital (no publicar)",
        published_at=datetime(2026, 3, 2, 9, tzinfo=UTC),
        seconds=131,
        audience=9,
        listed=False,
    )
    yield from _stills(
        name,
        "northlight_despensa",
        (
            "Lista de la compra de temporada 🥕|Guarda este carrusel para el mercado.",
            "Seis aceites, seis usos 🫒|Desliza → y dime cuál usas tú.\n\nPubli: Olivar Cierzo Azul #ad",
            "Mi despensa por 30 € 🛒|Precios de esta semana en el barrio.",
            "Story: ¿croquetas o buñuelos?|Encuesta",
            "Story: directo a las 20:00|Nos vemos",
            "Story: nuevo vídeo|Enlace al gazpacho",
        ),
        tags,
    )


# ------------------------------------------------------------------------- pictures and stories, for three people


def _stills(creator: str, handle: str, posts: tuple[str, ...], tags: str) -> Iterator[Piece]:
    gap = 340 // len(posts)
    for place, post in enumerate(posts):
        heading, text = post.split("|")
        key = ("still", handle, place)
        story = heading.startswith("Story: ")
        at = moment(date(2025, 11, 12) + timedelta(days=gap * place), 18, *key)
        kind = "story" if story else "carousel" if place % 4 else "image"
        body = f"{heading.removeprefix('Story: ')}" + ("" if story else f"\n\n{text}\n.\n.\n{tags}")
        path = f"stories/{handle}/{instagram_post_id(*key)}" if story else f"p/{shortcode(*key)}"
        yield Piece(
            creator=creator,
            platform="instagram",
            kind=kind,
            native_id=instagram_post_id(*key),
            title="",
            body=body,
            url=f"https://www.instagram.com/{path}/",
            published_at=at,
            audience=round(spread(2_600 if story else 14_000, 0.6, *key)),
            sponsored="#ad" in text or "Werbung" in text,
        )


def jonna() -> Iterator[Piece]:
    """Her pictures and stories: no clips, so nobody's children."""
    return _stills(
        "Jonna Brenner",
        "northlight_bergschritt",
        (
            "Meine drei Lieblingsrunden am Hausberg 🏔️|Speichern und am Wochenende nachlaufen!",
            "Packliste Winterlauf ❄️|Wischen → alles passt in 5 Liter.",
            "Werbung · Neuer Schuh im Dauertest 👟|500 km mit dem Fjellzahn Kamm 2. #ad #anzeige",
            "Story: Wer kommt Samstag mit?|Umfrage",
            "Wadenkrampf? 6 Dinge, die mir helfen 🦵|Kein medizinischer Rat, nur Erfahrung.",
            "Story: Startnummer 411|Morgen geht’s los",
            "Trail-Knigge in 7 Bildern 🐄|Weidegatter immer schließen, danke.",
            "Sommerpläne ☀️|Schreibt eure in die Kommentare 👇",
            "Story: Regen. Egal.|",
            "Herbstfarben, 14 km, 620 hm 🍂|Track auf bergschritt.example/touren",
        ),
        "#trailrunning #laufen #berge",
    )


_MONEY = """\
Five standing orders that run my month
Pension or overpay? A flow chart
What a 2% fee costs in 30 years
The envelope method, but on a phone
Story: Ask me anything about ISAs
Renting with a friend: a contract in plain words
Council tax bands, explained kindly
My no-spend February, day by day
Emergency fund: 3 months of what?
Story: poll – cash or card?
Side income and the tax letter
Splitting bills fairly on two salaries
Your payslip, line by line
Story: book pile
Inflation in one shopping basket
Index funds without the jargon
Story: office hours tonight
How I read a mortgage offer
Childcare sums nobody shows you
Back to uni at 31: the budget"""


def priya() -> Iterator[Piece]:
    """Money carousels: no long videos behind them, so every edge to them would be wrong."""
    posts = []
    for place, tip in enumerate(_MONEY.splitlines()):
        text = pick(("Save this for payday 💷", "Swipe → and be honest 👀", "Not advice, just sums 🧮"), "priya", place)
        ad = "\n\nPaid partnership with Drowsewell #ad" if place in {6, 15} else ""
        posts.append(f"{tip}|{text}{ad}")
    yield from _stills("Priya Nandwell", "northlight_smallchange", tuple(posts), "#moneytok #budgeting #smallchange")


# ------------------------------------------------------------------------------------- Hinako and Marlo: YouTube only

_WALKS = """\
雨の商店街をただ歩く | アーケードの雨音
始発前の港町 | 船のエンジン音
夜明けの豆腐屋さん | 湯気の向こう
坂道と猫と自転車 | 鈴の音
雪の無人駅で一時間 | ストーブの音
梅雨の紫陽花寺 | 傘に落ちる雨
昭和の喫茶店、閉店の日 | 最後のコーヒー
夏祭りの準備を手伝う | 太鼓の練習
台風一過の海辺 | 静かな波
古本市の朝 | ページをめくる音
深夜の銭湯そうじ | ブラシの音
柿の実る村 | 風と竹林
路面電車の車庫見学 | ブレーキの音
団地の夕方五時 | チャイム
初雪の市場 | 魚屋さんの声
一年分の足音 | 四季の道"""


def hinako() -> Iterator[Piece]:
    """Long quiet walks with Japanese titles; every second one has a Short that shares words but no link."""
    for number, line in enumerate(_WALKS.splitlines(), start=1):
        title, sound = (part.strip() for part in line.split("|"))
        key = ("hinako", number)
        at = moment(date(2025, 11, 9) + timedelta(days=22 * (number - 1)), 10, *key)
        walk = Piece(
            creator="森崎ひなこ",
            platform="youtube",
            kind="long_video",
            native_id=youtube_id(*key, first="-" if number == 3 else ""),
            title=f"【環境音】{title}",
            published_at=at,
            seconds=whole(2_700, 7_100, "seconds", *key),
            audience=round(spread(12_500, 0.8, *key)),
            number=number,
        )
        yield walk
        if number % 2 == 0:
            yield Piece(
                creator="森崎ひなこ",
                platform="youtube",
                kind="short",
                native_id=youtube_id(*key, "short"),
                title=f"{title}｜{sound} #shorts #環境音",
                published_at=moment(at.date() + timedelta(days=2), 10, *key),
                seconds=whole(28, 58, "short", *key),
                audience=round(spread(9_000, 1.0, "short", *key)),
                parent=walk.key,
                relation="clip_of",
            )


_TOURS = """\
Mit dem Rad über den Plöckenpass
3.000 km Schotter: mein Setup
Biwak bei minus acht Grad
Zelt oder Tarp? Der ehrliche Vergleich
Solo durchs Waldviertel
Kocher-Test im Sturm (Werbung)
Wandern statt Radeln: Dachsteinrunde
Drei Tage ohne Handy
Trailrunning-Schuhe auf dem Rad?
Pannenkurs am Wegrand
Nachtfahrt zur Donauquelle
Packraft & Rad: erster Versuch
Was mein Sommer gekostet hat
Fragen & Antworten am Lagerfeuer"""


def marlo() -> Iterator[Piece]:
    """Bikepacking from Austria; his browser speaks German, and so do his exports."""
    for number, title in enumerate(_TOURS.splitlines(), start=1):
        key = ("marlo", number)
        yield Piece(
            creator="Marlo Vestenegg",
            platform="youtube",
            kind="long_video",
            native_id=youtube_id(*key, first="-" if number == 7 else ""),
            title=title,
            published_at=moment(date(2025, 11, 15) + timedelta(days=25 * (number - 1)), 16, *key),
            seconds=whole(505, 2_300, "seconds", *key),
            audience=round(spread(7_400, 0.9, *key)) if number != 10 else 212,
            listed=number != 10,
            sponsored="Werbung" in title,
        )


# ------------------------------------------------------------------------------------------ Kolja and Dez: interchange


_BROADCASTS = (
    "Nachtschicht #{number}: Glimmerhaven ohne Karte 🌙",
    "Rustwater Tactics Finale, heute oder nie",
    "Entspannt bauen + Community-Café ☕",
    "NACHTSCHICHT #{number} !casino Werbung | Trollkrone Casino 18+",
    "Blindlauf: Glimmerhaven Hardmode",
)
_CLIP_TITLES = ("WIE?!", "er hat’s getan 💀", "Chat lenkt", "Boss down", "kein Ton 😂")


def kolja() -> Iterator[Piece]:
    """Twitch broadcasts, their clips with an exact offset, and four broadcasts that also ran live on YouTube."""
    for number in range(1, 15):
        key = ("kolja", number)
        at = moment(date(2025, 11, 21) + timedelta(days=25 * (number - 1)), 19, *key)
        title = _BROADCASTS[(number - 1) % len(_BROADCASTS)].format(number=40 + number)
        seconds = whole(9_000, 21_000, "seconds", *key)
        broadcast = Piece(
            creator="Kolja Wendtland",
            platform="twitch",
            kind="live",
            native_id=str(2_610_000_000 + number * 13_000_000 + whole(0, 9_999_999, "vod", *key)),
            title=title,
            published_at=at,
            seconds=seconds,
            audience=round(spread(5_200, 0.4, *key)),
            sponsored="Werbung" in title,
            number=number,
        )
        yield broadcast
        for place in range(whole(1, 3, "clips", *key)):
            offset = whole(300, seconds - 300, "offset", *key, place)
            words = pick(("Brave", "Sleepy", "Amber", "Tidy", "Loud"), "word", *key, place)
            animal = pick(("Otter", "Newt", "Heron", "Badger"), "animal", *key, place)
            yield Piece(
                creator="Kolja Wendtland",
                platform="twitch",
                kind="clip",
                native_id=f"{words}{animal}NightShift-{youtube_id('slug', *key, place)}",
                title=pick(_CLIP_TITLES, "clip", *key, place),
                published_at=at + timedelta(seconds=offset + whole(40, 4_000, "clip-delay", *key, place)),
                seconds=whole(12, 60, "clip-seconds", *key, place),
                audience=round(spread(900, 1.3, "clip", *key, place)),
                parent=broadcast.key,
                relation="clip_of",
                vod_offset=offset,
            )
        if number in {7, 9, 11, 13}:
            # The same broadcast, the same start: the rerun is a publication of the same work.
            yield Piece(
                creator="Kolja Wendtland",
                platform="youtube",
                kind="live",
                native_id=youtube_id(*key, "live"),
                title=title.split(" !")[0],
                published_at=at + timedelta(seconds=whole(0, 9, "start", *key)),
                seconds=seconds - whole(0, 30, "end", *key),
                audience=round(spread(2_100, 0.5, "live", *key)),
                parent=broadcast.key,
                relation="same_work",
            )


_PLANS = """\
A workbench from one sheet of plywood
Sharpening: what I actually do
The drawer that never sticks
Fixing a chair my dog ate
Spoon carving, no power tools
Oil or varnish? A year outdoors
Tool chest tour (2026)
A ladder you can trust
Dovetails by hand, badly
Shop heater, safely #ad
The $40 bookshelf, revisited
One board, one box"""


def dez() -> Iterator[Piece]:
    """Woodworking on YouTube, reported month by month through interchange JSONL."""
    for number, title in enumerate(_PLANS.splitlines(), start=1):
        key = ("dez", number)
        at = moment(date(2025, 11, 18) + timedelta(days=29 * (number - 1)), 14, *key)
        if at.date() <= LAST_DAY and at < END:
            yield Piece(
                creator="Dez Whitlocke",
                platform="youtube",
                kind="long_video",
                native_id=youtube_id(*key),
                title=title,
                body=f"{title}.\n\nPlans: https://benchandgrain.example/{number}"
                + ("\n\nThanks to Kernholt Tools for sponsoring. #ad" if "#ad" in title else ""),
                url=f"https://www.youtube.com/watch?v={youtube_id(*key)}",
                published_at=at,
                seconds=whole(540, 1_900, "seconds", *key),
                audience=round(spread(88_000, 0.7, *key)),
                sponsored="#ad" in title,
            )


# ------------------------------------------------------------------------------------------------------- the roster

# Each row: name, country, languages, topics, bio; accounts as platform, handle, followers (None where the creator did
# not tell); rates as deliverable, minor units, currency; the audience as dimension, value, share.
_ROSTER: tuple[tuple[Any, ...], ...] = (
    (
        "Jonna Brenner", "DE", ["de"], ["outdoor", "trail running", "sports", "podcast"],
        "Trailrunnerin aus dem Allgäu. Podcast, Video und ehrliche Schuhtests. Kein Glücksspiel, keine Diätpillen.",
        [("youtube", "@northlight_bergschritt", 142_000), ("instagram", "northlight_bergschritt", 68_400),
         ("x", "nl_bergschritt", None), ("podcast", "bergschritt.example/feed.xml", None)],
        [("youtube_integration", 480_000, "EUR"), ("instagram_reel", 190_000, "EUR"),
         ("podcast_midroll", 150_000, "EUR")],
        [("country", "DE", 0.63), ("country", "AT", 0.17), ("country", "CH", 0.11), ("age", "25-34", 0.44),
         ("gender", "female", 0.52)],
    ),
    (
        "Imogen Farrow-Blythe", "GB", ["en"], ["technology", "repair", "podcast"],
        "Host of Quiet Machines. Former lift mechanic, current over-thinker.",
        [("youtube", "@northlight_quietmachines", 231_000), ("tiktok", "northlight_quietmachines", 88_000),
         ("x", "nl_quietmach", 19_300), ("podcast", "quietmachines.example/feed.xml", None)],
        [("youtube_integration", 620_000, "USD"), ("podcast_midroll", 240_000, "USD")],
        [("country", "GB", 0.38), ("country", "US", 0.34), ("country", "DE", 0.05), ("age", "35-44", 0.33)],
    ),
    (
        "Lucía Ferrán Olmedo", "ES", ["es"], ["cooking", "family", "budget"],
        "Cocina de despensa: poco dinero, mucho sabor. Zaragoza.",
        [("youtube", "@northlight_despensa", 318_000), ("instagram", "northlight_despensa", 204_000),
         ("tiktok", "northlight_despensa", 411_000)],
        [("youtube_integration", 550_000, "EUR"), ("instagram_reel", 260_000, "EUR"), ("tiktok_video", 210_000, "EUR")],
        [("country", "ES", 0.47), ("country", "MX", 0.19), ("country", "AR", 0.09), ("gender", "female", 0.66)],
    ),
    (
        "森崎ひなこ", "JP", ["ja"], ["ambience", "travel", "slow living"],
        "音のある散歩。しずかに歩いて、しずかに撮ります。",
        [("youtube", "@northlight_hinako", 54_700)],
        [("youtube_dedicated", 310_000, "USD")],
        [("country", "JP", 0.58), ("country", "US", 0.14), ("country", "TW", 0.07)],
    ),
    (
        "Marlo Vestenegg", "AT", ["de"], ["outdoor", "bikepacking", "hiking"],
        "Radreisen, Biwaks, kalte Füße. Aus der Steiermark.",
        [("youtube", "@northlight_marlo", 23_600)],
        [("youtube_integration", 120_000, "EUR")],
        [("country", "AT", 0.41), ("country", "DE", 0.46), ("age", "25-34", 0.51)],
    ),
    (
        "Priya Nandwell", "GB", ["en", "hi"], ["personal finance", "education"],
        "Small Change Club: money, gently. Not regulated advice.",
        [("instagram", "northlight_smallchange", 97_200)],
        [("instagram_carousel", 180_000, "USD"), ("instagram_reel", 230_000, "USD")],
        [("country", "GB", 0.71), ("gender", "female", 0.74)],
    ),
    (
        "Kolja Wendtland", "DE", ["de", "en"], ["gaming", "variety", "gambling"],
        "Nachtschicht auf Twitch. Partner: Trollkrone Casino (18+, Glücksspiel kann süchtig machen).",
        [("twitch", "nl_nachtschicht", 36_800), ("youtube", "@northlight_nachtschicht", 21_900)],
        [("twitch_stream", 220_000, "EUR")],
        [("country", "DE", 0.69), ("country", "AT", 0.12), ("age", "18-24", 0.48)],
    ),
    (
        "Dez Whitlocke", "US", ["en"], ["woodworking", "diy", "home"],
        "Bench & Grain. Wood, mostly straight.",
        [("youtube", "@northlight_benchgrain", 462_000), ("instagram", "northlight_benchgrain", None)],
        [("youtube_integration", 900_000, "USD"), ("youtube_dedicated", 2_100_000, "USD")],
        [],
    ),
)  # fmt: skip


def roster() -> Iterator[dict[str, Any]]:
    """The creators as interchange lines; what is not known is left out."""
    seen = f"{(LAST_DAY + timedelta(days=1)).isoformat()}T06:00:00Z"
    for name, country, languages, topics, bio, accounts, rates, audience in _ROSTER:
        line: dict[str, Any] = {"type": "creator", "name": name, "country": country, "languages": languages}
        line |= {"topics": topics, "bio": bio}
        line["accounts"] = [
            {"platform": platform, "handle": handle}
            | ({} if followers is None else {"followers": followers, "observed_at": seen})
            for platform, handle, followers in accounts
        ]
        line["rates"] = [
            {"deliverable": deliverable, "amount": {"minor": minor, "currency": currency}}
            for deliverable, minor, currency in rates
        ]
        if audience:
            line["audience"] = [
                {"dimension": dimension, "value": value, "share": share, "observed_at": seen}
                for dimension, value, share in audience
            ]
        yield line
