/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Frames in, masks out: order, replacement, layouts, discarding, and the answer against the golden
 * logits. */
#include "sessions.h"

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
    LmFrame frame = test_golden_frame();
    GQueue results = G_QUEUE_INIT;
    guint64 ticket = test_submit(session, &frame, test_whole, &results);
    GError *error = NULL;
    for (int i = 0; i < 200; i++)
        ck_assert(lm_session_submit(session, &frame, test_whole, true, &ticket, &error));
    test_drain(session, &results);
    ck_assert_uint_eq(ticket, 201);
    /* Each frame was answered or superseded, the newest answered, in order. */
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
    tcase_add_test(tcase, test_replace);
    tcase_add_test(tcase, test_layouts);
    tcase_add_test(tcase, test_discard_and_flush);
    tcase_add_test(tcase, test_free_while_starting);
    tcase_add_test(tcase, test_errors);
    suite_add_tcase(suite, tcase);
    return lm_test_run(suite);
}
