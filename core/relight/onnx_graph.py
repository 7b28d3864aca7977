# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writing an ONNX graph node by node, and saving it as one file."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ..errors import NeuralBakeError

OPSET = 17
IR_VERSION = 8
"""Both of 2022 (ONNX 1.12): old enough for every runtime of today, new enough for all that is needed."""
LARGEST = 2**31 - 2**20


class Graph:
    """A graph under construction; every value is known by its name.

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
        self._count = 0

    def op(self, kind: str, *inputs: str, outputs: int = 1, name_as: str | None = None, **attributes: object) -> str:
        """Add an operator.

        Args:
            kind: its ONNX name.
            inputs: names of values.
            outputs: how many it has; their names are ``NAME``, ``NAME.1`` and so on.
            name_as: name of its output, for outputs of the graph.
            attributes: as ONNX has them.

        Returns:
            The name of its (first) output.
        """
        name = name_as or self._fresh(kind)
        names = [name, *(f"{name}.{number}" for number in range(1, outputs))]
        self._nodes.append(self._onnx.helper.make_node(kind, list(inputs), names, **attributes))
        return name

    def constant(self, array: np.ndarray | float | int | list) -> str:
        """Add a constant in its own type; numbers of Python become float32 and int64."""
        array = np.asarray(array)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        return self.exact(array)

    def exact(self, array: np.ndarray) -> str:
        """Add a constant in its own type, float64 too."""
        name = self._fresh("constant")
        self._constants[name] = np.ascontiguousarray(array).reshape(np.shape(array))
        return name

    def cast(self, value: str, dtype: type) -> str:
        """``value`` as another numpy type."""
        return self.op("Cast", value, to=self._type(dtype))

    def body(self, name: str) -> Graph:
        """An empty graph for the body of a Scan or Loop; :meth:`built` makes the attribute of it."""
        return Graph(name)

    def built(self, inputs: dict[str, tuple], outputs: dict[str, tuple]) -> object:
        """The graph as ONNX has it; inputs and outputs are {name: (numpy type, shape)}."""
        helper = self._onnx.helper

        def described(values: dict[str, tuple]) -> list:
            return [
                helper.make_tensor_value_info(key, self._type(kind), shape) for key, (kind, shape) in values.items()
            ]

        constants = [self._onnx.numpy_helper.from_array(array, key) for key, array in self._constants.items()]
        return helper.make_graph(self._nodes, self._name, described(inputs), described(outputs), constants)

    def save(
        self, path: Path, inputs: dict[str, tuple], outputs: dict[str, tuple], text: str, notes: dict[str, str]
    ) -> int:
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
            self.built(inputs, outputs),
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

    def _type(self, dtype: type) -> int:
        return self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
