# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tensor files against the safetensors package, and against damage of every kind."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.numpy

from core import tensorfile
from core.errors import NeuralBakeError


def sample() -> dict[str, np.ndarray]:
    """Every type, and every odd shape: none, one number, nothing in it, not contiguous."""
    generator = np.random.default_rng(1)
    arrays = {name: np.arange(6).reshape(2, 3).astype(dtype) for name, dtype in tensorfile.DTYPES.items()}
    return {
        **arrays,
        "scalar": np.array(2.5, np.float32),
        "one": np.array([7], np.int16),
        "empty": np.zeros((0, 3), np.float64),
        "transposed": generator.normal(size=(4, 5)).T,
        "strided": np.arange(20, dtype=np.int32)[::3],
        "Ünïcödé/weights.0": np.array([np.nan, np.inf, -0.0]),
    }


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert set(found) == set(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype, name
        assert found[name].shape == array.shape, name
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def with_header(header: object, body: bytes = b"", length: int | None = None) -> bytes:
    """A file of any header (a str stands as it is), without a checksum."""
    text = header.encode() if isinstance(header, str) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + body


def entry(shape: object, start: object, end: object, dtype: object = "F32") -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def assert_refused(data: bytes) -> NeuralBakeError:
    with pytest.raises(NeuralBakeError) as caught:
        tensorfile.decode(data, "weights.safetensors")
    assert "weights.safetensors" in caught.value.message
    assert caught.value.exit_code == 2
    return caught.value


def test_round_trip() -> None:
    arrays, metadata = tensorfile.decode(tensorfile.encode(sample(), {"scene": "Küche"}))
    assert_same(arrays, sample())
    assert metadata["scene"] == "Küche"


def test_the_package_reads_ours() -> None:
    assert_same(safetensors.numpy.load(tensorfile.encode(sample(), {"a": "b"})), sample())


def test_we_read_the_package() -> None:
    # The package copies memory as it lies, so it takes contiguous arrays only.
    contiguous = {name: np.array(array, order="C") for name, array in sample().items()}
    arrays, metadata = tensorfile.decode(safetensors.numpy.save(contiguous, {"format": "np"}))
    assert_same(arrays, sample())
    assert metadata == {"format": "np"}


def test_the_package_reads_our_metadata(tmp_path: Path) -> None:
    tensorfile.write(tmp_path / "a.safetensors", sample(), {"set": "train"})
    with safetensors.safe_open(tmp_path / "a.safetensors", "np") as file:
        assert file.metadata()["set"] == "train"


def test_no_tensor_at_all() -> None:
    assert tensorfile.decode(tensorfile.encode({}))[0] == {}
    assert tensorfile.decode(safetensors.numpy.save({}))[0] == {}
    assert safetensors.numpy.load(tensorfile.encode({})) == {}


def test_bytes_do_not_depend_on_the_order_of_names() -> None:
    arrays = sample()
    assert tensorfile.encode(arrays) == tensorfile.encode(dict(reversed(arrays.items())))


def test_checksum_is_that_of_the_data() -> None:
    data = tensorfile.encode({"a": np.arange(3, dtype=np.int32)})
    digest = hashlib.sha256(np.arange(3, dtype="<i4").tobytes()).hexdigest()
    assert tensorfile.decode(data)[1] == {"sha256": digest}


@pytest.mark.parametrize("array", [np.zeros(2, np.complex64), np.zeros(2, ">f4"), np.array(["text"])])
def test_types_without_a_name_are_refused(array: np.ndarray) -> None:
    with pytest.raises(TypeError, match="odd"):
        tensorfile.encode({"odd": array})


def test_truncation_anywhere() -> None:
    arrays = {"a": np.arange(5, dtype=np.float32), "b": np.zeros((0, 2), np.int8), "c": np.array([1, 2], np.uint8)}
    for data in (tensorfile.encode(arrays), safetensors.numpy.save(arrays)):
        tensorfile.decode(data)
        for length in range(len(data)):
            assert_refused(data[:length])


def test_more_than_the_tensors() -> None:
    for data in (tensorfile.encode(sample()), safetensors.numpy.save({"a": np.zeros(3)})):
        assert_refused(data + b"\0")


def test_a_flipped_bit_of_the_data() -> None:
    data = tensorfile.encode({"a": np.arange(8, dtype=np.float32), "b": np.arange(9, dtype=np.uint8)})
    start = len(data) - 8 * 4 - 9
    for position in range(start, len(data)):
        changed = bytearray(data)
        changed[position] ^= 0x10
        assert "checksum" in assert_refused(bytes(changed)).message


@pytest.mark.parametrize("mask", [0x01, 0x02, 0x10, 0x80, 0xFF])
def test_a_flipped_bit_of_the_header(mask: int) -> None:
    """It may change a name; whatever it does, nothing but our error comes out."""
    data = tensorfile.encode({"a": np.arange(8, dtype=np.float32), "b": np.zeros((2, 1), np.int8)}, {"key": "value"})
    refused = 0
    for position in range(len(data) - 34):
        changed = bytearray(data)
        changed[position] ^= mask
        try:
            tensorfile.decode(bytes(changed))
        except NeuralBakeError:
            refused += 1
    assert refused > 100


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 7,
        b"\0" * 8,
        b"not a tensor file at all",
        with_header({}, length=2**64 - 1),
        with_header({}, length=2**40),
        with_header({}, length=3),
        with_header("{"),
        with_header("[]"),
        with_header("null"),
        with_header("7"),
        with_header('"text"'),
        with_header("\ud800".encode("utf-8", "surrogatepass").decode("latin-1")),
        with_header("[" * 200_000),
        with_header('{"a":' * 200_000),
        with_header({"__metadata__": [1, 2]}),
        with_header({"__metadata__": None}),
        with_header({"__metadata__": 3}),
        with_header({"a": None}),
        with_header({"a": {}}),
        with_header({"a": [1]}),
        with_header({"a": {"dtype": "F32", "shape": [1]}}, b"1234"),
    ],
    ids=lambda data: ascii(data[:24]),
)
def test_hostile_files(data: bytes) -> None:
    assert_refused(data)


@pytest.mark.parametrize(
    "tensor",
    [
        entry([1], 0, 8),
        entry([3], 0, 8),
        entry([2], 8, 16),
        entry([2], -8, 0),
        entry([2], 8, 0),
        entry([-2], 0, 8),
        entry([-1, -2], 0, 8),
        entry([2], 0, 2**70),
        entry([2**70], 0, 8),
        entry([2**62, 4], 0, 0),
        entry([2**32, 2**32], 0, 0),
        entry([2**63, 2], 0, 0),
        entry([float("inf")], 0, 8),
        entry([float("nan")], 0, 8),
        entry([2], 0, float("inf")),
        entry(["x"], 0, 8),
        entry(2, 0, 8),
        entry(None, 0, 8),
        entry([[2]], 0, 8),
        entry([2], 0, None),
        entry([2], 0, 8, "F31"),
        entry([2], 0, 8, None),
        entry([2], 0, 8, ["F32"]),
        entry([1] * 100, 0, 4),
        entry([2**70, 0], 0, 0),
        entry([1.5], 0, 4),
    ],
    ids=lambda tensor: str(tensor)[:60],
)
def test_hostile_tensors(tensor: dict) -> None:
    assert_refused(with_header({"a": tensor}, b"12345678"))


@pytest.mark.parametrize(
    "header",
    [
        {"a": entry([2], 0, 8), "b": entry([2], 0, 8)},
        {"a": entry([2], 0, 8), "b": entry([1], 4, 8)},
        {"a": entry([1], 0, 4)},
        {"a": entry([1], 4, 8)},
        {"a": entry([1], 0, 4), "b": entry([1], 8, 12)},
        {},
    ],
    ids=["twice", "overlapping", "rest", "hole first", "hole between", "nothing"],
)
def test_tensors_must_cover_the_data_once(header: dict) -> None:
    """As the package demands it: what two tensors share, or none has, was not written by a sane writer."""
    body = b"x" * max([8, *(tensor["data_offsets"][1] for tensor in header.values())])
    with pytest.raises(safetensors.SafetensorError):
        safetensors.numpy.load(with_header(header, body))
    assert_refused(with_header(header, body))


def test_write_is_whole_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "plan.safetensors"
    tensorfile.write(path, {"a": np.arange(3)})
    assert_same(tensorfile.read(path)[0], {"a": np.arange(3)})
    assert [file.name for file in tmp_path.iterdir()] == ["plan.safetensors"]


def test_a_failed_write_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "plan.safetensors"
    tensorfile.write(path, {"a": np.arange(3)})
    with pytest.raises(TypeError):
        tensorfile.write(path, {"a": np.zeros(2, np.complex64)})
    assert [file.name for file in tmp_path.iterdir()] == ["plan.safetensors"]
    assert_same(tensorfile.read(path)[0], {"a": np.arange(3)})


def test_what_a_killed_write_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "plan.safetensors"
    (tmp_path / "plan.safetensors.partial").write_bytes(b"half")
    tensorfile.write(path, {"a": np.arange(3)})
    assert [file.name for file in tmp_path.iterdir()] == ["plan.safetensors"]
