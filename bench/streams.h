/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Several sessions at once on one device, like several lmnet elements in a process. */
#pragma once

#include "options.h"
#include "timing.h"

G_BEGIN_DECLS

typedef struct {
    double *medians;          /**< For each session, the times from frame to mask, ms. Owned. */
    double frames_per_second; /**< Of all together. */
    guint64 device_bytes;     /**< Of all together; shared memory counts once. */
} BenchStreams;

/** Runs options->streams sessions, each in its own thread with options->runs frames of the
 * network's size (width x height), one after the other. */
bool bench_streams_run(const BenchOptions *options, int width, int height, BenchStreams *streams,
                       GError **error);
/** Takes zeroed streams, too. */
void bench_streams_clear(BenchStreams *streams);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(BenchStreams, bench_streams_clear)

G_END_DECLS
