"""The vault: a workspace's secrets sealed at rest, each with a data key of its own, and that with the vault's key.

AES-256-GCM (NIST SP 800-38D) with random 96-bit nonces; each data key seals one secret, so nonces cannot run out. What
is sealed is bound to its tenant and its place: moved to another row, it does not open. Losing the vault's key loses the
secrets and nothing else: the accounts are connected again.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import fcntl
import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engagerr.core.errors import Broken, InvalidInput
from engagerr.core.telemetry import log

if TYPE_CHECKING:
    from engagerr.core.settings import Settings

_FILE = "vault.key"
_KEY_BYTES = 32
_NONCE_BYTES = 12
_LAYOUT = b"\x01"  # of what is sealed: this byte, the nonce, the ciphertext with its tag


class VaultKeyMissing(InvalidInput):
    """The vault's key that sealed something is not here."""


class VaultKeyUnusable(InvalidInput):
    """A vault's key is there and cannot be read, or is none."""


class SealBroken(Broken):
    """What was sealed was altered, or moved to where it does not belong."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A secret at rest. `key_id` tells which of the vault's keys sealed the data key."""

    secret: bytes = field(repr=False)
    sealed_key: bytes = field(repr=False)
    key_id: str


@dataclass(frozen=True, slots=True)
class _Key:
    """One of the vault's keys."""

    material: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """A short fingerprint, which tells nothing of the key."""
        return hashlib.sha256(b"engagerr vault key\0" + self.material).hexdigest()[:16]


class Vault:
    """Seals and opens the secrets of one tenant.

    The key comes from the settings (`vault.key`, `vault.key_file`), else from `vault.key` in the home: made at first
    use, readable by its owner only, one line a key. Keys are read anew for each use, so that a rotation by another
    process is seen at once. Whoever seals and stores does so under the shared side of the lock that a rotation takes
    (see `integrations.grants`): otherwise a secret sealed with the old key could land just behind the rotation.
    """

    def __init__(self, settings: Settings, tenant_id: UUID) -> None:
        self._settings = settings
        self._tenant_id = tenant_id
        self._path = settings.home / _FILE

    @property
    def place(self) -> str:
        """Where the current key comes from, in words."""
        if self._settings.vault.key is not None:
            return "ENGAGERR_VAULT__KEY"
        return str(self._settings.vault.key_file or self._path)

    def has_key(self, key_id: str) -> bool:
        """Whether what this key sealed can be opened here."""
        return any(key.id == key_id for key in self._keys())

    def current_key_id(self) -> str | None:
        """Which key seals; None before the first is made."""
        given = self._settings.vault.secret_key()
        if given is not None:
            return _parsed(given, "vault.key").id
        return next((key.id for tenant, key in self._lines() if tenant == self._tenant_id), None)

    def seal(self, secret: Mapping[str, Any], *, place: str) -> Sealed:
        """Seal a JSON-ready secret for a place (`account/connector`), with a data key of its own."""
        data_key = os.urandom(_KEY_BYTES)
        plain = json.dumps(secret, separators=(",", ":")).encode()
        sealed = _encrypt(data_key, plain, self._bound("secret", place))
        return self._wrap(sealed, data_key, self._current(), place)

    def open(self, sealed: Sealed, *, place: str) -> dict[str, Any]:
        """The secret. Raises `VaultKeyMissing` and `SealBroken`, which hold nothing of it."""
        plain = _decrypt(self._data_key(sealed, place), sealed.secret, self._bound("secret", place))
        secret: dict[str, Any] = json.loads(plain)
        return secret

    def reseal(self, sealed: Sealed, *, place: str) -> Sealed:
        """The same secret, untouched, with its data key sealed by the current key."""
        return self._wrap(sealed.secret, self._data_key(sealed, place), self._current(), place)

    @contextlib.contextmanager
    def rotation(self) -> Iterator[str]:
        """Yields the id of the key to reseal everything under; do that, and commit, before leaving.

        With the home's own key file: the new key is put above the old one, which stays until the caller has committed.
        Broken off anywhere, all secrets can be read, and the next rotation goes on with the same new key. With a key
        from the settings there is nothing to make: it is the new one, and the old is `vault.previous_key`.
        """
        if self._settings.vault.secret_key() is not None:
            yield self._current().id
            return
        with self._exclusive():
            lines = self._lines()
            mine = [key for tenant, key in lines if tenant == self._tenant_id]
            if len(mine) < 2:  # two: a rotation was broken off
                mine.insert(0, _Key(os.urandom(_KEY_BYTES)))
                self._write([(self._tenant_id, mine[0]), *lines])
        yield mine[0].id
        with self._exclusive():
            lines = self._lines()
            known = [key.id for tenant, key in lines if tenant == self._tenant_id]
            if mine[0].id in known:
                # Only what is older than the new key: another rotation may have begun meanwhile.
                gone = set(known[known.index(mine[0].id) + 1 :])
                self._write([(tenant, key) for tenant, key in lines if tenant != self._tenant_id or key.id not in gone])

    # ── keys ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _keys(self) -> list[_Key]:
        """All keys at hand, the current one first. The home's own count too: secrets outlive a change of settings."""
        section = self._settings.vault
        given = (("vault.key", section.secret_key()), ("vault.previous_key", section.secret_previous_key()))
        kept = [key for tenant, key in self._lines() if tenant == self._tenant_id]
        return [_parsed(text, where) for where, text in given if text is not None] + kept

    def _current(self) -> _Key:
        """The key that seals, made at first use where the home keeps it."""
        given = self._settings.vault.secret_key()
        if given is not None:
            return _parsed(given, "vault.key")
        with self._exclusive():
            lines = self._lines()
            mine = [key for tenant, key in lines if tenant == self._tenant_id]
            if not mine:
                mine = [_Key(os.urandom(_KEY_BYTES))]
                self._write([*lines, (self._tenant_id, mine[0])])
            return mine[0]

    def _lines(self) -> list[tuple[UUID, _Key]]:
        """What the home's key file holds, newest first for each tenant."""
        try:
            self._close_to_others()
            text = self._path.read_text(encoding="ascii")
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise VaultKeyUnusable(
                f"The vault's key in {self._path} cannot be read: {getattr(error, 'strerror', None) or 'not text'}.",
                hint="Mend its permissions, or put the file back from where you keep it. Do not delete it: without it, "
                "every account must be connected again.",
                facts={"file": str(self._path)},
            ) from None
        lines = []
        for line in text.splitlines():
            tenant, _, key = line.partition(" ")
            try:
                lines.append((UUID(tenant), _parsed(key, str(self._path))))
            except ValueError:
                raise _no_key(str(self._path)) from None
        return lines

    def _close_to_others(self) -> None:
        """A key file that was put back from a copy may have come with the rights of any file."""
        mode = stat.S_IMODE(self._path.stat().st_mode)
        if mode & stat.S_IRWXO:
            with contextlib.suppress(PermissionError):  # somebody else's file is read as it is
                self._path.chmod(mode & ~stat.S_IRWXO)
            log("vault.key_was_open", level="warning", file=str(self._path), mode=f"{mode:o}")

    def _write(self, lines: list[tuple[UUID, _Key]]) -> None:
        """Put the key file in place whole and on disk: a crash leaves the old one or the new one."""
        fresh = self._path.with_name(f"{_FILE}.new")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for tenant, key in lines:
                file.write(f"{tenant} {base64.b64encode(key.material).decode()}\n".encode())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Only one process reads and changes the key file at a time."""
        home = self._path.parent
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(home / "vault.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise VaultKeyUnusable(
                f"The vault's key cannot be kept in {home}: {error.strerror}.",
                hint="Set ENGAGERR_HOME to a folder of yours, or give a key with ENGAGERR_VAULT__KEY_FILE.",
                facts={"home": str(home)},
            ) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    # ── sealing ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _wrap(self, secret: bytes, data_key: bytes, key: _Key, place: str) -> Sealed:
        return Sealed(secret, _encrypt(key.material, data_key, self._bound(f"key {key.id}", place)), key.id)

    def _data_key(self, sealed: Sealed, place: str) -> bytes:
        key = next((key for key in self._keys() if key.id == sealed.key_id), None)
        if key is None:
            raise VaultKeyMissing(
                f"The vault's key {sealed.key_id}, which sealed this secret, is not here.",
                hint=f"Put it back into {self.place}, or set ENGAGERR_VAULT__PREVIOUS_KEY_FILE to a file that holds "
                "it. If it is lost, connect the accounts again.",
                facts={"key_id": sealed.key_id},
            )
        return _decrypt(key.material, sealed.sealed_key, self._bound(f"key {key.id}", place))

    def _bound(self, what: str, place: str) -> bytes:
        # As JSON, so that no two different bindings read alike.
        return json.dumps(["engagerr", what, str(self._tenant_id), place]).encode()


def _parsed(text: str, where: str) -> _Key:
    try:
        material = base64.b64decode(text.strip().replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        material = b""
    if len(material) != _KEY_BYTES:
        raise _no_key(where)
    return _Key(material)


def _no_key(where: str) -> VaultKeyUnusable:
    return VaultKeyUnusable(
        f"{where} holds no key of the vault.",
        hint="A key is 32 random bytes in base64; `openssl rand -base64 32` makes one.",
        facts={"setting": where},
    )


def _encrypt(key: bytes, plain: bytes, bound: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE_BYTES)
    return _LAYOUT + nonce + AESGCM(key).encrypt(nonce, plain, bound)


def _decrypt(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    body = sealed.removeprefix(_LAYOUT)
    try:
        if len(body) + 1 != len(sealed):
            raise InvalidTag
        return AESGCM(key).decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], bound)
    except (InvalidTag, ValueError):
        raise SealBroken(
            "A sealed secret was altered, or belongs to another account.",
            hint="Connect the account again: engagerr platform connect.",
        ) from None
