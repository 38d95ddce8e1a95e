/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Finds the model file, the bundled one from the plugin file's own place. */
#define _GNU_SOURCE /* dladdr */
#include "gstlmmodelpath.h"

#include <dlfcn.h>

#include "plugin-config.h"

static char *plugin_directory(void)
{
    static const char in_this_file = 0;
    Dl_info info;
    if (!dladdr(&in_this_file, &info) || !info.dli_fname)
        return NULL;
    char *path = g_canonicalize_filename(info.dli_fname, NULL);
    char *directory = g_path_get_dirname(path);
    g_free(path);
    return directory;
}

static char *bundled_model(void)
{
    char *directory = plugin_directory();
    char *candidates[] = {
        directory ? g_build_filename(directory, LM_BUNDLED_MODEL, NULL) : NULL,
        directory ? g_build_filename(directory, LM_MODELS_FROM_PLUGIN, LM_BUNDLED_MODEL, NULL)
                  : NULL,
        g_build_filename(LM_MODELS_DIR, LM_BUNDLED_MODEL, NULL),
    };
    g_free(directory);

    const unsigned last = G_N_ELEMENTS(candidates) - 1;
    char *found = NULL;
    for (unsigned i = 0; i <= last; i++) {
        if (!found && candidates[i] &&
            (i == last || g_file_test(candidates[i], G_FILE_TEST_EXISTS)))
            found = g_canonicalize_filename(candidates[i], NULL);
        g_free(candidates[i]);
    }
    return found;
}

char *gst_lm_model_path(const char *property)
{
    if (property && *property)
        return g_strdup(property);
    const char *environment = g_getenv("LMNET_MODEL");
    if (environment && *environment)
        return g_strdup(environment);
    return bundled_model();
}
