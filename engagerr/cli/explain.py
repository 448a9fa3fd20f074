"""`engagerr metric explain`: the chain from a figure to the raw record, or from a report's cell to its items."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagerr.cli import moments
from engagerr.cli.command import verb, workspace
from engagerr.cli.families import total_document
from engagerr.cli.metric import app
from engagerr.cli.moves import put_move
from engagerr.cli.output import (
    MISSING,
    Column,
    clean,
    day,
    facts,
    in_unit,
    minute,
    money,
    number,
    plain,
    put,
    table,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engagerr.core.content.families import ConceptTotal
    from engagerr.core.metrics.cells import CellChain, Contribution
    from engagerr.core.metrics.definition import Definition
    from engagerr.core.metrics.explain import ImportStep, ObservationChain, RevisionStep

_REVISION_CSV = (
    "reference", "metric", "observed_at", "period_days", "revision", "reported", "currency", "state", "stands", "why",
    "source_id", "source_file", "source_sha256", "source_format", "source_imported_at", "source_by", "row", "part",
    "raw_where", "raw_heading", "raw_text", "definition", "conversion", "standard_concept", "standard_value",
    "standard_unit", "standard_grade", "standard_sum_group",
)  # fmt: skip
_CELL_CSV = (
    "counted", "item", "title", "published_at", "metric", "value", "unit", "state", "sum_group", "definition",
    "spans_break", "why", "observation",
)  # fmt: skip
_MOST_ITEMS = 20
_MARKS = {
    "P": "read at the source", "F": "seen in files", "S": "a secondary source", "k": "general knowledge, not looked up",
}  # fmt: skip


@verb(
    app,
    "explain",
    examples=(
        "engagerr metric explain youtube:rbMdIF1MB2U views",
        "engagerr metric explain youtube:Zfvk2SqtUJc views --at 2026-08-20 --output json",
        "engagerr metric explain tiktok:@northlight_despensa followers",
        'engagerr metric explain "cell:by=platform;group=youtube;sum=likes"',
    ),
)
def explain(
    reference: Annotated[
        str,
        typer.Argument(
            metavar="SUBJECT",
            help="An item (platform:native_id, an id), an account (platform:handle), or a report's cell: cell:by=….",
        ),
    ],
    metric: Annotated[
        str | None, typer.Argument(metavar="METRIC", help="Of an item or account: views, likes, watch_time_hours.")
    ] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="As it was known by then: 2026-08-20.")] = None,
    period_days: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="The figure about N days; 0 for the one since publication.")
    ] = None,
) -> None:
    """Follow a figure back: to its definition, its import and the raw record, or a report's cell to its items."""
    from engagerr.core.metrics.cells import CellChain
    from engagerr.core.metrics.moves import MoveChain

    by_then = moments.last_moment(at)
    with workspace() as work:
        chain = work.metrics.explain(reference, metric=metric, at=by_then, period_days=period_days)
    if isinstance(chain, CellChain):
        cell = chain
        rows = list(_cell_rows(cell))
        put(_cell_document(cell), csv=_CELL_CSV, flat=rows, drawing=lambda: _drawn_cell(cell))
        return
    if isinstance(chain, MoveChain):
        put_move(chain)
        return
    found = chain
    put(
        _observation_document(found), csv=_REVISION_CSV, flat=list(_observation_rows(found)),
        drawing=lambda: _drawn_observation(found),
    )  # fmt: skip


# ── An observation ──────────────────────────────────────────────────────────────────────────────────────────────────


def _observation_document(chain: ObservationChain) -> dict[str, Any]:
    document: dict[str, Any] = plain(chain)
    if chain.standard.unit == "currency":
        document["standard"]["value"] = money(chain.standard.value, chain.standard.currency)
    if chain.definition is not None:
        document["definition"]["concept"] = chain.definition.concept.name if chain.definition.concept else None
    return document


def _observation_rows(chain: ObservationChain) -> Iterator[dict[str, Any]]:
    common = {
        "reference": chain.reference, "metric": chain.metric, "observed_at": chain.observed_at,
        "period_days": chain.period_days, "raw": plain(chain.raw),
        "definition": chain.definition.id if chain.definition else None, "conversion": chain.conversion,
        "standard": {**plain(chain.standard), "value": chain.standard.value},
    }  # fmt: skip
    for step in chain.revisions:
        yield {**common, **plain(step)} | ({} if step.stands else {"raw": {}, "standard": {}, "conversion": None})


def _drawn_observation(chain: ObservationChain) -> list[RenderableType]:
    step = chain.standing
    title = f" “{chain.title}”" if chain.title else ""
    drawn = [
        _bold(f"{chain.metric} of {chain.subject}{title}"),
        f"{_reported(step)} reported = {_standard(chain)}",
        *_link("Observed", _observed(chain)),
    ]
    if len(chain.revisions) > 1:
        drawn += _link("Said of this moment", [(f"revision {one.revision}", _said(one)) for one in chain.revisions])
    drawn += _link("Imported", _imported(step.source))
    drawn += _link("Raw record", [("place", _place(step)), ("shown", f"{chain.raw.where}{_cut(chain)}")])
    drawn += [_verbatim(part) for part in (chain.raw.heading, chain.raw.text) if part is not None]
    drawn += _link("Defined", _defined(chain.definition, chain.metric))
    drawn += _link("Standard", _made(chain))
    if chain.limits:
        drawn += _link("Limits of the platform", [("", f"{one.rule} ({one.source.title})") for one in chain.limits])
    return drawn


def _bold(line: str) -> RenderableType:
    from rich.text import Text

    return Text(clean(line), style="bold", overflow="fold")


def _link(title: str, pairs: list[tuple[str, str]]) -> list[RenderableType]:
    """One link of the chain, below an arrow from the one before."""
    return ["", _bold(f"↓ {title}"), facts([(f"  {name}", value) for name, value in pairs])]


def _verbatim(text: str) -> RenderableType:
    """What a source said, line by line, fit for a terminal."""
    from rich.padding import Padding
    from rich.text import Text

    return Padding(Text("\n".join(clean(line) for line in text.splitlines()), overflow="fold"), (0, 0, 0, 4))


def _reported(step: RevisionStep) -> str:
    if step.reported is None:
        return step.state.replace("_", " ")
    sign = "~" if step.state == "estimated" else ""
    return f"{sign}{number(step.reported, places=4)}{f' {step.currency}' if step.currency else ''}"


def _standard(chain: ObservationChain) -> str:
    standard = chain.standard
    if standard.concept is None:
        return "no standard figure"
    seconds = f" ({standard.minimum_seconds} s)" if standard.minimum_seconds is not None else ""
    value = in_unit(standard.value, standard.unit, standard.currency) if standard.value is not None else MISSING
    return f"{standard.concept}{seconds} {value}"


def _observed(chain: ObservationChain) -> list[tuple[str, str]]:
    days = f"{chain.period_days:,} days" if chain.period_days != 1 else "day"
    over = f"about the {days} before" if chain.period_days else "so far, or at that moment"
    published = f", published {day(chain.published_at)}" if chain.published_at else ""
    return [
        ("seen", f"{minute(chain.observed_at)} UTC, {over}"),
        ("state", chain.state.replace("_", " ")),
        ("chosen", chain.chosen),
        ("kind", f"{(chain.kind or 'not known').replace('_', ' ')}{published}"),
    ]


def _said(step: RevisionStep) -> str:
    mark = "stands" if step.stands else "does not stand"
    return f"{_reported(step)}, by {step.source.file} on {minute(step.source.imported_at)} UTC: {mark}, {step.why}"


def _imported(source: ImportStep) -> list[tuple[str, str]]:
    pairs = [
        ("file" if source.connector is None else "page", source.file),
        ("sha256", f"{source.sha256} ({source.size_bytes:,} bytes)"),
        ("read as", source.format),
        ("when", f"{minute(source.imported_at)} UTC; its figures are of {minute(source.observed_at)} UTC unless dated"),
        ("by", source.by or MISSING),
    ]
    if source.options:
        pairs.append(("said with it", ", ".join(f"{name} {value}" for name, value in source.options.items())))
    if source.attempt:
        pairs.append(("attempt", f"correction {source.attempt} of the same file"))
    if source.replay_of:
        pairs.append(("read again", f"the import {source.replay_of}"))
    return pairs


def _place(step: RevisionStep) -> str:
    return f"row {step.row:,}{f' of {step.part}' if step.part else ''}"


def _cut(chain: ObservationChain) -> str:
    return "; its length left parts out" if chain.raw.cut else ""


def _defined(definition: Definition | None, metric: str) -> list[tuple[str, str]]:
    if definition is None:
        return [("rule", "no definition in force is known for it")]
    since, until = definition.valid_from or "ever", definition.valid_to or "today"
    source = definition.source
    named = f"{metric} is {definition.metric}: " if metric != definition.metric else ""
    pairs = [
        ("rule", f"{definition.id}"),
        ("counts", f"{named}{definition.trigger}"),
        ("in force", f"since {since}, until {until}" if definition.valid_to else f"since {since}"),
        ("source", f"{source.title} ({_MARKS[definition.mark]}){f', {source.url}' if source.url else ''}"),
    ]
    if definition.published_from or definition.published_to:
        span = f"{definition.published_from or ''}…{definition.published_to or ''}"
        pairs.insert(3, ("published", f"for items published {span}"))
    return [*pairs, ("note", definition.note)] if definition.note else pairs


def _made(chain: ObservationChain) -> list[tuple[str, str]]:
    standard = chain.standard
    pairs = [("conversion", chain.conversion), ("figure", _standard(chain))]
    if standard.grade:
        pairs.append(("fit", standard.grade.replace("_", " ")))
    if standard.concept:
        pairs.append(("adds up within", standard.sum_group or "nothing: it is never added to others"))
    if standard.spans_break:
        pairs.append(("break", f"it holds counts under an older rule too, from before {standard.spans_break}"))
    return pairs


# ── A cell ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _cell_document(chain: CellChain) -> dict[str, Any]:
    document: dict[str, Any] = plain(chain)
    currency = chain.total.currency
    for name, entries in (("contributions", chain.contributions), ("left_out", chain.left_out)):
        document[name] = [
            plain(one)
            | {"observation": str(one.observation)}
            | ({"value": money(one.value, currency)} if one.unit == "currency" and one.sum_group == chain.total.group
               else {})
            for one in entries
        ]  # fmt: skip
    if chain.total.unit == "currency":
        document["sum_of_contributions"] = money(chain.sum_of_contributions, currency)
    return document | {
        "total": total_document(chain.total), "beside": [total_document(total) for total in chain.beside],
    }  # fmt: skip


def _cell_rows(chain: CellChain) -> Iterator[dict[str, Any]]:
    for counted, entries in ((True, chain.contributions), (False, chain.left_out)):
        for one in entries:
            yield plain(one) | {"counted": counted, "observation": str(one.observation)}


def _drawn_cell(chain: CellChain) -> list[RenderableType]:
    total = chain.total
    drawn: list[RenderableType] = [
        _bold(f"{_group(total)} of {chain.group}: {_total(total)}"),
        *_link("Made", [("how", chain.how), ("check", chain.check)]),
    ]
    if chain.contributions:
        shown = chain.contributions[:_MOST_ITEMS]
        drawn += ["", _bold(f"↓ Figures in it ({number(len(chain.contributions))})"), _items(shown, total)]
        drawn += _rest(len(chain.contributions) - len(shown))
    if chain.left_out:
        left = chain.left_out[:_MOST_ITEMS]
        drawn += ["", _bold(f"↓ Left out ({number(len(chain.left_out))})"), _items(left, total, why=True)]
        drawn += _rest(len(chain.left_out) - len(left))
    beside = [("not added", f"{_group(other)}: {_total(other)}") for other in chain.beside]
    if chain.without_figure:
        words = f"{number(chain.without_figure)} of {number(chain.items)} items: no figure was ever seen; not zero"
        beside.append(("not known", words))
    if beside:
        drawn += _link("Beside it", beside)
    first = (*chain.contributions, *chain.left_out)[:1]
    return [*drawn, "", *(f"Go on with: engagerr metric explain {one.observation}" for one in first)]


def _items(entries: tuple[Contribution, ...], total: ConceptTotal, *, why: bool = False) -> RenderableType:
    columns: list[Column[Contribution]] = [
        Column("Item", lambda one: one.item, fold=True),
        Column("Title", lambda one: one.title or "", elastic=True, above=100),
        Column("Metric", lambda one: one.metric),
        Column("Seen", lambda one: day(one.observation.at)),
        Column("Figure", lambda one: _figure(one, total), right=True),
    ]
    return table(entries, [*columns, Column("Why", lambda one: one.why or "", fold=True)] if why else columns)


def _figure(one: Contribution, total: ConceptTotal) -> str:
    sign = "~" if one.state == "estimated" else ""
    return f"{sign}{in_unit(one.value, one.unit, total.currency)}{'†' if one.spans_break else ''}"


def _rest(more: int) -> list[RenderableType]:
    return [f"… and {number(more)} more; --output json or csv has them all."] if more > 0 else []


def _group(total: ConceptTotal) -> str:
    return total.group.replace("_", " ")


def _total(total: ConceptTotal) -> str:
    if total.value is None:
        return f"{MISSING} ({total.state.replace('_', ' ')})"
    sign = "~" if total.state == "estimated" else ""
    return f"{sign}{in_unit(total.value, total.unit, total.currency)}{'†' if total.spans_break else ''}"
