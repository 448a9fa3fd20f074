"""How `engagerr ai …` shows models, answers, measurements, usage and policies."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from engagerr.cli.output import MISSING, Column, minute, number, plain, words

if TYPE_CHECKING:
    from msgspec import Struct

    from engagerr.core.ai.ai import PolicyReport, TaskPolicy
    from engagerr.core.ai.bulk import RunRow
    from engagerr.core.ai.evaluation.evaluation import EvaluationRow
    from engagerr.core.ai.models import ModelRow
    from engagerr.core.ai.rounds import Answer, Totals
    from engagerr.core.ai.usage import UsageRow

_LONGEST = 200


def dollars(micro_usd: int | None) -> str:
    """Millionths of a dollar as dollars, with as many decimals as there are."""
    if micro_usd is None:
        return MISSING
    exact = Decimal(micro_usd).scaleb(-6)
    return f"${exact:,.2f}" if micro_usd % 10_000 == 0 else f"${exact:,.6f}".rstrip("0")


def _share(value: float | None) -> str:
    return MISSING if value is None else f"{value:.3f}"


def _price(row: ModelRow) -> str:
    price = row.price
    if not (price.micro_usd_in or price.micro_usd_out):
        return "free"
    # A thousandth of a million tokens, and a millionth of a dollar: the same figure a thousand times over.
    return f"{dollars(price.micro_usd_in * 1000)} / {dollars(price.micro_usd_out * 1000)}"


def _measured(row: ModelRow) -> str:
    if row.quality_from == "here":
        return f"here, {row.cases} cases"
    return "with the model" if row.quality_from else "not yet"


MODEL_CSV = (
    "task", "place", "provider", "model", "version", "where", "quality", "quality_from", "cases", "measured_at",
    "price_micro_usd_in", "price_micro_usd_out", "seconds", "why_not",
)  # fmt: skip
MODELS: list[Column[ModelRow]] = [
    Column("Task", lambda row: row.task),
    Column("Asked", lambda row: MISSING if row.place is None else f"{row.place}.", right=True),
    Column("Model", lambda row: f"{row.provider}/{row.model}", elastic=True),
    Column("Version", lambda row: row.version, above=130, elastic=True),
    Column("Where", lambda row: row.where),
    Column("Quality", lambda row: _share(row.quality), right=True),
    Column("Measured", _measured, above=100),
    Column("$ per million tokens", _price, right=True, above=100),
    Column("Seconds", lambda row: number(row.seconds, places=3), right=True, above=140),
    Column("Why not", lambda row: row.why_not or "", fold=True),
]


ANSWER_CSV = ("input", "output", "provider", "model", "version", "outcome", "from_floor", "why")
ANSWERS: list[Column[tuple[Struct, Answer]]] = [
    Column("Input", lambda pair: _in_short(plain(pair[0])), elastic=True),
    Column("Answer", lambda pair: _in_short(plain(pair[1].output)) or "nothing found", fold=True),
    Column("By", lambda pair: f"{pair[1].provider}/{pair[1].model}", elastic=True),
    Column("How", lambda pair: "floor" if pair[1].from_floor else pair[1].outcome),
]


def answer_document(asked: Struct, answer: Answer) -> dict[str, Any]:
    """An answer beside what was asked, for JSON; in CSV both are JSON in a cell."""
    return {"input": plain(asked), **plain(answer)}


def answer_line(asked: Struct, answer: Answer) -> str:
    """The same as one line."""
    import msgspec

    return msgspec.json.encode(answer_document(asked, answer)).decode() + "\n"


def _in_short(value: Any) -> str:
    """A document on a line: lists by commas, fields by name where there are several."""
    if isinstance(value, dict):
        there = {key: inner for key, inner in value.items() if inner not in (None, [], "")}
        if len(there) == 1:
            return _cut(_in_short(next(iter(there.values()))))
        return _cut("; ".join(f"{key.replace('_', ' ')} {_in_short(inner)}" for key, inner in there.items()))
    if isinstance(value, list):
        if value and isinstance(value[0], dict):
            # Each a few words of its own: the first ones say it, and JSON has them all.
            return _more(
                [" ".join(_in_short(inner) for inner in one.values() if inner is not None) for one in value], 3
            )
        return _more([_in_short(inner) for inner in value], 8)
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _more(values: Sequence[str], most: int) -> str:
    shown = ", ".join(values[:most])
    return f"{shown}, … {len(values) - most} more" if len(values) > most else shown


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def totals_line(totals: Sequence[Totals]) -> str:
    """What answering took, in a line."""
    inputs = sum(one.inputs for one in totals)
    parts = [f"{inputs:,} answered"]
    for count, what in (
        (sum(one.cached for one in totals), "from the cache"),
        (sum(one.repaired for one in totals), "after a repair"),
        (sum(one.from_floor for one in totals), "by the floor"),
        (failed := sum(one.calls_failed for one in totals), "call failed" if failed == 1 else "calls failed"),
    ):
        if count:
            parts.append(f"{count:,} {what}")
    cost = dollars(sum(one.micro_usd for one in totals))
    unknown = sum(one.calls_of_unknown_price for one in totals)
    calls = "call" if unknown == 1 else "calls"
    priceless = f" and {unknown:,} {calls} whose price nobody knows" if unknown else ""
    return f"{', '.join(parts)}; {cost}{priceless}."


RUN_CSV = ("name", "task", "state", "done", "total", "member", "started_at", "updated_at")
RUNS: list[Column[RunRow]] = [
    Column("Run", lambda row: row.name, elastic=True),
    Column("Task", lambda row: row.task),
    Column("State", lambda row: row.state),
    Column("Done", lambda row: number(row.done), right=True),
    Column("Of", lambda row: number(row.total), right=True),
    Column("By", lambda row: row.member or MISSING, above=100),
    Column("Heard of (UTC)", lambda row: minute(row.updated_at)),
]

EVALUATION_CSV = (
    "task", "provider", "model", "version", "measure", "quality", "low", "high", "cases", "wrong", "micro_usd",
    "seconds", "why",
)  # fmt: skip
EVALUATIONS: list[Column[EvaluationRow]] = [
    Column("Task", lambda row: row.task),
    Column("Model", lambda row: f"{row.provider}/{row.model}", elastic=True),
    Column("Quality", lambda row: _share(row.quality), right=True),
    Column("95 %", lambda row: MISSING if row.low is None else f"{row.low:.3f}–{row.high:.3f}", right=True),
    Column("Cases", lambda row: number(row.cases), right=True),
    Column("Measure", lambda row: row.measure, above=110, elastic=True),
    Column("Cost", lambda row: dollars(row.micro_usd), right=True, above=100),
    Column("s a case", lambda row: number(row.seconds, places=3), right=True, above=100),
    Column("Why not", lambda row: row.why or "", fold=True),
]


def evaluation_notes(rows: Sequence[EvaluationRow]) -> list[str]:
    """What to think of the figures."""
    notes = ["Few cases make wide intervals: two models whose intervals overlap may be equally good."]
    if any(row.wrong for row in rows):
        answers = ", ".join(f"{row.provider}/{row.model} {row.wrong} of {row.cases}" for row in rows if row.wrong)
        notes.append(f"Answers that did not fit count as wrong: {answers}.")
    return notes


USAGE_CSV = (
    "key", "calls", "answered", "cached", "repaired", "failed", "refused", "tokens_in", "tokens_out", "micro_usd",
    "calls_of_unknown_price", "seconds",
)  # fmt: skip


def usage_columns(by: str) -> list[Column[UsageRow]]:
    """The columns of usage, told by a task, model, day or member."""
    return [
        Column(by.capitalize(), lambda row: row.key, elastic=True),
        Column("Calls", lambda row: number(row.calls), right=True),
        Column("Answered", lambda row: number(row.answered), right=True),
        Column("Cached", lambda row: number(row.cached), right=True),
        Column("Repaired", lambda row: number(row.repaired), right=True, above=90),
        Column("Failed", lambda row: number(row.failed), right=True),
        Column("Refused", lambda row: number(row.refused), right=True, above=90),
        Column("Tokens in", lambda row: number(row.tokens_in), right=True, above=110),
        Column("out", lambda row: number(row.tokens_out), right=True, above=110),
        Column("Cost", lambda row: dollars(row.micro_usd), right=True),
        Column("Seconds", lambda row: number(row.seconds, places=1), right=True, above=90),
    ]


def usage_notes(rows: Sequence[UsageRow]) -> list[str]:
    """What the sums leave out."""
    unknown = sum(row.calls_of_unknown_price for row in rows)
    total = dollars(sum(row.micro_usd for row in rows))
    lines = [f"{total} in all."]
    if unknown:
        lines.append(f"{unknown:,} calls were cut off: nobody knows what they cost, and no sum has them.")
    return lines


POLICY_CSV = (
    "task", "privacy", "may_leave", "stays_here", "allows_confidential", "providers", "monthly_of_all_micro_usd",
    "monthly_of_task_micro_usd", "spent_micro_usd", "own",
)  # fmt: skip
POLICIES: list[Column[TaskPolicy]] = [
    Column("Task", lambda row: row.task),
    Column("Words", lambda row: row.privacy),
    Column(
        "May leave", lambda row: "yes" if row.may_leave else "no", style=lambda row: "" if row.may_leave else "green"
    ),
    Column("Providers", lambda row: words(row.policy.providers) if row.policy.providers else "any", fold=True),
    Column("Month's budget", lambda row: _budget(row.policy.monthly_of_task), right=True),
    Column("Spent", lambda row: dollars(row.spent.of_task), right=True),
    Column("Set", lambda row: "for this task" if row.own else "", above=90),
]


def _budget(micro_usd: int | None) -> str:
    return MISSING if micro_usd is None else dollars(micro_usd)


def policy_documents(report: PolicyReport) -> list[dict[str, Any]]:
    """A row a task, flat."""
    return [
        {
            "task": row.task.value, "privacy": row.privacy.value, "may_leave": row.may_leave,
            "stays_here": row.policy.stays_here, "allows_confidential": row.policy.allows_confidential,
            "providers": list(row.policy.providers), "monthly_of_all_micro_usd": row.policy.monthly_of_all,
            "monthly_of_task_micro_usd": row.policy.monthly_of_task, "spent_micro_usd": row.spent.of_task,
            "own": row.own is not None,
        }
        for row in report.tasks
    ]  # fmt: skip


def policy_notes(report: PolicyReport) -> list[str]:
    """What holds for all tasks together."""
    first = report.tasks[0]
    limit = first.policy.monthly_of_all
    over = "the task is refused" if first.policy.over_budget_of_all == "refuse" else "free models answer"
    spent = f"{dollars(first.spent.of_all)} spent since {minute(report.month_begins)} UTC"
    if limit is None:
        return [f"All tasks: {spent}, and no limit."]
    return [f"All tasks: {spent} of {dollars(limit)}; beyond it {over}."]
