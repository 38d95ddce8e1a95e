/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Buffers, pipelines, descriptors and commands together: a small shader from upload to read-back.
 */
#include "gate.h"
#include "gpu/buffer.h"
#include "gpu/commands.h"
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

int main(void)
{
    Suite *suite = suite_create("gpu/compute");
    TCase *tcase = tcase_create("compute");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, affine, 0, 4);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    return lm_test_run(suite);
}
