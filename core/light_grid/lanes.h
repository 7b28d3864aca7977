// SPDX-FileCopyrightText: 2026 Neural Bake developers
//
// SPDX-License-Identifier: GPL-3.0-or-later

// Sixteen single-precision numbers at once, on any processor: the compiler cuts them into what it has.

#include <stdint.h>

#define LANES 16

typedef float V __attribute__((vector_size(64)));
typedef int32_t I __attribute__((vector_size(64)));
typedef float U __attribute__((vector_size(64), aligned(4)));

static inline V load(const float *p) { return *(const U *)p; }
static inline void store(float *p, V v) { *(U *)p = v; }
static inline V splat(float x) { return (V){} + x; }
static inline V choose(I mask, V a, V b) { return (V)((mask & (I)a) | (~mask & (I)b)); }
static inline V largest(V a, V b) { return choose(a > b, a, b); }
static inline V least(V a, V b) { return choose(a < b, a, b); }

// exp for -87 < x <= 0, to two units in the last place: 2^n e^r with the polynomial of Cephes.
static inline V exponential(V x) {
  V n = (x * 1.44269504f + 12582912.0f) - 12582912.0f;
  V r = x - n * 0.693359375f + n * 2.12194440e-4f;
  V p = splat(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  return p * (V)((__builtin_convertvector(n, I) + 127) << 23);
}

// Sums of 16 vectors' lanes, as one vector.
static inline V sums(const V *v) {
  V a[8], b[4], c[2];
  for (int i = 0; i < 8; i++)
    a[i] = __builtin_shufflevector(v[i], v[i + 8], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
           __builtin_shufflevector(v[i], v[i + 8], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
  for (int i = 0; i < 4; i++)
    b[i] = __builtin_shufflevector(a[i], a[i + 4], 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27) +
           __builtin_shufflevector(a[i], a[i + 4], 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
  for (int i = 0; i < 2; i++)
    c[i] = __builtin_shufflevector(b[i], b[i + 2], 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29) +
           __builtin_shufflevector(b[i], b[i + 2], 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
  return __builtin_shufflevector(c[0], c[1], 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30) +
         __builtin_shufflevector(c[0], c[1], 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31);
}
