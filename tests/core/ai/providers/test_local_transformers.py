"""Models on this machine by folder: a tiny one with random weights, made here, for each kind of task."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from engagerr.core.ai.answers import Complaint, checked
from engagerr.core.ai.provider import ProviderFailed, Where
from engagerr.core.ai.providers.local_transformers import LocalModels, LocalTransformers
from engagerr.core.ai.tasks import TASKS, Piece, PlainText, TaskName

HAS_TORCH = all(importlib.util.find_spec(module) for module in ("torch", "transformers"))
EXTRA = pytest.mark.skipif(not HAS_TORCH, reason="the extra `local-ai` is not installed")
# Deprecations inside torch and transformers are theirs.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "this",
    "text",
    "is",
    "about",
    "boats",
    "music",
    "video",
    "games",
    "ann",
    "films",
    "in",
    "cork",
]


def classifier(folder: Path, labels: dict[int, str]) -> str:
    """A BERT of two layers that tells these labels apart, by chance."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

    torch.manual_seed(7)
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    BertTokenizer(str(folder / "vocab.txt"), model_max_length=64).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=64, id2label=labels, label2id={name: place for place, name in labels.items()},
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    return str(folder)


def writer(folder: Path) -> str:
    """A GPT of two layers that writes, and makes no sense."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    torch.manual_seed(7)
    tokens = Tokenizer(models.WordLevel({word: place for place, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokens.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokens, unk_token="[UNK]", pad_token="[PAD]", eos_token="[SEP]"
    ).save_pretrained(folder)
    config = GPT2Config(
        vocab_size=len(WORDS), n_positions=2048, n_embd=16, n_layer=2, n_head=2, eos_token_id=3, bos_token_id=2
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    return str(folder)


def test_without_the_extra_or_the_model_nothing_is_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    (tmp_path / "empty").mkdir()
    provider = LocalTransformers(LocalModels(topic="nobody/such-model", sentiment=str(tmp_path / "empty"), text="a b"))
    assert provider.offers() == ()
    assert (provider.name, provider.where) == ("transformers", Where.HERE)


def test_a_model_that_is_not_there_is_told_and_not_fetched(tmp_path: Path) -> None:
    provider = LocalTransformers(LocalModels(topic=str(tmp_path)))
    with pytest.raises(ProviderFailed, match="no such model"):
        provider.answer(TASKS[TaskName.TOPIC], [Piece(title="x")], model="x", timeout_seconds=5)


@EXTRA
def test_a_zero_shot_classifier_gives_topics(tmp_path: Path) -> None:
    folder = classifier(tmp_path / "nli", {0: "contradiction", 1: "neutral", 2: "entailment"})
    provider = LocalTransformers(LocalModels(topic=folder), threads=1)
    [offer] = provider.offers()
    assert (offer.task, offer.model, offer.price.micro_usd_in) == (TaskName.TOPIC, "nli", 0)
    piece = Piece(title="Ann films boats", tags=("boats",))
    [said] = provider.answer(TASKS[TaskName.TOPIC], [piece], model="nli", timeout_seconds=60)
    assert not isinstance(checked(TASKS[TaskName.TOPIC], piece, said.said), Complaint)


@EXTRA
def test_a_text_classifier_gives_sentiment(tmp_path: Path) -> None:
    folder = classifier(tmp_path / "mood", {0: "negative", 1: "neutral", 2: "positive"})
    provider = LocalTransformers(LocalModels(sentiment=folder), threads=1)
    text = PlainText(text="boats " * 500)
    [said] = provider.answer(TASKS[TaskName.SENTIMENT], [text], model="mood", timeout_seconds=60)
    assert not isinstance(checked(TASKS[TaskName.SENTIMENT], text, said.said), Complaint)


@EXTRA
def test_labels_of_another_kind_are_refused(tmp_path: Path) -> None:
    folder = classifier(tmp_path / "odd", {0: "LABEL_0", 1: "LABEL_1"})
    provider = LocalTransformers(LocalModels(sentiment=folder), threads=1)
    with pytest.raises(ProviderFailed, match="neither positive and negative"):
        provider.answer(TASKS[TaskName.SENTIMENT], [PlainText(text="boats")], model="odd", timeout_seconds=60)


@EXTRA
def test_a_model_that_writes_is_bounded_in_time_and_judged_like_any_other(tmp_path: Path) -> None:
    provider = LocalTransformers(LocalModels(text=writer(tmp_path / "gpt")), threads=1)
    assert {offer.task for offer in provider.offers()} == set(TaskName) - {TaskName.EMBED}
    text = PlainText(text="Ann films boats")
    [said] = provider.answer(TASKS[TaskName.LANGUAGE], [text], model="gpt", timeout_seconds=60)
    assert said.tokens_in > 10
    assert isinstance(checked(TASKS[TaskName.LANGUAGE], text, said.said), Complaint)
    with pytest.raises(ProviderFailed, match="in time"):
        provider.answer(TASKS[TaskName.SUMMARY], [text], model="gpt", timeout_seconds=0.001)


@EXTRA
def test_other_weights_are_another_version(tmp_path: Path) -> None:
    provider = LocalTransformers(LocalModels(sentiment=classifier(tmp_path / "mood", {0: "negative", 1: "positive"})))
    before = provider.offers()[0].version
    weights = tmp_path / "mood" / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + b" ")
    assert provider.offers()[0].version != before
