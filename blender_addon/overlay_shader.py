# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shader of the probe overlay: a quad for each probe, on which the fragment shader draws a lit sphere.

Convention:
    a float texture holds :data:`TEXELS` RGBA texels a probe, :data:`PROBES_PER_ROW` probes a row. First the centre and
    the distance to the next probe, world space; then 27 numbers, nine for each of red, green and blue one after another
    coefficient by coefficient, whose product with the basis of spherical_harmonics.py is irradiance; last a state.
    Colours are linear: a 3D View's framebuffer makes sRGB of them.
"""

from __future__ import annotations

import functools

import gpu

TEXELS = 8
PROBES_PER_ROW = 256
# States, the last number of a probe.
LIT, INVALID, COMING = 0.0, 1.0, 2.0
COMING_SIZE = 0.5
"""Size of a probe that is not baked yet, against one that is."""
THROUGH = 0.25
"""Opacity of a marked probe where geometry hides it."""

NUMBER = """
vec4 number(int probe_index, int index)
{
    int column = (probe_index % PROBES_PER_ROW) * TEXELS;
    return texelFetch(probes, ivec2(column + index, probe_index / PROBES_PER_ROW), 0);
}
"""

VERTEX = """
void main()
{
    probe = gl_InstanceID;
    vec4 place = number(probe, 0);
    float state = number(probe, TEXELS - 1).w;

    vec3 away = eye.xyz - eye.w * place.xyz;
    float range = eye.w == 0.0 ? -dot(eye.xyz, place.xyz) : length(away);
    towards = normalize(away);
    right = normalize(cross(up.xyz, towards));
    vec3 above = cross(towards, right);

    float radius = 0.5 * look.x * place.w * (state > 1.5 ? COMING_SIZE : 1.0);
    // Seen from afar, a probe would shrink to nothing.
    radius = max(radius, up.w * (eye.w == 0.0 ? 1.0 : range));
    sphere = vec4(place.xyz, radius);
    opacity = clamp(look.z - look.w * range, 0.0, 1.0);
    disc = corner;
    gl_Position = view_projection * vec4(place.xyz + radius * (corner.x * right + corner.y * above), 1.0);
}
"""

FRAGMENT = """
vec3 irradiance(vec3 n)
{
    vec4 a = number(probe, 1), b = number(probe, 2), c = number(probe, 3), d = number(probe, 4);
    vec4 e = number(probe, 5), f = number(probe, 6), g = number(probe, 7);
    return a.xyz * 0.28209479
         + vec3(a.w, b.xy) * (0.48860251 * n.y)
         + vec3(b.zw, c.x) * (0.48860251 * n.z)
         + c.yzw * (0.48860251 * n.x)
         + d.xyz * (1.09254843 * n.x * n.y)
         + vec3(d.w, e.xy) * (1.09254843 * n.y * n.z)
         + vec3(e.zw, f.x) * (0.31539157 * (3.0 * n.z * n.z - 1.0))
         + f.yzw * (1.09254843 * n.x * n.z)
         + g.xyz * (0.54627422 * (n.x * n.x - n.y * n.y));
}

void main()
{
    float square = dot(disc, disc);
    float edge = (1.0 - sqrt(square)) / max(fwidth(sqrt(square)), 1e-6);
    float state = number(probe, TEXELS - 1).w;
    bool is_marked = marked > 0.5 && state > 0.5 && state < 1.5;
    bool is_rim = edge < 1.0;
    if (edge <= 0.0 || opacity <= 0.0 || (last > 0.5 ? !is_rim && !is_marked : is_rim)) {
        discard;
    }
    float height = sqrt(max(1.0 - square, 0.0));
    vec3 n = disc.x * right + disc.y * cross(towards, right) + height * towards;
    vec4 clip = view_projection * vec4(sphere.xyz + sphere.w * n, 1.0);
    gl_FragDepth = 0.5 * clip.z / clip.w + 0.5;

    vec3 color;
    float cover = min(edge, 1.0);
    if (is_marked) {
        color = vec3(0.8, 0.01, 0.005) * (0.25 + 0.75 * height);
        if (last > 0.5) {
            // What is inside geometry is hidden by it, so it shines through.
            color = vec3(0.8, 0.01, 0.005);
            cover *= THROUGH;
            gl_FragDepth = 0.0;
        }
    }
    else if (state > 1.5) {
        color = vec3(0.35) * (0.25 + 0.75 * height);
    }
    else {
        color = clamp(look.y * irradiance(n), 0.0, 1.0);
    }
    shown = vec4(color, opacity * cover);
}
"""


@functools.cache
def shader() -> gpu.types.GPUShader:
    """The compiled shader; only where there is something to draw on."""
    info = gpu.types.GPUShaderCreateInfo()
    info.define("TEXELS", str(TEXELS))
    info.define("PROBES_PER_ROW", str(PROBES_PER_ROW))
    info.define("COMING_SIZE", str(COMING_SIZE))
    info.define("THROUGH", str(THROUGH))
    info.push_constant('MAT4', "view_projection")
    # Where the viewer is and 1; or with parallel rays the direction to the viewer and 0.
    info.push_constant('VEC4', "eye")
    # The viewer's up, and the least radius: a factor of the distance, or with parallel rays the radius itself.
    info.push_constant('VEC4', "up")
    # Diameter as a share of the spacing, exposure, and opacity: so much, less so much times the distance.
    info.push_constant('VEC4', "look")
    info.push_constant('FLOAT', "marked")
    # 0 draws what a sphere covers wholly, 1 what is transparent: the pixels of its edge, and marked ones as a hint.
    info.push_constant('FLOAT', "last")
    info.sampler(0, 'FLOAT_2D', "probes")
    info.vertex_in(0, 'VEC2', "corner")
    flow = gpu.types.GPUStageInterfaceInfo("neural_bake_probe")
    flow.smooth('VEC2', "disc")
    flow.flat('INT', "probe")
    flow.flat('VEC4', "sphere")
    flow.flat('VEC3', "right")
    flow.flat('VEC3', "towards")
    flow.flat('FLOAT', "opacity")
    info.vertex_out(flow)
    info.fragment_out(0, 'VEC4', "shown")
    info.depth_write('ANY')
    info.vertex_source(NUMBER + VERTEX)
    info.fragment_source(NUMBER + FRAGMENT)
    return gpu.shader.create_from_info(info)


@functools.cache
def quad() -> gpu.types.GPUBatch:
    """The corners of one probe's quad; a probe is an instance of it."""
    layout = gpu.types.GPUVertFormat()
    layout.attr_add(id="corner", comp_type='F32', len=2, fetch_mode='FLOAT')
    corners = gpu.types.GPUVertBuf(layout, 4)
    corners.attr_fill("corner", [(-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)])
    return gpu.types.GPUBatch(type='TRI_STRIP', buf=corners)


def forget() -> None:
    """Let go of what lives on the graphics card."""
    shader.cache_clear()
    quad.cache_clear()
