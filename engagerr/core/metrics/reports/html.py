"""A report as one HTML file: it loads nothing, needs no script, and reads well on a phone, at a desk and on paper."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from engagerr.core.metrics.reports import charts
from engagerr.core.metrics.reports.document import (
    Block,
    Cell,
    Chart,
    Column,
    Form,
    Kind,
    ReportDocument,
    age_table,
    definition_table,
)

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

_SPARK_WIDTH = 112
_SPARK_HEIGHT = 26


@dataclass(frozen=True, slots=True)
class _Group:
    """Blocks that are laid out together: neighbouring charts, or one block of another kind."""

    kind: str
    blocks: tuple[Block, ...]


def html(document: ReportDocument) -> bytes:
    """The document as one self-contained UTF-8 file. The same document gives the same bytes."""
    from markupsafe import Markup

    page = _template().render(
        document=document,
        content_hash=document.content_hash,
        period=_period(document),
        css=Markup(_packaged("report.css")),  # noqa: S704  our own file
        definitions=definition_table(document),
        ages=age_table(document),
    )
    return page.encode()


@functools.cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.globals |= {
        "grouped": _grouped,
        "picture": _picture,
        "sparkline": _sparkline,
        "right": _right,
        "per_line": _per_line,
    }
    return environment.from_string(_packaged("report.html.j2"))


def _packaged(name: str) -> str:
    return (resources.files(__package__) / name).read_text("utf-8")


def _period(document: ReportDocument) -> str:
    if document.since is None:
        return "Everything published until then"
    if document.kind is Kind.ROSTER:
        return f"{document.since.date().isoformat()} to {document.as_of.isoformat()}"
    return f"Published {document.since.date().isoformat()} to {document.as_of.isoformat()}"


def _grouped(blocks: Sequence[Block]) -> Iterator[_Group]:
    charts_so_far: list[Block] = []
    for block in blocks:
        if isinstance(block, Chart):
            charts_so_far.append(block)
            continue
        if charts_so_far:
            yield _Group("charts", tuple(charts_so_far))
            charts_so_far = []
        yield _Group(type(block).__name__, (block,))
    if charts_so_far:
        yield _Group("charts", tuple(charts_so_far))


def _picture(chart: Chart, name: str) -> Markup:
    from markupsafe import Markup

    # matplotlib escapes the words in it.
    return Markup(charts.svg(chart, name=name))  # noqa: S704


def _sparkline(cell: Cell) -> Markup:
    """One line without axes; where there is no number there is no line, and a number alone is a dot."""
    from markupsafe import Markup

    values = cell.value if isinstance(cell.value, tuple) else ()
    known = [value for value in values if value is not None]
    low, high = float(min(known, default=0)), float(max(known, default=0))
    low, high = min(low, 0.0), max(high, 0.0)
    scale = _SPARK_HEIGHT / ((high - low) or 1)
    step = _SPARK_WIDTH / max(len(values) - 1, 1)
    path = []
    pen_is_up = True
    for at, value in enumerate(values):
        if value is None:
            pen_is_up = True
            continue
        place = f"{at * step:.1f} {_SPARK_HEIGHT - (float(value) - low) * scale:.1f}"
        # A line of no length with round ends is a dot.
        path.append(f"M{place}h0" if pen_is_up else f"L{place}")
        pen_is_up = False
    # Only numbers and a dash are in it.
    return Markup(  # noqa: S704
        f'<svg class="spark" viewBox="0 -2 {_SPARK_WIDTH} {_SPARK_HEIGHT + 4}" preserveAspectRatio="none" role="img"'
        f' aria-label="By month: {cell.shown}"><path d="{"".join(path)}"/></svg>'
    )


def _per_line(count: int) -> int:
    """How many key figures stand in a line at a desk, so that no line has one alone: 4 and 3, not 5 and 2."""
    return next(per_line for per_line in (4, 5, 3, 4) if count % per_line == 0 or count % per_line > 1 or per_line == 3)


def _right(what: Cell | Column) -> bool:
    return what.form not in {Form.TEXT, Form.DATE}
