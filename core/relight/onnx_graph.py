# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writing an ONNX graph node by node, and saving it as one file."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np

from ..errors import NeuralBakeError

OPSET = 17
IR_VERSION = 8
"""Both of 2022 (ONNX 1.12): old enough for every runtime of today, new enough for all that is needed."""
LARGEST = 2**31 - 2**20


@dataclasses.dataclass(frozen=True, eq=False)
class Value:
    """A value of a graph; arithmetic with it adds operators. Numbers and arrays become constants of its type.

    Attributes:
        graph: that it belongs to.
        name: in the graph.
        dtype: of its elements.
    """

    graph: Graph
    name: str
    dtype: np.dtype

    # numpy must not take over arrays' side of an operation
    __array_ufunc__ = None

    def __add__(self, other: Operand) -> Value:
        return self.graph.op("Add", self, other)

    def __radd__(self, other: Operand) -> Value:
        return self.graph.op("Add", self._same(other), self)

    def __sub__(self, other: Operand) -> Value:
        return self.graph.op("Sub", self, other)

    def __rsub__(self, other: Operand) -> Value:
        return self.graph.op("Sub", self._same(other), self)

    def __mul__(self, other: Operand) -> Value:
        return self.graph.op("Mul", self, other)

    def __rmul__(self, other: Operand) -> Value:
        return self.graph.op("Mul", self._same(other), self)

    def __truediv__(self, other: Operand) -> Value:
        return self.graph.op("Div", self, other)

    def __rtruediv__(self, other: Operand) -> Value:
        return self.graph.op("Div", self._same(other), self)

    def __pow__(self, other: Operand) -> Value:
        return self.graph.op("Pow", self, other)

    def __matmul__(self, other: Operand) -> Value:
        return self.graph.op("MatMul", self, other)

    def __rmatmul__(self, other: Operand) -> Value:
        return self.graph.op("MatMul", self._same(other), self)

    def __neg__(self) -> Value:
        return self.graph.op("Neg", self)

    def __lt__(self, other: Operand) -> Value:
        return self.graph.op("Less", self, other, dtype=bool)

    def __gt__(self, other: Operand) -> Value:
        return self.graph.op("Greater", self, other, dtype=bool)

    def at_least(self, low: Operand) -> Value:
        """The larger of the two, element by element."""
        return self.graph.op("Max", self, low)

    def at_most(self, high: Operand) -> Value:
        """The smaller of the two, element by element."""
        return self.graph.op("Min", self, high)

    def sqrt(self) -> Value:
        return self.graph.op("Sqrt", self)

    def sum(self, axis: int, keep: bool = False) -> Value:
        return self.graph.op("ReduceSum", self, np.array([axis]), keepdims=int(keep))

    def take(self, index: int | list[int] | np.ndarray | Value, axis: int = 0) -> Value:
        """Elements along an axis, as ``numpy.take``."""
        index = index if isinstance(index, Value) else np.asarray(index, np.int64)
        return self.graph.op("Gather", self, index, axis=axis)

    def reshape(self, *shape: int) -> Value:
        return self.graph.op("Reshape", self, np.array(shape, np.int64))

    def transpose(self, *order: int) -> Value:
        return self.graph.op("Transpose", self, perm=list(order))

    def to(self, dtype: type) -> Value:
        """The value in another type."""
        kind = self.graph.type_number(dtype)
        return self if self.dtype == dtype else self.graph.op("Cast", self, dtype=dtype, to=kind)

    def where(self, yes: Value, no: Operand) -> Value:
        """``yes`` where this is true, else ``no``."""
        return self.graph.op("Where", self, yes, yes._same(no), dtype=yes.dtype)

    def _same(self, other: Operand) -> Value:
        return other if isinstance(other, Value) else self.graph.constant(np.asarray(other, self.dtype))


Operand = Value | np.ndarray | float | int


class Graph:
    """A graph under construction.

    Raises:
        NeuralBakeError: the package onnx is missing.
    """

    def __init__(self, name: str) -> None:
        try:
            import onnx
        except ImportError as error:
            raise NeuralBakeError(
                "no_onnx", "This Python has no package onnx, which writes the ONNX model.",
                "Create the engine again, or install onnx.", bad_input=False,
            ) from error  # fmt: skip
        self._onnx = onnx
        self._name = name
        self._nodes: list = []
        self._constants: dict[str, np.ndarray] = {}
        self._inputs: dict[str, tuple] = {}
        self._outputs: dict[str, tuple] = {}
        self._count = 0

    def input(self, name: str, shape: tuple[int, ...], dtype: type = np.float32) -> Value:
        """Add an input of the graph."""
        self._inputs[name] = (dtype, shape)
        return Value(self, name, np.dtype(dtype))

    def output(self, name: str, value: Value, shape: tuple[int, ...]) -> None:
        """Make a value an output of the graph."""
        self._nodes.append(self._onnx.helper.make_node("Identity", [value.name], [name]))
        self._outputs[name] = (value.dtype, shape)

    def op(self, kind: str, *inputs: Operand, dtype: type | None = None, **attributes: object) -> Value:
        """Add an operator with one output.

        Args:
            kind: its ONNX name.
            inputs: values; integer arrays become constants as they are, other numbers in the first value's type.
            dtype: of the output; None for the first input's.
            attributes: as ONNX has them.
        """
        return self.ops(kind, *inputs, dtypes=(dtype,), **attributes)[0]

    def ops(self, kind: str, *inputs: Operand, dtypes: tuple[type | None, ...], **attributes: object) -> list[Value]:
        """Add an operator with several outputs, of the given types; see :meth:`op`."""
        first = next(value for value in inputs if isinstance(value, Value))
        values = [self._operand(value, first) for value in inputs]
        name = self._fresh(kind)
        names = [name, *(f"{name}.{number}" for number in range(1, len(dtypes)))]
        self._nodes.append(self._onnx.helper.make_node(kind, [value.name for value in values], names, **attributes))
        return [
            Value(self, name, np.dtype(dtype or values[0].dtype)) for name, dtype in zip(names, dtypes, strict=True)
        ]

    def constant(self, array: np.ndarray) -> Value:
        """Add a constant in its own type."""
        name = self._fresh("constant")
        array = np.asarray(array)
        self._constants[name] = np.ascontiguousarray(array).reshape(array.shape)
        return Value(self, name, array.dtype)

    def concat(self, *values: Value, axis: int) -> Value:
        return self.op("Concat", *values, axis=axis)

    def body(self, name: str) -> Graph:
        """An empty graph for the body of a Scan or Loop, whose operators may use this graph's values too."""
        return Graph(f"{self._name}/{name}_{len(self._nodes)}")

    def type_number(self, dtype: type) -> int:
        """ONNX's number of a numpy type."""
        return self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))

    def built(self) -> object:
        """The graph as ONNX has it."""
        helper = self._onnx.helper

        def described(values: dict[str, tuple]) -> list:
            return [
                helper.make_tensor_value_info(name, self.type_number(dtype), shape)
                for name, (dtype, shape) in values.items()
            ]

        constants = [self._onnx.numpy_helper.from_array(array, name) for name, array in self._constants.items()]
        sides = described(self._inputs), described(self._outputs)
        return helper.make_graph(self._nodes, self._name, *sides, constants)

    @property
    def shapes(self) -> dict[str, list[int]]:
        """Shapes of inputs and outputs."""
        return {name: list(shape) for name, (_, shape) in {**self._inputs, **self._outputs}.items()}

    def save(self, path: Path, text: str, notes: dict[str, str]) -> int:
        """Check the model and write it, whole or not at all.

        Args:
            text: documentation inside the file.
            notes: metadata inside the file.

        Returns:
            Its size in bytes.

        Raises:
            NeuralBakeError: the model is larger than an ONNX file can be, 2 GB.
        """
        if sum(array.nbytes for array in self._constants.values()) > LARGEST:
            raise NeuralBakeError(
                "too_large", "The model is larger than the 2 GB that an ONNX file can hold.", "Lower width or size."
            )
        helper = self._onnx.helper
        model = helper.make_model(
            self.built(),
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="Neural Bake",
            doc_string=text,
        )
        helper.set_model_props(model, notes)
        self._onnx.checker.check_model(model, full_check=True)
        data = model.SerializeToString()
        partial = Path(path).with_name(Path(path).name + ".partial")
        with open(partial, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
        return len(data)

    def _fresh(self, kind: str) -> str:
        self._count += 1
        return f"{self._name}/{kind}_{self._count}"

    def _operand(self, value: Operand, like: Value) -> Value:
        if isinstance(value, Value):
            return value
        exact = isinstance(value, np.ndarray) and value.dtype.kind in "iub"
        return self.constant(value if exact else np.asarray(value, like.dtype))
