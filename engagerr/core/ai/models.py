"""Which models there are for a task, as a list for people: how good, how dear, and when each is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from engagerr.core.ai.policy import Policy
from engagerr.core.ai.provider import Price, Where
from engagerr.core.ai.qualities import QualityRow
from engagerr.core.ai.router import Router, label_of
from engagerr.core.ai.tasks import Task, TaskName


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model that can do a task. `place` is when it is asked, from 1; None where it is not, and `why_not` says why.

    `quality` is from 0 to 1; `quality_from` says whether it was measured `here` (on so many `cases`) or comes with the
    `model`; both are None where nobody measured it.
    """

    task: TaskName
    provider: str
    model: str
    version: str
    where: Where
    quality: float | None
    quality_from: str | None
    cases: int | None
    measured_at: datetime | None
    price: Price
    seconds: float
    place: int | None
    why_not: str | None


def model_rows(router: Router, task: Task, policy: Policy, measured: Mapping[str, QualityRow]) -> list[ModelRow]:
    """The models for a task in the order in which they are asked, those that are not asked last."""
    qualities = {label: row.quality for label, row in measured.items()}
    order = router.order(task, policy=policy, qualities=qualities, privacy=task.privacy)
    places = {candidate.label: place for place, candidate in enumerate(order.candidates, start=1)}
    why_not = dict(order.shut_out)
    rows = []
    for provider, offer in router.offers(task):
        label = label_of(provider, offer)
        here = measured.get(label)
        quality = here.quality if here else offer.quality
        rows.append(
            ModelRow(
                task.name,
                provider.name,
                offer.model,
                offer.version,
                provider.where,
                quality,
                None if quality is None else "here" if here else "model",
                here.cases if here else None,
                here.measured_at if here else None,
                offer.price,
                offer.seconds,
                places.get(label),
                why_not.get(label),
            )
        )
    return sorted(rows, key=lambda row: (row.place is None, row.place or 0, row.provider, row.model))
