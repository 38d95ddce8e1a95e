/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Frames in, masks out: order, replacement, layouts, discarding, and masks against the golden
 * logits. */
#include "sessions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gate.h"
#include "util/error.h"

static LmSession *open_session(unsigned slots, LmPrecision precision)
{
    return test_open_session(&(LmSessionParams){.slots = slots, .precision = precision});
}

static void check_answer(LmPrecision precision, double bound)
{
    LmSession *session = open_session(3, precision);
    LmFrame frame = test_golden_frame();
    GQueue results = G_QUEUE_INIT;
    for (guint64 i = 1; i <= 7; i++)
        ck_assert_uint_eq(test_submit(session, &frame, test_whole, &results), i);
    test_drain(session, &results);
    ck_assert_uint_eq(results.length, 7);
    for (guint64 i = 1; i <= 7; i++) {
        LmResult *result = g_queue_pop_head(&results);
        ck_assert_uint_eq(result->ticket, i);
        lm_test_ok(result->mask != NULL, result->error);
        ck_assert_int_eq(result->mask->width, TEST_WIDTH);
        ck_assert_int_eq(result->mask->height, TEST_HEIGHT);
        ck_assert_double_le(test_worst_difference(result->mask), bound);
        ck_assert_int_gt(result->inference_ns, 0);
        test_free_result(result);
    }
    lm_session_free(&session);
}

START_TEST(test_answer_fp32)
{
    /* Half a level of rounding, and one level if 255 p is near a rounding boundary. */
    check_answer(LM_PRECISION_FP32, 0.51);
}
END_TEST

START_TEST(test_answer_fp16)
{
    check_answer(LM_PRECISION_FP16, 5);
}
END_TEST

/* Submits a frame with these options; the caller owns its mask. */
static LmMask *segment(LmSession *session, const LmFrame *frame, const LmSubmitParams *params)
{
    guint64 ticket;
    GError *error = NULL;
    LmResult result;
    while (!lm_session_submit(session, frame, test_whole, params, &ticket, &error)) {
        lm_test_ok(error == NULL, error);
        ck_assert(lm_session_wait_ready(session));
    }
    ck_assert(lm_session_wait_result(session, &result));
    lm_test_ok(result.mask != NULL, result.error);
    return result.mask;
}

/* Two images in turn, in two shots, against the filter's formula. */
START_TEST(test_smoothing)
{
    static const struct {
        int picture;
        double smoothing;
        guint64 shot;
    } frames[] = {{0, 0.75, 1}, {1, 0.75, 1}, {1, 0.75, 1}, {0, 0.25, 1}, {1, 1, 1},   {0, 0.5, 2},
                  {1, 0, 2},    {0, 0.5, 2},  {1, 0.5, 2},  {0, 0, 2},    {1, 0.5, 3}, {0, 0.5, 3}};
    const gsize n = TEST_WIDTH * TEST_HEIGHT;
    LmSession *session = open_session(3, _i ? LM_PRECISION_FP16 : LM_PRECISION_FP32);
    LmFrame pictures[2] = {test_golden_frame(), test_golden_frame()};
    pictures[1].data[0] = g_memdup2(pictures[0].data[0], 3 * n);
    for (gsize i = 0; i < 3 * n; i++)
        pictures[1].data[0][i] = (guint8)~pictures[1].data[0][i];
    LmMask *plain[2] = {segment(session, &pictures[0], NULL), segment(session, &pictures[1], NULL)};
    ck_assert_int_ne(memcmp(plain[0]->data, plain[1]->data, n), 0);

    double *history = g_new(double, n);
    bool has_history = false;
    for (guint f = 0; f < G_N_ELEMENTS(frames); f++) {
        const LmSubmitParams params = {.smoothing = frames[f].smoothing, .shot = frames[f].shot};
        LmMask *mask = segment(session, &pictures[frames[f].picture], &params);
        has_history &= f > 0 && frames[f].shot == frames[f - 1].shot && params.smoothing > 0;
        for (gsize i = 0; i < n; i++) {
            double own = plain[frames[f].picture]->data[i];
            double p =
                has_history ? history[i] * params.smoothing + own * (1 - params.smoothing) : own;
            /* The unfiltered masks are rounded, and so is this one. */
            if (fabs(mask->data[i] - p) > (has_history ? 1.01 : 0))
                ck_abort_msg("frame %u, pixel %zu: %u, not %g", f, i, mask->data[i], p);
            history[i] = p;
        }
        has_history = params.smoothing > 0;
        lm_mask_unref(&mask);
    }
    g_free(history);
    g_free(pictures[1].data[0]);
    lm_mask_unref(&plain[0]);
    lm_mask_unref(&plain[1]);
    lm_session_free(&session);
}
END_TEST

START_TEST(test_replace)
{
    LmSession *session = open_session(3, LM_PRECISION_FP32);
    LmFrame frame = test_golden_frame();
    GQueue results = G_QUEUE_INIT;
    guint64 ticket = test_submit(session, &frame, test_whole, &results);
    GError *error = NULL;
    for (int i = 0; i < 200; i++)
        ck_assert(lm_session_submit(session, &frame, test_whole, &(LmSubmitParams){.replace = true},
                                    &ticket, &error));
    test_drain(session, &results);
    ck_assert_uint_eq(ticket, 201);
    /* Each frame was answered, in order, or superseded; the newest was answered. */
    ck_assert_uint_eq(results.length + lm_session_superseded(session), 201);
    ck_assert_uint_gt(lm_session_superseded(session), 0);
    ck_assert_uint_eq(((LmResult *)g_queue_peek_tail(&results))->ticket, 201);
    guint64 last = 0;
    for (LmResult *result; (result = g_queue_pop_head(&results));) {
        ck_assert_uint_gt(result->ticket, last);
        last = result->ticket;
        test_free_result(result);
    }
    lm_session_free(&session);
}
END_TEST

START_TEST(test_layouts)
{
    LmSession *session = open_session(2, LM_PRECISION_FP32);
    static guint8 other[4 * 130 * 70];
    memset(other, 90, sizeof other);
    LmFrame frame = test_golden_frame();
    LmFrame bgra = {
        .info = {LM_FORMAT_BGRA, 130, 70, 0, 0, true}, .data = {other}, .stride = {130 * 4}};
    GQueue results = G_QUEUE_INIT;
    for (int i = 0; i < 3; i++) {
        test_submit(session, &frame, test_whole, &results);
        test_submit(session, &bgra, (LmRect){10, 20, 300, 31}, &results);
    }
    test_drain(session, &results);
    ck_assert_uint_eq(results.length, 6);
    for (int i = 0; i < 6; i++) {
        LmResult *result = g_queue_pop_head(&results);
        lm_test_ok(result->mask != NULL, result->error);
        if (i % 2 == 0) {
            ck_assert_double_le(test_worst_difference(result->mask), 0.51);
        } else {
            ck_assert_int_eq(result->mask->region.x, 10);
            ck_assert_int_eq(result->mask->region.width, 120);
            ck_assert_int_eq(result->mask->region.height, 31);
        }
        test_free_result(result);
    }

    guint64 ticket;
    GError *error = NULL;
    ck_assert(!lm_session_submit(session, &bgra, (LmRect){130, 0, 10, 10}, NULL, &ticket, &error));
    ck_assert(g_error_matches(error, LM_ERROR, LM_ERROR_ARGUMENT));
    g_clear_error(&error);
    bgra.info.width = 31;
    ck_assert(!lm_session_submit(session, &bgra, (LmRect){0, 0, 10, 10}, NULL, &ticket, &error));
    ck_assert(g_error_matches(error, LM_ERROR, LM_ERROR_ARGUMENT));
    g_clear_error(&error);
    lm_session_free(&session);
}
END_TEST

START_TEST(test_discard_and_flush)
{
    LmSession *session = open_session(3, LM_PRECISION_FP32);
    LmFrame frame = test_golden_frame();
    GQueue results = G_QUEUE_INIT;
    LmResult result;
    test_submit(session, &frame, test_whole, &results);
    test_submit(session, &frame, test_whole, &results);
    lm_session_set_flushing(session, true);
    ck_assert(!lm_session_wait_result(session, &result));
    ck_assert(!lm_session_wait_ready(session));
    lm_session_discard(session);
    ck_assert_uint_eq(lm_session_outstanding(session), 0);
    lm_session_set_flushing(session, false);
    guint64 ticket = test_submit(session, &frame, test_whole, &results);
    ck_assert_uint_eq(ticket, 3);
    ck_assert(lm_session_wait_result(session, &result));
    ck_assert_uint_eq(result.ticket, 3);
    lm_result_clear(&result);
    ck_assert(!lm_session_wait_result(session, &result));
    test_submit(session, &frame, test_whole, &results); /* left on the device */
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
    params = (LmSessionParams){.model = TEST_MODEL, .device = "no such device"};
    ck_assert_ptr_null(lm_session_new(&params, &error));
    ck_assert(g_error_matches(error, LM_ERROR, LM_ERROR_DEVICE));
    ck_assert(strstr(error->message, "no such device"));
    g_clear_error(&error);
}
END_TEST

int main(void)
{
    test_sessions_init();
    Suite *suite = suite_create("session");
    TCase *tcase = tcase_create("session");
    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, test_answer_fp32);
    tcase_add_test(tcase, test_answer_fp16);
    tcase_add_loop_test(tcase, test_smoothing, 0, 2);
    tcase_add_test(tcase, test_replace);
    tcase_add_test(tcase, test_layouts);
    tcase_add_test(tcase, test_discard_and_flush);
    tcase_add_test(tcase, test_free_while_starting);
    tcase_add_test(tcase, test_errors);
    suite_add_tcase(suite, tcase);
    return lm_test_run(suite);
}
