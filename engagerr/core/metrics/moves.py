"""From a cell of `performance` back to the observations: every step of every item in it, and whether they add up.

Nothing here is remembered: the steps are read again from the observations, by the SQL that makes the rollups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.metrics.explain import ObservationRef
from engagerr.core.metrics.performance import GRAINS, bucket_after
from engagerr.core.metrics.registry import Registry
from engagerr.core.metrics.rollup_steps import STEPS, choose_accounts, choose_days, choose_items, lay_out, read_figures
from engagerr.core.metrics.rulings import UNPUBLISHED, rulings

if TYPE_CHECKING:
    from engagerr.core.db import Session

MOVE = "move:"


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveRef:
    """One cell of a performance as text: `move:by=platform;group=youtube;of=items;sum=likes;…`, percent-encoded.

    `creator`, `campaign` and `family` say whose performance it was, as it was asked for; without them, everybody's.
    """

    by: str
    group: str
    of: str
    sum: str
    grain: str
    bucket: date
    since: date
    until: date
    basis: str | None = None
    currency: str | None = None
    creator: str | None = None
    campaign: str | None = None
    family: str | None = None
    platform: str | None = None

    def __str__(self) -> str:
        """The text that `parse` reads."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        return MOVE + ";".join(f"{name}={quote(str(value), safe='')}" for name, value in said.items() if value)

    @classmethod
    def parse(cls, reference: str) -> MoveRef:
        """The cell that a text names; `InvalidInput` where it names none."""
        said: dict[str, Any] = {}
        names = {field.name for field in fields(cls)}
        try:
            for pair in reference.strip().removeprefix(MOVE).split(";"):
                name, equals, value = pair.strip().partition("=")
                if not equals or name not in names or name in said:
                    raise ValueError(f"{pair!r} is not one of its parts")
                said[name] = unquote(value)
            for name in ("bucket", "since", "until"):
                said[name] = date.fromisoformat(said[name])
            if said["grain"] not in GRAINS:
                raise ValueError(f"there is no grain {said['grain']!r}")
            made = cls(**said)
            made.days  # noqa: B018  the calendar may end before the bucket does
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise InvalidInput(
                f"{reference!r} names no cell of a performance: {error}.",
                hint="Copy it whole, as `engagerr metric performance --output json` gives it.",
                facts={"reference": reference},
            ) from None
        return made

    @property
    def days(self) -> tuple[date, date]:
        """The days of the bucket that lie in the window, [first, after the last)."""
        after = bucket_after(self.bucket, self.grain)
        return max(self.bucket, self.since), min(after, self.until)


@dataclass(frozen=True, slots=True)
class Step:
    """One standing figure and what it adds, in the concept's unit. `before` is the figure it is counted from, as the
    platform gave it; None where there was none before, or the basis is no growth. Carried steps began before the bucket
    and are not in its value. `observation` can itself be explained.
    """

    account: str
    item: str
    title: str | None
    metric: str
    basis: str
    began_at: datetime | None
    before: Decimal | None
    observed_at: datetime
    reported: Decimal | None
    adds: Decimal | None
    carried: bool
    reset: bool
    mixed: bool
    state: str
    definition: str
    observation: ObservationRef


@dataclass(frozen=True, slots=True)
class MoveChain:
    """A cell of a performance, made again: its steps, what they come to, and the views of it that were left out."""

    reference: str
    value: Decimal | None
    carried: Decimal | None
    unit: str
    currency: str | None
    steps: tuple[Step, ...]
    left_out: tuple[Step, ...]
    missing: int
    how: str


_STEPS_OF_CELL = """
WITH {steps}
SELECT spanned.*, account.platform || ':' || account.handle AS account,
       coalesce(creator.name, account.platform || ':' || account.handle) AS creator,
       item.platform || ':' || item.native_id AS item, item.title, spanned.is_before_{grain} AS is_carried
FROM spanned
JOIN accounts AS account ON account.tenant_id = :tenant_id AND account.id = spanned.account_id
LEFT JOIN creators AS creator ON creator.tenant_id = :tenant_id AND creator.id = account.creator_id
LEFT JOIN content_items AS item ON item.tenant_id = :tenant_id AND item.id = spanned.subject_id
WHERE (CASE WHEN basis = 'level' THEN metric ELSE sum_group END) = :sum AND currency = :currency
ORDER BY account, item, metric, observed_at
"""


def explain_move(
    session: Session,
    registry: Registry,
    reference: MoveRef,
    *,
    tenant_id: UUID,
    account_ids: Sequence[UUID] | None,
    item_ids: Sequence[UUID] | None,
) -> MoveChain:
    """The steps of a cell, of these accounts or items, or of everybody. `NotFound` where nothing was seen in it."""
    lay_out(session, registry)
    if item_ids is not None:
        choose_items(session, tenant_id=tenant_id, items=item_ids)
    else:
        everybody = text("SELECT id FROM accounts WHERE tenant_id = :tenant_id")
        accounts = account_ids
        if accounts is None:  # not "or": a creator without accounts is nobody
            accounts = session.execute(everybody, {"tenant_id": tenant_id}).scalars().all()
        choose_accounts(session, tenant_id=tenant_id, accounts=accounts)
    first, last = reference.days
    choose_days(session, since=first, until=last)
    read_figures(session, tenant_id=tenant_id)
    rows = session.execute(
        text(_STEPS_OF_CELL.format(steps=STEPS, grain=reference.grain)),
        {
            "tenant_id": tenant_id, "unpublished": UNPUBLISHED, "sum": reference.sum,
            "currency": reference.currency or "",
        },
    ).all()  # fmt: skip
    rows = [
        row for row in rows
        if _group(row, reference) == reference.group and _is_of(row, reference.of)
        and reference.platform in (None, row.platform)
    ]  # fmt: skip
    if not rows:
        raise _nothing_seen(reference)
    scales = {one.definition: one for one in rulings(registry)}
    views: dict[tuple[Any, ...], dict[tuple[str, str], list[Step]]] = {}
    for row in rows:
        of_one = views.setdefault((row.account_id, row.kind), {})
        definition = registry.definition(row.definition)
        view = "" if definition is not None and definition.parts else row.metric
        of_one.setdefault((view, row.basis), []).append(_step(row, scales[row.definition].scale))
    counted: list[Step] = []
    left_out: list[Step] = []
    for of_one in views.values():
        # The view that saw more, as `performance` chooses it.
        order = sorted(of_one, key=lambda view: (*_rank(of_one[view]), view[0]))
        if reference.basis not in (None, order[0][1]):
            continue  # it is in the cell of that basis
        counted += of_one[order[0]]
        for view in order[1:]:
            left_out += of_one[view]
    if not counted:
        raise _nothing_seen(reference)
    level = reference.of == "account" and all(step.basis == "level" for step in counted)
    within = [step.adds for step in counted if step.adds is not None and not step.carried]
    carried = [step.adds for step in counted if step.adds is not None and step.carried]
    value = None if not within else within[-1] if level else sum(within, Decimal(0))
    how = "the last level that was seen" if level else (
        "what each step adds, added up; a step is a standing figure less the one before it, or a day's figure"
    )  # fmt: skip
    return MoveChain(
        str(reference), value, sum(carried, Decimal(0)) if carried else None, scales[rows[0].definition].unit,
        reference.currency, tuple(counted), tuple(left_out), sum(step.reported is None for step in counted), how,
    )  # fmt: skip


def _nothing_seen(reference: MoveRef) -> NotFound:
    return NotFound(
        f"Nothing was seen of {reference.sum!r} for {reference.group!r} in it.",
        hint="Run the performance again for cells that exist now.",
        facts={"reference": str(reference)},
    )


def _rank(steps: Sequence[Step]) -> tuple[bool, Decimal, bool, Decimal]:
    """Sorts the larger value first, nothing last; then the larger carried."""
    within = [step.adds for step in steps if step.adds is not None and not step.carried]
    carried = [step.adds for step in steps if step.adds is not None and step.carried]
    return not within, -sum(within, Decimal(0)), not carried, -sum(carried, Decimal(0))


def _group(row: Any, reference: MoveRef) -> str:
    known = {"platform": row.platform, "kind": row.kind or "unknown", "account": row.account, "creator": row.creator}
    return str(known.get(reference.by, "all"))


def _is_of(row: Any, of: str) -> bool:
    return bool((row.kind == "account") == (of == "account"))


def _step(row: Any, scale: Decimal) -> Step:
    subject = row.item or row.account
    grows = row.basis == "growth"
    period = 1 if row.basis == "daily" else 0
    return Step(
        row.account, subject, row.title, row.native, row.basis, row.began_at if grows else None,
        row.before if grows else None, row.observed_at, row.value, None if row.step is None else row.step * scale,
        bool(row.is_carried), bool(row.is_reset), bool(row.is_mixed), row.state, row.definition,
        ObservationRef(subject, row.native, row.observed_at, period),
    )  # fmt: skip
