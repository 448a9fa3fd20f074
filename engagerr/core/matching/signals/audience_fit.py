"""Audience fit: how much of the wished audience the creator's own has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engagerr.core.matching.signals.signal import Asked, Reading, Shown, SignalKind, known, profile_row

if TYPE_CHECKING:
    from engagerr.core.matching.brief_file import AudienceWish
    from engagerr.core.matching.signals.signal import Columns, Values


def _wishes(asked: Asked) -> tuple[AudienceWish, ...]:
    """What the brief says of the audience; countries alone wish for an audience there, too."""
    from engagerr.core.matching.brief_file import AudienceWish

    said = asked.brief.audience
    if any(wish.dimension == "country" for wish in said):
        return said
    return (*said, *(AudienceWish("country", country, 0.0) for country in asked.brief.countries))


def _reads(asked: Asked) -> Reading:
    columns: dict[str, str] = {}
    parameters: dict[str, str] = {}
    for place, wish in enumerate(_wishes(asked)):
        columns[f"audience_{place}"] = (
            f"(profile.audience #>> ARRAY[%(dimension_{place})s, %(audience_value_{place})s])::float8"
        )
        parameters |= {f"dimension_{place}": wish.dimension, f"audience_value_{place}": wish.value}
    return Reading(columns, parameters)


def _values(asked: Asked, columns: Columns) -> Values:
    """The mean over the wishes: a wish with a floor is met at it; those of one dimension without one are a single wish.

    Of several countries wished for, those that are known count: what a list of the largest shares leaves out is small.
    """
    import numpy as np

    wishes = _wishes(asked)
    parts = [
        np.clip(columns[f"audience_{place}"] / wish.share_min, 0, 1)
        for place, wish in enumerate(wishes)
        if wish.share_min > 0
    ]
    free: dict[str, list[Values]] = {}
    for place, wish in enumerate(wishes):
        if wish.share_min == 0:
            free.setdefault(wish.dimension, []).append(columns[f"audience_{place}"])
    for of_dimension in free.values():
        shares = np.array(of_dimension)
        together = np.where(np.isnan(shares).all(axis=0), np.nan, np.nansum(shares, axis=0))
        parts.append(np.clip(together, 0, 1))
    # A wish that nothing is known of leaves the whole unknown: half an answer would read as half a fit.
    return np.asarray(np.mean(np.array(parts), axis=0))


def _shows(asked: Asked, row: Mapping[str, Any]) -> tuple[Shown, ...]:
    found = []
    for place, wish in enumerate(_wishes(asked)):
        share = row.get(f"audience_{place}")
        if known(share):
            asked_for = f", {wish.share_min:.0%} asked for" if wish.share_min else ""
            detail = f"{share:.0%} of the audience is {wish.dimension} {wish.value}{asked_for}"
            found.append(Shown("audience", profile_row(row, "audience"), detail))
    return tuple(found)


AUDIENCE_FIT = SignalKind(
    name="audience_fit",
    meaning="the audience is the one that the brief wants to reach",
    weight=0.15,
    applies=lambda asked: bool(_wishes(asked)),
    reads=_reads,
    values=_values,
    shows=_shows,
    figure="audience",
)
