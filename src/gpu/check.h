/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Checked Vulkan calls. */
#pragma once

#include "gpu/fault.h"

G_BEGIN_DECLS

/** Turns a failed call into a GError: "vkCreateBuffer: VK_ERROR_OUT_OF_DEVICE_MEMORY"; device loss,
 * time-outs and exhausted memory have their own codes. Returns true if result is VK_SUCCESS. */
bool lm_vk_check(VkResult result, const char *call, GError **error);

/** Calls `function` with the arguments that follow, unless a fault of the class is injected, and
 * checks its result. */
#define LM_VK_CHECK(calls, error, function, ...)                                                   \
    lm_vk_check(LM_VK(calls, function(__VA_ARGS__)), #function, error)

G_END_DECLS
