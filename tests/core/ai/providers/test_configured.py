"""Which providers settings make possible, in which order, and what they may not say."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engagerr import InvalidInput
from engagerr.core.ai.answers import Complaint, checked
from engagerr.core.ai.local import topic as local_topic
from engagerr.core.ai.provider import Price, ProviderFailed, Where
from engagerr.core.ai.providers import Floor, configured_providers
from engagerr.core.ai.providers.local import Local
from engagerr.core.ai.tasks import TASKS, Piece, PlainText, TaskName, Topic
from engagerr.core.settings import AiSettings
from tests.core.ai.floor.cases import inputs_of
from tests.fakes.embedder import WordEmbedder
from tests.fakes.model_server import KEY, ModelServer

VLLM = {"endpoint_url": "http://127.0.0.1:8000/v1", "endpoint_model": "qwen"}


def names(home: Path, **settings: Any) -> list[str]:
    return [provider.name for provider in configured_providers(AiSettings(**settings), home=home)]


def test_without_a_key_models_run_here_and_the_floor_is_last(tmp_path: Path) -> None:
    providers = configured_providers(AiSettings(), home=tmp_path)
    assert [provider.name for provider in providers] == ["local", "floor"]
    assert {provider.where for provider in providers} == {Where.HERE}


def test_each_key_and_address_adds_its_provider(tmp_path: Path) -> None:
    found = names(
        tmp_path, deepseek_key="k", huggingface_key="k", **VLLM, endpoint_here=True, endpoint_name="vllm",
        transformers_text_model="x",
    )  # fmt: skip
    assert found == ["deepseek", "huggingface", "vllm", "transformers", "local", "floor"]


def test_a_key_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    server = ModelServer()
    settings = AiSettings(deepseek_key_file=tmp_path / "key")
    provider = configured_providers(settings, home=tmp_path, transport=server.transport())[0]
    provider.answer(TASKS[TaskName.SUMMARY], [PlainText(text="x")], model="deepseek-flash", timeout_seconds=5)
    assert server.keys == [f"Bearer {KEY}"]


def test_words_leave_this_machine_unless_the_operator_says_that_they_do_not(tmp_path: Path) -> None:
    free = {"endpoint_price_in": 0, "endpoint_price_out": 0}
    [elsewhere, *_] = configured_providers(AiSettings(**VLLM, **free), home=tmp_path)
    [here, *_] = configured_providers(AiSettings(**VLLM, endpoint_here=True), home=tmp_path)
    # A proxy on this machine may pass everything on: the address alone proves nothing.
    assert (elsewhere.where, here.where) == (Where.ELSEWHERE, Where.HERE)
    with pytest.raises(InvalidInput, match="endpoint_here"):
        names(tmp_path, endpoint_url="https://m.example/v1", endpoint_model="m", endpoint_here=True)


def test_vectors_may_come_from_another_address_than_words(tmp_path: Path) -> None:
    settings = AiSettings(
        **VLLM, endpoint_embeddings_url="http://127.0.0.1:8080/v1", endpoint_embedding_model="e5", endpoint_here=True
    )
    [endpoint, *_] = configured_providers(settings, home=tmp_path)
    models = {offer.task: offer.model for offer in endpoint.offers()}
    assert models[TaskName.EMBED] == "e5"
    assert models[TaskName.SUMMARY] == "qwen"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {
                "endpoint_url": "http://models.example/v1",
                "endpoint_model": "m",
                "endpoint_price_in": 0,
                "endpoint_price_out": 0,
            },
            "plain http",
        ),
        ({"endpoint_url": "https://models.example/v1", "endpoint_model": "m"}, "no price"),
        ({"endpoint_url": "http://127.0.0.1:8000/v1", "endpoint_here": True}, "endpoint_model is not"),
        ({**VLLM, "endpoint_here": True, "endpoint_name": "floor"}, "another provider's name"),
        ({"deepseek_key": "k", "deepseek_url": "http://api.deepseek.com"}, "plain http"),
        ({"deepseek_key": "k", "deepseek_model": "gpt-9"}, "price is not known"),
        ({"huggingface_key": "k", "huggingface_url": "http://192.168.1.4"}, "plain http"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(settings: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=words):
        names(tmp_path, **settings)


def test_dollars_for_a_million_tokens_are_counted_in_millionths_for_a_thousand(tmp_path: Path) -> None:
    settings = AiSettings(huggingface_key="k", huggingface_price_in=0.1, huggingface_price_out=0.0005)
    [face, *_] = configured_providers(settings, home=tmp_path)
    prices = {offer.price for offer in face.offers() if offer.task is TaskName.SUMMARY}
    assert prices == {Price(100, 1)}


def test_the_floor_answers_every_case_with_what_fits_the_task() -> None:
    floor = Floor()
    offered = {offer.task: offer for offer in floor.offers()}
    for name in (TaskName.SUMMARY, TaskName.BRIEF, TaskName.CLAUSES, TaskName.MATCH_REASON, TaskName.PITCH):
        assert offered[name].price == Price()
        given = inputs_of(name)
        said = floor.answer(TASKS[name], given, model=offered[name].model, timeout_seconds=5)
        answers = [checked(TASKS[name], one, words.said) for one, words in zip(given, said, strict=True)]
        assert not [answer for answer in answers if isinstance(answer, Complaint)]


def test_the_light_embedder_is_opened_once_and_gives_vectors() -> None:
    opened: list[WordEmbedder] = []

    def open_() -> WordEmbedder:
        opened.append(WordEmbedder())
        return opened[-1]

    local = Local(open_)
    [offer] = [offer for offer in local.offers() if offer.task is TaskName.EMBED]
    texts = [PlainText(text="red boats"), PlainText(text="boats")]
    said = local.answer(TASKS[TaskName.EMBED], texts, model=offer.model, timeout_seconds=5)
    assert len(opened) == 1
    for given, one in zip(texts, said, strict=True):
        assert not isinstance(checked(TASKS[TaskName.EMBED], given, one.said), Complaint)


def test_without_an_embedder_none_is_offered() -> None:
    assert TaskName.EMBED not in {offer.task for offer in Local(lambda: None).offers()}


class OfTheHead:
    """An embedder by the name that the topic head was trained with; it knows nothing of any text."""

    dimensions = 384

    def __init__(self, name: str) -> None:
        self.name = name

    def embed(self, texts: Sequence[str], *, progress: object = None) -> np.ndarray:
        del progress
        return np.zeros((len(texts), self.dimensions), dtype=np.float32)


def test_the_light_topic_model_answers_with_the_embedder_that_it_was_trained_on() -> None:
    local = Local(lambda: OfTheHead(local_topic.EMBEDDER))  # type: ignore[arg-type, return-value]
    [offer] = [offer for offer in local.offers() if offer.task is TaskName.TOPIC]
    assert (offer.version, offer.quality) == (local_topic.VERSION, local_topic.QUALITY)
    given = [Piece(title="NFL highlights", tags=("nfl",)), Piece(title="Makeup tutorial", tags=("makeup", "beauty"))]
    said = local.answer(TASKS[TaskName.TOPIC], given, model=offer.model, timeout_seconds=5)
    assert [one.said.topics[0].topic for one in said] == [Topic.SPORTS, Topic.STYLE]  # type: ignore[attr-defined]


def test_with_another_embedder_no_topic_model_is_offered() -> None:
    local = Local(lambda: OfTheHead("another"))  # type: ignore[arg-type, return-value]
    assert {offer.task for offer in local.offers()} == {TaskName.EMBED}
    with pytest.raises(ProviderFailed):
        local.answer(TASKS[TaskName.TOPIC], [Piece(title="x")], model="topic", timeout_seconds=5)


def test_listing_providers_loads_nothing_heavy(tmp_path: Path) -> None:
    program = f"""
import sys
from pathlib import Path
from engagerr.core.ai.providers import configured_providers
from engagerr.core.settings import AiSettings
settings = AiSettings(deepseek_key="k", huggingface_key="k", transformers_text_model="nobody/none")
configured_providers(settings, home=Path({str(tmp_path)!r}))
print(*sorted(set(sys.modules) & {{"httpx", "torch", "transformers", "numpy", "pandas", "onnxruntime"}}), end="")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == ""
