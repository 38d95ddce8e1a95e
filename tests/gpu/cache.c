/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The pipeline cache's file: only a complete one of the same device and driver is accepted. */
#include "gate.h"
#include "gpu/cache.h"
#include "gpu/pipeline.h"
#include "util/error.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static char *directory, *path;
static const LmCacheIdentity identity = {{1, 2, 3}, {4, 5, 6}, 7, 8, 9};
static const char data[] = "a driver's own data of its pipelines";

static void setup(void)
{
    directory = g_dir_make_tmp("lmnet-cache-XXXXXX", NULL);
    ck_assert_ptr_nonnull(directory);
    path = g_build_filename(directory, "a", "b", "cache.bin", NULL);
}

static void remove_tree(const char *root)
{
    GDir *dir = g_dir_open(root, 0, NULL);
    const char *name;
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *below = g_build_filename(root, name, NULL);
        remove_tree(below);
    }
    if (dir)
        g_dir_close(dir);
    g_remove(root);
}

static void teardown(void)
{
    remove_tree(directory);
    g_clear_pointer(&directory, g_free);
    g_clear_pointer(&path, g_free);
}

static void write_cache(void)
{
    GError *error = NULL;
    lm_test_ok(lm_cache_write(path, &identity, data, sizeof data, &error), error);
}

static bool reads(const LmCacheIdentity *wanted)
{
    g_autoptr(GBytes) bytes = lm_cache_read(path, wanted);
    return bytes != NULL;
}

START_TEST(written_is_read)
{
    ck_assert(!reads(&identity));
    write_cache();
    g_autoptr(GBytes) bytes = lm_cache_read(path, &identity);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_uint_eq(g_bytes_get_size(bytes), sizeof data);
    ck_assert_mem_eq(g_bytes_get_data(bytes, NULL), data, sizeof data);
    /* Only the user has access to its directories. */
    g_autofree char *parent = g_path_get_dirname(path);
    GStatBuf status;
    ck_assert_int_eq(g_stat(parent, &status), 0);
    ck_assert_int_eq(status.st_mode & 0777, 0700);

    GError *error = NULL;
    lm_test_ok(lm_cache_write(path, &identity, "new", 3, &error), error);
    g_autoptr(GBytes) replaced = lm_cache_read(path, &identity);
    ck_assert_ptr_nonnull(replaced);
    ck_assert_uint_eq(g_bytes_get_size(replaced), 3);
}
END_TEST

START_TEST(foreign_is_ignored)
{
    write_cache();
    for (unsigned i = 0; i < sizeof identity; i++) {
        LmCacheIdentity other;
        memcpy(&other, &identity, sizeof other);
        ((guint8 *)&other)[i] ^= 0x40;
        ck_assert_msg(!reads(&other), "byte %u of the identity made no difference", i);
    }
    ck_assert(reads(&identity));
}
END_TEST

START_TEST(damaged_is_ignored)
{
    write_cache();
    g_autofree char *content = NULL;
    gsize length;
    ck_assert(g_file_get_contents(path, &content, &length, NULL));
    for (gsize i = 0; i < length; i++) {
        content[i] ^= 1;
        ck_assert(g_file_set_contents(path, content, (gssize)length, NULL));
        ck_assert_msg(!reads(&identity), "byte %" G_GSIZE_FORMAT " flipped and accepted", i);
        content[i] ^= 1;
    }
    for (gsize i = 0; i < length; i++) {
        ck_assert(g_file_set_contents(path, content, (gssize)i, NULL));
        ck_assert_msg(!reads(&identity), "cut to %" G_GSIZE_FORMAT " bytes and accepted", i);
    }
    g_autofree char *longer = g_malloc0(length + 1);
    memcpy(longer, content, length);
    ck_assert(g_file_set_contents(path, longer, (gssize)length + 1, NULL));
    ck_assert(!reads(&identity));
    ck_assert(g_file_set_contents(path, content, (gssize)length, NULL));
    ck_assert(reads(&identity));
}
END_TEST

START_TEST(not_a_file)
{
    ck_assert_int_eq(g_mkdir_with_parents(path, 0700), 0);
    ck_assert(!reads(&identity));
    g_autoptr(GError) error = NULL;
    ck_assert(!lm_cache_write(path, &identity, data, sizeof data, &error));
    ck_assert(g_error_matches(error, LM_ERROR, LM_ERROR_FILE));
    ck_assert_ptr_nonnull(strstr(error->message, path));
}
END_TEST

START_TEST(too_large)
{
    write_cache();
    ck_assert_int_eq(truncate(path, (off_t)1 << 40), 0);
    ck_assert(!reads(&identity));
}
END_TEST

START_TEST(unwritable)
{
    /* Nobody can make a directory below a file, not even root. */
    g_autofree char *file = g_build_filename(directory, "a", NULL);
    ck_assert(g_file_set_contents(file, "", 0, NULL));
    g_autoptr(GError) error = NULL;
    ck_assert(!lm_cache_write(path, &identity, data, sizeof data, &error));
    ck_assert(g_error_matches(error, LM_ERROR, LM_ERROR_FILE));
    ck_assert(!reads(&identity));

    LmDevice *device = lm_test_device();
    g_autofree char *below = g_build_filename(file, "cache", NULL);
    g_clear_error(&error);
    LmPipelines *pipelines = lm_pipelines_create(device, below, &error);
    lm_test_ok(pipelines, error);
    lm_pipelines_save(pipelines);
    lm_pipelines_free(&pipelines);
    lm_device_free(&device);
}
END_TEST

START_TEST(damaged_on_a_device)
{
    LmDevice *device = lm_test_device();
    VkPhysicalDeviceProperties properties;
    vkGetPhysicalDeviceProperties(device->physical, &properties);
    g_autofree char *name =
        g_strdup_printf("%s-%08x.bin", device->info.uuid, properties.driverVersion);
    g_autofree char *file = g_build_filename(directory, name, NULL);
    ck_assert(g_file_set_contents(file, "neither whole nor a cache", -1, NULL));
    GError *error = NULL;
    LmPipelines *pipelines = lm_pipelines_create(device, directory, &error);
    lm_test_ok(pipelines, error);
    lm_pipelines_save(pipelines);
    lm_pipelines_free(&pipelines);

    /* An empty cache is not written. */
    g_remove(file);
    pipelines = lm_pipelines_create(device, directory, &error);
    lm_test_ok(pipelines, error);
    lm_pipelines_save(pipelines);
    ck_assert(!g_file_test(file, G_FILE_TEST_EXISTS));
    lm_pipelines_free(&pipelines);
    lm_device_free(&device);
}
END_TEST

int main(void)
{
    LmDevice *device = lm_test_device();
    lm_device_free(&device);
    Suite *suite = suite_create("gpu/cache");
    TCase *tcase = tcase_create("cache");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, written_is_read);
    tcase_add_test(tcase, foreign_is_ignored);
    tcase_add_test(tcase, damaged_is_ignored);
    tcase_add_test(tcase, not_a_file);
    tcase_add_test(tcase, too_large);
    tcase_add_test(tcase, unwritable);
    tcase_add_test(tcase, damaged_on_a_device);
    suite_add_tcase(suite, tcase);
    return lm_test_run(suite);
}
