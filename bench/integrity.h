/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What a marked frame differs in from the clean one, where nothing is marked. */
#pragma once

#include <gst/video/video.h>

#include "gstlmmeta.h"

G_BEGIN_DECLS

/** Counts over frames. Bytes are samples, for formats of 8 bits; outside the marks is a sample none
 * of whose pixels is marked (of subsampled chroma, and of packed formats too), and all alpha and
 * padding bits of a pixel. */
typedef struct {
    GstVideoInfo info;
    GstLmMarks marks;
    guint8 *classes; /* of each pixel, then one row of bytes that may change */
    guint frames;
    guint marked;    /**< Of them, those with findings. */
    guint64 outside; /**< Bytes outside the marks that were compared, */
    guint64 changed; /**< and those of them that were not the same. */
} BenchOutside;

/** Takes all memory that it will need. Frames are of a format of 8 bits. */
void bench_outside_init(BenchOutside *outside, const GstVideoInfo *info);
void bench_outside_finish(BenchOutside *outside);
/** Compares one frame, with lmnet's metadata on it or none, with what it was. */
void bench_outside_add(BenchOutside *outside, GstBuffer *clean, GstBuffer *out);

G_END_DECLS
