/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Opens the device for tests, and fails tests that cause a message of the validation layers. */
#include "gate.h"

#include "gpu/instance.h"

#include "suite.h"

#include "util/error.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <sys/wait.h>

bool lm_test_in_ci(void)
{
    return g_strcmp0(g_getenv("CI"), "true") == 0;
}

LmDevice *lm_test_device(void)
{
#ifdef __SANITIZE_ADDRESS__
    /* lavapipe leaks a little memory when it is unloaded, which would count as a leak of ours. */
    dlopen("libvulkan_lvp.so", RTLD_NOW | RTLD_NODELETE);
#endif
    g_autoptr(GError) error = NULL;
    LmDevice *device = lm_device_create(g_getenv("LMNET_TEST_DEVICE"), &error);
    if (device)
        return device;
    g_printerr("no Vulkan device: %s\n", error->message);
    bool absent = g_error_matches(error, LM_ERROR, LM_ERROR_DEVICE);
    exit(absent && !lm_test_in_ci() ? 77 : 1);
}

LmPipelines *lm_test_pipelines(LmDevice *device)
{
    GError *error = NULL;
    LmPipelines *pipelines = lm_pipelines_create(device, "", &error);
    if (!pipelines)
        g_error("%s", error->message);
    return pipelines;
}

bool lm_test_validated(void)
{
    const char *name = "VK_LAYER_KHRONOS_validation";
    const char *wanted = g_getenv("VK_INSTANCE_LAYERS");
    guint32 n = 0;
    if (!wanted || !g_strrstr(wanted, name) ||
        vkEnumerateInstanceLayerProperties(&n, NULL) != VK_SUCCESS)
        return false;
    g_autofree VkLayerProperties *layers = g_new0(VkLayerProperties, n);
    if (vkEnumerateInstanceLayerProperties(&n, layers) != VK_SUCCESS)
        return false;
    for (guint32 i = 0; i < n; i++) {
        if (g_str_equal(layers[i].layerName, name))
            return true;
    }
    return false;
}

int lm_test_exit(int failed)
{
    unsigned messages = lm_instance_validation_messages();
    if (messages > 0)
        g_printerr("%u messages of the validation layers\n", messages);
    return failed == 0 && messages == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int lm_test_run(Suite *suite)
{
    return lm_test_exit(test_suite_run(suite, CK_NOFORK));
}

int lm_test_spawn(const char *argument, const char *const *variables, char **output)
{
    g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
    char *argv[] = {program, (char *)argument, NULL};
    g_auto(GStrv) environment = g_get_environ();
    for (; variables && *variables; variables++) {
        g_auto(GStrv) parts = g_strsplit(*variables, "=", 2);
        environment = g_environ_setenv(environment, parts[0], parts[1], TRUE);
    }
    g_autofree char *out = NULL, *err = NULL;
    int status = 0;
    g_autoptr(GError) error = NULL;
    if (!g_spawn_sync(NULL, argv, environment, G_SPAWN_DEFAULT, NULL, NULL, &out, &err, &status,
                      &error))
        ck_abort_msg("%s", error->message);
    *output = g_strconcat(out, err, NULL);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
