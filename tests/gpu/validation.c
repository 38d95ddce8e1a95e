/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Checks that the validation layer is on, and that the gate sees its messages about wrong calls and
 * missing barriers. */
#include "gate.h"
#include "gpu/buffer.h"
#include "gpu/commands.h"

#include <stdlib.h>
#include <string.h>

/** Two copies; the second reads the first one's target. */
static void copy_twice(LmDevice *device, bool with_barrier)
{
    LmBuffer buffers[3] = {0};
    LmCommands commands;
    bool ok = lm_commands_init(&commands, device, 0, "copies", NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(buffers); i++)
        ok = ok && lm_buffer_init(&buffers[i], device, LM_BUFFER_DEVICE, 64, "copied", NULL);
    ok = ok && lm_commands_begin(&commands, NULL);
    g_assert(ok);
    lm_commands_copy(&commands, &buffers[0], 0, &buffers[1], 0, 64);
    if (with_barrier)
        lm_commands_barrier(&commands);
    lm_commands_copy(&commands, &buffers[1], 0, &buffers[2], 0, 64);
    ok = lm_commands_end(&commands, NULL) && lm_commands_submit(&commands, NULL) &&
         lm_commands_wait(&commands, UINT64_MAX, NULL);
    g_assert(ok);
    lm_commands_finish(&commands);
    for (unsigned i = 0; i < G_N_ELEMENTS(buffers); i++)
        lm_buffer_finish(&buffers[i]);
}

static int child(const char *mode)
{
    LmDevice *device = lm_test_device();
    if (g_str_equal(mode, "--leak")) {
        LmBuffer buffer;
        bool ok = lm_buffer_init(&buffer, device, LM_BUFFER_UPLOAD, 64, "leaked-buffer", NULL);
        g_assert(ok);
    } else {
        copy_twice(device, g_str_equal(mode, "--barrier"));
    }
    lm_device_free(&device);
    return lm_test_exit(0);
}

START_TEST(no_reports_while_all_is_well)
{
    g_autofree char *output = NULL;
    ck_assert_int_eq(lm_test_spawn("--barrier", NULL, &output), EXIT_SUCCESS);
}
END_TEST

START_TEST(sees_a_leak_by_its_name)
{
    g_autofree char *output = NULL;
    ck_assert_int_eq(lm_test_spawn("--leak", NULL, &output), EXIT_FAILURE);
    ck_assert_msg(strstr(output, "leaked-buffer"), "%s", output);
}
END_TEST

START_TEST(sees_a_missing_barrier)
{
    g_autofree char *output = NULL;
    ck_assert_int_eq(lm_test_spawn("--hazard", NULL, &output), EXIT_FAILURE);
    ck_assert_msg(strstr(output, "SYNC-HAZARD"), "%s", output);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc == 2)
        return child(argv[1]);
    LmDevice *device = lm_test_device();
    lm_device_free(&device);
    if (!lm_test_validated()) {
        g_printerr("the Vulkan validation layer is not on, so nothing is validated here "
                   "(on Debian, it is in the package vulkan-validationlayers)\n");
        return lm_test_in_ci() ? EXIT_FAILURE : EXIT_SUCCESS;
    }
    Suite *suite = suite_create("gpu/validation");
    TCase *tcase = tcase_create("validation");
    tcase_add_test(tcase, no_reports_while_all_is_well);
    tcase_add_test(tcase, sees_a_leak_by_its_name);
    tcase_add_test(tcase, sees_a_missing_barrier);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    return lm_test_run(suite);
}
