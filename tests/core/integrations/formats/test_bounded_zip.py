"""Archives from strangers: what they claim is bounded before it is unpacked."""

import io
import struct
import zipfile

import pytest
from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.bounded_zip import ZipLimits, member_bytes, opened_zip

LIMITS = ZipLimits(members=70_000, wanted_bytes=3_000_000)


def packed(*members: tuple[str, bytes]) -> io.BytesIO:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return made


def test_a_sound_archive_is_opened_whatever_stands_before_it() -> None:
    given = packed(("a.json", b"{}"))
    before = io.BytesIO(b"#!/bin/sh\n" + given.getvalue())
    for file in (given, before):
        with opened_zip(file, "x.zip", LIMITS) as archive:
            assert archive.read("a.json") == b"{}"


def test_more_members_than_16_bits_count_are_counted_right() -> None:
    given = packed(*((str(at), b"") for at in range(66_000)))
    with opened_zip(given, "x.zip", LIMITS) as archive:
        assert len(archive.namelist()) == 66_000
    fewer = ZipLimits(members=65_990, wanted_bytes=1)
    with pytest.raises(InvalidInput, match="66,000 files"), opened_zip(given, "x.zip", fewer):
        pass


def test_an_archive_that_lists_more_than_it_says_is_refused() -> None:
    given = packed(*((str(at), b"") for at in range(20)))
    data = bytearray(given.getvalue())
    struct.pack_into("<HH", data, data.rindex(b"PK\x05\x06") + 8, 1, 1)
    with (
        pytest.raises(InvalidInput, match="longer than it says"),
        opened_zip(io.BytesIO(bytes(data)), "x.zip", ZipLimits(members=10, wanted_bytes=1)),
    ):
        pass


def test_only_what_is_wanted_counts_towards_the_limit() -> None:
    noise = bytes(range(256)) * 16
    given = packed(("small.json", b"{}"), ("film.mp4", noise * 1_000))
    with opened_zip(given, "x.zip", LIMITS) as archive:
        LIMITS.check("x.zip", [archive.getinfo("small.json")])
        with pytest.raises(InvalidInput, match="up to 3 MB"):
            LIMITS.check("x.zip", archive.infolist())


def test_a_member_of_an_impossible_ratio_is_refused() -> None:
    given = packed(("a.json", b" " * 2_000_000))
    with (
        pytest.raises(InvalidInput, match="far more than its size allows"),
        opened_zip(given, "x.zip", LIMITS) as archive,
    ):
        LIMITS.check("x.zip", archive.infolist())


@pytest.mark.parametrize(
    "data", [b"", b"PK", b"PK\x03\x04" * 10, b"PK\x05\x06", b"PK\x06\x06PK\x06\x07PK\x05\x06" + b"\0" * 18]
)
def test_no_archive_at_all_is_refused_with_a_cure(data: bytes) -> None:
    with pytest.raises(InvalidInput) as refused, opened_zip(io.BytesIO(data), "x.zip", LIMITS):
        pass
    assert refused.value.hint


def test_a_member_that_holds_more_than_it_says_is_not_unpacked_further() -> None:
    given = packed(("a.json", b" " * 2_000_000))
    data = bytearray(given.getvalue())
    struct.pack_into("<I", data, data.rindex(b"PK\x01\x02") + 24, 900)
    with (
        pytest.raises(InvalidInput, match="damaged"),
        opened_zip(io.BytesIO(bytes(data)), "x.zip", LIMITS) as archive,
    ):
        member_bytes(archive, archive.getinfo("a.json"))


def test_a_member_is_read_whole() -> None:
    given = packed(("a.json", b"{}" * 50_000), ("empty", b""))
    with opened_zip(given, "x.zip", LIMITS) as archive:
        assert member_bytes(archive, archive.getinfo("a.json")) == b"{}" * 50_000
        assert member_bytes(archive, archive.getinfo("empty")) == b""
