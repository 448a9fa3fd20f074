"""As much of the ONNX file format as is needed to read a model's tensors and to write a graph.

The format is a protocol buffer (onnx/onnx.proto3 of the ONNX project). Its messages are described here to `protobuf`,
which ONNX Runtime brings with it, so that no package of 30 MB is needed for a dozen fields.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagerr.core.errors import Broken

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Each message with its fields: name, number, type; "*" where there may be many.
_MESSAGES = {
    "Attribute": (("name", 1, "string"), ("f", 2, "float"), ("i", 3, "int64"), ("type", 20, "int32")),
    "Node": (
        ("input", 1, "string*"), ("output", 2, "string*"), ("name", 3, "string"), ("op_type", 4, "string"),
        ("attribute", 5, "Attribute*"), ("domain", 7, "string"),
    ),
    "Tensor": (("dims", 1, "int64*"), ("data_type", 2, "int32"), ("name", 8, "string"), ("raw_data", 9, "bytes")),
    "Dimension": (("dim_value", 1, "int64"), ("dim_param", 2, "string")),
    "Shape": (("dim", 1, "Dimension*"),),
    "TensorType": (("elem_type", 1, "int32"), ("shape", 2, "Shape")),
    "Type": (("tensor_type", 1, "TensorType"),),
    "ValueInfo": (("name", 1, "string"), ("type", 2, "Type")),
    "Graph": (
        ("node", 1, "Node*"), ("name", 2, "string"), ("initializer", 5, "Tensor*"), ("input", 11, "ValueInfo*"),
        ("output", 12, "ValueInfo*"),
    ),
    "OperatorSet": (("domain", 1, "string"), ("version", 2, "int64")),
    "Model": (
        ("ir_version", 1, "int64"), ("producer_name", 2, "string"), ("graph", 7, "Graph"),
        ("opset_import", 8, "OperatorSet*"),
    ),
}  # fmt: skip
_SCALARS = {"float": 2, "int64": 3, "int32": 5, "string": 9, "bytes": 12}  # as descriptor.proto numbers them
_NUMPY = {1: "<f4", 2: "u1", 3: "i1"}  # TensorProto.DataType
_CODES = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7}
_IR, _OPERATORS = 10, {"": 21, "com.microsoft": 1}
_FLOAT, _INTEGER = 1, 2  # AttributeProto.AttributeType


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """The tensors of floats and bytes that a model file holds, by name. `Broken` where it is no such file."""
    import numpy as np

    model = _messages()["Model"]()
    try:
        model.ParseFromString(path.read_bytes())
        return {
            tensor.name: np.frombuffer(tensor.raw_data, dtype=_NUMPY[tensor.data_type]).reshape(tuple(tensor.dims))
            for tensor in model.graph.initializer
            if tensor.data_type in _NUMPY
        }
    except (importlib.import_module("google.protobuf.message").DecodeError, ValueError) as error:
        raise Broken(f"{path} is not a model file that can be read.", hint="Install its package again.") from error


class GraphWriter:
    """A graph, step by step. Steps give the names of what comes out, which later steps take."""

    def __init__(self) -> None:
        self._model = _messages()["Model"](ir_version=_IR, producer_name="engagerr")
        for domain, version in _OPERATORS.items():
            self._model.opset_import.add(domain=domain, version=version)
        self._graph = self._model.graph
        self._graph.name = "graph"
        self._known: set[str] = set()

    def takes(self, name: str, kind: str, shape: Sequence[str | int]) -> str:
        """An input of the graph."""
        return self._end(self._graph.input.add(), name, kind, shape)

    def gives(self, name: str, kind: str, shape: Sequence[str | int]) -> None:
        """An output of the graph: what a step gave under this name."""
        self._end(self._graph.output.add(), name, kind, shape)

    def constant(self, name: str, values: NDArray[np.generic]) -> str:
        """A tensor of the graph, given once under each name."""
        if name not in self._known:
            self._known.add(name)
            tensor = self._graph.initializer.add(
                name=name, data_type=_CODES[values.dtype.name], raw_data=values.tobytes()
            )
            tensor.dims.extend(values.shape)
        return name

    def step(self, operator: str, *inputs: str, name: str | None = None, domain: str = "", **attributes: float) -> str:
        """One operator with one result; integers and floats are attributes of it."""
        result = name or f"{operator}_{len(self._graph.node)}"
        node = self._graph.node.add(op_type=operator, name=result, domain=domain)
        node.input.extend(inputs)
        node.output.append(result)
        for key, value in attributes.items():
            if isinstance(value, int):
                node.attribute.add(name=key, i=value, type=_INTEGER)
            else:
                node.attribute.add(name=key, f=value, type=_FLOAT)
        return result

    def model(self) -> bytes:
        """The whole as ONNX Runtime takes it."""
        written: bytes = self._model.SerializeToString()
        return written

    def _end(self, info: Any, name: str, kind: str, shape: Sequence[str | int]) -> str:
        info.name = name
        info.type.tensor_type.elem_type = _CODES[kind]
        for size in shape:
            if isinstance(size, int):
                info.type.tensor_type.shape.dim.add(dim_value=size)
            else:
                info.type.tensor_type.shape.dim.add(dim_param=size)
        return name


@cache
def _messages() -> Mapping[str, Any]:
    described = importlib.import_module("google.protobuf.descriptor_pb2")
    pools = importlib.import_module("google.protobuf.descriptor_pool")
    factory = importlib.import_module("google.protobuf.message_factory")
    file = described.FileDescriptorProto(name="engagerr_onnx.proto", package="engagerr.onnx", syntax="proto2")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            plain = kind.rstrip("*")
            made = message.field.add(name=field, number=number, label=3 if kind.endswith("*") else 1)
            if plain in _SCALARS:
                made.type = _SCALARS[plain]
            else:
                made.type, made.type_name = 11, f".engagerr.onnx.{plain}"
    pool = pools.DescriptorPool()  # our own: the package `onnx` may be loaded beside it
    pool.Add(file)
    return {name: factory.GetMessageClass(pool.FindMessageTypeByName(f"engagerr.onnx.{name}")) for name in _MESSAGES}
