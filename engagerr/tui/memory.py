"""What the console remembers between two starts: the look, the tab, and where each screen was left."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

_LARGEST_FILE_BYTES = 1_000_000
_MOST_NAMES = 200


class Memory:
    """A small JSON file in the home, readable by its owner only. What cannot be read is forgotten, never in the way."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._kept: dict[str, Any] = self._read()
        self._changed = False

    def get(self, name: str, default: Any = None) -> Any:
        """What was kept under this name."""
        return self._kept.get(name, default)

    def keep(self, name: str, value: Any) -> None:
        """Keep a JSON value; it is written by `save`."""
        if self._kept.get(name) != value:
            # The newest last: of too many, the oldest are forgotten.
            self._kept.pop(name, None)
            self._kept[name] = value
            self._changed = True
            for old in list(self._kept)[: max(len(self._kept) - _MOST_NAMES, 0)]:
                del self._kept[old]

    def save(self) -> None:
        """Write what changed, whole or not at all. A home that cannot be written costs the memory and nothing else."""
        if self._path is None or not self._changed:
            return
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, fresh = tempfile.mkstemp(dir=self._path.parent, prefix=".new-")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(self._kept, file)
            Path(fresh).replace(self._path)
            self._changed = False

    def _read(self) -> dict[str, Any]:
        if self._path is None:
            return {}
        try:
            if self._path.stat().st_size > _LARGEST_FILE_BYTES:
                return {}
            kept = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return kept if isinstance(kept, dict) else {}
