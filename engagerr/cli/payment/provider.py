"""Verbs about the payment provider: what it told us, what it was asked to do, and hearing it now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engagerr.cli.command import opened, verb, workspace
from engagerr.cli.output import MISSING, Column, clean, facts, minute, note, put, show
from engagerr.cli.payment.noun import app

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engagerr.core.payments.provider.inbox import ProviderEvent
    from engagerr.core.payments.provider.janitor import JanitorReport
    from engagerr.core.payments.provider.operations import Operation
    from engagerr.core.payments.provider.polling import PollReport

_EVENT_CSV = (
    "event_id", "type", "object_id", "account", "state", "note", "via", "created_at", "received_at", "attempts",
)  # fmt: skip
_OPERATION_CSV = (
    "id", "kind", "subject", "purpose", "state", "waits_for", "provider_id", "generation", "attempts", "created_at",
    "sent_at", "next_attempt_at",
)  # fmt: skip
_POLL_CSV = (
    "new", "known", "held", "events_handled", "events_waiting", "events_dead", "accounts", "refreshed", "gap",
)  # fmt: skip
_JANITOR_CSV = ("sent", "adopted", "waiting", "unknown", "failed", "broken", "unreachable", "overdue")
LimitOption = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="How many at most.")]


@verb(app, "poll", examples=("engagerr payment poll",))
def poll_() -> None:
    """Ask the provider what happened since the last time, and act upon it. For cron; no address of yours is needed.

    Its lists go back 30 days: whoever asks more rarely reconciles.
    """
    with workspace() as work:
        report = work.payments.events.poll()
    put(report, csv=_POLL_CSV, drawing=lambda: [facts(_polled(report))])
    if report.gap:
        note("What happened before the provider's list began is lost. Run: engagerr payment reconcile")
    for trouble in report.troubles:
        note(clean(trouble))


@verb(app, "janitor", examples=("engagerr payment janitor",))
def janitor_() -> None:
    """Finish what was begun with the provider: send what was not sent, look up what nobody knows of. For cron.

    Nothing is done twice: what may have been done is looked up before it is sent again.
    """
    with workspace() as work:
        report = work.payments.events.janitor()
    put(report, csv=_JANITOR_CSV, drawing=lambda: [facts(_tidied(report))])
    if report.overdue:
        note(f"Of {report.overdue} nobody knows for an hour or more. See: engagerr payment operations --state unknown")


@verb(
    app,
    "events",
    examples=("engagerr payment events", "engagerr payment events --state dead", "engagerr payment events -n 5"),
)
def events_(
    state: Annotated[
        str | None, typer.Option(metavar="STATE", help="Only those: received, handled, held (not ours) or dead.")
    ] = None,
    object_id: Annotated[
        str | None, typer.Option("--object", metavar="ID", help="Only those about this object of the provider's.")
    ] = None,
    limit: LimitOption = 50,
) -> None:
    """List what the provider told, the newest first, and what was made of it."""
    with workspace() as work:
        rows = work.payments.events.list(state=state, object_id=object_id, limit=limit)
    _show_events(rows, empty="None." if state or object_id else "None yet: engagerr payment poll")


@verb(app, "replay", examples=("engagerr payment replay evt_1TkBWmL0nT4pXjVh",))
def replay_(event: Annotated[str, typer.Argument(metavar="EVENT", help="Its id: evt_…")]) -> None:
    """Handle an event of the provider's again, once what stood in its way was mended."""
    with workspace() as work:
        row = work.payments.events.replay(event)
    _show_events([row], empty="")


@verb(
    app,
    "operations",
    examples=("engagerr payment operations", "engagerr payment operations --state open"),
)
def operations_(
    state: Annotated[
        str | None,
        typer.Option(
            metavar="STATE",
            help="Only those: intended, sent, unknown, awaiting, succeeded, failed; or open: all that have no end yet.",
        ),
    ] = None,
    subject: Annotated[
        str | None, typer.Option(metavar="SUBJECT", help="Only those for this, such as hold:ID or payee:ID.")
    ] = None,
    limit: LimitOption = 50,
) -> None:
    """List what the provider was asked to do, the newest first, and how it went."""
    with workspace() as work:
        rows = work.payments.events.operations(state=state, subject=subject, limit=limit)
    columns: list[Column[Operation]] = [
        Column("Operation", lambda row: row.id.hex[-8:]),
        Column("What", lambda row: row.kind.value),
        Column("For", lambda row: row.subject, elastic=True, above=100),
        Column("State", lambda row: row.state if row.waits_for is None else f"waits for {row.waits_for}"),
        Column("Object", lambda row: row.provider_id or MISSING, elastic=True),
        Column("Asked", lambda row: minute(row.created_at), above=110),
        Column("Why", lambda row: str((row.error or {}).get("message", "")), elastic=True),
    ]
    show(rows, columns=columns, csv=_OPERATION_CSV, empty="None.")


@verb(app, "webhook", examples=("engagerr payment webhook --port 8411",))
def webhook_(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The port; 0 takes any that is free.")] = 8411,
    host: Annotated[
        str, typer.Option(metavar="HOST", help="Where to listen; this machine only, as it stands.")
    ] = "127.0.0.1",
) -> None:
    """Receive the provider's webhooks until interrupted.

    Needs the signing secret of the endpoint in ENGAGERR_PAYMENTS__STRIPE_WEBHOOK_SECRET, and a reverse proxy with a
    certificate in front. Polling does the same without an address, a little later.
    """
    from engagerr.core.payments.provider.webhook_server import WebhookServer

    with opened() as engagerr:
        work = engagerr.workspace()
        with WebhookServer(work.payments.events, host=host, port=port) as server:
            note(f"Receiving at {server.url}; Ctrl-C ends it.")
            try:
                server.wait()
            finally:
                came = ", ".join(f"{count} {word}" for word, count in sorted(server.counts.items()))
                note(came or "Nothing came.")


def _show_events(rows: Sequence[ProviderEvent], *, empty: str) -> None:
    columns: list[Column[ProviderEvent]] = [
        Column("Event", lambda row: row.event_id, elastic=True),
        Column("What", lambda row: row.type, elastic=True),
        Column("About", lambda row: row.object_id or MISSING, elastic=True, above=110),
        Column("At", lambda row: minute(row.created_at), above=90),
        Column("State", lambda row: row.state),
        Column("Made of it", lambda row: row.note or "", elastic=True),
    ]
    show(rows, columns=columns, csv=_EVENT_CSV, empty=empty)


def _polled(report: PollReport) -> list[tuple[str, str]]:
    return [
        ("New events", str(report.new)),
        ("Known before", str(report.known)),
        ("Acted upon", str(report.events.handled)),
        ("Still waiting", str(report.events.waiting)),
        ("Put aside", f"{report.events.dead} that cannot be handled, {report.held} that are not ours"),
        ("Payees", f"{report.accounts} lists read, {report.refreshed} asked about"),
    ]


def _tidied(report: JanitorReport) -> list[tuple[str, str]]:
    return [
        ("Sent or ended", str(report.sent)),
        ("Had been done", str(report.adopted)),
        ("Waiting", str(report.waiting)),
        ("Unknown", str(report.unknown)),
        ("Refused", str(report.failed)),
        ("Against the books", str(report.broken)),
        ("Provider", "does not answer" if report.unreachable else "answers"),
    ]
