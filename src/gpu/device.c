/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Finds, describes, chooses and opens Vulkan devices. */
#include "gpu/device.h"

#include "gpu/check.h"
#include "gpu/instance.h"
#include "util/error.h"

#include <pthread.h>
#include <string.h>

/* Its macro is in vulkan_beta.h. If a device has it, it must be enabled. */
#define PORTABILITY_SUBSET "VK_KHR_portability_subset"

/** A physical device and its properties. */
typedef struct {
    VkPhysicalDevice handle;
    LmDeviceInfo info;
    const char *unfit; /**< Why it cannot be used; NULL if it can. Static. */
    unsigned queue_family;
    unsigned timestamp_bits;
    VkDeviceSize max_allocation;
    VkPhysicalDeviceLimits limits;
    bool portability_subset;
} Candidate;

struct LmDevicePrivate {
    LmInstance instance;
    pthread_mutex_t queue_lock;
};

static void format_uuid(char out[37], const guint8 uuid[VK_UUID_SIZE])
{
    for (unsigned i = 0; i < VK_UUID_SIZE; i++) {
        const char *dash = i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "";
        out += g_snprintf(out, 4, "%s%02x", dash, uuid[i]);
    }
}

static bool has_portability_subset(VkPhysicalDevice device)
{
    guint32 n = 0;
    if (vkEnumerateDeviceExtensionProperties(device, NULL, &n, NULL) != VK_SUCCESS)
        return false;
    g_autofree VkExtensionProperties *list = g_new0(VkExtensionProperties, n);
    return vkEnumerateDeviceExtensionProperties(device, NULL, &n, list) >= 0 &&
           lm_has_extension(list, n, PORTABILITY_SUBSET);
}

static bool find_queue_family(Candidate *candidate)
{
    guint32 n = 0;
    vkGetPhysicalDeviceQueueFamilyProperties(candidate->handle, &n, NULL);
    g_autofree VkQueueFamilyProperties *families = g_new0(VkQueueFamilyProperties, n);
    vkGetPhysicalDeviceQueueFamilyProperties(candidate->handle, &n, families);
    for (guint32 i = 0; i < n; i++) {
        if (!(families[i].queueFlags & VK_QUEUE_COMPUTE_BIT))
            continue;
        candidate->queue_family = i;
        candidate->timestamp_bits = families[i].timestampValidBits;
        return true;
    }
    return false;
}

G_STATIC_ASSERT(sizeof((LmDeviceInfo){0}.name) >= VK_MAX_PHYSICAL_DEVICE_NAME_SIZE);
G_STATIC_ASSERT(sizeof((LmDeviceInfo){0}.driver) >=
                VK_MAX_DRIVER_NAME_SIZE + VK_MAX_DRIVER_INFO_SIZE);

static LmDeviceType device_type(VkPhysicalDeviceType type)
{
    switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
        return LM_DEVICE_DISCRETE;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
        return LM_DEVICE_INTEGRATED;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
        return LM_DEVICE_VIRTUAL;
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
        return LM_DEVICE_CPU;
    default:
        return LM_DEVICE_OTHER;
    }
}

static void describe(Candidate *candidate, VkPhysicalDevice handle, unsigned index)
{
    *candidate = (Candidate){.handle = handle};
    LmDeviceInfo *info = &candidate->info;
    VkPhysicalDeviceProperties basic;
    vkGetPhysicalDeviceProperties(handle, &basic);
    g_strlcpy(info->name, basic.deviceName, sizeof info->name);
    info->index = index;
    info->type = device_type(basic.deviceType);
    info->max_texel_elements = basic.limits.maxTexelBufferElements;
    info->tiled = basic.limits.maxComputeSharedMemorySize >= LM_TILED_SHARED &&
                  basic.limits.maxComputeWorkGroupInvocations >= LM_TILED_INVOCATIONS &&
                  basic.limits.maxComputeWorkGroupSize[0] >= LM_TILED_INVOCATIONS;
    candidate->limits = basic.limits;
    if (basic.apiVersion < VK_API_VERSION_1_2) {
        candidate->unfit = "its driver lacks Vulkan 1.2";
        return;
    }

    VkPhysicalDeviceVulkan12Properties properties12 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES};
    VkPhysicalDeviceVulkan11Properties properties11 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES, .pNext = &properties12};
    vkGetPhysicalDeviceProperties2(
        handle,
        &(VkPhysicalDeviceProperties2){.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                                       .pNext = &properties11});
    VkPhysicalDeviceVulkan12Features features12 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                          .pNext = &features12};
    vkGetPhysicalDeviceFeatures2(handle, &features);

    g_snprintf(info->driver, sizeof info->driver, "%s%s%s", properties12.driverName,
               properties12.driverInfo[0] ? " " : "", properties12.driverInfo);
    format_uuid(info->uuid, properties11.deviceUUID);
    info->native_fp16 = features12.shaderFloat16;
    info->subgroup_size = properties11.subgroupSize;
    const VkSubgroupFeatureFlags needed =
        VK_SUBGROUP_FEATURE_BASIC_BIT | VK_SUBGROUP_FEATURE_SHUFFLE_BIT;
    info->lanes8 = properties11.subgroupSize == 8 && features.features.shaderInt64 &&
                   (properties11.subgroupSupportedStages & VK_SHADER_STAGE_COMPUTE_BIT) &&
                   (properties11.subgroupSupportedOperations & needed) == needed;
    candidate->max_allocation = properties11.maxMemoryAllocationSize;
    candidate->portability_subset = has_portability_subset(handle);
    if (!find_queue_family(candidate))
        candidate->unfit = "it has no compute queue";
}

/** NULL with an error if there is none. The caller frees it with g_free(). */
static Candidate *list_candidates(VkInstance instance, unsigned *n_candidates, GError **error)
{
    g_autofree VkPhysicalDevice *handles = NULL;
    guint32 n = 0;
    VkResult result;
    do { /* Devices may come and go between the two calls. */
        result = LM_VK(LM_FAULT_INSTANCE, vkEnumeratePhysicalDevices(instance, &n, NULL));
        g_free(handles);
        handles = g_new0(VkPhysicalDevice, n);
        if (result == VK_SUCCESS && n > 0)
            result = LM_VK(LM_FAULT_INSTANCE, vkEnumeratePhysicalDevices(instance, &n, handles));
    } while (result == VK_INCOMPLETE);
    /* The loader's answer if drivers are installed and none of them finds its hardware. */
    if (result == VK_ERROR_INITIALIZATION_FAILED || (result == VK_SUCCESS && n == 0)) {
        lm_instance_no_driver(error);
        return NULL;
    }
    if (!lm_vk_check(result, "vkEnumeratePhysicalDevices", error))
        return NULL;

    Candidate *candidates = g_new0(Candidate, n);
    for (guint32 i = 0; i < n; i++)
        describe(&candidates[i], handles[i], i);
    *n_candidates = n;
    return candidates;
}

static bool name_contains(const char *name, const char *part)
{
    g_autofree char *lower_name = g_ascii_strdown(name, -1);
    g_autofree char *lower_part = g_ascii_strdown(part, -1);
    return strstr(lower_name, lower_part) != NULL;
}

static bool matches(const LmDeviceInfo *info, const char *selection)
{
    if (g_ascii_strcasecmp(selection, "cpu") == 0)
        return info->type == LM_DEVICE_CPU;
    if (selection[strspn(selection, "0123456789")] == '\0') {
        guint64 index;
        return g_ascii_string_to_unsigned(selection, 10, 0, G_MAXUINT, &index, NULL) &&
               info->index == index;
    }
    return g_ascii_strcasecmp(info->uuid, selection) == 0 || name_contains(info->name, selection);
}

static void set_no_match(const Candidate *candidates, unsigned n, const char *selection,
                         const Candidate *unfit, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    if (unfit)
        g_string_append_printf(text, "the Vulkan device \"%s\" (%s) cannot be used: %s", selection,
                               unfit->info.name, unfit->unfit);
    else
        g_string_append_printf(text, "there is no Vulkan device \"%s\"", selection);
    g_string_append(text, "; there are:");
    for (unsigned i = 0; i < n; i++) {
        const LmDeviceInfo *info = &candidates[i].info;
        g_string_append_printf(text, "%s %u: %s", i ? "," : "", info->index, info->name);
        if (info->uuid[0])
            g_string_append_printf(text, " (%s)", info->uuid);
        if (candidates[i].unfit)
            g_string_append_printf(text, " [%s]", candidates[i].unfit);
    }
    g_set_error_literal(error, LM_ERROR, LM_ERROR_DEVICE, text->str);
}

static const Candidate *choose(const Candidate *candidates, unsigned n, const char *selection,
                               GError **error)
{
    bool automatic = !selection || !selection[0] || g_ascii_strcasecmp(selection, "auto") == 0;
    const Candidate *best = NULL, *unfit = NULL;
    for (unsigned i = 0; i < n; i++) {
        const Candidate *candidate = &candidates[i];
        if (!automatic && !matches(&candidate->info, selection))
            continue;
        if (candidate->unfit)
            unfit = unfit ? unfit : candidate;
        else if (!best || (automatic && candidate->info.type > best->info.type))
            best = candidate;
    }
    if (!best)
        set_no_match(candidates, n, automatic ? "auto" : selection, unfit, error);
    return best;
}

bool lm_device_choose(const char *selection, LmDeviceInfo *info, GError **error)
{
    LmInstance instance;
    if (!lm_instance_init(&instance, error))
        return false;
    unsigned n = 0;
    g_autofree Candidate *candidates = list_candidates(instance.handle, &n, error);
    const Candidate *chosen = candidates ? choose(candidates, n, selection, error) : NULL;
    if (chosen)
        *info = chosen->info;
    lm_instance_finish(&instance);
    return chosen != NULL;
}

static bool open_device(LmDevice *device, const Candidate *candidate, GError **error)
{
    device->info = candidate->info;
    device->physical = candidate->handle;
    device->queue_family = candidate->queue_family;
    device->limits = candidate->limits;
    device->max_allocation = candidate->max_allocation;
    device->timestamp_bits = candidate->timestamp_bits;
    device->timestamp_period = candidate->timestamp_bits ? candidate->limits.timestampPeriod : 0;
    device->min_offset_alignment = MAX(candidate->limits.minTexelBufferOffsetAlignment,
                                       candidate->limits.minStorageBufferOffsetAlignment);
    vkGetPhysicalDeviceMemoryProperties(candidate->handle, &device->memory);

    const char *portability_subset = PORTABILITY_SUBSET;
    VkResult result = LM_VK(
        LM_FAULT_DEVICE,
        vkCreateDevice(candidate->handle,
                       &(VkDeviceCreateInfo){
                           .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                           .pNext =
                               &(VkPhysicalDeviceVulkan12Features){
                                   .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
                                   .shaderFloat16 = candidate->info.native_fp16,
                               },
                           .queueCreateInfoCount = 1,
                           .pQueueCreateInfos =
                               &(VkDeviceQueueCreateInfo){
                                   .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                   .queueFamilyIndex = candidate->queue_family,
                                   .queueCount = 1,
                                   .pQueuePriorities = &(float){1},
                               },
                           .pEnabledFeatures =
                               &(VkPhysicalDeviceFeatures){
                                   .shaderInt64 = candidate->info.lanes8,
                               },
                           .enabledExtensionCount = candidate->portability_subset,
                           .ppEnabledExtensionNames = &portability_subset,
                       },
                       NULL, &device->handle));
    if (result != VK_SUCCESS) {
        device->handle = VK_NULL_HANDLE;
        lm_vk_check(result, "vkCreateDevice", error);
        g_prefix_error(error, "%s: ", candidate->info.name);
        return false;
    }
    vkGetDeviceQueue(device->handle, device->queue_family, 0, &device->queue);
    return true;
}

LmDevice *lm_device_create(const char *selection, GError **error)
{
    LmDevice *device = g_new0(LmDevice, 1);
    device->priv = g_new0(struct LmDevicePrivate, 1);
    pthread_mutex_init(&device->priv->queue_lock, NULL);

    g_autofree Candidate *candidates = NULL;
    const Candidate *chosen = NULL;
    unsigned n = 0;
    if (lm_instance_init(&device->priv->instance, error)) {
        device->instance = device->priv->instance.handle;
        candidates = list_candidates(device->instance, &n, error);
        chosen = candidates ? choose(candidates, n, selection, error) : NULL;
    }
    if (!chosen || !open_device(device, chosen, error)) {
        lm_device_free(&device);
        return NULL;
    }
    lm_device_name(device, VK_OBJECT_TYPE_QUEUE, (guint64)(guintptr)device->queue, "compute");
    g_debug("opened Vulkan device %u: %s, %s", device->info.index, device->info.name,
            device->info.driver);
    return device;
}

void lm_device_free(LmDevice **pointer)
{
    LmDevice *device = *pointer;
    if (!device)
        return;
    if (device->handle)
        vkDestroyDevice(device->handle, NULL);
    lm_instance_finish(&device->priv->instance);
    pthread_mutex_destroy(&device->priv->queue_lock);
    g_free(device->priv);
    g_free(device);
    *pointer = NULL;
}

void lm_device_lock_queue(LmDevice *device)
{
    pthread_mutex_lock(&device->priv->queue_lock);
}

void lm_device_unlock_queue(LmDevice *device)
{
    pthread_mutex_unlock(&device->priv->queue_lock);
}

void lm_device_name(const LmDevice *device, VkObjectType type, guint64 handle, const char *format,
                    ...)
{
    if (!device->priv->instance.set_name)
        return;
    va_list args;
    va_start(args, format);
    g_autofree char *name = g_strdup_vprintf(format, args);
    va_end(args);
    device->priv->instance.set_name(device->handle,
                                    &(VkDebugUtilsObjectNameInfoEXT){
                                        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT,
                                        .objectType = type,
                                        .objectHandle = handle,
                                        .pObjectName = name,
                                    });
}
