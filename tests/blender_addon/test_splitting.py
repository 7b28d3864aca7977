# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""``bpy.ops.neural_bake.split_volume``."""

from __future__ import annotations

from pathlib import Path

from tests import support


def run(blender: tuple[str, Path], user: Path, code: str, *words: object) -> dict:
    answer, _ = support.run_in_blender(blender[1], user, "from placing import *\n" + code, *words)
    return answer


def test_splitting_keeps_every_probe_where_it_is(blender: tuple[str, Path], user: Path) -> None:
    code = """
found = {}
scene = fresh()
cases = []
for name, resolution, most in (("Hall", (10, 7, 3), 60), ("Tower", (2, 3, 31), 12), ("Single", (5, 1, 1), 1)):
    parent = link("Parent of " + name, None, (5, -3, 2))
    parent.scale, parent.rotation_euler = (2, 1, 0.5), (0.2, 0, 0.7)
    shelf = bpy.data.collections.new("Shelf of " + name)
    scene.collection.children.link(shelf)
    obj = volume(name, (1, 2, 3), (4, -3, 1), resolution, shelf)
    obj.parent, obj.rotation_euler, obj["mine"] = parent, (0.1, 0.2, 0.3), 7
    bpy.context.view_layer.update()
    before = volumes.world_positions(obj, scene)
    direction = np.array(obj.matrix_world)[:3, :3]
    select(obj)
    result = call("split_volume", most_probes=most)
    parts = list(shelf.objects)
    bpy.context.view_layer.update()
    after = np.concatenate([volumes.world_positions(part, scene) for part in parts])
    nearest = np.linalg.norm(after[:, None] - before[None], axis=2)
    spacing = [2 * np.linalg.norm(np.array(part.matrix_world)[:3, :3], axis=0) / counts(part) for part in parts]
    turned = [np.array(part.matrix_world)[:3, :3] for part in parts]
    unit = lambda m: m / np.linalg.norm(m, axis=0)
    cases.append(dict(
        result=result, names=[part.name for part in parts],
        one_each=sorted(nearest.argmin(axis=1)) == list(range(len(before))),
        off=float(nearest.min(axis=1).max()), most=max(int(np.prod(counts(part))) for part in parts),
        equal=bool(np.allclose(spacing, spacing[0], rtol=1e-5)),
        turned=all(np.allclose(unit(m), unit(direction), atol=1e-5) for m in turned),
        first=parts[0] == obj and bpy.context.object == obj, selected=len(bpy.context.selected_objects),
        own_data=len({part.data.name for part in parts}), mine=[part["mine"] for part in parts]))
again = bpy.data.objects["Hall Part 2"]
select(again)
assert call("split_volume", most_probes=30)[0] == 'FINISHED'
found["again"] = sorted(obj.name for obj in again.users_collection[0].objects)
long = volume("ä" * 31, resolution=(4, 1, 1))
select(long)
assert call("split_volume", most_probes=2)[0] == 'FINISHED'
found["long"] = [obj.name for obj in bpy.data.objects if obj.name.startswith("ää")]

refused = {}
count = len(bpy.data.objects), len(bpy.data.lightprobes)
def refuse(name, obj, most):
    select(obj)
    matrix = np.array(obj.matrix_world)
    refused[name] = call("split_volume", most_probes=most)[1]
    bpy.context.view_layer.update()
    assert np.array_equal(matrix, np.array(obj.matrix_world))
plain = volume("Plain", resolution=(4, 2, 2))
bpy.context.view_layer.update()
count = len(bpy.data.objects), len(bpy.data.lightprobes)
refuse("small", plain, 16)
settings = scene.neural_bake.light_grid
settings.use_resolution = True
refuse("overridden", plain, 2)
settings.use_resolution = False
plain["neural_bake_source"] = again
refuse("baked", plain, 2)
del plain["neural_bake_source"]
plain.constraints.new('COPY_LOCATION').target = again
bpy.context.view_layer.update()
refuse("held", plain, 2)
plain.constraints.clear()
plain.scale = (1, 0, 1)
bpy.context.view_layer.update()
refuse("plane", plain, 2)
plain.scale = (1, 1, 1)
plain.data.resolution_x = 256
plain.data.resolution_y = 256
bpy.context.view_layer.update()
refuse("dust", plain, 1)
assert count == (len(bpy.data.objects), len(bpy.data.lightprobes))
answer(cases=cases, refused=refused, **found)
"""
    found = run(blender, user, code)
    names = ["Hall", "Tower", "Single"]
    for name, most, parts, case in zip(names, (60, 12, 1), (4, 16, 5), found["cases"], strict=True):
        assert case["result"] == ["FINISHED", ""]
        assert case["one_each"] is True and case["off"] < 1e-5
        assert case["equal"] is True and case["turned"] is True
        assert case["most"] <= most
        assert len(case["names"]) == parts == case["own_data"] == case["selected"]
        assert all(part.startswith(f"{name} Part ") for part in case["names"])
        assert case["first"] is True and set(case["mine"]) == {7}
    assert found["cases"][1]["names"][0] == "Tower Part 01"
    assert found["again"] == ["Hall Part 1", "Hall Part 2.1", "Hall Part 2.2", "Hall Part 3", "Hall Part 4"]
    assert len(found["long"]) == 2 and all(name.endswith((" Part 1", " Part 2")) for name in found["long"])
    refused = found["refused"]
    assert "holds 16 probes, no more than the 16 that a part may hold. Lower Most Probes" in refused["small"]
    assert "The bake settings of Scene decide" in refused["overridden"]
    assert "holds a baked result" in refused["baked"] and "Clear the result first" in refused["baked"]
    assert "does not go where it should" in refused["held"]
    assert "has no extent. Scale it" in refused["plane"]
    assert "parts; 1000 is the most" in refused["dust"]
