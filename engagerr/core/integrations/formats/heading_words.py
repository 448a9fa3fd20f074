"""The words that people and platforms head columns with, in English, German, Spanish and French, and what they mean."""

from __future__ import annotations

from engagerr.core.integrations.formats.csv_text import plain_heading

# Role: the headings that name it. Only headings that can hardly mean anything else stand here.
_HEADINGS = {
    "native_id": (
        "id", "post id", "postid", "post_id", "video id", "videoid", "video_id", "media id", "media_id", "tweet id",
        "tweet_id", "content id", "item id", "episode id", "clip id", "Beitrags-ID", "Video-ID", "Medien-ID",
        "identificador", "identificador de la publicación", "id de la publicación", "id del video", "id de video",
        "identifiant", "identifiant de la publication", "id de la publication", "id de la vidéo",
    ),
    "url": (
        "url", "link", "permalink", "post url", "post_url", "post link", "video url", "video_url", "video link",
        "media url", "content url", "tweet permalink", "web link", "address", "Adresse", "Beitragslink",
        "Link zum Beitrag", "enlace", "enlace permanente", "enlace de la publicación", "lien", "permalien",
        "lien permanent", "lien de la publication",
    ),
    "title": (
        "title", "video title", "post title", "episode title", "headline", "Titel", "Videotitel", "Überschrift",
        "título", "título del video", "título del vídeo", "titre", "titre de la vidéo",
    ),
    "body": (
        "description", "caption", "text", "post text", "post message", "tweet text", "message", "Beschreibung",
        "Bildunterschrift", "Beitragstext", "descripción", "texto", "pie de foto", "légende", "texte",
        "texte de la publication",
    ),
    "published_at": (
        "published", "published at", "published_at", "published on", "publish time", "publish date", "published date",
        "publication date", "date published", "date posted", "posted", "posted at", "posted on", "post date",
        "post time", "created", "created at", "created_at", "created time", "create time", "upload date", "uploaded",
        "video publish time", "veröffentlicht", "veröffentlicht am", "veröffentlichungsdatum",
        "veröffentlichungszeitpunkt", "erstellt am", "hochgeladen am", "publicado", "publicado el",
        "fecha de publicación", "hora de publicación", "fecha de creación", "publié", "publié le",
        "date de publication", "heure de publication", "date de création",
    ),
    "observed_at": (
        "as of", "observed at", "observed_at", "snapshot", "snapshot date", "data as of", "retrieved", "retrieved at",
        "collected at", "exported at", "export date", "Stand", "Stand vom", "abgerufen am", "erfasst am",
        "fecha de los datos", "fecha de exportación", "datos al", "données au", "date des données",
    ),
    "duration_seconds": (
        "duration", "duration (sec)", "duration (seconds)", "duration_seconds", "length", "video length",
        "video duration", "Dauer", "Dauer (Sek.)", "Dauer (Sekunden)", "Länge", "Videolänge", "duración",
        "duración (segundos)", "durée", "durée (s)", "durée (secondes)",
    ),
    "account": (
        "account", "handle", "username", "user name", "account username", "account name", "screen name", "profile",
        "channel", "channel name", "channel handle", "Konto", "Kontoname", "Benutzername", "Kanal", "Kanalname",
        "Profil", "cuenta", "usuario", "nombre de usuario", "canal", "perfil", "compte", "nom d'utilisateur",
        "nom du compte", "chaîne", "nom de la chaîne",
    ),
    "creator": (
        "creator", "creator name", "influencer", "influencer name", "talent", "talent name", "artist", "Künstler",
        "Creatorin", "creador", "creadora", "nombre del creador", "créateur", "créatrice", "nom du créateur",
    ),
    "language": ("language", "lang", "Sprache", "idioma", "lengua", "langue"),
    "metric:views": (
        "views", "view count", "viewcount", "view_count", "video views", "total views", "Aufrufe", "Videoaufrufe",
        "visualizaciones", "visualizaciones de vídeo", "vistas", "vues", "nombre de vues", "vues de la vidéo",
    ),
    "metric:likes": (
        "likes", "like count", "likecount", "like_count", "„Gefällt mir“-Angaben", "Gefällt mir", "me gusta",
        "j'aime", "mentions j'aime",
    ),
    "metric:comments": (
        "comments", "comment count", "commentcount", "comment_count", "Kommentare", "comentarios", "commentaires",
    ),
    "metric:shares": (
        "shares", "share count", "share_count", "Geteilte Inhalte", "Geteilt", "Shares gesamt", "compartidos",
        "veces que se ha compartido", "partages",
    ),
    "metric:saves": ("saves", "saved", "save count", "Gespeichert", "Gespeicherte Beiträge", "guardados",
                     "veces que se ha guardado", "enregistrements"),
    "metric:reach": ("reach", "Reichweite", "alcance", "couverture", "portée"),
    "metric:impressions": ("impressions", "impression count", "Impressionen", "impresiones"),
    "metric:plays": ("plays", "play count", "play_count", "Wiedergaben", "reproducciones", "lectures"),
    "metric:followers": (
        "followers", "follower", "follower count", "followers count", "followers_count", "subscribers",
        "subscriber count", "subscribers count", "Abonnenten", "seguidores", "suscriptores", "abonnés",
    ),
    "metric:follows": ("follows", "new follows", "seguimientos"),
    "metric:reposts": ("reposts", "retweets", "retweet count"),
    "metric:replies": ("replies", "reply count", "Antworten", "respuestas", "réponses"),
    "metric:engagements": ("engagements", "engagement", "total engagement", "Interaktionen", "interacciones"),
    "metric:link_clicks": ("link clicks", "Link-Klicks", "clics en el enlace", "clics sur le lien"),
    "metric:profile_visits": ("profile visits", "Profilbesuche", "Profilaufrufe", "visitas al perfil",
                              "visites du profil"),
    "metric:watch_time_hours": (
        "watch time (hours)", "Wiedergabezeit (Stunden)", "tiempo de visualización (horas)",
        "durée de visionnage (heures)",
    ),
    "metric:downloads": ("downloads", "total downloads", "descargas", "téléchargements"),
    "metric:listeners": ("listeners", "Hörer", "Hörerinnen und Hörer", "oyentes", "auditeurs"),
    "metric:streams": ("streams", "Streams gesamt"),
}  # fmt: skip
# A day alone: of publication where the row is a post, of observation where it is not.
_DAYS = ("date", "day", "time", "Datum", "Tag", "fecha", "día", "jour", "date (utc)")

ROLES = {plain_heading(heading): role for role, headings in _HEADINGS.items() for heading in headings}
DAYS = frozenset(plain_heading(heading) for heading in _DAYS)
# The platform that a file, its sheet or its headings speak of.
PLATFORM_WORDS = {
    "youtube": "youtube", "youtuber": "youtube", "instagram": "instagram", "insta": "instagram", "tiktok": "tiktok",
    "tiktoker": "tiktok", "facebook": "facebook", "twitch": "twitch", "twitter": "x", "tweet": "x", "tweets": "x",
    "linkedin": "linkedin", "spotify": "spotify", "podcast": "podcast",
}  # fmt: skip
# Headings in these languages stand over days before months: 03/04/2026 is the third of April.
DAY_FIRST_WORDS = frozenset(
    plain_heading(word)
    for role, words in _HEADINGS.items()
    for word in words
    if any(char in word.casefold() for char in "äöüßáéíóúñèçàù")
) | {"datum", "titel", "aufrufe", "kommentare", "beschreibung", "fecha", "vues", "partages", "comentarios"}


def role_inside(heading: str) -> str | None:
    """The role whose heading stands as whole words inside a longer one ("Total views (organic)"), longest first."""
    padded = f" {' '.join(''.join(c if c.isalnum() else ' ' for c in plain_heading(heading)).split())} "
    for words in sorted(ROLES, key=len, reverse=True):
        if len(words) > 2 and f" {words} " in padded:
            return ROLES[words]
    return None
