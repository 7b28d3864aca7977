# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Between a relit view and the artifact's tensors: what ``weights.safetensors`` holds, and back.

For lamp i, beside what the whole view shares:

=====================================  =================================================================================
``view.pixels``                        bits (zlib), one a pixel: which are lit at all
``view.normal``, ``.position``         (3, P) float16 and float32, where known
``view.base``                          (H, W, 3) float16
``i.lights``, ``i.aims``               (N, 3) float32
``i.luma``, ``i.chroma``               (K, P), (C, 2, P) int8, times ``i.luma_scale`` (K,) and ``i.chroma_scale`` (C,)
``i.luma_table``, ``i.chroma_table``   (N, K), (N, C) float32
``i.tint``, ``i.ambient``              (3, P) float16
``i.coefficients``                     (J, 3, P) float16, over ``i.coefficient_scale`` (J,)
``i.roughness``                        (P,) uint8, times 1/255
``i.shadows``, ``i.shadow_lights``     see :func:`core.relight.visibility.pack`; (M, 3) float32
``i.dense.*``                          the dense network instead of all that
=====================================  =================================================================================

The rest is JSON in the file's metadata.
"""

from __future__ import annotations

import json
import zlib

import numpy as np

from .. import tensorfile
from ..errors import NeuralBakeError
from . import shading
from .baselines import RIVALS
from .dense import DenseModel
from .evaluation import Relight, mean_spacing
from .interpolation import KERNELS
from .model import Residual, Transport
from .visibility import ShadowTable, pack, unpack

FORMAT = "neural_bake.relight/1"
LARGEST_SIDE = 16_384


def encode(relight: Relight) -> bytes:
    """The bytes of ``weights.safetensors``; rounded to what :func:`decode` gives back."""
    mask = np.zeros(relight.width * relight.height, bool)
    mask[relight.pixels] = True
    tensors: dict[str, np.ndarray] = {"view.pixels": _squeeze(np.packbits(mask))}
    if relight.base is not None:
        tensors["view.base"] = relight.base.astype(np.float16)
    described = {
        "width": relight.width,
        "height": relight.height,
        "camera": relight.camera,
        "lamps": list(relight.lamps),
        "transports": [],
    }
    for index, transport in enumerate(relight.transports):
        tensors[f"{index}.lights"] = relight.domains[index].astype(np.float32)
        if isinstance(transport, DenseModel):
            tensors |= transport.tensors(f"{index}.dense")
            described["transports"].append({"method": "dense"})
            continue
        if transport.surface is not None:
            for name in ("normal", "position"):
                array = getattr(transport.surface, name)
                if array is not None:  # the same for every lamp
                    tensors[f"view.{name}"] = array.astype(np.float16 if name == "normal" else np.float32)
        described["transports"].append(_encode_transport(transport, f"{index}.", tensors))
    return tensorfile.encode(tensors, {"format": FORMAT, "relight": json.dumps(described, allow_nan=False)})


def _encode_transport(transport: Transport, prefix: str, tensors: dict[str, np.ndarray]) -> dict:
    """Put a transport's arrays among ``tensors``; returns what is no array."""
    residual, shadows = transport.residual, transport.shadows
    tensors[prefix + "aims"] = transport.aims.astype(np.float32)
    for name in ("luma", "chroma"):
        codes, scale = quantise(getattr(residual, name))
        tensors[prefix + name], tensors[f"{prefix}{name}_scale"] = codes, scale
        tensors[f"{prefix}{name}_table"] = getattr(residual, f"{name}_table").astype(np.float32)
    tensors[prefix + "tint"] = transport.tint.astype(np.float16)
    if transport.ambient is not None:
        tensors[prefix + "ambient"] = transport.ambient.astype(np.float32)
    if len(transport.coefficients):
        scale = np.abs(transport.coefficients).max(axis=(1, 2)).astype(np.float32)
        scale[scale == 0.0] = 1.0
        tensors[prefix + "coefficients"] = (transport.coefficients / scale[:, None, None]).astype(np.float16)
        tensors[prefix + "coefficient_scale"] = scale
    if transport.roughness is not None:
        tensors[prefix + "roughness"] = np.rint(transport.roughness * 255.0).astype(np.uint8)
    if shadows is not None:
        tensors[prefix + "shadow_lights"] = shadows.lights.astype(np.float32)
        tensors[prefix + "shadows"] = pack(shadows.values)
    return {
        "method": transport.method,
        "kernel": transport.kernel,
        "smoothing": transport.smoothing,
        "root": transport.root,
        "neighbours": None if shadows is None else shadows.count,
        "steepness": None if shadows is None else shadows.steepness,
    }


def decode(data: bytes, manifest: dict, source: str) -> Relight:
    """The relit view of ``weights.safetensors`` bytes; ``source`` names them in errors.

    Raises:
        NeuralBakeError: damaged data, another format, shapes that do not match, or values that are not finite.
    """
    tensors, metadata = tensorfile.decode(data, source)
    try:
        if metadata["format"] != FORMAT:
            raise NeuralBakeError(
                "schema", f"{source} has the format {metadata['format']}; this version reads {FORMAT}."
            )
        return _decode(tensors, json.loads(metadata["relight"]), manifest, source)
    except (KeyError, ValueError, TypeError, AttributeError, zlib.error, RecursionError) as error:
        raise NeuralBakeError("corrupt_file", f"{source} is damaged ({error}).", "Restore it or bake again.") from error


def _decode(tensors: dict[str, np.ndarray], described: dict, manifest: dict, source: str) -> Relight:
    for name, array in tensors.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"{name} is not finite")
    width, height = int(described["width"]), int(described["height"])
    lamps = tuple(dict(lamp) for lamp in described["lamps"])
    if not (0 < width <= LARGEST_SIDE and 0 < height <= LARGEST_SIDE) or not lamps:
        raise ValueError(f"{len(lamps)} lamps in {width} x {height} pixels")
    if len(described["transports"]) != len(lamps):
        raise ValueError("lamps and transports differ in number")
    bits = np.unpackbits(_unsqueeze(tensors["view.pixels"], -(-width * height // 8)), count=width * height)
    pixels = np.flatnonzero(bits)
    camera = None if described["camera"] is None else dict(described["camera"])
    base = tensors.get("view.base")
    if base is not None:
        base = _shaped(tensors, "view.base", (height, width, 3)).astype(np.float32)
    surface = None
    if "view.normal" in tensors:
        normal = _shaped(tensors, "view.normal", (3, len(pixels))).astype(np.float32)
        position = view = None
        if "view.position" in tensors:
            position = _shaped(tensors, "view.position", (3, len(pixels))).astype(np.float32)
            view = towards(camera, position)
        surface = shading.Surface(normal, position, view)
    transports: list[Transport | DenseModel] = []
    domains = tuple(tensors[f"{index}.lights"].astype(np.float64) for index in range(len(lamps)))
    for index, (entry, lamp, lights) in enumerate(zip(described["transports"], lamps, domains, strict=True)):
        if lights.ndim != 2 or lights.shape[1] != 3 or not len(lights):
            raise ValueError(f"the lights of lamp {index} have the shape {lights.shape}")
        if lamp["light"] not in ("position", "direction", "rotation"):
            raise ValueError(f"lamp {index} is given as {lamp['light']}")
        if entry["method"] == "dense":
            model = DenseModel.from_tensors(tensors, f"{index}.dense", source)
            if model.mean.shape != (height, width, 3):
                raise ValueError("the dense network has another size")
            transports.append(model)
        else:
            transports.append(
                _decode_transport(tensors, f"{index}.", entry, lamp, lights, surface, len(pixels), source)
            )
    spacing = tuple(mean_spacing(lights) for lights in domains)
    return Relight(
        tuple(transports), lamps, width, height, camera, pixels, base, spacing, domains, manifest.get("metrics", {})
    )


def _decode_transport(
    tensors: dict[str, np.ndarray],
    prefix: str,
    entry: dict,
    lamp: dict,
    lights: np.ndarray,
    surface: shading.Surface | None,
    count: int,
    source: str,
) -> Transport:
    """One lamp's transport of ``count`` pixels."""
    method, kernel, smoothing = entry["method"], entry["kernel"], float(entry["smoothing"])
    if method not in ("ours", *RIVALS) or kernel not in KERNELS or not 0.0 <= smoothing < 1e6:
        raise ValueError(f"unknown method {method}, {kernel}, {smoothing}")
    parts = {}
    for name, inner in (("luma", (count,)), ("chroma", (2, count))):
        codes = tensors[prefix + name]
        _shaped(tensors, prefix + name, (len(codes), *inner))
        scale = _shaped(tensors, f"{prefix}{name}_scale", (len(codes),))
        parts[name] = codes.astype(np.float32) * scale.reshape(-1, *[1] * len(inner))
        table = _shaped(tensors, f"{prefix}{name}_table", (len(lights), len(codes)))
        parts[f"{name}_table"] = table.astype(np.float64)
    roughness = None
    if prefix + "roughness" in tensors:
        roughness = _shaped(tensors, prefix + "roughness", (count,)).astype(np.float32) / np.float32(255.0)
    coefficients = np.zeros((0, 3, count), np.float32)
    if prefix + "coefficients" in tensors:
        lobes = 1 if roughness is None else 3
        coefficients = _shaped(tensors, prefix + "coefficients", (lobes, 3, count)).astype(np.float32)
        coefficients *= _shaped(tensors, prefix + "coefficient_scale", (lobes,))[:, None, None]
        if surface is None or (roughness is not None and surface.view is None):
            raise ValueError("direct light without a surface")
    ambient = None
    if entry["root"]:
        ambient = _shaped(tensors, prefix + "ambient", (3, count)).astype(np.float32)
    shadows = None
    if prefix + "shadows" in tensors:
        places = tensors[prefix + "shadow_lights"]
        _shaped(tensors, prefix + "shadow_lights", (len(places), 3))
        values = unpack(tensors[prefix + "shadows"], (len(places), count), source)
        shadows = ShadowTable(places, values, int(entry["neighbours"]), float(entry["steepness"]))
        if not len(places) or shadows.count < 1 or not np.isfinite(shadows.steepness):
            raise ValueError("its shadows have no place")
    return Transport(
        lamp=lamp,
        lights=lights,
        aims=_shaped(tensors, prefix + "aims", lights.shape).astype(np.float64),
        method=method,
        kernel=kernel,
        smoothing=smoothing,
        root=bool(entry["root"]),
        surface=surface if len(coefficients) else None,
        roughness=roughness,
        coefficients=coefficients,
        ambient=ambient,
        tint=_shaped(tensors, prefix + "tint", (3, count)).astype(np.float32),
        residual=Residual.of(**parts),
        shadows=shadows,
    )


def towards(camera: dict | None, position: np.ndarray) -> np.ndarray | None:
    """Unit directions (3, P) from positions (3, P) to the camera; None without one."""
    if camera is None:
        return None
    offset = np.asarray(camera["position"], np.float32)[:, None] - position
    return offset / (np.sqrt(shading.dot(offset, offset)) + np.float32(1e-12))


def quantise(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int8 codes and float32 scales (K,) of arrays (K, ...)."""
    largest = np.abs(values).reshape(len(values), -1).max(axis=1) if values.size else np.zeros(len(values))
    scale = (np.where(largest > 0.0, largest, 1.0) / 127.0).astype(np.float32)
    codes = np.rint(values / scale.reshape(-1, *[1] * (values.ndim - 1)))
    return np.clip(codes, -127, 127).astype(np.int8), scale


def _shaped(tensors: dict[str, np.ndarray], name: str, shape: tuple[int, ...]) -> np.ndarray:
    if tensors[name].shape != shape:
        raise ValueError(f"{name} has the shape {tensors[name].shape}, not {shape}")
    return tensors[name]


def _squeeze(bits: np.ndarray) -> np.ndarray:
    return np.frombuffer(zlib.compress(bits.tobytes(), 6), np.uint8)


def _unsqueeze(data: np.ndarray, size: int) -> np.ndarray:
    found = zlib.decompressobj().decompress(data.tobytes(), size + 1)
    if len(found) != size:
        raise ValueError("the mask has another size")
    return np.frombuffer(found, np.uint8)
