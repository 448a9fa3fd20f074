"""How advertising has to be marked, country by country and since when: the rules as one dated table, with sources.

A rule names the words that a regulator took for clear, the place where they have to stand, and whether the label of the
platform is enough alone. Words that regulators called unclear are known too (`#sp`, "thanks to"), so that a post which
has only those is told from one that has none. The rules read the guidance carefully rather than conveniently, and are
no legal advice: they see a caption, a title and a platform's label, and neither pictures nor sound.

Sources, by country:

- US: FTC Endorsement Guides, 16 CFR 255.0(f) and 255.5 (2023-07-26); FTC, "Disclosures 101 for Social Media
  Influencers" (2019-11-05): not only where a click on "more" is needed, not mixed into a group of hashtags, no "sp",
  "spon", "collab", "thanks" or "ambassador" alone, and no trust in a platform's tool alone. "Brought to you by" is
  ambiguous: FTC, "Native Advertising: A Guide for Businesses" (2015-12-22).
- GB: CAP Code rules 2.1 and 2.3; CAP and CMA, "Influencers' guide to making clear that ads are ads" (1st ed.
  2018-09-28; 2nd ed. 2020-02-06, which no longer takes "affiliate"; 3rd ed. 2023-03-23): say "ad", before "see more".
- DE: UWG § 5a (4), Medienstaatsvertrag §§ 22 and 74 (2020-11-07); Medienanstalten, "Werbekennzeichnung bei
  Online-Medien" (2021-07, 2022-05): "Werbung" or "Anzeige" at the beginning. "#ad" may not be enough (there; OLG Celle,
  13 U 53/17, 2017-06-08, of a "#ad" among further hashtags).
- FR: Loi n° 2023-451 of 2023-06-09, art. 5: "Publicité" or "Collaboration commerciale"; Ordonnance n° 2024-978 of
  2024-11-06 takes an equivalent wording that fits the format.
- IT: AGCOM guidelines (7/24/CONS, 2024-01-16), which take up the IAP "Digital Chart" (in force 2019; new version
  2024-10-30): in the first part of the post, or among its first three hashtags; gifts have words of their own.
- ES: AUTOCONTROL and AEA, "Código de conducta sobre el uso de influencers en la publicidad" (2021-01-01; 2025-10-01).
- NL: Reclamecode Social Media & Influencer Marketing. BE: FOD Economie and JEP recommendations (2022-04).
- AU: AANA Code of Ethics 2.7 and its practice note (2021-02-01). CA: Ad Standards, "Influencer Marketing Disclosure
  Guidelines". IE: CCPC and ASAI, "Guidance on influencer advertising and marketing" (2023-10-23). BR: CONAR, "Guia de
  publicidade por influenciadores digitais" (2021-03).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Place(StrEnum):
    """Where the words have to stand."""

    START = "start"
    BEFORE_FOLD = "before_fold"
    BEFORE_FOLD_OR_HASHTAGS = "before_fold_or_hashtags"


@dataclass(frozen=True, slots=True)
class Regime:
    """What one country takes for a disclosure since a day. `clear` and `clear_for_gifts` name rows of `LABELS`."""

    country: str
    since: date
    clear: frozenset[str]
    place: Place = Place.BEFORE_FOLD
    clear_for_gifts: frozenset[str] = frozenset()
    platform_label_is_enough: bool = False
    source: str = ""

    @property
    def name(self) -> str:
        """The country and the day since when: `GB 2020-02-06`; the general rule has no country."""
        return f"{self.country or 'general'} {self.since}"


# What may be read, by name: hashtags (without the #, whole), words at the head of a text or line or in brackets, like
# "Ad:" and "[Werbung]", and phrases that say it wherever they stand. Case and accents do not matter.
@dataclass(frozen=True, slots=True)
class Label:
    """One way to say it. `hashtags` and `heads` are whole words; `phrases` are patterns."""

    name: str
    hashtags: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()


_WORK = "(?:video|episode|post|stream|podcast|show|content|reel|clip|series|portion|part|segment)"
_FOLGE = "(?:video|folge|episode|beitrag|post|podcast)"

LABELS: tuple[Label, ...] = (
    Label("ad", ("ad", "paidad"), ("ad", "paid ad"), (r"\bpaid ad(?:vert(?:isement)?)?\b",)),
    Label(
        "advertisement",
        ("advert", "advertisement", "advertising", "advertorial"),
        ("advert", "advertisement", "advertising", "advertisement feature", "advertorial"),
        (r"\bpaid advertis(?:ing|ement)\b", r"\bcontains advertis(?:ing|ements?)\b"),
    ),
    Label("adv", ("adv",), ("adv",)),
    Label(
        "sponsored",
        ("sponsored", "sponsoredpost", "sponsoredvideo", "sponsoredby", "sponsoredcontent"),
        ("sponsored",),
        (
            r"\bsponsored by\b",
            rf"\bsponsored {_WORK}\b",
            r"\b(?:is|was|are) (?:(?!not |never )\w+ ){0,2}sponsored\b(?! by (?:nobody|no one|none))",
            r"\bfor (?:\w+ ){0,3}sponsoring\b",
            r"\bsponsors? of (?:this|today|the) ",
            r"\b(?:today's|this (?:week|month|episode|video)'s|our|the|my|episode) sponsors?\b",
            rf"\bsponsors? (?:this|today's) {_WORK}\b",
        ),
    ),
    Label(
        "paid_partnership",
        ("paidpartnership", "paidpartner", "paid", "paidpromotion", "paidpost"),
        ("paid partnership", "paid promotion", "paid"),
        (r"\bpaid (?:partnership|partner|promotion|collaboration|placement)\b", r"\bpaid product placement\b"),
    ),
    Label("branded_content", ("brandedcontent",), ("branded content",)),
    Label(
        "promoted_by", ("promotion",), ("promotion",), (r"\bpromoted by\b", r"\bin promotion with\b")
    ),
    Label(
        "brought_by", ("poweredby",), (), (r"\bbrought to you by\b", r"\bmade possible by\b"),
    ),
    Label("spon", ("sp", "spon", "sponcon", "sponso")),
    Label(
        "collaboration",
        ("collab", "collaboration", "partner", "partnership", "brandpartner", "ambassador", "brandambassador",
         "iworkwith", "pr", "kooperation", "colaboracion", "collaborazione", "samenwerking"),
        ("in collaboration with", "collaboration", "collab"),
        (r"\bin (?:collaboration|partnership|association|cooperation) with\b", r"\bpartnered with\b",
         r"\bteamed up with\b", r"\bin (?:kooperation|zusammenarbeit) mit\b",
         r"\ben (?:partenariat|collaboration) avec\b", r"\bin samenwerking met\b", r"\ben asociacion con\b"),
    ),
    Label("thanks", (), (), (r"\b(?:thanks?|thank you|danke|merci|gracias|grazie)(?: \w+){0,3} (?:to |an |a )?@\w",)),
    Label(
        "gift",
        ("gifted", "gift", "giftedby", "prsample", "pressample", "presssample", "freebie", "prprodukt", "kdo"),
        ("gifted", "pr sample", "press sample"),
        (r"\bgifted (?:by|from)\b", r"\b(?:kindly|was|were) (?:sent|gifted|provided)(?: to (?:me|us))? by\b",
         r"\bfor the free\b", r"\b(?:got|received) (?:this|it|them|these) (?:for )?free\b",
         r"\bsent (?:me|us) (?:this|these|a) ",
         r"\bprodotto (?:fornito|inviato|offerto) da\b", r"\bfornito da\b", r"\boffert par\b"),
    ),
    Label(
        "affiliate",
        ("affiliate", "affiliatelink", "aff", "affiliatelinks", "amazonaffiliate"),
        ("affiliate",),
        (r"\baffiliate (?:links?|partner|commission|program)",
         r"\b(?:use|with|enter) (?:my |our |the )?(?:promo ?|discount ?|coupon ?|offer ?)?code\b",
         r"\b(?:promo|discount|coupon) code\b", r"\bearn(?:s)? (?:me |us )?(?:a |from )?(?:small )?commission"),
    ),
    Label(
        "werbung",
        ("werbung", "bezahltewerbung", "unbezahltewerbung", "werbungunbezahlt", "dauerwerbesendung", "werbevideo"),
        ("werbung", "bezahlte werbung", "unbezahlte werbung", "dauerwerbesendung", "werbevideo"),
        (r"\bbezahlte werbepartnerschaft\b", r"\bdauerwerbesendung\b",
         rf"\b(?:dieses|diese|dieser) {_FOLGE} enthalt werbung\b",
         r"\benthalt (?:bezahlte )?werbung\b"),
    ),
    Label("anzeige", ("anzeige", "bezahlteanzeige"), ("anzeige",)),
    Label(
        "gesponsert",
        ("gesponsert", "bezahltepartnerschaft", "bezahltekooperation", "produktplatzierung", "gesponsord"),
        ("gesponsert", "gesponsord", "bezahlte partnerschaft", "bezahlte kooperation"),
        (r"\bgesponsert (?:von|durch)\b", r"\bgesponsord door\b", r"\bbezahlte (?:partnerschaft|kooperation)\b",
         r"\bprodukt ?platzierung(?:en)?\b", r"\bunterstutzt (?:durch|von)\b", r"\bprasentiert von\b"),
    ),
    Label("publicite", ("publicite",), ("publicite",)),
    Label(
        "collaboration_commerciale",
        ("collaborationcommerciale",),
        ("collaboration commerciale",),
        (r"\bcollaboration commerciale\b",),
    ),
    Label(
        "partenariat_remunere",
        ("partenariatremunere", "collaborationremuneree", "contenusponsorise"),
        ("partenariat remunere", "collaboration remuneree", "contenu publicitaire"),
        (r"\b(?:partenariat remunere|collaboration remuneree|contenu publicitaire|communication commerciale)\b",),
    ),
    Label("sponsorise", ("sponsorise", "pub"), ("sponsorise",), (r"\bsponsorisee? par\b", r"\bcontenu sponsorise\b")),
    Label("pubblicita", ("pubblicita",), ("pubblicita",)),
    Label("promosso_da", (), (), (r"\bpromosso da\b", r"\bsponsorizzato da\b")),
    Label("in_collaborazione", (), (), (r"\bin (?:collaborazione|partnership) con\b",)),
    Label("publicidad", ("publicidad", "publi", "publicidade", "publipost"), ("publicidad", "publi", "publicidade")),
    Label(
        "patrocinado",
        ("patrocinado", "patrocinadopor", "colaboracionpagada", "parceriapaga"),
        ("patrocinado", "parceria paga"),
        (r"\bpatrocinado por\b", r"\bcolaboracion (?:pagada|remunerada)\b", r"\bparceria paga\b"),
    ),
    Label("en_colaboracion", (), (), (r"\ben colaboracion con\b",)),
    Label(
        "advertentie",
        ("advertentie", "reclame", "publiciteit", "betaaldesamenwerking"),
        ("advertentie", "reclame", "publiciteit"),
        (r"\bbetaalde (?:samenwerking|partnerschap|promotie)\b",),
    ),
    Label("fogra", ("fogra",), ("fogra",)),
)  # fmt: skip

_ENGLISH = frozenset({"ad", "advertisement"})
_GENERAL = _ENGLISH | {
    "sponsored", "paid_partnership", "werbung", "anzeige", "publicite", "collaboration_commerciale", "pubblicita",
    "promosso_da", "publicidad", "patrocinado", "advertentie", "fogra",
}  # fmt: skip

# Newest first within a country. A post is judged by the rule of the day on which it was published.
REGIMES: tuple[Regime, ...] = (
    Regime(
        "US", date(2019, 11, 5), _ENGLISH | {"sponsored", "paid_partnership", "promoted_by"},
        clear_for_gifts=frozenset({"gift"}), source="16 CFR 255; FTC, Disclosures 101",
    ),
    Regime("GB", date(2020, 2, 6), _ENGLISH, source="CAP Code 2.1, 2.3; Influencers' guide, 2nd and 3rd ed."),
    Regime("GB", date(2018, 9, 28), _ENGLISH | {"affiliate"}, source="CAP Code 2.1, 2.3; Influencers' guide, 1st ed."),
    Regime(
        "DE", date(2020, 11, 7), frozenset({"werbung", "anzeige"}), Place.START,
        source="UWG § 5a (4); MStV §§ 22, 74; Leitfaden der Medienanstalten",
    ),
    Regime(
        "FR", date(2024, 11, 8), frozenset({"publicite", "collaboration_commerciale", "partenariat_remunere"}),
        source="Loi 2023-451 art. 5 as changed by Ordonnance 2024-978",
    ),
    Regime(
        "FR", date(2023, 6, 11), frozenset({"publicite", "collaboration_commerciale"}), source="Loi 2023-451 art. 5"
    ),
    Regime(
        "IT", date(2024, 10, 30), _ENGLISH | {"adv", "pubblicita", "promosso_da", "sponsored", "promoted_by"},
        Place.BEFORE_FOLD_OR_HASHTAGS, frozenset({"gift"}), source="IAP Digital Chart 2024; AGCOM 7/24/CONS",
    ),
    Regime(
        "IT", date(2019, 5, 1),
        _ENGLISH | {"adv", "pubblicita", "promosso_da", "sponsored", "promoted_by", "in_collaborazione"},
        Place.BEFORE_FOLD_OR_HASHTAGS, frozenset({"gift"}), source="IAP Digital Chart 2019",
    ),
    Regime(
        "ES", date(2021, 1, 1), frozenset({"publicidad", "patrocinado", "en_colaboracion"}),
        source="AUTOCONTROL and AEA, Código de influencers",
    ),
    Regime(
        "NL", date(2019, 1, 1), _ENGLISH | {"adv", "advertentie", "sponsored", "spon"},
        source="Reclamecode Social Media & Influencer Marketing",
    ),
    Regime("BE", date(2022, 4, 1), frozenset({"advertentie", "publicite"}), source="FOD Economie; JEP 2022"),
    Regime(
        "AU", date(2021, 2, 1), _ENGLISH | {"branded_content", "paid_partnership"}, platform_label_is_enough=True,
        source="AANA Code of Ethics 2.7",
    ),
    Regime(
        "CA", date(2019, 1, 1), _ENGLISH | {"sponsored"}, clear_for_gifts=frozenset({"gift"}),
        source="Ad Standards, Influencer Marketing Disclosure Guidelines",
    ),
    Regime("IE", date(2023, 10, 23), _ENGLISH | {"fogra"}, source="CCPC and ASAI guidance 2023"),
    Regime(
        "BR", date(2021, 3, 1), frozenset({"publicidad", "patrocinado"}), platform_label_is_enough=True,
        source="CONAR, Guia de publicidade por influenciadores digitais",
    ),
)  # fmt: skip

# Where no country was agreed, or its rule is younger than the post: words that are clear somewhere, before the fold.
GENERAL = Regime("", date(2005, 6, 12), _GENERAL, source="Directive 2005/29/EC art. 7 (2) and annex I no. 11")

# How many characters of a caption are seen without a click on "more". No platform promises these; they are the smaller
# ones that are seen on phones (2026). None is all of it.
FOLDS: Mapping[str, int | None] = {
    "instagram": 125, "tiktok": 100, "youtube": 150, "facebook": 150, "linkedin": 140, "x": 280, "threads": None,
    "bluesky": None, "mastodon": None, "pinterest": 60, "twitch": 140, "podcast": 200,
}  # fmt: skip
FOLD_ELSEWHERE = 150
FOLD_LINES = 3
# "At the beginning": nothing but an emoji, a name or a greeting goes before it.
START_CHARACTERS = 25
# Further hashtags around it bury a hashtag: it counts among the first three of its run.
FIRST_HASHTAGS = 3

# What items are told of by their platform, as imports and syncs keep it in `hints`.
PLATFORM_LABELS = ("paid_product_placement", "paid_partnership", "branded_content", "is_sponsored")


def regime_of(country: str | None, on: date | None) -> Regime:
    """The rule of a country (ISO 3166, two letters) on a day; without a day the newest; else the general rule."""
    for regime in REGIMES:
        if regime.country == country and (on is None or regime.since <= on):
            return regime
    return GENERAL


def countries() -> tuple[str, ...]:
    """The countries that have a rule of their own here, in alphabetical order."""
    return tuple(sorted({regime.country for regime in REGIMES}))


# What a contract asks for unless somebody writes otherwise: a word that the rule of the country takes at the beginning.
_WORDINGS = {
    "DE": "Werbung", "AT": "Werbung", "CH": "Werbung", "FR": "Publicité", "ES": "Publicidad", "IT": "Pubblicità",
    "BR": "Publicidade",
}  # fmt: skip


def wording_of(country: str | None) -> str:
    """The label that a contract asks of who publishes from this country (ISO 3166-1 alpha-2)."""
    return _WORDINGS.get(country or "", "#ad")
