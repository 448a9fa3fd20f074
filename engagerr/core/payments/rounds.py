"""What has to happen regularly with money: hear the provider, finish what was begun, release what is due, warn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engagerr.core.payments.payments import Payments


class Rounds:
    """One round of all of it, safe at any time and beside another one: each step decides under its own locks."""

    def __init__(self, payments: Payments) -> None:
        self._payments = payments

    def run(self) -> dict[str, Any]:
        """Do a round; returns counts by what they count. A provider that cannot be reached stops it (`Unavailable`)."""
        payments = self._payments
        heard = payments.events.poll()
        finished = payments.events.janitor()
        transferred, released = payments.holds.send_waiting(), len(payments.holds.release_due())
        payments.holds.tell_settled()
        return {
            "events": heard.new, "handled": heard.events.handled, "put_aside": heard.events.dead,
            "sent": finished.sent, "looked_up": finished.adopted, "waiting": finished.waiting,
            "unknown": finished.unknown, "broken": finished.broken, "transferred": transferred,
            "released_by_silence": released, "warned": payments.holds.warn(),
        }  # fmt: skip
