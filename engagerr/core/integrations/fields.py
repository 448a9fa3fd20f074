"""Fields: asking for many figures in one call, and losing only those that the platform refuses."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engagerr.core.integrations.connector import Answer, Ask, Call
from engagerr.core.integrations.faults import FieldsRefused
from engagerr.core.integrations.records import State


def ask_for_fields(
    ask: Ask, names: Sequence[str], call_of: Callable[[tuple[str, ...]], Call], *, kind: str
) -> tuple[tuple[Answer, ...], dict[str, State]]:
    """Ask for all `names` at once; where that is refused, without the ones refused.

    Returns the answers (usually one; none if every field was refused) and why each missing field is missing. Where the
    platform does not say which field it refuses, the set is halved until it is found: about 2·log2(n) more calls, paid
    once an account and run, because `ask.refused` remembers the culprits under `kind`.
    """
    missing = {name: state for name in names if (state := ask.refused.get(f"{kind}:{name}")) is not None}
    answers: list[Answer] = []
    waiting = [tuple(name for name in names if name not in missing)]
    while waiting:
        wanted = waiting.pop()
        if not wanted:
            continue
        try:
            answers.append(ask(call_of(wanted)))
        except FieldsRefused as refusal:
            named = tuple(name for name in wanted if name in refusal.fields)
            if not named and len(wanted) > 1:
                half = len(wanted) // 2
                waiting += [wanted[half:], wanted[:half]]
                continue
            for name in named or wanted:
                missing[name] = ask.refused[f"{kind}:{name}"] = refusal.state
            waiting.append(tuple(name for name in wanted if name not in missing))
    return tuple(answers), missing
