"""The wording by which clauses of creator contracts are known, in English, German, Spanish and French."""

from __future__ import annotations

import re

from engagerr.core.ai.tasks import ClauseKind


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![^\W_])(?:{pattern})", re.IGNORECASE)


HEADINGS = {
    ClauseKind.DELIVERABLES: _words(
        r"outputs?\b|what you (?:do|deliver)|was du (?:machst|lieferst)|aufgaben|lo que haces|"
        r"ce que vous faites|briefing|"
        r"deliverables?|scope|services|content\b(?! licen)|work\b|leistung(?!sschutz)|werbeleistung|"
        r"objeto|servicios|prestations?|livrables|what you make|objet"
    ),
    ClauseKind.USAGE_RIGHTS: _words(
        r"moral rights|media\b|what we may|was wir|assignment|verwertung|reuse|boosting|uso de|"
        r"usage|licen[cs]e|rights|ownership|intellectual property|copyright|paid media|whitelisting|"
        r"nutzung|rechteeinräumung|derechos|propiedad|droits d|propriété|cession"
    ),
    ClauseKind.EXCLUSIVITY: _words(
        r"restraint|competit|konkurrenz|clash|competencia|concurrence|"
        r"exclusiv|non-?compet|exklusiv|wettbewerb|no competencia|non-?concurrence"
    ),
    ClauseKind.REVISIONS: _words(
        r"feedback|amendments?|nachbesser|wenn etwas nicht passt|if something|retouches|cambios|änderungen|"
        r"revision|edits?\b|review|approval|changes|korrektur|freigabe|revisi[oó]n|correcciones|"
        r"modifications?|validation|relecture"
    ),
    ClauseKind.KILL_FEE: _words(
        r"pull-?out|postpone|if we (?:pull|call)|wenn wir abspringen|rücktritt|absage|"
        r"kill fee|cancel|storno|ausfall|cancelaci|annulation|dédit"
    ),
    ClauseKind.PAYMENT: _words(
        r"rate\b|settlement|money|wann geld|what you get|was du bekommst|price\b|entgelt|factur|tarif|precio|billing|"
        r"payment|fees?\b|compensation|consideration|invoic|remuneration|what we pay|retainer|vergütung|"
        r"zahlung|honorar|pago|remuneraci|honorarios|rémunération|paiement|prix"
    ),
    ClauseKind.DISCLOSURE: _words(
        r"advertising rules|hashtags?|labels?\b|publicidad|werbekenn|"
        r"disclos|ftc|endorsement|labell?ing|how you say|kennzeichnung|transparen|etiquetad|identificaci|mention"
    ),
    ClauseKind.TERM: _words(
        r"period of performance|survival|runtime|zeitraum|periodo|période|"
        r"term\b(?!s)|duration|how long|termination|laufzeit|dauer|kündigung|duraci|plazo|vigencia|durée"
    ),
    ClauseKind.RENEWAL: _words(
        r"renewal|extension|option\b|verlängerung|prórroga|renovaci|renouvellement|reconduction"
    ),
    ClauseKind.LIABILITY: _words(
        r"liabilit|indemni|warrant|haftung|freistellung|responsabil|indemniz|garantie|limitation of"
    ),
    ClauseKind.LAW: _words(
        r"venue|forum\b|streit|différend|law\b|recht\b|legislación|"
        r"governing|applicable law|jurisdiction|disputes?|arbitration|choice of law|gerichtsstand|"
        r"anwendbares recht|ley aplicable|jurisdicci|droit applicable|litiges|fuero"
    ),
}
BODIES = {
    ClauseKind.DELIVERABLES: _words(
        r"you(?:['’]ll| will| shall)? (?:make|produce|film|post)|du (?:machst|drehst|postest)|carousels?|"
        r"cut-downs?|drehst?|fournit|entregará|liefert|"
        r"shall (?:produce|create|post|deliver)|will (?:produce|create|post|mention|make|deliver|stream)|"
        r"(?:creator|influencer|talent) streams|"
        r"erstellt|veröffentlicht|realizará|creará|publicará|publie|réalise|crée\b|\d+x? (?:reels?|"
        r"stor(?:y|ies)|tiktoks?|videos?)|"
        r"(?:one|two|three|four) (?:\(\d\) )?(?:reels?|tiktok|instagram|youtube|linkedin|stor)"
    ),
    ClauseKind.USAGE_RIGHTS: _words(
        r"assigns?\b|waives?|full term of copyright|are ours|belongs? to (?:us|the|brand)|paid social|"
        r"organic|whitelist\w*|boost\w*|all present and future rights|licen[cs]e|"
        r"licen[cs]e to use|may (?:use|repost|quote|keep|run)|grants|irrevocable|work made for hire|"
        r"right, title|copyright|"
        r"nutzungsrecht|räumt|cede|derechos de explotación|peut (?:republier|utiliser|exploiter)|perpetu|in all media"
    ),
    ClauseKind.EXCLUSIVITY: _words(
        r"refrains?|s['’]interdit|anyone else who|other brands?|rivals?\b|no (?:other|competing)|"
        r"keine anderen|otras marcas|autres marques|exclusiv\w*|"
        r"(?:shall|will|may) not (?:promote|work|endorse|advertise)|no promocionará|ne travaille avec|"
        r"für kein|competing|competitors?\b|konkurren"
    ),
    ClauseKind.REVISIONS: _words(
        r"what to change|passes\b|nachbessern|as often as|amend\w*|edits?\b|feedback|änderungswünsche|"
        r"retouches|cambios|"
        r"rounds? of|revisions?|revision rounds?|reasonable changes|korrekturschleifen|rondas? de|"
        r"tours? de modif|will make changes"
    ),
    ClauseKind.KILL_FEE: _words(
        r"work in progress|(?:pulls?|drops?) out|call(?:s|ed)? (?:it )?off|die hälfte bleibt|abspringen|"
        r"kill fee|cancell?ation fee|"
        r"if .{0,60}(?:cancel|terminat)\w*|is cancelled|keeps the full fee|sagt .{0,30} ab\b|cancela\b|annule\b"
    ),
    ClauseKind.PAYMENT: _words(
        r"payment (?:within|is due|of|in \d)|zahlung (?:innerhalb|binnen)|pago (?:a|en) \d|paiement (?:à|sous) \d|"
        r"remit\w*|settled?\b|réglées?|factures?|upfront|deposit|bank transfer|überwiesen|transferencia|"
        r"virement|eom\b|\w+ (?:days|months) after|"
        r"shall pay|will pay|pays?\b|payable|net \d+|invoice|zahlbar|fällig|abonará|pagará|verse\b|paiera|"
        r"facturation|paid within|rechnungsstellung"
    ),
    ClauseKind.DISCLOSURE: _words(
        r"sponsored|gifted|.?werbung.? (?:muss|steht)|hashtag|disclos\w+|labell?ed|kennzeichn\w+|identificar|"
        r"#ad\b|#anzeige|#werbung|#publi\w*|paid partnership|brand partnership|branded[- ]content|"
        r"material connection|als .{0,3}(?:anzeige|werbung)|"
        r"collaboration commerciale|as advertising|clearly and conspicuously|\[ad\]|zu kennzeichnen"
    ),
    ClauseKind.TERM: _words(
        r"expir\w+|survives?\b|comes into force|endet am|ends on|in force|"
        r"(?:agreement|contract) (?:starts|ends|runs|shall commence)|starts on|runs for|shall commence|"
        r"stay online|der vertrag läuft|entra en vigor|"
        r"le contrat (?:commence|prend)|for a period of"
    ),
    ClauseKind.RENEWAL: _words(
        r"reconduit\w*|rolls? over|unless .{0,40}notice|another (?:year|term)|wird fortgesetzt|prorrog\w+|"
        r"renews?|automatically|extend(?:ed)? (?:by|the)|verlängert sich|se renueva|prorroga|reconduit"
    ),
    ClauseKind.LIABILITY: _words(
        r"sued|cover whatever|aggregate exposure|damages|losses|third[- ]party claims|schadensersatz|daños|dommages|"
        r"indemnif\w+|hold harmless|liable|liability|haftet|stellt .{0,60} frei|indemnizará|responsable|"
        r"garantit .{0,40} contre"
    ),
    ClauseKind.LAW: _words(
        r"différend|tribunal de|venue|seat of|english law|deutsches recht|derecho español|law applies|applicable law|"
        r"laws of|governed by|courts of|arbitration|es gilt .{0,20}recht|gerichtsstand|se rige por|"
        r"tribunales|régi par|tribunaux|construed under"
    ),
}
# (what it is called, the wording, the wording that takes the sting out of it)
CONCERNS: dict[ClauseKind, tuple[tuple[str, re.Pattern[str], re.Pattern[str] | None], ...]] = {
    ClauseKind.USAGE_RIGHTS: (
        (
            "perpetual rights",
            _words(
                r"full term of copyright|for good\b|as long as .{0,30}(?:copyright|protected)|"
                r"all present and future rights|für immer|"
                r"perpetual|in perpetuity|perpetuity|without (?:time )?limit|no time limit|for ever|"
                r"forever|unlimited (?:in )?(?:time|duration)|"
                r"zeitlich un(?:be|einge)\w+|unbefristet\w*|auf dauer|a perpetuidad|perpetu\w+|"
                r"sin límite de tiempo|à perpétuité|durée illimitée|"
                r"sans limite de durée|pour toute la durée"
            ),
            None,
        ),
    ),
    ClauseKind.REVISIONS: (
        (
            "unlimited revisions",
            _words(
                r"as often as|as many (?:rounds|times)|until we are happy|"
                r"unlimited|without limit|no limit|until .{0,30}satisf\w+|any number|as many|"
                r"beliebig viele|unbegrenzt\w*|unbeschränkt\w*|"
                r"ilimitad\w+|sin límite|illimité\w*|sans limite"
            ),
            None,
        ),
    ),
    ClauseKind.EXCLUSIVITY: (
        (
            "industry-wide exclusivity",
            _words(
                r"anyone else who|acteur du marché|any (?:other )?brand in|all other (?:brands|companies)|"
                r"(?:\w+ ){0,3}industry|(?:entire|whole) (?:sector|category)|any other (?:company|brand)|"
                r"\w*branche|sector\b|secteur|todo el sector|kein anderes unternehmen"
            ),
            None,
        ),
    ),
    ClauseKind.RENEWAL: (
        (
            "auto-renewal",
            _words(
                r"reconduit\w*|rolls? over|unless (?:cancelled|terminated|either)|"
                r"automatic\w*|automatisch|automátic\w+|automatique\w*|tacit\w*|stillschweigend"
            ),
            _words(r"not automatic\w*|no automatic|nicht automatisch"),
        ),
    ),
    ClauseKind.TERM: (
        (
            "auto-renewal",
            _words(
                r"automatically (?:renew|extend)\w*|renews? automatically|verlängert sich automatisch|"
                r"tacite reconduction"
            ),
            None,
        ),
    ),
    ClauseKind.LIABILITY: (
        (
            "uncapped indemnity",
            _words(
                r"cover whatever|hold us harmless|any and all (?:claims|losses)|"
                r"indemnif\w+|hold \w* ?(?:and \w+ )*harmless|hold harmless|stellt .{0,80} frei|indemnizará|garantit"
            ),
            _words(
                r"shall not exceed|capped|cap of|limited to|up to the (?:fee|amount)|begrenzt auf|"
                r"limitad\w+ a|limitée? à"
            ),
        ),
    ),
}

_UNITS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9}
_TENS = {"ten": 10, "fourteen": 14, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "forty-five": 45,
         "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}  # fmt: skip
_MONTHS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "six": 6, "einen": 1, "zwei": 2, "drei": 3, "vier": 4, "un": 1, "dos": 2,
    "tres": 3, "deux": 2, "trois": 3, "quatre": 4,
}  # fmt: skip
_DAYS_OF_A_MONTH = 30
_DAYS = re.compile(
    rf"\bnet[\s-]?(?P<net>\d{{1,3}})\b|"
    rf"(?P<number>\d{{1,3}})\)?\s*(?:calendar |business |working |kalender)?"
    rf"(?:days?|tage?n?|días|jours)\b|"
    rf"\b(?P<tens>{'|'.join(sorted(_TENS, key=len, reverse=True))}|"
    rf"one hundred(?: and twenty)?)(?:-(?P<unit>{'|'.join(_UNITS)}))? "
    rf"(?:calendar |business )?days?\b|"
    rf"(?P<months>\d{{1,2}}|{'|'.join(_MONTHS)})\)? (?:months?|monaten?|meses|mois)"
    r"(?= (?:after|from|following|of receipt|later|nach|después|tras|après)\b)|"
    r"(?P<quarter>end of the (?:next|following) quarter|end of the quarter following)",
    re.IGNORECASE,
)


def days_to_payment(words: str) -> int | None:
    """The longest time of payment in the clause, in days, or None."""
    found = [_days(match) for match in _DAYS.finditer(words)]
    return max(found, default=None)


def _days(match: re.Match[str]) -> int:
    if digits := match["net"] or match["number"]:
        return int(digits)
    if match["quarter"]:
        return 3 * _DAYS_OF_A_MONTH
    if months := match["months"]:
        return _DAYS_OF_A_MONTH * (int(months) if months.isdigit() else _MONTHS[months.casefold()])
    tens = match["tens"].casefold()
    whole = 100 + 20 * tens.endswith("twenty") if tens.startswith("one hundred") else _TENS[tens]
    return whole + _UNITS.get((match["unit"] or "").casefold(), 0)
