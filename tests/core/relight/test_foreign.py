# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pictures from elsewhere: every form that is read, and every bad input with its sentence."""

from __future__ import annotations

import csv
import json
import struct
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from core import colour, images
from core.errors import NeuralBakeError
from core.relight import foreign, matlab
from core.relight.dataset import RelightData
from core.relight.settings import RelightSettings

HEIGHT, WIDTH, COUNT = 5, 7, 10


def pictures(count: int = COUNT) -> np.ndarray:
    """Different, not symmetric, from 0.01 to 0.99."""
    values = np.arange(count * HEIGHT * WIDTH * 3, dtype=np.float32).reshape(count, HEIGHT, WIDTH, 3)
    return 0.01 + 0.98 * (values % 997) / 997


def directions(count: int = COUNT) -> np.ndarray:
    angle = 2.0 * np.pi * np.arange(count) / count
    return np.stack([0.6 * np.cos(angle), 0.6 * np.sin(angle), np.full(count, 0.8)], axis=1).astype(np.float32)


def write_picture(path: Path, image: np.ndarray) -> None:
    """Write a linear picture in the format of the path's ending."""
    if path.suffix == ".npy":
        np.save(path, image)
    elif path.suffix == ".npz":
        np.savez(path, image=image)
    elif path.suffix == ".png":
        Image.fromarray(colour.display(image, 1.0)).save(path)
    elif path.suffix == ".hdr":
        write_hdr(path, image)
    else:
        images.write_exr(path, image)


def write_hdr(path: Path, image: np.ndarray) -> None:
    """Radiance RGBE without run lengths: three mantissas and the exponent of the largest channel."""
    mantissa, exponent = np.frexp(image.max(axis=2))
    scale = np.where(mantissa > 0.0, mantissa * 256.0 / image.max(axis=2), 0.0)
    pixels = np.concatenate([image * scale[..., None], exponent[..., None] + 128], axis=2).astype(np.uint8)
    head = f"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y {image.shape[0]} +X {image.shape[1]}\n"
    path.write_bytes(head.encode() + pixels.tobytes())


def write_folder(folder: Path, ending: str = ".exr", listed: str = "lights.json", **extra: object) -> Path:
    """A folder of pictures with a list; ``extra`` values go into every row."""
    folder.mkdir()
    rows = []
    for index, (image, light) in enumerate(zip(pictures(), directions(), strict=True)):
        write_picture(folder / f"{index:03d}{ending}", image)
        rows.append({"file": f"{index:03d}{ending}", **dict(zip("xyz", light.tolist(), strict=True)), **extra})
    write_list(folder / listed, rows)
    return folder


def write_list(path: Path, rows: list[dict]) -> None:
    if path.suffix == ".json":
        path.write_text(json.dumps({"lights": rows}))
        return
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def read(path: Path, **settings: object) -> RelightData:
    return foreign.read(path, RelightSettings.from_dict(settings))


def by_light(data: RelightData) -> dict[tuple, np.ndarray]:
    """Every picture by its light, rounded."""
    return {
        tuple(np.round(light, 4).tolist()): image
        for part in (data.train, data.report)
        for light, image in zip(part.lights, part.images, strict=True)
    }


def assert_whole(data: RelightData, scale: object = 1.0, atol: float = 0.0) -> None:
    """Every picture is there, beside its own light."""
    found = by_light(data)
    assert len(found) == COUNT
    for image, light in zip(pictures(), directions(), strict=True):
        np.testing.assert_allclose(found[tuple(np.round(light, 4).tolist())], image / scale, rtol=1e-6, atol=atol)


@pytest.mark.parametrize(
    ("ending", "atol"), [(".exr", 1e-7), (".npy", 1e-7), (".npz", 1e-7), (".hdr", 0.01), (".png", 0.006)]
)
def test_a_folder_of_pictures(tmp_path: Path, ending: str, atol: float) -> None:
    data = read(write_folder(tmp_path / "stage", ending))
    assert_whole(data, atol=atol)
    assert data.train.images.dtype == np.float32 and data.size == (HEIGHT, WIDTH)
    assert data.lamps[0]["light"] == "direction" and data.lamps[0]["type"] == "SUN"
    assert (data.report_b, data.base, data.visibility, data.camera, data.buffers) == (None, None, None, None, {})


def test_a_sixteen_bit_picture_is_linearised(tmp_path: Path) -> None:
    """0.5 encoded is 0.2140 linear; eight bits would be off by up to 0.002."""
    folder = write_folder(tmp_path / "stage", ".png")
    (folder / "000.png").write_bytes(png16(np.full((HEIGHT, WIDTH, 3), 32768, np.uint16)))
    image = foreign.read_picture(folder / "000.png")
    np.testing.assert_allclose(image, 0.2140485, atol=2e-5)


def png16(image: np.ndarray) -> bytes:
    """A PNG of sixteen bits a channel, which Pillow does not write."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    height, width = image.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in image)
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_lights_as_csv_with_power_and_colour(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "stage", listed="lights.csv", power=2.0, r=1.0, g=0.5, b=0.25)
    assert_whole(read(folder), scale=np.array([2.0, 1.0, 0.5]))


def test_lights_as_json_with_power_and_colour(tmp_path: Path) -> None:
    assert_whole(read(write_folder(tmp_path / "stage", power=4.0, color=[1.0, 0.5, 1.0])), scale=np.array([4, 2, 4]))


def test_lights_that_are_not_unit_vectors_are_positions(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", images=pictures(), lights=2.0 * directions())
    lamp = read(tmp_path / "data.npz").lamps[0]
    assert (lamp["type"], lamp["light"]) == ("POINT", "position")
    folder = write_folder(tmp_path / "stage")
    value = json.loads((folder / "lights.json").read_text())
    (folder / "lights.json").write_text(json.dumps({**value, "light": "position"}))
    assert read(folder).lamps[0]["light"] == "position", "the list's own word counts first"


def test_one_file_or_a_folder_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "stage"
    folder.mkdir()
    np.savez(folder / "data.npz", images=pictures(), lights=directions())
    assert_whole(read(folder / "data.npz"))
    assert_whole(read(folder))


def test_whole_numbers_in_an_npz_are_srgb(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", images=colour.display(pictures(), 1.0), lights=directions())
    assert_whole(read(tmp_path / "data.npz"), atol=0.006)


def test_the_split_is_a_fifth_and_the_seed_s(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, images=pictures(50), lights=directions(50))
    data = read(path)
    assert (len(data.train), len(data.report)) == (40, 10) and data.info["notes"] == []
    less = read(path, lights=5)
    assert (len(less.train), len(less.report)) == (5, 10) and "35 pictures were not learned from" in less.info["notes"][
        0
    ]
    np.testing.assert_array_equal(less.report.lights, data.report.lights)
    np.testing.assert_array_equal(less.train.lights, data.train.lights[:5])
    other = read(path, seed=1)
    assert not np.array_equal(other.report.lights, data.report.lights)
    assert not {tuple(light) for light in data.train.lights} & {tuple(light) for light in data.report.lights}


def write_transport(folder: Path, chunks: int = 0, lights: int = 40) -> np.ndarray:
    """The first published system's files; returns the pictures (lights, H, W, 3) that are in them."""
    folder.mkdir()
    truth = np.random.default_rng(0).random((lights, HEIGHT, WIDTH, 3)).astype(np.float32)
    (folder / "size.json").write_text(json.dumps({"width": WIDTH, "height": HEIGHT}))
    for channel, name in enumerate(("Red", "Green", "Blue")):
        path = folder / f"{name}.mat"
        with h5py.File(path, "w", userblock_size=512) as file:
            # MATLAB runs down the columns
            file["LTM"] = truth[..., channel].transpose(0, 2, 1).reshape(lights, -1)
        data = b"MATLAB 7.3 MAT-file".ljust(512) + path.read_bytes()[512:]
        path.write_bytes(data)
        if chunks:
            path.unlink()
            size = -(-len(data) // chunks)
            for number in range(chunks):
                # without leading zeros, so that sorting by name would put 10 before 2
                (folder / f"{name}.mat.{number}").write_bytes(data[number * size : (number + 1) * size])
    return truth


@pytest.mark.parametrize("chunks", [0, 12])
def test_matlab_transport(tmp_path: Path, chunks: int) -> None:
    truth = write_transport(tmp_path / "bull", chunks)
    data = read(tmp_path / "bull")
    assert data.lamps[0]["light"] == "position" and (len(data.train), len(data.report)) == (32, 8)
    for part in (data.train, data.report):
        index = np.round(part.lights[:, 0] * 32 + part.lights[:, 1] * 32 * 32).astype(int)
        np.testing.assert_array_equal(part.images, truth[index])
        np.testing.assert_array_equal(part.lights[:, 2], 0.0)
    assert data.train.lights[:, 1].max() == pytest.approx(1.0 / 32.0), "lights 32 to 39 are the second row"


def test_matlab_pictures_of_the_published_size_need_no_size() -> None:
    assert matlab.WIDTH * matlab.HEIGHT == 322944


def damage_size(folder: Path) -> None:
    write_picture(folder / "003.exr", pictures()[0][:, :-1])


def damage_row(folder: Path) -> None:
    rows = json.loads((folder / "lights.json").read_text())["lights"]
    write_list(folder / "lights.json", rows[:4] + rows[5:])


def damage_file(folder: Path) -> None:
    (folder / "004.exr").unlink()


def damage_nan(folder: Path) -> None:
    image = pictures()[3]
    image[0, :2] = np.nan
    write_picture(folder / "003.exr", image)


def damage_negative(folder: Path) -> None:
    image = pictures()[3]
    image[1, 2, 0] = -0.1
    write_picture(folder / "003.exr", image)


def damage_black(folder: Path) -> None:
    for index in range(COUNT):
        write_picture(folder / f"{index:03d}.exr", np.zeros((HEIGHT, WIDTH, 3), np.float32))


def damage_twins(folder: Path) -> None:
    rows = json.loads((folder / "lights.json").read_text())["lights"]
    rows[7].update({axis: rows[2][axis] for axis in "xyz"})
    write_list(folder / "lights.json", rows)


def damage_single(folder: Path) -> None:
    rows = json.loads((folder / "lights.json").read_text())["lights"]
    for row in rows[1:]:
        (folder / row["file"]).unlink()
    write_list(folder / "lights.json", rows[:1])


def damage_short(folder: Path) -> None:
    data = (folder / "003.exr").read_bytes()
    (folder / "003.exr").write_bytes(data[: len(data) * 2 // 3])


def damage_list(folder: Path) -> None:
    (folder / "lights.json").unlink()


def damage_json(folder: Path) -> None:
    (folder / "lights.json").write_text("{")


def damage_direction(folder: Path) -> None:
    value = {"light": "direction", "lights": json.loads((folder / "lights.json").read_text())["lights"]}
    value["lights"][4]["z"] = 3.0
    (folder / "lights.json").write_text(json.dumps(value))


def damage_number(folder: Path) -> None:
    rows = json.loads((folder / "lights.json").read_text())["lights"]
    rows[1]["x"] = "left"
    write_list(folder / "lights.json", rows)


DAMAGES = {
    damage_size: "003.exr is 6x5 pixels large, but",
    damage_row: "has no row for 004.exr",
    damage_file: "lists 004.exr, which is not in",
    damage_nan: "003.exr is not finite in 2 of 35 pixels",
    damage_negative: "003.exr has negative light in 1 of 35 pixels",
    damage_black: "are black",
    damage_twins: "002.exr and 007.exr have the same light",
    damage_single: "has one light only",
    damage_short: "003.exr is damaged, cut short or no picture",
    damage_list: "neither a dataset nor pictures with a list of lights",
    damage_json: "is no list of lights",
    damage_direction: "The direction of 004.exr has the length",
    damage_number: "light 2 needs file, x, y and z",
}


@pytest.mark.parametrize(("damage", "sentence"), DAMAGES.items(), ids=[function.__name__ for function in DAMAGES])
def test_bad_input_is_one_sentence(tmp_path: Path, damage: object, sentence: str) -> None:
    folder = write_folder(tmp_path / "stage")
    damage(folder)
    with pytest.raises(NeuralBakeError) as caught:
        read(folder)
    assert sentence in caught.value.message and caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


def test_one_black_picture_is_noted(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "stage")
    write_picture(folder / "003.exr", np.zeros((HEIGHT, WIDTH, 3), np.float32))
    assert read(folder).info["notes"] == ["These pictures are black: 003.exr."]


@pytest.mark.parametrize("chunks", [0, 3])
def test_a_corrupt_matlab_file(tmp_path: Path, chunks: int) -> None:
    folder = tmp_path / "bull"
    write_transport(folder, chunks)
    path = folder / ("Green.mat.0" if chunks else "Green.mat")
    path.write_bytes(b"\0" * path.stat().st_size)
    with pytest.raises(NeuralBakeError, match="is damaged|One of the channels"):
        read(folder)


def test_matlab_files_that_are_not_whole(tmp_path: Path) -> None:
    write_transport(tmp_path / "bull", 3)
    (tmp_path / "bull" / "Red.mat.1").unlink()
    with pytest.raises(NeuralBakeError, match="Chunk 1 of Red.mat is missing"):
        read(tmp_path / "bull")
    write_transport(tmp_path / "other")
    (tmp_path / "other" / "Blue.mat").unlink()
    with pytest.raises(NeuralBakeError, match="has no Blue.mat"):
        read(tmp_path / "other")
    write_transport(tmp_path / "sized")
    (tmp_path / "sized" / "size.json").unlink()
    with pytest.raises(NeuralBakeError, match="have 35 pixels, which is not 696 x 464"):
        read(tmp_path / "sized")


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"images": pictures()}, "holds no array lights"),
        ({"images": pictures(), "lights": directions(4)}, "has 10 images, and lights of shape"),
        ({"images": pictures()[0], "lights": directions(4)}, "images must be"),
        ({"images": pictures(), "lights": directions() * np.nan}, "is not finite"),
    ],
)
def test_bad_arrays(tmp_path: Path, arrays: dict, sentence: str) -> None:
    np.savez(tmp_path / "data.npz", **arrays)
    with pytest.raises(NeuralBakeError, match=sentence):
        read(tmp_path / "data.npz")


def test_an_npz_that_is_cut_short(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", images=pictures(), lights=directions())
    data = (tmp_path / "data.npz").read_bytes()
    (tmp_path / "data.npz").write_bytes(data[:-100])
    with pytest.raises(NeuralBakeError, match="is damaged"):
        read(tmp_path / "data.npz")


@pytest.mark.parametrize("damage", [b"\xff", b"\x00"])
def test_a_compressed_npz_that_is_damaged(tmp_path: Path, damage: bytes) -> None:
    np.savez_compressed(tmp_path / "data.npz", images=pictures(), lights=directions())
    data = bytearray((tmp_path / "data.npz").read_bytes())
    data[200:400] = 200 * damage
    (tmp_path / "data.npz").write_bytes(data)
    with pytest.raises(NeuralBakeError, match="is damaged"):
        read(tmp_path / "data.npz")


def test_objects_in_an_npz_are_never_run(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", images=np.array([{}], object), lights=directions(1))
    with pytest.raises(NeuralBakeError, match="is damaged"):
        read(tmp_path / "data.npz")


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NeuralBakeError, match="There is no folder"):
        read(tmp_path / "none")
