/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Frames in, masks out: order, replacement, layouts, discarding, and the answer against the golden
 * logits. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gate.h"
#include "model/safetensors.h"
#include "run/session.h"
#include "util/error.h"

#define MODEL GOLDEN_DIR "/tiny.model.safetensors"
#define IO GOLDEN_DIR "/tiny.io.safetensors"
enum { WIDTH = 96, HEIGHT = 64 };

static guint8 pixels[WIDTH * HEIGHT * 3];
static double expected[WIDTH * HEIGHT]; /* 255 p */

static float element(const LmTensorView *tensor, gsize index)
{
    float value;
    memcpy(&value, tensor->data + index * 4, 4);
    return value;
}

/* The golden input as an RGB picture, and the probabilities that its golden logits mean. */
static void load_golden(void)
{
    static const double mean[] = {0.485, 0.456, 0.406}, std[] = {0.229, 0.224, 0.225};
    GError *error = NULL;
    LmSafetensors *io = lm_safetensors_open(IO, &error);
    if (!io)
        g_error("%s", error->message);
    const LmTensorView *input = lm_safetensors_find(io, "input"),
                       *logits = lm_safetensors_find(io, "logits");
    g_assert(input->n_elements == G_N_ELEMENTS(pixels) && logits->n_elements == 2 * WIDTH * HEIGHT);
    for (gsize i = 0; i < WIDTH * HEIGHT; i++) {
        for (gsize c = 0; c < 3; c++)
            pixels[i * 3 + c] =
                (guint8)lround((element(input, c * WIDTH * HEIGHT + i) * std[c] + mean[c]) * 255);
        expected[i] =
            255 / (1 + exp((double)element(logits, i) - element(logits, WIDTH * HEIGHT + i)));
    }
    lm_safetensors_free(&io);
}

static LmFrame golden_frame(void)
{
    return (LmFrame){.info = {LM_FORMAT_RGB, WIDTH, HEIGHT, 0, 0, true},
                     .data = {pixels},
                     .stride = {WIDTH * 3}};
}

static const LmRect whole = {0, 0, WIDTH, HEIGHT};

static LmSession *open_session(unsigned slots, LmPrecision precision)
{
    GError *error = NULL;
    const LmSessionParams params = {
        .model = MODEL, .slots = slots, .precision = precision, .cache_dir = ""};
    LmSession *session = lm_session_new(&params, &error);
    lm_test_ok(session != NULL, error);
    lm_session_start(session);
    return session;
}

/* Submits, waiting as the header says to; collects results that had to be taken meanwhile. */
static guint64 submit(LmSession *session, const LmFrame *frame, LmRect region, GQueue *results)
{
    guint64 ticket = 0;
    GError *error = NULL;
    while (!lm_session_submit(session, frame, region, false, &ticket, &error)) {
        lm_test_ok(error == NULL, error);
        LmResult *result = g_new0(LmResult, 1);
        if (lm_session_wait_result(session, result))
            g_queue_push_tail(results, result);
        else {
            g_free(result);
            ck_assert(lm_session_wait_ready(session));
        }
    }
    return ticket;
}

static void drain(LmSession *session, GQueue *results)
{
    LmResult result;
    while (lm_session_wait_result(session, &result))
        g_queue_push_tail(results, g_memdup2(&result, sizeof result));
}

static double worst_difference(const LmMask *mask)
{
    double worst = 0;
    for (gsize i = 0; i < WIDTH * HEIGHT; i++)
        worst = fmax(worst, fabs(mask->data[i] - expected[i]));
    return worst;
}

static void check_answer(LmPrecision precision, double bound)
{
    LmSession *session = open_session(3, precision);
    LmFrame frame = golden_frame();
    GQueue results = G_QUEUE_INIT;
    for (guint64 i = 1; i <= 7; i++)
        ck_assert_uint_eq(submit(session, &frame, whole, &results), i);
    drain(session, &results);
    ck_assert_uint_eq(results.length, 7);
    for (guint64 i = 1; i <= 7; i++) {
        LmResult *result = g_queue_pop_head(&results);
        ck_assert_uint_eq(result->ticket, i);
        lm_test_ok(result->mask != NULL, result->error);
        ck_assert_int_eq(result->mask->width, WIDTH);
        ck_assert_int_eq(result->mask->height, HEIGHT);
        ck_assert_double_le(worst_difference(result->mask), bound);
        ck_assert_int_gt(result->inference_ns, 0);
        lm_result_clear(result);
        g_free(result);
    }
    lm_session_free(&session);
}

START_TEST(test_answer_fp32)
{
    /* Half a level of rounding, and one where 255 p lies next to a rounding boundary. */
    check_answer(LM_PRECISION_FP32, 0.51);
}
END_TEST

START_TEST(test_answer_fp16)
{
    check_answer(LM_PRECISION_FP16, 5);
}
END_TEST

START_TEST(test_replace)
{
    LmSession *session = open_session(3, LM_PRECISION_FP32);
    LmFrame frame = golden_frame();
    GQueue results = G_QUEUE_INIT;
    guint64 ticket = submit(session, &frame, whole, &results);
    GError *error = NULL;
    for (int i = 0; i < 200; i++)
        ck_assert(lm_session_submit(session, &frame, whole, true, &ticket, &error));
    drain(session, &results);
    ck_assert_uint_eq(ticket, 201);
    /* Each frame was answered or superseded, the newest answered, in order. */
    ck_assert_uint_eq(results.length + lm_session_superseded(session), 201);
    ck_assert_uint_gt(lm_session_superseded(session), 0);
    ck_assert_uint_eq(((LmResult *)g_queue_peek_tail(&results))->ticket, 201);
    guint64 last = 0;
    for (LmResult *result; (result = g_queue_pop_head(&results));) {
        ck_assert_uint_gt(result->ticket, last);
        last = result->ticket;
        lm_result_clear(result);
        g_free(result);
    }
    lm_session_free(&session);
}
END_TEST

START_TEST(test_layouts)
{
    LmSession *session = open_session(2, LM_PRECISION_FP32);
    static guint8 other[4 * 130 * 70];
    memset(other, 90, sizeof other);
    LmFrame frame = golden_frame();
    LmFrame bgra = {
        .info = {LM_FORMAT_BGRA, 130, 70, 0, 0, true}, .data = {other}, .stride = {130 * 4}};
    GQueue results = G_QUEUE_INIT;
    for (int i = 0; i < 3; i++) {
        submit(session, &frame, whole, &results);
        submit(session, &bgra, (LmRect){10, 20, 300, 31}, &results);
    }
    drain(session, &results);
    ck_assert_uint_eq(results.length, 6);
    for (int i = 0; i < 6; i++) {
        LmResult *result = g_queue_pop_head(&results);
        lm_test_ok(result->mask != NULL, result->error);
        if (i % 2 == 0) {
            ck_assert_double_le(worst_difference(result->mask), 0.51);
        } else {
            ck_assert_int_eq(result->mask->region.x, 10);
            ck_assert_int_eq(result->mask->region.width, 120);
            ck_assert_int_eq(result->mask->region.height, 31);
        }
        lm_result_clear(result);
        g_free(result);
    }

    guint64 ticket;
    GError *error = NULL;
    ck_assert(!lm_session_submit(session, &bgra, (LmRect){130, 0, 10, 10}, false, &ticket, &error));
    ck_assert(g_error_matches(error, LM_ERROR, LM_ERROR_ARGUMENT));
    g_clear_error(&error);
    bgra.info.width = 31;
    ck_assert(!lm_session_submit(session, &bgra, (LmRect){0, 0, 10, 10}, false, &ticket, &error));
    ck_assert(g_error_matches(error, LM_ERROR, LM_ERROR_ARGUMENT));
    g_clear_error(&error);
    lm_session_free(&session);
}
END_TEST

START_TEST(test_discard_and_flush)
{
    LmSession *session = open_session(3, LM_PRECISION_FP32);
    LmFrame frame = golden_frame();
    GQueue results = G_QUEUE_INIT;
    LmResult result;
    submit(session, &frame, whole, &results);
    submit(session, &frame, whole, &results);
    lm_session_set_flushing(session, true);
    ck_assert(!lm_session_wait_result(session, &result));
    ck_assert(!lm_session_wait_ready(session));
    lm_session_discard(session);
    ck_assert_uint_eq(lm_session_outstanding(session), 0);
    lm_session_set_flushing(session, false);
    guint64 ticket = submit(session, &frame, whole, &results);
    ck_assert_uint_eq(ticket, 3);
    ck_assert(lm_session_wait_result(session, &result));
    ck_assert_uint_eq(result.ticket, 3);
    lm_result_clear(&result);
    ck_assert(!lm_session_wait_result(session, &result));
    submit(session, &frame, whole, &results); /* left on the device */
    lm_session_free(&session);
}
END_TEST

START_TEST(test_free_while_starting)
{
    for (int i = 0; i < 3; i++) {
        LmSession *session = open_session(1, LM_PRECISION_FP32);
        lm_session_free(&session);
        ck_assert_ptr_null(session);
    }
}
END_TEST

START_TEST(test_errors)
{
    GError *error = NULL;
    LmSessionParams params = {.model = "/nonexistent.safetensors"};
    ck_assert_ptr_null(lm_session_new(&params, &error));
    ck_assert(strstr(error->message, "/nonexistent.safetensors"));
    g_clear_error(&error);
    params = (LmSessionParams){.model = MODEL, .device = "no such device"};
    ck_assert_ptr_null(lm_session_new(&params, &error));
    ck_assert(g_error_matches(error, LM_ERROR, LM_ERROR_DEVICE));
    ck_assert(strstr(error->message, "no such device"));
    g_clear_error(&error);
}
END_TEST

int main(void)
{
    LmDevice *device = lm_test_device(); /* is there one at all? */
    lm_device_free(&device);
    load_golden();

    Suite *suite = suite_create("session");
    TCase *tcase = tcase_create("session");
    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, test_answer_fp32);
    tcase_add_test(tcase, test_answer_fp16);
    tcase_add_test(tcase, test_replace);
    tcase_add_test(tcase, test_layouts);
    tcase_add_test(tcase, test_discard_and_flush);
    tcase_add_test(tcase, test_free_while_starting);
    tcase_add_test(tcase, test_errors);
    suite_add_tcase(suite, tcase);
    return lm_test_run(suite);
}
