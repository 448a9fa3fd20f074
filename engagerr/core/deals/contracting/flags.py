"""What hurts in a contract: by rules over its terms, and in the words of anybody's contract by the task `clauses`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from engagerr.core.deals.contracting.clauses import ContractTerms, ExclusivityPromise, UsageRight
from engagerr.core.errors import InvalidInput
from engagerr.core.tenancy import Access, Permission

if TYPE_CHECKING:
    from engagerr.core.ai.ai import Ai

HIGH, MEDIUM, LOW = "high", "medium", "low"
# Net 30 is the norm of the trade; beyond net 60 a creator lends money to the brand. 60 days are also what EU law lets
# businesses agree on without more ado (Directive 2011/7/EU, article 3(5)).
LONGEST_NET_DAYS = 60
# Rights or exclusivity of more than a year outlast what a campaign is priced for.
LONG_DAYS = 365
_MOST_BYTES = 1 << 20
_CLAUSES = "clauses"


@dataclass(frozen=True, slots=True)
class Flag:
    """Something that hurts: which clause, how much (high, medium, low), what it says, and what could be asked for.

    `source` is `rule`, or the provider and model that read the words.
    """

    rule: str
    severity: str
    clause: str
    says: str
    ask: str
    source: str = "rule"


class Flags:
    """Flags of contracts. Rules need nothing; reading words asks a model, as policy and budget allow."""

    def __init__(self, access: Access, *, ai: Callable[[], Ai]) -> None:
        self._access = access
        self._ai = ai

    def of_terms(self, terms: ContractTerms) -> tuple[Flag, ...]:
        """What the rules find in terms, the worst first."""
        return flags_of(terms)

    def of_text(self, words: str) -> tuple[Flag, ...]:
        """What the task `clauses` finds in the words of a contract that came from elsewhere."""
        from engagerr.core.ai.tasks import Clauses, PlainText, TaskName

        if not words.strip():
            raise InvalidInput("There are no words to read.", hint="Give the contract's text.")
        with self._access.transaction(Permission.READ_DEALS):
            pass
        [answer] = self._ai().run(TaskName.CLAUSES, [PlainText(text=words)]).answers
        assert isinstance(answer.output, Clauses)
        source = f"{answer.provider}/{answer.model}"
        return tuple(
            Flag(_CLAUSES, MEDIUM, clause.kind.value, clause.concern, f"“{_short(clause.words)}”", source)
            for clause in answer.output.clauses
            if clause.concern
        )

    def of_file(self, path: Path) -> tuple[Flag, ...]:
        """Flags of a file: of terms (.json, .toml) by the rules and, for their free clauses, by the model; of text
        (.txt, .md) by the model."""
        from engagerr.core.deals.contracting.contract_drafts import read_terms

        if path.suffix.lower() in (".json", ".toml"):
            terms = read_terms(path)
            return (*flags_of(terms), *self.of_free_clauses(terms))
        try:
            if path.stat().st_size > _MOST_BYTES:
                raise InvalidInput(f"{path} is larger than a megabyte.", hint="Is this the right file?")
            words = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
            raise InvalidInput(
                f"{path} cannot be read: {reason}.", hint="Name a file with the contract's words, or with terms."
            ) from None
        return self.of_text(words)

    def of_free_clauses(self, terms: ContractTerms) -> tuple[Flag, ...]:
        """What the task finds in the clauses that have no structure."""
        if not terms.clauses:
            return ()
        return self.of_text("\n\n".join(f"{clause.heading}\n{clause.text}" for clause in terms.clauses))


def flags_of(terms: ContractTerms) -> tuple[Flag, ...]:
    """What the rules find, the worst first. The same terms give the same flags."""
    order = (HIGH, MEDIUM, LOW)
    return tuple(sorted(_found(terms), key=lambda flag: order.index(flag.severity)))


def _found(terms: ContractTerms) -> Iterator[Flag]:
    yield from _of_rights(terms)
    yield from _of_exclusivity(terms)
    yield from _of_work(terms)
    yield from _of_payment(terms)
    yield from _of_time(terms)


def _of_rights(terms: ContractTerms) -> Iterator[Flag]:
    for at, right in enumerate(terms.usage_rights, start=1):
        clause = f"usage right {at}"
        if right.perpetual:
            yield Flag(
                "perpetual_rights", HIGH, clause, "The brand may use the work for ever.",
                "A term, such as 6 or 12 months, with a price for each renewal.",
            )  # fmt: skip
        elif (days := _days_of(right)) is not None and days > LONG_DAYS:
            yield Flag(
                "long_rights", MEDIUM, clause, f"The brand may use the work for {days} days.",
                "A year at most, or a price for what is beyond it.",
            )  # fmt: skip
        if _outlives(right, terms.term.until):
            yield Flag(
                "rights_outlive_term", LOW, clause, f"The right ends after the contract does ({terms.term.until}).",
                "Mean it, and price it; else let it end with the contract.",
            )  # fmt: skip
        if right.paid_media and not right.perpetual and right.until is None and right.term_days is None:
            yield Flag("paid_media", MEDIUM, clause, "Paid media without an end.", "A term for paid media.")
        if any("all" in channel.lower().split() or "any" in channel.lower().split() for channel in right.channels):
            yield Flag(
                "all_channels", MEDIUM, clause, f"The right holds for {', '.join(right.channels)}.",
                "Channels by name: what is not named is sold later.",
            )  # fmt: skip


def _of_exclusivity(terms: ContractTerms) -> Iterator[Flag]:
    for at, promise in enumerate(terms.exclusivity, start=1):
        clause = f"exclusivity {at}"
        if promise.category is None:
            yield Flag(
                "industry_wide_exclusivity", HIGH, clause, "It bars work for every brand, whatever it sells.",
                "A category, as narrow as what competes with the brand.",
            )  # fmt: skip
        elif "/" not in promise.category:
            yield Flag(
                "broad_exclusivity", MEDIUM, clause, f"It bars the whole field of {promise.category}.",
                f"A narrower category, such as {promise.category}/…, or named competitors.",
            )  # fmt: skip
        if promise.until is None:
            yield Flag("endless_exclusivity", HIGH, clause, "It has no end.", "A last day.")
        elif (promise.until - promise.starts).days > LONG_DAYS:
            yield Flag(
                "long_exclusivity", MEDIUM, clause, f"It lasts {(promise.until - promise.starts).days + 1} days.",
                "As long as the campaign runs, and a month.",
            )  # fmt: skip
        if not promise.creators:
            yield Flag(
                "roster_exclusivity", HIGH, clause, "It binds everybody whom the agency represents.",
                "The creators of this campaign alone.",
            )  # fmt: skip
        if not promise.territories:
            yield Flag("worldwide_exclusivity", MEDIUM, clause, "It holds everywhere.", "Where the campaign runs.")
        if _after(promise, terms.term.until):
            yield Flag(
                "exclusivity_outlives_term", LOW, clause, f"It goes on after the contract ends ({terms.term.until}).",
                "Mean it, and price it.",
            )  # fmt: skip


def _of_work(terms: ContractTerms) -> Iterator[Flag]:
    for deliverable in terms.deliverables:
        if deliverable.revisions is None:
            yield Flag(
                "unlimited_revisions", HIGH, f"deliverable {deliverable.ref}", "As many revisions as are asked for.",
                "Two revisions, and a price for each further one.",
            )  # fmt: skip
    if not terms.kill_fees:
        yield Flag(
            "no_kill_fee", MEDIUM, "cancellation", "Nothing is due if the brand cancels.",
            "A part of what is not yet paid, from the day of signature on.",
        )  # fmt: skip
    if not terms.disclosure.wording and not terms.disclosure.platform_label:
        yield Flag(
            "no_disclosure", HIGH, "disclosure", "Nothing says how advertising is labelled; creators answer for it.",
            "The wording (#ad) and the platform's own label.",
        )  # fmt: skip


def _of_payment(terms: ContractTerms) -> Iterator[Flag]:
    days = terms.payment_terms.net_days
    if days > LONGEST_NET_DAYS:
        yield Flag(
            "late_payment", HIGH, "payment", f"Payment may take {days} days.", f"Net 30; {LONGEST_NET_DAYS} at most.",
        )  # fmt: skip
    elif days > LONGEST_NET_DAYS // 2:
        yield Flag("slow_payment", LOW, "payment", f"Payment may take {days} days; 30 is usual.", "Net 30.")
    if not terms.payment_terms.held:
        yield Flag(
            "not_held", MEDIUM, "payment", "Nothing is paid in before work begins.", "Milestones that are funded.",
        )  # fmt: skip
    last = [one for one in terms.milestones if one.amount_minor * 2 > terms.total.minor]
    if last and len(terms.milestones) > 1 and last[0] is terms.milestones[-1]:
        yield Flag(
            "paid_at_the_end", LOW, f"milestone {last[0].ref}", "More than half is paid with the last milestone.",
            "Even parts.",
        )  # fmt: skip


def _of_time(terms: ContractTerms) -> Iterator[Flag]:
    if terms.renewal is not None:
        yield Flag(
            "auto_renewal", HIGH, "renewal",
            f"It goes on by itself for {terms.renewal.months} months unless somebody says no"
            f" {terms.renewal.notice_days} days before.",
            "An end, and a new contract.",
        )  # fmt: skip
    if terms.term.until is None:
        yield Flag("open_term", LOW, "term", "The contract has no last day.", "A last day.")
    if not terms.categories:
        yield Flag(
            "no_category", LOW, "categories", "It does not say what the brand sells: clashes with other contracts'"
            " exclusivity cannot be seen.", "The brand's category, such as beauty/skin care.",
        )  # fmt: skip


def _days_of(right: UsageRight) -> int | None:
    if right.term_days is not None:
        return right.term_days
    if right.starts is not None and right.until is not None:
        return (right.until - right.starts).days + 1
    return None


def _outlives(right: UsageRight, ends: date | None) -> bool:
    if ends is None or right.perpetual:
        return False
    if right.until is not None:
        return right.until > ends
    return right.starts is not None and right.starts + timedelta(days=(right.term_days or 0) - 1) > ends


def _after(promise: ExclusivityPromise, ends: date | None) -> bool:
    return ends is not None and promise.until is not None and promise.until > ends


def _short(words: str) -> str:
    line = " ".join(words.split())
    return line if len(line) <= 160 else f"{line[:157]}…"
