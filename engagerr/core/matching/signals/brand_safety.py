"""Brand safety: how many of the recent pieces show what brands keep away from, or what this brief rules out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engagerr.core.ai.tasks import SafetyFlag
from engagerr.core.matching.signals.signal import Asked, Reading, Shown, SignalKind, always, known, profile_row

if TYPE_CHECKING:
    from engagerr.core.matching.signals.signal import Columns, Values

# A creator of whom every fifth piece is unsafe is as unsafe as can be.
_HOPELESS_SHARE = 0.2
_RULED_OUT = {
    "gambling": SafetyFlag.GAMBLING, "casino": SafetyFlag.GAMBLING, "betting": SafetyFlag.GAMBLING,
    "alcohol": SafetyFlag.ALCOHOL_OR_TOBACCO, "beer": SafetyFlag.ALCOHOL_OR_TOBACCO,
    "wine": SafetyFlag.ALCOHOL_OR_TOBACCO, "tobacco": SafetyFlag.ALCOHOL_OR_TOBACCO,
    "smoking": SafetyFlag.ALCOHOL_OR_TOBACCO, "vaping": SafetyFlag.ALCOHOL_OR_TOBACCO,
    "drugs": SafetyFlag.DRUGS, "cannabis": SafetyFlag.DRUGS, "weapons": SafetyFlag.ARMS, "guns": SafetyFlag.ARMS,
    "adult": SafetyFlag.ADULT, "nudity": SafetyFlag.ADULT, "politics": SafetyFlag.SENSITIVE_NEWS,
    "profanity": SafetyFlag.PROFANITY, "swearing": SafetyFlag.PROFANITY, "violence": SafetyFlag.CRIME,
    "crime": SafetyFlag.CRIME,
}  # fmt: skip


def ruled_out(asked: Asked) -> tuple[SafetyFlag, ...]:
    """The flags that the brief's `must_not` speaks of."""
    words = {part for wish in asked.brief.must_not for part in wish.lower().split()}
    return tuple(dict.fromkeys(flag for word, flag in _RULED_OUT.items() if word in words))


def _reads(asked: Asked) -> Reading:
    columns = {"unsafe_share": "profile.unsafe_share"}
    columns |= {
        f"flag_{flag}": f"coalesce((profile.safety ->> '{flag.value}')::float8, 0)" for flag in ruled_out(asked)
    }
    return Reading(columns)


def _values(asked: Asked, columns: Columns) -> Values:
    import numpy as np

    worst = columns["unsafe_share"]
    for flag in ruled_out(asked):
        # What the brief rules out weighs threefold, even where it was only mentioned.
        worst = np.maximum(worst, 3 * columns[f"flag_{flag}"])
    return np.asarray(np.clip(1 - worst / _HOPELESS_SHARE, 0, 1))


def _shows(asked: Asked, row: Mapping[str, Any]) -> tuple[Shown, ...]:
    if not known(row.get("unsafe_share")):
        return ()
    found = [Shown("safety", profile_row(row, "unsafe_share"), f"{row['unsafe_share']:.0%} of the pieces show some")]
    found += [
        Shown("safety", profile_row(row, "safety"), f"{row[f'flag_{flag}']:.0%} of the pieces mention {flag}")
        for flag in ruled_out(asked)
        if row.get(f"flag_{flag}")
    ]
    return tuple(found)


BRAND_SAFETY = SignalKind(
    name="brand_safety",
    meaning="few of the recent pieces show what brands keep away from",
    weight=0.10,
    applies=always,
    reads=_reads,
    values=_values,
    shows=_shows,
    figure="unsafe_share",
)
