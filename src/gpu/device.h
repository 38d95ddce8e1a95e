/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A Vulkan device: its choice, its capabilities, its queue. */
#pragma once

#include <vulkan/vulkan.h>

#include "gpu/device-info.h"

G_BEGIN_DECLS

/** An open device. All fields are read-only after creation. Use the queue only under
 * lm_device_lock_queue(); Vulkan's other rules on external synchronisation apply. */
typedef struct {
    LmDeviceInfo info;
    VkInstance instance;
    VkPhysicalDevice physical;
    VkDevice handle;
    VkQueue queue;
    unsigned queue_family;
    float timestamp_period;            /**< ns per tick; 0: the queue has no timestamps. */
    unsigned timestamp_bits;           /**< Valid bits of a timestamp. */
    VkDeviceSize min_offset_alignment; /**< Alignment of buffer views and storage ranges; at most
                                            256. */
    VkPhysicalDeviceMemoryProperties memory;
    VkPhysicalDeviceLimits limits;
    VkDeviceSize max_allocation; /**< Most bytes in one allocation of memory. */
    struct LmDevicePrivate *priv;
} LmDevice;

/** Finds the device that `selection` names without opening it: "auto" (or NULL: discrete GPU, then
 * integrated, then virtual, then CPU), "cpu", an index, a UUID, or a part of a name
 * (case-insensitive). Returns false with LM_ERROR_DEVICE; the message names the selection and lists
 * the existing devices, or reports that there is no Vulkan driver. Slow the first time (loads
 * drivers). Thread-safe. */
bool lm_device_choose(const char *selection, LmDeviceInfo *info, GError **error);

/** Opens the device that lm_device_choose() finds. Returns NULL with LM_ERROR_DEVICE or
 * LM_ERROR_VULKAN. */
LmDevice *lm_device_create(const char *selection, GError **error);
void lm_device_free(LmDevice **device);

void lm_device_lock_queue(LmDevice *device);
void lm_device_unlock_queue(LmDevice *device);

/** Names an object for the validation layer and for debuggers, if VK_EXT_debug_utils is available.
 */
void lm_device_name(const LmDevice *device, VkObjectType type, guint64 handle, const char *format,
                    ...) G_GNUC_PRINTF(4, 5);

G_END_DECLS
