"""`engagerr payment sandbox`: a payment provider on this machine, and its time, its payers and its banks."""

from __future__ import annotations

import signal
import threading
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engagerr.cli.command import opened, verb
from engagerr.cli.output import clean, minute, put
from engagerr.cli.payment.noun import app
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engagerr.core.payments.sandbox.tending import Running, SandboxStatus, Tended, Tending

_STATUS_CSV = ("path", "url", "key", "now", "ahead_seconds", "waiting_webhooks")
_TENDED_CSV = ("done", "id", "state", "detail")


class Doing(StrEnum):
    """What is done with the sandbox."""

    RUN = "run"
    STATUS = "status"
    ADVANCE = "advance"
    PAY = "pay"
    ONBOARD = "onboard"
    ACCOUNT = "account"
    PAYOUT = "payout"
    DISPUTE = "dispute"


@verb(app, "sandbox", examples=("engagerr payment sandbox status", "engagerr payment sandbox advance 1h"))
def sandbox(
    doing: Annotated[
        Doing,
        typer.Argument(
            metavar="DOING",
            help="run (till Ctrl-C), status, advance SPAN, pay SESSION, onboard, account or payout ACCOUNT, "
            "dispute CHARGE.",
        ),
    ] = Doing.RUN,
    about: Annotated[
        str | None, typer.Argument(metavar="WHAT", help="A span such as 7d, or the provider's id of the thing.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port of this machine to listen on; 0: any.")] = 8420,
    forward_to: Annotated[
        str | None, typer.Option(metavar="URL", help="Where events are sent, such as `engagerr payment webhook`.")
    ] = None,
    webhook_secret: Annotated[
        str | None, typer.Option(metavar="whsec_…", help="What they are signed with; made up if left out.")
    ] = None,
    card: Annotated[
        str, typer.Option(metavar="ID", help="What `pay` pays with, such as pm_card_visa_chargeDeclined.")
    ] = "pm_card_visa",
    state: Annotated[
        str, typer.Option(metavar="STATE", help="What `account` sets: active, pending or restricted.")
    ] = "active",
) -> None:
    """Run the payment provider that is on this machine, or steer it. No money moves, no key is needed.

    With no Stripe key set, every command uses it by itself. In the foreground it also shows its pages (checkout,
    onboarding) and sends its events.
    """
    from engagerr.core.payments.sandbox.tending import Tending

    with opened() as engagerr:
        tending = Tending(engagerr.settings.home, clock=engagerr.clock)
        if doing is Doing.RUN:
            _run(tending.run(port=port, forward_to=forward_to, secret=webhook_secret))
            return
        if doing is Doing.STATUS:
            status = tending.status()
            put(status, csv=_STATUS_CSV, drawing=lambda: _drawn(status))
            return
        done = _steered(tending, doing, about, card=card, state=state)
    put(done, csv=_TENDED_CSV, drawing=lambda: _said(done))


def _steered(tending: Tending, doing: Doing, about: str | None, *, card: str, state: str) -> Tended:
    """One thing done to it."""
    if about is None:
        raise InvalidInput(f"`engagerr payment sandbox {doing}` needs to know of what.", hint=_HINTS[doing])
    if doing is Doing.PAY:
        return tending.pay(about, method=card)
    if doing is Doing.ACCOUNT:
        return tending.account(about, state=state)
    steps: dict[Doing, Any] = {
        Doing.ADVANCE: tending.advance,
        Doing.ONBOARD: tending.onboard,
        Doing.PAYOUT: tending.pay_out,
        Doing.DISPUTE: tending.dispute,
    }
    done: Tended = steps[doing](about)
    return done


_HINTS = {
    Doing.ADVANCE: "Add a span: engagerr payment sandbox advance 7d",
    Doing.PAY: "Add a session: engagerr payment sandbox pay cs_test_…",
    Doing.ONBOARD: "Add an account: engagerr payment sandbox onboard acct_…",
    Doing.ACCOUNT: "Add an account: engagerr payment sandbox account acct_… --state restricted",
    Doing.PAYOUT: "Add an account: engagerr payment sandbox payout acct_…",
    Doing.DISPUTE: "Add a charge: engagerr payment sandbox dispute ch_…",
}


def _run(running: Running) -> None:
    """Say where it is, and stay until it is ended."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    document = {"url": running.url, "key": running.key, "forward_to": running.forward_to, "secret": running.secret}
    try:
        put(document, csv=tuple(document), drawing=lambda: _drawn_running(running))
        while not ended.wait(0.5):
            pass
    finally:
        running.close()


def _drawn_running(running: Running) -> list[RenderableType]:
    lines = [
        f"The sandbox listens at {running.url}. Ctrl-C ends it; its books stay.",
        f"  key             {running.key}",
    ]
    if running.forward_to is not None:
        lines += [
            f"  events go to    {clean(running.forward_to)}",
            f"  signed with     {running.secret}",
        ]
    lines += [
        "Commands of this home use it by themselves where no Stripe key is set. For other clients:",
        f"  export STRIPE_API_KEY={running.key}",
        f"  stripe trigger payment_intent.succeeded --api-base {running.url}",
        "Next: engagerr payee add --help",
    ]
    return ["\n".join(lines)]


def _drawn(status: SandboxStatus) -> list[RenderableType]:
    ahead = f", {status.ahead_seconds / 86_400:.1f} days ahead" if status.ahead_seconds else ""
    counts = ", ".join(f"{number} {kind.replace('_', ' ')}s" for kind, number in status.objects.items() if number)
    return [
        f"Books   {status.path}\nPages   {status.url} (while `engagerr payment sandbox` runs)\nClock   "
        f"{minute(status.now)}{ahead}\nInside  {counts or 'nothing yet'}\nUnsent  {status.waiting_webhooks} webhooks"
    ]


def _said(done: Tended) -> list[RenderableType]:
    more = f" ({clean(done.detail)})" if done.detail else ""
    return [f"{clean(done.id)}: {done.done}, now {clean(done.state)}{more}."]
