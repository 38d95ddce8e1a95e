/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Buffers, each with memory of its own, and views of them. */
#pragma once

#include "gpu/device.h"

G_BEGIN_DECLS

typedef enum {
    LM_BUFFER_DEVICE,   /**< For shaders and copies; not mapped (device-local if there is such a
                             type). */
    LM_BUFFER_UPLOAD,   /**< Host writes, device reads; mapped. */
    LM_BUFFER_READBACK, /**< Device writes, host reads; mapped, cached if there is such a type.
                         */
} LmBufferKind;

/** Zeroed: nothing. Every buffer can be a uniform texel buffer, storage buffer, copy source and
 * target. */
typedef struct {
    LmDevice *device; /**< Not owned. */
    VkBuffer handle;
    VkDeviceMemory memory;
    VkDeviceSize size; /**< Bytes. */
    void *map;         /**< NULL for LM_BUFFER_DEVICE. */
    bool coherent;
} LmBuffer;

bool lm_buffer_init(LmBuffer *buffer, LmDevice *device, LmBufferKind kind, VkDeviceSize size,
                    const char *name, GError **error);
/** Takes a zeroed or half-built buffer. The device must be done with it. */
void lm_buffer_finish(LmBuffer *buffer);

/** Bytes of all existing buffers of this process, on any device. Thread-safe. */
guint64 lm_buffer_total_bytes(void);

/** Makes the host's writes visible to the device, or the device's to the host; no-ops on coherent
 * memory. */
bool lm_buffer_flush(LmBuffer *buffer, GError **error);
bool lm_buffer_invalidate(LmBuffer *buffer, GError **error);

/** A view of bytes [offset, offset + size) for texel fetches; size must be a multiple of the
 * format's. Returns VK_NULL_HANDLE with an error that names the limit if the device cannot address
 * that many texels. */
VkBufferView lm_buffer_view(const LmBuffer *buffer, VkFormat format, VkDeviceSize offset,
                            VkDeviceSize size, const char *name, GError **error);

G_END_DECLS
