/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Times the network alone on a device: its start, its passes, its operators. */
#pragma once

#include "net/network.h"
#include "options.h"
#include "exec/executor.h"
#include "timing.h"

G_BEGIN_DECLS

/** The parts of a start, one after the other, in ms. */
typedef struct {
    double device;      /**< Loading drivers, opening the device. */
    double pipelines;   /**< Reading the cache, creating the pipelines, and the work that the driver
                           leaves to their first use. */
    double weights;     /**< Reading, folding, packing, uploading; planning the network. */
    double first_frame; /**< Recording the commands, and the first pass. */
} BenchStart;

double bench_start_total(const BenchStart *start);

/** Zeroed: nothing. */
typedef struct {
    LmWeights *weights;
    LmGraph *graph;
    LmDevice *device;
    LmPipelines *pipelines;
    LmExecutor *executor;
    LmCommands commands; /**< One pass. */
    LmPrecision precision;
    BenchStart start;
} BenchNetwork;

/** Goes from nothing to the end of the first pass. The caller closes `network` in either case. */
bool bench_network_open(BenchNetwork *network, const BenchOptions *options, GError **error);
void bench_network_close(BenchNetwork *network);

/** Runs passes that do not count until the device has warmed up, then `runs` passes that count.
 * Gives the wall time of each from submission to fence, in ms. */
bool bench_network_time(BenchNetwork *network, unsigned runs, BenchSummary *summary,
                        GError **error);
/** Returns true if the device can time operators. */
bool bench_network_has_timestamps(const BenchNetwork *network);
/** Gives each operator's median over `runs` passes with timestamps, which the device must have:
 * graph->ops->len elements, in ms. */
bool bench_network_time_operators(BenchNetwork *network, unsigned runs, double *ms, GError **error);

/** Writes the output as raw floats. */
bool bench_network_save_logits(BenchNetwork *network, const char *path, GError **error);

G_END_DECLS
