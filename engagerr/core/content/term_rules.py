"""How far a term of an item reaches in its family: the rules, as one table of kind and relation.

A term is agreed about one item. From there it goes *down* every standing edge to what was made of that item, and *up*
only over `same_work`: which of two renditions is called the parent says nothing about the deal. A clip's own sponsor
binds the clip and whatever was made of the clip, never the episode. Edges that only wait as suggestions, or were
rejected, pass nothing on. Each edge on the way has a verdict, and the weakest on the way counts.

The rules read the law carefully rather than conveniently, and are no legal advice. Sources:

- *Disclosure* belongs to each piece in which the endorsement is seen or heard, "difficult to miss" there: 16 CFR
  255.0(f) and 255.5 (FTC Endorsement Guides, 2023); EU Directive 2005/29/EC art. 7(2) and annex I no. 11; UK CAP Code
  rules 2.1 and 2.3 with CAP and CMA, "Influencers' guide to making clear that ads are ads" (3rd ed., 2023). Whoever
  meets the clip alone does not see a label on the episode. So it applies to the same work, and is checked wherever the
  endorsement may have been cut out (`clip_of`, `part_of`), reworked (`derived_from`) or pointed at (`promotes`).
- *Sponsorship* goes where the sponsor's message goes, and is therefore checked in the same places.
- *Usage rights* are as wide as the licence: reworking a work is a right of its own (17 U.S.C. § 106(2); UK CDPA 1988
  s. 21; Berne Convention art. 12), so a cut-down is covered only where the licence says so (`check`). A post that
  promotes the work is another work, which nobody licensed.

A licence that has ended, or not begun, permits nothing that day (`does_not_apply`). A sponsorship or a duty to disclose
whose days are over is at most `check`: what was paid for stays advertising for as long as it is up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class TermKind(StrEnum):
    """What was agreed about an item."""

    SPONSORSHIP = "sponsorship"
    USAGE_RIGHTS = "usage_rights"
    DISCLOSURE = "disclosure"


class Verdict(StrEnum):
    """Whether a term that reaches an item binds it; from the strongest to the weakest."""

    APPLIES = "applies"
    CHECK = "check"
    DOES_NOT_APPLY = "does_not_apply"


class Standing(StrEnum):
    """Where a day lies to the days of a term."""

    RUNS = "runs"
    ENDED = "ended"
    NOT_BEGUN = "not_begun"


@dataclass(frozen=True, slots=True)
class Rule:
    """What one edge makes of one kind of term, and why, as a sentence that can be shown."""

    verdict: Verdict
    why: str


_SAME = "It is the same work."
RULES: Mapping[tuple[TermKind, str], Rule] = {
    (TermKind.SPONSORSHIP, "same_work"): Rule(Verdict.APPLIES, f"{_SAME} The sponsor is in it as well."),
    (TermKind.SPONSORSHIP, "clip_of"): Rule(
        Verdict.CHECK, "A clip is sponsored if the sponsor's passage, product or name is in it."
    ),
    (TermKind.SPONSORSHIP, "part_of"): Rule(
        Verdict.CHECK, "A part is sponsored if the sponsor is in this part, or paid for every part."
    ),
    (TermKind.SPONSORSHIP, "promotes"): Rule(
        Verdict.CHECK, "A post that points at sponsored work is sponsored if it shows or names the sponsor."
    ),
    (TermKind.SPONSORSHIP, "derived_from"): Rule(
        Verdict.CHECK, "A reworking is sponsored if the sponsor's passage was taken over into it."
    ),
    (TermKind.USAGE_RIGHTS, "same_work"): Rule(
        Verdict.APPLIES, f"{_SAME} The licence is for the work; see whether it names channels."
    ),
    (TermKind.USAGE_RIGHTS, "clip_of"): Rule(
        Verdict.CHECK, "A licence covers cut-downs only where it says so."
    ),
    (TermKind.USAGE_RIGHTS, "part_of"): Rule(
        Verdict.CHECK, "A licence for the whole covers parts on their own only where it says so."
    ),
    (TermKind.USAGE_RIGHTS, "promotes"): Rule(
        Verdict.DOES_NOT_APPLY, "A post that points at the work is another work, which the licence does not speak of."
    ),
    (TermKind.USAGE_RIGHTS, "derived_from"): Rule(
        Verdict.CHECK, "A licence covers adaptations only where it says so."
    ),
    (TermKind.DISCLOSURE, "same_work"): Rule(
        Verdict.APPLIES, f"{_SAME} Whoever sees it here needs the disclosure here."
    ),
    (TermKind.DISCLOSURE, "clip_of"): Rule(
        Verdict.CHECK, "If the endorsement is seen or heard in the clip, the clip itself has to disclose it."
    ),
    (TermKind.DISCLOSURE, "part_of"): Rule(
        Verdict.CHECK, "If the endorsement is seen or heard in this part, the part itself has to disclose it."
    ),
    (TermKind.DISCLOSURE, "promotes"): Rule(
        Verdict.CHECK, "If the post shows or praises what was endorsed, the post itself has to disclose it."
    ),
    (TermKind.DISCLOSURE, "derived_from"): Rule(
        Verdict.CHECK, "If the endorsement was taken over into the reworking, it has to be disclosed there."
    ),
}  # fmt: skip

OWN = Rule(Verdict.APPLIES, "It was agreed for this item.")
OWN_TOO = Rule(Verdict.APPLIES, "The same was agreed for this item itself.")
_STRENGTH = {verdict: -at for at, verdict in enumerate(Verdict)}


def weakest(kind: TermKind, relations: Sequence[str]) -> Rule:
    """What the edges on the way, in order, make of a term: the first of the weakest. Without an edge, `OWN`."""
    return min((RULES[kind, relation] for relation in relations), key=lambda rule: _STRENGTH[rule.verdict], default=OWN)


def out_of_time(kind: TermKind, rule: Rule, *, ended_on: date | None = None, begins_on: date | None = None) -> Rule:
    """What is left of a rule on a day outside the days of the term."""
    when = f"It ended on {ended_on}." if ended_on else f"It begins on {begins_on}."
    if kind is TermKind.USAGE_RIGHTS:
        return Rule(Verdict.DOES_NOT_APPLY, f"{when} Outside its days a licence permits nothing.")
    stays = " What was paid for stays advertising while it is up." if ended_on else ""
    weaker = min(rule.verdict, Verdict.CHECK, key=_STRENGTH.__getitem__)
    return Rule(weaker, f"{when}{stays} {rule.why}")
