/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A Vulkan instance and the messages of its validation layers; for src/gpu and for tests. */
#pragma once

#include "gpu/device.h"

G_BEGIN_DECLS

/** Zeroed: nothing. */
typedef struct {
    VkInstance handle;
    VkDebugUtilsMessengerEXT messenger;
    PFN_vkSetDebugUtilsObjectNameEXT set_name; /**< NULL without VK_EXT_debug_utils. */
} LmInstance;

/** Fails with LM_ERROR_DEVICE if there is no driver. Thread-safe. */
bool lm_instance_init(LmInstance *instance, GError **error);
void lm_instance_finish(LmInstance *instance);

bool lm_has_extension(const VkExtensionProperties *list, guint32 n, const char *name);

/** Sets LM_ERROR_DEVICE: there is no Vulkan driver. */
void lm_instance_no_driver(GError **error);

/** Counts the messages of severity warning and above from validation layers, for all devices of
 * this process; for tests. The messages themselves go to g_warning(). */
unsigned lm_instance_validation_messages(void);

G_END_DECLS
