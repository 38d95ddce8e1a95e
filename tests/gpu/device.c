/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The device that a selection finds, and the error if it finds none. */
#include "gate.h"
#include "util/error.h"

#include <stdlib.h>
#include <string.h>

static LmDeviceInfo choose(const char *selection)
{
    LmDeviceInfo info = {0};
    GError *error = NULL;
    lm_test_ok(lm_device_choose(selection, &info, &error), error);
    return info;
}

/** The index of the device that `selection` finds. */
static unsigned index_of(const char *selection)
{
    return choose(selection).index;
}

static unsigned count_devices(void)
{
    unsigned n = 0;
    LmDeviceInfo info;
    for (;; n++) {
        g_autofree char *selection = g_strdup_printf("%u", n);
        if (!lm_device_choose(selection, &info, NULL))
            return n;
        ck_assert_uint_eq(info.index, n);
    }
}

START_TEST(automatic)
{
    LmDeviceInfo info = choose("auto");
    ck_assert_uint_eq(index_of(NULL), info.index);
    ck_assert_uint_eq(index_of(""), info.index);
    ck_assert_uint_eq(index_of("AUTO"), info.index);
    ck_assert(info.name[0] && info.driver[0]);
    ck_assert_uint_gt(info.subgroup_size, 0);
    ck_assert_uint_ge(info.max_texel_elements, 65536);
    ck_assert(!info.lanes8 || info.subgroup_size == 8);

    unsigned n = count_devices();
    ck_assert_uint_gt(n, info.index);
    for (unsigned i = 0; i < n; i++) {
        g_autofree char *selection = g_strdup_printf("%u", i);
        /* A discrete GPU, if any, and never a CPU if there is anything else. */
        LmDeviceInfo other = choose(selection);
        if (other.type == LM_DEVICE_DISCRETE)
            ck_assert_int_eq(info.type, LM_DEVICE_DISCRETE);
        if (info.type == LM_DEVICE_CPU)
            ck_assert(other.type == LM_DEVICE_CPU || other.type == LM_DEVICE_OTHER);
    }
}
END_TEST

START_TEST(by_uuid)
{
    LmDeviceInfo info = choose(NULL);
    ck_assert_uint_eq(strlen(info.uuid), 36);
    for (unsigned i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        ck_assert(dash ? info.uuid[i] == '-' : g_ascii_isxdigit(info.uuid[i]));
    }
    g_autofree char *upper = g_ascii_strup(info.uuid, -1);
    ck_assert_str_eq(choose(info.uuid).uuid, info.uuid);
    ck_assert_str_eq(choose(upper).uuid, info.uuid);
}
END_TEST

START_TEST(by_name)
{
    LmDeviceInfo info = choose(NULL);
    ck_assert_str_eq(choose(info.name).name, info.name);
    g_autofree char *part = g_ascii_strup(info.name + 1, 5);
    g_autofree char *found = g_ascii_strup(choose(part).name, -1);
    ck_assert_ptr_nonnull(strstr(found, part));
}
END_TEST

START_TEST(by_cpu)
{
    LmDeviceInfo info;
    g_autoptr(GError) error = NULL;
    if (lm_device_choose("CPU", &info, &error)) {
        ck_assert_int_eq(info.type, LM_DEVICE_CPU);
    } else {
        ck_assert(g_error_matches(error, LM_ERROR, LM_ERROR_DEVICE));
        ck_assert_int_ne(choose(NULL).type, LM_DEVICE_CPU);
    }
}
END_TEST

static const char *const unknown[] = {
    "no such device", "4096", "99999999999999999999", "-1", "0 ", "00000000-0000-0000-0000",
};

START_TEST(not_found)
{
    LmDeviceInfo info, first = choose("0");
    g_autoptr(GError) error = NULL;
    ck_assert(!lm_device_choose(unknown[_i], &info, &error));
    ck_assert(g_error_matches(error, LM_ERROR, LM_ERROR_DEVICE));
    ck_assert_ptr_nonnull(strstr(error->message, unknown[_i]));
    ck_assert_ptr_nonnull(strstr(error->message, first.name));
    ck_assert_ptr_nonnull(strstr(error->message, first.uuid));
    g_clear_error(&error);
    ck_assert_ptr_null(lm_device_create(unknown[_i], &error));
    ck_assert(g_error_matches(error, LM_ERROR, LM_ERROR_DEVICE));
    /* Also without a place for the error. */
    ck_assert(!lm_device_choose(unknown[_i], &info, NULL));
}
END_TEST

START_TEST(opened)
{
    LmDevice *device = lm_test_device();
    const char *wanted = g_getenv("LMNET_TEST_DEVICE");
    ck_assert_uint_eq(device->info.index, index_of(wanted));
    ck_assert(device->handle && device->queue && device->physical && device->instance);
    ck_assert_uint_gt(device->min_offset_alignment, 0);
    ck_assert_uint_le(device->min_offset_alignment, 256);
    ck_assert_uint_gt(device->memory.memoryTypeCount, 0);
    ck_assert((device->timestamp_period > 0) == (device->timestamp_bits > 0));
    lm_device_lock_queue(device);
    lm_device_unlock_queue(device);
    lm_device_free(&device);
    ck_assert_ptr_null(device);
    lm_device_free(&device);
}
END_TEST

static gpointer choose_in_thread(gpointer data)
{
    LmDeviceInfo info;
    return GINT_TO_POINTER(lm_device_choose(NULL, &info, NULL) ? 1 + (int)info.index : 0);
}

START_TEST(concurrently)
{
    GThread *threads[4];
    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("choose", choose_in_thread, NULL);
    LmDevice *device = lm_test_device();
    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
        ck_assert_int_eq(GPOINTER_TO_INT(g_thread_join(threads[i])), 1 + (int)index_of(NULL));
    lm_device_free(&device);
}
END_TEST

static const char *const no_driver[] = {"VK_DRIVER_FILES=/nonexistent",
                                        "VK_ICD_FILENAMES=/nonexistent", "CI=", NULL};

START_TEST(without_driver)
{
    g_autofree char *output = NULL;
    ck_assert_int_eq(lm_test_spawn("--choose", no_driver, &output), LM_ERROR_DEVICE);
    ck_assert_msg(strstr(output, "no Vulkan driver"), "%s", output);
    ck_assert_msg(strstr(output, "mesa-vulkan-drivers"), "%s", output);
    g_clear_pointer(&output, g_free);
    ck_assert_int_eq(lm_test_spawn("--gate", no_driver, &output), 77);
    const char *const in_ci[] = {no_driver[0], no_driver[1], "CI=true", NULL};
    g_clear_pointer(&output, g_free);
    ck_assert_int_eq(lm_test_spawn("--gate", in_ci, &output), 1);
}
END_TEST

/** The process of the test of a machine without drivers. */
static int child(const char *mode)
{
    if (g_str_equal(mode, "--gate")) {
        lm_test_device();
        return EXIT_SUCCESS;
    }
    LmDeviceInfo info;
    g_autoptr(GError) error = NULL;
    if (lm_device_choose("auto", &info, &error))
        return 100;
    g_print("%s\n", error->message);
    return error->domain == LM_ERROR ? error->code : 101;
}

int main(int argc, char **argv)
{
    if (argc == 2)
        return child(argv[1]);
    LmDevice *device = lm_test_device();
    lm_device_free(&device);
    Suite *suite = suite_create("gpu/device");
    TCase *tcase = tcase_create("device");
    tcase_add_test(tcase, automatic);
    tcase_add_test(tcase, by_uuid);
    tcase_add_test(tcase, by_name);
    tcase_add_test(tcase, by_cpu);
    tcase_add_loop_test(tcase, not_found, 0, G_N_ELEMENTS(unknown));
    tcase_add_test(tcase, opened);
    tcase_add_test(tcase, concurrently);
    tcase_add_test(tcase, without_driver);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    return lm_test_run(suite);
}
