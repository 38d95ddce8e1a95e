/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Creates the Vulkan instance, and counts the messages of validation layers. */
#include "gpu/instance.h"

#include "gpu/check.h"
#include "util/error.h"

#include <stdatomic.h>
#include <string.h>

static atomic_uint validation_messages;

unsigned lm_instance_validation_messages(void)
{
    return atomic_load(&validation_messages);
}

static VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                 VkDebugUtilsMessageTypeFlagsEXT types,
                                                 const VkDebugUtilsMessengerCallbackDataEXT *data,
                                                 void *user)
{
    atomic_fetch_add(&validation_messages, 1);
    g_warning("Vulkan: %s", data->pMessage);
    return VK_FALSE;
}

/* Without the type GENERAL: the loader uses it to report driver files that it cannot use. */
static const VkDebugUtilsMessengerCreateInfoEXT messenger_info = {
    .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
    .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                       VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
    .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT |
                   VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT,
    .pfnUserCallback = on_message,
};

bool lm_has_extension(const VkExtensionProperties *list, guint32 n, const char *name)
{
    for (guint32 i = 0; i < n; i++) {
        if (g_str_equal(list[i].extensionName, name))
            return true;
    }
    return false;
}

void lm_instance_no_driver(GError **error)
{
    /* These variables hide the installed drivers. */
    const char *variable = g_getenv("VK_DRIVER_FILES") ? "VK_DRIVER_FILES" : "VK_ICD_FILENAMES";
    const char *files = g_getenv(variable);
    g_autofree char *place =
        files ? g_strdup_printf("in %s=%s", variable, files) : g_strdup("on this system");
    g_set_error(error, LM_ERROR, LM_ERROR_DEVICE,
                "there is no Vulkan driver %s (on Debian, the package mesa-vulkan-drivers brings "
                "those of most GPUs and, for the CPU, lavapipe)",
                place);
}

static bool create(LmInstance *instance, guint32 version, bool portability, bool debug,
                   GError **error)
{
    const char *extensions[2];
    guint32 n = 0;
    if (portability)
        extensions[n++] = VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME;
    if (debug)
        extensions[n++] = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
    VkResult result =
        LM_VK(LM_FAULT_INSTANCE,
              vkCreateInstance(
                  &(VkInstanceCreateInfo){
                      .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                      .pNext = debug ? &messenger_info : NULL,
                      .flags = portability ? VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR : 0,
                      .pApplicationInfo =
                          &(VkApplicationInfo){
                              .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                              .pApplicationName = "lmnet",
                              .pEngineName = "lmnet",
                              .apiVersion = MIN(version, VK_API_VERSION_1_3),
                          },
                      .enabledExtensionCount = n,
                      .ppEnabledExtensionNames = extensions,
                  },
                  NULL, &instance->handle));
    if (result == VK_ERROR_INCOMPATIBLE_DRIVER) {
        lm_instance_no_driver(error);
        return false;
    }
    return lm_vk_check(result, "vkCreateInstance", error);
}

/* Drivers are unloaded with the last instance, and some cannot be loaded again and again in one
 * process: each load of NVIDIA's driver takes a part of the C library's static thread-local
 * storage. One instance that is never destroyed keeps the drivers loaded. */
static void keep_drivers(void)
{
    static gsize kept;
    if (!g_once_init_enter(&kept))
        return;
    VkInstance instance;
    /* If it cannot be created, drivers are loaded and unloaded. */
    VkResult result = vkCreateInstance(
        &(VkInstanceCreateInfo){.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO}, NULL, &instance);
    if (result != VK_SUCCESS)
        g_debug("no instance to keep drivers loaded: VkResult %d", (int)result);
    g_once_init_leave(&kept, 1);
}

bool lm_instance_init(LmInstance *instance, GError **error)
{
    *instance = (LmInstance){0};
    guint32 version = 0, n = 0;
    if (!lm_vk_check(vkEnumerateInstanceVersion(&version), "vkEnumerateInstanceVersion", error))
        return false;
    if (version < VK_API_VERSION_1_2) {
        g_set_error(error, LM_ERROR, LM_ERROR_DEVICE,
                    "the Vulkan loader is of version %u.%u; 1.2 is needed",
                    VK_API_VERSION_MAJOR(version), VK_API_VERSION_MINOR(version));
        return false;
    }
    VkResult result = vkEnumerateInstanceExtensionProperties(NULL, &n, NULL);
    g_autofree VkExtensionProperties *list = g_new0(VkExtensionProperties, n);
    if (result == VK_SUCCESS)
        result = vkEnumerateInstanceExtensionProperties(NULL, &n, list);
    if (result != VK_INCOMPLETE &&
        !lm_vk_check(result, "vkEnumerateInstanceExtensionProperties", error))
        return false;

    bool debug = lm_has_extension(list, n, VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
    if (!create(instance, version,
                lm_has_extension(list, n, VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME), debug,
                error)) {
        instance->handle = VK_NULL_HANDLE;
        return false;
    }
    keep_drivers();
    if (!debug)
        return true;

    VkInstance handle = instance->handle;
    PFN_vkCreateDebugUtilsMessengerEXT create_messenger =
        (PFN_vkCreateDebugUtilsMessengerEXT)vkGetInstanceProcAddr(handle,
                                                                  "vkCreateDebugUtilsMessengerEXT");
    /* If it fails, only the messages are lost. */
    if (create_messenger)
        create_messenger(handle, &messenger_info, NULL, &instance->messenger);
    instance->set_name = (PFN_vkSetDebugUtilsObjectNameEXT)vkGetInstanceProcAddr(
        handle, "vkSetDebugUtilsObjectNameEXT");
    return true;
}

void lm_instance_finish(LmInstance *instance)
{
    if (instance->messenger) {
        PFN_vkDestroyDebugUtilsMessengerEXT destroy =
            (PFN_vkDestroyDebugUtilsMessengerEXT)vkGetInstanceProcAddr(
                instance->handle, "vkDestroyDebugUtilsMessengerEXT");
        destroy(instance->handle, instance->messenger, NULL);
    }
    if (instance->handle)
        vkDestroyInstance(instance->handle, NULL);
    *instance = (LmInstance){0};
}
