/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Converts light to the camera's signal: motion blur, softness, noise. */
#include "scene/sensor.h"

#define NOISE_SIZE 8192 /* a power of two */
#define STRONGEST 48.0f /* standard deviation at noise 1, of LM_PIXEL_MAX */
#define BLURRED 6       /* a smaller motion, in LM_MOTION_UNITs, is not visible */
#define COMPONENTS G_GUINT64_CONSTANT(0xFFFFFFFFFFFF0000)
#define OPAQUE ((LmLanes)LM_PIXEL_MAX)

/* A number of nearly normal distribution with deviation 1: the sum of twelve uniform ones. */
static float normal(guint32 seed, guint32 a, guint32 b)
{
    float sum = -6;
    for (guint32 i = 0; i < 12; i++)
        sum += lm_random(seed + i, a, b);
    return sum;
}

void lm_sensor_init(LmSensor *sensor, const LmSceneParams *params)
{
    sensor->seed = params->seed;
    sensor->noise = NULL;
    if (params->noise <= 0)
        return;
    sensor->noise = g_new(gint16, 4 * NOISE_SIZE);
    for (guint32 i = 0; i < NOISE_SIZE; i++) {
        /* Most of the noise is common to the colours: visible noise is luma more than chroma. */
        float common = normal(params->seed, i, 100), strength = (float)params->noise * STRONGEST;
        float red = strength * (common + 0.4f * normal(params->seed, i, 101));
        float green = strength * common;
        float blue = strength * (common + 0.5f * normal(params->seed, i, 102));
        LmLanes lanes = 0;
        for (guint k = 0; k < 3; k++) {
            const float *row = params->color.matrix[k];
            gint value = (gint)lm_floor(row[0] * red + row[1] * green + row[2] * blue + 0.5f);
            lanes |= (LmLanes)(guint16)value << (16 * (k + 1));
        }
        lm_lanes_store(sensor->noise, i, lanes);
    }
}

void lm_sensor_finish(LmSensor *sensor)
{
    g_clear_pointer(&sensor->noise, g_free);
}

/* The mean along the pixel's path during the exposure. */
static LmPixel blur(const LmCanvas *canvas, guint x, guint y, gint move_x, gint move_y)
{
    gint longer = MAX(ABS(move_x), ABS(move_y));
    guint shift = longer < 2 * BLURRED ? 1 : longer < 5 * BLURRED ? 2 : 3;
    /* Taps lie at odd multiples of 1 / taps from -1 to 1 of the motion. All positions are shifted
     * up by FAR pixels, since only positive numbers can be divided by shifting. */
    enum { FAR = 256 };
    const gint unit = LM_MOTION_UNIT << shift, taps = 1 << shift, last_x = (gint)canvas->width - 1,
               last_y = (gint)canvas->height - 1;
    const guint unit_shift = 3 + shift;
    gint place_x = ((gint)x + FAR) * unit + unit / 2 - move_x * (taps - 1);
    gint place_y = ((gint)y + FAR) * unit + unit / 2 - move_y * (taps - 1);
    LmPixel sum = 0;
    for (gint i = 0; i < taps; i++, place_x += 2 * move_x, place_y += 2 * move_y) {
        gint tap_x = (gint)((guint)place_x >> unit_shift) - FAR,
             tap_y = (gint)((guint)place_y >> unit_shift) - FAR;
        tap_x = CLAMP(tap_x, 0, last_x);
        tap_y = CLAMP(tap_y, 0, last_y);
        sum += canvas->pixels[(gsize)tap_y * canvas->width + (gsize)tap_x] & COMPONENTS;
    }
    return (sum >> shift) & G_GUINT64_CONSTANT(0x03FF03FF03FF0000);
}
G_STATIC_ASSERT(LM_MOTION_UNIT == 1 << 3);

void lm_sensor_expose(const LmCanvas *canvas, guint y, gint16 *exposed)
{
    const LmPixel *row = canvas->pixels + (gsize)y * canvas->width;
    for (guint x = 0; x < canvas->width; x++) {
        gint move_x = (gint)(row[x] & 255) - LM_MOTION_NONE,
             move_y = (gint)(row[x] >> 8 & 255) - LM_MOTION_NONE;
        LmPixel pixel = row[x] & COMPONENTS;
        if (MAX(ABS(move_x), ABS(move_y)) >= BLURRED)
            pixel = blur(canvas, x, y, move_x, move_y);
        lm_lanes_store(exposed, x, pixel | OPAQUE);
    }
}

/* Filters each pixel with its neighbours, 1 2 1 across and down: hides the steps of edges, as a
 * lens does.
 */
static void soften(const gint16 *const exposed[3], guint width, gint16 *signal)
{
#define DOWN(x)                                                                                    \
    (lm_lanes_load(exposed[0], x) + 2 * lm_lanes_load(exposed[1], x) + lm_lanes_load(exposed[2], x))
    LmLanes left = DOWN(0), middle = left;
    for (guint x = 0; x < width; x++) {
        LmLanes right = x + 1 < width ? DOWN(x + 1) : middle;
        LmLanes sum = left + 2 * middle + right;
        lm_lanes_store(signal, x, sum >> 4 & G_GUINT64_CONSTANT(0x03FF03FF03FF03FF));
        left = middle;
        middle = right;
    }
#undef DOWN
}

void lm_sensor_read(const LmSensor *sensor, guint64 number, guint y, const gint16 *const exposed[3],
                    guint width, gint16 *signal)
{
    soften(exposed, width, signal);
    if (!sensor->noise)
        return;
    guint32 lot =
        lm_hash(sensor->seed, (guint32)number + y * 2654435761u, (guint32)(number >> 32) + y);
    for (guint x = 0; x < width;) {
        /* Goes up to the end of the table at a time. */
        guint from = (lot + x) & (NOISE_SIZE - 1), count = MIN(width - x, NOISE_SIZE - from);
        gint16 *lanes = signal + 4 * x;
        const gint16 *noise = sensor->noise + 4 * from;
        for (guint i = 0; i < 4 * count; i++) {
            gint16 value = (gint16)(GINT16_FROM_LE(lanes[i]) + GINT16_FROM_LE(noise[i]));
            value = value > 0 ? value : 0;
            value = value < LM_PIXEL_MAX ? value : LM_PIXEL_MAX;
            lanes[i] = GINT16_TO_LE(value);
        }
        x += count;
    }
}
