"""Mail as the other side sees it: a real SMTP server on this machine, a post that remembers, and small reports."""

from __future__ import annotations

import contextlib
import email
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from engagerr import NotFound
from engagerr.core.errors import EngagerrError
from engagerr.core.integrations.mail import Message
from engagerr.core.metrics.reports.document import Kind, Paragraph, ReportDocument, Section
from engagerr.core.tenancy import Access, Permission

USER, PASSWORD = "reports@north.example", "planted-pass-4711"


class Mailbox:
    """What an SMTP server took. `answers` maps a command (RCPT, DATA) to what it says instead of taking it; nobody of
    `unknown` has a box."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.encrypted: list[bool] = []
        self.answers: dict[str, str] = {}
        self.unknown: set[str] = set()

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, to: str, options: list[str]) -> str:
        if "RCPT" in self.answers:
            return self.answers["RCPT"]
        if to in self.unknown:
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if "DATA" in self.answers:
            return self.answers["DATA"]
        content = envelope.content
        assert isinstance(content, bytes)
        self.raw.append(content)
        self.mails.append(email.message_from_bytes(content, policy=default))
        self.encrypted.append(session.ssl is not None)
        return "250 queued as 7"


@dataclass(frozen=True)
class Certificate:
    """A certificate for 127.0.0.1 that nobody but `trusting` trusts."""

    serving: ssl.SSLContext
    trusting: ssl.SSLContext


def certificate(folder: Path) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.north.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "mail.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(file)
    return Certificate(serving, ssl.create_default_context(cafile=str(file)))


@contextlib.contextmanager
def smtp_server(mailbox: Mailbox, **options: Any) -> Iterator[int]:
    """A real server on 127.0.0.1; yields its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def lets_in(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
    """An authenticator that knows `USER` and `PASSWORD`."""
    ok = isinstance(given, LoginPassword) and (given.login, given.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=ok, handled=False)


@dataclass
class RememberingPost:
    """The other side as Resend is: the same key again is the same message, and goes out once.

    `failing` is raised before it takes a message, `dying` after it took one: the process ends before it hears of it.
    """

    sent: dict[str, Message] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    failing: dict[str, EngagerrError] = field(default_factory=dict)
    dying: BaseException | None = None

    def send(self, message: Message, *, idempotency_key: str) -> str:
        self.calls.append(message.to[0])
        if message.to[0] in self.failing:
            raise self.failing[message.to[0]]
        self.sent.setdefault(idempotency_key, message)
        if self.dying is not None:
            dying, self.dying = self.dying, None
            raise dying
        return f"id-{list(self.sent).index(idempotency_key) + 1}"

    @property
    def got(self) -> list[str]:
        """Who got something, in order."""
        return [message.to[0] for message in self.sent.values()]


class SmallReports:
    """Makes documents of a sentence each, as its member may read them. `made` counts them."""

    def __init__(self, access: Access, made: list[str]) -> None:
        self._access = access
        self._made = made

    def creator(self, creator: str, *, since: datetime | None = None, until: datetime | None = None) -> ReportDocument:
        if creator != "Ann Lee":
            raise NotFound(f"There is no creator {creator}.", hint="`engagerr creator list` shows them.")
        return self._document(Kind.CREATOR, creator, since, until)

    def campaign(
        self, campaign: str, *, since: datetime | None = None, until: datetime | None = None
    ) -> ReportDocument:
        return self._document(Kind.CAMPAIGN, campaign, since, until)

    def roster(self, *, since: datetime | None = None, until: datetime | None = None) -> ReportDocument:
        return self._document(Kind.ROSTER, "roster", since, until)

    def family(self, family: str, *, until: datetime | None = None) -> ReportDocument:
        return self._document(Kind.FAMILY, family, None, until)

    def render(self, document: ReportDocument, format: str) -> bytes:
        return f"{format} of {document.content_hash}".encode()

    def _document(self, kind: Kind, subject: str, since: datetime | None, until: datetime | None) -> ReportDocument:
        assert until is not None
        with self._access.transaction(Permission.READ):
            self._made.append(self._access.member.email or "")
        body = Section("All", "", (Paragraph(f"Of {since} to {until}."),))
        return ReportDocument(
            kind=kind, title=f"Report on {subject}", subtitle="Everything", subject=subject,
            prepared_by=self._access.tenant.name, since=since, until=until, sections=(body,),
        )  # fmt: skip
