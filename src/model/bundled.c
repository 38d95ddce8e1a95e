/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Finds the model file; a bundled one from the location of the plugin or program itself. */
#define _GNU_SOURCE /* dladdr */
#include "model/bundled.h"

#include <dlfcn.h>
#include <string.h>

#include "model-config.h"

/* The path of the shared object or program that holds this code; NULL if it is unknown. */
static char *own_directory(void)
{
    static const char in_this_file = 0;
    Dl_info info;
    if (!dladdr(&in_this_file, &info) || !info.dli_fname)
        return NULL;
    /* A program's name is argv[0], which need not be a path. */
    g_autofree char *path = strchr(info.dli_fname, '/')
                                ? g_canonicalize_filename(info.dli_fname, NULL)
                                : g_file_read_link("/proc/self/exe", NULL);
    return path ? g_path_get_dirname(path) : NULL;
}

static char *bundled_model(const char *name)
{
    g_autofree char *file = g_strdup_printf("lmnet-%s.safetensors", name);
    static const char *const from_own[] = {
        LM_MODELS_FROM_BUILD,
        LM_MODELS_FROM_PLUGIN,
        LM_MODELS_FROM_PROGRAM,
    };
    g_autofree char *directory = own_directory();
    for (unsigned i = 0; directory && i < G_N_ELEMENTS(from_own); i++) {
        /* A configured path is absolute if the prefix cannot be moved. */
        g_autofree char *models = g_canonicalize_filename(from_own[i], directory);
        char *path = g_build_filename(models, file, NULL);
        if (g_file_test(path, G_FILE_TEST_EXISTS))
            return path;
        g_free(path);
    }
    return g_build_filename(LM_MODELS_DIR, file, NULL);
}

char *lm_model_path(const char *asked, const char *otherwise)
{
    static const char *const bundled[] = {LM_MODEL_DEFAULT, LM_MODEL_SMALL, NULL};
    const char *name = asked;
    if (!name || !*name)
        name = g_getenv("LMNET_MODEL");
    if (!name || !*name)
        name = otherwise;
    return g_strv_contains(bundled, name) ? bundled_model(name) : g_strdup(name);
}
