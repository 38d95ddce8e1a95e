/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Buffers, pipelines, descriptors and commands together: a small shader from upload to read-back.
 */
#include "gate.h"
#include "gpu/buffer.h"
#include "gpu/commands.h"
#include "gpu/descriptors.h"
#include "gpu/pipeline.h"
#include "gpu/shaders.h"
#include "util/error.h"

#include <math.h>
#include <string.h>

extern const LmShader lm_test_shaders[];

enum { TEXELS = 1000, FP16_BYTES = TEXELS * 8, FP32_BYTES = TEXELS * 16 };

static LmDevice *device;
static LmPipelines *pipelines;
static LmDescriptors descriptors;
static LmCommands commands;

static void setup(void)
{
    GError *error = NULL;
    device = lm_test_device();
    pipelines = lm_pipelines_create(device, "", &error);
    lm_test_ok(pipelines, error);
    lm_descriptors_init(&descriptors, pipelines);
    lm_test_ok(lm_commands_init(&commands, device, 8, "test", &error), error);
}

static void teardown(void)
{
    lm_commands_finish(&commands);
    lm_descriptors_finish(&descriptors);
    lm_pipelines_free(&pipelines);
    lm_device_free(&device);
}

static void submit_and_wait(void)
{
    GError *error = NULL;
    lm_test_ok(lm_commands_end(&commands, &error), error);
    lm_test_ok(lm_commands_submit(&commands, &error), error);
    lm_test_ok(lm_commands_wait(&commands, UINT64_MAX, &error), error);
}

static LmBuffer make_buffer(LmBufferKind kind, VkDeviceSize size)
{
    GError *error = NULL;
    LmBuffer buffer;
    lm_test_ok(lm_buffer_init(&buffer, device, kind, size, "test", &error), error);
    ck_assert((buffer.map != NULL) == (kind != LM_BUFFER_DEVICE));
    return buffer;
}

/** Half of a whole number below 2048, or a power of two times one. */
static guint16 to_half(float value)
{
    if (value == 0)
        return 0;
    int exponent;
    float mantissa = frexpf(fabsf(value), &exponent);
    return (guint16)((value < 0) << 15 | (exponent + 14) << 10 | ((int)(mantissa * 2048) & 1023));
}

static void put(void *to, unsigned index, float value, bool fp16)
{
    if (fp16)
        ((guint16 *)to)[index] = to_half(value);
    else
        ((float *)to)[index] = value;
}

static float weight_of(unsigned texel, unsigned channel)
{
    return texel % 2 ? 2.0f : (float)channel;
}

static void run_affine(unsigned variant)
{
    GError *error = NULL;
    bool fp16 = variant & LM_VARIANT_FP16;
    unsigned bytes = fp16 ? FP16_BYTES : FP32_BYTES;
    VkFormat format = fp16 ? VK_FORMAT_R16G16B16A16_SFLOAT : VK_FORMAT_R32G32B32A32_SFLOAT;
    LmBuffer input = make_buffer(LM_BUFFER_UPLOAD, bytes);
    LmBuffer weights = make_buffer(LM_BUFFER_UPLOAD, 32);
    LmBuffer bias = make_buffer(LM_BUFFER_UPLOAD, 16);
    LmBuffer output = make_buffer(LM_BUFFER_DEVICE, bytes);
    LmBuffer result = make_buffer(LM_BUFFER_READBACK, bytes);
    for (unsigned i = 0; i < TEXELS * 4; i++)
        put(input.map, i, (float)(i % 64) - 31, fp16);
    for (unsigned i = 0; i < 8; i++)
        put(weights.map, i, weight_of(i / 4, i % 4), fp16);
    memcpy(bias.map, (float[]){100, 200, 300, 400}, 16);
    lm_test_ok(lm_buffer_flush(&input, &error) && lm_buffer_flush(&weights, &error) &&
                   lm_buffer_flush(&bias, &error),
               error);

    LmBindings bindings = {
        .inputs = {lm_buffer_view(&input, format, 0, bytes, "input", &error)},
        .weights = lm_buffer_view(&weights, format, 0, fp16 ? 16 : 32, "weights", &error),
        .bias = lm_buffer_view(&bias, VK_FORMAT_R32G32B32A32_SFLOAT, 0, 16, "bias", &error),
        .outputs = {{output.handle, 0, bytes}},
    };
    lm_test_ok(bindings.inputs[0] && bindings.weights && bindings.bias, error);
    VkDescriptorSet set = lm_descriptors_add(&descriptors, &bindings, &error);
    lm_test_ok(set, error);
    const LmShader *shader = lm_shader_find(lm_test_shaders, "affine", variant);
    ck_assert_ptr_nonnull(shader);
    ck_assert_uint_eq(shader->variant, variant);
    union {
        float scale;
        guint32 word;
    } spec = {.scale = 0.5f};
    VkPipeline pipeline = lm_pipelines_get_shader(pipelines, shader, &spec.word, 1, &error);
    lm_test_ok(pipeline, error);
    struct {
        guint32 count;
        float shift;
    } push = {TEXELS, 7};

    lm_test_ok(lm_commands_begin(&commands, &error), error);
    lm_commands_timestamp(&commands);
    lm_commands_dispatch(&commands, lm_pipelines_layout(pipelines), pipeline, set, &push,
                         sizeof push, (guint32[3]){(TEXELS + 63) / 64, 1, 1});
    lm_commands_barrier(&commands);
    lm_commands_timestamp(&commands);
    lm_commands_copy(&commands, &output, 0, &result, 0, bytes);
    lm_commands_barrier_to_host(&commands);
    lm_commands_timestamp(&commands);
    submit_and_wait();
    lm_test_ok(lm_buffer_invalidate(&result, &error), error);

    for (unsigned i = 0; i < TEXELS * 4; i++) {
        float expected = ((float)(i % 64) - 31) * weight_of(i / 4, i % 4) * 0.5f +
                         (float)(100 * (i % 4 + 1)) + 7;
        if (fp16)
            ck_assert_uint_eq(((guint16 *)result.map)[i], to_half(expected));
        else
            ck_assert_float_eq(((float *)result.map)[i], expected);
    }
    guint64 ns[8];
    unsigned n = lm_commands_timestamps(&commands, ns, 8);
    ck_assert_uint_eq(n, device->timestamp_period > 0 ? 3 : 0);
    for (unsigned i = 0; i < n; i++)
        ck_assert_uint_ge(ns[i], i ? ns[i - 1] : 0);
    ck_assert(n == 0 || (ns[0] == 0 && ns[2] < 60 * G_GUINT64_CONSTANT(1000000000)));

    vkDestroyBufferView(device->handle, bindings.inputs[0], NULL);
    vkDestroyBufferView(device->handle, bindings.weights, NULL);
    vkDestroyBufferView(device->handle, bindings.bias, NULL);
    lm_buffer_finish(&input);
    lm_buffer_finish(&weights);
    lm_buffer_finish(&bias);
    lm_buffer_finish(&output);
    lm_buffer_finish(&result);
}

START_TEST(affine)
{
    unsigned variant = (unsigned)_i;
    if ((variant & LM_VARIANT_LANES8) && !device->info.lanes8)
        return;
    run_affine(variant);
}
END_TEST

START_TEST(uploaded_is_downloaded)
{
    enum { SIZE = 100003 };
    GError *error = NULL;
    LmBuffer up = make_buffer(LM_BUFFER_UPLOAD, SIZE);
    LmBuffer there = make_buffer(LM_BUFFER_DEVICE, SIZE);
    LmBuffer down = make_buffer(LM_BUFFER_READBACK, SIZE);
    lm_test_ok(lm_commands_begin(&commands, &error), error);
    lm_commands_copy(&commands, &up, 0, &there, 0, SIZE);
    lm_commands_barrier(&commands);
    lm_commands_copy(&commands, &there, 3, &down, 0, SIZE - 3);
    lm_commands_barrier_to_host(&commands);
    lm_test_ok(lm_commands_end(&commands, &error), error);
    /* Recorded once, submitted many times. */
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < SIZE; i++)
            ((guint8 *)up.map)[i] = (guint8)(i * 31 + i / 256 + round);
        lm_test_ok(lm_buffer_flush(&up, &error), error);
        lm_test_ok(lm_commands_submit(&commands, &error), error);
        lm_test_ok(lm_commands_wait(&commands, UINT64_MAX, &error), error);
        lm_test_ok(lm_buffer_invalidate(&down, &error), error);
        ck_assert_mem_eq(down.map, (guint8 *)up.map + 3, SIZE - 3);
    }
    ck_assert_uint_eq(lm_commands_timestamps(&commands, (guint64[1]){0}, 1), 0);
    lm_buffer_finish(&up);
    lm_buffer_finish(&there);
    lm_buffer_finish(&down);
}
END_TEST

/** The affine shader with weights and inputs of one, so that it stores scale + shift + i for the
 * i-th set. */
static VkDescriptorSet add_ones_set(VkBufferView view, const LmBuffer *output, unsigned i)
{
    GError *error = NULL;
    LmBindings bindings = {
        .inputs = {view},
        .weights = view,
        .bias = view,
        .outputs = {{output->handle, (VkDeviceSize)i * 256, 16}},
    };
    VkDescriptorSet set = lm_descriptors_add(&descriptors, &bindings, &error);
    lm_test_ok(set, error);
    return set;
}

static VkPipeline get_affine(float scale, unsigned n_spec)
{
    GError *error = NULL;
    union {
        float scale;
        guint32 word;
    } spec = {.scale = scale};
    const LmShader *shader = lm_shader_find(lm_test_shaders, "affine", 0);
    VkPipeline pipeline =
        lm_pipelines_get_shader(pipelines, shader, (guint32[2]){spec.word, 0}, n_spec, &error);
    lm_test_ok(pipeline, error);
    return pipeline;
}

START_TEST(many_descriptor_sets)
{
    enum { SETS = 200 };
    GError *error = NULL;
    LmBuffer ones = make_buffer(LM_BUFFER_UPLOAD, 32);
    LmBuffer output = make_buffer(LM_BUFFER_READBACK, SETS * 256);
    for (unsigned i = 0; i < 8; i++)
        ((float *)ones.map)[i] = 1;
    lm_test_ok(lm_buffer_flush(&ones, &error), error);
    VkBufferView view = lm_buffer_view(&ones, VK_FORMAT_R32G32B32A32_SFLOAT, 0, 32, "ones", &error);
    lm_test_ok(view, error);
    VkPipeline pipeline = get_affine(3, 1);
    lm_test_ok(lm_commands_begin(&commands, &error), error);
    for (unsigned i = 0; i < SETS; i++) {
        struct {
            guint32 count;
            float shift;
        } push = {1, (float)i};
        lm_commands_dispatch(&commands, lm_pipelines_layout(pipelines), pipeline,
                             add_ones_set(view, &output, i), &push, sizeof push,
                             (guint32[3]){1, 1, 1});
    }
    lm_commands_barrier_to_host(&commands);
    submit_and_wait();
    lm_test_ok(lm_buffer_invalidate(&output, &error), error);
    for (unsigned i = 0; i < SETS; i++)
        ck_assert_float_eq(((float *)output.map)[i * 64 + 3], 4.0f + (float)i);
    ck_assert_uint_gt(descriptors.pools->len, 1);
    vkDestroyBufferView(device->handle, view, NULL);
    lm_buffer_finish(&ones);
    lm_buffer_finish(&output);
}
END_TEST

START_TEST(pipelines_by_key)
{
    GError *error = NULL;
    VkPipeline pipeline = get_affine(1, 1);
    ck_assert(pipeline == get_affine(1, 1));
    ck_assert_uint_eq(lm_pipelines_count(pipelines), 1);
    ck_assert(pipeline != get_affine(2, 1));
    ck_assert(pipeline != get_affine(1, 2));
    ck_assert(pipeline == get_affine(1, 1));
    ck_assert_uint_eq(lm_pipelines_count(pipelines), 3);
    ck_assert(!lm_pipelines_get(pipelines, "no-such-shader", 0, NULL, 0, &error));
    ck_assert(g_error_matches(error, LM_ERROR, LM_ERROR_ARGUMENT));
    ck_assert_ptr_nonnull(strstr(error->message, "no-such-shader"));
    g_clear_error(&error);
    ck_assert_uint_eq(lm_pipelines_count(pipelines), 3);
}
END_TEST

START_TEST(pipelines_made_at_once)
{
    enum { N = 24, DISTINCT = 12 };
    GError *error = NULL;
    guint32 spec[N];
    LmPipelineRequest requests[N];
    for (unsigned i = 0; i < N; i++) {
        spec[i] = 8 + i / 2 % (DISTINCT / 2);
        requests[i] = (LmPipelineRequest){i % 2 ? "norm" : "pool", 0, &spec[i], 1};
    }
    /* A pipeline that exists already stays the same. */
    VkPipeline before = lm_pipelines_get(pipelines, "norm", 0, &spec[1], 1, &error);
    lm_test_ok(before, error);
    gint64 making_us = lm_pipelines_making_us(pipelines);
    lm_test_ok(lm_pipelines_prepare(pipelines, requests, N, &error), error);
    ck_assert_uint_eq(lm_pipelines_count(pipelines), DISTINCT);
    ck_assert_int_gt(lm_pipelines_making_us(pipelines), making_us);

    making_us = lm_pipelines_making_us(pipelines);
    VkPipeline made[N];
    for (unsigned i = 0; i < N; i++) {
        made[i] = lm_pipelines_get(pipelines, requests[i].name, 0, &spec[i], 1, &error);
        lm_test_ok(made[i], error);
        for (unsigned k = 0; k < i; k++)
            ck_assert((made[k] == made[i]) == (k % DISTINCT == i % DISTINCT));
    }
    ck_assert(made[1] == before);
    lm_test_ok(lm_pipelines_prepare(pipelines, requests, N, &error), error);
    ck_assert_uint_eq(lm_pipelines_count(pipelines), DISTINCT);
    ck_assert_int_eq(lm_pipelines_making_us(pipelines), making_us);

    requests[3].name = "no-such-shader";
    ck_assert(!lm_pipelines_prepare(pipelines, requests, N, &error));
    ck_assert(g_error_matches(error, LM_ERROR, LM_ERROR_ARGUMENT));
    ck_assert_ptr_nonnull(strstr(error->message, "no-such-shader"));
    g_clear_error(&error);
    lm_test_ok(lm_pipelines_prepare(pipelines, requests, 0, &error), error);
}
END_TEST

START_TEST(every_shader_makes_a_pipeline)
{
    for (const LmShader *shader = lm_shaders; shader->name; shader++) {
        GError *error = NULL;
        if (((shader->variant & LM_VARIANT_LANES8) && !device->info.lanes8) ||
            ((shader->variant & LM_VARIANT_TILED) && !device->info.tiled) ||
            ((shader->variant & LM_VARIANT_HALF) && !device->info.native_fp16))
            continue;
        lm_test_ok(lm_pipelines_get(pipelines, shader->name, shader->variant, NULL, 0, &error),
                   error);
    }
}
END_TEST

START_TEST(variants_fall_back)
{
    enum {
        FP16 = LM_VARIANT_FP16,
        LANES8 = LM_VARIANT_LANES8,
        TILED = LM_VARIANT_TILED,
        HALF = LM_VARIANT_HALF
    };
    static const LmShader table[] = {
        {"all", 0, NULL, 0},
        {"all", FP16 | LANES8, NULL, 0},
        {"all", FP16, NULL, 0},
        {"all", LANES8, NULL, 0},
        {"plain", 0, NULL, 0},
        {"partly", LANES8, NULL, 0},
        {"partly", FP16, NULL, 0},
        {"partly", 0, NULL, 0},
        {"half", FP16, NULL, 0},
        {"tile", TILED, NULL, 0},
        {"tile", FP16, NULL, 0},
        {"tile", FP16 | TILED, NULL, 0},
        {"half-tile", FP16 | TILED, NULL, 0},
        {"half-tile", FP16 | TILED | HALF, NULL, 0},
        {NULL, 0, NULL, 0},
    };
    for (unsigned variant = 0; variant < 4; variant++) {
        ck_assert_uint_eq(lm_shader_find(table, "all", variant)->variant, variant);
        ck_assert_uint_eq(lm_shader_find(table, "plain", variant)->variant, 0);
    }
    ck_assert_uint_eq(lm_shader_find(table, "partly", FP16 | LANES8)->variant, FP16);
    ck_assert_uint_eq(lm_shader_find(table, "partly", LANES8)->variant, LANES8);
    ck_assert_uint_eq(lm_shader_find(table, "tile", FP16 | TILED)->variant, FP16 | TILED);
    ck_assert_uint_eq(lm_shader_find(table, "tile", FP16 | TILED | HALF)->variant, FP16 | TILED);
    ck_assert_uint_eq(lm_shader_find(table, "half-tile", FP16 | TILED | HALF)->variant,
                      FP16 | TILED | HALF);
    ck_assert_uint_eq(lm_shader_find(table, "half-tile", FP16 | TILED)->variant, FP16 | TILED);
    ck_assert_uint_eq(lm_shader_find(table, "tile", FP16 | LANES8)->variant, FP16);
    ck_assert_uint_eq(lm_shader_find(table, "tile", TILED)->variant, TILED);
    ck_assert_ptr_null(lm_shader_find(table, "half", 0));
    ck_assert_ptr_null(lm_shader_find(table, "al", 0));
}
END_TEST

START_TEST(limits_are_named)
{
    GError *error = NULL;
    LmBuffer buffer;
    ck_assert(
        !lm_buffer_init(&buffer, device, LM_BUFFER_DEVICE, (VkDeviceSize)1 << 46, "huge", &error));
    ck_assert(g_error_matches(error, LM_ERROR, LM_ERROR_MEMORY));
    ck_assert_ptr_nonnull(strstr(error->message, "huge"));
    ck_assert_ptr_null(buffer.device);
    lm_buffer_finish(&buffer);
    g_clear_error(&error);

    guint64 texels = device->info.max_texel_elements + 1;
    if (texels < G_GUINT64_CONSTANT(1) << 30) {
        buffer = make_buffer(LM_BUFFER_DEVICE, texels);
        ck_assert(!lm_buffer_view(&buffer, VK_FORMAT_R8_UINT, 0, texels, "long", &error));
        ck_assert(g_error_matches(error, LM_ERROR, LM_ERROR_DEVICE));
        ck_assert_ptr_nonnull(strstr(error->message, "\"long\""));
        ck_assert_ptr_nonnull(strstr(error->message, "maxTexelBufferElements"));
        g_clear_error(&error);
        lm_buffer_finish(&buffer);
    }
    buffer = make_buffer(LM_BUFFER_DEVICE, 64);
    LmBindings bindings = {
        .outputs = {{buffer.handle, 0, (VkDeviceSize)device->limits.maxStorageBufferRange + 1}}};
    ck_assert(!lm_descriptors_add(&descriptors, &bindings, &error));
    ck_assert(g_error_matches(error, LM_ERROR, LM_ERROR_DEVICE));
    ck_assert_ptr_nonnull(strstr(error->message, "maxStorageBufferRange"));
    g_clear_error(&error);
    lm_buffer_finish(&buffer);
}
END_TEST

START_TEST(waiting_times_out)
{
    GError *error = NULL;
    LmBuffer ones = make_buffer(LM_BUFFER_UPLOAD, 32);
    LmBuffer output = make_buffer(LM_BUFFER_DEVICE, 256);
    VkBufferView view = lm_buffer_view(&ones, VK_FORMAT_R32G32B32A32_SFLOAT, 0, 32, "ones", &error);
    lm_test_ok(view, error);
    VkDescriptorSet set = add_ones_set(view, &output, 0);
    lm_test_ok(lm_commands_begin(&commands, &error), error);
    for (unsigned i = 0; i < 30; i++) {
        lm_commands_dispatch(&commands, lm_pipelines_layout(pipelines), get_affine(1, 1), set,
                             &(guint32[2]){0, 0}, 8, (guint32[3]){65535, 1, 1});
        lm_commands_barrier(&commands);
    }
    lm_test_ok(lm_commands_end(&commands, &error), error);
    lm_test_ok(lm_commands_wait(&commands, 0, &error), error); /* There is nothing to wait for. */
    lm_test_ok(lm_commands_submit(&commands, &error), error);
    ck_assert(!lm_commands_wait(&commands, 1000, &error));
    ck_assert(g_error_matches(error, LM_ERROR, LM_ERROR_TIMEOUT));
    g_clear_error(&error);
    ck_assert_uint_eq(lm_commands_timestamps(&commands, (guint64[1]){0}, 1), 0);
    lm_test_ok(lm_commands_wait(&commands, UINT64_MAX, &error), error);

    /* The commands may be freed while the device still works. */
    lm_test_ok(lm_commands_submit(&commands, &error), error);
    lm_commands_finish(&commands);
    vkDestroyBufferView(device->handle, view, NULL);
    lm_buffer_finish(&ones);
    lm_buffer_finish(&output);
}
END_TEST

START_TEST(nothing_is_destroyed_twice)
{
    LmBuffer buffer = {0};
    LmCommands none = {0};
    LmDescriptors no_sets = {0};
    LmPipelines *no_pipelines = NULL;
    lm_buffer_finish(&buffer);
    lm_commands_finish(&none);
    lm_descriptors_finish(&no_sets);
    lm_pipelines_free(&no_pipelines);
    lm_commands_finish(&commands);
    lm_commands_finish(&commands);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gpu/compute");
    TCase *tcase = tcase_create("compute");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, uploaded_is_downloaded);
    tcase_add_loop_test(tcase, affine, 0, 4);
    tcase_add_test(tcase, many_descriptor_sets);
    tcase_add_test(tcase, pipelines_by_key);
    tcase_add_test(tcase, pipelines_made_at_once);
    tcase_add_test(tcase, every_shader_makes_a_pipeline);
    tcase_add_test(tcase, variants_fall_back);
    tcase_add_test(tcase, limits_are_named);
    tcase_add_test(tcase, waiting_times_out);
    tcase_add_test(tcase, nothing_is_destroyed_twice);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    return lm_test_run(suite);
}
