/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Turns VkResult into GError. */
#include "gpu/check.h"

#include "util/error.h"

static const char *result_name(VkResult result)
{
#define NAME(result)                                                                               \
    case result:                                                                                   \
        return #result
    switch (result) {
        NAME(VK_SUCCESS);
        NAME(VK_NOT_READY);
        NAME(VK_TIMEOUT);
        NAME(VK_INCOMPLETE);
        NAME(VK_ERROR_OUT_OF_HOST_MEMORY);
        NAME(VK_ERROR_OUT_OF_DEVICE_MEMORY);
        NAME(VK_ERROR_INITIALIZATION_FAILED);
        NAME(VK_ERROR_DEVICE_LOST);
        NAME(VK_ERROR_MEMORY_MAP_FAILED);
        NAME(VK_ERROR_LAYER_NOT_PRESENT);
        NAME(VK_ERROR_EXTENSION_NOT_PRESENT);
        NAME(VK_ERROR_FEATURE_NOT_PRESENT);
        NAME(VK_ERROR_INCOMPATIBLE_DRIVER);
        NAME(VK_ERROR_TOO_MANY_OBJECTS);
        NAME(VK_ERROR_FORMAT_NOT_SUPPORTED);
        NAME(VK_ERROR_FRAGMENTED_POOL);
        NAME(VK_ERROR_OUT_OF_POOL_MEMORY);
        NAME(VK_ERROR_INVALID_EXTERNAL_HANDLE);
        NAME(VK_ERROR_FRAGMENTATION);
        NAME(VK_ERROR_INVALID_SHADER_NV);
        NAME(VK_ERROR_UNKNOWN);
    default:
        return NULL;
    }
#undef NAME
}

static LmErrorCode result_code(VkResult result)
{
    switch (result) {
    case VK_ERROR_DEVICE_LOST:
        return LM_ERROR_LOST;
    case VK_TIMEOUT:
        return LM_ERROR_TIMEOUT;
    case VK_ERROR_OUT_OF_HOST_MEMORY:
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    case VK_ERROR_OUT_OF_POOL_MEMORY:
    case VK_ERROR_FRAGMENTED_POOL:
    case VK_ERROR_TOO_MANY_OBJECTS:
        return LM_ERROR_MEMORY;
    default:
        return LM_ERROR_VULKAN;
    }
}

bool lm_vk_check(VkResult result, const char *call, GError **error)
{
    if (result == VK_SUCCESS)
        return true;
    const char *name = result_name(result);
    if (name)
        g_set_error(error, LM_ERROR, result_code(result), "%s: %s", call, name);
    else
        g_set_error(error, LM_ERROR, result_code(result), "%s: VkResult %d", call, (int)result);
    return false;
}
