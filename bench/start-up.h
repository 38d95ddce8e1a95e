/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The start with shader caches of its own, empty and filled. */
#pragma once

#include <json-glib/json-glib.h>

#include "network.h"

G_BEGIN_DECLS

/** A start as an object of its parts; what a process with --start-only prints. */
JsonNode *bench_start_to_json(const BenchStart *start);

/** Runs this program twice, with its arguments (`argv` as main() got them) and --start-only, where
 * the caches of this project and of the drivers lie in an empty folder, then in that folder as the
 * first run left it. A process of its own each, for drivers are loaded only once. */
bool bench_starts_run(char *const *argv, BenchStart *cold, BenchStart *warm, GError **error);

G_END_DECLS
