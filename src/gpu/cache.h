/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The file that keeps a pipeline cache between runs; private to src/gpu. */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

/** Whose cache it is: with any byte different, a driver may crash on it rather than refuse it. */
typedef struct {
    guint8 device_uuid[16];
    guint8 cache_uuid[16]; /**< pipelineCacheUUID. */
    guint32 vendor, device, driver_version;
} LmCacheIdentity;

/** The data in the file, or NULL, with a g_info() unless there is no such file: it is damaged or
 * another device's. */
GBytes *lm_cache_read(const char *path, const LmCacheIdentity *identity);
/** Replaces the file, atomically; makes its directory, for the user alone, where there is none. */
bool lm_cache_write(const char *path, const LmCacheIdentity *identity, const void *data, gsize size,
                    GError **error);

G_END_DECLS
