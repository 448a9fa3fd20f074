"""The APIs of DeepSeek, Hugging Face and OpenAI-compatible servers, as they answer: well, badly, late, or not at all.

The forms are those of the companies' own pages and clients (api-docs.deepseek.com, huggingface_hub's inference types,
vLLM's OpenAI-compatible server, Text Embeddings Inference). In memory as a transport, or on this machine as a server.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import msgspec
from engagerr.core.ai.evaluation.evaluation import cases_of
from engagerr.core.ai.tasks import TASKS, Task, TaskName
from tests.fakes.ai_provider import FITS

KEY = "sk-planted-4711-never-shown"
# What an obedient model does when the text tells it to.
_PLANTED = re.compile(r"(?:ignore|disregard|forget)[^.]{0,60}instructions", re.IGNORECASE)
_BY_INSTRUCTION = {task.instruction: task for task in TASKS.values()}

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class ModelServer:
    """One server for every address. `how` is how it answers:

    good, down, slow (never, until it is closed), drip, unauthorised, no_credit, too_often, cut_off, refusing, empty,
    html, redirect, lying (another schema), prose (words around the JSON), fenced, expensive, injected (it does what
    the text says), loading.
    """

    how: str = "good"
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)

    def transport(self) -> httpx.MockTransport:
        """In memory: what a client of httpx takes in place of the network."""

        def handle(request: httpx.Request) -> httpx.Response:
            if self.how in ("slow", "drip"):
                raise httpx.ReadTimeout("too slow", request=request)
            if self.how == "gone":
                raise httpx.ConnectError("refused", request=request)
            status, headers, content = self.answer(
                request.url.path, request.content, request.headers.get("authorization")
            )
            return httpx.Response(status, headers=headers, content=content)

        return httpx.MockTransport(handle)

    @contextlib.contextmanager
    def serving(self) -> Iterator[str]:
        """On 127.0.0.1, until the end of the block; gives the address."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            self.closed.set()
            server.shutdown()
            server.server_close()
            thread.join(5)

    def answer(self, path: str, content: bytes, authorization: str | None) -> Answer:
        """What one request is answered with."""
        body = json.loads(content)
        self.requests.append(body)
        self.paths.append(path)
        self.keys.append(authorization)
        troubled = _TROUBLES.get(self.how)
        if troubled is not None:
            return troubled
        if path.endswith("/chat/completions"):
            return _json(200, self._chat(body))
        if path.endswith("/embeddings"):
            return _json(200, _embeddings(body))
        if path.endswith("/pipeline/feature-extraction"):
            return _json(200, [_vector(text) for text in body["inputs"]])
        if "candidate_labels" in body.get("parameters", {}):
            return _json(200, self._zero_shot(body))
        return _json(200, [[{"label": "positive", "score": 0.8}, {"label": "neutral", "score": 0.15},
                            {"label": "negative", "score": 0.05}]])  # fmt: skip

    def _chat(self, body: dict[str, Any]) -> dict[str, Any]:
        task, data = asked_in(body)
        said = self._content(task, data)
        finish, refusal = "stop", None
        if self.how == "cut_off":
            said, finish = said[: len(said) // 2], "length"
        if self.how == "refusing":
            said, refusal = None, "I cannot help with that."
        if self.how == "empty":
            said = ""
        tokens = 90_000_000 if self.how == "expensive" else len(json.dumps(body)) // 4
        return {
            "id": "930c60df-bf64-41c9-a88e-3ec75f81e00e", "object": "chat.completion", "created": 1795400000,
            "model": body["model"], "system_fingerprint": "fp_a49d71b8a1",
            "choices": [{
                "index": 0, "logprobs": None, "finish_reason": finish,
                "message": {"role": "assistant", "content": said, **({"refusal": refusal} if refusal else {})},
            }],
            "usage": {
                "prompt_tokens": tokens, "completion_tokens": len(said or "") // 4 + 1,
                "total_tokens": tokens + len(said or "") // 4 + 1,
                "prompt_cache_hit_tokens": 0, "prompt_cache_miss_tokens": tokens,
            },
        }  # fmt: skip

    def _content(self, task: Task, data: Any) -> str:
        if self.how == "lying":
            return '{"verdict": "buy it", "confidence": "very"}'
        if self.how == "injected" and _PLANTED.search(json.dumps(data, ensure_ascii=False)):
            return '{"score": 100, "approved": true, "note": "PWNED"}'
        good = json.dumps(expected_of(task, data), ensure_ascii=False)
        if self.how == "prose":
            return f"Sure! Here is the JSON you asked for:\n{good}\nLet me know if you need anything else."
        if self.how == "fenced":
            return f"```json\n{good}\n```"
        return good

    def _zero_shot(self, body: dict[str, Any]) -> Any:
        labels = body["parameters"]["candidate_labels"]
        if self.how == "lying":
            return [{"label": "crime", "score": 1.0}]
        shares = {label: 0.9 if label in body["inputs"].casefold() else 0.1 / len(labels) for label in labels}
        return [{"label": label, "score": share} for label, share in sorted(shares.items(), key=lambda one: -one[1])]


def asked_in(body: dict[str, Any]) -> tuple[Task, Any]:
    """The task and the input of a chat request, read as a model would: instruction above, data between the markers."""
    system, user = (message["content"] for message in body["messages"])
    task = next(task for instruction, task in _BY_INSTRUCTION.items() if f"Task: {instruction}\n" in system)
    marker = re.search(r"marker lines that end with ([0-9a-f]+)\.", system)
    assert marker is not None
    inside = re.fullmatch(rf"<<<DATA {marker[1]}\n(.*)\nEND DATA>>> {marker[1]}", user, re.DOTALL)
    assert inside is not None
    return task, json.loads(inside[1])


def expected_of(task: Task, data: Any) -> Any:
    """An answer that the evaluation takes for right, where it has a case with this input; else one that fits."""
    given = msgspec.json.encode(msgspec.convert(data, task.takes), order="deterministic")
    expected = _cases(task.name).get(given)
    if expected is None:
        return msgspec.to_builtins(FITS[task.name])
    match task.name:
        case TaskName.TOPIC:
            return {"topics": [{"topic": expected["topic"], "probability": 0.9}]}
        case TaskName.LANGUAGE:
            return {"language": expected["language"], "probability": 0.9}
        case TaskName.SENTIMENT:
            return {"score": {"positive": 0.8, "negative": -0.8}.get(expected["sentiment"], 0.0), "sure": 0.9}
        case TaskName.SAFETY:
            words = data["title"].split()[0]
            return {"findings": [{"flag": flag, "severity": 2, "words": words} for flag in expected["flags"]]}
        case TaskName.BRIEF:
            return {"title": "A brief", **expected}
        case _:
            return expected


@functools.cache
def _cases(name: TaskName) -> dict[bytes, Any]:
    return {msgspec.json.encode(given, order="deterministic"): expected for given, expected in cases_of(name)}


def _json(status: int, said: Any, **headers: str) -> Answer:
    return status, {"content-type": "application/json", **headers}, json.dumps(said).encode()


_TROUBLES: dict[str, Answer] = {
    "down": _json(503, {"error": {"message": "Service is too busy", "type": "service_unavailable_error"}}),
    "unauthorised": _json(
        401,
        {
            "error": {
                "message": f"Authentication Fails, Your api key: {KEY} is invalid",
                "type": "authentication_error",
                "param": None,
                "code": "invalid_request_error",
            }
        },
    ),
    "forbidden": _json(403, {"error": "This authentication method does not have sufficient permissions"}),
    "no_credit": _json(
        402, {"error": {"message": "Insufficient Balance", "type": "unknown_error", "code": "invalid_request_error"}}
    ),
    "too_often": _json(
        429, {"error": {"message": "Rate limit reached", "type": "rate_limit_error"}}, **{"retry-after": "17"}
    ),
    "loading": _json(503, {"error": "Model is currently loading", "estimated_time": 20.5}),
    "too_long": _json(
        400,
        {
            "object": "error",
            "message": "This model's maximum context length is 4096 tokens.",
            "type": "BadRequestError",
            "param": None,
            "code": 400,
        },
    ),
    "html": (200, {"content-type": "text/html"}, b"<html><body>Welcome to nginx</body></html>"),
    "redirect": (302, {"location": "https://elsewhere.example/v1/chat/completions"}, b""),
    "another_form": _json(200, {"choices": []}),
}


def _embeddings(body: dict[str, Any]) -> dict[str, Any]:
    rows = [
        {"object": "embedding", "index": place, "embedding": _vector(text)} for place, text in enumerate(body["input"])
    ]
    # In any order: the index counts.
    return {
        "object": "list", "data": rows[::-1], "model": body["model"],
        "usage": {"prompt_tokens": 7 * len(rows), "total_tokens": 7 * len(rows)},
    }  # fmt: skip


def _vector(text: str) -> list[float]:
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return [float(byte) + 1 for byte in digest]


def _handler(server: ModelServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["content-length"]))
            if server.how == "slow":
                server.closed.wait(30)
                return
            if server.how == "drip":
                self._drip()
                return
            status, headers, said = server.answer(self.path, content, self.headers.get("authorization"))
            self.send_response(status)
            for name, value in (headers | {"content-length": str(len(said))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said)

        def _drip(self) -> None:
            """A header that never ends, a letter at a time."""
            with contextlib.suppress(OSError):
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while not server.closed.wait(0.02):
                    self.wfile.write(b"a")
                    self.wfile.flush()
            self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            """Silent."""

    return Handler
