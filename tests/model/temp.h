/* SPDX-License-Identifier: LGPL-2.1-or-later
 * One temporary model file that the tests of this folder overwrite. */
#pragma once

#include <check.h>
#include <glib.h>

/* Fixtures of a test case: the file's folder is made before each test and removed after it. */
void temp_setup(void);
void temp_teardown(void);

/* Writes the file; returns its path, valid until the teardown. */
const char *temp_write(const void *bytes, gsize size);
/* Writes a safetensors file: the header's length, `header` and `size` bytes of data (NULL:
 * zeros). */
const char *temp_write_model(const char *header, const void *data, gsize size);

/* Checks that there is an error with this code, whose message holds the file's path and `text`, and
 * clears it. */
void temp_assert_error(GError **error, int code, const char *text);

/* Runs a suite of one case with the fixtures above; main()'s result. */
int temp_run(const char *suite, const TTest *const *tests, gsize n_tests);
