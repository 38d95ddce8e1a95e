/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Checks that a marked frame equals the clean one outside the marks. */
#pragma once

#include <gst/video/video.h>

#include "gstlmmeta.h"

G_BEGIN_DECLS

/** Counts over frames, for formats of 8 bits, whose samples are bytes. A sample is outside the
 * marks if none of its pixels is marked (this includes subsampled chroma and packed formats); so
 * are all alpha and padding bits. */
typedef struct {
    GstVideoInfo info;
    GstLmMarks marks;
    guint8 *classes; /* of each pixel, then one row of bytes that may change */
    guint frames;
    guint marked;    /**< Frames with findings. */
    guint64 outside; /**< Compared bytes outside the marks, */
    guint64 changed; /**< and those of them that differ. */
} BenchIntegrity;

/** Allocates all memory. Frames must have a format of 8 bits. */
void bench_integrity_init(BenchIntegrity *outside, const GstVideoInfo *info);
void bench_integrity_finish(BenchIntegrity *outside);
/** Compares a frame, with or without lmnet's metadata, with the original. */
void bench_integrity_add(BenchIntegrity *outside, GstBuffer *clean, GstBuffer *out);

G_END_DECLS
