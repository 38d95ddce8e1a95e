/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Opens the device for tests, and fails those that the validation layers complain about. */
#include "gate.h"

#include "util/error.h"

#include <stdlib.h>

LmDevice *lm_test_device(void)
{
    g_autoptr(GError) error = NULL;
    LmDevice *device = lm_device_create(g_getenv("LMNET_TEST_DEVICE"), &error);
    if (device)
        return device;
    g_printerr("no Vulkan device: %s\n", error->message);
    bool absent = g_error_matches(error, LM_ERROR, LM_ERROR_DEVICE);
    exit(absent && !g_getenv("CI") ? 77 : 1);
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
    unsigned messages = lm_device_validation_messages();
    if (messages > 0)
        g_printerr("%u messages of the validation layers\n", messages);
    return failed == 0 && messages == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int lm_test_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return lm_test_exit(failed);
}
