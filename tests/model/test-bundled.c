/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The choice of the model file: the one named, the environment's, or a bundled one. */
#include "model/bundled.h"

#include "temp.h"

static void check_path(const char *named, const char *environment, const char *expected)
{
    if (environment)
        g_setenv("LMNET_MODEL", environment, TRUE);
    else
        g_unsetenv("LMNET_MODEL");
    g_autofree char *path = lm_model_path(named, LM_MODEL_SMALL);
    ck_assert_str_eq(path, expected);
}

START_TEST(test_order)
{
    check_path("named.safetensors", NULL, "named.safetensors");
    check_path("named.safetensors", "environment.safetensors", "named.safetensors");
    check_path(NULL, "environment.safetensors", "environment.safetensors");
    check_path("", "environment.safetensors", "environment.safetensors");
}
END_TEST

/* There is no model near this program: only the place of installation remains. */
#define SMALL_PATH LM_TEST_MODELS_DIR "/lmnet-kvasir-128.safetensors"
#define DEFAULT_PATH LM_TEST_MODELS_DIR "/lmnet-kvasir-256.safetensors"

START_TEST(test_fallback)
{
    check_path(NULL, NULL, SMALL_PATH);
    check_path("", "", SMALL_PATH);
}
END_TEST

START_TEST(test_short_names)
{
    check_path(LM_MODEL_DEFAULT, NULL, DEFAULT_PATH);
    check_path(LM_MODEL_SMALL, LM_MODEL_DEFAULT, SMALL_PATH);
    check_path(NULL, LM_MODEL_DEFAULT, DEFAULT_PATH);
    check_path("./" LM_MODEL_DEFAULT, NULL, "./" LM_MODEL_DEFAULT);
    check_path("kvasir", NULL, "kvasir");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {test_order, test_fallback, test_short_names};
    return temp_run("bundled", tests, G_N_ELEMENTS(tests));
}
