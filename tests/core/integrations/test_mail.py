"""Outgoing mail: what arrives at a real SMTP server and at Resend, what is refused, and where a password never goes."""

from __future__ import annotations

import json
import logging
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import stamina
from engagerr import Engagerr, InvalidInput, Rejected, Settings, Unavailable
from engagerr.core.integrations.http import PlatformHttp
from engagerr.core.integrations.mail import (
    Attachment,
    AttachmentsTooLarge,
    MailNotConfigured,
    Message,
    SentAlready,
    checked_address,
    checked_recipients,
    post_of,
)
from engagerr.core.integrations.mail.resend import ResendPost
from engagerr.core.integrations.mail.smtp import SmtpPost
from engagerr.core.settings import MailSettings
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.clock import START, SteeredClock
from tests.fakes.mail import PASSWORD, USER, Certificate, Mailbox, certificate, lets_in, smtp_server

PDF = b"%PDF-1.7\r\n\x00\xff\n.\nend"
KEY = "re_planted_4711_abcdefgh"


def message(**changes: Any) -> Message:
    written: dict[str, Any] = {
        "to": ("ann@north.example",), "subject": "Übersicht, Oktober", "text": "Zahlen für Ann.\n.\nEnde\n",
        "sender": "North – Berichte <reports@north.example>", "html": "<p>Zahlen für Ann</p>",
        "attachments": (Attachment("Ann é.pdf", "application/pdf", PDF),), "reply_to": "kim@north.example", **changes,
    }  # fmt: skip
    return Message(**written)


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


def post(port: int, **options: Any) -> SmtpPost:
    return SmtpPost(host="127.0.0.1", port=port, clock=SteeredClock(), timeout_seconds=5, **options)


# ── What a message may be ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "Report\r\nBcc: eve@evil.example"}, {"subject": "Report\nX: y"}, {"subject": "Report\u2028X: y"},
        {"sender": "North\nBcc: eve@evil.example <reports@north.example>"}, {"sender": "no address"},
        {"reply_to": "kim@north.example\r\nBcc: eve@evil.example"}, {"to": ("ann@north.example\nBcc: e@evil.example",)},
        {"to": ()}, {"subject": " "}, {"to": ("Ann <ann@north.example>",)},
    ],
)  # fmt: skip
def test_nothing_of_a_message_becomes_a_header_of_its_own(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        message(**changes)


@pytest.mark.parametrize(
    "changes", [{"name": "a\r\nb.pdf"}, {"name": "../a.pdf"}, {"name": ".."}, {"content_type": "text/html\r\nX: y"}]
)
def test_nothing_of_an_attachment_does(changes: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        Attachment(**{"name": "a.pdf", "content_type": "application/pdf", **changes}, body=b"")


@given(st.text(max_size=40))
def test_an_address_is_one_word_in_ascii_or_none(text: str) -> None:
    try:
        checked_address(text)
    except InvalidInput:
        return
    assert text.isascii()
    assert text.isprintable()
    assert text.count("@") == 1
    assert " " not in text


@pytest.mark.parametrize("address", ["ann@north.example", "a.b+c@sub.north.example", "o'neil@north.example"])
def test_what_people_have_is_an_address(address: str) -> None:
    assert checked_address(address) == address


@pytest.mark.parametrize(
    "address",
    ["ann", "ann@north", "ann@north..example", ".ann@north.example", "ann@-north.example", f"{'a' * 65}@north.example",
     "ann@north.example ", "ann @north.example", "ann@nörth.example", "<ann@north.example>", "ann@[127.0.0.1]"],
)  # fmt: skip
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput, match="is not an email address"):
        checked_address(address)


def test_an_address_given_twice_is_one() -> None:
    assert checked_recipients(["Ann@north.example", " ann@North.example", "kim@north.example"]) == (
        "Ann@north.example", "kim@north.example",
    )  # fmt: skip


def test_more_than_20_mb_of_attachments_are_refused_in_words() -> None:
    half = Attachment("half.pdf", "application/pdf", bytes(10 * 1024 * 1024))
    assert message(attachments=(half, half))
    more = Attachment("more.pdf", "application/pdf", b"x")
    with pytest.raises(AttachmentsTooLarge, match=r"The attachments have 20\.0 MB together; a mail takes 20 MB\."):
        message(attachments=(half, half, more))


# ── SMTP ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_mail_arrives_encrypted_and_as_it_was_written(identity: Certificate, mailbox: Mailbox) -> None:
    server = smtp_server(
        mailbox, tls_context=identity.serving, require_starttls=True, auth_required=True, authenticator=lets_in
    )
    with server as port:
        sender = post(port, user=USER, password=PASSWORD, trusted=identity.trusting)
        sent = sender.send(message(), idempotency_key="report/1")
    (mail,) = mailbox.mails
    assert mailbox.encrypted == [True]
    assert (mail["Subject"], mail["To"], mail["Reply-To"]) == (
        "Übersicht, Oktober", "ann@north.example", "kim@north.example",
    )  # fmt: skip
    assert mail["From"].addresses[0].display_name == "North – Berichte"
    assert mail["Message-ID"] == sent
    assert mail["Date"].datetime == START
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().replace("\r\n", "\n") == "Zahlen für Ann.\n.\nEnde\n"
    assert "Zahlen für Ann" in html.get_content()
    (attached,) = mail.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type(), attached.get_content()) == (
        "Ann é.pdf", "application/pdf", PDF,
    )  # fmt: skip
    assert mailbox.raw[0].isascii()


def test_the_same_key_is_the_same_message_id_and_another_key_another(mailbox: Mailbox) -> None:
    with smtp_server(mailbox) as port:
        here = post(port, security="none")
        first, again = (here.send(message(), idempotency_key="report/1") for _ in range(2))
        other = here.send(message(), idempotency_key="report/2")
    assert first == again
    assert first != other
    assert first.endswith("@north.example>")
    assert mailbox.raw[0].split(b"boundary")[0] == mailbox.raw[1].split(b"boundary")[0]


def test_tls_from_the_first_byte_works_too(identity: Certificate, mailbox: Mailbox) -> None:
    with smtp_server(mailbox, ssl_context=identity.serving) as port:
        post(port, security="tls", trusted=identity.trusting).send(message(), idempotency_key="k")
    assert len(mailbox.mails) == 1


def test_a_server_that_cannot_encrypt_gets_nothing(mailbox: Mailbox) -> None:
    with smtp_server(mailbox) as port, pytest.raises(Rejected, match="does not offer STARTTLS"):
        post(port, user=USER, password=PASSWORD).send(message(), idempotency_key="k")
    assert mailbox.mails == []


def test_a_certificate_that_nobody_trusts_ends_it(identity: Certificate, mailbox: Mailbox) -> None:
    server = smtp_server(mailbox, tls_context=identity.serving)
    with server as port, pytest.raises(Rejected, match=r"certificate of the mail server 127\.0\.0\.1 is not trusted"):
        post(port, user=USER, password=PASSWORD).send(message(), idempotency_key="k")
    assert mailbox.mails == []


def test_without_encryption_only_this_machine_is_spoken_to() -> None:
    with pytest.raises(InvalidInput, match="would travel in the clear"):
        SmtpPost(host="mail.north.example", security="none", clock=SteeredClock())
    with pytest.raises(InvalidInput, match="both a user and a password"):
        SmtpPost(host="mail.north.example", user="ann", clock=SteeredClock())


def test_a_wrong_password_is_told_and_never_shown(
    identity: Certificate, mailbox: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = smtp_server(mailbox, tls_context=identity.serving, auth_required=True, authenticator=lets_in)
    wrong = "wrong-password-9923"
    with server as port:
        sender = post(port, user=USER, password=wrong, trusted=identity.trusting)
        with pytest.raises(Rejected, match=r"does not let reports@north\.example in") as refused:
            sender.send(message(), idempotency_key="k")
    told = "".join(traceback.format_exception(refused.value)) + repr(sender) + caplog.text
    assert wrong not in told + str(refused.value.facts)
    assert refused.value.__context__ is None
    assert "ENGAGERR_MAIL__PASSWORD" in (refused.value.hint or "")


@pytest.mark.parametrize(
    ("command", "answer", "expected", "words"),
    [
        ("RCPT", "550 5.1.1 no such user", Rejected, r"refuses ann@north\.example: 5\.1\.1 no such user \(code 550\)"),
        ("RCPT", "450 greylisted", Unavailable, r"cannot take ann@north\.example now: greylisted"),
        ("DATA", "554 5.7.1 looks like spam", Rejected, "looks like spam"),
        ("DATA", "452 4.3.1 disk full", Unavailable, "disk full"),
    ],
)
def test_the_servers_no_is_final_or_passes_by_its_first_digit(
    mailbox: Mailbox, command: str, answer: str, expected: type[Exception], words: str
) -> None:
    mailbox.answers[command] = answer
    with smtp_server(mailbox) as port, pytest.raises(expected, match=words):
        post(port, security="none").send(message(), idempotency_key="k")


def test_one_of_several_that_is_refused_is_told(mailbox: Mailbox) -> None:
    mailbox.unknown.add("kim@north.example")
    both = message(to=("ann@north.example", "kim@north.example"))
    with smtp_server(mailbox) as port, pytest.raises(Rejected, match=r"refuses kim@north\.example"):
        post(port, security="none").send(both, idempotency_key="k")


def test_a_message_that_the_server_would_not_take_is_not_sent(mailbox: Mailbox) -> None:
    big = (Attachment("big.pdf", "application/pdf", bytes(40_000)),)
    server = smtp_server(mailbox, data_size_limit=20_000)
    with server as port, pytest.raises(InvalidInput, match=r"The message has 0\.1 MB; 127\.0\.0\.1 takes 0\.0 MB"):
        post(port, security="none").send(message(attachments=big), idempotency_key="k")


def test_no_server_at_all_may_pass() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(Unavailable, match=r"The mail server 127\.0\.0\.1 cannot take the message now"):
        post(port, security="none").send(message(), idempotency_key="k")


@pytest.fixture
def speaking() -> Iterator[Callable[[Callable[[socket.socket], None]], int]]:
    """A server of which a test writes every byte."""
    listening = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def serve(talk: Callable[[socket.socket], None]) -> int:
        def once() -> None:
            with listening.accept()[0] as caller:
                try:
                    talk(caller)
                except OSError:
                    return

        thread = threading.Thread(target=once)
        thread.start()
        threads.append(thread)
        port: int = listening.getsockname()[1]
        return port

    yield serve
    for thread in threads:
        thread.join(10)
    listening.close()


@pytest.mark.parametrize("greets", [True, False])
def test_a_server_that_drips_for_ever_is_hung_up_on(speaking: Callable[..., int], greets: bool) -> None:
    over = threading.Event()

    def drip(caller: socket.socket) -> None:
        if greets:
            caller.sendall(b"220 hello\r\n")
            caller.recv(100)
        while not over.wait(0.02):
            caller.sendall(b"250-more\r\n" if greets else b"220-more\r\n")

    port = speaking(drip)
    try:
        with pytest.raises(Unavailable):
            post(port, security="none", longest_seconds=0.3).send(message(), idempotency_key="k")
    finally:
        over.set()


def test_a_silent_server_is_not_waited_for_for_ever(speaking: Callable[..., int]) -> None:
    over = threading.Event()
    port = speaking(lambda _caller: over.wait(10) and None)
    quick = SmtpPost(host="127.0.0.1", port=port, security="none", timeout_seconds=0.2, clock=SteeredClock())
    try:
        with pytest.raises(Unavailable, match="timed out"):
            quick.send(message(), idempotency_key="k")
    finally:
        over.set()


def test_a_server_that_hangs_up_after_it_took_the_message_took_it(speaking: Callable[..., int]) -> None:
    def take(caller: socket.socket) -> None:
        caller.sendall(b"220 hello\r\n")
        for answer in (b"250 me\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
            caller.recv(1000)
            caller.sendall(answer)
        read = b""
        while not read.endswith(b"\r\n.\r\n"):
            read += caller.recv(65536)
        caller.sendall(b"250 taken\r\n")

    port = speaking(take)
    assert post(port, security="none").send(message(), idempotency_key="k").startswith("<")


# ── Resend ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Resend:
    """Resend's side: keys are known, the same request again gets the same id, another one under the key 409."""

    def __init__(self, *refusals: httpx.Response | Exception) -> None:
        self.refusals = list(refusals)
        self.requests: list[httpx.Request] = []
        self.sent: dict[str, tuple[bytes, str]] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.refusals:
            refusal = self.refusals.pop(0)
            if isinstance(refusal, Exception):
                raise refusal
            return refusal
        key = request.headers["idempotency-key"]
        content, identity = self.sent.setdefault(key, (request.content, f"id-{len(self.sent) + 1}"))
        if content != request.content:
            return refusal_of(409, "invalid_idempotent_request", "Same idempotency key used with a different payload.")
        return httpx.Response(200, json={"id": identity})


def refusal_of(status: int, name: str, words: str, **headers: str) -> httpx.Response:
    body = {"statusCode": status, "name": name, "message": words}
    return httpx.Response(status, json=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


def resend(platform: Resend, clock: SteeredClock) -> ResendPost:
    http = PlatformHttp(clock=clock, transport=httpx.MockTransport(platform))
    return ResendPost(lambda: http, KEY)


@pytest.fixture(autouse=True)
def real_retries() -> None:
    """Nobody else's testing mode."""
    stamina.set_testing(False)
    stamina.set_active(True)


def test_resend_gets_the_message_with_its_key(clock: SteeredClock) -> None:
    platform = Resend()
    assert resend(platform, clock).send(message(), idempotency_key="report/1") == "id-1"
    (request,) = platform.requests
    assert (request.method, str(request.url)) == ("POST", "https://api.resend.com/emails")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert 1 <= len(request.headers["idempotency-key"]) <= 256
    assert json.loads(request.content) == {
        "from": '"North – Berichte" <reports@north.example>',
        "to": ["ann@north.example"],
        "subject": "Übersicht, Oktober",
        "text": "Zahlen für Ann.\n.\nEnde\n",
        "html": "<p>Zahlen für Ann</p>",
        "reply_to": "kim@north.example",
        "attachments": [
            {"filename": "Ann é.pdf", "content": "JVBERi0xLjcNCgD/Ci4KZW5k", "content_type": "application/pdf"}
        ],
    }


def test_a_lost_answer_is_asked_for_again_under_the_same_key(clock: SteeredClock) -> None:
    platform = Resend(httpx.ReadTimeout("slow"), refusal_of(500, "application_error", "oops"))
    assert resend(platform, clock).send(message(), idempotency_key="report/1") == "id-1"
    assert len({request.headers["idempotency-key"] for request in platform.requests}) == 1
    assert len(platform.requests) == 3


def test_sending_twice_sends_once_and_another_text_under_the_key_is_known_as_sent(clock: SteeredClock) -> None:
    platform = Resend()
    sender = resend(platform, clock)
    assert sender.send(message(), idempotency_key="report/1") == sender.send(message(), idempotency_key="report/1")
    with pytest.raises(SentAlready):
        sender.send(message(text="Other figures by now"), idempotency_key="report/1")
    assert len(platform.sent) == 1


@pytest.mark.parametrize(
    ("refusal", "expected", "asked"),
    [
        (refusal_of(422, "validation_error", "The `to` field is wrong."), Rejected, 1),
        (refusal_of(403, "validation_error", "The north.example domain is not verified."), Rejected, 1),
        (refusal_of(429, "rate_limit_exceeded", "Too many requests.", retry_after="900"), Unavailable, 1),
        (refusal_of(429, "daily_quota_exceeded", "You have reached your daily quota."), Unavailable, 1),
    ],
)
def test_what_resend_says_is_told_in_its_words(
    clock: SteeredClock, refusal: httpx.Response, expected: type[Exception], asked: int
) -> None:
    platform = Resend(*[refusal] * 9)
    words = json.loads(refusal.content)["message"].rstrip(".")
    with pytest.raises(expected) as refused:
        resend(platform, clock).send(message(), idempotency_key="k")
    assert words in str(refused.value)
    assert len(platform.requests) == asked
    if isinstance(refused.value, Unavailable) and "retry-after" in refusal.headers:
        assert refused.value.retry_after == 900
    if isinstance(refused.value, Rejected):
        assert "ENGAGERR_MAIL__RESEND_KEY" in (refused.value.hint or "")


def test_a_refused_key_is_nowhere_in_the_words(clock: SteeredClock) -> None:
    platform = Resend(refusal_of(403, "invalid_api_key", f"The API key {KEY} is invalid."))
    sender = resend(platform, clock)
    with pytest.raises(Rejected) as refused:
        sender.send(message(), idempotency_key="k")
    told = "".join(traceback.format_exception(refused.value))
    assert KEY not in told + repr(sender) + str(refused.value.facts) + str(refused.value.hint)


def test_one_more_that_is_in_flight_is_waited_for(clock: SteeredClock) -> None:
    platform = Resend(refusal_of(409, "concurrent_idempotent_requests", "In progress."))
    assert resend(platform, clock).send(message(), idempotency_key="k") == "id-1"
    assert clock.now() > START


# ── Settings ───────────────────────────────────────────────────────────────────────────────────────────────────────


def made(clock: SteeredClock, **settings: Any) -> object:
    return post_of(MailSettings.model_validate(settings), http=lambda: PlatformHttp(clock=clock), clock=clock)


@pytest.mark.parametrize(
    ("settings", "lacking"),
    [
        ({}, ["ENGAGERR_MAIL__VIA"]),
        ({"via": "smtp"}, ["ENGAGERR_MAIL__HOST", "ENGAGERR_MAIL__SENDER"]),
        ({"via": "resend", "sender": "a@north.example"}, ["ENGAGERR_MAIL__RESEND_KEY"]),
        ({"via": "resend", "resend_key": KEY}, ["ENGAGERR_MAIL__SENDER"]),
    ],
)
def test_what_is_not_set_is_named(clock: SteeredClock, settings: dict[str, Any], lacking: list[str]) -> None:
    with pytest.raises(MailNotConfigured) as refused:
        made(clock, **settings)
    assert refused.value.facts["lacking"] == lacking
    assert all(name in str(refused.value) for name in lacking)


def test_a_sender_that_is_none_is_told_by_its_setting(clock: SteeredClock) -> None:
    with pytest.raises(InvalidInput, match="ENGAGERR_MAIL__SENDER cannot be used"):
        made(clock, via="smtp", host="mail.north.example", sender="North")


def test_secrets_come_from_files_and_are_not_shown(clock: SteeredClock, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{PASSWORD}\n")
    sender = "North <reports@north.example>"
    by_smtp = made(clock, via="smtp", host="mail.north.example", sender=sender, user=USER, password_file=secret)
    assert isinstance(by_smtp, SmtpPost)
    assert by_smtp.password == PASSWORD
    by_resend = made(clock, via="resend", sender=sender, resend_key_file=secret)
    assert isinstance(by_resend, ResendPost)
    assert by_resend.key == PASSWORD
    assert PASSWORD not in repr(by_smtp) + repr(by_resend)


def test_a_secret_of_mail_in_the_toml_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "engagerr.toml"
    monkeypatch.setenv("ENGAGERR_CONFIG", str(file))
    for key, variable in (("password", "ENGAGERR_MAIL__PASSWORD"), ("resend_key", "ENGAGERR_MAIL__RESEND_KEY")):
        file.write_text(f'[mail]\n{key} = "s3cret"\n')
        with pytest.raises(InvalidInput) as refused:
            Settings.load(home=tmp_path)
        assert variable in (refused.value.hint or "")
        assert "s3cret" not in str(refused.value)


def test_an_engagerr_makes_it_of_its_settings_when_it_is_asked_for(tmp_path: Path, clock: SteeredClock) -> None:
    platform = Resend()
    settings = Settings(
        home=tmp_path, mail=MailSettings.model_validate({"via": "resend", "sender": "a@b.example", "resend_key": KEY})
    )
    with Engagerr(settings, clock=clock, transport=httpx.MockTransport(platform)) as engagerr:
        assert engagerr.mail.send(message(), idempotency_key="k") == "id-1"
    with Engagerr(Settings(home=tmp_path)) as engagerr, pytest.raises(MailNotConfigured):
        _ = engagerr.mail
