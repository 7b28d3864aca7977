// SPDX-FileCopyrightText: 2026 Neural Bake developers
//
// SPDX-License-Identifier: GPL-3.0-or-later

// First hits of rays on boxes, by slabs (Kay and Kajiya 1986), 16 rays at a time; generator_scenes.py drives it.

#include <stdint.h>

#include "lanes.h"

#define NEAREST 1e-5f
#define FAR 1e30f

typedef struct {
  V x[3], d[3];
} Rays;

static inline void slabs(const V *inverse, const V *offset, const float *box, V *near, V *far) {
  *near = splat(-FAR);
  *far = splat(FAR);
  for (int i = 0; i < 3; i++) {
    V middle = box[i] * inverse[i] - offset[i], reach = box[3 + i] * largest(inverse[i], -inverse[i]);
    *near = largest(*near, middle - reach);
    *far = least(*far, middle + reach);
  }
}

static inline void frame(const Rays *rays, V *inverse, V *offset) {
  for (int i = 0; i < 3; i++) {
    V d = rays->d[i], size = largest(d, -d);
    inverse[i] = 1.0f / choose(size < 1e-9f, splat(1e-9f), d);
    offset[i] = rays->x[i] * inverse[i];
  }
}

// Pieces: turns (5) centre, cosine and sine; bounds (6) middle and half size, world; first box of each and one past the
// last. Boxes (6): middle and half size in the piece's own axes, from its centre.
#ifdef _WIN32
__declspec(dllexport)
#endif
void cast(int64_t count, const float *origins, const float *directions, int64_t pieces, const float *turns,
          const float *bounds, const int32_t *inward, const int32_t *first_box, const float *boxes, float *distance,
          int32_t *box, uint8_t *front) {
  for (int64_t first = 0; first < count; first += LANES) {
    int some = count - first < LANES ? count - first : LANES;
    Rays world, own;
    V inverse[3], offset[3], best = splat(FAR), near, far;
    I found = {}, outer = {};
    found -= 1;
    outer -= 1;
    for (int lane = 0; lane < LANES; lane++)
      for (int i = 0; i < 3; i++) {
        int64_t at = 3 * (first + (lane < some ? lane : 0)) + i;
        world.x[i][lane] = origins[at];
        world.d[i][lane] = directions[at];
      }
    for (int64_t piece = 0; piece < pieces; piece++) {
      const float *turn = turns + 5 * piece;
      frame(&world, inverse, offset);
      slabs(inverse, offset, bounds + 6 * piece, &near, &far);
      I met = (near <= far) & (far > NEAREST) & (near < best);
      int any = 0;
      for (int lane = 0; lane < LANES; lane++) any |= met[lane];
      if (!any) continue;
      V x = world.x[0] - turn[0], y = world.x[1] - turn[1];
      own.x[0] = turn[3] * x + turn[4] * y;
      own.x[1] = turn[3] * y - turn[4] * x;
      own.x[2] = world.x[2] - turn[2];
      own.d[0] = turn[3] * world.d[0] + turn[4] * world.d[1];
      own.d[1] = turn[3] * world.d[1] - turn[4] * world.d[0];
      own.d[2] = world.d[2];
      frame(&own, inverse, offset);
      for (int32_t one = first_box[piece]; one < first_box[piece + 1]; one++) {
        slabs(inverse, offset, boxes + 6 * one, &near, &far);
        I outside = near > NEAREST;
        V reached = choose(outside, near, far);
        I closer = (near <= far) & (reached > NEAREST) & (reached < best);
        best = choose(closer, reached, best);
        found = (closer & one) | (~closer & found);
        outer = (closer & (inward[piece] ? ~outside : outside)) | (~closer & outer);
      }
    }
    for (int lane = 0; lane < some; lane++) {
      distance[first + lane] = found[lane] < 0 ? __builtin_inff() : best[lane];
      box[first + lane] = found[lane];
      front[first + lane] = outer[lane] != 0;
    }
  }
}
