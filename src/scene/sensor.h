/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Converts light to the camera's signal: motion blur, softness, noise. */
#pragma once

#include <string.h>

#include "scene/raster.h"

G_BEGIN_DECLS

/** Rows of signal, exposed or read, hold four 16-bit lanes a pixel: LM_PIXEL_MAX, for opaque, and
 * the components as in LmPixel. Code that works on all lanes of a pixel at once treats them as one
 * number. */
typedef guint64 LmLanes;

static inline LmLanes lm_lanes_load(const gint16 *signal, gsize x)
{
    LmLanes lanes;
    memcpy(&lanes, signal + 4 * x, sizeof lanes);
    return GUINT64_FROM_LE(lanes);
}

static inline void lm_lanes_store(gint16 *signal, gsize x, LmLanes lanes)
{
    lanes = GUINT64_TO_LE(lanes);
    memcpy(signal + 4 * x, &lanes, sizeof lanes);
}

typedef struct {
    guint32 seed;
    gint16 *noise; /**< rows of signal, drawn once and read from changing positions; NULL for
                        none */
} LmSensor;

void lm_sensor_init(LmSensor *sensor, const LmSceneParams *params);
void lm_sensor_finish(LmSensor *sensor);

/** Writes row y of the canvas, blurred by the exposure. */
void lm_sensor_expose(const LmCanvas *canvas, guint y, gint16 *exposed);

/** Writes row y of the signal of frame `number`: `width` pixels from three exposed rows, y - 1, y
 * and y + 1, softened by the lens, plus noise. */
void lm_sensor_read(const LmSensor *sensor, guint64 number, guint y, const gint16 *const exposed[3],
                    guint width, gint16 *signal);

G_END_DECLS
