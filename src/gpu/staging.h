/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Bytes to and from buffers on the device, now and then; frames have buffers of their own. */
#pragma once

#include "gpu/buffer.h"

G_BEGIN_DECLS

/** Copy `size` bytes to or from a buffer, from byte `offset` on; wait for the device, however long
 * the work before takes. False with an error. */
bool lm_staging_write(const LmBuffer *to, VkDeviceSize offset, const void *data, VkDeviceSize size,
                      GError **error);
bool lm_staging_read(const LmBuffer *from, VkDeviceSize offset, void *data, VkDeviceSize size,
                     GError **error);

G_END_DECLS
