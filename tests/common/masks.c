/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Masks for tests. */
#include "masks.h"

#include <math.h>

static double uniform(guint32 *state)
{
    *state = *state * 1664525 + 1013904223;
    return (*state >> 8) / 16777216.0;
}

LmMask *test_mask_new(int width, int height, unsigned n_classes, LmRect region, unsigned blobs,
                      guint32 seed)
{
    LmMask *mask = lm_mask_new(width, height, n_classes, region);
    const int size = width * height;
    double *scores = g_new0(double, (gsize)size *n_classes);
    for (unsigned c = 1; c < n_classes; c++) {
        for (int i = 0; i < size && blobs == 0; i++)
            scores[c * size + i] = 6 * uniform(&seed) - 3;
        for (int i = 0; i < size && blobs > 0; i++)
            scores[c * size + i] = -6;
        for (unsigned b = 0; b < blobs; b++) {
            double x = uniform(&seed) * width, y = uniform(&seed) * height;
            double radius = (0.05 + 0.2 * uniform(&seed)) * MIN(width, height);
            for (int i = 0; i < size; i++) {
                double score = 3 * (radius - hypot(i % width - x, i / width - y));
                scores[c * size + i] = MAX(scores[c * size + i], CLAMP(score, -6, 6));
            }
        }
    }
    for (int i = 0; i < size; i++) {
        double sum = 0;
        for (unsigned c = 0; c < n_classes; c++)
            sum += exp(scores[c * size + i]);
        for (unsigned c = 1; c < n_classes; c++)
            mask->data[(c - 1) * size + i] = (guint8)(255 * exp(scores[c * size + i]) / sum);
    }
    g_free(scores);
    return mask;
}
