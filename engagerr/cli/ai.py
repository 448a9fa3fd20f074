"""`engagerr ai …`: models that answer tasks, what they may see and cost, and how good they are."""

from __future__ import annotations

import contextlib
import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from engagerr.cli.ai_tables import (
    ANSWER_CSV,
    ANSWERS,
    EVALUATION_CSV,
    EVALUATIONS,
    MODEL_CSV,
    MODELS,
    POLICIES,
    POLICY_CSV,
    RUN_CSV,
    RUNS,
    USAGE_CSV,
    answer_document,
    answer_line,
    evaluation_notes,
    policy_documents,
    policy_notes,
    totals_line,
    usage_columns,
    usage_notes,
)
from engagerr.cli.command import YesOption, ask, noun, verb, workspace
from engagerr.cli.output import note, plain, put, show, table
from engagerr.cli.progress import counting
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from engagerr.core.ai.ai import Ai
    from engagerr.core.ai.rounds import Batch

app = noun("ai")

TaskArgument = Annotated[
    str,
    typer.Argument(
        metavar="TASK",
        help="embed, topic, language, sentiment, safety, summary, brief, clauses, match_reason or pitch.",
    ),
]
ProviderOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Ask this provider's model; if it does not answer, only the floor.")
]
ModelOption = Annotated[str | None, typer.Option(metavar="NAME", help="Ask this model, likewise.")]


@verb(app, "models", examples=("engagerr ai models", "engagerr ai models topic --output json"))
def models(
    task: Annotated[str | None, typer.Argument(metavar="TASK", help="For this task alone.")] = None,
) -> None:
    """List the models in the order in which they are asked, and why some are not.

    The quality of a model is what `engagerr ai eval` measured here; else what was measured when it was made.
    """
    with workspace() as work:
        rows = work.ai.models(task)
    show(rows, columns=MODELS, csv=MODEL_CSV, empty="No model does that here.")


@verb(
    app,
    "run",
    examples=(
        'engagerr ai run topic "I drove the cheapest electric car across the Alps"',
        'engagerr ai run language "Heute zeige ich euch mein Fahrrad" "Nous partons demain"',
        'engagerr ai run brief "Dog creators in the UK on TikTok, up to 8000 dollars" --output json',
    ),
)
def run(
    task: TaskArgument,
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="TEXT…", help="Texts or titles; or JSON objects with a task's fields.")
    ] = None,
    file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="One input a line (JSON or text), or a .csv with a heading; - reads a pipe."),
    ] = None,
    to: Annotated[
        Path | None, typer.Option(metavar="FILE.jsonl", help="Write each answer of a file as a line of JSON.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What `engagerr ai runs` calls it; else the task and the file.")
    ] = None,
    provider: ProviderOption = None,
    model: ModelOption = None,
) -> None:
    """Let the best model that may see it answer; if none can, the floor does, and the answer says so.

    A file that was interrupted goes on where it stopped: run the same again. What was answered before costs nothing.
    """
    if file is None and not texts:
        raise InvalidInput(
            "Give texts or --file: there is nothing to answer.", hint=f'engagerr ai run {task} "…", or --file PATH.'
        )
    if file is not None and texts:
        raise InvalidInput("Give texts or --file, not both.", hint="Write the texts into the file.")
    if to is not None and file is None:
        raise InvalidInput("--to goes with --file.", hint="For texts, take --output json > answers.json.")
    with workspace() as work:
        if file is None:
            with counting("Asking", "inputs") as progress:
                batches = [
                    work.ai.run(
                        task, work.ai.inputs(task, texts or ()), provider=provider, model=model, progress=progress
                    )
                ]
        else:
            batches = _answered_file(work.ai, task, file, to, name or f"{task} {Path(file).name}", provider, model)
    _tell(batches, task, to)


@verb(app, "runs", examples=("engagerr ai runs",))
def runs() -> None:
    """List files that were answered or are being answered, and how far each is."""
    with workspace() as work:
        rows = work.ai.runs()
    show(rows, columns=RUNS, csv=RUN_CSV, empty="No file was answered yet: `engagerr ai run TASK --file FILE`.")


@verb(app, "eval", examples=("engagerr ai eval language", "engagerr ai eval brief clauses --model floor --output json"))
def eval_(
    tasks: Annotated[list[str] | None, typer.Argument(metavar="TASK…", help="These tasks; else all.")] = None,
    model: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A provider, or provider/model. Repeat it; else all.")
    ] = None,
) -> None:
    """Measure models on the labelled cases that come with Engagerr; routing goes by what was measured.

    Hosted models cost what they cost: it is on the accounts and within the budget.
    """
    with workspace() as work, counting("Asking", "cases") as progress:
        rows = list(work.ai.evaluate(tasks, models=model, progress=progress).rows)
    put(
        [plain(row) for row in rows], csv=EVALUATION_CSV,
        drawing=lambda: [table(rows, EVALUATIONS), *evaluation_notes(rows)],
    )  # fmt: skip


@verb(app, "usage", examples=("engagerr ai usage", "engagerr ai usage --by model --output json"))
def usage(
    month: Annotated[
        str | None, typer.Option(metavar="YYYY-MM", help="Of this month (UTC); else the present one.")
    ] = None,
    by: Annotated[str, typer.Option(metavar="WHAT", help="task, model, day or member.")] = "task",
) -> None:
    """Show what models did and cost in a month."""
    with workspace() as work:
        rows = work.ai.usage(month=month, by=by)
    show(
        rows,
        columns=usage_columns(by),
        csv=USAGE_CSV,
        notes=usage_notes(rows),
        empty="No model was asked in that month.",
    )


@verb(app, "policy", examples=("engagerr ai policy", "engagerr ai policy --output json"))
def policy() -> None:
    """Show what models may see and cost in this workspace, task by task."""
    with workspace() as work:
        report = work.ai.policy()
    rows = report.tasks
    put(policy_documents(report), csv=POLICY_CSV, drawing=lambda: [table(rows, POLICIES), *policy_notes(report)])


@verb(
    app,
    "set-policy",
    examples=(
        "engagerr ai set-policy --stays-here",
        "engagerr ai set-policy summary --provider deepseek --provider floor",
        "engagerr ai set-policy --may-leave --monthly 25 --over-budget degrade",
    ),
)
def set_policy(
    task: Annotated[str, typer.Argument(metavar="TASK", help="For this task; else for all.")] = "*",
    stays_here: Annotated[
        bool | None,
        typer.Option(
            "--stays-here/--may-leave", help="Whether words may be sent to another company's model.", show_default=False
        ),
    ] = None,
    confidential: Annotated[
        bool | None,
        typer.Option(
            "--allow-confidential/--keep-confidential",
            help="Whether confidential words of this task (contracts) may leave too.",
            show_default=False,
        ),
    ] = None,
    provider: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only these are asked, in this order. Repeat it.")
    ] = None,
    any_provider: Annotated[bool, typer.Option("--any-provider", help="Any provider may be asked again.")] = False,
    monthly: Annotated[
        str | None, typer.Option(metavar="USD", help="What a month may cost, in US dollars; none takes the limit away.")
    ] = None,
    over_budget: Annotated[
        str | None, typer.Option(metavar="WORD", help="refuse, or degrade: let models that cost nothing answer.")
    ] = None,
) -> None:
    """Say what models may see and cost, for a task or for all. What is not named stays as it is."""
    from engagerr.core.money import Money

    unlimited = monthly == "none"
    budget = Money.parse(monthly, "USD") if monthly is not None and not unlimited else None
    if budget is not None and budget.minor < 0:
        raise InvalidInput(f"A month cannot cost {monthly} dollars.", hint="Give 0 or more; none takes the limit away.")
    with workspace() as work:
        row = work.ai.set_policy(
            task, stays_here=stays_here, allows_confidential=confidential, providers=() if any_provider else provider,
            monthly=budget, unlimited=unlimited, over_budget=over_budget,
        )  # fmt: skip
        report = work.ai.policy()
    put(
        plain(row), csv=("task", "stays_here", "allows_confidential", "providers", "monthly_micro_usd", "over_budget"),
        drawing=lambda: [table(report.tasks, POLICIES), *policy_notes(report)],
    )  # fmt: skip


@verb(app, "remove-policy", examples=("engagerr ai remove-policy summary --yes",))
def remove_policy(
    task: Annotated[str, typer.Argument(metavar="TASK", help="For this task; * for what holds for all.")],
    yes: YesOption = False,
) -> None:
    """Take back what was set for a task; what was set for all holds again."""
    ask(f"Remove the policy of {task}?", yes=yes)
    with workspace() as work:
        work.ai.remove_policy(task)
    put({"task": task, "removed": True}, csv=("task", "removed"), drawing=lambda: [f"Removed the policy of {task}."])


def _answered_file(
    ai: Ai, task: str, file: str, to: Path | None, name: str, provider: str | None, model: str | None
) -> list[Batch]:
    """Answer a file, batch by batch; with `to`, each goes there at once and only its totals are kept."""
    with contextlib.ExitStack() as stack:
        total = None
        if file != "-":
            with _lines(file) as lines:
                # Read to the end before anybody is asked: a bad line must not cost half of the answers.
                total = sum(1 for _ in ai.inputs_from(task, lines, is_csv=_is_csv(file)))
        lines = stack.enter_context(_lines(file))
        out = stack.enter_context(_opened(to)) if to is not None else None
        progress = stack.enter_context(counting("Asking", "inputs"))
        inputs = ai.inputs_from(task, lines, is_csv=_is_csv(file))
        batches = []
        moved = (lambda done, of: progress(done, of or done)) if progress is not None else None
        for batch in ai.bulk(task, inputs, name=name, total=total, progress=moved, provider=provider, model=model):
            if out is not None:
                out.writelines(
                    answer_line(one, answer) for one, answer in zip(batch.inputs, batch.answers, strict=True)
                )
                out.flush()
            batches.append(batch if out is None else _emptied(batch))
        return batches


def _emptied(batch: Batch) -> Batch:
    from dataclasses import replace

    return replace(batch, inputs=(), answers=())


def _is_csv(file: str) -> bool:
    return file.lower().endswith(".csv")


@contextlib.contextmanager
def _lines(file: str) -> Iterator[IO[str]]:
    if file == "-":
        yield sys.stdin
        return
    try:
        with Path(file).open(encoding="utf-8-sig", newline="") as lines:
            yield lines
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise InvalidInput(f"{file} cannot be read: {reason}.", hint="Give a text file, a .jsonl or a .csv.") from error


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    try:
        with path.open("w", encoding="utf-8") as out:
            yield out
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}.", hint="Choose another file.") from error


def _tell(batches: Sequence[Batch], task: str, to: Path | None) -> None:
    totals = [batch.totals for batch in batches]
    line = totals_line(totals)
    if to is not None:
        document = {"task": task, "file": str(to), **plain(sum(totals[1:], totals[0]) if totals else None or {})}
        put(document, csv=tuple(document), drawing=lambda: [f"{line} Written to {to}."])
        return
    pairs = list(itertools.chain.from_iterable(zip(batch.inputs, batch.answers, strict=True) for batch in batches))
    documents = [answer_document(one, answer) for one, answer in pairs]
    put(documents, csv=ANSWER_CSV, drawing=lambda: [table(pairs, ANSWERS), line])
    for why in dict.fromkeys(why for _, answer in pairs if answer.from_floor for why in answer.why):
        note(f"The floor answered: {why}.")
