/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Occasional copies to and from buffers on the device; frames have their own buffers. */
#pragma once

#include "gpu/buffer.h"

G_BEGIN_DECLS

/** Copy `size` bytes to or from a buffer, from byte `offset` on, and wait for the device without
 * limit. Return false with an error. */
bool lm_staging_write(const LmBuffer *to, VkDeviceSize offset, const void *data, VkDeviceSize size,
                      GError **error);
bool lm_staging_read(const LmBuffer *from, VkDeviceSize offset, void *data, VkDeviceSize size,
                     GError **error);

G_END_DECLS
