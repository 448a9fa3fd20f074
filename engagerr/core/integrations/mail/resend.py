"""Mail through Resend's API: one POST a message, under a key that makes the second one harmless for 24 hours.

https://resend.com/docs/api-reference/emails/send-email, …/errors and …/dashboard/emails/idempotency-keys.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engagerr.core.errors import Rejected, Unavailable
from engagerr.core.integrations.connector import Answer, Call, Connector, Fault, FaultKind, NoSignIn
from engagerr.core.integrations.faults import judge_by_status, words_of
from engagerr.core.integrations.mail.message import Message, SentAlready, formatted_mailbox

if TYPE_CHECKING:
    from engagerr.core.integrations.http import PlatformHttp

_QUOTAS = frozenset({"daily_quota_exceeded", "monthly_quota_exceeded"})


def _judge(answer: Answer) -> Fault | None:
    """Resend's errors are {statusCode, name, message}; the name says more than the status."""
    name = answer.body.get("name") if isinstance(answer.body, dict) else None
    fault = judge_by_status(answer)
    if fault is None or (answer.status == 409 and name == "invalid_idempotent_request"):
        return None
    said = words_of(answer.body) or fault.message
    if name in _QUOTAS:
        return Fault(kind=FaultKind.SPENT, message=said, retry_after=fault.retry_after)
    if name == "concurrent_idempotent_requests":
        return Fault(kind=FaultKind.BUSY, message=said)
    if fault.kind in (FaultKind.BUSY, FaultKind.DOWN):
        return fault
    # A key that is wrong is no sign-in that a person could renew.
    return Fault(kind=FaultKind.REFUSED, message=said)


RESEND = Connector(
    name="resend",
    platform="resend",
    title="Resend",
    base_url="https://api.resend.com",
    auth=NoSignIn(),
    streams=(),
    identify=lambda _ask, _account: (),
    judge=_judge,
    documentation="https://resend.com/docs/api-reference/emails/send-email",
    max_bytes=1024 * 1024,
)


@dataclass(frozen=True, slots=True)
class ResendPost:
    """A `Post` that speaks to Resend. `http` makes its calls: retried, bounded, without the key in any words."""

    http: Callable[[], PlatformHttp]
    key: str = field(repr=False)

    def send(self, message: Message, *, idempotency_key: str) -> str:
        """Resend's id of the message."""
        ask = self.http().ask(RESEND, account=None, token=lambda: self.key)
        call = Call(
            name="sending a message", path="emails", method="POST", json=_as_json(message),
            headers={"idempotency-key": hashlib.sha256(idempotency_key.encode()).hexdigest()},
        )  # fmt: skip
        try:
            answer = ask(call)
        except Rejected as error:
            error.hint = (
                "Check ENGAGERR_MAIL__RESEND_KEY (or its file), and that ENGAGERR_MAIL__SENDER is of a domain that is "
                "verified there. https://resend.com/docs/api-reference/errors"
            )
            raise
        except Unavailable as error:
            error.hint = "Try again later: under the same key, Resend sends it once."
            raise
        if answer.status == 409:
            raise SentAlready(
                "Resend took this message before, and it read differently then.",
                hint="Nothing is to be done: it went out as it was at first.",
            )
        sent = answer.body.get("id") if isinstance(answer.body, dict) else None
        if not isinstance(sent, str) or not sent:
            raise Unavailable("Resend answers without the id of the message.", hint="Look at resend.com/emails for it.")
        return sent


def _as_json(message: Message) -> dict[str, Any]:
    body: dict[str, Any] = {
        "from": formatted_mailbox(message.sender), "to": list(message.to), "subject": message.subject,
        "text": message.text,
    }  # fmt: skip
    if message.html is not None:
        body["html"] = message.html
    if message.reply_to is not None:
        body["reply_to"] = formatted_mailbox(message.reply_to)
    if message.attachments:
        body["attachments"] = [
            {
                "filename": attachment.name, "content": base64.b64encode(attachment.body).decode("ascii"),
                "content_type": attachment.content_type,
            }
            for attachment in message.attachments
        ]  # fmt: skip
    return body
