/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Runs this program again to see how long it takes to start. */
#define _GNU_SOURCE /* nftw */
#include "start-up.h"

#include <ftw.h>
#include <stddef.h>
#include <stdio.h>

#include "util/error.h"

static const struct {
    const char *name;
    gsize offset;
} parts[] = {
    {"device", offsetof(BenchStart, device)},
    {"pipelines", offsetof(BenchStart, pipelines)},
    {"weights", offsetof(BenchStart, weights)},
    {"first_frame", offsetof(BenchStart, first_frame)},
};

JsonNode *bench_start_to_json(const BenchStart *start)
{
    JsonObject *object = json_object_new();
    for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++)
        json_object_set_double_member(object, parts[i].name,
                                      G_STRUCT_MEMBER(double, start, parts[i].offset));
    JsonNode *node = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(node, object);
    return node;
}

static bool start_from_json(const char *text, BenchStart *start, GError **error)
{
    g_autoptr(JsonNode) node = json_from_string(text, error);
    if (!node || !JSON_NODE_HOLDS_OBJECT(node))
        return false;
    for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++)
        G_STRUCT_MEMBER(double, start, parts[i].offset) =
            json_object_get_double_member(json_node_get_object(node), parts[i].name);
    return true;
}

/* Puts its caches into `folder`, regardless of the caller's environment. */
static char **environment_with_caches(const char *folder)
{
    static const char *const variables[] = {"XDG_CACHE_HOME", "MESA_SHADER_CACHE_DIR",
                                            "MESA_GLSL_CACHE_DIR", "__GL_SHADER_DISK_CACHE_PATH"};
    char **environment = g_get_environ();
    for (unsigned i = 0; i < G_N_ELEMENTS(variables); i++)
        environment = g_environ_setenv(environment, variables[i], folder, TRUE);
    return environment;
}

static bool run_once(char *const *argv, char **environment, BenchStart *start, GError **error)
{
    g_autofree char *program = g_file_read_link("/proc/self/exe", error), *output = NULL;
    if (!program)
        return false;
    int status;
    /* g_spawn takes the file to run first, then the program's own argv. */
    g_autoptr(GPtrArray) arguments = g_ptr_array_new();
    g_ptr_array_add(arguments, program);
    for (char *const *argument = argv; *argument; argument++)
        g_ptr_array_add(arguments, *argument);
    g_ptr_array_add(arguments, (char *)"--start-only");
    g_ptr_array_add(arguments, NULL);
    return g_spawn_sync(NULL, (char **)arguments->pdata, environment, G_SPAWN_FILE_AND_ARGV_ZERO,
                        NULL, NULL, &output, NULL, &status, error) &&
           g_spawn_check_wait_status(status, error) && start_from_json(output, start, error);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    return remove(path);
}

bool bench_starts_run(char *const *argv, BenchStart *cold, BenchStart *warm, GError **error)
{
    g_autofree char *folder = g_dir_make_tmp("lmnet-bench-XXXXXX", error);
    if (!folder)
        return false;
    g_auto(GStrv) environment = environment_with_caches(folder);
    bool ok = run_once(argv, environment, cold, error) && run_once(argv, environment, warm, error);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return ok;
}
