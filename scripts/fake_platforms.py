#!/usr/bin/env python3
"""Fake platforms on this machine, to try Engagerr's connections without any account anywhere.

    scripts/fake_platforms.py                        serve, and print the environment to set
    scripts/fake_platforms.py serve --latency-ms 50 --break-after 20
    scripts/fake_platforms.py break                  the network goes away
    scripts/fake_platforms.py mend                   … and is back
    scripts/fake_platforms.py revoke youtube         the account's owner takes back what they allowed
    scripts/fake_platforms.py publish youtube        something new appears there
    scripts/fake_platforms.py visit ADDRESS          do as a browser does with the address of a sign-in, and allow it

Everything but `serve` speaks to the server whose address stands in ENGAGERR_INTEGRATIONS__GATEWAY_URL. It listens on
127.0.0.1 only and keeps nothing; it ends on Ctrl-C, on SIGTERM, and when the process that started it is gone.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shlex
import signal
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

GATEWAY = "ENGAGERR_INTEGRATIONS__GATEWAY_URL"
# Paths for people who steer the world; no host has such a name.
CONTROL = "/-/"


# ── The server ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Server:
    """Answers GATEWAY/HOST/PATH with what the platform at https://HOST/PATH says, after so many seconds."""

    def __init__(
        self, world: object, *, latency: float, break_after: int | None, status_when_broken: int | None
    ) -> None:
        from fake_world import World

        assert isinstance(world, World)
        self._world = world
        self.latency = latency
        self._break_after = break_after
        self._status_when_broken = status_when_broken
        self._broken = False
        self.requests = 0

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept open for as long as its other end likes."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self._exchange(reader, writer):
                pass
        writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; whether another may follow on the connection."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        headers.pop("", None)
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        headers.pop("host", None)
        if target.startswith(CONTROL):
            self._send(writer, 200, (("content-type", "text/plain"),), self._told(target.removeprefix(CONTROL)))
            await writer.drain()
            return True
        self.requests += 1
        if self._break_after is not None and self.requests > self._break_after:
            self._broken, self._break_after = True, None
        if self.latency:
            await asyncio.sleep(self.latency)
        if self._broken and self._status_when_broken is None:
            return False
        if self._broken:
            self._send(writer, self._status_when_broken or 503, (), b"Service Unavailable")
        else:
            try:
                answer = self._world.answer(method, f"https:/{target}", headers, body)
            except AssertionError as error:  # the fakes hold those who ask to the platforms' rules
                self._send(writer, 400, (), f"The fake platform does not understand this: {error}".encode())
            else:
                self._send(writer, answer.status, answer.headers, answer.body)
        await writer.drain()
        return headers.get("connection", "").lower() != "close"

    def _told(self, wish: str) -> bytes:
        """Do what a person asks for, and say what was done."""
        verb, _, what = wish.partition("/")
        if verb == "break":
            self._broken = True
        elif verb == "mend":
            self._broken, self._break_after = False, None
        elif verb == "latency":
            self.latency = float(what) / 1000
        elif verb == "revoke" and what in self._world.fakes:
            self._world.revoke(what)
        elif verb == "publish" and what in self._world.fakes:
            return f"{self._world.publish(what)}\n".encode()
        elif verb != "requests":
            return f"cannot {verb} {what}\n".encode()
        return f"{self.requests}\n".encode() if verb == "requests" else b"done\n"

    @staticmethod
    def _send(writer: asyncio.StreamWriter, status: int, headers: tuple[tuple[str, str], ...], body: bytes) -> None:
        lines = [
            f"HTTP/1.1 {status} -",
            *(f"{name}: {value}" for name, value in headers),
            f"content-length: {len(body)}",
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)


async def serve(options: argparse.Namespace) -> None:
    """Serve until told to end."""
    parent = os.getppid()
    from fake_world import World

    world = World(items=options.items, page_size=options.page_size, channels=options.channels)
    server = Server(
        world, latency=options.latency_ms / 1000, break_after=options.break_after,
        status_when_broken=503 if options.broken_as == "503" else None,
    )  # fmt: skip
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    listening = await asyncio.start_server(server.connection, "127.0.0.1", options.port)
    port = listening.sockets[0].getsockname()[1]
    here = [sys.executable, str(Path(__file__).resolve())]
    environment = world.environment(f"http://127.0.0.1:{port}")
    # The library of the standard that opens browsers runs a command that ends with & beside the program.
    environment["BROWSER"] = f"{shlex.join(here)} visit %s &"
    lines = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
    if options.env_file is not None:
        fresh = options.env_file.with_name(f"{options.env_file.name}.new")
        fresh.write_text(lines, encoding="utf-8")
        fresh.rename(options.env_file)
    print(lines, end="", flush=True)
    while os.getppid() == parent:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), 0.5)
            break
    listening.close()


# ── Those who speak to it ──────────────────────────────────────────────────────────────────────────────────────────


def gateway() -> str:
    """The server's address."""
    address = os.environ.get(GATEWAY)
    if not address:
        fail(f"{GATEWAY} is not set: start scripts/fake_platforms.py and set what it prints.")
    return address


def tell(wish: str) -> str:
    """Tell the server something, and what it answered."""
    try:
        with urllib.request.urlopen(f"{gateway()}{CONTROL}{wish}", timeout=10) as answer:
            said: str = answer.read().decode()
            return said
    except urllib.error.URLError as error:
        fail(f"The fake platforms do not answer: {error.reason}.")


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Redirects are ours to follow: they lead from the fake world into the real one."""
        return


def visit(address: str) -> str:
    """Sign in and allow everything: the address that the browser is sent to, and visited."""
    parts = urlsplit(address)
    opener = urllib.request.build_opener(_Stay)
    try:
        opener.open(f"{gateway()}/{parts.netloc}{parts.path}?{parts.query}", timeout=10)
    except urllib.error.HTTPError as answer:
        back = answer.headers.get("location")
        if back is None:
            fail(f"The sign-in failed: {answer.read().decode()[:300]}")
        if urlsplit(back).hostname == "127.0.0.1":
            # Nobody listens where the address is to be pasted.
            with contextlib.suppress(OSError):
                urllib.request.urlopen(back, timeout=10)
        return back
    else:
        fail("The sign-in led nowhere.")


def fail(words: str) -> NoReturn:
    """End with a sentence."""
    sys.exit(f"fake_platforms: {words}")


def main() -> None:
    """Serve, or speak to the server."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb")
    serving = verbs.add_parser("serve")
    serving.add_argument("--port", type=int, default=0, help="0 takes any that is free")
    serving.add_argument("--latency-ms", type=float, default=0, help="how long each answer takes")
    serving.add_argument("--items", type=int, default=12, help="on each platform")
    serving.add_argument("--page-size", type=int, default=50)
    serving.add_argument("--channels", type=int, default=0, help="YouTube channels besides, for token-001 and on")
    serving.add_argument("--break-after", type=int, help="so many requests, after which the network goes away")
    serving.add_argument("--broken-as", choices=["disconnect", "503"], default="disconnect")
    serving.add_argument("--env-file", type=Path, help="write the environment there, too, once it answers")
    for name in ("break", "mend", "requests"):
        verbs.add_parser(name)
    for name, what in (("revoke", "name"), ("publish", "name"), ("latency", "milliseconds"), ("visit", "address")):
        verbs.add_parser(name).add_argument("what", metavar=what.upper())
    options = parser.parse_args(sys.argv[1:] or ["serve"])
    if options.verb == "serve":
        asyncio.run(serve(options))
    elif options.verb == "visit":
        print(visit(options.what))
    else:
        print(tell(f"{options.verb}/{options.what}" if "what" in options else options.verb), end="")


if __name__ == "__main__":
    main()
