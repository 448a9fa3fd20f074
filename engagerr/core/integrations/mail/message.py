"""A mail that goes out, and the one interface to whatever sends it. Nothing in it can become a header of its own."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parseaddr, quote
from typing import Protocol

from engagerr.core.errors import InvalidInput, Rejected

# Many servers refuse more than 25 MB; base64 makes four bytes of three.
LARGEST_ATTACHMENTS_BYTES = 20 * 1024 * 1024
# RFC 5321: 64 characters before the @, and 254 in all that still fit into a path.
_LONGEST_LOCAL, _LONGEST_ADDRESS = 64, 254
_LONGEST_LINE = 500
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"({_ATOM}(?:\.{_ATOM})*)@({_LABEL}(?:\.{_LABEL})+)")
_CONTENT_TYPE = re.compile(r"[a-z]+/[a-z0-9][a-z0-9.+-]*")
_WORDS = re.compile(r"[\w ]+")
_NAME_IN_A_FOLDER = re.compile(r"[^/\\]+")


class SentAlready(Rejected):
    """The other side took a message under this key before, and it read differently: there is nothing left to send."""


class Post(Protocol):
    """Sends mail. The same key again is the same message: it goes out once where the other side can tell."""

    def send(self, message: Message, *, idempotency_key: str) -> str:
        """The other side's id of the message once it was accepted.

        Raises `Unavailable` where trying again is sensible, `Rejected` where the other side says no (`SentAlready`
        where it has it), and `InvalidInput` for what can be sent to nobody.
        """
        ...


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a message."""

    name: str
    content_type: str
    body: bytes

    def __post_init__(self) -> None:
        _one_line("The name of an attachment", self.name)
        if not _NAME_IN_A_FOLDER.fullmatch(self.name) or self.name in (".", ".."):
            raise InvalidInput(f"{self.name!r} is no name of an attachment.", hint="A file's name, without a folder.")
        if not _CONTENT_TYPE.fullmatch(self.content_type):
            raise InvalidInput(f"{self.content_type!r} is no content type.", hint="For example application/pdf.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message. `sender` and `reply_to` may be `ann@north.example` or `North <ann@north.example>`; `to` are bare
    addresses. Raises `InvalidInput` for anything that would not arrive as it stands here."""

    to: tuple[str, ...]
    subject: str
    text: str
    sender: str
    html: str | None = None
    attachments: tuple[Attachment, ...] = ()
    reply_to: str | None = None

    def __post_init__(self) -> None:
        if not self.to:
            raise InvalidInput("A message needs somebody to go to.", hint="Give at least one address.")
        for address in self.to:
            checked_address(address)
        checked_mailbox(self.sender)
        if self.reply_to is not None:
            checked_mailbox(self.reply_to)
        _one_line("A subject", self.subject)
        size = sum(len(attachment.body) for attachment in self.attachments)
        if size > LARGEST_ATTACHMENTS_BYTES:
            raise AttachmentsTooLarge(
                f"The attachments have {size / 1024 / 1024:.1f} MB together; a mail takes "
                f"{LARGEST_ATTACHMENTS_BYTES // 1024 // 1024} MB.",
                hint="Send fewer formats, or put the files into a folder.",
                facts={"bytes": size, "most": LARGEST_ATTACHMENTS_BYTES},
            )


class AttachmentsTooLarge(InvalidInput):
    """More than a mail can carry."""


def checked_address(address: str) -> str:
    """The bare address as it is (`ann@north.example`); raises `InvalidInput` for anything else."""
    found = _ADDRESS.fullmatch(address)
    if found is None or len(found[1]) > _LONGEST_LOCAL or len(address) > _LONGEST_ADDRESS:
        raise InvalidInput(
            f"{address!r} is not an email address.",
            hint="For example ann@north.example; a domain with other letters is written xn--….",
            facts={"address": address},
        )
    return address


def checked_mailbox(mailbox: str) -> tuple[str, str]:
    """(name, address) of `North <ann@north.example>` or of a bare address, whose name is empty."""
    _one_line("A sender", mailbox)
    name, address = parseaddr(mailbox)
    if not address:
        raise InvalidInput(f"{mailbox!r} is no sender.", hint="For example North <reports@north.example>.")
    return name, checked_address(address)


def formatted_mailbox(mailbox: str) -> str:
    """As `Name <address>`, the name in quotes where it holds more than words; other letters stay as they are."""
    name, address = checked_mailbox(mailbox)
    if not name:
        return address
    return f"{name} <{address}>" if _WORDS.fullmatch(name) else f'"{quote(name)}" <{address}>'


def checked_recipients(addresses: Sequence[str]) -> tuple[str, ...]:
    """Each address once, in the order given; two that differ in capitals are one."""
    once: dict[str, str] = {}
    for address in addresses:
        once.setdefault(checked_address(address.strip()).lower(), address.strip())
    return tuple(once.values())


def _one_line(what: str, text: str) -> None:
    """Refuse what would end a header and begin another one."""
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in text):
        raise InvalidInput(f"{what} is one line: {text[:60]!r} has a line break or a control character.")
    if not text.strip() or len(text) > _LONGEST_LINE:
        raise InvalidInput(f"{what} has between 1 and {_LONGEST_LINE} characters.", hint="Make it shorter.")
