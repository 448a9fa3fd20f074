"""`engagerr content picture|export`: a family to look at, and families for other programs."""

from __future__ import annotations

import hashlib
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from engagerr.cli.command import verb, workspace
from engagerr.cli.content.noun import CreatorOption, app
from engagerr.cli.files import refuse_another, write_file
from engagerr.cli.output import number, put, write
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from engagerr.core.content.family_graph import FamilyGraph


class PictureFormat(StrEnum):
    """What a picture is written as."""

    SVG = "svg"
    HTML = "html"
    PNG = "png"


class GraphFormat(StrEnum):
    """What a graph is written as."""

    GRAPHML = "graphml"
    JSON = "json"


_Form = TypeVar("_Form", PictureFormat, GraphFormat)
ToOption = Annotated[
    str | None,
    typer.Option(
        metavar="PATH", help="A file, or a folder for a file named after the item. Without it, standard output."
    ),
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there already.")]
ConfirmedOption = Annotated[
    bool, typer.Option("--confirmed", help="Only what stands: no suggestions that wait for a person.")
]


@verb(
    app,
    "picture",
    examples=(
        "engagerr content picture youtube:rbMdIF1MB2U --to picture.svg",
        "engagerr content picture youtube:rbMdIF1MB2U --to picture.html",
        "engagerr content picture youtube:rbMdIF1MB2U --format png --confirmed --to .",
    ),
)
def picture(
    item: Annotated[str, typer.Argument(metavar="ITEM|FAMILY", help="platform:native_id, or an id.")],
    form: Annotated[
        PictureFormat | None,
        typer.Option("--format", "-f", help="svg, html with every edge's evidence, or png; else by the file's name."),
    ] = None,
    to: ToOption = None,
    confirmed: ConfirmedOption = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Draw the family of an item: who hangs on whom, how sure that is, and each piece's audience."""
    chosen = _form(form, to, PictureFormat.SVG)
    path = _target(to, overwrite=overwrite)
    if chosen is PictureFormat.PNG and path is None and sys.stdout.isatty():
        raise InvalidInput("A terminal cannot show a PNG.", hint="Name a file with --to, or pipe it on.")
    from engagerr.core.content.family_picture import MOST_DRAWN

    with workspace() as work:
        graph = work.content.graph(item, suggested=not confirmed, limit=MOST_DRAWN)
    _deliver(_picture(graph, chosen), chosen, path, f"family-{_stem(graph)}", overwrite=overwrite)


@verb(
    app,
    "export",
    examples=(
        "engagerr content export youtube:rbMdIF1MB2U --to family.graphml",
        'engagerr content export --all --creator "Jonna Brenner" --format json | head -20',
        "engagerr content export --all --confirmed --to families.graphml",
    ),
)
def export(
    item: Annotated[str | None, typer.Argument(metavar="ITEM|FAMILY", help="platform:native_id, or an id.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every family.")] = False,
    creator: CreatorOption = None,
    form: Annotated[
        GraphFormat | None,
        typer.Option("--format", "-f", help="graphml for Gephi, yEd, networkx; or json; else by the file's name."),
    ] = None,
    to: ToOption = None,
    confirmed: ConfirmedOption = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Write families as a graph for other programs: items with their figures, edges with their evidence."""
    if (item is None) is not everything:
        raise InvalidInput(
            "Say which family, by one of its items, or --all." if item is None else "Name an item or --all, not both.",
            hint="engagerr content export youtube:rbMdIF1MB2U, or engagerr content export --all",
        )
    if creator and not everything:
        raise InvalidInput("--creator narrows --all down, and not one family.", hint="Leave one of the two out.")
    chosen = _form(form, to, GraphFormat.GRAPHML)
    path = _target(to, overwrite=overwrite)
    with workspace() as work:
        graphs = (
            work.content.graphs(creator, suggested=not confirmed)
            if item is None
            else (work.content.graph(item, suggested=not confirmed),)
        )
    from engagerr.core.content.graph_files import to_graphml, to_json

    body = to_graphml(*graphs) if chosen is GraphFormat.GRAPHML else to_json(*graphs)
    stem = "families" if item is None else f"family-{_stem(graphs[0])}"
    _deliver(body, chosen, path, stem, overwrite=overwrite)


def _picture(graph: FamilyGraph, form: PictureFormat) -> bytes:
    if form is PictureFormat.PNG:
        from engagerr.core.content.family_png import to_png

        return to_png(graph)
    from engagerr.core.content.family_picture import to_html, to_svg

    return to_html(graph) if form is PictureFormat.HTML else to_svg(graph).encode()


def _form(asked: _Form | None, to: str | None, otherwise: _Form) -> _Form:
    """The format that was asked for, else the one that the file's name ends in, else the usual one."""
    if asked is not None:
        return asked
    ending = Path(to or "").suffix.lower().removeprefix(".")
    known = {str(form): form for form in type(otherwise)}
    return known.get(ending, otherwise)


def _target(to: str | None, *, overwrite: bool) -> Path | None:
    """Where to; None is standard output. A file that is there is refused before the work is done."""
    if to in (None, "-"):
        return None
    path = Path(str(to))
    if not overwrite and not path.is_dir():
        refuse_another(path)
    return path


def _deliver(body: bytes, form: PictureFormat | GraphFormat, path: Path | None, stem: str, *, overwrite: bool) -> None:
    if path is None:
        write(body)
        return
    if path.is_dir():
        path = path / f"{stem}.{form}"
    write_file(path, body, overwrite=overwrite)
    digest = hashlib.sha256(body).hexdigest()
    put(
        {"path": str(path), "format": str(form), "bytes": len(body), "sha256": digest},
        csv=("path", "format", "bytes", "sha256"),
        drawing=lambda: [f"Wrote {path} ({number(len(body))} bytes)."],
    )


def _stem(graph: FamilyGraph) -> str:
    """A name for a file: what is not a letter, a digit or a dash becomes a dash."""
    name = f"{graph.root.platform}-{graph.root.native_id}"
    return "".join(mark if mark.isascii() and (mark.isalnum() or mark in "-_") else "-" for mark in name)[:80]
