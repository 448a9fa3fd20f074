"""Why a creator fits a brief, or not, put together from the signals alone: the strongest, the weakest, the unknown."""

from __future__ import annotations

from collections.abc import Sequence

from engagerr.core.ai.tasks import MatchFacts, Reason, ReasonSignal

VERSION = "match_reason 1"
# Over all cases of the evaluation, see docs/decisions/0024 for what they can and cannot tell.
QUALITY: float | None = 1.0

# From here on a signal is called strong besides the strongest.
_STRONG = 0.75
_MOST_OF_EVIDENCE, _LONGEST_NAME = 160, 120
_PLAIN_STATE = "value"


def answer(inputs: Sequence[MatchFacts]) -> list[Reason]:
    """One reason of at most five sentences per match. Every number in it stands in the facts."""
    return [Reason(reason=_reason(facts)) for facts in inputs]


def _reason(facts: MatchFacts) -> str:
    known = [(signal, signal.value) for signal in facts.signals if signal.value is not None]
    unknown = [signal.name for signal in facts.signals if signal.value is None]
    said = [
        f"{_short(facts.creator, _LONGEST_NAME)} scores {facts.score:.2f} for {_short(facts.brief, _LONGEST_NAME)}."
    ]
    if len(known) == 1:
        signal, value = known[0]
        said.append(f"Only {_name(signal.name)} is known {_figure(signal, value)}.")
    elif known:
        # What lifted the score most, and what is lowest: a light signal can be weak, only a heavy one can carry.
        by_weight = sorted(known, key=lambda one: -one[0].weight * one[1])
        strongest, rest = by_weight[0], by_weight[1:]
        weakest = min(reversed(rest), key=lambda one: (one[1], -one[0].weight))
        said.append(f"Strongest is {_name(strongest[0].name)} {_figure(*strongest)}.")
        if rest[0] is not weakest and rest[0][1] >= _STRONG:
            said.append(f"Also strong is {_name(rest[0][0].name)} {_figure(*rest[0])}.")
        said.append(f"Weakest is {_name(weakest[0].name)} {_figure(*weakest)}.")
    if unknown:
        said.append(f"Nothing is known of {_listed([_name(name) for name in unknown])}.")
    return " ".join(said)


def _figure(signal: ReasonSignal, value: float) -> str:
    state = (
        ""
        if signal.state in (_PLAIN_STATE, "zero", "")
        else f", {_short(signal.state.replace('_', ' '), _LONGEST_NAME)}"
    )
    evidence = f": {_short(signal.evidence[0], _MOST_OF_EVIDENCE)}" if signal.evidence else ""
    return f"({value:.2f}{state}){evidence}"


def _name(name: str) -> str:
    return _short(name.replace("_", " "), _LONGEST_NAME)


def _short(words: str, longest: int) -> str:
    plain = " ".join(words.split()).rstrip(".")
    return plain if len(plain) <= longest else f"{plain[: longest - 1]}…"


def _listed(names: Sequence[str]) -> str:
    shown = list(names[:8])
    if len(names) > len(shown):
        shown.append("others")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
