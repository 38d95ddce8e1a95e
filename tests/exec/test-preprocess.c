/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Preprocessing on the device, against Pillow's resize and against a plain reference in double
 * precision. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "frames.h"
#include "gate.h"
#include "exec/preprocess.h"
#include "util/error.h"
#include "util/half.h"

static LmDevice *device;
static LmPipelines *pipelines;
static LmCommands commands;

static const LmPreprocessParams plain = {.std = {1, 1, 1}};

/* The tensor is inside the arena, with other data before and after it. */
enum { ARENA_OFFSET = 4096, ARENA_REST = 256 };

static void record_and_run(LmPreprocess *preprocess, const LmBuffer *upload, const LmBuffer *arena,
                           LmBuffer *readback, VkDeviceSize size)
{
    GError *error = NULL;
    LmDescriptors descriptors = {0};
    lm_descriptors_init(&descriptors, pipelines);
    GArray *views = g_array_new(FALSE, FALSE, sizeof(VkBufferView));
    lm_test_ok(lm_commands_begin(&commands, &error), error);
    /* Twice, like successive frames on a queue: validation checks the synchronisation. */
    for (int i = 0; i < 2; i++)
        lm_test_ok(lm_preprocess_record(preprocess, &commands, &descriptors, views, upload, arena,
                                        ARENA_OFFSET, size - ARENA_OFFSET - ARENA_REST, &error),
                   error);
    lm_commands_copy(&commands, arena, 0, readback, 0, size);
    lm_commands_barrier_to_host(&commands);
    lm_test_ok(lm_commands_end(&commands, &error), error);
    lm_test_ok(lm_commands_submit(&commands, &error), error);
    lm_test_ok(lm_commands_wait(&commands, 60 * G_GUINT64_CONSTANT(1000000000), &error), error);
    lm_test_ok(lm_buffer_invalidate(readback, &error), error);
    for (guint i = 0; i < views->len; i++)
        vkDestroyBufferView(device->handle, g_array_index(views, VkBufferView, i), NULL);
    g_array_free(views, TRUE);
    lm_descriptors_finish(&descriptors);
}

/* Returns the tensor's texels as floats, with the zero texel; checks that nothing else was
 * written. */
static float *preprocess_on_device(const LmPreprocessParams *params, const LmFrame *frame)
{
    GError *error = NULL;
    LmPreprocess *preprocess = lm_preprocess_create(pipelines, params, &error);
    lm_test_ok(preprocess, error);
    gsize n = 4 * ((gsize)params->width * params->height + 1), value = params->fp16 ? 2 : 4;
    VkDeviceSize size = ARENA_OFFSET + n * value + ARENA_REST;
    LmBuffer upload = {0}, arena = {0}, readback = {0};
    lm_test_ok(lm_buffer_init(&upload, device, LM_BUFFER_UPLOAD,
                              lm_preprocess_upload_size(preprocess), "upload", &error),
               error);
    /* Mapped, so that it can be filled with NaNs: all bits set is a NaN in both precisions. */
    lm_test_ok(lm_buffer_init(&arena, device, LM_BUFFER_UPLOAD, size, "arena", &error), error);
    lm_test_ok(lm_buffer_init(&readback, device, LM_BUFFER_READBACK, size, "readback", &error),
               error);
    memset(upload.map, 0xff, upload.size);
    memset(arena.map, 0xff, size);
    lm_preprocess_upload(preprocess, frame, upload.map);
    lm_test_ok(lm_buffer_flush(&upload, &error), error);
    lm_test_ok(lm_buffer_flush(&arena, &error), error);
    record_and_run(preprocess, &upload, &arena, &readback, size);

    const guint8 *bytes = readback.map;
    for (gsize i = 0; i < ARENA_OFFSET; i++)
        ck_assert_uint_eq(bytes[i], 0xff);
    for (gsize i = size - ARENA_REST; i < size; i++)
        ck_assert_uint_eq(bytes[i], 0xff);
    float *texels = g_new(float, n);
    for (gsize i = 0; i < n; i++) {
        guint16 half;
        if (params->fp16) {
            memcpy(&half, bytes + ARENA_OFFSET + 2 * i, 2);
            texels[i] = lm_half_to_float(half);
        } else {
            memcpy(&texels[i], bytes + ARENA_OFFSET + 4 * i, 4);
        }
    }
    lm_buffer_finish(&upload);
    lm_buffer_finish(&arena);
    lm_buffer_finish(&readback);
    lm_preprocess_free(&preprocess);
    ck_assert_ptr_null(preprocess);
    return texels;
}

/* Resizes a line of n_in values, `stride` apart, to n_out values, rounded as in
 * shaders/include/resize.glsl. */
static void resize_line(const double *in, int n_in, int in_stride, double *out, int n_out,
                        int out_stride)
{
    double ratio = (double)n_in / n_out, support = fmax(1, ratio);
    for (int i = 0; i < n_out; i++) {
        double center = (i + 0.5) * ratio, sum = 0, weights = 0;
        for (int j = 0; j < n_in; j++) {
            double weight = fmax(0, 1 - fabs((j + 0.5 - center) / support));
            sum += weight * in[j * in_stride];
            weights += weight;
        }
        double value = sum / weights;
        out[i * out_stride] = n_in == n_out ? value : floor(value * 255 + 0.5 + 1.0 / 4096) / 255;
    }
}

/* The expected result, three channels a pixel. */
static double *preprocess_plainly(const LmPreprocessParams *params, const LmFrame *frame)
{
    LmRect region = params->region;
    int width = params->width, height = params->height;
    double *colors = g_new(double, 3 * region.width * region.height);
    double *rows = g_new(double, 3 * width * region.height);
    double *result = g_new(double, 3 * width * height);
    for (int y = 0; y < region.height; y++)
        for (int x = 0; x < region.width; x++)
            test_frame_rgb(frame, region.x + x, region.y + y, colors + 3 * (y * region.width + x));
    for (int c = 0; c < 3; c++) {
        for (int y = 0; y < region.height; y++)
            resize_line(colors + 3 * y * region.width + c, region.width, 3,
                        rows + 3 * y * width + c, width, 3);
        for (int x = 0; x < width; x++)
            resize_line(rows + 3 * x + c, region.height, 3 * width, result + 3 * x + c, height,
                        3 * width);
    }
    for (int i = 0; i < width * height; i++) {
        double *pixel = result + 3 * i, red = pixel[0];
        if (params->bgr) {
            pixel[0] = pixel[2];
            pixel[2] = red;
        }
        for (int c = 0; c < 3; c++)
            pixel[c] = (pixel[c] - params->mean[c]) / params->std[c];
    }
    g_free(colors);
    g_free(rows);
    return result;
}

/* If a resized value lies so near a rounding boundary that single precision decides it, it may be
 * off by one level. */
static void check_against_plain(const LmPreprocessParams *params, double tolerance)
{
    bool resized = params->width != params->region.width || params->height != params->region.height;
    int n_off = 0;
    LmFrame frame;
    test_frame_init(&frame, &params->frame, params->frame.format + 1);
    float *found = preprocess_on_device(params, &frame);
    double *expected = preprocess_plainly(params, &frame);
    int n = params->width * params->height;
    for (int i = 0; i < n; i++) {
        for (int c = 0; c < 3; c++) {
            double off = fabs(found[4 * i + c] - expected[3 * i + c]);
            n_off += off > tolerance;
            ck_assert_msg(off <= tolerance + (resized ? 1.0 / 255 / params->std[c] : 0),
                          "%s: x %d, y %d, channel %d: %.7f instead of %.7f",
                          lm_format_info(params->frame.format)->name, i % params->width,
                          i / params->width, c, found[4 * i + c], expected[3 * i + c]);
        }
        ck_assert(found[4 * i + 3] == 0);
    }
    ck_assert_int_le(n_off, 3 * n / 500);
    for (int c = 0; c < 4; c++)
        ck_assert(found[4 * n + c] == 0);
    g_free(found);
    g_free(expected);
    test_frame_finish(&frame);
}

static LmPreprocessParams params_of(int format, int width, int height, LmRect region, int to_width,
                                    int to_height)
{
    LmPreprocessParams params = plain;
    params.frame =
        (LmFrameInfo){(LmFormat)format, width, height, 0.2126, 0.0722, format >= LM_FORMAT_RGBA};
    params.region = region;
    params.width = to_width;
    params.height = to_height;
    return params;
}

/* Far below a level, which is 0.0039. */
#define EXACT 2e-6

/* Equal sizes: only colour conversion. Odd sizes; every format, matrix and range. */
START_TEST(color)
{
    static const double matrices[][2] = {{0.299, 0.114}, {0.2126, 0.0722}, {0.2627, 0.0593}};
    LmPreprocessParams params = params_of(_i, 67, 45, (LmRect){0, 0, 67, 45}, 67, 45);
    for (unsigned i = 0; i < G_N_ELEMENTS(matrices); i++) {
        for (int full = 0; full < 2; full++) {
            params.frame.kr = matrices[i][0];
            params.frame.kb = matrices[i][1];
            params.frame.full_range = full;
            check_against_plain(&params, EXACT);
        }
    }
}
END_TEST

/* Formats and resizes: down, up, both; regions at odd places, at the frame's end, of one pixel. */
START_TEST(resize)
{
    static const struct {
        int width, height;
        LmRect region;
        int to_width, to_height;
    } cases[] = {
        {101, 67, {0, 0, 101, 67}, 32, 32},   {64, 48, {0, 0, 64, 48}, 80, 112},
        {67, 45, {13, 7, 41, 33}, 48, 32},    {67, 45, {65, 43, 2, 2}, 32, 48},
        {67, 45, {66, 44, 1, 1}, 32, 32},     {95, 65, {5, 3, 90, 62}, 33, 35},
        {120, 40, {11, 1, 97, 38}, 97, 38},   {60, 333, {3, 10, 31, 320}, 64, 32},
        {1030, 33, {7, 0, 1021, 33}, 32, 32},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        LmPreprocessParams params = params_of(_i, cases[i].width, cases[i].height, cases[i].region,
                                              cases[i].to_width, cases[i].to_height);
        check_against_plain(&params, EXACT);
    }
}
END_TEST

START_TEST(normalisation)
{
    static const int formats[] = {LM_FORMAT_NV12, LM_FORMAT_V210, LM_FORMAT_RGB, LM_FORMAT_XBGR};
    for (unsigned i = 0; i < G_N_ELEMENTS(formats); i++) {
        LmPreprocessParams params = params_of(formats[i], 99, 77, (LmRect){3, 1, 90, 71}, 64, 48);
        memcpy(params.mean, (double[]){0.485, 0.456, 0.406}, sizeof params.mean);
        memcpy(params.std, (double[]){0.229, 0.224, 0.225}, sizeof params.std);
        check_against_plain(&params, 1e-5);
        params.bgr = true;
        check_against_plain(&params, 1e-5);
        params.fp16 = true;
        /* Up to 2.64: half a unit in the last of 11 bits is 0.001. */
        check_against_plain(&params, 0.00101);
    }
}
END_TEST

/* A device with its own memory uses another path, which works on any device. */
START_TEST(discrete)
{
    LmDeviceType type = device->info.type;
    device->info.type = LM_DEVICE_DISCRETE;
    LmPreprocessParams params = params_of(LM_FORMAT_I420, 67, 45, (LmRect){13, 7, 41, 33}, 48, 32);
    check_against_plain(&params, EXACT);
    device->info.type = type;
}
END_TEST

START_TEST(largest)
{
    LmPreprocessParams params =
        params_of(LM_FORMAT_NV12, 4096, 33, (LmRect){0, 0, 4096, 33}, 1024, 32);
    check_against_plain(&params, EXACT);
    params = params_of(LM_FORMAT_V210, 32, 4096, (LmRect){0, 0, 32, 4096}, 32, 32);
    check_against_plain(&params, EXACT);
}
END_TEST

/* A frame of one colour, resized, has exactly the same colour, up to the edges. */
START_TEST(flat)
{
    LmPreprocessParams params =
        params_of(LM_FORMAT_BGRX, 333, 211, (LmRect){1, 1, 331, 210}, 128, 256);
    LmFrame frame;
    test_frame_init(&frame, &params.frame, 0);
    memset(frame.data[0], 255, 210 * frame.stride[0] + 4 * 333);
    float *found = preprocess_on_device(&params, &frame);
    for (int i = 0; i < params.width * params.height; i++)
        for (int c = 0; c < 3; c++)
            ck_assert_float_eq_tol(found[4 * i + c], 1, EXACT);
    g_free(found);
    test_frame_finish(&frame);
}
END_TEST

/* The same as in make_pillow.py. */
static guint8 pillow_pattern(guint64 x, guint64 y, guint64 c)
{
    guint64 noise = ((x * 73) ^ (y * 151) ^ (c * 57)) * 2654435761 >> 13;
    if (((x >> 4) + (y >> 4)) & 1)
        return noise & 255;
    return y & 16 ? 255 * (((x >> 2) + c) & 1) : (3 * x + 5 * y + 80 * c) & 255;
}

static void check_pillow_case(const guint16 header[8], const guint8 *expected)
{
    LmPreprocessParams params =
        params_of(LM_FORMAT_RGB, header[0], header[1],
                  (LmRect){header[2], header[3], header[4], header[5]}, header[6], header[7]);
    LmFrame frame;
    test_frame_init(&frame, &params.frame, 0);
    for (int y = 0; y < header[1]; y++)
        for (int i = 0; i < 3 * header[0]; i++)
            frame.data[0][y * frame.stride[0] + i] = pillow_pattern(i / 3, y, i % 3);
    float *found = preprocess_on_device(&params, &frame);
    bool same_size = header[4] == header[6] && header[5] == header[7];
    int n = params.width * params.height, n_off = 0;
    for (int i = 0; i < n; i++)
        for (int c = 0; c < 3; c++) {
            double off = fabs(255.0 * found[4 * i + c] - expected[3 * i + c]);
            ck_assert_double_le(off, same_size ? 1e-4 : 1 + 1e-4);
            n_off += off > 1e-4;
        }
    /* Pillow's weights are fixed-point numbers, so some ties differ. */
    ck_assert_int_le(n_off, 3 * n / 100);
    g_free(found);
    test_frame_finish(&frame);
}

START_TEST(pillow)
{
    GError *error = NULL;
    char *bytes;
    gsize size, n_cases = 0;
    lm_test_ok(g_file_get_contents(TEST_DATA "/pillow.bin", &bytes, &size, &error), error);
    for (gsize at = 0; at < size; n_cases++) {
        guint16 header[8];
        ck_assert_uint_le(at + sizeof header, size);
        for (int i = 0; i < 8; i++)
            header[i] = (guint8)bytes[at + 2 * i] | (guint8)bytes[at + 2 * i + 1] << 8;
        at += sizeof header;
        ck_assert_uint_le(at + 3 * header[6] * header[7], size);
        check_pillow_case(header, (guint8 *)bytes + at);
        at += 3 * header[6] * header[7];
    }
    ck_assert_uint_eq(n_cases, 8);
    g_free(bytes);
}
END_TEST

static void check_refused(const LmPreprocessParams *params)
{
    GError *error = NULL;
    ck_assert_ptr_null(lm_preprocess_create(pipelines, params, &error));
    ck_assert(g_error_matches(error, LM_ERROR, LM_ERROR_ARGUMENT));
    g_clear_error(&error);
}

START_TEST(refused)
{
    LmPreprocessParams params = params_of(LM_FORMAT_NV12, 64, 48, (LmRect){0, 0, 65, 48}, 32, 32);
    check_refused(&params);
    params.region = (LmRect){-1, 0, 20, 20};
    check_refused(&params);
    params.region = (LmRect){10, 10, 0, 20};
    check_refused(&params);
    params.region = (LmRect){10, 10, 20, -20};
    check_refused(&params);
    params.region = (LmRect){0, 0, 64, 48};
    params.frame.kr = 0;
    check_refused(&params);
    params.frame.kr = 0.2126;
    params.frame.width = 16;
    check_refused(&params);
}
END_TEST

static void setup(void)
{
    GError *error = NULL;
    device = lm_test_device();
    pipelines = lm_pipelines_create(device, "", &error);
    lm_test_ok(pipelines, error);
    lm_test_ok(lm_commands_init(&commands, device, 0, "test", &error), error);
}

static void teardown(void)
{
    lm_commands_finish(&commands);
    lm_pipelines_free(&pipelines);
    lm_device_free(&device);
}

int main(void)
{
    Suite *suite = suite_create("preprocess");
    TCase *tests = tcase_create("preprocess");
    tcase_add_unchecked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, color, 0, LM_N_FORMATS);
    tcase_add_loop_test(tests, resize, 0, LM_N_FORMATS);
    tcase_add_test(tests, normalisation);
    tcase_add_test(tests, discrete);
    tcase_add_test(tests, largest);
    tcase_add_test(tests, flat);
    tcase_add_test(tests, pillow);
    tcase_add_test(tests, refused);
    suite_add_tcase(suite, tests);
    return lm_test_run(suite);
}
