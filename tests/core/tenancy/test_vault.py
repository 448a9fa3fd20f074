"""The vault: what is sealed opens in its place and nowhere else, and a rotation can be killed at any moment."""

from __future__ import annotations

import base64
import os
import signal
import stat
import subprocess
import sys
import traceback
from pathlib import Path
from uuid import UUID

import pytest
from engagerr.core.errors import Broken, InvalidInput
from engagerr.core.settings import Settings
from engagerr.core.tenancy.vault import SealBroken, Sealed, Vault, VaultKeyMissing, VaultKeyUnusable
from hypothesis import given
from hypothesis import strategies as st

ANN, BEN = UUID(int=1), UUID(int=2)
PLANTED = "planted-token-4711"
SECRET = {"access_token": PLANTED, "expires_at": None}


def new_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


def vault_of(home: Path, tenant: UUID = ANN, **vault: object) -> Vault:
    return Vault(Settings(home=home, vault=vault), tenant)  # type: ignore[arg-type]


def test_what_was_sealed_opens_in_its_place(home: Path) -> None:
    sealed = vault_of(home).seal(SECRET, place="a/youtube")
    assert vault_of(home).open(sealed, place="a/youtube") == SECRET
    assert PLANTED.encode() not in sealed.secret + sealed.sealed_key


def test_the_same_secret_is_never_sealed_the_same(home: Path) -> None:
    vault = vault_of(home)
    one, two = vault.seal(SECRET, place="a"), vault.seal(SECRET, place="a")
    assert one.secret != two.secret
    assert one.sealed_key != two.sealed_key


def test_a_secret_moved_to_another_place_does_not_open(home: Path) -> None:
    vault = vault_of(home)
    ours, theirs = vault.seal(SECRET, place="a/youtube"), vault.seal({"other": 1}, place="a/twitch")
    for moved in (ours, Sealed(ours.secret, theirs.sealed_key, ours.key_id)):
        with pytest.raises(SealBroken):
            vault.open(moved, place="a/twitch")


def test_a_secret_of_another_tenant_does_not_open_even_under_the_same_key(tmp_path: Path) -> None:
    key = new_key()
    sealed = vault_of(tmp_path, ANN, key=key).seal(SECRET, place="a/youtube")
    with pytest.raises(SealBroken):
        vault_of(tmp_path, BEN, key=key).open(sealed, place="a/youtube")


@given(where=st.integers(0, 10_000), mask=st.integers(1, 255), in_key=st.booleans())
def test_a_single_altered_byte_is_seen(where: int, mask: int, in_key: bool) -> None:
    vault = Vault(Settings(home=Path("/nowhere"), vault={"key": _KEY}), ANN)  # type: ignore[arg-type]
    sealed = vault.seal(SECRET, place="a")
    data = bytearray(sealed.sealed_key if in_key else sealed.secret)
    data[where % len(data)] ^= mask
    altered = Sealed(sealed.secret, bytes(data), sealed.key_id) if in_key else Sealed(
        bytes(data), sealed.sealed_key, sealed.key_id
    )  # fmt: skip
    with pytest.raises(SealBroken):
        vault.open(altered, place="a")


_KEY = new_key()


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_rubbish_is_refused_in_our_words(secret: bytes, sealed_key: bytes) -> None:
    vault = Vault(Settings(home=Path("/nowhere"), vault={"key": _KEY}), ANN)  # type: ignore[arg-type]
    key_id = vault.current_key_id()
    assert key_id is not None
    with pytest.raises(Broken):
        vault.open(Sealed(secret, sealed_key, key_id), place="a")


def test_the_key_is_made_once_and_for_its_owner_only(home: Path) -> None:
    vault_of(home).seal(SECRET, place="a")
    path = home / "vault.key"
    made = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    vault_of(home).seal(SECRET, place="b")
    assert path.read_bytes() == made
    assert not list(home.glob("vault.key.*"))


def test_a_key_file_that_everybody_could_read_is_closed_to_them(home: Path) -> None:
    vault = vault_of(home)
    sealed = vault.seal({"access_token": "t"}, place="a/b")
    (home / "vault.key").chmod(0o664)
    assert vault.open(sealed, place="a/b") == {"access_token": "t"}
    assert (home / "vault.key").stat().st_mode & 0o777 == 0o660


def test_two_tenants_of_a_home_have_keys_of_their_own(home: Path) -> None:
    ann, ben = vault_of(home, ANN), vault_of(home, BEN)
    of_ann, of_ben = ann.seal(SECRET, place="a"), ben.seal(SECRET, place="a")
    assert of_ann.key_id != of_ben.key_id
    with ann.rotation():
        of_ann = ann.reseal(of_ann, place="a")
    assert ben.open(of_ben, place="a") == ann.open(of_ann, place="a") == SECRET


def test_a_lost_key_says_which_and_where_it_belongs(home: Path) -> None:
    sealed = vault_of(home).seal(SECRET, place="a")
    (home / "vault.key").unlink()
    with pytest.raises(VaultKeyMissing) as caught:
        vault_of(home).open(sealed, place="a")
    assert caught.value.facts == {"key_id": sealed.key_id}
    assert str(home / "vault.key") in (caught.value.hint or "")


@pytest.mark.parametrize("content", [b"rubbish\n", b"\xff\xfe", f"{ANN} c2hvcnQ=\n".encode(), f"{ANN}\n".encode()])
def test_a_key_file_that_holds_no_key_is_not_written_over(home: Path, content: bytes) -> None:
    home.mkdir()
    (home / "vault.key").write_bytes(content)
    with pytest.raises(VaultKeyUnusable):
        vault_of(home).seal(SECRET, place="a")
    assert (home / "vault.key").read_bytes() == content


def test_a_key_of_the_settings_comes_before_the_homes_own(home: Path, tmp_path: Path) -> None:
    old = vault_of(home).seal(SECRET, place="a")
    file = tmp_path / "key"
    file.write_text(f"{new_key()}\n")
    vault = vault_of(home, key_file=file)
    sealed = vault.seal(SECRET, place="b")
    assert sealed.key_id != old.key_id
    # What the home's key sealed before is still read, and moves over with a rotation.
    assert vault.open(old, place="a") == SECRET
    with vault.rotation() as key_id:
        assert vault.reseal(old, place="a").key_id == key_id == sealed.key_id


def test_with_keys_of_the_settings_the_previous_one_is_read_until_all_is_moved(home: Path) -> None:
    first, second = new_key(), new_key()
    sealed = vault_of(home, key=first).seal(SECRET, place="a")
    with pytest.raises(VaultKeyMissing):
        vault_of(home, key=second).open(sealed, place="a")
    vault = vault_of(home, key=second, previous_key=first)
    assert vault.open(sealed, place="a") == SECRET
    with vault.rotation():
        moved = vault.reseal(sealed, place="a")
    assert moved.secret == sealed.secret
    assert vault_of(home, key=second).open(moved, place="a") == SECRET
    assert not (home / "vault.key").exists()


@pytest.mark.parametrize("key", ["", "short", "ä" * 44, base64.b64encode(b"x" * 16).decode(), "not base64!" * 4])
def test_a_setting_that_is_no_key_is_refused_without_being_quoted(home: Path, key: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        vault_of(home, key=key).seal(SECRET, place="a")
    assert not key or key not in f"{caught.value} {caught.value.hint} {caught.value.facts}"


def test_a_rotation_takes_the_old_key_away_only_after_it_was_left(home: Path) -> None:
    vault = vault_of(home)
    sealed = vault.seal(SECRET, place="a")
    with vault.rotation() as key_id:
        assert vault.open(sealed, place="a") == SECRET
        moved = vault.reseal(sealed, place="a")
        assert moved.key_id == key_id != sealed.key_id
        assert vault.open(sealed, place="a") == vault.open(moved, place="a") == SECRET
    assert vault.open(moved, place="a") == SECRET
    with pytest.raises(VaultKeyMissing):
        vault.open(sealed, place="a")


def test_a_rotation_that_was_broken_off_is_readable_and_goes_on_with_the_same_key(home: Path) -> None:
    vault = vault_of(home)
    sealed = vault.seal(SECRET, place="a")
    begun: list[str] = []

    def break_off() -> None:
        with vault.rotation() as key_id:
            begun.append(key_id)
            raise RuntimeError("the power failed")

    for _ in range(3):
        with pytest.raises(RuntimeError):
            break_off()
        assert vault.open(sealed, place="a") == SECRET
        # What is sealed meanwhile is safe too.
        assert vault.open(vault.seal(SECRET, place="b"), place="b") == SECRET
    assert len(set(begun)) == 1
    with vault.rotation() as key_id:
        assert key_id == begun[0]
        moved = vault.reseal(sealed, place="a")
    assert vault.open(moved, place="a") == SECRET


_ROTATES_FOR_EVER = """
import sys
from pathlib import Path
from uuid import UUID
from engagerr.core.settings import Settings
from engagerr.core.tenancy.vault import Sealed, Vault
home = Path(sys.argv[1])
vault = Vault(Settings(home=home), UUID(int=1))
row = home / "row"                       # stands for the database: replaced whole
def read():
    secret, key, key_id = row.read_text().split()
    return Sealed(bytes.fromhex(secret), bytes.fromhex(key), key_id)
while True:
    with vault.rotation():
        sealed = read()
        if sealed.key_id != vault.current_key_id():
            sealed = vault.reseal(sealed, place="a")
        (home / "row.new").write_text(f"{sealed.secret.hex()} {sealed.sealed_key.hex()} {sealed.key_id}")
        (home / "row.new").replace(row)
    print("rotated", flush=True)
"""


def test_a_rotation_may_be_killed_at_any_moment(home: Path) -> None:
    vault = vault_of(home)
    sealed = vault.seal(SECRET, place="a")
    (home / "row").write_text(f"{sealed.secret.hex()} {sealed.sealed_key.hex()} {sealed.key_id}")
    for rotations in (1, 2, 5):
        process = subprocess.Popen(
            [sys.executable, "-c", _ROTATES_FOR_EVER, str(home)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert {process.stdout.readline() for _ in range(rotations)} == {"rotated\n"}
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        secret, key, key_id = (home / "row").read_text().split()
        found = Sealed(bytes.fromhex(secret), bytes.fromhex(key), key_id)
        assert vault.open(found, place="a") == SECRET


def test_no_secret_shows_in_reprs_errors_or_tracebacks(home: Path) -> None:
    key = new_key()
    vault = vault_of(home, key=key)
    sealed = vault.seal(SECRET, place="a")
    shown = [repr(vault), repr(sealed), repr(vault.__dict__)]
    for attempt in (
        lambda: vault.open(sealed, place="b"),
        lambda: vault_of(home, key=new_key()).open(sealed, place="a"),
    ):
        try:
            attempt()
        except InvalidInput as error:
            shown += [*traceback.format_exception(error), repr(error.facts), str(error.hint)]
        except Broken as error:
            shown += [*traceback.format_exception(error), repr(error.facts), str(error.hint)]
    assert len(shown) > 6
    assert PLANTED not in "".join(shown)
    assert key not in "".join(shown)
