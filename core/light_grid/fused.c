// SPDX-FileCopyrightText: 2026 Neural Bake developers
//
// SPDX-License-Identifier: GPL-3.0-or-later

// The light grid's training steps in one pass each; fused.py compiles and drives it, and says what the arrays hold.
//
// Points stand in lanes: 16 at a time, for each of a cell's eight networks. A step has two phases with a barrier after
// each. First, columns of cells (all cells of one ix and iy) are shared among threads; a cell runs forward and backward
// for a few blocks of 16 of its points, all in the first-level cache. A probe belongs to four columns, and each of them
// adds to a gradient of its own, so that no two threads meet and sums do not depend on how many there are. Then probes
// are shared among threads: Adam.

#include <stdatomic.h>
#include <stdint.h>

#include "lanes.h"

#define HIDDEN 8
#define STRIDE 128  // of a probe's 113 numbers
#define BLOCKS 2    // blocks of a cell that are learned from together
#define MANY 16     // the same where nothing is differentiated
#define CHANNELS 48 // most channels: 16 lightings
#define LEAK 0.1f
#define LOGIT_RANGE 20.0f
#define DIVERGENCE_FLOOR 1e-6f
#define ABSOLUTE_PULL 0.2f  // as in points.py
#define ABSOLUTE_FLOOR 0.01f
#define ROUNDING 1e-6f
#define ADAM_FIRST 0.9f
#define ADAM_SECOND 0.99f
#define ADAM_FLOOR 1e-8f
enum { W1 = 0, B1 = 24, W2 = 32, B2 = 96, W3 = 104, B3 = 112 };
enum { OFFSET = 0, NORMAL = 3, MASK = 6, VISIBILITY = 7, TARGET = 15 };
enum { GEOMETRY, LIGHT, PREPARE, PRODUCT, LESSON };  // what run() does

typedef struct {
  int64_t columns, probes, channels, features, threads, draws, points, values, wide;
  const int64_t *column_first;  // (columns + 1) first cell
  const int64_t *block_first;   // (cells + 1) first block
  const int32_t *corners;       // (cells, 8)
  const float *data;            // (blocks, features, 16)
  const float *limit;           // (3) 1, or 0 along an axis with a single probe
  float *weights, *sh;          // (probes, 128), (probes, wide), of which 9 channels are used
  float *gradient;              // (4, probes, 128 + wide)
  float *first, *second;        // (probes, 128 + wide) Adam's moments
  const float *prior, *pull;    // (probes, wide)
  const float *rates;           // (steps, 2) rate over its bias correction, and 1 / sqrt of the other
  // Least squares: blend weights (blocks, 8, 16) and 1 / (R^2 + c) (blocks, channels, 16) as PREPARE leaves them, in
  // `gradient` then what PREPARE and PRODUCT add up, (4, probes, wide), twice for PREPARE: right-hand side, diagonal.
  float *blend, *inverse;
  const float *solution;        // (probes, wide) what PRODUCT multiplies, (9, values) of a probe
  float divergence, floor;
  float cap;                    // LESSON: squared relative errors count less beyond it
  _Atomic int64_t next, arrived, generation;
} Problem;

#ifdef _WIN32
__declspec(dllimport) void __stdcall Sleep(unsigned long);
static void give_way(void) { Sleep(0); }
#else
int sched_yield(void);
static void give_way(void) { sched_yield(); }
#endif

static inline V leaky(V x) { return largest(x, LEAK * x); }
static inline V slope(V x) { return choose(x > 0.0f, splat(1.0f), splat(LEAK)); }

// Irradiance basis of 16 normals, as core.spherical_harmonics has it.
static inline void irradiance_basis(const float *normal, V *basis) {
  V x = load(normal), y = load(normal + LANES), z = load(normal + 2 * LANES);
  basis[0] = splat(0.886226925f);
  basis[1] = 1.02332671f * y;
  basis[2] = 1.02332671f * z;
  basis[3] = 1.02332671f * x;
  basis[4] = 0.858085531f * x * y;
  basis[5] = 0.858085531f * y * z;
  basis[6] = 0.247707956f * (3.0f * z * z - 1.0f);
  basis[7] = 0.858085531f * x * z;
  basis[8] = 0.429042765f * (x * x - y * y);
}

// A probe's network at offsets x from it; returns the logits and keeps the hidden layers.
static inline V network(const float *w, const V *x, V *h1, V *h2) {
  for (int j = 0; j < HIDDEN; j++) {
    V z = splat(w[B1 + j]);
    for (int i = 0; i < 3; i++) z += x[i] * w[W1 + i * HIDDEN + j];
    h1[j] = leaky(z);
  }
  V logit = splat(w[B3]);
  for (int j = 0; j < HIDDEN; j++) {
    V z = splat(w[B2 + j]);
    for (int i = 0; i < HIDDEN; i++) z += h1[i] * w[W2 + i * HIDDEN + j];
    h2[j] = leaky(z);
    logit += h2[j] * w[W3 + j];
  }
  return logit;
}

static inline void offsets(const float *data, int corner, V *x) {
  for (int i = 0; i < 3; i++) x[i] = load(data + (OFFSET + i) * LANES) - (float)(corner >> (2 - i) & 1);
}

// Normalised weights of a cell's corners from their logits; `clamped` tells which are held above LOGIT_RANGE.
static inline void blend_weights(const Problem *p, const float *data, const V *logit, V *weight, I *clamped) {
  V upper[3], most = logit[0], total = {};
  for (int i = 0; i < 3; i++)
    upper[i] = largest(least(load(data + (OFFSET + i) * LANES), splat(p->limit[i])), splat(0.0f));
  for (int k = 1; k < 8; k++) most = largest(most, logit[k]);
  for (int k = 0; k < 8; k++) {
    V relative = logit[k] - most;
    clamped[k] = relative < -LOGIT_RANGE;
    V window = (k & 4 ? upper[0] : 1.0f - upper[0]) * (k & 2 ? upper[1] : 1.0f - upper[1]);
    window *= k & 1 ? upper[2] : 1.0f - upper[2];
    total += weight[k] = window * exponential(largest(relative, splat(-LOGIT_RANGE)));
  }
  V inverse = 1.0f / total;
  for (int k = 0; k < 8; k++) weight[k] *= inverse;
}

// The gradient of the logits from that of the weights.
static inline void logit_gradient(const V *logit, const V *weight, const I *clamped, const V *g, V counts, V *result) {
  V mean = {}, rest = {}, most = logit[0];
  for (int k = 0; k < 8; k++) mean += weight[k] * g[k];
  for (int k = 1; k < 8; k++) most = largest(most, logit[k]);
  for (int k = 0; k < 8; k++) {
    result[k] = choose(clamped[k], splat(0.0f), counts * weight[k] * (g[k] - mean));
    rest += result[k];
  }
  // Where a logit is clamped, the largest one moves all others.
  for (int k = 0; k < 8; k++) result[k] -= choose(logit[k] == most, rest, splat(0.0f));
}

// Adds sum_i weight basis_b value_r of `count` blocks to (9, values) of `out`.
static inline __attribute__((always_inline)) void scatter(const V *weight, int step, const V *basis, const V *value, int64_t values, int count,
                           float *out) {
  V ring[LANES];
  int filled = 0;
  for (int b = 0; b < 9; b++)
    for (int64_t r = 0; r < values; r++) {
      V sum = {};
      for (int i = 0; i < count; i++) sum += weight[i * step] * value[i * values + r] * basis[i * 9 + b];
      ring[filled++] = sum;
      if (filled == LANES) {
        store(out, load(out) + sums(ring));
        out += LANES;
        filled = 0;
      }
    }
  if (filled) {
    while (filled < LANES) ring[filled++] = (V){};
    store(out, load(out) + sums(ring));
  }
}

// One corner's backward pass over `count` blocks, added to its probe's gradient.
static inline __attribute__((always_inline)) void network_gradient(const float *w, const V (*x)[3], V (*h1)[HIDDEN], V (*h2)[HIDDEN],
                                    const V *logit, int count, float *out) {
  V d1[BLOCKS][HIDDEN], d2[BLOCKS][HIDDEN], sum[STRIDE];
  for (int b = 0; b < count; b++) {
    for (int j = 0; j < HIDDEN; j++) d2[b][j] = logit[b] * w[W3 + j] * slope(h2[b][j]);
    for (int i = 0; i < HIDDEN; i++) {
      V d = {};
      for (int j = 0; j < HIDDEN; j++) d += d2[b][j] * w[W2 + i * HIDDEN + j];
      d1[b][i] = d * slope(h1[b][i]);
    }
  }
  V whole = {};
  for (int b = 0; b < count; b++) whole += logit[b];
  sum[B3] = whole;
  for (int i = B3 + 1; i < STRIDE; i++) sum[i] = (V){};
  for (int j = 0; j < HIDDEN; j++) {
    V first = {}, second = {}, last = {};
    for (int b = 0; b < count; b++) {
      first += d1[b][j];
      second += d2[b][j];
      last += logit[b] * h2[b][j];
    }
    sum[B1 + j] = first;
    sum[B2 + j] = second;
    sum[W3 + j] = last;
  }
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < HIDDEN; j++) {
      V s = {};
      for (int b = 0; b < count; b++) s += x[b][i] * d1[b][j];
      sum[W1 + i * HIDDEN + j] = s;
    }
  for (int i = 0; i < HIDDEN; i++)
    for (int j = 0; j < HIDDEN; j++) {
      V s = {};
      for (int b = 0; b < count; b++) s += h1[b][i] * d2[b][j];
      sum[W2 + i * HIDDEN + j] = s;
    }
  for (int i = 0; i < STRIDE; i += LANES) store(out + i, load(out + i) + sums(sum + i));
}

// Gradients from `count` blocks of a cell; `share` is what a point counts.
static inline __attribute__((always_inline)) void learn_blocks(const Problem *p, int64_t cell, const float **data, int count, float share, int mode) {
  V x[8][BLOCKS][3], h1[8][BLOCKS][HIDDEN], h2[8][BLOCKS][HIDDEN], logit[8][BLOCKS];
  V weight[BLOCKS][8], basis[BLOCKS][9], slopes[BLOCKS * CHANNELS], value[8][CHANNELS];
  const int32_t *corner = p->corners + cell * 8;
  int64_t channels = p->channels, stride = STRIDE + p->wide;
  for (int k = 0; k < 8; k++)
    for (int b = 0; b < count; b++) {
      offsets(data[b], k, x[k][b]);
      logit[k][b] = network(p->weights + corner[k] * STRIDE, x[k][b], h1[k][b], h2[k][b]);
    }
  for (int b = 0; b < count; b++) {
    V own[8], g[8], result[8];
    I clamped[8];
    V counts = share * load(data[b] + MASK * LANES);
    for (int k = 0; k < 8; k++) own[k] = logit[k][b];
    blend_weights(p, data[b], own, weight[b], clamped);
    for (int k = 0; k < 8; k++)
      g[k] = -p->divergence * load(data[b] + (VISIBILITY + k) * LANES) / (weight[b][k] + DIVERGENCE_FLOOR);
    if (mode == LIGHT || mode == LESSON) {
      irradiance_basis(data[b] + NORMAL * LANES, basis[b]);
      for (int k = 0; k < 8; k++) {
        const float *sh = p->sh + corner[k] * p->wide;
        for (int64_t c = 0; c < channels; c++) {
          V v = {};
          for (int i = 0; i < 9; i++) v += basis[b][i] * sh[i * channels + c];
          value[k][c] = v;
        }
      }
      for (int64_t c = 0; c < channels; c++) {
        V target = load(data[b] + (TARGET + c) * LANES), result = {};
        for (int k = 0; k < 8; k++) result += weight[b][k] * value[k][c];
        V error = result - target, d;
        if (mode == LESSON) {
          V scale = target * target + p->floor, bend = 1.0f / (1.0f + error * error / (scale * p->cap));
          d = 2.0f * error / scale * bend * bend;
        } else {
          V bound = least(largest(result, splat(0.0f)), 2.0f * target + 0.2f), scale = bound * bound + p->floor;
          d = 2.0f * error / (scale * __builtin_elementwise_sqrt(1.0f + error * error / scale));
          V size = largest(result, splat(0.0f)) + target + ABSOLUTE_FLOOR;
          d += ABSOLUTE_PULL * error / (__builtin_elementwise_sqrt(error * error + ROUNDING) * size);
        }
        d /= (float)channels;
        slopes[b * channels + c] = d * counts;
        for (int k = 0; k < 8; k++) g[k] += d * value[k][c];
      }
    }
    logit_gradient(own, weight[b], clamped, g, counts, result);
    for (int k = 0; k < 8; k++) logit[k][b] = result[k];
  }
  for (int k = 0; k < 8; k++) {
    float *out = p->gradient + ((k >> 1) * p->probes + corner[k]) * stride;
    network_gradient(p->weights + corner[k] * STRIDE, x[k], h1[k], h2[k], logit[k], count, out);
    if (mode == LIGHT) scatter(&weight[0][k], 8, basis[0], slopes, channels, count, out + STRIDE);
  }
}

// The next few blocks of a cell, in the order in which its shuffled points lie; every cell begins elsewhere.
static void learn_cell(const Problem *p, int64_t cell, int64_t step, int mode) {
  int64_t first = p->block_first[cell], blocks = p->block_first[cell + 1] - first;
  int64_t count = blocks < p->draws ? blocks : p->draws;
  int64_t start = blocks > count ? ((uint64_t)cell * 2654435761u + step * count) % blocks : 0;
  for (int64_t done = 0; done < count; done += BLOCKS) {
    const float *data[BLOCKS];
    int some = count - done < BLOCKS ? count - done : BLOCKS;
    for (int i = 0; i < some; i++) data[i] = p->data + (first + (start + done + i) % blocks) * p->features * LANES;
    float share = (float)blocks / (count * p->points);
    // With constant numbers the compiler unrolls all loops over blocks.
    if (mode == LIGHT && some == 2) learn_blocks(p, cell, data, 2, share, LIGHT);
    else if (mode == LIGHT) learn_blocks(p, cell, data, 1, share, LIGHT);
    else if (mode == LESSON && some == 2) learn_blocks(p, cell, data, 2, share, LESSON);
    else if (mode == LESSON) learn_blocks(p, cell, data, 1, share, LESSON);
    else if (some == 2) learn_blocks(p, cell, data, 2, share, GEOMETRY);
    else learn_blocks(p, cell, data, 1, share, GEOMETRY);
  }
}

// Adam for one probe; gradients are zero afterwards.
static void adam(const Problem *p, int64_t probe, int64_t step, int mode) {
  int64_t stride = STRIDE + p->wide, whole = p->probes * stride;
  float *gradient = p->gradient + probe * stride, *first = p->first + probe * stride;
  float *second = p->second + probe * stride, *weights = p->weights + probe * STRIDE, *sh = p->sh + probe * p->wide;
  float rate = p->rates[2 * step], correction = p->rates[2 * step + 1];
  for (int64_t i = 0; i < (mode == LIGHT ? stride : STRIDE); i += LANES) {
    float *value = i < STRIDE ? weights + i : sh + i - STRIDE;
    V g = load(gradient + i) + load(gradient + whole + i);
    g += load(gradient + 2 * whole + i) + load(gradient + 3 * whole + i);
    for (int part = 0; part < 4; part++) store(gradient + part * whole + i, (V){});
    V v = load(value);
    if (i >= STRIDE) {
      int64_t at = probe * p->wide + i - STRIDE;
      g += 2.0f * load(p->pull + at) * (v - load(p->prior + at));
    }
    V m = ADAM_FIRST * load(first + i) + (1.0f - ADAM_FIRST) * g;
    V s = ADAM_SECOND * load(second + i) + (1.0f - ADAM_SECOND) * g * g;
    store(first + i, m);
    store(second + i, s);
    store(value, v - rate * m / (__builtin_elementwise_sqrt(s) * correction + ADAM_FLOOR));
  }
}

// What least squares need of a cell: blend weights, how errors are scaled, the right-hand side and the diagonal.
static void prepare_cell(const Problem *p, int64_t cell) {
  const int32_t *corner = p->corners + cell * 8;
  int64_t channels = p->channels, last = p->block_first[cell + 1];
  for (int64_t block = p->block_first[cell]; block < last; block++) {
    const float *data = p->data + block * p->features * LANES;
    V x[3], h1[HIDDEN], h2[HIDDEN], logit[8], weight[8], square[8], basis[9], basis2[9], right[CHANNELS];
    V inverse[CHANNELS];
    I clamped[8];
    for (int k = 0; k < 8; k++) {
      offsets(data, k, x);
      logit[k] = network(p->weights + corner[k] * STRIDE, x, h1, h2);
    }
    blend_weights(p, data, logit, weight, clamped);
    irradiance_basis(data + NORMAL * LANES, basis);
    for (int64_t c = 0; c < channels; c++) {
      V current = {};
      for (int k = 0; k < 8; k++) {
        V v = {};
        for (int i = 0; i < 9; i++) v += basis[i] * p->sh[corner[k] * p->wide + i * channels + c];
        current += weight[k] * v;
      }
      current = largest(current, splat(0.0f));
      inverse[c] = load(data + MASK * LANES) / (current * current + p->floor);
      right[c] = inverse[c] * load(data + (TARGET + c) * LANES);
      store(p->inverse + (block * channels + c) * LANES, inverse[c]);
    }
    for (int k = 0; k < 8; k++) {
      store(p->blend + (block * 8 + k) * LANES, weight[k]);
      square[k] = weight[k] * weight[k];
    }
    for (int i = 0; i < 9; i++) basis2[i] = basis[i] * basis[i];
    for (int k = 0; k < 8; k++) {
      float *out = p->gradient + ((k >> 1) * p->probes + corner[k]) * p->wide;
      scatter(weight + k, 8, basis, right, channels, 1, out);
      scatter(square + k, 8, basis2, inverse, channels, 1, out + 4 * p->probes * p->wide);
    }
  }
}

// The normal matrix's product with `solution`, a cell's part of it.
static void product_cell(const Problem *p, int64_t cell) {
  const int32_t *corner = p->corners + cell * 8;
  int64_t values = p->values, channels = p->channels, end = p->block_first[cell + 1];
  V basis[MANY][9], weight[MANY][8], result[MANY * 4 * CHANNELS];
  for (int64_t block = p->block_first[cell]; block < end; block += MANY) {
    int count = end - block < MANY ? end - block : MANY;
    for (int b = 0; b < count; b++) {
      irradiance_basis(p->data + ((block + b) * p->features + NORMAL) * LANES, basis[b]);
      for (int k = 0; k < 8; k++) weight[b][k] = load(p->blend + ((block + b) * 8 + k) * LANES);
      for (int64_t r = 0; r < values; r++) {
        V sum = {};
        for (int k = 0; k < 8; k++) {
          V v = {};
          for (int i = 0; i < 9; i++) v += basis[b][i] * p->solution[corner[k] * p->wide + i * values + r];
          sum += weight[b][k] * v;
        }
        result[b * values + r] = sum * load(p->inverse + ((block + b) * channels + r % channels) * LANES);
      }
    }
    for (int k = 0; k < 8; k++)
      scatter(&weight[0][k], 8, basis[0], result, values, count,
              p->gradient + ((k >> 1) * p->probes + corner[k]) * p->wide);
  }
}

// Wait for all threads. Without spinning for long: other work may need the processor that the last one waits for.
static void barrier(Problem *p) {
  int64_t generation = atomic_load(&p->generation);
  if (atomic_fetch_add(&p->arrived, 1) == p->threads - 1) {
    atomic_store(&p->arrived, 0);
    atomic_store(&p->next, 0);
    atomic_store(&p->generation, generation + 1);
  } else {
    for (int spins = 0; atomic_load(&p->generation) == generation; spins++)
      if (spins > 4000) give_way();
  }
}

// Called by `threads` threads at once. GEOMETRY and LIGHT run steps, LESSON the networks' part of one; PREPARE and PRODUCT pass over all points once.
#ifdef _WIN32
__declspec(dllexport)
#endif
void run(Problem *p, int32_t mode, int64_t first_step, int64_t steps) {
  for (int64_t step = first_step; step < first_step + steps; step++) {
    int64_t column, probe;
    while ((column = atomic_fetch_add(&p->next, 1)) < p->columns)
      for (int64_t cell = p->column_first[column]; cell < p->column_first[column + 1]; cell++) {
        if (mode == PREPARE) prepare_cell(p, cell);
        else if (mode == PRODUCT) product_cell(p, cell);
        else learn_cell(p, cell, step, mode);
      }
    barrier(p);
    if (mode == PREPARE || mode == PRODUCT || !p->rates) continue;
    while ((probe = atomic_fetch_add(&p->next, 32)) < p->probes)
      for (int64_t i = probe; i < probe + 32 && i < p->probes; i++) adam(p, i, step, mode);
    barrier(p);
  }
}
