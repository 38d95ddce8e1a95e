/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Integrity check: counts the bytes outside the marks that differ from the clean frame. */
#pragma once

#include <gst/video/video.h>

#include "gstlmmeta.h"

G_BEGIN_DECLS

/** Counts over frames. Bytes are samples, for formats of 8 bits; a sample is outside the marks if
 * none of its pixels is marked (also in subsampled chroma and packed formats); all alpha and
 * padding bits of a pixel are outside, too. */
typedef struct {
    GstVideoInfo info;
    GstLmMarks marks;
    guint8 *classes; /* of each pixel, then one row of the bytes that may change */
    guint frames;
    guint marked;     /**< Frames with findings. */
    guint64 compared; /**< Compared bytes outside the marks, */
    guint64 changed;  /**< and those of them that differ. */
} BenchIntegrity;

/** Allocates all memory that it will need. The frames' format has 8 bits. */
void bench_integrity_init(BenchIntegrity *check, const GstVideoInfo *info);
void bench_integrity_finish(BenchIntegrity *check);
/** Compares one frame, with or without lmnet's metadata, with the clean one. */
void bench_integrity_add(BenchIntegrity *check, GstBuffer *clean, GstBuffer *out);

G_END_DECLS
