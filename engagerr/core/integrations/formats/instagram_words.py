"""The words of an Instagram data download: its keys are in the language of the account, and mean what they say by file.

"Followers" is a head count in audience_insights.json and a share of the reach in profiles_reached.json, so every file
has a table of its own. English, German, French and Portuguese keys are from public code and notes on real downloads,
the Italian ones partly; the Spanish ones are reconstructed. A key that is not here is told and never guessed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from engagerr.core.integrations.formats.csv_text import plain_heading

# {native metric name: its keys}. One item's figures over its life, in posts.json, reels.json, stories.json and
# live_videos.json.
ITEM_METRICS = {
    "reach": (
        "Accounts reached", "Reach", "Erreichte Konten", "Cuentas alcanzadas", "Comptes touchés", "Contas alcançadas",
        "Account raggiunti", "Copertura",
    ),
    "impressions": (
        "Impressions", "Impressionen", "Impresiones", "Impressões", "Impression",
    ),
    "views": ("Views", "Aufrufe", "Visualizaciones", "Vues", "Visualizações", "Visualizzazioni"),
    "plays": (
        "Instagram Plays", "Plays", "Wiedergaben", "Instagram-Wiedergaben", "Reproducciones", "Lectures",
        "Reproduções", "Riproduzioni",
    ),
    "likes": (
        "Likes", "Instagram Likes", "„Gefällt mir“-Angaben", "Me gusta", "J’aime", "Mentions J’aime", "Curtidas",
        "Gostos", "Mi piace",
    ),
    "comments": (
        "Comments", "Instagram Comments", "Kommentare", "Comentarios", "Commentaires", "Comentários", "Commenti",
    ),
    "shares": (
        "Shares", "Instagram Shares", "Geteilte Inhalte", "Geteilt", "Compartidos", "Veces compartido", "Partages",
        "Compartilhamentos", "Partilhas", "Condivisioni",
    ),
    "saves": (
        "Saves", "Instagram Saves", "Gespeichert", "Guardados", "Veces guardado", "Enregistrements", "Salvamentos",
        "Elementi salvati", "Salvataggi",
    ),
    "follows": (
        "Follows", "Neue Follower", "Seguimientos", "Followers en plus", "Seguiu", "Começaram a seguir",
        "Nuovi follower",
    ),
    "profile_visits": (
        "Profile visits", "Profilaufrufe", "Profilbesuche", "Visitas al perfil", "Visites du profil",
        "Visitas ao perfil", "Visite al profilo",
    ),
    "replies": ("Replies", "Antworten", "Respuestas", "Réponses", "Respostas", "Risposte"),
    "website_taps": ("Website taps",),
    "email_button_taps": ("Email button taps",),
    "call_button_taps": ("Call button taps",),
    "text_button_taps": ("Text button taps",),
    "business_address_taps": ("Business address taps",),
    "product_page_views": ("Product page views",),
    "product_button_clicks": ("Product button clicks",),
}  # fmt: skip
# What else an item's keys hold.
ITEM_FIELDS = {
    "published": (
        "Creation Timestamp", "Upload Timestamp", "Start time", "Zeitstempel der Erstellung", "Erstellungszeitstempel",
        "Startzeit", "Zeitstempel des Uploads", "Fecha y hora de creación", "Marca de tiempo de creación",
        "Horodatage de création", "Horodatage de la création", "Registro de data e hora da criação",
        "Timestamp di creazione", "Data e ora di creazione",
    ),
    "caption": ("Caption", "Bildunterschrift", "Légende", "Legenda", "Descripción", "Didascalia"),
    "duration": ("Duration", "Dauer", "Duración", "Durée", "Duração", "Durata"),
}  # fmt: skip
_RANGE = (
    "Date Range", "Zeitraum", "Intervalo de fechas", "Periodo", "Période", "Intervalo de datas", "Período",
    "Intervallo di date",
)  # fmt: skip
# The account over the weeks that the key of the range names.
REACH_METRICS = {
    "reach": ITEM_METRICS["reach"],
    "impressions": ITEM_METRICS["impressions"],
    "profile_visits": ITEM_METRICS["profile_visits"],
    "link_taps": (
        "External link taps", "Website taps", "Antippen externer Links", "Toques en enlaces externos",
        "Appuis sur les liens externes", "Toques em links externos", "Tocchi sui link esterni",
    ),
    "email_button_taps": ITEM_METRICS["email_button_taps"],
}  # fmt: skip
INTERACTION_METRICS = {
    "content_interactions": (
        "Content Interactions", "Content-Interaktionen", "Interacciones con el contenido",
        "Interactions avec le contenu", "Interações com o conteúdo", "Interazioni con i contenuti",
    ),
    "accounts_engaged": (
        "Accounts engaged", "Konten, die interagiert haben", "Cuentas que interactuaron", "Comptes ayant interagi",
        "Contas com engajamento", "Account che hanno interagito",
    ),
}  # fmt: skip
AUDIENCE_METRICS = {
    "followers": ("Followers", "Follower", "Seguidores"),
    "follows": (
        "Follows", "New followers", "Neue Follower", "Nuevos seguidores", "Followers en plus", "Novos seguidores",
        "Nuovi follower",
    ),
    "unfollows": (
        "Unfollows", "Lost followers", "Verlorene Follower", "Seguidores perdidos", "Followers en moins",
        "Follower persi",
    ),
}  # fmt: skip
RANGE_FIELD = {"range": _RANGE}
USERNAME_FIELD = {
    "username": ("Username", "Benutzername", "Nombre de usuario", "Nom d’utilisateur", "Nome de usuário",
                 "Nome de utilizador", "Nome utente")
}  # fmt: skip
# Words of a key that compares with the weeks before, or splits a figure: known to be no figure of its own.
_NO_FIGURE = (
    "delta", "differenz", "diferencia", "difference", "diferença", "differenza", "percentage", "prozentual",
    "porcentaje", "pourcentage", "porcentagem", "percentuale", "nombre de", "nombre d", "non-followers",
    "nicht-follower", "non follower", "activity", "aktivität", "actividad", "activité", "atividade", "attività",
)  # fmt: skip


def repaired(text: str) -> str:
    """Text as it was written: Meta's downloads hold UTF-8 read as Latin-1 ("TouchÃ©"). Sound text stays as it is."""
    for misread_as in ("latin-1", "cp1252"):  # the second where an editor on Windows saved the file since
        try:
            return text.encode(misread_as).decode("utf-8")
        except UnicodeError:
            continue
    return text


def plain_key(key: str) -> str:
    """A key without its mojibake, accents, case and kinds of quote."""
    decomposed = unicodedata.normalize("NFKD", plain_heading(repaired(key)))
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def table(*words: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """{plain key: name} of tables such as `ITEM_METRICS`."""
    return {plain_key(key): name for named in words for name, keys in named.items() for key in keys}


def is_no_figure(key: str) -> bool:
    """Whether a key that no table holds is a comparison or a breakdown, which nobody needs to be told of."""
    plain = plain_key(key)
    return any(plain_key(word) in plain for word in _NO_FIGURE)
