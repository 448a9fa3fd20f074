"""Damage as it comes in life and as an attacker would do it: of bytes, text, JSON, tables, XML and archives."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from copy import deepcopy
from pathlib import PurePosixPath
from random import Random
from typing import Any

import msgspec

MAX_BYTES = 200_000
_NUMBERS = (
    "0", "-0", "-1", "00012", "1e5", "1E+400", "-1e999", "9" * 25, "9" * 400, "0." + "1" * 400, "1,234.5", "1.234,5",
    "1 234", "1'234", "12%", "NaN", "Infinity", "-inf", "0x1F", "1_000", "١٢٣", "½", "²", "1.5K", "2,3M", "--", "1-2",
    "-", "—", "", " ", "nan", "1e-400", "18446744073709551616", "-9223372036854775809", "1.8E+16", "12abc", "+5",
)  # fmt: skip
_DATES = (
    "0000-00-00", "0001-01-01", "9999-12-31", "2026-02-30", "31/31/2026", "Feb 29, 2023", "2026-11-01T25:61:61Z",
    "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "253402300800", "-62135596801", "Dec 31, 9999", "1/1/1",
    "September 31", "Mon, 32 Foo 2026 10:00:00 +9999", "00:00:99999999999", "99:99:99", "PT99999999999H", "P1Y",
)  # fmt: skip
_TEXTS = (
    "\x00", "\ud800"[:0] + "\ufffd", "\u202e", "\ufeff", "=1+1", "'", '"', '""', "\\", "%s{}", "a" * 5000, "é\u0301",
    "🤦🏽‍♀️", "../../x", "https://[::1]:99999/", "http://\x01", "</item>", "<![CDATA[", "]]>", "&lol;", "\r", "\n",
    "\u2028", "\x85", "\x1c", "\x0b", "true", "null", "[]", "{}", "Total", "K", "1\u00a0234", "\u0130", "ß", "ﬁ",
)  # fmt: skip
_ODD_JSON: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 1.5, 1e300, -0.0, 10**30, -(10**30), 2**63, 2**64, "", "x", " ", [], {}, [[]], [None],
    {"a": [1]}, [1, "2", None], {"": ""}, {"id": {}}, "0", "-5", "9" * 40, 20991399, 99991231.0, "2026-13-45",
    "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "\x00", "a" * 3000, 253402300800, -62135596801, 1e18, 4.9e-324,
)  # fmt: skip
_ENCODINGS = ("utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "cp1252", "latin-1", "utf-32", "shift_jis", "utf-7")
_DELIMITERS = (",", ";", "\t", "|", ":")


def mutated(random: Random, data: bytes, name: str, other: bytes) -> bytes:
    """The seed after one to four mutations; `name` tells its kind, `other` is another seed to splice with."""
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 4))):
        kinds = _of_kind(data, name)
        change = random.choice(kinds if kinds and random.random() < 0.7 else _ANY)
        data = change(random, data, other)[:MAX_BYTES]
    return data


def mutated_text(random: Random, text: str, other: str) -> str:
    """The same for a text that stays text (a URL)."""
    at = random.randrange(len(text) + 1)
    end = min(len(text), at + random.randrange(12))
    return random.choice(
        (
            lambda: text[:at] + text[end:],
            lambda: (
                text[:at]
                + random.choice((*_TEXTS, *_NUMBERS, "%", "%2", "%ff", "/", "//", "?", "#", "@", ":", "&"))
                + text[at:]
            ),
            lambda: text[:at] + other[random.randrange(len(other)) :],
            lambda: text[:at] + text[at:end] * random.choice((2, 50, 2000)) + text[end:],
            lambda: text.replace(random.choice(text or "x"), chr(random.choice((0, 10, 37, 0x130, 0xD800, 0x1F926)))),
            lambda: text.upper() if random.random() < 0.5 else text.swapcase(),
            lambda: re.sub(r"\d+", lambda _: random.choice(_NUMBERS), text),
        )
    )()


# ── Bytes ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _flip(random: Random, data: bytes, _other: bytes) -> bytes:
    held = bytearray(data or b"\0")
    for _ in range(random.choice((1, 1, 2, 8, 64))):
        held[random.randrange(len(held))] = random.choice((random.randrange(256), 0, 0xFF, 0x22, 0x2C, 0x0A))
    return bytes(held)


def _cut(random: Random, data: bytes, _other: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] if random.random() < 0.7 else data[at:]


def _remove(random: Random, data: bytes, _other: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + data[at + random.choice((1, 2, 16, 256)) :]


def _repeat(random: Random, data: bytes, _other: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    chunk = data[at : at + random.choice((1, 4, 64, 1024))]
    return data[:at] + chunk * random.choice((2, 3, 50, 1000)) + data[at:]


def _insert(random: Random, data: bytes, _other: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    word = random.choice((*_TEXTS, *_NUMBERS, *_DATES)).encode("utf-8", "replace")
    return (
        data[:at] + random.choice((word, b"\xff\xfe", b"\xef\xbb\xbf", b"\xc3(", b"\0" * 20, b"PK\x03\x04")) + data[at:]
    )


def _splice(random: Random, data: bytes, other: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    where = random.randrange(len(other) + 1)
    return data[:at] + other[where:] + (data[at:] if random.random() < 0.3 else b"")


def _reencode(random: Random, data: bytes, _other: bytes) -> bytes:
    text = data.decode("utf-8", "replace")
    return text.encode(random.choice(_ENCODINGS), "replace")


def _numbers(random: Random, data: bytes, _other: bytes) -> bytes:
    """Some of the numbers become others, of whatever spelling and size."""
    share = random.choice((0.02, 0.2, 1.0))
    pool: tuple[str, ...] = random.choice((_NUMBERS, _DATES, (random.choice(_NUMBERS),)))
    return re.sub(
        rb"\d[\d.,:/-]*",
        lambda found: random.choice(pool).encode() if random.random() < share else found[0],
        data[:50_000],
    )


# ── JSON ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def changed_json(random: Random, document: Any) -> Any:
    """A JSON value in which one to four places changed type, went, came twice or got another name."""
    document = msgspec.json.decode(msgspec.json.encode(document))
    for _ in range(random.choice((1, 1, 2, 4))):
        holder: list[Any] = [document]
        node: Any = holder
        key: Any = 0
        while isinstance(node[key], dict | list) and node[key] and random.random() < 0.85:
            node = node[key]
            key = random.choice(list(node)) if isinstance(node, dict) else random.randrange(len(node))
        _change_place(random, node, key)
        document = holder[0]
    try:
        msgspec.json.encode(document)
    except RecursionError:  # a value that was wrapped again and again
        return [[[]]]
    return document


def _change_place(random: Random, node: Any, key: Any) -> None:
    value = node[key]
    what = random.random()
    if what < 0.5:
        node[key] = deepcopy(random.choice(_ODD_JSON))  # a later mutation may change it where it stands
    elif what < 0.6:
        node[key] = random.choice((*_NUMBERS, *_DATES, *_TEXTS))
    elif what < 0.7 and isinstance(node, dict):
        del node[key]
        if random.random() < 0.5:
            node[random.choice((key.upper(), key + "s", f" {key}", "", "id", "data"))] = value
    elif what < 0.75 and isinstance(node, list):
        node.extend([value] * random.choice((1, 2, 100)))
    elif what < 0.8:
        node[key] = random.choice(([value], {"data": value}, str(value), [value, value], {"items": [value]}))
    elif what < 0.85:
        for _ in range(random.choice((3, 60, 200))):
            value = [value] if random.random() < 0.5 else {"data": value}
        node[key] = value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        node[key] = random.choice((-value, value * 1e12, str(value), float(value), value + 0.5))
    elif isinstance(node, dict):
        other = random.choice(list(node))
        node[key], node[other] = node[other], node[key]


def _json_places(data: bytes) -> tuple[bytes, Any] | None:
    """What stands before the document (a script's assignment), and the document."""
    start = re.match(rb"\A(?:\xef\xbb\xbf)?\s*(?:window\.[\w.]+ ?= ?)?(?=[\[{])", data)
    if start is None:
        return None
    try:
        return start[0], msgspec.json.decode(data[start.end() :])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _json(random: Random, data: bytes, other: bytes) -> bytes:
    found = _json_places(data)
    if found is None:
        lines = data.split(b"\n")
        at = random.randrange(len(lines))
        found = _json_places(lines[at])
        if found is None:
            return _flip(random, data, other)
        lines[at] = found[0] + _dumped(random, changed_json(random, found[1]))
        return b"\n".join(lines)
    return found[0] + _dumped(random, changed_json(random, found[1]))


def _dumped(random: Random, document: Any) -> bytes:
    try:
        text = json.dumps(document, ensure_ascii=random.random() < 0.3)
    except RecursionError:
        return b"[" * 5000
    if random.random() < 0.1:
        text = re.sub(r'("[^"]{1,40}":)', lambda found: f"{found[1]}1,{found[1]}", text, count=1)
    if random.random() < 0.05:
        text = text.replace("null", random.choice(("NaN", "Infinity", "1e999", "-1e999", "9" * 5000, '"\\ud800"')))
    if random.random() < 0.03:
        text = f"[{text}, {text}]" if random.random() < 0.5 else f"{text}\n{text}"
    return text.encode("utf-8", "replace")


# ── Tables ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _table(random: Random, data: bytes, _other: bytes) -> bytes:
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    text = data.decode(encoding, "replace")
    lines = text.split("\n")
    heading = next((at for at, line in enumerate(lines[:6]) if line.count(",") + line.count(";") > 0), 0)
    delimiter = max(_DELIMITERS, key=lines[heading].count)
    what = random.randrange(10)
    if what < 4:
        lines[heading] = delimiter.join(_changed_cells(random, lines[heading].split(delimiter), _spelling))
    elif what < 7:
        at = random.randrange(len(lines))
        lines[at] = delimiter.join(_changed_cells(random, lines[at].split(delimiter), _odd_cell))
    elif what == 7:
        other = random.choice(_DELIMITERS)
        lines = [line.replace(delimiter, other) for line in lines]
    elif what == 8:
        at = random.randrange(len(lines))
        lines[at : at + 1] = [lines[at]] * random.choice((0, 2, 30))
    else:
        lines.insert(
            random.randrange(len(lines) + 1), random.choice(("sep=;", "", '"', ",,,,", "Total,,,,", "a" * 9000))
        )
    ending = random.choice(("\n", "\n", "\n", "\r\n", "\r", "\n\n"))
    return ending.join(line.rstrip("\r") for line in lines).encode(encoding, "replace")


def _changed_cells(random: Random, cells: list[str], change: Callable[[Random, str], str]) -> list[str]:
    at = random.randrange(len(cells))
    what = random.random()
    if what < 0.55:
        cells[at] = change(random, cells[at])
    elif what < 0.7:
        cells.insert(random.randrange(len(cells) + 1), cells[at])
    elif what < 0.8:
        del cells[at]
    elif what < 0.9:
        other = random.randrange(len(cells))
        cells[at], cells[other] = cells[other], cells[at]
    else:
        cells += [random.choice(("", "x", cells[at]))] * random.choice((1, 5, 400))
    return cells


def _spelling(random: Random, cell: str) -> str:
    return random.choice(
        (cell.upper(), f" {cell} ", f"{cell} (USD)", f"{cell} (EUR)", f"{cell} (%)", f'"{cell}"', "", "x", cell[:-1],
         cell.replace("Views", "Aufrufe"), f"\ufeff{cell}", cell.replace(" ", "\u00a0"), f'"{cell}\n"', "Date", "Views")
    )  # fmt: skip


def _odd_cell(random: Random, cell: str) -> str:
    return random.choice(
        (*_NUMBERS, *_DATES, *_TEXTS, f'"{cell}', f'{cell}"', f'"{cell}"', cell * 3, f'"{cell}\n\n{cell}"')
    )


# ── XML ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _xml(random: Random, data: bytes, _other: bytes) -> bytes:
    tags = list(re.finditer(rb"<[^<>]{1,300}>", data[:60_000]))
    if not tags:
        return b"<rss>" + data
    one, two = random.choice(tags), random.choice(tags)
    start, end = sorted((one, two), key=lambda tag: tag.start())
    odd = random.choice((*_TEXTS, *_NUMBERS, *_DATES)).encode("utf-8", "replace")
    return random.choice(
        (
            lambda: data[: one.start()] + data[one.end() :],
            lambda: data[: one.start()] + two[0] + data[one.end() :],
            lambda: data[: one.end()] + odd + data[one.end() :],
            lambda: data[: start.start()] + data[end.end() :],
            lambda: data[: end.end()] + data[start.start() : end.end()] * random.choice((1, 5, 40)) + data[end.end() :],
            lambda: data[: one.start()] + one[0] * random.choice((2, 300)) + data[one.end() :],
            lambda: data[: one.end()] + re.sub(rb"\A[^<]*", lambda _: odd, data[one.end() :], count=1),
            lambda: b'<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>' + data,
            lambda: data.replace(b"xmlns", b"xmlnz", 1),
            lambda: data.replace(b"utf-8", random.choice((b"utf-16", b"x", b"utf-7", b"big5")), 1),
            lambda: re.sub(rb'="[^"]*"', lambda _: b'="' + odd + b'"', data, count=random.choice((1, 5))),
        )
    )()


# ── Archives ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _archive(random: Random, data: bytes, other: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(info.filename, archive.read(info)) for info in archive.infolist()[:40]]
    except Exception:  # noqa: BLE001  a mutation before this one broke it
        return _flip(random, data, other)
    if not members:
        return data
    at = random.randrange(len(members))
    name, content = members[at]
    what = random.random()
    if what < 0.6:
        members[at] = name, mutated(random, content, name, other)
    elif what < 0.7:
        members.append((name, other))
    elif what < 0.8:
        members[at] = (
            random.choice((name.upper(), f"../{name}", f"x/{name}", name.replace("/", "\\"), "", name + "/")),
            content,
        )
    elif what < 0.9:
        del members[at]
    else:
        members[at] = name, other
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name or "x")
            if (name or "x") not in archive.NameToInfo:
                archive.writestr(info, content, archive.compression)
    return held.getvalue()


def _directory(random: Random, data: bytes, other: bytes) -> bytes:
    """Something else in the directory of an archive: sizes, flags, methods, names."""
    at = data.rfind(b"PK\x01\x02")
    if at < 0:
        return _flip(random, data, other)
    held = bytearray(data)
    for _ in range(random.choice((1, 2, 4))):
        held[min(len(held) - 1, at + 4 + random.randrange(60))] = random.choice((0, 1, 8, 0x7F, 0xFF, 12, 14))
    return bytes(held)


_Change = Callable[[Random, bytes, bytes], bytes]
_ANY: tuple[_Change, ...] = (_flip, _cut, _remove, _repeat, _insert, _splice, _reencode, _numbers)


def _of_kind(data: bytes, name: str) -> tuple[_Change, ...]:
    if data.startswith(b"PK"):
        return (_archive, _archive, _archive, _directory)
    suffix = PurePosixPath(name).suffix
    if suffix == ".csv":
        return (_table, _table, _numbers)
    if data.lstrip()[:1] == b"<" or suffix in (".xml", ".rss", ".rels"):
        return (_xml, _xml, _numbers)
    if data.lstrip()[:1] in (b"{", b"[") or suffix in (".js", ".json", ".jsonl"):
        return (_json, _json, _json, _numbers)
    return ()
