"""Files that were made to exhaust a reader: each format refuses them soon, in little memory, and says why."""

from __future__ import annotations

import csv
import io
import json
import os
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from engagerr import Engagerr
from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.source import Source
from engagerr.core.integrations.formats.table import FORMATS
from scripts.bench.fuzz_seeds import Seed, made_files, zipped
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone

ROOT = Path(__file__).parents[4]
CHILD = Path(__file__).with_name("hostile_reading.py")
ADDRESS_SPACE = 1_500 * 2**20
SECONDS = 8.0  # of the processor, for one file and one format; a sound one of the largest size takes a tenth of it
ROWS = 1_000  # refused rows, after which an import stops
GIGANTIC = 2 * 2**30
SEEDS = list(made_files())
TABLES = [seed for seed in SEEDS if seed.name.endswith(".csv") and seed.format]
Outcome = tuple[str, str | None, str | None, float, int]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is bounded by Linux here")


# ── The files ──────────────────────────────────────────────────────────────────────────────────────────────────────


def giant(start: bytes) -> Callable[[Path], None]:
    """2 GB of which only the beginning takes place on the disk: one line without an end."""

    def write(path: Path) -> None:
        with path.open("wb") as file:
            file.write(start)
            file.truncate(GIGANTIC)

    return write


def written(data: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(data) and None


def bomb(names: list[str], *, claimed: int) -> bytes:
    """An archive whose members of a few kilobytes unpack to 2 GB of blanks; its directory says `claimed` bytes."""
    block = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = block.compress(b" " * 2**20) + block.flush(zlib.Z_FULL_FLUSH)
    packed = piece * 2048 + block.flush()
    out = bytearray()
    directory = bytearray()
    for name in names:
        path = name.encode()
        fields = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, 0, len(packed), claimed, len(path), 0)
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + fields
        directory += struct.pack("<HHHII", 0, 0, 0, 0, len(out)) + path
        out += b"PK\x03\x04" + fields + path + packed
    end = struct.pack("<HHHHIIH", 0, 0, len(names), len(names), len(directory), len(out), 0)
    return bytes(out + directory + b"PK\x05\x06" + end)


MEMBERS = [
    "Table data.csv",
    "TikTok/user_data_tiktok.json",
    "Takeout/YouTube and YouTube Music/video metadata/videos.csv",
    "data/tweets.js",
    "logged_information/past_instagram_insights/posts.json",
    "xl/workbook.xml",
    "xl/worksheets/sheet1.xml",
]
LAUGHS = "".join(
    f'<!ENTITY l{at} "{f"&l{at - 1};" * 10}">' if at else '<!ENTITY l0 "laugh, and the world laughs with you">'
    for at in range(10)
)


def laughing_workbook() -> bytes:
    sound = next(seed for seed in SEEDS if seed.format == "linkedin-xlsx")
    with zipfile.ZipFile(io.BytesIO(sound.data)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    name = "xl/worksheets/sheet1.xml"
    doctype = f"<!DOCTYPE worksheet [{LAUGHS}]>".encode()
    sheet = members[name]
    at = sheet.find(b"?>") + 2 if sheet.startswith(b"<?xml") else 0
    members[name] = sheet[:at] + doctype + sheet[at:].replace(b"</sheetData>", b"<row><c>&l9;</c></row></sheetData>")
    return zipped(members)


def nested_zips() -> bytes:
    inner = b"Content,Video title,Views\n"
    for _ in range(6):
        inner = zipped(dict.fromkeys(MEMBERS, inner))
    return inner


def wide(seed: Seed) -> bytes:
    """The table with 10,000 further columns."""
    rows = list(csv.reader(io.StringIO(seed.data.decode())))
    text = io.StringIO()
    out = csv.writer(text)
    for number, row in enumerate(rows):
        out.writerow([*row, *(f"column {at}" if number == 0 else "1" for at in range(10_000))])
    return text.getvalue().encode()


def unclosed(seed: Seed, filling: bytes) -> Callable[[Path], None]:
    """The table, and then a quotation mark that stays open for 100 MB."""

    def write(path: Path) -> None:
        with path.open("wb") as file:
            file.write(seed.data.splitlines()[0] + b'\n"')
            for _ in range(100):
                file.write(filling * (2**20 // len(filling)))

    return write


def long_rubbish(seed: Seed) -> bytes:
    return seed.data.splitlines()[0] + b"\n" + b"a,b\n" * 50_000


PLAIN = [seed for seed in TABLES if seed.data[:1].isascii() and not seed.name.startswith(("chart", "views"))]
FILES: dict[str, Callable[[Path], None]] = {
    "line.jsonl": giant(b'{"type": "item", "title": "'),
    "line.json": giant(b'{"kind": "youtube#videoListResponse", "provider": "anchor", "meta": {}, "data": "'),
    "line.js": giant(b'window.YTD.tweets.part0 = [{"tweet": {"full_text": "'),
    "line.xml": giant(b'<?xml version="1.0"?><rss version="2.0"><channel><title>'),
    "line.zip": giant(b"PK\x03\x04Table data.csv"),
    **{f"line-{seed.name}": giant(seed.data.splitlines()[0] + b'\n"') for seed in PLAIN[:2]},
    "bomb.zip": written(bomb(MEMBERS, claimed=GIGANTIC - 2**20)),
    "lying-bomb.zip": written(bomb(MEMBERS, claimed=900)),
    "nested.zip": written(nested_zips()),
    "laughs.xml": written(
        f'<?xml version="1.0"?><!DOCTYPE rss [{LAUGHS}]><rss><channel><title>&l9;</title></channel></rss>'.encode()
    ),
    "laughs.xlsx": written(laughing_workbook()),
    "deep.json": written(b"[" * 1_000_000),
    "deep-answer.json": written(
        b'{"kind": "youtube#videoListResponse", "provider": "anchor", "meta": {}, "data": ' + b'{"data":[' * 200_000
    ),
    "deep-closed.json": written(b'{"kind": "youtube#videoListResponse", "items": ' + b"[" * 900 + b"]" * 900 + b"}"),
    "deep.jsonl": written(b'{"type": "item", "hints": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001),
    "deep.xml": written(b"<rss><channel>" + b"<item>" * 50_000),
    "unclosed.csv": unclosed(PLAIN[0], b"a,b\n"),
    "unclosed-one-line.csv": unclosed(PLAIN[0], b"a"),
}

HARMLESS = {("deep-closed.json", "youtube-api"), ("deep.xml", "podcast-rss")}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Outcome]]:
    """What became of each file with each format, read in a process of little memory."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, write in FILES.items():
        write(folder / name)
    try:
        return read_in_child(folder)
    finally:
        for path in folder.iterdir():
            path.unlink()


def read_in_child(folder: Path) -> dict[str, dict[str, Outcome]]:
    done = subprocess.run(
        [sys.executable, str(CHILD), str(folder), str(ADDRESS_SPACE), str(ROWS)],
        capture_output=True, text=True, timeout=240, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return {
        name: {known: (told[0], told[1], told[2], told[3], told[4]) for known, told in found.items()}
        for name, found in json.loads(done.stdout).items()
    }


@pytest.mark.parametrize("name", FILES)
def test_no_format_takes_a_hostile_file_and_each_says_why(outcomes: dict[str, dict[str, Outcome]], name: str) -> None:
    assert len(outcomes[name]) == len(FORMATS)
    for known, (what, message, hint, seconds, _) in outcomes[name].items():
        # Read line by line, a line that is no JSON costs that line; a feed of nothing but empty entries costs those.
        harmless = (name, known) in HARMLESS or (known == "engagerr-jsonl" and not name.startswith("line"))
        assert what == "refused" or (harmless and what in ("read", "enough")), f"{known}: {what} {message}"
        if what == "refused":
            assert message, known
            assert hint, known
            assert len(message) < 1_000, known
        assert seconds < SECONDS, f"{known} took {seconds} s"


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("line")])
def test_a_giant_is_refused_without_reading_it_whole(outcomes: dict[str, dict[str, Outcome]], name: str) -> None:
    for known, (*_, read) in outcomes[name].items():
        assert read < GIGANTIC / 8, f"{known} read {read / 2**20:,.0f} MB"


def test_a_bomb_is_named_as_what_it_is(outcomes: dict[str, dict[str, Outcome]]) -> None:
    zips = [known.name for known in FORMATS if ".zip" in known.suffixes or ".xlsx" in known.suffixes]
    assert len(zips) >= 6
    for known in zips:
        assert "unpack" in (outcomes["bomb.zip"][known][1] or ""), known


def test_a_member_without_a_name_is_no_fault(tmp_path: Path) -> None:
    data = zipped({"x": b"[]", "data/tweets.js": b"window.YTD.tweets.part0 = []"})
    at = data.index(b"PK\x01\x02")
    nameless = data[:at] + data[at : at + 28] + b"\0\0" + data[at + 30 : at + 46] + data[at + 47 :]
    end = nameless.rindex(b"PK\x05\x06")
    size = struct.unpack_from("<I", nameless, end + 12)[0] - 1
    path = tmp_path / "nameless.zip"
    path.write_bytes(nameless[: end + 12] + struct.pack("<I", size) + nameless[end + 16 :])
    given = Source(path, datetime(2026, 11, 22, tzinfo=UTC))
    assert {known.name for known in FORMATS if known.recognise(given)} == {"x-archive-zip"}


# ── Tables ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Outcome]]:
    """The tables of each format, made absurd."""
    folder = tmp_path_factory.mktemp("tables")
    for seed in PLAIN:
        (folder / f"{seed.format}=wide.csv").write_bytes(wide(seed))
        (folder / f"{seed.format}=rubbish.csv").write_bytes(long_rubbish(seed))
    return read_in_child(folder)


@pytest.mark.parametrize("seed", PLAIN, ids=[seed.name for seed in PLAIN])
def test_a_table_of_ten_thousand_columns_is_read_or_refused_in_little_time(
    tables: dict[str, dict[str, Outcome]], seed: Seed
) -> None:
    for known, (what, message, hint, seconds, _) in tables[f"{seed.format}=wide.csv"].items():
        assert what in ("read", "refused"), f"{known}: {what} {message}"
        assert what == "read" or hint, known
        assert seconds < SECONDS, known


def test_most_tables_are_read_whatever_further_columns_they_have(tables: dict[str, dict[str, Outcome]]) -> None:
    read = [seed.name for seed in PLAIN if tables[f"{seed.format}=wide.csv"][str(seed.format)][0] == "read"]
    assert len(read) >= len(PLAIN) - 2


@pytest.mark.parametrize("seed", PLAIN, ids=[seed.name for seed in PLAIN])
def test_fifty_thousand_rows_of_rubbish_are_each_refused_in_little_time(
    tables: dict[str, dict[str, Outcome]], seed: Seed
) -> None:
    for known, (what, message, hint, seconds, _) in tables[f"{seed.format}=rubbish.csv"].items():
        assert what in ("enough", "refused"), f"{known}: {what} {message}"
        assert what == "enough" or hint, known
        assert seconds < SECONDS, known


@pytest.mark.parametrize("rubbish", ["jsonl", "csv"])
def test_a_million_rows_of_rubbish_end_an_import_soon_and_leave_nothing(
    clone: Clone, clock: SteeredClock, tmp_path: Path, rubbish: str
) -> None:
    path = tmp_path / f"rubbish.{rubbish}"
    first = (
        b'{"type": "item"}\n'
        if rubbish == "jsonl"
        else b'"Date","Followers","Difference in followers from previous day"\n'
    )
    path.write_bytes(first + b"x,\n" * 1_000_000)
    with Engagerr(clone.settings(tmp_path), clock=clock) as engagerr:
        work = engagerr.init("Agency")
        with pytest.raises(InvalidInput, match="More than") as refused:
            work.ingestion.import_file(path, creator="Ann")
        assert refused.value.hint
        assert work.ingestion.history() == ()
        assert work.roster.list() == ()


def test_the_child_tells_a_fault_from_a_refusal(tmp_path: Path) -> None:
    # The checks above rest on it: a format that runs out of memory must not look like one that refuses.
    script = (
        "import runpy, sys; module = runpy.run_path(sys.argv[1]); from dataclasses import replace;"
        "known = replace(module['FORMATS'][0], parse=lambda *_: [b'0' * 2**33]);"
        "import pathlib, resource; resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30));"
        "print(module['outcome'](known, pathlib.Path(sys.argv[1]), 1)[0])"
    )
    done: Any = subprocess.run(
        [sys.executable, "-c", script, str(CHILD)], capture_output=True, text=True, check=True, timeout=60, cwd=ROOT
    )
    assert done.stdout.strip() == "MemoryError"
