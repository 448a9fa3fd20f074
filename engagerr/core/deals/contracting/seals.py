"""Seals: a PAdES signature over a contract that both have signed, with a key of the workspace; and checking them.

The key is made at first use and its certificate signed by itself: it shows that nothing was changed since, and that the
same workspace sealed all of its contracts. Who wants others to be told who they are brings a certificate of their own.
The private half lies in the vault. Sealing and checking need no network.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.grants import share_the_keys
from engagerr.core.tenancy.vault import Sealed, Vault

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

    from engagerr.core.db import Session
    from engagerr.core.tenancy import Access

_FIELD = "Seal"
_PLACE = "contract-seal"
_YEARS = 10
# What pyHanko and what it reads with raise for a file that somebody made up or that was cut.
_UNREADABLE = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RuntimeError,
    OSError,
)


@dataclass(frozen=True, slots=True)
class SealKey:
    """What a workspace seals with: its certificate and the chain behind it (PEM), and the SHA-256 fingerprint in hex.

    `own`: somebody brought it; else this workspace made it and signed it itself.
    """

    certificates: bytes
    fingerprint: str
    own: bool
    made_at: datetime


@dataclass(frozen=True, slots=True)
class SealVerdict:
    """What a seal in a PDF is worth.

    `intact`: what was sealed is unchanged. `whole`: the seal covers the file to its last byte. `known`: the certificate
    is one that this workspace seals with (None: nobody asked). `problem` says what is wrong, in words.
    """

    sealed: bool
    intact: bool
    whole: bool
    known: bool | None
    subject: str | None
    fingerprint: str | None
    at: datetime | None
    problem: str | None

    @property
    def good(self) -> bool:
        """Sealed, unchanged, whole, and not by a stranger."""
        return self.sealed and self.intact and self.whole and self.known is not False


def seal(document: bytes, key: SealKey, private: bytes, *, at: datetime, reason: str) -> bytes:
    """The PDF with a seal over all of it (PAdES baseline B, no changes allowed after it). `private` is PKCS#8 PEM."""
    from pyhanko.keys import load_certs_from_pemder_data, load_private_key_from_pemder_data
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import fields, signers
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    class AtThatMoment(signers.PdfSigner):
        """pyHanko asks the machine's clock; a seal is dated by ours."""

        def init_signing_session(self, pdf_out: Any, existing_fields_only: bool = False) -> Any:
            session = super().init_signing_session(pdf_out, existing_fields_only=existing_fields_only)
            session.system_time = at.astimezone(UTC)
            return session

    certificate, *chain = load_certs_from_pemder_data(key.certificates)
    signer = signers.SimpleSigner(
        signing_cert=certificate, signing_key=load_private_key_from_pemder_data(private, passphrase=None),
        cert_registry=SimpleCertificateStore.from_certs(chain),  # type: ignore[no-untyped-call]
    )  # fmt: skip
    meta = signers.PdfSignatureMetadata(
        field_name=_FIELD, md_algorithm="sha256", reason=reason, subfilter=fields.SigSeedSubFilter.PADES, certify=True,
        docmdp_permissions=fields.MDPPerm.NO_CHANGES,
    )  # fmt: skip
    writer = IncrementalPdfFileWriter(io.BytesIO(document))
    sealed: bytes = AtThatMoment(meta, signer=signer).sign_pdf(writer).getvalue()
    return sealed


def check_seal(document: bytes, *, known: Sequence[str] | None = None) -> SealVerdict:
    """Look at the seal of a PDF; `known` are fingerprints of certificates that count as this workspace's.

    It never raises for what is in the file: a broken file is a verdict, too.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from pyhanko.pdf_utils.misc import PdfError
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.general import SigningError
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko.sign.validation.errors import SignatureValidationError
    from pyhanko.sign.validation.status import SignatureCoverageLevel
    from pyhanko_certvalidator import ValidationContext

    try:
        embedded = PdfFileReader(io.BytesIO(document)).embedded_signatures
        if not embedded:
            return _unsealed("It bears no seal.")
        mark = embedded[-1]
        certificate = mark.signer_cert
        at = mark.self_reported_timestamp
        context = ValidationContext(trust_roots=[certificate], allow_fetching=False, moment=at)
        status = validate_pdf_signature(mark, signer_validation_context=context)
    except (PdfError, SigningError, SignatureValidationError, UnsupportedAlgorithm, *_UNREADABLE) as error:
        return _unsealed(f"It cannot be read as a sealed PDF: {str(error)[:200] or type(error).__name__}.")
    fingerprint = hashlib.sha256(certificate.dump()).hexdigest()
    intact = bool(status.intact and status.valid)
    whole = status.coverage is SignatureCoverageLevel.ENTIRE_FILE
    is_known = None if known is None else fingerprint in known
    problems = (
        (not intact, "It was changed after it was sealed."),
        (not whole, "Something was added after it was sealed."),
        (is_known is False, "It was sealed with a certificate that this workspace does not know."),
    )
    return SealVerdict(
        sealed=True, intact=intact, whole=whole, known=is_known, subject=certificate.subject.human_friendly,
        fingerprint=fingerprint, at=at, problem=next((words for wrong, words in problems if wrong), None),
    )  # fmt: skip


def attached_terms(document: bytes, name: str) -> bytes | None:
    """What is attached to a PDF under this name; None where nothing is, or the file cannot be read."""
    from pyhanko.pdf_utils.misc import PdfError
    from pyhanko.pdf_utils.reader import PdfFileReader

    try:
        files = PdfFileReader(io.BytesIO(document)).root["/Names"]["/EmbeddedFiles"]["/Names"]
        places = [at + 1 for at in range(0, len(files), 2) if str(files[at]) == name]
        data: bytes = files[places[0]]["/EF"]["/F"].data
    except (PdfError, *_UNREADABLE):
        return None
    return data


# ── Keys ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def key_of(session: Session, access: Access) -> tuple[SealKey, bytes]:
    """Step: the key that this workspace seals with, and its private half; made at first use."""
    share_the_keys(session, access.tenant.id)
    row = _current(session, access.tenant.id)
    if row is None:
        # Two who seal for the first time at once must not make two keys.
        session.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended('engagerr.seal.' || CAST(:tenant AS text), 0))"),
            {"tenant": str(access.tenant.id)},
        )
        row = _current(session, access.tenant.id)
    if row is None:
        certificate, private = _self_signed(access.tenant.name, at=access.clock.now())
        _store(session, access, certificate, private, own=False)
        row = _current(session, access.tenant.id)
    opened = Vault(access.settings, access.tenant.id).open(
        Sealed(bytes(row.secret), bytes(row.sealed_key), row.key_id), place=_PLACE
    )
    return _key(row), str(opened["private"]).encode()


def known_fingerprints(session: Session, tenant_id: UUID) -> tuple[str, ...]:
    """Step: the certificates that this workspace seals with or sealed with."""
    return tuple(
        session.execute(
            text("SELECT fingerprint FROM contract_seal_keys WHERE tenant_id = :tenant_id ORDER BY made_at"),
            {"tenant_id": tenant_id},
        ).scalars()
    )


def bring_certificate(session: Session, access: Access, archive: bytes, passphrase: str | None) -> SealKey:
    """Step: seal with the key and certificate of a PKCS#12 file (.p12, .pfx) from now on.

    What was sealed before stays as it is. `InvalidInput` for a file that opens not, or a certificate out of its time.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.serialization import pkcs12

    try:
        private, certificate, chain = pkcs12.load_key_and_certificates(
            archive, passphrase.encode() if passphrase else None
        )
    except ValueError:
        raise InvalidInput("The file is no PKCS#12, or the passphrase is wrong.", hint="Check both.") from None
    if private is None or certificate is None:
        raise InvalidInput("The file holds no key with its certificate.", hint="Export both into it.")
    now = access.clock.now()
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise InvalidInput(
            f"The certificate is valid from {certificate.not_valid_before_utc:%Y-%m-%d} until"
            f" {certificate.not_valid_after_utc:%Y-%m-%d}.",
            hint="Bring one that is valid now.",
        )
    pem = serialization.Encoding.PEM
    share_the_keys(session, access.tenant.id)
    session.execute(
        text("UPDATE contract_seal_keys SET retired_at = :now WHERE tenant_id = :tenant_id AND retired_at IS NULL"),
        {"tenant_id": access.tenant.id, "now": now},
    )
    _store(
        session, access, b"".join(one.public_bytes(pem) for one in (certificate, *chain)),
        private.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()), own=True,
    )  # fmt: skip
    made = _key(_current(session, access.tenant.id))
    access.audit(session, "contract.certificate_brought", f"tenant:{access.tenant.id}", fingerprint=made.fingerprint)
    return made


def reseal_seal_keys(session: Session, *, tenant_id: UUID, vault: Vault, key_id: str) -> int:
    """Step of a rotation of the vault: every private half under this key of the vault. Returns how many."""
    rows = session.execute(
        text(
            "SELECT * FROM contract_seal_keys WHERE tenant_id = :tenant_id AND key_id <> :key_id ORDER BY id FOR UPDATE"
        ),
        {"tenant_id": tenant_id, "key_id": key_id},
    ).all()
    for row in rows:
        fresh = vault.reseal(Sealed(bytes(row.secret), bytes(row.sealed_key), row.key_id), place=_PLACE)
        session.execute(
            text(
                "UPDATE contract_seal_keys SET sealed_key = :sealed_key, key_id = :key_id"
                " WHERE tenant_id = :tenant_id AND id = :id"
            ),
            {"tenant_id": tenant_id, "id": row.id, "sealed_key": fresh.sealed_key, "key_id": fresh.key_id},
        )
    return len(rows)


def _current(session: Session, tenant_id: UUID) -> Any:
    return session.execute(
        text("SELECT * FROM contract_seal_keys WHERE tenant_id = :tenant_id AND retired_at IS NULL"),
        {"tenant_id": tenant_id},
    ).one_or_none()


def _store(session: Session, access: Access, certificates: bytes, private: bytes, *, own: bool) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    first = x509.load_pem_x509_certificates(certificates)[0]
    sealed = Vault(access.settings, access.tenant.id).seal({"private": private.decode()}, place=_PLACE)
    session.execute(
        text(
            """
            INSERT INTO contract_seal_keys (tenant_id, certificate, fingerprint, own, secret, sealed_key, key_id,
                                            made_at)
            VALUES (:tenant_id, :certificates, :fingerprint, :own, :secret, :sealed_key, :key_id, :now)
            """
        ),
        {
            "tenant_id": access.tenant.id, "certificates": certificates, "own": own,
            "fingerprint": first.fingerprint(hashes.SHA256()).hex(), "secret": sealed.secret,
            "sealed_key": sealed.sealed_key, "key_id": sealed.key_id, "now": access.clock.now(),
        },
    )  # fmt: skip


def _key(row: Any) -> SealKey:
    return SealKey(bytes(row.certificate), row.fingerprint, row.own, row.made_at)


def _self_signed(name: str, *, at: datetime) -> tuple[bytes, bytes]:
    """(certificate, private key), both PEM: P-256, for signatures that bind (non-repudiation), for ten years."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    private: EllipticCurvePrivateKey = ec.generate_private_key(ec.SECP256R1())
    # A common name holds 64 characters (RFC 5280, ub-common-name).
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, name[:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{name[:50]} (contracts)"),
        ]
    )
    begins = at.replace(microsecond=0) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=365 * _YEARS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True, content_commitment=True, key_encipherment=False, data_encipherment=False,
                key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
            ),
            critical=True,
        )
        .sign(private, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    return certificate.public_bytes(pem), private.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _unsealed(problem: str) -> SealVerdict:
    return SealVerdict(False, False, False, None, None, None, None, problem)
