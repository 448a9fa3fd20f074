"""The console in a browser: a page on this machine, behind the same sign-in, with a process of its own a visitor."""

from __future__ import annotations

import asyncio
import contextlib
import html
import ipaddress
import secrets
import shlex
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import WSCloseCode, web
from textual_serve.app_service import AppService
from textual_serve.server import Server

from engagerr.core.errors import EngagerrError, InvalidInput
from engagerr.core.telemetry import log

if TYPE_CHECKING:
    from engagerr import Engagerr

_COOKIE = "engagerr_console"
_SESSION_SECONDS = 12 * 3600
_LONGEST_TOKEN = 200
_MOST_VISITORS = 32
_GONE_SECONDS = 5.0
_TRIES, _TRIES_SECONDS = 10, 60.0
_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "font-src 'self' data:; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, eq=False)
class _Visitor:
    token: str
    until: float


class _Process(AppService):
    """A console process that is signed in as the visitor: the token goes by the environment, never by the command."""

    def __init__(self, token: str, **options: Any) -> None:
        super().__init__(shlex.join([sys.executable, "-m", "engagerr.tui.run"]), **options)
        self._token = token

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        return {**super()._build_environment(width, height), "ENGAGERR_TOKEN": self._token}

    async def end(self) -> None:
        """Let it go; one that does not is killed: no process outlives its visitor."""
        await self.stop()
        process = self._process
        if process is None:
            return
        try:
            await asyncio.wait_for(process.wait(), _GONE_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


class ConsoleServer(Server):
    """textual-serve behind a sign-in; it answers only to the names by which it was told to listen."""

    def __init__(self, engagerr: Engagerr, *, host: str, port: int) -> None:
        super().__init__(
            "engagerr console", host=host, port=port, title="Engagerr",
            templates_path=Path(__file__).parent / "web_pages",
        )  # fmt: skip
        self._engagerr = engagerr
        self._visitors: dict[str, _Visitor] = {}
        self._tries: list[float] = []
        self._open: dict[web.WebSocketResponse, _Visitor] = {}

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._guard)
        app.router.add_get("/sign-in", self._sign_in_page)
        app.router.add_post("/sign-in", self._sign_in)
        app.router.add_post("/sign-out", self._sign_out)
        return app

    async def on_startup(self, app: web.Application) -> None:
        """Say where it is; nothing of textual-serve's own."""

    async def on_shutdown(self, app: web.Application) -> None:
        """End every visitor's process."""
        for socket in list(self._open):
            await socket.close(code=WSCloseCode.GOING_AWAY)

    @property
    def _guard(self) -> Any:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            if not self._is_ours(request):
                return web.Response(status=421, text="This console does not answer to that name.\n")
            public = request.path == "/sign-in" or request.path.startswith("/static/")
            if not public and self._visitor(request) is None:
                if request.path == "/":
                    raise web.HTTPSeeOther("/sign-in")
                return web.Response(status=401, text="Sign in first: /sign-in\n")
            answer = await handler(request)
            if not answer.prepared:
                answer.headers.update(_HEADERS)
            return answer

        return guard

    async def handle_index(self, request: web.Request) -> web.Response:
        """The page with the terminal in it; its addresses are relative to where it was asked for."""
        scheme = "wss" if request.secure or request.headers.get("X-Forwarded-Proto") == "https" else "ws"
        page = _page("console.html")
        return web.Response(
            text=page.replace("{{socket}}", html.escape(f"{scheme}://{request.host}/ws")), content_type="text/html",
            headers=_HEADERS,
        )  # fmt: skip

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """A visitor's terminal: one process, ended with the connection."""
        visitor = self._visitor(request)
        socket = web.WebSocketResponse(heartbeat=15, max_msg_size=1 << 20)
        if visitor is None or not self._same_origin(request) or len(self._open) >= _MOST_VISITORS:
            raise web.HTTPForbidden(text="This page may not open a console here.\n")
        self._open[socket] = visitor
        process = _Process(
            visitor.token, write_bytes=socket.send_bytes, write_str=socket.send_str, close=socket.close,
            download_manager=self.download_manager,
        )  # fmt: skip
        try:
            await socket.prepare(request)
            # No console outlives the session that opened it.
            async with asyncio.timeout(visitor.until - time.monotonic()):
                await process.start(_cells(request, "width", 80, 400), _cells(request, "height", 24, 200))
                await self._process_messages(socket, process)
        except TimeoutError:
            await socket.close(code=WSCloseCode.GOING_AWAY)
        except (ConnectionError, ValueError, AssertionError, KeyError, IndexError, TypeError) as error:
            log("console.web_visitor_lost", level="warning", error=type(error).__name__)
        finally:
            del self._open[socket]
            await process.end()
        return socket

    async def _sign_in_page(self, request: web.Request) -> web.Response:
        return _sign_in_page("")

    async def _sign_in(self, request: web.Request) -> web.StreamResponse:
        if not self._same_origin(request):
            raise web.HTTPForbidden(text="Sign in on this console's own page.\n")
        now = time.monotonic()
        self._tries = [at for at in self._tries if now - at < _TRIES_SECONDS]
        if len(self._tries) >= _TRIES:
            return _sign_in_page("Too many tries. Wait a minute.", status=429)
        token = str((await request.post()).get("token", "")).strip()
        if not token or len(token) > _LONGEST_TOKEN:
            self._tries.append(now)
            return _sign_in_page("Paste a token of yours.", status=400)
        # Counted before it is known to be wrong: many at once are many.
        self._tries.append(now)
        try:
            await asyncio.to_thread(self._engagerr.workspace, token)
        except EngagerrError as error:
            return _sign_in_page(error.message, status=401)
        with contextlib.suppress(ValueError):
            self._tries.remove(now)
        session = secrets.token_urlsafe(32)
        self._forget_the_old()
        self._visitors[session] = _Visitor(token, time.monotonic() + _SESSION_SECONDS)
        answer = web.Response(status=303, headers={"Location": "/"})
        answer.set_cookie(
            _COOKIE, session, max_age=_SESSION_SECONDS, httponly=True, samesite="Strict", path="/",
            secure=request.secure or request.headers.get("X-Forwarded-Proto") == "https",
        )  # fmt: skip
        return answer

    async def _sign_out(self, request: web.Request) -> web.StreamResponse:
        left = self._visitors.pop(request.cookies.get(_COOKIE, ""), None)
        for socket in [socket for socket, visitor in self._open.items() if visitor is left]:
            await socket.close(code=WSCloseCode.GOING_AWAY)
        answer = web.Response(status=303, headers={"Location": "/sign-in"})
        answer.del_cookie(_COOKIE)
        return answer

    def _visitor(self, request: web.Request) -> _Visitor | None:
        visitor = self._visitors.get(request.cookies.get(_COOKIE, ""))
        return visitor if visitor is not None and visitor.until > time.monotonic() else None

    def _forget_the_old(self) -> None:
        now = time.monotonic()
        self._visitors = {name: one for name, one in self._visitors.items() if one.until > now}

    def _is_ours(self, request: web.Request) -> bool:
        """On this machine only its own names are answered: a page elsewhere cannot reach it by a name of its own."""
        if not _is_loopback(self.host):
            return True
        name = request.host.rsplit(":", 1)[0].strip("[]")
        return name == "localhost" or _is_loopback(name)

    @staticmethod
    def _same_origin(request: web.Request) -> bool:
        origin = request.headers.get("Origin")
        return origin is None or origin.split("://", 1)[-1] == request.host


# Under "no-referrer" browsers send our own form from the origin "null", which cannot be told from a page elsewhere.
_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": _CONTENT_POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}  # fmt: skip


def serve(engagerr: Engagerr, *, host: str, port: int, allow_remote: bool) -> None:
    """Serve the console until Ctrl-C.

    Raises:
        InvalidInput: another address than this machine's own without `allow_remote`, or a port that is taken.
    """
    if not (host == "localhost" or _is_loopback(host)) and not allow_remote:
        raise InvalidInput(
            f"{host} can be reached by other machines.",
            hint="Leave --host out, or add --allow-remote and put TLS before it: tokens go over this line.",
            facts={"host": host},
        )
    engagerr.workspace()  # the database is up and somebody is signed in before anybody is let in
    try:
        asyncio.run(_run(ConsoleServer(engagerr, host=host, port=port)))
    except OSError as error:
        raise InvalidInput(
            f"{host}:{port} cannot be listened on: {error.strerror or error}.",
            hint="Choose another --port; 0 takes a free one.",
        ) from error


async def _run(server: ConsoleServer) -> None:
    runner = web.AppRunner(await server._make_app(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, server.host, server.port)
    await site.start()
    taken = runner.addresses[0]
    host = f"[{taken[0]}]" if ":" in taken[0] else taken[0]
    sys.stdout.write(f"The console is at http://{host}:{taken[1]}/  (Ctrl-C ends it)\n")
    sys.stdout.flush()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for ending in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(ending, ended.set)
    try:
        await ended.wait()
    finally:
        await runner.cleanup()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _cells(request: web.Request, name: str, usual: int, most: int) -> int:
    said = request.query.get(name, "")
    return min(max(int(said), 20), most) if said.isdigit() else usual


def _page(name: str) -> str:
    return (Path(__file__).parent / "web_pages" / name).read_text(encoding="utf-8")


def _sign_in_page(wrong: str, *, status: int = 200) -> web.Response:
    return web.Response(
        text=_page("sign_in.html").replace("{{wrong}}", html.escape(wrong)), status=status, content_type="text/html",
        headers=_HEADERS,
    )  # fmt: skip


__all__ = ["ConsoleServer", "serve"]
