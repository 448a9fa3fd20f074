"""What `w` says of a creator's figures: what each is, of when, and why one is missing. Pure: values in, lines out."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from engagerr.tui.widgets.roster_words import MEANINGS, change_cell, counted_words, number_cell, share_cell, why
from engagerr.tui.writing import BLANK, Cell, cell, clock, whole

if TYPE_CHECKING:
    from engagerr.core.desk.figures import Figure
    from engagerr.core.desk.roster import RosterRow, RosterTable
    from engagerr.core.metrics.explain import ObservationChain


def roster_why(row: RosterRow, table: RosterTable, now: datetime, *, views_read: bool) -> list[Cell]:
    """Each figure of the list with its meaning, its time, and where to look further."""
    at = f"put together {clock(row.as_of, now)}" if row.as_of is not None else "not put together yet"
    counted = counted_words(row.counted)
    lines = figure_lines("Followers", row.followers, number_cell(row.followers, now), MEANINGS["followers"], at, now)
    if views_read:
        how = f"counted as {counted}, of all that came in until {clock(now, now)}" if counted else ""
        lines += figure_lines("Views 90 d", row.views, number_cell(row.views, now), MEANINGS["views"],
                              how, now)  # fmt: skip
        lines += figure_lines("Change", row.change, change_cell(row.change, now), MEANINGS["change"], "", now)
    else:
        lines += [cell("Views are being read.", "soft"), BLANK]
    lines += figure_lines("Engagement", row.engagement, share_cell(row.engagement, now), MEANINGS[table.engagement],
                          at, now)  # fmt: skip
    if table.note:
        lines += [cell(table.note, "attention"), BLANK]
    return [*lines, Cell((("enter", "accent"), (" the accounts, and ", "soft"), ("w", "accent"),
                          (" there the record that a figure came from", "soft")))]  # fmt: skip


def figure_lines(name: str, figure: Figure, drawn: Cell, meaning: str, at: str, now: datetime) -> list[Cell]:
    """A figure in full, what it means, of when, and its reason."""
    exact = "" if figure.value is None or abs(figure.value) < 1000 else f"  {whole(round(figure.value))}"
    lines = [Cell(((f"{name}  ", "soft"), *drawn.parts, (exact, "faint")))]
    said = why(figure, now)
    if said:
        lines.append(cell(f"  {said[:1].upper()}{said[1:]}.", "attention" if figure.broken else "ink"))
    lines.append(cell(f"  {meaning}", "soft"))
    if at:
        lines.append(cell(f"  {at[:1].upper()}{at[1:]}.", "faint"))
    return [*lines, BLANK]


def chain_lines(chain: ObservationChain, now: datetime) -> list[Cell]:
    """The chain behind a figure: who said it, in which record, by which rule, and what it came to."""
    step = chain.standing
    reported = step.state.replace("_", " ") if step.reported is None else f"{step.reported:,f}".rstrip("0").rstrip(".")
    source = step.source
    lines = [
        _pair("Reported", f"{reported}, seen {clock(chain.observed_at, now)}"),
        _pair("Imported", f"{source.file}, {clock(source.imported_at, now)}{f', by {source.by}' if source.by else ''}"),
        _pair("Record", f"row {step.row:,}{f' of {step.part}' if step.part else ''}"),
        _pair("Chosen", chain.chosen),
    ]
    if chain.raw.text is not None:
        lines += [cell(f"    {line}", "faint") for line in chain.raw.text.splitlines()[:6]]
    if chain.definition is None:
        lines.append(_pair("Rule", "no definition in force is known for it"))
    else:
        since = chain.definition.valid_from or "ever"
        lines += [_pair("Rule", f"{chain.definition.id}, since {since}"), _pair("Counts", chain.definition.trigger),
                  _pair("Source", chain.definition.source.title)]  # fmt: skip
    lines.append(_pair("Figure", chain.conversion))
    lines += [_pair("Limit", f"{one.rule} ({one.source.title})") for one in chain.limits]
    if len(chain.revisions) > 1:
        lines.append(_pair("Revisions", f"{len(chain.revisions):,}; this one stands, as {step.why}"))
    return lines


def _pair(label: str, value: str) -> Cell:
    return Cell(((f"{label:<10}", "faint"), (value, "ink")))
