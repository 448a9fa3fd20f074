"""Outgoing mail behind one interface: `Post`, made by `post_of` from the settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.mail.message import (
    LARGEST_ATTACHMENTS_BYTES,
    Attachment,
    AttachmentsTooLarge,
    Message,
    Post,
    SentAlready,
    checked_address,
    checked_mailbox,
    checked_recipients,
)

if TYPE_CHECKING:
    from engagerr.core.clock import Clock
    from engagerr.core.integrations.http import PlatformHttp
    from engagerr.core.settings import MailSettings

__all__ = [
    "LARGEST_ATTACHMENTS_BYTES",
    "Attachment",
    "AttachmentsTooLarge",
    "MailNotConfigured",
    "Message",
    "Post",
    "SentAlready",
    "checked_address",
    "checked_mailbox",
    "checked_recipients",
    "post_of",
]


class MailNotConfigured(InvalidInput):
    """Nobody said how mail is sent, or not all of it. `lacking` are the variables to set."""

    def __init__(self, *lacking: str) -> None:
        which = " and ".join(lacking)
        super().__init__(
            f"Mail is not configured: {which} {'are' if len(lacking) > 1 else 'is'} not set.",
            hint="ENGAGERR_MAIL__VIA=smtp takes ENGAGERR_MAIL__HOST and ENGAGERR_MAIL__SENDER, mostly also _USER and "
            "_PASSWORD_FILE; ENGAGERR_MAIL__VIA=resend takes ENGAGERR_MAIL__RESEND_KEY_FILE and ENGAGERR_MAIL__SENDER. "
            "A folder takes none of it.",
            facts={"lacking": list(lacking)},
        )
        self.lacking = lacking


def post_of(settings: MailSettings, *, http: Callable[[], PlatformHttp], clock: Clock) -> Post:
    """Whatever sends mail by these settings; raises `MailNotConfigured` naming what they lack. Nothing connects yet."""
    if settings.via == "none":
        raise MailNotConfigured("ENGAGERR_MAIL__VIA")
    key = settings.secret_resend_key() if settings.via == "resend" else None
    needs = {
        "ENGAGERR_MAIL__HOST": settings.via != "smtp" or settings.host,
        "ENGAGERR_MAIL__RESEND_KEY": settings.via != "resend" or key,
        "ENGAGERR_MAIL__SENDER": settings.sender,
    }
    lacking = [name for name, given in needs.items() if not given]
    if lacking:
        raise MailNotConfigured(*lacking)
    try:
        checked_mailbox(settings.sender or "")
    except InvalidInput as error:
        raise InvalidInput(f"ENGAGERR_MAIL__SENDER cannot be used: {error.message}", hint=error.hint) from None
    if settings.via == "resend":
        from engagerr.core.integrations.mail.resend import ResendPost

        return ResendPost(http, key or "")
    from engagerr.core.integrations.mail.smtp import SmtpPost

    return SmtpPost(
        host=settings.host or "", port=settings.port, user=settings.user, password=settings.secret_password(),
        security=settings.security, timeout_seconds=settings.timeout_seconds, clock=clock,
    )  # fmt: skip
