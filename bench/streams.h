/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Several sessions at once on one device, as several lmnet elements in a process are. */
#pragma once

#include "options.h"
#include "timing.h"

G_BEGIN_DECLS

/** Runs options->streams sessions in threads of their own, each with options->runs frames of the
 * network's size (width x height), one after the other. medians: options->streams elements, each
 * session's median time from frame to mask in ms. frames_per_second: of all sessions together. */
bool bench_streams_run(const BenchOptions *options, int width, int height, double *medians,
                       double *frames_per_second, GError **error);

G_END_DECLS
