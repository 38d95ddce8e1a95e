/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copies through a buffer that the host can map. */
#include "gpu/staging.h"

#include <string.h>

#include "gpu/commands.h"

bool lm_staging_write(const LmBuffer *to, VkDeviceSize offset, const void *data, VkDeviceSize size,
                      GError **error)
{
    LmBuffer staging = {0};
    bool ok = lm_buffer_init(&staging, to->device, LM_BUFFER_UPLOAD, size, "staging", error);
    if (ok) {
        memcpy(staging.map, data, size);
        ok = lm_buffer_flush(&staging, error) &&
             lm_commands_transfer(to->device, &staging, 0, to, offset, size, error);
    }
    lm_buffer_finish(&staging);
    return ok;
}

bool lm_staging_read(const LmBuffer *from, VkDeviceSize offset, void *data, VkDeviceSize size,
                     GError **error)
{
    LmBuffer staging = {0};
    bool ok = lm_buffer_init(&staging, from->device, LM_BUFFER_READBACK, size, "staging", error) &&
              lm_commands_transfer(from->device, from, offset, &staging, 0, size, error) &&
              lm_buffer_invalidate(&staging, error);
    if (ok)
        memcpy(data, staging.map, size);
    lm_buffer_finish(&staging);
    return ok;
}
