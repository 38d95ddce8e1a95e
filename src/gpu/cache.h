/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The file that keeps a pipeline cache between runs; private to src/gpu. */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

/** Identifies the device and driver of a cache. If any byte differs, a driver may crash on the data
 * rather than refuse it. */
typedef struct {
    guint8 device_uuid[16];
    guint8 cache_uuid[16]; /**< pipelineCacheUUID. */
    guint32 vendor, device, driver_version;
} LmCacheIdentity;

/** The data in the file. NULL if there is no file, or, with a g_info(), if it is damaged or of
 * another device. */
GBytes *lm_cache_read(const char *path, const LmCacheIdentity *identity);
/** Replaces the file, atomically; creates its directory, for the user alone, if there is none. */
bool lm_cache_write(const char *path, const LmCacheIdentity *identity, const void *data, gsize size,
                    GError **error);

G_END_DECLS
