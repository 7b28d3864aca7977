// SPDX-FileCopyrightText: 2026 Neural Bake developers
//
// SPDX-License-Identifier: GPL-3.0-or-later

// Rays against triangles: a tree of boxes by the surface area heuristic in 16 bins (Wald 2007), and first hits by
// Moeller and Trumbore 1997, both sides. rays.py compiles and drives it, and owns all memory.

#include <stdint.h>

#define BINS 16
#define LEAF 4
#define DEEPEST 60
#define HUGE_DISTANCE 3e38f

typedef struct {
  float low[3], high[3];
  int32_t first, count;  // leaves: triangles; others: two children from `first`, count 0
} Node;

typedef struct {
  int64_t triangles, nodes;
  const float *corners;  // (triangles, 3, 3)
  int32_t *order;        // (triangles) as the leaves have them
  float *edges;          // (triangles, 3, 3) in that order: a corner, and two edges from it
  Node *tree;            // (2 triangles) at most
} Tree;

static inline float least(float a, float b) { return a < b ? a : b; }
static inline float largest(float a, float b) { return a > b ? a : b; }

typedef struct {
  float low[3], high[3];
} Box;

static void clear_box(Box *box) {
  for (int i = 0; i < 3; i++) {
    box->low[i] = HUGE_DISTANCE;
    box->high[i] = -HUGE_DISTANCE;
  }
}

static void add_point(Box *box, const float *point) {
  for (int i = 0; i < 3; i++) {
    box->low[i] = least(box->low[i], point[i]);
    box->high[i] = largest(box->high[i], point[i]);
  }
}

static void add_box(Box *box, const Box *other) {
  add_point(box, other->low);
  add_point(box, other->high);
}

static void add_triangle(Box *box, const float *corners) {
  for (int i = 0; i < 3; i++) add_point(box, corners + 3 * i);
}

static float half_area(const Box *box) {
  float x = box->high[0] - box->low[0], y = box->high[1] - box->low[1], z = box->high[2] - box->low[2];
  return x < 0.0f ? 0.0f : x * y + y * z + z * x;
}

static inline float middle(const float *corners, int axis) {
  return (corners[axis] + corners[3 + axis] + corners[6 + axis]) * (1.0f / 3.0f);
}

// How many of `count` triangles come first, sorted in place by the best plane; half where no plane is any good.
static int32_t split(const Tree *p, int32_t *order, int32_t count, const Box *places) {
  float best = HUGE_DISTANCE;
  int best_axis = -1, best_bin = 0;
  for (int axis = 0; axis < 3; axis++) {
    float width = places->high[axis] - places->low[axis];
    if (!(width > 1e-12f)) continue;
    Box boxes[BINS];
    int32_t counts[BINS] = {0};
    float right[BINS];
    for (int i = 0; i < BINS; i++) clear_box(boxes + i);
    for (int32_t i = 0; i < count; i++) {
      const float *corners = p->corners + 9 * (int64_t)order[i];
      int bin = (int)(BINS * ((middle(corners, axis) - places->low[axis]) / width));
      bin = bin < 0 ? 0 : bin >= BINS ? BINS - 1 : bin;
      counts[bin]++;
      add_triangle(boxes + bin, corners);
    }
    Box sum;
    int32_t number = 0;
    clear_box(&sum);
    for (int i = BINS - 1; i > 0; i--) {
      if (counts[i]) add_box(&sum, boxes + i);
      number += counts[i];
      right[i] = number * half_area(&sum);
    }
    clear_box(&sum);
    number = 0;
    for (int i = 0; i + 1 < BINS; i++) {
      if (counts[i]) add_box(&sum, boxes + i);
      number += counts[i];
      float cost = number * half_area(&sum) + right[i + 1];
      if (number && number < count && cost < best) {
        best = cost;
        best_axis = axis;
        best_bin = i;
      }
    }
  }
  if (best_axis < 0) return count / 2;
  float width = places->high[best_axis] - places->low[best_axis];
  int32_t left = 0;
  for (int32_t i = 0; i < count; i++) {
    float place = middle(p->corners + 9 * (int64_t)order[i], best_axis);
    int bin = (int)(BINS * ((place - places->low[best_axis]) / width));
    if (bin <= best_bin) {
      int32_t kept = order[left];
      order[left++] = order[i];
      order[i] = kept;
    }
  }
  return left > 0 && left < count ? left : count / 2;
}

void build(Tree *p) {
  struct {
    int32_t node, depth;
  } todo[2 * DEEPEST + 8];
  int waiting = 0;
  for (int64_t i = 0; i < p->triangles; i++) p->order[i] = (int32_t)i;
  p->nodes = 1;
  p->tree[0].first = 0;
  p->tree[0].count = (int32_t)p->triangles;
  todo[waiting].node = 0;
  todo[waiting++].depth = 0;
  while (waiting) {
    Node *node = p->tree + todo[--waiting].node;
    int32_t depth = todo[waiting].depth, *order = p->order + node->first;
    Box box, places;
    clear_box(&box);
    clear_box(&places);
    for (int32_t i = 0; i < node->count; i++) {
      const float *corners = p->corners + 9 * (int64_t)order[i];
      float place[3];
      for (int axis = 0; axis < 3; axis++) place[axis] = middle(corners, axis);
      add_triangle(&box, corners);
      add_point(&places, place);
    }
    for (int i = 0; i < 3; i++) {
      node->low[i] = box.low[i];
      node->high[i] = box.high[i];
    }
    if (node->count <= LEAF || depth == DEEPEST) continue;
    int32_t first = node->first, count = node->count, left = split(p, order, count, &places);
    Node *children = p->tree + p->nodes;
    children[0].first = first;
    children[0].count = left;
    children[1].first = first + left;
    children[1].count = count - left;
    node->first = (int32_t)p->nodes;
    node->count = 0;
    for (int i = 0; i < 2; i++) {
      todo[waiting].node = (int32_t)p->nodes + i;
      todo[waiting++].depth = depth + 1;
    }
    p->nodes += 2;
  }
  for (int64_t i = 0; i < p->triangles; i++) {
    const float *corners = p->corners + 9 * (int64_t)p->order[i];
    for (int k = 0; k < 9; k++) p->edges[9 * i + k] = k < 3 ? corners[k] : corners[k] - corners[k % 3];
  }
}

// Where a ray enters a box, or HUGE_DISTANCE where it does not before `limit`.
static inline float enter(const Node *node, const float *origin, const float *inverse, float limit) {
  float near = 0.0f, far = limit;
  for (int i = 0; i < 3; i++) {
    float a = (node->low[i] - origin[i]) * inverse[i], b = (node->high[i] - origin[i]) * inverse[i];
    near = largest(near, least(a, b));
    far = least(far, largest(a, b) * 1.0000004f);
  }
  return near <= far ? near : HUGE_DISTANCE;
}

// First hits of `count` rays: distance (N), which holds the farthest that counts before, and triangle (N) or -1.
void cast(const Tree *p, int64_t count, const float *origins, const float *directions, float *distances,
          int32_t *triangles) {
  for (int64_t ray = 0; ray < count; ray++) {
    const float *o = origins + 3 * ray, *d = directions + 3 * ray;
    float inverse[3], limit = distances[ray];
    int32_t found = -1, stack[DEEPEST + 8], waiting = 0, at = 0;
    for (int i = 0; i < 3; i++) inverse[i] = 1.0f / (d[i] > -1e-20f && d[i] < 1e-20f ? 1e-20f : d[i]);
    if (enter(p->tree, o, inverse, limit) >= HUGE_DISTANCE) at = -1;
    while (at >= 0) {
      const Node *node = p->tree + at;
      at = -1;
      if (node->count) {
        for (int32_t i = node->first; i < node->first + node->count; i++) {
          const float *v = p->edges + 9 * (int64_t)i, *a = v + 3, *b = v + 6;
          float q[3] = {d[1] * b[2] - d[2] * b[1], d[2] * b[0] - d[0] * b[2], d[0] * b[1] - d[1] * b[0]};
          float size = a[0] * q[0] + a[1] * q[1] + a[2] * q[2];
          if (size == 0.0f) continue;
          float over = 1.0f / size, s[3] = {o[0] - v[0], o[1] - v[1], o[2] - v[2]};
          float x = (s[0] * q[0] + s[1] * q[1] + s[2] * q[2]) * over;
          float r[3] = {s[1] * a[2] - s[2] * a[1], s[2] * a[0] - s[0] * a[2], s[0] * a[1] - s[1] * a[0]};
          float y = (d[0] * r[0] + d[1] * r[1] + d[2] * r[2]) * over;
          float distance = (b[0] * r[0] + b[1] * r[1] + b[2] * r[2]) * over;
          if (x < 0.0f || y < 0.0f || x + y > 1.0f || !(distance > 0.0f && distance < limit)) continue;
          limit = distance;
          found = p->order[i];
        }
      } else {
        float first = enter(p->tree + node->first, o, inverse, limit);
        float second = enter(p->tree + node->first + 1, o, inverse, limit);
        int is_second = second < first;
        if (first < HUGE_DISTANCE && second < HUGE_DISTANCE) stack[waiting++] = node->first + !is_second;
        if (first < HUGE_DISTANCE || second < HUGE_DISTANCE) at = node->first + is_second;
      }
      if (at < 0 && waiting) at = stack[--waiting];
    }
    distances[ray] = limit;
    triangles[ray] = found;
  }
}
