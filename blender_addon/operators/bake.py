# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Operators that start, stop and take up bakes.

None of them is a step of undo: a bake is no change of the scene, and its result is a step of its own.
"""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import EnumProperty, StringProperty

from .. import checks, job_folders, jobs, kinds, properties, results, updates, volumes
from ..core.errors import NeuralBakeError
from ..properties import PRESETS
from .results import chosen_holder, shown_holder

# The words of the command line are understood too.
enum_kinds = (
    ('SCENE', "Scene", "The kind that the scene is set to"),
    *kinds.ITEMS,
    *((name.lower(), title, text) for name, title, text in kinds.ITEMS),
)
enum_presets = (
    ('SCENE', "Scene", "The settings of the scene"),
    *((name, name.title(), f"The scene's settings, but the quality of {name.title()}") for name in PRESETS),
)
enum_volumes = (
    ('ALL', "All", "All volumes of the scene that are visible in renders, as one result without seams"),
    ('SELECTED', "Selected", "The selected ones, as a result of their own"),
)


class NEURAL_BAKE_OT_bake(bpy.types.Operator):
    bl_idname = "neural_bake.bake"
    bl_label = "Neural Bake"
    bl_description = (
        "Measure the scene's light and learn from it, in the background. A copy of the scene is baked, so go on working"
    )
    bl_options = {'REGISTER'}

    kind: EnumProperty(name="Kind", description="What is baked", items=enum_kinds, options={'SKIP_SAVE'})
    preset: EnumProperty(name="Preset", description="Quality of this bake", items=enum_presets)
    directory: StringProperty(
        name="Folder",
        description="Folder of the result; empty keeps it in the cache, from where it comes into the scene",
        subtype='DIR_PATH',
        options={'SKIP_SAVE'},
    )
    volumes: EnumProperty(name="Volumes", description="Which Light Probe Volumes are baked", items=enum_volumes)
    bounds_object: StringProperty(
        name="Bounds Object",
        description="Empty whose box is baked instead of the scene's Light Probe Volumes",
        options={'SKIP_SAVE'},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        problem = checks.problem(context, kind=properties.kind_of(context.scene))
        # A scene without volumes may still name an Empty, and only the selected ones may be meant; or another kind.
        if not problem or problem.startswith("The scene has no Light Probe Volume"):
            return True
        if any(not checks.problem(context, kind=kind) for kind in kinds.NOUNS):
            return True
        chosen = volumes.selected(context.scene, context.view_layer)
        if chosen and not checks.problem(context, chosen=chosen):
            return True
        cls.poll_message_set(problem)
        return False

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        job = self._submit(context)
        if job is None:
            return {'CANCELLED'}
        if job.place > 1 or jobs.active() is not None:
            self.report({'INFO'}, f"This bake is number {job.place} in the queue")
        return {'FINISHED'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """From a script: wait for the result."""
        job = self._submit(context)
        return {'CANCELLED'} if job is None else finish(self, context, job)

    def _submit(self, context: bpy.types.Context) -> jobs.Job | None:
        chosen = None
        if self.volumes == 'SELECTED':
            chosen = volumes.selected(context.scene, context.view_layer)
        kind = properties.kind_of(context.scene) if self.kind == 'SCENE' else self.kind.lower()
        problem = checks.problem(context, self.bounds_object, chosen, kind) or checks.closer_look(context)
        if problem:
            self.report({'ERROR'}, problem)
            return None
        try:
            return jobs.submit(
                context,
                kind=kind,
                directory=Path(bpy.path.abspath(self.directory)).absolute() if self.directory else None,
                bounds_object=self.bounds_object,
                chosen=chosen,
                preset="" if self.preset == 'SCENE' else self.preset,
            )
        except NeuralBakeError as error:
            self.report({'ERROR'}, str(error))
            return None


def finish(operator: bpy.types.Operator, context: bpy.types.Context, job: jobs.Job) -> set[str]:
    """Wait for a job and report its end; ``{'FINISHED'}`` only with the result in the scene."""
    jobs.wait(context, job)
    if job.state == 'DONE':
        operator.report({'INFO'}, job.message)
        return {'FINISHED'}
    operator.report({'WARNING' if job.state == 'CANCELLED' else 'ERROR'}, job.message)
    return {'CANCELLED'}


class NEURAL_BAKE_OT_update(bpy.types.Operator):
    bl_idname = "neural_bake.update"
    bl_label = "Update"
    bl_description = (
        "Measure only what changed since the bake, in the background: the light of lamps that were moved, or what a "
        "moved object or changed material can affect. Errors on held-out points stay those of the bake"
    )
    bl_options = {'REGISTER'}

    volume: StringProperty(
        name="Volume",
        description="Object whose result is updated; empty means the active one's, else the only result of the scene",
        options={'SKIP_SAVE'},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        keeper = shown_holder(context)
        reason = "No object of this scene has a result." if keeper is None else updates.problem(context, keeper)
        # a script may name another one's
        if reason and len(results.holders(context.scene)) < 2:
            cls.poll_message_set(reason)
            return False
        return True

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return {'CANCELLED'} if self._submit(context) is None else {'FINISHED'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """From a script: wait for the result."""
        job = self._submit(context)
        return {'CANCELLED'} if job is None else finish(self, context, job)

    def _submit(self, context: bpy.types.Context) -> jobs.Job | None:
        try:
            return updates.submit(context, chosen_holder(context, self.volume))
        except (NeuralBakeError, OSError) as error:
            self.report({'ERROR'}, str(error))
            return None


class NEURAL_BAKE_OT_cancel(bpy.types.Operator):
    bl_idname = "neural_bake.cancel"
    bl_label = "Cancel Bake"
    bl_description = "Stop the bake within a second. What was measured stays, so it can be resumed"
    bl_options = {'REGISTER'}

    job: StringProperty(name="Job", description="Id of the job; empty means the one at work", options={'SKIP_SAVE'})

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        cls.poll_message_set("Nothing is being baked.")
        return jobs.find("") is not None

    def execute(self, _context: bpy.types.Context) -> set[str]:
        job = jobs.find(self.job)
        if job is None or job.ended:
            self.report({'ERROR'}, f"There is no job {self.job} in the queue.")
            return {'CANCELLED'}
        job.cancel()
        return {'FINISHED'}


class StoredJobOperator:
    """What resume and discard share: the job that was interrupted."""

    job: StringProperty(
        name="Job", description="Id of the job; empty means the newest of this file", options={'SKIP_SAVE'}
    )

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        cls.poll_message_set("No bake was interrupted.")
        return bool(jobs.interrupted())

    def find(self) -> job_folders.Stored | None:
        stored = [one for one in jobs.interrupted() if (one.id == self.job if self.job else one.here)]
        if not stored:
            self.report({'ERROR'}, "There is no such interrupted bake of this file.")
            return None
        return stored[0]


class NEURAL_BAKE_OT_resume(StoredJobOperator, bpy.types.Operator):
    bl_idname = "neural_bake.resume"
    bl_label = "Resume Bake"
    bl_description = "Go on with an interrupted bake, of the scene as it was then; what was measured is kept"
    bl_options = {'REGISTER'}

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return {'CANCELLED'} if self._resume(context) is None else {'FINISHED'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """From a script: wait for the result."""
        job = self._resume(context)
        return {'CANCELLED'} if job is None else finish(self, context, job)

    def _resume(self, context: bpy.types.Context) -> jobs.Job | None:
        stored = self.find()
        try:
            return None if stored is None else jobs.resume(context, stored)
        except (NeuralBakeError, OSError) as error:
            self.report({'ERROR'}, str(error))
            return None


class NEURAL_BAKE_OT_discard(StoredJobOperator, bpy.types.Operator):
    bl_idname = "neural_bake.discard"
    bl_label = "Discard Bake"
    bl_description = "Delete an interrupted bake and all that it measured"
    bl_options = {'REGISTER'}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(
            self,
            event,
            title="Discard Bake",
            message="Delete this bake and all that it has measured?",
            confirm_text="Discard",
        )

    def execute(self, _context: bpy.types.Context) -> set[str]:
        stored = self.find()
        if stored is None:
            return {'CANCELLED'}
        jobs.discard(stored)
        return {'FINISHED'}


classes = (
    NEURAL_BAKE_OT_bake,
    NEURAL_BAKE_OT_update,
    NEURAL_BAKE_OT_cancel,
    NEURAL_BAKE_OT_resume,
    NEURAL_BAKE_OT_discard,
)

register, unregister = bpy.utils.register_classes_factory(classes)
