"""How a cell of a performance is told: the steps in it, from which figure to which, and the views left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from engagerr.cli.output import MISSING, Column, facts, in_unit, minute, money, number, plain, put, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engagerr.core.metrics.moves import MoveChain, Step

_CSV = (
    "counted", "account", "item", "title", "metric", "basis", "began_at", "before", "observed_at", "reported", "adds",
    "carried", "reset", "mixed", "state", "definition", "observation",
)  # fmt: skip
_MOST_STEPS = 20


def put_move(chain: MoveChain) -> None:
    """Write the chain as the command now running answers."""
    put(_document(chain), csv=_CSV, flat=list(_rows(chain)), drawing=lambda: _drawn(chain))


def _document(chain: MoveChain) -> dict[str, Any]:
    document: dict[str, Any] = plain(chain)
    for name, steps in (("steps", chain.steps), ("left_out", chain.left_out)):
        document[name] = [plain(step) | {"observation": str(step.observation)} for step in steps]
    if chain.unit == "currency":
        document |= {name: money(amount, chain.currency) for name, amount in
                     (("value", chain.value), ("carried", chain.carried))}  # fmt: skip
    return document


def _rows(chain: MoveChain) -> Iterator[dict[str, Any]]:
    for counted, steps in ((True, chain.steps), (False, chain.left_out)):
        for step in steps:
            yield plain(step) | {"counted": counted, "observation": str(step.observation)}


def _drawn(chain: MoveChain) -> list[RenderableType]:
    from rich.text import Text

    value = in_unit(chain.value, chain.unit, chain.currency)
    pairs = [("how", chain.how)]
    if chain.carried is not None:
        carried = in_unit(chain.carried, chain.unit, chain.currency)
        pairs.append(("carried", f"{carried} more came to light that began earlier; not in it"))
    if chain.missing:
        pairs.append(("not known", f"{number(chain.missing)} figures were named without a number; not zero"))
    drawn: list[RenderableType] = [Text(value, style="bold"), facts(pairs)]
    for title, steps in (("Steps in it", chain.steps), ("Other views of the same, left out", chain.left_out)):
        if steps:
            shown = steps[:_MOST_STEPS]
            drawn += [
                "",
                Text(f"↓ {title} ({number(len(steps))})", style="bold"),
                _steps(shown, chain),
                *(
                    [f"… and {number(len(steps) - len(shown))} more; --output json or csv has them all."]
                    if len(steps) > len(shown)
                    else []
                ),
            ]
    return [*drawn, "", f"Go on with: engagerr metric explain {chain.steps[-1].observation}"]


def _steps(steps: Sequence[Step], chain: MoveChain) -> RenderableType:
    columns: list[Column[Step]] = [
        Column("Item", lambda step: step.item, fold=True),
        Column("Title", lambda step: step.title or MISSING, elastic=True, above=100),
        Column("Metric", lambda step: step.metric, fold=True),
        Column("Seen", lambda step: minute(step.observed_at)),
        Column("Before", lambda step: number(step.before), right=True),
        Column("Figure", lambda step: number(step.reported), right=True),
        Column("Adds", lambda step: _adds(step, chain), right=True),
    ]
    return table(steps, columns)


def _adds(step: Step, chain: MoveChain) -> str:
    marks = ("+" if step.carried else "") + ("↺" if step.reset else "") + ("†" if step.mixed else "")
    return f"{in_unit(step.adds, chain.unit, chain.currency)}{marks}"
