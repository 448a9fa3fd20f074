"""A guide that is one session in a shell: its blocks are typed in order, and what they print is what the page shows.

`python -m tests.docs.walk PAGE` writes what they print now into the page; run it after a change of words.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.docs.pages import ROOT, Fence, fences

_MARK = "@@@ block"
# A server that the page's home has started ends with it; where the tests' database is used there is none.
_STOP = 'if [ -z "${ENGAGERR_DATABASE__URL:-}" ]; then trap "engagerr db stop >/dev/null 2>&1" EXIT; fi\n'
# What is another one each time: ids of the provider's, hashes, our ids and their ends, moments, days, spans of time.
_VOLATILE = (
    (re.compile(r"\b(?:acct|pi|po|ch|tr|cus|sub|in|evt|pm|engagerr_a)_\w+…?"), "ID"),
    (re.compile(r"\b[A-Z0-9]{4}(?:-[A-Z0-9]{4}){3}\b"), "CODE"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "ID"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "HASH"),
    (re.compile(r"\b(?=[a-f]*\d)[0-9a-f]{8}\b"), "ID"),
    (re.compile(r"\b\d{4}-\d\d(?:-\d\d)?(?:[ T]\d\d:\d\d(?::\d\d)?)?\b"), "WHEN"),
    (re.compile(r"INV-\d{4}"), "INV"),
    (re.compile(r"\b\d+ things happened|(?:events|handled): \d+"), "SOME"),
    (re.compile(r"─+"), ""),
    (re.compile(r"\s+"), " "),
)


@dataclass(frozen=True, slots=True)
class Typed:
    """A block, what it printed (both streams), and whether all of it succeeded."""

    block: Fence
    printed: str
    done: bool


def typed(page: Path, *, folder: Path, env: Mapping[str, str] | None = None) -> list[Typed]:
    """Type the page's shell blocks, one after the other, into one shell; the first command that fails ends it."""
    blocks = list(fences(page, "sh"))
    script = "set -euo pipefail\nexec 2>&1\n" + "".join(f"echo '{_MARK}'\n{block.text}" for block in blocks)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ended = subprocess.run(
        ["bash", "-c", f"{_STOP}{script}echo '{_MARK}'\n"], cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PATH": path, "TMPDIR": str(folder), "COLUMNS": "100", "NO_COLOR": "1", **(env or {})},
    )  # fmt: skip
    said = ended.stdout.split(f"{_MARK}\n")[1:]
    return [
        Typed(block, said[number] if number < len(said) else "", done=number + 1 < len(said))
        for number, block in enumerate(blocks)
    ]


def still(printed: str) -> str:
    """What is printed, without what is another one each time."""
    for pattern, word in _VOLATILE:
        printed = pattern.sub(word, printed)
    return printed.strip()


def rewrite(page: Path) -> None:
    """Put what the blocks print now under each block that shows it."""
    with tempfile.TemporaryDirectory() as folder:
        session = typed(page, folder=Path(folder))
    text = page.read_text(encoding="utf-8")
    for one in session:
        if not one.done:
            raise SystemExit(f"{page.name}, line {one.block.line}: {one.printed}")
        if one.block.answer is not None:
            said = "".join(f"{line.rstrip()}\n" for line in one.printed.splitlines())
            shown = f"{one.block.text}```\n\n```text\n{one.block.answer}```"
            assert text.count(shown) == 1, one.block.line
            text = text.replace(shown, f"{one.block.text}```\n\n```text\n{said}```")
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        rewrite(ROOT / name)
