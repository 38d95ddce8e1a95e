/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The measurements of the network, as text or as JSON. */
#pragma once

#include <json-glib/json-glib.h>

#include "network.h"
#include "streams.h"

G_BEGIN_DECLS

/** All results of one run of lmnet-bench. Pointers are borrowed. */
typedef struct {
    const BenchOptions *options;
    const BenchNetwork *network;
    const BenchStart *cold, *warm; /**< NULL: not measured. */
    BenchSummary pass;             /**< ms. */
    const double *operator_ms; /**< One for each operator; NULL: the device has no timestamps. */
    unsigned operator_runs;
    const BenchStreams *streams; /**< NULL: not measured. */
    guint64 peak_rss;            /**< Bytes. */
} BenchReport;

void bench_report_print_text(const BenchReport *report);
void bench_report_print_json(const BenchReport *report);

/** Adds a member to the current object. */
void bench_json_add_string(JsonBuilder *builder, const char *name, const char *value);
void bench_json_add_integer(JsonBuilder *builder, const char *name, guint64 value);
void bench_json_add_double(JsonBuilder *builder, const char *name, double value);
/** Prints a document on its own line. */
void bench_print_json(JsonNode *node);

G_END_DECLS
