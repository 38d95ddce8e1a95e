/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The safetensors reader: the content of good files, and the refusal of each kind of bad file. */
#include "model/safetensors.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "temp.h"
#include "util/error.h"

#define TENSOR(name, dtype, shape, begin, end)                                                     \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" #begin "," #end \
    "]}"

static void assert_refused(const char *path, int code, const char *text)
{
    g_autoptr(GError) error = NULL;
    LmSafetensors *file = lm_safetensors_open(path, &error);
    ck_assert_msg(file == NULL, "opened, \"%s\" expected", text);
    temp_assert_error(&error, code, text);
}

static LmSafetensors *open_good(const char *path)
{
    g_autoptr(GError) error = NULL;
    LmSafetensors *file = lm_safetensors_open(path, &error);
    ck_assert_msg(file != NULL, "%s", error ? error->message : "no error either");
    return file;
}

START_TEST(test_good)
{
    /* Entries out of order, an empty tensor, a scalar, escapes in names, trailing spaces. */
    const float values[] = {1, -2, 3, 4, 5, 6, 7};
    const char *path = temp_write_model(
        "{\"__metadata__\":{\"k\":\"v\",\"a\":\"\\u00e9\"},"
        "\"b\\u0021\":{\"shape\":[2,1,3],\"data_offsets\":[4,28],\"dtype\":\"F32\"}," TENSOR(
            "none", "F32", "[0,7]", 4, 4) "," TENSOR("one", "F32", "[]", 0, 4) "}  \n",
        values, sizeof values);
    LmSafetensors *file = open_good(path);
    ck_assert_str_eq(lm_safetensors_path(file), path);
    ck_assert_uint_eq(lm_safetensors_count(file), 3);
    ck_assert_str_eq(lm_safetensors_at(file, 0)->name, "one");
    ck_assert_ptr_eq(lm_safetensors_at(file, 2), lm_safetensors_find(file, "b!"));
    ck_assert_ptr_null(lm_safetensors_find(file, "b"));
    ck_assert_ptr_null(lm_safetensors_find(file, "__metadata__"));

    const LmTensorView *b = lm_safetensors_find(file, "b!");
    ck_assert_int_eq(b->dtype, LM_DTYPE_F32);
    ck_assert_str_eq(b->dtype_name, "F32");
    ck_assert_uint_eq(b->n_dims, 3);
    ck_assert_uint_eq(b->shape[0], 2);
    ck_assert_uint_eq(b->shape[1], 1);
    ck_assert_uint_eq(b->shape[2], 3);
    ck_assert_uint_eq(b->n_elements, 6);
    ck_assert_uint_eq(b->size, 24);
    ck_assert_mem_eq(b->data, &values[1], 24);
    const LmTensorView *one = lm_safetensors_find(file, "one");
    ck_assert_uint_eq(one->n_dims, 0);
    ck_assert_uint_eq(one->n_elements, 1);
    ck_assert_uint_eq(lm_safetensors_find(file, "none")->n_elements, 0);

    ck_assert_str_eq(lm_safetensors_metadata(file, "k"), "v");
    ck_assert_str_eq(lm_safetensors_metadata(file, "a"), "\xc3\xa9");
    ck_assert_ptr_null(lm_safetensors_metadata(file, "x"));
    ck_assert_str_eq(lm_safetensors_metadata_keys(file)[0], "a");
    ck_assert_str_eq(lm_safetensors_metadata_keys(file)[1], "k");
    ck_assert_ptr_null(lm_safetensors_metadata_keys(file)[2]);
    lm_safetensors_free(&file);
    ck_assert_ptr_null(file);
    lm_safetensors_free(&file);
}
END_TEST

START_TEST(test_no_tensors)
{
    LmSafetensors *file = open_good(temp_write_model("{}", NULL, 0));
    ck_assert_uint_eq(lm_safetensors_count(file), 0);
    ck_assert_ptr_null(lm_safetensors_metadata_keys(file)[0]);
    lm_safetensors_free(&file);
}
END_TEST

START_TEST(test_dtypes)
{
    static const struct {
        const char *name;
        LmDtype dtype;
        unsigned size; /* Of four elements. */
    } cases[] = {
        {"F32", LM_DTYPE_F32, 16},   {"F16", LM_DTYPE_F16, 8},      {"BF16", LM_DTYPE_OTHER, 8},
        {"F64", LM_DTYPE_OTHER, 32}, {"I64", LM_DTYPE_OTHER, 32},   {"U64", LM_DTYPE_OTHER, 32},
        {"I32", LM_DTYPE_OTHER, 16}, {"I16", LM_DTYPE_OTHER, 8},    {"U8", LM_DTYPE_OTHER, 4},
        {"BOOL", LM_DTYPE_OTHER, 4}, {"C64", LM_DTYPE_OTHER, 32},   {"F8_E4M3", LM_DTYPE_OTHER, 4},
        {"F4", LM_DTYPE_OTHER, 2},   {"F6_E2M3", LM_DTYPE_OTHER, 3}};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *header =
            g_strdup_printf("{\"t\":{\"dtype\":\"%s\",\"shape\":[4],\"data_offsets\":[0,%u]}}",
                            cases[i].name, cases[i].size);
        LmSafetensors *file = open_good(temp_write_model(header, NULL, cases[i].size));
        ck_assert_int_eq(lm_safetensors_at(file, 0)->dtype, cases[i].dtype);
        ck_assert_str_eq(lm_safetensors_at(file, 0)->dtype_name, cases[i].name);
        lm_safetensors_free(&file);
    }
}
END_TEST

/* Bad headers; the data are 8 zero bytes. */
static const struct {
    const char *header, *text;
} bad_headers[] = {
    {"", "not a JSON object"},
    {"[]", "not a JSON object"},
    {"\"a\"", "not a JSON object"},
    {" {}", "not a JSON object"},
    {"{\"\xff\":1}", "not UTF-8 at its byte 2"},
    {"{", "does not end"},
    {"{\"a", "does not end"},
    {"{\"a\\", "does not end"},
    {"{}}", "after the object's end"},
    {"{} {}", "after the object's end"},
    {"{/* */}", "header"},
    {"{]", "header"},
    {"{,}", "header"},
    {"{\"a\"}", "header"},
    {"{\"a\":}", "header"},
    {"{\"a\":{},}", "header"},
    {"{\"a\" {}}", "header"},
    {"{\"a\":[[[[]]]]}", "nested too deeply"},
    {"{\"a\\u0000b\":{}}", "holds NUL"},
    {"{\"a\":{\"dtype\":null}}", "header"},
    {"{\"t\":1}", "tensor 't': its entry is not an object"},
    {"{\"t\":[]}", "tensor 't': its entry is not an object"},
    {"{\"t\":{}}", "tensor 't': dtype is not a string"},
    {"{\"t\":{\"dtype\":32}}", "tensor 't': dtype is not a string"},
    {"{\"t\":{\"dtype\":\"f32\"}}", "tensor 't': unknown dtype 'f32'"},
    {"{\"t\":{\"dtype\":\"F32\"}}", "tensor 't': shape is not an array"},
    {"{\"t\":{\"dtype\":\"F32\",\"shape\":2}}", "tensor 't': shape is not an array"},
    {"{\"t\":{\"dtype\":\"F32\",\"shape\":[2]}}", "tensor 't': data_offsets are not two"},
    {"{\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}", "data_offsets are not two"},
    {"{\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,8]}}",
     "data_offsets are not two"},
    {"{\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8.0]}}",
     "data_offsets are not two"},
    {"{\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[\"0\",8]}}",
     "data_offsets are not two"},
    {"{\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}}",
     "data_offsets are not two"},
    {"{" TENSOR("t", "F32", "[-2]", 0, 8) "}", "shape[0] is not an integer"},
    {"{" TENSOR("t", "F32", "[1,2.0]", 0, 8) "}", "shape[1] is not an integer"},
    {"{" TENSOR("t", "F32", "[\"2\"]", 0, 8) "}", "shape[0] is not an integer"},
    {"{" TENSOR("t", "F32", "[02]", 0, 8) "}", "leading zero"},
    {"{" TENSOR("t", "F32", "[0x2]", 0, 8) "}", "header"},
    {"{" TENSOR("t", "F32", "[2,]", 0, 8) "}", "header"},
    {"{" TENSOR("t", "F32", "[-18446744073709551614]", 0, 8) "}", "too long"},
    {"{" TENSOR("t", "F32", "[2,1,1,1,1,1,1,1,1]", 0, 8) "}", "9 dimensions, at most 8"},
    {"{" TENSOR("t", "F32", "[4294967296,4294967296]", 0, 8) "}", "shape is too large"},
    {"{" TENSOR("t", "F32", "[4611686018427387904]", 0, 8) "}", "header"},
    {"{" TENSOR("t", "F32", "[600000000000000000]", 0, 8) "}", "shape is too large"},
    {"{" TENSOR("t", "F4", "[3]", 0, 8) "}", "whole bytes"},
    {"{" TENSOR("t", "F32", "[2]", 8, 0) "}", "reversed"},
    {"{" TENSOR("t", "F32", "[3]", 0, 12) "}", "beyond the file's 8 bytes"},
    {"{" TENSOR("t", "F32", "[3]", 0, 8) "}", "8 bytes of data, 12 expected"},
    {"{" TENSOR("t", "F16", "[2]", 0, 8) "}", "8 bytes of data, 4 expected"},
    {"{" TENSOR("t", "F32", "[1]", 4, 8) "}",
     "'t': its data leaves a gap after that of the header"},
    {"{" TENSOR("t", "F32", "[1]", 0, 4) "}", "4 bytes follow the last tensor"},
    {"{}", "8 bytes follow the last tensor"},
    {"{" TENSOR("t", "U8", "[2]", 0, 2) "," TENSOR("u", "F32", "[1]", 4, 8) "}",
     "'u': its data leaves a gap after that of t"},
    {"{" TENSOR("t", "F32", "[2]", 0, 8) "," TENSOR("u", "F32", "[1]", 4, 8) "}",
     "'u': its data overlaps that of t"},
    {"{" TENSOR("t", "F32", "[2]", 0, 8) "," TENSOR("u", "F32", "[2]", 0, 8) "}", "overlaps"},
    {"{" TENSOR("t", "F32", "[2]", 0, 8) "," TENSOR("t", "F32", "[2]", 0, 8) "}", "'t' twice"},
    {"{" TENSOR("t", "F32", "[2]", 0, 8) "," TENSOR("\\u0074", "F32", "[0]", 8, 8) "}",
     "'t' twice"},
    {"{\"t\":{\"dtype\":\"F32\",\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[0,8]}}",
     "'dtype' twice"},
    {"{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}," TENSOR("t", "F32", "[2]", 0, 8) "}",
     "'k' twice"},
    {"{\"__metadata__\":{},\"__metadata__\":{}," TENSOR("t", "F32", "[2]", 0, 8) "}",
     "'__metadata__' twice"},
    {"{\"__metadata__\":\"a\"," TENSOR("t", "F32", "[2]", 0, 8) "}", "__metadata__ is not an obj"},
    {"{\"__metadata__\":{\"k\":1}," TENSOR("t", "F32", "[2]", 0, 8) "}",
     "__metadata__ 'k' is not a string"},
    {"{\"__metadata__\":{\"k\":{}}," TENSOR("t", "F32", "[2]", 0, 8) "}",
     "__metadata__ 'k' is not a string"},
};

START_TEST(test_bad_headers)
{
    for (gsize i = 0; i < G_N_ELEMENTS(bad_headers); i++)
        assert_refused(temp_write_model(bad_headers[i].header, NULL, 8), LM_ERROR_MODEL,
                       bad_headers[i].text);
}
END_TEST

START_TEST(test_bad_beginnings)
{
    static const struct {
        const char *bytes;
        gsize size;
        const char *text;
    } cases[] = {
        {"", 0, "it is empty"},
        {"\x02", 1, "1 bytes, at least 8 expected"},
        {"\x02\0\0\0\0\0\0", 7, "7 bytes, at least 8 expected"},
        {"\x02\0\0\0\0\0\0\0", 8, "truncated: header of 2 bytes, but only 0 follow"},
        {"\x03\0\0\0\0\0\0\0{}", 10, "truncated: header of 3 bytes, but only 2 follow"},
        {"\x00\xe1\xf5\x05\0\0\0\0{}", 10, "truncated: header of 100000000 bytes"},
        {"\x01\xe1\xf5\x05\0\0\0\0{}", 10, "header of 100000001 bytes, at most 100000000"},
        {"\xff\xff\xff\xff\xff\xff\xff\xff{}", 10, "header of 18446744073709551615 bytes"},
        {"PK\x03\x04\x14\0\0\0\0\0", 10, "PyTorch checkpoint"},
        {"\x80\x02\x8a\x0al\xfc\x9c\x46\xf9", 9, "PyTorch checkpoint"},
        {"\x89PNG\r\n\x1a\n\0\0", 10, "a PNG picture"},
        {"Hello, world", 12, "not a safetensors file"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        assert_refused(temp_write(cases[i].bytes, cases[i].size), LM_ERROR_MODEL, cases[i].text);
}
END_TEST

START_TEST(test_no_such_file)
{
    const char *path = temp_write("", 0);
    g_unlink(path);
    assert_refused(path, LM_ERROR_FILE, "No such file");
    ck_assert_int_eq(g_mkdir(path, 0700), 0);
    assert_refused(path, LM_ERROR_FILE, "directory");
    g_rmdir(path);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    assert_refused(path, LM_ERROR_FILE, "not a regular file");
}
END_TEST

START_TEST(test_deep_nesting)
{
    g_autofree char *header = g_strnfill(4000000, '[');
    memcpy(header, "{\"a\":", 5);
    assert_refused(temp_write_model(header, NULL, 0), LM_ERROR_MODEL, "nested too deeply");
}
END_TEST

/* However a file is damaged, it is read as something sound or refused with a message. */
static void open_anyhow(const guint8 *bytes, gsize size)
{
    g_autoptr(GError) error = NULL;
    LmSafetensors *file = lm_safetensors_open(temp_write(bytes, size), &error);
    ck_assert((file == NULL) == (error != NULL));
    if (!file)
        return;
    const guint8 *end = NULL;
    for (unsigned i = 0; i < lm_safetensors_count(file); i++) {
        const LmTensorView *tensor = lm_safetensors_at(file, i);
        ck_assert(i == 0 || tensor->data == end);
        end = tensor->data + tensor->size;
    }
    ck_assert_uint_le(lm_safetensors_count(file), 2);
    lm_safetensors_free(&file);
}

START_TEST(test_mutations)
{
    static const char replacements[] = "\"{}[],:0-9.e \\\x80";
    const char *path =
        temp_write_model("{\"__metadata__\":{\"k\":\"v\"}," TENSOR(
                             "t", "F32", "[1,2]", 0, 8) "," TENSOR("u", "U8", "[]", 8, 9) "}",
                         NULL, 9);
    g_autofree char *bytes = NULL;
    gsize size;
    ck_assert(g_file_get_contents(path, &bytes, &size, NULL));
    for (gsize length = 0; length < size; length++) {
        g_autoptr(GError) error = NULL;
        ck_assert_ptr_null(lm_safetensors_open(temp_write(bytes, length), &error));
        ck_assert_ptr_nonnull(error);
    }
    for (gsize i = 0; i < size; i++) {
        char old = bytes[i];
        for (gsize r = 0; r < sizeof replacements; r++) {
            bytes[i] = replacements[r];
            open_anyhow((guint8 *)bytes, size);
        }
        bytes[i] = old;
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {test_good,         test_no_tensors,     test_dtypes,
                                  test_bad_headers,  test_bad_beginnings, test_no_such_file,
                                  test_deep_nesting, test_mutations};
    return temp_run("safetensors", tests, G_N_ELEMENTS(tests));
}
