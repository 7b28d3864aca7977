# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The light grid's dataset as arrays: sample sets, probes, and the view for the preview."""

from __future__ import annotations

import dataclasses
import typing
from pathlib import Path

import numpy as np

from .. import tensorfile
from ..dataset import Dataset, open_dataset
from ..errors import NeuralBakeError
from . import light_sets
from .grid import Grid
from .settings import LightGridSettings

KIND = "light_grid"


@dataclasses.dataclass(frozen=True)
class Samples:
    """Points with measured irradiance.

    Attributes:
        positions, normals: (N, 3) float32.
        stored: (N, 3) irradiance in W/m^2 of the light that the grid stores, indirect or total.
        total: (N, 3) direct plus indirect; None where direct light was not measured.
        indirect: (N, 3) what has bounced at least once.
        sets: (N, G, 3) what is stored of each light set, as it was measured; None without light sets.
    """

    positions: np.ndarray
    normals: np.ndarray
    stored: np.ndarray
    total: np.ndarray | None
    indirect: np.ndarray
    sets: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.positions)

    def at(self, rows: np.ndarray) -> Samples:
        """Those points that ``rows``, indices or bool (N,), picks."""
        arrays = (getattr(self, field.name) for field in dataclasses.fields(self))
        return Samples(*(None if array is None else array[rows] for array in arrays))


@dataclasses.dataclass(frozen=True)
class Probes:
    """All grids' probes after each other, as the capture measured them.

    Attributes:
        directions: (D, 3) irradiance normals shared by all probes.
        irradiance: (P, D, 3) in W/m^2.
        sets: (P, D, G, 3) the same of each light set, as it was measured; None without light sets.
        valid, reached: (P,) bool, outside geometry, and in space that can be reached.
        ray_directions: (R, 3), ray_distances: (P, R), negative where a back face was hit.
    """

    directions: np.ndarray
    irradiance: np.ndarray
    valid: np.ndarray
    reached: np.ndarray
    ray_directions: np.ndarray
    ray_distances: np.ndarray
    sets: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class View:
    """What the scene's camera sees: (M,) flat pixel indices of (height, width), points (M, 3), and samples there.

    ``samples`` is None where a light was not measured there since it changed.
    """

    width: int
    height: int
    pixels: np.ndarray
    positions: np.ndarray
    normals: np.ndarray
    samples: Samples | None = None


class LightGridDataset:
    """An opened dataset; sets are read from their shards when asked for.

    Attributes:
        settings: what it was captured with.
        grids: each volume's grid, and where its probes stand among all.
        light_sets: lights that were measured apart; none where all were measured together.
        keys: of each light set, equal where a light stands as it did.
        updated: whether something was measured for an update, which leaves out report points and the view.
        plan: what was to be measured, where.
    """

    def __init__(self, dataset: Dataset, light: str) -> None:
        self.dataset = dataset
        self.info = dataset.info
        self.light = light
        self.plan = plan_of(dataset)
        try:
            self.settings = LightGridSettings.from_dict(dict(self.info["settings"]))
            self.grids = [
                (
                    Grid(np.array(entry["matrix"], np.float64), tuple(int(n) for n in entry["resolution"])),
                    slice(int(entry["probe_first"]), int(entry["probe_first"]) + int(np.prod(entry["resolution"]))),
                )
                for entry in self.info["grids"]
            ]
            self.names = [str(entry["name"]) for entry in self.info["grids"]]
            if not self.grids:
                raise ValueError("no grid")
            self.light_sets = light_sets.parse(self.info.get("light_sets", ()))
            self.keys = [str(entry["key"]) for entry in self.info.get("light_sets", ())]
            self.updated = "again" in self.info or any(
                entry.get("updated") for entry in self.info.get("light_sets", ())
            )
        except (KeyError, TypeError, ValueError) as error:
            raise NeuralBakeError(
                "corrupt_file", f"{dataset.directory} does not describe its settings and grids.", "Bake again."
            ) from error

    def samples(self, name: str, points: str | None = None) -> Samples:
        """One measured set; ``points`` names the plan's points where they are called otherwise (report halves).

        Raises:
            NeuralBakeError: see :meth:`core.dataset.Dataset.measured`; or the set holds no points.
        """
        plan, points = self.plan, points or name
        positions, normals = (plan.get(f"{points}_{part}") for part in ("positions", "normals"))
        if positions is None or normals is None:
            raise self._incomplete(name)
        stored, total, indirect, sets = self._measured(name, len(positions))
        result = Samples(positions, normals, stored, total, indirect, sets)
        return result.at(plan[f"{points}_live"].astype(bool)) if f"{points}_live" in plan else result

    def size(self, points: str) -> int:
        """Number of a set's points that count."""
        return int(self.plan.get(f"{points}_live", np.ones(len(self.plan[f"{points}_positions"]))).sum())

    def probes(self) -> Probes:
        """Positions are the grids' own; see :class:`Probes`."""
        plan = self.plan
        needed = ("probe_directions", "probe_valid", "probe_reached", "ray_directions", "probe_distances")
        if not all(name in plan for name in needed):
            raise self._incomplete("probe")
        directions = plan["probe_directions"]
        count = sum(grid.count for grid, _ in self.grids)
        stored, _, _, sets = self._measured("probe", count * len(directions))
        return Probes(
            directions,
            stored.reshape(count, -1, 3),
            plan["probe_valid"].astype(bool),
            plan["probe_reached"].astype(bool),
            plan["ray_directions"],
            plan["probe_distances"],
            None if sets is None else sets.reshape(count, len(directions), -1, 3),
        )

    def train_sight(self) -> np.ndarray | None:
        """Which corners of its cell each training point sees in each grid: (N, G) uint8, corner k in bit k. None where
        the capture did not say.

        Raises:
            NeuralBakeError: the sizes do not match.
        """
        bits = self.plan.get("train_sight")
        if bits is not None and bits.shape != (len(self.plan["train_positions"]), len(self.grids)):
            raise self._incomplete("train")
        return bits if bits is None or "train_live" not in self.plan else bits[self.plan["train_live"].astype(bool)]

    def view(self) -> View | None:
        """The camera's view, or None where the scene has no camera or no preview was asked for."""
        camera = self.info.get("camera")
        if not camera or not len(self.plan.get("view_pixels", ())):
            return None
        arrays = (self.plan[f"view_{name}"] for name in ("pixels", "positions", "normals"))
        samples = None if self.updated else self.samples("view")
        return View(int(camera["width"]), int(camera["height"]), *arrays, samples)

    def of_lights(self, which: typing.Sequence[int]) -> LightGridDataset:
        """The same with those of its light sets alone."""
        entries = [self.info["light_sets"][index] for index in which]
        info = {**self.info, "light_sets": entries}
        return LightGridDataset(dataclasses.replace(self.dataset, info=info), self.light)

    def _measured(self, name: str, count: int) -> tuple[np.ndarray, np.ndarray | None, np.ndarray, np.ndarray | None]:
        """``stored``, ``total``, ``indirect`` and ``sets`` of :class:`Samples` of one set of ``count`` points."""
        parts = [self._latest(name, key) for key in self.keys] or [self.dataset.measured(name)]
        is_total = self.light != "indirect"
        has_direct = is_total or all("direct" in part for part in parts)
        names = ("direct", "indirect") if has_direct else ("indirect",)
        if any(part.get(key, np.empty(0)).shape != (count, 3) for part in parts for key in names):
            raise self._incomplete(name)
        factors = [one.factor for one in self.light_sets] or [np.ones(3, np.float32)]
        light = {key: sum(one * part[key] for one, part in zip(factors, parts, strict=True)) for key in names}
        indirect = light["indirect"]
        total = light["direct"] + indirect if has_direct else None
        sets = None
        if self.light_sets:
            sets = np.stack([part["direct"] + part["indirect"] if is_total else part["indirect"] for part in parts], 1)
        return (total if is_total else indirect), total, indirect, sets

    def _latest(self, name: str, key: str) -> dict[str, np.ndarray]:
        """One set in one light, with what updates measured again in its place."""
        result = self.dataset.measured(f"{name}@{key}")
        for number in range(1, self.info.get("again", {}).get("count", 0) + 1):
            rows = self.plan.get(f"{name}_rows_{number}", ())
            if not len(rows) or not result:
                continue
            again = self.dataset.measured(f"{name}+{number}@{key}")
            directions = len(self.plan["probe_directions"]) if name == "probe" else 1
            rows = (rows[:, None].astype(np.int64) * directions + np.arange(directions)).ravel()
            result = {part: values for part, values in result.items() if part in again}
            if not result or any(again[part].shape != (len(rows), 3) for part in result):
                raise self._incomplete(name)
            for part, values in result.items():
                values[rows] = again[part]
        return result

    def _incomplete(self, name: str) -> NeuralBakeError:
        return NeuralBakeError(
            "corrupt_file", f"{self.dataset.directory} has no complete set {name}.", "Bake again with --resume."
        )


def plan_of(dataset: Dataset) -> dict[str, np.ndarray]:
    """The plan's arrays, with those that an update after a change of geometry has put in their place.

    Raises:
        NeuralBakeError: these are missing or damaged.
    """
    if "again" not in dataset.info:
        return dataset.plan
    return dataset.plan | tensorfile.read(dataset.directory / Path(str(dataset.info["again"]["file"])).name)[0]


def load_dataset(directory: Path, light: str) -> LightGridDataset:
    """Open a light grid's dataset folder; ``light`` is ``indirect`` or ``total``."""
    return LightGridDataset(open_dataset(directory, KIND), light)
