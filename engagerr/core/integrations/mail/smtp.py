"""Mail through an SMTP server: encrypted or not at all, bounded in time, and never with a password in its words."""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Literal

from engagerr.core.errors import EngagerrError, InvalidInput, Rejected, Unavailable
from engagerr.core.integrations.mail.message import Message, checked_mailbox, formatted_mailbox
from engagerr.core.integrations.redaction import redacted

if TYPE_CHECKING:
    from engagerr.core.clock import Clock

Security = Literal["starttls", "tls", "none"]

PORTS: dict[Security, int] = {"starttls": 587, "tls": 465, "none": 25}
# A server that says a little every few seconds never runs into a time-out.
_LONGEST_SECONDS = 300.0
_MOST_WORDS = 300
# Only 7 bits: no server has to understand an extension for the message to arrive as it was.
_POLICY = SMTP_POLICY.clone(cte_type="7bit")


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpPost:
    """A `Post` that speaks SMTP. `security`: STARTTLS, TLS from the first byte, or none, which only a server on this
    machine may have. `trusted` replaces the certificates that this machine trusts."""

    host: str
    clock: Clock
    port: int | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    security: Security = "starttls"
    timeout_seconds: float = 30.0
    longest_seconds: float = _LONGEST_SECONDS
    trusted: ssl.SSLContext | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.security == "none" and not _is_here(self.host):
            raise InvalidInput(
                f"Mail to {self.host} would travel in the clear, and the password with it.",
                hint="Set ENGAGERR_MAIL__SECURITY to starttls or tls; none is for a server on this machine.",
            )
        if (self.user is None) != (self.password is None):
            raise InvalidInput(
                "To sign in to the mail server takes both a user and a password.",
                hint="Set ENGAGERR_MAIL__USER, and ENGAGERR_MAIL__PASSWORD or ENGAGERR_MAIL__PASSWORD_FILE; or none.",
            )

    def send(self, message: Message, *, idempotency_key: str) -> str:
        """The Message-ID, which is made from the key: whoever gets the message twice can see that it is one."""
        mail, message_id = _as_mail(message, idempotency_key, self.clock)
        failure: EngagerrError
        try:
            with self._connected() as server:
                self._refuse_too_large(server, mail)
                refused = server.sendmail(checked_mailbox(message.sender)[1], list(message.to), mail)
            if refused:
                # The library raises only when all of them are.
                raise smtplib.SMTPRecipientsRefused(refused)
            return message_id
        except EngagerrError as error:
            failure = error
        except (smtplib.SMTPException, OSError, ValueError) as error:
            failure = self._in_words(error)
        # Outside the except block: the library's error may quote what was sent to it.
        raise failure

    @contextlib.contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        """A session: encrypted and signed in. Ended at the latest when its time is over."""
        context = self.trusted or ssl.create_default_context()
        port = self.port or PORTS[self.security]
        known: list[smtplib.SMTP] = []
        watch = threading.Timer(self.longest_seconds, _hang_up, [known])
        watch.daemon = True
        watch.start()
        try:
            server: smtplib.SMTP
            if self.security == "tls":
                server = _WatchedTls(known, self.host, port, timeout=self.timeout_seconds, context=context)
            else:
                server = _Watched(known, self.host, port, timeout=self.timeout_seconds)
            server.ehlo_or_helo_if_needed()
            if self.security == "starttls":
                if not server.has_extn("starttls"):
                    raise Rejected(
                        f"The mail server {self.host} does not offer STARTTLS, and nothing is sent in the clear.",
                        hint="Check ENGAGERR_MAIL__HOST and ENGAGERR_MAIL__PORT; port 465 takes "
                        "ENGAGERR_MAIL__SECURITY=tls.",
                    )
                server.starttls(context=context)
                server.ehlo()
            if self.user is not None and self.password is not None:
                server.login(self.user, self.password)
            yield server
            # It has the message: however it says goodbye, that stands.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                server.quit()
        finally:
            watch.cancel()
            for opened in known:
                opened.close()

    def _refuse_too_large(self, server: smtplib.SMTP, mail: bytes) -> None:
        told = server.esmtp_features.get("size", "").split()
        most = int(told[0]) if told and told[0].isdigit() else 0
        if 0 < most < len(mail):
            raise InvalidInput(
                f"The message has {len(mail) / 1024 / 1024:.1f} MB; {self.host} takes {most / 1024 / 1024:.1f} MB.",
                hint="Send fewer formats, or put the files into a folder.",
                facts={"bytes": len(mail), "most": most},
            )

    def _in_words(self, error: Exception) -> EngagerrError:
        """The library's error as one of ours. SMTP says by the first digit whether trying again is sensible."""
        code, said, whom = _said(error)
        secrets = (self.password,)
        words = " ".join(redacted(said, secrets=secrets).split())[:_MOST_WORDS].rstrip(".") or type(error).__name__
        facts = {"host": self.host, "code": code, "said": words}
        if isinstance(error, ssl.SSLCertVerificationError):
            return Rejected(
                f"The certificate of the mail server {self.host} is not trusted: {words}.",
                hint="Check ENGAGERR_MAIL__HOST; SSL_CERT_FILE names certificates of your own.",
                facts=facts,
            )
        if isinstance(error, smtplib.SMTPAuthenticationError) and not _passes(code):
            return Rejected(
                f"The mail server {self.host} does not let {self.user} in: {words}.",
                hint="Check ENGAGERR_MAIL__USER and ENGAGERR_MAIL__PASSWORD (or its file).",
                facts=facts,
            )
        if code is not None and not _passes(code):
            return Rejected(
                f"The mail server {self.host} refuses {whom}: {words} (code {code}).",
                hint="Check the recipient and ENGAGERR_MAIL__SENDER, which the server must allow.",
                facts=facts,
            )
        if isinstance(error, smtplib.SMTPNotSupportedError):
            return Rejected(
                f"The mail server {self.host} cannot do what is needed: {words}.",
                hint="Check ENGAGERR_MAIL__HOST, ENGAGERR_MAIL__PORT and ENGAGERR_MAIL__SECURITY.",
                facts=facts,
            )
        return Unavailable(
            f"The mail server {self.host} cannot take {whom} now: {words}.",
            hint="Try again later; check ENGAGERR_MAIL__HOST and ENGAGERR_MAIL__PORT if it never works.",
            facts=facts,
        )


def _said(error: Exception) -> tuple[int | None, str, str]:
    """(the server's code, its words, what it speaks of)."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        address, (code, words) = next(iter(error.recipients.items()))
        return code, _text(words), str(address)
    if isinstance(error, smtplib.SMTPResponseException):
        sender = isinstance(error, smtplib.SMTPSenderRefused)
        told = error.smtp_code if 200 <= error.smtp_code < 600 else None
        return told, _text(error.smtp_error), "the sender" if sender else "the message"
    if isinstance(error, TimeoutError):
        return None, "no answer in time", "the message"
    return None, str(error), "the message"


def _text(words: bytes | str) -> str:
    return words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)


def _passes(code: int | None) -> bool:
    return code is not None and 400 <= code < 500


class _Watched(smtplib.SMTP):
    """Known before it connects: a greeting can take for ever as well."""

    def __init__(self, known: list[smtplib.SMTP], *address: Any, **options: Any) -> None:
        known.append(self)
        super().__init__(*address, **options)


class _WatchedTls(smtplib.SMTP_SSL):
    """Likewise."""

    def __init__(self, known: list[smtplib.SMTP], *address: Any, **options: Any) -> None:
        known.append(self)
        super().__init__(*address, **options)


def _hang_up(known: list[smtplib.SMTP]) -> None:
    for server in known:
        if server.sock is not None:
            with contextlib.suppress(OSError):
                server.sock.shutdown(socket.SHUT_RDWR)


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def message_id_of(idempotency_key: str, sender: str) -> str:
    """The same for the same key and the sender's domain, and nobody else's."""
    domain = checked_mailbox(sender)[1].partition("@")[2]
    return f"<{hashlib.sha256(idempotency_key.encode()).hexdigest()[:40]}@{domain}>"


def _as_mail(message: Message, idempotency_key: str, clock: Clock) -> tuple[bytes, str]:
    """The message as it goes over the wire, and its Message-ID."""
    message_id = message_id_of(idempotency_key, message.sender)
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = formatted_mailbox(message.sender)
    mail["To"] = ", ".join(message.to)
    if message.reply_to is not None:
        mail["Reply-To"] = formatted_mailbox(message.reply_to)
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(clock.now())
    mail["Message-ID"] = message_id
    # Nobody's absence note comes back (RFC 3834).
    mail["Auto-Submitted"] = "auto-generated"
    # Resend's SMTP server reads this one.
    mail["Resend-Idempotency-Key"] = hashlib.sha256(idempotency_key.encode()).hexdigest()
    mail.set_content(message.text)
    if message.html is not None:
        mail.add_alternative(message.html, subtype="html")
    for attachment in message.attachments:
        kind, _, subtype = attachment.content_type.partition("/")
        mail.add_attachment(attachment.body, maintype=kind, subtype=subtype, filename=attachment.name)
    return mail.as_bytes(), message_id
