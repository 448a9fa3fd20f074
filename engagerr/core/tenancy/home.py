"""What a home remembers of signing in: the session token (0600) and which workspace was founded here."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID


class SignInMemory:
    """The two small files of a home that keep a person signed in."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._token = home / "session"
        self._workspace = home / "workspace.json"

    def token(self) -> str | None:
        """The session token, if this home is signed in."""
        return os.environ.get("ENGAGERR_TOKEN") or self._read(self._token)

    def tenant_id(self) -> UUID | None:
        """The workspace that was founded in this home, if any."""
        stored = self._read(self._workspace)
        return UUID(json.loads(stored)["tenant_id"]) if stored else None

    def keep(self, *, tenant_id: UUID, token: str) -> None:
        """Stay signed in."""
        self._write(self._workspace, json.dumps({"tenant_id": str(tenant_id)}))
        self._write(self._token, token)

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Only one process founds or joins a workspace in this home at a time."""
        import fcntl

        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._home / "workspace.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    @staticmethod
    def _read(path: Path) -> str | None:
        try:
            return path.read_text(encoding="utf-8").strip() or None
        except FileNotFoundError:
            return None

    def _write(self, path: Path, content: str) -> None:
        # Made private before it holds anything, and put in place whole.
        handle, fresh = tempfile.mkstemp(dir=self._home, prefix=".new-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
        Path(fresh).replace(path)
