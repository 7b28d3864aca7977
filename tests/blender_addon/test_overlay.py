# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The probe overlay: what is shown of a scene, and how it is drawn."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import support

START = """
from extension import *
import numpy as np
enable()
overlay, overlay_shader, volumes = module("overlay"), module("overlay_shader"), module("volumes")
Grid, BakedGrid = module("core.light_grid.grid").Grid, module("core.light_grid.evaluation").BakedGrid
"""


def test_what_is_shown_of_a_scene(blender: tuple[str, Path], user: Path, baked_pair: tuple[Path, Path]) -> None:
    """Baked probes where they were baked, coming ones where a bake would put others; and nothing raises."""
    code = """
scene_file, directory = sys.argv[1:3]
found = {}
bpy.ops.wm.open_mainfile(filepath=scene_file)
scene, layer = bpy.context.scene, bpy.context.view_layer
def shown():
    layer.update()
    state = {}
    for obj, group in overlay.collect(scene, layer):
        state[obj.name] = ["coming" if probes.light() is None else "lit" for probes in group]
    return state
def keys():
    return [probes.key for _, group in overlay.collect(scene, layer) for probes in group]
one, two = scene.objects["Volume"], scene.objects["Volume.001"]
found["unbaked"] = shown()
scene.neural_bake.light_grid.use_spacing = True
scene.neural_bake.light_grid.spacing = 0.0  # no bake accepts that
found["bad settings"] = shown()
scene.neural_bake.light_grid.use_spacing = False
assert bpy.ops.neural_bake.load_result(directory=directory) == {'FINISHED'}
found["baked"] = shown()
first = keys()
assert len(set(first)) == 2 and keys() == first  # nothing to make again
exposure = overlay.scene_exposure([probes for _, group in overlay.collect(scene, layer) for probes in group])
found["exposure"] = exposure > 0.0
grids = {obj.name: group[0] for obj, group in overlay.collect(scene, layer)}
for obj in (one, two):
    group = grids[obj.name]
    numbers = overlay.texels([(group.grid, group.light())])
    assert np.allclose(numbers[:, 0, :3], volumes.world_positions(obj, scene), atol=1e-5)
copy = two.copy()
scene.collection.objects.link(copy)
found["copy"] = [shown(), len(set(keys()))]
two.location.x += 1.0
found["moved"] = shown()
two.location.x -= 1.0
two.data.resolution_x += 1
found["finer"] = shown()
two.data.resolution_x -= 1
two.hide_render = True
two.location.x += 1.0
found["moved and not to be baked"] = shown()
two.hide_render = False
two.location.x -= 1.0
bpy.data.objects.remove(copy)
bpy.ops.ed.undo_push(message="before")
bpy.ops.ed.undo_push(message="baked")
bpy.ops.wm.save_as_mainfile(filepath=scene_file + ".saved.blend")
bpy.ops.wm.read_factory_settings(use_empty=True)
enable()
assert overlay.collect(bpy.context.scene, bpy.context.view_layer) == []
bpy.ops.wm.open_mainfile(filepath=scene_file + ".saved.blend")
scene, layer = bpy.context.scene, bpy.context.view_layer
found["saved"] = shown()
weights = bytearray(scene.objects["Volume"]["neural_bake_weights"])
weights[-1] ^= 1
scene.objects["Volume"]["neural_bake_weights"] = bytes(weights)
module("results").forget()
found["damaged"] = shown()
bpy.data.objects.remove(scene.objects["Volume"])
found["holder gone"] = shown()
answer(**found)
"""
    scene, result = baked_pair
    own = user.parent / "pair.blend"
    own.write_bytes(scene.read_bytes())
    found, _ = support.run_in_blender(blender[1], user, START + code, own, result)
    coming, lit = {"Volume": ["coming"], "Volume.001": ["coming"]}, {"Volume": ["lit"], "Volume.001": ["lit"]}
    assert (found["unbaked"], found["bad settings"]) == (coming, {})
    assert found["baked"] == found["saved"] == lit and found["exposure"] is True
    assert found["copy"] == [{**lit, "Volume.002": ["lit"]}, 2]  # a copy looks equal, and is drawn once
    assert found["moved"]["Volume.001"] == found["finer"]["Volume.001"] == ["lit", "coming"]
    assert found["moved and not to be baked"] == {**lit, "Volume.002": ["lit"]}
    assert found["damaged"] == coming
    assert found["holder gone"] == {"Volume.001": ["coming"]}


def test_numbers_for_the_shader(blender: tuple[str, Path], user: Path) -> None:
    code = """
from types import SimpleNamespace
harmonics = module("core.spherical_harmonics")
rng = np.random.default_rng(1)
matrix = np.array([(0, -2, 0, 5), (1, 0, 0, 6), (0, 0, 3, 7), (0, 0, 0, 1)], float)  # turned by 90 degrees
grid = Grid(matrix, (2, 4, 3))
sh = rng.normal(size=(24, 9, 3)).astype(np.float32)
inside = np.arange(24) % 5 == 0
numbers = overlay.texels([(grid, BakedGrid(grid, sh, "trilinear", inside=inside)), (Grid(np.eye(4), (1, 1, 1)), None)])
assert numbers.shape == (25, 8, 4) and numbers.dtype == np.float32
assert np.allclose(numbers[:24, 0, :3], grid.probe_positions(), atol=1e-6)
assert np.allclose(numbers[:24, 0, 3], 1.0) and numbers[24, 0].tolist() == [0, 0, 0, 2]  # the shortest spacing
normals = harmonics.fibonacci_directions(7)
light = numbers[:24].reshape(24, 32)[:, 4:31].reshape(24, 9, 3)
expected = np.einsum("nk,pkc->pnc", harmonics.irradiance_basis(normals), sh)
assert np.allclose(np.einsum("nk,pkc->pnc", harmonics.basis(normals), light), expected, atol=1e-4)
state = numbers[:, -1, -1]
assert (state[:24] == np.where(inside, overlay_shader.INVALID, overlay_shader.LIT)).all()
assert state[24] == overlay_shader.COMING
assert overlay.texels([]).shape == (0, 8, 4)

# Of too many probes every so manyth along each axis is there, light and place still belonging together.
fine = Grid(np.eye(4), (100, 90, 80))
marks = np.zeros((fine.count, 9, 3), np.float32)
marks[:, 0, 0] = fine.probe_positions()[:, 1]
few = overlay.texels([(fine, BakedGrid(fine, marks, "trilinear"))])
assert overlay.MOST_DRAWN / 8 < len(few) <= overlay.MOST_DRAWN
assert np.allclose(few[:, 1, 0] / np.pi, few[:, 0, 1], atol=1e-6)
for resolution in ((256, 256, 256), (1, 3000, 3000)):
    assert len(overlay.texels([(Grid(np.eye(4), resolution), None)])) <= overlay.MOST_DRAWN

# Radiance 2 from everywhere is irradiance 2 pi; the bright probe inside geometry does not count.
even = np.zeros((3, 9, 3), np.float32)
even[:, 0] = np.array([2.0, 2.0, 900.0])[:, None] / 0.28209479177387814
lights = [BakedGrid(grid, even, "trilinear", inside=np.array([False, False, True]))]
exposure = overlay.exposure_of(lights)
answer(exposure=exposure * 2 * np.pi, dark=overlay.exposure_of([]))
"""
    found, _ = support.run_in_blender(blender[1], user, START + code)
    assert found["exposure"] == pytest.approx(0.8, rel=1e-5) and found["dark"] == 1.0


def test_an_error_is_told_once_and_the_handler_goes_with_the_add_on(blender: tuple[str, Path], user: Path) -> None:
    code = """
bpy.context.scene.neural_bake.show_probes = True
assert bpy.context.space_data is None  # so that drawing fails
for _ in range(3):
    overlay._draw()
    paused = overlay._paused_until
    overlay._paused_until = 0.0
disable()
again = overlay._handle
enable()
disable()
answer(paused=paused > 0.0, handle=again is None)
"""
    found, result = support.run_in_blender(blender[1], user, START + code)
    assert found == {"paused": True, "handle": True}
    assert (result.stdout + result.stderr).count("Neural Bake cannot draw its probes") == 1


def test_probes_are_drawn(blender: tuple[str, Path], user: Path) -> None:
    """Into a framebuffer of our own, which needs Blender 5.2 where there is no window."""
    if blender[0] != "5.2":
        pytest.skip("this Blender draws only with a window")
    code = """
import gpu
from mathutils import Matrix, Vector
try:
    gpu.init()
except Exception as error:
    answer(skip=str(error))
    sys.exit()
SIZE = 256
settings = bpy.context.scene.neural_bake
target = gpu.types.GPUOffScreen(SIZE, SIZE)
perspective = Matrix(((2, 0, 0, 0), (0, 2, 0, 0), (0, 0, -1.02, -0.2), (0, 0, -1, 0)))  # near 0.1, far 10
parallel = Matrix(((0.5, 0, 0, 0), (0, 0.5, 0, 0), (0, 0, -0.2, -1), (0, 0, 0, 1)))
# The viewer stands at (0, -4, 0) and looks along +Y; X is right, Z is up.
view = Matrix.Translation((0, 0, -4)) @ Matrix.Rotation(np.radians(-90), 4, 'X')

def picture(baked, projection=perspective, depth=1.0, exposure=1.0, name="probes", view=view, **changes):
    for key, value in {"probe_size": 0.5, "probe_fade": 0.0, "show_invalid": True, **changes}.items():
        setattr(settings, key, value)
    shown = [overlay.Probes((name,), grid)]
    key = (shown[0].key,)
    overlay._prepared[key] = prepared = overlay._prepared.get(key) or overlay.upload(overlay.texels([(grid, baked)]))
    with target.bind():
        buffer = gpu.state.active_framebuffer_get()
        buffer.clear(color=(0.0, 0.0, 0.0, 1.0), depth=depth)
        with gpu.matrix.push_pop(), gpu.matrix.push_pop_projection():
            gpu.matrix.load_matrix(view)
            gpu.matrix.load_projection_matrix(projection)
            overlay.draw_probes(shown, exposure, settings)
        pixels = np.array(buffer.read_color(0, 0, SIZE, SIZE, 4, 0, 'FLOAT').to_list()).reshape(SIZE, SIZE, 4)
    assert overlay._prepared[key] is prepared  # not made again
    return pixels

def at(pixels, point, projection=perspective, view=view):
    clip = projection @ view @ Vector((*point, 1.0))
    x, y = (int((0.5 + 0.5 * clip[axis] / clip[3]) * SIZE) for axis in (0, 1))
    return pixels[y, x, :3]

harmonics = module("core.spherical_harmonics")
rng = np.random.default_rng(3)
grid = Grid(np.diag([1.5, 1.5, 1.5, 1.0]), (2, 2, 2))  # probes at +-0.75, 1.5 apart
sh = 0.1 * rng.normal(size=(8, 9, 3)).astype(np.float32)
sh[:, 0] = rng.uniform(0.3, 0.9, (8, 3))
inside = np.arange(8) == 7  # at (+, +, +)
baked = BakedGrid(grid, sh, "trilinear", inside=inside)
places = grid.probe_positions()
front = np.flatnonzero(places[:, 1] < 0)

# At a sphere's middle its normal points at the viewer, and between middle and rim elsewhere; both show irradiance.
radius = 0.5 * 0.5 * 1.5
for projection, eye in ((perspective, np.array([0.0, -4.0, 0.0])), (parallel, None)):
    pixels = picture(baked, projection, exposure=0.4, show_invalid=False)
    for index in front:
        towards = np.array([0.0, -1.0, 0.0]) if eye is None else eye - places[index]
        towards = towards / np.linalg.norm(towards)
        right = np.cross([0.0, 0.0, 1.0], towards)
        right /= np.linalg.norm(right)
        for offset in (0.0, 0.6, -0.6):
            normal = offset * right + np.sqrt(1 - offset ** 2) * towards
            expected = 0.4 * harmonics.irradiance_basis(normal[None])[0] @ sh[index]
            found = at(pixels, places[index] + radius * normal, projection)
            assert np.abs(found - np.clip(expected, 0, 1)).max() < 0.02, (index, offset, found, expected)
    assert (at(pixels, (0, 0, 0), projection) == 0.0).all()

# Marked or not; hidden by what is in front, but for a hint of the marked.
back = np.delete(np.arange(8), front)
lifted = Matrix.Translation((0.6, 0, -4)) @ Matrix.Rotation(np.radians(-90), 4, 'X')  # so that all eight are seen
pixels = picture(baked, view=lifted, exposure=0.4)
marked = at(pixels, places[7], view=lifted)
assert marked[0] > 0.7 and marked[1:].max() < 0.1, marked
plain = at(picture(baked, view=lifted, exposure=0.4, show_invalid=False), places[7], view=lifted)
assert plain.min() > 0.1, plain
hidden = picture(baked, view=lifted, depth=0.0)
hint = at(hidden, places[7], view=lifted)
assert 0.15 < hint[0] < 0.25 and hint[1:].max() < 0.02, hint
assert (hidden[..., :3].max(axis=2) > 0.01).mean() < (pixels[..., :3].max(axis=2) > 0.01).mean() / 5
assert not picture(baked, view=lifted, depth=0.0, show_invalid=False)[..., :3].any()

# Size; fading with the distance; coming ones are small and grey.
def covered(pixels):
    return float((pixels[..., :3].max(axis=2) > 0.01).mean())
# Two rows at different depths beside each other, seen without perspective.
halved = covered(picture(baked, parallel, probe_size=0.25)) / covered(picture(baked, parallel, probe_size=0.5))
turned = Matrix.Translation((0, 0, -4)) @ Matrix.Rotation(np.radians(-90), 4, 'X') @ Matrix.Rotation(0.35, 4, 'Z')
common = dict(exposure=0.4, view=turned, show_invalid=False)
solid, faded = (picture(baked, parallel, probe_fade=fade, **common) for fade in (0, 1))
shares = {}
for place in places:
    share = at(faded, place, parallel, turned).sum() / at(solid, place, parallel, turned).sum()
    shares[float(round((turned @ Vector(place)).z, 2))] = float(share)
coming = picture(None, parallel, name="coming")
middle = at(coming, places[front[0]], parallel)
tiny = picture(None, parallel, name="coming", probe_size=0.01)
smaller = covered(coming) / covered(picture(baked, parallel))
answer(halved=halved, shares=[share for _, share in sorted(shares.items())], grey=float(np.ptp(middle)),
       middle=float(middle[0]), smaller=smaller, tiny=covered(tiny) * SIZE ** 2,
       states=[gpu.state.blend_get(), gpu.state.depth_test_get(), gpu.state.depth_mask_get()])
"""
    found, _ = support.run_in_blender(blender[1], user, START + code)
    if "skip" in found:
        pytest.skip(f"no graphics here: {found['skip']}")
    assert 0.22 < found["halved"] < 0.28
    assert found["states"] == ["NONE", "NONE", False]
    shares = found["shares"]  # from far to near
    assert shares == sorted(shares) and shares[0] < 0.35 and 0.9 < shares[-1] <= 1.01
    assert found["grey"] < 0.01 and 0.3 < found["middle"] < 0.4
    assert 0.2 < found["smaller"] < 0.3
    assert found["tiny"] >= 4 * 4  # four are seen, and of each two pixels of radius remain


def test_the_overlay_in_a_window(user: Path, baked_pair: tuple[Path, Path]) -> None:
    """It follows the 3D View's own switches, hiding and local view, and survives undo, another file and unregistering.

    Compared are screenshots with and without it.
    """
    if not os.environ.get("NEURAL_BAKE_BLENDER"):
        pytest.skip("NEURAL_BAKE_BLENDER names no Blender")
    own = user.parent / "pair.blend"
    own.write_bytes(baked_pair[0].read_bytes())
    script = support.ROOT / "tests" / "scripts" / "overlay.py"
    found, result = support.run_in_window(user, script, own, baked_pair[1], user.parent)
    changed = found["changed"]
    for name in ("coming", "baked", "after undo", "after loading", "shown again"):
        assert changed[name] > 5000, (name, changed)
    for name in ("overlays off", "hidden", "local view", "no light probes", "disabled"):
        assert changed[name] < 500, (name, changed)
    # What is not baked is grey, and what is baked is lit by a lamp and walls without colour, but brighter.
    assert found["brighter"] > 1.2
    assert "cannot draw" not in result.stdout + result.stderr
