"""`engagerr report …`: what goes out: a creator's media kit, a campaign, the roster by month, one work everywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engagerr.cli import moments
from engagerr.cli.command import noun, verb, workspace
from engagerr.cli.files import refuse_another, write_file
from engagerr.cli.output import number, put, write

if TYPE_CHECKING:
    from engagerr import Workspace
    from engagerr.core.metrics.reports.document import ReportDocument

app = noun("report")


class Format(StrEnum):
    """What a report is written as."""

    HTML = "html"
    PDF = "pdf"
    XLSX = "xlsx"
    CSV = "csv"
    MD = "md"
    PNG = "png"


FormatOption = Annotated[
    Format, typer.Option("--format", "-f", help="html for a browser, pdf for paper, xlsx and csv for spreadsheets.")
]
ToOption = Annotated[
    str | None,
    typer.Option(
        metavar="PATH",
        help="A file, or a folder for a file named after the report; - is standard output. Without it, this folder.",
    ),
]
SinceOption = Annotated[
    str | None, typer.Option(metavar="TIME", help="Published since: 2026-01-31 or 90d. Without it, twelve months.")
]
UntilOption = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Published until, and figures as known then. Without it, the newest figure."),
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there already.")]


@verb(
    app,
    "creator",
    examples=(
        'engagerr report creator "Jonna Brenner" --to jonna.html',
        'engagerr report creator "Jonna Brenner" --format pdf --since 2026-05-01',
        'engagerr report creator "Jonna Brenner" --format md --to - | head -20',
    ),
)
def creator(
    subject: Annotated[str, typer.Argument(metavar="CREATOR", help="Name or id of the creator.")],
    form: FormatOption = Format.HTML,
    to: ToOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Write a creator's media kit: who they are, whom they reach, what works, and how one work lives on."""
    first, last = moments.first_moment(since), moments.last_moment(until)
    _deliver(lambda work: work.reports.creator(subject, since=first, until=last), form, to, overwrite=overwrite)


@verb(
    app,
    "campaign",
    examples=('engagerr report campaign "Trail shoes, spring" --format xlsx --to .',),
)
def campaign(
    subject: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Name or id of the campaign.")],
    form: FormatOption = Format.HTML,
    to: ToOption = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only pieces published since: 2026-01-31 or 90d.")
    ] = None,
    until: UntilOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Write what came of a campaign: its pieces and the clips made of them, their sums, and whom they reached."""
    first, last = moments.first_moment(since), moments.last_moment(until)
    _deliver(lambda work: work.reports.campaign(subject, since=first, until=last), form, to, overwrite=overwrite)


@verb(
    app,
    "roster",
    examples=("engagerr report roster --to roster.html", "engagerr report roster --format csv --to - | head -5"),
)
def roster(
    form: FormatOption = Format.HTML,
    to: ToOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Write the roster month by month: everybody who is represented, who moved most, and each platform."""
    first, last = moments.first_moment(since), moments.last_moment(until)
    _deliver(lambda work: work.reports.roster(since=first, until=last), form, to, overwrite=overwrite)


@verb(app, "family", examples=("engagerr report family youtube:O3wWRE6vur8 --to family.html",))
def family(
    subject: Annotated[
        str, typer.Argument(metavar="ITEM", help="Any piece of the work: platform:native_id, or an id.")
    ],
    form: FormatOption = Format.HTML,
    to: ToOption = None,
    until: UntilOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Write how one work lives on: what was made of it, the sums, what clips brought, and whom it reached."""
    last = moments.last_moment(until)
    _deliver(lambda work: work.reports.family(subject, until=last), form, to, overwrite=overwrite)


def _deliver(make: Callable[[Workspace], ReportDocument], form: Format, to: str | None, *, overwrite: bool) -> None:
    with workspace() as work:
        if to not in (None, "-") and not overwrite:
            # Before the work is done, so that nobody waits for a refusal.
            refuse_another(Path(str(to)))
        document = make(work)
        body = work.reports.render(document, form)
    if to == "-":
        write(body)
        return
    path = Path(to or ".")
    if path.is_dir():
        path = path / f"{document.file_stem}.{form}"
    write_file(path, body, overwrite=overwrite)
    digest = hashlib.sha256(body).hexdigest()
    put(
        {
            "path": str(path),
            "format": str(form),
            "bytes": len(body),
            "sha256": digest,
            "content_hash": document.content_hash,
        },
        csv=("path", "format", "bytes", "sha256", "content_hash"),
        drawing=lambda: [f"Wrote {path} ({number(len(body))} bytes).", f"sha256 {digest}"],
    )
