/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Calls that should fail do fail, in each class, and leak nothing. */
#include "gate.h"
#include "gpu/commands.h"
#include "gpu/descriptors.h"
#include "gpu/fault.h"
#include "util/error.h"

/* Makes some calls of every class. */
static bool use_device(GError **error)
{
    LmPipelines *pipelines = NULL;
    LmBuffer from = {0}, to = {0};
    LmDescriptors descriptors = {0};
    VkBufferView view = VK_NULL_HANDLE;
    LmDevice *device = lm_device_create(g_getenv("LMNET_TEST_DEVICE"), error);
    bool ok = device && (pipelines = lm_pipelines_create(device, "", error));
    if (ok) {
        lm_descriptors_init(&descriptors, pipelines);
        ok =
            lm_pipelines_get(pipelines, "preprocess_columns", 0, NULL, 0, error) &&
            lm_buffer_init(&from, device, LM_BUFFER_UPLOAD, 4096, "from", error) &&
            lm_buffer_flush(&from, error) &&
            lm_buffer_init(&to, device, LM_BUFFER_DEVICE, 4096, "to", error) &&
            (view = lm_buffer_view(&to, VK_FORMAT_R32_UINT, 0, 4096, "view", error)) &&
            lm_descriptors_add(
                &descriptors,
                &(LmBindings){.inputs = {view}, .outputs = {{from.handle, 0, from.size}}}, error) &&
            lm_commands_transfer(device, &from, 0, &to, 0, 4096, error);
        vkDestroyBufferView(device->handle, view, NULL);
    }
    lm_descriptors_finish(&descriptors);
    lm_buffer_finish(&from);
    lm_buffer_finish(&to);
    lm_pipelines_free(&pipelines);
    lm_device_free(&device);
    ck_assert_uint_eq(lm_buffer_total_bytes(), 0);
    return ok;
}

static void expect(bool ok, LmErrorCode code)
{
    GError *error = NULL;
    bool done = use_device(&error);
    lm_test_ok(done == ok && done == !error, error);
    if (error)
        ck_assert_msg(g_error_matches(error, LM_ERROR, code), "code %d: %s", error->code,
                      error->message);
    g_clear_error(&error);
}

START_TEST(each_class)
{
    LmFaultClass calls = _i;
    unsigned before = lm_fault_count(calls);
    lm_fault_inject(calls, LM_FAULT_ONCE, 0, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    expect(false, LM_ERROR_MEMORY);
    expect(true, 0);
    ck_assert_uint_eq(lm_fault_count(calls), before + 1);

    lm_fault_inject(calls, LM_FAULT_ALWAYS, 0, VK_ERROR_DEVICE_LOST);
    expect(false, LM_ERROR_LOST);
    expect(false, LM_ERROR_LOST);
    lm_fault_clear();
    expect(true, 0);
}
END_TEST

/* Whichever call fails first, everything that was made before it is freed. */
START_TEST(each_call)
{
    LmFaultClass calls = _i;
    unsigned after = 0;
    for (bool failed = true; failed; after++) {
        unsigned before = lm_fault_count(calls);
        lm_fault_inject(calls, LM_FAULT_ONCE, after, VK_ERROR_UNKNOWN);
        GError *error = NULL;
        bool ok = use_device(&error);
        failed = lm_fault_count(calls) > before;
        lm_test_ok(ok == !failed, error);
        g_clear_error(&error);
        ck_assert_uint_lt(after, 100);
    }
    lm_fault_clear();
    ck_assert_uint_gt(after, 1);
}
END_TEST

static gint64 now_ms(void)
{
    return g_get_monotonic_time() / 1000;
}

START_TEST(stall)
{
    LmDevice *device = lm_test_device();
    LmBuffer from = {0}, to = {0};
    LmCommands commands = {0};
    GError *error = NULL;
    lm_test_ok(lm_buffer_init(&from, device, LM_BUFFER_UPLOAD, 64, "from", &error) &&
                   lm_buffer_init(&to, device, LM_BUFFER_DEVICE, 64, "to", &error) &&
                   lm_commands_init(&commands, device, 0, "stalled", &error) &&
                   lm_commands_begin(&commands, &error),
               error);
    lm_commands_copy(&commands, &from, 0, &to, 0, 64);
    lm_test_ok(lm_commands_end(&commands, &error), error);

    for (unsigned after = 0; after < 2; after++) {
        lm_fault_stall(300, after);
        for (unsigned i = 0; i < after; i++)
            lm_test_ok(lm_commands_submit(&commands, &error) &&
                           lm_commands_wait(&commands, UINT64_MAX, &error),
                       error);
        lm_test_ok(lm_commands_submit(&commands, &error), error);
        gint64 begin = now_ms();
        ck_assert(!lm_commands_wait(&commands, 20000000, &error));
        ck_assert(g_error_matches(error, LM_ERROR, LM_ERROR_TIMEOUT));
        g_clear_error(&error);
        lm_test_ok(lm_commands_wait(&commands, UINT64_MAX, &error), error);
        ck_assert_int_ge(now_ms() - begin, 300);
    }

    /* Freeing the commands waits, too, unless all faults are cleared. */
    lm_fault_stall(1000000, 0);
    lm_test_ok(lm_commands_submit(&commands, &error), error);
    ck_assert(!lm_commands_wait(&commands, 1000000, NULL));
    lm_fault_clear();
    lm_commands_finish(&commands);
    lm_buffer_finish(&from);
    lm_buffer_finish(&to);
    lm_device_free(&device);
}
END_TEST

int main(void)
{
    LmDevice *device = lm_test_device(); /* the device has such calls */
    lm_device_free(&device);

    Suite *suite = suite_create("fault");
    TCase *tcase = tcase_create("fault");
    tcase_set_timeout(tcase, 100);
    tcase_add_loop_test(tcase, each_class, 0, LM_N_FAULTS);
    tcase_add_loop_test(tcase, each_call, 0, LM_N_FAULTS);
    tcase_add_test(tcase, stall);
    suite_add_tcase(suite, tcase);
    return lm_test_run(suite);
}
