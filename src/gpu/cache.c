/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Reads and writes the file that keeps a pipeline cache between runs. */
#include "gpu/cache.h"

#include "util/error.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#define MAX_BYTES (256u << 20)

/** Written in the host's byte order, so another byte order has another magic. */
typedef struct {
    guint32 magic;
    LmCacheIdentity identity;
    guint64 size;
    guint8 checksum[32]; /**< SHA-256 of the data. */
} Header;

#define MAGIC 0x31435050u
G_STATIC_ASSERT(sizeof(Header) == 4 + 44 + 8 + 32);

static Header make_header(const LmCacheIdentity *identity, const void *data, gsize size)
{
    Header header = {.magic = MAGIC, .identity = *identity, .size = size};
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    g_checksum_update(checksum, data, size);
    gsize length = sizeof header.checksum;
    g_checksum_get_digest(checksum, header.checksum, &length);
    return header;
}

GBytes *lm_cache_read(const char *path, const LmCacheIdentity *identity)
{
    GStatBuf status;
    if (g_stat(path, &status) != 0) {
        if (errno != ENOENT)
            g_info("%s: %s", path, g_strerror(errno));
        return NULL;
    }
    g_autoptr(GError) error = NULL;
    g_autofree char *content = NULL;
    gsize length = 0;
    if (!S_ISREG(status.st_mode) || status.st_size > MAX_BYTES) {
        g_info("%s: not a pipeline cache", path);
        return NULL;
    }
    if (!g_file_get_contents(path, &content, &length, &error)) {
        g_info("%s", error->message);
        return NULL;
    }
    Header header;
    if (length < sizeof header) {
        g_info("%s: too short for a pipeline cache", path);
        return NULL;
    }
    memcpy(&header, content, sizeof header);
    const char *data = content + sizeof header;
    gsize size = length - sizeof header;
    if (header.magic == MAGIC && memcmp(&header.identity, identity, sizeof *identity) != 0) {
        g_info("%s: of another device or driver", path);
        return NULL;
    }
    Header expected = make_header(identity, data, size);
    if (memcmp(&header, &expected, sizeof header) != 0) {
        g_info("%s: damaged", path);
        return NULL;
    }
    return g_bytes_new(data, size);
}

bool lm_cache_write(const char *path, const LmCacheIdentity *identity, const void *data, gsize size,
                    GError **error)
{
    g_autofree char *directory = g_path_get_dirname(path);
    if (g_mkdir_with_parents(directory, 0700) != 0) {
        g_set_error(error, LM_ERROR, LM_ERROR_FILE, "%s: %s", directory, g_strerror(errno));
        return false;
    }
    Header header = make_header(identity, data, size);
    g_autoptr(GByteArray) content = g_byte_array_sized_new(sizeof header + size);
    g_byte_array_append(content, (const guint8 *)&header, sizeof header);
    g_byte_array_append(content, data, size);
    g_autoptr(GError) failure = NULL;
    if (!g_file_set_contents(path, (const char *)content->data, content->len, &failure)) {
        g_set_error(error, LM_ERROR, LM_ERROR_FILE, "%s", failure->message);
        return false;
    }
    return true;
}
