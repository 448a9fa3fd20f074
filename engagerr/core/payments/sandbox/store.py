"""The sandbox's books in one SQLite file: another company's, so they are not in our database.

Many threads and processes share the file. Each request is one transaction; the file is in WAL mode, so a process that
is killed loses nothing that it answered.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects (
    n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, kind TEXT NOT NULL,
    created INTEGER NOT NULL, clock TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS objects_listed ON objects (account, kind, n);
CREATE INDEX IF NOT EXISTS objects_clock ON objects (clock) WHERE clock <> '';
CREATE TABLE IF NOT EXISTS links (
    kind TEXT NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (kind, field, value, n)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS links_object ON links (n);
CREATE TABLE IF NOT EXISTS funds (
    account TEXT NOT NULL, currency TEXT NOT NULL, available INTEGER NOT NULL, pending INTEGER NOT NULL,
    PRIMARY KEY (account, currency)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS due (
    n INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, clock TEXT NOT NULL, account TEXT NOT NULL,
    what TEXT NOT NULL, ref TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS due_next ON due (clock, at, n);
CREATE INDEX IF NOT EXISTS due_ref ON due (ref);
CREATE TABLE IF NOT EXISTS keys (
    account TEXT NOT NULL, key TEXT NOT NULL, path TEXT NOT NULL, fingerprint TEXT NOT NULL, created INTEGER NOT NULL,
    request TEXT NOT NULL, status INTEGER, body TEXT, busy REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (account, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS keys_created ON keys (created);
CREATE TABLE IF NOT EXISTS deliveries (
    n INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, endpoint TEXT NOT NULL, at INTEGER NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'waiting', lease REAL NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS deliveries_waiting ON deliveries (state, at, n);
CREATE INDEX IF NOT EXISTS deliveries_event ON deliveries (event);
CREATE TABLE IF NOT EXISTS faults (
    n INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, method TEXT, path TEXT, times INTEGER NOT NULL,
    seconds REAL NOT NULL, hits INTEGER NOT NULL DEFAULT 0);
"""
# Fields by which lists are filtered, a kind: kept in `links`, since bodies are only text to SQLite.
LINKED: Mapping[str, tuple[str, ...]] = {
    "balance_transaction": ("source", "type", "currency", "payout"),
    "charge": ("customer", "payment_intent", "transfer_group"),
    "checkout.session": ("customer", "payment_intent", "subscription", "status"),
    "credit_note": ("invoice", "customer"),
    "customer": ("email",),
    "dispute": ("charge", "payment_intent"),
    "event": ("type", "related"),
    "invoice": ("customer", "subscription", "status", "collection_method"),
    "invoiceitem": ("customer", "invoice", "pending", "subscription"),
    "invoice_payment": ("invoice", "status", "payment_intent"),
    "payment_intent": ("customer", "transfer_group"),
    "payment_method": ("customer", "type"),
    "payout": ("status", "destination"),
    "price": ("product", "active", "currency", "type", "lookup_key"),
    "product": ("active",),
    "promotion_code": ("code", "coupon", "active", "customer"),
    "quote": ("customer", "status"),
    "refund": ("charge", "payment_intent"),
    "setup_intent": ("customer", "payment_method"),
    "source": ("customer",),
    "subscription": ("customer", "status", "test_clock"),
    "subscription_item": ("subscription",),
    "subscription_schedule": ("customer", "subscription"),
    "transfer": ("destination", "transfer_group", "source_transaction"),
    "transfer_reversal": ("transfer",),
    "external_account": ("account", "object"),
    "webhook_endpoint": ("status",),
}
_TRIES = 200
_PAUSE = 0.02
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Store:
    """Rows and transactions; what they mean is known elsewhere."""

    def __init__(self, path: Path | str, *, seed: str) -> None:
        self._lock = threading.RLock()
        self._file = sqlite3.connect(str(path), timeout=60, isolation_level=None, check_same_thread=False)
        self._keep_a_log()
        # A killed process loses nothing at NORMAL; only a machine that loses its power may.
        self._file.execute("PRAGMA synchronous = NORMAL")
        self._file.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        self._file.execute("INSERT OR IGNORE INTO facts VALUES ('seed', ?)", (seed,))
        self._seed = self.fact("seed", "")

    def _keep_a_log(self) -> None:
        """Turn the write-ahead log on. Where another process does so at the same moment, SQLite does not wait."""
        for patience in range(_TRIES, -1, -1):
            try:
                self._file.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError:
                if not patience:
                    raise
                time.sleep(_PAUSE)

    def close(self) -> None:
        """Close the file; what was answered is in it."""
        with self._lock:
            self._file.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Threads take turns by a lock, processes by SQLite's own."""
        with self._lock:
            self._file.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._file.execute("ROLLBACK")
                raise
            self._file.execute("COMMIT")

    @contextlib.contextmanager
    def attempt(self) -> Iterator[None]:
        """A part of a transaction that leaves no trace where it fails."""
        self._file.execute("SAVEPOINT attempt")
        try:
            yield
        except BaseException:
            self._file.execute("ROLLBACK TO attempt")
            self._file.execute("RELEASE attempt")
            raise
        self._file.execute("RELEASE attempt")

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self._lock:
            return self._file.execute(sql, values).fetchall()

    def run(self, sql: str, *values: Any) -> int:
        """Change rows; how many were changed."""
        with self._lock:
            return self._file.execute(sql, values).rowcount

    def fact(self, name: str, default: str) -> str:
        """A setting of the sandbox itself."""
        found = self.rows("SELECT value FROM facts WHERE name = ?", name)
        return str(found[0][0]) if found else default

    def set_fact(self, name: str, value: str) -> None:
        """Keep a setting."""
        self.run("INSERT INTO facts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value)

    def new_id(self, prefix: str, length: int = 24) -> str:
        """The next id. It looks like chance and follows from the seed, so that a run can be repeated."""
        number = self.rows(
            "INSERT INTO facts VALUES ('ids', '1') ON CONFLICT (name) DO UPDATE SET value = CAST(value AS INTEGER) + 1"
            " RETURNING value"
        )[0][0]
        value = int.from_bytes(hashlib.sha512(f"{self._seed}:{number}".encode()).digest(), "big")
        letters = []
        for _ in range(length):
            value, rest = divmod(value, 62)
            letters.append(_BASE62[rest])
        return prefix + "".join(letters)

    def add(self, kind: str, account: str, body: dict[str, Any], *, clock: str = "", created: int) -> None:
        """Keep a new object."""
        with self._lock:
            cursor = self._file.execute(
                "INSERT INTO objects (id, account, kind, created, clock, body) VALUES (?, ?, ?, ?, ?, ?)",
                (body["id"], account, kind, created, clock, json.dumps(body)),
            )
            self._link(kind, int(cursor.lastrowid or 0), body)

    def change(self, kind: str, body: dict[str, Any]) -> None:
        """Keep an object as it is now."""
        number, before = self.rows("SELECT n, body FROM objects WHERE id = ?", body["id"])[0]
        self.run("UPDATE objects SET body = ? WHERE n = ?", json.dumps(body), number)
        if _links(kind, json.loads(before)) != _links(kind, body):
            self.run("DELETE FROM links WHERE n = ?", number)
            self._link(kind, number, body)

    def remove(self, id: str) -> None:
        """Keep the object but list it no more."""
        self.run("UPDATE objects SET deleted = 1 WHERE id = ?", id)

    def read(self, id: str) -> tuple[str, str, str, bool, dict[str, Any]] | None:
        """(kind, account, clock, deleted, body) of an object."""
        found = self.rows("SELECT kind, account, clock, deleted, body FROM objects WHERE id = ?", id)
        if not found:
            return None
        kind, account, clock, deleted, body = found[0]
        return kind, account, clock, bool(deleted), json.loads(body)

    def _link(self, kind: str, number: int, body: dict[str, Any]) -> None:
        for field, value in _links(kind, body):
            self.run("INSERT OR IGNORE INTO links VALUES (?, ?, ?, ?)", kind, field, value, number)


def _links(kind: str, body: dict[str, Any]) -> list[tuple[str, str]]:
    """What an object can be found by: the fields of its kind, and its metadata."""
    found = []
    for field in LINKED.get(kind, ()):
        value = body.get(field, body.get(f"_{field}"))
        if value is not None:
            found.append((field, text_of(value)))
    metadata = body.get("metadata")
    if isinstance(metadata, dict):
        found += [(f"metadata.{key}", value) for key, value in metadata.items() if isinstance(value, str)]
    return found


def text_of(value: Any) -> str:
    """A value as a link holds it: ids of objects, words, true and false."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return str(value.get("id", ""))
    return str(value)
