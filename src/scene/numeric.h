/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Arithmetic that gives the same bits on every machine and with every compiler: integers, and IEEE
 * + - * / and square root, without libm and without contraction. */
#pragma once

#include <float.h>
#include <math.h>

#include <glib.h>

G_BEGIN_DECLS

/* Wider intermediates, like the x87's, would round differently. */
G_STATIC_ASSERT(FLT_EVAL_METHOD == 0);

/** A well-mixed number from a seed and two coordinates (the finaliser of MurmurHash3, thrice). */
static inline guint32 lm_hash(guint32 seed, guint32 a, guint32 b)
{
    guint32 hash = seed * 0x9E3779B1u + 0x85EBCA77u;
    guint32 words[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        hash ^= words[i] * 0xCC9E2D51u;
        hash ^= hash >> 16;
        hash *= 0x85EBCA6Bu;
        hash ^= hash >> 13;
        hash *= 0xC2B2AE35u;
        hash ^= hash >> 16;
    }
    return hash;
}

/** The hash as a number in 0..1, 1 excluded. */
static inline float lm_random(guint32 seed, guint32 a, guint32 b)
{
    return (float)(lm_hash(seed, a, b) >> 8) * (1.0f / 16777216.0f);
}

/** The largest integer that is not above `value`, which must fit. */
static inline gint64 lm_floor(double value)
{
    gint64 whole = (gint64)value;
    return (double)whole > value ? whole - 1 : whole;
}

/** The sine of an angle in turns, to 4e-6. */
static inline double lm_sin(double turns)
{
    double t = turns - (double)lm_floor(turns); /* 0..1 */
    if (t > 0.75)
        t -= 1.0;
    else if (t > 0.25)
        t = 0.5 - t;
    double x = t * 6.283185307179586, square = x * x;
    return x * (1.0 +
                square * (-1.0 / 6 +
                          square * (1.0 / 120 + square * (-1.0 / 5040 + square * (1.0 / 362880)))));
}

static inline double lm_cos(double turns)
{
    return lm_sin(turns + 0.25);
}

static inline float lm_clamp(float value, float low, float high)
{
    /* In this order each of them is one instruction. */
    float raised = value > low ? value : low;
    return raised < high ? raised : high;
}

static inline float lm_mix(float a, float b, float share)
{
    return a + (b - a) * share;
}

/** 0 below `from`, 1 above `to`, a cubic between them. */
static inline float lm_smooth_step(float from, float to, float value)
{
    float t = lm_clamp((value - from) / (to - from), 0.0f, 1.0f);
    return t * t * (3.0f - 2.0f * t);
}

/** Smooth value noise in -1..1 on a lattice of unit cells, which repeats after `period` (at least
 * 1) cells of x. */
static inline float lm_noise(guint32 seed, double x, double y, guint32 period)
{
    gint64 column = lm_floor(x), row = lm_floor(y);
    float fx = (float)(x - (double)column), fy = (float)(y - (double)row);
    gint64 wrapped = column % (gint64)period;
    guint32 x0 = (guint32)(wrapped < 0 ? wrapped + period : wrapped),
            x1 = x0 + 1 == period ? 0 : x0 + 1;
    guint32 y0 = (guint32)row, y1 = y0 + 1;
    fx = fx * fx * (3.0f - 2.0f * fx);
    fy = fy * fy * (3.0f - 2.0f * fy);
    float top = lm_mix(lm_random(seed, x0, y0), lm_random(seed, x1, y0), fx);
    float bottom = lm_mix(lm_random(seed, x0, y1), lm_random(seed, x1, y1), fx);
    return 2.0f * lm_mix(top, bottom, fy) - 1.0f;
}

typedef struct {
    float x, y, z;
} LmVec;

static inline LmVec lm_vec_add(LmVec a, LmVec b, float scale)
{
    return (LmVec){a.x + b.x * scale, a.y + b.y * scale, a.z + b.z * scale};
}

static inline float lm_vec_dot(LmVec a, LmVec b)
{
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

static inline LmVec lm_vec_cross(LmVec a, LmVec b)
{
    return (LmVec){a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

/** The vector of length 1 in a's direction; `other` if a's length is nearly 0. */
static inline LmVec lm_vec_unit(LmVec a, LmVec other)
{
    float square = lm_vec_dot(a, a);
    if (square < 1e-12f)
        return other;
    float scale = 1.0f / sqrtf(square);
    return (LmVec){a.x * scale, a.y * scale, a.z * scale};
}

G_END_DECLS
