/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Model metadata with its defaults, tensors as float, and the refusals of both. */
#include "model/weights.h"

#include <locale.h>
#include <math.h>
#include <string.h>

#include "temp.h"
#include "util/error.h"

static LmWeights *open_good(const char *path)
{
    g_autoptr(GError) error = NULL;
    LmWeights *weights = lm_weights_open(path, &error);
    ck_assert_msg(weights != NULL, "%s", error ? error->message : "no error either");
    return weights;
}

static LmWeights *open_metadata(const char *members)
{
    g_autofree char *header = g_strdup_printf("{\"__metadata__\":{%s}}", members);
    return open_good(temp_write_model(header, NULL, 0));
}

/* One tensor `t` of `n` elements of a dtype. */
static LmWeights *open_tensor(const char *dtype, unsigned n, const void *data, unsigned size)
{
    g_autofree char *header = g_strdup_printf(
        "{\"t\":{\"dtype\":\"%s\",\"shape\":[%u],\"data_offsets\":[0,%u]}}", dtype, n, size);
    return open_good(temp_write_model(header, data, size));
}

START_TEST(test_defaults)
{
    LmWeights *weights = open_good(temp_write_model("{}", NULL, 0));
    const LmModelInfo *info = lm_weights_info(weights);
    ck_assert_uint_eq(info->heads, 12);
    ck_assert_uint_eq(info->input_width, 256);
    ck_assert_uint_eq(info->input_height, 256);
    ck_assert(!info->bgr);
    ck_assert_double_eq(info->mean[0], 0.485);
    ck_assert_double_eq(info->mean[1], 0.456);
    ck_assert_double_eq(info->mean[2], 0.406);
    ck_assert_double_eq(info->std[0], 0.229);
    ck_assert_double_eq(info->std[1], 0.224);
    ck_assert_double_eq(info->std[2], 0.225);
    ck_assert_ptr_null(info->class_names);
    ck_assert_uint_eq(info->n_class_names, 0);
    lm_weights_free(&weights);
    ck_assert_ptr_null(weights);
    lm_weights_free(&weights);
}
END_TEST

START_TEST(test_metadata)
{
    setlocale(LC_ALL, "de_DE.UTF-8"); /* If this locale is installed, numbers must not follow it. */
    LmWeights *weights =
        open_metadata("\"lmnet.heads\":\"3\",\"lmnet.input_width\":\"32\","
                      "\"lmnet.input_height\":\"1024\",\"lmnet.channel_order\":\"bgr\","
                      "\"lmnet.mean\":\"-0.5, 0,1e-1\",\"lmnet.std\":\" 1 ,2.5,.25\","
                      "\"lmnet.classes\":\"none, a b ,c\",\"lmnet.later\":\"x\",\"format\":\"pt\"");
    const LmModelInfo *info = lm_weights_info(weights);
    ck_assert_uint_eq(info->heads, 3);
    ck_assert_uint_eq(info->input_width, 32);
    ck_assert_uint_eq(info->input_height, 1024);
    ck_assert(info->bgr);
    ck_assert_double_eq(info->mean[0], -0.5);
    ck_assert_double_eq(info->mean[1], 0);
    ck_assert_double_eq(info->mean[2], 0.1);
    ck_assert_double_eq(info->std[0], 1);
    ck_assert_double_eq(info->std[1], 2.5);
    ck_assert_double_eq(info->std[2], 0.25);
    ck_assert_uint_eq(info->n_class_names, 3);
    ck_assert_str_eq(info->class_names[0], "none");
    ck_assert_str_eq(info->class_names[1], "a b");
    ck_assert_str_eq(info->class_names[2], "c");
    ck_assert_ptr_null(info->class_names[3]);
    lm_weights_free(&weights);
}
END_TEST

START_TEST(test_bad_metadata)
{
    static const struct {
        const char *key, *values[12];
    } cases[] = {
        {"lmnet.heads", {"", "0", "-1", "+1", " 12", "12 ", "1.0", "0x3", "99999999999", "twelve"}},
        {"lmnet.input_width", {"", "0", "16", "33", "1040", "-32", "256.0", "4294967328"}},
        {"lmnet.input_height", {"", "31", "264", "1025", "big"}},
        {"lmnet.channel_order", {"", "RGB", "rbg", "rgb "}},
        {"lmnet.mean",
         {"", "1", "1,2", "1,2,3,4", "1,2,", "a,2,3", "1,2,inf", "nan,2,3", "1e300,2,3", "0x1,2,3",
          "1;2;3", "1 1,2,3"}},
        {"lmnet.std", {"", "1,2", "0,1,1", "1,-1,1", "1,1,inf", "1,1,nan", "1,1,1e-320", "1,,1"}},
        {"lmnet.classes", {",", "a,", ",a", "a,,b", "a, ,b"}},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (gsize v = 0; v < G_N_ELEMENTS(cases[i].values) && cases[i].values[v]; v++) {
            g_autofree char *header = g_strdup_printf("{\"__metadata__\":{\"%s\":\"%s\"}}",
                                                      cases[i].key, cases[i].values[v]);
            g_autoptr(GError) error = NULL;
            LmWeights *weights = lm_weights_open(temp_write_model(header, NULL, 0), &error);
            ck_assert_msg(weights == NULL, "%s", header);
            temp_assert_error(&error, LM_ERROR_MODEL, cases[i].key);
        }
    }
}
END_TEST

START_TEST(test_class_names)
{
    static const char *const unnamed[] = {"", "\"lmnet.classes\":\"\"", "\"lmnet.classes\":\" \""};
    g_autoptr(GError) error = NULL;
    for (gsize i = 0; i < G_N_ELEMENTS(unnamed); i++) {
        LmWeights *two = open_metadata(unnamed[i]), *three = open_metadata(unnamed[i]);
        ck_assert(lm_weights_name_classes(two, 2, &error));
        ck_assert_str_eq(lm_weights_info(two)->class_names[0], "background");
        ck_assert_str_eq(lm_weights_info(two)->class_names[1], "polyp");
        ck_assert_ptr_null(lm_weights_info(two)->class_names[2]);
        ck_assert(lm_weights_name_classes(three, 3, &error));
        ck_assert_uint_eq(lm_weights_info(three)->n_class_names, 3);
        ck_assert_str_eq(lm_weights_info(three)->class_names[0], "background");
        ck_assert_str_eq(lm_weights_info(three)->class_names[1], "class1");
        ck_assert_str_eq(lm_weights_info(three)->class_names[2], "class2");
        lm_weights_free(&two);
        lm_weights_free(&three);
    }

    LmWeights *named = open_metadata("\"lmnet.classes\":\"b,p\"");
    ck_assert(lm_weights_name_classes(named, 2, &error));
    ck_assert_str_eq(lm_weights_info(named)->class_names[1], "p");
    ck_assert(!lm_weights_name_classes(named, 3, &error));
    temp_assert_error(&error, LM_ERROR_MODEL, "names 2 classes, the network has 3");
    lm_weights_free(&named);
}
END_TEST

START_TEST(test_get)
{
    const gsize shape[] = {2, 3}, longer[] = {2, 3, 1}, other[] = {3, 2};
    const float data[] = {0, -1.5f, 0x1p-140f, 3.4e38f, 5, 6, 7};
    g_autoptr(GError) error = NULL;
    /* A one-byte tensor before it leaves `t` unaligned. */
    guint8 bytes[1 + sizeof data] = {0};
    memcpy(bytes + 1, data, sizeof data);
    LmWeights *weights = open_good(
        temp_write_model("{\"u\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                         "\"t\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[1,25]},"
                         "\"s\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[25,29]}}",
                         bytes, sizeof bytes));
    g_autofree float *t = lm_weights_get(weights, "t", shape, 2, &error);
    ck_assert_ptr_nonnull(t);
    ck_assert_mem_eq(t, data, 6 * sizeof *data);
    g_autofree float *s = lm_weights_get(weights, "s", shape, 0, &error);
    ck_assert_ptr_nonnull(s);
    ck_assert_float_eq(*s, 7);

    ck_assert_ptr_null(lm_weights_get(weights, "t", other, 2, &error));
    temp_assert_error(&error, LM_ERROR_MODEL, "tensor 't' has shape [2, 3], [3, 2] expected");
    ck_assert_ptr_null(lm_weights_get(weights, "t", longer, 3, &error));
    temp_assert_error(&error, LM_ERROR_MODEL, "tensor 't' has shape [2, 3], [2, 3, 1] expected");
    ck_assert_ptr_null(lm_weights_get(weights, "s", shape, 1, &error));
    temp_assert_error(&error, LM_ERROR_MODEL, "tensor 's' has shape [], [2] expected");
    const gsize one = 1;
    ck_assert_ptr_null(lm_weights_get(weights, "u", &one, 1, &error));
    temp_assert_error(&error, LM_ERROR_MODEL, "tensor 'u' has dtype U8, F32 or F16 expected");
    ck_assert_ptr_null(lm_weights_get(weights, "v", &one, 1, &error));
    temp_assert_error(&error, LM_ERROR_MODEL, "tensor 'v' is missing");

    ck_assert(lm_weights_has(weights, "u"));
    ck_assert(!lm_weights_has(weights, "v"));
    ck_assert_uint_eq(lm_weights_find(weights, "t", &error)->shape[1], 3);
    ck_assert_ptr_null(lm_weights_find(weights, "v", &error));
    temp_assert_error(&error, LM_ERROR_MODEL, "tensor 'v' is missing");
    lm_weights_free(&weights);
}
END_TEST

START_TEST(test_every_half)
{
    enum { FINITE = 2 * 31 * 1024 };
    static guint16 halves[FINITE];
    for (unsigned i = 0; i < FINITE; i++)
        halves[i] = GUINT16_TO_LE((guint16)(i < FINITE / 2 ? i : i - FINITE / 2 + 0x8000));
    LmWeights *weights = open_tensor("F16", FINITE, halves, sizeof halves);
    g_autoptr(GError) error = NULL;
    const gsize shape = FINITE;
    g_autofree float *values = lm_weights_get(weights, "t", &shape, 1, &error);
    ck_assert_ptr_nonnull(values);
    for (unsigned i = 0; i < FINITE; i++) {
        unsigned half = GUINT16_FROM_LE(halves[i]), exponent = half >> 10 & 31;
        double expected =
            exponent ? ldexp(1024 + (half & 1023), (int)exponent - 25) : ldexp(half & 1023, -24);
        ck_assert_double_eq(fabs(values[i]), expected);
        ck_assert(!!signbit(values[i]) == half >> 15);
    }
    lm_weights_free(&weights);
}
END_TEST

START_TEST(test_not_finite)
{
    static const struct {
        guint16 half;
        float single;
        const char *text;
    } cases[] = {{0x7c00, INFINITY, "an infinity"},
                 {0xfc00, -INFINITY, "an infinity"},
                 {0x7e00, NAN, "nan"},
                 {0x7c01, NAN, "nan"},
                 {0xffff, NAN, "nan"}};
    const gsize shape = 3;
    g_autoptr(GError) error = NULL;
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf("tensor 't' has %s at value 2", cases[i].text);
        guint32 bits;
        memcpy(&bits, &cases[i].single, sizeof bits);
        guint16 halves[3] = {0, 0, GUINT16_TO_LE(cases[i].half)};
        guint32 singles[3] = {0, 0, GUINT32_TO_LE(bits)};
        LmWeights *weights = open_tensor("F16", 3, halves, sizeof halves);
        ck_assert_ptr_null(lm_weights_get(weights, "t", &shape, 1, &error));
        temp_assert_error(&error, LM_ERROR_MODEL, text);
        lm_weights_free(&weights);
        weights = open_tensor("F32", 3, singles, sizeof singles);
        ck_assert_ptr_null(lm_weights_get(weights, "t", &shape, 1, &error));
        temp_assert_error(&error, LM_ERROR_MODEL, text);
        lm_weights_free(&weights);
    }
}
END_TEST

START_TEST(test_all_used)
{
    const gsize shape = 1;
    g_autoptr(GError) error = NULL;
    LmWeights *weights = open_good(temp_write_model(
        "{\"a.w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
        "\"a.num_batches_tracked\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[4,12]},"
        "\"b.x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[12,16]},"
        "\"b.y\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[16,24]}}",
        NULL, 24));
    ck_assert(!lm_weights_check_all_used(weights, &error));
    temp_assert_error(&error, LM_ERROR_MODEL, "tensor 'a.w'");
    g_free(lm_weights_get(weights, "a.w", &shape, 1, &error));
    ck_assert(!lm_weights_check_all_used(weights, &error));
    temp_assert_error(&error, LM_ERROR_MODEL, "tensor 'b.x'");
    lm_weights_ignore(weights, "c.");
    ck_assert(!lm_weights_check_all_used(weights, NULL));
    lm_weights_ignore(weights, "b.");
    ck_assert(lm_weights_check_all_used(weights, &error));
    lm_weights_free(&weights);
}
END_TEST

START_TEST(test_shipped_files)
{
    for (unsigned side = 128; side <= 256; side += 128) {
        g_autofree char *path =
            g_strdup_printf(LM_TEST_SOURCE_ROOT "/models/lmnet-kvasir-%u.safetensors", side);
        LmWeights *bundled = open_good(path);
        ck_assert_str_eq(lm_weights_path(bundled), path);
        ck_assert_uint_eq(lm_weights_info(bundled)->input_width, side);
        ck_assert_uint_eq(lm_weights_info(bundled)->input_height, side);
        ck_assert(!lm_weights_info(bundled)->bgr);
        ck_assert_str_eq(lm_weights_info(bundled)->class_names[1], "polyp");
        lm_weights_free(&bundled);
    }

    LmWeights *half = open_good(LM_TEST_SOURCE_ROOT "/tests/golden/half.model.safetensors");
    const LmTensorView *tensor = lm_weights_find(half, "output_layer.weight", NULL);
    ck_assert_int_eq(tensor->dtype, LM_DTYPE_F16);
    g_autofree float *values =
        lm_weights_get(half, "output_layer.weight", tensor->shape, tensor->n_dims, NULL);
    ck_assert_ptr_nonnull(values);
    lm_weights_free(&half);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {test_defaults,    test_metadata, test_bad_metadata,
                                  test_class_names, test_get,      test_every_half,
                                  test_not_finite,  test_all_used, test_shipped_files};
    return temp_run("weights", tests, G_N_ELEMENTS(tests));
}
