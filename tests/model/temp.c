/* SPDX-License-Identifier: LGPL-2.1-or-later
 * One temporary model file that the tests of this folder overwrite. */
#include "temp.h"

#include "suite.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/error.h"

static char *folder, *path;

void temp_setup(void)
{
    folder = g_dir_make_tmp("lmnet-XXXXXX", NULL);
    ck_assert_ptr_nonnull(folder);
    path = g_build_filename(folder, "broken.safetensors", NULL);
}

void temp_teardown(void)
{
    g_unlink(path);
    g_rmdir(folder);
    g_clear_pointer(&path, g_free);
    g_clear_pointer(&folder, g_free);
}

const char *temp_write(const void *bytes, gsize size)
{
    ck_assert(g_file_set_contents(path, bytes, (gssize)size, NULL));
    return path;
}

const char *temp_write_model(const char *header, const void *data, gsize size)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    guint64 length = GUINT64_TO_LE(strlen(header));
    g_byte_array_append(bytes, (const guint8 *)&length, sizeof length);
    g_byte_array_append(bytes, (const guint8 *)header, (guint)strlen(header));
    guint start = bytes->len;
    g_byte_array_set_size(bytes, start + (guint)size);
    if (data)
        memcpy(bytes->data + start, data, size);
    else
        memset(bytes->data + start, 0, size);
    return temp_write(bytes->data, bytes->len);
}

void temp_assert_error(GError **error, int code, const char *text)
{
    ck_assert_msg(*error != NULL, "no error, \"%s\" expected", text);
    ck_assert_msg(g_error_matches(*error, LM_ERROR, code), "error %d, %d expected: %s",
                  (*error)->code, code, (*error)->message);
    ck_assert_msg(strstr((*error)->message, path) != NULL, "\"%s\" does not name the file",
                  (*error)->message);
    ck_assert_msg(strstr((*error)->message, text) != NULL, "\"%s\", \"%s\" expected",
                  (*error)->message, text);
    g_clear_error(error);
}

int temp_run(const char *suite, const TTest *const *tests, gsize n_tests)
{
    Suite *s = suite_create(suite);
    TCase *tcase = tcase_create(suite);
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, temp_setup, temp_teardown);
    for (gsize i = 0; i < n_tests; i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(s, tcase);
    return test_suite_run(s, CK_FORK_GETENV) ? EXIT_FAILURE : EXIT_SUCCESS;
}
