/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The mucosa's surface as a texture that repeats both ways, with smaller versions for distant
 * surfaces. */
#include "scene/mucosa.h"

#include "scene/numeric.h"

#define SIZE LM_MUCOSA_SIZE

/* Adds value noise of `cells` cells along each side, times `strength`, to a field of SIZE x SIZE.
 */
static void add_noise(float *field, guint32 seed, guint cells, float strength)
{
    const guint step = SIZE / cells; /* texels to a cell */
    float *curve = g_new(float, step);
    for (guint i = 0; i < step; i++) {
        float t = ((float)i + 0.5f) / (float)step;
        curve[i] = t * t * (3.0f - 2.0f * t);
    }
    for (guint row = 0; row < cells; row++)
        for (guint column = 0; column < cells; column++) {
            guint right = (column + 1) % cells, below = (row + 1) % cells;
            float a = lm_random(seed, column, row) - 0.5f, b = lm_random(seed, right, row) - 0.5f;
            float c = lm_random(seed, column, below) - 0.5f,
                  d = lm_random(seed, right, below) - 0.5f;
            for (guint y = 0; y < step; y++) {
                float left = lm_mix(a, c, curve[y]) * 2 * strength,
                      slope = lm_mix(b, d, curve[y]) * 2 * strength - left;
                float *out = field + (row * step + y) * SIZE + column * step;
                for (guint x = 0; x < step; x++)
                    out[x] += left + slope * curve[x];
            }
        }
    g_free(curve);
}

/* Darkens a soft disc, which wraps around the edges. */
static void stamp(float *field, float x, float y, float radius, float depth)
{
    gint reach = (gint)radius + 2, cx = (gint)lm_floor(x), cy = (gint)lm_floor(y);
    for (gint dy = -reach; dy <= reach; dy++)
        for (gint dx = -reach; dx <= reach; dx++) {
            float ox = (float)(cx + dx) - x, oy = (float)(cy + dy) - y;
            float share = lm_clamp(radius + 0.7f - sqrtf(ox * ox + oy * oy), 0.0f, 1.0f) * depth;
            float *texel =
                field + (guint)((cy + dy) & (SIZE - 1)) * SIZE + (guint)((cx + dx) & (SIZE - 1));
            *texel = MAX(*texel, share);
        }
}

typedef struct {
    float x, y;  /* texels */
    double turn; /* direction, in turns */
    float width; /* texels */
    gint length; /* steps to go */
} Vessel;

/* Vessels wander, taper and branch. */
static void grow_vessels(float *field, guint32 seed)
{
    enum { ROOTS = 64, MOST = 1200 };
    Vessel *vessels = g_new(Vessel, MOST);
    guint count = 0;
    for (guint32 i = 0; i < ROOTS; i++)
        vessels[count++] = (Vessel){lm_random(seed, i, 0) * SIZE, lm_random(seed, i, 1) * SIZE,
                                    lm_random(seed, i, 2),
                                    1.0f + 1.1f * lm_random(seed, i, 3) * lm_random(seed, i, 4),
                                    150 + (gint)(170 * lm_random(seed, i, 4))};
    for (guint32 i = 0; i < count; i++) {
        Vessel vessel = vessels[i];
        double curl = 0;
        gint whole = vessel.length, since = 0;
        for (guint32 step = 0; vessel.length > 0; vessel.length--, step++, since++) {
            float depth = lm_clamp(vessel.width / 1.8f, 0.15f, 1.0f) *
                          lm_clamp((float)vessel.length / 25.0f, 0.0f, 1.0f);
            stamp(field, vessel.x, vessel.y,
                  vessel.width * (0.5f + 0.5f * (float)vessel.length / (float)whole), depth);
            vessel.x += 1.3f * (float)lm_cos(vessel.turn);
            vessel.y += 1.3f * (float)lm_sin(vessel.turn);
            curl = 0.93 * curl + 0.007 * (lm_random(seed + i, step, 5) - 0.5);
            vessel.turn += curl;
            if (since > 22 && count < MOST && vessel.width > 0.35f &&
                lm_random(seed + i, step, 6) < 0.045f) {
                double side = lm_random(seed + i, step, 7) < 0.5f ? -1 : 1;
                vessels[count++] =
                    (Vessel){vessel.x, vessel.y,
                             vessel.turn + side * (0.07 + 0.09 * lm_random(seed + i, step, 8)),
                             vessel.width * 0.66f, vessel.length * 2 / 3 + 20};
                vessel.turn -= side * 0.03;
                since = 0;
            }
        }
    }
    g_free(vessels);
}

static guint32 byte_of(float value)
{
    return (guint32)(lm_clamp(value, 0.0f, 255.0f) + 0.5f);
}

/* The mean of four texels, byte by byte. */
static LmTexel mean(LmTexel a, LmTexel b, LmTexel c, LmTexel d)
{
    LmTexel result = 0;
    for (guint shift = 0; shift < 32; shift += 8)
        result |= ((((a >> shift) & 255) + ((b >> shift) & 255) + ((c >> shift) & 255) +
                    ((d >> shift) & 255) + 2) >>
                   2)
                  << shift;
    return result;
}

void lm_mucosa_init(LmMucosa *mucosa, guint32 seed)
{
    float *vessel = g_new0(float, SIZE *SIZE), *ground = g_new0(float, SIZE *SIZE),
          *height = g_new0(float, SIZE *SIZE);
    grow_vessels(vessel, seed + 1);
    for (guint cells = 8, i = 0; cells <= 256; cells *= 2, i++)
        add_noise(ground, seed + 20 + i, cells,
                  (float)(cells >= 128 ? 18 : 34) / (float)(cells >= 128 ? 1 : 1 + i));
    /* Heights in texels: gentle waves, and the fine grain that makes a wet surface glitter. */
    add_noise(height, seed + 40, 16, 7.0f);
    add_noise(height, seed + 41, 32, 4.4f);
    add_noise(height, seed + 42, 64, 2.6f);
    add_noise(height, seed + 43, 128, 0.8f);
    add_noise(height, seed + 44, 256, 0.2f);

    mucosa->levels[0] = g_new(LmTexel, SIZE * SIZE);
    for (guint y = 0; y < SIZE; y++)
        for (guint x = 0; x < SIZE; x++) {
            guint at = y * SIZE + x, right = y * SIZE + (x + 1) % SIZE,
                  below = (y + 1) % SIZE * SIZE + x;
            mucosa->levels[0][at] = byte_of(255 * vessel[at]) | byte_of(128 + ground[at]) << 8 |
                                    byte_of(128 + 127 * (height[right] - height[at])) << 16 |
                                    byte_of(128 + 127 * (height[below] - height[at])) << 24;
        }
    for (guint level = 1; level < LM_MUCOSA_LEVELS; level++) {
        guint size = SIZE >> level;
        const LmTexel *finer = mucosa->levels[level - 1];
        mucosa->levels[level] = g_new(LmTexel, size * size);
        for (guint y = 0; y < size; y++)
            for (guint x = 0; x < size; x++) {
                const LmTexel *four = finer + 4 * y * size + 2 * x;
                mucosa->levels[level][y * size + x] =
                    mean(four[0], four[1], four[2 * size], four[2 * size + 1]);
            }
    }
    g_free(vessel);
    g_free(ground);
    g_free(height);
}

void lm_mucosa_finish(LmMucosa *mucosa)
{
    for (guint level = 0; level < LM_MUCOSA_LEVELS; level++)
        g_clear_pointer(&mucosa->levels[level], g_free);
}
