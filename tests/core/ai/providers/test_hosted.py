"""Hosted models over their real forms: answers, every kind of no, time-outs, and keys that nobody sees."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

import httpx
import msgspec
import pytest
from engagerr import InvalidInput
from engagerr.core.ai.evaluation.evaluation import cases_of
from engagerr.core.ai.provider import Price, ProviderFailed, Said, Where
from engagerr.core.ai.providers.deepseek import PRICES, deepseek
from engagerr.core.ai.providers.huggingface import HuggingFace, Models
from engagerr.core.ai.providers.openai_compatible import Chat, Embedding, OpenAiCompatible
from engagerr.core.ai.providers.wire import Wire, checked_address
from engagerr.core.ai.tasks import (
    TASKS,
    BriefText,
    Piece,
    PlainText,
    Sentiment,
    StructuredBrief,
    Summary,
    TaskName,
    Topic,
    Topics,
    Vector,
)
from tests.fakes.model_server import KEY, ModelServer

SUMMARY, BRIEF, EMBED = TASKS[TaskName.SUMMARY], TASKS[TaskName.BRIEF], TASKS[TaskName.EMBED]
TEXT = PlainText(text="Ann films boats in Cork. planted-words-0815")


def flash(server: ModelServer, url: str = "https://api.deepseek.com") -> OpenAiCompatible:
    transport = None if url.startswith("http://127") else server.transport()
    return deepseek(key=KEY, url=url, model="deepseek-flash", transport=transport)


def endpoint(server: ModelServer, *, schema: bool = True) -> OpenAiCompatible:
    wire = Wire("http://127.0.0.1:8000/v1", key=None, transport=server.transport())
    return OpenAiCompatible(
        "vllm",
        where=Where.HERE,
        chat=Chat(wire, "qwen", Price(), json_schema=schema),
        embedding=Embedding(wire, "e5", Price()),
    )


def ask(provider: Any, *, timeout_seconds: float = 5.0) -> Said:
    model = next(offer.model for offer in provider.offers() if offer.task is TaskName.SUMMARY)
    [said] = provider.answer(SUMMARY, [TEXT], model=model, timeout_seconds=timeout_seconds)
    assert isinstance(said, Said)
    return said


def test_an_answer_comes_as_json_with_the_tokens_that_the_company_counted() -> None:
    server = ModelServer()
    said = ask(flash(server))
    assert isinstance(said.said, bytes)
    assert msgspec.json.decode(said.said, type=Summary).summary
    assert said.tokens_in > 100
    assert said.tokens_out > 0
    assert server.paths == ["/chat/completions"]
    assert server.keys == [f"Bearer {KEY}"]


def test_deepseek_is_asked_for_a_json_object_and_not_to_think() -> None:
    server = ModelServer()
    ask(flash(server))
    [body] = server.requests
    assert body["response_format"] == {"type": "json_object"}
    assert body["thinking"] == {"type": "disabled"}
    assert (body["model"], body["stream"], body["temperature"]) == ("deepseek-flash", False, 0)
    assert "tools" not in body
    assert body["max_tokens"] > 0


def test_a_server_that_can_is_held_to_the_schema() -> None:
    server = ModelServer()
    ask(endpoint(server))
    ask(endpoint(server, schema=False))
    held, loose = (body["response_format"] for body in server.requests)
    assert held["json_schema"]["name"] == "summary"
    assert held["json_schema"]["schema"]["properties"]["summary"]["maxLength"] == 1200
    assert loose == {"type": "json_object"}
    assert server.keys == [None, None]


@pytest.mark.parametrize("how", ["good", "fenced"])
def test_a_brief_comes_back_as_the_case_expects_it(how: str) -> None:
    given, expected = cases_of(TaskName.BRIEF)[0]
    provider = flash(ModelServer(how))
    [said] = provider.answer(BRIEF, [given], model="deepseek-flash", timeout_seconds=5)
    assert isinstance(said.said, bytes)
    assert msgspec.json.decode(said.said, type=StructuredBrief) == msgspec.convert(
        {"title": "A brief", **expected}, StructuredBrief
    )


@pytest.mark.parametrize(
    ("how", "words", "transient", "retry"),
    [
        ("down", "it fails (HTTP 503)", True, None),
        ("gone", "it cannot be reached (ConnectError)", True, None),
        ("slow", "it does not answer in time", True, None),
        ("unauthorised", "it refuses the key (HTTP 401)", False, None),
        ("forbidden", "the key may not do this (HTTP 403)", False, None),
        ("no_credit", "the account there has no credit left (HTTP 402)", True, None),
        ("too_often", "it is asked too often (HTTP 429)", True, 17.0),
        ("loading", "it fails (HTTP 503)", True, 20.5),
        ("too_long", "it does not accept the request (HTTP 400)", False, None),
        ("cut_off", "its answer was cut off", False, None),
        ("refusing", "the model refuses", False, None),
        ("empty", "its answer is empty", True, None),
        ("html", "its answer is no JSON", True, None),
        ("redirect", "it sends us to another address, where no key is sent", False, None),
        ("another_form", "its answer has another form than a chat's", True, None),
    ],
)
def test_every_no_is_told_in_words_of_ours(how: str, words: str, transient: bool, retry: float | None) -> None:
    with pytest.raises(ProviderFailed) as failed:
        ask(flash(ModelServer(how)))
    assert (failed.value.message, failed.value.transient) == (words, transient)
    assert failed.value.retry_after_seconds == retry


@pytest.mark.parametrize("how", ["lying", "prose"])
def test_what_does_not_fit_is_handed_on_as_it_came_for_the_router_to_judge(how: str) -> None:
    said = ask(flash(ModelServer(how))).said
    assert isinstance(said, bytes)
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(said, type=Summary)


def test_an_expensive_answer_is_counted_as_it_was_told() -> None:
    said = ask(flash(ModelServer("expensive")))
    assert PRICES["deepseek-flash"].of(said.tokens_in, 0) == 27_000_000


@pytest.mark.parametrize("how", ["slow", "drip"])
def test_no_call_takes_longer_than_its_time_out(how: str) -> None:
    server = ModelServer(how)
    with server.serving() as url:
        begun = time.monotonic()
        with pytest.raises(ProviderFailed, match="in time"):
            ask(flash(server, url), timeout_seconds=0.3)
        assert time.monotonic() - begun < 1.5


def test_over_a_real_connection_it_answers_the_same() -> None:
    server = ModelServer()
    with server.serving() as url:
        assert ask(flash(server, url)).said == ask(flash(server)).said


def test_neither_key_nor_text_is_in_messages_or_logs(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        for how in ("unauthorised", "down", "gone", "too_often", "too_long", "html"):
            with pytest.raises(ProviderFailed) as failed:
                ask(flash(ModelServer(how)))
            seen = f"{failed.value} {failed.value.__cause__} {failed.value.__context__}"
            assert KEY not in seen
            assert "planted-words" not in seen
    assert KEY not in caplog.text
    assert "planted-words" not in caplog.text
    assert KEY not in repr(flash(ModelServer()).__dict__)


def test_vectors_are_of_length_one_and_in_the_order_of_the_texts() -> None:
    provider = endpoint(ModelServer())
    texts = [PlainText(text=word) for word in ("boots", "boats", "bread")]
    together = provider.answer(EMBED, texts, model="e5", timeout_seconds=5)
    alone = [provider.answer(EMBED, [text], model="e5", timeout_seconds=5)[0] for text in texts]
    assert [one.said for one in together] == [one.said for one in alone]
    for one in together:
        assert isinstance(one.said, Vector)
        assert sum(number * number for number in one.said.vector) == pytest.approx(1)
    assert sum(one.tokens_in for one in together) == 21


@pytest.mark.parametrize("rows", [[], [{"index": 0, "embedding": []}], [{"index": 0, "embedding": [0.0, 0.0]}],
                                  [{"index": 3, "embedding": [1.0]}], [{"index": 0, "embedding": ["1"]}]])  # fmt: skip
def test_vectors_that_are_none_are_refused(rows: list[Any]) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json={"data": rows}))
    wire = Wire("http://127.0.0.1:8080/v1", key=None, transport=transport)
    provider = OpenAiCompatible("tei", where=Where.HERE, embedding=Embedding(wire, "e5", Price()))
    with pytest.raises(ProviderFailed):
        provider.answer(EMBED, [TEXT], model="e5", timeout_seconds=5)


def face(server: ModelServer) -> HuggingFace:
    models = Models(
        "openai/gpt-oss-20b",
        Price(100, 500),
        topic="facebook/bart-large-mnli",
        sentiment="acme/sentiment",
        embedding="acme/e5",
    )
    return HuggingFace(key=KEY, url="https://router.huggingface.co", models=models, transport=server.transport())


def test_hugging_face_s_models_made_for_a_task_come_before_the_one_that_writes() -> None:
    models = [offer.model for offer in face(ModelServer()).offers() if offer.task is TaskName.TOPIC]
    assert models == ["facebook/bart-large-mnli", "openai/gpt-oss-20b"]


def test_hugging_face_s_endpoints_are_asked_where_its_client_asks_them() -> None:
    server = ModelServer()
    provider = face(server)
    [topics] = provider.answer(
        TASKS[TaskName.TOPIC], [Piece(title="My video games")], model="facebook/bart-large-mnli", timeout_seconds=5
    )
    [mood] = provider.answer(TASKS[TaskName.SENTIMENT], [TEXT], model="acme/sentiment", timeout_seconds=5)
    vectors = provider.answer(EMBED, [TEXT, TEXT], model="acme/e5", timeout_seconds=5)
    provider.answer(SUMMARY, [TEXT], model="openai/gpt-oss-20b", timeout_seconds=5)
    assert isinstance(topics.said, Topics)
    assert topics.said.topics[0].topic is Topic.GAMING
    assert mood.said == Sentiment(score=pytest.approx(0.75), sure=0.8)
    assert len(vectors) == 2
    assert server.paths == [
        "/hf-inference/models/facebook/bart-large-mnli",
        "/hf-inference/models/acme/sentiment",
        "/hf-inference/models/acme/e5/pipeline/feature-extraction",
        "/v1/chat/completions",
    ]
    assert set(server.keys) == {f"Bearer {KEY}"}


@pytest.mark.parametrize(
    "said",
    [
        {"labels": ["a"], "scores": [2.0]},
        [{"label": "a", "score": 0.5}],
        [],
        {"error": "x"},
        [[{"label": 1, "score": 0.2}]],
    ],
)
def test_labels_that_were_not_asked_for_are_refused(said: Any) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=json.dumps(said)))
    provider = HuggingFace(
        key=KEY, url="https://h.example", models=Models("w", Price(), topic="t"), transport=transport
    )
    with pytest.raises(ProviderFailed):
        provider.answer(TASKS[TaskName.TOPIC], [Piece(title="x")], model="t", timeout_seconds=5)


def test_a_model_that_it_does_not_have_is_not_asked() -> None:
    server = ModelServer()
    with pytest.raises(ProviderFailed, match="no such model"):
        flash(server).answer(SUMMARY, [TEXT], model="deepseek-v4-pro", timeout_seconds=5)
    with pytest.raises(ProviderFailed, match="no such model"):
        flash(server).answer(EMBED, [TEXT], model="deepseek-flash", timeout_seconds=5)
    assert server.requests == []


@pytest.mark.parametrize(
    ("url", "private", "allowed"),
    [
        ("https://models.example/v1/", False, True),
        ("http://127.0.0.1:8000/v1", False, True),
        ("http://localhost:8000", False, True),
        ("http://[::1]:8000", False, True),
        ("http://models.example/v1", False, False),
        ("http://models.example/v1", True, False),
        ("http://192.168.1.9:8000/v1", False, False),
        ("http://192.168.1.9:8000/v1", True, True),
        ("http://10.0.0.4:8000/v1", True, True),
        ("http://169.254.169.254/latest", True, False),
        ("http://0.0.0.0:8000", True, False),
        ("http://8.8.8.8", True, False),
        ("https://name:word@models.example", False, False),
        ("ftp://models.example", False, False),
        ("models.example", False, False),
        ("https://models.example?key=1", False, False),
    ],
)
def test_plain_http_stays_on_this_machine_or_the_operator_s_own_network(url: str, private: bool, allowed: bool) -> None:
    if allowed:
        assert checked_address(url, setting="ai.endpoint_url", private=private) == url.rstrip("/")
        return
    with pytest.raises(InvalidInput, match=r"ai\.endpoint_url") as refused:
        checked_address(url, setting="ai.endpoint_url", private=private)
    assert "word" not in refused.value.message.replace("a password", "")


def test_deepseek_s_prices_are_known_for_the_models_that_it_sells() -> None:
    assert set(PRICES) == {"deepseek-flash", "deepseek-v4-pro"}
    with pytest.raises(InvalidInput, match="deepseek-chat"):
        deepseek(key=KEY, url="https://api.deepseek.com", model="deepseek-chat")


def test_an_input_that_is_asked_for_repair_says_what_was_wrong() -> None:
    server = ModelServer()
    flash(server).answer(
        BRIEF, [BriefText(text="x", today="2026-11-23")], model="deepseek-flash", timeout_seconds=5,
        complaint="a field is missing at $.title",
    )  # fmt: skip
    assert "a field is missing at $.title" in server.requests[0]["messages"][0]["content"]
