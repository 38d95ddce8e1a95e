/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Times the start with its own shader caches, empty and filled. */
#pragma once

#include <json-glib/json-glib.h>

#include "network.h"

G_BEGIN_DECLS

/** A start as an object of its parts, as a process with --start-only prints it. */
JsonNode *bench_start_to_json(const BenchStart *start);

/** Runs this program twice with its arguments (`argv` as main() got them) and --start-only. The
 * caches of this project and of the drivers lie in a folder that is empty before the first run and
 * kept for the second. Each run is a process, because a process loads drivers only once. */
bool bench_starts_run(char *const *argv, BenchStart *cold, BenchStart *warm, GError **error);

G_END_DECLS
